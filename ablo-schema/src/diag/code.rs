//! What is known of a code: what `ablo explain` says, and what docs/reference/errors.md is made of.

pub use super::table::Code;
use super::table::TABLE;
use std::fmt;

/// How much a diagnostic stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is generated.
    Error,
    /// Worth a look.
    Warning,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// What the table says of one code.
pub(super) struct Entry {
    pub(super) code: Code,
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    pub(super) title: &'static str,
    pub(super) meaning: &'static str,
    pub(super) mend: &'static str,
}

impl Code {
    /// Every code, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Code> {
        TABLE.iter().map(|entry| entry.code)
    }

    /// The code that is spelled so.
    ///
    /// ```
    /// use ablo_schema::Code;
    /// assert_eq!(Code::find("ablo::json::syntax"), Some(Code::JsonSyntax));
    /// ```
    #[must_use]
    pub fn find(name: &str) -> Option<Code> {
        TABLE.iter().find(|entry| entry.name == name).map(|entry| entry.code)
    }

    // The table has one entry for each variant, in the order of the variants.
    fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }

    /// Its spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// How much it stands in the way.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.entry().severity
    }

    /// One line on what it is.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// Why it is one.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// What to do.
    #[must_use]
    pub fn mend(self) -> &'static str {
        self.entry().mend
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
