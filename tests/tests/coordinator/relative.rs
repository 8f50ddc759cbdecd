//! Relative operations on both stores: what each does, that they need no guard and commute, and
//! what is refused.

use ablo_server::identity::{Identity, Operations};
use ablo_server::{CoordinatorOptions, SourceOptions};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::{self, World, ask, code, user};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SCHEMA: &str = include_str!("../../../fixtures/schemas/relative-operations/schema.json");
/// The number of random lists of changes.
const CASES: usize = 24;

on_both_stores! { super::SCHEMA;
    every_operation_changes_its_field
    an_absent_value_counts_as_empty
    wide_numbers_are_exact
    a_result_out_of_range_is_refused
    a_result_that_does_not_match_the_shape_is_refused
    items_are_equal_whatever_their_text
    operations_of_one_commit_follow_each_other
    no_read_is_too_old
    a_guarded_write_of_the_same_field_is_stale
    claims_of_others_hold
    each_is_applied_once
    undeclared_operations_are_refused
    malformed_operations_are_refused
    hidden_and_absent_rows_are_not_changed
    credentials_and_models_that_do_not_write_are_refused
    a_row_is_changed_over_http
    rows_of_a_data_source_are_not_changed
    they_commute
}

fn create(id: &str, further: Value) -> Value {
    let mut data = json!({ "title": "T", "votes": 0 });
    let members = further.as_object().expect("an object").clone();
    data.as_object_mut().expect("an object").extend(members);
    json!({ "action": "create", "model": "tasks", "id": id, "data": data })
}

fn adjust(id: &str, relative: Value) -> Value {
    json!({ "action": "adjust", "model": "tasks", "id": id, "relative": relative })
}

async fn commit(world: &World, operations: &[Value]) -> Result<u64, String> {
    let receipt = world.commit(&user("ann"), &json!(operations).to_string()).await;
    match receipt {
        Ok(receipt) => Ok(receipt.last_sync_id.expect("a sync id").0),
        Err(error) => Err(error.into_api_error().code().to_owned()),
    }
}

async fn row(world: &World, id: &str) -> Value {
    let row = world.retrieve(&user("ann"), "tasks", id).await.expect("a read");
    server::json(&row.expect("a row"))
}

/// Creates a row, changes it, and returns a member.
async fn changed(world: &World, member: &str, before: Value, change: Value) -> Value {
    let id = uuid::Uuid::new_v4().to_string();
    commit(world, &[create(&id, json!({ member: before }))]).await.expect("created");
    commit(world, &[adjust(&id, json!({ member: change }))]).await.expect("changed");
    row(world, &id).await[member].clone()
}

async fn every_operation_changes_its_field(world: World) {
    for (member, before, change, after) in [
        ("votes", json!(2), json!({ "increment": 3 }), json!(5)),
        ("votes", json!(2), json!({ "increment": -3 }), json!(-1)),
        ("score", json!(0.5), json!({ "increment": 0.25 }), json!(0.75)),
        ("ratio", json!(0.5), json!({ "increment": 1 }), json!(1.5)),
        ("seen", json!("1"), json!({ "increment": "-2" }), json!("-1")),
        ("bytes", json!("5"), json!({ "increment": "-5" }), json!("0")),
        ("cost", json!("9.99"), json!({ "increment": "0.01" }), json!("10.00")),
        ("total", json!("-0.5"), json!({ "increment": "0.75" }), json!("0.25")),
        ("log", json!("a"), json!({ "append": "b\n" }), json!("ab\n")),
        ("tags", json!(["a"]), json!({ "append": ["a", "b"] }), json!(["a", "a", "b"])),
        ("tags", json!(["a"]), json!({ "add": ["a", "b", "b"] }), json!(["a", "b"])),
        ("tags", json!(["a", "b", "a"]), json!({ "remove": ["a", "c"] }), json!(["b"])),
    ] {
        assert_eq!(changed(&world, member, before, change.clone()).await, after, "{change}");
    }
    let id = "both";
    commit(&world, &[create(id, json!({}))]).await.expect("created");
    let mut both = adjust(id, json!({ "votes": { "increment": 1 }, "tags": { "add": ["x"] } }));
    both["data"] = json!({ "title": "U" });
    commit(&world, &[both]).await.expect("changed");
    let row = row(&world, id).await;
    assert_eq!(
        (&row["title"], &row["votes"], &row["tags"]),
        (&json!("U"), &json!(1), &json!(["x"]))
    );
    let log = world.log(&user("ann"), 0).await.expect("the log");
    let last = log.last().expect("a delta");
    assert_eq!(last.action, "U");
    let data = server::json(last.data.as_deref().expect("the row"));
    assert_eq!(data["votes"], 1, "a delta has the resulting row");
}

