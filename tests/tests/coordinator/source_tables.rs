//! Typed tables of an application: the conformance kit, defaults, patches and permissions.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo::source::kit::{self, Subject};
use ablo::source::{
    Call, Endpoint, Error, Ledger, Page, Result, Scopes, Source as _, Table, Tables,
};
use ablo::source::{Message, kit::Transport as _};
use ablo::{AbloModel, Row, Timestamp, define_schema};
use ablo_wire::{
    EventsAnswer, Operation, RawRow, SourceCommit, SourceErrorCode, SourceEvent, SourceQuery,
    SourceScope, Verb,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

const KEY: &str = "sk_test_example";

/// A task.
#[derive(Clone, Debug, PartialEq, AbloModel)]
#[ablo(key = "tasks", mutable)]
pub struct Task {
    /// The title of the task.
    pub title: String,
    /// The estimated duration in hours.
    pub estimate: Option<f64>,
    /// Whether the task is done.
    #[ablo(default = false)]
    pub done: bool,
    /// When the task was archived.
    pub archived_at: Option<Timestamp>,
}

define_schema! {
    /// The tasks of a team.
    pub schema Tasks { Task }
}

/// An application's database in memory. A transaction holds the connection; the next one rolls back
/// an abandoned one.
struct Database(Arc<Mutex<Connection>>);

type Held = OwnedMutexGuard<Connection>;

fn to_source_error(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => Error::refused_with(
            SourceErrorCode::from("unique_violation".to_owned()),
            "the row exists",
            409,
        ),
        _ => Error::failed(error),
    }
}

impl Database {
    fn new() -> Self {
        let connection = Connection::open_in_memory().expect("an in-memory database");
        connection
            .execute_batch(
                "CREATE TABLE todo (key TEXT PRIMARY KEY, team TEXT, row TEXT) STRICT;
                 CREATE TABLE ledger (id TEXT PRIMARY KEY, rows TEXT) STRICT;
                 CREATE TABLE outbox (place INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT, event \
                 TEXT) STRICT;",
            )
            .expect("the tables are created");
        Self(Arc::new(Mutex::new(connection)))
    }
}

fn team(call: &Call) -> &str {
    call.scope.organization_id.as_deref().unwrap_or_default()
}

impl Ledger for Database {
    type Tx = Held;

    async fn authorize(&self, call: &Call) -> Result<Scopes> {
        match call.scope.participant_id.as_deref() {
            Some("agent:reader") => Ok(Scopes::READ),
            Some("agent:unknown") => {
                Err(Error::refused(SourceErrorCode::Forbidden, "unknown participant"))
            }
            _ => Ok(Scopes::ALL),
        }
    }

    async fn begin(&self, _: &Call) -> Result<Held> {
        let held = Arc::clone(&self.0).lock_owned().await;
        if !held.is_autocommit() {
            held.execute_batch("ROLLBACK").map_err(to_source_error)?;
        }
        held.execute_batch("BEGIN").map_err(to_source_error)?;
        Ok(held)
    }

    async fn commit(&self, tx: Held) -> Result<()> {
        tx.execute_batch("COMMIT").map_err(to_source_error)
    }

    async fn reserve_commit(&self, tx: &mut Held, commit: &str) -> Result<Option<String>> {
        tx.query_row("SELECT rows FROM ledger WHERE id = ?1", [commit], |row| row.get(0))
            .optional()
            .map_err(to_source_error)
    }

    async fn store_answer(&self, tx: &mut Held, commit: &str, rows: &str) -> Result<()> {
        tx.execute("INSERT INTO ledger VALUES (?1, ?2)", [commit, rows])
            .map(drop)
            .map_err(to_source_error)
    }

    async fn append_event(&self, tx: &mut Held, event: SourceEvent) -> Result<()> {
        let text = serde_json::to_string(&event).map_err(Error::failed)?;
        let values = params![event.organization_id, text];
        tx.execute("INSERT INTO outbox (team, event) VALUES (?1, ?2)", values)
            .map(drop)
            .map_err(to_source_error)
    }

