//! The JSON front: Schema JSON v3 with places.
//!
//! serde_json is the only grammar. `node` parses with it and numbers every value in document order; `parts` turns
//! nodes into raw parts and says what has the wrong type; [`locate`] walks the text again, only when there is something
//! to say, and turns the numbers into lines and columns.

mod backfills;
mod document;
mod hints;
mod locate;
mod model;
mod node;
mod parts;

pub use super::place::{Located, Place};
pub use backfills::read_backfills;
pub use hints::read_hints;
pub use locate::locate;

use crate::diag::{Code, Diagnostics, Suggest};
use crate::schema::Schema;
use node::{Node, Parsed};
use parts::Parts;

/// How large a document may be, in bytes: 64 MiB, nearly four times what ten thousand models take.
pub const MOST_BYTES: usize = 64 << 20;

/// What came of a document: a schema unless there are errors, and everything there is to say.
#[derive(Debug)]
pub struct Read {
    /// The schema, if nothing stands in the way.
    pub schema: Option<Schema>,
    /// Errors and warnings, ordered by place.
    pub diagnostics: Diagnostics,
}

/// Reads and checks a Schema JSON document. Every fault is reported in one run; none panics.
///
/// ```
/// let read = ablo_schema::front::json::read(r#"{"v": 4, "models": {}, "identityRoles": []}"#);
/// assert!(read.schema.is_none());
/// assert_eq!(read.diagnostics.iter().next().unwrap().code.as_str(), "ablo::schema::unsupported_version");
/// ```
#[must_use]
pub fn read(text: &str) -> Read {
    let mut diagnostics = Diagnostics::default();
    let schema = parse(text, &mut diagnostics)
        .and_then(|root| document::read(root, &mut diagnostics))
        .and_then(|raw| crate::check::check(raw, &mut diagnostics));
    diagnostics.sort();
    Read { schema: schema.filter(|_| !diagnostics.has_errors()), diagnostics }
}

/// The tree of a text, with what is wrong whatever the text is about.
fn parse<'t>(text: &'t str, diagnostics: &mut Diagnostics) -> Option<Node<'t>> {
    if text.len() > MOST_BYTES {
        let message = format!("the document has {} bytes, more than {MOST_BYTES}", text.len());
        diagnostics
            .push(Code::SourceTooLarge, node::offset_span(0), message)
            .help("check that this is the schema, or split it");
        return None;
    }
    match node::parse(text) {
        Parsed::Document(root) => {
            node::report_duplicates(&root, diagnostics);
            Some(root)
        }
        Parsed::Broken { at, code, message, help } => {
            diagnostics.push(code, at, message).help(help);
            None
        }
    }
}

/// Reads a document that stands beside a schema.
fn aside<'t, T>(
    text: &'t str,
    read: impl FnOnce(Node<'t>, &mut Parts<'_>) -> T,
) -> (Option<T>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let done = parse(text, &mut diagnostics).map(|root| {
        read(root, &mut Parts { diagnostics: &mut diagnostics, suggest: Suggest::default() })
    });
    diagnostics.sort();
    (done.filter(|_| !diagnostics.has_errors()), diagnostics)
}

/// What is said of input bytes that are no text.
///
/// # Errors
/// With the diagnostic, when the bytes are not UTF-8.
pub fn text_of(bytes: &[u8]) -> Result<&str, (usize, Diagnostics)> {
    std::str::from_utf8(bytes).map_err(|error| {
        let mut diagnostics = Diagnostics::default();
        let at = node::offset_span(error.valid_up_to());
        diagnostics
            .push(Code::SourceNotUtf8, at, "the document is not UTF-8 from here on")
            .help("save it as UTF-8; JSON knows no other encoding");
        (error.valid_up_to(), diagnostics)
    })
}
