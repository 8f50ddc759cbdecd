//! The table of codes for faults that only a database can show. `ablo explain` prints it.

use ablo_schema::Severity;

/// A diagnostic code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The name. It is stable; programs may match on it.
    pub name: &'static str,
    /// The severity.
    pub severity: Severity,
    /// A short title.
    pub title: &'static str,
    /// The cause and the effect of the fault.
    pub meaning: &'static str,
    /// Instructions to fix it.
    pub fix: &'static str,
}

impl Code {
    /// Returns every code of this crate, in the order of the table.
    ///
    /// ```
    /// assert!(ablo_migrate::Code::all().any(|code| code.name == "ablo::database::url"));
    /// ```
    pub fn all() -> impl Iterator<Item = Code> {
        TABLE.iter().chain(applying::TABLE).chain(drift::TABLE).chain(history::TABLE).copied()
    }

    /// Returns the code of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Code> {
        Self::all().find(|code| code.name == name)
    }
}

macro_rules! codes {
    ($(
        $constant:ident = $name:literal $severity:ident,
        $title:literal, $meaning:literal, $fix:literal;
    )*) => {
        $(
            #[doc = $title]
            pub(crate) const $constant: Code = Code {
                name: $name,
                severity: Severity::$severity,
                title: $title,
                meaning: $meaning,
                fix: $fix,
            };
        )*

        pub(super) static TABLE: &[Code] = &[$($constant,)*];
    };
}

pub(crate) mod applying;
mod drift;
mod history;

pub(crate) use drift::*;
pub(crate) use history::*;

/// Codes of queries that the database rejected, as opposed to faults of the connection.
#[cfg(feature = "postgres")]
pub(crate) const OF_QUERIES: [Code; 6] = [
    STATEMENT_TIMEOUT,
    LOCK_TIMEOUT,
    INSUFFICIENT_PRIVILEGE,
    UNDEFINED_OBJECT,
    READ_ONLY,
    QUERY_FAILED,
];

