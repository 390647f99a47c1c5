//! The real buildah, for tests of what it builds.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]
#![allow(dead_code, reason = "each test uses a part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A place of its own for images, so that nothing else on the machine is touched.
pub(crate) struct Buildah(tempfile::TempDir);

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
        command.output().unwrap()
    }

    pub(crate) fn good(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "buildah {args:?}: {said}");
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
}
