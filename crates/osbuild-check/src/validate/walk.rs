//! Compares a value with a schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::{FieldError, FieldProblem};
use super::schema::{Key, Member, Shape};

/// Every field below `path` that does not fit.
pub(super) fn walk(value: &Value, shape: &Shape, path: &str, errors: &mut Vec<FieldError>) {
    match (shape, value) {
        (
            Shape::Text {
                shortest,
                longest,
                rules,
            },
            Value::String(text),
        ) => {
            let length = text.chars().count();
            if length > *longest {
                push(errors, path, FieldProblem::TooLong(*longest));
            } else if length < *shortest {
                let (value, least) = (text.clone(), *shortest);
                push(errors, path, FieldProblem::TooShort { value, least });
            } else {
                for rule in rules.iter().filter(|rule| !rule.is_kept_by(text)) {
                    let (value, message) = (text.clone(), rule.message());
                    push(errors, path, FieldProblem::Rule { value, message });
                }
            }
        }
        (Shape::OneOf(supported), Value::String(text)) => {
            if !supported.contains(&text.as_str()) {
                let value = text.clone();
                push(errors, path, FieldProblem::Unsupported { value, supported });
            }
        }
        (Shape::Integer(least), Value::Number(number)) if !number.is_f64() => {
            let value = number.as_i64().unwrap_or(i64::MAX);
            if value < *least {
                push(
                    errors,
                    path,
                    FieldProblem::TooSmall {
                        value,
                        least: *least,
                    },
                );
            }
        }
        (Shape::Object(members), Value::Object(_)) => walk_members(value, members, path, errors),
        (Shape::List { most, of, keys }, Value::Array(elements)) => {
            if elements.len() > *most {
                let (count, most) = (elements.len(), *most);
                push(errors, path, FieldProblem::TooMany { count, most });
            }
            for (index, element) in elements.iter().enumerate() {
                walk(element, of, &format!("{path}[{index}]"), errors);
            }
            duplicates(elements, keys, path, errors);
        }
        (shape, other) => {
            let (found, expected) = (type_of(other), shape.type_name());
            push(errors, path, FieldProblem::Type { found, expected });
        }
    }
}

fn walk_members(value: &Value, members: &[Member], path: &str, errors: &mut Vec<FieldError>) {
    for Member {
        name,
        is_required,
        shape,
    } in members
    {
        let path = if path.is_empty() {
            (*name).to_owned()
        } else {
            format!("{path}.{name}")
        };
        match value.get(name) {
            // The server drops a null that is not asked for.
            None | Some(Value::Null) => {
                if *is_required {
                    push(errors, &path, FieldProblem::Required);
                }
            }
            Some(member) => walk(member, shape, &path, errors),
        }
    }
}

fn duplicates(elements: &[Value], keys: &[Key], path: &str, errors: &mut Vec<FieldError>) {
    if keys.is_empty() {
        return;
    }
    let key = |element: &Value| -> String {
        let parts = keys.iter().map(|Key { name, default }| {
            let text = element.get(name).and_then(Value::as_str);
            format!("{name:?}:{:?}", text.or(*default).unwrap_or_default())
        });
        format!(
            "map[string]interface {{}}{{{}}}",
            parts.collect::<Vec<_>>().join(", ")
        )
    };
    let mut seen = BTreeSet::new();
    for (index, element) in elements.iter().enumerate() {
        let key = key(element);
        if !seen.insert(key.clone()) {
            push(
                errors,
                &format!("{path}[{index}]"),
                FieldProblem::Duplicate(key),
            );
        }
    }
}

impl Shape {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::OneOf(_) => "string",
            Self::Integer(_) => "integer",
            Self::Object(_) => "object",
            Self::List { .. } => "array",
        }
    }
}

pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn push(errors: &mut Vec<FieldError>, path: &str, problem: FieldProblem) {
    let path = path.to_owned();
    errors.push(FieldError { path, problem });
}
