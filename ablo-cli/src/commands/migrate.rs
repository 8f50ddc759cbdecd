//! `ablo migrate`: plans, approves and applies migrations.

use super::change::with_diff;
use crate::args::database::{
    ApplyArgs, ApprovalClass, ApproveArgs, ChangeArgs, ContinueArgs, DatabaseArgs, DriftArgs,
    LockArgs, MigrateCommand, PlanArgs, StatusArgs,
};
use crate::args::{InputArgs, ReadArgs};
use crate::codes;
use crate::database;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::{Outcome, counted};
use crate::{input, settings, source};
use ablo_codegen::emit::sql::{postgres, sqlite};
use ablo_codegen::migrate::{LockMode, Migration};
use ablo_migrate::plan::Class;
use ablo_migrate::{
    ApproverKey, Dialect, IfMissing, Plan, Session, SignedStep, Timeouts, compare::Difference,
    ledger::State,
};
use ablo_schema::{Hashes, Schema};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The maximum size of a plan, in bytes.
const MAX_PLAN_BYTES: usize = 256 << 20;

pub(crate) fn run(command: &MigrateCommand) -> Result<Outcome, Failure> {
    match command {
        MigrateCommand::Plan(args) if args.offline => plan_offline(args),
        MigrateCommand::Plan(args) => plan(args),
        MigrateCommand::Adopt(args) => super::adopt::run(args),
        MigrateCommand::Approve(args) => approve(args),
        MigrateCommand::Apply(args) => apply(args),
        MigrateCommand::Resume(args) => resume(args, ablo_migrate::resume, "resumed"),
        MigrateCommand::Skip(args) => resume(args, ablo_migrate::skip, "skipped a statement"),
        MigrateCommand::Undo(args) => undo(args),
        MigrateCommand::Status(args) => status(args),
        MigrateCommand::Drift(args) => drift(args),
        MigrateCommand::Prove(args) => super::prove::run(args),
    }
}

fn plan(args: &PlanArgs) -> Result<Outcome, Failure> {
    if let [_, second, ..] = args.schemas.as_slice() {
        let message = format!(
            "unexpected schema `{}`; the database has the previous schema",
            second.display()
        );
        let finding = Finding::new(codes::ARGUMENT_INVALID, message)
            .help(Some("pass two schemas only with `--offline`".to_owned()));
        return Err(Failure::new(Exit::CannotRun, Report::about(None, vec![finding])));
    }
    let next = next_schema(args.schemas.first(), &args.change)?;
    let mut database = open(&args.database, IfMissing::TreatAsEmpty)?;
    let plan = make(&mut *database, &next, &args.change)?;
    let text = plan.to_json();
    let mut outcome = Outcome::text(String::new());
    match &args.out {
        Some(path) => {
            write(path, &text)?;
            outcome.remark = format!("{}plan: {}\n", summary(&plan), path.display());
        }
        None => outcome.text = text,
    }
    outcome.exit = exit(&plan);
    Ok(outcome)
}

fn plan_offline(args: &PlanArgs) -> Result<Outcome, Failure> {
    let (prev, next) = match args.schemas.as_slice() {
        [prev, next, ..] => {
            (Some(earlier(prev, &args.change.read)?), input::schema(next, &args.change.read)?)
        }
        alone => (None, next_schema(alone.first(), &args.change)?),
    };
    let schema = &args.database.layout.schema;
    let (plan, programs) = with_diff(
        prev.as_ref(),
        &next,
        args.change.hints.as_deref(),
        args.change.backfills.as_deref(),
        |diff, backfills| {
            let dialect = args.dialect.0;
            let schema = if dialect == Dialect::Sqlite { "main" } else { schema };
            let plan = ablo_migrate::offline(diff, backfills, dialect, schema, true)
                .map_err(|error| database::failure(&error))?;
            let statements = plan.body.statements.clone();
            let migration = Migration { statements, ..Migration::default() };
            let about = |at| diff.steps().get(at).map(ToString::to_string);
            let programs = match dialect {
                Dialect::Postgres => postgres::files(&migration, &about),
                Dialect::Sqlite => sqlite::files(&migration, &about),
            };
            Ok((plan, programs))
        },
    )?;
    // `--offline` requires `--out`.
    let folder = args.out.clone().unwrap_or_default();
    std::fs::create_dir_all(&folder).map_err(|error| write_failure(&folder, &error))?;
    let plan_text = plan.to_json();
    for (name, text) in [
        ("plan.json", &plan_text),
        ("migrate.sql", &programs.migrate),
        ("after-commit.sql", &programs.after_commit),
    ] {
        write(&folder.join(name), text)?;
    }
    let remark = format!(
        "{}wrote plan.json, migrate.sql and after-commit.sql to {}\n",
        summary(&plan),
        folder.display()
    );
    Ok(Outcome { exit: exit(&plan), remark, ..Outcome::text(String::new()) })
}

