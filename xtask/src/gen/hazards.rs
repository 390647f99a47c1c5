//! `docs/reference/hazards.md`: what is known to go wrong with boot images, from the table.

use bootimage_hazards::{Basis, Case, Condition, HazardTable, Row, Severity};

use super::GENERATED;

/// The page of all hazards.
pub(crate) fn page() -> Result<String, String> {
    let table = HazardTable::bundled().map_err(|error| error.to_string())?;
    let mut text = format!("{GENERATED}# Hazards of boot images\n\n");
    text.push_str(
        "What is known to go wrong with a node that starts from a boot image, and what to do about \
         it. A hazard is *certain* where everything it depends on is known to be so. It is \
         *possible* where a bound is not known exactly or lies inside what the image may be (RHCOS \
         9.6 belongs to 4.19, 4.20 and 4.21), and where nobody confirmed it. It *cannot be told* \
         where it depends on something that stands in no file, as Secure Boot: that is never the \
         same as clear.\n\n\
         Ids may be added; none is ever renamed. A source is a thread (`repository#number`) or a \
         file at a commit (`repository@commit`).\n\n\
         | id | where it bites |\n|---|---|\n",
    );
    for row in table.rows() {
        text.push_str(&format!(
            "| [`{0}`](#{0}) | {1} |\n",
            row.id,
            severity(row.severity)
        ));
    }
    for row in table.rows() {
        text.push_str(&section(row));
    }
    Ok(text)
}

fn section(row: &Row) -> String {
    let mut text = format!("\n## {}\n\n{}\n\n", row.id, row.sentence);
    text.push_str(&format!("**What to do:** {}\n\n", row.remedy));
    text.push_str(&format!(
        "- Where it bites, {}. {}\n",
        severity(row.severity),
        basis(row.basis)
    ));
    let names = |names: Vec<String>| match names.as_slice() {
        [] => "all".to_owned(),
        names => names.join(", "),
    };
    text.push_str(&format!(
        "- Platforms: {}; architectures: {}\n",
        names(row.platforms.iter().map(ToString::to_string).collect()),
        names(row.architectures.iter().map(ToString::to_string).collect()),
    ));
    for case in &row.cases {
        text.push_str(&self::case(case));
    }
    let sources: Vec<_> = row
        .sources
        .iter()
        .map(|source| format!("`{source}`"))
        .collect();
    text.push_str(&format!("- Sources: {}\n", sources.join(", ")));
    text
}

fn case(case: &Case) -> String {
    let mut text = format!(
        "- Images: `{}`; clusters: `{}`",
        case.image_text, case.cluster_text
    );
    let conditions: Vec<_> = case
        .when
        .iter()
        .map(|condition: &Condition| condition.words())
        .collect();
    if !conditions.is_empty() {
        text.push_str(&format!(
            "; depends on whether {}",
            conditions.join(", and whether ")
        ));
    }
    if let Some(why) = &case.approximate {
        text.push_str(&format!(" ({why})"));
    }
    text.push('\n');
    text
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Slow => "the node joins late",
        Severity::Risk => "the node may not join, or may be lost later",
        Severity::Fails => "the node does not join",
    }
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Confirmed => "Confirmed by maintainers or documentation.",
        Basis::Reported => "Reported by users; nobody explained it.",
        Basis::Inferred => "Follows from the source; nobody is known to have met it.",
    }
}
