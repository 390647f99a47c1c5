//! A search through all states of two replicas that keep one object as it should be: leader, lag of
//! what they have seen, and crashes, all at once. The decision about the Lease is the real one.
//!
//! What is found out:
//! - the fences of two processes are never open at the same time;
//! - a process may be stopped between its look at the fence and its write (SIGSTOP), and then two
//!   writes can be on their way; the test of `resourceVersion` lets at most one of them have an
//!   effect, and never one that was made from what is no longer true;
//! - from every state, once crashes and strangers end, every fair run ends with the object as it
//!   should be, and then nothing more is written.

#![allow(
    clippy::indexing_slicing,
    clippy::option_option,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails where something is not as it should be"
)]

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use controller_runtime::lease::{Observation, Step, evaluate};
use tokio::time::Instant;

/// The duration of the Lease in steps of time.
const DURATION: u8 = 3;
/// How long the fence of a leader is open after the request that renewed: shorter by the margin.
const DEADLINE: u8 = 2;
/// How often a stranger changes the object.
const STRANGERS: u8 = 1;
/// How often a process is killed or loses its Lease and starts again.
const CRASHES: u8 = 2;
const NAMES: [&str; 2] = ["a", "b"];

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Replica {
    /// The holder that was last seen, if the Lease was looked at since the start.
    seen: Option<Option<usize>>,
    /// Whether the Lease is still what was seen.
    current: bool,
    /// How long ago the Lease became what was seen, as far as this process knows.
    age: u8,
    /// What is left of the fence; 0 where it is closed.
    open: u8,
    /// It leads, or did until its deadline passed.
    leads: bool,
    /// The version of the object that the store has, as how many writes it is behind, and whether
    /// the object was then as it should be.
    store: Option<(u8, bool)>,
    /// A write that has passed the fence: how many writes the version that it tests is behind.
    on_its_way: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    replicas: [Replica; 2],
    holder: Option<usize>,
    /// Whether the object is as it should be.
    right: bool,
    strangers: u8,
    crashes: u8,
}

/// One step from a state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// Of the processes, the API server, or time: it happens if it can go on happening.
    Fair,
    /// A crash or a stranger: it happens or not.
    Fault,
}

const START: Replica = Replica {
    seen: None,
    current: false,
    age: 0,
    open: 0,
    leads: false,
    store: None,
    on_its_way: None,
};

/// A version that is behind is as good as one that is further behind.
const FAR_BEHIND: u8 = 1;

impl State {
    /// Somebody has written the object.
    fn written(mut self, right: bool) -> Self {
        self.right = right;
        for replica in &mut self.replicas {
            let older = |behind: u8| (behind + 1).min(FAR_BEHIND);
            replica.store = replica.store.map(|(behind, right)| (older(behind), right));
            replica.on_its_way = replica.on_its_way.map(older);
        }
        self
    }

    /// Somebody has written the Lease: nobody's view of it is current but that of the writer.
    fn lease_written(mut self, by: usize, holder: Option<usize>) -> Self {
        self.holder = holder;
        for replica in &mut self.replicas {
            replica.current = false;
        }
        let writer = &mut self.replicas[by];
        (writer.seen, writer.current, writer.age) = (Some(holder), true, 0);
        self
    }

    fn with(mut self, which: usize, change: impl FnOnce(&mut Replica)) -> Self {
        change(&mut self.replicas[which]);
        self
    }

    fn step_of_lease(&self, which: usize) -> Step {
        let replica = self.replicas[which];
        // An age is a difference of times, and so is all that is decided from it.
        let now = Instant::now() + Duration::from_secs(DURATION.into());
        let observation = Observation {
            holder: replica
                .seen
                .flatten()
                .map_or("", |holder| NAMES[holder])
                .to_owned(),
            duration: Duration::from_secs(DURATION.into()),
            since: now - Duration::from_secs(replica.age.into()),
        };
        evaluate(Some(&observation), NAMES[which], now)
    }

    fn next(&self) -> Vec<(Move, State)> {
        let mut next = vec![(Move::Fair, self.time_passes())];
        for which in 0..self.replicas.len() {
            next.extend(self.lease_moves(which));
            next.extend(
                self.object_moves(which)
                    .into_iter()
                    .map(|state| (Move::Fair, state)),
            );
            if self.crashes > 0 {
                let mut crashed = self.with(which, |replica| {
                    // What is on its way is out of reach.
                    *replica = Replica {
                        on_its_way: replica.on_its_way,
                        ..START
                    };
                });
                crashed.crashes -= 1;
                next.push((Move::Fault, crashed));
            }
        }
        if self.strangers > 0 {
            let mut changed = self.written(false);
            changed.strangers -= 1;
            next.push((Move::Fault, changed));
        }
        next
    }

    fn time_passes(mut self) -> Self {
        for (which, replica) in self.replicas.iter_mut().enumerate() {
            replica.open = replica.open.saturating_sub(1);
            // Nobody asks for how long the Lease was free, or this process's own.
            let is_other = replica.seen.flatten().is_some_and(|holder| holder != which);
            replica.age = if is_other {
                (replica.age + 1).min(DURATION)
            } else {
                0
            };
        }
        self
    }

