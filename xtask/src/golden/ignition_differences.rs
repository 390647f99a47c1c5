//! Where stubs are converted differently from the reference on purpose: one row for each kind of
//! case, with the rule or sentence that demands it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ignition::user_data;

/// A deliberate difference.
pub(crate) struct Difference {
    /// Which cases: from the input and what the reference gives for it.
    pub(crate) applies: fn(&Value, &Value) -> bool,
    /// The rule, or where the sentence stands.
    pub(crate) rule: &'static str,
    /// What it demands.
    pub(crate) demands: &'static str,
    /// Whether a known case differs; others are for cases that may come.
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of the table asks"))]
    pub(crate) seen: bool,
}

/// Every deliberate difference. A row that no known case needs any more fails the test.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        applies: |input, _| version(input).starts_with("3."),
        rule: "BI-355",
        demands: "a stub of spec 3 is current whatever the target: neither validated nor raised",
        seen: true,
    },
    Difference {
        applies: |input, expect| is_unchanged(expect) && version(input).starts_with('3'),
        rule: "BI-352",
        demands: "Improve: accept only ^3\\.",
        seen: true,
    },
    Difference {
        applies: |input, expect| {
            error(expect).contains("unknown version") && is_converted_version(&version(input))
        },
        rule: "BI-360",
        demands: "2.x with a wrong type is invalid content, not an unknown version",
        seen: true,
    },
    Difference {
        applies: |input, expect| {
            let sources = sources(input);
            let distinct: BTreeSet<_> = sources.iter().collect();
            error(expect).contains("$.ignition.config.merge.") && distinct.len() == sources.len()
        },
        rule: "fixtures/golden/README.md, known oddities",
        demands: "several config.append entries convert; the reference always fails as duplicate",
        seen: true,
    },
    Difference {
        applies: |input, expect| has_document(expect) && has_unknown_key(&stub(input)),
        rule: "BI-363",
        demands: "Improve: refuse unknown keys, naming each with its path",
        seen: true,
    },
    Difference {
        applies: |input, _| has_later_key(&stub(input)) || has_later_source(input),
        rule: "BI-363, BI-367",
        demands: "what is of a later spec 2 than the stub's own is mapped, not dropped",
        seen: true,
    },
    Difference {
        applies: |input, expect| {
            has_document(expect)
                && users(&stub(input))
                    .iter()
                    .any(|user| user.get("create").is_some())
        },
        rule: "BI-366",
        demands: "a user's deprecated create is mapped and reported; the reference drops it",
        seen: true,
    },
    Difference {
        applies: |input, expect| {
            let other = |inode: &&Value| inode.get("filesystem") != Some(&Value::from("root"));
            has_document(expect) && inodes(&stub(input)).iter().any(|inode| other(&inode))
        },
        rule: "BI-367",
        demands: "the filesystem map knows root only; the reference writes the file to root",
        seen: true,
    },
    Difference {
        applies: |input, expect| {
            has_document(expect) && std::str::from_utf8(&user_data(input)).is_err()
        },
        rule: "BI-361",
        demands: "not UTF-8: a clear error; the reference replaces the bytes",
        seen: true,
    },
    Difference {
        applies: |input, expect| {
            let text = String::from_utf8_lossy(&user_data(input)).into_owned();
            has_document(expect) && written_keys(&text) > keys(&stub(input)).count()
        },
        rule: "BI-363",
        demands: "lossless or refused: a key that is written twice is refused",
        seen: false,
    },
    Difference {
        applies: |input, expect| {
            let text = String::from_utf8_lossy(&user_data(input)).into_owned();
            has_document(expect) && stub(input).is_null() && depth(&text) > 100
        },
        rule: "BI-363",
        demands: "Improve: refuse unknown keys, however deep they nest",
        seen: false,
    },
    Difference {
        applies: |input, expect| {
            let stub = stub(input);
            has_document(expect)
                && (says_more(&list(&stub, "/systemd/units"), "dropins")
                    || says_more(&users(&stub), "sshAuthorizedKeys"))
        },
        rule: "BI-363",
        demands: "never lose a word: what only an earlier unit or user of the name says is kept",
        seen: false,
    },
    Difference {
        applies: |input, expect| {
            let files = list(&stub(input), "/storage/files");
            let same_path = |file: &&Value| {
                let path = text(file, "path");
                files
                    .iter()
                    .filter(|other| text(other, "path") == path)
                    .count()
                    > 1
            };
            has_document(expect) && files.iter().filter(same_path).any(appends)
        },
        rule: "BI-363",
        demands: "never lose a word: a file that another one is appended to is not dropped",
        seen: false,
    },
    Difference {
        applies: |input, expect| {
            let filesystems = list(&stub(input), "/storage/filesystems");
            let is_implied = |path: &str| matches!(path, "/" | "/sysroot");
            let says_more = |entry: &Value| !is_implied(&text(entry, "path"));
            has_document(expect) && filesystems.iter().any(says_more)
        },
        rule: "BI-363",
        demands: "never lose a word: how the root filesystem is made or mounted is not dropped",
        seen: false,
    },
    Difference {
        applies: |input, expect| {
            let stub = stub(input);
            let links = list(&stub, "/storage/links");
            has_document(expect)
                && (links.iter().any(|link| text(link, "target").is_empty())
                    || sources(input).iter().any(String::is_empty))
        },
        rule: "BI-366",
        demands: "every converted document is accepted by Ignition's own validator",
        seen: false,
    },
    Difference {
        applies: |input, expect| {
            let stub = stub(input);
            let disks = list(&stub, "/storage/disks");
            let partitions = disks.iter().any(|disk| disk.get("partitions").is_some());
            let others = ["/storage/filesystems", "/networkd/units"];
            error(expect).contains("parsing Ignition spec v2 failed")
                && (partitions
                    || others
                        .iter()
                        .any(|pointer| !list(&stub, pointer).is_empty()))
        },
        rule: "BI-366",
        demands: "refused whatever it says: what else is wrong with it is not looked at",
        seen: false,
    },
];

