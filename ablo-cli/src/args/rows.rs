//! The arguments of `ablo import` and `ablo export` and their help.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

const IMPORT: &str = "\
All rows are checked before the first one is written. They are written in sets of 1,000; to go on \
after an interruption, run the command again: a row that exists with the same values is counted, \
and one with other values is reported and left as it is. Each row needs an `id`; a field that is \
left out gets its default.

Watchers are not sent each row: they load the rows again, at most once in ten seconds. Webhooks \
are not called. A coordinator on PostgreSQL may be running; one on SQLite must not.

The schema is the last one that was applied to the database. Without --database-url, the address \
is read from ABLO_DATABASE_URL, else from DATABASE_URL.

Exit status: 0 success, 1 a row was not imported, 2 ablo could not run.";

const EXPORT: &str = "\
The rows are in the order of their ids, with the members that clients read. A row that changes \
meanwhile has its values from before or after the change. The coordinator may be running.

The schema is the last one that was applied to the database. Without --database-url, the address \
is read from ABLO_DATABASE_URL, else from DATABASE_URL.";

/// The rows of one model in one organisation, and the form of their file.
#[derive(Clone, Debug, Args)]
pub(crate) struct RowsArgs {
    /// Database of the coordinator: postgres://user@host/name or sqlite:PATH
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Organisation of the rows
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(crate) organization: String,
    /// Form of the file [default: by its ending]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<RowsFormat>,
    /// The CSV cell that stands for null [default: an empty cell]
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) null: String,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = IMPORT)]
pub(crate) struct ImportArgs {
    /// Key of the model, such as `tickets`
    pub(crate) model: String,
    /// File with a row per line (`*.jsonl`), or with a header (`*.csv`)
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = EXPORT)]
pub(crate) struct ExportArgs {
    /// Key of the model, such as `tickets`
    pub(crate) model: String,
    /// Write to this file, which must not exist [default: JSON lines on standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rows: RowsArgs,
}

/// The form of a file of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsFormat {
    /// A JSON object per line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
}
