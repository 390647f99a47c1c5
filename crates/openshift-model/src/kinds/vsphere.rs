//! What Infrastructure says of vSphere (BI-003, BI-313).

use crate::Text;
use crate::object::RawObject;
use crate::read::ReadError;

view! {
    /// `Infrastructure.spec`.
    pub struct InfrastructureSpec<'a> {
        /// The platform's part.
        platform_spec: PlatformSpec<'a> = "platformSpec",
    }
}

impl<'a> InfrastructureSpec<'a> {
    /// Reads the object.
    pub fn read(object: &RawObject<'a>) -> Result<Self, ReadError> {
        object.view("spec")
    }

    /// BI-310: what there is of vSphere, where there is anything.
    pub fn vsphere(&self) -> Option<&VspherePlatformSpec<'a>> {
        self.platform_spec.as_ref()?.vsphere.as_ref()
    }
}

view! {
    /// `Infrastructure.spec.platformSpec`.
    pub struct PlatformSpec<'a> {
        /// vSphere's part.
        vsphere: VspherePlatformSpec<'a> = "vsphere",
    }
}

view! {
    /// `Infrastructure.spec.platformSpec.vsphere`.
    pub struct VspherePlatformSpec<'a> {
        /// The vCenters.
        vcenters: Vec<Vcenter<'a>> = "vcenters",
        /// Where machines may stand.
        failure_domains: Vec<FailureDomain<'a>> = "failureDomains",
    }
}

view! {
    /// A vCenter.
    pub struct Vcenter<'a> {
        /// Its host name.
        server: Text<'a> = "server",
    }
}

view! {
    /// A failure domain.
    pub struct FailureDomain<'a> {
        /// Its name.
        name: Text<'a> = "name",
        /// Host name of its vCenter.
        server: Text<'a> = "server",
        /// What it is made of.
        topology: Topology<'a> = "topology",
        /// Which hosts belong to it.
        zone_affinity: ZoneAffinity<'a> = "zoneAffinity",
    }
}

view! {
    /// What a failure domain is made of. All but the networks are inventory paths.
    pub struct Topology<'a> {
        /// The datacenter: a name.
        datacenter: Text<'a> = "datacenter",
        /// The cluster of hosts.
        compute_cluster: Text<'a> = "computeCluster",
        /// The networks: names, or inventory paths.
        networks: Vec<Text<'a>> = "networks",
        /// The datastore.
        datastore: Text<'a> = "datastore",
        /// The resource pool.
        resource_pool: Text<'a> = "resourcePool",
        /// The template that control planes are cloned from.
        template: Text<'a> = "template",
    }
}

view! {
    /// Which hosts belong to a failure domain.
    pub struct ZoneAffinity<'a> {
        /// A group of hosts.
        host_group: HostGroup<'a> = "hostGroup",
    }
}

view! {
    /// A group of hosts.
    pub struct HostGroup<'a> {
        /// The group of machines that stand on them.
        vm_group: Text<'a> = "vmGroup",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: &str, expected: Option<usize>) {
        let text = format!(
            r#"{{"apiVersion":"config.openshift.io/v1","kind":"Infrastructure","spec":{spec}}}"#
        );
        let object = RawObject::parse(&text).unwrap().unwrap();
        let spec = InfrastructureSpec::read(&object).unwrap();
        let domains = |vsphere: &VspherePlatformSpec<'_>| {
            vsphere.failure_domains.as_deref().unwrap_or_default().len()
        };
        assert_eq!(spec.vsphere().map(domains), expected, "{text}");
    }

    #[test]
    fn bi_310_there_may_be_nothing_of_vsphere() {
        check("null", None);
        check(r#"{"platformSpec":{"type":"VSphere"}}"#, None);
        check(r#"{"platformSpec":{"vsphere":null}}"#, None);
        check(r#"{"platformSpec":{"vsphere":{}}}"#, Some(0));
        check(
            r#"{"platformSpec":{"vsphere":{"vcenters":[{"server":"v","port":443}],
                "failureDomains":[{"name":"a","topology":{"networks":["n"]}},{}]}}}"#,
            Some(2),
        );
    }
}
