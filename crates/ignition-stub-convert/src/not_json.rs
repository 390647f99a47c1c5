//! What a text is that should be JSON and is not: said in words that help whoever wrote it.

/// User data that is no JSON document (BI-351, BI-352, BI-362).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct NotJson {
    /// What it is.
    pub kind: NotJsonKind,
    /// Where reading stopped: line from 1; 0 where the text as a whole is something else.
    pub line: usize,
    /// Column from 1; 0 where the text as a whole is something else.
    pub column: usize,
}

/// What user data is that is no JSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJsonKind {
    /// No byte at all.
    #[error("unexpected end of JSON input")]
    Empty,
    /// JSON that stops early, or nothing but white space.
    #[error("unexpected end of JSON input")]
    EndsEarly,
    /// Compressed. The reference does not unpack it either (BI-351).
    #[error("compressed with gzip: unpack it first")]
    Gzip,
    /// UTF-16, with or without a byte-order mark.
    #[error("UTF-16: save it as UTF-8")]
    Utf16,
    /// UTF-8, but with a byte-order mark, which JSON must not have.
    #[error("starts with a byte-order mark: save it without one")]
    ByteOrderMark,
    /// Bytes that are no UTF-8; a document of spec 2 would not survive being rewritten.
    #[error("not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// A cloud-init configuration (BI-362).
    #[error("not a config (found coreos-cloudconfig)")]
    CloudConfig,
    /// A script for cloud-init (BI-362).
    #[error("not a config (found coreos-cloudinit script)")]
    Script,
    /// A MIME archive for cloud-init.
    #[error("a MIME multipart archive, not an Ignition config")]
    MimeMultipart,
    /// A script for Windows machines.
    #[error("a PowerShell script, not an Ignition config")]
    PowerShell,
    /// JSON or gzip in base64 once more (BI-351).
    #[error("encoded in base64 once more: decode it first")]
    Base64,
    /// Something else; the message of the JSON reader, which holds nothing of the text.
    #[error("{0}")]
    Syntax(String),
}

impl NotJson {
    /// What `document` is, which the JSON reader refused with `error`.
    pub(crate) fn explain(document: &[u8], error: &serde_json::Error) -> Self {
        if let Some(kind) = something_else(document) {
            return Self::whole(kind);
        }
        let text = error.to_string();
        let problem = text.split(" at line ").next().unwrap_or_default();
        let kind = if error.is_eof() {
            NotJsonKind::EndsEarly
        } else {
            NotJsonKind::Syntax(problem.to_owned())
        };
        Self {
            kind,
            line: error.line(),
            column: error.column(),
        }
    }

    pub(crate) fn whole(kind: NotJsonKind) -> Self {
        Self {
            kind,
            line: 0,
            column: 0,
        }
    }
}

/// Recognises what people put into user data instead of an Ignition config.
fn something_else(document: &[u8]) -> Option<NotJsonKind> {
    let starts_with = |prefix: &str| {
        let start = document.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let kind = match document {
        [] => NotJsonKind::Empty,
        [0x1f, 0x8b, ..] => NotJsonKind::Gzip,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{', 0, ..] | [0, b'{', ..] => NotJsonKind::Utf16,
        [0xef, 0xbb, 0xbf, ..] => NotJsonKind::ByteOrderMark,
        [b'#', b'!', ..] => NotJsonKind::Script,
        _ if starts_with("#cloud-config") => NotJsonKind::CloudConfig,
        _ if starts_with("Content-Type: multipart/") || starts_with("MIME-Version:") => {
            NotJsonKind::MimeMultipart
        }
        _ if starts_with("<powershell>") => NotJsonKind::PowerShell,
        // `{"` and the magic bytes of gzip, in base64.
        _ if document.starts_with(b"eyJ") || document.starts_with(b"H4sI") => NotJsonKind::Base64,
        _ => NotJsonKind::NotUtf8(std::str::from_utf8(document).err()?.valid_up_to()),
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &[u8], expected: &str) {
        let text = String::from_utf8_lossy(document);
        let error = serde_json::from_str::<serde_json::Value>(&text).unwrap_err();
        let problem = NotJson::explain(document, &error);
        assert_eq!(problem.to_string(), expected, "{text}");
    }

    #[test]
    fn bi_351_what_is_no_json_is_named() {
        check(b"", "unexpected end of JSON input");
        check(b" \n ", "unexpected end of JSON input");
        check(br#"{"a":"#, "unexpected end of JSON input");
        check(b"\x1f\x8b\x08\0", "compressed with gzip: unpack it first");
        check(b"\xff\xfe{\0\"\0", "UTF-16: save it as UTF-8");
        check(b"{\0\"\0", "UTF-16: save it as UTF-8");
        check(
            b"\xef\xbb\xbf{}",
            "starts with a byte-order mark: save it without one",
        );
        check(b"{\"a\":\"\xff\"}x", "not UTF-8 at byte 6");
        check(
            b"#cloud-config\na: b",
            "not a config (found coreos-cloudconfig)",
        );
        check(
            b"#!/bin/sh\n",
            "not a config (found coreos-cloudinit script)",
        );
        check(
            b"Content-Type: multipart/mixed; boundary=\"//\"\n",
            "a MIME multipart archive, not an Ignition config",
        );
        check(
            b"<powershell>\n",
            "a PowerShell script, not an Ignition config",
        );
        check(
            b"eyJpZ25pdGlvbiI6e30=",
            "encoded in base64 once more: decode it first",
        );
        check(
            b"H4sIAAAAAAAA",
            "encoded in base64 once more: decode it first",
        );
        check(b"secret", "expected value");
        check(b"{} {}", "trailing characters");
    }

    #[test]
    fn bi_352_the_place_is_named_where_it_is_json_at_first() {
        let document = b"{\n \"a\": tru}";
        let error = serde_json::from_slice::<serde_json::Value>(document).unwrap_err();
        let problem = NotJson::explain(document, &error);
        assert_eq!((problem.line, problem.column), (2, 10), "{problem:?}");
        assert_eq!(problem.to_string(), "expected ident");
    }
}
