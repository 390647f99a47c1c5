//! The table of hazards: data, and its reading.

use openshift_model::{Architecture, Platform};
use serde::{Deserialize, Serialize};

use crate::Condition;
use crate::bound::{BoundError, ClusterBound, ImageBound};

/// How bad it is where it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Severity {
    /// The node joins, later than it could.
    Slow,
    /// The node may not join, or may be lost later.
    Risk,
    /// The node does not join.
    Fails,
}

/// How well it is known that it happens at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// A maintainer or the documentation says so.
    Confirmed,
    /// Users met it; nobody explained it.
    Reported,
    /// It follows from the source; nobody is known to have met it.
    Inferred,
}

/// Why the table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is no JSON, or a member is missing, of a wrong type, or not known.
    #[error("the table of hazards cannot be read")]
    Json(#[from] serde_json::Error),
    /// A bound of a row is none.
    #[error("the table of hazards cannot be read: {id}")]
    Bound {
        /// The row.
        id: String,
        /// The bound.
        source: BoundError,
    },
}

/// One row: something that is known to go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is called; never renamed.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// How well it is known.
    pub basis: Basis,
    /// What happens, for people.
    pub sentence: String,
    /// What to do about it.
    pub remedy: String,
    /// Where it is from: `<repository>#<number>`, `<repository>@<commit>`.
    pub sources: Vec<String>,
    /// The platforms it happens on; empty for all.
    pub platforms: Vec<Platform>,
    /// The architectures it happens on; empty for all.
    pub architectures: Vec<Architecture>,
    /// What has to come together; one of them is enough.
    pub cases: Vec<Case>,
}

/// One combination of image, release and conditions under which a hazard happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The images, as the table has them.
    pub image_text: String,
    /// The clusters, as the table has them.
    pub cluster_text: String,
    /// The conditions, all of which must hold.
    pub when: Vec<Condition>,
    /// Why nobody can say exactly where the bounds are.
    pub approximate: Option<String>,
    pub(crate) image: ImageBound,
    pub(crate) cluster: ClusterBound,
}

/// Everything that is known to go wrong, in the order of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HazardTable {
    pub(crate) rows: Vec<Row>,
}

impl HazardTable {
    /// The table that comes with this crate. It is read once for all images.
    pub fn bundled() -> Result<Self, TableError> {
        Self::parse(include_str!("../data/hazards.json"))
    }

    /// Reads a table.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let rows: Vec<RowText> = serde_json::from_str(text)?;
        let rows = rows
            .into_iter()
            .map(Row::from_text)
            .collect::<Result<_, _>>()?;
        Ok(Self { rows })
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Row {
    fn from_text(row: RowText) -> Result<Self, TableError> {
        let bound = |source| TableError::Bound {
            id: row.id.clone(),
            source,
        };
        let case = |case: CaseText| {
            Ok(Case {
                image: ImageBound::parse(&case.image)?,
                cluster: ClusterBound::parse(&case.cluster)?,
                image_text: case.image,
                cluster_text: case.cluster,
                when: case.when,
                approximate: case.approximate,
            })
        };
        let cases = row
            .cases
            .into_iter()
            .map(case)
            .collect::<Result<_, _>>()
            .map_err(bound)?;
        Ok(Self {
            id: row.id,
            severity: row.severity,
            basis: row.basis,
            sentence: row.sentence,
            remedy: row.remedy,
            sources: row.sources,
            platforms: row.platforms,
            architectures: row.architectures,
            cases,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowText {
    id: String,
    severity: Severity,
    basis: Basis,
    sentence: String,
    remedy: String,
    sources: Vec<String>,
    #[serde(default)]
    platforms: Vec<Platform>,
    #[serde(default)]
    architectures: Vec<Architecture>,
    cases: Vec<CaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    image: String,
    cluster: String,
    #[serde(default)]
    when: Vec<Condition>,
    #[serde(default)]
    approximate: Option<String>,
}
