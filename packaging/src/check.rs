//! Is what is made the same each time? Builds twice from two clones in two folders, and compares.

use std::path::Path;
use std::process::Command;

use crate::command::run;
use crate::release::{Options, make};
use crate::sums::{Sums, of_folder};
use crate::{paths, say};

/// Makes everything twice; the first is kept in `out`. An error names each file that differs.
pub(crate) fn build_twice(root: &Path, out: &Path, options: &Options) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    // Paths of other lengths, and target folders that are used again by the next check.
    let target = paths::target();
    let one = folder.path().join("one");
    let other = folder.path().join("another/clone/elsewhere");
    let again = folder.path().join("again");
    for clone in [&one, &other] {
        run(Command::new("git")
            .args(["clone", "--quiet", "--no-hardlinks"])
            .arg(root)
            .arg(clone))?;
    }
    make(&one, out, &target.join("check-one"), options)?;
    make(&other, &again, &target.join("check/second"), options)?;
    let differing = differing(&of_folder(out)?, &of_folder(&again)?);
    if differing.is_empty() {
        say("dist: two builds in two folders gave the same bytes");
        return Ok(());
    }
    Err(format!(
        "two builds in two folders differ in {}",
        differing.join(", ")
    ))
}

/// Names of files that are not the same, or only in one of two folders.
fn differing(one: &Sums, other: &Sums) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let is_different = |name: &&&String| one.get(**name) != other.get(**name);
    names
        .iter()
        .filter(is_different)
        .map(ToString::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_differ_or_are_missing_are_named() {
        let sums = |files: &[(&str, &str)]| -> Sums {
            files
                .iter()
                .map(|(name, sum)| ((*name).to_owned(), (*sum).to_owned()))
                .collect()
        };
        let one = sums(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let other = sums(&[("a", "1"), ("b", "4"), ("d", "3")]);
        assert_eq!(differing(&one, &one), Vec::<String>::new());
        assert_eq!(differing(&one, &other), ["b", "c", "d"]);
    }
}
