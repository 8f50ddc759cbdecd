//! Reads the fields of a struct.

use super::arguments::{Arguments, report_wrong_value};
use super::attribute::{
    Argument, ArgumentKind, AttributeValue, deprecated, doc, read, warn_of_serde,
};
use super::casing::lower_camel;
use super::relation::{self, RustRelation, RustRelationOptions};
use super::types::{self, FieldType, FieldTypeKind};
use super::vocabulary::FIELD_ARGUMENTS;
use super::{ReadContext, plain};
use crate::diag::{Code, Spanned};
use crate::raw::{CowStr, Maybe, RawField, RawKind};
use crate::schema::{FieldMember, default_column};
use crate::value::Value;
use syn::{Field, Ident, Lit, Path, Type};

/// A field of a struct with its raw form.
#[derive(Debug)]
pub struct RustField {
    /// The name in Rust.
    pub ident: Ident,
    /// The type in Rust, without `Option`.
    pub value: Type,
    /// Whether the type is an `Option`.
    pub optional: bool,
    /// The enum, resolved once the source is known.
    pub(crate) enumeration: Option<Path>,
    /// The type of its JSON, resolved once the source is known.
    pub(crate) shape: Option<Type>,
    /// The default, converted once the type is known.
    pub(crate) default: Option<AttributeValue>,
    /// Whether creates omit it because it has a default.
    pub has_default: bool,
    pub(crate) raw: RawField<'static>,
}

/// The base fields, which every row has, in Rust.
pub const BASE: [&str; 5] = ["id", "created_at", "updated_at", "organization_id", "created_by"];

/// Reads one field of a struct and its relation.
pub(crate) fn read_field(
    field: &Field,
    cx: &mut ReadContext,
) -> Option<(RustField, Option<RustRelation>)> {
    let ident = field.ident.clone()?;
    let name = plain(&ident);
    if BASE.contains(&name.as_str()) {
        cx.report(
            Code::RustReservedField,
            ident.span(),
            format!(
                "`{name}` is a base field of \
            every row"
            ),
        )
        .help(format!(
            "remove it and read `row.{name}`; to change its options, write `#[ablo(base({name}: \
             …))]` on the struct"
        ));
        return None;
    }
    warn_of_serde(&field.attrs, "rename", cx);
    let arguments = read(&field.attrs, cx);
    let mut arguments = Arguments::new(arguments, "a field", &FIELD_ARGUMENTS, cx);
    let ty = types::read(&field.ty, cx);
    if let Some(span) = arguments.span("json") {
        arguments.take("json");
        cx.report(Code::RustUnknownAttribute, span, "unknown attribute `json` on a field")
            .help("wrap the type instead: `Json<…>`");
    }
    let read = read_declared(&ident, &ty, &mut arguments, &field.attrs, cx);
    if BASE.iter().any(|base| lower_camel(base) == *read.raw.name.value) {
        let message = format!("`{}` is a base field of every row", read.raw.name.value);
        let diagnostic = cx.diagnostics.push(Code::RustReservedField, read.raw.name.at, message);
        diagnostic.help(
            "rename the field; to change the options of the base field, write \
            `#[ablo(base(…))]` on the struct",
        );
    }
    let relation = read_belongs_to(&ident, &read.raw, &ty, &mut arguments, cx);
    Some((read, relation))
}

