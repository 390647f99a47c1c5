//! Any text is a document with facts or an error; what was read is written as a document that reads
//! the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openshift_model::facts::Facts;

fuzz_target!(|text: &str| {
    let facts = match Facts::parse(text) {
        Ok(facts) => facts,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let mut again = Facts::default();
    facts.iter().for_each(|fact| again.insert(fact));
    let written = serde_json::to_string(&again).expect("facts are JSON");
    let read = Facts::parse(&written).expect("our own document is read");
    assert!(read.iter().eq(again.iter()), "{written}");
    assert!(again.iter().eq(facts.iter()));
});
