//! An import: upload under a temporary name, look at it, mark it, tag it, and only then the final
//! name (BI-320, BI-325 … BI-331).

use std::path::Path;

use bootimage_plan::is_abandoned;
use jiff::Timestamp;
use openshift_model::vcenter::{DiskType, TemplateImport};

use super::access::Access;
use super::artifact::Artifacts;
use super::fault::Fault;
use super::lease::{FileItem, Lease};
use super::ova::Ova;
use super::place::Place;
use super::session::{Reference, Session};
use super::steps::{Doing, Progress, Report, StepError};
use super::tags::Tags;
use super::template::{Folder, Machine, mark};
use super::xml::{Element, escape};

/// What of a machine's configuration stands before its annotation: the order of members counts.
const BEFORE_ANNOTATION: [&str; 13] = [
    "changeVersion",
    "name",
    "version",
    "createDate",
    "uuid",
    "instanceUuid",
    "npivNodeWorldWideName",
    "npivPortWorldWideName",
    "npivWorldWideNameType",
    "npivDesiredNodeWwns",
    "npivDesiredPortWwns",
    "guestId",
    "alternateGuestName",
];

/// One import.
struct Import<'i> {
    session: &'i Session,
    folder: Folder<'i>,
    wanted: &'i TemplateImport,
    report: Report<'i>,
}

/// Imports a template, or finishes an import that was interrupted.
pub(super) async fn import(
    session: &Session,
    wanted: &TemplateImport,
    access: &Access,
    artifacts: &Artifacts,
    report: Report<'_>,
) -> Result<(), StepError> {
    let folder = Folder::of(session, &wanted.datacenter, &wanted.folder).await?;
    let import = Import {
        session,
        folder,
        wanted,
        report,
    };
    import.run(access, artifacts).await
}

