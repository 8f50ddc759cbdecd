//! Deltas: the change, its sync groups and its author (docs/protocol/websocket.md §5). Applying
//! deltas is up to clients.

use crate::open::{BufferedMembers, PeekedMap};
use crate::record::{open_enum, record};
use crate::{Maybe, RawData, SyncId, Versions};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

open_enum! {
    /// The action of a delta on its row (docs/protocol/websocket.md §5).
    pub enum Action {
        /// The row was inserted.
        Insert = "I",
        /// The row was updated.
        Update = "U",
        /// The row was deleted.
        Delete = "D",
        /// The row was archived.
        Archive = "A",
        /// The row was restored from the archive.
        Unarchive = "V",
        /// The row became visible to the receiver.
        Covering = "C",
        /// The receiver gained a sync group.
        GroupAdded = "G",
        /// The receiver lost a sync group.
        GroupRemoved = "S",
    }
}

open_enum! {
    /// The kind of participant that acts (docs/protocol/commits.md §11).
    pub enum ParticipantKind {
        /// A human.
        User = "user",
        /// An agent.
        Agent = "agent",
        /// A system key.
        System = "system",
    }
}

open_enum! {
    /// How a write was confirmed (docs/protocol/commits.md §11).
    pub enum ConfirmationState {
        /// No confirmation was requested.
        Auto = "auto",
        /// A human saw a preview.
        Previewed = "previewed",
        /// A human approved it.
        Approved = "approved",
        /// A human has to approve it.
        RequiredHumanApproval = "required_human_approval",
        /// Set on writes made before confirmations were recorded.
        AutoHistorical = "auto_historical",
    }
}

record! {
    /// A participant that acted or is acted for (docs/protocol/websocket.md §5).
    pub struct Actor {
        /// Kind of participant.
        kind: ParticipantKind,
        /// Id of the participant.
        id: String,
    }
}

record! {
    /// One confirmed change of one row (docs/protocol/websocket.md §5).
    ///
    /// ```
    /// use ablo_wire::{Action, Delta};
    /// #[derive(serde::Deserialize)]
    /// struct Task { title: String }
    ///
    /// let text = r#"{"id":413,"actionType":"U","modelName":"Task","modelId":"t_1","data":{"title":"Write"}}"#;
    /// let typed: Delta<Task> = serde_json::from_str(text)?;
    /// assert_eq!(typed.data.value().map(|task| task.title.as_str()), Some("Write"));
    ///
    /// let raw: Delta = serde_json::from_str(text)?;
    /// assert_eq!(raw.action_type, Action::Update);
    /// assert_eq!(serde_json::to_string(&raw)?, text);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// `D` is the type of the row: its JSON text by default, or an application type.
    #[cfg_attr(feature = "schema", schemars(rename = "Delta"))]
    pub struct Delta<D = RawData> {
        /// Position in the sync log; strictly increasing within an organisation.
        id: SyncId,
        /// The action on the row.
        action_type: Action,
        /// The exact typename of the model.
        model_name: String,
        /// The id of the row.
        model_id: String,
        /// The full row after the change, camelCase; null for a delete; `GroupChange` for `G` and
        /// `S`.
        data?: D | null,
        /// The row before the change. Clients do not read it.
        previous_data?: D | null,
        /// The sync groups that see the change, each `kind:id`.
        sync_groups?: Vec<String>,
        /// Id of the operation that caused the change, by which its author recognises it.
        transaction_id?: String | null,
        /// Time of confirmation, ISO 8601.
        created_at?: String,
        /// The participant that acted.
        actor?: Actor | null,
        /// The participant on whose behalf it acted.
        on_behalf_of?: Actor | null,
        /// Id of the capability that permitted the change.
        capability_id?: String | null,
        /// How the change was confirmed.
        confirmation_state?: ConfirmationState | null,
        /// Id of the turn that caused the change.
        caused_by_task_id?: String | null,
        /// The participant that acted, in the older spelling.
        created_by?: Actor | null,
    }
}

/// A participant, borrowed from a log entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ActorRef<'d> {
    /// Kind of participant.
    pub kind: &'d str,
    /// Id of the participant.
    pub id: &'d str,
}

