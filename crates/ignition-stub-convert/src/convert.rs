//! The conversion of one stub.

use serde::Deserialize;

use crate::error::{ConvertError, Obstacles};
use crate::finding::{Findings, Note};
use crate::node::Node;
use crate::not_json::{NotJson, NotJsonKind};
use crate::section;
use crate::version::{Dispatch, Sniffed, SourceVersion, TargetVersion, dispatch, sniff};

/// What a conversion comes to, where nothing stands in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversion {
    /// BI-355: the stub is of spec 3 already and stays as it is, whatever the target.
    Current {
        /// Its version, as it says.
        version: String,
    },
    /// The stub was of spec 2.
    Converted(Converted),
}

/// A stub in spec 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The document: JSON on one line, without what says nothing.
    pub document: String,
    /// The version that the stub had.
    pub from: &'static str,
    /// The version that the document has.
    pub to: TargetVersion,
    /// The members that the document does not hold as the stub had them.
    pub notes: Vec<Note>,
}

/// Converts a user-data stub of spec 2 to spec 3, or says what stands in the way (BI-360 … BI-369).
///
/// A stub of spec 3 is [`Conversion::Current`]: it is neither validated nor raised (BI-355).
/// Time and memory grow with the length of the stub, not faster.
///
/// Errors: [`ConvertError`] has a variant for each; its text is that of the reference.
///
/// Upstream: `ParseAndConvertConfig` of the Machine Config Operator.
pub fn convert(stub: &[u8], target: TargetVersion) -> Result<Conversion, ConvertError> {
    // What is no UTF-8 is JSON to the reference, and matters only where it would be rewritten.
    let text = String::from_utf8_lossy(stub);
    let not_json = |error| ConvertError::NotJson(NotJson::explain(stub, &error));
    let version = match sniff(&text).map_err(not_json)? {
        Sniffed::Text(version) => version,
        Sniffed::Absent => return Err(ConvertError::InvalidVersion),
        Sniffed::Unreadable(field) => return Err(ConvertError::Version(field)),
    };
    match dispatch(&version) {
        Dispatch::Current => Ok(Conversion::Current {
            version: version.into_owned(),
        }),
        Dispatch::Invalid => Err(ConvertError::InvalidVersion),
        Dispatch::Unknown => Err(ConvertError::UnknownVersion {
            version: version.into_owned(),
        }),
        Dispatch::Convert(from) => {
            let text = std::str::from_utf8(stub).map_err(|error| {
                let offset = error.valid_up_to();
                ConvertError::NotJson(NotJson::whole(NotJsonKind::NotUtf8(offset)))
            })?;
            let node = parse(text).map_err(not_json)?;
            rewrite(node, from, target).map(Conversion::Converted)
        }
    }
}

/// The version that a stub says it has, whether or not it can be converted; `None` where it says
/// none, or nothing that is a version.
pub fn spec_version(stub: &[u8]) -> Option<String> {
    match sniff(&String::from_utf8_lossy(stub)) {
        Ok(Sniffed::Text(version)) if dispatch(&version) != Dispatch::Invalid => {
            Some(version.into_owned())
        }
        _ => None,
    }
}

fn parse(text: &str) -> Result<Node<'_>, serde_json::Error> {
    Node::deserialize(&mut serde_json::Deserializer::from_str(text))
}

fn rewrite(
    node: Node<'_>,
    from: SourceVersion,
    to: TargetVersion,
) -> Result<Converted, ConvertError> {
    let mut found = Findings::default();
    let document = section::document(node, from, to, &mut found);
    if let Some(obstacles) = Obstacles::new(found.obstacles) {
        return Err(obstacles.into());
    }
    let unwritable = |error: serde_json::Error| ConvertError::Unwritable {
        problem: error.to_string(),
    };
    Ok(Converted {
        document: serde_json::to_string(&document).map_err(unwritable)?,
        from: from.as_str(),
        to,
        notes: found.notes,
    })
}
