//! `ablo dev` and `ablo serve`: run a coordinator.
//!
//! `dev` needs only a schema: it keeps rows beside it and creates a key.

use super::hosting::{
    failure, listen, run, source_keys, sqlite_path, stop_signal, store_failure, system_failure,
};
use crate::args::common::LimitArg;
use crate::args::{DevArgs, Format, MigrateArg, SchemaFileArgs, ServeArgs};
use crate::codes::{self, Code};
use crate::finding::{Exit, Failure, Finding, Report, did_you_mean};
use crate::outcome::counted;
use crate::settings::{self, SchemaFile};
use crate::{database, input, render, source};
use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_migrate::history::{Standing, standing};
use ablo_migrate::{AtStart, Dialect, IfMissing, Started, Timeouts, dialect_of};
use ablo_schema::Schema;
use ablo_server::{
    Coordinator, CoordinatorOptions, DbPath, EngineError, KeyFault, Keys, Limits, Mode, Postgres,
    SchemaVerdict, SourceOptions, Sqlite, Store, StoreError, WebhookOptions,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The folder beside the schema for the files of `dev`.
const STATE_FOLDER: &str = ".ablo";
/// How long `--migrate wait` waits.
const MIGRATION_WAIT: Duration = Duration::from_mins(5);

pub(crate) fn dev(args: &DevArgs) -> Exit {
    end(try_dev(args), args.input.format)
}

pub(crate) fn serve(args: &ServeArgs) -> Exit {
    end(try_serve(args), args.input.format)
}

fn end(outcome: Result<(), Failure>, format: Format) -> Exit {
    match outcome {
        Ok(()) => Exit::Clean,
        Err(failure) => render::show(&failure.into(), format),
    }
}

fn try_dev(args: &DevArgs) -> Result<(), Failure> {
    let (path, schema) = schema(&args.input)?;
    let folder = path.parent().unwrap_or(Path::new("")).join(STATE_FOLDER);
    let (db_path, key) = match args.memory {
        true => (DbPath::Memory, None),
        false => {
            std::fs::create_dir_all(&folder).map_err(|error| state_failure(&folder, &error))?;
            // Keep rows and keys out of version control.
            let ignore = folder.join(".gitignore");
            if !ignore.exists() {
                std::fs::write(&ignore, "*\n").map_err(|error| state_failure(&ignore, &error))?;
            }
            (DbPath::File(folder.join("dev.db")), Some(folder.join("dev.key")))
        }
    };
    let keeps_tables = match &db_path {
        DbPath::Memory => false,
        DbPath::File(file) => {
            migrate(&format!("sqlite:{}", file.display()), &schema, (true, AtStart::Migrate))?
        }
    };
    let store = open_sqlite(&db_path, &schema, keeps_tables)?;
    if let DbPath::File(file) = &db_path {
        watch_schema(&*store, format!("sqlite:{}", file.display()), &schema);
    }
    let storage = match &db_path {
        DbPath::Memory => "in memory".to_owned(),
        DbPath::File(path) => path.display().to_string(),
    };
    run(async {
        let coordinator = Coordinator::new(
            &schema,
            store,
            CoordinatorOptions {
                webhooks: webhooks(true),
                log_retention: args.retain,
                ..CoordinatorOptions::default()
            },
        );
        let key = dev_key(&coordinator, &args.organization, key.as_deref()).await?;
        let (stop, listener) = (stop_signal()?, listen(args.listen).await?);
        let address = listener.local_addr().map_err(|error| system_failure(&error))?;
        render::note(
            &format!(
                "serving {} ({}), rows {storage}\n  api   http://{address}/api\n  \
                 key   {key}\n  page  http://{address}/#{key}\npress Ctrl-C to stop",
                path.display(),
                counted(schema.models().len(), "model"),
            ),
            Format::Human,
        );
        serve_until(coordinator, listener, stop).await
    })
}

/// Returns the development key: that of the last run, else a new one.
async fn dev_key(
    coordinator: &Coordinator,
    organization: &str,
    file: Option<&Path>,
) -> Result<String, Failure> {
    let known =
        file.and_then(|file| std::fs::read_to_string(file).ok()).map(|key| key.trim().to_owned());
    if let Some(key) = known.filter(|key| !key.is_empty()) {
        coordinator
            .adopt_key(organization, "dev", &key)
            .await
            .map_err(|error| key_failure(codes::SERVE_INVALID_DEV_KEY, &error))?;
        return Ok(key);
    }
    let key = coordinator
        .issue_secret_key(organization, "dev")
        .await
        .map_err(|error| key_failure(codes::SERVE_INVALID_DEV_KEY, &error))?;
    if let Some(file) = file {
        secret_file(file, &key).map_err(|error| state_failure(file, &error))?;
    }
    Ok(key)
}

/// Writes a file that only its owner can read.
fn secret_file(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn try_serve(args: &ServeArgs) -> Result<(), Failure> {
    let (path, schema) = schema(&args.input)?;
    let mode = if args.live { Mode::Live } else { Mode::Test };
    let sources = sources(args, &schema)?;
    let address = database::address(args.database_url.as_deref())?;
    // The mirror of a data source receives rows in the order of its outbox, which may have a row
    // before the one that it refers to.
    let foreign_keys = sources.is_empty();
    let at_start = match args.migrate {
        MigrateArg::Auto => AtStart::Migrate,
        MigrateArg::Wait => AtStart::Wait(MIGRATION_WAIT),
        MigrateArg::Never => AtStart::Refuse,
    };
    let keeps_tables = migrate(&address, &schema, (foreign_keys, at_start))?;
    let options = PostgresOptions { foreign_keys, ..PostgresOptions::default() };
    let store: Arc<dyn Store> = match dialect_of(&address) {
        Dialect::Sqlite => {
            open_sqlite(&DbPath::File(sqlite_path(&address)), &schema, keeps_tables)?
        }
        Dialect::Postgres => {
            let store = match keeps_tables {
                true => Postgres::open_existing(&address, &options),
                false => Postgres::open(&address, &schema, &options),
            };
            Arc::new(store.map_err(|error| store_failure(&error))?)
        }
    };
    watch_schema(&*store, address, &schema);
    run(async {
        let options = CoordinatorOptions {
            mode,
            sources,
            webhooks: webhooks(args.private_webhooks),
            limits: limits(&args.limits),
            key_retention: args.retain_keys,
            log_retention: args.retain,
        };
        let coordinator = match keeps_tables {
            true => Coordinator::over_existing(&schema, store, options)
                .map_err(|error| store_failure(&error))?,
            false => Coordinator::new(&schema, store, options),
        };
        accept_key(&coordinator.keys(), &args.organization).await?;
        let (stop, listener) = (stop_signal()?, listen(args.listen).await?);
        let address = listener.local_addr().map_err(|error| system_failure(&error))?;
        render::note(&format!("serving {} on http://{address}/api", path.display()), Format::Human);
        serve_until(coordinator, listener, stop).await
    })
}

/// Returns the limits with the changed ones, which were checked when they were parsed.
fn limits(changed: &[LimitArg]) -> Limits {
    let mut limits = Limits::default();
    for (name, value) in changed {
        if let Err(error) = limits.set(name, value) {
            render::note(&error, Format::Human);
        }
    }
    limits
}

/// Accepts the key of the environment as the only one of its label. Without one, the database needs
/// another key.
async fn accept_key(keys: &Keys, organization: &str) -> Result<(), Failure> {
    let Ok(key) = std::env::var("ABLO_SECRET_KEY") else {
        return match keys.any().await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let message = "ABLO_SECRET_KEY is not set, and the database has no valid key";
                Err(failure(codes::SERVE_NO_KEY, message))
            }
            Err(error) => Err(key_failure(codes::SERVE_ENDED_KEY, &error)),
        };
    };
    match keys.check_form(&key) {
        Ok(()) => {}
        Err(KeyFault::Prefix) => {
            let message = "a secret key starts with `sk_test_` or `sk_live_`";
            return Err(failure(codes::SERVE_INVALID_KEY, message));
        }
        Err(KeyFault::Short) => {
            let message = "the key in ABLO_SECRET_KEY has fewer than 128 random bits";
            return Err(failure(codes::SERVE_SHORT_KEY, message));
        }
    }
    let accepted = keys.accept(organization, &key).await;
    accepted.map_err(|error| key_failure(codes::SERVE_ENDED_KEY, &error))
}

