//! The name of a build, its push spec, and why there is none (IL-100 … IL-130).

use std::fmt;

use openshift_model::{
    ImageReference, LayeredPool, MachineOSConfig, OsMachineConfig, ReferenceError,
};
use serde::Serialize;

use crate::hash::{self, InputHash};
use crate::yaml::ControlCharacter;

/// What a name is made from, as it was found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inputs<'a> {
    /// The rendered MachineConfig of the pool's target.
    pub machine_config: Option<&'a OsMachineConfig<'a>>,
    /// The MachineOSConfig as the API server stores it, with defaults filled in.
    pub machine_os_config: Option<&'a MachineOSConfig<'a>>,
    /// The pool.
    pub pool: Option<&'a LayeredPool<'a>>,
}

/// Inputs that passed IL-130.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Complete<'a> {
    pub(crate) machine_config: &'a OsMachineConfig<'a>,
    pub(crate) machine_os_config: &'a MachineOSConfig<'a>,
    pub(crate) pool: &'a LayeredPool<'a>,
}

/// A build that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// IL-100: the name.
    pub name: MosbName,
    /// The digest in it.
    pub hash: InputHash,
    /// IL-121: where the build is pushed to: the MachineOSConfig's repository, with the name as
    /// tag.
    pub push_spec: String,
}

/// Why a build has no name. The texts are the reference's, but for [`NameError::Limit`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// IL-130: something is missing, or does not fit the rest.
    #[error("{PREFIX}could not validate for hash: {0}")]
    Inputs(#[from] InputError),
    /// IL-119: a text has a character that cannot be hashed.
    #[error(
        "{PREFIX}could not marshal object to YAML: error converting JSON to YAML: yaml: control \
         characters are not allowed"
    )]
    ControlCharacter {
        /// The first one.
        character: char,
    },
    /// IL-122, IL-123: the push spec is no reference, or the name cannot be its tag.
    #[error(transparent)]
    PushSpec(#[from] ReferenceError),
    /// IL-125: the name would be refused later. (The reference finds out when it creates objects.)
    #[error(transparent)]
    Limit(#[from] LimitError),
}

const PREFIX: &str = "could not get hashed name for MachineOSBuild: could not get hashed name: ";

/// IL-130: inputs that cannot be hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No MachineConfig.
    #[error("machineconfig failed validation: missing required MachineConfig")]
    NoMachineConfig,
    /// A MachineConfig that a person wrote.
    #[error(
        "machineconfig failed validation: machineconfig \"{0}\" is not a rendered MachineConfig"
    )]
    NotRendered(String),
    /// An annotation that the renderer leaves is not there.
    #[error(
        "machineconfig failed validation: missing annotation \"{annotation}\" on MachineConfig \"{name}\""
    )]
    NoAnnotation {
        /// Its key.
        annotation: &'static str,
        /// The MachineConfig.
        name: String,
    },
    /// Such an annotation is empty.
    #[error(
        "machineconfig failed validation: empty annotation \"{annotation}\" value on MachineConfig \"{name}\""
    )]
    EmptyAnnotation {
        /// Its key.
        annotation: &'static str,
        /// The MachineConfig.
        name: String,
    },
    /// No MachineOSConfig.
    #[error("missing required MachineOSConfig")]
    NoMachineOSConfig,
    /// No pool.
    #[error("missing required MachineConfigPool")]
    NoPool,
    /// The MachineOSConfig is for another pool.
    #[error("name mismatch, MachineConfigPool has \"{pool}\", MachineOSConfig has \"{config}\"")]
    PoolMismatch {
        /// The pool's name.
        pool: String,
        /// The name that the MachineOSConfig gives.
        config: String,
    },
}

/// IL-125: a name that is too long for what is made of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of {what} has {length} characters, the most is {most}: {because} (Kubernetes takes \
     at most {LONGEST_LABEL} characters there)"
)]
pub struct LimitError {
    /// Kind and name.
    pub what: String,
    /// Its length.
    pub length: usize,
    /// The longest that works.
    pub most: usize,
    /// What would be too long.
    pub because: &'static str,
}

