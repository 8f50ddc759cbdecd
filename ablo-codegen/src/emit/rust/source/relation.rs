//! Prints relations: on the foreign key's field if that keeps their order, else on the struct.

use super::super::ident::Ident;
use super::super::writer::{Str, Word};
use super::casing;
use super::named;
use super::names::{FieldNames, Names, Value, is_base};
use ablo_schema::front::rust::RELATION_ARGUMENTS;
use ablo_schema::front::rust::casing::lower_camel;
use ablo_schema::schema::{Model, Relation, RelationKind};
use std::collections::BTreeMap;

/// The placement of a model's relations.
pub(super) struct Placements<'m> {
    /// The relations on fields, by field index.
    pub(super) on_fields: BTreeMap<usize, &'m Relation>,
    pub(super) on_struct: Vec<&'m Relation>,
}

/// Chooses the placement of each relation. The reader takes those on fields first, in field order.
pub(super) fn placements(model: &Model) -> Placements<'_> {
    let mut placements = Placements { on_fields: BTreeMap::new(), on_struct: Vec::new() };
    for relation in &model.relations {
        let holder = |name: &str| {
            model.fields.iter().position(|field| field.name == name && !is_base(field))
        };
        let belongs = relation.kind == RelationKind::BelongsTo;
        let field = Some(relation.foreign_key.as_str()).filter(|_| belongs).and_then(holder);
        let in_order = |at: &usize| {
            placements.on_struct.is_empty()
                && placements.on_fields.last_key_value().is_none_or(|(last, _)| last < at)
        };
        // On a field, a relation can have any name.
        match field.filter(|at| {
            !placements.on_fields.contains_key(at) && (in_order(at) || own_name(relation).is_none())
        }) {
            Some(at) => drop(placements.on_fields.insert(at, relation)),
            None => placements.on_struct.push(relation),
        }
    }
    placements
}

/// Returns `belongs_to, relation = "author", parent`.
pub(super) fn of_field(relation: &Relation, own: &FieldNames, names: &Names) -> Vec<Word> {
    let Some(target) = names.model(&relation.target) else { return Vec::new() };
    let mut words = vec![match &own.value {
        Value::Id(of) if of == target => Word::new(&[&"belongs_to"]),
        _ => Word::new(&[&"belongs_to = ", target]),
    }];
    let plain = own.ident.plain();
    if lower_camel(plain.strip_suffix("_id").unwrap_or(plain)) != relation.name.as_str() {
        words.push(Word::new(&[&"relation = ", &Str(relation.name.as_str())]));
    }
    words.extend(options(relation));
    words
}

/// Returns `has_many(reports = Report, foreign_key = desk_id)`, or `None` if no identifier is read
/// as its name.
pub(super) fn of_struct(relation: &Relation, names: &Names) -> Option<Word> {
    let (name, target) = (own_name(relation)?, names.model(&relation.target)?);
    let word = match relation.kind {
        RelationKind::BelongsTo => "belongs_to",
        RelationKind::HasMany => "has_many",
        RelationKind::HasOne => "has_one",
    };
    let mut words = vec![Word::new(&[&name, &" = ", target])];
    words.push(Word::new(&[&"foreign_key = ", &named(relation.foreign_key.as_str())?]));
    if let Some(field) =
        relation.order_by.as_ref().filter(|_| relation.kind == RelationKind::HasMany)
    {
        words.push(Word::new(&[&"order_by = ", &named(field.as_str())?]));
    }
    if relation.kind == RelationKind::BelongsTo {
        words.extend(options(relation));
    }
    Some(Word::new(&[&word, &"(", &super::list(words.iter()), &")"]))
}

fn options(relation: &Relation) -> impl Iterator<Item = Word> {
    relation
        .options
        .named()
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| Word::new(&[&name]))
}

/// Returns the identifier of a relation on a struct.
fn own_name(relation: &Relation) -> Option<Ident> {
    casing::camel(relation.name.as_str()).map(|ident| ident.avoiding(&RELATION_ARGUMENTS))
}
