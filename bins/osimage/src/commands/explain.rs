//! `osimage explain NAME`

use std::collections::BTreeSet;

use bootimage_plan::{ClusterSnapshot, explain};
use openshift_model::{Kind, ObjectRef, RawObject};

use super::{print_shown, print_text, tell_all};
use crate::cli::{ExplainArgs, ExplainFormat};
use crate::error::CommandError;
use crate::exit;
use crate::input::{Input, Snapshot};
use crate::render::{document, explanation};

pub(super) fn run(args: &ExplainArgs) -> Result<u8, CommandError> {
    let wanted = Wanted::read(&args.object, args.namespace.as_deref())?;
    let input = Input::read(&args.input)?;
    let snapshot = input.snapshot();
    let policy = snapshot.policy(&args.input);
    let Snapshot {
        cluster,
        facts,
        warnings,
        errors,
        ignored,
        ..
    } = snapshot;
    let found = wanted.find(&cluster).and_then(|reference| {
        let found = explain(&cluster, &facts, &policy, &reference);
        found.ok_or_else(|| wanted.not_found(&cluster))
    });
    let mut found = match found {
        Ok(found) => found,
        Err(error) => {
            tell_all(&warnings, &errors, ignored);
            return Err(error);
        }
    };
    found.warnings.splice(0..0, warnings);
    tell_all(&found.warnings, &errors, ignored);
    match args.output {
        ExplainFormat::Text => print_shown(|out| explanation::text(out, &found))?,
        ExplainFormat::Json => print_text(&document::json(&document::Explained::of(&found))?)?,
        ExplainFormat::Yaml => print_text(&document::yaml(&document::Explained::of(&found))?)?,
    }
    Ok(if errors.is_empty() {
        exit::OK
    } else {
        exit::INVALID_INPUT
    })
}

/// What is to be explained.
struct Wanted {
    /// `None` where the name alone has to tell.
    kind: Option<String>,
    name: String,
    namespace: Option<String>,
}

impl Wanted {
    /// Reads `NAME`, `KIND/NAME` or `KIND NAME`.
    fn read(words: &[String], namespace: Option<&str>) -> Result<Self, CommandError> {
        let of = |text: &str| {
            let found = reference(text, namespace)?;
            Ok(Self {
                kind: Some(found.kind),
                name: found.name,
                namespace: namespace.map(str::to_owned),
            })
        };
        match words {
            [name] if !name.contains('/') && !name.is_empty() => Ok(Self {
                kind: None,
                name: name.clone(),
                namespace: namespace.map(str::to_owned),
            }),
            [text] => of(text),
            [kind, name] if !kind.contains('/') && !name.contains('/') => {
                of(&format!("{kind}/{name}"))
            }
            words => Err(CommandError::NotAReference(words.join(" "))),
        }
    }

    fn find(&self, cluster: &ClusterSnapshot<'_>) -> Result<ObjectRef, CommandError> {
        let reference = |kind: &str| ObjectRef {
            kind: kind.to_owned(),
            namespace: self.namespace.clone().unwrap_or_default(),
            name: self.name.clone(),
        };
        if let Some(kind) = &self.kind {
            return Ok(reference(kind));
        }
        let is_named = |object: &&RawObject<'_>| {
            object.name.as_str() == self.name
                && self
                    .namespace
                    .as_ref()
                    .is_none_or(|name| *name == object.namespace.as_str())
        };
        let kinds: BTreeSet<Kind> = explained(cluster)
            .filter(is_named)
            .map(|object| object.kind)
            .collect();
        let mut kinds = kinds.into_iter();
        match (kinds.next(), kinds.next()) {
            (Some(kind), None) => Ok(reference(kind.name())),
            (None, _) => Err(self.not_found(cluster)),
            (Some(first), Some(second)) => Err(CommandError::Usage(format!(
                "{first} {name} and {second} {name} are in the input: name one of {first}/{name} and \
                 {second}/{name}",
                name = self.name
            ))),
        }
    }

    fn not_found(&self, cluster: &ClusterSnapshot<'_>) -> CommandError {
        let is_of_kind = |object: &&RawObject<'_>| {
            self.kind
                .as_ref()
                .is_none_or(|kind| kind == object.kind.name())
        };
        let known = explained(cluster).filter(is_of_kind);
        CommandError::NotFound {
            known: known
                .map(|object| object.name.as_str().to_owned())
                .collect(),
            kind: self.kind.clone().unwrap_or_else(|| "object".to_owned()),
            name: self.name.clone(),
        }
    }
}