/// IL-032: longest value of a label.
pub(crate) const LONGEST_LABEL: usize = 63;
/// IL-124: how the name of the Job starts.
pub(crate) const JOB_PREFIX: &str = "build-";
/// How the name of a rendered MachineConfig starts (IL-130).
const RENDERED_PREFIX: &str = "rendered-";

/// The name of a MachineOSBuild: short enough for the Job that is named after it, whose name is
/// the value of a label of its pods (IL-125).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MosbName(String);

impl MosbName {
    /// Longest name: what the label leaves behind the Job's prefix.
    pub const MAX_LENGTH: usize = LONGEST_LABEL - JOB_PREFIX.len();
    /// IL-125: longest name of a MachineOSConfig: what the hash and a dash leave of that.
    pub const MAX_CONFIG_LENGTH: usize = Self::MAX_LENGTH - 1 - InputHash::LENGTH;

    /// IL-125: takes the name of a build that exists.
    pub fn existing(name: &str) -> Result<Self, LimitError> {
        within(name, "MachineOSBuild", Self::MAX_LENGTH, JOB_LABEL)?;
        Ok(Self(name.to_owned()))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MosbName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// IL-125: 24 characters for the MachineOSConfig.
const _: () = assert!(MosbName::MAX_CONFIG_LENGTH == 24);

const JOB_LABEL: &str = "the Job `build-<MachineOSBuild>` labels its pods with its name";
const POOL_LABEL: &str = "builds are labelled with it";
const RENDERED_LABEL: &str =
    "builds are labelled with it, and its length comes from the name of the pool";

impl<'a> Inputs<'a> {
    /// IL-130: checks the inputs, in the order of the reference.
    pub(crate) fn complete(self) -> Result<Complete<'a>, InputError> {
        let machine_config = self.machine_config.ok_or(InputError::NoMachineConfig)?;
        let name = machine_config.name.as_str();
        if !name.starts_with(RENDERED_PREFIX) {
            return Err(InputError::NotRendered(name.to_owned()));
        }
        for annotation in [
            OsMachineConfig::RELEASE_ANNOTATION,
            OsMachineConfig::CONTROLLER_ANNOTATION,
        ] {
            let name = name.to_owned();
            match machine_config.meta.annotation(annotation) {
                None => return Err(InputError::NoAnnotation { annotation, name }),
                Some("") => return Err(InputError::EmptyAnnotation { annotation, name }),
                Some(_) => {}
            }
        }
        let machine_os_config = self
            .machine_os_config
            .ok_or(InputError::NoMachineOSConfig)?;
        let pool = self.pool.ok_or(InputError::NoPool)?;
        if pool.name.as_str() != machine_os_config.pool() {
            return Err(InputError::PoolMismatch {
                pool: pool.name.as_str().to_owned(),
                config: machine_os_config.pool().to_owned(),
            });
        }
        Ok(Complete {
            machine_config,
            machine_os_config,
            pool,
        })
    }
}

/// IL-100, IL-121: names the build of these inputs. The hash comes before the push spec is looked
/// at (IL-130), and the limits that the reference does not check come last (IL-125).
///
/// Upstream: `buildrequest.NewMachineOSBuild`.
pub fn name(inputs: Inputs<'_>) -> Result<Named, NameError> {
    let inputs = inputs.complete()?;
    let hash = InputHash::of(&inputs).map_err(refused)?;
    let config = inputs.machine_os_config;
    let name = format!("{}-{hash}", config.name);
    let reference = ImageReference::parse_canonical(config.push_spec())?;
    let push_spec = reference.with_tag(&name)?.to_string();
    check_limits(&inputs)?;
    Ok(Named {
        name: MosbName(name),
        hash,
        push_spec,
    })
}

/// The hash alone, for inputs whose names or push spec do not do.
pub fn hash(inputs: Inputs<'_>) -> Result<InputHash, NameError> {
    InputHash::of(&inputs.complete()?).map_err(refused)
}

/// IL-101: the three documents that are hashed, one after the other, behind the salt.
pub fn documents(inputs: Inputs<'_>) -> Result<[String; 3], NameError> {
    hash::texts(&inputs.complete()?).map_err(refused)
}

fn refused(ControlCharacter(character): ControlCharacter) -> NameError {
    NameError::ControlCharacter { character }
}

/// IL-125: everything that is made of the names must fit.
fn check_limits(inputs: &Complete<'_>) -> Result<(), LimitError> {
    let config = inputs.machine_os_config.name.as_str();
    within(
        config,
        "MachineOSConfig",
        MosbName::MAX_CONFIG_LENGTH,
        JOB_LABEL,
    )?;
    within(
        &inputs.pool.name,
        "MachineConfigPool",
        LONGEST_LABEL,
        POOL_LABEL,
    )?;
    within(
        inputs.pool.target.name(),
        "MachineConfig",
        LONGEST_LABEL,
        RENDERED_LABEL,
    )
}

fn within(name: &str, kind: &str, most: usize, because: &'static str) -> Result<(), LimitError> {
    let length = name.chars().count();
    if length <= most {
        return Ok(());
    }
    Err(LimitError {
        what: format!("{kind} {name}"),
        length,
        most,
        because,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Documents, documents};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn named(documents: &Documents) -> Result<Named, String> {
        documents.read(|inputs| name(inputs).map_err(|error| error.to_string()))
    }

    fn check_error(object: &str, pointer: &str, value: Value, expected: &str) {
        let error = named(&documents().with(object, pointer, value)).unwrap_err();
        assert_eq!(error, expected, "{object} {pointer}");
    }

    #[test]
    fn il_100_a_name_is_the_config_and_the_hash() {
        let found = named(&documents()).unwrap();
        assert_eq!(found.name.as_str(), format!("layered-{}", found.hash));
        assert_eq!(found.hash.to_string(), "d079c0db5b5ba0f98c9595ccc659c80d");
    }

    #[test]
    fn il_101_three_documents_are_hashed() {
        let texts = documents().read(|inputs| crate::documents(inputs).unwrap());
        assert_eq!(
            texts.concat(),
            "name: rendered-layered-1\nsource:\n- name: 00-worker\n- name: 99-worker-ssh\n\
             containerFile:\n- containerfileArch: NoArch\n  content: FROM configs\n\
             imageBuilder:\n  imageBuilderType: Job\nmachineConfigPool:\n  name: layered\n\
             renderedImagePushSecret:\n  name: push\n\
             renderedImagePushSpec: quay.io/org/os:latest\n\
             BaseOSContainerImage: quay.io/os@sha256:1\nBaseOSExtensionsContainerImage: \"\"\n\
             OSImageURL: \"\"\nReleaseVersion: 4.20.3\n"
        );
    }

    #[test]
    fn il_103_an_empty_configuration_is_an_empty_mapping() {
        let empty = documents().with("MachineConfigPool", "/spec/configuration", json!({}));
        let texts = empty.read(|inputs| crate::documents(inputs).unwrap());
        assert_eq!(texts.first().unwrap(), "{}\n");
        let nothing = json!({"source": [{}, null, {"name": "a"}]});
        let sources = documents().with("MachineConfigPool", "/spec/configuration", nothing);
        let texts = sources.read(|inputs| crate::documents(inputs).unwrap());
        assert_eq!(texts.first().unwrap(), "source:\n- {}\n- {}\n- name: a\n");
    }

    #[test]
    fn il_106_what_does_not_make_an_image_does_not_make_a_name() {
        let hash = |documents: &Documents| named(documents).unwrap().hash;
        let before = hash(&documents());
        for (object, pointer, value) in [
            ("MachineConfigPool", "/spec/paused", json!(true)),
            ("MachineConfig", "/spec/kernelType", json!("realtime")),
            ("MachineOSConfig", "/metadata/name", json!("other")),
            ("MachineOSConfig", "/metadata/labels", json!({"a": "b"})),
            ("MachineOSConfig", "/spec/future", json!(1)),
        ] {
            let after = hash(&documents().with(object, pointer, value));
            assert_eq!(before, after, "{object} {pointer}");
        }
    }

    #[test]
    fn il_121_the_name_replaces_the_tag() {
        let found = named(&documents()).unwrap();
        assert_eq!(found.push_spec, format!("quay.io/org/os:{}", found.name));
    }

    #[test]
    fn il_123_a_bad_push_spec_is_an_error_with_its_position() {
        let pointer = "/spec/renderedImagePushSpec";
        let of = |text: &str| documents().with("MachineOSConfig", pointer, json!(text));
        let error = of("quay.io/Org/os:x").read(|inputs| name(inputs).unwrap_err());
        let NameError::PushSpec(error) = error else {
            panic!("{error}");
        };
        assert_eq!(error.position(), Some(8));
        check_error(
            "MachineOSConfig",
            pointer,
            json!("os"),
            "repository name must be canonical",
        );
        check_error(
            "MachineOSConfig",
            pointer,
            json!(null),
            "invalid reference format",
        );
    }

    #[test]
    fn il_125_names_that_are_too_long_for_labels_are_refused_early() {
        let fits = documents().with("MachineOSConfig", "/metadata/name", json!("a".repeat(24)));
        assert_eq!(
            named(&fits).unwrap().name.as_str().len(),
            MosbName::MAX_LENGTH
        );
        check_error(
            "MachineOSConfig",
            "/metadata/name",
            json!("a".repeat(25)),
            "the name of MachineOSConfig aaaaaaaaaaaaaaaaaaaaaaaaa has 25 characters, the most is \
             24: the Job `build-<MachineOSBuild>` labels its pods with its name (Kubernetes takes \
             at most 63 characters there)",
        );
        let long = documents().with(
            "MachineConfigPool",
            "/spec/configuration/name",
            json!(format!("rendered-{}-{}", "a".repeat(22), "1".repeat(32))),
        );
        assert!(
            named(&long)
                .unwrap_err()
                .starts_with("the name of MachineConfig rendered-aaa")
        );
        assert!(MosbName::existing(&"a".repeat(58)).is_err());
    }

    #[test]
    fn il_130_inputs_are_checked_in_order() {
        const START: &str = "could not get hashed name for MachineOSBuild: could not get hashed \
            name: could not validate for hash: ";
        fn error(inputs: Inputs<'_>) -> String {
            name(inputs).unwrap_err().to_string()
        }
        let of = |text: &str| format!("{START}{text}");
        documents().read(|inputs| {
            let no_machine_config = Inputs {
                machine_config: None,
                ..inputs
            };
            assert_eq!(
                error(no_machine_config),
                of("machineconfig failed validation: missing required MachineConfig")
            );
            let no_config = Inputs {
                machine_os_config: None,
                ..inputs
            };
            assert_eq!(error(no_config), of("missing required MachineOSConfig"));
            let no_pool = Inputs {
                pool: None,
                ..inputs
            };
            assert_eq!(error(no_pool), of("missing required MachineConfigPool"));
        });
        check_error(
            "MachineConfig",
            "/metadata/name",
            json!("00-worker"),
            &of(
                "machineconfig failed validation: machineconfig \"00-worker\" is not a rendered \
                 MachineConfig",
            ),
        );
        check_error(
            "MachineConfigPool",
            "/metadata/name",
            json!("worker"),
            &of("name mismatch, MachineConfigPool has \"worker\", MachineOSConfig has \"layered\""),
        );
        for (value, word) in [(json!(null), "empty"), (json!(""), "empty")] {
            let key = OsMachineConfig::RELEASE_ANNOTATION.replace('/', "~1");
            let pointer = "/metadata/annotations";
            let annotations = json!({OsMachineConfig::RELEASE_ANNOTATION: value});
            let error = named(&documents().with("MachineConfig", pointer, annotations));
            assert!(
                error.unwrap_err().contains(&format!("{word} annotation")),
                "{key}"
            );
        }
        let none = documents().with("MachineConfig", "/metadata/annotations", json!({}));
        assert!(named(&none).unwrap_err().contains("missing annotation"));
    }

    #[test]
    fn il_119_a_control_character_has_no_name() {
        check_error(
            "MachineOSConfig",
            "/spec/containerFile/0/content",
            json!("a\u{7f}"),
            "could not get hashed name for MachineOSBuild: could not get hashed name: could not \
             marshal object to YAML: error converting JSON to YAML: yaml: control characters are \
             not allowed",
        );
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[a-c:#\\- \n\t'\"\u{85}\u{2028}]{0,12}", ".{0,8}"]
    }

    /// Everything that is hashed, as plain values: empty texts are absent ones where IL-103 and
    /// IL-104 leave them out.
    #[derive(Debug, Clone, PartialEq)]
    struct Hashed {
        config: String,
        pool: [String; 2],
        sources: Vec<String>,
        base_secret: Option<String>,
        push_secret: String,
        push_spec: String,
        /// Architecture and text.
        container_files: Option<Vec<(String, String)>>,
        images: [String; 2],
        release: String,
    }

    /// What is not hashed (IL-106).
    #[derive(Debug, Clone)]
    struct Unhashed {
        paused: bool,
        kernel_type: String,
        label: String,
        controller: String,
    }

    impl Hashed {
        fn documents(&self, unhashed: &Unhashed) -> Documents {
            let files = self.container_files.as_ref().map(|files| {
                let file = |(architecture, content): &(String, String)| {
                    json!({"containerfileArch": architecture, "content": content})
                };
                files.iter().map(file).collect::<Vec<_>>()
            });
            let sources = self.sources.iter().map(|name| json!({"name": name}));
            let base = self.base_secret.as_ref().map(|name| json!({"name": name}));
            let mut found = documents()
                .with("MachineOSConfig", "/metadata/name", json!(self.config))
                .with(
                    "MachineOSConfig",
                    "/metadata/labels",
                    json!({"a": unhashed.label}),
                )
                .with("MachineOSConfig", "/spec/baseImagePullSecret", json!(base))
                .with("MachineOSConfig", "/spec/containerFile", json!(files))
                .with(
                    "MachineOSConfig",
                    "/spec/renderedImagePushSecret/name",
                    json!(self.push_secret),
                )
                .with(
                    "MachineOSConfig",
                    "/spec/renderedImagePushSpec",
                    json!(self.push_spec),
                )
                .with("MachineConfigPool", "/spec/paused", json!(unhashed.paused))
                .with(
                    "MachineConfigPool",
                    "/spec/configuration/uid",
                    json!(self.pool[0]),
                )
                .with(
                    "MachineConfigPool",
                    "/spec/configuration/kind",
                    json!(self.pool[1]),
                )
                .with(
                    "MachineConfigPool",
                    "/spec/configuration/source",
                    json!(sources.collect::<Vec<_>>()),
                )
                .with(
                    "MachineConfig",
                    "/spec/kernelType",
                    json!(unhashed.kernel_type),
                )
                .with("MachineConfig", "/spec/osImageURL", json!(self.images[0]));
            let extensions = "/spec/baseOSExtensionsContainerImage";
            found = found.with("MachineConfig", extensions, json!(self.images[1]));
            let annotations = json!({
                OsMachineConfig::RELEASE_ANNOTATION: self.release,
                OsMachineConfig::CONTROLLER_ANNOTATION: unhashed.controller,
            });
            found.with("MachineConfig", "/metadata/annotations", annotations)
        }
    }

    /// Few values, so that two of them are often equal; some look alike in YAML.
    fn word() -> impl Strategy<Value = String> {
        let words = [
            "", "a", "true", "1", "1 ", "a: b", "null", "[]", "- a", "\"a\"",
        ];
        prop::sample::select(words.map(str::to_owned).to_vec())
    }

    fn hashed() -> impl Strategy<Value = Hashed> {
        let push_specs = ["quay.io/a/b:1", "quay.io/a/b:2"]
            .map(str::to_owned)
            .to_vec();
        let file = (prop::sample::select(vec!["", "NoArch"]), word());
        let file = file.prop_map(|(architecture, content)| (architecture.to_owned(), content));
        let files = prop::option::of(prop::collection::vec(file, 0..3));
        (
            (prop::sample::select(vec!["a", "b"]), [word(), word()]),
            prop::collection::vec(word(), 0..3),
            (prop::option::of(word()), word()),
            prop::sample::select(push_specs),
            files,
            [word(), word()],
            prop::sample::select(vec!["4.20.1", "4.20.2"]),
        )
            .prop_map(|parts| {
                let ((config, pool), sources, (base_secret, push_secret), push_spec, ..) = parts;
                let (.., container_files, images, release) = parts;
                Hashed {
                    config: config.to_owned(),
                    pool,
                    sources,
                    base_secret,
                    push_secret,
                    push_spec,
                    container_files,
                    images,
                    release: release.to_owned(),
                }
            })
    }

    fn unhashed() -> impl Strategy<Value = Unhashed> {
        let part = (any::<bool>(), word(), word(), "[a-c]{1,2}");
        part.prop_map(|(paused, kernel_type, label, controller)| Unhashed {
            paused,
            kernel_type,
            label,
            controller,
        })
    }

    /// Changes one thing, or none.
    fn changed(mut hashed: Hashed, other: Hashed, what: u8) -> Hashed {
        match what {
            0 => hashed.config = other.config,
            1 => hashed.pool = other.pool,
            2 => hashed.sources = other.sources,
            3 => hashed.base_secret = other.base_secret,
            4 => hashed.push_secret = other.push_secret,
            5 => hashed.push_spec = other.push_spec,
            6 => hashed.container_files = other.container_files,
            7 => hashed.images = other.images,
            8 => hashed.release = other.release,
            9 => hashed.sources.reverse(),
            10 => hashed
                .container_files
                .iter_mut()
                .for_each(|files| files.reverse()),
            _ => {}
        }
        hashed
    }

    proptest! {
        #[test]
        fn il_103_il_107_names_differ_if_and_only_if_what_is_hashed_differs(
            before in hashed(),
            other in hashed(),
            what in 0..12_u8,
            (first, second) in (unhashed(), unhashed()),
        ) {
            let after = changed(before.clone(), other, what);
            let (old, new) = (before.documents(&first), after.documents(&second));
            let names = (named(&old).unwrap().name, named(&new).unwrap().name);
            prop_assert_eq!(names.0 == names.1, before == after);
            let differences = old.read(|old| {
                new.read(|new| crate::explain_difference(old, new).unwrap())
            });
            prop_assert_eq!(differences.is_empty(), before == after, "{:?}", differences);
        }

        #[test]
        fn il_104_names_differ_exactly_where_what_is_hashed_differs(a in text(), b in text()) {
            let content = "/spec/containerFile/0/content";
            let first = documents().with("MachineOSConfig", content, json!(a));
            let second = documents().with("MachineOSConfig", content, json!(b));
            let (old, new) = (named(&first), named(&second));
            let differences = first.read(|first| {
                second.read(|second| crate::explain_difference(first, second).unwrap())
            });
            if let (Ok(old), Ok(new)) = (old, new) {
                prop_assert_eq!(old.name == new.name, differences.is_empty(), "{:?}", differences);
            }
        }
    }
}
