//! Why a build was started, what it does, why it failed, and what another one would change (IL-750).

use mosb_naming::keys;
use openshift_model::facts::API_VERSION;
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{Kind, MachineOSBuild, MachineOSConfig, RawObject};
use osbuild_check::{ATTEMPTS, Attempt, BuildState, redact, state};
use serde::Serialize;
use serde_json::Value;

use crate::content::{CONTENT_DIGEST, content_digest};
use crate::decide::{BuildPod, Trigger};
use crate::member_changes::{MemberChange, Members, member_changes, members};
use crate::objects::BUILD_CONTAINER;
use crate::rollout::build_of_pool;
use crate::snapshot::LayerSnapshot;
use crate::writes::TRIGGER;

/// Why a build was started and how it went: the document of `osimage layer why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerWhy {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// `LayerWhy`
    pub kind: &'static str,
    /// The MachineOSConfig.
    #[serde(rename = "machineOSConfig")]
    pub machine_os_config: String,
    /// Its pool; empty where the MachineOSConfig is gone.
    pub pool: String,
    /// The build; `null` where there is none yet.
    pub build: Option<BuildStory>,
    /// What another build would change.
    pub rebuild: Rebuild,
}

/// A build, from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BuildStory {
    /// The MachineOSBuild.
    pub name: String,
    /// Its state.
    pub state: BuildState,
    /// Since when, RFC 3339.
    pub since: Option<String>,
    /// Why it was started.
    pub trigger: String,
    /// Whether the builder wrote down why; else it is what the objects let suppose.
    pub trigger_is_written: bool,
    /// What its rendered MachineConfig has differently from that of the build before.
    pub changes: Vec<MemberChange>,
    /// The attempt that runs.
    pub attempt: Option<RunningAttempt>,
    /// How attempts that are still there ended, oldest first.
    pub ended: Vec<EndedAttempt>,
    /// Why it failed, as its condition says it.
    pub failure: Option<String>,
    /// The last lines of its log that were kept (IL-782), without passwords.
    pub log: Vec<String>,
}

/// An attempt that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunningAttempt {
    /// Which one it is, from 1.
    pub number: usize,
    /// How many there are at most.
    pub of: i64,
    /// Its pod.
    pub pod: String,
    /// What it does.
    pub doing: String,
    /// Since when, RFC 3339.
    pub since: Option<String>,
}

/// An attempt that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndedAttempt {
    /// Its pod.
    pub pod: String,
    /// What it was doing (IL-777); `null` where it succeeded.
    pub stage: Option<&'static str>,
    /// Why it failed, as a code.
    pub cause: Option<&'static str>,
    /// The program's own words.
    pub text: String,
}

/// What another build would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rebuild {
    /// The name of the build for what there is now; `null` where it cannot be built.
    pub build: Option<String>,
    /// What would come of it, as a sentence.
    pub result: String,
    /// What the rendered MachineConfig has differently now.
    pub changes: Vec<MemberChange>,
}

/// Nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyError {
    /// Nothing has this name.
    #[error("there is no MachineOSBuild, MachineOSConfig or layered pool {name}{}", there(.known))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The MachineOSConfigs and MachineOSBuilds that there are.
        known: Vec<String>,
    },
}

fn there(known: &[String]) -> String {
    match known {
        [] => ": the input has none".to_owned(),
        known => format!("; there are {}", known.join(", ")),
    }
}

/// IL-750: about a build: that of this name, or the current one of the MachineOSConfig or pool of this name.
pub fn layer_why(snapshot: &LayerSnapshot<'_>, name: &str) -> Result<LayerWhy, WhyError> {
    let cluster = snapshot.cluster();
    let build = cluster.build(name);
    let config = match build {
        Some(build) => cluster.config(build.machine_os_config()),
        None => cluster.config(name).or_else(|| cluster.config_of(name)),
    };
    if build.is_none() && config.is_none() {
        let configs = snapshot.configs.iter().map(|config| &config.name);
        let builds = snapshot.builds.iter().map(|build| &build.name);
        return Err(WhyError::Unknown {
            name: name.to_owned(),
            known: configs.chain(builds).map(ToString::to_string).collect(),
        });
    }
    let view = View { snapshot };
    let build = build.or_else(|| config.and_then(|config| view.current(config)));
    let of_build = build.map(MachineOSBuild::machine_os_config);
    Ok(LayerWhy {
        api_version: API_VERSION,
        kind: "LayerWhy",
        machine_os_config: config.map_or_else(
            || of_build.unwrap_or_default().to_owned(),
            |config| config.name.to_string(),
        ),
        pool: config.map_or_else(String::new, |config| config.pool().to_owned()),
        build: build.map(|build| view.story(build)),
        rebuild: match config {
            Some(config) => view.rebuild(config),
            None => Rebuild {
                build: None,
                result: "nothing is built any more: the MachineOSConfig is gone".to_owned(),
                changes: Vec::new(),
            },
        },
    })
}

