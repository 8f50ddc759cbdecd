//! The ready-made adapter: the conformance kit over tables of its own and over tables that others made, what triggers bring in, and
//! that nothing is passed by while transactions overlap.

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
    "extra":{"type":"json","isOptional":true,"isIndexed":false}},"mutable":true}},"identityRoles":[]}"#;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn database() -> Database<'static> {
    // The driver blocks, which a thread of the test's runtime may not.
    std::thread::spawn(|| Server::shared().database()).join().expect("a database")
}

/// Runs SQL as the application would.
fn run(database: &Database<'static>, sql: &str) {
    let (database, sql) = (database.clone(), sql.to_owned());
    std::thread::spawn(move || database.session().run(&sql).expect("SQL that runs"))
        .join()
        .expect("a session");
}

fn texts(database: &Database<'static>, sql: &str) -> Vec<String> {
    let (database, sql) = (database.clone(), sql.to_owned());
    std::thread::spawn(move || database.session().texts(&sql)).join().expect("a session")
}

/// Every check of the kit; panics with all that failed.
async fn passes(adapter: Adapter, subject: &Subject) {
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
async fn the_kit_passes_over_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = DbPath::File(folder.path().join("app.db"));
    let schema = schema(TASKS);
    Sqlite::open(&place, &schema).expect("tables");
    passes(
        Adapter::sqlite(&place, &schema, AdapterOptions::default()).expect("an adapter"),
        &tasks(),
    )
    .await;
}

#[tokio::test]
async fn the_kit_passes_over_sqlite_with_triggers() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = DbPath::File(folder.path().join("app.db"));
    let schema = schema(TASKS);
    Sqlite::open(&place, &schema).expect("tables");
    let adapter = Adapter::sqlite(&place, &schema, AdapterOptions::default()).expect("an adapter");
    for _ in 0..2 {
        adapter.install_triggers().await.expect("triggers");
    }
    passes(adapter, &tasks()).await;
}

#[tokio::test]
async fn the_kit_passes_over_postgres_with_triggers() {
    let database = database();
    let schema = schema(TASKS);
    drop(Postgres::open(&database.address(), &schema, &Default::default()).expect("tables"));
    let adapter = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect("an adapter");
    for _ in 0..2 {
        adapter.install_triggers().await.expect("triggers");
    }
    passes(adapter, &tasks()).await;
}

