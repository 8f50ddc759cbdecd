//! Authorisation: which participant may do what. Every rule is here; the services ask them before
//! the engine acts.

use super::change::OperationKind;
use super::credentials::{Credential, CredentialKind};
use crate::error::{ApiError, EngineError};
use crate::identity::{Identity, Operations, organization_group};
use crate::models::{Model, Models};
use ablo_wire::ParticipantKind;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The operation of changing the order of a claim queue.
const REORDER: &str = "intent.reorder";
/// The operation of sending frames to peers.
const RELAY: &str = "peer.relay";

/// Checks that the scope of a credential includes an operation (docs/protocol/differences.md C6).
///
/// # Errors
///
/// Returns `capability_scope_denied` with the required operation name.
pub(crate) fn check_permission(model: &Model, who: &Identity, verb: &str) -> Result<(), ApiError> {
    let permitted = match &who.operations {
        Operations::All => true,
        Operations::Read => verb == "read",
        Operations::Listed(listed) => listed.iter().any(|operation| {
            let (name, allowed) = operation.rsplit_once('.').unwrap_or((operation, ""));
            (allowed == verb || allowed == "*") && (name == "*" || model.matches_name(name))
        }),
    };
    if permitted {
        return Ok(());
    }
    let scope = format!("{}.{verb}", model.wire_name);
    Err(ApiError::new("capability_scope_denied", format!("the credential does not permit {scope}"))
        .required(scope))
}

/// Returns whether a participant may read a column. Secret ones need an operation of their own,
/// `<model>.<field>.read`, which no wildcard stands for.
pub(crate) fn may_read_field(model: &Model, column: usize, who: &Identity) -> bool {
    let Some(column) = model.columns.get(column).filter(|_| model.secret.contains(&column)) else {
        return true;
    };
    match &who.operations {
        Operations::All => who.is_system(),
        Operations::Read => false,
        Operations::Listed(listed) => listed.iter().any(|operation| {
            field_read(operation).is_some_and(|(name, field)| {
                model.matches_name(name) && field.eq_ignore_ascii_case(&column.member)
            })
        }),
    }
}

/// Returns the model and the field of an operation that reads a secret field.
fn field_read(operation: &str) -> Option<(&str, &str)> {
    operation.strip_suffix(".read")?.split_once('.')
}

/// Checks that a participant may send frames to its peers: one that may write rows, or whose
/// operations name it.
///
/// # Errors
///
/// Returns `capability_scope_denied`.
pub(crate) fn check_relay(who: &Identity) -> Result<(), ApiError> {
    let is_write = |operation: &String| {
        let verb = operation.rsplit_once('.').map_or("", |(_, verb)| verb);
        operation == RELAY || matches!(verb, "create" | "update" | "delete" | "*")
    };
    let permitted = match &who.operations {
        Operations::All => true,
        Operations::Listed(listed) => listed.iter().any(is_write),
        Operations::Read => false,
    };
    if permitted {
        return Ok(());
    }
    let message = "the credential does not permit `peer.relay`";
    Err(ApiError::new("capability_scope_denied", message).required(RELAY))
}

/// Checks that a participant may apply an operation to a model.
pub(crate) fn check_write(
    model: &Model,
    who: &Identity,
    kind: OperationKind,
) -> Result<(), ApiError> {
    let verb = match kind {
        OperationKind::Create => "create",
        OperationKind::Update | OperationKind::Archive(_) => "update",
        OperationKind::Delete => "delete",
    };
    check_permission(model, who, verb)?;
    if !model.mutable && !who.is_system() {
        let message = format!("{} is not mutable: only systems can write its rows", model.key);
        return Err(ApiError::new("capability_scope_denied", message)
            .required(format!("{}.{verb}", model.wire_name)));
    }
    Ok(())
}

/// Checks that a participant may change a column relative to its value: whether such a change is
/// within the bounds of the column depends on the value.
///
/// # Errors
///
/// Returns `capability_scope_denied` for a secret column that the participant may not read.
pub(crate) fn check_adjust(model: &Model, column: usize, who: &Identity) -> Result<(), ApiError> {
    if may_read_field(model, column, who) {
        return Ok(());
    }
    let member = model.columns.get(column).map_or("", |column| column.member.as_str());
    let scope = format!("{}.{member}.read", model.wire_name);
    let message = format!("the credential does not permit {scope}, which a relative change needs");
    Err(ApiError::new("capability_scope_denied", message).required(scope))
}

