//! The rollout of an image: what its pool reports, which nodes have it, and what must be true before
//! nodes take it (IL-042 … IL-049).

use std::collections::BTreeSet;

use mosb_naming::keys;
use openshift_model::{LayeredPool, MachineOSBuild, MachineOSConfig, Node};
use osbuild_check::{BuildState, state};
use serde::Serialize;

/// IL-046: the image, by digest, that a node runs.
const CURRENT_IMAGE: &str = "machineconfiguration.openshift.io/currentImage";

/// Whether a node runs an image that was built.
pub(crate) fn runs_image(node: &Node<'_>) -> bool {
    let image = node.meta.annotation(CURRENT_IMAGE);
    image.is_some_and(|image| !image.is_empty())
}
/// IL-046: the image, by digest, that a node is to run.
const DESIRED_IMAGE: &str = "machineconfiguration.openshift.io/desiredImage";
/// IL-046: the rendered MachineConfig that a node runs.
const CURRENT_CONFIG: &str = "machineconfiguration.openshift.io/currentConfig";
/// IL-046: the rendered MachineConfig that a node is to run.
const DESIRED_CONFIG: &str = "machineconfiguration.openshift.io/desiredConfig";
/// IL-046: what the daemon of a node is at.
const STATE: &str = "machineconfiguration.openshift.io/state";

/// IL-042: what `Degraded` of a pool says where its image build is the cause and no node is
/// degraded.
pub const BUILD_FAILED_MESSAGE: &str = "Custom OS image build failed";

/// IL-043: conditions of a pool that stop its update whatever its build does.
const STOPPING: [&str; 3] = ["RenderDegraded", "NodeDegraded", "PinnedImageSetsDegraded"];

/// What the condition `Updating` of a pool says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Updating {
    /// Its status.
    pub status: bool,
    /// The sentence.
    pub message: String,
}

/// IL-043, IL-044: what the condition `Updating` of a pool with a MachineOSConfig says of its
/// image; `None` where the image is on every node and the pool has nothing to say about it.
///
/// `build` is the build that counts ([`build_of_pool`]); `nodes_pending` says whether a node has
/// yet to take its image.
///
/// ```
/// use openshift_model::LayeredPool;
/// let pool = LayeredPool { paused: true, ..LayeredPool::default() };
/// let text = osbuild_plan::updating(&pool, "layered", None, false).expect("it waits");
/// assert_eq!(
///     text.message,
///     "Pool is paused; waiting for a new OS image build to start (mosc: layered)"
/// );
/// ```
pub fn updating(
    pool: &LayeredPool<'_>,
    config: &str,
    build: Option<&MachineOSBuild<'_>>,
    nodes_pending: bool,
) -> Option<Updating> {
    let of = |status, message: String| Some(Updating { status, message });
    if !pool.paused && STOPPING.iter().any(|condition| pool.is_true(condition)) {
        return of(
            false,
            "Pool update paused due to degraded condition".to_owned(),
        );
    }
    let Some(build) = build else {
        let waits = "waiting for a new OS image build to start";
        return of(true, sentence(pool, waits, "mosc", config));
    };
    let state = state(build.conditions()).unwrap_or(BuildState::Initial);
    let (status, text) = if pool.paused {
        when_paused(state)
    } else {
        when_running(state, nodes_pending)?
    };
    of(status, sentence(pool, text, "mosb", &build.name))
}

fn sentence(pool: &LayeredPool<'_>, text: &str, kind: &str, name: &str) -> String {
    match (pool.paused, text.strip_prefix("update ")) {
        (true, _) => format!("Pool is paused; {text} ({kind}: {name})"),
        (false, Some(_)) => format!("Pool {text} ({kind}: {name})"),
        (false, None) => format!("Pool is {text} ({kind}: {name})"),
    }
}

