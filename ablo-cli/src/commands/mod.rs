//! The commands, one file each. Each turns its arguments into an [`Outcome`].

#[cfg(feature = "database")]
mod adopt;
#[cfg(feature = "database")]
mod approver;
#[cfg(feature = "server")]
mod backup;
#[cfg(feature = "server")]
mod capture;
#[cfg(feature = "database")]
mod change;
mod check;
mod diff;
mod explain;
mod fix;
mod fmt;
mod generate;
#[cfg(feature = "server")]
mod hosting;
mod init;
#[cfg(feature = "server")]
mod key;
#[cfg(feature = "database")]
mod migrate;
#[cfg(feature = "database")]
mod prove;
#[cfg(feature = "database")]
mod pull;
#[cfg(feature = "server")]
mod rows;
mod schema;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod source;
mod targets;
mod watch;

use crate::args::{Command, Format, SchemaCommand};
use crate::finding::Exit;
use crate::outcome::Outcome;
use crate::render;

/// Runs a command and prints its outcome.
pub(crate) fn run(command: Command) -> Exit {
    let (format, outcome): (Format, Outcome) = match command {
        Command::Check(args) => (args.input.format, check::run(&args).into()),
        Command::Init(args) => (Format::Human, init::run(&args).into()),
        Command::Fix(args) => (args.format, fix::run(&args).into()),
        Command::Fmt(args) => (args.input.format, fmt::run(&args).into()),
        Command::Diff(args) => (args.format.into(), diff::run(&args).into()),
        #[cfg(feature = "server")]
        Command::Dev(args) => return serve::dev(&args),
        #[cfg(feature = "server")]
        Command::Serve(args) => return serve::serve(&args),
        #[cfg(feature = "server")]
        Command::Backup(args) => (Format::Human, backup::run(&args).into()),
        #[cfg(feature = "server")]
        Command::Capture(args) => (args.input.format, capture::run(&args).into()),
        #[cfg(feature = "server")]
        Command::Import(args) => (Format::Human, rows::import(&args).into()),
        #[cfg(feature = "server")]
        Command::Export(args) => (Format::Human, rows::export(&args).into()),
        #[cfg(feature = "server")]
        Command::Key(command) => (Format::Human, key::run(&command).into()),
        #[cfg(feature = "server")]
        Command::Source(command) => (command.format(), source::run(&command).into()),
        Command::Generate(args) if args.watch => return watch::run(&args),
        Command::Generate(args) => (args.input.format, generate::run(&args).into()),
        Command::Schema(SchemaCommand::Print(args)) => {
            (args.input.format, schema::print(&args).into())
        }
        Command::Schema(SchemaCommand::JsonSchema) => (Format::Human, schema::json_schema()),
        Command::Schema(SchemaCommand::Hash(input)) => (input.format, schema::hash(&input).into()),
        #[cfg(feature = "database")]
        Command::Migrate(command) => (command.format(), migrate::run(&command).into()),
        #[cfg(feature = "database")]
        Command::Approver(command) => (Format::Human, approver::run(&command).into()),
        #[cfg(feature = "database")]
        Command::Pull(args) => (args.format, pull::run(&args).into()),
        Command::Targets => (Format::Human, targets::run()),
        Command::Explain { code } => (Format::Human, explain::run(code.as_deref()).into()),
    };
    render::show(&outcome, format)
}
