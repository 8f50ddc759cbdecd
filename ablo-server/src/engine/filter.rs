//! Checks the `where` clauses of a query against the schema.

use super::exits::Scope;
use crate::error::{ApiError, Result};
use crate::models::Model;
use crate::store::rows::{Comparison, Condition};
use crate::value::{Cell, ValueKind};
use ablo_wire::{Operator, Where};
use serde_json::Value;
use serde_json::value::RawValue;

/// Maximum number of parameters per query; SQLite accepts 32,766.
const MAX_VALUES: usize = 10_000;
/// Maximum length of a pattern in bytes. The time for a value is its length times this.
const MAX_PATTERN_BYTES: usize = 256;

/// Returns the condition of one clause; the query already has `used` values.
pub(super) fn condition(
    scope: &Scope<'_>,
    model: &Model,
    used: usize,
    clause: &Where,
) -> Result<Condition> {
    let column = scope.column(&clause.column).ok_or_else(|| {
        let message = format!(
            "{} has no column `{}`",
            model.key,
            clause.column.chars().take(60).collect::<String>()
        );
        ApiError::new("query_invalid_identifier", message).param("where")
    })?;
    let clause_on = Clause { model, column, value: &clause.value, used };
    let operator = clause.operator();
    let comparison = match operator {
        Operator::Eq => Comparison::Equal,
        Operator::Ne => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::Le => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::Ge => Comparison::GreaterOrEqual,
        Operator::In => return clause_on.one_of(false),
        Operator::NotIn => return clause_on.one_of(true),
        Operator::Is => return clause_on.is(false),
        Operator::IsNot => return clause_on.is(true),
        Operator::Like => return clause_on.like(false, false),
        Operator::NotLike => return clause_on.like(true, false),
        Operator::Ilike => return clause_on.like(false, true),
        Operator::NotIlike => return clause_on.like(true, true),
        Operator::Other(other) => {
            let message =
                format!("unknown operator `{}`", other.chars().take(20).collect::<String>());
            return Err(ApiError::new("query_unsupported_operator", message).param("where").into());
        }
    };
    match &clause.value {
        // Comparing with null tests for absence, as in the reference implementation.
        Value::Null => Ok(Condition::Null { column, negated: *operator == Operator::Ne }),
        Value::Array(_) if *operator == Operator::Eq => clause_on.one_of(false),
        value => Ok(Condition::Compare(column, comparison, cell(model, column, value)?)),
    }
}

/// A clause whose column is known.
struct Clause<'c> {
    model: &'c Model,
    column: usize,
    value: &'c Value,
    used: usize,
}

impl Clause<'_> {
    fn one_of(&self, negated: bool) -> Result<Condition> {
        let Value::Array(items) = self.value else {
            return Err(ApiError::new("model_query_failed", "IN and NOT IN take a list")
                .param("where")
                .into());
        };
        if items.len() + self.used > MAX_VALUES {
            let message = format!("the query has more than {MAX_VALUES} values");
            return Err(ApiError::new("model_query_failed", message).param("where").into());
        }
        let values = items.iter().filter(|item| !item.is_null());
        let values = values.map(|item| cell(self.model, self.column, item));
        Ok(Condition::OneOf {
            column: self.column,
            values: values.collect::<Result<_>>()?,
            negated,
        })
    }

    fn is(&self, negated: bool) -> Result<Condition> {
        let column = self.column;
        match self.value {
            Value::Null => Ok(Condition::Null { column, negated }),
            Value::Bool(flag) if self.model.columns[column].kind == ValueKind::Boolean => {
                Ok(Condition::Is { column, flag: *flag, negated })
            }
            _ => Err(ApiError::new("model_query_failed", "IS and IS NOT take null, true or false")
                .param("where")
                .into()),
        }
    }

    fn like(&self, negated: bool, fold: bool) -> Result<Condition> {
        let kind = &self.model.columns[self.column].kind;
        let (Value::String(pattern), ValueKind::Text | ValueKind::Enum(_)) = (self.value, kind)
        else {
            return Err(ApiError::new(
                "model_query_failed",
                "LIKE takes a string and a text field",
            )
            .param("where")
            .into());
        };
        if pattern.contains('\0') || pattern.len() > MAX_PATTERN_BYTES {
            let message =
                format!("a pattern can have at most {MAX_PATTERN_BYTES} bytes and no U+0000");
            return Err(ApiError::new("model_query_failed", message).param("where").into());
        }
        // A trailing backslash matches itself; PostgreSQL would reject it, SQLite would match
        // nothing.
        let escapes = pattern.bytes().rev().take_while(|byte| *byte == b'\\').count();
        let pattern = format!("{pattern}{}", if escapes % 2 == 1 { "\\" } else { "" });
        Ok(Condition::Like { column: self.column, pattern, negated, fold })
    }
}

fn cell(model: &Model, column: usize, value: &Value) -> Result<Cell> {
    let column = &model.columns[column];
    let text = RawValue::from_string(value.to_string())
        .map_err(|error| ApiError::new("invalid_json", error.to_string()))?;
    column.read(&text).map_err(|expected| {
        let path = format!("{}.{}", model.key, column.member);
        ApiError::new("model_query_failed", format!("{path} is expected to be {expected}"))
            .param(path)
            .into()
    })
}
