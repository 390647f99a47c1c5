//! `osimage ignition`

use bootimage_plan::API_VERSION;
use ignition_stub_convert::{
    Conversion, Note, SecretUpgrade, TargetVersion, convert, spec_version, upgrade,
};
use serde::Serialize;
use serde_json::Value;

use super::{note, print, print_shown, print_text, warn};
use crate::cli::{
    DocumentFormat, ExplainFormat, IgnitionCheckArgs, IgnitionCommand, IgnitionConvertArgs,
    StubArgs, TargetArg,
};
use crate::error::CommandError;
use crate::exit;
use crate::render::{document, side_by_side};
use crate::text::wrap;
use crate::user_data::{Content, UserData};

pub(super) fn run(command: &IgnitionCommand) -> Result<u8, CommandError> {
    match command {
        IgnitionCommand::Convert(args) => run_convert(args),
        IgnitionCommand::Check(args) => run_check(args),
    }
}

/// What became of the input.
struct Outcome {
    input: UserData,
    /// The spec that the stub was of.
    from: String,
    /// `None` where it stays as it is.
    converted: Option<Converted>,
}

/// A stub that was converted.
struct Converted {
    stub: String,
    /// Annotations for the Secret that it is in; none for a stub by itself.
    annotations: Vec<(&'static str, String)>,
    notes: Vec<Note>,
}

fn target(args: &StubArgs) -> TargetVersion {
    match args.to {
        TargetArg::V3_4 => TargetVersion::V3_4,
        TargetArg::V3_5 => TargetVersion::V3_5,
    }
}

/// Converts what the file holds.
fn outcome(input: UserData, target: TargetVersion) -> Result<Outcome, CommandError> {
    let path = || input.path.clone();
    let (from, converted) = match &input.content {
        Content::Stub => match convert(&input.bytes, target) {
            Ok(Conversion::Current { version }) => (version, None),
            Ok(Conversion::Converted(converted)) => {
                let stub = Converted {
                    stub: converted.document,
                    annotations: Vec::new(),
                    notes: converted.notes,
                };
                (converted.from.to_owned(), Some(stub))
            }
            Err(error) => {
                return Err(CommandError::Stub {
                    path: path(),
                    error,
                });
            }
        },
        Content::Secret(secret) => {
            match upgrade(&secret.name, &secret.stub, target, &cluster_io::time::now()) {
                Ok(SecretUpgrade::Current { version }) => (version, None),
                Ok(SecretUpgrade::Upgraded {
                    user_data,
                    annotations,
                    from,
                    notes,
                    ..
                }) => {
                    let stub = Converted {
                        stub: user_data,
                        annotations: annotations.into(),
                        notes,
                    };
                    (from.to_owned(), Some(stub))
                }
                Err(error) => {
                    return Err(CommandError::Secret {
                        path: path(),
                        error,
                    });
                }
            }
        }
    };
    Ok(Outcome {
        input,
        from,
        converted,
    })
}

fn run_convert(args: &IgnitionConvertArgs) -> Result<u8, CommandError> {
    let target = target(&args.stub);
    let Outcome {
        input,
        from,
        converted,
    } = outcome(UserData::read(&args.stub.file)?, target)?;
    let Some(converted) = converted else {
        note(&format!(
            "{}: spec {from} is current and stays as it is",
            input.path
        ));
        if !args.diff {
            print(|out| out.write_all(&input.bytes))?;
        }
        return Ok(exit::OK);
    };
    tell_notes(&converted.notes);
    if args.diff {
        show_difference(&input, &converted.stub)?;
    } else {
        print_text(&rewritten(input, converted, args.output)?)?;
    }
    Ok(exit::OK)
}

/// How many warnings are told: `check` lists them all.
const TOLD_NOTES: usize = 20;

fn tell_notes(notes: &[Note]) {
    for note in notes.iter().take(TOLD_NOTES) {
        warn(note);
    }
    let more = notes.len().saturating_sub(TOLD_NOTES);
    if more > 0 {
        warn(format_args!(
            "and {more} more: `osimage ignition check` lists them"
        ));
    }
}

/// The converted document, or the Secret that holds it.
fn rewritten(
    input: UserData,
    converted: Converted,
    output: Option<DocumentFormat>,
) -> Result<String, CommandError> {
    match input.content {
        Content::Stub => match output {
            None | Some(DocumentFormat::Json) => Ok(converted.stub + "\n"),
            Some(DocumentFormat::Yaml) => document::yaml(&parsed(&converted.stub)?),
        },
        Content::Secret(secret) => {
            let format = output.unwrap_or(secret.format);
            let path = input.path;
            let secret = secret
                .with(&converted.stub, &converted.annotations)
                .map_err(|problem| CommandError::NoStub { path, problem })?;
            match format {
                DocumentFormat::Json => document::json(&secret),
                DocumentFormat::Yaml => document::yaml(&secret),
            }
        }
    }
}

fn show_difference(input: &UserData, after: &str) -> Result<(), CommandError> {
    let before = match &input.content {
        Content::Stub => &input.bytes,
        Content::Secret(secret) => &secret.stub,
    };
    let sorted = |text: &str| {
        let mut value = parsed(text)?;
        // In one order, so that what did not change stands side by side.
        value.sort_all_objects();
        document::yaml(&value)
    };
    let (before, after) = (sorted(&String::from_utf8_lossy(before))?, sorted(after)?);
    print_shown(|out| side_by_side::write(out, &before, &after, side_by_side::width()))
}

fn parsed(stub: &str) -> Result<Value, CommandError> {
    serde_json::from_str(stub).map_err(|error| CommandError::Serialise {
        format: "YAML",
        problem: error.to_string(),
    })
}

/// `osimage ignition check -o json`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IgnitionCheck {
    api_version: &'static str,
    kind: &'static str,
    /// The spec of the stub; null where it has none.
    from: Option<String>,
    /// The spec that it is of afterwards, or would be of.
    to: String,
    decision: Decision,
    message: String,
    /// What the converted stub does not say in the words of the old one.
    warnings: Vec<String>,
    /// What stands in the way.
    obstacles: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize)]
