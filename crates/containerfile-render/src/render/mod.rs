//! The Containerfile that a layered image is built from (IL-160 … IL-180).

mod digest;
mod error;
mod global;
mod packages;
mod steps;

use openshift_model::{Architecture, ImageReference};

pub use error::RenderError;
pub use packages::{KernelType, extension_packages};

use crate::check::{self, CheckFor};

/// How the names of our own build arguments start; a user's global argument must not (IL-787).
pub(crate) const ARGUMENT_PREFIX: &str = "OSIMAGE_";
/// IL-170: the stage that unpacks the MachineConfig.
pub(crate) const EXTRACT_STAGE: &str = "extract";
/// IL-171: the stage that users continue.
pub(crate) const CONFIGS_STAGE: &str = "configs";
/// The label with the digest of everything that the document was rendered from.
pub const PROVENANCE_LABEL: &str = "dev.osimage.inputs";

/// IL-160: what a document is rendered from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// `osImageURL` of the rendered MachineConfig.
    pub base_image: &'a str,
    /// Its `baseOSExtensionsContainerImage`; empty where there is none.
    pub extensions_image: &'a str,
    /// Its `extensions`, in order.
    pub extensions: &'a [&'a str],
    /// Its `kernelType`.
    pub kernel_type: &'a str,
    /// What the pool's nodes run on (IL-166).
    pub architecture: &'a Architecture,
    /// The name of the rendered MachineConfig, as the MachineOSBuild has it.
    pub machine_config: &'a str,
    /// The name of the pool.
    pub pool: &'a str,
    /// IL-167: the user's entry of `containerFile` for `NoArch`.
    pub content: Option<&'a str>,
}

/// A document, and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The Containerfile.
    pub text: String,
    /// The digest of the inputs, which the image carries as a label: `sha256:` and 64 hex digits.
    pub inputs_digest: String,
}

/// Usual length of our own steps, in bytes.
const OUR_LENGTH: usize = 6 * 1024;

/// IL-170 … IL-180: renders the document.
///
/// It has the effect of the reference's, instruction by instruction, but in the order in which
/// they change: packages and kernel first, the MachineConfig behind them, what the user wrote
/// last and verbatim (IL-179). So a new MachineConfig leaves the layers of packages as they are,
/// and what a MachineConfig says wins over what a package brings.
///
/// Upstream: `buildrequest.renderContainerfile`.
pub fn render(inputs: &Inputs<'_>) -> Result<Rendered, RenderError> {
    let packages = Packages::of(inputs)?;
    check_names(inputs)?;
    check_content(inputs.content.unwrap_or_default())?;
    let inputs_digest = digest::of(inputs);
    let content = inputs.content.unwrap_or_default();
    let mut text = String::with_capacity(OUR_LENGTH + content.len());
    text.push_str("# Made by osimage; the user's part stands at the end as it was written.\n\n");
    let (global_arguments, content) = global::split(content);
    if !global_arguments.is_empty() {
        text.extend([global_arguments, "\n"]);
    }
    from(&mut text, inputs.base_image, EXTRACT_STAGE);
    text.push_str(steps::EXTRACT);
    text.push('\n');
    from(&mut text, inputs.base_image, CONFIGS_STAGE);
    // IL-786: without a package and another kernel there is nothing to install.
    if packages.are_wanted() {
        text.push('\n');
        packages.write(&mut text, inputs.extensions_image);
    }
    text.push('\n');
    text.push_str(steps::TMPFILES);
    text.push('\n');
    text.push_str(steps::APPLY);
    text.push('\n');
    text.push_str(steps::TRUST);
    text.push('\n');
    labels(&mut text, inputs, &inputs_digest);
    if !content.is_empty() {
        text.push('\n');
        text.push_str(content);
    }
    Ok(Rendered {
        text,
        inputs_digest,
    })
}

/// What is installed out of the extensions image.
struct Packages {
    extensions: Vec<&'static str>,
    kernel: KernelType,
}