fn approve(args: &ApproveArgs) -> Result<Outcome, Failure> {
    let mut plan = read_plan(&args.plan)?;
    let class = args.all_of.map(|class| match class {
        ApprovalClass::Loss => Class::Loss,
        ApprovalClass::Isolation => Class::Isolation,
    });
    let needed = plan.body.approvals_needed.iter().filter(|needed| Some(needed.class) == class);
    let ids: Vec<String> =
        args.steps.iter().cloned().chain(needed.map(|needed| needed.id.clone())).collect();
    if let Some(path) = &args.key {
        let failed = |error: ablo_migrate::Error| database::failure(&error);
        let key = ApproverKey::read(path).map_err(failed)?;
        let mut database = open(&args.database, IfMissing::Fail)?;
        let signed = ablo_migrate::sign(&mut *database, &mut plan, &ids, &key, args.valid_for)
            .map_err(failed)?;
        write(&args.plan, &plan.to_json())?;
        return Ok(Outcome { remark: signed_remark(&signed), ..Outcome::text(String::new()) });
    }
    for id in &ids {
        plan.approve(id, args.by.as_deref()).map_err(|error| database::failure(&error))?;
    }
    write(&args.plan, &plan.to_json())?;
    let missing = plan.check_approvals().map_or_else(|error| error.0.len(), |()| 0);
    let remark = format!("{} approved, {missing} missing\n", ids.len());
    Ok(Outcome { remark, ..Outcome::text(String::new()) })
}

/// Lists what was signed.
fn signed_remark(signed: &[SignedStep]) -> String {
    let mut out = String::new();
    for SignedStep { id, what, rows } in signed {
        let rows = rows.map(|rows| format!(", {}", counted_rows(rows))).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "signed `{id}`: {what}{rows}");
    }
    out
}

fn apply(args: &ApplyArgs) -> Result<Outcome, Failure> {
    let planned = args.plan.as_deref().map(read_plan).transpose()?;
    let next =
        if planned.is_none() { Some(next_schema(args.next.as_ref(), &args.change)?) } else { None };
    let mut database = open(&args.database, IfMissing::Create)?;
    let timeouts = timeouts(&args.locks);
    let failed = |error: ablo_migrate::Error| database::failure(&error);
    let finished = ablo_migrate::finish(&mut *database, timeouts).map_err(failed)?;
    let plan = match (planned, &next) {
        (Some(plan), _) => plan,
        (None, Some(next)) => make(&mut *database, next, &args.change)?,
        (None, None) => return Ok(Outcome::text(String::new())),
    };
    let nothing_to_do =
        plan.body.from.as_ref() == Some(&plan.body.to) && plan.body.statements.is_empty();
    if nothing_to_do && is_recorded(&mut *database, &plan).map_err(failed)? {
        return Ok(done(&mut *database, finished, "the database is up to date"));
    }
    let outcome = ablo_migrate::apply(&mut *database, &plan, timeouts).map_err(failed)?;
    let count = counted(outcome.applied.transaction + outcome.applied.after_commit, "statement");
    let remark = if outcome.already_applied {
        "the plan was already applied".to_owned()
    } else {
        format!("applied: {count}")
    };
    Ok(done(&mut *database, finished, &remark))
}

