//! Image layering: MachineOSConfig, MachineOSBuild, and what they need of pools, MachineConfigs,
//! ControllerConfig and Jobs.

use serde_json::value::RawValue;

use crate::object::{ObjectMeta, RawObject};
use crate::read::{ReadError, WrongType, read};
use crate::{Condition, StringMap, Text};

/// IL-001: the API version that is read; [`V1ALPHA1`] has another shape.
pub const V1: &str = "machineconfiguration.openshift.io/v1";
/// IL-002: the API version of 4.16, 4.17 and the development of 4.18.
pub const V1ALPHA1: &str = "machineconfiguration.openshift.io/v1alpha1";

/// IL-005, IL-006: what the operating system image of a pool is to hold (MachineOSConfig v1).
#[derive(Debug, Clone, Default)]
pub struct MachineOSConfig<'a> {
    /// `metadata.name`.
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// What the administrator asked for.
    pub spec: MachineOSConfigSpec<'a>,
    /// What the controller made of it.
    pub status: MachineOSConfigStatus<'a>,
}

view! {
    /// `MachineOSConfig.spec`.
    pub struct MachineOSConfigSpec<'a> {
        /// The pool that the image is for.
        machine_config_pool: NameReference<'a> = "machineConfigPool",
        /// What builds it.
        image_builder: ImageBuilder<'a> = "imageBuilder",
        /// Credentials for the base image; absent: the cluster's own.
        base_image_pull_secret: NameReference<'a> = "baseImagePullSecret",
        /// Credentials for pushing the result.
        rendered_image_push_secret: NameReference<'a> = "renderedImagePushSecret",
        /// Where the result goes, with a tag that is replaced (IL-121).
        rendered_image_push_spec: Text<'a> = "renderedImagePushSpec",
        /// IL-104: Containerfiles by architecture. Absent and empty are different values.
        container_file: Vec<Option<ContainerFile<'a>>> = "containerFile",
    }
}

view! {
    /// A reference by name alone.
    pub struct NameReference<'a> {
        /// The name.
        name: Text<'a> = "name",
    }
}

view! {
    /// `imageBuilder`.
    pub struct ImageBuilder<'a> {
        /// `Job`
        kind: Text<'a> = "imageBuilderType",
    }
}

view! {
    /// An entry of `MachineOSConfig.spec.containerFile`.
    pub struct ContainerFile<'a> {
        /// `NoArch`, `AMD64`, `ARM64`, `PPC64LE` or `S390X`.
        architecture: Text<'a> = "containerfileArch",
        /// The text.
        content: Text<'a> = "content",
    }
}

view! {
    /// `MachineOSConfig.status`.
    pub struct MachineOSConfigStatus<'a> {
        /// The generation of the spec that the controller has seen.
        observed_generation: i64 = "observedGeneration",
        /// The image that nodes of the pool run or are to run, by digest.
        current_image_pull_spec: Text<'a> = "currentImagePullSpec",
        /// The build that made it.
        machine_os_build: NameReference<'a> = "machineOSBuild",
        /// What the controller reports.
        conditions: Vec<Option<Condition<'a>>> = "conditions",
    }
}

impl<'a> MachineOSConfig<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            name: object.name.clone(),
            meta: object.meta()?,
            spec: object.view("spec")?,
            status: object.view("status")?,
        })
    }

    /// IL-104: the object as the API server stores it: an entry of `containerFile` without an
    /// architecture is for all of them.
    #[must_use]
    pub fn with_defaults(mut self) -> Self {
        for entry in self.spec.container_file.iter_mut().flatten().flatten() {
            entry
                .architecture
                .get_or_insert_with(|| Text::from("NoArch"));
        }
        self
    }

    /// The name of the pool; empty where there is none.
    pub fn pool(&self) -> &str {
        name_of(self.spec.machine_config_pool.as_ref())
    }

    /// The name of the Secret for pushing; empty where there is none.
    pub fn push_secret(&self) -> &str {
        name_of(self.spec.rendered_image_push_secret.as_ref())
    }

    /// Where the image is pushed to; empty where it is not set.
    pub fn push_spec(&self) -> &str {
        self.spec
            .rendered_image_push_spec
            .as_deref()
            .unwrap_or_default()
    }

    /// IL-167: the Containerfile that is built: the first entry for `NoArch`. Entries for one
    /// architecture are not looked at.
    pub fn container_file(&self) -> Option<&str> {
        let entries = self.spec.container_file.iter().flatten().flatten();
        entries
            .into_iter()
            .find(|entry| entry.architecture.as_deref() == Some("NoArch"))
            .map(|entry| entry.content.as_deref().unwrap_or_default())
    }
}

