//! A plan and the cluster as it is now, just before something is written: what moved, whether a
//! controller would write now, and whether the same edit comes out again.

use std::collections::BTreeMap;

use openshift_model::vcenter::VcenterStep;
use openshift_model::{ClusterVersion, Kind, ObjectRef};

use crate::vcenter_steps::{StepsLeft, nothing_there, steps_left};
use crate::{
    ClusterSnapshot, DecisionKind, DeferredPlan, FactRequest, Facts, Moved, Plan, Policy,
    ReasonCode, Target, UserDataDecision, live_namespace, moved, plan, policy_of,
};

/// How a cluster stands to those targets of a plan that are to be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Recheck {
    /// What the plan was made of and is not so any more.
    pub moved: Vec<Moved>,
    /// Why a controller would write nothing now.
    pub deferred: Option<DeferredPlan>,
    /// Targets for which another edit comes out now, although nothing moved: the plan was not made
    /// by these rules of these objects, or was changed since.
    pub differences: Vec<Difference>,
    /// What has to be known of clouds before it is clear whether the same edits come out; without it
    /// the edits that the plan has stand.
    pub needs: Vec<FactRequest>,
    /// Where the answers of vCenters are known: what is left of the steps of the targets.
    pub steps: StepsLeft,
    /// The release that the cluster runs, where it is known.
    pub release: Option<String>,
}

fn release(live: &ClusterSnapshot<'_>) -> Option<String> {
    let mut objects = live.objects.iter();
    let version = objects.find(|object| object.kind == Kind::ClusterVersion)?;
    let version = ClusterVersion::read(version).ok()?;
    version.release().map(str::to_owned)
}

/// A target for which another decision comes out now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The target.
    pub object: ObjectRef,
    /// What comes out instead.
    pub disagreement: Disagreement,
}

/// What the rules say of a target now, against what the plan says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// It is an update, but another one.
    #[error("the rules lead to another edit than the plan has, to {image}")]
    OtherEdit {
        /// The image that the rules lead to.
        image: String,
    },
    /// It is on another platform.
    #[error("it is on {found}, not on {planned} as the plan says")]
    OtherPlatform {
        /// The platform in the plan.
        planned: String,
        /// The platform of the cluster.
        found: String,
    },
    /// BI-320: a vCenter would have to do what the plan does not have.
    #[error("the vCenter would have to do something else first than the plan says: {0}")]
    OtherStep(VcenterStep),
    /// It is no update at all.
    #[error("the rules do not lead to an update: {decision}, {reason}: {message}", decision = .decision.name())]
    NoUpdate {
        /// What becomes of it.
        decision: DecisionKind,
        /// Why, as a code.
        reason: ReasonCode,
        /// Why, for a person.
        message: String,
    },
}

/// Compares a plan with a cluster. `live` has everything that holds for all targets, and at least
/// the targets that `concerns` picks with their user-data Secrets; other machine resources may be
/// missing. Edits are made anew with the policy that the plan names and with `facts`; where another
/// fact is needed, the edit that the plan has stands.
pub fn recheck(
    planned: &Plan,
    live: &ClusterSnapshot<'_>,
    facts: &Facts,
    concerns: impl Fn(&Target) -> bool,
) -> Recheck {
    recheck_with(
        planned,
        live,
        facts,
        &policy_of(&planned.metadata.inputs),
        concerns,
    )
}

