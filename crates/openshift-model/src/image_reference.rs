//! References to container images: `host[:port]/path[:tag][@digest]`.

use std::borrow::Cow;
use std::fmt;

/// IL-121, IL-123: a reference to a container image, taken apart by the grammar that container
/// tools share (`distribution/reference`).
///
/// ```
/// use openshift_model::ImageReference;
///
/// let reference = ImageReference::parse_canonical("quay.io:443/org/os:latest")?;
/// assert_eq!((reference.domain(), reference.path()), ("quay.io:443", "org/os"));
/// assert_eq!(reference.with_tag("v1")?.to_string(), "quay.io:443/org/os:v1");
/// # Ok::<(), openshift_model::ReferenceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference<'a> {
    domain: &'a str,
    path: Cow<'a, str>,
    tag: Option<&'a str>,
    digest: Option<ImageDigest<'a>>,
}

/// A text is no image reference. The texts are the reference implementation's;
/// [`ReferenceError::position`] and [`ReferenceError::hint`] say more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// A character that the grammar does not have at this place.
    #[error("invalid reference format")]
    Format {
        /// How many characters stand before it.
        position: usize,
        /// What the grammar wants there.
        expected: &'static str,
    },
    /// IL-123: upper case in the repository.
    #[error("invalid reference format: repository name ({repository}) must be lowercase")]
    UppercaseRepository {
        /// The repository as it was written.
        repository: String,
        /// How many characters stand before the first upper-case one.
        position: usize,
    },
    /// Upper case in a host that can only be part of a repository.
    #[error("repository name must be lowercase")]
    Uppercase,
    /// IL-123: no host, or `docker.io` left out.
    #[error("repository name must be canonical")]
    NotCanonical,
    /// The repository is too long.
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    /// 64 hex digits, which tools take for an image id.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    Identifier(String),
    /// IL-122: a tag has at most 128 characters out of letters, digits, `_`, `.` and `-`.
    #[error("invalid tag format")]
    Tag,
    /// The digest is none.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl ReferenceError {
    /// How many characters stand before the first wrong one, where one is.
    pub fn position(&self) -> Option<usize> {
        match self {
            Self::Format { position, .. } | Self::UppercaseRepository { position, .. } => {
                Some(*position)
            }
            _ => None,
        }
    }

    /// What would be right, for people.
    pub fn hint(&self) -> String {
        match self {
            Self::Format { position, expected } => {
                format!("at character {}: expected {expected}", position + 1)
            }
            Self::UppercaseRepository { position, .. } => {
                format!("at character {}: upper case", position + 1)
            }
            Self::Uppercase => "the host has an underscore, so that it counts as a path".to_owned(),
            Self::NotCanonical => {
                "write the host, e.g. quay.io/org/name:tag or docker.io/library/name:tag".to_owned()
            }
            Self::TooLong | Self::Identifier(_) => "choose another name".to_owned(),
            Self::Tag => {
                "a tag has at most 128 letters, digits, `_`, `.` and `-`, and starts with \
                 neither `.` nor `-`"
                    .to_owned()
            }
            Self::Digest(_) => "a digest is `sha256:` and 64 lower-case hex digits".to_owned(),
        }
    }
}

/// Docker Hub as images name it: the host of references that name none.
pub const DOCKER_HUB: &str = "docker.io";
/// What Docker Hub was called once, in images, and is called in credentials still.
pub const DOCKER_HUB_LEGACY: &str = "index.docker.io";
/// The host of Docker Hub's API.
pub const DOCKER_HUB_API: &str = "registry-1.docker.io";
/// Where that host keeps what has no organisation.
const OFFICIAL_PREFIX: &str = "library/";
/// Longest path of a repository.
const LONGEST_PATH: usize = 255;
/// Length of an image id in hex digits.
const IDENTIFIER_LENGTH: usize = 64;
/// IL-122: longest tag.
const LONGEST_TAG: usize = 128;

impl<'a> ImageReference<'a> {
    /// Reads a reference as a person types it: without a host it is one of `docker.io`.
    pub fn parse(text: &'a str) -> Result<Self, ReferenceError> {
        if text.len() == IDENTIFIER_LENGTH && text.bytes().all(is_lower_hex) {
            return Err(ReferenceError::Identifier(text.to_owned()));
        }
        let (domain, remainder) = split_domain(text);
        let before = text.len() - remainder.len();
        let position = |offset: usize| characters_before(text, before + offset);
        let repository = remainder.split(':').next().unwrap_or_default();
        if let Some(offset) = repository.find(|c: char| !c.to_lowercase().eq([c])) {
            return Err(ReferenceError::UppercaseRepository {
                repository: in_full(domain, repository).into_owned(),
                position: position(offset),
            });
        }
        let Some(domain) = domain else {
            return Self::with_domain(DOCKER_HUB, remainder, position);
        };
        match check_domain(domain) {
            Ok(()) => Self::with_domain(domain, remainder, position),
            // A host that is none may be the first part of a path.
            Err(_) if is_path(domain) => {
                let mut reference = Self::with_domain("", remainder, position)?;
                reference.path = Cow::Owned(format!("{domain}/{}", reference.path));
                Ok(reference)
            }
            Err(_) if is_path(&domain.to_lowercase()) => Err(ReferenceError::Uppercase),
            Err(end) => Err(ReferenceError::Format {
                position: characters_before(text, end),
                expected: "a host name, with a port or without",
            }),
        }
    }

