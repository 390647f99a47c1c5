//! Why two inputs have different names, field by field.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::documents::Sink;
use crate::hash;
use crate::name::{Complete, InputError, Inputs};
use crate::yaml::clean;

/// A field that makes two names different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// Where it stands, e.g. `MachineOSConfig spec.containerFile[0].content`.
    pub field: String,
    /// What one has; `None` where it has nothing.
    pub before: Option<String>,
    /// What the other has.
    pub after: Option<String>,
    /// What people overlook, e.g. that one text ends in a line feed and the other does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Everything that makes the names of two builds different, in the order in which it is hashed;
/// empty exactly where the names are equal.
///
/// It compares the members that are hashed (IL-103 … IL-107), with texts as they are hashed
/// (IL-119).
pub fn explain_difference(
    before: Inputs<'_>,
    after: Inputs<'_>,
) -> Result<Vec<Difference>, InputError> {
    let old = Leaves::of(&before.complete()?);
    let new = Leaves::of(&after.complete()?);
    let gone = old
        .fields
        .iter()
        .filter(|field| !new.values.contains_key(*field));
    let differences = new.fields.iter().chain(gone).filter_map(|field| {
        let (before, after) = (old.values.get(field), new.values.get(field));
        (before != after).then(|| Difference {
            field: field.clone(),
            before: before.cloned(),
            after: after.cloned(),
            note: before
                .zip(after)
                .and_then(|(before, after)| note(before, after)),
        })
    });
    Ok(differences.collect())
}

/// Where the three documents come from (IL-103 … IL-105).
const DOCUMENTS: [&str; 3] = [
    "MachineConfigPool spec.configuration.",
    "MachineOSConfig spec.",
    "MachineConfig ",
];
/// What stands before the hash in the name (IL-100).
const NAME: &str = "MachineOSConfig metadata.name";

/// Every member that is hashed, with its path.
#[derive(Default)]
struct Leaves {
    /// In the order in which they are hashed.
    fields: Vec<String>,
    values: BTreeMap<String, String>,
    document: usize,
    /// The path to the member that comes next, and its length at each enclosing member.
    path: String,
    lengths: Vec<usize>,
    /// The index of the next item in each enclosing list.
    items: Vec<usize>,
}

impl Leaves {
    fn of(inputs: &Complete<'_>) -> Self {
        let mut leaves = Self::default();
        leaves.insert(NAME.to_owned(), inputs.machine_os_config.name.to_string());
        hash::walk(inputs, &mut leaves, |leaves| leaves.document += 1);
        leaves
    }

    fn insert(&mut self, field: String, value: String) {
        self.fields.push(field.clone());
        self.values.insert(field, value);
    }

    fn leaf(&mut self, key: &str, value: &str) {
        let document = DOCUMENTS.get(self.document).copied().unwrap_or_default();
        let key = match key {
            "BaseOSContainerImage" => "spec.osImageURL",
            "BaseOSExtensionsContainerImage" => "spec.baseOSExtensionsContainerImage",
            "ReleaseVersion" => "annotation release-image-version",
            key => key,
        };
        self.insert(format!("{document}{}{key}", self.path), value.to_owned());
    }

    fn enter(&mut self, step: &str) {
        self.lengths.push(self.path.len());
        self.path.push_str(step);
    }

    fn leave(&mut self) {
        self.path.truncate(self.lengths.pop().unwrap_or_default());
    }
}

impl<'a> Sink<'a> for Leaves {
    fn scalar(&mut self, key: &'static str, value: &'a str) {
        // What cannot be hashed has no name, but differs as it is.
        self.leaf(key, &clean(value).unwrap_or(value.into()));
    }

    fn null(&mut self, key: &'static str) {
        self.leaf(key, "null");
    }

    fn empty_list(&mut self, key: &'static str) {
        self.leaf(key, "[]");
    }

    fn begin_map(&mut self, key: &'static str) {
        self.enter(&format!("{key}."));
    }

    fn end_map(&mut self) {
        self.leave();
    }

    fn begin_list(&mut self, key: &'static str) {
        self.enter(key);
        self.items.push(0);
    }

    fn end_list(&mut self) {
        self.items.pop();
        self.leave();
    }

