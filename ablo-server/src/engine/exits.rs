//! The decision at every exit: what one reader sees of a row, a claim, a peer or a peer's frame.
//!
//! Rows leave the coordinator as [`Visible`] text, which only this module makes. The fields of a
//! `Scope` are private for the same reason: a new exit has to be named in [`Exit`] and asked for.

use super::access::{check_claim, check_permission, may_read_field};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::models::row::members_except;
use crate::models::{Model, Models};
use crate::store::tables::sessions::Session;
use crate::value::{Row, push_json_string};
use ablo_wire::Activity;
use indexmap::IndexMap;
use serde_json::value::RawValue;
use std::borrow::{Borrow, Cow};
use std::collections::BTreeSet;
use std::ops::Deref;

/// A way by which a row, or a fact about one, leaves the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// A page of a list.
    List,
    /// A single row.
    Retrieve,
    /// The rows of a query, and their related rows.
    Query,
    /// The first load of a client.
    Bootstrap,
    /// A delta from memory.
    Delta,
    /// A delta from the stored log.
    CatchUp,
    /// The current row in the refusal of a stale write.
    Conflict,
    /// The outcome of a write, which tells whether its row exists.
    Receipt,
    /// A claim on a row: its holder, its waiters and what they say about it.
    Claim,
    /// An event of a webhook.
    Webhook,
    /// A frame of a peer.
    Relay,
    /// The presence of a peer, and the row that it works on.
    Presence,
}

impl Exit {
    /// All exits.
    pub const ALL: [Self; 12] = [
        Self::List,
        Self::Retrieve,
        Self::Query,
        Self::Bootstrap,
        Self::Delta,
        Self::CatchUp,
        Self::Conflict,
        Self::Receipt,
        Self::Claim,
        Self::Webhook,
        Self::Relay,
        Self::Presence,
    ];
}

/// The JSON text of a row, without the members that its reader may not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible<T = String>(T);

impl<T> Visible<T> {
    /// Returns the text.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsRef<str>> Deref for Visible<T> {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_ref()
    }
}

impl<T: AsRef<str>> Borrow<str> for Visible<T> {
    fn borrow(&self) -> &str {
        self.0.as_ref()
    }
}

/// The rows that a relation of a row leads to.
pub(crate) enum Related<'r> {
    /// At most one.
    One(Option<&'r Visible>),
    /// Any number.
    Many(&'r [Visible]),
}

/// The part of a model's rows that a reader sees at an exit.
#[derive(Debug)]
pub(crate) struct Scope<'s> {
    reader: Cow<'s, Identity>,
    model: &'s Model,
    /// The columns that the reader may not read.
    hidden: Vec<usize>,
}

impl<'s> Scope<'s> {
    /// Decides what a reader sees of a model.
    ///
    /// # Errors
    ///
    /// Returns `capability_scope_denied` if it sees nothing.
    pub(crate) fn new(exit: Exit, who: &'s Identity, model: &'s Model) -> Result<Self, ApiError> {
        let reader = reader(exit, who);
        match exit {
            // Writers learn who holds the row that they want to write.
            Exit::Claim if check_claim(model, &reader).is_ok() => {}
            _ => check_permission(model, &reader, "read")?,
        }
        let is_hidden = |at: &usize| !may_read_field(model, *at, &reader);
        let hidden = model.secret.iter().copied().filter(is_hidden).collect();
        Ok(Self { reader, model, hidden })
    }

    /// Returns the identity whose sync groups select the rows.
    pub(crate) fn reader(&self) -> &Identity {
        &self.reader
    }

    /// Returns whether the reader sees a row that belongs to these groups.
    pub(crate) fn admits(&self, groups: &BTreeSet<String>) -> bool {
        !self.reader.groups.is_disjoint(groups)
    }

