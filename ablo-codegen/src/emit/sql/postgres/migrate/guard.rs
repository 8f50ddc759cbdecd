//! Guards: checks of existing rows that can stop a migration, with error codes, messages and hints.

use super::super::ddl::Table;
use super::super::names::Ident;

/// A reason why existing rows stop a migration.
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
    /// Returns the code that the error message starts with.
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

    /// Returns the PostgreSQL condition name that it handles.
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
            Guard::RequiredFieldAdded => "is a new required column, and the table has rows",
            Guard::RequiredRecreated => "is recreated as a required column, and the table has rows",
            Guard::TenancyColumnAdded => {
                "is the tenancy column, and the table has rows without an organization"
            }
            Guard::MadeRequired => "becomes required, and some rows have no value",
            Guard::ValueUnfit => "has values that its new type does not allow",
            Guard::BackfillWithoutTarget => {
                "is backfilled with the id of a row that does not exist"
            }
            Guard::DuplicateValues => "becomes unique, and some rows have the same value",
        }
    }

    /// Returns the hint of the error.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Guard::TenancyColumnAdded => "Provide a backfill for `organizationId` of this model.",
            Guard::BackfillWithoutTarget => {
                "Use the id of an existing row as the backfill, or insert that row first."
            }
            Guard::DuplicateValues => "Fix the rows, or remove `unique` from the field.",
            Guard::ValueUnfit => {
                "Provide a backfill for this field, make it optional, or fix the rows."
            }
            _ => "Provide a backfill or a default for this field, or make it optional.",
        }
    }

    /// Returns the whole error message about a column.
    pub(crate) fn about(self, table: &Table<'_>, column: &Ident<'_>) -> String {
        format!("{}: {}.{} {}", self.code(), table.name.as_str(), column.as_str(), self.message())
    }
}
