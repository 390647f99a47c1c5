//! How far a build has come, for a person: one line that changes on a terminal, a line for each step
//! elsewhere.

use std::time::Instant;

use osbuild_plan::build_step;

use crate::commands::{note, tell};
use crate::progress;
use crate::settings::{self, Verbosity};

/// How much of an instruction is shown where nobody knows how wide the screen is.
const SHOWN: usize = 70;

/// What is under way.
pub(super) struct Follow {
    start: Instant,
    now: String,
}

impl Follow {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            now: String::new(),
        }
    }

    /// Something else has begun.
    pub(super) fn begin(&mut self, what: impl Into<String>) {
        self.now = what.into();
        if !progress::line(&self.line()) {
            note(&self.line());
        }
    }

    /// A line that the builder printed, or nothing for a while.
    pub(super) fn look(&mut self, line: Option<&str>) {
        if let Some(line) = line
            && settings::verbosity() == Verbosity::Verbose
        {
            tell(&format!("  {line}"));
        }
        match line.and_then(build_step) {
            Some(step) => {
                let stage = step
                    .stage
                    .map(|(number, count)| format!("stage {number} of {count}, "));
                let instruction: String = step.instruction.chars().take(SHOWN).collect();
                self.begin(format!(
                    "build: {}step {} of {}: {instruction}",
                    stage.unwrap_or_default(),
                    step.number,
                    step.count
                ));
            }
            None if line.is_none() => {
                progress::line(&self.line());
            }
            None => {}
        }
    }

    fn line(&self) -> String {
        let seconds = self.start.elapsed().as_secs();
        format!("{}:{:02} {}", seconds / 60, seconds % 60, self.now)
    }
}
