//! What is in `deploy/` is taken by a real API server, as it is; the policies refuse what they
//! should; Prometheus takes the alerts; and every metric that is shown or alerted on exists.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a part of tests: what goes wrong here fails the test, with a message"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_control_plane::ControlPlane;

/// Kinds of the Prometheus operator, which the control plane of the tests has not.
const ELSEWHERE: &[&str] = &["PrometheusRule", "ServiceMonitor"];
const CONFIGURATION: &str = "/apis/operator.openshift.io/v1/machineconfigurations/cluster";
/// How long a policy may take until it is in force.
const PATIENCE: Duration = Duration::from_secs(30);

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/boot-image-controller")
}

/// The objects of an overlay; `None`, after a line, where there is nothing to render it with.
fn rendered(overlay: &str) -> Option<Vec<Value>> {
    let Some(program) = std::env::var_os("KUSTOMIZE") else {
        eprintln!(
            "\nSKIPPED: KUSTOMIZE names no kustomize: export KUSTOMIZE=\"$(testing/programs/kustomize)\""
        );
        return None;
    };
    let folder = deploy().join("overlays").join(overlay);
    let output = Command::new(program)
        .arg("build")
        .arg(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{overlay}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(serde_saphyr::from_multiple(&text).unwrap())
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap()
}

fn of_kind<'o>(objects: &'o [Value], wanted: &str) -> Vec<&'o Value> {
    objects
        .iter()
        .filter(|object| kind(object) == wanted)
        .collect()
}

#[test]
fn every_overlay_is_taken_and_its_pods_are_restricted() {
    for overlay in ["observe", "beside", "replace"] {
        let Some(objects) = rendered(overlay) else {
            return;
        };
        let Some(control_plane) = ControlPlane::start() else {
            return;
        };
        for namespace in [
            "openshift-machine-api",
            "openshift-machine-config-operator",
            "openshift-monitoring",
        ] {
            control_plane.create(&json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace}}));
        }
        // As kubectl orders them: namespaces first.
        let (first, rest): (Vec<_>, Vec<_>) = objects
            .iter()
            .partition(|object| kind(object) == "Namespace");
        for object in first.into_iter().chain(rest) {
            if !ELSEWHERE.contains(&kind(object)) {
                let created = control_plane.try_create(object);
                assert!(created.is_ok(), "{overlay}: {object}: {created:?}");
            }
        }
        let deployment = of_kind(&objects, "Deployment")[0];
        assert_eq!(deployment["spec"]["replicas"], 2);
        let template = &deployment["spec"]["template"];
        let mode = &template["spec"]["containers"][0]["args"][0];
        assert_eq!(*mode, format!("--mode={overlay}"));
        let mut pod = template.clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!("tried");
        // The namespace enforces the restricted standard.
        let path = "/api/v1/namespaces/osimage/pods?dryRun=All";
        let taken = control_plane.send("POST", path, &pod);
        assert!(taken.is_ok(), "{overlay}: {taken:?}");
        pod["spec"]["containers"][0]["securityContext"].take();
        let refused = control_plane.send("POST", path, &pod).unwrap_err();
        assert!(refused.contains("restricted"), "{refused}");
    }
}

#[test]
fn a_secret_is_never_listed_and_who_observes_writes_nothing() {
    for overlay in ["observe", "beside", "replace"] {
        let Some(objects) = rendered(overlay) else {
            return;
        };
        let roles = objects
            .iter()
            .filter(|object| ["Role", "ClusterRole"].contains(&kind(object)));
        let granted = roles.flat_map(|role| {
            // A set may name any Secret as its user data.
            let name = role["metadata"]["name"].as_str().unwrap();
            let is_any = name.ends_with("-other-user-data");
            let list = role["rules"].as_array().unwrap();
            list.iter().map(move |rule| (is_any, rule))
        });
        for (is_any, rule) in granted {
            let has = |member: &str, value: &str| {
                rule[member].as_array().unwrap().contains(&json!(value))
            };
            assert!(!has("verbs", "*") && !has("resources", "*"), "{rule}");
            if has("resources", "secrets") {
                assert!(!has("verbs", "list") && !has("verbs", "watch"), "{rule}");
                assert!(is_any || rule["resourceNames"].is_array(), "{rule}");
            }
            let reviews =
                has("resources", "tokenreviews") || has("resources", "subjectaccessreviews");
            if overlay == "observe" && !reviews {
                for verb in ["create", "update", "patch", "delete"] {
                    assert!(!has("verbs", verb), "{rule}");
                }
            }
        }
    }
}

/// What the API server says of a configuration on a platform, once the policies are in force.
fn answer(control_plane: &ControlPlane, platform: &str, resource: &str) -> Result<Value, String> {
    let infrastructure = "/apis/config.openshift.io/v1/infrastructures/cluster";
    let mut object = control_plane.get(infrastructure);
    object["status"]["platformStatus"] = json!({"type": platform});
    object["status"]["platform"] = json!(platform);
    let put = control_plane.send("PUT", &format!("{infrastructure}/status"), &object);
    put.unwrap_or_else(|error| panic!("{error}"));
    let change = json!({"spec": {"managedBootImages": {"machineManagers": [{"resource": resource,
        "apiGroup": "machine.openshift.io", "selection": {"mode": "All"}}]}}});
    control_plane.send("PATCH", &format!("{CONFIGURATION}?dryRun=All"), &change)
}

