//! Compares matched models, fields and relations and produces steps.
//!
//! Created models come first, then renamed ones, then the changes of each model in the order of the
//! next schema, then dropped models. A change that only follows from a rename, such as a relation's
//! target, is part of that rename and no step of its own.

use super::cast::Cast;
use super::facets;
use super::step::{EnumChange, FieldChanges, HintChange, RelationChange, Step};
use super::{Diff, Pairs};
use crate::lookup::Lookup;
use crate::schema::{
    AutoFill, ColumnName, Field, FieldKind, Model, Relation, Role, TableName, Tenancy,
};
use crate::value::Value;
use std::collections::BTreeSet;

pub(super) fn steps<'s>(diff: &Diff<'s>) -> Vec<Step<'s>> {
    let mut steps: Vec<Step<'s>> = diff
        .models()
        .filter(|(_, _, prev)| prev.is_none())
        .map(|(_, model, _)| Step::CreateModel { model })
        .collect();
    let kept = diff.models().filter_map(|(at, next, prev)| Some((at, next, prev?)));
    steps.extend(kept.clone().filter_map(|(_, to, from)| {
        (from.key != to.key).then_some(Step::RenameModel { from, to })
    }));
    let cx = &Comparison::new(diff);
    for (at, next, prev) in kept {
        model_steps(prev, next, cx, &mut steps);
        if let Some(pairs) = diff.pairs(at) {
            field_steps(prev, next, pairs, &mut steps);
        }
        relation_steps(prev, next, cx, &mut steps);
        routing_steps(prev, next, cx, &mut steps);
        hint_steps(prev, next, cx, &mut steps);
    }
    let removed =
        diff.before().iter().zip(&diff.matching.models.next).filter(|(_, to)| to.is_none());
    steps.extend(removed.map(|(model, _)| Step::DropModel { model }));
    if let Some(prev) = diff.prev {
        let (from, to) = (prev.identity_roles(), diff.next.identity_roles());
        if !same_roles(from, to, |name| name) {
            steps.push(Step::AlterRoles { model: None, from, to });
        }
    }
    steps
}

/// The diff with a look-up by table.
struct Comparison<'d, 's> {
    diff: &'d Diff<'s>,
    by_table: Lookup<&'s str, &'s Model>,
}

impl<'d, 's> Comparison<'d, 's> {
    fn new(diff: &'d Diff<'s>) -> Self {
        let by_table =
            diff.next.models().iter().map(|model| (model.table.as_str(), model)).collect();
        Self { diff, by_table }
    }

    /// Returns the previous name of a field; base fields and new fields keep theirs.
    fn old_name(&self, model: &str, field: &'s str) -> &'s str {
        self.diff.prev_field(model, field).map_or(field, |field| field.name.as_str())
    }

    /// Returns the previous name of a column.
    fn old_column(&self, model: &'s Model, column: &'s ColumnName) -> &'s ColumnName {
        let field = model.fields.iter().find(|field| field.column == *column);
        let before =
            field.and_then(|field| self.diff.prev_field(model.key.as_str(), field.name.as_str()));
        before.map_or(column, |before| &before.column)
    }

    fn old_table(&self, table: &'s TableName) -> &'s TableName {
        let model = self.by_table.get(table.as_str());
        let before = model.and_then(|model| self.diff.prev_model(model.key.as_str()));
        before.map_or(table, |before| &before.table)
    }
}

fn model_steps<'s>(
    prev: &'s Model,
    next: &'s Model,
    cx: &Comparison<'_, 's>,
    steps: &mut Vec<Step<'s>>,
) {
    let model = next;
    let follows_key = prev.table == prev.key.as_str() && next.table == next.key.as_str();
    if prev.table != next.table && !follows_key {
        steps.push(Step::AlterTable { model, from: &prev.table, to: &next.table });
    }
    let follows_key = prev.type_name == prev.key.as_str() && next.type_name == next.key.as_str();
    if prev.type_name != next.type_name && !follows_key {
        steps.push(Step::AlterTypeName { model, from: &prev.type_name, to: &next.type_name });
    }
    if prev.plane != next.plane {
        steps.push(Step::AlterPlane { model, from: prev.plane, to: next.plane });
    }
    if !same_tenancy(prev, next, cx) {
        steps.push(Step::AlterTenancy { model, from: &prev.tenancy, to: &next.tenancy });
    }
    if prev.load != next.load {
        steps.push(Step::AlterLoad { model, from: prev.load, to: next.load });
    }
    if prev.mutable != next.mutable {
        steps.push(Step::AlterMutable { model, to: next.mutable });
    }
    let (from, to) = (prev.scope_kind(), next.scope_kind());
    if from != to {
        steps.push(Step::AlterScope { model, from, to });
    }
}

