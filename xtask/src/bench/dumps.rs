//! Dumps as people have them: mostly objects of kinds that nobody reads.

use std::fs;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{RUNS, Run, runs};
use crate::say;

/// How many files the directory has.
const FILES: usize = 12_000;
/// How many of them are MachineSets.
const SETS: usize = 60;
/// How many pods the single file has, and the archive.
const PODS: usize = 13_500;
/// How many pods the file in JSON has: so that it is of about 200 MB.
const JSON_PODS: usize = 17_000;
/// How many containers a pod has: so that it is of about 15 kB, as the average file of a must-gather.
const CONTAINERS: usize = 10;
/// How many pods share a namespace.
const PODS_OF_NAMESPACE: usize = 40;

/// Makes the dumps and measures `plan` of each, beside only reading the same files.
pub(super) fn run(binary: &Path, folder: &Path) -> Result<(), String> {
    let error = |error: std::io::Error| format!("a dump: {error}");
    let directory = directory(folder).map_err(error)?;
    let list = list(folder).map_err(error)?;
    let json = json_list(folder).map_err(error)?;
    let archive = archive(&directory)?;
    measure(binary, "directory of 12,000 files", &directory, &|| {
        read_tree(&directory)
    })?;
    measure(binary, "the same as .tar.gz", &archive, &|| {
        read_file(&archive)
    })?;
    measure(binary, "one file, a List in YAML", &list, &|| {
        read_file(&list)
    })?;
    measure(binary, "one file, a List in JSON", &json, &|| {
        read_file(&json)
    })
}

fn measure(
    binary: &Path,
    what: &str,
    input: &Path,
    only_read: &dyn Fn() -> std::io::Result<u64>,
) -> Result<(), String> {
    let mut reads = Vec::new();
    let mut bytes = 0;
    for _ in 0..RUNS {
        let start = Instant::now();
        bytes = only_read().map_err(|error| error.to_string())?;
        reads.push(start.elapsed());
    }
    reads.sort();
    let runs = runs(|| {
        let mut command = Command::new(binary);
        command.args(["plan", "-o", "patch", "-f"]).arg(input);
        command
    })?;
    let times: Vec<Duration> = runs.iter().map(|run| run.time).collect();
    let peak = runs.iter().map(|run: &Run| run.peak_kib).max().unwrap_or(0);
    say(&format!(
        "{what}, {} MB: best {}, median {}, {} MiB; only reading it: best {}, median {}",
        bytes / 1_000_000,
        at(&times, 0),
        at(&times, RUNS / 2),
        peak.div_ceil(1024),
        at(&reads, 0),
        at(&reads, RUNS / 2),
    ));
    Ok(())
}

fn at(times: &[Duration], index: usize) -> String {
    let time = times.get(index).map_or(0, Duration::as_millis);
    format!("{time} ms")
}

fn read_file(path: &Path) -> std::io::Result<u64> {
    let mut file = fs::File::open(path)?;
    let mut block = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        match file.read(&mut block)? {
            0 => return Ok(bytes),
            read => bytes += read as u64,
        }
    }
}

fn read_tree(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            read_tree(&entry.path())?
        } else {
            read_file(&entry.path())?
        };
    }
    Ok(bytes)
}

/// A tree as `oc adm must-gather` writes it.
fn directory(folder: &Path) -> std::io::Result<PathBuf> {
    let root = folder.join("must-gather");
    let api = root.join("namespaces/openshift-machine-api/machine.openshift.io/machinesets");
    fs::create_dir_all(&api)?;
    for index in 0..SETS {
        fs::write(api.join(format!("worker-{index}.yaml")), machine_set(index))?;
    }
    fs::write(root.join("cluster.yaml"), cluster())?;
    for index in 0..FILES - SETS - 1 {
        let namespace = index / PODS_OF_NAMESPACE;
        let pods = root.join(format!("namespaces/ns-{namespace}/pods"));
        fs::create_dir_all(&pods)?;
        fs::write(pods.join(format!("pod-{index}.yaml")), pod(index, ""))?;
    }
    Ok(root)
}

/// One file as `oc get -o yaml` writes it: the kind of the list stands behind its elements.
fn list(folder: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join("all.yaml");
    let mut file = BufWriter::new(fs::File::create(&path)?);
    writeln!(file, "apiVersion: v1\nitems:")?;
    for index in 0..PODS {
        file.write_all(element(&pod(index, "  ")).as_bytes())?;
        if index < SETS {
            file.write_all(element(&indented(&machine_set(index))).as_bytes())?;
        }
    }
    for document in cluster().split("---\n") {
        file.write_all(element(&indented(document)).as_bytes())?;
    }
    writeln!(file, "kind: List\nmetadata:\n  resourceVersion: \"\"")?;
    file.flush()?;
    Ok(path)
}

