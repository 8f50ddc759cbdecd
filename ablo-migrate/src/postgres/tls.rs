//! TLS as libpq does it: whether a connection is encrypted, and how certificates are verified.
//!
//! `require` accepts any certificate, `verify-ca` one that a root signed, `verify-full` also checks
//! the name of the host. A certificate that is itself in `sslrootcert` is accepted as its own root.

use super::address::Resolved;
use crate::codes::{CERTIFICATE_FILE, TLS_FAILED, URL};
use crate::error::{Error, Finding, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::Extension;

const ID_CE_SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// One way to connect.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) mode: SslMode,
    pub(super) tls: Option<MakeRustlsConnect>,
}

/// Returns the ways to connect, in the order in which they are tried.
pub(super) fn attempts(address: &Resolved) -> Result<Vec<Attempt>> {
    let plain = || Attempt { mode: SslMode::Disable, tls: None };
    let mode = address.get("sslmode").unwrap_or("prefer");
    let root = address.get("sslrootcert");
    if root == Some("system") && address.get("sslmode").is_some_and(|mode| mode != "verify-full") {
        let message = "`sslrootcert=system` needs `sslmode=verify-full`";
        return Err(Finding::new(URL, message).into());
    }
    let mode = if root == Some("system") { "verify-full" } else { mode };
    if address.is_local() && MODES.contains(&mode) {
        return Ok(vec![plain()]);
    }
    let encrypted = |mode, trust| -> Result<Attempt> {
        let tls = Some(MakeRustlsConnect::new(config(address, trust)?));
        Ok(Attempt { mode, tls })
    };
    Ok(match mode {
        "disable" => vec![plain()],
        "allow" => vec![plain(), encrypted(SslMode::Require, Trust::Any)?],
        "prefer" => vec![encrypted(SslMode::Prefer, Trust::Any)?, plain()],
        // As in libpq, a file of roots makes it stricter.
        "require" if roots_file(address).is_some() => {
            vec![encrypted(SslMode::Require, Trust::Chain)?]
        }
        "require" => vec![encrypted(SslMode::Require, Trust::Any)?],
        "verify-ca" => vec![encrypted(SslMode::Require, Trust::Chain)?],
        "verify-full" => vec![encrypted(SslMode::Require, Trust::ChainAndName)?],
        _ => {
            let message = format!("`sslmode` is none of {}", MODES.join(", "));
            return Err(Finding::new(URL, message).into());
        }
    })
}

const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// The extent to which the server's certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Any,
    Chain,
    ChainAndName,
}

/// Returns the file of roots, if there is one. Without a file, the public roots are used.
fn roots_file(address: &Resolved) -> Option<PathBuf> {
    match address.get("sslrootcert") {
        Some("system") => None,
        Some(file) => Some(PathBuf::from(file)),
        None => address.default_file("root.crt"),
    }
}

fn config(address: &Resolved, trust: Trust) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions();
    let failed = |error: rustls::Error| Error::from(Finding::new(TLS_FAILED, error.to_string()));
    let mut certificates = Vec::new();
    let mut roots = RootCertStore::empty();
    match roots_file(address).filter(|_| trust != Trust::Any) {
        Some(file) => {
            certificates = read_certificates("sslrootcert", &file)?;
            for certificate in &certificates {
                let added = roots.add(certificate.clone());
                added.map_err(|error| unreadable("sslrootcert", &file, &error))?;
            }
        }
        None => roots.roots = webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
    let verifier = Verifier { provider, trust, roots, certificates };
    let builder =
        builder.map_err(failed)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let own = |name: &str, default: &str| {
        address.get(name).map(PathBuf::from).or_else(|| address.default_file(default))
    };
    let Some(certificate) = own("sslcert", "postgresql.crt") else {
        return Ok(builder.with_no_client_auth());
    };
    let Some(key) = own("sslkey", "postgresql.key") else {
        let message = "`sslcert` is set, and `sslkey` is not";
        return Err(Finding::new(CERTIFICATE_FILE, message).into());
    };
    let chain = read_certificates("sslcert", &certificate)?;
    let read = PrivateKeyDer::from_pem_file(&key);
    let private = read.map_err(|error| unreadable("sslkey", &key, &error))?;
    builder.with_client_auth_cert(chain, private).map_err(failed)
}

fn unreadable(parameter: &str, file: &Path, reason: &dyn std::fmt::Display) -> Error {
    let message = format!("`{parameter}` ({}) cannot be used: {reason}", file.display());
    Finding::new(CERTIFICATE_FILE, message).into()
}

fn read_certificates(parameter: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let failed = |error: rustls::pki_types::pem::Error| unreadable(parameter, file, &error);
    let read = CertificateDer::pem_file_iter(file).map_err(failed)?;
    let certificates = read.collect::<std::result::Result<Vec<_>, _>>().map_err(failed)?;
    match certificates.is_empty() {
        true => Err(unreadable(parameter, file, &"it has no certificates")),
        false => Ok(certificates),
    }
}

/// Reports whether a certificate without alternative names has the name of the host as its common
/// name. PostgreSQL's manual makes such certificates.
fn is_common_name(certificate: &CertificateDer<'_>, host: &ServerName<'_>) -> bool {
    let Ok(Certificate { tbs_certificate, .. }) = Certificate::from_der(certificate) else {
        return false;
    };
    let host = host.to_str();
    let has_alternatives = |extension: &Extension| extension.extn_id == ID_CE_SUBJECT_ALT_NAME;
    let mut names = tbs_certificate.subject.0.iter().flat_map(|name| name.0.iter());
    !tbs_certificate.extensions.iter().flatten().any(has_alternatives)
        && names.any(|name| {
            name.oid == COMMON_NAME && name.value.value().eq_ignore_ascii_case(host.as_bytes())
        })
}

/// Verifies certificates of servers.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    trust: Trust,
    roots: RootCertStore,
    /// The certificates of the file of roots, one of which may be the server's own.
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        if self.trust == Trust::Any {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(server)?;
        if !self.certificates.iter().any(|known| known == server) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let (roots, chain) = (&self.roots, intermediates);
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, chain, now, algorithms)?;
        }
        if self.trust == Trust::ChainAndName && !is_common_name(server, name) {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
