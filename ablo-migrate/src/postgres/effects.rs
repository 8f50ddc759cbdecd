//! Compares the effects that statements state with the catalog.

use ablo_codegen::migrate::{Effect, IndexDefinition};
use postgres::types::{ToSql, Type};
use postgres::{Client, Row};

type Found<T> = Result<T, postgres::Error>;

/// The meaning that a name of an index has in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FoundIndex {
    /// Nothing has the name.
    Missing,
    /// The index is on the right table with the right definition, and queries can use it.
    Valid,
    /// The index is on the right table and cannot be used, as an interrupted build leaves it.
    Invalid,
    /// Something else has the name, which is described.
    Other(String),
}

const INDEX: &str = "
    SELECT coalesce(t.relname = $3 AND ($4::text[] IS NULL
        OR i.indpred IS NULL AND i.indexprs IS NULL AND i.indisunique = $5 AND a.amname = $6
        AND i.indnkeyatts = i.indnatts
        AND (SELECT array_agg(attname::text ORDER BY place)
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS listed (number, place)
               JOIN pg_catalog.pg_attribute ON attrelid = i.indrelid AND attnum = number) = $4
        AND (NOT $7 OR i.indcollation[i.indnkeyatts - 1] = 'pg_catalog.\"C\"'::regcollation)),
      false) AS ours,
      coalesce(i.indisvalid AND i.indisready AND i.indislive, true) AS valid,
      coalesce(pg_get_indexdef(i.indexrelid), format('the %s %I.%I',
        CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
          WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
          ELSE 'type' END, n.nspname, c.relname)) AS description
    FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
      LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
      LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
    WHERE n.nspname = $1 AND c.relname = $2";

const RELATION: &str = "
    SELECT relkind::text FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE nspname = $1 AND relname = $2";

const COLUMN: &str = "
    SELECT regexp_replace(format_type(atttypid, atttypmod), '^\"([a-z0-9_]+)\"(?!\\.)', '\\1'),
      attnotnull, atthasdef
    FROM pg_catalog.pg_attribute
      JOIN pg_catalog.pg_class c ON c.oid = attrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE nspname = $1 AND relname = $2 AND attname = $3 AND attnum > 0 AND NOT attisdropped";

const CONSTRAINT: &str = "
    SELECT convalidated FROM pg_catalog.pg_constraint
      JOIN pg_catalog.pg_class c ON c.oid = conrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE nspname = $1 AND relname = $2 AND conname = $3";

const ROW_SECURITY: &str = "
    SELECT relrowsecurity, relforcerowsecurity FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE nspname = $1 AND relname = $2";

const POLICY: &str = "
    SELECT true FROM pg_catalog.pg_policy
      JOIN pg_catalog.pg_class c ON c.oid = polrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE nspname = $1 AND relname = $2 AND polname = $3";

/// Runs a query on names, without a prepared statement.
fn row(client: &mut Client, sql: &str, names: &[&str]) -> Found<Option<Row>> {
    let typed: Vec<(&(dyn ToSql + Sync), Type)> =
        names.iter().map(|name| (name as &(dyn ToSql + Sync), Type::TEXT)).collect();
    client.query_typed_opt(sql, &typed)
}

/// Returns what an index name stands for.
pub(super) fn index(
    client: &mut Client,
    schema: &str,
    table: &str,
    name: &str,
    definition: Option<&IndexDefinition>,
) -> Found<FoundIndex> {
    let columns = definition.map(|definition| &definition.columns);
    let unique = definition.is_some_and(|definition| definition.unique);
    let by_bytes = definition.is_some_and(|definition| definition.by_bytes);
    let method = definition.map(|definition| definition.method.as_str());
    let found = client.query_typed_opt(
        INDEX,
        &[
            (&schema, Type::TEXT),
            (&name, Type::TEXT),
            (&table, Type::TEXT),
            (&columns, Type::TEXT_ARRAY),
            (&unique, Type::BOOL),
            (&method, Type::TEXT),
            (&by_bytes, Type::BOOL),
        ],
    )?;
    let Some(found) = found else { return Ok(FoundIndex::Missing) };
    Ok(match (found.try_get("ours")?, found.try_get("valid")?) {
        (true, true) => FoundIndex::Valid,
        (true, false) => FoundIndex::Invalid,
        (false, _) => FoundIndex::Other(found.try_get("description")?),
    })
}

