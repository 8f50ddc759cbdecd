//! The adapter: the conformance kit on new and on existing tables, events from triggers, and a
//! complete outbox despite overlapping transactions.

use ablo::source::kit::{self, Subject};
use ablo::source::{Call, Endpoint, Source, Verifier};
use ablo_server::adapter::{Adapter, AdapterOptions};
use ablo_server::store::{DbPath, Postgres, Sqlite};
use ablo_tests::postgres::{Database, Server, schema};
use ablo_wire::{SourceEvent, SourceEvents, SourceScope};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;

const KEY: &str = "sk_test_example";
const TASKS: &str = r#"{"v":3,"models":{"tasks":{"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "n":{"type":"number","isOptional":true,"isIndexed":false},
    "done":{"type":"boolean","isOptional":true,"isIndexed":false},
    "extra":{"type":"json","isOptional":true,"isIndexed":false}},"mutable":true}},
      "identityRoles":[]}"#;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is not an object"),
    }
}

fn database() -> Database<'static> {
    // The driver blocks, which threads of the runtime must not do.
    std::thread::spawn(|| Server::shared().database())
        .join()
        .expect("the thread creates a database")
}

/// Runs SQL as the application does.
fn run(database: &Database<'static>, sql: &str) {
    let (database, sql) = (database.clone(), sql.to_owned());
    std::thread::spawn(move || database.session().run(&sql).expect("the SQL runs"))
        .join()
        .expect("the thread succeeds");
}

fn texts(database: &Database<'static>, sql: &str) -> Vec<String> {
    let (database, sql) = (database.clone(), sql.to_owned());
    std::thread::spawn(move || database.session().texts(&sql)).join().expect("the thread succeeds")
}

/// Runs every check of the kit. Panics with all failed checks.
async fn assert_kit_passes(adapter: Adapter, subject: &Subject) {
    let endpoint = Endpoint::with(adapter, Verifier::new([KEY]));
    let outcomes = kit::run(&endpoint, subject).await;
    assert!(outcomes.len() >= 23, "{} checks", outcomes.len());
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            outcome.result.as_ref().err().map(|why| format!("{}: {why}", outcome.name))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn tasks() -> Subject {
    let mut subject = Subject::new(
        KEY,
        "tasks",
        object(json!({ "title": "Write spec", "n": 1.5, "done": false, "extra": { "a": [1] } })),
    );
    subject.organization = "acme".to_owned();
    subject
}

#[tokio::test]
async fn the_kit_passes_on_sqlite() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = DbPath::File(folder.path().join("app.db"));
    let schema = schema(TASKS);
    Sqlite::open(&path, &schema).expect("the tables are created");
    assert_kit_passes(
        Adapter::sqlite(&path, &schema, AdapterOptions::default())
            .expect("the adapter accepts the tables"),
        &tasks(),
    )
    .await;
}

#[tokio::test]
async fn the_kit_passes_on_sqlite_with_triggers() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = DbPath::File(folder.path().join("app.db"));
    let schema = schema(TASKS);
    Sqlite::open(&path, &schema).expect("the tables are created");
    let adapter = Adapter::sqlite(&path, &schema, AdapterOptions::default())
        .expect("the adapter accepts the tables");
    for _ in 0..2 {
        adapter.install_triggers().await.expect("the triggers are installed");
    }
    assert_kit_passes(adapter, &tasks()).await;
}

#[tokio::test]
async fn the_kit_passes_on_postgres_with_triggers() {
    let database = database();
    let schema = schema(TASKS);
    drop(
        Postgres::open(&database.address(), &schema, &Default::default())
            .expect("the tables are created"),
    );
    let adapter = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect("the adapter accepts the tables");
    for _ in 0..2 {
        adapter.install_triggers().await.expect("the triggers are installed");
    }
    assert_kit_passes(adapter, &tasks()).await;
}

