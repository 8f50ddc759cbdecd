//! Rules on column types: whether a column of the type stores the field, and whether ids and the
//! fields that refer to them can be compared.

use super::context::{BASE_FIELDS, Context, physical_column};
use super::names::shown;
use crate::diag::{Code, SpanId, Spanned};
use crate::raw::{RawField, RawKind, RawTenancy};
use crate::schema::{ColumnType, FieldKind, RelationKind, ScalarType};
use crate::value::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Returns the column type of a field, or `None` if it is the usual one or has a fault.
pub(super) fn column_type_of(field: &RawField<'_>) -> Option<ColumnType> {
    let read = ColumnType::read(&field.column_type.as_ref()?.value)?;
    let kind = bare(field.kind?.value);
    let fits = field.format.is_none() && read.stores(&kind);
    (fits && read != ColumnType::usual(&kind)).then_some(read)
}

/// Returns a type without the values of an enum, which no rule on columns depends on.
fn bare(kind: RawKind) -> FieldKind {
    match kind {
        RawKind::String => FieldKind::String,
        RawKind::Number => FieldKind::Number,
        RawKind::Boolean => FieldKind::Boolean,
        RawKind::Date => FieldKind::Date,
        RawKind::Enum => FieldKind::Enum(Vec::new()),
        RawKind::Json => FieldKind::Json,
    }
}

pub(super) fn check_column_types(cx: &mut Context<'_, '_>) {
    for field in cx.raw.models.iter().flat_map(|model| &model.fields) {
        let (Some(word), Some(kind)) = (&field.column_type, field.kind) else { continue };
        let Some(read) = ColumnType::read(&word.value) else {
            report_unknown(cx, word);
            continue;
        };
        let name = &field.name.value;
        if let Some(format) = &field.format {
            let message = format!("field `{name}` has both a format and a column type");
            cx.diagnostics
                .push(Code::FacetColumnTypeOnOtherType, word.at, message)
                .help("remove one of them: a format has a column type of its own")
                .also(format.at, "the format");
        } else if !read.stores(&bare(kind.value)) {
            let kind = kind.value.as_str();
            let message =
                format!("a column of type `{read}` cannot store field `{name}`, a `{kind}`");
            let help = fields_of(&read).map_or_else(
                || "use another column type".to_owned(),
                |fits| format!("make the field a `{fits}`, or use another column type"),
            );
            cx.diagnostics.push(Code::FacetColumnTypeOnOtherType, word.at, message).help(help);
        } else {
            check_default(cx, field, &read);
            check_index(cx, field, &read);
        }
    }
}

/// Returns the type of the fields that a column of this type stores.
fn fields_of(read: &ColumnType) -> Option<&'static str> {
    let kinds = [RawKind::String, RawKind::Number, RawKind::Boolean, RawKind::Date, RawKind::Json]
        .into_iter()
        .chain([RawKind::Enum]);
    kinds.into_iter().find(|kind| read.stores(&bare(*kind))).map(RawKind::as_str)
}

