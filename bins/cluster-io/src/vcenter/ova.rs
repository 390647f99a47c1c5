//! What an OVA holds: a tar archive with a description in OVF and the disks (BI-328).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use roxmltree::{Document, Node};

/// A description takes some tens of kilobytes.
const MAX_OVF: u64 = 4 << 20;

/// Why an OVA cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OvaError {
    /// It is no archive, or cannot be read.
    #[error("failed to read the ovf descriptor: {0}")]
    Archive(String),
    /// There is no description in it.
    #[error("failed to read the ovf descriptor: there is no *.ovf in it")]
    NoDescription,
    /// The description is no OVF.
    #[error("failed to parse ovf: {0}")]
    Description(String),
    /// BI-328: a template has one network.
    #[error("expected the OVA to only have a single network adapter, it has {0}")]
    Networks(usize),
    /// A disk that the description names is not there.
    #[error("the OVA has no file {0:?}, which its description names")]
    NoFile(String),
}

impl From<io::Error> for OvaError {
    fn from(error: io::Error) -> Self {
        Self::Archive(error.to_string())
    }
}

/// A file in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    name: String,
    /// Offset of its first byte in the archive.
    pub(super) position: u64,
    pub(super) length: u64,
}

/// An OVA that has been looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ova {
    /// The description, as it is.
    pub(super) description: String,
    /// Name of its network.
    pub(super) network: String,
    /// BI-330: it asks for secure boot, which machines of a cluster do not have.
    pub(super) secure_boot: bool,
    parts: Vec<Part>,
}

impl Ova {
    pub(super) fn open(path: &Path) -> Result<Self, OvaError> {
        let mut archive = tar::Archive::new(File::open(path)?);
        let mut parts = Vec::new();
        let mut description = None;
        for entry in archive.entries_with_seek()? {
            let mut entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let is_description = Path::new(&name)
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("ovf"));
            if is_description && description.is_none() {
                let mut text = String::new();
                entry.by_ref().take(MAX_OVF).read_to_string(&mut text)?;
                description = Some(text);
            }
            parts.push(Part {
                position: entry.raw_file_position(),
                length: entry.size(),
                name,
            });
        }
        let description = description.ok_or(OvaError::NoDescription)?;
        let (network, secure_boot) = read(&description)?;
        Ok(Self {
            description,
            network,
            secure_boot,
            parts,
        })
    }

    /// A file of the archive.
    pub(super) fn part(&self, name: &str) -> Result<&Part, OvaError> {
        let part = self
            .parts
            .iter()
            .find(|part| part.name.trim_start_matches("./") == name);
        part.ok_or_else(|| OvaError::NoFile(name.to_owned()))
    }
}

/// Name of the only network, and whether secure boot is asked for.
fn read(description: &str) -> Result<(String, bool), OvaError> {
    let document =
        Document::parse(description).map_err(|error| OvaError::Description(error.to_string()))?;
    let elements = || document.descendants().filter(Node::is_element);
    let named = |name: &'static str| elements().filter(move |node| node.tag_name().name() == name);
    let networks: Vec<_> = named("NetworkSection")
        .flat_map(|section| section.children())
        .filter(|node| node.tag_name().name() == "Network")
        .filter_map(|network| attribute(network, "name"))
        .collect();
    let [network] = networks.as_slice() else {
        return Err(OvaError::Networks(networks.len()));
    };
    let secure_boot = named("Config").any(|config| {
        attribute(config, "key") == Some("bootOptions.efiSecureBootEnabled")
            && attribute(config, "value") == Some("true")
    });
    Ok(((*network).to_owned(), secure_boot))
}

/// An attribute, in whatever namespace: makers of OVFs use several.
fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes()
        .find(|attribute| attribute.name() == name)
        .map(|attribute| attribute.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn ovf(networks: &str, config: &str) -> String {
        format!(
            "<Envelope xmlns='http://schemas.dmtf.org/ovf/envelope/1' \
             xmlns:ovf='http://schemas.dmtf.org/ovf/envelope/1' xmlns:vmw='http://www.vmware.com/schema/ovf'>\
             <NetworkSection>{networks}</NetworkSection><VirtualSystem>{config}</VirtualSystem></Envelope>"
        )
    }

    fn check(text: &str, expected: Result<(&str, bool), &str>) {
        let found = read(text).map_err(|error| error.to_string());
        let found = found
            .as_ref()
            .map(|(network, secure)| (network.as_str(), *secure));
        assert_eq!(found.map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn bi_328_bi_330_the_description_is_read() {
        let one = "<Network ovf:name='VM Network'/>";
        let secure = |value: &str| {
            format!("<vmw:Config vmw:key='bootOptions.efiSecureBootEnabled' vmw:value='{value}'/>")
        };
        check(&ovf(one, ""), Ok(("VM Network", false)));
        check(&ovf(one, &secure("true")), Ok(("VM Network", true)));
        check(&ovf(one, &secure("false")), Ok(("VM Network", false)));
        let expected = "expected the OVA to only have a single network adapter, it has ";
        check(&ovf("", ""), Err(&format!("{expected}0")));
        check(&ovf(&one.repeat(2), ""), Err(&format!("{expected}2")));
        assert!(matches!(read("<a"), Err(OvaError::Description(_))));
    }

    #[test]
    fn bi_328_files_are_found_in_the_archive() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut archive = tar::Builder::new(file.reopen().unwrap());
        let mut add = |name: &str, content: &str| {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive
                .append_data(&mut header, name, content.as_bytes())
                .unwrap();
        };
        add("a.ovf", &ovf("<Network ovf:name='n'/>", ""));
        add("disk.vmdk", "disk");
        archive.finish().unwrap();
        let ova = Ova::open(file.path()).unwrap();
        assert_eq!(ova.network, "n");
        let disk = ova.part("disk.vmdk").unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(
            &bytes[usize::try_from(disk.position).unwrap()..][..4],
            b"disk"
        );
        assert_eq!(disk.length, 4);
        assert!(matches!(ova.part("b"), Err(OvaError::NoFile(_))));
        let mut broken = tempfile::NamedTempFile::new().unwrap();
        broken.write_all(&[b'x'; 2000]).unwrap();
        assert!(matches!(
            Ova::open(broken.path()),
            Err(OvaError::Archive(_))
        ));
    }
}
