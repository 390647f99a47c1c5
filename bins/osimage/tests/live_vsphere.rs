//! vSphere, with a simulated vCenter and a real API server: from the plan to the template and to the
//! set that names it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod live_support;
mod vsphere_support;

use std::process::Stdio;
use std::time::Duration;

use live_support::{Run, plan_of};
use serde_json::{Value, json};
use test_vcenter::cluster::{
    FOLDER, NEW_1, NEW_2, OLD_1, OLD_2, RELEASE, WORKER_1, WORKER_2, fill, on_two_vcenters,
};
use test_vcenter::{PASSWORD, Vcenter};
use vsphere_support::{SETS, Setting};

/// Every how many calls the command is killed; all of them take two minutes.
const STRIDE: usize = 5;
/// Says that the command is to be killed at every call.
const EVERY_CALL: &str = "OSIMAGE_TEST_EVERY_CALL";

#[test]
fn bi_320_from_a_plan_to_sets_that_name_the_new_templates() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let plan = setting.plan(&[]);
    let dry = setting.apply(&plan, &["--dry-run=server"]);
    assert_eq!(dry.code, 0, "{}{}", dry.stdout, dry.stderr);
    assert!(
        dry.stdout.contains("would be updated: boots"),
        "{}",
        dry.stdout
    );
    assert!(
        dry.stdout.contains("vCenter step needed: import template"),
        "{}",
        dry.stdout
    );
    assert_eq!(setting.machines().len(), 3);
    assert_eq!(setting.template_of(WORKER_1), OLD_1);

    let run = setting.apply(&plan, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("is uploaded"), "{}", run.stderr);
    assert_eq!(setting.template_of(WORKER_1), NEW_1);
    assert_eq!(setting.template_of(WORKER_2), NEW_2);
    setting.check_sets("first run");
    assert_eq!(
        setting.names(),
        [OLD_1, NEW_1, OLD_2, NEW_2, "loom-hardened"]
    );
    let events = setting.cluster.events();
    let notes: Vec<_> = events
        .iter()
        .map(|event| event["note"].as_str().unwrap())
        .collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains(&format!("import template {NEW_1}"))),
        "{notes:?}"
    );
    assert_eq!(
        setting.vcenter.calls().last().map(String::as_str),
        Some("Logout")
    );

    // Once more: nothing is imported, nothing is written.
    setting.vcenter.reset();
    let again = setting.apply(&plan, &[]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
    assert_eq!(
        again.stdout.matches("nothing to do").count(),
        2,
        "{}",
        again.stdout
    );
    let calls = setting.vcenter.calls();
    assert!(
        !calls
            .iter()
            .any(|call| call.ends_with("_Task") || call == "ImportVApp"),
        "{calls:?}"
    );
    let plan = setting.run(&["plan", "--resolve", "-o", "patch"]);
    assert_eq!(plan.stdout, "", "{}", plan.stderr);
}

#[test]
fn bi_331_killed_at_any_call_of_an_import_or_a_swap_and_run_again_it_completes() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let start = setting.cluster.snapshot();
    for options in [&[][..], &["--template-names", "stock"][..]] {
        killed(&setting, &start, options);
    }
}

