//! Maps the steps of a diff to rows of the compatibility table.

use super::Diff;
use super::cast::Cast;
use super::compat::{CompatFinding, Rule};
use super::step::{FacetChange, FieldChanges, RelationChange, Step};
use crate::schema::{Field, FieldKind, Plane, RelativeOperation, Tenancy};
use crate::value::Value;
use std::collections::BTreeMap;

impl<'s> Diff<'s> {
    /// Returns the effects of all steps, in the order of the steps.
    #[must_use]
    pub fn compatibility(&self) -> Vec<CompatFinding<'s>> {
        let mut all = Vec::new();
        let numbers = self.numbers_before();
        for (at, step) in self.steps().iter().enumerate() {
            let mut rules = Vec::with_capacity(2);
            of_step(step, self, &mut rules);
            if self.reuses_number(step, &numbers) {
                rules.push(Rule::NumberReused);
            }
            all.extend(rules.into_iter().map(|rule| CompatFinding {
                rule,
                step: at,
                model: step.model(),
                field: step.field(),
            }));
        }
        all
    }

    /// Returns the field numbers of the previous models by key in the next schema; models without
    /// new numbers are omitted.
    fn numbers_before(&self) -> BTreeMap<&'s str, BTreeMap<u32, &'s str>> {
        let mut all = BTreeMap::new();
        for step in self.steps() {
            let (Step::AddField { model, .. } | Step::AlterFacet { model, .. }) = step else {
                continue;
            };
            let Some(prev) = self.prev_model(model.key.as_str()) else { continue };
            all.entry(model.key.as_str()).or_insert_with(|| {
                prev.fields.iter().map(|field| (field.wire_number(), field.name.as_str())).collect()
            });
        }
        all
    }

    fn reuses_number(
        &self,
        step: &Step<'s>,
        numbers: &BTreeMap<&str, BTreeMap<u32, &str>>,
    ) -> bool {
        let (model, field) = match step {
            Step::AddField { model, field } => (model, *field),
            Step::AlterFacet { model, to, change, .. } if change.facet == "number" => (model, *to),
            _ => return false,
        };
        let holder =
            numbers.get(model.key.as_str()).and_then(|numbers| numbers.get(&field.wire_number()));
        let was = self.prev_field(model.key.as_str(), field.name.as_str());
        holder.is_some_and(|holder| was.is_none_or(|was| was.name != *holder))
    }
}

fn of_step(step: &Step<'_>, diff: &Diff<'_>, rules: &mut Vec<Rule>) {
    match step {
        Step::CreateModel { .. } => rules.push(Rule::ModelAdded),
        Step::DropModel { .. } => rules.push(Rule::ModelRemoved),
        Step::RenameModel { from, to } => {
            rules.push(Rule::ModelRenamed);
            // A typename that follows the key has no step of its own.
            if from.type_name != to.type_name
                && from.type_name == from.key.as_str()
                && to.type_name == to.key.as_str()
            {
                rules.push(Rule::TypenameChanged);
            }
        }
        Step::AddField { field, .. } => rules.push(match (field.optional, &field.facets.default) {
            (true, _) => Rule::OptionalFieldAdded,
            (false, Some(_)) => Rule::DefaultedFieldAdded,
            (false, None) => Rule::RequiredFieldAdded,
        }),
        Step::DropField { field, .. } if field.optional => rules.push(Rule::OptionalFieldRemoved),
        Step::DropField { .. } => rules.push(Rule::RequiredFieldRemoved),
        Step::RenameField { .. } => rules.push(Rule::FieldRenamed),
        Step::AlterField { changes, .. } => of_changes(changes, rules),
        Step::AlterTable { .. } => rules.push(Rule::TableChanged),
        Step::AlterTypeName { .. } => rules.push(Rule::TypenameChanged),
        Step::AlterPlane { from: Plane::Tenant | Plane::Control, .. } => {
            rules.push(Rule::PlaneChanged)
        }
        Step::AlterTenancy { model, from, to } => rules.push(match (from, to) {
            (_, Tenancy::None) => Rule::TenancyLoosened,
            (Tenancy::None, _) => Rule::TenancyTightened,
            (Tenancy::Column { .. }, Tenancy::Column { .. }) if !diff.reroutes(model, from, to) => {
                Rule::TenancyColumnRenamed
            }
            (
                Tenancy::Column { .. } | Tenancy::Parent { .. },
                Tenancy::Column { .. } | Tenancy::Parent { .. },
            ) => Rule::TenancyRerouted,
        }),
        Step::AlterLoad { .. } => rules.push(Rule::LoadChanged),
        Step::AlterMutable { to: true, .. } => rules.push(Rule::WritesOpened),
        Step::AlterMutable { to: false, .. } => rules.push(Rule::WritesClosed),
        Step::AlterScope { to, .. } => rules.push(visibility(to.is_some())),
        Step::AlterGrants { to, .. } => rules.push(visibility(to.is_some())),
        Step::AlterRoles { from, to, .. } => {
            rules.push(visibility(to.iter().any(|role| !from.contains(role))))
        }
        Step::AlterFacet { from, to, change, .. } => rules.push(of_facet(from, to, change)),
        Step::ReorderEnum { .. } => rules.push(Rule::EnumReordered),
        Step::AlterRelation { change, .. } => of_relation(change, rules),
        Step::AlterHint { .. } => rules.push(Rule::HintChanged),
    }
}

