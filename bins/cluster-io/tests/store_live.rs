//! A store on a real API server.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use cluster_io::store::{Snapshot, Store, StoreOptions, WatchSpec};
use kube::config::{KubeConfigOptions, Kubeconfig};
use openshift_model::{Kind, Read, Verb, Which};
use serde_json::{Value, json};
use test_control_plane::{ControlPlane, Identity};
use tokio::runtime::Runtime;

const NAMESPACE: &str = "openshift-machine-api";
const SETS: &str =
    "/apis/machine.openshift.io/v1beta1/namespaces/openshift-machine-api/machinesets";
/// Longer than one page.
const COUNT: usize = 12;

fn table() -> Vec<Read> {
    let read =
        |kind, namespace, which| Read::new(kind, namespace, which, Verb::Watch, "for a test");
    vec![
        read(Kind::MachineSet, NAMESPACE, Which::All).required(),
        read(Kind::ConfigMap, NAMESPACE, Which::Named("wanted")),
        read(Kind::MachineConfig, "", Which::All).metadata_only(),
        read(Kind::Secret, NAMESPACE, Which::All),
    ]
}

fn set(name: &str) -> Value {
    json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"replicas": 0, "selector": {}, "template": {}}})
}

struct Live {
    store: Store,
    runtime: Runtime,
}

impl Live {
    fn start(kubeconfig: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let options = StoreOptions {
            page_size: 5,
            ..StoreOptions::default()
        };
        let store = runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
            let choice = KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(kubeconfig, &choice).await;
            let mut config = config.unwrap();
            let agent = http::HeaderValue::from_static("osimage/test");
            config.headers.push((http::header::USER_AGENT, agent));
            let client = kube::Client::try_from(config).unwrap();
            Store::start(client, table().iter().filter_map(WatchSpec::of), options)
        });
        Self { store, runtime }
    }

    /// The first snapshot that is as it should be.
    fn until(&self, is: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let start = Instant::now();
        loop {
            if let Some(snapshot) = self.store.snapshot().filter(|it| is(it)) {
                return snapshot;
            }
            assert!(
                start.elapsed() < Duration::from_mins(1),
                "{:?}",
                self.store.problems()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_store_is_what_the_api_server_has() {
    let Some(control_plane) = ControlPlane::start() else {
        return;
    };
    for name in [NAMESPACE, "other"] {
        control_plane
            .create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    }
    for number in 0..COUNT {
        control_plane.create(&set(&format!("set-{number:02}")));
    }
    for name in ["wanted", "unwanted"] {
        control_plane.create(&json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": NAMESPACE}, "data": {"a": "b"}}));
    }
    let big = "x".repeat(100_000);
    for name in ["rendered-a", "rendered-b"] {
        control_plane.create(
            &json!({"apiVersion": "machineconfiguration.openshift.io/v1",
            "kind": "MachineConfig", "metadata": {"name": name}, "spec": {"osImageURL": big}}),
        );
    }
    let live = Live::start(&control_plane.kubeconfig(&Identity::Admin));
    let snapshot = live.until(|snapshot| snapshot.objects().len() == COUNT + 1);
    let first = snapshot
        .object(Kind::MachineSet, NAMESPACE, "set-00")
        .unwrap();
    assert!(!first.json.contains("managedFields"));
    assert!(
        snapshot
            .object(Kind::ConfigMap, NAMESPACE, "unwanted")
            .is_none()
    );
    let metadata: Vec<_> = snapshot.metadata(Kind::MachineConfig).collect();
    assert_eq!(metadata.len(), 2);
    assert!(metadata.iter().all(|it| it.json.len() < 1000));

    // The one that counts is got whole, once.
    for _ in 0..2 {
        let kept = live
            .store
            .keep_whole(Kind::MachineConfig, "", &["rendered-a", "absent"]);
        live.runtime.block_on(kept).unwrap();
    }
    let snapshot = live.until(|snapshot| snapshot.objects().len() == COUNT + 2);
    let whole = snapshot
        .object(Kind::MachineConfig, "", "rendered-a")
        .unwrap();
    assert!(whole.json.len() > big.len());

    // What changes arrives: a change, a removal, a new one, one with a wrong type in it.
    let path = |name: &str| format!("{SETS}/{name}");
    let changed = control_plane.merge(&path("set-00"), &json!({"spec": {"replicas": 3}}));
    control_plane.delete(&path("set-01"));
    let mut odd = set("odd");
    odd["spec"]["template"]["spec"] = json!({"providerSpec": {"value": {"image": 5}}});
    control_plane.create(&odd);
    live.until(|snapshot| {
        let version = |name| {
            let object = snapshot.object(Kind::MachineSet, NAMESPACE, name)?;
            Some(object.resource_version.to_string())
        };
        let expected = changed["metadata"]["resourceVersion"].as_str();
        version("set-00").as_deref() == expected
            && version("set-01").is_none()
            && version("odd").is_some()
    });
    assert!(live.store.problems().is_empty());

    let calls = control_plane.audit();
    let ours = |verb: &str, resource: &str| {
        let same = calls
            .iter()
            .filter(|call| call.user_agent == "osimage/test");
        same.filter(|call| call.verb == verb && call.resource.starts_with(resource))
            .count()
    };
    assert_eq!(ours("list", "machinesets"), COUNT.div_ceil(5));
    assert_eq!(ours("get", "machineconfigs"), 1);
    for verb in ["list", "watch", "get"] {
        assert_eq!(ours(verb, "secrets"), 0);
    }
}
