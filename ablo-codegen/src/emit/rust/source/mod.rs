//! Prints a validated schema as Rust source for people to edit.
//!
//! The source has structs with `#[derive(AbloModel)]`, enums and `define_schema!`, and is
//! maintained by hand afterwards. Default values are omitted. The printed source is read back, and
//! every difference is reported as a [`Difference`], because Rust source cannot express everything
//! that Schema JSON can.

mod attribute;
mod casing;
mod compare;
mod enumeration;
mod field;
mod model;
mod names;
mod relation;
mod shape;

use super::ident::{Accessors, Ident};
use super::writer::{RUSTFMT_WIDTH, Str, Token, Word, Writer};
use ablo_schema::Hashes;
use ablo_schema::front::rust::casing::{lower_camel, plural_key_of};
use ablo_schema::front::rust::file;
use ablo_schema::schema::{Model, Role, Schema};
use names::Names;

/// A schema as Rust source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The source text of one file.
    pub text: String,
    /// The members that the source cannot express or expresses differently, in schema order.
    pub differences: Vec<Difference>,
    /// Whether `contentHash` is unchanged. It changes if there are differences, or if the author of
    /// the JSON wrote default values such as `"load": "instant"`.
    pub same_hash: bool,
}

/// A member that Rust source cannot express.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The JSON pointer into Schema JSON.
    pub pointer: String,
    /// The message, with names in backticks.
    pub message: String,
}

/// Prints a schema as Rust source.
///
/// ```
/// let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"typename":"Task","mutable":true,
///     "relations":{},"fields":{
///     "title":{"type":"string","isOptional":false,"isIndexed":true}}}}}"#;
/// let schema = ablo_schema::front::json::read(text).schema.unwrap();
/// let printed = ablo_codegen::emit::rust::source::print(&schema);
/// assert!(printed.text.contains("#[ablo(key = \"tasks\", mutable)]\npub struct Task {\n"));
/// assert!(printed.text.contains("\n    #[ablo(indexed)]\n    pub title: String,\n}"));
/// assert!(printed.differences.is_empty() && printed.same_hash);
/// ```
#[must_use]
pub fn print(schema: &Schema) -> Printed {
    let text = text(schema);
    let read = file::read(&text);
    match &read.schema {
        Some(after) => {
            let same_hash = Hashes::of(schema).content == Hashes::of(after).content;
            Printed { differences: compare::differences(schema, after), same_hash, text }
        }
        // For example, the source is too large for its reader.
        None => {
            let why = read.diagnostics.iter().map(|one| Difference {
                pointer: String::new(),
                message: format!("the printed source cannot be read back: {}", one.message),
            });
            Printed { differences: why.collect(), same_hash: false, text }
        }
    }
}

/// Prints `use`, each model with its enums, and the schema.
fn text(schema: &Schema) -> String {
    let names = Names::new(schema);
    let mut out = Writer::default();
    out.line(&[&"use ablo::{", &list(names.imports()), &"};"]);
    if names.holds("JsonSchema") {
        out.line(&[&"use schemars::JsonSchema;"]);
        out.line(&[&"use serde::{Deserialize, Serialize};"]);
    }
    if names.holds("Value") {
        out.line(&[&"use serde_json::Value;"]);
    }
    for (model, own) in schema.models().iter().zip(names.models()) {
        model::print(&mut out, model, own, &names);
        for enumeration in own.fields.iter().filter_map(|field| field.enumeration.as_ref()) {
            enumeration::print(&mut out, enumeration);
        }
        own.fields
            .iter()
            .flat_map(|field| &field.shape)
            .for_each(|item| shape::print(&mut out, item));
    }
    print_definition(&mut out, schema, &names);
    out.finish()
}

fn print_definition(out: &mut Writer, schema: &Schema, names: &Names) {
    out.line(&[]);
    out.line(&[&"define_schema! {"]);
    let mut accessors = Accessors::default();
    let models = schema.models().iter().zip(names.models());
    let models: Vec<Word> =
        models.map(|(model, own)| listed(model, &own.ident, &mut accessors)).collect();
    print_list(out, &Word::new(&[&"pub schema ", names.schema()]), &models);
    let roles: Vec<Word> = schema.identity_roles().iter().filter_map(role).collect();
    if !roles.is_empty() {
        print_list(out, &Word::new(&[&"roles"]), &roles);
    }
    out.line(&[&"}"]);
}

/// `Task`, or `people: Person` if the plural of the type name is not the key.
fn listed(model: &Model, ident: &Ident, accessors: &mut Accessors) -> Word {
    let method = accessors.model(model.key.as_str());
    if method == Ident::field(&plural_key_of(ident.plain())) {
        Word::new(&[ident])
    } else {
        Word::new(&[&method, &": ", ident])
    }
}

/// Returns `org: organization_id`, or `None` if the kind or field is not an identifier.
fn role(role: &Role) -> Option<Word> {
    let kind = casing::word(role.kind.as_str())?;
    let field = casing::camel(&role.source.field)?;
    Some(Word::new(&[&kind, &": ", &field, &if role.source.multi { "[]" } else { "" }]))
}

/// Prints `name { a, b }` on one line if it fits, else one item per line.
fn print_list(out: &mut Writer, name: &Word, items: &[Word]) {
    let width: usize = items.iter().map(|item| item.len() + 2).sum();
    if items.is_empty() {
        out.line(&[&"    ", name, &" {}"]);
    } else if name.len() + width + 8 <= RUSTFMT_WIDTH {
        out.line(&[&"    ", name, &" { ", &list(items.iter()), &" }"]);
    } else {
        out.line(&[&"    ", name, &" {"]);
        items.iter().for_each(|item| out.line(&[&"        ", item, &","]));
        out.line(&[&"    }"]);
    }
}

/// Joins tokens with commas.
fn list<'t, T: Token + 't>(items: impl Iterator<Item = &'t T>) -> Word {
    let words: Vec<Word> = items
        .enumerate()
        .map(|(at, item)| Word::new(&[&if at > 0 { ", " } else { "" }, item]))
        .collect();
    let tokens: Vec<&dyn Token> = words.iter().map(|word| word as &dyn Token).collect();
    Word::new(&tokens)
}

/// Returns a name as an identifier or string, if the reader converts it back to the same name.
fn named(name: &str) -> Option<Word> {
    match casing::camel(name) {
        Some(ident) => Some(Word::new(&[&ident])),
        None => (lower_camel(name) == name).then(|| Word::new(&[&Str(name)])),
    }
}
