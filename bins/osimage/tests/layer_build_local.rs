//! `osimage layer build`: with the real buildah, and a real registry with a password and an authority of its
//! own; what it writes is taken by the real API server. Needs buildah, docker-registry and root; skipped,
//! loudly, where one is missing.

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
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use layer_place::{CONTAINERFILE, Place, Run, buildah_and_then, has};
use serde_json::{Value, json};
use test_control_plane::{ControlPlane, Identity};

#[test]
fn il_055_an_image_is_built_once_pushed_and_named_by_digest() {
    let Some(place) = Place::new() else {
        return;
    };
    let first = place.build(&[]);
    first.check(
        0,
        &[
            "pull: ",
            "build: stage 1 of 2, step 1 of 2: ",
            "step 3 of 7: COPY",
            "push: ",
            "pool worker",
        ],
    );
    let image = first.image();
    let pushed = place.registry.inspect(&image).unwrap();
    let by_tag = place.registry.inspect(&place.push_spec()).unwrap();
    assert_eq!(pushed["Digest"], by_tag["Digest"]);
    assert!(image.ends_with(by_tag["Digest"].as_str().unwrap()));
    let labels = &pushed["Labels"];
    assert_eq!(labels["ostree.commit"], "c0ffee");
    assert_eq!(labels["machineconfigpool"], "worker");
    assert_eq!(labels["baseOSContainerImage"], place.base.as_str());
    assert!(
        labels["dev.osimage.inputs"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    place.check_clean();

    // Nothing has changed, and no builder is needed to find out.
    let start = Instant::now();
    let output = place.path("os-layer.yaml").display().to_string();
    let mut again = place.build_command("auth.json", &["--base", &place.base, "-o", &output]);
    again.arg("--registry-ca").arg(place.registry.certificate());
    let again = Run::of(&again.env("PATH", "/nowhere").output().unwrap());
    again.check(0, &["nothing to build"]);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(again.stdout, "");
    assert_eq!(fs::read_to_string(output).unwrap(), first.stdout);

    place.write("motd", "two\n");
    let other = place.build(&[]);
    other.check(0, &["build: "]);
    assert_ne!(other.image(), image);
    with_podman(&place);
    on_a_cluster(&place);
}

#[test]
fn il_780_il_783_mistakes_are_found_before_nodes_see_them() {
    let Some(place) = Place::new() else {
        return;
    };
    let authority = place.registry.certificate().display().to_string();
    let base = ["--base", &place.base];
    let denied = place.build_command(
        "wrong.json",
        &[&base[..], &["--registry-ca", &authority]].concat(),
    );
    let denied = Run::of(&{ denied }.output().unwrap());
    denied.check(15, &["--push: ", "unauthorized", "podman login"]);
    assert!(!denied.stderr.contains("pull: "), "{}", denied.stderr);
    let unknown = Run::of(&place.build_command("auth.json", &base).output().unwrap());
    unknown.check(16, &["certificate", "--registry-ca"]);
    let none = place.build_command("none.json", &base).output().unwrap();
    Run::of(&none).check(3, &["none.json"]);
    let missing = format!(
        "{}/release/other@sha256:{}",
        place.registry.host,
        "0".repeat(64)
    );
    place
        .build(&["--containerfile", "/nowhere/Containerfile"])
        .check(3, &["/nowhere"]);
    let mut missing = place.build_command("auth.json", &["--base", &missing]);
    let missing = missing
        .args(["--registry-ca", &authority])
        .output()
        .unwrap();
    Run::of(&missing).check(3, &["base image: "]);
    let mut alone = place.build_command(
        "auth.json",
        &[&base[..], &["--registry-ca", &authority]].concat(),
    );
    let alone = alone.env("PATH", "/nowhere").output().unwrap();
    Run::of(&alone).check(17, &["buildah is not installed, podman is not installed"]);

    place.write("Containerfile", "FROM configs\nRUNX true\n");
    place.build(&[]).check(3, &["Containerfile:2:1: "]);
    place.write(
        "Containerfile",
        &format!("FROM {}/release/os:none\nRUN true\n", place.registry.host),
    );
    place.build(&[]).check(3, &["base image: "]);
    place.write("Containerfile", "FROM scratch\nCOPY motd /\n");
    place.build(&[]).check(5, &["write `FROM configs`"]);
    place.write("Containerfile", "FROM configs\nLABEL ostree.commit=other\n");
    place
        .build(&[])
        .check(5, &["was not pushed: label ostree.commit"]);
    place.write(
        "Containerfile",
        "FROM configs\nRUN echo the mirror is down https://me:secret@h/x >&2; exit 42\n",
    );
    let failed = place.build(&[]);
    failed.check(
        13,
        &["the mirror is down https://***@h/x\n", "(exit code 42)"],
    );
    assert!(!failed.stderr.contains("secret@h/x\n"), "{}", failed.stderr);
    assert!(place.registry.inspect(&place.push_spec()).is_none());
    place.check_clean();

    // Interrupted in the middle of a step.
    // A number that no other test waits for.
    let sleep = format!("sleep {}", 100_000 + std::process::id());
    place.write(
        "Containerfile",
        &format!("FROM configs\nRUN true && {sleep}\n"),
    );
    let mut command = place.build_command("auth.json", &base);
    command.args(["--registry-ca", &authority, "-v"]);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_process(&sleep);
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let interrupted = Run::of(&child.wait_with_output().unwrap());
    interrupted.check(130, &["interrupted: "]);
    place.check_clean();
    interrupt_on_a_terminal(&place);
    fill_the_disk(&place);
    go_on_from_the_cache(&place);
}

/// A disk that is full before the base image is there.
fn fill_the_disk(place: &Place) {
    let disk = place.path("disk");
    fs::create_dir_all(&disk).unwrap();
    let storage = place.storage("vfs", "disk");
    let base = ["--base", &place.base];
    let build = place.build_command("auth.json", &base);
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=6m none \"$0\" && exec \"$@\"";
    command.args(["-m", "sh", "-c", script]).arg(&disk);
    command.arg(build.get_program()).args(build.get_args());
    command
        .arg("--registry-ca")
        .arg(place.registry.certificate());
    command.envs(
        build
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.env("CONTAINERS_STORAGE_CONF", storage);
    let full = Run::of(&command.output().unwrap());
    full.check(14, &["there is no room left on the disk"]);
    place.check_clean();
}

/// Where layers are shared, a build goes on where the last one failed.
fn go_on_from_the_cache(place: &Place) {
    let storage = place.storage("overlay", "shared");
    let run = || {
        let mut command = place.build_command("auth.json", &["--base", &place.base, "-v"]);
        command
            .arg("--registry-ca")
            .arg(place.registry.certificate());
        command.env("CONTAINERS_STORAGE_CONF", &storage);
        Run::of(&command.output().unwrap())
    };
    place.write(
        "Containerfile",
        "FROM configs\nRUN echo 1 > /1\nRUN exit 42\n",
    );
    let failed = run();
    failed.check(13, &["(exit code 42)"]);
    place.write("Containerfile", "FROM configs\nRUN echo 1 > /1\nRUN true\n");
    let built = run();
    // Where the kernel has no overlay, all is built again.
    let info = Command::new("buildah")
        .arg("info")
        .env("CONTAINERS_STORAGE_CONF", &storage)
        .output();
    if String::from_utf8_lossy(&info.unwrap().stdout).contains("\"overlay\"") {
        built.check(0, &["--> Using cache", "push: "]);
    }
}

/// podman builds the same.
fn with_podman(place: &Place) {
    if !has("podman", "--version") {
        return;
    }
    place.write("motd", "three\n");
    let built = place.build(&["--builder", "podman"]);
    built.check(0, &["build: ", "push: "]);
    let pushed = place.registry.inspect(&built.image()).unwrap();
    assert_eq!(pushed["Labels"]["ostree.commit"], "c0ffee");
    place.write("Containerfile", "FROM configs\nRUN exit 42\n");
    let failed = place.build(&["--builder", "podman"]);
    failed.check(13, &["(exit code 42)"]);
    place.write("Containerfile", CONTAINERFILE);
    place.write("motd", "two\n");
    place.build(&["--builder", "podman"]).check(0, &["build: "]);
    place.check_clean();
}

/// On a terminal one line says how far the build is, and ^C there ends it.
fn interrupt_on_a_terminal(place: &Place) {
    let socket = format!("osimage-layer-{}", std::process::id());
    let tmux = |arguments: &[&str]| {
        let mut command = Command::new("tmux");
        command.args(["-u", "-f", "/dev/null", "-L", &socket]);
        command.args(arguments).output()
    };
    if !has("tmux", "-V") {
        return;
    }
    place.write("Containerfile", "FROM configs\nRUN sleep 1000\n");
    let base = ["--base", &place.base];
    let mut command = place.build_command("auth.json", &base);
    command
        .arg("--registry-ca")
        .arg(place.registry.certificate());
    let mut line: Vec<String> = vec!["env".to_owned()];
    for (name, value) in command.get_envs() {
        let value = value.unwrap_or_default().display();
        line.push(format!("{}={value}", name.display()));
    }
    line.push(env!("CARGO_BIN_EXE_osimage").to_owned());
    line.extend(command.get_args().map(|word| word.display().to_string()));
    let line = format!("{}; echo \"exit $?\"; exec sleep 600", line.join(" "));
    tmux(&["new-session", "-d", "-x", "70", "-y", "20", &line]).unwrap();
    let wait = |what: &str| {
        let start = Instant::now();
        loop {
            let output = tmux(&["capture-pane", "-p"]).unwrap();
            let shown = String::from_utf8_lossy(&output.stdout).into_owned();
            if shown.contains(what) {
                return shown;
            }
            assert!(
                start.elapsed() < Duration::from_mins(1),
                "no {what}: {shown}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let shown = wait("build: step 2 of 5: RUN sleep 1000");
    // One line, which has taken the place of those before it.
    assert!(
        !shown.contains("pull:") && !shown.contains("step 1"),
        "{shown}"
    );
    wait("0:03 build: step 2 of 5");
    tmux(&["send-keys", "C-c"]).unwrap();
    let shown = wait("exit 130");
    assert!(
        shown.contains("interrupted: ") && !shown.contains("step 2"),
        "{shown}"
    );
    tmux(&["kill-server"]).unwrap();
    place.check_clean();
}

/// Waits until a command line is that of a process.
fn wait_for_process(command: &str) {
    let start = Instant::now();
    let line = |process: fs::DirEntry| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ")
    };
    while !fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .any(|it| line(it).trim() == command)
    {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "{command} does not start"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The API server takes what is written; what is built and removed follows the release.
fn on_a_cluster(place: &Place) {
    let Some(control_plane) = ControlPlane::start() else {
        return;
    };
    let version = "machineconfiguration.openshift.io/v1";
    let config = |name: &str, role: &str| {
        json!({"apiVersion": version, "kind": "MachineConfig",
            "metadata": {"name": name, "labels": {"machineconfiguration.openshift.io/role": role}},
            "spec": {"osImageURL": place.base}})
    };
    let source = |name: &str| json!({"apiVersion": version, "kind": "MachineConfig", "name": name});
    let namespace = "openshift-machine-config-operator";
    for object in [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "machine-config-osimageurl", "namespace": namespace},
            "data": {"baseOSContainerImage": place.base}}),
        config("00-worker", "worker"),
        json!({"apiVersion": version, "kind": "MachineConfigPool", "metadata": {"name": "worker"},
            "spec": {"configuration": {"name": "rendered-worker-1", "source": [source("00-worker")]}}}),
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a",
            "labels": {"node-role.kubernetes.io/worker": ""}}}),
    ] {
        control_plane.create(&object);
    }
    let kubeconfig = control_plane
        .kubeconfig(&Identity::Admin)
        .display()
        .to_string();
    let live = ["--kubeconfig", &kubeconfig];
    let authority = place.registry.certificate().display().to_string();
    let apply = [&live[..], &["--registry-ca", &authority, "--apply"]].concat();
    let applied = Run::of(&place.build_command("auth.json", &apply).output().unwrap());
    applied.check(
        0,
        &[
            "nothing to build",
            "MachineConfig os-layer-worker is on ",
            "pool worker has 1 node: ",
        ],
    );
    let path = "/apis/machineconfiguration.openshift.io/v1/machineconfigs/os-layer-worker";
    let written = control_plane.get(path);
    let image = written["spec"]["osImageURL"].as_str().unwrap();
    assert!(place.registry.inspect(image).is_some());

    // The operator renders it; then the release moves on.
    let pool = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools/worker";
    let rendered = json!({"spec": {"configuration": {"source": [source("00-worker"), source("os-layer-worker")]}}});
    control_plane.merge(pool, &rendered);
    let outdated = || {
        Run::of(
            &place
                .command("outdated", &[&live[..], &["-o", "json"]].concat())
                .output()
                .unwrap(),
        )
    };
    let items = |run: &Run| serde_json::from_str::<Value>(&run.stdout).unwrap()["items"].clone();
    assert_eq!(items(&outdated()), json!([]));
    let images = format!("/api/v1/namespaces/{namespace}/configmaps/machine-config-osimageurl");
    let next = format!(
        "{}/release/os@sha256:{}",
        place.registry.host,
        "1".repeat(64)
    );
    control_plane.merge(&images, &json!({"data": {"baseOSContainerImage": next}}));
    let behind = items(&outdated());
    assert_eq!(behind[0]["object"], "MachineConfig/os-layer-worker");
    assert_eq!(behind[0]["outdated"], true);
    assert_eq!(behind[0]["baseImage"], place.base.as_str());

    let remove = ["--pool", "worker", "--kubeconfig", &kubeconfig];
    let shown = Run::of(&place.command("remove", &remove).output().unwrap());
    shown.check(0, &["nothing was deleted", &next]);
    assert!(
        shown.stdout.contains("name: os-layer-worker"),
        "{}",
        shown.stdout
    );
    assert_eq!(control_plane.get(path)["kind"], "MachineConfig");
    let removed = [&remove[..], &["--apply"]].concat();
    let removed = Run::of(&place.command("remove", &removed).output().unwrap());
    removed.check(
        0,
        &[
            "MachineConfig os-layer-worker is deleted",
            "pool worker has 1 node: ",
        ],
    );
    let gone = Run::of(&place.command("remove", &remove).output().unwrap());
    gone.check(5, &["runs the image of the release"]);
    changed_meanwhile(place, &control_plane, &kubeconfig, &images, pool);
}

/// A cluster that changes while an image is built: nothing is written to it.
fn changed_meanwhile(
    place: &Place,
    control_plane: &ControlPlane,
    kubeconfig: &str,
    images: &str,
    pool: &str,
) {
    let (reached, goes_on) = (place.path("reached"), place.path("goes-on"));
    let script = format!(
        "[ \"$1\" = push ] && {{ touch {}; while [ ! -e {} ]; do sleep 0.05; done; }}",
        reached.display(),
        goes_on.display()
    );
    let path = buildah_and_then(place, &script);
    control_plane.merge(
        images,
        &json!({"data": {"baseOSContainerImage": place.base}}),
    );
    let authority = place.registry.certificate().display().to_string();
    let live = [
        "--kubeconfig",
        kubeconfig,
        "--registry-ca",
        &authority,
        "--apply",
    ];
    let during = |motd: &str, change: &dyn Fn()| {
        for file in [&reached, &goes_on] {
            fs::remove_file(file).ok();
        }
        place.write("motd", motd);
        let mut command = place.build_command("auth.json", &live);
        command.args(["--builder", "buildah"]).env("PATH", &path);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !reached.exists() {
            assert!(
                start.elapsed() < Duration::from_mins(2),
                "it pushes nothing"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        change();
        fs::write(&goes_on, "").unwrap();
        Run::of(&child.wait_with_output().unwrap())
    };
    let later = |name: &str| {
        json!({"spec": {"configuration": {"source": [{"apiVersion":
            "machineconfiguration.openshift.io/v1", "kind": "MachineConfig", "name": name}]}}})
    };
    let overridden = during("overridden\n", &|| {
        control_plane.create(
            &json!({"apiVersion": "machineconfiguration.openshift.io/v1",
            "kind": "MachineConfig", "metadata": {"name": "zz-image",
            "labels": {"machineconfiguration.openshift.io/role": "worker"}},
            "spec": {"osImageURL": place.base}}),
        );
        control_plane.merge(pool, &later("zz-image"));
    });
    overridden.check(
        5,
        &[
            "zz-image",
            "The cluster changed during the build",
            "is pushed",
        ],
    );
    control_plane.merge(pool, &later("00-worker"));
    let next = format!(
        "{}@sha256:{}",
        place.base.split('@').next().unwrap(),
        "2".repeat(64)
    );
    let upgraded = during("upgraded\n", &|| {
        control_plane.merge(images, &json!({"data": {"baseOSContainerImage": next}}));
    });
    upgraded.check(
        5,
        &[
            "the release of the cluster has another image since",
            "run the command again",
        ],
    );
    let list = control_plane.get("/apis/machineconfiguration.openshift.io/v1/machineconfigs");
    assert!(!list.to_string().contains("os-layer-worker"), "{list}");
}
