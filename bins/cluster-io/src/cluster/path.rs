//! Paths of the API.

use openshift_model::Resource;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is percent-encoded in a segment of a path: all but what RFC 3986 calls unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where the objects of a namespace are; of the whole cluster where that is empty.
pub(crate) fn collection(resource: &Resource, namespace: &str) -> String {
    let root = match resource.group {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    match namespace {
        "" => format!("{root}/{}", resource.plural),
        namespace => {
            let namespace = escaped(namespace);
            format!("{root}/namespaces/{namespace}/{}", resource.plural)
        }
    }
}

/// A name as it stands in a path; `None` where no object can have it.
pub(crate) fn segment(name: &str) -> Option<String> {
    let possible = !name.is_empty() && name != "." && name != ".." && !name.contains('/');
    possible.then(|| escaped(name))
}

/// Percent-encoded for a segment of a path.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::Kind;

    #[test]
    fn every_kind_has_a_path() {
        for (kind, namespace, path) in [
            (Kind::Secret, "n", "/api/v1/namespaces/n/secrets"),
            (Kind::Node, "", "/api/v1/nodes"),
            (
                Kind::MachineSet,
                "n",
                "/apis/machine.openshift.io/v1beta1/namespaces/n/machinesets",
            ),
            (
                Kind::Provisioning,
                "",
                "/apis/metal3.io/v1alpha1/provisionings",
            ),
        ] {
            assert_eq!(collection(&kind.resource(), namespace), path);
        }
    }

    #[test]
    fn a_name_from_a_file_leads_nowhere_else() {
        assert_eq!(segment("worker-a").as_deref(), Some("worker-a"));
        assert_eq!(segment("a?b c").as_deref(), Some("a%3Fb%20c"));
        for name in ["", ".", "..", "a/b", "../secrets"] {
            assert_eq!(segment(name), None, "{name}");
        }
    }
}
