//! Why rows can stop a migration: the code that the server's message begins with, and the way out.

use super::super::ddl::Table;
use super::super::names::Ident;

/// Why rows can stop a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    RequiredFieldAdded,
    RequiredRecreated,
    TenancyColumnAdded,
    MadeRequired,
    ValueUnfit,
    BackfillWithoutTarget,
    DuplicateValues,
}

impl Guard {
    /// The code that the server's message begins with.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Guard::RequiredFieldAdded => "ablo::migrate::required_field_added",
            Guard::RequiredRecreated => "ablo::migrate::required_recreated",
            Guard::TenancyColumnAdded => "ablo::migrate::tenancy_column_added",
            Guard::MadeRequired => "ablo::migrate::made_required",
            Guard::ValueUnfit => "ablo::migrate::value_unfit",
            Guard::BackfillWithoutTarget => "ablo::migrate::backfill_without_target",
            Guard::DuplicateValues => "ablo::migrate::duplicate_values",
        }
    }

    /// The server's condition that it stands for.
    pub(crate) fn condition(self) -> &'static str {
        match self {
            Guard::RequiredFieldAdded
            | Guard::RequiredRecreated
            | Guard::TenancyColumnAdded
            | Guard::MadeRequired => "not_null_violation",
            Guard::ValueUnfit => "check_violation",
            Guard::BackfillWithoutTarget => "foreign_key_violation",
            Guard::DuplicateValues => "unique_violation",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Guard::RequiredFieldAdded => "is new and required, and the table has rows",
            Guard::RequiredRecreated => "is made anew and required, and the table has rows",
            Guard::TenancyColumnAdded => {
                "says whose a row is, and the table has rows that are nobody's"
            }
            Guard::MadeRequired => "has become required, and some rows have no value",
            Guard::ValueUnfit => "has values that its new type does not allow",
            Guard::BackfillWithoutTarget => "is given the id of a row that is not there",
            Guard::DuplicateValues => "has become unique, and some rows share a value",
        }
    }

    /// The way out.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Guard::TenancyColumnAdded => "Give a backfill for `organizationId` of this model.",
            Guard::BackfillWithoutTarget => {
                "Give the id of a row that exists as the backfill, or insert that row first."
            }
            Guard::DuplicateValues => "Mend the rows, or leave the field without `unique`.",
            Guard::ValueUnfit => {
                "Give a backfill for this field, make it optional, or mend the rows."
            }
            _ => "Give a backfill for this field, a default, or make it optional.",
        }
    }

    /// The whole message about a column.
    pub(crate) fn about(self, table: &Table<'_>, column: &Ident<'_>) -> String {
        format!("{}: {}.{} {}", self.code(), table.name.as_str(), column.as_str(), self.message())
    }
}