/// Returns whether tenancy is unchanged, apart from renamed tables and columns.
fn same_tenancy<'s>(prev: &'s Model, next: &'s Model, cx: &Comparison<'_, 's>) -> bool {
    match (&prev.tenancy, &next.tenancy) {
        (from, to) if from == to => true,
        (
            Tenancy::Parent { local_key, parent_table, parent_key, parent_org_column },
            Tenancy::Parent {
                local_key: key,
                parent_table: table,
                parent_key: of_parent,
                parent_org_column: org,
            },
        ) => {
            let parent = cx.by_table.get(table.as_str()).copied();
            let old = |column| parent.map_or(column, |parent| cx.old_column(parent, column));
            let old_org =
                match parent.map(|parent| (parent, cx.diff.prev_model(parent.key.as_str()))) {
                    // The parent's own tenancy column was renamed.
                    Some((parent, Some(before))) if parent.tenancy_column() == Some(org) => {
                        before.tenancy_column().unwrap_or(org)
                    }
                    _ => old(org),
                };
            *local_key == *cx.old_column(next, key)
                && *parent_table == *cx.old_table(table)
                && *parent_key == *old(of_parent)
                && *parent_org_column == *old_org
        }
        _ => false,
    }
}

fn field_steps<'s>(prev: &'s Model, model: &'s Model, pairs: &Pairs, steps: &mut Vec<Step<'s>>) {
    let kept = || {
        let before = pairs.prev.iter().map(|from| from.and_then(|from| prev.fields.get(from)));
        model.fields.iter().zip(before)
    };
    for (to, from) in kept() {
        if let Some(from) = from.filter(|from| from.name != to.name) {
            steps.push(Step::RenameField { model, from, to });
        }
    }
    for (field, _) in kept().filter(|(_, from)| from.is_none()) {
        steps.push(Step::AddField { model, field });
    }
    for (to, from) in kept() {
        let Some(from) = from else { continue };
        let changes = changes(from, to);
        let reordered = reordered(model, from, to, &changes);
        if !changes.is_empty() {
            steps.push(Step::AlterField { model, from, to, changes });
        }
        steps.extend(reordered);
        let changed = facets::changes(from, to).into_iter();
        steps.extend(changed.map(|change| Step::AlterFacet { model, from, to, change }));
    }
    let removed = prev.fields.iter().zip(&pairs.next).filter(|(_, to)| to.is_none());
    steps.extend(removed.map(|(field, _)| Step::DropField { model, field }));
}

fn changes<'s>(from: &'s Field, to: &'s Field) -> FieldChanges<'s> {
    let renamed = from.name != to.name;
    let kinds =
        (from.kind.as_str() != to.kind.as_str()).then(|| Cast::of_kinds(&from.kind, &to.kind));
    FieldChanges {
        column: (!renamed && from.column != to.column).then_some((&from.column, &to.column)),
        kind: kinds.map(|cast| (&from.kind, &to.kind, cast)),
        optional: (from.optional != to.optional).then_some((from.optional, to.optional)),
        enum_values: match (&from.kind, &to.kind) {
            (FieldKind::Enum(from), FieldKind::Enum(to)) => enum_change(from, to),
            _ => None,
        },
        indexed: (from.indexed != to.indexed).then_some((from.indexed, to.indexed)),
    }
}

