//! Prints enums: variants with their values, and the variant for unknown values.

use super::super::writer::{Str, Writer};
use super::names::Enumeration;
use ablo_schema::front::rust::casing::CASINGS;

/// ```text
/// #[derive(AbloEnum, Clone, Debug, PartialEq)]
/// pub enum TaskStatus {
///     Open,
///     #[ablo(value = "on hold")]
///     OnHold,
///     #[ablo(other)]
///     Other(UnknownValue),
/// }
/// ```
pub(super) fn print(out: &mut Writer, enumeration: &Enumeration) {
    out.line(&[]);
    out.line(&[&"#[derive(AbloEnum, Clone, Debug, PartialEq)]"]);
    if enumeration.casing != CASINGS[0] {
        out.line(&[&"#[ablo(rename_all = ", &Str(enumeration.casing), &")]"]);
    }
    out.line(&[&"pub enum ", &enumeration.ident, &" {"]);
    for (variant, value) in &enumeration.variants {
        if let Some(value) = value {
            out.line(&[&"    #[ablo(value = ", &Str(value), &")]"]);
        }
        out.line(&[&"    ", variant, &","]);
    }
    out.line(&[&"    #[ablo(other)]"]);
    out.line(&[&"    ", &enumeration.other, &"(UnknownValue),"]);
    out.line(&[&"}"]);
}
