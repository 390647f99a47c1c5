//! The architecture of a set's machines (BI-200 … BI-203).

use openshift_model::names::{ARCHITECTURE_LABEL_PREFIX, AUTOSCALER_LABELS_ANNOTATION};
use openshift_model::{Architecture, ClusterVersion, ObjectMeta};

/// Why the architecture of a MachineSet is not known. The texts are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchitectureError {
    /// BI-200: no annotation, and the cluster may have nodes of several architectures.
    #[error("no architecture annotation found on machineset {machine_set}")]
    NoAnnotation {
        /// Name of the MachineSet.
        machine_set: String,
    },
    /// No annotation, and nothing says of how many architectures the cluster is. (The reference
    /// crashes.)
    #[error("no ClusterVersion to tell the architecture of machineset {machine_set}")]
    NoClusterVersion {
        /// Name of the MachineSet.
        machine_set: String,
    },
    /// BI-201: the annotation names no architecture.
    #[error("kubernetes.io/arch label not found in annotation: {annotation}")]
    NoLabel {
        /// The whole annotation.
        annotation: String,
    },
    /// BI-201: the annotation names something that is no architecture of OpenShift.
    #[error("invalid architecture value found in annotation: {value}")]
    Invalid {
        /// What it names.
        value: String,
    },
}

/// BI-200, BI-201: the architecture of a MachineSet's machines: what its autoscaler annotation
/// says, or else that of the control plane.
pub fn machine_set_architecture(
    machine_set: &str,
    meta: &ObjectMeta<'_>,
    cluster_version: Option<&ClusterVersion<'_>>,
    control_plane: &Architecture,
) -> Result<Architecture, ArchitectureError> {
    if let Some(annotation) = meta.annotation(AUTOSCALER_LABELS_ANNOTATION) {
        return from_annotation(annotation);
    }
    let machine_set = machine_set.to_owned();
    match cluster_version {
        None => Err(ArchitectureError::NoClusterVersion { machine_set }),
        Some(version) if version.is_multi_architecture() => {
            Err(ArchitectureError::NoAnnotation { machine_set })
        }
        Some(_) => Ok(control_plane.clone()),
    }
}

fn from_annotation(annotation: &str) -> Result<Architecture, ArchitectureError> {
    let value = annotation
        .split(',')
        .find_map(|label| label.trim().strip_prefix(ARCHITECTURE_LABEL_PREFIX))
        .ok_or_else(|| ArchitectureError::NoLabel {
            annotation: annotation.to_owned(),
        })?;
    match value {
        "amd64" | "arm64" | "s390x" | "ppc64le" => Ok(Architecture::from_go_name(value)),
        other => Err(ArchitectureError::Invalid {
            value: other.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::RawObject;

    fn check(annotation: Option<&str>, multi: bool, expected: Result<&str, &str>) {
        let meta = ObjectMeta {
            annotations: annotation
                .map(|text| [(AUTOSCALER_LABELS_ANNOTATION, text)].into_iter().collect()),
            ..ObjectMeta::default()
        };
        let architecture = if multi { "Multi" } else { "" };
        let text = format!(
            r#"{{"apiVersion":"config.openshift.io/v1","kind":"ClusterVersion",
                "status":{{"desired":{{"architecture":"{architecture}"}}}}}}"#
        );
        let object = RawObject::parse(&text).unwrap().unwrap();
        let version = ClusterVersion::read(&object).unwrap();
        let found = machine_set_architecture("w", &meta, Some(&version), &Architecture::X86_64);
        let found = found
            .map(|found| found.rpm_name().to_owned())
            .map_err(|e| e.to_string());
        assert_eq!(
            found,
            expected.map(str::to_owned).map_err(str::to_owned),
            "{annotation:?}"
        );
    }

    #[test]
    fn t_04_bi_200_bi_201_architecture_of_a_machine_set() {
        check(Some("kubernetes.io/arch=amd64"), false, Ok("x86_64"));
        check(Some("kubernetes.io/arch=amd64"), true, Ok("x86_64"));
        check(
            Some("kubernetes.io/arch=amd64,topology.ebs.csi.aws.com/zone=eu-central-1a"),
            false,
            Ok("x86_64"),
        );
        check(
            Some("topology.ebs.csi.aws.com/zone=eu-central-1a,kubernetes.io/arch=arm64"),
            false,
            Ok("aarch64"),
        );
        check(
            Some("a=b,kubernetes.io/arch=s390x,node.kubernetes.io/instance-type=m5.large"),
            false,
            Ok("s390x"),
        );
        check(
            Some(" a=b , kubernetes.io/arch=ppc64le , c=d "),
            false,
            Ok("ppc64le"),
        );
        let invalid = "invalid architecture value found in annotation: ";
        check(
            Some("kubernetes.io/arch=invalid-arch"),
            false,
            Err(&format!("{invalid}invalid-arch")),
        );
        check(
            Some("kubernetes.io/arch=x86_64"),
            false,
            Err(&format!("{invalid}x86_64")),
        );
        check(
            Some("kubernetes.io/arch= amd64"),
            false,
            Err(&format!("{invalid} amd64")),
        );
        check(Some("kubernetes.io/arch="), false, Err(invalid));
        let no_label = "kubernetes.io/arch label not found in annotation: ";
        check(Some("a=b,c=d"), false, Err(&format!("{no_label}a=b,c=d")));
        check(Some(""), true, Err(no_label));
        check(None, false, Ok("x86_64"));
        check(
            None,
            true,
            Err("no architecture annotation found on machineset w"),
        );
    }

    #[test]
    fn bi_200_without_a_cluster_version_only_the_annotation_helps() {
        let meta = ObjectMeta::default();
        let found = machine_set_architecture("w", &meta, None, &Architecture::X86_64);
        assert_eq!(
            found,
            Err(ArchitectureError::NoClusterVersion {
                machine_set: "w".to_owned()
            })
        );
    }
}
