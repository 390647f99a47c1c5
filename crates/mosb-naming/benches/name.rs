//! How long a name takes: 8 µs, and 60 µs for a pool with 100 sources, are the limits.
#![expect(clippy::unwrap_used, reason = "the inputs are our own")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mosb_naming::{Inputs, name};
use openshift_model::{LayeredPool, MachineOSConfig, OsMachineConfig, RawObject};
use serde_json::json;

fn pool(sources: usize) -> String {
    let source = |index| {
        json!({"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineConfig",
            "name": format!("{index:02}-worker-something")})
    };
    json!({"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineConfigPool",
        "metadata": {"name": "layered"}, "spec": {"configuration": {
            "name": "rendered-layered-ad5a3cad36303c363cf458ab0524e7c0",
            "source": (0..sources).map(source).collect::<Vec<_>>()}}})
    .to_string()
}

const CONTENT: &str = "FROM configs AS final\nRUN rpm-ostree install tree && \\\n  \
    ostree container commit";

fn config(content: &str) -> String {
    json!({"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineOSConfig",
        "metadata": {"name": "layered"}, "spec": {
            "machineConfigPool": {"name": "layered"}, "imageBuilder": {"imageBuilderType": "Job"},
            "baseImagePullSecret": {"name": "global-pull-secret-copy"},
            "renderedImagePushSecret": {"name": "builder-dockercfg-7lzwl"},
            "renderedImagePushSpec":
                "image-registry.openshift-image-registry.svc:5000/openshift/os-image:latest",
            "containerFile": [{"containerfileArch": "NoArch", "content": content}]}})
    .to_string()
}

fn machine_config() -> String {
    let image = |digit: &str| {
        format!(
            "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:{}",
            digit.repeat(64)
        )
    };
    json!({"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineConfig",
        "metadata": {"name": "rendered-layered-ad5a3cad36303c363cf458ab0524e7c0", "annotations": {
            "machineconfiguration.openshift.io/release-image-version": "4.20.3",
            "machineconfiguration.openshift.io/generated-by-controller-version": "7ff337a4"}},
        "spec": {"osImageURL": image("1"), "baseOSExtensionsContainerImage": image("2")}})
    .to_string()
}

fn bench(c: &mut Criterion, id: &str, sources: usize, content: &str) {
    let (pool, config, machine_config) = (pool(sources), config(content), machine_config());
    let object = |text| RawObject::parse(text).unwrap().unwrap();
    let pool = LayeredPool::read(&object(&pool)).unwrap();
    let config = MachineOSConfig::read(&object(&config)).unwrap();
    let machine_config = OsMachineConfig::read(&object(&machine_config)).unwrap();
    let inputs = Inputs {
        machine_config: Some(&machine_config),
        machine_os_config: Some(&config),
        pool: Some(&pool),
    };
    c.bench_function(id, |b| b.iter(|| name(black_box(inputs)).unwrap()));
}

fn names(c: &mut Criterion) {
    bench(c, "name", 10, CONTENT);
    bench(c, "name, 100 sources", 100, CONTENT);
    // As much text as the API takes.
    let long = "RUN rpm-ostree install tree && ostree container commit\n".repeat(74);
    bench(c, "name, 4 kB of text", 10, &long);
}

criterion_group!(benches, names);
criterion_main!(benches);
