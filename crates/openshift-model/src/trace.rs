//! What rules looked at: the evidence behind a decision.

/// Where a rule writes what it looked at. Rules are generic over it, so that a plan that nobody
/// asks to explain pays nothing.
pub trait Trace {
    /// Records a step. `step` runs only where steps are kept.
    fn step(&mut self, step: impl FnOnce() -> Step);
}

/// Keeps no step.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    fn step(&mut self, _: impl FnOnce() -> Step) {}
}

impl Trace for Vec<Step> {
    fn step(&mut self, step: impl FnOnce() -> Step) {
        self.push(step());
    }
}

/// One rule that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its id, e.g. `BI-153`.
    pub rule: &'static str,
    /// What it asks.
    pub question: &'static str,
    /// What it looked at, and what stood there.
    pub inputs: Vec<Input>,
    /// Whether it let the object pass to the next rule.
    pub passed: bool,
    /// What it found, as a sentence.
    pub outcome: String,
}

/// Something that a rule looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// What it is: a JSON pointer into the object, or the name of another object with a pointer.
    pub what: String,
    /// What stood there; `null` where nothing did.
    pub value: Option<String>,
}

impl Step {
    /// A rule that let the object pass.
    pub fn passed(rule: &'static str, question: &'static str, outcome: impl Into<String>) -> Self {
        Self {
            rule,
            question,
            inputs: Vec::new(),
            passed: true,
            outcome: outcome.into(),
        }
    }

    /// A rule that decided.
    pub fn decided(rule: &'static str, question: &'static str, outcome: impl Into<String>) -> Self {
        Self {
            rule,
            question,
            inputs: Vec::new(),
            passed: false,
            outcome: outcome.into(),
        }
    }

    /// Adds what was looked at.
    #[must_use]
    pub fn saw(mut self, what: impl Into<String>, value: Option<&str>) -> Self {
        self.inputs.push(Input {
            what: what.into(),
            value: value.map(str::to_owned),
        });
        self
    }
}
