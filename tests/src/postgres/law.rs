//! The law of migrations, as a check that any test can run: a database with rows, the way to the next schema, what has to hold.

use super::{Catalogue, Database, Server, Session, apply, catalogue, program};
use crate::rows::{Cell, rows};
use ablo_codegen::emit::sql::postgres::{Options, migrate};
use ablo_codegen::migrate::{Migration, Phase};
use ablo_codegen::shape::{ColumnKind, Isolation, TableShape, tables};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};

/// Foreign keys in `public`, as [`program`] has them.
#[must_use]
pub fn options() -> Options {
    Options { foreign_keys: true, ..Options::default() }
}

/// The way from one schema to the next.
///
/// # Panics
/// Never: the options are right.
#[must_use]
pub fn migration(diff: &Diff<'_>, prev: &Schema, next: &Schema, backfills: &Backfills) -> Migration {
    migrate(diff, Some(prev), next, backfills, &options()).expect("options that are right")
}

/// Runs a migration as a driver does, and gives the warnings.
///
/// # Errors
/// What the server said of which statement; a failed transaction is rolled back.
pub fn run(session: &mut Session, migration: &Migration) -> Result<Vec<String>, String> {
    let _ = session.notices();
    session.run("BEGIN")?;
    for (at, statement) in migration.of(Phase::Transaction).enumerate() {
        if let Err(error) = session.run(&statement.sql) {
            session.run("ROLLBACK")?;
            return Err(format!("statement {at}: {error}\n{}", statement.sql));
        }
    }
    session.run("COMMIT").map_err(|error| format!("COMMIT: {error}"))?;
    for (at, statement) in migration.of(Phase::AfterCommit).enumerate() {
        session
            .run(&statement.sql)
            .map_err(|error| format!("after commit, statement {at}: {error}\n{}", statement.sql))?;
    }
    Ok(session.notices())
}

/// Empties a database for the next case.
///
/// # Panics
/// When the server refuses.
pub fn clear(database: &Database<'_>) {
    let owner = database.owner();
    let sql = format!(
        "DROP SCHEMA IF EXISTS keep CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION {owner}"
    );
    database.admin().run(&sql).expect("an empty schema");
}

/// The catalogue of a schema provisioned from nothing.
///
/// # Panics
/// When the server refuses.
#[must_use]
pub fn provisioned(database: &Database<'_>, schema: &Schema) -> Catalogue {
    clear(database);
    let mut session = database.session();
    apply(&mut session, &program(schema));
    catalogue(&mut session)
}

/// Inserts rows into every table, as one whom row security does not bind, with keys that find their rows.
///
/// # Panics
/// When the server refuses a row that the schema allows.
pub fn populate(database: &Database<'_>, schema: &Schema, count: usize) {
    let mut admin = database.admin();
    admin.run("BEGIN; SET CONSTRAINTS ALL DEFERRED").expect("a transaction");
    for table in rows(schema, count) {
        for row in &table.rows {
            let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
            let values: Vec<String> = row.iter().map(literal).collect();
            let sql =
                format!("INSERT INTO {} ({}) VALUES ({})", quoted(&table.table), columns.join(", "), values.join(", "));
            admin.run(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        }
    }
    admin.run("COMMIT").expect("rows that fit");
}

/// A quoted identifier.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn literal(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(value) | Cell::Date(value) | Cell::Json(value) | Cell::Digits(value) => text(value),
        Cell::Number(number) => format!("'{number:e}'"),
        Cell::Whole(number) => format!("'{number}'"),
        Cell::Boolean(flag) => flag.to_string(),
    }
}

/// What a case came to.
#[derive(Debug)]
pub enum Outcome {
    /// It applied, and everything held.
    Applied,
    /// Rows stood in its way, with this code; nothing was changed.
    Refused(String),
}

/// Two databases that one case after the other uses.
#[derive(Debug)]
pub struct Court<'s> {
    subject: Database<'s>,
    reference: Database<'s>,
}

impl Default for Court<'_> {
    fn default() -> Self {
        let server = Server::shared();
        Self { subject: server.database(), reference: server.database() }
    }
}

