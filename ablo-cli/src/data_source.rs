//! What can be asked about Data Sources on the command line, with its help.
//!
//! Text only: what a flag means is decided in the commands.

use crate::args::{Format, InputArgs};
use crate::database::DatabaseArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;

const KEY: &str = "\
The key is taken from ABLO_SOURCE_KEY, the same one that the coordinator signs with; several, separated by commas, while one \
takes the place of another.";

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Ask an endpoint in any language everything that the protocol asks of it
    Test(Box<TestArgs>),
    /// Serve the tables of a database as a Data Source
    Serve(Box<ServeSourceArgs>),
    /// Let every change of the tables reach every screen, whoever makes it
    InstallTriggers(Box<TriggersArgs>),
}

impl SourceCommand {
    /// How the outcome is shown.
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Test(args) => args.input.format,
            Self::Serve(args) => args.input.format,
            Self::InstallTriggers(args) => args.input.format,
        }
    }
}

const TEST: &str = "\
Rows with new ids are written and some of them stay: use a database of tests. Without --row, one is made up from the schema; with \
--model and --row no schema is needed. The key is taken from ABLO_SOURCE_KEY.

Exit status: 0 everything holds, 1 something does not, 2 ablo could not run.";

#[derive(Debug, Args)]
#[command(after_help = TEST)]
pub(crate) struct TestArgs {
    /// Where the endpoint is, as in http://127.0.0.1:3000/api/ablo/source
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The model to write rows of; without it, the first that fits
    #[arg(long, value_name = "KEY")]
    pub(crate) model: Option<String>,
    /// What a new row is given, as a JSON object
    #[arg(long, value_name = "JSON", requires = "model")]
    pub(crate) row: Option<String>,
    /// The field of text that is changed again and again; without it, the first in the row
    #[arg(long, value_name = "FIELD")]
    pub(crate) text: Option<String>,
    /// For which organisation requests are made
    #[arg(long, value_name = "NAME", default_value = "kit")]
    pub(crate) organization: String,
    /// Rows are everyone's: do not ask whether organisations are kept apart
    #[arg(long)]
    pub(crate) shared: bool,
    /// The endpoint makes up every id
    #[arg(long)]
    pub(crate) generated_ids: bool,
    /// The endpoint has no outbox
    #[arg(long)]
    pub(crate) no_events: bool,
    /// Write a report too, as junit=PATH or json=PATH
    #[arg(long = "report", value_name = "KIND=PATH")]
    pub(crate) reports: Vec<ReportArg>,
}

/// A report to write.
#[derive(Clone, Debug)]
pub(crate) struct ReportArg {
    pub(crate) kind: ReportKind,
    pub(crate) path: PathBuf,
}

/// What it is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportKind {
    /// XML that CI systems show.
    Junit,
    /// One JSON object.
    Json,
}

impl FromStr for ReportArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) =
            text.split_once('=').ok_or("a report is asked for as junit=PATH or json=PATH")?;
        let kind = match kind {
            "junit" => ReportKind::Junit,
            "json" => ReportKind::Json,
            other => return Err(format!("there is no report `{other}`: it is junit or json")),
        };
        Ok(Self { kind, path: path.into() })
    }
}

/// Whose tables.
#[derive(Debug, Args)]
pub(crate) struct TablesArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// The one organisation whose rows these are, for tables that do not name one
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
    /// Where it listens; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4200")]
    pub(crate) listen: std::net::SocketAddr,
}

#[derive(Debug, Args)]
#[command(
    after_help = "It wants a role that owns the tables, and may be run again. The tables keep their columns."
)]
pub(crate) struct TriggersArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) tables: TablesArgs,
    /// Print the SQL, and run nothing of it
    #[arg(long)]
    pub(crate) print: bool,
}

/// An organisation whose own database stays canonical.
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
                Err("a source is named as ORGANIZATION=URL, as in acme=https://acme.example/api/ablo/source".to_owned())
            }
        }
    }
}
