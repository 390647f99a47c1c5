//! The Containerfile that a layered image is built from (IL-160 … IL-180).

mod digest;
mod error;
mod packages;
mod steps;

use openshift_model::{Architecture, ImageReference};

pub use error::RenderError;
pub use packages::{KernelType, extension_packages};

use crate::check::{self, Keyword, Position, advice};

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
    /// IL-167: what the user wrote, where he wrote something for every architecture.
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

/// Room for the steps that are ours.
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
    text.push_str(&format!("FROM {} AS {EXTRACT_STAGE}\n", inputs.base_image));
    text.push_str(steps::EXTRACT);
    text.push_str(&format!(
        "\nFROM {} AS {CONFIGS_STAGE}\n",
        inputs.base_image
    ));
    if !inputs.extensions_image.is_empty() {
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
        text.push_str(&format!(
            "RUN --mount=type=bind,from={extensions_image},{mount} \\\n"
        ));
        text.push_str(steps::INSTALL);
        if swap {
            text.push_str(steps::SWAP_KERNEL);
        }
        text.push_str(steps::END_INSTALL);
    }
}

fn argument(text: &mut String, name: &str, words: &[&str]) {
    text.push_str(&format!("ARG OSIMAGE_{name}=\"{}\"\n", words.join(" ")));
}

/// IL-178: labels, and the digest of everything behind them.
fn labels(text: &mut String, inputs: &Inputs<'_>, digest: &str) {
    for (name, value) in [
        ("baseOSContainerImage", inputs.base_image),
        ("machineconfigpool", inputs.pool),
        ("machineconfig", inputs.machine_config),
        (PROVENANCE_LABEL, digest),
    ] {
        text.push_str(&format!("LABEL {name}=\""));
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

/// A line feed in a name would end its line.
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

/// IL-185: the document is valid where the user's part is, behind ours.
fn check_content(content: &str) -> Result<(), RenderError> {
    if let Some(problem) = check::limits(content) {
        return Err(RenderError::Content(problem));
    }
    let mut reserved = None;
    let problem = check::syntax(content, Position::Continuation, |instruction| {
        if instruction.keyword == Some(Keyword::From) && reserved.is_none() {
            let (_, name) = advice::stage(instruction);
            let name = name.filter(|name| advice::is_reserved(name));
            reserved = name.map(|name| (instruction.line, name.to_owned()));
        }
    });
    match (problem, reserved) {
        (Some(problem), _) => Err(RenderError::Content(problem)),
        (None, Some((line, name))) => Err(RenderError::ReservedStage { line, name }),
        (None, None) => Ok(()),
    }
}
