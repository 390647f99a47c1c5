//! MachineOSConfig and MachineOSBuild v1alpha1 become v1 (IL-018).

use openshift_model::{V1, V1ALPHA1};
use serde_json::{Map, Value, json};

use crate::callout;
use crate::validate::LONGEST_CONTENT;

/// An object of v1.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The object.
    pub object: Value,
    /// What its author should know.
    pub warnings: Vec<ConvertWarning>,
}

/// What a conversion changed or left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertWarning {
    /// A field that v1 does not have.
    #[error("{path} has no counterpart in v1 and is dropped{}", because(.path))]
    Dropped {
        /// Where it stood.
        path: String,
    },
    /// IL-012: the name must be the pool's.
    #[error("renamed from {from:?} to {to:?}: in v1 a MachineOSConfig is named after its pool")]
    Renamed {
        /// The name it had.
        from: String,
        /// The name of the pool.
        to: String,
    },
    /// IL-142: a build of an older release.
    #[error("{0:?} is the name of a build of an older release; v1 names the same build otherwise")]
    LegacyName(String),
    /// IL-126: a copy that an older release made stands where the Secret itself should.
    #[error(
        "{path} names {secret:?}, a copy that an older release made and that nobody keeps up to date: \
         name the Secret that it was made from, {original:?}"
    )]
    LegacyCopy {
        /// Where it stands.
        path: String,
        /// The copy.
        secret: String,
        /// The Secret.
        original: String,
    },
    /// The object is of v1 already.
    #[error("the object is of v1 already")]
    AlreadyV1,
}

/// An object cannot be converted to v1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// Neither kind.
    #[error("{0:?} is not converted: only MachineOSConfig and MachineOSBuild are")]
    Kind(String),
    /// A version that nobody serves.
    #[error("apiVersion {found:?} does not exist{}", hint(.found))]
    Version {
        /// What is there.
        found: String,
    },
    /// A member has another type.
    #[error("{path}: must be {expected}")]
    Type {
        /// Where.
        path: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A builder that v1alpha1 does not have.
    #[error(
        "spec.buildInputs.imageBuilder.imageBuilderType: {0:?} is no builder; it must be PodImageBuilder"
    )]
    Builder(String),
    /// An architecture that v1alpha1 does not have.
    #[error("{path}: {found:?} is no architecture")]
    Architecture {
        /// Where.
        path: String,
        /// What is there.
        found: String,
    },
    /// Two names of one architecture.
    #[error(
        "{path}: {found:?} is {architecture} in v1, which an earlier entry is for already; v1 takes \
         one entry for each architecture"
    )]
    ArchitectureTwice {
        /// Where.
        path: String,
        /// What is there.
        found: String,
        /// Its name in v1.
        architecture: &'static str,
    },
    /// More text than v1 takes.
    #[error("{path}: {characters} characters; v1 takes at most {LONGEST_CONTENT}")]
    ContentTooLong {
        /// Where.
        path: String,
        /// How many there are.
        characters: usize,
    },
    /// More entries than v1 takes.
    #[error("spec.buildInputs.containerFile: {0} entries; v1 takes at most 4")]
    TooManyEntries(usize),
}

/// Most entries of `containerFile` in v1.
const MOST_ENTRIES: usize = 4;

/// IL-018: where the value of a dropped field is found now.
fn because(path: &str) -> &'static str {
    match path {
        "spec.buildInputs.baseOSImagePullspec" => {
            ": the base image is osImageURL of the pool's rendered MachineConfig"
        }
        "spec.buildInputs.baseOSExtensionsImagePullspec" => {
            ": the extensions image is baseOSExtensionsContainerImage of the pool's rendered \
             MachineConfig"
        }
        "spec.buildInputs.releaseVersion" => {
            ": the release is an annotation of the pool's rendered MachineConfig"
        }
        "spec.buildOutputs.currentImagePullSecret" => {
            ": nodes pull with the cluster's global pull secret, add the credentials there"
        }
        _ => "",
    }
}

/// What a misspelt version was meant to be.
fn hint(found: &str) -> String {
    if let Some(hint) = callout::hint(found) {
        return format!("; {hint}");
    }
    let Some(version) = found.strip_prefix("machineconfiguration.openshift.io/") else {
        return format!("; write {V1ALPHA1} or {V1}");
    };
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.to_lowercase().chars().collect();
        letters.sort_unstable();
        letters
    };
    // Letters that changed places are what happens.
    let near = ["v1alpha1", "v1"]
        .into_iter()
        .find(|known| sorted(known) == sorted(version));
    match near {
        Some(known) => format!("; did you mean machineconfiguration.openshift.io/{known}?"),
        None => format!("; write {V1ALPHA1} or {V1}"),
    }
}

