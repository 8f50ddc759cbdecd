//! Parses `ablo.toml` into settings with their source locations, and reports every error of its
//! form. [`crate::settings`] validates targets and options.

use crate::codes::{self, Code};
use crate::finding::{Finding, Location, did_you_mean};
use ablo_schema::front::rust::Cfg;
use serde_json::{Map, Value};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The maximum size of an ablo.toml, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// The file name, which is searched for in this folder and its parents.
pub(crate) const FILE_NAME: &str = "ablo.toml";

const KEYS: [&str; 7] = ["schema", "features", "cfg", "targets", "out", "models", "target"];

/// A value and its location in the file. A flag has no location.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) location: Option<Location>,
}

impl Setting<String> {
    /// Creates the setting of a flag.
    pub(crate) fn flag(value: impl AsRef<str>) -> Self {
        Self { value: value.as_ref().to_owned(), location: None }
    }
}

impl<T> Setting<T> {
    /// Creates a finding at the location of the setting.
    pub(crate) fn finding(&self, code: impl Into<Code>, message: impl Into<String>) -> Finding {
        let finding = Finding::new(code, message);
        match &self.location {
            Some(location) => finding.at(location.clone()),
            None => finding,
        }
    }
}

/// An option of a target.
#[derive(Clone, Debug)]
pub(crate) struct OptionSetting {
    pub(crate) name: Setting<String>,
    pub(crate) value: Setting<Value>,
}

/// The settings of one target.
#[derive(Debug)]
pub(crate) struct TargetTable {
    pub(crate) name: Setting<String>,
    pub(crate) out: Option<String>,
    pub(crate) options: Vec<OptionSetting>,
}

/// The content of an `ablo.toml`.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) schema: Option<String>,
    /// The configuration that a Rust schema is read with.
    pub(crate) features: Option<Vec<Setting<String>>>,
    pub(crate) cfg: Option<Vec<Setting<String>>>,
    pub(crate) targets: Option<Vec<Setting<String>>>,
    pub(crate) out: Option<String>,
    pub(crate) models: Option<Vec<Setting<String>>>,
    pub(crate) tables: Vec<TargetTable>,
}

/// Returns the relative path of the nearest `ablo.toml` in this folder or a parent folder.
pub(crate) fn discover() -> Option<PathBuf> {
    let current = std::env::current_dir().ok()?;
    let up = |depth| std::iter::repeat_n("..", depth).collect::<PathBuf>().join(FILE_NAME);
    (0..current.ancestors().count()).map(up).find(|path| path.is_file())
}

/// Resolves a path of the file, which is relative to the file's folder.
pub(crate) fn resolve(config: &Path, path: &str) -> PathBuf {
    config.parent().unwrap_or(Path::new("")).join(path)
}

/// Parses the text of an `ablo.toml`.
pub(crate) fn read(text: &str) -> (Config, Vec<Finding>) {
    let mut parser = ConfigParser { text, findings: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        parser.report(codes::CONFIG_SYNTAX, range, error.message().to_owned());
    }
    if !parser.findings.is_empty() {
        // The recovered document may be incomplete, so further errors could be wrong.
        return (Config::default(), parser.findings);
    }
    let config = parser.config(table.get_ref());
    (config, parser.findings)
}

struct ConfigParser<'t> {
    text: &'t str,
    findings: Vec<Finding>,
}

impl ConfigParser<'_> {
    fn report(&mut self, code: Code, range: Range<usize>, message: String) {
        self.findings.push(Finding::new(code, message).at(Location::of(self.text, range)));
    }

    fn config(&mut self, table: &DeTable<'_>) -> Config {
        let mut config = Config::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "schema" => config.schema = self.string("schema", value),
                "features" => config.features = self.strings("features", value),
                "cfg" => config.cfg = self.cfg(value),
                "out" => config.out = self.string("out", value),
                "targets" => config.targets = self.strings("targets", value),
                "models" => config.models = self.strings("models", value),
                "target" => config.tables = self.tables(value),
                unknown => {
                    let help = did_you_mean(unknown, KEYS);
                    let location = Location::of(self.text, key.span());
                    let message = format!("unknown setting `{unknown}`");
                    self.findings.push(
                        Finding::new(codes::CONFIG_UNKNOWN_KEY, message).at(location).help(help),
                    );
                }
            }
        }
        if config.schema.is_none() && !table.contains_key("schema") {
            self.report(codes::CONFIG_MISSING, 0..0, format!("this {FILE_NAME} has no `schema`"));
        }
        config
    }

    fn wrong(&mut self, what: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let message =
            format!("`{what}` is {}, expected {wanted}", article(value.get_ref().type_str()));
        self.report(codes::CONFIG_WRONG_TYPE, value.span(), message);
    }

    fn string(&mut self, what: &str, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong(what, value, "a string");
        }
        text
    }

    fn strings(
        &mut self,
        what: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Vec<Setting<String>>> {
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(what, value, "an array of strings");
            return None;
        };
        let each = format!("{what}[]");
        let setting = |item: &Spanned<DeValue<'_>>, parser: &mut Self| {
            let value = parser.string(&each, item)?;
            Some(Setting { value, location: Some(Location::of(parser.text, item.span())) })
        };
        Some(items.iter().filter_map(|item| setting(item, self)).collect())
    }

    /// Reads configurations of a Rust schema, which have a syntax of their own.
    fn cfg(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Vec<Setting<String>>> {
        let all = self.strings("cfg", value)?;
        for setting in &all {
            if let Err(error) = Cfg::default().add(&setting.value) {
                let message = format!("invalid cfg `{}`: {error}", setting.value);
                self.findings.push(setting.finding(codes::CONFIG_WRONG_TYPE, message));
            }
        }
        Some(all)
    }

    fn tables(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<TargetTable> {
        let Some(tables) = value.get_ref().as_table() else {
            self.wrong("target", value, "one table per target, such as `[target.postgres]`");
            return Vec::new();
        };
        let mut read = Vec::new();
        for (key, value) in tables {
            let name = Setting {
                value: key.get_ref().to_string(),
                location: Some(Location::of(self.text, key.span())),
            };
            match value.get_ref().as_table() {
                Some(table) => read.push(self.target(name, table)),
                None => self.wrong(&format!("target.{}", name.value), value, "a table of options"),
            }
        }
        read
    }

    fn target(&mut self, name: Setting<String>, table: &DeTable<'_>) -> TargetTable {
        let mut target = TargetTable { name, out: None, options: Vec::new() };
        for (key, value) in table {
            if key.get_ref() == "out" {
                target.out = self.string(&format!("target.{}.out", target.name.value), value);
                continue;
            }
            let location = |span| Some(Location::of(self.text, span));
            let name = Setting { value: key.get_ref().to_string(), location: location(key.span()) };
            let value = Setting { value: json(value.get_ref()), location: location(value.span()) };
            target.options.push(OptionSetting { name, value });
        }
        target
    }
}

/// Converts a value to JSON. A date becomes a string.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Value::from(integer.as_str()), Value::from),
        DeValue::Float(float) => float.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let member = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                let key: &std::borrow::Cow<'_, str> = key.get_ref();
                (key.to_string(), json(value.get_ref()))
            };
            Value::from(table.iter().map(member).collect::<Map<_, _>>())
        }
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}
