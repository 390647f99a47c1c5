//! Which program builds, and whether it is new enough.

use std::fmt;

use containerfile_render::Builder;

/// A program that builds images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// buildah
    Buildah,
    /// podman, which contains buildah.
    Podman,
}

impl Program {
    /// In the order in which they are looked for.
    pub const ALL: [Self; 2] = [Self::Buildah, Self::Podman];

    /// The name of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buildah => "buildah",
            Self::Podman => "podman",
        }
    }

    /// The first version that knows `--build-context`, with which the base image is named.
    const fn oldest(self) -> (u16, u16) {
        match self {
            Self::Buildah => (1, 26),
            Self::Podman => (4, 2),
        }
    }

    /// Arguments with which it tells about itself, as JSON: its storage, and of podman the version of
    /// buildah that it contains.
    pub const fn info(self) -> &'static [&'static str] {
        match self {
            Self::Buildah => &["info"],
            Self::Podman => &["info", "--format", "json"],
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A program that is there and new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildTool {
    /// Which one.
    pub program: Program,
    /// The version of buildah whose rules hold for Containerfiles.
    pub builder: Builder,
    /// The storage driver, e.g. `overlay`; empty where it is not known.
    pub driver: String,
}

/// A program cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// It says something else than a version.
    #[error("`{program} --version` says {said:?}, which is no version")]
    NoVersion {
        /// The program.
        program: Program,
        /// What it said.
        said: String,
    },
    /// It is too old.
    #[error(
        "{program} {found} is too old: {program} {}.{} is the oldest that builds on an image that the \
         command line names", oldest.0, oldest.1
    )]
    TooOld {
        /// The program.
        program: Program,
        /// Its version.
        found: String,
        /// The oldest that is enough.
        oldest: (u16, u16),
    },
}

impl BuildTool {
    /// Reads what a program said to `--version` and `info`. The second is not needed: an empty text
    /// leaves the driver unknown.
    pub fn read(program: Program, version: &str, info: &str) -> Result<Self, ToolError> {
        let no_version = || ToolError::NoVersion {
            program,
            said: version.trim().chars().take(LONGEST_SHOWN).collect(),
        };
        let mut words = version.split_whitespace();
        let mut number = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let found = number.take().ok_or_else(no_version)?;
        let own: Builder = found.parse().map_err(|_| no_version())?;
        if (own.major, own.minor) < program.oldest() {
            return Err(ToolError::TooOld {
                program,
                found: found.to_owned(),
                oldest: program.oldest(),
            });
        }
        let info: serde_json::Value = serde_json::from_str(info).unwrap_or_default();
        let text = |pointer: &str| info.pointer(pointer).and_then(serde_json::Value::as_str);
        let builder = match program {
            Program::Buildah => own,
            // The oldest podman that is taken contains 1.27.
            Program::Podman => text("/host/buildahVersion")
                .and_then(|version| version.parse().ok())
                .unwrap_or(Builder {
                    major: 1,
                    minor: 27,
                }),
        };
        let driver = text("/store/GraphDriverName").or_else(|| text("/store/graphDriverName"));
        Ok(Self {
            program,
            builder,
            driver: driver.unwrap_or_default().to_owned(),
        })
    }

    /// IL-784: whether steps are kept for the next build: vfs copies every layer, and would fill the disk.
    pub fn keeps_layers(&self) -> bool {
        self.driver != "vfs"
    }
}

/// How much of what a program said is shown.
const LONGEST_SHOWN: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(program: Program, version: &str, info: &str, expected: Result<(u16, &str), &str>) {
        match (BuildTool::read(program, version, info), expected) {
            (Ok(found), Ok((minor, driver))) => {
                assert_eq!(
                    (found.builder.minor, found.driver.as_str()),
                    (minor, driver)
                );
                assert_eq!(found.keeps_layers(), driver != "vfs");
            }
            (Err(found), Err(expected)) => {
                assert!(found.to_string().contains(expected), "{found}");
            }
            (found, expected) => panic!("{version}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn il_784_versions_and_drivers_are_read() {
        use Program::{Buildah, Podman};
        let said = "buildah version 1.28.2 (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)\n";
        let vfs = r#"{"store":{"GraphDriverName":"vfs"}}"#;
        check(Buildah, said, vfs, Ok((28, "vfs")));
        check(Buildah, said, "", Ok((28, "")));
        let podman =
            r#"{"host":{"buildahVersion":"1.37.5"},"store":{"graphDriverName":"overlay"}}"#;
        check(Podman, "podman version 5.2.2", podman, Ok((37, "overlay")));
        check(Podman, "podman version 4.3.1", "no JSON", Ok((27, "")));
        check(
            Buildah,
            "buildah version 1.19.6",
            "",
            Err("buildah 1.26 is the oldest"),
        );
        check(
            Podman,
            "podman version 3.4.4",
            "",
            Err("podman 3.4.4 is too old"),
        );
        check(Buildah, "hello", "", Err("says \"hello\""));
        check(Buildah, "version 1", "", Err("which is no version"));
    }
}
