//! Any text is an install-config or an error; the JSON that YAML stands for says the same as the YAML.
#![no_main]

use bootimage_selection::vsphere::install_config_disk_type;
use libfuzzer_sys::fuzz_target;
use openshift_model::{StringMap, yaml};

fn disk_type(text: &str) -> Option<String> {
    let data: StringMap<'_> = [("install-config", text)].into_iter().collect();
    match install_config_disk_type(Some(&data)) {
        Ok(found) => Some(found),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fuzz_target!(|text: &str| {
    let found = disk_type(text);
    match yaml::to_json(text) {
        // A member that stands twice is refused in YAML, and JSON is read as YAML.
        Ok(json) => assert_eq!(disk_type(&json), found, "{json}"),
        Err(_) => assert_eq!(found, None),
    }
});
