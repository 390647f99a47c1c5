//! Makes all files of a release.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::architecture::Architecture;
use crate::command::line;
use crate::contents::{self, Manager, Papers, Texts};
use crate::crates::Metadata;
use crate::program::{COMMAND, PROGRAMS, Program};
use crate::runner::Runner;
use crate::tools::{Tools, musl_licence};
use crate::tree::gzip;
use crate::{build, deb, image, krew, licences, paths, provenance, rpm_package, say, sbom, sums};

/// The licence of what is ours.
pub(crate) const LICENCE: &str = "Apache-2.0";

/// What the publisher chooses.
pub(crate) struct Options {
    pub(crate) architectures: Vec<Architecture>,
    pub(crate) profile: String,
    pub(crate) download_url: Option<String>,
    pub(crate) builder: String,
}

/// What all files of a release have in common.
pub(crate) struct Release {
    /// The sources.
    pub(crate) root: PathBuf,
    /// Where Cargo builds.
    pub(crate) target: PathBuf,
    pub(crate) profile: String,
    pub(crate) version: String,
    /// Seconds of Unix: `SOURCE_DATE_EPOCH`, or when the commit was made.
    pub(crate) time: u64,
    pub(crate) commit: String,
}

impl Release {
    fn read(root: &Path, target: &Path, profile: &str) -> Result<Self, String> {
        let git = |arguments: &[&str]| line(Command::new("git").args(arguments).current_dir(root));
        let time = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(time) => time,
            Err(_) => git(&["log", "-1", "--format=%ct"])?,
        };
        Ok(Self {
            root: root.to_owned(),
            target: target.to_owned(),
            profile: profile.to_owned(),
            version: version(root)?,
            time: time
                .parse()
                .map_err(|_| format!("SOURCE_DATE_EPOCH is {time}, not a number of seconds"))?,
            commit: git(&["rev-parse", "HEAD"])?,
        })
    }

    /// The time of the release as RFC 3339 has it.
    pub(crate) fn timestamp(&self) -> String {
        let seconds = i64::try_from(self.time).unwrap_or_default();
        jiff::Timestamp::from_second(seconds)
            .unwrap_or_default()
            .to_string()
    }

    /// The folder in an archive, and the start of names of files.
    pub(crate) fn folder(&self, program: &str, architecture: Architecture) -> String {
        format!("{program}-{}-linux-{architecture}", self.version)
    }
}

/// The version that all members of the workspace have.
fn version(root: &Path) -> Result<String, String> {
    let id = line(
        Command::new("cargo")
            .args(["pkgid", "--locked", "--package", COMMAND.name])
            .current_dir(root),
    )?;
    let version = id.rsplit(['#', '@']).next();
    version
        .map(str::to_owned)
        .ok_or(format!("cargo pkgid: there is no version in {id}"))
}

/// An error where the work tree is not what the commit says: the statement of provenance names it.
pub(crate) fn refuse_changes(root: &Path) -> Result<(), String> {
    let changes = line(
        Command::new("git")
            .args(["status", "--porcelain"])
            .current_dir(root),
    )?;
    if changes.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the work tree has changes that are not committed; commit them, or give --allow-dirty:\n{changes}"
    ))
}

/// Builds everything and writes it into `out`.
pub(crate) fn make(
    root: &Path,
    out: &Path,
    target: &Path,
    options: &Options,
) -> Result<(), String> {
    let tools = Tools::install()?;
    let release = Release::read(root, target, &options.profile)?;
    let metadata = Metadata::read(root)?;
    paths::empty_folder(out)?;
    let mut maker = Maker {
        release,
        out,
        tools,
        metadata,
        binaries: BTreeMap::new(),
        texts: None,
    };
    for architecture in &options.architectures {
        maker.architecture(*architecture)?;
    }
    maker.images()?;
    maker.lists(options)
}

struct Maker<'a> {
    release: Release,
    out: &'a Path,
    tools: Tools,
    metadata: Metadata,
    /// By the name of the program.
    binaries: BTreeMap<&'static str, BTreeMap<Architecture, Vec<u8>>>,
    /// What the command says of itself, which is the same for all processors.
    texts: Option<Texts>,
}

