//! Any bytes are converted or refused, and what was converted is current.
//!
//! `cargo +nightly fuzz run ignition_convert -- -max_total_time=60`

#![no_main]

use ignition_stub_convert::{Conversion, TargetVersion, convert, upgrade};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stub: &[u8]| {
    match convert(stub, TargetVersion::V3_4) {
        Ok(Conversion::Converted(converted)) => {
            let again = convert(converted.document.as_bytes(), TargetVersion::V3_5);
            let version = TargetVersion::V3_4.to_string();
            assert_eq!(again, Ok(Conversion::Current { version }));
        }
        Ok(Conversion::Current { version }) => assert!(version.starts_with("3.")),
        Err(error) => {
            // Texts are made on demand: they must not panic either.
            let _ = error.to_string();
            let _ = upgrade("worker-user-data", stub, TargetVersion::V3_5, "now")
                .map_err(|error| error.to_string());
        }
    }
});
