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

/// A controller as it ships.
struct Shipped {
    name: &'static str,
    namespace: &'static str,
    overlays: &'static [&'static str],
    /// What promtool says of its alerts.
    alerts: &'static str,
}

const BOOT_IMAGES: Shipped = Shipped {
    name: "boot-image-controller",
    namespace: "osimage",
    overlays: &["observe", "beside", "replace"],
    alerts: include_str!("alerts-boot-image-controller.yaml"),
};
const BUILDER: Shipped = Shipped {
    name: "machine-os-builder",
    namespace: "osimage-builder",
    overlays: &["observe", "replace"],
    alerts: include_str!("alerts-machine-os-builder.yaml"),
};
const CONTROLLERS: [&Shipped; 2] = [&BOOT_IMAGES, &BUILDER];

fn deploy(shipped: &Shipped) -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    all.join(shipped.name)
}

/// The objects of an overlay; `None`, after a line, where there is nothing to render it with.
fn rendered(shipped: &Shipped, overlay: &str) -> Option<Vec<Value>> {
    built(&deploy(shipped).join("overlays").join(overlay))
}

fn built(folder: &Path) -> Option<Vec<Value>> {
    let Some(program) = std::env::var_os("KUSTOMIZE") else {
        eprintln!(
            "\nSKIPPED: KUSTOMIZE names no kustomize: export KUSTOMIZE=\"$(testing/programs/kustomize)\""
        );
        return None;
    };
    let output = Command::new(program)
        .arg("build")
        .arg(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", folder.display());
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
    for shipped in CONTROLLERS {
        for overlay in shipped.overlays {
            let Some(objects) = rendered(shipped, overlay) else {
                return;
            };
            let Some(control_plane) = ControlPlane::start() else {
                return;
            };
            check_taken(&control_plane, &objects, overlay);
            check_pods(&control_plane, &objects, shipped.namespace, overlay);
        }
    }
}

/// A real API server takes every object.
fn check_taken(control_plane: &ControlPlane, objects: &[Value], overlay: &str) {
    for namespace in [
        "openshift-machine-api",
        "openshift-machine-config-operator",
        "openshift-config",
        "openshift-config-managed",
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
}

/// The pods are two, of the mode of the overlay, and restricted.
fn check_pods(control_plane: &ControlPlane, objects: &[Value], namespace: &str, overlay: &str) {
    let deployment = of_kind(objects, "Deployment")[0];
    assert_eq!(deployment["spec"]["replicas"], 2);
    let template = &deployment["spec"]["template"];
    let mode = &template["spec"]["containers"][0]["args"][0];
    assert_eq!(*mode, format!("--mode={overlay}"));
    let mut pod = template.clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("tried");
    // The namespace enforces the restricted standard.
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let taken = control_plane.send("POST", &path, &pod);
    assert!(taken.is_ok(), "{overlay}: {taken:?}");
    pod["spec"]["containers"][0]["securityContext"].take();
    let refused = control_plane.send("POST", &path, &pod).unwrap_err();
    assert!(refused.contains("restricted"), "{refused}");
}

#[test]
fn both_controllers_stand_in_one_kustomization() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().canonicalize().unwrap();
    let up = "../".repeat(from.components().count() - 1);
    // kustomize takes no absolute path.
    let place = |shipped: &Shipped, part: &str| {
        let path = deploy(shipped).join(part).canonicalize().unwrap();
        format!("{up}{}", path.strip_prefix("/").unwrap().display())
    };
    let text = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": CONTROLLERS.map(|one| place(one, "overlays/replace")),
        "components": [place(&BUILDER, "components/stand-alone")],
    });
    std::fs::write(folder.path().join("kustomization.yaml"), text.to_string()).unwrap();
    let (Some(objects), Some(control_plane)) = (built(&from), ControlPlane::start()) else {
        return;
    };
    check_taken(&control_plane, &objects, "both");
    let deployments = of_kind(&objects, "Deployment").into_iter();
    let mut builder = deployments.filter(|it| it["metadata"]["name"] == BUILDER.name);
    let arguments = &builder.next().unwrap()["spec"]["template"]["spec"]["containers"][0]["args"];
    assert!(
        arguments
            .as_array()
            .unwrap()
            .contains(&json!("--stand-alone"))
    );
}

#[test]
fn a_secret_is_never_listed_and_who_observes_writes_nothing() {
    for shipped in CONTROLLERS {
        for overlay in shipped.overlays {
            let Some(objects) = rendered(shipped, overlay) else {
                return;
            };
            check_rights(shipped, &objects, overlay);
        }
    }
}