    /// IL-123: reads a reference that names its host.
    pub fn parse_canonical(text: &'a str) -> Result<Self, ReferenceError> {
        let reference = Self::parse(text)?;
        if reference.is_written_as(text) {
            Ok(reference)
        } else {
            Err(ReferenceError::NotCanonical)
        }
    }

    fn is_written_as(&self, text: &str) -> bool {
        // What is parsed is cut out of the text, so that the host alone tells.
        self.domain.is_empty()
            || text.strip_prefix(self.domain).is_some_and(|rest| {
                rest.strip_prefix('/')
                    .is_some_and(|rest| rest.starts_with(&*self.path))
            })
    }

    fn with_domain(
        domain: &'a str,
        remainder: &'a str,
        position: impl Fn(usize) -> usize,
    ) -> Result<Self, ReferenceError> {
        let wrong = |offset, expected| ReferenceError::Format {
            position: position(offset),
            expected,
        };
        let split = |at: usize| remainder.split_at_checked(at).unwrap_or((remainder, ""));
        let end = path_end(remainder);
        let (path, mut rest) = split(end);
        if path.is_empty() || ends_in_separator(path) {
            return Err(wrong(end, "a lower-case letter or a digit"));
        }
        let mut tag = None;
        if let Some(tagged) = rest.strip_prefix(':') {
            let length = tag_length(tagged);
            if length == 0 {
                return Err(wrong(end + 1, "a tag: a letter, a digit or `_`"));
            }
            tag = tagged.get(..length);
            rest = tagged.get(length..).unwrap_or_default();
        }
        let at = remainder.len() - rest.len();
        let digest = match rest.strip_prefix('@') {
            _ if rest.is_empty() => None,
            Some(digest) if looks_like_digest(digest) => Some(ImageDigest::parse(digest)?),
            Some(_) => return Err(wrong(at + 1, "a digest: `sha256:` and 64 hex digits")),
            None if tag.is_some() => {
                return Err(wrong(
                    at,
                    "the end, `@`, or more of a tag of at most 128 characters",
                ));
            }
            None => {
                return Err(wrong(
                    at,
                    "`/`, `:`, `@`, the end, or more of a lower-case path",
                ));
            }
        };
        let path = match domain {
            DOCKER_HUB if !path.contains('/') => Cow::Owned(format!("{OFFICIAL_PREFIX}{path}")),
            _ => Cow::Borrowed(path),
        };
        if path.len() > LONGEST_PATH {
            return Err(ReferenceError::TooLong);
        }
        Ok(Self {
            domain,
            path,
            tag,
            digest,
        })
    }

    /// The host, with its port.
    pub fn domain(&self) -> &str {
        self.domain
    }

    /// The repository on that host.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag.
    pub fn tag(&self) -> Option<&'a str> {
        self.tag
    }

    /// The digest.
    pub fn digest(&self) -> Option<ImageDigest<'a>> {
        self.digest
    }

    /// IL-121: the same reference with this tag; a digest stays behind it.
    pub fn with_tag<'b>(&'b self, tag: &'b str) -> Result<ImageReference<'b>, ReferenceError> {
        if tag.is_empty() || tag_length(tag) != tag.len() {
            return Err(ReferenceError::Tag);
        }
        Ok(ImageReference {
            domain: self.domain,
            path: Cow::Borrowed(&self.path),
            tag: Some(tag),
            digest: self.digest,
        })
    }

    /// IL-276: the same repository by digest, without a tag.
    pub fn with_digest<'b>(&'b self, digest: ImageDigest<'b>) -> ImageReference<'b> {
        ImageReference {
            domain: self.domain,
            path: Cow::Borrowed(&self.path),
            tag: None,
            digest: Some(digest),
        }
    }
}

impl fmt::Display for ImageReference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.domain.is_empty() {
            write!(f, "{}/", self.domain)?;
        }
        f.write_str(&self.path)?;
        if let Some(tag) = self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The host, where the text names one, and what follows it. The first part of a path counts as a
/// host where it has a dot, a port, upper case, or is `localhost`.
fn split_domain(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest)) if is_host(first) => {
            (Some(first).filter(|host| *host != DOCKER_HUB_LEGACY), rest)
        }
        _ => (None, text),
    }
}

