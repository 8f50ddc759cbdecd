//! The layout of the coordinator's own tables: a database of the first layout, which records none,
//! is upgraded, and one of a later layout is used or refused.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_schema::Schema;
use ablo_server::error::{NewerLayout, StoreError};
use ablo_server::store::{DbPath, Postgres, Sqlite, Store};
use ablo_server::{CoordinatorOptions, housekeeping};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::fixtures;
use ablo_tests::postgres::{Database, Server, footprint, schema};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
const KEY: &str = "sk_test_layout";

fn first_layout(file: &str) -> PathBuf {
    fixtures::root().join("layout/1").join(file)
}

/// A database without a coordinator.
enum Home {
    File(tempfile::TempDir),
    Server(Database<'static>),
}

impl Home {
    /// Creates two databases as a release of the first layout left them.
    fn of_the_first_layout() -> [Self; 2] {
        let (folder, database) =
            (tempfile::tempdir().expect("a folder"), Server::shared().database());
        let homes = [Self::File(folder), Self::Server(database)];
        for home in &homes {
            home.run_file(["sqlite.sql", "postgres.sql"]);
        }
        homes
    }

    fn path(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join("rows.db")
    }

    /// Runs the file of this kind of database.
    fn run_file(&self, [sqlite, postgres]: [&str; 2]) {
        match self {
            Self::File(_) => {
                let text = std::fs::read_to_string(first_layout(sqlite)).expect("a fixture");
                self.run(&text);
            }
            Self::Server(database) => {
                database.psql(&first_layout(postgres)).expect("psql runs the fixture");
            }
        }
    }

    fn run(&self, sql: &str) {
        match self {
            Self::File(folder) => {
                let file = rusqlite::Connection::open(Self::path(folder)).expect("the file");
                let mut batch = rusqlite::Batch::new(&file, sql);
                use rusqlite::fallible_iterator::FallibleIterator as _;
                while let Some(mut statement) = batch.next().expect("a statement") {
                    let mut rows = statement.query([]).expect("the statement is accepted");
                    while rows.next().expect("the statement succeeds").is_some() {}
                }
            }
            Self::Server(database) => database.admin().run(sql).expect("the statement succeeds"),
        }
    }

    /// Returns the first column of a query.
    fn texts(&self, sql: &str) -> Vec<String> {
        match self {
            Self::File(folder) => {
                let file = rusqlite::Connection::open(Self::path(folder)).expect("the file");
                let mut statement = file.prepare(sql).expect("a query");
                let rows = statement.query_map([], |row| row.get(0)).expect("rows");
                rows.collect::<Result<_, _>>().expect("text")
            }
            Self::Server(database) => database.admin().texts(sql),
        }
    }

    fn layouts(&self) -> Vec<String> {
        self.texts("SELECT CAST(version AS text) FROM ablo_layouts ORDER BY version")
    }

    /// Returns the names of all indexes of service tables, and the catalog's footprint.
    fn catalog(&self) -> Vec<String> {
        match self {
            Self::File(_) => {
                self.texts("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name")
            }
            Self::Server(database) => footprint(&mut database.admin()),
        }
    }

    /// Returns the definitions of the indexes of service tables.
    fn indexes(&self) -> Vec<String> {
        self.texts(match self {
            Self::File(_) => {
                "SELECT replace(sql, 'IF NOT EXISTS ', '') FROM sqlite_schema WHERE type = 'index' \
                 AND sql IS NOT NULL AND tbl_name <> 'notes' ORDER BY name"
            }
            Self::Server(_) => {
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> \
                 'notes' ORDER BY indexname"
            }
        })
    }

    fn try_open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let schema: Schema = schema(SCHEMA);
        Ok(match self {
            Self::File(folder) => {
                Arc::new(Sqlite::open(&DbPath::File(Self::path(folder)), &schema)?)
            }
            Self::Server(database) => {
                Arc::new(Postgres::open(&database.address(), &schema, &Default::default())?)
            }
        })
    }

    /// Opens the database once a coordinator that was dropped has let go of its file.
    fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let began = Instant::now();
        loop {
            match self.try_open() {
                Err(StoreError::InUse(_)) if began.elapsed() < Duration::from_secs(10) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                opened => return opened,
            }
        }
    }
}

