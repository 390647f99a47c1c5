//! Stubs of spec 2 at random: sound ones, with everything that the spec has.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Stands in every value that must not appear in an error.
pub(crate) const SECRET: &str = "s3cr3t";

/// Objects, lists and values of spec 2, made at random.
type Any = BoxedStrategy<Value>;

/// A stub that Ignition takes; names repeat now and then, what they hold is told apart by a number.
pub(crate) fn stub() -> Any {
    let version = prop_oneof![8 => Just("2.2.0"), 1 => Just("2.1.0"), 1 => Just("2.0.0")];
    let sections = object(vec![
        ("config", config()),
        ("security", object(vec![("tls", authorities())])),
        (
            "timeouts",
            object(vec![
                ("httpResponseHeaders", number()),
                ("httpTotal", number()),
            ]),
        ),
    ]);
    let ignition = (version, sections).prop_map(|(version, mut ignition)| {
        ignition["version"] = json!(version);
        ignition
    });
    let others = object(vec![
        ("networkd", Just(json!({})).boxed()),
        (
            "passwd",
            object(vec![
                ("users", list(user(), 3)),
                ("groups", list(group(), 1)),
            ]),
        ),
        ("storage", storage()),
        ("systemd", object(vec![("units", list(unit(), 4))])),
    ]);
    (ignition, others)
        .prop_map(|(ignition, mut stub)| {
            stub["ignition"] = ignition;
            let mut count = 0;
            number_texts(&mut stub, &mut count);
            stub
        })
        .boxed()
}

/// Puts a number of its own in place of each `#`.
fn number_texts(value: &mut Value, count: &mut usize) {
    match value {
        Value::String(text) if text.contains('#') => {
            *count += 1;
            *text = text.replace('#', &count.to_string());
        }
        Value::Array(list) => list.iter_mut().for_each(|value| number_texts(value, count)),
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|value| number_texts(value, count));
        }
        _ => {}
    }
}

