//! Which steps a person has to approve: those that lose values, and those after which more people may see rows.

use crate::plan::{Class, Needed};
use ablo_codegen::migrate::{Hazard, Migration};
use ablo_schema::diff::{Cast, Diff, Step};
use ablo_schema::schema::{Model, Plane};

/// What a step is about in the database as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The table.
    pub(crate) table: String,
    /// The column, where it is one alone.
    pub(crate) column: Option<String>,
}

/// Every approval that a migration needs, and what to count for it. What the statements say of themselves counts as much as
/// what the steps mean: whichever knows of a hazard asks.
pub(crate) fn needs(diff: &Diff<'_>, migration: &Migration) -> Vec<(Needed, Option<Subject>)> {
    let mut out: Vec<(Needed, Option<Subject>)> = Vec::new();
    for (at, step) in diff.steps().iter().enumerate() {
        let of_step = of_step(diff, step);
        let hazard =
            |hazard| migration.statements.iter().any(|one| one.cause == Some(at) && one.hazards.contains(&hazard));
        for (class, hazard) in [(Class::Loss, hazard(Hazard::Loss)), (Class::Isolation, hazard(Hazard::Isolation))] {
            let meant = of_step.as_ref().filter(|(of, ..)| *of == class);
            if meant.is_none() && !hazard {
                continue;
            }
            let (what, subject) = match meant {
                Some((_, what, subject)) => (what.clone(), subject.clone()),
                None => (format!("the step {at}, `{}`, has statements of this class", step.kind()), None),
            };
            let id = format!("{}:{at}", class.as_str());
            out.push((Needed { id, step: at, class, what, rows: None }, subject));
        }
    }
    out
}

fn of_step(diff: &Diff<'_>, step: &Step<'_>) -> Option<(Class, String, Option<Subject>)> {
    let before = |model: &Model| diff.prev_model(model.key.as_str()).map(|model| model.table.as_str().to_owned());
    let column =
        |model: &Model, column: &str| before(model).map(|table| Subject { table, column: Some(column.to_owned()) });
    let table = |model: &Model| before(model).map(|table| Subject { table, column: None });
    match step {
        Step::DropModel { model } if model.plane == Plane::Tenant => {
            let subject = Subject { table: model.table.as_str().to_owned(), column: None };
            Some((Class::Loss, format!("`{}` is dropped with all its rows", model.table.as_str()), Some(subject)))
        }
        Step::AlterPlane { model, from: Plane::Tenant, .. } => Some((
            Class::Loss,
            format!("`{}` leaves this database with all its rows", model.table.as_str()),
            table(model),
        )),
        Step::DropField { model, field } => {
            let what = format!("the values of `{}`.`{}` are dropped", model.key.as_str(), field.name.as_str());
            Some((Class::Loss, what, column(model, field.column.as_str())))
        }
        Step::AlterField { model, from, to, changes } => {
            let place = format!("`{}`.`{}`", model.key.as_str(), to.name.as_str());
            let removed = changes.enum_values.as_ref().is_some_and(|values| !values.removed.is_empty());
            let what = match &changes.kind {
                Some((_, _, Cast::NotCastable)) => {
                    format!("{place} starts anew: no value can become one of its new type")
                }
                Some((_, _, Cast::Risky)) => format!("values of {place} that do not fit its new type are lost"),
                _ if removed => format!("values of {place} that are no longer in its enum are lost"),
                _ => return None,
            };
            Some((Class::Loss, what, column(model, from.column.as_str())))
        }
        Step::AlterFacet { model, from, to, change } if change.cast.is_some_and(|cast| cast != Cast::Safe) => {
            let what = format!(
                "values of `{}`.`{}` that do not fit its new format are lost",
                model.key.as_str(),
                to.name.as_str()
            );
            Some((Class::Loss, what, column(model, from.column.as_str())))
        }
        Step::AlterTenancy { model, .. } => {
            let what = format!("who sees which rows of `{}` changes", model.key.as_str());
            Some((Class::Isolation, what, table(model)))
        }
        _ => None,
    }
}
