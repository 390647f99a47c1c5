//! The `osimage` command, as a library: the command line, what each subcommand prints, and the
//! exit codes. `main` is three lines.

pub mod cli;
mod clouds;
mod commands;
pub mod complete;
pub mod error;
pub mod exit;
mod input;
mod live;
mod narrow;
mod progress;
mod render;
mod replace_file;
mod screen;
mod selector;
mod settings;
mod text;
mod threads;
mod user_data;

pub use commands::run;
