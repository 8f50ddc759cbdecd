//! Exchange of credentials for tokens that permit no more and last no longer (docs/protocol/http.md
//! §4 and §6).

use super::Engine;
use super::access::{
    check_participant, foreign_name, granted_groups, granted_operations, inherited_meta,
};
use super::credentials::{
    self, Credential, CredentialKind, DEFAULT_TTL, IssuedCredential, MAX_TTL, MIN_TTL, Mode,
    NewCredential, issue,
};
use crate::error::Result;
use crate::identity::{Holder, Identity, organization_group};
use crate::store::Tx;
use crate::store::tables::credentials as table;
use crate::value::Cell;
use ablo_wire::ParticipantKind;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Issues a credential with the rights and the end of an old one, to replace it.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn rotate(
    tx: &mut Tx<'_>,
    mode: Mode,
    old: &Credential,
    ttl: Option<u64>,
) -> Result<(IssuedCredential, Identity)> {
    let own = &old.identity;
    let grant = NewCredential {
        kind: old.kind,
        organization: own.organization.clone(),
        participant: own.participant.clone(),
        participant_kind: own.kind.clone(),
        on_behalf_of: own.on_behalf_of.clone(),
        operations: own.operations.clone(),
        groups: own.groups.clone(),
        user_meta: serde_json::from_str(&own.user_meta).unwrap_or_default(),
        label: old.label.clone(),
        full_reach: old.full_reach,
        // A token that replaced itself ends with the one that the application knows; a key that
        // replaces a revoked key remains.
        parent: Some(old.id.clone()).filter(|_| old.kind != CredentialKind::Secret),
        ttl: ttl.map(|ttl| ttl.clamp(MIN_TTL, MAX_TTL)),
        not_after: own.expires_at.clone(),
    };
    let issued = issue(tx, mode, &grant)?;
    let identity = Identity {
        capability: issued.id.clone(),
        expires_at: issued.expires_at.clone(),
        ..own.clone()
    };
    Ok((issued, identity))
}

/// A request for a token.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The kind of the participant.
    pub kind: ParticipantKind,
    /// The participant.
    pub participant: Option<String>,
    /// The requested sync groups.
    pub groups: Option<Vec<String>>,
    /// The requested operation names.
    pub operations: Option<Vec<String>>,
    /// The requested lifetime, in seconds.
    pub ttl: Option<u64>,
    /// A label for display.
    pub label: Option<String>,
    /// The application's data about the participant.
    pub user_meta: Map<String, Value>,
}

/// Exchanges a credential for a token that permits no more.
///
/// # Errors
///
/// Returns `capability_scope_denied` if none of the requested groups is permitted, or an error if a
/// statement fails.
pub fn exchange(
    engine: &Engine,
    tx: &mut Tx<'_>,
    mode: Mode,
    holder: &Credential,
    request: TokenRequest,
) -> Result<(IssuedCredential, Identity)> {
    let own = &holder.identity;
    let is_secret = holder.kind == CredentialKind::Secret;
    let kind = request.kind.clone();
    let participant = request.participant.clone().filter(|id| !id.is_empty());
    let participant = participant.unwrap_or_else(|| own.participant.clone());
    check_participant(holder, &kind, &participant)?;
    if own.kind == ParticipantKind::User && kind == ParticipantKind::Agent {
        check_name(engine, tx, own, &participant)?;
    }
    let (allowed, user_meta) = match is_secret {
        true => {
            let meta = request.user_meta;
            let organization = &own.organization;
            (entitled_groups(engine, tx, organization, &kind, &participant, &meta)?, meta)
        }
        false => (own.groups.clone(), inherited_meta(own, &request.user_meta)?),
    };
    let requested = requested_groups(request.groups.as_deref());
    let groups = granted_groups(own, allowed, requested)?;
    let operations = granted_operations(&engine.models, own, request.operations.as_deref())?;
    let on_behalf_of = match (&own.kind, &kind) {
        (ParticipantKind::User, ParticipantKind::Agent) => Some(own.participant.clone()),
        (_, ParticipantKind::User) => None,
        _ => own.on_behalf_of.clone(),
    };
    let grant = NewCredential {
        kind: if kind == ParticipantKind::User {
            CredentialKind::Ephemeral
        } else {
            CredentialKind::Restricted
        },
        organization: own.organization.clone(),
        participant,
        participant_kind: kind,
        on_behalf_of,
        operations,
        groups,
        user_meta,
        label: request.label,
        full_reach: requested.is_none() && (holder.full_reach || is_secret),
        parent: Some(holder.id.clone()),
        ttl: Some(request.ttl.unwrap_or(DEFAULT_TTL).clamp(MIN_TTL, MAX_TTL)),
        not_after: own.expires_at.clone(),
    };
    let issued = issue(tx, mode, &grant)?;
    credentials::mark_used(tx, &holder.id)?;
    let identity = Identity {
        organization: grant.organization,
        participant: grant.participant,
        kind: grant.participant_kind,
        on_behalf_of: grant.on_behalf_of,
        capability: issued.id.clone(),
        operations: grant.operations,
        groups: grant.groups,
        user_meta: Value::Object(grant.user_meta).to_string(),
        expires_at: issued.expires_at.clone(),
        holder: Holder::Unnamed,
    };
    Ok((issued, identity))
}

