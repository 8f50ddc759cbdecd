//! Why rows can stop a migration: the code that the server's message begins with, and the way out.

use super::super::ddl::Table;
use super::super::names::Ident;

/// Why rows can stop a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    RequiredFieldAdded,
    RequiredRecreated,
    TenancyColumnAdded,
    MadeRequired,
    ValueUnfit,
    BackfillWithoutTarget,
    DuplicateValues,
}

impl Refusal {
    /// The code that the server's message begins with.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Refusal::RequiredFieldAdded => "ablo::migrate::required_field_added",
            Refusal::RequiredRecreated => "ablo::migrate::required_recreated",
            Refusal::TenancyColumnAdded => "ablo::migrate::tenancy_column_added",
            Refusal::MadeRequired => "ablo::migrate::made_required",
            Refusal::ValueUnfit => "ablo::migrate::value_unfit",
            Refusal::BackfillWithoutTarget => "ablo::migrate::backfill_without_target",
            Refusal::DuplicateValues => "ablo::migrate::duplicate_values",
        }
    }

    /// The server's condition that it stands for.
    pub(crate) fn condition(self) -> &'static str {
        match self {
            Refusal::RequiredFieldAdded
            | Refusal::RequiredRecreated
            | Refusal::TenancyColumnAdded
            | Refusal::MadeRequired => "not_null_violation",
            Refusal::ValueUnfit => "check_violation",
            Refusal::BackfillWithoutTarget => "foreign_key_violation",
            Refusal::DuplicateValues => "unique_violation",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Refusal::RequiredFieldAdded => "is new and required, and the table has rows",
            Refusal::RequiredRecreated => "is made anew and required, and the table has rows",
            Refusal::TenancyColumnAdded => {
                "says whose a row is, and the table has rows that are nobody's"
            }
            Refusal::MadeRequired => "has become required, and some rows have no value",
            Refusal::ValueUnfit => "has values that its new type does not allow",
            Refusal::BackfillWithoutTarget => "is given the id of a row that is not there",
            Refusal::DuplicateValues => "has become unique, and some rows share a value",
        }
    }

    /// The way out.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Refusal::TenancyColumnAdded => "Give a backfill for `organizationId` of this model.",
            Refusal::BackfillWithoutTarget => {
                "Give the id of a row that exists as the backfill, or insert that row first."
            }
            Refusal::DuplicateValues => "Mend the rows, or leave the field without `unique`.",
            Refusal::ValueUnfit => {
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
