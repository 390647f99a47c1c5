//! Canonical JSON: one text for one value, whatever document it came from.

use std::ops::Range;

use crate::raw_json::string_end;

/// Appends valid JSON text in canonical form to `out`: no white space, members sorted by key, of a key that
/// is written twice the last value, the shortest escapes, integers as they are and other numbers in
/// their shortest form.
///
/// Works on the text, without a tree and without recursion: time and memory grow with the length
/// of the text, and nesting of any depth is fine.
///
/// ```
/// let mut out = Vec::new();
/// openshift_model::canonical::write(r#"{ "b": 1.50, "a": "\u0041" }"#, &mut out);
/// assert_eq!(out, br#"{"a":"A","b":1.5}"#);
/// ```
pub fn write(text: &str, out: &mut Vec<u8>) {
    Writer {
        text: text.as_bytes(),
        out,
        members: Vec::with_capacity(OPEN_MEMBERS),
        frames: Vec::with_capacity(OPEN_FRAMES),
    }
    .run();
}

/// Room for the members of the objects that are open at once in the template of a MachineSet.
const OPEN_MEMBERS: usize = 32;
/// Room for how deep it nests.
const OPEN_FRAMES: usize = 16;

/// A member that was written to the output: where its key and where its whole text stands.
struct Member {
    key: Range<usize>,
    end: usize,
}

/// An object that is not closed yet.
struct Frame {
    /// Index of its first entry in `members`.
    first: usize,
    /// Whether its members came in strictly ascending order so far.
    sorted: bool,
}

struct Writer<'a> {
    text: &'a [u8],
    out: &'a mut Vec<u8>,
    members: Vec<Member>,
    /// `Some` for an object, `None` for an array.
    frames: Vec<Option<Frame>>,
}

impl Writer<'_> {
    fn run(mut self) {
        let mut position = 0;
        // The text is valid JSON, so that the structure needs no checking: each token is copied
        // in its canonical form, and objects are put in order when they close.
        while let Some(&byte) = self.text.get(position) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => position += 1,
                b'"' => position = self.string(position),
                b'{' => {
                    self.out.push(byte);
                    self.frames.push(Some(Frame {
                        first: self.members.len(),
                        sorted: true,
                    }));
                    position += 1;
                }
                b'}' => {
                    self.close_object();
                    self.out.push(byte);
                    position += 1;
                }
                b'[' => {
                    self.out.push(byte);
                    self.frames.push(None);
                    position += 1;
                }
                b']' => {
                    self.frames.pop();
                    self.out.push(byte);
                    position += 1;
                }
                b',' => {
                    self.end_member();
                    self.out.push(byte);
                    position += 1;
                }
                b'-' | b'0'..=b'9' => position = self.number(position),
                // A colon, `true`, `false`, `null`.
                _ => {
                    self.out.push(byte);
                    position += 1;
                }
            }
        }
    }

    /// Copies the string that starts at `start`; returns the position behind it.
    fn string(&mut self, start: usize) -> usize {
        let (end, escaped) = string_end(self.text, start);
        let quoted = self.text.get(start..end).unwrap_or_default();
        let written = self.out.len();
        if escaped {
            self.unescape(quoted);
        } else {
            self.out.extend_from_slice(quoted);
        }
        // A string that follows `{` or `,` in an object is a key.
        let is_key = matches!(
            written.checked_sub(1).and_then(|i| self.out.get(i)),
            Some(b'{' | b',')
        );
        if is_key && let Some(Some(frame)) = self.frames.last_mut() {
            let key = written..self.out.len();
            if frame.sorted
                && let Some(previous) = self.members.get(frame.first..).and_then(<[Member]>::last)
                && self.out.get(previous.key.clone()) >= self.out.get(key.clone())
            {
                frame.sorted = false;
            }
            self.members.push(Member { key, end: 0 });
        }
        end
    }

    fn unescape(&mut self, quoted: &[u8]) {
        match serde_json::from_slice::<String>(quoted) {
            Ok(text) => {
                // Writing a string to a vector cannot fail.
                let _ = serde_json::to_writer(&mut *self.out, &text);
            }
            // A lone surrogate has no other spelling.
            Err(_) => self.out.extend_from_slice(quoted),
        }
    }

    fn number(&mut self, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let token = rest.get(..length).unwrap_or_default();
        match decimal(token) {
            Some(number) => self.out.extend_from_slice(number.as_bytes()),
            None => self.out.extend_from_slice(token),
        }
        start + length
    }

    fn end_member(&mut self) {
        if let Some(Some(frame)) = self.frames.last()
            && let Some(member) = self
                .members
                .get_mut(frame.first..)
                .and_then(<[Member]>::last_mut)
        {
            member.end = self.out.len();
        }
    }

    fn close_object(&mut self) {
        self.end_member();
        let Some(Some(frame)) = self.frames.pop() else {
            return;
        };
        if !frame.sorted {
            self.sort_members(frame.first);
        }
        self.members.truncate(frame.first);
    }

    fn sort_members(&mut self, first: usize) {
        let Some(members) = self.members.get_mut(first..) else {
            return;
        };
        let Some(start) = members.first().map(|member| member.key.start) else {
            return;
        };
        let key = |range: &Range<usize>| self.out.get(range.clone()).unwrap_or_default();
        // Stable, so that of equal keys the last written stays last.
        members.sort_by(|a, b| key(&a.key).cmp(key(&b.key)));
        let mut sorted = Vec::with_capacity(self.out.len() - start);
        for (index, member) in members.iter().enumerate() {
            let repeated = members
                .get(index + 1)
                .is_some_and(|next| key(&next.key) == key(&member.key));
            if repeated {
                continue;
            }
            if !sorted.is_empty() {
                sorted.push(b',');
            }
            sorted.extend_from_slice(
                self.out
                    .get(member.key.start..member.end)
                    .unwrap_or_default(),
            );
        }
        self.out.truncate(start);
        self.out.extend_from_slice(&sorted);
    }
}

