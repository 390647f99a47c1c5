//! The real protocol, against govmomi's simulator with TLS: what a vCenter has, and imports that
//! are stopped at every call.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose helper cannot go on has failed"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster_io::vcenter::{
    Access, Artifacts, DEFAULT_CACHE_BYTES, Limits, Login, StepError, Trust, VcenterError,
    carry_out, resolve,
};
use openshift_model::facts::{Answer, Fact, FactRequest, VsphereMachines, VsphereSearch};
use openshift_model::vcenter::{DiskType, TemplateImport, VcenterStep};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use test_vcenter::{Machine, PASSWORD, USER, Vcenter, ova};

const FOLDER: &str = "/DC0/vm/loom";
const RELEASE: &str = "9.8.20260715-0";
const OLD: &str = "417.94.202501301529-0";
const NAME: &str = "loom-rhcos-rack1-9.8.20260715-0";
const STOCK_NAME: &str = "loom-rhcos-rack1";
const TEMPORARY: &str = "mco-tmp-2cb43e35";
const RETIRED: &str = "mco-old-2cb43e35";

/// A vCenter with the cluster's folder and tag, and a folder with the OVA.
struct Setting {
    vcenter: Vcenter,
    files: TempDir,
    sha256: String,
}

impl Setting {
    fn start() -> Option<Self> {
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

    fn access(&self) -> Access {
        access(&self.vcenter, PASSWORD)
    }

    fn artifacts(&self) -> Artifacts {
        Artifacts {
            cache: self.files.path().join("cache"),
            limit: DEFAULT_CACHE_BYTES,
            mirror: Some(format!("file://{}", self.files.path().display())),
        }
    }

    fn import(&self, name: &str, replaces: Option<&str>) -> TemplateImport {
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
    fn by_content(&self) -> VcenterStep {
        VcenterStep::ImportTemplate(Box::new(self.import(NAME, None)))
    }

    /// The import of a template that takes the place of an old one.
    fn in_place(&self) -> VcenterStep {
        let old = format!("{FOLDER}/{STOCK_NAME}");
        VcenterStep::ImportTemplate(Box::new(self.import(STOCK_NAME, Some(&old))))
    }

    fn run(&self, step: &VcenterStep) -> Result<(), StepError> {
        self.run_as(step, &self.access())
    }

    fn run_as(&self, step: &VcenterStep, access: &Access) -> Result<(), StepError> {
        let steps = std::slice::from_ref(step);
        block_on(carry_out(steps, access, &self.artifacts(), &|_| {}))
    }

    /// Runs until a call hangs, and stops there, as when the process is killed. False where it ended
    /// well before.
    fn run_until_it_hangs(&self, step: &VcenterStep) -> bool {
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

    fn machines(&self) -> Vec<Machine> {
        self.vcenter.machines(&format!("{FOLDER}/"))
    }

    fn clear(&self) {
        self.vcenter.remove(&format!("{FOLDER}/*"));
        self.vcenter.reset();
    }

    /// The folder has the template, whole, and nothing else.
    fn check_whole(&self, name: &str, context: &str) {
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
    fn check_names(&self, context: &str) {
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

fn access(vcenter: &Vcenter, password: &str) -> Access {
    let trust = Trust::default().with_authorities(&vcenter.authority());
    access_with(trust.unwrap(), vcenter, password)
}

fn access_with(trust: Trust, vcenter: &Vcenter, password: &str) -> Access {
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

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn search(vcenter: &Vcenter, names: &[&str]) -> VsphereSearch {
    VsphereSearch {
        server: vcenter.server.clone(),
        datacenter: "DC0".into(),
        folder: FOLDER.into(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn ask(access: &Access, searches: &[VsphereSearch]) -> Vec<Answer<VsphereMachines>> {
    let needs: Vec<_> = searches
        .iter()
        .cloned()
        .map(FactRequest::VsphereTemplate)
        .collect();
    let resolved = block_on(resolve(&needs, access));
    let answer = |search: &VsphereSearch| {
        let mut facts = resolved.facts.iter();
        facts.find_map(|fact| match fact {
            Fact::VsphereTemplate {
                search: asked,
                answer,
            } if asked == *search => Some(answer),
            _ => None,
        })
    };
    searches
        .iter()
        .map(|search| answer(search).expect("an answer"))
        .collect()
}

fn found(answer: &Answer<VsphereMachines>) -> &VsphereMachines {
    match answer {
        Answer::Found(machines) => machines,
        other => panic!("{other:?}"),
    }
}

fn denied(answer: &Answer<VsphereMachines>) -> &str {
    match answer {
        Answer::Denied(words) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bi_316_bi_321_facts_are_what_the_vcenter_has() {
    let Some(vcenter) = Vcenter::start(0) else {
        return;
    };
    vcenter.folder(FOLDER);
    vcenter.folder("/DC0/vm/loom/nested");
    vcenter.template("/DC0/vm/loom/t", OLD);
    vcenter.template("/DC0/vm/loom/nested/t", RELEASE);
    vcenter.machine(&serde_json::json!({
        "path": "/DC0/vm/u", "template": true, "thin": false, "eager": true
    }));
    vcenter.reset();
    let access = access(&vcenter, PASSWORD);
    let elsewhere = VsphereSearch {
        folder: "/DC0/vm/none".into(),
        ..search(&vcenter, &["t"])
    };
    let lost = VsphereSearch {
        datacenter: "DC9".into(),
        ..search(&vcenter, &["t"])
    };
    let answers = ask(
        &access,
        &[search(&vcenter, &["t", "u", "v"]), elsewhere, lost],
    );
    let machines = found(&answers[0]);
    assert_eq!(machines.folder_path.as_deref(), Some(FOLDER));
    let shown: Vec<_> = machines
        .machines
        .iter()
        .map(|machine| {
            (
                &*machine.path,
                &*machine.version,
                machine.thin_provisioned,
                machine.eagerly_scrub,
            )
        })
        .collect();
    let expected = [
        ("/DC0/vm/loom/nested/t", RELEASE, Some(true), Some(false)),
        ("/DC0/vm/loom/t", OLD, Some(true), Some(false)),
        ("/DC0/vm/u", "", Some(false), Some(true)),
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        (
            found(&answers[1]).folder_path.as_deref(),
            found(&answers[1]).machines.len()
        ),
        (None, 2)
    );
    assert!(
        denied(&answers[2]).contains("failed to find datacenter"),
        "{answers:?}"
    );
    assert_eq!(vcenter.calls().last().map(String::as_str), Some("Logout"));
}

#[test]
fn facts_of_5000_machines_take_at_most_20_calls() {
    let Some(vcenter) = Vcenter::start(5000) else {
        return;
    };
    vcenter.reset();
    let answers = ask(
        &access(&vcenter, PASSWORD),
        &[VsphereSearch {
            folder: String::new(),
            ..search(&vcenter, &["machine-7"])
        }],
    );
    assert_eq!(found(&answers[0]).machines.len(), 1);
    assert_eq!(vcenter.machines("/").len(), 5000);
    let calls = vcenter.calls();
    assert!(calls.len() <= 20, "{calls:?}");
}

#[test]
fn w_25_certificates_and_passwords_are_checked() {
    let Some(vcenter) = Vcenter::start(0) else {
        return;
    };
    let searches = [search(&vcenter, &["t"])];
    let words = |access: &Access| denied(&ask(access, &searches)[0]).to_owned();
    let words_of = words(&access(&vcenter, "hush"));
    assert!(
        words_of.contains("InvalidLogin") && !words_of.contains("hush"),
        "{words_of}"
    );
    assert!(words(&Access::default()).contains("no credentials"));
    let with = |trust: Trust| access_with(trust, &vcenter, PASSWORD);
    let unknown = words(&with(Trust::default()));
    assert!(unknown.contains("certificate"), "{unknown}");
    let pinned = |digest: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{} {digest}\n", vcenter.server)).unwrap();
        Trust::default().with_thumbprints(file.path()).unwrap()
    };
    let wrong = words(&with(pinned(&"00".repeat(32))));
    assert!(wrong.contains("certificate"), "{wrong}");
    let right = hex(&Sha256::digest(vcenter.certificate()));
    assert!(
        found(&ask(&with(pinned(&right)), &searches)[0])
            .machines
            .is_empty()
    );
}

#[test]
fn bi_320_a_template_is_imported_under_the_name_of_its_content() {
    let Some(setting) = Setting::start() else {
        return;
    };
    setting.run(&setting.by_content()).unwrap();
    setting.check_whole(NAME, "first run");
    setting.vcenter.reset();
    setting.run(&setting.by_content()).unwrap();
    setting.check_whole(NAME, "second run");
    let calls = setting.vcenter.calls();
    assert!(
        !calls
            .iter()
            .any(|call| call.ends_with("_Task") || call == "ImportVApp"),
        "{calls:?}"
    );
    assert_eq!(calls.last().map(String::as_str), Some("Logout"));
}

#[test]
fn bi_331_a_template_takes_the_place_of_the_old_one() {
    let Some(setting) = Setting::start() else {
        return;
    };
    setting
        .vcenter
        .template(&format!("{FOLDER}/{STOCK_NAME}"), OLD);
    setting.run(&setting.in_place()).unwrap();
    setting.check_whole(STOCK_NAME, "swap");
}

/// Stops a step at every call, before and after it is done, and runs it again.
fn killed_at_every_call(step: impl Fn(&Setting) -> VcenterStep, name: &str, old: Option<&str>) {
    let Some(setting) = Setting::start() else {
        return;
    };
    let step = step(&setting);
    let begin = || {
        setting.clear();
        if let Some(old) = old {
            setting.vcenter.template(&format!("{FOLDER}/{old}"), OLD);
        }
        setting.vcenter.reset();
    };
    // How often a task is looked at differs from run to run, and with it the number of calls: the
    // next call is killed until a run ends before it gets there.
    for call in 1.. {
        begin();
        // What a call did is done, and the answer is lost: the next call was never made.
        setting.vcenter.rule_at(call, "hang-after");
        let hung = setting.run_until_it_hangs(&step);
        let made = setting.vcenter.calls();
        let context = format!("call {call}: {:?}", made.last());
        // Before anything is looked at: the simulator counts those calls too.
        setting.vcenter.reset();
        setting.check_names(&context);
        let again = setting.run(&step);
        assert!(
            again.is_ok(),
            "{context}: {again:?}: {:?}",
            setting.machines()
        );
        setting.check_whole(name, &context);
        if !hung {
            // The end of the session is the last call: that it hangs holds nothing up.
            assert_eq!(made.last().map(String::as_str), Some("Logout"));
            assert!(call > 20, "{made:?}");
            break;
        }
    }
}

#[test]
fn bi_331_an_import_that_is_killed_at_any_call_is_finished_by_the_next_run() {
    killed_at_every_call(Setting::by_content, NAME, None);
}

#[test]
fn bi_331_a_swap_that_is_killed_at_any_call_is_finished_by_the_next_run() {
    killed_at_every_call(Setting::in_place, STOCK_NAME, Some(STOCK_NAME));
}

/// Name of a call, kind of what goes wrong there, value; a part of the message.
fn fails(setting: &Setting, call: &str, kind: &str, value: &str, message: &str) {
    setting.clear();
    setting.vcenter.rule(call, 0, kind, value);
    let error = setting.run(&setting.by_content()).unwrap_err().to_string();
    assert!(
        error.contains(message) && !error.contains(PASSWORD),
        "{call} {kind}: {error}"
    );
    setting.check_names(call);
    setting.vcenter.reset();
    setting
        .run(&setting.by_content())
        .unwrap_or_else(|error| panic!("{call} {kind}: {error}"));
    setting.check_whole(NAME, call);
}

#[test]
fn what_a_vcenter_refuses_is_told_and_the_next_run_goes_on() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let fails = |call, kind, value, message| fails(&setting, call, kind, value, message);
    for call in [
        "CreateImportSpec",
        "ImportVApp",
        "HttpNfcLeaseComplete",
        "MarkAsTemplate",
        "ReconfigVM_Task",
        "Rename_Task",
        "FindByInventoryPath",
    ] {
        fails(call, "fault", "NoPermission", "NoPermission");
    }
    fails(
        "ImportVApp",
        "fault",
        "DuplicateName",
        "is not this run's any more",
    );
    fails(
        "Rename_Task",
        "fault",
        "DuplicateName",
        "is not a template that this plan may replace",
    );
    fails(
        "HttpNfcLeaseComplete",
        "fault",
        "ManagedObjectNotFound",
        "is not this run's any more",
    );
    fails(
        "ImportVApp",
        "fault",
        "InsufficientResourcesFault",
        "InsufficientResourcesFault",
    );
    fails("POST /nfc/", "status", "503", "status 503");
    fails(
        "POST /nfc/",
        "drop-middle",
        "",
        "cannot be reached (upload)",
    );
    fails(
        "POST /rest/com/vmware/cis/session",
        "status",
        "401",
        "status 401",
    );
    fails("ImportVApp", "status", "503", "status 503");
    fails("ImportVApp", "answer", "<html>", "cannot be used");
}

#[test]
fn a_session_that_runs_out_is_opened_again() {
    let Some(setting) = Setting::start() else {
        return;
    };
    for call in ["FindChild", "ImportVApp", "Rename_Task"] {
        setting.clear();
        setting.vcenter.rule(call, 0, "fault", "NotAuthenticated");
        setting
            .run(&setting.by_content())
            .unwrap_or_else(|error| panic!("{call}: {error}"));
        setting.check_whole(NAME, call);
    }
    // A lease ends with its session.
    for call in ["HttpNfcLeaseProgress", "HttpNfcLeaseComplete"] {
        fails(
            &setting,
            call,
            "fault",
            "NotAuthenticated",
            "is not this run's any more",
        );
    }
}

#[test]
fn bi_329_hosts_in_maintenance_mode_take_nothing() {
    let Some(setting) = Setting::start() else {
        return;
    };
    setting.vcenter.maintenance(true);
    let error = setting.run(&setting.by_content()).unwrap_err().to_string();
    assert!(
        error.contains("all hosts unavailable") && error.contains("maintenance"),
        "{error}"
    );
    assert!(setting.machines().is_empty());
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let Some(setting) = Setting::start() else {
        return;
    };
    for (name, template, message) in [
        (NAME, false, "is not a template that this plan may replace"),
        (NAME, true, "is not a template that this plan may replace"),
        (TEMPORARY, false, "was not made by osimage"),
        (TEMPORARY, true, "was not made by osimage"),
    ] {
        setting.clear();
        let path = format!("{FOLDER}/{name}");
        setting
            .vcenter
            .machine(&serde_json::json!({"path": path, "version": OLD, "template": template}));
        let error = setting.run(&setting.by_content()).unwrap_err().to_string();
        assert!(error.contains(message), "{name} {template}: {error}");
        assert_eq!(setting.machines().len(), 1);
    }
    setting.clear();
    // A customer's machine of the name, in another folder.
    setting
        .vcenter
        .machine(&serde_json::json!({"path": format!("/DC0/vm/{NAME}"), "version": OLD}));
    setting.run(&setting.by_content()).unwrap();
    setting.check_whole(NAME, "elsewhere");
    assert_eq!(
        setting.vcenter.machines(&format!("/DC0/vm/{NAME}")).len(),
        1
    );
}

#[test]
fn two_runs_at_once_end_with_one_template() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let step = setting.by_content();
    let steps = std::slice::from_ref(&step);
    let (access, artifacts) = (setting.access(), setting.artifacts());
    let run = || carry_out(steps, &access, &artifacts, &|_| {});
    let (one, two) = block_on(async { tokio::join!(run(), run()) });
    for result in [one, two] {
        let is_told = matches!(
            result,
            Ok(()) | Err(StepError::UnderWay { .. } | StepError::NameTaken { .. })
        );
        assert!(is_told, "{result:?}");
    }
    setting.check_names("both");
    setting.run(&step).unwrap();
    setting.check_whole(NAME, "once more");
}

#[test]
fn the_upload_is_compared_with_what_arrived() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let damaged = "<sha1>[0-9a-f]*</sha1>=><sha1>0000000000000000000000000000000000000000</sha1>";
    setting
        .vcenter
        .rule("HttpNfcLeaseGetManifest", 0, "replace", damaged);
    match setting.run(&setting.by_content()) {
        Err(StepError::Arrived { .. }) => assert!(setting.machines().is_empty()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bi_334_an_ova_of_another_release_is_not_imported() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let path: PathBuf = setting.files.path().join("rhcos.ova");
    corrupt(&path);
    let error = setting.run(&setting.by_content()).unwrap_err().to_string();
    assert!(error.contains("checksum mismatch"), "{error}");
    let other = ova(OLD);
    std::fs::write(&path, &other).unwrap();
    let mut import = setting.import(NAME, None);
    import.sha256 = hex(&Sha256::digest(&other));
    let step = VcenterStep::ImportTemplate(Box::new(import));
    let error = setting.run(&step).unwrap_err().to_string();
    assert!(error.contains("is of release"), "{error}");
    assert!(setting.machines().is_empty());
}

fn corrupt(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[2000] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn bi_325_what_a_failure_domain_names_has_to_be_there() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let check = |change: fn(&mut TemplateImport), message: &str| {
        let mut import = setting.import(NAME, None);
        change(&mut import);
        let error = setting
            .run(&VcenterStep::ImportTemplate(Box::new(import)))
            .unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    };
    check(
        |import| import.folder = "/DC0/vm/x".into(),
        "failed to find folder",
    );
    check(
        |import| import.compute_cluster = "/DC0/host/x".into(),
        "failed to find compute cluster",
    );
    check(
        |import| import.resource_pool = "/DC0/host/x".into(),
        "failed to find resource pool",
    );
    check(
        |import| import.network = "/DC0/host/DC0_C0/x".into(),
        "failed to find network",
    );
    check(
        |import| import.datastore = "/DC0/datastore/x".into(),
        "failed to find datastore",
    );
    check(|import| import.tags = vec!["x".into()], "has no tag");
    let mut import = setting.import(NAME, None);
    import.network = "/DC0/network/DC0_DVPG0".into();
    setting
        .run(&VcenterStep::ImportTemplate(Box::new(import)))
        .unwrap();
    setting.check_whole(NAME, "BI-326: an absolute path of a distributed network");
}

#[test]
fn a_vcenter_that_is_gone_is_told() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let (access, step) = (setting.access(), setting.by_content());
    let Setting {
        vcenter,
        files,
        sha256: _,
    } = setting;
    drop(vcenter);
    let artifacts = Artifacts {
        cache: files.path().into(),
        limit: 0,
        mirror: None,
    };
    let error = block_on(carry_out(&[step], &access, &artifacts, &|_| {})).unwrap_err();
    assert!(
        matches!(error, StepError::Vcenter(VcenterError::Unreachable { .. })),
        "{error}"
    );
}
