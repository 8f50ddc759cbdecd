//! Diagnostics: collects all errors and warnings of a run.
//!
//! A [`Diagnostic`] has a stable [`Code`], a span, labelled secondary spans and a help line. Spans
//! are opaque [`SpanId`]s that only the front end that created them can resolve; rendering happens
//! elsewhere.

mod code;
mod entry;
mod fix;
mod severity;
mod suggest;
mod table;

pub use code::Code;
pub use fix::{Applicability, Edit, Fix, Place};
pub use severity::Severity;
pub use suggest::Suggest;

use std::fmt::Display;

/// An opaque span in the source. The front end that created it can resolve it.
///
/// Spans are not hashed or serialized, and no rule depends on their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpanId(pub(crate) u32);

/// A value with its span.
#[derive(Clone, Copy, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The span of the value.
    pub at: SpanId,
}

impl<T> Spanned<T> {
    /// Creates a value with a span.
    pub fn new(value: T, at: SpanId) -> Self {
        Self { value, at }
    }

    /// Returns a reference to the value with the same span.
    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned { value: &self.value, at: self.at }
    }
}

/// One error or warning.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The stable code, for programs to match on.
    pub code: Code,
    /// The severity: that of the code, unless a front end allows what the code refuses.
    pub severity: Severity,
    /// The message, with names in backticks.
    pub message: String,
    /// The primary span.
    pub at: SpanId,
    /// Secondary spans, each with a label.
    pub also: Vec<(SpanId, String)>,
    /// How to fix the problem.
    pub help: Option<String>,
    /// The change of the source that removes the fault.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// Adds a secondary span with a label.
    pub fn also(&mut self, at: SpanId, label: impl Into<String>) -> &mut Self {
        self.also.push((at, label.into()));
        self
    }

    /// Sets the help line.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a change of the source that removes the fault.
    pub fn fix(&mut self, applicability: Applicability, place: Place, text: impl Into<String>) {
        let fix = self.fix.get_or_insert(Fix { applicability, edits: Vec::new() });
        fix.edits.push(Edit { place, text: text.into() });
    }
}

/// The maximum number of diagnostics that are kept, so that untrusted input cannot exhaust memory.
pub const MAX_DIAGNOSTICS: usize = 10_000;

/// All diagnostics of a run.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    errors: usize,
    dropped: usize,
}

impl Diagnostics {
    /// Adds a diagnostic and returns it, to add a help line or secondary spans.
    pub fn push(&mut self, code: Code, at: SpanId, message: impl Display) -> &mut Diagnostic {
        self.push_as(code.severity(), code, at, message)
    }

    /// Adds a diagnostic with another severity than that of its code.
    pub(crate) fn push_as(
        &mut self,
        severity: Severity,
        code: Code,
        at: SpanId,
        message: impl Display,
    ) -> &mut Diagnostic {
        if severity == Severity::Error {
            self.errors += 1;
        }
        if self.all.len() == MAX_DIAGNOSTICS {
            self.dropped += 1;
            self.all.pop();
        }
        self.all.push(Diagnostic {
            code,
            severity,
            message: message.to_string(),
            at,
            also: Vec::new(),
            help: None,
            fix: None,
        });
        let last = self.all.len() - 1;
        &mut self.all[last]
    }

    /// Returns whether there are errors.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Returns the number of errors, including those that were not kept.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// Returns the number of diagnostics that were dropped because of [`MAX_DIAGNOSTICS`].
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Returns whether there are no diagnostics.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Iterates over the diagnostics, in span order after [`Diagnostics::sort`].
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// Removes the diagnostics with a code.
    pub(crate) fn remove(&mut self, code: Code) {
        self.all.retain(|one| one.code != code);
        let errors = self.all.iter().filter(|one| one.severity == Severity::Error);
        self.errors = errors.count();
    }

    /// Returns the diagnostic that was added last.
    pub(crate) fn last_mut(&mut self) -> Option<&mut Diagnostic> {
        self.all.last_mut()
    }

    /// Iterates mutably, so that a front end can renumber its spans.
    #[cfg(feature = "front-rust")]
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Diagnostic> {
        self.all.iter_mut()
    }

    /// Sorts by span and code, and removes duplicates.
    pub fn sort(&mut self) {
        self.all.sort_by(|a, b| (a.at, a.code, &a.message).cmp(&(b.at, b.code, &b.message)));
        self.all.dedup_by(|a, b| (a.at, a.code) == (b.at, b.code) && a.message == b.message);
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
