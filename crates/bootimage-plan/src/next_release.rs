//! What the next release turns on by itself (BI-117 … BI-119).

use openshift_model::names::MACHINE_SETS;
use openshift_model::{MachineConfiguration, OcpVersion, Platform, StringMap};

/// BI-117: where an upgrade names what a person must acknowledge: namespace and name.
pub(crate) const ADMIN_GATES: (&str, &str) = ("openshift-config-managed", "admin-gates");
/// BI-117: where a person acknowledges it.
pub(crate) const ADMIN_ACKS: (&str, &str) = ("openshift-config", "admin-acks");

/// A release that manages MachineSets where the one before did not.
struct Flip {
    /// The release before, and the next.
    minors: [u64; 2],
    platforms: &'static [Platform],
    /// The key that the upgrade asks for.
    key: &'static str,
    /// Whether `[]` counts as no configuration.
    empty_is_none: bool,
}

/// BI-117.
const FLIPS: [Flip; 2] = [
    Flip {
        minors: [18, 19],
        platforms: &[Platform::Aws, Platform::Gcp],
        key: "ack-4.18-boot-image-opt-out-in-4.19",
        empty_is_none: false,
    },
    Flip {
        minors: [21, 22],
        platforms: &[Platform::Azure, Platform::VSphere],
        key: "ack-4.21-boot-image-opt-out-in-4.22",
        empty_is_none: true,
    },
];

/// What the line depends on.
pub(crate) struct NextRelease<'n, 'a> {
    pub(crate) release: OcpVersion,
    pub(crate) platform: Option<&'n Platform>,
    pub(crate) configuration: Option<&'n MachineConfiguration<'a>>,
    /// BI-117: `data` of `admin-gates`, where it is in the input.
    pub(crate) gates: Option<StringMap<'a>>,
    /// `data` of `admin-acks`.
    pub(crate) acknowledged: Option<StringMap<'a>>,
}

impl NextRelease<'_, '_> {
    /// BI-118: what the next minor release turns on where nothing is configured, how to opt out,
    /// and which key the upgrade asks for. BI-119: the key is a person's to write.
    pub(crate) fn line(&self) -> Option<String> {
        let platform = self.platform?;
        let flip = FLIPS.iter().find(|flip| {
            (self.release.major, self.release.minor) == (4, flip.minors[0])
                && flip.platforms.contains(platform)
        })?;
        let spec = self.configuration.map(|found| &found.spec);
        let managers = spec
            .and_then(|spec| {
                spec.managed_boot_images
                    .as_ref()?
                    .machine_managers
                    .as_deref()
            })
            .unwrap_or_default();
        let has_list = spec
            .and_then(|spec| spec.managed_boot_images.as_ref()?.machine_managers.as_ref())
            .is_some();
        let is_empty = has_list && managers.is_empty();
        let names_sets = managers
            .iter()
            .any(|manager| manager.resource() == MACHINE_SETS);
        if names_sets || (is_empty && !flip.empty_is_none) {
            return None;
        }
        let [_, next] = flip.minors;
        let what = if is_empty {
            format!(
                "the empty list in MachineConfiguration cluster opts out in 4.{next} as well, but \
                 does not count as a decision before the upgrade"
            )
        } else {
            format!(
                "4.{next} manages the boot images of MachineSets on {} where nothing is configured: \
                 to opt out set mode None for machinesets in MachineConfiguration cluster before \
                 the upgrade",
                platform.name()
            )
        };
        let key = flip.key;
        Some(format!(
            "{what}; without a configuration the upgrade asks for the key {key} with the value \
             \"true\" in ConfigMap openshift-config/admin-acks{}",
            self.standing(key)
        ))
    }

    fn standing(&self, key: &str) -> &'static str {
        let has =
            |map: &Option<StringMap<'_>>| map.as_ref().is_some_and(|map| map.get(key).is_some());
        let acknowledged = self.acknowledged.as_ref();
        match (has(&self.gates), acknowledged.map(|map| map.get(key))) {
            (_, Some(Some("true"))) => " (it is there)",
            (_, Some(Some(_))) => " (it is there with another value, which does not count)",
            (true, Some(None)) => " (admin-gates has it, admin-acks does not)",
            (false, Some(None)) => " (admin-acks does not have it)",
            (_, None) => " (there is no admin-acks in the input)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::RawObject;
    use serde_json::{Value, json};

    fn line(release: &str, platform: &Platform, managers: &Value, acked: bool) -> Option<String> {
        let text = json!({"apiVersion": "operator.openshift.io/v1", "kind": "MachineConfiguration",
            "metadata": {"name": "cluster"},
            "spec": {"managedBootImages": {"machineManagers": managers}}})
        .to_string();
        let object = RawObject::parse(&text).unwrap().unwrap();
        let configuration = MachineConfiguration::read(&object).unwrap();
        let key = [("ack-4.21-boot-image-opt-out-in-4.22", "true")];
        NextRelease {
            release: OcpVersion::parse(release).unwrap(),
            platform: Some(platform),
            configuration: Some(&configuration),
            gates: Some(key.into_iter().collect()),
            acknowledged: Some(key.into_iter().filter(|_| acked).collect()),
        }
        .line()
    }

    #[test]
    fn bi_117_bi_118_bi_119_what_the_next_release_turns_on_is_said() {
        for platform in [Platform::Azure, Platform::VSphere] {
            let line_of_plan = line("4.21.3", &platform, &Value::Null, false).unwrap();
            for words in [
                "4.22 manages",
                "mode None",
                "key ack-4.21-boot-image-opt-out-in-4.22",
                "admin-acks does not",
            ] {
                assert!(line_of_plan.contains(words), "{line_of_plan}");
            }
            let line_of_plan = line("4.21.3", &platform, &json!([]), true).unwrap();
            assert!(
                line_of_plan.contains("the empty list") && line_of_plan.ends_with("(it is there)")
            );
            for release in ["4.20.1", "4.22.1"] {
                assert_eq!(line(release, &platform, &Value::Null, false), None);
            }
        }
        let none = json!([{"resource": "machinesets", "apiGroup": "machine.openshift.io",
            "selection": {"mode": "None"}}]);
        assert_eq!(line("4.21.3", &Platform::Azure, &none, false), None);
        assert_eq!(line("4.21.3", &Platform::Gcp, &Value::Null, false), None);
        let line_of_plan = line("4.18.9", &Platform::Aws, &Value::Null, false).unwrap();
        assert!(line_of_plan.contains("ack-4.18-boot-image-opt-out-in-4.19"));
        assert_eq!(line("4.18.9", &Platform::Aws, &json!([]), false), None);
    }
}
