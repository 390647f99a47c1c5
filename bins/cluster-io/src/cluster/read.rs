//! What a plan looks at, read from the API server as text.

use openshift_model::{Infrastructure, Kind, MachineConfigPool, Platform, RawObject, names};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::call::Message;
use super::error::Call;
use super::{Cluster, ClusterError};
use crate::files::Text;

/// How many objects are asked for at once: a page of MachineSets is about a megabyte.
const PAGE: usize = 500;

/// A kind as the API's paths name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) kind: &'static str,
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
}

impl Resource {
    /// As the model has it.
    pub(super) fn of(kind: Kind) -> Self {
        let resource = kind.resource();
        Self {
            kind: resource.kind,
            group: resource.group,
            version: resource.version,
            plural: resource.plural,
        }
    }

    /// As `oc` takes it: `machinesets.machine.openshift.io`.
    pub(super) fn full_name(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// Where the objects of a namespace are; of the whole cluster where that is empty.
    pub(super) fn path(&self, namespace: &str) -> String {
        let root = match self.group {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        match namespace {
            "" => format!("{root}/{}", self.plural),
            namespace => {
                format!("{root}/namespaces/{}/{}", escaped(namespace), self.plural)
            }
        }
    }
}

/// Of a list: where it goes on.
#[derive(Deserialize)]
struct List {
    metadata: ListMeta,
    /// So that what is no list is not taken for one.
    #[serde(rename = "items")]
    _items: IgnoredAny,
}

#[derive(Deserialize)]
struct ListMeta {
    #[serde(default, rename = "continue")]
    token: String,
}

impl Cluster {
    /// Everything that a plan of boot images looks at, but for Secrets.
    pub async fn boot_image_objects(&self) -> Result<Vec<Text>, ClusterError> {
        // A caller's own state stays small.
        Box::pin(self.read_boot_image_objects()).await
    }

    async fn read_boot_image_objects(&self) -> Result<Vec<Text>, ClusterError> {
        let api = names::MACHINE_API_NAMESPACE;
        let stream = (names::MCO_NAMESPACE, names::BOOT_IMAGES_CONFIG_MAP);
        // Without the first two it is no OpenShift cluster; other kinds may be missing.
        let (version, sets, control_plane, nodes, stream) = tokio::try_join!(
            self.named(Kind::ClusterVersion, "", names::VERSION),
            self.list(Kind::MachineSet, api, ""),
            optional(self.list(Kind::ControlPlaneMachineSet, api, "")),
            self.list(Kind::Node, "", names::CONTROL_PLANE_NODE_LABEL),
            self.named(Kind::ConfigMap, stream.0, stream.1),
        )?;
        let provisioning = names::PROVISIONING_CONFIGURATION;
        let (configuration, gates, infrastructure, pool, provisioning) = tokio::try_join!(
            optional(self.named(Kind::MachineConfiguration, "", names::CLUSTER)),
            optional(self.named(Kind::FeatureGate, "", names::CLUSTER)),
            optional(self.named(Kind::Infrastructure, "", names::CLUSTER)),
            optional(self.named(Kind::MachineConfigPool, "", names::MASTER_POOL)),
            optional(self.named(Kind::Provisioning, "", provisioning)),
        )?;
        let rendered = match pool.first().and_then(target_configuration) {
            Some(name) => self.named(Kind::MachineConfig, "", &name).await?,
            None => Vec::new(),
        };
        let install_config = if infrastructure.first().is_some_and(is_vsphere) {
            let (namespace, name) = names::INSTALL_CONFIG;
            self.named(Kind::ConfigMap, namespace, name).await?
        } else {
            Vec::new()
        };
        let workers = [sets, control_plane, nodes, stream, rendered, install_config];
        let singletons = [
            version,
            configuration,
            gates,
            infrastructure,
            pool,
            provisioning,
        ];
        Ok(workers.into_iter().chain(singletons).flatten().collect())
    }

    /// Secrets of the Machine API, each by its name; those that are not there are left out.
    pub async fn machine_api_secrets(
        &self,
        secrets: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<Text>, ClusterError> {
        let mut texts = Vec::new();
        for name in secrets {
            texts.extend(
                self.named(Kind::Secret, names::MACHINE_API_NAMESPACE, name)
                    .await?,
            );
        }
        Ok(texts)
    }

    /// One object as JSON; `None` where it is not there.
    pub async fn object(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, ClusterError> {
        let texts = self.named(kind, namespace, name).await?;
        Ok(texts.into_iter().next().map(|text| text.json))
    }

    /// One object, as the only element; none where it is not there.
    async fn named(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<Text>, ClusterError> {
        let resource = Resource::of(kind);
        let call = Call {
            verb: "get",
            resource,
            namespace,
            name,
        };
        let Some(segment) = path_segment(name) else {
            // Such an object cannot exist; a name from a file is not to lead elsewhere.
            return Ok(Vec::new());
        };
        let uri = format!("{}/{segment}", resource.path(namespace));
        match self.call(&call, &Message::get(uri)).await {
            Ok(json) => Ok(vec![self.text(&call, json)]),
            Err(ClusterError::NotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// All objects of a namespace, page by page. `label` is one that they have to have; empty for
    /// any.
    async fn list(
        &self,
        kind: Kind,
        namespace: &str,
        label: &str,
    ) -> Result<Vec<Text>, ClusterError> {
        let resource = Resource::of(kind);
        let call = Call {
            verb: "list",
            resource,
            namespace,
            name: "",
        };
        let selector = match label {
            "" => String::new(),
            label => format!("&labelSelector={}", escaped(label)),
        };
        let mut pages = Vec::new();
        let mut from = String::new();
        loop {
            let uri = format!("{}?limit={PAGE}{selector}{from}", resource.path(namespace));
            let json = self.call(&call, &Message::get(uri)).await?;
            let list: List =
                serde_json::from_str(&json).map_err(|error| ClusterError::Nonsense {
                    server: self.server().to_owned(),
                    what: call.to_string(),
                    problem: error.to_string(),
                })?;
            pages.push(self.text(&call, json));
            if list.metadata.token.is_empty() {
                return Ok(pages);
            }
            from = format!("&continue={}", escaped(&list.metadata.token));
        }
    }

    fn text(&self, call: &Call<'_>, json: String) -> Text {
        Text {
            path: format!("{} ({call})", self.server()),
            document: 1,
            json,
        }
    }
}

/// A kind that a cluster may be without.
async fn optional(
    read: impl Future<Output = Result<Vec<Text>, ClusterError>>,
) -> Result<Vec<Text>, ClusterError> {
    match read.await {
        Err(ClusterError::NoSuchKind { .. }) => Ok(Vec::new()),
        other => other,
    }
}

fn target_configuration(pool: &Text) -> Option<String> {
    let object = RawObject::parse(&pool.json).ok()??;
    let pool = MachineConfigPool::read(&object).ok()?;
    pool.target_configuration
        .map(|name| name.as_str().to_owned())
}

fn is_vsphere(infrastructure: &Text) -> bool {
    let object = RawObject::parse(&infrastructure.json).ok().flatten();
    let read = object.and_then(|object| Infrastructure::read(&object).ok());
    read.and_then(|read| read.platform()) == Some(Platform::VSphere)
}

/// A name as it stands in a path; `None` where no object can have it.
pub(super) fn path_segment(name: &str) -> Option<String> {
    let possible = !name.is_empty() && name != "." && name != ".." && !name.contains('/');
    possible.then(|| escaped(name))
}

/// Percent-encoded but for what never needs it (RFC 3986).
pub(super) fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_path() {
        for (kind, namespace, path) in [
            (Kind::Secret, "n", "/api/v1/namespaces/n/secrets"),
            (Kind::Node, "", "/api/v1/nodes"),
            (
                Kind::MachineSet,
                "n",
                "/apis/machine.openshift.io/v1beta1/namespaces/n/machinesets",
            ),
            (
                Kind::Provisioning,
                "",
                "/apis/metal3.io/v1alpha1/provisionings",
            ),
        ] {
            assert_eq!(Resource::of(kind).path(namespace), path);
        }
        for kind in Kind::ALL {
            let plural = Resource::of(*kind).plural;
            assert_eq!(plural, format!("{}s", kind.name().to_lowercase()));
        }
    }

    #[test]
    fn a_name_from_a_file_leads_nowhere_else() {
        assert_eq!(path_segment("worker-a").as_deref(), Some("worker-a"));
        assert_eq!(path_segment("a?b c").as_deref(), Some("a%3Fb%20c"));
        for name in ["", ".", "..", "a/b", "../secrets"] {
            assert_eq!(path_segment(name), None, "{name}");
        }
    }
}
