//! A vCenter for tests: govmomi's simulator as a process of its own, with a certificate that an
//! authority of the test signed, and faults at any call.
//!
//! [`Vcenter::start`] gives one, or says in one loud line why it cannot. It ends with the test,
//! however that ends. It panics where something is wrong with the machine or with the test: it is a
//! part of tests.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a part of tests: what goes wrong here fails the test, with a message"
)]

pub mod cluster;
pub mod network;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Names the program.
const PROGRAM: &str = "VCENTER_SIMULATOR";

/// Who may log in.
pub const USER: &str = "osimage@vsphere.local";
/// The password.
pub const PASSWORD: &str = "correct & horse";

/// That there is none is told once.
static TOLD: Once = Once::new();

/// Bytes of the disk in an [`ova`].
const DISK: usize = 1 << 20;

/// The description in an [`ova`].
pub fn description(release: &str) -> String {
    include_str!("template.ovf").replace("@RELEASE@", release)
}

/// An OVA of a release, with a disk of a megabyte.
pub fn ova(release: &str) -> Vec<u8> {
    ova_of(&description(release))
}

/// An OVA with this description.
pub fn ova_of(description: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in [
        ("rhcos.ovf", description.as_bytes()),
        ("disk.vmdk", &vec![7; DISK]),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let added = archive.append_data(&mut header, name, content);
        added.expect("a file in an archive");
    }
    archive.into_inner().expect("an archive")
}

/// How long an answer of its control address may take: a test fails rather than wait for ever.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to end.
const END: Duration = Duration::from_secs(3);
/// How often its control address is asked.
const CONTROL_ATTEMPTS: usize = 3;

/// A running vCenter: datacenter `DC0` with clusters `DC0_C0` and `DC0_C1`, datastores `LocalDS_0`
/// and `LocalDS_1`, networks `VM Network` and `DC0_DVPG0`.
pub struct Vcenter {
    process: Child,
    /// While it is held the program runs.
    input: Option<ChildStdin>,
    control: String,
    /// Host and port.
    pub server: String,
    files: TempDir,
}

/// A machine of the vCenter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Machine {
    /// Inventory path.
    pub path: String,
    /// What it says of its release.
    pub version: String,
    /// Whether it is a template.
    pub template: bool,
    /// Its annotation.
    pub annotation: String,
    /// Names of its tags.
    pub tags: Vec<String>,
}

