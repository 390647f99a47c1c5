//! Two texts side by side, as `sdiff` shows them.

use std::io::{Result, Write};
use std::time::Duration;

use similar::{DiffOp, TextDiff};

use crate::text::{WIDTH, pad};

/// What stands between the columns.
const UNCHANGED: &str = "   ";
const CHANGED: &str = " | ";
const ONLY_LEFT: &str = " < ";
const ONLY_RIGHT: &str = " > ";

/// How long to look for the shortest difference: what is found by then is correct, only longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The width of both columns: `$COLUMNS` where it is wider than what everything fits into.
pub(crate) fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|columns| columns.parse().ok());
    columns.unwrap_or(WIDTH).max(WIDTH)
}

/// Writes both texts in columns. A changed line that is too long goes on below; an unchanged one is
/// cut, because there is nothing to review in it.
pub(crate) fn write(out: &mut dyn Write, before: &str, after: &str, width: usize) -> Result<()> {
    let column = width.saturating_sub(UNCHANGED.len()) / 2;
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(before, after);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(after));
    for op in diff.ops() {
        let left = before.get(op.old_range()).unwrap_or_default();
        let right = after.get(op.new_range()).unwrap_or_default();
        let is_same = matches!(op, DiffOp::Equal { .. });
        for index in 0..left.len().max(right.len()) {
            let (left, right) = (left.get(index), right.get(index));
            let mark = match (left, right) {
                _ if is_same => UNCHANGED,
                (Some(_), Some(_)) => CHANGED,
                (Some(_), None) => ONLY_LEFT,
                _ => ONLY_RIGHT,
            };
            let pieces = |line: Option<&String>| {
                let line = line.map(String::as_str).unwrap_or_default();
                if is_same {
                    vec![cut(line, column)]
                } else {
                    pieces(line, column)
                }
            };
            write_row(out, &pieces(left), mark, &pieces(right), column)?;
        }
    }
    Ok(())
}

fn write_row(
    out: &mut dyn Write,
    left: &[String],
    mark: &str,
    right: &[String],
    column: usize,
) -> Result<()> {
    for index in 0..left.len().max(right.len()) {
        let piece = |pieces: &[String]| pieces.get(index).cloned().unwrap_or_default();
        let row = format!("{}{mark}{}", pad(&piece(left), column), piece(right));
        writeln!(out, "{}", row.trim_end())?;
    }
    Ok(())
}

/// A line in pieces that fit a column; at least one.
fn pieces(line: &str, column: usize) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    let pieces: Vec<String> = characters
        .chunks(column.max(1))
        .map(String::from_iter)
        .collect();
    if pieces.is_empty() {
        vec![String::new()]
    } else {
        pieces
    }
}

/// A line that fits a column; an ellipsis says where it was cut.
fn cut(line: &str, column: usize) -> String {
    if line.chars().count() <= column {
        return line.to_owned();
    }
    let mut start: String = line.chars().take(column.saturating_sub(1)).collect();
    start.push('…');
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &[&str]) {
        let mut out = Vec::new();
        write(&mut out, before, after, 19).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn changed_lines_stand_beside_each_other() {
        check(
            "a\nb\nc\n",
            "a\nx\nc\nd\n",
            &[
                "a          a",
                "b        | x",
                "c          c",
                "         > d",
            ],
        );
        check("a\nb\n", "b\n", &["a        <", "b          b"]);
        check("", "", &[]);
    }

    #[test]
    fn long_lines_are_cut_where_equal_and_go_on_where_not() {
        check(
            "123456789\nabcdefghij\n",
            "123456789\nabcdefghiX\n",
            &[
                "1234567…   1234567…",
                "abcdefgh | abcdefgh",
                "ij       | iX",
            ],
        );
    }
}
