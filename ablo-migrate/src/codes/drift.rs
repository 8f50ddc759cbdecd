//! The codes of differences between a schema and a database, and of pulled schemas.

use super::{Code, Severity};

#[rustfmt::skip]
codes! {
    TABLE_MISSING = "ablo::drift::table_missing" Error,
        "A table is missing",
        "The schema has a model whose table does not exist.",
        "Provision the database, or migrate it.";
    COLUMN_MISSING = "ablo::drift::column_missing" Error,
        "A column is missing",
        "The schema has a field whose column does not exist.",
        "Add the column, or migrate the database.";
    COLUMN_EXTRA = "ablo::drift::column_extra" Warning,
        "A column is not in the schema",
        "It was added by hand or belongs to another program. If it is required and has no \
         default, inserts fail.",
        "Add it to the schema, or drop it if its values are not needed.";
    COLUMN_TYPE = "ablo::drift::column_type" Error,
        "A column has another type",
        "Reads and writes of this column may fail.",
        "Change the column, or the schema.";
    COLUMN_NULL = "ablo::drift::column_null" Error,
        "A column's NOT NULL constraint differs from the schema",
        "The schema and the table disagree about whether every row has a value.",
        "Change the constraint, after filling rows without a value; or change the schema.";
    COLUMN_DEFAULT = "ablo::drift::column_default" Error,
        "A column has another default",
        "Rows that omit the column get another value than the schema says.",
        "Change the default, or the schema.";
    COLUMN_COMMENT = "ablo::drift::column_comment" Warning,
        "A column has another comment",
        "The comment differs from the schema's description.",
        "Change the comment, or the description.";
    PRIMARY_KEY = "ablo::drift::primary_key" Error,
        "The primary key differs",
        "The primary key of a table is its tenancy column and `id`, or `id` if it has no tenancy \
         column. Earlier releases made `id` the key of every table.",
        "Run `ablo migrate plan` and `ablo migrate apply`, which change the key of an earlier \
         release. Otherwise replace the existing key.";
    CHECK_MISSING = "ablo::drift::check_missing" Error,
        "A check is missing",
        "The table accepts values that the schema does not allow.",
        "Add the check, after correcting rows that violate it.";
    CHECK_EXTRA = "ablo::drift::check_extra" Warning,
        "A check is not in the schema",
        "The table rejects values that the schema allows.",
        "Drop it, unless it is intended.";
    INDEX_MISSING = "ablo::drift::index_missing" Error,
        "An index is missing or invalid",
        "Queries are slow, or values that should be unique are not. An index whose concurrent \
         build failed exists but is invalid.",
        "Drop the invalid index if there is one, then create the index.";
    INDEX_EXTRA = "ablo::drift::index_extra" Warning,
        "An index is not in the schema",
        "It slows down writes; a unique index rejects rows that the schema allows.",
        "Drop it, unless it is intended.";
    FOREIGN_KEY_MISSING = "ablo::drift::foreign_key_missing" Error,
        "A foreign key is missing or not validated",
        "Rows may refer to rows that do not exist.",
        "Add and validate the key, after correcting rows that violate it.";
    FOREIGN_KEY_EXTRA = "ablo::drift::foreign_key_extra" Warning,
        "A foreign key is not in the schema",
        "The table rejects rows that the schema allows.",
        "Drop it, unless it is intended.";
    DEFINITION = "ablo::drift::definition" Error,
        "A column or table is defined differently",
        "In SQLite some properties are only in the text of a table: collations, when a foreign \
         key is checked, whether the table is STRICT.",
        "Create the table again as the schema says, and copy its rows.";
    ROW_SECURITY = "ablo::drift::row_security" Error,
        "Row security differs from the schema",
        "If it is missing, every organisation sees the rows of every other one. If it is enabled \
         without a policy, no rows are visible.",
        "Enable or disable row security as the schema says.";
    POLICY = "ablo::drift::policy" Error,
        "The isolation policy is missing or differs",
        "The policy decides which organisation sees which rows.",
        "Drop the existing policy if there is one, then create the policy of the schema.";
    POLICY_EXTRA = "ablo::drift::policy_extra" Error,
        "A policy is not in the schema",
        "A permissive policy opens rows to more readers than the schema says.",
        "Drop it, unless it is intended.";
    INDEX_DIFFERS = "ablo::drift::index_differs" Warning,
        "An index has other properties than the schema says",
        "It has the columns of an index of the schema, and is unique where the schema has no \
         unique field, treats absent values as equal, is deferrable, or has an order, an operator \
         class or further columns of its own.",
        "Replace it by the index that the message has, unless the difference is intended.";
    COLUMN_COLLATION = "ablo::drift::column_collation" Warning,
        "A column has a collation of its own",
        "Comparisons and the order of its values differ from those of the database. A collation \
         that is not deterministic treats different values as equal.",
        "Give the column the collation of the database, unless the difference is intended.";
    TRIGGER_DISABLED = "ablo::drift::trigger_disabled" Error,
        "A trigger is disabled",
        "It does not run. A trigger of a foreign key checks references, which nothing else does.",
        "Enable it with `ALTER TABLE … ENABLE TRIGGER`, and check the rows that were written \
         meanwhile.";
    WRITES_SWALLOWED = "ablo::drift::writes_swallowed" Error,
        "A trigger or a rule may swallow writes",
        "A rule replaces the statement of a program, and a trigger before a row can return null: a \
         write then reports success, and the row is not there.",
        "Drop it, or let a constraint refuse the row.";
    POLICY_RESTRICTIVE = "ablo::drift::policy_restrictive" Error,
        "A restrictive policy is not in the schema",
        "It hides rows, or refuses writes, that the schema allows.",
        "Drop it, unless it is intended.";
    OWNER = "ablo::drift::owner" Warning,
        "A table has another owner than the ledger",
        "`ablo migrate drift --privileges` compares the owners of the tables. Only its owner can \
         migrate a table.",
        "Change the owner with `ALTER TABLE … OWNER TO`, unless it is intended.";
    GRANTS = "ablo::drift::grants" Warning,
        "Another role has privileges on a table",
        "`ablo migrate drift --privileges` lists the privileges of all roles but the owner, \
         because a schema has no words for them.",
        "Revoke those that are not intended.";
    TABLE_KIND = "ablo::drift::table_kind" Warning,
        "A table is of another kind than the schema says",
        "It is partitioned, inherits columns, has the rows of other tables as its own, or loses \
         its rows in a crash because it is unlogged.",
        "Make it a plain table, unless the difference is intended.";
    UNMANAGED_GONE = "ablo::drift::unmanaged_gone" Warning,
        "An object that the schema does not manage is gone",
        "It was there when the database was adopted, and the schema does not say it.",
        "Create it again, or run `ablo migrate adopt --again`, which records the tables as they \
         are.";
    PULL_LEFT_OUT = "ablo::pull::left_out" Warning,
        "An object cannot be expressed in a schema",
        "A schema describes tables, columns, value checks, simple indexes and foreign keys. This \
         object is something else and was left out.",
        "Keep the object in SQL of your own.";
    PULL_CHANGED = "ablo::pull::changed" Warning,
        "An object can only be approximated in a schema",
        "The schema has the closest equivalent. A migration to it would change the database \
         here.",
        "Review the difference before you migrate.";
    PULL_NAME = "ablo::pull::name" Error,
        "A name cannot be used in a schema",
        "Names of tables and columns consist of ASCII letters, digits and `_`. The object with \
         this name was left out.",
        "Rename it in the database, and pull again.";
    PULL_SCHEMA_INVALID = "ablo::pull::schema_invalid" Error,
        "The pulled schema is invalid",
        "`ablo pull` validates the schema that it makes of the tables. This one fails validation \
         and was not written.",
        "Change what the message names in the database, or leave the table out and report it as \
         a bug.";
}
