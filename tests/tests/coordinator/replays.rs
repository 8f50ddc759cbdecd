//! Repeated operations and commits on both stores: each is applied once, and a key that was used
//! for another write is refused.

use ablo_server::identity::Identity;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::{self, World, code, user};
use ablo_wire::ParticipantKind;
use serde_json::{Value, json};
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
const DAY: i64 = 24 * 3600;

on_both_stores! { super::SCHEMA;
    an_operation_that_changed_nothing_is_not_applied_later
    a_transaction_id_of_another_write_is_refused
    participants_do_not_share_transaction_ids
    participants_do_not_share_idempotency_keys
    a_repeated_commit_may_have_another_guard
    a_create_with_a_chosen_id_is_applied_once
    a_repeated_create_answers_with_the_id_of_the_first
    a_create_that_was_a_retry_is_not_applied_later
    operations_of_earlier_coordinators_are_known
    a_key_that_may_have_been_forgotten_is_refused
    commits_without_an_id_are_alike_over_http_and_sockets
    an_absent_row_and_a_hidden_one_are_deleted_alike
}

fn operation(action: &str, id: &str, text: Option<&str>, transaction: &str) -> Value {
    let data = text.map(|text| json!({ "text": text }));
    json!({
        "action": action,
        "model": "notes",
        "id": id,
        "data": data,
        "transactionId": transaction,
    })
}

async fn commit(world: &World, who: &Identity, operations: &[Value]) -> Result<u64, String> {
    let operations = serde_json::to_string(operations).expect("JSON");
    match world.commit(who, &operations).await {
        Ok(receipt) => Ok(receipt.last_sync_id.expect("a sync id").0),
        Err(error) => Err(error.into_api_error().code().to_owned()),
    }
}

fn conflict() -> Result<u64, String> {
    Err("idempotency_conflict".to_owned())
}

async fn text(world: &World, id: &str) -> Option<String> {
    let row = world.retrieve(&user("ann"), "notes", id).await.expect("a read");
    Some(server::json(&row?)["text"].as_str().expect("a text").to_owned())
}

async fn an_operation_that_changed_nothing_is_not_applied_later(world: World) {
    let ann = user("ann");
    let delete = [operation("delete", "n", None, "t1")];
    commit(&world, &ann, &delete).await.expect("nothing to delete");
    let create = [operation("create", "n", Some("one"), "t2")];
    commit(&world, &user("bob"), &create).await.expect("created");
    // The answer of the delete was lost, and the client sends it again.
    commit(&world, &ann, &delete).await.expect("applied before");
    assert_eq!(text(&world, "n").await.as_deref(), Some("one"));
}

async fn a_transaction_id_of_another_write_is_refused(world: World) {
    let ann = user("ann");
    let create = operation("create", "n", Some("one"), "t1");
    let first = commit(&world, &ann, std::slice::from_ref(&create)).await.expect("created");
    assert_eq!(commit(&world, &ann, &[create]).await, Ok(first), "the same write");
    for other in [
        operation("create", "m", Some("one"), "t1"),
        operation("create", "n", Some("two"), "t1"),
        operation("update", "n", Some("one"), "t1"),
        operation("delete", "n", None, "t1"),
    ] {
        assert_eq!(commit(&world, &ann, std::slice::from_ref(&other)).await, conflict(), "{other}");
    }
    let twice =
        [operation("update", "n", Some("a"), "t2"), operation("update", "n", Some("b"), "t2")];
    assert_eq!(commit(&world, &ann, &twice).await, conflict(), "within one commit");
    assert_eq!(text(&world, "n").await.as_deref(), Some("one"));
}

async fn participants_do_not_share_transaction_ids(world: World) {
    let agent = Identity { kind: ParticipantKind::Agent, ..user("ann") };
    let writers = [user("ann"), user("bob"), agent];
    for (at, who) in writers.iter().enumerate() {
        let create = operation("create", &format!("n{at}"), Some("one"), "t1");
        commit(&world, who, &[create]).await.expect("each has ids of its own");
    }
    assert_eq!(world.log(&user("ann"), 0).await.expect("the log").len(), 3);
}