    /// That there is an item counts, even one without a member.
    fn begin_item(&mut self) {
        let index = self.items.last().copied().unwrap_or_default();
        let step = format!("[{index}]");
        self.leaf(&step, "");
        self.enter(&format!("{step}."));
    }

    fn end_item(&mut self) {
        self.leave();
        if let Some(index) = self.items.last_mut() {
            *index += 1;
        }
    }
}

/// What people overlook when they compare two texts.
fn note(before: &str, after: &str) -> Option<String> {
    let unix = |text: &str| text.replace("\r\n", "\n");
    if unix(before) == unix(after) {
        return Some("the lines end in CRLF in one of them and in LF in the other".to_owned());
    }
    if before.trim_end_matches('\n') == after.trim_end_matches('\n') {
        return Some(
            "only the line feeds at the end differ (in YAML, `|` keeps one and `|-` none)"
                .to_owned(),
        );
    }
    let bare = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if bare(before) == bare(after) {
        return Some("only blanks, tabs or line feeds differ".to_owned());
    }
    if !before.contains('\n') && !after.contains('\n') {
        return None;
    }
    let equal = before
        .lines()
        .zip(after.lines())
        .take_while(|(a, b)| a == b)
        .count();
    Some(format!("line {} is the first that differs", equal + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::documents;
    use serde_json::{Value, json};

    /// Checks which fields differ, and the note on the first one.
    fn check(object: &str, pointer: &str, value: Value, fields: &[&str], note: Option<&str>) {
        let changed = documents().with(object, pointer, value);
        let found = documents()
            .read(|before| changed.read(|after| explain_difference(before, after).unwrap()));
        let found_fields: Vec<_> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(found_fields, fields, "{object} {pointer}");
        let found_note = found.first().and_then(|found| found.note.as_deref());
        assert_eq!(found_note, note, "{object} {pointer}");
    }

    #[test]
    fn il_104_differences_name_the_field() {
        let content = "/spec/containerFile/0/content";
        let field = "MachineOSConfig spec.containerFile[0].content";
        check(
            "MachineOSConfig",
            content,
            json!("FROM configs\n"),
            &[field],
            Some("only the line feeds at the end differ (in YAML, `|` keeps one and `|-` none)"),
        );
        check(
            "MachineOSConfig",
            content,
            json!("FROM  configs"),
            &[field],
            Some("only blanks, tabs or line feeds differ"),
        );
        check(
            "MachineOSConfig",
            content,
            json!("FROM configs\nRUN a"),
            &[field],
            Some("line 2 is the first that differs"),
        );
        check(
            "MachineOSConfig",
            "/metadata/name",
            json!("other"),
            &["MachineOSConfig metadata.name"],
            None,
        );
        check(
            "MachineOSConfig",
            "/spec/containerFile",
            json!(null),
            &[
                "MachineOSConfig spec.containerFile",
                "MachineOSConfig spec.containerFile[0]",
                "MachineOSConfig spec.containerFile[0].containerfileArch",
                "MachineOSConfig spec.containerFile[0].content",
            ],
            None,
        );
        check(
            "MachineOSConfig",
            "/spec/baseImagePullSecret",
            json!({}),
            &["MachineOSConfig spec.baseImagePullSecret.name"],
            None,
        );
    }

    #[test]
    fn il_105_images_and_the_release_are_named_as_people_know_them() {
        check(
            "MachineConfig",
            "/spec/osImageURL",
            json!("quay.io/other"),
            &["MachineConfig spec.osImageURL"],
            None,
        );
    }

    #[test]
    fn il_107_an_item_without_a_member_counts() {
        let sources = json!([{"name": "00-worker"}, {"name": "99-worker-ssh"}, {}]);
        check(
            "MachineConfigPool",
            "/spec/configuration/source",
            sources,
            &["MachineConfigPool spec.configuration.source[2]"],
            None,
        );
    }

    #[test]
    fn il_119_texts_are_compared_as_they_are_hashed() {
        check(
            "MachineOSConfig",
            "/spec/containerFile/0/content",
            json!("FROM\u{85}configs"),
            &[],
            None,
        );
    }
}
