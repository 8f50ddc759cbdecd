//! A session with a PostgreSQL server: an address comes in, an open and checked connection goes out.
//!
//! `sslmode` means what it means to libpq: `require` encrypts and believes any certificate, `verify-full` asks for a valid
//! one, of the roots that browsers trust or of those in `sslrootcert`.

use crate::codes::{UNREACHABLE, UNSUPPORTED, URL};
use crate::error::{Error, Finding, Result};
use postgres::{Client, Config, NoTls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The oldest version that is known to do what migrations need, as the server numbers it.
const OLDEST: i32 = 140_000;

/// How the server has to show who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    /// Not at all: the address does not ask for it.
    Any,
    /// With a certificate for its name, of these roots or else of those that browsers trust.
    Verified(Option<String>),
}

/// Opens a session; `prepare` sets what the address left open. What goes wrong is said without the address, which may hold
/// a password.
///
/// # Errors
/// `ablo::database::url`, `ablo::database::unreachable` and `ablo::database::unsupported`.
pub fn connect(address: &str, prepare: impl FnOnce(&mut Config)) -> Result<Client> {
    if address.starts_with("sqlite:") {
        return Err(Finding::new(
            URL,
            "the address names a file of SQLite, and only PostgreSQL is read here",
        )
        .into());
    }
    let (address, trust) = split(address);
    let mut config: Config =
        address.parse().map_err(|error: postgres::Error| Finding::new(URL, words(&error)))?;
    prepare(&mut config);
    let opened = match config.get_ssl_mode() {
        postgres::config::SslMode::Disable => config.connect(NoTls),
        _ => config.connect(MakeRustlsConnect::new(tls(&trust)?)),
    };
    let mut client = opened.map_err(|error| Finding::new(UNREACHABLE, words(&error)))?;
    let version: i32 = client
        .query_one("SELECT current_setting('server_version_num')::int", &[])
        .and_then(|row| row.try_get(0))
        .map_err(|error| Finding::new(UNREACHABLE, words(&error)))?;
    supported(version)?;
    Ok(client)
}

/// Whether a server of this version will do.
fn supported(version: i32) -> Result<()> {
    if version >= OLDEST {
        return Ok(());
    }
    Err(Finding::new(UNSUPPORTED, format!("the server is PostgreSQL {}", version / 10_000)).into())
}

/// An error and why, on one line.
fn words(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(because) = cause {
        let because_text = because.to_string();
        if !text.contains(&because_text) {
            text = format!("{text}: {because_text}");
        }
        cause = because.source();
    }
    text
}

/// Takes out of an address what the driver does not know.
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
    let builder = builder.map_err(|error| Finding::new(UNREACHABLE, error.to_string()))?;
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
    let refused = |reason: String| {
        Error::from(Finding::new(URL, format!("`sslrootcert` cannot be read: {reason}")))
    };
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(file).map_err(|error| refused(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() { Err(refused("it has no certificate".to_owned())) } else { Ok(roots) }
}

/// Encryption without asking who the server is, which is what `sslmode=require` says.
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
    fn what_the_driver_does_not_know_is_taken_out() {
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
    fn an_address_that_is_none_is_not_repeated() {
        let error = connect("postgres://user:secret@host/db?nonsense=1", |_| ())
            .map(drop)
            .expect_err("no such parameter");
        assert_eq!(error.0[0].code.name, "ablo::database::url");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn a_server_is_new_enough() {
        assert_eq!(supported(140_000), Ok(()));
        let error = supported(130_014).expect_err("it is too old");
        assert_eq!(error.to_string(), "the server is PostgreSQL 13 [ablo::database::unsupported]");
    }

    #[test]
    fn a_file_of_roots_has_to_be_one() {
        let error = connect("postgres://h/d?sslmode=verify-full&sslrootcert=/nowhere.pem", |_| ())
            .map(drop);
        assert_eq!(error.expect_err("no file").0[0].code, URL);
    }
}
