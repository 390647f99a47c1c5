//! How a cluster stands to a plan that was made of it: what `apply` compares before it writes.

use std::collections::BTreeMap;

use openshift_model::{Edit, Kind, ObjectRef, RawObject, names};

use crate::user_data::stub_of;
use crate::{
    ClusterSnapshot, Digest, Digester, GeneratedFrom, InputKind, InputObject, Plan, Target,
    UserData,
};

/// How an object stands to the plan that was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is what the plan was made of.
    AsPlanned,
    /// It is what the plan makes of it: somebody was here before, perhaps we.
    AsLeft,
    /// It is neither as planned nor as the plan leaves it.
    Moved(Movement),
}

/// What happened to an object since the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Movement {
    /// It is not there any more.
    #[error("it is gone")]
    Gone,
    /// Another object has its name.
    #[error("it was deleted and made again (uid {planned}, now {found})")]
    Replaced {
        /// The uid in the plan.
        planned: String,
        /// The uid in the cluster.
        found: String,
    },
    /// The part of it that rules read is another.
    #[error("it was changed (resourceVersion {planned}, now {found})")]
    Changed {
        /// The resource version in the plan.
        planned: String,
        /// The resource version in the cluster.
        found: String,
    },
    /// The plan was made without it.
    #[error("it is new: the plan was made without it")]
    Appeared,
}

/// An object that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which one.
    pub object: ObjectRef,
    /// What happened to it.
    pub movement: Movement,
}

impl Moved {
    /// Whether the object of which every cluster has one is another: so is the cluster.
    pub fn is_another_cluster(&self) -> bool {
        let of_cluster = [Kind::ClusterVersion, Kind::Infrastructure];
        matches!(self.movement, Movement::Replaced { .. })
            && of_cluster
                .iter()
                .any(|kind| kind.name() == self.object.kind)
    }
}

/// The namespace that an object of a manifest has in a cluster: a manifest may leave that of the
/// Machine API out, and give one to what has none (BI-409).
pub fn live_namespace(kind: Kind, namespace: &str) -> &str {
    match kind {
        Kind::MachineSet | Kind::ControlPlaneMachineSet | Kind::Secret if namespace.is_empty() => {
            names::MACHINE_API_NAMESPACE
        }
        _ if kind.is_namespaced() => namespace,
        _ => "",
    }
}

/// How one object stands to the plan. `edit` is what the plan does to it, if anything; `live` the
/// object as it is now.
pub fn standing(
    planned: &InputObject,
    edit: Option<&Edit>,
    live: Option<&RawObject<'_>>,
) -> Standing {
    compare(planned, live, |object| {
        let mut digester = Digester::default();
        if digester.digest(object) == planned.digest {
            return Some(Standing::AsPlanned);
        }
        let before = taken_back(object, edit?)?;
        let before = RawObject::parse(&before).ok()??;
        (digester.digest(&before) == planned.digest).then_some(Standing::AsLeft)
    })
}

/// How a user-data Secret stands to the plan: by the digests of its stub, since a conversion leaves
/// annotations behind that tell its time.
pub fn user_data_standing(
    planned: &InputObject,
    data: &UserData,
    live: Option<&RawObject<'_>>,
) -> Standing {
    compare(planned, live, |object| {
        let digest = Digest::of(&stub_of(object).ok()?);
        let is = |wanted: &Option<Box<Digest>>| wanted.as_deref() == Some(&digest);
        if is(&data.digest_before) {
            Some(Standing::AsPlanned)
        } else {
            is(&data.digest_after).then_some(Standing::AsLeft)
        }
    })
}

fn compare<'a, 'o>(
    planned: &InputObject,
    live: Option<&'o RawObject<'a>>,
    standing: impl FnOnce(&'o RawObject<'a>) -> Option<Standing>,
) -> Standing {
    let Some(object) = live else {
        return Standing::Moved(Movement::Gone);
    };
    let meta = object.meta().unwrap_or_default();
    let found = meta.uid.as_deref().unwrap_or_default();
    if let Some(uid) = planned.uid.as_deref().filter(|uid| *uid != found) {
        return Standing::Moved(Movement::Replaced {
            planned: uid.to_owned(),
            found: found.to_owned(),
        });
    }
    standing(object).unwrap_or_else(|| {
        let version = meta.resource_version.as_deref().unwrap_or("unknown");
        Standing::Moved(Movement::Changed {
            planned: planned
                .resource_version
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
            found: version.to_owned(),
        })
    })
}

