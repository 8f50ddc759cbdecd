//! Diagnostic codes and their documentation: `ablo explain` and docs/reference/errors.md show these
//! texts.

use super::severity::Severity;
pub use super::table::Code;
use super::table::{Entry, TABLE};
use std::fmt;

impl Code {
    /// Iterates over all codes, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Code> {
        TABLE.iter().map(|entry| entry.code)
    }

    /// Returns the code with this spelling.
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

    /// Returns the spelling, `ablo::…`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// Returns the severity.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.entry().severity
    }

    /// Returns the title, one line.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// Returns the explanation.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// Returns how to fix the problem.
    #[must_use]
    pub fn fix(self) -> &'static str {
        self.entry().fix
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