impl Maker<'_> {
    /// Everything for one processor, but for images.
    fn architecture(&mut self, architecture: Architecture) -> Result<(), String> {
        let runner = Runner::new(architecture)?;
        say(&format!(
            "dist: building for {architecture} with the profile {}",
            self.release.profile
        ));
        let built = build::build(&self.release, &self.tools, &self.metadata, architecture)?;
        let command = built.join(COMMAND.name);
        runner.try_out(&command, &self.release.version, &self.release.root)?;
        let texts = match self.texts.take() {
            Some(texts) => texts,
            None => Texts::of(&runner, &command)?,
        };
        for program in &PROGRAMS {
            self.program(program, architecture, &built.join(program.name), &texts)?;
        }
        self.texts = Some(texts);
        Ok(())
    }

    /// The archive, the bill of materials and, for the command, the packages of one program.
    fn program(
        &mut self,
        program: &Program,
        architecture: Architecture,
        built: &Path,
        texts: &Texts,
    ) -> Result<(), String> {
        let binary = paths::read(built)?;
        let crates = self.metadata.crates_of(built)?;
        let papers = self.papers(&crates)?;
        let folder = self.release.folder(program.name, architecture);
        let is_command = program.name == COMMAND.name;
        let archive = contents::archive(
            program.name,
            binary.clone(),
            &papers,
            is_command.then_some(texts),
        );
        let archive = archive.tar(&format!("{folder}/"), self.release.time)?;
        self.write(&format!("{folder}.tar.gz"), &gzip(&archive)?)?;
        let bill = sbom::bill(&self.release, &crates, &sums::sha256(&binary));
        self.write(
            &format!("{folder}.cdx.json"),
            format!("{bill:#}\n").as_bytes(),
        )?;
        if is_command {
            self.packages(architecture, &binary, &papers, texts)?;
        }
        self.binaries
            .entry(program.name)
            .or_default()
            .insert(architecture, binary);
        Ok(())
    }

    fn packages(
        &self,
        architecture: Architecture,
        binary: &[u8],
        papers: &Papers,
        texts: &Texts,
    ) -> Result<(), String> {
        let (release, version) = (&self.release, &self.release.version);
        let tree = contents::installed(Manager::Dpkg, binary.to_vec(), papers, texts)?;
        let package = deb::package(release, architecture, &tree)?;
        self.write(
            &format!("osimage_{version}_{}.deb", architecture.debian()),
            &package,
        )?;
        let tree = contents::installed(Manager::Rpm, binary.to_vec(), papers, texts)?;
        let package = rpm_package::package(release, architecture, &tree)?;
        self.write(&format!("osimage-{version}-1.{architecture}.rpm"), &package)
    }

    fn papers(&self, crates: &[crate::crates::Crate]) -> Result<Papers, String> {
        let root = &self.release.root;
        let musl = musl_licence(&self.tools.zig)?;
        let library = "The standard library of Rust is under the licence MIT or Apache-2.0; the text of \
                       Apache-2.0 is that of this project.\nCopyright (c) The Rust Project Contributors";
        let others = [
            ("musl", musl),
            ("the standard library of Rust", library.to_owned()),
        ];
        Ok(Papers {
            licence: paths::read(&root.join("LICENSE"))?,
            changelog: paths::read(&root.join("CHANGELOG.md"))?,
            third_party: licences::text(crates, &others)?,
        })
    }

    fn images(&self) -> Result<(), String> {
        let mut digests = String::new();
        for program in &PROGRAMS {
            let Some(binaries) = self.binaries.get(program.name) else {
                continue;
            };
            let (archive, digest) = image::archive(&self.release, program, binaries)?;
            self.write(
                &format!("{}-{}-image.oci.tar", program.name, self.release.version),
                &archive,
            )?;
            digests.push_str(&format!("{}@{digest}\n", program.name));
        }
        // Whoever pulls an image from a registry compares with these, which the signed sums cover.
        self.write("image-digests.txt", digests.as_bytes())
    }

    /// What is made of digests of everything else.
    fn lists(&self, options: &Options) -> Result<(), String> {
        let sums = sums::of_folder(self.out)?;
        let statement = provenance::statement(&self.release, options, &sums)?;
        let name = format!("osimage-{}.provenance.json", self.release.version);
        self.write(&name, format!("{statement:#}\n").as_bytes())?;
        match &options.download_url {
            Some(url) => {
                let manifest = krew::manifest(&self.release, &options.architectures, url, &sums);
                self.write("osimage.krew.yaml", manifest.as_bytes())?;
            }
            None => say("dist: no manifest for krew: it needs --download-url"),
        }
        sums::write(self.out, &sums::of_folder(self.out)?)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), String> {
        paths::write(&self.out.join(name), content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Entry, Tree};

    fn release() -> Release {
        Release {
            root: PathBuf::new(),
            target: PathBuf::new(),
            profile: "dist".to_owned(),
            version: "1.2.3".to_owned(),
            time: 1_700_000_000,
            commit: "0123abc".to_owned(),
        }
    }

    /// The packages and the image of one program, whatever the time is.
    fn made() -> Vec<Vec<u8>> {
        let release = release();
        let mut tree = Tree::default();
        tree.add("usr/bin/osimage", Entry::Program(b"program".to_vec()));
        tree.add("usr/bin/oc-osimage", Entry::Link("osimage".to_owned()));
        tree.add(
            "usr/share/doc/osimage/copyright",
            Entry::Text(b"text".to_vec()),
        );
        let binaries = Architecture::ALL.map(|one| (one, one.name().as_bytes().to_vec()));
        let image = image::archive(&release, &COMMAND, &BTreeMap::from(binaries)).unwrap();
        vec![
            deb::package(&release, Architecture::X86_64, &tree).unwrap(),
            rpm_package::package(&release, Architecture::Aarch64, &tree).unwrap(),
            image.0,
            image.1.into_bytes(),
        ]
    }

    #[test]
    fn what_is_packed_is_the_same_at_another_time() {
        let first = made();
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        assert!(first == made());
    }

    #[test]
    fn krew_finds_the_archives() {
        let release = release();
        let archive = format!(
            "{}.tar.gz",
            release.folder(COMMAND.name, Architecture::Aarch64)
        );
        let sums = sums::Sums::from([(archive, "00ff".to_owned())]);
        let url = "https://downloads.example/v1.2.3/";
        let manifest = krew::manifest(&release, &[Architecture::Aarch64], url, &sums);
        let platform = "  platforms:\n  - selector:\n      matchLabels:\n        os: linux\n        arch: arm64\n    \
             uri: https://downloads.example/v1.2.3/osimage-1.2.3-linux-aarch64.tar.gz\n    sha256: 00ff\n    \
             files:\n    - from: osimage-1.2.3-linux-aarch64/osimage\n      to: .\n";
        assert!(manifest.contains(platform), "{manifest}");
        assert!(manifest.starts_with(
            "apiVersion: krew.googlecontainertools.github.com/v1alpha2\nkind: Plugin\n"
        ));
    }

    #[test]
    fn times_are_written_as_everybody_reads_them() {
        assert_eq!(release().timestamp(), "2023-11-14T22:13:20Z");
    }
}
