//! Filters and orders built from field tokens, so that the field names and value types are checked
//! at compile time.

use super::error::{Error, Result};
use crate::value::Value;
use crate::wire::{Operator, Where};
use crate::{Field, Model};
use std::marker::PhantomData;

/// The query parameters of a list, which cannot also be field names.
const RESERVED: [&str; 4] = ["limit", "order", "order_by", "starting_after"];

/// The condition that a field equals a value.
#[derive(Debug)]
pub struct Equal<M> {
    name: &'static str,
    value: serde_json::Value,
    model: PhantomData<fn() -> M>,
}

/// A condition on a field.
#[derive(Debug)]
pub struct Condition<M> {
    pub(super) clause: Where,
    model: PhantomData<fn() -> M>,
}

/// The field and the direction that rows are ordered by.
#[derive(Debug)]
pub struct OrderBy<M> {
    pub(super) name: &'static str,
    pub(super) descending: bool,
    model: PhantomData<fn() -> M>,
}

impl<M> Equal<M> {
    /// Returns the query parameter of a list request.
    pub(super) fn query_pair(&self) -> Result<(&'static str, String)> {
        if RESERVED.contains(&self.name) {
            let message =
                format!("a list cannot be filtered by the field `{}`; use `query`", self.name);
            return Err(Error::local("invalid_request", message));
        }
        let text = match &self.value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => {
                let message = format!(
                    "a list cannot be filtered by null values of `{}`; use `query`",
                    self.name
                );
                return Err(Error::local("invalid_request", message));
            }
            value => value.to_string(),
        };
        Ok((self.name, text))
    }
}

impl<M> From<Equal<M>> for Condition<M> {
    fn from(equal: Equal<M>) -> Self {
        let op = if equal.value.is_null() { Operator::Is } else { Operator::Eq };
        condition(equal.name, op, equal.value)
    }
}

fn condition<M>(name: &'static str, op: Operator, value: serde_json::Value) -> Condition<M> {
    Condition { clause: Where { column: name.to_owned(), op: Some(op), value }, model: PhantomData }
}

/// Returns a field value as JSON. Writing it cannot fail.
fn json<T: Value>(value: &T) -> serde_json::Value {
    serde_json::to_value(value.to_value_ref()).unwrap_or_default()
}

/// Conditions on a field.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// # use generated::{WeatherReport, WeatherReportStatus};
/// # fn read(reports: ablo::client::ModelClient<WeatherReport>) {
/// reports
///     .list()
///     .filter(WeatherReport::STATUS.eq(WeatherReportStatus::Ready))
///     .order_by(WeatherReport::LOCATION.asc());
/// reports
///     .query()
///     .filter(WeatherReport::CONFIDENCE.ge(0.5))
///     .filter(WeatherReport::FORECAST.is_not_null());
/// # }
/// ```
#[allow(clippy::should_implement_trait, reason = "query builders name conditions this way")]
impl<M: Model, T: Value> Field<M, T> {
    /// The field equals `value`.
    pub fn eq(self, value: impl Into<T>) -> Equal<M> {
        Equal { name: self.name(), value: json(&value.into()), model: PhantomData }
    }

    /// The field does not equal `value`.
    pub fn ne(self, value: impl Into<T>) -> Condition<M> {
        condition(self.name(), Operator::Ne, json(&value.into()))
    }

    /// The field is less than `value`.
    pub fn lt(self, value: impl Into<T>) -> Condition<M> {
        condition(self.name(), Operator::Lt, json(&value.into()))
    }

    /// The field is less than or equal to `value`.
    pub fn le(self, value: impl Into<T>) -> Condition<M> {
        condition(self.name(), Operator::Le, json(&value.into()))
    }

    /// The field is greater than `value`.
    pub fn gt(self, value: impl Into<T>) -> Condition<M> {
        condition(self.name(), Operator::Gt, json(&value.into()))
    }

    /// The field is greater than or equal to `value`.
    pub fn ge(self, value: impl Into<T>) -> Condition<M> {
        condition(self.name(), Operator::Ge, json(&value.into()))
    }

    /// The field equals one of `values`.
    pub fn one_of<V: Into<T>>(self, values: impl IntoIterator<Item = V>) -> Condition<M> {
        condition(
            self.name(),
            Operator::In,
            values.into_iter().map(|value| json(&value.into())).collect(),
        )
    }

    /// The field equals none of `values`.
    pub fn none_of<V: Into<T>>(self, values: impl IntoIterator<Item = V>) -> Condition<M> {
        condition(
            self.name(),
            Operator::NotIn,
            values.into_iter().map(|value| json(&value.into())).collect(),
        )
    }

    /// Orders by this field, ascending.
    pub fn asc(self) -> OrderBy<M> {
        OrderBy { name: self.name(), descending: false, model: PhantomData }
    }

    /// Orders by this field, descending.
    pub fn desc(self) -> OrderBy<M> {
        OrderBy { name: self.name(), descending: true, model: PhantomData }
    }
}

impl<M: Model, T: Value> Field<M, Option<T>> {
    /// The field has no value.
    pub fn is_null(self) -> Condition<M> {
        condition(self.name(), Operator::Is, serde_json::Value::Null)
    }

    /// The field has a value.
    pub fn is_not_null(self) -> Condition<M> {
        condition(self.name(), Operator::IsNot, serde_json::Value::Null)
    }
}
