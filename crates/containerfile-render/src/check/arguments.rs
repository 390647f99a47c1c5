//! The flags and arguments of an instruction (IL-187 … IL-189).

use std::borrow::Cow;

use serde_json::Value;

use super::problem::{Keyword, ParseProblem};

/// What is known about the arguments of an instruction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// Whether there is one.
    pub(super) any: bool,
    /// The members where they are a JSON array of strings.
    pub(super) json: Option<Vec<String>>,
}

/// Characters between an instruction and its arguments.
const BLANKS: [char; 5] = [' ', '\t', '\u{b}', '\u{c}', '\r'];

/// IL-187: the first word, and what follows it and its `--flag` words.
pub(super) fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    match line.split_once(BLANKS) {
        Some((word, rest)) => (word, skip_flags(rest).trim()),
        None => (line, ""),
    }
}

/// IL-187: the leading words that start with `--`, name and value of each.
pub(super) fn flags(line: &str) -> Vec<(&str, &str)> {
    let (_, rest) = line.trim().split_once(BLANKS).unwrap_or_default();
    let mut found = Vec::new();
    take_flags(rest, |word| {
        let flag = word.strip_prefix("--").unwrap_or(word);
        found.push(flag.split_once('=').unwrap_or((flag, "")));
    });
    found
}

fn skip_flags(text: &str) -> &str {
    take_flags(text, |_| {})
}

/// IL-187: hands leading words that start with `--` to `visit`, and returns what follows them.
/// Quotes hold blanks; a backslash takes the next character whatever it is.
fn take_flags<'a>(text: &'a str, mut visit: impl FnMut(&'a str)) -> &'a str {
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let end = word_end(rest, '\\', true);
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = after.trim_start();
        if word == "--" {
            break;
        }
        visit(word);
    }
    rest
}

/// Where the word that `text` starts with ends: at a blank outside quotes.
fn word_end(text: &str, escape: char, escape_in_single_quotes: bool) -> usize {
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match quote {
            None if c.is_whitespace() => return at,
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape && (escape_in_single_quotes || quote != Some('\'')) => {
                characters.next();
            }
            _ => {}
        }
    }
    text.len()
}

/// IL-188: parses the arguments of an instruction.
pub(super) fn parse(keyword: Keyword, text: &str, escape: char) -> Result<Arguments, ParseProblem> {
    let mut keyword = keyword;
    let mut text = text;
    let any = !text.is_empty();
    // The instruction behind ONBUILD has arguments of its own, and may be another ONBUILD.
    while keyword == Keyword::Onbuild {
        let (word, rest) = split(text);
        let Some(child) = Keyword::of(word) else {
            return Ok(Arguments { any, json: None });
        };
        (keyword, text) = (child, rest);
    }
    match keyword {
        Keyword::Add
        | Keyword::Cmd
        | Keyword::Copy
        | Keyword::Entrypoint
        | Keyword::Run
        | Keyword::Shell
        | Keyword::Volume => Ok(Arguments {
            any,
            json: json(text)?,
        }),
        Keyword::Healthcheck => {
            let (_, command) = text.split_once(char::is_whitespace).unwrap_or_default();
            json(command.trim_start())?;
            Ok(Arguments { any, json: None })
        }
        Keyword::Env | Keyword::Label => {
            check_pairs(keyword, text, escape)?;
            Ok(Arguments { any, json: None })
        }
        _ => Ok(Arguments { any, json: None }),
    }
}

/// IL-188: the members where the arguments are a JSON array of strings. Broken JSON is plain text;
/// what follows the array does not count.
fn json(text: &str) -> Result<Option<Vec<String>>, ParseProblem> {
    if !text.starts_with('[') {
        return Ok(None);
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Vec<Value>>();
    let Some(Ok(members)) = values.next() else {
        return Ok(None);
    };
    let string = |member: Value| match member {
        Value::String(text) => Ok(text),
        _ => Err(ParseProblem::NotStrings),
    };
    members
        .into_iter()
        .map(string)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// IL-188: `key value`, or words that all have `=`.
fn check_pairs(keyword: Keyword, text: &str, escape: char) -> Result<(), ParseProblem> {
    let mut rest = text;
    let mut first = true;
    while !rest.is_empty() {
        let end = word_end(rest, escape, false);
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if !word.contains('=') {
            if !first {
                return Err(ParseProblem::NoEquals {
                    word: word.to_owned(),
                });
            }
            return if text.contains(BLANKS) {
                Ok(())
            } else {
                Err(ParseProblem::OneArgument(keyword))
            };
        }
        first = false;
        rest = after.trim_start();
    }
    Ok(())
}

/// The end of a here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terminator {
    pub(super) word: String,
    /// `<<-`: tabs before it do not count.
    pub(super) chomp: bool,
}

/// IL-189: the here-documents that a line opens: `<<WORD`, `<<-WORD`, with quotes or without.
pub(super) fn here_documents(line: &str) -> Vec<Terminator> {
    let mut found = Vec::new();
    if !line.contains("<<") {
        return found;
    }
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = word_end(rest, '\\', false);
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        found.extend(here_document(word));
        rest = after.trim_start();
    }
    found
}

