//! Checks the invariants of migrations: migrates a database with rows and compares the result with
//! a freshly provisioned one.

mod isolation;
mod locks;

use locks::LockWatch;

use super::{Catalogue, Database, Server, Session, apply, catalogue, program};
use ablo_codegen::emit::sql::postgres::{PostgresOptions, migrate};
use ablo_codegen::migrate::{Migration, Phase, Statement};
use ablo_codegen::shape::tables;
use ablo_migrate::prove::conversion_oracle::expectation;
use ablo_migrate::prove::insert_sql;
use ablo_migrate::rows::rows;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff, Hints};

/// Returns the options of [`program`]: foreign keys, in `public`.
#[must_use]
pub fn options() -> PostgresOptions {
    PostgresOptions { foreign_keys: true, ..PostgresOptions::default() }
}

/// Returns the migration between two schemas.
///
/// # Panics
/// Does not panic, because the options are valid.
#[must_use]
pub fn migration(
    diff: &Diff<'_>,
    prev: &Schema,
    next: &Schema,
    backfills: &Backfills,
) -> Migration {
    migrate(diff, Some(prev), next, backfills, &options()).expect("valid options")
}

/// Runs a migration like a driver and checks its locks. Returns the warnings.
///
/// # Errors
/// Returns the failed statement and its error. A failed transaction is rolled back.
pub fn run(session: &mut Session, migration: &Migration) -> Result<Vec<String>, String> {
    let _ = session.notices();
    session.run("BEGIN")?;
    let mut watch = LockWatch::new(session);
    for (at, statement) in migration.of(Phase::Transaction).enumerate() {
        if let Err(error) = run_watched(session, statement, &mut watch) {
            session.run("ROLLBACK")?;
            return Err(format!("statement {at}: {error}\n{}", statement.sql));
        }
    }
    session.run("COMMIT").map_err(|error| format!("COMMIT: {error}"))?;
    for (at, statement) in migration.of(Phase::AfterCommit).enumerate() {
        let describe =
            |error: String| format!("after commit, statement {at}: {error}\n{}", statement.sql);
        // Concurrent index builds and batches cannot run in a transaction, so their locks cannot be
        // checked.
        if [" CONCURRENTLY ", "COMMIT;"].iter().any(|part| statement.sql.contains(part)) {
            session.run(&statement.sql).map_err(describe)?;
            continue;
        }
        session.run("BEGIN")?;
        let mut watch = LockWatch::new(session);
        run_watched(session, statement, &mut watch).map_err(describe)?;
        session.run("COMMIT")?;
    }
    Ok(session.notices())
}

fn run_watched(
    session: &mut Session,
    statement: &Statement,
    watch: &mut LockWatch,
) -> Result<(), String> {
    watch.declare(session, statement);
    session.run(&statement.sql)?;
    watch.check(session)
}

/// Empties a database for the next case.
///
/// # Panics
/// Panics if a statement fails.
pub fn clear(database: &Database<'_>) {
    let owner = database.owner();
    let sql = format!(
        "DROP SCHEMA IF EXISTS keep CASCADE; DROP SCHEMA public CASCADE; \
         CREATE SCHEMA public AUTHORIZATION {owner}"
    );
    database.admin().run(&sql).expect("an empty schema");
}

/// Returns the catalog of a freshly provisioned schema.
///
/// # Panics
/// Panics if a statement fails.
#[must_use]
pub fn provisioned(database: &Database<'_>, schema: &Schema) -> Catalogue {
    clear(database);
    let mut session = database.session();
    apply(&mut session, &program(schema));
    catalogue(&mut session)
}

