//! Azure: half of the outdated sets boot an uploaded image, the others older ones of the marketplace.

use std::path::Path;

use serde_json::{Value, json};

use super::{Age, Input, machine_set, write_cluster};

const OLD: &str = "418.94.20250122";
const NEW: &str = "9.8.20260715";
const UPLOADED: &str = "/resourceGroups/bench-7xk2p-rg/providers/Microsoft.Compute/galleries/\
    gallery_bench_7xk2p/images/bench-7xk2p-gen2/versions/latest";

pub(super) fn cluster(folder: &Path, sets: usize) -> std::io::Result<Input> {
    let objects = folder.join(format!("azure-{sets}"));
    let status = json!({"type": "Azure", "azure": {"cloudName": "AzurePublicCloud"}});
    write_cluster(&objects, &status, &stream(), (0..sets).map(set))?;
    Ok(Input {
        name: "Azure",
        objects,
        facts: None,
    })
}

fn stream() -> Value {
    let image = |sku: &str| {
        json!({"publisher": "azureopenshift", "offer": "aro4", "sku": sku, "version": NEW,
            "thirdParty": true})
    };
    json!({"stream": "bench", "architectures": {"x86_64": {"rhel-coreos-extensions":
        {"marketplace": {"azure": {"no-purchase-plan":
            {"hyperVGen1": image("aro_98"), "hyperVGen2": image("98-v2")}}}}}}})
}

fn set(index: usize) -> Value {
    let marketplace = |publisher: &str, offer: &str, sku: &str, version: &str| {
        json!({"offer": offer, "publisher": publisher, "resourceID": "", "sku": sku,
            "type": "MarketplaceNoPlan", "version": version})
    };
    let image = match Age::of(index) {
        Age::Outdated if index.is_multiple_of(2) => json!({"offer": "", "publisher": "",
            "resourceID": UPLOADED, "sku": "", "version": ""}),
        Age::Outdated => marketplace("azureopenshift", "aro4", "418-v2", OLD),
        Age::Current => marketplace("azureopenshift", "aro4", "98-v2", NEW),
        Age::Custom => marketplace("bench", "hardened", "gen2", "1.0.0"),
    };
    let spec = json!({
        "acceleratedNetworking": true,
        "apiVersion": "machine.openshift.io/v1beta1",
        "credentialsSecret": {"name": "azure-cloud-credentials",
            "namespace": "openshift-machine-api"},
        "image": image,
        "kind": "AzureMachineProviderSpec",
        "location": "northeurope",
        "managedIdentity": "bench-7xk2p-identity",
        "metadata": {"creationTimestamp": null},
        "networkResourceGroup": "bench-7xk2p-rg",
        "osDisk": {"diskSettings": {}, "diskSizeGB": 128,
            "managedDisk": {"storageAccountType": "Premium_LRS"}, "osType": "Linux"},
        "publicIP": false,
        "resourceGroup": "bench-7xk2p-rg",
        "subnet": "bench-7xk2p-worker-subnet",
        "userDataSecret": {"name": "worker-user-data"},
        "vmSize": "Standard_D4s_v5",
        "vnet": "bench-7xk2p-vnet",
        "zone": "1",
    });
    machine_set(index, "amd64", &spec)
}
