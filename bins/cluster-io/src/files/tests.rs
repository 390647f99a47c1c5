//! Tests of files, directories and archives.

use std::fs;

use super::*;

fn texts_of(path: &str, content: &[u8]) -> Texts {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(path);
    fs::write(&file, content).unwrap();
    read(&[file])
}

fn check_error(path: &str, content: &[u8], expected: &str, texts: usize) {
    let found = texts_of(path, content);
    let error = found.errors.first().unwrap().to_string();
    assert!(error.contains(expected), "{error}");
    assert_eq!(found.texts.len(), texts, "{error}");
}

#[test]
fn what_cannot_be_read_names_its_place_and_spoils_nothing_else() {
    check_error(
        "a.yaml",
        b"a: 1\n---\nb: [\n---\nc: 3\n",
        "document 2, line ",
        2,
    );
    check_error("a.yaml", b"a: \xff\n", "not UTF-8 at byte 3", 0);
    let missing = read(&[PathBuf::from("/nowhere/at/all.yaml")]);
    assert!(
        missing.errors[0]
            .to_string()
            .starts_with("/nowhere/at/all.yaml: cannot be read")
    );
}

#[test]
fn json_is_kept_as_it_is() {
    let found = texts_of("a.json", b"\xef\xbb\xbf{\"a\":  1.10}");
    assert_eq!(found.texts[0].json, "{\"a\":  1.10}");
    let flow = texts_of("a.yaml", b"{a: 1}");
    assert_eq!(flow.texts[0].json, "{\"a\":1}");
}

#[test]
fn directories_are_read_in_order_and_other_files_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    for (name, text) in [
        ("c.json", "{\"n\":3}"),
        ("b/x.yml", "n: 2"),
        ("a.yaml", "n: 1"),
        ("d.log", "no"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    std::os::unix::fs::symlink(folder.path(), folder.path().join("b/loop")).unwrap();
    let found = read(&[folder.path().to_owned()]);
    let texts: Vec<_> = found.texts.iter().map(|text| text.json.as_str()).collect();
    assert_eq!(texts, ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"]);
    assert!(found.errors.is_empty());
}

#[test]
fn a_link_that_leads_nowhere_is_an_error_only_where_it_would_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    };
    fs::write(folder.path().join("real"), "n: 1").unwrap();
    link("/nowhere", "latest");
    link("real", "a.yaml");
    link("/dev/zero", "zero");
    assert_eq!(read(&[folder.path().to_owned()]).texts.len(), 1);
    assert!(read(&[folder.path().to_owned()]).errors.is_empty());
    link("/nowhere", "b.yaml");
    link("/dev/zero", "c.json");
    let errors: Vec<_> = read(&[folder.path().to_owned()])
        .errors
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("b.yaml: cannot be read"), "{errors:?}");
    assert!(errors[1].contains("c.json: is a device"), "{errors:?}");
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    for path in ["/dev/zero", "/dev/null"] {
        let error = read(&[PathBuf::from(path)]).errors[0].to_string();
        assert!(error.contains("is a device"), "{error}");
        assert!(read_bytes(Path::new(path)).is_err());
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s.yaml");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = read(&[folder.path().to_owned()]).errors[0].to_string();
    assert!(error.contains("is a socket"), "{error}");
}

#[test]
fn documents_without_content_are_nothing() {
    for text in [
        "",
        "\n",
        "---\n---\n",
        "# only\n---\n# comments\n",
        "---\n---\n---",
        "%YAML 1.2\n---\n",
    ] {
        let found = texts_of("a.yaml", text.as_bytes());
        assert!(
            found.texts.is_empty() && found.errors.is_empty(),
            "{text:?}: {found:?}"
        );
    }
    let found = texts_of("a.yaml", b"---\n---\na: 1\n---\n# x\n---\n---\nb: 2\n");
    let texts: Vec<_> = found.texts.iter().map(|text| text.json.as_str()).collect();
    assert_eq!(texts, ["{\"a\":1}", "{\"b\":2}"]);
    assert!(found.errors.is_empty(), "{found:?}");
}

#[test]
fn duplicate_keys_of_json_are_refused_as_those_of_yaml() {
    check_error(
        "a.json",
        b"{\"a\": 1,\n \"b\": [{\"c\": 1, \"\\u0063\": 2}]}",
        "line 2, column 17: duplicate mapping key: c",
        0,
    );
    let many: Vec<String> = (0..100).map(|n| format!("\"k{n}\":0")).collect();
    let object = |more: &str| format!("{{{}{more}}}", many.join(","));
    assert!(texts_of("a.json", object("").as_bytes()).errors.is_empty());
    check_error(
        "a.json",
        object(",\"k7\":1").as_bytes(),
        "mapping key: k7",
        0,
    );
    let twice = b"[{\"a\": 1}, {\"a\": 2}] {\"a\": {\"a\": \"a\"}}";
    assert!(texts_of("a.json", twice).errors.is_empty());
}

