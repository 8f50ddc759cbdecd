//! Prints the JSON Schema of a field as types that derive serde's traits and `JsonSchema`.
//!
//! A shape is printed only if the types have exactly this schema. Otherwise the field holds any
//! JSON.

use super::super::ident::{Ident, TypeNames, Variants};
use super::super::writer::{Str, Word, Writer};
use super::{casing, list};
use ablo_schema::front::rust::casing::{CASINGS, Casing, lower_camel};
use ablo_schema::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A type that represents a shape.
pub(super) struct Item {
    ident: Ident,
    prose: Option<Box<str>>,
    /// The words `rename_all` and `deny_unknown_fields`.
    words: Vec<Word>,
    body: Body,
}

enum Body {
    Struct(Vec<Member>),
    Enum(Vec<(Ident, Option<Box<str>>)>),
}

struct Member {
    ident: Ident,
    prose: Option<Box<str>>,
    /// The words `rename` and `default`.
    words: Vec<Word>,
    ty: Word,
}

/// A type, whether it is an `Option`, and its `Default` value.
struct Type {
    text: Word,
    optional: bool,
    default_value: Option<Value>,
}

impl Type {
    fn new(text: Word, default_value: Option<Value>) -> Self {
        Self { text, optional: false, default_value }
    }
}

/// The members of a schema that are not processed yet.
type Rest<'v> = BTreeMap<&'v str, &'v Value>;

/// A shape as Rust types.
pub(super) struct Lowered {
    pub(super) ty: Word,
    /// The types that it consists of.
    pub(super) items: Vec<Item>,
    /// Whether a part of it can be any JSON value.
    pub(super) open: bool,
}

/// Returns the type of a shape, or `None` if no type expresses it.
pub(super) fn lower(
    shape: &Value,
    owner: &Ident,
    field: &str,
    types: &mut TypeNames,
) -> Option<Lowered> {
    let mut lowering = Lowering { types, claimed: Vec::new(), items: Vec::new(), open: false };
    match lowering.ty(shape, owner, field) {
        // An `Option` inside of `Json` would be read as an optional field.
        Some(ty) if !ty.optional => {
            Some(Lowered { ty: ty.text, items: lowering.items, open: lowering.open })
        }
        _ => {
            lowering.claimed.iter().for_each(|ident| lowering.types.release(ident));
            None
        }
    }
}

struct Lowering<'t> {
    types: &'t mut TypeNames,
    claimed: Vec<Ident>,
    items: Vec<Item>,
    open: bool,
}

