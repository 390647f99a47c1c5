//! Rendered Containerfiles are built: with the real buildah, on a small base made on the spot
//! (bash as its shell, busybox, and stand-ins for the programs of an operating system that record
//! how they were called). Needs buildah, a static busybox and root; skipped, loudly, where one is missing.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

mod layer_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use layer_support::Buildah;
use serde_json::Value;

const BASE: &str = "localhost/osimage-test/base:1";
const EXTENSIONS: &str = "localhost/osimage-test/extensions:1";

/// Images of operating systems, and what is built on them.
struct Images(Buildah);

impl std::ops::Deref for Images {
    type Target = Buildah;

    fn deref(&self) -> &Buildah {
        &self.0
    }
}

impl Images {
    /// `None`, loudly, where images cannot be built.
    fn new() -> Option<Self> {
        let images = Self(Buildah::new()?);
        images.make_images();
        Some(images)
    }

    fn make_images(&self) {
        self.make_base(BASE);
        let extensions = self.path("extensions");
        fs::create_dir_all(extensions.join("packages")).unwrap();
        fs::write(extensions.join("packages/a.rpm"), "a package").unwrap();
        let containerfile = "FROM scratch\nCOPY packages /usr/share/rpm-ostree/extensions\n";
        fs::write(extensions.join("Containerfile"), containerfile).unwrap();
        self.build(&extensions, EXTENSIONS);
    }

    /// Renders an example with other images and a MachineConfig of our own, and builds it.
    fn layer(&self, name: &str, spec: &str) -> Image {
        let fixture = |path: &str| {
            Path::new(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../fixtures/layering"
            ))
            .join(path)
        };
        let named = format!("name: '{POOL}'");
        let pool = fs::read_to_string(fixture("cluster/pool.yaml")).unwrap();
        let pool = pool.replacen("name: layered", &named, 1);
        let (head, _) = pool.split_once("spec:\n  osImageURL").unwrap();
        let config = fs::read_to_string(fixture(&format!("{name}.yaml"))).unwrap();
        let old = "machineConfigPool:\n    name: layered";
        let new = format!("machineConfigPool:\n    {named}");
        assert!(config.contains(old) && pool.contains(&named));
        let config = config.replace(old, &new);
        let input = self.path(&format!("{name}.yaml"));
        let text = format!("{head}spec:\n{spec}{MACHINE_CONFIG}---\n{config}");
        fs::write(&input, text).unwrap();
        let context = self.path(&format!("context-{name}"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
        command.args(["layer", "render", "--context"]).arg(&context);
        command.arg("-f").arg(input);
        let rendered = command.output().unwrap();
        let said = String::from_utf8_lossy(&rendered.stderr);
        assert!(rendered.status.success(), "{name}: {said}");
        let tag = format!("localhost/osimage-test/{name}:1");
        self.build(&context, &tag);
        let container = self.good(&["from", "--pull-never", &tag]);
        let root = self.good(&["mount", container.trim()]);
        let inspected = self.good(&["inspect", "--type", "image", &tag]);
        let inspected: Value = serde_json::from_str(&inspected).unwrap();
        Image {
            root: PathBuf::from(root.trim()),
            labels: inspected.pointer("/OCIv1/config/Labels").unwrap().clone(),
            text: fs::read_to_string(context.join("Containerfile")).unwrap(),
        }
    }
}

/// A pool with a name that no API server takes, and that would hurt in a label or in a shell.
const POOL: &str = "lay\"er$HOME\\ `touch /hurt`$(touch /hurt)";

/// What a MachineConfig has besides images and packages; a kernel argument and a file with what
/// would hurt in a shell.
const MACHINE_CONFIG: &str = r#"
  osImageURL: localhost/osimage-test/base:1
  baseOSExtensionsContainerImage: localhost/osimage-test/extensions:1
  kernelArguments: ["a=$(touch /hurt)", "\"; touch /hurt #"]
  config:
    ignition: {version: 3.5.0}
    storage:
      files:
      - path: "/etc/$(touch /hurt)"
        contents: {source: "data:,%60touch%20/hurt%60"}
---
apiVersion: machineconfiguration.openshift.io/v1
kind: ControllerConfig
metadata: {name: machine-config-controller}
spec: {additionalTrustBundle: YSBjZXJ0aWZpY2F0ZQo=}
"#;

struct Image {
    root: PathBuf,
    labels: Value,
    text: String,
}

impl Image {
    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    fn calls(&self) -> Vec<String> {
        self.read("calls").lines().map(str::to_owned).collect()
    }

