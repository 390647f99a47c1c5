//! A plan for people.

use std::io::{Result, Write};

use anstyle::{AnsiColor, Style};
use bootimage_plan::{DecisionKind, Plan, Target};
use openshift_model::{Kind, MachineManager};

use super::reasons::reasons;
use crate::screen::shown;
use crate::text::{self, pad, wrap};

/// The plan as wide as the terminal: what happens to which set, then what is wrong.
pub(crate) fn table(out: &mut dyn Write, plan: &Plan) -> Result<()> {
    writeln!(out, "{}\n", headline(plan))?;
    for line in &plan.present {
        write!(out, "{}", wrap(&format!("now: {line}"), 0))?;
    }
    if !plan.present.is_empty() {
        writeln!(out)?;
    }
    if plan.targets.is_empty() {
        return writeln!(out, "No MachineSet and no ControlPlaneMachineSet.");
    }
    let names: Vec<String> = plan.targets.iter().map(short_name).collect();
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .max(4);
    writeln!(
        out,
        "{}  {}  BOOT IMAGE",
        pad("DECISION", DECISION_WIDTH),
        pad("NAME", width)
    )?;
    let room = text::width().saturating_sub(DECISION_WIDTH + GAP + width + GAP);
    for (target, name) in plan.targets.iter().zip(&names) {
        let line = format!("{}  {}", pad(name, width), what(target, room));
        writeln!(out, "{}  {}", decision(target.decision), line.trim_end())?;
    }
    writeln!(out, "\n{}", summary(plan))?;
    if let Some(deferred) = &plan.deferred {
        let why = format!("deferred, {}: {}", deferred.reason, deferred.message);
        write!(out, "{}", wrap(&why, 0))?;
    }
    if plan.skew.upgradeable == Some(false) {
        let why = format!("blocks upgrades: {}", plan.skew.message);
        write!(out, "{}", wrap(&why, 0))?;
    }
    reasons(out, plan)
}

/// The plan with everything on one line for each set.
pub(crate) fn wide(out: &mut dyn Write, plan: &Plan) -> Result<()> {
    let header = [
        "DECISION",
        "REASON",
        "KIND",
        "NAMESPACE",
        "NAME",
        "PLATFORM",
        "ARCH",
        "CURRENT",
        "TARGET",
        "MESSAGE",
    ];
    let rows: Vec<[String; 10]> = plan.targets.iter().map(wide_row).collect();
    let mut widths = header.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(shown(cell).chars().count());
        }
    }
    for row in std::iter::once(&header.map(str::to_owned)).chain(&rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| pad(cell, width))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn wide_row(target: &Target) -> [String; 10] {
    let or_dash = |text: Option<&str>| text.filter(|t| !t.is_empty()).unwrap_or("-").to_owned();
    [
        target.decision.name().to_owned(),
        target.reason.name().to_owned(),
        target.kind.name().to_owned(),
        or_dash(Some(&target.namespace)),
        target.name.clone(),
        or_dash(
            target
                .platform
                .as_ref()
                .map(openshift_model::Platform::name),
        ),
        or_dash(
            target
                .architecture
                .as_ref()
                .map(openshift_model::Architecture::rpm_name),
        ),
        or_dash(target.current.as_deref()),
        or_dash(target.target.as_deref()),
        target.message.clone().into_owned(),
    ]
}

/// Room for the longest decision, `NotManaged`.
const DECISION_WIDTH: usize = 10;
/// Between two columns.
const GAP: usize = 2;
/// Between two images.
const ARROW: &str = " → ";
/// However long the names are, this much of an image is shown.
const LEAST_IMAGE: usize = 12;