async fn participants_do_not_share_idempotency_keys(world: World) {
    let create = |id: &str| json!([operation("create", id, Some("one"), id)]).to_string();
    world.commit_as(&user("ann"), "key", &create("a")).await.expect("the first");
    world.commit_as(&user("bob"), "key", &create("b")).await.expect("another participant's");
    assert_eq!(text(&world, "b").await.as_deref(), Some("one"));
    let other = world.commit_as(&user("ann"), "key", &create("c")).await;
    assert_eq!(code(other), "idempotency_conflict");
}

async fn a_repeated_commit_may_have_another_guard(world: World) {
    let ann = user("ann");
    let create = operation("create", "n", Some("one"), "t1");
    let first = commit(&world, &ann, &[create]).await.expect("created");
    let update = |text: &str, guard: Value| {
        let mut update = operation("update", "n", Some(text), "t2");
        let members = guard.as_object().expect("an object").clone();
        update.as_object_mut().expect("an object").extend(members);
        json!([update]).to_string()
    };
    let guards =
        [json!({}), json!({ "readAt": first }), json!({ "readAt": first, "after": ["x"] })];
    for guard in guards {
        // What the client knows has changed between the attempts.
        world.commit_as(&ann, "key", &update("two", guard)).await.expect("the same commit");
    }
    let other = world.commit_as(&ann, "key", &update("three", json!({}))).await;
    assert_eq!(code(other), "idempotency_conflict");
    assert_eq!(world.log(&ann, 0).await.expect("the log").len(), 2);
}

async fn a_create_with_a_chosen_id_is_applied_once(world: World) {
    let create = json!({
        "action": "create",
        "model": "notes",
        "data": { "text": "one" },
        "transactionId": "t1",
    });
    for _ in 0..2 {
        commit(&world, &user("ann"), std::slice::from_ref(&create)).await.expect("created once");
    }
    assert_eq!(world.log(&user("ann"), 0).await.expect("the log").len(), 1);
}

async fn operations_of_earlier_coordinators_are_known(world: World) {
    let ann = user("ann");
    let create = operation("create", "n", Some("one"), "t1");
    let first = commit(&world, &ann, std::slice::from_ref(&create)).await.expect("created");
    world
        .write(&ann, |_, tx, _| Ok(tx.connection().execute("DELETE FROM ablo_operations", &[])?))
        .await
        .expect("as an earlier coordinator leaves it");
    assert_eq!(commit(&world, &ann, &[create]).await, Ok(first));
    for other in [operation("create", "m", Some("one"), "t1"), operation("delete", "n", None, "t1")]
    {
        assert_eq!(commit(&world, &ann, std::slice::from_ref(&other)).await, conflict(), "{other}");
    }
}

async fn a_repeated_create_answers_with_the_id_of_the_first(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let create = async |body: Value| {
        let made = server.ask(&server.key, "POST", "/api/v1/commits", Some(body)).await.1;
        made["createdIds"][0].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    };
    let operation = |transaction: Option<&str>| {
        json!([{
            "action": "create",
            "model": "notes",
            "data": { "text": "one" },
            "transactionId": transaction,
        }])
    };
    // The 0.9 client sends the operation again in another commit.
    let first = create(json!({ "clientTxId": "a", "operations": operation(Some("t1")) })).await;
    let again = create(json!({ "clientTxId": "b", "operations": operation(Some("t1")) })).await;
    assert_eq!(first, again);
    assert!(text(&world, &first).await.is_some(), "the row exists");
    let other = create(json!({ "clientTxId": "c", "operations": operation(None) })).await;
    let unnamed = create(json!({ "operations": operation(None) })).await;
    assert!(first != other && other != unnamed);
}

