//! What becomes of a stub, rule by rule.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test")]

use ignition_stub_convert::{Conversion, ConvertError, TargetVersion, convert, spec_version};

/// Converts a stub of spec 2.2 that has these members besides its version; empty for none.
fn convert_members(ignition: &str, others: &str) -> Result<Conversion, ConvertError> {
    let stub = format!(r#"{{"ignition":{{"version":"2.2.0"{ignition}}}{others}}}"#);
    convert(stub.as_bytes(), TargetVersion::V3_4)
}

/// The stub converts: `expected` is all that follows the version, and `notes` tell what changed.
fn check_with(ignition: &str, others: &str, expected: &str, notes: &[&str]) {
    let Conversion::Converted(converted) = convert_members(ignition, others).unwrap() else {
        panic!("converted: {others}")
    };
    assert_eq!(
        converted.document,
        format!(r#"{{"ignition":{{"version":"3.4.0"{expected}"#),
        "{others}"
    );
    let found: Vec<_> = converted.notes.iter().map(ToString::to_string).collect();
    assert_eq!(found, notes, "{others}");
    assert_eq!(
        (converted.from, converted.to),
        ("2.2.0", TargetVersion::V3_4)
    );
}

fn check_ignition(ignition: &str, expected: &str) {
    check_with(ignition, "", &format!("{expected}}}}}"), &[]);
}

fn check(others: &str, expected: &str, notes: &[&str]) {
    check_with("", others, &format!("}}{expected}"), notes);
}

/// The stub is refused: with this text behind the prefix of its kind, and these obstacles.
fn check_refused(ignition: &str, others: &str, text: &str, obstacles: &[&str]) {
    let error = convert_members(ignition, others).unwrap_err();
    let found: Vec<_> = error.obstacles().iter().map(ToString::to_string).collect();
    assert_eq!(found, obstacles, "{others}");
    let prefix = match error {
        ConvertError::Unconvertible(_) if text.starts_with("unexpected user") => "",
        ConvertError::Unconvertible(_) => CONVERT,
        ConvertError::Invalid(_) => INVALID,
        ref other => panic!("{other}"),
    };
    assert_eq!(error.to_string(), format!("{prefix}{text}"), "{others}");
    assert_eq!(error.would_lose(), prefix != INVALID);
}

const CONVERT: &str = "failed to convert Ignition config spec v2 to v3: unable to convert Ignition \
                       spec v2 config to v3: ";
const INVALID: &str = "failed to parse Ignition config: parsing Ignition spec v2 failed with error: \
                       config is not valid\nReport: ";

/// The stub is refused for one reason, which is the whole text.
fn check_obstacle(others: &str, pointer: &str, problem: &str) {
    check_refused("", others, problem, &[&format!("{pointer}: {problem}")]);
}

/// Ignition itself would refuse the stub.
fn check_invalid(others: &str, pointer: &str, reason: &str) {
    let obstacle = format!("{pointer}: {reason}");
    check_refused("", others, &format!("error at {obstacle}"), &[&obstacle]);
}

/// Only we refuse the stub: the text names the place.
fn check_ours(others: &str, obstacle: &str) {
    check_refused("", others, obstacle, &[obstacle]);
}

fn file(members: &str) -> String {
    format!(r#","storage":{{"files":[{{"filesystem":"root","path":"/etc/a"{members}}}]}}"#)
}

fn unit(members: &str) -> String {
    format!(r#","systemd":{{"units":[{{"name":"a.service"{members}}}]}}"#)
}

fn user(members: &str) -> String {
    format!(r#","passwd":{{"users":[{{"name":"core"{members}}}]}}"#)
}

#[test]
fn bi_369_the_stub_of_an_installer() {
    let stub = r#"{"ignition":{"config":{"append":[{"source":"https://api-int.c.example.com:22623/config/worker","verification":{}}]},"security":{"tls":{"certificateAuthorities":[{"source":"data:text/plain;charset=utf-8;base64,QUJD","verification":{}}]}},"timeouts":{},"version":"2.2.0"},"networkd":{},"passwd":{},"storage":{},"systemd":{}}"#;
    for target in [TargetVersion::V3_4, TargetVersion::V3_5] {
        let Conversion::Converted(converted) = convert(stub.as_bytes(), target).unwrap() else {
            panic!("converted")
        };
        let expected = format!(
            r#"{{"ignition":{{"version":"{target}","config":{{"merge":[{{"source":"https://api-int.c.example.com:22623/config/worker"}}]}},"security":{{"tls":{{"certificateAuthorities":[{{"source":"data:text/plain;charset=utf-8;base64,QUJD"}}]}}}}}}}}"#
        );
        assert_eq!(converted.document, expected);
        assert_eq!(converted.notes, []);
        let again = convert(converted.document.as_bytes(), TargetVersion::default()).unwrap();
        let version = target.to_string();
        assert_eq!(again, Conversion::Current { version });
    }
}

#[test]
fn t_12_keys_are_kept_once() {
    check(
        r#","passwd":{"users":[{"name":"core","sshAuthorizedKeys":["5678","5678","abc"]}]}"#,
        r#","passwd":{"users":[{"name":"core","sshAuthorizedKeys":["5678","abc"]}]}}"#,
        &["/passwd/users/0/sshAuthorizedKeys/1: is there twice; kept once"],
    );
}

#[test]
fn bi_355_spec_3_is_current_whatever_the_target() {
    for stub in [
        &br#"{"ignition":{"version":"3.0.0"},"anything":[]}"#[..],
        br#"{"Ignition":{"Version":"3.9.0-experimental"}}"#,
        br#"{"ignition":{"version":"3."}}"#,
        b"{\"ignition\":{\"version\":\"3.2.0\",\"x\":\"\xff\\ud800\"}}",
    ] {
        let current = convert(stub, TargetVersion::V3_5).unwrap();
        assert!(matches!(current, Conversion::Current { .. }));
    }
}

#[test]
fn bi_360_other_versions_are_refused() {
    for (version, problem) in [
        ("2.3.0", "unknown version"),
        ("2.4.0", "unknown version"),
        ("1.2.0", "unknown version"),
        ("21.0.0", "unknown version"),
        ("30.1.0", "unknown version"),
        ("", "invalid version"),
        ("2.2", "invalid version"),
    ] {
        let stub = format!(r#"{{"ignition":{{"version":"{version}"}},"unknown":1}}"#);
        let error = convert(stub.as_bytes(), TargetVersion::V3_4).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "failed to parse Ignition config: parsing Ignition config failed: {problem}. \
                 Supported spec versions: 2.2,3.0,3.1,3.2,3.3,3.4,3.5"
            ),
            "{version}"
        );
        assert_eq!(error.obstacles(), []);
        assert_eq!(error.would_lose(), problem == "unknown version");
    }
}

#[test]
fn bi_360_a_stub_that_is_refused_still_has_a_version() {
    let version = |version: &str| {
        spec_version(format!(r#"{{"ignition":{{"version":{version}}},"x":1}}"#).as_bytes())
    };
    for known in ["2.2.0", "2.4.0", "3.2.0"] {
        assert_eq!(version(&format!("\"{known}\"")).as_deref(), Some(known));
    }
    for unknown in ["\"s3cr3t\"", "2.2", "null"] {
        assert_eq!(version(unknown), None);
    }
    assert_eq!(spec_version(b"{"), None);
}

#[test]
fn bi_360_older_specs_2_keep_what_only_newer_ones_have() {
    let stub = br#"{"ignition":{"version":"2.1.0","security":{"tls":{"certificateAuthorities":[{"source":"data:,x"}]}}},
        "storage":{"files":[{"filesystem":"root","path":"/a"}]}}"#;
    let Conversion::Converted(converted) = convert(stub, TargetVersion::V3_4).unwrap() else {
        panic!("converted")
    };
    assert_eq!(
        converted.document,
        r#"{"ignition":{"version":"3.4.0","security":{"tls":{"certificateAuthorities":[{"source":"data:,x"}]}}},"storage":{"files":[{"path":"/a","overwrite":true,"mode":0,"contents":{"source":""}}]}}"#
    );
    assert_eq!(converted.from, "2.1.0");
    assert_eq!(
        converted.notes[0].to_string(),
        "/ignition/security: is of spec 2.2.0, later than the stub's own 2.1.0; kept"
    );
    let stub = br#"{"ignition":{"version":"2.0.0"},"storage":{"files":[{"filesystem":"root","path":"/a","user":{"id":5}}]}}"#;
    let Conversion::Converted(converted) = convert(stub, TargetVersion::V3_4).unwrap() else {
        panic!("converted")
    };
    assert!(
        converted
            .document
            .contains(r#""user":{"id":5},"group":{"id":0},"mode":0"#)
    );
}

#[test]
fn bi_363_unknown_keys_are_obstacles() {
    const LOST: &str = "is no key of Ignition spec 2: it would be lost";
    check_refused(
        r#","proxy":{"httpProxy":"http://secret@x"},"config":{"merge":[{"source":"http://x"}]}"#,
        r#","a/b~c":1,"storage":{"files":[{"filesystem":"root","path":"/a","mode":0,"x":null}],"luks":[]}"#,
        &[
            &format!("/ignition/config/merge: {LOST}"),
            &format!("/ignition/proxy: {LOST}"),
            &format!("/storage/files/0/x: {LOST}"),
            &format!("/storage/luks: {LOST}"),
            &format!("/a~1b~0c: {LOST}"),
        ]
        .map(String::as_str)
        .join("\n"),
        &[
            &format!("/ignition/config/merge: {LOST}"),
            &format!("/ignition/proxy: {LOST}"),
            &format!("/storage/files/0/x: {LOST}"),
            &format!("/storage/luks: {LOST}"),
            &format!("/a~1b~0c: {LOST}"),
        ],
    );
}

#[test]
fn bi_363_what_is_nested_without_end_is_named_by_its_start() {
    let deep = format!(r#","x":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    check_ours(&deep, "/x: is no key of Ignition spec 2: it would be lost");
    let deep = format!(r#","mode":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    check_invalid(
        &file(&deep),
        "/storage/files/0/mode",
        "is a list, expected an integer",
    );
}

#[test]
fn bi_363_nothing_written_twice_is_dropped() {
    const TWICE: &str = "is written more than once: all but one would be lost";
    check_ours(
        r#","storage":{},"storage":{}"#,
        &format!("/storage: {TWICE}"),
    );
    check_ours(
        r#","systemd":{"units":[],"Units":[]}"#,
        &format!("/systemd/units: {TWICE}"),
    );
    check(
        r#","Storage":{"FILES":[]}"#,
        "}",
        &["/Storage: read as storage", "/storage/FILES: read as files"],
    );
}

#[test]
fn bi_363_an_error_names_ten_obstacles_and_counts_the_rest() {
    let unknown: Vec<_> = (0..25).map(|n| format!(r#","x{n}":"secret""#)).collect();
    let error = convert_members("", &unknown.concat()).unwrap_err();
    assert_eq!(error.obstacles().len(), 25);
    let text = error.to_string();
    assert_eq!(text.lines().count(), 11);
    assert!(text.ends_with("\nand 15 more"), "{text}");
    assert!(!text.contains("secret"));
}

#[test]
fn bi_364_the_last_file_of_a_path_wins_and_the_order_stays() {
    let file = |path: &str, source: &str| {
        format!(
            r#"{{"filesystem":"root","path":"{path}","mode":0,"contents":{{"source":"data:,{source}"}}}}"#
        )
    };
    let converted = |path: &str, source: &str| {
        format!(
            r#"{{"path":"{path}","overwrite":true,"mode":0,"contents":{{"source":"data:,{source}"}}}}"#
        )
    };
    let files = [
        file("/a", "1"),
        file("/b", "2"),
        file("/a", "3"),
        file("/c", "4"),
        file("/a", "5"),
    ];
    check(
        &format!(r#","storage":{{"files":[{}]}}"#, files.join(",")),
        &format!(
            r#","storage":{{"files":[{}]}}}}"#,
            [
                converted("/b", "2"),
                converted("/c", "4"),
                converted("/a", "5")
            ]
            .join(",")
        ),
        &[
            "/storage/files/0: overruled by /storage/files/4",
            "/storage/files/2: overruled by /storage/files/4",
        ],
    );
}

#[test]
fn bi_364_what_spec_3_says_against_a_file_that_is_dropped_does_not_matter() {
    check(
        r#","storage":{"files":[{"filesystem":"root","path":"/a","mode":0,"contents":{"source":"oem:///a"}},{"filesystem":"root","path":"/a","mode":0}]}"#,
        r#","storage":{"files":[{"path":"/a","overwrite":true,"mode":0,"contents":{"source":""}}]}}"#,
        &["/storage/files/0: overruled by /storage/files/1"],
    );
}

#[test]
fn bi_364_a_file_that_is_appended_to_is_not_dropped() {
    let files = r#","storage":{"files":[{"filesystem":"root","path":"/a","mode":0},{"filesystem":"root","path":"/a","mode":0,"append":true}]}"#;
    check_ours(
        files,
        "/storage/files/0: is appended to by /storage/files/1, of the same path: one of the two would be lost",
    );
}

#[test]
fn bi_364_units_of_one_name_are_joined() {
    let units = |units: &str| format!(r#","systemd":{{"units":[{units}]}}"#);
    let joined = "joined with /systemd/units/2, which wins where both say something";
    check(
        &units(
            r#"{"name":"a.service","contents":"[X]","mask":true,"dropins":[{"name":"1.conf","contents":"[A]"},{"name":"3.conf"}]},
               {"name":"b.timer"},
               {"name":"a.service","enabled":false,"dropins":[{"name":"2.conf"},{"name":"1.conf","contents":"[B]"}]}"#,
        ),
        &(units(
            r#"{"name":"b.timer"},{"name":"a.service","enabled":false,"mask":true,"contents":"[X]","dropins":[{"name":"2.conf"},{"name":"1.conf","contents":"[B]"},{"name":"3.conf"}]}"#,
        ) + "}"),
        &[&format!("/systemd/units/0: {joined}")],
    );
}

#[test]
fn bi_364_entries_for_core_become_one() {
    let users = |users: &str| format!(r#","passwd":{{"users":[{users}]}}"#);
    let joined = "joined with /passwd/users/2, which wins where both say something";
    check(
        &users(
            r#"{"name":"core","sshAuthorizedKeys":["a","b"],"passwordHash":"x","shell":"/bin/sh"},
               {"name":"core","sshAuthorizedKeys":["c"]},
               {"name":"core","sshAuthorizedKeys":["b","d"],"passwordHash":"y"}"#,
        ),
        &(users(
            r#"{"name":"core","sshAuthorizedKeys":["b","d","c","a"],"passwordHash":"y","shell":"/bin/sh"}"#,
        ) + "}"),
        &[
            &format!("/passwd/users/1: {joined}"),
            &format!("/passwd/users/0: {joined}"),
            "/passwd/users/0/sshAuthorizedKeys/1: is there twice; kept once",
        ],
    );
}

#[test]
fn bi_361_other_users_are_refused() {
    for name in ["root", ""] {
        check_obstacle(
            &format!(r#","passwd":{{"users":[{{"name":"{name}"}},{{"name":"core"}}]}}"#),
            "/passwd/users/0",
            &format!("unexpected user with name: {name}. Only core user is supported"),
        );
    }
}

#[test]
fn bi_366_partitions_of_spec_2_2_are_measured_in_sectors() {
    check_refused(
        "",
        r#","storage":{"disks":[{"device":"/dev/sda","partitions":[{"number":1,"size":2048,"start":0}]}]}"#,
        "Invalid input config:\n\
         deprecated: size is deprecated; use sizeMB instead\n\
         deprecated: start is deprecated; use startMB instead",
        &[
            "/storage/disks/0/partitions/0: size is deprecated; use sizeMB instead; \
           start is deprecated; use startMB instead",
        ],
    );
}

#[test]
fn bi_366_networkd_has_no_place() {
    check_obstacle(
        r#","networkd":{"units":[{"name":"a.network","contents":"secret"}]}"#,
        "/networkd/units",
        "config includes deprecated networkd section - use Files instead",
    );
    check(r#","networkd":{"units":[]}"#, "}", &[]);
    check(r#","networkd":null"#, "}", &[]);
}

#[test]
fn bi_366_only_the_root_filesystem_has_a_place() {
    let filesystem = |members: &str| format!(r#","storage":{{"filesystems":[{{{members}}}]}}"#);
    check_obstacle(
        &filesystem(r#""name":"data","mount":{"device":"/dev/sdb1","format":"xfs"}"#),
        "/storage/filesystems/0",
        r#"Config defined filesystem "data" but no mapping was defined.Please specify a path to be used as the filesystem mountpoint."#,
    );
    for path in ["/", "/sysroot"] {
        check(
            &filesystem(&format!(r#""name":"root","path":"{path}""#)),
            "}",
            &["/storage/filesystems/0: dropped: spec 3 knows the root filesystem by itself"],
        );
    }
    for lost in [
        r#""name":"root","path":"/mnt""#,
        r#""name":"root","mount":{"device":"/dev/sda4","format":"xfs"}"#,
    ] {
        check_ours(
            &filesystem(lost),
            "/storage/filesystems/0: says how to make or mount the root filesystem: it would be lost",
        );
    }
    check_ours(
        r#","storage":{"links":[{"filesystem":"data","path":"/a","target":"/b"}]}"#,
        r#"/storage/links/0/filesystem: is on filesystem "data": only files on root can be converted"#,
    );
}

#[test]
fn bi_366_inodes_must_not_conflict() {
    let storage = |files: &str, directories: &str, links: &str| {
        let list = |paths: &str, more: &str| {
            let entries = paths
                .split_whitespace()
                .map(|path| format!(r#"{{"filesystem":"root","path":"{path}"{more}}}"#));
            entries.collect::<Vec<_>>().join(",")
        };
        format!(
            r#","storage":{{"files":[{}],"directories":[{}],"links":[{}]}}"#,
            list(files, r#","mode":0"#),
            list(directories, r#","mode":0"#),
            list(links, r#","target":"/t""#)
        )
    };
    let conflict = |first: &str, second: &str| {
        format!(
            r#"Config has conflicting inodes: "{first}" and "{second}".  All files, directories and links must specify a unique `path`."#
        )
    };
    check_obstacle(
        &storage("/etc/a", "/etc/b /etc/./a", ""),
        "/storage/directories/1",
        &conflict("File: /etc/a", "Directory: /etc/a"),
    );
    check_obstacle(
        &storage("/etc/a /etc/a/", "", ""),
        "/storage/files/1",
        &conflict("File: /etc/a", "File: /etc/a"),
    );
    check_obstacle(
        &storage("", "", "/l /l"),
        "/storage/links/1",
        &conflict("Link: /l", "Link: /l"),
    );
    let uses = "uses link defined in config \"/l\". Please use a link not defined in Storage:Links";
    check_obstacle(
        &storage("/l/f", "", "/l"),
        "/storage/files/0",
        &format!("File: /l/f {uses}"),
    );
    check_obstacle(
        &storage("", "/l/d/e", "/l"),
        "/storage/directories/0",
        &format!("Directory: /l/d/e {uses}"),
    );
    check_obstacle(
        &storage("", "", "/l/m /l"),
        "/storage/links/0",
        &format!("Link: /l/m {uses}"),
    );
}

#[test]
fn bi_366_dropins_are_unique_in_a_unit() {
    check_obstacle(
        &unit(r#","dropins":[{"name":"a.conf"},{"name":"a.conf"}]"#),
        "/systemd/units/0/dropins/1",
        r#"Config has duplicate dropin name "a.conf" in unit "a.service".  All dropins must specify a unique `name`."#,
    );
}

#[test]
fn bi_366_spec_3_refuses_what_spec_2_allowed() {
    let rejected = |ignition: &str, others: &str, at: &str, pointer: &str, reason: &str| {
        let obstacle = format!("{pointer}: {reason}");
        check_refused(
            ignition,
            others,
            &format!("error at {at}: {reason}\n"),
            &[&obstacle],
        );
    };
    rejected(
        r#","config":{"append":[{"source":"http://x"},{"source":"http://x"}]}"#,
        "",
        "$.ignition.config.merge.1",
        "/ignition/config/append/1",
        "duplicate entry defined",
    );
    rejected(
        r#","security":{"tls":{"certificateAuthorities":[{"verification":{}}]}}"#,
        "",
        "$.ignition.security.tls.certificateAuthorities.0.source",
        "/ignition/security/tls/certificateAuthorities/0/source",
        "invalid url scheme",
    );
    rejected(
        "",
        &user(r#","groups":["a","a"]"#),
        "$.passwd.users.0.groups.1",
        "/passwd/users/0/groups/1",
        "duplicate entry defined",
    );
    rejected(
        "",
        &file(r#","mode":0,"contents":{"source":"oem:///a"}"#),
        "$.storage.files.0.contents.source",
        "/storage/files/0/contents/source",
        "invalid url scheme",
    );
    rejected(
        "",
        r#","storage":{"disks":[{"device":"/dev//sda"}]}"#,
        "$.storage.disks.0.device",
        "/storage/disks/0/device",
        "path is not fully simplified",
    );
    rejected(
        "",
        r#","storage":{"raid":[{"name":"a","level":"raid1"}]}"#,
        "$.storage.raid.0.devices",
        "/storage/raid/0/devices",
        "raid devices required",
    );
    rejected(
        "",
        r#","storage":{"files":[{"filesystem":"root","path":"/etc/systemd/system/a.service.d/b.conf","mode":0}]},
           "systemd":{"units":[{"name":"a.service","dropins":[{"name":"b.conf","contents":"[A]"}]}]}"#,
        "$.storage.files.0.path",
        "/storage/files/0/path",
        "path conflicts with systemd unit or dropin",
    );
    rejected(
        "",
        r#","storage":{"directories":[{"filesystem":"root","path":"/d","mode":0}],
           "links":[{"filesystem":"root","path":"/l","target":"../d","hard":true}]}"#,
        "$.storage.links.0",
        "/storage/links/0",
        "hard link target is a directory",
    );
    check_refused(
        r#","config":{"append":[{}]}"#,
        "",
        "/ignition/config/append/0: source is required",
        &["/ignition/config/append/0: source is required"],
    );
    check_ours(
        r#","storage":{"links":[{"filesystem":"root","path":"/l"}]}"#,
        "/storage/links/0: link target is required",
    );
}

#[test]
fn bi_366_the_deprecated_create_becomes_the_users_own() {
    check(
        &user(
            r#","create":{"uid":1000,"gecos":"x","groups":["wheel"],"noCreateHome":true,"shell":""}"#,
        ),
        r#","passwd":{"users":[{"name":"core","uid":1000,"gecos":"x","noCreateHome":true,"groups":["wheel"]}]}}"#,
        &["/passwd/users/0/create: deprecated; its members are now the user's own"],
    );
    check_invalid(
        &user(r#","uid":1,"create":{"uid":1000}"#),
        "/passwd/users/0/uid",
        "cannot use both the create object and the user-level uid field",
    );
}

#[test]
fn bi_367_the_ignition_section() {
    check_ignition(
        r#","config":{"append":[{"source":"http://x"},{"source":"http://y"}],"replace":{"source":"http://z"}}"#,
        r#","config":{"merge":[{"source":"http://x"},{"source":"http://y"}],"replace":{"source":"http://z"}}"#,
    );
    let hash = format!("sha512-{}", "0".repeat(128));
    check_ignition(
        &format!(
            r#","config":{{"append":[{{"source":"http://x","verification":{{"hash":"{hash}"}}}}]}}"#
        ),
        &format!(
            r#","config":{{"merge":[{{"source":"http://x","verification":{{"hash":"{hash}"}}}}]}}"#
        ),
    );
    check_ignition(
        r#","timeouts":{"httpResponseHeaders":0,"httpTotal":60}"#,
        r#","timeouts":{"httpResponseHeaders":0,"httpTotal":60}"#,
    );
    check_ignition(
        r#","security":null,"config":{"append":[]},"timeouts":{}"#,
        "",
    );
}

#[test]
fn bi_367_files() {
    let converted =
        |members: &str| format!(r#","storage":{{"files":[{{"path":"/etc/a"{members}}}]}}}}"#);
    check(
        &file(
            r#","mode":420,"user":{"id":0},"group":{"name":"core"},"contents":{"source":"data:,x","compression":"gzip"}"#,
        ),
        &converted(
            r#","overwrite":true,"user":{"id":0},"group":{"name":"core"},"mode":420,"contents":{"compression":"gzip","source":"data:,x"}"#,
        ),
        &[],
    );
    check(
        &file(r#","mode":0,"overwrite":false,"append":false,"user":{"name":""}"#),
        &converted(r#","overwrite":false,"mode":0,"contents":{"source":""}"#),
        &[],
    );
    check(
        &file(r#","append":true"#),
        &converted(r#","overwrite":false,"append":[{"source":""}]"#),
        &[],
    );
    check(
        &file(r#","mode":420,"append":true,"contents":{"source":"data:,x"}"#),
        &converted(r#","overwrite":false,"mode":420,"append":[{"source":"data:,x"}]"#),
        &[],
    );
    check(
        &file(r#","contents":{"source":"data:,x"}"#),
        &converted(r#","overwrite":true,"contents":{"source":"data:,x"}"#),
        &["/storage/files/0: has no mode: spec 2 made it 0000, spec 3 makes it 0644"],
    );
    check(
        r#","storage":{"files":[{"filesystem":"root","path":"/etc/../b/","mode":0}]}"#,
        r#","storage":{"files":[{"path":"/b","overwrite":true,"mode":0,"contents":{"source":""}}]}}"#,
        &["/storage/files/0/path: now written /b"],
    );
}

#[test]
fn bi_367_directories_and_links() {
    check(
        r#","storage":{"directories":[{"filesystem":"root","path":"/d","mode":493,"user":{"name":"core"}},{"filesystem":"root","path":"/e","overwrite":true}],
           "links":[{"filesystem":"root","path":"/l","target":"/t","hard":true},{"filesystem":"root","path":"/m","target":"u","hard":false,"group":{"id":5}}]}"#,
        r#","storage":{"directories":[{"path":"/d","user":{"name":"core"},"mode":493},{"path":"/e","overwrite":true}],"links":[{"path":"/l","target":"/t","hard":true},{"path":"/m","group":{"id":5},"target":"u"}]}}"#,
        &["/storage/directories/1: has no mode: spec 2 made it 0000, spec 3 makes it 0755"],
    );
}

#[test]
fn bi_367_disks_and_raid() {
    check(
        r#","storage":{"disks":[{"device":"/dev/sda","wipeTable":true},{"device":"/dev/sdb","wipeTable":false,"partitions":[]}],
           "raid":[{"name":"a","level":"raid1","devices":["/dev/sda","/dev/sdb"],"spares":1,"options":["--x","--x"]},{"name":"b","level":"stripe","devices":["/dev/sdc"],"spares":0}]}"#,
        r#","storage":{"disks":[{"device":"/dev/sda","wipeTable":true},{"device":"/dev/sdb"}],"raid":[{"name":"a","level":"raid1","devices":["/dev/sda","/dev/sdb"],"spares":1,"options":["--x","--x"]},{"name":"b","level":"stripe","devices":["/dev/sdc"]}]}}"#,
        &[],
    );
}

#[test]
fn bi_367_units() {
    let converted = |members: &str| unit(members) + "}";
    check(&unit(""), &converted(""), &[]);
    check(
        &unit(
            r#","enabled":true,"mask":true,"contents":"[A]\n","dropins":[{"name":"a.conf","contents":""}]"#,
        ),
        &converted(
            r#","enabled":true,"mask":true,"contents":"[A]\n","dropins":[{"name":"a.conf"}]"#,
        ),
        &[],
    );
    check(
        &unit(r#","enable":true"#),
        &converted(r#","enabled":true"#),
        &[],
    );
    check(
        &unit(r#","enable":false,"mask":false"#),
        &converted(""),
        &[],
    );
    check(
        &unit(r#","enable":true,"enabled":false"#),
        &converted(r#","enabled":false"#),
        &["/systemd/units/0/enable: overruled by /systemd/units/0/enabled"],
    );
}

#[test]
fn bi_367_users_and_groups() {
    let account = r#""name":"core","sshAuthorizedKeys":["k"],"passwordHash":"$6$x","uid":1000,"gecos":"g","homeDir":"/h","primaryGroup":"core","shell":"/bin/bash","noCreateHome":true,"noUserGroup":true,"noLogInit":true,"system":true,"groups":["wheel","sudo"]"#;
    let users = format!(r#","passwd":{{"users":[{{{account}}}]}}"#);
    check(&users, &format!("{users}}}"), &[]);
    check(
        &user(r#","uid":0,"gecos":"","system":false,"groups":[]"#),
        r#","passwd":{"users":[{"name":"core","uid":0}]}}"#,
        &[],
    );
    check(
        r#","passwd":{"groups":[{"name":"g","gid":500,"passwordHash":"x","system":true},{"name":"h","passwordHash":"","system":false}]}"#,
        r#","passwd":{"groups":[{"name":"g","gid":500,"passwordHash":"x","system":true},{"name":"h"}]}}"#,
        &[],
    );
}

#[test]
fn bi_360_a_wrong_type_is_named_with_its_place() {
    check_invalid(
        r#","storage":[]"#,
        "/storage",
        "is a list, expected an object",
    );
    check_invalid(
        &file(r#","mode":"0644""#),
        "/storage/files/0/mode",
        "is a string, expected an integer",
    );
    check_invalid(
        &file(r#","mode":1.5"#),
        "/storage/files/0/mode",
        "is a number, expected an integer",
    );
    check_invalid(
        &unit(r#","enabled":"yes""#),
        "/systemd/units/0/enabled",
        "is a string, expected a boolean",
    );
    check_invalid(
        &unit(r#","dropins":{}"#),
        "/systemd/units/0/dropins",
        "is an object, expected a list",
    );
    check_invalid(
        &user(r#","sshAuthorizedKeys":[5]"#),
        "/passwd/users/0/sshAuthorizedKeys/0",
        "is a number, expected a string",
    );
}

#[test]
fn bi_362_what_ignition_refuses_is_named_with_its_place() {
    check_invalid(
        &file(r#","mode":99999"#),
        "/storage/files/0/mode",
        "illegal file mode",
    );
    check_invalid(
        &file(r#","mode":0,"user":{"id":0,"name":"a"}"#),
        "/storage/files/0/user",
        "cannot set both id and name",
    );
    check_invalid(
        &file(r#","mode":0,"append":true,"overwrite":true"#),
        "/storage/files/0",
        "cannot set both append and overwrite to true",
    );
    check_invalid(
        &file(r#","mode":0,"contents":{"compression":"xz"}"#),
        "/storage/files/0/contents/compression",
        "invalid compression method",
    );
    check_invalid(
        &file(r#","mode":0,"contents":{"source":"ftp://secret"}"#),
        "/storage/files/0/contents/source",
        "invalid url scheme",
    );
    check_invalid(
        &file(r#","mode":0,"contents":{"verification":{"hash":"md5-secret"}}"#),
        "/storage/files/0/contents/verification/hash",
        "unrecognized hash function",
    );
    check_invalid(
        r#","storage":{"files":[{"path":"/a","mode":0}]}"#,
        "/storage/files/0/filesystem",
        "no filesystem specified",
    );
    check_invalid(
        r#","storage":{"files":[{"filesystem":"root","path":"a","mode":0}]}"#,
        "/storage/files/0/path",
        "path not absolute",
    );
    check_invalid(
        r#","storage":{"disks":[{}]}"#,
        "/storage/disks/0/device",
        "disk device is required",
    );
    check_invalid(
        r#","storage":{"raid":[{"level":"x","devices":["/a"]}]}"#,
        "/storage/raid/0/level",
        "unrecognized raid level",
    );
    check_invalid(
        r#","storage":{"raid":[{"level":"linear","spares":1,"devices":["/a"]}]}"#,
        "/storage/raid/0/level",
        "spares unsupported for arrays with a level greater than 0",
    );
    check_invalid(
        r#","storage":{"filesystems":[{"name":"root"}]}"#,
        "/storage/filesystems/0",
        "filesystem is missing mount or path",
    );
    check_invalid(
        r#","systemd":{"units":[{"name":"a.bad"}]}"#,
        "/systemd/units/0/name",
        "invalid systemd unit extension",
    );
    check_invalid(
        &unit(r#","contents":"[secret""#),
        "/systemd/units/0/contents",
        "invalid unit content: unable to find end of section",
    );
    check_invalid(
        &unit(r#","dropins":[{"name":"a"}]"#),
        "/systemd/units/0/dropins/0/name",
        "invalid systemd drop-in extension",
    );
}

#[test]
fn bi_361_the_obstacle_that_the_reference_finds_comes_first() {
    let error = convert_members(
        r#","proxy":{}"#,
        r#","networkd":{"units":[{}]},"passwd":{"users":[{"name":"bob"}]},"storage":{"files":[{"filesystem":"root","path":"a","mode":0}]}"#,
    )
    .unwrap_err();
    let found: Vec<_> = error
        .obstacles()
        .iter()
        .map(|o| o.pointer.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "/storage/files/0/path",
            "/passwd/users/0",
            "/networkd/units",
            "/ignition/proxy"
        ]
    );
    assert!(matches!(error, ConvertError::Invalid(_)));
}

#[test]
fn bi_351_what_is_no_json_is_refused() {
    let check = |stub: &[u8], expected: &str| {
        let error = convert(stub, TargetVersion::V3_4).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "failed to parse Ignition config: parsing Ignition config spec v3 failed with \
                 error: {expected}"
            )
        );
        assert!(!error.would_lose());
    };
    let invalid = "config is not valid\nReport: error at";
    check(b"", "not a config (empty)\nReport: ");
    check(
        b"hello",
        &format!("{invalid} line 1 col 1: expected value\n"),
    );
    check(
        b"\x1f\x8b\x08",
        &format!("{invalid} line 0 col 0: compressed with gzip: unpack it first\n"),
    );
    check(
        b"[]",
        &format!("{invalid} $ is a list, expected an object\n"),
    );
    check(
        br#"{"ignition":{"version":{}}}"#,
        &format!("{invalid} $.ignition.version is an object, expected a string\n"),
    );
    check(
        b"{\"ignition\":{\"version\":\"2.2.0\"},\"x\":\"\xff\"}",
        &format!("{invalid} line 0 col 0: not UTF-8 at byte 37\n"),
    );
    let null = convert(br#"{"ignition":{"version":null}}"#, TargetVersion::V3_4).unwrap_err();
    assert_eq!(null.to_string(), ConvertError::InvalidVersion.to_string());
}
