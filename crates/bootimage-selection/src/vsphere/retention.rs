//! Which templates of the cluster's folders may be removed: those that osimage imported, that nothing
//! names any more, and that nobody wants to go back to.

use std::collections::BTreeMap;

use openshift_model::vcenter::FoundTemplate;

use super::inventory::{RETIRED, TEMPORARY, base_name, replacement_name};

/// Something that names a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateUser {
    /// Host name of the vCenter.
    pub server: String,
    /// The template, as it names it: a name or an inventory path.
    pub template: String,
    /// What it is, e.g. `MachineSet worker-a`.
    pub by: String,
}

impl TemplateUser {
    /// Whether it names this template. During a replacement (BI-319) a template has its retired name,
    /// and the next plan gives it its own one back.
    fn uses(&self, template: &FoundTemplate) -> bool {
        let (name, named) = (template.name(), base_name(&self.template));
        // Host names ignore case.
        self.server.eq_ignore_ascii_case(&template.server)
            && (name == named || name == replacement_name(RETIRED, named))
    }
}

/// After how many seconds an import that has not ended never will: no session and no lease of a
/// vCenter lasts as long.
const ABANDONED: u64 = 24 * 60 * 60;

/// BI-327: whether this is what somebody's import left, and nobody goes on with it; `age` in seconds,
/// by the clock of its vCenter. What had its name before is kept: it may get the name back (BI-319).
pub fn is_abandoned(template: &FoundTemplate, age: u64) -> bool {
    template.is_ours && template.name().starts_with(TEMPORARY) && age > ABANDONED
}

/// Whether a template may be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateState {
    /// Something names it.
    InUse {
        /// What, in order.
        by: Vec<String>,
    },
    /// osimage did not import it, or imported it for another cluster.
    NotOurs,
    /// An import that is under way, or was interrupted; which of the two, nobody can tell from here.
    Unfinished,
    /// Nothing names it; it is kept for going back.
    Kept,
    /// Nothing names it, and newer ones are kept.
    Removable,
}

/// What becomes of each template, in their order. Of those of a failure domain that nothing names,
/// the newest `keep` are kept. A name counts on its whole vCenter, whatever the folder: what may be
/// meant is not removed.
pub fn template_states(
    templates: &[FoundTemplate],
    users: &[TemplateUser],
    infrastructure_name: &str,
    keep: usize,
) -> Vec<TemplateState> {
    let prefix = format!("{infrastructure_name}-rhcos-");
    let mut states: Vec<_> = templates
        .iter()
        .map(|template| state(template, users, &prefix))
        .collect();
    let mut unnamed: BTreeMap<(String, &str), Vec<usize>> = BTreeMap::new();
    for (index, template) in templates.iter().enumerate() {
        if states.get(index) == Some(&TemplateState::Removable) {
            let domain = template.path.strip_suffix(&template.release);
            let domain = domain.unwrap_or(&template.path);
            let server = template.server.to_ascii_lowercase();
            unnamed.entry((server, domain)).or_default().push(index);
        }
    }
    for mut of_domain in unnamed.into_values() {
        // The newest first; of two that were made at once, the one whose name sorts later.
        of_domain.sort_by_key(|index| {
            let template = templates.get(*index);
            std::cmp::Reverse(template.map(|template| (&template.created, &template.path)))
        });
        for index in of_domain.into_iter().take(keep) {
            if let Some(state) = states.get_mut(index) {
                *state = TemplateState::Kept;
            }
        }
    }
    states
}

/// Without looking at other templates.
fn state(template: &FoundTemplate, users: &[TemplateUser], prefix: &str) -> TemplateState {
    let name = template.name();
    let mut by: Vec<_> = users
        .iter()
        .filter(|user| user.uses(template))
        .map(|user| user.by.clone())
        .collect();
    if !by.is_empty() {
        by.sort();
        by.dedup();
        return TemplateState::InUse { by };
    }
    let is_between = [TEMPORARY, RETIRED]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    match template {
        template if !template.is_ours => TemplateState::NotOurs,
        template if !template.is_template || is_between => TemplateState::Unfinished,
        _ if !name.starts_with(prefix) => TemplateState::NotOurs,
        _ => TemplateState::Removable,
    }
}

#[cfg(test)]
mod tests {
    use super::TemplateState::{Kept, NotOurs, Removable, Unfinished};
    use super::*;

