//! A cluster at one moment, as plans take it: what is watched, and the few objects that are got by
//! name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bootimage_plan::{ClusterSnapshot, Completeness};
use cluster_io::cluster::{Cluster, ClusterError};
use cluster_io::store::{Snapshot, StoredObject};
use openshift_model::{
    Infrastructure, Kind, MachineConfigPool, Members, Platform, RawObject, names,
};

/// Objects that were got by name, as text. Those that are not there are not in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    /// By name: of rendered MachineConfigs what rules look at. They never change.
    rendered: BTreeMap<String, Arc<str>>,
    /// How the installer was told to set up the cluster. It never changes.
    install_config: Option<Arc<str>>,
    /// By name: user-data Secrets, as they are in this pass.
    secrets: BTreeMap<String, Arc<str>>,
    /// By name: user-data Secrets that may not be read, and what the API server says to that.
    forbidden: BTreeMap<String, String>,
}

impl Named {
    /// Gets what a snapshot names, unless it is known already.
    pub(crate) async fn complete(
        &mut self,
        cluster: &Cluster,
        snapshot: &Snapshot,
    ) -> Result<(), ClusterError> {
        let wanted = rendered_name(snapshot);
        self.rendered
            .retain(|name, _| wanted.as_ref() == Some(name));
        if let Some(name) = wanted.filter(|name| !self.rendered.contains_key(name)) {
            let json = cluster.object(Kind::MachineConfig, "", &name).await?;
            if let Some(json) = json.as_deref().and_then(without_contents) {
                self.rendered.insert(name, json.into());
            }
        }
        if self.install_config.is_none() && is_vsphere(snapshot) {
            let (namespace, name) = names::INSTALL_CONFIG;
            let json = cluster.object(Kind::ConfigMap, namespace, name).await?;
            self.install_config = json.map(Into::into);
        }
        Ok(())
    }

    /// Forgets user-data Secrets: each pass gets those that it needs.
    pub(crate) fn forget_secrets(&mut self) {
        self.secrets.clear();
    }

    /// Gets user-data Secrets as they are now; all others are forgotten. One that may not be read
    /// holds up nothing but the sets that name it.
    pub(crate) async fn get_secrets(
        &mut self,
        cluster: &Cluster,
        wanted: &BTreeSet<String>,
    ) -> Result<(), ClusterError> {
        let names = wanted.iter().map(String::as_str);
        let (texts, forbidden) = cluster.readable_secrets(names).await?;
        for (name, problem) in &forbidden {
            if self.forbidden.get(name) != Some(problem) {
                tracing::warn!(kind = "Secret", name, "{problem}");
            }
        }
        self.forbidden = forbidden;
        self.secrets = texts
            .into_iter()
            .filter_map(|text| {
                let name = RawObject::parse(&text.json).ok()??.name.as_str().to_owned();
                Some((name, text.json.into()))
            })
            .collect();
        Ok(())
    }

    /// User-data Secrets that may be there though the view does not have them.
    pub(crate) fn unread_secrets(&self) -> BTreeSet<String> {
        self.forbidden.keys().cloned().collect()
    }

    fn texts(&self) -> impl Iterator<Item = &Arc<str>> {
        let all = self.rendered.values().chain(&self.install_config);
        all.chain(self.secrets.values())
    }
}

/// A cluster at one moment.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
    pub(crate) named: Named,
}

impl View {
    /// Everything.
    pub(crate) fn cluster(&self) -> ClusterSnapshot<'_> {
        self.cluster_with(|_, _| true)
    }

    /// Everything that holds for all machine resources, and one of those.
    pub(crate) fn cluster_of(&self, kind: Kind, name: &str) -> ClusterSnapshot<'_> {
        let is_set = |kind| matches!(kind, Kind::MachineSet | Kind::ControlPlaneMachineSet);
        self.cluster_with(|of, object| !is_set(of) || (of == kind && &*object.name == name))
    }

    fn cluster_with(&self, is_wanted: impl Fn(Kind, &StoredObject) -> bool) -> ClusterSnapshot<'_> {
        let mut objects = self.snapshot.objects_where(is_wanted);
        let named = self.named.texts();
        objects.extend(named.filter_map(|text| RawObject::parse(text).ok().flatten()));
        ClusterSnapshot {
            completeness: Completeness::Complete,
            objects,
            streams: Vec::new(),
        }
    }

    /// One watched object.
    pub(crate) fn object(&self, kind: Kind, name: &str) -> Option<RawObject<'_>> {
        parse(kind, self.snapshot.object(kind, "", name)?)
    }
}

fn parse(kind: Kind, object: &StoredObject) -> Option<RawObject<'_>> {
    let members: Members<'_> = serde_json::from_str(&object.json).ok()?;
    RawObject::with_type(members, &kind.resource().api_version(), kind.name())
}

fn rendered_name(snapshot: &Snapshot) -> Option<String> {
    let kind = Kind::MachineConfigPool;
    let pool = parse(kind, snapshot.object(kind, "", names::MASTER_POOL)?)?;
    let pool = MachineConfigPool::read(&pool).ok()?;
    pool.target_configuration
        .map(|name| name.as_str().to_owned())
}

fn is_vsphere(snapshot: &Snapshot) -> bool {
    let kind = Kind::Infrastructure;
    let object = snapshot.object(kind, "", names::CLUSTER);
    let platform =
        object.and_then(|object| Infrastructure::read(&parse(kind, object)?).ok()?.platform());
    platform == Some(Platform::VSphere)
}

/// A MachineConfig without what it configures, which is up to a megabyte that no rule looks at.
fn without_contents(json: &str) -> Option<String> {
    let mut value: serde_json::Value = serde_json::from_str(json).ok()?;
    value
        .as_object_mut()?
        .retain(|name, _| ["apiVersion", "kind", "metadata"].contains(&name.as_str()));
    Some(value.to_string())
}
