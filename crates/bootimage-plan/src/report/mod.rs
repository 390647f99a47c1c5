//! The inventories of many clusters as one report: a line for each cluster, sums, what changed since
//! another report, and what somebody has accepted.

mod changes;
mod document;
mod exceptions;
mod line;
mod sums;

use bootimage_hazards::{Day, HazardTable};

pub use changes::{Change, Changed, OldReport, OldReportError};
pub use document::{
    ClusterLine, FleetReport, HazardInFleet, HazardOfSet, KIND, OldestImage, SetLine, Sums,
};
pub use exceptions::{ExceptionState, ExceptionStatus, Exceptions, ExceptionsError};
pub use line::Observed;

use crate::API_VERSION;

/// What a report is made with besides the clusters.
#[derive(Debug, Clone, Copy)]
pub struct ReportOptions<'b> {
    /// What is known to go wrong: the sentences of the hazards that were met.
    pub table: &'b HazardTable,
    /// What somebody has accepted.
    pub exceptions: &'b Exceptions,
    /// The report that this one is compared with.
    pub since: Option<&'b OldReport>,
    /// Today; exceptions run out by it.
    pub today: Day,
}

/// The report of a fleet. Deterministic: clusters have the order of their names, wherever they were
/// read from and in whatever order.
pub fn report(mut clusters: Vec<ClusterLine>, options: &ReportOptions<'_>) -> FleetReport {
    line::tell_apart(&mut clusters);
    clusters.sort_by(|a, b| (&a.name, &a.source).cmp(&(&b.name, &b.source)));
    let exceptions = exceptions::apply(&mut clusters, options.exceptions, options.today);
    FleetReport {
        api_version: API_VERSION,
        kind: KIND,
        as_of: options.today.to_string(),
        sums: sums::sums(&clusters),
        hazards: sums::hazards(&clusters, options.table),
        changes: options.since.map(|old| changes::since(old, &clusters)),
        exceptions,
        clusters,
    }
}