/// An object that has each member or has it not.
fn object(members: Vec<(&'static str, Any)>) -> Any {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| prop::option::of(value.prop_map(move |value| (name, value))))
        .collect();
    let named = |(name, value): (&str, Value)| (name.to_owned(), value);
    members
        .prop_map(move |members| Value::Object(members.into_iter().flatten().map(named).collect()))
        .boxed()
}

/// An object that has all of `given`, and each of `members` or not.
fn object_with(given: Vec<(&'static str, Any)>, members: Vec<(&'static str, Any)>) -> Any {
    let names: Vec<_> = given.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = given.into_iter().map(|(_, value)| value).collect();
    (values, object(members))
        .prop_map(move |(values, members)| {
            let mut object: Map<String, Value> = names
                .iter()
                .map(|name| (*name).to_owned())
                .zip(values)
                .collect();
            object.extend(members.as_object().cloned().unwrap_or_default());
            Value::Object(object)
        })
        .boxed()
}

fn list(element: Any, most: usize) -> Any {
    prop::collection::vec(element, 0..=most)
        .prop_map(Value::Array)
        .boxed()
}

fn text(values: &[&str]) -> Any {
    let values: Vec<Value> = values.iter().map(|value| json!(value)).collect();
    prop::sample::select(values).boxed()
}

fn flag() -> Any {
    any::<bool>().prop_map(Value::Bool).boxed()
}

fn number() -> Any {
    prop_oneof![Just(json!(0)), Just(json!(7))].boxed()
}

fn verification() -> Any {
    let hash = format!("sha512-{SECRET}{}", "0".repeat(128 - SECRET.len()));
    object(vec![("hash", text(&[&hash]))])
}

fn source() -> Any {
    text(&[
        "https://api-int.example.com:22623/s3cr3t/#",
        "https://user:s3cr3t@[fd00::1]/#?a=b",
        "data:text/plain;charset=utf-8;base64,QUJD",
        "data:,s3cr3t#%0A",
        "s3://s3cr3t/#",
    ])
}

fn reference() -> Any {
    object_with(
        vec![("source", source())],
        vec![("verification", verification())],
    )
}

fn config() -> Any {
    object(vec![
        ("append", list(reference(), 2)),
        ("replace", reference()),
    ])
}

fn authorities() -> Any {
    object(vec![("certificateAuthorities", list(reference(), 2))])
}

fn account() -> Vec<(&'static str, Any)> {
    vec![
        ("uid", number()),
        ("gecos", text(&["", "s3cr3t#"])),
        ("homeDir", text(&["/home/#"])),
        ("primaryGroup", text(&["group#"])),
        ("shell", text(&["/bin/#"])),
        ("noCreateHome", flag()),
        ("noUserGroup", flag()),
        ("noLogInit", flag()),
        ("system", flag()),
        ("groups", list(text(&["group#"]), 2)),
    ]
}

fn user() -> Any {
    let keys = list(text(&["ssh-rsa s3cr3t", "ssh-rsa s3cr3t#"]), 3);
    let password = text(&["$6$s3cr3t#"]);
    let name = || vec![("name", text(&["core"]))];
    let mut members = vec![
        ("sshAuthorizedKeys", keys.clone()),
        ("passwordHash", password),
    ];
    let deprecated = object_with(name(), vec![("create", object(account()))]);
    members.extend(account());
    prop_oneof![4 => object_with(name(), members), 1 => deprecated].boxed()
}

fn group() -> Any {
    object_with(
        vec![("name", text(&["group#"]))],
        vec![
            ("gid", number()),
            ("passwordHash", text(&["s3cr3t#", ""])),
            ("system", flag()),
        ],
    )
}

fn unit_text() -> Any {
    text(&[
        "",
        "[Service]\nExecStart=/bin/s3cr3t #\n",
        "[Install]\nWantedBy=x#.target\n",
    ])
}

fn unit() -> Any {
    let dropin = object_with(
        vec![("name", text(&["10-a.conf", "20-#.conf"]))],
        vec![("contents", unit_text())],
    );
    object_with(
        vec![("name", text(&["a.service", "b.timer", "c#.socket"]))],
        vec![
            ("contents", unit_text()),
            ("enable", flag()),
            ("enabled", flag()),
            ("mask", flag()),
            ("dropins", list(dropin, 2)),
        ],
    )
}

/// Path, filesystem, owners.
fn inode(paths: &[&str], members: Vec<(&'static str, Any)>) -> Any {
    let owner = || {
        prop_oneof![
            object(vec![("id", number())]),
            object(vec![("name", text(&["", "owner#"]))])
        ]
    };
    let mut all = members;
    all.push(("user", owner().boxed()));
    all.push(("group", owner().boxed()));
    all.push(("overwrite", flag()));
    object_with(
        vec![("filesystem", text(&["root"])), ("path", text(paths))],
        all,
    )
}

fn storage() -> Any {
    let contents = object(vec![
        ("source", source()),
        ("compression", text(&["", "gzip"])),
        ("verification", verification()),
    ]);
    let mode = || prop::sample::select(vec![json!(0), json!(420)]).boxed();
    let file = inode(
        &["/etc/a", "/etc//a", "/etc/#", "/opt/./#/"],
        vec![("contents", contents), ("mode", mode()), ("append", flag())],
    );
    let file = file.prop_map(|mut file| {
        // Ignition refuses both.
        if file["append"] == json!(true) && file["overwrite"] == json!(true) {
            file["overwrite"] = json!(false);
        }
        file
    });
    let directory = inode(&["/var/#"], vec![("mode", mode())]);
    let link = inode(&["/usr/#"], vec![("hard", flag())]);
    let link = link.prop_map(|mut link| {
        link["target"] = json!("/target#");
        link
    });
    let array = object_with(
        vec![
            ("name", text(&["array#"])),
            ("level", text(&["raid1", "10"])),
            ("devices", list(text(&["/dev/#"]), 2)),
        ],
        vec![
            ("spares", number()),
            ("options", list(text(&["--option=#"]), 2)),
        ],
    );
    let disk = object_with(
        vec![("device", text(&["/dev/disk#"]))],
        vec![("wipeTable", flag())],
    );
    let root = Just(json!({"name": "root", "path": "/"})).boxed();
    object(vec![
        ("files", list(file.boxed(), 4)),
        ("directories", list(directory, 2)),
        ("links", list(link.boxed(), 2)),
        ("raid", list(array, 2)),
        ("disks", list(disk, 2)),
        ("filesystems", list(root, 1)),
    ])
}