fn enum_change<'s>(from: &'s [Box<str>], to: &'s [Box<str>]) -> Option<EnumChange<'s>> {
    fn without<'s>(values: &'s [Box<str>], other: &[Box<str>]) -> Vec<&'s str> {
        let other: BTreeSet<&str> = other.iter().map(AsRef::as_ref).collect();
        values.iter().map(AsRef::as_ref).filter(|value| !other.contains(value)).collect()
    }
    let change = EnumChange { added: without(to, from), removed: without(from, to) };
    (!change.added.is_empty() || !change.removed.is_empty()).then_some(change)
}

/// Returns a step if the order of the common values changed.
fn reordered<'s>(
    model: &'s Model,
    before: &'s Field,
    field: &'s Field,
    changes: &FieldChanges<'s>,
) -> Option<Step<'s>> {
    let (FieldKind::Enum(from), FieldKind::Enum(to)) = (&before.kind, &field.kind) else {
        return None;
    };
    let change = changes.enum_values.as_ref();
    let removed: BTreeSet<&str> =
        change.iter().flat_map(|change| &change.removed).copied().collect();
    let added: BTreeSet<&str> = change.iter().flat_map(|change| &change.added).copied().collect();
    let stayed = from.iter().filter(|value| !removed.contains(value.as_ref()));
    let same = stayed.eq(to.iter().filter(|value| !added.contains(value.as_ref())));
    (!same).then_some(Step::ReorderEnum { model, field, from, to })
}

fn relation_steps<'s>(
    prev: &'s Model,
    model: &'s Model,
    cx: &Comparison<'_, 's>,
    steps: &mut Vec<Step<'s>>,
) {
    let before: Lookup<&str, &Relation> =
        prev.relations.iter().map(|one| (one.name.as_str(), one)).collect();
    let after: Lookup<&str, &Relation> =
        model.relations.iter().map(|one| (one.name.as_str(), one)).collect();
    for to in &model.relations {
        let change = match before.get(to.name.as_str()) {
            None => RelationChange::Added(to),
            Some(from) if same_relation(prev, from, model, to, cx) => continue,
            Some(from) => RelationChange::Changed { from, to },
        };
        steps.push(Step::AlterRelation { model, change });
    }
    let removed = prev.relations.iter().filter(|from| after.get(from.name.as_str()).is_none());
    steps.extend(
        removed.map(|from| Step::AlterRelation { model, change: RelationChange::Removed(from) }),
    );
}

/// Returns whether a relation is unchanged, apart from renamed models and fields.
fn same_relation<'s>(
    prev: &'s Model,
    from: &'s Relation,
    next: &'s Model,
    to: &'s Relation,
    cx: &Comparison<'_, 's>,
) -> bool {
    let belongs = to.kind == crate::schema::RelationKind::BelongsTo;
    let holder = if belongs { next.key.as_str() } else { to.target.as_str() };
    let old_holder = if belongs { Some(prev) } else { cx.diff.prev_model(to.target.as_str()) };
    let old_key = cx.old_name(holder, to.foreign_key.as_str());
    let column_follows = || {
        let then = old_holder.and_then(|model| model.field(from.foreign_key.as_str()));
        let now = cx.diff.next.model(holder).and_then(|model| model.field(to.foreign_key.as_str()));
        let of_column = then
            .is_some_and(|field| *field.column.as_str() == *from.foreign_key_column)
            && now.is_some_and(|field| *field.column.as_str() == *to.foreign_key_column);
        let of_name = *from.foreign_key.as_str() == *from.foreign_key_column
            && *to.foreign_key.as_str() == *to.foreign_key_column;
        of_column || of_name
    };
    from.kind == to.kind
        && cx.diff.prev_model(to.target.as_str()).is_some_and(|target| target.key == from.target)
        && from.foreign_key == old_key
        && (from.foreign_key_column == to.foreign_key_column || column_follows())
        && from.options == to.options
        && from.order_by.as_ref().map(crate::schema::FieldName::as_str)
            == to.order_by.as_ref().map(|field| cx.old_name(to.target.as_str(), field.as_str()))
}

