//! CoreOS stream metadata: which image a platform should boot (BI-220 … BI-229).

use std::collections::BTreeMap;

use crate::{Architecture, Text};

/// Why a stream document has no answer. The texts are the reference's (BI-222).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The text is no stream document.
    #[error("failed to parse CoreOS stream metadata: {0}")]
    Parse(String),
    /// The stream has nothing for this architecture.
    #[error("stream:{stream} does not have architecture '{architecture}'")]
    NoArchitecture {
        /// Name of the stream.
        stream: String,
        /// RPM name of the architecture.
        architecture: String,
    },
    /// The stream has the architecture, but no image, or half of one, for GCP (BI-254).
    #[error("{stream}/{architecture}: No GCP images")]
    NoGcpImages {
        /// Name of the stream.
        stream: String,
        /// RPM name of the architecture.
        architecture: String,
    },
    /// The stream has the architecture, but no image for AWS.
    #[error("{stream}/{architecture}: No AWS images")]
    NoAwsImages {
        /// Name of the stream.
        stream: String,
        /// RPM name of the architecture.
        architecture: String,
    },
    /// The stream has images for AWS, but none in this region.
    #[error("{stream}/{architecture}: No AWS images in region {region}")]
    NoAwsRegion {
        /// Name of the stream.
        stream: String,
        /// RPM name of the architecture.
        architecture: String,
        /// The region.
        region: String,
    },
    /// The stream has no artifact for this platform, or does not say of which release it is.
    #[error("{stream}/{architecture}: artifact '{artifact}' not found")]
    NoArtifact {
        /// Name of the stream.
        stream: String,
        /// RPM name of the architecture.
        architecture: String,
        /// The platform, as streams name it.
        artifact: &'static str,
    },
    /// The stream has the artifact, but not in this format.
    #[error("{stream}/{architecture}: artifact '{artifact}' format '{format}' disk not found")]
    NoDisk {
        /// Name of the stream.
        stream: String,
        /// RPM name of the architecture.
        architecture: String,
        /// The platform, as streams name it.
        artifact: &'static str,
        /// The format.
        format: &'static str,
    },
}

view! {
    /// BI-220: a stream document. Every level is optional, unknown keys are passed over (BI-221).
    pub struct Stream<'a> {
        /// The name, e.g. `rhcos-4.21`; prefix of error texts.
        stream: Text<'a> = "stream",
        /// By RPM name of the architecture.
        architectures: BTreeMap<Text<'a>, Option<StreamArchitecture<'a>>> = "architectures",
    }
}

view! {
    /// What a stream has for one architecture.
    pub struct StreamArchitecture<'a> {
        /// Disk images to download.
        artifacts: StreamArtifacts<'a> = "artifacts",
        /// Cloud images.
        images: StreamImages<'a> = "images",
        /// What RHEL CoreOS has beyond other CoreOS streams.
        extensions: StreamExtensions<'a> = "rhel-coreos-extensions",
    }
}

view! {
    /// Disk images by platform.
    pub struct StreamArtifacts<'a> {
        /// BI-224: of AWS; only its release is looked at.
        aws: StreamArtifact<'a> = "aws",
        /// Of machines without a cloud; only its release is looked at.
        metal: StreamArtifact<'a> = "metal",
        /// BI-226: of vSphere.
        vmware: StreamArtifact<'a> = "vmware",
    }
}

view! {
    /// The disk images of one platform.
    pub struct StreamArtifact<'a> {
        /// The CoreOS release, e.g. `9.8.20260403-0`.
        release: Text<'a> = "release",
        /// By format.
        formats: StreamFormats<'a> = "formats",
    }
}

view! {
    /// Disk images by format.
    pub struct StreamFormats<'a> {
        /// What a vCenter imports.
        ova: StreamFormat<'a> = "ova",
    }
}

view! {
    /// A disk image in one format.
    pub struct StreamFormat<'a> {
        /// The file.
        disk: StreamDisk<'a> = "disk",
    }
}

view! {
    /// A file to download.
    pub struct StreamDisk<'a> {
        /// URL.
        location: Text<'a> = "location",
        /// SHA-256 in hex digits.
        sha256: Text<'a> = "sha256",
    }
}

view! {
    /// Cloud images by platform.
    pub struct StreamImages<'a> {
        /// Amazon Web Services.
        aws: AwsStreamImages<'a> = "aws",
        /// Google Cloud.
        gcp: GcpStreamImage<'a> = "gcp",
    }
}

