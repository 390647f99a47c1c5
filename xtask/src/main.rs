//! Tasks of this repository: checks of its layers, generated files, golden cases, benchmarks, the site
//! of its documentation, what is released.

mod bench;
mod book;
mod dist;
mod r#gen;
mod golden;
mod layers;
mod links;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of this repository.
#[derive(Parser)]
#[command(name = "xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check that every crate depends only on what its layer allows
    CheckLayers,
    /// Write the files that are made from the code
    Gen {
        /// Write nothing; fail where one is stale
        #[arg(long)]
        check: bool,
    },
    /// Make the site of the documentation, in target/book/html
    Book {
        /// Where the repository can be read, for links to its files
        #[arg(long, value_name = "URL")]
        source_url: Option<String>,
    },
    /// Make what is released: archives, packages, images, bills of materials, sums
    #[command(disable_help_flag = true)]
    Dist {
        /// See `cargo xtask dist --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measure whole processes on large inputs
    Bench {
        /// What is measured; everything where nothing is named
        parts: Vec<bench::Part>,
    },
    /// Run golden cases: {"id","expect"} lines on standard output, a summary on standard error
    Golden {
        /// Files of cases, one JSON object a line
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::CheckLayers => layers::check(),
        Task::Gen { check } => r#gen::run(check),
        Task::Book { source_url } => book::run(source_url.as_deref()),
        Task::Dist { arguments } => dist::run(&arguments),
        Task::Bench { parts } => bench::run(&parts).map(|()| true),
        Task::Golden { files } => golden::run(&files).map_err(|error| error.to_string()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("xtask: {error}"));
            ExitCode::from(2)
        }
    }
}

/// A line on standard error, in one piece: others write there too.
fn say(line: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// A folder of another project's data in `../shared`, beside the clone. Where it is absent, one line
/// past the test harness says what is not tested; nothing fails.
#[cfg(test)]
fn beside_the_clone(folder: &str) -> Option<PathBuf> {
    let path = r#gen::root().join("../shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    say(&format!(
        "\nnot here: ../shared/{folder}: another project's data; what is tested with it is left out"
    ));
    None
}
