//! A report as one page: no request, no script but its own, every value escaped.
//!
//! The list of clusters is plain HTML, so that it can be read and printed where no script runs. What
//! is behind a line is data that the script shows when somebody asks for it.

mod charts;
mod data;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bootimage_hazards::Verdict;
use bootimage_plan::report::{ClusterLine, FleetReport};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use openshift_model::Platform;
use sha2::{Digest, Sha256};

use super::fleet::{in_words, notes};
use super::inventory::behind;
use crate::error::CommandError;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page.
pub(crate) fn page(found: &FleetReport) -> Result<String, CommandError> {
    let data = data::of(found)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "Boot images of " (found.sums.clusters) " clusters, " (found.as_of) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { h1 { "Boot images of the fleet" } p { (headline(found)) } }
                main {
                    (sums(found))
                    (charts::charts(found))
                    (controls(found))
                    (clusters(found))
                    (hazards(found))
                    (changes(found))
                    (exceptions(found))
                }
                footer {
                    p { "Judged as of " (found.as_of) ". Made by osimage; this page asks nobody for anything." }
                }
                script type="application/json" id="fleet-data" { (PreEscaped(data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

/// Nothing is loaded and nothing runs but the style and the script of this page, by their digests.
fn policy() -> String {
    let digest = |text: &str| BASE64.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

fn headline(found: &FleetReport) -> String {
    let sums = &found.sums;
    let of = |verdict: Verdict| sums.verdicts.get(&verdict).copied().unwrap_or_default();
    format!(
        "{} clusters with {} sets and {} machines. In {} new nodes do not join, in {} they may not, \
         of {} that is not known.",
        sums.clusters,
        sums.sets,
        sums.machines,
        of(Verdict::Fails),
        of(Verdict::Risk),
        of(Verdict::Unknown) + sums.unreadable
    )
}

fn sums(found: &FleetReport) -> Markup {
    let sums = &found.sums;
    let figures = [
        ("clusters", sums.clusters),
        ("cannot be read", sums.unreadable),
        ("upgrade blocked by boot images", sums.upgrade_blocked),
        ("boot images too old", sums.skew_exceeded),
        ("layered pools behind", sums.layered_behind),
        ("degraded", sums.degraded),
    ];
    html! {
        section aria-labelledby="sums" {
            h2 id="sums" { "Sums" }
            dl.figures {
                @for (name, count) in figures {
                    div { dt { (name) } dd { (count) } }
                }
            }
        }
    }
}

fn controls(found: &FleetReport) -> Markup {
    let mut platforms: Vec<_> = found.clusters.iter().map(platform).collect();
    platforms.sort_unstable();
    platforms.dedup();
    html! {
        section.controls aria-labelledby="find" {
            h2 id="find" { "Find clusters" }
            div {
                label { "Search " input id="search" type="search" autocomplete="off"
                    placeholder="cluster, set, image, hazard"; }
                label { "Verdict " select id="verdict" {
                    option value="" { "all" }
                    @for verdict in Verdict::ALL.iter().rev() {
                        option value=(verdict.name()) { (verdict.name()) }
                    }
                    option value="-" { "cannot be read" }
                } }
                label { "Platform " select id="platform" {
                    option value="" { "all" }
                    @for platform in platforms { option value=(platform) { (platform) } }
                } }
                button type="button" id="reset" { "Show all" }
            }
            p id="shown" role="status" { (found.clusters.len()) " clusters shown" }
        }
    }
}

fn platform(cluster: &ClusterLine) -> &str {
    cluster.platform.as_ref().map_or("-", Platform::name)
}

/// Heading of a column, and whether it is sorted as a number.
const COLUMNS: [(&str, bool); 7] = [
    ("Verdict", true),
    ("Cluster", false),
    ("Release", false),
    ("Platform", false),
    ("Sets", true),
    ("Oldest image", false),
    ("Behind", true),
];

fn clusters(found: &FleetReport) -> Markup {
    html! {
        section aria-labelledby="clusters" {
            h2 id="clusters" { "Clusters" }
            div.scroll role="region" aria-label="Table of clusters" tabindex="0" {
                table id="fleet" {
                    thead { tr {
                        @for (name, numeric) in COLUMNS {
                            th scope="col" data-numeric=[numeric.then_some("")] {
                                button type="button" { (name) }
                            }
                        }
                        th scope="col" { "Notes" }
                    } }
                    tbody {
                        @for (number, cluster) in found.clusters.iter().enumerate() {
                            (line(number, cluster))
                        }
                    }
                }
            }
        }
    }
}

fn line(number: usize, cluster: &ClusterLine) -> Markup {
    let verdict = cluster.verdict.map_or("-", Verdict::name);
    // A cluster that cannot be read is looked at first.
    let rank = Verdict::ALL
        .iter()
        .position(|of| Some(*of) == cluster.verdict);
    let rank = rank.unwrap_or(Verdict::ALL.len());
    let oldest = cluster.oldest.as_ref();
    let count = oldest.and_then(|oldest| oldest.behind);
    html! {
        tr data-number=(number) data-verdict=(verdict) data-platform=(platform(cluster)) {
            td data-key=(rank) { span.verdict.{ "is-" (verdict) } { (verdict) } }
            th scope="row" {
                button.more type="button" aria-expanded="false" { (cluster.name) }
            }
            td { (cluster.version.as_deref().unwrap_or("-")) }
            td { (platform(cluster)) }
            td { (cluster.sets.len()) }
            td { (oldest.map_or("-", |oldest| &oldest.version)) }
            td data-key=(count.map_or(-1, |count| i32::from(count.at_most))) { (behind(count)) }
            td { (notes(cluster).join(", ")) }
        }
    }
}

fn hazards(found: &FleetReport) -> Markup {
    html! {
        section aria-labelledby="hazards" {
            h2 id="hazards" { "Hazards" }
            @if found.hazards.is_empty() { p { "No set meets any that is known." } }
            @for hazard in &found.hazards {
                h3 { (hazard.id) }
                p {
                    (hazard.sets) " sets in " (hazard.clusters) " clusters meet it, or may; it counts for "
                    (hazard.counted) ". " (hazard.sentence)
                }
                p { strong { "What to do: " } (hazard.remedy) }
                p.sources { "Sources: " (hazard.sources.join(", ")) }
            }
        }
    }
}

fn changes(found: &FleetReport) -> Markup {
    html! {
        @if let Some(changes) = &found.changes {
            section aria-labelledby="changes" {
                h2 id="changes" { "Changed since the earlier report" }
                @if changes.is_empty() { p { "Nothing." } }
                ul { @for change in changes { li { (in_words(change)) } } }
            }
        }
    }
}

fn exceptions(found: &FleetReport) -> Markup {
    html! {
        @if !found.exceptions.is_empty() {
            section aria-labelledby="exceptions" {
                h2 id="exceptions" { "Exceptions" }
                ul { @for status in &found.exceptions { li { (status.in_words()) } } }
            }
        }
    }
}
