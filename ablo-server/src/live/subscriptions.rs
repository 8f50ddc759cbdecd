//! The groups of a connection: those that it was opened for, and those that it subscribed to for a while (docs/protocol/claims.md §10).

use crate::identity::Identity;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Subscriptions of a connection at most.
const MOST: usize = 64;
/// How long a subscription lives where nobody says, and at most, in seconds.
const DEFAULT_TTL: u64 = 3600;
const MAX_TTL: u64 = 86_400;

/// What a connection hears of.
#[derive(Debug)]
pub(super) struct Subscriptions {
    base: BTreeSet<String>,
    open: BTreeMap<String, (BTreeSet<String>, Instant)>,
}

impl Subscriptions {
    pub(super) fn new(base: BTreeSet<String>) -> Self {
        Self { base, open: BTreeMap::new() }
    }

    /// Whether there is room for one more, or it is known already.
    pub(super) fn takes(&self, id: &str) -> bool {
        self.open.len() < MOST || self.open.contains_key(id)
    }

    /// Subscribes, and says for how many seconds.
    pub(super) fn open(
        &mut self,
        id: String,
        groups: BTreeSet<String>,
        ttl: Option<u64>,
        now: Instant,
    ) -> u64 {
        let ttl = ttl.unwrap_or(DEFAULT_TTL).clamp(1, MAX_TTL);
        self.open.insert(id, (groups, now + Duration::from_secs(ttl)));
        ttl
    }

    pub(super) fn close(&mut self, id: &str) {
        self.open.remove(id);
    }

    /// When the next one ends.
    pub(super) fn ends(&self) -> Option<Instant> {
        self.open.values().map(|(_, until)| *until).min()
    }

    /// Ends those whose time is over.
    pub(super) fn end(&mut self, now: Instant) -> Vec<String> {
        let over: Vec<String> = self
            .open
            .iter()
            .filter(|(_, (_, until))| *until <= now)
            .map(|(id, _)| id.clone())
            .collect();
        over.iter().for_each(|id| self.close(id));
        over
    }

    /// Keeps within what is allowed from now on.
    pub(super) fn narrow(&mut self, base: BTreeSet<String>, allowed: &Identity) {
        self.base = base;
        for (groups, _) in self.open.values_mut() {
            let mut within = allowed.clone();
            within.narrow(&groups.iter().cloned().collect::<Vec<_>>());
            *groups = within.groups;
        }
    }

    /// All of them together.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        self.open.values().flat_map(|(groups, _)| groups).chain(&self.base).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_ends_with_its_time() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let group = |name: &str| BTreeSet::from([name.to_owned()]);
        let mut all = Subscriptions::new(group("org:a"));
        assert_eq!(all.open("short".to_owned(), group("deck:1"), Some(0), now), 1);
        assert_eq!(all.open("long".to_owned(), group("deck:2"), None, now), DEFAULT_TTL);
        assert_eq!(all.groups().len(), 3);
        assert_eq!(all.ends(), Some(now + second));
        assert_eq!((all.end(now), all.end(now + second)), (vec![], vec!["short".to_owned()]));
        assert_eq!(all.groups(), BTreeSet::from(["deck:2".to_owned(), "org:a".to_owned()]));
    }
}
