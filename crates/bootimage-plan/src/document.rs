//! The plan as a document (`apiVersion: osimage.dev/v1`, `kind: Plan`).

use std::borrow::Cow;

use openshift_model::facts::FactRequest;
use openshift_model::vcenter::VcenterStep;
use openshift_model::{
    Architecture, Edit, Kind, MachineManager, ManagedBootImages, ObjectRef, Platform, names,
};
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, ReasonCode, live_namespace};

pub use openshift_model::facts::API_VERSION;

/// `kind` of a plan.
pub const PLAN_KIND: &str = "Plan";

/// What would change in a cluster's boot images, object by object, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plan {
    /// `osimage.dev/v1`
    pub api_version: String,
    /// `Plan`
    pub kind: String,
    /// What the plan was made from.
    pub metadata: PlanMetadata,
    /// The configuration in force.
    pub managed_boot_images: ConfigurationInForce,
    /// What the cluster says of itself now, where it is not well: a line for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub present: Vec<String>,
    /// Why a controller would write nothing now; null where it would write.
    pub deferred: Option<DeferredPlan>,
    /// Every MachineSet and ControlPlaneMachineSet of the input, sorted by kind, namespace, name.
    pub targets: Vec<Target>,
    /// What the plan would have to know to decide the targets that are `Undecided`.
    pub needs: Vec<FactRequest>,
    /// What a controller would write into the cluster's status if every update succeeded.
    pub status: StatusForecast,
    /// How old the boot images would be then, and what that blocks.
    pub skew: SkewForecast,
    /// What was assumed, and what an administrator should know.
    pub warnings: Vec<String>,
}

/// Why a controller would write nothing now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeferredPlan {
    /// `ClusterNotStable`, `ConfigurationNotReady` or `BootImagesStale`.
    pub reason: String,
    /// For a person.
    pub message: String,
}

/// What a controller would write into MachineConfiguration if every update succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatusForecast {
    /// `status.managedBootImagesStatus`; null under 4.17, which has none.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")
    )]
    pub managed_boot_images_status: Option<ManagedBootImages>,
    /// `status.bootImageSkewEnforcementStatus`; null where skew is not enforced.
    pub boot_image_skew_enforcement_status: Option<serde_json::Value>,
    /// The two conditions of boot images, without times; none where the input lacks an object that
    /// decisions depend on.
    pub conditions: Vec<ConditionForecast>,
    /// Whether this is the moment at which the default takes the cluster in.
    pub opt_in: bool,
}

/// A condition, without its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConditionForecast {
    /// `BootImageUpdateProgressing` or `BootImageUpdateDegraded`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True` or `False`.
    pub status: String,
    /// `Plan`; a controller gives the name of the event.
    pub reason: String,
    /// For people, and for other components.
    pub message: String,
}

/// How old the boot images are, and what that blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SkewForecast {
    /// `Automatic`, `Manual` or `None`; empty where the input does not tell.
    pub mode: String,
    /// The version of OpenShift that the boot images are of; empty where it is not recorded.
    pub ocp_version: String,
    /// The version of RHCOS that they are of; empty where it is not recorded.
    pub rhcos_version: String,
    /// Whether they are too old; null where the input does not tell.
    pub exceeded: Option<bool>,
    /// Whether the cluster may be upgraded, as far as boot images are concerned; null where the
    /// input does not tell.
    pub upgradeable: Option<bool>,
    /// What the condition of the ClusterOperator says; empty where nothing is blocked.
    pub message: String,
}

/// What a plan was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanMetadata {
    /// The release whose rules apply: `4.17`, `4.19`, `4.21` or `4.22`.
    pub profile: String,
    /// The release that the cluster runs, as ClusterVersion has it; absent where the input does not
    /// tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Where the objects come from.
    pub generated_from: GeneratedFrom,
    /// Every object, file and policy flag that the plan was made from, sorted by kind, namespace,
    /// name.
    pub inputs: Vec<InputObject>,
}

/// Where the objects of a plan come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum GeneratedFrom {
    /// From files: what is not there may exist all the same.
    Files,
    /// From a cluster: what is not there does not exist.
    Cluster,
}

impl PlanMetadata {
    /// Adds inputs that are no objects: files and policy flags.
    pub fn add_inputs(&mut self, inputs: impl IntoIterator<Item = InputObject>) {
        self.inputs.extend(inputs);
        sort(&mut self.inputs);
    }

    /// What the plan knows of an object.
    pub fn input(&self, kind: Kind, namespace: &str, name: &str) -> Option<&InputObject> {
        let is = |input: &&InputObject| {
            input.kind == kind && input.namespace == namespace && input.name == name
        };
        self.inputs.iter().find(is)
    }
}

/// In the order of plans: by kind, namespace, name.
pub(crate) fn sort(inputs: &mut [InputObject]) {
    inputs.sort_by(|a, b| {
        let key = |input: &InputObject| input.kind.name();
        let names = || {
            a.namespace
                .cmp(&b.namespace)
                .then_with(|| a.name.cmp(&b.name))
        };
        key(a).cmp(key(b)).then_with(names)
    });
}

/// What kind of input a plan was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// An object of a cluster.
    Object(Kind),
    /// A file of `--stream` or `--facts`, or a policy flag: see [`crate::file_input`].
    File,
}

impl InputKind {
    /// The name as the plan writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object(kind) => kind.name(),
            Self::File => "File",
        }
    }
}

impl From<Kind> for InputKind {
    fn from(kind: Kind) -> Self {
        Self::Object(kind)
    }
}

