//! Canonical JSON is JSON, and its own canonical form; text that is none panics nowhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openshift_model::canonical;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let mut once = Vec::new();
    canonical::write(text, &mut once);
    if serde_json::from_str::<Value>(text).is_err() {
        return;
    }
    let written: Result<Value, _> = serde_json::from_slice(&once);
    assert!(written.is_ok(), "canonical JSON is JSON");
    let mut twice = Vec::new();
    canonical::write(std::str::from_utf8(&once).expect("JSON is UTF-8"), &mut twice);
    assert_eq!(once, twice);
});
