//! Deltas: what changed, to whom it is visible, who did it (docs/protocol/websocket.md §5). How deltas are applied is not said here.

use crate::open::{Held, Peeked};
use crate::record::{open_enum, record};
use crate::{Maybe, RawData, SyncId, Versions};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

open_enum! {
    /// What a delta did to its row (docs/protocol/websocket.md §5).
    pub enum Action {
        /// The row was inserted.
        Insert = "I",
        /// The row was updated.
        Update = "U",
        /// The row was deleted.
        Delete = "D",
        /// The row was archived.
        Archive = "A",
        /// The row was taken out of the archive.
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
    /// What kind of participant acts (docs/protocol/commits.md §11).
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
        /// Nobody was asked.
        Auto = "auto",
        /// A human saw a preview.
        Previewed = "previewed",
        /// A human approved it.
        Approved = "approved",
        /// A human has to approve it.
        RequiredHumanApproval = "required_human_approval",
        /// Filled in for writes older than the record of confirmations.
        AutoHistorical = "auto_historical",
    }
}

record! {
    /// A participant, for the record (docs/protocol/websocket.md §5).
    pub struct Actor {
        /// What kind of participant.
        kind: ParticipantKind,
        /// Its id.
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
    /// `D` is the row: by default its text, or a type of the application.
    #[cfg_attr(feature = "schema", schemars(rename = "Delta"))]
    pub struct Delta<D = RawData> {
        /// Position in the log; strictly increasing within an organisation.
        id: SyncId,
        /// What happened to the row.
        action_type: Action,
        /// The exact typename of the model.
        model_name: String,
        /// The id of the row.
        model_id: String,
        /// The full row after the change, camelCase; null for a delete; `GroupChange` for `G` and `S`.
        data?: D | null,
        /// The row before the change. Clients do not read it.
        previous_data?: D | null,
        /// The sync groups that see the change, each `kind:id`.
        sync_groups?: Vec<String>,
        /// The id of the operation behind the change, so that its author recognises the echo.
        transaction_id?: String | null,
        /// When the change was confirmed, ISO 8601.
        created_at?: String,
        /// Who acted.
        actor?: Actor | null,
        /// For whom.
        on_behalf_of?: Actor | null,
        /// The capability that allowed it.
        capability_id?: String | null,
        /// How it was confirmed.
        confirmation_state?: ConfirmationState | null,
        /// The turn that caused it.
        caused_by_task_id?: String | null,
        /// Who acted, in the older spelling.
        created_by?: Actor | null,
    }
}

record! {
    /// Several deltas in one frame, ids increasing (docs/protocol/websocket.md §4).
    #[cfg_attr(feature = "schema", schemars(rename = "DeltaBatch"))]
    pub struct DeltaBatch<D = RawData> {
        /// The deltas.
        deltas: Vec<Delta<D>>,
        /// Versions to merge into those the client keeps.
        new_versions?: Versions,
    }
}

record! {
    /// The data of a `G` or `S` delta (docs/protocol/websocket.md §5.3): one group and its subject, or the legacy lists.
    pub struct GroupChange {
        /// The group gained or lost.
        group?: String,
        /// Who gained or lost it.
        user_id?: String,
        /// Legacy: groups gained.
        added_groups?: Vec<String>,
        /// Legacy: groups lost.
        removed_groups?: Vec<String>,
    }
}

/// The payload of a `delta` frame: one delta or a batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DeltaFrame", transform = crate::schema::tidy))]
#[serde(untagged)]
pub enum DeltaFrame<D = RawData> {
    /// One delta.
    One(Box<Delta<D>>),
    /// Several, under `deltas`.
    Batch(DeltaBatch<D>),
}

impl<D> DeltaFrame<D> {
    /// The deltas, one or many.
    pub fn deltas(&self) -> &[Delta<D>] {
        match self {
            DeltaFrame::One(delta) => std::slice::from_ref(delta),
            DeltaFrame::Batch(batch) => &batch.deltas,
        }
    }

    /// The deltas, by move.
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

/// Decides by the first member and reads the rest in one pass. Only a frame that begins with a member of neither kind
/// is held back as text until the decision can be made.
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
                return Peeked { first, rest: map }.read().map(DeltaFrame::Batch);
            }
            Some("id" | "actionType" | "modelName" | "modelId" | "data") | None => {
                return Peeked { first, rest: map }.read().map(Box::new).map(DeltaFrame::One);
            }
            Some(_) => {}
        }
        let mut held = Held::default();
        let mut next = first;
        while let Some(key) = next {
            held.0.push((key, map.next_value::<Box<RawValue>>()?));
            next = map.next_key()?;
        }
        match held.has("deltas") {
            true => held.read().map(DeltaFrame::Batch),
            false => held.read().map(Box::new).map(DeltaFrame::One),
        }
    }
}
