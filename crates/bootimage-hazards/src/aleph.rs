//! The file on each node that says which image it started from:
//! `/sysroot/.coreos-aleph-version.json`.

use openshift_model::{Text, view};

use crate::{BootImageVersion, ReadVersion, UnknownVersion};

/// What a node started from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aleph {
    /// Which node it is, as far as the text says.
    pub node: Option<NodeHint>,
    /// The version of the image.
    pub version: ReadVersion,
}

/// What a text with files of several nodes says before each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeHint {
    /// `node/<name>`, as it stands in a command or in the output of `oc get nodes -o name`.
    Node(String),
    /// `Starting pod/<name>-debug…`: the name of the node without its dots, and perhaps cut off.
    DebugPod(String),
}

impl NodeHint {
    /// Whether this may be the node with this name.
    pub fn is_of(&self, node: &str) -> bool {
        match self {
            Self::Node(name) => name == node,
            Self::DebugPod(pod) => {
                let undotted = node.replace('.', "");
                // A pod's name holds 63 characters, the suffix among them.
                *pod == undotted || (pod.len() >= 40 && undotted.starts_with(pod.as_str()))
            }
        }
    }
}

/// A text in which no aleph file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the text holds no aleph file; print one with `oc debug node/NAME -- chroot /host cat \
     /sysroot/.coreos-aleph-version.json`"
)]
pub struct NoAleph;

view! {
    /// Newer files have `version`, older ones `build` and the file name of the image.
    struct File<'a> {
        version: Text<'a> = "version",
        build: Text<'a> = "build",
        image: Text<'a> = "imgid",
    }
}

/// Reads one file, or what `oc debug` printed for many nodes, prompts and messages included.
///
/// ```
/// let text = r#"Starting pod/worker-0-debug-x7k2p ...
/// To use host binaries, run `chroot /host`
/// {"ref": "docker://x", "version": "418.94.202511191518-0"}
/// Removing debug pod ..."#;
/// let found = bootimage_hazards::aleph::read(text)?;
/// assert!(found[0].node.as_ref().is_some_and(|node| node.is_of("worker-0")));
/// assert_eq!(found[0].version.as_ref().map(ToString::to_string), Ok("418.94.202511191518-0".to_owned()));
/// # Ok::<(), bootimage_hazards::aleph::NoAleph>(())
/// ```
pub fn read(text: &str) -> Result<Vec<Aleph>, NoAleph> {
    let mut found = Vec::new();
    let mut node = None;
    let mut file: Option<String> = None;
    for line in text.lines() {
        if let Some(mut open) = file.take() {
            // Documentation prints files with a comment where members were left out.
            if !line.trim_start().starts_with('#') {
                open.push_str(line);
                open.push('\n');
            }
            file = still_open(open, &mut node, &mut found);
        } else if let Some((before, _)) = line.split_once('{') {
            node = hint(before).or(node);
            let (_, rest) = line.split_at_checked(before.len()).unwrap_or_default();
            file = still_open(format!("{rest}\n"), &mut node, &mut found);
        } else {
            node = hint(line).or(node);
        }
    }
    if let Some(open) = file {
        found.push(one(node, &open));
    }
    if found.is_empty() {
        Err(NoAleph)
    } else {
        Ok(found)
    }
}

/// Longest file that is waited for: one that never ends must not be read again with each line.
const LONGEST: usize = 16 * 1024;

/// Takes a file that is complete; hands back one that is not.
fn still_open(text: String, node: &mut Option<NodeHint>, found: &mut Vec<Aleph>) -> Option<String> {
    let mut documents =
        serde_json::Deserializer::from_str(&text).into_iter::<serde::de::IgnoredAny>();
    match documents.next() {
        Some(Err(error)) if error.is_eof() && text.len() < LONGEST => Some(text),
        _ => {
            found.push(one(node.take(), &text));
            None
        }
    }
}

fn one(node: Option<NodeHint>, text: &str) -> Aleph {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<File<'_>>();
    let version = match documents.next() {
        Some(Ok(file)) => version(&file),
        Some(Err(error)) => Err(UnknownVersion::Aleph {
            problem: error.to_string(),
        }),
        None => Err(UnknownVersion::Aleph {
            problem: "it is empty".to_owned(),
        }),
    };
    Aleph { node, version }
}