/// IL-018: converts an object of v1alpha1; one of v1 comes back as it is. Members that nobody
/// knows stay where they are.
pub fn convert(object: &Value) -> Result<Converted, ConvertError> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("kind");
    if !matches!(kind, "MachineOSConfig" | "MachineOSBuild") {
        return Err(ConvertError::Kind(kind.to_owned()));
    }
    match text("apiVersion") {
        V1 => {
            return Ok(Converted {
                object: object.clone(),
                warnings: vec![ConvertWarning::AlreadyV1],
            });
        }
        V1ALPHA1 => {}
        found => {
            let found = found.to_owned();
            return Err(ConvertError::Version { found });
        }
    }
    let mut members = map(object, "")?;
    members.insert("apiVersion".to_owned(), json!(V1));
    let mut conversion = Conversion {
        warnings: Vec::new(),
    };
    if kind == "MachineOSConfig" {
        conversion.config(&mut members)?;
    } else {
        conversion.build(&mut members)?;
    }
    Ok(Converted {
        object: Value::Object(members),
        warnings: conversion.warnings,
    })
}

struct Conversion {
    warnings: Vec<ConvertWarning>,
}

impl Conversion {
    fn config(&mut self, object: &mut Map<String, Value>) -> Result<(), ConvertError> {
        let mut old = take(object, "spec", "spec")?;
        let mut inputs = take(&mut old, "buildInputs", "spec.buildInputs")?;
        let mut outputs = take(&mut old, "buildOutputs", "spec.buildOutputs")?;
        let mut spec = Map::new();
        let pool = old.shift_remove("machineConfigPool");
        let pool_name = pool.as_ref().and_then(|pool| pool.get("name")).cloned();
        set(&mut spec, "machineConfigPool", pool);
        let builder = take(&mut inputs, "imageBuilder", "spec.buildInputs.imageBuilder")?;
        set(&mut spec, "imageBuilder", Some(v1_builder(&builder)?));
        for (from, to) in [
            ("baseImagePullSecret", "baseImagePullSecret"),
            ("renderedImagePushSecret", "renderedImagePushSecret"),
            ("renderedImagePushspec", "renderedImagePushSpec"),
        ] {
            set(&mut spec, to, inputs.shift_remove(from));
        }
        let entries = inputs.shift_remove("containerFile");
        set(&mut spec, "containerFile", container_files(entries)?);
        spec.extend(old);
        self.drop_all(&mut inputs, "spec.buildInputs");
        self.drop_all(&mut outputs, "spec.buildOutputs");
        self.legacy_copies(&spec);
        object.insert("spec".to_owned(), Value::Object(spec));
        if let Some(Value::Object(status)) = object.get_mut("status") {
            rename(status, "currentImagePullspec", "currentImagePullSpec");
        }
        self.rename_to_pool(object, pool_name.as_ref());
        Ok(())
    }

    /// IL-126: in 4.16 and 4.17 the builder wrote the name of its copy into the object.
    fn legacy_copies(&mut self, spec: &Map<String, Value>) {
        for field in ["baseImagePullSecret", "renderedImagePushSecret"] {
            let name = spec.get(field).and_then(|secret| secret.get("name"));
            let Some(secret) = name.and_then(Value::as_str) else {
                continue;
            };
            if let Some(original) = original_of_copy(secret) {
                self.warnings.push(ConvertWarning::LegacyCopy {
                    path: format!("spec.{field}"),
                    secret: secret.to_owned(),
                    original: original.to_owned(),
                });
            }
        }
    }