#[rustfmt::skip]
codes! {
    URL = "ablo::database::url" Error,
        "The database address is invalid",
        "An address is a URL such as `postgres://user@host/database` or `sqlite:app.db`, or the \
         path of a file that ends in .db, .sqlite or .sqlite3. It is read from --database-url, \
         else from ABLO_DATABASE_URL, else from DATABASE_URL. A service and the variables of libpq \
         (PGHOST, PGUSER, PGSSLMODE and others) complete it.",
        "Correct the address or the variable. Percent-encode characters such as `@` and `/` in a \
         password.";
    ADDRESS_NOTE = "ablo::database::address_note" Warning,
        "A part of the address has no effect",
        "Other programs read parameters from the same address, such as `schema` and \
         `connection_limit` of Prisma, which PostgreSQL does not have. libpq ignores a file of \
         passwords that others can read.",
        "Nothing has to be done if it is for another program.";
    POOLER = "ablo::database::pooler" Error,
        "A connection pooler is between this program and the server",
        "A pooler such as PgBouncer gives each transaction another session of the server. The \
         migration lock would be lost, a setting would stay in the session of another program, \
         and notifications would not arrive. Reading commands such as `check`, `plan`, `status` \
         and `drift` work through a pooler.",
        "Pass the address of the server itself. Hosted databases have one for migrations, often \
         with another port or host name. If no pooler is between, allow the parameter `options`.";
    WRONG_KIND = "ablo::database::wrong_kind" Error,
        "The address is of another kind of database",
        "The command works with one kind of database, or this build of ablo has the driver of \
         only one kind.",
        "Pass the address of a database of the kind that the message names.";
    CERTIFICATE_FILE = "ablo::database::certificate_file" Error,
        "A file of certificates or the key cannot be used",
        "`sslrootcert` names a PEM file of root certificates, `sslcert` and `sslkey` those of the \
         client. The parameters are read from the address, else from PGSSLROOTCERT, PGSSLCERT and \
         PGSSLKEY, else the files are in ~/.postgresql. One cannot be read, or has no valid \
         certificate or key.",
        "Set the parameter that the message names to a readable PEM file, or remove it.";
    CONNECTION_FAILED = "ablo::database::connection_failed" Error,
        "The connection to the server failed",
        "The host could not be resolved, no server accepted the connection, or the server closed \
         it; the message has the reason.",
        "Check the host and the port in the address, and that PostgreSQL is running there.";
    TLS_FAILED = "ablo::database::tls_failed" Error,
        "The TLS handshake failed",
        "The server does not support TLS, or its certificate was rejected. With \
         sslmode=verify-full, the certificate has to be valid for the server's name.",
        "Check `sslmode` and `sslrootcert` in the address, and the server's certificate.";
    AUTHENTICATION_FAILED = "ablo::database::authentication_failed" Error,
        "The server rejected the role or its password",
        "The role does not exist, may not log in, or its password is missing or wrong; or \
         pg_hba.conf does not allow the connection.",
        "Check the role and the password in the address, and the server's pg_hba.conf.";
    UNKNOWN_DATABASE = "ablo::database::unknown_database" Error,
        "The database does not exist",
        "The server is running, and has no database with the name in the address.",
        "Correct the name in the address, or create the database with `createdb`.";
    NOT_ACCEPTING = "ablo::database::not_accepting_connections" Error,
        "The server accepts no connections at the moment",
        "It is starting up or shutting down, or a limit on the number of connections is reached.",
        "Try again later. If it persists, close idle connections or raise the limit that the \
         message names.";
    UNSUPPORTED = "ablo::database::unsupported" Error,
        "The server is too old",
        "Migrations need PostgreSQL 14 or later.",
        "Upgrade the server.";
    FILE_UNREADABLE = "ablo::database::file_unreadable" Error,
        "The SQLite file cannot be opened",
        "The file does not exist, or this user may not open it.",
        "Check the path and the permissions. Only `ablo migrate apply`, `ablo dev` and `ablo \
         serve` create a missing file.";
    NOT_A_DATABASE = "ablo::database::not_a_database" Error,
        "The file is not a SQLite database",
        "The file exists and its content is something else, or is encrypted.",
        "Check the path. Move the file away if a database is to be created in its place.";
    CONNECTION_LOST = "ablo::database::connection_lost" Error,
        "The connection to the server was lost",
        "The server stopped, or the session was terminated. The server rolled back uncommitted \
         changes.",
        "Check that the server is running, and run the command again.";
    STATEMENT_TIMEOUT = "ablo::database::statement_timeout" Error,
        "The server cancelled a query",
        "The query ran longer than `statement_timeout` of PGOPTIONS, of `options` in the address, \
         or of the pooler, or another session cancelled it. Those of the role and the database do \
         not apply.",
        "Raise `statement_timeout` where the command reads it, or run the command when the server \
         is less busy.";
    LOCK_TIMEOUT = "ablo::database::lock_timeout" Error,
        "A query could not get a lock",
        "Another session held the lock until the timeout, or the query lost a deadlock.",
        "Run the command again when fewer long transactions are open.";
    INSUFFICIENT_PRIVILEGE = "ablo::database::insufficient_privilege" Error,
        "The role lacks a privilege",
        "The server denied a query; the message names the object.",
        "Connect as the owner of the tables, or grant this role the privilege that the message \
         names.";
    UNDEFINED_OBJECT = "ablo::database::undefined_object" Error,
        "A table, column or schema does not exist",
        "A query refers to an object that the database does not have. It may have been dropped \
         or renamed by another session.",
        "Check the name in the message, and whether `--schema` names the schema of the tables.";
    READ_ONLY = "ablo::database::read_only" Error,
        "The database is read-only",
        "It is a standby server, the setting `default_transaction_read_only` is on, or the \
         SQLite file is write-protected.",
        "Pass the address of the primary server, or make the database writable.";
    INSUFFICIENT_RESOURCES = "ablo::database::insufficient_resources" Error,
        "The database ran out of resources",
        "The disk is full, or memory or another resource is exhausted; the message has the \
         details.",
        "Free the resource that the message names, and run the command again.";
    QUERY_FAILED = "ablo::database::query_failed" Error,
        "A query failed",
        "A query of ablo's own failed with an error that has no code of its own; the message has \
         the text of the database.",
        "Look the error up in the documentation of the database. If the database is healthy, \
         report it.";
    LOCKED = "ablo::database::locked" Error,
        "Another session holds the migration lock",
        "Only one migration runs at a time: in PostgreSQL an advisory lock per schema ensures \
         this, in SQLite the write lock of the file. Another session held the lock until the \
         timeout.",
        "Wait until that session is done, or end it, and run this again. Nothing was changed.";
    FILE_IN_USE = "ablo::database::file_in_use" Error,
        "A coordinator serves the SQLite file",
        "A SQLite file belongs to one coordinator: it would not see what another program changes. \
         `ablo check`, `drift` and `status` may read the file meanwhile.",
        "Stop the process that the message names, and run this again. Nothing was changed.";
    WARNED = "ablo::database::warned" Warning,
        "The server issued a warning",
        "The statement succeeded and the server sent this warning with it.",
        "Read the warning; no action is required.";
    LEDGER = "ablo::ledger::unreadable" Error,
        "A ledger entry cannot be read",
        "The table `ablo_migrations` records what was applied. An entry was edited by hand or \
         written by a newer version of ablo.",
        "Use the version that wrote the entry, or restore the table from a backup.";
    PLAN_SCHEMA_INVALID = "ablo::migrate::schema_invalid" Error,
        "The schema in the plan is invalid",
        "A plan contains the next schema. This one fails validation.",
        "Make the plan again with `ablo migrate plan`.";
    LEDGER_SCHEMA_INVALID = "ablo::ledger::schema_invalid" Error,
        "The schema in the ledger is invalid",
        "The ledger contains the schema of each migration. The last one fails validation, so \
         nothing can be planned from it.",
        "Use the version of ablo that wrote the entry, or restore the table `ablo_migrations` \
         from a backup.";
    OPTIONS = "ablo::migrate::options" Error,
        "A migration option is invalid",
        "The target schema or another option cannot be used; the message has the reason.",
        "Correct the option that the message names.";
    STATEMENT_FAILED = "ablo::migrate::statement_failed" Error,
        "A statement of the transaction failed",
        "The database rejected a statement; the message has its number and the error. The whole \
         transaction was rolled back.",
        "Fix what the message names, and run the migration again. Nothing was changed.";
    REQUIRED_FIELD_ADDED = "ablo::migrate::required_field_added" Error,
        "A new required column has no value for existing rows",
        "The table has rows, and neither a backfill nor a default gives them a value in the new \
         column. Nothing was changed.",
        "Give the field a backfill or a default, or make it optional.";
    MADE_REQUIRED = "ablo::migrate::made_required" Error,
        "A column that becomes required has rows without a value",
        "Neither a backfill nor a default gives these rows a value. Nothing was changed, unless \
         the message is about the after-commit phase: the rows of a large table are checked there, \
         while others write.",
        "Give the field a backfill or a default, or fill these rows first. After the commit, fill \
         them and run `ablo migrate resume`, or take the migration back with `ablo migrate undo`.";
    VALUE_UNFIT = "ablo::migrate::value_unfit" Error,
        "A value cannot be converted to the column's new type",
        "The column is required and no backfill replaces values that cannot be converted, or a \
         rounded value has too many digits before the point. Nothing was changed, unless the \
         message is about the after-commit phase: the rows of a large table are checked there, \
         while others write.",
        "Give the field a backfill, or correct these rows first. After the commit, correct them \
         and run `ablo migrate resume`, or take the migration back with `ablo migrate undo`.";
    REQUIRED_RECREATED = "ablo::migrate::required_recreated" Error,
        "A required column is recreated and rows exist",
        "Values of the old type cannot be converted to the new one, and neither a backfill nor a \
         default replaces them. Nothing was changed.",
        "Give the field a backfill or a default, or make it optional.";
    TENANCY_COLUMN_ADDED = "ablo::migrate::tenancy_column_added" Error,
        "Existing rows have no organisation",
        "The table gets its tenancy column and has rows. Nothing was changed.",
        "Give `organizationId` a backfill, or move these rows first.";
    BACKFILL_WITHOUT_TARGET = "ablo::migrate::backfill_without_target" Error,
        "A backfill refers to a row that does not exist",
        "The field is a foreign key, and its target table has no row with that id. Nothing was \
         changed.",
        "Use the id of an existing row, or insert that row first.";
    FOREIGN_KEY_BROKEN = "ablo::migrate::foreign_key_broken" Error,
        "A row refers to a row that does not exist",
        "The migration checked the foreign keys of the tables that it changed, and found a \
         violation. Nothing was changed.",
        "Correct the row, or insert the row that it refers to.";
    NOT_OURS = "ablo::migrate::not_ours" Error,
        "A table to be rebuilt has objects outside the schema",
        "SQLite changes most properties of a table only by rebuilding it. A column, index or \
         trigger that was added by hand would be lost. Nothing was changed.",
        "Add the object to the schema, or drop it.";
    DRIFTED = "ablo::migrate::drifted" Error,
        "The tables are not as the last migration left them",
        "Someone changed a table that the migration changes, and its statements would fail, or \
         give a table that is not that of the schema. Nothing was changed.",
        "Undo the changes that the messages name, with their statements where they have one, or \
         migrate to a schema that has them. `ablo migrate drift` lists all of them.";
    NO_LEDGER = "ablo::migrate::no_ledger" Error,
        "The database has no ledger",
        "`ablo migrate drift` compares the tables with the schema that was applied last, and no \
         migration was applied to this schema of the database.",
        "Pass the schema to compare with, check `--database-url` and `--schema`, or run `ablo \
         migrate apply`.";
    NO_SCHEMA = "ablo::database::no_schema" Error,
        "The schema of the database does not exist",
        "`--schema` names the schema of the tables. A wrong name would give a second set of \
         tables.",
        "Correct `--schema`, or create the schema with `CREATE SCHEMA`.";
    DEPENDENT = "ablo::migrate::dependent" Error,
        "An object outside the schema depends on what changes",
        "The migration drops, renames or retypes a table or a column that an object uses which the \
         schema does not have: a view, a trigger, a policy, a generated column, a function, an \
         index, a check or a foreign key. It would fail, or leave the object broken or lost. \
         Nothing was changed.",
        "Drop the objects that the messages name, and create those that are still needed again \
         after the migration.";
    PRAGMAS = "ablo::migrate::pragmas" Error,
        "The connection is not set up for a migration",
        "A SQLite migration needs `foreign_keys` off and `legacy_alter_table` on before its \
         transaction begins. `ablo migrate apply` and migrate.sql set both.",
        "Run the whole of migrate.sql, from its first line.";
    DUPLICATE_VALUES = "ablo::migrate::duplicate_values" Error,
        "Rows share a value that becomes unique",
        "The unique index cannot be built. Nothing was changed.",
        "Correct these rows first, or leave the field as it is.";
    POLICY_SKIPPED = "ablo::migrate::policy_skipped" Warning,
        "A table shows no rows to anyone",
        "Row security is enabled, and the policy could not be created because an object that it \
         depends on is missing.",
        "Create the object that the message names, then run `ablo migrate drift` and the \
         statement that it prints.";
    FOREIGN_KEY_NOT_VALIDATED = "ablo::migrate::foreign_key_not_validated" Warning,
        "Existing rows refer to rows that do not exist",
        "The foreign key is enforced for new rows. It could not be validated because of existing \
         rows.",
        "Correct these rows, then run `ALTER TABLE … VALIDATE CONSTRAINT …` for the key.";
    NO_SERVER = "ablo::prove::no_server" Error,
        "No scratch server is available",
        "`ablo migrate prove` runs on a scratch server of PostgreSQL 14 or later. `initdb` and \
         `postgres` were not found on the PATH or in the usual folders.",
        "Install PostgreSQL with `apt-get install postgresql`, `dnf install postgresql-server` \
         or `brew install postgresql`; or pass the address of a server where databases may be \
         created as `--database-url`.";
    SCRATCH_FAILED = "ablo::prove::scratch_failed" Error,
        "The scratch server did not start",
        "PostgreSQL is installed but did not start in a temporary folder; the message has its \
         output.",
        "Fix what the message names, or pass the address of a server as `--database-url`.";
    NOT_PROVEN = "ablo::prove::broken" Error,
        "An invariant of migrations is broken",
        "The migration applied, but a value was lost that no step declares lost, a table differs \
         from a provisioned one, or rows are visible to other organisations. Only scratch \
         databases were changed.",
        "This is a bug in ablo. Do not apply this migration; report it with both schemas.";
    PLAN_UNREADABLE = "ablo::migrate::plan_unreadable" Error,
        "The plan cannot be read",
        "The file is not the JSON document that `ablo migrate plan --out FILE` writes, or \
         another version of ablo wrote it.",
        "Make the plan again with `ablo migrate plan`.";
    PLAN_CHANGED = "ablo::migrate::plan_changed" Error,
        "The plan was changed after it was made",
        "A plan contains a hash of itself, without its approvals. The hash of this plan does not \
         match, so it is not the plan that was reviewed.",
        "Make the plan again with `ablo migrate plan`, and have it approved again.";
    PLAN_ELSEWHERE = "ablo::migrate::plan_elsewhere" Error,
        "The plan is for another kind of database",
        "A plan is for one dialect and one target schema.",
        "Make a plan for this database.";
    SCHEMA_MOVED = "ablo::migrate::schema_moved" Error,
        "The database is not at the schema that the plan starts from",
        "Another migration was applied after the plan was made.",
        "Make the plan again.";
    DATABASE_MOVED = "ablo::migrate::database_moved" Error,
        "The tables changed after the plan was made",
        "The plan contains a fingerprint of the tables that it affects. Their current \
         fingerprint differs.",
        "Run `ablo migrate drift` to see the changes, then make the plan again.";
    APPROVAL_MISSING = "ablo::migrate::approval_missing" Error,
        "A step needs an approval",
        "The step loses values or opens rows to more readers. It runs only if the plan has an \
         approval for exactly this step.",
        "Read the plan; `ablo migrate approve --plan FILE --step ID` approves the step.";
    APPROVAL_UNKNOWN = "ablo::migrate::approval_unknown" Error,
        "The plan has no such approval to give",
        "An approval names one of the ids that the plan lists under `approvalsNeeded`.",
        "Use one of the ids that the plan lists.";
    APPROVAL_VOID = "ablo::migrate::approval_void" Error,
        "An approval is for another plan",
        "An approval contains the hash of the plan that was read. This plan has another hash.",
        "Read this plan, remove the old approval, and approve the step again.";
    PLAN_NOT_DERIVED = "ablo::migrate::plan_not_derived" Error,
        "The plan is not what its schemas give",
        "`ablo migrate apply` makes statements and required approvals again from the schema in \
         the ledger, that of the plan, its hints and its backfills. This plan differs.",
        "Make the plan again with `ablo migrate plan`, and have it approved again.";
    APPROVAL_UNSIGNED = "ablo::migrate::approval_unsigned" Error,
        "An approval has no signature",
        "The database has approvers, so an approval counts only if one of them signed it.",
        "Let an approver run `ablo migrate approve --plan FILE --step ID --key KEY`.";
    APPROVAL_UNTRUSTED = "ablo::migrate::approval_untrusted" Error,
        "An approval is signed with an unknown key",
        "The key is not in the list of approvers of this database, or was removed from it.",
        "Let one of those that `ablo approver list` prints approve the step.";
    APPROVAL_FORGED = "ablo::migrate::approval_forged" Error,
        "A signed approval was changed",
        "The signature does not match the approval and the plan that it is for.",
        "Let an approver read the plan and approve the step again.";
    APPROVAL_ELSEWHERE = "ablo::migrate::approval_elsewhere" Error,
        "An approval is for another database",
        "A signature names one database. A copy of it on another server is another one.",
        "Let an approver approve the step for this database.";
    APPROVAL_REPLAYED = "ablo::migrate::approval_replayed" Error,
        "An approval is older than the last migration",
        "A signature is for one position of the ledger, so that an approval cannot be used twice.",
        "Let an approver approve the step again.";
    APPROVAL_EXPIRED = "ablo::migrate::approval_expired" Error,
        "An approval has ended",
        "A signature is valid for a limited time, by the clock of the database.",
        "Let an approver approve the step again; `--valid-for` gives it more time.";
    APPROVAL_ROWS = "ablo::migrate::approval_rows" Error,
        "A step affects more rows than were approved",
        "A signature has the exact number of rows. They are counted again in the transaction of \
         the migration, and there are more, or they could not be counted. Nothing was changed.",
        "Make the plan again, and let an approver approve it with a role that sees all rows.";
    APPROVER_KEY_FILE = "ablo::approver::key_file" Error,
        "The private key of an approver cannot be used",
        "It is a new file for `keygen`, and otherwise a PKCS #8 file that only its owner can read.",
        "Pass the file that `ablo approver keygen --out FILE` wrote.";
    APPROVER_REFUSED = "ablo::approver::refused" Error,
        "The list of approvers cannot be changed like this",
        "The first approver is added with its own private key, each other one with that of an \
         approver. The ledger has to exist, and the last approver cannot be removed.",
        "Do what the message says; `ablo approver list` prints the approvers.";
    APPROVER_UNTRUSTED = "ablo::approver::untrusted" Error,
        "The key is not an approver's",
        "Only a key in the list of approvers can sign approvals and changes of the list.",
        "Pass the private key of one that `ablo approver list` prints, or add this one.";
    APPROVER_SAME_ROLE = "ablo::approver::same_role" Error,
        "The role that migrates can change the list of approvers",
        "The list protects only if it belongs to a role that the migrating role is not and cannot \
         become. A superuser can change every list.",
        "Run `ablo approver add` with another role, such as a superuser, and migrate with a role \
         that owns only the tables.";
    APPROVER_LIST_INVALID = "ablo::approver::list_invalid" Error,
        "The list of approvers was edited",
        "Each entry of the list is signed by an approver and follows the one before it, and the \
         ledger records the last one. This list has been changed in another way.",
        "Find out who changed it. Restore the list and the ledger from a backup.";
    BASELINE_REQUIRED = "ablo::migrate::baseline_required" Error,
        "The database has tables but no ledger",
        "The schema of these tables is not recorded, so a plan has nothing to start from.",
        "Record their schema with `ablo migrate adopt FILE`; `ablo pull` writes one. If ablo made \
         the tables, pass it as `--from FILE`.";
    BASELINE_DIFFERS = "ablo::migrate::baseline_differs" Error,
        "The tables do not match the baseline",
        "`--from` names the schema that the database has now, and the tables differ from it.",
        "Run `ablo migrate adopt FILE` if another program made the tables: it leaves the \
         differences alone. Otherwise pass the schema that matches.";
    ALREADY_RECORDED = "ablo::migrate::already_recorded" Error,
        "The ledger already has a schema",
        "`ablo migrate adopt` writes the first entry of a ledger, and this database has one.",
        "Run `ablo migrate plan` to change the schema, or `ablo migrate adopt --again` to record \
         the tables as they are now.";
    ADOPT_MISFIT = "ablo::migrate::adopt_misfit" Error,
        "The schema is wrong for the tables",
        "A table or a column of the schema does not exist, or its type cannot store the field. \
         Nothing was recorded.",
        "Correct the schema; `ablo pull` writes one that fits.";
    REQUIRED_THERE = "ablo::migrate::required_there" Warning,
        "A column is required only in the database",
        "It has no default and is NOT NULL, and the schema does not have it or has it as optional: \
         a row that a program creates without a value is refused.",
        "Make the field required, or give the column a default.";
    BEHIND = "ablo::migrate::behind" Error,
        "The database is behind the schema",
        "The last applied migration led to another schema than this one.",
        "Run `ablo migrate plan` to see the missing steps.";
    UNFINISHED = "ablo::migrate::unfinished" Error,
        "A migration is not finished",
        "Its transaction is committed, but not every statement after it has run.",
        "Run `ablo migrate apply`; it finishes the migration.";
}
