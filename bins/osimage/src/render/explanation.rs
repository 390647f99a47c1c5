//! An explanation for people.

use std::io::{Result, Write};

use bootimage_plan::Explanation;
use openshift_model::{Input, Step};

use crate::text::wrap;

/// The decision, then every rule that was looked at, in order.
pub(crate) fn text(out: &mut dyn Write, explanation: &Explanation) -> Result<()> {
    let target = &explanation.target;
    let namespace = match target.namespace.as_str() {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    writeln!(out, "{} {namespace}{}", target.kind, target.name)?;
    writeln!(out, "{}: {}", target.decision.name(), target.reason)?;
    write!(out, "{}", wrap(&target.message, 2))?;
    for (what, image) in [("boots", &target.current), ("should boot", &target.target)] {
        if let Some(image) = image {
            writeln!(out, "  {what}: {image}")?;
        }
    }
    writeln!(out, "\nRules, in the order in which they were looked at:")?;
    for step in &explanation.steps {
        write!(out, "\n{}", rule(step))?;
    }
    Ok(())
}

fn rule(step: &Step) -> String {
    let mark = if step.passed { "pass" } else { "STOP" };
    let mut text = format!("{mark}  {}  {}\n", step.rule, step.question);
    text.push_str(&wrap(&step.outcome, 6));
    for Input { what, value } in &step.inputs {
        let value = value.as_deref().unwrap_or("not set");
        text.push_str(&wrap(&format!("{what}: {value}"), 8));
    }
    text
}
