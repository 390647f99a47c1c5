//! Time and memory of the import of an OVA of a GiB, TLS included:
//! `cargo bench --package cluster-io --bench vcenter_import`, with `VCENTER_SIMULATOR` set.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench whose helper cannot go on has failed"
)]

use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use cluster_io::vcenter::{
    Access, Artifacts, DEFAULT_CACHE_BYTES, Limits, Login, Trust, carry_out,
};
use openshift_model::vcenter::{TemplateImport, VcenterStep};
use sha2::{Digest as _, Sha256};
use test_vcenter::{PASSWORD, USER, Vcenter};

const GIB: u64 = 1 << 30;
/// More than an import may take, whatever the size of the OVA: all of the process, in KiB.
const MAX_KIB: u64 = 32 << 10;

fn main() {
    let Some(vcenter) = Vcenter::start(0) else {
        return;
    };
    let files = tempfile::tempdir().expect("a folder");
    let sha256 = write_ova(&files.path().join("rhcos.ova"));
    let trust = Trust::default().with_authorities(&vcenter.authority());
    let mut access = Access::new(trust.expect("an authority"), Limits::default());
    let login = Login {
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    access.add_login(&vcenter.server, login);
    let artifacts = Artifacts {
        cache: files.path().join("cache"),
        limit: DEFAULT_CACHE_BYTES,
        mirror: Some(format!("file://{}", files.path().display())),
    };
    let steps = [VcenterStep::ImportTemplate(Box::new(import(
        &vcenter, sha256,
    )))];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let before = Instant::now();
    runtime
        .expect("a runtime")
        .block_on(carry_out(&steps, &access, &artifacts, &|_| {}))
        .expect("an import");
    let memory = peak_kib();
    println!(
        "import of 1 GiB: {:.1} s, {:.1} MiB at the peak",
        before.elapsed().as_secs_f32(),
        f64::from(u32::try_from(memory).unwrap_or(u32::MAX)) / 1024.0
    );
    assert!(memory <= MAX_KIB, "{memory} KiB are more than {MAX_KIB}");
}

fn import(vcenter: &Vcenter, sha256: String) -> TemplateImport {
    TemplateImport {
        server: vcenter.server.clone(),
        datacenter: "DC0".to_owned(),
        ova: "https://example.com/rhcos.ova".to_owned(),
        sha256,
        release: "9.8.20260715-0".to_owned(),
        name: "rhcos".to_owned(),
        temporary_name: "mco-tmp-00000000".to_owned(),
        retired_name: "mco-old-00000000".to_owned(),
        replaces: None,
        folder: "/DC0/vm".to_owned(),
        compute_cluster: "/DC0/host/DC0_C0".to_owned(),
        resource_pool: "/DC0/host/DC0_C0/Resources".to_owned(),
        network: "/DC0/network/VM Network".to_owned(),
        datastore: "/DC0/datastore/LocalDS_0".to_owned(),
        disk_type: None,
        tags: Vec::new(),
    }
}

/// Writes an OVA with a disk of zeros; gives its digest.
fn write_ova(path: &Path) -> String {
    let description = include_str!("../../../testing/vcenter/src/template.ovf");
    let description = description.replace("@RELEASE@", "9.8.20260715-0");
    let mut archive = tar::Builder::new(std::fs::File::create(path).expect("a file"));
    let header = |length: u64| {
        let mut header = tar::Header::new_ustar();
        header.set_size(length);
        header.set_mode(0o644);
        header
    };
    archive
        .append_data(
            &mut header(description.len() as u64),
            "rhcos.ovf",
            description.as_bytes(),
        )
        .expect("a description");
    archive
        .append_data(&mut header(GIB), "disk.vmdk", std::io::repeat(0).take(GIB))
        .expect("a disk");
    archive.finish().expect("an archive");
    let mut file = std::fs::File::open(path).expect("a file");
    let mut digest = Sha256::new();
    let mut piece = vec![0; 1 << 18];
    loop {
        let length = file.read(&mut piece).expect("a piece");
        if length == 0 {
            break;
        }
        digest.update(piece.get(..length).unwrap_or_default());
    }
    let digest = digest.finalize();
    digest
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// Most memory that this process had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}
