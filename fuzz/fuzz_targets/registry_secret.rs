//! Any bytes are credentials for registries or an error that shows none of them; credentials in their
//! one shape stay as they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use osbuild_check::normalise;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    match normalise(bytes) {
        Ok(credentials) => {
            let value: Value = serde_json::from_str(&credentials.json).expect("JSON");
            assert!(value.is_object());
            let again = normalise(credentials.json.as_bytes()).expect("our own shape is read");
            assert_eq!((&again.json, again.dropped.len()), (&credentials.json, 0));
            assert!(!format!("{credentials:?}").contains("auths"));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