fn is_host(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.chars().any(|c| !c.to_lowercase().eq([c]))
}

/// The repository as the default host has it.
fn in_full<'b>(domain: Option<&str>, repository: &'b str) -> Cow<'b, str> {
    let is_default = domain.is_none_or(|domain| domain == DOCKER_HUB);
    if is_default && !repository.contains('/') {
        Cow::Owned(format!("{OFFICIAL_PREFIX}{repository}"))
    } else {
        Cow::Borrowed(repository)
    }
}

fn characters_before(text: &str, offset: usize) -> usize {
    text.char_indices()
        .take_while(|(at, _)| *at < offset)
        .count()
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Whether `text` is a host, with a port or without; else where it stops being one.
fn check_domain(text: &str) -> Result<(), usize> {
    let bytes = text.as_bytes();
    let at = |position: usize| bytes.get(position).copied().unwrap_or_default();
    let mut end = 0;
    if at(0) == b'[' {
        end = 1 + run(bytes, 1, |byte| byte.is_ascii_hexdigit() || byte == b':');
        if end == 1 || at(end) != b']' {
            return Err(end);
        }
        end += 1;
    } else {
        loop {
            let label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let length = run(bytes, end, label);
            if length == 0 || at(end) == b'-' || at(end + length - 1) == b'-' {
                return Err(end);
            }
            end += length;
            if at(end) != b'.' {
                break;
            }
            end += 1;
        }
    }
    if at(end) == b':' {
        let digits = run(bytes, end + 1, |byte| byte.is_ascii_digit());
        if digits == 0 {
            return Err(end + 1);
        }
        end += 1 + digits;
    }
    if end == bytes.len() { Ok(()) } else { Err(end) }
}

/// How far `text` is a path: parts of lower-case letters and digits with `.`, `_`, `__` or dashes
/// between them.
fn path_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let alphanumeric = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let mut end = 0;
    loop {
        let length = run(bytes, end, alphanumeric);
        if length == 0 {
            return end;
        }
        end += length;
        let separator = match bytes.get(end) {
            Some(b'/' | b'.') => 1,
            Some(b'_') => 1 + usize::from(bytes.get(end + 1) == Some(&b'_')),
            Some(b'-') => run(bytes, end, |byte| byte == b'-'),
            _ => 0,
        };
        if separator == 0 {
            return end;
        }
        end += separator;
    }
}

fn is_path(text: &str) -> bool {
    path_end(text) == text.len() && !text.is_empty() && !ends_in_separator(text)
}

fn ends_in_separator(path: &str) -> bool {
    path.ends_with(['/', '.', '_', '-'])
}

/// How many bytes from the start are a tag; at most 128.
fn tag_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_') => {}
        _ => return 0,
    }
    run(bytes, 0, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
    })
    .min(LONGEST_TAG)
}

/// Whether a reference may hold this as its digest at all; whether it is one is another question.
fn looks_like_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else {
        return false;
    };
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(part)
        && hex.len() >= 32
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// How many bytes from `start` on satisfy `test`.
fn run(bytes: &[u8], start: usize, test: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().take_while(|byte| test(**byte)).count()
}

/// IL-276: the digest of an image: `sha256:` and 64 hex digits, or SHA-384 and SHA-512.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageDigest<'a>(&'a str);

/// A text is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not `algorithm:hex`.
    #[error("invalid checksum digest format")]
    Format,
    /// Another number of digits than the algorithm has.
    #[error("invalid checksum digest length")]
    Length,
    /// An algorithm that nobody knows.
    #[error("unsupported digest algorithm")]
    Algorithm,
}

impl<'a> ImageDigest<'a> {
    /// Reads a digest.
    pub fn parse(text: &'a str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text
            .split_once(':')
            .filter(|(algorithm, hex)| !algorithm.is_empty() && !hex.is_empty())
            .ok_or(DigestError::Format)?;
        let digits = match algorithm {
            "sha256" => 64,
            "sha384" => 96,
            "sha512" => 128,
            _ if is_open_digest(algorithm, hex) => return Err(DigestError::Algorithm),
            _ => return Err(DigestError::Format),
        };
        if hex.len() != digits {
            return Err(DigestError::Length);
        }
        if !hex.bytes().all(is_lower_hex) {
            return Err(DigestError::Format);
        }
        Ok(Self(text))
    }

