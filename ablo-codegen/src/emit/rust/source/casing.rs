//! Names of Schema JSON as identifiers that the reader converts back.

use super::super::ident::Ident;
use ablo_schema::front::rust::casing::lower_camel;

/// Returns the identifier that the reader converts to this lower camel case name.
pub(super) fn camel(name: &str) -> Option<Ident> {
    let ident = word(name).map(|_| Ident::field(name))?;
    (lower_camel(ident.plain()) == name).then_some(ident)
}

/// Returns a name as an identifier, if it is one.
pub(super) fn word(name: &str) -> Option<Ident> {
    let starts_with_letter = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_ident = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (starts_with_letter && is_ident).then(|| Ident::verbatim(name))
}