    fn template(name: &str, created: &str) -> FoundTemplate {
        FoundTemplate {
            server: "v".into(),
            path: format!("/dc1/vm/f/{name}"),
            release: name.rsplit('-').next().unwrap().into(),
            created: created.into(),
            is_ours: true,
            is_template: true,
        }
    }

    fn user(template: &str, by: &str) -> TemplateUser {
        TemplateUser {
            server: "v".into(),
            template: template.into(),
            by: by.into(),
        }
    }

    fn check(
        templates: &[FoundTemplate],
        users: &[TemplateUser],
        keep: usize,
        expected: &[TemplateState],
    ) {
        let states = template_states(templates, users, "c", keep);
        assert_eq!(states, expected, "{templates:?}");
    }

    fn in_use(by: &[&str]) -> TemplateState {
        TemplateState::InUse {
            by: by.iter().map(|by| (*by).to_owned()).collect(),
        }
    }

    #[test]
    fn the_newest_that_nothing_names_are_kept_for_each_failure_domain() {
        let templates = [
            template("c-rhcos-fd1-1", "2026-01-01"),
            template("c-rhcos-fd1-2", "2026-02-01"),
            template("c-rhcos-fd1-3", "2026-03-01"),
            template("c-rhcos-fd2-1", "2026-01-01"),
        ];
        let users = [
            user("c-rhcos-fd1-3", "MachineSet b"),
            user("/x/c-rhcos-fd1-3", "MachineSet a"),
        ];
        let used = in_use(&["MachineSet a", "MachineSet b"]);
        check(
            &templates,
            &users,
            1,
            &[Removable, Kept, used.clone(), Kept],
        );
        check(
            &templates,
            &users,
            0,
            &[Removable, Removable, used.clone(), Removable],
        );
        check(&templates, &users, 9, &[Kept, Kept, used, Kept]);
    }

    #[test]
    fn host_names_of_vcenters_ignore_case() {
        let upper = |name: &str, created: &str| FoundTemplate {
            server: "V".into(),
            ..template(name, created)
        };
        let used = user("c-rhcos-fd1-3", "MachineSet a");
        let templates = [
            template("c-rhcos-fd1-1", "2026-01-01"),
            upper("c-rhcos-fd1-2", "2026-02-01"),
            upper("c-rhcos-fd1-3", "2026-03-01"),
        ];
        let expected = [Removable, Kept, in_use(&["MachineSet a"])];
        check(&templates, &[used], 1, &expected);
    }

    #[test]
    fn bi_327_an_import_of_more_than_a_day_ago_is_abandoned() {
        let day = 24 * 60 * 60;
        let theirs = FoundTemplate {
            is_ours: false,
            ..template("mco-tmp-12345678", "")
        };
        for (template, age, expected) in [
            (template("mco-tmp-12345678", ""), day + 1, true),
            (template("mco-tmp-12345678", ""), day, false),
            (template("mco-old-12345678", ""), day + 1, false),
            (template("c-rhcos-fd1-1", ""), day + 1, false),
            (theirs, day + 1, false),
        ] {
            assert_eq!(is_abandoned(&template, age), expected, "{template:?} {age}");
        }
    }

    #[test]
    fn bi_319_a_template_under_its_retired_name_is_in_use() {
        let retired = replacement_name(RETIRED, "c-rhcos-fd1");
        let user = user("/dc1/vm/f/c-rhcos-fd1", "MachineSet a");
        check(
            &[template(&retired, "")],
            &[user],
            0,
            &[in_use(&["MachineSet a"])],
        );
    }

    #[test]
    fn what_is_not_ours_or_not_whole_is_not_removed() {
        let theirs = FoundTemplate {
            is_ours: false,
            ..template("c-rhcos-fd1-1", "")
        };
        let half = FoundTemplate {
            is_template: false,
            ..template("c-rhcos-fd1-2", "")
        };
        check(&[theirs], &[], 0, &[NotOurs]);
        check(&[half], &[], 0, &[Unfinished]);
        check(&[template("mco-tmp-12345678", "")], &[], 0, &[Unfinished]);
        check(&[template("mco-old-12345678", "")], &[], 0, &[Unfinished]);
        check(&[template("d-rhcos-fd1-1", "")], &[], 0, &[NotOurs]);
        let elsewhere = TemplateUser {
            server: "w".into(),
            ..user("c-rhcos-fd1-1", "MachineSet a")
        };
        check(
            &[template("c-rhcos-fd1-1", "")],
            &[elsewhere],
            0,
            &[TemplateState::Removable],
        );
    }
}
