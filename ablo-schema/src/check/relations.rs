//! Rules on relations: both ends exist, the foreign key can store an id, and an order of creates
//! exists.

use super::context::{Context, FieldLookup, is_column_of, is_kind, physical_column};
use super::graph::cycles;
use super::names::shown;
use crate::diag::Code;
use crate::raw::{RawKind, RawRelation};
use crate::schema::{RelationKind, default_column, is_default_column};

pub(super) fn check_targets(cx: &mut Context<'_, '_>) {
    for relation in cx.raw.models.iter().flat_map(|model| &model.relations) {
        let Some(target) = &relation.target else { continue };
        if cx.index_of(&target.value).is_some() {
            continue;
        }
        let help = cx.suggest_model(&target.value);
        let message = format!(
            "unknown model `{}`, the target of relation `{}`",
            shown(&target.value),
            relation.name.value
        );
        cx.diagnostics.push(Code::RelationUnknownTarget, target.at, message).help =
            help.or_else(|| Some("the target is a key of a model".to_owned()));
    }
}

pub(super) fn check_foreign_keys(cx: &mut Context<'_, '_>) {
    for (at, model) in cx.raw.models.iter().enumerate() {
        for relation in &model.relations {
            let (Some(kind), Some(key)) = (relation.kind, &relation.foreign_key) else { continue };
            let holder = match kind.value {
                RelationKind::BelongsTo => Some(at),
                RelationKind::HasMany | RelationKind::HasOne => cx.target_of(relation),
            };
            let Some(holder) = holder else { continue };
            let Some(found) = cx.models[holder].find(&key.value) else {
                let help = cx.suggest_field(holder, &key.value);
                let holder = cx.models[holder].key();
                let message = format!("no field `{}` on model `{holder}`", shown(&key.value));
                let diagnostic =
                    cx.diagnostics.push(Code::RelationUnknownForeignKey, key.at, message);
                diagnostic.help = help.or_else(|| {
                    Some(format!(
                        "the foreign key of a `{}` is a field of `{holder}`",
                        kind.value.as_str()
                    ))
                });
                continue;
            };
            check_key_type(cx, relation, &found);
            check_key_column(cx, relation, &found);
        }
    }
}

fn check_key_type(cx: &mut Context<'_, '_>, relation: &RawRelation<'_>, found: &FieldLookup<'_>) {
    let (Some(key), Some(kind)) = (&relation.foreign_key, found.kind()) else { return };
    if kind == RawKind::String {
        return;
    }
    let message =
        format!("foreign key `{}` has type `{}`, but ids are strings", key.value, kind.as_str());
    let diagnostic = cx.diagnostics.push(Code::RelationForeignKeyNotString, key.at, message);
    diagnostic.help("make the field a string");
    if let FieldLookup::Declared(field) = found {
        diagnostic.also(field.at, "the field");
    }
}

/// The document may repeat the column in one of three spellings. Any other is an error.
fn check_key_column(cx: &mut Context<'_, '_>, relation: &RawRelation<'_>, found: &FieldLookup<'_>) {
    let (Some(key), Some(column)) = (&relation.foreign_key, &relation.foreign_key_column) else {
        return;
    };
    let column_text = &*column.value;
    let is_own = match found {
        FieldLookup::Declared(field) => is_column_of(field, column_text),
        FieldLookup::Base(_) => false,
    };
    if is_own || is_default_column(&key.value, column_text) || *key.value == *column_text {
        return;
    }
    let physical = match found {
        FieldLookup::Declared(field) => physical_column(field),
        FieldLookup::Base(_) => default_column(&key.value),
    };
    let message =
        format!("the column of `{}` is `{physical}`, not `{}`", key.value, shown(&column.value));
    cx.diagnostics
        .push(Code::RelationForeignKeyColumnMismatch, column.at, message)
        .help(format!("write `{physical}`; the field determines the column"));
}

pub(super) fn check_order_by(cx: &mut Context<'_, '_>) {
    for relation in cx.raw.models.iter().flat_map(|model| &model.relations) {
        let (Some(kind), Some(order_by)) = (relation.kind, &relation.order_by) else { continue };
        if kind.value != RelationKind::HasMany {
            let message = format!("`orderBy` has no effect on a `{}`", kind.value.as_str());
            cx.diagnostics
                .push(Code::RelationOrderByIgnored, order_by.at, message)
                .help("remove `orderBy`");
            continue;
        }
        let Some(target) = cx.target_of(relation) else { continue };
        if cx.models[target].find(&order_by.value).is_some() {
            continue;
        }
        let help = cx.suggest_field(target, &order_by.value);
        let message =
            format!("`{}` is no field of `{}`", shown(&order_by.value), cx.models[target].key());
        cx.diagnostics.push(Code::RelationUnknownOrderBy, order_by.at, message).help =
            help.or_else(|| Some("`orderBy` names a field of the target".to_owned()));
    }
}

