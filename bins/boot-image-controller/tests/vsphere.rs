//! The controller and vCenters: templates are imported, and then sets name them.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{CONFIGURATION, Cluster, Controller, SETS, STATE, eventually, soak};
use tempfile::TempDir;
use test_control_plane::{Identity, Verdict};
use test_vcenter::cluster::{
    FOLDER, NEW_1, NEW_2, OLD_1, OLD_2, WORKER_1, WORKER_2, credentials, fill, objects,
    on_two_vcenters, templates,
};
use test_vcenter::{PASSWORD, Vcenter};

/// More logins than the controller tries in this test.
const LOGINS: usize = 40;

/// A cluster with a failure domain on each of two vCenters.
struct Setting {
    cluster: Cluster,
    vcenters: [Vcenter; 2],
    files: TempDir,
}

impl Setting {
    fn start() -> Option<Self> {
        let vcenters = [Vcenter::start(0)?, Vcenter::start(0)?];
        let [first, second] = vcenters.each_ref().map(|vcenter| vcenter.server.clone());
        for vcenter in &vcenters {
            fill(vcenter);
        }
        let files = tempfile::tempdir().unwrap();
        let objects = objects(files.path(), &|text: &str| {
            on_two_vcenters(text, &first, &second)
        });
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/samples/valid");
        let more = [
            "12-featuregate.yaml",
            "50-machineconfigpools.yaml",
            "51-machineconfigs.yaml",
        ];
        let more = more.map(|name| samples.join(name));
        let cluster = Cluster::of(&[vec![objects], more.to_vec()].concat())?;
        let control_plane = &cluster.control_plane;
        control_plane.create(&json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "worker-user-data", "namespace": "openshift-machine-api"},
            "stringData": {"userData": r#"{"ignition":{"version":"3.4.0"}}"#}}));
        control_plane.create(&credentials(&vcenters[0], PASSWORD));
        for vcenter in &vcenters {
            vcenter.reset();
        }
        Some(Self {
            cluster,
            vcenters,
            files,
        })
    }

    fn command(&self, kubeconfig: &Path) -> Command {
        let folder = self.files.path().display();
        let arguments = [
            "--mode=replace".to_owned(),
            // One of them is killed, and the next one waits for as long.
            "--leader-elect-lease-duration=5".to_owned(),
            format!("--artifact-mirror=file://{folder}"),
            format!("--artifact-cache={folder}/cache"),
        ];
        let mut command = support::command(kubeconfig, &arguments.each_ref().map(String::as_str));
        for vcenter in &self.vcenters {
            command.arg("--vcenter-ca").arg(vcenter.authority());
        }
        command
    }

    fn controller(&self, kubeconfig: &Path) -> Controller {
        Controller::spawn(&mut self.command(kubeconfig))
    }

    /// The template that a set names.
    fn template(&self, set: &str) -> String {
        let set = self.cluster.get(&format!("{SETS}/{set}"));
        let template = &set["spec"]["template"]["spec"]["providerSpec"]["value"]["template"];
        template.as_str().unwrap().to_owned()
    }

    fn has_template(&self, vcenter: usize, name: &str) -> bool {
        let path = format!("{FOLDER}/{name}");
        let machines = self.vcenters[vcenter].machines(&path);
        machines.iter().any(|it| it.path == path && it.template)
    }

    /// How often a vCenter was asked to import something since it was reset.
    fn imports(&self, vcenter: usize) -> usize {
        let calls = self.vcenters[vcenter].calls();
        calls.iter().filter(|call| *call == "ImportVApp").count()
    }
}

/// Kills a controller where it is about to edit a set.
fn killed_before_the_edit(setting: &Setting, set: &str) {
    let process = Arc::new(AtomicU32::new(0));
    let (of_judge, path) = (Arc::clone(&process), format!("{SETS}/{set}"));
    let proxy = setting
        .cluster
        .control_plane
        .proxy(&Identity::Admin, move |call| {
            if call.method != "PATCH" || !call.uri.starts_with(&path) {
                return Verdict::Pass;
            }
            // Until the test has told who it is.
            while of_judge.load(Ordering::SeqCst) == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            Verdict::Kill {
                process: of_judge.load(Ordering::SeqCst),
                carried_out: false,
            }
        });
    let mut controller = setting.controller(proxy.kubeconfig());
    process.store(controller.id(), Ordering::SeqCst);
    eventually("it is killed", || controller.ended());
}

/// The user may not log in to the first vCenter: the other one's set is moved.
fn one_vcenter_refuses(setting: &Setting, kubeconfig: &Path) {
    let [first, second] = setting.vcenters.each_ref();
    for _ in 0..LOGINS {
        first.rule("Login", 0, "fault", "InvalidLogin");
    }
    let controller = setting.controller(kubeconfig);
    eventually("the other vCenter's set is moved", || {
        (setting.template(WORKER_2) == NEW_2).then_some(())
    });
    assert!(setting.has_template(1, NEW_2));
    let line = eventually("why the first one's set is not moved", || {
        let mut lines = controller.log().into_iter();
        lines.find(|line| line["name"] == WORKER_1 && line["reason"] == "TemplateUnknown")
    });
    assert!(
        line["message"].as_str().unwrap().contains("refuses user"),
        "{line}"
    );
    assert_eq!(setting.template(WORKER_1), OLD_1);
    let refused = first.calls();
    let refused = refused.iter().filter(|call| *call == "Login").count();
    assert_eq!(refused, 1, "who is refused again and again is locked out");
    let history = eventually("it is in the history", || {
        let history = setting.cluster.history(WORKER_2);
        (history.len() == 2).then_some(history)
    });
    let step = history[0]["vcenterStep"].as_str().unwrap();
    assert!(step.contains(&format!("import template {NEW_2}")), "{step}");
    assert_eq!(history[1]["to"], NEW_2);
    let events = setting.cluster.events(WORKER_2);
    let reasons: Vec<_> = events.iter().map(|event| &event["reason"]).collect();
    for reason in ["TemplateImportBegins", "TemplateReady", "BootImageUpdated"] {
        assert!(reasons.contains(&&json!(reason)), "{reason}: {reasons:?}");
    }
    let series = "osimage_boot_image_vcenter_steps_total";
    let server = &second.server;
    let labels = format!("server=\"{server}\",step=\"import\",result=\"success\"");
    assert!(controller.metric(&format!("{series}{{{labels}}}")) > 0.5);
    // One session for the questions, one for the import, and at most two more looks before the edit.
    let calls = second.calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert!((2..=4).contains(&count("Login")), "{calls:?}");
    assert!(controller.stop().success());
    let calls = second.calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!(count("Login"), count("Logout"), "{calls:?}");
}

/// An import that takes long holds up nothing, not even the end of the process.
fn an_import_hangs(setting: &Setting, kubeconfig: &Path) {
    let first = &setting.vcenters[0];
    first.reset();
    first.rule("ImportVApp", 0, "hang-before", "");
    let controller = setting.controller(kubeconfig);
    eventually("the import hangs", || first.hangs().then_some(()));
    let old =
        json!({"spec": {"template": {"spec": {"providerSpec": {"value": {"template": OLD_2}}}}}});
    let path = format!("{SETS}/{WORKER_2}");
    setting.cluster.merge(&path, &old);
    eventually("the other set is moved again", || {
        (setting.template(WORKER_2) == NEW_2).then_some(())
    });
    assert!(first.hangs() && setting.template(WORKER_1) == OLD_1);
    let stopped = Instant::now();
    assert!(controller.stop().success());
    assert!(stopped.elapsed() < Duration::from_secs(10));
}

/// Killed between the import and the edit: it is not imported again.
fn killed_in_between(setting: &Setting, kubeconfig: &Path) {
    let first = &setting.vcenters[0];
    first.reset();
    killed_before_the_edit(setting, WORKER_1);
    assert!(setting.has_template(0, NEW_1));
    assert_eq!(setting.template(WORKER_1), OLD_1);
    let controller = setting.controller(kubeconfig);
    eventually("the set is moved", || {
        (setting.template(WORKER_1) == NEW_1).then_some(())
    });
    assert_eq!(setting.imports(0), 1);
    eventually("it is told", || {
        let told = |kind: &str| {
            let condition = setting.cluster.condition(CONFIGURATION, kind);
            condition["status"] == "False"
        };
        let is_told = told("BootImageUpdateDegraded") && told("BootImageUpdateProgressing");
        (is_told && setting.cluster.history(WORKER_1).len() == 2).then_some(())
    });
    assert!(controller.stop().success());
}

/// Everything is as it should be: nothing is written, nowhere.
fn at_rest(setting: &Setting, kubeconfig: &Path) {
    for vcenter in &setting.vcenters {
        vcenter.reset();
    }
    let calls = setting.cluster.control_plane.calls_of(|| {
        let controller = setting.controller(kubeconfig);
        for set in [WORKER_1, WORKER_2] {
            eventually("the set is up to date", || {
                let mut lines = controller.log().into_iter();
                lines.find(|line| line["name"] == set && line["decision"] == "UpToDate")
            });
        }
        std::thread::sleep(Duration::from_secs(1));
        assert!(controller.stop().success());
    });
    let mut writes = calls
        .iter()
        .filter(|call| call.is_write() && call.resource != "leases.coordination.k8s.io");
    assert_eq!(writes.next(), None);
    // The roles that are shipped are enough.
    let refused = calls.iter().find(|call| call.code == 403);
    assert_eq!(refused, None);
    for name in ["vsphere-creds", "cluster-config-v1"] {
        assert!(calls.iter().any(|call| call.name == name), "{name}");
    }
    for vcenter in &setting.vcenters {
        let calls = vcenter.calls();
        let changes = calls
            .iter()
            .filter(|call| call.ends_with("_Task") || *call == "ImportVApp");
        assert_eq!(changes.count(), 0, "{calls:?}");
        let logins = calls.iter().filter(|call| *call == "Login").count();
        assert_eq!(logins, 1, "an answer holds for a while: {calls:?}");
    }
}

#[test]
fn templates_are_imported_once_and_a_vcenter_that_refuses_holds_up_its_own_sets() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let kubeconfig = setting.cluster.install_roles();
    one_vcenter_refuses(&setting, &kubeconfig);
    an_import_hangs(&setting, &kubeconfig);
    killed_in_between(&setting, &kubeconfig);
    at_rest(&setting, &kubeconfig);
}

