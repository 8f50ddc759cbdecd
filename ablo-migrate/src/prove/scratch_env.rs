//! Scratch databases and roles for `prove`, on a local scratch server or on a given server.

use super::SCHEMA;
use crate::error::Result;
use crate::postgres::{Database, quoted};
use std::time::{SystemTime, UNIX_EPOCH};

/// A server on which scratch databases and a role are created. Dropping it drops them.
#[derive(Debug)]
pub struct ScratchEnv {
    address: String,
    admin: Database,
    /// The prefix of the names of all databases and of the role.
    prefix: String,
    databases: usize,
    has_role: bool,
    /// Stopped after the scratch databases are dropped.
    #[cfg(unix)]
    _server: Option<crate::postgres::scratch::Server>,
}

impl ScratchEnv {
    /// Starts a scratch server on this machine.
    ///
    /// # Errors
    /// `ablo::prove::no_server` or `ablo::prove::scratch_failed`.
    #[cfg(unix)]
    pub fn local() -> Result<Self> {
        let server = crate::postgres::scratch::Server::start()?;
        // No superuser, so that row security applies as in a real migration.
        server.superuser()?.batch_execute("CREATE ROLE prover LOGIN CREATEDB CREATEROLE")?;
        let mut env = Self::on_server(&server.address("postgres", "prover"))?;
        env._server = Some(server);
        Ok(env)
    }

    /// Returns an error, because scratch servers need Unix sockets.
    ///
    /// # Errors
    /// `ablo::prove::no_server`.
    #[cfg(not(unix))]
    pub fn local() -> Result<Self> {
        let finding = crate::error::Finding::new(
            crate::codes::NO_SERVER,
            "scratch servers need Unix sockets, which this system does not have",
        );
        Err(finding.help("pass the address of a server as `--database-url`").into())
    }

    /// Uses a server on which the role of `address` may create databases and roles.
    ///
    /// # Errors
    /// The errors of [`Database::connect`].
    pub fn on_server(address: &str) -> Result<Self> {
        let admin = Database::connect(address, SCHEMA)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let random = blake3::hash(format!("{now} {}", std::process::id()).as_bytes()).to_hex();
        let prefix = format!("ablo_prove_{}", random.get(..12).unwrap_or_default());
        let address = address.to_owned();
        Ok(Self {
            address,
            admin,
            prefix,
            databases: 0,
            has_role: false,
            #[cfg(unix)]
            _server: None,
        })
    }

    /// Creates an empty database.
    ///
    /// # Errors
    /// `ablo::database::insufficient_privilege` if this role may not create databases.
    pub(super) fn database(&mut self) -> Result<Database> {
        let name = format!("{}_{}", self.prefix, self.databases);
        let sql = format!(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
            quoted(&name)
        );
        self.admin.client.batch_execute(&sql)?;
        self.databases += 1;
        Database::open(&self.address, Some(&name), SCHEMA)
    }

    /// Creates a role without privileges, which this role may assume with `SET ROLE`.
    ///
    /// # Errors
    /// `ablo::database::insufficient_privilege` if this role may not create roles.
    pub(super) fn role(&mut self) -> Result<String> {
        if !self.has_role {
            let role = quoted(&self.prefix);
            self.admin.client.batch_execute(&format!("CREATE ROLE {role} NOLOGIN"))?;
            self.has_role = true;
            self.admin.client.batch_execute(&format!("GRANT {role} TO CURRENT_USER"))?;
        }
        Ok(self.prefix.clone())
    }
}

impl Drop for ScratchEnv {
    fn drop(&mut self) {
        // `drop` cannot report errors, such as a lost connection.
        for at in 0..self.databases {
            let name = quoted(&format!("{}_{at}", self.prefix));
            let _ = self
                .admin
                .client
                .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
        if self.has_role {
            let _ = self.admin.client.batch_execute(&format!("DROP ROLE {}", quoted(&self.prefix)));
        }
    }
}