/// The pod that runs, whose log says what it is at.
pub fn running_pod(why: &LayerWhy) -> Option<&str> {
    let attempt = why.build.as_ref()?.attempt.as_ref()?;
    Some(attempt.pod.as_str()).filter(|pod| !pod.is_empty())
}

/// IL-782: the logs of a build that were kept, by pod, without passwords.
pub fn kept_logs(snapshot: &LayerSnapshot<'_>, build: &str) -> Vec<(String, String)> {
    let name = format!("log-{build}");
    let object = snapshot.object(Kind::ConfigMap, MCO_NAMESPACE, &name);
    let value = object.and_then(|object| object.to_value().ok());
    let data = value.as_ref().and_then(|value| value.get("data"));
    let entries = data.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(pod, log)| Some((pod.clone(), redact(log.as_str()?))))
        .collect()
}

/// How many lines of a log are shown.
const LOG_LINES: usize = 20;

struct View<'b, 'a> {
    snapshot: &'b LayerSnapshot<'a>,
}

impl<'b> View<'b, '_> {
    /// IL-048: the build that counts, else the youngest one.
    fn current(&self, config: &MachineOSConfig<'_>) -> Option<&'b MachineOSBuild<'b>> {
        let builds = &self.snapshot.builds;
        let mut pools = self.snapshot.pools.iter();
        let pool = pools.find(|pool| pool.name.as_str() == config.pool());
        let counts = pool.and_then(|pool| build_of_pool(pool, config, builds).build);
        let youngest = || {
            let own = builds
                .iter()
                .filter(|build| build.machine_os_config() == config.name.as_str());
            own.max_by_key(|build| created(build))
        };
        counts.or_else(youngest)
    }

    /// The build before another one: the last one that succeeded, else the last one.
    fn before(&self, build: &MachineOSBuild<'_>) -> Option<&'b MachineOSBuild<'b>> {
        let is_earlier = |other: &&MachineOSBuild<'_>| {
            let is_older = match (created(other), created(build)) {
                // Documents that nobody has stored yet.
                (None, None) => has_succeeded(other) && !has_succeeded(build),
                (older, younger) => older < younger,
            };
            other.machine_os_config() == build.machine_os_config()
                && other.name != build.name
                && is_older
        };
        let earlier = self.snapshot.builds.iter().filter(is_earlier);
        earlier.max_by_key(|build| (has_succeeded(build), created(build)))
    }

    fn story(&self, build: &MachineOSBuild<'_>) -> BuildStory {
        let state = state(build.conditions()).unwrap_or(BuildState::Initial);
        let name = format!("{state}");
        let mut conditions = build.conditions();
        let condition = conditions.find(|condition| condition.kind.as_deref() == Some(&name));
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let since = condition.and_then(|condition| condition.last_transition_time.as_deref());
        let before = self.before(build);
        let written = build.meta.annotation(TRIGGER);
        let rendered = before.map(MachineOSBuild::machine_config);
        let changes = rendered.map(|rendered| self.changes(rendered, build.machine_config()));
        let failed = condition.filter(|_| state == BuildState::Failed);
        let (attempt, ended) = self.attempts(&build.name);
        let log = kept_logs(self.snapshot, &build.name);
        BuildStory {
            name: build.name.to_string(),
            state,
            since: text(since.or(created(build))),
            trigger: written.map_or_else(|| supposed(build, before), str::to_owned),
            trigger_is_written: written.is_some(),
            changes: changes.unwrap_or_default(),
            attempt: attempt.filter(|_| !is_over(state)),
            ended,
            failure: failed.and_then(|failed| text(failed.message.as_deref())),
            log: log
                .last()
                .map(|(_, log)| last_lines(log))
                .unwrap_or_default(),
        }
    }

    /// The attempt that runs, and how those before it ended.
    fn attempts(&self, build: &str) -> (Option<RunningAttempt>, Vec<EndedAttempt>) {
        let job = format!("build-{build}");
        let of_build = self
            .snapshot
            .raw
            .iter()
            .filter(|object| object.kind == Kind::Pod);
        let mut pods: Vec<(BuildPod<'_>, &RawObject<'_>)> = of_build
            .filter_map(|object| Some((BuildPod::read(object).ok()?, object)))
            .filter(|(pod, _)| pod.job().is_some_and(|(name, _)| name == job))
            .collect();
        pods.sort_by(|(a, _), (b, _)| a.meta.creation_timestamp.cmp(&b.meta.creation_timestamp));
        let ended = pods.iter().filter_map(|(pod, _)| pod.attempt());
        let ended: Vec<EndedAttempt> = ended.map(|attempt| ended_attempt(&attempt)).collect();
        // Pods of former attempts may be gone: their Job remembers how many there were.
        let jobs = self.snapshot.object(Kind::Job, MCO_NAMESPACE, &job);
        let status = jobs.and_then(|job| job.to_value().ok());
        let failed = status
            .as_ref()
            .and_then(|job| job.pointer("/status/failed")?.as_u64());
        let failed = failed.and_then(|failed| usize::try_from(failed).ok());
        let failed = failed.unwrap_or_default().max(ended.len());
        let running = pods.iter().rfind(|(pod, _)| pod.is_running());
        let active = status
            .as_ref()
            .and_then(|job| job.pointer("/status/active")?.as_u64());
        let is_active = active.is_some_and(|active| active > 0);
        let unseen = || {
            let start = status
                .as_ref()
                .and_then(|job| job.pointer("/status/startTime"));
            is_active.then(|| RunningAttempt {
                number: failed + 1,
                of: ATTEMPTS,
                pod: String::new(),
                doing: "runs; its pod is not in the input".to_owned(),
                since: start.and_then(Value::as_str).map(str::to_owned),
            })
        };
        let running = running.map(|(pod, object)| {
            let value = object.to_value().unwrap_or_default();
            let (doing, since) = doing(&value);
            RunningAttempt {
                number: failed + 1,
                of: ATTEMPTS,
                pod: pod.name.to_string(),
                doing,
                since: since.or_else(|| pod.meta.creation_timestamp.as_deref().map(str::to_owned)),
            }
        });
        (running.or_else(unseen), ended)
    }

    fn spec(&self, machine_config: &str) -> Option<Members> {
        let object = self
            .snapshot
            .object(Kind::MachineConfig, "", machine_config)?;
        let value = object.to_value().ok()?;
        Some(members(value.get("spec")?))
    }

    /// What one rendered MachineConfig has differently from another, and where it comes from now. Empty
    /// where one of both is gone.
    fn changes(&self, before: &str, after: &str) -> Vec<MemberChange> {
        let (Some(old), Some(new)) = (self.spec(before), self.spec(after)) else {
            return Vec::new();
        };
        let mut changes = member_changes(&old, &new);
        if changes.is_empty() {
            return changes;
        }
        let mut pools = self.snapshot.pools.iter();
        let pool = pools.find(|pool| pool.target.name() == after);
        let sources = pool.into_iter().flat_map(|pool| pool.target.sources());
        let sources = sources.filter_map(|source| Some((source, self.spec(source)?)));
        let sources: Vec<(&str, Members)> = sources.collect();
        for change in &mut changes {
            // The last one that has it counts.
            let mut having = sources.iter().rev();
            let found = having.find(|(_, members)| members.contains_key(&change.member));
            change.machine_config = found.map(|(source, _)| (*source).to_owned());
        }
        changes
    }

    /// What another build of a MachineOSConfig would change.
    fn rebuild(&self, config: &MachineOSConfig<'_>) -> Rebuild {
        let none = |result: String| Rebuild {
            build: None,
            result,
            changes: Vec::new(),
        };
        let cluster = self.snapshot.cluster();
        let Some(config) = cluster.config(&config.name) else {
            return none("the MachineOSConfig is gone".to_owned());
        };
        let sources = match cluster.sources(config) {
            Ok(sources) => sources,
            Err(error) => return none(format!("it cannot be built: {error}")),
        };
        let named = sources.name().map(|named| named.name.to_string());
        let own = self.snapshot.builds.iter();
        let own = own.filter(|build| build.machine_os_config() == config.name.as_str());
        let last = own
            .filter(|build| has_succeeded(build))
            .max_by_key(|build| created(build));
        let target = sources.machine_config;
        let is_same_content = last.is_some_and(|last| {
            let content = content_digest(config, target);
            last.meta.annotation(CONTENT_DIGEST) == Some(content.as_str())
        });
        let result = match (&named, last) {
            (Err(error), _) => &format!("it cannot be built: {error}"),
            (Ok(_), None) => "the first image of the MachineOSConfig",
            (Ok(named), Some(last)) if last.name.as_str() == named => {
                "the same inputs as those of its image: nothing but what RUN takes from elsewhere, \
                 e.g. newer packages of a repository"
            }
            (Ok(_), Some(_)) if is_same_content => {
                "nothing of what the image is made of has changed: the builder of osimage names the image \
                 that is there, without a build"
            }
            (Ok(_), Some(_)) => "an image of other inputs",
        };
        let changes = last.map(|last| self.changes(last.machine_config(), &target.name));
        Rebuild {
            result: result.to_owned(),
            build: named.ok(),
            changes: changes.unwrap_or_default(),
        }
    }
}

