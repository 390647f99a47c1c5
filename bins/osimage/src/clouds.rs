//! Clouds as the command line and the environment say how to reach them.

use cluster_io::clouds::{Certificates, Clouds};
use cluster_io::cluster::Cluster;

use crate::cli::VcenterArgs;

/// Clouds, asked with the credentials of the environment, or else of the cluster.
pub(crate) fn clouds<'a>(
    args: &VcenterArgs,
    cluster: Option<&'a Cluster>,
) -> Clouds<'a, impl Fn(&str) -> Option<String> + use<>> {
    let certificates = Certificates {
        authorities: args.vcenter_ca.clone(),
        thumbprints: args.vcenter_thumbprints.clone(),
    };
    Clouds::new(cluster, |name: &str| std::env::var(name).ok(), certificates)
}
