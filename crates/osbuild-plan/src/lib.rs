//! What a build of a layered image creates, and what to do next about it.
//!
//! [`build_objects`] makes the ConfigMaps, Secrets and the Job of a build; [`build_context`] the
//! files of a build outside the cluster. [`decide`] says what to do next about a MachineOSConfig:
//! it looks at what there is, never at what happened, and has nothing to do once all is well.
//!
//! ```
//! use osbuild_plan::{Action, Config, Pool, Situation, Target, decide};
//!
//! let situation = Situation {
//!     is_live: true,
//!     config: Config { pool: "worker".into(), ..Config::default() },
//!     builds: Vec::new(),
//!     pool: Some(Pool {
//!         target: "rendered-worker-1".into(),
//!         has_target: true,
//!         ..Pool::default()
//!     }),
//!     target: Ok(Target {
//!         name: "worker-fbd0c995898fad6a87c4b09a5b782818".into(),
//!         content: "sha256:…".into(),
//!     }),
//!     images: Default::default(),
//!     named_by: Default::default(),
//!     images_in_use: Default::default(),
//!     input: None,
//!     push_access: None,
//! };
//! let decision = decide(&situation);
//! assert_eq!(decision.rule, "IL-820");
//! assert!(matches!(decision.actions.first(), Some(Action::CreateBuild { .. })));
//! ```

mod builder;
mod cluster;
mod config_condition;
mod content;
mod decide;
mod event;
mod hand_over;
mod image_users;
mod local_build;
mod member_changes;
mod names;
mod objects;
mod operator;
mod outdated;
mod pool_condition;
mod reads;
mod removal;
mod render;
mod retention;
mod rights;
mod rollout;
mod snapshot;
mod status;
#[cfg(test)]
mod testing;
mod why;
mod writes;

pub use builder::{BUILD_NAMESPACE, BuilderFacts, BuilderSnapshot};
pub use cluster::{Cluster, MissingInput, MixedPool, Sources};
pub use config_condition::{CONFIG_CONDITIONS, CONFIG_REASONS, ConfigCondition, behind};
pub use content::{CONTENT_DIGEST, content_digest};
pub use decide::{
    Action, Build, BuildInput, BuildPod, Config, ContainerStatus, Decision, ImageFact, Job,
    ObjectRef, Observed, OwnedObject, PodStatus, Pool, Presence, PushAccess, Situation, Target,
    Trigger, Wait, decide,
};
pub use event::Event;
pub use hand_over::Leftover;
pub use image_users::{ImageUsers, POOL_LABEL, image_users};
pub use local_build::{
    ArchitectureBuild, ArchitectureProblem, BASE_IMAGE, BuildCommand, BuildFiles, BuildStep,
    BuildTool, ConfigObstacle, ImageConfig, ImageProblem, LayerMachineConfig, LocalBuild,
    MachineConfigNameError, PUSH_SPEC, Package, PackagesError, PoolEffect, PoolImpact, Program,
    PushTargetError, ROLE_LABEL, SPDX_MEDIA_TYPE, SignError, SignFiles, TagImage, TagObstacle,
    ToolError, architectures, base_images, build_step, can_emulate, can_sign, check_base_image,
    check_built_image, check_config, check_tag, failure_of_build, failure_of_pull, failure_of_push,
    packages, pool_impact, push_target, sign_command, spdx,
};
pub use member_changes::MemberChange;
pub use mosb_naming::keys::CURRENT_BUILD;
pub use names::{
    BuildNames, LayerName, LayerNameError, LayerNames, NameOrError, ObjectNames, layer_names,
};
pub use objects::{
    BUILD_CONTAINER, BuildInputs, BuildObjects, ContentsProblem, ContextFile, INPUTS_DIGEST,
    LAYER_CACHE, NodeFileError, ObjectsError, build_config_maps, build_context, build_job,
    build_objects, build_secret, config_status, new_build,
};
pub use openshift_model;
pub use operator::{legacy_reads, operator_gets};
pub use outdated::{LayerOutdated, OutdatedPool, outdated_pools};
pub use pool_condition::{PoolCondition, pool_condition};
pub use reads::{builder_gets, builder_reads, layer_build_reads, layer_reads};
pub use removal::{PoolReturn, Removal, RemovalError, delete_machine_config, removal};
pub use render::{
    LayerRenderError, LayerRendering, LayerWarning, RenderRequest, build_from, build_sources,
    layer_rendering, list,
};
pub use retention::{
    Candidate, ImageVerdict, Kept, LayerRetention, RetentionReason, StoredImage, keep_last,
    repositories, retention, superseded_builds,
};
pub use rights::{BUILDER_ACCOUNT, BUILDER_LEASE, BUILDER_NAMESPACE, BuilderTask, LayerTask};
pub use rollout::{
    BUILD_FAILED_MESSAGE, BuildOfPool, Gate, GateError, Updating, awaits_image, build_of_pool,
    images_in_use, node_is_candidate, node_is_done, rollout_gate, updating,
};
pub use snapshot::{LayerSnapshot, OtherVersion};
pub use status::{
    Behind, BuildStatus, ImageSource, LayerStatus, Layering, NodeCount, PoolStatus, layering_status,
};
pub use why::{
    BuildStory, EndedAttempt, LayerWhy, Rebuild, RunningAttempt, WhyError, kept_logs, layer_why,
    running_pod,
};
pub use writes::{FIELD_MANAGER, FINALIZER, REPORTER, TRIGGER, WriteInputs, WritesError, writes};
