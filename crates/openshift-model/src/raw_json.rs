//! Steps over JSON text that is known to be valid, because it was parsed once already: finding a
//! member costs a fraction of parsing again.

/// The texts of some members' values in the text of a JSON object, in one pass; of a member that is
/// written twice the last one. `None` where there is no such member, or the text is no object.
/// Keys are compared as they are written: a key with escapes is not found.
///
/// Given text that is not valid JSON the answer is wrong, but never a panic.
pub fn members<'a, const N: usize>(object: &'a str, names: [&str; N]) -> [Option<&'a str>; N] {
    let bytes = object.as_bytes();
    let mut found = [None; N];
    let mut position = skip_blanks(bytes, 0);
    if bytes.get(position) != Some(&b'{') {
        return found;
    }
    position += 1;
    loop {
        position = skip_blanks(bytes, position);
        if bytes.get(position) != Some(&b'"') {
            return found;
        }
        let (key_end, _) = string_end(bytes, position);
        let key = object.get(position + 1..key_end.saturating_sub(1));
        // Behind the key stand blanks, a colon and blanks.
        let value = skip_blanks(bytes, skip_blanks(bytes, key_end) + 1);
        let end = value_end(bytes, value);
        for (name, place) in names.iter().zip(&mut found) {
            if key == Some(*name) {
                *place = object.get(value..end);
            }
        }
        position = skip_blanks(bytes, end);
        if bytes.get(position) != Some(&b',') {
            return found;
        }
        position += 1;
    }
}

/// [`members`] for one member.
pub fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let [found] = members(object, [name]);
    found
}

/// Where the string that starts at `start` ends (behind its closing quote), and whether it has
/// escapes.
pub(crate) fn string_end(text: &[u8], start: usize) -> (usize, bool) {
    let mut position = start + 1;
    let mut escaped = false;
    loop {
        let rest = text.get(position..).unwrap_or_default();
        match memchr::memchr2(b'"', b'\\', rest) {
            None => return (text.len(), escaped),
            Some(offset) if rest.get(offset) == Some(&b'"') => {
                return (position + offset + 1, escaped);
            }
            Some(offset) => {
                escaped = true;
                position += offset + 2;
            }
        }
    }
}

fn skip_blanks(text: &[u8], mut position: usize) -> usize {
    while matches!(text.get(position), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        position += 1;
    }
    position
}

/// Where the value that starts at `start` ends.
fn value_end(text: &[u8], start: usize) -> usize {
    let mut position = start;
    let mut depth = 0_usize;
    while let Some(byte) = text.get(position) {
        match byte {
            b'"' => {
                position = string_end(text, position).0;
                if depth == 0 {
                    return position;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 0 { position } else { position + 1 },
            b'}' | b']' => depth -= 1,
            b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => return position,
            _ => {}
        }
        position += 1;
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn check(object: &str, name: &str, expected: Option<&str>) {
        assert_eq!(member(object, name), expected, "{object} {name}");
    }

    #[test]
    fn members_are_found_at_the_first_level_only() {
        check(r#"{"a":1,"b":{"a":2},"c":[{"a":3}]}"#, "a", Some("1"));
        check(r#"{"b":{"a":2},"a":"x,}\"y"}"#, "a", Some(r#""x,}\"y""#));
        check(
            " { \"b\" : [ ] , \"a\" : { \"c\" : 1 } } ",
            "a",
            Some("{ \"c\" : 1 }"),
        );
        check(r#"{"b":{"a":2}}"#, "a", None);
        check(r#"{"a":1,"a":null}"#, "a", Some("null"));
        check(r#"{"a": 1.5 }"#, "a", Some("1.5"));
        check("{}", "a", None);
        check("[1]", "a", None);
        check("\"a\"", "a", None);
        check("", "a", None);
        let several = members(r#"{"a":1,"b":[2],"c":3}"#, ["c", "x", "b"]);
        assert_eq!(several, [Some("3"), None, Some("[2]")]);
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_a_parser_finds(
            members in prop::collection::vec(("[a-c]{1}", ".{0,5}", any::<bool>()), 0..6),
            pretty: bool,
        ) {
            let nest = |text: &String, nested: &bool| if *nested {
                serde_json::json!({"a": [text, {"b": text}], "c": 1.5})
            } else {
                Value::from(text.as_str())
            };
            let object: Value = Value::Object(
                members.iter().map(|(key, text, nested)| (key.clone(), nest(text, nested))).collect(),
            );
            let text = if pretty {
                serde_json::to_string_pretty(&object).unwrap()
            } else {
                object.to_string()
            };
            for name in ["a", "b", "c", "d"] {
                let found = member(&text, name).map(|v| serde_json::from_str::<Value>(v).unwrap());
                prop_assert_eq!(found.as_ref(), object.get(name));
            }
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]{}\",:\\\\ a1]{0,40}") {
            let _ = member(&text, "a");
        }
    }
}
