//! Any text is an image reference or an error; what was read is written as a text that reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use openshift_model::ImageReference;

fuzz_target!(|text: &str| {
    let canonical = ImageReference::parse_canonical(text);
    let reference = match ImageReference::parse(text) {
        Ok(reference) => reference,
        Err(error) => {
            assert!(canonical.is_err());
            let characters = text.chars().count();
            assert!(error.position().is_none_or(|position| position <= characters), "{error:?}");
            assert!(!error.hint().is_empty() && !error.to_string().is_empty());
            return;
        }
    };
    if let Ok(canonical) = canonical {
        assert_eq!(canonical, reference);
    }
    let written = reference.to_string();
    let again = ImageReference::parse(&written);
    assert_eq!(again.as_ref(), Ok(&reference), "{written}");
    let Ok(tagged) = reference.with_tag("v1") else { return };
    assert_eq!((tagged.domain(), tagged.path()), (reference.domain(), reference.path()));
});
