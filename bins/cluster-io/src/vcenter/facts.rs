//! Which templates vCenters have (BI-315 … BI-321).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openshift_model::facts::{
    Answer, Fact, FactRequest, VsphereMachine, VsphereMachines, VsphereSearch,
};
use tokio::task::JoinSet;

use super::access::Access;
use super::error::VcenterError;
use super::inventory::Object;
use super::session::{Reference, Session};
use super::xml::Element;
use crate::ec2::Resolved;

const NAME: &str = "name";
const PARENT: &str = "parent";
const VERSION: &str = "summary.config.product.version";
const DEVICES: &str = "config.hardware.device";

/// BI-312 … BI-321: asks vCenters, all of them at the same time, each in one session. Every question
/// about vSphere gets an answer; questions about other clouds are left alone and counted.
///
/// A vCenter that refuses, or cannot be reached, is
/// [`Denied`](openshift_model::facts::Answer::Denied) with the reason, for just its questions.
pub async fn resolve(needs: &[FactRequest], access: &Access) -> Resolved {
    let mut servers: BTreeMap<String, BTreeSet<VsphereSearch>> = BTreeMap::new();
    let mut other = 0;
    for need in needs {
        match need {
            FactRequest::VsphereTemplate(search) => {
                let searches = servers.entry(search.server.clone()).or_default();
                searches.insert(search.clone());
            }
            FactRequest::AwsImage { .. } | FactRequest::AwsMarketplaceImages { .. } => other += 1,
        }
    }
    let access = Arc::new(access.clone());
    let mut asked = JoinSet::new();
    for (server, searches) in servers {
        let access = Arc::clone(&access);
        asked.spawn(async move {
            let answered = of_server(&server, searches, &access).await;
            (server, answered)
        });
    }
    let mut resolved = Resolved {
        other,
        ..Resolved::default()
    };
    while let Some(answered) = asked.join_next().await {
        let Ok((server, answered)) = answered else {
            continue;
        };
        for fact in answered.facts {
            resolved.facts.insert(fact);
        }
        if matches!(answered.problem, Some(VcenterError::Login { .. })) {
            resolved.refused_logins.insert(server);
        }
        let warning = answered.problem.map(|problem| problem.to_string());
        resolved.warnings.extend(warning);
    }
    resolved.warnings.sort();
    resolved
}

/// Answers to all questions about a vCenter, and why some have none.
struct Answered {
    facts: Vec<Fact>,
    problem: Option<VcenterError>,
}

async fn of_server(server: &str, searches: BTreeSet<VsphereSearch>, access: &Access) -> Answered {
    let session = match Session::open(server, access).await {
        Ok(session) => session,
        Err(error) => {
            return Answered {
                facts: denied(searches, &error),
                problem: Some(error),
            };
        }
    };
    let mut by_datacenter: BTreeMap<String, Vec<VsphereSearch>> = BTreeMap::new();
    for search in searches {
        let list = by_datacenter.entry(search.datacenter.clone()).or_default();
        list.push(search);
    }
    let mut facts = Vec::new();
    let mut problem = None;
    for (datacenter, searches) in by_datacenter {
        match of_datacenter(&session, &datacenter, &searches).await {
            Ok(found) => facts.extend(found),
            Err(error) => {
                facts.extend(denied(searches, &error));
                problem = problem.or(Some(error));
            }
        }
    }
    session.close().await;
    Answered { facts, problem }
}

fn denied(searches: impl IntoIterator<Item = VsphereSearch>, error: &VcenterError) -> Vec<Fact> {
    let words = error.to_string();
    let fact = |search| Fact::VsphereTemplate {
        search,
        answer: Answer::Denied(words.clone()),
    };
    searches.into_iter().map(fact).collect()
}