fn check_rights(shipped: &Shipped, objects: &[Value], overlay: &str) {
    let roles = objects
        .iter()
        .filter(|object| ["Role", "ClusterRole"].contains(&kind(object)));
    let granted = roles.flat_map(|role| {
        // A set may name any Secret as its user data, a MachineOSConfig any of one namespace for its
        // registry.
        let name = role["metadata"]["name"].as_str().unwrap();
        let is_builder = shipped.name == BUILDER.name && kind(role) == "Role";
        let is_any = name.ends_with("-other-user-data") || is_builder;
        let list = role["rules"].as_array().unwrap();
        list.iter().map(move |rule| (is_any, rule))
    });
    for (is_any, rule) in granted {
        let has =
            |member: &str, value: &str| rule[member].as_array().unwrap().contains(&json!(value));
        assert!(!has("verbs", "*") && !has("resources", "*"), "{rule}");
        if has("resources", "secrets") {
            assert!(!has("verbs", "list") && !has("verbs", "watch"), "{rule}");
            assert!(is_any || rule["resourceNames"].is_array(), "{rule}");
        }
        let reviews = has("resources", "tokenreviews") || has("resources", "subjectaccessreviews");
        if overlay == "observe" && !reviews {
            for verb in ["create", "update", "patch", "delete"] {
                assert!(!has("verbs", verb), "{rule}");
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
    let policies = deploy(&BOOT_IMAGES).join("components/admission-policies/policies.yaml");
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
    let ours = |word: &&str| {
        let prefixes = ["osimage_", "mcc_", "mco_", "ocl_"];
        prefixes.iter().any(|prefix| word.starts_with(prefix))
    };
    words.filter(ours).map(str::to_owned).collect()
}

/// The metrics of the reference, which is made from the code.
fn known_metrics(shipped: &Shipped) -> BTreeSet<String> {
    let path = deploy(shipped).join(format!("../../docs/reference/{}.md", shipped.name));
    let text = std::fs::read_to_string(path).unwrap();
    let cells = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

#[test]
fn every_metric_that_is_shown_or_alerted_on_exists() {
    for shipped in CONTROLLERS {
        let Some(objects) = rendered(shipped, "replace") else {
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
        let dashboard = std::fs::read_to_string(deploy(shipped).join("dashboard.json")).unwrap();
        let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                shown.push(target["expr"].as_str().unwrap().to_owned());
            }
        }
        let known = known_metrics(shipped);
        for name in metrics(&shown) {
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(&name);
            assert!(
                known.contains(base) || known.contains(&name),
                "{base} is no metric of the controller: {known:?}"
            );
        }
    }
}

/// The alerts of a `PrometheusRule`.
fn alerts(spec: &Value) -> Vec<&Value> {
    let groups = spec["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect()
}

/// The rules of an overlay as files, and what their cases say to them.
struct Alerts {
    folder: tempfile::TempDir,
    rules: Vec<(PathBuf, Value)>,
}

impl Alerts {
    fn of(shipped: &Shipped, objects: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = of_kind(objects, "PrometheusRule").into_iter().map(|rule| {
            let name = rule["metadata"]["name"].as_str().unwrap();
            let path = folder.path().join(format!("{name}.json"));
            std::fs::write(&path, rule["spec"].to_string()).unwrap();
            (path, rule["spec"].clone())
        });
        let rules = rules.collect();
        let cases = folder.path().join("alerts.yaml");
        std::fs::write(&cases, shipped.alerts).unwrap();
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
fn who_observes_raises_no_alarm_about_builds_of_others() {
    let Some(objects) = rendered(&BUILDER, "observe") else {
        return;
    };
    let rules = of_kind(&objects, "PrometheusRule").into_iter();
    let text: String = rules.map(|rule| rule["spec"].to_string()).collect();
    assert!(text.contains("OsimageMachineOSBuilderAbsent"));
    assert!(
        !text.contains("ocl_") && !text.contains("osimage_layered_"),
        "{text}"
    );
}

#[test]
fn each_alert_fires_where_something_is_wrong_and_nowhere_else() {
    for shipped in CONTROLLERS {
        let Some(objects) = rendered(shipped, "replace") else {
            return;
        };
        check_alerts(&Alerts::of(shipped, &objects));
    }
}

fn check_alerts(alerts_of: &Alerts) {
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