/// Inserts rows into every empty table as a superuser. Foreign keys refer to existing rows.
///
/// # Panics
/// Panics if the server refuses a row that the schema allows.
pub fn populate(database: &Database<'_>, schema: &Schema, count: usize) {
    let mut admin = database.admin();
    admin.run("BEGIN; SET CONSTRAINTS ALL DEFERRED").expect("a transaction");
    for table in rows(schema, count) {
        if !admin
            .texts(&format!("SELECT id FROM public.{} LIMIT 1", quoted(&table.table)))
            .is_empty()
        {
            continue;
        }
        for row in &table.rows {
            let sql = insert_sql("public", &table, row);
            admin.run(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        }
    }
    admin.run("COMMIT").expect("rows of the schema are accepted");
}

/// Quotes an identifier.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The outcome of a migration.
#[derive(Debug)]
pub enum Outcome {
    /// The migration was applied and all invariants hold.
    Applied,
    /// The migration was refused because of existing rows, with this code. Nothing was changed.
    Refused(String),
}

/// Two databases that are reused for each case.
#[derive(Debug)]
pub struct ScratchEnv<'s> {
    subject: Database<'s>,
    reference: Database<'s>,
}

impl Default for ScratchEnv<'_> {
    fn default() -> Self {
        let server = Server::shared();
        Self { subject: server.database(), reference: server.database() }
    }
}

