//! Which changes of a MachineConfig need another image (IL-340).

use openshift_model::{OsMachineConfig, Text};

/// A field of a MachineConfig that is built into the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildReason {
    /// `osImageURL`
    OsImageUrl,
    /// `kernelType`
    KernelType,
    /// `extensions`
    Extensions,
    /// `kernelArguments`
    KernelArguments,
}

impl RebuildReason {
    /// The field as a MachineConfig names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::OsImageUrl => "osImageURL",
            Self::KernelType => "kernelType",
            Self::Extensions => "extensions",
            Self::KernelArguments => "kernelArguments",
        }
    }
}

/// IL-340: the differences between two rendered MachineConfigs that need another image; empty
/// where files and units alone differ. Texts are compared as they are written: an empty kernel
/// type is not the default one, an absent list not an empty one, and order counts.
///
/// Upstream: `RequiresRebuild`.
pub fn rebuild_reasons(old: &OsMachineConfig<'_>, new: &OsMachineConfig<'_>) -> Vec<RebuildReason> {
    let list = |list: &Option<Vec<Option<Text<'_>>>>| -> Option<Vec<String>> {
        let list = list.as_ref()?;
        let text = |text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
        Some(list.iter().map(text).collect())
    };
    let differs = [
        (old.os_image() != new.os_image(), RebuildReason::OsImageUrl),
        (
            old.kernel_type() != new.kernel_type(),
            RebuildReason::KernelType,
        ),
        (
            list(&old.spec.extensions) != list(&new.spec.extensions),
            RebuildReason::Extensions,
        ),
        (
            list(&old.spec.kernel_arguments) != list(&new.spec.kernel_arguments),
            RebuildReason::KernelArguments,
        ),
    ];
    differs
        .into_iter()
        .filter_map(|(differs, reason)| differs.then_some(reason))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use openshift_model::RawObject;

    /// Checks which fields differ between a MachineConfig and one with another spec.
    fn check(old: &str, new: &str, expected: &[&str]) {
        let object = |spec: &str| {
            format!(
                r#"{{"apiVersion":"machineconfiguration.openshift.io/v1","kind":"MachineConfig",
                    "spec":{spec}}}"#
            )
        };
        let (old_text, new_text) = (object(old), object(new));
        let read = |text| OsMachineConfig::read(&RawObject::parse(text).unwrap().unwrap()).unwrap();
        let (old_config, new_config) = (read(&old_text), read(&new_text));
        let found = rebuild_reasons(&old_config, &new_config);
        let found: Vec<_> = found.into_iter().map(RebuildReason::field).collect();
        assert_eq!(found, expected, "{old} {new}");
    }

    #[test]
    fn il_340_what_is_built_in_needs_another_image() {
        check("{}", "{}", &[]);
        check(
            r#"{"osImageURL":"a"}"#,
            r#"{"osImageURL":"b"}"#,
            &["osImageURL"],
        );
        check(
            r#"{"kernelType":""}"#,
            r#"{"kernelType":"default"}"#,
            &["kernelType"],
        );
        check(
            r#"{"extensions":null}"#,
            r#"{"extensions":[]}"#,
            &["extensions"],
        );
        check(
            r#"{"extensions":["a","b"]}"#,
            r#"{"extensions":["b","a"]}"#,
            &["extensions"],
        );
        check("{}", r#"{"kernelArguments":["a"]}"#, &["kernelArguments"]);
    }

    #[test]
    fn il_340_files_fips_and_the_extensions_image_do_not() {
        for changed in [
            r#"{"config":{"ignition":{"version":"3.5.0"}}}"#,
            r#"{"fips":true}"#,
            r#"{"baseOSExtensionsContainerImage":"x"}"#,
        ] {
            check("{}", changed, &[]);
        }
    }
}
