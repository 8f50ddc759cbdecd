//! Words of other languages, and what Schema JSON writes instead.

/// Returns the members that stand for a type of another language.
pub(super) fn field_type(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    if word.ends_with("[]") || word.starts_with("array") || word.starts_with("list") {
        return Some("`\"type\": \"json\"`, which stores lists");
    }
    if word.ends_with('?') {
        return Some("the type without `?`, and `\"isOptional\": true`");
    }
    let name = word.split(['(', '<', ' ']).next().unwrap_or_default();
    Some(match name {
        "text" | "varchar" | "char" | "str" | "citext" => "`\"type\": \"string\"`",
        "integer" | "int" | "int4" | "i32" | "serial" => {
            "`\"type\": \"number\", \"format\": \"int32\"`"
        }
        "bigint" | "int8" | "i64" | "long" | "bigserial" => {
            "`\"type\": \"string\", \"format\": \"int64\"`"
        }
        "smallint" | "i16" | "short" => "`\"type\": \"number\", \"format\": \"int16\"`",
        "float" | "double" | "real" | "f64" => "`\"type\": \"number\"`",
        "decimal" | "numeric" | "money" => {
            "`\"type\": \"string\", \"format\": \"decimal\", \"precision\": 12, \"scale\": 2`"
        }
        "bool" => "`\"type\": \"boolean\"`",
        "datetime" | "timestamp" | "timestamptz" | "time" | "date-time" => "`\"type\": \"date\"`",
        "uuid" | "guid" => "`\"type\": \"string\", \"format\": \"uuid\"`",
        "object" | "any" | "jsonb" | "record" | "map" => "`\"type\": \"json\"`",
        _ => return None,
    })
}

/// Returns the relations that stand for one of another language.
pub(super) fn relation_type(word: &str) -> Option<&'static str> {
    let letters: String = word.chars().filter(char::is_ascii_alphabetic).collect();
    Some(match letters.to_ascii_lowercase().as_str() {
        "manytoone" => "`\"type\": \"belongsTo\"`",
        "onetomany" => "`\"type\": \"hasMany\"`",
        "onetoone" => "`\"type\": \"hasOne\"`, or `belongsTo` on the model with the foreign key",
        "manytomany" | "hasandbelongstomany" => {
            "a model between the two, with a `belongsTo` relation to each"
        }
        _ => return None,
    })
}

/// Returns the object of a field that was written as its type alone.
pub(super) fn whole_field(word: &str) -> String {
    let (word, optional) = word.strip_suffix('?').map_or((word, false), |word| (word, true));
    let members = field_type(word).and_then(|members| members.split('`').nth(1));
    let members = members.map_or_else(
        || format!("\"type\": \"{}\"", if is_type(word) { word } else { "string" }),
        str::to_owned,
    );
    format!("`{{{members}, \"isOptional\": {optional}, \"isIndexed\": false}}`")
}

fn is_type(word: &str) -> bool {
    crate::raw::RawKind::ALL.iter().any(|kind| kind.as_str() == word)
}
