//! JSON values with ECMAScript semantics, and their two text forms.
//!
//! The reference reads documents with `JSON.parse` and writes them with `JSON.stringify`: numbers
//! are doubles, and members whose names are array indices come first, in ascending order. Both text
//! forms follow it; the *sorted* form orders members by the UTF-16 code units of their names.

use crate::words::{self, below, equal};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A member name: a well-known one or the author's own.
pub type Name = Cow<'static, str>;

/// The members of an object in document order, with unique names.
pub type Members = Vec<(Name, Value)>;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite double.
    Number(f64),
    /// Text.
    String(Box<str>),
    /// A list.
    Array(Vec<Value>),
    /// An object.
    Object(Members),
}

/// The order of members in a text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As `JSON.stringify` writes them.
    Authored,
    /// By UTF-16 code units.
    Sorted,
}

impl Value {
    /// Returns the text of the value, as `JSON.stringify` writes it.
    ///
    /// ```
    /// use ablo_schema::value::Value;
    /// let array = Value::Array(vec![Value::Number(1e21), Value::String("a\"b".into())]);
    /// assert_eq!(array.to_json(), r#"[1e+21,"a\"b"]"#);
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(Order::Authored, &mut out);
        out
    }

    /// Returns whether U+0000 occurs anywhere in the value. Databases cannot store it in text.
    pub(crate) fn contains_nul(&self) -> bool {
        match self {
            Value::String(text) => text.contains('\0'),
            Value::Array(items) => items.iter().any(Value::contains_nul),
            Value::Object(members) => {
                members.iter().any(|(name, value)| name.contains('\0') || value.contains_nul())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Returns whether both values are the same, ignoring the order of members and the sign of
    /// zero.
    ///
    /// ```
    /// use ablo_schema::value::Value;
    /// let object = |names: [&'static str; 2]| {
    ///     Value::Object(names.map(|name| (name.into(), Value::Null)).into())
    /// };
    /// assert!(object(["a", "b"]).is_equivalent(&object(["b", "a"])));
    /// assert!(Value::Number(0.0).is_equivalent(&Value::Number(-0.0)));
    /// ```
    #[must_use]
    pub fn is_equivalent(&self, other: &Value) -> bool {
        let sorted = |value: &Value| {
            let mut out = String::new();
            value.write(Order::Sorted, &mut out);
            out
        };
        self == other || sorted(self) == sorted(other)
    }

    pub(crate) fn write(&self, order: Order, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(flag) => write_bool(*flag, out),
            Value::Number(number) => write_number(*number, out),
            Value::String(text) => write_string(text, out),
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(order, out);
                }
                out.push(']');
            }
            Value::Object(members) => write_members(members, order, out),
        }
    }
}

fn write_members(members: &[(Name, Value)], order: Order, out: &mut String) {
    let mut positions: Vec<usize> = (0..members.len()).collect();
    let name = |at: &usize| members[*at].0.as_ref();
    match order {
        Order::Sorted => positions.sort_by(|a, b| utf16_order(name(a), name(b))),
        Order::Authored => order_as_javascript(&mut positions, name),
    }
    let mut object = ObjectWriter::new(out);
    for (name, value) in positions.into_iter().map(|at| &members[at]) {
        value.write(order, object.member(name));
    }
    object.end();
}

/// Sorts array indices first, ascending; all other names keep their order.
pub(crate) fn order_as_javascript<'n>(positions: &mut [usize], name: impl Fn(&usize) -> &'n str) {
    if positions.iter().any(|at| array_index(name(at)).is_some()) {
        positions.sort_by_key(|at| array_index(name(at)).map_or(u64::MAX, u64::from));
    }
}

/// Parses an ECMAScript array index: a canonical decimal below 2^32 - 1.
fn array_index(name: &str) -> Option<u32> {
    if name.is_empty() || name.len() > 10 || (name.len() > 1 && name.starts_with('0')) {
        return None;
    }
    if !name.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    name.parse::<u32>().ok().filter(|index| *index != u32::MAX)
}

