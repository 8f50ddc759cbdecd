//! `ablo dev` and `ablo serve`: run a coordinator.
//!
//! `dev` needs only a schema: it keeps rows beside it and creates a key.

use crate::args::{DevArgs, Format, SchemaFileArgs, ServeArgs};
use crate::codes::{self, Code};
use crate::finding::{Exit, Failure, Finding, Report, did_you_mean};
use crate::outcome::counted;
use crate::{database, input, render, settings, source};
use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_migrate::{Dialect, IfMissing, Timeouts};
use ablo_schema::Schema;
use ablo_server::app::{App, CoordinatorOptions};
use ablo_server::engine::credentials::Mode;
use ablo_server::error::{EngineError, StoreError};
use ablo_server::source::SourceOptions;
use ablo_server::store::{DbPath, Postgres, Sqlite, Store};
use ablo_server::webhooks::WebhookOptions;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// The folder beside the schema for the files of `dev`.
const STATE_FOLDER: &str = ".ablo";

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
    if let DbPath::File(file) = &db_path {
        migrate(&format!("sqlite:{}", file.display()), &schema, true)?;
    }
    let store = open_sqlite(&db_path, &schema)?;
    let storage = match &db_path {
        DbPath::Memory => "in memory".to_owned(),
        DbPath::File(path) => path.display().to_string(),
    };
    run(async {
        let app = App::new(
            &schema,
            store,
            CoordinatorOptions { webhooks: webhooks(true), ..CoordinatorOptions::default() },
        );
        let key = dev_key(&app, &args.organization, key.as_deref()).await?;
        let (stop, listener) = (stop_signal()?, listen(args.listen).await?);
        let address = listener.local_addr().map_err(|error| system_failure(&error))?;
        render::note(
            &format!(
                "serving {} ({} models), rows {storage}\n  api   http://{address}/api\n  \
                 key   {key}\n  page  http://{address}/#{key}\npress Ctrl-C to stop",
                path.display(),
                schema.models().len(),
            ),
            Format::Human,
        );
        serve_until(app, listener, stop).await
    })
}

/// Returns the development key: that of the last run, else a new one.
async fn dev_key(app: &App, organization: &str, file: Option<&Path>) -> Result<String, Failure> {
    let known =
        file.and_then(|file| std::fs::read_to_string(file).ok()).map(|key| key.trim().to_owned());
    if let Some(key) = known.filter(|key| !key.is_empty()) {
        app.adopt_key(organization, "dev", &key)
            .await
            .map_err(|error| key_failure(codes::SERVE_INVALID_DEV_KEY, &error))?;
        return Ok(key);
    }
    let key = app
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
    migrate(&address, &schema, foreign_keys)?;
    let store = match Dialect::of(&address).map_err(|error| database::failure(&error))? {
        Dialect::Sqlite => open_sqlite(&DbPath::File(sqlite_path(&address)), &schema)?,
        Dialect::Postgres => Arc::new(
            Postgres::open(
                &address,
                &schema,
                &PostgresOptions { foreign_keys, ..PostgresOptions::default() },
            )
            .map_err(|error| store_failure(&error))?,
        ),
    };
    run(async {
        let app = App::new(
            &schema,
            store,
            CoordinatorOptions {
                mode,
                sources,
                webhooks: webhooks(args.private_webhooks),
                ..CoordinatorOptions::default()
            },
        );
        if let Ok(key) = std::env::var("ABLO_SECRET_KEY") {
            app.adopt_key(&args.organization, "environment", &key)
                .await
                .map_err(|error| key_failure(codes::SERVE_INVALID_KEY, &error))?;
        }
        let (stop, listener) = (stop_signal()?, listen(args.listen).await?);
        let address = listener.local_addr().map_err(|error| system_failure(&error))?;
        render::note(&format!("serving {} on http://{address}/api", path.display()), Format::Human);
        serve_until(app, listener, stop).await
    })
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
        let keys = super::source::keys(Some(&source.organization))?;
        Ok(SourceOptions {
            keys,
            models: args.source_models.iter().cloned().collect(),
            ..SourceOptions::new(&source.organization, &source.url, "")
        })
    });
    each.collect()
}