view! {
    /// BI-223: the image on Google Cloud. `family` exists and is never used.
    pub struct GcpStreamImage<'a> {
        /// The project that publishes it.
        project: Text<'a> = "project",
        /// Its name.
        name: Text<'a> = "name",
        /// The CoreOS release, e.g. `9.8.20260403-0`.
        release: Text<'a> = "release",
    }
}

view! {
    /// BI-224: the images on Amazon Web Services.
    pub struct AwsStreamImages<'a> {
        /// By region.
        regions: BTreeMap<Text<'a>, Option<AwsStreamImage<'a>>> = "regions",
    }
}

view! {
    /// The image in one region.
    pub struct AwsStreamImage<'a> {
        /// `ami-…`
        image: Text<'a> = "image",
        /// The CoreOS release, e.g. `9.8.20260403-0`.
        release: Text<'a> = "release",
    }
}

view! {
    /// What RHEL CoreOS has beyond other CoreOS streams.
    pub struct StreamExtensions<'a> {
        /// Images in marketplaces. Streams of OKD have none (BI-225).
        marketplace: StreamMarketplace<'a> = "marketplace",
    }
}

view! {
    /// Images in marketplaces, by platform.
    pub struct StreamMarketplace<'a> {
        /// BI-225: Azure's, by variant: `no-purchase-plan`, `ocp`, `ocp-emea`, … (BI-221).
        azure: BTreeMap<Text<'a>, Option<AzureStreamImages<'a>>> = "azure",
    }
}

view! {
    /// The images of one variant.
    pub struct AzureStreamImages<'a> {
        /// For machines of generation 1.
        gen1: AzureStreamImage<'a> = "hyperVGen1",
        /// For machines of generation 2.
        gen2: AzureStreamImage<'a> = "hyperVGen2",
    }
}

view! {
    /// An image in Azure's marketplace.
    pub struct AzureStreamImage<'a> {
        /// Who publishes it.
        publisher: Text<'a> = "publisher",
        /// What it belongs to.
        offer: Text<'a> = "offer",
        /// Which of the offer's images it is.
        sku: Text<'a> = "sku",
        /// Its version, e.g. `9.6.20251015`.
        version: Text<'a> = "version",
    }
}

/// What a stream has in Azure's marketplace for one architecture.
#[derive(Debug, Clone, Copy)]
pub enum AzureMarketplace<'s, 'a> {
    /// It has nothing in any marketplace.
    NoMarketplace,
    /// It has nothing in Azure's.
    NotAzure,
    /// Its images, by variant (BI-221).
    Variants(&'s BTreeMap<Text<'a>, Option<AzureStreamImages<'a>>>),
}

impl<'a> Stream<'a> {
    /// Reads a stream document from its JSON text.
    pub fn parse(text: &'a str) -> Result<Self, StreamError> {
        let problem = |error: &serde_json::Error| {
            if error.is_eof() {
                return StreamError::Parse("unexpected end of JSON input".to_owned());
            }
            StreamError::Parse(error.to_string())
        };
        serde_json::from_str::<Option<Self>>(text)
            .map_err(|error| problem(&error))?
            .ok_or_else(|| StreamError::Parse("the document is null".to_owned()))
    }

    /// BI-229: a document with several streams (`streams` in the ConfigMap), by name.
    pub fn parse_many(text: &'a str) -> Result<BTreeMap<Text<'a>, Option<Self>>, StreamError> {
        serde_json::from_str(text).map_err(|error| StreamError::Parse(error.to_string()))
    }

    /// The name, empty where the document has none.
    pub fn name(&self) -> &str {
        self.stream.as_deref().unwrap_or_default()
    }

    /// BI-222: what the stream has for an architecture.
    pub fn architecture(
        &self,
        architecture: &Architecture,
    ) -> Result<&StreamArchitecture<'a>, StreamError> {
        self.architectures
            .as_ref()
            .and_then(|all| all.get(architecture.rpm_name()))
            .and_then(Option::as_ref)
            .ok_or_else(|| StreamError::NoArchitecture {
                stream: self.name().to_owned(),
                architecture: architecture.rpm_name().to_owned(),
            })
    }

