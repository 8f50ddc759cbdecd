//! Identifiers of models in TypeScript.
//!
//! The type of a model is its typename in Pascal case, its constant is its key. A name that is
//! already taken gets a `_` suffix. Model types are named before the types derived from them, both
//! in schema order. The lists of taken names are in this file only.

use super::literal::is_identifier;
use super::writer::{Code, Writer};
use crate::shape::{FieldShape, RowShape, pascal_case};
use ablo_schema::lookup::Lookup;
use ablo_schema::schema::FieldKind;
use std::rc::Rc;

/// A valid identifier that is not a reserved word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ident(Rc<str>);

impl Code for Ident {
    fn code(&self, w: &mut Writer) {
        w.push(&self.0);
    }
}

/// The names of one model.
#[derive(Debug)]
pub(super) struct ModelNames {
    /// The interface of its rows.
    pub(super) row: Ident,
    /// The interface of creates.
    pub(super) create: Ident,
    /// The interface of patches.
    pub(super) patch: Ident,
    /// The interface of relative changes, if the model has any.
    pub(super) relative: Option<Ident>,
    /// The interface of its deltas.
    pub(super) delta: Ident,
    /// The type of its client.
    pub(super) model: Ident,
    /// The constant that describes it.
    pub(super) constant: Ident,
    /// The types of its enum fields, one per enum field that is not a base field, in order.
    pub(super) enums: Vec<Ident>,
    /// The types of its fields with a shape, in order.
    pub(super) shapes: Vec<Ident>,
}

/// Returns the names of all models, in schema order.
pub(super) fn model_names(rows: &[RowShape<'_>]) -> Vec<ModelNames> {
    let (mut types, mut constants) = (Scope::new(TAKEN_TYPES), Scope::new(TAKEN_CONSTANTS));
    types.0.reserve(rows.len() * USUAL_TYPES);
    constants.0.reserve(rows.len());
    let primary: Vec<Ident> =
        rows.iter().map(|row| types.claim(pascal_case(row.model.type_name.as_str()))).collect();
    let derived = rows.iter().zip(primary).map(|(row, name)| ModelNames {
        create: types.claim(join(&name, "Create")),
        patch: types.claim(join(&name, "Patch")),
        delta: types.claim(join(&name, "Delta")),
        model: types.claim(join(&name, "Model")),
        enums: enum_fields(row)
            .map(|field| types.claim(join(&name, &capitalised(field))))
            .collect(),
        shapes: shaped_fields(row)
            .map(|field| types.claim(join(&name, &capitalised(field))))
            .collect(),
        relative: has_relative(row).then(|| types.claim(join(&name, "Relative"))),
        constant: constants.claim(row.model.key.as_str().to_owned()),
        row: name,
    });
    derived.collect()
}

/// Returns whether clients can change fields relative to their current values.
fn has_relative(row: &RowShape<'_>) -> bool {
    row.fields.iter().any(|shape| !shape.field.facets.relative.is_empty())
}

/// Returns the enum fields that a model declares.
pub(super) fn enum_fields<'r>(row: &'r RowShape<'_>) -> impl Iterator<Item = &'r FieldShape<'r>> {
    row.fields.iter().filter(|shape| matches!(shape.field.kind, FieldKind::Enum(_)))
}

/// Returns the JSON fields with a declared shape.
pub(super) fn shaped_fields<'r>(row: &'r RowShape<'_>) -> impl Iterator<Item = &'r FieldShape<'r>> {
    row.fields.iter().filter(|shape| shape.field.facets.shape.is_some())
}

/// Returns the name of a wire type. Wire types are alone in their file.
pub(super) fn wire_name(definition: &str) -> Ident {
    let mut name = identifier(pascal_case(definition));
    if TAKEN_TYPES.contains(&name.as_str()) {
        name.push('_');
    }
    Ident(name.into())
}

/// The number of types of a model, which few exceed.
const USUAL_TYPES: usize = 8;

/// A set of unique names.
struct Scope(Lookup<Ident, ()>);

impl Scope {
    fn new(taken: &[&str]) -> Self {
        Self(taken.iter().map(|word| (Ident((*word).into()), ())).collect())
    }

    fn claim(&mut self, wanted: String) -> Ident {
        let mut wanted = identifier(wanted);
        loop {
            let ident = Ident(wanted.as_str().into());
            if self.0.insert(ident.clone(), ()).is_none() {
                return ident;
            }
            wanted.push('_');
        }
    }
}

/// Converts a name to an identifier. Names of a valid schema already are identifiers.
fn identifier(mut wanted: String) -> String {
    if !is_identifier(&wanted) {
        wanted.retain(|c| c.is_ascii_alphanumeric() || c == '_');
        wanted.insert(0, '_');
    }
    wanted
}

