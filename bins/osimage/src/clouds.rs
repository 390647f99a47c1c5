//! Clouds as the command line and the environment say how to reach them.

use cluster_io::clouds::{Certificates, Clouds};
use cluster_io::cluster::Cluster;

/// Clouds, asked with the credentials of the environment, or else of the cluster.
pub(crate) fn clouds<'a>(
    certificates: &Certificates,
    cluster: Option<&'a Cluster>,
) -> Clouds<'a, impl Fn(&str) -> Option<String> + use<>> {
    let variable = |name: &str| std::env::var(name).ok();
    Clouds::new(cluster, variable, certificates.clone())
}
