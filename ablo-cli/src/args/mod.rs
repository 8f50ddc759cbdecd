//! The command-line arguments and their help.
//!
//! [`crate::settings`] and the commands interpret them.

#[cfg(feature = "database")]
pub(crate) mod approver;
#[cfg(feature = "server")]
pub(crate) mod capture;
pub(crate) mod common;
#[cfg(feature = "database")]
pub(crate) mod database;
#[cfg(feature = "server")]
pub(crate) mod key;
#[cfg(feature = "server")]
pub(crate) mod rows;
#[cfg(feature = "server")]
pub(crate) mod source;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) use common::DialectArg;
#[cfg(feature = "server")]
pub(crate) use common::SchemaFileArgs;
pub(crate) use common::{Document, Format, InputArgs, ReadArgs};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
#[cfg(feature = "server")]
use std::time::Duration;

/// Generate code, SQL and documents from one schema, and run its coordinator
#[derive(Debug, Parser)]
#[command(
    name = "ablo",
    version,
    max_term_width = 100,
    after_help = EXAMPLES,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  ablo generate schema.json --target rust,typescript --out generated
      Write generated/rust and generated/typescript
  ablo check src/schema.rs
      Validate a schema that is declared in Rust
  ablo generate --watch
      Generate what ablo.toml selects, again on every save

Exit status: 0 success, 1 the schema has errors or files are stale, 2 ablo could not run.";

const CONFIG: &str = "\
Without FILE, settings are read from `ablo.toml` in this folder or a parent folder:

  schema = \"schema.json\"
  targets = [\"rust\", \"postgres\"]      # default: all
  out = \"generated\"                   # the default
  models = [\"tasks\", \"projects\"]    # default: all

  [target.postgres]                   # `ablo targets` lists the options
  out = \"db\"                          # default: generated/postgres
  foreign-keys = false

Its paths are relative to it. Flags override it. With FILE, ablo.toml is read only if --config \
names it.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first schema, ablo.toml and a client
    Init(InitArgs),
    /// Validate a schema and report every error
    Check(CheckArgs),
    /// Apply the fixes of a schema that need no decision
    #[command(after_help = FIX)]
    Fix(InputArgs),
    /// Format a schema
    Fmt(FmtArgs),
    /// Write the files of each target
    Generate(Box<GenerateArgs>),
    /// Compare two schemas: steps, data loss, breaking changes
    Diff(DiffArgs),
    /// Print the canonical form or the hashes of a schema
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Start a development coordinator on a local database
    #[cfg(feature = "server")]
    Dev(DevArgs),
    /// Start a coordinator
    #[cfg(feature = "server")]
    Serve(ServeArgs),
    /// Copy the SQLite file of a coordinator, which may be running
    #[cfg(feature = "server")]
    Backup(BackupArgs),
    /// Create, list, replace and take back the secret keys of a coordinator's database
    #[cfg(feature = "server")]
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Record the writes of other programs, so that watchers receive them
    #[cfg(feature = "server")]
    Capture(capture::CaptureArgs),
    /// Write the rows of a file to a model
    #[cfg(feature = "server")]
    Import(rows::ImportArgs),
    /// Write the rows of a model to a file
    #[cfg(feature = "server")]
    Export(rows::ExportArgs),
    /// Test or serve a Data Source (rows stay in your database)
    #[cfg(feature = "server")]
    #[command(subcommand)]
    Source(source::SourceCommand),
    /// Migrate a database to the next schema
    #[cfg(feature = "database")]
    #[command(subcommand)]
    Migrate(database::MigrateCommand),
    /// Create keys that sign approvals, and list those that a database trusts
    #[cfg(feature = "database")]
    #[command(subcommand)]
    Approver(approver::ApproverCommand),
    /// Write a schema from the tables of a database
    #[cfg(feature = "database")]
    Pull(database::PullArgs),
    /// List the targets and their options
    Targets,
    /// Explain a diagnostic code
    Explain {
        /// Code such as `ablo::json::syntax` [default: all codes]
        code: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = INIT)]
pub(crate) struct InitArgs {
    /// Folder of the files; it is created if it is missing
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Language of the schema
    #[arg(long, value_enum, default_value_t, value_name = "LANGUAGE")]
    pub(crate) schema: Language,
}

const INIT: &str = "\
If one of the files exists, nothing is written. No network is needed.";

/// The language of a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Schema JSON, with a JSON Schema for editors
    #[default]
    Json,
    /// Rust
    Rust,
    /// TypeScript, which Node.js runs
    Typescript,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Print the schema as canonical JSON or as Rust
    Print(PrintArgs),
    /// Print `schemaHash`, `contentHash` and the hash of each model as one JSON object
    Hash(InputArgs),
    /// Print a JSON Schema of Schema JSON, with which editors complete and check documents
    #[command(after_help = JSON_SCHEMA)]
    JsonSchema,
}

