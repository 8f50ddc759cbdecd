//! What can be asked on the command line, and its help.
//!
//! Text only: what a flag means is decided in [`crate::settings`] and the commands.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// One schema in, every file that must agree with it out.
#[derive(Debug, Parser)]
#[command(name = "ablo", version, max_term_width = 100, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  ablo generate schema.json --target rust,typescript --out generated
      Write generated/rust and generated/typescript
  ablo check src/schema.rs
      Say everything that is wrong with a schema that is declared in Rust
  ablo generate --watch
      Do what ablo.toml says, again on every save

Exit status: 0 all is well, 1 the schema has errors or files are stale, 2 ablo could not run.";

const CONFIG: &str = "\
Without FILE, settings come from `ablo.toml` in this folder or one above it:

  schema = \"schema.json\"
  targets = [\"rust\", \"postgres\"]      # default: all
  out = \"generated\"                   # the default
  models = [\"tasks\", \"projects\"]    # default: all

  [target.postgres]                   # `ablo targets` lists the options
  out = \"db\"                          # default: generated/postgres
  foreign-keys = true

Paths in it are relative to it, and flags win over it. With FILE, no ablo.toml is read unless --config names one.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with a schema
    Check(CheckArgs),
    /// Write the files of each target
    Generate(Box<GenerateArgs>),
    /// Say what makes one schema of another, what that loses and whom it breaks
    Diff(DiffArgs),
    /// Show the canonical form of a schema, or its hashes
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Start a coordinator for a schema, with nothing to install: prints its address, a test key and its page
    #[cfg(feature = "server")]
    Dev(DevArgs),
    /// Start a coordinator for a team
    #[cfg(feature = "server")]
    Serve(ServeArgs),
    /// Let an application's own database stay canonical: test its endpoint, or serve its tables
    #[cfg(feature = "server")]
    #[command(subcommand)]
    Source(crate::data_source::SourceCommand),
    /// Bring a database from one schema to the next
    #[cfg(feature = "database")]
    #[command(subcommand)]
    Migrate(crate::database::MigrateCommand),
    /// Write the schema that a database has, and say what a schema cannot hold
    #[cfg(feature = "database")]
    Pull(crate::database::PullArgs),
    /// List the targets and the options they take
    Targets,
    /// Explain the code of a diagnostic, as in `ablo::json::syntax`
    Explain {
        /// The code; without it, every code is explained
        code: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Print the canonical serialisation and a newline, or the schema in Rust
    Print(PrintArgs),
    /// Print `schemaHash`, `contentHash` and the hash of each model as one JSON object
    Hash(InputArgs),
}

#[derive(Clone, Debug, Args)]
#[command(after_help = PRINT)]
pub(crate) struct PrintArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// What the schema is printed as
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub(crate) document: Document,
}

const PRINT: &str = "\
Exit status: 0 what is printed is the same schema, 1 Rust cannot say all of it, 2 ablo could not run. \
What is not said is told on standard error.";

/// What a schema is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    /// Schema JSON
    #[default]
    Json,
    /// The source of its models, to be kept and changed by hand
    #[cfg(feature = "rust")]
    Rust,
}

