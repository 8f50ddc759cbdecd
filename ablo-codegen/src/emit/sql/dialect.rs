//! The SQL dialects.

/// An SQL dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// PostgreSQL 14 and later.
    Postgres,
    /// SQLite 3.37 and later.
    Sqlite,
}

impl Dialect {
    /// Returns the name that plans and options contain.
    ///
    /// ```
    /// assert_eq!(ablo_codegen::emit::sql::Dialect::Postgres.as_str(), "postgres");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }
}
