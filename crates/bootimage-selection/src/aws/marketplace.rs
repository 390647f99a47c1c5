//! What AWS Marketplace sells: products, versions, and which image to take (BI-263 … BI-272).

use std::cmp::Ordering;

use openshift_model::facts::AwsImage;

/// BI-263: Red Hat OpenShift Service on AWS.
pub const ROSA_PRODUCT: &str = "34850061-abaf-402d-92df-94325c9e947f";

/// BI-264: what the products are called. A product that is not among them is one all the same.
pub const PRODUCTS: [(&str, &str); 10] = [
    ("59ead7de-2540-4653-a8b0-fa7926d5c845", "OCP x86_64"),
    ("963b36c3-de6f-48ed-b802-2b38b2a2cdeb", "OKE x86_64"),
    ("f5da01a6-d046-487c-9072-42fe53b1cad4", "OPP x86_64"),
    ("abc249f8-7440-45f7-a4b1-c026baff64c1", "OCP arm64"),
    ("d2d3ebcd-c1ca-43d8-bf0a-530433200f35", "OKE arm64"),
    ("be6d3e94-c8dc-4a3e-9218-4b449b11f06f", "OPP arm64"),
    ("962791c7-3ae5-46d1-ba62-c7a5ebac54fd", "OCP EMEA x86_64"),
    ("7026c8d7-392c-4010-b93c-f93f7bc5495f", "OKE EMEA x86_64"),
    ("628c9df3-0254-4f91-bc1f-8619d1b8eaa8", "OPP EMEA x86_64"),
    (ROSA_PRODUCT, "ROSA"),
];

/// BI-264: what a product is called; empty where it is not in the catalogue.
pub fn product_name(product: &str) -> &'static str {
    PRODUCTS
        .iter()
        .find(|(id, _)| *id == product)
        .map_or("", |(_, name)| name)
}

/// BI-266: a stream says nothing that a version could be taken from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The release of the stream is the empty text.
    #[error("RHCOS release string is empty")]
    Empty,
    /// The release has fewer than two parts.
    #[error("unexpected RHCOS release string format: {0:?}")]
    Format(String),
}

/// BI-266: the first two parts of a CoreOS release, the RHEL version that it is of: `9.6` of
/// `9.6.20260210-0`.
pub fn release_token(release: &str) -> Result<&str, ReleaseError> {
    if release.is_empty() {
        return Err(ReleaseError::Empty);
    }
    let (major, rest) = release
        .split_once('.')
        .ok_or_else(|| ReleaseError::Format(release.to_owned()))?;
    let minor = rest.split('.').next().unwrap_or_default();
    Ok(release
        .get(..major.len() + 1 + minor.len())
        .unwrap_or_default())
}

/// BI-267: a CoreOS version found in a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundVersion<'d> {
    /// The version, e.g. `9.6.20260210-0`.
    pub full: &'d str,
    /// Its first two parts, e.g. `9.6`.
    pub token: &'d str,
}

/// BI-267: the first CoreOS version in a description: two numbers, a date of 8 or 12 digits, a
/// build number.
pub fn version_in_description(description: &str) -> Option<FoundVersion<'_>> {
    let bytes = description.as_bytes();
    let starts_number = |at: usize| {
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        digit(at) && !at.checked_sub(1).is_some_and(digit)
    };
    (0..bytes.len())
        .filter(|at| starts_number(*at))
        .find_map(|at| version_at(description.get(at..)?))
}

/// The version that a text starts with.
fn version_at(text: &str) -> Option<FoundVersion<'_>> {
    let (major, rest) = number(text)?;
    let (minor, rest) = number(rest.strip_prefix('.')?)?;
    let (date, rest) = number(rest.strip_prefix('.')?)?;
    if !matches!(date, 8 | 12) {
        return None;
    }
    let (build, _) = number(rest.strip_prefix('-')?)?;
    // Three separators of one byte each.
    Some(FoundVersion {
        full: text.get(..major + 1 + minor + 1 + date + 1 + build)?,
        token: text.get(..major + 1 + minor)?,
    })
}

/// How many digits a text starts with, one at least, and what follows them.
fn number(text: &str) -> Option<(usize, &str)> {
    let rest = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let length = text.len() - rest.len();
    (length > 0).then_some((length, rest))
}

