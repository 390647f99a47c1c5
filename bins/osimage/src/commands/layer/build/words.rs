//! What follows from a MachineConfig with an image, in words.

use osbuild_plan::{PoolEffect, PoolImpact};

/// What becomes of the cluster, line by line.
pub(super) fn of_impact(impact: &PoolImpact, pool: &str) -> Vec<String> {
    if impact.pools.is_empty() {
        return vec![format!(
            "every node of pool {pool} is cordoned, drained and rebooted into the image; how many they are is \
             known with -f or from a live cluster"
        )];
    }
    let mut lines: Vec<String> = impact
        .pools
        .iter()
        .map(|effect| of_pool(effect, pool))
        .collect();
    if let Some(config) = &impact.machine_os_config {
        lines.push(format!(
            "MachineOSConfig {config} builds on top of it: since 4.22 the cluster builds a new image for pool \
             {pool} and runs that one"
        ));
    }
    if impact.pools.iter().any(PoolEffect::reboots) {
        lines.push(
            "releases bring no other operating system to these nodes while the MachineConfig is there: build \
             again after each upgrade (`osimage layer outdated`), or remove it (`osimage layer remove`)"
                .to_owned(),
        );
    }
    lines
}

fn of_pool(effect: &PoolEffect, wanted: &str) -> String {
    let PoolEffect { pool, nodes, .. } = effect;
    let too = if pool == wanted {
        String::new()
    } else {
        format!(" takes the MachineConfigs of {wanted} too, so that it")
    };
    let number = if *nodes == 1 {
        "1 node".to_owned()
    } else {
        format!("{nodes} nodes")
    };
    let what = match &effect.overridden_by {
        Some(other) => format!(
            "keeps the image of MachineConfig {other}, which comes later; nothing happens to its {number}"
        ),
        None if effect.has_it => {
            format!("is to run the image already; nothing happens to its {number}")
        }
        None => format!(
            "has {number}: each is cordoned, drained and rebooted into the image, as many at a time as \
             spec.maxUnavailable says"
        ),
    };
    let paused = if effect.paused && effect.reboots() {
        ", once somebody resumes the pool, which is paused"
    } else {
        ""
    };
    format!("pool {pool}{too} {what}{paused}")
}
