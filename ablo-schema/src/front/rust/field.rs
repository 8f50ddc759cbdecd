//! Fields: a struct's fields into raw fields.

use super::attribute::{Argument, Given, Said, deprecated, doc, read};
use super::relation::{self, Options, RustRelation};
use super::slots::{Slots, wrong};
use super::types::{self, FieldType, What};
use super::words::lower_camel;
use super::{Reader, plain};
use crate::check::default_column;
use crate::diag::{Code, Spanned};
use crate::raw::{Maybe, RawField, RawKind, Text};
use crate::schema::FieldMember;
use crate::value::Value;
use syn::{Field, Ident, Lit, Path, Type};

/// The words of a field.
pub(crate) const FIELD: [&str; 16] = [
    "indexed",
    "column",
    "rename",
    "unique",
    "default",
    "renamed_from",
    "number",
    "decimal",
    "json",
    "belongs_to",
    "parent",
    "index",
    "enrich",
    "defer",
    "fk",
    "relation",
];

/// A field of a derived struct, beside its raw part.
#[derive(Debug)]
pub struct RustField {
    /// Its name in Rust.
    pub ident: Ident,
    /// Its type in Rust, without `Option`.
    pub value: Type,
    /// Whether it is an `Option`.
    pub optional: bool,
    /// Its enum, to be resolved where the source is at hand.
    pub(crate) enumeration: Option<Path>,
    /// The type whose JSON it holds, to be resolved likewise.
    pub(crate) shape: Option<Type>,
    /// Its default, to be made a value once the type is known.
    pub(crate) default: Option<Given>,
    /// Whether it is left out of creates because it has a default.
    pub has_default: bool,
    pub(crate) raw: RawField<'static>,
}

/// Fields that every row has, in Rust.
pub const BASE: [&str; 5] = ["id", "created_at", "updated_at", "organization_id", "created_by"];

/// Reads one field of a struct, and the relation that it holds.
pub(crate) fn read_field(
    field: &Field,
    reader: &mut Reader,
) -> Option<(RustField, Option<RustRelation>)> {
    let ident = field.ident.clone()?;
    let name = plain(&ident);
    if BASE.contains(&name.as_str()) {
        reader.say(Code::RustReservedField, ident.span(), format!("every row has `{name}` already")).help(format!(
            "remove it and read `row.{name}`; to say more of it, write `#[ablo(base({name}: …))]` on the struct"
        ));
        return None;
    }
    let arguments = read(&field.attrs, reader);
    let mut slots = Slots::new(arguments, "a field", &FIELD, reader);
    let ty = types::read(&field.ty, reader);
    if let Some(span) = slots.span("json") {
        slots.take("json");
        reader
            .say(Code::RustUnknownAttribute, span, "a field has no attribute `json`")
            .help("wrap the type instead: `Json<…>`");
    }
    let read = read_declared(&ident, &ty, &mut slots, &field.attrs, reader);
    if BASE.iter().any(|base| lower_camel(base) == *read.raw.name.value) {
        let message = format!("every row has `{}` already", read.raw.name.value);
        let said = reader.diagnostics.push(Code::RustReservedField, read.raw.name.at, message);
        said.help("give the field another name; to say more of that one, write `#[ablo(base(…))]` on the struct");
    }
    let relation = read_belongs_to(&ident, &read.raw, &ty, &mut slots, reader);
    Some((read, relation))
}