/// BI-272: compares two tokens by number. A half that is no number counts as 0, a text that has not
/// two halves as `0.0`.
pub fn compare_tokens(a: &str, b: &str) -> Ordering {
    halves(a).cmp(&halves(b))
}

fn halves(token: &str) -> (i64, i64) {
    match token.split_once('.') {
        Some((major, minor)) if !minor.contains('.') => {
            let number = |text: &str| text.parse().unwrap_or_default();
            (number(major), number(minor))
        }
        _ => (0, 0),
    }
}

/// BI-272: compares two CoreOS versions by their first two parts alone. Of several marketplace
/// images the lowest version is recorded (BI-096).
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let token = |version| release_token(version).unwrap_or_default();
    compare_tokens(token(a), token(b))
}

/// BI-269: whether a token is of a release before 4.19: those numbered by OpenShift release,
/// `418.94` for 4.18 on RHEL 9.4.
pub fn is_of_older_scheme(token: &str) -> bool {
    /// No RHEL version will ever reach it.
    const HIGHEST_RHEL: i64 = 100;
    halves(token).0 > HIGHEST_RHEL
}

/// BI-267 … BI-269: what a product offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer<'f> {
    /// This image is the one to take.
    Image(&'f AwsImage, FoundVersion<'f>),
    /// There is none.
    Nothing {
        /// All that were turned down for their version are of releases before 4.19.
        only_older_scheme: bool,
    },
}

