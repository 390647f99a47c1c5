//! `osimage layer gc` with the real API server and real registries: one that deletes images, and one that
//! does not. Skipped, loudly, where one is missing.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

mod layer_place;
mod layer_support;
#[path = "../../machine-os-builder/tests/support/registry.rs"]
mod registry;

use std::fs;
use std::process::Command;

use layer_place::{Place, Run};
use registry::Registry;
use serde_json::{Value, json};
use test_control_plane::{ControlPlane, Identity};

/// Images as they are built: tag, labels, and the day on which they were.
const IMAGES: [(&str, &str, u32); 6] = [
    ("first", "machineconfigpool=worker", 1),
    ("second", "machineconfigpool=worker", 2),
    ("third", "machineconfigpool=worker", 3),
    ("fourth", "machineconfigpool=worker", 4),
    ("of-gpu", "machineconfigpool=gpu", 1),
    ("foreign", "maintainer=somebody", 1),
];

/// Pushes them all, and a signature of the second one; the repository.
fn push_images(place: &Place, registry: &Registry, authfile: &str) -> String {
    let folder = place.path("images");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("Containerfile"),
        "FROM scratch\nCOPY Containerfile /\n",
    )
    .unwrap();
    let repository = format!("{}/org/os", registry.host);
    let context = folder.display().to_string();
    let certificates = registry.certificate();
    let certificates = certificates.parent().unwrap().join("certificates");
    fs::create_dir_all(&certificates).unwrap();
    fs::copy(registry.certificate(), certificates.join("ca.crt")).unwrap();
    let certificates = format!("--cert-dir={}", certificates.display());
    let authfile = format!("--authfile={authfile}");
    let push = |tag: &str| {
        let target = format!("docker://{repository}:{tag}");
        place.buildah.good(&[
            "push",
            &certificates,
            &authfile,
            "localhost/osimage-test/i:1",
            &target,
        ]);
    };
    for (tag, label, day) in IMAGES {
        let time = 1_767_225_600 + u64::from(day) * 86_400;
        place.buildah.good(&[
            "build",
            "--timestamp",
            &time.to_string(),
            "--label",
            label,
            "-t",
            "localhost/osimage-test/i:1",
            &context,
        ]);
        push(tag);
    }
    let signed = digest(registry, &repository, "second");
    // What it holds does not count.
    push(&format!("{}.sig", signed.replace(':', "-")));
    repository
}

fn digest(registry: &Registry, repository: &str, tag: &str) -> String {
    let found = registry.inspect(&format!("{repository}:{tag}")).unwrap();
    found["Digest"].as_str().unwrap().to_owned()
}

fn gc(place: &Place, registry: &Registry, authfile: &str, arguments: &[&str]) -> Run {
    let mut command = place.command("gc", arguments);
    command
        .args(["--authfile", authfile])
        .arg("--registry-ca")
        .arg(registry.certificate());
    Run::of(&command.output().unwrap())
}

