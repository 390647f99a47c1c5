//! The rows of the table of reads, and single objects, read from the API server as text.

use std::collections::{BTreeMap, BTreeSet};

use http::Request;
use kube::api::GetParams;
use openshift_model::{
    Infrastructure, Kind, MachineConfigPool, Members, Namer, Platform, RawObject, Read, Resource,
    Which, names,
};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::call::Message;
use super::error::Call;
use super::{Cluster, ClusterError, path};
use crate::files::Text;

/// The end of the log of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRequest<'a> {
    /// The namespace of the pod.
    pub namespace: &'a str,
    /// The pod.
    pub pod: &'a str,
    /// The container.
    pub container: &'a str,
    /// How many lines at most.
    pub lines: usize,
    /// How many bytes of these lines at most.
    pub bytes: usize,
}

impl Cluster {
    /// Reads what a table says, once: what it names and lists, side by side, then what those objects
    /// name. Secrets, and what a plan names, are read when they are needed
    /// ([`Cluster::machine_api_secrets`], [`Cluster::object`]).
    ///
    /// A kind that the API server does not serve counts as absent, unless its row is required.
    pub async fn fetch(&self, table: &[Read]) -> Result<Vec<Text>, ClusterError> {
        // The future is large; boxed, it does not make those of its callers as large.
        Box::pin(self.fetch_rows(table)).await
    }

    async fn fetch_rows(&self, table: &[Read]) -> Result<Vec<Text>, ClusterError> {
        // Of rows that read the same the first one counts.
        let is_covered = |(number, row): (usize, &Read)| {
            let mut others = table.iter().enumerate();
            others.any(|(place, other)| {
                place != number && other.covers(row) && (place < number || !row.covers(other))
            })
        };
        let (at_once, later): (Vec<_>, Vec<_>) = table
            .iter()
            .enumerate()
            .filter(|(_, row)| row.kind != Kind::Secret)
            .filter(|numbered| !is_covered(*numbered))
            .map(|(_, row)| row)
            .partition(|row| row.platform.is_none() && !matches!(row.which, Which::NamedBy { .. }));
        let requests = at_once.into_iter().map(|row| (row.clone(), None));
        let first = self.fetch_all(requests.collect()).await?;
        let of_kind = |kind| {
            let answers = first.iter().filter(move |(of, _)| *of == kind);
            answers.flat_map(|(_, texts)| texts)
        };
        let platform = of_kind(Kind::Infrastructure).find_map(platform);
        let rendered = target_configurations(of_kind(Kind::MachineConfigPool));
        let mut requests = Vec::new();
        for row in later {
            match row.which {
                Which::NamedBy {
                    what: Namer::Pools, ..
                } => requests.extend(
                    rendered
                        .iter()
                        .map(|name| (row.clone(), Some(name.clone()))),
                ),
                Which::NamedBy { .. } => {}
                _ if row.platform == platform => requests.push((row.clone(), None)),
                _ => {}
            }
        }
        let second = self.fetch_all(requests).await?;
        Ok(first
            .into_iter()
            .chain(second)
            .flat_map(|(_, texts)| texts)
            .collect())
    }

    /// Rows side by side, each with the name of its object where the row itself has none; the
    /// answers in the order of the rows.
    async fn fetch_all(
        &self,
        rows: Vec<(Read, Option<String>)>,
    ) -> Result<Vec<(Kind, Vec<Text>)>, ClusterError> {
        let mut requests = JoinSet::new();
        for (number, (row, name)) in rows.into_iter().enumerate() {
            let cluster = self.clone();
            requests.spawn(async move {
                let answer = cluster.fetch_row(&row, name).await;
                (number, row.kind, answer)
            });
        }
        let mut answers = requests.join_all().await;
        answers.sort_by_key(|(number, ..)| *number);
        let answers = answers.into_iter();
        answers
            .map(|(_, kind, answer)| Ok((kind, answer?)))
            .collect()
    }

    async fn fetch_row(&self, row: &Read, name: Option<String>) -> Result<Vec<Text>, ClusterError> {
        let (kind, namespace) = (row.kind, row.namespace);
        let read = match (row.which, &name) {
            (_, Some(name)) => self.named(kind, namespace, name).await,
            (Which::Named(name), None) => self.named(kind, namespace, name).await,
            (Which::Labelled(label), None) => self.list(kind, namespace, Some(label)).await,
            (Which::All | Which::NamedBy { .. }, None) => self.list(kind, namespace, None).await,
        };
        match read {
            Err(ClusterError::NoSuchKind { .. }) if !row.required => Ok(Vec::new()),
            other => other,
        }
    }

