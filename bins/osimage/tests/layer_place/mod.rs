//! A registry with an operating system in it, and a person's folder, for tests of `osimage layer`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it should be"
)]
#![allow(dead_code, reason = "each test uses a part")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::layer_support::{self, Buildah};
use crate::registry::{self, Registry};

const LOCAL_BASE: &str = "localhost/osimage-test/base:1";
/// Two stages, of which the second one copies from the first, as document authors write it.
pub(crate) const CONTAINERFILE: &str = "FROM configs AS tool\nRUN echo tool > /tool\n\
    FROM configs\nCOPY motd /etc/motd\nCOPY --from=tool /tool /usr/bin/tool\n\
    RUN rpm-ostree install fish && rpm-ostree cleanup -m && ostree container commit\n";

/// A registry with an operating system in it, and a person's folder.
pub(crate) struct Place {
    pub(crate) buildah: Buildah,
    pub(crate) registry: Registry,
    /// The image of the release, by digest.
    pub(crate) base: String,
}

/// What a command left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    pub(crate) fn check(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        for text in said {
            assert!(
                self.stderr.contains(text),
                "{text:?} is not in {}",
                self.stderr
            );
        }
    }

    /// The image that the printed MachineConfig names.
    pub(crate) fn image(&self) -> String {
        let config = cluster_io::yaml::from_str(&self.stdout).unwrap();
        config["spec"]["osImageURL"].as_str().unwrap().to_owned()
    }
}

impl Place {
    pub(crate) fn new() -> Option<Self> {
        let buildah = Buildah::new().filter(|_| registry::is_possible())?;
        let folder = buildah.path("registry");
        fs::create_dir_all(&folder).unwrap();
        let registry = Registry::start(&folder);
        for name in ["context", "temporary", "certificates", "home"] {
            fs::create_dir_all(buildah.path(name)).unwrap();
        }
        fs::write(
            buildah.path("auth.json"),
            registry.credentials(registry::PASSWORD),
        )
        .unwrap();
        fs::write(buildah.path("wrong.json"), registry.credentials("wrong")).unwrap();
        fs::write(buildah.path("context/Containerfile"), CONTAINERFILE).unwrap();
        fs::write(buildah.path("context/motd"), "one\n").unwrap();
        let certificate = buildah.path("certificates/ca.crt");
        fs::copy(registry.certificate(), certificate).unwrap();
        let mut place = Self {
            buildah,
            registry,
            base: String::new(),
        };
        place.storage("vfs", "root");
        place.base = place.push_base();
        Some(place)
    }

    /// An operating system as far as labels and programs go.
    pub(crate) fn push_base(&self) -> String {
        self.buildah.make_base(LOCAL_BASE);
        let folder = self.path("labelled");
        fs::create_dir_all(&folder).unwrap();
        let text = format!("FROM {LOCAL_BASE}\nLABEL ostree.bootable=true ostree.commit=c0ffee\n");
        fs::write(folder.join("Containerfile"), text).unwrap();
        self.buildah
            .build(&folder, "localhost/osimage-test/labelled:1");
        let image = format!("{}/release/os:1", self.registry.host);
        let certificates = self.path("certificates").display().to_string();
        let authfile = self.path("auth.json").display().to_string();
        self.buildah.good(&[
            "push",
            "--cert-dir",
            &certificates,
            "--authfile",
            &authfile,
            "localhost/osimage-test/labelled:1",
            &format!("docker://{image}"),
        ]);
        let digest = self.registry.inspect(&image).unwrap()["Digest"].clone();
        format!(
            "{}/release/os@{}",
            self.registry.host,
            digest.as_str().unwrap()
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.buildah.path(name)
    }

    /// Configures the storage of builders in a folder; the file that says so.
    pub(crate) fn storage(&self, driver: &str, folder: &str) -> PathBuf {
        let (root, run) = (self.path(folder), self.path(&format!("{folder}-run")));
        let text = format!(
            "[storage]\ndriver = \"{driver}\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
            root.display(),
            run.display()
        );
        let file = self.path(&format!("{folder}.conf"));
        fs::write(&file, text).unwrap();
        file
    }

    /// The digest of a manifest, of an image or of a list.
    pub(crate) fn registry_digest(&self, image: &str) -> String {
        let login = format!("{}:{}", registry::USER, registry::PASSWORD);
        let output = Command::new("skopeo")
            .args(["inspect", "--creds", &login, "--format", "{{.Digest}}"])
            .arg(format!("docker://{image}"))
            .env("SSL_CERT_FILE", self.registry.certificate())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn push_spec(&self) -> String {
        format!("{}/org/team/os:worker", self.registry.host)
    }

    pub(crate) fn command(&self, command: &str, arguments: &[&str]) -> Command {
        let mut run = Command::new(env!("CARGO_BIN_EXE_osimage"));
        run.args(["layer", command])
            .args(arguments)
            .env("CONTAINERS_STORAGE_CONF", self.path("root.conf"))
            .env("BUILDAH_ISOLATION", "chroot")
            .env("TMPDIR", self.path("temporary"))
            .env("HOME", self.path("home"))
            .env_remove("REGISTRY_AUTH_FILE")
            .env_remove("KUBECONFIG");
        run
    }

    pub(crate) fn build_command(&self, authfile: &str, arguments: &[&str]) -> Command {
        let mut command = self.command("build", &[]);
        command
            .arg(self.path("context"))
            .args(["--pool", "worker", "--push", &self.push_spec()])
            .arg("--authfile")
            .arg(self.path(authfile))
            .args(arguments);
        command
    }

    /// Builds on the base, with the registry's authority.
    pub(crate) fn build(&self, arguments: &[&str]) -> Run {
        let mut command = self.build_command("auth.json", &["--base", &self.base]);
        command
            .arg("--registry-ca")
            .arg(self.registry.certificate());
        Run::of(&layer_support::output(command.args(arguments)))
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.path("context").join(file), text).unwrap();
    }

    /// Neither containers nor files nor images that nobody named.
    pub(crate) fn check_clean(&self) {
        assert_eq!(self.buildah.good(&["containers", "--quiet"]).trim(), "");
        let images = self
            .buildah
            .good(&["images", "--all", "--format", "{{.Name}}"]);
        assert!(!images.contains("<none>"), "{images}");
        let left: Vec<_> = fs::read_dir(self.path("temporary")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Whether a program is there; a line where it is not.
pub(crate) fn has(program: &str, argument: &str) -> bool {
    let output = Command::new(program).arg(argument).output();
    let is_there = output.is_ok_and(|output| output.status.success());
    if !is_there {
        let line = format!("\nSKIPPED: builds outside a cluster need {program}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    is_there
}

/// A buildah that does something once the real one has ended; `$1` is the subcommand.
pub(crate) fn buildah_and_then(place: &Place, script: &str) -> String {
    let folder = place.path("bin");
    fs::create_dir_all(&folder).unwrap();
    let real = Command::new("which").arg("buildah").output().unwrap();
    let real = String::from_utf8(real.stdout).unwrap();
    let text = format!(
        "#!/bin/sh\n{} \"$@\"; code=$?\n{script}\nexit $code\n",
        real.trim()
    );
    let file = folder.join("buildah");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    format!(
        "{}:{}",
        folder.display(),
        std::env::var("PATH").unwrap_or_default()
    )
}
