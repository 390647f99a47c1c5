//! The list of an image's packages, out of its rpm database, as SPDX 2.3.

use osbuild_check::Stage;
use serde_json::{Value, json};

use super::command::BuildCommand;
use super::tool::{BuildTool, Program};

/// The media type of an SPDX document as JSON.
pub const SPDX_MEDIA_TYPE: &str = "application/spdx+json";

/// A package of an rpm database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its epoch, `0` where it has none.
    pub epoch: String,
    /// Version and release, e.g. `5.2.26-4.el9`.
    pub version: String,
    /// Its architecture, or `noarch`.
    pub architecture: String,
    /// Who made it; empty where it does not say so.
    pub vendor: String,
    /// Its licence, as it says it.
    pub licence: String,
}

/// What rpm printed is no list of packages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackagesError {
    /// A line has another form.
    #[error("{0:?} is no line with a package")]
    Line(String),
    /// There is none.
    #[error("the rpm database of the image is empty: there are no packages to list")]
    Empty,
}

/// What `rpm` is to print about each package.
const FORMAT: &str =
    r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{VENDOR}\t%{LICENSE}\n";
/// What rpm prints where something is not set.
const NONE: &str = "(none)";

impl BuildTool {
    /// Makes a container of an image, in which programs run, and prints its name; `None` where the program
    /// runs them in an image.
    pub fn container(&self, image_id: &str) -> Option<BuildCommand> {
        let arguments = ["from", "--pull-never", image_id].map(str::to_owned);
        (self.program == Program::Buildah).then(|| BuildCommand {
            stage: Stage::Step,
            program: self.program.name(),
            arguments: arguments.to_vec(),
        })
    }

    /// Prints the packages of a container, or of an image where there is none; [`packages`] reads it.
    pub fn list_packages(&self, container: &str) -> BuildCommand {
        let list = ["-qa", "--queryformat", FORMAT];
        let arguments: Vec<&str> = match self.program {
            Program::Buildah => ["run", "--network=none", container, "--", "rpm"].to_vec(),
            Program::Podman => [
                "run",
                "--rm",
                "--network=none",
                "--entrypoint=rpm",
                container,
            ]
            .to_vec(),
        };
        BuildCommand {
            stage: Stage::Step,
            program: self.program.name(),
            arguments: arguments
                .iter()
                .chain(&list)
                .map(|word| (*word).to_owned())
                .collect(),
        }
    }
}

/// Reads what rpm printed; sorted by name.
pub fn packages(text: &str) -> Result<Vec<Package>, PackagesError> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let read = |line: &str| {
        let members: Vec<&str> = line.split('\t').collect();
        let [name, epoch, version, architecture, vendor, licence] = members.as_slice() else {
            return Err(PackagesError::Line(line.to_owned()));
        };
        let known = |text: &str| {
            Some(text)
                .filter(|text| *text != NONE)
                .unwrap_or_default()
                .to_owned()
        };
        Ok(Package {
            name: (*name).to_owned(),
            epoch: (*epoch).to_owned(),
            version: (*version).to_owned(),
            architecture: known(architecture),
            vendor: known(vendor),
            licence: known(licence),
        })
    };
    let mut found: Vec<Package> = lines.map(read).collect::<Result<_, _>>()?;
    // Keys that packages were signed with stand in the database as well.
    found.retain(|package| package.name != "gpg-pubkey");
    if found.is_empty() {
        return Err(PackagesError::Empty);
    }
    found.sort_by(|a, b| {
        (&a.name, &a.version, &a.architecture).cmp(&(&b.name, &b.version, &b.architecture))
    });
    Ok(found)
}

/// The SPDX document of an image, given by digest. `now` is RFC 3339 in seconds, in UTC.
pub fn spdx(image: &str, packages: &[Package], now: &str) -> Value {
    let digest = image.rsplit_once('@').map_or(image, |(_, digest)| digest);
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    let items = packages
        .iter()
        .zip(1..)
        .map(|(package, number)| package.item(number));
    let root = json!({
        "SPDXID": "SPDXRef-image",
        "name": image,
        "versionInfo": digest,
        "downloadLocation": format!("oci://{image}"),
        "filesAnalyzed": false,
        "checksums": [{"algorithm": "SHA256", "checksumValue": hex}],
        "licenseConcluded": NOT_SAID,
        "licenseDeclared": NOT_SAID,
        "copyrightText": NOT_SAID,
        "primaryPackagePurpose": "CONTAINER",
    });
    let contains = (1..=packages.len()).map(|number| {
        json!({"spdxElementId": "SPDXRef-image", "relationshipType": "CONTAINS",
            "relatedSpdxElement": id(number)})
    });
    let describes = json!({"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
        "relatedSpdxElement": "SPDXRef-image"});
    let items: Vec<Value> = std::iter::once(root).chain(items).collect();
    let relations: Vec<Value> = std::iter::once(describes).chain(contains).collect();
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": image,
        "documentNamespace": format!("https://osimage.dev/spdx/{hex}"),
        "creationInfo": {"created": now, "creators": ["Tool: osimage"]},
        "packages": items,
        "relationships": relations,
    })
}

