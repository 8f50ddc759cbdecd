//! Columns of declared types: values of each, ids that are UUIDs and integers, and refusals.

use ablo_server::engine::read::ListQuery;
use ablo_server::store::Dialect;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, ask, code, json, user};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../../fixtures/schemas/column-types/schema.json");
const STATION: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

on_both_stores! { super::SCHEMA;
    values_of_every_type_round_trip
    ids_of_other_types_find_their_rows
    lists_and_pages_follow_the_type_of_the_id
    values_that_a_column_cannot_store_are_refused
    filters_compare_values_of_the_type
}

/// Returns a value of each type.
fn values() -> Value {
    json!({
        "textCode": "a'b äöü", "textCountry": "CH", "textObject": "pg_class", "textToken": STATION,
        "textSmall": "-32768", "textWhole": "7", "textBig": "9223372036854775807",
        "textDay": "2024-02-29", "textClock": "08:00:00", "textZoned": "08:00:00+02",
        "textSpan": "P1DT2H", "textHost": "10.0.0.1", "textNetwork": "10.0.0.0/8",
        "textCard": "08:00:2b:01:02:03", "textBytes": "AAECAwQFBgcICQoLDA0ODw==",
        "textFree": "", "kind": "far", "numberSmall": -5, "numberWhole": 2_147_483_647,
        "numberBig": 9_007_199_254_740_991_i64, "numberSingle": 0.5, "numberExact": 0.1,
        "numberMoney": 19.99, "dateLocal": "2024-02-29T23:59:59.999999Z",
        "dateMillis": "2024-02-29T23:59:59.123Z", "dateZoned": "1969-12-31T23:59:59.001Z",
        "dateDay": "2024-02-29T00:00:00.000Z", "jsonPlain": {"a": [1, null]},
        "jsonWords": ["it's", "", null], "jsonNumbers": [1, -2], "jsonIds": [STATION]
    })
}

async fn station(world: &World) {
    let create = json!([{ "action": "create", "model": "stations", "id": STATION,
        "data": { "name": "Zürich" } }]);
    world.commit(&user("ann"), &create.to_string()).await.expect("the station is created");
}

async fn reading(world: &World, id: &str, data: Value) -> Result<(), String> {
    let mut data = data;
    data["stationId"] = STATION.into();
    let create = json!([{ "action": "create", "model": "readings", "id": id, "data": data }]);
    match world.commit(&user("ann"), &create.to_string()).await {
        Ok(_) => Ok(()),
        refused => Err(code(refused)),
    }
}

async fn row(world: &World, model: &str, id: &str) -> Option<Value> {
    let found = world.retrieve(&user("ann"), model, id).await.expect("the request succeeds");
    found.map(|row| json(&row))
}

async fn values_of_every_type_round_trip(world: World) {
    let ann = user("ann");
    station(&world).await;
    reading(&world, "10", values()).await.expect("the reading is created");
    let stored = row(&world, "readings", "10").await.expect("the row exists");
    for (field, value) in values().as_object().expect("an object") {
        assert_eq!(stored[field], *value, "{field}");
    }
    // The same create is recognised, and its row is in the log as it is stored.
    let before = world.log(&ann, 0).await.expect("the log is readable").len();
    reading(&world, "10", values()).await.expect("a repeated create succeeds");
    let log = world.log(&ann, 0).await.expect("the log is readable");
    assert_eq!(log.len(), before);
    let delta = log.last().and_then(|delta| delta.data.clone()).expect("the delta has a row");
    assert_eq!(json(&delta), stored);

    reading(&world, "11", json!({ "textBytes": null })).await.expect("a row without values");
    let mut update = json!([{ "action": "update", "model": "readings", "id": "11" }]);
    update[0]["data"] = values();
    world.commit(&ann, &update.to_string()).await.expect("the row is updated");
    let updated = row(&world, "readings", "11").await.expect("the row exists");
    for (field, value) in values().as_object().expect("an object") {
        assert_eq!(updated[field], *value, "{field}");
    }
    let nulls: serde_json::Map<String, Value> = values()
        .as_object()
        .expect("an object")
        .keys()
        .map(|key| (key.clone(), Value::Null))
        .collect();
    update[0]["data"] = nulls.into();
    world.commit(&ann, &update.to_string()).await.expect("the row is cleared");
    let cleared = row(&world, "readings", "11").await.expect("the row exists");
    for field in values().as_object().expect("an object").keys() {
        assert_eq!(cleared[field], Value::Null, "{field}");
    }
}

