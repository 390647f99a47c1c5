//! User-data Secrets that are missing or cannot be converted, in a snapshot that holds the whole
//! cluster (T-14, BI-350, BI-352).

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

mod cluster;

use bootimage_plan::{Completeness, DecisionKind, Facts, Plan, ReasonCode};
use cluster::{planned_with, resource, secret};
use openshift_model::Kind;
use serde_json::{Value, json};

/// A cluster with one outdated set, and the Secrets that are given.
fn planned(completeness: Completeness, secrets: &[Value]) -> Plan {
    let set = resource(
        Kind::MachineSet,
        "a",
        &json!({"userDataSecret": {"name": "worker-user-data"},
            "disks": [{"boot": true, "image": "projects/rhcos-cloud/global/images/old"}]}),
    );
    let objects: Vec<_> = std::iter::once(&set).chain(secrets).cloned().collect();
    planned_with("GCP", completeness, &Facts::default(), &objects)
}

/// Decision and reason of the set, whether the condition says Degraded, whether the cluster may be
/// upgraded.
fn found(plan: &Plan) -> (DecisionKind, ReasonCode, bool, bool) {
    let target = plan.targets.first().unwrap();
    let degraded = plan.status.conditions.get(1).unwrap();
    (
        target.decision,
        target.reason,
        degraded.status == "True",
        plan.skew.upgradeable == Some(true),
    )
}

const CURRENT: &str = r#"{"ignition":{"version":"3.5.0"}}"#;

#[test]
fn t_14_bi_352_a_secret_that_a_whole_cluster_lacks_degrades_until_it_is_restored() {
    let missing = planned(Completeness::Complete, &[]);
    let blocked = (
        DecisionKind::Blocked,
        ReasonCode::UserDataMissing,
        true,
        false,
    );
    assert_eq!(found(&missing), blocked);
    let message = &missing.status.conditions.get(1).unwrap().message;
    let tail = "Error(s): error syncing MAPI MachineSet a: failed to reconcile machineset a, err: \
                error grabbing user data secret referenced in machineset: secrets \
                \"worker-user-data\" not found";
    assert!(message.ends_with(tail), "{message}");
    assert!(missing.targets.first().unwrap().patch.is_none());
    // Another one does not do.
    let other = planned(Completeness::Complete, &[secret("other", CURRENT)]);
    assert_eq!(found(&other), blocked);
    let restored = planned(
        Completeness::Complete,
        &[secret("worker-user-data", CURRENT)],
    );
    let updated = (DecisionKind::Update, ReasonCode::OutdatedImage, false, true);
    assert_eq!(found(&restored), updated);
    // Files may just not have it.
    assert_eq!(found(&planned(Completeness::Partial, &[])), updated);
}

#[test]
fn t_14_bi_352_a_secret_that_blocks_a_set_stands_among_the_inputs() {
    let inputs = |stub: &str| {
        let secrets = [secret("worker-user-data", stub), secret("other", CURRENT)];
        let plan = planned(Completeness::Complete, &secrets);
        let inputs = plan.metadata.inputs.iter();
        let names = inputs.filter(|input| input.kind.name() == "Secret");
        let names: Vec<String> = names.map(|input| input.name.clone()).collect();
        (found(&plan).1, names)
    };
    let names = || vec!["worker-user-data".to_owned()];
    for (stub, reason) in [
        (CURRENT, ReasonCode::OutdatedImage),
        (
            r#"{"ignition":{"version":"2.2.0"}}"#,
            ReasonCode::OutdatedImage,
        ),
        ("this is not json {data}", ReasonCode::UserDataInvalid),
        (
            r#"{"ignition":{"version":"1.2.0"}}"#,
            ReasonCode::UserDataUnconvertible,
        ),
    ] {
        assert_eq!(inputs(stub), (reason, names()), "{stub}");
    }
}
