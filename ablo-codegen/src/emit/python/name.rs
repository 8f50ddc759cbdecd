//! Identifiers in Python.
//!
//! Types of a model are its typename in Pascal case with a suffix, constants and members are in
//! snake case. A name that is already taken gets a `_` suffix. Model types are named before the
//! types derived from them, both in schema order.

use super::writer::{Code, Writer};
use crate::shape::{FieldShape, RowShape, pascal_case};
use ablo_schema::lookup::Lookup;
use ablo_schema::schema::FieldKind;
use heck::ToSnakeCase as _;
use std::rc::Rc;

/// A valid identifier that is not a keyword.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ident(Rc<str>);

impl Code for Ident {
    fn code(&self, w: &mut Writer) {
        w.push(&self.0);
    }
}

impl Ident {
    /// Returns the text, for a string literal.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The names of one model.
#[derive(Debug)]
pub(super) struct ModelNames {
    /// The class of its rows.
    pub(super) row: Ident,
    /// The data of a new row.
    pub(super) create: Ident,
    /// A change of a row.
    pub(super) patch: Ident,
    /// Conditions on rows.
    pub(super) filter: Ident,
    /// Changes relative to the current values.
    pub(super) relative: Ident,
    /// The members that lists can be sorted by.
    pub(super) order: Ident,
    /// The type of its client, and of the asynchronous one.
    pub(super) model: Ident,
    pub(super) async_model: Ident,
    /// The constant that describes it.
    pub(super) constant: Ident,
    /// Its member of the client.
    pub(super) member: Ident,
    /// The members of a row: the base fields and the declared ones, in order.
    pub(super) members: Vec<Ident>,
    /// The types of its enum fields, in order.
    pub(super) enums: Vec<Ident>,
}

/// Returns the names of all models, in schema order.
pub(super) fn model_names(rows: &[RowShape<'_>]) -> Vec<ModelNames> {
    let mut types = Scope::new(TAKEN_TYPES);
    let (mut constants, mut members) = (Scope::new(TAKEN_CONSTANTS), Scope::new(TAKEN_MEMBERS));
    let primary: Vec<Ident> =
        rows.iter().map(|row| types.claim(pascal_case(row.model.type_name.as_str()))).collect();
    let derived = rows.iter().zip(primary).map(|(row, name)| {
        let key = row.model.key.as_str().to_snake_case();
        let mut derive = |suffix: &str| types.claim([&*name.0, suffix].concat());
        ModelNames {
            create: derive("Create"),
            patch: derive("Patch"),
            filter: derive("Where"),
            relative: derive("Relative"),
            order: derive("Order"),
            model: derive("Model"),
            enums: enum_fields(row)
                .map(|field| derive(&pascal_case(field.field.name.as_str())))
                .collect(),
            async_model: types.claim(["Async", &*name.0, "Model"].concat()),
            constant: constants.claim(key.to_ascii_uppercase()),
            member: members.claim(key),
            members: row_members(row),
            row: name,
        }
    });
    derived.collect()
}

fn row_members(row: &RowShape<'_>) -> Vec<Ident> {
    let mut scope = Scope::new(TAKEN_ATTRIBUTES);
    let base = row.base.iter().map(|base| base.base.name());
    let names = base.chain(row.fields.iter().map(|shape| shape.field.name.as_str()));
    names.map(|name| scope.claim(name.to_snake_case())).collect()
}

/// Returns the enum fields that a model declares.
pub(super) fn enum_fields<'r>(row: &'r RowShape<'_>) -> impl Iterator<Item = &'r FieldShape<'r>> {
    row.fields.iter().filter(|shape| matches!(shape.field.kind, FieldKind::Enum(_)))
}

/// Returns whether Python can import a package of this name.
pub(super) fn is_package(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !KEYWORDS.contains(&name)
}

/// A set of unique names.
struct Scope(Lookup<Ident, ()>);

impl Scope {
    fn new(taken: &[&str]) -> Self {
        let words = KEYWORDS.iter().chain(taken);
        Self(words.map(|word| (Ident((*word).into()), ())).collect())
    }

    fn claim(&mut self, mut wanted: String) -> Ident {
        wanted.retain(|c| c.is_ascii_alphanumeric() || c == '_');
        // A class changes names that begin with two underscores.
        if wanted.is_empty() || wanted.starts_with(|c: char| c.is_ascii_digit() || c == '_') {
            wanted.insert_str(0, "x_");
        }
        loop {
            let ident = Ident(wanted.as_str().into());
            if self.0.insert(ident.clone(), ()).is_none() {
                return ident;
            }
            wanted.push('_');
        }
    }
}

/// The keywords, also those of some places only.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "case", "class",
    "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if",
    "import", "in", "is", "lambda", "match", "nonlocal", "not", "or", "pass", "raise", "return",
    "try", "type", "while", "with", "yield",
];

/// Types that the emitted files declare or import.
const TAKEN_TYPES: &[&str] = &["Ablo", "AsyncAblo", "Decimal", "Literal", "TypeAlias", "TypedDict"];

/// Constants of the file itself, and what it imports.
const TAKEN_CONSTANTS: &[&str] = &["CONTENT_HASH", "SCHEMA_HASH"];

/// Members of a client, and the decorator of the others.
const TAKEN_MEMBERS: &[&str] = &[
    "cached_property",
    "check_schema",
    "close",
    "commit",
    "content_hash",
    "own_claims",
    "run",
    "session",
    "turn",
];

/// Types of members. A member of this name would hide the type from the others.
const TAKEN_ATTRIBUTES: &[&str] = &["bool", "datetime", "float", "int", "str", "values"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_an_identifier() {
        let mut scope = Scope::new(&["str"]);
        let claimed = ["class", "class", "str", "", "1a", "_a", "a-b"]
            .map(|name| scope.claim(name.to_owned()).0.to_string());
        assert_eq!(claimed, ["class_", "class__", "str_", "x_", "x_1a", "x__a", "ab"]);
    }
}
