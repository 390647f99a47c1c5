//! Stands in for the parts of a cluster that a test has no use for as they are: the Job controller
//! (one pod at a time, the failure policy, the limit of attempts), the kubelet (runs the build script
//! with the real buildah, reports phases, codes and messages) and the garbage collector.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_control_plane::ControlPlane;
use test_control_plane::builder::{ATTEMPTS, could_not_begin};

pub(crate) const NAMESPACE: &str = "openshift-machine-config-operator";
const GROUP: &str = "/apis/machineconfiguration.openshift.io/v1";
/// Between two attempts.
const BACKOFF: Duration = Duration::from_secs(4);
const TIME: &str = "2026-01-01T00:00:00Z";

/// How a pod ended: code and termination message.
type End = (i64, String);

#[derive(Default)]
pub(crate) struct Agent {
    folder: PathBuf,
    certificate: PathBuf,
    stop: AtomicBool,
    /// While this is set, pods that were started do not end.
    pub(crate) hold: AtomicBool,
    /// While this is set, nothing is deleted because its owner is gone.
    pub(crate) keeps_orphans: AtomicBool,
    /// How pods end instead of building anything.
    pub(crate) scripted: Mutex<Option<End>>,
    ended: Mutex<BTreeMap<String, End>>,
    /// When a Job, by uid, makes its next pod: the Job controller waits ten seconds and more.
    next: Mutex<BTreeMap<String, Instant>>,
    /// Each pod has a name of its own, as those of the Job controller.
    names: AtomicUsize,
    /// How many pods were started.
    pub(crate) pods: AtomicUsize,
    /// The most that ran at once.
    pub(crate) most_at_once: AtomicUsize,
}

fn items(control_plane: &ControlPlane, path: &str) -> Vec<Value> {
    let list = control_plane
        .send("GET", path, &Value::Null)
        .unwrap_or_default();
    list["items"].as_array().cloned().unwrap_or_default()
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is_owned_by(object: &Value, uid: &str) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid))
}

fn place(resource: &str) -> String {
    match resource {
        "jobs" => format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs"),
        "machineosbuilds" | "machineosconfigs" => format!("{GROUP}/{resource}"),
        other => format!("/api/v1/namespaces/{NAMESPACE}/{other}"),
    }
}

