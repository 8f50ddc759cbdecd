//! The sync log: one delta per change, in the order in which clients receive them.

use crate::error::{Result, StoreError};
use crate::identity::Identity;
use crate::store::{Dialect, Row, SqlTemplate, Tx};
use crate::value::{Cell, push_json_string, shown_date, stored_date};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A delta to append.
#[derive(Debug)]
pub struct Entry<'e> {
    /// `I`, `U`, `D` or `A` for rows; `C`, `G` or `S` for changes of visibility.
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
     caused_by_task_id) VALUES ({1}, {2}, {3}, {4:json}, {5:json}, {6:texts}, {7:texts}, {8}, \
     {9:date}, {10}, {11}, {11}, {12}, {13}, {14}, {15}, 'auto', {16}) RETURNING id",
);
const COLUMNS: &str = "id, action_type, model_name, model_id, {data:json}, {sync_groups:texts}, \
{previous_groups:texts}, \
    transaction_id, {created_at:date}, actor_kind, actor_id, on_behalf_of_kind, on_behalf_of_id, \
    capability_id, \
    caused_by_task_id";

impl Delta {
    /// Returns the approximate size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.as_ref().map_or(0, String::len)
    }
}

static HEAD: SqlTemplate =
    SqlTemplate::new("SELECT coalesce(max(id), 0) FROM sync_deltas WHERE organization_id = {1}");
static ROW_SINCE: SqlTemplate = SqlTemplate::new(
    "SELECT id, action_type, {previous_data:json} FROM sync_deltas WHERE organization_id = {1} AND \
     model_name = {2} AND model_id = {3} AND id > {4} AND action_type NOT IN ('C', 'G', 'S') AND \
     NOT (actor_id = {5} AND actor_kind = {6}) ORDER BY id",
);
static BY_TRANSACTION: SqlTemplate = SqlTemplate::new(
    "SELECT id FROM sync_deltas WHERE organization_id = {1} AND transaction_id = {2}",
);
static LAST_OF_ROW: SqlTemplate = SqlTemplate::new(
    "SELECT id, actor_id, actor_kind FROM sync_deltas WHERE organization_id = {1} AND model_name = \
     {2} AND model_id = {3} AND action_type NOT IN ('C', 'G', 'S') ORDER BY id DESC LIMIT 1",
);

/// Appends a delta and returns its sync id.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn append(tx: &mut dyn Tx, who: &Identity, entry: Entry<'_>) -> Result<u64, StoreError> {
    let sql = APPEND.sql(tx.dialect());
    let (behalf, behalf_kind) = match (&who.on_behalf_of, who.kind.as_str()) {
        (Some(human), _) => (Cell::from(human.as_str()), Cell::from("user")),
        (None, "user") => (Cell::from(who.participant.as_str()), Cell::from("user")),
        (None, _) => (Cell::Null, Cell::Null),
    };
    let written = tx.query(
        sql,
        &[
            entry.action.into(),
            entry.model.into(),
            entry.id.into(),
            entry.data.into(),
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
        ],
    )?;
    cell_to_u64(written.first().and_then(|row| row.first()))
}

/// Returns the newest sync id of an organisation.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn head(tx: &mut dyn Tx, organization: &str) -> Result<u64, StoreError> {
    let found = tx.query(HEAD.sql(tx.dialect()), &[organization.into()])?;
    cell_to_u64(found.first().and_then(|row| row.first()))
}

/// Size of row data, in bytes, after which a read stops; the last delta may exceed it.
pub const MAX_PAGE_BYTES: usize = 4 << 20;

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
    tx: &mut dyn Tx,
    organization: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Delta>, StoreError> {
    static SINCE: std::sync::LazyLock<[String; 2]> = std::sync::LazyLock::new(|| {
        [
            (Dialect::Sqlite, "octet_length(data)"),
            (Dialect::Postgres, "octet_length(CAST(data AS TEXT))"),
        ]
        .map(|(dialect, size)| {
            dialect.render(&format!(
                "SELECT {COLUMNS} FROM sync_deltas WHERE organization_id = {{1}} AND id > {{2}} \
                 AND id <= (SELECT max(id) FROM (SELECT id, sum(size) OVER (ORDER BY id) - size AS \
                 size_before FROM (SELECT id, coalesce({size}, 0) AS size FROM sync_deltas WHERE \
                 organization_id = {{1}} AND id > {{2}} ORDER BY id LIMIT {{3}}) AS page) AS pages \
                 WHERE size_before < {MAX_PAGE_BYTES}) ORDER BY id"
            ))
        })
    });
    let sql = &SINCE[usize::from(tx.dialect() == Dialect::Postgres)];
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[organization.into(), u64_to_cell(after), limit.into()])?;
    rows.into_iter().map(delta).collect()
}

/// Another participant's change of a row: the sync id and the changed members; `None` means all.
pub type RowChange = (u64, Option<BTreeSet<String>>);

