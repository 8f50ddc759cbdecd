//! Triggers that record changes of rows by other programs, so that the coordinator can write them
//! to the sync log. PostgreSQL only: a trigger of SQLite cannot know which program writes.
//!
//! A change is recorded with the row as it was, in the transaction of the change. The coordinator's
//! own sessions have a setting by which the triggers know them; what triggers and cascades of the
//! application do in them is recorded. If row security hides rows from the table's owner, TRUNCATE
//! fails instead of losing changes.

use super::sql_template::{quoted, quoted_text};
use super::{SqlTemplate, Tx};
use crate::error::StoreError;
use crate::models::{Column, MAX_PARENT_DEPTH, Model, Models, Tenancy};
use std::collections::BTreeSet;

/// The statement that marks a session of the coordinator.
#[cfg(feature = "postgres")]
pub(super) const MARK: &str = "SET ablo.writer = 'coordinator'";

static INSTALLED: SqlTemplate = SqlTemplate::new(
    "SELECT c.relname::text AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE \
     t.tgname = 'ablo_capture_write' AND t.tgenabled IN ('O', 'A') AND c.relnamespace = \
     to_regnamespace(quote_ident(current_schema()))::oid",
);

/// Returns the tables that have the triggers.
pub(crate) fn installed(tx: &mut Tx<'_>) -> Result<BTreeSet<String>, StoreError> {
    Ok(tx.all(&INSTALLED, &[], |mut record| record.text("name"))?.into_iter().collect())
}

/// Runs statements of this module.
pub(crate) fn run(tx: &mut Tx<'_>, statements: &[String]) -> Result<(), StoreError> {
    statements.iter().try_for_each(|statement| tx.execute(statement, &[]).map(drop))
}

/// Returns the statements that create the triggers, or replace them.
pub(crate) fn install(models: &Models, schema: &str) -> Vec<String> {
    models.iter().flat_map(|model| Capture { models, model, schema }.install()).collect()
}

/// Returns the statements that drop the triggers.
pub(crate) fn remove(models: &Models, schema: &str) -> Vec<String> {
    models.iter().flat_map(|model| Capture { models, model, schema }.remove()).collect()
}

/// The triggers of one table.
struct Capture<'c> {
    models: &'c Models,
    model: &'c Model,
    schema: &'c str,
}

impl Capture<'_> {
    fn install(&self) -> [String; 4] {
        let (schema, table) = (quoted(self.schema), self.table(&self.model.table));
        let (write, truncate) = self.functions();
        let key = quoted_text(&self.model.key);
        let id = quoted(self.model.columns.first().map_or("id", |id| &id.name));
        let owner = |row: &str| self.owner(self.model, row, MAX_PARENT_DEPTH);
        let (old_owner, new_owner) = (owner("OLD"), owner("NEW"));
        let target = format!("{schema}.ablo_captured (model, row_id, organization_id, old_row)");
        let own = "current_setting('ablo.writer', true) = 'coordinator'";
        // SECURITY DEFINER: a role that writes rows needs no privilege on the table of changes.
        let header = "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = \
            pg_catalog, pg_temp";
        [
            format!(
                "CREATE OR REPLACE FUNCTION {write}() {header} AS $ablo$
BEGIN
  IF ({own} AND pg_trigger_depth() = 1) OR (TG_OP = 'UPDATE' AND OLD *= NEW) THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO {target} VALUES ({key}, OLD.{id}::text, {old_owner}, to_jsonb(OLD));
  END IF;
  IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD.{id} IS DISTINCT FROM NEW.{id}
      OR {old_owner} IS DISTINCT FROM {new_owner}) THEN
    INSERT INTO {target} VALUES ({key}, NEW.{id}::text, {new_owner}, NULL);
  END IF;
  RETURN NULL;
END $ablo$"
            ),
            format!(
                "CREATE OR REPLACE FUNCTION {truncate}() {header} SET row_security = off AS $ablo$
BEGIN
  IF NOT coalesce({own}, false) THEN
    INSERT INTO {target}
      SELECT {key}, old.{id}::text, {}, to_jsonb(old) FROM {table} AS old;
  END IF;
  RETURN NULL;
END $ablo$",
                owner("old")
            ),
            format!(
                "CREATE OR REPLACE TRIGGER ablo_capture_write AFTER INSERT OR UPDATE OR DELETE ON \
                 {table} FOR EACH ROW EXECUTE FUNCTION {write}()"
            ),
            format!(
                "CREATE OR REPLACE TRIGGER ablo_capture_truncate BEFORE TRUNCATE ON {table} FOR \
                 EACH STATEMENT EXECUTE FUNCTION {truncate}()"
            ),
        ]
    }

    fn remove(&self) -> [String; 4] {
        let table = self.table(&self.model.table);
        let (write, truncate) = self.functions();
        [
            format!("DROP TRIGGER IF EXISTS ablo_capture_write ON {table}"),
            format!("DROP TRIGGER IF EXISTS ablo_capture_truncate ON {table}"),
            format!("DROP FUNCTION IF EXISTS {write}()"),
            format!("DROP FUNCTION IF EXISTS {truncate}()"),
        ]
    }

    /// Returns the functions of the triggers. Their names contain a hash of the table, whose own
    /// name may be as long as a name can be.
    fn functions(&self) -> (String, String) {
        let hash = blake3::hash(self.model.table.as_bytes()).to_hex();
        let name = |what: &str| self.table(&format!("ablo_capture_{what}_{}", &hash[..16]));
        (name("write"), name("truncate"))
    }

    fn table(&self, name: &str) -> String {
        format!("{}.{}", quoted(self.schema), quoted(name))
    }

    /// Returns the expression for the organisation of a row, or NULL if it is not known.
    fn owner(&self, model: &Model, row: &str, depth: usize) -> String {
        let unknown = || "NULL::text".to_owned();
        let name = |model: &Model, at: usize| model.columns.get(at).and_then(stored).map(quoted);
        match &model.tenancy {
            _ if depth == 0 => unknown(),
            Tenancy::Shared | Tenancy::Unresolved => unknown(),
            Tenancy::Column(at) => {
                name(model, *at).map_or_else(unknown, |column| format!("{row}.{column}::text"))
            }
            Tenancy::Parent { local_key, parent, key } => {
                let parent = self.models.get(*parent);
                let (Some(local), Some(key)) = (name(model, *local_key), name(parent, *key)) else {
                    return unknown();
                };
                let alias = format!("parent_{depth}");
                format!(
                    "(SELECT {} FROM {} AS {alias} WHERE {alias}.{key} = {row}.{local})",
                    self.owner(parent, &alias, depth - 1),
                    self.table(&parent.table)
                )
            }
            Tenancy::ExternalParent { local_key, table, key, owner } => {
                let Some(local) = name(model, *local_key) else { return unknown() };
                format!(
                    "(SELECT parent.{}::text FROM {} AS parent WHERE parent.{} = {row}.{local})",
                    quoted(owner),
                    self.table(table),
                    quoted(key)
                )
            }
        }
    }
}

/// Returns the name of a column that the table has.
fn stored(column: &Column) -> Option<&str> {
    column.is_stored().then_some(column.name.as_str())
}
