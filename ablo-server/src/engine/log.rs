//! The log: one entry for each change, in the order in which everyone hears of it.

use crate::error::{Result, StoreError};
use crate::identity::Identity;
use crate::store::{Dialect, Row, SqlTemplate, Tx};
use crate::value::{Cell, shown_date, stored_date, string};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A change to be written down.
#[derive(Debug)]
pub struct Entry<'e> {
    /// `I`, `U`, `D`, `A`; `C`, `G` or `S`, which are about what is seen, and change no row.
    pub action: &'static str,
    /// The type name of the model.
    pub model: &'e str,
    /// The row.
    pub id: &'e str,
    /// The row after the change.
    pub data: Option<String>,
    /// What the members that changed held before.
    pub previous: Option<String>,
    /// Who is told.
    pub groups: &'e BTreeSet<String>,
    /// Who was told before, where that is not who is told now; of a `C` or `S` that is about a row, who sees that.
    pub previous_groups: Option<&'e BTreeSet<String>>,
    /// The operation behind it.
    pub transaction: Option<&'e str>,
    /// The turn that caused it.
    pub caused_by: Option<&'e str>,
}

/// A change as it is delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// Its place in the log.
    pub id: u64,
    /// What happened.
    pub action: String,
    /// The type name of the model.
    pub model: String,
    /// The row.
    pub row: String,
    /// The row after the change, as JSON.
    pub data: Option<String>,
    /// Who is told.
    pub groups: BTreeSet<String>,
    /// Who was told before, where that is not who is told now.
    pub previous_groups: Option<BTreeSet<String>>,
    /// The operation behind it.
    pub transaction: Option<String>,
    /// When, in the form in which databases hold dates.
    pub created_at: String,
    /// The kind of who did it.
    pub actor_kind: String,
    /// Who did it.
    pub actor: String,
    /// For whom: kind and id.
    pub on_behalf_of: Option<(String, String)>,
    /// The credential.
    pub capability: Option<String>,
    /// The turn that caused it.
    pub caused_by: Option<String>,
}

static APPEND: SqlTemplate = SqlTemplate::new(
    "INSERT INTO sync_deltas (action_type, model_name, model_id, data, previous_data, sync_groups, previous_groups, \
     organization_id, created_at, transaction_id, created_by, actor_id, actor_kind, on_behalf_of_id, on_behalf_of_kind, \
     capability_id, confirmation_state, caused_by_task_id) VALUES ({1}, {2}, {3}, {4:json}, {5:json}, {6:texts}, \
     {7:texts}, {8}, {9:date}, {10}, {11}, {11}, {12}, {13}, {14}, {15}, 'auto', {16}) RETURNING id",
);
const COLUMNS: &str = "id, action_type, model_name, model_id, {data:json}, {sync_groups:texts}, {previous_groups:texts}, \
    transaction_id, {created_at:date}, actor_kind, actor_id, on_behalf_of_kind, on_behalf_of_id, capability_id, \
    caused_by_task_id";

impl Delta {
    /// Bytes that it takes, but for a few.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.as_ref().map_or(0, String::len)
    }
}

static HEAD: SqlTemplate =
    SqlTemplate::new("SELECT coalesce(max(id), 0) FROM sync_deltas WHERE organization_id = {1}");
static ROW_SINCE: SqlTemplate = SqlTemplate::new(
    "SELECT id, action_type, {previous_data:json} FROM sync_deltas WHERE organization_id = {1} AND model_name = {2} \
     AND model_id = {3} AND id > {4} AND action_type NOT IN ('C', 'G', 'S') AND NOT (actor_id = {5} AND actor_kind = {6}) \
     ORDER BY id",
);
static BY_TRANSACTION: SqlTemplate = SqlTemplate::new(
    "SELECT id FROM sync_deltas WHERE organization_id = {1} AND transaction_id = {2}",
);
static LAST_OF_ROW: SqlTemplate = SqlTemplate::new(
    "SELECT id, actor_id, actor_kind FROM sync_deltas WHERE organization_id = {1} AND model_name = {2} AND model_id = {3} \
     AND action_type NOT IN ('C', 'G', 'S') ORDER BY id DESC LIMIT 1",
);

/// Writes a change down and gives its place.
///
/// # Errors
/// What the database said.
pub fn append(tx: &mut dyn Tx, who: &Identity, entry: Entry<'_>) -> Result<u64, StoreError> {
    let sql = APPEND.of(tx.dialect());
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
            texts(entry.groups).into(),
            entry.previous_groups.map(texts).into(),
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
    number(written.first().and_then(|row| row.first()))
}

/// The end of an organisation's log.
///
/// # Errors
/// What the database said.
pub fn head(tx: &mut dyn Tx, organization: &str) -> Result<u64, StoreError> {
    let found = tx.query(HEAD.of(tx.dialect()), &[organization.into()])?;
    number(found.first().and_then(|row| row.first()))
}

/// Bytes of rows up to which changes are read in one go; the one that goes beyond it is the last.
pub const PAGE: usize = 4 << 20;

/// Whether there may be changes behind those that [`since`] gave.
#[must_use]
pub fn is_full(found: &[Delta], limit: usize) -> bool {
    found.len() == limit || found.iter().map(Delta::size).sum::<usize>() >= PAGE
}

