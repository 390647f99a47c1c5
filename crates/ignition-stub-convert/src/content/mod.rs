//! What Ignition demands of single values: paths, sources, hashes, units. Each check returns
//! Ignition's own reason, which never quotes the value.

mod data_url;
mod path;
mod source;
mod unit;
mod url;

pub(crate) use path::{PATH_RELATIVE, UNTIDY_PATH, extension, is_absolute, is_below, join_root};
pub(crate) use source::{INVALID_SCHEME, check_source, is_known_to_spec_3};
pub(crate) use unit::{
    INVALID_DROPIN_EXTENSION, INVALID_UNIT_EXTENSION, check_unit_text, is_dropin_name, is_unit_name,
};

/// Why a value is refused.
pub(crate) type Reason = &'static str;

/// Hex digits of a SHA-512 sum.
const SHA512_DIGITS: usize = 128;

/// Why a `verification.hash` is refused, if it is. Spec 2 knows `sha512-` and its digits.
pub(crate) fn check_hash(hash: &str) -> Option<Reason> {
    match hash.split_once('-') {
        None => Some("malformed hash specifier"),
        Some(("sha512", sum)) if sum.len() == SHA512_DIGITS => None,
        Some(("sha512", _)) => Some("incorrect size for hash sum"),
        Some(_) => Some("unrecognized hash function"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_362_a_hash_is_sha512_and_128_digits() {
        let digits = "0".repeat(SHA512_DIGITS);
        assert_eq!(check_hash(&format!("sha512-{digits}")), None);
        assert_eq!(check_hash("sha512"), Some("malformed hash specifier"));
        assert_eq!(check_hash("sha512-00"), Some("incorrect size for hash sum"));
        assert_eq!(
            check_hash(&format!("sha256-{digits}")),
            Some("unrecognized hash function")
        );
    }
}