/// Kills `apply` of one set at calls to the vCenter, and runs it again.
fn killed(setting: &Setting, start: &[Value], options: &[&str]) {
    let stride = std::env::var_os(EVERY_CALL).map_or(STRIDE, |_| 1);
    setting.reset(start);
    let plan = setting.plan(options);
    let is_stock = !options.is_empty();
    let only = ["--only", "machineset/loom-2c8vf-worker-1"];
    let mut kills = 0;
    for call in (1..).step_by(stride) {
        setting.reset(start);
        setting.vcenter.rule_at(
            call,
            if call % 2 == 0 {
                "hang-before"
            } else {
                "hang-after"
            },
        );
        let mut child = setting.apply_command(&plan, &only);
        let mut child = child
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if setting.vcenter.hangs() {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let context = format!(
            "{options:?} call {call}: {:?}",
            setting.vcenter.calls().last()
        );
        setting.vcenter.reset();
        if !is_stock {
            setting.check_sets(&context);
        }
        let again = setting.apply(&plan, &only);
        assert_eq!(again.code, 0, "{context}: {}{}", again.stdout, again.stderr);
        setting.check_sets(&context);
        let (template, names): (_, &[&str]) = if is_stock {
            (OLD_1, &[OLD_1, OLD_2, "loom-hardened"])
        } else {
            (NEW_1, &[OLD_1, NEW_1, OLD_2, "loom-hardened"])
        };
        assert_eq!(setting.template_of(WORKER_1), template, "{context}");
        assert_eq!(setting.names(), names, "{context}");
        let path = format!("{FOLDER}/{template}");
        let machines = setting.machines();
        let machine = machines
            .iter()
            .find(|machine| machine.path == path)
            .unwrap();
        assert_eq!(machine.version, RELEASE, "{context}");
        if let Some(status) = status {
            assert!(status.success(), "{context}: {status}");
            break;
        }
        kills += 1;
    }
    assert!(kills * stride > 30, "{kills}");
    println!("killed at {kills} calls to the vCenter, every {stride}: {options:?}");
}

#[test]
fn what_is_not_as_it_was_planned_is_refused() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let plan = setting.plan(&[]);
    let imported = setting.apply(&plan, &["--only", "machineset/loom-2c8vf-worker-1"]);
    assert_eq!(imported.code, 0, "{}{}", imported.stdout, imported.stderr);
    let path = format!("{SETS}/{WORKER_1}");
    let back = json!({"spec": {"template": {"spec": {"providerSpec": {"value":
        {"template": OLD_1}}}}}});
    setting.cluster.control_plane.merge(&path, &back);
    // The template is there, so that the plan has no step; then somebody deletes it.
    let plan = setting.plan(&[]);
    let text = std::fs::read_to_string(&plan).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let targets = document["targets"].as_array().unwrap();
    let worker_1 = targets
        .iter()
        .find(|target| target["name"] == WORKER_1)
        .unwrap();
    assert!(worker_1["steps"].is_null(), "{worker_1}");
    setting.vcenter.remove(&format!("{FOLDER}/{NEW_1}"));
    let gone = setting.apply(&plan, &["--only", "machineset/loom-2c8vf-worker-1"]);
    assert_eq!(gone.code, 5, "{}{}", gone.stdout, gone.stderr);
    assert!(gone.stdout.contains("import template"), "{}", gone.stdout);
    assert_eq!(setting.template_of(WORKER_1), OLD_1);

    // Somebody changed what is to be imported, or where.
    for (from, to) in [
        (
            "https://example.com/rhcos",
            "https://evil.example.com/rhcos",
        ),
        ("\"mco-tmp-", "\"mine-"),
        ("/DC0/datastore/LocalDS_1", "/DC0/datastore/LocalDS_0"),
    ] {
        let changed = setting.files.path().join("changed.json");
        std::fs::write(&changed, text.replace(from, to)).unwrap();
        let changed = changed.to_str().unwrap();
        let run = setting.apply(changed, &["--only", "machineset/loom-2c8vf-worker-2"]);
        assert_eq!(run.code, 5, "{to}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stdout
                .contains("something else first than the plan says"),
            "{}",
            run.stdout
        );
    }
    assert_eq!(setting.names(), [OLD_1, OLD_2, "loom-hardened"]);

    // A vCenter that cannot be asked is a failure, and nothing is written.
    setting.vcenter.rule("Login", 0, "status", "503");
    setting.vcenter.rule("Login", 0, "status", "503");
    let run = setting.apply(&plan, &["--only", "machineset/loom-2c8vf-worker-2"]);
    assert_eq!(run.code, 4, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("status 503"), "{}", run.stdout);
    assert_eq!(setting.template_of(WORKER_2), OLD_2);
}

#[test]
fn facts_are_written_for_a_plan_elsewhere() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let facts = setting.files.path().join("facts.json");
    let facts = facts.to_str().unwrap();
    let run = setting.run(&["facts", "--resolve", "-o", facts]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(!std::fs::read_to_string(facts).unwrap().contains(PASSWORD));
    setting.vcenter.reset();
    let plan = setting.run(&["plan", "--facts", facts, "-o", "json"]);
    let plan = plan_of(&plan);
    assert_eq!(plan["needs"], json!([]));
    let resolved = plan_of(&setting.run(&["plan", "--resolve", "-o", "json"]));
    assert_eq!(plan["targets"], resolved["targets"]);
}

