//! Resolves an address of a server as libpq does: the address itself, then the service that it or
//! `PGSERVICE` names, then the environment, then a file of passwords.

mod files;
mod options;
mod syntax;

use crate::error::Result;
use options::{PARAMETERS, Support, find, is_foreign};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use syntax::{Parameters, parameters, wrong};

/// Where servers of this machine have their sockets.
const SOCKET_FOLDERS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];
const DEFAULT_PORT: &str = "5432";

/// Reads an environment variable.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// The environment of this process.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The parameters of a connection.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    values: BTreeMap<&'static str, String>,
    /// Parts of the address that have no effect, in prose.
    pub(super) notes: Vec<String>,
    home: Option<PathBuf>,
}

impl Resolved {
    /// Resolves an address.
    pub(super) fn new(address: &str, environment: Environment<'_>) -> Result<Self> {
        let home = environment("HOME").map(PathBuf::from);
        let mut resolved = Self { home, ..Self::default() };
        let given = parameters(address)?;
        // The last one of a name wins.
        for (name, value) in given.into_iter().rev() {
            resolved.add(&name, value)?;
        }
        resolved.notes.reverse();
        let has_host = resolved.get("host").is_some();
        if let Some(service) = resolved.service(environment)? {
            for (name, value) in service {
                if name == "service" {
                    return Err(wrong("a service of the service file names another service"));
                }
                if !(has_host && name == "hostaddr") {
                    resolved.add(&name, value)?;
                }
            }
        }
        for parameter in PARAMETERS {
            let Some(variable) = parameter.variable else { continue };
            // It would lead to another server than the one that the address names.
            let is_other = has_host && parameter.name == "hostaddr";
            if let Some(value) = environment(variable).filter(|_| !is_other) {
                match parameter.support {
                    Support::Unsupported => {
                        return Err(wrong(format!("the variable {variable} is not supported")));
                    }
                    _ => drop(resolved.values.entry(parameter.name).or_insert(value)),
                }
            }
        }
        resolved.complete(environment);
        Ok(resolved)
    }

    /// Returns a parameter that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns a file in the folder of libpq, if it exists.
    pub(super) fn default_file(&self, name: &str) -> Option<PathBuf> {
        let path = self.home.as_ref()?.join(".postgresql").join(name);
        path.exists().then_some(path)
    }

    /// Reports whether every host is a socket of this machine, which has no TLS.
    pub(super) fn is_local(&self) -> bool {
        let host = self.get("host").filter(|_| self.get("hostaddr").is_none());
        host.is_some_and(|hosts| hosts.split(',').all(|host| host.starts_with(['/', '@'])))
    }

    /// Returns the parameters that the driver knows, as keys and values.
    pub(super) fn for_driver(&self) -> String {
        let mut out = String::new();
        for parameter in PARAMETERS {
            if let (Support::Driver(name), Some(value)) =
                (parameter.support, self.get(parameter.name))
            {
                let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                out.push_str(&format!("{name}='{value}' "));
            }
        }
        out
    }

    /// Adds a parameter that is not set yet.
    fn add(&mut self, name: &str, value: String) -> Result<()> {
        match find(name) {
            Some(parameter) if parameter.support == Support::Unsupported => {
                Err(wrong(format!("the parameter `{name}` is not supported")))
            }
            Some(parameter) => {
                self.values.entry(parameter.name).or_insert(value);
                Ok(())
            }
            None if is_foreign(name) => {
                let other = match name {
                    "schema" | "currentSchema" => "; `--schema` names the schema of the tables",
                    _ => "",
                };
                let note = format!("the parameter `{name}` of the address has no effect{other}");
                self.notes.push(note);
                Ok(())
            }
            // A part of a password with an unescaped sign may look like a parameter.
            None if !name.chars().all(|c| c.is_ascii_alphabetic() || c == '_') => {
                Err(wrong("the address has a parameter that PostgreSQL does not have"))
            }
            None => Err(wrong(format!("PostgreSQL has no parameter `{name}`"))),
        }
    }

    /// Reads the parameters of the service, if one is named.
    fn service(&self, environment: Environment<'_>) -> Result<Option<Parameters>> {
        let variable = || environment("PGSERVICE");
        let Some(name) = self.get("service").map(str::to_owned).or_else(variable) else {
            return Ok(None);
        };
        let given = self.get("servicefile").map(str::to_owned);
        let own = given.or_else(|| environment("PGSERVICEFILE")).map(PathBuf::from);
        let own = own.or_else(|| Some(self.home.as_ref()?.join(".pg_service.conf")));
        let folder = environment("PGSYSCONFDIR").map(PathBuf::from);
        let shared = folder.map(|folder| folder.join("pg_service.conf"));
        for file in own.iter().chain(&shared) {
            let Ok(text) = std::fs::read_to_string(file) else { continue };
            if let Some(parameters) = files::service(&text, &name)? {
                return Ok(Some(parameters));
            }
        }
        let files: Vec<_> =
            own.iter().chain(&shared).map(|file| format!("`{}`", file.display())).collect();
        let files = if files.is_empty() { "a file".to_owned() } else { files.join(" or ") };
        Err(wrong(format!("the service `{name}` is not in {files}")))
    }