    fn label(&self, name: &str) -> &str {
        self.labels.get(name).unwrap().as_str().unwrap()
    }

    /// What holds whatever is built.
    fn check(&self) {
        let config: Value =
            serde_json::from_str(&self.read("etc/machine-config-daemon/currentconfig")).unwrap();
        assert_eq!(
            config.pointer("/spec/kernelArguments/0").unwrap(),
            "a=$(touch /hurt)"
        );
        assert_eq!(
            self.read("ignition.json"),
            self.read("etc/machine-config-daemon/currentconfig")
        );
        let anchors = "etc/pki/ca-trust/source/anchors/openshift-config-user-ca-bundle.crt";
        assert_eq!(self.read(anchors), "a certificate\n");
        assert_eq!(
            self.read("usr/lib/tmpfiles.d/usbguard_ipsec.conf"),
            "d /var/log/usbguard 0755 root root -\nd /var/lib/ipsec 0700 root root -\n\
             d /var/lib/ipsec/nss 0700 root root -\n"
        );
        for gone in [
            "hurt",
            "usr/lib/tmpfiles.d/usbguard.conf",
            "etc/yum.repos.d/coreos-extensions.repo",
            "tmp/machineconfig.json.gz",
            "tmp/ignition.json",
            "tmp/mco-extensions/os-extensions-content/usr",
        ] {
            assert!(!self.has(gone), "{gone}");
        }
        assert_eq!(self.label("machineconfigpool"), POOL);
        assert_eq!(
            self.label("machineconfig"),
            "rendered-layered-0a1b2c3d4e5f60718293a4b5c6d7e8f9"
        );
        assert_eq!(self.label("baseOSContainerImage"), BASE);
        assert!(self.text.contains(self.label("dev.osimage.inputs")));
    }
}

const APPLIED: &str = "ignition [container=oci] [--ignore-unsupported] [/tmp/ignition.json]";
const COMMIT: &str = "ostree [container] [commit]";

#[test]
fn il_170_il_179_examples_build_and_the_users_part_comes_last() {
    let Some(buildah) = Images::new() else {
        return;
    };
    for (example, last) in [
        (
            "hotfix",
            "rpm-ostree [override] [replace] \
             [https://example.com/hotfix/haproxy-2.8.14-2.el9.x86_64.rpm]",
        ),
        ("epel", "rpm-ostree [install] [htop]"),
        ("rhel-entitled", "rpm-ostree [install] [chrony] [firewalld]"),
    ] {
        let image = buildah.layer(example, "");
        image.check();
        let calls = image.calls();
        // IL-786: no step for extensions where nothing is installed.
        let ours = [APPLIED, COMMIT, "update-ca-trust"];
        assert_eq!(calls.get(..3).unwrap(), ours, "{example}");
        let users = calls.get(3..).unwrap();
        let (end, before) = users.split_last_chunk::<3>().map(|(a, b)| (b, a)).unwrap();
        assert_eq!(
            end[..],
            [last, "rpm-ostree [cleanup] [-m]", COMMIT],
            "{example}"
        );
        assert_eq!(before.len(), usize::from(example == "epel"), "{example}");
    }
}

#[test]
fn il_173_il_174_extensions_and_a_kernel_are_installed() {
    let Some(buildah) = Images::new() else {
        return;
    };
    let image = buildah.layer(
        "kernel",
        "  extensions: [usbguard, kerberos]\n  kernelType: realtime",
    );
    image.check();
    let calls = image.calls();
    let ours = [
        "rpm-ostree [install] [usbguard] [krb5-workstation] [libkadm5]",
        "dnf [-y] [shell]",
        "dnf-shell [remove] [kernel] [kernel-core] [kernel-modules] [kernel-modules-core] \
         [kernel-modules-extra]",
        "dnf-shell [install] [kernel-rt-core] [kernel-rt-modules] [kernel-rt-modules-extra] \
         [kernel-rt-kvm]",
        "dnf-shell [run]",
        COMMIT,
        APPLIED,
        COMMIT,
        "update-ca-trust",
    ];
    assert_eq!(calls.get(..ours.len()).unwrap(), ours);
    let repository = image.read("repo");
    for line in [
        "[coreos-extensions]",
        "enabled=1",
        "baseurl=/tmp/mco-extensions/os-extensions-content/usr/share/rpm-ostree/extensions/",
        "gpgcheck=1",
        "gpgkey= file:///etc/pki/rpm-gpg/RPM-GPG-KEY-test",
    ] {
        assert!(
            repository.lines().any(|found| found == line),
            "{line}: {repository}"
        );
    }
}
