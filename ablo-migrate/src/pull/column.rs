//! Converts a column's type and checks to the members of a field.

use crate::catalog::{Column, Table};
use crate::expression::{Token, constant, is_now, tokens};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The members of a field, and how they differ from the column.
#[derive(Debug, Default)]
pub(super) struct PulledField {
    /// The members that describe the type: `type`, `enumValues`, `format` and so on.
    pub(super) members: Map<String, Value>,
    /// The names of the checks that the members express.
    pub(super) checks: BTreeSet<String>,
    /// Why the members only approximate the column.
    pub(super) changed: Option<String>,
}

/// The use of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// A field of the author's.
    Value,
    /// A field with the id of another row.
    Reference,
    /// A base field.
    Base,
}

/// A check that a schema can express.
enum Rule {
    OneOf(Vec<String>),
    Between(i128, i128),
}

/// Converts a column. Returns `None` if a schema has no such type.
pub(super) fn pull(table: &Table, column: &Column, usage: Use) -> Option<PulledField> {
    let mut rules: Vec<(&String, Rule)> = Vec::new();
    let own = |columns: &[String]| columns == [column.name.as_str()];
    for (name, check) in &table.checks {
        if check.validated && own(&check.columns) {
            rules.extend(rule(&check.condition, &column.name).map(|rule| (name, rule)));
        }
    }
    if !column.enum_values.is_empty() {
        return Some(of_enum(column));
    }
    if let Some(base) = &column.domain_of {
        return of_domain(table, column, base, usage);
    }
    if usage != Use::Value {
        return id(column).or_else(|| of_type(column, rules));
    }
    of_type(column, rules)
}

/// Converts a column of an enumeration.
fn of_enum(column: &Column) -> PulledField {
    let mut pulled = PulledField::default();
    pulled.members.insert("type".to_owned(), "enum".into());
    pulled.members.insert("enumValues".to_owned(), column.enum_values.clone().into());
    pulled.changed = Some(closest(&column.type_name));
    pulled
}

/// Converts a column of a domain as one of the type below. The rules of the domain are lost.
fn of_domain(table: &Table, column: &Column, base: &str, usage: Use) -> Option<PulledField> {
    let below = Column { type_name: base.to_owned(), domain_of: None, ..column.clone() };
    let changed = Some(closest(&column.type_name));
    pull(table, &below, usage).map(|pulled| PulledField { changed, ..pulled })
}

/// Converts a column with ids of another type, which are text in a schema.
fn id(column: &Column) -> Option<PulledField> {
    let is_id = ["uuid", "smallint", "integer", "bigint"].contains(&&*column.type_name);
    let mut pulled = PulledField::default();
    pulled.members.insert("type".to_owned(), "string".into());
    pulled.changed = Some(closest(&column.type_name));
    is_id.then_some(pulled)
}

fn closest(type_name: &str) -> String {
    format!("is {}; the schema has the closest type", type_name.replace('"', ""))
}

/// Converts a column by its type and its rules.
fn of_type(column: &Column, rules: Vec<(&String, Rule)>) -> Option<PulledField> {
    let mut pulled = PulledField::default();
    let range = rules.iter().find_map(|(name, rule)| match rule {
        Rule::Between(least, most) => Some((*name, (*least, *most))),
        Rule::OneOf(_) => None,
    });
    let exact = |wanted: (i128, i128)| {
        range.filter(|(_, found)| *found == wanted).map(|(name, _)| name.clone())
    };
    let mut format = |kind: &str, format: &str, check: Option<String>| {
        pulled.members.insert("type".to_owned(), kind.into());
        pulled.members.insert("format".to_owned(), format.into());
        pulled.checks.extend(check);
    };
    let (base, digits) = column.type_name.split_once('(').unwrap_or((&column.type_name, ""));
    match base {
        "smallint" => match (exact((-128, 127)), exact((0, 255))) {
            (Some(check), _) => format("number", "int8", Some(check)),
            (None, Some(check)) => format("number", "uint8", Some(check)),
            (None, None) => format("number", "int16", None),
        },
        "integer" => match exact((0, 65535)) {
            Some(check) => format("number", "uint16", Some(check)),
            None => format("number", "int32", None),
        },
        "bigint" => match exact((0, i128::from(u32::MAX))) {
            Some(check) => format("number", "uint32", Some(check)),
            None => format("string", "int64", None),
        },
        "real" => format("number", "float", None),
        "uuid" => format("string", "uuid", None),
        "numeric" => match exact((0, i128::from(u64::MAX))).filter(|_| digits == "20,0)") {
            Some(check) => format("string", "uint64", Some(check)),
            None => {
                format("string", "decimal", None);
                let parts = digits.strip_suffix(')').and_then(|digits| digits.split_once(','));
                if let Some((precision, scale)) = parts {
                    let number = |text: &str| text.parse::<i64>().map_or(Value::Null, Value::from);
                    pulled.members.insert("precision".to_owned(), number(precision));
                    pulled.members.insert("scale".to_owned(), number(scale));
                }
            }
        },
        _ => plain(base, &column.type_name, rules, &mut pulled)?,
    }
    Some(pulled)
}

