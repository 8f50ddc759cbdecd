//! The owners of tables, and the privileges of other roles on them. A schema has no words for
//! either, so they are compared on request.

use super::Database;
use crate::codes::{GRANTS, OWNER};
use crate::compare::Difference;
use crate::error::Result;
use postgres::types::Type;
use std::collections::BTreeSet;

/// The tables of the schema `$1`, each with its owner, that of the ledger, and the grants.
const QUERY: &str = "
    SELECT c.relname::text, pg_get_userbyid(c.relowner)::text,
      coalesce((SELECT pg_get_userbyid(relowner)::text FROM pg_class
                WHERE relnamespace = n.oid AND relname = 'ablo_migrations'), current_user::text),
      ARRAY(
        SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END
          || ' may ' || string_agg(DISTINCT privilege_type, ', ')
        FROM (
          SELECT grantee, privilege_type FROM aclexplode(c.relacl)
          UNION ALL
          SELECT grantee, privilege_type || ' (' || attname || ')'
          FROM pg_attribute, aclexplode(attacl) WHERE attrelid = c.oid AND NOT attisdropped
        ) AS granted WHERE grantee <> c.relowner GROUP BY grantee ORDER BY 1
      )
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = $1 AND relkind IN ('r', 'p') ORDER BY 1";

impl Database {
    /// Returns the tables of another owner than the ledger's, and all grants.
    pub(super) fn privileges(&mut self, tables: &BTreeSet<&str>) -> Result<Vec<Difference>> {
        let schema = self.schema.clone();
        let rows =
            self.reading(|reading| Ok(reading.query_typed(QUERY, &[(&schema, Type::TEXT)])?))?;
        let mut out = Vec::new();
        for row in rows {
            let (table, owner, wanted): (String, String, String) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            if !tables.contains(table.as_str()) {
                continue;
            }
            if owner != wanted {
                let difference = Difference::new(OWNER, &table, None);
                out.push(difference.expected(format!("`{wanted}`")).found(format!("`{owner}`")));
            }
            for grant in row.try_get::<_, Vec<String>>(3)? {
                out.push(Difference::new(GRANTS, &table, None).found(grant));
            }
        }
        Ok(out)
    }
}
