//! Which images of a registry may go (IL-707): of each pool the last ones are kept, and whatever is in use.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use openshift_model::facts::API_VERSION;
use openshift_model::{ImageReference, MachineOSBuild, MachineOSConfig, OsMachineConfig};
use osbuild_check::{BuildState, state};
use serde::Serialize;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::image_users::{ImageUsers, POOL_LABEL, image_users_with_rendered};
use crate::local_build::PUSH_SPEC;

/// What the rule looks at: something that was made for somebody, and is named by somebody or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// For whom: the last ones of each group are kept.
    pub group: &'a str,
    /// When it was made, RFC 3339 in UTC; `None` where nobody knows.
    pub made: Option<&'a str>,
    /// Whether something names it.
    pub is_named: bool,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Something names it.
    Named,
    /// It is one of the last ones of its group.
    Recent,
    /// Nobody knows how old it is.
    AgeUnknown,
    /// It may go.
    No,
}

/// IL-707: of each group the last `keep` are kept, and whatever is named. What was made at the same time as
/// the last one that is kept is kept too; of unknown age nothing goes unless `keep` is 0.
pub fn keep_last(candidates: &[Candidate<'_>], keep: usize) -> Vec<Kept> {
    let mut made: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for candidate in candidates {
        made.entry(candidate.group)
            .or_default()
            .extend(candidate.made);
    }
    for times in made.values_mut() {
        times.sort_by_key(|time| Reverse(*time));
    }
    // From this time on, everything of the group is kept; where there are fewer, all of it.
    let first_kept = |group: &str| {
        let times = made.get(group).map_or(&[][..], Vec::as_slice);
        let last = keep.min(times.len()).checked_sub(1);
        last.and_then(|last| times.get(last)).copied()
    };
    candidates
        .iter()
        .map(|candidate| match candidate.made {
            _ if candidate.is_named => Kept::Named,
            _ if keep == 0 => Kept::No,
            None => Kept::AgeUnknown,
            Some(made) if first_kept(candidate.group).is_some_and(|first| made >= first) => {
                Kept::Recent
            }
            Some(_) => Kept::No,
        })
        .collect()
}

/// An image of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredImage {
    /// Its repository, with the host.
    pub repository: String,
    /// The digest of its manifest.
    pub digest: String,
    /// The digests of the images in it, where it is a list.
    pub parts: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its labels, a JSON object.
    pub labels: Value,
    /// When it was made, as its configuration says it.
    pub created: Option<String>,
}

/// Which images of registries are kept, and why: the document of `osimage layer gc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LayerRetention {
    /// `osimage.dev/v1`
    pub api_version: &'static str,
    /// `LayerRetention`
    pub kind: &'static str,
    /// How many images of each pool are kept in each repository, whether anything names them or not.
    pub keep: usize,
    /// Every image, by repository, the youngest first.
    pub items: Vec<ImageVerdict>,
}

/// What becomes of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImageVerdict {
    /// The image, by digest.
    pub image: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The pool that it was made for; `null` where it does not say so.
    pub pool: Option<String>,
    /// When it was made, RFC 3339, as far as anybody knows.
    pub made: Option<String>,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Why, as a code.
    pub reason: RetentionReason,
    /// Who names it, as KIND/NAME.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named_by: Vec<String>,
}

/// Why an image is kept or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RetentionReason {
    /// Something in the cluster names it.
    Named,
    /// It is one of the last ones of its pool.
    Recent,
    /// Nobody knows how old it is.
    AgeUnknown,
    /// It does not say that it was made for a pool: it is somebody else's.
    Foreign,
    /// Nothing names it, and later ones of its pool are kept.
    Superseded,
}

impl RetentionReason {
    /// Why, as a sentence without its subject.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Named => "the cluster needs it",
            Self::Recent => "it is one of the last ones of its pool",
            Self::AgeUnknown => "nobody knows how old it is; --keep 0 deletes it",
            Self::Foreign => "it has no label machineconfigpool: something else made it",
            Self::Superseded => "nothing names it, and later ones are kept",
        }
    }
}