#[test]
fn bi_327_killed_at_calls_to_the_vcenter_the_next_one_completes() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let vcenter = &setting.vcenters[0];
    let path = format!("{SETS}/{WORKER_1}");
    let before =
        json!({"spec": {"template": {"spec": {"providerSpec": {"value": {"template": OLD_1}}}}}});
    let start = || {
        let mut command = setting.command(&setting.cluster.kubeconfig);
        // Nobody waits for the Lease of who was killed.
        Controller::spawn(command.arg("--leader-elect=false"))
    };
    let mut kills = 0;
    for call in (1..).step_by(if soak() { 1 } else { 11 }) {
        vcenter.remove(&format!("{FOLDER}/*"));
        templates(vcenter);
        vcenter.reset();
        setting.cluster.merge(&path, &before);
        if !setting.cluster.get(STATE).is_null() {
            setting.cluster.control_plane.delete(STATE);
        }
        let hangs = ["hang-before", "hang-after"][call % 2];
        vcenter.rule_at(call, hangs);
        let controller = start();
        let is_killed = eventually("it hangs or is done", || {
            let is_done = setting.template(WORKER_1) == NEW_1;
            (is_done || vcenter.hangs()).then(|| vcenter.hangs())
        });
        // Dropping the controller kills it.
        drop(controller);
        let context = format!("call {call}: {:?}", vcenter.calls().last());
        if !is_killed {
            break;
        }
        kills += 1;
        vcenter.reset();
        assert_eq!(setting.template(WORKER_1), OLD_1, "{context}");
        let controller = start();
        eventually(&context, || {
            (setting.template(WORKER_1) == NEW_1).then_some(())
        });
        drop(controller);
        assert!(setting.has_template(0, NEW_1), "{context}");
        let machines = vcenter.machines(&format!("{FOLDER}/"));
        // The old templates of both failure domains, somebody's own, and the new one.
        assert_eq!(machines.len(), 4, "{context}: {machines:?}");
    }
    assert!(kills > 2, "{kills}");
}