    fn lease_moves(&self, which: usize) -> Vec<(Move, State)> {
        let replica = self.replicas[which];
        if replica.leads && replica.open == 0 {
            // It exits, and its pod starts it again under another name; as its own successor it
            // would not have to wait, which is worse: so here it keeps the name.
            let again = Replica {
                on_its_way: replica.on_its_way,
                ..START
            };
            return vec![(Move::Fair, self.with(which, |replica| *replica = again))];
        }
        if replica.seen.is_none() || (!replica.current && !replica.leads) {
            // A look. What has not changed keeps its age.
            let looked = self.with(which, |replica| {
                replica.age = if replica.current { replica.age } else { 0 };
                (replica.seen, replica.current) = (Some(self.holder), true);
            });
            return vec![(Move::Fair, looked)];
        }
        let step = self.step_of_lease(which);
        if matches!(step, Step::Yield(_)) {
            return Vec::new();
        }
        if !replica.current {
            // The version that is tested is not that of the Lease: a conflict, and another look.
            let refused = self.with(which, |replica| replica.seen = None);
            return vec![(Move::Fair, refused)];
        }
        let held = self.lease_written(which, Some(which));
        let open = |replica: &mut Replica| (replica.open, replica.leads) = (DEADLINE, true);
        let mut moves = vec![(Move::Fair, held.with(which, open))];
        if self.crashes > 0 {
            // The answer is lost: it leads, and does not know it.
            let mut unknown = held.with(which, |replica| replica.seen = None);
            unknown.crashes -= 1;
            moves.push((Move::Fault, unknown));
        }
        moves
    }

    fn object_moves(&self, which: usize) -> Vec<State> {
        let replica = self.replicas[which];
        let mut moves = Vec::new();
        if replica.store.is_none_or(|(behind, _)| behind > 0) {
            // The watch catches up, with everything at once or not at all.
            moves.push(self.with(which, |replica| replica.store = Some((0, self.right))));
        }
        if let Some((behind, false)) = replica.store
            && replica.open > 0
            && replica.on_its_way.is_none()
        {
            moves.push(self.with(which, |replica| replica.on_its_way = Some(behind)));
        }
        match replica.on_its_way {
            None => {}
            Some(0) => {
                let written = self.written(true).with(which, |replica| {
                    replica.on_its_way = None;
                    // The answer goes into the store.
                    replica.store = replica.store.map(|_| (0, true));
                });
                moves.push(written);
                // The answer is lost: the watch will tell.
                moves.push(
                    self.written(true)
                        .with(which, |replica| replica.on_its_way = None),
                );
            }
            // Conflict.
            Some(_) => moves.push(self.with(which, |replica| replica.on_its_way = None)),
        }
        moves
    }

    fn is_settled(&self) -> bool {
        self.right
            && self
                .replicas
                .iter()
                .all(|replica| replica.on_its_way != Some(0))
    }
}

struct Graph {
    states: Vec<State>,
    /// The states that follow, without faults.
    fair: Vec<Vec<usize>>,
}

fn explore() -> Graph {
    let start = State {
        replicas: [START; 2],
        holder: None,
        right: false,
        strangers: STRANGERS,
        crashes: CRASHES,
    };
    let mut numbers = HashMap::from([(start, 0)]);
    let mut graph = Graph {
        states: vec![start],
        fair: Vec::new(),
    };
    let mut queue = VecDeque::from([start]);
    while let Some(state) = queue.pop_front() {
        let mut fair = Vec::new();
        for (kind, next) in state.next() {
            let number = *numbers.entry(next).or_insert_with(|| {
                graph.states.push(next);
                queue.push_back(next);
                graph.states.len() - 1
            });
            if kind == Move::Fair {
                fair.push(number);
            }
        }
        graph.fair.push(fair);
    }
    graph
}

#[test]
fn two_processes_never_write_both_and_every_fair_run_converges() {
    let graph = explore();
    // That the search has not found a dead end at once.
    assert!(graph.states.len() > 10_000, "{}", graph.states.len());
    let mut backwards = vec![Vec::new(); graph.states.len()];
    let mut queue = VecDeque::new();
    for (number, state) in graph.states.iter().enumerate() {
        let [a, b] = state.replicas;
        assert!(a.open == 0 || b.open == 0, "both may write: {state:?}");
        // Both may be on their way to the same version; the effect of one makes the other stale.
        let with_effect = |replica: Replica| replica.on_its_way == Some(0);
        if with_effect(a) && with_effect(b) {
            let [after, ..] = state.object_moves(0)[..] else {
                panic!("no write")
            };
            let after = state
                .object_moves(0)
                .into_iter()
                .find(|it| it.right)
                .unwrap_or(after);
            assert_ne!(after.replicas[1].on_its_way, Some(0), "{state:?}");
        }
        // Nothing is written over what is as it should be.
        let wrong = [a, b].into_iter().any(|it| with_effect(it) && state.right);
        assert!(!wrong, "{state:?}");
        for next in &graph.fair[number] {
            backwards[*next].push(number);
            assert!(
                !state.is_settled() || graph.states[*next].is_settled(),
                "what is settled stays so: {state:?} {:?}",
                graph.states[*next]
            );
        }
        if state.is_settled() {
            queue.push_back(number);
        }
    }
    // A fair run in a finite graph ends where every state can be reached from every other; so every
    // one converges if a settled state can be reached from everywhere, and none is left again.
    let mut reached = vec![false; graph.states.len()];
    while let Some(number) = queue.pop_front() {
        if !std::mem::replace(&mut reached[number], true) {
            queue.extend(&backwards[number]);
        }
    }
    let stuck = reached.iter().position(|reached| !reached);
    assert_eq!(stuck.map(|number| graph.states[number]), None);
}