/// The object as it was before an edit, if the edit was made.
fn taken_back(object: &RawObject<'_>, edit: &Edit) -> Option<String> {
    let mut value = object.to_value().ok()?;
    edit.inverse().apply(&mut value).ok()?;
    Some(value.to_string())
}

/// Everything that a plan was made of and that is not so any more, but for what already is as the
/// plan leaves it. `live` is the cluster as it is now, the plan's Secrets included, and
/// `live_inputs` what a plan made of it reads. `concerns` picks the targets that are to be carried
/// out; a machine resource that is none of them may do what it likes.
pub fn moved(
    plan: &Plan,
    live: &ClusterSnapshot<'_>,
    live_inputs: &[InputObject],
    concerns: impl Fn(&Target) -> bool,
) -> Vec<Moved> {
    let objects: BTreeMap<_, _> = live
        .objects
        .iter()
        .map(|object| {
            (
                (object.kind, object.namespace.as_str(), object.name.as_str()),
                object,
            )
        })
        .collect();
    let targets: BTreeMap<_, _> = plan
        .targets
        .iter()
        .filter(|target| concerns(target))
        .map(|target| {
            (
                (target.kind, target.namespace.as_ref(), target.name.as_str()),
                target,
            )
        })
        .collect();
    let user_data: BTreeMap<_, _> = targets
        .values()
        .filter_map(|target| target.user_data.as_deref())
        .map(|data| (data.secret.as_str(), data))
        .collect();
    let mut moved = Vec::new();
    for planned in &plan.metadata.inputs {
        // A file and a policy flag are no part of a cluster.
        let InputKind::Object(kind) = planned.kind else {
            continue;
        };
        let name = planned.name.as_str();
        let key = (kind, planned.namespace.as_ref(), name);
        let there = (kind, live_namespace(kind, &planned.namespace), name);
        let object = objects.get(&there).copied();
        let standing = match kind {
            Kind::MachineSet | Kind::ControlPlaneMachineSet => match targets.get(&key) {
                Some(target) => standing(planned, target.patch.as_ref(), object),
                None => continue,
            },
            Kind::Secret => match user_data.get(planned.name.as_str()) {
                Some(data) => user_data_standing(planned, data, object),
                None => continue,
            },
            // Nodes come and go; what a plan reads of them, the architecture, stays.
            Kind::Node => continue,
            _ => standing(planned, None, object),
        };
        if let Standing::Moved(movement) = standing {
            moved.push(Moved {
                object: reference(planned),
                movement,
            });
        }
    }
    moved.extend(appeared(plan, live_inputs));
    moved
}

/// What holds for all targets and was not there when the plan was made. New machine resources and
/// nodes change nothing of what was decided about others. Of files only that counts on which
/// decisions depend: what a forecast is made from may be missing in them.
fn appeared<'p>(plan: &'p Plan, live: &'p [InputObject]) -> impl Iterator<Item = Moved> + 'p {
    let same = |a: &InputObject, b: &InputObject| {
        let namespace =
            |kind: Kind, input: &InputObject| live_namespace(kind, &input.namespace).to_owned();
        (a.kind, &a.name) == (b.kind, &b.name)
            && match a.kind {
                InputKind::Object(kind) => namespace(kind, a) == namespace(kind, b),
                InputKind::File => true,
            }
    };
    let from_files = plan.metadata.generated_from == GeneratedFrom::Files;
    let is_shared = move |input: &&InputObject| match input.kind {
        InputKind::File => false,
        InputKind::Object(kind) => is_shared(kind, from_files),
    };
    live.iter()
        .filter(is_shared)
        .filter(move |input| {
            !plan
                .metadata
                .inputs
                .iter()
                .any(|planned| same(planned, input))
        })
        .map(|input| Moved {
            object: reference(input),
            movement: Movement::Appeared,
        })
}

