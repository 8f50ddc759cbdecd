//! Two organisations look at a migrated database, each through a role that owns nothing and bypasses nothing.

use super::quoted;
use crate::postgres::Database;
use ablo_codegen::shape::{ColumnKind, Isolation, ParentOwner, TableShape};
use std::collections::BTreeMap;

/// Each organisation sees exactly the rows that are its own, and nobody sees any without saying who it is.
pub(super) fn nothing_leaks(database: &Database<'_>, tables: &[TableShape<'_>]) -> Result<(), String> {
    let role = format!("client_of_{}", database.owner());
    let mut admin = database.admin();
    let create = format!(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} LOGIN; END IF; END $$;
         GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    );
    admin.run(&create)?;
    let by_name: BTreeMap<&str, &TableShape<'_>> = tables.iter().map(|table| (table.name(), table)).collect();
    let mut client = database.session_of(&role);
    for organization in ["org-0", "org-1", ""] {
        client.run(&format!("SET app.current_org_id = '{organization}'"))?;
        for table in tables {
            let Some(own) = own_rows(table, &by_name, organization) else { continue };
            let mut wanted = admin.texts(&own);
            let mut seen = client.texts(&format!("SELECT id FROM public.{}", quoted(table.name())));
            wanted.sort();
            seen.sort();
            if wanted != seen {
                return Err(format!("{} shows {organization:?} {seen:?} and should show {wanted:?}", table.name()));
            }
        }
    }
    Ok(())
}

/// The ids of an organisation's rows, by the schema; none where everyone sees all, or where that is decided outside.
fn own_rows(table: &TableShape<'_>, by_name: &BTreeMap<&str, &TableShape<'_>>, organization: &str) -> Option<String> {
    let name = quoted(table.name());
    let (local_key, parent, key, owner) = match table.isolation {
        Isolation::Shared => return None,
        Isolation::Column(column) => {
            return Some(format!("SELECT id FROM public.{name} WHERE {} = '{organization}'", quoted(column)));
        }
        Isolation::Parent { local_key, table: parent, key, owner } => (local_key, parent, key, owner),
    };
    let is_text = |table: &TableShape<'_>, name: &str| {
        let kind = table.columns.iter().find(|column| column.name == name).map(|column| column.kind);
        matches!(kind, Some(ColumnKind::Text | ColumnKind::Enum(_)))
    };
    if !is_text(table, local_key) || by_name.get(parent).is_some_and(|parent| !is_text(parent, key)) {
        // Such keys cannot be compared: there is no policy, which is said, and no row to be seen.
        return Some(format!("SELECT id FROM public.{name} WHERE false"));
    }
    let own_parents = match owner {
        ParentOwner::Column(_) | ParentOwner::Inherited => own_rows(by_name.get(parent)?, by_name, organization)?,
        ParentOwner::Assumed(_) => return None,
    };
    Some(format!(
        "SELECT id FROM public.{name} WHERE {} IN (SELECT {} FROM public.{} WHERE id IN ({own_parents}))",
        quoted(local_key),
        quoted(key),
        quoted(parent)
    ))
}
