//! From what each item says to one raw schema: names become what they name.

use super::attribute::Given;
use super::enumeration::RustEnum;
use super::field::{RustField, default_value, members};
use super::model::RustModel;
use super::relation::RustRelation;
use super::shape::Shapes;
use super::{Reader, plain};
use crate::check::default_column;
use crate::diag::{Code, SpanId, Spanned};
use crate::raw::{Maybe, RawField, RawKind, RawModel, RawRelation, RawRole, RawSchema, Text};
use crate::value::Value;
use std::collections::BTreeMap;
use syn::Path;

/// All items of one schema, in its order.
pub(crate) struct Items<'i> {
    pub(crate) models: Vec<RustModel>,
    pub(crate) enums: Vec<RustEnum>,
    pub(crate) shapes: Shapes<'i>,
    pub(crate) roles: Vec<RawRole<'static>>,
}

/// A model, as others see it.
struct Known {
    /// None where several models have it, which has been said: a look-up would find the wrong one.
    key: Option<String>,
    /// Name on the wire to physical column.
    columns: BTreeMap<String, String>,
    /// Name in Rust to name on the wire, where the usual rule does not lead there.
    renamed: BTreeMap<String, String>,
}

pub(crate) fn resolve(items: Items<'_>, reader: &mut Reader) -> RawSchema<'static> {
    let models: Vec<_> =
        items.models.iter().map(|model| (plain(&model.ident), &model.ident)).collect();
    repeated(
        models.into_iter().map(|(name, ident)| (name, reader.at(ident.span()))).collect(),
        "structs",
        reader,
    );
    let keys = |model: &RustModel| (model.raw.key.value.clone().into_owned(), model.raw.key.at);
    // Structs of one name have been reported as such.
    let mut structs = std::collections::BTreeSet::new();
    let unlike = items.models.iter().filter(|model| structs.insert(plain(&model.ident)));
    repeated(unlike.map(keys).collect(), "models", reader);
    let enums: Vec<_> =
        items.enums.iter().map(|one| (plain(&one.ident), one.ident.span())).collect();
    repeated(
        enums.into_iter().map(|(name, span)| (name, reader.at(span))).collect(),
        "enums",
        reader,
    );
    let mut known: BTreeMap<String, Known> =
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
        .map(|model| resolve_model(model, &known, &enums, &items.shapes, reader));
    RawSchema { models: models.collect(), identity_roles: items.roles }
}

/// Says that two things of one kind have one name. Whoever reads the last of them would lose the others.
pub(crate) fn repeated(names: Vec<(String, SpanId)>, what: &str, reader: &mut Reader) {
    let mut seen: BTreeMap<String, SpanId> = BTreeMap::new();
    for (name, at) in names {
        if let Some(first) = seen.get(&name) {
            let help = match what {
                "structs" | "enums" => {
                    "nothing is compiled, so that modules do not tell them apart; rename one"
                }
                "models" => "give one of them another `#[ablo(key = \"…\")]`",
                "fields" => "give one of them another `#[ablo(rename = \"…\")]`",
                _ => "give one of them another name, on a field with `relation = \"…\"`",
            };
            let message = format!("two {what} are called `{name}`");
            reader
                .diagnostics
                .push(Code::RustRepeatedName, at, message)
                .help(help)
                .also(*first, "the other one");
        } else {
            seen.insert(name, at);
        }
    }
}

fn known(model: &RustModel) -> Known {
    let fields = || model.base.iter().chain(&model.fields);
    let column = |raw: &RawField<'_>| match &raw.column {
        Some(column) => column.value.as_ref().to_owned(),
        None => default_column(&raw.name.value).into_owned(),
    };
    let camel = |field: &RustField| super::words::lower_camel(&plain(&field.ident));
    Known {
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

impl Known {
    fn on_the_wire(&self, name: Spanned<Text<'static>>) -> Spanned<Text<'static>> {
        match self.renamed.get(name.value.as_ref()) {
            Some(renamed) if !self.columns.contains_key(name.value.as_ref()) => {
                Spanned::new(Text::Owned(renamed.clone()), name.at)
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
    known: &BTreeMap<String, Known>,
    enums: &BTreeMap<String, &RustEnum>,
    shapes: &Shapes<'_>,
    reader: &mut Reader,
) -> RawModel<'static> {
    let RustModel { ident, fields, base, relations, mut raw } = model;
    for field in base.into_iter().chain(fields) {
        raw.fields.push(resolve_field(field, enums, shapes, reader));
    }
    for relation in relations {
        raw.relations.push(resolve_relation(relation, &plain(&ident), known, reader));
    }
    raw
}

pub(crate) fn resolve_field(
    field: RustField,
    enums: &BTreeMap<String, &RustEnum>,
    shapes: &Shapes<'_>,
    reader: &mut Reader,
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
                unknown_type(path, enums, reader);
            }
        }
    }
    if let Some(ty) = &shape {
        let at = raw.kind.map_or(raw.at, |kind| kind.at);
        raw.shape = shapes.of(ty).map(|shape| Spanned::new(shape, at));
    }
    if let (Some(given), Some(kind)) = (&default, raw.kind) {
        raw.default = read_default(given, kind.value, raw.format.is_some(), reader);
    }
    raw.members = members(&raw);
    raw
}

/// A word is only `now`: a derive cannot know the values of an enum's variants.
pub(crate) fn read_default(
    given: &Given,
    kind: RawKind,
    exact: bool,
    reader: &mut Reader,
) -> Maybe<Value> {
    if matches!(given, Given::Path(_)) && kind != RawKind::Date {
        reader
            .say_at(Code::RustAttributeValue, given, "a default is a literal")
            .help("write the value as the wire has it: `default = \"pending\"`");
        return None;
    }
    Some(reader.spanned(default_value(given, kind, exact), given.span()))
}

fn unknown_type(path: &Path, enums: &BTreeMap<String, &RustEnum>, reader: &mut Reader) {
    let name = last(path);
    let known = ["String", "Timestamp", "Decimal", "Uuid", "Value"];
    let near = reader
        .suggest
        .nearest(&name, enums.keys().map(String::as_str).chain(known))
        .map(str::to_owned);
    let help = near.map_or_else(
        || "an enum derives `AbloEnum` and stands in the same source; anything else goes into `Json<…>`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    reader
        .say_at(Code::RustUnknownType, path, format!("`{name}` is no enum of this schema"))
        .help(help);
}

fn resolve_relation(
    relation: RustRelation,
    own: &str,
    known: &BTreeMap<String, Known>,
    reader: &mut Reader,
) -> RawRelation<'static> {
    let name = last(&relation.target.path);
    let target = known.get(&name);
    if target.is_none() {
        let help = reader.suggest.help(&name, known.keys().map(String::as_str));
        let said = reader.say_at(
            Code::RelationUnknownTarget,
            &relation.target.path,
            format!("`{name}` is no model of this schema"),
        );
        said.help =
            help.or_else(|| Some("derive `AbloModel` for the struct, in this source".to_owned()));
    }
    let holder = if relation.kind == crate::schema::RelationKind::BelongsTo {
        known.get(own)
    } else {
        target
    };
    let foreign_key = match (relation.foreign_key, holder) {
        (Some(name), Some(holder)) => Some(holder.on_the_wire(name)),
        (name, _) => name,
    };
    let foreign_key_column = foreign_key.as_ref().map(|name| {
        let column = holder.map_or_else(
            || default_column(&name.value).into_owned(),
            |holder| holder.column(&name.value),
        );
        Spanned::new(Text::Owned(column), name.at)
    });
    let order_by = match (relation.order_by, target) {
        (Some(name), Some(target)) => Some(target.on_the_wire(name)),
        (name, _) => name,
    };
    RawRelation {
        name: relation.name,
        at: relation.at,
        kind: Some(Spanned::new(relation.kind, relation.at)),
        target: target
            .and_then(|target| target.key.clone())
            .map(|key| Spanned::new(Text::Owned(key), relation.target.at)),
        foreign_key,
        foreign_key_column,
        options: relation.options.raw(),
        order_by,
    }
}

/// The kinds of stubs that a lone struct needs: a field of a model that is not there.
pub(crate) fn stub_field(name: &Spanned<Text<'static>>, kind: RawKind) -> RawField<'static> {
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
        shape: None,
        renamed_from: None,
        number: None,
        members: Vec::new(),
    };
    raw.members = members(&raw);
    raw
}

pub(crate) fn last(path: &Path) -> String {
    path.segments.last().map(|segment| plain(&segment.ident)).unwrap_or_default()
}
