//! Two files of the nodes, read out of the Ignition configuration of a MachineConfig (IL-253).

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use openshift_model::read::read as read_view;
use openshift_model::{RawValue, Text, WrongType, view};

/// A file could not be read. The texts are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeFileError {
    /// The Ignition configuration has a version that no release wrote.
    #[error(
        "parsing rendered MC Ignition config failed with error: failed to parse Ignition config: \
         parsing Ignition config failed: unknown version. Supported spec versions: \
         2.2,3.0,3.1,3.2,3.3,3.4,3.5"
    )]
    Version,
    /// The Ignition configuration has another shape.
    #[error("parsing rendered MC Ignition config failed with error: {0}")]
    Shape(#[from] WrongType),
    /// A file without contents.
    #[error("nil source for {0}")]
    NoSource(&'static str),
    /// Contents that cannot be decoded.
    #[error("error decoding {path}: could not decode file content string: {problem}")]
    Contents {
        /// The file.
        path: &'static str,
        /// What is wrong.
        problem: ContentsProblem,
    },
}

/// Why the contents of a file cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentsProblem {
    /// No data URL.
    #[error("missing data prefix")]
    NoDataUrl,
    /// A data URL without a comma.
    #[error("missing comma before data")]
    NoComma,
    /// Escapes or base64 are broken.
    #[error("the data URL is broken")]
    Encoding,
    /// Not packed as the configuration says.
    #[error("the contents are not gzip")]
    Gzip,
    /// Larger when unpacked than any ConfigMap.
    #[error("the contents are larger than a ConfigMap takes")]
    TooLarge,
    /// Not text.
    #[error("the contents are not UTF-8")]
    NotText,
}

view! {
    /// The part of an Ignition configuration that is looked at.
    struct Config<'a> {
        ignition: Ignition<'a> = "ignition",
        storage: Storage<'a> = "storage",
    }
}

view! {
    /// `ignition`
    struct Ignition<'a> {
        version: Text<'a> = "version",
    }
}

view! {
    /// `storage`
    struct Storage<'a> {
        files: Vec<Option<File<'a>>> = "files",
    }
}

view! {
    /// `storage.files[]`
    struct File<'a> {
        path: Text<'a> = "path",
        contents: Contents<'a> = "contents",
    }
}

view! {
    /// `storage.files[].contents`
    struct Contents<'a> {
        source: Text<'a> = "source",
        compression: Text<'a> = "compression",
    }
}

/// Versions of the specification that releases write.
const VERSIONS: [&str; 7] = [
    "2.2.0", "3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0",
];
/// Most bytes of a file: what a ConfigMap takes.
const LARGEST: u64 = 1024 * 1024;

/// IL-253: the text of a file; `None` where the configuration does not have it. Of several files
/// with this path the first one counts.
pub(super) fn file(
    config: Option<&RawValue>,
    path: &'static str,
) -> Result<Option<String>, NodeFileError> {
    let Some(config) = config.filter(|config| config.get() != "null") else {
        return Ok(None);
    };
    let config: Config<'_> = read_view(config, "/spec/config")?;
    let version = config.ignition.and_then(|ignition| ignition.version);
    if !VERSIONS.contains(&version.as_deref().unwrap_or_default()) {
        return Err(NodeFileError::Version);
    }
    let files = config.storage.and_then(|storage| storage.files);
    let mut files = files.into_iter().flatten().flatten();
    let Some(file) = files.find(|file| file.path.as_deref() == Some(path)) else {
        return Ok(None);
    };
    let contents = file.contents.unwrap_or_default();
    let source = contents.source.ok_or(NodeFileError::NoSource(path))?;
    let is_packed = contents.compression.as_deref() == Some("gzip");
    decode(&source, is_packed)
        .map(Some)
        .map_err(|problem| NodeFileError::Contents { path, problem })
}

