//! The stream document of a snapshot, as text and parsed.

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

/// Parses the default stream document, once for all targets (BI-032, BI-033).
pub(crate) fn parse<'t>(text: Option<&'t StreamText<'_>>) -> Result<Stream<'t>, Obstacle> {
    match text.ok_or(Obstacle::NoStream)? {
        StreamText::Of(config_map) => Stream::parse(config_map.stream()),
        StreamText::Given(text) => Stream::parse(text),
        StreamText::Unreadable(error) => Err(StreamError::Parse(error.to_string())),
    }
    .map_err(Obstacle::Stream)
}