impl Vcenter {
    /// Starts one with some machines, `machine-0` and so on, that have a name and nothing else.
    pub fn start(machines: usize) -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM).filter(|path| !path.is_empty()) else {
            TOLD.call_once(|| {
                // In one piece, and on a line of its own behind the name of a test.
                let line = format!(
                    "\nSKIPPED: tests on a vCenter: {PROGRAM} is not set; \
                     export {PROGRAM}=\"$(testing/programs/vcenter)\"\n"
                );
                std::io::stderr().write_all(line.as_bytes()).ok();
            });
            return None;
        };
        let files = tempfile::tempdir().expect("a folder");
        write_certificates(&files);
        let mut process = Command::new(program)
            .arg("-certificate")
            .arg(files.path().join("server.pem"))
            .arg("-key")
            .arg(files.path().join("key.pem"))
            .arg("-machines")
            .arg(machines.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(files.path().join("log")).expect("a log file"))
            .spawn()
            .expect("a vCenter");
        let input = process.stdin.take();
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its addresses");
        let (server, control) = line.trim().split_once(' ').expect("two addresses");
        Some(Self {
            server: server.to_owned(),
            control: control.to_owned(),
            process,
            input,
            files,
        })
    }

    /// File with the authority of its certificate.
    pub fn authority(&self) -> PathBuf {
        self.files.path().join("authority.pem")
    }

    /// Its own certificate in DER.
    pub fn certificate(&self) -> Vec<u8> {
        std::fs::read(self.files.path().join("server.der")).expect("a certificate")
    }

    /// Makes a folder; the one above it is there.
    pub fn folder(&self, path: &str) {
        self.post("folder", &json!({"path": path}));
    }

    /// Makes a template that says that it is of a release; its disk is thin.
    pub fn template(&self, path: &str, version: &str) {
        self.machine(&json!({"path": path, "version": version, "template": true, "thin": true}));
    }

    /// Makes a machine: `path`, `version`, `template`, `annotation`, `thin`, `eager`.
    pub fn machine(&self, machine: &Value) {
        self.post("machine", machine);
    }

    /// Makes a tag.
    pub fn tag(&self, name: &str) {
        self.post("tag", &json!({"name": name}));
    }

    /// Removes the machines of a path, which may have a star.
    pub fn remove(&self, path: &str) {
        self.post("remove", &json!({"path": path}));
    }

    /// Takes all hosts into maintenance, or out of it.
    pub fn maintenance(&self, on: bool) {
        self.post("maintenance", &json!({"on": on}));
    }

    /// What becomes of calls of a name: `fault` with the type of a fault, `status` with a status,
    /// `answer` with a body, `replace` with `pattern=>text`, `drop-before`, `drop-after`, `drop-middle`, `hang-before`,
    /// `hang-after`. The first `skip` calls pass.
    pub fn rule(&self, name: &str, skip: usize, kind: &str, value: &str) {
        self.post(
            "rule",
            &json!({"name": name, "skip": skip, "kind": kind, "value": value}),
        );
    }

    /// The same for a call by its number since [`Self::reset`], from 1.
    pub fn rule_at(&self, call: usize, kind: &str) {
        self.post("rule", &json!({"call": call, "kind": kind}));
    }

    /// Forgets rules and calls.
    pub fn reset(&self) {
        self.post("reset", &json!({}));
    }

    /// Names of all calls since [`Self::reset`].
    pub fn calls(&self) -> Vec<String> {
        let calls = self.get("calls")["calls"].take();
        serde_json::from_value::<Option<_>>(calls)
            .expect("calls")
            .unwrap_or_default()
    }

    /// Whether a call hangs.
    pub fn hangs(&self) -> bool {
        self.get("calls")["waiting"] != 0
    }

    /// All machines below a path.
    pub fn machines(&self, below: &str) -> Vec<Machine> {
        let machines: Vec<Machine> =
            serde_json::from_value(self.get("machines")).expect("machines");
        let machines = machines.into_iter();
        machines
            .filter(|machine| machine.path.starts_with(below))
            .collect()
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, "");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }

    fn post(&self, path: &str, body: &Value) {
        self.send("POST", path, &body.to_string());
    }

    fn send(&self, method: &str, path: &str, body: &str) -> String {
        // Said twice it is the same; a busy machine resets a connection now and then.
        let mut answers = (0..CONTROL_ATTEMPTS).map(|_| self.exchange(method, path, body));
        let answer = answers.find_map(Result::ok).expect("an answer");
        let (head, content) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
        let is_fine = head
            .lines()
            .next()
            .is_some_and(|line| line.contains(" 200 "));
        assert!(is_fine, "{method} /{path} {body}: {answer}");
        content.to_owned()
    }

    /// One request to its control address, and the answer.
    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        let mut connection = TcpStream::connect(&self.control)?;
        connection.set_read_timeout(Some(CONTROL_TIMEOUT))?;
        write!(
            connection,
            "{method} /{path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Vcenter {
    fn drop(&mut self) {
        drop(self.input.take());
        let deadline = Instant::now() + END;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        // A call that hangs, and whose caller was killed, is waited for without end.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn write_certificates(files: &TempDir) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority").pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    for (name, content) in [
        ("authority.pem", authority.as_bytes()),
        ("server.pem", certificate.pem().as_bytes()),
        ("server.der", certificate.der()),
        ("key.pem", key.serialize_pem().as_bytes()),
    ] {
        std::fs::write(files.path().join(name), content).expect("a file");
    }
}