fn name_of<'b>(reference: Option<&'b NameReference<'_>>) -> &'b str {
    reference
        .and_then(|reference| reference.name.as_deref())
        .unwrap_or_default()
}

/// One build of an operating system image (MachineOSBuild v1).
#[derive(Debug, Clone, Default)]
pub struct MachineOSBuild<'a> {
    /// `metadata.name`.
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// What is built.
    pub spec: MachineOSBuildSpec<'a>,
    /// How it goes.
    pub status: MachineOSBuildStatus<'a>,
}

view! {
    /// `MachineOSBuild.spec`.
    pub struct MachineOSBuildSpec<'a> {
        /// The rendered MachineConfig that the image is for.
        machine_config: NameReference<'a> = "machineConfig",
        /// The MachineOSConfig that asked for it.
        machine_os_config: NameReference<'a> = "machineOSConfig",
        /// Where this very build is pushed to, with its tag.
        rendered_image_push_spec: Text<'a> = "renderedImagePushSpec",
    }
}

view! {
    /// `MachineOSBuild.status`.
    pub struct MachineOSBuildStatus<'a> {
        /// IL-020: what the controller reports.
        conditions: Vec<Option<Condition<'a>>> = "conditions",
        /// What builds it.
        builder: BuilderReference<'a> = "builder",
        /// When the build started, RFC 3339.
        build_start: Text<'a> = "buildStart",
        /// When it ended, RFC 3339.
        build_end: Text<'a> = "buildEnd",
        /// The image, by digest.
        digested_image_push_spec: Text<'a> = "digestedImagePushSpec",
    }
}

view! {
    /// `MachineOSBuild.status.builder`.
    pub struct BuilderReference<'a> {
        /// The Job.
        job: NameReference<'a> = "job",
    }
}

impl<'a> MachineOSBuild<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            name: object.name.clone(),
            meta: object.meta()?,
            spec: object.view("spec")?,
            status: object.view("status")?,
        })
    }

    /// The name of the rendered MachineConfig; empty where there is none.
    pub fn machine_config(&self) -> &str {
        name_of(self.spec.machine_config.as_ref())
    }

    /// The name of the MachineOSConfig; empty where there is none.
    pub fn machine_os_config(&self) -> &str {
        name_of(self.spec.machine_os_config.as_ref())
    }

    /// Where this build is pushed to; empty where it is not set.
    pub fn push_spec(&self) -> &str {
        self.spec
            .rendered_image_push_spec
            .as_deref()
            .unwrap_or_default()
    }

    /// The conditions that are there.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition<'a>> {
        self.status.conditions.iter().flatten().flatten()
    }
}

/// A pool of nodes as image layering looks at it.
#[derive(Debug, Clone, Default)]
pub struct LayeredPool<'a> {
    /// `metadata.name`.
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// What the pool is to run.
    pub target: PoolConfiguration<'a>,
    /// What the pool runs.
    pub current: PoolConfiguration<'a>,
    /// Whether nodes are left as they are.
    pub paused: bool,
    /// What the controllers report.
    pub conditions: Vec<Condition<'a>>,
    /// How many nodes it has.
    pub machine_count: i64,
    /// How many of them run what it is to run.
    pub updated_machine_count: i64,
}

view! {
    /// `MachineConfigPool.spec`, the part that image layering looks at.
    struct LayeredPoolSpec<'a> {
        /// The target.
        configuration: &'a RawValue = "configuration",
        /// Whether nodes are left as they are.
        paused: bool = "paused",
    }
}

view! {
    /// `MachineConfigPool.status`, the part that image layering looks at.
    struct LayeredPoolStatus<'a> {
        /// What runs.
        configuration: &'a RawValue = "configuration",
        /// What the controllers report.
        conditions: Vec<Option<Condition<'a>>> = "conditions",
        /// How many nodes it has.
        machine_count: i64 = "machineCount",
        /// How many of them run what it is to run.
        updated_machine_count: i64 = "updatedMachineCount",
    }
}

