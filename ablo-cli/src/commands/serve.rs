//! `ablo dev` and `ablo serve`: the coordinator on a port.
//!
//! `dev` needs nothing but a schema: it keeps rows beside it, and makes a key. `serve` is told
//! everything.

use crate::args::{DevArgs, Format, InputArgs, ServeArgs};
use crate::codes;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::counted;
use crate::{database, input, render, settings, source};
use ablo_codegen::emit::sql::postgres::Options as PostgresOptions;
use ablo_migrate::{Dialect, IfMissing, Timeouts};
use ablo_schema::Schema;
use ablo_server::app::{App, CoordinatorOptions};
use ablo_server::engine::credentials::Mode;
use ablo_server::source::SourceOptions;
use ablo_server::store::{DbPath, Postgres, Sqlite, Store};
use ablo_server::webhooks::WebhookOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Where `dev` keeps what it makes, beside the schema.
const FOLDER: &str = ".ablo";

pub(crate) fn dev(args: &DevArgs) -> Exit {
    end(try_dev(args), args.input.format)
}

pub(crate) fn serve(args: &ServeArgs) -> Exit {
    end(try_serve(args), args.input.format)
}

fn end(outcome: Result<(), Failure>, format: Format) -> Exit {
    match outcome {
        Ok(()) => Exit::Clean,
        Err(stop) => render::show(&stop.into(), format),
    }
}

fn try_dev(args: &DevArgs) -> Result<(), Failure> {
    let (path, schema) = schema(&args.input)?;
    let folder = path.parent().unwrap_or(Path::new("")).join(FOLDER);
    let (place, key) = match args.memory {
        true => (DbPath::Memory, None),
        false => {
            std::fs::create_dir_all(&folder).map_err(|error| no_store(&folder, &error))?;
            // Neither rows nor keys of development belong into a repository.
            let ignore = folder.join(".gitignore");
            if !ignore.exists() {
                std::fs::write(&ignore, "*\n").map_err(|error| no_store(&ignore, &error))?;
            }
            (DbPath::File(folder.join("dev.db")), Some(folder.join("dev.key")))
        }
    };
    if let DbPath::File(file) = &place {
        migrated(&format!("sqlite:{}", file.display()), &schema)?;
    }
    let store = open(&place, &schema)?;
    let kept = match &place {
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
        let (stop, listener) = (stopped()?, listen(args.listen).await?);
        let address = listener.local_addr().map_err(|error| no_port(args.listen, &error))?;
        render::note(
            &format!(
                "serving {} ({} models), rows {kept}\n  api   http://{address}/api\n  key   {key}\n  page  http://{address}/#{key}\nCtrl-C ends this",
                path.display(),
                schema.models().len(),
            ),
            Format::Human,
        );
        until_stopped(app, listener, stop).await
    })
}

/// The key of development: the one of the last run, else a new one.
async fn dev_key(app: &App, organization: &str, file: Option<&Path>) -> Result<String, Failure> {
    let known =
        file.and_then(|file| std::fs::read_to_string(file).ok()).map(|key| key.trim().to_owned());
    if let Some(key) = known.filter(|key| !key.is_empty()) {
        app.adopt_key(organization, "dev", &key)
            .await
            .map_err(|failure| failed(&failure.into_refusal()))?;
        return Ok(key);
    }
    let key = app
        .secret_key(organization, "dev")
        .await
        .map_err(|failure| failed(&failure.into_refusal()))?;
    if let Some(file) = file {
        secret_file(file, &key).map_err(|error| no_store(file, &error))?;
    }
    Ok(key)
}