async fn ids_of_other_types_find_their_rows(world: World) {
    let ann = user("ann");
    station(&world).await;
    for id in ["2", "10"] {
        reading(&world, id, json!({})).await.expect("the reading is created");
    }
    // A reference from an integer to a bigint.
    reading(&world, "3", json!({ "previousId": "10" })).await.expect("the reading is created");
    assert_eq!(row(&world, "readings", "3").await.expect("the row")["previousId"], "10");
    for (model, id) in [
        ("readings", "x"),
        ("readings", "02"),
        ("readings", "9223372036854775808"),
        ("stations", "x"),
        ("stations", "67E55044-10b1-426f-9247-bb680e5fe0c8"),
    ] {
        assert_eq!(row(&world, model, id).await, None, "{model} {id}");
        let create = json!([{ "action": "create", "model": model, "id": id,
            "data": { "name": "x", "stationId": STATION } }]);
        assert_eq!(code(world.commit(&ann, &create.to_string()).await), "invalid_id", "{id}");
        let update =
            json!([{ "action": "update", "model": model, "id": id, "data": { "name": "y" } }]);
        assert_eq!(code(world.commit(&ann, &update.to_string()).await), "entity_not_found", "{id}");
        let delete = json!([{ "action": "delete", "model": model, "id": id }]);
        world.commit(&ann, &delete.to_string()).await.expect("there is nothing to delete");
    }
    // The coordinator makes UUIDs only.
    let create = json!([{ "action": "create", "model": "stations", "data": { "name": "Bern" } }]);
    world.commit(&ann, &create.to_string()).await.expect("the station gets an id");
    let create =
        json!([{ "action": "create", "model": "readings", "data": { "stationId": STATION } }]);
    assert_eq!(code(world.commit(&ann, &create.to_string()).await), "invalid_id");

    world.claim(&ann, "readings", ask("c", "2", false)).await.expect("the row is claimed");
    let update = json!([{ "action": "update", "model": "readings", "id": "2",
        "data": { "textCode": "b" } }]);
    let refused = world.commit(&user("ben"), &update.to_string()).await;
    assert_eq!(code(refused), "entity_claimed");
    world.commit(&ann, &update.to_string()).await.expect("the claimant writes");

    let query = json!({ "model": "readings", "ids": ["2", "10", "x"] });
    assert_eq!(world.query(&ann, &query).await.expect("the query succeeds").len(), 2);
    let query = json!({ "model": "stations", "related": ["readings"] });
    world.query(&ann, &query).await.expect("the rows that refer to a row are found");
    for id in ["3", "2", "10"] {
        let delete = json!([{ "action": "delete", "model": "readings", "id": id }]);
        world.commit(&ann, &delete.to_string()).await.expect("the row is deleted");
        assert_eq!(row(&world, "readings", id).await, None);
    }
}

