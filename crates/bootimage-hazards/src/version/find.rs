//! Versions inside the names of images.

use super::BootImageVersion;

/// What a name says before the version of such an image; descriptions on AWS say `OpenShift 4.18`.
const WORDS: &[&str] = &["rhcos", "scos", "coreos", "openshift 4."];

/// Finds the version of a whole build in a name, a path, a URL or a description, after a word for
/// the operating system: `rhcos-418-94-202501221327-0-gcp-x86-64`,
/// `RHEL CoreOS 9.6 9.6.20260210-0 x86_64`.
pub(crate) fn find(text: &str) -> Option<BootImageVersion> {
    let lower = text.to_ascii_lowercase();
    let word = WORDS
        .iter()
        .filter_map(|word| Some(lower.find(word)? + word.len()))
        .min()?;
    let (_, rest) = lower.split_at_checked(word)?;
    // Anything but digits, dots and dashes ends a sequence of numbers.
    rest.split(|character: char| {
        !(character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_'))
    })
    .find_map(in_sequence)
}

/// A build has four numbers, whatever stands before and after them.
fn in_sequence(text: &str) -> Option<BootImageVersion> {
    let parts: Vec<&str> = text.split(['.', '-']).collect();
    parts.windows(4).find_map(BootImageVersion::from_parts)
}

/// The version in the name of an image of the AWS marketplace, which names the version of RHEL that
/// the image is sold as before that of the image:
/// `RHEL-9.4-RHCOS-9.6_HVM_GA-20260210-x86_64-0-<product>`.
pub(crate) fn find_marketplace_name(name: &str) -> Option<BootImageVersion> {
    let (_, rest) = name.split_once("RHCOS-")?;
    let (os, rest) = rest.split_once('_')?;
    let (major, minor) = os.split_once('.')?;
    let mut parts = rest.split('-').skip(1);
    let (date, _architecture, build) = (parts.next()?, parts.next()?, parts.next()?);
    BootImageVersion::from_parts(&[major, minor, date, build])
}
