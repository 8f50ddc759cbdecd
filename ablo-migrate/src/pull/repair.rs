//! Removes from a pulled document what the rules of schemas refuse, until it is valid. Each part is
//! a finding with the message of the rule.

use crate::codes::PULL_LEFT_OUT;
use crate::error::Finding;
use ablo_schema::Severity;
use ablo_schema::front::json;
use serde_json::Value;
use std::collections::BTreeSet;

/// The members without which a field is no field of its type.
const ESSENTIAL: [&str; 4] = ["type", "isOptional", "column", "enumValues"];

/// A part of a document that can be left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Model(String),
    Tenancy(String),
    Relation(String, String),
    Field(String, String),
    Member(String, String, String),
}

/// Prints a document.
pub(super) fn print(document: &Value) -> String {
    // A `Value` always serialises.
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// Removes the parts that make a document invalid. Each pass removes at least one, so it ends.
pub(super) fn repair(document: &mut Value, findings: &mut Vec<Finding>) {
    loop {
        let text = print(document);
        let read = json::read(&text);
        let mut removed = BTreeSet::new();
        for located in json::locate(&text, &read.diagnostics) {
            if located.diagnostic.severity != Severity::Error {
                continue;
            }
            let Some(part) = part(&located.location.pointer) else { continue };
            if removed.contains(&part) {
                continue;
            }
            if let Some(what) = remove(document, &part) {
                let message = format!("{what} is left out: {}", located.diagnostic.message);
                findings.push(Finding::new(PULL_LEFT_OUT, message));
                removed.insert(part);
            }
        }
        if removed.is_empty() {
            return;
        }
    }
}

/// Returns the part to leave out for a fault at this place.
fn part(pointer: &str) -> Option<Part> {
    let unescaped = |segment: &str| segment.replace("~1", "/").replace("~0", "~");
    let path: Vec<String> = pointer.split('/').skip(1).map(unescaped).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let owned = str::to_owned;
    Some(match path.as_slice() {
        ["models", model, "relations", relation, ..] => {
            Part::Relation(owned(model), owned(relation))
        }
        ["models", model, "fields", field, member, ..] if !ESSENTIAL.contains(member) => {
            Part::Member(owned(model), owned(field), owned(member))
        }
        ["models", model, "fields", field, ..] => Part::Field(owned(model), owned(field)),
        ["models", model, "tenancy", ..] => Part::Tenancy(owned(model)),
        ["models", model, ..] => Part::Model(owned(model)),
        _ => return None,
    })
}

/// Removes a part, and describes it if it was there.
fn remove(document: &mut Value, part: &Part) -> Option<String> {
    let models = document.get_mut("models")?.as_object_mut()?;
    let (Part::Model(key)
    | Part::Tenancy(key)
    | Part::Relation(key, _)
    | Part::Field(key, _)
    | Part::Member(key, ..)) = part;
    let model = models.get_mut(key)?;
    let table = model.get("tableName").and_then(Value::as_str).unwrap_or(key).to_owned();
    match part {
        Part::Model(_) => models.shift_remove(key).map(|_| format!("the table `{table}`")),
        Part::Tenancy(_) => {
            model
                .as_object_mut()?
                .insert("tenancy".to_owned(), serde_json::json!({ "kind": "none" }));
            Some(format!("of `{table}`, the tenancy"))
        }
        Part::Relation(_, name) => {
            let relation = model.get_mut("relations")?.as_object_mut()?.shift_remove(name)?;
            let column = relation.get("foreignKeyColumn").and_then(Value::as_str);
            let target = relation.get("target").and_then(Value::as_str).unwrap_or_default();
            let column = column.unwrap_or(name);
            Some(format!("of `{table}`, the foreign key on `{column}` to `{target}`"))
        }
        Part::Field(_, name) => {
            let field = model.get_mut("fields")?.as_object_mut()?.shift_remove(name)?;
            let column = field.get("column").and_then(Value::as_str).map(str::to_owned);
            let column = column.unwrap_or_else(|| ablo_schema::schema::default_column(name).into());
            let parts = "with its indexes, checks and foreign keys";
            Some(format!("of `{table}`, the column `{column}`, {parts},"))
        }
        Part::Member(_, name, member) => {
            let field = model.get_mut("fields")?.get_mut(name)?;
            field.as_object_mut()?.shift_remove(member)?;
            let column = field.get("column").and_then(Value::as_str).map(str::to_owned);
            let column = column.unwrap_or_else(|| ablo_schema::schema::default_column(name).into());
            Some(format!("of `{table}`, the `{member}` of `{column}`"))
        }
    }
}
