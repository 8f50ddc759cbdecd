//! Decides what a reader is sent of a delta, and in what form.

use super::exits::{Exit, Scope, Visible, only_id};
use super::log::Delta;
use crate::identity::Identity;
use crate::models::Models;
use ablo_wire::ParticipantKind;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The participant that a delta is sent to.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'r> {
    /// With the groups of the connection.
    pub who: &'r Identity,
    /// With all groups that the credential allows.
    pub allowed: &'r Identity,
}

/// The part of a delta that a connection is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The form of the delta.
    pub form: Form,
    /// The row, if only a part of it is seen.
    part: Option<Visible>,
}

/// The form in which a connection is sent a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As logged.
    Original,
    /// As an insert: the row became visible to the participant.
    Appeared,
    /// As a delete: the row is no longer visible to the participant.
    Disappeared,
}

impl Seen {
    /// Returns the row as it is seen.
    #[must_use]
    pub fn row<'d>(&'d self, delta: &'d Delta) -> Option<&'d str> {
        let row = match &self.part {
            Some(part) => Some(&**part),
            None => delta.data.as_deref(),
        };
        row.filter(|_| self.form != Form::Disappeared)
    }

    /// Returns whether the delta is sent as most readers are sent it.
    pub(crate) fn is_original(&self) -> bool {
        self.form == Form::Original && self.part.is_none()
    }
}

/// Decides what a reader is sent of a delta; `None` for nothing.
#[must_use]
pub fn seen(exit: Exit, models: &Models, reader: &Reader<'_>, delta: &Delta) -> Option<Seen> {
    let who = reader.who;
    let is_membership = matches!(delta.action.as_str(), "C" | "G" | "S");
    if is_membership && delta.previous_groups.is_none() {
        // Of the group itself: it has no row.
        return is_about(delta, who).then_some(Seen { form: Form::Original, part: None });
    }
    // A row of a model that the schema no longer has is not sent.
    let model = models.find(&delta.model)?;
    let scope = Scope::new(exit, who, model).ok();
    let form = scope.as_ref().and_then(|scope| match is_membership {
        true => is_about(delta, who).then(|| membership_form(delta, scope)).flatten(),
        false => row_form(delta, scope),
    });
    if let Some((form, scope)) = form.zip(scope) {
        let part = match delta.data.as_deref().map(|data| scope.logged(data).into_inner()) {
            Some(Cow::Owned(_)) => delta.data.as_deref().map(|data| scope.owned(data)),
            _ => None,
        };
        return Some(Seen { form, part });
    }
    // The writer waits for its own delta (docs/protocol/differences.md A20).
    if is_membership || delta.capability.as_ref() != Some(&who.capability) {
        return None;
    }
    let allowed = Scope::new(exit, reader.allowed, model).ok();
    let allowed = allowed.filter(|scope| scope.admits(&delta.groups));
    let part = delta.data.as_deref().map(|data| match allowed {
        Some(scope) => scope.owned(data),
        None => only_id(&delta.row),
    });
    Some(Seen { form: Form::Original, part })
}

/// Returns the form of a change of a row.
fn row_form(delta: &Delta, scope: &Scope<'_>) -> Option<Form> {
    let sees = scope.admits(&delta.groups);
    let previous = delta.previous_groups.as_ref();
    match (sees, previous.map_or(sees, |previous| scope.admits(previous))) {
        (true, true) => Some(Form::Original),
        (true, false) => Some(Form::Appeared),
        (false, true) => Some(Form::Disappeared),
        (false, false) => None,
    }
}

/// Returns the form of a delta of a row that a membership shows or hides.
fn membership_form(delta: &Delta, scope: &Scope<'_>) -> Option<Form> {
    let seen_by = delta.previous_groups.as_ref()?;
    // Another of the participant's groups may contain the row too.
    let otherwise: BTreeSet<String> = seen_by.difference(&delta.groups).cloned().collect();
    match (delta.action.as_str(), scope.admits(seen_by)) {
        ("C", true) if !scope.admits(&otherwise) => Some(Form::Original),
        ("S", false) => Some(Form::Disappeared),
        _ => None,
    }
}

/// Returns whether a delta grants or revokes a group of a participant.
pub(crate) fn changes_groups_of(delta: &Delta, who: &Identity) -> bool {
    matches!(delta.action.as_str(), "G" | "S")
        && delta.previous_groups.is_none()
        && is_about(delta, who)
}

/// Returns whether a membership delta concerns a participant or the one it acts for.
fn is_about(delta: &Delta, who: &Identity) -> bool {
    let named = |id: &String| delta.groups.contains(&format!("user:{id}"));
    (who.kind == ParticipantKind::User && named(&who.participant))
        || who.on_behalf_of.as_ref().is_some_and(named)
}
