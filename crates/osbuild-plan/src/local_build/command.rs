//! The commands of a build: what is run, in this order.

use std::fmt;

use containerfile_render::PROVENANCE_LABEL;
use osbuild_check::Stage;

use super::LocalBuild;
use super::tool::{BuildTool, Program};

/// Where the files of a build are.
#[derive(Debug, Clone, Copy)]
pub struct BuildFiles<'a> {
    /// The Containerfile.
    pub containerfile: &'a str,
    /// The folder that COPY and ADD take files from.
    pub context: &'a str,
    /// Where the builder writes the id of the image.
    pub image_id: &'a str,
    /// Credentials, where the command line names a file.
    pub authfile: Option<&'a str>,
    /// A folder with certificates of authorities, where the command line names any.
    pub cert_dir: Option<&'a str>,
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildCommand {
    /// What it does.
    pub stage: Stage,
    /// The program.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl fmt::Display for BuildCommand {
    /// As a shell takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program.name())?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

impl BuildTool {
    fn command(&self, stage: Stage, arguments: Vec<String>) -> BuildCommand {
        BuildCommand {
            stage,
            program: self.program,
            arguments,
        }
    }

    /// Pulls the base image, unless it is there.
    pub fn pull(&self, build: &LocalBuild<'_>, files: &BuildFiles<'_>) -> BuildCommand {
        let mut arguments = vec!["pull".to_owned()];
        arguments.extend(access(files));
        arguments.extend([
            format!("--arch={}", build.architecture.go_name()),
            build.base_image.to_owned(),
        ]);
        self.command(Stage::BasePull, arguments)
    }

    /// Builds the image. It has no name until it is pushed; `inputs_digest` becomes a label.
    pub fn build(
        &self,
        build: &LocalBuild<'_>,
        files: &BuildFiles<'_>,
        inputs_digest: &str,
    ) -> BuildCommand {
        let mut arguments = vec!["build".to_owned()];
        arguments.extend(access(files));
        arguments.extend([
            format!("--layers={}", self.keeps_layers()),
            "--force-rm".to_owned(),
            // IL-784: times do not depend on the clock.
            "--timestamp=0".to_owned(),
            format!("--arch={}", build.architecture.go_name()),
            format!(
                "--build-context=configs=docker-image://{}",
                build.base_image
            ),
        ]);
        if !build.extensions_image.is_empty() {
            let image = build.extensions_image;
            arguments.push(format!("--build-context=extensions=docker-image://{image}"));
        }
        arguments.extend([
            // As images have them that a cluster builds (IL-178).
            format!("--label=baseOSContainerImage={}", build.base_image),
            format!("--label=machineconfigpool={}", build.pool),
            format!("--label={PROVENANCE_LABEL}={inputs_digest}"),
            format!("--iidfile={}", files.image_id),
            format!("--file={}", files.containerfile),
            files.context.to_owned(),
        ]);
        self.command(Stage::Step, arguments)
    }

    /// Pushes an image by its id.
    pub fn push(&self, image_id: &str, push_spec: &str, files: &BuildFiles<'_>) -> BuildCommand {
        let mut arguments = vec!["push".to_owned()];
        arguments.extend(access(files));
        arguments.extend([image_id.to_owned(), format!("docker://{push_spec}")]);
        self.command(Stage::Push, arguments)
    }

    /// Prints what an image of the builder's storage is; [`super::ImageConfig::read`] reads it.
    pub fn inspect(&self, image: &str) -> BuildCommand {
        let arguments: &[&str] = match self.program {
            Program::Buildah => &["inspect", "--type", "image"],
            Program::Podman => &["image", "inspect"],
        };
        let mut arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        arguments.push(image.to_owned());
        self.command(Stage::Step, arguments)
    }

    /// Removes an image that has no name, once nobody needs it.
    pub fn remove(&self, image_id: &str) -> BuildCommand {
        self.command(Stage::Push, vec!["rmi".to_owned(), image_id.to_owned()])
    }
}

/// How registries are spoken to.
fn access<'a>(files: &BuildFiles<'a>) -> impl Iterator<Item = String> + use<'a> {
    let authfile = files.authfile.map(|file| format!("--authfile={file}"));
    let cert_dir = files.cert_dir.map(|folder| format!("--cert-dir={folder}"));
    authfile.into_iter().chain(cert_dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::Architecture;

    #[test]
    fn il_055_commands_are_those_that_a_person_would_type() {
        let tool = BuildTool {
            program: Program::Buildah,
            builder: "1.28".parse().unwrap(),
            driver: "overlay".to_owned(),
        };
        let build = LocalBuild {
            pool: "worker",
            architecture: &Architecture::X86_64,
            base_image: "quay.io/base@sha256:1",
            extensions_image: "",
            containerfile: "",
            context_digest: "",
        };
        let files = BuildFiles {
            containerfile: "my folder/Containerfile",
            context: "it's",
            image_id: "iid",
            authfile: Some("auth.json"),
            cert_dir: None,
        };
        let check = |command: BuildCommand, expected: &str| {
            assert_eq!(command.to_string(), expected);
        };
        check(
            tool.pull(&build, &files),
            "buildah pull --authfile=auth.json --arch=amd64 quay.io/base@sha256:1",
        );
        check(
            tool.build(&build, &files, "sha256:2"),
            "buildah build --authfile=auth.json --layers=true --force-rm --timestamp=0 --arch=amd64 \
             --build-context=configs=docker-image://quay.io/base@sha256:1 \
             --label=baseOSContainerImage=quay.io/base@sha256:1 --label=machineconfigpool=worker \
             --label=dev.osimage.inputs=sha256:2 --iidfile=iid '--file=my folder/Containerfile' \
             'it'\\''s'",
        );
        let with_extensions = LocalBuild {
            extensions_image: "quay.io/e@sha256:4",
            ..build
        };
        let command = tool.build(&with_extensions, &files, "").to_string();
        assert!(command.contains(" --build-context=extensions=docker-image://quay.io/e@sha256:4 "));
        let with_authority = BuildFiles {
            cert_dir: Some("certs"),
            authfile: None,
            ..files
        };
        check(
            tool.push("sha256:3", "quay.io/o/os:1", &with_authority),
            "buildah push --cert-dir=certs sha256:3 docker://quay.io/o/os:1",
        );
        let podman = BuildTool {
            program: Program::Podman,
            driver: "vfs".to_owned(),
            ..tool
        };
        check(podman.inspect("i"), "podman image inspect i");
        check(podman.remove("i"), "podman rmi i");
        let copies = podman.build(&build, &files, "");
        assert!(copies.arguments.contains(&"--layers=false".to_owned()));
    }
}