/// A delta as a coordinator writes it: the members of [`Delta`] except the previous row, borrowed
/// from a log entry. An absent value is written as null.
///
/// ```
/// use ablo_wire::{ActorRef, Delta, DeltaRef};
///
/// let groups = std::collections::BTreeSet::from(["org:acme".to_owned()]);
/// let ann = ActorRef { kind: "user", id: "ann" };
/// let row = serde_json::from_str(r#"{"title":"Write"}"#)?;
/// let delta = DeltaRef {
///     id: 413,
///     action_type: "U",
///     model_name: "Task",
///     model_id: "t_1",
///     data: Some(row),
///     sync_groups: &groups,
///     transaction_id: None,
///     created_at: "2026-11-29T10:00:00.000Z",
///     actor: ann,
///     on_behalf_of: Some(ann),
///     capability_id: Some("cap_1"),
///     confirmation_state: "auto",
///     caused_by_task_id: None,
///     created_by: ann,
/// };
/// let text = serde_json::to_string(&delta)?;
/// let read: Delta = serde_json::from_str(&text)?;
/// assert_eq!(read.actor.value().map(|actor| actor.id.as_str()), Some("ann"));
/// assert!(read.other.is_empty(), "every member is one of `Delta`");
/// assert_eq!(serde_json::to_string(&read)?, text);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are those of `Delta`")]
pub struct DeltaRef<'d> {
    pub id: i64,
    pub action_type: &'d str,
    pub model_name: &'d str,
    pub model_id: &'d str,
    pub data: Option<&'d RawValue>,
    pub sync_groups: &'d BTreeSet<String>,
    pub transaction_id: Option<&'d str>,
    pub created_at: &'d str,
    pub actor: ActorRef<'d>,
    pub on_behalf_of: Option<ActorRef<'d>>,
    pub capability_id: Option<&'d str>,
    pub confirmation_state: &'d str,
    pub caused_by_task_id: Option<&'d str>,
    pub created_by: ActorRef<'d>,
}

record! {
    /// Several deltas in one frame, in ascending order of id (docs/protocol/websocket.md §4).
    #[cfg_attr(feature = "schema", schemars(rename = "DeltaBatch"))]
    pub struct DeltaBatch<D = RawData> {
        /// The deltas.
        deltas: Vec<Delta<D>>,
        /// Versions to merge into those that the client keeps.
        new_versions?: Versions,
    }
}

record! {
    /// The data of a `G` or `S` delta (docs/protocol/websocket.md §5.3): one group and its subject,
    /// or the legacy lists.
    pub struct GroupChange {
        /// The sync group gained or lost.
        group?: String,
        /// The participant that gained or lost it.
        user_id?: String,
        /// Legacy: sync groups gained.
        added_groups?: Vec<String>,
        /// Legacy: sync groups lost.
        removed_groups?: Vec<String>,
    }
}

/// The payload of a `delta` frame: one delta or a batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "DeltaFrame", transform = crate::definition::tidy)
)]
#[serde(untagged)]
pub enum DeltaFrame<D = RawData> {
    /// One delta.
    One(Box<Delta<D>>),
    /// Several, under `deltas`.
    Batch(DeltaBatch<D>),
}

impl<D> DeltaFrame<D> {
    /// Returns the deltas.
    pub fn deltas(&self) -> &[Delta<D>] {
        match self {
            DeltaFrame::One(delta) => std::slice::from_ref(delta),
            DeltaFrame::Batch(batch) => &batch.deltas,
        }
    }

    /// Converts the payload into its deltas.
    pub fn into_deltas(self) -> Vec<Delta<D>> {
        match self {
            DeltaFrame::One(delta) => vec![*delta],
            DeltaFrame::Batch(batch) => batch.deltas,
        }
    }
}

impl<'de, D: DeserializeOwned> Deserialize<'de> for DeltaFrame<D> {
    fn deserialize<R: Deserializer<'de>>(from: R) -> Result<Self, R::Error> {
        from.deserialize_map(DeltaFrameVisitor(std::marker::PhantomData))
    }
}

/// Selects the variant by the first member and reads the rest in one pass. A frame that begins with
/// an unrelated member is buffered as text first.
struct DeltaFrameVisitor<D>(std::marker::PhantomData<D>);

impl<'de, D: DeserializeOwned> Visitor<'de> for DeltaFrameVisitor<D> {
    type Value = DeltaFrame<D>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a delta or an object with `deltas`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<DeltaFrame<D>, M::Error> {
        let first: Option<String> = map.next_key()?;
        match first.as_deref() {
            Some("deltas" | "newVersions") => {
                return PeekedMap { first, rest: map }.read().map(DeltaFrame::Batch);
            }
            Some("id" | "actionType" | "modelName" | "modelId" | "data") | None => {
                return PeekedMap { first, rest: map }.read().map(Box::new).map(DeltaFrame::One);
            }
            Some(_) => {}
        }
        let mut buffered = BufferedMembers::default();
        let mut next = first;
        while let Some(key) = next {
            buffered.0.push((key, map.next_value::<Box<RawValue>>()?));
            next = map.next_key()?;
        }
        match buffered.has("deltas") {
            true => buffered.read().map(DeltaFrame::Batch),
            false => buffered.read().map(Box::new).map(DeltaFrame::One),
        }
    }
}
