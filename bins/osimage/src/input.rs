//! From the command line to a snapshot and a policy.

use std::collections::BTreeSet;

use bootimage_plan::{ClusterSnapshot, Completeness, Facts, Plan, Policy, UserDataDecision, plan};
use cluster_io::files::{self, Texts};
use cluster_io::{Loaded, load};
use openshift_model::Profile;

use crate::cli::{ArchitectureArg, InputArgs, ProfileArg};
use crate::error::CommandError;
use crate::live;

/// Texts of the files that were named, or of the cluster. Snapshots borrow from it.
pub(crate) struct Input {
    completeness: Completeness,
    objects: Texts,
    streams: Texts,
    facts: Texts,
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
}

impl Input {
    /// Reads the files, or else the live cluster.
    pub(crate) fn read(args: &InputArgs) -> Result<Self, CommandError> {
        let mut input = Self {
            completeness: Completeness::Partial,
            objects: files::read(&args.files),
            streams: files::read(&args.streams),
            facts: files::read(&args.facts),
        };
        if args.files.is_empty() {
            live::block_on(input.read_cluster(args))??;
        }
        Ok(input)
    }

    async fn read_cluster(&mut self, args: &InputArgs) -> Result<(), CommandError> {
        let cluster = live::connect(&args.cluster).await?;
        self.objects.texts = cluster.boot_image_objects().await?;
        // Secrets are read by name, and only those that an edit depends on.
        let secrets = {
            let Snapshot { cluster, facts, .. } = self.snapshot();
            unknown_secrets(&plan(&cluster, &facts, &policy(args)))
        };
        let secrets = cluster
            .machine_api_secrets(secrets.iter().map(String::as_str))
            .await?;
        self.objects.texts.extend(secrets);
        self.completeness = Completeness::Complete;
        Ok(())
    }

    /// Takes them apart.
    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        let Loaded {
            objects,
            ignored,
            warnings,
            errors,
        } = load(&self.objects);
        let mut facts = Facts::default();
        let mut fact_errors = Vec::new();
        for text in &self.facts.texts {
            if let Err(error) = facts.read(&text.json) {
                fact_errors.push(format!("{}: {error}", text.path));
            }
        }
        let read = self
            .objects
            .errors
            .iter()
            .chain(&errors)
            .chain(&self.streams.errors)
            .chain(&self.facts.errors);
        Snapshot {
            errors: read.map(ToString::to_string).chain(fact_errors).collect(),
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
            warnings,
            ignored,
        }
    }
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
        ..Policy::default()
    }
}
