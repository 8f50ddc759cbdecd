//! A query of rows: conditions, order and page, checked against the schema by its builder.

use crate::identity::Identity;
use crate::models::Model;
use crate::value::Cell;

/// A query of the rows of a model that a reader may see.
#[derive(Clone, Debug)]
pub(crate) struct RowQuery<'q> {
    pub(crate) reader: &'q Identity,
    pub(crate) model: &'q Model,
    /// All of them hold.
    pub(crate) conditions: Vec<Condition>,
    /// Rows behind this one in the order only.
    pub(crate) after: Option<Position>,
    /// The column to sort by, and whether in descending order. Rows with equal values are sorted
    /// by id, and absent values come first.
    pub(crate) order: Option<(usize, bool)>,
    /// The maximum number of rows.
    pub(crate) limit: Option<u64>,
}

/// A place in an order of rows: a value of the sort column, and an id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Position {
    pub(crate) value: Cell,
    pub(crate) id: String,
}

/// A comparison of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A condition on a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// The column compares so with the value.
    Compare(usize, Comparison, Cell),
    /// The column has one of the values, or none of them.
    OneOf { column: usize, values: Vec<Cell>, negated: bool },
    /// The text of the column is one of these.
    TextIn(usize, Vec<String>),
    /// The column has no value, or has one.
    Null { column: usize, negated: bool },
    /// The column is this value, where no value is different from both.
    Is { column: usize, flag: bool, negated: bool },
    /// The column matches a LIKE pattern, or does not; with `fold` in any case.
    Like { column: usize, pattern: String, negated: bool, fold: bool },
}

impl<'q> RowQuery<'q> {
    /// Creates a query of all rows that a reader may see.
    pub(crate) fn new(reader: &'q Identity, model: &'q Model) -> Self {
        Self { reader, model, conditions: Vec::new(), after: None, order: None, limit: None }
    }

    /// Returns the number of values in the conditions.
    pub(crate) fn values(&self) -> usize {
        let values = |condition: &Condition| match condition {
            Condition::OneOf { values, .. } => values.len(),
            Condition::Null { .. } => 0,
            _ => 1,
        };
        self.conditions.iter().map(values).sum()
    }
}
