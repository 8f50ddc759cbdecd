//! What the macros print: the same tables as in generated files, beside types that the user wrote.
//!
//! Names and types come as the text of tokens that rustc has read; everything else is decided and escaped as for a file.

use super::ident::{Accessors, Ident, UserTokens, Variants};
use super::model::{print_relation_checks, print_table};
use super::names::{FieldNames, ModelNames, ValueType};
use super::schema::{Definition, print_definition};
use super::writer::{Str, Writer};
use crate::shape::Shapes;
use ablo_schema::schema;

/// A field as the user wrote it.
pub struct Field {
    /// Its identifier.
    pub name: String,
    /// The tokens of its type, without `Option`.
    pub value: String,
}

/// A model as the user wrote it.
pub struct Model<'m> {
    /// The tokens of its visibility.
    pub visibility: &'m str,
    /// Its identifier.
    pub name: &'m str,
    /// Its fields.
    pub fields: &'m [Field],
    /// The tokens of each relation's target, in schema order.
    pub targets: &'m [String],
}

/// An enum as the user wrote it.
pub struct Enumeration {
    /// The tokens of its visibility, where the enum itself is to be printed too.
    pub visibility: Option<String>,
    /// Its identifier.
    pub name: String,
    /// The variant that keeps other values, where the user wrote one.
    pub other: Option<String>,
    /// Variants and their values.
    pub variants: Vec<(String, String)>,
}

/// A schema as the user defined it.
pub struct Schema<'s> {
    /// The tokens of its attributes and docs.
    pub attributes: &'s str,
    /// The tokens of its visibility.
    pub visibility: &'s str,
    /// Its identifier.
    pub name: &'s str,
    /// `schemaHash` and `contentHash`, where the whole schema is known.
    pub hashes: Option<(&'s str, &'s str)>,
    /// The tokens of each model's type.
    pub models: &'s [String],
    /// The key of each model, after which a client has its rows.
    pub keys: &'s [String],
    /// Kind, field, and whether that holds a list.
    pub roles: &'s [(String, String, bool)],
}

/// The table of the model at this position of a schema.
#[must_use]
pub fn print_model(schema: &schema::Schema, at: usize, written: &Model<'_>) -> String {
    let shapes = Shapes::new(schema);
    let mut out = Writer::default();
    if let Some(row) = shapes.rows.get(at) {
        let names = ModelNames {
            row: Ident::verbatim(written.name),
            patch: Ident::verbatim(&format!("{}Patch", written.name.trim_start_matches("r#"))),
            fields: written.fields.iter().map(field_names).collect(),
            targets: written.targets.iter().map(|target| UserTokens::new(target)).collect(),
        };
        print_table(&mut out, &UserTokens::new(written.visibility), row, &names);
    }
    out.finish()
}

fn field_names(field: &Field) -> FieldNames {
    FieldNames {
        field: Ident::verbatim(&field.name),
        token: Ident::constant(field.name.trim_start_matches("r#")),
        value: ValueType::User(UserTokens::new(&field.value)),
    }
}

/// Uses the tokens of fields that relations name on the other side: rustc looks whether they are there.
#[must_use]
pub fn print_foreign_keys(model: &schema::Model, targets: &[String]) -> String {
    let mut out = Writer::default();
    let targets: Vec<UserTokens> = targets.iter().map(|target| UserTokens::new(target)).collect();
    print_relation_checks(&mut out, model, &targets);
    out.finish()
}

/// The implementations of an enum, and the enum where it is to be printed.
#[must_use]
pub fn print_enum(written: &Enumeration) -> String {
    let mut out = Writer::default();
    let name = Ident::verbatim(&written.name);
    let print_variants = |out: &mut Writer| {
        for (variant, value) in &written.variants {
            out.put(&[&Ident::verbatim(variant), &" = ", &Str(value), &", "]);
        }
        out.line(&[&"} }"]);
    };
    match &written.visibility {
        Some(visibility) => {
            out.put(&[
                &"::ablo::__private::open_enum! { ",
                &UserTokens::new(visibility),
                &" enum ",
                &name,
                &" { ",
            ]);
        }
        None => {
            let other = Ident::verbatim(written.other.as_deref().unwrap_or("Unrecognized"));
            out.put(&[&"::ablo::__private::open_enum_impls! { ", &name, &" ", &other, &" { "]);
        }
    }
    print_variants(&mut out);
    out.finish()
}

/// The type of a schema, with its descriptor.
#[must_use]
pub fn print_schema(written: &Schema<'_>) -> String {
    let mut out = Writer::default();
    let mut variants = Variants::new();
    let models: Vec<(Ident, UserTokens)> = written
        .models
        .iter()
        .map(|model| {
            let last = model.rsplit("::").next().unwrap_or(model).trim();
            (variants.value(last.trim_start_matches("r#")), UserTokens::new(model))
        })
        .collect();
    let mut accessors = Accessors::default();
    let accessors: Vec<Ident> = written.keys.iter().map(|key| accessors.model(key)).collect();
    print_definition(
        &mut out,
        &Definition {
            attributes: &UserTokens::new(written.attributes),
            visibility: &UserTokens::new(written.visibility),
            name: &Ident::verbatim(written.name),
            hashes: written.hashes,
            deltas: &Ident::verbatim(&format!("{}Delta", written.name.trim_start_matches("r#"))),
            client: &Ident::verbatim(&format!("{}Client", written.name.trim_start_matches("r#"))),
            models: &models,
            accessors: &accessors,
            roles: written.roles,
        },
    );
    out.finish()
}
