//! JSON Schema 2020-12 of rows, creates and patches.
//!
//! Objects are open because a newer writer may know more fields, and enums are open too: they are
//! strings with today's values as `examples`, because generators of clients make types of unions
//! that no value fits. A required field is never null; an optional one may be null or absent. In a
//! patch, an absent field is unchanged and null clears it. Formats are those that readers have in
//! common: validators refuse others.

use super::author::{plain_schema, shaped};
use super::names::{ComponentName, ModelNames, Ref};
use super::template::{Fragment, RepeatedText};
use super::write::Object;
use crate::shape::{BaseField, BaseKind, FieldShape, Preset, RowShape, digits_pattern, tree};
use ablo_schema::schema::{ColumnType, Facets, Field, FieldKind, Format, ScalarType};
use serde::Deserialize;
use serde_json::{Value, json};

/// The differences between the documents of the two targets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Refers to an enum.
    pub(crate) refer: for<'n> fn(&'n ComponentName) -> Ref<'n>,
    /// The values of enums.
    pub(crate) enums: Enums,
    /// Whether keywords may be written that JSON Schema does not have. Its validators refuse them.
    pub(crate) extensions: bool,
}

/// The values of enums in a document.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Enums {
    /// Any string.
    #[default]
    Open,
    /// Those of the schema.
    Closed,
}

impl Enums {
    /// The option of targets.
    pub(crate) const OPTION: (&'static str, &'static str) =
        ("enums", "`open` or `closed`: whether enums admit values of later versions; default open");
}

/// Writes the schemas of rows, model by model. Text that models have in common is printed once.
#[derive(Debug)]
pub(crate) struct RowSchemas {
    style: Style,
    kinds: Kinds,
    base: RepeatedText,
    /// The members of every enum.
    enums: Fragment,
}

impl RowSchemas {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            kinds: Kinds::new(|member, plain| member.fragment(plain)),
            base: RepeatedText::default(),
            enums: Fragment::inline(|schema| {
                if style.enums == Enums::Open {
                    schema.string("description", "Values may be added.");
                }
                schema.string("type", "string");
            }),
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
        let mut fields = Fields { shape, names, text: RepeatedText::default() };
        let fields = &mut fields;
        schemas.inline(names.row.as_str(), |schema| self.row(schema, fields));
        schemas.inline(names.create.as_str(), |schema| self.create(schema, fields));
        schemas.inline(names.patch.as_str(), |schema| self.patch(schema, fields));
        if let Some(relative) = &names.relative {
            schemas.inline(relative.as_str(), |schema| self::relative(schema, shape));
        }
        for (field, name) in with_enums(shape, names) {
            if let (FieldKind::Enum(values), Some(name)) = (&field.kind, name) {
                schemas.inline(name.as_str(), |schema| self.enumeration(schema, values));
            }
        }
    }

    fn enumeration(&self, schema: &mut Object<'_>, values: &[impl AsRef<str>]) {
        let keyword = match self.style.enums {
            Enums::Closed => "enum",
            Enums::Open => "examples",
        };
        schema.fragment(&self.enums);
        schema.inline_array(keyword, |known| {
            values.iter().for_each(|value| known.string(value.as_ref()));
        });
    }

    /// Writes the schema of a row.
    fn row(&mut self, schema: &mut Object<'_>, fields: &mut Fields<'_>) {
        let shape = fields.shape;
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
        schema.lines("properties", |properties| {
            if shape.base.iter().all(|base| base.declared.is_none()) {
                let mut base = std::mem::take(&mut self.base);
                properties.repeat(&mut base, |properties| self.base_fields(properties, shape));
                self.base = base;
            } else {
                self.base_fields(properties, shape);
            }
            self.repeat(properties, fields);
        });
    }

    /// Writes the schema of the `data` of a create. The row's `id` is outside of `data`, and the
    /// server fills the other base fields.
    fn create(&self, schema: &mut Object<'_>, fields: &mut Fields<'_>) {
        let shape = fields.shape;
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
        schema.lines("properties", |properties| {
            // Defaults apply only to creates: in a row or a patch an absent field has another
            // meaning.
            if shape.fields.iter().any(|declared| declared.field.facets.default.is_some()) {
                self.fields(properties, shape, fields.names, true);
            } else {
                self.repeat(properties, fields);
            }
        });
    }

    /// Writes the schema of the `data` of an update.
    fn patch(&self, schema: &mut Object<'_>, fields: &mut Fields<'_>) {
        let key = fields.shape.model.key.as_str();
        schema.parts(
            "description",
            &["Changes to a row of `", key, "`. An absent field is unchanged, null clears it."],
        );
        schema.string("type", "object");
        schema.lines("properties", |properties| self.repeat(properties, fields));
    }

    fn repeat(&self, properties: &mut Object<'_>, Fields { shape, names, text }: &mut Fields<'_>) {
        properties.repeat(text, |properties| self.fields(properties, shape, names, false));
    }

    fn fields(
        &self,
        properties: &mut Object<'_>,
        shape: &RowShape<'_>,
        names: &ModelNames,
        defaults: bool,
    ) {
        for (field, enumeration) in with_enums(shape, names) {
            properties.inline(field.name.as_str(), |property| {
                match (enumeration, self.kinds.get(field, field.optional)) {
                    (Some(name), _) => self.refer(property, name, field.optional),
                    (None, Some(plain)) => property.fragment(plain),
                    (None, None) => self.field_type(property, field, field.optional),
                }
                let preset = Preset::of(field).filter(|_| defaults);
                let now = (preset == Some(Preset::Now)).then_some("The current time if omitted.");
                self.facets(property, &field.facets, referenced_key(shape, field), now);
                if let Some(Preset::Value(value)) = preset {
                    property.value("default", &tree(value));
                }
            });
        }
    }

    fn refer(&self, schema: &mut Object<'_>, name: &ComponentName, nullable: bool) {
        if !nullable {
            return schema.reference((self.style.refer)(name));
        }
        schema.inline_array("anyOf", |either| {
            either.refers((self.style.refer)(name));
            either.inline(|null| null.string("type", "null"));
        });
    }

    /// Writes the type of a field.
    fn field_type(&self, schema: &mut Object<'_>, field: &Field, nullable: bool) {
        let facets = &field.facets;
        match (facets.format, &facets.shape) {
            (Some(format), _) => exact(schema, format, nullable),
            (None, Some(shape)) => {
                let shape = plain_schema(tree(shape), self.style.extensions);
                shaped(schema, &shape, field, nullable);
            }
            (None, None) => {
                kind(schema, &field.kind, nullable);
                limits(schema, field);
            }
        }
    }

    fn base_fields(&self, properties: &mut Object<'_>, shape: &RowShape<'_>) {
        for field in &shape.base {
            properties.inline(field.base.name(), |property| {
                base_field_type(property, field.base, field.optional);
                if let Some(declared) = field.declared {
                    self.facets(property, &declared.facets, None, None);
                }
            });
        }
    }

    /// Writes the field's description, or one derived from its relation, plus notes.
    fn facets(
        &self,
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
        if facets.secret && self.style.extensions {
            property.boolean("x-ablo-secret", true);
        }
    }
}

