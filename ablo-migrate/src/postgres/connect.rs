//! Connects to a PostgreSQL server, checks its version, and finds out whether a pooler is between.

use super::address::{Resolved, environment};
use super::error::{connecting, describe};
use super::tls::{Attempt, attempts};
use crate::codes::{POOLER, UNSUPPORTED, URL, WRONG_KIND};
use crate::error::{Error, Finding, Result};
use postgres::{Client, Config, NoTls};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_postgres::{AsyncMessage, CancelToken};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The oldest supported version, as in `server_version_num`.
const MIN_VERSION: i32 = 140_000;

/// Limits of the role and the database that would stop a migration or a check. A session may set
/// them again in its `options`.
const NO_LIMITS: &str = "-c statement_timeout=0 -c lock_timeout=0 \
    -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0";

/// Settings with which values and expressions look the same on every server.
const PINNED: [(&str, &str); 8] = [
    ("client_min_messages", "warning"),
    ("standard_conforming_strings", "on"),
    ("client_encoding", "UTF8"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "iso_8601"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
];

/// Returns statements that pin the settings on which the text of values depends, for the session,
/// or for the transaction with `LOCAL`.
#[must_use]
pub fn pinned(scope: &str) -> String {
    PINNED.map(|(name, value)| format!("SET {scope} {name} = '{value}';")).concat()
}

/// Reads the messages of a connection, and drives it.
pub type Messages = Box<
    dyn FnMut(&mut Context<'_>) -> Poll<Option<std::result::Result<AsyncMessage, postgres::Error>>>
        + Send,
>;

/// The query that [`Target::check`] reads.
const PROBE: &str = "SELECT current_setting('server_version_num')::int, \
    current_setting('ablo.session', true)";

/// A resolved address.
#[derive(Clone)]
pub struct Target {
    /// The configuration of the driver.
    pub config: tokio_postgres::Config,
    /// Parts of the address that have no effect, in prose.
    pub notes: Vec<String>,
    attempts: Vec<Attempt>,
    /// A setting of the session that only the server itself keeps. A pooler refuses it, leaves it
    /// out, or passes on a session with that of another program.
    mark: String,
}

impl Target {
    /// Resolves an address as libpq does, with the environment of this process.
    ///
    /// # Errors
    /// A code of `ablo::database`. The message never contains the address, which may hold a
    /// password.
    pub fn parse(address: &str) -> Result<Self> {
        if address.starts_with("sqlite:") {
            let text = "the address names a SQLite file; PostgreSQL is required here";
            return Err(Finding::new(WRONG_KIND, text).into());
        }
        let resolved = Resolved::new(address, &environment)?;
        let attempts = attempts(&resolved)?;
        let parsed = resolved.for_driver().parse();
        let config =
            parsed.map_err(|error: postgres::Error| Finding::new(URL, describe(&error)))?;
        Ok(Self { config, attempts, mark: mark(), notes: resolved.notes })
    }

    /// Opens a connection. The client waits until its messages are read.
    ///
    /// # Errors
    /// Returns the error of the driver.
    pub async fn open(
        &self,
    ) -> std::result::Result<(tokio_postgres::Client, Messages), postgres::Error> {
        let mut attempt = NextAttempt::default();
        loop {
            let (config, tls) = attempt.of(self);
            let error = match tls {
                None => match config.connect(NoTls).await {
                    Ok((client, mut connection)) => {
                        return Ok((client, Box::new(move |cx| connection.poll_message(cx))));
                    }
                    Err(error) => error,
                },
                Some(tls) => match config.connect(tls).await {
                    Ok((client, mut connection)) => {
                        return Ok((client, Box::new(move |cx| connection.poll_message(cx))));
                    }
                    Err(error) => error,
                },
            };
            if !attempt.advance(self, &error) {
                return Err(error);
            }
        }
    }

    /// Checks an open connection: the version of the server, and that no pooler is between.
    ///
    /// # Errors
    /// The error of the driver, or `ablo::database::unsupported` and `ablo::database::pooler`.
    pub async fn check(
        &self,
        client: &tokio_postgres::Client,
    ) -> std::result::Result<Result<()>, postgres::Error> {
        let row = client.query_typed_one(PROBE, &[]).await?;
        let is_pooled = self.is_pooled(&row)?;
        Ok(is_pooled.and_then(|is_pooled| if is_pooled { Err(pooler()) } else { Ok(()) }))
    }

    fn is_pooled(&self, row: &postgres::Row) -> std::result::Result<Result<bool>, postgres::Error> {
        let (version, mark): (i32, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(check_version(version).map(|()| mark.as_ref() != Some(&self.mark)))
    }

    /// Asks the server to cancel the statement that a connection runs.
    ///
    /// # Errors
    /// Returns the error of the driver.
    pub async fn cancel(&self, token: CancelToken) -> std::result::Result<(), postgres::Error> {
        // The token knows whether its connection is encrypted.
        match self.attempts.iter().find_map(|attempt| attempt.tls.clone()) {
            None => token.cancel_query(NoTls).await,
            Some(tls) => token.cancel_query(tls).await,
        }
    }
}

/// The error of a command that needs a session of its own.
pub(super) fn pooler() -> Error {
    let message = "a connection pooler answers at this address, which may give each transaction \
        another session";
    Finding::new(POOLER, message).into()
}

/// Returns a text that no other session has.
fn mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{}_{now}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Which way to connect is tried next.
#[derive(Default)]
struct NextAttempt {
    at: usize,
    /// Whether the settings of the session were refused.
    is_unmarked: bool,
}

impl NextAttempt {
    fn of(&self, target: &Target) -> (tokio_postgres::Config, Option<MakeRustlsConnect>) {
        let mut config = target.config.clone();
        if !self.is_unmarked {
            let own = config.get_options().unwrap_or_default();
            let options = format!("{NO_LIMITS} {own} -c ablo.session={}", target.mark);
            config.options(options);
        }
        let Some(attempt) = target.attempts.get(self.at) else { return (config, None) };
        config.ssl_mode(attempt.mode);
        (config, attempt.tls.clone())
    }

    /// Reports whether to try again after an error.
    fn advance(&mut self, target: &Target, error: &postgres::Error) -> bool {
        let state = error.code().map(postgres::error::SqlState::code);
        // A pooler that does not know `options`: a violation of the protocol, or not supported.
        if !self.is_unmarked && matches!(state, Some("08P01" | "0A000")) {
            self.is_unmarked = true;
            return true;
        }
        let is_about_encryption = match state {
            // By pg_hba.conf.
            Some(state) => state == "28000",
            // The driver exposes the kind of an error only in its text.
            None => error.to_string() == "error performing TLS handshake",
        };
        self.at += 1;
        is_about_encryption && self.at < target.attempts.len()
    }
}

/// An open connection of the blocking driver.
pub struct Connected {
    /// The connection.
    pub client: Client,
    /// Whether a pooler is between, which may give each transaction another session.
    pub is_pooled: bool,
    /// Parts of the address that have no effect, in prose.
    pub notes: Vec<String>,
}

/// Opens a connection of the blocking driver. `prepare` completes the configuration that was parsed
/// from the address.
///
/// # Errors
/// A code of `ablo::database`. The message never contains the address, which may hold a password.
pub fn connect(address: &str, prepare: impl Fn(&mut Config)) -> Result<Connected> {
    let target = Target::parse(address)?;
    let mut attempt = NextAttempt::default();
    let mut client = loop {
        let (config, tls) = attempt.of(&target);
        let mut config = Config::from(config);
        prepare(&mut config);
        let opened = match tls {
            None => config.connect(NoTls),
            Some(tls) => config.connect(tls),
        };
        match opened {
            Ok(client) => break client,
            Err(error) if attempt.advance(&target, &error) => {}
            Err(error) => return Err(connecting(&error)),
        }
    };
    let row = client.query_typed_one(PROBE, &[]).map_err(|error| connecting(&error))?;
    let is_pooled = target.is_pooled(&row).map_err(|error| connecting(&error))??;
    Ok(Connected { client, is_pooled, notes: target.notes })
}

/// Checks that a version is supported.
fn check_version(version: i32) -> Result<()> {
    if version >= MIN_VERSION {
        return Ok(());
    }
    Err(Finding::new(UNSUPPORTED, format!("the server is PostgreSQL {}", version / 10_000)).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::CERTIFICATE_FILE;

    fn refused(address: &str) -> crate::error::Error {
        connect(address, |_| ()).map(drop).expect_err("an error")
    }

    #[test]
    fn errors_do_not_repeat_the_address() {
        let error = refused("postgres://user:secret@host/db?nonsense=1");
        assert_eq!(error.0[0].code.name, "ablo::database::url");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn old_servers_are_rejected() {
        assert_eq!(check_version(140_000), Ok(()));
        let error = check_version(130_014).expect_err("too old");
        assert_eq!(error.to_string(), "the server is PostgreSQL 13 [ablo::database::unsupported]");
    }

    #[test]
    fn a_missing_certificate_is_an_error() {
        for parameters in [
            "sslmode=verify-full&sslrootcert=/nowhere.pem",
            "sslmode=require&sslrootcert=/nowhere.pem",
            "sslmode=require&sslcert=/nowhere.crt&sslkey=/nowhere.key",
        ] {
            let error = refused(&format!("postgres://h/d?{parameters}"));
            assert_eq!(error.0[0].code, CERTIFICATE_FILE, "{parameters}");
        }
    }

    #[test]
    fn each_mode_of_tls_has_its_attempts() {
        let attempts = |address: &str| {
            let target = Target::parse(address).expect("an address");
            target.attempts.iter().map(|attempt| attempt.tls.is_some()).collect::<Vec<_>>()
        };
        for (mode, encrypted) in [
            ("disable", vec![false]),
            ("allow", vec![false, true]),
            ("prefer", vec![true, false]),
            ("require", vec![true]),
            ("verify-ca", vec![true]),
            ("verify-full", vec![true]),
        ] {
            assert_eq!(attempts(&format!("host=h sslmode={mode}")), encrypted, "{mode}");
            assert_eq!(attempts(&format!("host=/tmp sslmode={mode}")), [false], "{mode}");
        }
        assert_eq!(refused("host=h sslmode=maybe").0[0].code, URL);
        assert_eq!(refused("host=/tmp sslmode=maybe").0[0].code, URL);
    }
}
