//! Filters: a clause of a query comes in, a condition of SQL comes out; names and values are checked against the schema.

use super::select::{Select, compare, ordered};
use crate::error::{ApiError, Result};
use crate::models::Model;
use crate::store::Dialect;
use crate::value::{Cell, Kind};
use ablo_wire::{Operator, Where};
use serde_json::Value;
use serde_json::value::RawValue;

/// Values that one query speaks of at most: SQLite takes 32,766.
const MAX_VALUES: usize = 10_000;
/// Bytes of a pattern at most: SQLite takes 50,000, and a character of ours may be three of its.
const MAX_PATTERN_BYTES: usize = 4096;

/// One clause of a query as a condition.
pub(super) fn condition(select: &mut Select<'_>, clause: &Where) -> Result<String> {
    let model = select.model;
    let column = model.column(&clause.column).ok_or_else(|| {
        let message = format!(
            "{} has no column `{}`",
            model.key,
            clause.column.chars().take(60).collect::<String>()
        );
        ApiError::new("query_invalid_identifier", message).param("where")
    })?;
    let operator = clause.operator();
    let text = match operator {
        Operator::Eq => "=",
        Operator::Ne => "<>",
        Operator::Lt => "<",
        Operator::Le => "<=",
        Operator::Gt => ">",
        Operator::Ge => ">=",
        Operator::In => return one_of(select, column, &clause.value, ""),
        Operator::NotIn => return one_of(select, column, &clause.value, "NOT "),
        Operator::Is => return is(select, column, &clause.value, ""),
        Operator::IsNot => return is(select, column, &clause.value, "NOT "),
        Operator::Like => return like(select, column, &clause.value, "", false),
        Operator::NotLike => return like(select, column, &clause.value, "NOT ", false),
        Operator::Ilike => return like(select, column, &clause.value, "", true),
        Operator::NotIlike => return like(select, column, &clause.value, "NOT ", true),
        Operator::Other(other) => {
            let message =
                format!("`{}` is no operator", other.chars().take(20).collect::<String>());
            return Err(ApiError::new("query_unsupported_operator", message).param("where").into());
        }
    };
    match &clause.value {
        // As the reference has it: equal to nothing is absent.
        Value::Null => {
            is(select, column, &Value::Null, if *operator == Operator::Ne { "NOT " } else { "" })
        }
        Value::Array(_) if *operator == Operator::Eq => one_of(select, column, &clause.value, ""),
        value => {
            let cell = cell(select.model, column, value)?;
            Ok(compare(select, column, text, cell))
        }
    }
}

fn cell(model: &Model, column: usize, value: &Value) -> Result<Cell> {
    let column = &model.columns[column];
    let text = RawValue::from_string(value.to_string())
        .map_err(|error| ApiError::new("invalid_json", error.to_string()))?;
    column.kind.read(&text).map_err(|expected| {
        let path = format!("{}.{}", model.key, column.member);
        ApiError::new("model_query_failed", format!("{path} is expected to be {expected}"))
            .param(path)
            .into()
    })
}

fn one_of(select: &mut Select<'_>, column: usize, value: &Value, not: &str) -> Result<String> {
    let Value::Array(items) = value else {
        return Err(ApiError::new("model_query_failed", "IN and NOT IN take a list")
            .param("where")
            .into());
    };
    if items.len() + select.values.len() > MAX_VALUES {
        let message = format!("the query holds more than {MAX_VALUES} values");
        return Err(ApiError::new("model_query_failed", message).param("where").into());
    }
    let mut spelled = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !item.is_null()) {
        let cell = cell(select.model, column, item)?;
        spelled.push(select.value(column, cell));
    }
    let name = ordered(select.model, column, &select.name(column), select.engine.dialect);
    Ok(match (spelled.is_empty(), not.is_empty()) {
        (true, true) => "1 = 0".to_owned(),
        (true, false) => "1 = 1".to_owned(),
        (false, _) => format!("{name} {not}IN ({})", spelled.join(", ")),
    })
}

fn is(select: &mut Select<'_>, column: usize, value: &Value, not: &str) -> Result<String> {
    let name = select.name(column);
    match value {
        Value::Null => Ok(format!("{name} IS {not}NULL")),
        Value::Bool(flag) if select.model.columns[column].kind == Kind::Boolean => {
            let value = select.value(column, Cell::Boolean(*flag));
            Ok(match select.engine.dialect {
                Dialect::Sqlite => format!("{name} IS {not}{value}"),
                Dialect::Postgres if not.is_empty() => {
                    format!("{name} IS NOT DISTINCT FROM {value}")
                }
                Dialect::Postgres => format!("{name} IS DISTINCT FROM {value}"),
            })
        }
        _ => Err(ApiError::new("model_query_failed", "IS and IS NOT take null, true or false")
            .param("where")
            .into()),
    }
}

fn like(
    select: &mut Select<'_>,
    column: usize,
    value: &Value,
    not: &str,
    any_case: bool,
) -> Result<String> {
    let kind = &select.model.columns[column].kind;
    let (Value::String(pattern), Kind::Text | Kind::OneOf(_)) = (value, kind) else {
        return Err(ApiError::new("model_query_failed", "LIKE takes a text and a field of text")
            .param("where")
            .into());
    };
    if pattern.contains('\0') || pattern.len() > MAX_PATTERN_BYTES {
        let message = format!("a pattern has at most {MAX_PATTERN_BYTES} bytes, and no U+0000");
        return Err(ApiError::new("model_query_failed", message).param("where").into());
    }
    // A backslash at the end means itself; one database would refuse it, the other find nothing.
    let escapes = pattern.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let pattern = &format!("{pattern}{}", if escapes % 2 == 1 { "\\" } else { "" });
    let name = select.name(column);
    match (select.engine.dialect, any_case) {
        (Dialect::Postgres, _) => {
            let value = select.value(column, Cell::from(pattern.as_str()));
            Ok(format!("{name} {not}{} {value}", if any_case { "ILIKE" } else { "LIKE" }))
        }
        (Dialect::Sqlite, true) => {
            let value = select.value(column, Cell::from(pattern.as_str()));
            Ok(format!("{name} {not}LIKE {value} ESCAPE '\\'"))
        }
        // SQLite's LIKE takes any case; its GLOB does not.
        (Dialect::Sqlite, false) => {
            let value = select.value(column, Cell::Text(glob(pattern)));
            Ok(format!("{name} {not}GLOB {value}"))
        }
    }
}

/// A pattern of LIKE as one of GLOB.
fn glob(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => out.push('*'),
            '_' => out.push('?'),
            '\\' => literal(characters.next().unwrap_or('\\'), &mut out),
            other => literal(other, &mut out),
        }
    }
    out
}

fn literal(character: char, out: &mut String) {
    match character {
        '*' | '?' | '[' => out.extend(['[', character, ']']),
        other => out.push(other),
    }
}
