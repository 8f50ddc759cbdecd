//! Converts names between the case conventions of Rust and of the schema. The Rust emitter uses
//! these functions to predict how its output is read.

/// Returns the wire name of a field: `station_id` becomes `stationId`, `self_` becomes `self`.
///
/// ```
/// assert_eq!(ablo_schema::front::rust::casing::lower_camel("station_id"), "stationId");
/// ```
#[must_use]
pub fn lower_camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for character in name.chars() {
        match character {
            '_' => upper = !out.is_empty(),
            _ if upper => {
                out.push(character.to_ascii_uppercase());
                upper = false;
            }
            _ => out.push(character),
        }
    }
    out
}

/// Returns the default key of a model: `WeatherReport` becomes `weatherReport`.
///
/// ```
/// assert_eq!(ablo_schema::front::rust::casing::key_of("WeatherReport"), "weatherReport");
/// ```
#[must_use]
pub fn key_of(type_name: &str) -> String {
    let mut characters = type_name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// The plural of the default key of a model: `WeatherReport` is `weatherReports`.
///
/// The client's method for a model is named after it unless the schema says otherwise.
///
/// ```
/// assert_eq!(ablo_schema::front::rust::casing::plural_key_of("WeatherReport"), "weatherReports");
/// ```
#[must_use]
pub fn plural_key_of(type_name: &str) -> String {
    let key = key_of(type_name);
    let is_vowel = |letter: char| "aeiou".contains(letter);
    let ends_with_sibilant = ["s", "x", "z", "ch", "sh"].iter().any(|ending| key.ends_with(ending));
    match key.strip_suffix('y') {
        Some(stem) if stem.ends_with(|letter| !is_vowel(letter)) => format!("{stem}ies"),
        _ if ends_with_sibilant => format!("{key}es"),
        _ => format!("{key}s"),
    }
}

/// A case convention for the values of an enum.
#[derive(Clone, Copy, Debug)]
pub struct Casing(pub &'static str);

/// The case conventions of `rename_all`, spelled as in serde; the first is the default.
pub const CASINGS: [&str; 7] = [
    "snake_case",
    "kebab-case",
    "camelCase",
    "PascalCase",
    "lowercase",
    "UPPERCASE",
    "SCREAMING_SNAKE_CASE",
];

impl Casing {
    /// Returns the value of a variant. Unknown conventions are treated as `snake_case`.
    ///
    /// ```
    /// use ablo_schema::front::rust::casing::Casing;
    /// assert_eq!(Casing("kebab-case").value("InReview"), "in-review");
    /// ```
    #[must_use]
    pub fn value(self, variant: &str) -> String {
        let separated = |separator: char| {
            let mut out = String::with_capacity(variant.len() + 4);
            for (at, character) in variant.char_indices() {
                if at > 0 && character.is_ascii_uppercase() {
                    out.push(separator);
                }
                out.push(character.to_ascii_lowercase());
            }
            out
        };
        match self.0 {
            "kebab-case" => separated('-'),
            "camelCase" => key_of(variant),
            "PascalCase" => variant.to_owned(),
            "lowercase" => variant.to_ascii_lowercase(),
            "UPPERCASE" => variant.to_ascii_uppercase(),
            "SCREAMING_SNAKE_CASE" => separated('_').to_ascii_uppercase(),
            _ => separated('_'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_keys() {
        assert_eq!(
            ["station_id", "_x", "self_", "a_1b", "location"].map(lower_camel),
            ["stationId", "x", "self", "a1b", "location"]
        );
        assert_eq!(key_of("WeatherReport"), "weatherReport");
    }

    #[test]
    fn plural_keys() {
        assert_eq!(
            ["WeatherReport", "Category", "Key", "DeskAccess", "Box", "Branch", "Y"]
                .map(plural_key_of),
            ["weatherReports", "categories", "keys", "deskAccesses", "boxes", "branches", "ys"]
        );
    }

    #[test]
    fn variants() {
        let values = CASINGS.map(|casing| Casing(casing).value("InReview"));
        assert_eq!(
            values,
            ["in_review", "in-review", "inReview", "InReview", "inreview", "INREVIEW", "IN_REVIEW"]
        );
    }
}
