//! The codes of what only a database can show: one table, read by `ablo explain` too.

use ablo_schema::Severity;

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable: programs may match on it.
    pub name: &'static str,
    /// Whether it stands in the way.
    pub severity: Severity,
    /// What it says, in a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub mend: &'static str,
}

impl Code {
    /// Every code of this crate, in the order of the table.
    ///
    /// ```
    /// assert!(ablo_migrate::Code::all().any(|code| code.name == "ablo::migrate::approval_missing"));
    /// ```
    pub fn all() -> impl Iterator<Item = Code> {
        TABLE.iter().copied()
    }

    /// The code of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Code> {
        Self::all().find(|code| code.name == name)
    }
}

macro_rules! codes {
    ($($constant:ident = $name:literal $severity:ident, $title:literal, $meaning:literal, $mend:literal;)*) => {
        $(
            #[doc = $title]
            pub(crate) const $constant: Code =
                Code { name: $name, severity: Severity::$severity, title: $title, meaning: $meaning, mend: $mend };
        )*

        static TABLE: &[Code] = &[$($constant,)*];
    };
}

#[rustfmt::skip]
codes! {
    URL = "ablo::database::url" Error,
        "The address of the database is not understood",
        "An address is a URL, as in `postgres://user@host/database` or `sqlite:app.db`, or the path of a file that ends in .db, .sqlite or .sqlite3. It is read from --database-url, else from ABLO_DATABASE_URL, else from DATABASE_URL.",
        "Correct the address. Characters such as `@` and `/` in a password are percent-encoded.";
    UNREACHABLE = "ablo::database::unreachable" Error,
        "The database cannot be reached",
        "No session could be opened; the reason is in the message. With sslmode=verify-full the server's certificate has to be valid for its name.",
        "Check the address, the password, and whether the server runs.";
    UNSUPPORTED = "ablo::database::unsupported" Error,
        "The server is too old",
        "PostgreSQL 14 is the oldest version that is known to do what migrations need.",
        "Upgrade the server.";
    REFUSED = "ablo::database::refused" Error,
        "The database refused a query",
        "ablo asked for something of its own, and the server refused; its words and SQLSTATE are in the message.",
        "Check that this role owns the tables and may create tables in their schema.";
    LOCKED = "ablo::database::locked" Error,
        "Another migration is running",
        "One migration runs at a time in one schema of a database. Another session has held the lock for as long as this one was willing to wait. In SQLite whoever writes to the file holds it.",
        "Wait until it is done, or end that session, and run this again. Nothing was changed.";
    WARNED = "ablo::database::warned" Warning,
        "The server warned of something",
        "It did what it was asked for and had this to say; its words are in the message.",
        "Read it; nothing was left undone.";
    LEDGER = "ablo::ledger::unreadable" Error,
        "The ledger holds an entry that cannot be read",
        "The table `ablo_migrations` records what was applied. An entry was changed by hand, or written by a newer version.",
        "Use the version that wrote it, or restore the table from a backup.";
    SCHEMA_INVALID = "ablo::migrate::schema_invalid" Error,
        "A recorded schema is not valid",
        "A plan and the ledger carry schema documents. This one does not pass the checks, so nothing can be planned from it.",
        "For a plan, make it again. For the ledger, pass the schema that the database has as `--from FILE`.";
    OPTIONS = "ablo::migrate::options" Error,
        "The options do not go together",
        "The target schema or another option is not possible; the reason is in the message.",
        "Correct the options.";
    STATEMENT_FAILED = "ablo::migrate::statement_failed" Error,
        "A statement of the transaction failed",
        "The server refused the statement; its number and SQLSTATE are in the message. The whole transaction was rolled back, so nothing was changed.",
        "Mend what the server names, and run it again.";
    REQUIRED_FIELD_ADDED = "ablo::migrate::required_field_added" Error,
        "A required column has no value for the rows that exist",
        "The table has rows, and nobody said what they hold in the new column. Nothing was changed.",
        "Give a backfill for the field, give it a default, or make it optional.";
    MADE_REQUIRED = "ablo::migrate::made_required" Error,
        "A column that becomes required has rows without a value",
        "Nobody said what those rows hold. Nothing was changed.",
        "Give a backfill for the field, give it a default, or fill those rows first.";
    VALUE_UNFIT = "ablo::migrate::value_unfit" Error,
        "A value does not fit the column's new type",
        "The column is required, and nobody said what becomes of values that do not fit. Nothing was changed.",
        "Give a backfill for the field, or correct those rows first.";
    REQUIRED_RECREATED = "ablo::migrate::required_recreated" Error,
        "A required column is made anew, and rows exist",
        "Values of the old type cannot become values of the new one, and nobody said what the rows hold then. Nothing was changed.",
        "Give a backfill for the field, give it a default, or make it optional.";
    TENANCY_COLUMN_ADDED = "ablo::migrate::tenancy_column_added" Error,
        "Rows belong to no organisation yet",
        "The table gets the column that says which organisation owns a row, and has rows. Nothing was changed.",
        "Give a backfill for `organizationId`, or move those rows first.";
    BACKFILL_WITHOUT_TARGET = "ablo::migrate::backfill_without_target" Error,
        "A backfill names a row that does not exist",
        "The field is a foreign key, and its target has no row of that id. Nothing was changed.",
        "Give the id of a row that exists, or make that row first.";
    FOREIGN_KEY_BROKEN = "ablo::migrate::foreign_key_broken" Error,
        "A row refers to one that does not exist",
        "The migration looked at the foreign keys of the tables that it changed, and one does not hold. Nothing was changed.",
        "Correct the row first, or make the row that it refers to.";
    NOT_OURS = "ablo::migrate::not_ours" Error,
        "A table that is made anew holds what the schema does not know",
        "SQLite changes most of a table only by making it anew, and a column, index or trigger that somebody added by hand would be gone. Nothing was changed.",
        "Add it to the schema, or drop it if nobody needs it.";
    PRAGMAS = "ablo::migrate::pragmas" Error,
        "The connection is not set up for a migration",
        "A migration of SQLite needs `foreign_keys` off and `legacy_alter_table` on before its transaction begins. `ablo migrate apply` and migrate.sql see to that.",
        "Run the whole of migrate.sql, from its first line.";
    DUPLICATE_VALUES = "ablo::migrate::duplicate_values" Error,
        "Rows share a value that becomes unique",
        "A unique index cannot be built over them. Nothing was changed.",
        "Correct those rows first, or leave the field as it is.";
    POLICY_SKIPPED = "ablo::migrate::policy_skipped" Warning,
        "A table shows no row to anyone",
        "Row security is on, and the policy could not be made: what decides who sees its rows is missing.",
        "Make what the message names, then run `ablo migrate drift` and the statement that it gives.";
    FOREIGN_KEY_NOT_VALIDATED = "ablo::migrate::foreign_key_not_validated" Warning,
        "Rows name rows that do not exist",
        "The foreign key holds for new rows. Rows that were there refer to nothing, so it could not be validated.",
        "Correct those rows, then run `ALTER TABLE … VALIDATE CONSTRAINT …` for the key.";
    NO_SERVER = "ablo::prove::no_server" Error,
        "There is no server to prove on",
        "A proof runs on a scratch server of PostgreSQL 14 or later. Its `initdb` and `postgres` were looked for on the PATH and in the usual folders.",
        "Install one: `apt-get install postgresql`, `dnf install postgresql-server` or `brew install postgresql`; or pass the address of a server as `--database-url`, where databases can be made.";
    SCRATCH_FAILED = "ablo::prove::scratch_failed" Error,
        "The scratch server did not start",
        "PostgreSQL is installed and refused to start in a temporary folder; its words are in the message.",
        "Mend what it names, or pass the address of a server as `--database-url`.";
    NOT_PROVEN = "ablo::prove::broken" Error,
        "The law of migrations is broken",
        "The migration applied, and something that has to hold does not: a value was lost that no step declares lost, a table is not as provisioned, or rows are seen by others. Nothing but scratch databases was touched.",
        "This is a fault of ablo. Do not apply this migration; report it with both schemas.";
    BUSY = "ablo::migrate::busy" Error,
        "A table stayed locked by others",
        "A statement waited for a lock until `lock_timeout`, and so did every retry. Nothing was changed by this transaction.",
        "Run it again when fewer long transactions are open, or find who holds the lock; PostgreSQL tells it in pg_locks.";
    AFTER_COMMIT_FAILED = "ablo::migrate::after_commit_failed" Error,
        "A statement after the commit failed",
        "The transaction is committed and recorded; what follows it is not complete. The statement's number and SQLSTATE are in the message.",
        "Mend what the server names, and run `ablo migrate apply` again: it continues with this statement.";
    PLAN_UNREADABLE = "ablo::migrate::plan_unreadable" Error,
        "The file is not a plan",
        "A plan is the JSON document that `ablo migrate plan --out FILE` writes.",
        "Make it again with `ablo migrate plan`.";
    PLAN_CHANGED = "ablo::migrate::plan_changed" Error,
        "The plan was changed after it was made",
        "A plan carries a hash of itself, without its approvals. This one does not match it, so nobody knows what was reviewed.",
        "Make it again with `ablo migrate plan`, and have it approved again.";
    PLAN_ELSEWHERE = "ablo::migrate::plan_elsewhere" Error,
        "The plan is for another kind of database",
        "A plan is made for one dialect and one target schema.",
        "Make one for this database.";
    SCHEMA_MOVED = "ablo::migrate::schema_moved" Error,
        "The database is at another schema than the plan starts from",
        "Something else was applied since the plan was made.",
        "Make the plan again.";
    DATABASE_MOVED = "ablo::migrate::database_moved" Error,
        "The tables are not as they were when the plan was made",
        "The plan carries a fingerprint of the tables that it is about; they have another now.",
        "See `ablo migrate drift`, then make the plan again.";
    APPROVAL_MISSING = "ablo::migrate::approval_missing" Error,
        "A step needs an approval",
        "It loses values, or lets more people see rows. Such a step runs only when the plan carries an approval for exactly this step.",
        "Read the plan; `ablo migrate approve --plan FILE --step ID` approves the step.";
    APPROVAL_UNKNOWN = "ablo::migrate::approval_unknown" Error,
        "The plan asks for no such approval",
        "An approval names one of the ids that the plan lists under `approvalsNeeded`.",
        "Use one of the ids that the plan lists.";
    APPROVAL_VOID = "ablo::migrate::approval_void" Error,
        "An approval was given to another plan",
        "An approval carries the hash of the plan that was read. This plan is another one.",
        "Read this plan, remove the old approval and approve it again.";
    BASELINE_REQUIRED = "ablo::migrate::baseline_required" Error,
        "The database has tables and no ledger",
        "Nobody recorded which schema these tables are, so there is no telling what has to change.",
        "Pass the schema that they are as `--from FILE`; `ablo pull` writes one.";
    BASELINE_DIFFERS = "ablo::migrate::baseline_differs" Error,
        "The tables are not what the baseline says",
        "`--from` names the schema that the database has now, and it has something else.",
        "See what differs, and pass the schema that fits; `ablo pull` writes one.";
    BEHIND = "ablo::migrate::behind" Error,
        "The database is behind the schema",
        "The last migration that was applied led to another schema than this one.",
        "`ablo migrate plan` shows what is to be done.";
    UNFINISHED = "ablo::migrate::unfinished" Error,
        "A migration is not finished",
        "Its transaction is committed. Statements that follow it are still to be run.",
        "Run `ablo migrate apply`: it finishes what was begun.";
    TABLE_MISSING = "ablo::drift::table_missing" Error,
        "A table is missing",
        "The schema has a model whose table the database lacks.",
        "Provision the database, or migrate it.";
    COLUMN_MISSING = "ablo::drift::column_missing" Error,
        "A column is missing",
        "The schema has a field whose column the table lacks.",
        "Run the statement, or migrate the database.";
    COLUMN_EXTRA = "ablo::drift::column_extra" Warning,
        "A column is not in the schema",
        "Somebody added it by hand, or another program keeps it. Required and without a default, it makes writes fail.",
        "Add it to the schema, or drop it if nobody needs its values.";
    COLUMN_TYPE = "ablo::drift::column_type" Error,
        "A column has another type",
        "What is read from it or written to it may fail.",
        "Change the column, or the schema.";
    COLUMN_NULL = "ablo::drift::column_null" Error,
        "A column is required where it should not be, or the other way round",
        "The schema and the table do not agree whether every row has a value.",
        "Run the statement, after filling the rows that it would refuse.";
    COLUMN_DEFAULT = "ablo::drift::column_default" Error,
        "A column has another default",
        "Rows that leave it out get something else than the schema says.",
        "Run the statement.";
    COLUMN_COMMENT = "ablo::drift::column_comment" Warning,
        "A column has another comment",
        "People read something else than the schema's description.",
        "Run the statement.";
    PRIMARY_KEY = "ablo::drift::primary_key" Error,
        "The primary key is another",
        "Every table of a schema has `id` as its primary key.",
        "Run the statement, after dropping the key that is there.";
    CHECK_MISSING = "ablo::drift::check_missing" Error,
        "A check is missing",
        "The table takes values that the schema does not allow.",
        "Run the statement.";
    CHECK_EXTRA = "ablo::drift::check_extra" Warning,
        "A check is not in the schema",
        "The table refuses values that the schema allows.",
        "Drop it, unless it is there on purpose.";
    INDEX_MISSING = "ablo::drift::index_missing" Error,
        "An index is missing, or not usable",
        "Queries are slow, or values that should be unique are not. An index that was built concurrently and broke off is there but not usable.",
        "Run the statement, after dropping the unusable index where there is one.";
    INDEX_EXTRA = "ablo::drift::index_extra" Warning,
        "An index is not in the schema",
        "It costs a little on every write; a unique one refuses rows that the schema allows.",
        "Drop it, unless it is there on purpose.";
    FOREIGN_KEY_MISSING = "ablo::drift::foreign_key_missing" Error,
        "A foreign key is missing, or not validated",
        "Rows may refer to rows that do not exist.",
        "Run the statement.";
    FOREIGN_KEY_EXTRA = "ablo::drift::foreign_key_extra" Warning,
        "A foreign key is not in the schema",
        "The table refuses rows that the schema allows.",
        "Drop it, unless it is there on purpose.";
    DEFINITION = "ablo::drift::definition" Error,
        "A column or table is defined otherwise",
        "In SQLite some things stand only in the text of a table: collations, when a foreign key is looked at, whether the table is STRICT.",
        "Make the table anew as the schema says, and copy its rows.";
    ROW_SECURITY = "ablo::drift::row_security" Error,
        "Row security is not as the schema says",
        "Without it every organisation sees the rows of every other; with it where none is asked for, nobody sees any.",
        "Run the statement.";
    POLICY = "ablo::drift::policy" Error,
        "The isolation policy is missing or another",
        "Which organisation sees which rows is not what the schema says.",
        "Run the statement, after dropping the policy that is there.";
    POLICY_EXTRA = "ablo::drift::policy_extra" Error,
        "There is a policy that the schema does not have",
        "A permissive policy lets more people see rows than the schema says.",
        "Drop it, unless it is there on purpose.";
    PULL_LEFT_OUT = "ablo::pull::left_out" Warning,
        "Something has no place in a schema",
        "A schema describes tables, their columns, checks of values, simple indexes and foreign keys. This is something else, and the schema is written without it.",
        "Keep it in SQL of your own.";
    PULL_CHANGED = "ablo::pull::changed" Warning,
        "Something is not quite what a schema can say",
        "The schema says the nearest thing. A migration towards it would change the database here.",
        "Read what differs before you migrate.";
    PULL_NAME = "ablo::pull::name" Error,
        "A name cannot be in a schema",
        "Tables and columns have names of ASCII letters, digits and `_`. This one has not, and is left out.",
        "Rename it in the database, and pull again.";
}
