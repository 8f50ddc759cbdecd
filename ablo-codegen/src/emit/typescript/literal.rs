//! String literals, member names and comments in TypeScript.
//!
//! Text from a schema is written only through these types, which escape it: a quote, a line
//! separator or the end of a comment in a name or a description cannot become code.

use super::writer::{Code, Writer, line};
use ablo_schema::schema::{FieldName, Identifier};
use ablo_schema::value::Value;

/// A string literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Str<'a>(pub(super) &'a str);

/// The name of a member, quoted unless it is an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'a>(pub(super) &'a str);

/// One line of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prose<'a>(&'a str);

impl Code for Str<'_> {
    fn code(&self, w: &mut Writer) {
        if self.0.bytes().all(|b| CLASS[usize::from(b)] & PLAIN != 0) {
            return w.push_quoted(self.0);
        }
        w.push("\"");
        let mut clean = 0;
        for (at, c) in self.0.char_indices().filter(|(_, c)| must_escape(*c)) {
            w.push(&self.0[clean..at]);
            escape(w, c);
            clean = at + c.len_utf8();
        }
        w.push(&self.0[clean..]);
        w.push("\"");
    }
}

/// A string literal of an identifier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted<'a, N>(pub(super) &'a N);

impl<N: Identifier> Code for Quoted<'_, N> {
    fn code(&self, w: &mut Writer) {
        w.push_quoted(self.0.identifier());
    }
}

/// The name of a member.
impl Code for FieldName {
    fn code(&self, w: &mut Writer) {
        w.push(self.as_str());
    }
}

impl Code for Key<'_> {
    fn code(&self, w: &mut Writer) {
        if is_identifier(self.0) { w.push(self.0) } else { Str(self.0).code(w) }
    }
}

/// The quoted name of another generated file in an import.
#[derive(Clone, Copy, Debug)]
pub(super) struct Module(pub(super) &'static str);

impl Code for Module {
    fn code(&self, w: &mut Writer) {
        w.push("\"./");
        w.push(self.0);
        w.push(w.form().extension());
        w.push("\"");
    }
}

/// A JSON value as an expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a>(pub(super) &'a Value);

impl Code for Json<'_> {
    fn code(&self, w: &mut Writer) {
        let between = |w: &mut Writer, at: usize| w.push(if at == 0 { "" } else { ", " });
        match self.0 {
            Value::Null | Value::Bool(_) | Value::Number(_) => w.push(&self.0.to_json()),
            Value::String(text) => Str(text).code(w),
            Value::Array(items) => {
                w.push("[");
                for (at, item) in items.iter().enumerate() {
                    between(w, at);
                    Json(item).code(w);
                }
                w.push("]");
            }
            Value::Object(members) => {
                w.push("{ ");
                for (at, (name, value)) in members.iter().enumerate() {
                    between(w, at);
                    match &**name {
                        // Otherwise it would set the prototype.
                        "__proto__" => w.push("[\"__proto__\"]"),
                        name => Key(name).code(w),
                    }
                    w.push(": ");
                    Json(value).code(w);
                }
                w.push(" }");
            }
        }
    }
}

impl<'a> Prose<'a> {
    /// Splits a text into lines, without trailing white space and surrounding blank lines.
    pub(super) fn lines(text: &'a str) -> impl Iterator<Item = Self> {
        let text = Some(text.trim()).filter(|text| !text.is_empty());
        let lines = text.into_iter().flat_map(|text| text.split(is_break));
        lines
            .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
            .map(|line| Prose(line.trim_end()))
    }

    /// Writes a text on one line; line breaks become spaces.
    pub(super) fn inline(text: &'a str) -> Self {
        Prose(text)
    }

    /// Returns whether the line is blank.
    pub(super) fn is_blank(self) -> bool {
        self.0.is_empty()
    }
}

impl Code for Prose<'_> {
    fn code(&self, w: &mut Writer) {
        if self.0.bytes().all(|b| CLASS[usize::from(b)] & PROSE != 0) {
            return w.push(self.0);
        }
        let mut rest = self.0;
        while let Some(at) = rest.find(|c: char| c == '*' || is_invisible(c)) {
            let (clean, tail) = rest.split_at(at);
            w.push(clean);
            rest = if let Some(after) = tail.strip_prefix("*/") {
                w.push("*\\/");
                after
            } else if let Some(after) = tail.strip_prefix('*') {
                w.push("*");
                after
            } else {
                w.push(" ");
                &tail[tail.chars().next().map_or(0, char::len_utf8)..]
            };
        }
        w.push(rest);
    }
}

