//! Shapes: derives the JSON Schema of a type from its declaration in the same source.
//!
//! The result equals that of schemars with subschemas inlined and titles removed, as far as the
//! syntax allows. Types from elsewhere accept any value.

use super::attribute::doc;
use super::casing::Casing;
use super::cfg::Doubt;
use super::types::path;
use super::{ReadContext, plain};
use crate::value::{Members, Value};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use syn::{
    Attribute, Expr, ExprLit, Fields, GenericArgument, ItemEnum, ItemStruct, Lit, PathArguments,
    Type, TypeArray, TypeTuple,
};

/// The maximum number of types in one shape; further types accept any value. Without it, types that
/// contain each other twice would grow exponentially.
const MAX_TYPES: usize = 4096;

/// The types around the current one. A recursive type accepts any value where it recurs.
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

/// The types of a source by name.
#[derive(Default)]
pub(crate) struct Shapes<'s> {
    pub(crate) structs: BTreeMap<String, &'s ItemStruct>,
    pub(crate) enums: BTreeMap<String, &'s ItemEnum>,
    /// The doubts about each type, and the types that a shape has named.
    doubts: BTreeMap<String, Vec<Doubt>>,
    named: RefCell<BTreeSet<String>>,
}

impl Shapes<'_> {
    /// Notes what cannot be decided of a type.
    pub(super) fn doubt(&mut self, name: String, doubts: &[Doubt]) {
        self.doubts.entry(name).or_default().extend(doubts);
    }

    /// Reports what cannot be decided of the types that shapes have named.
    pub(super) fn report_doubts(&self, cx: &mut ReadContext) {
        for name in &*self.named.borrow() {
            cx.report_doubts(self.doubts.get(name).map_or(&[], Vec::as_slice));
        }
    }

    /// Returns the shape of a type, unless it accepts any value.
    pub(crate) fn of(&self, ty: &Type) -> Option<Value> {
        let trail = Trail { name: "", above: None, left: &Cell::new(MAX_TYPES) };
        Some(self.schema(ty, &trail)).filter(|schema| *schema != any())
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
            return any();
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
            _ => any(),
        }
    }

    fn tuple(&self, tuple: &TypeTuple, trail: &Trail<'_>) -> Value {
        trail.left.set(trail.left.get().saturating_sub(1));
        let items: Vec<Value> = tuple.elems.iter().map(|ty| self.schema(ty, trail)).collect();
        let [min, max] = lengths(items.len());
        object([("type", text("array")), ("prefixItems", Value::Array(items)), min, max])
    }

    fn array(&self, array: &TypeArray, trail: &Trail<'_>) -> Value {
        trail.left.set(trail.left.get().saturating_sub(1));
        let items = ("items", self.schema(&array.elem, trail));
        match &array.len {
            Expr::Lit(ExprLit { lit: Lit::Int(length), .. }) => {
                let [min, max] = lengths(length.base10_parse().unwrap_or_default());
                object([("type", text("array")), items, min, max])
            }
            // Only the compiler knows the length.
            _ => object([("type", text("array")), items]),
        }
    }

    fn named(&self, name: &str, trail: &Trail<'_>) -> Value {
        if trail.holds(name) {
            return any();
        }
        if self.doubts.contains_key(name) {
            self.named.borrow_mut().insert(name.to_owned());
        }
        if let Some(found) = self.structs.get(name) {
            return self.structure(found, &Trail { name, above: Some(trail), left: trail.left });
        }
        self.enums.get(name).map_or_else(any, |found| string_enum(found))
    }

    fn structure(&self, found: &ItemStruct, trail: &Trail<'_>) -> Value {
        let Fields::Named(fields) = &found.fields else { return any() };
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

/// Returns the keywords for an exact number of items.
fn lengths(length: usize) -> [(&'static str, Value); 2] {
    let length = f64::from(u32::try_from(length).unwrap_or(u32::MAX));
    [("minItems", Value::Number(length)), ("maxItems", Value::Number(length))]
}

/// Returns the schema of an enum without fields.
fn string_enum(found: &ItemEnum) -> Value {
    if found.variants.iter().any(|variant| !matches!(variant.fields, Fields::Unit)) {
        return any();
    }
    let casing = serde_word(&found.attrs, "rename_all").unwrap_or_else(|| "PascalCase".to_owned());
    // `Casing` uses the spellings of serde.
    let casing = super::casing::CASINGS
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
    let values = Value::Array(plain.into_iter().map(|variant| text(&value(variant))).collect());
    let schema = object([("type", text("string")), ("enum", values)]);
    if documented.is_empty() {
        return described(schema, &found.attrs);
    }
    // A documented variant needs a schema of its own.
    let one = |variant: &syn::Variant| {
        let word = object([("type", text("string")), ("const", text(&value(variant)))]);
        described(word, &variant.attrs)
    };
    let has_plain = documented.len() < found.variants.len();
    let all =
        has_plain.then_some(schema).into_iter().chain(documented.into_iter().map(one)).collect();
    described(object([("oneOf", Value::Array(all))]), &found.attrs)
}

/// Returns the `Default` of well-known types.
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

/// Adds `null` to the type if that is a single word, else as an alternative.
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
        "camelCase" => super::casing::lower_camel(field),
        "kebab-case" => field.replace('_', "-"),
        "SCREAMING_SNAKE_CASE" | "UPPERCASE" => field.to_ascii_uppercase(),
        "PascalCase" => {
            let camel = super::casing::lower_camel(field);
            let mut letters = camel.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
        }
        _ => field.to_owned(),
    }
}

/// Returns the string value of an argument of `#[serde(…)]`.
fn serde_word(attributes: &[Attribute], word: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // serde reports errors in its own attributes.
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

/// Returns the schema that accepts any value.
fn any() -> Value {
    Value::Bool(true)
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}
