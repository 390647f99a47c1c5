//! Label selectors as `oc -l` takes them.

use openshift_model::{LabelSelector, Selector};
use serde_json::{Value, json};

use crate::error::CommandError;

/// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
pub(crate) fn parse(text: &str) -> Result<Selector, CommandError> {
    let wrong = |problem: String| CommandError::Usage(format!("--selector: {problem}"));
    let mut requirements = Vec::new();
    for part in parts(text) {
        let requirement = requirement(part.trim()).ok_or_else(|| {
            wrong(format!(
                "{part:?} is none of KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY, !KEY"
            ))
        })?;
        requirements.push(requirement);
    }
    let selector: LabelSelector = serde_json::from_value(json!({"matchExpressions": requirements}))
        .map_err(|error| wrong(error.to_string()))?;
    selector.compile().map_err(|error| wrong(error.to_string()))
}

/// Splits at the commas that are not between parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut is_inside = false;
    let at_comma = |character: char| {
        match character {
            '(' => is_inside = true,
            ')' => is_inside = false,
            _ => {}
        }
        character == ',' && !is_inside
    };
    text.split(at_comma).collect()
}

fn requirement(text: &str) -> Option<Value> {
    let expression = |key: &str, operator: &str, values: Vec<&str>| {
        let key = key.trim();
        let is_key =
            !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || "=!()".contains(c));
        is_key.then(|| json!({"key": key, "operator": operator, "values": values}))
    };
    if let Some(key) = text.strip_prefix('!') {
        return expression(key, "DoesNotExist", Vec::new());
    }
    if let Some((key, value)) = text.split_once("!=") {
        return expression(key, "NotIn", vec![value.trim()]);
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return expression(key, "In", vec![value.trim()]);
    }
    let Some((key, set)) = text.split_once(char::is_whitespace) else {
        return expression(text, "Exists", Vec::new());
    };
    let (operator, values) = set.trim().split_once('(')?;
    let values = values.trim_end().strip_suffix(')')?;
    let operator = match operator.trim() {
        "in" => "In",
        "notin" => "NotIn",
        _ => return None,
    };
    expression(key, operator, values.split(',').map(str::trim).collect())
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
