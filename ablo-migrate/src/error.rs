//! Errors and warnings, each with a code.

use crate::codes::Code;
use std::fmt;

/// One error or warning.
///
/// A message never contains the address of a database, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The code.
    pub code: Code,
    /// The message. Names are in backticks.
    pub message: String,
    /// Help for this case. `None` if the code's own help applies.
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

/// One or more findings.
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

/// The result of a fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;