/// One file as `oc get -o json` writes it, but without its white space.
fn json_list(folder: &Path) -> std::io::Result<PathBuf> {
    let path = folder.join("all.json");
    let mut file = BufWriter::new(fs::File::create(&path)?);
    let value = |yaml: &str| -> std::io::Result<Value> {
        cluster_io::yaml::from_str(yaml).map_err(|error| std::io::Error::other(error.problem))
    };
    let mut objects = vec![value(&machine_set(0))?];
    for document in cluster().split("---\n") {
        objects.push(value(document)?);
    }
    let pod = value(&pod(0, ""))?.to_string();
    write!(file, r#"{{"apiVersion":"v1","items":["#)?;
    for index in 0..JSON_PODS {
        write!(file, "{},", pod.replace("pod-0", &format!("pod-{index}")))?;
    }
    let objects: Vec<String> = objects.iter().map(Value::to_string).collect();
    write!(file, r#"{}],"kind":"List"}}"#, objects.join(","))?;
    file.flush()?;
    Ok(path)
}

fn archive(directory: &Path) -> Result<PathBuf, String> {
    let path = directory.with_extension("tar.gz");
    let status = Command::new("tar")
        .arg("-czf")
        .arg(&path)
        .arg("-C")
        .arg(directory)
        .arg(".")
        .status()
        .map_err(|error| format!("tar: {error}"))?;
    if status.success() {
        Ok(path)
    } else {
        Err("tar failed".to_owned())
    }
}

fn indented(document: &str) -> String {
    let mut text = String::new();
    for line in document.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn element(indented: &str) -> String {
    indented.replacen("  ", "- ", 1)
}

fn pod(index: usize, margin: &str) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    openshift.io/scc: restricted-v2\n  \
         labels:\n    app: web-{index}\n  name: pod-{index}\n  namespace: ns\n  uid: 6f0e4cc5-{index:012}\n\
         spec:\n  containers:\n"
    );
    for container in 0..CONTAINERS {
        text.push_str(&format!(
            "  - args:\n    - --kind=Pod\n    - |-\n      set -o errexit\n      kind: none of the object's\n\n\
             \x20     exec /bin/run --number {container}\n    image: quay.io/example/web@sha256:{container:064}\n    \
             imagePullPolicy: IfNotPresent\n    name: web-{container}\n    env:\n"
        ));
        for variable in 0..12 {
            text.push_str(&format!(
                "    - name: VARIABLE_NUMBER_{variable}\n      valueFrom:\n        fieldRef:\n          \
                 apiVersion: v1\n          fieldPath: metadata.namespace\n"
            ));
        }
    }
    text.push_str("status:\n  phase: Running\n  qosClass: Burstable\n");
    if margin.is_empty() {
        text
    } else {
        indented(&text)
    }
}

fn machine_set(index: usize) -> String {
    format!(
        "apiVersion: machine.openshift.io/v1beta1\nkind: MachineSet\nmetadata:\n  name: worker-{index}\n  \
         namespace: openshift-machine-api\nspec:\n  template:\n    spec:\n      providerSpec:\n        value:\n          \
         userDataSecret:\n            name: worker-user-data\n          disks:\n          - boot: true\n            \
         image: projects/rhcos-cloud/global/images/rhcos-9-6-20250701-0-gcp-x86-64\n"
    )
}

fn cluster() -> String {
    let stream = json!({"stream": "s", "architectures": {"x86_64": {"images": {"gcp":
        {"project": "rhcos-cloud", "name": "rhcos-9-8-20260715-0-gcp-x86-64"}}}}});
    format!(
        "apiVersion: config.openshift.io/v1\nkind: Infrastructure\nmetadata:\n  name: cluster\nstatus:\n  \
         platformStatus:\n    type: GCP\n---\napiVersion: config.openshift.io/v1\nkind: ClusterVersion\nmetadata:\n  \
         name: version\nstatus:\n  desired:\n    version: 4.22.3\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  \
         name: coreos-bootimages\n  namespace: openshift-machine-config-operator\ndata:\n  stream: '{stream}'\n"
    )
}
