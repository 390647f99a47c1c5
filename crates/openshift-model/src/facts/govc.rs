//! What govc prints, as answers: `govc find -json` says where machines are, `govc object.collect
//! -json` what a machine says of itself. Neither says of which vCenter it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{VsphereMachine, VsphereMachines, VsphereSearch};

const NAME: &str = "name";
const VERSION: &str = "summary.config.product.version";
const DEVICES: &str = "config.hardware.device";

/// Saved output of govc.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GovcOutput {
    /// Inventory paths of machines.
    paths: BTreeSet<String>,
    /// What machines say of themselves, by name; of two with the same name nobody knows which is
    /// meant.
    collected: BTreeMap<String, Option<VsphereMachine>>,
}

/// A property, as `object.collect` prints it.
#[derive(Deserialize)]
struct Property<'a> {
    name: String,
    #[serde(borrow)]
    val: Option<&'a RawValue>,
}

/// An object, as `object.collect -type m` prints it.
#[derive(Deserialize)]
struct Update<'a> {
    #[serde(borrow, rename = "changeSet")]
    change_set: Vec<Property<'a>>,
}

/// A list of devices: as `object.collect` prints it, or as the API has it.
#[derive(Deserialize)]
struct Devices {
    #[serde(rename = "_value", default)]
    value: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    /// Disks alone have it.
    #[serde(rename = "capacityInKB")]
    capacity: Option<serde::de::IgnoredAny>,
    backing: Option<Backing>,
}

/// Those of flat disks have the first member.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Backing {
    thin_provisioned: Option<bool>,
    eagerly_scrub: Option<bool>,
}

