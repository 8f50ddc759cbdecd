//! Commits: checked once, whichever transport they arrive by.

use super::options::before;
use super::{Service, source};
use crate::engine::change::PlannedChange;
use crate::engine::commit::{ClaimInUse, Commit, check_age, commit_with_others};
use crate::engine::plan::{MAX_ID_BYTES, plan};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use ablo_wire::{CommitReceipt, Operation};
use serde_json::Value;

/// A commit as a client sends it.
#[derive(Clone, Debug)]
pub(crate) struct Submit {
    /// The id that the client gave it; an empty one is none.
    pub(crate) client_tx_id: Option<String>,
    /// The key by which a repeated commit is recognised, if it is another one; an empty one is
    /// none.
    pub(crate) idempotency_key: Option<String>,
    /// The operations.
    pub(crate) operations: Vec<Operation>,
    /// The claim under which the writes are made.
    pub(crate) claim: ClaimInUse,
    /// The turn that caused the commit.
    pub(crate) caused_by: Option<String>,
}

impl Service {
    /// Checks a commit and applies it, locally or through the data source of its rows.
    ///
    /// # Errors
    /// Returns an error if the commit is refused or cannot be stored.
    pub(crate) async fn submit(&self, who: &Identity, request: Submit) -> Result<CommitReceipt> {
        let key = request.key()?;
        let given_key = request.given_key().map(str::to_owned);
        let shown = given(request.client_tx_id.as_ref()).unwrap_or(&key).to_owned();
        let Submit { operations, claim, caused_by, .. } = request;
        let mut changes = plan(&self.engine.models, who, &operations)?;
        name_new_rows(who, given_key.as_deref(), &mut changes);
        let text = serde_json::to_vec(&operations).unwrap_or_default();
        let request_hash = blake3::hash(&text).to_hex().to_string();
        let request = Commit { client_tx_id: key, changes, request_hash, caused_by, claim };
        check_age(&request, before(self.store.now(), self.options.retention().keys))?;
        let owner = self.sources.owner_of(&self.engine, &who.organization, &request.changes)?;
        let mut receipt = match owner {
            Some(_) if request.changes.iter().any(|change| !change.relative.is_empty()) => {
                let message = "rows of a data source have no relative operations; write the \
                    values with `readAt`";
                return Err(ApiError::new("commit_operation_unsupported", message).into());
            }
            Some(client) => source::write(self, &client, who, request, operations).await?,
            None => commit_with_others(&*self.store, &self.engine, who, request).await?,
        };
        self.metrics.commits.inc();
        receipt.client_tx_id = shown;
        Ok(receipt)
    }
}

impl Submit {
    /// Returns the key that the client gave the commit.
    fn given_key(&self) -> Option<&str> {
        given(self.idempotency_key.as_ref()).or(given(self.client_tx_id.as_ref()))
    }

    /// Returns the key by which the commit is recognised if it is repeated: the same on all
    /// transports.
    fn key(&self) -> Result<String, ApiError> {
        match self.given_key() {
            None => Ok(uuid::Uuid::new_v4().hyphenated().to_string()),
            Some(key) if key.len() > MAX_ID_BYTES => {
                let message = format!("the idempotency key is longer than {MAX_ID_BYTES} bytes");
                Err(ApiError::new("idempotency_key_too_long", message).param("idempotencyKey"))
            }
            Some(key) if key.contains('\0') => {
                let message = "the idempotency key must not contain U+0000";
                Err(ApiError::new("invalid_request", message).param("idempotencyKey"))
            }
            Some(key) => Ok(key.to_owned()),
        }
    }
}

/// Gives rows without an id the same one for each attempt, if the client named the operation or the
/// commit: the answer to a repeated commit names the rows of the first.
fn name_new_rows(who: &Identity, key: Option<&str>, changes: &mut [PlannedChange]) {
    for (at, change) in changes.iter_mut().enumerate().filter(|(_, change)| change.generated_id) {
        let at = at.to_string();
        let name = match (change.transaction.as_deref(), key) {
            (Some(transaction), _) => ["transaction", transaction, ""],
            (None, Some(key)) => ["commit", key, at.as_str()],
            (None, None) => continue,
        };
        let mut hasher = blake3::Hasher::new();
        let writer = [who.organization.as_str(), who.kind.as_str(), who.participant.as_str()];
        for part in writer.into_iter().chain(name) {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        change.id = uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string();
    }
}

fn given(key: Option<&String>) -> Option<&str> {
    key.map(String::as_str).filter(|key| !key.is_empty())
}

/// Returns the error for a commit that cannot be decoded.
pub(crate) fn decode_error(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    operations_error(bytes).unwrap_or_else(|| ApiError::new("invalid_body", error.to_string()))
}

/// Returns the specific error of a commit with malformed operations, if that is the cause
/// (docs/protocol/errors.md §6).
fn operations_error(bytes: &[u8]) -> Option<ApiError> {
    let body: Value = serde_json::from_slice(bytes).ok()?;
    let body = body.as_object()?;
    if body.contains_key("operation") && body.contains_key("operations") {
        let message = "a commit must not have both `operation` and `operations`";
        return Some(ApiError::new("commit_operations_ambiguous", message));
    }
    let is_commit = body.contains_key("clientTxId") || body.contains_key("operations");
    let Some(operations) = body.get("operations").filter(|operations| !operations.is_null()) else {
        return is_commit
            .then(|| ApiError::new("commit_operation_required", "`operations` is missing"));
    };
    operations.as_array()?.iter().enumerate().find_map(|(at, operation)| {
        let operation = operation.as_object()?;
        let has = |name: &str| operation.get(name).is_some_and(Value::is_string);
        let refusal = match (has("action") || has("type"), has("model")) {
            (false, _) => ApiError::new(
                "commit_operation_action_required",
                "an operation must have an `action` or a `type`",
            ),
            (true, false) => {
                ApiError::new("commit_operation_model_required", "an operation must have a `model`")
            }
            (true, true) => return None,
        };
        Some(refusal.param(format!("operations[{at}]")))
    })
}
