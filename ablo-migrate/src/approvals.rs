//! Determines which steps need an approval: those that lose values, and those that open rows to
//! more readers.

use crate::plan::{Class, RequiredApproval};
use crate::session::Subject;
use ablo_codegen::migrate::{Hazard, Loss, Migration};
use ablo_schema::diff::{Diff, Report, Warning};
use std::collections::BTreeMap;

/// Returns every approval that a migration needs, ordered by step, with the rows to count for it.
/// Both the report and the hazards of the statements can require one.
pub(crate) fn required_approvals(
    report: &Report<'_, '_>,
    migration: &Migration,
) -> Vec<(RequiredApproval, Option<Subject>)> {
    let mut required: BTreeMap<(usize, Class), (Vec<String>, Option<Subject>)> = BTreeMap::new();
    for warning in &report.verdict.warnings {
        let class = warning.risk.class();
        for class in
            [class.loss.then_some(Class::Loss), class.isolation.then_some(Class::Isolation)]
                .into_iter()
                .flatten()
        {
            let (what, subject) = required.entry((warning.step, class)).or_default();
            what.push(name(warning) + ": " + warning.risk.message());
            let loss = migration.losses.get(&warning.step).filter(|_| class == Class::Loss);
            *subject = subject.take().or_else(|| self::subject(report.diff, warning, loss));
        }
    }
    // Statements without a step change the layout of the tables. They follow all steps.
    let layout = report.diff.steps().len();
    for statement in &migration.statements {
        for (hazard, class) in [(Hazard::Loss, Class::Loss), (Hazard::Isolation, Class::Isolation)]
        {
            if statement.hazards.contains(&hazard) {
                let step = statement.cause.unwrap_or(layout);
                let (what, _) = required.entry((step, class)).or_default();
                if what.is_empty() {
                    what.push(statement.sql.clone());
                }
            }
        }
    }
    let approval =
        |((step, class), (what, subject)): ((usize, Class), (Vec<String>, Option<Subject>))| {
            let id = match step == layout {
                true => format!("{}:layout", class.as_str()),
                false => format!("{}:{step}", class.as_str()),
            };
            (RequiredApproval { id, step, class, what: what.join("; "), rows: None }, subject)
        };
    required.into_iter().map(approval).collect()
}

fn name(warning: &Warning<'_>) -> String {
    match warning.field {
        Some(field) => format!("`{}.{field}`", warning.model),
        None => format!("`{}`", warning.model),
    }
}

/// Returns the table, column and rows of a warning under their names before the migration.
fn subject(diff: &Diff<'_>, warning: &Warning<'_>, loss: Option<&Loss>) -> Option<Subject> {
    let prev = diff.prev_model(warning.model).or_else(|| diff.prev()?.model(warning.model))?;
    let field = warning
        .field
        .map(|field| diff.prev_field(warning.model, field).or_else(|| prev.field(field)));
    let column = field.flatten().map(|field| field.column.as_str().to_owned());
    Some(Subject { table: prev.table.as_str().to_owned(), column, loss: loss.cloned() })
}
