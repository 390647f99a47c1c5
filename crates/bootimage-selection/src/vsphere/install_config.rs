//! How the installer was told to lay out disks (BI-333).

use openshift_model::{StringMap, yaml};
use serde_json::Value;

/// BI-333: what the cluster was installed with cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallConfigError {
    /// There is no ConfigMap `kube-system/cluster-config-v1`.
    #[error(
        "failed to fetch cluster-config-v1 configmap: configmaps \"cluster-config-v1\" not found"
    )]
    NoConfigMap,
    /// The ConfigMap has no such key.
    #[error("cluster-config-v1 configmap has no \"install-config\" key")]
    NoKey,
    /// What stands there is no YAML, or has another shape.
    #[error("failed to parse install-config: {0}")]
    Parse(String),
}

/// BI-333: `platform.vsphere.diskType` of the install-config in the ConfigMap
/// `kube-system/cluster-config-v1`, whose `data` this is; empty where it is not set.
pub fn install_config_disk_type(
    data: Option<&StringMap<'_>>,
) -> Result<String, InstallConfigError> {
    let data = data.ok_or(InstallConfigError::NoConfigMap)?;
    let text = data
        .get("install-config")
        .ok_or(InstallConfigError::NoKey)?;
    let config =
        yaml::from_str(text).map_err(|error| InstallConfigError::Parse(error.to_string()))?;
    let platform = member(Some(&config).filter(|config| !config.is_null()), "platform")?;
    let vsphere = member(platform, "vsphere")?;
    match member(vsphere, "diskType")? {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        // What is no string in YAML counts as the text that JSON has for it.
        Some(scalar @ (Value::Bool(_) | Value::Number(_))) => Ok(scalar.to_string()),
        Some(_) => Err(wrong("diskType is not a string")),
    }
}

/// A member of an object; nothing has no members.
fn member<'v>(
    object: Option<&'v Value>,
    name: &'static str,
) -> Result<Option<&'v Value>, InstallConfigError> {
    match object {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(members.get(name).filter(|member| !member.is_null())),
        Some(_) => Err(wrong(&format!(
            "what should have a {name} is not an object"
        ))),
    }
}

fn wrong(problem: &str) -> InstallConfigError {
    InstallConfigError::Parse(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let data: StringMap<'_> = [("install-config", text)].into_iter().collect();
        let found = install_config_disk_type(Some(&data)).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn bi_333_the_disk_type_of_the_install_config() {
        check("platform:\n  vsphere:\n    diskType: thin\n", Ok("thin"));
        check("platform: {vsphere: {diskType: other}}", Ok("other"));
        check(
            "x: &a thick\nplatform: {vsphere: {diskType: *a}}",
            Ok("thick"),
        );
        check("platform: {vsphere: {diskType: yes}}", Ok("true"));
        check("platform: {vsphere: {diskType: 0644}}", Ok("420"));
        for nothing in [
            "",
            "apiVersion: v1",
            "platform:",
            "platform: {aws: {region: x}}",
            "platform: {vsphere: {}}",
            "platform: {vsphere: {diskType: }}",
        ] {
            check(nothing, Ok(""));
        }
    }

    #[test]
    fn bi_333_what_cannot_be_read_is_an_error() {
        let prefix = "failed to parse install-config: ";
        check(
            "platform: vsphere",
            Err(&format!(
                "{prefix}what should have a vsphere is not an object"
            )),
        );
        check(
            "platform: {vsphere: {diskType: [thin]}}",
            Err(&format!("{prefix}diskType is not a string")),
        );
        let data: StringMap<'_> = [("install-config", "a: [1, 2\nb")].into_iter().collect();
        let error = install_config_disk_type(Some(&data))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(prefix), "{error}");
        assert_eq!(
            install_config_disk_type(Some(&StringMap::default())),
            Err(InstallConfigError::NoKey)
        );
        assert_eq!(
            install_config_disk_type(None),
            Err(InstallConfigError::NoConfigMap)
        );
    }
}