async fn an_absent_value_counts_as_empty(world: World) {
    for (member, change, after) in [
        ("score", json!({ "increment": 2 }), json!(2)),
        ("seen", json!({ "increment": "2" }), json!("2")),
        ("cost", json!({ "increment": "2.5" }), json!("2.50")),
        ("links", json!({ "add": [1] }), json!([1])),
        ("links", json!({ "remove": [1] }), json!([])),
    ] {
        assert_eq!(changed(&world, member, Value::Null, change.clone()).await, after, "{change}");
    }
}

async fn wide_numbers_are_exact(world: World) {
    for (member, before, change, after) in [
        ("seen", "9007199254740992", "1", "9007199254740993"),
        ("seen", "-9223372036854775808", "9223372036854775807", "-1"),
        ("bytes", "18446744073709551614", "1", "18446744073709551615"),
        ("total", "123456789012345678901234567890.1", "0.09", "123456789012345678901234567890.19"),
    ] {
        let after = json!(after);
        assert_eq!(
            changed(&world, member, json!(before), json!({ "increment": change })).await,
            after
        );
    }
}

async fn a_result_out_of_range_is_refused(world: World) {
    for (member, before, change) in [
        ("votes", json!(2_147_483_647), json!({ "increment": 1 })),
        ("votes", json!(-2_147_483_648), json!({ "increment": -1 })),
        ("score", json!(1.7e308), json!({ "increment": 1.7e308 })),
        ("score", json!(9_007_199_254_740_992_u64), json!({ "increment": 1 })),
        ("ratio", json!(3.4e38), json!({ "increment": 3.4e38 })),
        ("seen", json!("9223372036854775807"), json!({ "increment": "1" })),
        ("bytes", json!("0"), json!({ "increment": "-1" })),
        ("bytes", json!("18446744073709551615"), json!({ "increment": "1" })),
        ("cost", json!("9999999999.99"), json!({ "increment": "0.01" })),
        ("cost", json!("1"), json!({ "increment": "0.001" })),
    ] {
        let id = uuid::Uuid::new_v4().to_string();
        commit(&world, &[create(&id, json!({ member: before }))]).await.expect("created");
        let before = row(&world, &id).await;
        let refused = commit(&world, &[adjust(&id, json!({ member: change }))]).await;
        assert_eq!(refused, Err("check_violation".to_owned()), "{member} {change}");
        assert_eq!(row(&world, &id).await, before);
    }
}

async fn a_result_that_does_not_match_the_shape_is_refused(world: World) {
    commit(&world, &[create("t", json!({ "links": { "a": 1 } }))]).await.expect("created");
    for change in [json!({ "tags": { "append": [1] } }), json!({ "links": { "add": [1] } })] {
        let refused = commit(&world, &[adjust("t", change.clone())]).await;
        assert_eq!(refused, Err("check_violation".to_owned()), "{change}");
    }
}

