//! Proves a migration: migrates a scratch database with generated rows, checks the invariants of
//! migrations, and returns the [`Evidence`]. Only scratch databases are changed.

pub mod conversion_oracle;
mod evidence;
mod isolation;
mod scratch_env;

pub use evidence::{Check, ColumnEvidence, Evidence, TableEvidence, Verdict};
pub use isolation::own_rows_sql;
pub use scratch_env::ScratchEnv;

use crate::catalog::Catalog;
use crate::codes;
use crate::compare::Difference;
use crate::error::{Error, Finding, Result};
use crate::plan::Plan;
use crate::postgres::{Database, Timeouts, quoted};
use crate::rows::{Cell, TableRows, rows};
use ablo_codegen::emit::sql::postgres::{PostgresOptions, provision};
use ablo_codegen::shape::{BaseField, ColumnShape, TableShape, tables};
use ablo_schema::diff::{Backfills, Diff, Hints, Report};
use ablo_schema::{Hashes, Schema};
use postgres::Client;

/// The database schema that contains the tables.
const SCHEMA: &str = "public";

/// Returns a string literal.
fn text(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn literal(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(value) | Cell::Date(value) | Cell::Json(value) | Cell::Digits(value) => {
            text(value)
        }
        Cell::Number(number) => format!("'{number:e}'"),
        Cell::Whole(number) => format!("'{number}'"),
        Cell::Boolean(flag) => flag.to_string(),
    }
}

/// Returns the statement that inserts a row.
#[must_use]
pub fn insert_sql(schema: &str, table: &TableRows, row: &[Cell]) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
    let values: Vec<String> = row.iter().map(literal).collect();
    let name = quoted(&table.table);
    format!(
        "INSERT INTO {}.{name} ({}) VALUES ({})",
        quoted(schema),
        columns.join(", "),
        values.join(", ")
    )
}

/// Proves one migration, with up to `count` rows in every table.
///
/// # Errors
/// `ablo::migrate::options`, or an error of the server that is unrelated to the migration.
pub fn prove(
    env: &mut ScratchEnv,
    diff: &Diff<'_>,
    backfills: &Backfills,
    count: usize,
    foreign_keys: bool,
) -> Result<Evidence> {
    let hash = |schema: Option<&Schema>| {
        schema.map(|schema| Hashes::of(schema).content.to_string()).unwrap_or_default()
    };
    let mut evidence = Evidence {
        verdict: Verdict::Broken,
        from: hash(diff.prev()),
        to: hash(Some(diff.next())),
        statements: 0,
        checks: Vec::new(),
        tables: Vec::new(),
        warnings: Vec::new(),
        refusals: Vec::new(),
    };
    let mut subject = env.database()?;
    if let Some(prev) = diff.prev() {
        provisioned(&mut subject, prev, foreign_keys)?;
        populate(&mut subject, prev, count)?;
        copy_tables(&mut subject, prev)?;
    }
    let before = subject.catalog()?;
    let plan = approved(&mut subject, diff, backfills, foreign_keys)?;
    let _ = subject.warnings();
    let applied = crate::apply(&mut subject, &plan, Timeouts::default());
    evidence.warnings = subject.warnings();
    match applied {
        Ok(outcome) => {
            evidence.statements = outcome.applied.transaction + outcome.applied.after_commit;
            check_migrated(env, &mut subject, diff, backfills, foreign_keys, &mut evidence)?;
            evidence.settle(Verdict::Proven);
        }
        Err(error) if error.0.iter().any(is_server_fault) => return Err(error),
        Err(error) => check_refused(&mut subject, error, &before, &mut evidence)?,
    }
    Ok(evidence)
}

/// Reports whether a finding is about the scratch server rather than the migration.
fn is_server_fault(finding: &Finding) -> bool {
    finding.code.name.starts_with("ablo::database::") && !codes::OF_QUERIES.contains(&finding.code)
}

