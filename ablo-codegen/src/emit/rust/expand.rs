//! What the macros print: the same tables as in generated files, beside types that the user wrote.
//!
//! Names and types come as the text of tokens that rustc has read; everything else is decided and escaped as for a file.

use super::ident::{Accessors, Ident, Variants, Written};
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
    /// The models.
    pub models: &'s [SchemaModel],
    /// Kind, field, and whether that holds a list.
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

/// The table of the model at this position of a schema.
#[must_use]
pub fn print_model(schema: &schema::Schema, at: usize, written: &Model<'_>) -> String {
    let shapes = Shapes::new(schema);
    let mut out = Writer::default();
    if let Some(row) = shapes.rows.get(at) {
        let names = ModelNames {
            row: Ident::written(written.name),
            patch: Ident::written(&format!("{}Patch", written.name.trim_start_matches("r#"))),
            fields: written.fields.iter().map(field_names).collect(),
            targets: written.targets.iter().map(|target| Written::new(target)).collect(),
        };
        print_table(&mut out, &Written::new(written.visibility), row, &names);
    }
    out.finish()
}

fn field_names(field: &Field) -> FieldNames {
    FieldNames {
        field: Ident::written(&field.name),
        token: Ident::constant(field.name.trim_start_matches("r#")),
        value: ValueType::Written(Written::new(&field.value)),
    }
}

/// Uses the tokens of fields that relations name on the other side: rustc looks whether they are there.
#[must_use]
pub fn print_foreign_keys(model: &schema::Model, targets: &[String]) -> String {
    let mut out = Writer::default();
    let targets: Vec<Written> = targets.iter().map(|target| Written::new(target)).collect();
    print_relation_checks(&mut out, model, &targets);
    out.finish()
}

/// The implementations of an enum, and the enum where it is to be printed.
#[must_use]
pub fn print_enum(written: &Enumeration) -> String {
    let mut out = Writer::default();
    let name = Ident::written(&written.name);
    let print_variants = |out: &mut Writer| {
        for (variant, value) in &written.variants {
            out.put(&[&Ident::written(variant), &" = ", &Str(value), &", "]);
        }
        out.line(&[&"} }"]);
    };
    match &written.visibility {
        Some(visibility) => {
            out.put(&[
                &"::ablo::__private::open_enum! { ",
                &Written::new(visibility),
                &" enum ",
                &name,
                &" { ",
            ]);
        }
        None => {
            let other = Ident::written(written.other.as_deref().unwrap_or("Unrecognized"));
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
    let models: Vec<(Ident, Written)> = written
        .models
        .iter()
        .map(|model| {
            let last = model.path.rsplit("::").next().unwrap_or(&model.path).trim();
            (variants.value(last.trim_start_matches("r#")), Written::new(&model.path))
        })
        .collect();
    let mut accessors = Accessors::default();
    let accessors: Vec<Ident> =
        written.models.iter().map(|model| accessor(model, &mut accessors)).collect();
    print_definition(
        &mut out,
        &Definition {
            attributes: &Written::new(written.attributes),
            visibility: &Written::new(written.visibility),
            name: &Ident::written(written.name),
            hashes: written.hashes,
            deltas: &Ident::written(&format!("{}Delta", written.name.trim_start_matches("r#"))),
            client: &Ident::written(&format!("{}Client", written.name.trim_start_matches("r#"))),
            models: &models,
            accessors: &accessors,
            roles: written.roles,
        },
    );
    for model in written.models {
        if let Method::Assumed { plural, default } = &model.method {
            print_key_check(&mut out, &model.path, plural, default);
        }
    }
    out.finish()
}

fn accessor(model: &SchemaModel, accessors: &mut Accessors) -> Ident {
    match &model.method {
        Method::Written(method) => Ident::written(method),
        Method::Key(key) | Method::Assumed { plural: key, .. } => accessors.model(key),
    }
}

/// ```text
/// ::ablo::__private::check_key! { Person, "persons", "person" }
/// ```
fn print_key_check(out: &mut Writer, path: &str, plural: &str, default: &str) {
    out.line(&[
        &"::ablo::__private::check_key! { ",
        &Written::new(path),
        &", ",
        &Str(plural),
        &", ",
        &Str(default),
        &" }",
    ]);
}
