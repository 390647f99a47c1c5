//! What a test has to know of buildah.

/// How often a command or a container is run that buildah could not begin in.
pub const ATTEMPTS: usize = 4;

/// Whether buildah could not begin. It seals a copy of itself in memory first, which the kernel refuses
/// now and then while a page of it is in use: that says nothing about what is tested.
pub fn could_not_begin(log: &str) -> bool {
    log.contains("sealing memfd copy: Device or resource busy")
}