/// Checks every invariant on a migrated database.
fn check_migrated(
    env: &mut ScratchEnv,
    subject: &mut Database,
    diff: &Diff<'_>,
    backfills: &Backfills,
    foreign_keys: bool,
    evidence: &mut Evidence,
) -> Result<()> {
    let next = diff.next();
    let mut reference = env.database()?;
    provisioned(&mut reference, next, foreign_keys)?;
    let has_unvalidated_key =
        evidence.warnings.iter().any(|finding| finding.code == codes::FOREIGN_KEY_NOT_VALIDATED);
    let found = comparable(subject.catalog()?, has_unvalidated_key);
    let expected = comparable(reference.catalog()?, has_unvalidated_key);
    let check = |what, faults| Check { what, faults };
    evidence.checks.push(check(
        "the catalog equals that of a database provisioned with the next schema",
        differing_tables(&found, &expected),
    ));
    let accepted = crate::drift(&mut reference, next, foreign_keys)?;
    let is_accepted = |one: &Difference| {
        accepted.contains(one) || has_unvalidated_key && one.code == codes::FOREIGN_KEY_MISSING
    };
    let drift =
        crate::drift(subject, next, foreign_keys)?.into_iter().filter(|one| !is_accepted(one));
    let drift = drift.map(|one| one.finding().to_string()).collect();
    evidence.checks.push(check("the catalog matches the next schema", drift));
    evidence.checks.push(check("a second run changes nothing", second_run(subject, next)?));
    evidence.tables = compare_rows(subject, diff, backfills)?;
    let missing = evidence
        .tables
        .iter()
        .filter(|table| table.after.is_some() && table.rows_before != table.rows_after);
    let missing = missing.map(|table| {
        format!("{:?}: {} of {} rows", table.after, table.rows_after, table.rows_before)
    });
    evidence.checks.push(check("every row is kept", missing.collect()));
    let mut undeclared = Vec::new();
    for table in &evidence.tables {
        let broken =
            table.columns.iter().filter(|column| column.broken > 0 || column.is_undeclared());
        undeclared.extend(broken.map(|column| format!("{:?}, {:?}", table.before, column.before)));
    }
    evidence.checks.push(check("every value is kept unless a step declares it lost", undeclared));
    let role = env.role()?;
    let leaks = isolation::leaks(subject, SCHEMA, &tables(next), &role)?;
    evidence.checks.push(check("each organisation sees its own rows and no others", leaks));
    Ok(())
}

/// Checks that a refused migration changed nothing and has a code of its own.
fn check_refused(
    subject: &mut Database,
    error: Error,
    before: &Catalog,
    evidence: &mut Evidence,
) -> Result<()> {
    let mut faults = Vec::new();
    if subject.catalog()? != *before {
        faults.push("the tables changed".to_owned());
    }
    if !subject.ledger()?.is_empty() {
        faults.push("the ledger has an entry".to_owned());
    }
    let has_own_code = |finding: &Finding| {
        !codes::OF_QUERIES.contains(&finding.code)
            && !matches!(
                finding.code,
                codes::STATEMENT_FAILED
                    | codes::applying::AFTER_COMMIT_FAILED
                    | codes::applying::BUSY
                    | codes::DATABASE_MOVED
            )
    };
    let unexplained: Vec<String> =
        error.0.iter().filter(|finding| !has_own_code(finding)).map(ToString::to_string).collect();
    evidence.checks.push(Check { what: "a refused migration changes nothing", faults });
    evidence
        .checks
        .push(Check { what: "a refused migration has a specific code", faults: unexplained });
    evidence.refusals = error.0;
    evidence.settle(Verdict::Refused);
    Ok(())
}

