//! The file of `--config`.

use std::path::{Path, PathBuf};

use bootimage_plan::{InputObject, Policy, SelectionProblem, file_input, selection_of_file};
use cluster_io::yaml;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigurationError {
    /// It cannot be read.
    #[error("--config {path}: {source}", path = .path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// It is no YAML.
    #[error("--config {path}: {problem}", path = .path.display())]
    NoYaml { path: PathBuf, problem: String },
    /// It is not what it should be.
    #[error("--config {path}: {problem}", path = .path.display(), problem = lines(.problems))]
    Invalid {
        path: PathBuf,
        problems: Vec<SelectionProblem>,
    },
}

fn lines(problems: &[SelectionProblem]) -> String {
    let problems = problems.iter().map(ToString::to_string);
    problems.collect::<Vec<_>>().join("; ")
}

/// What the file says: the policy of plans, and the file as one of their inputs.
pub(crate) fn read(path: &Path) -> Result<(Policy, InputObject), ConfigurationError> {
    let path = path.to_owned();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(ConfigurationError::Unreadable { path, source }),
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        let problem = "it is no UTF-8 text: save it as UTF-8".to_owned();
        return Err(ConfigurationError::NoYaml { path, problem });
    };
    let document = match yaml::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let (line, column) = (error.line, error.column);
            let problem = format!("line {line}, column {column}: {}", error.problem);
            return Err(ConfigurationError::NoYaml { path, problem });
        }
    };
    match selection_of_file(&document) {
        Err(problems) => Err(ConfigurationError::Invalid { path, problems }),
        Ok(selection) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let input = file_input(&name, &bytes);
            let policy = Policy {
                selection: Some(selection),
                ..Policy::default()
            };
            Ok((policy, input))
        }
    }
}
