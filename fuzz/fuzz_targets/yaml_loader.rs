//! Whatever a file holds: YAML becomes valid JSON that is no longer than allowed, and leaving out what
//! nobody reads changes neither the objects nor how many are of other kinds.
#![no_main]

use cluster_io::{files, load, yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(json) = yaml::to_json(text) {
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok(), "{json}");
        assert!(json.len() <= (32 * text.len()).max(64 << 10).min(64 << 20).max(6 * text.len()));
    }
    let all = files::of_bytes("f", text.as_bytes());
    if !all.errors.is_empty() {
        return;
    }
    let all = load(&all);
    // What is left out is not parsed, so that nothing is said about mistakes in it.
    if !all.errors.is_empty() {
        return;
    }
    let looked = files::objects_of_bytes("f", text.as_bytes());
    let looked = load(&looked);
    let names = |loaded: &cluster_io::Loaded<'_>| {
        let objects = loaded.objects.iter().map(|object| object.reference().to_string());
        objects.collect::<Vec<_>>()
    };
    assert_eq!((names(&all), all.ignored), (names(&looked), looked.ignored));
});
