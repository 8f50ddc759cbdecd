//! The difference of two schemas: the steps from the previous to the next schema.
//!
//! Computes a [`Diff`] from two schemas and [`Hints`]: the [`Step`]s in an order that can be
//! applied, and which previous model and field each next one was. Nothing is guessed: without a
//! hint, a new name is a drop and an addition. This module produces no SQL and no files.

pub(crate) mod backfills;
mod cast;
mod compare;
pub mod compat;
mod display;
mod effects;
mod facets;
pub(crate) mod hints;
mod json;
mod matching;
mod possible;
mod report;
mod step;
mod verdict;

pub use backfills::Backfills;
pub use cast::Cast;
pub use hints::Hints;
pub use possible::PossibleRename;
pub use report::Report;
pub use step::{EnumChange, FacetChange, FieldChanges, HintChange, RelationChange, Step};
pub use verdict::{Blocker, Class, Risk, Verdict, Warning};

use crate::diag::Diagnostics;
use crate::lookup::Lookup;
use crate::schema::{ColumnName, Field, Model, Schema, Tenancy};
use matching::{Matching, Pairs};

/// The difference of two schemas.
#[derive(Clone, Debug)]
pub struct Diff<'s> {
    prev: Option<&'s Schema>,
    next: &'s Schema,
    hints: Hints,
    matching: Matching,
    steps: Vec<Step<'s>>,
    causes: Causes<'s>,
}

/// Compares two schemas; without a previous one, everything is created.
///
/// # Errors
/// Returns all errors of the hints, with spans in their text: unknown names, and hints that
/// contradict each other or a `renamedFrom` of the next schema.
///
/// ```
/// use ablo_schema::{diff, front::json};
/// let read = |fields: &str| {
///     let text = format!(
///         r#"{{"v":3,"identityRoles":[],
///              "models":{{"tasks":{{"relations":{{}},"fields":{{{fields}}}}}}}}}"#
///     );
///     json::read(&text).schema.unwrap()
/// };
/// let prev = read(r#""name":{"type":"string","isOptional":false,"isIndexed":false}"#);
/// let next = read(r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#);
/// let hints = r#"{"fields":[{"model":"tasks","from":"name","to":"title"}]}"#;
/// let (hints, _) = json::read_hints(hints);
/// let diff = diff::diff(Some(&prev), &next, &hints.unwrap()).unwrap();
/// assert_eq!(
///     diff.steps()[0].to_value().to_json(),
///     r#"{"kind":"rename_field","model":"tasks","from":"name","to":"title"}"#
/// );
/// assert_eq!(diff.prev_field("tasks", "title").unwrap().name.as_str(), "name");
/// ```
pub fn diff<'s>(
    prev: Option<&'s Schema>,
    next: &'s Schema,
    hints: &Hints,
) -> Result<Diff<'s>, Diagnostics> {
    let matching = matching::matching(prev, next, hints)?;
    let (hints, causes) = (hints.clone(), Causes::default());
    let mut diff = Diff { prev, next, hints, matching, steps: Vec::new(), causes };
    diff.steps = compare::steps(&diff);
    diff.causes = Causes::of(&diff.steps);
    Ok(diff)
}

