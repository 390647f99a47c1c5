//! Machines and nodes: what each was born from, and what it runs now.

use std::collections::{BTreeMap, BTreeSet};

use bootimage_hazards::aleph::NodeHint;
use bootimage_hazards::{ReadVersion, UnknownVersion};
use openshift_model::{
    Kind, Machine, NODE_CONFIG_ANNOTATION, NODE_IMAGE_ANNOTATION, NODE_MACHINE_ANNOTATION, Node,
    NodeConditions, OsMachineConfig, Platform, RawObject,
};

use super::image::{BootImage, NamedImage};
use super::sets::set_reference;
use super::{
    BirthSource, Born, InventoriedMachine, NodeImage, Running, Surroundings, is_machine_api,
};

/// A node, and the name of its machine.
struct FoundNode<'a> {
    name: String,
    machine: Option<String>,
    node: Node<'a>,
    ready: Option<bool>,
}

/// Every machine by name, then every node that no machine is known of; and what is odd about them.
pub(super) fn machines(around: &Surroundings<'_, '_>) -> (Vec<InventoriedMachine>, Vec<String>) {
    let mut oddities = Vec::new();
    let nodes = nodes(around, &mut oddities);
    let images = images(around);
    let by_machine: BTreeMap<&str, &FoundNode<'_>> = nodes
        .iter()
        .filter_map(|node| Some((node.machine.as_deref()?, node)))
        .collect();
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    let machines = around.objects.of_kind(Kind::Machine);
    for object in machines.filter(|object| is_machine_api(object)) {
        let name = object.name.as_str();
        let node = by_machine.get(name).copied();
        known.extend(node.map(|node| node.name.as_str()));
        match Machine::read(object) {
            Ok(machine) => found.push(of_machine(around, &machine, node, &images)),
            Err(error) => {
                oddities.push(format!("{error}; what it was born from is not known"));
                found.push(unreadable(name, node, &images, &error.to_string()));
            }
        }
    }
    let alone = nodes.iter().filter(|node| !known.contains(&*node.name));
    found.extend(alone.map(|node| of_node(around, node, &images)));
    tell_files_of_no_node(around, &nodes, &mut oddities);
    (found, oddities)
}

fn nodes<'a>(around: &Surroundings<'_, 'a>, oddities: &mut Vec<String>) -> Vec<FoundNode<'a>> {
    let mut found = Vec::new();
    for object in around.objects.of_kind(Kind::Node) {
        match read_node(object) {
            Ok(node) => found.push(node),
            Err(error) => oddities.push(format!("{error}; the node is left out")),
        }
    }
    found
}

fn read_node<'a>(object: &RawObject<'a>) -> Result<FoundNode<'a>, openshift_model::ReadError> {
    let node = Node::read(object)?;
    let conditions: NodeConditions<'a> = object.view("status")?;
    let machine = node.meta.annotation(NODE_MACHINE_ANNOTATION);
    let machine = machine.map(|name| name.rsplit('/').next().unwrap_or(name).to_owned());
    Ok(FoundNode {
        name: object.name.as_str().to_owned(),
        machine,
        ready: conditions.ready(),
        node,
    })
}

/// The images that rendered MachineConfigs name.
fn images(around: &Surroundings<'_, '_>) -> BTreeMap<String, String> {
    let configs = around.objects.of_kind(Kind::MachineConfig);
    let image = |object: &RawObject<'_>| {
        let config = OsMachineConfig::read(object).ok()?;
        let image = Some(config.os_image()).filter(|image| !image.is_empty())?;
        Some((object.name.as_str().to_owned(), image.to_owned()))
    };
    configs.filter_map(image).collect()
}

type Images = BTreeMap<String, String>;

fn of_machine(
    around: &Surroundings<'_, '_>,
    machine: &Machine<'_>,
    node: Option<&FoundNode<'_>>,
    images: &Images,
) -> InventoriedMachine {
    let spec = machine.provider_spec;
    let platform = around.context.cluster.platform.clone().or_else(|| {
        let kind = providerspec_rewrite::kind(spec?)?;
        Platform::from_provider_spec_kind(&kind)
    });
    let NamedImage { image, version, .. } = around.image(platform.as_ref(), spec);
    let set = machine.machine_set().map(|name| (Kind::MachineSet, name));
    let owner = machine.control_plane_machine_set();
    let set = set.or_else(|| owner.map(|name| (Kind::ControlPlaneMachineSet, name)));
    let stated = node.and_then(|node| aleph(around, &node.name));
    let created = machine.meta.creation_timestamp.as_deref();
    InventoriedMachine {
        machine: Some(machine.name.as_str().to_owned()),
        node: node.map(|node| node.name.clone()),
        set: set.map(|(kind, name)| set_reference(kind, name)),
        born: Born {
            source: match stated {
                Some(_) => BirthSource::Aleph,
                None => BirthSource::ProviderSpec,
            },
            boot_image: BootImage::of(image, stated.unwrap_or(&version)),
            at: created.map(str::to_owned),
        },
        runs: node.map(|node| running(node, images)),
    }
}