/// Longer than what is held of a file as a whole.
fn large_json(documents: &str) -> Vec<u8> {
    let pod = format!(r#"{{"kind":"Pod","x":"{}"}}"#, "y".repeat(1 << 20));
    let pods = [pod.as_str(); 5].join(",");
    format!(r#"{documents} {{"kind":"List","items":[{pods},{{"kind":"Node"}}]}}"#).into_bytes()
}

#[test]
fn a_large_file_of_json_is_read_as_a_small_one_is() {
    for start in [
        "",
        "\u{feff}",
        r#"{"kind":"Node","n":1}"#,
        "[1]",
        "5",
        "{",
        r#"{"a":1,"a":2}"#,
    ] {
        let bytes = large_json(start);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        fs::write(&file, &bytes).unwrap();
        let name = file.display().to_string();
        let found = read_objects(&[file], &Progress::default());
        let expected = objects_of_bytes(&name, &bytes);
        assert_eq!(found.texts, expected.texts, "{start}");
        assert_eq!(found.ignored, expected.ignored, "{start}");
        let words = |texts: &Texts| {
            texts
                .errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&found), words(&expected), "{start}");
    }
}

#[test]
fn an_element_may_need_an_anchor_of_one_that_is_left_out() {
    let text = b"kind: List\nitems:\n- kind: Pod\n  x: &a {k: 1}\n- kind: Node\n  apiVersion: v1\n  y: *a\n";
    let found = objects_of_bytes("a.yaml", text);
    let loaded = crate::load(&found);
    assert_eq!((loaded.objects.len(), loaded.ignored), (1, 1));
    assert_eq!(loaded.objects[0].member("y").unwrap().get(), "{\"k\":1}");
}

const TREE: [(&str, &str); 4] = [
    (
        "must-gather/b/sets.yaml",
        "kind: Node\napiVersion: v1\nmetadata: {name: b}\n",
    ),
    (
        "must-gather/a.json",
        "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"n\":1}",
    ),
    ("must-gather/b/pods.yaml", "kind: Pod\n"),
    ("must-gather/x.log", "no"),
];

fn tar() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in TREE {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn zip() -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in TREE {
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        std::io::Write::write_all(&mut archive, text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn an_archive_is_read_as_the_tree_in_it() {
    for (name, bytes) in [
        ("d.tar", tar()),
        ("d.tgz", gzip(&tar())),
        ("d.tar.gz", gzip(&tar())),
        ("d.tar.zst", zstd(&tar())),
        ("d.zip", zip()),
        ("whatever", gzip(&tar())),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let progress = Progress::default();
        let found = read_objects(std::slice::from_ref(&file), &progress);
        assert!(found.errors.is_empty(), "{name}: {:?}", found.errors);
        let names: Vec<_> = found.texts.iter().map(|text| text.path.clone()).collect();
        let path = file.display();
        assert_eq!(
            names,
            [
                format!("{path}/must-gather/a.json"),
                format!("{path}/must-gather/b/sets.yaml")
            ]
        );
        assert_eq!((found.ignored, progress.files()), (1, 3), "{name}");
    }
    for packed in [gzip(b"n: 1"), zstd(b"n: 1")] {
        let found = texts_of("a.yaml.packed", &packed);
        assert_eq!(found.texts[0].json, "{\"n\":1}");
    }
}

#[test]
fn an_entry_that_would_lead_out_of_the_archive_is_read_all_the_same() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("../../sets.yaml", options).unwrap();
    std::io::Write::write_all(&mut archive, b"n: 1").unwrap();
    let found = texts_of("d.zip", &archive.finish().unwrap().into_inner());
    assert_eq!(found.texts[0].json, "{\"n\":1}");
}

#[test]
fn a_damaged_archive_keeps_what_was_read_of_it() {
    let whole = gzip(&tar());
    let found = texts_of("d.tgz", &whole[..whole.len() - 20]);
    assert!(
        found.errors[0]
            .to_string()
            .contains("d.tgz: cannot be read as an archive")
    );
    check_error(
        "d.zip",
        b"PK\x03\x04nothing",
        "cannot be read as an archive",
        0,
    );
}

#[test]
fn an_archive_that_expands_without_end_is_refused() {
    let zeros = gzip(&vec![b' '; 70 << 20]);
    let limit = "MiB, the limit for an archive of this size";
    check_error("a.gz", &zeros, limit, 0);
    check_error("a.zst", &zstd(&vec![b' '; 70 << 20]), limit, 0);
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(200 << 20);
    header.set_path("././@LongLink").unwrap();
    header.set_cksum();
    let mut bomb = header.as_bytes().to_vec();
    bomb.resize(100 << 20, b'x');
    check_error("a.tgz", &gzip(&bomb), "longer than 1024 KiB; unpack it", 0);
}
