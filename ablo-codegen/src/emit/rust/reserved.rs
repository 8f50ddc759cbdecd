//! Rust's reserved words and prelude types.

/// Strict and reserved keywords of all editions up to 2024 that can be raw identifiers. Sorted.
#[rustfmt::skip]
pub(super) const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Keywords that cannot be raw identifiers.
#[rustfmt::skip]
pub(super) const NEVER_RAW: [&str; 5] = ["Self", "_", "crate", "self", "super"];

/// Types and traits in the prelude of any edition. A model with such a name would shadow it for
/// everyone who imports the generated types with `*`, and in the generated file itself. Sorted.
#[rustfmt::skip]
pub(super) const PRELUDE_TYPES: [&str; 43] = [
    "AsMut", "AsRef", "AsyncFn", "AsyncFnMut", "AsyncFnOnce", "Box", "Clone", "Copy", "Default",
    "DoubleEndedIterator", "Drop", "Eq", "Err", "ExactSizeIterator", "Extend", "Fn", "FnMut",
    "FnOnce", "From", "FromIterator", "Future", "Into", "IntoFuture", "IntoIterator", "Iterator",
    "None", "Ok", "Option", "Ord", "PartialEq", "PartialOrd", "Result", "Self", "Send", "Sized",
    "Some", "String", "Sync", "ToOwned", "ToString", "TryFrom", "TryInto", "Vec",
];
