//! The parameters of libpq, and those of other drivers that are found in addresses.

use Support::{Driver, NoEffect, Own, Unsupported};

/// How a parameter is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// The driver knows it under this name.
    Driver(&'static str),
    /// This crate implements it.
    Own,
    /// It changes nothing that matters here.
    NoEffect,
    /// Connecting without it could be less secure than what was asked for.
    Unsupported,
}

/// A parameter of libpq.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// The environment variable that is read if the address does not have the parameter.
    pub(super) variable: Option<&'static str>,
    pub(super) support: Support,
}

const fn parameter(name: &'static str, variable: &'static str, support: Support) -> Parameter {
    let variable = if variable.is_empty() { None } else { Some(variable) };
    Parameter { name, variable, support }
}

pub(super) const PARAMETERS: &[Parameter] = &[
    parameter("host", "PGHOST", Driver("host")),
    parameter("hostaddr", "PGHOSTADDR", Driver("hostaddr")),
    parameter("port", "PGPORT", Driver("port")),
    parameter("dbname", "PGDATABASE", Driver("dbname")),
    parameter("user", "PGUSER", Driver("user")),
    parameter("password", "PGPASSWORD", Driver("password")),
    parameter("options", "PGOPTIONS", Driver("options")),
    parameter("application_name", "PGAPPNAME", Driver("application_name")),
    parameter("connect_timeout", "PGCONNECT_TIMEOUT", Driver("connect_timeout")),
    parameter("keepalives", "", Driver("keepalives")),
    parameter("keepalives_idle", "", Driver("keepalives_idle")),
    parameter("keepalives_interval", "", Driver("keepalives_interval")),
    parameter("keepalives_count", "", Driver("keepalives_retries")),
    parameter("keepalives_retries", "", Driver("keepalives_retries")),
    parameter("tcp_user_timeout", "", Driver("tcp_user_timeout")),
    parameter("sslnegotiation", "PGSSLNEGOTIATION", Driver("sslnegotiation")),
    parameter("target_session_attrs", "PGTARGETSESSIONATTRS", Driver("target_session_attrs")),
    parameter("channel_binding", "PGCHANNELBINDING", Driver("channel_binding")),
    parameter("load_balance_hosts", "PGLOADBALANCEHOSTS", Driver("load_balance_hosts")),
    parameter("service", "PGSERVICE", Own),
    parameter("servicefile", "PGSERVICEFILE", Own),
    parameter("passfile", "PGPASSFILE", Own),
    parameter("sslmode", "PGSSLMODE", Own),
    parameter("sslrootcert", "PGSSLROOTCERT", Own),
    parameter("sslcert", "PGSSLCERT", Own),
    parameter("sslkey", "PGSSLKEY", Own),
    parameter("client_encoding", "", NoEffect),
    parameter("fallback_application_name", "", NoEffect),
    parameter("sslcompression", "", NoEffect),
    parameter("sslsni", "", NoEffect),
    parameter("sslcertmode", "", NoEffect),
    parameter("krbsrvname", "", NoEffect),
    parameter("gsslib", "", NoEffect),
    parameter("gssdelegation", "", NoEffect),
    parameter("gssencmode", "", NoEffect),
    parameter("ssl_min_protocol_version", "", NoEffect),
    parameter("ssl_max_protocol_version", "", NoEffect),
    parameter("min_protocol_version", "", NoEffect),
    parameter("max_protocol_version", "", NoEffect),
    parameter("requirepeer", "PGREQUIREPEER", Unsupported),
    parameter("require_auth", "PGREQUIREAUTH", Unsupported),
    parameter("sslcrl", "PGSSLCRL", Unsupported),
    parameter("sslcrldir", "PGSSLCRLDIR", Unsupported),
];

/// Parameters that other drivers read from an address. A password of a client certificate is one
/// of them; a key that needs it cannot be read anyway.
const FOREIGN: &[&str] = &[
    "schema",
    "connection_limit",
    "pool_timeout",
    "socket_timeout",
    "pgbouncer",
    "statement_cache_size",
    "single_use_connections",
    "sslidentity",
    "sslpassword",
    "sslaccept",
    "uselibpqcompat",
    "prepared_statements",
    "prepareThreshold",
    "currentSchema",
    "pool_size",
    "max_connections",
    "supa",
    "workaround",
];

pub(super) fn find(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name == name)
}

pub(super) fn is_foreign(name: &str) -> bool {
    FOREIGN.contains(&name)
}