fn join(model: &Ident, suffix: &str) -> String {
    [&*model.0, suffix].concat()
}

/// Capitalises a field name, which is already in lower camel case.
fn capitalised(shape: &FieldShape<'_>) -> String {
    let name = shape.field.name.as_str();
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// Types that the emitted files declare, and global types that a model would hide. Keywords are not
/// listed: they are in lower case, and type names are in Pascal case.
const TAKEN_TYPES: &[&str] = &[
    "Ablo",
    "AbloAuthenticationError",
    "AbloClaimedError",
    "AbloConnectionError",
    "AbloError",
    "AbloIdempotencyError",
    "AbloPermissionError",
    "AbloRateLimitError",
    "AbloServerError",
    "AbloStaleContextError",
    "AbloValidationError",
    "AbortController",
    "AbortSignal",
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "AsyncDisposable",
    "AsyncGenerator",
    "AsyncIterable",
    "AsyncIterator",
    "Atomics",
    "Awaited",
    "BigInt",
    "Boolean",
    "Buffer",
    "CapabilityError",
    "Capitalize",
    "DataView",
    "Date",
    "Disposable",
    "Error",
    "EvalError",
    "Exclude",
    "Extract",
    "FinalizationRegistry",
    "Function",
    "Generator",
    "Infinity",
    "InstanceType",
    "Int8Array",
    "Intl",
    "Iterable",
    "IterableIterator",
    "Iterator",
    "JSON",
    "JsonValue",
    "Lowercase",
    "Map",
    "Math",
    "ModelKey",
    "Models",
    "NaN",
    "NoInfer",
    "NonNullable",
    "Number",
    "Object",
    "Omit",
    "Parameters",
    "Partial",
    "Pick",
    "Promise",
    "PromiseLike",
    "PropertyKey",
    "Proxy",
    "RangeError",
    "Readonly",
    "ReadonlyArray",
    "ReadonlyMap",
    "ReadonlySet",
    "Record",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Required",
    "ReturnType",
    "SchemaDelta",
    "Set",
    "SnapshotIds",
    "SnapshotRows",
    "String",
    "Symbol",
    "SyntaxError",
    "ThisType",
    "Timestamp",
    "TypeError",
    "Uint8Array",
    "Uncapitalize",
    "Uppercase",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "Write",
];

/// Names that a constant of a module must not have, and the constants of the file itself.
const TAKEN_CONSTANTS: &[&str] = &[
    "Infinity",
    "NaN",
    "Object",
    "Promise",
    "__esModule",
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "exports",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "globalThis",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "module",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "require",
    "return",
    "schema",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(taken: &[&str], wanted: &[&str]) -> Vec<String> {
        let mut scope = Scope::new(taken);
        wanted.iter().map(|name| scope.claim((*name).to_owned()).0.to_string()).collect()
    }

    #[test]
    fn later_duplicates_get_a_suffix() {
        assert_eq!(
            claimed(TAKEN_TYPES, &["Note", "Note", "Note_", "Note"]),
            ["Note", "Note_", "Note__", "Note___"]
        );
        assert_eq!(
            claimed(TAKEN_TYPES, &["Object", "Object_", "JsonValue"]),
            ["Object_", "Object__", "JsonValue_"]
        );
        assert_eq!(
            claimed(TAKEN_CONSTANTS, &["delete", "schema", "tasks"]),
            ["delete_", "schema_", "tasks"]
        );
    }

    #[test]
    fn every_name_is_an_identifier() {
        assert_eq!(claimed(TAKEN_TYPES, &["", "1", "a-b", "é"]), ["_", "_1", "_ab", "__"]);
    }

    #[test]
    fn model_types_come_before_derived_ones() {
        let schema = super::super::tests::schema(
            r#"{"notes":{"fields":{
                "create":{"type":"enum","enumValues":["a"],"isOptional":false,"isIndexed":false}
                },"relations":{}},
                "notesCreate":{"fields":{},"relations":{}},"delete":{"fields":{},"relations":{}}}"#,
        );
        let shapes = crate::shape::Shapes::new(&schema);
        let names = model_names(&shapes.rows);
        let text = |ident: &Ident| ident.0.to_string();
        assert_eq!(text(&names[0].row), "Notes");
        assert_eq!(text(&names[1].row), "NotesCreate");
        assert_eq!(text(&names[0].create), "NotesCreate_");
        assert_eq!(text(&names[0].enums[0]), "NotesCreate__");
        assert_eq!(text(&names[2].row), "Delete");
        assert_eq!(text(&names[2].constant), "delete_");
    }
}
