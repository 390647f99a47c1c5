//! Boot images as provider specs hold them, platform by platform.

use crate::Text;

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
