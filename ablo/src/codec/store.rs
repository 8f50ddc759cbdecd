//! A batch of deltas as flat vectors, without an allocation per delta.
//!
//! Values are 16 bytes each. Texts are spans of the frame, or of `held` if the frame has them
//! escaped or packed. A [`Record`] is one delta: its envelope and the ranges of its row and its
//! lists.

use super::cell::{Cell, Span};
use crate::Timestamp;
use crate::descriptor::{FieldDescriptor, ModelDescriptor, SchemaDescriptor};
use crate::field::BASE;

/// Returns the field at a position of a row.
#[inline(always)]
pub(super) fn field(
    model: &'static ModelDescriptor,
    at: usize,
) -> Option<&'static FieldDescriptor> {
    match at.checked_sub(BASE.len()) {
        None => BASE.get(at),
        Some(at) => model.fields.get(at),
    }
}

/// The object that an unknown member belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Delta,
    Row,
    Actor,
    OnBehalfOf,
    CreatedBy,
    Batch,
}

/// A member that this build does not know; its value is JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extra {
    pub(super) owner: Owner,
    pub(super) name: Span,
    pub(super) value: Span,
}

/// A participant: both texts, or neither.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Participant {
    pub(super) kind: Span,
    pub(super) id: Span,
}

impl Participant {
    pub(super) const ABSENT: Self = Self { kind: Span::ABSENT, id: Span::ABSENT };
    pub(super) const NULL: Self = Self { kind: Span::NULL, id: Span::NULL };
}

/// A range of one of the vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Piece {
    pub(super) fn of<T>(self, all: &[T]) -> &[T] {
        all.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The data of a delta.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Data {
    Absent,
    Null,
    /// A row of the delta's model: the cells of the base fields, then of the declared ones, up to
    /// the last one that was sent.
    Row(Piece),
    /// Text that this build does not interpret.
    Raw(Span),
}

/// One delta.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) id: u64,
    /// The model's position in the schema, or `u32::MAX` for an unknown model.
    pub(super) model: u32,
    pub(super) data: Data,
    pub(super) action: Span,
    pub(super) model_name: Span,
    pub(super) model_id: Span,
    pub(super) previous_data: Span,
    /// Absent, or the groups.
    pub(super) sync_groups: Option<Piece>,
    pub(super) transaction_id: Span,
    pub(super) created_at: Span,
    pub(super) actor: Participant,
    pub(super) on_behalf_of: Participant,
    pub(super) capability_id: Span,
    pub(super) confirmation_state: Span,
    pub(super) caused_by_task_id: Span,
    pub(super) created_by: Participant,
    pub(super) extras: Piece,
}

impl Record {
    pub(super) const EMPTY: Self = Self {
        id: 0,
        model: u32::MAX,
        data: Data::Absent,
        action: Span::ABSENT,
        model_name: Span::ABSENT,
        model_id: Span::ABSENT,
        previous_data: Span::ABSENT,
        sync_groups: None,
        transaction_id: Span::ABSENT,
        created_at: Span::ABSENT,
        actor: Participant::ABSENT,
        on_behalf_of: Participant::ABSENT,
        capability_id: Span::ABSENT,
        confirmation_state: Span::ABSENT,
        caused_by_task_id: Span::ABSENT,
        created_by: Participant::ABSENT,
        extras: Piece { start: 0, end: 0 },
    };
}

/// The vectors of a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    pub(super) records: Vec<Record>,
    pub(super) cells: Vec<Cell>,
    pub(super) groups: Vec<Span>,
    pub(super) extras: Vec<Extra>,
    pub(super) instants: Vec<Timestamp>,
    pub(super) held: String,
    /// Whether the frame was a list.
    pub(super) batch: bool,
    /// The text of `newVersions`.
    pub(super) new_versions: Option<Span>,
}

impl Store {
    /// Removes the unknown row members of the last delta. `start` is its first unknown member.
    pub(super) fn remove_row_extras(&mut self, start: usize) {
        let last = self.extras.split_off(start.min(self.extras.len()));
        self.extras.extend(last.into_iter().filter(|extra| extra.owner != Owner::Row));
    }
}

/// A batch of decoded deltas, borrowing from its input.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// use ablo::Deltas;
/// use generated::WeatherReport;
///
/// let frame = r#"{"type":"delta","payload":{"id":413,"actionType":"U",
///   "modelName":"WeatherReport","modelId":"r_1",
///   "data":{"id":"r_1","location":"Stockholm","confidence":0.8,"wind":{"ms":4}}}}"#;
/// let deltas = Deltas::read(&generated::SCHEMA, frame)?;
/// for delta in &deltas {
///     assert_eq!((delta.id(), delta.model_id()), (413, "r_1"));
///     let row = delta.row::<WeatherReport>().ok_or("not a report")?;
///     assert_eq!(row.get(WeatherReport::LOCATION), Some("Stockholm"));
///     assert_eq!(row.get(WeatherReport::CONFIDENCE), Some(Some(0.8)));
///     assert_eq!(row.get(WeatherReport::FORECAST), None);
///     assert_eq!(row.unknown().collect::<Vec<_>>(), [("wind", r#"{"ms":4}"#)]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Deltas<'a> {
    pub(super) schema: &'static SchemaDescriptor,
    pub(super) source: &'a str,
    /// Whether texts of the source can be copied to JSON without escaping.
    pub(super) plain: bool,
    pub(super) store: Store,
}

impl<'a> Deltas<'a> {
    /// Returns the text of a span.
    #[inline(always)]
    pub(super) fn text(&self, span: Span) -> &str {
        let all = if span.is_held() { self.store.held.as_str() } else { self.source };
        all.get(span.start()..span.start() + span.len()).unwrap_or_default()
    }

    pub(super) fn model(&self, record: &Record) -> Option<&'static ModelDescriptor> {
        self.schema.models.get(record.model as usize).copied()
    }

    /// Returns the schema that the deltas were decoded with.
    #[must_use]
    pub fn schema(&self) -> &'static SchemaDescriptor {
        self.schema
    }

    /// Returns the number of deltas.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.records.len()
    }

    /// Returns whether there are no deltas.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.store.records.is_empty()
    }

    /// Returns the JSON text of `newVersions`, which the client merges into its versions.
    #[must_use]
    pub fn new_versions(&self) -> Option<&str> {
        self.store.new_versions.map(|span| self.text(span))
    }
}
