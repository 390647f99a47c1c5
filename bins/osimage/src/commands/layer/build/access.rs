//! How registries are spoken to: credentials and authorities, found where podman finds them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cluster_io::registry::{Credentials, Registry};
use osbuild_check::RegistrySecret;
use serde_json::{Map, Value};

use crate::cli::BuildArgs;
use crate::error::CommandError;

/// The variable that names a file with credentials, as podman and buildah have it.
const VARIABLE: &str = "REGISTRY_AUTH_FILE";

/// Credentials and authorities.
pub(super) struct Access {
    /// The file that the command line names.
    pub(super) authfile: Option<PathBuf>,
    /// A folder with the certificates of the command line, as builders take them.
    pub(super) certificates: Option<tempfile::TempDir>,
    credentials: Credentials,
    authorities: Vec<Vec<u8>>,
    /// Whether some credentials are kept by another program, which is not asked here.
    pub(super) has_helper: bool,
}

impl Access {
    /// `hosts` are the registries that are asked.
    pub(super) fn of(args: &BuildArgs, hosts: &[&str]) -> Result<Self, CommandError> {
        let mut merged = Auths::default();
        match args.authfile.clone().or_else(of_variable) {
            Some(file) => merged.add(&file)?,
            // Of several files the first one that has an entry counts.
            None => {
                for file in usual_files().iter().rev().filter(|file| file.is_file()) {
                    merged.add(file)?;
                }
            }
        }
        let mut authorities = Vec::new();
        for file in &args.registry_ca {
            authorities.push(read(file)?);
        }
        let certificates = certificates(&authorities)?;
        authorities.extend(hosts.iter().flat_map(|host| of_host(host)));
        Ok(Self {
            authfile: args.authfile.clone(),
            certificates,
            has_helper: merged.has_helper,
            credentials: merged.credentials()?,
            authorities,
        })
    }

    /// A client; each runtime needs one of its own.
    pub(super) fn registry(&self) -> Result<Registry, CommandError> {
        Registry::new(self.credentials.clone(), &self.authorities).map_err(CommandError::Invalid)
    }
}

/// What files with credentials hold.
#[derive(Default)]
struct Auths {
    entries: Map<String, Value>,
    has_helper: bool,
}

impl Auths {
    /// Adds a file; its entries count more than those that are there.
    fn add(&mut self, file: &Path) -> Result<(), CommandError> {
        let wrong = |problem: &str| {
            CommandError::Invalid(format!(
                "{}: {problem}; `podman login --authfile {} HOST` makes such a file",
                file.display(),
                file.display()
            ))
        };
        let document: Value =
            serde_json::from_slice(&read(file)?).map_err(|_| wrong("it is no JSON"))?;
        self.has_helper |= ["credHelpers", "credsStore"]
            .iter()
            .any(|member| document.get(member).is_some_and(|value| !value.is_null()));
        match document.get("auths") {
            Some(Value::Object(auths)) => self.entries.extend(auths.clone()),
            None | Some(Value::Null) if document.is_object() => {}
            _ => return Err(wrong("it has no object `auths`")),
        }
        Ok(())
    }

    fn credentials(self) -> Result<Credentials, CommandError> {
        if self.entries.is_empty() {
            return Ok(Credentials::default());
        }
        let json = serde_json::json!({"auths": self.entries}).to_string();
        let secret = RegistrySecret {
            name: "authfile".to_owned(),
            namespace: String::new(),
            kind: "kubernetes.io/dockerconfigjson".to_owned(),
            data: BTreeMap::from([(".dockerconfigjson".to_owned(), json.into_bytes())]),
        };
        Credentials::of_secret(&secret).map_err(|error| CommandError::Invalid(error.to_string()))
    }
}

fn of_variable() -> Option<PathBuf> {
    let value = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// Where `podman login` and `docker login` keep credentials, those that count most first.
fn usual_files() -> Vec<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let home = folder("HOME");
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let runtime = folder("XDG_RUNTIME_DIR").unwrap_or_else(|| PathBuf::from("/run"));
    let files = [
        Some(runtime.join("containers/auth.json")),
        // Of root, who has no runtime folder.
        Some(PathBuf::from("/run/containers/0/auth.json")),
        config.map(|config| config.join("containers/auth.json")),
        home.map(|home| home.join(".docker/config.json")),
    ];
    files.into_iter().flatten().collect()
}

/// A folder that builders read certificates from; none where the command line names none.
fn certificates(authorities: &[Vec<u8>]) -> Result<Option<tempfile::TempDir>, CommandError> {
    if authorities.is_empty() {
        return Ok(None);
    }
    let failed = |source| CommandError::Write {
        path: "a folder for certificates".to_owned(),
        source,
    };
    let folder = tempfile::Builder::new()
        .prefix("osimage-certificates-")
        .tempdir()
        .map_err(failed)?;
    for (number, pem) in authorities.iter().enumerate() {
        fs::write(folder.path().join(format!("{number}.crt")), pem).map_err(failed)?;
    }
    Ok(Some(folder))
}

/// Authorities that an administrator has given to builders for a registry.
fn of_host(host: &str) -> Vec<Vec<u8>> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let folders = [
        Some(PathBuf::from("/etc/containers/certs.d")),
        Some(PathBuf::from("/etc/docker/certs.d")),
        home.map(|home| home.join(".config/containers/certs.d")),
    ];
    let folders = folders.into_iter().flatten();
    let entries = folders.filter_map(|folder| fs::read_dir(folder.join(host)).ok());
    let paths = entries.flatten().flatten().map(|entry| entry.path());
    let authorities = paths.filter(|path| path.extension().is_some_and(|end| end == "crt"));
    authorities.filter_map(|path| fs::read(path).ok()).collect()
}

fn read(file: &Path) -> Result<Vec<u8>, CommandError> {
    cluster_io::files::read_bytes(file).map_err(CommandError::Unreadable)
}
