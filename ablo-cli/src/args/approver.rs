//! The arguments of `ablo approver` and their help.

use super::database::DatabaseArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const ENVIRONMENT: &str = "\
Environment: without --database-url, the address is read from ABLO_DATABASE_URL, else from \
DATABASE_URL. On PostgreSQL, use a role that the migrating role is not, such as a superuser.";

#[derive(Debug, Subcommand)]
pub(crate) enum ApproverCommand {
    /// Write a private key to a file and print its public key
    Keygen(KeygenArgs),
    /// Add an approver; from the first one on, approvals of plans have to be signed
    Add(AddApproverArgs),
    /// List the approvers of a database
    List(ListApproversArgs),
    /// Remove an approver, except the last one
    Remove(RemoveApproverArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct KeygenArgs {
    /// New file of the private key, which only its owner can read
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct AddApproverArgs {
    /// Public key of the new approver
    pub(crate) public_key: String,
    /// Name of the new approver
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Private key of an approver; of the new one, if it is the first
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct ListApproversArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct RemoveApproverArgs {
    /// Public key of the approver to remove
    pub(crate) public_key: String,
    /// Private key of an approver
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
}