/// Checks that a writer sees the row that it wrote, by the groups that the row belongs to.
///
/// # Errors
///
/// Returns `capability_scope_denied` with one of the groups.
pub(crate) fn check_sees(
    who: &Identity,
    (model, id): (&Model, &str),
    groups: &BTreeSet<String>,
) -> Result<(), ApiError> {
    if !who.groups.is_disjoint(groups) {
        return Ok(());
    }
    let own = organization_group(&who.organization);
    let scope = groups.iter().find(|group| **group != own).cloned().unwrap_or(own);
    let message = format!("{}/{id} is outside the credential's sync groups", model.key);
    Err(ApiError::new("capability_scope_denied", message).required(scope))
}

/// Checks that a participant may claim rows of a model: it has to be allowed to write them
/// (docs/protocol/differences.md B12).
pub(crate) fn check_claim(model: &Model, who: &Identity) -> Result<(), ApiError> {
    let verbs = ["update", "create", "delete"];
    match verbs.iter().any(|verb| check_permission(model, who, verb).is_ok()) {
        true => Ok(()),
        false => check_permission(model, who, "update"),
    }
}

/// Checks that a participant may reorder a claim queue (docs/protocol/differences.md B13).
///
/// # Errors
///
/// Returns `capability_scope_denied`.
pub(crate) fn check_reorder(who: &Identity) -> Result<(), ApiError> {
    let permitted = match &who.operations {
        Operations::All => who.is_system(),
        Operations::Listed(listed) => listed.contains(REORDER),
        Operations::Read => false,
    };
    if permitted {
        return Ok(());
    }
    let message = "the credential does not permit `intent.reorder`";
    Err(ApiError::new("capability_scope_denied", message).required(REORDER))
}

/// Checks that a credential may create a token for a participant: a secret key for any, a token for
/// its own participant, and that of a user also for an agent (docs/protocol/differences.md C13).
///
/// # Errors
///
/// Returns `capability_scope_denied`.
pub(crate) fn check_participant(
    holder: &Credential,
    kind: &ParticipantKind,
    participant: &str,
) -> Result<(), ApiError> {
    let own = &holder.identity;
    let is_own_agent = own.kind == ParticipantKind::User && *kind == ParticipantKind::Agent;
    if holder.kind == CredentialKind::Secret || own.is(kind.as_str(), participant) || is_own_agent {
        return Ok(());
    }
    let message = "only a secret key creates tokens of another participant";
    Err(ApiError::new("capability_scope_denied", message).param("participantId"))
}

/// Returns the data about a participant that a token made from a token has: that of the
/// application.
///
/// # Errors
///
/// Returns `capability_scope_denied` if other data is requested.
pub(crate) fn inherited_meta(
    own: &Identity,
    wanted: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let meta: Map<String, Value> = serde_json::from_str(&own.user_meta).unwrap_or_default();
    if !wanted.is_empty() && *wanted != meta {
        let message = "only a secret key sets the application's data about a participant";
        return Err(ApiError::new("capability_scope_denied", message).param("userMeta"));
    }
    Ok(meta)
}

/// Returns the error for an agent whose name belongs to another participant.
pub(crate) fn foreign_name(participant: &str) -> ApiError {
    let message = format!("the agent's name `{participant}` belongs to another participant");
    ApiError::new("capability_scope_denied", message).param("participantId")
}

/// Returns those of the requested operations that a credential permits, which is what it may pass
/// on; all of them without a request, or for `*` (docs/protocol/differences.md C2).
///
/// # Errors
///
/// Returns `capability_scope_denied` if operations are requested and none is permitted.
pub(crate) fn granted_operations(
    models: &Models,
    who: &Identity,
    wanted: Option<&[String]>,
) -> Result<Operations, ApiError> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.iter().any(|operation| operation == "*"))
    else {
        return Ok(who.operations.clone());
    };
    let lower = wanted.iter().map(|operation| operation.to_lowercase());
    let granted: BTreeSet<String> = lower.filter(|wanted| covers(models, who, wanted)).collect();
    match wanted.first() {
        Some(first) if granted.is_empty() => {
            let message = "the credential permits none of the requested operations";
            Err(ApiError::new("capability_scope_denied", message).required(first.clone()))
        }
        _ => Ok(Operations::Listed(granted)),
    }
}

