//! The JSON front end: Schema JSON v3 with spans.
//!
//! `node` parses and numbers every value in document order, usual documents with `fast`, others
//! with serde_json; `context` reads nodes
//! as the expected types; [`locate`] parses the text again, only if there are diagnostics, and
//! resolves the numbers to lines and columns.

mod backfills;
mod context;
mod document;
mod document_schema;
mod fast;
mod fix;
mod format;
mod habits;
mod hints;
mod locate;
pub mod members;
mod model;
mod node;
mod notation;
mod repair;

pub use super::location::{Located, Location};
pub use backfills::read_backfills;
pub use document_schema::document_schema;
pub use fix::{Fixed, fix};
pub use format::format;
pub use hints::read_hints;
pub use locate::locate;

use crate::diag::{Applicability, Code, Diagnostics, Place, Severity};
use crate::schema::Schema;
use context::ReadContext;
use node::{Node, Parsed};

/// The maximum size of a document in bytes: 64 MiB, nearly four times the size of ten thousand
/// models.
pub const MAX_BYTES: usize = 64 << 20;

/// The result of reading a document: a schema unless there are errors, and all diagnostics.
#[derive(Debug)]
pub struct Read {
    /// The schema, unless there are errors.
    pub schema: Option<Schema>,
    /// Errors and warnings in span order.
    pub diagnostics: Diagnostics,
}

/// Reads and validates a Schema JSON document. All errors are reported in one run.
///
/// ```
/// let read = ablo_schema::front::json::read(r#"{"v": 4, "models": {}, "identityRoles": []}"#);
/// assert!(read.schema.is_none());
/// let diagnostic = read.diagnostics.iter().next().unwrap();
/// assert_eq!(diagnostic.code.as_str(), "ablo::schema::unsupported_version");
/// ```
///
/// Unknown members are warnings, so that documents of other writers remain readable.
#[must_use]
pub fn read(text: &str) -> Read {
    read_as(text, Severity::Warning)
}

/// Reads and validates a document that an author writes. Unlike with [`read`], a member that
/// Schema JSON does not have is an error, unless its name begins with [`members::FREE_PREFIX`].
///
/// ```
/// use ablo_schema::front::json;
/// let text = r#"{"v": 3, "models": {}, "identityRoles": [], "mutabel": true, "x-owner": "web"}"#;
/// assert!(json::read(text).schema.is_some());
/// let read = json::read_authored(text);
/// assert!(read.schema.is_none());
/// let diagnostic = read.diagnostics.iter().next().unwrap();
/// assert_eq!(diagnostic.help.as_deref(), Some("did you mean `mutable`?"));
/// ```
#[must_use]
pub fn read_authored(text: &str) -> Read {
    read_as(text, Severity::Error)
}

fn read_as(text: &str, unknown: Severity) -> Read {
    let mut diagnostics = Diagnostics::default();
    let mut root = parse(text, &mut diagnostics);
    let repaired;
    let mut is_cut = false;
    if diagnostics.iter().any(|one| one.code == Code::JsonSyntax)
        && let Some(it) = repair::repair(text)
    {
        // The faults take the place of the first one, at which serde_json stopped.
        diagnostics = Diagnostics::default();
        for fault in &it.faults {
            let at = node::offset_span(fault.range.start);
            let diagnostic = diagnostics.push(Code::JsonSyntax, at, fault.message);
            diagnostic.help(fault.help);
            for change in &fault.changes {
                let place = Place::Bytes(change.range.clone());
                diagnostic.fix(Applicability::MachineApplicable, place, change.text.as_str());
            }
        }
        is_cut = it.is_cut;
        repaired = it;
        root = match parsed(&repaired.text, &mut diagnostics) {
            Parsed::Document(root) => Some(root),
            Parsed::Broken { at, code, message, help } => {
                let at =
                    node::offset_of(at).map_or(at, |it| node::offset_span(repaired.original(it)));
                diagnostics.push(code, at, message).help(help);
                None
            }
        };
    }
    let schema = root
        .and_then(|root| document::read(root, &mut ReadContext::new(&mut diagnostics, unknown)))
        .and_then(|raw| crate::check::check(raw, &mut diagnostics));
    if is_cut {
        diagnostics.remove(Code::JsonMissingMember);
    }
    diagnostics.sort();
    Read { schema: schema.filter(|_| !diagnostics.has_errors()), diagnostics }
}

/// Parses a text and reports errors that do not depend on its meaning.
fn parse<'t>(text: &'t str, diagnostics: &mut Diagnostics) -> Option<Node<'t>> {
    if text.len() > MAX_BYTES {
        let message = format!("the document has {} bytes; the limit is {MAX_BYTES}", text.len());
        diagnostics
            .push(Code::SourceTooLarge, node::offset_span(0), message)
            .help("check that this is the schema, or split it");
        return None;
    }
    match parsed(text, diagnostics) {
        Parsed::Document(root) => Some(root),
        Parsed::Broken { at, code, message, help } => {
            diagnostics.push(code, at, message).help(help);
            None
        }
    }
}

/// Parses a text in the fastest way, and reports repeated names.
fn parsed<'t>(text: &'t str, diagnostics: &mut Diagnostics) -> Parsed<'t> {
    if let Some(root) = fast::parse(&text[node::bom_length(text)..]) {
        return Parsed::Document(root);
    }
    let parsed = node::parse(text);
    if let Parsed::Document(root) = &parsed {
        node::report_duplicates(root, diagnostics);
    }
    parsed
}

/// Reads a document that accompanies a schema.
fn read_companion<'t, T>(
    text: &'t str,
    read: impl FnOnce(Node<'t>, &mut ReadContext<'_>) -> T,
) -> (Option<T>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let done = parse(text, &mut diagnostics)
        .map(|root| read(root, &mut ReadContext::new(&mut diagnostics, Severity::Error)));
    diagnostics.sort();
    (done.filter(|_| !diagnostics.has_errors()), diagnostics)
}

/// Decodes input bytes.
///
/// # Errors
/// Returns the length of the valid part and a diagnostic if the bytes are not UTF-8.
pub fn decode_utf8(bytes: &[u8]) -> Result<&str, (usize, Diagnostics)> {
    std::str::from_utf8(bytes).map_err(|error| {
        let mut diagnostics = Diagnostics::default();
        let at = node::offset_span(error.valid_up_to());
        diagnostics
            .push(Code::SourceNotUtf8, at, "invalid UTF-8")
            .help("save the document as UTF-8, the only encoding of JSON");
        (error.valid_up_to(), diagnostics)
    })
}