impl Import<'_> {
    async fn run(&self, access: &Access, artifacts: &Artifacts) -> Result<(), StepError> {
        let wanted = self.wanted;
        let mut old = self.folder.look(&wanted.name).await?;
        if old.as_ref().is_some_and(|old| self.is_whole(old)) {
            return self.clean_up().await;
        }
        if let Some(old) = &old {
            self.may_replace(old)?;
        }
        let retired = self.folder.look(&wanted.retired_name).await?;
        let new = if let Some(new) = self.unfinished().await? {
            new
        } else {
            // BI-319: nothing has the name as long as the upload takes, unless the old template gets
            // it back.
            if let (None, Some(retired)) = (&old, &retired) {
                self.folder.check_retired(retired, &wanted.retired_name)?;
                self.folder.rename(retired, &wanted.name).await?;
                old = Some(retired.clone());
            }
            self.remove_abandoned().await;
            let file = self.fetch(access, artifacts).await?;
            self.upload(&file).await?
        };
        self.tag(&new).await?;
        self.doing(Doing::Rename);
        if let Some(old) = &old {
            self.remove_retired().await?;
            self.folder.rename(old, &wanted.retired_name).await?;
        }
        self.folder.rename(&new, &wanted.name).await?;
        self.remove_retired().await
    }

    fn doing(&self, doing: Doing) {
        (self.report)(Progress {
            server: &self.wanted.server,
            template: &self.wanted.name,
            doing,
        });
    }

    /// A machine shows its release from the first byte of an upload on; only that it is a template
    /// says that it is whole.
    fn is_whole(&self, machine: &Machine) -> bool {
        machine.is_template && machine.version == self.wanted.release
    }

    /// BI-331: the old template of a plan, and nothing else.
    fn may_replace(&self, old: &Machine) -> Result<(), StepError> {
        let wanted = self.wanted;
        let replaced = wanted
            .replaces
            .as_deref()
            .and_then(|path| path.rsplit('/').next());
        if old.is_template && replaced == Some(&wanted.name) {
            return Ok(());
        }
        Err(self.folder.taken(&wanted.name))
    }

    /// What an interrupted import left under the temporary name: used where it is whole, else
    /// removed (BI-327).
    async fn unfinished(&self) -> Result<Option<Machine>, StepError> {
        let name = &self.wanted.temporary_name;
        let Some(machine) = self.folder.look(name).await? else {
            return Ok(None);
        };
        if !machine.is_ours() {
            return Err(self.folder.not_ours(name));
        }
        if self.is_whole(&machine) && machine.is_of(&self.wanted.sha256) {
            return Ok(Some(machine));
        }
        self.doing(Doing::Remove);
        self.folder.destroy(&machine).await?;
        Ok(None)
    }

    /// BI-327: what imports of other templates left in the folder, as far as nobody can be at it any
    /// more. That something cannot be looked at or removed keeps nobody from an import: it is listed
    /// as unfinished, and the next one tries again.
    async fn remove_abandoned(&self) {
        let (Ok(machines), Ok(now)) = (self.folder.machines().await, self.session.now().await)
        else {
            return;
        };
        for (name, machine) in machines {
            let age = seconds_between(&machine.created, &now);
            let is_abandoned =
                age.is_some_and(|age| is_abandoned(&self.folder.shown(&name, &machine), age));
            if is_abandoned && name != self.wanted.temporary_name {
                self.doing(Doing::Remove);
                self.folder.destroy(&machine).await.ok();
            }
        }
    }

    /// The template is there: what is left of imports goes.
    async fn clean_up(&self) -> Result<(), StepError> {
        let name = &self.wanted.temporary_name;
        if let Some(machine) = self.folder.look(name).await?
            && machine.is_ours()
        {
            self.doing(Doing::Remove);
            self.folder.destroy(&machine).await?;
        }
        self.remove_retired().await
    }

    /// BI-327, BI-331: the old template, under the name that it got for this.
    async fn remove_retired(&self) -> Result<(), StepError> {
        let name = &self.wanted.retired_name;
        let Some(machine) = self.folder.look(name).await? else {
            return Ok(());
        };
        self.folder.check_retired(&machine, name)?;
        self.doing(Doing::Remove);
        self.folder.destroy(&machine).await
    }

    async fn fetch(
        &self,
        access: &Access,
        artifacts: &Artifacts,
    ) -> Result<std::path::PathBuf, StepError> {
        let report = |done, total| self.doing(Doing::Download { done, total });
        let wanted = self.wanted;
        let fetched = artifacts
            .fetch(&wanted.ova, &wanted.sha256, access, &report)
            .await;
        Ok(fetched?)
    }

    /// A whole template under the temporary name.
    async fn upload(&self, file: &Path) -> Result<Machine, StepError> {
        let session = self.session;
        let path = self.folder.path(&self.wanted.temporary_name);
        let ova = Ova::open(file).map_err(|error| StepError::ova(file, error))?;
        let place = Place::find(session, self.wanted).await?;
        let (spec, items) = self.specification(&ova, &place).await?;
        self.doing(Doing::Import);
        let arguments = format!(
            "{spec}{}{}",
            self.folder.reference.argument("folder"),
            place.host.argument("host")
        );
        let importing = |error| StepError::while_importing(error, &path);
        let answer = session
            .call(&place.resource_pool, "ImportVApp", &arguments)
            .await;
        let lease = session.returned(&answer.map_err(importing)?, "ImportVApp")?;
        let lease = Lease::ready(session, lease).await.map_err(importing)?;
        let report = |percent| self.doing(Doing::Upload { percent });
        let uploaded = match lease.upload(file, &ova, &items, report).await {
            Ok(()) => lease.complete().await.map_err(StepError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = uploaded {
            lease.abort().await;
            self.remove(&lease.machine).await;
            return Err(match error {
                StepError::Vcenter(error) => importing(error),
                error => error,
            });
        }
        self.doing(Doing::Finish);
        self.finish(&lease.machine, &ova)
            .await
            .map_err(|error| match error {
                StepError::Vcenter(error) => importing(error),
                error => error,
            })
    }

    /// What is left of an upload that failed. Where even this fails the next run does it.
    async fn remove(&self, machine: &Reference) {
        if let Ok(Some(machine)) = self.folder.machine(machine).await
            && machine.is_ours()
        {
            self.folder.destroy(&machine).await.ok();
        }
    }

    /// BI-328 … BI-330: what the vCenter makes of the description.
    async fn specification(
        &self,
        ova: &Ova,
        place: &Place,
    ) -> Result<(String, Vec<FileItem>), StepError> {
        let session = self.session;
        let arguments = format!(
            "<ovfDescriptor>{}</ovfDescriptor>{}{}<cisp><locale></locale>\
             <deploymentOption></deploymentOption><entityName>{}</entityName>\
             <networkMapping><name>{}</name>{}</networkMapping>{}</cisp>",
            escape(&ova.description),
            place.resource_pool.argument("resourcePool"),
            place.datastore.argument("datastore"),
            escape(&self.wanted.temporary_name),
            escape(&ova.network),
            place.network.argument("network"),
            provisioning(self.wanted.disk_type),
        );
        let manager = &session.content.ovf_manager;
        let answer = session
            .read(manager, "CreateImportSpec", &arguments)
            .await?;
        let result = answer.child("returnval").cloned().unwrap_or_default();
        let faults: Vec<_> = result
            .all("error")
            .map(|fault| session.shown(Fault::of_member(fault)).to_string())
            .collect();
        let spec = result.child("importSpec").filter(|_| faults.is_empty());
        let Some(spec) = spec else {
            return Err(StepError::ImportSpec {
                server: session.server.clone(),
                faults: faults.join("; "),
            });
        };
        let mut text = String::new();
        marked(spec.clone(), &mark(&self.wanted.sha256)).write_as("spec", &mut text);
        Ok((text, result.all("fileItem").filter_map(file_item).collect()))
    }

    /// BI-330: what arrived is looked at, and becomes a template.
    async fn finish(&self, machine: &Reference, ova: &Ova) -> Result<Machine, StepError> {
        let session = self.session;
        let gone = || StepError::UnderWay {
            server: session.server.clone(),
            path: self.folder.path(&self.wanted.temporary_name),
        };
        let arrived = self.folder.machine(machine).await?.ok_or_else(gone)?;
        if arrived.version != self.wanted.release {
            self.folder.destroy(&arrived).await?;
            return Err(StepError::Release {
                found: arrived.version,
                expected: self.wanted.release.clone(),
            });
        }
        if ova.secure_boot {
            let spec = "<spec><bootOptions><efiSecureBootEnabled>false</efiSecureBootEnabled>\
                        </bootOptions></spec>";
            session.task(machine, "ReconfigVM_Task", spec).await?;
        }
        session.call(machine, "MarkAsTemplate", "").await?;
        let template = self.folder.machine(machine).await?.ok_or_else(gone)?;
        if !self.is_whole(&template) {
            return Err(gone());
        }
        Ok(template)
    }

    /// BI-330: before it has its final name, so that what has it has its tags.
    async fn tag(&self, machine: &Machine) -> Result<(), StepError> {
        if self.wanted.tags.is_empty() {
            return Ok(());
        }
        let tags = Tags::open(self.session).await?;
        let mut done = Ok(());
        for tag in &self.wanted.tags {
            done = self.attach(&tags, tag, machine).await;
            if done.is_err() {
                break;
            }
        }
        tags.close().await;
        done
    }

    async fn attach(&self, tags: &Tags<'_>, tag: &str, machine: &Machine) -> Result<(), StepError> {
        let Some(id) = tags.id(tag).await? else {
            return Err(StepError::NoTag {
                server: self.session.server.clone(),
                tag: tag.to_owned(),
            });
        };
        Ok(tags.attach(&id, &machine.reference).await?)
    }
}

/// Between two times in RFC 3339; `None` where one of them is none, or they are the other way round.
fn seconds_between(from: &str, to: &str) -> Option<u64> {
    let second = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_second);
    u64::try_from(second(to)? - second(from)?).ok()
}

