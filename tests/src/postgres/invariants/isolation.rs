//! Checks row security of a migrated database through an unprivileged role.

use super::quoted;
use crate::postgres::Database;
use ablo_codegen::shape::TableShape;
use ablo_migrate::prove::own_rows_sql;
use std::collections::BTreeMap;

/// Checks that each organisation sees exactly its own rows, and that no rows are visible without
/// one.
pub(super) fn check_isolation(
    database: &Database<'_>,
    tables: &[TableShape<'_>],
) -> Result<(), String> {
    let role = format!("client_of_{}", database.owner());
    let mut admin = database.admin();
    let create = format!(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \
         THEN CREATE ROLE {role} LOGIN; END IF; END $$;
         GRANT USAGE ON SCHEMA public TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    );
    admin.run(&create)?;
    let by_name: BTreeMap<&str, &TableShape<'_>> =
        tables.iter().map(|table| (table.name(), table)).collect();
    let mut client = database.session_of(&role);
    for organization in ["org-0", "org-1", ""] {
        client.run(&format!("SET app.current_org_id = '{organization}'"))?;
        for table in tables {
            let Some(own) = own_rows_sql("public", table, &by_name, organization) else { continue };
            let mut expected = admin.texts(&own);
            let mut seen = client.texts(&format!("SELECT id FROM public.{}", quoted(table.name())));
            expected.sort();
            seen.sort();
            if expected != seen {
                return Err(format!(
                    "{}: organization {organization:?} sees {seen:?}, expected {expected:?}",
                    table.name()
                ));
            }
        }
    }
    Ok(())
}