/// BI-315 … BI-319: one look at a datacenter answers all questions about it.
async fn of_datacenter(
    session: &Session,
    datacenter: &str,
    searches: &[VsphereSearch],
) -> Result<Vec<Fact>, VcenterError> {
    let root = session.datacenter(datacenter).await?;
    let properties: &[&str] = &[NAME, PARENT];
    let kinds = [("Folder", properties), ("VirtualMachine", properties)];
    let objects = session.below(&root, &kinds).await?;
    let paths = Paths::new(&root, datacenter, &objects);
    let names: BTreeSet<&str> = searches
        .iter()
        .flat_map(|search| search.names.iter().map(String::as_str))
        .collect();
    let machines: BTreeMap<&Reference, (&str, String)> = objects
        .iter()
        .filter(|object| object.reference.kind == "VirtualMachine")
        .filter(|object| names.contains(object.text(NAME)))
        .filter_map(|object| {
            let path = paths.of(&object.reference)?;
            Some((&object.reference, (object.text(NAME), path)))
        })
        .collect();
    let references: Vec<Reference> = machines
        .keys()
        .map(|reference| (*reference).clone())
        .collect();
    let details = session.properties(&references, &[VERSION, DEVICES]).await?;
    let mut found: Vec<(&str, VsphereMachine)> = details
        .iter()
        .filter_map(|details| {
            let (name, path) = machines.get(&details.reference)?;
            Some((*name, machine(path.clone(), details)))
        })
        .collect();
    found.sort_by(|(_, one), (_, other)| one.path.cmp(&other.path));
    let mut facts = Vec::new();
    for search in searches {
        let matching = found
            .iter()
            .filter(|(name, _)| search.names.iter().any(|wanted| wanted == name));
        let answer = VsphereMachines {
            folder_path: folder_path(session, datacenter, &search.folder).await?,
            machines: matching.map(|(_, machine)| machine.clone()).collect(),
        };
        facts.push(Fact::VsphereTemplate {
            search: search.clone(),
            answer: Answer::Found(answer),
        });
    }
    Ok(facts)
}

/// BI-316: the inventory path of the folder; `None` where there is none.
async fn folder_path(
    session: &Session,
    datacenter: &str,
    folder: &str,
) -> Result<Option<String>, VcenterError> {
    if folder.is_empty() {
        return Ok(None);
    }
    let path = absolute(datacenter, "vm", folder);
    let found = session.find(&path).await?;
    Ok(found.filter(|found| found.kind == "Folder").map(|_| path))
}

/// An inventory path: as it is, or below one of the folders of a datacenter.
pub(super) fn absolute(datacenter: &str, folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{datacenter}/{folder}/{path}")
    };
    let parts = whole.split('/').filter(|part| !part.is_empty());
    parts.fold(String::new(), |path, part| format!("{path}/{part}"))
}

impl Session {
    /// BI-315: a datacenter, by name or inventory path.
    pub(super) async fn datacenter(&self, name: &str) -> Result<Reference, VcenterError> {
        let found = self.find(name).await?;
        found
            .filter(|found| found.kind == "Datacenter")
            .ok_or_else(|| self.not_found("datacenter", name))
    }
}

/// Inventory paths of what stands below a datacenter.
struct Paths<'o> {
    root: &'o Reference,
    root_path: String,
    objects: BTreeMap<&'o Reference, &'o Object>,
}

impl<'o> Paths<'o> {
    fn new(root: &'o Reference, datacenter: &str, objects: &'o [Object]) -> Self {
        let objects = objects.iter().map(|object| (&object.reference, object));
        Self {
            root,
            root_path: format!("/{}", datacenter.trim_matches('/')),
            objects: objects.collect(),
        }
    }

    /// `None` for what stands in no folder: a machine of a vApp, which is no template.
    fn of(&self, reference: &Reference) -> Option<String> {
        /// Deeper folders are a loop.
        const DEEPEST: usize = 100;
        let mut names = Vec::new();
        let mut next = reference.clone();
        while next != *self.root {
            let object = self.objects.get(&next)?;
            names.push(object.text(NAME));
            next = object.reference_at(PARENT)?;
            if names.len() > DEEPEST {
                return None;
            }
        }
        let path = names.iter().rev();
        Some(path.fold(self.root_path.clone(), |path, name| {
            format!("{path}/{name}")
        }))
    }
}

fn machine(path: String, details: &Object) -> VsphereMachine {
    let backing = details.get(DEVICES).and_then(flat_backing);
    let flag = |name: &str| {
        let text = backing?.text_of(name)?;
        Some(matches!(text, "true" | "1"))
    };
    VsphereMachine {
        path,
        version: details.text(VERSION).to_owned(),
        thin_provisioned: flag("thinProvisioned"),
        eagerly_scrub: flag("eagerlyScrub"),
    }
}

/// BI-332: of the last disk that has one.
fn flat_backing(devices: &Element) -> Option<&Element> {
    let mut backings = devices.children.iter().filter_map(|device| {
        let disk = (device.vim_type()? == "VirtualDisk").then_some(device)?;
        let backing = disk.child("backing")?;
        (backing.vim_type()? == "VirtualDiskFlatVer2BackingInfo").then_some(backing)
    });
    backings.next_back()
}
