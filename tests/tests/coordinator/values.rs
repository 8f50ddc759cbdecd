//! Values of every kind on both stores: round trips, orders, pages, filters and queries.

use ablo_server::engine::read::ListQuery;
use ablo_tests::server::{World, code, json, user};
use serde_json::{Value, json};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "kinds":{"typename":"Kind","mutable":true,"relations":{},"fields":{
    "words":{"type":"string","isOptional":true,"isIndexed":false},
    "choice":{"type":"enum","isOptional":true,"isIndexed":false,"enumValues":["b","a","it's"]},
    "amount":{"type":"number","isOptional":true,"isIndexed":false},
    "single":{"type":"number","isOptional":true,"isIndexed":false,"format":"float"},
    "flag":{"type":"boolean","isOptional":true,"isIndexed":false},
    "day":{"type":"date","isOptional":true,"isIndexed":false},
    "tiny":{"type":"number","isOptional":true,"isIndexed":false,"format":"int8"},
    "wide":{"type":"number","isOptional":true,"isIndexed":false,"format":"uint32"},
    "long":{"type":"string","isOptional":true,"isIndexed":false,"format":"int64"},
    "huge":{"type":"string","isOptional":true,"isIndexed":false,"format":"uint64"},
    "exact":{"type":"string","isOptional":true,"isIndexed":false,"format":"decimal"},
    "price":{"type":"string","isOptional":true,"isIndexed":false,"format":"decimal","precision":12,
      "scale":2},
    "token":{"type":"string","isOptional":true,"isIndexed":false,"format":"uuid"}}},
  "documents":{"typename":"Document","mutable":true,"relations":{},"fields":{
    "body":{"type":"json","isOptional":true,"isIndexed":false}}}}}"#;

/// Returns test values of each field.
fn values() -> Vec<(&'static str, Value)> {
    vec![
        (
            "words",
            json!([
                "plain",
                "Plain",
                "plain ",
                "it's",
                "o\"k",
                "back\\slash",
                "back\\",
                "100%",
                "1_0",
                "[a]*?",
                "é",
                "É",
                "日本語 😀",
                "",
                "line\nbreak\tand \u{202e}bidi",
                "'; DROP TABLE kinds; --",
                "$1",
                "?1",
                "{1}",
                "NULL"
            ]),
        ),
        ("choice", json!(["b", "a", "it's"])),
        (
            "amount",
            json!([
                0.0,
                1.5,
                -7.0,
                1e21,
                0.1,
                -1e-7,
                127,
                9_007_199_254_740_993_i64,
                1.797_693_134_862_315_7e308,
                5e-324
            ]),
        ),
        ("single", json!([0.5, -1.0, 0.1, 16_777_216, 3.402_823_5e38, 1e-45])),
        ("flag", json!([true, false])),
        (
            "day",
            json!([
                "2024-02-29T23:59:59.999999Z",
                "1969-12-31T00:00:00.000001Z",
                "0001-01-01T00:00:00.000Z",
                "9999-12-31T23:59:59.999Z",
                "2024-02-29T23:59:59.5+01:00"
            ]),
        ),
        ("tiny", json!([-128, 127, 0])),
        ("wide", json!([0, 4_294_967_295_u32, 42])),
        ("long", json!(["-9223372036854775808", "9223372036854775807", "-1", "10", "9"])),
        ("huge", json!(["0", "18446744073709551615", "18446744073709551614", "9", "10"])),
        (
            "exact",
            json!([
                "-0.01",
                "1.5",
                "1.50",
                "123456789012345678901234567890.10",
                "123456789012345678901234567890.11",
                "-10",
                "-9"
            ]),
        ),
        ("price", json!(["0.00", "-0.50", "9999999999.99", "10.00", "9.99"])),
        (
            "token",
            json!([
                "67e55044-10b1-426f-9247-bb680e5fe0c8",
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff"
            ]),
        ),
    ]
}

const ROWS: usize = 63;