/// RFC 2397: `data:[<type>][;base64],<data>`
fn decode(url: &str, is_packed: bool) -> Result<String, ContentsProblem> {
    let rest = url
        .strip_prefix("data:")
        .ok_or(ContentsProblem::NoDataUrl)?;
    let (kind, data) = rest.split_once(',').ok_or(ContentsProblem::NoComma)?;
    let bytes = unescape(data).ok_or(ContentsProblem::Encoding)?;
    let bytes = if kind.ends_with(";base64") {
        STANDARD
            .decode(bytes)
            .map_err(|_| ContentsProblem::Encoding)?
    } else {
        bytes
    };
    let bytes = if is_packed { unpack(&bytes)? } else { bytes };
    String::from_utf8(bytes).map_err(|_| ContentsProblem::NotText)
}

fn unescape(data: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(data.len());
    let mut rest = data.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, ContentsProblem> {
    let mut unpacked = Vec::new();
    let mut limited = GzDecoder::new(bytes).take(LARGEST + 1);
    limited
        .read_to_end(&mut unpacked)
        .map_err(|_| ContentsProblem::Gzip)?;
    if u64::try_from(unpacked.len()).unwrap_or(u64::MAX) > LARGEST {
        return Err(ContentsProblem::TooLarge);
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/containers/policy.json";

    fn check(config: &str, expected: Result<Option<&str>, &str>) {
        let raw: &RawValue = serde_json::from_str(config).unwrap();
        let found = file(Some(raw), PATH).map_err(|error| error.to_string());
        let expected = expected
            .map(|text| text.map(str::to_owned))
            .map_err(str::to_owned);
        assert_eq!(found, expected, "{config}");
    }

    fn with(contents: &str) -> String {
        format!(
            r#"{{"ignition":{{"version":"3.4.0"}},"storage":{{"files":[{{"path":"/a"}},
                {{"path":"{PATH}","contents":{contents}}},{{"path":"{PATH}"}}]}}}}"#
        )
    }

    #[test]
    fn il_253_a_file_is_read_however_it_is_written() {
        check(
            &with(r#"{"source":"data:,%7B%22a%22%7D"}"#),
            Ok(Some("{\"a\"}")),
        );
        check(
            &with(r#"{"source":"data:text/plain;charset=utf-8;base64,YQo="}"#),
            Ok(Some("a\n")),
        );
        let packed = "H4sIAAAAAAACA6tWSklNSyzNKVGyio6tBQDW/jJnDgAAAA==";
        check(
            &with(&format!(
                r#"{{"compression":"gzip","source":"data:;base64,{packed}"}}"#
            )),
            Ok(Some("{\"default\":[]}")),
        );
        check(r#"{"ignition":{"version":"3.5.0"}}"#, Ok(None));
        check("null", Ok(None));
        assert_eq!(file(None, PATH), Ok(None));
    }

    #[test]
    fn il_253_what_cannot_be_read_is_an_error() {
        check(
            &with("{}"),
            Err("nil source for /etc/containers/policy.json"),
        );
        let decoding = "error decoding /etc/containers/policy.json: could not decode file content \
                        string: ";
        for (contents, problem) in [
            (r#"{"source":"https://x/y"}"#, "missing data prefix"),
            (r#"{"source":"data:x"}"#, "missing comma before data"),
            (r#"{"source":"data:,%7"}"#, "the data URL is broken"),
            (r#"{"source":"data:;base64,*"}"#, "the data URL is broken"),
            (
                r#"{"source":"data:,x","compression":"gzip"}"#,
                "the contents are not gzip",
            ),
            (r#"{"source":"data:,%ff"}"#, "the contents are not UTF-8"),
        ] {
            check(&with(contents), Err(&format!("{decoding}{problem}")));
        }
        for version in ["9.0.0", "2.1.0", ""] {
            let config = format!(r#"{{"ignition":{{"version":"{version}"}}}}"#);
            let raw: &RawValue = serde_json::from_str(&config).unwrap();
            assert_eq!(file(Some(raw), PATH), Err(NodeFileError::Version));
        }
    }
}
