//! Which templates the folders of a cluster have.

use std::collections::BTreeSet;

use openshift_model::vcenter::{FoundTemplate, TemplateFolder};

use super::access::Access;
use super::error::VcenterError;
use super::facts::absolute;
use super::session::Session;
use super::steps::StepError;
use super::template::Folder;

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

/// Removes a template, or what is left of an import. What osimage did not make stays, and so does
/// what changed since it was found; gone already is as good.
pub async fn remove(template: &FoundTemplate, access: &Access) -> Result<(), StepError> {
    let session = Session::open(&template.server, access).await?;
    let removed = remove_in(&session, template).await;
    session.close().await;
    removed
}

async fn remove_in(session: &Session, template: &FoundTemplate) -> Result<(), StepError> {
    let (folder, name) = template.path.rsplit_once('/').unwrap_or_default();
    let folder = Folder::find(session, folder).await?;
    let Some(machine) = folder.look(name).await? else {
        return Ok(());
    };
    let is_as_found = machine.is_ours()
        && machine.is_template == template.is_template
        && machine.created == template.created;
    if !is_as_found {
        return Err(StepError::NotAsListed {
            server: template.server.clone(),
            path: template.path.clone(),
        });
    }
    folder.destroy(&machine).await
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
    let shown = machines.map(|(name, machine)| folder.shown(&name, &machine));
    let mut found: Vec<_> = shown.collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}