/// IL-707: which of these images may go. `keep` is how many of each pool stay in each repository.
pub fn retention(images: &[StoredImage], cluster: &Cluster<'_>, keep: usize) -> LayerRetention {
    let users = image_users_with_rendered(cluster);
    let facts: Vec<Facts> = images
        .iter()
        .map(|image| Facts::of(image, cluster, &users))
        .collect();
    let candidates = facts.iter().map(|facts| Candidate {
        group: &facts.group,
        made: facts.made.as_deref(),
        // What is somebody else's neither goes nor counts.
        is_named: !facts.named_by.is_empty() || facts.pool.is_none(),
    });
    let candidates: Vec<_> = candidates.collect();
    let kept = keep_last(&candidates, keep);
    let mut items: Vec<(&str, ImageVerdict)> = images
        .iter()
        .zip(&facts)
        .zip(kept)
        .map(|((image, facts), kept)| (image.repository.as_str(), facts.verdict(image, kept)))
        .collect();
    items.sort_by(|(repository, a), (other, b)| {
        (repository, Reverse(&a.made), &a.image).cmp(&(other, Reverse(&b.made), &b.image))
    });
    LayerRetention {
        api_version: API_VERSION,
        kind: "LayerRetention",
        keep,
        items: items.into_iter().map(|(_, item)| item).collect(),
    }
}

/// What is known of an image.
struct Facts {
    pool: Option<String>,
    group: String,
    made: Option<String>,
    named_by: BTreeSet<String>,
}

impl Facts {
    fn of(image: &StoredImage, cluster: &Cluster<'_>, users: &ImageUsers) -> Self {
        let pool = image.labels.get(POOL_LABEL).and_then(Value::as_str);
        let digests = image.parts.iter().chain([&image.digest]);
        let mut named_by: BTreeSet<String> = digests
            .filter_map(|digest| users.get(digest))
            .flatten()
            .cloned()
            .collect();
        // A build that is under way has pushed its tag, and its digest is not known yet.
        let tags = image.tags.iter();
        let specs: Vec<String> = tags
            .map(|tag| format!("{}:{tag}", image.repository))
            .collect();
        let builds = cluster.builds.iter();
        let builds = builds.filter(|build| specs.iter().any(|spec| spec == build.push_spec()));
        named_by.extend(builds.map(|build| format!("MachineOSBuild/{}", build.name)));
        Self {
            // The last ones of somebody else's images are not those of a pool.
            group: format!("{}\0{}", image.repository, pool.unwrap_or_default()),
            pool: pool.map(str::to_owned),
            made: cluster.time_of(image),
            named_by,
        }
    }

    fn verdict(&self, image: &StoredImage, kept: Kept) -> ImageVerdict {
        let reason = match kept {
            Kept::Named if self.named_by.is_empty() => RetentionReason::Foreign,
            Kept::Named => RetentionReason::Named,
            Kept::Recent => RetentionReason::Recent,
            Kept::AgeUnknown => RetentionReason::AgeUnknown,
            Kept::No => RetentionReason::Superseded,
        };
        ImageVerdict {
            image: format!("{}@{}", image.repository, image.digest),
            tags: image.tags.clone(),
            pool: self.pool.clone(),
            made: self.made.clone(),
            deleted: kept == Kept::No,
            reason,
            named_by: self.named_by.iter().cloned().collect(),
        }
    }
}

/// The label of an image with the rendered MachineConfig that it was made for (IL-178).
const RENDERED_LABEL: &str = "machineconfig";
/// The label of an image with the image that it was put on top of (IL-178).
const BASE_LABEL: &str = "baseOSContainerImage";

impl Cluster<'_> {
    /// When an image was made. Its configuration says it, unless it was built with the same time for all
    /// (IL-784); else it is about as old as the rendered MachineConfig that it was made for or that named
    /// it first, and no older than the release that it was put on top of.
    fn time_of(&self, image: &StoredImage) -> Option<String> {
        let created = image.created.as_deref();
        if let Some(created) = created.filter(|time| is_time(time)) {
            return Some(created.to_owned());
        }
        let label = |name| image.labels.get(name).and_then(Value::as_str);
        let of = |config: &OsMachineConfig<'_>| {
            let created = config.meta.creation_timestamp.as_deref();
            created.map(str::to_owned)
        };
        let rendered = label(RENDERED_LABEL).and_then(|name| self.machine_config(name));
        if let Some(time) = rendered.and_then(of) {
            return Some(time);
        }
        let end = format!("@{}", image.digest);
        let configs = self.machine_configs.iter();
        let naming = configs.filter(|config| config.os_image().ends_with(&end));
        if let Some(time) = naming.filter_map(of).min() {
            return Some(time);
        }
        let release = self.release_of(label(BASE_LABEL)?)?;
        self.release_start(&release)
    }
}