/// Migrates the database to the schema. Fails if that needs an approval.
fn migrate(address: &str, schema: &Schema, foreign_keys: bool) -> Result<(), Failure> {
    let failed = |error| database::failure(&error);
    let mut database =
        ablo_migrate::connect(address, "public", IfMissing::Create).map_err(failed)?;
    if let Some(applied) =
        ablo_migrate::migrate_to(&mut *database, schema, foreign_keys, Timeouts::default())
            .map_err(failed)?
    {
        let count = counted(applied.transaction + applied.after_commit, "statement");
        render::note(&format!("migrated the database: {count}"), Format::Human);
    }
    Ok(())
}

/// Returns the path of the file that a SQLite address names.
pub(super) fn sqlite_path(address: &str) -> PathBuf {
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}

fn schema(args: &SchemaFileArgs) -> Result<(PathBuf, Schema), Failure> {
    let path = settings::schema_path(&args.into())?;
    if path == Path::new(source::STDIN) {
        let message = "the schema cannot be read from standard input";
        return Err(failure(codes::SERVE_STDIN_SCHEMA, message));
    }
    let schema = input::read(&path)?.schema()?;
    Ok((path, schema))
}

fn open_sqlite(path: &DbPath, schema: &Schema) -> Result<Arc<dyn Store>, Failure> {
    match Sqlite::open(path, schema) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(store_failure(&error)),
    }
}

pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        if is_limit(&error) {
            return system_failure(&error);
        }
        let code = match error.kind() {
            ErrorKind::AddrInUse => codes::SERVE_ADDRESS_IN_USE,
            _ => codes::SERVE_CANNOT_LISTEN,
        };
        failure(code, format!("cannot listen on {address}: {error}"))
    })
}

/// Reports whether an error is `EMFILE` or `ENFILE`: too many open files.
fn is_limit(error: &std::io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

/// Serves until `stop` completes.
async fn serve_until(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    ablo_server::serve(app, listener, stop).await.map_err(|error| system_failure(&error))
}

/// Returns a future that completes on SIGINT or SIGTERM. The handlers are installed by this call,
/// so no signal is lost after the address is printed.
#[cfg(unix)]
pub(super) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let install = |kind| signal(kind).map_err(|error| system_failure(&error));
    let (mut interrupted, mut terminated) =
        (install(SignalKind::interrupt())?, install(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub(super) fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

pub(super) fn run(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let filter = std::env::var("ABLO_LOG")
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(tracing::Level::WARN);
    // Fails only if a subscriber is already installed.
    let _ =
        tracing_subscriber::fmt().with_max_level(filter).with_writer(std::io::stderr).try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| system_failure(&error))?.block_on(work)
}

fn state_failure(path: &Path, error: &std::io::Error) -> Failure {
    failure(codes::SERVE_STATE_FOLDER, format!("cannot write `{}`: {error}", path.display()))
}

pub(super) fn system_failure(error: &std::io::Error) -> Failure {
    failure(codes::SERVE_SYSTEM_ERROR, error.to_string())
}

/// Converts an error of registering a key; `invalid` is the code of a malformed key.
fn key_failure(invalid: Code, error: &EngineError) -> Failure {
    match error {
        EngineError::Refused(refusal) => failure(invalid, refusal.envelope().message.clone()),
        EngineError::Store(error) => store_failure(error),
    }
}

/// Converts an error of opening a store.
pub(super) fn store_failure(error: &StoreError) -> Failure {
    let code = match error {
        StoreError::Unavailable(_) => codes::SERVE_DATABASE_UNAVAILABLE,
        StoreError::Contended(_) => ablo_migrate::Code::find("ablo::database::lock_timeout")
            .map_or(codes::SERVE_DATABASE_UNAVAILABLE, Code::from),
        StoreError::Constraint(..) | StoreError::Fault(_) => codes::SERVE_DATABASE_FAILED,
    };
    failure(code, error.to_string())
}

pub(super) fn failure(code: Code, message: impl Into<String>) -> Failure {
    Failure::new(Exit::CannotRun, Report::about(None, vec![Finding::new(code, message)]))
}