#[test]
fn each_vcenter_gets_the_templates_of_its_failure_domains() {
    let Some(second) = Vcenter::start(0) else {
        return;
    };
    fill(&second);
    let setting = Setting::on(|text, first| on_two_vcenters(text, first, &second.server));
    let Some(mut setting) = setting else { return };
    setting.authorities.push(second.authority());
    let plan = setting.plan(&[]);
    let run = setting.apply(&plan, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(setting.names(), [OLD_1, NEW_1, OLD_2, "loom-hardened"]);
    let there = second.machines(&format!("{FOLDER}/{NEW_2}"));
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(setting.template_of(WORKER_1), NEW_1);
    assert_eq!(setting.template_of(WORKER_2), NEW_2);

    // What is there is listed, of both.
    let listed = plan_of(&setting.run(&["vsphere", "templates", "-o", "json"]));
    let in_use = |server: &str, name: &str, set: &str| {
        let items = listed["items"].as_array().unwrap();
        let path = format!("{FOLDER}/{name}");
        items.iter().any(|item| {
            item["server"] == server
                && item["path"] == path.as_str()
                && item["state"] == "InUse"
                && item["usedBy"] == json!([format!("MachineSet {set}")])
        })
    };
    assert!(
        in_use(&setting.vcenter.server, NEW_1, WORKER_1),
        "{listed:#}"
    );
    assert!(in_use(&second.server, NEW_2, WORKER_2), "{listed:#}");

    // One that is gone holds up its own sets alone.
    second.rule("Login", 0, "status", "503");
    let plan = plan_of(&setting.run(&["plan", "--resolve", "-o", "json"]));
    let decision = |name: &str| {
        let mut targets = plan["targets"].as_array().unwrap().iter();
        let target = targets.find(|target| target["name"] == name).unwrap();
        target["decision"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (&*decision(WORKER_1), &*decision(WORKER_2)),
        ("UpToDate", "Blocked")
    );
}

#[test]
fn what_nothing_names_is_removed_if_it_is_ours() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let ours = |name: &str, version: &str, template: bool| {
        let path = format!("{FOLDER}/{name}");
        setting.vcenter.machine(
            &json!({"path": path, "version": version, "template": template,
            "annotation": "osimage.dev/import: sha256:00"}),
        );
    };
    for version in ["9.6.1", "9.6.2", "9.6.3"] {
        ours(&format!("{OLD_1}-{version}"), version, true);
    }
    ours("mco-tmp-12345678", RELEASE, false);
    let state = |run: &Run, name: &str| {
        let mut lines = run.stdout.lines();
        let line = lines.find(|line| line.contains(&format!("/{name} ")));
        let line = line.unwrap_or_else(|| panic!("{name}: {}{}", run.stdout, run.stderr));
        line.split_whitespace().next().unwrap().to_owned()
    };
    let listed = setting.run(&["vsphere", "templates"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    for (name, expected) in [
        (OLD_1, "InUse"),
        ("loom-hardened", "InUse"),
        ("loom-2c8vf-rhcos-rack1-9.6.1", "Removable"),
        ("loom-2c8vf-rhcos-rack1-9.6.2", "Removable"),
        ("loom-2c8vf-rhcos-rack1-9.6.3", "Kept"),
        ("mco-tmp-12345678", "Unfinished"),
    ] {
        assert_eq!(state(&listed, name), expected, "{name}");
    }
    // Nothing is removed unless it is asked for.
    assert_eq!(setting.names().len(), 7);
    let run = |options: &[&str]| {
        let run = setting.run(&[&["vsphere", "templates"], options].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    // The document stays one where templates are removed as well.
    let options = ["--keep-templates", "2", "--remove", "-o", "json"];
    let removed = setting.run(&[&["vsphere", "templates"], &options[..]].concat());
    assert!(
        removed.stderr.contains("9.6.1: removed"),
        "{}",
        removed.stderr
    );
    let document: Value = serde_json::from_str(&removed.stdout).unwrap();
    assert_eq!(document["kind"], "Templates");
    assert_eq!(setting.names().len(), 6);
    let removed = run(&["--remove-unfinished"]);
    assert!(removed.contains("mco-tmp-12345678: removed"), "{removed}");
    assert_eq!(setting.names().len(), 5);
}

/// The failure domains of Infrastructure, changed.
fn change_failure_domains(setting: &Setting, change: impl FnOnce(&mut Vec<Value>)) {
    const INFRASTRUCTURE: &str = "/apis/config.openshift.io/v1/infrastructures/cluster";
    let control_plane = &setting.cluster.control_plane;
    let mut object = control_plane.get(INFRASTRUCTURE);
    let mut domains = object["spec"]["platformSpec"]["vsphere"]["failureDomains"].take();
    change(domains.as_array_mut().unwrap());
    let vsphere = json!({"failureDomains": domains});
    control_plane.merge(
        INFRASTRUCTURE,
        &json!({"spec": {"platformSpec": {"vsphere": vsphere}}}),
    );
}

/// A set that is another one but for its name and its provider spec.
fn make_set(setting: &Setting, like: &str, name: &str, provider_spec: &Value) {
    let control_plane = &setting.cluster.control_plane;
    let mut set = control_plane.get(&format!("{SETS}/{like}"));
    set["metadata"] = json!({"name": name, "namespace": "openshift-machine-api",
        "annotations": set["metadata"]["annotations"], "labels": set["metadata"]["labels"]});
    set["status"].take();
    control_plane.create(&set);
    let template = json!({"spec": {"providerSpec": {"value": provider_spec}}});
    let change = json!({"spec": {"template": template}});
    control_plane.merge(&format!("{SETS}/{name}"), &change);
}

/// The target of a plan.
fn target<'p>(plan: &'p Value, name: &str) -> &'p Value {
    let mut targets = plan["targets"].as_array().unwrap().iter();
    targets.find(|target| target["name"] == name).unwrap()
}

/// A set of the first failure domain, which shares its template.
const SHARES: &str = "loom-2c8vf-worker-3";
/// A set of a failure domain that is added later.
const OF_NEW_DOMAIN: &str = "loom-2c8vf-worker-4";

#[test]
fn bi_314_w_26_sets_share_templates_get_those_of_new_failure_domains_and_of_none() {
    let Some(setting) = Setting::start() else {
        return;
    };
    make_set(&setting, WORKER_1, SHARES, &json!({}));
    // Somebody adds a failure domain and a set in it: there is no template, and none to learn from.
    let workspace = json!({"datastore": "/DC0/datastore/LocalDS_0",
        "resourcePool": "/DC0/host/DC0_C1/Resources"});
    let spec = json!({"template": "none-yet", "workspace": workspace});
    make_set(&setting, WORKER_2, OF_NEW_DOMAIN, &spec);
    change_failure_domains(&setting, |domains| {
        let rack2 = domains.iter_mut().find(|domain| domain["name"] == "rack2");
        let rack3 = rack2.unwrap();
        rack3["name"] = json!("rack3");
        rack3["zone"] = json!("rack3");
        rack3["topology"]["datastore"] = json!("/DC0/datastore/LocalDS_0");
    });

    // The second set is in no failure domain now: its provider spec says where its template belongs.
    let explained = setting.run(&["explain", &format!("machineset/{WORKER_2}")]);
    assert_eq!(explained.code, 0, "{}", explained.stderr);
    for words in [
        "BI-314",
        "to none, but its provider spec says where a template belongs",
        "/DC0/host/DC0_C1/VM Network",
    ] {
        assert!(explained.stdout.contains(words), "{}", explained.stdout);
    }
    let path = setting.plan(&[]);
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let step = &target(&plan, WORKER_2)["steps"][0];
    let own = step["name"].as_str().unwrap().to_owned();
    assert!(own.starts_with("loom-2c8vf-rhcos-workspace-"), "{step}");
    assert_eq!(step["computeCluster"], "/DC0/host/DC0_C1", "{step}");
    let skipped = target(&plan, "loom-2c8vf-stray-3");
    assert_eq!(skipped["reason"], "NoFailureDomain", "{skipped}");
    let of_new_domain = &target(&plan, OF_NEW_DOMAIN)["steps"][0];
    // BI-333: as the installer was told.
    assert_eq!(of_new_domain["diskType"], "thin", "{of_new_domain}");

    let run = setting.apply(&path, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let new_domain = format!("loom-2c8vf-rhcos-rack3-{RELEASE}");
    for (set, template) in [
        (WORKER_1, NEW_1),
        (SHARES, NEW_1),
        (WORKER_2, own.as_str()),
        (OF_NEW_DOMAIN, new_domain.as_str()),
    ] {
        assert_eq!(setting.template_of(set), template, "{set}");
        assert!(setting.names().contains(&template.to_owned()), "{set}");
    }
    let calls = setting.vcenter.calls();
    let imports = calls.iter().filter(|call| *call == "ImportVApp").count();
    assert_eq!(imports, 3, "the first two share one: {calls:?}");
}
