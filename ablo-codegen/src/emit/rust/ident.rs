//! Rust identifiers made from names of a schema.
//!
//! An [`Ident`] is always legal. Its text depends on the name alone; only [`TypeNames`],
//! [`Variants`] and [`Accessors`] look at other names and append `_` to the later of two equal
//! ones.

use super::reserved::{KEYWORDS, NEVER_RAW, PRELUDE_TYPES};
use heck::ToUpperCamelCase;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A legal identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ident(String);

impl Ident {
    /// Creates an identifier from a token that rustc has parsed.
    pub(super) fn verbatim(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the identifier without `r#`.
    #[cfg(feature = "build")]
    pub(super) fn plain(&self) -> &str {
        self.0.strip_prefix("r#").unwrap_or(&self.0)
    }

    /// Appends `_` if the name is one of `words`; readers ignore the suffix: `index_` for `index`.
    #[cfg(feature = "build")]
    pub(super) fn avoiding(mut self, words: &[&str]) -> Self {
        if words.contains(&self.plain()) {
            self = Self(format!("{}_", self.plain()));
        }
        self
    }

    /// Creates the identifier of a field or function: `createdAt` is `created_at`, `type` is
    /// `r#type`, `self` is `self_`.
    pub(super) fn field(name: &str) -> Self {
        let mut text = snake(name, char::to_ascii_lowercase);
        if NEVER_RAW.contains(&text.as_str()) {
            text.push('_');
        } else if KEYWORDS.contains(&text.as_str()) {
            text.insert_str(0, "r#");
        }
        Self(text)
    }

    /// Creates the identifier of a constant: `createdAt` is `CREATED_AT`.
    pub(super) fn constant(name: &str) -> Self {
        Self(snake(name, char::to_ascii_uppercase))
    }

    /// Creates the identifier of a type or variant, which may be taken.
    fn upper_camel(name: &str) -> Self {
        let mut text = if name.is_ascii() {
            name.to_upper_camel_case()
        } else {
            spelled(name).to_upper_camel_case()
        };
        if text.is_empty() {
            // The name is empty or has only punctuation.
            name.chars().for_each(|character| push_code_point(&mut text, character));
        }
        if text.is_empty() {
            text.push_str("Empty");
        }
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            text.insert(0, '_');
        }
        Self(text)
    }

    /// Joins two names, without the `_` that makes either of them unique.
    fn joined(&self, suffix: &str) -> Self {
        Self(format!("{}{}", self.0.trim_end_matches('_'), suffix.trim_start_matches('_')))
    }
}

/// Returns whether a text is a path of identifiers.
pub(super) fn is_path(text: &str) -> bool {
    let is_word = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    text.strip_prefix("::").unwrap_or(text).split("::").all(is_word)
}

/// Tokens that rustc has parsed: a type, path or visibility in the user's code.
#[derive(Clone, Debug)]
pub(super) struct UserTokens(String);

impl UserTokens {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Ident> for UserTokens {
    fn from(ident: &Ident) -> Self {
        Self(ident.0.clone())
    }
}

/// Inserts `_` before each capital and changes the case, by the rule that makes column names.
fn snake(name: &str, case: impl Fn(&char) -> char) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(case(&character));
    }
    text
}

/// Replaces letters outside ASCII by their code points. They would be legal, but rustc warns about
/// many of them.
fn spelled(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii() || !character.is_alphanumeric() {
            text.push(character);
        } else {
            push_code_point(&mut text, character);
        }
    }
    text
}

fn push_code_point(text: &mut String, character: char) {
    // Writing to a string cannot fail.
    let _ = write!(text, "U{:04x}", u32::from(character));
}

/// The type names of one file. They are distinct and do not shadow the prelude.
pub(super) struct TypeNames(BTreeSet<String>);

impl TypeNames {
    pub(super) fn new() -> Self {
        Self(PRELUDE_TYPES.iter().map(|&name| name.to_owned()).collect())
    }

    /// Creates names that also avoid `words`.
    #[cfg(feature = "build")]
    pub(super) fn avoiding(words: impl Iterator<Item = &'static str>) -> Self {
        let mut names = Self::new();
        names.0.extend(words.map(str::to_owned));
        names
    }

    /// Releases a name that is not used.
    #[cfg(feature = "build")]
    pub(super) fn release(&mut self, ident: &Ident) {
        self.0.remove(&ident.0);
    }

    /// Names a type for which a macro generates other types with these suffixes, so that all names
    /// are free.
    #[cfg(feature = "build")]
    pub(super) fn with_suffixes(&mut self, name: &str, suffixes: &[&str]) -> Ident {
        let mut ident = Ident::upper_camel(name);
        loop {
            let derived = suffixes.iter().map(|suffix| format!("{}{suffix}", ident.0));
            let names: Vec<String> = derived.chain([ident.0.clone()]).collect();
            if names.iter().all(|name| !self.0.contains(name)) {
                self.0.extend(names);
                return ident;
            }
            ident.0.push('_');
        }
    }

