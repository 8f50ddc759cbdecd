//! The law of migrations, as a check that any test can run: a database with rows, the way to the next schema, what has to hold.

mod locks;
mod probe;

use locks::Watch;

use super::{Catalogue, Database, Server, Session, apply, catalogue, program};
use ablo_codegen::emit::sql::postgres::{Options, migrate};
use ablo_codegen::migrate::{Migration, Phase, Statement};
use ablo_codegen::shape::tables;
use ablo_migrate::prove::conversion_oracle::expectation;
use ablo_migrate::prove::insert_sql;
use ablo_migrate::rows::rows;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff, Hints};

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
pub fn migration(
    diff: &Diff<'_>,
    prev: &Schema,
    next: &Schema,
    backfills: &Backfills,
) -> Migration {
    migrate(diff, Some(prev), next, backfills, &options()).expect("options that are right")
}

/// Runs a migration as a driver does, looks at the locks it takes, and gives the warnings.
///
/// # Errors
/// What the server said of which statement; a failed transaction is rolled back.
pub fn run(session: &mut Session, migration: &Migration) -> Result<Vec<String>, String> {
    let _ = session.notices();
    session.run("BEGIN")?;
    let mut watch = Watch::new(session);
    for (at, statement) in migration.of(Phase::Transaction).enumerate() {
        if let Err(error) = watched(session, statement, &mut watch) {
            session.run("ROLLBACK")?;
            return Err(format!("statement {at}: {error}\n{}", statement.sql));
        }
    }
    session.run("COMMIT").map_err(|error| format!("COMMIT: {error}"))?;
    for (at, statement) in migration.of(Phase::AfterCommit).enumerate() {
        let told =
            |error: String| format!("after commit, statement {at}: {error}\n{}", statement.sql);
        // An index cannot be built concurrently where its locks could be looked at.
        if statement.sql.contains(" CONCURRENTLY ") {
            session.run(&statement.sql).map_err(told)?;
            continue;
        }
        session.run("BEGIN")?;
        let mut watch = Watch::new(session);
        watched(session, statement, &mut watch).map_err(told)?;
        session.run("COMMIT")?;
    }
    Ok(session.notices())
}

fn watched(session: &mut Session, statement: &Statement, watch: &mut Watch) -> Result<(), String> {
    watch.declare(session, statement);
    session.run(&statement.sql)?;
    watch.check(session)
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

/// Inserts rows into every table that is empty, as one whom row security does not bind, with keys that find their rows.
///
/// # Panics
/// When the server refuses a row that the schema allows.
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
    admin.run("COMMIT").expect("rows that fit");
}

