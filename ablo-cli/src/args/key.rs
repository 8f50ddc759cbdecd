//! The arguments of `ablo key` and their help.

use clap::{Args, Subcommand};

const ENVIRONMENT: &str = "\
Environment: without --database-url, the address is read from ABLO_DATABASE_URL, else from \
DATABASE_URL. The coordinators of the database may be running.";

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a secret key and print it, which is possible only once
    Create(CreateKeyArgs),
    /// List the secret keys of an organisation
    List(KeysArgs),
    /// Replace a secret key: print a new one, and let the old one end later
    Rotate(RotateKeyArgs),
    /// Take a secret key back, with all tokens that were exchanged for it
    Revoke(KeyArgs),
}

/// The keys of one organisation.
#[derive(Clone, Debug, Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct KeysArgs {
    /// Database of the coordinator: postgres://user@host/name or sqlite:PATH
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Organisation of the key
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(crate) organization: String,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct CreateKeyArgs {
    #[command(flatten)]
    pub(crate) keys: KeysArgs,
    /// Label to recognise the key by
    #[arg(long, value_name = "TEXT", default_value = "key")]
    pub(crate) label: String,
    /// Create a key of live mode, which begins with sk_live_ instead of sk_test_
    #[arg(long)]
    pub(crate) live: bool,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct RotateKeyArgs {
    /// Id of the key, see `ablo key list`
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) keys: KeysArgs,
    /// Time after which the old key ends, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(crate) grace: u64,
    /// Create a key of live mode, which begins with sk_live_ instead of sk_test_
    #[arg(long)]
    pub(crate) live: bool,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct KeyArgs {
    /// Id of the key, see `ablo key list`
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) keys: KeysArgs,
}
