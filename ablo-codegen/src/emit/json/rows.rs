//! JSON Schema 2020-12 of rows, creates and patches.
//!
//! Objects are open because a newer writer may know more fields, and enums are open too: they list
//! today's values and accept others. A required field is never null; an optional one may be null or
//! absent. In a patch, an absent field is unchanged and null clears it.

use super::names::ModelNames;
use super::template::{Fragment, RepeatedText};
use super::write::Object;
use crate::shape::{BaseField, BaseKind, FieldShape, Preset, RowShape, digits_pattern, tree};
use ablo_schema::schema::{Facets, Field, FieldKind, Format};
use serde_json::{Value, json};

/// Writes the schemas of rows, model by model. Text that models have in common is printed once.
#[derive(Debug)]
pub(crate) struct RowSchemas {
    kinds: Kinds,
    base: RepeatedText,
}

impl RowSchemas {
    pub(crate) fn new() -> Self {
        Self {
            kinds: Kinds::new(|member, plain| member.fragment(plain)),
            base: RepeatedText::default(),
        }
    }

    /// Writes the schemas of a model. They do not build on each other, because client
    /// generators lose the required fields of combined schemas.
    pub(crate) fn schemas(
        &mut self,
        schemas: &mut Object<'_>,
        shape: &RowShape<'_>,
        names: &ModelNames,
    ) {
        let fields = &mut RepeatedText::default();
        schemas.object(names.row.as_str(), |schema| self.row(schema, shape, fields));
        schemas.object(names.create.as_str(), |schema| self.create(schema, shape, fields));
        schemas.object(names.patch.as_str(), |schema| self.patch(schema, shape, fields));
        if let Some(relative) = &names.relative {
            schemas.object(relative.as_str(), |schema| self::relative(schema, shape));
        }
    }

    /// Writes the schema of a row.
    fn row(&mut self, schema: &mut Object<'_>, shape: &RowShape<'_>, repeat: &mut RepeatedText) {
        schema.parts("description", &["A row of `", shape.model.key.as_str(), "`."]);
        schema.string("type", "object");
        schema.inline_array("required", |required| {
            shape
                .base
                .iter()
                .filter(|base| !base.optional)
                .for_each(|base| required.string(base.base.name()));
            let declared =
                shape.fields.iter().map(|declared| declared.field).filter(|field| !field.optional);
            declared.for_each(|field| required.string(field.name.as_str()));
        });
        schema.object("properties", |properties| {
            if shape.base.iter().all(|base| base.declared.is_none()) {
                properties.repeat(&mut self.base, |properties| base_fields(properties, shape));
            } else {
                base_fields(properties, shape);
            }
            properties.repeat(repeat, |properties| self.fields(properties, shape, false));
        });
    }

    /// Writes the schema of the `data` of a create. The row's `id` is outside of `data`, and the
    /// server fills the other base fields.
    fn create(&self, schema: &mut Object<'_>, shape: &RowShape<'_>, repeat: &mut RepeatedText) {
        schema.parts(
            "description",
            &["The fields of a new row of `", shape.model.key.as_str(), "`."],
        );
        schema.string("type", "object");
        if shape.fields.iter().any(|declared| !declared.create_optional) {
            schema.inline_array("required", |required| {
                let needed = shape.fields.iter().filter(|declared| !declared.create_optional);
                needed.for_each(|declared| required.string(declared.field.name.as_str()));
            });
        }
        schema.object("properties", |properties| {
            // Defaults apply only to creates: in a row or a patch an absent field has another
            // meaning.
            if shape.fields.iter().any(|declared| declared.field.facets.default.is_some()) {
                self.fields(properties, shape, true);
            } else {
                properties.repeat(repeat, |properties| self.fields(properties, shape, false));
            }
        });
    }

    /// Writes the schema of the `data` of an update.
    fn patch(&self, schema: &mut Object<'_>, shape: &RowShape<'_>, repeat: &mut RepeatedText) {
        let key = shape.model.key.as_str();
        schema.parts(
            "description",
            &["Changes to a row of `", key, "`. An absent field is unchanged, null clears it."],
        );
        schema.string("type", "object");
        schema.object("properties", |properties| {
            properties.repeat(repeat, |properties| self.fields(properties, shape, false));
        });
    }

    fn fields(&self, properties: &mut Object<'_>, shape: &RowShape<'_>, defaults: bool) {
        for FieldShape { field, .. } in &shape.fields {
            properties.inline(field.name.as_str(), |property| {
                match self.kinds.get(field, field.optional) {
                    Some(plain) => property.fragment(plain),
                    None => field_type(property, field, field.optional),
                }
                let preset = Preset::of(field).filter(|_| defaults);
                let now = (preset == Some(Preset::Now)).then_some("The current time if omitted.");
                facets(property, &field.facets, referenced_key(shape, field), now);
                if let Some(Preset::Value(value)) = preset {
                    property.value("default", &tree(value));
                }
            });
        }
    }
}

