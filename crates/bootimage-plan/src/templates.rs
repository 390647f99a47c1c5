//! The templates of a cluster on vSphere: where to look, what names them, which may go.

use std::collections::BTreeSet;

pub use bootimage_selection::vsphere::is_abandoned;
use bootimage_selection::vsphere::{TemplateState, TemplateUser, template_states};
use openshift_model::read::read;
use openshift_model::vcenter::{FoundTemplate, TemplateFolder};
use openshift_model::{
    Infrastructure, InfrastructureSpec, Kind, Machine, MachineResource, NODE_MACHINE_ANNOTATION,
    RawObject, RawValue, Text, view,
};
use providerspec_rewrite::vsphere;
use serde::Serialize;

use crate::{API_VERSION, ClusterSnapshot};

/// `kind` of a [`TemplateReport`].
pub const TEMPLATES_KIND: &str = "Templates";

/// Where a cluster's templates are, and what names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateInputs {
    /// `status.infrastructureName` of Infrastructure; empty where it is not known.
    pub infrastructure_name: String,
    /// The folders of the workspaces of its sets.
    pub folders: BTreeSet<TemplateFolder>,
    /// What names templates.
    pub users: Vec<TemplateUser>,
    /// Objects that cannot be read: what they name is not known, so that nothing may be removed.
    pub unreadable: Vec<String>,
}

impl TemplateInputs {
    /// Why no template may be removed, where that is so.
    pub fn obstacle_to_removal(&self) -> Option<String> {
        if let Some(problem) = self.unreadable.first() {
            return Some(format!(
                "{problem}: which templates it names is not known; repair it and run this again"
            ));
        }
        self.infrastructure_name.is_empty().then(|| {
            "Infrastructure cluster has no status.infrastructureName: which templates are of this \
             cluster is not known"
                .to_owned()
        })
    }
}

/// Which templates somebody wants to remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removal {
    /// Those that nothing names, beside the newest of each failure domain.
    pub removable: bool,
    /// What is left of imports.
    pub unfinished: bool,
}

/// Every template of the folders of a cluster, and what may become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateReport {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// [`TEMPLATES_KIND`]
    pub kind: &'static str,
    /// By vCenter and path.
    pub items: Vec<ReportedTemplate>,
}

/// A template, and what may become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedTemplate {
    /// As the vCenter has it.
    #[serde(flatten)]
    pub template: FoundTemplate,
    /// `InUse`, `NotOurs`, `Unfinished`, `Kept` or `Removable`.
    pub state: &'static str,
    /// What names it.
    pub used_by: Vec<String>,
}

impl TemplateReport {
    /// The templates that are to be removed.
    pub fn chosen(&self, removal: Removal) -> impl Iterator<Item = &ReportedTemplate> {
        self.items.iter().filter(move |item| match item.state {
            STATE_REMOVABLE => removal.removable,
            STATE_UNFINISHED => removal.unfinished,
            _ => false,
        })
    }
}

impl ReportedTemplate {
    /// Why it is not removed after all, where what names templates is this by now: removals before it
    /// took a while.
    pub fn why_to_keep(&self, inputs: &TemplateInputs) -> Option<String> {
        if let Some(why) = inputs.obstacle_to_removal() {
            return Some(why);
        }
        // That it was not one of the newest is known: alone it would be.
        let now = template_report(inputs, vec![self.template.clone()], 0).items;
        let other = now.into_iter().find(|now| now.state != self.state)?;
        let users = other.used_by.join(", ");
        Some(format!("it is {} by now: {users}", other.state))
    }
}

/// `state` of a template that may be removed.
const STATE_REMOVABLE: &str = "Removable";
/// `state` of an import that is under way, or was interrupted.
const STATE_UNFINISHED: &str = "Unfinished";

