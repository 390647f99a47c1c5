//! A plan of some objects only.

use std::collections::HashSet;

use bootimage_plan::{ClusterSnapshot, DecisionKind, Plan, Target};
use openshift_model::Kind;

use crate::cli::NarrowArgs;
use crate::commands::reference;
use crate::error::CommandError;
use crate::selector;

/// Leaves of a plan what the command line asks for. A name that the plan does not have is an error:
/// a script that misspells one would take an empty plan for a cluster without work.
pub(crate) fn narrow(
    plan: &mut Plan,
    cluster: &ClusterSnapshot<'_>,
    args: &NarrowArgs,
) -> Result<(), CommandError> {
    let names = names(&args.names)?;
    let namespace = args.namespace.as_deref();
    let is_in_namespace =
        |target: &Target| namespace.is_none_or(|wanted| wanted == target.namespace);
    for name in &names {
        let found = |target: &Target| name.is(target) && is_in_namespace(target);
        if !plan.targets.iter().any(found) {
            return Err(name.not_found(plan, namespace));
        }
    }
    let labelled = match &args.selector {
        Some(text) => Some(labelled(cluster, text)?),
        None => None,
    };
    plan.targets.retain(|target| {
        is_in_namespace(target)
            && (names.is_empty() || names.iter().any(|name| name.is(target)))
            && labelled.as_ref().is_none_or(|labelled| {
                labelled.contains(&(target.kind, target.namespace.as_ref(), target.name.as_str()))
            })
            && (!args.only_changes || target.decision == DecisionKind::Update)
    });
    Ok(())
}

/// `NAME` or `KIND/NAME`.
struct Name {
    kind: Option<String>,
    name: String,
}

impl Name {
    fn is(&self, target: &Target) -> bool {
        self.name == target.name
            && self
                .kind
                .as_ref()
                .is_none_or(|kind| kind == target.kind.name())
    }

    fn not_found(&self, plan: &Plan, namespace: Option<&str>) -> CommandError {
        let kind = self.kind.clone().unwrap_or_else(|| "object".to_owned());
        let Some(namespace) = namespace else {
            let known = plan.targets.iter().map(|target| target.name.clone());
            return CommandError::NotFound {
                kind,
                name: self.name.clone(),
                known: known.collect(),
            };
        };
        let elsewhere = plan.targets.iter().filter(|target| self.is(target));
        let in_namespace = plan.targets.iter().filter(|t| t.namespace == namespace);
        CommandError::NotInNamespace {
            kind,
            name: self.name.clone(),
            namespace: namespace.to_owned(),
            elsewhere: elsewhere
                .map(|target| target.namespace.to_string())
                .collect(),
            known: in_namespace.map(|target| target.name.clone()).collect(),
        }
    }
}

fn names(texts: &[String]) -> Result<Vec<Name>, CommandError> {
    let name = |text: &String| {
        if !text.contains('/') {
            let name = text.clone();
            return Ok(Name { kind: None, name });
        }
        let object = reference(text, None)?;
        let kind = Some(object.kind);
        let name = object.name;
        Ok(Name { kind, name })
    };
    texts.iter().map(name).collect()
}

/// The objects with labels that a selector wants.
fn labelled<'c>(
    cluster: &'c ClusterSnapshot<'_>,
    selector: &str,
) -> Result<HashSet<(Kind, &'c str, &'c str)>, CommandError> {
    let selector = selector::parse(selector)?;
    let objects = cluster.objects.iter().filter(|object| {
        let meta = object.meta().unwrap_or_default();
        selector.matches(&meta.labels.unwrap_or_default())
    });
    Ok(objects
        .map(|object| (object.kind, object.namespace.as_str(), object.name.as_str()))
        .collect())
}
