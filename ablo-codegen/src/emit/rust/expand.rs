//! Prints the output of the macros: the same tables as in generated files, for types that the user
//! wrote.
//!
//! Names and types are tokens that rustc has parsed. Everything else is computed and escaped as for
//! a file.

use super::ident::{Accessors, Ident, UserTokens, Variants};
use super::model::{print_relation_checks, print_table};
use super::names::{FieldNames, ModelNames, ValueType};
use super::schema::{Definition, print_definition};
use super::writer::{Str, Writer};
use crate::shape::Shapes;
use ablo_schema::schema;

/// A field of a user's struct.
pub struct Field {
    /// The identifier.
    pub name: String,
    /// The tokens of its type, without `Option`.
    pub value: String,
}

/// A user's model struct.
pub struct Model<'m> {
    /// The tokens of the runtime crate's path.
    pub root: &'m str,
    /// The tokens of the visibility.
    pub visibility: &'m str,
    /// The identifier.
    pub name: &'m str,
    /// The fields.
    pub fields: &'m [Field],
    /// The tokens of each relation's target, in schema order.
    pub targets: &'m [String],
}

/// A user's enum.
pub struct Enumeration {
    /// The tokens of the runtime crate's path.
    pub root: String,
    /// The tokens of the visibility, if the enum itself is printed too.
    pub visibility: Option<String>,
    /// The identifier.
    pub name: String,
    /// The variant for unknown values, if the user declared one.
    pub other: Option<String>,
    /// The variants and their values.
    pub variants: Vec<(String, String)>,
}

/// A user's schema definition.
pub struct Schema<'s> {
    /// The tokens of the runtime crate's path.
    pub root: &'s str,
    /// The tokens of the attributes and docs.
    pub attributes: &'s str,
    /// The tokens of the visibility.
    pub visibility: &'s str,
    /// The identifier.
    pub name: &'s str,
    /// `schemaHash` and `contentHash`, if the whole schema is known.
    pub hashes: Option<(&'s str, &'s str)>,
    /// The models.
    pub models: &'s [SchemaModel],
    /// The kind, the field, and whether the field is a list.
    pub roles: &'s [(String, String, bool)],
}

/// A model of a schema that the user defined.
pub struct SchemaModel {
    /// The tokens of its type.
    pub path: String,
    /// The client's method for it.
    pub method: Method,
}

/// How the name of the client's method for a model is chosen.
pub enum Method {
    /// The identifier that the user wrote.
    Written(String),
    /// This text, in the form of a key, in snake case.
    Key(String),
    /// The same for a model whose key is unknown. The expansion checks that the key is `plural` or
    /// `default`.
    Assumed {
        /// The plural of the default key, which names the method.
        plural: String,
        /// The key of a model that does not set one.
        default: String,
    },
}

/// Prints the table of the model at this index of a schema.
#[must_use]
pub fn print_model(schema: &schema::Schema, at: usize, model: &Model<'_>) -> String {
    let shapes = Shapes::new(schema);
    let mut out = Writer::with_root(model.root);
    if let Some(row) = shapes.rows.get(at) {
        let derived =
            |suffix| Ident::verbatim(&format!("{}{suffix}", model.name.trim_start_matches("r#")));
        let names = ModelNames {
            row: Ident::verbatim(model.name),
            patch: derived("Patch"),
            create: derived("Create"),
            fields: model.fields.iter().map(field_names).collect(),
            targets: model.targets.iter().map(|target| UserTokens::new(target)).collect(),
        };
        print_table(&mut out, &UserTokens::new(model.visibility), row, &names);
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

/// Prints uses of the foreign-key tokens of relations' targets, so that rustc checks that the
/// fields exist.
#[must_use]
pub fn print_foreign_keys(model: &schema::Model, targets: &[String]) -> String {
    let mut out = Writer::default();
    let targets: Vec<UserTokens> = targets.iter().map(|target| UserTokens::new(target)).collect();
    print_relation_checks(&mut out, model, &targets);
    out.finish()
}

/// Prints the implementations of an enum, and the enum itself if it has a visibility.
#[must_use]
pub fn print_enum(enumeration: &Enumeration) -> String {
    let mut out = Writer::with_root(&enumeration.root);
    let name = Ident::verbatim(&enumeration.name);
    let print_variants = |out: &mut Writer| {
        for (variant, value) in &enumeration.variants {
            out.put(&[&Ident::verbatim(variant), &" = ", &Str(value), &", "]);
        }
        out.line(&[&"} }"]);
    };
    match &enumeration.visibility {
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
            let other = Ident::verbatim(enumeration.other.as_deref().unwrap_or("Unrecognized"));
            out.put(&[&"::ablo::__private::open_enum_impls! { ", &name, &" ", &other, &" { "]);
        }
    }
    print_variants(&mut out);
    out.finish()
}

/// Prints the type of a schema and its descriptor.
#[must_use]
pub fn print_schema(definition: &Schema<'_>) -> String {
    let mut out = Writer::with_root(definition.root);
    let mut variants = Variants::new();
    let models: Vec<(Ident, UserTokens)> = definition
        .models
        .iter()
        .map(|model| {
            let last = model.path.rsplit("::").next().unwrap_or(&model.path).trim();
            (variants.value(last.trim_start_matches("r#")), UserTokens::new(&model.path))
        })
        .collect();
    let mut accessors = Accessors::default();
    let accessors: Vec<Ident> =
        definition.models.iter().map(|model| accessor(model, &mut accessors)).collect();
    print_definition(
        &mut out,
        &Definition {
            attributes: &UserTokens::new(definition.attributes),
            visibility: &UserTokens::new(definition.visibility),
            name: &Ident::verbatim(definition.name),
            hashes: definition.hashes,
            deltas: &Ident::verbatim(&format!("{}Delta", definition.name.trim_start_matches("r#"))),
            client: &Ident::verbatim(&format!(
                "{}Client",
                definition.name.trim_start_matches("r#")
            )),
            models: &models,
            accessors: &accessors,
            roles: definition.roles,
        },
    );
    for model in definition.models {
        if let Method::Assumed { plural, default } = &model.method {
            print_key_check(&mut out, &model.path, plural, default);
        }
    }
    out.finish()
}

fn accessor(model: &SchemaModel, accessors: &mut Accessors) -> Ident {
    match &model.method {
        Method::Written(method) => Ident::verbatim(method),
        Method::Key(key) | Method::Assumed { plural: key, .. } => accessors.model(key),
    }
}

/// ```text
/// ::ablo::__private::check_key! { Person, "persons", "person" }
/// ```
fn print_key_check(out: &mut Writer, path: &str, plural: &str, default: &str) {
    out.line(&[
        &"::ablo::__private::check_key! { ",
        &UserTokens::new(path),
        &", ",
        &Str(plural),
        &", ",
        &Str(default),
        &" }",
    ]);
}
