//! What an image is made of (IL-770).

use std::fmt::Write as _;

use containerfile_render::KernelType;
use openshift_model::{MachineOSConfig, OsMachineConfig};
use sha2::{Digest as _, Sha256};

/// IL-770: annotation of a MachineOSBuild: the digest of what its image is made of.
pub const CONTENT_DIGEST: &str = "osimage.dev/content-digest";

/// Changes whenever other things count.
const FORMAT: &str = "osimage/content/1";

/// IL-770: a digest over what goes into an image: the Containerfile that is built, base and
/// extensions image, kernel, extensions and kernel arguments. Names, Secrets and files of the
/// MachineConfig are not in it. Two builds with the same digest may share an image.
pub fn content_digest(
    config: &MachineOSConfig<'_>,
    machine_config: &OsMachineConfig<'_>,
) -> String {
    let mut digest = Sha256::new();
    // Each text has its length before it, so that no two lists give the same bytes.
    let mut add = |text: &str| {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(text);
    };
    let extensions: Vec<&str> = machine_config.extensions().collect();
    let arguments = machine_config.spec.kernel_arguments.iter().flatten();
    let arguments: Vec<&str> = arguments
        .map(|argument| argument.as_deref().unwrap_or_default())
        .collect();
    add(FORMAT);
    for text in [
        config.container_file().unwrap_or_default(),
        machine_config.os_image(),
        machine_config.extensions_image(),
        KernelType::from_name(machine_config.kernel_type()).name(),
    ] {
        add(text);
    }
    for list in [extensions, arguments] {
        add(&list.len().to_string());
        for text in list {
            add(text);
        }
    }
    let mut text = String::from("sha256:");
    for byte in digest.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{object, raw};
    use serde_json::{Value, json};

    fn digest(content: &str, spec: &Value) -> String {
        let config = object(
            "MachineOSConfig",
            &json!({"metadata": {"name": "a"}, "spec": {"containerFile": [
                {"containerfileArch": "NoArch", "content": content}]}}),
        );
        let machine_config = object("MachineConfig", &json!({"spec": spec}));
        let config = MachineOSConfig::read(&raw(&config)).unwrap();
        let machine_config = OsMachineConfig::read(&raw(&machine_config)).unwrap();
        content_digest(&config, &machine_config)
    }

    #[test]
    fn il_770_content_is_what_goes_into_an_image() {
        let before = digest("FROM configs", &json!({"osImageURL": "a"}));
        assert_eq!(before.len(), 71);
        for same in [
            json!({"osImageURL": "a", "fips": true}),
            json!({"osImageURL": "a", "kernelType": "default", "extensions": []}),
            json!({"osImageURL": "a", "config": {"ignition": {"version": "3.5.0"}}}),
        ] {
            assert_eq!(digest("FROM configs", &same), before, "{same}");
        }
        for other in [
            json!({"osImageURL": "b"}),
            json!({"osImageURL": "a", "extensions": ["usbguard"]}),
            json!({"osImageURL": "a", "kernelArguments": ["usbguard"]}),
            json!({"osImageURL": "a", "kernelType": "realtime"}),
            json!({"osImageURL": "a", "baseOSExtensionsContainerImage": "c"}),
        ] {
            assert_ne!(digest("FROM configs", &other), before, "{other}");
        }
        assert_ne!(
            digest("FROM configs\n", &json!({"osImageURL": "a"})),
            before
        );
    }
}
