//! Where the programs are, and the definitions of OpenShift's kinds.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

/// The variable that names the folder with the programs, as envtest has it.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The line about missing programs is printed once.
static TOLD: Once = Once::new();

/// What a control plane is made of.
pub(crate) struct Programs {
    pub(crate) etcd: PathBuf,
    pub(crate) api_server: PathBuf,
}

impl Programs {
    /// Finds the programs; where one is missing, prints one line past the test harness.
    pub(crate) fn find() -> Option<Self> {
        match Self::look() {
            Ok(programs) => Some(programs),
            Err(missing) => {
                TOLD.call_once(|| {
                    // One write, starting with a line break: the name of a test stands before it.
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
        })
    }
}

/// This repository's definitions of OpenShift's kinds.
pub(crate) fn own_definitions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions")
}

/// OpenShift's own definitions, where they lie beside the clone. They are another project's: that
/// they are absent is told in one line and fails nothing.
pub(crate) fn openshift_definitions() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/crds");
    if folder.is_dir() {
        return Some(folder);
    }
    let line =
        "\nnot here: ../shared/crds: another project's definitions; samples are tried on our own\n";
    std::io::stderr().write_all(line.as_bytes()).ok();
    None
}