enum Decision {
    Convert,
    Current,
    Blocked,
}

fn run_check(args: &IgnitionCheckArgs) -> Result<u8, CommandError> {
    let input = UserData::read(&args.stub.file)?;
    let (check, code) = check(input, target(&args.stub))?;
    match args.output {
        ExplainFormat::Text => print_shown(|out| out.write_all(text(&check).as_bytes()))?,
        ExplainFormat::Json => print_text(&document::json(&check)?)?,
        ExplainFormat::Yaml => print_text(&document::yaml(&check)?)?,
    }
    Ok(code)
}

/// What a conversion would do, and the exit code of that.
fn check(input: UserData, target: TargetVersion) -> Result<(IgnitionCheck, u8), CommandError> {
    let stub = match &input.content {
        Content::Stub => &input.bytes,
        Content::Secret(secret) => &secret.stub,
    };
    let mut check = IgnitionCheck {
        api_version: API_VERSION,
        kind: "IgnitionCheck",
        from: spec_version(stub),
        to: target.to_string(),
        decision: Decision::Blocked,
        message: String::new(),
        warnings: Vec::new(),
        obstacles: Vec::new(),
    };
    match outcome(input, target) {
        Ok(Outcome {
            from,
            converted: None,
            ..
        }) => {
            check.decision = Decision::Current;
            check.message = format!("spec {from} is current and stays as it is");
            check.to = from;
        }
        Ok(Outcome {
            from,
            converted: Some(converted),
            ..
        }) => {
            check.decision = Decision::Convert;
            check.message = format!("spec {from} is converted to {target}");
            check.warnings = converted.notes.iter().map(ToString::to_string).collect();
        }
        Err(error) => {
            let (message, obstacles) = match &error {
                CommandError::Stub { error, .. } => (error.to_string(), error.obstacles()),
                CommandError::Secret { error, .. } => (error.to_string(), error.obstacles()),
                _ => return Err(error),
            };
            message.trim_end().clone_into(&mut check.message);
            check.obstacles = obstacles.iter().map(ToString::to_string).collect();
            return Ok((check, error.code()));
        }
    }
    Ok((check, exit::OK))
}

fn text(check: &IgnitionCheck) -> String {
    let from = check.from.as_deref().unwrap_or("none");
    let mut text = format!("spec      {from}\ndecision  {:?}\n", check.decision);
    text.push_str(&wrap(&check.message, 2));
    for (title, lines) in [
        ("warnings", &check.warnings),
        ("obstacles", &check.obstacles),
    ] {
        if !lines.is_empty() {
            text.push_str(title);
            text.push('\n');
        }
        for line in lines {
            text.push_str(&wrap(line, 2));
        }
    }
    text
}
