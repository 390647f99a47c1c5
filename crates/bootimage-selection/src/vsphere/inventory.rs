//! Inventory paths of a vCenter, and what is found under which name (BI-316 … BI-319).

use std::fmt::Write;

use openshift_model::facts::{VsphereMachine, VsphereMachines};
use sha2::{Digest, Sha256};

/// BI-325: prefix of a template's name until it is whole.
pub const TEMPORARY: &str = "mco-tmp";
/// BI-319, BI-325: prefix of an old template's name until it is destroyed.
pub const RETIRED: &str = "mco-old";

/// BI-319, BI-325: a name for a template during its replacement: `<prefix>-` and the first 8 hex
/// digits of the SHA-256 of its own name.
pub fn replacement_name(prefix: &str, name: &str) -> String {
    /// Enough to tell a cluster's templates apart, and short beside vCenter's limit of 80.
    const BYTES: usize = 4;
    let mut replacement = format!("{prefix}-");
    for byte in Sha256::digest(name).iter().take(BYTES) {
        // Writing to a string cannot fail.
        let _ = write!(replacement, "{byte:02x}");
    }
    replacement
}

/// BI-313: a path without doubled and trailing slashes, `.` and `..`; the empty path is `.`.
pub fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", None) if is_absolute => {}
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let path = parts.join("/");
    match (is_absolute, path.is_empty()) {
        (true, _) => format!("/{path}"),
        (false, true) => ".".to_owned(),
        (false, false) => path,
    }
}

/// BI-317: where to look for a name: in the folder, unless there is none or the name is a path from
/// the root.
pub fn search_path(folder: &str, name: &str) -> String {
    if folder.is_empty() || name.starts_with('/') {
        return name.to_owned();
    }
    clean(&format!("{folder}/{name}"))
}

/// BI-317: whether a machine stands in a folder itself. Where nobody knows the folder, every machine
/// does (BI-316).
pub fn is_in_folder(path: &str, folder: Option<&str>) -> bool {
    let Some(folder) = folder else {
        return true;
    };
    clean(&format!("{path}/..")) == clean(folder)
}

/// The last part of a path.
pub(super) fn base_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// What is found under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'f> {
    /// A machine in the folder.
    Here(&'f VsphereMachine),
    /// Only machines elsewhere: they are somebody else's.
    Elsewhere,
    /// Several machines, and nobody knows the folder.
    Ambiguous,
    /// Nothing.
    Nothing,
}