/// The text of fields that depends only on their kind, printed once per kind.
#[derive(Debug)]
pub(crate) struct Kinds([[Fragment; 2]; 5]);

impl Kinds {
    const PLAIN: [FieldKind; 5] = [
        FieldKind::String,
        FieldKind::Number,
        FieldKind::Boolean,
        FieldKind::Date,
        FieldKind::Json,
    ];

    /// Prints the text of each kind. `write` gets the members of the kind's schema.
    pub(crate) fn new(write: impl Fn(&mut Object<'_>, &Fragment)) -> Self {
        Self(Self::PLAIN.each_ref().map(|plain| {
            [false, true].map(|nullable| {
                let members = Fragment::inline(|schema| kind(schema, plain, nullable));
                Fragment::inline(|out| write(out, &members))
            })
        }))
    }

    /// Returns the text of a field, or `None` for enums, formats and shapes, which differ between
    /// fields.
    pub(crate) fn get(&self, field: &Field, nullable: bool) -> Option<&Fragment> {
        let Self([text, number, boolean, date, json]) = self;
        if field.facets.format.is_some() || field.facets.shape.is_some() {
            return None;
        }
        let of_kind = match &field.kind {
            FieldKind::String => text,
            FieldKind::Number => number,
            FieldKind::Boolean => boolean,
            FieldKind::Date => date,
            FieldKind::Json => json,
            FieldKind::Enum(_) => return None,
        };
        Some(&of_kind[usize::from(nullable)])
    }
}

/// Writes the type of a base field.
pub(crate) fn base_field_type(schema: &mut Object<'_>, base: BaseField, nullable: bool) {
    typed(schema, "string", nullable);
    if base.kind() == BaseKind::Date {
        schema.string("format", "date-time");
    }
}

/// Writes the type of a field.
pub(crate) fn field_type(schema: &mut Object<'_>, field: &Field, nullable: bool) {
    let facets = &field.facets;
    match (facets.format, &facets.shape) {
        (Some(format), _) => exact(schema, format, nullable),
        (None, Some(shape)) => shaped(schema, &plain_schema(tree(shape)), field, nullable),
        (None, None) => kind(schema, &field.kind, nullable),
    }
}

fn exact(schema: &mut Object<'_>, format: Format, nullable: bool) {
    let bounds = format.bounds().filter(|_| format.is_number());
    let name = match (bounds, format.is_number()) {
        (Some(_), _) => "integer",
        (None, true) => "number",
        (None, false) => "string",
    };
    typed(schema, name, nullable);
    schema.string("format", format.as_str());
    // Formats that are numbers have at most 32 bits.
    if let Some((Ok(least), Ok(most))) =
        bounds.map(|(least, most)| (i64::try_from(least), i64::try_from(most)))
    {
        schema.value("minimum", &least.into());
        schema.value("maximum", &most.into());
    }
    if let Some(pattern) = digits_pattern(format) {
        schema.string("pattern", &pattern);
    }
}

/// Writes the schema of the relative changes of a row: for each field, one of its operations.
fn relative(schema: &mut Object<'_>, shape: &RowShape<'_>) {
    let key = shape.model.key.as_str();
    schema.parts(
        "description",
        &["Changes to a row of `", key, "` that start from the current values of its fields."],
    );
    schema.string("type", "object");
    schema.object("properties", |properties| {
        for field in shape.fields.iter().map(|shape| shape.field) {
            let facets = &field.facets;
            if facets.relative.is_empty() {
                continue;
            }
            properties.object(field.name.as_str(), |property| {
                if let Some(about) = &facets.description {
                    property.string("description", about);
                }
                property.string("type", "object");
                property.object("properties", |operations| {
                    for operation in &facets.relative {
                        operations.inline(operation.as_str(), |by| amount(by, field));
                    }
                });
                property.value("minProperties", &1.into());
                property.value("maxProperties", &1.into());
                property.boolean("additionalProperties", false);
            });
        }
    });
    schema.boolean("additionalProperties", false);
}

/// Writes the schema of the value by which a field is changed.
fn amount(schema: &mut Object<'_>, field: &Field) {
    match (&field.kind, field.facets.format) {
        (FieldKind::Json, _) => {
            schema.string("type", "array");
            let items = field.facets.shape.as_ref().map(tree).map(|shape| shape["items"].clone());
            if let Some(items) = items.filter(Value::is_object) {
                schema.value("items", &plain_schema(items));
            }
        }
        (FieldKind::Number, Some(format)) if format.bounds().is_some() => {
            schema.string("type", "integer");
        }
        (FieldKind::Number, _) => schema.string("type", "number"),
        (_, Some(Format::Int64 | Format::Uint64)) => {
            schema.string("type", "string");
            schema.string("pattern", "^(0|-?[1-9][0-9]*)$");
        }
        (_, Some(format)) => {
            schema.string("type", "string");
            if let Some(pattern) = digits_pattern(format) {
                schema.string("pattern", &pattern);
            }
        }
        (_, None) => schema.string("type", "string"),
    }
}

/// Writes the author's own schema, which validation has found to be self-contained.
fn shaped(schema: &mut Object<'_>, shape: &Value, field: &Field, nullable: bool) {
    if nullable {
        return schema.inline_array("anyOf", |either| {
            either.value(shape);
            either.inline(|null| null.string("type", "null"));
        });
    }
    let facets = &field.facets;
    let is_typed = shape["type"].as_str().is_some_and(|name| name != "null");
    let has_more =
        facets.description.is_some() || facets.deprecated.is_some() || facets.default.is_some();
    if is_typed && !has_more {
        return shape
            .as_object()
            .into_iter()
            .flatten()
            .for_each(|(name, member)| schema.value(name, member));
    }
    if !is_typed {
        schema.strings("type", &SOME_JSON);
    }
    schema.inline_array("allOf", |all| all.value(shape));
}

/// Replaces `true` and `false` in lists of schemas, which some OpenAPI readers do not accept there.
fn plain_schema(schema: Value) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    let as_object = |schema: Value| match schema {
        Value::Bool(true) => json!({}),
        Value::Bool(false) => json!({ "not": {} }),
        other => plain_schema(other),
    };
    for (name, member) in &mut members {
        let old = member.take();
        *member = match (name.as_str(), old) {
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(items)) => {
                items.into_iter().map(as_object).collect()
            }
            (
                "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                Value::Object(members),
            ) => members.into_iter().map(|(name, member)| (name, as_object(member))).collect(),
            (
                "not" | "if" | "then" | "else" | "contains" | "items" | "propertyNames"
                | "contentSchema",
                schema,
            ) => as_object(schema),
            ("additionalProperties" | "unevaluatedItems" | "unevaluatedProperties", schema) => {
                plain_schema(schema)
            }
            (_, other) => other,
        };
    }
    Value::Object(members)
}

