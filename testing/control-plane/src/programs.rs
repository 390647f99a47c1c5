//! Where the programs are, and OpenShift's definitions.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The folder that names it has the programs, by the convention of envtest.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// That there are none is told once.
static TOLD: Once = Once::new();

/// What a control plane is made of.
pub(crate) struct Programs {
    pub(crate) etcd: PathBuf,
    pub(crate) api_server: PathBuf,
    /// `CustomResourceDefinitions`, one in each file.
    pub(crate) definitions: Vec<PathBuf>,
}

impl Programs {
    /// Looks for them; where something is missing, one line that no test harness captures says so.
    pub(crate) fn find() -> Option<Self> {
        match Self::look() {
            Ok(programs) => Some(programs),
            Err(missing) => {
                TOLD.call_once(|| {
                    // In one piece, and on a line of its own behind the name of a test.
                    let line = format!("\nSKIPPED: tests on a real kube-apiserver: {missing}\n");
                    std::io::stderr().write_all(line.as_bytes()).ok();
                });
                None
            }
        }
    }

    fn look() -> Result<Self, String> {
        let folder = std::env::var_os(ASSETS).map(PathBuf::from).ok_or_else(|| {
            format!("{ASSETS} is not set; export {ASSETS}=\"$(testing/programs/build)\"")
        })?;
        let program = |name: &str| {
            let path = folder.join(name);
            path.is_file()
                .then_some(path)
                .ok_or_else(|| format!("{ASSETS} has no {name}; testing/programs/build makes one"))
        };
        Ok(Self {
            etcd: program("etcd")?,
            api_server: program("kube-apiserver")?,
            definitions: definitions()?,
        })
    }
}

/// OpenShift's definitions lie beside the clone: they are not this project's to contain.
fn definitions() -> Result<Vec<PathBuf>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/crds");
    let entries = std::fs::read_dir(&folder)
        .map_err(|_| "OpenShift's definitions are not in ../shared/crds".to_owned())?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    Ok(files)
}
