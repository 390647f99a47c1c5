//! Clusters of any size, always the same for the same size.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

const OLD: &str = "rhcos-418-94-202501221327-0-gcp";
const NEW: &str = "rhcos-9-8-20260715-0-gcp";

/// A GCP cluster in a folder: 60 % of its sets are outdated, 30 % current, 10 % boot an image of
/// their own; a fifth is arm64, a fifth has a second disk.
pub(crate) fn gcp(folder: &Path, sets: usize) -> std::io::Result<PathBuf> {
    let folder = folder.join(format!("gcp-{sets}"));
    fs::create_dir_all(&folder)?;
    let mut file = BufWriter::new(fs::File::create(folder.join("machinesets.json"))?);
    write!(file, r#"{{"apiVersion":"v1","items":["#)?;
    for index in 0..sets {
        let separator = if index == 0 { "" } else { "," };
        write!(file, "{separator}{}", gcp_machine_set(index))?;
    }
    write!(file, r#"],"kind":"List"}}"#)?;
    file.flush()?;
    fs::write(
        folder.join("cluster.json"),
        cluster("GCP", &gcp_stream()).to_string(),
    )?;
    Ok(folder)
}

fn gcp_stream() -> Value {
    let image = |suffix: &str| json!({"images": {"gcp": {"project": "rhcos-cloud", "name": format!("{NEW}-{suffix}")}}});
    json!({"stream": "bench", "architectures":
        {"x86_64": image("x86-64"), "aarch64": image("aarch64")}})
}

fn gcp_machine_set(index: usize) -> Value {
    let arm = index.is_multiple_of(5);
    let suffix = if arm { "aarch64" } else { "x86-64" };
    let image = match index % 10 {
        0..6 => format!("projects/rhcos-cloud/global/images/{OLD}-{suffix}"),
        6..9 => format!("projects/rhcos-cloud/global/images/{NEW}-{suffix}"),
        _ => format!("projects/bench-project/global/images/golden-{index}"),
    };
    let disk = |boot: bool, image: &str| {
        json!({"autoDelete": boot, "boot": boot, "image": image, "labels": null, "sizeGb": 128,
            "type": "pd-ssd"})
    };
    let mut disks = vec![disk(true, &image)];
    if index % 5 == 1 {
        disks.push(disk(false, "projects/bench-project/global/images/data"));
    }
    let spec = json!({
        "apiVersion": "machine.openshift.io/v1beta1",
        "canIPForward": false,
        "credentialsSecret": {"name": "gcp-cloud-credentials"},
        "deletionProtection": false,
        "disks": disks,
        "kind": "GCPMachineProviderSpec",
        "machineType": "n2-standard-4",
        "metadata": {"creationTimestamp": null},
        "networkInterfaces": [
            {"network": "bench-7xk2p-network", "subnetwork": "bench-7xk2p-worker-subnet"}],
        "projectID": "bench-project",
        "region": "us-central1",
        "serviceAccounts": [{
            "email": "bench-7xk2p-w@bench-project.iam.gserviceaccount.com",
            "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
        "shieldedInstanceConfig": {},
        "tags": ["bench-7xk2p-worker"],
        "userDataSecret": {"name": "worker-user-data"},
        "zone": "us-central1-a",
    });
    machine_set(index, if arm { "arm64" } else { "amd64" }, &spec)
}

/// A MachineSet as an API server delivers it: members in the order of their names.
fn machine_set(index: usize, architecture: &str, provider_spec: &Value) -> Value {
    let name = format!("bench-7xk2p-worker-{index:05}");
    json!({
        "apiVersion": "machine.openshift.io/v1beta1",
        "kind": "MachineSet",
        "metadata": {
            "annotations": {
                "capacity.cluster-autoscaler.kubernetes.io/labels":
                    format!("kubernetes.io/arch={architecture}"),
                "machine.openshift.io/GPU": "0",
                "machine.openshift.io/memoryMb": "16384",
                "machine.openshift.io/vCPU": "4",
            },
            "creationTimestamp": "2025-11-03T10:21:07Z",
            "generation": 2,
            "labels": {"machine.openshift.io/cluster-api-cluster": "bench-7xk2p"},
            "name": name,
            "namespace": "openshift-machine-api",
            "resourceVersion": (41_235 + index).to_string(),
            "uid": format!("6f0e4cc5-8a4b-4e2a-9d0f-{index:012}"),
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {
                "machine.openshift.io/cluster-api-cluster": "bench-7xk2p",
                "machine.openshift.io/cluster-api-machineset": name,
            }},
            "template": {
                "metadata": {"labels": {
                    "machine.openshift.io/cluster-api-cluster": "bench-7xk2p",
                    "machine.openshift.io/cluster-api-machine-role": "worker",
                    "machine.openshift.io/cluster-api-machine-type": "worker",
                    "machine.openshift.io/cluster-api-machineset": name,
                }},
                "spec": {
                    "lifecycleHooks": {},
                    "metadata": {},
                    "providerSpec": {"value": provider_spec},
                },
            },
        },
        "status": {
            "availableReplicas": 1,
            "fullyLabeledReplicas": 1,
            "observedGeneration": 2,
            "readyReplicas": 1,
            "replicas": 1,
        },
    })
}

fn cluster(platform: &str, stream: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
            "metadata": {"name": "cluster"},
            "status": {"platformStatus": {"type": platform}}},
        {"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
            "metadata": {"name": "version"},
            "status": {"desired": {"version": "4.22.3"},
                "history": [{"state": "Completed", "version": "4.22.3"}]}},
        {"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
            "metadata": {"name": "cluster"}},
        {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "coreos-bootimages",
                "namespace": "openshift-machine-config-operator"},
            "data": {"stream": stream.to_string()}},
    ]})
}
