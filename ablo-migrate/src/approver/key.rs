//! The key pair of an approver. The private key is a PKCS #8 file that only its owner can read; it
//! is neither printed nor logged.

use crate::codes;
use crate::error::{Error, Finding, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The number of characters in a line of the file.
const LINE: usize = 64;

/// The number of bytes of a public key.
const PUBLIC_KEY_BYTES: usize = 32;

/// An approver's private key (ed25519).
pub struct ApproverKey(Ed25519KeyPair);

impl std::fmt::Debug for ApproverKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ApproverKey").field(&self.public()).finish()
    }
}

impl ApproverKey {
    /// Creates a key and writes it to a new file that only its owner can read.
    ///
    /// # Errors
    /// `ablo::approver::key_file`, also if the file exists.
    ///
    /// ```
    /// # #[cfg(any(feature = "postgres", feature = "sqlite"))] {
    /// use ablo_migrate::ApproverKey;
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let path = folder.path().join("ada.key");
    /// let key = ApproverKey::create(&path).unwrap();
    /// assert_eq!(ApproverKey::read(&path).unwrap().public(), key.public());
    /// # }
    /// ```
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |message: String| at(path, &message);
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| failed("the system gives no random numbers".to_owned()))?;
        let key = Ed25519KeyPair::from_pkcs8(document.as_ref())
            .map_err(|error| failed(error.to_string()))?;
        let text = STANDARD.encode(document.as_ref());
        let mut file = create_private(path).map_err(|error| failed(error.to_string()))?;
        let write = |file: &mut File| -> io::Result<()> {
            writeln!(file, "{BEGIN}")?;
            for line in text.as_bytes().chunks(LINE) {
                file.write_all(line)?;
                writeln!(file)?;
            }
            writeln!(file, "{END}")?;
            file.sync_all()
        };
        write(&mut file).map_err(|error| failed(error.to_string()))?;
        Ok(Self(key))
    }

    /// Reads a key from a file: PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` writes it,
    /// too.
    ///
    /// # Errors
    /// `ablo::approver::key_file`, also if other users can read the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| at(path, &error.to_string()))?;
        if is_exposed(path).map_err(|error| at(path, &error.to_string()))? {
            let message = at(path, "other users can read the private key");
            return Err(with_help(message, "run `chmod 600` on it, or create another key"));
        }
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let is_key = text.trim_start().starts_with(BEGIN);
        let key = STANDARD
            .decode(body)
            .ok()
            .filter(|_| is_key)
            .and_then(|bytes| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes).ok());
        key.map(Self).ok_or_else(|| at(path, "the file is not an ed25519 private key"))
    }

    /// Returns the public key, as base64.
    #[must_use]
    pub fn public(&self) -> String {
        STANDARD.encode(self.0.public_key())
    }

    /// Signs a text.
    pub(super) fn sign(&self, text: &str) -> String {
        STANDARD.encode(self.0.sign(text.as_bytes()))
    }
}

/// Reports whether a text is a public key.
pub(super) fn is_public_key(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == PUBLIC_KEY_BYTES)
}

/// Reports whether a signature of a text was made with the private key of `public`.
pub(super) fn is_signed(text: &str, public: &str, signature: &str) -> bool {
    let (Ok(public), Ok(signature)) = (STANDARD.decode(public), STANDARD.decode(signature)) else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, public).verify(text.as_bytes(), &signature).is_ok()
}

fn at(path: &Path, message: &str) -> Error {
    Finding::new(codes::APPROVER_KEY_FILE, format!("`{}`: {message}", path.display())).into()
}

fn with_help(error: Error, help: &str) -> Error {
    Error(error.0.into_iter().map(|finding| finding.help(help)).collect())
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Files of other systems have no such mode.
#[cfg(not(unix))]
fn is_exposed(_: &Path) -> io::Result<bool> {
    Ok(false)
}