impl Writer {
    /// Writes a doc comment. Writes nothing if there are no lines.
    pub(super) fn doc<'a>(&mut self, lines: impl Iterator<Item = Prose<'a>>) {
        let mut lines = lines;
        let (Some(first), second) = (lines.next(), lines.next()) else { return };
        let Some(second) = second else {
            line!(self, "/** ", first, " */");
            return;
        };
        line!(self, "/**");
        for part in [first, second].into_iter().chain(lines) {
            if part.is_blank() {
                line!(self, " *");
            } else {
                line!(self, " * ", part);
            }
        }
        line!(self, " */");
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns whether a text is an ASCII identifier. Reserved words count, because they are valid
/// member names.
pub(super) fn is_identifier(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|b| CLASS[usize::from(b)] & IDENTIFIER != 0)
}

/// A byte that a string literal contains unescaped.
const PLAIN: u8 = 1;
/// A byte of an identifier.
const IDENTIFIER: u8 = 2;
/// A byte that a comment contains unescaped, regardless of its neighbours.
const PROSE: u8 = 4;

/// The classes of each byte: a fast check, because most text needs no escaping.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        if byte != b'"' && byte != b'\\' {
            class[byte as usize] |= PLAIN;
        }
        if byte != b'*' {
            class[byte as usize] |= PROSE;
        }
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' {
            class[byte as usize] |= IDENTIFIER;
        }
        byte += 1;
    }
    class
};

fn must_escape(c: char) -> bool {
    matches!(c, '"' | '\\') || is_invisible(c)
}

/// Returns whether a character is a control character, a line separator or a bidirectional mark.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes a character. All invisible characters are in the basic plane, so four digits suffice.
fn escape(w: &mut Writer, c: char) {
    const HEX: [&str; 16] =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];
    match c {
        '"' => w.push("\\\""),
        '\\' => w.push("\\\\"),
        '\n' => w.push("\\n"),
        '\r' => w.push("\\r"),
        '\t' => w.push("\\t"),
        other => {
            w.push("\\u");
            for shift in [12, 8, 4, 0] {
                w.push(HEX[(other as usize >> shift) & 15]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::typescript::writer::line;

    fn code(part: impl Code) -> String {
        let mut w = Writer::part();
        part.code(&mut w);
        w.finish()
    }

    #[test]
    fn strings_escape_quotes_and_invisible_characters() {
        assert_eq!(code(Str(r#"a"b\c'd`${e}"#)), r#""a\"b\\c'd`${e}""#);
        assert_eq!(
            code(Str("\n\r\t\u{0}\u{1f}\u{7f}\u{9f}")),
            r#""\n\r\t\u0000\u001f\u007f\u009f""#
        );
        assert_eq!(
            code(Str("\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}")),
            r#""\u2028\u2029\u202e\u2066\ufeff""#
        );
        assert_eq!(code(Str("été 日本語 😀")), r#""été 日本語 😀""#);
        assert_eq!(code(Str("</script> */ //")), r#""</script> */ //""#);
        assert_eq!(code(Str("")), r#""""#);
    }

    #[test]
    fn keys_are_quoted_if_necessary() {
        assert_eq!(code(Key("contentJson")), "contentJson");
        assert_eq!(code(Key("delete")), "delete");
        assert_eq!(code(Key("$_1")), "$_1");
        assert_eq!(code(Key("1a")), r#""1a""#);
        assert_eq!(code(Key("a-b")), r#""a-b""#);
        assert_eq!(code(Key("a\"b")), r#""a\"b""#);
        assert_eq!(code(Key("é")), r#""é""#);
        assert_eq!(code(Key("")), r#""""#);
    }

    #[test]
    fn json_values_are_expressions() {
        let object = Value::Object(vec![
            ("__proto__".into(), Value::Null),
            ("a b".into(), Value::Array(vec![Value::Number(-0.5), Value::Bool(true)])),
            ("c".into(), Value::String("\u{2028}".into())),
        ]);
        let text = r#"{ ["__proto__"]: null, "a b": [-0.5, true], c: "\u2028" }"#;
        assert_eq!(code(Json(&object)), text);
    }

    #[test]
    fn prose_cannot_end_a_comment() {
        let text = " a */ b\r\n**/\rc\u{2028}d\u{0}e\u{202e}f \n\n ";
        let lines: Vec<String> = Prose::lines(text).map(code).collect();
        assert_eq!(lines, ["a *\\/ b", "**\\/", "c", "d e f"]);
        assert_eq!(code(Prose::inline("a\n*/\u{2029}b")), "a *\\/ b");
        assert_eq!(code(Prose("***/ /* // *")), "***\\/ /* // *");
    }

    #[test]
    fn lines_are_joined_from_parts() {
        let mut w = Writer::part();
        line!(w, Key("a b"), ": ", Str("c"), ";");
        assert_eq!(w.finish(), "\"a b\": \"c\";\n");
    }

    #[test]
    fn comments_span_lines_as_needed() {
        let mut w = Writer::part();
        w.doc(Prose::lines(""));
        w.doc(Prose::lines("one"));
        w.doc(Prose::lines("one\n\ntwo"));
        assert_eq!(w.finish(), "/** one */\n/**\n * one\n *\n * two\n */\n");
    }
}
