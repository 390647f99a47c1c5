//! The digest of everything that a document is rendered from.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Inputs;

/// Changes whenever the document for the same inputs does.
const FORMAT: &str = "osimage/containerfile/1";

/// `sha256:` and 64 hex digits over the inputs, each with its length before it, so that no two
/// inputs give the same bytes.
pub(super) fn of(inputs: &Inputs<'_>) -> String {
    let Inputs {
        base_image,
        extensions_image,
        extensions,
        kernel_type,
        architecture,
        machine_config,
        pool,
        content,
    } = inputs;
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(text);
    };
    add(FORMAT);
    for text in [
        base_image,
        extensions_image,
        kernel_type,
        architecture.rpm_name(),
        machine_config,
        pool,
        content.unwrap_or_default(),
    ] {
        add(text);
    }
    for name in *extensions {
        add(name);
    }
    let mut text = String::with_capacity(7 + 64);
    text.push_str("sha256:");
    for byte in digest.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
