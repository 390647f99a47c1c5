//! The digest in the name of a build (IL-101, IL-102).

use std::fmt;

use md5::{Digest as _, Md5};

use crate::documents::{self, Sink};
use crate::name::Complete;
use crate::yaml::{ControlCharacter, Writer};

/// IL-102: what is hashed before the documents.
const SALT: [u8; 80] = [
    0x10, 0x7c, 0xce, 0xe4, 0x8b, 0x38, 0xaf, 0xaf, 0x4f, 0xe5, 0x86, 0x76, 0x9d, 0x9a, 0xd3, 0x6e,
    0x19, 0x5d, 0x2f, 0xfd, 0xac, 0x6a, 0x25, 0x07, 0xae, 0x0d, 0xa0, 0xb9, 0x6e, 0x11, 0x57, 0x34,
    0xdb, 0x83, 0x0c, 0xce, 0xda, 0x8d, 0x74, 0x87, 0xbc, 0xb5, 0xc0, 0x97, 0xe9, 0x3e, 0x7e, 0xa5,
    0x40, 0x53, 0xb3, 0x77, 0x0f, 0xa8, 0xd0, 0xc5, 0x92, 0x6b, 0x3a, 0xe3, 0x85, 0xbc, 0xee, 0x1a,
    0x21, 0x1a, 0xeb, 0xca, 0x20, 0xad, 0x1f, 0xea, 0x29, 0x90, 0x94, 0x4f, 0x06, 0xce, 0x17, 0x16,
];

/// IL-100: an MD5 digest over everything that makes two builds different. `Display` gives the 32
/// hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputHash([u8; 16]);

impl InputHash {
    /// How many characters it prints.
    pub const LENGTH: usize = 32;

    pub(crate) fn of(inputs: &Complete<'_>) -> Result<Self, ControlCharacter> {
        let mut digest = Md5::new();
        digest.update(SALT);
        digest.update(written(inputs)?);
        Ok(Self(digest.finalize().into()))
    }
}

impl fmt::Display for InputHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; Self::LENGTH];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            for (digit, half) in pair.iter_mut().zip([byte >> 4, byte & 0xf]) {
                *digit = DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
            }
        }
        // Hex digits are text.
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Passes the members of the three documents of IL-101 to a sink; `next` is called after each
/// document.
pub(crate) fn walk<'a, S: Sink<'a>>(inputs: &Complete<'a>, sink: &mut S, next: impl Fn(&mut S)) {
    documents::pool(sink, &inputs.pool.target);
    next(sink);
    documents::machine_os_config(sink, inputs.machine_os_config);
    next(sink);
    documents::images(sink, inputs.machine_config);
    next(sink);
}

fn written(inputs: &Complete<'_>) -> Result<String, ControlCharacter> {
    let mut writer = Writer::new();
    walk(inputs, &mut writer, Writer::end_document);
    writer.finish()
}

/// The three documents as they are hashed.
pub(crate) fn texts(inputs: &Complete<'_>) -> Result<[String; 3], ControlCharacter> {
    let mut pool = Writer::new();
    documents::pool(&mut pool, &inputs.pool.target);
    let mut config = Writer::new();
    documents::machine_os_config(&mut config, inputs.machine_os_config);
    let mut images = Writer::new();
    documents::images(&mut images, inputs.machine_config);
    let text = |mut writer: Writer| {
        writer.end_document();
        writer.finish()
    };
    Ok([text(pool)?, text(config)?, text(images)?])
}