async fn items_are_equal_whatever_their_text(world: World) {
    let before = r#"[{"a":1,"b":2},100,18446744073709551616]"#;
    let text = create("t", json!({})).to_string();
    let text = text.replace(r#""votes":0"#, &format!(r#""votes":0,"links":{before}"#));
    world.commit(&user("ann"), &format!("[{text}]")).await.expect("created");
    let remove = r#"[{"b":2.0,"a":1},1e2,18446744073709551617]"#;
    let text = adjust("t", json!({ "links": { "remove": [] } })).to_string();
    let text = text.replace("[]", remove);
    world.commit(&user("ann"), &format!("[{text}]")).await.expect("removed");
    let row = world.retrieve(&user("ann"), "tasks", "t").await.expect("a read").expect("a row");
    assert!(row.contains(r#""links":[18446744073709551616]"#), "{row}");
}

async fn operations_of_one_commit_follow_each_other(world: World) {
    let operations = [
        create("t", json!({ "tags": ["a"] })),
        adjust("t", json!({ "votes": { "increment": 2 }, "tags": { "add": ["b"] } })),
        json!({ "action": "update", "model": "tasks", "id": "t", "data": { "votes": 10 } }),
        adjust("t", json!({ "votes": { "increment": 3 }, "tags": { "remove": ["a"] } })),
    ];
    commit(&world, &operations).await.expect("applied");
    let row = row(&world, "t").await;
    assert_eq!((&row["votes"], &row["tags"]), (&json!(13), &json!(["b"])));
}

async fn no_read_is_too_old(world: World) {
    let read = commit(&world, &[create("t", json!({}))]).await.expect("created");
    let update = |title: &str, guard: u64| {
        let data = json!({ "title": title });
        let mut update = json!({ "action": "update", "model": "tasks", "id": "t", "data": data });
        (update["readAt"], update["onStale"]) = (guard.into(), "reject".into());
        update
    };
    commit(&world, &[adjust("t", json!({ "votes": { "increment": 1 } }))]).await.expect("changed");
    commit(&world, &[update("U", read)]).await.expect("another field was changed");
    let mut again = adjust("t", json!({ "votes": { "increment": 1 } }));
    (again["readAt"], again["onStale"]) = (read.into(), "reject".into());
    commit(&world, &[again.clone()]).await.expect("a change needs no read");
    // The guard covers the members that are set.
    again["data"] = json!({ "title": "V" });
    assert_eq!(commit(&world, &[again]).await, Err("stale_context".to_owned()));
    assert_eq!(row(&world, "t").await["votes"], 2);
}

async fn a_guarded_write_of_the_same_field_is_stale(world: World) {
    let read = commit(&world, &[create("t", json!({}))]).await.expect("created");
    commit(&world, &[adjust("t", json!({ "votes": { "increment": 1 } }))]).await.expect("changed");
    let update = json!({
        "action": "update",
        "model": "tasks",
        "id": "t",
        "data": { "votes": 7 },
        "readAt": read,
    });
    assert_eq!(commit(&world, &[update]).await, Err("stale_context".to_owned()));
}

async fn claims_of_others_hold(world: World) {
    commit(&world, &[create("t", json!({}))]).await.expect("created");
    world.claim(&user("bob"), "tasks", ask("i", "t", false)).await.expect("a claim");
    let refused = commit(&world, &[adjust("t", json!({ "votes": { "increment": 1 } }))]).await;
    assert_eq!(refused, Err("entity_claimed".to_owned()));
}

async fn each_is_applied_once(world: World) {
    let ann = user("ann");
    commit(&world, &[create("t", json!({}))]).await.expect("created");
    let mut increment = adjust("t", json!({ "votes": { "increment": 1 } }));
    increment["transactionId"] = "t1".into();
    let text = json!([increment]).to_string();
    let first = world.commit_as(&ann, "key", &text).await.expect("applied");
    assert_eq!(world.commit_as(&ann, "key", &text).await.expect("the receipt"), first);
    world.commit_as(&ann, "another key", &text).await.expect("the operation is known");
    let twice = json!([increment, increment]).to_string();
    world.commit_as(&ann, "twice", &twice).await.expect("the operation is known");
    assert_eq!(row(&world, "t").await["votes"], 1);
    for other in [json!({ "votes": { "increment": 2 } }), json!({ "score": { "increment": 1 } })] {
        increment["relative"] = other;
        let text = json!([increment]).to_string();
        for key in ["key", "new key"] {
            let refused = world.commit_as(&ann, key, &text).await;
            assert_eq!(code(refused), "idempotency_conflict");
        }
    }
    assert_eq!(row(&world, "t").await["votes"], 1);
}

async fn undeclared_operations_are_refused(world: World) {
    commit(&world, &[create("t", json!({}))]).await.expect("created");
    for change in [
        json!({ "title": { "append": "x" } }),
        json!({ "votes": { "append": "x" } }),
        json!({ "votes": { "multiply": 2 } }),
        json!({ "links": { "append": [1] } }),
        json!({ "id": { "append": "x" } }),
        json!({ "createdBy": { "append": "x" } }),
        json!({ "organizationId": { "append": "x" } }),
        json!({ "nothing": { "increment": 1 } }),
    ] {
        let refused = commit(&world, &[adjust("t", change.clone())]).await;
        assert_eq!(refused, Err("commit_operation_unsupported".to_owned()), "{change}");
    }
}

async fn malformed_operations_are_refused(world: World) {
    commit(&world, &[create("t", json!({}))]).await.expect("created");
    for (change, expected) in [
        (json!({ "votes": 1 }), "invalid_request"),
        (json!({ "votes": null }), "invalid_request"),
        (json!({ "votes": {} }), "invalid_request"),
        (json!({ "tags": { "add": ["a"], "remove": ["b"] } }), "invalid_request"),
        (json!({ "votes": { "increment": "1" } }), "check_violation"),
        (json!({ "votes": { "increment": 0.5 } }), "check_violation"),
        (json!({ "votes": { "increment": null } }), "check_violation"),
        (json!({ "votes": { "increment": 1e300 } }), "check_violation"),
        (json!({ "seen": { "increment": 1 } }), "check_violation"),
        (json!({ "seen": { "increment": "1.5" } }), "check_violation"),
        (json!({ "cost": { "increment": "1e3" } }), "check_violation"),
        (json!({ "log": { "append": "\u{0}" } }), "check_violation"),
        (json!({ "log": { "append": ["x"] } }), "check_violation"),
        (json!({ "tags": { "add": "x" } }), "check_violation"),
        (json!({ "tags": { "add": ["\u{0}"] } }), "check_violation"),
    ] {
        let refused = commit(&world, &[adjust("t", change.clone())]).await;
        assert_eq!(refused, Err(expected.to_owned()), "{change}");
    }
    let mut both = adjust("t", json!({ "votes": { "increment": 1 } }));
    both["data"] = json!({ "votes": 2 });
    let mut update = both.clone();
    update["action"] = "update".into();
    let mut bare = both.clone();
    bare.as_object_mut().expect("an object").remove("relative");
    let mut new = adjust("new", json!({ "votes": { "increment": 1 } }));
    new["action"] = "create".into();
    for operation in [both, update, bare, new] {
        let refused = commit(&world, std::slice::from_ref(&operation)).await;
        assert_eq!(refused, Err("invalid_request".to_owned()), "{operation}");
    }
    assert_eq!(row(&world, "t").await["votes"], 0);
}

async fn hidden_and_absent_rows_are_not_changed(world: World) {
    commit(&world, &[create("t", json!({}))]).await.expect("created");
    let groups = BTreeSet::from(["other:group".to_owned()]);
    let stranger = Identity { groups, ..user("eve") };
    let other = Identity { organization: "globex".to_owned(), ..user("ann") };
    let change = |id: &str| json!([adjust(id, json!({ "votes": { "increment": 1 } }))]).to_string();
    for (who, id) in [(stranger, "t"), (other, "t"), (user("ann"), "absent")] {
        assert_eq!(code(world.commit(&who, &change(id)).await), "entity_not_found");
    }
    assert_eq!(row(&world, "t").await["votes"], 0);
}

async fn credentials_and_models_that_do_not_write_are_refused(world: World) {
    commit(&world, &[create("t", json!({}))]).await.expect("created");
    let change = json!([adjust("t", json!({ "votes": { "increment": 1 } }))]).to_string();
    let listed = BTreeSet::from(["tasks.read".to_owned(), "tasks.create".to_owned()]);
    for operations in [Operations::Read, Operations::Listed(listed)] {
        let reader = Identity { operations, ..user("ann") };
        assert_eq!(code(world.commit(&reader, &change).await), "capability_scope_denied");
    }
    let note = json!([{
        "action": "adjust",
        "model": "notes",
        "id": "n",
        "relative": { "hits": { "increment": 1 } },
    }]);
    assert_ne!(code(world.commit(&user("ann"), &note.to_string()).await), "entity_not_found");
    assert_eq!(row(&world, "t").await["votes"], 0);
}

async fn a_row_is_changed_over_http(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    commit(&world, &[create("t", json!({}))]).await.expect("created");
    let path = "/v1/models/tasks/t";
    let patch = |body: Value| server.ask(&server.key, "PATCH", path, Some(body));
    let (status, body) = patch(json!({ "relative": { "votes": { "increment": 2 } } })).await;
    assert_eq!((status, &body["success"]), (200, &json!(true)), "{body}");
    for body in [json!({}), json!({ "data": {}, "relative": {} })] {
        let (status, answer) = patch(body).await;
        assert_eq!((status, &answer["code"]), (400, &json!("invalid_body")), "{answer}");
    }
    let (status, answer) = patch(json!({ "relative": { "title": { "append": "x" } } })).await;
    assert_eq!((status, &answer["code"]), (400, &json!("commit_operation_unsupported")));
    assert!(answer["message"].as_str().expect("text").contains("tasks.title"), "{answer}");
    assert_eq!(row(&world, "t").await["votes"], 2);
}

async fn rows_of_a_data_source_are_not_changed(world: World) {
    commit(&world, &[create("t", json!({}))]).await.expect("created");
    // The refusal precedes the first request to the data source.
    let source = SourceOptions::new("acme", "http://127.0.0.1:9", "sk_test_example");
    let options = CoordinatorOptions { sources: vec![source], ..CoordinatorOptions::default() };
    let store = Arc::clone(&world.store);
    let server = Coordinator::start_with(world.schema(), store, options).await;
    let change = json!({ "votes": { "increment": 2 } });
    let body = Some(json!({ "relative": change }));
    let patched = server.ask(&server.key, "PATCH", "/v1/models/tasks/t", body).await;
    let operations = json!({ "operations": [adjust("t", change)] });
    let body = Some(operations.clone());
    let committed = server.ask(&server.key, "POST", "/v1/commits", body).await;
    for (status, refusal) in [patched, committed] {
        assert_eq!((status, &refusal["code"]), (400, &json!("commit_operation_unsupported")));
        assert!(refusal["message"].as_str().expect("text").contains("data source"), "{refusal}");
    }
    let mut socket = server.socket(&server.key, "").await;
    socket.send("commit", operations).await;
    let refused = socket.receive("mutation_result").await;
    assert_eq!(refused["error"]["code"], "commit_operation_unsupported", "{refused}");
    assert_eq!(row(&world, "t").await["votes"], 0);
}

/// A list of changes that do not depend on each other's order, up to the order of items.
fn changes() -> impl Strategy<Value = Vec<Value>> {
    let tag = || "[a-d]";
    let change = prop_oneof![
        (-100..100_i32).prop_map(|by| json!({ "votes": { "increment": by } })),
        (-1000..1000_i32).prop_map(|by| json!({ "score": { "increment": f64::from(by) } })),
        any::<i32>().prop_map(|by| json!({ "seen": { "increment": by.to_string() } })),
        any::<i32>().prop_map(|by| json!({ "total": { "increment": format!("{by}.5") } })),
        (-9999..9999_i32).prop_map(|by| json!({ "cost": { "increment": format!("{by}.01") } })),
        tag().prop_map(|tag| json!({ "tags": { "add": [tag] } })),
        tag().prop_map(|tag| json!({ "links": { "remove": [tag] } })),
    ];
    prop::collection::vec(change, 2..8)
}

/// Returns the row after changes, with its lists sorted.
async fn after(world: &World, changes: impl Iterator<Item = &Value>) -> BTreeMap<String, Value> {
    let id = uuid::Uuid::new_v4().to_string();
    let start = json!({ "tags": ["a"], "links": ["a", "b", "c", "a"] });
    commit(world, &[create(&id, start)]).await.expect("created");
    for change in changes {
        commit(world, &[adjust(&id, change.clone())]).await.expect("changed");
    }
    let row = row(world, &id).await;
    let members = ["votes", "score", "seen", "total", "cost", "tags", "links"];
    members
        .into_iter()
        .map(|name| {
            let mut value = row[name].clone();
            if let Some(items) = value.as_array_mut() {
                items.sort_by_key(Value::to_string);
            }
            (name.to_owned(), value)
        })
        .collect()
}

async fn they_commute(world: World) {
    let mut runner = TestRunner::deterministic();
    let cases = (changes(), any::<prop::sample::Index>());
    for _ in 0..CASES {
        let (changes, at) = cases.new_tree(&mut runner).expect("a case").current();
        let straight = after(&world, changes.iter()).await;
        let from = at.index(changes.len());
        let turned = changes.iter().cycle().skip(from).take(changes.len());
        assert_eq!(after(&world, turned).await, straight, "{changes:?} from {from}");
        assert_eq!(after(&world, changes.iter().rev()).await, straight, "{changes:?} reversed");
    }
}
