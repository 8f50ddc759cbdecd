//! Statements in order, and those that fail with a reason.

use super::super::names::{Expr, Ident, Literal, expr};
use crate::migrate::{Hazard, Lock, LockMode, Migration, Phase, Statement};

/// What has been decided so far.
#[derive(Debug, Default)]
pub(crate) struct Script {
    statements: Vec<Statement>,
}

/// Why a migration does not go on. The text of SQLite's error holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guard {
    /// The connection enforces foreign keys, or rewrites names in other tables.
    Pragmas,
    /// A table holds what this schema did not put there.
    UnknownParts,
    /// A required field has no value for the rows that are there.
    RequiredFieldAdded,
    /// Rows have no organisation, and the model is to have one.
    TenancyColumnAdded,
    /// A field became required, and rows have no value.
    MadeRequired,
    /// A value does not fit its new type.
    ValueUnfit,
    /// A required field has a new type in which its values say nothing.
    RequiredRecreated,
    /// Two rows share a value that is to be unique.
    DuplicateValues,
    /// A row names another that is not there.
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
    /// Adds a statement about a table that was there before.
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

    /// Adds a statement about nothing that was there before.
    pub(crate) fn add(&mut self, cause: Option<usize>, sql: &Expr) {
        self.push(sql, cause, Vec::new(), &[]);
    }

    fn push(&mut self, sql: &Expr, cause: Option<usize>, locks: Vec<Lock>, hazards: &[Hazard]) {
        let (sql, hazards) = (sql.as_str().to_owned(), hazards.to_vec());
        self.statements.push(Statement { sql, phase: Phase::Transaction, cause, locks, hazards });
    }

    /// Adds a statement that fails where `rows` gives a row, naming the row's `example`; else it does nothing.
    ///
    /// SQLite can raise no error of one's own outside a trigger, and there none that is put together. A path that is no
    /// path is an error that repeats it. It is looked at only where there is a row: the example makes it no constant.
    pub(crate) fn guard(
        &mut self,
        cause: Option<usize>,
        why: Guard,
        what: &str,
        example: &Expr,
        rows: &Expr,
    ) {
        let text = Literal::new(format!("{}: {what}", why.code()));
        let sql =
            expr!("SELECT json_extract('{}', ", text, " || ", example, ") ", rows, " LIMIT 1;");
        self.push(&sql, cause, Vec::new(), &[Hazard::Scan, Hazard::MayFail]);
    }

    /// The migration, if there is anything to do.
    pub(crate) fn finish(self, first: Script) -> Migration {
        if self.statements.is_empty() {
            return Migration::default();
        }
        Migration { statements: first.statements.into_iter().chain(self.statements).collect() }
    }
}
