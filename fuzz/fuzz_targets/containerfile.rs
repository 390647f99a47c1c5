//! Any text has a verdict; what is rendered ends with it, to the byte, and is rendered alike twice.
//!
//! `cargo +nightly fuzz run containerfile -- -max_total_time=60`

#![no_main]

use containerfile_render::{Inputs, check, render};
use libfuzzer_sys::fuzz_target;
use openshift_model::Architecture;

fuzz_target!(|text: &str| {
    let report = check(text);
    let lines = text.lines().count().max(1);
    for advice in &report.advice {
        assert!((1..=lines).contains(&advice.line), "{advice}");
    }
    if let Some(problem) = &report.problem {
        assert!((1..=lines).contains(&problem.line), "{problem}");
    }
    // The same text as the user's part, and as every name around it.
    let inputs = Inputs {
        base_image: "quay.io/os:1",
        extensions_image: "quay.io/extensions:1",
        extensions: &["usbguard"],
        kernel_type: text,
        architecture: &Architecture::Aarch64,
        machine_config: text,
        pool: text,
        content: Some(text),
    };
    if let Ok(rendered) = render(&inputs) {
        assert!(rendered.text.ends_with(text));
        assert_eq!(render(&inputs).as_ref(), Ok(&rendered));
    }
    let named = Inputs {
        machine_config: "rendered-worker-1",
        pool: "worker",
        ..inputs
    };
    if let Ok(rendered) = render(&named) {
        assert!(rendered.text.ends_with(text));
    }
});
