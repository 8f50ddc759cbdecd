//! Collects the statements of a migration and the guards that fail with a reason.

use super::super::names::{Expr, Ident, Literal, expr};
use crate::migrate::{Hazard, Lock, LockMode, Loss, Migration, Phase, Statement};
use std::collections::BTreeMap;

/// The statements of a migration, in order.
#[derive(Debug, Default)]
pub(crate) struct Script {
    statements: Vec<Statement>,
}

/// A reason why existing rows stop a migration. SQLite's error message contains its code.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guard {
    /// The connection enforces foreign keys, or updates names in other tables.
    Pragmas,
    /// A table has columns, indexes or triggers that the schema does not define.
    UnknownParts,
    /// A new required field has no value for existing rows.
    RequiredFieldAdded,
    /// Existing rows have no organisation, and the model gets one.
    TenancyColumnAdded,
    /// A field becomes required, and some rows have no value.
    MadeRequired,
    /// A value does not fit its new type.
    ValueUnfit,
    /// A required field has a new type to which values cannot be converted.
    RequiredRecreated,
    /// A field becomes unique, and some rows have the same value.
    DuplicateValues,
    /// A row references a missing row.
    ForeignKeyBroken,
}

impl Guard {
    fn code(self) -> &'static str {
        match self {
            Guard::Pragmas => "ablo::migrate::pragmas",
            Guard::UnknownParts => "ablo::migrate::not_ours",
            Guard::RequiredFieldAdded => "ablo::migrate::required_field_added",
            Guard::TenancyColumnAdded => "ablo::migrate::tenancy_column_added",
            Guard::MadeRequired => "ablo::migrate::made_required",
            Guard::ValueUnfit => "ablo::migrate::value_unfit",
            Guard::RequiredRecreated => "ablo::migrate::required_recreated",
            Guard::DuplicateValues => "ablo::migrate::duplicate_values",
            Guard::ForeignKeyBroken => "ablo::migrate::foreign_key_broken",
        }
    }
}

impl Script {
    /// Adds a statement on an existing table.
    pub(crate) fn on(
        &mut self,
        table: &Ident<'_>,
        cause: Option<usize>,
        hazards: &[Hazard],
        sql: &Expr,
    ) {
        let locks = vec![Lock { table: table.as_str().to_owned(), mode: LockMode::Exclusive }];
        self.push(sql, cause, locks, hazards);
    }

    /// Adds a statement that touches no existing table.
    pub(crate) fn add(&mut self, cause: Option<usize>, sql: &Expr) {
        self.push(sql, cause, Vec::new(), &[]);
    }

    fn push(&mut self, sql: &Expr, cause: Option<usize>, locks: Vec<Lock>, hazards: &[Hazard]) {
        let (sql, hazards) = (sql.as_str().to_owned(), hazards.to_vec());
        let (phase, effects) = (Phase::Transaction, Vec::new());
        self.statements.push(Statement { sql, phase, cause, locks, hazards, effects });
    }

    /// Adds a statement that fails if `rows` returns a row, and names that row by `example`.
    ///
    /// SQLite can raise custom errors only in triggers, and only with constant messages. Instead,
    /// the message is used as an invalid JSON path, which SQLite repeats in its error. The
    /// `example` column makes the path non-constant, so it is evaluated only for rows.
    pub(crate) fn guard(
        &mut self,
        cause: Option<usize>,
        guard: Guard,
        message: &str,
        example: &Expr,
        rows: &Expr,
    ) {
        let text = Literal::new(format!("{}: {message}", guard.code()));
        let sql =
            expr!("SELECT json_extract('{}', ", text, " || ", example, ") ", rows, " LIMIT 1;");
        self.push(&sql, cause, Vec::new(), &[Hazard::Scan, Hazard::MayFail]);
    }

    /// Returns the migration, which is empty if there is nothing to do.
    pub(crate) fn finish(self, first: Script, losses: BTreeMap<usize, Loss>) -> Migration {
        if self.statements.is_empty() {
            return Migration::default();
        }
        let statements = first.statements.into_iter().chain(self.statements).collect();
        Migration { statements, losses }
    }
}