fn timeouts(args: &LockArgs) -> Timeouts {
    let LockArgs { lock_timeout, lock_attempts, .. } = *args;
    Timeouts { table_lock: lock_timeout, attempts: lock_attempts, ..Timeouts::default() }
}

/// Continues an unfinished migration, and says how.
fn resume(
    args: &ContinueArgs,
    run: fn(&mut dyn Session, &str, Timeouts) -> ablo_migrate::Result<usize>,
    how: &str,
) -> Result<Outcome, Failure> {
    let mut database = open(&args.database, IfMissing::Fail)?;
    let ran = run(&mut *database, &args.reason, timeouts(&args.locks))
        .map_err(|error| database::failure(&error))?;
    Ok(done(&mut *database, 0, &format!("{how}, and finished: {}", counted(ran, "statement"))))
}

fn undo(args: &ContinueArgs) -> Result<Outcome, Failure> {
    let mut database = open(&args.database, IfMissing::Fail)?;
    let applied = ablo_migrate::undo(&mut *database, &args.reason, timeouts(&args.locks))
        .map_err(|error| database::failure(&error))?;
    let count = counted(applied.transaction + applied.after_commit, "statement");
    Ok(done(&mut *database, 0, &format!("undone: {count}")))
}

/// Reports whether the ledger is at the schema of a plan.
fn is_recorded(database: &mut dyn Session, plan: &Plan) -> ablo_migrate::Result<bool> {
    Ok(database.ledger()?.last().is_some_and(|entry| entry.record.to == plan.body.to))
}

/// Returns the outcome of an apply, with the warnings of the server.
fn done(database: &mut dyn Session, finished: usize, remark: &str) -> Outcome {
    let before = if finished > 0 {
        format!("finished an earlier migration: {}\n", counted(finished, "statement"))
    } else {
        String::new()
    };
    let warnings: Vec<Finding> = database.warnings().iter().map(database::finding).collect();
    let reports =
        if warnings.is_empty() { Vec::new() } else { vec![Report::about(None, warnings)] };
    Outcome { remark: format!("{before}{remark}\n"), reports, ..Outcome::text(String::new()) }
}

fn status(args: &StatusArgs) -> Result<Outcome, Failure> {
    let next = args.next.as_deref().map(|path| input::schema(path, &args.read)).transpose()?;
    let mut database = open(&args.database, IfMissing::Fail)?;
    let failed = |error: ablo_migrate::Error| database::failure(&error);
    let current = ablo_migrate::current(&mut *database, None).map_err(failed)?;
    let mut findings = Vec::new();
    let finding = |name: &str, message: String| {
        ablo_migrate::Code::find(name).map(|code| Finding::new(code, message))
    };
    if let Some(entry) = &current.entry
        && let State::AfterCommit(next) = entry.state
    {
        findings.extend(finding(
            "ablo::migrate::unfinished",
            format!("entry {} is at after-commit statement {}", entry.id, next + 1),
        ));
    }
    let hash = |schema: &Schema| Hashes::of(schema).content.to_string();
    let at = current.schema.as_ref().map(hash);
    if let Some(next) = &next
        && at.as_ref() != Some(&hash(next))
    {
        let at = at.as_deref().unwrap_or("no schema");
        findings.extend(finding(
            "ablo::migrate::behind",
            format!("the database is at {at}, the schema is {}", hash(next)),
        ));
    }
    if let Some(schema) = &current.schema {
        let drift =
            ablo_migrate::drift(&mut *database, schema, current.foreign_keys.unwrap_or(true));
        findings.extend(
            drift
                .map_err(failed)?
                .iter()
                .map(|difference| database::finding(&difference.finding())),
        );
    }
    let at = current.entry.as_ref().map_or_else(
        || "no migration was applied\n".to_owned(),
        |entry| {
            let notes = entry.notes.iter().map(|note| {
                format!("  {} at {}: {}\n", note.action.as_str(), note.at, note.reason)
            });
            let applied =
                format!("up to date: {}, applied {}\n", entry.record.to, entry.applied_at);
            std::iter::once(applied).chain(notes).collect()
        },
    );
    Ok(outcome(findings, at))
}

