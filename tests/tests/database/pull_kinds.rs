//! Pulls every kind of object of a catalog: the document is valid, and what it does not have is
//! reported.

use ablo_migrate::postgres::Database;
use ablo_migrate::pull::{PullOptions, Pulled, pull};
use ablo_schema::front::json;
use ablo_tests::postgres::Server;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The columns that every table of these tests begins with.
const BASE: &str = "id text PRIMARY KEY, organization_id text NOT NULL, created_by text, \
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()";

/// Pulls the tables that some SQL creates. The document is always valid.
fn pulled(sql: &str, options: &PullOptions) -> Pulled {
    let server = Server::shared().database();
    server.admin().run(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let mut database = Database::connect(&server.address(), "public").expect("the session opens");
    let pulled = pull(&database.catalog().expect("the catalog is readable"), options);
    let read = json::read_authored(&pulled.document);
    assert!(read.schema.is_some(), "{sql}\n{:#?}\n{}", read.diagnostics, pulled.document);
    pulled
}

fn messages(pulled: &Pulled) -> Vec<&str> {
    pulled.findings.iter().map(|finding| finding.message.as_str()).collect()
}

/// Objects with their SQL, and a part of the finding that each gives.
const KINDS: &[(&str, &str)] = &[
    ("ALTER TABLE notes ADD c text COLLATE \"C\"", "`notes` has `c` with the collation \"C\""),
    ("CREATE INDEX u ON notes (v DESC)", "of `notes`, the index `u` is left out"),
    ("CREATE INDEX u ON notes (v) INCLUDE (name)", "the index `u`"),
    ("CREATE INDEX u ON notes (lower(v))", "the index `u`"),
    ("CREATE INDEX u ON notes (v) WHERE v <> ''", "the index `u`"),
    ("CREATE INDEX u ON notes (v text_pattern_ops)", "the index `u`"),
    ("CREATE INDEX u ON notes USING hash (v)", "the index `u`"),
    ("CREATE INDEX u ON notes (v, name)", "the index `u`"),
    ("CREATE INDEX one ON notes (v); CREATE INDEX two ON notes (v)", "the index `two`"),
    ("ALTER TABLE notes ADD CONSTRAINT u UNIQUE (v, name)", "the index `u`"),
    ("ALTER TABLE notes ADD CONSTRAINT u UNIQUE (v) DEFERRABLE", "the index `u`"),
    ("ALTER TABLE notes ADD CONSTRAINT u EXCLUDE USING btree (v WITH =)", "the index `u`"),
    ("CREATE TABLE n2 () INHERITS (notes)", "`n2` inherits from public.notes"),
    ("CREATE TABLE n2 () INHERITS (notes)", "`notes` has the rows of public.n2 as its own"),
    ("CREATE RULE r AS ON DELETE TO notes DO INSTEAD NOTHING", "the rule `r`"),
    ("COMMENT ON TABLE notes IS 'what people write'", "the comment \"what people write\""),
    ("CREATE SEQUENCE numbers", "the sequence `numbers`"),
    ("CREATE VIEW seen AS SELECT 1 AS one", "the view `seen`"),
    ("CREATE MATERIALIZED VIEW seen AS SELECT 1 AS one", "the materialized view `seen`"),
    ("CREATE DOMAIN d AS text; ALTER TABLE notes ADD d d", "the domain `d` is left out"),
    ("CREATE DOMAIN d AS text; ALTER TABLE notes ADD d d", "`notes` has `d`, which is public.d"),
    ("CREATE TYPE t AS (a text)", "the composite type `t`"),
    (
        "CREATE FUNCTION f(x text) RETURNS text LANGUAGE sql AS 'SELECT x'",
        "the function `f(x text)`",
    ),
    ("ALTER TABLE notes SET UNLOGGED", "`notes` is unlogged"),
    ("CREATE TABLE p (id text) PARTITION BY LIST (id)", "`p` is partitioned"),
    ("CREATE TABLE m (a text, b text, PRIMARY KEY (a, b))", "`m` has the primary key (a, b)"),
    ("CREATE POLICY p ON notes AS RESTRICTIVE USING (true)", "the policy `p`"),
    (
        "ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON notes FOR SELECT \
         USING (organization_id = current_setting('app.current_org_id', true))",
        "the policy `p`",
    ),
    ("ALTER TABLE notes ADD CHECK (v <> '') NOT VALID", "the check `notes_v_check`"),
    ("ALTER TABLE notes ADD n serial", "of `n` is left out"),
    ("ALTER TABLE notes ADD n int GENERATED ALWAYS AS IDENTITY", "the column `n` of type integer"),
    ("CREATE STATISTICS s ON v, name FROM notes", "the statistics `s`"),
    ("CREATE INDEX u ON notes USING brin (created_at)", "the index `u`"),
    (
        "CREATE TABLE boats (id text PRIMARY KEY, created_by text, created_at timestamptz NOT \
         NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()); \
         ALTER TABLE notes ADD boat_id text REFERENCES boats",
        "`notes` has no index on `boat_id`, which the relation of `notes_boat_id_fkey` implies",
    ),
    (
        "CREATE TABLE orgs (id uuid PRIMARY KEY); ALTER TABLE notes ADD org_row_id uuid \
         REFERENCES orgs",
        "`notes` has `org_row_id`, which is uuid",
    ),
    (
        "CREATE TABLE boats (id bigint PRIMARY KEY); ALTER TABLE notes ADD b bigint \
         REFERENCES boats",
        "`notes` has `b`, which is bigint",
    ),
    (
        "CREATE TABLE \"userRole\" (id text); CREATE TABLE \"UserRole\" (id text)",
        "the table `userRole`",
    ),
    (
        "ALTER TABLE notes ADD \"ID\" text",
        "of `notes`, the column `ID`, with its indexes, checks and foreign keys, is left out",
    ),
    (
        "ALTER TABLE notes ADD x smallint DEFAULT 300 CHECK (x >= -128 AND x <= 127)",
        "of `notes`, the `default` of `x` is left out",
    ),
    ("CREATE TYPE mood AS ENUM ('calm'); ALTER TABLE notes ADD m mood", "which is public.mood"),
];

#[test]
fn what_a_schema_cannot_express_is_reported() {
    for (sql, expected) in KINDS {
        let tables = format!("CREATE TABLE notes ({BASE}, name text NOT NULL, v text); {sql}");
        let pulled = pulled(&tables, &PullOptions::default());
        let messages = messages(&pulled);
        let is_there = messages.iter().any(|message| message.contains(expected));
        assert!(is_there, "{sql}: {expected} is not in {messages:#?}");
        assert!(!pulled.document.contains("organizationId2"), "{}", pulled.document);
    }
}

#[test]
fn extensions_are_reported() {
    let server = Server::shared().database();
    // Some builds of the server have few of them.
    let sql = "SELECT name FROM pg_available_extensions WHERE installed_version IS NULL \
        AND name IN ('citext', 'hstore', 'ltree', 'pg_trgm', 'tablefunc') ORDER BY name";
    for name in server.session().texts(sql) {
        let pulled = pulled(&format!("CREATE EXTENSION {name}"), &PullOptions::default());
        let message = format!("the extension `{name}` is left out");
        assert_eq!(messages(&pulled), [message], "its functions and types are part of it");
    }
}

#[test]
fn base_fields_are_found_under_other_names() {
    let sql = "CREATE TABLE notes (id text PRIMARY KEY, team text NOT NULL, \"createdBy\" text, \
        \"createdAt\" timestamptz NOT NULL DEFAULT now(), \
        \"updatedAt\" timestamptz NOT NULL DEFAULT now())";
    let options = PullOptions { tenancy_column: Some("team".to_owned()), ..PullOptions::default() };
    let Pulled { document, .. } = pulled(sql, &options);
    let schema = ablo_tests::postgres::schema(&document);
    let model = &schema.models()[0];
    assert_eq!(model.tenancy_column().map(ablo_schema::schema::ColumnName::as_str), Some("team"));
    let columns: Vec<_> =
        model.fields.iter().map(|field| (field.name.as_str(), field.column.as_str())).collect();
    let expected = ["createdBy", "createdAt", "updatedAt"].map(|name| (name, name));
    assert_eq!(columns, expected, "{document}");
}

#[test]
fn a_tenancy_column_of_another_type_is_reported() {
    let sql = "CREATE TABLE notes (id text PRIMARY KEY, account_id integer NOT NULL)";
    let tenancy_column = Some("account_id".to_owned());
    let pulled = pulled(sql, &PullOptions { tenancy_column, ..PullOptions::default() });
    let expected = "`notes` has `account_id` as integer; an organisation is a required text";
    assert!(messages(&pulled).contains(&expected), "{:#?}", messages(&pulled));
}

#[test]
fn patterns_choose_tables() {
    let tables = ["users", "users_old", "teams", "audit_log"];
    let sql: String = tables.map(|name| format!("CREATE TABLE {name} ({BASE});")).concat();
    let keep = |tables: &[&str], exclude: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let options = PullOptions {
            tables: owned(tables),
            exclude: owned(exclude),
            ..PullOptions::default()
        };
        let Pulled { document, .. } = pulled(&sql, &options);
        let schema = ablo_tests::postgres::schema(&document);
        schema.models().iter().map(|model| model.table.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keep(&["users*"], &[]), ["users", "users_old"]);
    assert_eq!(keep(&["users*", "teams"], &["*_old"]), ["teams", "users"]);
    assert_eq!(keep(&[], &["audit_*"]), ["teams", "users", "users_old"]);
}

/// A column of a generated table: its name and its definition.
fn column() -> impl Strategy<Value = (String, String)> {
    let name = prop::sample::select(vec![
        "a",
        "A",
        "a_b",
        "aB",
        "select",
        "größe",
        "x-y",
        "1st",
        "created_by",
        "Created_At",
        "org_id",
        "organization_id",
        "__",
        "sessions",
        "type",
        "very_long_name_of_a_column_that_ends_somewhere",
    ]);
    let kind = prop::sample::select(vec![
        "text",
        "varchar(20)",
        "char(3)",
        "integer",
        "bigint",
        "smallint",
        "numeric",
        "numeric(8,2)",
        "real",
        "double precision",
        "boolean",
        "date",
        "time",
        "interval",
        "timestamp",
        "timestamptz",
        "json",
        "jsonb",
        "uuid",
        "bytea",
        "inet",
        "text[]",
        "serial",
        "point",
        "mood",
        "label",
        "xml",
        "integer GENERATED ALWAYS AS IDENTITY",
        "text COLLATE \"C\"",
        "text NOT NULL",
        "text DEFAULT 'x'",
        "jsonb DEFAULT '{}'",
        "integer DEFAULT 7",
        "timestamptz DEFAULT now()",
        "text CHECK (length('x') = 1)",
        "text UNIQUE",
        "uuid DEFAULT gen_random_uuid()",
        "text REFERENCES target",
        "bigint REFERENCES numbered",
    ]);
    (name, kind).prop_map(|(name, kind)| (name.to_owned(), kind.to_owned()))
}

/// A name, columns with their types, and further objects.
type TableParts = (String, Vec<(String, String)>, Vec<Option<&'static str>>);

/// A table with its columns and the index on each.
fn table() -> impl Strategy<Value = TableParts> {
    let names = vec![
        "tasks",
        "Tasks",
        "user_role",
        "userRole",
        "UserRole",
        "größen",
        "2fa",
        "model",
        "x y",
    ];
    let index = prop::sample::select(vec![
        None,
        Some("({c})"),
        Some("({c} DESC)"),
        Some("({c}) WHERE {c} IS NOT NULL"),
        Some("((({c})::text))"),
        Some("({c}, {c})"),
    ]);
    let indexes = prop::collection::vec(index, 6);
    (prop::sample::select(names), prop::collection::vec(column(), 0..6), indexes)
        .prop_map(|(name, columns, indexes)| (name.to_owned(), columns, indexes))
}

#[test]
fn nothing_of_any_catalog_is_lost_silently() {
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    let catalogs = prop::collection::vec(table(), 1..6);
    runner
        .run(&catalogs, |tables| {
            let server = Server::shared().database();
            let mut session = server.admin();
            let run =
                |session: &mut ablo_tests::postgres::Session, sql: &str| session.run(sql).is_ok();
            let types = "CREATE TYPE mood AS ENUM ('calm', 'storm'); CREATE DOMAIN label AS text; \
            CREATE TABLE target (id text PRIMARY KEY); \
            CREATE TABLE numbered (id bigserial PRIMARY KEY)";
            prop_assert!(run(&mut session, types));
            for (name, columns, indexes) in &tables {
                // A name that is taken is skipped.
                if !run(&mut session, &format!("CREATE TABLE \"{name}\" ()")) {
                    continue;
                }
                for ((column, kind), index) in columns.iter().zip(indexes) {
                    run(&mut session, &format!("ALTER TABLE \"{name}\" ADD \"{column}\" {kind}"));
                    if let Some(index) = index {
                        let on = index.replace("{c}", &format!("\"{column}\""));
                        run(&mut session, &format!("CREATE INDEX ON \"{name}\" {on}"));
                    }
                }
            }
            drop(session);
            let mut database =
                Database::connect(&server.address(), "public").expect("the session opens");
            let catalog = database.catalog().expect("the catalog is readable");
            let pulled = pull(&catalog, &PullOptions::default());
            let read = json::read_authored(&pulled.document);
            let schema = read.schema;
            prop_assert!(schema.is_some(), "{:#?}\n{}", read.diagnostics, pulled.document);
            let schema = schema.expect("it is there");
            let messages = messages(&pulled);
            let said = |parts: &[&str]| {
                messages
                    .iter()
                    .any(|message| parts.iter().all(|part| message.contains(&format!("`{part}`"))))
            };
            for (name, table) in &catalog.tables {
                let model = schema.models().iter().find(|model| model.table.as_str() == name);
                let Some(model) = model else {
                    prop_assert!(said(&[name]), "the table {name}: {messages:#?}");
                    continue;
                };
                for column in &table.columns {
                    let base = ["id", "created_by", "created_at", "updated_at", "organization_id"];
                    let is_there = base.contains(&&*column.name)
                        || model.fields.iter().any(|field| field.column.as_str() == column.name);
                    prop_assert!(
                        is_there || said(&[name, &column.name]),
                        "{name}.{}: {messages:#?}",
                        column.name
                    );
                }
                let expected = ablo_codegen::shape::tables(&schema);
                let shape = expected.iter().find(|shape| shape.name() == name).expect("its table");
                let count = shape.indexes.len() + shape.unique.len();
                // An index is left out with a column of it, or on its own.
                let is_said = |(index, found): (&String, &ablo_migrate::catalog::Index)| {
                    let mut columns = found.columns.iter().flatten();
                    said(&[name, index]) || columns.any(|column| said(&[name, column]))
                };
                let silent = table.indexes.iter().filter(|one| !is_said(*one)).count();
                prop_assert!(silent <= count, "{name}: {silent} of {count}: {messages:#?}");
                for check in table.checks.keys() {
                    prop_assert!(said(&[name, check]), "{name} {check}: {messages:#?}");
                }
                for key in table.foreign_keys.keys() {
                    let is_relation = model.belongs_to().count() > 0;
                    prop_assert!(is_relation || said(&[name, key]), "{name} {key}: {messages:#?}");
                }
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
