//! A writer of YAML limited to what is hashed, byte for byte as the reference's YAML library
//! writes it (IL-110 … IL-119).
//!
//! The bytes count, not the meaning: a name that differs in one bit costs every node of a pool a
//! rebuild and a reboot (IL-136).

mod clean;
mod resolve;
mod scalar;

pub(crate) use clean::{ControlCharacter, clean};

use crate::documents::Sink;

/// How much deeper the members of a mapping stand than its key.
const STEP: usize = 2;
/// Usual length of the three documents together, in bytes.
const USUAL_LENGTH: usize = 2048;

/// Writes documents one after the other into one text.
#[derive(Debug)]
pub(crate) struct Writer {
    out: String,
    /// Column of the keys that are written now.
    indent: usize,
    /// Whether the next key follows `- ` on the same line.
    at_item: bool,
    /// Where the document that is written now began.
    start: usize,
    error: Option<ControlCharacter>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self {
            out: String::with_capacity(USUAL_LENGTH),
            indent: 0,
            at_item: false,
            start: 0,
            error: None,
        }
    }

    /// IL-101, IL-103: ends a document; one without a member is `{}`.
    pub(crate) fn end_document(&mut self) {
        if self.out.len() == self.start {
            self.out.push_str("{}");
        }
        self.end_line();
        self.start = self.out.len();
    }

    /// Everything that was written; an error where a text could not be (IL-119).
    pub(crate) fn finish(self) -> Result<String, ControlCharacter> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }

    /// A line that ended with the break of a literal text needs no other one (IL-117).
    fn end_line(&mut self) {
        let is_ended = self.out.len() == self.start || self.out.ends_with(scalar::is_break);
        if !is_ended {
            self.out.push('\n');
        }
    }

    fn pad(&mut self) {
        scalar::spaces(&mut self.out, self.indent);
    }

    fn key(&mut self, key: &str) {
        if self.at_item {
            self.at_item = false;
        } else {
            self.end_line();
            self.pad();
        }
        self.out.push_str(key);
        self.out.push(':');
    }
}

impl<'a> Sink<'a> for Writer {
    fn scalar(&mut self, key: &'static str, value: &'a str) {
        match clean(value) {
            Ok(value) => {
                self.key(key);
                self.out.push(' ');
                let column = self.indent + key.len() + 2;
                scalar::write(&mut self.out, &value, column, self.indent + STEP);
            }
            Err(error) => self.error = Some(error),
        }
    }

    /// IL-112: an absent list is `null`.
    fn null(&mut self, key: &'static str) {
        self.key(key);
        self.out.push_str(" null");
    }

    fn empty_list(&mut self, key: &'static str) {
        self.key(key);
        self.out.push_str(" []");
    }

    /// IL-110: members of a mapping stand deeper than its key.
    fn begin_map(&mut self, key: &'static str) {
        self.key(key);
        self.indent += STEP;
    }

    fn end_map(&mut self) {
        self.indent -= STEP;
    }

    /// IL-111: items of a list stand at the column of its key.
    fn begin_list(&mut self, key: &'static str) {
        self.key(key);
    }

    fn end_list(&mut self) {}

    fn begin_item(&mut self) {
        self.end_line();
        self.pad();
        self.out.push_str("- ");
        self.indent += STEP;
        self.at_item = true;
    }

    fn end_item(&mut self) {
        if self.at_item {
            self.out.push_str("{}");
            self.at_item = false;
        }
        self.indent -= STEP;
    }
}
