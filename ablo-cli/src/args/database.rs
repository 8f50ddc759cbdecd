//! The arguments of the database commands and their help.

use super::common::{DialectArg, Document, Format, InputArgs, ReadArgs, duration, wait};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const STATUS: &str = "\
Environment: without --database-url, the address is read from ABLO_DATABASE_URL, else from \
DATABASE_URL.

Exit status: 0 success, 1 a decision, backfill or approval is missing, or the database differs \
from the schema, 2 ablo could not run.";

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Record the schema of tables that other programs made, without changing them
    Adopt(Box<AdoptArgs>),
    /// Write a plan: statements, locks, row counts and required approvals
    Plan(Box<PlanArgs>),
    /// Approve steps of a plan that lose values or open rows to more readers
    Approve(ApproveArgs),
    /// Apply a plan, or make one and apply it if it needs no approval
    Apply(Box<ApplyArgs>),
    /// Run the rest of an unfinished migration
    Resume(ContinueArgs),
    /// Leave out the statement at which a migration stopped, and run the rest
    Skip(ContinueArgs),
    /// Restore the schema before an unfinished migration, if that loses nothing
    Undo(ContinueArgs),
    /// Report whether the database is up to date, behind, drifted or unfinished
    Status(StatusArgs),
    /// Report differences between the database and the last applied schema
    Drift(DriftArgs),
    /// Migrate a scratch database with generated rows and check every invariant
    Prove(Box<ProveArgs>),
}

impl MigrateCommand {
    /// Returns the output format.
    pub(crate) fn format(&self) -> Format {
        match self {
            MigrateCommand::Adopt(args) => args.input.format,
            MigrateCommand::Plan(args) => args.change.format,
            MigrateCommand::Approve(args) => args.format,
            MigrateCommand::Apply(args) => args.change.format,
            MigrateCommand::Resume(args)
            | MigrateCommand::Skip(args)
            | MigrateCommand::Undo(args) => args.format,
            MigrateCommand::Prove(args) => args.format,
            MigrateCommand::Status(args) => args.format,
            MigrateCommand::Drift(args) => args.status.format,
        }
    }
}

/// The database and its layout.
#[derive(Clone, Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// Database: postgres://user@host/name?sslmode=verify-full or sqlite:PATH
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    #[command(flatten)]
    pub(crate) layout: LayoutArgs,
}

/// The place of the tables.
#[derive(Clone, Debug, Args)]
pub(crate) struct LayoutArgs {
    /// Database schema of the tables (PostgreSQL only)
    #[arg(long, value_name = "NAME", default_value = "public")]
    pub(crate) schema: String,
}

/// How to wait for locks on tables.
#[derive(Clone, Debug, Args)]
pub(crate) struct LockArgs {
    /// How long an attempt waits for locks on tables (PostgreSQL only). Other sessions wait behind
    /// it for that time
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = wait)]
    pub(crate) lock_timeout: Duration,
    /// Number of attempts to get the locks, with growing pauses between them
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) lock_attempts: u32,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct AdoptArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Record the tables as they are now, although the ledger has a schema
    #[arg(long)]
    pub(crate) again: bool,
    /// Only print what would be recorded
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) locks: LockArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct ContinueArgs {
    /// The reason, which the ledger stores
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) locks: LockArgs,
    /// Output format of diagnostics
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// The change to make.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Current schema of the database, if it has tables and no ledger
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// JSON file of rename and drop hints
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// JSON file of values for existing rows
    #[arg(long, value_name = "FILE")]
    pub(crate) backfills: Option<PathBuf>,
    /// Path of ablo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Output format of diagnostics
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct PlanArgs {
    /// Next schema; with --offline, the previous and the next schema, or only the next
    #[arg(num_args = 0..=2, value_name = "SCHEMA")]
    pub(crate) schemas: Vec<PathBuf>,
    /// Plan without a database; write plan.json, migrate.sql and after-commit.sql to the folder
    /// --out
    #[arg(long, requires = "out", conflicts_with_all = ["from", "database_url"])]
    pub(crate) offline: bool,
    /// With --offline: SQL dialect
    #[arg(long, value_enum, default_value_t, value_name = "DIALECT", requires = "offline")]
    pub(crate) dialect: DialectArg,
    /// Write the plan to this path [default: standard output]
    #[arg(long, short, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct ApplyArgs {
    /// Next schema, if there is no plan [default: `schema` in ablo.toml]
    pub(crate) next: Option<PathBuf>,
    /// Plan to apply
    #[arg(long, value_name = "FILE", conflicts_with_all = ["next", "from", "hints", "backfills"])]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) locks: LockArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
By default, a scratch server of the installed PostgreSQL is started in a temporary folder. \
Database addresses in the environment are not used.

Exit status: 0 proven, 1 rows prevent the migration or an invariant does not hold, 2 ablo could \
not run.")]
pub(crate) struct ProveArgs {
    /// Previous schema
    pub(crate) prev: PathBuf,
    /// Next schema
    pub(crate) next: PathBuf,
    /// JSON file of rename and drop hints
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// JSON file of values for existing rows
    #[arg(long, value_name = "FILE")]
    pub(crate) backfills: Option<PathBuf>,
    /// Maximum number of rows per table
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(crate) rows: usize,
    /// Use this server, in temporary databases, instead of a scratch server
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Output format of the evidence
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// The class of a step that needs an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApprovalClass {
    /// Steps that lose values
    Loss,
    /// Steps that open rows to more readers
    Isolation,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Plan to add the approvals to
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: PathBuf,
    /// Ids of required approvals, such as `loss:3`
    #[arg(
        long = "step",
        value_name = "ID",
        required_unless_present = "all_of",
        value_delimiter = ','
    )]
    pub(crate) steps: Vec<String>,
    /// Approve every step of this class
    #[arg(long, value_enum, value_name = "CLASS")]
    pub(crate) all_of: Option<ApprovalClass>,
    /// Name of the approver
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    pub(crate) by: Option<String>,
    /// Private key of an approver: sign the approvals for the database
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Time for which a signed approval is valid, such as 24h or 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    pub(crate) valid_for: Duration,
    /// The database to sign for
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Output format of diagnostics
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct StatusArgs {
    /// Expected schema [default: the last applied one]
    pub(crate) next: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Output format of diagnostics
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub(crate) status: StatusArgs,
    /// Also report owners and privileges of other roles (PostgreSQL only)
    #[arg(long)]
    pub(crate) privileges: bool,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Exit status: 0 the schema describes all tables, 1 something was left out or changed, 2 ablo could \
not run. What a schema cannot express is listed on standard error.")]
pub(crate) struct PullArgs {
    /// Database: postgres://user@host/name?sslmode=verify-full
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Database schema of the tables
    #[arg(long, value_name = "NAME", default_value = "public")]
    pub(crate) schema: String,
    /// Only tables whose name fits a pattern, in which `*` stands for any text
    #[arg(long = "table", value_name = "PATTERN")]
    pub(crate) tables: Vec<String>,
    /// No tables whose name fits a pattern
    #[arg(long = "exclude-table", value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Column with the organisation of a row, where it is not `organization_id`
    #[arg(long, value_name = "NAME")]
    pub(crate) tenancy_column: Option<String>,
    /// Write the schema to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Output language
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub(crate) document: Document,
    /// Output format of diagnostics; use json and github with --out
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}