/// Makes the plan that `ablo migrate apply` would make, with every approval.
fn approved(
    subject: &mut Database,
    diff: &Diff<'_>,
    backfills: &Backfills,
    foreign_keys: bool,
) -> Result<Plan> {
    crate::current(subject, diff.prev())?;
    let mut plan = crate::plan_for(subject, diff, backfills, foreign_keys)?;
    let ids: Vec<String> =
        plan.body.approvals_needed.iter().map(|needed| needed.id.clone()).collect();
    ids.iter().try_for_each(|id| plan.approve(id, Some("ablo migrate prove")))?;
    Ok(plan)
}

fn provisioned(database: &mut Database, schema: &Schema, foreign_keys: bool) -> Result<()> {
    let options = PostgresOptions {
        schema: Some(SCHEMA.to_owned()),
        foreign_keys,
        ..PostgresOptions::default()
    };
    let program =
        provision(schema, &options).map_err(|error| Finding::new(codes::OPTIONS, error.message))?;
    for sql in std::iter::once(&program.transaction).chain(&program.after_commit) {
        database.client.batch_execute(sql)?;
    }
    Ok(())
}

/// Runs `run` in a transaction in which row security does not apply to the owner. Commits it if
/// `commit` is set, else rolls it back.
fn without_row_security<T>(
    database: &mut Database,
    commit: bool,
    run: impl FnOnce(&mut Client) -> Result<T>,
) -> Result<T> {
    let client = &mut database.client;
    let forced = "SELECT format('%I.%I', nspname, relname) FROM pg_class c \
        JOIN pg_namespace n ON n.oid = relnamespace \
        WHERE relforcerowsecurity AND relkind = 'r' AND nspname = $1";
    let forced: Vec<String> = client
        .query(forced, &[&SCHEMA])?
        .iter()
        .map(|row| row.try_get(0))
        .collect::<std::result::Result<_, _>>()?;
    let all = |word: &str| -> String {
        forced
            .iter()
            .map(|table| format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY;"))
            .collect()
    };
    client.batch_execute(&format!("BEGIN; {}", all("NO FORCE")))?;
    let result = run(client);
    let end = if commit && result.is_ok() {
        // Foreign keys are checked while every row is visible.
        format!("SET CONSTRAINTS ALL IMMEDIATE; {} COMMIT", all("FORCE"))
    } else {
        "ROLLBACK".to_owned()
    };
    let ended = client.batch_execute(&end);
    let value = result?;
    ended?;
    Ok(value)
}

fn populate(database: &mut Database, schema: &Schema, count: usize) -> Result<()> {
    without_row_security(database, true, |client| {
        client.batch_execute("SET CONSTRAINTS ALL DEFERRED")?;
        for table in rows(schema, count) {
            for row in &table.rows {
                client.batch_execute(&insert_sql(SCHEMA, &table, row))?;
            }
        }
        Ok(())
    })
}

/// Copies every table to the schema `keep`.
fn copy_tables(database: &mut Database, schema: &Schema) -> Result<()> {
    without_row_security(database, true, |client| {
        client.batch_execute("CREATE SCHEMA keep")?;
        for table in tables(schema) {
            let name = quoted(table.name());
            client.batch_execute(&format!("CREATE TABLE keep.{name} AS TABLE {SCHEMA}.{name}"))?;
        }
        Ok(())
    })
}

/// Returns the statements that a second run would execute.
fn second_run(subject: &mut Database, next: &Schema) -> Result<Vec<String>> {
    let current = crate::current(subject, None)?;
    let at = current.schema.as_ref();
    let invalid = |faults| {
        Finding::new(codes::LEDGER_SCHEMA_INVALID, format!("the schema of the ledger: {faults:?}"))
    };
    let diff = ablo_schema::diff::diff(at, next, &Hints::default()).map_err(invalid)?;
    let plan = crate::plan_for(
        subject,
        &diff,
        &Backfills::default(),
        current.foreign_keys.unwrap_or_default(),
    )?;
    Ok(plan.body.statements.into_iter().map(|statement| statement.sql).collect())
}

/// Removes what a comparison ignores: the order of columns and, if there is an unvalidated key,
/// whether keys are validated.
fn comparable(mut catalog: Catalog, has_unvalidated_key: bool) -> Catalog {
    for table in catalog.tables.values_mut() {
        table.columns.sort_by(|one, other| one.name.cmp(&other.name));
        table.foreign_keys.values_mut().for_each(|key| key.validated |= has_unvalidated_key);
    }
    catalog
}

/// Describes the tables in which two catalogs differ.
fn differing_tables(found: &Catalog, expected: &Catalog) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> =
        found.tables.keys().chain(expected.tables.keys()).collect();
    let mut faults = Vec::new();
    for name in names {
        let (found, expected) = (found.tables.get(name), expected.tables.get(name));
        if found != expected {
            let show = |table| serde_json::to_string(&table).unwrap_or_default();
            faults.push(format!("{name}: found {}, expected {}", show(found), show(expected)));
        }
    }
    faults
}

