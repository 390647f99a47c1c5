//! Kubernetes label selectors (BI-080 … BI-082), with the API machinery's own error texts.

mod text;

use serde::{Deserialize, Serialize};

use crate::StringMap;

/// `metav1.LabelSelector`: all parts must match; the empty selector matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that must have exactly these values.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "std::collections::BTreeMap::is_empty"
    )]
    match_labels: std::collections::BTreeMap<String, String>,
    /// Further requirements.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    match_expressions: Vec<Expression>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
struct Expression {
    #[serde(deserialize_with = "null_is_default")]
    key: String,
    #[serde(deserialize_with = "null_is_default")]
    operator: String,
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    values: Vec<String>,
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Why a label selector is not one. The texts are those of the Kubernetes API machinery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The operator is none of `In`, `NotIn`, `Exists`, `DoesNotExist`.
    #[error("{0:?} is not a valid label selector operator")]
    Operator(String),
    /// A key or a value breaks the syntax of labels, or an operator has too many or too few values.
    #[error("{}", aggregate(.0))]
    Invalid(Vec<String>),
}

/// Several errors print as `[a, b]`, one as it is.
fn aggregate(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

pub use text::SelectorTextError;

/// A selector that was checked and can be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
    /// Sorted, as a selector prints them.
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    /// BI-080: checks the selector as the API machinery does.
    pub fn compile(&self) -> Result<Selector, SelectorError> {
        let mut requirements = Vec::new();
        for (key, value) in &self.match_labels {
            requirements.push(Requirement::new(
                key,
                Operator::Equals,
                vec![value.clone()],
            )?);
        }
        for expression in &self.match_expressions {
            let operator = match expression.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => return Err(SelectorError::Operator(other.to_owned())),
            };
            let values = expression.values.clone();
            requirements.push(Requirement::new(&expression.key, operator, values)?);
        }
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Selector(requirements))
    }
}

impl Selector {
    /// The same selector, for objects that have a label besides, whatever its value.
    pub fn and_exists(self, key: &str) -> Result<Self, SelectorError> {
        Ok(self.and(Requirement::new(key, Operator::Exists, Vec::new())?))
    }

    /// The same selector, for objects that have a label with this value besides.
    pub fn and_equals(self, key: &str, value: &str) -> Result<Self, SelectorError> {
        let values = vec![value.to_owned()];
        Ok(self.and(Requirement::new(key, Operator::Equals, values)?))
    }

    fn and(mut self, requirement: Requirement) -> Self {
        self.0.push(requirement);
        self.0.sort_by(|a, b| a.key.cmp(&b.key));
        self
    }

    /// BI-080, BI-081: whether these labels match. `NotIn` and `DoesNotExist` also match objects
    /// without the key.
    pub fn matches(&self, labels: &StringMap<'_>) -> bool {
        self.0
            .iter()
            .all(|requirement| requirement.matches(labels.get(&requirement.key)))
    }
}

