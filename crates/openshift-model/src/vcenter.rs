//! What a vCenter has to do before a set can boot the release's template, as a plan lists it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// BI-319 … BI-331: one thing that a vCenter has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "step")]
pub enum VcenterStep {
    /// BI-319: a replacement was interrupted between its two renames: the old template gets its
    /// name back.
    RenameTemplate {
        /// Host name of the vCenter.
        server: String,
        /// Inventory path of the template.
        path: String,
        /// Its name afterwards.
        name: String,
    },
    /// BI-320, BI-322: the release's template is imported, and takes the place of an old one.
    ImportTemplate(Box<TemplateImport>),
}

impl VcenterStep {
    /// Host name of the vCenter that has to do it.
    pub fn server(&self) -> &str {
        match self {
            Self::RenameTemplate { server, .. } => server,
            Self::ImportTemplate(import) => &import.server,
        }
    }

    /// The name that the template has afterwards.
    pub fn template(&self) -> &str {
        match self {
            Self::RenameTemplate { name, .. } => name,
            Self::ImportTemplate(import) => &import.name,
        }
    }
}

impl fmt::Display for VcenterStep {
    /// For people, e.g. `import template t (9.8.20260715-0) in vCenter v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RenameTemplate { server, path, name } => {
                write!(f, "rename template {path} of vCenter {server} to {name}")
            }
            Self::ImportTemplate(import) => {
                let TemplateImport {
                    server,
                    name,
                    release,
                    replaces,
                    ..
                } = &**import;
                let verb = if replaces.is_some() {
                    "replace"
                } else {
                    "import"
                };
                write!(f, "{verb} template {name} ({release}) in vCenter {server}")
            }
        }
    }
}

/// BI-325 … BI-331: what an import of a template is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TemplateImport {
    /// Host name of the vCenter.
    pub server: String,
    /// Name of the datacenter.
    pub datacenter: String,
    /// URL of the file to import.
    pub ova: String,
    /// Its SHA-256 in hex digits.
    pub sha256: String,
    /// The CoreOS release in it.
    pub release: String,
    /// Name of the template afterwards.
    pub name: String,
    /// BI-325: its name until it is whole. A machine of this name is left over from an import that
    /// was interrupted, and is destroyed first (BI-327).
    pub temporary_name: String,
    /// BI-325: name of the old template until it is destroyed; what has this name already is
    /// destroyed first (BI-327).
    pub retired_name: String,
    /// BI-331: inventory path of the old template; null where there is none.
    pub replaces: Option<String>,
    /// The folder, as the provider spec has it.
    pub folder: String,
    /// Inventory path of the cluster of hosts.
    pub compute_cluster: String,
    /// The resource pool, as the provider spec has it.
    pub resource_pool: String,
    /// BI-326: inventory path of the network.
    pub network: String,
    /// The datastore, as the provider spec has it.
    pub datastore: String,
    /// How its disk takes up space; null: as the datastore does by default.
    pub disk_type: Option<DiskType>,
    /// BI-330: tags to attach: by name that of the cluster, by URN those of the provider spec.
    pub tags: Vec<String>,
}

/// A folder of a vCenter, as the workspace of a set names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateFolder {
    /// Host name of the vCenter.
    pub server: String,
    /// The datacenter.
    pub datacenter: String,
    /// The folder.
    pub folder: String,
}

/// A template in such a folder, or what is to become one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundTemplate {
    /// Host name of the vCenter.
    pub server: String,
    /// Inventory path.
    pub path: String,
    /// BI-321: the release that it says; empty where it says none.
    pub release: String,
    /// When it was made, in RFC 3339; empty where the vCenter does not say (before 6.7).
    pub created: String,
    /// Whether osimage imported it.
    pub is_ours: bool,
    /// Whether it is a template; an import of ours that is under way, or was interrupted, is none.
    pub is_template: bool,
}

impl FoundTemplate {
    /// Its name: the last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// BI-320: what the release's templates are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TemplateNames {
    /// As what is in them: each release has a template of its own beside the old ones, and a set is
    /// moved from one to the other.
    #[default]
    Content,
    /// As the installer calls them: the release's template takes the place of the old one (BI-325 …
    /// BI-331).
    Stock,
}

/// BI-332: how a disk takes up space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum DiskType {
    /// When it is written to.
    Thin,
    /// At once; wiped when it is written to.
    Thick,
    /// At once; wiped at once.
    EagerZeroedThick,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bi_332_disk_types_are_written_as_install_configs_write_them() {
        let types = [DiskType::Thin, DiskType::Thick, DiskType::EagerZeroedThick];
        let names = serde_json::to_string(&types).unwrap();
        assert_eq!(names, r#"["thin","thick","eagerZeroedThick"]"#);
    }

    #[test]
    fn a_step_says_what_it_is() {
        let step = VcenterStep::RenameTemplate {
            server: "v".into(),
            path: "/dc1/vm/f/mco-old-eae3f079".into(),
            name: "t".into(),
        };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(
            text,
            r#"{"step":"RenameTemplate","server":"v","path":"/dc1/vm/f/mco-old-eae3f079","name":"t"}"#
        );
        assert_eq!(serde_json::from_str::<VcenterStep>(&text).unwrap(), step);
        let shown = "rename template /dc1/vm/f/mco-old-eae3f079 of vCenter v to t";
        assert_eq!(step.to_string(), shown);
    }
}
