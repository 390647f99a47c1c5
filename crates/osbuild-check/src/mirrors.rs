//! Where images are pulled from instead of the registry that they name: `registries.conf`, version 2, as
//! `containers-registries.conf(5)` describes it.

use serde::Deserialize;

/// A file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MirrorsError(String);

/// Where images are pulled from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors(Vec<Entry>);

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    registry: Vec<Entry>,
}

/// `[[registry]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<Mirror>,
}

/// `[[registry.mirror]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Mirror {
    location: String,
    #[serde(default)]
    pull_from_mirror: PullFromMirror,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PullFromMirror {
    #[default]
    All,
    DigestOnly,
    TagOnly,
}

impl Mirrors {
    /// Adds what a file says. Of two entries for the same prefix the one that was added last counts.
    pub fn add(&mut self, text: &str) -> Result<(), MirrorsError> {
        let document: Document =
            toml::from_str(text).map_err(|error| MirrorsError(error.message().to_owned()))?;
        for mut entry in document.registry {
            if entry.prefix.is_empty() {
                entry.prefix.clone_from(&entry.location);
            }
            self.0.retain(|other| other.prefix != entry.prefix);
            self.0.push(entry);
        }
        Ok(())
    }

    /// The references under which an image is looked for, in this order: at its mirrors, then where it
    /// says itself. Empty where it is blocked and has no mirror.
    pub fn sources(&self, image: &str) -> Vec<String> {
        let entries = self.0.iter();
        let fitting = entries.filter_map(|entry| Some((matched(&entry.prefix, image)?, entry)));
        // The longest prefix counts.
        let Some((rest, entry)) = fitting.min_by_key(|(rest, _)| rest.len()) else {
            return vec![image.to_owned()];
        };
        let is_digested = image.contains('@');
        let is_used = |mirror: &&Mirror| match mirror.pull_from_mirror {
            PullFromMirror::All => is_digested || !entry.mirror_by_digest_only,
            PullFromMirror::DigestOnly => is_digested,
            PullFromMirror::TagOnly => !is_digested && !entry.mirror_by_digest_only,
        };
        let mirrors = entry.mirror.iter().filter(is_used);
        let mut sources: Vec<String> = mirrors
            .map(|mirror| format!("{}{rest}", mirror.location))
            .collect();
        if !entry.blocked {
            // A prefix with `*.` may have no location: the image is where it says.
            sources.push(match entry.location.as_str() {
                "" => image.to_owned(),
                location => format!("{location}{rest}"),
            });
        }
        sources
    }
}

/// What follows a prefix in a reference; `None` where the reference does not begin with it.
fn matched<'i>(prefix: &str, image: &'i str) -> Option<&'i str> {
    let is_end = |rest: &str| rest.is_empty() || rest.starts_with(['/', ':', '@']);
    if let Some(domain) = prefix.strip_prefix("*.") {
        let end = image.find('/').unwrap_or(image.len());
        let (host, rest) = image.split_at(end);
        let name = host.split(':').next().unwrap_or_default();
        let before = name.strip_suffix(domain)?;
        return (before.len() > 1 && before.ends_with('.')).then_some(rest);
    }
    let rest = image.strip_prefix(prefix)?;
    (!prefix.is_empty() && is_end(rest)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: &str = "quay.io/openshift-release-dev/ocp-v4.0-art-dev";

    fn mirrors(texts: &[&str]) -> Mirrors {
        let mut mirrors = Mirrors::default();
        for text in texts {
            mirrors.add(text).unwrap();
        }
        mirrors
    }

    #[test]
    fn il_055_a_mirrored_image_is_looked_for_at_its_mirrors_first() {
        let found = mirrors(&[r#"
            unqualified-search-registries = ["docker.io"]
            [[registry]]
            prefix = ""
            location = "quay.io/openshift-release-dev/ocp-v4.0-art-dev"
            mirror-by-digest-only = true
            [[registry.mirror]]
            location = "mirror.lan:5000/release"
            insecure = true
            [[registry.mirror]]
            location = "other.lan/release"
            pull-from-mirror = "tag-only"
            [[registry]]
            location = "quay.io"
            blocked = true
            [[registry]]
            prefix = "*.example.com"
            [[registry.mirror]]
            location = "mirror.lan/example"
            pull-from-mirror = "digest-only"
            [[registry]]
            prefix = "a.lan/x"
            location = "b.lan/y"
        "#]);
        let check = |image: &str, expected: &[&str]| {
            assert_eq!(found.sources(image), expected, "{image}");
        };
        let digested = format!("{RELEASE}@sha256:1");
        check(&digested, &["mirror.lan:5000/release@sha256:1", &digested]);
        let tagged = format!("{RELEASE}:4.20");
        check(&tagged, &[&tagged]);
        check("quay.io/org/os:1", &[]);
        check("quay.io.lan/org/os:1", &["quay.io.lan/org/os:1"]);
        check(
            "r.example.com:5000/os@sha256:1",
            &[
                "mirror.lan/example/os@sha256:1",
                "r.example.com:5000/os@sha256:1",
            ],
        );
        check("r.example.com/os:1", &["r.example.com/os:1"]);
        check("example.com/os@sha256:1", &["example.com/os@sha256:1"]);
        check("a.lan/x/os:1", &["b.lan/y/os:1"]);
        check("a.lan/xy/os:1", &["a.lan/xy/os:1"]);
    }

    #[test]
    fn il_055_the_file_that_was_added_last_counts() {
        let one = "[[registry]]\nlocation = \"a.lan\"\n[[registry.mirror]]\nlocation = \"b.lan\"\n";
        let found = mirrors(&[one, &one.replace("b.lan", "c.lan"), "# nothing\n"]);
        assert_eq!(found.sources("a.lan/i:1"), ["c.lan/i:1", "a.lan/i:1"]);
        let error = Mirrors::default().add("[[registry").unwrap_err();
        assert!(!error.to_string().is_empty());
        // Version 1 names no mirrors.
        let old = mirrors(&["[registries.search]\nregistries = ['a.lan']\n"]);
        assert_eq!(old.sources("a.lan/i:1"), ["a.lan/i:1"]);
    }
}