/// IL-103: `configuration` of a pool: a reference to a rendered MachineConfig, and what it was
/// rendered from.
#[derive(Debug, Clone, Default)]
pub struct PoolConfiguration<'a> {
    /// The rendered MachineConfig.
    pub reference: ObjectReference<'a>,
    /// The MachineConfigs that it was rendered from, in order.
    pub source: Option<Vec<Option<ObjectReference<'a>>>>,
}

view! {
    /// The member of `configuration` that is no part of a reference.
    struct Sources<'a> {
        /// The MachineConfigs.
        source: Vec<Option<ObjectReference<'a>>> = "source",
    }
}

view! {
    /// A reference to an object, with everything that the API takes in one.
    pub struct ObjectReference<'a> {
        /// `apiVersion`.
        api_version: Text<'a> = "apiVersion",
        /// `fieldPath`.
        field_path: Text<'a> = "fieldPath",
        /// `kind`.
        kind: Text<'a> = "kind",
        /// `name`.
        name: Text<'a> = "name",
        /// `namespace`.
        namespace: Text<'a> = "namespace",
        /// `resourceVersion`.
        resource_version: Text<'a> = "resourceVersion",
        /// `uid`.
        uid: Text<'a> = "uid",
    }
}

impl<'a> PoolConfiguration<'a> {
    /// The configuration at JSON pointer `at` of a pool; an absent one is the empty one.
    fn read(pool: &RawObject<'a>, raw: Option<&'a RawValue>, at: &str) -> Result<Self, ReadError> {
        let Some(raw) = raw else {
            return Ok(Self::default());
        };
        let wrong = |error: WrongType| error.of(pool.reference());
        let Sources { source } = read(raw, at).map_err(wrong)?;
        Ok(Self {
            reference: read(raw, at).map_err(wrong)?,
            source,
        })
    }

    /// The name of the rendered MachineConfig; empty where there is none.
    pub fn name(&self) -> &str {
        self.reference.name.as_deref().unwrap_or_default()
    }

    /// The names of the MachineConfigs that it was rendered from, in order.
    pub fn sources(&self) -> impl DoubleEndedIterator<Item = &str> {
        let sources = self.source.iter().flatten().flatten();
        sources.filter_map(|source| source.name.as_deref())
    }
}

impl<'a> LayeredPool<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let spec: LayeredPoolSpec<'a> = object.view("spec")?;
        let status: LayeredPoolStatus<'a> = object.view("status")?;
        Ok(Self {
            name: object.name.clone(),
            meta: object.meta()?,
            target: PoolConfiguration::read(object, spec.configuration, "/spec/configuration")?,
            current: PoolConfiguration::read(
                object,
                status.configuration,
                "/status/configuration",
            )?,
            paused: spec.paused.unwrap_or_default(),
            machine_count: status.machine_count.unwrap_or_default(),
            updated_machine_count: status.updated_machine_count.unwrap_or_default(),
            conditions: status.conditions.into_iter().flatten().flatten().collect(),
        })
    }

    /// Whether a condition of this type is `True`.
    pub fn is_true(&self, condition: &str) -> bool {
        self.conditions.iter().any(|found| {
            found.kind.as_deref() == Some(condition) && found.status.as_deref() == Some("True")
        })
    }
}

/// A MachineConfig as image layering looks at it.
#[derive(Debug, Clone, Default)]
pub struct OsMachineConfig<'a> {
    /// `metadata.name`.
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// What it asks of the operating system.
    pub spec: OsMachineConfigSpec<'a>,
}

view! {
    /// `MachineConfig.spec`, the part that image layering looks at.
    pub struct OsMachineConfigSpec<'a> {
        /// The image that nodes run, or that a layered one is built from.
        os_image_url: Text<'a> = "osImageURL",
        /// The image that holds the packages of extensions; empty on OKD.
        extensions_image: Text<'a> = "baseOSExtensionsContainerImage",
        /// Names of extensions. Absent and empty are different values (IL-340).
        extensions: Vec<Option<Text<'a>>> = "extensions",
        /// Arguments of the kernel. Absent and empty are different values (IL-340).
        kernel_arguments: Vec<Option<Text<'a>>> = "kernelArguments",
        /// `default`, `realtime` or `64k-pages`; the empty text is another value (IL-340).
        kernel_type: Text<'a> = "kernelType",
        /// The Ignition configuration, unread.
        config: &'a RawValue = "config",
    }
}