/// The fields of a model, and their text in schemas that have no defaults.
struct Fields<'s> {
    shape: &'s RowShape<'s>,
    names: &'s ModelNames,
    text: RepeatedText,
}

/// Returns the fields of a model, each with the name of its enum.
pub(crate) fn with_enums<'s>(
    shape: &'s RowShape<'s>,
    names: &'s ModelNames,
) -> impl Iterator<Item = (&'s Field, Option<&'s ComponentName>)> {
    let mut enums = names.enums.iter();
    shape.fields.iter().map(move |FieldShape { field, .. }| {
        let name = matches!(field.kind, FieldKind::Enum(_)).then(|| enums.next()).flatten();
        (*field, name)
    })
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
        let Facets { format, shape, column_type, .. } = &field.facets;
        if format.is_some() || shape.is_some() || column_type.is_some() {
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

/// Writes the type of a field that has a format and no shape.
pub(crate) fn exact_type(schema: &mut Object<'_>, field: &Field) {
    match field.facets.format {
        Some(format) => exact(schema, format, false),
        None => {
            kind(schema, &field.kind, false);
            limits(schema, field);
        }
    }
}

/// Writes which texts the type of a column stores, where JSON Schema has a word for it.
fn limits(schema: &mut Object<'_>, field: &Field) {
    let scalar = field.facets.column_type.as_ref().and_then(ColumnType::scalar);
    let Some(scalar) = scalar.filter(|_| field.kind == FieldKind::String) else { return };
    match scalar {
        ScalarType::Varchar(Some(length)) | ScalarType::Char(length) => {
            schema.value("maxLength", &length.into());
        }
        ScalarType::Uuid => schema.string("format", "uuid"),
        ScalarType::Smallint | ScalarType::Integer | ScalarType::Bigint => {
            schema.string("pattern", "^(0|-?[1-9][0-9]*)$");
        }
        _ => {}
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
    if let Some(common) = common_format(format) {
        schema.string("format", common);
    }
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

/// Returns the format that readers know. Generated programs read an integer without one as 32 bits.
fn common_format(format: Format) -> Option<&'static str> {
    match format {
        Format::Int32 | Format::Float | Format::Uuid => Some(format.as_str()),
        Format::Uint32 => Some("int64"),
        Format::Int8 | Format::Int16 | Format::Uint8 | Format::Uint16 => None,
        Format::Int64 | Format::Uint64 | Format::Decimal { .. } => None,
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
    schema.lines("properties", |properties| {
        for field in shape.fields.iter().map(|shape| shape.field) {
            let facets = &field.facets;
            if facets.relative.is_empty() {
                continue;
            }
            properties.inline(field.name.as_str(), |property| {
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
            let items = items.filter(Value::is_object).unwrap_or_else(|| json!({}));
            schema.value("items", &plain_schema(items, false));
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
        // Enums are components of their own.
        FieldKind::Enum(_) => typed(schema, "string", nullable),
        FieldKind::Json => {}
    }
}

fn typed(schema: &mut Object<'_>, name: &str, nullable: bool) {
    if nullable {
        schema.strings("type", &[name, "null"]);
    } else {
        schema.string("type", name);
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
