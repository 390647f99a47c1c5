//! What a shell is told when somebody presses Tab.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it should be"
)]

use std::process::Command;

const DUMP: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/gcp-must-gather"
);

/// What completes the last of the words, as bash's script asks for it.
fn completed(words: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_osimage"))
        .env("OSIMAGE_COMPLETE", "bash")
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .arg("--")
        .args(words)
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn names_are_those_of_the_files_that_the_command_line_names() {
    let check =
        |words: &[&str], expected: &[&str]| assert_eq!(completed(words), expected, "{words:?}");
    let dump = &format!("--filename={DUMP}");
    check(
        &["osimage", "plan", "-f", DUMP, "shop-4k7mn-worker"],
        &[
            "shop-4k7mn-worker-b",
            "shop-4k7mn-worker-c",
            "shop-4k7mn-worker-d",
        ],
    );
    check(
        &["osimage", "plan", dump, "shop-4k7mn-worker-b", "cp"],
        &["cpms/cluster"],
    );
    check(
        &["osimage", "explain", dump, "shop-4k7mn-g"],
        &["shop-4k7mn-golden-b"],
    );
    check(&["osimage", "plan", "-f", "/no/such/dump", "w"], &[]);
    check(&["osimage", "inv"], &["inventory"]);
    check(&["osimage", "plan", "-o", "cs"], &["csv"]);
}

#[test]
fn every_shell_has_a_script_that_asks_the_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = Command::new(env!("CARGO_BIN_EXE_osimage"))
            .args(["completion", shell])
            .output()
            .unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("OSIMAGE_COMPLETE"), "{shell}: {script}");
    }
}