/// What a field, or a base field that is declared again, says of itself.
pub(crate) fn read_declared(
    ident: &Ident,
    ty: &FieldType,
    slots: &mut Slots,
    attributes: &[syn::Attribute],
    reader: &mut Reader,
) -> RustField {
    let at = reader.at(ident.span());
    let name = match slots.text("rename", "\"wireName\"", reader) {
        Some(name) => name,
        None => Spanned::new(Text::Owned(lower_camel(&plain(ident))), at),
    };
    let description = doc(attributes).map(|(text, span)| reader.text(text, span));
    let deprecated =
        deprecated(attributes).map(|(note, span)| reader.spanned(note.map(Text::Owned), span));
    let (kind, format) = match &ty.what {
        Some(What::Plain(kind)) => (Some(*kind), None),
        Some(What::Exact(kind, format)) => (Some(*kind), Some(*format)),
        Some(What::Decimal) => (Some(RawKind::String), Some("decimal")),
        Some(What::Id(_)) => (Some(RawKind::String), None),
        Some(What::Json(_)) => (Some(RawKind::Json), None),
        Some(What::Enum(_)) => (Some(RawKind::Enum), None),
        None => (None, None),
    };
    let type_at = reader.at_tokens(&ty.value);
    let (precision, scale) = read_digits(ty, slots, reader);
    let default = slots.take("default");
    let has_default = default.is_some();
    let flag = |flag: Maybe<bool>| flag.filter(|flag| flag.value);
    let raw = RawField {
        name,
        at,
        kind: kind.map(|kind| Spanned::new(kind, type_at)),
        optional: Some(Spanned::new(ty.optional, type_at)),
        indexed: Some(slots.flag("indexed", reader).unwrap_or(Spanned::new(false, at))),
        column: slots.text("column", "\"column_name\"", reader),
        enum_values: None,
        description,
        deprecated,
        format: format.map(|format| Spanned::new(Text::Borrowed(format), type_at)),
        precision,
        scale,
        default: None,
        unique: flag(slots.flag("unique", reader)),
        shape: None,
        renamed_from: slots.text("renamed_from", "\"oldName\"", reader),
        number: slots.number("number", "7", reader),
        members: Vec::new(),
    };
    let default = default.and_then(|argument| read_default(argument, reader));
    RustField {
        ident: ident.clone(),
        value: ty.value.clone(),
        optional: ty.optional,
        enumeration: match &ty.what {
            Some(What::Enum(path)) => Some(path.clone()),
            _ => None,
        },
        shape: match &ty.what {
            Some(What::Json(shape)) => Some(shape.as_ref().clone()),
            _ => None,
        },
        has_default,
        default,
        raw,
    }
}

fn read_default(argument: Argument, reader: &mut Reader) -> Option<Given> {
    match argument.said {
        Said::Is(given) => Some(given),
        said => {
            wrong(
                reader,
                "default",
                argument.name.span(),
                &said,
                "write `default = 0`, `default = \"text\"` or a variant",
            );
            None
        }
    }
}

/// `decimal(12, 2)`: digits in all, digits behind the point.
fn read_digits(ty: &FieldType, slots: &mut Slots, reader: &mut Reader) -> (Maybe<f64>, Maybe<f64>) {
    let Some(argument) = slots.take("decimal") else { return (None, None) };
    let span = argument.name.span();
    if ty.what.is_some() && !matches!(ty.what, Some(What::Decimal)) {
        reader
            .say(
                Code::RustAttributeValue,
                span,
                "`decimal` says how many digits an `ablo::Decimal` has; this field holds something else",
            )
            .help("make the field a `Decimal`, or remove it");
        return (None, None);
    }
    let number = |argument: &Argument| match &argument.said {
        Said::Literal(Lit::Int(number)) => {
            number.base10_parse::<u16>().ok().map(|value| (f64::from(value), number.span()))
        }
        _ => None,
    };
    if let Said::List(arguments) = &argument.said
        && let [precision, scale] = arguments.as_slice()
        && let (Some(precision), Some(scale)) = (number(precision), number(scale))
    {
        return (
            Some(reader.spanned(precision.0, precision.1)),
            Some(reader.spanned(scale.0, scale.1)),
        );
    }
    reader
        .say(Code::RustAttributeValue, span, "`decimal` needs two numbers")
        .help("write `decimal(12, 2)`: twelve digits in all, two of them behind the point");
    (None, None)
}

