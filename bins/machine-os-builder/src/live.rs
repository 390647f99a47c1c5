//! A reading from the API server itself (IL-772).

use cluster_io::cluster::{Cluster, ClusterError};
use cluster_io::files::{Text, Texts};
use cluster_io::load_with_pods;
use openshift_model::{Form, Kind, Read};
use osbuild_plan::{
    BUILD_NAMESPACE, BuildInput, BuildObjects, BuilderFacts, BuilderSnapshot, build_from,
    build_sources, builder_reads,
};

/// Everything about one MachineOSConfig as the API server has it now.
pub(crate) struct Live {
    texts: Texts,
    /// The objects of the target's build, or why there are none.
    pub(crate) objects: Option<Result<BuildObjects, BuildInput>>,
}

impl Live {
    /// Reads all that is watched, and what a build is made from besides.
    pub(crate) async fn read(cluster: &Cluster, name: &str) -> Result<Self, ClusterError> {
        let table: Vec<Read> = builder_reads()
            .into_iter()
            .filter(|row| row.form == Form::Whole)
            .collect();
        let mut live = Self {
            texts: Texts {
                texts: cluster.fetch(&table).await?,
                ..Texts::default()
            },
            objects: None,
        };
        for (kind, name) in live.named(name) {
            let namespace = match kind {
                Kind::MachineConfig => "",
                _ => BUILD_NAMESPACE,
            };
            if let Some(json) = cluster.object(kind, namespace, &name).await? {
                live.texts.texts.push(Text {
                    path: format!("{kind} {name}"),
                    document: 1,
                    json,
                });
            }
        }
        live.objects = live.build(name);
        Ok(live)
    }

    /// The cluster as it was read.
    pub(crate) fn view(&self) -> BuilderSnapshot<'_> {
        BuilderSnapshot::of(load_with_pods(&self.texts).objects).0
    }

    /// What is read by name.
    fn named(&self, name: &str) -> Vec<(Kind, String)> {
        let view = self.view();
        let rendered = view.rendered().into_iter();
        let mut named: Vec<_> = rendered.map(|name| (Kind::MachineConfig, name)).collect();
        let mut configs = view.layers.configs.iter();
        if let Some(config) = configs.find(|config| config.name.as_str() == name) {
            named.extend(build_sources(config));
        }
        let builds = view.layers.builds.iter();
        for build in builds.filter(|build| build.machine_os_config() == name) {
            let secrets = BuilderSnapshot::secrets_of(&build.name).into_iter();
            named.extend(secrets.map(|secret| (Kind::Secret, secret)));
        }
        named.retain(|(_, name)| !name.is_empty());
        named
    }

    fn build(&self, name: &str) -> Option<Result<BuildObjects, BuildInput>> {
        let view = self.view();
        let situation = view.situation(name, true, &BuilderFacts::default())?;
        // Its objects are made once it is there, and nothing was started.
        situation.target_build()?;
        let mut configs = view.layers.configs.iter();
        let config = configs.find(|config| config.name.as_str() == name)?;
        Some(build_from(&view.layers, config))
    }

    /// Whether the objects of the build can be made.
    pub(crate) fn input(&self) -> Option<BuildInput> {
        match self.objects.as_ref()? {
            Ok(_) => Some(BuildInput::Complete),
            Err(input) => Some(input.clone()),
        }
    }
}
