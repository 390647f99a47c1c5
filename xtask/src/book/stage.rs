//! The pages as the site needs them.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// How what is HTML in the pages goes on behind its bracket; all else that stands in brackets is text.
const ELEMENTS: &[&str] = &["a id=", "/a>", "br>", "!--", "http"];

/// Copies a folder of pages. In Markdown, links that lead out of the folder go to `source`, or become
/// plain text.
pub(super) fn copy(from: &Path, to: &Path, source: Option<&str>) -> Result<(), String> {
    walk(from, to, Path::new(""), &|text, folder| {
        rewritten(text, folder, source)
    })
}

/// Copies a folder as it is.
pub(super) fn copy_all(from: &Path, to: &Path) -> Result<(), String> {
    walk(from, to, Path::new(""), &|text, _| text.to_owned())
}

/// Copies `from/inside` to `to/inside`; `change` gets texts in Markdown and the folder they are in.
fn walk(
    from: &Path,
    to: &Path,
    inside: &Path,
    change: &dyn Fn(&str, &Path) -> String,
) -> Result<(), String> {
    let folder = from.join(inside);
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(to.join(inside)).map_err(failed)?;
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = inside.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            walk(from, to, &name, change)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).map_err(failed)?;
            fs::write(to.join(&name), change(&text, inside)).map_err(failed)?;
        } else {
            fs::copy(&path, to.join(&name)).map_err(failed)?;
        }
    }
    Ok(())
}

/// A text of `folder`, below the folder of all pages, with its links out of there changed.
fn rewritten(text: &str, folder: &Path, source: Option<&str>) -> String {
    let mut written = String::with_capacity(text.len());
    let mut in_code = false;
    let mut in_span = false;
    for line in text.split_inclusive('\n') {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        if in_code || is_fence {
            written.push_str(line);
        } else {
            // No span of code goes on behind an empty line.
            in_span &= !line.trim().is_empty();
            let line = with_placeholders(line, &mut in_span);
            rewrite_line(&line, folder, source, &mut written);
        }
    }
    written
}

/// A line in which placeholders such as `<pool>` are text: unknown elements of HTML are not shown.
fn with_placeholders(line: &str, in_span: &mut bool) -> String {
    let mut written = String::with_capacity(line.len());
    for (number, part) in line.split('`').enumerate() {
        if number > 0 {
            written.push('`');
            *in_span = !*in_span;
        }
        if *in_span {
            written.push_str(part);
            continue;
        }
        let mut parts = part.split('<');
        written.push_str(parts.next().unwrap_or_default());
        for rest in parts {
            let is_element = ELEMENTS.iter().any(|element| rest.starts_with(element));
            written.push_str(if is_element { "<" } else { "&lt;" });
            written.push_str(rest);
        }
    }
    written
}

fn rewrite_line(line: &str, folder: &Path, source: Option<&str>, written: &mut String) {
    let start = written.len();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("](") {
        written.push_str(before);
        let Some((target, behind)) = after.split_once(')') else {
            written.push_str("](");
            rest = after;
            continue;
        };
        match (outside(target, folder), source) {
            (None, _) => written.push_str(&format!("]({target})")),
            (Some(path), Some(source)) => {
                written.push_str(&format!("]({}/{path})", source.trim_end_matches('/')));
            }
            (Some(_), None) => remove_bracket(written, start),
        }
        rest = behind;
    }
    written.push_str(rest);
}

/// Takes away the bracket that opens the text of a link; the line started at `start`.
fn remove_bracket(written: &mut String, start: usize) {
    let mut depth = 0;
    let found = written
        .char_indices()
        .rev()
        .take_while(|(at, _)| *at >= start)
        .find(|(_, c)| {
            depth += i32::from(*c == ']') - i32::from(*c == '[');
            depth < 0
        });
    if let Some((at, _)) = found {
        written.remove(at);
    }
}

/// Where a link leads from the root of the repository, if that is out of the folder of all pages.
fn outside(link: &str, folder: &Path) -> Option<String> {
    if link.contains("://") || link.starts_with('#') || link.starts_with("mailto:") {
        return None;
    }
    let mut path = PathBuf::new();
    let mut above = 0;
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir if !path.pop() => above += 1,
            Component::ParentDir | Component::CurDir => {}
            other => path.push(other),
        }
    }
    (above > 0).then(|| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_documentation_become_text_or_lead_to_the_source() {
        let check = |line: &str, plain: &str, linked: &str| {
            let folder = Path::new("guides");
            assert_eq!(rewritten(line, folder, None), plain);
            assert_eq!(rewritten(line, folder, Some("https://x.example/")), linked);
        };
        let inside = "[a](b.md#c) and [d](../spec/e.md), `[f](../../g)`\n";
        let same = "[h](https://example.com) [i](#j)";
        check(same, same, same);
        check(
            "[a](b.md) [c](../spec/d.md)",
            "[a](b.md) [c](../spec/d.md)",
            "[a](b.md) [c](../spec/d.md)",
        );
        check(
            "see [the `code` [1]](../../crates/x/src/lib.rs#L3), and [y](z.md)",
            "see the `code` [1], and [y](z.md)",
            "see [the `code` [1]](https://x.example/crates/x/src/lib.rs#L3), and [y](z.md)",
        );
        let placeholders = "<a id=\"x\"></a>os-<pool>, `<pool>`, `a\nb <c>` <d>";
        let text = "<a id=\"x\"></a>os-&lt;pool>, `<pool>`, `a\nb <c>` &lt;d>";
        check(placeholders, text, text);
        let code = "```\n[a](../../b)\n```\n";
        check(code, code, code);
        assert!(
            rewritten(inside, Path::new("guides"), None)
                .starts_with("[a](b.md#c) and [d](../spec/e.md)")
        );
    }
}