/// Returns the effect on every table and column.
fn compare_rows(
    subject: &mut Database,
    diff: &Diff<'_>,
    backfills: &Backfills,
) -> Result<Vec<TableEvidence>> {
    let report = diff.report(backfills);
    let (was, is) = (diff.prev().map(tables).unwrap_or_default(), tables(diff.next()));
    without_row_security(subject, false, |client| {
        let mut evidence = Vec::new();
        let mut followed = Vec::new();
        for is in &is {
            let before = diff.prev_model(is.model.key.as_str());
            let before = before
                .and_then(|model| was.iter().find(|table| table.name() == model.table.as_str()));
            if let Some(was) = before {
                followed.push(was.name());
                evidence.push(table(client, diff, backfills, &report, was, is)?);
            }
        }
        for was in was.iter().filter(|table| !followed.contains(&table.name())) {
            evidence.push(dropped(client, &report, was)?);
        }
        Ok(evidence)
    })
}

fn table(
    client: &mut Client,
    diff: &Diff<'_>,
    backfills: &Backfills,
    report: &Report<'_, '_>,
    was: &TableShape<'_>,
    is: &TableShape<'_>,
) -> Result<TableEvidence> {
    let (old, new) =
        (format!("keep.{}", quoted(was.name())), format!("{SCHEMA}.{}", quoted(is.name())));
    let rows_before = number(client, &format!("SELECT count(*) FROM {old}"))?;
    let rows_after = number(client, &format!("SELECT count(*) FROM {old} JOIN {new} USING (id)"))?;
    let key = is.model.key.as_str();
    let mut columns = Vec::new();
    let mut followed = Vec::new();
    for column in &is.columns {
        let Some(before) = before(diff, was, is, column) else { continue };
        followed.push(before.name);
        let expected = conversion_oracle::expectation(diff, backfills, was, is, column.name);
        let condition = expected.map_or_else(|| "true".to_owned(), |expected| expected.condition);
        let mut evidence = compare_column(
            client,
            &format!("{old} AS b JOIN {new} AS a USING (id)"),
            before,
            column,
            &condition,
        )?;
        evidence.declared = declared(report, key, column.field.map(|field| field.name.as_str()));
        columns.push(evidence);
    }
    for dropped in was.columns.iter().filter(|column| !followed.contains(&column.name)) {
        let lost = number(client, &format!("SELECT count({}) FROM {old}", quoted(dropped.name)))?;
        let declared = declared(report, key, dropped.field.map(|field| field.name.as_str()));
        columns.push(ColumnEvidence {
            before: Some(dropped.name.to_owned()),
            lost,
            declared,
            ..ColumnEvidence::default()
        });
    }
    let (before, after) = (Some(was.name().to_owned()), Some(is.name().to_owned()));
    Ok(TableEvidence { before, after, rows_before, rows_after, columns })
}

