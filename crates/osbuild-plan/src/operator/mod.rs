//! What the Machine Config Operator does around the builder, for clusters where nobody else does it
//! (§5.10): copies of Secrets that builds need.

mod legacy;

use std::collections::BTreeSet;

pub use legacy::legacy_reads;
use mosb_naming::{entitlement_secret, keys};
use openshift_model::names::MCO_NAMESPACE;
use openshift_model::{
    Address, CreateRequest, DeleteRequest, Edit, EditError, EventRequest, Guard, Kind, LayeredPool,
    MachineOSConfig, PatchBody, PatchRequest, RawObject, Read, Verb, Which, Write,
};
use serde_json::{Value, json};

use crate::builder::BuilderSnapshot;
use crate::decide::ObjectRef;
use crate::event::Event;
use crate::render::GLOBAL_PULL_SECRET;
use crate::writes::{FIELD_MANAGER, of_operator};

/// IL-856: namespace and name of the pull secret of the cluster.
const PULL_SECRET: (&str, &str) = ("openshift-config", "pull-secret");
/// IL-857: namespace and name of the entitlement of the cluster.
const ENTITLEMENT: (&str, &str) = ("openshift-config-managed", "etc-pki-entitlement");

/// IL-392: what the copies are made of.
pub fn operator_gets() -> Vec<Read> {
    let get = |(namespace, name), why| {
        Read::new(Kind::Secret, namespace, Which::Named(name), Verb::Get, why)
    };
    vec![
        get(PULL_SECRET, "its copy pulls base images (IL-392)"),
        get(ENTITLEMENT, "its copies entitle builds (IL-392)"),
    ]
}

/// A copy that should be there as long as something needs it.
struct SecretCopy<'b, 'a> {
    source: (&'static str, &'static str),
    name: String,
    kind: &'static str,
    /// Whether it is needed.
    is_wanted: bool,
    /// It goes with this pool.
    owner: Option<&'b LayeredPool<'a>>,
    /// Whose Events tell of it.
    tell: Vec<&'b LayeredPool<'a>>,
}

impl<'a> BuilderSnapshot<'a> {
    /// IL-390: the pools that are layered: by their label, or since a MachineOSConfig names them.
    fn layered_pools(&self) -> Vec<&LayeredPool<'a>> {
        let configs = self.layers.configs.iter();
        let named: BTreeSet<&str> = configs.map(MachineOSConfig::pool).collect();
        let pools = self.layers.pools.iter();
        pools
            .filter(|pool| pool.meta.deletion_timestamp.is_none())
            .filter(|pool| {
                named.contains(pool.name.as_str())
                    || pool.meta.label(keys::LAYERING_ENABLED).is_some()
            })
            .collect()
    }

    /// IL-392: the Secrets that [`BuilderSnapshot::operator_writes`] looks at: namespace and name. They
    /// are others where pools became layered, or are no more.
    pub fn operator_secrets(&self) -> Vec<(&'static str, String)> {
        let copies = self.copies();
        let sources: BTreeSet<_> = copies.iter().map(|copy| copy.source).collect();
        let sources = sources.into_iter();
        let sources = sources.map(|(namespace, name)| (namespace, name.to_owned()));
        let copies = copies.iter();
        let copies = copies.map(|copy| (MCO_NAMESPACE, copy.name.clone()));
        sources.chain(copies).collect()
    }

    /// What those that are needed now depend on, so that a change is noticed.
    pub fn operator_wants(&self) -> BTreeSet<String> {
        let copies = self.copies().into_iter();
        let wanted = copies.filter(|copy| copy.is_wanted);
        wanted.map(|copy| copy.name).collect()
    }

    fn copies(&self) -> Vec<SecretCopy<'_, 'a>> {
        let layered = self.layered_pools();
        let is_layered = |pool: &LayeredPool<'_>| layered.iter().any(|it| it.name == pool.name);
        let pull = SecretCopy {
            source: PULL_SECRET,
            name: GLOBAL_PULL_SECRET.to_owned(),
            kind: "kubernetes.io/dockerconfigjson",
            // The image of a build that goes may be deleted with it.
            is_wanted: !layered.is_empty() || !self.layers.builds.is_empty(),
            owner: None,
            tell: layered.clone(),
        };
        let pools = self.layers.pools.iter();
        let entitlements = pools.map(|pool| SecretCopy {
            source: ENTITLEMENT,
            name: entitlement_secret(&pool.name),
            kind: "Opaque",
            is_wanted: is_layered(pool),
            owner: Some(pool),
            tell: vec![pool],
        });
        std::iter::once(pull).chain(entitlements).collect()
    }

    /// IL-392: the requests that make copies what they should be, each followed by the Events that tell of
    /// it. `secrets` are those of [`BuilderSnapshot::operator_secrets`] that are there; `now` is RFC 3339 in
    /// seconds, in UTC. A copy whose source is gone stays.
    pub fn operator_writes(
        &self,
        secrets: &[RawObject<'_>],
        now: &str,
    ) -> Result<Vec<Write>, EditError> {
        let mut writes = Vec::new();
        for copy in self.copies() {
            let find = |namespace: &str, name: &str| {
                let mut secrets = secrets.iter();
                secrets
                    .find(|it| it.namespace.as_str() == namespace && it.name.as_str() == name)
                    .and_then(|object| object.to_value().ok())
            };
            let source = find(copy.source.0, copy.source.1);
            let Some(write) =
                copy.write(source.as_ref(), find(MCO_NAMESPACE, &copy.name).as_ref())?
            else {
                continue;
            };
            let is_copied = !matches!(write, Write::Delete(_));
            writes.push(write);
            let version = source
                .as_ref()
                .map(|it| text(it, "/metadata/resourceVersion"));
            let events = copy.events(is_copied, version.unwrap_or_default(), now);
            writes.extend(events.into_iter().map(Write::Event));
        }
        Ok(writes)
    }

    /// IL-391, IL-393: what is wrong with layered pools and no MachineOSConfig can say.
    pub fn operator_warnings(&self, now: &str) -> Vec<EventRequest> {
        let nodes = self.layers.cluster().nodes_by_pool();
        let mut warnings = Vec::new();
        for pool in self.layered_pools() {
            let name = pool.name.as_str();
            let mut configs = self.layers.configs.iter();
            if !configs.any(|config| config.pool() == name) {
                warnings.push((pool, Event::config_missing(name)));
            }
            let mut foreign = nodes.get(name).into_iter().flatten().filter_map(|node| {
                let os = node.os_image.as_deref().filter(|os| !os.is_empty())?;
                (!os.contains("CoreOS")).then_some((node.name.as_str(), os))
            });
            if let Some((node, os)) = foreign.next() {
                warnings.push((pool, Event::unsupported_os(os, node, name)));
            }
        }
        let warnings = warnings.into_iter();
        warnings
            .map(|(pool, event)| of_operator(&reference(pool), event, "", now))
            .collect()
    }
}

