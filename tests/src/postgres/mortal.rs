//! A PostgreSQL server that can be killed and started again on what it left on the disk.

use super::server::HOW_TO_GET_ONE;
use ablo_migrate::postgres::scratch::{installed, unprivileged};
use postgres::{Client, Config, NoTls};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server of a test's own; what it confirms is on the disk.
#[derive(Debug)]
pub struct Mortal {
    home: TempDir,
    bin: PathBuf,
    process: Child,
}

/// Kills every process of the server, the first time it runs. The shell's folder is that of the data.
const SUICIDE: &str = "mkdir ../killed 2>/dev/null || exit 0; P=$(head -n1 postmaster.pid); V=$P; \
    for S in /proc/[0-9]*/stat; do read A B C D E < $S 2>/dev/null; [ \"$D\" = $P ] && V=\"$V $A\"; done; kill -9 $V";

impl Mortal {
    /// Starts one.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        let Some(bin) = installed() else { panic!("{HOW_TO_GET_ONE}") };
        let home =
            tempfile::Builder::new().prefix("ablo-pg-").tempdir().expect("a temporary folder");
        if let Some((uid, gid)) = unprivileged() {
            chown(home.path(), Some(uid), Some(gid)).expect("to give the folder away");
        }
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755))
            .expect("to open the folder");
        let mut made = command(&bin.join("initdb"));
        made.arg("-D").arg(home.path().join("data"));
        let made = made
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"])
            .output()
            .expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let process = run(&bin, &home);
        let server = Self { home, bin, process };
        server.wait_until_ready();
        server
    }

    /// The statement that kills it, once.
    #[must_use]
    pub fn fatal() -> String {
        format!("COPY (SELECT 1) TO PROGRAM {};", quoted(SUICIDE))
    }

    /// Starts it again after it was killed.
    ///
    /// # Panics
    /// When it is still there, or does not start.
    pub fn start_again(&mut self) {
        let ended = self.process.wait().expect("it ended");
        assert!(!ended.success(), "it was killed");
        self.process = run(&self.bin, &self.home);
        self.wait_until_ready();
    }

    /// Lets [`Mortal::fatal`] kill it once more.
    pub fn rearm(&self) {
        // Nothing is there before the first time.
        let _ = std::fs::remove_dir(self.home.path().join("killed"));
    }

    /// The address of a database, for the superuser: nobody else may run programs.
    #[must_use]
    pub fn address(&self, database: &str) -> String {
        format!("host={} dbname={database} user=postgres", self.home.path().display())
    }

    /// A session.
    ///
    /// # Errors
    /// When the server is not there.
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

impl Drop for Mortal {
    fn drop(&mut self) {
        // It may be dead already.
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
