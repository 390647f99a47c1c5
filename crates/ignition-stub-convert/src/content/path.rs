//! Paths as Ignition treats them: text with slashes, never looked up.

use std::borrow::Cow;

pub(crate) const PATH_RELATIVE: &str = "path not absolute";
pub(crate) const UNTIDY_PATH: &str = "path is not fully simplified";

pub(crate) fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
}

/// BI-367: `path` below the root filesystem, without `.`, `..` and superfluous slashes.
pub(crate) fn join_root(path: Cow<'_, str>) -> Cow<'_, str> {
    if is_tidy(&path) {
        return path;
    }
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    Cow::Owned(format!("/{}", steps.join("/")))
}

fn is_tidy(path: &str) -> bool {
    let below = path.strip_prefix('/');
    path == "/"
        || below.is_some_and(|below| !below.split('/').any(|step| matches!(step, "" | "." | "..")))
}

/// Whether `path` leads through `ancestor`.
pub(crate) fn is_below(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// What follows the last dot of the last step, the dot included; empty where there is none.
pub(crate) fn extension(name: &str) -> &str {
    let last = name.rsplit('/').next().unwrap_or_default();
    last.rfind('.')
        .and_then(|dot| last.get(dot..))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_367_paths_are_simplified() {
        for (path, expected) in [
            ("/etc/a", "/etc/a"),
            ("/", "/"),
            ("", "/"),
            ("/etc/a/", "/etc/a"),
            ("//etc//a", "/etc/a"),
            ("/etc/./../a", "/a"),
            ("/../../a", "/a"),
            ("/..", "/"),
            ("/a/..b/...", "/a/..b/..."),
        ] {
            assert_eq!(join_root(Cow::Borrowed(path)), expected, "{path}");
        }
    }

    #[test]
    fn bi_366_a_path_is_below_a_link_only_beyond_its_slash() {
        assert!(is_below("/a/b", "/a"));
        assert!(!is_below("/a", "/a"));
        assert!(!is_below("/ab", "/a"));
        assert!(!is_below("/a", "/"));
    }

    #[test]
    fn the_extension_starts_at_the_last_dot() {
        for (name, expected) in [
            ("a.service", ".service"),
            ("a.b.conf", ".conf"),
            ("a", ""),
            ("x.d/a", ""),
            ("a.", "."),
        ] {
            assert_eq!(extension(name), expected, "{name}");
        }
    }
}
