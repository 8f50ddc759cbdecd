//! The sync log: one delta per change, in the order in which clients receive them.

use super::log_values;
use crate::error::{Result, StoreError};
use crate::identity::Identity;
use crate::store::{ListTemplate, Record, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

/// The action and the model of an entry before which rows were written without entries: a change of
/// visibility that concerns no group, which earlier releases skip.
pub(super) const RELOAD: (&str, &str) = ("G", "");

/// A delta to append.
#[derive(Debug)]
pub struct Entry<'e> {
    /// `I`, `U`, `D`, `A` or `V` for rows; `C`, `G` or `S` for changes of visibility.
    pub action: &'static str,
    /// The type name of the model.
    pub model: &'e str,
    /// The row.
    pub id: &'e str,
    /// The row after the change, as JSON.
    pub data: Option<String>,
    /// The previous values of the changed members, as JSON.
    pub previous: Option<String>,
    /// The groups that receive the delta.
    pub groups: &'e BTreeSet<String>,
    /// The groups before the change, if they differ. For a `C` or `S` of a row: the groups of that
    /// row.
    pub previous_groups: Option<&'e BTreeSet<String>>,
    /// The transaction id of the operation.
    pub transaction: Option<&'e str>,
    /// The turn that caused the change.
    pub caused_by: Option<&'e str>,
    /// The claim of the writer under which the row was written.
    pub claim: Option<&'e str>,
}

/// A delta.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// The sync id.
    pub id: u64,
    /// The action.
    pub action: String,
    /// The type name of the model.
    pub model: String,
    /// The row.
    pub row: String,
    /// The row after the change, as JSON.
    pub data: Option<String>,
    /// The groups that receive the delta.
    pub groups: BTreeSet<String>,
    /// The groups before the change, if they differ.
    pub previous_groups: Option<BTreeSet<String>>,
    /// The transaction id of the operation.
    pub transaction: Option<String>,
    /// When the delta was appended, in the stored date format.
    pub created_at: String,
    /// The kind of the participant that made the change.
    pub actor_kind: String,
    /// The participant that made the change.
    pub actor: String,
    /// The human on whose behalf it was made: kind and id.
    pub on_behalf_of: Option<(String, String)>,
    /// The credential.
    pub capability: Option<String>,
    /// The turn that caused the change.
    pub caused_by: Option<String>,
}

static APPEND: SqlTemplate = SqlTemplate::new(
    "INSERT INTO sync_deltas (action_type, model_name, model_id, data, previous_data, sync_groups, \
     previous_groups, organization_id, created_at, transaction_id, created_by, actor_id, \
     actor_kind, on_behalf_of_id, on_behalf_of_kind, capability_id, confirmation_state, \
     caused_by_task_id, intent_id, large_values, full_bytes) VALUES ({1}, {2}, {3}, {4:json}, \
     {5:json}, {6:texts}, {7:texts}, {8}, {9:date}, {10}, {11}, {11}, {12}, {13}, {14}, {15}, \
     'auto', {16}, {17}, {18:json}, {19})",
);
impl Delta {
    /// Returns whether rows were written without entries before this one.
    pub(crate) fn is_reload(&self) -> bool {
        (self.action.as_str(), self.model.as_str()) == RELOAD
    }

    /// Returns the approximate size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.as_ref().map_or(0, String::len)
    }
}

static HEAD: SqlTemplate = SqlTemplate::new(
    "SELECT coalesce(max(id), 0) AS head FROM sync_deltas WHERE organization_id = {1}",
);
/// A page ends before the delta that would exceed `{4}` bytes of data, but has at least one delta.
static SINCE: SqlTemplate = SqlTemplate::new(
    "SELECT id, action_type, model_name, model_id, {data:json}, {large_values:json}, \
     {sync_groups:texts}, {previous_groups:texts}, transaction_id, {created_at:date}, actor_kind, \
     actor_id, on_behalf_of_kind, on_behalf_of_id, capability_id, caused_by_task_id FROM \
     sync_deltas WHERE organization_id = {1} AND id > {2} AND id <= (SELECT max(id) FROM (SELECT \
     id, sum(size) OVER (ORDER BY id) - size AS size_before FROM (SELECT id, \
     coalesce(full_bytes, {data:bytes}, 0) AS size FROM sync_deltas WHERE organization_id = {1} \
     AND id > {2} ORDER BY id LIMIT {3}) AS page) AS pages WHERE size_before < CAST({4} AS \
     bigint)) ORDER BY id",
);
static ROWS_SINCE: ListTemplate = ListTemplate::new(
    "SELECT id, model_id, action_type, {previous_data:json}, actor_id, actor_kind, intent_id, \
     transaction_id, {created_at:date}, {sync_groups:texts}, {previous_groups:texts} FROM \
     sync_deltas WHERE organization_id = {1} AND \
     model_name = {2} AND model_id {3:in} AND id > {4} AND action_type NOT IN ('C', 'G', \
     'S') ORDER BY id",
);
static BY_TRANSACTION: SqlTemplate = SqlTemplate::new(
    "SELECT id FROM sync_deltas WHERE organization_id = {1} AND transaction_id = {2} LIMIT 1",
);
static LAST_OF_ROW: SqlTemplate = SqlTemplate::new(
    "SELECT id, actor_id, actor_kind FROM sync_deltas WHERE organization_id = {1} AND model_name = \
     {2} AND model_id = {3} AND action_type NOT IN ('C', 'G', 'S') ORDER BY id DESC LIMIT 1",
);
static COUNT_WRITES: SqlTemplate = SqlTemplate::new(
    "SELECT count(*) AS writes FROM sync_deltas WHERE organization_id = {1} AND model_name = {2} \
     AND model_id = {3} AND actor_id = {4} AND actor_kind = {5} AND created_at >= {6:date} AND \
     (intent_id = {7} OR intent_id IS NULL) AND action_type NOT IN ('C', 'G', 'S')",
);

