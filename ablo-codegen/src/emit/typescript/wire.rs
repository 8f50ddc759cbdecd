//! `wire.ts`: the frames and bodies of the protocol.
//!
//! The file is the same for every schema, so it is printed before a release: a test prints it from
//! the wire types and keeps it up to date.

#[cfg(test)]
mod print;

use super::writer::UNCHECKED;

/// Returns the text of the file.
pub(super) fn wire() -> String {
    [UNCHECKED, include_str!("compiled/wire.d.ts")].concat()
}
