//! What can be asked of a database on the command line, with its help, and where the database is.
//!
//! Text only: what a flag means is decided in the commands.

use crate::args::{DialectArg, Document, Format};
use crate::codes;
use crate::finding::{Exit, Finding, Report, Stop};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Where the address is looked for when no flag has it, in this order.
const VARIABLES: [&str; 2] = ["ABLO_DATABASE_URL", "DATABASE_URL"];

const STATUS: &str = "\
Exit status: 0 nothing stands in the way, 1 a decision, backfill or approval is missing, or the database is not as it should be,
2 ablo could not run. The address is read from --database-url, else from ABLO_DATABASE_URL, else from DATABASE_URL.";

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Write what would be done: statements, locks, rows and the approvals that are needed
    Plan(Box<PlanArgs>),
    /// Approve steps of a plan that lose values or let more people see rows
    Approve(ApproveArgs),
    /// Do what a plan says; without one, make it and do it at once where nothing needs an approval
    Apply(Box<ApplyArgs>),
    /// Say whether the database is up to date, behind, drifted or unfinished
    Status(StatusArgs),
    /// Say where the database differs from the schema that was applied last
    Drift(StatusArgs),
    /// Migrate a scratch database with rows in it, check everything that has to hold, and show the evidence
    Prove(Box<ProveArgs>),
}

impl MigrateCommand {
    /// How the outcome is shown.
    pub(crate) fn format(&self) -> Format {
        match self {
            MigrateCommand::Plan(args) => args.change.format,
            MigrateCommand::Approve(args) => args.format,
            MigrateCommand::Apply(args) => args.change.format,
            MigrateCommand::Prove(args) => args.format,
            MigrateCommand::Status(args) | MigrateCommand::Drift(args) => args.format,
        }
    }
}

/// Which database.
#[derive(Clone, Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The database: postgres://user@host/name?sslmode=verify-full, or sqlite:PATH
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Where in a database, and with what.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The schema of the database that holds the tables; SQLite has none
    #[arg(long, value_name = "NAME", default_value = "public")]
    pub(crate) schema: String,
    /// Relations with `fk` are foreign keys; without it, what the ledger says, else they are not
    #[arg(long)]
    pub(crate) foreign_keys: bool,
}

/// What is to change.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The schema that the database has, where it has tables and no ledger
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Which names were which before, and what is really dropped
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// Values for the rows that are there
    #[arg(long, value_name = "FILE")]
    pub(crate) backfills: Option<PathBuf>,
    /// Read this ablo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// How diagnostics are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct PlanArgs {
    /// The schema that the database gets; with --offline, the one before and the one after, or the one after alone
    #[arg(num_args = 0..=2, value_name = "SCHEMA")]
    pub(crate) schemas: Vec<PathBuf>,
    /// Ask no database; --out is a folder that gets plan.json, migrate.sql and after-commit.sql
    #[arg(long, requires = "out", conflicts_with_all = ["from", "database_url"])]
    pub(crate) offline: bool,
    /// With --offline: for which database
    #[arg(long, value_enum, default_value_t, value_name = "DIALECT", requires = "offline")]
    pub(crate) dialect: DialectArg,
    /// Where the plan is written; standard output without it
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
    /// The schema that the database gets, where there is no plan
    pub(crate) next: Option<PathBuf>,
    /// The plan
    #[arg(long, value_name = "FILE", conflicts_with_all = ["next", "from", "hints", "backfills"])]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Exit status: 0 proven, 1 rows stand in the way or something does not hold, 2 ablo could not run. The scratch server is \
PostgreSQL of this machine, in a temporary folder; the environment's database is not asked.")]
pub(crate) struct ProveArgs {
    /// The schema before
    pub(crate) prev: PathBuf,
    /// The next schema
    pub(crate) next: PathBuf,
    /// Which names were which before, and what is really dropped
    #[arg(long, value_name = "FILE")]
    pub(crate) hints: Option<PathBuf>,
    /// Values for the rows that are there
    #[arg(long, value_name = "FILE")]
    pub(crate) backfills: Option<PathBuf>,
    /// How many rows each table gets at most
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(crate) rows: usize,
    /// Relations with `fk` are foreign keys
    #[arg(long)]
    pub(crate) foreign_keys: bool,
    /// Prove on this server instead, in databases that are made for it and dropped
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// How the evidence is shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// Why steps need approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApprovalClass {
    /// They lose values
    Loss,
    /// They let more people see rows
    Isolation,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The plan, which gets the approvals
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: PathBuf,
    /// An id of what the plan asks for, as in `loss:3`
    #[arg(
        long = "step",
        value_name = "ID",
        required_unless_present = "all_of",
        value_delimiter = ','
    )]
    pub(crate) steps: Vec<String>,
    /// Everything of this class that the plan asks for
    #[arg(long, value_enum, value_name = "CLASS")]
    pub(crate) all_of: Option<ApprovalClass>,
    /// Who approves it
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// How diagnostics are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub(crate) struct StatusArgs {
    /// The schema that it should be at; without it, the one that was applied last
    pub(crate) next: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// How diagnostics are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Exit status: 0 the schema says everything, 1 something was left out or changed, 2 ablo could not run. \
What a schema cannot say is told on standard error.")]
pub(crate) struct PullArgs {
    /// The database: postgres://user@host/name?sslmode=verify-full
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The schema of the database that holds the tables
    #[arg(long, value_name = "NAME", default_value = "public")]
    pub(crate) schema: String,
    /// Where the schema is written; standard output without it
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// What the schema is written as
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    pub(crate) document: Document,
    /// How diagnostics are shown; json and github have standard output for themselves, beside --out
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

impl From<DialectArg> for ablo_migrate::Dialect {
    fn from(dialect: DialectArg) -> Self {
        match dialect {
            DialectArg::Postgres => Self::Postgres,
            DialectArg::Sqlite => Self::Sqlite,
        }
    }
}

/// The address of the database: a flag, else the environment.
pub(crate) fn address(flag: Option<&str>) -> Result<String, Stop> {
    let given = flag.map(str::to_owned);
    let found = given.or_else(|| VARIABLES.iter().find_map(|name| std::env::var(name).ok()));
    found.filter(|address| !address.is_empty()).ok_or_else(|| {
        let finding = Finding::new(codes::DATABASE_MISSING, "no database was named");
        Stop::new(Exit::CannotRun, Report::about(None, vec![finding]))
    })
}

/// What a library of databases found, as something to show.
pub(crate) fn finding(finding: &ablo_migrate::Finding) -> Finding {
    Finding::new(finding.code, finding.message.clone()).help(finding.help.clone())
}

/// Why it did not happen. What a person has to settle is no failure to run.
pub(crate) fn stop(error: &ablo_migrate::Error) -> Stop {
    let settles = |name: &str| {
        [
            "ablo::migrate::approval_",
            "ablo::migrate::baseline_",
            "ablo::migrate::schema_moved",
            "ablo::migrate::database_moved",
        ]
        .iter()
        .any(|start| name.starts_with(start))
            || name.starts_with("ablo::drift::")
    };
    let exit = if error.0.iter().all(|finding| settles(finding.code.name)) {
        Exit::Errors
    } else {
        Exit::CannotRun
    };
    Stop::new(exit, Report::about(None, error.0.iter().map(finding).collect()))
}
