//! Resolves the names of all items and builds the raw schema.

use super::attribute::AttributeValue;
use super::enumeration::RustEnum;
use super::field::{RustField, default_value, members};
use super::model::RustModel;
use super::relation::RustRelation;
use super::shape::Shapes;
use super::{ReadContext, plain, report_repeated};
use crate::diag::{Applicability, Code, Place, Spanned};
use crate::raw::{CowStr, Maybe, RawField, RawKind, RawModel, RawRelation, RawRole, RawSchema};
use crate::schema::default_column;
use crate::value::Value;
use std::collections::BTreeMap;
use syn::Path;

/// All items of one schema, in order.
pub(crate) struct Items<'i> {
    pub(crate) models: Vec<RustModel>,
    pub(crate) enums: Vec<RustEnum>,
    pub(crate) shapes: Shapes<'i>,
    pub(crate) roles: Vec<RawRole<'static>>,
    /// Whether clients may write rows of models that do not say.
    pub(crate) mutable: Maybe<bool>,
}

/// The names of a model that other models refer to.
struct ModelNames {
    /// `None` if several models have the same key, which has been reported.
    key: Option<String>,
    /// Name on the wire to column.
    columns: BTreeMap<String, String>,
    /// The usual name on the wire to the actual one, for renamed fields.
    renamed: BTreeMap<String, String>,
}

pub(crate) fn resolve(items: Items<'_>, cx: &mut ReadContext) -> RawSchema<'static> {
    let models: Vec<_> =
        items.models.iter().map(|model| (plain(&model.ident), &model.ident)).collect();
    report_repeated(
        models.into_iter().map(|(name, ident)| (name, cx.at(ident.span()))).collect(),
        "structs",
        cx,
    );
    let keys = |model: &RustModel| (model.raw.key.value.clone().into_owned(), model.raw.key.at);
    // Duplicate structs have been reported.
    let mut structs = std::collections::BTreeSet::new();
    let unlike = items.models.iter().filter(|model| structs.insert(plain(&model.ident)));
    report_repeated(unlike.map(keys).collect(), "models", cx);
    let enums: Vec<_> =
        items.enums.iter().map(|one| (plain(&one.ident), one.ident.span())).collect();
    report_repeated(
        enums.into_iter().map(|(name, span)| (name, cx.at(span))).collect(),
        "enums",
        cx,
    );
    let mut known: BTreeMap<String, ModelNames> =
        items.models.iter().map(|model| (plain(&model.ident), known(model))).collect();
    let mut by_key: BTreeMap<&str, Vec<&RustModel>> = BTreeMap::new();
    items
        .models
        .iter()
        .for_each(|model| by_key.entry(&model.raw.key.value).or_default().push(model));
    for model in by_key.values().filter(|all| all.len() > 1).flatten() {
        known.entry(plain(&model.ident)).and_modify(|known| known.key = None);
    }
    let enums: BTreeMap<String, &RustEnum> =
        items.enums.iter().map(|one| (plain(&one.ident), one)).collect();
    let models = items
        .models
        .into_iter()
        .map(|model| resolve_model(model, &known, &enums, &items.shapes, cx));
    let mut models: Vec<_> = models.collect();
    items.shapes.report_doubts(cx);
    if items.mutable.is_none() {
        // The default is not written to the canonical text.
        for model in &mut models {
            model.mutable = model.mutable.filter(|flag| flag.value);
        }
    }
    RawSchema { models, identity_roles: items.roles, mutable: items.mutable }
}

fn known(model: &RustModel) -> ModelNames {
    let fields = || model.base.iter().chain(&model.fields);
    let column = |raw: &RawField<'_>| match &raw.column {
        Some(column) => column.value.as_ref().to_owned(),
        None => default_column(&raw.name.value).into_owned(),
    };
    let camel = |field: &RustField| super::casing::lower_camel(&plain(&field.ident));
    ModelNames {
        key: Some(model.raw.key.value.as_ref().to_owned()),
        columns: fields()
            .map(|field| (field.raw.name.value.as_ref().to_owned(), column(&field.raw)))
            .collect(),
        renamed: fields()
            .filter(|field| field.raw.name.value != camel(field))
            .map(|field| (camel(field), field.raw.name.value.as_ref().to_owned()))
            .collect(),
    }
}

impl ModelNames {
    fn wire_name(&self, name: Spanned<CowStr<'static>>) -> Spanned<CowStr<'static>> {
        match self.renamed.get(name.value.as_ref()) {
            Some(renamed) if !self.columns.contains_key(name.value.as_ref()) => {
                Spanned::new(CowStr::Owned(renamed.clone()), name.at)
            }
            _ => name,
        }
    }

    fn column(&self, field: &str) -> String {
        self.columns.get(field).cloned().unwrap_or_else(|| default_column(field).into_owned())
    }
}

fn resolve_model(
    model: RustModel,
    known: &BTreeMap<String, ModelNames>,
    enums: &BTreeMap<String, &RustEnum>,
    shapes: &Shapes<'_>,
    cx: &mut ReadContext,
) -> RawModel<'static> {
    let RustModel { ident, fields, base, relations, mut raw } = model;
    for field in base.into_iter().chain(fields) {
        raw.fields.push(resolve_field(field, enums, shapes, cx));
    }
    for relation in relations {
        raw.relations.push(resolve_relation(relation, &plain(&ident), known, cx));
    }
    raw
}

