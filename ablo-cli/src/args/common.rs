//! Arguments that several commands have.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use ablo_codegen::emit::sql::Dialect;
use ablo_schema::front::rust::Cfg;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
#[cfg(feature = "database")]
use std::time::Duration;

/// The schema to read.
#[derive(Clone, Debug, Args)]
pub(crate) struct InputArgs {
    /// Schema JSON, Rust (`*.rs`), TypeScript (`*.ts`), or `-` for JSON on standard input [default:
    /// `schema` in ablo.toml]
    pub(crate) file: Option<PathBuf>,
    /// Path of ablo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Output format of diagnostics
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

/// The schema of a server, which is read from a file.
#[cfg(feature = "server")]
#[derive(Clone, Debug, Args)]
pub(crate) struct SchemaFileArgs {
    /// Schema JSON, Rust (`*.rs`) or TypeScript (`*.ts`) [default: `schema` in ablo.toml]
    pub(crate) file: Option<PathBuf>,
    /// Path of ablo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Output format of diagnostics
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
}

#[cfg(feature = "server")]
impl From<&SchemaFileArgs> for InputArgs {
    fn from(args: &SchemaFileArgs) -> Self {
        Self {
            file: args.file.clone(),
            config: args.config.clone(),
            format: args.format,
            read: args.read.clone(),
        }
    }
}

/// How a schema file is read.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReadArgs {
    /// Report unknown members of Schema JSON as warnings instead of errors
    #[arg(long)]
    pub(crate) allow_unknown: bool,
    /// The enabled features of a Rust schema's package, separated by commas; all others are off
    #[arg(long, value_name = "FEATURES", value_delimiter = ',')]
    pub(crate) features: Option<Vec<String>>,
    /// A configuration of a Rust schema: `unix`, `name="value"`, or `not(…)` with one of them
    #[arg(long, value_name = "CFG", value_parser = cfg)]
    pub(crate) cfg: Vec<String>,
}

impl ReadArgs {
    /// An earlier schema is compared with, not written: its faults are in the past.
    pub(crate) fn earlier(&self) -> Self {
        Self { allow_unknown: true, ..self.clone() }
    }

    /// Returns the configuration that a Rust schema is read with.
    pub(crate) fn configuration(&self) -> Cfg {
        let mut cfg = Cfg::default();
        if let Some(features) = &self.features {
            let features = features.iter().flat_map(|all| all.split_whitespace());
            cfg.set_features(features.map(str::to_owned));
        }
        for text in &self.cfg {
            // The parser of the argument has accepted it.
            let _ = cfg.add(text);
        }
        cfg
    }
}

/// Parses a configuration.
fn cfg(text: &str) -> Result<String, String> {
    Cfg::default().add(text).map(|()| text.to_owned())
}

/// The language that a schema is printed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Document {
    /// Schema JSON
    #[default]
    Json,
    /// Rust source of the models, to be edited by hand
    #[cfg(feature = "rust")]
    Rust,
}

/// The SQL dialect, one of those that this build can write.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DialectArg(pub(crate) Dialect);

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl DialectArg {
    /// The first one is the default.
    const ALL: &'static [Self] = &[
        #[cfg(feature = "postgres")]
        Self(Dialect::Postgres),
        #[cfg(feature = "sqlite")]
        Self(Dialect::Sqlite),
    ];
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl Default for DialectArg {
    fn default() -> Self {
        Self::ALL[0]
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl ValueEnum for DialectArg {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self.0 {
            Dialect::Postgres => "PostgreSQL 14 and later",
            Dialect::Sqlite => "SQLite 3.37 and later",
        };
        Some(PossibleValue::new(self.0.as_str()).help(help))
    }
}

/// The output format of diagnostics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text with source snippets
    #[default]
    Human,
    /// One JSON object on standard output
    Json,
    /// GitHub workflow commands
    Github,
}

/// Parses a time such as `90d`, `36h` or `1d 12h`, of at least a minute.
#[cfg(feature = "database")]
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    at_least(text, Duration::from_mins(1))
        .ok_or_else(|| "expected a time of at least a minute, such as 90d or 36h".to_owned())
}

/// Parses a time such as `500ms` or `2s`.
#[cfg(feature = "database")]
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    at_least(text, Duration::from_millis(1))
        .ok_or_else(|| "expected a time of at least a millisecond, such as 500ms or 2s".to_owned())
}

#[cfg(feature = "database")]
fn at_least(text: &str, least: Duration) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok().filter(|duration| *duration >= least)
}

/// A changed limit of a coordinator: its name and its value.
#[cfg(feature = "server")]
pub(crate) type LimitArg = (String, String);

/// Parses a limit such as `read_time=20s`.
#[cfg(feature = "server")]
pub(crate) fn limit(text: &str) -> Result<LimitArg, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, as in read_time=20s")?;
    ablo_server::Limits::default().set(name, value)?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(all(test, feature = "database"))]
mod tests {
    use super::*;

    #[test]
    fn limits_have_a_name_and_a_value() {
        assert_eq!(limit("read_time=20s"), Ok(("read_time".to_owned(), "20s".to_owned())));
        for text in ["", "read_time", "read_time=", "row_bytes=none", "nothing=1"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(duration("1d 12h"), Ok(Duration::from_hours(36)));
        for text in ["", "90", "-1d", "10s", "1mo", "1y", "99999999999d", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