impl ScratchEnv<'_> {
    /// Provisions the previous schema, inserts rows, migrates and checks all invariants.
    ///
    /// # Errors
    /// Returns the first violated invariant.
    pub fn check(
        &self,
        diff: &Diff<'_>,
        backfills: &Backfills,
        count: usize,
    ) -> Result<Outcome, String> {
        if let Some(prev) = diff.prev() {
            self.provision(prev, count);
        }
        self.migrate(diff, backfills)
    }

    /// Provisions a schema and inserts rows.
    ///
    /// # Panics
    /// Panics if a statement fails.
    pub fn provision(&self, schema: &Schema, count: usize) {
        clear(&self.subject);
        apply(&mut self.subject.session(), &program(schema));
        populate(&self.subject, schema, count);
    }

    /// Migrates the existing rows and checks all invariants.
    ///
    /// # Errors
    /// Returns the first violated invariant.
    pub fn migrate(&self, diff: &Diff<'_>, backfills: &Backfills) -> Result<Outcome, String> {
        let (Some(prev), next) = (diff.prev(), diff.next()) else {
            return Err("no previous schema".to_owned());
        };
        let mut session = self.subject.session();
        let before = catalogue(&mut session);
        self.copy_tables(prev);
        let migration = migration(diff, prev, next, backfills);
        let result = run(&mut session, &migration);
        if let Err(error) = &result {
            let Some(code) =
                error.split(['"', ' ', '\n']).find(|word| word.starts_with("ablo::migrate::"))
            else {
                return Err(error.clone());
            };
            if catalogue(&mut session)["public"] != before["public"] {
                return Err(format!("{code}: the refused migration changed the catalog"));
            }
            return Ok(Outcome::Refused(code.trim_end_matches(':').to_owned()));
        }
        let mut found = catalogue(&mut session);
        let constraints = before
            .values()
            .flat_map(|tables| tables.values())
            .flat_map(|table| table.constraints.values());
        if constraints.clone().any(|key| key.definition.ends_with(" NOT VALID"))
            || result
                .iter()
                .flatten()
                .any(|warning| warning.contains("ablo::migrate::foreign_key_not_validated"))
        {
            // Other rows refer to rows of a dropped model. The migration warns about that, and the
            // key applies to new rows only.
            let tables = found.values_mut().flat_map(|tables| tables.values_mut());
            let keys = tables.flat_map(|table| table.constraints.values_mut());
            keys.for_each(|key| key.definition = key.definition.replace(" NOT VALID", ""));
        }
        same(&found, &provisioned(&self.reference, next))?;
        self.same_rows(diff, backfills)?;
        isolation::check_isolation(&self.subject, &tables(next))?;
        let again = ablo_schema::diff::diff(Some(next), next, &Hints::default())
            .map_err(|diagnostics| format!("{diagnostics:?}"))?;
        if !self::migration(&again, next, next, &Backfills::default()).is_empty() {
            return Err("a second run is not empty".to_owned());
        }
        Ok(Outcome::Applied)
    }

    /// Inserts rows into empty tables and validates pending foreign keys.
    ///
    /// # Panics
    /// Panics if the server refuses a row that the schema allows.
    pub fn fill(&self, schema: &Schema, count: usize) {
        populate(&self.subject, schema, count);
        let mut admin = self.subject.admin();
        let pending = "SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I', \
                       conrelid::regclass, conname) \
                       FROM pg_constraint WHERE contype = 'f' AND NOT convalidated";
        for sql in admin.texts(pending) {
            // Fails if values from before the column was a key do not refer to any row.
            let _ = admin.run(&sql);
        }
    }

    /// Opens a session of the superuser in the migrated database.
    #[must_use]
    pub fn admin(&self) -> Session {
        self.subject.admin()
    }

    /// Copies every table to the schema `keep`.
    fn copy_tables(&self, schema: &Schema) {
        let mut admin = self.subject.admin();
        admin.run("DROP SCHEMA IF EXISTS keep CASCADE; CREATE SCHEMA keep").expect("a schema");
        for table in tables(schema) {
            let name = quoted(table.name());
            admin.run(&format!("CREATE TABLE keep.{name} AS TABLE public.{name}")).expect("a copy");
        }
    }

    /// Checks that all rows still exist, and all values that the migration must preserve.
    fn same_rows(&self, diff: &Diff<'_>, backfills: &Backfills) -> Result<(), String> {
        let mut admin = self.subject.admin();
        let prev = diff.prev().map(tables).unwrap_or_default();
        for table in tables(diff.next()) {
            let key = table.model.key.as_str();
            let previous = diff
                .prev_model(key)
                .and_then(|model| prev.iter().find(|table| table.name() == model.table.as_str()));
            let Some(previous) = previous else { continue };
            let (old, new) = (quoted(previous.name()), quoted(table.name()));
            let lost = admin
                .texts(&format!("SELECT id FROM keep.{old} EXCEPT SELECT id FROM public.{new}"));
            let added = admin
                .texts(&format!("SELECT id FROM public.{new} EXCEPT SELECT id FROM keep.{old}"));
            if !lost.is_empty() || !added.is_empty() {
                return Err(format!("{new}: lost {lost:?}, added {added:?}"));
            }
            for column in &table.columns {
                let Some(expected) = expectation(diff, backfills, previous, &table, column.name)
                else {
                    continue;
                };
                let sql = format!(
                    "SELECT concat_ws(' | ', b.id, {}::text, a.{}::text) FROM keep.{old} AS b \
                     JOIN public.{new} AS a USING (id) WHERE NOT ({})",
                    expected.before,
                    quoted(column.name),
                    expected.condition
                );
                let changed = admin.texts(&sql);
                if !changed.is_empty() {
                    return Err(format!(
                        "{new}.{}: values were not preserved: {changed:?}",
                        quoted(column.name)
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Checks that two catalogs have the same `public` schema.
fn same(found: &Catalogue, expected: &Catalogue) -> Result<(), String> {
    let empty = std::collections::BTreeMap::new();
    let (found, expected) =
        (found.get("public").unwrap_or(&empty), expected.get("public").unwrap_or(&empty));
    if found.keys().ne(expected.keys()) {
        return Err(format!("tables {:?}, expected {:?}", found.keys(), expected.keys()));
    }
    for ((name, found), expected) in found.iter().zip(expected.values()) {
        if found != expected {
            let (found, expected) = (format!("{found:#?}"), format!("{expected:#?}"));
            let lines: Vec<String> = differing_lines(&found, &expected);
            return Err(format!(
                "{name} differs from the provisioned table:\n{}",
                lines.join("\n")
            ));
        }
    }
    Ok(())
}

/// Returns the lines that only one of two texts has.
fn differing_lines(found: &str, expected: &str) -> Vec<String> {
    let only = |one: &str, other: &str, sign: char| {
        let known: std::collections::BTreeSet<&str> = other.lines().collect();
        one.lines()
            .filter(|line| !known.contains(line))
            .map(|line| format!("{sign} {line}"))
            .collect::<Vec<_>>()
    };
    [only(found, expected, '+'), only(expected, found, '-')].concat()
}