impl Court<'_> {
    /// Provisions, fills, migrates and looks at everything that has to hold.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn judge(&self, diff: &Diff<'_>, backfills: &Backfills, count: usize) -> Result<Outcome, String> {
        let (Some(prev), next) = (diff.prev(), diff.next()) else { return Err("there is nothing before".to_owned()) };
        clear(&self.subject);
        let mut session = self.subject.session();
        apply(&mut session, &program(prev));
        let before = catalogue(&mut session);
        populate(&self.subject, prev, count);
        self.keep(prev);
        let migration = migration(diff, prev, next, backfills);
        let told = run(&mut session, &migration);
        if let Err(error) = &told {
            let Some(code) = error.split(['"', ' ', '\n']).find(|word| word.starts_with("ablo::migrate::")) else {
                return Err(error.clone());
            };
            if catalogue(&mut session)["public"] != before["public"] {
                return Err(format!("{code} left something behind"));
            }
            return Ok(Outcome::Refused(code.trim_end_matches(':').to_owned()));
        }
        let mut found = catalogue(&mut session);
        if told.iter().flatten().any(|told| told.contains("ablo::migrate::foreign_key_not_validated")) {
            // Rows went away with a model, and others still name them: that is said, and the key holds for new rows.
            let keys = found
                .values_mut()
                .flat_map(|tables| tables.values_mut())
                .flat_map(|table| table.constraints.values_mut());
            keys.for_each(|key| key.definition = key.definition.replace(" NOT VALID", ""));
        }
        same(&found, &provisioned(&self.reference, next))?;
        self.same_rows(diff, backfills)?;
        Ok(Outcome::Applied)
    }

    /// Copies every table aside.
    fn keep(&self, schema: &Schema) {
        let mut admin = self.subject.admin();
        admin.run("CREATE SCHEMA keep").expect("a schema");
        for table in tables(schema) {
            let name = quoted(table.name());
            admin.run(&format!("CREATE TABLE keep.{name} AS TABLE public.{name}")).expect("a copy");
        }
    }

    /// Every row is still there, and every value that its step does not give up.
    fn same_rows(&self, diff: &Diff<'_>, backfills: &Backfills) -> Result<(), String> {
        let mut admin = self.subject.admin();
        let prev = diff.prev().map(tables).unwrap_or_default();
        for is in tables(diff.next()) {
            let key = is.model.key.as_str();
            let was =
                diff.prev_model(key).and_then(|model| prev.iter().find(|table| table.name() == model.table.as_str()));
            let Some(was) = was else { continue };
            let (old, new) = (quoted(was.name()), quoted(is.name()));
            let lost = admin.texts(&format!("SELECT id FROM keep.{old} EXCEPT SELECT id FROM public.{new}"));
            let more = admin.texts(&format!("SELECT id FROM public.{new} EXCEPT SELECT id FROM keep.{old}"));
            if !lost.is_empty() || !more.is_empty() {
                return Err(format!("{new}: lost {lost:?}, more {more:?}"));
            }
            for column in &is.columns {
                let Some(wanted) = survival(diff, backfills, was, &is, column.name) else { continue };
                let sql = format!(
                    "SELECT concat_ws(' | ', b.id, {}::text, a.{}::text) FROM keep.{old} AS b JOIN public.{new} AS a USING (id) WHERE NOT ({})",
                    wanted.before,
                    quoted(column.name),
                    wanted.condition
                );
                let broken = admin.texts(&sql);
                if !broken.is_empty() {
                    return Err(format!("{new}.{}: values did not survive: {broken:?}", quoted(column.name)));
                }
            }
        }
        Ok(())
    }
}

struct Survival {
    before: String,
    condition: String,
}

