//! What happened to people: does an assessment of their clusters say it, and nothing besides?

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "the test prints its figures, and stops where something is not as it should be"
)]

mod new_nodes;

use std::collections::BTreeSet;

use bootimage_hazards::{Certainty, Condition, Hazard, HazardTable, Severity, Verdict};
use serde::Deserialize;

use new_nodes::assess;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Incident {
    /// Where it is told.
    source: String,
    /// Image, release, platform, architecture. Where the source names an era alone, the image is
    /// one of that era.
    node: String,
    #[serde(default)]
    holds: Vec<Condition>,
    #[serde(default)]
    fails: Vec<Condition>,
    /// Whether the node failed to join, or was lost.
    failed: bool,
    /// Why.
    hazards: Vec<String>,
}

/// How often something was said, and how often that was right.
#[derive(Default)]
struct Figures {
    right: usize,
    reported: usize,
    true_of: usize,
}

impl Figures {
    fn add(&mut self, reported: bool, is_true: bool) {
        self.reported += usize::from(reported);
        self.true_of += usize::from(is_true);
        self.right += usize::from(reported && is_true);
    }

    /// Per cent of what was said that is right.
    fn precision(&self) -> usize {
        100 * self.right / self.reported
    }

    /// Per cent of what is true that was said.
    fn recall(&self) -> usize {
        100 * self.right / self.true_of
    }
}

#[test]
fn the_public_incidents_are_foretold() {
    let incidents: Vec<Incident> = serde_json::from_str(include_str!("incidents.json")).unwrap();
    let table = HazardTable::bundled().unwrap();
    let [mut claimed, mut listed, mut outcomes] = <[Figures; 3]>::default();
    for incident in &incidents {
        let holds = incident.holds.iter().map(|condition| (*condition, true));
        let fails = incident.fails.iter().map(|condition| (*condition, false));
        let conditions: Vec<_> = holds.chain(fails).collect();
        let found = assess(&table, &incident.node, &conditions);
        outcomes.add(found.verdict >= Verdict::Risk, incident.failed);
        let of = |is_reported: fn(&Hazard) -> bool| -> BTreeSet<&String> {
            let reported = found.hazards.iter().filter(|hazard| is_reported(hazard));
            reported.map(|hazard| &hazard.id).collect()
        };
        let reported = of(|hazard| is_serious(hazard) && hazard.certainty >= Certainty::Possible);
        causes(incident, &reported, &mut claimed);
        causes(incident, &of(is_serious), &mut listed);
    }
    for (name, figures) in [
        ("causes that are certain or possible", &claimed),
        ("causes with those that cannot be told", &listed),
        ("outcomes", &outcomes),
    ] {
        println!(
            "{} incidents, {name}: precision {} %, recall {} %",
            incidents.len(),
            figures.precision(),
            figures.recall()
        );
    }
    assert_eq!((claimed.recall(), outcomes.recall()), (100, 100));
    // What holds the figures down is known: several hazards of OKD fit the same nodes, and people
    // wrote of the first one that they met.
    assert!(claimed.precision() >= 80 && listed.precision() >= 55 && outcomes.precision() >= 90);
}

fn is_serious(hazard: &Hazard) -> bool {
    hazard.severity > Severity::Slow && hazard.verdict() >= Verdict::Risk
}

/// Compares the causes that were said with those that were found.
fn causes(incident: &Incident, reported: &BTreeSet<&String>, figures: &mut Figures) {
    let true_of: BTreeSet<_> = incident.hazards.iter().collect();
    for id in reported.union(&true_of) {
        let (is_reported, is_true) = (reported.contains(id), true_of.contains(id));
        if is_reported != is_true {
            let what = if is_reported {
                "not known to have happened"
            } else {
                "missed"
            };
            println!("{}: {}: {id}: {what}", incident.source, incident.node);
        }
        figures.add(is_reported, is_true);
    }
}
