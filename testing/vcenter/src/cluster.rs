//! The cluster of fixture `vsphere-must-gather`, on a simulated vCenter that has the templates of an
//! old release.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{USER, Vcenter, ova};

/// The vCenter in the fixture.
pub const SERVER: &str = "vcenter.loom.example.com";
/// The release of the boot image that the fixture's cluster has.
pub const RELEASE: &str = "9.8.20260715-0";
/// The release of its templates.
pub const OLD: &str = "417.94.202501301529-0";
/// The file that has the release's image.
pub const OVA: &str = "rhcos-9.8.20260715-0-vmware.x86_64.ova";
/// The folder of its templates.
pub const FOLDER: &str = "/DC0/vm/loom-2c8vf";
/// A set of failure domain rack1.
pub const WORKER_1: &str = "loom-2c8vf-worker-1";
/// A set of failure domain rack2.
pub const WORKER_2: &str = "loom-2c8vf-worker-2";
/// What the first set boots.
pub const OLD_1: &str = "loom-2c8vf-rhcos-rack1";
/// What the second set boots.
pub const OLD_2: &str = "loom-2c8vf-rhcos-rack2";
/// What the first set should boot.
pub const NEW_1: &str = "loom-2c8vf-rhcos-rack1-9.8.20260715-0";
/// What the second set should boot.
pub const NEW_2: &str = "loom-2c8vf-rhcos-rack2-9.8.20260715-0";

/// Gives a vCenter what the cluster has there.
pub fn fill(vcenter: &Vcenter) {
    vcenter.folder(FOLDER);
    vcenter.tag("loom-2c8vf");
    templates(vcenter);
}

/// Gives a vCenter the old templates.
pub fn templates(vcenter: &Vcenter) {
    for name in [OLD_1, OLD_2] {
        vcenter.template(&format!("{FOLDER}/{name}"), OLD);
    }
    vcenter.machine(&json!({"path": format!("{FOLDER}/loom-hardened"), "template": true}));
}

/// BI-311: the Secret with which a cluster speaks to its vCenters. No key of a Secret can hold the
/// port that simulators have.
pub fn credentials(vcenter: &Vcenter, password: &str) -> Value {
    let host = vcenter.server.split(':').next().unwrap_or_default();
    let data = json!({format!("{host}.username"): USER, format!("{host}.password"): password});
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "vsphere-creds", "namespace": "kube-system"}, "stringData": data})
}

/// Writes the release's OVA into a folder, and the objects of the cluster into another one in it:
/// its path. `change` makes of each document what it is on this vCenter.
pub fn objects(files: &Path, change: &dyn Fn(&str) -> String) -> PathBuf {
    let content = ova(RELEASE);
    std::fs::write(files.join(OVA), &content).expect("an OVA");
    let digest = hex(&Sha256::digest(&content));
    let objects = files.join("objects");
    copy(&fixture(), &objects, &|text: &str| {
        change(&on_simulator(text, &digest))
    });
    objects
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vsphere-must-gather")
}

/// A document of the fixture with the names that the simulator has.
fn on_simulator(text: &str, digest: &str) -> String {
    [
        ("/hall/host/rack1", "/DC0/host/DC0_C0"),
        ("/hall/host/rack2", "/DC0/host/DC0_C1"),
        ("/hall/datastore/flash1", "/DC0/datastore/LocalDS_0"),
        ("/hall/datastore/flash2", "/DC0/datastore/LocalDS_1"),
        ("/hall/vm", "/DC0/vm"),
        ("datacenter: hall", "datacenter: DC0"),
        ("- nodes", "- VM Network"),
        ("networkName: nodes", "networkName: VM Network"),
        // What an API server wants to see and a plan does not look at.
        (
            "  channel: stable-4.22\nstatus:\n  desired:\n",
            "  clusterID: 00000000-0000-0000-0000-000000000000\nstatus:\n  availableUpdates: null\n  \
             observedGeneration: 1\n  versionHash: x\n  desired:\n    image: x\n",
        ),
        ("  - completionTime:", "  - image: x\n    verified: true\n    completionTime:"),
        (&"0".repeat(64), digest),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A document of the cluster with its second failure domain on a vCenter of its own.
pub fn on_two_vcenters(text: &str, first: &str, second: &str) -> String {
    if let Some((one, two)) = text.split_once("name: rack2") {
        let one = one.replace(SERVER, first);
        let both = format!("vcenters:\n        - datacenters: [DC0]\n          server: {first}");
        let two = two.replace(SERVER, second).replace("vcenters:", &both);
        return format!("{one}name: rack2{two}");
    }
    let server = if text.contains("DC0_C1") {
        second
    } else {
        first
    };
    text.replace(SERVER, server)
}

fn copy(from: &Path, to: &Path, change: &dyn Fn(&str) -> String) {
    std::fs::create_dir_all(to).expect("a file");
    for entry in std::fs::read_dir(from).expect("a file") {
        let entry = entry.expect("a file");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file").is_dir() {
            copy(&entry.path(), &target, change);
        } else if entry.path().extension().is_some() {
            let text = std::fs::read_to_string(entry.path()).expect("a file");
            std::fs::write(target, change(&text)).expect("a file");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