    /// Finds a column that the reader may read, by any of its names.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.model.column(name).filter(|at| self.reads(*at))
    }

    /// Returns whether the reader may read a column.
    pub(crate) fn reads(&self, column: usize) -> bool {
        !self.hidden.contains(&column)
    }

    /// Returns a row as the reader sees it.
    pub(crate) fn row(&self, row: &Row) -> Visible {
        self.row_with(row, &[])
    }

    /// Returns a row as the reader sees it, with related rows under the names of the relations.
    pub(crate) fn row_with(&self, row: &Row, related: &[(&str, Related<'_>)]) -> Visible {
        let mut out = String::with_capacity(32 * row.len());
        members_except(self.model, row, &self.hidden, &mut out);
        for (name, rows) in related {
            out.push(',');
            push_json_string(name, &mut out);
            out.push(':');
            match rows {
                Related::One(row) => out.push_str(row.map_or("null", |row| row)),
                Related::Many(rows) => {
                    out.push('[');
                    out.push_str(&rows.join(","));
                    out.push(']');
                }
            }
        }
        out.push('}');
        Visible(out)
    }

    /// Returns a logged row as the reader sees it, as text of its own.
    pub(crate) fn owned(&self, text: &str) -> Visible {
        Visible(self.logged(text).0.into_owned())
    }

    /// Returns a logged row as the reader sees it.
    pub(crate) fn logged<'t>(&self, text: &'t str) -> Visible<Cow<'t, str>> {
        if self.hidden.is_empty() {
            return Visible(Cow::Borrowed(text));
        }
        // A logged row is an object. Of anything else, nothing is shown.
        let mut row: IndexMap<&str, &RawValue> = serde_json::from_str(text).unwrap_or_default();
        for column in self.hidden.iter().filter_map(|at| self.model.columns.get(*at)) {
            row.shift_remove(column.member.as_str());
        }
        Visible(Cow::Owned(serde_json::to_string(&row).unwrap_or_default()))
    }
}

/// Returns a row of which only the id is seen: its writer knows it.
pub(crate) fn only_id(id: &str) -> Visible {
    let mut out = String::from("{\"id\":");
    push_json_string(id, &mut out);
    out.push('}');
    Visible(out)
}

/// Returns whether a reader sees what belongs to these groups at an exit that shows no members of a
/// row: the outcome of a write, a peer, or its frame.
#[must_use]
pub fn sees(exit: Exit, who: &Identity, groups: &BTreeSet<String>) -> bool {
    is_unguarded(exit, who) || !who.groups.is_disjoint(groups)
}

/// Returns what a peer reports to work on, if the reader sees that row.
#[must_use]
pub fn activity<'s>(who: &Identity, peer: &'s Session) -> Option<&'s Activity> {
    let sees_row = match &peer.activity_groups {
        // As on other exits, a row that does not exist looks like a hidden one.
        Some(groups) if groups.is_empty() => who.sees_all(),
        Some(groups) => sees(Exit::Presence, who, groups),
        None => true,
    };
    peer.report.activity.as_ref().filter(|_| sees_row)
}

/// Returns whether a reader sees the claims on a row that belongs to these groups.
pub(crate) fn sees_claims(
    models: &Models,
    who: &Identity,
    model: &str,
    groups: &BTreeSet<String>,
) -> bool {
    let scope = models.find(model).map(|model| Scope::new(Exit::Claim, who, model));
    scope.is_some_and(|scope| scope.is_ok_and(|scope| scope.admits(groups)))
}

/// Returns the identity that an exit decides for: the reader's own.
fn reader(exit: Exit, who: &Identity) -> Cow<'_, Identity> {
    if is_unguarded(exit, who) {
        return Cow::Owned(crate::identity::everything(&who.organization));
    }
    Cow::Borrowed(who)
}

/// Switches the decision off in tests, to prove that they notice.
#[cfg(feature = "unguarded-exits")]
pub mod unguarded {
    use super::Exit;
    use std::collections::BTreeMap;
    use std::sync::{PoisonError, RwLock};

    static EXITS: RwLock<BTreeMap<String, Exit>> = RwLock::new(BTreeMap::new());

    /// Leaves one exit of an organisation open.
    pub fn open(organization: &str, exit: Exit) {
        let mut exits = EXITS.write().unwrap_or_else(PoisonError::into_inner);
        exits.insert(organization.to_owned(), exit);
    }

    pub(super) fn contains(organization: &str, exit: Exit) -> bool {
        let exits = EXITS.read().unwrap_or_else(PoisonError::into_inner);
        exits.get(organization) == Some(&exit)
    }
}

#[cfg(feature = "unguarded-exits")]
fn is_unguarded(exit: Exit, who: &Identity) -> bool {
    unguarded::contains(&who.organization, exit)
}

#[cfg(not(feature = "unguarded-exits"))]
fn is_unguarded(_: Exit, _: &Identity) -> bool {
    false
}