const JSON_SCHEMA: &str = "\
Write it to a file and name the file in each document:

  ablo schema json-schema > ablo.schema.json

  { \"$schema\": \"./ablo.schema.json\", \"v\": 3, … }";

#[derive(Clone, Debug, Args)]
#[command(after_help = PRINT)]
pub(crate) struct PrintArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Output language
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub(crate) document: Document,
}

const PRINT: &str = "\
Exit status: 0 the output is the same schema, 1 Rust cannot express all of it, 2 ablo could not \
run. What Rust cannot express is listed on standard error.";

#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(after_help = BACKUP)]
pub(crate) struct BackupArgs {
    /// Path of the copy; an existing file is not replaced
    pub(crate) copy: PathBuf,
    /// Database of the coordinator: sqlite:PATH
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
}

#[cfg(feature = "server")]
const BACKUP: &str = "\
The copy has the state of one moment. It is checked, and appears at its path when it is complete. \
Without --database-url, the address is read from ABLO_DATABASE_URL, else from DATABASE_URL.

For a PostgreSQL database, use pg_dump or a base backup with archived WAL.

To restore a copy, stop the coordinator, replace the file, remove its -wal and -shm files, and \
start the coordinator. Clients notice that the log is another one and read their rows again.";

#[cfg(feature = "server")]
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    pub(crate) input: SchemaFileArgs,
    /// Listen on this address; port 0 selects a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4100")]
    pub(crate) listen: std::net::SocketAddr,
    /// Keep rows in memory instead of `.ablo/dev.db` beside the schema
    #[arg(long)]
    pub(crate) memory: bool,
    /// Organisation of the key
    #[arg(long, value_name = "NAME", default_value = "dev")]
    pub(crate) organization: String,
    /// Keep the sync log for this long, such as 30d or 36h
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = common::duration)]
    pub(crate) retain: Duration,
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(
    after_help = "Environment: ABLO_SECRET_KEY is a secret key to accept, in place of the one \
                  before it. `ablo key create` creates others; one is needed. ABLO_LOG is the log \
                  level: error, warn (the default), info, debug or trace."
)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) input: SchemaFileArgs,
    /// Listen on this address; port 0 selects a free port
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:4100")]
    pub(crate) listen: std::net::SocketAddr,
    /// Database: postgres://user@host/name, which several processes may share, or sqlite:PATH,
    /// which is created if it is missing
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Run in live mode, with keys that begin with sk_live_ instead of sk_test_
    #[arg(long)]
    pub(crate) live: bool,
    /// Organisation of the key in ABLO_SECRET_KEY
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(crate) organization: String,
    /// Allow webhooks to private addresses and without TLS
    #[arg(long)]
    pub(crate) private_webhooks: bool,
    /// Keep the sync log for this long, such as 30d or 36h; clients that were away longer read all
    /// rows again
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = common::duration)]
    pub(crate) retain: Duration,
    /// Keep the ids of operations for this long, such as 90d or 36h: a write that is sent again
    /// within it is applied once; never shorter than --retain
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = common::duration)]
    pub(crate) retain_keys: Duration,
    /// Change a limit, such as read_time=20s or row_bytes=2MiB (docs/limits.md has the table)
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = common::limit)]
    pub(crate) limits: Vec<common::LimitArg>,
    /// Data Source of an organisation; its key is read from ABLO_SOURCE_KEY_ORGANIZATION, else from
    /// ABLO_SOURCE_KEY
    #[arg(long = "source", value_name = "ORGANIZATION=URL")]
    pub(crate) sources: Vec<source::SourceArg>,
    /// Models whose rows are in the Data Source [default: all]
    #[arg(long, value_name = "KEY", value_delimiter = ',', requires = "sources")]
    pub(crate) source_models: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Treat warnings as errors
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Also report what this database lacks; writes nothing
    #[cfg(feature = "database")]
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    #[cfg(feature = "database")]
    #[command(flatten)]
    pub(crate) layout: database::LayoutArgs,
}