/// Where to look for templates, and what names them: sets, failure domains, and machines that are
/// still being made or share their disks with the template.
pub fn template_inputs(snapshot: &ClusterSnapshot<'_>) -> TemplateInputs {
    let mut inputs = TemplateInputs::default();
    let nodes: BTreeSet<String> = snapshot
        .objects
        .iter()
        .filter_map(machine_of_node)
        .collect();
    for object in &snapshot.objects {
        let read = match object.kind {
            Kind::Infrastructure => infrastructure(object, &mut inputs),
            Kind::MachineSet | Kind::ControlPlaneMachineSet => set(object, &mut inputs),
            Kind::Machine => machine(object, &nodes, &mut inputs),
            _ => Ok(()),
        };
        if let Err(problem) = read {
            let object = format!("{} {}", object.kind, object.name);
            inputs.unreadable.push(format!("{object}: {problem}"));
        }
    }
    inputs
}

/// Which of the templates that were found may be removed.
pub fn template_report(
    inputs: &TemplateInputs,
    mut found: Vec<FoundTemplate>,
    keep: usize,
) -> TemplateReport {
    // Host names ignore case: a vCenter that is spelled in two ways was asked twice.
    let key =
        |template: &FoundTemplate| (template.server.to_ascii_lowercase(), template.path.clone());
    found.sort_by_cached_key(key);
    found.dedup_by_key(|template| key(template));
    let states = template_states(&found, &inputs.users, &inputs.infrastructure_name, keep);
    let items = found.into_iter().zip(states).map(|(template, state)| {
        let (state, used_by) = match state {
            TemplateState::InUse { by } => ("InUse", by),
            TemplateState::NotOurs => ("NotOurs", Vec::new()),
            TemplateState::Unfinished => (STATE_UNFINISHED, Vec::new()),
            TemplateState::Kept => ("Kept", Vec::new()),
            TemplateState::Removable => (STATE_REMOVABLE, Vec::new()),
        };
        ReportedTemplate {
            template,
            state,
            used_by,
        }
    });
    TemplateReport {
        api_version: API_VERSION,
        kind: TEMPLATES_KIND,
        items: items.collect(),
    }
}

fn infrastructure(object: &RawObject<'_>, inputs: &mut TemplateInputs) -> Result<(), String> {
    let failed = |error: openshift_model::ReadError| error.to_string();
    let infrastructure = Infrastructure::read(object).map_err(failed)?;
    let name = infrastructure.infrastructure_name.as_deref();
    name.unwrap_or_default()
        .clone_into(&mut inputs.infrastructure_name);
    let spec = InfrastructureSpec::read(object).map_err(failed)?;
    let domains = spec
        .vsphere()
        .and_then(|vsphere| vsphere.failure_domains.as_ref());
    for domain in domains.into_iter().flatten() {
        let template = domain
            .topology
            .as_ref()
            .and_then(|topology| topology.template.as_deref());
        if let Some(template) = template.filter(|template| !template.is_empty()) {
            inputs.users.push(TemplateUser {
                server: domain.server.as_deref().unwrap_or_default().to_owned(),
                template: template.to_owned(),
                by: format!(
                    "failure domain {}",
                    domain.name.as_deref().unwrap_or_default()
                ),
            });
        }
    }
    Ok(())
}

fn set(object: &RawObject<'_>, inputs: &mut TemplateInputs) -> Result<(), String> {
    let resource = MachineResource::read(object).map_err(|error| error.to_string())?;
    let by = format!("{} {}", resource.kind, resource.name);
    let folder = add_user(resource.provider_spec, by, inputs)?;
    inputs.folders.extend(folder);
    Ok(())
}

/// A machine that has a node does not need its template any more, unless it is a linked clone.
fn machine(
    object: &RawObject<'_>,
    nodes: &BTreeSet<String>,
    inputs: &mut TemplateInputs,
) -> Result<(), String> {
    let machine = Machine::read(object).map_err(|error| error.to_string())?;
    let is_made = nodes.contains(machine.name.as_str());
    if is_made && !is_linked(machine.provider_spec)? {
        return Ok(());
    }
    let by = format!("{} {}", object.kind, machine.name);
    add_user(machine.provider_spec, by, inputs).map(drop)
}

