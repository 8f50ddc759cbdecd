//! Forwards commits to a data source and records their rows in the log.

use super::client::{CallError, SourceClient};
use crate::engine::commit::Commit;
use crate::engine::data_source_log::{self, BeginOutcome};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::service::Service;
use ablo_wire::{
    Backoff, CODES, CommitReceipt, Maybe, Operation, SourceCommit, SourceCommitAnswer,
    SourceFailure, SourceRequest,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The maximum number of times that one commit is sent.
const MAX_ATTEMPTS: u32 = 3;
/// How long a commit waits for another commit of the same row.
const BUSY_TIMEOUT: Duration = Duration::from_secs(15);

/// Sends a commit to the data source that owns its rows.
///
/// # Errors
/// Returns the data source's error, or `source_network_error` if it does not answer.
pub(crate) async fn write(
    service: &Service,
    client: &Arc<SourceClient>,
    who: &Identity,
    commit: Commit,
    operations: Vec<Operation>,
) -> Result<CommitReceipt> {
    let logged = match begin(service, who, &commit).await? {
        BeginOutcome::AlreadyApplied(receipt) => return Ok(*receipt),
        BeginOutcome::Send(logged) => logged,
        BeginOutcome::RowBusy => {
            return Err(ApiError::new(
                "source_network_error",
                "the data source has not answered an earlier write of the same row",
            )
            .into());
        }
    };
    let request =
        SourceRequest::Commit(source_commit(service, client, who, &commit, operations, &logged));
    match send(client, &request).await {
        Ok(answer) => {
            let (rows, events) = (answer.rows.unwrap_or_default(), client.has_events());
            let (who, organization) = (who.clone(), who.organization.clone());
            let receipt = service
                .writing(&organization, move |engine, tx| {
                    data_source_log::finish(engine, tx, &who, &commit, &rows, events)
                })
                .await?;
            client.commit_finished.notify_one();
            Ok(receipt)
        }
        Err(CallError::Refused(failure, status)) => {
            let (writer, id) = (who.clone(), commit.client_tx_id);
            service
                .writing(&who.organization, move |_, tx| data_source_log::discard(tx, &writer, &id))
                .await?;
            Err(to_api_error(&failure, status).into())
        }
        Err(CallError::Unknown(reason) | CallError::CircuitOpen(reason)) => {
            tracing::warn!(
                organization = who.organization,
                reason,
                "a data source did not answer a commit"
            );
            let message = "the data source did not answer, so the outcome of the write is unknown; \
                retry with the same idempotency key";
            Err(ApiError::new("source_network_error", message).into())
        }
    }
}

/// Checks a commit and records it as in flight, once no other commit of its rows is.
async fn begin(service: &Service, who: &Identity, commit: &Commit) -> Result<BeginOutcome> {
    let start = Instant::now();
    let mut backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(100));
    loop {
        let (writer, commit) = (who.clone(), commit.clone());
        let begun = service
            .acting(who, move |engine, tx| data_source_log::begin(engine, tx, &writer, &commit))
            .await?;
        if !matches!(begun, BeginOutcome::RowBusy) || start.elapsed() > BUSY_TIMEOUT {
            return Ok(begun);
        }
        tokio::time::sleep(backoff.fail()).await;
    }
}

/// Sends the commit, and retries if the outcome is unknown: it is idempotent by its id.
async fn send(
    client: &SourceClient,
    request: &SourceRequest,
) -> Result<SourceCommitAnswer, CallError> {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    for attempt in 1.. {
        // A new message id per attempt: receivers drop repeated messages.
        let id = format!("msg_{}", uuid::Uuid::new_v4().simple());
        match client.send(&id, request).await {
            Err(CallError::Unknown(_)) if attempt < MAX_ATTEMPTS => {}
            answer => return answer,
        }
        tokio::time::sleep(backoff.fail()).await;
    }
    Err(CallError::Unknown(String::new()))
}

/// Builds the request body from the operations that are not in the log yet.
fn source_commit(
    service: &Service,
    client: &SourceClient,
    who: &Identity,
    commit: &Commit,
    operations: Vec<Operation>,
    logged: &BTreeSet<usize>,
) -> SourceCommit {
    let each =
        commit.changes.iter().zip(operations).enumerate().filter(|(at, _)| !logged.contains(at));
    let operations: Vec<Operation> = each
        .map(|(_, (change, given))| {
            let verb = change.kind.verb();
            // Data sources identify models by key, and every row has an id by now.
            let mut operation = Operation::frame(
                verb,
                service.engine.models.get(change.model).key.clone(),
                change.id.clone(),
            );
            operation.data = match given.data {
                Maybe::Value(data) => Maybe::Value(data),
                _ => Maybe::Absent,
            };
            operation.transaction_id = given.transaction_id;
            (operation.read_at, operation.on_stale) = (given.read_at, given.on_stale);
            operation
        })
        .collect();
    let mut body = SourceCommit::new(operations);
    body.client_tx_id = Some(data_source_log::source_tx_id(who, &commit.client_tx_id));
    let mut scope = client.scope();
    scope.participant_id = Some(who.participant.clone());
    scope.participant_kind = Some(who.kind.clone());
    scope.required_sync_groups = Some(who.groups.iter().cloned().collect());
    body.scope = Some(scope);
    body
}

/// Converts a data source's refusal to an API error, with the same code if the protocol defines it.
fn to_api_error(failure: &SourceFailure, status: u16) -> ApiError {
    let code = failure.error.as_str();
    let known = CODES.iter().find(|known| known.code == code).map(|known| known.code);
    let message = failure
        .message
        .clone()
        .unwrap_or_else(|| format!("the data source refused the write: {code}"));
    match known {
        Some(code) => ApiError::new(code, message),
        None => ApiError::new(
            "constraint_violation",
            format!("the data source refused the write with `{code}`: {message}"),
        )
        .with_status(status),
    }
}
