//! Templates of a vCenter, for people.

use std::io::{Result, Write};

use bootimage_plan::{ReportedTemplate, TemplateReport};

use super::inventory::columns;

/// A line for each template.
pub(crate) fn table(out: &mut dyn Write, report: &TemplateReport) -> Result<()> {
    let header = ["STATE", "TEMPLATE", "RELEASE", "USED BY"].map(str::to_owned);
    columns(out, &header, report.items.iter().map(row).collect())
}

fn row(item: &ReportedTemplate) -> Vec<String> {
    let template = &item.template;
    let used_by = match item.used_by.as_slice() {
        [] => "-".to_owned(),
        users => users.join(", "),
    };
    let release = match template.release.as_str() {
        "" => "-".to_owned(),
        release => release.to_owned(),
    };
    vec![
        item.state.to_owned(),
        format!("{}:{}", template.server, template.path),
        release,
        used_by,
    ]
}
