//! What is left out without being parsed changes no answer: objects, warnings and counts are those
//! of parsing everything, whatever a tree looks like.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::load;

/// How many trees are tried; `OSIMAGE_TREES=10000` tries more.
const TREES: u32 = 256;

/// Kinds, most of which nobody reads.
const KINDS: [&str; 12] = [
    "Pod",
    "Node",
    "MachineSet",
    "Event",
    "ConfigMap",
    "Deployment",
    "\"Node\"",
    "'Pod'",
    "!!str Node",
    "&kind Node",
    "Pod # Node",
    "\n    Node",
];

/// Values that contain lines which look like something else.
const VALUES: [&str; 18] = [
    "1",
    "|\n    kind: Node\n    apiVersion: v1",
    "|-\n\n    ---x\n     kind: Pod\n\n    # no comment",
    ">\n    folded\n    kind: Node",
    "|2\n    kind: Node",
    "\"quoted\n    kind: Node\n    text\"",
    "'it''s\n\n    kind: Node'",
    "{kind: Node, x: [1, 2]}",
    "[\n    kind: Node,\n    ]",
    "plain\n    text",
    "&a {k: 1}",
    "&b text",
    "*a",
    "\n    - kind: Node\n    - 5",
    "\n  - kind: Node\n  - {}",
    "~",
    "\"\\ttab\"",
    "|\n    a\tb\n    \tc",
];

/// Lines between documents and keys.
const BETWEEN: [&str; 6] = ["", "", "", "# kind: Node\n", "\n", "   \n"];

/// How a document is written.
const SHAPES: [&str; 7] = ["block", "block", "block", "flow", "json", "quoted", "text"];

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(values)
}

/// The lines of an object, with its keys in any order.
fn object() -> impl Strategy<Value = String> {
    let members = (
        one_of(&KINDS),
        one_of(&["v1", "machine.openshift.io/v1beta1", "'v1'", "apps/v1"]),
        0..6_u8,
        prop::collection::vec(
            (one_of(&["spec", "data", "items2", "x"]), one_of(&VALUES)),
            0..3,
        ),
        any::<u16>(),
        one_of(&BETWEEN),
    );
    members.prop_map(|(kind, api, name, extra, order, between)| {
        let mut lines = vec![
            format!("kind: {kind}\n"),
            format!("apiVersion: {api}\n"),
            format!("metadata:\n  name: n{name}\n"),
        ];
        for (index, (key, value)) in extra.iter().enumerate() {
            lines.push(format!("{key}{index}: {value}\n"));
        }
        let first = usize::from(order) % lines.len();
        lines.rotate_left(first);
        if order % 7 == 0 {
            lines.remove(0);
        }
        lines.join(between)
    })
}

/// An object as an element of a list.
fn element(object: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut text = String::new();
    for (index, line) in object.split_inclusive('\n').enumerate() {
        let start = match index {
            0 => "- ",
            _ if line.trim().is_empty() => "",
            _ => "  ",
        };
        text.push_str(&format!("{margin}{start}{line}"));
    }
    text
}

fn document() -> impl Strategy<Value = String> {
    let list = (
        prop::collection::vec(object(), 0..4),
        one_of(&["List", "PodList", "NodeList", "MachineSetList", "Pod"]),
        any::<bool>(),
        prop::sample::select(&[0_usize, 2, 4][..]),
    );
    let list = list.prop_map(|(objects, kind, kind_first, indent)| {
        let items: String = objects
            .iter()
            .map(|object| element(object, indent))
            .collect();
        let (before, behind) = if kind_first {
            (format!("kind: {kind}\napiVersion: v1\n"), String::new())
        } else {
            (String::new(), format!("apiVersion: v1\nkind: {kind}\n"))
        };
        format!("{before}items:\n{items}{behind}")
    });
    prop_oneof![
        4 => (object(), one_of(&SHAPES)).prop_map(|(object, shape)| shaped(&object, shape)),
        2 => list,
    ]
}

fn shaped(object: &str, shape: &str) -> String {
    match shape {
        "flow" => "{kind: Node, apiVersion: v1, metadata: {name: f}}\n".to_owned(),
        "json" => {
            "{\"kind\": \"Node\",\n\"apiVersion\": \"v1\", \"metadata\": {\"name\": \"j\"}}\n"
                .to_owned()
        }
        "quoted" => object.replace("kind:", "\"kind\":"),
        "text" => "just text\n  kind: Pod\n".to_owned(),
        _ => object.to_owned(),
    }
}

