//! One golden case, and the stream documents that cases refer to.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// A case without what it expects.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) op: String,
    pub(crate) input: Value,
    /// The stream document of the input as text; `None` where the ConfigMap has no such key.
    pub(crate) stream: Option<String>,
}

/// Stream documents by name, as files beside the cases.
#[derive(Default)]
pub(crate) struct Streams {
    folder: PathBuf,
}

/// Reads JSON that nests deeper than serde's default allows.
pub(crate) fn parse_deep(text: &str) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    let value = Value::deserialize(&mut deserializer)?;
    deserializer.end().map(|()| value)
}

impl Streams {
    /// The folder `streams` beside a file of cases.
    pub(crate) fn beside(cases: &Path) -> Self {
        Self {
            folder: cases.parent().unwrap_or(Path::new(".")).join("streams"),
        }
    }

    /// The text that `{"ref"}`, `{"inline"}` or `{"raw"}` stands for.
    fn text(&self, stream: &Value) -> Result<Option<String>, String> {
        if let Some(name) = stream["ref"].as_str() {
            let path = self.folder.join(format!("{name}.json"));
            let text = std::fs::read_to_string(&path);
            return text
                .map(Some)
                .map_err(|error| format!("{}: {error}", path.display()));
        }
        if let Some(text) = stream["raw"].as_str() {
            return Ok(Some(text.to_owned()));
        }
        match &stream["inline"] {
            Value::Null => Ok(None),
            document => Ok(Some(document.to_string())),
        }
    }
}

impl Case {
    /// Takes a line apart: the case, and what it expects.
    pub(crate) fn of(mut line: Value, streams: &Streams) -> Result<(Self, Value), String> {
        let text = |name: &str| match line[name].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(format!("no {name:?}")),
        };
        let (id, op) = (text("id")?, text("op")?);
        let input = line["input"].take();
        let stream = streams.text(&input["stream"])?;
        Ok((
            Self {
                id,
                op,
                input,
                stream,
            },
            line["expect"].take(),
        ))
    }
}
