//! The arguments of `ablo source` and their help.

use super::common::{Format, InputArgs};
use super::database::DatabaseArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;

const KEY: &str = "\
Environment: ABLO_SOURCE_KEY is the key that the coordinator signs requests with. During a key \
rotation it may be several keys, separated by commas.";

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Run the conformance kit against an endpoint
    Test(Box<TestArgs>),
    /// Serve the tables of a database as a Data Source
    Serve(Box<ServeSourceArgs>),
    /// Install triggers that record changes made by other programs
    InstallTriggers(Box<TriggersArgs>),
}

impl SourceCommand {
    /// Returns the output format.
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Test(args) => args.input.format,
            Self::Serve(args) => args.input.format,
            Self::InstallTriggers(args) => args.input.format,
        }
    }
}

const TEST: &str = "\
The kit inserts rows with new ids and does not delete all of them: use a test database. Without \
--row, a row is derived from the schema. With --model and --row, no schema is needed.

Environment: ABLO_SOURCE_KEY is the key to sign requests with.

Exit status: 0 every check passed, 1 a check failed, 2 ablo could not run.";

#[derive(Debug, Args)]
#[command(after_help = TEST)]
pub(crate) struct TestArgs {
    /// URL of the endpoint, such as http://127.0.0.1:3000/api/ablo/source
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Model whose rows are written [default: the first suitable one]
    #[arg(long, value_name = "KEY")]
    pub(crate) model: Option<String>,
    /// Members of a new row, as a JSON object
    #[arg(long, value_name = "JSON", requires = "model")]
    pub(crate) row: Option<String>,
    /// String field to update [default: the first in the row]
    #[arg(long, value_name = "FIELD")]
    pub(crate) text: Option<String>,
    /// Organisation of the requests
    #[arg(long, value_name = "NAME", default_value = "kit")]
    pub(crate) organization: String,
    /// Rows are shared by all organisations: skip the isolation checks
    #[arg(long)]
    pub(crate) shared: bool,
    /// The endpoint generates all ids
    #[arg(long)]
    pub(crate) generated_ids: bool,
    /// The endpoint has no outbox: skip the checks of events
    #[arg(long)]
    pub(crate) no_events: bool,
    /// Also write a report, as junit=PATH or json=PATH
    #[arg(long = "report", value_name = "KIND=PATH")]
    pub(crate) reports: Vec<ReportArg>,
}

/// A report to write.
#[derive(Clone, Debug)]
pub(crate) struct ReportArg {
    pub(crate) kind: ReportKind,
    pub(crate) path: PathBuf,
}

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportKind {
    /// JUnit XML.
    Junit,
    /// One JSON object.
    Json,
}

impl FromStr for ReportArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = text.split_once('=').ok_or("expected junit=PATH or json=PATH")?;
        let kind = match kind {
            "junit" => ReportKind::Junit,
            "json" => ReportKind::Json,
            other => return Err(format!("unknown report `{other}`; expected junit or json")),
        };
        Ok(Self { kind, path: path.into() })
    }
}

/// The tables of a Data Source.
#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Organisation of all rows, for tables without a tenancy column
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = KEY)]
pub(crate) struct ServeSourceArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) tables: TablesArgs,
    /// Listen on this address; port 0 selects a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4200")]
    pub(crate) listen: std::net::SocketAddr,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The role has to own the tables. Running it again is safe and changes no column."
)]
pub(crate) struct TriggersArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) tables: TablesArgs,
    /// Print the SQL without running it
    #[arg(long)]
    pub(crate) print: bool,
}

/// The Data Source of an organisation.
#[derive(Clone, Debug)]
pub(crate) struct SourceArg {
    pub(crate) organization: String,
    pub(crate) url: String,
}

impl FromStr for SourceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((organization, url)) if !organization.is_empty() && url.starts_with("http") => {
                Ok(Self { organization: organization.to_owned(), url: url.to_owned() })
            }
            _ => {
                let example = "acme=https://acme.example/api/ablo/source";
                Err(format!("expected ORGANIZATION=URL, such as {example}"))
            }
        }
    }
}
