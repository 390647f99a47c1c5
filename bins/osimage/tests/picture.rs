//! The picture of a plan in the README is what the command prints. `OSIMAGE_OVERWRITE=1` draws it anew.

use std::fs;
use std::process::Command;

const PICTURE: &str = "../../docs/guides/pictures/plan.term.svg";

#[test]
fn the_picture_of_a_plan_is_what_is_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_osimage"))
        .args([
            "plan",
            "--color",
            "always",
            "-f",
            "../../fixtures/gcp-must-gather",
        ])
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // The table, its sums, and the first reasons: what fits into a page.
    let lines: Vec<&str> = text.lines().take(33).collect();
    let shown = format!("$ osimage plan -f must-gather\n{}\n…\n", lines.join("\n"));
    let drawn = anstyle_svg::Term::new().render_svg(&shown);
    if std::env::var_os("OSIMAGE_OVERWRITE").is_some() {
        fs::write(PICTURE, &drawn).unwrap();
    }
    assert!(
        fs::read_to_string(PICTURE).unwrap() == drawn,
        "OSIMAGE_OVERWRITE=1 draws {PICTURE} anew"
    );
}
