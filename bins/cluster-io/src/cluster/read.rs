//! What a plan looks at, read from the API server as text.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use http::Request;
use kube::api::{GetParams, ListParams};
use openshift_model::{
    Infrastructure, Kind, MachineConfigPool, Members, Platform, RawObject, names,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::call::Message;
use super::error::Call;
use super::{Cluster, ClusterError};
use crate::files::Text;

/// How many objects are asked for at once: a page of MachineSets is about a megabyte.
const PAGE: u32 = 500;
/// How many pages a list may have: half a million objects are more than any cluster holds.
const MAX_PAGES: usize = 1_000;
/// How long a list may take, all pages together.
const LIST_TIMEOUT: Duration = Duration::from_mins(5);
/// What is percent-encoded in a segment of a path: all but what RFC 3986 calls unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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

/// The part of a list that tells where its next page is.
#[derive(Deserialize)]
struct List {
    metadata: ListMeta,
    /// Required, so that what is no list is an error.
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
        // The future is large; boxed, it does not make those of its callers as large.
        Box::pin(self.read_boot_image_objects()).await
    }

    async fn read_boot_image_objects(&self) -> Result<Vec<Text>, ClusterError> {
        let api = names::MACHINE_API_NAMESPACE;
        // Without MachineSets it is no OpenShift cluster; ControlPlaneMachineSets may be missing.
        let (sets, control_plane, shared) = tokio::try_join!(
            self.list(Kind::MachineSet, api, None),
            optional(self.list(Kind::ControlPlaneMachineSet, api, None)),
            self.shared_boot_image_objects(),
        )?;
        let all = [sets, control_plane, shared];
        Ok(all.into_iter().flatten().collect())
    }

    /// The part of [`Cluster::boot_image_objects`] that holds for all machine resources.
    pub async fn shared_boot_image_objects(&self) -> Result<Vec<Text>, ClusterError> {
        let stream = (names::MCO_NAMESPACE, names::BOOT_IMAGES_CONFIG_MAP);
        // Without ClusterVersion it is no OpenShift cluster; other kinds may be missing.
        let (version, nodes, stream) = tokio::try_join!(
            self.named(Kind::ClusterVersion, "", names::VERSION),
            self.list(Kind::Node, "", Some(names::CONTROL_PLANE_NODE_LABEL)),
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
        let all = [
            nodes,
            stream,
            rendered,
            install_config,
            version,
            configuration,
            gates,
            infrastructure,
            pool,
            provisioning,
        ];
        Ok(all.into_iter().flatten().collect())
    }

    /// What an inventory looks at besides: machines, all nodes and pools, and what pools are to run.
    pub async fn inventory_objects(&self) -> Result<Vec<Text>, ClusterError> {
        Box::pin(self.read_inventory_objects()).await
    }

    async fn read_inventory_objects(&self) -> Result<Vec<Text>, ClusterError> {
        let api = names::MACHINE_API_NAMESPACE;
        let (machines, nodes, pools, configs, builds) = tokio::try_join!(
            optional(self.list(Kind::Machine, api, None)),
            self.list(Kind::Node, "", None),
            optional(self.list(Kind::MachineConfigPool, "", None)),
            optional(self.list(Kind::MachineOSConfig, "", None)),
            optional(self.list(Kind::MachineOSBuild, "", None)),
        )?;
        let (machine_config, machine_api) = tokio::try_join!(
            optional(self.named(Kind::ClusterOperator, "", "machine-config")),
            optional(self.named(Kind::ClusterOperator, "", "machine-api")),
        )?;
        let mut rendered = Vec::new();
        for name in target_configurations(&pools) {
            rendered.extend(self.named(Kind::MachineConfig, "", &name).await?);
        }
        let kinds = [
            machines,
            nodes,
            pools,
            configs,
            builds,
            machine_config,
            machine_api,
            rendered,
        ];
        Ok(kinds.into_iter().flatten().collect())
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

    /// One object with where it is from, as the only element; none where it is not there.
    pub(crate) async fn named(
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
            // No object can have this name, and a path made of it would lead elsewhere.
            return Ok(Vec::new());
        };
        let path = kube::core::Request::new(resource.path(namespace));
        let request = call.request(path.get(&segment, &GetParams::default()))?;
        match self.call(&call, &repeatable(request)).await {
            Ok(json) => Ok(vec![self.text(&call, json)]),
            Err(ClusterError::NotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// All objects of a namespace, page by page; those with a label where one is named.
    async fn list(
        &self,
        kind: Kind,
        namespace: &str,
        label: Option<&str>,
    ) -> Result<Vec<Text>, ClusterError> {
        let call = Call {
            verb: "list",
            resource: Resource::of(kind),
            namespace,
            name: "",
        };
        let pages = async {
            match self.pages(&call, label).await {
                // What was read belongs to a state that the server has forgotten.
                Err(ClusterError::Expired { .. }) => self.pages(&call, label).await,
                other => other,
            }
        };
        let answered = tokio::time::timeout(LIST_TIMEOUT, pages).await;
        answered.unwrap_or_else(|_| {
            let seconds = LIST_TIMEOUT.as_secs();
            Err(self.endless(&call, format!("{seconds} s are over")))
        })
    }

    async fn pages(&self, call: &Call<'_>, label: Option<&str>) -> Result<Vec<Text>, ClusterError> {
        let path = kube::core::Request::new(call.resource.path(call.namespace));
        let mut params = ListParams::default().limit(PAGE);
        params.label_selector = label.map(str::to_owned);
        let mut pages = Vec::new();
        let mut tokens = HashSet::new();
        while pages.len() < MAX_PAGES {
            let request = call.request(path.list(&params))?;
            let json = self.call(call, &repeatable(request)).await?;
            let list: List = serde_json::from_str(&json)
                .map_err(|error| self.not_an_api_server(call, &error))?;
            pages.push(self.text(call, json));
            let token = list.metadata.token;
            if token.is_empty() {
                return Ok(pages);
            }
            if !tokens.insert(token.clone()) {
                return Err(self.endless(call, "a page names one before it as the next".to_owned()));
            }
            params.continue_token = Some(token);
        }
        Err(self.endless(call, format!("it has more than {MAX_PAGES} pages")))
    }

    fn endless(&self, call: &Call<'_>, problem: String) -> ClusterError {
        ClusterError::EndlessList {
            server: self.server().to_owned(),
            what: call.to_string(),
            problem,
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

/// What the pools of lists are to run, each once.
fn target_configurations(lists: &[Text]) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Pools<'a> {
        #[serde(borrow)]
        items: Vec<Members<'a>>,
    }
    let kind = Kind::MachineConfigPool;
    let pools = lists
        .iter()
        .filter_map(|text| serde_json::from_str::<Pools<'_>>(&text.json).ok())
        .flat_map(|list| list.items)
        .filter_map(|pool| RawObject::with_type(pool, &kind.resource().api_version(), kind.name()));
    let targets = pools.filter_map(|object| {
        let pool = MachineConfigPool::read(&object).ok()?;
        Some(pool.target_configuration?.as_str().to_owned())
    });
    targets.collect()
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

/// Percent-encoded for a segment of a path.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

fn repeatable(request: Request<Vec<u8>>) -> Message {
    Message {
        request,
        repeatable: true,
    }
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
