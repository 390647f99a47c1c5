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

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use live_support::{Cluster, Run, command, plan_of};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_vcenter::cluster::{
    FOLDER, NEW_1, NEW_2, OLD_1, OLD_2, RELEASE, SERVER, WORKER_1, WORKER_2, credentials, fill,
    objects, on_two_vcenters, templates,
};
use test_vcenter::{Machine, PASSWORD, Vcenter};

const SETS: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";

/// Every how many calls the command is killed; all of them take two minutes.
const STRIDE: usize = 5;
/// Says that the command is to be killed at every call.
const EVERY_CALL: &str = "OSIMAGE_TEST_EVERY_CALL";

/// A cluster on a vCenter that has the templates of an old release.
struct Setting {
    cluster: Cluster,
    vcenter: Vcenter,
    files: TempDir,
    /// Authorities of further vCenters.
    authorities: Vec<PathBuf>,
}

impl Setting {
    fn start() -> Option<Self> {
        Self::on(|text, server| text.replace(SERVER, server))
    }

    /// `servers` makes of each document what it is on this vCenter.
    fn on(servers: impl Fn(&str, &str) -> String) -> Option<Self> {
        let vcenter = Vcenter::start(0)?;
        fill(&vcenter);
        let files = tempfile::tempdir().unwrap();
        let objects = objects(files.path(), &|text: &str| servers(text, &vcenter.server));
        let cluster = Cluster::with(&objects)?;
        cluster
            .control_plane
            .create(&json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "worker-user-data", "namespace": "openshift-machine-api"},
            "stringData": {"userData": r#"{"ignition":{"version":"3.4.0"}}"#}}));
        cluster
            .control_plane
            .create(&credentials(&vcenter, PASSWORD));
        vcenter.reset();
        Some(Self {
            cluster,
            vcenter,
            files,
            authorities: Vec::new(),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.cluster.kubeconfig, arguments);
        let authorities = std::iter::once(self.vcenter.authority());
        for authority in authorities.chain(self.authorities.clone()) {
            command.arg("--vcenter-ca").arg(authority);
        }
        for variable in [
            "GOVC_URL",
            "GOVC_USERNAME",
            "GOVC_PASSWORD",
            "GOVC_INSECURE",
        ] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.cluster.run_command(&mut self.command(arguments))
    }

    /// Saves a plan that knows what the vCenter has.
    fn plan(&self, options: &[&str]) -> String {
        let path = self.files.path().join("plan.json");
        let path = path.to_str().unwrap().to_owned();
        let run = self.run(&[&["plan", "--resolve", "--save", &path], options].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        path
    }

    fn apply_command(&self, plan: &str, options: &[&str]) -> Command {
        let mirror = format!("file://{}", self.files.path().display());
        let arguments = [
            "apply",
            plan,
            "--accept-deferred",
            "--artifact-mirror",
            &mirror,
        ];
        let mut command = self.command(&[&arguments[..], options].concat());
        command
            .arg("--artifact-cache")
            .arg(self.files.path().join("cache"));
        command
    }

    fn apply(&self, plan: &str, options: &[&str]) -> Run {
        self.cluster
            .run_command(&mut self.apply_command(plan, options))
    }

    /// The template that a set names.
    fn template_of(&self, set: &str) -> String {
        let set = self.cluster.control_plane.get(&format!("{SETS}/{set}"));
        let template = &set["spec"]["template"]["spec"]["providerSpec"]["value"]["template"];
        template.as_str().unwrap().to_owned()
    }

    fn machines(&self) -> Vec<Machine> {
        self.vcenter.machines(&format!("{FOLDER}/"))
    }

    /// Names in the folder.
    fn names(&self) -> Vec<String> {
        let machines = self.machines();
        let name = |machine: &Machine| machine.path.rsplit('/').next().unwrap().to_owned();
        machines.iter().map(name).collect()
    }

    /// What a set of the plan names is there, whole, with its tag and its release.
    fn check_sets(&self, context: &str) {
        let machines = self.machines();
        for set in [WORKER_1, WORKER_2] {
            let path = format!("{FOLDER}/{}", self.template_of(set));
            let machine = machines.iter().find(|machine| machine.path == path);
            let machine = machine.unwrap_or_else(|| panic!("{context}: {set}: no {path}"));
            assert!(machine.template, "{context}: {machine:?}");
            let is_new = machine.version == RELEASE;
            assert!(
                !is_new || machine.tags == ["loom-2c8vf"],
                "{context}: {machine:?}"
            );
        }
    }

    /// The vCenter is as it was, and so are the sets.
    fn reset(&self, snapshot: &[Value]) {
        self.vcenter.remove(&format!("{FOLDER}/*"));
        templates(&self.vcenter);
        self.cluster.reset(snapshot);
        self.vcenter.reset();
    }
}

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