/// IL-043
fn when_running(state: BuildState, nodes_pending: bool) -> Option<(bool, &'static str)> {
    Some(match state {
        BuildState::Initial | BuildState::Prepared => (true, "waiting for OS image build to start"),
        BuildState::Building => (true, "waiting for OS image build to complete"),
        BuildState::Succeeded if nodes_pending => (true, "waiting for nodes to apply OS image"),
        BuildState::Succeeded => return None,
        BuildState::Failed => (false, "update stopped due to OS image build failure"),
        BuildState::Interrupted => (
            false,
            "update stopped due to OS image build being interrupted",
        ),
    })
}

/// IL-044
fn when_paused(state: BuildState) -> (bool, &'static str) {
    match state {
        BuildState::Initial => (true, "OS image build has been created but not yet started"),
        BuildState::Prepared => (
            true,
            "OS image build has been prepared but will not rollout",
        ),
        BuildState::Building => (true, "OS image build in progress"),
        BuildState::Succeeded => (false, "OS image build completed successfully"),
        BuildState::Failed => (false, "OS image build failed"),
        BuildState::Interrupted => (false, "OS image build was interrupted"),
    }
}

/// IL-045: whether a pool is not `Updated`, whatever its nodes run: its build goes on or failed, or
/// the MachineOSConfig has not taken over the image yet.
pub fn awaits_image(config: &MachineOSConfig<'_>, build: &MachineOSBuild<'_>) -> bool {
    match state(build.conditions()) {
        Some(BuildState::Building | BuildState::Prepared | BuildState::Failed) => true,
        Some(BuildState::Succeeded) => image_of(build) != image(config),
        Some(BuildState::Initial | BuildState::Interrupted) | None => false,
    }
}

/// IL-047: whether a node runs what it is to run: rendered MachineConfig and image are the desired
/// ones, and its daemon is at rest.
pub fn node_is_done(node: &Node<'_>) -> bool {
    let of = |key| node.meta.annotation(key).unwrap_or_default();
    // Neither: the node is not layered. Otherwise a missing one is on its way in or out.
    let images = [DESIRED_IMAGE, CURRENT_IMAGE].map(|key| node.meta.annotation(key));
    let has_image = match images {
        [None, None] => true,
        _ => !of(DESIRED_IMAGE).is_empty() && of(DESIRED_IMAGE) == of(CURRENT_IMAGE),
    };
    let has_config = !of(DESIRED_CONFIG).is_empty() && of(DESIRED_CONFIG) == of(CURRENT_CONFIG);
    has_config && has_image && of(STATE) == "Done"
}

/// IL-047: whether a node has yet to be told to run the image of a build.
pub fn node_is_candidate(
    node: &Node<'_>,
    config: &MachineOSConfig<'_>,
    build: &MachineOSBuild<'_>,
) -> bool {
    node.meta.annotation(DESIRED_IMAGE).unwrap_or_default() != image(config)
        || node.meta.annotation(DESIRED_CONFIG).unwrap_or_default() != build.machine_config()
}

/// IL-047: the image that a node says it runs.
pub(crate) fn current_image<'b>(node: &'b Node<'_>) -> Option<&'b str> {
    node.meta.annotation(CURRENT_IMAGE)
}

