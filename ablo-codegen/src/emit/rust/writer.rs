//! A printer of Rust source text.
//!
//! Only a [`Token`] can be printed: constant syntax, an [`Ident`], or an escaped literal. Text of a
//! schema cannot be printed unescaped.

use super::doc::{self, is_invisible};
use super::ident::{Ident, UserTokens};
use std::fmt::Write;

/// A printable part of a Rust file.
pub(super) trait Token {
    fn print(&self, out: &mut Writer);
}

/// How constant syntax names the runtime crate.
const CRATE: &str = "::ablo";

/// Constant syntax, with the path of the runtime crate.
impl Token for &'static str {
    fn print(&self, out: &mut Writer) {
        for (at, part) in self.split(CRATE).enumerate() {
            if at > 0 {
                let Writer { text, root } = out;
                text.push_str(root);
            }
            out.text.push_str(part);
        }
    }
}

impl Token for Ident {
    fn print(&self, out: &mut Writer) {
        out.text.push_str(self.as_str());
    }
}

impl Token for UserTokens {
    fn print(&self, out: &mut Writer) {
        out.text.push_str(self.as_str());
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Token for $number {
            fn print(&self, out: &mut Writer) {
                // Writing to a string cannot fail.
                let _ = write!(out.text, "{self}");
            }
        }
    )*};
}

numbers! { u16 u32 u64 usize }

impl Token for bool {
    fn print(&self, out: &mut Writer) {
        out.text.push_str(if *self { "true" } else { "false" });
    }
}

/// Tokens that stay on one line.
#[cfg(feature = "build")]
pub(super) struct Word(String);

#[cfg(feature = "build")]
impl Word {
    pub(super) fn new(tokens: &[&dyn Token]) -> Self {
        let mut out = Writer::default();
        out.put(tokens);
        Self(out.text)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(feature = "build")]
impl Token for Word {
    fn print(&self, out: &mut Writer) {
        out.text.push_str(&self.0);
    }
}

/// A literal of a finite number.
#[cfg(feature = "build")]
pub(super) struct Number(pub(super) f64);

#[cfg(feature = "build")]
impl Token for Number {
    fn print(&self, out: &mut Writer) {
        // Integers are printed without a fraction as long as they are exact.
        let out = &mut out.text;
        let whole = self.0.fract() == 0.0 && self.0.abs() < 1e15;
        let _ = if whole { write!(out, "{:.0}", self.0) } else { write!(out, "{:?}", self.0) };
    }
}

/// A string literal.
pub(super) struct Str<'a>(pub(super) &'a str);

impl Token for Str<'_> {
    fn print(&self, out: &mut Writer) {
        let out = &mut out.text;
        out.push('"');
        let mut plain = 0;
        for (at, character) in self.0.char_indices() {
            if !needs_escape(character) {
                continue;
            }
            out.push_str(&self.0[plain..at]);
            plain = at + character.len_utf8();
            match character {
                '"' | '\\' => out.extend(['\\', character]),
                _ => {
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
                }
            }
        }
        out.push_str(&self.0[plain..]);
        out.push('"');
    }
}

/// Returns whether a character has to be escaped: quotes, backslashes, and characters that are
/// invisible or that rustc and clippy reject in literals.
fn needs_escape(character: char) -> bool {
    matches!(character, '"' | '\\') || character.is_control() || is_invisible(character)
}

/// A file that is being written.
pub(super) struct Writer {
    text: String,
    /// The path of the runtime crate.
    root: String,
}

impl Default for Writer {
    fn default() -> Self {
        Self::with_root(CRATE)
    }
}

/// The default line width of rustfmt.
#[cfg(feature = "build")]
pub(super) const RUSTFMT_WIDTH: usize = 100;
/// The line width inside macro calls, which rustfmt does not format.
const FILL_WIDTH: usize = 116;

impl Writer {
    /// Starts a file in which the runtime crate has this path.
    pub(super) fn with_root(root: &str) -> Self {
        Self { text: String::new(), root: root.to_owned() }
    }

    /// Appends tokens to the current line.
    pub(super) fn put(&mut self, tokens: &[&dyn Token]) {
        for token in tokens {
            token.print(self);
        }
    }

    /// Appends tokens and ends the line.
    pub(super) fn line(&mut self, tokens: &[&dyn Token]) {
        self.put(tokens);
        self.text.push('\n');
    }

    /// Appends one item of a list, on a new line if the current one is full.
    pub(super) fn fill(&mut self, indent: &'static str, item: &[&dyn Token]) {
        let at = self.text.len();
        self.put(item);
        let line = self.text.rfind('\n').map_or(0, |end| end + 1);
        if self.text.len() - line > FILL_WIDTH {
            self.text.insert_str(at, indent);
            self.text.insert(at, '\n');
        }
    }

    /// Prints a description as a doc comment.
    pub(super) fn doc(&mut self, indent: &'static str, prose: &str) {
        for line in doc::lines(prose) {
            self.text.push_str(indent);
            self.text.push_str("///");
            if !line.is_empty() {
                self.text.push(' ');
                self.text.push_str(&line);
            }
            self.text.push('\n');
        }
    }

    /// Prints a description as a doc comment that reads back unchanged except for white space at
    /// its ends and at line ends. The author's Markdown is kept.
    #[cfg(feature = "build")]
    pub(super) fn prose(&mut self, indent: &'static str, prose: &str) {
        let prose = prose.trim();
        let lines = prose.split('\n').filter(|_| !prose.is_empty());
        for line in lines.map(str::trim_end) {
            if line.chars().any(|character| character.is_control() || is_invisible(character)) {
                self.line(&[&indent, &"#[doc = ", &Str(&format!(" {line}")), &"]"]);
                continue;
            }
            self.text.push_str(indent);
            self.text.push_str("///");
            if !line.is_empty() {
                self.text.push(' ');
                self.text.push_str(line);
            }
            self.text.push('\n');
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_escape() {
        let literal = |value| {
            let mut out = Writer::default();
            Str(value).print(&mut out);
            out.finish()
        };
        assert_eq!(literal("it's \"é\" 😀"), r#""it's \"é\" 😀""#);
        assert_eq!(
            literal("\\\n\u{1}\u{2028}\u{202e}\u{feff}"),
            r#""\\\u{a}\u{1}\u{2028}\u{202e}\u{feff}""#
        );
    }
}
