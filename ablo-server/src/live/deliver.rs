//! Decides which deltas a connection is sent, and in what form.

use crate::engine::log::Delta;
use crate::identity::Identity;
use crate::value::shown_date;
use ablo_wire::{ActorRef, DeltaRef, ParticipantKind};
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

    /// Returns the form for a participant with these groups, or `None` if it is not sent.
    pub(super) fn form(&self, who: &Identity, groups: &BTreeSet<String>) -> Option<Form> {
        let delta = &self.delta;
        if matches!(delta.action.as_str(), "C" | "G" | "S") {
            return self.is_about(who).then(|| self.membership_form(groups)).flatten();
        }
        let sees = !delta.groups.is_disjoint(groups);
        let saw =
            delta.previous_groups.as_ref().map_or(sees, |previous| !previous.is_disjoint(groups));
        match (sees, saw) {
            (true, true) => Some(Form::Original),
            (true, false) => Some(Form::Appeared),
            (false, true) => Some(Form::Disappeared),
            // The writer waits for its own delta (docs/protocol/differences.md A20).
            (false, false) => {
                (delta.capability.as_ref() == Some(&who.capability)).then_some(Form::Original)
            }
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

    /// Returns the form of a membership delta: of the group itself, or of one of its rows.
    fn membership_form(&self, groups: &BTreeSet<String>) -> Option<Form> {
        let delta = &self.delta;
        let Some(seen_by) = &delta.previous_groups else { return Some(Form::Original) };
        // Another of the participant's groups may contain the row too.
        let sees_otherwise =
            seen_by.iter().any(|group| groups.contains(group) && !delta.groups.contains(group));
        let sees = !seen_by.is_disjoint(groups);
        match (delta.action.as_str(), sees) {
            ("C", true) if !sees_otherwise => Some(Form::Original),
            ("S", false) => Some(Form::Disappeared),
            _ => None,
        }
    }

    /// Returns the delta's JSON in a form.
    pub(super) fn text(&self, form: Form) -> Cow<'_, str> {
        let transaction = self.delta.transaction.as_deref();
        let text = |action| self.text_as((self.id(), action), form, transaction);
        match form {
            Form::Original => Cow::Borrowed(self.json.get_or_init(|| text(&self.delta.action))),
            Form::Appeared => Cow::Owned(text("I")),
            Form::Disappeared => Cow::Owned(text("D")),
        }
    }

    /// Returns the sync id as it is sent.
    pub(super) fn id(&self) -> i64 {
        i64::try_from(self.delta.id).unwrap_or(i64::MAX)
    }

    /// Returns the delta's JSON with an id, an action and a transaction id that may differ from the
    /// logged ones.
    pub(super) fn text_as(
        &self,
        (id, action): (i64, &str),
        form: Form,
        transaction: Option<&str>,
    ) -> String {
        let delta = &self.delta;
        let data = delta.data.as_deref().filter(|_| form != Form::Disappeared);
        let actor = ActorRef { kind: &delta.actor_kind, id: &delta.actor };
        let frame = DeltaRef {
            id,
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
