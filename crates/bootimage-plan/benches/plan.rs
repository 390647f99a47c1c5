//! How long one machine resource takes, with the stream parsed once.

use std::hint::black_box;

use bootimage_plan::{ClusterSnapshot, Completeness, Digester, Facts, Policy, plan};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use openshift_model::{RawObject, canonical};

const SETS: usize = 1000;

fn machine_set(index: usize) -> String {
    format!(
        r#"{{"apiVersion":"machine.openshift.io/v1beta1","kind":"MachineSet","metadata":{{
        "annotations":{{"capacity.cluster-autoscaler.kubernetes.io/labels":"kubernetes.io/arch=amd64",
        "machine.openshift.io/GPU":"0","machine.openshift.io/memoryMb":"16384",
        "machine.openshift.io/vCPU":"4"}},"creationTimestamp":"2025-11-03T10:21:07Z","generation":2,
        "labels":{{"machine.openshift.io/cluster-api-cluster":"bench"}},"name":"worker-{index}",
        "namespace":"openshift-machine-api","resourceVersion":"41235",
        "uid":"6f0e4cc5-8a4b-4e2a-9d0f-000000000000"}},"spec":{{"replicas":1,"selector":{{
        "matchLabels":{{"machine.openshift.io/cluster-api-machineset":"worker-{index}"}}}},
        "template":{{"metadata":{{"labels":{{"machine.openshift.io/cluster-api-cluster":"bench",
        "machine.openshift.io/cluster-api-machine-role":"worker",
        "machine.openshift.io/cluster-api-machine-type":"worker"}}}},"spec":{{"lifecycleHooks":{{}},
        "metadata":{{}},"providerSpec":{{"value":{{"apiVersion":"machine.openshift.io/v1beta1",
        "canIPForward":false,"credentialsSecret":{{"name":"gcp-cloud-credentials"}},
        "deletionProtection":false,"disks":[{{"autoDelete":true,"boot":true,
        "image":"projects/rhcos-cloud/global/images/rhcos-418-94-202501221327-0-gcp-x86-64",
        "labels":null,"sizeGb":128,"type":"pd-ssd"}}],"kind":"GCPMachineProviderSpec",
        "machineType":"n2-standard-4","metadata":{{"creationTimestamp":null}},"networkInterfaces":[
        {{"network":"bench-network","subnetwork":"bench-worker-subnet"}}],"projectID":"bench",
        "region":"us-central1","serviceAccounts":[{{"email":"w@bench.iam.gserviceaccount.com",
        "scopes":["https://www.googleapis.com/auth/cloud-platform"]}}],"shieldedInstanceConfig":{{}},
        "tags":["bench-worker"],"userDataSecret":{{"name":"worker-user-data"}},
        "zone":"us-central1-a"}}}}}}}}}},"status":{{"replicas":1}}}}"#
    )
}

const CLUSTER: [&str; 3] = [
    r#"{"apiVersion":"config.openshift.io/v1","kind":"Infrastructure","metadata":{"name":"cluster"},
        "status":{"platformStatus":{"type":"GCP"}}}"#,
    r#"{"apiVersion":"config.openshift.io/v1","kind":"ClusterVersion","metadata":{"name":"version"},
        "status":{"desired":{"version":"4.22.1"}}}"#,
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"coreos-bootimages",
        "namespace":"openshift-machine-config-operator"},"data":{"stream":"{\"architectures\":{
        \"x86_64\":{\"images\":{\"gcp\":{\"project\":\"rhcos-cloud\",\"name\":\"new\"}}}}}"}}"#,
];

fn benches(criterion: &mut Criterion) {
    let sets: Vec<String> = (0..SETS).map(machine_set).collect();
    let objects = CLUSTER
        .iter()
        .copied()
        .chain(sets.iter().map(String::as_str));
    let objects: Vec<_> = objects
        .filter_map(|text| RawObject::parse(text).ok()?)
        .collect();
    let snapshot = ClusterSnapshot {
        completeness: Completeness::Complete,
        objects,
        streams: Vec::new(),
    };
    let (facts, policy) = (Facts::default(), Policy::default());

    let mut group = criterion.benchmark_group("per set");
    group.throughput(Throughput::Elements(SETS as u64));
    group.bench_function("plan", |b| {
        b.iter(|| plan(black_box(&snapshot), &facts, &policy));
    });
    group.bench_function("take apart", |b| {
        b.iter(|| {
            sets.iter()
                .filter(|text| RawObject::parse(black_box(text)).is_ok())
                .count()
        });
    });
    group.bench_function("digest", |b| {
        let mut digester = Digester::default();
        b.iter(|| {
            for object in &snapshot.objects {
                black_box(digester.digest(black_box(object)));
            }
        });
    });
    group.bench_function("canonical JSON", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            for text in &sets {
                out.clear();
                canonical::write(black_box(text), &mut out);
            }
        });
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
