//! A row to write about, made up from a schema.

use super::Subject;
use ablo_schema::Schema;
use ablo_schema::schema::{Field, FieldKind, Format, Model, Tenancy};
use serde_json::{Map, Value, json};

/// What whoever keeps the rows writes.
const OWN: [&str; 5] = ["id", "createdAt", "updatedAt", "createdBy", "organizationId"];

impl Subject {
    /// A subject for a model of a schema, or for the first that fits where none is named: a value for each field that has to have one,
    /// and for those that may.
    ///
    /// # Errors
    /// What is in the way: there is no such model, it has no text to change, or it must have something that cannot be made up.
    ///
    /// ```
    /// # let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},"mutable":true,"fields":{
    /// #     "title":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
    /// # let schema = ablo_schema::front::json::read(text).schema.unwrap();
    /// let subject = ablo::source::kit::Subject::of("sk_test_example", &schema, None).unwrap();
    /// assert_eq!((subject.model.as_str(), subject.text.as_str()), ("tasks", "title"));
    /// ```
    pub fn of(key: &str, schema: &Schema, model: Option<&str>) -> Result<Self, String> {
        let Some(named) = model else {
            let fits = schema
                .models()
                .iter()
                .filter(|model| model.mutable)
                .find_map(|model| about(key, model).ok());
            return fits.ok_or_else(|| {
                "no model that clients write has rows that can be made up".to_owned()
            });
        };
        let model =
            schema.model(named).ok_or_else(|| format!("the schema has no model `{named}`"))?;
        about(key, model)
    }
}

fn about(key: &str, model: &Model) -> Result<Subject, String> {
    let refers =
        |field: &Field| model.belongs_to().any(|relation| relation.foreign_key == field.name);
    let given = |field: &&Field| {
        !OWN.contains(&field.name.as_str())
            && model.tenancy_column().is_none_or(|column| *column != field.column)
    };
    let plain = |field: &Field| {
        field.kind == FieldKind::String
            && field.facets.format.is_none()
            && !field.facets.unique
            && !refers(field)
    };
    let fields: Vec<&Field> = model.fields.iter().filter(given).collect();
    let text = fields.iter().filter(|field| plain(field)).min_by_key(|field| field.optional);
    let text = text.ok_or_else(|| {
        format!("`{}` has no field of plain text that could be changed", model.key)
    })?;
    let mut row = Map::new();
    for field in &fields {
        // Rows of a run look alike, and nobody knows which others there are.
        let unknown = field.facets.unique || field.facets.shape.is_some();
        let value = match (field.optional, unknown || refers(field)) {
            (true, true) => continue,
            (false, true) if unknown => {
                return Err(format!(
                    "`{}.{}` has to have a value that cannot be made up",
                    model.key, field.name
                ));
            }
            (false, true) => json!(uuid::Uuid::new_v4().hyphenated().to_string()),
            _ => value(&field.kind, field.facets.format),
        };
        row.insert(field.name.to_string(), value);
    }
    let mut subject = Subject::new(key, model.key.as_str(), row);
    text.name.as_str().clone_into(&mut subject.text);
    subject.isolated = model.tenancy != Tenancy::None;
    Ok(subject)
}

/// A value that is written in one way only, and that tables hold which others made: a whole number, a day.
fn value(kind: &FieldKind, format: Option<Format>) -> Value {
    match (kind, format) {
        (FieldKind::String, Some(Format::Uuid)) => {
            json!(uuid::Uuid::new_v4().hyphenated().to_string())
        }
        (FieldKind::String, Some(Format::Decimal { digits })) => {
            let (all, behind) = digits.unwrap_or((2, 1));
            let whole = if all > behind { "1" } else { "0" };
            let point = if behind > 0 { "." } else { "" };
            json!(format!("{whole}{point}{}", "5".repeat(usize::from(behind))))
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
