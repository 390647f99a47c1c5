//! Any line is a label selector or an error; a selector is written as a line, and as JSON, that select
//! the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openshift_model::{LabelSelector, StringMap};

const LABELS: [&[(&str, &str)]; 4] =
    [&[], &[("a", "b")], &[("a", ""), ("c", "d")], &[("a", "c"), ("c", "b"), ("e", "f")]];

fuzz_target!(|text: &str| {
    let Ok(selector) = LabelSelector::parse(text) else { return };
    let json = serde_json::to_string(&selector).expect("a selector is JSON");
    let of_json: LabelSelector = serde_json::from_str(&json).expect("our own JSON is read");
    assert_eq!(of_json, selector);
    let compiled = match selector.compile() {
        Ok(compiled) => compiled,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let line = compiled.to_string();
    let again = LabelSelector::parse(&line).expect("our own line is read");
    let again = again.compile().expect("what was right stays right");
    for labels in LABELS {
        let labels: StringMap<'_> = labels.iter().copied().collect();
        assert_eq!(compiled.matches(&labels), again.matches(&labels), "{line}");
    }
});