/// Appends a delta and returns its sync id.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn append(tx: &mut Tx<'_>, who: &Identity, entry: Entry<'_>) -> Result<u64, StoreError> {
    let (behalf, behalf_kind) = match (&who.on_behalf_of, who.kind.as_str()) {
        (Some(human), _) => (Cell::from(human.as_str()), Cell::from("user")),
        (None, "user") => (Cell::from(who.participant.as_str()), Cell::from("user")),
        (None, _) => (Cell::Null, Cell::Null),
    };
    let large = entry.data.as_deref().and_then(|data| {
        Some((data.len() as u64, log_values::split(data, entry.previous.as_deref())?))
    });
    let data = large.as_ref().map(|(_, large)| large.data.clone()).or(entry.data);
    let hashes = large.as_ref().map(|(_, large)| large.hashes());
    let full_bytes = large.as_ref().map(|(size, _)| *size);
    let id = tx.insert(
        &APPEND,
        &[
            entry.action.into(),
            entry.model.into(),
            entry.id.into(),
            data.into(),
            entry.previous.into(),
            json_array(entry.groups).into(),
            entry.previous_groups.map(json_array).into(),
            who.organization.as_str().into(),
            stored_date(tx.now()).into(),
            entry.transaction.into(),
            who.participant.as_str().into(),
            who.kind.as_str().into(),
            behalf,
            behalf_kind,
            who.capability.as_str().into(),
            entry.caused_by.into(),
            entry.claim.into(),
            hashes.into(),
            full_bytes.map_or(Cell::Null, Cell::from),
        ],
    )?;
    if let Some((_, large)) = large {
        large.store(tx, &who.organization, id)?;
    }
    Ok(id)
}

/// Returns the newest sync id of an organisation.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn head(tx: &mut Tx<'_>, organization: &str) -> Result<u64, StoreError> {
    let head = tx.first(&HEAD, &[organization.into()], |mut record| record.number("head"))?;
    Ok(head.unwrap_or_default())
}

/// Size of row data, in bytes, after which a read stops; the last delta may exceed it.
pub const MAX_PAGE_BYTES: usize = 4 << 20;
const MAX_PAGE: u64 = MAX_PAGE_BYTES as u64;

/// Returns whether a result of [`since`] reached one of its limits.
#[must_use]
pub fn is_full(found: &[Delta], limit: usize) -> bool {
    found.len() == limit || found.iter().map(Delta::size).sum::<usize>() >= MAX_PAGE_BYTES
}

/// Returns the deltas after a sync id, at most `limit` and about [`MAX_PAGE_BYTES`].
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn since(
    tx: &mut Tx<'_>,
    organization: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Delta>, StoreError> {
    let values = [organization.into(), after.into(), (limit as u64).into(), MAX_PAGE.into()];
    let found = tx.all(&SINCE, &values, delta)?;
    let hashes: BTreeSet<&str> =
        found.iter().flat_map(|(_, large)| large.values()).map(String::as_str).collect();
    let hashes: Vec<&str> = hashes.into_iter().collect();
    let values = match hashes.is_empty() {
        true => BTreeMap::new(),
        false => log_values::find_all(tx, organization, &hashes)?,
    };
    found
        .into_iter()
        .map(|(mut delta, large)| {
            if let Some(data) = delta.data.as_mut().filter(|_| !large.is_empty()) {
                *data = log_values::join(data, &large, &values)?;
            }
            Ok(delta)
        })
        .collect()
}

/// A change of a row in the sync log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// The sync id.
    pub id: u64,
    /// The row.
    pub row: String,
    /// Whether the change created the row.
    pub is_create: bool,
    /// The changed members; `None` means all.
    pub members: Option<BTreeSet<String>>,
    /// The id of the participant that made the change.
    pub actor: String,
    /// The kind of that participant.
    pub actor_kind: String,
    /// The claim under which it was made.
    pub claim: Option<String>,
    /// The transaction id of the operation.
    pub transaction: Option<String>,
    /// When it was made, in the stored date format.
    pub created_at: String,
    /// The groups of the row before and after the change.
    pub groups: BTreeSet<String>,
}

