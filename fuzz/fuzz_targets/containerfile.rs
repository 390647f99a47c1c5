//! Any text has a verdict, and rendering has the same one; what is rendered ends as the text does, to
//! the byte, and is rendered alike twice.
//!
//! `cargo +nightly fuzz run containerfile -- -max_total_time=60`

#![no_main]

use containerfile_render::{CheckFor, Inputs, Place, check, render};
use libfuzzer_sys::fuzz_target;
use openshift_model::Architecture;

fuzz_target!(|text: &str| {
    let report = check(text, CheckFor::default());
    let place = Place::Elsewhere;
    check(text, CheckFor { place, ..CheckFor::default() });
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
    // Arguments before the first FROM move to the top.
    let last = text.lines().last().unwrap_or_default();
    if let Ok(rendered) = render(&inputs) {
        assert!(rendered.text.trim_end().ends_with(last.trim_end()));
        assert_eq!(render(&inputs).as_ref(), Ok(&rendered));
    }
    let named = Inputs {
        machine_config: "rendered-worker-1",
        pool: "worker",
        ..inputs
    };
    let rendered = render(&Inputs {
        kernel_type: "default",
        ..named
    });
    assert_eq!(rendered.is_ok(), report.problem.is_none());
});
