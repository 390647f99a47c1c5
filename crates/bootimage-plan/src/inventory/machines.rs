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
    Born, ImageSource, InventoriedMachine, InventoryInputs, NodeImage, Running, is_machine_api,
};

/// A node, and the name of its machine.
struct FoundNode<'a> {
    name: String,
    machine: Option<String>,
    node: Node<'a>,
    ready: Option<bool>,
}

/// Every machine by name, then every node that no machine is known of; and what is odd about them.
pub(super) fn machines(inputs: &InventoryInputs<'_, '_>) -> (Vec<InventoriedMachine>, Vec<String>) {
    let mut remarks = Vec::new();
    let nodes = nodes(inputs, &mut remarks);
    let images = images(inputs);
    let by_machine: BTreeMap<&str, &FoundNode<'_>> = nodes
        .iter()
        .filter_map(|node| Some((node.machine.as_deref()?, node)))
        .collect();
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    let machines = inputs.objects.of_kind(Kind::Machine);
    for object in machines.filter(|object| is_machine_api(object)) {
        let name = object.name.as_str();
        let node = by_machine.get(name).copied();
        known.extend(node.map(|node| node.name.as_str()));
        match Machine::read(object) {
            Ok(machine) => found.push(of_machine(inputs, &machine, node, &images)),
            Err(error) => {
                remarks.push(format!("{error}; its provider spec tells nothing"));
                found.push(unreadable(inputs, name, node, &images, &error.to_string()));
            }
        }
    }
    let alone = nodes.iter().filter(|node| !known.contains(&*node.name));
    found.extend(alone.map(|node| of_node(inputs, node, &images)));
    tell_files_of_no_node(inputs, &nodes, &mut remarks);
    for node in &nodes {
        remarks.extend(contradiction(inputs, &node.name));
    }
    (found, remarks)
}