/// Returns the changes that other participants have made to a row after a sync id.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn changes_by_others(
    tx: &mut dyn Tx,
    who: &Identity,
    model: &str,
    row: &str,
    after: u64,
) -> Result<Vec<RowChange>, StoreError> {
    let values = [
        who.organization.as_str().into(),
        model.into(),
        row.into(),
        u64_to_cell(after),
        who.participant.as_str().into(),
        who.kind.as_str().into(),
    ];
    let found = tx.query(ROW_SINCE.sql(tx.dialect()), &values)?;
    let change = |mut row: Row| {
        let previous = row.pop().and_then(Cell::into_text);
        let updated = row.get(1).and_then(Cell::text) == Some("U");
        let members = previous.filter(|_| updated).and_then(|text| {
            let members: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&text).ok()?;
            Some(members.into_iter().map(|(name, _)| name).collect())
        });
        Ok((cell_to_u64(row.first())?, members))
    };
    found.into_iter().map(change).collect()
}

/// Returns the sync id of the delta with a transaction id, if the operation was applied before.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn find_transaction(
    tx: &mut dyn Tx,
    organization: &str,
    transaction: &str,
) -> Result<Option<u64>, StoreError> {
    let found =
        tx.query(BY_TRANSACTION.sql(tx.dialect()), &[organization.into(), transaction.into()])?;
    found.first().map(|row| cell_to_u64(row.first())).transpose()
}

/// Returns the sync id of a row's last change, and whether this participant made it.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn last_row_change(
    tx: &mut dyn Tx,
    who: &Identity,
    model: &str,
    row: &str,
) -> Result<Option<(u64, bool)>, StoreError> {
    let found = tx.query(
        LAST_OF_ROW.sql(tx.dialect()),
        &[who.organization.as_str().into(), model.into(), row.into()],
    )?;
    let Some(row) = found.first() else { return Ok(None) };
    let text = |at: usize| row.get(at).and_then(Cell::text).unwrap_or_default();
    Ok(Some((cell_to_u64(row.first())?, who.is(text(2), text(1)))))
}

fn delta(row: Row) -> Result<Delta, StoreError> {
    let mut cells = row.into_iter();
    let id = cell_to_u64(cells.next().as_ref())?;
    let mut text = || cells.next().and_then(Cell::into_text);
    let (action, model, row) =
        (text().unwrap_or_default(), text().unwrap_or_default(), text().unwrap_or_default());
    let (data, groups, previous) = (text(), text(), text());
    let (transaction, created_at) = (text(), text().unwrap_or_default());
    let (actor_kind, actor) = (text().unwrap_or_default(), text().unwrap_or_default());
    let on_behalf_of = text().zip(text());
    let read = |groups: String| serde_json::from_str(&groups).unwrap_or_default();
    Ok(Delta {
        id,
        action,
        model,
        row,
        data,
        groups: groups.map(read).unwrap_or_default(),
        previous_groups: previous.map(read),
        transaction,
        created_at,
        actor_kind,
        actor,
        on_behalf_of,
        capability: text(),
        caused_by: text(),
    })
}

impl Delta {
    /// Writes the delta as frames carry it. `action` replaces the stored one where the receiver
    /// sees the change differently.
    pub fn write(&self, action: &str, with_data: bool, transaction: bool, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{{\"id\":{},\"actionType\":\"{action}\",\"modelName\":", self.id);
        push_json_string(&self.model, out);
        out.push_str(",\"modelId\":");
        push_json_string(&self.row, out);
        out.push_str(",\"data\":");
        out.push_str(self.data.as_deref().filter(|_| with_data).unwrap_or("null"));
        out.push_str(",\"syncGroups\":[");
        for (at, group) in self.groups.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            push_json_string(group, out);
        }
        out.push_str("],\"transactionId\":");
        write_optional(self.transaction.as_deref().filter(|_| transaction), out);
        out.push_str(",\"createdAt\":");
        push_json_string(shown_date(&self.created_at), out);
        let actor = (self.actor_kind.clone(), self.actor.clone());
        for (name, who) in [("actor", Some(&actor)), ("onBehalfOf", self.on_behalf_of.as_ref())] {
            let _ = write!(out, ",\"{name}\":");
            write_participant(who, out);
        }
        out.push_str(",\"capabilityId\":");
        write_optional(self.capability.as_deref(), out);
        out.push_str(",\"confirmationState\":\"auto\",\"causedByTaskId\":");
        write_optional(self.caused_by.as_deref(), out);
        out.push_str(",\"createdBy\":");
        write_participant(Some(&actor), out);
        out.push('}');
    }
}

fn write_participant(who: Option<&(String, String)>, out: &mut String) {
    let Some((kind, id)) = who else { return out.push_str("null") };
    out.push_str("{\"kind\":");
    push_json_string(kind, out);
    out.push_str(",\"id\":");
    push_json_string(id, out);
    out.push('}');
}

fn write_optional(text: Option<&str>, out: &mut String) {
    match text {
        Some(text) => push_json_string(text, out),
        None => out.push_str("null"),
    }
}

/// Formats strings as a JSON array.
pub(crate) fn json_array(texts: &BTreeSet<String>) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}

/// Converts an unsigned number to a parameter.
pub(crate) fn u64_to_cell(at: u64) -> Cell {
    Cell::Integer(i64::try_from(at).unwrap_or(i64::MAX))
}

/// Reads an unsigned number from a result.
pub(crate) fn cell_to_u64(cell: Option<&Cell>) -> Result<u64, StoreError> {
    let number = cell.and_then(Cell::integer).and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| StoreError::Fault(format!("expected a number, got {cell:?}")))
}
