//! What a plan asks for.

use serde::{Deserialize, Serialize};

/// Something that a plan has to know before it can decide, as `needs` lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind")]
pub enum FactRequest {
    /// BI-262: who owns an image, and what it is called.
    AwsImage {
        /// The region, e.g. `us-east-1`.
        region: String,
        /// The image, e.g. `ami-0123456789abcdef0`.
        id: String,
    },
    /// BI-267: which images of a marketplace product there are.
    #[serde(rename_all = "camelCase")]
    AwsMarketplaceImages {
        /// The region, e.g. `us-east-1`.
        region: String,
        /// The product: every image of the owner `aws-marketplace` whose name contains it.
        product_id: String,
    },
    /// BI-316 … BI-321: which template a vCenter has.
    VsphereTemplate(VsphereSearch),
}

/// Where to look for the template of a set, and under which names.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VsphereSearch {
    /// Host name of the vCenter.
    pub server: String,
    /// The datacenter in which to look.
    pub datacenter: String,
    /// The folder whose inventory path is asked for; may be empty.
    pub folder: String,
    /// The names of the machines that are asked for, wherever in the datacenter they are.
    pub names: Vec<String>,
}