fn error(expect: &Value) -> &str {
    expect
        .get("error")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn has_document(expect: &Value) -> bool {
    expect.get("config").is_some() || expect.get("new_user_data").is_some()
}

fn is_unchanged(expect: &Value) -> bool {
    expect.get("changed") == Some(&Value::Bool(false)) && error(expect).is_empty()
}

/// The stub of a case; null where it is no JSON.
fn stub(input: &Value) -> Value {
    serde_json::from_slice(&user_data(input)).unwrap_or_default()
}

fn version(input: &Value) -> String {
    let member = |value: &Value, name: &str| {
        let members = value.as_object()?;
        let same = |(written, _): &(&String, &Value)| written.eq_ignore_ascii_case(name);
        Some(members.iter().find(same)?.1.clone())
    };
    let text = String::from_utf8_lossy(&user_data(input)).into_owned();
    let stub: Value = serde_json::from_str(&text).unwrap_or_default();
    let version = member(&stub, "ignition").and_then(|ignition| member(&ignition, "version"));
    version
        .and_then(|version| version.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn is_converted_version(version: &str) -> bool {
    ["2.0.0", "2.1.0", "2.2.0"].contains(&version)
}

fn list(stub: &Value, pointer: &str) -> Vec<Value> {
    let list = stub.pointer(pointer).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn text(entry: &Value, name: &str) -> String {
    entry
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn sources(input: &Value) -> Vec<String> {
    let entries = list(&stub(input), "/ignition/config/append");
    entries.iter().map(|entry| text(entry, "source")).collect()
}

fn users(stub: &Value) -> Vec<Value> {
    list(stub, "/passwd/users")
}

fn inodes(stub: &Value) -> Vec<Value> {
    let lists = ["/storage/files", "/storage/directories", "/storage/links"];
    lists
        .iter()
        .flat_map(|pointer| list(stub, pointer))
        .collect()
}

fn appends(file: &Value) -> bool {
    file.get("append") == Some(&Value::Bool(true))
}

/// Levels of nesting, as brackets tell.
fn depth(text: &str) -> usize {
    let mut open: usize = 0;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// Names of the members that spec 2.2 has anywhere.
const KNOWN: &[&str] = &[
    "append",
    "certificateAuthorities",
    "compression",
    "config",
    "contents",
    "create",
    "device",
    "devices",
    "directories",
    "disks",
    "dropins",
    "enable",
    "enabled",
    "files",
    "filesystem",
    "filesystems",
    "force",
    "format",
    "gecos",
    "gid",
    "group",
    "groups",
    "guid",
    "hard",
    "hash",
    "homeDir",
    "httpResponseHeaders",
    "httpTotal",
    "id",
    "ignition",
    "label",
    "level",
    "links",
    "mask",
    "mode",
    "mount",
    "name",
    "networkd",
    "noCreateHome",
    "noLogInit",
    "noUserGroup",
    "number",
    "options",
    "overwrite",
    "partitions",
    "passwd",
    "passwordHash",
    "path",
    "primaryGroup",
    "raid",
    "replace",
    "security",
    "shell",
    "size",
    "source",
    "spares",
    "sshAuthorizedKeys",
    "start",
    "storage",
    "system",
    "systemd",
    "target",
    "timeouts",
    "tls",
    "typeGuid",
    "uid",
    "units",
    "user",
    "users",
    "uuid",
    "verification",
    "version",
    "wipeFilesystem",
    "wipeTable",
];

/// Names that specs 2.0 or 2.1 do not have yet.
const LATER: &[&str] = &[
    "directories",
    "enabled",
    "gecos",
    "homeDir",
    "links",
    "noCreateHome",
    "noLogInit",
    "noUserGroup",
    "options",
    "overwrite",
    "primaryGroup",
    "security",
    "shell",
    "system",
    "timeouts",
    "uid",
];

fn has_unknown_key(stub: &Value) -> bool {
    keys(stub).any(|name| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Spec 2.0 knows no TFTP and no S3.
fn has_later_source(input: &Value) -> bool {
    let text = String::from_utf8_lossy(&user_data(input)).into_owned();
    version(input) == "2.0.0"
        && ["\"tftp:", "\"s3:"]
            .iter()
            .any(|source| text.contains(source))
}

fn has_later_key(stub: &Value) -> bool {
    let version = stub.pointer("/ignition/version").and_then(Value::as_str);
    let is_older = matches!(version, Some("2.0.0" | "2.1.0"));
    let of_file = |file: &Value| {
        let owners = ["/user/name", "/group/name"];
        appends(file) || owners.iter().any(|pointer| file.pointer(pointer).is_some())
    };
    let files = list(stub, "/storage/files");
    let of_user = |user: &Value| user.get("groups").is_some();
    let by_name = keys(stub).any(|name| LATER.contains(&name));
    is_older && (by_name || files.iter().any(of_file) || users(stub).iter().any(of_user))
}

/// Names of all members, at any depth.
fn keys(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::Object(members) => Box::new(
            members
                .iter()
                .flat_map(|(name, value)| std::iter::once(name.as_str()).chain(keys(value))),
        ),
        Value::Array(list) => Box::new(list.iter().flat_map(keys)),
        _ => Box::new(std::iter::empty()),
    }
}

/// How many names of members a JSON text has: strings before a colon.
fn written_keys(json: &str) -> usize {
    let mut rest = json;
    let mut count = 0;
    while let Some((_, string)) = rest.split_once('"') {
        let mut escaped = false;
        let end = string.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        rest = end
            .and_then(|end| string.get(end + 1..))
            .unwrap_or_default();
        count += usize::from(rest.trim_start().starts_with(':'));
    }
    count
}

/// Whether an earlier entry says what the last one of its name does not, besides what the
/// reference joins.
fn says_more(entries: &[Value], joined: &str) -> bool {
    let last_of = |entry: &Value| {
        let name = text(entry, "name");
        entries.iter().rfind(|other| text(other, "name") == name)
    };
    let says = |entry: &Value, member: &str| {
        let value = entry.get(member);
        let says_nothing = |value: &Value| {
            value.as_str() == Some("") || *value == Value::Bool(false) && member != "enabled"
        };
        value.is_some_and(|value| !says_nothing(value))
    };
    entries.iter().any(|entry| {
        let mut members = entry
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name);
        members.any(|name| {
            name != joined
                && says(entry, name)
                && !last_of(entry).is_some_and(|last| says(last, name))
        })
    })
}