pub(crate) fn resolve_field(
    field: RustField,
    enums: &BTreeMap<String, &RustEnum>,
    shapes: &Shapes<'_>,
    cx: &mut ReadContext,
) -> RawField<'static> {
    let RustField { mut raw, enumeration, shape, default, .. } = field;
    if let Some(path) = &enumeration {
        match enums.get(&last(path)) {
            Some(found) => {
                let at = raw.kind.map_or(raw.at, |kind| kind.at);
                raw.enum_values = Some(Spanned::new(found.values.clone(), at));
            }
            None => {
                raw.kind = None;
                unknown_type(path, enums, cx);
            }
        }
    }
    if let Some(ty) = &shape {
        let at = raw.kind.map_or(raw.at, |kind| kind.at);
        raw.shape = shapes.of(ty).map(|shape| Spanned::new(shape, at));
    }
    if let (Some(value), Some(kind)) = (&default, raw.kind) {
        raw.default = read_default(value, kind.value, raw.format.is_some(), cx);
    }
    raw.members = members(&raw);
    raw
}

/// A path is only valid as `now`: a derive cannot know the values of an enum's variants.
pub(crate) fn read_default(
    value: &AttributeValue,
    kind: RawKind,
    exact: bool,
    cx: &mut ReadContext,
) -> Maybe<Value> {
    if matches!(value, AttributeValue::Path(_)) && kind != RawKind::Date {
        cx.report_tokens(Code::RustAttributeValue, value, "the default must be a literal")
            .help("write the value as on the wire: `default = \"pending\"`");
        return None;
    }
    Some(cx.spanned(default_value(value, kind, exact), value.span()))
}

fn unknown_type(path: &Path, enums: &BTreeMap<String, &RustEnum>, cx: &mut ReadContext) {
    let name = last(path);
    let known = ["String", "Timestamp", "Decimal", "Uuid", "Value"];
    let near =
        cx.suggest.nearest(&name, enums.keys().map(String::as_str).chain(known)).map(str::to_owned);
    let place = path.segments.last().map(|last| Place::Span(cx.at(last.ident.span())));
    let diagnostic =
        cx.report_tokens(Code::RustUnknownType, path, format!("unknown type `{name}`"));
    match (near, place) {
        (Some(near), Some(place)) => diagnostic.help(format!("did you mean `{near}`?")).fix(
            Applicability::MachineApplicable,
            place,
            near,
        ),
        _ => drop(diagnostic.help(
            "derive `AbloEnum` for an enum in the same source; wrap any other type in `Json<…>`",
        )),
    }
}

fn resolve_relation(
    relation: RustRelation,
    own: &str,
    known: &BTreeMap<String, ModelNames>,
    cx: &mut ReadContext,
) -> RawRelation<'static> {
    let name = last(&relation.target.path);
    let target = known.get(&name);
    if target.is_none() {
        let at = cx.at_tokens(&relation.target.path);
        let fault = (Code::RelationUnknownTarget, at, format!("unknown model `{name}`"));
        let otherwise = "derive `AbloModel` for the struct, in this source";
        if let Some(last) = relation.target.path.segments.last() {
            cx.report_name(fault, &last.ident, known.keys().map(String::as_str), otherwise);
        }
    }
    let holder = if relation.kind == crate::schema::RelationKind::BelongsTo {
        known.get(own)
    } else {
        target
    };
    let foreign_key = match (relation.foreign_key, holder) {
        (Some(name), Some(holder)) => Some(holder.wire_name(name)),
        (name, _) => name,
    };
    let foreign_key_column = foreign_key.as_ref().map(|name| {
        let column = holder.map_or_else(
            || default_column(&name.value).into_owned(),
            |holder| holder.column(&name.value),
        );
        Spanned::new(CowStr::Owned(column), name.at)
    });
    let order_by = match (relation.order_by, target) {
        (Some(name), Some(target)) => Some(target.wire_name(name)),
        (name, _) => name,
    };
    RawRelation {
        name: relation.name,
        at: relation.at,
        kind: Some(Spanned::new(relation.kind, relation.at)),
        target: target
            .and_then(|target| target.key.clone())
            .map(|key| Spanned::new(CowStr::Owned(key), relation.target.at)),
        foreign_key,
        foreign_key_column,
        options: relation.options.raw(),
        order_by,
    }
}

/// Creates a field of a stub model.
pub(crate) fn stub_field(name: &Spanned<CowStr<'static>>, kind: RawKind) -> RawField<'static> {
    let mut raw = RawField {
        name: name.clone(),
        at: name.at,
        kind: Some(Spanned::new(kind, name.at)),
        optional: Some(Spanned::new(true, name.at)),
        indexed: Some(Spanned::new(false, name.at)),
        column: None,
        enum_values: None,
        description: None,
        deprecated: None,
        format: None,
        precision: None,
        scale: None,
        default: None,
        unique: None,
        secret: None,
        shape: None,
        renamed_from: None,
        number: None,
        relative: None,
        column_type: None,
        members: Vec::new(),
    };
    raw.members = members(&raw);
    raw
}

pub(crate) fn last(path: &Path) -> String {
    path.segments.last().map(|segment| plain(&segment.ident)).unwrap_or_default()
}
