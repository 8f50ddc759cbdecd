//! The codes of schemas that a database cannot be brought to, or has not been brought to yet.

use super::{Code, Severity};

#[rustfmt::skip]
codes! {
    SCHEMA_BEHIND = "ablo::migrate::schema_behind" Error,
        "The database was migrated on from this schema",
        "The ledger has this schema, and later ones that change rows or operations of programs \
         with this one. The message names the changes. A process never migrates a database back. \
         Nothing was changed.",
        "Start the process with the newest schema. To take the changes back for all processes, \
         use `ablo migrate plan` and `ablo migrate apply` with this schema.";
    SCHEMA_AHEAD = "ablo::migrate::schema_ahead" Error,
        "The database does not have this schema yet",
        "`--migrate never` and `--migrate wait` leave migrations to another process. With `wait`, \
         none brought the database to this schema in time. Nothing was changed.",
        "Run `ablo migrate plan` and `ablo migrate apply`, or start with `--migrate auto`.";
    SCHEMA_BRANCHED = "ablo::migrate::schema_branched" Error,
        "The schema takes back later changes of the database",
        "The database was migrated on while this schema was made from an earlier one, so the two \
         have grown apart. The message names what a migration to this schema would take back. \
         Nothing was changed.",
        "Add the changes to this schema. To take them back on purpose, use `ablo migrate plan` and \
         `ablo migrate apply`.";
    SCHEMA_UNRELATED = "ablo::migrate::schema_unrelated" Error,
        "The database belongs to another schema",
        "The newest schema in the ledger and this one have no model in common. Nothing was \
         changed.",
        "Check the address of the database and the path of the schema. To replace all models on \
         purpose, use `ablo migrate plan` and `ablo migrate apply`.";
}
