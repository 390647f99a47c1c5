//! Cluster snapshot, facts and policy in; a [`Plan`] out: which boot image each machine resource
//! has, which it should have, what would be changed, what is left alone and why.
//!
//! The order of the rules lives here, the rules themselves in the crates that this one composes.
//! Nothing is read and nothing is written: the caller brings the objects and carries out the edits.
//!
//! ```
//! use bootimage_plan::{ClusterSnapshot, Completeness, DecisionKind, Facts, Policy, plan};
//! use openshift_model::RawObject;
//!
//! let yaml = [
//!     "{apiVersion: config.openshift.io/v1, kind: Infrastructure, metadata: {name: cluster},
//!       status: {platformStatus: {type: GCP}}}",
//!     r#"{apiVersion: v1, kind: ConfigMap, metadata: {name: coreos-bootimages,
//!         namespace: openshift-machine-config-operator}, data: {stream: '{"architectures": {
//!         "x86_64": {"images": {"gcp": {"project": "rhcos-cloud", "name": "new"}}}}}'}}"#,
//!     "{apiVersion: machine.openshift.io/v1beta1, kind: MachineSet, metadata: {name: worker-a},
//!       spec: {template: {spec: {providerSpec: {value: {userDataSecret: {name: worker-user-data},
//!         disks: [{boot: true, image: projects/rhcos-cloud/global/images/old}]}}}}}}",
//! ];
//! let json = yaml.map(|text| serde_saphyr::from_str::<serde_json::Value>(text).unwrap().to_string());
//! let objects = json.iter().filter_map(|text| RawObject::parse(text).unwrap()).collect();
//! let snapshot =
//!     ClusterSnapshot { completeness: Completeness::Partial, objects, streams: Vec::new() };
//! let plan = plan(&snapshot, &Facts::default(), &Policy::default());
//! assert_eq!(plan.targets[0].decision, DecisionKind::Update);
//! assert_eq!(plan.targets[0].target.as_deref(), Some("projects/rhcos-cloud/global/images/new"));
//! ```

mod configuration_check;
mod contest;
mod context;
mod controller_state;
mod decide;
mod digest;
mod document;
mod edit_check;
mod forecast;
mod gates;
mod history;
mod hot_loop_gate;
mod input;
mod input_files;
pub mod inventory;
mod next_release;
mod outcome;
mod plan;
mod platforms;
mod present;
mod reads;
mod reason;
mod recheck;
mod repeated;
pub mod report;
mod rights;
mod selection_file;
mod standing;
mod state;
mod status;
mod stream_text;
mod templates;
mod trigger;
mod user_data;
mod vcenter_steps;
mod warnings;

pub use bootimage_status::{HotLoopMemory, Pauses};
pub use configuration_check::{ConfigurationCheck, check_configuration, profile};
pub use contest::{STATUS_SETTLED_SECONDS, other_condition_writer, reverted_by};
pub use controller_state::{
    CONTROLLER_STATE_FIELD_MANAGER, ControllerState, PendingWrite, StateProblem,
};
pub use digest::{Digest, Digester, NoDigest};
pub use document::{
    API_VERSION, ConditionForecast, ConfigurationInForce, DecisionKind, DeferredPlan,
    GeneratedFrom, InputKind, InputObject, PLAN_KIND, Plan, PlanMetadata, SkewForecast, Source,
    StatusForecast, Target, UserData, UserDataDecision,
};
pub use edit_check::{EditProblem, ImageChange, image_change};
pub use forecast::skew;
pub use history::{
    Authorship, HISTORY_MAX, History, HistoryDocument, HistoryEntry, Written, history_entries,
    vcenter_entries,
};
pub use hot_loop_gate::{Contested, HotLoopDecision, hot_loop, hot_loop_tried, hot_loops_of_plan};
pub use ignition_stub_convert::TargetVersion as IgnitionVersion;
pub use input::{ClusterSnapshot, Completeness, Policy};
pub use input_files::{file_input, policy_inputs, policy_of};
pub use openshift_model;
pub use openshift_model::facts::{FactRequest, Facts};
pub use plan::{Each, Explanation, InTurn, explain, plan, plan_pass, plan_with};
pub use reads::{
    USUAL_USER_DATA, cluster_reads, inventory_reads, notice_reads, reads, replace_reads,
};
pub use reason::{Obstacle, ReasonCode};
pub use recheck::{Difference, Disagreement, Recheck, recheck, recheck_with};
pub use repeated::{Repeated, repeated};
pub use rights::{CONTROLLER_LEASE, CommandTask, ControllerTask};
pub use selection_file::{SELECTION_KIND, SelectionProblem, selection_of_file};
pub use standing::{
    Moved, Movement, Standing, live_namespace, moved, standing, user_data_standing,
};
pub use state::{
    HISTORY_FIELD_MANAGER, HISTORY_KEY, HOT_LOOPS_KEY, STATE_CONFIG_MAP, STATE_FIELD_MANAGER,
    STATE_NAMESPACE, StateError, state_write,
};
pub use status::{
    Applied, Became, CLUSTER_OPERATOR, CONTESTED, ClusterStatus, OPERATOR_FIELD_MANAGER,
    OperatorStatus, STATUS_FIELD_MANAGER, StatusBasis, StatusError,
};
pub use templates::{
    Removal, ReportedTemplate, TEMPLATES_KIND, TemplateInputs, TemplateReport, is_abandoned,
    template_inputs, template_report,
};
pub use trigger::KnownInputs;
pub use user_data::{ConversionError, UserDataError, conversion, user_data_edit};
pub use vcenter_steps::StepsLeft;
