//! A report of a thousand dumps: time, memory, the size of the page, and that a second run is the
//! same to the byte.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::once;
use crate::say;

/// How many clusters a report has.
const CLUSTERS: usize = 1000;
/// How many dumps are written; the others are links to them, as a thousand take three gigabytes.
const WRITTEN: usize = 50;
/// What most of a dump of 200 files and 3 MB is: files that no report reads.
const OTHER_FILES: usize = 92;
const PODS: usize = 90;

/// Writes the dumps and measures `osimage report` on them.
pub(super) fn run(binary: &Path, folder: &Path) -> Result<(), String> {
    let folder = folder.join("fleet");
    let dumps = dumps(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for format in ["json", "html"] {
        let command = || {
            let mut command = Command::new(binary);
            command
                .args(["report", "-o", format, "--today", "2026-11-30"])
                .args(&dumps);
            command
        };
        let failed = |error: io::Error| format!("the command: {error}");
        let measured = once(command()).map_err(failed)?;
        let [first, second] = [command(), command()].map(|mut command| command.output());
        let first = first.map_err(failed)?.stdout;
        if second.map_err(failed)?.stdout != first {
            return Err("a second report of the same dumps is another one".to_owned());
        }
        say(&format!(
            "{CLUSTERS} dumps, report -o {format}: {} ms, {} MiB, {} KiB written",
            measured.time.as_millis(),
            measured.peak_kib.div_ceil(1024),
            first.len().div_ceil(1024)
        ));
    }
    Ok(())
}

/// A folder for each cluster; most are links to others.
fn dumps(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut dumps = Vec::new();
    for number in 0..CLUSTERS {
        let dump = folder.join(format!("{number:04}"));
        if !dump.exists() {
            if number < WRITTEN {
                write(&dump, number)?;
            } else {
                std::os::unix::fs::symlink(folder.join(format!("{:04}", number % WRITTEN)), &dump)?;
            }
        }
        dumps.push(dump);
    }
    Ok(dumps)
}

/// Images of every era.
const IMAGES: &[&str] = &[
    "rhcos-412-86-202209302317-0-gcp-x86-64",
    "rhcos-418-94-202501221327-0-gcp-x86-64",
    "rhcos-9-8-20260715-0-gcp-x86-64",
];

fn write(dump: &Path, number: usize) -> io::Result<()> {
    let config = dump.join("cluster-scoped-resources/config.openshift.io");
    let nodes = dump.join("cluster-scoped-resources/core/nodes");
    let machine_api = dump.join("namespaces/openshift-machine-api/machine.openshift.io");
    let (sets, machines) = (
        machine_api.join("machinesets"),
        machine_api.join("machines"),
    );
    let others = dump.join("namespaces/shop/core");
    for folder in [&config, &nodes, &sets, &machines, &others] {
        fs::create_dir_all(folder)?;
    }
    let infrastructure = format!(
        "apiVersion: config.openshift.io/v1\nkind: Infrastructure\nmetadata:\n  name: cluster\nstatus:\n  \
         infrastructureName: fleet-{number:04}\n  platformStatus:\n    type: GCP\n"
    );
    fs::write(config.join("infrastructures.yaml"), infrastructure)?;
    let version = "apiVersion: config.openshift.io/v1\nkind: ClusterVersion\nmetadata:\n  name: version\n\
                   status:\n  desired:\n    version: 4.22.3\n";
    fs::write(config.join("clusterversions.yaml"), version)?;
    for place in 0..58 {
        let image = IMAGES
            .get((number + place) % IMAGES.len())
            .copied()
            .unwrap_or_default();
        let spec = format!(
            "providerSpec:\n        value:\n          kind: GCPMachineProviderSpec\n          disks:\n          \
             - boot: true\n            image: projects/rhcos-cloud/global/images/{image}\n"
        );
        let set = format!("w{}", place % 10);
        if place < 10 {
            let text = format!(
                "apiVersion: machine.openshift.io/v1beta1\nkind: MachineSet\nmetadata:\n  name: {set}\n  \
                 namespace: openshift-machine-api\nspec:\n  template:\n    spec:\n      {spec}"
            );
            fs::write(sets.join(format!("{set}.yaml")), text)?;
            continue;
        }
        let name = format!("{set}-{place}");
        let text = format!(
            "apiVersion: machine.openshift.io/v1beta1\nkind: Machine\nmetadata:\n  name: {name}\n  namespace: \
             openshift-machine-api\n  labels:\n    machine.openshift.io/cluster-api-machineset: {set}\nspec:\n      {spec}"
        );
        fs::write(machines.join(format!("{name}.yaml")), text)?;
        let text = format!(
            "apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n  annotations:\n    \
             machine.openshift.io/machine: openshift-machine-api/{name}\nstatus:\n  conditions:\n  - type: Ready\n    \
             status: \"True\"\n  nodeInfo:\n    architecture: amd64\n    osImage: Red Hat Enterprise Linux CoreOS 9.8.20260715-0\n"
        );
        fs::write(nodes.join(format!("{name}.yaml")), text)?;
    }
    for place in 0..OTHER_FILES {
        let pod = |pod: usize| {
            format!(
                "- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: shop-{place}-{pod}\n    namespace: shop\n    labels:\n      \
                 app: shop\n      pod-template-hash: 5d9f7c6b8d\n  spec:\n    nodeName: w1-11\n    containers:\n    - name: shop\n      \
                 image: registry.example.com/shop@sha256:0123456789abcdef\n      resources:\n        requests:\n          cpu: 100m\n"
            )
        };
        let pods: String = (0..PODS).map(pod).collect();
        let text = format!("apiVersion: v1\nkind: PodList\nitems:\n{pods}");
        fs::write(others.join(format!("pods-{place}.yaml")), text)?;
    }
    Ok(())
}
