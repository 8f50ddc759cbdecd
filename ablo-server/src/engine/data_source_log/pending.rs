//! Commits that are sent to a data source and that its outbox has not completely reported.

pub(super) use crate::store::tables::source_commits::{PendingCommit, Writer};

use super::ANSWER_TIMEOUT;
use crate::error::Result;
use crate::models::Model;
use crate::store::Tx;
use crate::store::tables::source_commits as table;
use crate::value::stored_date;
use jiff::SignedDuration;

/// Returns all commits that are not completely reported.
pub(super) fn pending_commits(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<PendingCommit>> {
    Ok(table::all(tx, organization)?)
}

/// Returns a commit, and all commits that wait for a response.
pub(super) fn in_flight(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
) -> Result<Vec<PendingCommit>> {
    let late = time_before(tx, ANSWER_TIMEOUT);
    Ok(table::in_flight(tx, organization, id, &late)?)
}

/// Returns the time before now in the stored date format.
pub(super) fn time_before(tx: &Tx<'_>, span: SignedDuration) -> String {
    stored_date(tx.now().checked_sub(span).unwrap_or(jiff::Timestamp::MIN))
}

/// Returns the key of a row within its organisation.
pub(super) fn row_key(model: &Model, id: &str) -> String {
    format!("{}/{id}", model.key)
}