/// A machine that cannot be read is there all the same.
fn unreadable(
    name: &str,
    node: Option<&FoundNode<'_>>,
    images: &Images,
    problem: &str,
) -> InventoriedMachine {
    InventoriedMachine {
        machine: Some(name.to_owned()),
        node: node.map(|node| node.name.clone()),
        set: None,
        born: Born {
            boot_image: BootImage {
                unknown: Some(problem.to_owned()),
                ..BootImage::default()
            },
            source: BirthSource::Unknown,
            at: None,
        },
        runs: node.map(|node| running(node, images)),
    }
}

/// A node without a machine: one that a person made, or a dump without machines.
fn of_node(
    around: &Surroundings<'_, '_>,
    node: &FoundNode<'_>,
    images: &Images,
) -> InventoriedMachine {
    let stated = aleph(around, &node.name);
    let boot_image = match stated {
        Some(version) => BootImage::of(None, version),
        None => BootImage {
            unknown: Some(
                "the input has no machine of this node; its own file tells, with --aleph"
                    .to_owned(),
            ),
            ..BootImage::default()
        },
    };
    let created = node.node.meta.creation_timestamp.as_deref();
    InventoriedMachine {
        machine: node.machine.clone(),
        node: Some(node.name.clone()),
        set: None,
        born: Born {
            boot_image,
            source: match stated {
                Some(_) => BirthSource::Aleph,
                None => BirthSource::Unknown,
            },
            at: created.map(str::to_owned),
        },
        runs: Some(running(node, images)),
    }
}

/// What the node's own file says: of several the first one.
fn aleph<'w>(around: &Surroundings<'w, '_>, node: &str) -> Option<&'w ReadVersion> {
    let mut files = around.beside.born.iter();
    let found = files.find(|file| file.node.as_ref().is_some_and(|hint| hint.is_of(node)))?;
    Some(&found.version)
}

/// A file that belongs to no node of the input would otherwise be lost without a word.
fn tell_files_of_no_node(
    around: &Surroundings<'_, '_>,
    nodes: &[FoundNode<'_>],
    oddities: &mut Vec<String>,
) {
    for file in around.beside.born {
        let is_known = |hint: &NodeHint| nodes.iter().any(|node| hint.is_of(&node.name));
        let says = |version: &ReadVersion| match version {
            Ok(version) => version.to_string(),
            Err(UnknownVersion::Aleph { problem }) => problem.clone(),
            Err(other) => other.to_string(),
        };
        match &file.node {
            Some(hint) if is_known(hint) => {}
            Some(NodeHint::Node(name) | NodeHint::DebugPod(name)) => oddities.push(format!(
                "the aleph file of {name} ({}) belongs to no node of the input",
                says(&file.version)
            )),
            None => oddities.push(format!(
                "an aleph file ({}) does not say of which node it is: print it with \
                 `oc debug node/NAME`, messages included",
                says(&file.version)
            )),
        }
    }
}

fn running(found: &FoundNode<'_>, images: &Images) -> Running {
    let annotation = |name: &str| {
        let value = found.node.meta.annotation(name);
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let rendered_config = annotation(NODE_CONFIG_ANNOTATION);
    let layered = annotation(NODE_IMAGE_ANNOTATION);
    let named = rendered_config.as_ref().and_then(|name| images.get(name));
    Running {
        os_image: found.node.os_image.as_deref().map(str::to_owned),
        image_kind: match (&layered, named) {
            (Some(_), _) => NodeImage::Layered,
            (None, Some(_)) => NodeImage::MachineConfig,
            (None, None) => NodeImage::Unknown,
        },
        image: layered.or_else(|| named.cloned()),
        pool: rendered_config.as_deref().and_then(pool_of),
        rendered_config,
        ready: found.ready,
    }
}

/// `worker` of `rendered-worker-6f1d…`.
fn pool_of(rendered: &str) -> Option<String> {
    let rest = rendered.strip_prefix("rendered-")?;
    rest.rsplit_once('-').map(|(pool, _)| pool.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_rendered_machine_config_tells_its_pool() {
        let check = |name: &str, pool: Option<&str>| assert_eq!(pool_of(name).as_deref(), pool);
        check("rendered-worker-6f1d", Some("worker"));
        check("rendered-gpu-large-6f1d", Some("gpu-large"));
        check("99-worker-ssh", None);
        check("rendered-", None);
    }
}
