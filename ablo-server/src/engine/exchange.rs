//! What is exchanged for a credential: never more than it covers, and over when it is (docs/protocol/http.md §4 and §6).

use super::Engine;
use super::credentials::{
    self, DEFAULT_TTL, Grant, Issued, Kind, MAX_TTL, MIN_TTL, Mode, State, issue,
};
use crate::error::{ApiError, Result};
use crate::identity::{Identity, organization_group};
use crate::store::Tx;
use crate::store::sql_template::quoted;
use crate::value::Cell;
use ablo_wire::ParticipantKind;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Makes a credential like this one, which takes its place.
///
/// # Errors
/// What the database said.
pub fn rotate(
    tx: &mut dyn Tx,
    mode: Mode,
    old: &State,
    ttl: Option<u64>,
) -> Result<(Issued, Identity)> {
    let own = &old.identity;
    let span = |from: &str, to: &str| {
        let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
        u64::try_from(to.duration_since(from).as_secs()).ok()
    };
    let inherited = own.expires_at.as_deref().and_then(|end| span(&old.issued_at, end));
    let grant = Grant {
        kind: old.kind,
        organization: own.organization.clone(),
        participant: own.participant.clone(),
        participant_kind: own.kind.clone(),
        on_behalf_of: own.on_behalf_of.clone(),
        operations: own.operations.clone(),
        groups: own.groups.clone(),
        user_meta: serde_json::from_str(&own.user_meta).unwrap_or_default(),
        label: old.label.clone(),
        whole: old.whole,
        // The new one outlives the old one, whose parent may be this.
        parent: old.parent.clone(),
        ttl: ttl.map(|ttl| ttl.clamp(MIN_TTL, MAX_TTL)).or(inherited),
    };
    let issued = issue(tx, mode, &grant)?;
    let identity = Identity {
        capability: issued.id.clone(),
        expires_at: issued.expires_at.clone(),
        ..own.clone()
    };
    Ok((issued, identity))
}

/// What is wanted for a key.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// For what kind of participant.
    pub kind: ParticipantKind,
    /// For which.
    pub participant: Option<String>,
    /// What it should see.
    pub groups: Option<Vec<String>>,
    /// What it should do.
    pub operations: Option<Vec<String>>,
    /// How long it should live, in seconds.
    pub ttl: Option<u64>,
    /// A name for people.
    pub label: Option<String>,
    /// What the application knows about the participant.
    pub user_meta: Map<String, Value>,
}

/// Exchanges a credential for one that covers no more.
///
/// # Errors
/// `capability_scope_denied` where nothing of what was wanted is left, or what the database said.
pub fn exchange(
    engine: &Engine,
    tx: &mut dyn Tx,
    mode: Mode,
    holder: &State,
    request: TokenRequest,
) -> Result<(Issued, Identity)> {
    let own = &holder.identity;
    // Only a secret key speaks for others.
    let (kind, participant) = match (holder.kind, &request.kind, request.participant.clone()) {
        (Kind::Secret, ParticipantKind::System, participant) => {
            (ParticipantKind::System, participant.unwrap_or_else(|| own.participant.clone()))
        }
        (Kind::Secret, kind, Some(participant)) if !participant.is_empty() => {
            (kind.clone(), participant)
        }
        (Kind::Secret, kind, _) => (kind.clone(), own.participant.clone()),
        (Kind::Ephemeral, ParticipantKind::Agent, Some(participant)) => {
            (ParticipantKind::Agent, participant)
        }
        _ => (own.kind.clone(), own.participant.clone()),
    };
    let allowed = match holder.kind {
        Kind::Secret => {
            entitled_groups(engine, tx, &own.organization, &kind, &participant, &request.user_meta)?
        }
        _ => own.groups.clone(),
    };
    let part = part(request.groups.as_deref());
    let groups = narrow(own, allowed, part)?;
    let on_behalf_of = match (&own.kind, &kind) {
        (ParticipantKind::User, ParticipantKind::Agent) => Some(own.participant.clone()),
        (_, ParticipantKind::User) => None,
        _ => own.on_behalf_of.clone(),
    };
    let grant = Grant {
        kind: if kind == ParticipantKind::User { Kind::Ephemeral } else { Kind::Restricted },
        organization: own.organization.clone(),
        participant,
        participant_kind: kind,
        on_behalf_of,
        operations: own.operations.narrowed(request.operations.as_deref()),
        groups,
        user_meta: request.user_meta,
        label: request.label,
        whole: part.is_none() && (holder.whole || holder.kind == Kind::Secret),
        parent: Some(holder.id.clone()),
        ttl: Some(life(tx, own, request.ttl)),
    };
    let issued = issue(tx, mode, &grant)?;
    credentials::used(tx, &holder.id)?;
    // Whoever makes tokens clears away more of them than that.
    credentials::forget(tx)?;
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

/// The life of a token, in seconds: as long as is asked for, within bounds, and not longer than what it is exchanged for.
fn life(tx: &dyn Tx, own: &Identity, asked: Option<u64>) -> u64 {
    let wanted = asked.unwrap_or(DEFAULT_TTL).clamp(MIN_TTL, MAX_TTL);
    let end = own.expires_at.as_deref().and_then(|end| end.parse::<Timestamp>().ok());
    let left = end.map(|end| u64::try_from(end.duration_since(tx.now()).as_secs()).unwrap_or(0));
    left.map_or(wanted, |left| wanted.min(left.max(1)))
}

/// The groups wanted, if not all. `default` is all of them, as agents of the reference ask for it.
fn part(wanted: Option<&[String]>) -> Option<&[String]> {
    wanted.filter(|wanted| !wanted.is_empty() && !wanted.iter().any(|group| group == "default"))
}

/// The groups wanted, as far as they are allowed.
fn narrow(
    own: &Identity,
    allowed: BTreeSet<String>,
    wanted: Option<&[String]>,
) -> Result<BTreeSet<String>> {
    let Some(wanted) = wanted else { return Ok(allowed) };
    let foreign =
        |group: &str| group.starts_with("org:") && group != organization_group(&own.organization);
    // Who sees everything may let others see any part of it.
    let within = |group: &&String| allowed.contains(*group) || own.sees_all() && !foreign(group);
    let groups: BTreeSet<String> = wanted.iter().filter(within).cloned().collect();
    match groups.is_empty() {
        false => Ok(groups),
        true => {
            let scope = wanted.first().cloned().unwrap_or_default();
            let message = "none of the sync groups asked for is within the credential's scope";
            Err(ApiError::new("capability_scope_denied", message).required(scope).into())
        }
    }
}

/// The groups that a participant is in by the schema: its roles, and what memberships give it (docs/protocol/commits.md §10).
///
/// # Errors
/// What the database said.
pub fn entitled_groups(
    engine: &Engine,
    tx: &mut dyn Tx,
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
        let name = |at: usize| model.columns.get(at).map_or("id", |column| &column.name);
        let table = engine.tables.get(model.id);
        let sql = format!(
            "{} AND {} = {}",
            table.select,
            quoted(name(grants.subject)),
            engine.dialect.value(2, "")
        );
        for row in tx.query(&sql, &[organization.into(), participant.into()])? {
            if let Some(scope) = row.get(grants.scope).and_then(Cell::text) {
                groups.insert(format!("{}:{scope}", grants.kind));
            }
        }
    }
    Ok(groups)
}