fn webhooks(private_hosts: bool) -> WebhookOptions {
    WebhookOptions { private_hosts, ..WebhookOptions::default() }
}

/// Returns the Data Source of each organisation that has one.
fn sources(args: &ServeArgs, schema: &Schema) -> Result<Vec<SourceOptions>, Failure> {
    if let Some(unknown) = args.source_models.iter().find(|key| schema.model(key).is_none()) {
        let message = format!("the schema has no model `{unknown}`");
        let models = schema.models().iter().map(|model| model.key.as_str());
        let help = did_you_mean(unknown, models);
        let finding = Finding::new(codes::SERVE_UNKNOWN_SOURCE_MODEL, message).help(help);
        return Err(Failure::new(Exit::CannotRun, Report::about(None, vec![finding])));
    }
    let each = args.sources.iter().map(|source| {
        let keys = source_keys(Some(&source.organization))?;
        Ok(SourceOptions {
            keys,
            models: args.source_models.iter().cloned().collect(),
            ..SourceOptions::new(&source.organization, &source.url, "")
        })
    });
    each.collect()
}

/// Brings the database to the schema. Fails if that needs an approval, or if the database was
/// migrated on from it. Returns whether nothing may add or remove tables: they were adopted with
/// differences, or have a newer schema.
fn migrate(
    address: &str,
    schema: &Schema,
    (foreign_keys, at_start): (bool, AtStart),
) -> Result<bool, Failure> {
    let failed = |error| database::failure(&error);
    let mut database = database::connect(address, "public", IfMissing::Create)?;
    database.require_session().map_err(failed)?;
    check_layout(address).map_err(|error| store_failure(&error))?;
    let waiting = || {
        let message = "waiting until another process has migrated the database to this schema";
        render::note(message, Format::Human);
    };
    let how = (at_start, Timeouts::default());
    let started = ablo_migrate::start(&mut *database, schema, foreign_keys, how, waiting);
    let Started { applied, standing } = started.map_err(failed)?;
    if let Some(applied) = applied {
        let count = counted(applied.transaction + applied.after_commit, "statement");
        render::note(&format!("migrated the database: {count}"), Format::Human);
    }
    if let Standing::Behind { entry, .. } = &standing {
        let message = format!(
            "serving an earlier schema, that of entry {entry} of the ledger; later ones change \
             nothing for it"
        );
        render::note(&message, Format::Human);
    }
    let last = database.ledger().map_err(failed)?.pop();
    let is_adopted = last.is_some_and(|entry| !entry.record.accepted.is_empty());
    Ok(is_adopted || matches!(standing, Standing::Behind { .. }))
}

