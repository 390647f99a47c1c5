//! Any text is a version of a boot image or none; a version is written as a text that is the same
//! version, and versions have an order. Any output of a node tells of its image, or nothing.
#![no_main]

use std::cmp::Ordering;

use bootimage_hazards::{BootImageVersion, aleph};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = aleph::read(text).map(|files| {
        files.iter().filter(|file| file.version.is_ok()).for_each(|file| {
            let version = file.version.as_ref().expect("it was looked at").to_string();
            assert!(BootImageVersion::parse(&version).is_some(), "{version}");
        });
    });
    let versions: Vec<_> = text.split(' ').take(8).filter_map(BootImageVersion::parse).collect();
    for version in &versions {
        let again = BootImageVersion::parse(&version.to_string());
        assert_eq!(again.as_ref(), Some(version));
        for other in &versions {
            assert_eq!(version.cmp(other), other.cmp(version).reverse());
            for third in &versions {
                if version < other && other < third {
                    assert_eq!(version.cmp(third), Ordering::Less);
                }
            }
        }
    }
});
