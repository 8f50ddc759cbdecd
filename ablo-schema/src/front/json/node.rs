//! Parses text with serde_json into a tree of numbered values.

use super::notation::notation;
use crate::diag::{Code, Diagnostics, SpanId};
use crate::lookup::Lookup;
use crate::value::{Name, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The maximum nesting depth of values. A schema needs eight levels; JSON shapes and defaults may
/// need more.
pub(super) const MAX_DEPTH: u32 = 32;

/// A value with its number: the count of values before it in the document.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) id: u32,
    pub(super) kind: NodeKind<'a>,
}

#[derive(Debug)]
pub(super) enum NodeKind<'a> {
    Null,
    Bool(bool),
    Number(f64),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Node<'a>,
}

/// Returns the span of a value. Bit 31 is reserved for [`offset_span`], the lowest bit for
/// [`Member::name_span`].
pub(super) fn value_span(id: u32) -> SpanId {
    SpanId(id << 1)
}

/// Returns a span that is a byte offset, for syntax errors, where there is no value.
pub(super) fn offset_span(offset: usize) -> SpanId {
    SpanId(OFFSET_FLAG | u32::try_from(offset).unwrap_or(u32::MAX >> 1))
}

/// Returns the byte offset of an [`offset_span`].
pub(super) fn offset_of(at: SpanId) -> Option<usize> {
    let offset = usize::try_from(at.0 & !OFFSET_FLAG).unwrap_or(usize::MAX);
    (at.0 & OFFSET_FLAG != 0).then_some(offset)
}

const OFFSET_FLAG: u32 = 1 << 31;

impl Node<'_> {
    pub(super) fn span(&self) -> SpanId {
        value_span(self.id)
    }

    /// Returns the type of the value for messages.
    pub(super) fn describe(&self) -> &'static str {
        match &self.kind {
            NodeKind::Null => "null",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Number(_) => "a number",
            NodeKind::String(_) => "a string",
            NodeKind::Array(_) => "an array",
            NodeKind::Object(_) => "an object",
        }
    }

    /// Returns the value without spans.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Number(value) => Value::Number(*value),
            NodeKind::String(value) => Value::String(value.as_ref().into()),
            NodeKind::Array(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            NodeKind::Object(members) => {
                Value::Object(members.iter().map(Member::to_value).collect())
            }
        }
    }
}

impl Member<'_> {
    /// Returns the span of the name; `value.span()` is that of the value.
    pub(super) fn name_span(&self) -> SpanId {
        SpanId(value_span(self.value.id).0 | 1)
    }

    pub(super) fn to_value(&self) -> (Name, Value) {
        (self.name.clone().into_owned().into(), self.value.to_value())
    }
}

/// A parsed document, or the error that prevents parsing it.
#[derive(Debug)]
pub(super) enum Parsed<'a> {
    Document(Node<'a>),
    Broken { at: SpanId, code: Code, message: String, help: &'static str },
}

/// Parses any text with serde_json.
pub(super) fn parse(text: &str) -> Parsed<'_> {
    let start = bom_length(text);
    let mut next = 0;
    let mut input = serde_json::Deserializer::from_str(&text[start..]);
    let seed = Seed { next: &mut next, depth: 0 };
    match seed.deserialize(&mut input).and_then(|root| input.end().map(|()| root)) {
        Ok(root) => Parsed::Document(root),
        Err(error) => broken(text, start, &error),
    }
}

