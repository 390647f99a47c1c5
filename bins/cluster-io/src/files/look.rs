//! A look at YAML before it is parsed: which documents, and which elements of lists, can hold an
//! object of a kind that is read. It looks at lines only, and at most of them only at the indentation:
//! a thousandth of the work of a parser, for files that mostly hold pods and events.
//!
//! What is skipped is certain to be of another kind: the document is a mapping in block style whose
//! first key stands in column 0, it has one line `kind: Word` there, and every other line in
//! column 0 is a key in plain letters, an element of a sequence or a comment. Even where such a
//! line belonged to a quoted string that was not indented, the document would then have no `kind`
//! of its own. Everything else (flow style, quoted keys, tags, anchors on a kind, directives, bare
//! carriage returns) is left to the parser. Elements of a list are held to the same rules at their
//! own indentation.

use std::ops::Range;

use openshift_model::Kind;

/// What is to be parsed of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Documents in the order of the file.
    pub(super) documents: Vec<Document>,
    /// How many documents are of other kinds, and how many elements of lists of which nothing is parsed.
    pub(super) ignored: usize,
}

/// A document that is parsed, all or some of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// From 1, in the file.
    pub(super) number: usize,
    /// Where it stands.
    pub(super) place: Place,
    /// `None`: all of it is parsed.
    pub(super) list: Option<List>,
}

/// A List or typed list, of which some elements are parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct List {
    /// `apiVersion`, empty where there is none.
    pub(super) api_version: String,
    /// `kind`, e.g. `MachineSetList`.
    pub(super) kind: String,
    /// The elements that are parsed; each is the text of a sequence of one element.
    pub(super) elements: Vec<Place>,
    /// How many elements are of other kinds.
    pub(super) ignored: usize,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// In bytes from the start of the file.
    pub(super) bytes: Range<u64>,
    /// The line that it starts with, from 1.
    pub(super) line: u64,
}

/// Which documents are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// None.
    All,
    /// Those that hold no object of a kind that is read.
    ObjectsThatAreRead,
}

/// Takes the lines of a file one after the other.
pub(super) struct Look {
    keep: Keep,
    found: Found,
    offset: u64,
    line: u64,
    number: usize,
    document: Current,
}

/// The document that is being looked at.
struct Current {
    start: Place,
    /// Whether `---` was seen.
    separated: bool,
    has_content: bool,
    /// Whether only a parser can tell what it is.
    unclear: bool,
    fields: Fields,
    items: Option<Items>,
}

/// The keys of a mapping that tell its kind.
#[derive(Default)]
struct Fields {
    any: bool,
    kind: Option<String>,
    api_version: Option<String>,
}

/// The elements of a list so far.
#[derive(Default)]
struct Items {
    /// How far the dashes are indented, once there is one.
    indent: Option<usize>,
    /// Another key of the document has followed.
    is_over: bool,
    kept: Vec<Place>,
    ignored: usize,
    element: Option<Element>,
}

struct Element {
    start: Place,
    unclear: bool,
    fields: Fields,
}

/// A line that starts with a key.
struct Key<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl Look {
    /// Starts behind the byte order mark, where there is one: at `offset`.
    pub(super) fn new(keep: Keep, offset: u64) -> Self {
        Self {
            keep,
            found: Found::default(),
            offset,
            line: 1,
            number: 1,
            document: Current::new(offset, 1, keep),
        }
    }

    /// Takes all lines that end, and returns what stands behind the last of them.
    pub(super) fn lines<'b>(&mut self, mut bytes: &'b [u8]) -> &'b [u8] {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, behind) = bytes.split_at(end + 1);
            self.line(line);
            bytes = behind;
        }
        bytes
    }

    /// The next line, with its line feed.
    pub(super) fn line(&mut self, line: &[u8]) {
        let separator = line
            .strip_prefix(b"---")
            .filter(|rest| rest.first().is_none_or(u8::is_ascii_whitespace));
        // What stands before the first separator may be comments and directives only: they belong
        // to the document that follows.
        if separator.is_some() && (self.document.has_content || self.document.separated) {
            self.close();
        }
        match separator {
            Some(rest) => self.document.separator(rest),
            None => self.document.line(line, self.offset, self.line),
        }
        self.offset += line.len() as u64;
        self.line += 1;
    }

    /// What was found, behind the last line.
    pub(super) fn finish(mut self) -> Found {
        self.close();
        self.found
    }

    fn close(&mut self) {
        let next = Current::new(self.offset, self.line, self.keep);
        let document = std::mem::replace(&mut self.document, next);
        let number = self.number;
        self.number += 1;
        if !document.has_content {
            return;
        }
        let place = Place {
            bytes: document.start.bytes.start..self.offset,
            line: document.start.line,
        };
        match document.verdict(self.offset) {
            Verdict::Skip => self.found.ignored += 1,
            Verdict::Parse => self.found.documents.push(Document {
                number,
                place,
                list: None,
            }),
            Verdict::List(list) => {
                if list.elements.is_empty() {
                    self.found.ignored += list.ignored;
                } else {
                    self.found.documents.push(Document {
                        number,
                        place,
                        list: Some(list),
                    });
                }
            }
        }
    }
}