/// Whether a text is a time in UTC, and none that stands for no time.
fn is_time(text: &str) -> bool {
    let year: Option<u32> = text.get(..4).and_then(|year| year.parse().ok());
    text.ends_with('Z') && year.is_some_and(|year| year > 1970)
}

/// IL-707: the repositories, with their hosts, that images of this cluster are pushed to: as
/// MachineOSConfigs say it, and MachineConfigs that osimage wrote.
pub fn repositories(cluster: &Cluster<'_>) -> BTreeSet<String> {
    let configs = cluster.configs.iter().map(MachineOSConfig::push_spec);
    let builds = cluster.builds.iter().map(MachineOSBuild::push_spec);
    let written = cluster.machine_configs.iter();
    let written = written.filter_map(|config| config.meta.annotation(PUSH_SPEC));
    let specs = configs.chain(builds).chain(written);
    let references = specs.filter_map(|spec| ImageReference::parse_canonical(spec).ok());
    references
        .map(|reference| format!("{}/{}", reference.domain(), reference.path()))
        .collect()
}

/// IL-707: the builds of a MachineOSConfig that may be deleted, and their images with them: those that
/// succeeded, but for the last `keep` and for those whose image a node, a MachineOSConfig, a MachineConfig
/// or another build needs.
pub fn superseded_builds<'b>(
    cluster: &Cluster<'b>,
    config: &str,
    keep: usize,
) -> Vec<&'b MachineOSBuild<'b>> {
    let users = image_users_with_rendered(cluster);
    let of_config = cluster.config(config);
    let current =
        of_config.and_then(|config| config.meta.annotation(mosb_naming::keys::CURRENT_BUILD));
    let of_image = of_config.and_then(|config| config.status.machine_os_build.as_ref());
    let of_image = of_image.and_then(|build| build.name.as_deref());
    let is_candidate = |build: &&MachineOSBuild<'_>| {
        build.machine_os_config() == config
            && state(build.conditions()) == Some(BuildState::Succeeded)
            && build.meta.deletion_timestamp.is_none()
    };
    let builds: Vec<_> = cluster.builds.iter().filter(is_candidate).collect();
    let candidates = builds.iter().map(|build| {
        let name = build.name.as_str();
        let own = format!("MachineOSBuild/{name}");
        let image = build.status.digested_image_push_spec.as_deref();
        let digest = image.and_then(|image| image.rsplit_once('@'));
        let named = digest.and_then(|(_, digest)| users.get(digest));
        let is_needed = named.is_some_and(|users| users.iter().any(|user| *user != own));
        let ended = build.status.build_end.as_deref();
        Candidate {
            group: "",
            made: ended.or(build.meta.creation_timestamp.as_deref()),
            is_named: is_needed || [current, of_image].contains(&Some(name)),
        }
    });
    let candidates: Vec<_> = candidates.collect();
    let kept = keep_last(&candidates, keep);
    let superseded = builds
        .iter()
        .zip(kept)
        .filter(|(_, kept)| *kept == Kept::No);
    superseded.map(|(build, _)| *build).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local_build::ROLE_LABEL;
    use crate::snapshot::LayerSnapshot;
    use crate::testing::{object, raw};
    use proptest::prelude::*;
    use serde_json::json;

    /// Group, time and whether it is named, of some candidates.
    fn some() -> impl Strategy<Value = Vec<(u8, Option<u8>, bool)>> {
        let one = (0..3_u8, proptest::option::of(0..6_u8), any::<bool>());
        proptest::collection::vec(one, 0..20)
    }

    fn kept(some: &[(u8, Option<u8>, bool)], keep: usize) -> Vec<Kept> {
        let groups = ["a", "b", "c"];
        let times = [
            "2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06",
        ];
        let candidates = some.iter().map(|(group, made, is_named)| Candidate {
            group: groups[usize::from(*group)],
            made: made.map(|made| times[usize::from(made)]),
            is_named: *is_named,
        });
        keep_last(&candidates.collect::<Vec<_>>(), keep)
    }

    proptest! {
        #[test]
        fn il_707_what_is_named_stays_and_so_do_the_last_ones(some in some(), keep in 0..6_usize) {
            let kept = kept(&some, keep);
            for ((group, made, is_named), found) in some.iter().zip(&kept) {
                prop_assert_eq!(*found == Kept::Named, *is_named);
                if *found == Kept::No && keep > 0 {
                    let later = some.iter().filter(|(other, time, _)| other == group && time > made);
                    prop_assert!(later.count() >= keep, "a younger one goes before an older one");
                }
                prop_assert!(*found != Kept::AgeUnknown || made.is_none());
            }
        }

        #[test]
        fn il_707_a_second_time_nothing_goes(some in some(), keep in 0..6_usize) {
            let first = kept(&some, keep);
            let left = some.iter().zip(&first).filter(|(_, kept)| **kept != Kept::No);
            let left: Vec<_> = left.map(|(one, _)| *one).collect();
            prop_assert!(!kept(&left, keep).contains(&Kept::No));
        }

        #[test]
        fn il_707_more_that_is_kept_or_named_never_costs_an_image(
            some in some(), keep in 0..6_usize, which in any::<prop::sample::Index>()
        ) {
            let before = kept(&some, keep);
            let goes = |kept: &[Kept]| -> Vec<bool> { kept.iter().map(|it| *it == Kept::No).collect() };
            let more = kept(&some, keep + 1);
            prop_assert!(goes(&more).iter().zip(goes(&before)).all(|(more, before)| *more <= before));
            let mut named = some.clone();
            if !named.is_empty() {
                let index = which.index(named.len());
                named[index].2 = true;
            }
            let named = kept(&named, keep);
            prop_assert!(goes(&named).iter().zip(goes(&before)).all(|(named, before)| *named <= before));
        }

        #[test]
        fn il_707_the_order_of_the_list_does_not_count(some in some(), keep in 0..6_usize) {
            let mut back = kept(&some.iter().rev().copied().collect::<Vec<_>>(), keep);
            back.reverse();
            prop_assert_eq!(back, kept(&some, keep));
        }
    }

    fn image(digest: &str, tag: &str, labels: Value, created: &str) -> StoredImage {
        StoredImage {
            repository: "r.io/o/os".to_owned(),
            digest: digest.to_owned(),
            parts: Vec::new(),
            tags: vec![tag.to_owned()],
            labels,
            created: Some(created.to_owned()),
        }
    }

    const EPOCH: &str = "1970-01-01T00:00:00Z";

    #[test]
    fn il_707_images_are_kept_for_a_reason() {
        let texts = [
            json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion",
                "metadata": {"name": "version"}, "status": {"desired": {"version": "4.20.3"},
                "history": [{"version": "4.20.3", "startedTime": "2026-03-01T00:00:00Z"}]}})
            .to_string(),
            object(
                "ControllerConfig",
                &json!({"metadata": {"name": "machine-config-controller"},
                    "spec": {"baseOSContainerImage": "quay.io/release@sha256:r3"}}),
            ),
            object(
                "MachineConfigPool",
                &json!({"metadata": {"name": "worker"}, "spec": {"configuration":
                    {"name": "rendered-worker-2"}}}),
            ),
            object(
                "MachineConfig",
                &json!({"metadata": {"name": "rendered-worker-1",
                    "creationTimestamp": "2026-01-05T00:00:00Z"}, "spec": {"osImageURL": "r.io/o/os@sha256:old"}}),
            ),
            object(
                "MachineConfig",
                &json!({"metadata": {"name": "rendered-worker-2"}, "spec": {"osImageURL": "r.io/o/os@sha256:new"}}),
            ),
            object(
                "MachineOSBuild",
                &json!({"metadata": {"name": "under-way"},
                    "spec": {"renderedImagePushSpec": "r.io/o/os:under-way"}}),
            ),
            object(
                "Node",
                &json!({"metadata": {"name": "a", "annotations":
                    {"machineconfiguration.openshift.io/currentImage": "other.io/mirror@sha256:part"}}}),
            ),
        ];
        let (snapshot, errors) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        assert!(errors.is_empty(), "{errors:?}");
        let ours = || json!({POOL_LABEL: "worker"});
        let base = json!({POOL_LABEL: "worker", BASE_LABEL: "quay.io/release@sha256:r3"});
        let mut list = image("sha256:list", "both", ours(), EPOCH);
        list.parts = vec!["sha256:part".to_owned()];
        let images = [
            image("sha256:new", "worker", ours(), EPOCH),
            image("sha256:old", "worker-old", ours(), EPOCH),
            image("sha256:then", "then", ours(), "2025-12-01T00:00:00.5Z"),
            image("sha256:based", "based", base, EPOCH),
            image("sha256:none", "none", ours(), EPOCH),
            image("sha256:else", "else", json!({}), "2020-01-01T00:00:00Z"),
            image("sha256:run", "under-way", ours(), EPOCH),
            list,
        ];
        let found = |keep| {
            let found = retention(&images, &snapshot.cluster(), keep);
            let lines = found.items.iter().map(|item| {
                let made = item.made.as_deref().unwrap_or("-");
                let by = item.named_by.join(",");
                format!("{} {made} {:?} {by}", item.tags.join(","), item.reason)
            });
            lines.collect::<Vec<_>>()
        };
        assert_eq!(
            found(1),
            [
                "based 2026-03-01T00:00:00Z Recent ",
                "worker-old 2026-01-05T00:00:00Z Superseded ",
                "then 2025-12-01T00:00:00.5Z Superseded ",
                "else 2020-01-01T00:00:00Z Foreign ",
                "both - Named Node/a",
                "worker - Named MachineConfig/rendered-worker-2",
                "none - AgeUnknown ",
                "under-way - Named MachineOSBuild/under-way",
            ]
        );
        assert!(found(3).iter().all(|line| !line.contains("Superseded")));
        let all = found(0);
        let gone = all.iter().filter(|line| line.contains("Superseded"));
        assert_eq!(gone.count(), 4, "{all:?}");
    }

    #[test]
    fn il_707_the_repositories_are_those_that_are_pushed_to() {
        let texts = [
            object(
                "MachineOSConfig",
                &json!({"metadata": {"name": "layered"},
                    "spec": {"renderedImagePushSpec": "r.io:5000/o/os:latest"}}),
            ),
            object(
                "MachineConfig",
                &json!({"metadata": {"name": "os", "labels": {ROLE_LABEL: "worker"},
                    "annotations": {PUSH_SPEC: "quay.io/a/b/c:t"}}}),
            ),
        ];
        let (snapshot, _) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        let found = repositories(&snapshot.cluster());
        let expected = ["quay.io/a/b/c", "r.io:5000/o/os"].map(str::to_owned);
        assert_eq!(found, BTreeSet::from(expected));
    }

    #[test]
    fn il_707_builds_that_nobody_needs_may_go() {
        let build = |name: &str, ended: &str, state: &str| {
            object(
                "MachineOSBuild",
                &json!({"metadata": {"name": name}, "spec": {"machineOSConfig": {"name": "layered"}},
                    "status": {"buildEnd": ended, "digestedImagePushSpec": format!("r.io/o@sha256:{name}"),
                    "conditions": [{"type": state, "status": "True"}]}}),
            )
        };
        let texts = [
            build("1", "2026-01-01T00:00:00Z", "Succeeded"),
            build("2", "2026-01-02T00:00:00Z", "Succeeded"),
            build("3", "2026-01-03T00:00:00Z", "Failed"),
            build("4", "2026-01-04T00:00:00Z", "Succeeded"),
            build("5", "2026-01-05T00:00:00Z", "Succeeded"),
            object(
                "MachineOSConfig",
                &json!({"metadata": {"name": "layered"},
                    "status": {"currentImagePullSpec": "r.io/o@sha256:5", "machineOSBuild": {"name": "5"}}}),
            ),
            object(
                "Node",
                &json!({"metadata": {"name": "a", "annotations":
                    {"machineconfiguration.openshift.io/currentImage": "r.io/o@sha256:2"}}}),
            ),
        ];
        let (snapshot, errors) = LayerSnapshot::of(texts.iter().map(|text| raw(text)).collect());
        assert!(errors.is_empty(), "{errors:?}");
        let cluster = snapshot.cluster();
        let names = |keep| {
            let builds = superseded_builds(&cluster, "layered", keep);
            builds
                .iter()
                .map(|build| build.name.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(0), ["1", "4"]);
        assert_eq!(names(1), ["1", "4"]);
        assert_eq!(names(2), ["1"]);
        assert_eq!(names(4), Vec::<String>::new());
    }
}
