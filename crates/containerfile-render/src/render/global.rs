//! Arguments that a user writes before his first FROM (IL-787).

use crate::check::{CheckFor, Keyword, instructions};

/// IL-787: the arguments that stand before the first FROM of a text, with the comments among them,
/// and the rest. Where something else stands there too, the text continues a stage, and its
/// arguments are arguments of that stage.
pub(super) fn split(content: &str) -> (&str, &str) {
    let mut has_arguments = false;
    for instruction in instructions(content, CheckFor::default()).map_while(Result::ok) {
        match instruction.keyword {
            Some(Keyword::Arg) => has_arguments = true,
            Some(Keyword::From) if has_arguments => {
                return content
                    .split_at_checked(start_of(content, instruction.line))
                    .unwrap_or(("", content));
            }
            _ => break,
        }
    }
    ("", content)
}

/// Where a line starts, from 1.
fn start_of(content: &str, line: usize) -> usize {
    let lines = content.split_inclusive('\n').take(line - 1);
    lines.map(str::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_787_arguments_before_the_first_from_are_global() {
        for (content, expected) in [
            ("FROM configs\n", ""),
            ("ARG A\n", ""),
            ("RUN a\nARG A\nFROM configs\n", ""),
            ("ARG A=1\nFROM configs\nARG B\n", "ARG A=1\n"),
            ("# c\nARG A=\\\n1\n\n  FROM configs", "# c\nARG A=\\\n1\n\n"),
        ] {
            let (arguments, rest) = split(content);
            assert_eq!(arguments, expected, "{content}");
            assert_eq!(format!("{arguments}{rest}"), content);
        }
    }
}
