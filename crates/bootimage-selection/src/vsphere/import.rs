//! What an import of a template is made from (BI-320, BI-325 … BI-333).

use openshift_model::boot_image::VsphereBootImage;
use openshift_model::facts::VsphereMachine;
use openshift_model::vcenter::{DiskType, TemplateImport};
use openshift_model::{Architecture, FailureDomain};

use super::inventory::{RETIRED, TEMPORARY, clean, replacement_name};
use super::{VsphereContext, VsphereError};

/// BI-320: longest name that a vCenter takes.
const LONGEST_NAME: usize = 80;

/// What an import is for.
pub(super) struct Wanted<'w> {
    pub(super) image: &'w VsphereBootImage<'w>,
    pub(super) domain: &'w FailureDomain<'w>,
    pub(super) architecture: &'w Architecture,
    /// Name of the template afterwards.
    pub(super) name: &'w str,
    /// The template that it takes the place of.
    pub(super) replaces: Option<&'w VsphereMachine>,
}

/// BI-320, BI-322, BI-325 … BI-330: the import of the release's template; its disk is to take up
/// space as that of an existing one.
pub(super) fn import(
    wanted: &Wanted<'_>,
    existing: Option<&VsphereMachine>,
    release: &str,
    context: &VsphereContext<'_>,
) -> Result<TemplateImport, VsphereError> {
    let &Wanted {
        image,
        domain,
        architecture,
        name,
        replaces,
    } = wanted;
    if name.chars().count() > LONGEST_NAME {
        return Err(VsphereError::NameTooLong {
            name: name.to_owned(),
        });
    }
    let ova = context.stream.vsphere_ova(architecture);
    let (ova, sha256) = ova.map_err(VsphereError::Stream)?;
    let disk_type = match existing {
        Some(machine) => disk_type_of(machine),
        None => disk_type_of_new(name, context)?,
    };
    let workspace = &image.workspace;
    let (compute_cluster, network) = compute_cluster_and_network(domain)?;
    let own_tag = std::iter::once(context.infrastructure_name.to_owned());
    let tags = image.tag_ids.iter().map(|tag| tag.as_str().to_owned());
    Ok(TemplateImport {
        server: workspace.server.as_str().to_owned(),
        datacenter: workspace.datacenter.as_str().to_owned(),
        ova: ova.to_owned(),
        sha256: sha256.to_owned(),
        release: release.to_owned(),
        name: name.to_owned(),
        temporary_name: replacement_name(TEMPORARY, name),
        retired_name: replacement_name(RETIRED, name),
        replaces: replaces.map(|machine| machine.path.clone()),
        folder: workspace.folder.as_str().to_owned(),
        compute_cluster,
        resource_pool: workspace.resource_pool.as_str().to_owned(),
        network,
        datastore: workspace.datastore.as_str().to_owned(),
        disk_type,
        tags: own_tag.chain(tags).collect(),
    })
}

/// BI-326: inventory paths of the cluster of hosts and of the network: the first one of the failure
/// domain, below the cluster of hosts unless it is a path from the root.
fn compute_cluster_and_network(
    domain: &FailureDomain<'_>,
) -> Result<(String, String), VsphereError> {
    let topology = domain.topology.clone().unwrap_or_default();
    let cluster = topology.compute_cluster.as_deref().unwrap_or_default();
    let cluster = if cluster.starts_with('/') {
        clean(cluster)
    } else {
        let datacenter = topology.datacenter.as_deref().unwrap_or_default();
        clean(&format!("/{datacenter}/host/{cluster}"))
    };
    let networks = topology.networks.unwrap_or_default();
    let network = networks
        .first()
        .filter(|network| !network.is_empty())
        .ok_or_else(|| VsphereError::NoNetwork {
            failure_domain: domain.name.as_deref().unwrap_or_default().to_owned(),
        })?;
    let network = if network.starts_with('/') {
        network.as_str().to_owned()
    } else {
        clean(&format!("{cluster}/{network}"))
    };
    Ok((cluster, network))
}

/// BI-332: how the disk of an existing template takes up space; `None` where nobody knows.
fn disk_type_of(machine: &VsphereMachine) -> Option<DiskType> {
    match (machine.thin_provisioned, machine.eagerly_scrub) {
        (Some(true), _) => Some(DiskType::Thin),
        (Some(false), Some(true)) => Some(DiskType::EagerZeroedThick),
        (Some(false), _) => Some(DiskType::Thick),
        (None, _) => None,
    }
}

/// BI-320, BI-332, BI-333: how the disk of a new template is to take up space: as the installer was
/// told.
fn disk_type_of_new(
    name: &str,
    context: &VsphereContext<'_>,
) -> Result<Option<DiskType>, VsphereError> {
    let disk_type = context
        .disk_type
        .as_ref()
        .map_err(|error| VsphereError::NoDiskType {
            name: name.to_owned(),
            error: error.clone(),
        })?;
    match disk_type.as_str() {
        "" => Ok(None),
        "thin" => Ok(Some(DiskType::Thin)),
        "thick" => Ok(Some(DiskType::Thick)),
        "eagerZeroedThick" => Ok(Some(DiskType::EagerZeroedThick)),
        other => Err(VsphereError::DiskType(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_332_the_disk_of_an_existing_template() {
        for (thin_provisioned, eagerly_scrub, expected) in [
            (Some(true), None, Some(DiskType::Thin)),
            (Some(true), Some(true), Some(DiskType::Thin)),
            (Some(false), Some(true), Some(DiskType::EagerZeroedThick)),
            (Some(false), Some(false), Some(DiskType::Thick)),
            (Some(false), None, Some(DiskType::Thick)),
            (None, Some(true), None),
            (None, None, None),
        ] {
            let machine = VsphereMachine {
                thin_provisioned,
                eagerly_scrub,
                ..VsphereMachine::default()
            };
            assert_eq!(disk_type_of(&machine), expected, "{machine:?}");
        }
    }

    /// Expected: cluster of hosts and network, or what is wrong.
    fn check(topology: &str, expected: Result<(&str, &str), &str>) {
        let text = format!(r#"{{"name":"fd1","topology":{topology}}}"#);
        let domain: FailureDomain<'_> = serde_json::from_str(&text).unwrap();
        let found = compute_cluster_and_network(&domain).map_err(|error| error.to_string());
        let found = found
            .as_ref()
            .map(|(cluster, network)| (cluster.as_str(), network.as_str()));
        assert_eq!(found.map_err(String::as_str), expected, "{topology}");
    }

    #[test]
    fn bi_326_the_network_stands_below_the_cluster_of_hosts_or_at_its_path() {
        let cluster = "/dc1/host/c1";
        check(
            r#"{"computeCluster":"/dc1/host/c1","networks":["VM Network","b"]}"#,
            Ok((cluster, "/dc1/host/c1/VM Network")),
        );
        check(
            r#"{"computeCluster":"/dc1/host/c1","networks":["/dc1/network/n"]}"#,
            Ok((cluster, "/dc1/network/n")),
        );
        check(
            r#"{"datacenter":"dc1","computeCluster":"c1","networks":["n"]}"#,
            Ok((cluster, "/dc1/host/c1/n")),
        );
        let none = "failure domain fd1 names no network";
        for networks in ["null", "[]", r#"[""]"#] {
            let topology = format!(r#"{{"computeCluster":"c1","networks":{networks}}}"#);
            check(&topology, Err(none));
        }
    }
}