fn drift(DriftArgs { status: args, privileges }: &DriftArgs) -> Result<Outcome, Failure> {
    let mut database = open(&args.database, IfMissing::Fail)?;
    let failed = |error: ablo_migrate::Error| database::failure(&error);
    let given = args.next.as_deref().map(|path| input::schema(path, &args.read)).transpose()?;
    let (schema, foreign_keys) = match given {
        Some(schema) => (schema, true),
        None => {
            let current = ablo_migrate::current(&mut *database, None).map_err(failed)?;
            let Some(schema) = current.schema else {
                let code = ablo_migrate::Code::find("ablo::migrate::no_ledger");
                let message = format!("no migration was applied to `{}`", database.schema_name());
                let findings = code.map(|code| Finding::new(code, message)).into_iter().collect();
                return Ok(outcome(findings, String::new()));
            };
            (schema, current.foreign_keys.unwrap_or(true))
        }
    };
    let mut differences =
        ablo_migrate::drift(&mut *database, &schema, foreign_keys).map_err(failed)?;
    if *privileges {
        differences.extend(ablo_migrate::privileges(&mut *database, &schema).map_err(failed)?);
    }
    let findings =
        differences.iter().map(|difference| database::finding(&difference.finding())).collect();
    Ok(outcome(findings, "the database matches the schema\n".to_owned()))
}

/// Returns the differences that may make programs of this schema fail.
pub(crate) fn incompatibilities(
    schema: &Schema,
    args: &DatabaseArgs,
) -> Result<Vec<Finding>, Failure> {
    let mut database = open(args, IfMissing::Fail)?;
    let found = ablo_migrate::drift(&mut *database, schema, true);
    let found = found.map_err(|error| database::failure(&error))?;
    let is_incompatible = |difference: &&Difference| difference.incompatible;
    Ok(found
        .iter()
        .filter(is_incompatible)
        .map(|difference| database::finding(&difference.finding()))
        .collect())
}

fn outcome(findings: Vec<Finding>, remark_if_clean: String) -> Outcome {
    let mut outcome = Outcome::text(String::new());
    if findings.is_empty() {
        outcome.remark = remark_if_clean;
    } else {
        outcome.exit = Exit::Errors;
        outcome.reports = vec![Report::about(None, findings)];
    }
    outcome
}

/// Makes a plan for a database.
fn make(database: &mut dyn Session, next: &Schema, change: &ChangeArgs) -> Result<Plan, Failure> {
    let failed = |error: ablo_migrate::Error| database::failure(&error);
    let earlier = |path| earlier(path, &change.read);
    let baseline = change.from.as_deref().map(earlier).transpose()?;
    let current = ablo_migrate::current(database, baseline.as_ref()).map_err(failed)?;
    if let Some(entry) = current.entry.as_ref().filter(|entry| entry.state != State::Done) {
        let code = ablo_migrate::Code::find("ablo::migrate::unfinished");
        let message = format!("entry {} of the ledger is not finished", entry.id);
        return Err(Failure::new(
            Exit::Errors,
            Report::about(None, code.map(|code| Finding::new(code, message)).into_iter().collect()),
        ));
    }
    let foreign_keys = current.foreign_keys.unwrap_or(true);
    let plan = with_diff(
        current.schema.as_ref(),
        next,
        change.hints.as_deref(),
        change.backfills.as_deref(),
        |diff, backfills| {
            ablo_migrate::plan_for(database, diff, backfills, foreign_keys).map_err(failed)
        },
    )?;
    check_up_to_date(database, &plan, next)?;
    Ok(plan)
}