    /// IL-012
    fn rename_to_pool(&mut self, object: &mut Map<String, Value>, pool: Option<&Value>) {
        let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
            return;
        };
        let name = metadata.get("name").and_then(Value::as_str);
        if let (Some(name), Some(pool)) = (name, pool.and_then(Value::as_str))
            && name != pool
        {
            let (from, to) = (name.to_owned(), pool.to_owned());
            metadata.insert("name".to_owned(), json!(to));
            self.warnings.push(ConvertWarning::Renamed { from, to });
        }
    }

    fn build(&mut self, object: &mut Map<String, Value>) -> Result<(), ConvertError> {
        let mut spec = take(object, "spec", "spec")?;
        rename(&mut spec, "desiredConfig", "machineConfig");
        rename(&mut spec, "renderedImagePushspec", "renderedImagePushSpec");
        for name in ["configGeneration", "version"] {
            if spec.shift_remove(name).is_some() {
                let path = format!("spec.{name}");
                self.warnings.push(ConvertWarning::Dropped { path });
            }
        }
        object.insert("spec".to_owned(), Value::Object(spec));
        if let Some(Value::Object(status)) = object.get_mut("status") {
            rename(status, "finalImagePullspec", "digestedImagePushSpec");
            rename(status, "builderReference", "builder");
            if let Some(Value::Object(builder)) = status.get_mut("builder") {
                rename(builder, "buildPod", "job");
                // IL-016: what was a pod of the core group is a Job.
                if let Some(Value::Object(job)) = builder.get_mut("job") {
                    job.insert("group".to_owned(), json!("batch"));
                    job.insert("resource".to_owned(), json!("jobs"));
                }
                if builder.contains_key("imageBuilderType") {
                    builder.insert("imageBuilderType".to_owned(), json!("Job"));
                }
            }
        }
        let name = object
            .get("metadata")
            .and_then(|metadata| metadata.get("name"));
        if let Some(name) = name
            .and_then(Value::as_str)
            .filter(|name| name.ends_with("-builder"))
        {
            self.warnings
                .push(ConvertWarning::LegacyName(name.to_owned()));
        }
        Ok(())
    }

    fn drop_all(&mut self, members: &mut Map<String, Value>, path: &str) {
        for name in members.keys() {
            let path = format!("{path}.{name}");
            self.warnings.push(ConvertWarning::Dropped { path });
        }
        members.clear();
    }
}

/// IL-126: the Secret that a copy of an older release was made from; `None` where the name is not
/// that of such a copy.
pub fn original_of_copy(secret: &str) -> Option<&str> {
    let original = secret.strip_suffix("-canonical")?;
    (!original.is_empty()).then_some(original)
}

fn map(value: &Value, path: &str) -> Result<Map<String, Value>, ConvertError> {
    value
        .as_object()
        .cloned()
        .ok_or_else(|| ConvertError::Type {
            path: path.to_owned(),
            expected: "an object",
        })
}

/// Takes a member out; an absent one is the empty object.
fn take(
    members: &mut Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Map<String, Value>, ConvertError> {
    match members.get_mut(name).map(Value::take) {
        None | Some(Value::Null) => {
            members.shift_remove(name);
            Ok(Map::new())
        }
        // A member that will be written again keeps its place.
        Some(value) => {
            if name != "spec" {
                members.shift_remove(name);
            }
            map(&value, path)
        }
    }
}

fn set(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value);
    }
}

fn rename(members: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = members.shift_remove(from) {
        members.insert(to.to_owned(), value);
    }
}

/// IL-018: the default and only builder is a Job now.
fn v1_builder(builder: &Map<String, Value>) -> Result<Value, ConvertError> {
    match builder.get("imageBuilderType") {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if kind == "PodImageBuilder" => {}
        Some(other) => {
            let found = other
                .as_str()
                .map_or_else(|| other.to_string(), str::to_owned);
            return Err(ConvertError::Builder(found));
        }
    }
    Ok(json!({"imageBuilderType": "Job"}))
}

/// IL-018: architectures and their names in v1.
const ARCHITECTURES: &[(&str, &str)] = &[
    ("noarch", "NoArch"),
    ("amd64", "AMD64"),
    ("x86_64", "AMD64"),
    ("arm64", "ARM64"),
    ("aarch64", "ARM64"),
    ("ppc64le", "PPC64LE"),
    ("s390x", "S390X"),
];

fn container_files(entries: Option<Value>) -> Result<Option<Value>, ConvertError> {
    const PATH: &str = "spec.buildInputs.containerFile";
    let mut entries = match entries {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            let path = PATH.to_owned();
            return Err(ConvertError::Type {
                path,
                expected: "a list",
            });
        }
    };
    let mut seen = Vec::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        let path = format!("{PATH}[{index}]");
        let Value::Object(entry) = entry else {
            return Err(ConvertError::Type {
                path,
                expected: "an object",
            });
        };
        let architecture = architecture(entry, &path)?;
        if seen.contains(&architecture) {
            let found = entry.get("containerfileArch").and_then(Value::as_str);
            return Err(ConvertError::ArchitectureTwice {
                path: format!("{path}.containerfileArch"),
                found: found.unwrap_or("noarch").to_owned(),
                architecture,
            });
        }
        seen.push(architecture);
        entry.insert("containerfileArch".to_owned(), json!(architecture));
        let content = entry.get("content").and_then(Value::as_str);
        let characters = content.unwrap_or_default().chars().count();
        if characters > LONGEST_CONTENT {
            let path = format!("{path}.content");
            return Err(ConvertError::ContentTooLong { path, characters });
        }
    }
    if entries.len() > MOST_ENTRIES {
        return Err(ConvertError::TooManyEntries(entries.len()));
    }
    Ok(Some(Value::Array(entries)))
}