fn created<'m>(build: &'m MachineOSBuild<'_>) -> Option<&'m str> {
    let created = build.meta.creation_timestamp.as_deref();
    created.or(build.status.build_start.as_deref())
}

fn has_succeeded(build: &MachineOSBuild<'_>) -> bool {
    state(build.conditions()) == Some(BuildState::Succeeded)
}

fn is_over(state: BuildState) -> bool {
    matches!(
        state,
        BuildState::Succeeded | BuildState::Failed | BuildState::Interrupted
    )
}

/// Why a build was started, where the builder did not write it down.
fn supposed(build: &MachineOSBuild<'_>, before: Option<&MachineOSBuild<'_>>) -> String {
    if build.meta.label(keys::PRE_BUILT_IMAGE) == Some("true") {
        return Trigger::PreBuiltImage.to_string();
    }
    let Some(before) = before else {
        return Trigger::First.to_string();
    };
    let trigger = Trigger::Changed {
        from: before.machine_config().to_owned(),
        to: build.machine_config().to_owned(),
        content: None,
    };
    trigger.to_string()
}

fn ended_attempt(attempt: &Attempt) -> EndedAttempt {
    let failure = attempt.failure();
    EndedAttempt {
        pod: attempt.pod.clone(),
        stage: failure.as_ref().map(|failure| failure.stage.name()),
        cause: failure.as_ref().map(|failure| failure.cause),
        text: failure
            .map(|failure| redact(&failure.text))
            .unwrap_or_default(),
    }
}

