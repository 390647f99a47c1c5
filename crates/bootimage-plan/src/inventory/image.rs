//! Which image a provider spec names, and what is known of its version.

use bootimage_hazards::read::{aws, azure, gcp, other, vsphere};
use bootimage_hazards::{BootImageVersion, ReadVersion, Release, UnknownVersion};
use openshift_model::boot_image::VsphereBootImage;
use openshift_model::facts::{Answer, AnswerRef, Fact, VsphereMachines};
use openshift_model::{Platform, RawValue};
use providerspec_rewrite::{
    ProviderSpecError, UserDataSecret, aws as spec_aws, azure as spec_azure, gcp as spec_gcp,
    vsphere as spec_vsphere,
};
use serde::Serialize;

use super::{Behind, InventoryInputs};

/// A boot image, and what is known of its version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BootImage {
    /// The image as the provider spec names it; null where it names none that could be read.
    pub image: Option<String>,
    /// Its version; null where it is not known.
    pub version: Option<String>,
    /// The releases of OpenShift that it may belong to, e.g. `4.18` or `4.19 to 4.21`.
    pub releases: Option<String>,
    /// The version of RHEL or CentOS Stream in it.
    pub os: Option<String>,
    /// The day on which it was built, as its version has it.
    pub built: Option<String>,
    /// Why the version is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// What a provider spec says of the image that its machines boot.
pub(super) struct NamedImage<'a> {
    pub(super) image: Option<String>,
    pub(super) version: ReadVersion,
    pub(super) user_data: Option<UserDataSecret<'a>>,
}

impl BootImage {
    /// The image, and what its version tells.
    pub(super) fn of(image: Option<String>, version: &ReadVersion) -> Self {
        match version {
            Ok(version) => Self {
                image,
                version: Some(version.to_string()),
                releases: version.releases().ok().map(|range| range.to_string()),
                os: version.os().map(|os| os.to_string()),
                built: version.built().map(|day| day.to_string()),
                unknown: None,
            },
            Err(why) => Self {
                image,
                unknown: Some(why.to_string()),
                ..Self::default()
            },
        }
    }
}

impl InventoryInputs<'_, '_> {
    /// Reads which image a provider spec names.
    pub(super) fn image<'a>(
        &self,
        platform: Option<&Platform>,
        spec: Option<&'a RawValue>,
    ) -> NamedImage<'a> {
        match platform {
            Some(Platform::Gcp) => named(spec_gcp::read(spec), |spec| {
                let images: Vec<_> = spec
                    .disks
                    .0
                    .iter()
                    .map(|disk| disk.image.as_str())
                    .collect();
                let version = gcp::version(&spec.disks);
                (images.join(", "), version, spec.user_data_secret)
            }),
            Some(Platform::Aws) => named(spec_aws::read(spec), |spec| {
                let facts = self.facts.of_cluster(self.context.aws_region.as_deref());
                let version = aws::version(&spec.image, facts, self.streams.all());
                let id = spec.image.id.as_deref().unwrap_or_default().to_owned();
                (id, version, spec.user_data_secret)
            }),
            Some(Platform::Azure) => named(spec_azure::read(spec), |spec| {
                let version = azure::version(&spec.image);
                (spec.image.to_string(), version, spec.user_data_secret)
            }),
            Some(Platform::VSphere) => named(spec_vsphere::read(spec), |spec| {
                let version = self.template(&spec.image);
                let template = spec.image.template.as_str().to_owned();
                (template, version, spec.user_data_secret)
            }),
            Some(Platform::BareMetal | Platform::Other(_)) | None => NamedImage {
                image: None,
                version: other::version(spec),
                user_data: None,
            },
        }
    }

    /// The version of a template: as a vCenter said that was asked for it, or else by its name.
    fn template(&self, image: &VsphereBootImage<'_>) -> ReadVersion {
        let template = image.template.as_str();
        let name = template.rsplit('/').next().unwrap_or(template);
        let workspace = &image.workspace;
        // The same name may stand for another template in the next datacenter or folder.
        let answer = self.facts.iter().find_map(|fact| match fact {
            Fact::VsphereTemplate { search, answer }
                if search.server == workspace.server.as_str()
                    && search.datacenter == workspace.datacenter.as_str()
                    && search.folder == workspace.folder.as_str()
                    && search.names.iter().any(|asked| asked == name) =>
            {
                Some(answer)
            }
            _ => None,
        });
        let answer: Option<AnswerRef<'_, VsphereMachines>> = answer.as_ref().map(Answer::as_ref);
        vsphere::version(image, answer)
    }

    /// BI-006: the image that the release itself would boot.
    pub(super) fn release_image(
        &self,
        platform: &Platform,
        architecture: Option<&openshift_model::Architecture>,
    ) -> Option<BootImageVersion> {
        let stream = self.streams.default_stream().ok()?;
        bootimage_hazards::read::stream::version(stream, platform, architecture?).ok()
    }

    /// How many releases an image is behind the cluster. Releases of different major versions
    /// cannot be counted: nothing says how many there were in between.
    pub(super) fn behind(&self, version: &ReadVersion) -> Option<Behind> {
        let cluster = self.release.as_ref()?.release();
        let range = version.as_ref().ok()?.releases().ok()?;
        let newest = range.to.unwrap_or(cluster).min(cluster);
        let count = |release: Release| {
            (release.major == cluster.major).then(|| cluster.minor.saturating_sub(release.minor))
        };
        Some(Behind {
            at_least: count(newest)?,
            at_most: count(range.from)?,
        })
    }
}

fn named<'a, S>(
    spec: Result<S, ProviderSpecError>,
    read: impl FnOnce(S) -> (String, ReadVersion, Option<UserDataSecret<'a>>),
) -> NamedImage<'a> {
    match spec {
        Ok(spec) => {
            let (image, version, user_data) = read(spec);
            NamedImage {
                image: Some(image).filter(|image| !image.is_empty()),
                version,
                user_data,
            }
        }
        Err(ProviderSpecError::Missing) => NamedImage {
            image: None,
            version: Err(UnknownVersion::NoImage),
            user_data: None,
        },
        Err(error) => NamedImage {
            image: None,
            version: Err(UnknownVersion::Unreadable {
                problem: error.to_string(),
            }),
            user_data: None,
        },
    }
}
