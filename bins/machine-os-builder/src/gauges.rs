//! What metrics say of a cluster as it is now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use osbuild_check::{BuildState, state};
use osbuild_plan::{BuilderSnapshot, CURRENT_BUILD};
use prometheus_client::encoding::EncodeLabelSet;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub(crate) struct PoolState {
    pub(crate) pool: String,
    pub(crate) state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub(crate) struct PoolReason {
    pub(crate) pool: String,
    pub(crate) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub(crate) struct Pool {
    pub(crate) pool: String,
}

/// Series by labels. Those of current builds are of pools with a MachineOSConfig.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) builds: BTreeMap<PoolState, i64>,
    pub(crate) active: BTreeMap<Pool, i64>,
    pub(crate) states: BTreeMap<PoolState, i64>,
    pub(crate) job_states: BTreeMap<PoolState, i64>,
    pub(crate) starts: BTreeMap<Pool, i64>,
    pub(crate) ends: BTreeMap<PoolState, i64>,
    pub(crate) pushes: BTreeMap<PoolState, i64>,
    pub(crate) layered: BTreeMap<Pool, i64>,
    pub(crate) updated: BTreeMap<Pool, i64>,
    pub(crate) nodes: BTreeMap<Pool, i64>,
    pub(crate) configs: i64,
}

impl Gauges {
    pub(crate) fn of(view: &BuilderSnapshot<'_>) -> Self {
        let mut gauges = Self {
            configs: i64::try_from(view.layers.configs.len()).unwrap_or(i64::MAX),
            ..Self::default()
        };
        let layered = view.layered_nodes();
        for config in &view.layers.configs {
            let pool = || config.pool().to_owned();
            let label = |state: &str| PoolState {
                pool: pool(),
                state: state.to_owned(),
            };
            let current = config.meta.annotation(CURRENT_BUILD);
            let builds = view.layers.builds.iter();
            for build in builds.filter(|build| build.machine_os_config() == config.name.as_str()) {
                let state = state(build.conditions()).unwrap_or(BuildState::Initial);
                *gauges.builds.entry(label(state.name())).or_default() += 1;
                if state.is_transient() {
                    *gauges.active.entry(Pool { pool: pool() }).or_default() += 1;
                }
                if current != Some(build.name.as_str()) {
                    continue;
                }
                gauges.states.insert(label(ocl_state(state)), 1);
                if let Some(state) = job_state(state) {
                    gauges.job_states.insert(label(state), 1);
                    gauges.pushes.insert(label(push_state(state)), 1);
                }
                let time = |time: &Option<openshift_model::Text<'_>>| seconds(time.as_deref()?);
                if let Some(start) = time(&build.status.build_start) {
                    gauges.starts.insert(Pool { pool: pool() }, start);
                }
                if let Some(end) = time(&build.status.build_end) {
                    gauges.ends.insert(label(ocl_state(state)), end);
                }
            }
            let mut pools = view.layers.pools.iter();
            if let Some(found) = pools.find(|found| found.name.as_str() == config.pool()) {
                let label = || Pool { pool: pool() };
                gauges.updated.insert(label(), found.updated_machine_count);
                gauges.nodes.insert(label(), found.machine_count);
                let layered = layered.get(config.pool()).copied().unwrap_or_default();
                let layered = i64::try_from(layered).unwrap_or(i64::MAX);
                gauges.layered.insert(label(), layered);
            }
        }
        gauges
    }
}

/// A time of RFC 3339 in seconds since 1970.
pub(crate) fn seconds(time: &str) -> Option<i64> {
    let time: Timestamp = time.parse().ok()?;
    Some(time.as_second())
}

/// §5.12: the states' names there.
pub(crate) const fn ocl_state(state: BuildState) -> &'static str {
    match state {
        BuildState::Initial | BuildState::Prepared => "pending",
        BuildState::Building => "building",
        BuildState::Succeeded => "succeeded",
        BuildState::Failed => "failed",
        BuildState::Interrupted => "interrupted",
    }
}

/// §5.12: the state of the Job; a build that has not begun, or whose Job was deleted, has none.
const fn job_state(state: BuildState) -> Option<&'static str> {
    match state {
        BuildState::Prepared | BuildState::Building => Some("active"),
        BuildState::Succeeded => Some("succeeded"),
        BuildState::Failed => Some("failed"),
        BuildState::Initial | BuildState::Interrupted => None,
    }
}

/// §5.12: the state of the push, which is that of the Job: nobody sees the push itself.
pub(crate) fn push_state(job_state: &str) -> &str {
    match job_state {
        "active" => "pushing",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use cluster_io::files::{Text, Texts};
    use serde_json::json;

    use super::*;

    #[test]
    fn il_557_the_current_build_of_a_pool_and_all_others_are_counted() {
        let condition = |kind: &str| json!([{"type": kind, "status": "True"}]);
        let build = |name: &str, kind: &str| {
            json!({"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineOSBuild",
                "metadata": {"name": name, "labels":
                    {"machineconfiguration.openshift.io/machine-os-config": "layered"}},
                "spec": {"machineOSConfig": {"name": "layered"}},
                "status": {"conditions": condition(kind), "buildStart": "1970-01-01T00:00:05Z",
                    "buildEnd": "1970-01-01T00:01:00Z"}})
        };
        let objects = [
            json!({"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineOSConfig",
                "metadata": {"name": "layered", "annotations": {CURRENT_BUILD: "now"}},
                "spec": {"machineConfigPool": {"name": "worker"}}}),
            json!({"apiVersion": "machineconfiguration.openshift.io/v1",
                "kind": "MachineConfigPool", "metadata": {"name": "worker"},
                "status": {"machineCount": 3, "updatedMachineCount": 2}}),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n",
                "labels": {"node-role.kubernetes.io/worker": ""}, "annotations":
                    {"machineconfiguration.openshift.io/currentImage": "r.io/o/i@sha256:1"}}}),
            build("before", "Succeeded"),
            build("now", "Failed"),
            build("next", "Building"),
        ];
        let texts = objects.iter().map(|object| Text {
            path: String::new(),
            document: 1,
            json: object.to_string(),
        });
        let texts = Texts {
            texts: texts.collect(),
            ..Texts::default()
        };
        let view = BuilderSnapshot::of(cluster_io::load(&texts).objects).0;
        let gauges = Gauges::of(&view);
        let label = |state: &str| PoolState {
            pool: "worker".to_owned(),
            state: state.to_owned(),
        };
        let pool = || Pool {
            pool: "worker".to_owned(),
        };
        let states = gauges.builds.keys().map(|label| label.state.as_str());
        let states: Vec<_> = states.collect();
        assert_eq!(states, ["Building", "Failed", "Succeeded"]);
        assert_eq!(gauges.states, BTreeMap::from([(label("failed"), 1)]));
        assert_eq!(gauges.job_states, BTreeMap::from([(label("failed"), 1)]));
        assert_eq!(gauges.pushes, BTreeMap::from([(label("failed"), 1)]));
        assert_eq!(gauges.layered, BTreeMap::from([(pool(), 1)]));
        assert_eq!(gauges.starts, BTreeMap::from([(pool(), 5)]));
        assert_eq!(gauges.ends, BTreeMap::from([(label("failed"), 60)]));
        assert_eq!(gauges.active, BTreeMap::from([(pool(), 1)]));
        assert_eq!(gauges.updated, BTreeMap::from([(pool(), 2)]));
        assert_eq!(gauges.nodes, BTreeMap::from([(pool(), 3)]));
        assert_eq!(gauges.configs, 1);
    }
}
