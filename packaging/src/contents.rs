//! What stands where: in archives for any system, and in packages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::paths;
use crate::runner::Runner;
use crate::tree::{Entry, Tree, gzip};

/// The command by the names under which `oc` and `kubectl` find it as `oc osimage`.
const PLUGINS: [&str; 2] = ["kubectl-osimage", "oc-osimage"];

/// Where packages put licences and changes.
pub(crate) const DOCUMENTS: &str = "usr/share/doc/osimage";

/// Texts that the command makes of itself.
pub(crate) struct Texts {
    /// Manual pages by file name.
    manual: BTreeMap<String, Vec<u8>>,
    bash: Vec<u8>,
    fish: Vec<u8>,
    zsh: Vec<u8>,
}

impl Texts {
    pub(crate) fn of(runner: &Runner, command: &Path) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        runner.output(command, &["man", &folder.path().to_string_lossy()])?;
        let mut manual = BTreeMap::new();
        for page in fs::read_dir(folder.path())
            .map_err(|error| error.to_string())?
            .flatten()
        {
            let name = page.file_name().to_string_lossy().into_owned();
            manual.insert(name, paths::read(&page.path())?);
        }
        let completion = |shell| runner.output(command, &["completion", shell]);
        Ok(Self {
            manual,
            bash: completion("bash")?,
            fish: completion("fish")?,
            zsh: completion("zsh")?,
        })
    }
}

/// What goes with every program.
pub(crate) struct Papers {
    pub(crate) licence: Vec<u8>,
    pub(crate) changelog: Vec<u8>,
    pub(crate) third_party: String,
}

/// An archive of one program, with everything beside it in one folder.
pub(crate) fn archive(
    name: &str,
    program: Vec<u8>,
    papers: &Papers,
    texts: Option<&Texts>,
) -> Tree {
    let mut tree = Tree::default();
    tree.add(name, Entry::Program(program));
    tree.add("LICENSE", Entry::Text(papers.licence.clone()));
    tree.add(
        "THIRD-PARTY-LICENSES.txt",
        Entry::Text(papers.third_party.clone().into_bytes()),
    );
    tree.add("CHANGELOG.md", Entry::Text(papers.changelog.clone()));
    if let Some(texts) = texts {
        tree.add("completions/osimage.bash", Entry::Text(texts.bash.clone()));
        tree.add("completions/osimage.fish", Entry::Text(texts.fish.clone()));
        tree.add("completions/_osimage", Entry::Text(texts.zsh.clone()));
        for (page, text) in &texts.manual {
            tree.add(format!("man/man1/{page}"), Entry::Text(text.clone()));
        }
    }
    tree
}

/// Package managers, which differ in where the completions of zsh stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    Dpkg,
    Rpm,
}

/// What a package of the command installs.
pub(crate) fn installed(
    manager: Manager,
    program: Vec<u8>,
    papers: &Papers,
    texts: &Texts,
) -> Result<Tree, String> {
    let mut tree = Tree::default();
    tree.add("usr/bin/osimage", Entry::Program(program));
    for plugin in PLUGINS {
        tree.add(
            format!("usr/bin/{plugin}"),
            Entry::Link("osimage".to_owned()),
        );
    }
    let zsh = match manager {
        Manager::Dpkg => "usr/share/zsh/vendor-completions",
        Manager::Rpm => "usr/share/zsh/site-functions",
    };
    let completions = [
        (
            "usr/share/bash-completion/completions/osimage".to_owned(),
            &texts.bash,
        ),
        (
            "usr/share/fish/vendor_completions.d/osimage.fish".to_owned(),
            &texts.fish,
        ),
        (format!("{zsh}/_osimage"), &texts.zsh),
    ];
    for (path, text) in completions {
        tree.add(path, Entry::Text(text.clone()));
    }
    for (page, text) in &texts.manual {
        tree.add(
            format!("usr/share/man/man1/{page}.gz"),
            Entry::Text(gzip(text)?),
        );
    }
    let documents = [
        ("copyright", papers.licence.clone()),
        ("changelog.gz", gzip(&papers.changelog)?),
        (
            "THIRD-PARTY-LICENSES.txt",
            papers.third_party.clone().into_bytes(),
        ),
    ];
    for (name, text) in documents {
        tree.add(format!("{DOCUMENTS}/{name}"), Entry::Text(text));
    }
    Ok(tree)
}
