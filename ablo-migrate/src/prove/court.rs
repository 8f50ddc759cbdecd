//! Where a proof is held: databases made for it, on a scratch server or on one that was named, and gone afterwards.

use crate::error::Result;
use crate::postgres::{Database, quoted};
use std::time::{SystemTime, UNIX_EPOCH};

/// The schema that the sessions are about.
const HOME: &str = super::HOME;

/// A server, and what was made there.
#[derive(Debug)]
pub struct Court {
    address: String,
    admin: Database,
    /// What every name begins with.
    name: String,
    databases: usize,
    has_role: bool,
    /// Ends when everything else is gone.
    #[cfg(unix)]
    _server: Option<crate::postgres::scratch::Server>,
}

impl Court {
    /// Holds it on a scratch server of this machine.
    ///
    /// # Errors
    /// `ablo::prove::no_server` and `ablo::prove::scratch_failed`.
    #[cfg(unix)]
    pub fn scratch() -> Result<Self> {
        let server = crate::postgres::scratch::Server::start()?;
        // A role that bypasses nothing, as migrations are run by.
        server.superuser()?.batch_execute("CREATE ROLE prover LOGIN CREATEDB CREATEROLE")?;
        let mut court = Self::at(&server.address("postgres", "prover"))?;
        court._server = Some(server);
        Ok(court)
    }

    /// There is no scratch server on this system.
    ///
    /// # Errors
    /// `ablo::prove::no_server`.
    #[cfg(not(unix))]
    pub fn scratch() -> Result<Self> {
        Err(crate::error::Finding::new(
            crate::codes::NO_SERVER,
            "scratch servers need unix sockets",
        )
        .into())
    }

    /// Holds it on a server whose role may make databases and roles.
    ///
    /// # Errors
    /// What connecting refuses.
    pub fn at(address: &str) -> Result<Self> {
        let admin = Database::connect(address, HOME)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let random = blake3::hash(format!("{now} {}", std::process::id()).as_bytes()).to_hex();
        let name = format!("ablo_prove_{}", random.get(..12).unwrap_or_default());
        let address = address.to_owned();
        Ok(Self {
            address,
            admin,
            name,
            databases: 0,
            has_role: false,
            #[cfg(unix)]
            _server: None,
        })
    }

    /// A new, empty database.
    ///
    /// # Errors
    /// `ablo::database::refused` where this role may make none.
    pub(super) fn database(&mut self) -> Result<Database> {
        let name = format!("{}_{}", self.name, self.databases);
        let sql = format!(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
            quoted(&name)
        );
        self.admin.client.batch_execute(&sql)?;
        self.databases += 1;
        Database::open(&self.address, Some(&name), HOME)
    }

    /// A role that owns nothing and bypasses nothing, which this one may take on.
    ///
    /// # Errors
    /// `ablo::database::refused` where this role may make none.
    pub(super) fn role(&mut self) -> Result<String> {
        if !self.has_role {
            let role = quoted(&self.name);
            self.admin.client.batch_execute(&format!("CREATE ROLE {role} NOLOGIN"))?;
            self.has_role = true;
            self.admin.client.batch_execute(&format!("GRANT {role} TO CURRENT_USER"))?;
        }
        Ok(self.name.clone())
    }
}

impl Drop for Court {
    fn drop(&mut self) {
        // Nobody is left to tell when the server is gone already.
        for at in 0..self.databases {
            let name = quoted(&format!("{}_{at}", self.name));
            let _ = self
                .admin
                .client
                .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
        if self.has_role {
            let _ = self.admin.client.batch_execute(&format!("DROP ROLE {}", quoted(&self.name)));
        }
    }
}