fn reference(pool: &LayeredPool<'_>) -> ObjectRef {
    ObjectRef {
        name: pool.name.to_string(),
        uid: pool.meta.uid.as_deref().unwrap_or_default().to_owned(),
        ..ObjectRef::default()
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

impl SecretCopy<'_, '_> {
    /// What makes it what it should be.
    fn write(
        &self,
        source: Option<&Value>,
        there: Option<&Value>,
    ) -> Result<Option<Write>, EditError> {
        let Some(there) = there else {
            let data = source.filter(|_| self.is_wanted);
            let data = data.and_then(|source| source.get("data"));
            return Ok(data.map(|data| self.create(data)));
        };
        let guard = Guard {
            uid: Some(text(there, "/metadata/uid").to_owned()),
            resource_version: Some(text(there, "/metadata/resourceVersion").to_owned()),
        };
        let address = Address::of(Kind::Secret, MCO_NAMESPACE, &self.name);
        let delete = |address, guard| Some(Write::Delete(DeleteRequest { address, guard }));
        if !self.is_wanted {
            // One of this name that somebody else made stays.
            let is_copy = self.owner.is_none() || self.is_owned(there);
            return Ok(is_copy.then(|| delete(address, guard)).flatten());
        }
        let Some(data) = source.and_then(|source| source.get("data")) else {
            return Ok(None);
        };
        // The type of a Secret cannot be changed: the next time it is made anew.
        if text(there, "/type") != self.kind {
            return Ok(delete(address, guard));
        }
        if there.get("data") == Some(data) {
            return Ok(None);
        }
        // Nothing is tested but the version: what the API server says about a test that failed may quote
        // the value.
        let mut edit = Edit::default();
        edit.add("/data", data)?;
        Ok(Some(Write::Patch(PatchRequest {
            address,
            subresource: None,
            body: PatchBody::Json(edit),
            guard,
            field_manager: FIELD_MANAGER.into(),
        })))
    }

    fn create(&self, data: &Value) -> Write {
        let mut metadata = json!({"name": self.name, "namespace": MCO_NAMESPACE});
        if let (Some(pool), Some(members)) = (self.owner, metadata.as_object_mut()) {
            let owner = json!([{
                "apiVersion": openshift_model::V1,
                "kind": Kind::MachineConfigPool.name(),
                "name": pool.name.as_str(),
                "uid": pool.meta.uid.as_deref(),
            }]);
            members.insert("ownerReferences".to_owned(), owner);
        }
        Write::Create(CreateRequest {
            address: Address::of(Kind::Secret, MCO_NAMESPACE, &self.name),
            object: json!({"apiVersion": "v1", "kind": "Secret", "type": self.kind,
                "metadata": metadata, "data": data}),
            field_manager: FIELD_MANAGER.into(),
        })
    }

    /// Whether a Secret belongs to the pool.
    fn is_owned(&self, secret: &Value) -> bool {
        let owners = secret.pointer("/metadata/ownerReferences");
        let mut owners = owners.and_then(Value::as_array).into_iter().flatten();
        let pool = self.owner.map(|pool| pool.name.as_str());
        owners.any(|owner| {
            text(owner, "/kind") == Kind::MachineConfigPool.name()
                && Some(text(owner, "/name")) == pool
        })
    }

    /// `version`: that of the source, so that each of its changes is told.
    fn events(&self, is_copied: bool, version: &str, now: &str) -> Vec<EventRequest> {
        let pools = self.tell.iter();
        pools
            .map(|pool| {
                let (namespace, source) = self.source;
                let event = if is_copied {
                    Event::secret_copied(source, namespace, &self.name)
                } else {
                    Event::secret_copy_deleted(&self.name)
                };
                let key = format!("{}.{version}", self.name);
                of_operator(&reference(pool), event, &key, now)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
