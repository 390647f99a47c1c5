//! `osimage layer …`: layered images.

mod check;
mod convert;
mod name;
mod render;
mod status;

use std::path::PathBuf;

use cluster_io::files::{self, Texts};
use cluster_io::{Loaded, load};
use mosb_naming::Inputs;
use openshift_model::{
    ControllerConfig, Kind, LayeredPool, MachineOSBuild, MachineOSConfig, Node, OsMachineConfig,
    RawObject, ReadError, TextData, V1,
};

use super::tell_all;
use crate::cli::{LayerCommand, LayerInputArgs};
use crate::error::CommandError;

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
    Ok(files::read(files))
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
    /// What could not be read.
    errors: Vec<String>,
}

impl<'a> Objects<'a> {
    /// Takes texts apart, and tells what is to be known about them.
    fn of(texts: &'a Texts) -> Self {
        let Loaded {
            objects,
            ignored,
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
            _ => {}
        }
        Ok(())
    }

    /// What the name of a MachineOSConfig's build is made from, or what is missing.
    fn inputs<'b>(&'b self, config: &'b MachineOSConfig<'a>) -> Result<Inputs<'b>, String> {
        let missing = |kind: &str, name: &str| format!("the input has no {kind} {name}");
        let pool = self
            .pools
            .iter()
            .find(|pool| pool.name.as_str() == config.pool());
        let pool = pool.ok_or_else(|| missing("MachineConfigPool", config.pool()))?;
        let name = pool.target.name();
        let machine_config = self
            .machine_configs
            .iter()
            .find(|found| found.name.as_str() == name);
        Ok(Inputs {
            machine_config: Some(machine_config.ok_or_else(|| missing("MachineConfig", name))?),
            machine_os_config: Some(config),
            pool: Some(pool),
        })
    }

    fn object(&self, kind: Kind, namespace: &str, name: &str) -> Option<&RawObject<'a>> {
        self.raw.iter().find(|object| {
            object.kind == kind
                && object.namespace.as_str() == namespace
                && object.name.as_str() == name
        })
    }

    /// The data of a ConfigMap in the namespace of the Machine Config Operator.
    fn config_map(&self, name: &str) -> Option<TextData<'a>> {
        let object = self.object(Kind::ConfigMap, openshift_model::names::MCO_NAMESPACE, name)?;
        TextData::read(object).ok()
    }

    /// IL-243: the one ControllerConfig; the empty one where there is none.
    fn controller_config(&self) -> ControllerConfig<'a> {
        let object = self
            .raw
            .iter()
            .find(|object| object.kind == Kind::ControllerConfig);
        object
            .and_then(|object| ControllerConfig::read(object).ok())
            .unwrap_or_default()
    }

    /// Why a MachineOSConfig of another version is not looked at.
    fn version_problem(version: &str) -> String {
        format!("it is of {version}: convert it first, with osimage layer convert")
    }
}