/// Reads the type and the arguments of a field or a redeclared base field.
pub(crate) fn read_declared(
    ident: &Ident,
    ty: &FieldType,
    arguments: &mut Arguments,
    attributes: &[syn::Attribute],
    cx: &mut ReadContext,
) -> RustField {
    let at = cx.at(ident.span());
    let name = match arguments.text("rename", "\"wireName\"", cx) {
        Some(name) => name,
        None => Spanned::new(CowStr::Owned(lower_camel(&plain(ident))), at),
    };
    let description = doc(attributes).map(|(text, span)| cx.text(text, span));
    let deprecated =
        deprecated(attributes).map(|(note, span)| cx.spanned(note.map(CowStr::Owned), span));
    let (kind, format) = match &ty.kind {
        Some(FieldTypeKind::Plain(kind)) => (Some(*kind), None),
        Some(FieldTypeKind::Exact(kind, format)) => (Some(*kind), Some(*format)),
        Some(FieldTypeKind::Decimal) => (Some(RawKind::String), Some("decimal")),
        Some(FieldTypeKind::Id(_)) => (Some(RawKind::String), None),
        Some(FieldTypeKind::Json(_)) => (Some(RawKind::Json), None),
        Some(FieldTypeKind::Enum(_)) => (Some(RawKind::Enum), None),
        None => (None, None),
    };
    let type_at = cx.at_tokens(&ty.value);
    let (precision, scale) = read_digits(ty, arguments, cx);
    let default = arguments.take("default");
    let has_default = default.is_some();
    let flag = |flag: Maybe<bool>| flag.filter(|flag| flag.value);
    let raw = RawField {
        name,
        at,
        kind: kind.map(|kind| Spanned::new(kind, type_at)),
        optional: Some(Spanned::new(ty.optional, type_at)),
        indexed: Some(arguments.flag("indexed", cx).unwrap_or(Spanned::new(false, at))),
        column: arguments.text("column", "\"column_name\"", cx),
        enum_values: None,
        description,
        deprecated,
        format: format.map(|format| Spanned::new(CowStr::Borrowed(format), type_at)),
        precision,
        scale,
        default: None,
        unique: flag(arguments.flag("unique", cx)),
        secret: flag(arguments.flag("secret", cx)),
        shape: None,
        renamed_from: arguments.text("renamed_from", "\"oldName\"", cx),
        number: arguments.number("number", "7", cx),
        relative: arguments.words("relative", "relative(increment)", cx),
        column_type: arguments.text("column_type", "\"varchar(20)\"", cx),
        members: Vec::new(),
    };
    let default = default.and_then(|argument| read_default(argument, cx));
    RustField {
        ident: ident.clone(),
        value: ty.value.clone(),
        optional: ty.optional,
        enumeration: match &ty.kind {
            Some(FieldTypeKind::Enum(path)) => Some(path.clone()),
            _ => None,
        },
        shape: match &ty.kind {
            Some(FieldTypeKind::Json(shape)) => Some(shape.as_ref().clone()),
            _ => None,
        },
        has_default,
        default,
        raw,
    }
}

fn read_default(argument: Argument, cx: &mut ReadContext) -> Option<AttributeValue> {
    match argument.kind {
        ArgumentKind::Value(value) => Some(value),
        kind => {
            report_wrong_value(
                cx,
                "default",
                argument.name.span(),
                &kind,
                "write `default = 0`, `default = \"text\"` or a variant",
            );
            None
        }
    }
}

/// Reads `decimal(12, 2)`: precision and scale.
fn read_digits(
    ty: &FieldType,
    arguments: &mut Arguments,
    cx: &mut ReadContext,
) -> (Maybe<f64>, Maybe<f64>) {
    let Some(argument) = arguments.take("decimal") else { return (None, None) };
    let span = argument.name.span();
    if ty.kind.is_some() && !matches!(ty.kind, Some(FieldTypeKind::Decimal)) {
        cx.report(
            Code::RustAttributeValue,
            span,
            "`decimal` on a field that is not an `ablo::Decimal`",
        )
        .help("make the field a `Decimal`, or remove `decimal`");
        return (None, None);
    }
    let number = |argument: &Argument| match &argument.kind {
        ArgumentKind::Literal(Lit::Int(number)) => {
            number.base10_parse::<u16>().ok().map(|value| (f64::from(value), number.span()))
        }
        _ => None,
    };
    if let ArgumentKind::List(arguments) = &argument.kind
        && let [precision, scale] = arguments.as_slice()
        && let (Some(precision), Some(scale)) = (number(precision), number(scale))
    {
        return (Some(cx.spanned(precision.0, precision.1)), Some(cx.spanned(scale.0, scale.1)));
    }
    cx.report(Code::RustAttributeValue, span, "`decimal` requires a precision and a scale")
        .help("write `decimal(12, 2)`: twelve digits, two of them after the decimal point");
    (None, None)
}

