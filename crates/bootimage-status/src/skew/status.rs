//! Which skew mode is in force: what the operator writes (BI-091 … BI-093).

use openshift_model::names::{MACHINE_API_GROUP, MACHINE_SETS};
use openshift_model::{
    ManagedBootImages, OcpVersion, Platform, Profile, Provisioning, ReadError, SelectionMode,
    SkewEnforcement, SkewVersion, Text,
};

use crate::codes::{AUTOMATIC, MANUAL, NONE, OCP_VERSION};

/// What the decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct SkewInput<'i, 'a> {
    /// `spec.bootImageSkewEnforcement`.
    pub spec: Option<&'i SkewEnforcement<'a>>,
    /// `status.bootImageSkewEnforcementStatus` as it is.
    pub existing: Option<&'i SkewEnforcement<'a>>,
    /// The cluster's platform.
    pub platform: Option<&'i Platform>,
    /// `Infrastructure.status.controlPlaneTopology`.
    pub topology: Option<&'i str>,
    /// BI-062: whether the boot images of MachineSets can be managed on the platform.
    pub supported: bool,
    /// `status.managedBootImagesStatus` as it is about to be.
    pub managed: &'i ManagedBootImages,
    /// BI-092: [`is_legacy_bare_metal`].
    pub legacy_bare_metal: bool,
    /// BI-090: [`install_version`](crate::install_version); `None` where it is not known, so that
    /// no version is stated.
    pub install_version: Option<OcpVersion>,
}

/// BI-093, BI-410: whether skew is enforced at all: from 4.22 on, unless the cluster says that the
/// gate is shut. Where it is not, the status is neither read nor written.
pub fn skew_is_enforced(profile: Profile, gate: Option<bool>) -> bool {
    profile >= Profile::P422 && gate.unwrap_or(true)
}

/// BI-091: the new `status.bootImageSkewEnforcementStatus`.
pub fn skew_status<'a>(input: &SkewInput<'_, 'a>) -> SkewEnforcement<'a> {
    if let Some(spec) = input.spec.filter(|spec| !is_empty(spec)) {
        return stated(spec);
    }
    let modern_bare_metal =
        input.platform == Some(&Platform::BareMetal) && !input.legacy_bare_metal;
    if modern_bare_metal || input.topology == Some("SingleReplica") {
        return mode(NONE);
    }
    let version = input
        .install_version
        .map(|version| version.to_string().into());
    if input.supported && manages_all_machine_sets(input.managed) {
        let recorded = input.existing.filter(|existing| existing.is_automatic());
        return recorded.cloned().unwrap_or_else(|| SkewEnforcement {
            automatic: Some(SkewVersion {
                ocp_version: version,
                ..SkewVersion::default()
            }),
            ..mode(AUTOMATIC)
        });
    }
    SkewEnforcement {
        manual: Some(SkewVersion {
            mode: Some(OCP_VERSION.into()),
            ocp_version: version,
            ..SkewVersion::default()
        }),
        ..mode(MANUAL)
    }
}

/// BI-091 step 1: what a person stated.
fn stated<'a>(spec: &SkewEnforcement<'a>) -> SkewEnforcement<'a> {
    if spec.mode.as_deref() != Some(MANUAL) {
        return mode(NONE);
    }
    SkewEnforcement {
        manual: spec.manual.clone(),
        ..mode(MANUAL)
    }
}

/// The empty object is as good as none.
pub(super) fn is_empty(skew: &SkewEnforcement<'_>) -> bool {
    let SkewEnforcement {
        mode,
        automatic,
        manual,
    } = skew;
    mode.as_deref().unwrap_or_default().is_empty() && automatic.is_none() && manual.is_none()
}

