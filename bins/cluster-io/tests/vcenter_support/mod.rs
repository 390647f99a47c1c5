//! A simulated vCenter, and imports into it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "a part of tests; each suite uses its part of it"
)]

use std::time::Duration;

use cluster_io::vcenter::{
    Access, Artifacts, DEFAULT_CACHE_BYTES, Limits, Login, StepError, Trust, carry_out,
};
use openshift_model::vcenter::{DiskType, TemplateImport, VcenterStep};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use test_vcenter::{Machine, PASSWORD, USER, Vcenter, ova};

pub(crate) const FOLDER: &str = "/DC0/vm/loom";
pub(crate) const RELEASE: &str = "9.8.20260715-0";
pub(crate) const OLD: &str = "417.94.202501301529-0";
pub(crate) const NAME: &str = "loom-rhcos-rack1-9.8.20260715-0";
pub(crate) const STOCK_NAME: &str = "loom-rhcos-rack1";
pub(crate) const TEMPORARY: &str = "mco-tmp-2cb43e35";
pub(crate) const RETIRED: &str = "mco-old-2cb43e35";

/// A vCenter with the cluster's folder and tag, and a folder with the OVA.
pub(crate) struct Setting {
    pub(crate) vcenter: Vcenter,
    pub(crate) files: TempDir,
    pub(crate) sha256: String,
}

impl Setting {
    pub(crate) fn start() -> Option<Self> {
        let vcenter = Vcenter::start(0)?;
        vcenter.folder(FOLDER);
        vcenter.tag("loom");
        let files = tempfile::tempdir().unwrap();
        let ova = ova(RELEASE);
        std::fs::write(files.path().join("rhcos.ova"), &ova).unwrap();
        vcenter.reset();
        Some(Self {
            vcenter,
            files,
            sha256: hex(&Sha256::digest(&ova)),
        })
    }

    pub(crate) fn access(&self) -> Access {
        access(&self.vcenter, PASSWORD)
    }

    pub(crate) fn artifacts(&self) -> Artifacts {
        Artifacts {
            cache: self.files.path().join("cache"),
            limit: DEFAULT_CACHE_BYTES,
            mirror: Some(format!("file://{}", self.files.path().display())),
        }
    }

    pub(crate) fn import(&self, name: &str, replaces: Option<&str>) -> TemplateImport {
        TemplateImport {
            server: self.vcenter.server.clone(),
            datacenter: "DC0".into(),
            ova: "https://example.com/art/rhcos.ova".into(),
            sha256: self.sha256.clone(),
            release: RELEASE.into(),
            name: name.into(),
            temporary_name: TEMPORARY.into(),
            retired_name: RETIRED.into(),
            replaces: replaces.map(str::to_owned),
            folder: FOLDER.into(),
            compute_cluster: "/DC0/host/DC0_C0".into(),
            resource_pool: "/DC0/host/DC0_C0//Resources".into(),
            network: "/DC0/host/DC0_C0/VM Network".into(),
            datastore: "/DC0/datastore/LocalDS_0".into(),
            disk_type: Some(DiskType::Thin),
            tags: vec!["loom".into()],
        }
    }

    /// The import of a template whose name says its release.
    pub(crate) fn by_content(&self) -> VcenterStep {
        VcenterStep::ImportTemplate(Box::new(self.import(NAME, None)))
    }

    /// The import of a template that takes the place of an old one.
    pub(crate) fn in_place(&self) -> VcenterStep {
        let old = format!("{FOLDER}/{STOCK_NAME}");
        VcenterStep::ImportTemplate(Box::new(self.import(STOCK_NAME, Some(&old))))
    }

    pub(crate) fn run(&self, step: &VcenterStep) -> Result<(), StepError> {
        self.run_as(step, &self.access())
    }

    pub(crate) fn run_as(&self, step: &VcenterStep, access: &Access) -> Result<(), StepError> {
        let steps = std::slice::from_ref(step);
        block_on(carry_out(steps, access, &self.artifacts(), &|_| {}))
    }

    /// Runs until a call hangs, and stops there, as when the process is killed. False where it ended
    /// well before.
    pub(crate) fn run_until_it_hangs(&self, step: &VcenterStep) -> bool {
        let access = self.access();
        let artifacts = self.artifacts();
        let steps = std::slice::from_ref(step);
        block_on(async {
            let hangs = async {
                while !self.vcenter.hangs() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                done = carry_out(steps, &access, &artifacts, &|_| {}) => {
                    done.expect("without a call that hangs, it ends well");
                    false
                }
                () = hangs => true,
            }
        })
    }

    pub(crate) fn machines(&self) -> Vec<Machine> {
        self.vcenter.machines(&format!("{FOLDER}/"))
    }

    pub(crate) fn clear(&self) {
        self.vcenter.remove(&format!("{FOLDER}/*"));
        self.vcenter.reset();
    }

    /// The folder has the template, whole, and nothing else.
    pub(crate) fn check_whole(&self, name: &str, context: &str) {
        let machines = self.machines();
        let [machine] = machines.as_slice() else {
            panic!("{context}: {machines:?}");
        };
        let shown = (
            machine.path.as_str(),
            machine.version.as_str(),
            machine.template,
        );
        assert_eq!(
            shown,
            (&*format!("{FOLDER}/{name}"), RELEASE, true),
            "{context}"
        );
        assert_eq!(machine.tags, ["loom"], "{context}");
        assert!(
            machine.annotation.contains(&self.sha256),
            "{context}: {machine:?}"
        );
    }

    /// What has a final name is a template, whatever happened.
    pub(crate) fn check_names(&self, context: &str) {
        for machine in self.machines() {
            let is_final = [NAME, STOCK_NAME]
                .iter()
                .any(|name| machine.path.ends_with(&format!("/{name}")));
            assert!(!is_final || machine.template, "{context}: {machine:?}");
            let is_new = is_final && machine.version == RELEASE;
            assert!(
                !is_new || machine.tags == ["loom"],
                "{context}: {machine:?}"
            );
        }
    }
}

pub(crate) fn access(vcenter: &Vcenter, password: &str) -> Access {
    let trust = Trust::default().with_authorities(&vcenter.authority());
    access_with(trust.unwrap(), vcenter, password)
}

pub(crate) fn access_with(trust: Trust, vcenter: &Vcenter, password: &str) -> Access {
    let limits = Limits {
        answer: Duration::from_secs(20),
        look: Duration::from_millis(20),
        silence: Duration::from_secs(5),
        ..Limits::default()
    };
    let mut access = Access::new(trust, limits);
    let login = Login {
        user: USER.into(),
        password: password.into(),
    };
    access.add_login(&vcenter.server, login);
    access
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
