//! A small world in which decisions are carried out, for the invariants of Appendix B.

use std::collections::{BTreeMap, BTreeSet};

use osbuild_check::BuildState;
use proptest::prelude::*;

use super::*;

/// The world: the situation, and what a decision does not see.
#[derive(Debug, Clone)]
struct World {
    situation: Situation,
    /// Images that the registry has.
    registry: BTreeSet<String>,
    /// How often the registry does not answer yet.
    silence: usize,
    /// Whether the next Job succeeds.
    fortune: Vec<bool>,
    /// Builds that never may have a Job.
    without_job: BTreeSet<String>,
    images_made: usize,
}

impl World {
    fn build(&mut self, name: &str) -> &mut Build {
        let position = self
            .situation
            .builds
            .iter()
            .position(|build| build.name == name);
        let position = position.unwrap_or_else(|| {
            let name = name.to_owned();
            self.situation.builds.push(Build {
                name,
                is_owned: true,
                ..Build::default()
            });
            self.situation.builds.len() - 1
        });
        &mut self.situation.builds[position]
    }

    /// Carries out one action, and checks what must never happen.
    fn carry_out(&mut self, action: Action) {
        match action {
            Action::CreateBuild { build } => {
                assert!(
                    !self
                        .situation
                        .builds
                        .iter()
                        .any(|other| other.name == build)
                );
                self.build(&build);
            }
            Action::Seed { build, image } => {
                self.without_job.insert(build.clone());
                let seeded = self.build(&build);
                seeded.is_seeded = true;
                seeded.state = Some(BuildState::Succeeded);
                seeded.digest = Some(image.clone());
                self.point(build, Some(image));
            }
            Action::CopyImage { build, image } => {
                self.without_job.insert(build.clone());
                let copy = self.build(&build);
                assert!(copy.job.is_none());
                copy.state = Some(BuildState::Succeeded);
                copy.digest = Some(image);
            }
            Action::SetState { build, state } => {
                self.images_made += 1;
                let image = format!("r.io/o/new@{}", self.images_made);
                let moved = self.build(&build);
                moved.state = Some(state);
                if state == BuildState::Succeeded {
                    moved.digest = Some(image.clone());
                    self.registry.insert(image);
                }
            }
            Action::Point { build, image } => self.point(build, image),
            Action::Start { build } => {
                assert!(!self.without_job.contains(&build), "a Job for {build}");
                let started = self.build(&build);
                assert!(!started.is_seeded && started.job.is_none());
                started.job = Some(BuildState::Prepared);
            }
            Action::DeleteBuild { build, image } => {
                if let Some(image) = image {
                    assert!(
                        !self.situation.images_in_use.contains(&image),
                        "{image} is in use"
                    );
                    self.registry.remove(&image);
                }
                self.build(&build).is_being_deleted = true;
            }
            Action::CleanUp { build } => self.build(&build).job = None,
            Action::RemovePreBuiltImage => self.situation.config.pre_built_image = None,
            Action::SetPoolCondition(condition) => {
                self.situation.pool.as_mut().unwrap().build_condition = Some(condition);
            }
        }
    }

    fn point(&mut self, build: String, image: Option<String>) {
        let config = &mut self.situation.config;
        config.current_build = Some(build.clone());
        config.rebuild = false;
        if let Some(image) = image {
            config.image = Some(image);
            config.build_of_image = Some(build);
            config.is_observed = true;
        }
    }

    /// Answers what a decision waits for; whether there was an answer.
    fn answer(&mut self, wait: Option<&Wait>) -> bool {
        let Some(Wait::Images(images)) = wait else {
            return false;
        };
        for image in images {
            let fact = if self.silence > 0 {
                self.silence -= 1;
                ImageFact::Unknown("timeout".to_owned())
            } else if self.registry.contains(image) {
                ImageFact::Found
            } else {
                ImageFact::NotFound
            };
            self.situation.images.insert(image.clone(), fact);
        }
        true
    }

    /// What happens by itself: objects go, Jobs move on; whether something did.
    fn go_on(&mut self) -> bool {
        let before = self.situation.clone();
        for build in &self.situation.builds {
            // What is made anew under its name is another object.
            if build.is_being_deleted {
                self.without_job.remove(&build.name);
            }
        }
        let builds = &mut self.situation.builds;
        builds.retain(|build| !build.is_being_deleted);
        for build in &mut self.situation.builds {
            build.job = match build.job {
                Some(BuildState::Prepared | BuildState::Initial) => Some(BuildState::Building),
                Some(BuildState::Building) => {
                    let ends_well = self.fortune.pop().unwrap_or(true);
                    Some(if ends_well {
                        BuildState::Succeeded
                    } else {
                        BuildState::Failed
                    })
                }
                other => other,
            };
        }
        // A registry that did not answer is asked again.
        self.situation
            .images
            .retain(|_, fact| !matches!(fact, ImageFact::Unknown(_)));
        before != self.situation
    }