    /// The characters.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

impl fmt::Display for ImageDigest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Whether the text would be a digest if the algorithm were known.
fn is_open_digest(algorithm: &str, encoded: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
    };
    algorithm.split(['.', '+', '_', '-']).all(part)
        && encoded
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let found = ImageReference::parse_canonical(text).map(|reference| reference.to_string());
        let found = found.map_err(|error| error.to_string());
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, expected, "{text}");
    }

    const HEX: &str = "628e4e8f0a78d91015c6cebeee95931ae2e8defe5dfb4ced4a82830e08937573";

    #[test]
    fn il_123_references_name_their_host() {
        for good in [
            "quay.io/org/repo",
            "quay.io/org/repo:tag",
            "quay.io:1/a/b/c/re_po.x--y__z:1.0_A-b",
            "localhost/org/repo:x",
            "QUAY.io/org/repo",
            "[::1]:5000/org/repo:x",
            "a__b.c/d",
            "docker.io/library/busybox:latest",
        ] {
            check(good, Ok(good));
        }
        let digested = format!("quay.io/org/repo:tag@sha256:{HEX}");
        check(&digested, Ok(&digested));
        for short in [
            "busybox",
            "library/busybox:latest",
            "foo.bar",
            "docker.io/busybox",
        ] {
            check(short, Err("repository name must be canonical"));
        }
        check(
            "quay.io/mco/renderedImg:latest",
            Err("invalid reference format: repository name (mco/renderedImg) must be lowercase"),
        );
        check("A__b.c/d", Err("repository name must be lowercase"));
        check(
            HEX,
            Err(&format!(
                "invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"
            )),
        );
        check(
            &format!("quay.io/{}", "a".repeat(256)),
            Err("repository name must not be more than 255 characters"),
        );
        check(
            &format!("quay.io/a@sha256:{}", "A".repeat(64)),
            Err("invalid checksum digest format"),
        );
    }

    #[test]
    fn il_123_what_is_wrong_is_named_with_its_position() {
        let cases = [
            ("", 0),
            ("quay.io/org/repo:", 17),
            ("http://quay.io/org/repo:x", 5),
            ("quay.io/org/repo:tag/extra", 20),
            ("quay.io//repo:x", 8),
            ("quay.io/org/repo:.x", 17),
            ("quay.io/ö/r epo", 8),
            ("quay.io/o/r epo", 11),
            ("quay.io/o/repo-:x", 15),
            ("quay.io:/o/repo:x", 8),
            ("qu_ay.io:5/o/repo:x", 2),
            ("quay.io/o/repo@sha256:12", 15),
        ];
        for (text, position) in cases {
            let error = ImageReference::parse(text).unwrap_err();
            assert_eq!(error.to_string(), "invalid reference format", "{text}");
            assert_eq!(error.position(), Some(position), "{text}: {}", error.hint());
        }
        let error = ImageReference::parse("quay.io/Org/x").unwrap_err();
        assert_eq!(error.position(), Some(8));
    }

    #[test]
    fn il_121_a_tag_is_replaced_and_a_digest_stays() {
        let text = format!("quay.io/org/repo:old@sha256:{HEX}");
        let reference = ImageReference::parse_canonical(&text).unwrap();
        assert_eq!(
            reference.with_tag("new").unwrap().to_string(),
            format!("quay.io/org/repo:new@sha256:{HEX}")
        );
        let digest = ImageDigest::parse(reference.digest().unwrap().as_str()).unwrap();
        assert_eq!(
            reference.with_digest(digest).to_string(),
            format!("quay.io/org/repo@sha256:{HEX}")
        );
    }

    #[test]
    fn il_122_a_tag_has_at_most_128_characters() {
        let reference = ImageReference::parse("quay.io/org/repo").unwrap();
        assert!(reference.with_tag(&"a".repeat(128)).is_ok());
        for wrong in ["", ".a", "-a", "a b", "ü", &"a".repeat(129)] {
            let error = reference.with_tag(wrong).unwrap_err();
            assert_eq!(error.to_string(), "invalid tag format", "{wrong}");
        }
    }

    #[test]
    fn il_276_digests() {
        assert!(ImageDigest::parse(&format!("sha256:{HEX}")).is_ok());
        assert!(ImageDigest::parse(&format!("sha512:{HEX}{HEX}")).is_ok());
        let cases = [
            ("", DigestError::Format),
            ("628e", DigestError::Format),
            (":a", DigestError::Format),
            ("sha256:", DigestError::Format),
            ("sha256:abc", DigestError::Length),
            ("md5:abc", DigestError::Algorithm),
            ("MD5:abc", DigestError::Format),
        ];
        for (text, error) in cases {
            assert_eq!(ImageDigest::parse(text), Err(error), "{text}");
        }
        let upper = format!("sha256:{}", HEX.to_uppercase());
        assert_eq!(ImageDigest::parse(&upper), Err(DigestError::Format));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_is_written_as_it_was(
            text in "[a-cA-C0-2./:@_\\[\\] é-]{0,40}"
        ) {
            if let Ok(reference) = ImageReference::parse_canonical(&text) {
                prop_assert_eq!(reference.to_string(), text.clone());
            }
            let _ = ImageReference::parse(&text).map_err(|error| error.hint());
        }
    }
}
