//! Maps the Rust type of a field to a type of the schema.
//!
//! Types are recognized by the last segment of their path, because a macro cannot resolve imports.

use super::ReadContext;
use super::cfg::Doubt;
use crate::diag::Code;
use crate::raw::RawKind;
use std::collections::BTreeMap;
use syn::spanned::Spanned as _;
use syn::{GenericArgument, Item, Path, PathArguments, Type};

/// The type of a field.
pub(crate) struct FieldType {
    /// The type in the schema; `None` if it is not supported, which has been reported.
    pub(crate) kind: Option<FieldTypeKind>,
    pub(crate) optional: bool,
    /// The type without `Option`.
    pub(crate) value: Type,
}

/// A type of the schema.
pub(crate) enum FieldTypeKind {
    Plain(RawKind),
    /// A type with a format.
    Exact(RawKind, &'static str),
    /// A decimal.
    Decimal,
    /// The id of a row of this model.
    Id(Path),
    /// JSON of this shape.
    Json(Box<Type>),
    /// One of the values of this enum.
    Enum(Path),
}

const EXACT_TYPES: [(&str, RawKind, &str); 10] = [
    ("f32", RawKind::Number, "float"),
    ("i8", RawKind::Number, "int8"),
    ("i16", RawKind::Number, "int16"),
    ("i32", RawKind::Number, "int32"),
    ("u8", RawKind::Number, "uint8"),
    ("u16", RawKind::Number, "uint16"),
    ("u32", RawKind::Number, "uint32"),
    ("i64", RawKind::String, "int64"),
    ("u64", RawKind::String, "uint64"),
    ("Uuid", RawKind::String, "uuid"),
];

const PLAIN_TYPES: [(&str, RawKind); 7] = [
    ("String", RawKind::String),
    ("f64", RawKind::Number),
    ("bool", RawKind::Boolean),
    ("Timestamp", RawKind::Date),
    ("DateTime", RawKind::Date),
    ("OffsetDateTime", RawKind::Date),
    ("Value", RawKind::Json),
];

/// Unsupported types and what to use instead.
const UNSUPPORTED_TYPES: [(&str, &str); 24] = [
    ("usize", "its width depends on the platform: use `u64`, or `u32` if that is enough"),
    ("isize", "its width depends on the platform: use `i64`, or `i32` if that is enough"),
    ("i128", "use `ablo::Decimal`, which preserves all digits"),
    ("u128", "use `ablo::Decimal`, which preserves all digits"),
    ("char", "use `String`"),
    ("str", "use `String`"),
    ("Vec", "wrap it: `Json<Vec<…>>` stores any list as JSON"),
    ("HashMap", "wrap it: `Json<HashMap<…>>` stores any map as JSON"),
    ("BTreeMap", "wrap it: `Json<BTreeMap<…>>` stores any map as JSON"),
    ("HashSet", "wrap it: `Json<HashSet<…>>` stores any set as JSON"),
    ("BTreeSet", "wrap it: `Json<BTreeSet<…>>` stores any set as JSON"),
    ("Box", "use the inner type"),
    ("Rc", "use the inner type"),
    ("Arc", "use the inner type"),
    ("Cow", "use `String`"),
    ("PathBuf", "use `String`"),
    ("Duration", "use `i64` and put the unit in the field's name"),
    ("SystemTime", "use `ablo::Timestamp`"),
    ("Instant", "use `ablo::Timestamp`"),
    ("NaiveDateTime", "use `ablo::Timestamp`, which has an offset"),
    ("NaiveDate", "use `String` for a date without a time"),
    ("Date", "use `String` for a date without a time, `ablo::Timestamp` for a timestamp"),
    ("Zoned", "use `ablo::Timestamp`"),
    ("Map", "wrap it: `Json<Map<…>>` stores any object as JSON"),
];

/// Iterates over the type names with a meaning of their own, which models and enums must not use.
///
/// ```
/// assert!(ablo_schema::front::rust::reserved_type_names().any(|word| word == "Timestamp"));
/// ```
pub fn reserved_type_names() -> impl Iterator<Item = &'static str> {
    let plain = PLAIN_TYPES.iter().map(|(name, _)| *name);
    let exact = EXACT_TYPES.iter().map(|(name, ..)| *name);
    let unsupported = UNSUPPORTED_TYPES.iter().map(|(name, _)| *name);
    plain.chain(exact).chain(unsupported).chain(["Decimal", "Id", "Json", "Option"])
}

/// The types behind aliases, with what cannot be decided of them. An alias with two meanings has
/// none.
#[derive(Debug, Default)]
pub(super) struct Aliases(BTreeMap<String, Option<(Type, Vec<Doubt>)>>);

/// An alias of an alias is followed this far.
const MAX_ALIASES: usize = 16;

