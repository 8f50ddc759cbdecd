//! Exchange of credentials for tokens that permit no more and last no longer (docs/protocol/http.md
//! §4 and §6).

use super::Engine;
use super::access::{granted_groups, granted_operations};
use super::credentials::{
    self, Credential, CredentialKind, DEFAULT_TTL, IssuedCredential, MAX_TTL, MIN_TTL, Mode,
    NewCredential, issue,
};
use crate::error::Result;
use crate::identity::{Identity, organization_group};
use crate::store::Tx;
use crate::value::Cell;
use ablo_wire::ParticipantKind;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Issues a credential with the rights of an old one, to replace it.
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
    let seconds_between = |from: &str, to: &str| {
        let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
        u64::try_from(to.duration_since(from).as_secs()).ok()
    };
    let inherited = own.expires_at.as_deref().and_then(|end| seconds_between(&old.issued_at, end));
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
        // The new credential outlives the old one, so it is not derived from it.
        parent: old.parent.clone(),
        ttl: ttl.map(|ttl| ttl.clamp(MIN_TTL, MAX_TTL)).or(inherited),
        not_after: None,
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
    // Only a secret key may name another participant; a user's token may name an agent.
    let (kind, participant) = match (holder.kind, &request.kind, request.participant.clone()) {
        (CredentialKind::Secret, ParticipantKind::System, participant) => {
            (ParticipantKind::System, participant.unwrap_or_else(|| own.participant.clone()))
        }
        (CredentialKind::Secret, kind, Some(participant)) if !participant.is_empty() => {
            (kind.clone(), participant)
        }
        (CredentialKind::Secret, kind, _) => (kind.clone(), own.participant.clone()),
        (CredentialKind::Ephemeral, ParticipantKind::Agent, Some(participant)) => {
            (ParticipantKind::Agent, participant)
        }
        _ => (own.kind.clone(), own.participant.clone()),
    };
    let allowed = match holder.kind {
        CredentialKind::Secret => {
            entitled_groups(engine, tx, &own.organization, &kind, &participant, &request.user_meta)?
        }
        _ => own.groups.clone(),
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
        user_meta: request.user_meta,
        label: request.label,
        full_reach: requested.is_none()
            && (holder.full_reach || holder.kind == CredentialKind::Secret),
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
    };
    Ok((issued, identity))
}

/// Returns the requested groups, or `None` for all. Agents of the reference implementation request
/// all as `default`.
fn requested_groups(wanted: Option<&[String]>) -> Option<&[String]> {
    wanted.filter(|wanted| !wanted.iter().any(|group| group == "default"))
}

/// Returns the groups that a participant is entitled to: by its roles and by memberships
/// (docs/protocol/commits.md §10).
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
    let mut groups = BTreeSet::from([format!("user:{participant}")]);
    if engine.models.roles.is_empty() {
        groups.insert(organization_group(organization));
    }
    for role in &engine.models.roles {
        let text = |text: &str| format!("{}:{text}", role.kind);
        match (role.field.as_str(), meta.get(&role.field)) {
            ("organizationId", _) => drop(groups.insert(text(organization))),
            ("userId" | "id", _) => drop(groups.insert(text(participant))),
            (_, Some(Value::Array(values))) if role.multi => {
                groups.extend(values.iter().filter_map(Value::as_str).map(text));
            }
            (_, Some(Value::String(value))) if !role.multi => drop(groups.insert(text(value))),
            _ => {}
        }
    }
    for model in engine.models.iter() {
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