/// Models of a vector of the conformance suite.
fn some_of(path: &str, models: &[&str]) -> ablo_schema::Schema {
    let path = format!("{}/../fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    let mut document: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("a schema")).expect("JSON");
    let kept = document["models"].as_object_mut().expect("models");
    kept.retain(|key, _| models.contains(&key.as_str()));
    for model in kept.values_mut() {
        let relations = model["relations"].as_object_mut().expect("relations");
        relations.retain(|_, relation| {
            models.contains(&relation["target"].as_str().unwrap_or_default())
        });
    }
    schema(&document.to_string())
}

fn tables(idea: &str) -> String {
    let path = format!("{}/../fixtures/existing/{idea}/tables.sql", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("tables")
}

/// What the catalogue says of the application's own tables.
const SHAPE: &str = "SELECT string_agg(format('%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid)), E'\\n' ORDER BY c.relname, a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND c.relname NOT LIKE 'ablo%'";

#[tokio::test]
async fn the_kit_passes_over_the_tables_of_umami() {
    let database = database();
    run(&database, &tables("umami"));
    let before = texts(&database, SHAPE);
    let models = ["user", "website", "team", "teamUser", "report"];
    let schema = some_of("conformance/history/umami/023/schema.json", &models);
    let options =
        AdapterOptions { organization: Some("umami".to_owned()), ..AdapterOptions::default() };
    let adapter =
        Adapter::postgres(&database.address(), &schema, options.clone()).expect("an adapter");
    adapter.install_triggers().await.expect("triggers");
    let row = json!({ "name": "Docs", "domain": "docs.example", "replayEnabled": true, "replayConfig": { "rate": 0.5 } });
    let mut subject = Subject::new(KEY, "website", object(row));
    subject.organization = "umami".to_owned();
    "name".clone_into(&mut subject.text);
    passes(adapter, &subject).await;
    assert_eq!(texts(&database, SHAPE), before, "its tables are as they were");

    // A request for others is refused, and what the tables cannot hold is answered with a code.
    let adapter = Adapter::postgres(&database.address(), &schema, options).expect("an adapter");
    let load = |organization: &str, id: &str| {
        let mut scope = SourceScope::new();
        scope.organization_id = Some(organization.to_owned());
        let call = Call { message_id: "m".to_owned(), signed_at: 0, scope, is_test: true };
        let asked = ablo_wire::SourceLoad::new("website", id);
        let adapter = &adapter;
        async move { adapter.load(&call, asked).await }
    };
    assert!(load("others", "w").await.is_err());
    assert_eq!(load("umami", "no UUID at all").await.expect("an answer"), None);
}

#[tokio::test]
async fn the_kit_passes_over_a_table_that_numbers_its_rows() {
    let database = database();
    run(&database, &tables("serial"));
    let path = format!("{}/../fixtures/existing/serial/schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema = schema(&fs::read_to_string(path).expect("a schema"));
    let options =
        AdapterOptions { organization: Some("acme".to_owned()), ..AdapterOptions::default() };
    let adapter = Adapter::postgres(&database.address(), &schema, options).expect("an adapter");
    let row = json!({
        "title": "a note", "mood": "storm", "price": 12.25, "weight": 7, "seenOn": "2026-06-10T09:00:00.000Z",
        "born": "2001-02-03T00:00:00.000Z", "extra": { "a": [1, null] },
    });
    let mut subject = Subject::new(KEY, "notes", object(row));
    (subject.generated, subject.organization, subject.text) =
        (true, "acme".to_owned(), "title".to_owned());
    subject.isolated = true;
    passes(adapter, &subject).await;
    assert_eq!(
        texts(
            &database,
            "SELECT DISTINCT mood::text || price || weight || seen_on || born FROM notes"
        ),
        ["storm12.2572026-06-10 09:00:002001-02-03"]
    );
}

#[tokio::test]
async fn what_a_column_would_round_is_refused() {
    let database = database();
    run(&database, &tables("serial"));
    let path = format!("{}/../fixtures/existing/serial/schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema = schema(&fs::read_to_string(path).expect("a schema"));
    let options =
        AdapterOptions { organization: Some("acme".to_owned()), ..AdapterOptions::default() };
    let adapter = Adapter::postgres(&database.address(), &schema, options).expect("an adapter");
    let create = async |tx: &str, input: Value| {
        let mut operation = ablo_wire::Operation::frame(ablo_wire::Verb::Create, "notes", "");
        operation.id = ablo_wire::Maybe::Absent;
        operation.data =
            ablo_wire::Maybe::Value(ablo_wire::RawRow::parse(&input.to_string()).expect("a row"));
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
            .map(|answer| answer.rows.expect("rows")[0].get().to_owned())
    };
    for (tx, wrong) in [
        ("1", json!({ "title": "a", "weight": 1.5 })),
        ("2", json!({ "title": "a", "weight": 3_000_000_000_u32 })),
        ("3", json!({ "title": "a", "born": "2001-02-03T04:05:06.000Z" })),
    ] {
        let refused = create(tx, wrong.clone()).await.expect_err("it would be another value");
        assert!(matches!(refused, ablo::source::Error::Refused(_, 400..500)), "{wrong}: {refused}");
    }
    let row =
        create("4", json!({ "title": "a", "weight": -7, "born": "2001-02-03T00:00:00.000Z" }))
            .await
            .expect("a row");
    let row: Value = serde_json::from_str(&row).expect("JSON");
    assert_eq!((&row["weight"], &row["born"]), (&json!(-7), &json!("2001-02-03T00:00:00.000Z")));
}

#[test]
fn tables_that_do_not_fit_are_told_of_whole() {
    let database = database();
    run(&database, "CREATE TABLE website (a int, b int, name point, PRIMARY KEY (a, b))");
    let schema = some_of("conformance/history/umami/023/schema.json", &["website", "team"]);
    let unfit = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect_err("nothing fits");
    let said = unfit.to_string();
    for part in [
        "team: table `team` does not exist",
        "website: table `website` has neither an `id` column nor a single-column primary key",
        "website.name: column `website.name` has type point, which cannot store text",
        "website.domain: column `website.domain` does not exist",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
}

/// Every event behind a cursor.
async fn drain(adapter: &Adapter, cursor: &mut Option<String>) -> Vec<SourceEvent> {
    let mut all = Vec::new();
    loop {
        let mut asked = SourceEvents::new();
        if let Some(cursor) = cursor {
            asked.cursor = ablo_wire::Maybe::Value(cursor.clone());
        }
        let call = Call {
            message_id: "m".to_owned(),
            signed_at: 0,
            scope: SourceScope::new(),
            is_test: true,
        };
        let page = adapter.events(&call, asked).await.expect("events");
        if page.events.is_empty() {
            return all;
        }
        all.extend(page.events);
        *cursor = page.next_cursor;
    }
}

/// The next so many events: those of other databases of the server that write hold them back.
async fn next(adapter: &Adapter, cursor: &mut Option<String>, many: usize) -> Vec<SourceEvent> {
    let mut all = Vec::new();
    for _ in 0..400 {
        all.extend(drain(adapter, cursor).await);
        if all.len() >= many {
            return all;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{many} events are to come, and there are {:?}", said(&all));
}

fn said(events: &[SourceEvent]) -> Vec<String> {
    let of = |event: &SourceEvent| {
        let data = event.data.value().map_or(String::new(), |data| data.get().to_owned());
        let title =
            serde_json::from_str::<Value>(&data).map_or(Value::Null, |row| row["title"].clone());
        format!("{} {} {title}", event.r#type.as_str(), event.entity_id)
    };
    events.iter().map(of).collect()
}

#[tokio::test]
async fn what_others_write_is_told_by_triggers() {
    let database = database();
    let schema = schema(TASKS);
    drop(Postgres::open(&database.address(), &schema, &Default::default()).expect("tables"));
    let adapter = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect("an adapter");
    adapter.install_triggers().await.expect("triggers");
    let mut cursor = None;
    run(
        &database,
        "SET app.current_org_id = 'acme';
         INSERT INTO tasks (id, organization_id, created_by, title) VALUES ('a', 'acme', 'cron', 'one'), ('b', 'acme', 'cron', 'two')",
    );
    // Events are for every organisation, while rows are seen by their own alone.
    let first = next(&adapter, &mut cursor, 2).await;
    assert_eq!(
        first.iter().map(|event| event.organization_id.as_deref()).collect::<Vec<_>>(),
        [Some("acme"); 2]
    );
    assert_eq!(
        first.iter().map(|event| event.client_tx_id.clone()).collect::<Vec<_>>(),
        [None, None]
    );
    assert_eq!(said(&first), ["CREATE a \"one\"", "CREATE b \"two\""]);
    run(
        &database,
        "SET app.current_org_id = 'acme'; UPDATE tasks SET title = 'three' WHERE id = 'a'; UPDATE tasks SET title = title;
         DELETE FROM tasks WHERE id = 'b'; UPDATE tasks SET id = 'c' WHERE id = 'a'",
    );
    assert_eq!(
        said(&next(&adapter, &mut cursor, 4).await),
        ["UPDATE a null", "DELETE b null", "DELETE a null", "CREATE c \"three\""]
    );
    // Rows that nobody sees cannot be told of one by one: nothing goes without a word.
    let mine = database.clone();
    let refused =
        std::thread::spawn(move || mine.session().run("TRUNCATE tasks")).join().expect("a session");
    assert!(refused.expect_err("it fails").contains("row-level security"));
    run(&database, "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY; TRUNCATE tasks");
    assert_eq!(said(&next(&adapter, &mut cursor, 1).await), ["DELETE c null"]);
}

#[tokio::test]
async fn an_event_that_is_committed_late_is_not_passed_by() {
    let database = database();
    let schema = schema(TASKS);
    drop(Postgres::open(&database.address(), &schema, &Default::default()).expect("tables"));
    let adapter = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect("an adapter");
    let event = |id: &str| {
        format!(
            "INSERT INTO ablo_outbox (id, model, entity_id, type) VALUES ('{id}', 'tasks', '{id}', 'DELETE')"
        )
    };
    let mut cursor = None;
    let (open, go) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel::<()>());
    let late = {
        let (database, sql) = (database.clone(), event("late"));
        let (told, wait) = (open.0, go.1);
        std::thread::spawn(move || {
            let mut session = database.session();
            session.run("BEGIN").expect("a transaction");
            session.run(&sql).expect("an event");
            told.send(()).expect("somebody who waits");
            wait.recv().expect("a word");
            session.run("COMMIT").expect("a commit");
        })
    };
    open.1.recv().expect("the first is written");
    run(&database, &event("early"));
    assert_eq!(
        said(&drain(&adapter, &mut cursor).await),
        Vec::<String>::new(),
        "one before it is under way"
    );
    go.0.send(()).expect("somebody who waits");
    late.join().expect("a commit");
    assert_eq!(
        said(&next(&adapter, &mut cursor, 2).await),
        ["DELETE late null", "DELETE early null"]
    );
}

#[tokio::test]
async fn no_event_is_lost_or_told_twice_while_many_write() {
    let database = database();
    let schema = schema(TASKS);
    drop(Postgres::open(&database.address(), &schema, &Default::default()).expect("tables"));
    let adapter = Adapter::postgres(&database.address(), &schema, AdapterOptions::default())
        .expect("an adapter");
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let database = database.clone();
            std::thread::spawn(move || {
                let mut session = database.session();
                for at in 0..60 {
                    // Transactions of different length, some of which are never committed.
                    let end = if at % 7 == 0 { "ROLLBACK" } else { "COMMIT" };
                    let id = format!("{writer}_{at}");
                    let sql = format!(
                        "BEGIN; INSERT INTO ablo_outbox (id, model, entity_id, type) VALUES ('{id}', 'tasks', '{id}', 'DELETE'); \
                         SELECT pg_sleep({}); {end}",
                        f64::from((at * 13 + writer * 7) % 11) / 1000.0
                    );
                    session.run(&sql).expect("a transaction");
                }
            })
        })
        .collect();
    let (mut cursor, mut told) = (None, Vec::new());
    while writers.iter().any(|writer| !writer.is_finished()) {
        told.extend(drain(&adapter, &mut cursor).await);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let rest = (6 * 51_usize).saturating_sub(told.len());
    told.extend(next(&adapter, &mut cursor, rest).await);
    let committed: BTreeSet<String> =
        texts(&database, "SELECT id FROM ablo_outbox").into_iter().collect();
    let distinct: BTreeSet<String> = told.iter().map(|event| event.id.clone()).collect();
    assert_eq!(committed.len(), 6 * 51);
    assert_eq!((told.len(), distinct), (committed.len(), committed));
}
