//! Digests of everything that is released, and the signature of the list of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::command::run;
use crate::paths;

/// Digests in hexadecimal by file name.
pub(crate) type Sums = BTreeMap<String, String>;

/// The list of digests, for `sha256sum --check`.
pub(crate) const FILE: &str = "SHA256SUMS";
/// What a signature is for, so that a signature for something else is none for a release.
const NAMESPACE: &str = "osimage-release";

/// The digests of every file in a folder.
pub(crate) fn of_folder(folder: &Path) -> Result<Sums, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut sums = Sums::new();
    for file in fs::read_dir(folder).map_err(failed)? {
        let file = file.map_err(failed)?;
        let name = file.file_name().to_string_lossy().into_owned();
        sums.insert(name, sha256(&paths::read(&file.path())?));
    }
    Ok(sums)
}

/// Writes the list of digests.
pub(crate) fn write(folder: &Path, sums: &Sums) -> Result<(), String> {
    let lines: String = sums
        .iter()
        .map(|(name, digest)| format!("{digest}  {name}\n"))
        .collect();
    paths::write(&folder.join(FILE), lines.as_bytes())
}

/// Signs the list of digests.
pub(crate) fn sign(folder: &Path, key: &Path) -> Result<(), String> {
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .arg(folder.join(FILE)))
}

pub(crate) fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_signed_and_one_that_was_changed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        paths::write(&path("file"), b"content").unwrap();
        let sums = of_folder(folder.path()).unwrap();
        write(folder.path(), &sums).unwrap();
        let list = fs::read_to_string(path(FILE)).unwrap();
        assert_eq!(list, format!("{}  file\n", sha256(b"content")));

        let keygen = |arguments: &[&str]| {
            let mut command = Command::new("ssh-keygen");
            command.current_dir(folder.path()).args(arguments);
            command
        };
        run(&mut keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "key"])).unwrap();
        sign(folder.path(), &path("key")).unwrap();
        let key = fs::read_to_string(path("key.pub")).unwrap();
        let publisher = format!("osimage namespaces=\"{NAMESPACE}\" {key}");
        paths::write(&path("publishers"), publisher.as_bytes()).unwrap();
        let is_good = |list: &str| {
            let arguments = [
                "-Y",
                "verify",
                "-f",
                "publishers",
                "-I",
                "osimage",
                "-n",
                NAMESPACE,
            ];
            let mut command = keygen(&arguments);
            command.args(["-s", "SHA256SUMS.sig"]);
            command.stdin(fs::File::open(path(list)).unwrap());
            command.output().unwrap().status.success()
        };
        assert!(is_good(FILE));
        paths::write(&path("changed"), list.replace("file", "fine").as_bytes()).unwrap();
        assert!(!is_good("changed"));
    }
}