/// Returns rows that together have every value of every field, and null.
fn rows() -> Value {
    let values = values();
    let row = |row: usize| {
        let mut data = serde_json::Map::new();
        for (at, (field, values)) in values.iter().enumerate() {
            let values = values.as_array().expect("an array");
            let value =
                values.get((row + at * 7) % (values.len() + 1)).cloned().unwrap_or_default();
            data.insert((*field).to_owned(), value);
        }
        // The order of the ids differs from the order of creation.
        let id = format!("it's \"row\" {:02}", row * 29 % ROWS);
        json!({"action": "create", "model": "kinds", "id": id, "data": data})
    };
    (0..ROWS).map(row).collect()
}

async fn filled() -> [World; 2] {
    let worlds = World::both(SCHEMA);
    for world in &worlds {
        world.commit(&user("ann"), &rows().to_string()).await.expect("the commit succeeds");
    }
    worlds
}

/// Removes the timestamps of a row.
fn without_timestamps(row: &str) -> String {
    let mut row = row.to_owned();
    for member in ["\"createdAt\":\"", "\"updatedAt\":\""] {
        let from = row.find(member).expect("every row has times") + member.len();
        let to = from + row[from..].find('"').expect("a string ends");
        row.replace_range(from..to, "");
    }
    row
}

fn id(row: &str) -> String {
    json(row)["id"].as_str().expect("the id is a string").to_owned()
}

#[tokio::test]
async fn values_of_every_kind_round_trip() {
    let ann = user("ann");
    let mut read = Vec::new();
    for world in filled().await {
        let rows = world.query(&ann, &json!({"model": "kinds"})).await.expect("the query succeeds");
        assert_eq!(rows.len(), ROWS);
        for (row, delta) in rows.iter().zip({
            let mut log = world.log(&ann, 0).await.expect("the log is readable");
            log.sort_by(|a, b| a.row.cmp(&b.row));
            log
        }) {
            assert_eq!(
                world
                    .retrieve(&ann, "kinds", &id(row))
                    .await
                    .expect("the request succeeds")
                    .as_ref(),
                Some(row)
            );
            assert_eq!(json(delta.data.as_deref().expect("a row")), json(row));
        }
        read.push(rows.iter().map(|row| without_timestamps(row)).collect::<Vec<_>>());
    }
    assert_eq!(read[0], read[1]);
    // Values are returned as they were written, byte for byte if they have only one spelling.
    for operation in rows().as_array().expect("an array") {
        let row = read[0]
            .iter()
            .find(|row| id(row) == operation["id"].as_str().expect("the id is a string"))
            .expect("the row exists");
        for (field, value) in operation["data"].as_object().expect("an object") {
            let back = &json(row)[field];
            match field.as_str() {
                "amount" | "single" => assert_eq!(back.as_f64(), value.as_f64(), "{field}"),
                "day" if value == "2024-02-29T23:59:59.5+01:00" => {
                    assert_eq!(back, "2024-02-29T22:59:59.500Z")
                }
                _ => assert_eq!(back, value, "{field}"),
            }
        }
    }
}

#[tokio::test]
async fn json_documents_round_trip() {
    let documents = [
        r#"{"b":1,"a":[1.5,null,{"it's":"o\"k"}]}"#,
        "[]",
        "\"text\"",
        "false",
        "1e21",
        "0.1",
        r#"{"":"'; --","\\u0000":"\\"}"#,
        "\"\\ud83d\\ude00\"",
    ];
    let ann = user("ann");
    for world in World::both(SCHEMA) {
        for (at, document) in documents.iter().enumerate() {
            let operation = format!(
                r#"[{{"action":"create","model":"documents","id":"d{at}",
                    "data":{{"body":{document}}}}}]"#
            );
            world.commit(&ann, &operation).await.expect("the commit succeeds");
            let row = world
                .retrieve(&ann, "documents", &format!("d{at}"))
                .await
                .expect("the request succeeds")
                .expect("the row exists");
            assert_eq!(json(&row)["body"], json(document), "{world:?}");
            // A repeated create is recognised even if the store normalised the document.
            world.commit(&ann, &operation).await.expect("a repeated create succeeds");
        }
        for bad in ["\"\\u0000\"", "\"\\ud800\"", "1e999"] {
            let operation = format!(
                r#"[{{"action":"create","model":"documents","id":"x","data":{{"body":{bad}}}}}]"#
            );
            let refused = world.commit(&ann, &operation).await;
            assert!(refused.is_err(), "{bad} on {world:?}");
        }
    }
}