/// IL-353: the images, by digest, that nodes run or are to run, of whatever pool.
pub fn images_in_use(nodes: &[Node<'_>]) -> BTreeSet<String> {
    let images = nodes.iter().flat_map(|node| {
        [CURRENT_IMAGE, DESIRED_IMAGE].map(|key| node.meta.annotation(key).unwrap_or_default())
    });
    let named = images.filter(|image| !image.is_empty());
    named.map(str::to_owned).collect()
}

/// The rendered MachineConfig that a node says it runs.
pub(crate) fn current_config<'b>(node: &'b Node<'_>) -> Option<&'b str> {
    node.meta.annotation(CURRENT_CONFIG)
}

/// The rendered MachineConfig that a node is to run.
pub(crate) fn desired_config<'b>(node: &'b Node<'_>) -> Option<&'b str> {
    node.meta.annotation(DESIRED_CONFIG)
}

/// The pool of a node, out of the name of the rendered MachineConfig that it is to run:
/// `rendered-<pool>-<32 hex digits>`.
pub(crate) fn pool_of<'b>(node: &'b Node<'_>) -> Option<&'b str> {
    let rendered = desired_config(node)?;
    let (pool, _) = rendered.strip_prefix("rendered-")?.rsplit_once('-')?;
    Some(pool)
}

/// IL-048: the build that counts for what a pool is to run.
#[derive(Debug, Clone, Copy)]
pub struct BuildOfPool<'b, 'a> {
    /// The build, where there is one for this rendered MachineConfig.
    pub build: Option<&'b MachineOSBuild<'a>>,
    /// The MachineOSConfig names a build that is gone or for another rendered MachineConfig: the
    /// name is to be removed, so that the missing build is made.
    pub is_stale: bool,
}

/// IL-048: the build that counts for what a pool is to run: the one that the MachineOSConfig names
/// as current, if it is for this rendered MachineConfig; else any that is.
pub fn build_of_pool<'b, 'a>(
    pool: &LayeredPool<'_>,
    config: &MachineOSConfig<'_>,
    builds: &'b [MachineOSBuild<'a>],
) -> BuildOfPool<'b, 'a> {
    let fits = |build: &&MachineOSBuild<'_>| build.machine_config() == pool.target.name();
    let named = config.meta.annotation(keys::CURRENT_BUILD);
    let named = named.filter(|name| !name.is_empty());
    let annotated = builds
        .iter()
        .find(|build| Some(build.name.as_str()) == named)
        .filter(fits);
    let of_config = |build: &&MachineOSBuild<'_>| build.machine_os_config() == config.name.as_str();
    BuildOfPool {
        build: annotated.or_else(|| builds.iter().filter(fits).find(of_config)),
        is_stale: named.is_some() && annotated.is_none(),
    }
}

/// IL-049: whether an image may go to the nodes of a pool, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Whether it may.
    pub is_open: bool,
    /// The reason.
    pub reason: String,
}

/// IL-049: what stops a rollout until somebody acts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// A build whose MachineOSConfig is gone.
    #[error("orphaned MachineOSBuild {build:?} found, but MachineOSConfig {config:?} not found")]
    Orphan {
        /// The build.
        build: String,
        /// What it names as its MachineOSConfig.
        config: String,
    },
    /// The build failed.
    #[error("image build for MachineConfigPool {0} failed")]
    Failed(String),
}

/// IL-049: whether the image of a pool may go to its nodes.
pub fn rollout_gate(
    config: Option<&MachineOSConfig<'_>>,
    build: Option<&MachineOSBuild<'_>>,
) -> Result<Gate, GateError> {
    let gate = |is_open, reason: String| Ok(Gate { is_open, reason });
    let closed = |reason: &str| gate(false, reason.to_owned());
    let (config, build) = match (config, build) {
        (Some(config), Some(build)) => (config, build),
        (None, Some(build)) => {
            return Err(GateError::Orphan {
                build: build.name.to_string(),
                config: build.machine_os_config().to_owned(),
            });
        }
        (_, None) => return closed("No MachineOSConfig or MachineOSBuild for this pool"),
    };
    let wanted = image(config);
    if wanted.is_empty() {
        return closed("Desired image not set in MachineOSConfig");
    }
    match state(build.conditions()) {
        Some(BuildState::Succeeded) if image_of(build) == wanted => gate(
            true,
            format!("Image built successfully, pullspec: {wanted}"),
        ),
        Some(BuildState::Succeeded) => gate(
            false,
            format!(
                "Image built successfully, pullspec: {}, but MachineOSConfig {:?} has not updated yet",
                image_of(build),
                config.name.as_str()
            ),
        ),
        Some(BuildState::Building) => closed("Image build pending"),
        Some(BuildState::Failed) => Err(GateError::Failed(build.name.to_string())),
        _ => closed("Image is not ready yet"),
    }
}