/// What nobody has looked at.
const NOT_SAID: &str = "NOASSERTION";

fn id(number: usize) -> String {
    format!("SPDXRef-package-{number}")
}

impl Package {
    fn item(&self, number: usize) -> Value {
        let Self {
            name,
            epoch,
            version,
            architecture,
            vendor,
            licence,
        } = self;
        let is_zero = epoch == "0";
        let full = if is_zero {
            version.clone()
        } else {
            format!("{epoch}:{version}")
        };
        let epoch = if is_zero {
            String::new()
        } else {
            format!("&epoch={epoch}")
        };
        let supplier = if vendor.is_empty() {
            NOT_SAID.to_owned()
        } else {
            format!("Organization: {vendor}")
        };
        json!({
            "SPDXID": id(number),
            "name": name,
            "versionInfo": full,
            "supplier": supplier,
            "downloadLocation": NOT_SAID,
            "filesAnalyzed": false,
            "licenseConcluded": NOT_SAID,
            // What a package says is no SPDX expression, most of the time.
            "licenseDeclared": NOT_SAID,
            "licenseComments": format!("the package says: {licence}"),
            "copyrightText": NOT_SAID,
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": format!(
                    "pkg:rpm/{}@{}?arch={architecture}{epoch}", escaped(name), escaped(version)
                ),
            }],
        })
    }
}

/// A part of a package URL.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "bash\t0\t5.2.26-4.el9\tx86_64\tRed Hat, Inc.\tGPL-3.0-or-later\n\
        gpg-pubkey\t0\t5a6340b3-6229229e\t(none)\t(none)\tpubkey\n\
        libstdc++\t2\t11.5~rc1-1\tx86_64\t(none)\tGPLv3+ and LGPLv2+\n";

    #[test]
    fn il_055_packages_are_read_as_rpm_prints_them() {
        let found = packages(PRINTED).unwrap();
        let names: Vec<_> = found.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["bash", "libstdc++"]);
        assert_eq!(found[1].vendor, "");
        assert_eq!(packages("\n"), Err(PackagesError::Empty));
        let error = packages("rpm: no such file\n").unwrap_err();
        assert!(error.to_string().contains("no such file"), "{error}");
    }

    #[test]
    fn il_055_the_document_names_the_image_and_each_package() {
        let image = "quay.io/o/os@sha256:0a";
        let document = spdx(image, &packages(PRINTED).unwrap(), "2026-01-01T00:00:00Z");
        let text = |pointer: &str| document.pointer(pointer).unwrap().as_str().unwrap();
        assert_eq!(text("/packages/0/checksums/0/checksumValue"), "0a");
        assert_eq!(
            text("/packages/2/externalRefs/0/referenceLocator"),
            "pkg:rpm/libstdc%2B%2B@11.5~rc1-1?arch=x86_64&epoch=2"
        );
        assert_eq!(text("/packages/2/versionInfo"), "2:11.5~rc1-1");
        assert_eq!(text("/packages/1/supplier"), "Organization: Red Hat, Inc.");
        let ids: Vec<&str> = document["relationships"]
            .as_array()
            .unwrap()
            .iter()
            .map(|relation| relation["relatedSpdxElement"].as_str().unwrap())
            .collect();
        assert_eq!(
            ids,
            ["SPDXRef-image", "SPDXRef-package-1", "SPDXRef-package-2"]
        );
    }

    #[test]
    fn il_055_both_builders_ask_the_rpm_of_the_image() {
        let tool = |program| BuildTool {
            program,
            builder: "1.28".parse().unwrap(),
            driver: String::new(),
        };
        let buildah = tool(Program::Buildah);
        assert_eq!(
            buildah.container("i").unwrap().to_string(),
            "buildah from --pull-never i"
        );
        assert!(
            buildah
                .list_packages("c")
                .to_string()
                .starts_with("buildah run --network=none c -- rpm -qa --queryformat '%{NAME}\\t")
        );
        let podman = tool(Program::Podman);
        assert_eq!(podman.container("i"), None);
        let line = podman.list_packages("i").to_string();
        assert!(
            line.starts_with("podman run --rm --network=none --entrypoint=rpm i -qa "),
            "{line}"
        );
    }
}
