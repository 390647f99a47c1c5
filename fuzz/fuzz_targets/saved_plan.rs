//! Any text is a plan or none; a plan that is written again reads the same, and an edit that is
//! accepted changes nothing but what its target says (BI-346).
#![no_main]

use bootimage_plan::{DecisionKind, Plan, image_change};
use libfuzzer_sys::fuzz_target;
use openshift_model::names;

fuzz_target!(|text: &str| {
    let Ok(plan) = serde_json::from_str::<Plan>(text) else { return };
    let written = serde_json::to_string(&plan).expect("a plan is JSON");
    assert_eq!(serde_json::from_str::<Plan>(&written).ok().as_ref(), Some(&plan));
    for target in plan.targets.iter().filter(|target| target.decision == DecisionKind::Update) {
        let Ok(change) = image_change(&plan.metadata.profile, target) else { continue };
        let edit = target.patch.as_ref().expect("an edit that is accepted is there");
        for edited in edit.changes() {
            assert!(edited.pointer.contains("/providerSpec/value/"), "{}", edited.pointer);
        }
        if let (Some(to), Some(target)) = (&change.to, &target.target) {
            assert_eq!(to, target);
        }
        if let Some(secret) = &change.user_data_secret {
            assert_eq!(secret, names::MANAGED_WORKER_USER_DATA);
        }
    }
});
