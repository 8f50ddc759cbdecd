//! Deltas as the JSON that connections are sent.

use crate::engine::delivery::{Form, Seen};
use crate::engine::log::{Delta, is_update};
use crate::value::shown_date;
use ablo_wire::{ActorRef, DeltaRef};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::OnceLock;

/// A delta in memory, with the JSON text that most connections are sent.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) delta: Delta,
    json: OnceLock<String>,
}

impl Item {
    pub(super) fn new(delta: Delta) -> Self {
        Self { delta, json: OnceLock::new() }
    }

    /// Returns the delta's JSON as it is seen.
    pub(super) fn text(&self, seen: &Seen) -> Cow<'_, str> {
        let transaction = self.delta.transaction.as_deref();
        let action = match seen.form {
            Form::Original if seen.is_original() => {
                let text = || self.text_as((self.id(), self.action()), seen, transaction);
                return Cow::Borrowed(self.json.get_or_init(text));
            }
            Form::Original => self.action(),
            Form::Appeared => "I",
            Form::Disappeared => "D",
        };
        Cow::Owned(self.text_as((self.id(), action), seen, transaction))
    }

    /// Returns the action as it is sent: clients ignore `V` (docs/protocol/differences.md A19).
    pub(super) fn action(&self) -> &str {
        if is_update(&self.delta.action) { "U" } else { &self.delta.action }
    }

    /// Returns whether the row is archived.
    pub(super) fn is_archived(&self, seen: &Seen) -> bool {
        #[derive(Deserialize)]
        struct Row {
            #[serde(rename = "archivedAt")]
            archived_at: Option<IgnoredAny>,
        }
        let row = seen.row(&self.delta).and_then(|text| serde_json::from_str(text).ok());
        row.is_some_and(|row: Row| row.archived_at.is_some())
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
        seen: &Seen,
        transaction: Option<&str>,
    ) -> String {
        let delta = &self.delta;
        let actor = ActorRef { kind: &delta.actor_kind, id: &delta.actor };
        let frame = DeltaRef {
            id,
            action_type: action,
            model_name: &delta.model,
            model_id: &delta.row,
            data: seen.row(delta).and_then(|text| self.stored_json(text)),
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