/// Converts a type of Schema JSON v3 that needs no `format`.
fn plain(
    base: &str,
    type_name: &str,
    rules: Vec<(&String, Rule)>,
    pulled: &mut PulledField,
) -> Option<()> {
    let mut kind = |kind: &str| drop(pulled.members.insert("type".to_owned(), kind.into()));
    match base {
        "double precision" => kind("number"),
        "boolean" => kind("boolean"),
        "timestamp with time zone" => kind("date"),
        "jsonb" => kind("json"),
        "text" | "character varying" | "character" => {
            let allowed = rules.into_iter().find_map(|(name, rule)| match rule {
                Rule::OneOf(values) => Some((name, values)),
                Rule::Between(..) => None,
            });
            kind(if allowed.is_some() { "enum" } else { "string" });
            if let Some((name, values)) = allowed {
                pulled.members.insert("enumValues".to_owned(), values.into());
                pulled.checks.insert(name.clone());
            }
        }
        "json" => kind("json"),
        "timestamp without time zone" | "date" => kind("date"),
        _ => return None,
    }
    let exact = ["double precision", "boolean", "timestamp with time zone", "jsonb", "text"];
    if !exact.contains(&type_name) {
        pulled.changed = Some(closest(type_name));
    }
    Some(())
}

fn rule(condition: &str, column: &str) -> Option<Rule> {
    use Token::{Sign, Value as Text, Word};
    let tokens = tokens(condition);
    let is_column = |token: &Token| matches!(token, Word(word) if word == column);
    match tokens.as_slice() {
        [first, Sign('='), Text(value)] if is_column(first) => {
            Some(Rule::OneOf(vec![value.clone()]))
        }
        [first, Sign('='), Word(any), Word(array), Sign('['), values @ .., Sign(']')]
            if is_column(first) && any == "any" && array == "array" =>
        {
            let listed = values.iter().filter_map(|token| match token {
                Text(value) => Some(value.clone()),
                _ => None,
            });
            Some(Rule::OneOf(listed.collect()))
        }
        [
            one,
            Sign('>'),
            Sign('='),
            Text(least),
            Word(and),
            other,
            Sign('<'),
            Sign('='),
            Text(most),
        ] if is_column(one) && is_column(other) && and == "and" => {
            Some(Rule::Between(least.parse().ok()?, most.parse().ok()?))
        }
        _ => None,
    }
}

/// Converts a default expression. Returns `None` if a schema cannot express it.
pub(super) fn default(pulled: &PulledField, expression: &str) -> Option<Value> {
    let kind = pulled.members.get("type").and_then(Value::as_str)?;
    if kind == "date" && is_now(expression) {
        return Some("now".into());
    }
    let value = constant(expression)?;
    match kind {
        "number" => value
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| value.parse::<f64>().map(Value::from))
            .ok(),
        "boolean" => value.parse::<bool>().map(Value::from).ok(),
        "date" => value.parse::<jiff::Timestamp>().map(|at| json!(at.to_string())).ok(),
        "json" => serde_json::from_str(&value).ok(),
        _ => Some(value.into()),
    }
}
