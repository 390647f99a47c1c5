//! `osimage layer …`: layered images.

mod check;
mod convert;
mod name;
mod render;
mod status;

use std::path::PathBuf;

use cluster_io::files::{self, Texts};
use cluster_io::{Loaded, load};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    ClusterVersion, ControllerConfig, Kind, LayeredPool, MachineOSBuild, MachineOSConfig, Node,
    OsMachineConfig, RawObject, ReadError, TextData, V1, V1ALPHA1,
};
use osbuild_check::{ConvertError, FieldError, validate_machine_os_config};
use osbuild_plan::Cluster;

use super::{tell, tell_all};
use crate::cli::{LayerCommand, LayerInputArgs};
use crate::error::CommandError;
use crate::progress;

pub(super) fn run(command: &LayerCommand) -> Result<u8, CommandError> {
    match command {
        LayerCommand::Name(args) => name::run(args),
        LayerCommand::Render(args) => render::run(args),
        LayerCommand::Convert(args) => convert::run(args),
        LayerCommand::Check(args) => check::run(args),
        LayerCommand::Status(args) => status::run(args),
    }
}

/// Reads the files of an input.
fn texts(args: &LayerInputArgs) -> Result<Texts, CommandError> {
    read(&args.files)
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
    raw: Vec<RawObject<'a>>,
    configs: Vec<MachineOSConfig<'a>>,
    /// MachineOSConfigs of another version than v1: name and version.
    of_other_versions: Vec<(String, String)>,
    builds: Vec<MachineOSBuild<'a>>,
    pools: Vec<LayeredPool<'a>>,
    machine_configs: Vec<OsMachineConfig<'a>>,
    nodes: Vec<Node<'a>>,
    cluster_version: Option<ClusterVersion<'a>>,
    /// IL-243: the one ControllerConfig.
    controller_config: Option<ControllerConfig<'a>>,
    /// What could not be read.
    errors: Vec<String>,
}

impl<'a> Objects<'a> {
    /// Takes texts apart, and tells what is to be known about them.
    fn of(texts: &'a Texts) -> Self {
        let Loaded {
            objects,
            ignored,
            repeated,
            warnings,
            errors,
        } = load(texts);
        let errors = texts.errors.iter().chain(&errors).map(ToString::to_string);
        let mut found = Self {
            errors: errors.collect(),
            ..Self::default()
        };
        for object in &objects {
            if let Err(error) = found.add(object) {
                found.errors.push(error.to_string());
            }
        }
        // A MachineOSConfig is changed by a file behind a dump; a pool is a fact, and of two that
        // differ one is out of date.
        for object in &repeated {
            if object.kind == Kind::MachineConfigPool.name() {
                let problem = format!("{object} stands twice in the input and differs: leave one");
                found.errors.push(problem);
            }
        }
        found.raw = objects;
        found.configs.sort_by(|a, b| a.name.cmp(&b.name));
        tell_all(&warnings, &found.errors, ignored);
        found
    }

    fn add(&mut self, object: &RawObject<'a>) -> Result<(), ReadError> {
        match object.kind {
            Kind::MachineOSConfig if object.api_version().as_str() != V1 => {
                let version = object.api_version().to_string();
                self.of_other_versions
                    .push((object.name.to_string(), version));
            }
            Kind::MachineOSConfig => {
                self.configs
                    .push(MachineOSConfig::read(object)?.with_defaults());
            }
            Kind::MachineOSBuild => self.builds.push(MachineOSBuild::read(object)?),
            Kind::MachineConfigPool => self.pools.push(LayeredPool::read(object)?),
            Kind::MachineConfig => self.machine_configs.push(OsMachineConfig::read(object)?),
            Kind::Node => self.nodes.push(Node::read(object)?),
            Kind::ClusterVersion => self.cluster_version = Some(ClusterVersion::read(object)?),
            Kind::ControllerConfig => {
                self.controller_config = Some(ControllerConfig::read(object)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// The same as the rules look at it.
    fn cluster<'b>(&'b self, release_image: Option<&'b str>) -> Cluster<'b>
    where
        'a: 'b,
    {
        Cluster {
            pools: &self.pools,
            machine_configs: &self.machine_configs,
            configs: &self.configs,
            builds: &self.builds,
            nodes: &self.nodes,
            cluster_version: self.cluster_version.as_ref(),
            release_image,
        }
    }

    fn object(&self, kind: Kind, namespace: &str, name: &str) -> Option<&RawObject<'a>> {
        self.raw.iter().find(|object| {
            object.kind == kind
                && object.namespace.as_str() == namespace
                && object.name.as_str() == name
        })
    }

    /// The data of a ConfigMap in the namespace of the Machine Config Operator.
    fn config_map(&self, name: &str) -> Result<Option<TextData<'a>>, CommandError> {
        let object = self.object(Kind::ConfigMap, MCO_NAMESPACE, name);
        let read = object.map(TextData::read).transpose();
        read.map_err(|error| CommandError::Invalid(error.to_string()))
    }

    /// Tells what the API server would say against MachineOSConfigs.
    fn tell_refusals(&self) {
        let configs = self.raw.iter().filter(|object| {
            object.kind == Kind::MachineOSConfig && object.api_version().as_str() == V1
        });
        for refusal in configs.flat_map(refusals) {
            tell(&format!("warning: {refusal}"));
        }
    }

    /// Why a MachineOSConfig of another version is not looked at.
    fn version_problem(version: &str) -> String {
        if version == V1ALPHA1 {
            return format!("it is of {version}: convert it first, with osimage layer convert");
        }
        let found = version.to_owned();
        ConvertError::Version { found }.to_string()
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
            said(error)
        )
    };
    errors.iter().map(refused).collect()
}

/// What the API server would say, and the place that it does not.
fn said(error: &FieldError) -> String {
    match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    }
}