impl Packages {
    /// IL-163 … IL-166, IL-180, IL-724.
    fn of(inputs: &Inputs<'_>) -> Result<Self, RenderError> {
        let machine_config = || inputs.machine_config.to_owned();
        if inputs.base_image.is_empty() {
            let machine_config = machine_config();
            return Err(RenderError::NoBaseImage { machine_config });
        }
        check_image("osImageURL", inputs.base_image)?;
        if !inputs.extensions_image.is_empty() {
            check_image("baseOSExtensionsContainerImage", inputs.extensions_image)?;
        }
        let extensions = extension_packages(inputs.extensions.iter().copied())
            .map_err(RenderError::UnknownExtensions)?;
        let kernel = KernelType::from_name(inputs.kernel_type);
        if !kernel.runs_on(inputs.architecture) {
            return Err(RenderError::KernelArchitecture);
        }
        if inputs.extensions_image.is_empty() {
            let kernel =
                (kernel != KernelType::Default).then(|| format!("the {} kernel", kernel.name()));
            let names = (!extensions.is_empty()).then(|| inputs.extensions.join(", "));
            let wanted: Vec<String> = names.into_iter().chain(kernel).collect();
            if !wanted.is_empty() {
                return Err(RenderError::NoExtensionsImage {
                    what: wanted.join(", "),
                    machine_config: machine_config(),
                });
            }
        }
        Ok(Self { extensions, kernel })
    }

    fn are_wanted(&self) -> bool {
        !self.extensions.is_empty() || self.kernel != KernelType::Default
    }

    /// IL-173, IL-174. Every word is out of our own tables (IL-163, IL-165).
    fn write(&self, text: &mut String, extensions_image: &str) {
        argument(text, "PACKAGES", &self.extensions);
        let swap = self.kernel != KernelType::Default;
        if swap {
            argument(text, "KERNEL", &[self.kernel.name()]);
            argument(text, "KERNEL_PACKAGES", self.kernel.packages());
            argument(text, "OLD_DEFAULT", KernelType::Default.packages());
            argument(text, "OLD_REALTIME", KernelType::Realtime.packages());
            argument(text, "OLD_64K_PAGES", KernelType::Pages64k.packages());
        }
        let mount = steps::EXTENSIONS_MOUNT;
        text.extend([
            "RUN --mount=type=bind,from=",
            extensions_image,
            ",",
            mount,
            " \\\n",
        ]);
        text.push_str(steps::INSTALL);
        if swap {
            text.push_str(steps::SWAP_KERNEL);
        }
        text.push_str(steps::END_INSTALL);
    }
}

fn from(text: &mut String, image: &str, stage: &str) {
    text.extend(["FROM ", image, " AS ", stage, "\n"]);
}

fn argument(text: &mut String, name: &str, words: &[&str]) {
    text.extend([
        "ARG ",
        ARGUMENT_PREFIX,
        name,
        "=\"",
        &words.join(" "),
        "\"\n",
    ]);
}

