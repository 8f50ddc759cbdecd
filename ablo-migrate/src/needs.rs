//! Which steps a person has to approve: those that lose values, and those after which others may see rows.

use crate::plan::{Class, Needed};
use ablo_codegen::migrate::{Hazard, Migration};
use ablo_schema::diff::{Diff, Report, Warning};
use std::collections::BTreeMap;

/// What a step is about in the database as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The table.
    pub(crate) table: String,
    /// The column, where it is one alone.
    pub(crate) column: Option<String>,
}

/// Every approval that a migration needs, by step, and what to count for it. The report asks for what the steps mean, and each
/// statement for what it does: whichever knows of a hazard is enough.
pub(crate) fn needs(
    report: &Report<'_, '_>,
    migration: &Migration,
) -> Vec<(Needed, Option<Subject>)> {
    let mut asked: BTreeMap<(usize, Class), (Vec<String>, Option<Subject>)> = BTreeMap::new();
    for warning in &report.verdict.warnings {
        let class = warning.risk.class();
        for class in
            [class.loss.then_some(Class::Loss), class.isolation.then_some(Class::Isolation)]
                .into_iter()
                .flatten()
        {
            let (what, subject) = asked.entry((warning.step, class)).or_default();
            what.push(place(warning) + ": " + warning.risk.message());
            *subject = subject.take().or_else(|| self::subject(report.diff, warning));
        }
    }
    for statement in &migration.statements {
        for (hazard, class) in [(Hazard::Loss, Class::Loss), (Hazard::Isolation, Class::Isolation)]
        {
            if let Some(step) = statement.cause.filter(|_| statement.hazards.contains(&hazard)) {
                let (what, _) = asked.entry((step, class)).or_default();
                if what.is_empty() {
                    what.push(statement.sql.clone());
                }
            }
        }
    }
    let needed =
        |((step, class), (what, subject)): ((usize, Class), (Vec<String>, Option<Subject>))| {
            let id = format!("{}:{step}", class.as_str());
            (Needed { id, step, class, what: what.join("; "), rows: None }, subject)
        };
    asked.into_iter().map(needed).collect()
}

fn place(warning: &Warning<'_>) -> String {
    match warning.field {
        Some(field) => format!("`{}.{field}`", warning.model),
        None => format!("`{}`", warning.model),
    }
}

/// The table and column as they are named before the migration.
fn subject(diff: &Diff<'_>, warning: &Warning<'_>) -> Option<Subject> {
    let prev = diff.prev_model(warning.model).or_else(|| diff.prev()?.model(warning.model))?;
    let field = warning
        .field
        .map(|field| diff.prev_field(warning.model, field).or_else(|| prev.field(field)));
    let column = field.flatten().map(|field| field.column.as_str().to_owned());
    Some(Subject { table: prev.table.as_str().to_owned(), column })
}
