//! `osimage layer check`

use std::path::Path;

use cluster_io::files;
use containerfile_render::{CheckFor, Place, check};

use crate::cli::CheckArgs;
use crate::commands::tell;
use crate::error::CommandError;
use crate::exit;

pub(super) fn run(args: &CheckArgs) -> Result<u8, CommandError> {
    let (name, text) = read(&args.file)?;
    let checked = CheckFor {
        place: if args.out_of_cluster {
            Place::Elsewhere
        } else {
            Place::Cluster
        },
        builder: args.builder,
    };
    let report = check(&text, checked);
    if let Some(problem) = &report.problem {
        let hint = problem.what.hint(&text);
        let hint = hint.map(|hint| format!(": {hint}")).unwrap_or_default();
        tell(&format!(
            "{name}:{}:{}: error: {}{hint}",
            problem.line, problem.column, problem.what
        ));
    }
    let word = if args.strict { "error" } else { "warning" };
    for advice in &report.advice {
        tell(&format!(
            "{name}:{}:{}: {word}: {}",
            advice.line, advice.column, advice.what
        ));
    }
    let what = match checked.place {
        Place::Cluster => "as the text of a MachineOSConfig",
        Place::Elsewhere => "as a document of its own",
    };
    tell(&format!(
        "{name}: checked {what}, for {} and later",
        checked.builder
    ));
    let failed = report.problem.is_some() || (args.strict && !report.advice.is_empty());
    Ok(if failed {
        exit::INVALID_INPUT
    } else {
        exit::OK
    })
}

/// The name for messages, and the text.
fn read(file: &Path) -> Result<(String, String), CommandError> {
    let is_stdin = file.as_os_str() == "-";
    let name = if is_stdin {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    };
    let invalid = |problem: String| CommandError::Invalid(format!("{name}: {problem}"));
    // Neither a pipe that nobody writes to nor a device is waited for.
    let bytes = files::read_bytes(file).map_err(CommandError::Unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        invalid(format!("not UTF-8 at byte {offset}; convert it to UTF-8"))
    })?;
    Ok((name, text))
}
