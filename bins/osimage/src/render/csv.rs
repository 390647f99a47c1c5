//! Comma-separated values (RFC 4180) that a spreadsheet can open.

use std::io::{Result, Write};

/// Writes one row.
pub(crate) fn row<T: AsRef<str>>(out: &mut dyn Write, cells: &[T]) -> Result<()> {
    let cells: Vec<_> = cells.iter().map(|cell| field(cell.as_ref())).collect();
    writeln!(out, "{}", cells.join(","))
}

/// What a spreadsheet would take for a formula at the start of a cell gets an apostrophe: names come
/// from clusters. A dash alone is what is not known.
fn field(text: &str) -> String {
    let is_formula = text.len() > 1 && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_text_whatever_it_holds() {
        let check = |text: &str, expected: &str| assert_eq!(field(text), expected);
        check("a b", "a b");
        check("a,\"b\"\n", "\"a,\"\"b\"\"\n\"");
        check("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"");
        check("-1", "'-1");
        check("-", "-");
    }
}
