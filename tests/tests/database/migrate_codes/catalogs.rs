//! Drift and pulled schemas.

use super::support::*;
use ablo_migrate::compare::Difference;
use ablo_migrate::plan::{SchemaOrigin, read_schema};
use ablo_migrate::{IfMissing, adopt, drift, sqlite};
use ablo_tests::postgres::provision_silently;
use tempfile::TempDir;

pub(crate) const DRIFT: &[Case] = &[
    ("ablo::drift::table_missing", || drifted("DROP TABLE tasks")),
    ("ablo::drift::column_missing", || drifted("ALTER TABLE tasks DROP COLUMN title")),
    ("ablo::drift::column_extra", || drifted("ALTER TABLE tasks ADD COLUMN more text")),
    ("ablo::drift::column_type", || drifted("ALTER TABLE tasks ALTER title TYPE varchar(9)")),
    ("ablo::drift::column_null", || drifted("ALTER TABLE tasks ALTER title DROP NOT NULL")),
    ("ablo::drift::column_default", || drifted("ALTER TABLE tasks ALTER state DROP DEFAULT")),
    ("ablo::drift::column_comment", || drifted("COMMENT ON COLUMN tasks.title IS 'x'")),
    ("ablo::drift::primary_key", || drifted("ALTER TABLE tasks DROP CONSTRAINT tasks_pkey")),
    ("ablo::drift::check_missing", || {
        drifted("ALTER TABLE tasks DROP CONSTRAINT tasks_state_check")
    }),
    ("ablo::drift::check_extra", || drifted("ALTER TABLE tasks ADD CHECK (title <> '')")),
    ("ablo::drift::index_missing", || drifted("DROP INDEX tasks_note_idx")),
    ("ablo::drift::index_extra", || drifted("CREATE INDEX more ON tasks (lower(title))")),
    ("ablo::drift::foreign_key_extra", || {
        drifted("ALTER TABLE tasks ADD FOREIGN KEY (organization_id, note) REFERENCES tasks")
    }),
    ("ablo::drift::foreign_key_missing", || {
        let database = database();
        provision_silently(&mut database.session(), &tasks(&format!("{NOTE},{PARENT}")));
        let next = child(NOTE, true);
        let found = drift(&mut open(&database.address()), &next, true).expect("a catalog");
        findings(found.iter().map(Difference::finding).collect())
    }),
    ("ablo::drift::definition", || {
        let next = tasks(TITLE);
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("app.db");
        let program = ablo_tests::sqlite::program(&next).transaction.replace(" STRICT", "");
        let file = rusqlite::Connection::open(&path).expect("a connection");
        file.execute_batch(&program).expect("tables");
        let mut session =
            sqlite::Database::connect(path.to_str().expect("a name"), IfMissing::Fail)
                .expect("a session");
        let found = drift(&mut session, &next, true).expect("a catalog");
        findings(found.iter().map(Difference::finding).collect())
    }),
    ("ablo::drift::row_security", || drifted("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY")),
    ("ablo::drift::policy", || drifted("DROP POLICY tenant_isolation ON tasks")),
    ("ablo::drift::policy_extra", || drifted("CREATE POLICY more ON tasks USING (true)")),
    ("ablo::drift::unmanaged_gone", || {
        let database = database();
        let mut server = database.session();
        provision_silently(&mut server, &tasks(TITLE));
        server.run("CREATE INDEX more ON tasks (title DESC)").expect("an index");
        let mut session = open(&database.address());
        adopt(&mut session, &tasks(TITLE), false, TIMEOUTS).expect("it fits");
        server.run("DROP INDEX more").expect("the index is dropped");
        let found = drift(&mut session, &tasks(TITLE), true).expect("a catalog");
        findings(found.iter().map(Difference::finding).collect())
    }),
    ("ablo::drift::policy_restrictive", || {
        drifted("CREATE POLICY less ON tasks AS RESTRICTIVE USING (false)")
    }),
    ("ablo::drift::index_differs", || {
        drifted("DROP INDEX tasks_note_idx; CREATE INDEX tasks_note_idx ON tasks (note DESC)")
    }),
    ("ablo::drift::column_collation", || {
        drifted("ALTER TABLE tasks ALTER title TYPE text COLLATE \"C\"")
    }),
    ("ablo::drift::trigger_disabled", || {
        drifted(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
             CREATE TRIGGER t AFTER INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION f(); \
             ALTER TABLE tasks DISABLE TRIGGER t",
        )
    }),
    ("ablo::drift::writes_swallowed", || {
        drifted("CREATE RULE r AS ON INSERT TO tasks DO INSTEAD NOTHING")
    }),
    ("ablo::drift::owner", || granted("ALTER TABLE tasks OWNER TO postgres")),
    ("ablo::drift::grants", || granted("GRANT SELECT ON tasks TO PUBLIC")),
    ("ablo::drift::table_kind", || drifted("ALTER TABLE tasks SET UNLOGGED")),
];

pub(crate) const PULL: &[Case] = &[
    ("ablo::pull::left_out", || pulled("CREATE VIEW seen AS SELECT 1 AS one")),
    ("ablo::pull::changed", || pulled("CREATE TABLE a (x text, y text, PRIMARY KEY (x, y))")),
    ("ablo::pull::name", || pulled("CREATE TABLE a (id text PRIMARY KEY, \"größe\" text)")),
    ("ablo::pull::schema_invalid", || {
        // Only a bug gives an invalid document.
        error(read_schema("{}", SchemaOrigin::Pull))
    }),
];