async fn a_create_that_was_a_retry_is_not_applied_later(world: World) {
    let ann = user("ann");
    let create = |transaction: &str| [operation("create", "n", Some("one"), transaction)];
    commit(&world, &ann, &create("t1")).await.expect("created");
    commit(&world, &ann, &create("t2")).await.expect("the same values, by the last writer");
    let delete = [operation("delete", "n", None, "t3")];
    commit(&world, &user("bob"), &delete).await.expect("deleted");
    commit(&world, &ann, &create("t2")).await.expect("applied before");
    assert_eq!(text(&world, "n").await, None, "the row stays deleted");
}

async fn a_key_that_may_have_been_forgotten_is_refused(world: World) {
    let clock = Observed::new(Arc::clone(&world.store));
    let store: Arc<dyn ablo_server::Store> = Arc::clone(&clock) as _;
    let server = Coordinator::start(world.schema(), Arc::clone(&store)).await;
    let key = format!("tx_{}_ab", store.now().as_millisecond());
    let body = json!({ "operations": [operation("create", "n", Some("one"), &key)] });
    let send =
        async || server.ask(&server.key, "POST", "/api/v1/commits", Some(body.clone())).await;
    assert_eq!(send().await.0, 200);
    clock.set_ahead(89 * DAY);
    assert_eq!(send().await.0, 200, "applied before");
    clock.set_ahead(91 * DAY);
    let (status, answer) = send().await;
    assert_eq!(
        (status, answer["code"].as_str()),
        (409, Some("idempotency_key_expired")),
        "{answer}"
    );
}

async fn commits_without_an_id_are_alike_over_http_and_sockets(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut socket = server.socket(&server.key, "").await;
    let requests = [
        json!({}),
        json!({ "clientTxId": "" }),
        json!({ "clientTxId": "", "idempotencyKey": "" }),
        json!({ "idempotencyKey": "k" }),
        json!({ "idempotencyKey": "k", "clientTxId": "" }),
        json!({ "idempotencyKey": "k", "clientTxId": "shown" }),
    ];
    for (at, request) in requests.iter().enumerate() {
        let body = |transport: &str| {
            let keyed = request.get("idempotencyKey").and_then(Value::as_str) == Some("k");
            let id = if keyed { transport.to_owned() } else { format!("{transport}{at}") };
            let mut body = request.clone();
            body["operations"] = json!([operation("create", &id, Some("one"), "")]);
            if keyed {
                body["idempotencyKey"] = json!(format!("k-{transport}"));
            }
            body
        };
        let (status, http) =
            server.ask(&server.key, "POST", "/api/v1/commits", Some(body("http"))).await;
        assert_eq!(status, 200, "{http}");
        socket.send("commit", body("socket")).await;
        let framed = socket.receive("mutation_result").await;
        assert_eq!(framed["success"], true, "{framed}");
        for (transport, receipt) in [("http", &http), ("socket", &framed)] {
            let shown = receipt["clientTxId"].as_str().expect("an id");
            match at {
                0..3 => assert_eq!(shown.len(), 36, "a generated id: {receipt}"),
                3..5 => assert_eq!(shown, format!("k-{transport}")),
                _ => assert_eq!(shown, "shown"),
            }
        }
    }
    // Three commits without a key and one with a key, over each transport.
    assert_eq!(world.log(&user("ann"), 0).await.expect("the log").len(), 8);
}

async fn an_absent_row_and_a_hidden_one_are_deleted_alike(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    commit(&world, &user("ann"), &[operation("create", "n", Some("one"), "t1")])
        .await
        .expect("created");
    let narrow = json!({ "syncGroups": ["user:bob"] });
    let bob = server.session("user", "bob", narrow).await;
    let mut answers = Vec::new();
    for id in ["n", "absent"] {
        let path = format!("/api/v1/models/notes/{id}");
        let (status, mut answer) = server.ask(&bob, "DELETE", &path, None).await;
        let members = answer.as_object_mut().expect("an object");
        members.remove("clientTxId");
        answers.push((status, answer));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(text(&world, "n").await.as_deref(), Some("one"), "the hidden row stays");
}