/// Checks that a coordinator still knows what the earlier release stored, and can go on.
async fn everything_is_kept(store: Arc<dyn Store>, round: &str) {
    let server = Coordinator::start(&schema(SCHEMA), store).await;
    let (status, row) = server.ask(KEY, "GET", "/api/v1/models/notes/n2", None).await;
    assert_eq!((status, &row["data"]["text"]), (200, &json!("first")), "the key is valid: {row}");
    let create = json!({ "idempotencyKey": "create-n1", "id": "n1", "data": { "text": "first" } });
    let (status, receipt) = server.ask(KEY, "POST", "/api/v1/models/notes", Some(create)).await;
    assert_eq!((status, &receipt["lastSyncId"]), (201, &json!(1)), "the receipt: {receipt}");
    let update = json!({ "data": { "text": "mine" } });
    let (status, held) =
        server.ask(KEY, "PATCH", "/api/v1/models/notes/n1", Some(update.clone())).await;
    assert_eq!((status, &held["code"]), (409, &json!("entity_claimed")), "the claim: {held}");
    let stale = json!({ "data": { "text": round }, "readAt": 1, "idempotencyKey": round });
    let (status, written) = server.ask(KEY, "PATCH", "/api/v1/models/notes/n2", Some(stale)).await;
    assert_eq!(status, 200, "{written}");
    let (_, endpoints) = server.ask(KEY, "GET", "/api/v1/webhook_endpoints", None).await;
    assert_eq!(endpoints["data"].as_array().map(Vec::len), Some(1), "{endpoints}");
    let mut socket = server.socket(KEY, "").await;
    let payload = json!({
        "cursor": null, "versions": {}, "lastSyncId": 0,
        "capabilities": ["completeDeltas", "resume"],
    });
    socket.send("sync_request", payload).await;
    let deltas: Vec<Value> = socket.deltas().await;
    assert_eq!(deltas[0]["modelId"], "n1", "the log: {deltas:?}");
    let keys = CoordinatorOptions::default().retention();
    housekeeping::pass(&server.app.service().store, keys).await.expect("housekeeping succeeds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_first_layout_is_upgraded() {
    let homes = tokio::task::spawn_blocking(Home::of_the_first_layout).await.expect("databases");
    for home in homes {
        everything_is_kept(home.open().expect("the database is upgraded"), "first").await;
        everything_is_kept(home.open().expect("the database opens again"), "second").await;
        tokio::task::spawn_blocking(move || {
            assert_eq!(home.layouts(), ["6"]);
            let fresh = match &home {
                Home::File(_) => Home::File(tempfile::tempdir().expect("a folder")),
                Home::Server(_) => Home::Server(Server::shared().database()),
            };
            drop(fresh.open().expect("a new database"));
            assert_eq!(fresh.layouts(), ["6"], "a new database has the newest layout");
            assert_eq!(home.indexes(), fresh.indexes(), "an upgraded database equals a new one");
        })
        .await
        .expect("the layouts are equal");
    }
}

#[test]
fn coordinators_that_start_together_upgrade_one_database() {
    for home in Home::of_the_first_layout() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                // A SQLite file belongs to one coordinator at a time.
                scope.spawn(|| drop(home.open().expect("the database opens")));
            }
        });
        assert_eq!(home.layouts(), ["6"]);
        assert_eq!(home.texts("SELECT client_tx_id FROM ablo_commits").len(), 3);
    }
}

#[test]
fn a_later_layout_is_used_or_refused() {
    for home in Home::of_the_first_layout() {
        drop(home.open().expect("the database is upgraded"));
        home.run("INSERT INTO ablo_layouts (version, min_reader) VALUES (98, 6)");
        home.run("DROP INDEX ablo_commits_organization_age_idx");
        let before = home.catalog();
        drop(home.open().expect("layout 98 permits coordinators of layout 6"));
        assert_eq!(home.catalog(), before, "only the newer coordinator changes its tables");

        home.run("INSERT INTO ablo_layouts (version, min_reader) VALUES (99, 7)");
        let Err(error) = home.open() else { panic!("layout 99 needs a newer coordinator") };
        let newer = NewerLayout { version: 99, min_reader: 7, known: 6 };
        assert_eq!(error, StoreError::NewerLayout(newer));
        assert_eq!(
            error.to_string(),
            "the coordinator's tables have layout 99, which needs a coordinator of layout 7 or \
             later; this one has layout 6"
        );
        assert_eq!(home.catalog(), before, "nothing is changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_release_and_this_one_run_in_turn() {
    let homes = tokio::task::spawn_blocking(Home::of_the_first_layout).await.expect("databases");
    for home in homes {
        drop(home.open().expect("the database is upgraded"));
        let home = tokio::task::spawn_blocking(move || {
            // What the earlier release runs when it starts, and then its statements.
            home.run_file(["sqlite-service.sql", "postgres-service.sql"]);
            home.run(
                "INSERT INTO ablo_commits (organization_id, client_tx_id, body_hash, receipt, \
                 created_at) VALUES ('acme', 'old', 'hash', '{}', '2020-01-01T00:00:00.000000Z')",
            );
            home.run(
                "DELETE FROM ablo_commits WHERE organization_id = 'acme' AND client_tx_id IN \
                 (SELECT client_tx_id FROM ablo_commits WHERE organization_id = 'acme' AND \
                 created_at < '2021-01-01T00:00:00.000000Z' ORDER BY created_at LIMIT 256)",
            );
            assert_eq!(home.texts("SELECT client_tx_id FROM ablo_commits").len(), 3);
            assert_eq!(home.layouts(), ["6"], "the earlier release does not know the layout");
            home
        })
        .await
        .expect("the earlier release runs");
        everything_is_kept(home.open().expect("the database opens again"), "again").await;
        tokio::task::spawn_blocking(move || {
            let unique = "sync_deltas_transaction_key";
            let is_present = home.indexes().iter().any(|sql| sql.contains(unique));
            assert!(!is_present, "it forbids ids of two participants");
        })
        .await
        .expect("the index is dropped again");
    }
}