impl ReadContext {
    /// Adds `type Name = …;`, unless it is generic.
    pub(super) fn add_alias(&mut self, item: &Item, doubts: Vec<Doubt>) {
        let Item::Type(alias) = item else { return };
        if alias.generics.params.is_empty() {
            let meaning = Some(((*alias.ty).clone(), doubts));
            let known = self.aliases.0.entry(super::plain(&alias.ident)).or_insert(meaning.clone());
            if known.as_ref().map(|known| &known.0) != meaning.as_ref().map(|new| &new.0) {
                *known = None;
            }
        }
    }

    /// Returns the type behind a name that has no meaning of its own, else the type itself.
    fn behind(&mut self, ty: &Type) -> Type {
        let mut behind = ty.clone();
        for _ in 0..MAX_ALIASES {
            let Some(name) = path(&behind).and_then(Path::get_ident).map(super::plain) else {
                break;
            };
            if reserved_type_names().any(|known| known == name) {
                break;
            }
            let Some(Some((ty, doubts))) = self.aliases.0.get(&name).cloned() else { break };
            self.report_doubts(&doubts);
            behind = ty;
        }
        behind
    }
}

/// Reads the type of a field.
pub(crate) fn read(ty: &Type, cx: &mut ReadContext) -> FieldType {
    let ty = &cx.behind(ty);
    if let Some(inside) = argument_of(ty, "Option") {
        let inside = &cx.behind(inside);
        let kind = match argument_of(inside, "Option") {
            Some(_) => {
                cx.report_tokens(
                    Code::RustUnsupportedType,
                    ty,
                    "nested `Option`s are not supported",
                )
                .help("use a single `Option`");
                None
            }
            None => kind_of(inside, cx),
        };
        return FieldType { kind, optional: true, value: inside.clone() };
    }
    FieldType { kind: kind_of(ty, cx), optional: false, value: ty.clone() }
}

/// Returns the `T` of `Name<T>`, ignoring the path of `Name`.
fn argument_of<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    let last = path(ty)?.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    if last.ident != name {
        return None;
    }
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Returns the path of a type, inside any group that a macro has added.
pub(crate) fn path(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Path(ty) if ty.qself.is_none() => Some(&ty.path),
        Type::Group(group) => path(&group.elem),
        Type::Paren(paren) => path(&paren.elem),
        _ => None,
    }
}

fn kind_of(ty: &Type, cx: &mut ReadContext) -> Option<FieldTypeKind> {
    let Some(path) = path(ty) else {
        let help = match ty {
            Type::Reference(_) => "a row owns its values: use `String` or the referenced type",
            Type::Tuple(_) | Type::Array(_) | Type::Slice(_) => {
                "wrap it: `Json<…>` stores it as JSON"
            }
            _ => "see the table of types in docs/guide/rust-models.md",
        };
        cx.report_tokens(Code::RustUnsupportedType, ty, "unsupported field type").help(help);
        return None;
    };
    let last = path.segments.last()?;
    let name = super::plain(&last.ident);
    if let Some((_, kind)) = PLAIN_TYPES.iter().find(|(known, _)| *known == name) {
        return Some(FieldTypeKind::Plain(*kind));
    }
    if let Some((_, kind, format)) = EXACT_TYPES.iter().find(|(known, ..)| *known == name) {
        return Some(FieldTypeKind::Exact(*kind, format));
    }
    if let Some((_, help)) = UNSUPPORTED_TYPES.iter().find(|(known, _)| *known == name) {
        cx.report_tokens(Code::RustUnsupportedType, ty, format!("unsupported field type `{name}`"))
            .help(*help);
        return None;
    }
    if name == "Decimal" {
        return Some(FieldTypeKind::Decimal);
    }
    if let Some(model) = argument_of(ty, "Id") {
        if let Some(path) = self::path(model) {
            return Some(FieldTypeKind::Id(path.clone()));
        }
        cx.report(Code::RustUnsupportedType, model.span(), "the argument of `Id` must be a model")
            .help("write `Id<Station>`");
        return None;
    }
    if let Some(shape) = argument_of(ty, "Json") {
        return Some(FieldTypeKind::Json(Box::new(shape.clone())));
    }
    if matches!(last.arguments, PathArguments::None)
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name != "Json"
        && name != "Id"
    {
        return Some(FieldTypeKind::Enum(path.clone()));
    }
    let help = match name.as_str() {
        "Json" => "add the type: `Json<Vec<Source>>`; for arbitrary JSON, use `serde_json::Value`"
            .to_owned(),
        "Id" => "add the model: `Id<Station>`".to_owned(),
        _ => cx
            .suggest
            .nearest(
                &name,
                PLAIN_TYPES
                    .iter()
                    .map(|(name, _)| *name)
                    .chain(EXACT_TYPES.iter().map(|(name, ..)| *name)),
            )
            .map_or_else(
                || "derive `AbloEnum` for an enum; wrap any other type in `Json<…>`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
    };
    cx.report_tokens(Code::RustUnsupportedType, ty, format!("unsupported field type `{name}`"))
        .help(help);
    None
}
