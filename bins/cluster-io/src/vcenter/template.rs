//! Templates and half templates in the folder of a cluster.

use openshift_model::vcenter::FoundTemplate;

use super::error::VcenterError;
use super::facts::absolute;
use super::fault::{DUPLICATE_NAME, MANAGED_OBJECT_NOT_FOUND};
use super::inventory::Object;
use super::place::found;
use super::session::{Reference, Session};
use super::steps::StepError;
use super::xml::escape;

/// What the annotation of a machine begins with that osimage imports; a plan's digest follows, so
/// that an import can be told from one of another OVA.
pub(super) const MARK: &str = "osimage.dev/import:";

const NAME: &str = "name";
const TEMPLATE: &str = "config.template";
const VERSION: &str = "summary.config.product.version";
const ANNOTATION: &str = "config.annotation";
const CREATED: &str = "config.createDate";
const PROPERTIES: [&str; 5] = [NAME, TEMPLATE, VERSION, ANNOTATION, CREATED];

/// A machine in the folder.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) reference: Reference,
    pub(super) is_template: bool,
    /// BI-321.
    pub(super) version: String,
    /// In RFC 3339; empty where the vCenter does not say.
    pub(super) created: String,
    annotation: String,
}

impl Machine {
    /// Whether osimage made it.
    pub(super) fn is_ours(&self) -> bool {
        self.annotation.lines().any(|line| line.starts_with(MARK))
    }

    /// Whether osimage made it of an OVA with this digest.
    pub(super) fn is_of(&self, sha256: &str) -> bool {
        let mark = mark(sha256);
        self.annotation.lines().any(|line| line.trim() == mark)
    }
}

/// A line of an annotation.
pub(super) fn mark(sha256: &str) -> String {
    format!("{MARK} sha256:{}", sha256.to_ascii_lowercase())
}

fn machine(object: &Object) -> Machine {
    let annotation = object.get(ANNOTATION);
    Machine {
        reference: object.reference.clone(),
        is_template: object.is(TEMPLATE),
        version: object.text(VERSION).to_owned(),
        created: object.text(CREATED).to_owned(),
        annotation: annotation.map_or_else(String::new, |note| note.text.clone()),
    }
}

/// The folder with a cluster's templates.
pub(super) struct Folder<'s> {
    pub(super) session: &'s Session,
    pub(super) reference: Reference,
    path: String,
}

impl<'s> Folder<'s> {
    pub(super) async fn find(session: &'s Session, path: &str) -> Result<Self, VcenterError> {
        let reference = found(session, "folder", path).await?;
        if reference.kind != "Folder" {
            return Err(session.not_found("folder", path));
        }
        Ok(Self {
            session,
            reference,
            path: path.to_owned(),
        })
    }

    /// By the path that a plan has.
    pub(super) async fn of(
        session: &'s Session,
        datacenter: &str,
        folder: &str,
    ) -> Result<Self, VcenterError> {
        Self::find(session, &absolute(datacenter, "vm", folder)).await
    }

    pub(super) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// The machine of a name; in this folder alone.
    pub(super) async fn look(&self, name: &str) -> Result<Option<Machine>, StepError> {
        let Some(reference) = self.session.child(&self.reference, name).await? else {
            return Ok(None);
        };
        if reference.kind != "VirtualMachine" {
            return Err(self.taken(name));
        }
        self.machine(&reference).await.map_err(StepError::from)
    }

    /// What a machine is now; `None` where it is gone.
    pub(super) async fn machine(
        &self,
        reference: &Reference,
    ) -> Result<Option<Machine>, VcenterError> {
        let objects = self
            .session
            .properties(std::slice::from_ref(reference), &PROPERTIES)
            .await;
        let objects = match objects {
            Err(error) if error.fault() == Some(MANAGED_OBJECT_NOT_FOUND) => return Ok(None),
            objects => objects?,
        };
        Ok(objects.first().map(machine))
    }

    /// All machines in this folder itself, with their names.
    pub(super) async fn machines(&self) -> Result<Vec<(String, Machine)>, VcenterError> {
        let folder = self
            .session
            .object(&self.reference, &["childEntity"])
            .await?;
        let mut children = folder.references("childEntity");
        children.retain(|child| child.kind == "VirtualMachine");
        let objects = self.session.properties(&children, &PROPERTIES).await?;
        let named = objects
            .iter()
            .map(|object| (object.text(NAME).to_owned(), machine(object)));
        Ok(named.collect())
    }

    /// As those who decide see it.
    pub(super) fn shown(&self, name: &str, machine: &Machine) -> FoundTemplate {
        FoundTemplate {
            server: self.session.server.clone(),
            path: self.path(name),
            is_ours: machine.is_ours(),
            is_template: machine.is_template,
            created: machine.created.clone(),
            release: machine.version.clone(),
        }
    }

    pub(super) async fn rename(&self, machine: &Machine, name: &str) -> Result<(), StepError> {
        let argument = format!("<newName>{}</newName>", escape(name));
        let renamed = self
            .session
            .task(&machine.reference, "Rename_Task", &argument)
            .await;
        renamed.map_err(|error| match error.fault() {
            Some(DUPLICATE_NAME) => self.taken(name),
            _ => StepError::Vcenter(error),
        })
    }

    /// BI-319, BI-327: what is renamed back or destroyed is a template, or was imported by osimage; a
    /// machine that somebody runs is neither, whatever its name.
    pub(super) fn check_retired(&self, machine: &Machine, name: &str) -> Result<(), StepError> {
        if machine.is_template || machine.is_ours() {
            return Ok(());
        }
        Err(self.not_ours(name))
    }

    /// Gone already is as good.
    pub(super) async fn destroy(&self, machine: &Machine) -> Result<(), StepError> {
        match self
            .session
            .task(&machine.reference, "Destroy_Task", "")
            .await
        {
            Err(error) if error.fault() != Some(MANAGED_OBJECT_NOT_FOUND) => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn taken(&self, name: &str) -> StepError {
        StepError::NameTaken {
            server: self.session.server.clone(),
            path: self.path(name),
        }
    }

    pub(super) fn not_ours(&self, name: &str) -> StepError {
        StepError::NotOurs {
            server: self.session.server.clone(),
            path: self.path(name),
        }
    }
}