/// The path of the objects that hold the history.
const STATES: &str = "/api/v1/namespaces/osimage/configmaps";

#[test]
fn a_history_that_cannot_be_written_keeps_sets_from_being_edited_and_from_nothing_else() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let control_plane = &setting.cluster.control_plane;
    let proxy = control_plane.proxy(&Identity::Admin, move |call| {
        let is_write = call.method != "GET" && call.uri.starts_with(STATES);
        if is_write && is_broken.load(Ordering::SeqCst) {
            return Verdict::Answer {
                code: 500,
                retry_after: None,
            };
        }
        Verdict::Pass
    });
    let controller = setting.controller(proxy.kubeconfig());
    eventually("both templates are imported", || {
        (setting.has_template(0, NEW_1) && setting.has_template(1, NEW_2)).then_some(())
    });
    eventually("that the history cannot be written is said", || {
        let log = controller.log();
        let mut lines = log.iter().map(ToString::to_string);
        lines.find(|line| line.contains("entries of the history are not written yet"))
    });
    // A set that comes now is decided.
    let mut set = setting.cluster.get(&format!("{SETS}/{WORKER_1}"));
    set["metadata"] = json!({"name": "late", "namespace": "openshift-machine-api",
        "annotations": set["metadata"]["annotations"]});
    set["spec"]["template"]["spec"]["providerSpec"]["value"]["template"] = json!(NEW_1);
    set["status"].take();
    control_plane.create(&set);
    eventually("the new set is decided", || {
        let mut lines = controller.log().into_iter();
        lines.find(|line| line["name"] == "late" && line["decision"] == "UpToDate")
    });
    assert_eq!(setting.template(WORKER_1), OLD_1, "it would stand nowhere");
    assert_eq!(setting.imports(0) + setting.imports(1), 2);
    broken.store(false, Ordering::SeqCst);
    for (set, template) in [(WORKER_1, NEW_1), (WORKER_2, NEW_2)] {
        eventually("the set is moved, and the history has all of it", || {
            let is_moved = setting.template(set) == template;
            (is_moved && setting.cluster.history(set).len() == 2).then_some(())
        });
    }
    assert_eq!(setting.imports(0) + setting.imports(1), 2);
    assert!(controller.stop().success());
}

