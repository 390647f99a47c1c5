//! The digest that a build leaves, and images by digest (IL-275, IL-276).

use std::collections::BTreeMap;

use openshift_model::{
    DigestError, ImageDigest, ImageReference, ReferenceError, label_key_errors, label_value_error,
};

/// An image by digest could not be formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PullSpecError {
    /// The digest is none.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The push spec is no reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A reference without a digest where one is needed.
    #[error("expected a pullspec with a SHA256 digest, got {0:?}")]
    NoDigest(String),
}

/// IL-276, IL-538: the image that was pushed to `push_spec`, by digest.
///
/// Upstream: `ParseImagePullspec`.
pub fn digested_pull_spec(push_spec: &str, digest: &str) -> Result<String, PullSpecError> {
    let digest = ImageDigest::parse(digest)?;
    let reference = ImageReference::parse_canonical(push_spec)?;
    Ok(reference.with_digest(digest).to_string())
}

/// IL-536: whether a reference names an image by digest.
///
/// Upstream: `ValidateImageHasDigestedPullspec`.
pub fn check_digested(pull_spec: &str) -> Result<(), PullSpecError> {
    let reference = ImageReference::parse(pull_spec)?;
    if reference.digest().is_some() {
        Ok(())
    } else {
        Err(PullSpecError::NoDigest(pull_spec.to_owned()))
    }
}

/// A list of labels could not be read. The texts are those of the Kubernetes API machinery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// An entry is not `key=value`.
    #[error("invalid selector: [{}]", .0.replace('=', " "))]
    NotAPair(String),
    /// A key or a value breaks the syntax of labels.
    #[error("{0}")]
    Invalid(String),
}

/// IL-275: labels from `key=value,key=value`: one `=` in each, blanks around them do not count, of
/// a key that is written twice the last value counts.
pub fn parse_labels(text: &str) -> Result<BTreeMap<String, String>, LabelsError> {
    let mut labels = BTreeMap::new();
    if text.is_empty() {
        return Ok(labels);
    }
    for entry in text.split(',') {
        let (key, value) = entry
            .split_once('=')
            .filter(|(_, value)| !value.contains('='))
            .ok_or_else(|| LabelsError::NotAPair(entry.to_owned()))?;
        let (key, value) = (key.trim(), value.trim());
        let key_errors = label_key_errors(key);
        if !key_errors.is_empty() {
            let problem = format!("<nil>: Invalid value: {key:?}: {}", key_errors.join("; "));
            return Err(LabelsError::Invalid(problem));
        }
        if let Some(problem) = label_value_error(value) {
            let problem = format!("[{key}]: Invalid value: {value:?}: {problem}");
            return Err(LabelsError::Invalid(problem));
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    Ok(labels)
}

/// IL-275: the digest in the file that the build wrote.
pub fn digest_in_file<'a>(path: &str, contents: &'a str) -> Result<&'a str, EmptyDigestFile> {
    match contents.trim() {
        "" => Err(EmptyDigestFile(path.to_owned())),
        digest => Ok(digest),
    }
}

/// IL-275: the file holds no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("digestfile {0:?} is empty")]
pub struct EmptyDigestFile(String);

/// IL-432: an image of the cluster's own registry as its stream names it: host, namespace and
/// `name:tag`.
pub fn split_internal(pull_spec: &str) -> Option<(&str, &str, &str)> {
    let (host, rest) = pull_spec.split_once('/')?;
    let (namespace, name) = rest.split_once('/')?;
    Some((host, namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "628e4e8f0a78d91015c6cebeee95931ae2e8defe5dfb4ced4a82830e08937573";

    #[test]
    fn il_276_a_digest_replaces_the_tag() {
        let digest = format!("sha256:{HEX}");
        assert_eq!(
            digested_pull_spec("registry.hostname.com/org/repo:latest", &digest).unwrap(),
            format!("registry.hostname.com/org/repo@{digest}")
        );
        let error = |spec: &str, digest: &str| digested_pull_spec(spec, digest).unwrap_err();
        assert_eq!(
            error("a.b/c:d", "x").to_string(),
            "invalid checksum digest format"
        );
        assert_eq!(
            error("c", &digest).to_string(),
            "repository name must be canonical"
        );
    }

    #[test]
    fn il_536_an_image_is_named_by_digest() {
        assert!(check_digested(&format!("ubuntu@sha256:{HEX}")).is_ok());
        assert_eq!(
            check_digested("a.b/c:d").unwrap_err().to_string(),
            "expected a pullspec with a SHA256 digest, got \"a.b/c:d\""
        );
    }

    #[test]
    fn il_275_labels_are_pairs() {
        let labels = parse_labels(" a = b ,c=,a=d").unwrap();
        assert_eq!(
            labels.into_iter().collect::<Vec<_>>(),
            [
                ("a".to_owned(), "d".to_owned()),
                ("c".to_owned(), String::new())
            ]
        );
        let error = |text: &str| parse_labels(text).unwrap_err().to_string();
        assert_eq!(error("a"), "invalid selector: [a]");
        assert_eq!(error("a=b,"), "invalid selector: []");
        assert_eq!(error("a==b"), "invalid selector: [a  b]");
        assert!(error("a=b c").starts_with("[a]: Invalid value: \"b c\": a valid label must"));
    }

    #[test]
    fn il_275_a_digest_file_holds_something() {
        assert_eq!(digest_in_file("f", " x\n"), Ok("x"));
        let error = digest_in_file("/tmp/done/digestfile", "\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "digestfile \"/tmp/done/digestfile\" is empty"
        );
    }

    #[test]
    fn il_432_an_internal_image_has_three_parts() {
        assert_eq!(split_internal("r/n/a/b:t"), Some(("r", "n", "a/b:t")));
        assert_eq!(split_internal("r/n"), None);
    }
}
