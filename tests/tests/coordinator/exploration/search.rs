//! Searches of the states of a system: breadth first, and random walks.

use super::canonical::{Canonical, Order, canonical, classes, orders};
use super::facts::{Action, State};
use super::rules::check;
use super::system::System;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

/// The length of a random walk.
const WALK: usize = 60;

/// A rule that was broken, and the steps that lead there.
#[derive(Debug)]
pub(super) struct Broken {
    rule: String,
    steps: Vec<Action>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, after {:?}", self.rule, self.steps)
    }
}

/// The states and steps that a search has visited.
#[derive(Debug, Default)]
pub(super) struct Visited {
    pub(super) states: usize,
    pub(super) transitions: u64,
    /// States that were reached again, and whose steps were compared with those of the first.
    pub(super) compared: u64,
    /// The new states after each number of steps.
    pub(super) levels: Vec<usize>,
}

/// A state: the one before it, and the step.
#[derive(Clone, Copy)]
struct Node {
    parent: usize,
    action: Action,
}

/// A search of the states of a system.
pub(super) struct Search<'s> {
    system: System<'s>,
    orders: Vec<Order>,
    /// The first has no step.
    nodes: Vec<Node>,
    /// The states on the way to the present one, each in a savepoint after the first.
    path: Vec<(usize, State)>,
}

impl<'s> Search<'s> {
    /// Begins at rows that every program has read.
    pub(super) fn new(mut system: System<'s>) -> Result<Self, String> {
        let first = system.start()?;
        let orders = orders(system.shape);
        let root = Node { parent: 0, action: Action::Sweep };
        Ok(Self { system, orders, nodes: vec![root], path: vec![(0, first)] })
    }

    /// Visits every state within a number of steps. Of the states that are reached again, one of
    /// `audit` is compared with the first like it; 0 compares none.
    pub(super) fn breadth_first(&mut self, depth: usize, audit: u64) -> Result<Visited, Broken> {
        let mut seen = BTreeMap::from([(self.key(self.present()), 0)]);
        let mut visited = Visited { levels: vec![1], ..Visited::default() };
        // A digest of the steps of each state, and states like those to compare with them.
        let mut digests: Vec<[u8; 32]> = Vec::new();
        let mut again: Vec<(usize, Node)> = Vec::new();
        let mut level = 0..1;
        for _ in 0..depth {
            for node in level.clone() {
                self.go_to(node)?;
                let steps = self.steps()?;
                digests.push(digest(&steps));
                for (action, key) in steps {
                    visited.transitions += 1;
                    let next = self.nodes.len();
                    let reached = Node { parent: node, action };
                    match *seen.entry(key).or_insert(next) {
                        new if new == next => self.nodes.push(reached),
                        known if audit > 0 && visited.transitions.is_multiple_of(audit) => {
                            again.push((known, reached));
                        }
                        _ => {}
                    }
                }
            }
            level = level.end..self.nodes.len();
            visited.levels.push(level.len());
            println!("{} new states, {} transitions", level.len(), visited.transitions);
        }
        for (known, Node { parent, action }) in again {
            let Some(expected) = digests.get(known) else { continue };
            self.go_to(parent)?;
            self.push(usize::MAX, action)?;
            let found = self.steps()?;
            if digest(&found) != *expected {
                return Err(self.broken("a state like one before leads elsewhere", None));
            }
            self.pop()?;
            visited.compared += 1;
        }
        visited.states = seen.len();
        Ok(visited)
    }

    /// Takes random walks for a time. Returns the numbers of walks and steps.
    pub(super) fn walks(&mut self, first: u64, time: Duration) -> Result<(u64, u64), Broken> {
        let began = Instant::now();
        let (mut walks, mut steps) = (0, 0);
        while walks == 0 || began.elapsed() < time {
            let seed = first + walks;
            let walked = self.walk(seed);
            steps += walked.map_err(|broken| Broken {
                rule: format!("seed {seed}: {}", broken.rule),
                steps: broken.steps,
            })?;
            walks += 1;
        }
        Ok((walks, steps))
    }

    fn walk(&mut self, seed: u64) -> Result<u64, Broken> {
        self.go_to(0)?;
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for _ in 0..WALK {
            let actions = self.present().actions();
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (random >> 33) as usize % actions.len();
            self.push(usize::MAX, actions[at])?;
        }
        Ok(WALK as u64)
    }

    fn present(&self) -> &State {
        &self.path[self.path.len() - 1].1
    }

    fn key(&self, state: &State) -> Canonical {
        canonical(self.system.shape, state, &self.orders)
    }

    /// Takes every possible step from the present state, and takes it back. Of steps that only
    /// differ in names, it takes one.
    fn steps(&mut self) -> Result<Vec<(Action, Canonical)>, Broken> {
        let classes = classes(self.system.shape, self.present(), &self.orders);
        let mut taken = BTreeSet::new();
        let mut actions = self.present().actions();
        actions.retain(|action| taken.insert(action.without_names(&classes)));
        let mut steps = Vec::with_capacity(actions.len());
        for action in actions {
            self.push(usize::MAX, action)?;
            let key = self.key(self.present());
            self.pop()?;
            steps.push((action, key));
        }
        Ok(steps)
    }

    /// Takes a step and checks it.
    fn push(&mut self, node: usize, action: Action) -> Result<(), Broken> {
        let savepoint = format!("SAVEPOINT s{}", self.path.len());
        let before = &self.path[self.path.len() - 1].1;
        let shape = self.system.shape;
        let stepped = self.system.execute(&savepoint).and_then(|()| {
            let (state, outcome) = self.system.apply(before, action)?;
            check(shape, before, &state, action, &outcome)?;
            Ok(state)
        });
        let state = stepped.map_err(|rule| self.broken(&rule, Some(action)))?;
        self.path.push((node, state));
        Ok(())
    }

    /// Takes the last step back.
    fn pop(&mut self) -> Result<(), Broken> {
        self.path.pop();
        let name = self.path.len();
        let undone = self.system.execute(&format!("ROLLBACK TO s{name}"));
        undone
            .and_then(|()| self.system.execute(&format!("RELEASE s{name}")))
            .map_err(|error| self.broken(&error, None))
    }

    /// Goes to a state, from the last one that it has in common with the present path.
    fn go_to(&mut self, node: usize) -> Result<(), Broken> {
        let mut way = Vec::new();
        let mut at = node;
        while at != 0 {
            way.push(at);
            at = self.nodes[at].parent;
        }
        way.reverse();
        let path = self.path.iter().skip(1);
        let common = path.zip(&way).take_while(|((known, _), next)| known == *next).count();
        while self.path.len() > common + 1 {
            self.pop()?;
        }
        for next in way.into_iter().skip(common) {
            self.push(next, self.nodes[next].action)?;
        }
        Ok(())
    }

    fn broken(&self, rule: &str, last: Option<Action>) -> Broken {
        let taken = self.path.iter().skip(1).filter_map(|(_, state)| state.last);
        Broken { rule: rule.to_owned(), steps: taken.chain(last).collect() }
    }
}

/// Returns a digest of the states that steps lead to, in any order.
fn digest(steps: &[(Action, Canonical)]) -> [u8; 32] {
    let states: BTreeSet<&Canonical> = steps.iter().map(|(_, key)| key).collect();
    let mut hasher = blake3::Hasher::new();
    states.iter().for_each(|key| {
        hasher.update(key);
    });
    *hasher.finalize().as_bytes()
}