/// Writes a file that its owner alone can read.
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
    migrated(&address, &schema)?;
    let store = match Dialect::of(&address).map_err(|error| database::failure(&error))? {
        Dialect::Sqlite => open(&DbPath::File(file(&address)), &schema)?,
        Dialect::Postgres => Arc::new(
            Postgres::open(&address, &schema, &PostgresOptions::default())
                .map_err(|error| refused(&error.to_string()))?,
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
                .map_err(|failure| failed(&failure.into_refusal()))?;
        }
        let (stop, listener) = (stopped()?, listen(args.listen).await?);
        let address = listener.local_addr().map_err(|error| no_port(args.listen, &error))?;
        render::note(&format!("serving {} on http://{address}/api", path.display()), Format::Human);
        until_stopped(app, listener, stop).await
    })
}

/// How webhooks go out: to a program on the same machine where that is wanted.
fn webhooks(private_hosts: bool) -> WebhookOptions {
    WebhookOptions { private_hosts, ..WebhookOptions::default() }
}

/// The organisations whose own database stays canonical.
fn sources(args: &ServeArgs, schema: &Schema) -> Result<Vec<SourceOptions>, Failure> {
    if let Some(unknown) = args.source_models.iter().find(|key| schema.model(key).is_none()) {
        return Err(refused(&format!("the schema has no model `{unknown}`")));
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

/// Migrates the tables that are there to the schema of today; what loses values or opens rows to
/// others is refused.
fn migrated(address: &str, schema: &Schema) -> Result<(), Failure> {
    let stop = |error| database::failure(&error);
    let mut database = ablo_migrate::connect(address, "public", IfMissing::Create).map_err(stop)?;
    if let Some(ran) = ablo_migrate::migrate_to(&mut *database, schema, false, Timeouts::default())
        .map_err(stop)?
    {
        let ran = counted(ran.transaction + ran.after_commit, "statement");
        render::note(&format!("migrated the database: {ran}"), Format::Human);
    }
    Ok(())
}

/// The file that an address of SQLite names.
pub(super) fn file(address: &str) -> PathBuf {
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}

fn schema(args: &InputArgs) -> Result<(PathBuf, Schema), Failure> {
    let path = settings::schema_path(args)?;
    if path == Path::new(source::STDIN) {
        let finding =
            Finding::new(codes::SERVE_REFUSED, "a coordinator reads its schema from a file");
        return Err(Failure::new(Exit::CannotRun, Report::about(None, vec![finding])));
    }
    let schema = input::read(&path)?.schema()?;
    Ok((path, schema))
}

fn open(place: &DbPath, schema: &Schema) -> Result<Arc<dyn Store>, Failure> {
    match Sqlite::open(place, schema) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(refused(&error.to_string())),
    }
}

pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| no_port(address, &error))
}

/// Serves until the process is asked to end.
async fn until_stopped(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    ablo_server::serve(app, listener, stop).await.map_err(|error| refused(&error.to_string()))
}

/// Whether the process was asked to end. From this call on, and so before anyone is told of the
/// address, asking is heard.
#[cfg(unix)]
pub(super) fn stopped() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let hear = |kind| signal(kind).map_err(|error| refused(&error.to_string()));
    let (mut interrupted, mut terminated) =
        (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub(super) fn stopped() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

pub(super) fn run(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let filter = std::env::var("ABLO_LOG")
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(tracing::Level::WARN);
    // Only the first subscriber of a process counts, and this is it.
    let _ =
        tracing_subscriber::fmt().with_max_level(filter).with_writer(std::io::stderr).try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| refused(&error.to_string()))?.block_on(work)
}

fn no_port(address: SocketAddr, error: &std::io::Error) -> Failure {
    refused(&format!("cannot listen on {address}: {error}"))
}

fn no_store(path: &Path, error: &std::io::Error) -> Failure {
    refused(&format!("{}: {error}", path.display()))
}

fn failed(refusal: &ablo_server::error::ApiError) -> Failure {
    refused(&refusal.to_string())
}

fn refused(message: &str) -> Failure {
    Failure::new(
        Exit::CannotRun,
        Report::about(None, vec![Finding::new(codes::SERVE_REFUSED, message)]),
    )
}
