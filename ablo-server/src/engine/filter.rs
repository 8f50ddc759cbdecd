//! Converts the `where` clauses of a query to SQL conditions; names and values are checked against
//! the schema.

use super::select::{Select, compare, sort_expr};
use crate::error::{ApiError, Result};
use crate::models::Model;
use crate::store::Dialect;
use crate::value::{Cell, ValueKind};
use ablo_wire::{Operator, Where};
use serde_json::Value;
use serde_json::value::RawValue;

/// Maximum number of parameters per query; SQLite accepts 32,766.
const MAX_VALUES: usize = 10_000;
/// Maximum length of a pattern in bytes; SQLite accepts 50,000, and escaping triples a character.
const MAX_PATTERN_BYTES: usize = 4096;

/// Returns the condition of one clause.
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
        Operator::In => return in_condition(select, column, &clause.value, ""),
        Operator::NotIn => return in_condition(select, column, &clause.value, "NOT "),
        Operator::Is => return is_condition(select, column, &clause.value, ""),
        Operator::IsNot => return is_condition(select, column, &clause.value, "NOT "),
        Operator::Like => return like_condition(select, column, &clause.value, "", false),
        Operator::NotLike => return like_condition(select, column, &clause.value, "NOT ", false),
        Operator::Ilike => return like_condition(select, column, &clause.value, "", true),
        Operator::NotIlike => return like_condition(select, column, &clause.value, "NOT ", true),
        Operator::Other(other) => {
            let message =
                format!("unknown operator `{}`", other.chars().take(20).collect::<String>());
            return Err(ApiError::new("query_unsupported_operator", message).param("where").into());
        }
    };
    match &clause.value {
        // Comparing with null tests for absence, as in the reference implementation.
        Value::Null => is_condition(
            select,
            column,
            &Value::Null,
            if *operator == Operator::Ne { "NOT " } else { "" },
        ),
        Value::Array(_) if *operator == Operator::Eq => {
            in_condition(select, column, &clause.value, "")
        }
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

fn in_condition(
    select: &mut Select<'_>,
    column: usize,
    value: &Value,
    not: &str,
) -> Result<String> {
    let Value::Array(items) = value else {
        return Err(ApiError::new("model_query_failed", "IN and NOT IN take a list")
            .param("where")
            .into());
    };
    if items.len() + select.values.len() > MAX_VALUES {
        let message = format!("the query has more than {MAX_VALUES} values");
        return Err(ApiError::new("model_query_failed", message).param("where").into());
    }
    let mut placeholders = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !item.is_null()) {
        let cell = cell(select.model, column, item)?;
        placeholders.push(select.bind(column, cell));
    }
    let name = sort_expr(select.model, column, &select.column_name(column), select.engine.dialect);
    Ok(match (placeholders.is_empty(), not.is_empty()) {
        (true, true) => "1 = 0".to_owned(),
        (true, false) => "1 = 1".to_owned(),
        (false, _) => format!("{name} {not}IN ({})", placeholders.join(", ")),
    })
}

fn is_condition(
    select: &mut Select<'_>,
    column: usize,
    value: &Value,
    not: &str,
) -> Result<String> {
    let name = select.column_name(column);
    match value {
        Value::Null => Ok(format!("{name} IS {not}NULL")),
        Value::Bool(flag) if select.model.columns[column].kind == ValueKind::Boolean => {
            let value = select.bind(column, Cell::Boolean(*flag));
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

fn like_condition(
    select: &mut Select<'_>,
    column: usize,
    value: &Value,
    not: &str,
    any_case: bool,
) -> Result<String> {
    let kind = &select.model.columns[column].kind;
    let (Value::String(pattern), ValueKind::Text | ValueKind::Enum(_)) = (value, kind) else {
        return Err(ApiError::new("model_query_failed", "LIKE takes a string and a text field")
            .param("where")
            .into());
    };
    if pattern.contains('\0') || pattern.len() > MAX_PATTERN_BYTES {
        let message = format!("a pattern can have at most {MAX_PATTERN_BYTES} bytes and no U+0000");
        return Err(ApiError::new("model_query_failed", message).param("where").into());
    }
    // A trailing backslash matches itself; PostgreSQL would reject it, SQLite would match nothing.
    let escapes = pattern.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let pattern = &format!("{pattern}{}", if escapes % 2 == 1 { "\\" } else { "" });
    let name = select.column_name(column);
    match (select.engine.dialect, any_case) {
        (Dialect::Postgres, _) => {
            let value = select.bind(column, Cell::from(pattern.as_str()));
            Ok(format!("{name} {not}{} {value}", if any_case { "ILIKE" } else { "LIKE" }))
        }
        (Dialect::Sqlite, true) => {
            let value = select.bind(column, Cell::from(pattern.as_str()));
            Ok(format!("{name} {not}LIKE {value} ESCAPE '\\'"))
        }
        // SQLite's LIKE ignores case; its GLOB does not.
        (Dialect::Sqlite, false) => {
            let value = select.bind(column, Cell::Text(like_to_glob(pattern)));
            Ok(format!("{name} {not}GLOB {value}"))
        }
    }
}

/// Converts a LIKE pattern to a GLOB pattern.
fn like_to_glob(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => out.push('*'),
            '_' => out.push('?'),
            '\\' => push_glob_literal(characters.next().unwrap_or('\\'), &mut out),
            other => push_glob_literal(other, &mut out),
        }
    }
    out
}

fn push_glob_literal(character: char, out: &mut String) {
    match character {
        '*' | '?' | '[' => out.extend(['[', character, ']']),
        other => out.push(other),
    }
}
