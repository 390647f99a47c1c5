//! GCP: a fifth of the sets is arm64, a fifth has a second disk.

use std::path::Path;

use serde_json::{Value, json};

use super::{Age, Input, machine_set, write_cluster};

const OLD: &str = "rhcos-418-94-202501221327-0-gcp";
const NEW: &str = "rhcos-9-8-20260715-0-gcp";

pub(super) fn cluster(folder: &Path, sets: usize) -> std::io::Result<Input> {
    let objects = folder.join(format!("gcp-{sets}"));
    let status = json!({"type": "GCP"});
    write_cluster(&objects, &status, &stream(), (0..sets).map(set))?;
    Ok(Input {
        name: "GCP",
        objects,
        facts: None,
    })
}

fn stream() -> Value {
    let image = |suffix: &str| json!({"images": {"gcp": {"project": "rhcos-cloud", "name": format!("{NEW}-{suffix}")}}});
    json!({"stream": "bench", "architectures":
        {"x86_64": image("x86-64"), "aarch64": image("aarch64")}})
}

fn set(index: usize) -> Value {
    let arm = index.is_multiple_of(5);
    let suffix = if arm { "aarch64" } else { "x86-64" };
    let image = match Age::of(index) {
        Age::Outdated => format!("projects/rhcos-cloud/global/images/{OLD}-{suffix}"),
        Age::Current => format!("projects/rhcos-cloud/global/images/{NEW}-{suffix}"),
        Age::Custom => format!("projects/bench-project/global/images/golden-{index}"),
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
