//! Where the template of a set belongs (BI-312 … BI-315, BI-326).

use openshift_model::boot_image::VsphereBootImage;
use openshift_model::{FailureDomain, Step, Trace, VspherePlatformSpec};

use super::failure_domain::{failure_domain, is_a_vcenter_of};
use super::inventory::{base_name, clean, replacement_name};
use crate::Skip;

const DOMAIN: &str = "Which failure domain does the workspace belong to?";
/// What stands before the hash in the names of templates that belong to no failure domain.
const OWN_NAME: &str = "workspace";

/// Where a template belongs: a failure domain, or what a provider spec says in the place of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    /// Of the failure domain; or one that is made from the members of the provider spec.
    pub(super) name: String,
    /// Inventory path of the cluster of hosts.
    pub(super) compute_cluster: String,
    /// Inventory path of the network; `None` where a failure domain names none.
    pub(super) network: Option<String>,
}

/// BI-314: why a provider spec alone does not say where its template belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlacementProblem {
    /// Nobody has credentials for it.
    #[error("its vCenter is none of those that Infrastructure lists")]
    UnknownVcenter,
    /// A member that an import needs is not there.
    #[error("its provider spec has no {member}")]
    NotSet {
        /// Path of the member in the provider spec.
        member: &'static str,
    },
    /// The cluster of hosts is not told.
    #[error(
        "its workspace.resourcePool is no path /<datacenter>/host/<cluster>/Resources in its \
         datacenter, so that nothing says of which cluster of hosts it is"
    )]
    ResourcePool,
}

/// BI-313, BI-314: where the template of a set belongs: where its failure domain is, or else where
/// its provider spec says.
pub(super) fn placement<T: Trace>(
    image: &VsphereBootImage<'_>,
    platform: &VspherePlatformSpec<'_>,
    trace: &mut T,
) -> Result<Placement, Skip> {
    let workspace = image.workspace.to_string();
    let saw = |step: Step| step.saw("/workspace", Some(&workspace));
    if let Some(domain) = failure_domain(&image.workspace, platform) {
        let placement = of_failure_domain(domain);
        trace.step(|| saw(Step::passed("BI-313", DOMAIN, placement.name.clone())));
        return Ok(placement);
    }
    match of_provider_spec(image, platform) {
        Ok(placement) => {
            trace.step(|| {
                let outcome = "to none, but its provider spec says where a template belongs";
                saw(Step::passed("BI-314", DOMAIN, outcome))
                    .saw("cluster of hosts", Some(&placement.compute_cluster))
                    .saw("network", placement.network.as_deref())
            });
            Ok(placement)
        }
        Err(problem) => {
            trace.step(|| {
                let outcome = format!("to none, and {problem}");
                saw(Step::decided("BI-314", DOMAIN, outcome))
            });
            Err(Skip::NoFailureDomain { workspace, problem })
        }
    }
}

fn of_failure_domain(domain: &FailureDomain<'_>) -> Placement {
    let topology = domain.topology.clone().unwrap_or_default();
    let cluster = topology.compute_cluster.as_deref().unwrap_or_default();
    let compute_cluster = if cluster.starts_with('/') {
        clean(cluster)
    } else {
        let datacenter = topology.datacenter.as_deref().unwrap_or_default();
        clean(&format!("/{datacenter}/host/{cluster}"))
    };
    let networks = topology.networks.unwrap_or_default();
    let network = networks.first().filter(|network| !network.is_empty());
    Placement {
        name: domain.name.as_deref().unwrap_or_default().to_owned(),
        network: network.map(|network| network_path(&compute_cluster, network)),
        compute_cluster,
    }
}

/// BI-326: a network stands below the cluster of hosts, unless it is a path from the root.
fn network_path(compute_cluster: &str, network: &str) -> String {
    if network.starts_with('/') {
        return network.to_owned();
    }
    clean(&format!("{compute_cluster}/{network}"))
}