    /// Names the type of a model.
    pub(super) fn model(&mut self, type_name: &str) -> Ident {
        claim(&mut self.0, Ident::upper_camel(type_name))
    }

    /// Names the enum of deltas.
    pub(super) fn deltas(&mut self) -> Ident {
        claim(&mut self.0, Ident("SchemaDelta".to_owned()))
    }

    /// Names a type that belongs to a model: `WeatherReportPatch`.
    pub(super) fn derived(&mut self, model: &Ident, suffix: &'static str) -> Ident {
        claim(&mut self.0, model.joined(suffix))
    }

    /// Names the enum of a model's field: `WeatherReportStatus`.
    pub(super) fn enumeration(&mut self, model: &Ident, field: &str) -> Ident {
        claim(&mut self.0, model.joined(Ident::upper_camel(field).as_str()))
    }
}

/// The variant names of one enum.
pub(super) struct Variants(BTreeSet<String>);

impl Variants {
    pub(super) fn new() -> Self {
        // The variant for unknown values, and the keyword that cannot be a variant.
        Self(["Unrecognized", "Self"].map(str::to_owned).into())
    }

    /// Creates the variant names of an enum in source code, in which the variant for unknown values
    /// is named last.
    #[cfg(feature = "build")]
    pub(super) fn for_source() -> Self {
        Self(["Self".to_owned()].into())
    }

    /// Names the variant for unknown values.
    #[cfg(feature = "build")]
    pub(super) fn other(&mut self) -> Ident {
        let names = ["Other", "Unknown", "Unlisted"];
        let free = names.into_iter().find(|name| !self.0.contains(*name)).unwrap_or("Other");
        claim(&mut self.0, Ident(free.to_owned()))
    }

    /// Names the variant of a value.
    pub(super) fn value(&mut self, value: &str) -> Ident {
        claim(&mut self.0, Ident::upper_camel(value))
    }
}

/// The names of a client's accessor methods.
#[derive(Default)]
pub(super) struct Accessors(BTreeSet<String>);

impl Accessors {
    /// Names the accessor of the model with this key: `weatherReports` is `weather_reports`.
    pub(super) fn model(&mut self, key: &str) -> Ident {
        claim(&mut self.0, Ident::field(key))
    }
}

/// Identifiers do not end in `_` on their own, so a renamed identifier never collides with a later
/// one.
fn claim(taken: &mut BTreeSet<String>, mut ident: Ident) -> Ident {
    while taken.contains(&ident.0) {
        ident.0.push('_');
    }
    taken.insert(ident.0.clone());
    ident
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_legal() {
        let field = |name| Ident::field(name).0;
        assert_eq!(["createdAt", "a1B", "x"].map(field), ["created_at", "a1_b", "x"]);
        assert_eq!(["type", "gen", "try"].map(field), ["r#type", "r#gen", "r#try"]);
        assert_eq!(["self", "super", "crate"].map(field), ["self_", "super_", "crate_"]);
        assert_eq!(Ident::constant("createdAt").0, "CREATED_AT");
    }

    #[test]
    fn variants_follow_their_values() {
        let mut variants = Variants::new();
        let values = [
            "in progress",
            "in-progress",
            "",
            "+",
            "日本",
            "été",
            "2nd",
            "self",
            "unrecognized",
            "it's",
        ];
        let names = values.map(|value| variants.value(value).0);
        let expected = [
            "InProgress",
            "InProgress_",
            "Empty",
            "U002b",
            "U65e5U672c",
            "U00e9tU00e9",
            "_2nd",
            "Self_",
            "Unrecognized_",
        ];
        assert_eq!(names[..9], expected);
        assert_eq!(names[9], "ItS");
    }

    #[test]
    fn type_names_do_not_collide() {
        let mut names = TypeNames::new();
        let task = names.model("task");
        assert_eq!(names.model("TaskCreate").0, "TaskCreate");
        let option = names.model("option");
        assert_eq!(option.0, "Option_");
        assert_eq!(names.derived(&option, "Patch").0, "OptionPatch");
        assert_eq!(names.derived(&task, "Create").0, "TaskCreate_");
        assert_eq!(names.enumeration(&task, "kindOf").0, "TaskKindOf");
    }

    #[test]
    fn word_lists_are_consistent() {
        assert!(PRELUDE_TYPES.is_sorted());
        assert!(NEVER_RAW.iter().all(|word| !KEYWORDS.contains(word)));
    }
}
