//! Whatever an archive holds, what is kept of it is no longer than allowed, and every text says which
//! entry it is of.
#![no_main]

use cluster_io::files;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let found = files::objects_of_bytes("a.tgz", bytes);
    let kept: usize = found.texts.iter().map(|text| text.json.len()).sum();
    assert!(kept <= (64 << 20) + 8 * bytes.len());
    assert!(found.texts.iter().all(|text| text.path.starts_with("a.tgz")));
});
