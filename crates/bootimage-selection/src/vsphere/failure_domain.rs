//! Which failure domain a workspace belongs to (BI-312, BI-313).

use openshift_model::boot_image::VsphereWorkspace;
use openshift_model::{FailureDomain, Text, VspherePlatformSpec};

use super::inventory::clean;

/// BI-312, BI-313: the first failure domain that a workspace belongs to: its vCenter is one of the
/// cluster's, and vCenter, datacenter, datastore, resource pool and machine group agree. Folder,
/// network and template do not count.
pub(super) fn failure_domain<'p, 'a>(
    workspace: &VsphereWorkspace<'_>,
    platform: &'p VspherePlatformSpec<'a>,
) -> Option<&'p FailureDomain<'a>> {
    if !is_a_vcenter_of(platform, &workspace.server) {
        return None;
    }
    let mut domains = platform.failure_domains.iter().flatten();
    domains.find(|domain| {
        let topology = domain.topology.as_ref();
        let datacenter = topology.and_then(|topology| topology.datacenter.as_ref());
        let datastore = topology.and_then(|topology| topology.datastore.as_ref());
        let pool = topology.and_then(|topology| topology.resource_pool.as_deref());
        let host_group = domain.zone_affinity.as_ref();
        let vm_group = host_group
            .and_then(|zone| zone.host_group.as_ref())
            .and_then(|group| group.vm_group.as_ref());
        is(domain.server.as_ref(), &workspace.server)
            && is(datacenter, &workspace.datacenter)
            && is(datastore, &workspace.datastore)
            && is(vm_group, &workspace.vm_group)
            && clean(pool.unwrap_or_default()) == clean(&workspace.resource_pool)
    })
}

/// BI-312: whether a vCenter is one of the cluster's.
pub(super) fn is_a_vcenter_of(platform: &VspherePlatformSpec<'_>, server: &str) -> bool {
    let mut vcenters = platform.vcenters.iter().flatten();
    vcenters.any(|vcenter| is(vcenter.server.as_ref(), server))
}

/// Whether a member has this value; absent is empty.
fn is(member: Option<&Text<'_>>, value: &str) -> bool {
    member.map_or("", Text::as_str) == value
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLATFORM: &str = r#"{"vcenters":[{"server":"other"},{"server":"v"}],"failureDomains":[
        {"name":"fd0","server":"x","topology":{"datacenter":"dc1","datastore":"ds1",
            "resourcePool":"/dc1/host/c1/Resources"}},
        {"name":"fd1","server":"v","topology":{"datacenter":"dc1","datastore":"ds1",
            "resourcePool":"/dc1/host/c1//Resources"}},
        {"name":"fd2","server":"v","topology":{"datacenter":"dc1","datastore":"ds1",
            "resourcePool":"/dc1/host/c1/Resources"}},
        {"name":"fd3","server":"v","topology":{"datacenter":"dc1","datastore":"ds1",
            "resourcePool":"/dc1/host/c1/Resources"},"zoneAffinity":{"hostGroup":{"vmGroup":"g"}}},
        {"name":"fd4","server":"v"}]}"#;

    /// Server, datacenter, datastore, resource pool, machine group.
    fn check(workspace: [&'static str; 5], expected: Option<&str>) {
        let platform: VspherePlatformSpec<'_> = serde_json::from_str(PLATFORM).unwrap();
        let [server, datacenter, datastore, resource_pool, vm_group] = workspace.map(Text::from);
        let workspace = VsphereWorkspace {
            server,
            datacenter,
            folder: "/any".into(),
            datastore,
            resource_pool,
            vm_group,
        };
        let found = failure_domain(&workspace, &platform);
        let name = found.and_then(|domain| domain.name.as_deref());
        assert_eq!(name, expected, "{workspace:?}");
    }

    #[test]
    fn bi_312_bi_313_the_first_failure_domain_that_agrees() {
        let pool = "/dc1/host/c1/Resources";
        check(["v", "dc1", "ds1", pool, ""], Some("fd1"));
        check(
            ["v", "dc1", "ds1", "/dc1/host/c1/Resources/", ""],
            Some("fd1"),
        );
        check(["v", "dc1", "ds1", pool, "g"], Some("fd3"));
        check(["v", "", "", "", ""], Some("fd4"));
        check(["v", "dc2", "ds1", pool, ""], None);
        check(["v", "dc1", "ds2", pool, ""], None);
        check(["v", "dc1", "ds1", "/dc1/host/c2/Resources", ""], None);
        check(["v", "dc1", "ds1", pool, "h"], None);
        check(["V", "dc1", "ds1", pool, ""], None);
    }

    #[test]
    fn bi_312_the_vcenter_has_to_be_the_clusters() {
        check(["x", "dc1", "ds1", "/dc1/host/c1/Resources", ""], None);
        check(["other", "dc1", "ds1", "/dc1/host/c1/Resources", ""], None);
    }
}