fn read_belongs_to(
    ident: &Ident,
    raw: &RawField<'static>,
    ty: &FieldType,
    slots: &mut Slots,
    reader: &mut Reader,
) -> Option<RustRelation> {
    let options = Options::take(slots, reader);
    let name = slots.text("relation", "\"name\"", reader);
    let id_of = match &ty.what {
        Some(What::Id(path)) => Some(path.clone()),
        _ => None,
    };
    let Some(argument) = slots.take("belongs_to") else {
        if let Some((word, at)) =
            options.first().or_else(|| name.as_ref().map(|name| ("relation", name.at)))
        {
            let said = reader.diagnostics.push(
                Code::RustAttributeValue,
                at,
                format!("`{word}` is an option of a relation, and this field has none"),
            );
            said.help(if word == "index" {
                "for an index on the column write `indexed`; for a relation add `belongs_to = Station`"
            } else {
                "add `belongs_to = Station`, or remove it"
            });
        }
        return None;
    };
    let span = argument.name.span();
    let target = match argument.said {
        Said::Is(Given::Path(path)) => path,
        Said::Flag => match id_of.clone() {
            Some(path) => path,
            None => {
                reader
                    .say(Code::RustAttributeValue, span, "`belongs_to` does not say to which model")
                    .help("write `belongs_to = Station`");
                return None;
            }
        },
        said => {
            wrong(reader, "belongs_to", span, &said, "write `belongs_to = Station`");
            return None;
        }
    };
    if let Some(of) = &id_of
        && last(of) != last(&target)
    {
        let at = reader.at_tokens(of);
        let (of, leads) = (last(of), last(&target));
        reader
            .say_at(
                Code::RustAttributeValue,
                &target,
                format!("the relation leads to `{leads}`, but this is the id of a `{of}`"),
            )
            .help("make the two one")
            .also(at, "the id's model");
    }
    let at = reader.at(span);
    let name = name.unwrap_or_else(|| {
        let plain = plain(ident);
        Spanned::new(Text::Owned(lower_camel(plain.strip_suffix("_id").unwrap_or(&plain))), at)
    });
    Some(relation::belongs_to(name, at, target, raw.name.clone(), options))
}

fn last(path: &Path) -> String {
    path.segments.last().map(|segment| plain(&segment.ident)).unwrap_or_default()
}

/// Which members the field has in Schema JSON, in the order of the normal form.
pub(crate) fn members(raw: &RawField<'static>) -> Vec<FieldMember> {
    let mut members = vec![FieldMember::Type, FieldMember::IsOptional, FieldMember::IsIndexed];
    if raw.column.as_ref().is_some_and(|column| column.value != default_column(&raw.name.value)) {
        members.push(FieldMember::Column);
    }
    if raw.enum_values.is_some() {
        members.push(FieldMember::EnumValues);
    }
    let mut extra = |name: &'static str, value: Option<Value>| {
        members.extend(value.map(|value| FieldMember::Extra(Box::new((name.into(), value)))));
    };
    let text = |text: &Maybe<Text<'static>>| {
        text.as_ref().map(|text| Value::String(text.value.as_ref().into()))
    };
    let number = |number: &Maybe<f64>| number.as_ref().map(|number| Value::Number(number.value));
    extra("description", text(&raw.description));
    extra(
        "deprecated",
        raw.deprecated.as_ref().map(|deprecated| match &deprecated.value {
            Some(note) => Value::String(note.as_ref().into()),
            None => Value::Bool(true),
        }),
    );
    extra("format", text(&raw.format));
    extra("precision", number(&raw.precision));
    extra("scale", number(&raw.scale));
    extra("default", raw.default.as_ref().map(|default| default.value.clone()));
    extra("unique", raw.unique.map(|unique| Value::Bool(unique.value)));
    extra("shape", raw.shape.as_ref().map(|shape| shape.value.clone()));
    extra("renamedFrom", text(&raw.renamed_from));
    extra("number", number(&raw.number));
    members
}

/// A default as a value of the schema, once it is known what the field holds.
pub(crate) fn default_value(given: &Given, kind: RawKind, exact: bool) -> Value {
    let digits =
        |minus: bool, digits: &str| if minus { format!("-{digits}") } else { digits.to_owned() };
    match given {
        Given::Literal { minus: false, literal: Lit::Str(text) } => {
            Value::String(text.value().into())
        }
        Given::Literal { minus: false, literal: Lit::Bool(flag) } => Value::Bool(flag.value),
        Given::Literal { minus, literal: Lit::Int(number) } => match kind {
            RawKind::String if exact => {
                Value::String(digits(*minus, number.base10_digits()).into())
            }
            _ => double(&digits(*minus, number.base10_digits())),
        },
        Given::Literal { minus, literal: Lit::Float(number) } => match kind {
            RawKind::String if exact => {
                Value::String(digits(*minus, number.base10_digits()).into())
            }
            _ => double(&digits(*minus, number.base10_digits())),
        },
        Given::Path(path) => Value::String(last(path).into()),
        // A char, a byte string: no field takes one, and the rule on defaults says so.
        Given::Literal { .. } => Value::Null,
    }
}

fn double(digits: &str) -> Value {
    digits
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
        .map_or(Value::Null, Value::Number)
}
