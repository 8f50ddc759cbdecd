//! Rules on scopes, grants and roles, which define sync groups.

use super::context::{Context, is_kind};
use super::names::shown;
use crate::diag::{Code, SpanId, Spanned};
use crate::lookup::Lookup;
use crate::raw::{CowStr, RawRole, RawScope};
use crate::schema::RelationKind;

/// Returns whether a kind matches `^[a-z][a-z0-9_]*$`.
fn is_group_kind(kind: &str) -> bool {
    kind.starts_with(|first: char| first.is_ascii_lowercase())
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

pub(super) fn check_scopes(cx: &mut Context<'_, '_>) {
    let mut seen: Lookup<String, SpanId> = Lookup::with_capacity(cx.models.len());
    for model in &cx.models {
        let Some(scope) = &model.raw.scope else { continue };
        let kind = match &scope.value {
            RawScope::Flag(false) => continue,
            RawScope::Flag(true) => model.type_name().to_lowercase(),
            RawScope::Kind(kind) => kind.to_string(),
        };
        if !is_group_kind(&kind) {
            cx.diagnostics
                .push(
                    Code::ScopeKindInvalid,
                    scope.at,
                    format!("invalid kind of sync group `{}`", shown(&kind)),
                )
                .help("use a lower-case letter followed by lower-case letters, digits and `_`");
        }
        if let Some(first) = seen.insert(kind.clone(), scope.at) {
            let message = format!("two models have the scope kind `{}`", shown(&kind));
            cx.diagnostics
                .push(Code::ScopeKindRepeated, scope.at, message)
                .help(
                    "rows with the same id would share a sync group; give one of them another kind",
                )
                .also(first, "first used here");
        }
    }
}

pub(super) fn check_grants(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    for (at, model) in raw.models.iter().enumerate() {
        let Some(grants) = &model.grants else { continue };
        check_grant_edge(cx, at, grants.value.subject.as_ref());
        let Some(scope) = check_grant_edge(cx, at, grants.value.scope.as_ref()) else { continue };
        let Some(span) = grants.value.scope.as_ref().map(|scope| scope.at) else { continue };
        if !cx.models[scope].is_scope_root() {
            let message = format!("`{}` is not a scope root", cx.models[scope].key());
            cx.diagnostics
                .push(Code::GrantsTargetNotScopeRoot, span, message)
                .help("add `scope` to that model")
                .also(cx.models[scope].raw.key.at, "the model");
        }
    }
}

/// Checks one relation of a membership and returns the index of its target.
fn check_grant_edge(
    cx: &mut Context<'_, '_>,
    model: usize,
    name: Option<&Spanned<CowStr<'_>>>,
) -> Option<usize> {
    let name = name?;
    let raw = cx.raw;
    let relations = &raw.models[model].relations;
    let Some(relation) = relations.iter().find(|relation| relation.name.value == name.value) else {
        let help = cx
            .suggest
            .help(&name.value, relations.iter().map(|relation| relation.name.value.as_ref()));
        let message = format!(
            "no relation `{}` on model `{}`",
            shown(&name.value),
            raw.models[model].key.value
        );
        cx.diagnostics.push(Code::GrantsUnknownRelation, name.at, message).help = help
            .or_else(|| Some("`grants` names `belongsTo` relations of its own model".to_owned()));
        return None;
    };
    if relation.kind.is_some() && !is_kind(relation, RelationKind::BelongsTo) {
        let message = format!("relation `{}` is not a `belongsTo`", name.value);
        cx.diagnostics
            .push(Code::GrantsNotBelongsTo, name.at, message)
            .help("a membership row must store both ids itself")
            .also(relation.name.at, "the relation");
        return None;
    }
    cx.target_of(relation)
}

pub(super) fn check_roles(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    for role in &raw.identity_roles {
        check_role_kind(cx, role);
        if let Some(field) = role.field.as_ref().filter(|field| field.value.is_empty()) {
            cx.diagnostics
                .push(Code::RoleUnknownField, field.at, "the field name of the role is empty")
                .help("name a field of the identity, such as `organizationId`");
        }
    }
    for (at, model) in raw.models.iter().enumerate() {
        for role in model.entity_roles.iter().flat_map(|roles| &roles.value) {
            check_role_kind(cx, role);
            let Some(field) =
                role.field.as_ref().filter(|field| cx.models[at].find(&field.value).is_none())
            else {
                continue;
            };
            let help = cx.suggest_field(at, &field.value);
            let message =
                format!("no field `{}` on model `{}`", shown(&field.value), model.key.value);
            cx.diagnostics.push(Code::RoleUnknownField, field.at, message).help =
                help.or_else(|| Some("an entity role reads a field of its own model".to_owned()));
        }
    }
}

fn check_role_kind(cx: &mut Context<'_, '_>, role: &RawRole<'_>) {
    if let Some(kind) = role.kind.as_ref().filter(|kind| !is_group_kind(&kind.value)) {
        cx.diagnostics
            .push(
                Code::RoleKindInvalid,
                kind.at,
                format!("invalid kind of sync group `{}`", shown(&kind.value)),
            )
            .help("use a lower-case letter followed by lower-case letters, digits and `_`");
    }
}
