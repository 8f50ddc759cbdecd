//! Types of fields: what a Rust type is in the schema.
//!
//! Types are known by the last word of their path, as serde's attributes and every derive know them: a macro cannot look
//! behind an import.

use super::Reader;
use crate::diag::Code;
use crate::raw::RawKind;
use syn::spanned::Spanned as _;
use syn::{GenericArgument, Path, PathArguments, Type};

/// What a field holds.
pub(crate) struct FieldType {
    /// Its type in the schema; `None` where nobody can tell, which has been said.
    pub(crate) what: Option<What>,
    pub(crate) optional: bool,
    /// The type without `Option`.
    pub(crate) value: Type,
}

/// A type of the schema.
pub(crate) enum What {
    Plain(RawKind),
    /// A kind, and what its values are exactly.
    Exact(RawKind, &'static str),
    /// An exact decimal number.
    Decimal,
    /// The id of a row of this model.
    Id(Path),
    /// JSON of this shape.
    Json(Box<Type>),
    /// One of the values of this enum.
    Enum(Path),
}

const EXACT: [(&str, RawKind, &str); 10] = [
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

const PLAIN: [(&str, RawKind); 7] = [
    ("String", RawKind::String),
    ("f64", RawKind::Number),
    ("bool", RawKind::Boolean),
    ("Timestamp", RawKind::Date),
    ("DateTime", RawKind::Date),
    ("OffsetDateTime", RawKind::Date),
    ("Value", RawKind::Json),
];

/// Types that people try, and what to use in their place.
const UNSUPPORTED: [(&str, &str); 24] = [
    ("usize", "its width depends on the machine: use `u64`, or `u32` where that is enough"),
    ("isize", "its width depends on the machine: use `i64`, or `i32` where that is enough"),
    ("i128", "use `ablo::Decimal`, which keeps every digit"),
    ("u128", "use `ablo::Decimal`, which keeps every digit"),
    ("char", "use `String`"),
    ("str", "use `String`"),
    ("Vec", "wrap it: `Json<Vec<…>>` keeps any list as JSON"),
    ("HashMap", "wrap it: `Json<HashMap<…>>` keeps any map as JSON"),
    ("BTreeMap", "wrap it: `Json<BTreeMap<…>>` keeps any map as JSON"),
    ("HashSet", "wrap it: `Json<HashSet<…>>` keeps any set as JSON"),
    ("BTreeSet", "wrap it: `Json<BTreeSet<…>>` keeps any set as JSON"),
    ("Box", "use what is in it"),
    ("Rc", "use what is in it"),
    ("Arc", "use what is in it"),
    ("Cow", "use `String`"),
    ("PathBuf", "use `String`"),
    ("Duration", "use `i64` and say the unit in the field's name"),
    ("SystemTime", "use `ablo::Timestamp`"),
    ("Instant", "use `ablo::Timestamp`"),
    ("NaiveDateTime", "use `ablo::Timestamp`: a point in time has an offset"),
    ("NaiveDate", "use `String` for a date without a time"),
    ("Date", "use `String` for a date without a time, `ablo::Timestamp` for a point in time"),
    ("Zoned", "use `ablo::Timestamp`"),
    ("Map", "wrap it: `Json<Map<…>>` keeps any object as JSON"),
];

/// The words of a type that mean something of their own: no model and no enum is called so.
///
/// ```
/// assert!(ablo_schema::front::rust::type_words().any(|word| word == "Timestamp"));
/// ```
pub fn type_words() -> impl Iterator<Item = &'static str> {
    let plain = PLAIN.iter().map(|(name, _)| *name);
    let exact = EXACT.iter().map(|(name, ..)| *name);
    let unsupported = UNSUPPORTED.iter().map(|(name, _)| *name);
    plain.chain(exact).chain(unsupported).chain(["Decimal", "Id", "Json", "Option"])
}

/// Reads the type of a field.
pub(crate) fn read(ty: &Type, reader: &mut Reader) -> FieldType {
    if let Some(inside) = argument_of(ty, "Option") {
        let what = match argument_of(inside, "Option") {
            Some(_) => {
                reader
                    .say_at(
                        Code::RustUnsupportedType,
                        ty,
                        "an `Option` of an `Option` has no meaning in a row",
                    )
                    .help("a field is there or not: use one `Option`");
                None
            }
            None => what(inside, reader),
        };
        return FieldType { what, optional: true, value: inside.clone() };
    }
    FieldType { what: what(ty, reader), optional: false, value: ty.clone() }
}

/// The `T` of `Name<T>`, whatever path leads to `Name`.
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

/// The path of a type, behind the group that a macro may have put around it.
pub(crate) fn path(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Path(ty) if ty.qself.is_none() => Some(&ty.path),
        Type::Group(group) => path(&group.elem),
        Type::Paren(paren) => path(&paren.elem),
        _ => None,
    }
}

fn what(ty: &Type, reader: &mut Reader) -> Option<What> {
    let Some(path) = path(ty) else {
        let help = match ty {
            Type::Reference(_) => {
                "a row owns its values: use `String`, or what the reference leads to"
            }
            Type::Tuple(_) | Type::Array(_) | Type::Slice(_) => {
                "wrap it: `Json<…>` keeps it as JSON"
            }
            _ => "use a type that a row can hold; see the table in docs/guide/rust-models.md",
        };
        reader.say_at(Code::RustUnsupportedType, ty, "a field cannot hold this type").help(help);
        return None;
    };
    let last = path.segments.last()?;
    let name = super::plain(&last.ident);
    if let Some((_, kind)) = PLAIN.iter().find(|(known, _)| *known == name) {
        return Some(What::Plain(*kind));
    }
    if let Some((_, kind, format)) = EXACT.iter().find(|(known, ..)| *known == name) {
        return Some(What::Exact(*kind, format));
    }
    if let Some((_, help)) = UNSUPPORTED.iter().find(|(known, _)| *known == name) {
        reader
            .say_at(Code::RustUnsupportedType, ty, format!("a field cannot hold `{name}`"))
            .help(*help);
        return None;
    }
    if name == "Decimal" {
        return Some(What::Decimal);
    }
    if let Some(model) = argument_of(ty, "Id") {
        if let Some(path) = self::path(model) {
            return Some(What::Id(path.clone()));
        }
        reader
            .say(Code::RustUnsupportedType, model.span(), "an id is the id of a model")
            .help("write `Id<Station>`");
        return None;
    }
    if let Some(shape) = argument_of(ty, "Json") {
        return Some(What::Json(Box::new(shape.clone())));
    }
    if matches!(last.arguments, PathArguments::None)
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name != "Json"
        && name != "Id"
    {
        return Some(What::Enum(path.clone()));
    }
    let help = match name.as_str() {
        "Json" => {
            "say of what: `Json<Vec<Source>>`; any JSON at all is a `serde_json::Value`".to_owned()
        }
        "Id" => "say of which model: `Id<Station>`".to_owned(),
        _ => reader
            .suggest
            .nearest(
                &name,
                PLAIN.iter().map(|(name, _)| *name).chain(EXACT.iter().map(|(name, ..)| *name)),
            )
            .map_or_else(
                || "an enum derives `AbloEnum`; anything else goes into `Json<…>`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
    };
    reader
        .say_at(Code::RustUnsupportedType, ty, format!("a field cannot hold `{name}` of this form"))
        .help(help);
    None
}