    /// Lets decisions and the world take turns until nothing moves; carries out the first `steps`
    /// actions of a pass alone where it is to crash.
    fn settle(&mut self, crashes: &[usize]) -> Decision {
        for pass in 0..200 {
            let decision = decide(&self.situation);
            assert_eq!(decision, decide(&self.situation));
            let steps = crashes.get(pass).copied().unwrap_or(usize::MAX);
            let acted = !decision.actions.is_empty();
            for action in decision.actions.iter().take(steps) {
                self.carry_out(action.clone());
            }
            let answered = self.answer(decision.wait.as_ref());
            let moved = !answered && self.go_on();
            if !acted && !answered && !moved {
                return decision;
            }
        }
        panic!("it does not come to rest: {self:#?}");
    }
}

const TARGET: &str = "worker-target";

fn state() -> impl Strategy<Value = Option<BuildState>> {
    prop_oneof![
        Just(None),
        Just(Some(BuildState::Initial)),
        Just(Some(BuildState::Prepared)),
        Just(Some(BuildState::Building)),
        Just(Some(BuildState::Succeeded)),
        Just(Some(BuildState::Failed)),
        Just(Some(BuildState::Interrupted)),
    ]
}

fn image() -> impl Strategy<Value = String> {
    (0..4_u8).prop_map(|digit| format!("r.io/o/i@sha256:{}", digit.to_string().repeat(64)))
}

fn build(name: &'static str) -> impl Strategy<Value = Build> {
    (
        state(),
        image(),
        any::<bool>(),
        prop::option::of(state()),
        any::<bool>(),
    )
        .prop_map(
            move |(state, image, is_seeded, job, is_being_deleted)| Build {
                name: name.to_owned(),
                is_owned: true,
                state,
                digest: (state == Some(BuildState::Succeeded)).then_some(image),
                is_seeded: is_seeded && state == Some(BuildState::Succeeded),
                is_being_deleted,
                created: name.to_owned(),
                job: job.flatten().filter(|_| !is_seeded),
            },
        )
}

fn name() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof![
        Just(TARGET),
        Just("worker-a"),
        Just("worker-b"),
        Just("gone")
    ])
    .prop_map(|name| name.map(str::to_owned))
}

fn config() -> impl Strategy<Value = Config> {
    (
        prop::bool::weighted(0.1),
        prop::option::weighted(0.2, image()),
        any::<bool>(),
        name(),
        prop::option::of(image()),
        name(),
        any::<bool>(),
    )
        .prop_map(
            |(
                is_deleted,
                pre_built_image,
                rebuild,
                current_build,
                image,
                build_of_image,
                is_observed,
            )| {
                Config {
                    name: "worker".to_owned(),
                    pool: "worker".to_owned(),
                    is_deleted,
                    yields_to: None,
                    pre_built_image,
                    rebuild,
                    current_build,
                    image,
                    build_of_image,
                    is_observed,
                }
            },
        )
}

fn world() -> impl Strategy<Value = World> {
    (
        config(),
        prop::option::weighted(0.8, build(TARGET)),
        prop::option::of(build("worker-a")),
        prop::option::of(build("worker-b")),
        (
            any::<bool>(),
            prop::bool::weighted(0.1),
            prop::bool::weighted(0.1),
        ),
        prop::collection::btree_set(image(), 0..3),
        prop::collection::btree_set(image(), 0..4),
        0..4_usize,
        prop::collection::vec(any::<bool>(), 0..4),
    )
        .prop_map(
            |(config, target, a, b, pool, images_in_use, registry, silence, fortune)| {
                let (is_layer_only, is_degraded, is_missing) = pool;
                let builds: Vec<Build> = [target, a, b].into_iter().flatten().collect();
                let seeded = builds.iter().filter(|build| build.is_seeded);
                World {
                    without_job: seeded.map(|build| build.name.clone()).collect(),
                    situation: Situation {
                        config,
                        builds,
                        pool: (!is_missing).then(|| Pool {
                            target: "rendered-worker-1".to_owned(),
                            has_target: true,
                            degraded_by: is_degraded.then_some("NodeDegraded"),
                            is_layer_only,
                            build_condition: None,
                        }),
                        target: Ok(TARGET.to_owned()),
                        images: BTreeMap::new(),
                        images_in_use,
                    },
                    registry,
                    silence,
                    fortune,
                    images_made: 0,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn appendix_b_from_any_state_it_comes_to_rest(
        world in world(),
        crashes in prop::collection::vec(0..4_usize, 0..6),
    ) {
        let mut world = world;
        let rest = world.settle(&crashes);
        prop_assert!(rest.actions.is_empty());
        let situation = &world.situation;
        let is_blocked = matches!(rest.rule, "IL-815" | "IL-816");
        let goes_on = situation
            .builds
            .iter()
            .filter(|build| !build.state.is_some_and(BuildState::is_terminal))
            .count();
        prop_assert!(is_blocked || goes_on <= 1, "{:?} {:#?}", rest, situation);
        if situation.config.is_deleted {
            prop_assert!(situation.builds.is_empty());
        } else if rest.wait.is_none() {
            let target = situation.target_build().unwrap();
            prop_assert_eq!(target.state, Some(BuildState::Succeeded));
            prop_assert_eq!(&situation.config.image, &target.digest);
            prop_assert_eq!(situation.config.current_build.as_deref(), Some(TARGET));
            prop_assert!(!situation.config.rebuild && target.job.is_none());
        }
    }
}