/// Returns whether an action changes members of a row that stays live.
pub(crate) fn is_update(action: &str) -> bool {
    matches!(action, "U" | "V")
}

/// Returns the changes of rows of a model after a sync id, in their order.
///
/// # Errors
///
/// Returns an error if the statement fails.
pub fn changes_since(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    rows: &[&str],
    after: u64,
) -> Result<Vec<RowChange>, StoreError> {
    let (statement, rows) = ROWS_SINCE.of(rows);
    let values = [organization.into(), model.into(), rows, after.into()];
    tx.all(statement, &values, |mut record| {
        let action = record.text("action_type")?;
        let previous: Option<BTreeMap<String, IgnoredAny>> =
            if is_update(&action) { record.optional_json("previous_data")? } else { None };
        let mut groups: BTreeSet<String> = record.optional_json("sync_groups")?.unwrap_or_default();
        let before: Option<BTreeSet<String>> = record.optional_json("previous_groups")?;
        groups.extend(before.into_iter().flatten());
        Ok(RowChange {
            id: record.number("id")?,
            row: record.text("model_id")?,
            is_create: action == "I",
            members: previous.map(|members| members.into_keys().collect()),
            actor: record.optional_text("actor_id")?.unwrap_or_default(),
            actor_kind: record.optional_text("actor_kind")?.unwrap_or_default(),
            claim: record.optional_text("intent_id")?,
            transaction: record.optional_text("transaction_id")?,
            created_at: record.text("created_at")?,
            groups,
        })
    })
}

/// Returns whether the log has a delta with a transaction id, of any participant.
///
/// # Errors
///
/// Returns an error if the statement fails.
pub fn has_transaction(
    tx: &mut Tx<'_>,
    organization: &str,
    transaction: &str,
) -> Result<bool, StoreError> {
    let values = [organization.into(), transaction.into()];
    Ok(tx.first(&BY_TRANSACTION, &values, |mut record| record.number("id"))?.is_some())
}

/// The last change of a row: its sync id and the participant that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// The sync id.
    pub id: u64,
    /// The id of the participant.
    pub actor: String,
    /// The kind of the participant.
    pub actor_kind: String,
}

/// Returns the last change of a row.
///
/// # Errors
///
/// Returns an error if the statement fails.
pub fn last_change(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<Option<LastChange>, StoreError> {
    tx.first(&LAST_OF_ROW, &[organization.into(), model.into(), row.into()], |mut record| {
        Ok(LastChange {
            id: record.number("id")?,
            actor: record.optional_text("actor_id")?.unwrap_or_default(),
            actor_kind: record.optional_text("actor_kind")?.unwrap_or_default(),
        })
    })
}

/// Returns whether a participant has written a row since a time in the stored date format, under a
/// claim or without any.
///
/// # Errors
///
/// Returns an error if the statement fails.
pub fn has_written(
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &str,
    row: &str,
    (claim, since): (&str, &str),
) -> Result<bool, StoreError> {
    let values = [
        who.organization.as_str().into(),
        model.into(),
        row.into(),
        who.participant.as_str().into(),
        who.kind.as_str().into(),
        since.into(),
        claim.into(),
    ];
    let writes = tx.first(&COUNT_WRITES, &values, |mut record| record.number("writes"))?;
    Ok(writes.unwrap_or_default() > 0)
}

/// Reads a delta, and the hashes of its values that are not in its row.
fn delta(mut record: Record) -> Result<(Delta, BTreeMap<String, String>), StoreError> {
    let kind = record.optional_text("on_behalf_of_kind")?;
    let large = record.optional_json("large_values")?.unwrap_or_default();
    let delta = Delta {
        id: record.number("id")?,
        action: record.text("action_type")?,
        model: record.text("model_name")?,
        row: record.text("model_id")?,
        data: record.optional_text("data")?,
        groups: record.optional_json("sync_groups")?.unwrap_or_default(),
        previous_groups: record.optional_json("previous_groups")?,
        transaction: record.optional_text("transaction_id")?,
        created_at: record.text("created_at")?,
        // Old rows have no actor.
        actor_kind: record.optional_text("actor_kind")?.unwrap_or_default(),
        actor: record.optional_text("actor_id")?.unwrap_or_default(),
        on_behalf_of: kind.zip(record.optional_text("on_behalf_of_id")?),
        capability: record.optional_text("capability_id")?,
        caused_by: record.optional_text("caused_by_task_id")?,
    };
    Ok((delta, large))
}

/// Formats strings as a JSON array.
pub(crate) fn json_array(texts: &BTreeSet<String>) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}
