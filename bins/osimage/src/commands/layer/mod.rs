//! `osimage layer …`: layered images.

mod access;
mod build;
mod check;
mod convert;
mod gc;
mod name;
mod outdated;
mod remove;
mod render;
mod status;
mod why;

use std::path::PathBuf;

use cluster_io::files::{self, Texts};
use cluster_io::{Loaded, load, load_with_pods};
use openshift_model::{Kind, RawObject, V1};
use osbuild_check::{FieldError, validate_machine_os_config};
use osbuild_plan::{LayerSnapshot, layer_reads};

pub(crate) use self::build::BuildError;
use super::{tell_all, warn};
use crate::cli::{ClusterArgs, LayerCommand, LayerInputArgs};
use crate::error::CommandError;
use crate::{exit, live, progress};

pub(super) fn run(command: &LayerCommand) -> Result<u8, CommandError> {
    match command {
        LayerCommand::Build(args) => build::run(args),
        LayerCommand::Name(args) => name::run(args),
        LayerCommand::Render(args) => render::run(args),
        LayerCommand::Convert(args) => convert::run(args),
        LayerCommand::Check(args) => check::run(args),
        LayerCommand::Status(args) => status::run(args),
        LayerCommand::Outdated(args) => outdated::run(args),
        LayerCommand::Remove(args) => remove::run(args),
        LayerCommand::Gc(args) => gc::run(args),
        LayerCommand::Why(args) => why::run(args),
        LayerCommand::Logs(args) => why::run_logs(args),
    }
}

/// An input without any object looks like a cluster without layered images, and mostly is the message
/// of a command that failed.
const NOTHING_READ: &str = "the input has no object that osimage reads; expected are \
    MachineOSConfigs, MachineConfigPools, MachineOSBuilds and others, as `oc adm must-gather` or \
    `oc get -o yaml` writes them";

/// Reads the files of an input.
fn texts(args: &LayerInputArgs) -> Result<Texts, CommandError> {
    read(&args.files)
}

/// Reads the files of an input, or else the live cluster.
fn of_cluster_or_files(
    args: &LayerInputArgs,
    cluster: &ClusterArgs,
) -> Result<Texts, CommandError> {
    if !args.files.is_empty() {
        return read(&args.files);
    }
    let texts = live::block_on(async {
        let cluster = live::connect(cluster).await?;
        Ok::<_, CommandError>(cluster.fetch(&layer_reads()).await?)
    })??;
    Ok(Texts {
        texts,
        ..Texts::default()
    })
}

fn read(files: &[PathBuf]) -> Result<Texts, CommandError> {
    if files.is_empty() {
        return Err(CommandError::NoInput);
    }
    Ok(progress::shown(|progress| {
        files::read_objects(files, progress)
    }))
}

/// What an input holds, as image layering looks at it.
#[derive(Default)]
struct Objects<'a> {
    snapshot: LayerSnapshot<'a>,
    /// What could not be read.
    errors: Vec<String>,
}

impl<'a> Objects<'a> {
    /// Parses texts, and prints warnings and errors about them.
    fn of(texts: &'a Texts) -> Self {
        Self::read(texts, load(texts))
    }

    /// The same with pods.
    fn with_pods(texts: &'a Texts) -> Self {
        Self::read(texts, load_with_pods(texts))
    }

    fn read(texts: &'a Texts, loaded: Loaded<'a>) -> Self {
        let Loaded {
            objects,
            ignored,
            repeated,
            warnings,
            errors,
        } = loaded;
        let errors = texts.errors.iter().chain(&errors).map(ToString::to_string);
        let mut errors: Vec<String> = errors.collect();
        let (snapshot, unread) = LayerSnapshot::of(objects);
        errors.extend(unread.iter().map(ToString::to_string));
        // A MachineOSConfig is changed by a file behind a dump; a pool is a fact, and of two that
        // differ one is out of date.
        for object in &repeated {
            if object.kind == Kind::MachineConfigPool.name() {
                let problem = format!("{object} stands twice in the input and differs: leave one");
                errors.push(problem);
            }
        }
        if snapshot.raw.is_empty() && errors.is_empty() {
            errors.push(NOTHING_READ.to_owned());
        }
        tell_all(&warnings, &errors, ignored);
        Self { snapshot, errors }
    }

    /// Whether everything could be read.
    fn exit_code(&self) -> u8 {
        if self.errors.is_empty() {
            exit::OK
        } else {
            exit::INVALID_INPUT
        }
    }

    /// Tells what the API server would say against MachineOSConfigs.
    fn tell_refusals(&self) {
        let configs = self.snapshot.raw.iter().filter(|object| {
            object.kind == Kind::MachineOSConfig && object.api_version().as_str() == V1
        });
        for refusal in configs.flat_map(refusals) {
            warn(refusal);
        }
    }
}

/// IL-008 … IL-012: what the API server would say against a MachineOSConfig. One that is on a cluster
/// keeps a name that is not its pool's.
fn refusals(object: &RawObject<'_>) -> Vec<String> {
    // What cannot be read is an error already.
    let (Ok(value), Ok(meta)) = (object.to_value(), object.meta()) else {
        return Vec::new();
    };
    let stored = meta.uid.is_some().then_some(&value);
    let errors = validate_machine_os_config(&value, stored);
    let reference = object.reference();
    let refused = |error: &FieldError| {
        format!(
            "{reference}: the API server would refuse it: {}",
            described(error)
        )
    };
    errors.iter().map(refused).collect()
}

/// The API server's message, with a hint that it does not give.
fn described(error: &FieldError) -> String {
    match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    }
}