fn decision(kind: DecisionKind) -> String {
    let style = match kind {
        DecisionKind::Update => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        DecisionKind::Blocked => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
        DecisionKind::Undecided => Style::new().fg_color(Some(AnsiColor::Cyan.into())),
        DecisionKind::UpToDate => Style::new().fg_color(Some(AnsiColor::Green.into())),
        DecisionKind::Skip | DecisionKind::NotManaged => Style::new().dimmed(),
    };
    format!("{style}{}{style:#}", pad(kind.name(), DECISION_WIDTH))
}

/// Sets are what most lines are about; the control plane is said to be one.
pub(super) fn short_name(target: &Target) -> String {
    match target.kind {
        Kind::ControlPlaneMachineSet => format!("cpms/{}", shown(&target.name)),
        _ => shown(&target.name).into_owned(),
    }
}

/// The last column: images without what all of them share.
fn what(target: &Target, room: usize) -> String {
    let image = |image: &Option<String>| image.as_deref().map(short_image).unwrap_or_default();
    match target.decision {
        DecisionKind::Update if target.current == target.target => {
            cut(&image(&target.current), room)
        }
        DecisionKind::Update => {
            let (current, new) = match (&target.current, &target.target) {
                (Some(current), Some(new)) if project(current) != project(new) => {
                    (with_project(current), with_project(new))
                }
                (current, new) => (image(current), image(new)),
            };
            // On vSphere most templates keep their name, and the release is what is new.
            let release = new.strip_prefix(&format!("{current} (")).map(str::to_owned);
            let new = release.map_or(new, |release| release.trim_end_matches(')').to_owned());
            let [current, new] = side_by_side(&current, &new, room);
            format!("{current}{ARROW}{new}")
        }
        DecisionKind::UpToDate
        | DecisionKind::Skip
        | DecisionKind::Blocked
        | DecisionKind::Undecided => cut(&image(&target.current), room),
        DecisionKind::NotManaged => String::new(),
    }
}

/// Two images that fit beside each other: what one does not need the other has.
fn side_by_side(current: &str, new: &str, room: usize) -> [String; 2] {
    let room = room.saturating_sub(ARROW.chars().count());
    let length = |image: &str| image.chars().count();
    let share = |other: &str| room.saturating_sub(length(other)).max(room / 2);
    [cut(current, share(new)), cut(new, share(current))]
}

/// An image that fits. Of a path, or of fields with colons between them, the last part tells most;
/// of every other name the first.
fn cut(image: &str, room: usize) -> String {
    let image = shown(image);
    let (length, room) = (image.chars().count(), room.max(LEAST_IMAGE));
    if length <= room {
        return image.into_owned();
    }
    if image.contains([':', '/']) {
        let end: String = image.chars().skip(length + 1 - room).collect();
        return format!("…{end}");
    }
    let start: String = image.chars().take(room - 1).collect();
    format!("{start}…")
}

/// `rhcos-418-94-202501221327-0-gcp-x86-64` as `418-94-202501221327-0`, the path of an image that
/// was uploaded to Azure as the image's name; what is not named like that stays whole.
fn short_image(image: &str) -> String {
    let short = |image: &str| {
        let (path, name) = image.rsplit_once('/').unwrap_or(("", image));
        if let Some(gallery_image) = path.strip_suffix("/versions") {
            let image = gallery_image.rsplit('/').next().unwrap_or_default();
            return format!("{image}/{name}");
        }
        name.strip_prefix("rhcos-")
            .and_then(|rest| rest.split_once("-gcp-"))
            .map_or(name, |(version, _)| version)
            .to_owned()
    };
    image.split(", ").map(short).collect::<Vec<_>>().join(", ")
}

/// Who published an image on GCP: the project of its path.
fn project(image: &str) -> Option<&str> {
    let (project, _) = image.strip_prefix("projects/")?.split_once('/')?;
    Some(project)
}

/// [`short_image`] with the project in front, where the project is what tells two images apart.
fn with_project(image: &str) -> String {
    let one = |image: &str| match project(image) {
        Some(project) => format!("{project}/{}", short_image(image)),
        None => short_image(image),
    };
    image.split(", ").map(one).collect::<Vec<_>>().join(", ")
}