fn report_unknown(cx: &mut Context<'_, '_>, word: &Spanned<Cow<'_, str>>) {
    let near = cx.suggest.nearest(&word.value, ColumnType::EXAMPLES);
    let help = near.map_or_else(
        || format!("use a type such as `{}`", ColumnType::EXAMPLES.join("`, `")),
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!("unknown column type `{}`", shown(&word.value));
    cx.diagnostics.push(Code::FacetColumnTypeUnknown, word.at, message).help(help);
}

fn check_default(cx: &mut Context<'_, '_>, field: &RawField<'_>, read: &ColumnType) {
    let Some(default) = &field.default else { return };
    let name = &field.name.value;
    if matches!(read, ColumnType::Array(_) | ColumnType::Scalar(ScalarType::Bytea)) {
        let message = format!("field `{name}` with the column type `{read}` has a default");
        cx.diagnostics
            .push(Code::FacetColumnTypeDefault, default.at, message)
            .help("remove the default, or the column type");
        return;
    }
    let expected = match &default.value {
        Value::String(text) if field.kind.is_some_and(|kind| kind.value != RawKind::Date) => {
            read.check(text).err()
        }
        Value::Number(number) => {
            let bounds = read.scalar().and_then(ScalarType::bounds);
            #[expect(clippy::cast_precision_loss, reason = "a bound of 2^63 is a double")]
            let fits = |(least, most): (i64, i64)| {
                (least as f64..=most as f64).contains(number) && number.fract() == 0.0
            };
            let unfit = bounds.filter(|bounds| !fits(*bounds));
            unfit.map(|(least, most)| format!("a whole number from {least} to {most}"))
        }
        _ => None,
    };
    if let Some(expected) = expected {
        let message = format!("a column of type `{read}` cannot store the default of `{name}`");
        cx.diagnostics
            .push(Code::FacetDefaultOutOfRange, default.at, message)
            .help(format!("use {expected}"));
    }
}

fn check_index(cx: &mut Context<'_, '_>, field: &RawField<'_>, read: &ColumnType) {
    let Some(indexed) = field.indexed.filter(|indexed| indexed.value) else { return };
    if *read == ColumnType::Scalar(ScalarType::Json) {
        let message =
            format!("field `{}` with the column type `json` is indexed", field.name.value);
        cx.diagnostics
            .push(Code::FacetColumnTypeIndex, indexed.at, message)
            .help("PostgreSQL has no index for `json`; use `jsonb`, or set `isIndexed` to false");
    }
}

/// Checks base fields, and fields that read the tenancy column under another name.
pub(super) fn check_base_fields(cx: &mut Context<'_, '_>) {
    for at in 0..cx.models.len() {
        let tenancy = cx.models[at].tenancy_column();
        for field in &cx.models[at].raw.fields {
            let (Some(word), Some(read)) = (&field.column_type, column_type_of(field)) else {
                continue;
            };
            let name = field.name.value.as_ref();
            let is_base = BASE_FIELDS.iter().any(|(base, _)| *base == name);
            let is_tenancy =
                name == "organizationId" || tenancy == Some(physical_column(field).as_ref());
            let (fits, help) = if is_tenancy {
                let fits = read.scalar().is_some_and(ScalarType::is_text);
                (fits, "organisations are text; use `varchar`, or remove `columnType`")
            } else if name == "id" {
                (read.is_key(), "use `uuid`, `smallint`, `integer`, `bigint` or `varchar`")
            } else {
                (!is_base || name != "createdBy" || read.is_key(), "use `uuid` or `varchar`")
            };
            if !fits {
                let message =
                    format!("the server fills `{name}`, which cannot have the type `{read}`");
                cx.diagnostics.push(Code::FacetOnBaseField, word.at, message).help(help);
            }
        }
    }
}

/// An id, or a field that refers to one.
struct Key {
    of: ColumnType,
    /// The type and its place, if it is declared.
    at: Option<SpanId>,
}

impl Key {
    /// Returns the type of a field or of a base field; `None` if it is not known.
    fn find(cx: &Context<'_, '_>, model: usize, is_it: impl Fn(&RawField<'_>) -> bool) -> Self {
        let field = cx.raw.models[model].fields.iter().find(|field| is_it(field));
        let read = field.and_then(column_type_of);
        let at = field.and_then(|field| Some(field.column_type.as_ref()?.at));
        Self { of: read.unwrap_or(ColumnType::usual(&FieldKind::String)), at }
    }
}

/// A field that refers to an id has a type that can be compared with it.
pub(super) fn check_keys(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    // A key shared by several relations is reported once.
    let mut reported = BTreeSet::new();
    for (at, model) in raw.models.iter().enumerate() {
        for relation in &model.relations {
            let (Some(target), Some(key)) = (cx.target_of(relation), &relation.foreign_key) else {
                continue;
            };
            let (holder, owner) = match relation.kind.map(|kind| kind.value) {
                Some(RelationKind::BelongsTo) => (at, target),
                Some(RelationKind::HasMany | RelationKind::HasOne) => (target, at),
                None => continue,
            };
            let own = Key::find(cx, holder, |field| field.name.value == key.value);
            let id = Key::find(cx, owner, |field| field.name.value == "id");
            if !raw.models[holder].is_stub && !raw.models[owner].is_stub {
                report_key(cx, (&own, &key.value), &id, key.at, &mut reported);
            }
        }
        let Some(RawTenancy::Parent { local_key, parent_table, parent_key, .. }) =
            model.tenancy.as_ref().map(|tenancy| &tenancy.value)
        else {
            continue;
        };
        let Some(parent) = cx.index_of_table(&parent_table.value) else { continue };
        let column = parent_key.as_ref().map_or("id", |key| &key.value);
        let own = Key::find(cx, at, |field| physical_column(field) == local_key.value);
        let id = Key::find(cx, parent, |field| physical_column(field) == column);
        report_key(cx, (&own, &local_key.value), &id, local_key.at, &mut reported);
    }
}

fn report_key(
    cx: &mut Context<'_, '_>,
    (own, name): (&Key, &str),
    id: &Key,
    because: SpanId,
    reported: &mut BTreeSet<SpanId>,
) {
    let at = own.at.or(id.at).unwrap_or(because);
    if own.of.compares_with(&id.of) || own.at.or(id.at).is_none() || !reported.insert(at) {
        return;
    }
    let message = format!(
        "`{}` has the column type `{}`, but the id that it refers to has `{}`",
        shown(name),
        own.of,
        id.of
    );
    let diagnostic = cx.diagnostics.push(Code::FacetColumnTypeOfKey, at, message);
    diagnostic.help("give both the same `columnType`");
    diagnostic.also(because, "used as a key here");
}
