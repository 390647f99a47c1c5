//! What happened between two looks at a cluster, for what is counted.

use std::collections::BTreeMap;

use osbuild_plan::BuilderSnapshot;

/// §5.12: so many failures of pods of one Job count: there are four attempts.
const RETRIES: i64 = 3;

/// What the last look saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The rendered MachineConfig that each pool is to run; `None` before the first look.
    targets: Option<BTreeMap<String, String>>,
    /// How many pods failed, by the uid of the Job.
    failures: BTreeMap<String, i64>,
}

/// What is another way than at the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// IL-313: pools that are to run another rendered MachineConfig: pool, before, now.
    pub(crate) targets: Vec<(String, String, String)>,
    /// How many attempts failed, by pool.
    pub(crate) retries: BTreeMap<String, u64>,
}

impl Seen {
    /// Looks. What was there at the first look has not changed.
    pub(crate) fn look(&mut self, view: &BuilderSnapshot<'_>) -> Changes {
        let mut changes = Changes::default();
        let is_first = self.targets.is_none();
        let pools = view.layers.pools.iter();
        let targets: BTreeMap<String, String> = pools
            .map(|pool| (pool.name.to_string(), pool.target.name().to_owned()))
            .filter(|(_, target)| !target.is_empty())
            .collect();
        let before = self.targets.replace(targets.clone()).unwrap_or_default();
        for (pool, target) in targets {
            if let Some(old) = before.get(&pool).filter(|old| **old != target) {
                changes.targets.push((pool, old.clone(), target));
            }
        }
        let mut failures = BTreeMap::new();
        for (job, pool, failed) in view.failed_pods() {
            let failed = failed.min(RETRIES);
            let known = self.failures.get(&job).copied();
            let before = known.unwrap_or(if is_first { failed } else { 0 });
            let new = u64::try_from(failed.saturating_sub(before)).unwrap_or_default();
            if new > 0 {
                *changes.retries.entry(pool).or_default() += new;
            }
            failures.insert(job, failed.max(before));
        }
        self.failures = failures;
        changes
    }
}

#[cfg(test)]
mod tests {
    use cluster_io::files::{Text, Texts};
    use serde_json::{Value, json};

    use super::*;

    fn look(seen: &mut Seen, target: &str, jobs: &[(&str, i64)]) -> Changes {
        let mut objects = vec![json!({"apiVersion": "machineconfiguration.openshift.io/v1",
            "kind": "MachineConfigPool", "metadata": {"name": "worker"},
            "spec": {"configuration": {"name": target}}})];
        objects.extend(jobs.iter().map(|(uid, failed)| {
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": uid, "uid": uid,
                "labels": {"machineconfiguration.openshift.io/target-machine-config-pool": "worker"}},
                "status": {"failed": failed}})
        }));
        let text = |object: &Value| Text {
            path: String::new(),
            document: 1,
            json: object.to_string(),
        };
        let texts = Texts {
            texts: objects.iter().map(text).collect(),
            ..Texts::default()
        };
        seen.look(&BuilderSnapshot::of(cluster_io::load(&texts).objects).0)
    }

    #[test]
    fn il_557_what_happens_is_counted_once() {
        let mut seen = Seen::default();
        // What was there before is not known to have happened now.
        assert_eq!(look(&mut seen, "a", &[("1", 2)]), Changes::default());
        let retries = |changes: &Changes| changes.retries.get("worker").copied().unwrap_or(0);
        // The fourth failure is the last: no attempt follows.
        assert_eq!(retries(&look(&mut seen, "a", &[("1", 3)])), 1);
        assert_eq!(retries(&look(&mut seen, "a", &[("1", 4), ("2", 1)])), 1);
        let changes = look(&mut seen, "b", &[("2", 1)]);
        let moved = ("worker".to_owned(), "a".to_owned(), "b".to_owned());
        assert_eq!(
            (changes.targets.as_slice(), retries(&changes)),
            (&[moved][..], 0)
        );
        assert_eq!(look(&mut seen, "b", &[]), Changes::default());
    }
}