/// BI-314: what the provider spec says itself. Sets that agree in all of it share a template, as
/// those of a failure domain do.
fn of_provider_spec(
    image: &VsphereBootImage<'_>,
    platform: &VspherePlatformSpec<'_>,
) -> Result<Placement, PlacementProblem> {
    let workspace = &image.workspace;
    for (member, value) in [
        ("workspace.server", &workspace.server),
        ("workspace.datacenter", &workspace.datacenter),
        ("workspace.folder", &workspace.folder),
        ("workspace.datastore", &workspace.datastore),
        ("workspace.resourcePool", &workspace.resource_pool),
        ("network.devices[0].networkName", &image.network),
    ] {
        if value.is_empty() {
            return Err(PlacementProblem::NotSet { member });
        }
    }
    if !is_a_vcenter_of(platform, &workspace.server) {
        return Err(PlacementProblem::UnknownVcenter);
    }
    let pool = clean(&workspace.resource_pool);
    let compute_cluster = cluster_of_pool(&pool, base_name(&workspace.datacenter));
    let compute_cluster = compute_cluster.ok_or(PlacementProblem::ResourcePool)?;
    let network = network_path(&compute_cluster, &image.network);
    let members = [
        &*workspace.server.to_ascii_lowercase(),
        &workspace.datacenter,
        &workspace.datastore,
        &pool,
        &network,
    ];
    Ok(Placement {
        name: replacement_name(OWN_NAME, &members.join("\n")),
        compute_cluster,
        network: Some(network),
    })
}