pub(super) fn check_options(cx: &mut Context<'_, '_>) {
    for model in &cx.models {
        for relation in &model.raw.relations {
            let (Some(kind), Some(options)) = (relation.kind, &relation.options) else { continue };
            if kind.value != RelationKind::BelongsTo && !options.value.members.is_empty() {
                let message = format!("options have no effect on a `{}`", kind.value.as_str());
                cx.diagnostics
                    .push(Code::RelationOptionsIgnored, options.at, message)
                    .help("set them on the inverse `belongsTo`");
                continue;
            }
            let target = cx.target_of(relation).map(|target| &cx.models[target]);
            let (Some(fk), Some(target)) = (options.value.fk, target) else { continue };
            if model.plane() != target.plane() {
                let message = format!(
                    "a foreign key cannot refer from the {} plane (`{}`) to the {} plane (`{}`)",
                    model.plane().as_str(),
                    model.key(),
                    target.plane().as_str(),
                    target.key()
                );
                cx.diagnostics
                    .push(Code::RelationFkAcrossPlanes, fk.at, message)
                    .help("the two tables are in different databases; remove `fk`");
            }
        }
    }
}

/// Returns the edges between models for the `belongsTo` relations that `includes` selects.
fn edges<'r>(cx: &Context<'r, '_>, includes: impl Fn(&RawRelation<'r>) -> bool) -> Vec<Vec<usize>> {
    let edges_of = |relations: &'r [RawRelation<'r>]| {
        relations
            .iter()
            .filter(|relation| is_kind(relation, RelationKind::BelongsTo) && includes(relation))
            .filter_map(|relation| cx.target_of(relation))
            .collect()
    };
    cx.raw.models.iter().map(|model| edges_of(&model.relations)).collect()
}

fn is_parent(relation: &RawRelation<'_>) -> bool {
    relation.options.as_ref().is_some_and(|options| options.value.parent.is_some())
}

/// Rows in a cycle of parents without a scope root belong to no sync group.
pub(super) fn check_parent_cycles(cx: &mut Context<'_, '_>) {
    let edges = edges(cx, is_parent);
    let mut reaches_root = vec![false; edges.len()];
    let mut children = vec![Vec::new(); edges.len()];
    edges.iter().enumerate().for_each(|(child, parents)| {
        parents.iter().for_each(|parent| children[*parent].push(child))
    });
    let mut spread: Vec<usize> = (0..edges.len())
        .filter(|at| cx.models[*at].is_scope_root() || cx.models[*at].raw.entity_roles.is_some())
        .collect();
    while let Some(at) = spread.pop() {
        if !std::mem::replace(&mut reaches_root[at], true) {
            spread.extend(&children[at]);
        }
    }
    for cycle in cycles(&edges) {
        if cycle.iter().any(|at| reaches_root[*at]) {
            continue;
        }
        let message =
            format!("{} form a cycle of parents without a scope root", cycle_text(cx, &cycle));
        let message = if cycle.len() == 1 {
            format!("`{}` is its own parent and has no scope root", cx.models[cycle[0]].key())
        } else {
            message
        };
        report_cycle(cx, Code::RelationParentCycle, &cycle, &message, is_parent)
            .help("make the topmost model a `scope`, or remove `parent` from one of the relations");
    }
}

/// A relation of a model to itself is not a cycle: creates of one model keep their order.
pub(super) fn check_create_cycles(cx: &mut Context<'_, '_>) {
    let includes = |relation: &RawRelation<'_>| {
        !relation.options.as_ref().is_some_and(|options| options.value.defer)
    };
    let mut edges = edges(cx, includes);
    edges.iter_mut().enumerate().for_each(|(at, targets)| targets.retain(|target| *target != at));
    for cycle in cycles(&edges) {
        let message = format!(
            "{} form a cycle, so none of them can be created first",
            cycle_text(cx, &cycle)
        );
        report_cycle(cx, Code::RelationCreateCycle, &cycle, &message, includes)
            .help("set `defer` on the relation whose foreign key can be set later");
    }
}

fn cycle_text(cx: &Context<'_, '_>, cycle: &[usize]) -> String {
    let keys: Vec<String> = cycle.iter().map(|at| format!("`{}`", cx.models[*at].key())).collect();
    keys.join(" → ")
}

/// Reports at the relation of the cycle's first model, with labels on the others.
fn report_cycle<'c>(
    cx: &'c mut Context<'_, '_>,
    code: Code,
    cycle: &[usize],
    message: &str,
    includes: impl Fn(&RawRelation<'_>) -> bool,
) -> &'c mut crate::diag::Diagnostic {
    let labels: Vec<_> = cycle
        .iter()
        .enumerate()
        .map(|(n, at)| {
            let next = cycle[(n + 1) % cycle.len()];
            let model = &cx.models[*at];
            let edge =
                model.belongs_to().find(|edge| includes(edge) && cx.target_of(edge) == Some(next));
            (
                edge.map_or(model.raw.key.at, |edge| edge.name.at),
                format!("the relation of `{}`", model.key()),
            )
        })
        .collect();
    let mut labels = labels.into_iter();
    let first = labels.next().map_or(crate::diag::SpanId(0), |(at, _)| at);
    let diagnostic = cx.diagnostics.push(code, first, message);
    diagnostic.also.extend(labels);
    diagnostic
}
