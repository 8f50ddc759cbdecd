//! Identifiers of Rust: every name of a schema becomes one here, or nowhere.
//!
//! An [`Ident`] has no constructor that takes finished text, so what is printed is always legal. The text of an identifier
//! depends on the name alone; only [`TypeNames`] and [`Variants`] look around, and give the later of two equals a `_`.

use super::reserved::{KEYWORDS, NEVER_RAW, PRELUDE_TYPES};
use heck::ToUpperCamelCase;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A legal identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ident(String);

impl Ident {
    /// An identifier that rustc has read.
    pub(super) fn verbatim(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Without `r#`.
    #[cfg(feature = "build")]
    pub(super) fn plain(&self) -> &str {
        self.0.strip_prefix("r#").unwrap_or(&self.0)
    }

    /// A name that a list of words does not have, read as the same: `index_` for `index`.
    #[cfg(feature = "build")]
    pub(super) fn avoiding(mut self, words: &[&str]) -> Self {
        if words.contains(&self.plain()) {
            self = Self(format!("{}_", self.plain()));
        }
        self
    }

    /// A struct field or a function: `createdAt` is `created_at`, `type` is `r#type`, `self` is `self_`.
    pub(super) fn field(name: &str) -> Self {
        let mut text = snake(name, char::to_ascii_lowercase);
        if NEVER_RAW.contains(&text.as_str()) {
            text.push('_');
        } else if KEYWORDS.contains(&text.as_str()) {
            text.insert_str(0, "r#");
        }
        Self(text)
    }

    /// A constant: `createdAt` is `CREATED_AT`.
    pub(super) fn constant(name: &str) -> Self {
        Self(snake(name, char::to_ascii_uppercase))
    }

    /// A type or a variant, before anyone looked whether the name is free.
    fn upper_camel(name: &str) -> Self {
        let mut text = if name.is_ascii() {
            name.to_upper_camel_case()
        } else {
            spelled(name).to_upper_camel_case()
        };
        if text.is_empty() {
            // Nothing but punctuation, or nothing at all.
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

    /// Two names in one; a `_` that one of them has for its own sake is not theirs together.
    fn joined(&self, suffix: &str) -> Self {
        Self(format!("{}{}", self.0.trim_end_matches('_'), suffix.trim_start_matches('_')))
    }
}

/// Tokens that rustc has read: a type, a path, a visibility of the user's own.
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

/// Every capital becomes `_` and itself in the wanted case: the same rule that makes columns.
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

/// Letters outside ASCII would be legal names, but rustc warns of many of them: their code points stand for them.
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

/// The type names of one file: no two are equal, and none hides what the prelude names.
pub(super) struct TypeNames(BTreeSet<String>);

impl TypeNames {
    pub(super) fn new() -> Self {
        Self(PRELUDE_TYPES.iter().map(|&name| name.to_owned()).collect())
    }

    /// Names that also leave these alone.
    #[cfg(feature = "build")]
    pub(super) fn avoiding(words: impl Iterator<Item = &'static str>) -> Self {
        let mut names = Self::new();
        names.0.extend(words.map(str::to_owned));
        names
    }

    /// Gives a name back that is not used after all.
    #[cfg(feature = "build")]
    pub(super) fn release(&mut self, ident: &Ident) {
        self.0.remove(&ident.0);
    }

    /// A type that a macro puts another beside, whose name is this and a suffix: both are free.
    #[cfg(feature = "build")]
    pub(super) fn with_suffix(&mut self, name: &str, suffix: &str) -> Ident {
        let mut ident = Ident::upper_camel(name);
        while self.0.contains(&ident.0) || self.0.contains(&format!("{}{suffix}", ident.0)) {
            ident.0.push('_');
        }
        self.0.extend([ident.0.clone(), format!("{}{suffix}", ident.0)]);
        ident
    }

    /// The type of a model.
    pub(super) fn model(&mut self, type_name: &str) -> Ident {
        claim(&mut self.0, Ident::upper_camel(type_name))
    }

    /// The enum of deltas.
    pub(super) fn deltas(&mut self) -> Ident {
        claim(&mut self.0, Ident("SchemaDelta".to_owned()))
    }

    /// A type that belongs to a model: `WeatherReportPatch`.
    pub(super) fn derived(&mut self, model: &Ident, suffix: &'static str) -> Ident {
        claim(&mut self.0, model.joined(suffix))
    }

    /// The enum of a model's field: `WeatherReportStatus`.
    pub(super) fn enumeration(&mut self, model: &Ident, field: &str) -> Ident {
        claim(&mut self.0, model.joined(Ident::upper_camel(field).as_str()))
    }
}

/// The variants of one enum.
pub(super) struct Variants(BTreeSet<String>);

impl Variants {
    pub(super) fn new() -> Self {
        // The variant for values that no schema lists, and the word that no variant can be.
        Self(["Unrecognized", "Self"].map(str::to_owned).into())
    }

    /// The variants of an enum that a person reads, but for the one that keeps other values.
    #[cfg(feature = "build")]
    pub(super) fn for_source() -> Self {
        Self(["Self".to_owned()].into())
    }

    /// The variant that keeps other values.
    #[cfg(feature = "build")]
    pub(super) fn other(&mut self) -> Ident {
        let names = ["Other", "Unknown", "Unlisted"];
        let free = names.into_iter().find(|name| !self.0.contains(*name)).unwrap_or("Other");
        claim(&mut self.0, Ident(free.to_owned()))
    }

    /// The variant of a value.
    pub(super) fn value(&mut self, value: &str) -> Ident {
        claim(&mut self.0, Ident::upper_camel(value))
    }
}

/// The methods of a client that lead to models.
#[derive(Default)]
pub(super) struct Accessors(BTreeSet<String>);

impl Accessors {
    /// The method for the model with this key: `weatherReports` is `weather_reports`.
    pub(super) fn model(&mut self, key: &str) -> Ident {
        claim(&mut self.0, Ident::field(key))
    }
}

/// No identifier ends in `_` by itself, so a name that had to move never takes the place of a later one.
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
    fn types_stay_out_of_each_others_way() {
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
    fn lists_are_sorted_and_whole() {
        assert!(PRELUDE_TYPES.is_sorted());
        assert!(NEVER_RAW.iter().all(|word| !KEYWORDS.contains(word)));
    }
}