/// Checks that the tables are those of the schema to which nothing has to be changed.
fn check_up_to_date(database: &mut dyn Session, plan: &Plan, next: &Schema) -> Result<(), Failure> {
    if plan.body.from.as_ref() != Some(&plan.body.to) || !plan.body.statements.is_empty() {
        return Ok(());
    }
    let found = ablo_migrate::drift(database, next, plan.body.foreign_keys)
        .map_err(|error| database::failure(&error))?;
    let findings: Vec<_> = found
        .iter()
        .filter(|one| one.incompatible || !one.is_addition())
        .map(|one| database::finding(&one.finding()))
        .collect();
    match findings.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(Exit::Errors, Report::about(None, findings))),
    }
}

pub(super) fn open(
    args: &DatabaseArgs,
    if_missing: IfMissing,
) -> Result<Box<dyn Session>, Failure> {
    let address = database::address(args.database_url.as_deref())?;
    database::connect(&address, &args.layout.schema, if_missing)
}

/// Reads the schema of this file, else that of ablo.toml.
fn next_schema(file: Option<&PathBuf>, change: &ChangeArgs) -> Result<Schema, Failure> {
    let (file, config) = (file.cloned(), change.config.clone());
    let named = InputArgs { file, config, format: change.format, read: change.read.clone() };
    let schema = settings::schema_file(&named)?;
    input::schema(&schema.path, &schema.read)
}

fn earlier(path: &Path, read: &ReadArgs) -> Result<Schema, Failure> {
    input::schema(path, &read.earlier())
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let source = source::read(path, MAX_PLAN_BYTES)?;
    Plan::read(&source.text).map_err(|error| {
        let findings = error.0.iter().map(database::finding).collect();
        Failure::new(Exit::CannotRun, Report::about(Some(path), findings))
    })
}

fn exit(plan: &Plan) -> Exit {
    if plan.check_approvals().is_ok() && plan.is_decided() { Exit::Clean } else { Exit::Errors }
}

/// Summarises a plan.
fn summary(plan: &Plan) -> String {
    let body = &plan.body;
    let steps = body.report["steps"].as_array().map_or(0, Vec::len);
    let mut out =
        format!("{}, {}\n", counted(steps, "step"), counted(body.statements.len(), "statement"));
    for (table, rows) in &body.rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "  {table}: {}{}",
            if rows.exact { "" } else { "about " },
            counted_rows(rows.count)
        );
    }
    for held in body.locks.iter().filter(|held| held.mode >= LockMode::Share) {
        let _ = match (held.from, held.to) {
            (from, to) if from == to => {
                writeln!(out, "  {}: {} in statement {from}", held.table, held.mode)
            }
            (from, to) => {
                writeln!(out, "  {}: {} in statements {from} to {to}", held.table, held.mode)
            }
        };
    }
    let list = |name: &str| body.report[name].as_array().into_iter().flatten();
    for rename in list("possibleRenames") {
        let _ =
            writeln!(out, "  possible rename: hint {} or {}", rename["renamed"], rename["dropped"]);
    }
    for open in list("unresolvedBlockers")
        .chain(list("warnings").filter(|warning| !warning["needs"].is_null()))
    {
        let _ = writeln!(
            out,
            "  needs a value: {}.{}, {}",
            text(&open["model"]),
            text(&open["field"]),
            text(&open["remedy"])
        );
    }
    for needed in &body.approvals_needed {
        let rows = needed.rows.map(|rows| format!(", {}", counted_rows(rows))).unwrap_or_default();
        let _ = writeln!(out, "  needs approval `{}`: {}{rows}", needed.id, needed.what);
    }
    out
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn counted_rows(rows: u64) -> String {
    format!("{rows} row{}", if rows == 1 { "" } else { "s" })
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| write_failure(path, &error))
}

fn write_failure(path: &Path, error: &std::io::Error) -> Failure {
    let finding =
        Finding::new(codes::OUTPUT_REFUSED, format!("cannot write `{}`: {error}", path.display()));
    Failure::new(Exit::CannotRun, Report::about(Some(path), vec![finding]))
}
