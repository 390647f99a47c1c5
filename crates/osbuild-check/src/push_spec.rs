//! Where an image may be pushed to (IL-716).

use openshift_model::{ImageReference, ReferenceError};

use crate::callout;
use crate::validate::is_image_name;

/// IL-716: the API server takes the push spec, and the build cannot end well with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushSpecError {
    /// IL-122, IL-123: it is no reference that names its host.
    #[error("{source}: {}", hint(.push_spec, .source))]
    Reference {
        /// What stands there.
        push_spec: String,
        /// What is wrong, and where.
        source: ReferenceError,
    },
    /// IL-011: the API server refuses a MachineOSBuild whose image has more than one namespace.
    #[error(
        "{0:?} has several levels of namespaces: the image would be built and pushed, and then the \
         API server refuses its name in the status; use one level, e.g. host/namespace/name:tag"
    )]
    Namespaces(String),
    /// IL-011: something else in the name that the API server refuses in a status.
    #[error(
        "{0:?}: the image would be built and pushed, and then the API server refuses its name in the \
         status, which must be host[:port]/[namespace/]name@sha256:… with a dot in the host"
    )]
    Name(String),
}

fn hint(push_spec: &str, error: &ReferenceError) -> String {
    callout::hint(push_spec).unwrap_or_else(|| error.hint())
}

/// IL-716: whether a build can be pushed there and its image, by digest, be written into a status.
pub fn check_push_spec(push_spec: &str) -> Result<(), PushSpecError> {
    let reference =
        ImageReference::parse_canonical(push_spec).map_err(|source| PushSpecError::Reference {
            push_spec: push_spec.to_owned(),
            source,
        })?;
    let (domain, path) = (reference.domain(), reference.path());
    if is_image_name(&format!("{domain}/{path}")) {
        return Ok(());
    }
    let push_spec = push_spec.to_owned();
    Err(if path.matches('/').count() > 1 {
        PushSpecError::Namespaces(push_spec)
    } else {
        PushSpecError::Name(push_spec)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn il_716_a_push_spec_must_do_for_a_status_as_well() {
        let check = |push_spec: &str, expected: &str| {
            let found = check_push_spec(push_spec).err();
            let found = found.map(|error| error.to_string()).unwrap_or_default();
            assert!(found.contains(expected), "{push_spec}: {found}");
            assert_eq!(
                found.is_empty(),
                expected.is_empty(),
                "{push_spec}: {found}"
            );
        };
        check("quay.io/org/os:latest", "");
        check("quay.io/os:latest", "");
        check("registry.example.com:5000/org/os:latest", "");
        check(
            "image-registry.openshift-image-registry.svc:5000/openshift/os-image:latest",
            "",
        );
        check("quay.io/a/b/os:latest", "several levels of namespaces");
        check("localhost:5000/a/os:latest", "with a dot in the host");
        check("quay.io/Org/os:latest", "at character 9: upper case");
        check(
            "quay.io/org/os:latest  7",
            "\"7\" at the end looks like the number of a callout",
        );
        check("os:latest", "must be canonical");
    }
}