/// Lets a store notice that another process migrates its database.
fn watch_schema(store: &dyn Store, address: String, schema: &Schema) {
    let Some(epoch) = store.schema_epoch() else { return };
    let schema = schema.clone();
    epoch.watch(Box::new(move || {
        let entries = ablo_migrate::connect(&address, "public", IfMissing::Fail)
            .and_then(|mut database| database.ledger());
        let standing = entries.and_then(|entries| standing(&schema, &entries));
        match standing {
            Ok(standing) if standing.is_served() => SchemaVerdict::Served,
            Ok(standing) => SchemaVerdict::Moved(standing.refusal().map_or_else(
                || "its newest schema is an earlier one".to_owned(),
                |error| error.to_string(),
            )),
            Err(error) => SchemaVerdict::Unknown(error.to_string()),
        }
    }));
}

/// Checks that this program can use the coordinator's own tables, before any table is changed.
fn check_layout(address: &str) -> Result<(), StoreError> {
    match dialect_of(address) {
        Dialect::Postgres => Postgres::check_layout(address, &PostgresOptions::default()),
        Dialect::Sqlite => Sqlite::check_layout(&DbPath::File(sqlite_path(address))),
    }
}

fn schema(args: &SchemaFileArgs) -> Result<(PathBuf, Schema), Failure> {
    let SchemaFile { path, read } = settings::schema_file(&args.into())?;
    if path == Path::new(source::STDIN) {
        let message = "the schema cannot be read from standard input";
        return Err(failure(codes::SERVE_STDIN_SCHEMA, message));
    }
    let schema = input::schema(&path, &read)?;
    Ok((path, schema))
}

fn open_sqlite(
    path: &DbPath,
    schema: &Schema,
    keeps_tables: bool,
) -> Result<Arc<dyn Store>, Failure> {
    let opened = match keeps_tables {
        true => Sqlite::open_existing(path),
        false => Sqlite::open(path, schema),
    };
    opened.map(|store| Arc::new(store) as Arc<dyn Store>).map_err(|error| store_failure(&error))
}

/// Serves until `stop` completes.
async fn serve_until(
    coordinator: Coordinator,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    ablo_server::serve(coordinator, listener, stop).await.map_err(|error| system_failure(&error))
}

fn state_failure(path: &Path, error: &std::io::Error) -> Failure {
    failure(codes::SERVE_STATE_FOLDER, format!("cannot write `{}`: {error}", path.display()))
}

/// Converts an error of registering a key; `invalid` is the code of a malformed key.
fn key_failure(invalid: Code, error: &EngineError) -> Failure {
    match error {
        EngineError::Refused(refusal) => failure(invalid, refusal.envelope().message.clone()),
        EngineError::Store(error) => store_failure(error),
    }
}
