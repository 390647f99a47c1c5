//! Which plain texts a YAML 1.1 reader would not read back as strings (IL-118).

use std::borrow::Cow;

/// IL-118: whether a plain text would be read as a boolean, null, a number, a date or a time.
pub(super) fn is_special(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => {
            WORDS.contains(&text)
        }
        Some(b'.') => WORDS.contains(&text) || is_finite_number(text),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            WORDS.contains(&text)
                || (text.bytes().all(may_be_of_a_number)
                    && (is_timestamp(text) || is_base_60(text) || is_number(text)))
        }
        _ => false,
    }
}

/// Words with a meaning of their own. (The merge key `<<` starts with a character that is not
/// looked up.)
const WORDS: &[&str] = &[
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "n", "N", "no", "No",
    "NO", "false", "False", "FALSE", "off", "Off", "OFF", "~", "null", "Null", "NULL", ".nan",
    ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
];

/// Whether a number, a date or a time may contain the byte: a quick test that most names fail.
fn may_be_of_a_number(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || b"xXoO_+-.:tTzZ ,".contains(&byte)
}

fn is_number(text: &str) -> bool {
    let plain: Cow<'_, str> = if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    };
    is_prefixed_integer(&plain)
        || is_signed_binary(&plain)
        || (is_decimal(&plain) && is_finite_number(&plain))
}

/// An integer with a base, within 64 bits.
fn is_prefixed_integer(text: &str) -> bool {
    let (limit, digits) = match text.as_bytes().first() {
        Some(b'-') => (1 << 63, text.get(1..)),
        Some(b'+') => ((1 << 63) - 1, text.get(1..)),
        _ => (u64::MAX, Some(text)),
    };
    let digits = digits.unwrap_or_default();
    let radix = match digits.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0b" | "0B") => 2,
        Some("0o" | "0O") => 8,
        _ => return false,
    };
    let digits = digits.get(2..).unwrap_or_default();
    digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && u64::from_str_radix(digits, radix).is_ok_and(|value| value <= limit)
}

/// `0b` with the sign behind the base, which the reference takes as well.
fn is_signed_binary(text: &str) -> bool {
    text.strip_prefix("0b")
        .is_some_and(|digits| i64::from_str_radix(digits, 2).is_ok())
}

/// Digits with at most one point and an exponent; integers without a base too.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_right = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_is_right = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_is_right && exponent_is_right
}

/// A number that is too large for 64 bits of floating point stays a string.
fn is_finite_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `12:30:45`, `-1:00.5`: a number to the base of 60.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    let digits = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
    };
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let sixties: Vec<&str> = parts.collect();
    let Some((last, others)) = sixties.split_last() else {
        return false;
    };
    let sixty = |part: &str| match part.as_bytes() {
        [unit] => unit.is_ascii_digit(),
        [ten, unit] => (b'0'..=b'5').contains(ten) && unit.is_ascii_digit(),
        _ => false,
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    others.iter().all(|part| sixty(part)) && sixty(last) && digits(fraction)
}

/// `2024-1-31`, `2024-01-31T12:30:45.5Z`, `2024-01-31 12:30:45`.
fn is_timestamp(text: &str) -> bool {
    let mut at = Cursor(text);
    let Some((year, month, day)) = at.date() else {
        return false;
    };
    if day < 1 || day > days(year, month) {
        return false;
    }
    if at.0.is_empty() {
        return true;
    }
    let with_zone = match at.0.as_bytes().first() {
        Some(b'T' | b't') => {
            at.0 = at.0.get(1..).unwrap_or_default();
            true
        }
        Some(b' ') => {
            at.0 = at.0.trim_start_matches(' ');
            false
        }
        _ => return false,
    };
    at.time() && (!with_zone || at.zone()) && at.0.is_empty()
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    }
}

/// The part of a text that has not been read yet.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    /// A number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let length = self
            .0
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        let (digits, rest) = self.0.split_at_checked(length)?;
        let value = digits.parse().ok()?;
        self.0 = rest;
        (length >= least).then_some(value)
    }

    fn literal(&mut self, wanted: char) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    /// Year of four digits, month and day of one or two.
    fn date(&mut self) -> Option<(u32, u32, u32)> {
        let year = self.number(4, 4)?;
        self.literal('-')?;
        let month = self.number(1, 2)?;
        self.literal('-')?;
        let day = self.number(1, 2)?;
        Some((year, month, day))
    }

    fn time(&mut self) -> bool {
        self.clock()
            .is_some_and(|(hour, minute, second)| hour < 24 && minute < 60 && second < 60)
    }

    fn clock(&mut self) -> Option<(u32, u32, u32)> {
        let hour = self.number(1, 2)?;
        self.literal(':')?;
        let minute = self.number(1, 2)?;
        self.literal(':')?;
        let second = self.number(1, 2)?;
        if let Some(fraction) = self.0.strip_prefix(['.', ','])
            && fraction.starts_with(|c: char| c.is_ascii_digit())
        {
            self.0 = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        Some((hour, minute, second))
    }

    /// `Z`, or `+hh:mm`.
    fn zone(&mut self) -> bool {
        if let Some(rest) = self.0.strip_prefix('Z') {
            self.0 = rest;
            return true;
        }
        let Some(rest) = self.0.strip_prefix(['+', '-']) else {
            return false;
        };
        self.0 = rest;
        let offset = || -> Option<(u32, u32)> {
            let hour = self.number(2, 2)?;
            self.literal(':')?;
            Some((hour, self.number(2, 2)?))
        };
        let mut offset = offset;
        offset().is_some_and(|(hour, minute)| hour <= 24 && minute <= 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_118_what_reads_as_something_else_is_special() {
        for text in [
            "y",
            "Yes",
            "TRUE",
            "off",
            "~",
            "null",
            ".nan",
            "-.Inf",
            "1",
            "-1",
            "+1",
            "0",
            "007",
            "08",
            "1_000",
            "0x1F",
            "0b101",
            "-0b101",
            "0b-1",
            "0o17",
            "1e3",
            "1.",
            ".5",
            "-.5e+2",
            "1.5E-3",
            "12:30:45",
            "-1:00",
            "1:2.5_",
            "2024-01-01",
            "2024-2-29",
            "2024-01-01T1:2:3Z",
            "2024-01-01t01:02:03.5+01:00",
            "2024-01-01  01:02:03,25",
            "18446744073709551616",
            "0xffffffffffffffff",
        ] {
            assert!(is_special(text), "{text}");
        }
    }

    #[test]
    fn il_118_what_reads_as_a_string_is_not() {
        for text in [
            "",
            "yess",
            "nO",
            "a",
            "00-worker",
            "4.20.3",
            "1e",
            "e3",
            ".",
            "..",
            "-",
            "+",
            "_1",
            "0x",
            "0b2",
            "0xg",
            "1:60",
            "1:2:3:",
            ":1",
            "2024-13-01",
            "2023-2-29",
            "2024-01-01T",
            "2024-01-01T1:2:3",
            "2024-01-01 1:2",
            "20240-1-1",
            "0x10000000000000000",
            "-0x8000000000000001",
            "1e400",
            "<<",
            ".e3",
            "rendered",
            "openshift",
            "1.2.3",
        ] {
            assert!(!is_special(text), "{text}");
        }
    }
}