/// [`recheck`], for whoever has the policy of the plan itself.
pub fn recheck_with(
    planned: &Plan,
    live: &ClusterSnapshot<'_>,
    facts: &Facts,
    policy: &Policy,
    concerns: impl Fn(&Target) -> bool,
) -> Recheck {
    let now = plan(live, facts, policy);
    let moved = moved(planned, live, &now.metadata.inputs, &concerns);
    let (mut differences, mut steps) = (Vec::new(), StepsLeft::default());
    if moved.is_empty() {
        let decided = by_key(&now);
        let fresh = nothing_there(facts).map(|facts| plan(live, &facts, policy));
        let fresh = fresh.as_ref().map(by_key).unwrap_or_default();
        for target in planned.targets.iter().filter(|target| concerns(target)) {
            let Some(found) = decided.get(&key(target)) else {
                continue;
            };
            let fresh = fresh.get(&key(target)).copied();
            let agreed = match disagreement(target, found) {
                Some(disagreement) => Err(disagreement),
                None => steps_left(target, found, fresh).map_err(Disagreement::OtherStep),
            };
            let disagreement = match agreed {
                Ok(left) => {
                    steps.to_do.extend(left.to_do);
                    steps.done.extend(left.done);
                    continue;
                }
                Err(disagreement) => disagreement,
            };
            differences.push(Difference {
                object: ObjectRef {
                    kind: target.kind.name().to_owned(),
                    namespace: target.namespace.clone().into_owned(),
                    name: target.name.clone(),
                },
                disagreement,
            });
        }
    }
    Recheck {
        moved,
        deferred: now.deferred,
        release: release(live),
        differences,
        needs: now.needs,
        steps,
    }
}

fn by_key(plan: &Plan) -> BTreeMap<(Kind, &str, &str), &Target> {
    let targets = plan.targets.iter();
    targets.map(|target| (key(target), target)).collect()
}

fn key(target: &Target) -> (Kind, &str, &str) {
    let namespace = live_namespace(target.kind, &target.namespace);
    (target.kind, namespace, target.name.as_str())
}

