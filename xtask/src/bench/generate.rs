//! Clusters of any size, always the same for the same size.

mod aws;
mod azure;
mod gcp;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The input of one `osimage plan`.
pub(crate) struct Input {
    /// Its name in the results.
    pub(crate) name: &'static str,
    /// The folder with the cluster's objects.
    pub(crate) objects: PathBuf,
    /// Answers of the cloud, for `--facts`.
    pub(crate) facts: Option<PathBuf>,
}

/// The clusters that are measured. Of each 60 % of the sets are outdated, 30 % current, 10 % boot an
/// image of their own.
pub(crate) fn all(folder: &Path, sets: usize) -> std::io::Result<Vec<Input>> {
    Ok(vec![
        gcp::cluster(folder, sets)?,
        aws::cluster(folder, sets)?,
        azure::cluster(folder, sets)?,
    ])
}

/// One cluster on GCP.
pub(crate) fn gcp(folder: &Path, sets: usize) -> std::io::Result<Input> {
    gcp::cluster(folder, sets)
}

/// Which image a set boots.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Outdated,
    Current,
    /// It boots an image of its own.
    Custom,
}

impl Age {
    fn of(index: usize) -> Self {
        match index % 10 {
            0..6 => Self::Outdated,
            6..9 => Self::Current,
            _ => Self::Custom,
        }
    }
}

/// Writes a cluster into a folder of its own: its sets as one List, everything else as another.
fn write_cluster(
    folder: &Path,
    status: &Value,
    stream: &Value,
    sets: impl Iterator<Item = Value>,
) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = BufWriter::new(fs::File::create(folder.join("machinesets.json"))?);
    write!(file, r#"{{"apiVersion":"v1","items":["#)?;
    for (index, set) in sets.enumerate() {
        let separator = if index == 0 { "" } else { "," };
        write!(file, "{separator}{set}")?;
    }
    write!(file, r#"],"kind":"List"}}"#)?;
    file.flush()?;
    let others = others(status, stream).to_string();
    fs::write(folder.join("cluster.json"), others)
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

/// Everything but the sets; `status` is the platform's, as Infrastructure has it.
fn others(status: &Value, stream: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
            "metadata": {"name": "cluster"},
            "status": {"platformStatus": status}},
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
