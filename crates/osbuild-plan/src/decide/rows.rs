//! The rows of the decision table (Appendix B).

use osbuild_check::BuildState;

use super::action::{Action, Decision, Wait};
use super::situation::{Build, Pool, Presence, Situation, Target};
use super::target::Rows;
use super::{images, jobs, seeding};

/// The first row that fits.
pub(super) fn decide(situation: &Situation) -> Decision {
    if situation.config.presence != Presence::Here {
        return config_goes(situation);
    }
    if let Some(other) = &situation.config.yields_to {
        let pool = &situation.config.pool;
        let why = format!("MachineOSConfig {other} for pool {pool} is older and has it");
        return Decision::wait("IL-829", Wait::Person(why));
    }
    if let Some(action) = images::missing_finalizer(situation) {
        return Decision::act("IL-774", vec![action]);
    }
    jobs::job_moved(situation)
        .or_else(|| jobs::failed_job(situation))
        .or_else(|| jobs::ended_job(situation))
        .or_else(|| seeding::pre_built(situation))
        .or_else(|| rebuild(situation))
        .unwrap_or_else(|| match blocked(situation) {
            Ok((pool, target)) => Rows {
                situation,
                pool,
                target,
            }
            .target(),
            Err(decision) => decision,
        })
}

/// What destroys, or follows from something that is not there, waits for a live reading (IL-772).
pub(super) fn live(situation: &Situation, rule: &'static str, actions: Vec<Action>) -> Decision {
    if situation.is_live {
        Decision::act(rule, actions)
    } else {
        Decision::wait(rule, Wait::Live)
    }
}

/// IL-810, IL-350: the builds that this very object controls go with it. (A new object of the same
/// name keeps its own.)
fn config_goes(situation: &Situation) -> Decision {
    let builds = situation.builds.iter();
    let own = builds.filter(|build| build.is_owned && !build.is_being_deleted);
    let actions: Vec<Action> = own.map(delete).collect();
    if actions.is_empty() {
        return Decision::act("IL-810", actions);
    }
    live(situation, "IL-810", actions)
}

pub(super) fn delete(build: &Build) -> Action {
    let build = build.id.clone();
    Action::DeleteBuild { build }
}

/// A build of the target's name that is not to be touched now.
pub(super) fn not_ours(build: &Build) -> Option<Decision> {
    let name = &build.id.name;
    let why = if build.is_being_deleted {
        format!("MachineOSBuild {name} is being deleted")
    } else if build.is_owned {
        return None;
    } else {
        format!("MachineOSBuild {name} is of a former MachineOSConfig: waits until it is deleted")
    };
    Some(Decision::wait("IL-820", Wait::Progress(why)))
}

/// IL-813, IL-814: somebody asks for another build: the current one goes, and with it a target
/// that failed. What comes next makes them new, and drops the request before it starts.
fn rebuild(situation: &Situation) -> Option<Decision> {
    let config = &situation.config;
    if !config.rebuild {
        return None;
    }
    let current = situation.current_build().filter(|build| build.is_owned)?;
    // One that never started is as good as new.
    if !current.is_started() || current.is_being_deleted {
        return None;
    }
    let failed_target = situation.target_build().filter(|target| {
        target.id != current.id
            && target.is_owned
            && target.state.is_some_and(BuildState::is_degraded)
            && !target.is_being_deleted
    });
    let superseded = std::iter::once(current).chain(failed_target);
    Some(live(situation, "IL-813", superseded.map(delete).collect()))
}

/// IL-815, IL-816: what must be there before anything is built.
pub(super) fn blocked(situation: &Situation) -> Result<(&Pool, &Target), Decision> {
    let retry = |rule, why: String| Err(Decision::wait(rule, Wait::Retry(why)));
    let config = &situation.config;
    let Some(pool) = &situation.pool else {
        let (pool, name) = (&config.pool, &config.id.name);
        let why = format!("could not get MachineConfigPool {pool} for MachineOSConfig {name}");
        return retry("IL-815", why);
    };
    if pool.target.is_empty() {
        let why = format!(
            "MachineConfigPool {} has no rendered MachineConfig yet",
            config.pool
        );
        return retry("IL-815", why);
    }
    if !pool.has_target {
        let (target, name) = (&pool.target, &config.pool);
        let why = format!("could not get MachineConfig {target} for MachineConfigPool {name}");
        return retry("IL-815", why);
    }
    let target = match &situation.target {
        Ok(target) => target,
        Err(why) => return Err(Decision::wait("IL-815", Wait::Person(why.clone()))),
    };
    let by_nodes = pool
        .nodes_degraded_by
        .filter(|_| !may_cure(situation, target));
    if let Some(condition) = pool.degraded_by.or(by_nodes) {
        let why = format!(
            "MachineConfigPool {} is degraded due to non-build issues ({condition})",
            config.pool
        );
        return retry("IL-816", why);
    }
    Ok((pool, target))
}

/// IL-779: whether the target's content is another one than what nodes run: it may be the cure.
fn may_cure(situation: &Situation, target: &Target) -> bool {
    let running = situation.build_of_image();
    let content = running.and_then(|build| build.content.as_deref());
    content != Some(target.content.as_str())
}