fn version(file: &File<'_>) -> ReadVersion {
    if let Some(stated) = file.version.as_ref().or(file.build.as_ref()) {
        return BootImageVersion::parse(stated).ok_or_else(|| UnknownVersion::NotAVersion {
            text: stated.to_string(),
        });
    }
    match &file.image {
        Some(image) => crate::read::from_name(image),
        None => Err(UnknownVersion::Aleph {
            problem: "it has none of version, build and imgid".to_owned(),
        }),
    }
}

/// The node that a line names.
fn hint(line: &str) -> Option<NodeHint> {
    let name = |text: &str| -> Option<String> {
        let end =
            |character: char| !(character.is_ascii_alphanumeric() || "-.".contains(character));
        let name = text.split(end).next().unwrap_or_default();
        let name = name.trim_end_matches('.');
        (!name.is_empty()).then(|| name.to_owned())
    };
    if let Some((_, rest)) = line.split_once("Starting pod/") {
        let pod = name(rest)?;
        let node = pod
            .rsplit_once("-debug")
            .map_or(pod.as_str(), |(node, _)| node);
        return Some(NodeHint::DebugPod(node.to_owned()));
    }
    let (_, rest) = line.split_once("node/")?;
    name(rest).map(NodeHint::Node)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `node version` of each file.
    fn check(text: &str, expected: &[&str]) {
        let found = read(text).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|aleph| {
                let node = match &aleph.node {
                    Some(NodeHint::Node(name) | NodeHint::DebugPod(name)) => name,
                    None => "-",
                };
                let version = match &aleph.version {
                    Ok(version) => version.to_string(),
                    Err(problem) => problem.to_string(),
                };
                format!("{node} {version}")
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn files_of_every_era_are_read() {
        check(
            r#"{"build": "410.8.20190520.0", "ref": "x", "ostree-commit": "0f",
               "imgid": "rhcos-410.8.20190520.0-qemu.qcow2"}"#,
            &["- 410.8.20190520.0"],
        );
        check(
            r#"{"imgid": "fedora-coreos-32.20200615.3.0-qemu.x86_64.qcow2"}"#,
            &["- 32.20200615.3.0"],
        );
        // As documentation prints it.
        check(
            "{\n# ...\n    \"ref\": \"docker://x\",\n    \"version\": \"9.6.20251015-1\"\n}\n",
            &["- 9.6.20251015-1"],
        );
    }

    #[test]
    fn files_of_many_nodes_are_told_apart() {
        check(
            "node/a.example.com\n{\"version\": \"9.6.20251015-1\"}\n\
             $ oc debug node/b -- chroot /host cat /sysroot/.coreos-aleph-version.json\n\
             Starting pod/b-debug-x7k2p ...\nTo use host binaries, run `chroot /host`\n\
             {\n  \"build\": \"44.81.202003110027-0\",\n  \"x\": {}\n}\n\nRemoving debug pod ...\n\
             node/c: {\"version\": \"new\"}\nnode/d {\"ref\": 1}\nnode/e {\"version\": []}\nnode/f {",
            &[
                "a.example.com 9.6.20251015-1",
                "b 44.81.202003110027-0",
                "c \"new\" is no version of a boot image that is known",
                "d the aleph file has no version: it has none of version, build and imgid",
                "e the aleph file has no version: invalid type: sequence, expected a string at \
                 line 1 column 12",
                "f the aleph file has no version: EOF while parsing an object at line 2 column 0",
            ],
        );
    }

    #[test]
    fn a_debug_pod_has_the_name_of_its_node_without_dots() {
        let pod = hint("Starting pod/ip-10-0-1-2us-east-2computeinternal-debug-x7k2p ...").unwrap();
        assert!(pod.is_of("ip-10-0-1-2.us-east-2.compute.internal"));
        assert!(!pod.is_of("ip-10-0-1-3.us-east-2.compute.internal"));
        assert!(!NodeHint::DebugPod("work".into()).is_of("worker-0"));
    }

    #[test]
    fn a_text_without_a_file_is_an_error() {
        for text in [
            "",
            "error: nodes \"x\" not found",
            "Starting pod/x-debug ...",
        ] {
            assert_eq!(read(text), Err(NoAleph), "{text}");
        }
    }
}