impl Lowering<'_> {
    fn ty(&mut self, schema: &Value, owner: &Ident, name: &str) -> Option<Type> {
        let members = match schema {
            Value::Bool(true) => {
                self.open = true;
                return Some(Type::new(Word::new(&[&"Value"]), None));
            }
            Value::Object(members) => members,
            _ => return None,
        };
        let mut rest: Rest<'_> =
            members.iter().map(|(name, value)| (name.as_ref(), value)).collect();
        match rest.remove("type")? {
            Value::String(kind) => self.of_kind(kind, rest, owner, name),
            Value::Array(kinds) => {
                let [Value::String(kind), Value::String(null)] = kinds.as_slice() else {
                    return None;
                };
                // A nullable enum lists `null` among its values, which is not supported.
                (&**null == "null" && !rest.contains_key("enum")).then_some(())?;
                optional(self.of_kind(kind, rest, owner, name)?)
            }
            _ => None,
        }
    }

    fn of_kind(
        &mut self,
        kind: &str,
        mut rest: Rest<'_>,
        owner: &Ident,
        name: &str,
    ) -> Option<Type> {
        match kind {
            "object" => match rest.remove("additionalProperties") {
                Some(values) if rest.is_empty() && !matches!(values, Value::Bool(false)) => {
                    let inner = self.ty(values, owner, name)?.text;
                    let text = Word::new(&[&"std::collections::BTreeMap<String, ", &inner, &">"]);
                    Some(Type::new(text, Some(Value::Object(Vec::new()))))
                }
                Some(Value::Bool(false)) => self.structure(rest, true, owner, name),
                Some(_) => None,
                None => self.structure(rest, false, owner, name),
            },
            "array" => {
                let inner = self.ty(rest.remove("items")?, owner, name)?.text;
                let text = Word::new(&[&"Vec<", &inner, &">"]);
                rest.is_empty().then(|| Type::new(text, Some(Value::Array(Vec::new()))))
            }
            "string" if rest.contains_key("enum") => self.words(rest, owner, name),
            _ => plain(kind, &rest),
        }
    }

    fn claim(&mut self, owner: &Ident, name: &str) -> Ident {
        let ident = self.types.enumeration(owner, name);
        self.claimed.push(ident.clone());
        ident
    }

    fn structure(
        &mut self,
        mut rest: Rest<'_>,
        closed: bool,
        owner: &Ident,
        name: &str,
    ) -> Option<Type> {
        let prose = prose(&mut rest)?;
        let properties = match rest.remove("properties") {
            Some(Value::Object(properties)) if !properties.is_empty() => properties.as_slice(),
            Some(_) => return None,
            None => &[],
        };
        let mut required = match rest.remove("required") {
            Some(Value::Array(names)) => {
                names.iter().map(text).collect::<Option<BTreeSet<&str>>>()?
            }
            Some(_) => return None,
            None => BTreeSet::new(),
        };
        rest.is_empty().then_some(())?;
        let ident = self.claim(owner, name);
        let outside = std::mem::take(&mut self.items);
        let follows = |name: &str| casing::camel(name).is_some_and(|ident| ident.plain() != name);
        let camel = properties.iter().any(|(name, _)| follows(name));
        let mut members: Vec<Member> = Vec::new();
        for (name, schema) in properties {
            members.push(self.member(
                name,
                schema,
                camel,
                required.remove(name.as_ref()),
                &ident,
            )?);
        }
        let idents: BTreeSet<&str> = members.iter().map(|member| member.ident.as_str()).collect();
        (required.is_empty() && idents.len() == members.len()).then_some(())?;
        let mut words = Vec::new();
        if camel {
            words.push(Word::new(&[&"rename_all = \"camelCase\""]));
        }
        if closed {
            words.push(Word::new(&[&"deny_unknown_fields"]));
        }
        let inside = std::mem::replace(&mut self.items, outside);
        let ty = Type::new(Word::new(&[&ident]), None);
        self.items.push(Item { ident, prose, words, body: Body::Struct(members) });
        self.items.extend(inside);
        Some(ty)
    }

    fn member(
        &mut self,
        name: &str,
        schema: &Value,
        camel: bool,
        required: bool,
        owner: &Ident,
    ) -> Option<Member> {
        let ident = Ident::field(casing::word(name)?.as_str());
        // rustc does not accept such names as snake case.
        (!ident.as_str().starts_with('_') && !ident.as_str().contains("__")).then_some(())?;
        let mut words = Vec::new();
        let read = if camel { lower_camel(ident.plain()) } else { ident.plain().to_owned() };
        if read != name {
            words.push(Word::new(&[&"rename = ", &Str(name)]));
        }
        // The description and default belong to the member, not to its type.
        let (mut explicit, mut default, mut inner) = (None, None, schema.clone());
        if let Value::Object(members) = &mut inner {
            let mut take = |name: &str| {
                let at = members.iter().position(|(member, _)| member == name)?;
                Some(members.remove(at).1)
            };
            (explicit, default) = (take("description"), take("default"));
            if members.is_empty() && explicit.is_some() {
                inner = Value::Bool(true);
            }
        }
        let prose = match &explicit {
            Some(Value::String(prose)) => Some(readable(prose)?),
            Some(_) => return None,
            None => None,
        };
        let ty = self.ty(&inner, owner, name)?;
        match (&default, required) {
            (None, required) => (required != ty.optional).then_some(())?,
            (Some(default), false)
                if !ty.optional && ty.default_value.as_ref() == Some(default) =>
            {
                words.push(Word::new(&[&"default"]));
            }
            (Some(_), _) => return None,
        }
        Some(Member { ident, prose, words, ty: ty.text })
    }

    fn words(&mut self, mut rest: Rest<'_>, owner: &Ident, name: &str) -> Option<Type> {
        let prose = prose(&mut rest)?;
        let Value::Array(values) = rest.remove("enum")? else { return None };
        let values = values.iter().map(text).collect::<Option<Vec<&str>>>()?;
        let different = values.iter().collect::<BTreeSet<_>>().len() == values.len();
        (rest.is_empty() && different && !values.is_empty()).then_some(())?;
        let mut variants = Variants::for_source();
        let idents: Vec<Ident> = values.iter().map(|value| variants.value(value)).collect();
        let follows = |casing: &'static str, ident: &Ident, value: &str| {
            Casing(casing).value(ident.as_str()) == value
        };
        let count = |casing: &'static str| {
            idents
                .iter()
                .zip(&values)
                .filter(|(ident, value)| follows(casing, ident, value))
                .count()
        };
        let casing =
            CASINGS.iter().rev().max_by_key(|casing| count(casing)).copied().unwrap_or(CASINGS[0]);
        let variants = idents.iter().zip(&values).map(|(ident, value)| {
            let explicit = (!follows(casing, ident, value)).then(|| (*value).into());
            (ident.clone(), explicit)
        });
        let body = Body::Enum(variants.collect());
        let ident = self.claim(owner, name);
        let ty = Type::new(Word::new(&[&ident]), None);
        self.items.push(Item {
            ident,
            prose,
            words: vec![Word::new(&[&"rename_all = ", &Str(casing)])],
            body,
        });
        Some(ty)
    }
}

