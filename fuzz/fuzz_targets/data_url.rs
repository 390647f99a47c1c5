//! Contents of files in a stub: whatever the source is, packed or not, it is taken over to the byte or
//! refused; what is taken in base64 is base64 for everybody else.
#![no_main]

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ignition_stub_convert::{Conversion, TargetVersion, convert};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// As Go reads base64, which Ignition does: bits that are left over do not count.
const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

fuzz_target!(|input: (bool, &str)| {
    let (is_packed, source) = input;
    let compression = if is_packed { "gzip" } else { "" };
    let stub = json!({"ignition": {"version": "2.2.0"}, "storage": {"files": [{"path": "/a",
        "filesystem": "root", "contents": {"source": source, "compression": compression}}]}});
    let converted = match convert(stub.to_string().as_bytes(), TargetVersion::V3_4) {
        Ok(Conversion::Converted(converted)) => converted,
        Ok(Conversion::Current { version }) => panic!("{version}"),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let document: Value = serde_json::from_str(&converted.document).expect("JSON");
    let written = document.pointer("/storage/files/0/contents/source").and_then(Value::as_str);
    assert_eq!(written.unwrap_or_default(), source);
    let Some(rest) = source.strip_prefix("data:") else { return };
    // Quoted parameters may have a comma, too.
    if let Some((header, data)) = rest.split_once(',')
        && header.ends_with(";base64")
        && !header.contains('"')
    {
        assert!(GO.decode(data.replace('\n', "")).is_ok(), "{source}");
    }
});
