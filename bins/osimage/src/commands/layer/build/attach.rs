//! What is added to an image once it is in its registry: a signature, and the list of its packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cluster_io::registry::{Artifact, Image};
use osbuild_check::digested_pull_spec;
use osbuild_plan::{
    BuildCommand, Package, SPDX_MEDIA_TYPE, SignFiles, can_sign, sign_command, spdx,
};

use super::super::access::Access;
use super::error::BuildError;
use super::registries::failed;
use super::{Request, invalid};
use crate::cli::BuildArgs;
use crate::error::CommandError;

/// With what an image is signed.
pub(super) struct Signing {
    key: PathBuf,
    passphrase: PathBuf,
    /// A folder of its own, with the settings and, where the key has no passphrase, an empty file.
    scratch: tempfile::TempDir,
}

impl Signing {
    /// `None` where nobody asked for it. The program and the key are there, or the build is not begun.
    pub(super) fn of(args: &BuildArgs) -> Result<Option<Self>, CommandError> {
        let Some(key) = &args.sign_by_sigstore_private_key else {
            return Ok(None);
        };
        can_sign(&version()).map_err(|problem| BuildError::Tool(problem.to_string()))?;
        let scratch = tempfile::Builder::new()
            .prefix("osimage-sign-")
            .tempdir()
            .map_err(written("a folder for the signature"))?;
        let none = scratch.path().join("passphrase");
        fs::write(&none, "").map_err(written("a file for the passphrase"))?;
        let passphrase = args.sign_passphrase_file.clone().unwrap_or(none);
        for file in [key, &passphrase] {
            cluster_io::files::read_bytes(file).map_err(CommandError::Unreadable)?;
        }
        // A signature beside an image is written where this says so.
        let settings = "default-docker:\n  use-sigstore-attachments: true\n";
        let file = scratch.path().join("registries.d.yaml");
        fs::write(&file, settings).map_err(written("the settings of the signature"))?;
        Ok(Some(Self {
            key: key.clone(),
            passphrase,
            scratch,
        }))
    }

    /// The folder of its own.
    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Signs an image that is in its registry.
    pub(super) fn command(
        &self,
        push_spec: &str,
        image: &Image,
        access: &Access,
    ) -> Result<BuildCommand, CommandError> {
        let digested = digested_pull_spec(push_spec, &image.digest).map_err(invalid)?;
        let text = |path: &Path| path.display().to_string();
        let (key, passphrase) = (text(&self.key), text(&self.passphrase));
        let settings = text(self.scratch.path());
        let certificates = access.certificates.as_ref();
        let cert_dir = certificates.map(|folder| text(folder.path()));
        let authfile = access.authfile.as_deref().map(text);
        Ok(sign_command(
            &digested,
            push_spec,
            &SignFiles {
                key: &key,
                passphrase: &passphrase,
                settings: &settings,
                authfile: authfile.as_deref(),
                cert_dir: cert_dir.as_deref(),
                is_list: !image.parts.is_empty(),
            },
        ))
    }
}

fn written(what: &'static str) -> impl Fn(std::io::Error) -> CommandError {
    move |source| CommandError::Write {
        path: what.to_owned(),
        source,
    }
}

/// What skopeo says about its version; empty where it is not there.
fn version() -> String {
    let output = Command::new("skopeo")
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let said = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said).into_owned()
}

impl Request<'_, '_> {
    /// Attaches the list of packages to each image, by architecture.
    pub(super) async fn attach_packages(
        &self,
        access: &Access,
        image: &Image,
        packages: &[(String, Vec<Package>)],
    ) -> Result<(), CommandError> {
        let registry = access.registry()?;
        let now = jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        for (architecture, packages) in packages {
            let part = image
                .parts
                .iter()
                .find(|part| part.architecture == *architecture);
            let digest = part.map_or(image.digest.as_str(), |part| part.digest.as_str());
            let image = digested_pull_spec(self.push_spec, digest).map_err(invalid)?;
            let document = spdx(&image, packages, &now).to_string();
            let artifact = Artifact {
                media_type: SPDX_MEDIA_TYPE,
                title: "packages.spdx.json",
                contents: document.as_bytes(),
            };
            let attached = registry.attach(&image, &artifact).await;
            attached.map_err(|error| failed("the list of packages", error))?;
        }
        Ok(())
    }
}