#[test]
fn bi_084_bi_085_a_platform_that_nothing_supports_is_refused() {
    let Some(control_plane) = ControlPlane::start() else {
        return;
    };
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/samples/valid");
    control_plane.create_all(&samples);
    let policies = deploy().join("components/admission-policies/policies.yaml");
    control_plane.create_all(&policies);
    let all = "This feature is only supported on these platforms: GCP, AWS, VSphere, Azure";
    let control_plane_sets = "The control plane machineset boot image update feature is only \
        supported on these platforms: GCP, AWS, Azure";
    for (platform, resource, expected) in [
        ("OpenStack", "machinesets", Some(all)),
        ("BareMetal", "machinesets", Some(all)),
        (
            "VSphere",
            "controlplanemachinesets",
            Some(control_plane_sets),
        ),
        ("VSphere", "machinesets", None),
        ("GCP", "controlplanemachinesets", None),
        ("AWS", "machinesets", None),
        ("Azure", "controlplanemachinesets", None),
    ] {
        // The policies, and what they are asked about, arrive when they do.
        let start = Instant::now();
        loop {
            let found = answer(&control_plane, platform, resource);
            let is_as_expected = match (&found, expected) {
                (Err(error), Some(expected)) => error.contains(expected),
                (found, None) => found.is_ok(),
                (Ok(_), Some(_)) => false,
            };
            if is_as_expected {
                break;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{platform} {resource}: {found:?}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    // Without the member nothing is asked of the platform.
    let change = json!({"spec": {"logLevel": "Debug"}});
    let path = format!("{CONFIGURATION}?dryRun=All");
    control_plane.send("PATCH", &path, &change).unwrap();
}

/// Every name of a metric in texts.
fn metrics(texts: &[String]) -> BTreeSet<String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = texts.iter().flat_map(|text| text.split(|c| !is_name(c)));
    let ours = |word: &&str| word.starts_with("osimage_") || word.starts_with("mcc_");
    words.filter(ours).map(str::to_owned).collect()
}

/// The metrics of the reference, which is made from the code.
fn known_metrics() -> BTreeSet<String> {
    let path = deploy().join("../../docs/reference/boot-image-controller.md");
    let text = std::fs::read_to_string(path).unwrap();
    let cells = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

#[test]
fn every_metric_that_is_shown_or_alerted_on_exists() {
    let Some(objects) = rendered("replace") else {
        return;
    };
    let mut shown = Vec::new();
    for rules in of_kind(&objects, "PrometheusRule") {
        for rule in alerts(&rules["spec"]) {
            shown.push(rule["expr"].as_str().unwrap().to_owned());
            assert!(rule["annotations"]["summary"].is_string(), "{rule}");
            assert!(rule["labels"]["severity"].is_string(), "{rule}");
        }
    }
    let dashboard = std::fs::read_to_string(deploy().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            shown.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    let known = known_metrics();
    for name in metrics(&shown) {
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(&name);
        assert!(
            known.contains(base),
            "{base} is no metric of the controller: {known:?}"
        );
    }
}

/// The alerts of a `PrometheusRule`.
fn alerts(spec: &Value) -> Vec<&Value> {
    let groups = spec["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect()
}

/// The rules of an overlay as files, and what `alerts.yaml` says to them.
struct Alerts {
    folder: tempfile::TempDir,
    rules: Vec<(PathBuf, Value)>,
}

impl Alerts {
    fn of(objects: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = of_kind(objects, "PrometheusRule").into_iter().map(|rule| {
            let name = rule["metadata"]["name"].as_str().unwrap();
            let path = folder.path().join(format!("{name}.json"));
            std::fs::write(&path, rule["spec"].to_string()).unwrap();
            (path, rule["spec"].clone())
        });
        let rules = rules.collect();
        let cases = folder.path().join("alerts.yaml");
        std::fs::write(&cases, include_str!("alerts.yaml")).unwrap();
        Self { folder, rules }
    }

    fn test(&self) -> Option<Result<(), String>> {
        promtool("test", &[&self.folder.path().join("alerts.yaml")])
    }
}

/// What promtool says; `None`, after a line, where there is none.
fn promtool(verb: &str, files: &[&Path]) -> Option<Result<(), String>> {
    let mut command = Command::new("promtool");
    command.args([verb, "rules"]).args(files);
    let Ok(output) = command.output() else {
        eprintln!("\nSKIPPED: no promtool: install the package prometheus");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some(if output.status.success() {
        Ok(())
    } else {
        Err(said)
    })
}

#[test]
fn each_alert_fires_where_something_is_wrong_and_nowhere_else() {
    let Some(objects) = rendered("replace") else {
        return;
    };
    let alerts_of = Alerts::of(&objects);
    let files: Vec<_> = alerts_of.rules.iter().map(|(path, _)| &**path).collect();
    assert_eq!(files.len(), 2);
    let Some(checked) = promtool("check", &files) else {
        return;
    };
    assert_eq!(checked, Ok(()));
    assert_eq!(alerts_of.test(), Some(Ok(())));
    // The cases notice an alert that never fires, and one that always does.
    for (path, spec) in &alerts_of.rules {
        for rule in alerts(spec) {
            for expression in ["vector(1) == 0", "vector(1)"] {
                let text = spec.to_string();
                let was = rule["expr"].to_string();
                let broken = text.replace(&was, &json!(expression).to_string());
                assert_ne!(broken, text);
                std::fs::write(path, broken).unwrap();
                let tested = alerts_of.test().unwrap();
                assert!(tested.is_err(), "{}: {expression}", rule["alert"]);
            }
        }
        std::fs::write(path, spec.to_string()).unwrap();
    }
}