enum Verdict {
    Skip,
    Parse,
    List(List),
}

impl Current {
    fn new(offset: u64, line: u64, keep: Keep) -> Self {
        Self {
            start: Place {
                bytes: offset..offset,
                line,
            },
            separated: false,
            has_content: false,
            unclear: keep == Keep::All,
            fields: Fields::default(),
            items: None,
        }
    }

    fn separator(&mut self, rest: &[u8]) {
        self.separated = true;
        if !rest.trim_ascii().is_empty() {
            self.has_content = true;
            self.unclear = true;
        }
    }

    fn line(&mut self, line: &[u8], offset: u64, number: u64) {
        if self.unclear && self.has_content {
            return;
        }
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        let content = line.get(indent..).unwrap_or_default().trim_ascii_end();
        let is_directive = indent == 0 && content.starts_with(b"%") && !self.separated;
        self.unclear |= is_directive || has_bare_return(line);
        if content.is_empty() || content.starts_with(b"#") || is_directive {
            return;
        }
        self.has_content = true;
        if self.unclear {
            return;
        }
        if self.items_line(indent, content, offset, number) {
            return;
        }
        if indent > 0 || content.starts_with(b"\t") {
            // Part of the value of the last key, or of a document that is indented as a whole.
            self.unclear |= !self.fields.any;
        } else {
            self.top_line(content, offset);
        }
    }

    /// A line in column 0.
    fn top_line(&mut self, content: &[u8], offset: u64) {
        if is_element(content) && self.fields.any {
            return;
        }
        let Some(key) = key(content) else {
            self.unclear = true;
            return;
        };
        if let Some(items) = &mut self.items {
            items.close(offset);
            items.is_over = true;
        }
        if key.name == b"items" {
            // An empty list, or one in flow style, is left to the parser.
            self.unclear |= self.items.is_some() || !key.value.is_empty();
            self.items = Some(Items::default());
        }
        self.unclear |= !self.fields.add(&key);
    }

    /// A line of the elements of a list; false for one that stands behind them.
    fn items_line(&mut self, indent: usize, content: &[u8], offset: u64, line: u64) -> bool {
        let Some(items) = self.items.as_mut().filter(|items| !items.is_over) else {
            return false;
        };
        let dash = *items.indent.get_or_insert(indent);
        if indent < dash || (indent == dash && !is_element(content)) {
            self.unclear |= indent > 0;
            return false;
        }
        // A tab that could be part of the indentation; deeper it is part of a text.
        self.unclear |= content.starts_with(b"\t") && indent <= dash + ELEMENT_INDENT;
        if indent == dash {
            items.close(offset);
            items.element = Some(Element::new(content, offset, line));
        } else if let Some(element) = &mut items.element {
            element.line(indent.saturating_sub(dash), content);
        }
        true
    }

    fn verdict(mut self, end: u64) -> Verdict {
        if let Some(items) = &mut self.items {
            items.close(end);
        }
        let Fields {
            kind, api_version, ..
        } = self.fields;
        match (kind, self.items) {
            _ if self.unclear => Verdict::Parse,
            (Some(kind), None) if !is_read(&kind) => Verdict::Skip,
            (Some(kind), Some(items)) if kind.ends_with("List") && items.any() => {
                Verdict::List(List {
                    api_version: api_version.unwrap_or_default(),
                    kind,
                    elements: items.kept,
                    ignored: items.ignored,
                })
            }
            _ => Verdict::Parse,
        }
    }
}