/// All JSON types except null.
const SOME_JSON: [&str; 5] = ["object", "array", "string", "number", "boolean"];

/// Writes the type of a kind.
fn kind(schema: &mut Object<'_>, kind: &FieldKind, nullable: bool) {
    match kind {
        FieldKind::String => typed(schema, "string", nullable),
        FieldKind::Number => typed(schema, "number", nullable),
        FieldKind::Boolean => typed(schema, "boolean", nullable),
        FieldKind::Date => {
            typed(schema, "string", nullable);
            schema.string("format", "date-time");
        }
        FieldKind::Enum(values) => {
            schema.inline_array("anyOf", |either| {
                either.inline(|known| {
                    known.string("type", "string");
                    known.inline_array("enum", |known| {
                        values.iter().for_each(|value| known.string(value))
                    });
                });
                either.inline(|unknown| typed(unknown, "string", nullable));
            });
        }
        FieldKind::Json if nullable => {}
        FieldKind::Json => {
            schema.strings("type", &SOME_JSON);
        }
    }
}

fn typed(schema: &mut Object<'_>, name: &str, nullable: bool) {
    if nullable {
        schema.strings("type", &[name, "null"]);
    } else {
        schema.string("type", name);
    }
}

fn base_fields(properties: &mut Object<'_>, shape: &RowShape<'_>) {
    for field in &shape.base {
        properties.inline(field.base.name(), |property| {
            base_field_type(property, field.base, field.optional);
            if let Some(declared) = field.declared {
                facets(property, &declared.facets, None, None);
            }
        });
    }
}

/// Returns the key of the model that a foreign key refers to.
fn referenced_key<'s>(shape: &RowShape<'s>, field: &Field) -> Option<&'s str> {
    if field.kind != FieldKind::String {
        return None;
    }
    let edge = shape.model.belongs_to().find(|edge| edge.foreign_key == field.name)?;
    Some(edge.target.as_str())
}

const SECRET: &str = "Secret: absent from rows for readers whose operations do not name it.";

/// Writes the field's description, or one derived from its relation, plus notes.
fn facets(
    property: &mut Object<'_>,
    facets: &Facets,
    referenced_key: Option<&str>,
    more: Option<&str>,
) {
    let note = facets.deprecated.as_ref().and_then(|deprecated| deprecated.note.as_deref());
    let mut parts: Vec<&str> = match (facets.description.as_deref(), note, referenced_key) {
        (Some(about), Some(note), _) => vec![about, "\n\nDeprecated: ", note],
        (Some(about), None, _) => vec![about],
        (None, Some(note), _) => vec!["Deprecated: ", note],
        (None, None, Some(target)) => vec!["The id of a row of `", target, "`."],
        (None, None, None) => Vec::new(),
    };
    let secret = facets.secret.then_some(SECRET);
    for more in [secret, more].into_iter().flatten() {
        parts.extend((!parts.is_empty()).then_some("\n\n"));
        parts.push(more);
    }
    if !parts.is_empty() {
        property.parts("description", &parts);
    }
    if facets.deprecated.is_some() {
        property.boolean("deprecated", true);
    }
    if facets.secret {
        property.boolean("x-ablo-secret", true);
    }
}