fn visibility(widens: bool) -> Rule {
    if widens { Rule::VisibilityChanged } else { Rule::VisibilityNarrowed }
}

fn of_changes(changes: &FieldChanges<'_>, rules: &mut Vec<Rule>) {
    let FieldChanges { column, kind, optional, enum_values, indexed } = changes;
    if column.is_some() {
        rules.push(Rule::ColumnChanged);
    }
    match kind {
        Some((FieldKind::Enum(_), FieldKind::String, _)) => rules.push(Rule::EnumBecameText),
        Some((FieldKind::String, FieldKind::Enum(_), _)) => rules.push(Rule::TextBecameEnum),
        Some(_) => rules.push(Rule::TypeChanged),
        None => {}
    }
    match optional {
        Some((_, true)) => rules.push(Rule::MadeOptional),
        Some((_, false)) => rules.push(Rule::MadeRequired),
        None => {}
    }
    if let Some(values) = enum_values {
        if !values.added.is_empty() {
            rules.push(Rule::EnumValueAdded);
        }
        if !values.removed.is_empty() {
            rules.push(Rule::EnumValueRemoved);
        }
    }
    if indexed.is_some() {
        rules.push(Rule::IndexChanged);
    }
}

fn of_facet(from: &Field, to: &Field, change: &FacetChange<'_>) -> Rule {
    let set = change.to == Some(Value::Bool(true));
    match change.facet {
        "format" if from.facets.format != to.facets.format => {
            match (Cast::of_fields(from, to), Cast::of_fields(to, from)) {
                (Cast::Safe, _) => Rule::FormatWidened,
                (_, Cast::Safe) => Rule::FormatNarrowed,
                (Cast::Risky | Cast::NotCastable, Cast::Risky | Cast::NotCastable) => {
                    Rule::FormatChanged
                }
            }
        }
        "columnType" => Rule::ColumnTypeChanged,
        "unique" if set => Rule::UniqueAdded,
        "unique" => Rule::UniqueRemoved,
        "secret" if set => Rule::SecretAdded,
        "secret" => Rule::SecretRemoved,
        "default" => match (&change.from, &change.to) {
            (None, Some(_)) if !to.optional => Rule::DefaultAdded,
            (Some(_), None) if !to.optional => Rule::DefaultRemoved,
            _ => Rule::DefaultChanged,
        },
        "shape" => Rule::ShapeChanged,
        "deprecated" => Rule::DeprecationChanged,
        "relative" => {
            let kept = |one: &RelativeOperation| to.facets.relative.contains(one);
            match from.facets.relative.iter().all(kept) {
                true => Rule::RelativeOpened,
                false => Rule::RelativeClosed,
            }
        }
        "number" if from.wire_number() != to.wire_number() => Rule::NumberChanged,
        // Members that neither Schema JSON v3 nor ablo defines.
        _ => Rule::AnnotationChanged,
    }
}

fn of_relation(change: &RelationChange<'_>, rules: &mut Vec<Rule>) {
    let none = crate::schema::RelationOptions::default();
    let (before, now) = match change {
        RelationChange::Added(to) => {
            rules.push(Rule::RelationAdded);
            (none, to.options)
        }
        RelationChange::Removed(from) => {
            rules.push(Rule::RelationRemoved);
            (from.options, none)
        }
        RelationChange::Changed { from, to } => {
            rules.push(Rule::RelationChanged);
            (from.options, to.options)
        }
    };
    let moved = match change {
        RelationChange::Changed { from, to } => {
            from.target != to.target || from.foreign_key != to.foreign_key
        }
        _ => false,
    };
    if now.parent && (moved || !before.parent) {
        rules.push(Rule::VisibilityChanged);
    } else if before.parent && !now.parent {
        rules.push(Rule::VisibilityNarrowed);
    }
    match (before.fk, now.fk) {
        (false, true) => rules.push(Rule::ForeignKeyAdded),
        (true, false) => rules.push(Rule::ForeignKeyRemoved),
        (true, true) | (false, false) => {}
    }
}