/// What a pod that runs is at, and since when.
fn doing(pod: &Value) -> (String, Option<String>) {
    let list = |member: &str| {
        let statuses = pod.pointer(&format!("/status/{member}"));
        statuses
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let statuses = [list("initContainerStatuses"), list("containerStatuses")].concat();
    let text = |value: &Value, pointer: &str| {
        let found = value.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned)
    };
    let mut running = statuses.iter().rev();
    if let Some(status) = running.find(|status| status.pointer("/state/running").is_some()) {
        let name = text(status, "/name").unwrap_or_default();
        let since = text(status, "/state/running/startedAt");
        let doing = if name == BUILD_CONTAINER {
            "builds and pushes the image".to_owned()
        } else {
            format!("runs container {name}")
        };
        return (doing, since);
    }
    let mut waiting = statuses.iter();
    let reason = waiting.find_map(|status| {
        let reason = text(status, "/state/waiting/reason")?;
        // The second container waits for the first one.
        (reason != "PodInitializing").then_some(reason)
    });
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let unscheduled = conditions.find_map(|condition| {
        let is_it = text(condition, "/type").as_deref() == Some("PodScheduled")
            && text(condition, "/status").as_deref() == Some("False");
        is_it.then(|| text(condition, "/message")).flatten()
    });
    match (unscheduled, reason) {
        (Some(why), _) => (format!("waits for a node: {why}"), None),
        (None, Some(reason)) => (format!("waits: {reason}"), None),
        (None, None) => ("has not begun".to_owned(), None),
    }
}

fn last_lines(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().collect();
    let start = lines.len().saturating_sub(LOG_LINES);
    let last = lines.get(start..).unwrap_or_default().iter();
    last.map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests;