/// BI-332: the vCenter's name for it.
fn provisioning(disk_type: Option<DiskType>) -> String {
    let name = match disk_type {
        Some(DiskType::Thin) => "thin",
        Some(DiskType::Thick) => "thick",
        Some(DiskType::EagerZeroedThick) => "eagerZeroedThick",
        None => return String::new(),
    };
    format!("<diskProvisioning>{name}</diskProvisioning>")
}

/// The annotation is a part of what is imported, so that no machine is ever without it.
fn marked(mut spec: Element, mark: &str) -> Element {
    let config = spec
        .children
        .iter_mut()
        .find(|child| child.name == "configSpec");
    let Some(config) = config else { return spec };
    let annotation = config
        .children
        .iter_mut()
        .find(|child| child.name == "annotation");
    if let Some(annotation) = annotation {
        annotation.text = format!("{}\n{mark}", annotation.text.trim_end());
        return spec;
    }
    let before = |child: &Element| BEFORE_ANNOTATION.contains(&child.name.as_str());
    let position = config
        .children
        .iter()
        .take_while(|child| before(child))
        .count();
    let annotation = Element {
        name: "annotation".to_owned(),
        text: mark.to_owned(),
        ..Element::default()
    };
    config.children.insert(position, annotation);
    spec
}

fn file_item(item: &Element) -> Option<FileItem> {
    Some(FileItem {
        device_id: item.text_of("deviceId")?.to_owned(),
        path: item.text_of("path")?.to_owned(),
        create: matches!(item.text_of("create"), Some("true" | "1")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &str, expected: &str) {
        let spec = Element::parse(&format!("<spec><configSpec>{config}</configSpec></spec>"));
        let mut out = String::new();
        marked(spec.unwrap(), "m").write_as("spec", &mut out);
        assert_eq!(
            out,
            format!("<spec><configSpec>{expected}</configSpec></spec>")
        );
    }

    #[test]
    fn bi_327_what_is_imported_is_marked_from_the_beginning() {
        check("", "<annotation>m</annotation>");
        check(
            "<name>n</name><guestId>g</guestId><files></files><name>n</name>",
            "<name>n</name><guestId>g</guestId><annotation>m</annotation><files></files><name>n</name>",
        );
        check(
            "<annotation>a</annotation>",
            "<annotation>a\nm</annotation>",
        );
    }

    #[test]
    fn ages_are_told_by_the_clock_of_the_vcenter() {
        for (from, to, expected) in [
            (
                "2026-08-19T10:00:00Z",
                "2026-08-20T10:00:01.5Z",
                Some(86_401),
            ),
            ("2026-08-19T10:00:00+02:00", "2026-08-19T08:00:00Z", Some(0)),
            ("2026-08-19T10:00:00Z", "2026-08-19T09:00:00Z", None),
            ("", "2026-08-19T09:00:00Z", None),
        ] {
            assert_eq!(seconds_between(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn bi_332_disks_are_laid_out_as_the_vcenter_calls_it() {
        assert_eq!(provisioning(None), "");
        let thick = provisioning(Some(DiskType::EagerZeroedThick));
        assert_eq!(
            thick,
            "<diskProvisioning>eagerZeroedThick</diskProvisioning>"
        );
    }
}