/// BI-317, BI-318: what is found under a name, or under a path from the root. What stands in the
/// folder goes before what stands elsewhere (W-27; the reference looks for some names anywhere, and
/// fails where there are several).
pub(super) fn find<'f>(found: &'f VsphereMachines, name: &str) -> Found<'f> {
    let folder = found.folder_path.as_deref();
    let is_named = |machine: &&VsphereMachine| match folder {
        _ if !name.contains('/') => base_name(&machine.path) == name,
        None if !name.starts_with('/') => machine.path.ends_with(&format!("/{name}")),
        folder => clean(&machine.path) == clean(&search_path(folder.unwrap_or_default(), name)),
    };
    let is_here = |machine: &&VsphereMachine| is_in_folder(&machine.path, folder);
    let mut here = found.machines.iter().filter(is_named).filter(is_here);
    match (here.next(), here.next()) {
        (Some(machine), None) => Found::Here(machine),
        (Some(_), Some(_)) => Found::Ambiguous,
        (None, _) if found.machines.iter().any(|machine| is_named(&machine)) => Found::Elsewhere,
        (None, _) => Found::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bi_313_paths_are_cleaned() {
        for (path, expected) in [
            ("", "."),
            (".", "."),
            ("/", "/"),
            ("//", "/"),
            ("a//b/", "a/b"),
            (
                "/dc1/host/cluster1//Resources",
                "/dc1/host/cluster1/Resources",
            ),
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("../a", "../a"),
            ("a/../..", ".."),
            ("../../a", "../../a"),
            ("a/..", "."),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    #[test]
    fn t_09_bi_317_the_folder_is_searched_unless_the_name_is_a_path() {
        let folder = "/dc1/vm/openshift4-folder";
        let in_folder = "/dc1/vm/openshift4-folder/rhcos-template";
        let customers = "/dc1/vm/customer-folder/rhcos-template";
        for (folder, name, expected) in [
            (folder, "rhcos-template", in_folder),
            ("/dc1/vm/openshift4-folder/", "rhcos-template", in_folder),
            ("", "rhcos-template", "rhcos-template"),
            (folder, customers, customers),
            ("f", "../t", "t"),
            ("/a", "", "/a"),
        ] {
            assert_eq!(search_path(folder, name), expected, "{folder} {name}");
        }
    }

    #[test]
    fn t_09_bi_317_a_machine_in_a_folder_stands_in_it_itself() {
        let folder = Some("/dc1/vm/openshift4-folder");
        for (path, folder, expected) in [
            ("/dc1/vm/openshift4-folder/infra-rhcos-fd1", folder, true),
            ("/dc1/vm/customer-folder/infra-rhcos-fd1", folder, false),
            ("/dc1/vm/infra-rhcos-fd1", folder, false),
            (
                "/dc1/vm/openshift4-folder/nested/infra-rhcos-fd1",
                folder,
                false,
            ),
            ("/dc1/vm/customer-folder/infra-rhcos-fd1", None, true),
            ("/t", Some("/"), true),
        ] {
            assert_eq!(is_in_folder(path, folder), expected, "{path} {folder:?}");
        }
    }

    #[test]
    fn bi_319_bi_325_names_during_a_replacement() {
        assert_eq!(
            replacement_name(RETIRED, "ocl-x7k2p-rhcos-fd1"),
            "mco-old-eae3f079"
        );
        assert_eq!(replacement_name("", ""), "-e3b0c442");
    }

    /// Paths of machines, folder. Expected: the machine in the folder, or why there is none.
    fn check(paths: &[&str], folder: Option<&str>, name: &str, expected: Result<&str, Found<'_>>) {
        let machine = |path: &&str| VsphereMachine {
            path: (*path).to_owned(),
            ..VsphereMachine::default()
        };
        let machines = VsphereMachines {
            folder_path: folder.map(str::to_owned),
            machines: paths.iter().map(machine).collect(),
        };
        let found = match find(&machines, name) {
            Found::Here(machine) => Ok(machine.path.as_str()),
            other => Err(other),
        };
        assert_eq!(found, expected, "{paths:?} {folder:?} {name}");
    }

    #[test]
    fn bi_317_bi_318_what_stands_in_the_folder_goes_first() {
        let both = ["/dc1/vm/other/t", "/dc1/vm/f/t"];
        check(&both, Some("/dc1/vm/f"), "t", Ok("/dc1/vm/f/t"));
        check(&both, Some("/dc1/vm/g"), "t", Err(Found::Elsewhere));
        check(&both, Some("/dc1/vm/f"), "u", Err(Found::Nothing));
        check(&both, Some("/dc1/vm/f"), "/dc1/vm/f/t", Ok("/dc1/vm/f/t"));
        check(
            &both,
            Some("/dc1/vm/f"),
            "/dc1/vm/other/t",
            Err(Found::Elsewhere),
        );
        let nested = ["/dc1/vm/f/sub/t", "/dc1/vm/f/t"];
        check(&nested, Some("/dc1/vm/f"), "sub/t", Err(Found::Elsewhere));
        check(
            &nested[1..],
            Some("/dc1/vm/f"),
            "sub/t",
            Err(Found::Nothing),
        );
        check(&nested, None, "sub/t", Ok("/dc1/vm/f/sub/t"));
        check(&both, None, "t", Err(Found::Ambiguous));
        check(&both, None, "/dc1/vm/other/t", Ok("/dc1/vm/other/t"));
        check(&["/dc1/vm/other/t"], None, "t", Ok("/dc1/vm/other/t"));
        check(&[], None, "t", Err(Found::Nothing));
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(path in "[a./]{0,12}|\\PC{0,12}") {
            let once = clean(&path);
            prop_assert_eq!(clean(&once), once.clone());
            let _ = (base_name(&path), is_in_folder(&path, Some(&once)));
        }
    }
}
