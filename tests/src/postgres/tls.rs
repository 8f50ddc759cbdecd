//! A server with TLS on an address of this machine of its own.

use super::server::Server;
use ablo_migrate::postgres::scratch::unprivileged;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

/// The access rules: one database for each, by its name.
const ACCESS: &str = "local all all trust\nhostssl encrypted all 127.0.0.1/32 trust\n\
    hostnossl plain all 127.0.0.1/32 trust\nhost either all 127.0.0.1/32 trust\n\
    hostssl certified all 127.0.0.1/32 trust clientcert=verify-ca\n";

/// A running server. It accepts connections to the database `encrypted` only with TLS, to `plain`
/// only without, to `either` with and without, and to `certified` only with a client's certificate.
#[derive(Debug)]
pub struct TlsServer {
    _server: Server,
    ip: String,
}

/// Returns the path of a file in `fixtures/tls`.
#[must_use]
pub fn tls_file(name: &str) -> String {
    format!("{}/../fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

impl TlsServer {
    /// Starts a server with this certificate of `fixtures/tls`.
    ///
    /// # Panics
    /// Panics if PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start(certificate: &str) -> Self {
        // Every process has other numbers below 2^22.
        let id = std::process::id();
        let last = if certificate == "server.crt" { 1 } else { 2 };
        let ip = format!(
            "127.{}.{}.{}",
            1 + (id >> 14) % 250,
            (id >> 7) & 127,
            (id & 127) * 2 % 250 + last
        );
        let server = Server::start_with(|home| {
            for (from, to) in
                [(certificate, "server.crt"), ("server.key", "server.key"), ("ca.crt", "ca.crt")]
            {
                own_copy(Path::new(&tls_file(from)), &home.join(to));
            }
            std::fs::write(home.join("access"), ACCESS).expect("a file");
            let home = home.display();
            format!(
                "-c listen_addresses={ip} -c ssl=on -c ssl_cert_file={home}/server.crt \
                 -c ssl_key_file={home}/server.key -c ssl_ca_file={home}/ca.crt \
                 -c hba_file={home}/access"
            )
        });
        let admin = server.config("postgres", "postgres").connect(postgres::NoTls);
        let mut admin = admin.expect("a connection");
        for name in ["encrypted", "plain", "either", "certified"] {
            admin.batch_execute(&format!("CREATE DATABASE {name}")).expect("a database");
        }
        Self { _server: server, ip }
    }

    /// Returns the address of a database, with further parameters.
    #[must_use]
    pub fn address(&self, database: &str, parameters: &str) -> String {
        format!("host=localhost hostaddr={} dbname={database} user=postgres {parameters}", self.ip)
    }
}

/// Copies a file for the user of the server alone.
fn own_copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).expect("a copy");
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    if let Some((uid, gid)) = unprivileged() {
        chown(to, Some(uid), Some(gid)).expect("the owner can be changed");
    }
}