impl PartialEq<Kind> for InputKind {
    fn eq(&self, kind: &Kind) -> bool {
        *self == Self::Object(*kind)
    }
}

impl Serialize for InputKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for InputKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        if name == Self::File.name() {
            return Ok(Self::File);
        }
        let kind = Kind::deserialize(name.as_ref().into_deserializer())?;
        Ok(Self::Object(kind))
    }
}

/// An object, file or policy flag that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InputObject {
    /// Its kind; `File` for a file and for a policy flag.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub kind: InputKind,
    /// Empty for a cluster-scoped object.
    pub namespace: Cow<'static, str>,
    /// Its name: of a file the base name, of a policy flag the flag with its value.
    pub name: String,
    /// Null where the input does not say.
    pub uid: Option<String>,
    /// Null where the input does not say. Information only: `digest` tells whether it moved.
    pub resource_version: Option<String>,
    /// `sha256:` and 64 hex digits: of an object over the canonical JSON of the part that rules read,
    /// of a file over its bytes, of a policy flag over its name.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub digest: Digest,
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfigurationInForce {
    /// Where it comes from.
    pub source: Source,
    /// The managers as the API writes them; null where there is no list, which is not the same as
    /// an empty one.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<Vec<serde_json::Map<String, serde_json::Value>>>")
    )]
    pub machine_managers: Option<Vec<MachineManager>>,
}

/// Where a configuration comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Source {
    /// The spec of MachineConfiguration.
    Spec,
    /// Its status.
    Status,
    /// What the operator would write into its status.
    Computed,
    /// The file of a controller that is not the one that MachineConfiguration is for.
    File,
}

/// What becomes of one machine resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum DecisionKind {
    /// It is edited.
    Update,
    /// It boots what it should.
    UpToDate,
    /// It is enrolled and left alone.
    Skip,
    /// Something is wrong that a person must fix.
    Blocked,
    /// It is not enrolled.
    NotManaged,
    /// It waits for an entry of `needs`.
    Undecided,
}

impl DecisionKind {
    /// The name as the plan writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Update => "Update",
            Self::UpToDate => "UpToDate",
            Self::Skip => "Skip",
            Self::Blocked => "Blocked",
            Self::NotManaged => "NotManaged",
            Self::Undecided => "Undecided",
        }
    }
}

/// One machine resource and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Target {
    /// `MachineSet` or `ControlPlaneMachineSet`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub kind: Kind,
    /// As the object has it.
    pub api_version: Cow<'static, str>,
    /// Empty where a manifest names none.
    pub namespace: Cow<'static, str>,
    /// Its name.
    pub name: String,
    /// The platform, e.g. `GCP`; null where nothing tells.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub platform: Option<Platform>,
    /// RPM name of the architecture, e.g. `x86_64`; null where it was not looked for or nothing
    /// tells.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub architecture: Option<Architecture>,
    /// What becomes of it.
    pub decision: DecisionKind,
    /// Why, as a code that never changes.
    pub reason: ReasonCode,
    /// Why, for a person.
    pub message: Cow<'static, str>,
    /// On a `Skip`: whether it appears in `(n skipped)` of the cluster's status.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted: Option<bool>,
    /// The image that it boots; null where it was not looked for or names none.
    pub current: Option<String>,
    /// The image that it should boot; null where that was not looked for.
    pub target: Option<String>,
    /// On an `Update` on vSphere: what the vCenter has to do first, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub steps: Vec<VcenterStep>,
    /// On an `Update`: the edit, as a JSON Patch that tests what it replaces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<PatchOperation>>"))]
    pub patch: Option<Edit>,
    /// On an `Update`: what becomes of its user-data Secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_data: Option<Box<UserData>>,
}

impl Target {
    /// Which object it is, as a cluster has it.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            kind: self.kind.name().to_owned(),
            namespace: live_namespace(self.kind, &self.namespace).to_owned(),
            name: self.name.clone(),
        }
    }
}

/// What becomes of a user-data Secret. Its contents stand in no plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserData {
    /// Its name, in the namespace `openshift-machine-api`.
    pub secret: String,
    /// What becomes of it.
    pub decision: UserDataDecision,
    /// The Ignition version of its stub; null where it is not known.
    pub from: Option<String>,
    /// The version afterwards; null where it is not known.
    pub to: Option<String>,
    /// Digest of the stub; null where it is not known.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub digest_before: Option<Box<Digest>>,
    /// Digest of the converted stub; null where nothing is converted.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub digest_after: Option<Box<Digest>>,
}

/// What becomes of a user-data Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum UserDataDecision {
    /// Its stub is converted before the set is edited.
    Convert,
    /// Its stub is one that new boot images read.
    Current,
    /// It is not in the input: whoever carries out the plan looks at it.
    Unknown,
}

/// One operation of a JSON Patch, for the schema.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "its shape is what counts")]
#[serde(deny_unknown_fields)]
struct PatchOperation {
    /// `test`, `replace`, `add` or `remove`.
    op: String,
    /// JSON pointer from the object.
    path: String,
    /// The value that is tested for or written.
    value: Option<serde_json::Value>,
}

/// What most objects of a plan have in common, and a plan has ten thousand of them.
const WELL_KNOWN: [&str; 3] = [
    names::MACHINE_API_NAMESPACE,
    "machine.openshift.io/v1beta1",
    "machine.openshift.io/v1",
];

/// A text that is held once where it is a well-known one.
pub(crate) fn well_known(text: &str) -> Cow<'static, str> {
    let known = WELL_KNOWN.into_iter().find(|known| *known == text);
    known.map_or_else(|| Cow::Owned(text.to_owned()), Cow::Borrowed)
}