/// The changes after a place, in order, at most `limit` and about [`PAGE`].
///
/// # Errors
/// What the database said.
pub fn since(
    tx: &mut dyn Tx,
    organization: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Delta>, StoreError> {
    static SINCE: std::sync::LazyLock<[String; 2]> = std::sync::LazyLock::new(|| {
        [(Dialect::Sqlite, "octet_length(data)"), (Dialect::Postgres, "octet_length(CAST(data AS TEXT))")].map(
            |(dialect, size)| {
                dialect.spell(&format!(
                    "SELECT {COLUMNS} FROM sync_deltas WHERE organization_id = {{1}} AND id > {{2}} AND id <= (\
                 SELECT max(id) FROM (SELECT id, sum(size) OVER (ORDER BY id) - size AS size_before FROM (\
                 SELECT id, coalesce({size}, 0) AS size FROM sync_deltas WHERE organization_id = {{1}} AND id > {{2}} \
                 ORDER BY id LIMIT {{3}}) AS page) AS pages WHERE size_before < {PAGE}) ORDER BY id"
                ))
            },
        )
    });
    let sql = &SINCE[usize::from(tx.dialect() == Dialect::Postgres)];
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[organization.into(), place(after), limit.into()])?;
    rows.into_iter().map(delta).collect()
}

/// Another participant's change of a row: its place, and the members it changed. None is all of them.
pub type Foreign = (u64, Option<BTreeSet<String>>);

/// What others did to a row after a place.
///
/// # Errors
/// What the database said.
pub fn foreign_changes(
    tx: &mut dyn Tx,
    who: &Identity,
    model: &str,
    row: &str,
    after: u64,
) -> Result<Vec<Foreign>, StoreError> {
    let values = [
        who.organization.as_str().into(),
        model.into(),
        row.into(),
        place(after),
        who.participant.as_str().into(),
        who.kind.as_str().into(),
    ];
    let found = tx.query(ROW_SINCE.of(tx.dialect()), &values)?;
    let change = |mut row: Row| {
        let previous = row.pop().and_then(Cell::into_text);
        let updated = row.get(1).and_then(Cell::text) == Some("U");
        let members = previous.filter(|_| updated).and_then(|text| {
            let members: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&text).ok()?;
            Some(members.into_iter().map(|(name, _)| name).collect())
        });
        Ok((number(row.first())?, members))
    };
    found.into_iter().map(change).collect()
}

/// The place of the change that an operation made, if it was made already.
///
/// # Errors
/// What the database said.
pub fn of_transaction(
    tx: &mut dyn Tx,
    organization: &str,
    transaction: &str,
) -> Result<Option<u64>, StoreError> {
    let found =
        tx.query(BY_TRANSACTION.of(tx.dialect()), &[organization.into(), transaction.into()])?;
    found.first().map(|row| number(row.first())).transpose()
}

/// The place of a row's last change, and whether this participant made it.
///
/// # Errors
/// What the database said.
pub fn last_of_row(
    tx: &mut dyn Tx,
    who: &Identity,
    model: &str,
    row: &str,
) -> Result<Option<(u64, bool)>, StoreError> {
    let found = tx.query(
        LAST_OF_ROW.of(tx.dialect()),
        &[who.organization.as_str().into(), model.into(), row.into()],
    )?;
    let Some(row) = found.first() else { return Ok(None) };
    let text = |at: usize| row.get(at).and_then(Cell::text).unwrap_or_default();
    Ok(Some((number(row.first())?, who.is(text(2), text(1)))))
}

fn delta(row: Row) -> Result<Delta, StoreError> {
    let mut cells = row.into_iter();
    let id = number(cells.next().as_ref())?;
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
    /// The change as a frame carries it, with another action where the receiver sees it differently.
    pub fn write(&self, action: &str, with_data: bool, transaction: bool, out: &mut String) {
        // Writing into a string fails never.
        let _ = write!(out, "{{\"id\":{},\"actionType\":\"{action}\",\"modelName\":", self.id);
        string(&self.model, out);
        out.push_str(",\"modelId\":");
        string(&self.row, out);
        out.push_str(",\"data\":");
        out.push_str(self.data.as_deref().filter(|_| with_data).unwrap_or("null"));
        out.push_str(",\"syncGroups\":[");
        for (at, group) in self.groups.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            string(group, out);
        }
        out.push_str("],\"transactionId\":");
        option(self.transaction.as_deref().filter(|_| transaction), out);
        out.push_str(",\"createdAt\":");
        string(shown_date(&self.created_at), out);
        let actor = (self.actor_kind.clone(), self.actor.clone());
        for (name, who) in [("actor", Some(&actor)), ("onBehalfOf", self.on_behalf_of.as_ref())] {
            let _ = write!(out, ",\"{name}\":");
            participant(who, out);
        }
        out.push_str(",\"capabilityId\":");
        option(self.capability.as_deref(), out);
        out.push_str(",\"confirmationState\":\"auto\",\"causedByTaskId\":");
        option(self.caused_by.as_deref(), out);
        out.push_str(",\"createdBy\":");
        participant(Some(&actor), out);
        out.push('}');
    }
}

fn participant(who: Option<&(String, String)>, out: &mut String) {
    let Some((kind, id)) = who else { return out.push_str("null") };
    out.push_str("{\"kind\":");
    string(kind, out);
    out.push_str(",\"id\":");
    string(id, out);
    out.push('}');
}

fn option(text: Option<&str>, out: &mut String) {
    match text {
        Some(text) => string(text, out),
        None => out.push_str("null"),
    }
}

/// Texts as a JSON array.
pub(crate) fn texts(texts: &BTreeSet<String>) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}

/// A place in the log as a value.
pub(crate) fn place(at: u64) -> Cell {
    Cell::Integer(i64::try_from(at).unwrap_or(i64::MAX))
}

/// A whole number of an answer.
pub(crate) fn number(cell: Option<&Cell>) -> Result<u64, StoreError> {
    let number = cell.and_then(Cell::integer).and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| StoreError::Fault(format!("a number was expected, not {cell:?}")))
}