fn architecture(entry: &Map<String, Value>, path: &str) -> Result<&'static str, ConvertError> {
    let found = match entry.get("containerfileArch") {
        None | Some(Value::Null) => "noarch",
        Some(Value::String(found)) => found,
        Some(_) => "",
    };
    let known = ARCHITECTURES.iter().find(|(old, _)| *old == found);
    known
        .map(|(_, new)| *new)
        .ok_or_else(|| ConvertError::Architecture {
            path: format!("{path}.containerfileArch"),
            found: found.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::{validate_machine_os_build, validate_machine_os_config};

    fn config() -> Value {
        json!({"apiVersion": V1ALPHA1, "kind": "MachineOSConfig", "metadata": {"name": "layered"},
            "spec": {
                "machineConfigPool": {"name": "layered"},
                "buildInputs": {
                    "containerFile": [{"containerfileArch": "noarch", "content": "FROM configs"}],
                    "imageBuilder": {"imageBuilderType": "PodImageBuilder"},
                    "baseImagePullSecret": {"name": "global-pull-secret-copy"},
                    "renderedImagePushspec": "a.b.svc:5000/openshift/os-image:latest",
                    "renderedImagePushSecret": {"name": "builder-dockercfg-7lzwl"},
                },
                "buildOutputs": {"currentImagePullSecret": {"name": "pull"}},
            },
            "status": {"currentImagePullspec": "x"}})
    }

    #[test]
    fn il_018_a_config_becomes_one_of_v1() {
        let converted = convert(&config()).unwrap();
        assert_eq!(
            converted.object,
            json!({"apiVersion": V1, "kind": "MachineOSConfig", "metadata": {"name": "layered"},
                "spec": {
                    "machineConfigPool": {"name": "layered"},
                    "imageBuilder": {"imageBuilderType": "Job"},
                    "baseImagePullSecret": {"name": "global-pull-secret-copy"},
                    "renderedImagePushSecret": {"name": "builder-dockercfg-7lzwl"},
                    "renderedImagePushSpec": "a.b.svc:5000/openshift/os-image:latest",
                    "containerFile": [{"containerfileArch": "NoArch", "content": "FROM configs"}],
                },
                "status": {"currentImagePullSpec": "x"}})
        );
        assert_eq!(
            converted
                .warnings
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            [
                "spec.buildOutputs.currentImagePullSecret has no counterpart in v1 and is dropped: \
              nodes pull with the cluster's global pull secret, add the credentials there"
            ]
        );
        let mut object = converted.object;
        object.as_object_mut().unwrap().remove("status");
        assert!(validate_machine_os_config(&object, None).is_empty());
        let again = convert(&object).unwrap();
        assert_eq!(
            (again.object, again.warnings),
            (object, vec![ConvertWarning::AlreadyV1])
        );
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut object = config();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value;
        object
    }

    fn error(object: &Value) -> String {
        convert(object).unwrap_err().to_string()
    }

    #[test]
    fn il_018_a_misspelt_version_is_named() {
        let misspelt = with(
            "/apiVersion",
            json!("machineconfiguration.openshift.io/v1aplha1"),
        );
        assert_eq!(
            error(&misspelt),
            "apiVersion \"machineconfiguration.openshift.io/v1aplha1\" does not exist; did you \
             mean machineconfiguration.openshift.io/v1alpha1?"
        );
        assert!(error(&with("/apiVersion", json!("v1"))).contains("; write machineconfig"));
        assert!(error(&with("/kind", json!("Pod"))).contains("only MachineOSConfig"));
    }

    #[test]
    fn il_018_architectures_get_their_names_and_none_comes_twice() {
        let files = |architectures: &[&str]| {
            let entry = |name: &&str| json!({"containerfileArch": name, "content": ""});
            let entries: Vec<Value> = architectures.iter().map(entry).collect();
            with("/spec/buildInputs/containerFile", json!(entries))
        };
        let converted = convert(&files(&["aarch64", "x86_64", "ppc64le", "s390x"])).unwrap();
        let names: Vec<_> = converted.object["spec"]["containerFile"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["containerfileArch"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["ARM64", "AMD64", "PPC64LE", "S390X"]);
        assert!(error(&files(&["amd64", "x86_64"])).contains("is AMD64 in v1, which an earlier"));
        assert!(error(&files(&["mips"])).contains("\"mips\" is no architecture"));
        let all = ["noarch", "amd64", "arm64", "ppc64le", "s390x"];
        assert!(error(&files(&all)).contains("5 entries; v1 takes at most 4"));
    }

    #[test]
    fn il_018_what_v1_does_not_take_is_an_error() {
        let long = json!([{"content": "x".repeat(5000)}]);
        assert_eq!(
            error(&with("/spec/buildInputs/containerFile", long)),
            "spec.buildInputs.containerFile[0].content: 5000 characters; v1 takes at most 4096"
        );
        let builder = json!({"imageBuilderType": "Kaniko"});
        assert!(error(&with("/spec/buildInputs/imageBuilder", builder)).contains("Kaniko"));
        assert!(error(&with("/spec", json!("x"))).contains("spec: must be an object"));
        assert!(error(&with("/spec/buildInputs", json!([]))).contains("spec.buildInputs: must be"));
    }

    #[test]
    fn il_012_a_config_is_named_after_its_pool() {
        let converted = convert(&with("/spec/machineConfigPool", json!({"name": "infra"})));
        let converted = converted.unwrap();
        assert_eq!(converted.object["metadata"]["name"], "infra");
        let renamed = ConvertWarning::Renamed {
            from: "layered".to_owned(),
            to: "infra".to_owned(),
        };
        assert!(converted.warnings.contains(&renamed));
    }

    #[test]
    fn il_018_fields_without_a_counterpart_are_named() {
        let inputs = "/spec/buildInputs/";
        for (field, why) in [
            ("baseOSImagePullspec", "osImageURL"),
            (
                "baseOSExtensionsImagePullspec",
                "baseOSExtensionsContainerImage",
            ),
            ("releaseVersion", "annotation"),
            ("surprise", "dropped"),
        ] {
            let converted = convert(&with(&format!("{inputs}{field}"), json!("x"))).unwrap();
            let warnings: Vec<_> = converted.warnings.iter().map(ToString::to_string).collect();
            assert!(
                warnings
                    .iter()
                    .any(|text| text.contains(field) && text.contains(why))
            );
        }
        let unknown = convert(&with("/spec/future", json!({"a": 1}))).unwrap();
        assert_eq!(unknown.object["spec"]["future"], json!({"a": 1}));
    }

    #[test]
    fn il_126_a_copy_of_an_older_release_is_explained() {
        let secret = json!({"name": "builder-dockercfg-ng82t-canonical"});
        let converted = convert(&with("/spec/buildInputs/renderedImagePushSecret", secret));
        let warnings = converted.unwrap().warnings;
        let message = warnings.iter().map(ToString::to_string);
        assert!(
            message
                .into_iter()
                .any(|message| message.ends_with("from, \"builder-dockercfg-ng82t\""))
        );
    }

    #[test]
    fn il_018_il_142_a_build_becomes_one_of_v1() {
        let digest = format!("quay.io/org/os@sha256:{}", "0".repeat(64));
        let build = json!({"apiVersion": V1ALPHA1, "kind": "MachineOSBuild",
            "metadata": {"name": "layered-rendered-layered-1-builder"},
            "spec": {"configGeneration": 1, "version": 1,
                "desiredConfig": {"name": "rendered-layered-1"},
                "machineOSConfig": {"name": "layered"},
                "renderedImagePushspec": "quay.io/org/os:latest"},
            "status": {"finalImagePullspec": digest, "builderReference": {
                "imageBuilderType": "PodImageBuilder", "buildPod": {"group": "",
                    "resource": "pods", "namespace": "mco", "name": "build-1"}}}});
        let converted = convert(&build).unwrap();
        assert_eq!(
            converted.object["spec"],
            json!({"machineOSConfig": {"name": "layered"},
            "machineConfig": {"name": "rendered-layered-1"},
            "renderedImagePushSpec": "quay.io/org/os:latest"})
        );
        assert_eq!(
            converted.object["status"],
            json!({"digestedImagePushSpec": digest, "builder": {"imageBuilderType": "Job",
                "job": {"group": "batch", "resource": "jobs", "namespace": "mco",
                    "name": "build-1"}}})
        );
        assert_eq!(converted.warnings.len(), 3);
        let errors = validate_machine_os_build(&converted.object, None);
        assert!(errors.is_empty(), "{errors:?}");
    }
}
