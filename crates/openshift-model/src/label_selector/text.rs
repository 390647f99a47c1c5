//! Label selectors in one line, as `oc -l` takes them.

use super::{Expression, LabelSelector};

/// A part of a selector has none of the forms that there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part:?} is none of KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY, !KEY")]
pub struct SelectorTextError {
    /// The part, between two commas.
    pub part: String,
}

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Keys and values are not checked here, see
    /// [`LabelSelector::compile`].
    pub fn parse(text: &str) -> Result<Self, SelectorTextError> {
        let mut selector = Self::default();
        for part in parts(text) {
            let error = || SelectorTextError {
                part: part.to_owned(),
            };
            match requirement(part.trim()).ok_or_else(error)? {
                // A key that is there twice has to have both values, which a map cannot say.
                Requirement::Equals(key, value) if !selector.match_labels.contains_key(&key) => {
                    selector.match_labels.insert(key, value);
                }
                Requirement::Equals(key, value) => {
                    let found = expression(&key, "In", vec![value]);
                    selector.match_expressions.extend(found);
                }
                Requirement::Expression(found) => selector.match_expressions.push(found),
            }
        }
        Ok(selector)
    }
}

enum Requirement {
    Equals(String, String),
    Expression(Expression),
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

fn requirement(text: &str) -> Option<Requirement> {
    let of = |key: &str, operator: &str, values: Vec<String>| {
        expression(key, operator, values).map(Requirement::Expression)
    };
    if let Some(key) = text.strip_prefix('!') {
        return of(key, "DoesNotExist", Vec::new());
    }
    if let Some((key, value)) = text.split_once("!=") {
        return of(key, "NotIn", vec![value.trim().to_owned()]);
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        let key = key.trim();
        return is_key(key).then(|| Requirement::Equals(key.to_owned(), value.trim().to_owned()));
    }
    let Some((key, set)) = text.split_once(char::is_whitespace) else {
        return of(text, "Exists", Vec::new());
    };
    let (operator, values) = set.trim().split_once('(')?;
    let values = values.trim_end().strip_suffix(')')?;
    let operator = match operator.trim() {
        "in" => "In",
        "notin" => "NotIn",
        _ => return None,
    };
    let values = values.split(',').map(|value| value.trim().to_owned());
    of(key, operator, values.collect())
}

fn expression(key: &str, operator: &str, values: Vec<String>) -> Option<Expression> {
    let key = key.trim();
    is_key(key).then(|| Expression {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values,
    })
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || "=!()".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_becomes_labels_and_expressions() {
        let check = |text: &str, expected: serde_json::Value| {
            let selector = LabelSelector::parse(text).unwrap();
            assert_eq!(serde_json::to_value(selector).unwrap(), expected, "{text}");
        };
        check("a=b", json!({"matchLabels": {"a": "b"}}));
        check("a==b, c=", json!({"matchLabels": {"a": "b", "c": ""}}));
        let expression = |operator: &str, values: serde_json::Value| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
        check("a!=b", expression("NotIn", json!(["b"])));
        check("a in (b, c)", expression("In", json!(["b", "c"])));
        check("a notin (b)", expression("NotIn", json!(["b"])));
        check(
            "!a",
            json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}),
        );
        check(
            "a",
            json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]}),
        );
        check(
            "a=b,a=c",
            json!({"matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "a", "operator": "In", "values": ["c"]}]}),
        );
        for wrong in ["", "=a", "a b", "a in b", "a in (b", "a,,b", "!"] {
            assert!(LabelSelector::parse(wrong).is_err(), "{wrong}");
        }
    }
}