#[test]
fn two_controllers_at_once_end_with_one_template_and_one_edit_of_each_set() {
    let Some(setting) = Setting::start() else {
        return;
    };
    let start = || {
        let mut command = setting.command(&setting.cluster.kubeconfig);
        // Nothing tells them whose turn it is.
        Controller::spawn(command.arg("--leader-elect=false"))
    };
    let controllers = [start(), start()];
    for (set, template) in [(WORKER_1, NEW_1), (WORKER_2, NEW_2)] {
        eventually("the set is moved", || {
            (setting.template(set) == template).then_some(())
        });
    }
    for controller in controllers {
        assert!(controller.stop().success());
    }
    for (vcenter, template) in [NEW_1, NEW_2].into_iter().enumerate() {
        assert!(setting.has_template(vcenter, template));
        let machines = setting.vcenters[vcenter].machines(&format!("{FOLDER}/"));
        let finals = machines.iter().filter(|it| it.path.ends_with(template));
        assert_eq!(finals.count(), 1, "{machines:?}");
    }
    let edits = setting.cluster.control_plane.audit().into_iter();
    let edits: Vec<_> = edits
        .filter(|call| call.verb == "patch" && call.code == 200 && call.is_write())
        .filter(|call| call.uri.starts_with(SETS))
        .map(|call| call.name)
        .collect();
    assert_eq!(edits.len(), 2, "{edits:?}");
}
