//! What led to a pass: the objects that are not what they were when the last plan was made.

use std::collections::BTreeMap;

use bootimage_status::Change;
use openshift_model::{Kind, RawObject};

use crate::{Digest, Digester, InputKind, InputObject, Plan, live_namespace};

/// What a plan was made of, as digests of what rules read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownInputs(BTreeMap<(Kind, String, String), Digest>);

/// The kinds whose changes lead to a pass, those first that concern the most (BI-121).
const TRIGGERS: [Kind; 5] = [
    Kind::ClusterVersion,
    Kind::ConfigMap,
    Kind::MachineConfiguration,
    Kind::ControlPlaneMachineSet,
    Kind::MachineSet,
];

impl KnownInputs {
    /// What a plan was made of.
    pub fn of(plan: &Plan) -> Self {
        let inputs = plan.metadata.inputs.iter();
        Self(
            inputs
                .filter_map(|input| Some((key(input)?, input.digest)))
                .collect(),
        )
    }

    /// An object is now this, by a write of our own: that leads to no pass.
    pub fn written(&mut self, object: &RawObject<'_>) {
        let namespace = object.namespace.as_str().to_owned();
        let key = (object.kind, namespace, object.name.as_str().to_owned());
        self.0.insert(key, Digester::default().digest(object));
    }

    /// BI-121, BI-122: what has changed until another plan was made; of several changes that which
    /// concerns the most. `None` where nothing that leads to a pass is another: a number of
    /// replicas, a status, a Node.
    pub fn changed(&self, later: &Self) -> Option<(Kind, Change)> {
        TRIGGERS.into_iter().find_map(|kind| {
            let change = self.change_of(later, kind)?;
            Some((kind, change))
        })
    }

    fn change_of(&self, later: &Self, kind: Kind) -> Option<Change> {
        let of_kind = |(of, ..): &&(Kind, String, String)| *of == kind;
        let mut now = later.0.iter().filter(|(key, _)| of_kind(key));
        let changed = now.find_map(|(key, digest)| match self.0.get(key) {
            None => Some(Change::Added),
            Some(before) if before != digest => Some(Change::Updated),
            Some(_) => None,
        });
        changed.or_else(|| {
            let mut before = self.0.keys().filter(of_kind);
            before
                .any(|key| !later.0.contains_key(key))
                .then_some(Change::Deleted)
        })
    }
}

fn key(input: &InputObject) -> Option<(Kind, String, String)> {
    let InputKind::Object(kind) = input.kind else {
        return None;
    };
    let namespace = live_namespace(kind, &input.namespace).to_owned();
    Some((kind, namespace, input.name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(inputs: &[(Kind, &str, &str)]) -> KnownInputs {
        let entry = |(kind, name, content): &(Kind, &str, &str)| {
            let key = (*kind, String::new(), (*name).to_owned());
            (key, Digest::of(content.as_bytes()))
        };
        KnownInputs(inputs.iter().map(entry).collect())
    }

    #[test]
    fn bi_121_what_concerns_the_most_is_what_led_to_a_pass() {
        use Change::{Added, Deleted, Updated};
        let set = |content| (Kind::MachineSet, "a", content);
        let stream = |content| (Kind::ConfigMap, "coreos-bootimages", content);
        let before = inputs(&[set("1"), stream("1"), (Kind::Node, "n", "1")]);
        for (after, expected) in [
            (&[set("1"), stream("1"), (Kind::Node, "n", "2")][..], None),
            (&[set("2"), stream("1")], Some((Kind::MachineSet, Updated))),
            (&[set("2"), stream("2")], Some((Kind::ConfigMap, Updated))),
            (&[stream("1")], Some((Kind::MachineSet, Deleted))),
            (
                &[set("1"), (Kind::MachineSet, "b", "1"), stream("1")],
                Some((Kind::MachineSet, Added)),
            ),
        ] {
            assert_eq!(before.changed(&inputs(after)), expected, "{after:?}");
        }
    }
}
