//! Relations: both ends exist, the key can hold an id, and no order of creation is impossible.

use super::context::{Context, Found, is_kind};
use super::graph::cycles;
use super::names::shown;
use crate::diag::Code;
use crate::raw::{RawKind, RawRelation};
use crate::schema::RelationKind;

pub(super) fn check_targets(cx: &mut Context<'_, '_>) {
    for relation in cx.raw.models.iter().flat_map(|model| &model.relations) {
        let Some(target) = &relation.target else { continue };
        if cx.index_of(&target.value).is_some() {
            continue;
        }
        let help = cx.suggest_model(&target.value);
        let message = format!(
            "the relation `{}` leads to `{}`, which is no model",
            relation.name.value,
            shown(&target.value)
        );
        cx.diagnostics.push(Code::RelationUnknownTarget, target.at, message).help =
            help.or_else(|| Some("a target is a model key".to_owned()));
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
                let message = format!("`{}` is no field of `{holder}`", shown(&key.value));
                let said = cx.diagnostics.push(Code::RelationUnknownForeignKey, key.at, message);
                said.help = help.or_else(|| {
                    Some(format!("a {} keeps its key in `{holder}`", kind.value.as_str()))
                });
                continue;
            };
            check_key_type(cx, relation, &found);
            check_key_column(cx, relation, &found);
        }
    }
}

fn check_key_type(cx: &mut Context<'_, '_>, relation: &RawRelation<'_>, found: &Found<'_>) {
    let (Some(key), Some(kind)) = (&relation.foreign_key, found.kind()) else { return };
    if kind == RawKind::String {
        return;
    }
    let message =
        format!("the foreign key `{}` is a {}, and ids are strings", key.value, kind.as_str());
    let said = cx.diagnostics.push(Code::RelationForeignKeyNotString, key.at, message);
    said.help("make the field a string");
    if let Found::Declared(field) = found {
        said.also(field.at, "the field");
    }
}

/// The document may repeat the key's column in one of three spellings; any other is a slip.
fn check_key_column(cx: &mut Context<'_, '_>, relation: &RawRelation<'_>, found: &Found<'_>) {
    let (Some(key), Some(column)) = (&relation.foreign_key, &relation.foreign_key_column) else {
        return;
    };
    let snake = super::default_column(&key.value);
    let physical = match found {
        Found::Declared(field) => super::context::physical_column(field),
        Found::Base(_) => snake.clone(),
    };
    if [&*physical, &*snake, &*key.value].contains(&&*column.value) {
        return;
    }
    let message =
        format!("`{}` is stored in `{physical}`, not in `{}`", key.value, shown(&column.value));
    cx.diagnostics
        .push(Code::RelationForeignKeyColumnMismatch, column.at, message)
        .help(format!("name the column `{physical}`; the field decides"));
}

pub(super) fn check_order_by(cx: &mut Context<'_, '_>) {
    for relation in cx.raw.models.iter().flat_map(|model| &model.relations) {
        let (Some(kind), Some(order_by)) = (relation.kind, &relation.order_by) else { continue };
        if kind.value != RelationKind::HasMany {
            let message = format!("a {} has at most one row to order", kind.value.as_str());
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
                let message = format!("a {} takes no options", kind.value.as_str());
                cx.diagnostics
                    .push(Code::RelationOptionsIgnored, options.at, message)
                    .help("set them on the `belongsTo` at the other end");
                continue;
            }
            let target = cx.target_of(relation).map(|target| &cx.models[target]);
            let (Some(fk), Some(target)) = (options.value.fk, target) else { continue };
            if model.plane() != target.plane() {
                let message = format!(
                    "a foreign key cannot reach from the {} plane (`{}`) to the {} plane (`{}`)",
                    model.plane().as_str(),
                    model.key(),
                    target.plane().as_str(),
                    target.key()
                );
                cx.diagnostics
                    .push(Code::RelationFkAcrossPlanes, fk.at, message)
                    .help("the two tables live in different databases; remove `fk`");
            }
        }
    }
}

/// Edges between models that some `belongsTo` relations make.
fn edges<'r>(cx: &Context<'r, '_>, counts: impl Fn(&RawRelation<'r>) -> bool) -> Vec<Vec<usize>> {
    let edges_of = |relations: &'r [RawRelation<'r>]| {
        relations
            .iter()
            .filter(|relation| is_kind(relation, RelationKind::BelongsTo) && counts(relation))
            .filter_map(|relation| cx.target_of(relation))
            .collect()
    };
    cx.raw.models.iter().map(|model| edges_of(&model.relations)).collect()
}

fn is_parent(relation: &RawRelation<'_>) -> bool {
    relation.options.as_ref().is_some_and(|options| options.value.parent.is_some())
}

/// Rows in a circle of parents with no scope root above them are routed to nobody by that circle.
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
        let message = format!(
            "{} are each other's parents, and none leads to a scope root",
            circle(cx, &cycle)
        );
        let message = if cycle.len() == 1 {
            format!("`{}` is its own parent and leads to no scope root", cx.models[cycle[0]].key())
        } else {
            message
        };
        report_cycle(cx, Code::RelationParentCycle, &cycle, &message, is_parent)
            .help("make the model at the top a `scope`, or drop `parent` from one edge");
    }
}

/// An edge of a model to itself is no cycle here: creates of one model keep the order in which they are given.
pub(super) fn check_create_cycles(cx: &mut Context<'_, '_>) {
    let counts = |relation: &RawRelation<'_>| {
        !relation.options.as_ref().is_some_and(|options| options.value.defer)
    };
    let mut edges = edges(cx, counts);
    edges.iter_mut().enumerate().for_each(|(at, targets)| targets.retain(|target| *target != at));
    for cycle in cycles(&edges) {
        let message = format!("{} each have to be created before the other", circle(cx, &cycle));
        report_cycle(cx, Code::RelationCreateCycle, &cycle, &message, counts)
            .help("set the option `defer` on the edge that can be filled in later");
    }
}

fn circle(cx: &Context<'_, '_>, cycle: &[usize]) -> String {
    let keys: Vec<String> = cycle.iter().map(|at| format!("`{}`", cx.models[*at].key())).collect();
    keys.join(" → ")
}

/// Reports at the edge that leaves the cycle's first model, with the others beside it.
fn report_cycle<'c>(
    cx: &'c mut Context<'_, '_>,
    code: Code,
    cycle: &[usize],
    message: &str,
    counts: impl Fn(&RawRelation<'_>) -> bool,
) -> &'c mut crate::diag::Diagnostic {
    let places: Vec<_> = cycle
        .iter()
        .enumerate()
        .map(|(n, at)| {
            let next = cycle[(n + 1) % cycle.len()];
            let model = &cx.models[*at];
            let edge =
                model.belongs_to().find(|edge| counts(edge) && cx.target_of(edge) == Some(next));
            (edge.map_or(model.raw.key.at, |edge| edge.name.at), format!("from `{}`", model.key()))
        })
        .collect();
    let mut places = places.into_iter();
    let first = places.next().map_or(crate::diag::SpanId(0), |(at, _)| at);
    let said = cx.diagnostics.push(code, first, message);
    said.also.extend(places);
    said
}