fn image<'b>(config: &'b MachineOSConfig<'_>) -> &'b str {
    let image = config.status.current_image_pull_spec.as_deref();
    image.unwrap_or_default()
}

fn image_of<'b>(build: &'b MachineOSBuild<'_>) -> &'b str {
    let image = build.status.digested_image_push_spec.as_deref();
    image.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{object, raw};
    use serde_json::{Value, json};

    const IMAGE: &str = "r.io/os@sha256:1";

    fn build(name: &str, rendered: &str, state: &str) -> String {
        let conditions = match state {
            "None" => json!([]),
            state => json!([{"type": state, "status": "True"}]),
        };
        object(
            "MachineOSBuild",
            &json!({"metadata": {"name": name}, "spec": {
                "machineConfig": {"name": rendered}, "machineOSConfig": {"name": "layered"}},
                "status": {"conditions": conditions, "digestedImagePushSpec": IMAGE}}),
        )
    }

    fn config(image: &str, current: &str) -> String {
        object(
            "MachineOSConfig",
            &json!({"metadata": {"name": "layered", "annotations": {keys::CURRENT_BUILD: current}},
                "status": {"currentImagePullSpec": image}}),
        )
    }

    fn pool(paused: bool, degraded: &str) -> LayeredPool<'static> {
        let text = object(
            "MachineConfigPool",
            &json!({"metadata": {"name": "layered"},
                "spec": {"paused": paused, "configuration": {"name": "rendered-layered-1"}},
                "status": {"conditions": [{"type": degraded, "status": "True"}]}}),
        );
        LayeredPool::read(&raw(text.leak())).unwrap()
    }

    /// Checks what a pool says while its build is in a state; an empty text is nothing.
    fn check_updating(pool: &LayeredPool<'_>, state: &str, pending: bool, expected: (bool, &str)) {
        let text = build("layered-1", "rendered-layered-1", state);
        let build = MachineOSBuild::read(&raw(&text)).unwrap();
        let build = (state != "Absent").then_some(&build);
        let text = updating(pool, "layered", build, pending);
        let expected = (!expected.1.is_empty()).then(|| Updating {
            status: expected.0,
            message: expected.1.to_owned(),
        });
        assert_eq!(text, expected, "{state}");
    }

    #[test]
    fn il_043_a_pool_says_what_it_waits_for() {
        let start = "Pool is waiting for OS image build to start (mosb: layered-1)";
        let cases = [
            (
                "Absent",
                (
                    true,
                    "Pool is waiting for a new OS image build to start (mosc: layered)",
                ),
            ),
            ("None", (true, start)),
            ("Prepared", (true, start)),
            (
                "Building",
                (
                    true,
                    "Pool is waiting for OS image build to complete (mosb: layered-1)",
                ),
            ),
            (
                "Succeeded",
                (
                    true,
                    "Pool is waiting for nodes to apply OS image (mosb: layered-1)",
                ),
            ),
            (
                "Failed",
                (
                    false,
                    "Pool update stopped due to OS image build failure (mosb: layered-1)",
                ),
            ),
            (
                "Interrupted",
                (
                    false,
                    "Pool update stopped due to OS image build being interrupted (mosb: layered-1)",
                ),
            ),
        ];
        for (state, expected) in cases {
            check_updating(&pool(false, "Updating"), state, true, expected);
            let degraded = (false, "Pool update paused due to degraded condition");
            check_updating(&pool(false, "NodeDegraded"), state, true, degraded);
        }
        check_updating(&pool(false, "Updating"), "Succeeded", false, (false, ""));
    }

    #[test]
    fn il_044_a_paused_pool_says_so() {
        let cases = [
            (
                "Absent",
                true,
                "waiting for a new OS image build to start (mosc: layered)",
            ),
            (
                "None",
                true,
                "OS image build has been created but not yet started (mosb: layered-1)",
            ),
            (
                "Prepared",
                true,
                "OS image build has been prepared but will not rollout (mosb: layered-1)",
            ),
            (
                "Building",
                true,
                "OS image build in progress (mosb: layered-1)",
            ),
            (
                "Succeeded",
                false,
                "OS image build completed successfully (mosb: layered-1)",
            ),
            ("Failed", false, "OS image build failed (mosb: layered-1)"),
            (
                "Interrupted",
                false,
                "OS image build was interrupted (mosb: layered-1)",
            ),
        ];
        for (state, status, text) in cases {
            let text = format!("Pool is paused; {text}");
            check_updating(&pool(true, "NodeDegraded"), state, true, (status, &text));
        }
    }

    #[test]
    fn il_045_a_pool_is_not_updated_before_its_image_is() {
        let check = |state: &str, image: &str, expected: bool| {
            let (build, config) = (build("b", "rendered-layered-1", state), config(image, "b"));
            let build = MachineOSBuild::read(&raw(&build)).unwrap();
            let config = MachineOSConfig::read(&raw(&config)).unwrap();
            assert_eq!(awaits_image(&config, &build), expected, "{state} {image}");
        };
        for state in ["Building", "Prepared", "Failed"] {
            check(state, IMAGE, true);
        }
        check("Succeeded", IMAGE, false);
        check("Succeeded", "other", true);
        check("Interrupted", "other", false);
        check("None", "other", false);
    }

    fn node(annotations: &[(&str, &str)]) -> String {
        let annotations: serde_json::Map<String, Value> = annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect();
        object("Node", &json!({"metadata": {"annotations": annotations}}))
    }

    const AT_REST: [(&str, &str); 3] = [
        (CURRENT_CONFIG, "rendered-layered-1"),
        (DESIRED_CONFIG, "rendered-layered-1"),
        (STATE, "Done"),
    ];

    #[test]
    fn il_047_a_node_is_done_when_config_image_and_daemon_are() {
        let check = |change: &[(&str, &str)], expected: bool| {
            let text = node(&[&AT_REST, change].concat());
            let node = Node::read(&raw(&text)).unwrap();
            assert_eq!(node_is_done(&node), expected, "{change:?}");
        };
        check(&[], true);
        check(&[(CURRENT_IMAGE, IMAGE), (DESIRED_IMAGE, IMAGE)], true);
        check(&[(CURRENT_IMAGE, IMAGE)], false);
        check(&[(DESIRED_IMAGE, IMAGE)], false);
        check(&[(CURRENT_IMAGE, ""), (DESIRED_IMAGE, "")], false);
        check(&[(CURRENT_IMAGE, "other"), (DESIRED_IMAGE, IMAGE)], false);
        check(&[(DESIRED_CONFIG, "rendered-layered-2")], false);
        for state in ["Working", "Rebooting", "Degraded", "Unreconcilable"] {
            check(&[(STATE, state)], false);
        }
    }

    #[test]
    fn il_353_images_that_nodes_run_or_are_to_run_are_in_use() {
        let texts = [
            node(&[(CURRENT_IMAGE, "a"), (DESIRED_IMAGE, "b")]),
            node(&[(CURRENT_IMAGE, "a"), (DESIRED_IMAGE, "")]),
            node(&[]),
        ];
        let nodes = texts.each_ref().map(|text| Node::read(&raw(text)).unwrap());
        let used: Vec<String> = images_in_use(&nodes).into_iter().collect();
        assert_eq!(used, ["a", "b"]);
    }

    #[test]
    fn il_047_a_node_is_a_candidate_until_it_is_told_image_and_config() {
        let (build, config) = (
            build("b", "rendered-layered-1", "Succeeded"),
            config(IMAGE, "b"),
        );
        let build = MachineOSBuild::read(&raw(&build)).unwrap();
        let config = MachineOSConfig::read(&raw(&config)).unwrap();
        let check = |annotations: &[(&str, &str)], expected: bool| {
            let text = node(annotations);
            let node = Node::read(&raw(&text)).unwrap();
            let found = node_is_candidate(&node, &config, &build);
            assert_eq!(found, expected, "{annotations:?}");
        };
        let told = (DESIRED_CONFIG, "rendered-layered-1");
        check(&[told, (DESIRED_IMAGE, IMAGE)], false);
        check(&[told], true);
        check(&[told, (DESIRED_IMAGE, "other")], true);
        check(&[(DESIRED_IMAGE, IMAGE)], true);
    }

    #[test]
    fn il_048_a_name_of_a_build_for_another_config_is_stale() {
        let texts = [
            build("old", "rendered-layered-0", "Succeeded"),
            build("first", "rendered-layered-1", "Failed"),
            build("second", "rendered-layered-1", "Succeeded"),
        ];
        let builds: Vec<_> = texts
            .iter()
            .map(|text| MachineOSBuild::read(&raw(text)).unwrap())
            .collect();
        let check = |current: &str, builds: &[MachineOSBuild<'_>], expected: (&str, bool)| {
            let text = config(IMAGE, current);
            let config = MachineOSConfig::read(&raw(&text)).unwrap();
            let pool = pool(false, "Updating");
            let found = build_of_pool(&pool, &config, builds);
            let name = found.build.map_or("", |build| build.name.as_str());
            assert_eq!((name, found.is_stale), expected, "{current}");
        };
        check("second", &builds, ("second", false));
        check("old", &builds, ("first", true));
        check("gone", &builds, ("first", true));
        check("", &builds, ("first", false));
        check("old", &builds[..1], ("", true));
    }

    #[test]
    fn il_049_an_image_goes_to_nodes_when_both_sides_agree() {
        let check = |image: Option<&str>, state: Option<&str>, expected: Result<Gate, &str>| {
            let config = image.map(|image| config(image, "b"));
            let build = state.map(|state| build("b", "rendered-layered-1", state));
            let config = config
                .as_ref()
                .map(|text| MachineOSConfig::read(&raw(text)).unwrap());
            let build = build
                .as_ref()
                .map(|text| MachineOSBuild::read(&raw(text)).unwrap());
            let found = rollout_gate(config.as_ref(), build.as_ref());
            let found = found.map_err(|error| error.to_string());
            assert_eq!(
                found,
                expected.map_err(str::to_owned),
                "{image:?} {state:?}"
            );
        };
        let gate = |is_open, reason: &str| {
            let reason = reason.to_owned();
            Ok(Gate { is_open, reason })
        };
        let none = "No MachineOSConfig or MachineOSBuild for this pool";
        check(None, None, gate(false, none));
        check(Some(IMAGE), None, gate(false, none));
        check(
            None,
            Some("Succeeded"),
            Err("orphaned MachineOSBuild \"b\" found, but MachineOSConfig \"layered\" not found"),
        );
        let unset = "Desired image not set in MachineOSConfig";
        check(Some(""), Some("Succeeded"), gate(false, unset));
        check(
            Some(IMAGE),
            Some("Succeeded"),
            gate(true, "Image built successfully, pullspec: r.io/os@sha256:1"),
        );
        check(
            Some("other"),
            Some("Succeeded"),
            gate(
                false,
                "Image built successfully, pullspec: r.io/os@sha256:1, but MachineOSConfig \
                 \"layered\" has not updated yet",
            ),
        );
        let pending = gate(false, "Image build pending");
        check(Some(IMAGE), Some("Building"), pending);
        check(
            Some(IMAGE),
            Some("Failed"),
            Err("image build for MachineConfigPool b failed"),
        );
        for state in ["None", "Prepared", "Interrupted"] {
            check(
                Some(IMAGE),
                Some(state),
                gate(false, "Image is not ready yet"),
            );
        }
    }
}
