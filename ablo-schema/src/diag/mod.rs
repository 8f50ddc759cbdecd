//! Diagnostics: a sink, not the first error.
//!
//! A [`Diagnostic`] has a stable [`Code`], a place, further places and a way out. Places are opaque [`SpanId`]s whose
//! meaning only the front that made them knows; rendering is for others.

mod code;
mod suggest;
mod table;

pub use code::{Code, Severity};
pub use suggest::Suggest;

use std::fmt::Display;

/// A place in the source, opaque: the front that made it knows what it means.
///
/// Never compared to decide anything, hashed or serialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpanId(pub(crate) u32);

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub at: SpanId,
}

impl<T> Spanned<T> {
    /// Puts a place beside a value.
    pub fn new(value: T, at: SpanId) -> Self {
        Self { value, at }
    }

    /// The same place with a reference to the value.
    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned { value: &self.value, at: self.at }
    }
}

/// One thing that is wrong, or may be.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Stable: programs may match on it.
    pub code: Code,
    /// What is wrong, names in backticks.
    pub message: String,
    /// Where.
    pub at: SpanId,
    /// Further places, each with what it has to do with it.
    pub also: Vec<(SpanId, String)>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Adds a further place.
    pub fn also(&mut self, at: SpanId, what: impl Into<String>) -> &mut Self {
        self.also.push((at, what.into()));
        self
    }

    /// Says how to mend it.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }
}

/// How many diagnostics one run keeps: bounded memory for input from outside.
pub const MOST_DIAGNOSTICS: usize = 10_000;

/// Every diagnostic of a run.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
    errors: usize,
    dropped: usize,
}

impl Diagnostics {
    /// Notes one thing; more can be said on what is returned.
    pub fn push(&mut self, code: Code, at: SpanId, message: impl Display) -> &mut Diagnostic {
        if code.severity() == Severity::Error {
            self.errors += 1;
        }
        if self.all.len() == MOST_DIAGNOSTICS {
            self.dropped += 1;
            self.all.pop();
        }
        self.all.push(Diagnostic {
            code,
            message: message.to_string(),
            at,
            also: Vec::new(),
            help: None,
        });
        let last = self.all.len() - 1;
        &mut self.all[last]
    }

    /// Whether anything stands in the way.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are, kept or not.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// How many diagnostics were left out beyond [`MOST_DIAGNOSTICS`].
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The diagnostics kept, ordered by place once [`Diagnostics::sort`] ran.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// Every diagnostic, so that a front can number its places anew.
    #[cfg(feature = "front-rust")]
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Diagnostic> {
        self.all.iter_mut()
    }

    /// Orders by place, then by code; what stands at one place with one code and one message is said once.
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