/// Reads some models of a schema in `fixtures`.
fn read_models(path: &str, models: &[&str]) -> ablo_schema::Schema {
    let path = format!("{}/../fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    let mut document: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("a valid schema"))
            .expect("valid JSON");
    let kept = document["models"].as_object_mut().expect("an object");
    kept.retain(|key, _| models.contains(&key.as_str()));
    for model in kept.values_mut() {
        let relations = model["relations"].as_object_mut().expect("an object");
        relations.retain(|_, relation| {
            models.contains(&relation["target"].as_str().unwrap_or_default())
        });
    }
    schema(&document.to_string())
}

fn tables(fixture: &str) -> String {
    let path = format!("{}/../fixtures/existing/{fixture}/tables.sql", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("tables.sql is readable")
}

/// Selects the columns of the application's own tables from the catalog.
const SHAPE: &str = "SELECT string_agg(format('%s %s %s %s %s', c.relname, a.attname, \
    format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid)), E'\\n' ORDER BY c.relname, a.attnum) FROM pg_class c JOIN \
    pg_attribute a ON a.attrelid = c.oid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND c.relname NOT LIKE 'ablo%'";

#[tokio::test]
async fn the_kit_passes_on_the_tables_of_umami() {
    let database = database();
    run(&database, &tables("umami"));
    let before = texts(&database, SHAPE);
    let models = ["user", "website", "team", "teamUser", "report"];
    let schema = read_models("conformance/history/umami/023/schema.json", &models);
    let options =
        AdapterOptions { organization: Some("umami".to_owned()), ..AdapterOptions::default() };
    let adapter = Adapter::postgres(&database.address(), &schema, options.clone())
        .expect("the adapter accepts the tables");
    adapter.install_triggers().await.expect("the triggers are installed");
    let row = json!({
        "name": "Docs", "domain": "docs.example", "replayEnabled": true,
        "replayConfig": { "rate": 0.5 },
    });
    let mut subject = Subject::new(KEY, "website", object(row));
    subject.organization = "umami".to_owned();
    "name".clone_into(&mut subject.text);
    assert_kit_passes(adapter, &subject).await;
    assert_eq!(texts(&database, SHAPE), before, "the tables are unchanged");

    // A request of another organisation is refused. An id that is not a UUID finds no row.
    let adapter = Adapter::postgres(&database.address(), &schema, options)
        .expect("the adapter accepts the tables");
    let load = |organization: &str, id: &str| {
        let mut scope = SourceScope::new();
        scope.organization_id = Some(organization.to_owned());
        let call = Call { message_id: "m".to_owned(), signed_at: 0, scope, is_test: true };
        let request = ablo_wire::SourceLoad::new("website", id);
        let adapter = &adapter;
        async move { adapter.load(&call, request).await }
    };
    assert!(load("others", "w").await.is_err());
    assert_eq!(load("umami", "no UUID at all").await.expect("the request succeeds"), None);
}

#[tokio::test]
async fn the_kit_passes_on_a_table_with_serial_ids() {
    let database = database();
    run(&database, &tables("serial"));
    let path = format!("{}/../fixtures/existing/serial/schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema = schema(&fs::read_to_string(path).expect("a valid schema"));
    let options =
        AdapterOptions { organization: Some("acme".to_owned()), ..AdapterOptions::default() };
    let adapter = Adapter::postgres(&database.address(), &schema, options)
        .expect("the adapter accepts the tables");
    let row = json!({
        "title": "a note", "mood": "storm", "price": 12.25, "weight": 7,
        "seenOn": "2026-06-10T09:00:00.000Z", "born": "2001-02-03T00:00:00.000Z",
        "extra": { "a": [1, null] },
    });
    let mut subject = Subject::new(KEY, "notes", object(row));
    (subject.generated, subject.organization, subject.text) =
        (true, "acme".to_owned(), "title".to_owned());
    subject.isolated = true;
    assert_kit_passes(adapter, &subject).await;
    assert_eq!(
        texts(
            &database,
            "SELECT DISTINCT mood::text || price || weight || seen_on || born FROM notes"
        ),
        ["storm12.2572026-06-10 09:00:002001-02-03"]
    );
}

#[tokio::test]
async fn values_that_a_column_would_round_are_refused() {
    let database = database();
    run(&database, &tables("serial"));
    let path = format!("{}/../fixtures/existing/serial/schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema = schema(&fs::read_to_string(path).expect("a valid schema"));
    let options =
        AdapterOptions { organization: Some("acme".to_owned()), ..AdapterOptions::default() };
    let adapter = Adapter::postgres(&database.address(), &schema, options)
        .expect("the adapter accepts the tables");
    let create = async |tx: &str, input: Value| {
        let mut operation = ablo_wire::Operation::frame(ablo_wire::Verb::Create, "notes", "");
        operation.id = ablo_wire::Maybe::Absent;
        operation.data = ablo_wire::Maybe::Value(
            ablo_wire::RawRow::parse(&input.to_string()).expect("an object"),
        );
        let mut commit = ablo_wire::SourceCommit::new(vec![operation]);
        commit.client_tx_id = Some(tx.to_owned());
        let call = Call {
            message_id: "m".to_owned(),
            signed_at: 0,
            scope: SourceScope::new(),
            is_test: true,
        };
        adapter
            .commit(&call, commit)
            .await
            .map(|answer| answer.rows.expect("the answer has rows")[0].get().to_owned())
    };
    for (tx, wrong) in [
        ("1", json!({ "title": "a", "weight": 1.5 })),
        ("2", json!({ "title": "a", "weight": 3_000_000_000_u32 })),
        ("3", json!({ "title": "a", "born": "2001-02-03T04:05:06.000Z" })),
    ] {
        let refused = create(tx, wrong.clone()).await.expect_err("the value would be rounded");
        assert!(matches!(refused, ablo::source::Error::Refused(_, 400..500)), "{wrong}: {refused}");
    }
    let row =
        create("4", json!({ "title": "a", "weight": -7, "born": "2001-02-03T00:00:00.000Z" }))
            .await
            .expect("the commit succeeds");
    let row: Value = serde_json::from_str(&row).expect("valid JSON");
    assert_eq!((&row["weight"], &row["born"]), (&json!(-7), &json!("2001-02-03T00:00:00.000Z")));
}

#[test]
fn all_mismatches_of_tables_are_reported() {
    let database = database();
    run(&database, "CREATE TABLE website (a int, b int, name point, PRIMARY KEY (a, b))");
    let schema = read_models("conformance/history/umami/023/schema.json", &["website", "team"]);
    let unfit = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect_err("the tables do not match");
    let message = unfit.to_string();
    for part in [
        "team: table `team` does not exist",
        "website: table `website` has neither an `id` column nor a single-column primary key",
        "website.name: column `website.name` has type point, which cannot store text",
        "website.domain: column `website.domain` does not exist",
    ] {
        assert!(message.contains(part), "{part}:\n{message}");
    }
}

/// Reads all events after a cursor.
async fn drain(adapter: &Adapter, cursor: &mut Option<String>) -> Vec<SourceEvent> {
    let mut all = Vec::new();
    loop {
        let mut request = SourceEvents::new();
        if let Some(cursor) = cursor {
            request.cursor = ablo_wire::Maybe::Value(cursor.clone());
        }
        let call = Call {
            message_id: "m".to_owned(),
            signed_at: 0,
            scope: SourceScope::new(),
            is_test: true,
        };
        let page = adapter.events(&call, request).await.expect("the events are readable");
        if page.events.is_empty() {
            return all;
        }
        all.extend(page.events);
        *cursor = page.next_cursor;
    }
}

/// Waits for `count` more events. Transactions in other databases of the server delay them.
async fn next(adapter: &Adapter, cursor: &mut Option<String>, count: usize) -> Vec<SourceEvent> {
    let mut all = Vec::new();
    for _ in 0..400 {
        all.extend(drain(adapter, cursor).await);
        if all.len() >= count {
            return all;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("expected {count} events, got {:?}", summaries(&all));
}

fn summaries(events: &[SourceEvent]) -> Vec<String> {
    let summary = |event: &SourceEvent| {
        let data = event.data.value().map_or(String::new(), |data| data.get().to_owned());
        let title =
            serde_json::from_str::<Value>(&data).map_or(Value::Null, |row| row["title"].clone());
        format!("{} {} {title}", event.r#type.as_str(), event.entity_id)
    };
    events.iter().map(summary).collect()
}

#[tokio::test]
async fn triggers_report_external_writes() {
    let database = database();
    let schema = schema(TASKS);
    drop(
        Postgres::open(&database.address(), &schema, &Default::default())
            .expect("the tables are created"),
    );
    let adapter = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect("the adapter accepts the tables");
    adapter.install_triggers().await.expect("the triggers are installed");
    let mut cursor = None;
    run(
        &database,
        "SET app.current_org_id = 'acme';
         INSERT INTO tasks (id, organization_id, created_by, title) VALUES ('a', 'acme', 'cron', \
         'one'), ('b', 'acme', 'cron', 'two')",
    );
    // The outbox has the events of all organisations.
    let first = next(&adapter, &mut cursor, 2).await;
    assert_eq!(
        first.iter().map(|event| event.organization_id.as_deref()).collect::<Vec<_>>(),
        [Some("acme"); 2]
    );
    assert_eq!(
        first.iter().map(|event| event.client_tx_id.clone()).collect::<Vec<_>>(),
        [None, None]
    );
    assert_eq!(summaries(&first), ["CREATE a \"one\"", "CREATE b \"two\""]);
    run(
        &database,
        "SET app.current_org_id = 'acme'; UPDATE tasks SET title = 'three' WHERE id = 'a'; UPDATE \
         tasks SET title = title;
         DELETE FROM tasks WHERE id = 'b'; UPDATE tasks SET id = 'c' WHERE id = 'a'",
    );
    assert_eq!(
        summaries(&next(&adapter, &mut cursor, 4).await),
        ["UPDATE a null", "DELETE b null", "DELETE a null", "CREATE c \"three\""]
    );
    // TRUNCATE is refused while row security hides rows, because their deletion events would be
    // missing.
    let mine = database.clone();
    let refused = std::thread::spawn(move || mine.session().run("TRUNCATE tasks"))
        .join()
        .expect("the thread succeeds");
    assert!(refused.expect_err("TRUNCATE is refused").contains("row-level security"));
    run(&database, "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY; TRUNCATE tasks");
    assert_eq!(summaries(&next(&adapter, &mut cursor, 1).await), ["DELETE c null"]);
}

#[tokio::test]
async fn events_committed_late_are_not_skipped() {
    let database = database();
    let schema = schema(TASKS);
    drop(
        Postgres::open(&database.address(), &schema, &Default::default())
            .expect("the tables are created"),
    );
    let adapter = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect("the adapter accepts the tables");
    let event = |id: &str| {
        format!(
            "INSERT INTO ablo_outbox (id, model, entity_id, type) VALUES ('{id}', 'tasks', '{id}', \
             'DELETE')"
        )
    };
    let mut cursor = None;
    let (open, go) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel::<()>());
    let late = {
        let (database, sql) = (database.clone(), event("late"));
        let (written, proceed) = (open.0, go.1);
        std::thread::spawn(move || {
            let mut session = database.session();
            session.run("BEGIN").expect("the transaction begins");
            session.run(&sql).expect("the event is inserted");
            written.send(()).expect("the other side is waiting");
            proceed.recv().expect("the test signals");
            session.run("COMMIT").expect("the commit succeeds");
        })
    };
    open.1.recv().expect("the late event is inserted");
    run(&database, &event("early"));
    assert_eq!(
        summaries(&drain(&adapter, &mut cursor).await),
        Vec::<String>::new(),
        "an earlier transaction is still open"
    );
    go.0.send(()).expect("the other side is waiting");
    late.join().expect("the thread succeeds");
    assert_eq!(
        summaries(&next(&adapter, &mut cursor, 2).await),
        ["DELETE late null", "DELETE early null"]
    );
}

#[tokio::test]
async fn concurrent_writers_lose_or_repeat_no_event() {
    let database = database();
    let schema = schema(TASKS);
    drop(
        Postgres::open(&database.address(), &schema, &Default::default())
            .expect("the tables are created"),
    );
    let adapter = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect("the adapter accepts the tables");
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let database = database.clone();
            std::thread::spawn(move || {
                let mut session = database.session();
                for at in 0..60 {
                    // Transactions of different durations. Some are rolled back.
                    let end = if at % 7 == 0 { "ROLLBACK" } else { "COMMIT" };
                    let id = format!("{writer}_{at}");
                    let sql = format!(
                        "BEGIN; INSERT INTO ablo_outbox (id, model, entity_id, type) VALUES \
                         ('{id}', 'tasks', '{id}', 'DELETE'); \
                         SELECT pg_sleep({}); {end}",
                        f64::from((at * 13 + writer * 7) % 11) / 1000.0
                    );
                    session.run(&sql).expect("the transaction runs");
                }
            })
        })
        .collect();
    let (mut cursor, mut received) = (None, Vec::new());
    while writers.iter().any(|writer| !writer.is_finished()) {
        received.extend(drain(&adapter, &mut cursor).await);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let rest = (6 * 51_usize).saturating_sub(received.len());
    received.extend(next(&adapter, &mut cursor, rest).await);
    let committed: BTreeSet<String> =
        texts(&database, "SELECT id FROM ablo_outbox").into_iter().collect();
    let distinct: BTreeSet<String> = received.iter().map(|event| event.id.clone()).collect();
    assert_eq!(committed.len(), 6 * 51);
    assert_eq!((received.len(), distinct), (committed.len(), committed));
}
