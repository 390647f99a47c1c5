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
        /// Cloud images.
        images: StreamImages<'a> = "images",
    }
}

view! {
    /// Cloud images by platform.
    pub struct StreamImages<'a> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"stream":"s","unknown":1,"architectures":{
        "x86_64":{"images":{"gcp":{"project":"p","name":"n","family":"f"}},"new":{}},
        "aarch64":{"images":{"gcp":{"project":"p"}}},
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
