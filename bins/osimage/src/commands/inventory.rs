//! `osimage inventory`

use std::path::PathBuf;

use bootimage_hazards::HazardTable;
use bootimage_hazards::aleph::{self, Aleph};
use bootimage_plan::inventory::{Inventory, InventoryOptions};
use cluster_io::files;
use openshift_model::Kind;

use super::{print, print_shown, print_styled, print_text, tell_all};
use crate::cli::{InventoryArgs, InventoryFormat};
use crate::error::CommandError;
use crate::exit;
use crate::input::{Input, standard_input_once};
use crate::progress;
use crate::render::{document, inventory as render};
use crate::threads::Threads;

pub(super) fn run(args: &InventoryArgs) -> Result<u8, CommandError> {
    let object = args.object.as_deref().map(object).transpose()?;
    standard_input_once(args.aleph.iter().chain(&args.input.files))?;
    let born = aleph_files(&args.aleph)?;
    if let (Some(_), Some((Kind::Machine | Kind::Node | Kind::MachineConfigPool, _))) =
        (args.judged.fail_on, &object)
    {
        let only_sets = "--fail-on is about the next node of a set: name a machineset or a \
                         controlplanemachineset, or leave the name out for all sets";
        return Err(CommandError::Usage(only_sets.to_owned()));
    }
    let table = HazardTable::bundled()?;
    let input =
        progress::shown(|progress| Input::read_inventory(&args.input, args.resolve, progress))?;
    let snapshot = input.snapshot();
    let options = InventoryOptions {
        table: &table,
        born: &born,
        today: args.judged.today(),
    };
    let mut found = snapshot.inventory(&args.input, &options, &Threads);
    found.warnings.splice(0..0, snapshot.warnings);
    tell_all(&found.warnings, &snapshot.errors, snapshot.ignored);
    if let Some((kind, name)) = &object {
        narrow(&mut found, *kind, name)?;
    }
    show(args.output, &found, object.is_some())?;
    Ok(if !snapshot.errors.is_empty() {
        exit::INVALID_INPUT
    } else if found
        .sets
        .iter()
        .any(|set| args.judged.is_failure(set.verdict))
    {
        exit::WOULD_NOT_JOIN
    } else {
        exit::OK
    })
}

fn show(format: InventoryFormat, found: &Inventory, one: bool) -> Result<(), CommandError> {
    match format {
        InventoryFormat::Table if one => print_shown(|out| render::one(out, found)),
        InventoryFormat::Table => print_styled(|out| render::table(out, found)),
        InventoryFormat::Wide => print_shown(|out| render::wide(out, found)),
        InventoryFormat::Json => print_text(&document::json(found)?),
        InventoryFormat::Yaml => print_text(&document::yaml(found)?),
        InventoryFormat::Csv => print(|out| render::csv(out, found)),
    }
}

/// What `oc debug` printed: every file that is named has to hold something.
fn aleph_files(paths: &[PathBuf]) -> Result<Vec<Aleph>, CommandError> {
    let mut found = Vec::new();
    for path in paths {
        let bytes = files::read_bytes(path).map_err(CommandError::Unreadable)?;
        let text = String::from_utf8_lossy(&bytes);
        let read = aleph::read(&text);
        let read = read.map_err(|e| CommandError::Invalid(format!("{}: {e}", path.display())));
        found.extend(read?);
    }
    Ok(found)
}

/// Reads `KIND/NAME`, with the names for kinds that `oc` takes.
fn object(text: &str) -> Result<(Kind, String), CommandError> {
    let (kind, name) = text
        .split_once('/')
        .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
        .ok_or_else(|| CommandError::NotAReference(text.to_owned()))?;
    let short = kind.split('.').next().unwrap_or(kind).to_ascii_lowercase();
    let kind = match short.as_str() {
        "machineset" | "machinesets" => Kind::MachineSet,
        "controlplanemachineset" | "controlplanemachinesets" | "cpms" => {
            Kind::ControlPlaneMachineSet
        }
        "machine" | "machines" => Kind::Machine,
        "node" | "nodes" | "no" => Kind::Node,
        "machineconfigpool" | "machineconfigpools" | "mcp" => Kind::MachineConfigPool,
        _ => {
            return Err(CommandError::Usage(format!(
                "{kind:?} is not in an inventory: name a machineset, a controlplanemachineset, a \
                 machine, a node or a machineconfigpool"
            )));
        }
    };
    Ok((kind, name.to_owned()))
}

/// Leaves one object, and the machines of it if it is a set.
fn narrow(found: &mut Inventory, kind: Kind, name: &str) -> Result<(), CommandError> {
    let set = format!("{kind} {name}");
    let known: Vec<String> = match kind {
        Kind::Machine => found
            .machines
            .iter()
            .filter_map(|m| m.machine.clone())
            .collect(),
        Kind::Node => found
            .machines
            .iter()
            .filter_map(|m| m.node.clone())
            .collect(),
        Kind::MachineConfigPool => found.pools.iter().map(|pool| pool.name.clone()).collect(),
        _ => {
            let of_kind = found.sets.iter().filter(|set| set.kind == kind);
            of_kind.map(|set| set.name.clone()).collect()
        }
    };
    if !known.iter().any(|known| known == name) {
        return Err(CommandError::NotFound {
            kind: kind.name().to_owned(),
            name: name.to_owned(),
            known,
        });
    }
    found
        .sets
        .retain(|set| set.kind == kind && set.name == name);
    found
        .pools
        .retain(|pool| kind == Kind::MachineConfigPool && pool.name == name);
    found.machines.retain(|machine| match kind {
        Kind::Machine => machine.machine.as_deref() == Some(name),
        Kind::Node => machine.node.as_deref() == Some(name),
        Kind::MachineConfigPool => false,
        _ => machine.set.as_deref() == Some(&*set),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_oc_names_them() {
        let check = |text: &str, kind: Kind| assert_eq!(object(text).unwrap().0, kind, "{text}");
        check("machineset/a", Kind::MachineSet);
        check("cpms/cluster", Kind::ControlPlaneMachineSet);
        check("machines.machine.openshift.io/a", Kind::Machine);
        check("node/a", Kind::Node);
        check("mcp/worker", Kind::MachineConfigPool);
        assert!(matches!(object("a"), Err(CommandError::NotAReference(_))));
        assert!(matches!(object("pod/a"), Err(CommandError::Usage(_))));
    }
}
