//! Charts as SVG in the page. Colours come from its style, so that they follow light and dark; each
//! chart says in words what it shows.

use std::collections::BTreeMap;

use bootimage_hazards::Severity;
use bootimage_plan::report::FleetReport;
use maud::{Markup, html};

/// Width of a chart in its own units, and of the names beside its bars.
const WIDTH: usize = 640;
const NAMES: usize = 170;
/// The same of the chart that has the whole width of the page.
const WIDE: usize = 1280;
const WIDE_NAMES: usize = 200;
/// Height of a bar with the gap below.
const ROW: usize = 22;
const BAR: usize = 16;

/// Age of the images, decisions by platform, hazards by cluster.
pub(super) fn charts(found: &FleetReport) -> Markup {
    html! {
        section aria-labelledby="charts" {
            h2 id="charts" { "Charts" }
            div.charts { (age(found)) (decisions(found)) (heat_map(found)) }
        }
    }
}

/// How many releases sets are behind, the fewest first; what is not known last.
fn ages(behind: &BTreeMap<String, usize>) -> Vec<(String, usize)> {
    let mut known: Vec<(u32, usize)> = behind
        .iter()
        .filter_map(|(name, count)| Some((name.parse().ok()?, *count)))
        .collect();
    known.sort_unstable();
    let name = |releases: u32| match releases {
        0 => "of the cluster's release".to_owned(),
        1 => "1 release behind".to_owned(),
        more => format!("{more} releases behind"),
    };
    let mut ages: Vec<_> = known
        .into_iter()
        .map(|(age, count)| (name(age), count))
        .collect();
    let unknown = behind.get("unknown").copied();
    ages.extend(unknown.map(|count| ("cannot be counted".to_owned(), count)));
    ages
}

fn age(found: &FleetReport) -> Markup {
    let ages = ages(&found.sums.behind);
    let most = ages.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let bars: Vec<_> = ages
        .iter()
        .map(|(name, count)| (name.as_str(), vec![("age", *count)]))
        .collect();
    bar_chart(
        "age-chart",
        "Sets by the age of their boot image",
        &bars,
        most,
    )
}

fn decisions(found: &FleetReport) -> Markup {
    let platforms = &found.sums.decisions_by_platform;
    let total = |decisions: &BTreeMap<String, usize>| decisions.values().sum::<usize>();
    let most = platforms.values().map(total).max().unwrap_or(0);
    let bars: Vec<_> = platforms
        .iter()
        .map(|(platform, decisions)| {
            let parts = decisions
                .iter()
                .map(|(name, count)| (name.as_str(), *count));
            (platform.as_str(), parts.collect())
        })
        .collect();
    bar_chart(
        "decision-chart",
        "Decisions of a plan by platform",
        &bars,
        most,
    )
}

/// Bars of parts beside their names. The numbers are in the text, which is what is read aloud.
fn bar_chart(id: &str, title: &str, bars: &[(&str, Vec<(&str, usize)>)], most: usize) -> Markup {
    let height = bars.len().max(1) * ROW;
    html! {
        figure {
            figcaption id=(id) { (title) }
            svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-labelledby=(id) {
                @for (place, (name, parts)) in bars.iter().enumerate() {
                    text.name x="0" y=(place * ROW + BAR - 3) { (name) }
                    @for (offset, length, class, title) in laid_out(parts, most) {
                        rect.bar.{ "of-" (class) } x=(NAMES + offset) y=(place * ROW)
                            width=(length) height=(BAR) { title { (name) ": " (title) } }
                    }
                }
            }
            ul.legend {
                @for (name, parts) in bars {
                    li { (name) ": " (in_words(parts)) }
                }
            }
        }
    }
}

