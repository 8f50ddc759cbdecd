//! `ablo.toml`: text to settings with their places.
//!
//! Comes in: the text. Goes out: what it says and everything that is wrong with its form, all at once. Whether a
//! target exists or takes an option is not asked here, but in [`crate::settings`], where flags join in.

use crate::codes::{self, Code};
use crate::finding::{Finding, Spot};
use ablo_schema::diag::Suggest;
use serde_json::{Map, Value};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The name that is looked for in this folder and those above it.
/// How large an ablo.toml may be, in bytes.
pub(crate) const MOST_BYTES: usize = 1 << 20;

pub(crate) const FILE_NAME: &str = "ablo.toml";

const KEYS: [&str; 5] = ["schema", "targets", "out", "models", "target"];

/// A value somebody wrote, and where: nowhere, when it was a flag.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) spot: Option<Spot>,
}

impl Setting<String> {
    /// What a flag says.
    pub(crate) fn flag(value: impl AsRef<str>) -> Self {
        Self { value: value.as_ref().to_owned(), spot: None }
    }
}

impl<T> Setting<T> {
    /// What to say about it, at its place.
    pub(crate) fn finding(&self, code: impl Into<Code>, message: impl Into<String>) -> Finding {
        let finding = Finding::new(code, message);
        match &self.spot {
            Some(spot) => finding.at(spot.clone()),
            None => finding,
        }
    }
}

/// One option of a target.
#[derive(Clone, Debug)]
pub(crate) struct OptionSetting {
    pub(crate) name: Setting<String>,
    pub(crate) value: Setting<Value>,
}

/// What is set for one target.
#[derive(Debug)]
pub(crate) struct TargetTable {
    pub(crate) name: Setting<String>,
    pub(crate) out: Option<String>,
    pub(crate) options: Vec<OptionSetting>,
}

/// What an `ablo.toml` says.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) schema: Option<String>,
    pub(crate) targets: Option<Vec<Setting<String>>>,
    pub(crate) out: Option<String>,
    pub(crate) models: Option<Vec<Setting<String>>>,
    pub(crate) tables: Vec<TargetTable>,
}

/// The nearest `ablo.toml`, by a path from here.
pub(crate) fn discover() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let up = |depth| std::iter::repeat_n("..", depth).collect::<PathBuf>().join(FILE_NAME);
    (0..here.ancestors().count()).map(up).find(|path| path.is_file())
}

/// A path that the file names, from where we are: it is meant relative to the file.
pub(crate) fn beside(config: &Path, path: &str) -> PathBuf {
    config.parent().unwrap_or(Path::new("")).join(path)
}

/// Reads the text.
pub(crate) fn read(text: &str) -> (Config, Vec<Finding>) {
    let mut reader = Reader { text, findings: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.say(codes::CONFIG_SYNTAX, error.span().unwrap_or(0..0), error.message().to_owned());
    }
    if !reader.findings.is_empty() {
        // What was recovered may lack what was meant, so nothing more is said of it.
        return (Config::default(), reader.findings);
    }
    let config = reader.config(table.get_ref());
    (config, reader.findings)
}

struct Reader<'t> {
    text: &'t str,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn say(&mut self, code: Code, range: Range<usize>, message: String) {
        self.findings.push(Finding::new(code, message).at(Spot::of(self.text, range)));
    }

    fn config(&mut self, table: &DeTable<'_>) -> Config {
        let mut config = Config::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "schema" => config.schema = self.string("schema", value),
                "out" => config.out = self.string("out", value),
                "targets" => config.targets = self.strings("targets", value),
                "models" => config.models = self.strings("models", value),
                "target" => config.tables = self.tables(value),
                unknown => {
                    let help = Suggest::default().help(unknown, KEYS);
                    let spot = Spot::of(self.text, key.span());
                    let message = format!("`{unknown}` is not a setting");
                    self.findings
                        .push(Finding::new(codes::CONFIG_UNKNOWN_KEY, message).at(spot).help(help));
                }
            }
        }
        if config.schema.is_none() && !table.contains_key("schema") {
            self.say(codes::CONFIG_MISSING, 0..0, format!("this {FILE_NAME} names no `schema`"));
        }
        config
    }

    fn wrong(&mut self, what: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let message =
            format!("`{what}` is {}, and takes {wanted}", article(value.get_ref().type_str()));
        self.say(codes::CONFIG_WRONG_TYPE, value.span(), message);
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
        let setting = |item: &Spanned<DeValue<'_>>, reader: &mut Self| {
            let value = reader.string(&each, item)?;
            Some(Setting { value, spot: Some(Spot::of(reader.text, item.span())) })
        };
        Some(items.iter().filter_map(|item| setting(item, self)).collect())
    }

    fn tables(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<TargetTable> {
        let Some(tables) = value.get_ref().as_table() else {
            self.wrong("target", value, "one table per target, as in `[target.postgres]`");
            return Vec::new();
        };
        let mut read = Vec::new();
        for (key, value) in tables {
            let name = Setting {
                value: key.get_ref().to_string(),
                spot: Some(Spot::of(self.text, key.span())),
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
            let spot = |span| Some(Spot::of(self.text, span));
            let name = Setting { value: key.get_ref().to_string(), spot: spot(key.span()) };
            let value = Setting { value: json(value.get_ref()), spot: spot(value.span()) };
            target.options.push(OptionSetting { name, value });
        }
        target
    }
}

/// The value as targets take their options: a date is the text it is written as.
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
