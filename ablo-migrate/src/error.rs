//! Why something did not happen: coded, with its cause and a way out.

use crate::codes::Code;
use std::fmt;

/// Something that stands in the way, or is worth saying.
///
/// A message never carries the address of a database: that may have a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// What exactly, names in backticks.
    pub message: String,
    /// How to mend exactly this, where that is known; else the code says it.
    pub help: Option<String>,
}

impl Finding {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code.name)
    }
}

/// One reason or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(pub Vec<Finding>);

impl From<Finding> for Error {
    fn from(finding: Finding) -> Self {
        Self(vec![finding])
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, finding) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// What can fail with findings.
pub type Result<T> = std::result::Result<T, Error>;
