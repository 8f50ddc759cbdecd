//! The words that Rust keeps for itself, in one place.

/// Keywords of every edition up to 2024, strict and reserved, that may be written raw. Sorted.
#[rustfmt::skip]
pub(super) const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that cannot be written raw.
#[rustfmt::skip]
pub(super) const NEVER_RAW: [&str; 5] = ["Self", "_", "crate", "self", "super"];

/// What the prelude of any edition names. A model of such a name would hide it from everyone who imports the generated
/// types by `*`, and from the generated file itself. Sorted.
#[rustfmt::skip]
pub(super) const PRELUDE_TYPES: [&str; 43] = [
    "AsMut", "AsRef", "AsyncFn", "AsyncFnMut", "AsyncFnOnce", "Box", "Clone", "Copy", "Default", "DoubleEndedIterator",
    "Drop", "Eq", "Err", "ExactSizeIterator", "Extend", "Fn", "FnMut", "FnOnce", "From", "FromIterator", "Future", "Into",
    "IntoFuture", "IntoIterator", "Iterator", "None", "Ok", "Option", "Ord", "PartialEq", "PartialOrd", "Result", "Self",
    "Send", "Sized", "Some", "String", "Sync", "ToOwned", "ToString", "TryFrom", "TryInto", "Vec",
];
