//! Decides who may see what, from the documents: sync groups by grants and narrowings, operations
//! by name.

use ablo_server::engine::exits::Exit;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const USERS: [&str; 3] = ["ann", "bob", "cem"];
pub(super) const DESKS: [&str; 3] = ["d1", "d2", "d3"];
/// The number of rows that a history writes.
pub(super) const ROWS: usize = 10;
const OPERATIONS: [&str; 6] = [
    "reports.read",
    "notes.read",
    "reports.update",
    "notes.update",
    "peer.relay",
    "reports.pin.read",
];

/// The model of a row, by its number.
pub(super) fn kind_of(number: usize) -> &'static str {
    if number.is_multiple_of(2) { "reports" } else { "notes" }
}

pub(super) fn row_id(number: usize) -> String {
    format!("{}-{number}", kind_of(number))
}

pub(super) fn kind_of_id(id: &str) -> &'static str {
    if id.starts_with("reports") { "reports" } else { "notes" }
}

/// The group of a row that is in a desk or belongs to a user.
pub(super) fn group_of(kind: &str, place: &str) -> String {
    format!("{}:{place}", if kind == "reports" { "desk" } else { "user" })
}

/// A token as it was requested.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// The user at the root.
    pub(super) user: String,
    pub(super) participant: String,
    pub(super) is_agent: bool,
    /// The token that it was exchanged for; `None` for the secret key.
    pub(super) parent: Option<String>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) operations: Option<Vec<String>>,
    /// The groups that it lost when a grant was removed.
    pub(super) lost: BTreeSet<String>,
    pub(super) ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) grants: BTreeSet<(&'static str, &'static str)>,
    /// The group of each row that exists.
    pub(super) rows: BTreeMap<String, String>,
    /// The groups that each row ever had.
    pub(super) ever: BTreeMap<String, BTreeSet<String>>,
}

impl Model {
    /// Returns a token and those that it comes from.
    fn chain(&self, id: &str) -> Vec<&Token> {
        let mut chain = Vec::new();
        let mut next = self.tokens.get(id);
        while let Some(token) = next {
            chain.push(token);
            next = token.parent.as_ref().and_then(|parent| self.tokens.get(parent));
        }
        chain
    }

    pub(super) fn end(&mut self, id: &str) {
        if let Some(token) = self.tokens.get_mut(id) {
            token.ended = true;
        }
    }

    pub(super) fn is_valid(&self, id: &str) -> bool {
        self.chain(id).iter().all(|token| !token.ended)
    }

    /// Returns whether the scope of a token can contain a group.
    pub(super) fn has_group(&self, id: &str, group: &str) -> bool {
        let chain = self.chain(id);
        let Some(user) = chain.first().map(|token| token.user.as_str()) else { return false };
        let keeps = |token: &&Token| {
            let named = |groups: &Vec<String>| groups.iter().any(|kept| kept == group);
            token.groups.as_ref().is_none_or(named) && !token.lost.contains(group)
        };
        // The application may give a token any group that it names.
        let chosen = chain.last().is_some_and(|root| root.groups.is_some());
        (chosen || self.is_entitled(user, group)) && chain.iter().all(keeps)
    }

    fn is_entitled(&self, user: &str, group: &str) -> bool {
        match group.split_once(':') {
            Some(("user", name)) => name == user,
            Some(("desk", desk)) => {
                self.grants.iter().any(|(to, granted)| *to == user && *granted == desk)
            }
            _ => false,
        }
    }

    /// Records that a user lost a group: every token that exists now does.
    pub(super) fn lose(&mut self, user: &str, group: &str) {
        for token in self.tokens.values_mut().filter(|token| token.user == user) {
            token.lost.insert(group.to_owned());
        }
    }

    /// Records that a user gained a group: the tokens that were not narrowed do.
    pub(super) fn gain(&mut self, user: &str, group: &str) {
        let full: Vec<String> = self
            .tokens
            .iter()
            .filter(|(id, token)| {
                token.user == user && self.chain(id).iter().all(|token| token.groups.is_none())
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in full {
            if let Some(token) = self.tokens.get_mut(&id) {
                token.lost.remove(group);
            }
        }
    }

    /// Returns whether a token permits an operation. The tokens of users permit everything but
    /// secret fields, unless they name operations.
    pub(super) fn permits(&self, id: &str, operation: &str) -> bool {
        let chain = self.chain(id);
        let named = |token: &&Token| {
            token
                .operations
                .as_ref()
                .map(|operations| operations.iter().any(|one| one == operation))
        };
        let limits: Vec<bool> = chain.iter().filter_map(named).collect();
        match operation {
            "reports.pin.read" => !limits.is_empty() && limits.iter().all(|permitted| *permitted),
            _ => limits.iter().all(|permitted| *permitted),
        }
    }

    /// Returns whether a token may see a row of a group at an exit.
    pub(super) fn may_see(&self, id: &str, exit: Exit, kind: &str, group: &str) -> bool {
        let permitted = |verb: &str| self.permits(id, &format!("{kind}.{verb}"));
        let permitted = match exit {
            // Every endpoint is the organisation's.
            Exit::Webhook => return true,
            Exit::Claim => permitted("read") || permitted("update"),
            Exit::Receipt => permitted("update"),
            Exit::Relay | Exit::Presence => true,
            _ => permitted("read"),
        };
        permitted && self.has_group(id, group)
    }

    pub(super) fn may_see_pin(&self, id: &str) -> bool {
        self.permits(id, "reports.pin.read")
    }
}

/// A deterministic random number generator.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).expect("a small number")
    }

    pub(super) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    pub(super) fn group(&mut self) -> String {
        match self.below(2) {
            0 => format!("desk:{}", self.pick(&DESKS)),
            _ => format!("user:{}", self.pick(&USERS)),
        }
    }

    pub(super) fn operations(&mut self) -> Vec<String> {
        let chosen: Vec<String> =
            OPERATIONS.iter().filter(|_| self.below(5) > 1).map(|&name| name.to_owned()).collect();
        if chosen.is_empty() { vec![OPERATIONS[0].to_owned()] } else { chosen }
    }

    /// Returns a token, one in three times any, else one of those that did not end.
    pub(super) fn token(&mut self, model: &Model) -> Option<String> {
        let any = self.below(3) == 0;
        let known: Vec<&String> =
            model.tokens.keys().filter(|id| any || model.is_valid(id)).collect();
        let at = self.below(known.len().max(1));
        known.get(at).map(|id| (*id).clone())
    }
}