/// Platform, release and configuration in one line.
fn headline(plan: &Plan) -> String {
    let mut parts = Vec::new();
    if let Some(platform) = plan
        .targets
        .iter()
        .find_map(|target| target.platform.as_ref())
    {
        parts.push(platform.name().to_owned());
    }
    let rules = format!("rules of {}", plan.metadata.profile);
    parts.push(match &plan.metadata.release {
        Some(release) => format!("{} ({rules})", shown(release)),
        None => rules,
    });
    parts.push(match plan.managed_boot_images.machine_managers.as_deref() {
        None | Some([]) => "nothing is managed".to_owned(),
        Some(managers) => managers.iter().map(manager).collect::<Vec<_>>().join(", "),
    });
    parts.join(" · ")
}

fn manager(manager: &MachineManager) -> String {
    format!("{} {}", manager.resource(), manager.mode().name())
}

fn summary(plan: &Plan) -> String {
    let count = |kind: DecisionKind| plan.targets.iter().filter(|t| t.decision == kind).count();
    let parts = [
        (count(DecisionKind::Update), "to update"),
        (count(DecisionKind::UpToDate), "up to date"),
        (count(DecisionKind::Skip), "skipped"),
        (count(DecisionKind::Blocked), "blocked"),
        (count(DecisionKind::Undecided), "undecided"),
        (count(DecisionKind::NotManaged), "not managed"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    parts
        .map(|(count, what)| format!("{count} {what}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_shown_without_what_all_of_them_share() {
        let check = |image: &str, expected: &str| assert_eq!(short_image(image), expected);
        let gcp = "projects/rhcos-cloud/global/images/rhcos-9-8-20260715-0-gcp-x86-64";
        check(gcp, "9-8-20260715-0");
        check(&format!("{gcp}, a/own"), "9-8-20260715-0, own");
        let gallery = "/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images";
        check(
            &format!("{gallery}/x-gen2/versions/latest"),
            "x-gen2/latest",
        );
        check("/subscriptions/s/images/x-gen1", "x-gen1");
        check("ami-1", "ami-1");
        check("", "");
    }

    #[test]
    fn where_an_image_comes_from_is_shown_where_that_changes() {
        let path = |project: &str, name: &str| format!("projects/{project}/global/images/{name}");
        let (evil, old) = (
            path("evil", "rhcos-1-gcp-x86-64"),
            path("rhcos-cloud", "rhcos-1-gcp-x"),
        );
        assert_ne!(project(&evil), project(&old));
        assert_eq!(with_project(&evil), "evil/1");
        assert_eq!(
            with_project(&format!("{old}, ami-1")),
            "rhcos-cloud/1, ami-1"
        );
        assert_eq!(project("ami-1"), None);
    }

    #[test]
    fn a_long_image_is_cut_where_it_tells_least() {
        let check =
            |image: &str, room: usize, expected: &str| assert_eq!(cut(image, room), expected);
        check("redhat:worker:4.22.2026", 23, "redhat:worker:4.22.2026");
        check("redhat:worker:4.22.2026", 13, "…er:4.22.2026");
        check("418-94-202501221327-0", 13, "418-94-20250…");
        check(&"é".repeat(14), 0, &format!("{}…", "é".repeat(11)));
    }

    #[test]
    fn what_one_image_does_not_need_the_other_has() {
        let check = |room: usize, expected: [&str; 2]| {
            assert_eq!(
                side_by_side("418-94-202501221327-0", "9-8-20260715-0", room),
                expected
            );
        };
        check(38, ["418-94-202501221327-0", "9-8-20260715-0"]);
        check(33, ["418-94-20250122…", "9-8-20260715-0"]);
        check(27, ["418-94-2025…", "9-8-2026071…"]);
        check(0, ["418-94-2025…", "9-8-2026071…"]);
    }
}
