//! Canonical JSON is JSON of the same value, and its own canonical form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openshift_model::canonical;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let mut once = Vec::new();
    canonical::write(text, &mut once);
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let written: Value = serde_json::from_slice(&once).expect("canonical JSON is JSON");
    assert_eq!(written, value);
    let mut twice = Vec::new();
    canonical::write(std::str::from_utf8(&once).expect("JSON is UTF-8"), &mut twice);
    assert_eq!(once, twice);
});