fn routing_steps<'s>(
    prev: &'s Model,
    model: &'s Model,
    cx: &Comparison<'_, 's>,
    steps: &mut Vec<Step<'s>>,
) {
    if prev.grants != model.grants {
        steps.push(Step::AlterGrants {
            model,
            from: prev.grants.as_ref(),
            to: model.grants.as_ref(),
        });
    }
    let (from, to) = (&prev.entity_roles[..], &model.entity_roles[..]);
    if !same_roles(from, to, |name| cx.old_name(model.key.as_str(), name)) {
        steps.push(Step::AlterRoles { model: Some(model), from, to });
    }
}

fn same_roles<'s>(from: &'s [Role], to: &'s [Role], old: impl Fn(&'s str) -> &'s str) -> bool {
    let same = |(from, to): (&Role, &'s Role)| {
        from.kind == to.kind
            && *from.source.field == *old(&to.source.field)
            && from.source.multi == to.source.multi
    };
    from.len() == to.len() && from.iter().zip(to).all(same)
}

fn hint_steps<'s>(
    prev: &'s Model,
    model: &'s Model,
    cx: &Comparison<'_, 's>,
    steps: &mut Vec<Step<'s>>,
) {
    let old = |name: &'s str| cx.old_name(model.key.as_str(), name);
    let text = |text: &Option<Box<str>>| text.as_deref().map_or(Value::Null, super::json::text);
    let limit = |model: &Model| model.authored.bootstrap_limit.clone().unwrap_or(Value::Null);
    let fill = |fill: &AutoFill, name: &str| super::json::texts(&[name, fill.from.as_str()]);
    let fills_before = prev.auto_fill.iter().map(|one| fill(one, one.field.as_str())).collect();
    let fills_now = |name: &dyn Fn(&'s str) -> &'s str| {
        model.auto_fill.iter().map(|one| fill(one, name(one.field.as_str()))).collect()
    };
    let required = |name: &dyn Fn(&'s str) -> &'s str| {
        let names: Vec<&str> =
            model.required_fields.iter().map(|field| name(field.as_str())).collect();
        super::json::texts(&names)
    };
    let names: Vec<&str> =
        prev.required_fields.iter().map(crate::schema::FieldName::as_str).collect();
    let persist_follows = prev.persist_store.as_deref() == Some(prev.type_name.as_str())
        && model.persist_store.as_deref() == Some(model.type_name.as_str());
    let same_order = match (&prev.bootstrap_order_by, &model.bootstrap_order_by) {
        (Some(from), Some(to)) => same_order(from, to, model, cx),
        (from, to) => from == to,
    };
    let hints = [
        (
            "bootstrapLimit",
            prev.bootstrap_limit == model.bootstrap_limit,
            limit(prev),
            limit(model),
        ),
        (
            "bootstrapOrderBy",
            same_order,
            text(&prev.bootstrap_order_by),
            text(&model.bootstrap_order_by),
        ),
        (
            "lazyObservable",
            prev.lazy_observable == model.lazy_observable,
            Value::Bool(prev.lazy_observable),
            Value::Bool(model.lazy_observable),
        ),
        (
            "persist",
            prev.persist_store == model.persist_store || persist_follows,
            text(&prev.persist_store),
            text(&model.persist_store),
        ),
        (
            "autoFill",
            fills_now(&old) == fills_before,
            Value::Array(fills_before),
            Value::Array(fills_now(&|name| name)),
        ),
        (
            "requiredFields",
            required(&old) == super::json::texts(&names),
            super::json::texts(&names),
            required(&|name| name),
        ),
    ];
    let changed = hints.into_iter().filter(|(_, same, _, _)| !same);
    steps.extend(changed.map(|(hint, _, from, to)| Step::AlterHint {
        model,
        change: HintChange { hint, from, to },
    }));
}

/// Returns whether `<column> <direction>` differs at most in a renamed column.
fn same_order<'s>(from: &str, to: &'s str, model: &'s Model, cx: &Comparison<'_, 's>) -> bool {
    let (column, direction) = to.split_once(' ').unwrap_or((to, ""));
    let (before, way) = from.split_once(' ').unwrap_or((from, ""));
    let field = model.fields.iter().find(|field| *field.column.as_str() == *column);
    let old = field.and_then(|field| cx.diff.prev_field(model.key.as_str(), field.name.as_str()));
    before == old.map_or(column, |old| old.column.as_str()) && direction == way
}
