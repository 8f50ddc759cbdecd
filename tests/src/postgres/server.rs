//! A throw-away PostgreSQL server.
//!
//! It listens on a unix socket in a folder of its own and goes away with the process that asked for it, however that
//! ends. Where no PostgreSQL is installed the tests fail and say how to get one.

use ablo_migrate::postgres::scratch::{installed, unprivileged};
use postgres::{Client, Config, NoTls};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) const HOW_TO_GET_ONE: &str = "these tests need PostgreSQL 14 or later on this machine: `apt-get install postgresql`, \
    `dnf install postgresql-server` or `brew install postgresql`; its `initdb` is looked for on the PATH and in the usual folders";

/// What runs the server and cleans up after it: its standard input ends when the test process does.
const GUARDIAN: &str = r#"
    "$BIN/initdb" -D "$HOME/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$HOME/log" 2>&1 || exit 1
    "$BIN/postgres" -D "$HOME/data" -k "$HOME" -c listen_addresses= -c fsync=off -c autovacuum=off >>"$HOME/log" 2>&1 &
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
    guardian: Child,
}

static SHARED: LazyLock<Server> = LazyLock::new(Server::start);
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// The server that all tests of this process share.
    #[must_use]
    pub fn shared() -> &'static Server {
        &SHARED
    }

    /// Starts a server.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        let Some(bin) = installed() else { panic!("{HOW_TO_GET_ONE}") };
        let home = tempfile::Builder::new()
            .prefix("ablo-pg-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let mut command = Command::new("sh");
        command.args(["-c", GUARDIAN]).env("BIN", &bin).env("HOME", &home).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((uid, gid)) = unprivileged() {
            chown(&home, Some(uid), Some(gid)).expect("to give the folder away");
            command.uid(uid).gid(gid);
        }
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755))
            .expect("to open the folder");
        let guardian = command.spawn().expect("a shell");
        let server = Self { home, guardian };
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

    /// A new, empty database owned by a role that is no superuser.
    ///
    /// # Panics
    /// When the server refuses.
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

    fn config(&self, database: &str, user: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.home).dbname(database).user(user);
        config
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
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
    /// A session of the database's owner, who is no superuser.
    #[must_use]
    pub fn session(&self) -> Session {
        self.session_of(&self.owner)
    }

    /// A session of the superuser.
    #[must_use]
    pub fn admin(&self) -> Session {
        self.session_of("postgres")
    }

    /// A session of any role.
    ///
    /// # Panics
    /// When the role may not connect.
    #[must_use]
    pub fn session_of(&self, role: &str) -> Session {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&notices);
        let mut config = self.server.config(&self.name, role);
        config.notice_callback(move |notice| {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(notice.message().to_owned());
        });
        Session { client: config.connect(NoTls).expect("a connection"), notices }
    }

    /// Runs a file with psql as the owner, on a machine whose encoding is not the file's, and gives what it printed;
    /// stops at the first error.
    ///
    /// # Errors
    /// What psql said, when it failed.
    ///
    /// # Panics
    /// When there is no psql.
    pub fn psql(&self, file: &Path) -> Result<String, String> {
        let mut command = Command::new(installed().expect("PostgreSQL runs").join("psql"));
        command
            .env("PGCLIENTENCODING", "LATIN1")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(&self.server.home);
        let run = command
            .args(["-d", &self.name, "-U", &self.owner, "-f"])
            .arg(file)
            .output()
            .expect("psql");
        let said = String::from_utf8_lossy(&run.stdout).into_owned()
            + &String::from_utf8_lossy(&run.stderr);
        if run.status.success() { Ok(said) } else { Err(said) }
    }

    /// Its address, for the database's owner.
    #[must_use]
    pub fn address(&self) -> String {
        format!("host={} dbname={} user={}", self.server.home.display(), self.name, self.owner)
    }

    /// The role that owns the database.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }
}

/// One session, and what the server told it on the side.
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
    /// The driver's connection.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs statements.
    ///
    /// # Errors
    /// What the server said, with its SQLSTATE.
    pub fn run(&mut self, sql: &str) -> Result<(), String> {
        self.client.batch_execute(sql).map_err(|error| describe(&error))
    }

    /// Inserts one row of texts.
    ///
    /// # Errors
    /// What the server said, with its SQLSTATE.
    pub fn insert(&mut self, table: &str, row: &[(&str, &str)]) -> Result<(), String> {
        let columns: Vec<_> = row.iter().map(|(column, _)| *column).collect();
        let places: Vec<_> = (1..=row.len()).map(|at| format!("${at}")).collect();
        let sql =
            format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", "));
        let values: Vec<&(dyn postgres::types::ToSql + Sync)> =
            row.iter().map(|(_, value)| value as _).collect();
        self.client.execute(&sql, &values).map(drop).map_err(|error| describe(&error))
    }

    /// The first column of every row as text.
    ///
    /// # Panics
    /// When the server refuses the query.
    #[must_use]
    pub fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = self
            .client
            .query(sql, &[])
            .unwrap_or_else(|error| panic!("{}\n{sql}", describe(&error)));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Notices and warnings since the last call.
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
