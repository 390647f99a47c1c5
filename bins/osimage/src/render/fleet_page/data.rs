//! What is behind the lines of the page, as data for its script.

use std::collections::HashMap;

use bootimage_plan::report::{ClusterLine, FleetReport, SetLine};
use serde::Serialize;

use crate::error::CommandError;
use crate::render::inventory::behind;

/// Texts are held once: ten thousand sets have few images and reasons among them.
#[derive(Default)]
struct Texts<'f> {
    places: HashMap<&'f str, usize>,
    all: Vec<&'f str>,
}

impl<'f> Texts<'f> {
    fn place(&mut self, text: &'f str) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.all.push(text);
            self.all.len() - 1
        })
    }
}

/// The members have one letter, as there is one for each set: `k`ind, `n`ame, `v`erdict, what
/// `c`ounts, `i`mage, `b`ehind, `d`ecision, `r`eason, `m`essage, `h`azards, first release at which it
/// `s`tops.
#[derive(Serialize)]
struct Set<'f> {
    k: usize,
    n: &'f str,
    v: usize,
    c: usize,
    i: usize,
    b: String,
    d: usize,
    r: usize,
    m: usize,
    h: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<usize>,
}

#[derive(Serialize)]
struct Cluster<'f> {
    source: &'f str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<&'f str>,
    /// Most clusters have the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<&'f str>,
    sets: Vec<Set<'f>>,
}

#[derive(Serialize)]
struct Data<'f> {
    texts: Vec<&'f str>,
    clusters: Vec<Cluster<'f>>,
}

/// The data as JSON that can stand in a script element: nothing in it can end the element.
pub(super) fn of(found: &FleetReport) -> Result<String, CommandError> {
    let mut texts = Texts::default();
    let clusters = found
        .clusters
        .iter()
        .map(|one| cluster(one, &mut texts))
        .collect();
    let data = Data {
        texts: texts.all,
        clusters,
    };
    let json = serde_json::to_string(&data).map_err(|error| CommandError::Serialise {
        format: "JSON",
        problem: error.to_string(),
    })?;
    // These stand in strings alone; `\u2028` and `\u2029` end lines in older scripts.
    Ok(json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

fn cluster<'f>(cluster: &'f ClusterLine, texts: &mut Texts<'f>) -> Cluster<'f> {
    let problems = cluster.error.iter().chain(&cluster.problems);
    Cluster {
        source: &cluster.source,
        problems: problems.map(String::as_str).collect(),
        warnings: cluster
            .warnings
            .iter()
            .map(|text| texts.place(text))
            .collect(),
        blocked: cluster.upgrade_blocked.as_deref(),
        sets: cluster.sets.iter().map(|one| set(one, texts)).collect(),
    }
}

fn set<'f>(set: &'f SetLine, texts: &mut Texts<'f>) -> Set<'f> {
    let image = &set.boot_image;
    let version = image.version.as_deref().or(image.unknown.as_deref());
    Set {
        k: texts.place(set.kind.name()),
        n: &set.name,
        v: texts.place(set.verdict.name()),
        c: texts.place(set.counted.name()),
        i: texts.place(version.unwrap_or("-")),
        b: behind(set.behind),
        d: texts.place(set.decision.name()),
        r: texts.place(set.reason.name()),
        m: texts.place(&set.message),
        h: set
            .hazards
            .iter()
            .map(|hazard| texts.place(&hazard.id))
            .collect(),
        s: set.stops.as_ref().map(|stops| texts.place(&stops.release)),
    }
}
