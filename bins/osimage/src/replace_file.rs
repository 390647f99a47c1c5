//! Writes a file so that nobody ever reads half of it.

use std::fs::{self, File, Permissions};
use std::io::{Error, ErrorKind, Result, Write as _};
use std::path::Path;

/// Puts a file with these contents where `path` leads, in one step: before it the old contents are
/// read, after it the new ones. An old file keeps its mode. What is there and is no regular file is
/// left alone, links included: they would lead the write elsewhere.
pub(crate) fn replace_file(path: &Path, contents: &[u8]) -> Result<()> {
    let old = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Some(metadata.permissions()),
        Ok(_) => {
            let problem = "it is there and is no regular file";
            return Err(Error::new(ErrorKind::AlreadyExists, problem));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = new_file_in(folder)?;
    file.write_all(contents)?;
    if let Some(permissions) = old {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The name is safe only once the folder is.
    File::open(folder)?.sync_all()
}

/// Creates a file that nobody else has opened, in the folder where it is to stay.
fn new_file_in(folder: &Path) -> Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".osimage-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As for every new file: the umask takes away what others may not do.
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        replace_file(&path, b"one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 1, "nothing is left beside it");
    }

    #[test]
    fn a_link_and_a_folder_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("precious");
        fs::write(&precious, b"old").unwrap();
        let link = folder.path().join("link");
        symlink(&precious, &link).unwrap();
        for path in [link.as_path(), folder.path()] {
            let error = replace_file(path, b"new").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{}", path.display());
        }
        assert_eq!(fs::read(&precious).unwrap(), b"old");
        assert!(replace_file(&folder.path().join("none/plan"), b"").is_err());
    }
}
