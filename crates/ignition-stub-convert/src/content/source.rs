//! Sources: URLs that Ignition fetches something from.

use super::{Reason, data_url, url};

pub(crate) const INVALID_SCHEME: Reason = "invalid url scheme";

/// Why a source of spec 2 is refused, if it is. An empty one is an empty file.
pub(crate) fn check_source(source: &str) -> Option<Reason> {
    if source.is_empty() {
        return None;
    }
    let Some(url) = url::parse(source) else {
        return Some("unable to parse url");
    };
    match url.scheme.to_ascii_lowercase().as_str() {
        "s3" if has_empty_version_id(url.query) => Some("invalid S3 object VersionId"),
        "http" | "https" | "oem" | "tftp" | "s3" => None,
        "data" => data_url::check(source),
        _ => Some(INVALID_SCHEME),
    }
}

/// BI-366: whether spec 3 takes a source that spec 2 took: it knows no `oem`.
pub(crate) fn is_known_to_spec_3(source: &str) -> bool {
    let scheme = source.split(':').next().unwrap_or_default();
    !scheme.eq_ignore_ascii_case("oem")
}

/// Whether the first `versionId` of a query is empty.
fn has_empty_version_id(query: &str) -> bool {
    query
        .split('&')
        .filter(|pair| !pair.contains(';'))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(name, _)| *name == "versionId")
        .is_some_and(|(_, value)| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: Option<Reason>) {
        assert_eq!(check_source(source), expected, "{source}");
    }

    #[test]
    fn bi_362_sources_are_of_known_schemes() {
        for good in [
            "",
            "http://x/y",
            "HTTPS://x/y",
            "https://api-int.example.com:22623/config/worker",
            "https://[fd00::1]:22623/config/worker",
            "tftp://x/y",
            "oem:///a",
            "s3://bucket/key",
            "s3://bucket/key?versionId=1",
            "data:,x",
            "http:x",
        ] {
            check(good, None);
        }
        for other in ["ftp://x/y", "x", "/x", "x/y:z", "gs://bucket/key"] {
            check(other, Some(INVALID_SCHEME));
        }
        check("https://[::1", Some("unable to parse url"));
        check(
            "s3://bucket/key?a=b&versionId=",
            Some("invalid S3 object VersionId"),
        );
        check(
            "s3://bucket/key?versionId",
            Some("invalid S3 object VersionId"),
        );
        check("data:;base64,!!!", Some("invalid data character"));
    }

    #[test]
    fn bi_366_spec_3_knows_no_oem() {
        assert!(is_known_to_spec_3("https://oem/"));
        assert!(!is_known_to_spec_3("oem:///a"));
        assert!(!is_known_to_spec_3("OEM:///a"));
    }
}
