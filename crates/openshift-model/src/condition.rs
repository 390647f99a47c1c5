//! How a condition is put into the list of conditions of an object.

use serde_json::{Map, Value};

/// What a condition is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedCondition<'w> {
    /// Its type, e.g. `Degraded`.
    pub kind: &'w str,
    /// Whether it holds.
    pub status: bool,
    /// One word in CamelCase.
    pub reason: &'w str,
    /// For people.
    pub message: &'w str,
}

/// When `lastTransitionTime` of a condition moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransitionTime {
    /// Where its status changes, as the API conventions have it (IL-022).
    OnStatus,
    /// Where status, reason or message changes: components of OpenShift poll for that (BI-187).
    OnAnyChange,
}

impl WantedCondition<'_> {
    const fn status_text(&self) -> &'static str {
        if self.status { "True" } else { "False" }
    }

    /// The condition as the API has it, as of `now` (RFC 3339).
    pub fn document(&self, now: &str) -> Value {
        let mut members = Map::new();
        members.insert(TYPE.to_owned(), Value::from(self.kind));
        self.write(&mut members);
        members.insert(TIME.to_owned(), Value::from(now));
        Value::Object(members)
    }

    fn members(&self) -> [(&'static str, &str); 3] {
        [
            (STATUS, self.status_text()),
            ("reason", self.reason),
            ("message", self.message),
        ]
    }

    fn write(&self, members: &mut Map<String, Value>) {
        for (name, text) in self.members() {
            members.insert(name.to_owned(), Value::from(text));
        }
    }
}

const TYPE: &str = "type";
const STATUS: &str = "status";
const TIME: &str = "lastTransitionTime";

/// BI-186, BI-187, IL-022: puts a condition into a list; true where the list changed, so that a
/// caller writes nothing where it did not. `now` is RFC 3339.
///
/// Of two conditions of the type the first one counts; a condition that the list lacks is added at
/// its end. Conditions of other types, their order, and members that are not known here stay as
/// they are. A condition without a time gets one when it changes, and only then.
pub fn upsert_condition(
    list: &mut Vec<Value>,
    wanted: &WantedCondition<'_>,
    time: TransitionTime,
    now: &str,
) -> bool {
    let text = |members: &Map<String, Value>, name: &str, expected: &str| {
        members.get(name).and_then(Value::as_str) == Some(expected)
    };
    let found = list
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .find(|members| text(members, TYPE, wanted.kind));
    let Some(members) = found else {
        list.push(wanted.document(now));
        return true;
    };
    let says = |(name, expected): (&str, &str)| text(members, name, expected);
    if wanted.members().into_iter().all(says) {
        return false;
    }
    let same_status = text(members, STATUS, wanted.status_text());
    let keeps_time = same_status && time == TransitionTime::OnStatus && members.contains_key(TIME);
    wanted.write(members);
    if !keeps_time {
        members.insert(TIME.to_owned(), Value::from(now));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wanted(status: bool, message: &str) -> WantedCondition<'_> {
        WantedCondition {
            kind: "A",
            status,
            reason: "R",
            message,
        }
    }

    fn stored() -> Value {
        json!({"type": "A", "status": "False", "lastTransitionTime": "then", "reason": "R",
            "message": "m", "observedGeneration": 7})
    }

    /// Upserts into a list with a foreign condition, something that is no condition, and `stored`.
    fn check(time: TransitionTime, wanted: &WantedCondition<'_>, changed: bool, moved: bool) {
        let foreign = json!({"type": "Foreign", "status": "Odd", "new": {"a": [1.0]}});
        let mut list = vec![foreign.clone(), Value::Null, stored(), stored()];
        let found = upsert_condition(&mut list, wanted, time, "now");
        assert_eq!(found, changed, "{wanted:?}");
        let mut expected = stored();
        expected["status"] = json!(wanted.status_text());
        expected["message"] = json!(wanted.message);
        expected["lastTransitionTime"] = json!(if moved { "now" } else { "then" });
        assert_eq!(list, [foreign, Value::Null, expected, stored()]);
    }

    #[test]
    fn bi_186_bi_187_il_022_only_what_is_meant_changes_and_the_time_moves_as_the_rule_says() {
        use TransitionTime::{OnAnyChange, OnStatus};
        for time in [OnStatus, OnAnyChange] {
            check(time, &wanted(false, "m"), false, false);
            check(time, &wanted(true, "m"), true, true);
        }
        check(OnStatus, &wanted(false, "other"), true, false);
        check(OnAnyChange, &wanted(false, "other"), true, true);
    }

    #[test]
    fn a_condition_that_is_missing_is_added_and_an_absent_time_is_no_empty_one() {
        let mut list = vec![json!({"type": "Foreign"}), json!({"type": "A"})];
        assert!(upsert_condition(
            &mut list,
            &wanted(true, "m"),
            TransitionTime::OnStatus,
            "now"
        ));
        assert_eq!(list[0], json!({"type": "Foreign"}));
        assert_eq!(list[1], wanted(true, "m").document("now"));
        let mut empty = Vec::new();
        assert!(upsert_condition(
            &mut empty,
            &wanted(true, "m"),
            TransitionTime::OnStatus,
            "now"
        ));
        assert_eq!(empty, [wanted(true, "m").document("now")]);
    }
}