fn in_words(parts: &[(&str, usize)]) -> String {
    let words = parts.iter().map(|(name, count)| match *name {
        "age" => count.to_string(),
        name => format!("{count} {name}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Where each part of a bar starts, how long it is, its class, and what it says.
fn laid_out<'p>(
    parts: &'p [(&'p str, usize)],
    most: usize,
) -> Vec<(usize, usize, &'p str, String)> {
    let room = WIDTH - NAMES;
    let mut offset = 0;
    let mut found = Vec::new();
    for (name, count) in parts.iter().filter(|(_, count)| *count > 0) {
        // What is there is seen.
        let length = (count * room / most.max(1)).max(1);
        found.push((offset, length, *name, format!("{count} {name}")));
        offset += length;
    }
    found
}

/// Each hazard is a row, each cluster a column; a mark where it counts for a set.
fn heat_map(found: &FleetReport) -> Markup {
    let columns = found.clusters.len().max(1);
    let hazards: Vec<_> = found
        .hazards
        .iter()
        .filter(|hazard| hazard.counted > 0)
        .collect();
    let height = hazards.len().max(1) * ROW;
    html! {
        figure.wide {
            figcaption id="heat-map" {
                "Hazards by cluster: each column is a cluster, in the order of the names"
            }
            svg viewBox={ "0 0 " (WIDE) " " (height) } role="img" aria-labelledby="heat-map" {
                @for (place, hazard) in hazards.iter().enumerate() {
                    text.name x="0" y=(place * ROW + BAR - 3) { (shortened(&hazard.id)) }
                    rect.ground x=(WIDE_NAMES) y=(place * ROW) width=(WIDE - WIDE_NAMES) height=(BAR) {}
                    path.{ "is-" (severity(hazard.severity)) }
                        d=(marks(found, &hazard.id, place * ROW, columns)) {}
                }
            }
            ul.legend {
                @for hazard in &hazards {
                    li { (hazard.id) ": " (hazard.counted) " of " (found.sums.sets) " sets" }
                }
            }
        }
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Slow => "slow",
        Severity::Risk => "risk",
        Severity::Fails => "fails",
    }
}

/// A name that fits beside the bars; the whole one stands in the legend.
fn shortened(name: &str) -> String {
    const FITS: usize = 30;
    if name.chars().count() <= FITS {
        return name.to_owned();
    }
    let start: String = name.chars().take(FITS - 1).collect();
    format!("{start}…")
}

/// One path for all marks of a row: a thousand elements would make the page slow. Clusters beside
/// each other are one mark.
fn marks(found: &FleetReport, hazard: &str, y: usize, columns: usize) -> String {
    let room = WIDE - WIDE_NAMES;
    // Hundredths, so that a thousand columns have room.
    let x = |column: usize| {
        let hundredths = column * room * 100 / columns;
        format!("{}.{:02}", WIDE_NAMES + hundredths / 100, hundredths % 100)
    };
    let meets = |column: usize| {
        let cluster = found.clusters.get(column);
        cluster.is_some_and(|cluster| {
            let mut hazards = cluster.sets.iter().flat_map(|set| &set.hazards);
            hazards.any(|met| met.id == hazard && met.counts())
        })
    };
    let mut path = String::new();
    let mut start = None;
    for column in 0..=columns {
        match (start, meets(column)) {
            (None, true) => start = Some(column),
            (Some(from), false) => {
                path.push_str(&format!(
                    "M{} {y}H{}v{BAR}H{}z",
                    x(from),
                    x(column),
                    x(from)
                ));
                start = None;
            }
            _ => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        let parts = [("Update", 1), ("Skip", 0), ("UpToDate", 3)];
        let found = laid_out(&parts, 4);
        let lengths: Vec<_> = found
            .iter()
            .map(|(offset, length, ..)| (*offset, *length))
            .collect();
        assert_eq!(lengths, [(0, 117), (117, 352)]);
        assert_eq!(laid_out(&[("a", 0)], 0), []);
    }

    #[test]
    fn ages_are_in_order_and_what_is_not_known_is_last() {
        let behind = BTreeMap::from([
            ("10".to_owned(), 1),
            ("2".to_owned(), 3),
            ("unknown".to_owned(), 2),
        ]);
        let names: Vec<_> = ages(&behind).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "2 releases behind",
                "10 releases behind",
                "cannot be counted"
            ]
        );
    }
}
