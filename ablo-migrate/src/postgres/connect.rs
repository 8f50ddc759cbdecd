//! Connects to a PostgreSQL server and checks its version.
//!
//! `sslmode` works as in libpq: `require` encrypts and accepts any certificate, `verify-full`
//! requires one that is signed by a public root, or by a root in `sslrootcert`.

use super::error::{connecting, describe};
use crate::codes::{CERTIFICATE_FILE, TLS_FAILED, UNSUPPORTED, URL, WRONG_KIND};
use crate::error::{Error, Finding, Result};
use postgres::{Client, Config, NoTls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio_postgres::{AsyncMessage, CancelToken};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The oldest supported version, as in `server_version_num`.
const MIN_VERSION: i32 = 140_000;

/// How the server's certificate is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    /// Not at all.
    Any,
    /// The certificate has to be valid for the host name. Its root is in this file, or is a public
    /// one.
    Verified(Option<String>),
}

/// Reads the messages of a connection, and drives it.
pub type Messages = Box<
    dyn FnMut(&mut Context<'_>) -> Poll<Option<std::result::Result<AsyncMessage, postgres::Error>>>
        + Send,
>;

/// A parsed address.
#[derive(Clone)]
pub struct Target {
    /// The configuration of the driver.
    pub config: tokio_postgres::Config,
    /// Missing if the address disables TLS.
    tls: Option<MakeRustlsConnect>,
}

impl Target {
    /// Parses an address.
    ///
    /// # Errors
    /// A code of `ablo::database`. The message never contains the address, which may hold a
    /// password.
    pub fn parse(address: &str) -> Result<Self> {
        if address.starts_with("sqlite:") {
            let text = "the address names a SQLite file; PostgreSQL is required here";
            return Err(Finding::new(WRONG_KIND, text).into());
        }
        let (address, trust) = split(address);
        let parsed = address.parse();
        let config: tokio_postgres::Config =
            parsed.map_err(|error: postgres::Error| Finding::new(URL, describe(&error)))?;
        let tls = match config.get_ssl_mode() {
            postgres::config::SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(tls(&trust)?)),
        };
        Ok(Self { config, tls })
    }

    /// Opens a connection. The client waits until its messages are read.
    ///
    /// # Errors
    /// Returns the error of the driver.
    pub async fn open(
        &self,
    ) -> std::result::Result<(tokio_postgres::Client, Messages), postgres::Error> {
        match self.tls.clone() {
            None => {
                let (client, mut connection) = self.config.connect(NoTls).await?;
                Ok((client, Box::new(move |cx| connection.poll_message(cx))))
            }
            Some(tls) => {
                let (client, mut connection) = self.config.connect(tls).await?;
                Ok((client, Box::new(move |cx| connection.poll_message(cx))))
            }
        }
    }

    /// Asks the server to cancel the statement that a connection runs.
    ///
    /// # Errors
    /// Returns the error of the driver.
    pub async fn cancel(&self, token: CancelToken) -> std::result::Result<(), postgres::Error> {
        match self.tls.clone() {
            None => token.cancel_query(NoTls).await,
            Some(tls) => token.cancel_query(tls).await,
        }
    }
}

/// Opens a connection of the blocking driver. `prepare` completes the configuration that was parsed
/// from the address.
///
/// # Errors
/// A code of `ablo::database`. The message never contains the address, which may hold a password.
pub fn connect(address: &str, prepare: impl FnOnce(&mut Config)) -> Result<Client> {
    let target = Target::parse(address)?;
    let mut config = Config::from(target.config);
    prepare(&mut config);
    let opened = match target.tls {
        None => config.connect(NoTls),
        Some(tls) => config.connect(tls),
    };
    let mut client = opened.map_err(|error| connecting(&error))?;
    let version: i32 = client
        .query_one(VERSION, &[])
        .and_then(|row| row.try_get(0))
        .map_err(|e| connecting(&e))?;
    check_version(version)?;
    Ok(client)
}

/// The query for the argument of [`check_version`].
pub const VERSION: &str = "SELECT current_setting('server_version_num')::int";

/// Checks that a version is supported.
///
/// # Errors
/// `ablo::database::unsupported` if it is too old.
pub fn check_version(version: i32) -> Result<()> {
    if version >= MIN_VERSION {
        return Ok(());
    }
    Err(Finding::new(UNSUPPORTED, format!("the server is PostgreSQL {}", version / 10_000)).into())
}

/// Removes the parameters from an address that the driver does not know.
fn split(address: &str) -> (String, Trust) {
    let mut verified = false;
    let mut roots = None;
    let mut keep = |part: &str| match part.split_once('=') {
        Some(("sslmode", "verify-full" | "verify-ca")) => {
            verified = true;
            false
        }
        Some(("sslrootcert", file)) => {
            roots = Some(file.to_owned());
            false
        }
        _ => true,
    };
    let (head, separator, tail) = match address.split_once('?') {
        Some((head, query)) if address.contains("://") => (format!("{head}?"), "&", query),
        None if address.contains("://") => (address.to_owned(), "&", ""),
        _ => (String::new(), " ", address),
    };
    let mut kept: Vec<&str> =
        tail.split(separator).filter(|part| !part.is_empty() && keep(part)).collect();
    if verified {
        kept.push("sslmode=require");
    }
    let address = format!("{head}{}", kept.join(separator));
    (address, if verified { Trust::Verified(roots) } else { Trust::Any })
}

fn tls(trust: &Trust) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Finding::new(TLS_FAILED, error.to_string()))?;
    Ok(match trust {
        Trust::Any => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Encrypted(provider)))
        }
        Trust::Verified(None) => builder.with_root_certificates(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        }),
        Trust::Verified(Some(file)) => builder.with_root_certificates(roots(file)?),
    }
    .with_no_client_auth())
}

fn roots(file: &str) -> Result<RootCertStore> {
    let failed = |reason: String| {
        Error::from(Finding::new(
            CERTIFICATE_FILE,
            format!("`sslrootcert` cannot be read: {reason}"),
        ))
    };
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() { Err(failed("it has no certificates".to_owned())) } else { Ok(roots) }
}

/// Accepts any certificate, as `sslmode=require` specifies.
#[derive(Debug)]
struct Encrypted(Arc<CryptoProvider>);

impl ServerCertVerifier for Encrypted {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parameters_are_removed() {
        let verified = |roots: Option<&str>| Trust::Verified(roots.map(str::to_owned));
        let check = |address: &str, kept: &str, trust: Trust| {
            assert_eq!(split(address), (kept.to_owned(), trust))
        };
        check("postgres://h/d", "postgres://h/d", Trust::Any);
        check("postgres://h/d?sslmode=require", "postgres://h/d?sslmode=require", Trust::Any);
        check(
            "postgres://h/d?connect_timeout=3&sslmode=verify-full&sslrootcert=ca.pem",
            "postgres://h/d?connect_timeout=3&sslmode=require",
            verified(Some("ca.pem")),
        );
        check(
            "host=h sslmode=verify-full dbname=d",
            "host=h dbname=d sslmode=require",
            verified(None),
        );
    }

    #[test]
    fn errors_do_not_repeat_the_address() {
        let error = connect("postgres://user:secret@host/db?nonsense=1", |_| ())
            .map(drop)
            .expect_err("an unknown parameter");
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
    fn a_missing_root_certificate_is_an_error() {
        let error = connect("postgres://h/d?sslmode=verify-full&sslrootcert=/nowhere.pem", |_| ())
            .map(drop);
        assert_eq!(error.expect_err("no file").0[0].code, CERTIFICATE_FILE);
    }
}
