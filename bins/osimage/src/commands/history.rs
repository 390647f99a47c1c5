//! `osimage history`: what was written, as the cluster keeps it.

use bootimage_plan::{History, HistoryDocument, HistoryEntry, STATE_CONFIG_MAP};
use cluster_io::files::{self, Text, Texts};
use cluster_io::load;
use openshift_model::{Kind, RawObject};

use super::{print_shown, print_text, reference, tell_all};
use crate::cli::{HistoryArgs, HistoryFormat};
use crate::error::CommandError;
use crate::render::{document, history as render};
use crate::{exit, live, progress};

pub(super) fn run(args: &HistoryArgs) -> Result<u8, CommandError> {
    let wanted = args.object.as_deref().map(object).transpose()?;
    let texts = if args.files.is_empty() {
        live::block_on(fetch(args))??
    } else {
        progress::shown(|progress| files::read_objects(&args.files, progress))
    };
    let loaded = load(&texts);
    let mut errors: Vec<String> = texts.errors.iter().map(ToString::to_string).collect();
    errors.extend(loaded.errors.iter().map(ToString::to_string));
    let states = loaded
        .objects
        .iter()
        .filter(|object| is_state(object, &args.state.state_namespace));
    let mut found = false;
    let mut histories = Vec::new();
    for state in states {
        found = true;
        match History::of_state(state) {
            Ok(history) => histories.push(history),
            Err(error) => errors.push(error.to_string()),
        }
    }
    let mut warnings = Vec::new();
    if !found {
        warnings.push(nothing(args));
    }
    tell_all(&warnings, &errors, 0);
    let is_wanted = |entry: &&HistoryEntry| match &wanted {
        Some((kind, name)) => entry.kind == *kind && entry.name == *name,
        None => true,
    };
    let entries = histories.iter().flat_map(History::entries);
    let document = HistoryDocument::of(entries.filter(is_wanted).collect());
    match args.output {
        // What cannot be read may have been a write.
        HistoryFormat::Table if document.items.is_empty() && !errors.is_empty() => {}
        HistoryFormat::Table => print_shown(|out| render::table(out, &document.items))?,
        HistoryFormat::Json => print_text(&document::json(&document)?)?,
        HistoryFormat::Yaml => print_text(&document::yaml(&document)?)?,
    }
    Ok(if errors.is_empty() {
        exit::OK
    } else {
        exit::INVALID_INPUT
    })
}

/// Why there is nothing to print.
fn nothing(args: &HistoryArgs) -> String {
    if args.files.is_empty() {
        let namespace = &args.state.state_namespace;
        format!(
            "there is no ConfigMap {namespace}/{STATE_CONFIG_MAP}: nothing was written yet, or it is \
             kept in another namespace (--state-namespace)"
        )
    } else {
        let namespace = &args.state.state_namespace;
        format!(
            "there is no ConfigMap {namespace}/{STATE_CONFIG_MAP} in the input, where a history is \
             kept; --state-namespace names another namespace"
        )
    }
}

/// Whether it is where the history is kept; a manifest may leave the namespace out.
fn is_state(object: &RawObject<'_>, namespace: &str) -> bool {
    object.kind == Kind::ConfigMap
        && object.name.as_str() == STATE_CONFIG_MAP
        && ["", namespace].contains(&object.namespace.as_str())
}

async fn fetch(args: &HistoryArgs) -> Result<Texts, CommandError> {
    let cluster = live::connect(&args.cluster).await?;
    let namespace = &args.state.state_namespace;
    let json = cluster
        .object(Kind::ConfigMap, namespace, STATE_CONFIG_MAP)
        .await?;
    let text = |json| Text {
        path: cluster.server().to_owned(),
        document: 1,
        json,
    };
    Ok(Texts {
        texts: json.map(text).into_iter().collect(),
        ..Texts::default()
    })
}

/// What is written is a machine resource or a Secret.
fn object(text: &str) -> Result<(Kind, String), CommandError> {
    if let Some(name) = text
        .strip_prefix("secret/")
        .or(text.strip_prefix("secrets/"))
    {
        return Ok((Kind::Secret, name.to_owned()));
    }
    let found = reference(text, None)?;
    let kinds = [Kind::MachineSet, Kind::ControlPlaneMachineSet];
    let kind = kinds.into_iter().find(|kind| kind.name() == found.kind);
    let kind = kind.ok_or_else(|| CommandError::UnknownKind(found.kind.clone()))?;
    Ok((kind, found.name))
}