/// Returns whether a credential permits everything that an operation in lower case stands for.
fn covers(models: &Models, who: &Identity, wanted: &str) -> bool {
    // The operations that `*` does not stand for.
    if wanted == REORDER {
        return check_reorder(who).is_ok();
    }
    if wanted == RELAY {
        return check_relay(who).is_ok();
    }
    if let Some((name, field)) = field_read(wanted) {
        return may_grant_field(models, who, name, field);
    }
    let parts = |operation: &str| {
        let (name, verb) = operation.rsplit_once('.').unwrap_or((operation, ""));
        let model = models.find(name).map_or_else(|| name.to_owned(), |model| model.key.clone());
        (model, verb.to_owned())
    };
    let (model, verb) = parts(wanted);
    match &who.operations {
        Operations::All => true,
        Operations::Read => verb == "read",
        Operations::Listed(listed) => listed.iter().any(|known| {
            let (known_model, known_verb) = parts(&known.to_lowercase());
            (known_model == "*" || known_model == model)
                && (known_verb == "*" || known_verb == verb)
        }),
    }
}

/// Returns whether a credential may pass on the right to read a secret field. The names of models
/// and fields may come from a later schema, so only the texts are compared.
fn may_grant_field(models: &Models, who: &Identity, name: &str, field: &str) -> bool {
    let key = |name: &str| models.find(name).map_or(name.to_lowercase(), |model| model.key.clone());
    match &who.operations {
        Operations::All => who.is_system(),
        Operations::Read => false,
        Operations::Listed(listed) => {
            listed.iter().filter_map(|known| field_read(known)).any(|(known, known_field)| {
                key(known) == key(name) && known_field.eq_ignore_ascii_case(field)
            })
        }
    }
}

/// Returns those of the requested groups that a credential may pass on: all that it is allowed
/// without a request (docs/protocol/differences.md C4).
///
/// # Errors
///
/// Returns `capability_scope_denied` if a request contains no permitted group.
pub(crate) fn granted_groups(
    who: &Identity,
    allowed: BTreeSet<String>,
    wanted: Option<&[String]>,
) -> Result<BTreeSet<String>, ApiError> {
    let Some(wanted) = wanted else { return Ok(allowed) };
    let foreign =
        |group: &str| group.starts_with("org:") && group != organization_group(&who.organization);
    // A holder that sees everything may pass on any group of its organisation.
    let permitted = |group: &&String| allowed.contains(*group) || who.sees_all() && !foreign(group);
    let groups: BTreeSet<String> = wanted.iter().filter(permitted).cloned().collect();
    if groups.is_empty() {
        let scope = wanted.first().cloned().unwrap_or_default();
        let message = "none of the requested sync groups is within the credential's scope";
        return Err(ApiError::new("capability_scope_denied", message).required(scope));
    }
    Ok(groups)
}

/// Returns the error for a request without a credential.
#[must_use]
pub(crate) fn no_credentials() -> EngineError {
    ApiError::new("auth_no_credentials", "missing bearer token: send `Authorization: Bearer <key>`")
        .into()
}

/// Checks that a credential is a secret key and returns its identity.
///
/// # Errors
/// Returns `forbidden` for any other kind of credential.
pub(crate) fn require_secret_key(state: &Credential) -> Result<&Identity, ApiError> {
    match state.kind {
        CredentialKind::Secret => Ok(&state.identity),
        _ => Err(ApiError::new("forbidden", "this request requires a secret key")),
    }
}

/// Checks that a credential is a secret key, or the one that a request is about.
///
/// # Errors
///
/// Returns `forbidden`.
pub(crate) fn require_own_or_secret(state: &Credential, id: &str) -> Result<(), ApiError> {
    if id == state.id { Ok(()) } else { require_secret_key(state).map(drop) }
}
