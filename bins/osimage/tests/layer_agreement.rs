//! `osimage layer check` says yes exactly where the builder builds: with the real buildah, over the
//! texts of the specification, and over texts that are put together out of good and bad lines.
//!
//! `OSIMAGE_CONTAINERFILES=2000 cargo test --package osimage --test layer_agreement` builds more of
//! the latter. Where the two differ on purpose, a row of [`DIFFERENCES`] says why.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops where something is not as it should be, and lists what differs"
)]

mod layer_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use containerfile_render::{Builder, CheckFor, Inputs, Place, check, render};
use layer_support::Buildah;
use openshift_model::Architecture;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

const BASE: &str = "localhost/osimage-test/x:1";

/// A deliberate difference: which texts, by the line of what is refused, and why.
type Difference = (fn(&str, usize) -> bool, &'static str);

const DIFFERENCES: [Difference; 4] = [
    (
        |text, line| {
            let lines = text.lines().enumerate();
            let from = lines.filter(|(_, text)| text.to_lowercase().starts_with("from "));
            from.last()
                .is_some_and(|(last, _)| line != 0 && line <= last)
        },
        "a mistake in a stage that nothing uses is refused; buildah does not build such a stage",
    ),
    (
        |text, _| {
            let text = text.to_lowercase();
            text.contains("as configs") || text.contains("as extract")
        },
        "names of our own stages are refused: which of two stages of a name is meant is not defined",
    ),
    (
        |text, _| {
            text.lines()
                .any(|line| line.trim_end() != line && line.trim() == "RUN")
        },
        "RUN with nothing but a blank is refused (IL-192); buildah 1.28 runs an empty command",
    ),
    (
        |text, _| text.lines().any(|line| line.trim() == "\\"),
        "a line that holds only the escape is an empty line; buildah 1.28 takes it for an instruction \
         without a name",
    ),
];

/// Every command ends well, so that the text alone decides.
fn base(buildah: &Buildah) {
    let base = buildah.path("base");
    fs::create_dir_all(base.join("tree/bin")).unwrap();
    fs::copy("/bin/busybox", base.join("tree/bin/busybox")).unwrap();
    for name in ["sh", "bash", "a", "x", "y", "true"] {
        let path = base.join("tree/bin").join(name);
        fs::write(&path, "#!/bin/busybox true\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for name in ["a", "b", "c"] {
        fs::write(base.join("tree").join(name), "").unwrap();
    }
    let text = "FROM scratch\nCOPY tree /\nENV PATH=/bin\n";
    fs::write(base.join("Containerfile"), text).unwrap();
    buildah.build(&base, BASE);
    for name in ["x:latest", "x:1", "y:latest", "a:latest"] {
        buildah.good(&["tag", BASE, &format!("localhost/{name}")]);
    }
}

/// The document around a text, without the steps that are the same for every text.
fn document(text: &str) -> String {
    let stages = format!("FROM {BASE} AS extract\nFROM {BASE} AS configs\n");
    let rendered = render(&Inputs {
        base_image: BASE,
        extensions_image: "",
        extensions: &[],
        kernel_type: "",
        architecture: &Architecture::X86_64,
        machine_config: "rendered-x-1",
        pool: "x",
        content: Some(text),
    });
    let Ok(rendered) = rendered else {
        return format!("{stages}{text}");
    };
    let (top, _) = rendered.text.split_once("FROM ").unwrap();
    let (_, labels) = rendered
        .text
        .split_once("LABEL dev.osimage.inputs=")
        .unwrap();
    let (_, last) = labels.split_once('\n').unwrap();
    format!("{top}{stages}{last}")
}

/// Whether buildah builds a text in its place, and what it says last.
fn builds(buildah: &Buildah, text: &str, place: Place) -> (bool, String) {
    let context = buildah.path("context");
    fs::create_dir_all(context.join("machineconfig")).unwrap();
    fs::write(context.join("machineconfig/machineconfig.json.gz"), "").unwrap();
    fs::write(context.join("openshift-config-user-ca-bundle.crt"), "").unwrap();
    let document = match place {
        Place::Cluster => document(text),
        Place::Elsewhere => text.to_owned(),
    };
    fs::write(context.join("Containerfile"), document).unwrap();
    let context = context.to_str().unwrap();
    let output = buildah.run(&["bud", "--isolation", "chroot", "--pull-never", context]);
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default().to_owned();
    (output.status.success(), last)
}

fn version(buildah: &Buildah) -> (Builder, String) {
    let text = buildah.good(&["--version"]);
    let version = text.split_whitespace().nth(2).unwrap().to_owned();
    (version.parse().unwrap(), version)
}

/// Compares the two on every text, and lists where they differ.
fn compare(buildah: &Buildah, texts: &[String]) {
    let (builder, version) = version(buildah);
    let checked = CheckFor {
        place: Place::Cluster,
        builder,
    };
    let mut differences = Vec::new();
    let mut known = 0;
    for text in texts {
        let problem = check(text, checked).problem;
        let (is_built, said) = builds(buildah, text, checked.place);
        // That an image is not on this machine says nothing about the text.
        let lacks_image = ["image not known", "no stage or image found"]
            .iter()
            .any(|absent| said.contains(absent));
        if problem.is_none() == is_built || (problem.is_none() && lacks_image) {
            continue;
        }
        let line = problem.as_ref().map_or(0, |problem| problem.line);
        let verdict = problem.map_or_else(|| "taken".to_owned(), |problem| problem.to_string());
        let shown = format!("{text:?}: check: {verdict}; buildah {version}: {said}");
        let mut known_ones = DIFFERENCES.iter();
        match known_ones.find(|(applies, _)| applies(text, line)) {
            Some((_, why)) => {
                known += 1;
                println!("differs on purpose: {shown} ({why})");
            }
            None => differences.push(shown),
        }
    }
    println!(
        "{} texts, buildah {version}: {known} differ on purpose, {} otherwise",
        texts.len(),
        differences.len()
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn repository(path: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn il_194_texts_of_the_specification() {
    let Some(buildah) = Buildah::new() else {
        return;
    };
    base(&buildah);
    let data = repository("docs/spec/data/layering/validation/containerfile-syntax.json");
    let data: Vec<Value> = serde_json::from_str(&data).unwrap();
    let golden = repository("fixtures/golden/containerfile_check.jsonl");
    let golden = golden.lines().map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        case.pointer("/input/content").unwrap().clone()
    });
    let texts = data.iter().map(|case| case.get("content").unwrap().clone());
    let texts = texts.chain(golden);
    let texts: Vec<String> = texts
        .map(|text| text.as_str().unwrap().to_owned())
        .collect();
    assert!(texts.len() >= 141, "{}", texts.len());
    let (built, long): (Vec<_>, Vec<_>) = texts
        .into_iter()
        .partition(|text| text.lines().count() <= MOST_LINES);
    println!("{} texts are too long to be built here", long.len());
    compare(&buildah, &built);
}

/// The most lines of a text that is built: each is a layer, and one text of the golden cases has
/// thousands.
const MOST_LINES: usize = 50;

/// Lines out of which texts are put together.
const LINES: [&str; 92] = [
    "FROM configs AS final",
    "FROM final",
    "FROM configs",
    "FROM x",
    "FROM x AS q",
    "FROM q",
    "FROM Q",
    "FROM Configs",
    "FROM x a",
    "FROM x AS",
    "FROM ${A:-x}",
    "FROM $A",
    "FROM x@sha256:12",
    "FROM",
    "FROM --platform=linux/amd64 x",
    "FROM --foo=a x",
    "FROM scratch",
    "ARG A=x",
    "ARG A",
    "ARG",
    "ARG B=${A}y",
    "RUN true",
    "RUN a \\\n  && b",
    "RUN [\"sh\", \"-c\", \"a\"]",
    "RUN",
    "RUN --mount=type=bind,from=a,target=/q true",
    "RUN --mount=type=foo true",
    "RUN --mount=type=cache,target=/q true",
    "RUN --network=none true",
    "RUN --foo=a true",
    "RUN <<E\nRUN true\nE",
    "RUN cat <<E",
    "COPY a /q",
    "COPY --from=a a /q",
    "COPY --from=extract a /q",
    "COPY --from=0 a /q",
    "COPY --from=9 a /q",
    "COPY --from=Bad a /q",
    "COPY --from=a a",
    "COPY [\"a\"]",
    "COPY --link --from=a a /q",
    "COPY --chown=1:1 --from=a a /q",
    "COPY . /q",
    "COPY * /q/",
    "COPY Containerfile /q",
    "COPY ./openshift-config-user-ca-bundle.crt /q",
    "ADD a /q",
    "ADD a",
    "ADD --checksum=a Containerfile /q",
    "ENV A=b",
    "ENV A b",
    "ENV A",
    "ENV A=b C",
    "ENV A=\"b",
    "ENV A=${B",
    "ENV A=${B:?c}",
    "ENV A=$B",
    "LABEL a=b c=d",
    "LABEL a=b c",
    "LABEL a",
    "LABEL a='b",
    "USER",
    "USER 1000",
    "WORKDIR /q",
    "WORKDIR",
    "VOLUME /q",
    "VOLUME []",
    "VOLUME [\"/q\"]",
    "EXPOSE 80/tcp",
    "EXPOSE",
    "STOPSIGNAL 9",
    "STOPSIGNAL SIGTERM",
    "STOPSIGNAL SIGFOO",
    "STOPSIGNAL",
    "SHELL [\"/bin/sh\"]",
    "SHELL /bin/sh",
    "SHELL []",
    "CMD",
    "CMD [\"a\"]",
    "CMD [1]",
    "ENTRYPOINT",
    "ENTRYPOINT a",
    "HEALTHCHECK NONE",
    "HEALTHCHECK",
    "HEALTHCHECK CMD a",
    "HEALTHCHECK --interval=5s CMD a",
    "HEALTHCHECK --interval=5 CMD a",
    "ONBUILD RUN a",
    "ONBUILD FROM x",
    "MAINTAINER a",
    "# escape=`",
    "FOO bar",
];

#[test]
fn il_194_texts_that_are_put_together() {
    let Some(buildah) = Buildah::new() else {
        return;
    };
    base(&buildah);
    let count = std::env::var("OSIMAGE_CONTAINERFILES").ok();
    let count = count.map_or(40, |count| count.parse().unwrap());
    // The same texts each time.
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let lines = prop::collection::vec(prop::sample::select(LINES.to_vec()), 1..5);
    let texts = (0..count).map(|_| {
        let lines = lines.new_tree(&mut runner).unwrap().current();
        // Half of the texts begin as they should.
        let first = if lines.len() % 2 == 0 {
            "FROM configs AS final\n"
        } else {
            ""
        };
        format!("{first}{}\n", lines.join("\n"))
    });
    let texts: Vec<String> = texts.collect();
    compare(&buildah, &texts);
}
