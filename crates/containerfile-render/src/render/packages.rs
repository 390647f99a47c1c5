//! Which packages an extension and a kernel type stand for.

use openshift_model::Architecture;

/// IL-163: extensions and their packages.
const EXTENSIONS: &[(&str, &[&str])] = &[
    ("two-node-ha", &["pacemaker", "pcs", "fence-agents-all"]),
    (
        "ipsec",
        &[
            "NetworkManager-libreswan",
            "libreswan",
            "openvswitch3.5-ipsec",
        ],
    ),
    ("usbguard", &["usbguard"]),
    ("kerberos", &["krb5-workstation", "libkadm5"]),
    ("kernel-devel", &["kernel-devel", "kernel-headers"]),
    ("sandboxed-containers", &["kata-containers"]),
    ("sysstat", &["sysstat"]),
];

/// IL-163: the names of all extensions.
pub(super) fn extension_names() -> impl Iterator<Item = &'static str> {
    EXTENSIONS.iter().map(|(name, _)| *name)
}

/// IL-163, IL-164: the packages of extensions, in the given order, repeated where they are; or
/// every unknown name.
pub fn extension_packages<'a>(
    extensions: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<&'static str>, Vec<String>> {
    let mut packages = Vec::new();
    let mut unknown = Vec::new();
    for name in extensions {
        match EXTENSIONS.iter().find(|(extension, _)| *extension == name) {
            Some((_, found)) => packages.extend_from_slice(found),
            None => unknown.push(name.to_owned()),
        }
    }
    if unknown.is_empty() {
        Ok(packages)
    } else {
        Err(unknown)
    }
}

/// IL-165: the kernels that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelType {
    /// The kernel of the base image.
    Default,
    /// The realtime kernel.
    Realtime,
    /// The kernel with pages of 64 kB, on aarch64 only.
    Pages64k,
}

impl KernelType {
    /// IL-165: the kernel of this name; unknown words are the default one.
    pub fn from_name(name: &str) -> Self {
        match name {
            "realtime" => Self::Realtime,
            "64k-pages" => Self::Pages64k,
            _ => Self::Default,
        }
    }

    /// The name as a MachineConfig writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Realtime => "realtime",
            Self::Pages64k => "64k-pages",
        }
    }

    /// IL-165: its packages.
    pub const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Default => &[
                "kernel",
                "kernel-core",
                "kernel-modules",
                "kernel-modules-core",
                "kernel-modules-extra",
            ],
            Self::Realtime => &[
                "kernel-rt-core",
                "kernel-rt-modules",
                "kernel-rt-modules-extra",
                "kernel-rt-kvm",
            ],
            Self::Pages64k => &[
                "kernel-64k-core",
                "kernel-64k-modules",
                "kernel-64k-modules-core",
                "kernel-64k-modules-extra",
            ],
        }
    }

    /// IL-166: whether nodes of this architecture can run it. (The reference asks for the
    /// architecture of its own process.)
    pub fn runs_on(self, architecture: &Architecture) -> bool {
        self != Self::Pages64k || *architecture == Architecture::Aarch64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_163_extensions_become_packages_in_order() {
        let packages = extension_packages(["kerberos", "usbguard", "kerberos"]);
        assert_eq!(
            packages.unwrap(),
            [
                "krb5-workstation",
                "libkadm5",
                "usbguard",
                "krb5-workstation",
                "libkadm5"
            ]
        );
    }

    #[test]
    fn il_164_every_unknown_extension_is_named() {
        let unknown = extension_packages(["a", "usbguard", "b", ""]).unwrap_err();
        assert_eq!(unknown, ["a", "b", ""]);
    }

    #[test]
    fn il_165_unknown_kernel_types_are_the_default_one() {
        for name in ["", "default", "Realtime", "64K-pages", "nonsense"] {
            assert_eq!(KernelType::from_name(name), KernelType::Default, "{name}");
        }
        for kernel in [
            KernelType::Default,
            KernelType::Realtime,
            KernelType::Pages64k,
        ] {
            assert_eq!(KernelType::from_name(kernel.name()), kernel);
        }
    }

    #[test]
    fn il_166_64k_pages_are_for_aarch64() {
        assert!(KernelType::Pages64k.runs_on(&Architecture::Aarch64));
        assert!(!KernelType::Pages64k.runs_on(&Architecture::X86_64));
        assert!(KernelType::Realtime.runs_on(&Architecture::X86_64));
    }
}
