//! From the command line to a snapshot and a policy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bootimage_plan::inventory::{Inventory, InventoryOptions, inventory};
use bootimage_plan::{
    ClusterSnapshot, Completeness, Each, Facts, InputObject, Plan, Policy, UserDataDecision,
    file_input, inventory_reads, notice_reads, plan_with, reads,
};
use cluster_io::cluster::Cluster;
use cluster_io::files::{self, Progress, Text, Texts};
use cluster_io::{Loaded, load};
use openshift_model::Profile;
use openshift_model::vcenter::TemplateNames;

use crate::cli::{ArchitectureArg, InputArgs, ProfileArg, TemplateNamesArg};
use crate::clouds::clouds;
use crate::error::CommandError;
use crate::live;
use crate::progress;
use crate::threads::Threads;

/// Texts of the files that were named, or of the cluster. Snapshots borrow from it.
pub(crate) struct Input {
    completeness: Completeness,
    objects: Texts,
    streams: Texts,
    facts: Texts,
    /// What a cloud said.
    resolved: Facts,
    /// User-data Secrets that may not be read.
    unread_secrets: BTreeSet<String>,
    /// What could not be found out, and why.
    warnings: Vec<String>,
    /// Files of `--stream` and `--facts` that hold nothing.
    empty: Vec<String>,
    /// The files of `--stream` and `--facts`, as inputs of a plan.
    files: Vec<InputObject>,
}

/// An input without any object looks like a cluster in which all is well, and mostly is the message
/// of a command that failed.
const NOTHING_READ: &str = "the input has no object that osimage reads; expected are MachineSets, \
    Infrastructure, ClusterVersion, ConfigMap coreos-bootimages and others, as `oc adm must-gather` \
    or `oc get -o yaml` writes them";

/// What is read besides what a plan looks at.
#[derive(Clone, Copy)]
struct Wanted {
    /// The answers of clouds.
    resolve: bool,
    /// Machines, nodes and pools.
    machines: bool,
}

/// What the files held.
pub(crate) struct Snapshot<'a> {
    pub(crate) cluster: ClusterSnapshot<'a>,
    /// What somebody looked up.
    pub(crate) facts: Facts,
    /// What an administrator should know about the input.
    pub(crate) warnings: Vec<String>,
    /// What could not be read.
    pub(crate) errors: Vec<String>,
    /// How many documents were of other kinds, or of none.
    pub(crate) ignored: usize,
    /// User-data Secrets that may not be read.
    unread_secrets: BTreeSet<String>,
}

impl Input {
    /// Reads the files, or else the live cluster.
    pub(crate) fn read(args: &InputArgs) -> Result<Self, CommandError> {
        Self::read_for(args, false, |snapshot| snapshot.plan(args))
    }

