//! A commit on its way to an organisation's own database, and back into the log.

use super::client::{CallError, SourceClient};
use crate::app::App;
use crate::engine::commit::Commit;
use crate::engine::data_source_log::{self, BeginOutcome};
use crate::engine::plan::OperationKind;
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use ablo_wire::{
    CODES, CommitReceipt, Maybe, Operation, SourceCommit, SourceCommitAnswer, SourceFailure,
    SourceRequest, Verb,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Attempts at one commit.
const ATTEMPTS: u32 = 3;
/// How long another commit of the same row is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Writes a commit where its rows live.
pub(crate) async fn write(
    app: &App,
    origin: &Arc<SourceClient>,
    who: &Identity,
    made: Commit,
    operations: Vec<Operation>,
) -> Result<CommitReceipt> {
    let known = match begun(app, who, &made).await? {
        BeginOutcome::AlreadyApplied(receipt) => return Ok(*receipt),
        BeginOutcome::Send(known) => known,
        BeginOutcome::RowBusy => {
            return Err(ApiError::new(
                "source_network_error",
                "another write of the row does not come back from the data source",
            )
            .into());
        }
    };
    let request = SourceRequest::Commit(sent(app, origin, who, &made, operations, &known));
    match called(origin, &request).await {
        Ok(answer) => {
            let (rows, events) = (answer.rows.unwrap_or_default(), origin.has_events());
            let (who, organization) = (who.clone(), who.organization.clone());
            let receipt = app
                .writing(&organization, move |engine, tx| {
                    data_source_log::finish(engine, tx, &who, &made, &rows, events)
                })
                .await?;
            origin.echo.notify_one();
            Ok(receipt)
        }
        Err(CallError::Refused(failure, status)) => {
            let (organization, id) = (who.organization.clone(), made.client_tx_id);
            app.writing(&organization.clone(), move |_, tx| {
                data_source_log::discard(tx, &organization, &id)
            })
            .await?;
            Err(told(&failure, status).into())
        }
        Err(CallError::Unknown(reason) | CallError::CircuitOpen(reason)) => {
            tracing::warn!(
                organization = who.organization,
                reason,
                "a data source did not answer a commit"
            );
            let message = "the data source did not answer: whether the write happened is known when it is sent again";
            Err(ApiError::new("source_network_error", message).into())
        }
    }
}

/// Checks it and writes down that it goes out, when nobody else is at these rows.
async fn begun(app: &App, who: &Identity, made: &Commit) -> Result<BeginOutcome> {
    let (start, mut pause) = (Instant::now(), Duration::from_millis(2));
    loop {
        let (writer, commit) = (who.clone(), made.clone());
        let begun = app
            .writing(&who.organization, move |engine, tx| {
                data_source_log::begin(engine, tx, &writer, &commit)
            })
            .await?;
        if !matches!(begun, BeginOutcome::RowBusy) || start.elapsed() > PATIENCE {
            return Ok(begun);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Calls the endpoint, again where nobody knows what became of it: it knows the commit by its id.
async fn called(
    origin: &SourceClient,
    request: &SourceRequest,
) -> Result<SourceCommitAnswer, CallError> {
    let mut pause = Duration::from_millis(50);
    for attempt in 1.. {
        // Each attempt is a message of its own for those that remember messages; the commit is the same.
        let id = format!("msg_{}", uuid::Uuid::new_v4().simple());
        match origin.ask(&id, request).await {
            Err(CallError::Unknown(_)) if attempt < ATTEMPTS => {}
            answer => return answer,
        }
        tokio::time::sleep(pause).await;
        pause *= 4;
    }
    Err(CallError::Unknown(String::new()))
}

fn sent(
    app: &App,
    origin: &SourceClient,
    who: &Identity,
    made: &Commit,
    operations: Vec<Operation>,
    known: &BTreeSet<usize>,
) -> SourceCommit {
    let each =
        made.changes.iter().zip(operations).enumerate().filter(|(at, _)| !known.contains(at));
    let operations: Vec<Operation> = each
        .map(|(_, (change, given))| {
            let verb = match change.kind {
                OperationKind::Create => Verb::Create,
                OperationKind::Update => Verb::Update,
                OperationKind::Delete => Verb::Delete,
                OperationKind::Archive(true) => Verb::Archive,
                OperationKind::Archive(false) => Verb::Unarchive,
            };
            // Sources know models by the author's name, and every row has an id by now.
            let mut operation = Operation::frame(
                verb,
                app.engine.models.get(change.model).key.clone(),
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
    let mut commit = SourceCommit::new(operations);
    commit.client_tx_id =
        Some(data_source_log::source_tx_id(&who.organization, &made.client_tx_id));
    let mut scope = origin.scope();
    scope.participant_id = Some(who.participant.clone());
    scope.participant_kind = Some(who.kind.clone());
    scope.required_sync_groups = Some(who.groups.iter().cloned().collect());
    commit.scope = Some(scope);
    commit
}

/// A refusal of a source as the client hears it: with its own code where the protocol knows that.
fn told(failure: &SourceFailure, status: u16) -> ApiError {
    let said = failure.error.as_str();
    let known = CODES.iter().find(|known| known.code == said).map(|known| known.code);
    let message =
        failure.message.clone().unwrap_or_else(|| format!("the data source refuses: {said}"));
    match known {
        Some(code) => ApiError::new(code, message),
        None => ApiError::new(
            "constraint_violation",
            format!("the data source refuses, {said}: {message}"),
        )
        .with_status(status),
    }
}