impl std::fmt::Display for Selector {
    /// The selector as `kubectl --selector` takes it; the empty string for the empty selector.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, requirement) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            let Requirement {
                key,
                operator,
                values,
            } = requirement;
            let values = values.join(",");
            match operator {
                Operator::Equals => write!(f, "{key}={values}")?,
                Operator::In => write!(f, "{key} in ({values})")?,
                Operator::NotIn => write!(f, "{key} notin ({values})")?,
                Operator::Exists => write!(f, "{key}")?,
                Operator::DoesNotExist => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

impl Requirement {
    fn new(
        key: &str,
        operator: Operator,
        mut values: Vec<String>,
    ) -> Result<Requirement, SelectorError> {
        let mut errors = Vec::new();
        let key_errors = label_key_errors(key);
        if !key_errors.is_empty() {
            errors.push(format!(
                "key: Invalid value: {key:?}: {}",
                key_errors.join("; ")
            ));
        }
        match operator {
            Operator::In | Operator::NotIn if values.is_empty() => errors.push(
                "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty"
                    .to_owned(),
            ),
            Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                let list = serde_json::Value::from(values.clone());
                errors.push(format!(
                    "values: Invalid value: {list}: values set must be empty for exists and does not exist"
                ));
            }
            _ => {}
        }
        for (index, value) in values.iter().enumerate() {
            if let Some(problem) = label_value_error(value) {
                errors.push(format!(
                    "values[{index}][{key}]: Invalid value: {value:?}: {problem}"
                ));
            }
        }
        if !errors.is_empty() {
            return Err(SelectorError::Invalid(errors));
        }
        values.sort();
        Ok(Requirement {
            key: key.to_owned(),
            operator,
            values,
        })
    }

    fn matches(&self, value: Option<&str>) -> bool {
        let listed = value.is_some_and(|value| self.values.iter().any(|v| v == value));
        match self.operator {
            Operator::Equals | Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// Longest name of a label, and longest value, in bytes.
const LONGEST_NAME: usize = 63;
/// Longest prefix of a label key (a DNS name), in bytes.
const LONGEST_PREFIX: usize = 253;

const NAME_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start \
    and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex \
    used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const PREFIX_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// What is wrong with the key of a label, in the words of the Kubernetes API machinery; empty where
/// it is right.
pub fn label_key_errors(key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let name = match key.split('/').collect::<Vec<_>>().as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                if prefix.len() > LONGEST_PREFIX {
                    errors.push(format!(
                        "prefix part must be no more than {LONGEST_PREFIX} bytes"
                    ));
                }
                if !is_dns_subdomain(prefix) {
                    errors.push(format!("prefix part {PREFIX_RULE}"));
                }
            }
            *name
        }
        _ => {
            return vec![format!(
                "a qualified name {NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > LONGEST_NAME {
        errors.push(format!(
            "name part must be no more than {LONGEST_NAME} bytes"
        ));
    }
    if !is_label_text(name) {
        errors.push(format!("name part {NAME_RULE}"));
    }
    errors
}

/// What is wrong with the value of a label, in the words of the Kubernetes API machinery.
pub fn label_value_error(value: &str) -> Option<String> {
    let mut errors = Vec::new();
    if value.len() > LONGEST_NAME {
        errors.push(format!("must be no more than {LONGEST_NAME} bytes"));
    }
    if !value.is_empty() && !is_label_text(value) {
        errors.push(VALUE_RULE.to_owned());
    }
    (!errors.is_empty()).then(|| errors.join("; "))
}

fn is_label_text(text: &str) -> bool {
    starts_and_ends_with(text, |byte| byte.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether a text is a DNS-1123 subdomain: what most names in Kubernetes are.
pub fn is_dns_subdomain(text: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.split('.').all(|part| {
        starts_and_ends_with(part, lower) && part.bytes().all(|byte| lower(byte) || byte == b'-')
    })
}

fn starts_and_ends_with(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(&allowed) && bytes.last().copied().is_some_and(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(json: &str) -> LabelSelector {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn selectors_grow_by_requirements() {
        let selector = Selector::default()
            .and_exists("b")
            .unwrap()
            .and_equals("a/x", "1");
        assert_eq!(selector.unwrap().to_string(), "a/x=1,b");
        assert!(Selector::default().and_equals("a", "x y").is_err());
        assert!(Selector::default().and_exists("").is_err());
    }

    fn check(json: &str, printed: &str, matching: &[&[(&str, &str)]], other: &[&[(&str, &str)]]) {
        let selector = selector(json).compile().unwrap();
        assert_eq!(selector.to_string(), printed, "{json}");
        for labels in matching {
            assert!(
                selector.matches(&labels.iter().copied().collect()),
                "{json} {labels:?}"
            );
        }
        for labels in other {
            assert!(
                !selector.matches(&labels.iter().copied().collect()),
                "{json} {labels:?}"
            );
        }
    }

    #[test]
    fn bi_080_selectors_match_as_kubernetes_has_it() {
        check("{}", "", &[&[], &[("a", "1")]], &[]);
        check(
            r#"{"matchLabels":null,"matchExpressions":null}"#,
            "",
            &[&[]],
            &[],
        );
        check(
            r#"{"matchLabels":{"b":"2","a":"1"}}"#,
            "a=1,b=2",
            &[&[("a", "1"), ("b", "2"), ("c", "3")]],
            &[&[], &[("a", "1")], &[("a", "1"), ("b", "1")]],
        );
        check(
            r#"{"matchExpressions":[{"key":"a","operator":"In","values":["y","x"]}]}"#,
            "a in (x,y)",
            &[&[("a", "x")], &[("a", "y")]],
            &[&[], &[("a", "z")]],
        );
        check(
            r#"{"matchExpressions":[{"key":"a","operator":"NotIn","values":["x"]}]}"#,
            "a notin (x)",
            &[&[], &[("a", "y")]],
            &[&[("a", "x")]],
        );
        check(
            r#"{"matchExpressions":[{"key":"a","operator":"Exists"}]}"#,
            "a",
            &[&[("a", "")]],
            &[&[], &[("b", "")]],
        );
        check(
            r#"{"matchExpressions":[{"key":"a","operator":"DoesNotExist","values":[]}]}"#,
            "!a",
            &[&[], &[("b", "")]],
            &[&[("a", "")]],
        );
        check(
            r#"{"matchExpressions":[{"key":"e.com/a","operator":"In","values":[""]}]}"#,
            "e.com/a in ()",
            &[&[("e.com/a", "")]],
            &[&[]],
        );
    }

    fn check_error(json: &str, expected: &str) {
        let error = selector(json).compile().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{json}: {error}");
    }

    #[test]
    fn bi_080_what_is_no_selector_is_an_error() {
        check_error(
            r#"{"matchExpressions":[{"key":"a","operator":"Gt","values":["1"]}]}"#,
            r#""Gt" is not a valid label selector operator"#,
        );
        check_error(
            r#"{"matchExpressions":[{"key":"a","operator":"In"}]}"#,
            "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty",
        );
        check_error(
            r#"{"matchExpressions":[{"key":"a","operator":"Exists","values":["x"]}]}"#,
            r#"values: Invalid value: ["x"]: values set must be empty for exists"#,
        );
        check_error(
            r#"{"matchLabels":{"":"x"}}"#,
            r#"key: Invalid value: "": name part must be non-empty; name part must consist of"#,
        );
        check_error(
            r#"{"matchLabels":{"a/b/c":"x"}}"#,
            r#"key: Invalid value: "a/b/c": a qualified name must consist of"#,
        );
        check_error(
            r#"{"matchLabels":{"/b":"x"}}"#,
            r#"key: Invalid value: "/b": prefix part must"#,
        );
        check_error(
            r#"{"matchLabels":{"A.com/b":"x"}}"#,
            r#"key: Invalid value: "A.com/b": prefix part a lowercase RFC 1123 subdomain"#,
        );
        check_error(
            r#"{"matchLabels":{"a":"x."}}"#,
            r#"values[0][a]: Invalid value: "x.": a valid label must be an empty string"#,
        );
        let long = "x".repeat(64);
        check_error(
            &format!(r#"{{"matchLabels":{{"a":"{long}"}}}}"#),
            &format!("values[0][a]: Invalid value: {long:?}: must be no more than 63 bytes"),
        );
        check_error(
            r#"{"matchLabels":{"-":"-"}}"#,
            r#"[key: Invalid value: "-": name part must consist of"#,
        );
    }
}