/// The canonical text of a number that is not its own: a fraction, an exponent or minus zero.
fn decimal(token: &[u8]) -> Option<String> {
    let is_integer = !token.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    if is_integer {
        return (token == b"-0").then(|| "0".to_owned());
    }
    let value = std::str::from_utf8(token).ok()?.parse::<f64>().ok()?;
    if value.fract() == 0.0 && value.abs() < EXACT_INTEGERS {
        // Adding zero turns -0 into 0.
        return Some(format!("{:.0}", value + 0.0));
    }
    // What an f64 cannot hold keeps its text.
    serde_json::Number::from_f64(value).map(|number| number.to_string())
}

/// 2^53: beyond it an f64 no longer tells integers apart.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn canonical(text: &str) -> String {
        let mut out = Vec::new();
        write(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(canonical(text), expected, "{text}");
    }

    #[test]
    fn one_value_has_one_text() {
        check(" { } ", "{}");
        check("[ ]", "[]");
        check(
            r#"{"a":1,"b":[true,false,null]}"#,
            r#"{"a":1,"b":[true,false,null]}"#,
        );
        check(
            r#"{ "b" : 1, "a" : {"d":2,"c":[{"z":1,"y":2}]} }"#,
            r#"{"a":{"c":[{"y":2,"z":1}],"d":2},"b":1}"#,
        );
        check(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
        check(
            r#"{"b":0,"a":1,"b":{"x":",","y":"}"},"a":2}"#,
            r#"{"a":2,"b":{"x":",","y":"}"}}"#,
        );
        check(r#"["\u0041\/\n","\"","\\"]"#, r#"["A/\n","\"","\\"]"#);
        check(
            r#"["a","b",{"k":"c","j":"d"}]"#,
            r#"["a","b",{"j":"d","k":"c"}]"#,
        );
        check(r#""\ud800""#, r#""\ud800""#);
        check(
            "[1.0,1e2,-0,-0.0,0.10,1.5e-7,12345678901234567890123,1E400]",
            "[1,100,0,0,0.1,1.5e-7,12345678901234567890123,1E400]",
        );
    }

    #[test]
    fn deep_nesting_is_written_without_recursion() {
        let text = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        let mut out = Vec::new();
        write(&text, &mut out);
        assert_eq!(out.len(), text.len());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("JSON has no infinities", |n| n.is_finite())
                .prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((".{0,4}", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_text_is_stable_and_ignores_order_and_white_space(value in json()) {
            let compact = canonical(&value.to_string());
            let pretty = canonical(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(&compact, &pretty);
            prop_assert_eq!(&canonical(&compact), &compact);
            let mut sorted = value.clone();
            sorted.sort_all_objects();
            prop_assert_eq!(canonical(&sorted.to_string()), compact);
        }
    }
}
