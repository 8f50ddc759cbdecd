//! The parts of every command that runs a server: its runtime, its port, its end and its failures.

use crate::codes::{self, Code};
use crate::finding::{Exit, Failure, Finding, Report};
use ablo_server::StoreError;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpListener;

/// The environment variable with the keys.
const KEY_VARIABLE: &str = "ABLO_SOURCE_KEY";

/// Returns the path of the file that a SQLite address names.
pub(super) fn sqlite_path(address: &str) -> PathBuf {
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
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

pub(super) fn system_failure(error: &std::io::Error) -> Failure {
    failure(codes::SERVE_SYSTEM_ERROR, error.to_string())
}

/// Converts an error of opening a store.
pub(super) fn store_failure(error: &StoreError) -> Failure {
    let code = match error {
        StoreError::Unavailable(_) | StoreError::TimedOut | StoreError::Overloaded => {
            codes::SERVE_DATABASE_UNAVAILABLE
        }
        StoreError::Contended(_) | StoreError::Locked(_) => {
            ablo_migrate::Code::find("ablo::database::lock_timeout")
                .map_or(codes::SERVE_DATABASE_UNAVAILABLE, Code::from)
        }
        StoreError::NewerLayout(_) => codes::SERVE_NEWER_LAYOUT,
        StoreError::InUse(_) => ablo_migrate::Code::find("ablo::database::file_in_use")
            .map_or(codes::SERVE_DATABASE_UNAVAILABLE, Code::from),
        StoreError::SchemaMoved(_) => ablo_migrate::Code::find("ablo::migrate::schema_behind")
            .map_or(codes::SERVE_DATABASE_FAILED, Code::from),
        StoreError::Constraint(..) | StoreError::Fault(_) => codes::SERVE_DATABASE_FAILED,
    };
    failure(code, error.to_string())
}

pub(super) fn failure(code: Code, message: impl Into<String>) -> Failure {
    Failure::new(Exit::CannotRun, Report::about(None, vec![Finding::new(code, message)]))
}

/// Returns the keys of an organisation, or those for all organisations. At least one.
pub(super) fn source_keys(organization: Option<&str>) -> Result<Vec<String>, Failure> {
    let own = organization.map(|name| {
        let upper = |letter: char| {
            if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
        };
        format!("{KEY_VARIABLE}_{}", name.chars().map(upper).collect::<String>())
    });
    let named = own.iter().map(String::as_str).chain([KEY_VARIABLE]);
    let split = |text: String| -> Vec<String> {
        text.split(',').map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect()
    };
    let mut values = named.filter_map(|name| std::env::var(name).ok()).map(split);
    values.find(|keys| !keys.is_empty()).ok_or_else(|| {
        let message = match &own {
            Some(own) => format!("neither {own} nor {KEY_VARIABLE} is set to a key"),
            None => format!("{KEY_VARIABLE} is not set to a key"),
        };
        failure(codes::DATA_SOURCE_KEY_MISSING, message)
    })
}
