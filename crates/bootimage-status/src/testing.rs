//! Objects for the tests.

use serde_json::json;

/// `ClusterVersion.status` with this history, newest first: `C 4.19.0` is a release that was
/// applied completely, `P 4.19.0` one that was not.
pub(crate) fn cluster_version(history: &[&str]) -> String {
    let entry = |text: &&str| {
        let (state, version) = text.split_once(' ').unwrap();
        let state = if state == "C" { "Completed" } else { "Partial" };
        json!({"state": state, "version": version})
    };
    json!({"history": history.iter().map(entry).collect::<Vec<_>>()}).to_string()
}