/// The cluster of hosts that a resource pool is of: what its path names between `host` of the
/// datacenter and the first `Resources`, be it in folders.
fn cluster_of_pool(pool: &str, datacenter: &str) -> Option<String> {
    let parts: Vec<&str> = pool.split('/').collect();
    let pools = parts.iter().position(|part| *part == "Resources")?;
    let cluster = parts.get(..pools)?;
    let host = cluster.iter().position(|part| *part == "host")?;
    let of_datacenter = cluster.get(..host)?;
    let is_whole = pool.starts_with('/') && cluster.len() > host + 1;
    let is_here = of_datacenter.last() == Some(&datacenter);
    (is_whole && is_here).then(|| cluster.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::boot_image::VsphereWorkspace;

    /// Expected: cluster of hosts and network.
    fn check_domain(topology: &str, expected: (&str, Option<&str>)) {
        let text = format!(r#"{{"name":"fd1","topology":{topology}}}"#);
        let found = of_failure_domain(&serde_json::from_str(&text).unwrap());
        let placement = (found.compute_cluster.as_str(), found.network.as_deref());
        assert_eq!(placement, expected, "{topology}");
        assert_eq!(found.name, "fd1");
    }

    #[test]
    fn bi_326_the_network_stands_below_the_cluster_of_hosts_or_at_its_path() {
        let cluster = "/dc1/host/c1";
        check_domain(
            r#"{"computeCluster":"/dc1/host/c1","networks":["VM Network","b"]}"#,
            (cluster, Some("/dc1/host/c1/VM Network")),
        );
        check_domain(
            r#"{"computeCluster":"/dc1/host/c1","networks":["/dc1/network/n"]}"#,
            (cluster, Some("/dc1/network/n")),
        );
        check_domain(
            r#"{"datacenter":"dc1","computeCluster":"c1","networks":["n"]}"#,
            (cluster, Some("/dc1/host/c1/n")),
        );
        for networks in ["null", "[]", r#"[""]"#] {
            let topology = format!(r#"{{"computeCluster":"/dc1/host/c1","networks":{networks}}}"#);
            check_domain(&topology, (cluster, None));
        }
    }

    #[test]
    fn bi_314_the_cluster_of_hosts_stands_in_the_path_of_the_resource_pool() {
        for (pool, datacenter, expected) in [
            ("/dc1/host/c1/Resources", "dc1", Some("/dc1/host/c1")),
            ("/dc1/host/c1/Resources/a/b", "dc1", Some("/dc1/host/c1")),
            (
                "/dc1/host/c1/Resources/Resources",
                "dc1",
                Some("/dc1/host/c1"),
            ),
            (
                "/f/dc1/host/g/c1/Resources",
                "dc1",
                Some("/f/dc1/host/g/c1"),
            ),
            ("/dc2/host/c1/Resources", "dc1", None),
            ("dc1/host/c1/Resources", "dc1", None),
            ("/dc1/host/Resources", "dc1", None),
            ("/dc1/host/c1/ResourcesOfOthers", "dc1", None),
            (
                "/dc1/host/Resources2/Resources",
                "dc1",
                Some("/dc1/host/Resources2"),
            ),
            ("/dc1/vm/c1/Resources", "dc1", None),
            ("/dc1/host/c1", "dc1", None),
            ("pool", "dc1", None),
            (".", "dc1", None),
        ] {
            let found = cluster_of_pool(pool, datacenter);
            assert_eq!(found.as_deref(), expected, "{pool}");
        }
    }

    fn image() -> VsphereBootImage<'static> {
        VsphereBootImage {
            workspace: VsphereWorkspace {
                server: "v".into(),
                datacenter: "dc1".into(),
                folder: "/dc1/vm/f".into(),
                datastore: "ds1".into(),
                resource_pool: "/dc1/host/c1//Resources".into(),
                vm_group: "g".into(),
            },
            network: "n".into(),
            ..VsphereBootImage::default()
        }
    }

    fn check(image: &VsphereBootImage<'_>, expected: &Result<Placement, PlacementProblem>) {
        let platform = r#"{"vcenters":[{"server":"other"},{"server":"v"}]}"#;
        let platform: VspherePlatformSpec<'_> = serde_json::from_str(platform).unwrap();
        assert_eq!(&of_provider_spec(image, &platform), expected, "{image:?}");
    }

    #[test]
    fn bi_314_a_provider_spec_says_where_its_template_belongs() {
        let placement = |network: &str, hash: &str| Placement {
            name: format!("workspace-{hash}"),
            compute_cluster: "/dc1/host/c1".to_owned(),
            network: Some(network.to_owned()),
        };
        check(&image(), &Ok(placement("/dc1/host/c1/n", "a59e2350")));
        // The same place, in other letters.
        let mut same = image();
        same.workspace.resource_pool = "/dc1/host/c1/Resources/".into();
        same.workspace.vm_group = "".into();
        check(&same, &Ok(placement("/dc1/host/c1/n", "a59e2350")));
        let mut other = image();
        other.network = "/dc1/network/n".into();
        check(&other, &Ok(placement("/dc1/network/n", "82ef1cc3")));
    }

    #[test]
    fn bi_314_what_an_import_needs_has_to_be_there() {
        type Change = fn(&mut VsphereBootImage<'_>);
        let changes: [(Change, &str); 6] = [
            (|it| it.workspace.server = "".into(), "workspace.server"),
            (
                |it| it.workspace.datacenter = "".into(),
                "workspace.datacenter",
            ),
            (|it| it.workspace.folder = "".into(), "workspace.folder"),
            (
                |it| it.workspace.datastore = "".into(),
                "workspace.datastore",
            ),
            (
                |it| it.workspace.resource_pool = "".into(),
                "workspace.resourcePool",
            ),
            (
                |it| it.network = "".into(),
                "network.devices[0].networkName",
            ),
        ];
        for (change, member) in changes {
            let mut image = image();
            change(&mut image);
            check(&image, &Err(PlacementProblem::NotSet { member }));
        }
        let mut unknown = image();
        unknown.workspace.server = "V".into();
        check(&unknown, &Err(PlacementProblem::UnknownVcenter));
        let mut pool = image();
        pool.workspace.resource_pool = "c1/Resources".into();
        check(&pool, &Err(PlacementProblem::ResourcePool));
    }
}