    /// BI-223, BI-250, BI-254: project and name of the image on Google Cloud.
    pub fn gcp_image(&self, architecture: &Architecture) -> Result<(&str, &str), StreamError> {
        let image = self
            .architecture(architecture)?
            .images
            .as_ref()
            .and_then(|images| images.gcp.as_ref());
        image
            .and_then(|image| Some((image.project.as_deref()?, image.name.as_deref()?)))
            .filter(|(project, name)| !project.is_empty() && !name.is_empty())
            .ok_or_else(|| StreamError::NoGcpImages {
                stream: self.name().to_owned(),
                architecture: architecture.rpm_name().to_owned(),
            })
    }

    /// BI-224, BI-265: the image in a region of AWS.
    pub fn aws_image(
        &self,
        architecture: &Architecture,
        region: &str,
    ) -> Result<&str, StreamError> {
        let images = self.architecture(architecture)?.images.as_ref();
        let regions = images
            .and_then(|images| images.aws.as_ref())
            .ok_or_else(|| StreamError::NoAwsImages {
                stream: self.name().to_owned(),
                architecture: architecture.rpm_name().to_owned(),
            })?
            .regions
            .as_ref();
        regions
            .and_then(|regions| regions.get(region)?.as_ref()?.image.as_deref())
            .filter(|image| !image.is_empty())
            .ok_or_else(|| StreamError::NoAwsRegion {
                stream: self.name().to_owned(),
                architecture: architecture.rpm_name().to_owned(),
                region: region.to_owned(),
            })
    }

    /// BI-276: every image on AWS that the stream names, of any architecture, in any region.
    pub fn aws_images(&self) -> impl Iterator<Item = &str> {
        let architectures = self
            .architectures
            .iter()
            .flat_map(BTreeMap::values)
            .flatten();
        architectures
            .filter_map(|architecture| architecture.images.as_ref()?.aws.as_ref()?.regions.as_ref())
            .flat_map(BTreeMap::values)
            .flatten()
            .filter_map(|image| image.image.as_deref())
    }

    /// BI-225, BI-293: the images in Azure's marketplace, by variant.
    pub fn azure_marketplace(
        &self,
        architecture: &Architecture,
    ) -> Result<AzureMarketplace<'_, 'a>, StreamError> {
        let extensions = self.architecture(architecture)?.extensions.as_ref();
        let marketplace = extensions.and_then(|extensions| extensions.marketplace.as_ref());
        Ok(
            match marketplace.map(|marketplace| marketplace.azure.as_ref()) {
                None => AzureMarketplace::NoMarketplace,
                Some(None) => AzureMarketplace::NotAzure,
                Some(Some(variants)) => AzureMarketplace::Variants(variants),
            },
        )
    }

    /// BI-226, BI-310: the release of the template for vSphere.
    pub fn vsphere_release(&self, architecture: &Architecture) -> Result<&str, StreamError> {
        self.vsphere_artifact(architecture)?
            .and_then(|artifact| artifact.release.as_deref())
            .filter(|release| !release.is_empty())
            .ok_or_else(|| StreamError::NoArtifact {
                stream: self.name().to_owned(),
                architecture: architecture.rpm_name().to_owned(),
                artifact: "vmware",
            })
    }

    /// BI-226: URL and SHA-256 of the file that a vCenter imports.
    pub fn vsphere_ova(&self, architecture: &Architecture) -> Result<(&str, &str), StreamError> {
        self.vsphere_artifact(architecture)?
            .and_then(|artifact| artifact.formats.as_ref()?.ova.as_ref()?.disk.as_ref())
            .and_then(|disk| {
                let sha256 = disk.sha256.as_deref().unwrap_or_default();
                Some((disk.location.as_deref()?, sha256))
            })
            .ok_or_else(|| StreamError::NoDisk {
                stream: self.name().to_owned(),
                architecture: architecture.rpm_name().to_owned(),
                artifact: "vmware",
                format: "ova",
            })
    }

