//! Values in the flat vectors of a batch: small, without a lifetime, without a destructor.

use crate::Timestamp;

/// A piece of text: of the frame, or, where the frame had it escaped or packed, of the batch's own store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    at: u32,
    /// The length; the highest bit says that the text is in the store.
    len: u32,
}

/// Says that a text is in the batch's own store.
pub(super) const HELD: u32 = 1 << 31;

impl Span {
    /// A member that is not there.
    pub(super) const ABSENT: Self = Self { at: u32::MAX, len: 0 };
    /// A member that is null.
    pub(super) const NULL: Self = Self { at: u32::MAX, len: 1 };

    #[inline(always)]
    pub(super) const fn new(at: u32, len: u32) -> Self {
        Self { at, len }
    }

    #[inline(always)]
    pub(super) fn is_value(self) -> bool {
        self.at != u32::MAX
    }

    #[inline(always)]
    pub(super) fn is_held(self) -> bool {
        self.len & HELD != 0
    }

    #[inline(always)]
    pub(super) fn start(self) -> usize {
        self.at as usize
    }

    #[inline(always)]
    pub(super) fn len(self) -> usize {
        (self.len & !HELD) as usize
    }
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    Absent,
    Null,
    Text(Span),
    Number(f64),
    Boolean(bool),
    /// Whole milliseconds since 1970.
    Date(i64),
    /// A finer or farther date: its place in the batch's list.
    Instant(u32),
    Json(Span),
}

impl Cell {
    /// A date in the form that is right for it.
    pub(super) fn date(at: Timestamp, instants: &mut Vec<Timestamp>) -> Self {
        let exact = at.into_jiff();
        if exact.subsec_nanosecond() % 1_000_000 == 0 && super::date::FIXED.contains(&exact.as_millisecond()) {
            return Cell::Date(exact.as_millisecond());
        }
        instants.push(at);
        Cell::Instant(instants.len() as u32 - 1)
    }
}

/// A value of a row, for code that does not know its type.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// use ablo::{Deltas, Slot};
/// let text = r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s_1","data":{"altitude":4.5e1}}"#;
/// let deltas = Deltas::read(&generated::SCHEMA, text)?;
/// let row = deltas.get(0).and_then(|delta| delta.row::<generated::Station>()).ok_or("it is a row")?;
/// let slots: Vec<_> = row.slots().collect();
/// assert_eq!(slots, [("altitude", Slot::Number(45.0))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot<'b> {
    /// The member was not sent.
    Absent,
    /// The member is null.
    Null,
    /// Text, or the value of an enum.
    Text(&'b str),
    /// A number.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A point in time.
    Date(Timestamp),
    /// The text of a JSON value.
    Json(&'b str),
}
