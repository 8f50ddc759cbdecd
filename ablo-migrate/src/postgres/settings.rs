//! The settings of a session while it migrates.

use super::{Database, quoted};
use crate::error::Result;
use postgres::GenericClient;
use postgres::types::Type;

/// Limits of the role or the database that would stop a migration halfway. Not every version has
/// all of them.
const UNLIMITED: &str = "
    SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout',
      'idle_session_timeout', 'transaction_timeout')";

/// The search path that the role has in its programs: its own in this database, its own, that of
/// the database, else that of the server, unless the address sets the path of this session.
const APPLICATION_PATH: &str = "
    SELECT coalesce((
      SELECT substr(setting, length('search_path=') + 1)
      FROM pg_catalog.pg_db_role_setting, unnest(setconfig) AS setting
      WHERE setting LIKE 'search\\_path=%'
        AND setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
                                WHERE datname = current_database()))
        AND setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user))
      ORDER BY setrole = 0, setdatabase = 0 LIMIT 1
    ), (
      SELECT reset_val FROM pg_catalog.pg_settings
      WHERE name = 'search_path' AND reset_val NOT LIKE 'pg\\_catalog%'
    ), '\"$user\", public')";

impl Database {
    /// Runs work with the settings under which the application's own code runs: triggers and
    /// functions find their objects by its search path, and no timeout of the role applies.
    pub(super) fn migrating<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before: String = self
            .client
            .query_typed_one("SELECT current_setting('search_path')", &[])?
            .try_get(0)?;
        self.client.batch_execute(UNLIMITED)?;
        self.client.batch_execute("SET quote_all_identifiers = off")?;
        set_application_path(&mut self.client, &self.schema, false)?;
        let result = work(self);
        // A connection that was lost has no settings.
        let _ = self.client.batch_execute("RESET lock_timeout");
        let _ = set_path(&mut self.client, &before, false);
        result
    }
}

/// Sets the search path of the application, with the schema of the tables, for the session or the
/// transaction.
pub(super) fn set_application_path(
    client: &mut impl GenericClient,
    schema: &str,
    is_local: bool,
) -> Result<()> {
    let path: String = client.query_typed_one(APPLICATION_PATH, &[])?.try_get(0)?;
    set_path(client, &path, is_local)?;
    let schemas = client.query_typed_one("SELECT current_schemas(false)::text[]", &[])?;
    if !schemas.try_get::<_, Vec<String>>(0)?.iter().any(|known| known == schema) {
        set_path(client, &format!("{}, {path}", quoted(schema)), is_local)?;
    }
    Ok(())
}

/// Sets the search path. Objects of the server itself are found before others of their names.
fn set_path(client: &mut impl GenericClient, path: &str, is_local: bool) -> Result<()> {
    let is_explicit = path.contains("pg_catalog") && !path.starts_with("pg_catalog");
    let path = if is_explicit { format!("pg_catalog, {path}") } else { path.to_owned() };
    let set = "SELECT set_config('search_path', $1, $2)";
    client.query_typed(set, &[(&path, Type::TEXT), (&is_local, Type::BOOL)])?;
    Ok(())
}
