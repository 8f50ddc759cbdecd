//! The sync groups of a connection: those that it was opened for and temporary subscriptions
//! (docs/protocol/claims.md §10).

use crate::identity::Identity;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The maximum number of subscriptions of a connection.
const MAX_SUBSCRIPTIONS: usize = 64;
/// The TTL of a subscription if the client sets none, in seconds.
const DEFAULT_TTL: u64 = 3600;
/// The maximum TTL of a subscription, in seconds.
const MAX_TTL: u64 = 86_400;

/// The sync groups of a connection.
#[derive(Debug)]
pub(super) struct Subscriptions {
    base: BTreeSet<String>,
    open: BTreeMap<String, (BTreeSet<String>, Instant)>,
}

impl Subscriptions {
    pub(super) fn new(base: BTreeSet<String>) -> Self {
        Self { base, open: BTreeMap::new() }
    }

    /// Returns whether the subscription `id` can be opened or replaced within the limit.
    pub(super) fn has_capacity_for(&self, id: &str) -> bool {
        self.open.len() < MAX_SUBSCRIPTIONS || self.open.contains_key(id)
    }

    /// Opens a subscription and returns its TTL in seconds.
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

    /// Returns when the next subscription expires.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.open.values().map(|(_, until)| *until).min()
    }

    /// Removes expired subscriptions and returns their ids.
    pub(super) fn remove_expired(&mut self, now: Instant) -> Vec<String> {
        let expired: Vec<String> = self
            .open
            .iter()
            .filter(|(_, (_, until))| *until <= now)
            .map(|(id, _)| id.clone())
            .collect();
        expired.iter().for_each(|id| self.close(id));
        expired
    }

    /// Restricts the groups to those that the credential now allows.
    pub(super) fn narrow(&mut self, base: BTreeSet<String>, allowed: &Identity) {
        self.base = base;
        for (groups, _) in self.open.values_mut() {
            let mut narrowed = allowed.clone();
            narrowed.narrow(&groups.iter().cloned().collect::<Vec<_>>());
            *groups = narrowed.groups;
        }
    }

    /// Returns all groups.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        self.open.values().flat_map(|(groups, _)| groups).chain(&self.base).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_expires_after_its_ttl() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let group = |name: &str| BTreeSet::from([name.to_owned()]);
        let mut all = Subscriptions::new(group("org:a"));
        assert_eq!(all.open("short".to_owned(), group("deck:1"), Some(0), now), 1);
        assert_eq!(all.open("long".to_owned(), group("deck:2"), None, now), DEFAULT_TTL);
        assert_eq!(all.groups().len(), 3);
        assert_eq!(all.next_expiry(), Some(now + second));
        assert_eq!(all.remove_expired(now), Vec::<String>::new());
        assert_eq!(all.remove_expired(now + second), vec!["short".to_owned()]);
        assert_eq!(all.groups(), BTreeSet::from(["deck:2".to_owned(), "org:a".to_owned()]));
    }

    #[test]
    fn a_subscription_that_loses_its_groups_stays_empty() {
        let set = |names: &[&str]| -> BTreeSet<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let mut allowed = Identity {
            organization: "a".to_owned(),
            participant: "bob".to_owned(),
            kind: ablo_wire::ParticipantKind::User,
            on_behalf_of: None,
            capability: "cap".to_owned(),
            operations: crate::identity::Operations::All,
            groups: set(&["deck:1", "deck:2"]),
            user_meta: "{}".to_owned(),
            expires_at: None,
            holder: crate::identity::Holder::Unnamed,
        };
        let mut all = Subscriptions::new(set(&["deck:1"]));
        all.open("more".to_owned(), set(&["deck:2"]), None, Instant::now());
        allowed.groups = set(&["deck:1", "deck:3"]);
        for _ in 0..2 {
            all.narrow(set(&["deck:1"]), &allowed);
            assert_eq!(all.groups(), set(&["deck:1"]));
        }
    }
}
