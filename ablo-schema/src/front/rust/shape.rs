//! Shapes: the JSON Schema of a type that stands in the same source.
//!
//! It says what schemars says of the same type, inline and without titles, as far as syntax alone can tell. A type from
//! elsewhere may be anything, and is left open.

use super::attribute::doc;
use super::plain;
use super::types::path;
use super::words::Casing;
use crate::value::{Members, Value};
use std::cell::Cell;
use std::collections::BTreeMap;
use syn::{
    Attribute, Expr, ExprLit, Fields, GenericArgument, ItemEnum, ItemStruct, Lit, PathArguments,
    Type, TypeArray, TypeTuple,
};

/// How many types one shape may be made of before the rest is left open: types that hold each other twice grow fast.
const MOST_TYPES: usize = 4096;

/// The types around the one that is looked at. What holds itself never ends, and is left open where it does.
struct Trail<'t> {
    name: &'t str,
    above: Option<&'t Trail<'t>>,
    left: &'t Cell<usize>,
}

impl Trail<'_> {
    fn holds(&self, name: &str) -> bool {
        self.name == name || self.above.is_some_and(|above| above.holds(name))
    }
}

/// The types of a source, by name.
#[derive(Default)]
pub(crate) struct Shapes<'s> {
    pub(crate) structs: BTreeMap<String, &'s ItemStruct>,
    pub(crate) enums: BTreeMap<String, &'s ItemEnum>,
}

