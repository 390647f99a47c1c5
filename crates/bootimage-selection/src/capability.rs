//! What a platform can do in a release (BI-062).

use openshift_model::{Infrastructure, Platform, Profile};

/// BI-062: what boot image management can do on a platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capability {
    /// MachineSets can be managed.
    pub machine_sets: bool,
    /// ControlPlaneMachineSets can be managed.
    pub control_plane_machine_sets: bool,
    /// MachineSets are managed where nobody said anything.
    pub on_by_default: bool,
}

impl Capability {
    /// BI-062: the capability of a platform under a release's rules.
    ///
    /// BI-064: a cluster that does not say what it runs on counts as unsupported.
    pub fn of(platform: Option<&Platform>, azure_stack: bool, profile: Profile) -> Self {
        let Some(platform) = platform else {
            return Self::default();
        };
        let (machine_sets, control_plane, default_since) = match platform {
            Platform::Aws | Platform::Gcp => (Profile::P417, true, Profile::P419),
            Platform::Azure if azure_stack => return Self::default(),
            Platform::Azure => (Profile::P421, true, Profile::P422),
            Platform::VSphere => (Profile::P419, false, Profile::P422),
            Platform::BareMetal | Platform::Other(_) => return Self::default(),
        };
        Self {
            machine_sets: profile >= machine_sets,
            control_plane_machine_sets: control_plane && profile >= Profile::P421,
            on_by_default: profile >= default_since,
        }
    }

    /// [`Capability::of`] for the Infrastructure of a cluster.
    pub fn of_cluster(infrastructure: &Infrastructure<'_>, profile: Profile) -> Self {
        let platform = infrastructure.platform();
        Self::of(platform.as_ref(), infrastructure.is_azure_stack(), profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: machine sets, control plane, on by default.
    fn check(name: &str, azure_stack: bool, profile: Profile, expected: (bool, bool, bool)) {
        let platform = Platform::from_name(name);
        let found = Capability::of(Some(&platform), azure_stack, profile);
        let found = (
            found.machine_sets,
            found.control_plane_machine_sets,
            found.on_by_default,
        );
        assert_eq!(found, expected, "{name} {profile}");
    }

    #[test]
    fn bi_062_platforms_by_release() {
        use Profile::{P417, P419, P421, P422};
        for name in ["AWS", "GCP"] {
            check(name, false, P417, (true, false, false));
            check(name, false, P419, (true, false, true));
            check(name, false, P421, (true, true, true));
            check(name, false, P422, (true, true, true));
        }
        check("Azure", false, P419, (false, false, false));
        check("Azure", false, P421, (true, true, false));
        check("Azure", false, P422, (true, true, true));
        check("Azure", true, P422, (false, false, false));
        check("VSphere", false, P417, (false, false, false));
        check("VSphere", false, P419, (true, false, false));
        check("VSphere", false, P421, (true, false, false));
        check("VSphere", false, P422, (true, false, true));
        for name in [
            "BareMetal",
            "None",
            "OpenStack",
            "Nutanix",
            "External",
            "",
            "gcp",
        ] {
            check(name, false, P422, (false, false, false));
        }
    }

    #[test]
    fn bi_064_no_platform_is_unsupported() {
        assert_eq!(
            Capability::of(None, false, Profile::P422),
            Capability::default()
        );
        let infrastructure = Infrastructure::default();
        assert_eq!(
            Capability::of_cluster(&infrastructure, Profile::P422),
            Capability::default()
        );
    }
}