/// BI-267, BI-268: of a product's images the one of the highest version up to `newest`, of several
/// the youngest.
pub fn choose<'f>(images: &'f [AwsImage], newest: &str) -> Offer<'f> {
    let mut only_older_scheme = false;
    let mut chosen: Option<(&AwsImage, FoundVersion<'_>)> = None;
    for image in images {
        let Some(version) = version_in_description(&image.description) else {
            continue;
        };
        if compare_tokens(version.token, newest).is_gt() {
            only_older_scheme |= is_of_older_scheme(version.token);
            continue;
        }
        let is_better = chosen.is_none_or(|(other, of_other)| {
            compare_tokens(version.token, of_other.token)
                .then_with(|| image.creation_date.cmp(&other.creation_date))
                .is_gt()
        });
        if is_better {
            chosen = Some((image, version));
        }
    }
    match chosen {
        Some((image, version)) => Offer::Image(image, version),
        None => Offer::Nothing { only_older_scheme },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn t_08_bi_266_the_token_of_a_release() {
        let check = |release: &str, expected: Result<&str, &str>| {
            let found = release_token(release).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{release}");
        };
        check("9.6.20260210-0", Ok("9.6"));
        check("9.10.20260210-0", Ok("9.10"));
        check("9.6", Ok("9.6"));
        check("9.", Ok("9."));
        check(".", Ok("."));
        check("a.b.c", Ok("a.b"));
        check("", Err("RHCOS release string is empty"));
        check("9", Err(r#"unexpected RHCOS release string format: "9""#));
    }

    #[test]
    fn t_08_bi_267_the_version_in_a_description() {
        let check = |description: &str, expected: Option<(&str, &str)>| {
            let found = version_in_description(description);
            let found = found.map(|version| (version.full, version.token));
            assert_eq!(found, expected, "{description}");
        };
        let rhcos = Some(("9.6.20260210-0", "9.6"));
        check("RHEL CoreOS 9.6 9.6.20260210-0 x86_64", rhcos);
        check("RHEL CoreOS 9.6 9.6.20260210-0 aarch64", rhcos);
        check(
            "rhcos-9.6.20250701-0-x86_64",
            Some(("9.6.20250701-0", "9.6")),
        );
        let old = Some(("418.94.202511191518-0", "418.94"));
        check("OpenShift 4.18 418.94.202511191518-0 x86_64", old);
        check(
            "9.6.20260210-12 and 9.8.20260403-0",
            Some(("9.6.20260210-12", "9.6")),
        );
        check("1.2.3.20260210-0", Some(("2.3.20260210-0", "2.3")));
        check("é9.6.20260210-0é", rhcos);
        for none in [
            "some random description without a version",
            "no version here",
            "",
            "9.6",
            "9.6.2026021-0",
            "9.6.202602101-0",
            "9.6.20260210",
            "9.6.20260210-",
            "9.6.20260210-x",
            "9..20260210-0",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn t_08_bi_272_tokens_and_versions_compare_by_number() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, expected) in [
            ("9.6", "9.6", Equal),
            ("9.5", "9.6", Less),
            ("9.7", "9.6", Greater),
            ("9.6", "10.0", Less),
            ("10.0", "9.6", Greater),
            ("418.94", "9.6", Greater),
            ("9", "9.6", Less),
            ("", "0.0", Equal),
            ("9.6.1", "9.6", Less),
            (" 9.6", "9.6", Less),
            ("+9.6", "9.6", Equal),
            ("99999999999999999999.1", "0.1", Equal),
        ] {
            assert_eq!(compare_tokens(a, b), expected, "{a} {b}");
        }
        for (a, b, expected) in [
            ("9.6.20260210-0", "9.6.20260110-0", Equal),
            ("9.6.20260210-0", "9.5.20251001-0", Greater),
            ("9.5.20251001-0", "9.6.20260210-0", Less),
            ("10.0.20260210-0", "9.6.20260210-0", Greater),
            ("9.10.1-0", "9.9.9-9", Greater),
            ("", "9.6.1-0", Less),
        ] {
            assert_eq!(compare_versions(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn t_08_bi_269_tokens_of_releases_before_4_19() {
        for older in ["418.94", "400.0", "101.0"] {
            assert!(is_of_older_scheme(older), "{older}");
        }
        for token in ["100.0", "9.6", "10.0", "99.9", "", "-418.1"] {
            assert!(!is_of_older_scheme(token), "{token}");
        }
    }

    #[test]
    fn bi_264_products_have_names() {
        assert_eq!(product_name(ROSA_PRODUCT), "ROSA");
        assert_eq!(
            product_name("628c9df3-0254-4f91-bc1f-8619d1b8eaa8"),
            "OPP EMEA x86_64"
        );
        assert_eq!(product_name(""), "");
        assert_eq!(product_name(&ROSA_PRODUCT.to_uppercase()), "");
    }

    /// Images: id, description, day of creation. Expected: id and version, or whether all that were
    /// turned down are of the older scheme.
    fn check(images: &[(&str, &str, &str)], expected: Result<(&str, &str), bool>) {
        let images: Vec<_> = images
            .iter()
            .map(|(id, description, day)| AwsImage {
                id: (*id).to_owned(),
                description: (*description).to_owned(),
                creation_date: format!("{day}T12:00:00.000Z"),
                ..AwsImage::default()
            })
            .collect();
        let found = match choose(&images, "9.6") {
            Offer::Image(image, version) => Ok((image.id.as_str(), version.full)),
            Offer::Nothing { only_older_scheme } => Err(only_older_scheme),
        };
        assert_eq!(found, expected, "{images:?}");
    }

    #[test]
    fn t_08_bi_267_bi_268_bi_269_the_image_to_take() {
        let good = (
            "good",
            "RHEL CoreOS 9.6 9.6.20260210-0 x86_64",
            "2026-02-10",
        );
        let takes_good = Ok(("good", "9.6.20260210-0"));
        check(&[good], takes_good);
        check(
            &[("too-new", "9.7.20260601-0", "2026-06-01"), good],
            takes_good,
        );
        let older = ("older", "9.5.20251001-0", "2025-10-01");
        check(&[older], Ok(("older", "9.5.20251001-0")));
        let earlier = ("earlier", "9.6.20260110-0", "2026-01-10");
        check(&[earlier, good], takes_good);
        check(&[good, earlier], takes_good);
        let later_of_lower = ("lower", "9.5.20260101-0", "2026-03-01");
        check(&[later_of_lower, good], takes_good);
        check(&[], Err(false));
        let pre_rhel = (
            "old",
            "OpenShift 4.18 418.94.202511191518-0 x86_64",
            "2025-11-19",
        );
        check(&[pre_rhel], Err(true));
        check(&[("too-new", "9.7.20260601-0", "2026-06-01")], Err(false));
        check(
            &[("bad", "no version here", "2026-06-01"), good],
            takes_good,
        );
        let twin = ("twin", "9.6.20260210-0", "2026-02-10");
        check(&[good, twin], takes_good);
    }

    proptest! {
        #[test]
        fn no_text_panics(a in "[0-9.+-]{0,20}|\\PC{0,30}", b in "[0-9.]{0,9}|\\PC{0,9}") {
            let _ = (version_in_description(&a), release_token(&a), is_of_older_scheme(&a));
            prop_assert_eq!(compare_tokens(&a, &b), compare_tokens(&b, &a).reverse());
        }
    }
}