#[test]
fn il_707_il_736_images_that_nothing_needs_are_deleted() {
    let Some(place) = Place::new() else {
        return;
    };
    let Some(control_plane) = ControlPlane::start() else {
        return;
    };
    let authfile = place.path("auth.json").display().to_string();
    let repository = push_images(&place, &place.registry, &authfile);
    let first = digest(&place.registry, &repository, "first");
    let version = "machineconfiguration.openshift.io/v1";
    for object in [
        json!({"apiVersion": version, "kind": "MachineOSConfig", "metadata": {"name": "worker"},
            "spec": {"machineConfigPool": {"name": "worker"}, "imageBuilder": {"imageBuilderType": "Job"},
            "renderedImagePushSecret": {"name": "push"},
            "renderedImagePushSpec": "registry.example.com/org/os:latest"}}),
        json!({"apiVersion": version, "kind": "MachineConfig", "metadata": {"name": "os-layer-worker",
            "labels": {"machineconfiguration.openshift.io/role": "worker"},
            "annotations": {"osimage.dev/push-spec": format!("{repository}:worker")}}}),
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "annotations":
            {"machineconfiguration.openshift.io/currentImage": format!("{repository}@{first}")}}}),
    ] {
        control_plane.create(&object);
    }
    let kubeconfig = control_plane
        .kubeconfig(&Identity::Admin)
        .display()
        .to_string();
    let keep = [
        "--kubeconfig",
        &kubeconfig,
        "--repository",
        &repository,
        "--keep",
        "1",
    ];
    let run = |more: &[&str]| {
        let arguments = [&keep[..], more].concat();
        gc(&place, &place.registry, &authfile, &arguments)
    };

    let shown = run(&["--dry-run", "-o", "json"]);
    shown.check(0, &["nothing was deleted"]);
    let document: Value = serde_json::from_str(&shown.stdout).unwrap();
    let items = document["items"].as_array().unwrap().iter();
    let verdicts: Vec<String> = items
        .map(|item| {
            let tag = item["tags"][0].as_str().unwrap();
            format!(
                "{tag} {} {}",
                item["deleted"],
                item["reason"].as_str().unwrap()
            )
        })
        .collect();
    let of = |tag: &str| {
        let start = format!("{tag} ");
        let found = verdicts.iter().find(|verdict| verdict.starts_with(&start));
        found.unwrap().clone()
    };
    assert_eq!(verdicts.len(), IMAGES.len(), "{verdicts:?}");
    for expected in [
        "first false Named",
        "second true Superseded",
        "third true Superseded",
        "fourth false Recent",
        "of-gpu false Recent",
        "foreign false Foreign",
    ] {
        assert_eq!(of(expected.split(' ').next().unwrap()), expected);
    }
    assert!(
        place
            .registry
            .inspect(&format!("{repository}:second"))
            .is_some()
    );

    let deleted = run(&[]);
    deleted.check(0, &["2 deleted, 0 could not be deleted", "garbage"]);
    let said = "first; 2026-01-02T00:00:00Z; the cluster needs it: Node/a";
    assert!(deleted.stdout.contains(said), "{}", deleted.stdout);
    for (tag, is_there) in [
        ("first", true),
        ("second", false),
        ("third", false),
        ("fourth", true),
    ] {
        let found = place.registry.inspect(&format!("{repository}:{tag}"));
        assert_eq!(found.is_some(), is_there, "{tag}");
    }
    let tags = place.command_of_skopeo(&repository);
    assert!(
        !tags.contains(".sig"),
        "the signature of an image that is gone stays: {tags}"
    );
    run(&[]).check(0, &["0 deleted, 0 could not be deleted"]);

    // What a dump says is not what nodes run now.
    let dump = ["-f", &kubeconfig, "--repository", &repository];
    gc(&place, &place.registry, &authfile, &dump).check(2, &["--dry-run"]);
    refusing(&place, &kubeconfig);
}

/// IL-736: a registry that deletes nothing is told as such, and is no reason to go on asking.
fn refusing(place: &Place, kubeconfig: &str) {
    let folder = place.path("refusing");
    fs::create_dir_all(&folder).unwrap();
    let registry = Registry::start_with(&folder, false);
    let authfile = folder.join("auth.json");
    fs::write(&authfile, registry.credentials(registry::PASSWORD)).unwrap();
    let authfile = authfile.display().to_string();
    // The same images as before, so that the first one is in use.
    let repository = push_images(place, &registry, &authfile);
    let arguments = [
        "--kubeconfig",
        kubeconfig,
        "--repository",
        &repository,
        "--keep",
        "1",
    ];
    let refused = gc(place, &registry, &authfile, &arguments);
    refused.check(
        15,
        &["deletes nothing", "0 deleted, 2 could not be deleted"],
    );
    assert_eq!(
        refused.stderr.matches("deletes nothing").count(),
        1,
        "{}",
        refused.stderr
    );
    assert!(registry.inspect(&format!("{repository}:second")).is_some());
}

impl Place {
    /// The tags of a repository.
    fn command_of_skopeo(&self, repository: &str) -> String {
        let login = format!("{}:{}", registry::USER, registry::PASSWORD);
        let output = Command::new("skopeo")
            .args(["list-tags", "--creds", &login])
            .arg(format!("docker://{repository}"))
            .env("SSL_CERT_FILE", self.registry.certificate())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}
