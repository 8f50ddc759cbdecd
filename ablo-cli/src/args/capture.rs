//! The arguments of `ablo capture` and their help.

use super::common::InputArgs;
use super::database::DatabaseArgs;
use clap::Args;

const CAPTURE: &str = "\
The triggers run for every program except a coordinator, with the rights of the role that installs \
them, which has to own the tables. Coordinators notice them within five seconds. Running it again \
is safe, and necessary after a migration that adds a table or changes the tenancy of one. \
PostgreSQL only.";

#[derive(Debug, Args)]
#[command(after_help = CAPTURE)]
pub(crate) struct CaptureArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Print the SQL without running it
    #[arg(long)]
    pub(crate) print: bool,
    /// Drop the triggers
    #[arg(long, conflicts_with = "print")]
    pub(crate) remove: bool,
}
