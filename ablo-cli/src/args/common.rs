//! Arguments that several commands have.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The schema to read.
#[derive(Clone, Debug, Args)]
pub(crate) struct InputArgs {
    /// Schema JSON, Rust (`*.rs`), or `-` for JSON on standard input [default: `schema` in
    /// ablo.toml]
    pub(crate) file: Option<PathBuf>,
    /// Path of ablo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Output format of diagnostics
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// The schema of a server, which is read from a file.
#[cfg(feature = "server")]
#[derive(Clone, Debug, Args)]
pub(crate) struct SchemaFileArgs {
    /// Schema JSON or Rust (`*.rs`) [default: `schema` in ablo.toml]
    pub(crate) file: Option<PathBuf>,
    /// Path of ablo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Output format of diagnostics
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[cfg(feature = "server")]
impl From<&SchemaFileArgs> for InputArgs {
    fn from(args: &SchemaFileArgs) -> Self {
        Self { file: args.file.clone(), config: args.config.clone(), format: args.format }
    }
}

/// The language that a schema is printed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    /// Schema JSON
    #[default]
    Json,
    /// Rust source of the models, to be edited by hand
    #[cfg(feature = "rust")]
    Rust,
}

/// The SQL dialect.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DialectArg {
    /// PostgreSQL 14 and later
    #[cfg(feature = "postgres")]
    #[default]
    Postgres,
    /// SQLite 3.37 and later
    #[cfg(feature = "sqlite")]
    #[cfg_attr(not(feature = "postgres"), default)]
    Sqlite,
}

/// The output format of diagnostics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text with source snippets
    #[default]
    Human,
    /// One JSON object on standard output
    Json,
    /// GitHub workflow commands
    Github,
}
