//! The parts of a plan that follow from its schemas alone.

use crate::approvals::required_approvals;
use crate::databases::lower;
use crate::error::Result;
use crate::plan::{Body, FORMAT};
use crate::session::Subject;
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::migrate::{Existing, held};
use ablo_codegen::shape::Layout;
use ablo_schema::diff::{Backfills, Diff};
use ablo_schema::schema::Plane;
use ablo_schema::{Hashes, Schema, canonical};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Builds the parts of a plan that need no database, and the rows to count for each approval.
pub(crate) fn draft(
    diff: &Diff<'_>,
    backfills: &Backfills,
    (dialect, target_schema): (Dialect, &str),
    existing: Existing,
    foreign_keys: bool,
) -> Result<(Body, Vec<Option<Subject>>)> {
    let migration = lower(dialect, diff, backfills, target_schema, existing, foreign_keys)?;
    let report = diff.report(backfills);
    let (approvals_needed, subjects) = required_approvals(&report, &migration).into_iter().unzip();
    let hash = |schema: &Schema| Hashes::of(schema).content.to_string();
    let tables: BTreeSet<&str> = [diff.prev(), Some(diff.next())]
        .into_iter()
        .flatten()
        .flat_map(Schema::models)
        .filter(|model| model.plane == Plane::Tenant)
        .map(|model| model.table.as_str())
        .collect();
    let body = Body {
        ablo_plan: FORMAT,
        dialect: dialect.as_str().to_owned(),
        target_schema: target_schema.to_owned(),
        foreign_keys,
        layout: Layout::CURRENT,
        from: diff.prev().map(hash),
        to: hash(diff.next()),
        tables: tables.into_iter().map(str::to_owned).collect(),
        fingerprint: None,
        rows: BTreeMap::new(),
        report: json(&report.to_value().to_json()),
        approvals_needed,
        locks: held(&migration.statements),
        statements: migration.statements,
        schema: json(&canonical::print(diff.next())),
        baseline: Value::Null,
        hints: json(&diff.hints().to_value().to_json()),
        backfills: json(&backfills.to_value().to_json()),
    };
    Ok((body, subjects))
}

/// Parses JSON that this program wrote.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
