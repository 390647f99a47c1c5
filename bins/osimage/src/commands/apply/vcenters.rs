//! What `apply` needs for targets on vSphere: access to vCenters, OVAs, and lines for those who wait.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bootimage_plan::Target;
use cluster_io::apply::Vcenters;
use cluster_io::cluster::Cluster;
use cluster_io::vcenter::{Access, Artifacts, Doing, ImportQueue, Progress};
use openshift_model::Platform;

use crate::cli::{ApplyArgs, ArtifactArgs};
use crate::clouds::clouds;
use crate::commands::tell;
use crate::error::CommandError;
use crate::settings::{self, Verbosity};

/// How often a line about the same download or upload is written.
const INTERVAL: Duration = Duration::from_secs(10);

/// What vCenters are reached with.
pub(super) struct VcenterTools {
    access: Access,
    artifacts: Artifacts,
    queue: ImportQueue,
    lines: Lines,
}

impl VcenterTools {
    /// `None` where no target is on vSphere: nothing is looked for then, and nothing can be missing.
    pub(super) async fn new(
        args: &ApplyArgs,
        cluster: &Cluster,
        chosen: &[&Target],
    ) -> Result<Option<Self>, CommandError> {
        let on_vsphere = |target: &&Target| target.platform == Some(Platform::VSphere);
        if !chosen.iter().any(on_vsphere) {
            return Ok(None);
        }
        Ok(Some(Self {
            access: clouds(&args.vcenter, Some(cluster)).vcenter().await?,
            artifacts: artifacts(&args.artifacts),
            queue: ImportQueue::default(),
            lines: Lines::default(),
        }))
    }

    /// Runs something with access to vCenters.
    pub(super) async fn with<R>(&self, run: impl AsyncFnOnce(Vcenters<'_>) -> R) -> R {
        let report = |progress: Progress<'_>| self.lines.report(progress);
        run(Vcenters {
            access: &self.access,
            artifacts: &self.artifacts,
            queue: &self.queue,
            report: &report,
        })
        .await
    }
}

fn artifacts(args: &ArtifactArgs) -> Artifacts {
    let cache = args.artifact_cache.clone();
    Artifacts {
        cache: cache.unwrap_or_else(|| cache_folder(|name| std::env::var_os(name))),
        limit: args.artifact_cache_size << 30,
        mirror: args.mirror.mirror.clone(),
    }
}

/// Where users' caches are, by the XDG Base Directory Specification.
fn cache_folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> PathBuf {
    let set = |name| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("osimage")
}

/// Lines about imports that are under way.
#[derive(Default)]
struct Lines(Mutex<Option<(String, Instant)>>);

impl Lines {
    fn report(&self, progress: Progress<'_>) {
        if settings::verbosity() == Verbosity::Quiet {
            return;
        }
        let (what, amount) = shown(progress.doing);
        let line = format!(
            "vCenter {}: template {}: {what}",
            progress.server, progress.template
        );
        let Ok(mut last) = self.0.lock() else { return };
        let is_due = last.as_ref().is_none_or(|(told, when)| {
            *told != line || when.elapsed() >= INTERVAL && !amount.is_empty()
        });
        if is_due {
            tell(&format!("{line}{amount}"));
            *last = Some((line, Instant::now()));
        }
    }
}

/// What is going on, and how far it has come.
fn shown(doing: Doing) -> (&'static str, String) {
    match doing {
        Doing::Download { done, total } => {
            let of = total.map_or_else(String::new, |total| format!(" of {}", total >> 20));
            ("downloads the OVA", format!(": {}{of} MiB", done >> 20))
        }
        Doing::Import => ("is made in the vCenter", String::new()),
        Doing::Upload { percent } => ("is uploaded", format!(": {percent} %")),
        Doing::Finish => ("is checked, marked as template and tagged", String::new()),
        Doing::Rename => ("gets its name", String::new()),
        Doing::Remove => ("what is left over is removed", String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_caches_are() {
        let check = |variables: &[(&str, &str)], expected: &str| {
            let folder = cache_folder(|name| {
                let mut variables = variables.iter();
                let (_, value) = variables.find(|(variable, _)| *variable == name)?;
                Some(value.into())
            });
            assert_eq!(folder, PathBuf::from(expected));
        };
        check(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/x/osimage");
        check(
            &[("HOME", "/h"), ("XDG_CACHE_HOME", "")],
            "/h/.cache/osimage",
        );
        let anywhere = std::env::temp_dir().join("osimage");
        check(&[], anywhere.to_str().unwrap());
    }

    #[test]
    fn how_far_a_download_has_come_is_told_in_mebibytes() {
        let download = |total| {
            shown(Doing::Download {
                done: 5 << 20,
                total,
            })
            .1
        };
        assert_eq!(download(Some(1 << 30)), ": 5 of 1024 MiB");
        assert_eq!(download(None), ": 5 MiB");
    }
}
