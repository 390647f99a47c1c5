//! The page of a report in a real browser: a thousand clusters, names that would be markup.

#![allow(
    clippy::print_stdout,
    reason = "what the browser measured is for people to read"
)]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// As many as the page is made for.
const CLUSTERS: usize = 1000;
/// The largest page that every mail system takes.
const LARGEST_PAGE: usize = 6 * 1024 * 1024;

/// Images of every era, so that every verdict is there.
const IMAGES: &[&str] = &[
    "rhcos-412-86-202209302317-0-gcp-x86-64",
    "rhcos-414-92-202310170514-0-gcp-x86-64",
    "rhcos-418-94-202501221327-0-gcp-x86-64",
    "rhcos-9-8-20260715-0-gcp-x86-64",
    "hardened",
];
const RELEASES: &[&str] = &["4.18.30", "4.20.8", "4.22.3", "4.23.1"];
/// What a page must show as it stands there.
const HOSTILE: &[&str] = &[
    "<script>window.fromData = 1</script>",
    "\" onload=\"window.fromData = 1",
    "</script><img src=x onerror=window.fromData=1>",
    "' & <b>bold</b>",
];

/// A dump of one file; the tenth of them are hostile.
fn write_dump(folder: &Path, number: usize) -> PathBuf {
    let pick = |list: &[&'static str], step: usize| list[(number / step) % list.len()];
    let name = match number % 10 {
        3 => format!("fleet-{number:04} {}", pick(HOSTILE, 10)),
        _ => format!("fleet-{number:04}"),
    };
    let sets = (0..10).map(|set| {
        let set_name = if number % 10 == 3 { format!("w{set} {}", HOSTILE[set % HOSTILE.len()]) } else { format!("w{set}") };
        serde_json::json!({
            "apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
            "metadata": {"namespace": "openshift-machine-api", "name": set_name},
            "spec": {"template": {"spec": {"providerSpec": {"value": {
                "kind": "GCPMachineProviderSpec", "userDataSecret": {"name": "worker-user-data"},
                "disks": [{"boot": true, "image": format!("projects/rhcos-cloud/global/images/{}", IMAGES[(number + set) % IMAGES.len()])}],
            }}}}},
        })
    });
    let mut items: Vec<_> = sets.collect();
    items.push(serde_json::json!({
        "apiVersion": "config.openshift.io/v1", "kind": "Infrastructure", "metadata": {"name": "cluster"},
        "status": {"infrastructureName": name, "platformStatus": {"type": "GCP"}},
    }));
    items.push(serde_json::json!({
        "apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "metadata": {"name": "version"},
        "status": {"desired": {"version": pick(RELEASES, 1)}},
    }));
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    let path = folder.join(format!("{number:04}.json"));
    std::fs::write(&path, list.to_string()).unwrap();
    path
}

fn report(paths: &[PathBuf]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osimage"));
    command
        .args(["report", "-o", "html", "--today", "2026-11-30"])
        .args(paths);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{}",
        text.chars().take(2000).collect::<String>()
    );
    output.stdout
}

/// What the browser's test needs and the machine may lack: said once, past the test harness.
fn missing(axe: Option<&PathBuf>) -> Option<&'static str> {
    let runs = |program: &str| {
        let output = Command::new(program).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    if !runs(&chromium) {
        return Some("there is no chromium");
    }
    if !runs("node") {
        return Some("there is no node");
    }
    (!axe.is_some_and(|path| path.is_file())).then_some("AXE_CORE does not name axe.min.js")
}

#[test]
fn a_thousand_clusters_are_one_page_that_works_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..CLUSTERS)
        .map(|number| write_dump(folder.path(), number))
        .collect();
    let page = report(&paths);
    assert!(page.len() <= LARGEST_PAGE, "{} bytes", page.len());
    assert_eq!(page, report(&paths), "another run is another page");
    let text = String::from_utf8(page).unwrap();
    for hostile in HOSTILE.iter().filter(|text| text.contains('<')) {
        assert!(!text.contains(hostile), "{hostile}");
    }
    let axe = std::env::var_os("AXE_CORE").map(PathBuf::from);
    if let Some(missing) = missing(axe.as_ref()) {
        let line = format!("\nSKIPPED: the page of a report in a browser: {missing}\n");
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
        return;
    }
    let file = folder.path().join("fleet.html");
    std::fs::write(&file, text).unwrap();
    // Pictures for the guide: OSIMAGE_PICTURES=docs/guides/pictures.
    let pictures = std::env::var_os("OSIMAGE_PICTURES");
    let pictures = pictures.map_or_else(|| folder.path().to_owned(), |to| Path::new(ROOT).join(to));
    std::fs::create_dir_all(&pictures).unwrap();
    let output = Command::new("node")
        .arg(Path::new(ROOT).join("testing/browser/page.mjs"))
        .arg(&file)
        .arg(CLUSTERS.to_string())
        .arg(pictures)
        .arg(axe.unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // What it measured, for people: shown with `--nocapture`.
    print!("{text}");
}
