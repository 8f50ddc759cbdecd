//! `ablo key`: the secret keys of a database, with or without running coordinators.
//!
//! A new key is the only line on standard output, so that a script can read it; it is printed once
//! and stored as a hash.

use super::hosting::{failure, sqlite_path, store_failure, system_failure};
use crate::args::Format;
use crate::args::key::{KeyCommand, KeysArgs};
use crate::finding::Failure;
use crate::outcome::{Outcome, counted};
use crate::{codes, database, render};
use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_migrate::{Dialect, IfMissing, dialect_of};
use ablo_schema::front::json;
use ablo_server::{DbPath, EngineError, Keys, Mode, NewKey, Postgres, SecretKey, Sqlite, Store};
use std::fmt::Write as _;
use std::sync::Arc;

/// A schema without models: the store then creates the coordinator's own tables only.
const NO_MODELS: &str = r#"{"v":3,"models":{},"identityRoles":[]}"#;

pub(crate) fn run(command: &KeyCommand) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| system_failure(&error))?;
    let mode = |live: bool| if live { Mode::Live } else { Mode::Test };
    match command {
        KeyCommand::Create(args) => {
            let keys = open(&args.keys, IfMissing::Create, mode(args.live))?;
            let organization = &args.keys.organization;
            let key = runtime.block_on(keys.create(organization, &args.label)).map_err(refused)?;
            let remark = format!("created the key {} of {organization}", key.id);
            Ok(printed(&key, &remark))
        }
        KeyCommand::List(args) => {
            let keys = open(args, IfMissing::Fail, Mode::Test)?;
            let all = runtime.block_on(keys.list(&args.organization)).map_err(refused)?;
            Ok(Outcome::text(table(&all)))
        }
        KeyCommand::Rotate(args) => {
            let keys = open(&args.keys, IfMissing::Fail, mode(args.live))?;
            let rotate = keys.rotate(&args.keys.organization, &args.id, args.grace);
            let (key, end) = runtime.block_on(rotate).map_err(refused)?;
            let remark = format!("created the key {}; {} ends at {end}", key.id, args.id);
            Ok(printed(&key, &remark))
        }
        KeyCommand::Revoke(args) => {
            let keys = open(&args.keys, IfMissing::Fail, Mode::Test)?;
            let revoke = keys.revoke(&args.keys.organization, &args.id);
            let remark = match runtime.block_on(revoke).map_err(refused)? {
                0 => format!("{} was revoked before", args.id),
                count => {
                    let derived = usize::try_from(count - 1).unwrap_or(usize::MAX);
                    format!("revoked {} and {}", args.id, counted(derived, "token"))
                }
            };
            render::note(&remark, Format::Human);
            Ok(Outcome::text(String::new()))
        }
    }
}

/// Opens the coordinator's own tables.
fn open(args: &KeysArgs, if_missing: IfMissing, mode: Mode) -> Result<Keys, Failure> {
    let address = database::address(args.database_url.as_deref())?;
    // Checks the address, and that the database exists.
    database::connect(&address, "public", if_missing)?;
    let schema = json::read(NO_MODELS).schema;
    let schema = schema.ok_or_else(|| failure(codes::KEY_REFUSED, "no schema"))?;
    let store: Arc<dyn Store> = match dialect_of(&address) {
        Dialect::Sqlite => Arc::new(
            Sqlite::open_beside(&DbPath::File(sqlite_path(&address)), &schema)
                .map_err(|error| store_failure(&error))?,
        ),
        Dialect::Postgres => Arc::new(
            Postgres::open(&address, &schema, &PostgresOptions::default())
                .map_err(|error| store_failure(&error))?,
        ),
    };
    Ok(Keys::new(store, mode))
}

/// Prints a remark, and returns the key as the output.
fn printed(key: &NewKey, remark: &str) -> Outcome {
    render::note(remark, Format::Human);
    Outcome::text(format!("{}\n", key.token))
}

/// Returns the keys as lines with columns.
fn table(keys: &[SecretKey]) -> String {
    let mut out = String::new();
    for key in keys {
        let end = key.expires_at.as_deref().unwrap_or("-");
        let used = key.last_used_at.as_deref().unwrap_or("-");
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{}  {:<8} created {}  used {used}  ends {end}  {}",
            key.id, key.status, key.created_at, key.label
        );
    }
    out
}

fn refused(error: EngineError) -> Failure {
    match error {
        EngineError::Refused(refusal) => {
            failure(codes::KEY_REFUSED, refusal.envelope().message.clone())
        }
        EngineError::Store(error) => store_failure(&error),
    }
}
