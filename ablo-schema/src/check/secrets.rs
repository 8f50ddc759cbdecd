//! Rules on secret fields: rows are complete without them, and nothing that others see depends on
//! their values.

use super::context::{BASE_FIELDS, Context, physical_column};
use crate::diag::{Code, SpanId};
use crate::raw::{RawField, RawModel, RawTenancy};
use crate::schema::RelationKind;

pub(super) fn check_secrets(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    let is_secret = |field: &&RawField<'_>| field.secret.is_some_and(|secret| secret.value);
    if !raw.models.iter().flat_map(|model| &model.fields).any(|field| is_secret(&field)) {
        return;
    }
    let uses: Vec<Use<'_>> = uses(cx);
    for (at, model) in raw.models.iter().enumerate() {
        for field in model.fields.iter().filter(is_secret) {
            let Some(secret) = field.secret else { continue };
            let name = &field.name.value;
            if let Some(optional) = field.optional.filter(|optional| !optional.value) {
                let message = format!("secret field `{name}` is required");
                cx.diagnostics
                    .push(Code::FacetSecretRequired, secret.at, message)
                    .help("make it optional: most readers get rows without it")
                    .also(optional.at, "required here");
            }
            let column = physical_column(field);
            let is_used = |used: &&Use<'_>| {
                used.model == at && (used.name == name.as_ref() || used.column == column.as_ref())
            };
            let own = own_use(field);
            let found = uses.iter().find(is_used).map(|used| (used.what, used.at));
            if let Some((what, span)) = own.or(found) {
                let message = format!("secret field `{name}` is {what}");
                cx.diagnostics
                    .push(Code::FacetSecretUsed, secret.at, message)
                    .help("readers would learn its values; remove `secret`, or use another field")
                    .also(span, "used here");
            }
        }
    }
}

/// A use of a field or a column by which readers learn its values.
struct Use<'r> {
    model: usize,
    name: &'r str,
    column: &'r str,
    what: &'static str,
    at: SpanId,
}

/// Returns what a field itself says that reveals its values.
fn own_use(field: &RawField<'_>) -> Option<(&'static str, SpanId)> {
    let base = BASE_FIELDS.iter().any(|(base, _)| *base == field.name.value);
    let unique = field.unique.filter(|unique| unique.value);
    match (base, unique) {
        (true, _) => Some(("a base field", field.name.at)),
        (false, Some(unique)) => Some(("unique", unique.at)),
        (false, None) => None,
    }
}

fn uses<'r>(cx: &Context<'r, '_>) -> Vec<Use<'r>> {
    let mut all = Vec::new();
    for (at, model) in cx.raw.models.iter().enumerate() {
        let mut named = |model: usize, name: &'r str, what: &'static str, span: SpanId| {
            all.push(Use { model, name, column: "", what, at: span });
        };
        for relation in &model.relations {
            let target = cx.target_of(relation);
            let owner = match relation.kind.map(|kind| kind.value) {
                Some(RelationKind::BelongsTo) => Some(at),
                Some(RelationKind::HasMany | RelationKind::HasOne) => target,
                None => None,
            };
            if let Some((owner, key)) = owner.zip(relation.foreign_key.as_ref()) {
                named(owner, &key.value, "the key of a relation", key.at);
            }
            if let Some((target, order)) = target.zip(relation.order_by.as_ref()) {
                named(target, &order.value, "the order of a relation", order.at);
            }
        }
        for role in model.entity_roles.iter().flat_map(|roles| &roles.value) {
            if let Some(field) = &role.field {
                named(at, &field.value, "the source of a sync group", field.at);
            }
        }
        columns(cx, at, model, &mut all);
    }
    all
}

/// Adds the columns of the tenancy and of the order of a bootstrap.
fn columns<'r>(cx: &Context<'r, '_>, at: usize, model: &'r RawModel<'r>, all: &mut Vec<Use<'r>>) {
    let mut used = |model: usize, column: &'r str, what: &'static str, span: SpanId| {
        all.push(Use { model, name: "", column, what, at: span });
    };
    match model.tenancy.as_ref().map(|tenancy| &tenancy.value) {
        Some(RawTenancy::Column { column }) => {
            used(at, &column.value, "the tenancy column", column.at);
        }
        Some(RawTenancy::Parent { local_key, parent_table, parent_key, parent_org_column }) => {
            used(at, &local_key.value, "a key of the tenancy", local_key.at);
            if let Some(parent) = cx.index_of_table(&parent_table.value) {
                for column in parent_key.iter().chain(parent_org_column) {
                    used(parent, &column.value, "a key of the tenancy", column.at);
                }
            }
        }
        Some(RawTenancy::None) | None => {}
    }
    if let Some(order) = &model.bootstrap_order_by {
        for term in order.value.split(',') {
            let column = term.split_whitespace().next().unwrap_or_default();
            used(at, column, "the order of a bootstrap", order.at);
        }
    }
}
