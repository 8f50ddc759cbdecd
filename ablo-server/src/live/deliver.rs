//! Decides which deltas a connection is sent, and in what form.

use crate::engine::exits::{Exit, Scope, Visible, only_id};
use crate::engine::log::Delta;
use crate::identity::Identity;
use crate::models::Models;
use crate::value::shown_date;
use ablo_wire::{ActorRef, DeltaRef, ParticipantKind, SyncId};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A delta in memory, with the JSON text that most connections are sent.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) delta: Delta,
    json: OnceLock<String>,
}

/// The participant that a delta is sent to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'r> {
    /// With the groups of the connection.
    pub(super) who: &'r Identity,
    /// With all groups that the credential allows.
    pub(super) allowed: &'r Identity,
}

/// What a connection is sent of a delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) form: Form,
    /// The row, if only a part of it is seen.
    part: Option<Visible>,
}

/// The form in which a connection is sent a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As logged.
    Original,
    /// As an insert: the row became visible to the participant.
    Appeared,
    /// As a delete: the row is no longer visible to the participant.
    Disappeared,
}

impl Item {
    pub(super) fn new(delta: Delta) -> Self {
        Self { delta, json: OnceLock::new() }
    }

    /// Returns what a participant is sent of the delta, or `None` for nothing.
    pub(super) fn seen(&self, exit: Exit, models: &Models, reader: &Reader<'_>) -> Option<Seen> {
        let (delta, who) = (&self.delta, reader.who);
        if self.is_membership() && delta.previous_groups.is_none() {
            // Of the group itself: it has no row.
            return self.is_about(who).then_some(Seen { form: Form::Original, part: None });
        }
        // A row of a model that the schema no longer has is not sent.
        let model = models.find(&delta.model)?;
        let scope = Scope::new(exit, who, model).ok();
        let form = scope.as_ref().and_then(|scope| match self.is_membership() {
            true => self.is_about(who).then(|| self.membership_form(scope)).flatten(),
            false => self.row_form(scope),
        });
        match (form, scope) {
            (Some(form), Some(scope)) => {
                let part = match delta.data.as_deref().map(|data| scope.logged(data).into_inner()) {
                    Some(Cow::Owned(_)) => delta.data.as_deref().map(|data| scope.owned(data)),
                    _ => None,
                };
                Some(Seen { form, part })
            }
            // The writer waits for its own delta (docs/protocol/differences.md A20).
            _ if !self.is_membership() && delta.capability.as_ref() == Some(&who.capability) => {
                let allowed = Scope::new(exit, reader.allowed, model).ok();
                let allowed = allowed.filter(|scope| scope.admits(&delta.groups));
                let data = delta.data.as_deref();
                let part = data.map(|data| match allowed {
                    Some(scope) => scope.owned(data),
                    None => only_id(&delta.row),
                });
                Some(Seen { form: Form::Original, part })
            }
            _ => None,
        }
    }

    fn is_membership(&self) -> bool {
        matches!(self.delta.action.as_str(), "C" | "G" | "S")
    }

    /// Returns the form of a change of a row.
    fn row_form(&self, scope: &Scope<'_>) -> Option<Form> {
        let sees = scope.admits(&self.delta.groups);
        let previous = self.delta.previous_groups.as_ref();
        match (sees, previous.map_or(sees, |previous| scope.admits(previous))) {
            (true, true) => Some(Form::Original),
            (true, false) => Some(Form::Appeared),
            (false, true) => Some(Form::Disappeared),
            (false, false) => None,
        }
    }

    /// Returns whether the delta grants or revokes a group of the participant.
    pub(super) fn changes_groups_of(&self, who: &Identity) -> bool {
        matches!(self.delta.action.as_str(), "G" | "S")
            && self.delta.previous_groups.is_none()
            && self.is_about(who)
    }

    /// Returns whether a membership delta concerns the participant or the one it acts for.
    fn is_about(&self, who: &Identity) -> bool {
        let named = |id: &String| self.delta.groups.contains(&format!("user:{id}"));
        (who.kind == ParticipantKind::User && named(&who.participant))
            || who.on_behalf_of.as_ref().is_some_and(named)
    }

    /// Returns the form of a delta of a row that a membership shows or hides.
    fn membership_form(&self, scope: &Scope<'_>) -> Option<Form> {
        let delta = &self.delta;
        let seen_by = delta.previous_groups.as_ref()?;
        // Another of the participant's groups may contain the row too.
        let otherwise: BTreeSet<String> = seen_by.difference(&delta.groups).cloned().collect();
        match (delta.action.as_str(), scope.admits(seen_by)) {
            ("C", true) if !scope.admits(&otherwise) => Some(Form::Original),
            ("S", false) => Some(Form::Disappeared),
            _ => None,
        }
    }

    /// Returns the delta's JSON as it is seen.
    pub(super) fn text(&self, seen: &Seen) -> Cow<'_, str> {
        let transaction = self.delta.transaction.as_deref();
        let action = match seen.form {
            Form::Original if seen.part.is_none() => {
                let text = || self.text_as(&self.delta.action, seen, transaction);
                return Cow::Borrowed(self.json.get_or_init(text));
            }
            Form::Original => &self.delta.action,
            Form::Appeared => "I",
            Form::Disappeared => "D",
        };
        Cow::Owned(self.text_as(action, seen, transaction))
    }

    /// Returns the delta's JSON with an action and a transaction id that may differ from the logged
    /// ones.
    pub(super) fn text_as(&self, action: &str, seen: &Seen, transaction: Option<&str>) -> String {
        let delta = &self.delta;
        let data = match &seen.part {
            Some(part) => Some(&**part),
            None => delta.data.as_deref(),
        };
        let data = data.filter(|_| seen.form != Form::Disappeared);
        let actor = ActorRef { kind: &delta.actor_kind, id: &delta.actor };
        let frame = DeltaRef {
            id: SyncId(delta.id),
            action_type: action,
            model_name: &delta.model,
            model_id: &delta.row,
            data: data.and_then(|text| self.stored_json(text)),
            sync_groups: &delta.groups,
            transaction_id: transaction,
            created_at: &shown_date(&delta.created_at),
            actor,
            on_behalf_of: delta.on_behalf_of.as_ref().map(|(kind, id)| ActorRef { kind, id }),
            capability_id: delta.capability.as_deref(),
            confirmation_state: "auto",
            caused_by_task_id: delta.caused_by.as_deref(),
            created_by: actor,
        };
        // A record of texts and numbers is always representable as JSON.
        serde_json::to_string(&frame).unwrap_or_default()
    }

    fn stored_json<'t>(&self, text: &'t str) -> Option<&'t RawValue> {
        serde_json::from_str(text)
            .inspect_err(|error| tracing::error!(id = self.delta.id, %error, "invalid stored data"))
            .ok()
    }
}
