//! Runs other programs.

use std::process::{Command, Stdio};

/// Runs a program that talks to whoever started this one.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("{}: {error}", shown(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{}: {status}", shown(command)))
}

/// What a program prints on standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", shown(command)))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{}: {}: {}",
        shown(command),
        output.status,
        message.trim()
    ))
}

/// The same as one line of text.
pub(crate) fn line(command: &mut Command) -> Result<String, String> {
    let output = output(command)?;
    Ok(String::from_utf8_lossy(&output).trim().to_owned())
}

fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