fn nodes<'a>(inputs: &InventoryInputs<'_, 'a>, remarks: &mut Vec<String>) -> Vec<FoundNode<'a>> {
    let mut found = Vec::new();
    for object in inputs.objects.of_kind(Kind::Node) {
        match read_node(object) {
            Ok(node) => found.push(node),
            Err(error) => remarks.push(format!("{error}; the node is left out")),
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
fn images(inputs: &InventoryInputs<'_, '_>) -> BTreeMap<String, String> {
    let configs = inputs.objects.of_kind(Kind::MachineConfig);
    let image = |object: &RawObject<'_>| {
        let config = OsMachineConfig::read(object).ok()?;
        let image = Some(config.os_image()).filter(|image| !image.is_empty())?;
        Some((object.name.as_str().to_owned(), image.to_owned()))
    };
    configs.filter_map(image).collect()
}

type Images = BTreeMap<String, String>;

fn of_machine(
    inputs: &InventoryInputs<'_, '_>,
    machine: &Machine<'_>,
    node: Option<&FoundNode<'_>>,
    images: &Images,
) -> InventoriedMachine {
    let spec = machine.provider_spec;
    let platform = inputs.context.cluster.platform.clone().or_else(|| {
        let kind = providerspec_rewrite::kind(spec?)?;
        Platform::from_provider_spec_kind(&kind)
    });
    let NamedImage { image, version, .. } = inputs.image(platform.as_ref(), spec);
    let set = machine.machine_set().map(|name| (Kind::MachineSet, name));
    let owner = machine.control_plane_machine_set();
    let set = set.or_else(|| owner.map(|name| (Kind::ControlPlaneMachineSet, name)));
    let stated = node.and_then(|node| aleph(inputs, &node.name));
    let created = machine.meta.creation_timestamp.as_deref();
    InventoriedMachine {
        machine: Some(machine.name.as_str().to_owned()),
        node: node.map(|node| node.name.clone()),
        set: set.map(|(kind, name)| set_reference(kind, name)),
        born: Born {
            source: match (stated, &image) {
                (Some(_), _) => ImageSource::Aleph,
                (None, Some(_)) => ImageSource::ProviderSpec,
                (None, None) if version.is_ok() => ImageSource::ProviderSpec,
                (None, None) => ImageSource::Unknown,
            },
            boot_image: BootImage::of(image, stated.unwrap_or(&version)),
            at: created.map(str::to_owned),
        },
        runs: node.map(|node| running(node, images)),
    }
}

/// A machine that cannot be read is there all the same.
fn unreadable(
    inputs: &InventoryInputs<'_, '_>,
    name: &str,
    node: Option<&FoundNode<'_>>,
    images: &Images,
    problem: &str,
) -> InventoriedMachine {
    InventoriedMachine {
        machine: Some(name.to_owned()),
        node: node.map(|node| node.name.clone()),
        set: None,
        born: by_aleph_alone(inputs, node, problem),
        runs: node.map(|node| running(node, images)),
    }
}

/// What a node was born from where no provider spec can tell.
fn by_aleph_alone(
    inputs: &InventoryInputs<'_, '_>,
    node: Option<&FoundNode<'_>>,
    otherwise: &str,
) -> Born {
    let stated = node.and_then(|node| aleph(inputs, &node.name));
    let created = node.and_then(|node| node.node.meta.creation_timestamp.as_deref());
    Born {
        boot_image: match stated {
            Some(version) => BootImage::of(None, version),
            None => BootImage {
                unknown: Some(otherwise.to_owned()),
                ..BootImage::default()
            },
        },
        source: match stated {
            Some(_) => ImageSource::Aleph,
            None => ImageSource::Unknown,
        },
        at: created.map(str::to_owned),
    }
}

/// A node without a machine: one that a person made, or a dump without machines.
fn of_node(
    inputs: &InventoryInputs<'_, '_>,
    node: &FoundNode<'_>,
    images: &Images,
) -> InventoriedMachine {
    let otherwise = "the input has no machine of this node; its own file tells, with --aleph";
    InventoriedMachine {
        machine: node.machine.clone(),
        node: Some(node.name.clone()),
        set: None,
        born: by_aleph_alone(inputs, Some(node), otherwise),
        runs: Some(running(node, images)),
    }
}

/// What the files of a node say.
fn alephs<'w>(
    inputs: &InventoryInputs<'w, '_>,
    node: &str,
) -> impl Iterator<Item = &'w ReadVersion> {
    let files = inputs.options.born.iter();
    files
        .filter(move |file| file.node.as_ref().is_some_and(|hint| hint.is_of(node)))
        .map(|file| &file.version)
}

/// What the node's own file says: of several the first one that has a version.
fn aleph<'w>(inputs: &InventoryInputs<'w, '_>, node: &str) -> Option<&'w ReadVersion> {
    let with_version = alephs(inputs, node).find(|version| version.is_ok());
    with_version.or_else(|| alephs(inputs, node).next())
}

/// Files of one node that have different versions: one of them is of another node, or of an
/// earlier one of the same name.
fn contradiction(inputs: &InventoryInputs<'_, '_>, node: &str) -> Option<String> {
    let mut versions = alephs(inputs, node).filter_map(|version| version.as_ref().ok());
    let first = versions.next()?;
    let other = versions.find(|version| *version != first)?;
    Some(format!(
        "aleph files of {node} have different versions, {first} and {other}: the first one counts; \
         leave out the one that is not of this node"
    ))
}

/// A file that belongs to no node of the input would otherwise be lost without a word.
fn tell_files_of_no_node(
    inputs: &InventoryInputs<'_, '_>,
    nodes: &[FoundNode<'_>],
    remarks: &mut Vec<String>,
) {
    for file in inputs.options.born {
        let is_known = |hint: &NodeHint| nodes.iter().any(|node| hint.is_of(&node.name));
        let says = |version: &ReadVersion| match version {
            Ok(version) => version.to_string(),
            Err(UnknownVersion::Aleph { problem }) => problem.clone(),
            Err(other) => other.to_string(),
        };
        match &file.node {
            Some(hint) if is_known(hint) => {}
            Some(NodeHint::Node(name) | NodeHint::DebugPod(name)) => remarks.push(format!(
                "the aleph file of {name} ({}) belongs to no node of the input",
                says(&file.version)
            )),
            None => remarks.push(format!(
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
