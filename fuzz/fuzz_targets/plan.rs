//! Whatever the input is, planning it neither panics nor hangs, and a plan is the same twice.
#![no_main]

use bootimage_plan::{ClusterSnapshot, Completeness, Facts, Policy, plan};
use libfuzzer_sys::fuzz_target;
use openshift_model::RawObject;

const CLUSTER: [&str; 2] = [
    r#"{"apiVersion":"config.openshift.io/v1","kind":"Infrastructure","metadata":{"name":"cluster"},
        "status":{"platformStatus":{"type":"GCP"}}}"#,
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"coreos-bootimages",
        "namespace":"openshift-machine-config-operator"},"data":{"stream":"{\"architectures\":{
        \"x86_64\":{\"images\":{\"gcp\":{\"project\":\"p\",\"name\":\"n\"}}}}}"}}"#,
];

fuzz_target!(|text: &str| {
    let texts = CLUSTER.iter().copied().chain(text.split('\n'));
    let objects = texts.filter_map(|text| RawObject::parse(text).ok()?).collect();
    let snapshot =
        ClusterSnapshot { completeness: Completeness::Partial, objects, streams: vec![text] };
    let facts = Facts::parse(text).unwrap_or_default();
    let first = plan(&snapshot, &facts, &Policy::default());
    assert_eq!(first, plan(&snapshot, &facts, &Policy::default()));
});
