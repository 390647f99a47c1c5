//! The stream documents of a snapshot, as text and parsed.

use bootimage_selection::aws::KnownAmis;
use openshift_model::{BootImagesConfigMap, ReadError, Stream, StreamError};

use crate::Obstacle;

/// Where the default stream document of a snapshot stands.
#[derive(Debug, Clone)]
pub(crate) enum StreamText<'a> {
    /// In the ConfigMap.
    Of(BootImagesConfigMap<'a>),
    /// In a document that was given beside the objects.
    Given(&'a str),
    /// In a ConfigMap that cannot be read.
    Unreadable(ReadError),
}

/// Every stream document of a snapshot, parsed once for all targets.
pub(crate) struct Streams<'t> {
    /// The default one (BI-032, BI-033).
    default: Result<Stream<'t>, Obstacle>,
    /// Those that only tell which images are known: the ConfigMap's `streams`, and what was given
    /// beside the objects.
    others: Vec<Stream<'t>>,
}

impl<'t> Streams<'t> {
    /// Parses them. A further document that is none adds a warning, and nothing else.
    pub(crate) fn parse(
        text: Option<&'t StreamText<'_>>,
        given: &[&'t str],
        warnings: &mut Vec<String>,
    ) -> Self {
        let mut others = Vec::new();
        for (number, text) in (1..).zip(given) {
            match Stream::parse(text) {
                Ok(stream) => others.push(stream),
                Err(error) => warnings.push(format!("stream document {number}: {error}")),
            }
        }
        if let Some(StreamText::Of(config_map)) = text
            && let Some(streams) = config_map.streams()
        {
            match Stream::parse_many(streams) {
                Ok(streams) => others.extend(streams.into_values().flatten()),
                Err(error) => {
                    warnings.push(format!(
                        "key streams of ConfigMap coreos-bootimages: {error}"
                    ));
                }
            }
        }
        Self {
            default: default_stream(text),
            others,
        }
    }

    /// The default document, or why there is none.
    pub(crate) fn default_stream(&self) -> Result<&Stream<'t>, &Obstacle> {
        self.default.as_ref()
    }

    /// Every document that could be read, the default one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Stream<'t>> {
        self.default.iter().chain(&self.others)
    }

    /// BI-276: every image of AWS that a document names.
    pub(crate) fn known_amis(&self) -> KnownAmis<'_> {
        KnownAmis::of(self.all())
    }
}

fn default_stream<'t>(text: Option<&'t StreamText<'_>>) -> Result<Stream<'t>, Obstacle> {
    match text.ok_or(Obstacle::NoStream)? {
        StreamText::Of(config_map) => Stream::parse(config_map.stream()),
        StreamText::Given(text) => Stream::parse(text),
        StreamText::Unreadable(error) => Err(StreamError::Parse(error.to_string())),
    }
    .map_err(Obstacle::Stream)
}