/// A quoted identifier.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
    pub fn judge(
        &self,
        diff: &Diff<'_>,
        backfills: &Backfills,
        count: usize,
    ) -> Result<Outcome, String> {
        if let Some(prev) = diff.prev() {
            self.begin(prev, count);
        }
        self.advance(diff, backfills)
    }

    /// Provisions a schema and fills its tables.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn begin(&self, schema: &Schema, count: usize) {
        clear(&self.subject);
        apply(&mut self.subject.session(), &program(schema));
        populate(&self.subject, schema, count);
    }

    /// Migrates what is there, and looks at everything that has to hold.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn advance(&self, diff: &Diff<'_>, backfills: &Backfills) -> Result<Outcome, String> {
        let (Some(prev), next) = (diff.prev(), diff.next()) else {
            return Err("there is nothing before".to_owned());
        };
        let mut session = self.subject.session();
        let before = catalogue(&mut session);
        self.keep(prev);
        let migration = migration(diff, prev, next, backfills);
        let told = run(&mut session, &migration);
        if let Err(error) = &told {
            let Some(code) =
                error.split(['"', ' ', '\n']).find(|word| word.starts_with("ablo::migrate::"))
            else {
                return Err(error.clone());
            };
            if catalogue(&mut session)["public"] != before["public"] {
                return Err(format!("{code} left something behind"));
            }
            return Ok(Outcome::Refused(code.trim_end_matches(':').to_owned()));
        }
        let mut found = catalogue(&mut session);
        let waited = before
            .values()
            .flat_map(|tables| tables.values())
            .flat_map(|table| table.constraints.values());
        if waited.clone().any(|key| key.definition.ends_with(" NOT VALID"))
            || told
                .iter()
                .flatten()
                .any(|told| told.contains("ablo::migrate::foreign_key_not_validated"))
        {
            // Rows went away with a model, and others still name them: that is said, and the key holds for new rows.
            let tables = found.values_mut().flat_map(|tables| tables.values_mut());
            let keys = tables.flat_map(|table| table.constraints.values_mut());
            keys.for_each(|key| key.definition = key.definition.replace(" NOT VALID", ""));
        }
        same(&found, &provisioned(&self.reference, next))?;
        self.same_rows(diff, backfills)?;
        probe::nothing_leaks(&self.subject, &tables(next))?;
        let again = ablo_schema::diff::diff(Some(next), next, &Hints::default())
            .map_err(|told| format!("{told:?}"))?;
        if !self::migration(&again, next, next, &Backfills::default()).is_empty() {
            return Err("a second run would change something".to_owned());
        }
        Ok(Outcome::Applied)
    }

    /// Fills the tables that are empty, and validates keys that had to wait for such rows.
    ///
    /// # Panics
    /// When the server refuses a row that the schema allows, or a key.
    pub fn fill(&self, schema: &Schema, count: usize) {
        populate(&self.subject, schema, count);
        let mut admin = self.subject.admin();
        let waiting = "SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname) \
                       FROM pg_constraint WHERE contype = 'f' AND NOT convalidated";
        for sql in admin.texts(waiting) {
            // Values of a time when the column was no key find no row, whatever is inserted.
            let _ = admin.run(&sql);
        }
    }

    /// A session of the superuser in the migrated database.
    #[must_use]
    pub fn admin(&self) -> Session {
        self.subject.admin()
    }

    /// Copies every table aside.
    fn keep(&self, schema: &Schema) {
        let mut admin = self.subject.admin();
        admin.run("DROP SCHEMA IF EXISTS keep CASCADE; CREATE SCHEMA keep").expect("a schema");
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
            let was = diff
                .prev_model(key)
                .and_then(|model| prev.iter().find(|table| table.name() == model.table.as_str()));
            let Some(was) = was else { continue };
            let (old, new) = (quoted(was.name()), quoted(is.name()));
            let lost = admin
                .texts(&format!("SELECT id FROM keep.{old} EXCEPT SELECT id FROM public.{new}"));
            let more = admin
                .texts(&format!("SELECT id FROM public.{new} EXCEPT SELECT id FROM keep.{old}"));
            if !lost.is_empty() || !more.is_empty() {
                return Err(format!("{new}: lost {lost:?}, more {more:?}"));
            }
            for column in &is.columns {
                let Some(wanted) = expectation(diff, backfills, was, &is, column.name) else {
                    continue;
                };
                let sql = format!(
                    "SELECT concat_ws(' | ', b.id, {}::text, a.{}::text) FROM keep.{old} AS b JOIN public.{new} AS a USING (id) WHERE NOT ({})",
                    wanted.before,
                    quoted(column.name),
                    wanted.condition
                );
                let broken = admin.texts(&sql);
                if !broken.is_empty() {
                    return Err(format!(
                        "{new}.{}: values did not survive: {broken:?}",
                        quoted(column.name)
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Whether two catalogues say the same of `public`.
fn same(found: &Catalogue, wanted: &Catalogue) -> Result<(), String> {
    let empty = std::collections::BTreeMap::new();
    let (found, wanted) =
        (found.get("public").unwrap_or(&empty), wanted.get("public").unwrap_or(&empty));
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
        one.lines()
            .filter(|line| !known.contains(line))
            .map(|line| format!("{sign} {line}"))
            .collect::<Vec<_>>()
    };
    [only(found, wanted, '+'), only(wanted, found, '-')].concat()
}