view! {
    /// How a machine is cloned.
    struct CloneMode<'a> {
        /// `fullClone` or `linkedClone`; absent is a full one.
        clone_mode: Text<'a> = "cloneMode",
    }
}

fn is_linked(provider_spec: Option<&RawValue>) -> Result<bool, String> {
    let Some(spec) = provider_spec else {
        return Ok(false);
    };
    let spec: CloneMode<'_> = read(spec, "").map_err(|error| error.to_string())?;
    Ok(spec.clone_mode.as_deref() == Some("linkedClone"))
}

/// Where its machines stand, where it is on vSphere.
fn add_user(
    provider_spec: Option<&RawValue>,
    by: String,
    inputs: &mut TemplateInputs,
) -> Result<Option<TemplateFolder>, String> {
    let Some(spec) = provider_spec else {
        return Ok(None);
    };
    let image = vsphere::read(Some(spec))
        .map_err(|error| error.to_string())?
        .image;
    let workspace = &image.workspace;
    if workspace.server.is_empty() {
        return Ok(None);
    }
    let server = workspace.server.as_str().to_owned();
    if !image.template.is_empty() {
        inputs.users.push(TemplateUser {
            server: server.clone(),
            template: image.template.as_str().to_owned(),
            by,
        });
    }
    Ok(Some(TemplateFolder {
        server,
        datacenter: workspace.datacenter.as_str().to_owned(),
        folder: workspace.folder.as_str().to_owned(),
    }))
}

