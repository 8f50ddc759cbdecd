//! Triggers that record every write to an application's tables in the outbox, in the same
//! transaction.
//!
//! An event holds only the row's id; values are read together with the event, so that a table's
//! columns can change without its trigger. The adapter appends its own events and deletes those
//! that the triggers captured for the same rows. If row security hides rows from the table's
//! owner, TRUNCATE fails instead of losing events.

use crate::error::StoreError;
use crate::models::{ColumnRole, Model, Models};
use crate::store::sql_template::{quoted, quoted_text};
use crate::store::{Dialect, Tx};

/// Returns all triggers as one SQL script.
pub(crate) fn script(models: &Models, dialect: Dialect, schema: &str) -> String {
    let statements = statements(models, dialect, schema);
    statements.iter().fold(String::new(), |out, statement| out + statement + ";\n")
}

/// Creates all triggers, or replaces them.
pub(crate) fn install(tx: &mut Tx<'_>, models: &Models, schema: &str) -> Result<(), StoreError> {
    for statement in statements(models, tx.dialect(), schema) {
        tx.execute(&statement, &[])?;
    }
    Ok(())
}

fn statements(models: &Models, dialect: Dialect, schema: &str) -> Vec<String> {
    match dialect {
        Dialect::Postgres => postgres(models, schema),
        Dialect::Sqlite => models.iter().flat_map(sqlite).collect(),
    }
}

/// Returns the organisation column, if the table has one.
fn owner(model: &Model) -> Option<&str> {
    let column = model.columns.get(model.column_with_role(ColumnRole::Organization)?)?;
    column.is_stored().then_some(column.name.as_str())
}

fn id(model: &Model) -> &str {
    model.columns.first().map_or("id", |column| &column.name)
}

fn postgres(models: &Models, schema: &str) -> Vec<String> {
    let schema = quoted(schema);
    // SECURITY DEFINER: a role that writes rows needs no privilege on the outbox.
    let mut statements = vec![
        format!(
            "CREATE OR REPLACE FUNCTION {schema}.ablo_capture() RETURNS trigger \
         LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $ablo$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  moved boolean := old_row ->> TG_ARGV[1] IS DISTINCT FROM new_row ->> TG_ARGV[1]
    OR old_row ->> TG_ARGV[2] IS DISTINCT FROM new_row ->> TG_ARGV[2];
BEGIN
  IF old_row IS NOT DISTINCT FROM new_row THEN
    RETURN NULL;
  END IF;
  INSERT INTO {schema}.ablo_outbox (id, model, entity_id, type, organization_id, occurred_at)
    SELECT gen_random_uuid()::text, TG_ARGV[0], data ->> TG_ARGV[1], verb, data ->> TG_ARGV[2],
      (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    FROM (VALUES
      (1, old_row, 'DELETE', moved AND old_row IS NOT NULL),
      (2, new_row, CASE WHEN moved THEN 'CREATE' ELSE 'UPDATE' END, new_row IS NOT NULL)
    ) AS events (ordinal, data, verb, relevant) WHERE relevant ORDER BY ordinal;
  RETURN NULL;
END $ablo$"
        ),
        format!(
            "CREATE OR REPLACE FUNCTION {schema}.ablo_capture_truncate() RETURNS trigger \
         LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp \
         SET row_security = off AS $ablo$
BEGIN
  EXECUTE format(
    'INSERT INTO {escaped}.ablo_outbox (id, model, entity_id, type, organization_id, occurred_at)
       SELECT gen_random_uuid()::text, %L, to_jsonb(t) ->> %L, ''DELETE'', to_jsonb(t) ->> %L,
         (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM %I.%I AS t',
    TG_ARGV[0], TG_ARGV[1], TG_ARGV[2], TG_TABLE_SCHEMA, TG_TABLE_NAME);
  RETURN NULL;
END $ablo$",
            escaped = schema.replace('\'', "''").replace('%', "%%")
        ),
    ];
    for model in models.iter() {
        let table = format!("{schema}.{}", quoted(&model.table));
        let arguments = [
            quoted_text(&model.key),
            quoted_text(id(model)),
            quoted_text(owner(model).unwrap_or_default()),
        ]
        .join(", ");
        statements.push(format!(
            "CREATE OR REPLACE TRIGGER ablo_capture AFTER INSERT OR UPDATE OR DELETE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION {schema}.ablo_capture({arguments})"
        ));
        statements.push(format!(
            "CREATE OR REPLACE TRIGGER ablo_capture_truncate BEFORE TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION {schema}.ablo_capture_truncate({arguments})"
        ));
    }
    statements
}

fn sqlite(model: &Model) -> Vec<String> {
    let (table, key, id) = (quoted(&model.table), quoted_text(&model.key), quoted(id(model)));
    let append = |row: &str, verb: &str, condition: &str| {
        let organization =
            owner(model).map_or("NULL".to_owned(), |owner| format!("{row}.{}", quoted(owner)));
        format!(
            "INSERT INTO ablo_outbox (id, model, entity_id, type, organization_id, occurred_at) \
             SELECT lower(hex(randomblob(16))), {key}, {row}.{id}, '{verb}', {organization}, \
             CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER){condition};"
        )
    };
    let moved = match owner(model).map(quoted) {
        Some(owner) => format!("(OLD.{id} IS NOT NEW.{id} OR OLD.{owner} IS NOT NEW.{owner})"),
        None => format!("OLD.{id} IS NOT NEW.{id}"),
    };
    let updated = [
        append("OLD", "DELETE", &format!(" WHERE {moved}")),
        append("NEW", "CREATE", &format!(" WHERE {moved}")),
        append("NEW", "UPDATE", &format!(" WHERE NOT {moved}")),
    ];
    let trigger = |what: &str, body: &str| {
        let name = quoted(&format!("ablo_capture_{}_{}", what.to_lowercase(), model.table));
        format!("CREATE TRIGGER IF NOT EXISTS {name} AFTER {what} ON {table} BEGIN {body} END")
    };
    vec![
        trigger("INSERT", &append("NEW", "CREATE", "")),
        trigger("UPDATE", &updated.concat()),
        trigger("DELETE", &append("OLD", "DELETE", "")),
    ]
}