    /// Secrets of the Machine API, each by its name; those that are not there are left out.
    pub async fn machine_api_secrets(
        &self,
        secrets: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<Text>, ClusterError> {
        let mut texts = Vec::new();
        for name in secrets {
            let secret = self.named(Kind::Secret, names::MACHINE_API_NAMESPACE, name);
            texts.extend(secret.await?);
        }
        Ok(texts)
    }

    /// Secrets of the Machine API, each by its name, as far as they may be read; by name what the API
    /// server says about the others. Those that are not there are left out.
    pub async fn readable_secrets(
        &self,
        secrets: impl IntoIterator<Item = &str>,
    ) -> Result<(Vec<Text>, BTreeMap<String, String>), ClusterError> {
        let (mut texts, mut forbidden) = (Vec::new(), BTreeMap::new());
        for name in secrets {
            match self.machine_api_secrets([name]).await {
                Ok(secret) => texts.extend(secret),
                Err(ClusterError::Forbidden { problem, .. }) => {
                    forbidden.insert(name.to_owned(), problem);
                }
                Err(error) => return Err(error),
            }
        }
        Ok((texts, forbidden))
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
        let call = Call {
            verb: "get",
            resource: kind.resource(),
            namespace,
            name,
        };
        let Some(segment) = path::segment(name) else {
            // No object can have this name, and a path made of it would lead elsewhere.
            return Ok(Vec::new());
        };
        let path = kube::core::Request::new(path::collection(&call.resource, namespace));
        let request = call.request(path.get(&segment, &GetParams::default()))?;
        match self.call(&call, &Message::repeatable(request)).await {
            Ok(json) => Ok(vec![self.text(&call, json)]),
            Err(ClusterError::NotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The end of a container's log. What is no UTF-8 is replaced: programs print what they like.
    pub async fn log(&self, log: &LogRequest<'_>) -> Result<String, ClusterError> {
        let pods = Kind::Pod.resource();
        let call = Call {
            verb: "get",
            resource: Resource {
                plural: "pods/log",
                ..pods
            },
            namespace: log.namespace,
            name: log.pod,
        };
        let pod = path::segment(log.pod).ok_or(ClusterError::NotFound(log.pod.to_owned()))?;
        let uri = format!("{}/{pod}/log?", path::collection(&pods, log.namespace));
        let start = uri.len();
        let uri = form_urlencoded::Serializer::for_suffix(uri, start)
            .append_pair("container", log.container)
            .append_pair("tailLines", &log.lines.to_string())
            .append_pair("limitBytes", &log.bytes.to_string())
            .finish();
        let request = Request::get(uri).body(Vec::new());
        let request = call.request(request.map_err(kube::core::request::Error::BuildRequest))?;
        let message = Message::repeatable(request);
        let answer = self.call_for_bytes(&call, &message).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    pub(super) fn text(&self, call: &Call<'_>, json: String) -> Text {
        Text {
            path: format!("{} ({call})", self.server()),
            document: 1,
            json,
        }
    }
}

/// What the pools of objects and lists are to run, each once.
fn target_configurations<'t>(texts: impl Iterator<Item = &'t Text>) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Pools<'a> {
        #[serde(borrow)]
        items: Vec<Members<'a>>,
    }
    let kind = Kind::MachineConfigPool;
    let mut targets = BTreeSet::new();
    for text in texts {
        let mut pools: Vec<_> = RawObject::parse(&text.json)
            .ok()
            .flatten()
            .into_iter()
            .collect();
        if pools.is_empty()
            && let Ok(list) = serde_json::from_str::<Pools<'_>>(&text.json)
        {
            // The elements of a list do not say their type.
            let version = kind.resource().api_version();
            let of_type = |pool| RawObject::with_type(pool, &version, kind.name());
            pools.extend(list.items.into_iter().filter_map(of_type));
        }
        let pools = pools
            .iter()
            .filter_map(|pool| MachineConfigPool::read(pool).ok());
        let names = pools.filter_map(|pool| pool.target_configuration);
        targets.extend(names.map(|name| name.as_str().to_owned()));
    }
    targets
}

fn platform(infrastructure: &Text) -> Option<Platform> {
    let object = RawObject::parse(&infrastructure.json).ok()??;
    Infrastructure::read(&object).ok()?.platform()
}