impl Items {
    fn any(&self) -> bool {
        self.ignored > 0 || !self.kept.is_empty()
    }

    /// The last element ends at `end`.
    fn close(&mut self, end: u64) {
        let Some(mut element) = self.element.take() else {
            return;
        };
        let skip = !element.unclear
            && element
                .fields
                .kind
                .is_some_and(|kind| !is_read(kind.as_str()));
        if skip {
            self.ignored += 1;
        } else {
            element.start.bytes.end = end;
            self.kept.push(element.start);
        }
    }
}

/// How far the keys of an element stand behind its dash.
const ELEMENT_INDENT: usize = 2;

impl Element {
    fn new(content: &[u8], offset: u64, line: u64) -> Self {
        let mut element = Self {
            start: Place {
                bytes: offset..offset,
                line,
            },
            unclear: false,
            fields: Fields::default(),
        };
        match content.get(ELEMENT_INDENT..) {
            Some(first) => element.line(ELEMENT_INDENT, first),
            None => element.unclear = true,
        }
        element
    }

    /// A line that stands `indent` behind the dash.
    fn line(&mut self, indent: usize, content: &[u8]) {
        if indent > ELEMENT_INDENT || self.unclear {
            return;
        }
        if indent == ELEMENT_INDENT && is_element(content) && self.fields.any {
            return;
        }
        let key = key(content).filter(|_| indent == ELEMENT_INDENT);
        self.unclear |= key.is_none_or(|key| !self.fields.add(&key));
    }
}

impl Fields {
    /// Takes a key over; false where only a parser can tell what it means.
    fn add(&mut self, key: &Key<'_>) -> bool {
        self.any = true;
        let field = match key.name {
            b"kind" => &mut self.kind,
            b"apiVersion" => &mut self.api_version,
            _ => return true,
        };
        let Some(value) = word(key.value).filter(|_| field.is_none()) else {
            return false;
        };
        *field = Some(value);
        true
    }
}

/// Whether objects of a kind are read out of files, in some API group. Pods are not: a dump has
/// thousands, and only who builds images looks at any.
pub(super) fn is_read(kind: &str) -> bool {
    let mut kinds = Kind::ALL.iter().filter(|read| **read != Kind::Pod);
    kinds.any(|read| read.name() == kind)
}

/// Whether a line is an element of a sequence.
fn is_element(content: &[u8]) -> bool {
    content == b"-" || content.starts_with(b"- ")
}

/// The key of a line in plain letters, and what stands behind the colon.
fn key(content: &[u8]) -> Option<Key<'_>> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./-".contains(byte);
    let length = content.iter().take_while(|byte| is_plain(byte)).count();
    let (name, rest) = content.split_at_checked(length)?;
    let value = rest.strip_prefix(b":")?;
    let is_key = name.first().is_some_and(u8::is_ascii_alphabetic)
        && value.first().is_none_or(|byte| b" \t".contains(byte));
    is_key.then(|| Key {
        name,
        value: value.trim_ascii(),
    })
}

/// A scalar of one word, as it is or in quotes.
fn word(value: &[u8]) -> Option<String> {
    let quoted = |quote: &[u8]| value.strip_prefix(quote)?.strip_suffix(quote);
    let word = quoted(b"\"").or_else(|| quoted(b"'")).unwrap_or(value);
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"./-".contains(byte);
    let text = std::str::from_utf8(word).ok()?;
    (text.starts_with(|first: char| first.is_ascii_alphabetic()) && word.iter().all(is_plain))
        .then(|| text.to_owned())
}

