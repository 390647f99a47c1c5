//! Why sets are left as they are, below the table of a plan.

use std::collections::BTreeMap;
use std::io::{Result, Write};

use bootimage_plan::{DecisionKind, Plan, Target};

use super::table::short_name;
use crate::text::wrap;

/// How many names a line gives.
const SHOWN_NAMES: usize = 5;

/// A paragraph for each decision and reason, with the sets that it is about: two hundred sets that are
/// left alone for the same reason are one matter. Ordered by the first of them.
pub(super) fn reasons(out: &mut dyn Write, plan: &Plan) -> Result<()> {
    let told = plan.targets.iter().filter(|target| is_told(target));
    for ((decision, reason), targets) in grouped(told, |target| (target.decision, target.reason)) {
        writeln!(out, "\n{}, {reason}: {}", decision.name(), names(&targets))?;
        let messages = grouped(targets.iter().copied(), |target| &*target.message);
        let differ = messages.len() > 1;
        for (message, about) in messages {
            let about = differ.then(|| format!("{}: ", names(&about)));
            let line = format!("{}{message}", about.unwrap_or_default());
            write!(out, "{}", wrap(&line, 2))?;
        }
    }
    Ok(())
}

/// Targets with the same key together, each group where its first one was.
fn grouped<'t, K: Ord + Copy>(
    targets: impl Iterator<Item = &'t Target>,
    key: impl Fn(&'t Target) -> K,
) -> Vec<(K, Vec<&'t Target>)> {
    let mut groups: Vec<(K, Vec<&Target>)> = Vec::new();
    let mut places = BTreeMap::new();
    for target in targets {
        let key = key(target);
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(target),
            None => groups.push((key, vec![target])),
        }
    }
    groups
}

/// Whether the line in the table does not say it all.
fn is_told(target: &Target) -> bool {
    use DecisionKind::{Blocked, NotManaged, Skip, Undecided, UpToDate, Update};
    match target.decision {
        Blocked | Undecided | Skip => true,
        // The image stays, something else of the set changes.
        Update => target.current == target.target,
        UpToDate | NotManaged => false,
    }
}

/// The first few names, and how many there are besides.
fn names(targets: &[&Target]) -> String {
    let shown: Vec<_> = targets
        .iter()
        .take(SHOWN_NAMES)
        .copied()
        .map(short_name)
        .collect();
    match targets.len().saturating_sub(SHOWN_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use bootimage_plan::{ClusterSnapshot, Completeness, Facts, Policy, plan};
    use openshift_model::RawObject;
    use serde_json::json;

    use super::*;

    /// The paragraphs of a plan with sets that are owned, and sets of Windows.
    fn paragraphs(owned: usize, windows: usize) -> String {
        let set = |name: String, labels: serde_json::Value, owners: serde_json::Value| {
            json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
                "metadata": {"name": name, "namespace": "openshift-machine-api", "labels": labels,
                    "ownerReferences": owners}, "spec": {"template": {"metadata": {"labels": labels}}}})
        };
        let pool = |number: usize| json!([{"apiVersion": "a/v1", "kind": "Pool", "name": format!("p{number}"), "uid": "u"}]);
        let label = json!({"machine.openshift.io/os-id": "Windows"});
        let owned = (0..owned).map(|number| set(format!("o{number}"), json!({}), pool(number % 2)));
        let windows =
            (0..windows).map(|number| set(format!("w{number}"), label.clone(), json!([])));
        let all = json!([{"resource": "machinesets", "apiGroup": "machine.openshift.io",
            "selection": {"mode": "All"}}]);
        let configuration = json!({"apiVersion": "operator.openshift.io/v1",
            "kind": "MachineConfiguration", "metadata": {"name": "cluster"},
            "spec": {"managedBootImages": {"machineManagers": all}}});
        let infrastructure = json!({"apiVersion": "config.openshift.io/v1",
            "kind": "Infrastructure", "metadata": {"name": "cluster"},
            "status": {"platformStatus": {"type": "GCP"}}});
        let objects = owned.chain(windows).chain([configuration, infrastructure]);
        let texts: Vec<_> = objects.map(|object| object.to_string()).collect();
        let objects = texts
            .iter()
            .map(|text| RawObject::parse(text).unwrap().unwrap());
        let snapshot = ClusterSnapshot {
            completeness: Completeness::Partial,
            objects: objects.collect(),
            streams: Vec::new(),
        };
        let plan = plan(&snapshot, &Facts::default(), &Policy::default());
        let mut out = Vec::new();
        reasons(&mut out, &plan).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn there_is_one_paragraph_for_a_reason() {
        let text = paragraphs(3, 7);
        let starts = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(starts("Skip, "), 2, "is: {text}");
        assert!(
            text.contains("Skip, OwnerReference: o0, o1, o2\n  o0, o2: Pool/p0 "),
            "{text}"
        );
        assert!(text.contains("  o1: Pool/p1 "), "{text}");
        let windows = "Skip, WindowsMachineSet: w0, w1, w2, w3, w4 and 2 more\n  it makes Windows";
        assert!(text.contains(windows), "{text}");
    }
}
