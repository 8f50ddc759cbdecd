//! Words of other languages, and what Schema JSON writes instead.

use crate::diag::Applicability::{self, MachineApplicable, MaybeIncorrect};

/// The text that stands for a word of another language.
pub(super) struct Instead {
    /// The value of `type`, and the members after it.
    pub(super) text: Option<&'static str>,
    /// The words of the help line.
    pub(super) help: &'static str,
    pub(super) applicability: Applicability,
}

const fn instead(text: &'static str, help: &'static str) -> Option<Instead> {
    Some(Instead { text: Some(text), help, applicability: MachineApplicable })
}

/// Returns the members that stand for a type of another language.
pub(super) fn field_type(word: &str) -> Option<Instead> {
    let word = word.to_ascii_lowercase();
    if word.ends_with("[]") || word.starts_with("array") || word.starts_with("list") {
        return instead("\"json\"", "`\"type\": \"json\"`, which stores lists");
    }
    if word.ends_with('?') {
        let help = "the type without `?`, and `\"isOptional\": true`";
        return Some(Instead { text: None, help, applicability: MaybeIncorrect });
    }
    let name = word.split(['(', '<', ' ']).next().unwrap_or_default();
    match name {
        "text" | "varchar" | "char" | "str" | "citext" => {
            instead("\"string\"", "`\"type\": \"string\"`")
        }
        "integer" | "int" | "int4" | "i32" | "serial" => instead(
            "\"number\", \"format\": \"int32\"",
            "`\"type\": \"number\", \"format\": \"int32\"`",
        ),
        "bigint" | "int8" | "i64" | "long" | "bigserial" => instead(
            "\"string\", \"format\": \"int64\"",
            "`\"type\": \"string\", \"format\": \"int64\"`",
        ),
        "smallint" | "i16" | "short" => instead(
            "\"number\", \"format\": \"int16\"",
            "`\"type\": \"number\", \"format\": \"int16\"`",
        ),
        "float" | "double" | "real" | "f64" => instead("\"number\"", "`\"type\": \"number\"`"),
        "decimal" | "numeric" | "money" => Some(Instead {
            text: Some("\"string\", \"format\": \"decimal\", \"precision\": 12, \"scale\": 2"),
            help: "`\"type\": \"string\", \"format\": \"decimal\", \"precision\": 12, \
                   \"scale\": 2`",
            applicability: MaybeIncorrect,
        }),
        "bool" => instead("\"boolean\"", "`\"type\": \"boolean\"`"),
        "datetime" | "timestamp" | "timestamptz" | "time" | "date-time" => {
            instead("\"date\"", "`\"type\": \"date\"`")
        }
        "uuid" | "guid" => instead(
            "\"string\", \"format\": \"uuid\"",
            "`\"type\": \"string\", \"format\": \"uuid\"`",
        ),
        "object" | "any" | "jsonb" | "record" | "map" => {
            instead("\"json\"", "`\"type\": \"json\"`")
        }
        _ => None,
    }
}

/// Returns the relations that stand for one of another language.
pub(super) fn relation_type(word: &str) -> Option<Instead> {
    let letters: String = word.chars().filter(char::is_ascii_alphabetic).collect();
    match letters.to_ascii_lowercase().as_str() {
        "manytoone" => instead("\"belongsTo\"", "`\"type\": \"belongsTo\"`"),
        "onetomany" => instead("\"hasMany\"", "`\"type\": \"hasMany\"`"),
        "onetoone" => Some(Instead {
            text: Some("\"hasOne\""),
            help: "`\"type\": \"hasOne\"`, or `belongsTo` on the model with the foreign key",
            applicability: MaybeIncorrect,
        }),
        "manytomany" | "hasandbelongstomany" => Some(Instead {
            text: None,
            help: "a model between the two, with a `belongsTo` relation to each",
            applicability: MaybeIncorrect,
        }),
        _ => None,
    }
}

/// Returns the object of a field that was written as its type alone.
pub(super) fn whole_field(word: &str) -> (Applicability, String) {
    let (word, optional) = word.strip_suffix('?').map_or((word, false), |word| (word, true));
    let (applicability, kind) = match field_type(word) {
        Some(Instead { text: Some(text), applicability, .. }) => (applicability, text.to_owned()),
        _ if is_type(word) => (MachineApplicable, format!("\"{word}\"")),
        _ => (MaybeIncorrect, "\"string\"".to_owned()),
    };
    let field = format!("{{\"type\": {kind}, \"isOptional\": {optional}, \"isIndexed\": false}}");
    (applicability, field)
}

fn is_type(word: &str) -> bool {
    crate::raw::RawKind::ALL.iter().any(|kind| kind.as_str() == word)
}