/// Whether a line holds a carriage return that does not stand before its line feed: for YAML the line
/// ends there.
fn has_bare_return(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    memchr::memchr(b'\r', line).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, keep: Keep) -> Found {
        let mut look = Look::new(keep, 0);
        text.split_inclusive('\n')
            .for_each(|line| look.line(line.as_bytes()));
        look.finish()
    }

    fn part<'a>(text: &'a str, place: &Place) -> &'a str {
        let index = |offset: u64| usize::try_from(offset).unwrap();
        text.get(index(place.bytes.start)..index(place.bytes.end))
            .unwrap()
    }

    fn check_split(text: &str, expected: &[(u64, &str)]) {
        let found = look(text, Keep::All);
        let found: Vec<_> = found
            .documents
            .iter()
            .map(|document| (document.place.line, part(text, &document.place)))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn yaml_files_are_split_where_kubectl_splits_them() {
        check_split("a: 1\n", &[(1, "a: 1\n")]);
        check_split("a: 1\n---\nb: 2", &[(1, "a: 1\n"), (2, "---\nb: 2")]);
        check_split(
            "---\na: 1\n---\nb: 2",
            &[(1, "---\na: 1\n"), (3, "---\nb: 2")],
        );
        check_split(
            "# x\n%YAML 1.1\n---\na: 1\n",
            &[(1, "# x\n%YAML 1.1\n---\na: 1\n")],
        );
        check_split(
            "--- {a: 1}\n--- {b: 2}\n",
            &[(1, "--- {a: 1}\n"), (2, "--- {b: 2}\n")],
        );
        check_split("a: |\n  ---\n  x\n", &[(1, "a: |\n  ---\n  x\n")]);
        check_split("a: ---x\n---x: 1\n", &[(1, "a: ---x\n---x: 1\n")]);
        check_split("---\n---\n# x\n---\nb: 2\n", &[(4, "---\nb: 2\n")]);
    }

    /// The parts that are parsed, and how many are not.
    fn check(text: &str, parsed: &[&str], ignored: usize) {
        let found = look(text, Keep::ObjectsThatAreRead);
        let (mut parts, mut counted) = (Vec::new(), found.ignored);
        for document in &found.documents {
            match &document.list {
                Some(list) => {
                    parts.extend(list.elements.iter().map(|place| part(text, place)));
                    counted += list.ignored;
                }
                None => parts.push(part(text, &document.place)),
            }
        }
        assert_eq!(parts, parsed, "{text:?}");
        assert_eq!(counted, ignored, "{text:?}");
    }

    #[test]
    fn documents_of_other_kinds_are_left_out() {
        check(
            "apiVersion: v1\nkind: Pod\nspec:\n  x: |\n    kind: Node\n",
            &[],
            1,
        );
        check("kind: Pod\r\napiVersion: v1\r\n", &[], 1);
        check("# x\n---\n\nkind: 'Pod'\nx:\n- kind: Node\n", &[], 1);
        check("kind: Node\n---\nkind: Pod\n", &["kind: Node\n"], 1);
    }

    #[test]
    fn what_cannot_be_told_is_parsed() {
        for text in [
            "just: text\n",
            "{kind: Pod}\n",
            "\"kind\": Pod\n",
            "kind : Pod\n",
            "kind: &a Pod\n",
            "kind: !!str Pod\n",
            "kind:\n  Pod\n",
            "kind: Pod\nkind: Node\n",
            "kind: Pod\n<<: {kind: Node}\n",
            "  kind: Pod\n",
            "\tkind: Pod\n",
            "kind: Pod # x\n",
            "--- !!map\nkind: Pod\n",
            "%YAML 1.2\n---\nkind: Pod\n",
            "x: y\rkind: Node\nkind: Pod\n",
            "kind: Pod\n...\nkind: Node\n",
            "? kind\n: Node\nkind: Pod\n",
            "- kind: Pod\n",
            "\u{feff}kind: Pod\n",
        ] {
            check(text, &[text], 0);
        }
    }

    #[test]
    fn elements_of_lists_are_looked_at_one_by_one() {
        let list = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  x:\n  - kind: Node\n\
            - apiVersion: v1\n  kind: Node\n  y: |\n\n    kind: Pod\n\
            - {kind: Pod}\n- 5\n- metadata: {}\nkind: List\nmetadata: {}\n";
        check(
            list,
            &[
                "- apiVersion: v1\n  kind: Node\n  y: |\n\n    kind: Pod\n",
                "- {kind: Pod}\n",
                "- 5\n",
                "- metadata: {}\n",
            ],
            1,
        );
        check(
            "kind: List\nitems:\n  - kind: Pod\n  - kind: Node\n",
            &["  - kind: Node\n"],
            1,
        );
        check("kind: PodList\nitems:\n- kind: Pod\n- kind: Pod\n", &[], 2);
        for whole in [
            "kind: List\nitems: []\n",
            "kind: List\nitems:\n",
            "kind: Pod\nitems:\n- kind: Pod\n",
            "items:\n- kind: Pod\n",
            "kind: List\nitems:\n  - kind: Pod\n - kind: Node\n",
        ] {
            check(whole, &[whole], 0);
        }
    }
}
