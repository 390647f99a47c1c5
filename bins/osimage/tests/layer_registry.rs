//! `osimage layer build` and a registry: what is there already, what became of a push, mirrors, several
//! architectures, signatures and lists of packages. With the real buildah, skopeo and docker-registry;
//! skipped, loudly, where one is missing.

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
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use layer_place::{Place, Run, buildah_and_then, has};
use registry::{PASSWORD, USER};
use serde_json::{Value, json};

/// No RUN: nothing has to be run for an architecture.
const COPY_ONLY: &str = "FROM configs\nCOPY motd /etc/motd\n";

/// A skopeo that signs with sigstore keys: that of Debian cannot.
fn signing_skopeo() -> Option<PathBuf> {
    let program = std::env::var_os("SKOPEO").map(PathBuf::from);
    let is_there = program.as_ref().is_some_and(|program| program.is_file());
    if !is_there {
        let line = "\nSKIPPED: signatures need SKOPEO, from testing/programs/skopeo\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    program.filter(|_| is_there)
}

/// Runs skopeo with the registry's authority.
fn skopeo(place: &Place, arguments: &[&str]) -> Output {
    skopeo_at(Path::new("skopeo"), place, arguments)
}

fn skopeo_at(program: &Path, place: &Place, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("SSL_CERT_FILE", place.registry.certificate());
    command.output().unwrap()
}

fn copy(place: &Place, from: &str, to: &str) {
    let login = format!("{USER}:{PASSWORD}");
    let (from, to) = (format!("docker://{from}"), format!("docker://{to}"));
    let done = skopeo(
        place,
        &[
            "copy",
            "--all",
            "--src-creds",
            &login,
            "--dest-creds",
            &login,
            &from,
            &to,
        ],
    );
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn run_with_path(place: &Place, path: &str, arguments: &[&str]) -> Run {
    let base = ["--base", &place.base];
    let mut command = place.build_command("auth.json", &base);
    command.args(arguments).env("PATH", path);
    command
        .arg("--registry-ca")
        .arg(place.registry.certificate());
    Run::of(&command.output().unwrap())
}

#[test]
fn il_055_no_tag_is_taken_from_anybody_and_what_became_of_a_push_is_told() {
    let Some(place) = Place::new() else {
        return;
    };
    place.write("Containerfile", COPY_ONLY);
    // An image that something else made.
    copy(&place, &place.base, &place.push_spec());
    let foreign = place.build(&["--builder", "buildah"]);
    foreign.check(5, &["was not built by osimage", "--overwrite"]);
    assert!(!foreign.stderr.contains("pull: "), "{}", foreign.stderr);
    let taken = place.build(&["--overwrite"]);
    taken.check(0, &["push: "]);
    // Of another pool.
    let mut gpu = place.command("build", &["--pool", "gpu", "--push", &place.push_spec()]);
    gpu.args(["--base", &place.base]).arg(place.path("context"));
    gpu.arg("--registry-ca").arg(place.registry.certificate());
    gpu.arg("--authfile").arg(place.path("auth.json"));
    let gpu = Run::of(&gpu.output().unwrap());
    gpu.check(5, &["image of pool worker already"]);
    // In use by something that is no MachineConfig of ours.
    let config = json!({"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineOSConfig",
        "metadata": {"name": "layered"}, "status": {"currentImagePullSpec": taken.image()}});
    let file = place.path("config.json");
    fs::write(&file, config.to_string()).unwrap();
    let file = file.display().to_string();
    place.write("motd", "in use\n");
    let used = place.build(&["-f", &file]);
    used.check(5, &["in use by MachineOSConfig/layered"]);
    place.build(&[]).check(0, &["push: "]);

    after_a_push(&place);
    mirrors(&place);
    place.check_clean();
}

/// Between our push and our question somebody else changes something.
fn after_a_push(place: &Place) {
    let push_spec = place.push_spec();
    let creds = format!("{USER}:{PASSWORD}");
    let certificate = place.registry.certificate().display().to_string();
    let mut number = 0;
    let mut check = |script: &str, code: i32, said: &[&str]| {
        number += 1;
        place.write("motd", &format!("push {number}\n"));
        let path = buildah_and_then(
            place,
            &format!("export SSL_CERT_FILE={certificate}\n{script}"),
        );
        run_with_path(place, &path, &["--builder", "buildah"]).check(code, said);
    };
    let moved = format!(
        "[ \"$1\" = push ] && skopeo copy -q --src-creds {creds} --dest-creds {creds} docker://{} \
         docker://{push_spec}",
        place.base
    );
    check(&moved, 5, &["somebody else pushes to the same tag"]);
    let base = place.base.rsplit_once('@').unwrap().1;
    check(&moved, 5, &["was not built by osimage"]);
    let gone = format!("[ \"$1\" = push ] && skopeo delete --creds {creds} docker://{push_spec}");
    place.build(&["--overwrite"]).check(0, &[]);
    check(&gone, 15, &["says now that it is not there"]);
    // Other words than those of somebody who pushes too.
    let users = place.path("registry/htpasswd").display().to_string();
    let before = fs::read(&users).unwrap();
    let denied = format!("[ \"$1\" = push ] && htpasswd -Bb {users} {USER} other");
    check(&denied, 15, &["may push and not read", "unauthorized"]);
    fs::write(&users, before).unwrap();
    check(
        "[ \"$1\" = inspect ] && code=1",
        18,
        &["buildah inspect", "failed"],
    );
    assert!(!base.is_empty());
}

/// An image of a release that is nowhere but at its mirror.
fn mirrors(place: &Place) {
    let folder = place.path("home/.config/containers");
    fs::create_dir_all(&folder).unwrap();
    let registry = &place.registry.host;
    let text = format!(
        "[[registry]]\nlocation = \"release.invalid/ocp\"\n[[registry.mirror]]\nlocation = \
         \"{registry}/release/os\"\n"
    );
    fs::write(folder.join("registries.conf"), text).unwrap();
    place.write("motd", "mirrored\n");
    let digest = place.base.rsplit_once('@').unwrap().1;
    for base in [
        format!("release.invalid/ocp@{digest}"),
        "release.invalid/ocp:1".to_owned(),
    ] {
        let mut command = place.build_command("auth.json", &["--base", &base, "--rebuild"]);
        command
            .arg("--registry-ca")
            .arg(place.registry.certificate());
        let built = Run::of(&command.output().unwrap());
        built.check(0, &["push: "]);
        let named = format!("osimage.dev/base-image: release.invalid/ocp@{digest}");
        assert!(built.stdout.contains(&named), "{}", built.stdout);
    }
    fs::write(folder.join("registries.conf"), "[[registry\n").unwrap();
    place.build(&[]).check(3, &["registries.conf"]);
    fs::remove_file(folder.join("registries.conf")).unwrap();
}

#[test]
fn il_702_il_055_several_architectures_are_one_list_signed_and_with_their_packages() {
    let Some(place) = Place::new() else {
        return;
    };
    let both = ["--architecture", "x86_64", "--architecture", "aarch64"];
    place.write("Containerfile", COPY_ONLY);
    place
        .build(&both)
        .check(5, &["the base image is for amd64", "run on arm64"]);

    let list = push_list(&place);
    let mut place = place;
    let single = std::mem::replace(&mut place.base, list.clone());
    place.write("Containerfile", "FROM configs\nRUN true\n");
    let emulated = Path::new("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists();
    if !emulated {
        let refused = place.build(&both);
        refused.check(5, &["cannot run programs for aarch64", "qemu-user-static"]);
        assert!(!refused.stderr.contains("pull"), "{}", refused.stderr);
    }
    place.write("Containerfile", COPY_ONLY);
    let built = place.build(&both);
    built.check(0, &["build for aarch64", "build for x86_64", "push: "]);
    let raw = raw(&place, &built.image());
    let parts = raw["manifests"].as_array().unwrap();
    let architectures: Vec<&str> = parts
        .iter()
        .map(|part| part["platform"]["architecture"].as_str().unwrap())
        .collect();
    assert_eq!(architectures, ["arm64", "amd64"]);
    assert!(
        built
            .stdout
            .contains(&format!("osimage.dev/base-image: {list}"))
    );
    place.build(&both).check(0, &["nothing to build"]);
    // podman makes the same of it.
    place.write("motd", "by podman\n");
    place
        .build(&[&both[..], &["--builder", "podman"]].concat())
        .check(0, &["build for aarch64", "push: "]);
    place.check_clean();
    place.base = single;
    signed(&place, &both, &list);
    with_packages(&place);
    place.check_clean();
}

/// The manifest of an image, as the registry has it.
fn raw(place: &Place, image: &str) -> Value {
    let login = format!("{USER}:{PASSWORD}");
    let image = format!("docker://{image}");
    let shown = skopeo(place, &["inspect", "--raw", "--creds", &login, &image]);
    serde_json::from_slice(&shown.stdout).unwrap()
}

/// A base image for two architectures; by digest.
fn push_list(place: &Place) -> String {
    let folder = place.path("other");
    fs::create_dir_all(&folder).unwrap();
    let text =
        "FROM scratch\nCOPY Containerfile /a\nLABEL ostree.bootable=true ostree.commit=c0ffee\n";
    fs::write(folder.join("Containerfile"), text).unwrap();
    let buildah = |arguments: &[&str]| place.buildah.good(arguments);
    let folder = folder.display().to_string();
    buildah(&["manifest", "create", "bases"]);
    for architecture in ["amd64", "arm64"] {
        let tag = format!("localhost/osimage-test/{architecture}:1");
        buildah(&["build", "--arch", architecture, "-t", &tag, &folder]);
        buildah(&[
            "manifest",
            "add",
            "bases",
            &format!("containers-storage:{tag}"),
        ]);
    }
    let certificates = place.path("certificates").display().to_string();
    let authfile = place.path("auth.json").display().to_string();
    let image = format!("{}/release/multi:1", place.registry.host);
    buildah(&[
        "manifest",
        "push",
        "--all",
        "--rm",
        "--cert-dir",
        &certificates,
        "--authfile",
        &authfile,
        "bases",
        &format!("docker://{image}"),
    ]);
    let raw = place.registry_digest(&image);
    format!("{}/release/multi@{raw}", place.registry.host)
}

fn key(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/layering/signing");
    root.join(name).display().to_string()
}

/// A policy that demands a signature takes the image, and no other one.
fn signed(place: &Place, both: &[&str], list: &str) {
    let Some(skopeo) = signing_skopeo() else {
        return;
    };
    let path = format!(
        "{}:{}",
        skopeo.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let (private, passphrase) = (key("cosign.key"), key("passphrase"));
    let sign = ["--sign-by-sigstore-private-key", &private];
    let with_passphrase = [&sign[..], &["--sign-passphrase-file", &passphrase]].concat();
    let run = |arguments: &[&str]| run_with_path(place, &path, arguments);
    place.write("motd", "unsigned\n");
    let missing = ["--sign-by-sigstore-private-key", "/nowhere/cosign.key"];
    run(&missing).check(3, &["/nowhere/cosign.key"]);
    let unsigned = run(&[]).image();
    place.write("motd", "signed\n");
    // The key has a passphrase.
    let failed = run(&sign);
    failed.check(18, &["could not be signed", "no MachineConfig was written"]);
    assert_eq!(failed.stdout, "");
    let done = run(&[&with_passphrase[..], &["--rebuild"]].concat());
    done.check(0, &["sign: "]);
    let is_trusted = |image: &str| is_trusted(&skopeo, place, image);
    assert!(is_trusted(&done.image()), "the signature is not taken");
    assert!(
        !is_trusted(&unsigned),
        "an image without a signature is taken"
    );

    let mut command = place.build_command("auth.json", &["--base", list, "--rebuild"]);
    command
        .arg("--registry-ca")
        .arg(place.registry.certificate());
    let command = command.args(both).args(&with_passphrase).env("PATH", &path);
    let of_list = Run::of(&command.output().unwrap());
    of_list.check(0, &["sign: "]);
    assert!(
        is_trusted(&of_list.image()),
        "the list's signature is not taken"
    );
}

/// Whether the image may be pulled where `policy.json` demands our signature.
fn is_trusted(skopeo: &Path, place: &Place, image: &str) -> bool {
    let settings = place.path("registries.d");
    fs::create_dir_all(&settings).unwrap();
    let text = "default-docker:\n  use-sigstore-attachments: true\n";
    fs::write(settings.join("all.yaml"), text).unwrap();
    let policy = json!({"default": [{"type": "sigstoreSigned", "keyPath": key("cosign.pub"),
        "signedIdentity": {"type": "matchRepository"}}]});
    let file = place.path("policy.json");
    fs::write(&file, policy.to_string()).unwrap();
    let target = tempfile_in(place);
    let login = format!("{USER}:{PASSWORD}");
    let done = skopeo_at(
        skopeo,
        place,
        &[
            "--registries.d",
            &settings.display().to_string(),
            "--policy",
            &file.display().to_string(),
            "copy",
            "--src-creds",
            &login,
            &format!("docker://{image}"),
            &format!("dir:{}", target.display()),
        ],
    );
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success() || said.contains("signature"),
        "{said}"
    );
    done.status.success()
}

fn tempfile_in(place: &Place) -> PathBuf {
    let target = place.path("pulled");
    fs::remove_dir_all(&target).ok();
    target
}

/// A list of the packages in the rpm database of the image is attached to it.
fn with_packages(place: &Place) {
    place.write("Containerfile", "FROM configs\nRUN rm -f /usr/bin/rpm\n");
    let none = place.build(&["--sbom", "spdx"]);
    none.check(18, &["rpm"]);
    if !has("rpmbuild", "--version") {
        return;
    }
    rpm_files(place);
    let text = "FROM configs\nCOPY rpm /\nRUN true\n";
    place.write("Containerfile", text);
    let built = place.build(&["--sbom", "spdx"]);
    built.check(0, &["list: the packages", "attach: "]);
    let image = built.image();
    let (repository, digest) = image.split_once('@').unwrap();
    // A registry without the API of referrers has a list of them under a tag.
    let list = raw(place, &format!("{repository}:{}", digest.replace(':', "-")));
    let entry = &list["manifests"][0];
    assert_eq!(entry["artifactType"], "application/spdx+json");
    let referrer = raw(
        place,
        &format!("{repository}@{}", entry["digest"].as_str().unwrap()),
    );
    assert_eq!(referrer["subject"]["digest"], digest);
    let blob = referrer["layers"][0]["digest"]
        .as_str()
        .unwrap()
        .replace("sha256:", "");
    let store = place.path("registry/data/docker/registry/v2/blobs/sha256");
    let file = store.join(blob.get(..2).unwrap()).join(&blob).join("data");
    let document: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(document["spdxVersion"], "SPDX-2.3");
    assert_eq!(document["packages"][0]["name"], image.as_str());
    assert_eq!(document["packages"][1]["name"], "fish");
    assert_eq!(document["packages"][1]["versionInfo"], "2:3.7-1");
}

/// A real rpm, and a database with one package.
fn rpm_files(place: &Place) {
    let tree = place.path("context/rpm");
    let spec = "Name: fish\nEpoch: 2\nVersion: 3.7\nRelease: 1\nSummary: a shell\nLicense: GPL-2.0-only\n\
        Vendor: Tests\n%description\nA shell.\n%files\n";
    let file = place.path("fish.spec");
    fs::write(&file, spec).unwrap();
    let top = place.path("rpmbuild");
    let run = |command: &mut Command| {
        let done = command.env("HOME", place.path("home")).output().unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    run(Command::new("rpmbuild")
        .args(["-bb", "--target", "noarch", "--define"])
        .arg(format!("_topdir {}", top.display()))
        .arg(&file));
    let database = tree.join("var/lib/rpm");
    fs::create_dir_all(&database).unwrap();
    run(Command::new("rpm")
        .arg("--dbpath")
        .arg(&database)
        .args(["--nodeps", "--justdb", "-i"])
        .arg(top.join("RPMS/noarch/fish-3.7-1.noarch.rpm")));
    let mut files = vec!["/usr/bin/rpm".to_owned()];
    files.extend(["/usr/lib/rpm/macros", "/usr/lib/rpm/rpmrc"].map(str::to_owned));
    let needs = Command::new("ldd").arg("/usr/bin/rpm").output().unwrap();
    let needs = String::from_utf8(needs.stdout).unwrap();
    let words = needs
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    files.extend(words.map(str::to_owned));
    for file in files {
        let copy = tree.join(file.trim_start_matches('/'));
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&file, copy).unwrap();
    }
    fs::create_dir_all(tree.join("etc/rpm")).unwrap();
    fs::write(tree.join("etc/rpm/macros"), "%_dbpath /var/lib/rpm\n").unwrap();
}