/// Compares two strings by their UTF-16 code units.
pub(crate) fn utf16_order(a: &str, b: &str) -> Ordering {
    if a.is_ascii() || b.is_ascii() {
        return a.cmp(b);
    }
    a.encode_utf16().cmp(b.encode_utf16())
}

/// Writes one object, including the commas.
pub(crate) struct ObjectWriter<'o> {
    out: &'o mut String,
    first: bool,
}

impl<'o> ObjectWriter<'o> {
    pub(crate) fn new(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    /// Writes a member name and returns the text to which its value is written.
    pub(crate) fn member(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        write_string(name, self.out);
        self.out.push(':');
        self.out
    }

    /// Writes a name of Schema JSON, which needs no escapes.
    pub(crate) fn known(&mut self, name: &'static str) -> &mut String {
        self.identifier(name)
    }

    /// Writes a name that is an identifier, which needs no escapes.
    pub(crate) fn identifier(&mut self, name: &str) -> &mut String {
        self.out.reserve(name.len() + 4);
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        self.out
    }

    pub(crate) fn end(self) {
        self.out.push('}');
    }
}

pub(crate) fn write_bool(flag: bool, out: &mut String) {
    out.push_str(if flag { "true" } else { "false" });
}

/// Writes a number as ECMAScript does: `1`, `1e+21`, `1e-7`, `0` for minus zero.
pub(crate) fn write_number(number: f64, out: &mut String) {
    out.push_str(ryu_js::Buffer::new().format_finite(number));
}

/// Writes a string as `JSON.stringify` does.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    if is_plain(text) {
        out.push_str(text);
    } else {
        write_escaped(text, out);
    }
    out.push('"');
}

/// Finds the bytes that need an escape in JSON: control characters, quotes and backslashes.
pub(crate) fn special_bytes(word: u64) -> u64 {
    below(word, b' ') | equal(word, b'"') | equal(word, b'\\')
}

/// Returns whether a text needs no escapes in JSON: no control characters, quotes or backslashes.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    words::none(text, special_bytes)
}

fn write_escaped(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                let digit = |nibble: u32| char::from_digit(nibble, 16).unwrap_or('0');
                out.push_str("\\u00");
                out.push(digit(u32::from(character) >> 4));
                out.push(digit(u32::from(character) & 0xf));
            }
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Value, order: Order) -> String {
        let mut out = String::new();
        value.write(order, &mut out);
        out
    }

    #[test]
    fn numbers_are_written_as_in_ecmascript() {
        for (number, printed) in [
            (1.0, "1"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (123_456_789.0, "123456789"),
        ] {
            assert_eq!(text(&Value::Number(number), Order::Authored), printed);
        }
    }

    #[test]
    fn strings_are_escaped_as_by_json_stringify() {
        let value = Value::String("\u{1}\u{1f}\u{7f}\"\\/\n\u{2028}😀".into());
        assert_eq!(text(&value, Order::Authored), "\"\\u0001\\u001f\u{7f}\\\"\\\\/\\n\u{2028}😀\"");
    }

    #[test]
    fn array_index_members_are_written_first() {
        let members =
            ["b", "10", "a", "2", "01", "4294967295"].map(|name| (Name::from(name), Value::Null));
        assert_eq!(
            text(&Value::Object(members.into()), Order::Authored),
            r#"{"2":null,"10":null,"b":null,"a":null,"01":null,"4294967295":null}"#
        );
    }

    #[test]
    fn sorted_members_follow_utf16_code_units() {
        let members = ["\u{ffff}", "😀", "a"].map(|name| (Name::from(name), Value::Null));
        assert_eq!(
            text(&Value::Object(members.into()), Order::Sorted),
            "{\"a\":null,\"😀\":null,\"\u{ffff}\":null}"
        );
    }
}