#[tokio::test]
async fn repeated_creates_are_recognised_for_every_kind() {
    let ann = user("ann");
    for world in filled().await {
        let before = world.log(&ann, 0).await.expect("the log is readable").len();
        world.commit(&ann, &rows().to_string()).await.expect("repeated creates succeed");
        assert_eq!(
            world.log(&ann, 0).await.expect("the log is readable").len(),
            before,
            "{world:?}"
        );
    }
}

#[tokio::test]
async fn pages_have_every_row_once_in_the_same_order() {
    let worlds = filled().await;
    let ann = user("ann");
    let fields = values().into_iter().map(|(field, _)| field).chain(["id", "createdBy"]);
    for (field, descending) in fields.flat_map(|field| [(field, false), (field, true)]) {
        let mut orders = Vec::new();
        for world in &worlds {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let query = ListQuery {
                    limit: Some(4),
                    order_by: Some(field.to_owned()),
                    descending,
                    starting_after: cursor,
                    filters: Vec::new(),
                };
                let page = world.list(&ann, "kinds", query).await.expect("the list succeeds");
                seen.extend(page.rows.iter().map(|row| id(row)));
                assert!(seen.len() <= ROWS, "the pages by {field} do not end on {world:?}");
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let mut ids = seen.clone();
            ids.sort();
            ids.dedup();
            assert_eq!(
                (ids.len(), seen.len()),
                (ROWS, ROWS),
                "{field}, descending {descending}, on {world:?}"
            );
            orders.push(seen);
        }
        assert_eq!(orders[0], orders[1], "{field}, descending {descending}");
    }
}

#[tokio::test]
async fn uint64_strings_are_ordered_as_numbers() {
    let ann = user("ann");
    for world in filled().await {
        let query = json!({
            "model": "kinds", "orderBy": "huge", "order": "desc",
            "where": [["huge", "IS NOT", null]],
        });
        let rows = world.query(&ann, &query).await.expect("the query succeeds");
        let mut found: Vec<String> = rows
            .iter()
            .map(|row| json(row)["huge"].as_str().expect("a string").to_owned())
            .collect();
        found.dedup();
        assert_eq!(
            found,
            ["18446744073709551615", "18446744073709551614", "10", "9", "0"],
            "{world:?}"
        );
    }
}

/// Queries both stores and returns their answer, which has to be equal.
async fn query_both(worlds: &[World; 2], query: &Value) -> Result<Vec<String>, String> {
    let ann = user("ann");
    let mut answers = Vec::new();
    for world in worlds {
        let answer = world.query(&ann, query).await;
        answers.push(match answer {
            Ok(rows) => Ok(rows.iter().map(|row| id(row)).collect::<Vec<_>>()),
            refused => Err(code(refused)),
        });
    }
    assert_eq!(answers[0], answers[1], "{query}");
    answers.remove(0)
}