/// Where the schema is.
#[derive(Clone, Debug, Args)]
pub(crate) struct InputArgs {
    /// Schema JSON, Rust (`*.rs`), or `-` for JSON on standard input; without it, the schema that ablo.toml names
    pub(crate) file: Option<PathBuf>,
    /// Read this ablo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// How diagnostics are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Where it listens; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4100")]
    pub(crate) listen: std::net::SocketAddr,
    /// Keep rows in memory, gone when it ends, instead of `.ablo/dev.db` beside the schema
    #[arg(long)]
    pub(crate) memory: bool,
    /// Whose rows the key is for
    #[arg(long, value_name = "NAME", default_value = "dev")]
    pub(crate) organization: String,
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
#[command(
    after_help = "A secret key is taken from ABLO_SECRET_KEY. ABLO_LOG is error, warn (the default), info, debug or trace."
)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:4100")]
    pub(crate) listen: std::net::SocketAddr,
    /// Where the rows are: sqlite:PATH, a file that is made when it is missing, or postgres://user@host/name, which several
    /// processes may share
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The data are real: keys begin with sk_live_
    #[arg(long)]
    pub(crate) live: bool,
    /// Whose rows the key of ABLO_SECRET_KEY is for
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(crate) organization: String,
    /// Let webhooks go to hosts of this network, and without TLS
    #[arg(long)]
    pub(crate) private_webhooks: bool,
    /// The database of an organisation stays canonical, behind this endpoint; its key is taken from ABLO_SOURCE_KEY_ORGANIZATION,
    /// else from ABLO_SOURCE_KEY
    #[arg(long = "source", value_name = "ORGANIZATION=URL")]
    pub(crate) sources: Vec<crate::data_source::SourceArg>,
    /// Only these models live there; the others live here
    #[arg(long, value_name = "KEY", value_delimiter = ',', requires = "sources")]
    pub(crate) source_models: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Let warnings fail the check too
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Say too what this database lacks that the schema needs; nothing is written
    #[cfg(feature = "database")]
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    #[cfg(feature = "database")]
    #[command(flatten)]
    pub(crate) place: crate::database::PlaceArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = CONFIG)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// What to write, see `ablo targets`; without it, what ablo.toml says or else everything
    #[arg(long = "target", short, value_name = "TARGET", value_delimiter = ',')]
    pub(crate) targets: Vec<String>,
    /// The folder that gets one folder per target [default: generated]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Set an option of a target, as in `postgres.foreign-keys=true`
    #[arg(long = "option", value_name = "TARGET.NAME=VALUE")]
    pub(crate) options: Vec<String>,
    /// Only these models; relations to others are left out
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub(crate) models: Option<Vec<String>>,
    /// Write nothing; exit 1 when files are not as they should be, and say which
    #[arg(long, conflicts_with = "watch")]
    pub(crate) check: bool,
    /// Stay, and write again whenever the schema, a module of it or ablo.toml is saved
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
#[command(after_help = DIFF)]
pub(crate) struct DiffArgs {
    /// The schema before: Schema JSON, Rust (`*.rs`), or `-` for JSON on standard input
    #[arg(required_unless_present = "initial", requires = "next")]
    pub(crate) prev: Option<PathBuf>,
    /// The next schema, likewise
    #[arg(required_unless_present = "initial")]
    pub(crate) next: Option<PathBuf>,
    /// Compare this schema with none: everything is new
    #[arg(long, value_name = "NEXT", conflicts_with_all = ["prev", "next"])]
    pub(crate) initial: Option<PathBuf>,
    /// Which names were which before, and what is really dropped
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// Values for the rows that are there
    #[arg(long, value_name = "FILE")]
    pub(crate) backfills: Option<PathBuf>,
    /// How the difference is shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: DiffFormat,
    /// In SQL: for which database
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    #[arg(long, value_enum, default_value_t, value_name = "DIALECT")]
    pub(crate) dialect: DialectArg,
    /// In SQL: relations with `fk` are foreign keys
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    #[arg(long)]
    pub(crate) foreign_keys: bool,
    /// In SQL for PostgreSQL: the schema of the database that holds the tables
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "NAME", default_value = "public")]
    pub(crate) schema: String,
}

const DIFF: &str = r#"Files beside the schemas:

  hints       {"models": [{"from": "jobs", "to": "tasks"}],
               "fields": [{"model": "tasks", "from": "name", "to": "title"}],
               "drops": {"models": ["logs"], "fields": [{"model": "tasks", "field": "rank"}]}}
  backfills   [{"model": "tasks", "field": "state", "value": "open"}]

`model` and `to` are names of the next schema, `from` and what is dropped are names of the one before.

Exit status: 0 nothing stands in the way, 1 a decision, backfill or approval is missing, 2 ablo could not run."#;

/// How a difference is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people: each model with what happens to it
    #[default]
    Human,
    /// One JSON object on standard output
    Json,
    /// The program that migrates a database: a transaction, and what follows the commit
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

/// For which database SQL is written.
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

/// How diagnostics are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: with the source around it
    #[default]
    Human,
    /// One JSON object on standard output
    Json,
    /// Workflow commands that GitHub shows beside the lines
    Github,
}