fn file() -> impl Strategy<Value = (Vec<u8>, &'static str)> {
    let separator = one_of(&[
        "---\n",
        "---\n",
        "--- # x\n",
        "---\n---\n",
        "...\n---\n",
        "---  \n",
    ]);
    let parts = prop::collection::vec((document(), separator, one_of(&BETWEEN)), 0..5);
    let form = (any::<bool>(), any::<bool>(), any::<bool>());
    let name = one_of(&["a.yaml", "b.yml", "c.json", "d/e.yaml", "d/f.json", "g.txt"]);
    (parts, form, name).prop_map(|(parts, (mark, returns, first), name)| {
        let mut text = String::new();
        for (index, (document, separator, between)) in parts.iter().enumerate() {
            if index > 0 || first {
                text.push_str(separator);
            }
            text.push_str(between);
            text.push_str(document);
        }
        if returns {
            text = text.replace('\n', "\r\n");
        }
        if mark {
            text.insert(0, '\u{feff}');
        }
        (text.into_bytes(), name)
    })
}

fn json_element() -> impl Strategy<Value = String> {
    let kind = one_of(&[
        "\"Pod\"",
        "\"Node\"",
        "\"MachineSet\"",
        "\"No\\u0064e\"",
        "5",
        "null",
    ]);
    (kind, 0..4_u8, any::<bool>(), any::<bool>()).prop_map(|(kind, name, has_kind, nested)| {
        let kind = if has_kind {
            format!("\"kind\": {kind},")
        } else {
            String::new()
        };
        let more = if nested {
            ", \"x\": {\"kind\": \"Pod\", \"items\": [{\"kind\":\"Node\"}]}"
        } else {
            ""
        };
        format!("{{{kind} \"apiVersion\": \"v1\", \"metadata\": {{\"name\": \"n{name}\"}}{more}}}")
    })
}

fn json_file() -> impl Strategy<Value = (Vec<u8>, &'static str)> {
    let items = prop::collection::vec(
        prop_oneof![6 => json_element(), 1 => Just("7".to_owned())],
        0..5,
    );
    let list =
        (items, one_of(&["List", "PodList", "NodeList", "Pod"])).prop_map(|(items, kind)| {
            format!(
                "{{\"items\": [{}], \"apiVersion\": \"v1\", \"kind\": \"{kind}\"}}",
                items.join(",\n")
            )
        });
    let documents = prop::collection::vec(prop_oneof![json_element(), list], 1..4);
    (documents, one_of(&["h.json", "d/i.json"]))
        .prop_map(|(documents, name)| (documents.join("\n").into_bytes(), name))
}

type Answer = (Vec<(String, String)>, Vec<String>, usize);

fn answer(texts: &Texts) -> Answer {
    let loaded = load(texts);
    let objects = loaded.objects.iter().map(|object| {
        let members: Vec<String> = object
            .members()
            .iter()
            .map(|(name, raw)| {
                let value: serde_json::Value = serde_json::from_str(raw.get()).unwrap_or_default();
                format!("{name}: {value}")
            })
            .collect();
        (object.reference().to_string(), members.join("\n"))
    });
    (objects.collect(), loaded.warnings, loaded.ignored)
}

/// Compares on a tree, without the files that are broken; returns how many files there were.
fn check(files: &[(Vec<u8>, &'static str)]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    let mut sound = 0;
    for (bytes, name) in files {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let alone = read(std::slice::from_ref(&file));
        if alone.errors.is_empty() && load(&alone).errors.is_empty() {
            sound += 1;
        } else {
            fs::remove_file(file).unwrap();
        }
    }
    let paths = [folder.path().to_owned()];
    let looked = read_objects(&paths, &Progress::default());
    assert!(looked.errors.is_empty(), "{:?}", looked.errors);
    assert_eq!(answer(&looked), answer(&read(&paths)));
    sound
}

#[test]
fn looking_before_parsing_changes_no_answer() {
    let cases = std::env::var("OSIMAGE_TREES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(TREES);
    let mut runner = TestRunner::new(Config {
        cases,
        ..Config::default()
    });
    let (sound, all) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let tree = prop::collection::vec(prop_oneof![3 => file(), 1 => json_file()], 1..4);
    runner
        .run(&tree, |files| {
            sound.set(sound.get() + check(&files));
            all.set(all.get() + files.len());
            Ok(())
        })
        .unwrap();
    // A test of broken files only would compare nothing.
    assert!(
        sound.get() > all.get() / 2,
        "{} of {} files",
        sound.get(),
        all.get()
    );
}
