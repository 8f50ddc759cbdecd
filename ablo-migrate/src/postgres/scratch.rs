//! A scratch server: PostgreSQL of this machine, on a unix socket in a temporary folder, gone with the process that started it.
//!
//! A shell keeps it company and ends it when its standard input closes, so that it goes away however this process ends.

use crate::codes::{NO_SERVER, SCRATCH_FAILED};
use crate::error::{Finding, Result};
use postgres::{Client, Config, NoTls};
use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);

/// What runs the server and cleans up after it.
const GUARDIAN: &str = r#"
    "$BIN/initdb" -D "$HOME/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$HOME/log" 2>&1 || { touch "$HOME/failed"; cat >/dev/null; rm -rf "$HOME"; exit 1; }
    "$BIN/postgres" -D "$HOME/data" -k "$HOME" -c listen_addresses= -c fsync=off -c autovacuum=off >>"$HOME/log" 2>&1 &
    server=$!
    cat >/dev/null
    kill -QUIT $server
    wait $server
    rm -rf "$HOME"
"#;

/// Folders that hold a folder for each version that is installed.
const HOMES: [&str; 3] = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"];

/// A running server; dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct Server {
    home: PathBuf,
    bin: PathBuf,
    guardian: Child,
}

impl Server {
    /// Starts one. Its superuser is `postgres`, who needs no password.
    ///
    /// # Errors
    /// `ablo::prove::no_server` where PostgreSQL is not installed, `ablo::prove::scratch_failed` where it does not start.
    pub fn start() -> Result<Self> {
        Self::start_from(installed())
    }

    fn start_from(bin: Option<PathBuf>) -> Result<Self> {
        let bin = bin.ok_or_else(|| {
            Finding::new(NO_SERVER, "there is no `initdb` and `postgres` on this machine")
        })?;
        let failed = |error: std::io::Error| Finding::new(SCRATCH_FAILED, error.to_string());
        let home = tempfile::Builder::new().prefix("ablo-pg-").tempdir().map_err(failed)?;
        let mut command = Command::new("sh");
        command.args(["-c", GUARDIAN]).env("BIN", &bin).env("HOME", home.path()).current_dir("/");
        // A group of its own: an interrupt from the keyboard is for this process, and the guardian cleans up after it.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        if let Some((uid, gid)) = unprivileged() {
            chown(home.path(), Some(uid), Some(gid)).map_err(failed)?;
            command.uid(uid).gid(gid);
        }
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755))
            .map_err(failed)?;
        let guardian = command.spawn().map_err(failed)?;
        // From here on the guardian removes the folder.
        let server = Self { home: home.keep(), bin, guardian };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + START;
        while self.config("postgres", "postgres").connect(NoTls).is_err() {
            if Instant::now() >= deadline || self.home.join("failed").exists() {
                let log = std::fs::read_to_string(self.home.join("log")).unwrap_or_default();
                return Err(Finding::new(
                    SCRATCH_FAILED,
                    format!("it did not start: {}", log.trim()),
                )
                .into());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        Ok(())
    }

    /// How to reach a database of it.
    #[must_use]
    pub fn config(&self, database: &str, user: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.home).dbname(database).user(user);
        config
    }

    /// The same as an address.
    #[must_use]
    pub fn address(&self, database: &str, user: &str) -> String {
        let home = self.home.display().to_string().replace('\\', "\\\\").replace('\'', "\\'");
        format!("host='{home}' dbname={database} user={user}")
    }

    /// The folder with its socket.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The folder with its programs.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// A session of the superuser.
    pub(crate) fn superuser(&self) -> Result<Client> {
        Ok(self.config("postgres", "postgres").connect(NoTls)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        // Nobody is left to tell.
        let _ = self.guardian.wait();
    }
}

/// The folder with the programs of this machine's PostgreSQL: the first on the search path, else the newest that is installed.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    let homes = HOMES.iter().map(std::fs::read_dir).flat_map(std::iter::IntoIterator::into_iter);
    let bins: Vec<_> = homes.flatten().flatten().map(|entry| entry.path().join("bin")).collect();
    find_bin(&std::env::var_os("PATH").unwrap_or_default(), bins)
}

/// The folder of the first PostgreSQL on a search path, else of the newest that is installed.
fn find_bin(path: &OsStr, mut installed: Vec<PathBuf>) -> Option<PathBuf> {
    installed.sort_by_key(|bin| std::cmp::Reverse(version(bin)));
    let usual = ["/usr/pgsql/bin", "/usr/local/pgsql/bin"].map(PathBuf::from);
    std::env::split_paths(path).chain(installed).chain(usual).find(|bin| {
        ["initdb", "postgres", "psql"].iter().all(|program| bin.join(program).is_file())
    })
}

/// The version in a folder's name, `postgresql/16/bin` or `postgresql@16/bin`.
fn version(bin: &Path) -> Option<u32> {
    let name = bin.parent()?.file_name()?.to_str()?;
    name.trim_start_matches("postgresql@").parse().ok()
}

/// Who runs the server where this process is root, which PostgreSQL refuses to be: user and group.
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
    fn a_machine_without_a_server_is_told_what_to_install() {
        let error = Server::start_from(None).map(drop).expect_err("there is none");
        assert_eq!(error.0[0].code.name, "ablo::prove::no_server");
        assert!(error.0[0].code.mend.contains("apt-get install postgresql"));
    }

    #[test]
    fn a_server_that_does_not_start_says_why() {
        let bin = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(bin.path(), std::fs::Permissions::from_mode(0o755)).expect("open");
        let program = bin.path().join("initdb");
        std::fs::write(&program, "#!/bin/sh\necho no room left\nexit 1\n").expect("a program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
            .expect("executable");
        let error =
            Server::start_from(Some(bin.path().to_owned())).map(drop).expect_err("it fails");
        assert_eq!(error.0[0].code.name, "ablo::prove::scratch_failed");
        assert!(error.0[0].message.contains("no room left"), "{error}");
    }

    #[test]
    fn the_newest_version_has_the_highest_number() {
        assert_eq!(version(Path::new("/usr/lib/postgresql/16/bin")), Some(16));
        assert_eq!(version(Path::new("/opt/homebrew/opt/postgresql@9/bin")), Some(9));
        assert_eq!(version(Path::new("/opt/homebrew/opt/node/bin")), None);
    }
}
