//! The first release at which an image stops working.

use crate::assess::{Certainty, NewNode, Stops};
use crate::bound::Fit;
use crate::table::{Basis, Case, Row, Severity};

/// The earliest release from which on a node from this image does not join, of all that is certain
/// or possible. A release that is affected only until the next one repairs it is passed over.
pub(crate) fn stops(rows: &[Row], node: &NewNode<'_>) -> Option<Stops> {
    let cases = rows
        .iter()
        .filter(|row| row.severity == Severity::Fails && node.is_on_platform(row))
        .flat_map(|row| row.cases.iter().map(move |case| (row, case)));
    let found = cases.filter_map(|(row, case)| {
        let certainty = certainty(node, row, case)?;
        let release = case.cluster.since(node.cluster?)?;
        // Of those that start together the surest counts.
        Some((release, std::cmp::Reverse(certainty), &row.id))
    });
    let (release, certainty, hazard) = found.min()?;
    Some(Stops {
        release: release.1.to_owned(),
        hazard: hazard.clone(),
        certainty: certainty.0,
    })
}

/// How sure it is whenever a cluster gets there; `None` where it is not known at all.
fn certainty(node: &NewNode<'_>, row: &Row, case: &Case) -> Option<Certainty> {
    let fit = node.image_fit(case).min(node.architecture_fit(row));
    let all_hold = case
        .when
        .iter()
        .all(|when| node.condition(*when) == Some(true));
    match fit {
        Fit::No | Fit::Unknown => None,
        _ if !all_hold => None,
        Fit::Yes if case.approximate.is_none() && row.basis == Basis::Confirmed => {
            Some(Certainty::Certain)
        }
        Fit::Yes | Fit::Possible => Some(Certainty::Possible),
    }
}