impl<'s> Diff<'s> {
    /// Returns the steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step<'s>] {
        &self.steps
    }

    /// Returns the previous schema, if there is one.
    #[must_use]
    pub fn prev(&self) -> Option<&'s Schema> {
        self.prev
    }

    /// Returns the hints that the schemas were compared with.
    #[must_use]
    pub fn hints(&self) -> &Hints {
        &self.hints
    }

    /// Returns the next schema.
    #[must_use]
    pub fn next(&self) -> &'s Schema {
        self.next
    }

    /// Returns the previous form of a model, by its key in the next schema.
    #[must_use]
    pub fn prev_model(&self, next_key: &str) -> Option<&'s Model> {
        let at = self.next.by_key.get(next_key)?.0;
        self.before().get((*self.matching.models.prev.get(at)?)?)
    }

    /// Returns the next form of a model, by its key in the previous schema.
    #[must_use]
    pub fn next_model(&self, prev_key: &str) -> Option<&'s Model> {
        let at = self.prev?.by_key.get(prev_key)?.0;
        self.next.models().get((*self.matching.models.next.get(at)?)?)
    }

    /// Returns the previous form of a declared field; both names are those of the next schema.
    #[must_use]
    pub fn prev_field(&self, next_model_key: &str, next_field: &str) -> Option<&'s Field> {
        let at = self.next.by_key.get(next_model_key)?.0;
        let to = self.next.models().get(at)?.field_position(next_field)?;
        let from = (*self.pairs(at)?.prev.get(to)?)?;
        self.prev_model(next_model_key)?.fields.get(from)
    }

    /// Returns the next form of a declared field; both names are those of the previous schema.
    #[must_use]
    pub fn next_field(&self, prev_model_key: &str, prev_field: &str) -> Option<&'s Field> {
        let from = self.prev?.model(prev_model_key)?.field_position(prev_field)?;
        let model = self.next_model(prev_model_key)?;
        let at = self.next.by_key.get(model.key.as_str())?.0;
        model.fields.get((*self.pairs(at)?.next.get(from)?)?)
    }

    /// Returns whether a hint rounds the values of a field, which had more digits before. Both
    /// names are those of the next schema.
    #[must_use]
    pub fn is_rounded(&self, next_model_key: &str, next_field: &str) -> bool {
        self.hints
            .rounded
            .iter()
            .any(|hint| *hint.model.value == *next_model_key && *hint.field.value == *next_field)
    }

    /// Returns the index of the first step about a model or one of its fields. Names are those of
    /// the next schema, or of the previous one for what is dropped.
    #[must_use]
    pub fn cause(&self, model: &str, field: Option<&str>) -> Option<usize> {
        self.causes.find(model, field)
    }

    /// Returns pairs of a removal and an addition that may be a rename: models first, then fields
    /// by model; the most likely first.
    #[must_use]
    pub fn possible_renames(&self) -> Vec<PossibleRename<'s>> {
        possible::possible(self)
    }

    /// Returns whether the owner of a row is determined differently. A tenancy column that no field
    /// uses, before or after, is the same column under another name.
    fn reroutes(&self, model: &Model, from: &Tenancy, to: &Tenancy) -> bool {
        let held = |model: &Model, column: &ColumnName| {
            model
                .fields
                .iter()
                .any(|field| field.column == *column && field.name != "organizationId")
        };
        match (from, to) {
            (Tenancy::Column { column: before }, Tenancy::Column { column }) => {
                let prev = self.prev_model(model.key.as_str());
                held(model, column)
                    || prev.is_some_and(|prev| held(prev, before) || held(prev, column))
            }
            (Tenancy::None, _) | (_, Tenancy::None) => false,
            (Tenancy::Parent { .. }, _) | (_, Tenancy::Parent { .. }) => true,
        }
    }

    fn before(&self) -> &'s [Model] {
        self.prev.map_or(&[], Schema::models)
    }

    /// Iterates over the models of the next schema with their previous form.
    fn models(&self) -> impl Iterator<Item = (usize, &'s Model, Option<&'s Model>)> + Clone {
        let before = self.before();
        self.next
            .models()
            .iter()
            .zip(&self.matching.models.prev)
            .enumerate()
            .map(move |(at, (model, from))| (at, model, from.and_then(|from| before.get(from))))
    }

    /// Returns the matched fields of a model by its index in the next schema.
    fn pairs(&self, at: usize) -> Option<&Pairs> {
        self.matching.fields.get(at)
    }
}

/// The first step about each model and field.
#[derive(Clone, Debug)]
struct Causes<'s>(Lookup<&'s str, (usize, Lookup<&'s str, usize>)>);

impl Default for Causes<'_> {
    fn default() -> Self {
        Self(Lookup::with_capacity(0))
    }
}

impl<'s> Causes<'s> {
    fn of(steps: &[Step<'s>]) -> Self {
        let mut causes = Self::default();
        for (at, step) in steps.iter().enumerate() {
            let Some(model) = step.model() else { continue };
            let first = match causes.0.get_mut(model) {
                Some(first) => first,
                None => {
                    causes.0.insert(model, (at, Lookup::with_capacity(0)));
                    let Some(first) = causes.0.get_mut(model) else { continue };
                    first
                }
            };
            if let Some(field) = step.field().filter(|field| first.1.get(*field).is_none()) {
                first.1.insert(field, at);
            }
        }
        causes
    }

    fn find(&self, model: &str, field: Option<&str>) -> Option<usize> {
        let (first, fields) = self.0.get(model)?;
        field.map_or(Some(*first), |field| fields.get(field).copied())
    }
}
