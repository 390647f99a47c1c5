//! The commands of a build: what is run, in this order.

use std::fmt;

use containerfile_render::PROVENANCE_LABEL;
use openshift_model::Architecture;
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
    /// Where the builder writes the digest of what it has pushed.
    pub digest: &'a str,
    /// Credentials, where the command line names a file.
    pub authfile: Option<&'a str>,
    /// A folder with certificates of authorities, where the command line names any.
    pub cert_dir: Option<&'a str>,
}

/// What is built for one architecture.
#[derive(Debug, Clone, Copy)]
pub struct ArchitectureBuild<'a> {
    /// What the nodes run on.
    pub architecture: &'a Architecture,
    /// The image for it that this one is put on top of, by digest.
    pub base_image: &'a str,
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildCommand {
    /// What it does.
    pub stage: Stage,
    /// The program.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl fmt::Display for BuildCommand {
    /// As a shell takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)?;
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
            program: self.program.name(),
            arguments,
        }
    }

    /// Pulls the base image, unless it is there.
    pub fn pull(&self, build: &ArchitectureBuild<'_>, files: &BuildFiles<'_>) -> BuildCommand {
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
        inputs: &LocalBuild<'_>,
        build: &ArchitectureBuild<'_>,
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
        if !inputs.extensions_image.is_empty() {
            let image = inputs.extensions_image;
            arguments.push(format!("--build-context=extensions=docker-image://{image}"));
        }
        arguments.extend([
            // As images have them that a cluster builds (IL-178).
            format!("--label=baseOSContainerImage={}", build.base_image),
            format!("--label=machineconfigpool={}", inputs.pool),
            format!("--label={PROVENANCE_LABEL}={inputs_digest}"),
            format!("--iidfile={}", files.image_id),
            format!("--file={}", files.containerfile),
            files.context.to_owned(),
        ]);
        self.command(Stage::Step, arguments)
    }

    /// Pushes an image by its id, and writes the digest that it has in the registry into a file.
    pub fn push(&self, image_id: &str, push_spec: &str, files: &BuildFiles<'_>) -> BuildCommand {
        let mut arguments = vec!["push".to_owned()];
        arguments.extend(access(files));
        arguments.extend([
            format!("--digestfile={}", files.digest),
            image_id.to_owned(),
            format!("docker://{push_spec}"),
        ]);
        self.command(Stage::Push, arguments)
    }

    /// Makes an empty list of images by architecture.
    pub fn create_list(&self, list: &str) -> BuildCommand {
        let arguments = ["manifest", "create", list].map(str::to_owned);
        self.command(Stage::Push, arguments.to_vec())
    }

    /// Adds an image of the builder's storage, by its id, to such a list.
    pub fn add_to_list(&self, list: &str, image_id: &str) -> BuildCommand {
        let image = format!("containers-storage:{}", short(image_id));
        let arguments = ["manifest", "add", list, &image].map(str::to_owned);
        self.command(Stage::Push, arguments.to_vec())
    }

    /// Pushes such a list and its images.
    pub fn push_list(&self, list: &str, push_spec: &str, files: &BuildFiles<'_>) -> BuildCommand {
        let mut arguments = vec!["manifest".to_owned(), "push".to_owned()];
        arguments.extend(access(files));
        arguments.extend([
            "--all".to_owned(),
            format!("--digestfile={}", files.digest),
            list.to_owned(),
            format!("docker://{push_spec}"),
        ]);
        self.command(Stage::Push, arguments)
    }

    /// Removes such a list, and none of its images.
    pub fn remove_list(&self, list: &str) -> BuildCommand {
        let arguments = ["manifest", "rm", list].map(str::to_owned);
        self.command(Stage::Push, arguments.to_vec())
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

    /// Lists the working containers that are there, by id.
    pub fn list_containers(&self) -> BuildCommand {
        let arguments: &[&str] = match self.program {
            Program::Buildah => &["containers", "--quiet", "--notruncate"],
            Program::Podman => &["ps", "--all", "--external", "--quiet", "--no-trunc"],
        };
        let arguments = arguments.iter().map(|word| (*word).to_owned());
        self.command(Stage::Step, arguments.collect())
    }

    /// Removes a working container.
    pub fn remove_working_container(&self, id: &str) -> BuildCommand {
        self.command(Stage::Step, vec!["rm".to_owned(), id.to_owned()])
    }

    /// The commands of a whole build, as a shell takes them, each with its files in the folder where it
    /// runs. `files.image_id` is not looked at: there is one for each architecture.
    pub fn script(
        &self,
        inputs: &LocalBuild<'_>,
        builds: &[ArchitectureBuild<'_>],
        push_spec: &str,
        files: &BuildFiles<'_>,
    ) -> Vec<String> {
        let inputs_digest = inputs.inputs_digest();
        let ids = builds.iter().map(|build| match builds {
            [_] => "image.id".to_owned(),
            _ => format!("image-{}.id", build.architecture.rpm_name()),
        });
        let ids: Vec<String> = ids.collect();
        let mut lines = Vec::new();
        for (build, id) in builds.iter().zip(&ids) {
            let files = BuildFiles {
                image_id: id,
                ..*files
            };
            lines.push(self.pull(build, &files).to_string());
            let command = self.build(inputs, build, &files, &inputs_digest);
            lines.push(command.to_string());
        }
        if let [id] = ids.as_slice() {
            lines.push(with_id(&self.push(UNKNOWN, push_spec, files), id));
            return lines;
        }
        lines.push(self.create_list(LIST).to_string());
        for id in &ids {
            lines.push(with_id(&self.add_to_list(LIST, UNKNOWN), id));
        }
        lines.push(self.push_list(LIST, push_spec, files).to_string());
        lines.push(self.remove_list(LIST).to_string());
        lines
    }
}

/// Stands for an id that is known once the image is built; no argument has such a character.
const UNKNOWN: &str = "\0";
/// What a list of images is called where nobody needs a name that is its own.
const LIST: &str = "os-layer";

/// A line of a shell in which an id comes out of a file.
fn with_id(command: &BuildCommand, file: &str) -> String {
    let mut line = command.program.to_owned();
    for argument in &command.arguments {
        let word = match argument.split_once(UNKNOWN) {
            Some((before, _)) => format!("{before}\"$(cat {})\"", quoted(file)),
            None => quoted(argument),
        };
        line.push(' ');
        line.push_str(&word);
    }
    line
}

/// An id without the name of its hash.
fn short(image_id: &str) -> &str {
    image_id.strip_prefix("sha256:").unwrap_or(image_id)
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
    #[test]
    fn il_055_commands_are_those_that_a_person_would_type() {
        let tool = BuildTool {
            program: Program::Buildah,
            builder: "1.28".parse().unwrap(),
            driver: "overlay".to_owned(),
        };
        let build = LocalBuild {
            pool: "worker",
            architectures: &[Architecture::X86_64],
            base_image: "quay.io/base@sha256:1",
            extensions_image: "",
            containerfile: "",
            context_digest: "",
        };
        let files = BuildFiles {
            containerfile: "my folder/Containerfile",
            context: "it's",
            image_id: "iid",
            digest: "digest",
            authfile: Some("auth.json"),
            cert_dir: None,
        };
        let x86 = ArchitectureBuild {
            architecture: &Architecture::X86_64,
            base_image: "quay.io/base@sha256:1",
        };
        let check = |command: BuildCommand, expected: &str| {
            assert_eq!(command.to_string(), expected);
        };
        check(
            tool.pull(&x86, &files),
            "buildah pull --authfile=auth.json --arch=amd64 quay.io/base@sha256:1",
        );
        check(
            tool.build(&build, &x86, &files, "sha256:2"),
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
        let command = tool.build(&with_extensions, &x86, &files, "").to_string();
        assert!(command.contains(" --build-context=extensions=docker-image://quay.io/e@sha256:4 "));
        let with_authority = BuildFiles {
            cert_dir: Some("certs"),
            authfile: None,
            ..files
        };
        check(
            tool.push("sha256:3", "quay.io/o/os:1", &with_authority),
            "buildah push --cert-dir=certs --digestfile=digest sha256:3 docker://quay.io/o/os:1",
        );
        let podman = BuildTool {
            program: Program::Podman,
            driver: "vfs".to_owned(),
            ..tool
        };
        check(podman.inspect("i"), "podman image inspect i");
        check(podman.remove("i"), "podman rmi i");
        let copies = podman.build(&build, &x86, &files, "");
        assert!(copies.arguments.contains(&"--layers=false".to_owned()));
    }

    #[test]
    fn il_055_a_script_takes_ids_from_files_and_nothing_else() {
        let tool = BuildTool {
            program: Program::Buildah,
            builder: "1.28".parse().unwrap(),
            driver: "overlay".to_owned(),
        };
        let architectures = [Architecture::X86_64, Architecture::Aarch64];
        let inputs = LocalBuild {
            pool: "IMAGE",
            architectures: &architectures,
            base_image: "quay.io/base@sha256:1",
            extensions_image: "",
            containerfile: "",
            context_digest: "",
        };
        let builds = architectures
            .each_ref()
            .map(|architecture| ArchitectureBuild {
                architecture,
                base_image: "quay.io/base@sha256:1",
            });
        let files = BuildFiles {
            containerfile: "IMAGE/Containerfile",
            context: "IMAGE",
            image_id: "",
            digest: "image.digest",
            authfile: Some("IMAGE.json"),
            cert_dir: None,
        };
        let one = tool.script(&inputs, &builds[..1], "quay.io/o/IMAGE:1", &files);
        assert_eq!(
            one[2],
            "buildah push --authfile=IMAGE.json --digestfile=image.digest \"$(cat image.id)\" \
             docker://quay.io/o/IMAGE:1"
        );
        assert!(one[1].contains(" --iidfile=image.id "), "{}", one[1]);
        let two = tool.script(&inputs, &builds, "quay.io/o/IMAGE:1", &files);
        assert_eq!(
            two[4..],
            [
                "buildah manifest create os-layer",
                "buildah manifest add os-layer containers-storage:\"$(cat image-x86_64.id)\"",
                "buildah manifest add os-layer containers-storage:\"$(cat image-aarch64.id)\"",
                "buildah manifest push --authfile=IMAGE.json --all --digestfile=image.digest os-layer \
                 docker://quay.io/o/IMAGE:1",
                "buildah manifest rm os-layer",
            ]
        );
    }
}
