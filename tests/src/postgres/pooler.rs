//! PgBouncer in transaction mode in front of a server, with one session that all clients share.

use super::server::Database;
use ablo_migrate::postgres::scratch::unprivileged;
use postgres::{Client, Config, NoTls};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const INSTALL_HINT: &str = "these tests need PgBouncer: `cargo xtask test` installs it, and \
    `apt-get install pgbouncer`";

/// A running pooler, which ends with this value.
#[derive(Debug)]
pub struct Pooler {
    home: TempDir,
    process: Child,
    database: String,
    user: String,
}

impl Pooler {
    /// Starts a pooler for the owner of a database.
    ///
    /// # Panics
    /// Panics if PgBouncer is not installed or does not start.
    #[must_use]
    pub fn start(database: &Database<'_>) -> Self {
        let home = tempfile::Builder::new().prefix("ablo-pgb-").tempdir().expect("a folder");
        let path = home.path().display().to_string();
        let server = database.home().display();
        let settings = format!(
            "[databases]\n* = host={server} port=5432\n[pgbouncer]\nlisten_addr =\n\
             unix_socket_dir = {path}\nauth_type = trust\nauth_file = {path}/users\n\
             pool_mode = transaction\ndefault_pool_size = 1\n\
             ignore_startup_parameters = extra_float_digits\nlogfile = {path}/log\n"
        );
        std::fs::write(home.path().join("settings"), settings).expect("a file");
        let users = format!("\"{}\" \"\"\n", database.owner());
        std::fs::write(home.path().join("users"), users).expect("a file");
        let debian = "/usr/sbin/pgbouncer";
        let program = if std::path::Path::new(debian).exists() { debian } else { "pgbouncer" };
        let mut command = Command::new(program);
        command.arg(home.path().join("settings")).current_dir("/").stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // It does not run as root.
        if let Some((uid, gid)) = unprivileged() {
            chown(home.path(), Some(uid), Some(gid)).expect("the owner can be changed");
            command.uid(uid).gid(gid);
        }
        let permissions = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home.path(), permissions).expect("permissions can be changed");
        let process = command.spawn().unwrap_or_else(|error| panic!("{INSTALL_HINT}: {error}"));
        let (name, owner) = (database.name().to_owned(), database.owner().to_owned());
        let pooler = Self { home, process, database: name, user: owner };
        let deadline = Instant::now() + Duration::from_secs(30);
        while pooler.try_connect().is_err() {
            let log = std::fs::read_to_string(pooler.home.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PgBouncer did not start:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        pooler
    }

    /// Returns the address of the database behind the pooler.
    #[must_use]
    pub fn address(&self) -> String {
        let home = self.home.path().display();
        format!("host={home} port=6432 dbname={} user={}", self.database, self.user)
    }

    /// Opens the connection of an application.
    ///
    /// # Panics
    /// Panics if the pooler ended.
    #[must_use]
    pub fn client(&self) -> Client {
        self.try_connect().expect("a connection")
    }

    /// Runs a script of pgbench on four connections, until it has run this often on each, with a
    /// protocol of pgbench: `simple` or `extended`. Returns what it prints.
    ///
    /// # Panics
    /// Panics if pgbench is not installed, or if one of its transactions fails.
    #[must_use]
    pub fn bench(&self, script: &str, times: u32, protocol: &str) -> String {
        let file = self.home.path().join(format!("{protocol}.sql"));
        std::fs::write(&file, script).expect("a file");
        let mut bench = Command::new("pgbench");
        bench.args(["-n", "-p", "6432", "-c", "4", "-j", "2", "-M", protocol, "-t"]);
        bench.arg(times.to_string()).arg("-h").arg(self.home.path()).arg("-f").arg(&file);
        let ran = bench.args(["-U", &self.user, &self.database]).output();
        let ran = ran.unwrap_or_else(|error| panic!("these tests need pgbench: {error}"));
        let output = [ran.stdout, ran.stderr].concat();
        let output = String::from_utf8_lossy(&output).into_owned();
        assert!(ran.status.success(), "{output}");
        output
    }

    fn try_connect(&self) -> Result<Client, postgres::Error> {
        let mut config = Config::new();
        config.host_path(self.home.path()).port(6432).dbname(&self.database).user(&self.user);
        config.connect(NoTls)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
