//! From the command line to a snapshot and a policy.

use std::path::PathBuf;

use bootimage_plan::{ClusterSnapshot, Completeness, Facts, Policy};
use cluster_io::files::{self, Texts};
use cluster_io::{Loaded, load};
use openshift_model::Profile;

use crate::cli::{ArchitectureArg, InputArgs, ProfileArg};
use crate::error::CommandError;

/// Texts of the files that were named. Snapshots borrow from it.
pub(crate) struct Input {
    objects: Texts,
    streams: Texts,
    facts: Texts,
    /// Files of `--stream` and `--facts` that hold nothing.
    empty: Vec<String>,
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
    /// Reads the files.
    pub(crate) fn read(args: &InputArgs) -> Result<Self, CommandError> {
        if args.files.is_empty() {
            return Err(CommandError::NoInput);
        }
        let mut empty = Vec::new();
        Ok(Self {
            objects: files::read(&args.files),
            streams: read(&args.streams, "a CoreOS stream document", &mut empty),
            facts: read(
                &args.facts,
                "a document of kind Facts, or the output of `aws ec2 \
                describe-images`,",
                &mut empty,
            ),
            empty,
        })
    }

    /// Takes them apart.
    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        let Loaded {
            objects,
            ignored,
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
        let read = self
            .objects
            .errors
            .iter()
            .chain(&errors)
            .chain(&self.streams.errors)
            .chain(&self.facts.errors);
        Snapshot {
            errors: read
                .map(ToString::to_string)
                .chain(fact_errors)
                .chain(self.empty.iter().cloned())
                .collect(),
            facts,
            cluster: ClusterSnapshot {
                completeness: Completeness::Partial,
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

/// Reads files one by one: what somebody names as an answer and is empty would decide nothing, and
/// nobody would know.
fn read(paths: &[PathBuf], what: &str, empty: &mut Vec<String>) -> Texts {
    let mut all = Texts::default();
    for path in paths {
        let Texts { mut texts, errors } = files::read(std::slice::from_ref(path));
        texts.retain(|text| !text.json.trim().is_empty());
        if texts.is_empty() && errors.is_empty() {
            empty.push(format!("{}: is empty; {what} is expected", path.display()));
        }
        all.texts.extend(texts);
        all.errors.extend(errors);
    }
    all
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