impl GovcOutput {
    /// Takes one document; how many machines it speaks of, or `None` where govc did not print it.
    pub(super) fn read(&mut self, document: &RawValue) -> Option<usize> {
        let text = document.get();
        if let Ok(paths) = serde_json::from_str::<Vec<String>>(text) {
            let are_paths = !paths.is_empty() && paths.iter().all(|path| path.starts_with('/'));
            let count = paths.len();
            return are_paths.then(|| {
                self.paths.extend(paths);
                count
            });
        }
        let properties = serde_json::from_str::<Vec<Property<'_>>>(text);
        let properties = properties
            .or_else(|_| serde_json::from_str(text).map(|update: Update<'_>| update.change_set));
        let (name, machine) = machine(&properties.ok()?)?;
        self.collected
            .entry(name)
            .and_modify(|known| {
                if known.as_ref() != Some(&machine) {
                    *known = None;
                }
            })
            .or_insert_with(|| Some(machine.clone()));
        Some(1)
    }

    /// BI-316 … BI-321: the answer to a question; `None` where the output does not tell: it does not
    /// list the machine that is asked for first, the template that a set has now, so that it may be
    /// a part of a list; or it lacks what a machine in the folder says of itself.
    pub(super) fn answer(&self, search: &VsphereSearch) -> Option<VsphereMachines> {
        let datacenter = format!("/{}/", search.datacenter.trim_matches('/'));
        let first = format!("/{}", search.names.first()?);
        let is_first = |path: &&String| path.starts_with(&datacenter) && path.ends_with(&first);
        self.paths.iter().find(is_first)?;
        let folder = search.folder.trim_end_matches('/');
        let mut machines = Vec::new();
        for path in &self.paths {
            let Some((parent, name)) = path.rsplit_once('/') else {
                continue;
            };
            let is_asked = search.names.iter().any(|asked| asked == name);
            if !is_asked || !path.starts_with(&datacenter) {
                continue;
            }
            let collected = self.collected.get(name).cloned().flatten();
            let machine = match collected {
                Some(machine) => machine,
                // What stands elsewhere is not looked at.
                None if parent != folder && folder.starts_with('/') => VsphereMachine::default(),
                None => return None,
            };
            machines.push(VsphereMachine {
                path: path.clone(),
                ..machine
            });
        }
        Some(VsphereMachines {
            folder_path: folder.starts_with('/').then(|| folder.to_owned()),
            machines,
        })
    }
}

/// Name of a machine, and what it says of itself, without its path.
fn machine(properties: &[Property<'_>]) -> Option<(String, VsphereMachine)> {
    let value = |name: &str| {
        let mut properties = properties.iter();
        let property = properties.find(|property| property.name == name)?;
        property.val
    };
    let name = serde_json::from_str(value(NAME)?.get()).ok()?;
    // Without a question there is no answer: a version that was not asked for is not an empty one.
    properties
        .iter()
        .find(|property| property.name == VERSION)?;
    let version = value(VERSION).and_then(|value| serde_json::from_str(value.get()).ok());
    let backing = value(DEVICES).and_then(|devices| flat_backing(devices.get()));
    let machine = VsphereMachine {
        path: String::new(),
        version: version.unwrap_or_default(),
        thin_provisioned: backing
            .as_ref()
            .and_then(|backing| backing.thin_provisioned),
        eagerly_scrub: backing.as_ref().and_then(|backing| backing.eagerly_scrub),
    };
    Some((name, machine))
}

/// BI-332: of the last disk that has one.
fn flat_backing(devices: &str) -> Option<Backing> {
    let devices = serde_json::from_str::<Devices>(devices)
        .map(|devices| devices.value)
        .or_else(|_| serde_json::from_str::<Vec<Device>>(devices));
    let mut backings = devices.ok()?.into_iter().filter_map(|device| {
        device.capacity?;
        let backing = device.backing?;
        backing.thin_provisioned.is_some().then_some(backing)
    });
    backings.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As govc v0.55 prints it, without devices that are no disks.
    const COLLECTED: &str = r#"[
      {"name": "name", "op": "assign", "val": "t"},
      {"name": "summary.config.product.version", "op": "assign", "val": "9.8"},
      {"name": "config.hardware.device", "op": "assign", "val": {"_value": [
        {"key": 700, "backing": {"deviceName": ""}},
        {"key": 203, "backing": {"fileName": "[d] t/t.vmdk", "thinProvisioned": true,
          "eagerlyScrub": false}, "capacityInKB": 1024}]}}]"#;

    fn output(documents: &[&str]) -> GovcOutput {
        let mut output = GovcOutput::default();
        for document in documents {
            let raw: &RawValue = serde_json::from_str(document).unwrap();
            assert!(output.read(raw).is_some(), "{document}");
        }
        output
    }

    fn search(folder: &str) -> VsphereSearch {
        VsphereSearch {
            server: "v".into(),
            datacenter: "dc1".into(),
            folder: folder.into(),
            names: vec!["t".into(), "u".into()],
        }
    }

    /// Paths and versions of what is found.
    fn check(documents: &[&str], folder: &str, expected: Option<&[(&str, &str)]>) {
        let answer = output(documents).answer(&search(folder));
        let found = answer.as_ref().map(|answer| {
            let machines = answer.machines.iter();
            machines
                .map(|machine| (machine.path.as_str(), machine.version.as_str()))
                .collect::<Vec<_>>()
        });
        assert_eq!(found.as_deref(), expected, "{documents:?}");
    }

    #[test]
    fn bi_316_bi_321_paths_and_what_machines_say_are_an_answer() {
        let folder = "/dc1/vm/f";
        let paths = r#"["/dc1/vm/f/t", "/dc1/vm/f/node", "/dc1/vm/other/u"]"#;
        let both = [("/dc1/vm/f/t", "9.8"), ("/dc1/vm/other/u", "")];
        check(&[COLLECTED, paths], folder, Some(&both));
        check(&[COLLECTED, COLLECTED, paths], folder, Some(&both));
        let update = format!(r#"{{"kind": "enter", "obj": {{}}, "changeSet": {COLLECTED}}}"#);
        check(&[&update, paths], folder, Some(&both));
        let machines = output(&[COLLECTED, paths]).answer(&search(folder)).unwrap();
        assert_eq!(machines.folder_path.as_deref(), Some(folder));
        let flags = |machine: &VsphereMachine| (machine.thin_provisioned, machine.eagerly_scrub);
        assert_eq!(flags(&machines.machines[0]), (Some(true), Some(false)));
    }

    #[test]
    fn what_is_not_told_is_not_answered() {
        let folder = "/dc1/vm/f";
        let paths = r#"["/dc1/vm/f/t"]"#;
        check(&[paths], folder, None);
        check(&[r#"["/dc1/vm/f/node"]"#], folder, None);
        check(&[COLLECTED], folder, None);
        check(&[COLLECTED, r#"["/dc2/vm/f/t"]"#], folder, None);
        let other = COLLECTED.replace("9.8", "9.7");
        check(&[COLLECTED, &other, paths], folder, None);
        // Nobody knows which of the folders is meant.
        check(&[r#"["/dc1/vm/x/t"]"#], "", None);
    }

    #[test]
    fn other_documents_are_not_taken() {
        for document in [
            r#"["ami-1"]"#,
            r#"[{"name": "name", "val": "t"}]"#,
            r#"[{"name": "summary.config.product.version", "val": "9.8"}]"#,
            "{}",
            "[]",
            "null",
            "1",
            r#"{"Images": []}"#,
        ] {
            let raw: &RawValue = serde_json::from_str(document).unwrap();
            assert_eq!(GovcOutput::default().read(raw), None, "{document}");
        }
    }
}