/// Reports whether a schema of this name exists.
pub(super) fn has_schema(client: &mut Client, schema: &str) -> Found<bool> {
    let sql = "SELECT true FROM pg_catalog.pg_namespace WHERE nspname = $1";
    Ok(row(client, sql, &[schema])?.is_some())
}

/// Returns the kind of a relation (`r` is a table), if there is one of this name.
pub(super) fn relation(client: &mut Client, schema: &str, name: &str) -> Found<Option<String>> {
    row(client, RELATION, &[schema, name])?.map(|row| row.try_get(0)).transpose()
}

/// Returns what the catalog shows instead of an effect, or `None` if the effect is there.
pub(super) fn missing(client: &mut Client, schema: &str, effect: &Effect) -> Found<Option<String>> {
    let wrong = |is_wrong: bool, what: String| is_wrong.then_some(what);
    Ok(match effect {
        Effect::Table { name } | Effect::NoTable { name } => {
            let is_there = matches!(relation(client, schema, name)?.as_deref(), Some("r" | "p"));
            presence(is_there, effect, format!("the table `{name}`"))
        }
        Effect::Column { table, name, .. } | Effect::NoColumn { table, name } => {
            let found = row(client, COLUMN, &[schema, table, name])?;
            let described = format!("the column `{table}`.`{name}`");
            match (found, effect) {
                (Some(row), Effect::Column { type_name: Some(wanted), .. }) => {
                    let found: String = row.try_get(0)?;
                    // The schema of a type depends on the search path.
                    let unqualified = found.rsplit('.').next().unwrap_or_default();
                    wrong(
                        unqualified != *wanted && found != *wanted,
                        format!("{described} has the type {found}"),
                    )
                }
                (found, _) => presence(found.is_some(), effect, described),
            }
        }
        Effect::NotNull { table, name, holds } | Effect::Default { table, name, holds } => {
            let found = row(client, COLUMN, &[schema, table, name])?;
            let (at, what) = match effect {
                Effect::NotNull { .. } => (1, "NOT NULL"),
                _ => (2, "a default"),
            };
            let found = found.map(|row| row.try_get::<_, bool>(at)).transpose()?;
            let verb = if *holds { "is without" } else { "still has" };
            wrong(found != Some(*holds), format!("the column `{table}`.`{name}` {verb} {what}"))
        }
        Effect::Index { table, name, definition } => {
            match index(client, schema, table, name, definition.as_ref())? {
                FoundIndex::Valid => None,
                FoundIndex::Missing => Some(format!("the index `{name}` does not exist")),
                FoundIndex::Invalid => Some(format!("the index `{name}` is invalid")),
                FoundIndex::Other(found) => Some(format!("`{name}` is another object: {found}")),
            }
        }
        Effect::NoIndex { name, .. } => {
            let is_there = matches!(relation(client, schema, name)?.as_deref(), Some("i" | "I"));
            presence(is_there, effect, format!("the index `{name}`"))
        }
        Effect::Constraint { table, name, .. } | Effect::NoConstraint { table, name, .. } => {
            let found = row(client, CONSTRAINT, &[schema, table, name])?;
            let described = format!("the constraint `{name}` of `{table}`");
            match (found, effect) {
                (Some(row), Effect::Constraint { validated: true, .. }) => {
                    wrong(!row.try_get::<_, bool>(0)?, format!("{described} is not validated"))
                }
                (found, _) => presence(found.is_some(), effect, described),
            }
        }
        Effect::RowSecurity { table, holds } => {
            let found = row(client, ROW_SECURITY, &[schema, table])?;
            let both = |row: Row| -> Found<_> { Ok((row.try_get(0)?, row.try_get(1)?)) };
            let found: Option<(bool, bool)> = found.map(both).transpose()?;
            let state = if *holds { "on and forced" } else { "off" };
            let message = format!("row security of `{table}` is not {state}");
            wrong(found != Some((*holds, *holds)), message)
        }
        Effect::Policy { table, name } | Effect::NoPolicy { table, name } => {
            let is_there = row(client, POLICY, &[schema, table, name])?.is_some();
            presence(is_there, effect, format!("the policy `{name}` of `{table}`"))
        }
    })
}

fn presence(is_there: bool, effect: &Effect, what: String) -> Option<String> {
    match (is_there, effect.is_absence()) {
        (true, true) => Some(format!("{what} still exists")),
        (false, false) => Some(format!("{what} does not exist")),
        _ => None,
    }
}