/// Returns the requested groups, or `None` for all. Agents of the reference implementation request
/// all as `default`.
fn requested_groups(wanted: Option<&[String]>) -> Option<&[String]> {
    wanted.filter(|wanted| !wanted.iter().any(|group| group == "default"))
}

/// Checks that the name of a user's agent is neither that of another user nor that of an agent of
/// the application or of another user, as far as their tokens and memberships tell.
fn check_name(engine: &Engine, tx: &mut Tx<'_>, own: &Identity, name: &str) -> Result<()> {
    let mut foreign = table::is_foreign_name(tx, own, name)?;
    for model in engine.models.iter().filter(|_| name != own.participant) {
        let Some(grants) = &model.grants else { continue };
        let rows = engine.rows();
        foreign = foreign
            || !rows.children(tx, &own.organization, (model, grants.subject), name)?.is_empty();
    }
    if foreign { Err(foreign_name(name).into()) } else { Ok(()) }
}

/// Returns the groups that a participant is entitled to by its roles and, as a user, by memberships
/// (docs/protocol/commits.md §10). An agent is no user, whatever its id.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn entitled_groups(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    kind: &ParticipantKind,
    participant: &str,
    meta: &Map<String, Value>,
) -> Result<BTreeSet<String>> {
    if *kind == ParticipantKind::System {
        return Ok(BTreeSet::from([organization_group(organization)]));
    }
    let is_user = *kind == ParticipantKind::User;
    let mut groups = BTreeSet::new();
    if is_user {
        groups.insert(format!("user:{participant}"));
    }
    if engine.models.roles.is_empty() {
        groups.insert(organization_group(organization));
    }
    for role in &engine.models.roles {
        let text = |text: &str| format!("{}:{text}", role.kind);
        match (role.field.as_str(), meta.get(&role.field)) {
            ("organizationId", _) => drop(groups.insert(text(organization))),
            ("userId" | "id", _) if is_user => drop(groups.insert(text(participant))),
            ("userId" | "id", _) => {}
            (_, Some(Value::Array(values))) if role.multi => {
                groups.extend(values.iter().filter_map(Value::as_str).map(text));
            }
            (_, Some(Value::String(value))) if !role.multi => drop(groups.insert(text(value))),
            _ => {}
        }
    }
    for model in engine.models.iter().filter(|_| is_user) {
        let Some(grants) = &model.grants else { continue };
        let grant_rows =
            engine.rows().children(tx, organization, (model, grants.subject), participant)?;
        for row in grant_rows {
            if let Some(scope) = row.get(grants.scope).and_then(Cell::text) {
                groups.insert(format!("{}:{scope}", grants.kind));
            }
        }
    }
    Ok(groups)
}
