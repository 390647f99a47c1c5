//! The real protocol, against govmomi's simulator with TLS: what a vCenter has, and imports that
//! are stopped at every call.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose helper cannot go on has failed"
)]

mod vcenter_support;

use cluster_io::vcenter::{Access, StepError, Trust, carry_out, resolve};
use openshift_model::facts::{Answer, Fact, FactRequest, VsphereMachines, VsphereSearch};
use openshift_model::vcenter::{DiskType, TemplateImport, VcenterStep};
use sha2::{Digest as _, Sha256};
use test_vcenter::{PASSWORD, Vcenter, description, ova_of};
use vcenter_support::{
    FOLDER, NAME, OLD, RELEASE, STOCK_NAME, Setting, TEMPORARY, access, access_with, block_on, hex,
};

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
fn bi_317_templates_stand_in_the_folder_of_the_workspace_however_deep_it_is() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let nested = format!("{FOLDER}/nested");
    setting.vcenter.folder(&nested);
    for folder in [nested.as_str(), "loom/nested"] {
        let mut import = setting.import(NAME, None);
        import.folder = folder.to_owned();
        setting
            .run(&VcenterStep::ImportTemplate(Box::new(import)))
            .unwrap();
        // What is there already under another spelling is not imported again.
        setting.check_whole(&format!("nested/{NAME}"), folder);
    }
}

#[test]
fn bi_326_of_networks_of_one_name_the_inventory_path_says_which() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let import = |network: &str| {
        // Another network has the name as well, in whatever call it is asked for.
        for _ in 0..50 {
            let renamed = "DC0_DVPG0=>VM Network";
            setting
                .vcenter
                .rule("RetrievePropertiesEx", 0, "replace", renamed);
        }
        let mut import = setting.import(NAME, None);
        import.network = network.to_owned();
        let run = setting.run(&VcenterStep::ImportTemplate(Box::new(import)));
        setting.vcenter.reset();
        run
    };
    let error = import("/DC0/host/DC0_C0/VM Network").unwrap_err();
    let words = "has several \"/DC0/host/DC0_C0/VM Network\"; give the inventory path";
    assert!(error.to_string().contains(words), "{error}");
    import("/DC0/network/VM Network").unwrap();
    setting.check_whole(NAME, "by its path");
}

#[test]
fn bi_332_a_vcenter_takes_each_way_to_lay_out_a_disk() {
    let Some(setting) = Setting::start() else {
        return;
    };
    // The simulator refuses what it does not know, and lays out every disk as a thin one.
    for disk_type in [
        None,
        Some(DiskType::Thin),
        Some(DiskType::Thick),
        Some(DiskType::EagerZeroedThick),
    ] {
        setting.clear();
        let mut import = setting.import(NAME, None);
        import.disk_type = disk_type;
        setting
            .run(&VcenterStep::ImportTemplate(Box::new(import)))
            .unwrap();
        setting.check_whole(NAME, &format!("{disk_type:?}"));
    }
}

#[test]
fn bi_330_secure_boot_is_switched_off_where_the_ova_switches_it_on() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let reconfigured = || {
        let calls = setting.vcenter.calls();
        calls.iter().any(|call| call == "ReconfigVM_Task")
    };
    setting.run(&setting.by_content()).unwrap();
    assert!(reconfigured());
    setting.clear();
    let description = description(RELEASE).replace("vmw:value=\"true\"", "vmw:value=\"false\"");
    let ova = ova_of(&description);
    std::fs::write(setting.files.path().join("rhcos.ova"), &ova).unwrap();
    let mut import = setting.import(NAME, None);
    import.sha256 = hex(&Sha256::digest(&ova));
    setting
        .run(&VcenterStep::ImportTemplate(Box::new(import)))
        .unwrap();
    assert!(!reconfigured());
}
