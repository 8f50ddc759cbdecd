//! A PostgreSQL server that can be killed and restarted on its data folder.

use super::server::INSTALL_HINT;
use ablo_migrate::postgres::scratch::{installed, unprivileged};
use postgres::{Client, Config, NoTls};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server of one test. Confirmed transactions are on disk.
#[derive(Debug)]
pub struct CrashingServer {
    home: TempDir,
    bin: PathBuf,
    process: Child,
}

/// A shell script that kills all processes of the server on its first run, and later reads what the
/// server writes to it. It runs in the data folder.
const KILL_SCRIPT: &str = "mkdir ../killed 2>/dev/null || { cat >/dev/null; exit 0; }; \
    P=$(head -n1 postmaster.pid); \
    V=$P; for S in /proc/[0-9]*/stat; do read A B C D E < $S 2>/dev/null; \
    [ \"$D\" = $P ] && V=\"$V $A\"; done; kill -9 $V";

impl CrashingServer {
    /// Starts a server.
    ///
    /// # Panics
    /// Panics if PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let Some(bin) = installed() else { panic!("{INSTALL_HINT}") };
        let home =
            tempfile::Builder::new().prefix("ablo-pg-").tempdir().expect("a temporary folder");
        if let Some((uid, gid)) = unprivileged() {
            chown(home.path(), Some(uid), Some(gid)).expect("the owner can be changed");
        }
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755))
            .expect("permissions can be changed");
        let mut initdb = command(&bin.join("initdb"));
        initdb.arg("-D").arg(home.path().join("data"));
        let output = initdb
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"])
            .output()
            .expect("initdb");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let process = run(&bin, &home);
        let server = Self { home, bin, process };
        server.wait_until_ready();
        server
    }

    /// Returns the statement that kills the server once.
    #[must_use]
    pub fn crash_statement() -> String {
        format!("COPY (SELECT 1) TO PROGRAM {};", quoted(KILL_SCRIPT))
    }

    /// Restarts the server after it was killed.
    ///
    /// # Panics
    /// Panics if it ended normally or does not start.
    pub fn restart(&mut self) {
        let ended = self.process.wait().expect("the server ended");
        assert!(!ended.success(), "the server was not killed");
        self.process = run(&self.bin, &self.home);
        self.wait_until_ready();
    }

    /// Stops the server and starts it as a standby, which only reads until it is promoted.
    ///
    /// # Panics
    /// Panics if it does not start.
    pub fn restart_as_standby(&mut self) {
        self.control(&["-m", "fast", "stop"]);
        self.process.wait().expect("the server ended");
        std::fs::write(self.data().join("standby.signal"), "").expect("a file in the data folder");
        self.process = run(&self.bin, &self.home);
        self.wait_until_ready();
    }

    /// Makes a standby accept writes.
    ///
    /// # Panics
    /// Panics if it is none.
    pub fn promote(&self) {
        self.control(&["promote"]);
    }

    fn control(&self, action: &[&str]) {
        let mut control = command(&self.bin.join("pg_ctl"));
        let done = control.arg("-w").arg("-D").arg(self.data()).args(action).status();
        assert!(done.expect("pg_ctl").success(), "{action:?}");
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Allows [`CrashingServer::crash_statement`] to kill the server once more.
    pub fn rearm(&self) {
        // The folder does not exist before the first crash.
        let _ = std::fs::remove_dir(self.home.path().join("killed"));
    }

    /// Returns the address of a database for the superuser, who is allowed to run programs.
    #[must_use]
    pub fn address(&self, database: &str) -> String {
        format!("host={} dbname={database} user=postgres", self.home.path().display())
    }

    /// Opens a session.
    ///
    /// # Errors
    /// Returns an error if the server is not running.
    pub fn session(&self, database: &str) -> Result<Client, postgres::Error> {
        let mut config = Config::new();
        config.host_path(self.home.path()).dbname(database).user("postgres");
        config.connect(NoTls)
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.session("postgres").is_err() {
            assert!(Instant::now() < deadline, "PostgreSQL did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for CrashingServer {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some((uid, gid)) = unprivileged() {
        command.uid(uid).gid(gid);
    }
    command
}

fn run(bin: &std::path::Path, home: &TempDir) -> Child {
    let mut server = command(&bin.join("postgres"));
    server.arg("-D").arg(home.path().join("data")).arg("-k").arg(home.path());
    server
        .args(["-c", "listen_addresses=", "-c", "fsync=on", "-c", "autovacuum=off"])
        .spawn()
        .expect("postgres")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
