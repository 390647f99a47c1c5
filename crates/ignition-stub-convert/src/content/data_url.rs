//! `data:` URLs (RFC 2397), as strict as Ignition's reader.

use super::{Reason, url};

const NO_COMMA: Reason = "missing comma before data";
const UNTERMINATED: Reason = "unterminated parameter sequence";

/// Why a `data:` URL is refused, if it is. What it holds is checked, not decoded: contents may be
/// megabytes.
pub(super) fn check(url: &str) -> Option<Reason> {
    // The scheme may be in capitals, but this prefix may not.
    let Some(rest) = url.strip_prefix("data:") else {
        return Some("missing data prefix");
    };
    match header(rest) {
        Ok((true, data)) => base64(data.as_bytes()),
        Ok((false, data)) => plain(data),
        Err(reason) => Some(reason),
    }
}

/// Reads media type and parameters: whether the data is in base64, and the data.
fn header(text: &str) -> Result<(bool, &str), Reason> {
    let mut rest = media_type(text)?;
    loop {
        rest = match rest.strip_prefix(';') {
            None => {
                return rest
                    .strip_prefix(',')
                    .map_or(Err(NO_COMMA), |data| Ok((false, data)));
            }
            Some(parameter) => parameter,
        };
        let (name, after) = token(rest);
        if name.is_empty() {
            return Err(UNTERMINATED);
        }
        if let Some(data) = after.strip_prefix(',') {
            return if name == "base64" {
                Ok((true, data))
            } else {
                Err("expected base64")
            };
        }
        let value = after.strip_prefix('=').ok_or(UNTERMINATED)?;
        rest = match value.strip_prefix('"') {
            Some(quoted) => after_quoted(quoted)?,
            None => after_value(value)?,
        };
    }
}

/// How the name of a media type may begin; `x-` is for private ones.
const KINDS: [&str; 7] = [
    "text",
    "image",
    "audio",
    "video",
    "application",
    "message",
    "multipart",
];

/// What follows the media type, which may be missing.
fn media_type(text: &str) -> Result<&str, Reason> {
    if text.starts_with([';', ',']) {
        return Ok(text);
    }
    let (kind, rest) = token(text);
    if kind.is_empty() {
        return Err(if rest.is_empty() {
            NO_COMMA
        } else {
            "invalid character after data prefix"
        });
    }
    let Some(subtype) = rest.strip_prefix('/') else {
        return Err("missing media type slash");
    };
    let is_private = kind.starts_with("x-") || kind.starts_with("X-");
    if !is_private && !KINDS.iter().any(|known| kind.starts_with(known)) {
        return Err("invalid media type");
    }
    let (_, rest) = token(subtype);
    match rest.chars().next() {
        Some(';' | ',') => Ok(rest),
        Some(_) => Err("invalid character for media subtype"),
        None => Err("incomplete media type"),
    }
}

/// What follows a value without quotes.
fn after_value(text: &str) -> Result<&str, Reason> {
    let (value, rest) = token(text);
    if value.is_empty() || !url::escapes_are_valid(value) {
        return Err("invalid character for parameter value");
    }
    Ok(rest)
}

/// What follows a value in quotes, the opening one of which was read.
fn after_quoted(text: &str) -> Result<&str, Reason> {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return text.get(index + 1..).ok_or(NO_COMMA),
            b' '..=b'~' => {}
            _ => return Err("invalid character for parameter value"),
        }
    }
    Err("unclosed quoted string")
}

/// Splits a token of RFC 2045 off.
fn token(text: &str) -> (&str, &str) {
    let special = |c: char| !c.is_ascii_graphic() || "()<>@,;:\\\"/[]?=".contains(c);
    let end = text.find(special).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn plain(data: &str) -> Option<Reason> {
    let is_refused = |byte: u8| match byte {
        b'<' | b'>' | b'#' | b'"' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'[' | b']' | b'`' => true,
        byte => !byte.is_ascii_graphic(),
    };
    if data.bytes().any(is_refused) {
        return Some("invalid data character");
    }
    (!url::escapes_are_valid(data)).then_some("rfc2396: invalid char 0x25 in unescape sequence")
}

fn base64(data: &[u8]) -> Option<Reason> {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut digits: usize = 0;
    let mut padding: usize = 0;
    for &byte in data {
        match byte {
            b'\n' => {}
            b'=' => padding += 1,
            _ if !is_digit(byte) => return Some("invalid data character"),
            _ if padding > 0 => return Some(ILLEGAL_BASE64),
            _ => digits += 1,
        }
    }
    let complete = (digits + padding).is_multiple_of(4) && padding <= 2;
    (!complete || (padding > 0 && digits % 4 < 2)).then_some(ILLEGAL_BASE64)
}

const ILLEGAL_BASE64: Reason = "illegal base64 data";

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(url: &str, expected: Option<Reason>) {
        assert_eq!(check(url), expected, "{url}");
    }

    #[test]
    fn bi_362_data_urls_are_read_as_ignition_reads_them() {
        for good in [
            "data:,",
            "data:,hi%0A",
            "data:;base64,",
            "data:;base64,aGk=",
            "data:;base64,aGVsbG8=\n",
            "data:text/plain;charset=utf-8;base64,QUJD",
            "data:text/plain,x",
            "data:x-a/b,x",
            "data:text/,x",
            "data:text/plain;a=\"b;\\\"c\",x",
            "data:;charset=utf-8,a;b",
            "data:textual/x,y",
        ] {
            verdict(good, None);
        }
        for (bad, reason) in [
            ("DATA:,x", "missing data prefix"),
            ("data:", NO_COMMA),
            ("data:text", "missing media type slash"),
            ("data:text/plain", "incomplete media type"),
            ("data:foo/bar,x", "invalid media type"),
            ("data:(,x", "invalid character after data prefix"),
            ("data:text/pl ain,x", "invalid character for media subtype"),
            ("data:;base65,x", "expected base64"),
            ("data:;,x", UNTERMINATED),
            ("data:;a", UNTERMINATED),
            ("data:;a=,x", "invalid character for parameter value"),
            ("data:;a=%z,x", "invalid character for parameter value"),
            ("data:;a=\"x", "unclosed quoted string"),
            ("data:;a=\"ü\",x", "invalid character for parameter value"),
            ("data:;a=b", NO_COMMA),
            ("data:;base64,!!!", "invalid data character"),
            ("data:;base64,aGk", ILLEGAL_BASE64),
            ("data:;base64,aGk=aGk=", ILLEGAL_BASE64),
            ("data:;base64,a===", ILLEGAL_BASE64),
            ("data:;base64,=", ILLEGAL_BASE64),
            ("data:,a b", "invalid data character"),
            ("data:,ü", "invalid data character"),
            (
                "data:,%zz",
                "rfc2396: invalid char 0x25 in unescape sequence",
            ),
        ] {
            verdict(bad, Some(reason));
        }
    }
}
