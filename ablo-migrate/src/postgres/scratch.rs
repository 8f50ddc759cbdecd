//! A scratch PostgreSQL server on a Unix socket in a temporary folder.
//!
//! A watchdog shell stops the server and removes the folder when its standard input closes, that
//! is, however this process ends.

use crate::codes::{NO_SERVER, SCRATCH_FAILED};
use crate::error::{Finding, Result};
use postgres::{Client, Config, NoTls};
use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The script that runs the server and cleans up after it.
const WATCHDOG: &str = r#"
    "$BIN/initdb" -D "$HOME/data" -U postgres -A trust -E UTF8 --no-locale --no-sync \
        >"$HOME/log" 2>&1 ||
        { touch "$HOME/failed"; cat >/dev/null; rm -rf "$HOME"; exit 1; }
    "$BIN/postgres" -D "$HOME/data" -k "$HOME" -c listen_addresses= -c fsync=off \
        -c autovacuum=off >>"$HOME/log" 2>&1 &
    server=$!
    cat >/dev/null
    kill -QUIT $server
    wait $server
    rm -rf "$HOME"
"#;

/// Folders with one folder per installed version.
const VERSION_FOLDERS: [&str; 3] = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"];

/// A running server. Dropping it stops the server and removes its folder.
#[derive(Debug)]
pub struct Server {
    home: PathBuf,
    bin: PathBuf,
    watchdog: Child,
}

impl Server {
    /// Starts a server. Its superuser is `postgres`, without a password.
    ///
    /// # Errors
    /// `ablo::prove::no_server` if PostgreSQL is not installed, `ablo::prove::scratch_failed` if it
    /// does not start.
    pub fn start() -> Result<Self> {
        Self::start_from(installed())
    }

    /// Starts a server from the programs in this folder.
    ///
    /// # Errors
    /// `ablo::prove::no_server` without a folder, `ablo::prove::scratch_failed` if the server does
    /// not start.
    pub fn start_from(bin: Option<PathBuf>) -> Result<Self> {
        let bin = bin.ok_or_else(|| {
            Finding::new(NO_SERVER, "`initdb` and `postgres` were not found on this machine")
        })?;
        let failed = |error: std::io::Error| Finding::new(SCRATCH_FAILED, error.to_string());
        let home = tempfile::Builder::new().prefix("ablo-pg-").tempdir().map_err(failed)?;
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG]).env("BIN", &bin).env("HOME", home.path()).current_dir("/");
        // Its own process group, so that Ctrl-C reaches only this process.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        if let Some((uid, gid)) = unprivileged() {
            chown(home.path(), Some(uid), Some(gid)).map_err(failed)?;
            command.uid(uid).gid(gid);
        }
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755))
            .map_err(failed)?;
        let watchdog = command.spawn().map_err(failed)?;
        // The watchdog removes the folder.
        let server = Self { home: home.keep(), bin, watchdog };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while self.config("postgres", "postgres").connect(NoTls).is_err() {
            if Instant::now() >= deadline || self.home.join("failed").exists() {
                let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
                return Err(Finding::new(
                    SCRATCH_FAILED,
                    format!("the server did not start: {}", log.trim()),
                )
                .into());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        Ok(())
    }

    /// Returns the configuration of a connection to a database.
    #[must_use]
    pub fn config(&self, database: &str, user: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.home).dbname(database).user(user);
        config
    }

    /// Returns the address of a database.
    #[must_use]
    pub fn address(&self, database: &str, user: &str) -> String {
        let home = self.home.display().to_string().replace('\\', "\\\\").replace('\'', "\\'");
        format!("host='{home}' dbname={database} user={user}")
    }

    /// Returns the folder of its socket.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Returns the folder of its programs.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Opens a connection as the superuser.
    pub(crate) fn superuser(&self) -> Result<Client> {
        Ok(self.config("postgres", "postgres").connect(NoTls)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // `drop` cannot report an error.
        let _ = self.watchdog.wait();
    }
}

/// Returns the folder of PostgreSQL's programs: the first on the `PATH`, else that of the newest
/// installed version.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    let folders = VERSION_FOLDERS.iter().map(std::fs::read_dir);
    let entries = folders.flat_map(std::iter::IntoIterator::into_iter).flatten().flatten();
    let bins: Vec<_> = entries.map(|entry| entry.path().join("bin")).collect();
    find_bin(&std::env::var_os("PATH").unwrap_or_default(), bins)
}

/// Returns the first folder of PostgreSQL's programs on a search path, else that of the newest
/// installed version.
fn find_bin(path: &OsStr, mut installed: Vec<PathBuf>) -> Option<PathBuf> {
    installed.sort_by_key(|bin| std::cmp::Reverse(version(bin)));
    let usual = ["/usr/pgsql/bin", "/usr/local/pgsql/bin"].map(PathBuf::from);
    std::env::split_paths(path)
        .chain(installed)
        .chain(usual)
        .find(|bin| ["initdb", "postgres"].iter().all(|program| bin.join(program).is_file()))
}

/// Returns the version in the name of a folder such as `postgresql/16/bin` or `postgresql@16/bin`.
fn version(bin: &Path) -> Option<u32> {
    let name = bin.parent()?.file_name()?.to_str()?;
    name.trim_start_matches("postgresql@").parse().ok()
}

/// Returns the user and group ids to run the server as if this process is root, because PostgreSQL
/// does not run as root.
#[must_use]
pub fn unprivileged() -> Option<(u32, u32)> {
    let id = |args: &[&str]| -> Option<u32> {
        let run = Command::new("id").args(args).output().ok()?;
        String::from_utf8(run.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = ["postgres", "nobody"].iter().find(|user| id(&["-u", user]).is_some())?;
    Some((id(&["-u", user])?, id(&["-g", user])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_postgresql_the_help_names_the_package() {
        let error = Server::start_from(None).map(drop).expect_err("no programs");
        assert_eq!(error.0[0].code.name, "ablo::prove::no_server");
        assert!(error.0[0].code.fix.contains("apt-get install postgresql"));
    }

    #[test]
    fn a_failed_start_reports_the_log() {
        let bin = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(bin.path(), std::fs::Permissions::from_mode(0o755)).expect("open");
        let program = bin.path().join("initdb");
        std::fs::write(&program, "#!/bin/sh\necho disk full\nexit 1\n").expect("a program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
            .expect("executable");
        let error =
            Server::start_from(Some(bin.path().to_owned())).map(drop).expect_err("initdb fails");
        assert_eq!(error.0[0].code.name, "ablo::prove::scratch_failed");
        assert!(error.0[0].message.contains("disk full"), "{error}");
    }

    #[test]
    fn versions_are_read_from_folder_names() {
        assert_eq!(version(Path::new("/usr/lib/postgresql/16/bin")), Some(16));
        assert_eq!(version(Path::new("/opt/homebrew/opt/postgresql@9/bin")), Some(9));
        assert_eq!(version(Path::new("/opt/homebrew/opt/node/bin")), None);
    }
}
