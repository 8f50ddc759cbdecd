//! A streaming JSON printer.
//!
//! Objects and arrays are closures, which makes nesting, commas and quotes correct by construction.
//! Every string is escaped; raw text cannot be written. *Block* values have a line per member,
//! *inline* values are on one line without spaces, which keeps documents with thousands of small
//! schemas small. The members of [`Object::lines`] are on lines of their own also in an inline
//! value.

use super::names::Ref;
use ablo_schema::value::is_plain;
use serde_json::Value;

const INDENT: &str = "                                                                ";
/// The maximum width of an object that [`Object::value`] writes on one line.
const LINE: usize = 100;

/// Writes a document whose top-level value is an object.
pub(crate) fn document(capacity: usize, fill: impl FnOnce(&mut Object<'_>)) -> String {
    let mut text = Buffer { out: String::with_capacity(capacity), depth: 0, inline: false };
    text.object(false, fill);
    text.out.push('\n');
    text.out
}

pub(super) struct Buffer {
    pub(super) out: String,
    pub(super) depth: usize,
    pub(super) inline: bool,
}

impl Buffer {
    fn object(&mut self, inline: bool, fill: impl FnOnce(&mut Object<'_>)) {
        self.nest(inline, ['{', '}'], |text| {
            let mut object = Object { text, empty: true };
            fill(&mut object);
            object.empty
        });
    }

    fn array(&mut self, inline: bool, fill: impl FnOnce(&mut Array<'_>)) {
        self.nest(inline, ['[', ']'], |text| {
            let mut array = Array { text, empty: true };
            fill(&mut array);
            array.empty
        });
    }

    /// Writes brackets around the output of `fill`, which returns whether it wrote nothing.
    fn nest(
        &mut self,
        inline: bool,
        [open, close]: [char; 2],
        fill: impl FnOnce(&mut Buffer) -> bool,
    ) {
        let outer = self.inline;
        self.inline |= inline;
        self.depth += usize::from(!self.inline);
        self.out.push(open);
        let empty = fill(self);
        self.depth -= usize::from(!self.inline);
        if !empty && !self.inline {
            self.line();
        }
        self.out.push(close);
        self.inline = outer;
    }

    fn line(&mut self) {
        self.out.push('\n');
        let mut spaces = self.depth * 2;
        while spaces > INDENT.len() {
            self.out.push_str(INDENT);
            spaces -= INDENT.len();
        }
        self.out.push_str(&INDENT[..spaces]);
    }

    /// Writes the separator before a member of an object or array.
    fn next(&mut self, empty: &mut bool) {
        if !std::mem::replace(empty, false) {
            self.out.push(',');
        }
        if !self.inline {
            self.line();
        }
    }

    /// Writes the end of the name of a member.
    fn end_name(&mut self) {
        self.out.push_str(if self.inline { "\":" } else { "\": " });
    }

    #[inline]
    fn string(&mut self, value: &str) {
        self.out.reserve(value.len() + 2);
        self.out.push('"');
        self.escaped(value);
        self.out.push('"');
    }

    fn parts(&mut self, parts: &[&str]) {
        self.out.push('"');
        parts.iter().for_each(|part| self.escaped(part));
        self.out.push('"');
    }

    #[inline]
    pub(super) fn escaped(&mut self, value: &str) {
        if is_plain(value) {
            self.out.push_str(value);
        } else {
            self.escaped_by_symbol(value);
        }
    }

    #[cold]
    fn escaped_by_symbol(&mut self, value: &str) {
        for symbol in value.chars() {
            match symbol {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '\0'..='\u{1f}' => {
                    let code = symbol as usize;
                    self.out.push_str("\\u00");
                    self.out.push_str(&"0123456789abcdef"[code >> 4..][..1]);
                    self.out.push_str(&"0123456789abcdef"[code & 15..][..1]);
                }
                _ => self.out.push(symbol),
            }
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => self.out.push_str(&number.to_string()),
            Value::String(value) => self.string(value),
            Value::Array(items) => {
                self.array(fits(value), |array| items.iter().for_each(|item| array.value(item)))
            }
            Value::Object(members) => self.object(fits(value), |object| {
                members.iter().for_each(|(name, member)| object.value(name, member));
            }),
        }
    }
}

/// Returns whether a value is small enough for one line.
fn fits(value: &Value) -> bool {
    fn width(value: &Value, depth: usize) -> usize {
        match value {
            Value::Array(items) if depth < 3 => {
                items.iter().map(|item| 2 + width(item, depth + 1)).sum()
            }
            Value::Object(members) if depth < 3 => {
                members.iter().map(|(name, member)| 6 + name.len() + width(member, depth + 1)).sum()
            }
            Value::Array(_) | Value::Object(_) => LINE,
            Value::String(text) => 2 + text.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 5,
        }
    }
    width(value, 0) < LINE
}

/// An object that is being written.
pub(crate) struct Object<'t> {
    pub(super) text: &'t mut Buffer,
    pub(super) empty: bool,
}

impl Object<'_> {
    fn name(&mut self, name: &str) -> &mut Buffer {
        self.text.next(&mut self.empty);
        self.text.out.push('"');
        self.text.escaped(name);
        self.text.end_name();
        self.text
    }

    /// Writes a name of this program, which needs no escapes.
    fn keyword(&mut self, name: &'static str) -> &mut Buffer {
        debug_assert!(is_plain(name), "{name}");
        self.text.next(&mut self.empty);
        self.text.out.push('"');
        self.text.out.push_str(name);
        self.text.end_name();
        self.text
    }

    /// Writes a string member.
    pub(crate) fn string(&mut self, name: &'static str, value: &str) {
        self.keyword(name).string(value);
    }

    /// Writes a string member from parts.
    pub(crate) fn parts(&mut self, name: &'static str, parts: &[&str]) {
        self.keyword(name).parts(parts);
    }

    /// Writes an integer member.
    pub(crate) fn integer(&mut self, name: &'static str, value: u32) {
        self.keyword(name).out.push_str(&value.to_string());
    }

    /// Writes a boolean member.
    pub(crate) fn boolean(&mut self, name: &'static str, value: bool) {
        self.keyword(name).out.push_str(if value { "true" } else { "false" });
    }

    /// Writes an object member with a line per member.
    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.name(name).object(false, fill);
    }

    /// Writes an object member with a line per member, also within an inline value.
    pub(crate) fn lines(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        let outer = std::mem::replace(&mut self.name(name).inline, false);
        self.text.object(false, fill);
        self.text.inline = outer;
    }

    /// Writes an object member whose name is given in parts.
    pub(crate) fn object_at(&mut self, name: &[&str], fill: impl FnOnce(&mut Object<'_>)) {
        self.text.next(&mut self.empty);
        self.text.out.push('"');
        name.iter().for_each(|part| self.text.escaped(part));
        self.text.end_name();
        self.text.object(false, fill);
    }

    /// Writes an object member on one line.
    pub(crate) fn inline(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.name(name).object(true, fill);
    }

    /// Writes an array member with a line per item.
    pub(crate) fn array(&mut self, name: &str, fill: impl FnOnce(&mut Array<'_>)) {
        self.name(name).array(false, fill);
    }

    /// Writes an array member on one line.
    pub(crate) fn inline_array(&mut self, name: &'static str, fill: impl FnOnce(&mut Array<'_>)) {
        self.keyword(name).array(true, fill);
    }

    /// Writes an array of strings on one line.
    pub(crate) fn strings(&mut self, name: &'static str, values: &[&str]) {
        self.inline_array(name, |array| values.iter().for_each(|value| array.string(value)));
    }

    /// Writes a reference member: `"name": { "$ref": … }`.
    pub(crate) fn refers(&mut self, name: &str, to: Ref<'_>) {
        self.inline(name, |object| object.reference(to));
    }

    /// Writes `"$ref": …`.
    pub(crate) fn reference(&mut self, to: Ref<'_>) {
        self.parts("$ref", &to.parts());
    }

    /// Writes a member from a JSON value.
    pub(crate) fn value(&mut self, name: &str, value: &Value) {
        self.name(name).value(value);
    }
}

/// An array that is being written.
pub(crate) struct Array<'t> {
    pub(super) text: &'t mut Buffer,
    pub(super) empty: bool,
}

