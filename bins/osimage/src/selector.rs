//! Label selectors as `oc -l` takes them.

use openshift_model::{LabelSelector, Selector};

use crate::error::CommandError;

/// Reads `--selector` as it is written into an object, and checks it as the API server would.
pub(crate) fn read(text: &str) -> Result<(LabelSelector, Selector), CommandError> {
    let wrong = |problem: String| CommandError::Usage(format!("--selector: {problem}"));
    let selector = LabelSelector::parse(text).map_err(|error| wrong(error.to_string()))?;
    let compiled = selector
        .compile()
        .map_err(|error| wrong(error.to_string()))?;
    Ok((selector, compiled))
}

/// Reads `--selector` in order to ask it.
pub(crate) fn parse(text: &str) -> Result<Selector, CommandError> {
    read(text).map(|(_, selector)| selector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_oc_reads_them() {
        let labels = serde_json::from_str(r#"{"region": "west", "pool": "a"}"#).unwrap();
        let check = |text: &str, expected: bool| {
            assert_eq!(parse(text).unwrap().matches(&labels), expected, "{text}");
        };
        check("region=west", true);
        check("region==west, pool=a", true);
        check("region!=west", false);
        check("zone!=x", true);
        check("pool in (a, b),region notin (east)", true);
        check("pool notin (a,b)", false);
        check("pool", true);
        check("!pool", false);
        check("!zone", true);
        for wrong in [
            "", "=a", "a b", "a in b", "a in (b", "a=b=c", "a,,b", "!", "-x=1",
        ] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("--selector: "), "{wrong}: {error}");
        }
    }
}
