//! Changes of a value that start from its current value.

use super::decimal::{add_decimals, decimal};
use super::equal::same_json;
use super::{Cell, ValueKind, number, push_json_string};
use ablo_schema::schema::RelativeOperation;
use serde_json::value::RawValue;

/// The largest integer up to which a double tells each from the next.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

/// A validated change of a value. An absent value counts as zero, as an empty text or as an empty
/// list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RelativeChange {
    /// Adds to a double or a narrow integer.
    Add(f64),
    /// Adds to digits: a wide integer or a decimal.
    AddDigits(String),
    /// Appends to a text.
    AppendText(String),
    /// Changes a list: the items in JSON.
    List(RelativeOperation, Vec<String>),
}

impl RelativeChange {
    /// Parses the value by which a value of a kind is changed.
    ///
    /// # Errors
    /// Returns what was expected, to follow "is expected to be".
    pub(crate) fn read(
        kind: &ValueKind,
        operation: RelativeOperation,
        json: &RawValue,
    ) -> Result<Self, String> {
        match (operation, kind) {
            (RelativeOperation::Increment, ValueKind::Number | ValueKind::Float) => {
                number(json).map(Self::Add).ok_or_else(|| "a number".to_owned())
            }
            (RelativeOperation::Increment, ValueKind::Integer(..)) => number(json)
                .filter(|amount| amount.fract() == 0.0 && amount.abs() <= MAX_EXACT)
                .map(Self::Add)
                .ok_or_else(|| "an integer".to_owned()),
            (RelativeOperation::Increment, _) => {
                let text: Option<String> = serde_json::from_str(json.get()).ok();
                let whole = matches!(kind, ValueKind::Int64 | ValueKind::Uint64);
                let digits = text.and_then(|text| decimal(&text, None).ok());
                digits
                    .filter(|digits| !whole || !digits.contains('.'))
                    .map(Self::AddDigits)
                    .ok_or_else(|| "a string of digits".to_owned())
            }
            (RelativeOperation::Append, ValueKind::Text) => match kind.read(json)? {
                Cell::Text(text) => Ok(Self::AppendText(text)),
                _ => Err("a string".to_owned()),
            },
            (operation, _) => {
                ValueKind::Json.read(json)?;
                let items: Vec<Box<RawValue>> =
                    serde_json::from_str(json.get()).map_err(|_| "an array".to_owned())?;
                Ok(Self::List(operation, items.iter().map(|item| item.get().to_owned()).collect()))
            }
        }
    }

    /// Writes the value of the change as JSON: the same for every attempt.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Add(amount) => ValueKind::Number.write(&Cell::Real(*amount), out),
            Self::AddDigits(text) | Self::AppendText(text) => push_json_string(text, out),
            Self::List(_, items) => {
                out.push('[');
                out.push_str(&items.join(","));
                out.push(']');
            }
        }
    }

    /// Changes a value.
    ///
    /// # Errors
    /// Returns what the value or the result is expected to be, to follow "is expected to be".
    pub(crate) fn apply(&self, kind: &ValueKind, current: &Cell) -> Result<Cell, String> {
        match self {
            Self::Add(amount) => add(kind, current, *amount),
            Self::AddDigits(amount) => {
                let current = match current {
                    Cell::Text(digits) => digits.clone(),
                    Cell::Integer(number) => number.to_string(),
                    _ => "0".to_owned(),
                };
                kind.read_text(add_decimals(&current, amount))
            }
            Self::AppendText(text) => {
                Ok(Cell::Text(format!("{}{text}", current.text().unwrap_or_default())))
            }
            Self::List(operation, items) => change_list(*operation, current, items),
        }
    }
}

fn add(kind: &ValueKind, current: &Cell, amount: f64) -> Result<Cell, String> {
    #[expect(clippy::cast_precision_loss, reason = "integers of these kinds have at most 53 bits")]
    let current = match current {
        Cell::Integer(number) => *number as f64,
        Cell::Real(number) => *number,
        _ => 0.0,
    };
    let sum = current + amount;
    // Beyond this, adding one to a double can change nothing.
    if *kind == ValueKind::Number && sum.abs() > MAX_EXACT {
        return Err(format!("a number from -{MAX_EXACT} to {MAX_EXACT}"));
    }
    let mut json = String::new();
    if sum.is_finite() {
        ValueKind::Number.write(&Cell::Real(sum), &mut json);
    }
    // An empty text is no JSON: the sum is out of the range of all numbers.
    let json = RawValue::from_string(json).map_err(|_| "a finite number".to_owned())?;
    kind.read(&json)
}

fn change_list(
    operation: RelativeOperation,
    current: &Cell,
    items: &[String],
) -> Result<Cell, String> {
    let current = match current {
        Cell::Text(text) if text.trim() != "null" => text.as_str(),
        _ => "[]",
    };
    let list: Vec<Box<RawValue>> =
        serde_json::from_str(current).map_err(|_| "an array before it is changed".to_owned())?;
    let mut list: Vec<&str> = list.iter().map(|item| item.get()).collect();
    for item in items {
        match operation {
            RelativeOperation::Remove => list.retain(|own| !same_json(own, item)),
            RelativeOperation::Add if list.iter().any(|own| same_json(own, item)) => {}
            _ => list.push(item),
        }
    }
    let json = RawValue::from_string(format!("[{}]", list.join(",")))
        .map_err(|error| format!("JSON ({error})"))?;
    ValueKind::Json.read(&json)
}