fn disagreement(planned: &Target, found: &Target) -> Option<Disagreement> {
    if let (Some(here), Some(there)) = (&planned.platform, &found.platform)
        && here != there
    {
        return Some(Disagreement::OtherPlatform {
            planned: here.name().to_owned(),
            found: there.name().to_owned(),
        });
    }
    // What the plan was made without is looked at when it is converted.
    let unknown_stub = planned
        .user_data
        .as_deref()
        .is_some_and(|data| data.decision == UserDataDecision::Unknown);
    match found.decision {
        DecisionKind::Update if found.patch == planned.patch => None,
        DecisionKind::Update => Some(Disagreement::OtherEdit {
            image: found.target.clone().unwrap_or_default(),
        }),
        // As the plan leaves it, or not decided without a fact.
        DecisionKind::UpToDate | DecisionKind::Undecided => None,
        DecisionKind::Blocked if unknown_stub => None,
        DecisionKind::Blocked | DecisionKind::Skip | DecisionKind::NotManaged => {
            Some(Disagreement::NoUpdate {
                decision: found.decision,
                reason: found.reason,
                message: found.message.clone().into_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Completeness, Policy, policy_inputs};
    use openshift_model::{Profile, RawObject};
    use serde_json::{Value, json};

    /// A cluster on GCP with one set that boots `image`.
    fn objects(image: &str) -> Vec<Value> {
        let stream = json!({"architectures": {"x86_64": {"images": {"gcp":
            {"project": "rhcos-cloud", "name": "new"}}}}});
        vec![
            json!({"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
                "metadata": {"name": "cluster", "uid": "1"},
                "status": {"controlPlaneTopology": "HighlyAvailable",
                    "platformStatus": {"type": "GCP"}}}),
            json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
                "metadata": {"name": "version", "uid": "2"},
                "status": {"desired": {"version": "4.22.1"}}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coreos-bootimages",
                "namespace": "openshift-machine-config-operator", "uid": "3"},
                "data": {"stream": stream.to_string(), "releaseVersion": "4.22.1"}}),
            json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
                "metadata": {"name": "cluster", "uid": "4"}, "spec": {"managedBootImages":
                {"machineManagers": [{"apiGroup": "machine.openshift.io", "resource": "machinesets",
                "selection": {"mode": "All"}}]}}}),
            json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
                "metadata": {"name": "a", "namespace": "openshift-machine-api", "uid": "5",
                    "annotations": {"capacity.cluster-autoscaler.kubernetes.io/labels":
                        "kubernetes.io/arch=amd64"}},
                "spec": {"template": {"spec": {"providerSpec": {"value": {"userDataSecret":
                {"name": "worker-user-data"}, "disks": [{"boot": true, "image": image}]}}}}}}),
        ]
    }

    const OLD: &str = "projects/rhcos-cloud/global/images/old";

    fn with<R>(objects: &[Value], run: impl FnOnce(&ClusterSnapshot<'_>) -> R) -> R {
        let texts: Vec<_> = objects.iter().map(Value::to_string).collect();
        let snapshot = ClusterSnapshot {
            completeness: Completeness::Partial,
            objects: texts
                .iter()
                .filter_map(|text| RawObject::parse(text).unwrap())
                .collect(),
            streams: Vec::new(),
        };
        run(&snapshot)
    }

    fn planned(policy: &Policy) -> Plan {
        let mut made = with(&objects(OLD), |live| plan(live, &Facts::default(), policy));
        made.metadata.add_inputs(policy_inputs(policy));
        assert_eq!(
            made.targets[0].decision,
            DecisionKind::Update,
            "{:?}",
            made.targets
        );
        made
    }

    fn check(plan: &Plan, live: &[Value], moved: usize, difference: Option<&str>) {
        let found = with(live, |live| {
            recheck(plan, live, &Facts::default(), |_| true)
        });
        assert_eq!(found.moved.len(), moved, "{:?}", found.moved);
        assert_eq!(found.release.as_deref(), Some("4.22.1"));
        let messages: Vec<_> = found
            .differences
            .iter()
            .map(|difference| difference.disagreement.to_string())
            .collect();
        assert_eq!(
            messages.len(),
            usize::from(difference.is_some()),
            "{messages:?}"
        );
        if let Some(part) = difference {
            assert!(messages[0].contains(part), "{messages:?}");
        }
    }

    #[test]
    fn an_edit_that_does_not_come_out_again_is_a_difference() {
        let plan = planned(&Policy::default());
        check(&plan, &objects(OLD), 0, None);
        check(
            &plan,
            &objects("projects/rhcos-cloud/global/images/new"),
            0,
            None,
        );
        check(
            &plan,
            &objects("projects/rhcos-cloud/global/images/x"),
            1,
            None,
        );
        // The plan was changed, and its target with it.
        let mut evil = plan.clone();
        let path = "/spec/template/spec/providerSpec/value/disks/0/image";
        evil.targets[0].patch = serde_json::from_value(json!([
            {"op": "test", "path": path, "value": OLD},
            {"op": "replace", "path": path, "value": "projects/evil/global/images/new"}]))
        .unwrap();
        evil.targets[0].target = Some("projects/evil/global/images/new".to_owned());
        check(
            &evil,
            &objects(OLD),
            0,
            Some("to projects/rhcos-cloud/global/images/new"),
        );
        let mut other = plan.clone();
        other.targets[0].platform = Some(openshift_model::Platform::VSphere);
        check(
            &other,
            &objects(OLD),
            0,
            Some("it is on GCP, not on VSphere"),
        );
    }

    #[test]
    fn a_set_that_is_blocked_now_is_a_difference_unless_its_stub_was_unknown() {
        let plan = planned(&Policy::default());
        let found = Target {
            decision: DecisionKind::Blocked,
            ..plan.targets[0].clone()
        };
        for (known, is_difference) in [
            (UserDataDecision::Unknown, false),
            (UserDataDecision::Convert, true),
        ] {
            let mut planned = plan.targets[0].clone();
            planned.user_data.as_deref_mut().unwrap().decision = known;
            let difference = disagreement(&planned, &found);
            assert_eq!(difference.is_some(), is_difference, "{known:?}");
        }
    }

    #[test]
    fn an_edit_is_made_anew_with_the_policy_of_its_plan() {
        let policy = Policy {
            profile: Some(Profile::P419),
            ..Policy::default()
        };
        check(&planned(&policy), &objects(OLD), 0, None);
    }
}
