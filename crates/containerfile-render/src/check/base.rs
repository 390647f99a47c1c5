//! What the image of a document of its own stands on.

use std::collections::BTreeMap;

use super::advice::stage;
use super::problem::Keyword;
use super::target::{Builder, CheckFor, Place};
use super::{instructions, words};
use crate::render::CONFIGS_STAGE;

/// What the image of a document stands on: the base of its last stage, through all stages between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinalBase {
    /// `configs`, the name that a build on a cluster gives to the image of the pool; a build elsewhere
    /// gives it the image of the release.
    Configs,
    /// The image that is written there; its arguments have their default values.
    Image(String),
    /// There is no FROM.
    None,
}

/// IL-055: what the image of a document that is built outside a cluster stands on.
///
/// ```
/// use containerfile_render::{Builder, FinalBase, final_base};
///
/// let text = "FROM golang:1 AS tool\nFROM configs\nCOPY --from=tool /a /a\n";
/// assert_eq!(final_base(text, Builder::default()), FinalBase::Configs);
/// ```
pub fn final_base(text: &str, builder: Builder) -> FinalBase {
    let checked = CheckFor {
        place: Place::Elsewhere,
        builder,
    };
    let mut global: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: Vec<(String, FinalBase)> = Vec::new();
    for instruction in instructions(text, checked).map_while(Result::ok) {
        match instruction.keyword {
            Some(Keyword::Arg) if stages.is_empty() => {
                let text = instruction.arguments();
                let (name, value) = text.split_once('=').unwrap_or((text, ""));
                let value = words::expand(value, |name| global.get(name).map(String::as_str));
                global.insert(name.to_owned(), value);
            }
            Some(Keyword::From) => {
                let (image, name) = stage(&instruction);
                let image = words::expand(image, |name| global.get(name).map(String::as_str));
                let earlier = stages.iter().rev().find(|(name, _)| *name == image);
                let base = match earlier {
                    Some((_, base)) if !image.is_empty() => base.clone(),
                    _ if image == CONFIGS_STAGE => FinalBase::Configs,
                    _ => FinalBase::Image(image),
                };
                stages.push((name.unwrap_or_default().to_owned(), base));
            }
            _ => {}
        }
    }
    stages.pop().map_or(FinalBase::None, |(_, base)| base)
}

/// Whether a document runs programs of its images while it is built.
pub fn has_run(text: &str, builder: Builder) -> bool {
    let checked = CheckFor {
        place: Place::Elsewhere,
        builder,
    };
    let mut read = instructions(text, checked).map_while(Result::ok);
    read.any(|instruction| instruction.keyword == Some(Keyword::Run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_702_a_document_runs_programs_or_not() {
        for (text, expected) in [
            ("FROM configs\nCOPY a /a\n# RUN true\n", false),
            ("FROM configs\nrun true\n", true),
            ("FROM a\nRUN true\nFROM configs\nCOPY RUN /\n", true),
        ] {
            assert_eq!(has_run(text, Builder::default()), expected, "{text}");
        }
    }

    #[test]
    fn il_055_the_last_stage_tells_what_an_image_stands_on() {
        let image = |image: &str| FinalBase::Image(image.to_owned());
        for (text, expected) in [
            ("FROM configs AS final\n", FinalBase::Configs),
            (
                "FROM configs AS a\nFROM a AS b\nFROM b\n",
                FinalBase::Configs,
            ),
            (
                "FROM configs\nFROM quay.io/x@sha256:1\n",
                image("quay.io/x@sha256:1"),
            ),
            ("ARG B=q.io/b\nARG T=$B:1\nFROM ${T}\n", image("q.io/b:1")),
            ("ARG B\nFROM ${B:-configs}\n", FinalBase::Configs),
            ("FROM x AS configs\nFROM configs\n", image("x")),
            ("FROM $NONE\n", image("")),
            ("RUN true\n", FinalBase::None),
            ("", FinalBase::None),
        ] {
            assert_eq!(final_base(text, Builder::default()), expected, "{text}");
        }
    }
}
