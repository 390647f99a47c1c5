//! The Containerfile, and the folder that it takes files from.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::cli::BuildArgs;
use crate::error::CommandError;

/// What a Containerfile is called in its folder, in the order in which builders look.
const NAMES: [&str; 2] = ["Containerfile", "Dockerfile"];

/// A Containerfile and its folder.
pub(super) struct Context {
    /// The Containerfile.
    pub(super) file: PathBuf,
    /// Its text.
    pub(super) text: String,
    /// The folder.
    pub(super) folder: PathBuf,
}

impl Context {
    pub(super) fn read(args: &BuildArgs) -> Result<Self, CommandError> {
        let folder = args.folder.clone();
        let metadata = fs::metadata(&folder).map_err(|error| unreadable(&folder, &error))?;
        if !metadata.is_dir() {
            return Err(CommandError::Usage(format!(
                "{} is no folder: name the one with the Containerfile, and the file itself with \
                 --containerfile",
                folder.display()
            )));
        }
        let file = match &args.containerfile {
            Some(file) => file.clone(),
            None => found_in(&folder)?,
        };
        let bytes = cluster_io::files::read_bytes(&file).map_err(CommandError::Unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            CommandError::Invalid(format!("{}: not UTF-8 at byte {offset}", file.display()))
        })?;
        Ok(Self { file, text, folder })
    }

    /// Whether a file that is written would be a part of the folder, and so of the next digest.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        match (parent.canonicalize(), self.folder.canonicalize()) {
            (Ok(parent), Ok(folder)) => parent.starts_with(folder),
            _ => false,
        }
    }

    /// A digest over every file of the folder: path, kind, mode and contents.
    pub(super) fn digest(&self) -> Result<String, CommandError> {
        let mut digest = Sha256::new();
        add_folder(&mut digest, &self.folder, Path::new(""))?;
        let bytes = digest.finalize();
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("sha256:{}", hex.concat()))
    }
}

fn found_in(folder: &Path) -> Result<PathBuf, CommandError> {
    let mut files = NAMES.iter().map(|name| folder.join(name));
    files.find(|file| file.is_file()).ok_or_else(|| {
        CommandError::Invalid(format!(
            "{} has neither a Containerfile nor a Dockerfile: name it with --containerfile",
            folder.display()
        ))
    })
}

fn add_folder(digest: &mut Sha256, root: &Path, below: &Path) -> Result<(), CommandError> {
    let folder = root.join(below);
    let failed = |error: &std::io::Error| unreadable(&folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| failed(&error))? {
        names.push(entry.map_err(|error| failed(&error))?.file_name());
    }
    names.sort();
    for name in names {
        let below = below.join(name);
        let path = root.join(&below);
        let metadata = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, &error))?;
        let mode = metadata.permissions().mode() & 0o7777;
        let kind = if metadata.is_dir() {
            "folder".to_owned()
        } else if metadata.is_file() {
            format!("file {}", metadata.len())
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).map_err(|error| unreadable(&path, &error))?;
            format!("link {}", target.display())
        } else {
            "other".to_owned()
        };
        let head = format!("{}\0{mode:o}\0{kind}", below.display());
        digest.update(u64::try_from(head.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(head);
        if metadata.is_dir() {
            add_folder(digest, root, &below)?;
        } else if metadata.is_file() {
            add_file(digest, &path).map_err(|error| unreadable(&path, &error))?;
        }
    }
    Ok(())
}

fn add_file(digest: &mut Sha256, path: &Path) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some(bytes) if !bytes.is_empty() => digest.update(bytes),
            _ => return Ok(()),
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::Invalid(format!("{}: cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_781_every_file_of_the_context_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let context = Context {
            file: PathBuf::new(),
            text: String::new(),
            folder: folder.path().to_owned(),
        };
        let mut seen = Vec::new();
        let mut look = || {
            let digest = context.digest().unwrap();
            assert_eq!(digest, context.digest().unwrap());
            assert!(!seen.contains(&digest), "it did not count");
            seen.push(digest);
        };
        look();
        fs::write(path("a"), "1").unwrap();
        look();
        fs::write(path("a"), "2").unwrap();
        look();
        fs::set_permissions(path("a"), fs::Permissions::from_mode(0o755)).unwrap();
        look();
        fs::create_dir(path("b")).unwrap();
        look();
        fs::rename(path("a"), path("b/a")).unwrap();
        look();
        std::os::unix::fs::symlink("nowhere", path("c")).unwrap();
        look();
        assert!(context.holds(&path("b/out.yaml")));
        assert!(!context.holds(&std::env::temp_dir().join("out.yaml")));
    }
}