pub(super) fn mode(name: &'static str) -> SkewEnforcement<'static> {
    SkewEnforcement {
        mode: Some(Text::from(name)),
        ..SkewEnforcement::default()
    }
}

/// BI-091 step 4. The API server allows Automatic for an entry of this group only (BI-083).
fn manages_all_machine_sets(managed: &ManagedBootImages) -> bool {
    managed.machine_managers.iter().flatten().any(|manager| {
        manager.resource() == MACHINE_SETS
            && manager.api_group() == MACHINE_API_GROUP
            && *manager.mode() == SelectionMode::All
    })
}

/// BI-092: whether bare-metal nodes take their image from where the installer once said, so that
/// somebody has to look after it. `Ok(None)`: the cluster has no Provisioning; what cannot be read
/// counts as the old way.
pub fn is_legacy_bare_metal(provisioning: Result<Option<&Provisioning<'_>>, &ReadError>) -> bool {
    match provisioning {
        Ok(provisioning) => provisioning
            .and_then(|provisioning| provisioning.os_download_url.as_deref())
            .is_some_and(|url| !url.is_empty()),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::RawObject;
    use serde_json::{Value, json};

    /// One row of T-10: the columns that bear on skew. Cluster of several control plane nodes,
    /// installed with 4.18.0, where it says nothing else.
    struct Row {
        number: u8,
        platform: &'static str,
        managed: Value,
        spec: Value,
        existing: Value,
        topology: &'static str,
        legacy: bool,
        installed: &'static str,
        expected: Value,
    }

    impl Row {
        fn new(number: u8, platform: &'static str, managed: Value, expected: Value) -> Self {
            Self {
                number,
                platform,
                managed,
                spec: Value::Null,
                existing: Value::Null,
                topology: "HighlyAvailable",
                legacy: false,
                installed: "4.18.0",
                expected,
            }
        }

        fn check(&self) {
            let (spec, existing) = (self.spec.to_string(), self.existing.to_string());
            let read = |text: &'static str| -> Option<SkewEnforcement<'static>> {
                serde_json::from_str(text).unwrap()
            };
            let (spec, existing) = (read(spec.leak()), read(existing.leak()));
            let platform = Platform::from_name(self.platform);
            let managed: ManagedBootImages =
                serde_json::from_value(json!({"machineManagers": self.managed})).unwrap();
            let found = skew_status(&SkewInput {
                spec: spec.as_ref(),
                existing: existing.as_ref(),
                platform: Some(&platform),
                topology: Some(self.topology),
                supported: !matches!(platform, Platform::BareMetal | Platform::Other(_)),
                managed: &managed,
                legacy_bare_metal: self.legacy,
                install_version: OcpVersion::parse(self.installed),
            });
            let found = serde_json::to_value(found).unwrap();
            assert_eq!(found, self.expected, "row {}", self.number);
        }
    }

    fn manager(resource: &str, mode: &str) -> Value {
        json!({"resource": resource, "apiGroup": "machine.openshift.io",
            "selection": {"mode": mode}})
    }

    fn ms(mode: &str) -> Value {
        manager("machinesets", mode)
    }

    fn cp(mode: &str) -> Value {
        manager("controlplanemachinesets", mode)
    }

    fn automatic(version: &str) -> Value {
        json!({"mode": "Automatic", "automatic": {"ocpVersion": version}})
    }

    fn manual(version: &str) -> Value {
        json!({"mode": "Manual", "manual": {"mode": "OCPVersion", "ocpVersion": version}})
    }

    fn none() -> Value {
        json!({"mode": "None"})
    }

    #[test]
    fn bi_091_t_10_rows_1_to_21_the_managers_decide() {
        let (au, ma) = (automatic("4.18.0"), manual("4.18.0"));
        let rows = [
            (1, "AWS", json!([ms("All")]), &au),
            (2, "AWS", json!([ms("All")]), &au),
            (3, "AWS", json!([ms("None")]), &ma),
            (4, "GCP", json!([ms("All")]), &au),
            (5, "GCP", json!([ms("All")]), &au),
            (6, "GCP", json!([ms("Partial")]), &ma),
            (7, "GCP", json!([ms("None")]), &ma),
            (8, "Azure", json!([ms("All")]), &au),
            (9, "VSphere", json!([ms("All")]), &au),
            (10, "BareMetal", Value::Null, &none()),
            (11, "VSphere", json!([]), &ma),
            (12, "AWS", json!([ms("All"), cp("None")]), &au),
            (13, "GCP", json!([ms("All"), cp("None")]), &au),
            (14, "Azure", json!([ms("All"), cp("None")]), &au),
            (15, "AWS", json!([ms("All"), cp("All")]), &au),
            (16, "Azure", json!([ms("All"), cp("All")]), &au),
            (17, "AWS", json!([ms("All"), cp("None")]), &au),
            (18, "AWS", json!([ms("All"), cp("All")]), &au),
            (19, "AWS", json!([ms("None"), cp("All")]), &ma),
            (20, "AWS", json!([ms("Partial"), cp("All")]), &ma),
            (21, "AWS", json!([]), &ma),
        ];
        for (number, platform, managed, expected) in rows {
            Row::new(number, platform, managed, expected.clone()).check();
        }
    }

    #[test]
    fn bi_091_t_10_rows_22_to_35_what_a_person_says_and_what_the_cluster_is() {
        let all = || json!([ms("All")]);
        let row =
            |number, platform, managed, expected| Row::new(number, platform, managed, expected);
        let rows = [
            Row {
                installed: "4.19.0",
                ..row(22, "BareMetal", Value::Null, none())
            },
            Row {
                installed: "4.19.0",
                ..row(23, "VSphere", all(), automatic("4.19.0"))
            },
            row(24, "AWS", all(), automatic("4.18.0")),
            Row {
                installed: "4.17.0",
                ..row(25, "AWS", json!([ms("None")]), manual("4.17.0"))
            },
            Row {
                spec: manual("4.16.0"),
                ..row(26, "AWS", all(), manual("4.16.0"))
            },
            Row {
                spec: none(),
                ..row(27, "AWS", all(), none())
            },
            Row {
                installed: "4.19.1",
                ..row(28, "GCP", all(), automatic("4.19.1"))
            },
            row(29, "BareMetal", Value::Null, none()),
            row(30, "BareMetal", Value::Null, none()),
            Row {
                legacy: true,
                installed: "4.9.0",
                ..row(31, "BareMetal", Value::Null, manual("4.9.0"))
            },
            Row {
                installed: "4.17.0",
                ..row(32, "AWS", all(), automatic("4.17.0"))
            },
            Row {
                installed: "4.18.0-0.ci-2024-01-01-000000",
                ..row(33, "AWS", all(), automatic("4.18.0"))
            },
            Row {
                topology: "SingleReplica",
                ..row(34, "AWS", all(), none())
            },
            Row {
                topology: "SingleReplica",
                spec: manual("4.17.0"),
                ..row(35, "AWS", all(), manual("4.17.0"))
            },
        ];
        for row in rows {
            row.check();
        }
    }

    #[test]
    fn bi_091_a_record_is_kept_while_the_mode_stays_automatic() {
        let rhcos = json!({"mode": "Automatic", "automatic": {"rhcosVersion": "9.6.20260210-0"}});
        let row = |existing, managed, expected| Row {
            existing,
            ..Row::new(0, "AWS", managed, expected)
        };
        row(rhcos.clone(), json!([ms("All")]), rhcos.clone()).check();
        row(none(), json!([ms("All")]), automatic("4.18.0")).check();
        row(manual("4.10.0"), json!([ms("All")]), automatic("4.18.0")).check();
        row(rhcos, json!([ms("None")]), manual("4.18.0")).check();
    }

    #[test]
    fn bi_091_odd_specs() {
        let row = |spec, expected| Row {
            spec,
            ..Row::new(0, "AWS", json!([ms("All")]), expected)
        };
        row(json!({}), automatic("4.18.0")).check();
        row(json!({"mode": ""}), automatic("4.18.0")).check();
        row(json!({"mode": "Weird"}), none()).check();
        row(json!({"manual": {}}), none()).check();
        row(json!({"mode": "Manual"}), json!({"mode": "Manual"})).check();
        let other_group = json!([{"resource": "machinesets", "apiGroup": "cluster.x-k8s.io",
            "selection": {"mode": "All"}}]);
        Row::new(0, "AWS", other_group, manual("4.18.0")).check();
        Row::new(0, "OpenStack", json!([ms("All")]), manual("4.18.0")).check();
    }

    #[test]
    fn bi_092_which_bare_metal_clusters_are_of_the_old_kind() {
        let check = |spec: Value, expected| {
            let text = json!({"apiVersion": "metal3.io/v1alpha1", "kind": "Provisioning",
                "metadata": {"name": "provisioning-configuration"}, "spec": spec})
            .to_string();
            let object = RawObject::parse(&text).unwrap().unwrap();
            let found = match Provisioning::read(&object) {
                Ok(provisioning) => is_legacy_bare_metal(Ok(Some(&provisioning))),
                Err(error) => is_legacy_bare_metal(Err(&error)),
            };
            assert_eq!(found, expected, "{text}");
        };
        assert!(!is_legacy_bare_metal(Ok(None)));
        check(Value::Null, false);
        check(json!({"provisioningOSDownloadURL": ""}), false);
        check(
            json!({"provisioningOSDownloadURL": "https://example.com/a"}),
            true,
        );
        check(json!({"provisioningOSDownloadURL": 5}), true);
    }

    #[test]
    fn bi_093_skew_is_enforced_from_4_22_on() {
        for (profile, gate, expected) in [
            (Profile::P421, Some(true), false),
            (Profile::P422, Some(true), true),
            (Profile::P422, Some(false), false),
            (Profile::P422, None, true),
        ] {
            assert_eq!(
                skew_is_enforced(profile, gate),
                expected,
                "{profile} {gate:?}"
            );
        }
    }
}
