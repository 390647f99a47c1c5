//! The metrics of a program under test, and what Prometheus says to them.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// What an address answers over plain HTTP, head and all.
pub fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the program listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Prometheus has nothing to say against an answer of `/metrics` but about the metrics whose names are
/// `excused`, and each metric is one of `known`.
pub fn check(answer: &str, known: &[(&str, &str)], excused: &[&str]) {
    let (_, text) = answer.split_once("\r\n\r\n").expect("head and body");
    let known: BTreeSet<_> = known.iter().map(|(name, _)| *name).collect();
    let described = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next());
    let unknown: Vec<_> = described.filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let mut command = Command::new("promtool");
    command
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("\nSKIPPED: no promtool: install the package prometheus");
        return;
    };
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("promtool reads");
    drop(input);
    let output = child.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let is_excused = |line: &str| {
        let mut names = excused.iter();
        names.any(|name| line.starts_with(&format!("{name} ")))
    };
    let against: Vec<_> = said
        .lines()
        .filter(|line| !line.is_empty() && !is_excused(line))
        .collect();
    assert!(against.is_empty(), "{against:?}\n{text}");
}
