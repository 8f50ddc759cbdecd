//! Codes of running a migration and of finishing one that was interrupted.

use super::Code;
use ablo_schema::Severity;

#[rustfmt::skip]
codes! {
    BUSY = "ablo::migrate::busy" Error,
        "A table stayed locked by other sessions",
        "A statement could not get a lock before the timeout, in every attempt. This transaction \
         changed nothing.",
        "Run it again when fewer long transactions are open. In PostgreSQL, `pg_locks` shows \
         which session holds the lock.";
    AFTER_COMMIT_FAILED = "ablo::migrate::after_commit_failed" Error,
        "A statement after the commit failed",
        "The transaction is committed and recorded, but not every statement after it has run. \
         The message has the statement's number and the SQLSTATE.",
        "Fix what the message names, and run `ablo migrate apply` again; it continues with this \
         statement.";
    NAME_TAKEN = "ablo::migrate::name_taken" Error,
        "A name that the migration needs is taken",
        "Another table, index or view of the schema has the name of a table or an index that the \
         migration creates; the message names it. Before the transaction, nothing was changed.",
        "Rename or drop the other object, and run the migration again.";
    EFFECT_MISSING = "ablo::migrate::effect_missing" Error,
        "A statement ran without its effect",
        "After each statement, and before the ledger says that a migration is done, the catalog is \
         compared with what the statements state. Something is missing, invalid or different. In \
         the transaction nothing was changed; after it the migration is unfinished.",
        "Look for event triggers and programs that change the tables, and run `ablo migrate apply` \
         again; it repeats the statement.";
    NOTHING_UNFINISHED = "ablo::migrate::nothing_unfinished" Error,
        "No migration is unfinished",
        "`ablo migrate resume`, `skip` and `undo` are ways on from a migration whose transaction \
         is committed and whose statements after it have not all run.",
        "Run `ablo migrate status`.";
    UNDO_REFUSED = "ablo::migrate::undo_refused" Error,
        "The migration cannot be undone",
        "A migration is undone only if that loses nothing and opens no rows: neither the migration \
         nor its inverse needs an approval, apart from new columns without a value, and the schema \
         before it is in the ledger. The message has the reason. Nothing was changed.",
        "Fix what stops the migration and run `ablo migrate resume`, or leave out the statement \
         with `ablo migrate skip`. Then migrate to the schema that you want.";
}
