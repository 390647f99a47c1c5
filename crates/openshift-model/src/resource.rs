//! How the API names the kinds that are read and written.

use crate::Kind;

/// A kind as the API's paths name it, in the version that every supported release serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// The kind, e.g. `MachineSet`.
    pub kind: &'static str,
    /// The API group, e.g. `machine.openshift.io`; empty for the core group.
    pub group: &'static str,
    /// The version, e.g. `v1beta1`.
    pub version: &'static str,
    /// The name in paths and in RBAC rules, e.g. `machinesets`.
    pub plural: &'static str,
    /// Whether its objects have a namespace.
    pub scope: Scope,
}

/// Whether objects have a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// They have one.
    Namespaced,
    /// They belong to the whole cluster.
    Cluster,
}

impl Resource {
    /// What is written about other objects for people to read.
    pub const EVENTS: Self = Self {
        kind: "Event",
        group: "events.k8s.io",
        version: "v1",
        plural: "events",
        scope: Scope::Namespaced,
    };

    /// By which one of several replicas is chosen.
    pub const LEASES: Self = Self {
        kind: "Lease",
        group: "coordination.k8s.io",
        version: "v1",
        plural: "leases",
        scope: Scope::Namespaced,
    };
    /// Asks whose a token is.
    pub const TOKEN_REVIEWS: Self = Self {
        kind: "TokenReview",
        group: "authentication.k8s.io",
        version: "v1",
        plural: "tokenreviews",
        scope: Scope::Cluster,
    };
    /// Asks what somebody may do.
    pub const SUBJECT_ACCESS_REVIEWS: Self = Self {
        kind: "SubjectAccessReview",
        group: "authorization.k8s.io",
        version: "v1",
        plural: "subjectaccessreviews",
        scope: Scope::Cluster,
    };

    /// `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// As `oc` takes it: `machinesets.machine.openshift.io`.
    pub fn full_name(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

impl Kind {
    /// How the API names the kind.
    pub const fn resource(self) -> Resource {
        use Scope::{Cluster, Namespaced};
        let (version, plural, scope) = match self {
            Self::ControlPlaneMachineSet => ("v1", "controlplanemachinesets", Namespaced),
            Self::MachineSet => ("v1beta1", "machinesets", Namespaced),
            Self::Machine => ("v1beta1", "machines", Namespaced),
            Self::MachineConfiguration => ("v1", "machineconfigurations", Cluster),
            Self::Infrastructure => ("v1", "infrastructures", Cluster),
            Self::ClusterVersion => ("v1", "clusterversions", Cluster),
            Self::FeatureGate => ("v1", "featuregates", Cluster),
            Self::ClusterOperator => ("v1", "clusteroperators", Cluster),
            Self::Provisioning => ("v1alpha1", "provisionings", Cluster),
            Self::ConfigMap => ("v1", "configmaps", Namespaced),
            Self::Secret => ("v1", "secrets", Namespaced),
            Self::Node => ("v1", "nodes", Cluster),
            Self::MachineConfigPool => ("v1", "machineconfigpools", Cluster),
            Self::MachineConfig => ("v1", "machineconfigs", Cluster),
            Self::MachineOSConfig => ("v1", "machineosconfigs", Cluster),
            Self::MachineOSBuild => ("v1", "machineosbuilds", Cluster),
            Self::ControllerConfig => ("v1", "controllerconfigs", Cluster),
            Self::Job => ("v1", "jobs", Namespaced),
            Self::Pod => ("v1", "pods", Namespaced),
        };
        Resource {
            kind: self.name(),
            group: self.group(),
            version,
            plural,
            scope,
        }
    }

    /// Whether its objects have a namespace.
    pub const fn is_namespaced(self) -> bool {
        matches!(self.resource().scope, Scope::Namespaced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_under_its_api_version() {
        for kind in Kind::ALL {
            let resource = kind.resource();
            assert_eq!(
                Kind::of(&resource.api_version(), resource.kind),
                Some(*kind)
            );
            assert!(resource.full_name().starts_with(resource.plural));
        }
        assert_eq!(Kind::Secret.resource().full_name(), "secrets");
        assert!(Kind::Secret.is_namespaced() && !Kind::MachineConfig.is_namespaced());
    }
}