impl Shapes<'_> {
    /// The shape of a type, where there is anything to say.
    pub(crate) fn of(&self, ty: &Type) -> Option<Value> {
        let trail = Trail { name: "", above: None, left: &Cell::new(MOST_TYPES) };
        Some(self.schema(ty, &trail)).filter(|schema| *schema != open())
    }

    fn schema(&self, ty: &Type, trail: &Trail<'_>) -> Value {
        let left = trail.left.get();
        match ty {
            Type::Tuple(tuple) if !tuple.elems.is_empty() && left > 0 => {
                return self.tuple(tuple, trail);
            }
            Type::Array(array) if left > 0 => return self.array(array, trail),
            _ => {}
        }
        let Some(last) = path(ty).and_then(|path| path.segments.last()).filter(|_| left > 0) else {
            return open();
        };
        trail.left.set(left - 1);
        let arguments: Vec<&Type> = match &last.arguments {
            PathArguments::AngleBracketed(arguments) => arguments
                .args
                .iter()
                .filter_map(|argument| match argument {
                    GenericArgument::Type(ty) => Some(ty),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        let name = plain(&last.ident);
        match (name.as_str(), arguments.as_slice()) {
            ("Option", [inner]) => nullable(self.schema(inner, trail)),
            ("Vec" | "VecDeque", [inner]) => {
                object([("type", text("array")), ("items", self.schema(inner, trail))])
            }
            ("HashSet" | "BTreeSet", [inner]) => object([
                ("type", text("array")),
                ("uniqueItems", Value::Bool(true)),
                ("items", self.schema(inner, trail)),
            ]),
            ("Box" | "Rc" | "Arc" | "Json", [inner]) => self.schema(inner, trail),
            ("HashMap" | "BTreeMap", [_, inner]) => object([
                ("type", text("object")),
                ("additionalProperties", self.schema(inner, trail)),
            ]),
            (name, []) => simple(name).unwrap_or_else(|| self.named(name, trail)),
            _ => open(),
        }
    }

    fn tuple(&self, tuple: &TypeTuple, trail: &Trail<'_>) -> Value {
        trail.left.set(trail.left.get().saturating_sub(1));
        let items: Vec<Value> = tuple.elems.iter().map(|ty| self.schema(ty, trail)).collect();
        let [least, most] = lengths(items.len());
        object([("type", text("array")), ("prefixItems", Value::Array(items)), least, most])
    }

    fn array(&self, array: &TypeArray, trail: &Trail<'_>) -> Value {
        trail.left.set(trail.left.get().saturating_sub(1));
        let items = ("items", self.schema(&array.elem, trail));
        match &array.len {
            Expr::Lit(ExprLit { lit: Lit::Int(length), .. }) => {
                let [least, most] = lengths(length.base10_parse().unwrap_or_default());
                object([("type", text("array")), items, least, most])
            }
            // A length that only the compiler knows.
            _ => object([("type", text("array")), items]),
        }
    }

    fn named(&self, name: &str, trail: &Trail<'_>) -> Value {
        if trail.holds(name) {
            return open();
        }
        if let Some(found) = self.structs.get(name) {
            return self.structure(found, &Trail { name, above: Some(trail), left: trail.left });
        }
        self.enums.get(name).map_or_else(open, |found| words(found))
    }

    fn structure(&self, found: &ItemStruct, trail: &Trail<'_>) -> Value {
        let Fields::Named(fields) = &found.fields else { return open() };
        let casing = serde_word(&found.attrs, "rename_all");
        let (mut properties, mut required) = (Members::new(), Vec::new());
        for field in &fields.named {
            let Some(ident) = &field.ident else { continue };
            if serde_flag(&field.attrs, "skip") {
                continue;
            }
            let name = serde_word(&field.attrs, "rename").unwrap_or_else(|| {
                casing
                    .as_deref()
                    .map_or_else(|| plain(ident), |casing| renamed(casing, &plain(ident)))
            });
            let optional = path(&field.ty)
                .and_then(|path| path.segments.last())
                .is_some_and(|last| last.ident == "Option");
            if !optional && !serde_flag(&field.attrs, "default") {
                required.push(text(&name));
            }
            let mut schema = self.schema(&field.ty, trail);
            if let (Value::Object(members), true) =
                (&mut schema, serde_flag(&field.attrs, "default"))
            {
                members.extend(default_of(&field.ty).map(|value| ("default".into(), value)));
            }
            properties.push((name.into(), described(schema, &field.attrs)));
        }
        let mut members = vec![("type", text("object"))];
        if !properties.is_empty() {
            members.push(("properties", Value::Object(properties)));
        }
        if serde_flag(&found.attrs, "deny_unknown_fields") {
            members.push(("additionalProperties", Value::Bool(false)));
        }
        if !required.is_empty() {
            members.push(("required", Value::Array(required)));
        }
        described(object(members), &found.attrs)
    }
}

/// As many items, no fewer and no more.
fn lengths(length: usize) -> [(&'static str, Value); 2] {
    let length = f64::from(u32::try_from(length).unwrap_or(u32::MAX));
    [("minItems", Value::Number(length)), ("maxItems", Value::Number(length))]
}

/// An enum of bare variants.
fn words(found: &ItemEnum) -> Value {
    if found.variants.iter().any(|variant| !matches!(variant.fields, Fields::Unit)) {
        return open();
    }
    let casing = serde_word(&found.attrs, "rename_all").unwrap_or_else(|| "PascalCase".to_owned());
    // `Casing` knows the words of serde by their spelling.
    let casing = super::words::CASINGS
        .iter()
        .find(|known| **known == casing)
        .copied()
        .unwrap_or("PascalCase");
    let value = |variant: &syn::Variant| {
        serde_word(&variant.attrs, "rename")
            .unwrap_or_else(|| Casing(casing).value(&plain(&variant.ident)))
    };
    let (plain, documented): (Vec<_>, Vec<_>) =
        found.variants.iter().partition(|variant| doc(&variant.attrs).is_none());
    let words = Value::Array(plain.into_iter().map(|variant| text(&value(variant))).collect());
    let words = object([("type", text("string")), ("enum", words)]);
    if documented.is_empty() {
        return described(words, &found.attrs);
    }
    // What is said of one variant needs a schema of its own.
    let one = |variant: &syn::Variant| {
        let word = object([("type", text("string")), ("const", text(&value(variant)))]);
        described(word, &variant.attrs)
    };
    let has_plain = documented.len() < found.variants.len();
    let all =
        has_plain.then_some(words).into_iter().chain(documented.into_iter().map(one)).collect();
    described(object([("oneOf", Value::Array(all))]), &found.attrs)
}

/// What `Default` gives, of the types that everybody knows.
fn default_of(ty: &Type) -> Option<Value> {
    let last = path(ty)?.segments.last()?;
    Some(match plain(&last.ident).as_str() {
        "String" => text(""),
        "bool" => Value::Bool(false),
        "Option" => Value::Null,
        "Vec" | "VecDeque" | "HashSet" | "BTreeSet" => Value::Array(Vec::new()),
        "HashMap" | "BTreeMap" => Value::Object(Members::new()),
        "f32" | "f64" | "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" => {
            Value::Number(0.0)
        }
        _ => return None,
    })
}

fn simple(name: &str) -> Option<Value> {
    let integer = |format: &str, bounds: &[(&'static str, f64)]| {
        let mut members = vec![("type", text("integer")), ("format", text(format))];
        members.extend(bounds.iter().map(|(name, bound)| (*name, Value::Number(*bound))));
        object(members)
    };
    Some(match name {
        "String" | "str" => object([("type", text("string"))]),
        "char" => {
            let one = || Value::Number(1.0);
            object([("type", text("string")), ("minLength", one()), ("maxLength", one())])
        }
        "bool" => object([("type", text("boolean"))]),
        "f64" => object([("type", text("number")), ("format", text("double"))]),
        "f32" => object([("type", text("number")), ("format", text("float"))]),
        "i8" => integer("int8", &[("minimum", -128.0), ("maximum", 127.0)]),
        "i16" => integer("int16", &[("minimum", -32768.0), ("maximum", 32767.0)]),
        "i32" => integer("int32", &[]),
        "i64" => integer("int64", &[]),
        "u8" => integer("uint8", &[("minimum", 0.0), ("maximum", 255.0)]),
        "u16" => integer("uint16", &[("minimum", 0.0), ("maximum", 65535.0)]),
        "u32" => integer("uint32", &[("minimum", 0.0)]),
        "u64" => integer("uint64", &[("minimum", 0.0)]),
        _ => return None,
    })
}

/// Adds `null`, in the type where that is one word, else beside it.
fn nullable(schema: Value) -> Value {
    match schema {
        Value::Object(mut members) => {
            if let Some((_, word @ Value::String(_))) =
                members.iter_mut().find(|(name, _)| name == "type")
            {
                *word = Value::Array(vec![word.clone(), text("null")]);
                if let Some((_, Value::Array(values))) =
                    members.iter_mut().find(|(name, _)| name == "enum")
                {
                    values.push(Value::Null);
                }
                return Value::Object(members);
            }
            object([(
                "anyOf",
                Value::Array(vec![Value::Object(members), object([("type", text("null"))])]),
            )])
        }
        other => other,
    }
}

fn described(schema: Value, attributes: &[Attribute]) -> Value {
    match (schema, doc(attributes)) {
        (Value::Object(mut members), Some((prose, _))) => {
            members.retain(|(name, _)| name != "description");
            members.insert(0, ("description".into(), text(&prose)));
            Value::Object(members)
        }
        (_, Some((prose, _))) => object([("description", text(&prose))]),
        (schema, None) => schema,
    }
}

fn renamed(casing: &str, field: &str) -> String {
    match casing {
        "camelCase" => super::words::lower_camel(field),
        "kebab-case" => field.replace('_', "-"),
        "SCREAMING_SNAKE_CASE" | "UPPERCASE" => field.to_ascii_uppercase(),
        "PascalCase" => {
            let camel = super::words::lower_camel(field);
            let mut letters = camel.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
        }
        _ => field.to_owned(),
    }
}

/// A text that serde's attribute gives to a word.
fn serde_word(attributes: &[Attribute], word: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // What serde itself refuses is serde's to report.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident(word) {
                if let Lit::Str(text) = meta.value()?.parse::<Lit>()? {
                    found = Some(text.value());
                }
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<Lit>()?;
            }
            Ok(())
        });
    }
    found
}

fn serde_flag(attributes: &[Attribute], word: &str) -> bool {
    let mut found = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident(word);
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<Lit>()?;
            }
            Ok(())
        });
    }
    found
}

/// Anything at all.
fn open() -> Value {
    Value::Bool(true)
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}