impl<'a> OsMachineConfig<'a> {
    /// IL-105: on a rendered MachineConfig, the release that rendered it.
    pub const RELEASE_ANNOTATION: &'static str = crate::names::RELEASE_ANNOTATION;
    /// IL-130: on a rendered MachineConfig, the git hash of the controller that rendered it.
    pub const CONTROLLER_ANNOTATION: &'static str = crate::names::CONTROLLER_ANNOTATION;

    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            name: object.name.clone(),
            meta: object.meta()?,
            spec: object.view("spec")?,
        })
    }

    /// The image that nodes run; empty where it is not set.
    pub fn os_image(&self) -> &str {
        self.spec.os_image_url.as_deref().unwrap_or_default()
    }

    /// The image that holds the packages of extensions; empty where it is not set.
    pub fn extensions_image(&self) -> &str {
        self.spec.extensions_image.as_deref().unwrap_or_default()
    }

    /// The names of extensions in their order.
    pub fn extensions(&self) -> impl Iterator<Item = &str> {
        let extensions = self.spec.extensions.iter().flatten();
        extensions.map(|name| name.as_deref().unwrap_or_default())
    }

    /// The kernel type as it is written; empty where it is not set.
    pub fn kernel_type(&self) -> &str {
        self.spec.kernel_type.as_deref().unwrap_or_default()
    }
}

/// IL-243: the inputs of a build that all pools share (`ControllerConfig.spec`).
#[derive(Debug, Clone, Default)]
pub struct ControllerConfig<'a> {
    /// The proxy.
    pub proxy: Option<Proxy<'a>>,
    /// Certificates that the cluster's administrator trusts, in base64; `None` where there are
    /// none.
    pub additional_trust_bundle: Option<Text<'a>>,
    /// The operating system image of the release.
    pub base_os_image: Option<Text<'a>>,
    /// The release.
    pub release: Option<Text<'a>>,
}

view! {
    /// `ControllerConfig.spec`, the part that image layering looks at.
    struct ControllerConfigSpec<'a> {
        /// The proxy.
        proxy: Proxy<'a> = "proxy",
        /// In base64.
        additional_trust_bundle: Text<'a> = "additionalTrustBundle",
        /// The operating system image of the release.
        base_os_image: Text<'a> = "baseOSContainerImage",
    }
}

view! {
    /// `ControllerConfig.spec.proxy`.
    pub struct Proxy<'a> {
        /// For http.
        http_proxy: Text<'a> = "httpProxy",
        /// For https.
        https_proxy: Text<'a> = "httpsProxy",
        /// What is reached without.
        no_proxy: Text<'a> = "noProxy",
    }
}

impl<'a> ControllerConfig<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        let meta = object.meta()?;
        let spec: ControllerConfigSpec<'a> = object.view("spec")?;
        let release = meta.annotation(OsMachineConfig::RELEASE_ANNOTATION);
        Ok(Self {
            proxy: spec.proxy,
            additional_trust_bundle: spec.additional_trust_bundle,
            base_os_image: spec.base_os_image,
            release: release.map(|release| Text::from(release.to_owned())),
        })
    }
}

/// IL-025: a Job as far as the state of a build depends on it.
#[derive(Debug, Clone, Default)]
pub struct BuildJob<'a> {
    /// `metadata.name`.
    pub name: Text<'a>,
    /// Metadata.
    pub meta: ObjectMeta<'a>,
    /// What it is to do.
    pub spec: JobSpec,
    /// How it goes.
    pub status: JobStatus<'a>,
}

/// `Job.spec`, the part that is looked at.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct JobSpec {
    /// Whether it is stopped: it makes no pods, and those that it had are gone.
    pub suspend: Option<bool>,
}

view! {
    /// `Job.status`.
    pub struct JobStatus<'a> {
        /// Pods that run.
        active: i64 = "active",
        /// Pods that succeeded.
        succeeded: i64 = "succeeded",
        /// Pods that failed.
        failed: i64 = "failed",
        /// Pods that ended and are not counted yet.
        uncounted_terminated_pods: &'a RawValue = "uncountedTerminatedPods",
        /// What the Job controller reports.
        conditions: Vec<Option<Condition<'a>>> = "conditions",
    }
}