async fn lists_and_pages_follow_the_type_of_the_id(world: World) {
    station(&world).await;
    for id in ["10", "-1", "9", "100"] {
        reading(&world, id, json!({ "textBig": id })).await.expect("the reading is created");
    }
    let by_number = ["-1", "9", "10", "100"];
    let by_bytes = ["-1", "10", "100", "9"];
    let wanted = match world.store.dialect() {
        Dialect::Postgres => by_number,
        Dialect::Sqlite => by_bytes,
    };
    for order_by in ["id", "textBig", "textDay"] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let query = ListQuery {
                limit: Some(1),
                order_by: Some(order_by.to_owned()),
                descending: false,
                starting_after: cursor,
                filters: Vec::new(),
            };
            let page = world.list(&user("ann"), "readings", query).await.expect("a page");
            seen.extend(page.rows.iter().map(|row| json(row)["id"].clone()));
            assert!(seen.len() <= wanted.len(), "the pages by {order_by} do not end");
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, wanted, "{order_by}");
    }
}

async fn values_that_a_column_cannot_store_are_refused(world: World) {
    station(&world).await;
    for (field, value) in [
        ("textCode", json!("x".repeat(21))),
        ("textCountry", json!("ABCD")),
        ("textObject", json!("x".repeat(64))),
        ("textToken", json!("x")),
        ("textSmall", json!("32768")),
        ("textWhole", json!("1.5")),
        ("textBig", json!("")),
        ("textDay", json!("2023-02-29")),
        ("textClock", json!("25:00:00")),
        ("textZoned", json!("08:00:00")),
        ("textSpan", json!("1 day")),
        ("textHost", json!("10.0.0")),
        ("textCard", json!("x")),
        ("textBytes", json!("*")),
        ("numberSmall", json!(32768)),
        ("numberWhole", json!(0.5)),
        ("numberBig", json!(1e300)),
        ("dateDay", json!("2024-02-29T00:00:01Z")),
        ("jsonWords", json!(["a", 1])),
        ("jsonWords", json!("a")),
        ("jsonNumbers", json!([1.5])),
        ("jsonIds", json!(["x"])),
    ] {
        let refused = reading(&world, "1", json!({ field: value })).await;
        assert_eq!(refused, Err("check_violation".to_owned()), "{field} {value}");
    }
    // Only the database knows.
    for (field, value) in [("textNetwork", json!("10.0.0.1/8")), ("numberMoney", json!(1e12))] {
        let refused = reading(&world, "1", json!({ field: value })).await;
        match world.store.dialect() {
            Dialect::Postgres => {
                assert_eq!(refused, Err("constraint_violation".to_owned()), "{field}")
            }
            Dialect::Sqlite => continue,
        }
        assert_eq!(row(&world, "readings", "1").await, None);
    }
}

async fn filters_compare_values_of_the_type(world: World) {
    let ann = user("ann");
    station(&world).await;
    reading(&world, "1", values()).await.expect("the reading is created");
    let without_defaults = json!({ "kind": null, "numberWhole": null });
    reading(&world, "2", without_defaults).await.expect("the reading is created");
    for (field, value) in values().as_object().expect("an object") {
        if field.starts_with("json") {
            continue;
        }
        let query = json!({ "model": "readings", "where": [[field, "=", value]] });
        let rows = world.query(&ann, &query).await.expect("the query succeeds");
        assert_eq!(rows.len(), 1, "{field}");
        let query = json!({ "model": "readings", "where": [[field, "IN", [value]]] });
        let rows = world.query(&ann, &query).await.expect("the query succeeds");
        assert_eq!(rows.len(), 1, "{field}");
        let query = json!({ "model": "readings", "where": [[field, ">=", value]] });
        let rows = world.query(&ann, &query).await.expect("the query succeeds");
        assert_eq!(rows.len(), 1, "{field}");
    }
    for (field, pattern) in [("textCode", "a%"), ("textBig", "92%"), ("textDay", "2024-%")] {
        let query = json!({ "model": "readings", "where": [[field, "LIKE", pattern]] });
        let rows = world.query(&ann, &query).await.expect("the query succeeds");
        assert_eq!(rows.len(), 1, "{field}");
    }
    let query = json!({ "model": "readings", "where": [["textBig", "=", "x"]] });
    assert_eq!(code(world.query(&ann, &query).await), "model_query_failed");
}