    /// Adds the defaults of the host, and the password of the file.
    fn complete(&mut self, environment: Environment<'_>) {
        let port = self.get("port").unwrap_or(DEFAULT_PORT).to_owned();
        if self.get("host").is_none() && self.get("hostaddr").is_none() {
            let socket =
                |folder: &&&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
            let folder = SOCKET_FOLDERS.iter().find(socket).copied();
            self.values.insert("host", folder.unwrap_or("localhost").to_owned());
        }
        if self.get("password").is_some() {
            return;
        }
        let default = || Some(self.home.as_ref()?.join(".pgpass"));
        let Some(file) = self.get("passfile").map(PathBuf::from).or_else(default) else { return };
        let Ok(text) = std::fs::read_to_string(&file) else { return };
        if !files::is_private(&file) {
            let note = format!("`{}` is ignored: others can read it", file.display());
            return self.notes.push(note);
        }
        let first = |list: &str| list.split(',').next().unwrap_or_default().to_owned();
        let host = first(self.get("host").or_else(|| self.get("hostaddr")).unwrap_or_default());
        let host = if SOCKET_FOLDERS.contains(&host.as_str()) { "localhost" } else { &host };
        let login = || environment("USER").or_else(|| environment("LOGNAME"));
        let user = self.get("user").map(str::to_owned).or_else(login).unwrap_or_default();
        let database = self.get("dbname").unwrap_or(&user);
        if let Some(password) = files::password(&text, [host, &first(&port), database, &user]) {
            self.values.insert("password", password);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn resolve(address: &str, variables: &[(&str, &str)]) -> Result<Resolved> {
        let of = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Resolved::new(address, &of)
    }

    fn driver(address: &str, variables: &[(&str, &str)]) -> String {
        resolve(address, variables).expect(address).for_driver()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("a text");
        file
    }

    #[test]
    fn the_environment_completes_an_address() {
        let variables =
            [("PGHOST", "e"), ("PGPORT", "7"), ("PGUSER", "me"), ("PGPASSWORD", "it's")];
        assert_eq!(
            driver("postgres://h/d", &variables),
            r"host='h' port='7' dbname='d' user='me' password='it\'s' "
        );
        assert_eq!(driver("", &variables), r"host='e' port='7' user='me' password='it\'s' ");
        let variables = [("PGHOSTADDR", "10.0.0.1"), ("PGOPTIONS", "-c a.b=1"), ("PGAPPNAME", "x")];
        assert_eq!(
            driver("host=h", &variables),
            "host='h' options='-c a.b=1' application_name='x' "
        );
        assert_eq!(driver("user=u", &variables[..1]), "hostaddr='10.0.0.1' user='u' ");
    }

    #[test]
    fn a_service_is_between_the_address_and_the_environment() {
        let services = file("[one]\nhost=s\nport=3\nuser=su\n");
        let path = services.path().to_str().expect("a path");
        let variables = [("PGSERVICEFILE", path), ("PGUSER", "e"), ("PGDATABASE", "ed")];
        let read = "host='s' port='4' dbname='ed' user='su' ";
        assert_eq!(driver("service=one port=4", &variables), read);
        assert_eq!(driver("postgres://:4?service=one", &variables), read);
        let named = [variables.as_slice(), &[("PGSERVICE", "one")]].concat();
        assert_eq!(driver("port=4", &named), read);
        let error = resolve("service=two", &variables).expect_err("no service").to_string();
        assert!(error.contains("`two`"), "{error}");
    }

    #[test]
    fn the_password_of_a_file_is_used_if_no_other_is_given() {
        let passwords = file("h:5432:d:u:one\n*:*:*:*:two\n");
        let path = passwords.path().to_str().expect("a path");
        let variables = [("PGPASSFILE", path)];
        assert!(driver("host=h dbname=d user=u", &variables).contains("password='one'"));
        assert!(driver("host=h dbname=d user=v", &variables).contains("password='two'"));
        assert!(driver("host=h password=own", &variables).contains("password='own'"));
        let named = [variables.as_slice(), &[("PGPASSWORD", "env")]].concat();
        assert!(driver("host=h", &named).contains("password='env'"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let open = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(passwords.path(), open).expect("permissions");
            let resolved = resolve("host=h", &variables).expect("an address");
            assert!(!resolved.for_driver().contains("password"));
            assert!(resolved.notes[0].contains("others can read it"), "{:?}", resolved.notes);
        }
    }

    #[test]
    fn parameters_of_other_drivers_are_noted_and_unknown_ones_refused() {
        let prisma = "postgres://h/d?schema=app&connection_limit=1&pgbouncer=true&sslaccept=strict";
        let resolved = resolve(prisma, &[]).expect("an address");
        assert_eq!(resolved.for_driver(), "host='h' dbname='d' ");
        assert_eq!(resolved.notes.len(), 4);
        assert!(resolved.notes[0].contains("--schema"), "{:?}", resolved.notes);
        for address in ["postgres://h?secret1=1", "host=h secret!=1", "host=h sslcrl=secret"] {
            let error = resolve(address, &[]).expect_err(address);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(resolve("host=h", &[("PGREQUIREPEER", "postgres")]).is_err());
    }

    #[test]
    fn sockets_need_no_encryption() {
        for (address, is_local) in [
            ("host=/tmp", true),
            ("host=/tmp,h", false),
            ("host=h", false),
            ("host=/a hostaddr=::1", false),
        ] {
            assert_eq!(resolve(address, &[]).expect(address).is_local(), is_local, "{address}");
        }
    }
}
