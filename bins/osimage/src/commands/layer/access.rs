//! How registries are spoken to: credentials and authorities, found where podman finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cluster_io::registry::{Credentials, Image, Registry};
use osbuild_check::{ImageError, Mirrors, RegistryFailure, RegistrySecret, Step};
use serde_json::{Map, Value};

use super::BuildError;
use crate::cli::RegistryArgs;
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
    mirrors: Mirrors,
    /// Whether some credentials are kept by another program, which is not asked here.
    pub(super) has_helper: bool,
}

impl Access {
    /// `images` are those that are asked for, with their hosts.
    pub(super) fn of(args: &RegistryArgs, images: &[&str]) -> Result<Self, CommandError> {
        let mirrors = mirrors()?;
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
        let images = images.iter().map(|image| (*image).to_owned());
        let sources = images.flat_map(|image| {
            let mirrored = mirrors.sources(&image);
            mirrored.into_iter().chain([image])
        });
        let hosts = sources.filter_map(|image| image.split('/').next().map(str::to_owned));
        let hosts: BTreeSet<String> = hosts.collect();
        authorities.extend(hosts.iter().flat_map(|host| of_host(host)));
        Ok(Self {
            authfile: args.authfile.clone(),
            certificates,
            has_helper: merged.has_helper,
            credentials: merged.credentials()?,
            authorities,
            mirrors,
        })
    }

    /// What is known of an image that a builder pulls: from its mirrors first, as builders do.
    pub(super) async fn inspect_base(&self, image: &str) -> Result<Image, CommandError> {
        let registry = self.registry()?;
        let mut failed = ImageError {
            image: image.to_owned(),
            step: Step::Fetch,
            failure: RegistryFailure::Other("registries.conf blocks it".to_owned()),
        };
        for source in self.mirrors.sources(image) {
            match registry.inspect(&source).await {
                Ok(found) => return Ok(found),
                Err(error) => failed = error,
            }
        }
        Err(BuildError::Registry {
            what: "base image",
            error: failed,
        }
        .into())
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
    let config = config_folder();
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

/// The variables that name a file with mirrors, as podman and buildah have them.
const MIRRORS_VARIABLES: [&str; 2] = ["CONTAINERS_REGISTRIES_CONF", "REGISTRIES_CONFIG_PATH"];

/// Where images are pulled from, as containers-registries.conf(5) says: a user's file takes the place of
/// that of the system and of what is beside it.
fn mirrors() -> Result<Mirrors, CommandError> {
    let system = PathBuf::from("/etc/containers");
    let user = config_folder().map(|folder| folder.join("containers"));
    let named = MIRRORS_VARIABLES.iter().find_map(std::env::var_os);
    let named = named.filter(|file| !file.is_empty()).map(PathBuf::from);
    let of_user = user.as_ref().map(|folder| folder.join("registries.conf"));
    let of_user = of_user.filter(|file| named.is_none() && file.is_file());
    let is_of_user = of_user.is_some();
    let file = named
        .or(of_user)
        .unwrap_or_else(|| system.join("registries.conf"));
    let mut files: Vec<PathBuf> = [file].into_iter().filter(|file| file.is_file()).collect();
    let folders = [Some(system).filter(|_| !is_of_user), user];
    for folder in folders.into_iter().flatten() {
        let entries = fs::read_dir(folder.join("registries.conf.d"));
        let paths = entries.into_iter().flatten().flatten();
        let paths = paths.map(|entry| entry.path());
        let mut found: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|end| end == "conf"))
            .collect();
        found.sort();
        files.append(&mut found);
    }
    let mut mirrors = Mirrors::default();
    for file in files {
        let text = String::from_utf8_lossy(&read(&file)?).into_owned();
        mirrors
            .add(&text)
            .map_err(|error| CommandError::Invalid(format!("{}: {error}", file.display())))?;
    }
    Ok(mirrors)
}

/// Where a user keeps settings.
fn config_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))
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