fn read_belongs_to(
    ident: &Ident,
    raw: &RawField<'static>,
    ty: &FieldType,
    arguments: &mut Arguments,
    cx: &mut ReadContext,
) -> Option<RustRelation> {
    let options = RustRelationOptions::take(arguments, cx);
    let name = arguments.text("relation", "\"name\"", cx);
    let id_of = match &ty.kind {
        Some(FieldTypeKind::Id(path)) => Some(path.clone()),
        _ => None,
    };
    let Some(argument) = arguments.take("belongs_to") else {
        if let Some((word, at)) =
            options.first().or_else(|| name.as_ref().map(|name| ("relation", name.at)))
        {
            let diagnostic = cx.diagnostics.push(
                Code::RustAttributeValue,
                at,
                format!("`{word}` is an option of a relation, and this field has no relation"),
            );
            diagnostic.help(if word == "index" {
                "for an index on the column, write `indexed`; for a relation, add `belongs_to = \
                 Station`"
            } else {
                "add `belongs_to = Station`, or remove the option"
            });
        }
        return None;
    };
    let span = argument.name.span();
    let target = match argument.kind {
        ArgumentKind::Value(AttributeValue::Path(path)) => path,
        ArgumentKind::Flag => match id_of.clone() {
            Some(path) => path,
            None => {
                cx.report(Code::RustAttributeValue, span, "missing target of `belongs_to`")
                    .help("write `belongs_to = Station`");
                return None;
            }
        },
        kind => {
            report_wrong_value(cx, "belongs_to", span, &kind, "write `belongs_to = Station`");
            return None;
        }
    };
    if let Some(of) = &id_of
        && last(of) != last(&target)
    {
        let at = cx.at_tokens(of);
        let (of, target_name) = (last(of), last(&target));
        cx.report_tokens(
            Code::RustAttributeValue,
            &target,
            format!(
                "the target of the relation is `{target_name}`, but the field is the id of a `{of}`"
            ),
        )
        .help("use the same model for both")
        .also(at, "the model of the id");
    }
    let at = cx.at(span);
    let name = name.unwrap_or_else(|| {
        let plain = plain(ident);
        Spanned::new(CowStr::Owned(lower_camel(plain.strip_suffix("_id").unwrap_or(&plain))), at)
    });
    Some(relation::belongs_to(name, at, target, raw.name.clone(), options))
}

fn last(path: &Path) -> String {
    path.segments.last().map(|segment| plain(&segment.ident)).unwrap_or_default()
}

/// Returns the members of the field in Schema JSON, in canonical order.
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
    let text = |text: &Maybe<CowStr<'static>>| {
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
    extra("secret", raw.secret.map(|secret| Value::Bool(secret.value)));
    extra("shape", raw.shape.as_ref().map(|shape| shape.value.clone()));
    extra("renamedFrom", text(&raw.renamed_from));
    extra("number", number(&raw.number));
    let words = |words: &Vec<Spanned<CowStr<'static>>>| {
        words.iter().map(|word| Value::String(word.value.as_ref().into())).collect()
    };
    extra("relative", raw.relative.as_ref().map(|all| Value::Array(words(&all.value))));
    extra("columnType", text(&raw.column_type));
    members
}

/// Converts a default to a value of the schema.
pub(crate) fn default_value(value: &AttributeValue, kind: RawKind, exact: bool) -> Value {
    let digits =
        |minus: bool, digits: &str| if minus { format!("-{digits}") } else { digits.to_owned() };
    match value {
        AttributeValue::Literal { minus: false, literal: Lit::Str(text) } => {
            Value::String(text.value().into())
        }
        AttributeValue::Literal { minus: false, literal: Lit::Bool(flag) } => {
            Value::Bool(flag.value)
        }
        AttributeValue::Literal { minus, literal: Lit::Int(number) } => match kind {
            RawKind::String if exact => {
                Value::String(digits(*minus, number.base10_digits()).into())
            }
            _ => double(&digits(*minus, number.base10_digits())),
        },
        AttributeValue::Literal { minus, literal: Lit::Float(number) } => match kind {
            RawKind::String if exact => {
                Value::String(digits(*minus, number.base10_digits()).into())
            }
            _ => double(&digits(*minus, number.base10_digits())),
        },
        AttributeValue::Path(path) => Value::String(last(path).into()),
        // A char or a byte string: the rule on defaults reports it.
        AttributeValue::Literal { .. } => Value::Null,
    }
}

fn double(digits: &str) -> Value {
    digits
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
        .map_or(Value::Null, Value::Number)
}
