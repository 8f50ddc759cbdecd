//! A schema as Rust that people write: a checked schema comes in, the source of its models goes out.
//!
//! It is no generated code: structs with `#[derive(AbloModel)]`, enums, `define_schema!`, to be kept and changed by hand.
//! Nothing is said that is so anyway. What was printed is read back, and [`Unsaid`] tells every place where that is
//! another schema: Rust cannot say everything that Schema JSON can.

mod attribute;
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
use ablo_schema::front::rust::file;
use ablo_schema::front::rust::words::{lower_camel, plural_key_of};
use ablo_schema::schema::{Model, Role, Schema};
use names::Names;

/// A schema in Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The source, one file.
    pub text: String,
    /// What it does not say, or says otherwise, in order of the schema.
    pub unsaid: Vec<Unsaid>,
    /// Whether `contentHash` is the same. It is not where something is unsaid, nor where the author of the JSON wrote what
    /// is so anyway, as in `"load": "instant"`.
    pub same_hash: bool,
}

/// Something that Rust cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// Where it stands, as a JSON pointer into Schema JSON.
    pub pointer: String,
    /// What it is, names in backticks.
    pub message: String,
}

/// Prints a schema as Rust.
///
/// ```
/// let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"typename":"Task","mutable":true,"relations":{},"fields":{
///     "title":{"type":"string","isOptional":false,"isIndexed":true}}}}}"#;
/// let schema = ablo_schema::front::json::read(text).schema.unwrap();
/// let printed = ablo_codegen::emit::rust::source::print(&schema);
/// assert!(printed.text.contains("#[ablo(key = \"tasks\", mutable)]\npub struct Task {\n    #[ablo(indexed)]\n    pub title: String,\n}"));
/// assert!(printed.unsaid.is_empty() && printed.same_hash);
/// ```
#[must_use]
pub fn print(schema: &Schema) -> Printed {
    let text = text(schema);
    let read = file::read(&text);
    match &read.schema {
        Some(after) => {
            let same_hash = Hashes::of(schema).content == Hashes::of(after).content;
            Printed { unsaid: compare::unsaid(schema, after), same_hash, text }
        }
        // Such as a source that is too large for its reader.
        None => {
            let why = read.diagnostics.iter().map(|one| Unsaid {
                pointer: String::new(),
                message: format!("the source is not read back: {}", one.message),
            });
            Printed { unsaid: why.collect(), same_hash: false, text }
        }
    }
}

/// `use`, each model with its enums, and the schema.
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

/// `org: organization_id`; none where the kind or the field is no identifier.
fn role(role: &Role) -> Option<Word> {
    let kind = names::word(role.kind.as_str())?;
    let field = names::camel(&role.source.field)?;
    Some(Word::new(&[&kind, &": ", &field, &if role.source.multi { "[]" } else { "" }]))
}

/// `name { a, b }` on one line where it fits, else one to a line.
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

/// Tokens with commas between them.
fn list<'t, T: Token + 't>(items: impl Iterator<Item = &'t T>) -> Word {
    let words: Vec<Word> = items
        .enumerate()
        .map(|(at, item)| Word::new(&[&if at > 0 { ", " } else { "" }, item]))
        .collect();
    let tokens: Vec<&dyn Token> = words.iter().map(|word| word as &dyn Token).collect();
    Word::new(&tokens)
}

/// The word of a name where a word or a text may stand, if its reader makes the same of it.
fn named(name: &str) -> Option<Word> {
    match names::camel(name) {
        Some(ident) => Some(Word::new(&[&ident])),
        None => (lower_camel(name) == name).then(|| Word::new(&[&Str(name)])),
    }
}