/// The machine that a node runs on.
fn machine_of_node(object: &RawObject<'_>) -> Option<String> {
    if object.kind != Kind::Node {
        return None;
    }
    let meta = object.meta().ok()?;
    let machine = meta.annotation(NODE_MACHINE_ANNOTATION)?;
    machine.rsplit('/').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Completeness;
    use serde_json::{Value, json};

    fn spec(template: &str, more: &Value) -> Value {
        let mut spec = json!({"template": template, "workspace": {"server": "v",
            "datacenter": "dc1", "folder": "/dc1/vm/f"}});
        for (member, value) in more.as_object().unwrap() {
            spec[member] = value.clone();
        }
        spec
    }

    fn machine(name: &str, template: &str, more: &Value) -> Value {
        json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "Machine",
            "metadata": {"name": name, "namespace": "openshift-machine-api"},
            "spec": {"providerSpec": {"value": spec(template, more)}}})
    }

    fn set(template: &Value) -> Value {
        json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
            "metadata": {"name": "a", "namespace": "openshift-machine-api"},
            "spec": {"template": {"spec": {"providerSpec": {"value": template}}}}})
    }

    fn inputs(objects: &[Value]) -> TemplateInputs {
        let texts: Vec<_> = objects.iter().map(Value::to_string).collect();
        template_inputs(&ClusterSnapshot {
            completeness: Completeness::Partial,
            objects: texts
                .iter()
                .filter_map(|text| RawObject::parse(text).unwrap())
                .collect(),
            streams: Vec::new(),
        })
    }

    fn cluster() -> Vec<Value> {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n",
            "annotations": {"machine.openshift.io/machine": "openshift-machine-api/made"}}});
        let linked = json!({"cloneMode": "linkedClone"});
        vec![
            json!({"apiVersion": "config.openshift.io/v1", "kind": "Infrastructure",
                "metadata": {"name": "cluster"}, "status": {"infrastructureName": "c"},
                "spec": {"platformSpec": {"vsphere": {"failureDomains": [{"name": "fd1",
                    "server": "v", "topology": {"template": "/dc1/vm/f/t1"}}, {"name": "fd2"}]}}}}),
            node.clone(),
            set(&spec("t2", &json!({}))),
            machine("made", "t3", &json!({})),
            machine("new", "t4", &json!({})),
            machine("linked", "t5", &linked),
        ]
    }

    #[test]
    fn what_names_a_template_uses_it() {
        let inputs = inputs(&cluster());
        assert_eq!(inputs.infrastructure_name, "c");
        let users: Vec<_> = inputs
            .users
            .iter()
            .map(|user| (user.template.as_str(), user.by.as_str()))
            .collect();
        let expected = [
            ("/dc1/vm/f/t1", "failure domain fd1"),
            ("t2", "MachineSet a"),
            ("t4", "Machine new"),
            ("t5", "Machine linked"),
        ];
        assert_eq!(users, expected);
        let folders: Vec<_> = inputs
            .folders
            .iter()
            .map(|folder| &*folder.folder)
            .collect();
        assert_eq!(folders, ["/dc1/vm/f"]);
        assert_eq!(inputs.unreadable, [""; 0]);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let inputs = inputs(&[set(&json!({"template": 1}))]);
        let [told] = inputs.unreadable.as_slice() else {
            panic!("{inputs:?}")
        };
        assert!(told.starts_with("MachineSet a: "), "{told}");
    }

    #[test]
    fn a_report_is_sorted_and_says_who_uses_what() {
        let inputs = inputs(&cluster());
        let template = |name: &str| FoundTemplate {
            server: "v".into(),
            path: format!("/dc1/vm/f/{name}"),
            ..FoundTemplate::default()
        };
        let report = template_report(&inputs, vec![template("t9"), template("t2")], 1);
        let value = serde_json::to_value(&report).unwrap();
        assert_eq!(value["kind"], "Templates");
        assert_eq!(value["items"][0]["state"], "InUse");
        assert_eq!(value["items"][0]["usedBy"], json!(["MachineSet a"]));
        assert_eq!(value["items"][1]["state"], "NotOurs");
        assert_eq!(value["items"][1]["path"], "/dc1/vm/f/t9");
    }

    fn ours(name: &str, is_template: bool) -> FoundTemplate {
        FoundTemplate {
            server: "v".into(),
            path: format!("/dc1/vm/f/{name}"),
            is_ours: true,
            is_template,
            ..FoundTemplate::default()
        }
    }

    #[test]
    fn only_what_is_asked_for_is_chosen() {
        let found = vec![
            ours("c-rhcos-x", true),
            ours("mco-tmp-1", false),
            ours("t2", true),
        ];
        let report = template_report(&inputs(&cluster()), found, 0);
        for (removable, unfinished, expected) in [
            (false, false, &[][..]),
            (true, false, &["c-rhcos-x"][..]),
            (false, true, &["mco-tmp-1"][..]),
            (true, true, &["c-rhcos-x", "mco-tmp-1"][..]),
        ] {
            let removal = Removal {
                removable,
                unfinished,
            };
            let chosen = report.chosen(removal).map(|item| item.template.name());
            assert_eq!(chosen.collect::<Vec<_>>(), expected, "{removal:?}");
        }
    }

    #[test]
    fn nothing_is_removed_where_it_is_not_known_who_names_it() {
        let known = inputs(&cluster());
        assert_eq!(known.obstacle_to_removal(), None);
        let nameless = inputs(&[]).obstacle_to_removal().unwrap();
        assert!(nameless.contains("infrastructureName"), "{nameless}");
        let mut broken = cluster();
        broken.push(set(&json!({"template": 1})));
        let broken = inputs(&broken).obstacle_to_removal().unwrap();
        assert!(broken.starts_with("MachineSet a: "), "{broken}");
    }

    #[test]
    fn what_somebody_names_meanwhile_stays() {
        let found = vec![ours("c-rhcos-x", true)];
        let report = template_report(&inputs(&cluster()), found, 0);
        let item = report.items.first().unwrap();
        assert_eq!(item.why_to_keep(&inputs(&cluster())), None);
        let mut later = cluster();
        later.push(set(&spec("c-rhcos-x", &json!({}))));
        let why = item.why_to_keep(&inputs(&later));
        assert_eq!(why.as_deref(), Some("it is InUse by now: MachineSet a"));
        assert!(item.why_to_keep(&inputs(&[])).is_some());
    }
}
