//! The real buildah, for tests of what it builds.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]
#![allow(dead_code, reason = "each test uses a part")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use test_control_plane::builder::{ATTEMPTS, could_not_begin};

/// A place of its own for images, so that nothing else on the machine is touched.
pub(crate) struct Buildah(tempfile::TempDir);

/// Runs a command that runs buildah, and again where buildah could not begin.
pub(crate) fn output(command: &mut Command) -> Output {
    let failed_to_begin = |output: &Output| {
        !output.status.success() && could_not_begin(&String::from_utf8_lossy(&output.stderr))
    };
    let mut output = command.output().unwrap();
    for _ in 1..ATTEMPTS {
        if !failed_to_begin(&output) {
            break;
        }
        output = command.output().unwrap();
    }
    output
}

impl Buildah {
    /// `None`, loudly, where images cannot be built.
    pub(crate) fn new() -> Option<Self> {
        let has = |program: &str, argument: &str| {
            Command::new(program)
                .arg(argument)
                .output()
                .is_ok_and(|output| output.status.success())
        };
        let is_root = Command::new("id")
            .arg("-u")
            .output()
            .is_ok_and(|id| id.stdout == b"0\n");
        for (is_there, what) in [
            (has("buildah", "--version"), "buildah"),
            (Path::new("/bin/busybox").exists(), "a static /bin/busybox"),
            (is_root, "root"),
        ] {
            if !is_there {
                // Past the test harness, which keeps what a test prints that passes, and at the
                // start of a line.
                let line = format!("\nSKIPPED: builds of rendered Containerfiles need {what}\n");
                let _ = std::io::stderr().write_all(line.as_bytes());
                return None;
            }
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new("buildah");
        command
            .args(["--storage-driver", "vfs", "--root"])
            .arg(self.path("root"));
        command.arg("--runroot").arg(self.path("run")).args(args);
        output(&mut command)
    }

    pub(crate) fn good(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "buildah {args:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn build(&self, context: &Path, tag: &str) {
        let context = context.to_str().unwrap();
        self.good(&[
            "bud",
            "--isolation",
            "chroot",
            "--pull-never",
            "-t",
            tag,
            context,
        ]);
    }

    /// An image of an operating system: bash as its shell, busybox, and stand-ins for the programs of
    /// an operating system that record how they were called.
    pub(crate) fn make_base(&self, tag: &str) {
        let base = self.path("base");
        fs::create_dir_all(base.join("tree")).unwrap();
        fs::copy("/bin/busybox", base.join("busybox")).unwrap();
        for (path, script) in STAND_INS {
            let path = base.join("tree").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("{RECORD}{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (path, text) in [
            ("etc/pki/rpm-gpg/RPM-GPG-KEY-test", "a key"),
            ("etc/yum.repos.d/.keep", ""),
            ("usr/lib/tmpfiles.d/usbguard.conf", "of the package"),
        ] {
            let path = base.join("tree").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        // The shell of busybox runs its own rpm before ours.
        for path in shell_files() {
            let copy = base.join("tree").join(path.strip_prefix("/").unwrap());
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(&path, copy).unwrap();
        }
        // As every node image has it.
        fs::create_dir_all(base.join("tree/tmp")).unwrap();
        let containerfile = "FROM scratch\nCOPY busybox /bin/busybox\n\
            RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nCOPY tree /\n\
            RUN [\"/bin/busybox\", \"ln\", \"-sf\", \"bash\", \"/bin/sh\"]\n";
        fs::write(base.join("Containerfile"), containerfile).unwrap();
        self.build(&base, tag);
    }
}

/// Programs that record their arguments, one call a line. `rpm` knows one kernel; `dnf` records
/// what it is told to do; `jq` shows the whole document.
const STAND_INS: [(&str, &str); 7] = [
    ("usr/bin/ostree", "record ostree \"$@\""),
    ("usr/bin/update-ca-trust", "record update-ca-trust \"$@\""),
    (
        "usr/bin/dnf",
        "record dnf \"$@\"; while read -r line; do record dnf-shell $line; done",
    ),
    ("usr/bin/rpm", "[ \"$2\" = kernel ]"),
    ("usr/bin/jq", "cat \"$2\""),
    (
        "usr/bin/rpm-ostree",
        "record rpm-ostree \"$@\"; cat /etc/yum.repos.d/coreos-extensions.repo >> /repo || true",
    ),
    (
        "usr/lib/dracut/modules.d/30ignition/ignition",
        "record ignition \"container=$container\" \"$@\"; cat \"$2\" > /ignition.json",
    ),
];

/// A call is one line: the program, and each argument in brackets.
const RECORD: &str = "#!/bin/sh\nrecord() {\n    line=$1; shift\n    for argument in \"$@\"; do \
    line=\"$line [$argument]\"; done\n    echo \"$line\" >> /calls\n}\n";

/// bash, and the libraries that it needs.
fn shell_files() -> Vec<PathBuf> {
    let output = Command::new("ldd").arg("/bin/bash").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    words
        .map(PathBuf::from)
        .chain([PathBuf::from("/bin/bash")])
        .collect()
}