impl Agent {
    pub(crate) fn new(folder: &Path, certificate: &Path) -> Arc<Self> {
        Arc::new(Self {
            folder: folder.to_owned(),
            certificate: certificate.to_owned(),
            ..Self::default()
        })
    }

    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(crate) fn run(self: &Arc<Self>, control_plane: &Arc<ControlPlane>) {
        while !self.stop.load(Ordering::SeqCst) {
            let pods = items(control_plane, &place("pods"));
            let jobs = items(control_plane, &place("jobs"));
            let running = |pod: &&Value| pod["status"]["phase"] == "Running";
            let count = pods.iter().filter(running).count();
            self.most_at_once.fetch_max(count, Ordering::SeqCst);
            for job in &jobs {
                self.job(control_plane, job, &pods);
            }
            if !self.keeps_orphans.load(Ordering::SeqCst) {
                collect(control_plane, &jobs, &pods);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn job(self: &Arc<Self>, control_plane: &Arc<ControlPlane>, job: &Value, pods: &[Value]) {
        let conditions = job["status"]["conditions"].as_array();
        let is_over = conditions.is_some_and(|all| {
            all.iter()
                .any(|it| it["type"] == "Complete" || it["type"] == "Failed")
        });
        let uid = text(job, "/metadata/uid");
        let own: Vec<_> = pods.iter().filter(|pod| is_owned_by(pod, uid)).collect();
        let active = own.iter().find(|pod| pod["status"]["phase"] == "Running");
        if is_over || job["metadata"]["deletionTimestamp"].is_string() {
            return;
        }
        if job["spec"]["suspend"] == true {
            if let Some(pod) = active {
                delete_pod(control_plane, text(pod, "/metadata/name"));
            }
            return status(control_plane, job, &json!({"active": 0}));
        }
        let Some(pod) = active else {
            let next = self.next.lock().unwrap().get(uid).copied();
            if next.is_some_and(|next| next > Instant::now()) {
                return;
            }
            return self.start(control_plane, job);
        };
        let name = text(pod, "/metadata/name");
        if self.hold.load(Ordering::SeqCst) {
            return;
        }
        let Some((code, message)) = self.ended.lock().unwrap().remove(name) else {
            return;
        };
        let next = Instant::now() + BACKOFF;
        self.next.lock().unwrap().insert(uid.to_owned(), next);
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        let terminated = json!({"exitCode": code, "reason": "Ended", "message": message});
        let ended = json!({"status": {"phase": phase, "initContainerStatuses": [{
            "name": "image-build", "image": "i", "imageID": "i", "ready": false,
            "restartCount": 0, "state": {"terminated": terminated}}]}});
        let path = format!("{}/{name}/status", place("pods"));
        control_plane.send("PATCH", &path, &ended).unwrap();
        let failed = own.len() - usize::from(code == 0);
        let permanent = job["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"]
            .as_array()
            .is_some_and(|codes| codes.contains(&json!(code)));
        let limit = job["spec"]["backoffLimit"].as_u64().unwrap();
        let condition = |kind: &str, reason: &str| {
            json!({"type": kind, "status": "True",
            "reason": reason, "lastTransitionTime": TIME})
        };
        let change = if code == 0 {
            json!({"active": 0, "succeeded": 1, "failed": failed, "completionTime": TIME,
                "conditions": [condition("SuccessCriteriaMet", "CompletionsReached"),
                    condition("Complete", "CompletionsReached")]})
        } else if permanent || failed as u64 > limit {
            let reason = if permanent {
                "PodFailurePolicy"
            } else {
                "BackoffLimitExceeded"
            };
            json!({"active": 0, "failed": failed, "conditions": [
                condition("FailureTarget", reason), condition("Failed", reason)]})
        } else {
            json!({"active": 0, "failed": failed})
        };
        status(control_plane, job, &change);
    }

    fn start(self: &Arc<Self>, control_plane: &Arc<ControlPlane>, job: &Value) {
        let job_name = text(job, "/metadata/name");
        let uid = text(job, "/metadata/uid");
        let number = self.names.fetch_add(1, Ordering::SeqCst);
        let name = format!("{job_name}-{number}");
        let mut spec = job["spec"]["template"]["spec"].clone();
        spec["schedulerName"] = json!("none");
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE,
                "labels": {"batch.kubernetes.io/job-name": job_name, "job-name": job_name},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job_name,
                    "uid": uid, "controller": true}]},
            "spec": spec});
        if control_plane.send("POST", &place("pods"), &pod).is_err() {
            // One of a Job of this name that is gone has not been collected yet.
            return;
        }
        self.pods.fetch_add(1, Ordering::SeqCst);
        let path = format!("{}/{name}/status", place("pods"));
        let running = json!({"status": {"phase": "Running"}});
        control_plane.send("PATCH", &path, &running).unwrap();
        let active = json!({"active": 1, "startTime": TIME});
        status(control_plane, job, &active);
        let (this, control_plane) = (Arc::clone(self), Arc::clone(control_plane));
        std::thread::spawn(move || {
            let path = format!("{}/{name}", place("pods"));
            while this.hold.load(Ordering::SeqCst) && !this.stop.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(50));
            }
            // One that was deleted does nothing any more.
            if control_plane.get(&path).is_null() {
                return;
            }
            let scripted = this.scripted.lock().unwrap().clone();
            let end = scripted.unwrap_or_else(|| this.build(&control_plane, &pod));
            this.ended.lock().unwrap().insert(name, end);
        });
    }

    /// Runs the build container of a pod, in a folder of its own, and again where buildah could not begin.
    fn build(&self, control_plane: &ControlPlane, pod: &Value) -> End {
        let name = text(pod, "/metadata/name");
        let mut root = self.folder.join(name);
        let mut end = self.build_in(&root, control_plane, pod);
        for attempt in 1..ATTEMPTS {
            let log = std::fs::read_to_string(root.join("log")).unwrap_or_default();
            if end.0 == 0 || !could_not_begin(&log) {
                break;
            }
            root = self.folder.join(format!("{name}-again-{attempt}"));
            end = self.build_in(&root, control_plane, pod);
        }
        end
    }

    /// Runs the script of the build container with its variables, with paths below a folder.
    fn build_in(&self, root: &Path, control_plane: &ControlPlane, pod: &Value) -> End {
        let container = &pod["spec"]["initContainers"][0];
        for mount in container["volumeMounts"].as_array().unwrap() {
            let volumes = pod["spec"]["volumes"].as_array().unwrap();
            let volume = volumes
                .iter()
                .find(|volume| volume["name"] == mount["name"])
                .unwrap();
            fill(
                control_plane,
                volume,
                &below(root, text(mount, "/mountPath")),
            );
        }
        for folder in ["bin", "home/build", "work"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (name, script) in [
            ("su", "shift 3; exec bash -c \"$1\""),
            ("p11-kit", "exit 0"),
        ] {
            let path = root.join("bin").join(name);
            std::fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/storage\"\nrunroot = \"{0}/run\"\n",
            root.display()
        );
        std::fs::write(root.join("storage.conf"), storage).unwrap();
        let moved = |text: &str| {
            let mut text = text.replace("/dev/termination-log", "/work/message");
            for prefix in ["/tmp/", "/etc/pki/", "/home/build", "/work/"] {
                let new = format!("{}{prefix}", root.display());
                text = text.replace(prefix, &new);
            }
            text
        };
        let mut command = Command::new("bash");
        command
            .args(["-c", &moved(text(container, "/command/2"))])
            .env_clear();
        for variable in container["env"].as_array().unwrap() {
            let (name, value) = (text(variable, "/name"), text(variable, "/value"));
            let value = if name.ends_with("_MOUNTPOINT") {
                // Where it lies here, and where a step sees it.
                format!("{}:{value}", below(root, value).display())
            } else {
                moved(value)
            };
            command.env(name, value);
        }
        let output = command
            .env(
                "PATH",
                format!("{}/bin:/usr/sbin:/usr/bin:/sbin:/bin", root.display()),
            )
            .env("TMPDIR", root.join("work"))
            .env("CONTAINERS_STORAGE_CONF", root.join("storage.conf"))
            .env("SSL_CERT_FILE", &self.certificate)
            .output()
            .unwrap();
        let log = [output.stdout, output.stderr].concat();
        std::fs::write(root.join("log"), log).unwrap();
        let message = std::fs::read_to_string(root.join("work/message")).unwrap_or_default();
        (output.status.code().unwrap_or(137).into(), message)
    }
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// What a volume holds.
fn fill(control_plane: &ControlPlane, volume: &Value, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let read = |resource: &str, name: &Value| {
        let path = format!("{}/{}", place(resource), name.as_str().unwrap());
        control_plane.get(&path)
    };
    let decode = |value: &Value| {
        use base64::Engine as _;
        let text = value.as_str().unwrap_or_default();
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap()
    };
    let object = if volume["configMap"].is_object() {
        read("configmaps", &volume["configMap"]["name"])
    } else if volume["secret"].is_object() {
        read("secrets", &volume["secret"]["secretName"])
    } else {
        return;
    };
    let is_secret = volume["secret"].is_object();
    let empty = serde_json::Map::new();
    for (key, value) in object["data"].as_object().unwrap_or(&empty) {
        let items = volume["secret"]["items"].as_array();
        let item = items.and_then(|items| items.iter().find(|item| item["key"] == key.as_str()));
        let name = item.map_or(key.as_str(), |item| text(item, "/path"));
        let bytes = if is_secret {
            decode(value)
        } else {
            value.as_str().unwrap().as_bytes().to_vec()
        };
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    for (key, value) in object["binaryData"].as_object().unwrap_or(&empty) {
        std::fs::write(folder.join(key), decode(value)).unwrap();
    }
}

fn status(control_plane: &ControlPlane, job: &Value, change: &Value) {
    let current = &job["status"];
    let differs = change.as_object().unwrap().iter().any(|(key, value)| {
        let zero = *value == 0 && current[key].is_null();
        current[key] != *value && !zero
    });
    if differs {
        let path = format!("{}/{}/status", place("jobs"), text(job, "/metadata/name"));
        // It is gone, or will be looked at again.
        if let Err(error) = control_plane.send("PATCH", &path, &json!({"status": change})) {
            assert!(error.contains("not found"), "{error}");
        }
    }
}

fn delete_pod(control_plane: &ControlPlane, name: &str) {
    let path = format!("{}/{name}", place("pods"));
    control_plane
        .send("DELETE", &path, &json!({"gracePeriodSeconds": 0}))
        .ok();
}

/// What nobody owns any more goes, and what is deleted in the foreground goes after what it owns.
fn collect(control_plane: &ControlPlane, jobs: &[Value], pods: &[Value]) {
    let configs = items(control_plane, &place("machineosconfigs"));
    let builds = items(control_plane, &place("machineosbuilds"));
    let has = |all: &[Value], uid: &Value| all.iter().any(|it| it["metadata"]["uid"] == *uid);
    let owner = |object: &Value| object["metadata"]["ownerReferences"][0]["uid"].clone();
    let delete = |resource: &str, object: &Value| {
        let path = format!("{}/{}", place(resource), text(object, "/metadata/name"));
        let precondition = json!({"preconditions": {"uid": object["metadata"]["uid"]},
            "propagationPolicy": "Background"});
        control_plane.send("DELETE", &path, &precondition).ok();
    };
    for pod in pods.iter().filter(|pod| !has(jobs, &owner(pod))) {
        delete_pod(control_plane, text(pod, "/metadata/name"));
    }
    for job in jobs
        .iter()
        .filter(|job| owner(job).is_string() && !has(&builds, &owner(job)))
    {
        delete("jobs", job);
    }
    for resource in ["configmaps", "secrets"] {
        let objects = items(control_plane, &place(resource));
        let is_ours = |object: &&Value| {
            let kind = &object["metadata"]["ownerReferences"][0]["kind"];
            kind == "MachineOSBuild" || kind == "Job"
        };
        let orphans = objects.iter().filter(is_ours);
        for object in orphans.filter(|it| !has(&builds, &owner(it)) && !has(jobs, &owner(it))) {
            delete(resource, object);
        }
    }
    for build in &builds {
        let is_deleted = build["metadata"]["deletionTimestamp"].is_string();
        if !is_deleted && owner(build).is_string() && !has(&configs, &owner(build)) {
            delete("machineosbuilds", build);
        }
        let uid = text(build, "/metadata/uid");
        let own: Vec<_> = jobs.iter().filter(|job| is_owned_by(job, uid)).collect();
        if is_deleted {
            for job in &own {
                delete("jobs", job);
            }
        }
        let finalizers = build["metadata"]["finalizers"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if is_deleted && own.is_empty() && finalizers.contains(&json!("foregroundDeletion")) {
            let kept: Vec<_> = finalizers
                .into_iter()
                .filter(|it| *it != "foregroundDeletion")
                .collect();
            let path = format!(
                "{}/{}",
                place("machineosbuilds"),
                text(build, "/metadata/name")
            );
            let change = json!({"metadata": {"finalizers": kept,
                "resourceVersion": build["metadata"]["resourceVersion"]}});
            control_plane.send("PATCH", &path, &change).ok();
        }
    }
}