/// Returns the column that had the values before, including a declared column that became a base
/// column of the same name, or the other way round.
fn before<'w, 's>(
    diff: &Diff<'_>,
    was: &'w TableShape<'s>,
    is: &TableShape<'_>,
    column: &ColumnShape<'_>,
) -> Option<&'w ColumnShape<'s>> {
    conversion_oracle::column_before(diff, was, is, column).or_else(|| {
        let same = was.columns.iter().find(|old| old.name == column.name)?;
        let is_claimed = is.columns.iter().any(|other| {
            conversion_oracle::column_before(diff, was, is, other)
                .is_some_and(|claimed| claimed.name == same.name)
        });
        (!is_claimed && same.field.is_none() != column.field.is_none()).then_some(same)
    })
}

fn compare_column(
    client: &mut Client,
    from: &str,
    before: &ColumnShape<'_>,
    column: &ColumnShape<'_>,
    condition: &str,
) -> Result<ColumnEvidence> {
    let (b, a) = (format!("b.{}", quoted(before.name)), format!("a.{}", quoted(column.name)));
    // The joined column `id` is unqualified.
    let is_id = column.base == Some(BaseField::Id);
    let (b, a) = if is_id { ("id".to_owned(), "id".to_owned()) } else { (b, a) };
    let condition = if is_id { "true" } else { condition };
    let of = |condition: String| format!("count(*) FILTER (WHERE {condition})");
    let sql = format!(
        "SELECT {}, {}, {}, {}, {} FROM {from}",
        of(format!("{a}::text IS NOT DISTINCT FROM {b}::text")),
        of(format!("{a}::text <> {b}::text")),
        of(format!("{b} IS NULL AND {a} IS NOT NULL")),
        of(format!("{b} IS NOT NULL AND {a} IS NULL")),
        of(format!("NOT ({condition})")),
    );
    let row = client.query_one(&sql, &[])?;
    let count = |at: usize| -> Result<u64> {
        Ok(u64::try_from(row.try_get::<_, i64>(at)?).unwrap_or_default())
    };
    let other = count(1)?;
    let is_same_type = before.kind == column.kind
        || matches!(column.kind, ablo_codegen::shape::ColumnKind::Enum(_));
    let (converted, replaced) = if is_same_type { (0, other) } else { (other, 0) };
    Ok(ColumnEvidence {
        before: Some(before.name.to_owned()),
        after: Some(column.name.to_owned()),
        kept: count(0)?,
        converted,
        filled: count(2)?,
        replaced,
        emptied: count(3)?,
        broken: count(4)?,
        ..ColumnEvidence::default()
    })
}

fn dropped(
    client: &mut Client,
    report: &Report<'_, '_>,
    was: &TableShape<'_>,
) -> Result<TableEvidence> {
    let old = format!("keep.{}", quoted(was.name()));
    let rows_before = number(client, &format!("SELECT count(*) FROM {old}"))?;
    let declared = declared(report, was.model.key.as_str(), None);
    let mut columns = Vec::new();
    for column in &was.columns {
        let lost = number(client, &format!("SELECT count({}) FROM {old}", quoted(column.name)))?;
        let (before, declared) = (Some(column.name.to_owned()), declared.clone());
        columns.push(ColumnEvidence { before, lost, declared, ..ColumnEvidence::default() });
    }
    Ok(TableEvidence {
        before: Some(was.name().to_owned()),
        after: None,
        rows_before,
        rows_after: 0,
        columns,
    })
}

/// Returns the losses that the verdict declares for a field or its model.
fn declared(report: &Report<'_, '_>, model: &str, field: Option<&str>) -> Vec<&'static str> {
    let here = report
        .verdict
        .warnings
        .iter()
        .filter(|warning| warning.model == model && warning.risk.class().loss);
    here.filter(|warning| warning.field.is_none() || warning.field == field)
        .map(|warning| warning.risk.message())
        .collect()
}

fn number(client: &mut Client, sql: &str) -> Result<u64> {
    Ok(u64::try_from(client.query_one(sql, &[])?.try_get::<_, i64>(0)?).unwrap_or_default())
}
