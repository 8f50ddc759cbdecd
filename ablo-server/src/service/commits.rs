//! Commits: checked once, whichever transport they arrive by.

use super::{Service, source};
use crate::engine::commit::{Commit, commit};
use crate::engine::plan::plan;
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use ablo_wire::{CommitReceipt, Operation};
use serde_json::Value;

/// A commit as a client sends it.
#[derive(Clone, Debug)]
pub(crate) struct Submit {
    /// The idempotency key.
    pub(crate) client_tx_id: String,
    /// The operations.
    pub(crate) operations: Vec<Operation>,
    /// The claim that has to be held for the commit, and that the commit renews.
    pub(crate) claim: Option<String>,
    /// The turn that caused the commit.
    pub(crate) caused_by: Option<String>,
}

impl Service {
    /// Checks a commit and applies it, locally or through the data source of its rows.
    ///
    /// # Errors
    /// Returns an error if the commit is refused or cannot be stored.
    pub(crate) async fn submit(&self, who: &Identity, request: Submit) -> Result<CommitReceipt> {
        let Submit { client_tx_id, operations, claim, caused_by } = request;
        let changes = plan(&self.engine.models, who, &operations)?;
        let text = serde_json::to_vec(&operations).unwrap_or_default();
        let body_hash = blake3::hash(&text).to_hex().to_string();
        let request = Commit { client_tx_id, changes, body_hash, caused_by, claim };
        let owner = self.sources.owner_of(&self.engine, &who.organization, &request.changes)?;
        let receipt = match owner {
            Some(client) => source::write(self, &client, who, request, operations).await?,
            None => {
                let who = who.clone();
                self.writing(&who.organization.clone(), move |engine, tx| {
                    commit(engine, tx, &who, &request)
                })
                .await?
            }
        };
        self.metrics.commits.inc();
        Ok(receipt)
    }
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
