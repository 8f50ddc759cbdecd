//! Scopes, grants and roles: what yields sync groups must be able to.

use super::context::{Context, is_kind};
use super::names::shown;
use crate::diag::{Code, SpanId, Spanned};
use crate::lookup::Lookup;
use crate::raw::{RawRole, RawScope, Text};
use crate::schema::RelationKind;

/// `^[a-z][a-z0-9_]*$`
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
                .push(Code::ScopeKindInvalid, scope.at, format!("`{}` is no kind of sync group", shown(&kind)))
                .help("begin with a lower-case letter and go on with lower-case letters, digits and `_`");
        }
        if let Some(first) = seen.insert(kind.clone(), scope.at) {
            let message = format!("two models form sync groups of the kind `{}`", shown(&kind));
            cx.diagnostics
                .push(Code::ScopeKindRepeated, scope.at, message)
                .help(
                    "rows with the same id would share a group; give one of them a kind of its own",
                )
                .also(first, "the other one");
        }
    }
}

pub(super) fn check_grants(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    for (at, model) in raw.models.iter().enumerate() {
        let Some(grants) = &model.grants else { continue };
        check_grant_edge(cx, at, grants.value.subject.as_ref());
        let Some(scope) = check_grant_edge(cx, at, grants.value.scope.as_ref()) else { continue };
        let Some(place) = grants.value.scope.as_ref().map(|scope| scope.at) else { continue };
        if !cx.models[scope].is_scope_root() {
            let message = format!(
                "`{}` is no scope root, so that there is nothing to give access to",
                cx.models[scope].key()
            );
            cx.diagnostics
                .push(Code::GrantsTargetNotScopeRoot, place, message)
                .help("make that model a `scope`")
                .also(cx.models[scope].raw.key.at, "the model");
        }
    }
}

/// Checks one end of a membership edge and gives the model that it leads to.
fn check_grant_edge(
    cx: &mut Context<'_, '_>,
    model: usize,
    name: Option<&Spanned<Text<'_>>>,
) -> Option<usize> {
    let name = name?;
    let raw = cx.raw;
    let relations = &raw.models[model].relations;
    let Some(relation) = relations.iter().find(|relation| relation.name.value == name.value) else {
        let help = cx
            .suggest
            .help(&name.value, relations.iter().map(|relation| relation.name.value.as_ref()));
        let message =
            format!("`{}` is no relation of `{}`", shown(&name.value), raw.models[model].key.value);
        cx.diagnostics.push(Code::GrantsUnknownRelation, name.at, message).help = help
            .or_else(|| Some("`grants` names `belongsTo` relations of its own model".to_owned()));
        return None;
    };
    if relation.kind.is_some() && !is_kind(relation, RelationKind::BelongsTo) {
        let message = format!("`{}` is no `belongsTo` relation", name.value);
        cx.diagnostics
            .push(Code::GrantsNotBelongsTo, name.at, message)
            .help("each membership row must hold both ids itself")
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
                .push(Code::RoleUnknownField, field.at, "a role reads a field with no name")
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
            let message = format!("`{}` is no field of `{}`", shown(&field.value), model.key.value);
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
                format!("`{}` is no kind of sync group", shown(&kind.value)),
            )
            .help(
                "begin with a lower-case letter and go on with lower-case letters, digits and `_`",
            );
    }
}