    fn vsphere_artifact(
        &self,
        architecture: &Architecture,
    ) -> Result<Option<&StreamArtifact<'a>>, StreamError> {
        let artifacts = self.architecture(architecture)?.artifacts.as_ref();
        Ok(artifacts.and_then(|artifacts| artifacts.vmware.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"stream":"s","unknown":1,"architectures":{
        "x86_64":{"images":{"gcp":{"project":"p","name":"n","family":"f"},
                "aws":{"regions":{"us-east-1":{"image":"ami-1"},"b":{"image":""},"c":null}}},
            "artifacts":{"vmware":{"release":"9.8.1-0","formats":{"ova":{"disk":{"location":"l",
                "sha256":"s"}}}},"aws":{"release":""}},"new":{}},
        "aarch64":{"images":{"gcp":{"project":"p"},"aws":{"regions":{"d":{"image":"ami-2"}}}},
            "artifacts":{"vmware":{"release":"9.8.1-0"}}},
        "s390x":{"images":{}},
        "ppc64le":null}}"#;

    fn check(architecture: &str, expected: Result<(&str, &str), &str>) {
        let stream = Stream::parse(DOCUMENT).unwrap();
        let architecture = Architecture::from_rpm_name(architecture);
        let found = stream
            .gcp_image(&architecture)
            .map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{architecture}");
    }

    #[test]
    fn bi_222_a_lookup_says_what_is_missing() {
        check("x86_64", Ok(("p", "n")));
        check("aarch64", Err("s/aarch64: No GCP images"));
        check("s390x", Err("s/s390x: No GCP images"));
        check(
            "ppc64le",
            Err("stream:s does not have architecture 'ppc64le'"),
        );
        check(
            "riscv64",
            Err("stream:s does not have architecture 'riscv64'"),
        );
    }

    fn check_aws(architecture: &str, region: &str, expected: Result<&str, &str>) {
        let stream = Stream::parse(DOCUMENT).unwrap();
        let architecture = Architecture::from_rpm_name(architecture);
        let found = stream
            .aws_image(&architecture, region)
            .map_err(|error| error.to_string());
        assert_eq!(
            found,
            expected.map_err(str::to_owned),
            "{architecture} {region}"
        );
    }

    #[test]
    fn bi_222_bi_224_aws_images_by_region() {
        check_aws("x86_64", "us-east-1", Ok("ami-1"));
        for region in ["us-east-2", "US-EAST-1", "", "b", "c"] {
            let error = format!("s/x86_64: No AWS images in region {region}");
            check_aws("x86_64", region, Err(&error));
        }
        check_aws("s390x", "us-east-1", Err("s/s390x: No AWS images"));
        let error = "stream:s does not have architecture 'ppc64le'";
        check_aws("ppc64le", "us-east-1", Err(error));
    }

    #[test]
    fn bi_276_every_image_on_aws_is_listed() {
        let stream = Stream::parse(DOCUMENT).unwrap();
        let mut images: Vec<_> = stream.aws_images().collect();
        images.sort_unstable();
        assert_eq!(images, ["", "ami-1", "ami-2"]);
    }

    #[test]
    fn bi_222_bi_226_the_template_for_vsphere() {
        let stream = Stream::parse(DOCUMENT).unwrap();
        let found = stream.vsphere_release(&Architecture::X86_64);
        assert_eq!(found, Ok("9.8.1-0"));
        let found = stream.vsphere_ova(&Architecture::X86_64);
        assert_eq!(found, Ok(("l", "s")));
        let error = stream.vsphere_ova(&Architecture::Aarch64).unwrap_err();
        let text = "s/aarch64: artifact 'vmware' format 'ova' disk not found";
        assert_eq!(error.to_string(), text);
        let error = stream.vsphere_release(&Architecture::S390x).unwrap_err();
        assert_eq!(error.to_string(), "s/s390x: artifact 'vmware' not found");
    }

    #[test]
    fn bi_222_what_is_no_document_is_an_error() {
        let error = |text: &str| Stream::parse(text).unwrap_err().to_string();
        let prefix = "failed to parse CoreOS stream metadata: ";
        assert_eq!(error(""), format!("{prefix}unexpected end of JSON input"));
        assert_eq!(error("{"), format!("{prefix}unexpected end of JSON input"));
        assert_eq!(error("null"), format!("{prefix}the document is null"));
        assert!(error("stream: x").starts_with(prefix));
        assert!(error(r#"{"architectures":[]}"#).starts_with(prefix));
    }

    #[test]
    fn bi_229_several_streams_are_read_by_name() {
        let streams = Stream::parse_many(r#"{"rhel-9":{"stream":"a"},"":{"stream":"b"}}"#).unwrap();
        assert_eq!(streams[""].as_ref().unwrap().name(), "b");
        assert_eq!(streams.len(), 2);
    }
}