impl Array<'_> {
    fn item(&mut self) -> &mut Buffer {
        self.text.next(&mut self.empty);
        self.text
    }

    /// Writes a string item.
    pub(crate) fn string(&mut self, value: &str) {
        self.item().string(value);
    }

    /// Writes an object item with a line per member.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.item().object(false, fill);
    }

    /// Writes an object item on one line.
    pub(crate) fn inline(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.item().object(true, fill);
    }

    /// Writes a reference item: `{ "$ref": … }`.
    pub(crate) fn refers(&mut self, to: Ref<'_>) {
        self.inline(|object| object.reference(to));
    }

    /// Writes an item from a JSON value.
    pub(crate) fn value(&mut self, value: &Value) {
        self.item().value(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn blocks_have_a_line_per_member() {
        let text = document(0, |top| {
            top.object("block", |block| {
                block.strings("names", &["a", "b"]);
                block.inline("one", |one| {
                    one.object("deep", |deep| deep.boolean("yes", true));
                    one.lines("long", |long| long.integer("n", 1));
                });
                block.array("items", |items| items.string("x"));
            });
            top.object("empty", |_| {});
            top.integer("n", 7);
        });
        let expected = r#"{
  "block": {
    "names": ["a","b"],
    "one": {"deep":{"yes":true},"long":{
      "n": 1
    }},
    "items": [
      "x"
    ]
  },
  "empty": {},
  "n": 7
}
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn strings_are_escaped_as_serde_json_does() {
        let every_ascii: String = (0_u8..128).map(char::from).collect();
        let quote_at_each_offset = (0..20).map(|at| format!("{:at$}\"{:1$}", "", 20 - at));
        let hostile = [every_ascii, "\u{2028}é🦀\\".to_owned(), String::new()];
        for value in hostile.into_iter().chain(quote_at_each_offset) {
            let text = document(0, |top| top.value(&value, &value.as_str().into()));
            let name = serde_json::to_string(&value).expect("a string is JSON");
            assert_eq!(text, format!("{{\n  {name}: {name}\n}}\n"));
        }
    }

    #[test]
    fn json_values_round_trip() {
        let long = ["x".repeat(80), "y".repeat(80)];
        let tree = json!({"a": [1, -2.5, null, {"b": {}}], "long": long, "e": []});
        let text = document(0, |top| top.value("tree", &tree));
        assert_eq!(
            serde_json::from_str::<Value>(&text).expect("the document is JSON"),
            json!({ "tree": tree })
        );
    }
}