/// The objects that can be explained.
fn explained<'c, 'a>(cluster: &'c ClusterSnapshot<'a>) -> impl Iterator<Item = &'c RawObject<'a>> {
    let kinds = [Kind::MachineSet, Kind::ControlPlaneMachineSet];
    cluster
        .objects
        .iter()
        .filter(move |object| kinds.contains(&object.kind))
}

/// Reads `KIND/NAME`, with the names for kinds that `oc` takes.
pub(crate) fn reference(text: &str, namespace: Option<&str>) -> Result<ObjectRef, CommandError> {
    let (kind, name) = text
        .split_once('/')
        .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
        .ok_or_else(|| CommandError::NotAReference(text.to_owned()))?;
    let short = kind.split('.').next().unwrap_or(kind).to_ascii_lowercase();
    let kind = match short.as_str() {
        "machineset" | "machinesets" => Kind::MachineSet,
        "controlplanemachineset" | "controlplanemachinesets" | "cpms" => {
            Kind::ControlPlaneMachineSet
        }
        _ => return Err(CommandError::UnknownKind(kind.to_owned())),
    };
    Ok(ObjectRef {
        kind: kind.name().to_owned(),
        namespace: namespace.unwrap_or_default().to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_as_oc_takes_names() {
        let read = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            Wanted::read(&words, None).map(|wanted| (wanted.kind, wanted.name))
        };
        let kind = || Some("MachineSet".to_owned());
        assert_eq!(read(&["a"]).unwrap(), (None, "a".to_owned()));
        assert_eq!(read(&["machineset/a"]).unwrap(), (kind(), "a".to_owned()));
        assert_eq!(
            read(&["machinesets", "a"]).unwrap(),
            (kind(), "a".to_owned())
        );
        for wrong in [
            &[""][..],
            &["pod", "a"],
            &["machineset/a", "b"],
            &["machineset/"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_name_alone_tells_where_one_object_has_it() {
        let text = |kind: &str, name: &str| {
            format!(
                r#"{{"apiVersion": "machine.openshift.io/v1beta1", "kind": "{kind}", "metadata":
                {{"name": "{name}", "namespace": "openshift-machine-api"}}}}"#
            )
        };
        let texts = [
            text("MachineSet", "a"),
            text("MachineSet", "cluster"),
            text("ControlPlaneMachineSet", "cluster"),
        ];
        let objects = texts
            .iter()
            .filter_map(|text| RawObject::parse(text).unwrap());
        let cluster = ClusterSnapshot {
            completeness: bootimage_plan::Completeness::Partial,
            objects: objects.collect(),
            streams: Vec::new(),
        };
        let find = |name: &str| {
            Wanted::read(&[name.to_owned()], None)
                .unwrap()
                .find(&cluster)
        };
        assert_eq!(find("a").unwrap().kind, "MachineSet");
        assert!(matches!(find("cluster"), Err(CommandError::Usage(_))));
        let Err(CommandError::NotFound { known, .. }) = find("b") else {
            panic!("there is no b")
        };
        assert_eq!(known.len(), 3);
    }

    #[test]
    fn kinds_are_named_as_oc_names_them() {
        for kind in [
            "machineset",
            "MachineSets",
            "machinesets.machine.openshift.io",
        ] {
            assert_eq!(
                reference(&format!("{kind}/a"), None).unwrap().kind,
                "MachineSet"
            );
        }
        assert_eq!(
            reference("cpms/cluster", None).unwrap().kind,
            "ControlPlaneMachineSet"
        );
        for wrong in ["a", "/a", "machineset/", ""] {
            assert!(
                matches!(reference(wrong, None), Err(CommandError::NotAReference(_))),
                "{wrong}"
            );
        }
        assert!(matches!(
            reference("pod/a", None),
            Err(CommandError::UnknownKind(_))
        ));
    }
}
