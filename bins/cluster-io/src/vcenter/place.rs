//! Where an import goes (BI-325, BI-326, BI-329).

use openshift_model::vcenter::TemplateImport;

use super::error::VcenterError;
use super::facts::absolute;
use super::inventory::Object;
use super::session::{Reference, Session};
use super::steps::StepError;

/// What an import needs to know of the vCenter.
pub(super) struct Place {
    pub(super) resource_pool: Reference,
    pub(super) datastore: Reference,
    pub(super) network: Reference,
    pub(super) host: Reference,
}

impl Place {
    pub(super) async fn find(
        session: &Session,
        import: &TemplateImport,
    ) -> Result<Self, StepError> {
        let datacenter = &import.datacenter;
        let cluster = absolute(datacenter, "host", &import.compute_cluster);
        let cluster = found(session, "compute cluster", &cluster).await?;
        let pool = absolute(datacenter, "host", &import.resource_pool);
        let resource_pool = found(session, "resource pool", &pool).await?;
        let datastore = absolute(datacenter, "datastore", &import.datastore);
        let datastore = found(session, "datastore", &datastore).await?;
        let cluster = session.object(&cluster, &["host", "network"]).await?;
        let network = network(session, &cluster, &import.network).await?;
        let host = host(session, &cluster, &datastore, &network, import).await?;
        Ok(Self {
            resource_pool,
            datastore,
            network,
            host,
        })
    }
}

/// What has a path; BI-325 has the words where there is none.
pub(super) async fn found(
    session: &Session,
    what: &'static str,
    path: &str,
) -> Result<Reference, VcenterError> {
    let found = session.find(path).await?;
    found.ok_or_else(|| session.not_found(what, path))
}

/// BI-326: a network of the cluster, by the last part of its path: networks stand in a folder of
/// their own, and a path below a cluster names none of them.
async fn network(
    session: &Session,
    cluster: &Object,
    path: &str,
) -> Result<Reference, VcenterError> {
    let name = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let networks = session
        .properties(&cluster.references("network"), &["name"])
        .await?;
    let mut named = networks
        .iter()
        .filter(|network| network.text("name") == name);
    match (named.next(), named.next()) {
        (Some(network), None) => Ok(network.reference.clone()),
        (None, _) => Err(session.not_found("network", path)),
        (Some(_), Some(_)) => {
            let exact = session.find(path).await?;
            let is_there =
                |exact: &Reference| networks.iter().any(|network| network.reference == *exact);
            exact
                .filter(is_there)
                .ok_or_else(|| VcenterError::Ambiguous {
                    server: session.server.clone(),
                    what: "network",
                    path: path.to_owned(),
                })
        }
    }
}

/// BI-329: the first host of the cluster that can take it.
async fn host(
    session: &Session,
    cluster: &Object,
    datastore: &Reference,
    network: &Reference,
    import: &TemplateImport,
) -> Result<Reference, StepError> {
    const MAINTENANCE: &str = "runtime.inMaintenanceMode";
    const CONNECTION: &str = "runtime.connectionState";
    let properties = ["name", MAINTENANCE, CONNECTION, "datastore", "network"];
    let hosts = session
        .properties(&cluster.references("host"), &properties)
        .await?;
    if hosts.is_empty() {
        return Err(StepError::NoHosts {
            cluster: import.compute_cluster.clone(),
        });
    }
    let mut reasons = Vec::new();
    for host in &hosts {
        let reason = if host.is(MAINTENANCE) {
            "is in maintenance mode"
        } else if !matches!(host.text(CONNECTION), "connected" | "") {
            "is not connected"
        } else if !host.references("datastore").contains(datastore) {
            "does not see the datastore"
        } else if network.kind == "Network" && !host.references("network").contains(network) {
            "does not see the network"
        } else {
            return Ok(host.reference.clone());
        };
        reasons.push(format!("{} {reason}", host.text("name")));
    }
    Err(StepError::HostsUnavailable {
        hosts: reasons.join(", "),
    })
}