#[tokio::test]
async fn operators_agree_on_both_stores_for_every_kind() {
    let worlds = filled().await;
    let (mut found, mut refused) = (0, 0);
    for (field, values) in values() {
        let values = values.as_array().expect("an array").clone();
        let mut check = |clause: Value, answer: Result<Vec<String>, String>| match answer {
            Ok(rows) => found += usize::from(!rows.is_empty()),
            Err(code) => {
                assert!(
                    ["model_query_failed", "query_unsupported_operator"].contains(&code.as_str()),
                    "{clause}: {code}"
                );
                refused += 1;
            }
        };
        for operator in ["=", "!=", "<", "<=", ">", ">=", "LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"]
        {
            for value in values.iter().chain([
                &Value::Null,
                &json!("%l%"),
                &json!("_"),
                &json!("no such value"),
                &json!([]),
            ]) {
                let clause = json!([field, operator, value]);
                check(
                    clause.clone(),
                    query_both(&worlds, &json!({"model": "kinds", "where": [clause]})).await,
                );
            }
        }
        for operator in ["IN", "NOT IN", "IS", "IS NOT", "=", "SOUNDS LIKE"] {
            for value in [
                json!(values),
                json!([values[0]]),
                json!([]),
                json!([null]),
                Value::Null,
                json!(true),
                json!(false),
            ] {
                let clause = json!([field, operator, value]);
                check(
                    clause.clone(),
                    query_both(&worlds, &json!({"model": "kinds", "where": [clause]})).await,
                );
            }
        }
    }
    assert!(found > 500 && refused > 200, "{found} queries found rows, {refused} were refused");
}

#[tokio::test]
async fn list_filters_find_matching_rows() {
    let worlds = filled().await;
    let ann = user("ann");
    for (field, values) in values() {
        for value in values.as_array().expect("an array") {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let mut found = Vec::new();
            for world in &worlds {
                let query = ListQuery {
                    limit: Some(100),
                    filters: vec![
                        (field.to_owned(), text.clone()),
                        ("no such field'; --".to_owned(), "x".to_owned()),
                    ],
                    ..ListQuery::default()
                };
                let page = world.list(&ann, "kinds", query).await.expect("the list succeeds");
                assert!(!page.rows.is_empty(), "{field} = {text} on {world:?}");
                found.push(page.rows.iter().map(|row| id(row)).collect::<Vec<_>>());
            }
            assert_eq!(found[0], found[1], "{field} = {text}");
        }
    }
}

#[tokio::test]
async fn sql_in_values_is_treated_as_text() {
    let worlds = filled().await;
    let ann = user("ann");
    let hostile = [
        "' OR '1'='1",
        "\" OR 1=1 --",
        "'; DROP TABLE kinds; --",
        "$2",
        "{2}",
        "\\', 1); --",
        "a\u{0}b",
        "%",
        "][",
    ];
    for world in &worlds {
        for text in hostile {
            let with = |limit| ListQuery {
                limit: Some(limit),
                order_by: Some(text.to_owned()),
                ..ListQuery::default()
            };
            assert_eq!(
                code(world.list(&ann, "kinds", with(1)).await),
                "model_query_failed",
                "{text}"
            );
            let cursor =
                ListQuery { starting_after: Some(text.to_owned()), ..ListQuery::default() };
            assert_eq!(
                code(world.list(&ann, "kinds", cursor).await),
                "model_query_failed",
                "{text}"
            );
            if !text.contains('\0') {
                assert_eq!(
                    world.retrieve(&ann, "kinds", text).await.expect("the request succeeds"),
                    None,
                    "{text}"
                );
                let ids = json!({"model": "kinds", "ids": [text]});
                assert!(
                    world.query(&ann, &ids).await.expect("the query succeeds").is_empty(),
                    "{text}"
                );
                let data = json!({"body": text});
                let create =
                    json!([{"action": "create", "model": "documents", "id": text, "data": data}]);
                world.commit(&ann, &create.to_string()).await.expect("the commit succeeds");
                let row = world
                    .retrieve(&ann, "documents", text)
                    .await
                    .expect("the request succeeds")
                    .expect("the row exists");
                assert_eq!(json(&row)["body"], text);
            }
            let column = json!({"model": "kinds", "where": [[text, "=", 1]]});
            assert_eq!(
                code(world.query(&ann, &column).await),
                "query_invalid_identifier",
                "{text}"
            );
            let related = json!({"model": "kinds", "related": [text]});
            assert_eq!(code(world.query(&ann, &related).await), "query_unknown_relation", "{text}");
        }
        assert_eq!(
            world.query(&ann, &json!({"model": "kinds"})).await.expect("the query succeeds").len(),
            ROWS,
            "{world:?}"
        );
    }
}
