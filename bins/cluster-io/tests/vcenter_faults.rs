//! What becomes of imports where a vCenter refuses, fails, or goes away.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose helper cannot go on has failed"
)]

mod vcenter_support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster_io::vcenter::{Artifacts, StepError, VcenterError, carry_out};
use openshift_model::vcenter::VcenterStep;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use test_vcenter::{PASSWORD, ova};
use vcenter_support::{FOLDER, NAME, OLD, STOCK_NAME, Setting, block_on, hex};

/// Name of a call, kind of what goes wrong there, value; a part of the message.
fn fails(setting: &Setting, call: &str, kind: &str, value: &str, message: &str) {
    setting.clear();
    setting.vcenter.rule(call, 0, kind, value);
    let result = setting.run(&setting.by_content());
    let Err(error) = result else {
        panic!("{call} {kind}: it did not fail");
    };
    let error = error.to_string();
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
    // Of the datastore, before the machine is made and after its disk has come.
    for call in ["ImportVApp", "HttpNfcLeaseComplete"] {
        fails(call, "fault", "NoDiskSpace", "NoDiskSpace");
    }
    let attach = "POST /rest/com/vmware/cis/tagging/tag-association/id:";
    fails(attach, "status", "403", "status 403");
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

/// Calls that nobody needs a right for, or whose first one an import goes on without: it looks for what
/// others have left.
const DISPENSABLE: [&str; 6] = [
    "CurrentTime",
    "HttpNfcLeaseGetManifest",
    "Login",
    "Logout",
    "RetrievePropertiesEx",
    "RetrieveServiceContent",
];

#[test]
fn whatever_right_is_missing_the_import_is_taken_back_and_the_message_says_so() {
    let Some(setting) = Setting::start() else {
        return;
    };
    setting.run(&setting.by_content()).unwrap();
    let calls: BTreeSet<_> = setting.vcenter.calls().into_iter().collect();
    let soap = calls.iter().filter(|call| !call.contains('/'));
    let needed = soap.filter(|call| !DISPENSABLE.contains(&call.as_str()));
    let known: Vec<_> = needed.map(String::as_str).collect();
    for call in &known {
        fails(&setting, call, "fault", "NoPermission", "NoPermission");
    }
    for call in [
        "CreateImportSpec",
        "FindByInventoryPath",
        "HttpNfcLeaseComplete",
        "ImportVApp",
        "MarkAsTemplate",
        "ReconfigVM_Task",
        "Rename_Task",
    ] {
        assert!(known.contains(&call), "{call}: {known:?}");
    }
    // The old template is removed in the end, where its place was taken.
    let old = format!("{FOLDER}/{STOCK_NAME}");
    setting.clear();
    setting.vcenter.template(&old, OLD);
    setting
        .vcenter
        .rule("Destroy_Task", 0, "fault", "NoPermission");
    let error = setting.run(&setting.in_place()).unwrap_err().to_string();
    assert!(
        error.contains("refuses Destroy_Task: NoPermission"),
        "{error}"
    );
    setting.vcenter.reset();
    setting.run(&setting.in_place()).unwrap();
    setting.check_whole(STOCK_NAME, "Destroy_Task");
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

#[test]
fn a_vcenter_that_goes_away_in_the_middle_is_told() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let (access, artifacts, step) = (setting.access(), setting.artifacts(), setting.by_content());
    setting.vcenter.rule("POST /nfc/", 0, "hang-before", "");
    let Setting {
        vcenter,
        files: _files,
        sha256: _,
    } = setting;
    let error = block_on(async {
        let gone = async {
            while !vcenter.hangs() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            drop(vcenter);
        };
        let steps = std::slice::from_ref(&step);
        let run = carry_out(steps, &access, &artifacts, &|_| {});
        tokio::join!(run, gone).0.unwrap_err()
    });
    assert!(
        matches!(error, StepError::Vcenter(VcenterError::Unreachable { .. })),
        "{error}"
    );
}

#[test]
fn bi_331_an_old_template_is_there_as_long_as_the_new_one_is_not_whole() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let old = format!("{FOLDER}/{STOCK_NAME}");
    for call in ["POST /nfc/", "MarkAsTemplate"] {
        setting.clear();
        setting.vcenter.template(&old, OLD);
        setting.vcenter.reset();
        setting.vcenter.rule(call, 0, "hang-before", "");
        assert!(setting.run_until_it_hangs(&setting.in_place()), "{call}");
        let machines = setting.machines();
        let there = machines.iter().find(|machine| machine.path == old);
        let is_whole = there.is_some_and(|it| it.template && it.version == OLD);
        assert!(is_whole, "{call}: {machines:?}");
        // Somebody takes the new one away meanwhile: the next run makes another.
        for machine in machines.iter().filter(|machine| machine.path != old) {
            setting.vcenter.remove(&machine.path);
        }
        setting.vcenter.reset();
        setting.run(&setting.in_place()).unwrap();
        setting.check_whole(STOCK_NAME, call);
    }
}

#[test]
fn bi_327_what_an_import_of_long_ago_left_is_removed_and_nothing_else() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let mark = "osimage.dev/import: sha256:00";
    let others = [
        ("mco-tmp-11111111", mark),
        ("mco-old-11111111", mark),
        ("mco-tmp-22222222", "somebody else's"),
        ("machine", mark),
    ];
    let names = || {
        let machines = setting.machines().into_iter();
        let names = machines.map(|it| it.path.rsplit('/').next().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let begin = || {
        setting.clear();
        for (name, annotation) in others {
            setting
                .vcenter
                .machine(&json!({"path": format!("{FOLDER}/{name}"), "annotation": annotation}));
        }
        setting.vcenter.reset();
    };
    // It may still be under way.
    begin();
    setting.run(&setting.by_content()).unwrap();
    assert_eq!(names().len(), others.len() + 1);
    begin();
    setting
        .vcenter
        .rule("CurrentTime", 0, "replace", ">20[0-9][0-9]-=>>2099-");
    setting.run(&setting.by_content()).unwrap();
    let left = [NAME, "machine", "mco-old-11111111", "mco-tmp-22222222"];
    assert_eq!(names(), left);
}
