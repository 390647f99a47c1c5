//! The schemas that the API server checks objects against (IL-008 … IL-017).

use std::sync::LazyLock;

use regex::Regex;

/// The shape of a value.
#[derive(Debug)]
pub(super) enum Shape {
    /// A string: its length in characters, and rules.
    Text {
        shortest: usize,
        longest: usize,
        rules: &'static [TextRule],
    },
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An integer that is at least this.
    Integer(i64),
    /// An object; members that are not listed are dropped by the API server.
    Object(&'static [Member]),
    /// A list; no two elements have the same values under these keys.
    List {
        most: usize,
        of: &'static Shape,
        keys: &'static [Key],
    },
}

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) shape: &'static Shape,
}

/// What tells elements of a list apart.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What the API server fills in.
    pub(super) default: Option<&'static str>,
}

pub(super) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        is_required: true,
        shape,
    }
}

pub(super) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        is_required: false,
        shape,
    }
}

/// A rule for a string, with the API's own message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextRule {
    /// IL-008
    DnsSubdomain,
    /// IL-009
    DnsLabel,
    /// IL-009
    Dns1035Label,
    /// IL-010
    ImageTag,
    /// IL-011
    ImageDigest,
    /// IL-011
    ImageName,
    /// IL-017: the push spec of v1alpha1.
    AlphaImageTag,
    /// The names of v1alpha1, which may have upper case.
    AlphaName,
    /// A time.
    Time,
}

static IMAGE_TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        "^([a-zA-Z0-9-]+\\.)+[a-zA-Z0-9-]+(:[0-9]{2,5})?(/[a-zA-Z0-9_-]{1,61})*/[a-zA-Z0-9_.-]+:\
         [a-zA-Z0-9._-]+$",
    )
    .ok()
});
static IMAGE_TAG_OF_SERVICE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[^.]+\.[^.]+\.svc:[0-9]+/[^/]+/[^/]+:[^/]+$").ok());
static IMAGE_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        "^([a-zA-Z0-9-]+\\.)+[a-zA-Z0-9-]+(:[0-9]{2,5})?/([a-zA-Z0-9_-]{0,61}/)?[a-zA-Z0-9_.-]*?$",
    )
    .ok()
});

fn matches(pattern: Option<&Regex>, text: &str) -> bool {
    // The patterns are our own; a test compiles them all.
    pattern.is_some_and(|pattern| pattern.is_match(text))
}

impl TextRule {
    /// Whether a string keeps the rule.
    pub(super) fn is_kept_by(self, text: &str) -> bool {
        match self {
            Self::DnsSubdomain => openshift_model::is_dns_subdomain(text) && text.len() <= 253,
            Self::DnsLabel => is_label(text, |byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit()
            }),
            Self::Dns1035Label => is_label(text, |byte| byte.is_ascii_lowercase()),
            Self::ImageTag => is_image_tag(text),
            Self::ImageDigest => is_image_digest(text),
            Self::ImageName => is_image_name(text.split('@').next().unwrap_or_default()),
            Self::AlphaImageTag => is_alpha_image_tag(text),
            Self::AlphaName => openshift_model::is_dns_subdomain(&text.to_ascii_lowercase()),
            Self::Time => is_time(text),
        }
    }

    /// What the API server says where it is broken.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::DnsSubdomain | Self::AlphaName => {
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                 characters, '-' or '.', and must start and end with an alphanumeric character."
            }
            Self::DnsLabel => {
                "the value must consist of only lowercase alphanumeric characters and hyphens"
            }
            Self::Dns1035Label => {
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start \
                 with an alphabetic character, and end with an alphanumeric character"
            }
            Self::ImageTag | Self::AlphaImageTag => {
                "the OCI Image name should follow the host[:port][/namespace]/name format, \
                 resembling a valid URL without the scheme. Or it must be a valid .svc followed by \
                 a port, repository, image name, and tag."
            }
            Self::ImageDigest => {
                "the OCI Image reference must end with a valid '@sha256:<digest>' suffix, where \
                 '<digest>' is 64 characters long"
            }
            Self::ImageName => {
                "the OCI Image name should follow the host[:port][/namespace]/name format, \
                 resembling a valid URL without the scheme"
            }
            Self::Time => "must be of type date-time",
        }
    }
}

