//! `osimage facts`

use std::fmt::Write;

use bootimage_plan::FactRequest;

use super::{note, print_shown, print_text, tell_all};
use crate::cli::FactsArgs;
use crate::error::CommandError;
use crate::exit;
use crate::input::Input;
use crate::render::document;
use crate::replace_file::replace_file;

pub(super) fn run(args: &FactsArgs) -> Result<u8, CommandError> {
    let input = Input::read_for(&args.input, args.resolve, |snapshot| {
        snapshot.plan(&args.input)
    })?;
    let snapshot = input.snapshot();
    let plan = snapshot.plan(&args.input);
    tell_all(&snapshot.warnings, &snapshot.errors, snapshot.ignored);
    if args.resolve {
        for need in &plan.needs {
            note(&format!("not answered: {}", need.command()));
        }
        let answers = document::json(&snapshot.facts)?;
        match &args.output {
            Some(path) => {
                replace_file(path, answers.as_bytes()).map_err(|source| CommandError::Write {
                    path: path.display().to_string(),
                    source,
                })?;
            }
            None => print_text(&answers)?,
        }
    } else if plan.needs.is_empty() {
        note("nothing to find out: the plan knows all that it needs");
    } else {
        print_shown(|out| out.write_all(script(&plan.needs).as_bytes()))?;
    }
    Ok(if snapshot.errors.is_empty() {
        exit::OK
    } else {
        exit::INVALID_INPUT
    })
}

/// The commands that answer everything, each with a file for its answer, as a shell takes them.
fn script(needs: &[FactRequest]) -> String {
    let mut script = String::new();
    let mut options = String::new();
    for (number, need) in (1..).zip(needs) {
        let file = format!("answer-{number}.json");
        // Writing to a string cannot fail.
        let _ = writeln!(script, "{} > {file}", need.command());
        let _ = write!(options, " --facts {file}");
    }
    script + &format!("# then plan with{options}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_file_of_its_own() {
        let image = |id: &str| FactRequest::AwsImage {
            region: "us-east-1".into(),
            id: id.into(),
        };
        assert_eq!(
            script(&[image("ami-1"), image("ami-2")]),
            "aws ec2 describe-images --region us-east-1 --image-ids ami-1 > answer-1.json\n\
             aws ec2 describe-images --region us-east-1 --image-ids ami-2 > answer-2.json\n\
             # then plan with --facts answer-1.json --facts answer-2.json\n"
        );
    }
}