impl<'a> BuildJob<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            name: object.name.clone(),
            meta: object.meta()?,
            spec: object.view("spec")?,
            status: object.view("status")?,
        })
    }
}

/// A ConfigMap or Secret as a map of texts, whatever it is for.
#[derive(Debug, Clone, Default)]
pub struct TextData<'a>(StringMap<'a>);

impl<'a> TextData<'a> {
    /// Reads `data` of a ConfigMap.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        object.view("data").map(Self)
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a, T>(text: &'a str, read: impl Fn(&RawObject<'a>) -> Result<T, ReadError>) -> T {
        read(&RawObject::parse(text).unwrap().unwrap()).unwrap()
    }

    const CONFIG: &str = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
        "kind":"MachineOSConfig","metadata":{"name":"layered"},"spec":{
        "machineConfigPool":{"name":"layered"},"imageBuilder":{"imageBuilderType":"Job"},
        "renderedImagePushSecret":{"name":"push"},"renderedImagePushSpec":"r.io/o/i:t",
        "containerFile":[{"containerfileArch":"AMD64","content":"a"},null,
        {"containerfileArch":"NoArch","content":"b"}],"future":1}}"#;

    #[test]
    fn il_167_the_first_no_arch_entry_is_built() {
        let config = read(CONFIG, MachineOSConfig::read);
        assert_eq!(config.container_file(), Some("b"));
        assert_eq!(
            (config.pool(), config.push_secret(), config.push_spec()),
            ("layered", "push", "r.io/o/i:t")
        );
        let without = CONFIG.replace("NoArch", "ARM64");
        assert_eq!(read(&without, MachineOSConfig::read).container_file(), None);
    }

    #[test]
    fn il_104_an_entry_without_an_architecture_is_for_all_of_them() {
        let text = CONFIG.replace(r#""containerfileArch":"NoArch","#, "");
        let config = read(&text, MachineOSConfig::read);
        assert_eq!(config.container_file(), None);
        assert_eq!(config.with_defaults().container_file(), Some("b"));
    }

    #[test]
    fn il_104_absent_and_empty_container_files_differ() {
        let absent = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
            "kind":"MachineOSConfig","spec":{"containerFile":null}}"#;
        let empty = absent.replace("null", "[]");
        assert!(
            read(absent, MachineOSConfig::read)
                .spec
                .container_file
                .is_none()
        );
        let config = read(&empty, MachineOSConfig::read);
        assert!(
            config
                .spec
                .container_file
                .is_some_and(|list| list.is_empty())
        );
    }

    #[test]
    fn il_103_a_pool_tells_what_its_configuration_was_rendered_from() {
        let text = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
            "kind":"MachineConfigPool","metadata":{"name":"p"},"spec":{"paused":true,
            "configuration":{"name":"rendered-p-1","source":[{"name":"00"},{"name":"01"}]}},
            "status":{"conditions":[{"type":"NodeDegraded","status":"True"},null]}}"#;
        let pool = read(text, LayeredPool::read);
        assert_eq!(pool.target.name(), "rendered-p-1");
        assert_eq!(pool.target.sources().collect::<Vec<_>>(), ["00", "01"]);
        let wrong = text.replace(r#""01""#, "1");
        let wrong = LayeredPool::read(&RawObject::parse(&wrong).unwrap().unwrap());
        assert_eq!(
            wrong.unwrap_err().pointer,
            "/spec/configuration/source/1/name"
        );
        assert!(pool.paused && pool.is_true("NodeDegraded") && pool.current.name().is_empty());
    }

    #[test]
    fn il_160_a_machine_config_tells_what_it_asks_of_the_operating_system() {
        let text = r#"{"apiVersion":"machineconfiguration.openshift.io/v1",
            "kind":"MachineConfig","metadata":{"name":"rendered-p-1"},"spec":{
            "osImageURL":"a.b/c","extensions":["usbguard",null],"kernelType":"realtime",
            "config":{"ignition":{"version":"3.5.0"}}}}"#;
        let config = read(text, OsMachineConfig::read);
        assert_eq!(config.extensions().collect::<Vec<_>>(), ["usbguard", ""]);
        assert_eq!(
            (config.os_image(), config.extensions_image()),
            ("a.b/c", "")
        );
        assert!(config.spec.config.unwrap().get().contains("3.5.0"));
    }
}