/// IL-178: labels, and the digest of everything behind them.
fn labels(text: &mut String, inputs: &Inputs<'_>, digest: &str) {
    for (name, value) in [
        ("baseOSContainerImage", inputs.base_image),
        ("machineconfigpool", inputs.pool),
        ("machineconfig", inputs.machine_config),
        (PROVENANCE_LABEL, digest),
    ] {
        text.extend(["LABEL ", name, "=\""]);
        for c in value.chars() {
            // Inside double quotes nothing else means anything.
            if matches!(c, '"' | '\\' | '$') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push_str("\"\n");
    }
}

fn check_image(field: &'static str, image: &str) -> Result<(), RenderError> {
    ImageReference::parse(image)
        .map(|_| ())
        .map_err(|source| RenderError::Image {
            field,
            image: image.to_owned(),
            source,
        })
}

/// A line feed in a name would start another instruction.
fn check_names(inputs: &Inputs<'_>) -> Result<(), RenderError> {
    for (kind, name) in [
        ("MachineConfig", inputs.machine_config),
        ("MachineConfigPool", inputs.pool),
    ] {
        if let Some(character) = name.chars().find(|c| c.is_control()) {
            return Err(RenderError::ControlCharacter { kind, character });
        }
    }
    Ok(())
}

/// IL-185, IL-194: the builder takes the document where it takes the user's part, behind ours.
fn check_content(content: &str) -> Result<(), RenderError> {
    match check::problem(content, CheckFor::default()) {
        None => Ok(()),
        Some(problem) => Err(RenderError::Content(problem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Instructions, Keyword, Position};
    use proptest::prelude::*;

    const BASE: &str = "quay.io/os@sha256:\
        628e4e8f0a78d91015c6cebeee95931ae2e8defe5dfb4ced4a82830e08937573";

    fn inputs() -> Inputs<'static> {
        Inputs {
            base_image: BASE,
            extensions_image: "quay.io/extensions:1",
            extensions: &[],
            kernel_type: "default",
            architecture: &Architecture::X86_64,
            machine_config: "rendered-worker-1",
            pool: "worker",
            content: None,
        }
    }

    fn text(inputs: &Inputs<'_>) -> String {
        render(inputs).unwrap().text
    }

    fn error(inputs: &Inputs<'_>) -> String {
        render(inputs).unwrap_err().to_string()
    }

    #[test]
    fn il_170_il_171_two_stages_come_from_the_base_image() {
        let text = text(&inputs());
        let stages: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("FROM "))
            .collect();
        assert_eq!(
            stages,
            [
                format!("FROM {BASE} AS extract"),
                format!("FROM {BASE} AS configs")
            ]
        );
    }

    #[test]
    fn il_172_il_177_the_machine_config_and_the_trust_bundle_become_part_of_the_image() {
        let extensions = &["usbguard"];
        let text = text(&Inputs {
            extensions,
            ..inputs()
        });
        for step in [steps::EXTRACT, steps::APPLY, steps::TRUST, steps::TMPFILES] {
            assert!(text.contains(step));
        }
        let place = |step: &str| text.find(step).unwrap();
        assert!(place(steps::INSTALL) < place(steps::APPLY));
        assert!(place(steps::APPLY) < place(steps::TRUST));
    }

    #[test]
    fn il_173_packages_are_data() {
        let extensions = &["kerberos", "usbguard"];
        let text = text(&Inputs {
            extensions,
            ..inputs()
        });
        assert!(text.contains("ARG OSIMAGE_PACKAGES=\"krb5-workstation libkadm5 usbguard\"\n"));
        assert!(text.contains("--mount=type=bind,from=quay.io/extensions:1,source=/,"));
        assert!(!text.contains("OSIMAGE_KERNEL"));
    }

    #[test]
    fn il_786_what_does_nothing_is_not_rendered() {
        let text = text(&inputs());
        assert!(!text.contains("OSIMAGE") && !text.contains("quay.io/extensions:1"));
    }

    #[test]
    fn il_174_a_kernel_is_swapped() {
        let text = text(&Inputs {
            kernel_type: "realtime",
            ..inputs()
        });
        assert!(text.contains("ARG OSIMAGE_KERNEL=\"realtime\"\n"));
        assert!(text.contains(steps::SWAP_KERNEL));
    }

    #[test]
    fn il_166_the_architecture_of_the_pool_decides() {
        let pages = Inputs {
            kernel_type: "64k-pages",
            ..inputs()
        };
        assert_eq!(
            error(&pages),
            "64k-pages is only supported for aarch64 architecture"
        );
        let architecture = &Architecture::Aarch64;
        assert!(
            render(&Inputs {
                architecture,
                ..pages
            })
            .is_ok()
        );
    }

    #[test]
    fn il_164_unknown_extensions_are_named() {
        let extensions = &["a", "usbguard", "b"];
        assert_eq!(
            error(&Inputs {
                extensions,
                ..inputs()
            }),
            "invalid extensions found: [a b]"
        );
    }

    #[test]
    fn il_180_il_724_what_is_missing_is_an_error() {
        assert!(
            error(&Inputs {
                base_image: "",
                ..inputs()
            })
            .contains("has no osImageURL")
        );
        let without = Inputs {
            extensions_image: "",
            ..inputs()
        };
        assert!(render(&without).is_ok());
        let both = Inputs {
            extensions: &["usbguard"],
            kernel_type: "realtime",
            ..without
        };
        assert_eq!(
            error(&both),
            "usbguard, the realtime kernel cannot be installed: MachineConfig rendered-worker-1 \
             has no baseOSExtensionsContainerImage; put the packages into the Containerfile instead"
        );
    }

    #[test]
    fn il_164_il_166_errors_in_the_words_of_the_reference_have_a_hint() {
        let hint = |inputs: &Inputs<'_>| render(inputs).unwrap_err().hint();
        let unknown = Inputs {
            extensions: &["usb-guard"],
            ..inputs()
        };
        assert!(hint(&unknown).unwrap().contains("there are two-node-ha, "));
        let pages = Inputs {
            kernel_type: "64k-pages",
            ..inputs()
        };
        assert!(hint(&pages).unwrap().contains("aarch64"));
        let empty = Inputs {
            base_image: "",
            ..inputs()
        };
        assert_eq!(hint(&empty), None);
    }

    #[test]
    fn il_178_labels_hold_any_name() {
        let text = text(&Inputs {
            pool: "a\"b$c\\d é",
            ..inputs()
        });
        assert!(text.contains("LABEL machineconfigpool=\"a\\\"b\\$c\\\\d é\"\n"));
        let broken = Inputs {
            machine_config: "a\nRUN evil",
            ..inputs()
        };
        assert!(matches!(
            render(&broken),
            Err(RenderError::ControlCharacter { .. })
        ));
    }

    #[test]
    fn images_that_are_no_references_are_refused_with_the_position() {
        for image in [
            "a b",
            "quay.io/x\nRUN evil",
            "quay.io/a,source=/etc",
            "$(id)",
        ] {
            let wrong = error(&Inputs {
                base_image: image,
                ..inputs()
            });
            assert!(wrong.contains("at character "), "{wrong}");
            let extensions_image = image;
            assert!(
                render(&Inputs {
                    extensions_image,
                    ..inputs()
                })
                .is_err()
            );
        }
    }

    #[test]
    fn il_185_what_is_no_containerfile_is_refused() {
        let content = Some("THIS IS A BAD CONTAINERFILE");
        assert_eq!(
            error(&Inputs {
                content,
                ..inputs()
            }),
            "Containerfile validation failed: unknown Dockerfile instruction: this"
        );
        let content = Some("FROM configs AS final\nFROM final AS configs\n");
        assert!(
            error(&Inputs {
                content,
                ..inputs()
            })
            .contains("the stage name \"configs\" is taken")
        );
        assert!(
            render(&Inputs {
                content: Some("RUN true\0"),
                ..inputs()
            })
            .is_err()
        );
        let long = "#".repeat(5_000_000);
        assert!(
            render(&Inputs {
                content: Some(&long),
                ..inputs()
            })
            .is_err()
        );
    }

    #[test]
    fn il_179_content_stands_last_whatever_it_looks_like() {
        for content in [
            "RUN true",
            "  \n\t",
            "# {{ .Template }}",
            "# escape=`\nRUN a \\\n b",
            "RUN a\nARG B=1\nFROM configs",
        ] {
            let text = text(&Inputs {
                content: Some(content),
                ..inputs()
            });
            assert!(text.ends_with(content));
        }
    }

    #[test]
    fn il_787_a_global_argument_stays_global() {
        let content =
            Some("# c\nARG TAG=1\nARG NAME=x\nFROM quay.io/$NAME:$TAG AS a\nFROM configs\n");
        let text = text(&Inputs {
            content,
            ..inputs()
        });
        assert!(text.ends_with("\nFROM quay.io/$NAME:$TAG AS a\nFROM configs\n"));
        let (argument, base) = ("ARG TAG=1\nARG NAME=x\n", format!("FROM {BASE} AS extract"));
        assert_eq!(text.matches(argument).count(), 1);
        assert!(text.find(argument) < text.find(&base));
    }

    #[test]
    fn the_digest_tells_inputs_apart() {
        let digest = |inputs: &Inputs<'_>| render(inputs).unwrap().inputs_digest;
        let before = digest(&inputs());
        assert!(before.starts_with("sha256:") && before.len() == 71);
        assert!(text(&inputs()).contains(&format!("LABEL dev.osimage.inputs=\"{before}\"\n")));
        for changed in [
            Inputs {
                pool: "other",
                ..inputs()
            },
            Inputs {
                content: Some("RUN true"),
                ..inputs()
            },
            Inputs {
                extensions: &["usbguard"],
                ..inputs()
            },
            Inputs {
                machine_config: "rendered-worker-1w",
                pool: "orker",
                ..inputs()
            },
        ] {
            assert_ne!(digest(&changed), before);
        }
        assert_eq!(digest(&inputs()), before);
    }

    /// What our part of a document says, with the data taken out.
    fn shape(text: &str) -> Vec<String> {
        let instructions = Instructions::of(text, Position::WholeDocument);
        instructions
            .map(|instruction| {
                let instruction = instruction.unwrap();
                match instruction.keyword.unwrap() {
                    Keyword::From | Keyword::Label | Keyword::Arg => instruction.word().to_owned(),
                    _ => instruction.text.into_owned(),
                }
            })
            .collect()
    }

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![".{0,20}", "[a-z\"'$\\\\`{}();&|<>\n =#-]{0,20}"]
    }

    proptest! {
        #[test]
        fn no_input_becomes_another_instruction(
            base in prop_oneof![Just(BASE.to_owned()), word()],
            extensions_image in prop_oneof![Just("quay.io/x:1".to_owned()), word()],
            extension in prop_oneof![Just("usbguard".to_owned()), word()],
            kernel_type in prop_oneof![Just("realtime".to_owned()), word()],
            machine_config in word(),
            pool in word(),
        ) {
            let extensions = [extension.as_str()];
            let found = Inputs {
                base_image: &base,
                extensions_image: &extensions_image,
                extensions: &extensions,
                kernel_type: &kernel_type,
                machine_config: &machine_config,
                pool: &pool,
                ..inputs()
            };
            if let Ok(rendered) = render(&found) {
                let kernel = KernelType::from_name(&kernel_type).name();
                let known = extension_packages(extensions).is_ok_and(|found| !found.is_empty());
                let usual: &[&str] = if known { &["usbguard"] } else { &[] };
                let plain = Inputs { kernel_type: kernel, extensions: usual, ..inputs() };
                let plain = render(&plain).unwrap();
                let (ours, plain_mount) = (
                    format!("bind,from={extensions_image},source"),
                    "bind,from=quay.io/extensions:1,source",
                );
                let with_mount = |text: &str| text.replacen(&ours, plain_mount, 1);
                let mut shown = shape(&rendered.text);
                for instruction in &mut shown {
                    if instruction.starts_with("RUN --mount") {
                        *instruction = with_mount(instruction);
                    }
                }
                prop_assert_eq!(shown, shape(&plain.text));
            }
        }

        #[test]
        fn rendering_is_deterministic_and_content_stands_verbatim_and_last(content in ".{0,60}") {
            let found = Inputs { content: Some(&content), ..inputs() };
            if let Ok(rendered) = render(&found) {
                let (_, last) = global::split(&content);
                prop_assert!(rendered.text.ends_with(last));
                prop_assert_eq!(render(&found), Ok(rendered));
            }
        }
    }
}