fn is_label(text: &str, first: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.first().copied().is_some_and(first)
        && bytes.last().copied().is_some_and(inner)
        && bytes.iter().all(|byte| inner(*byte) || *byte == b'-')
}

/// IL-010: a tag is mandatory, a digest impossible, a host without a dot refused.
pub fn is_image_tag(text: &str) -> bool {
    matches(IMAGE_TAG.as_ref(), text) || matches(IMAGE_TAG_OF_SERVICE.as_ref(), text)
}

/// IL-011: the first of the two rules: one `@`, and a SHA-256 digest behind it.
pub fn is_image_digest(text: &str) -> bool {
    let mut parts = text.split('@');
    let (Some(_), Some(digest), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// IL-011: the second rule, for what stands before the `@`: one level of namespace at most.
pub fn is_image_name(text: &str) -> bool {
    matches(IMAGE_NAME.as_ref(), text)
}

/// IL-017: one colon with a tag behind it and a name before it, or the form of a service.
fn is_alpha_image_tag(text: &str) -> bool {
    if matches(IMAGE_TAG_OF_SERVICE.as_ref(), text) {
        return true;
    }
    let mut parts = text.split(':');
    let (Some(name), Some(tag), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let tag_character = |byte: u8| byte.is_ascii_alphanumeric() || b"-./:".contains(&byte);
    !tag.is_empty() && tag.bytes().all(tag_character) && is_image_name(name)
}

/// RFC 3339 as far as a mistake is likely.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let digits = |range: std::ops::Range<usize>| {
        bytes
            .get(range)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
    };
    digits(0..4)
        && at(4) == b'-'
        && digits(5..7)
        && at(7) == b'-'
        && digits(8..10)
        && matches!(at(10), b'T' | b't')
        && digits(11..13)
        && at(13) == b':'
        && digits(14..16)
        && at(16) == b':'
        && digits(17..19)
        && (text.ends_with(['Z', 'z']) || matches!(at(text.len().wrapping_sub(6)), b'+' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_compile() {
        for pattern in [&IMAGE_TAG, &IMAGE_TAG_OF_SERVICE, &IMAGE_NAME] {
            assert!(pattern.is_some());
        }
    }

    fn check(rule: TextRule, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(rule.is_kept_by(text), "{rule:?} {text}");
        }
        for text in bad {
            assert!(!rule.is_kept_by(text), "{rule:?} {text}");
        }
    }

    #[test]
    fn il_010_push_specs_have_a_tag_and_a_host_with_a_dot() {
        check(
            TextRule::ImageTag,
            &[
                "quay.io/org/repo:latest",
                "a.b:5000/x/y/z:1.0_A-b",
                "a.b.svc:5000/n/i:t",
            ],
            &[
                "quay.io/org/repo",
                "localhost:5000/o/r:x",
                "http://a.b/c:d",
                "a.b:1/c:d",
                "",
            ],
        );
    }

    #[test]
    fn il_011_pull_specs_have_a_digest_and_one_namespace() {
        let digest = format!("quay.io/org/repo@sha256:{}", "a".repeat(64));
        check(
            TextRule::ImageDigest,
            &[&digest],
            &["quay.io/a", "a@b@c", "a@sha256:12"],
        );
        check(
            TextRule::ImageName,
            &[&digest, "a.b/c"],
            &["a.b/c/d/e@x", "localhost/a"],
        );
    }

    #[test]
    fn il_017_push_specs_of_v1alpha1_have_one_colon() {
        check(
            TextRule::AlphaImageTag,
            &["quay.io/org/repo:latest", "a.b.svc:5000/n/i:t"],
            &["a.b:5000/x/y:t", "quay.io/org/repo", "quay.io/a:b c"],
        );
    }

    #[test]
    fn il_008_il_009_names() {
        check(
            TextRule::DnsSubdomain,
            &["a", "a-b.c1"],
            &["", "A", "-a", "a-", "a..b", "a_b"],
        );
        check(TextRule::DnsLabel, &["1a"], &["a.b", ""]);
        check(TextRule::Dns1035Label, &["a1"], &["1a", "a-"]);
        check(TextRule::AlphaName, &["Layered"], &["<mcp_name>"]);
        check(
            TextRule::Time,
            &["2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00"],
            &["x", ""],
        );
    }
}
