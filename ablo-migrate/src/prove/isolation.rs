//! Checks which rows each organisation sees in a migrated database, through an unprivileged role.

use super::without_row_security;
use crate::error::Result;
use crate::postgres::{Database, quoted};
use ablo_codegen::shape::{ColumnKind, Isolation, ParentOwner, TableShape};
use std::collections::BTreeMap;

/// Both organisations of the generated rows, and no organisation.
const ORGANIZATIONS: [&str; 3] = ["org-0", "org-1", ""];

/// Returns a description of every table in which an organisation sees other rows than its own.
pub(super) fn leaks(
    database: &mut Database,
    schema: &str,
    tables: &[TableShape<'_>],
    role: &str,
) -> Result<Vec<String>> {
    let (home, role) = (quoted(schema), quoted(role));
    let grant = format!(
        "GRANT USAGE ON SCHEMA {home} TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA {home} TO \
         {role}"
    );
    database.client.batch_execute(&grant)?;
    let by_name: BTreeMap<&str, &TableShape<'_>> =
        tables.iter().map(|table| (table.name(), table)).collect();
    let mut found = Vec::new();
    for organization in ORGANIZATIONS {
        for table in tables {
            let Some(own) = own_rows_sql(schema, table, &by_name, organization) else { continue };
            let expected = without_row_security(database, false, |client| ids(client, &own))?;
            let assume = format!("SET app.current_org_id = '{organization}'; SET ROLE {role}");
            database.client.batch_execute(&assume)?;
            let visible = ids(
                &mut database.client,
                &format!("SELECT id FROM {home}.{}", quoted(table.name())),
            );
            database.client.batch_execute("RESET ROLE")?;
            let visible = visible?;
            if visible != expected {
                found.push(format!(
                    "{} shows {organization:?} the rows {visible:?}, expected {expected:?}",
                    table.name()
                ));
            }
        }
    }
    Ok(found)
}

fn ids(client: &mut postgres::Client, sql: &str) -> Result<Vec<String>> {
    let rows = client.query(sql, &[])?;
    let mut ids =
        rows.iter().map(|row| row.try_get(0)).collect::<std::result::Result<Vec<String>, _>>()?;
    ids.sort();
    Ok(ids)
}

/// Returns a query for the ids of an organisation's rows, as the schema defines them. `None` if all
/// rows are shared or an unknown column decides.
#[must_use]
pub fn own_rows_sql(
    schema: &str,
    table: &TableShape<'_>,
    by_name: &BTreeMap<&str, &TableShape<'_>>,
    organization: &str,
) -> Option<String> {
    let (home, name) = (quoted(schema), quoted(table.name()));
    let (local_key, parent, key, owner) = match table.isolation {
        Isolation::Shared => return None,
        Isolation::Column(column) => {
            return Some(format!(
                "SELECT id FROM {home}.{name} WHERE {} = '{organization}'",
                quoted(column)
            ));
        }
        Isolation::Parent { local_key, table: parent, key, owner } => {
            (local_key, parent, key, owner)
        }
    };
    let is_text = |table: &TableShape<'_>, name: &str| {
        let kind =
            table.columns.iter().find(|column| column.name == name).map(|column| column.kind);
        matches!(kind, Some(ColumnKind::Text | ColumnKind::Enum(_)))
    };
    if !is_text(table, local_key) || by_name.get(parent).is_some_and(|parent| !is_text(parent, key))
    {
        // Keys of these types cannot be compared, so there is no policy and no visible row.
        return Some(format!("SELECT id FROM {home}.{name} WHERE false"));
    }
    let own_parents = match owner {
        ParentOwner::Column(_) | ParentOwner::Inherited => {
            own_rows_sql(schema, by_name.get(parent)?, by_name, organization)?
        }
        ParentOwner::Assumed(_) => return None,
    };
    Some(format!(
        "SELECT id FROM {home}.{name} WHERE {} IN \
         (SELECT {} FROM {home}.{} WHERE id IN ({own_parents}))",
        quoted(local_key),
        quoted(key),
        quoted(parent)
    ))
}
