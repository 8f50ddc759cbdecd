//! Builds a subject with sample values from a schema.

use super::Subject;
use ablo_schema::Schema;
use ablo_schema::schema::{Field, FieldKind, Format, Model, Tenancy};
use serde_json::{Map, Value, json};

/// The fields that the endpoint fills.
const BASE_FIELDS: [&str; 5] = ["id", "createdAt", "updatedAt", "createdBy", "organizationId"];

impl Subject {
    /// Builds a subject for a model of a schema, or for the first suitable model if `model` is
    /// `None`. All fields get a value, except optional ones that need a specific value.
    ///
    /// # Errors
    /// Returns an error if there is no such model, if it has no text field that can be changed, or
    /// if a required field needs a specific value.
    ///
    /// ```
    /// # let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},"mutable":true,
    /// #     "fields":{"title":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
    /// # let schema = ablo_schema::front::json::read(text).schema.unwrap();
    /// let subject = ablo_source::kit::Subject::of("sk_test_example", &schema, None).unwrap();
    /// assert_eq!((subject.model.as_str(), subject.text.as_str()), ("tasks", "title"));
    /// ```
    pub fn of(key: &str, schema: &Schema, model: Option<&str>) -> Result<Self, String> {
        let Some(named) = model else {
            let suitable = schema
                .models()
                .iter()
                .filter(|model| model.mutable)
                .find_map(|model| subject_of(key, model).ok());
            return suitable.ok_or_else(|| "no mutable model can be given sample rows".to_owned());
        };
        let model =
            schema.model(named).ok_or_else(|| format!("the schema has no model `{named}`"))?;
        subject_of(key, model)
    }
}

fn subject_of(key: &str, model: &Model) -> Result<Subject, String> {
    let is_foreign_key =
        |field: &Field| model.belongs_to().any(|relation| relation.foreign_key == field.name);
    let is_declared = |field: &&Field| {
        !BASE_FIELDS.contains(&field.name.as_str())
            && model.tenancy_column().is_none_or(|column| *column != field.column)
    };
    let is_plain_text = |field: &Field| {
        field.kind == FieldKind::String
            && field.facets.format.is_none()
            && !field.facets.unique
            && !is_foreign_key(field)
    };
    let fields: Vec<&Field> = model.fields.iter().filter(is_declared).collect();
    let text = fields.iter().filter(|field| is_plain_text(field));
    let text = text.min_by_key(|field| field.optional);
    let text = text.ok_or_else(|| {
        format!("`{}` has no plain text field that the checks can change", model.key)
    })?;
    let mut row = Map::new();
    for field in &fields {
        // All rows of a run have the same values, so unique fields cannot be filled.
        let is_specific = field.facets.unique || field.facets.shape.is_some();
        let value = match (field.optional, is_specific || is_foreign_key(field)) {
            (true, true) => continue,
            (false, true) if is_specific => {
                return Err(format!(
                    "the required field `{}.{}` needs a specific value",
                    model.key, field.name
                ));
            }
            (false, true) => json!(uuid::Uuid::new_v4().hyphenated().to_string()),
            _ => sample_value(&field.kind, field.facets.format),
        };
        row.insert(field.name.to_string(), value);
    }
    let mut subject = Subject::new(key, model.key.as_str(), row);
    text.name.as_str().clone_into(&mut subject.text);
    subject.isolated = model.tenancy != Tenancy::None;
    Ok(subject)
}

/// Returns a value with one textual form that existing tables can store: a whole number, a date
/// without a time.
fn sample_value(kind: &FieldKind, format: Option<Format>) -> Value {
    match (kind, format) {
        (FieldKind::String, Some(Format::Uuid)) => {
            json!(uuid::Uuid::new_v4().hyphenated().to_string())
        }
        (FieldKind::String, Some(Format::Decimal { digits })) => {
            let (precision, scale) = digits.unwrap_or((2, 1));
            let whole = if precision > scale { "1" } else { "0" };
            let point = if scale > 0 { "." } else { "" };
            json!(format!("{whole}{point}{}", "5".repeat(usize::from(scale))))
        }
        (FieldKind::String, Some(_)) => json!("42"),
        (FieldKind::String, None) => json!("kit"),
        (FieldKind::Number, Some(Format::Float)) => json!(1.5),
        (FieldKind::Number, _) => json!(7),
        (FieldKind::Boolean, _) => json!(true),
        (FieldKind::Date, _) => json!("2026-01-02T00:00:00.000Z"),
        (FieldKind::Enum(values), _) => json!(values.first()),
        (FieldKind::Json, _) => json!({ "kit": [1, null, "a"] }),
    }
}
