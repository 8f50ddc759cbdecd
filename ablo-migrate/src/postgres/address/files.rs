//! The files of libpq: services and passwords.

use super::syntax::{Parameters, wrong};
use crate::error::Result;
use std::path::Path;

/// Returns the parameters of a service, or `None` if the file does not have it.
pub(super) fn service(text: &str, service: &str) -> Result<Option<Parameters>> {
    let mut found: Option<Parameters> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if found.is_some() {
                break;
            }
            found = (name == service).then(Parameters::new);
        } else if let Some(parameters) = &mut found {
            let pair = line.split_once('=').filter(|_| !line.starts_with("ldap"));
            let Some((name, value)) = pair else {
                let message = format!("line {} of the service file has no `=`", number + 1);
                return Err(wrong(message));
            };
            parameters.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(found)
}

/// Returns the password of the first line that is for this host, port, database and user.
pub(super) fn password(text: &str, wanted: [&str; 4]) -> Option<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(fields).find_map(|(given, password)| {
        let matches = given.iter().zip(wanted).all(|(given, wanted)| {
            // A star that is escaped stands for itself.
            given.as_deref().is_none_or(|given| given == wanted)
        });
        matches.then_some(password)
    })
}

/// Splits a line of a password file. `None` stands for any value.
fn fields(line: &str) -> Option<([Option<String>; 4], String)> {
    let mut parts = vec![String::new()];
    let mut is_escaped = vec![false];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let (part, escaped) = (parts.last_mut()?, is_escaped.last_mut()?);
        match character {
            '\\' => {
                part.extend(characters.next());
                *escaped = true;
            }
            ':' if is_escaped.len() < 5 => {
                parts.push(String::new());
                is_escaped.push(false);
            }
            other => part.push(other),
        }
    }
    let [host, port, database, user, password] = <[String; 5]>::try_from(parts).ok()?;
    let any = |text: String, at: usize| {
        (text != "*" || is_escaped.get(at) == Some(&true)).then_some(text)
    };
    Some(([any(host, 0), any(port, 1), any(database, 2), any(user, 3)], password))
}

/// Reports whether only its owner can read a file.
#[cfg(unix)]
pub(super) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 == 0)
}

/// Returns true: this system has other permissions.
#[cfg(not(unix))]
pub(super) fn is_private(_: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_the_parameters_of_its_section() {
        let text = "# comment\n[a]\nhost = x\n\n[b]\nhost=y\nport=2\n";
        let of = |name: &str| service(text, name).expect("a file");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(of("a"), Some(vec![pair("host", "x")]));
        assert_eq!(of("b"), Some(vec![pair("host", "y"), pair("port", "2")]));
        assert_eq!(of("c"), None);
        assert!(service("[a]\nsecret", "a").is_err());
    }

    #[test]
    fn the_first_matching_line_has_the_password() {
        let text = "# h:1:d:u:no\nh:1:d:v:other\n*:1:d:u:a\\:b:c\n*:*:*:*:any\n";
        assert_eq!(password(text, ["h", "1", "d", "v"]).as_deref(), Some("other"));
        assert_eq!(password(text, ["h", "1", "d", "u"]).as_deref(), Some("a:b:c"));
        assert_eq!(password(text, ["h", "2", "d", "u"]).as_deref(), Some("any"));
        assert_eq!(password("h:1:d:u\n\\*:*:*:*:x", ["h", "1", "d", "u"]), None);
    }
}