/// What has to hold of a column's values, `b` before and `a` after; none where its step may lose them or where it is new.
fn survival(
    diff: &Diff<'_>,
    backfills: &Backfills,
    was: &TableShape<'_>,
    is: &TableShape<'_>,
    name: &str,
) -> Option<Survival> {
    let column = is.columns.iter().find(|column| column.name == name)?;
    let key = is.model.key.as_str();
    let field = column.field.and_then(|field| diff.prev_field(key, field.name.as_str()));
    let tenancy = |table: &TableShape<'_>| match table.isolation {
        Isolation::Column(column) => Some(column.to_owned()),
        Isolation::Shared | Isolation::Parent { .. } => None,
    };
    let old = match field {
        Some(field) => was.columns.iter().find(|old| old.field.is_some_and(|held| held.name == field.name))?,
        None if tenancy(is).as_deref() == Some(name) => {
            let wanted = tenancy(was)?;
            was.columns.iter().find(|old| old.name == wanted)?
        }
        None if column.field.is_none() => was.columns.iter().find(|old| old.name == name)?,
        None => return None,
    };
    let (b, a) = (format!("b.{}", quoted(old.name)), format!("a.{}", quoted(name)));
    let has_fill = column.default.is_some()
        || column.default_now
        || column.field.is_some_and(|field| backfills.value(key, field.name.as_str()).is_some());
    let same = match (old.kind, column.kind) {
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Text) => format!("{a} = {b}"),
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Enum(values)) => {
            let list: Vec<_> = values.iter().map(|value| text(value)).collect();
            format!(
                "CASE WHEN {b} IN ({}) THEN {a} = {b} ELSE {} END",
                list.join(", "),
                if has_fill { format!("{a} IS NOT NULL") } else { format!("{a} IS NULL") }
            )
        }
        (ColumnKind::Number, ColumnKind::Text) => format!("{a}::double precision = {b}"),
        (ColumnKind::Boolean, ColumnKind::Text) => format!("{a} = CASE WHEN {b} THEN 'true' ELSE 'false' END"),
        (ColumnKind::Date, ColumnKind::Text) => format!("{a}::timestamptz = {b}"),
        (ColumnKind::Json, ColumnKind::Text) => format!("{a}::jsonb = {b}"),
        (ColumnKind::Exact(_), ColumnKind::Text) => format!("{a} = {b}::text"),
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Json) => {
            format!(
                "CASE jsonb_typeof({a}) WHEN 'string' THEN {a} #>> '{{}}' = {b} OR {a}::text = {b} ELSE {a} = {b}::jsonb END"
            )
        }
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Boolean) => {
            format!(
                "CASE WHEN lower(btrim({b})) IN ('true', 'off', '1', '0') THEN {a} = btrim({b})::boolean ELSE true END"
            )
        }
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Number) => {
            format!(
                "CASE WHEN {b} ~ '^-?[0-9]{{1,9}}([.][0-9]{{1,9}})?$' THEN {a} = {b}::double precision ELSE true END"
            )
        }
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Date) => {
            format!("CASE WHEN {b} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T' THEN {a} = {b}::timestamptz ELSE true END")
        }
        (ColumnKind::Number, ColumnKind::Boolean) => format!("{a} = ({b} <> 0)"),
        (one, other) if one == other => format!("{a} = {b}"),
        (ColumnKind::Exact(_) | ColumnKind::Number, ColumnKind::Exact(_) | ColumnKind::Number) => {
            format!("{a} IS NULL OR {a}::text::numeric = {b}::text::numeric OR {has_fill}")
        }
        _ => return None,
    };
    // What had no value has none after, or what was given for it.
    let empty = if has_fill { "true".to_owned() } else { format!("{a} IS NULL") };
    let condition = format!("CASE WHEN {b} IS NULL THEN {empty} ELSE ({same}) IS TRUE END");
    Some(Survival { before: b, condition })
}

/// Whether two catalogues say the same of `public`.
fn same(found: &Catalogue, wanted: &Catalogue) -> Result<(), String> {
    let empty = std::collections::BTreeMap::new();
    let (found, wanted) = (found.get("public").unwrap_or(&empty), wanted.get("public").unwrap_or(&empty));
    if found.keys().ne(wanted.keys()) {
        return Err(format!("tables {:?}, not {:?}", found.keys(), wanted.keys()));
    }
    for ((name, found), wanted) in found.iter().zip(wanted.values()) {
        if found != wanted {
            let (found, wanted) = (format!("{found:#?}"), format!("{wanted:#?}"));
            let lines: Vec<String> = similar(&found, &wanted);
            return Err(format!("{name} is not as provisioned:\n{}", lines.join("\n")));
        }
    }
    Ok(())
}

/// Lines that only one of the two texts has.
fn similar(found: &str, wanted: &str) -> Vec<String> {
    let only = |one: &str, other: &str, sign: char| {
        let known: std::collections::BTreeSet<&str> = other.lines().collect();
        one.lines().filter(|line| !known.contains(line)).map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    [only(found, wanted, '+'), only(wanted, found, '-')].concat()
}
