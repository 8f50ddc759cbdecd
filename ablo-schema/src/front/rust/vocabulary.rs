//! The words of `#[ablo(…)]`, by the kind of item that has them.

/// The arguments of a model.
pub(crate) const MODEL_ARGUMENTS: [&str; 20] = [
    "crate",
    "key",
    "typename",
    "table",
    "load",
    "mutable",
    "scope",
    "grants",
    "entity_role",
    "tenancy",
    "plane",
    "bootstrap",
    "persist",
    "lazy_observable",
    "auto_fill",
    "required",
    "has_many",
    "has_one",
    "belongs_to",
    "base",
];

/// The arguments of a field.
pub(crate) const FIELD_ARGUMENTS: [&str; 19] = [
    "indexed",
    "column",
    "column_type",
    "rename",
    "unique",
    "secret",
    "default",
    "renamed_from",
    "number",
    "relative",
    "decimal",
    "json",
    "belongs_to",
    "parent",
    "index",
    "enrich",
    "defer",
    "fk",
    "relation",
];

/// The arguments of an enum.
pub(crate) const ENUM_ARGUMENTS: [&str; 2] = ["crate", "rename_all"];

/// The arguments of a variant.
pub(crate) const VARIANT_ARGUMENTS: [&str; 2] = ["value", "other"];

/// Returns the kind of item that has this argument.
pub(crate) fn owner_of(word: &str) -> Option<&'static str> {
    let owners: [(&str, &[&str]); 4] = [
        ("a model", &MODEL_ARGUMENTS),
        ("a field", &FIELD_ARGUMENTS),
        ("an enum", &ENUM_ARGUMENTS),
        ("a variant", &VARIANT_ARGUMENTS),
    ];
    owners.into_iter().find(|(_, words)| words.contains(&word)).map(|(owner, _)| owner)
}
