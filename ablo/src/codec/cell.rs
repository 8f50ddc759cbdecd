//! Values in the flat vectors of a batch: small, without a lifetime and without a destructor.

use crate::Timestamp;

/// The range of a text in the frame, or in the batch's store if the frame has it escaped or packed.
///
/// Packed into one word: the start in the low half, the length in the high half. The highest bit is
/// set if the text is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(u64);

/// The bit of a length that marks a text in the batch's store.
pub(super) const HELD: u32 = 1 << 31;

impl Span {
    /// A missing member.
    pub(super) const ABSENT: Self = Self(u32::MAX as u64);
    /// A member that is null.
    pub(super) const NULL: Self = Self(1 << 32 | u32::MAX as u64);

    #[inline(always)]
    pub(super) const fn new(at: u32, len: u32) -> Self {
        Self((len as u64) << 32 | at as u64)
    }

    #[inline(always)]
    pub(super) fn is_value(self) -> bool {
        self.0 as u32 != u32::MAX
    }

    #[inline(always)]
    pub(super) fn is_held(self) -> bool {
        self.0 >> 63 == 1
    }

    #[inline(always)]
    pub(super) fn start(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline(always)]
    pub(super) fn len(self) -> usize {
        (self.0 >> 32) as usize & !(HELD as usize)
    }
}

/// The decoded form of a [`Cell`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum View {
    Absent,
    Null,
    Text(Span),
    Number(f64),
    Boolean(bool),
    /// Whole milliseconds since 1970.
    Date(i64),
    /// A date that milliseconds cannot express: its index in the batch's list.
    Instant(u32),
    Json(Span),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Tag {
    Absent,
    Null,
    Text,
    Number,
    Boolean,
    Date,
    Instant,
    Json,
}

/// A value of a row as it is stored: a tag and a word, so that it fits in two registers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    tag: Tag,
    word: u64,
}

impl Cell {
    pub(super) const ABSENT: Self = Self { tag: Tag::Absent, word: 0 };
    pub(super) const NULL: Self = Self { tag: Tag::Null, word: 0 };

    #[inline(always)]
    pub(super) fn text(span: Span) -> Self {
        Self { tag: Tag::Text, word: span.0 }
    }

    #[inline(always)]
    pub(super) fn number(number: f64) -> Self {
        Self { tag: Tag::Number, word: number.to_bits() }
    }

    #[inline(always)]
    pub(super) fn boolean(boolean: bool) -> Self {
        Self { tag: Tag::Boolean, word: u64::from(boolean) }
    }

    #[inline(always)]
    pub(super) fn millis(millis: i64) -> Self {
        Self { tag: Tag::Date, word: millis as u64 }
    }

    #[inline(always)]
    pub(super) fn json(span: Span) -> Self {
        Self { tag: Tag::Json, word: span.0 }
    }

    /// Stores a date as milliseconds where possible, otherwise in the list of instants.
    pub(super) fn date(at: Timestamp, instants: &mut Vec<Timestamp>) -> Self {
        let exact = at.into_jiff();
        if exact.subsec_nanosecond() % 1_000_000 == 0
            && super::date::FIXED_RANGE.contains(&exact.as_millisecond())
        {
            return Cell::millis(exact.as_millisecond());
        }
        instants.push(at);
        Self { tag: Tag::Instant, word: instants.len() as u64 - 1 }
    }

    #[inline(always)]
    pub(super) fn is_absent(self) -> bool {
        self.tag == Tag::Absent
    }

    #[inline(always)]
    pub(super) fn view(self) -> View {
        match self.tag {
            Tag::Absent => View::Absent,
            Tag::Null => View::Null,
            Tag::Text => View::Text(Span(self.word)),
            Tag::Number => View::Number(f64::from_bits(self.word)),
            Tag::Boolean => View::Boolean(self.word != 0),
            Tag::Date => View::Date(self.word as i64),
            Tag::Instant => View::Instant(self.word as u32),
            Tag::Json => View::Json(Span(self.word)),
        }
    }
}

/// A value of a row, for code that does not know the field's type.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// use ablo::{Deltas, Slot};
/// let text = r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s_1",
///   "data":{"altitude":4.5e1}}"#;
/// let deltas = Deltas::read(&generated::SCHEMA, text)?;
/// let delta = deltas.get(0).ok_or("no delta")?;
/// let row = delta.row::<generated::Station>().ok_or("not a row")?;
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
