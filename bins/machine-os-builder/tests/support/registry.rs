//! A real registry with TLS and a password.

#![allow(dead_code, reason = "a part of tests; each suite uses its part of it")]

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) const USER: &str = "builder";
pub(crate) const PASSWORD: &str = "pass@word/1";

/// A registry that runs until it is dropped.
pub(crate) struct Registry {
    pub(crate) host: String,
    folder: PathBuf,
    process: Child,
}

/// Whether the programs are there; a line where one is not.
pub(crate) fn is_possible() -> bool {
    let missing = ["docker-registry", "htpasswd", "skopeo"]
        .into_iter()
        .find(|program| {
            let found = Command::new("which").arg(program).output();
            !found.is_ok_and(|found| found.status.success())
        });
    if let Some(program) = missing {
        // Past the test harness, at the start of a line.
        let line = format!("\nSKIPPED: builds that are pushed need {program}\n");
        std::io::stderr().write_all(line.as_bytes()).ok();
    }
    missing.is_none()
}

impl Registry {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, true)
    }

    /// One that deletes images, or does not.
    pub(crate) fn start_with(folder: &Path, deletes: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        drop(listener);
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        std::fs::write(file("registry.crt"), made.cert.pem()).unwrap();
        std::fs::write(file("registry.key"), made.signing_key.serialize_pem()).unwrap();
        let users = Command::new("htpasswd")
            .args(["-Bbc", &file("htpasswd"), USER, PASSWORD])
            .stderr(Stdio::null())
            .status();
        assert!(users.unwrap().success());
        let config = json!({
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": file("data")}, "delete": {"enabled": deletes}},
            "http": {"addr": host, "tls": {"certificate": file("registry.crt"),
                "key": file("registry.key")}},
            "auth": {"htpasswd": {"realm": "test", "path": file("htpasswd")}},
        });
        std::fs::write(file("registry.yml"), config.to_string()).unwrap();
        let log = std::fs::File::create(file("registry.log")).unwrap();
        let process = Command::new("docker-registry")
            .args(["serve", &file("registry.yml")])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let start = Instant::now();
        while std::net::TcpStream::connect(&host).is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "the registry does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            host,
            folder: folder.to_owned(),
            process,
        }
    }

    /// Its certificate, which is trusted as it is.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("registry.crt")
    }

    /// Credentials as a Secret has them.
    pub(crate) fn credentials(&self, password: &str) -> String {
        let auth = k8s_base64(format!("{USER}:{password}").as_bytes());
        json!({"auths": {&self.host: {"auth": auth}}}).to_string()
    }

    /// Deletes an image, as somebody does who knows nothing of builds.
    pub(crate) fn delete(&self, image: &str) {
        let deleted = Command::new("skopeo")
            .args(["delete", "--creds", &format!("{USER}:{PASSWORD}")])
            .arg(format!("docker://{image}"))
            .env("SSL_CERT_FILE", self.certificate())
            .status();
        assert!(deleted.unwrap().success());
    }

    /// What skopeo says about an image.
    pub(crate) fn inspect(&self, image: &str) -> Option<Value> {
        let output = Command::new("skopeo")
            .args(["inspect", "--creds", &format!("{USER}:{PASSWORD}")])
            .arg(format!("docker://{image}"))
            .env("SSL_CERT_FILE", self.certificate())
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

pub(crate) fn k8s_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