/// Whether decisions on all targets depend on objects of a kind; of files only on some.
fn is_shared(kind: Kind, from_files: bool) -> bool {
    match kind {
        Kind::MachineSet | Kind::ControlPlaneMachineSet | Kind::Secret | Kind::Node => false,
        Kind::ClusterVersion
        | Kind::ConfigMap
        | Kind::FeatureGate
        | Kind::Infrastructure
        | Kind::MachineConfiguration => true,
        _ => !from_files,
    }
}

fn reference(input: &InputObject) -> ObjectRef {
    ObjectRef {
        kind: input.kind.name().to_owned(),
        namespace: input.namespace.clone().into_owned(),
        name: input.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserDataDecision;
    use serde_json::{Value, json};

    fn set(image: &str, label: &str, uid: &str) -> Value {
        json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
            "metadata": {"name": "a", "namespace": "n", "uid": uid, "resourceVersion": "7",
                "labels": {"l": label}},
            "spec": {"replicas": 1, "template": {"spec": {"image": image}}}})
    }

    fn input(object: &Value) -> InputObject {
        let text = object.to_string();
        let raw = RawObject::parse(&text).unwrap().unwrap();
        InputObject {
            kind: raw.kind.into(),
            namespace: raw.namespace.as_str().to_owned().into(),
            name: raw.name.as_str().to_owned(),
            uid: object["metadata"]["uid"].as_str().map(str::to_owned),
            resource_version: Some("5".to_owned()),
            digest: Digester::default().digest(&raw),
        }
    }

    fn stands(planned: &InputObject, live: Option<&Value>) -> Standing {
        let mut edit = Edit::default();
        edit.replace("/spec/template/spec/image", "old", "new")
            .unwrap();
        let text = live.map(Value::to_string);
        let raw = text
            .as_deref()
            .map(|text| RawObject::parse(text).unwrap().unwrap());
        standing(planned, Some(&edit), raw.as_ref())
    }

    #[test]
    fn an_object_is_as_planned_or_as_left_or_moved() {
        let planned = input(&set("old", "x", "u"));
        assert_eq!(
            stands(&planned, Some(&set("old", "x", "u"))),
            Standing::AsPlanned
        );
        assert_eq!(
            stands(&planned, Some(&set("new", "x", "u"))),
            Standing::AsLeft
        );
        let mut scaled = set("old", "x", "u");
        scaled["spec"]["replicas"] = json!(9);
        assert_eq!(stands(&planned, Some(&scaled)), Standing::AsPlanned);
        assert_eq!(stands(&planned, None), Standing::Moved(Movement::Gone));
        let changed = Standing::Moved(Movement::Changed {
            planned: "5".to_owned(),
            found: "7".to_owned(),
        });
        // Half of it is as the plan leaves it, and something else moved.
        for moved in [
            set("new", "y", "u"),
            set("old", "y", "u"),
            set("other", "x", "u"),
        ] {
            assert_eq!(stands(&planned, Some(&moved)), changed, "{moved}");
        }
        let replaced = stands(&planned, Some(&set("old", "x", "v")));
        let Standing::Moved(replaced) = replaced else {
            panic!("another uid is another object")
        };
        assert_eq!(
            replaced.to_string(),
            "it was deleted and made again (uid u, now v)"
        );
        // A manifest has no uid to compare.
        let mut without = planned;
        without.uid = None;
        assert_eq!(
            stands(&without, Some(&set("old", "x", "v"))),
            Standing::AsPlanned
        );
    }

    #[test]
    fn a_cluster_is_another_where_an_object_was_made_again_that_each_has_one_of() {
        let replaced = Movement::Replaced {
            planned: "1".to_owned(),
            found: "2".to_owned(),
        };
        for (kind, movement, is_another) in [
            (Kind::ClusterVersion, &replaced, true),
            (Kind::Infrastructure, &replaced, true),
            (Kind::MachineSet, &replaced, false),
            (Kind::Infrastructure, &Movement::Gone, false),
        ] {
            let moved = Moved {
                object: ObjectRef {
                    kind: kind.name().to_owned(),
                    namespace: String::new(),
                    name: "x".to_owned(),
                },
                movement: movement.clone(),
            };
            assert_eq!(moved.is_another_cluster(), is_another, "{moved:?}");
        }
    }

    #[test]
    fn bi_409_the_namespace_is_the_one_that_the_object_has_in_a_cluster() {
        for (kind, namespace, expected) in [
            (Kind::MachineSet, "", names::MACHINE_API_NAMESPACE),
            (Kind::MachineSet, "n", "n"),
            (Kind::ConfigMap, "", ""),
            (Kind::Infrastructure, "n", ""),
        ] {
            assert_eq!(live_namespace(kind, namespace), expected, "{kind:?}");
        }
    }

    #[test]
    fn bi_409_what_the_plan_was_made_without_is_new() {
        use crate::{Completeness, Facts, Policy, plan};
        const INFRASTRUCTURE: &str = r#"{"apiVersion": "config.openshift.io/v1",
            "kind": "Infrastructure", "metadata": {"name": "cluster"},
            "status": {"platformStatus": {"type": "BareMetal"}}}"#;
        const CONFIGURATION: &str = r#"{"apiVersion": "operator.openshift.io/v1",
            "kind": "MachineConfiguration", "metadata": {"name": "cluster"}}"#;
        const IN_A_NAMESPACE: &str = r#"{"apiVersion": "operator.openshift.io/v1",
            "kind": "MachineConfiguration", "metadata": {"name": "cluster",
            "namespace": "openshift-machine-config-operator"}}"#;
        const PROVISIONING: &str = r#"{"apiVersion": "metal3.io/v1alpha1", "kind": "Provisioning",
            "metadata": {"name": "provisioning-configuration"}}"#;
        let snapshot = |completeness, texts: &[&'static str]| ClusterSnapshot {
            completeness,
            objects: texts
                .iter()
                .filter_map(|text| RawObject::parse(text).unwrap())
                .collect(),
            streams: Vec::new(),
        };
        let planned =
            |snapshot: &ClusterSnapshot<'_>| plan(snapshot, &Facts::default(), &Policy::default());
        let live = snapshot(
            Completeness::Complete,
            &[INFRASTRUCTURE, CONFIGURATION, PROVISIONING],
        );
        let now = planned(&live);
        for (completeness, texts, new) in [
            (
                Completeness::Complete,
                &[INFRASTRUCTURE][..],
                &["MachineConfiguration", "Provisioning"][..],
            ),
            // A forecast needs it, no decision does.
            (
                Completeness::Partial,
                &[INFRASTRUCTURE],
                &["MachineConfiguration"],
            ),
            (Completeness::Partial, &[INFRASTRUCTURE, CONFIGURATION], &[]),
            // BI-409: a cluster-scoped manifest may carry a namespace.
            (
                Completeness::Partial,
                &[INFRASTRUCTURE, IN_A_NAMESPACE],
                &[],
            ),
        ] {
            let plan = planned(&snapshot(completeness, texts));
            let moved = moved(&plan, &live, &now.metadata.inputs, |_| true);
            assert!(
                moved
                    .iter()
                    .all(|moved| moved.movement == Movement::Appeared)
            );
            let kinds: Vec<_> = moved
                .iter()
                .map(|moved| moved.object.kind.as_str())
                .collect();
            assert_eq!(kinds, new, "{texts:?}");
        }
    }

    #[test]
    fn a_secret_is_known_by_its_stub() {
        let secret = |stub: &str, annotation: &str| {
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s",
                "annotations": {"a": annotation}}, "data": {"userData": stub}})
        };
        let planned = input(&secret("b2xk", ""));
        let data = UserData {
            secret: "s".to_owned(),
            decision: UserDataDecision::Convert,
            from: None,
            to: None,
            digest_before: Some(Box::new(Digest::of(b"old"))),
            digest_after: Some(Box::new(Digest::of(b"new"))),
        };
        let stands = |object: Value| {
            let text = object.to_string();
            let raw = RawObject::parse(&text).unwrap().unwrap();
            user_data_standing(&planned, &data, Some(&raw))
        };
        assert_eq!(stands(secret("b2xk", "x")), Standing::AsPlanned);
        assert_eq!(stands(secret("bmV3", "x")), Standing::AsLeft);
        for moved in ["", "?", "b3RoZXI="] {
            assert!(
                matches!(stands(secret(moved, "")), Standing::Moved(_)),
                "{moved}"
            );
        }
    }
}
