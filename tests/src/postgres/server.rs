//! A temporary PostgreSQL server.
//!
//! It listens on a Unix socket in its own folder and is removed when the test process ends, even if
//! it is killed. Tests fail with a hint if PostgreSQL is not installed.

use ablo_migrate::postgres::scratch::{installed, unprivileged};
use postgres::{Client, Config, NoTls};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) const INSTALL_HINT: &str = "these tests need PostgreSQL 14 or later: \
    `apt-get install postgresql`, `dnf install postgresql-server` or `brew install postgresql`; \
    `initdb` is searched on the PATH and in the usual folders";

/// A shell script that runs the server and cleans up when the test process closes its standard
/// input.
const SUPERVISOR: &str = r#"
    "$BIN/initdb" -D "$HOME/data" -U postgres -A trust -E UTF8 --no-locale --no-sync \
        >"$HOME/log" 2>&1 || exit 1
    "$BIN/postgres" -D "$HOME/data" -k "$HOME" -c listen_addresses= -c fsync=off -c autovacuum=off \
        $OPTIONS >>"$HOME/log" 2>&1 &
    server=$!
    cat >/dev/null
    kill -QUIT $server
    wait $server
    rm -rf "$HOME"
"#;

/// A running server.
#[derive(Debug)]
pub struct Server {
    home: PathBuf,
    supervisor: Child,
}

static SHARED: LazyLock<Server> = LazyLock::new(Server::start);
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// Returns the server that all tests of this process share.
    #[must_use]
    pub fn shared() -> &'static Server {
        &SHARED
    }

    /// Starts a server.
    ///
    /// # Panics
    /// Panics if PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(|_| String::new())
    }

    /// Starts a server with the options that are returned for its folder.
    ///
    /// # Panics
    /// Panics if PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start_with(options: impl FnOnce(&Path) -> String) -> Self {
        let Some(bin) = installed() else { panic!("{INSTALL_HINT}") };
        let home = tempfile::Builder::new()
            .prefix("ablo-pg-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR]).env("BIN", &bin).env("HOME", &home).current_dir("/");
        command.env("OPTIONS", options(&home));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((uid, gid)) = unprivileged() {
            chown(&home, Some(uid), Some(gid)).expect("the owner can be changed");
            command.uid(uid).gid(gid);
        }
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755))
            .expect("permissions can be changed");
        let supervisor = command.spawn().expect("a shell");
        let server = Self { home, supervisor };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.config("postgres", "postgres").connect(NoTls).is_err() {
            let log = || std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL did not start:\n{}", log());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Creates an empty database owned by a role that is not a superuser.
    ///
    /// # Panics
    /// Panics if a statement fails.
    #[must_use]
    pub fn database(&self) -> Database<'_> {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let (name, owner) = (format!("test_{number}"), format!("owner_{number}"));
        let mut admin = self.config("postgres", "postgres").connect(NoTls).expect("a connection");
        admin.batch_execute(&format!("CREATE ROLE {owner} LOGIN")).expect("a role");
        admin.batch_execute(&format!("CREATE DATABASE {name} OWNER {owner}")).expect("a database");
        let database = Database { server: self, name, owner };
        // Before PostgreSQL 15 the schema belongs to the superuser.
        database
            .admin()
            .run(&format!("ALTER SCHEMA public OWNER TO {}", database.owner))
            .expect("the schema");
        database
    }

    /// Returns the configuration of a connection by the server's socket.
    #[must_use]
    pub fn config(&self, database: &str, user: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.home).dbname(database).user(user);
        config
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

/// A database of one test.
#[derive(Clone, Debug)]
pub struct Database<'s> {
    server: &'s Server,
    name: String,
    owner: String,
}

impl Database<'_> {
    /// Opens a session of the database's owner, who is not a superuser.
    #[must_use]
    pub fn session(&self) -> Session {
        self.session_of(&self.owner)
    }

    /// Opens a session of the superuser.
    #[must_use]
    pub fn admin(&self) -> Session {
        self.session_of("postgres")
    }

    /// Opens a session of any role.
    ///
    /// # Panics
    /// Panics if the role cannot connect.
    #[must_use]
    pub fn session_of(&self, role: &str) -> Session {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&notices);
        let mut config = self.server.config(&self.name, role);
        config.notice_callback(move |notice| {
            received
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(notice.message().to_owned());
        });
        Session { client: config.connect(NoTls).expect("a connection"), notices }
    }

    /// Runs a file with psql as the owner, with a different client encoding than the file's. Stops
    /// at the first error. Returns the output.
    ///
    /// # Errors
    /// Returns the output if psql fails.
    ///
    /// # Panics
    /// Panics if psql is not installed.
    pub fn psql(&self, file: &Path) -> Result<String, String> {
        // The packages of other versions have no psql, which works with any of them.
        let own = installed().expect("PostgreSQL is installed").join("psql");
        let mut command = Command::new(if own.is_file() { own } else { "psql".into() });
        command
            .env("PGCLIENTENCODING", "LATIN1")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(&self.server.home);
        let run = command
            .args(["-d", &self.name, "-U", &self.owner, "-f"])
            .arg(file)
            .output()
            .expect("psql");
        let output = String::from_utf8_lossy(&run.stdout).into_owned()
            + &String::from_utf8_lossy(&run.stderr);
        if run.status.success() { Ok(output) } else { Err(output) }
    }

    /// Returns its address for the database's owner.
    #[must_use]
    pub fn address(&self) -> String {
        format!("host={} dbname={} user={}", self.server.home.display(), self.name, self.owner)
    }

    /// Returns the folder of the server.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.server.home
    }

    /// Returns the name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the path of the server's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.server.home.join(".s.PGSQL.5432")
    }

    /// Returns its address for the database's owner, by a port that forwards to the socket.
    #[must_use]
    pub fn address_by(&self, port: u16) -> String {
        format!(
            "host=127.0.0.1 port={port} dbname={} user={} sslmode=disable",
            self.name, self.owner
        )
    }

    /// Returns the role that owns the database.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }
}

/// One session with the notices of the server.
pub struct Session {
    client: Client,
    notices: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("notices", &self.notices).finish_non_exhaustive()
    }
}

impl Session {
    /// Returns the driver's connection.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs statements.
    ///
    /// # Errors
    /// Returns the server's message with its SQLSTATE.
    pub fn run(&mut self, sql: &str) -> Result<(), String> {
        self.client.batch_execute(sql).map_err(|error| describe(&error))
    }

    /// Inserts one row of text values.
    ///
    /// # Errors
    /// Returns the server's message with its SQLSTATE.
    pub fn insert(&mut self, table: &str, row: &[(&str, &str)]) -> Result<(), String> {
        let columns: Vec<_> = row.iter().map(|(column, _)| *column).collect();
        let parameters: Vec<_> = (1..=row.len()).map(|at| format!("${at}")).collect();
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES ({})",
            columns.join(", "),
            parameters.join(", ")
        );
        let values: Vec<&(dyn postgres::types::ToSql + Sync)> =
            row.iter().map(|(_, value)| value as _).collect();
        self.client.execute(&sql, &values).map(drop).map_err(|error| describe(&error))
    }

    /// Returns the first column of every row as text.
    ///
    /// # Panics
    /// Panics if the query fails.
    #[must_use]
    pub fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = self
            .client
            .query(sql, &[])
            .unwrap_or_else(|error| panic!("{}\n{sql}", describe(&error)));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Returns the notices and warnings since the last call.
    #[must_use]
    pub fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn describe(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |error| format!("{} {}", error.code().code(), error.message()),
    )
}
