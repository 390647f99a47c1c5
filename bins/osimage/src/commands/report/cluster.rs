//! One cluster of a report: read, judged, and let go.

use std::path::Path;

use bootimage_hazards::{Day, HazardTable};
use bootimage_plan::InTurn;
use bootimage_plan::inventory::InventoryOptions;
use bootimage_plan::report::{ClusterLine, Observed};
use cluster_io::clouds::Certificates;
use cluster_io::files::Progress;
use osbuild_plan::{LayerSnapshot, PoolStatus, layering_status};

use crate::cli::{ClusterArgs, InputArgs, ProfileArg, ReportArgs, TemplateNamesArg};
use crate::input::Input;

/// Where a cluster is read from.
pub(super) struct Source {
    /// As it was named on the command line.
    name: String,
    /// What the cluster is called where it does not say.
    fallback_name: String,
    input: InputArgs,
}

impl Source {
    /// Every path and every context of the command line.
    pub(super) fn all(args: &ReportArgs) -> Vec<Self> {
        let paths = args.paths.iter().map(|path| Self {
            name: path.display().to_string(),
            fallback_name: base_name(path),
            input: InputArgs {
                files: vec![path.clone()],
                ..input(args)
            },
        });
        let contexts = args.contexts.iter().map(|context| Self {
            name: context.clone(),
            fallback_name: context.clone(),
            input: InputArgs {
                cluster: ClusterArgs {
                    kubeconfig: args.kubeconfig.clone(),
                    context: Some(context.clone()),
                },
                ..input(args)
            },
        });
        paths.chain(contexts).collect()
    }

    /// The line of the cluster. Whatever is wrong with it stays in its line.
    pub(super) fn line(&self, table: &HazardTable, today: Day, progress: &Progress) -> ClusterLine {
        let mut observed = Observed {
            source: self.name.clone(),
            fallback_name: self.fallback_name.clone(),
            ..Observed::default()
        };
        let input = match Input::read_inventory(&self.input, false, progress) {
            Ok(input) => input,
            Err(error) => return ClusterLine::unreadable(observed, error.to_string()),
        };
        let snapshot = input.snapshot();
        if snapshot.cluster.objects.is_empty() {
            let first = snapshot.errors.first().cloned();
            let error = first.unwrap_or_else(|| {
                "nothing in it is read: it holds no objects of a cluster, as `oc adm must-gather` \
                 or `oc get -o yaml` writes them"
                    .to_owned()
            });
            return ClusterLine::unreadable(observed, error);
        }
        observed.problems.clone_from(&snapshot.errors);
        observed.warnings.clone_from(&snapshot.warnings);
        let (layers, unread) = LayerSnapshot::of(snapshot.cluster.objects.clone());
        observed
            .warnings
            .extend(unread.iter().map(ToString::to_string));
        let pools = layering_status(&layers.cluster()).items.into_iter();
        let behind = pools.filter(PoolStatus::is_behind);
        observed.layered_behind = behind.map(|pool| pool.pool).collect();
        let options = InventoryOptions {
            table,
            born: &[],
            today: Some(today),
        };
        // The clusters are what is spread over processors.
        let found = snapshot.inventory(&self.input, &options, &InTurn);
        ClusterLine::of(observed, found)
    }
}

fn base_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// What all clusters have in common.
fn input(args: &ReportArgs) -> InputArgs {
    InputArgs {
        files: Vec::new(),
        cluster: ClusterArgs {
            kubeconfig: None,
            context: None,
        },
        streams: args.streams.clone(),
        facts: args.facts.clone(),
        profile: ProfileArg::Auto,
        architecture: None,
        fedora_coreos: false,
        template_names: TemplateNamesArg::Content,
        vcenter: Certificates::default(),
    }
}
