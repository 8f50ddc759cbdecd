//! Reads the text of an address: a URL or a list of keys and values.

use crate::codes::URL;
use crate::error::{Error, Finding, Result};

/// Parameters with their values, in order.
pub(super) type Parameters = Vec<(String, String)>;

/// An error that never contains the address, which may hold a password.
pub(super) fn wrong(message: impl Into<String>) -> Error {
    Finding::new(URL, message).into()
}

/// Returns the parameters of an address.
pub(super) fn parameters(address: &str) -> Result<Parameters> {
    let schemes = ["postgres://", "postgresql://"];
    match schemes.iter().find_map(|scheme| address.strip_prefix(scheme)) {
        Some(rest) => url(rest),
        None if has_scheme(address) => Err(wrong("the URL does not begin with `postgres://`")),
        None => keys_and_values(address),
    }
}

fn has_scheme(address: &str) -> bool {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+'))
}

fn url(rest: &str) -> Result<Parameters> {
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = before.split_once('/').unwrap_or((before, ""));
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let (names, ports) = split_hosts(hosts)?;
    let mut out = Parameters::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            out.push((name.to_owned(), value));
        }
    };
    add("user", decoded(user)?);
    add("password", decoded(password)?);
    add("host", decoded(&names)?);
    add("port", ports);
    add("dbname", decoded(database)?);
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return Err(wrong("a parameter of the URL has no `=`"));
        };
        match (decoded(name)?, decoded(value)?) {
            // As JDBC writes it.
            (name, value) if name == "ssl" && value == "true" => {
                out.push(("sslmode".to_owned(), "require".to_owned()));
            }
            parameter => out.push(parameter),
        }
    }
    Ok(out)
}

/// Splits a list of hosts into names and ports, each separated by commas.
fn split_hosts(hosts: &str) -> Result<(String, String)> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(inner) => {
                let closed = inner.split_once(']');
                let (name, rest) =
                    closed.ok_or_else(|| wrong("the address of a host has no closing `]`"))?;
                (name, rest.strip_prefix(':').unwrap_or(rest))
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(name);
        ports.push(port);
    }
    let has_port = ports.iter().any(|port| !port.is_empty());
    Ok((names.join(","), if has_port { ports.join(",") } else { String::new() }))
}

/// Decodes percent-encoded bytes.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let value = digit(rest.next()).zip(digit(rest.next()));
        match value.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(value) if value != 0 => bytes.push(value),
            _ => return Err(wrong("`%` in the URL is not followed by the digits of a byte")),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("the URL is not UTF-8 when it is decoded"))
}

fn keys_and_values(text: &str) -> Result<Parameters> {
    let mut out = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return Err(wrong("a part of the address has no `=`"));
        };
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(wrong("a part of the address has no `=`"));
        }
        let (value, after) = value(after.trim_start())?;
        out.push((name.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(out)
}

/// Reads a value, which may be in quotes, and returns it with the text after it.
fn value(text: &str) -> Result<(String, &str)> {
    let (inner, is_quoted) = match text.strip_prefix('\'') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let mut value = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if is_quoted => return Ok((value, inner.get(at + 1..).unwrap_or_default())),
            space if !is_quoted && space.is_whitespace() => {
                return Ok((value, inner.get(at..).unwrap_or_default()));
            }
            other => value.push(other),
        }
    }
    if is_quoted { Err(wrong("a quote in the address is not closed")) } else { Ok((value, "")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(address: &str) -> String {
        let parameters = parameters(address).expect(address);
        let parts: Vec<_> =
            parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        parts.join("|")
    }

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        for (address, read) in [
            ("postgres://", ""),
            ("postgresql://h", "host=h"),
            (
                "postgres://u:p%40s@h:1/d?sslmode=require",
                "user=u|password=p@s|host=h|port=1|dbname=d|sslmode=require",
            ),
            ("postgres://u:a@b@h/d", "user=u|password=a@b|host=h|dbname=d"),
            ("postgres://a:1,b,[::1]:3/d", "host=a,b,::1|port=1,,3|dbname=d"),
            ("postgres://%2Ftmp%2Fx/d", "host=/tmp/x|dbname=d"),
            ("postgres:///d?host=/tmp&service=s", "dbname=d|host=/tmp|service=s"),
            ("postgres://h?ssl=true", "host=h|sslmode=require"),
        ] {
            assert_eq!(joined(address), read, "{address}");
        }
    }

    #[test]
    fn keys_and_values_are_read_as_libpq_reads_them() {
        for (address, read) in [
            ("", ""),
            ("host=h  dbname = d", "host=h|dbname=d"),
            (r"password='a b\'c\\' user=u\ v", r"password=a b'c\|user=u v"),
            ("password=a://b", "password=a://b"),
        ] {
            assert_eq!(joined(address), read, "{address}");
        }
    }

    #[test]
    fn malformed_addresses_are_errors_without_their_text() {
        for address in [
            "mysql://secret@h",
            "postgres://h/%zz?secret",
            "postgres://h/%00secret",
            "postgres://[::1/secret",
            "postgres://h?secret",
            "host=h secret",
            "password='secret",
            "=secret",
        ] {
            let error = parameters(address).expect_err(address);
            assert_eq!(error.0[0].code, URL);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
