//! Which templates the folders of a cluster have.

use std::collections::BTreeSet;

use super::access::Access;
use super::error::VcenterError;
use super::facts::absolute;
use super::session::Session;
use super::template::{Folder, Machine};

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

/// A template, or what is to become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTemplate {
    /// Host name of the vCenter.
    pub server: String,
    /// Inventory path.
    pub path: String,
    /// BI-321: the release that it says; empty where it says none.
    pub release: String,
    /// Whether osimage imported it.
    pub is_ours: bool,
    /// Whether it is a template; an import of ours that is under way, or was interrupted, is none.
    pub is_template: bool,
}

/// Looks into folders; each vCenter that cannot be asked is an error of its own.
pub async fn templates(
    folders: &BTreeSet<TemplateFolder>,
    access: &Access,
) -> (Vec<FoundTemplate>, Vec<VcenterError>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    let servers: BTreeSet<&str> = folders
        .iter()
        .map(|folder| folder.server.as_str())
        .collect();
    for server in servers {
        let session = match Session::open(server, access).await {
            Ok(session) => session,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        for folder in folders.iter().filter(|folder| folder.server == server) {
            match of_folder(&session, folder).await {
                Ok(templates) => found.extend(templates),
                Err(error) => errors.push(error),
            }
        }
        session.close().await;
    }
    (found, errors)
}

async fn of_folder(
    session: &Session,
    wanted: &TemplateFolder,
) -> Result<Vec<FoundTemplate>, VcenterError> {
    let path = absolute(&wanted.datacenter, "vm", &wanted.folder);
    let folder = Folder::find(session, &path).await?;
    let machines = folder.machines().await?.into_iter();
    // Other machines are the cluster's nodes.
    let machines = machines.filter(|(_, machine)| machine.is_template || machine.is_ours());
    let shown = |(name, machine): (String, Machine)| FoundTemplate {
        server: wanted.server.clone(),
        path: folder.path(&name),
        is_ours: machine.is_ours(),
        is_template: machine.is_template,
        release: machine.version,
    };
    let mut found: Vec<_> = machines.map(shown).collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}