const FIX: &str = "\
`ablo check --format json` has each fix: the replaced text with its position, the replacement, and \
whether it needs a decision of the author (`maybe-incorrect`). `ablo fix` applies the others, \
reads the schema again until nothing changes, and replaces the file at once. Files in Rust have no \
fixes.

Exit status: 0 no error is left, 1 errors are left, 2 ablo could not run.";

#[derive(Debug, Args)]
#[command(after_help = FMT)]
pub(crate) struct FmtArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Write nothing; exit 1 if the schema is not formatted
    #[arg(long)]
    pub(crate) check: bool,
}

const FMT: &str = "\
Formats Schema JSON. Members keep their order and every value its spelling, unknown members \
included; a document with faults of the schema is formatted, too. Standard input is formatted to \
standard output. rustfmt formats Rust.";

#[derive(Clone, Debug, Args)]
#[command(after_help = CONFIG)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Targets to generate, see `ablo targets` [default: `targets` in ablo.toml, else all]
    #[arg(long = "target", short, value_name = "TARGET", value_delimiter = ',')]
    pub(crate) targets: Vec<String>,
    /// Output folder, with one folder per target [default: generated]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Set an option of a target, such as `postgres.foreign-keys=false`
    #[arg(long = "option", value_name = "TARGET.NAME=VALUE")]
    pub(crate) options: Vec<String>,
    /// Generate only these models; relations to others are left out
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub(crate) models: Option<Vec<String>>,
    /// Write a .gitattributes beside the files of each target, which keeps their line ends
    #[arg(long)]
    pub(crate) gitattributes: bool,
    /// Write nothing; list stale files and exit 1 if there are any. Line ends and formatting do not
    /// count
    #[arg(long, conflicts_with = "watch")]
    pub(crate) check: bool,
    /// Generate again whenever the schema file, one of its modules or ablo.toml is saved
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
#[command(after_help = DIFF)]
pub(crate) struct DiffArgs {
    /// Previous schema: Schema JSON, Rust (`*.rs`), or `-` for JSON on standard input
    #[arg(required_unless_present = "initial", requires = "next")]
    pub(crate) prev: Option<PathBuf>,
    /// Next schema: Schema JSON, Rust (`*.rs`), or `-` for JSON on standard input
    #[arg(required_unless_present = "initial")]
    pub(crate) next: Option<PathBuf>,
    /// Compare this schema with an empty one
    #[arg(long, value_name = "NEXT", conflicts_with_all = ["prev", "next"])]
    pub(crate) initial: Option<PathBuf>,
    /// JSON file of rename and drop hints
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// JSON file of values for existing rows
    #[arg(long, value_name = "FILE")]
    pub(crate) backfills: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: DiffFormat,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Dialect of `--format sql`
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    #[arg(long, value_enum, default_value_t, value_name = "DIALECT")]
    pub(crate) dialect: DialectArg,
    /// With `--format sql` for PostgreSQL: database schema of the tables
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "NAME", default_value = "public")]
    pub(crate) schema: String,
}

const DIFF: &str = r#"Hint and backfill files:

  hints       {"models": [{"from": "jobs", "to": "tasks"}],
               "fields": [{"model": "tasks", "from": "name", "to": "title"}],
               "drops": {"models": ["logs"], "fields": [{"model": "tasks", "field": "rank"}]},
               "round": [{"model": "tasks", "field": "price"}]}
  backfills   [{"model": "tasks", "field": "state", "value": "open"}]

`model` and `to` are names of the next schema; `from` and `drops` are names of the previous one.
`round` names decimals with fewer digits than before, which are rounded half away from zero.

Exit status: 0 nothing is missing, 1 a decision, backfill or approval is missing,
2 ablo could not run."#;

/// The output format of a diff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// Text, grouped by model
    #[default]
    Human,
    /// One JSON object on standard output
    Json,
    /// SQL that migrates a database: the transaction, then the after-commit statements
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    Sql,
}

impl From<DiffFormat> for Format {
    fn from(format: DiffFormat) -> Self {
        match format {
            DiffFormat::Human => Format::Human,
            DiffFormat::Json => Format::Json,
            #[cfg(any(feature = "postgres", feature = "sqlite"))]
            DiffFormat::Sql => Format::Human,
        }
    }
}
