//! Where image layering differs from the reference on purpose: one row for each kind of case, with
//! the rule that demands it. A row whose cases no longer differ fails the tests.

use serde_json::Value;

/// A deliberate difference.
pub(crate) struct Difference {
    /// The golden operations and data files; the first one has such cases.
    pub(crate) of: &'static [&'static str],
    /// Which of its cases: from the input and what the reference gives for it.
    pub(crate) applies: fn(&Value, &Value) -> bool,
    /// The rule, or the sentence, that demands the difference.
    pub(crate) because: &'static str,
}

/// Every deliberate difference.
pub(crate) const DIFFERENCES: &[Difference] = &[Difference {
    of: &["naming/main-naming.json", "mosb_name"],
    applies: |input, expect| {
        expect.get("name").is_some() && characters(input, "/machine_os_config/metadata/name") > 24
    },
    because: "IL-125: a MachineOSConfig has a name of at most 24 characters; MUST check early",
}];

fn characters(input: &Value, pointer: &str) -> usize {
    let text = input.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default().chars().count()
}