fn here_document(word: &str) -> Option<Terminator> {
    let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = word.strip_prefix("<<")?;
    let (rest, chomp) = match rest.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    Some(Terminator {
        word: unquoted(rest).into_owned(),
        chomp,
    })
}

fn unquoted(word: &str) -> Cow<'_, str> {
    if word.contains(['\'', '"', '\\']) {
        Cow::Owned(word.replace(['\'', '"', '\\'], ""))
    } else {
        Cow::Borrowed(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_187_flags_have_names_and_values() {
        assert_eq!(
            flags("COPY --from=a --link b c"),
            [("from", "a"), ("link", "")]
        );
        assert_eq!(flags("RUN a --b"), []);
        assert_eq!(flags("RUN"), []);
    }

    #[test]
    fn il_187_flags_are_no_arguments() {
        let cases = [
            ("RUN", ("RUN", "")),
            ("RUN  a b ", ("RUN", "a b")),
            ("COPY --from=a  b c", ("COPY", "b c")),
            ("RUN --mount=type=bind --network=none\ta", ("RUN", "a")),
            ("RUN --x='a b' c", ("RUN", "c")),
            ("RUN --x=a\\ b c", ("RUN", "c")),
            ("RUN -- c", ("RUN", "c")),
            ("RUN --mount=type=bind", ("RUN", "")),
            ("RUN a --b", ("RUN", "a --b")),
        ];
        for (line, expected) in cases {
            assert_eq!(split(line), expected, "{line}");
        }
    }

    #[test]
    fn il_188_arrays_and_pairs() {
        let look = |keyword, text| parse(keyword, text, '\\');
        let json = |members: &[&str]| {
            let members = members.iter().map(|member| (*member).to_owned()).collect();
            Ok(Arguments {
                any: true,
                json: Some(members),
            })
        };
        let plain = Ok(Arguments {
            any: true,
            json: None,
        });
        assert_eq!(look(Keyword::Cmd, "[]"), json(&[]));
        assert_eq!(look(Keyword::Run, "[\"a\"] b"), json(&["a"]));
        assert_eq!(look(Keyword::Run, "[a"), plain);
        assert_eq!(look(Keyword::Cmd, "[1]"), Err(ParseProblem::NotStrings));
        assert_eq!(look(Keyword::Cmd, "[null]"), Err(ParseProblem::NotStrings));
        assert_eq!(
            look(Keyword::Healthcheck, "CMD [1]"),
            Err(ParseProblem::NotStrings)
        );
        assert_eq!(
            look(Keyword::Onbuild, "ONBUILD CMD [1]"),
            Err(ParseProblem::NotStrings)
        );
        assert_eq!(look(Keyword::User, "[1]"), plain);
        assert_eq!(look(Keyword::Env, "a b"), plain);
        assert_eq!(look(Keyword::Env, "a='b c' d=\"e\\\" f\""), plain);
        assert_eq!(look(Keyword::Env, "\"a b\""), plain);
        assert_eq!(
            look(Keyword::Env, "a"),
            Err(ParseProblem::OneArgument(Keyword::Env))
        );
        let word = "c".to_owned();
        assert_eq!(
            look(Keyword::Label, "a=b c"),
            Err(ParseProblem::NoEquals { word })
        );
    }

    #[test]
    fn il_189_here_documents() {
        let words = |line: &str| -> Vec<String> {
            let found = here_documents(line);
            found
                .into_iter()
                .map(|end| format!("{}{}", end.word, u8::from(end.chomp)))
                .collect()
        };
        assert_eq!(words("RUN <<EOF"), ["EOF0"]);
        assert_eq!(words("RUN bash <<-'EOF' 3<<\"B\""), ["EOF1", "B0"]);
        for none in [
            "RUN a <<<b",
            "RUN a<<EOF",
            "RUN \"<<EOF\"",
            "RUN <<",
            "RUN a",
        ] {
            assert!(words(none).is_empty(), "{none}");
        }
    }
}
