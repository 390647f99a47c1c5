//! An explanation for people.

use std::io::{Result, Write};

use bootimage_plan::{Explanation, FactRequest};
use openshift_model::{Input, Step};

use crate::render::document;
use crate::screen::shown;
use crate::text::wrap;

/// The decision, then every rule that was looked at, in order.
pub(crate) fn text(out: &mut dyn Write, explanation: &Explanation) -> Result<()> {
    let target = &explanation.target;
    let namespace = match target.namespace.as_ref() {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    writeln!(
        out,
        "{} {}{}",
        target.kind,
        shown(&namespace),
        shown(&target.name)
    )?;
    writeln!(out, "{}: {}", target.decision.name(), target.reason)?;
    write!(out, "{}", wrap(&target.message, 2))?;
    for (what, image) in [("boots", &target.current), ("should boot", &target.target)] {
        if let Some(image) = image {
            writeln!(out, "  {what}: {}", shown(image))?;
        }
    }
    writeln!(out, "\nRules, in the order in which they were looked at:")?;
    for step in &explanation.steps {
        write!(out, "\n{}", rule(step))?;
    }
    questions(out, &explanation.needs)
}

/// What has to be known first: the command that finds it out, and the document that takes the
/// answer.
fn questions(out: &mut dyn Write, needs: &[FactRequest]) -> Result<()> {
    for need in needs {
        let answer = match need {
            FactRequest::AwsImage { .. } => "image: {OwnerId: …, Name: …}",
            FactRequest::AwsMarketplaceImages { .. } => {
                "images: [{ImageId: …, Name: …, Description: …, CreationDate: …}]"
            }
            FactRequest::VsphereTemplate(_) => {
                "folderPath: …\n\
                 machines: [{path: …, version: …, thinProvisioned: …, eagerlyScrub: …}]"
            }
        };
        let item = document::yaml(need).map_err(std::io::Error::other)?;
        let item = format!("{item}{answer}").replace('\n', "\n    ");
        writeln!(
            out,
            "\nNext: find it out, and give the answer with --facts FILE\n"
        )?;
        writeln!(out, "  {}\n", need.command())?;
        writeln!(out, "  apiVersion: osimage.dev/v1\n  kind: Facts\n  items:")?;
        writeln!(out, "  - {item}")?;
    }
    Ok(())
}

fn rule(step: &Step) -> String {
    // What a rule answers with no may lead on all the same: only the last one decided.
    let mark = if step.passed { "next" } else { "STOP" };
    let mut text = format!("{mark}  {}  {}\n", step.rule, step.question);
    text.push_str(&wrap(&step.outcome, 6));
    for Input { what, value } in &step.inputs {
        let value = value.as_deref().unwrap_or("not set");
        text.push_str(&wrap(&format!("{what}: {value}"), 8));
    }
    text
}