/// Returns the length of a byte order mark, which is not part of the document.
pub(super) fn bom_length(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

const SMALL_SCHEMA: &str = "write it as JSON: {\"v\": 3, \"models\": {\"tasks\": {\"fields\": \
    {\"title\": {\"type\": \"string\", \"isOptional\": false, \"isIndexed\": false}}, \
    \"relations\": {}}}, \"identityRoles\": []}";

const TOO_DEEP: &str = "nested too deeply";

fn broken<'a>(text: &str, start: usize, error: &serde_json::Error) -> Parsed<'a> {
    let at = offset_span(start + byte_offset(&text[start..], error.line(), error.column()));
    let reason = error.to_string();
    let message = reason.split(" at line ").next().unwrap_or_default();
    if message.starts_with(TOO_DEEP) || message.starts_with("recursion limit exceeded") {
        let message = format!("values are nested more than {MAX_DEPTH} levels deep");
        return Parsed::Broken { at, code: Code::JsonTooDeep, message, help: "flatten this value" };
    }
    if message.starts_with("number out of range") {
        let message = "this number is out of range for a double".to_owned();
        let help = "write it as a string, or use a number between -1.8e308 and 1.8e308";
        return Parsed::Broken { at, code: Code::JsonNumberOutOfRange, message, help };
    }
    let (message, help) = if text[start..].trim().is_empty() {
        (
            "the document is empty".to_owned(),
            r#"the smallest schema is {"v":3,"models":{},"identityRoles":[]}"#,
        )
    } else if let Some(notation) = notation(&text[start..]) {
        let help = if notation == "Rust" {
            "schemas in Rust are read from files whose names end in `.rs`"
        } else {
            SMALL_SCHEMA
        };
        let at = offset_span(text.len() - text[start..].trim_start().len());
        let message = format!("this is {notation}, not Schema JSON");
        return Parsed::Broken { at, code: Code::JsonSyntax, message, help };
    } else if message.starts_with("EOF") {
        (
            "invalid JSON: the document ends too early".to_owned(),
            "close every object with `}`, every list with `]` and every text with `\"`",
        )
    } else {
        (
            format!("invalid JSON: {message}"),
            "JSON has no comments and no trailing commas, and all names are double-quoted",
        )
    };
    Parsed::Broken { at, code: Code::JsonSyntax, message, help }
}

/// Converts a position of serde_json, which counts lines from 1 and columns in bytes; column 0 is
/// the end of the previous line.
fn byte_offset(text: &str, line: usize, column: usize) -> usize {
    let line_start: usize =
        text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut offset = (line_start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Reports duplicate member names.
pub(super) fn report_duplicates(node: &Node<'_>, diagnostics: &mut Diagnostics) {
    match &node.kind {
        NodeKind::Array(items) => {
            items.iter().for_each(|item| report_duplicates(item, diagnostics))
        }
        NodeKind::Object(members) => {
            if !are_distinct(members) {
                report_repeated(members, diagnostics);
            }
            members.iter().for_each(|member| report_duplicates(&member.value, diagnostics));
        }
        NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) | NodeKind::String(_) => {}
    }
}

fn report_repeated(members: &[Member<'_>], diagnostics: &mut Diagnostics) {
    let mut seen: Lookup<&str, &Member<'_>> = Lookup::with_capacity(members.len());
    for member in members {
        if let Some(first) = seen.insert(&member.name, member) {
            diagnostics
                .push(
                    Code::JsonDuplicateMember,
                    member.name_span(),
                    format!("duplicate member `{}`", member.name),
                )
                .help("remove one of the two")
                .also(first.name_span(), "also here");
        }
    }
}

/// The number of members from which a hash of each name pays.
const MANY_MEMBERS: usize = 24;

/// Returns whether no name is repeated.
pub(super) fn are_distinct(members: &[Member<'_>]) -> bool {
    if members.len() <= MANY_MEMBERS {
        return differ_evidently(members) || differ(members);
    }
    let mut seen: Lookup<&str, ()> = Lookup::with_capacity(members.len());
    members.iter().all(|member| seen.insert(&member.name, ()).is_none())
}

/// Returns whether names differ by their lengths and first bytes, which needs no comparisons.
fn differ_evidently(members: &[Member<'_>]) -> bool {
    let mut seen = 0_u64;
    members.iter().all(|member| {
        let name = member.name.as_bytes();
        let first = name.first().map_or(0, |first| usize::from(*first));
        let bit = 1 << ((name.len() * 7 + first) % 64);
        let is_new = seen & bit == 0;
        seen |= bit;
        is_new
    })
}

fn differ(members: &[Member<'_>]) -> bool {
    let mut all = members.iter().enumerate();
    all.all(|(at, member)| members[..at].iter().all(|one| one.name != member.name))
}

struct Seed<'n> {
    next: &'n mut u32,
    depth: u32,
}

impl Seed<'_> {
    fn number(&mut self) -> u32 {
        let id = *self.next;
        *self.next += 1;
        id
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(mut self, input: D) -> Result<Node<'de>, D::Error> {
        let id = self.number();
        if self.depth > MAX_DEPTH {
            return Err(D::Error::custom(TOO_DEEP));
        }
        Ok(Node { id, kind: input.deserialize_any(self)? })
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = NodeKind<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<NodeKind<'de>, E> {
        Ok(NodeKind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<NodeKind<'de>, E> {
        Ok(NodeKind::Bool(value))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "JSON numbers are doubles here, rounded as JSON.parse rounds them"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<NodeKind<'de>, E> {
        Ok(NodeKind::Number(value as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "JSON numbers are doubles here, rounded as JSON.parse rounds them"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<NodeKind<'de>, E> {
        Ok(NodeKind::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<NodeKind<'de>, E> {
        Ok(NodeKind::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<NodeKind<'de>, E> {
        Ok(NodeKind::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<NodeKind<'de>, E> {
        Ok(NodeKind::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<NodeKind<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) =
            input.next_element_seed(Seed { next: self.next, depth: self.depth + 1 })?
        {
            items.push(item);
        }
        Ok(NodeKind::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<NodeKind<'de>, A::Error> {
        let mut members = Vec::with_capacity(4);
        while let Some(name) = input.next_key_seed(NameSeed)? {
            let value = input.next_value_seed(Seed { next: self.next, depth: self.depth + 1 })?;
            members.push(Member { name, value });
        }
        Ok(NodeKind::Object(members))
    }
}

/// Borrows a member name from the text if it has no escapes.
pub(super) struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Cow<'de, str>, D::Error> {
        input.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}