    /// [`Input::read`]; of a live cluster with the Secrets that a plan made by `planner` depends
    /// on, and with the answers of EC2 and vCenters to its questions where `resolve` says so.
    pub(crate) fn read_for(
        args: &InputArgs,
        resolve: bool,
        planner: impl Fn(&Snapshot<'_>) -> Plan,
    ) -> Result<Self, CommandError> {
        let machines = false;
        let wanted = Wanted { resolve, machines };
        progress::shown(|progress| Self::read_wanted(args, wanted, progress, planner))
    }

    /// [`Input::read`]; of a live cluster with its machines, nodes and pools as well. Whoever reads many
    /// clusters shows one progress for all of them.
    pub(crate) fn read_inventory(
        args: &InputArgs,
        resolve: bool,
        progress: &Progress,
    ) -> Result<Self, CommandError> {
        let machines = true;
        let planner = |snapshot: &Snapshot<'_>| snapshot.plan(args);
        Self::read_wanted(args, Wanted { resolve, machines }, progress, planner)
    }

    fn read_wanted(
        args: &InputArgs,
        wanted: Wanted,
        progress: &Progress,
        planner: impl Fn(&Snapshot<'_>) -> Plan,
    ) -> Result<Self, CommandError> {
        let all = [&args.files, &args.streams, &args.facts];
        standard_input_once(all.into_iter().flatten())?;
        let mut empty = Vec::new();
        let mut named = Vec::new();
        let mut input = Self {
            completeness: Completeness::Partial,
            objects: files::read_objects(&args.files, progress),
            streams: read(
                &args.streams,
                "a CoreOS stream document",
                &mut empty,
                &mut named,
            ),
            facts: read(
                &args.facts,
                "a document of kind Facts, or the output of `aws ec2 describe-images` or govc,",
                &mut empty,
                &mut named,
            ),
            empty,
            files: named,
            resolved: Facts::default(),
            unread_secrets: BTreeSet::new(),
            warnings: Vec::new(),
        };
        if args.files.is_empty() || wanted.resolve {
            live::block_on(input.fetch(args, wanted, planner))??;
        }
        Ok(input)
    }

    async fn fetch(
        &mut self,
        args: &InputArgs,
        wanted: Wanted,
        planner: impl Fn(&Snapshot<'_>) -> Plan,
    ) -> Result<(), CommandError> {
        let mut cluster = None;
        if args.files.is_empty() {
            let found = live::connect(&args.cluster).await?;
            let mut table = reads();
            table.extend(notice_reads());
            if wanted.machines {
                table.extend(inventory_reads());
            }
            self.objects.texts = found.fetch(&table).await?;
            cluster = Some(found);
        }
        if wanted.resolve {
            self.resolve(args, cluster.as_ref(), &planner).await?;
        }
        if let Some(cluster) = cluster {
            // Secrets are read by name, and only those that an edit depends on.
            let secrets = unknown_secrets(&planner(&self.snapshot()));
            let names = secrets.iter().map(String::as_str);
            let (texts, forbidden) = cluster.readable_secrets(names).await?;
            self.objects.texts.extend(texts);
            for (name, problem) in forbidden {
                self.warnings.push(format!(
                    "the plan does not say what becomes of user-data Secret {name}, which apply will \
                     look at: {problem}; a role like osimage-user-data-reader of \
                     docs/guides/live-clusters.md allows it"
                ));
                self.unread_secrets.insert(name);
            }
            self.completeness = Completeness::Complete;
        }
        Ok(())
    }

    async fn resolve(
        &mut self,
        args: &InputArgs,
        cluster: Option<&Cluster>,
        planner: impl Fn(&Snapshot<'_>) -> Plan,
    ) -> Result<(), CommandError> {
        let mut clouds = clouds(&args.vcenter, cluster);
        // An answer can lead to another question, once: an image to the products beside it.
        let mut asked = BTreeSet::new();
        for _ in 0..2 {
            let mut needs = planner(&self.snapshot()).needs;
            needs.retain(|need| asked.insert(need.clone()));
            if needs.is_empty() {
                break;
            }
            let answers = clouds.resolve(&needs).await?;
            self.warnings.extend(answers.warnings);
            for fact in answers.facts.iter() {
                self.resolved.insert(fact);
            }
        }
        Ok(())
    }

    /// The files of `--stream` and `--facts`, as inputs of a plan.
    pub(crate) fn files(&self) -> &[InputObject] {
        &self.files
    }

    /// The objects in the texts, and what could not be read.
    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        let Loaded {
            objects,
            ignored,
            repeated: _,
            mut warnings,
            errors,
        } = load(&self.objects);
        let mut facts = Facts::default();
        let mut fact_errors = Vec::new();
        for text in &self.facts.texts {
            match facts.read(&text.json) {
                Ok(0) => warnings.push(format!("{}: no answers in it", text.path)),
                Ok(_) => {}
                Err(error) => fact_errors.push(format!("{}: {error}", text.path)),
            }
        }
        for fact in self.resolved.iter() {
            facts.insert(fact);
        }
        let read = self
            .objects
            .errors
            .iter()
            .chain(&errors)
            .chain(&self.streams.errors)
            .chain(&self.facts.errors);
        let nothing = (self.completeness == Completeness::Partial && objects.is_empty())
            .then(|| NOTHING_READ.to_owned());
        Snapshot {
            errors: read
                .map(ToString::to_string)
                .chain(fact_errors)
                .chain(self.empty.iter().cloned())
                .chain(nothing)
                .collect(),
            facts,
            cluster: ClusterSnapshot {
                completeness: self.completeness,
                objects,
                streams: self
                    .streams
                    .texts
                    .iter()
                    .map(|text| text.json.as_str())
                    .collect(),
            },
            warnings: self.warnings.iter().cloned().chain(warnings).collect(),
            ignored,
            unread_secrets: self.unread_secrets.clone(),
        }
    }
}

impl Snapshot<'_> {
    /// What the command line decides, and what follows from who asks.
    pub(crate) fn policy(&self, args: &InputArgs) -> Policy {
        Policy {
            unread_secrets: self.unread_secrets.clone(),
            ..policy(args)
        }
    }

    /// What is to be taken stock of.
    pub(crate) fn inventory(
        &self,
        args: &InputArgs,
        options: &InventoryOptions<'_>,
        each: &impl Each,
    ) -> Inventory {
        inventory(
            &self.cluster,
            &self.facts,
            &self.policy(args),
            options,
            each,
        )
    }

    /// The plan of it, by what the command line decides.
    pub(crate) fn plan(&self, args: &InputArgs) -> Plan {
        plan_with(&self.cluster, &self.facts, &self.policy(args), &Threads)
    }
}

/// Whether a path is standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input is at its end after it was read once: what is read from it then is empty.
pub(crate) fn standard_input_once<'p>(
    paths: impl IntoIterator<Item = &'p PathBuf>,
) -> Result<(), CommandError> {
    let named = paths.into_iter().filter(|path| is_standard_input(path));
    if named.count() > 1 {
        let twice = "standard input (`-`) is named more than once, and can be read only once: save what \
                     comes from it into a file, and name that";
        return Err(CommandError::Usage(twice.to_owned()));
    }
    Ok(())
}

/// The user-data Secrets that a plan of a partial snapshot would have to know.
fn unknown_secrets(plan: &Plan) -> BTreeSet<String> {
    plan.targets
        .iter()
        .filter_map(|target| target.user_data.as_deref())
        .filter(|data| data.decision == UserDataDecision::Unknown)
        .map(|data| data.secret.clone())
        .collect()
}

/// Reads files one by one: what somebody names as an answer and is empty would decide nothing, and
/// nobody would know.
fn read(
    paths: &[PathBuf],
    what: &str,
    empty: &mut Vec<String>,
    named: &mut Vec<InputObject>,
) -> Texts {
    let mut all = Texts::default();
    for path in paths {
        let Texts {
            mut texts, errors, ..
        } = files::read(std::slice::from_ref(path));
        named.push(named_file(path, &texts));
        texts.retain(|text| !text.json.trim().is_empty());
        if texts.is_empty() && errors.is_empty() {
            empty.push(format!("{}: is empty; {what} is expected", path.display()));
        }
        all.texts.extend(texts);
        all.errors.extend(errors);
    }
    all
}

/// A file as an input of a plan: by its bytes, or, where there are no bytes to read again, by what
/// was read from it.
fn named_file(path: &Path, texts: &[Text]) -> InputObject {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let bytes = if is_standard_input(path) {
        None
    } else {
        files::read_bytes(path).ok()
    };
    let bytes = bytes.unwrap_or_else(|| {
        let texts = texts.iter().map(|text| text.json.as_bytes());
        texts.collect::<Vec<_>>().concat()
    });
    file_input(&name.to_string_lossy(), &bytes)
}

/// What the command line decides.
pub(crate) fn policy(args: &InputArgs) -> Policy {
    Policy {
        profile: match args.profile {
            ProfileArg::Auto => None,
            ProfileArg::P417 => Some(Profile::P417),
            ProfileArg::P419 => Some(Profile::P419),
            ProfileArg::P421 => Some(Profile::P421),
            ProfileArg::P422 => Some(Profile::P422),
        },
        control_plane_architecture: args.architecture.map(ArchitectureArg::architecture),
        fedora_coreos_is_known: args.fedora_coreos,
        template_names: match args.template_names {
            TemplateNamesArg::Content => TemplateNames::Content,
            TemplateNamesArg::Stock => TemplateNames::Stock,
        },
        ..Policy::default()
    }
}
