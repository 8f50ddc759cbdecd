//! The list of approvers on a server: a table in a schema of its own, which belongs to another role
//! than the one that migrates.

use super::{Database, has_ledger, quoted};
use crate::codes::APPROVER_SAME_ROLE;
use crate::error::{Finding, Result};
use crate::ledger::{self, APPROVERS_MARK};
use crate::session::StoredApprovers;
use jiff::Timestamp;
use postgres::Transaction;
use postgres::types::{ToSql, Type};

/// The schema of the lists. The list for the tables of a schema has that schema's name.
const SCHEMA: &str = "ablo_approvers";

/// The table `$1` of the schema `$2`, joined with its schema.
const LIST: &str = "pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
    WHERE relname = $1 AND nspname = $2";

/// Whether a role can change the list: it owns the table or its schema, can become a role that
/// does, or has a privilege.
fn can_change(role: &str) -> String {
    format!(
        "(pg_has_role({role}, relowner, 'MEMBER') OR pg_has_role({role}, nspowner, 'MEMBER') \
         OR has_table_privilege({role}, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))"
    )
}

impl Database {
    pub(super) fn stored_approvers(&mut self) -> Result<StoredApprovers> {
        let (schema, list, ledger) = (self.schema.clone(), self.list_name(), self.ledger_name());
        self.reading(|reading| stored(reading, &schema, &list, &ledger))
    }

    /// Appends an entry and marks the ledger, in one transaction.
    pub(super) fn append_approver(&mut self, count: usize, entry: &str, mark: &str) -> Result<()> {
        self.client.batch_execute("BEGIN")?;
        let appended = self.try_append(count, entry, mark);
        self.client.batch_execute(if appended.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        appended
    }

    fn try_append(&mut self, count: usize, entry: &str, mark: &str) -> Result<()> {
        let (list, ledger) = (self.list_name(), self.ledger_name());
        if count == 0 {
            self.client.batch_execute(&format!(
                "CREATE SCHEMA IF NOT EXISTS {SCHEMA}; \
                 GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC; \
                 CREATE TABLE {list} (id bigint PRIMARY KEY, entry text NOT NULL); \
                 GRANT SELECT ON {list} TO PUBLIC"
            ))?;
        }
        let id = i64::try_from(count).unwrap_or(i64::MAX);
        let insert = format!("INSERT INTO {list} (id, entry) VALUES ($1, $2)");
        self.client.execute(&insert, &[&id, &entry])?;
        self.client
            .execute(&format!("DELETE FROM {ledger} WHERE record LIKE '{APPROVERS_MARK}%'"), &[])?;
        let insert = format!(
            "INSERT INTO {ledger} (to_hash, record, state, position) VALUES ('', $1, 'done', 0)"
        );
        self.client.execute(&insert, &[&mark])?;
        let migrates = format!(
            "(SELECT o.relowner FROM pg_class o JOIN pg_namespace s ON s.oid = o.relnamespace \
             WHERE o.relname = '{}' AND s.nspname = $1)",
            ledger::TABLE
        );
        let sql = format!("SELECT {} FROM {LIST}", can_change(&migrates));
        if self.client.query_one(&sql, &[&self.schema, &SCHEMA])?.try_get(0)? {
            let message = "the owner of the ledger, which migrates, can change the list";
            return Err(Finding::new(APPROVER_SAME_ROLE, message).into());
        }
        Ok(())
    }

    fn list_name(&self) -> String {
        format!("{SCHEMA}.{}", quoted(&self.schema))
    }
}

fn stored(
    reading: &mut Transaction<'_>,
    schema: &str,
    list: &str,
    ledger_name: &str,
) -> Result<StoredApprovers> {
    let is_writable = format!(
        "SELECT {} OR {} FROM {LIST}",
        can_change("current_user"),
        can_change("session_user")
    );
    let names: [(&(dyn ToSql + Sync), Type); 2] = [(&schema, Type::TEXT), (&SCHEMA, Type::TEXT)];
    let found = reading.query_typed_opt(&is_writable, &names)?;
    let mut entries = Vec::new();
    if found.is_some() {
        for row in reading.query_typed(&format!("SELECT entry FROM {list} ORDER BY id"), &[])? {
            entries.push(row.try_get(0)?);
        }
    }
    let mut mark = None;
    if has_ledger(reading, schema)? {
        let sql = format!(
            "SELECT record FROM {ledger_name} WHERE record LIKE '{APPROVERS_MARK}%' \
             ORDER BY id LIMIT 1"
        );
        let row = reading.query_typed_opt(&sql, &[])?;
        mark = row.map(|row| row.try_get::<_, String>(0)).transpose()?;
    }
    let place = "SELECT format('postgres/%s/%s', system_identifier, \
        (SELECT oid FROM pg_database WHERE datname = current_database())), \
        extract(epoch FROM clock_timestamp())::bigint FROM pg_control_system()";
    let row = reading.query_typed_one(place, &[])?;
    let (server, seconds): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(StoredApprovers {
        entries,
        head: mark.map(|mark| ledger::marked_head(&mark).unwrap_or_default()),
        place: format!("{server}/{schema}"),
        is_writable: found.map_or(Ok(false), |row| row.try_get(0))?,
        now: Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX),
    })
}
