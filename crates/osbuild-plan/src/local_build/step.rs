//! How far a builder has come, out of what it prints.

/// A step that a builder has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildStep<'a> {
    /// The stage of the Containerfile, from 1, and how many there are; `None` where there is one.
    pub stage: Option<(usize, usize)>,
    /// The step of the stage, from 1.
    pub number: usize,
    /// How many steps the stage has.
    pub count: usize,
    /// The instruction.
    pub instruction: &'a str,
}

/// Reads a line such as `[1/2] STEP 3/7: RUN true`; `None` for any other line.
pub fn build_step(line: &str) -> Option<BuildStep<'_>> {
    let (stage, rest) = match line.strip_prefix('[') {
        Some(rest) => {
            let (stage, rest) = rest.split_once("] ")?;
            (Some(of(stage)?), rest)
        }
        None => (None, line),
    };
    let (step, instruction) = rest.strip_prefix("STEP ")?.split_once(": ")?;
    let (number, count) = of(step)?;
    Some(BuildStep {
        stage,
        number,
        count,
        instruction,
    })
}

/// `k/n`
fn of(text: &str) -> Option<(usize, usize)> {
    let (number, count) = text.split_once('/')?;
    Some((number.parse().ok()?, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_from_what_commands_print() {
        let step = build_step("STEP 2/3: RUN echo a: b").unwrap();
        assert_eq!((step.stage, step.number, step.count), (None, 2, 3));
        assert_eq!(step.instruction, "RUN echo a: b");
        let step = build_step("[1/2] STEP 1/4: FROM a AS b").unwrap();
        assert_eq!((step.stage, step.number), (Some((1, 2)), 1));
        for line in [
            "",
            "STEP 2",
            "STEP a/b: c",
            "[1/2] COMMIT",
            "[x] STEP 1/1: a",
            "--> 0f",
        ] {
            assert_eq!(build_step(line), None, "{line}");
        }
    }
}