    async fn read_events(
        &self,
        tx: &mut Held,
        cursor: Option<&str>,
        limit: u64,
        call: &Call,
    ) -> Result<EventsAnswer> {
        let from: i64 = cursor.unwrap_or("0").parse().map_err(Error::failed)?;
        let mut found = tx
            .prepare(
                "SELECT place, event FROM outbox WHERE team = ?1 AND place > ?2 \
                 ORDER BY place LIMIT ?3",
            )
            .map_err(to_source_error)?;
        let limit = i64::try_from(limit).map_err(Error::failed)?;
        let rows = found
            .query_map(params![team(call), from, limit], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(to_source_error)?;
        let rows: Vec<(i64, String)> =
            rows.collect::<std::result::Result<_, _>>().map_err(to_source_error)?;
        let events: Vec<SourceEvent> = rows
            .iter()
            .map(|(_, event)| serde_json::from_str(event))
            .collect::<std::result::Result<_, _>>()
            .map_err(Error::failed)?;
        let mut answer = EventsAnswer::new(events);
        answer.next_cursor = rows.last().map(|(place, _)| place.to_string());
        Ok(answer)
    }
}

struct Todo;

fn read(text: &str) -> Result<Row<Task>> {
    serde_json::from_str(text).map_err(Error::failed)
}

impl Table<Task, Held> for Todo {
    async fn load(&self, tx: &mut Held, id: &str, call: &Call) -> Result<Option<Row<Task>>> {
        let found: Option<String> = tx
            .query_row(
                "SELECT row FROM todo WHERE key = ?1 AND team = ?2",
                [id, team(call)],
                |row| row.get(0),
            )
            .optional()
            .map_err(to_source_error)?;
        found.map(|text| read(&text)).transpose()
    }

    async fn list(&self, tx: &mut Held, query: &SourceQuery, call: &Call) -> Result<Page<Task>> {
        let clauses = serde_json::to_value(&query.r#where).map_err(Error::failed)?;
        let mut found = tx
            .prepare("SELECT row FROM todo WHERE team = ?1 AND key > ?2 ORDER BY key")
            .map_err(to_source_error)?;
        let after = query.cursor.clone().unwrap_or_default();
        let texts =
            found.query_map([team(call), &after], |row| row.get(0)).map_err(to_source_error)?;
        let texts: Vec<String> =
            texts.collect::<std::result::Result<_, _>>().map_err(to_source_error)?;
        let fits = |text: &String| {
            let row: Value = serde_json::from_str(text).unwrap_or_default();
            clauses.as_array().is_none_or(|all| {
                all.iter().all(|clause| row[clause[0].as_str().unwrap_or_default()] == clause[1])
            })
        };
        let limit = usize::try_from(query.limit.unwrap_or(1000)).map_err(Error::failed)?;
        let mut rows = texts
            .iter()
            .filter(|text| fits(text))
            .take(limit + 1)
            .map(|text| read(text))
            .collect::<Result<Vec<_>>>()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| row.id.as_str().to_owned());
        Ok(Page { rows, next_cursor })
    }

    async fn insert(&self, tx: &mut Held, row: &mut Row<Task>, call: &Call) -> Result<()> {
        let text = serde_json::to_string(row).map_err(Error::failed)?;
        tx.execute("INSERT INTO todo VALUES (?1, ?2, ?3)", [row.id.as_str(), team(call), &text])
            .map(drop)
            .map_err(to_source_error)
    }

    async fn save(&self, tx: &mut Held, row: &Row<Task>, _: &Call) -> Result<()> {
        let text = serde_json::to_string(row).map_err(Error::failed)?;
        tx.execute("UPDATE todo SET row = ?2 WHERE key = ?1", [row.id.as_str(), &text])
            .map(drop)
            .map_err(to_source_error)
    }