fn optional(inner: Type) -> Option<Type> {
    let text = Word::new(&[&"Option<", &inner.text, &">"]);
    (!inner.optional).then_some(Type { text, optional: true, default_value: None })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Removes and returns the description of a type. `None` if a doc comment cannot represent it.
fn prose(rest: &mut Rest<'_>) -> Option<Option<Box<str>>> {
    rest.remove("description")
        .map(|prose| text(prose).and_then(readable))
        .map_or(Some(None), |prose| prose.map(Some))
}

/// Returns a description unless it has white space at its ends or at line ends, which doc comments
/// lose.
fn readable(prose: &str) -> Option<Box<str>> {
    let same = prose.trim() == prose && prose.split('\n').all(|line| line.trim_end() == line);
    (same && !prose.is_empty()).then(|| prose.into())
}

/// Returns the primitive type of a schema.
fn plain(kind: &str, rest: &Rest<'_>) -> Option<Type> {
    let number = |name: &str| match rest.get(name) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    let format = rest.get("format").and_then(|format| text(format));
    let least = number("minimum");
    let (name, members, default_value) = match (kind, format) {
        ("string", None) => ("String", 0, Value::String("".into())),
        ("boolean", None) => ("bool", 0, Value::Bool(false)),
        ("number", Some("double")) => ("f64", 1, Value::Number(0.0)),
        ("number", Some("float")) => ("f32", 1, Value::Number(0.0)),
        ("integer", Some(format)) => {
            let (name, bounds) = match (format, least, number("maximum")) {
                ("int32", None, None) => ("i32", 0),
                ("int64", None, None) => ("i64", 0),
                ("uint32", Some(0.0), None) => ("u32", 1),
                ("uint64", Some(0.0), None) => ("u64", 1),
                ("int8", Some(-128.0), Some(127.0)) => ("i8", 2),
                ("int16", Some(-32768.0), Some(32767.0)) => ("i16", 2),
                ("uint8", Some(0.0), Some(255.0)) => ("u8", 2),
                ("uint16", Some(0.0), Some(65535.0)) => ("u16", 2),
                _ => return None,
            };
            (name, bounds + 1, Value::Number(0.0))
        }
        _ => return None,
    };
    (rest.len() == members).then(|| Type::new(Word::new(&[&name]), Some(default_value)))
}

/// ```text
/// #[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
/// #[serde(rename_all = "camelCase")]
/// pub struct ReportSources {
///     pub url: String,
/// }
/// ```
pub(super) fn print(out: &mut Writer, item: &Item) {
    out.line(&[]);
    if let Some(prose) = &item.prose {
        out.prose("", prose);
    }
    out.line(&[&"#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]"]);
    print_words(out, "", &item.words);
    match &item.body {
        Body::Struct(members) => {
            if members.is_empty() {
                return out.line(&[&"pub struct ", &item.ident, &" {}"]);
            }
            out.line(&[&"pub struct ", &item.ident, &" {"]);
            for member in members {
                if let Some(prose) = &member.prose {
                    out.prose("    ", prose);
                }
                print_words(out, "    ", &member.words);
                out.line(&[&"    pub ", &member.ident, &": ", &member.ty, &","]);
            }
        }
        Body::Enum(variants) => {
            out.line(&[&"pub enum ", &item.ident, &" {"]);
            for (variant, value) in variants {
                if let Some(value) = value {
                    out.line(&[&"    #[serde(rename = ", &Str(value), &")]"]);
                }
                out.line(&[&"    ", variant, &","]);
            }
        }
    }
    out.line(&[&"}"]);
}

fn print_words(out: &mut Writer, indent: &'static str, words: &[Word]) {
    if !words.is_empty() {
        out.line(&[&indent, &"#[serde(", &list(words.iter()), &")]"]);
    }
}
