//! A reading from the API server itself (IL-772).

use cluster_io::cluster::{Cluster, ClusterError};
use cluster_io::files::{FileError, Text, Texts};
use cluster_io::load_with_pods;
use openshift_model::{Form, Kind, Read, ReadError};
use osbuild_plan::{
    BUILD_NAMESPACE, BuildInput, BuildObjects, BuilderSnapshot, build_from, build_sources,
    builder_reads,
};

/// There is no reading of the cluster that something may be destroyed on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveError {
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// An answer is no JSON.
    #[error("{0}")]
    Answer(FileError),
    /// Who knows what an object names that cannot be read? It may be an image that is about to go.
    #[error("nothing is decided while an object cannot be read: {0}")]
    Object(#[from] ReadError),
}

/// Everything about one MachineOSConfig as the API server has it now.
pub(crate) struct Live {
    texts: Texts,
    /// The objects of the target's build, or why there are none.
    pub(crate) objects: Option<Result<BuildObjects, BuildInput>>,
}

impl Live {
    /// Reads all that is watched, and what a build is made from besides.
    pub(crate) async fn read(cluster: &Cluster, name: &str) -> Result<Self, LiveError> {
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
        live.check()?;
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
        live.check()?;
        live.objects = live.build(name);
        Ok(live)
    }

    /// IL-772: an object that cannot be read is there. Without it, an image that it names would look as
    /// if nobody needed it.
    fn check(&self) -> Result<(), LiveError> {
        let loaded = load_with_pods(&self.texts);
        if let Some(error) = loaded.errors.into_iter().next() {
            return Err(LiveError::Answer(error));
        }
        let (_, errors) = BuilderSnapshot::of(loaded.objects);
        errors
            .into_iter()
            .next()
            .map_or(Ok(()), |error| Err(error.into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_772_nothing_is_decided_while_an_object_cannot_be_read() {
        let check = |json: &str| {
            let text = Text {
                path: "nodes".to_owned(),
                document: 1,
                json: json.to_owned(),
            };
            let texts = Texts {
                texts: vec![text],
                ..Texts::default()
            };
            let objects = None;
            Live { texts, objects }.check()
        };
        let node = |image: &str| {
            format!(
                r#"{{"apiVersion": "v1", "kind": "Node", "metadata": {{"name": "n", "annotations":
                {{"machineconfiguration.openshift.io/currentImage": {image}}}}}}}"#
            )
        };
        assert!(check(&node("\"r.io/o/i@sha256:1\"")).is_ok());
        let error = check(&node("5")).unwrap_err().to_string();
        assert!(error.contains("Node n: "), "{error}");
        assert!(matches!(check("{"), Err(LiveError::Answer(_))));
    }
}