    async fn remove(&self, tx: &mut Held, row: &Row<Task>, _: &Call) -> Result<()> {
        tx.execute("DELETE FROM todo WHERE key = ?1", [row.id.as_str()])
            .map(drop)
            .map_err(to_source_error)
    }
}

fn source() -> Tables<Database> {
    Tables::new(Database::new()).table::<Task, _>(Todo)
}

#[tokio::test]
async fn typed_tables_pass_the_kit() {
    let row = json!({ "title": "Write spec", "estimate": 1.5 });
    let subject = Subject::new(KEY, "tasks", row.as_object().expect("an object").clone());
    let outcomes = kit::run(&Endpoint::new(source(), [KEY]), &subject).await;
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    assert!(outcomes.len() == 24 && failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn applications_receive_complete_typed_rows() {
    let source = source();
    let mut scope = SourceScope::new();
    (scope.organization_id, scope.participant_id) =
        (Some("acme".to_owned()), Some("ada".to_owned()));
    let call = Call { message_id: "m".to_owned(), signed_at: 0, scope, is_test: true };
    let commit = |tx: &str, verb: Verb, data: Option<Value>| {
        let mut operation = Operation::frame(verb, "tasks", "t1");
        if let Some(data) = data {
            operation.data =
                ablo_wire::Maybe::Value(RawRow::parse(&data.to_string()).expect("an object"));
        }
        let mut commit = SourceCommit::new(vec![operation]);
        commit.client_tx_id = Some(tx.to_owned());
        source.commit(&call, commit)
    };
    let rows = commit("1", Verb::Create, Some(json!({ "title": "a" })))
        .await
        .expect("the commit succeeds")
        .rows
        .expect("the answer has rows");
    let made: Row<Task> = serde_json::from_str(rows[0].get()).expect("a valid task");
    assert_eq!((made.title.as_str(), made.done, made.estimate), ("a", false, None));
    assert_eq!(
        (made.organization_id.as_deref(), made.created_by.as_deref()),
        (Some("acme"), Some("ada"))
    );
    // A patch keeps the fields that it omits and clears null ones. Archiving sets a time.
    commit("2", Verb::Update, Some(json!({ "estimate": 2.5 }))).await.expect("the commit succeeds");
    commit("3", Verb::Update, Some(json!({ "estimate": null, "done": true })))
        .await
        .expect("the commit succeeds");
    let rows = commit("4", Verb::Archive, None)
        .await
        .expect("the commit succeeds")
        .rows
        .expect("the answer has rows");
    let archived: Row<Task> = serde_json::from_str(rows[0].get()).expect("a valid task");
    assert_eq!((archived.title.as_str(), archived.done, archived.estimate), ("a", true, None));
    assert!(archived.archived_at.is_some() && archived.updated_at >= made.updated_at);
    // Invalid rows do not reach the table.
    for (tx, wrong, code) in [
        ("5", json!({ "title": 7 }), "check_violation"),
        ("6", json!({ "title": null }), "check_violation"),
        ("7", json!({ "name": "x" }), "unknown_field"),
    ] {
        match commit(tx, Verb::Update, Some(wrong)).await {
            Err(Error::Refused(failure, 400)) => assert_eq!(failure.error.as_str(), code),
            other => panic!("{tx}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_application_authorizes_participants() {
    let endpoint = Endpoint::new(source(), [KEY]);
    let ask = async |participant: &str, request: Value| {
        let mut request = request;
        request["scope"] =
            json!({ "organizationId": "acme", "participantId": participant, "mode": "test" });
        let id = format!("msg_{participant}_{}", request["type"]);
        let reply = endpoint
            .send(Message::signed(KEY, &id, request.to_string().into_bytes()))
            .await
            .expect("the request succeeds");
        (reply.status, serde_json::from_slice::<Value>(&reply.body).expect("valid JSON"))
    };
    let load = json!({ "type": "load", "model": "tasks", "id": "t1" });
    let create =
        json!({ "type": "CREATE", "model": "tasks", "id": "t1", "input": { "title": "a" } });
    let commit = json!({ "type": "commit", "clientTxId": "1", "operations": [create] });
    assert_eq!(ask("agent:reader", load.clone()).await, (200, json!({ "row": null })));
    let (status, refused) = ask("agent:reader", commit.clone()).await;
    assert_eq!(
        (status, &refused["error"], &refused["required"]),
        (403, &json!("source_forbidden"), &json!("commit"))
    );
    assert_eq!(refused["granted"], json!(["load", "list", "events"]));
    assert_eq!(ask("agent:unknown", load).await.0, 403);
    assert_eq!(ask("agent:writer", commit).await.0, 200);
}
