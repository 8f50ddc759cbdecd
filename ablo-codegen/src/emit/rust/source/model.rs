//! Prints models: a struct with `#[ablo(…)]` attributes.

use super::super::writer::{Str, Word, Writer};
use super::names::{ModelNames, Names, is_base};
use super::{attribute, casing, field, list, named, relation};
use ablo_schema::front::rust::casing::key_of;
use ablo_schema::schema::{Load, Model, Plane, Tenancy};

/// ```text
/// #[derive(AbloModel, Clone, Debug, PartialEq)]
/// #[ablo(key = "tasks", mutable)]
/// #[ablo(has_many(notes = Note, foreign_key = task_id))]
/// pub struct Task {
///     pub title: String,
/// }
/// ```
pub(super) fn print(out: &mut Writer, model: &Model, own: &ModelNames, names: &Names) {
    let placements = relation::placements(model);
    out.line(&[]);
    out.line(&[&"#[derive(AbloModel, Clone, Debug, PartialEq)]"]);
    attribute::print(out, "", &words(model, own));
    let fields = || model.fields.iter().zip(&own.fields).enumerate();
    for (_, (base, own)) in fields().filter(|(_, (field, _))| is_base(field)) {
        attribute::print(out, "", &[field::base(base, own)]);
    }
    for word in
        placements.on_struct.iter().filter_map(|relation| relation::of_struct(relation, names))
    {
        attribute::print(out, "", &[word]);
    }
    let has_fields = !model.fields.iter().all(is_base);
    out.line(&[&"pub struct ", &own.ident, &if has_fields { " {" } else { " {}" }]);
    for (at, (one, own)) in fields().filter(|(_, (field, _))| !is_base(field)) {
        field::print(out, one, own, placements.on_fields.get(&at).copied(), names);
    }
    if has_fields {
        out.line(&[&"}"]);
    }
}

/// Returns the words about the model itself.
fn words(model: &Model, own: &ModelNames) -> Vec<Word> {
    let mut words = Vec::new();
    if key_of(own.ident.as_str()) != model.key.as_str() {
        words.push(Word::new(&[&"key = ", &Str(model.key.as_str())]));
    }
    if own.ident.as_str() != model.type_name.as_str() {
        words.push(Word::new(&[&"typename = ", &Str(model.type_name.as_str())]));
    }
    if model.table != *model.key.as_str() {
        words.push(Word::new(&[&"table = ", &Str(model.table.as_str())]));
    }
    if model.load != Load::default() {
        words.push(Word::new(&[&"load = ", &model.load.as_str()]));
    }
    if model.plane != Plane::default() {
        words.push(Word::new(&[&"plane = ", &model.plane.as_str()]));
    }
    if model.mutable {
        words.push(Word::new(&[&"mutable"]));
    }
    words.extend(tenancy(&model.tenancy));
    routing(model, &mut words);
    client(model, &mut words);
    words
}

fn tenancy(tenancy: &Tenancy) -> Option<Word> {
    let text = |name: &'static str, text: &str| Word::new(&[&name, &" = ", &Str(text)]);
    match tenancy {
        Tenancy::Column { column } if column == "organization_id" => None,
        Tenancy::Column { column } => {
            Some(Word::new(&[&"tenancy(", &text("column", column.as_str()), &")"]))
        }
        Tenancy::None => Some(Word::new(&[&"tenancy = none"])),
        Tenancy::Parent { local_key, parent_table, parent_key, parent_org_column } => {
            let mut words =
                vec![text("local_key", local_key.as_str()), text("table", parent_table.as_str())];
            if parent_key != "id" {
                words.push(text("key", parent_key.as_str()));
            }
            if parent_org_column != "organization_id" {
                words.push(text("org_column", parent_org_column.as_str()));
            }
            Some(Word::new(&[&"tenancy(parent(", &list(words.iter()), &"))"]))
        }
    }
}

/// Returns the words about sync groups.
fn routing(model: &Model, words: &mut Vec<Word>) {
    let default_kind = model.type_name.as_str().to_lowercase();
    words.extend(model.scope_kind().map(|kind| {
        if *kind.as_str() == default_kind {
            Word::new(&[&"scope"])
        } else {
            Word::new(&[&"scope = ", &Str(kind.as_str())])
        }
    }));
    if let Some(grants) = &model.grants
        && let (Some(subject), Some(scope)) =
            (named(grants.subject.as_str()), named(grants.scope.as_str()))
    {
        words.push(Word::new(&[&"grants(subject = ", &subject, &", scope = ", &scope, &")"]));
    }
    for role in &model.entity_roles {
        if let Some(field) = named(&role.source.field) {
            let multi = if role.source.multi { ", multi" } else { "" };
            let kind = Str(role.kind.as_str());
            words.push(Word::new(&[
                &"entity_role(kind = ",
                &kind,
                &", field = ",
                &field,
                &multi,
                &")",
            ]));
        }
    }
}

/// Returns the words about clients.
fn client(model: &Model, words: &mut Vec<Word>) {
    let limit = model.bootstrap_limit.map(|limit| Word::new(&[&"limit = ", &limit]));
    let order =
        model.bootstrap_order_by.as_ref().map(|order| Word::new(&[&"order_by = ", &Str(order)]));
    let bootstrap: Vec<Word> = limit.into_iter().chain(order).collect();
    if !bootstrap.is_empty() {
        words.push(Word::new(&[&"bootstrap(", &list(bootstrap.iter()), &")"]));
    }
    match &model.persist_store {
        None => {}
        Some(store) if **store == *model.type_name.as_str() => words.push(Word::new(&[&"persist"])),
        Some(store) => words.push(Word::new(&[&"persist = ", &Str(store)])),
    }
    if model.lazy_observable {
        words.push(Word::new(&[&"lazy_observable"]));
    }
    let fill = |fill: &ablo_schema::schema::AutoFill| {
        let (field, from) =
            (casing::camel(fill.field.as_str())?, casing::camel(fill.from.as_str())?);
        Some(Word::new(&[&field, &" = ", &from]))
    };
    let fills: Vec<Word> = model.auto_fill.iter().filter_map(fill).collect();
    if !fills.is_empty() {
        words.push(Word::new(&[&"auto_fill(", &list(fills.iter()), &")"]));
    }
    let required: Vec<Word> =
        model.required_fields.iter().filter_map(|field| named(field.as_str())).collect();
    if !required.is_empty() {
        words.push(Word::new(&[&"required(", &list(required.iter()), &")"]));
    }
}
