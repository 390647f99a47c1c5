//! Which texts are URLs at all. Ignition asks Go's parser, which is neither as strict as RFC 3986
//! nor as forgiving as a browser; this one agrees with it.

/// The parts of a URL that somebody looks at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    /// As written; empty where there is none.
    pub(super) scheme: &'a str,
    pub(super) query: &'a str,
}

/// Takes a URL apart; `None` where it is none.
pub(super) fn parse(text: &str) -> Option<Url<'_>> {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    if rest.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return None;
    }
    let (scheme, rest) = split_scheme(rest)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !escapes_are_valid(fragment) {
        return None;
    }
    let path = match rest.strip_prefix("//") {
        Some(rest) if !scheme.is_empty() || !rest.starts_with('/') => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end)?;
            if !is_authority(authority) {
                return None;
            }
            path
        }
        _ if !scheme.is_empty() && !rest.starts_with('/') => "",
        _ => rest,
    };
    let first_step = path.split('/').next().unwrap_or_default();
    // `a:b` without a scheme would be taken for one.
    if scheme.is_empty() && first_step.contains(':') {
        return None;
    }
    escapes_are_valid(path).then_some(Url { scheme, query })
}

/// The scheme, empty where there is none; `None` for `:x`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
    let Some((scheme, rest)) = end.and_then(|end| text.split_at_checked(end)) else {
        return Some(("", text));
    };
    let Some(rest) = rest.strip_prefix(':') else {
        return Some(("", text));
    };
    match scheme.chars().next() {
        None => None,
        Some(first) if first.is_ascii_alphabetic() => Some((scheme, rest)),
        Some(_) => Some(("", text)),
    }
}

fn is_authority(authority: &str) -> bool {
    match authority.rsplit_once('@') {
        Some((user, host)) => is_user_info(user) && is_host(host),
        None => is_host(authority),
    }
}

fn is_user_info(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    text.chars().all(allowed) && escapes_are_valid(text)
}

/// A name or address, and a port.
fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[') {
        let Some((address, port)) = address.rsplit_once(']') else {
            return false;
        };
        // An address may name a zone: `fe80::1%25eth0`.
        let (address, zone) = address.split_once("%25").unwrap_or((address, ""));
        return address.parse::<std::net::Ipv6Addr>().is_ok()
            && escapes_are_valid(zone)
            && is_optional_port(port);
    }
    let end = text.rfind(':').unwrap_or(text.len());
    let Some((name, port)) = text.split_at_checked(end) else {
        return false;
    };
    let allowed = |c: char| {
        !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:<>\"]%".contains(c)
    };
    name.chars().all(allowed) && host_escapes_are_valid(name) && is_optional_port(port)
}

fn is_optional_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether every `%` is followed by two hex digits.
pub(super) fn escapes_are_valid(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|rest| hex_digits(rest).is_some())
}

/// In a host only bytes beyond ASCII may be escaped, and the percent sign itself.
fn host_escapes_are_valid(text: &str) -> bool {
    let may_be_escaped = |digits: [u8; 2]| digits == *b"25" || !matches!(digits, [b'0'..=b'7', _]);
    text.split('%')
        .skip(1)
        .all(|rest| hex_digits(rest).is_some_and(may_be_escaped))
}

fn hex_digits(text: &str) -> Option<[u8; 2]> {
    let &digits = text.as_bytes().first_chunk::<2>()?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(scheme, query)| Url { scheme, query });
        assert_eq!(parse(text), expected, "{text}");
    }

    #[test]
    fn urls_are_taken_apart() {
        check(
            "https://u:p@x.example.com:22623/a%20b?c=%#%41",
            Some(("https", "c=%")),
        );
        check("http://x", Some(("http", "")));
        check("http://x:/y", Some(("http", "")));
        check("mailto:%zz", Some(("mailto", "")));
        check("a/b:c", Some(("", "")));
        check("///a", Some(("", "")));
        check("1a/b", Some(("", "")));
        check("https://[fe80::1%25eth0]:1/", Some(("https", "")));
        check("http://ü%C3%BC/", Some(("http", "")));
        check("*", Some(("", "")));
    }

    #[test]
    fn what_is_no_url_is_none() {
        for text in [
            ":x",
            "a b:c",
            "https://[::1",
            "https://[::1]x",
            "https://[x]/",
            "http://x:y/",
            "http://a b/",
            "http://a%41/",
            "http://x/%zz",
            "http://x/%4",
            "http://x/#%z",
            "http://x\n/",
            "http://u^@x/",
            "1a:b",
            "http://a{b}/",
            "//a b/",
        ] {
            check(text, None);
        }
    }
}
