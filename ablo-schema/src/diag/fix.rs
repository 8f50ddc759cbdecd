//! Changes of the source that remove a fault, for `ablo fix` and editors.

use super::SpanId;
use std::ops::Range;

/// Whether a fix can be applied without asking the author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applicability {
    /// The fix is the only likely meaning.
    MachineApplicable,
    /// The author has to decide.
    MaybeIncorrect,
}

impl Applicability {
    /// Returns the name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MachineApplicable => "machine-applicable",
            Self::MaybeIncorrect => "maybe-incorrect",
        }
    }
}

/// A change of the source that removes a fault.
#[derive(Clone, Debug)]
pub struct Fix {
    /// Whether it can be applied without asking the author.
    pub applicability: Applicability,
    /// The edits, which are applied together.
    pub edits: Vec<Edit>,
}

/// The replacement of a part of the source.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The part that is replaced.
    pub place: Place,
    /// Its new text.
    pub text: String,
}

/// A part of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A span.
    Span(SpanId),
    /// The end of the object at a span, for a further member.
    EndOf(SpanId),
    /// A range of bytes, in a text that cannot be parsed.
    Bytes(Range<usize>),
}
