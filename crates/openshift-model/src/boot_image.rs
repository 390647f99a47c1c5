//! Boot images as provider specs hold them, platform by platform.

use std::fmt;

use crate::read::{WrongType, read};
use crate::{RawValue, Text};

/// The boot disks of a GCP provider spec, in order. Disks that do not boot are not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcpBootDisks<'a>(pub Vec<GcpBootDisk<'a>>);

/// One boot disk of a GCP provider spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcpBootDisk<'a> {
    /// Its place in `disks`, counted from 0.
    pub index: usize,
    /// `image`: `projects/<project>/global/images/<name>`, a URL of one, or empty where it is not
    /// set.
    pub image: Text<'a>,
}

/// What an AWS provider spec boots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsBootImage<'a> {
    /// `ami.id`; `None` where the spec names its image otherwise (by ARN, by filters) or not at
    /// all.
    pub id: Option<Text<'a>>,
    /// `placement.region`, empty where it is not set.
    pub region: Text<'a>,
}

/// BI-291, BI-296: the image of an Azure provider spec: in the marketplace, or uploaded when the
/// cluster was installed. What is not set is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AzureBootImage<'a> {
    /// Who publishes it.
    pub publisher: Text<'a>,
    /// What it belongs to.
    pub offer: Text<'a>,
    /// Which of the offer's images it is.
    pub sku: Text<'a>,
    /// Its version.
    pub version: Text<'a>,
    /// Of an uploaded image: what Azure calls it.
    pub resource_id: Text<'a>,
    /// `type`: `MarketplaceNoPlan`, `MarketplaceWithPlan`, `ID`, or absent.
    pub kind: Text<'a>,
}

view! {
    /// `image` of an Azure provider spec.
    struct AzureImage<'a> {
        publisher: Text<'a> = "publisher",
        offer: Text<'a> = "offer",
        sku: Text<'a> = "sku",
        version: Text<'a> = "version",
        resource_id: Text<'a> = "resourceID",
        kind: Text<'a> = "type",
    }
}

impl<'a> AzureBootImage<'a> {
    /// Reads `image` of a provider spec; `at` is the JSON pointer to it, for errors.
    pub fn read(image: &'a RawValue, at: &str) -> Result<Self, WrongType> {
        let image: AzureImage<'a> = read(image, at)?;
        Ok(Self {
            publisher: image.publisher.unwrap_or_default(),
            offer: image.offer.unwrap_or_default(),
            sku: image.sku.unwrap_or_default(),
            version: image.version.unwrap_or_default(),
            resource_id: image.resource_id.unwrap_or_default(),
            kind: image.kind.unwrap_or_default(),
        })
    }

    /// BI-291: whether it was uploaded when the cluster was installed.
    pub fn is_uploaded(&self) -> bool {
        !self.resource_id.is_empty()
    }

    /// BI-294: whether its name says that it is of generation 2: that of an uploaded image, or
    /// else its SKU. A name that does not say so says nothing.
    pub fn is_named_generation_2(&self) -> bool {
        if self.is_uploaded() {
            return self.resource_id.contains("gen2");
        }
        self.sku.contains("v2") || self.sku.contains("gen2")
    }

    /// Whether it is of generation 2 beyond doubt: what the installer uploads, or what is published, says
    /// so at the end of its name. Names of resource groups and galleries, in which a cluster's own name
    /// stands, count for nothing.
    pub fn is_surely_generation_2(&self) -> bool {
        if self.is_uploaded() {
            let image = self.resource_id.split_once("/images/");
            let image = image.and_then(|(_, rest)| rest.split('/').next());
            return image.is_some_and(|image| image.ends_with("-gen2"));
        }
        ["-v2", "_gen2", "-gen2"]
            .iter()
            .any(|end| self.sku.ends_with(end))
    }
}

impl fmt::Display for AzureBootImage<'_> {
    /// As Azure writes it: the id of an uploaded image, or else
    /// `<publisher>:<offer>:<sku>:<version>`. Empty where nothing is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_uploaded() {
            return f.write_str(&self.resource_id);
        }
        let parts = [&self.publisher, &self.offer, &self.sku, &self.version];
        if parts.iter().all(|part| part.is_empty()) {
            return Ok(());
        }
        let [publisher, offer, sku, version] = parts;
        write!(f, "{publisher}:{offer}:{sku}:{version}")
    }
}

/// What a vSphere provider spec boots, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VsphereBootImage<'a> {
    /// Name of the template, or its inventory path; empty where it is not set.
    pub template: Text<'a>,
    /// Where machines are made.
    pub workspace: VsphereWorkspace<'a>,
    /// `tagIDs`: what machines and templates are tagged with.
    pub tag_ids: Vec<Text<'a>>,
    /// The network of the first of `network.devices`: a name, or its inventory path; empty where it
    /// is not set.
    pub network: Text<'a>,
}

/// Where machines are made. What is not set is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VsphereWorkspace<'a> {
    /// Host name of the vCenter.
    pub server: Text<'a>,
    /// Name of the datacenter.
    pub datacenter: Text<'a>,
    /// The folder of the machines.
    pub folder: Text<'a>,
    /// The datastore.
    pub datastore: Text<'a>,
    /// The resource pool.
    pub resource_pool: Text<'a>,
    /// The group that binds machines to hosts.
    pub vm_group: Text<'a>,
}

impl fmt::Display for VsphereWorkspace<'_> {
    /// BI-314: as the reference lists it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            server,
            datacenter,
            folder: _,
            datastore,
            resource_pool,
            vm_group,
        } = self;
        write!(
            f,
            "server: {server}, datacenter: {datacenter}, datastore: {datastore}, resourcePool: \
             {resource_pool}"
        )?;
        if vm_group.is_empty() {
            return Ok(());
        }
        write!(f, ", vmGroup: {vm_group}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_azure_image_is_written_as_azure_writes_it() {
        let mut image = AzureBootImage::default();
        assert_eq!(image.to_string(), "");
        image.publisher = "azureopenshift".into();
        image.version = "1".into();
        assert_eq!(image.to_string(), "azureopenshift:::1");
        image.resource_id = "/images/x".into();
        assert_eq!(image.to_string(), "/images/x");
    }

    #[test]
    fn bi_314_a_workspace_is_listed_as_the_reference_lists_it() {
        let mut workspace = VsphereWorkspace {
            server: "v".into(),
            datacenter: "dc1".into(),
            folder: "f".into(),
            datastore: "ds".into(),
            resource_pool: "rp".into(),
            vm_group: "".into(),
        };
        let listed = "server: v, datacenter: dc1, datastore: ds, resourcePool: rp";
        assert_eq!(workspace.to_string(), listed);
        workspace.vm_group = "g".into();
        assert_eq!(workspace.to_string(), format!("{listed}, vmGroup: g"));
    }
}
