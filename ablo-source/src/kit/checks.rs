//! The checks of the conformance kit. A failed check reports the request and the response.

use super::Transport;
use super::client::{KitClient, Response, truncated};
use crate::remote::Message;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

type Checked = Result<(), String>;

fn expect_refusal(subject: &str, response: &Response, status: u16, codes: &[&str]) -> Checked {
    let (got, body) = response;
    let code = body["error"].as_str().unwrap_or_default();
    if *got == status && (codes.is_empty() || codes.contains(&code)) {
        return Ok(());
    }
    Err(format!(
        "{subject}: got {got} {}, expected {status} {}",
        truncated(&body.to_string()),
        codes.join(" or ")
    ))
}

fn ensure(condition: bool, message: impl FnOnce() -> String) -> Checked {
    if condition { Ok(()) } else { Err(message()) }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn load<T: Transport>(client: &KitClient<'_, T>) -> Value {
    json!({ "type": "load", "model": client.subject.model, "id": client.row_id() })
}

pub(super) async fn missing_headers<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let cases = [
        ("webhook-id", "source_id_missing"),
        ("webhook-timestamp", "source_timestamp_missing"),
        ("webhook-signature", "source_signature_missing"),
    ];
    for (header, code) in cases {
        let mut message = client.message(&load(client));
        message.headers.retain(|(name, _)| name != header);
        expect_refusal(
            &format!("a message without {header}"),
            &client.send(message).await?,
            401,
            &[code],
        )?;
    }
    Ok(())
}

pub(super) async fn invalid_signatures<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let body = load(client).to_string().into_bytes();
    let key = client.subject.key.as_str();
    let foreign =
        Message::signed("sk_test_of_somebody_else", &client.unique_name("msg"), body.clone());
    expect_refusal(
        "a message signed with a foreign key",
        &client.send(foreign).await?,
        401,
        &["source_signature_invalid"],
    )?;
    for at in [now().saturating_sub(3600), now() + 3600] {
        let expired = Message::signed_at(key, &client.unique_name("msg"), at, body.clone());
        expect_refusal(
            "a message signed an hour ago or ahead",
            &client.send(expired).await?,
            401,
            &["source_timestamp_expired"],
        )?;
    }
    let mut altered = Message::signed(key, &client.unique_name("msg"), body.clone());
    altered.body.push(b' ');
    expect_refusal(
        "a message with an altered body",
        &client.send(altered).await?,
        401,
        &["source_signature_invalid"],
    )?;
    let mut renamed = Message::signed(key, &client.unique_name("msg"), body);
    let id = client.unique_name("msg");
    renamed
        .headers
        .iter_mut()
        .filter(|(name, _)| name == "webhook-id")
        .for_each(|(_, value)| value.clone_from(&id));
    expect_refusal(
        "a message with an altered id",
        &client.send(renamed).await?,
        401,
        &["source_signature_invalid"],
    )?;
    let mut undated = client.message(&load(client));
    let timestamps = undated.headers.iter_mut().filter(|(name, _)| name == "webhook-timestamp");
    timestamps.for_each(|(_, value)| "yesterday".clone_into(value));
    expect_refusal(
        "a message with an invalid timestamp",
        &client.send(undated).await?,
        401,
        &["source_timestamp_invalid"],
    )
}

pub(super) async fn several_signatures<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let mut message = client.message(&load(client));
    for (_, value) in message.headers.iter_mut().filter(|(name, _)| name == "webhook-signature") {
        *value = format!("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= {value}");
    }
    let (status, body) = client.send(message).await?;
    ensure(status != 401, || {
        format!("a message with one valid signature among two is refused: {body}")
    })
}

pub(super) async fn other_methods<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let mut message = client.message(&load(client));
    "PUT".clone_into(&mut message.method);
    // A router may refuse the method before the endpoint does, without a JSON body.
    match client.send(message).await {
        Err(error) if error.contains("405") => Ok(()),
        response => expect_refusal("PUT", &response?, 405, &[]),
    }
}

pub(super) async fn unknown_requests<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let text =
        Message::signed(&client.subject.key, &client.unique_name("msg"), b"{ not JSON".to_vec());
    expect_refusal("a body that is not JSON", &client.send(text).await?, 400, &["invalid_json"])?;
    let unknown = client.ask(json!({ "type": "subscribe" })).await?;
    expect_refusal("a request of an unknown type", &unknown, 400, &["unknown_source_request"])?;
    let model =
        client.ask(json!({ "type": "load", "model": "ablo_kit_no_such_model", "id": "1" })).await?;
    expect_refusal("a load for an unknown model", &model, 404, &["source_load_not_configured"])
}

pub(super) async fn invalid_commits<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let create = client.operation("CREATE", Some(&client.row_id()), Some(client.row("no key")));
    let without_key = client.ask(json!({ "type": "commit", "operations": [create] })).await?;
    expect_refusal(
        "a commit without clientTxId",
        &without_key,
        400,
        &["source_commit_requires_client_tx_id"],
    )?;
    let verb = client.operation("MERGE", Some(&client.row_id()), None);
    for operations in [json!([]), json!([verb])] {
        let tx = client.unique_name("tx");
        let request = json!({ "type": "commit", "clientTxId": tx, "operations": operations });
        let subject = request.to_string();
        expect_refusal(&subject, &client.ask(request).await?, 400, &["source_commit_invalid"])?;
    }
    Ok(())
}

/// Returns whether two values are equal. Numbers compare by value, since languages write one number
/// as `7` or `7.0`.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let matches = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|other| equal(value, other))
            };
            one.len() == other.len() && one.iter().all(matches)
        }
        _ => one == other,
    }
}

/// Checks that a row has the values that were written with this text.
fn expect_values<T: Transport>(client: &KitClient<'_, T>, row: &Value, text: &str) -> Checked {
    for (name, written) in &client.row(text) {
        ensure(row.get(name).is_some_and(|stored| equal(stored, written)), || {
            format!("`{name}` was written as {written}, but the row is {row}")
        })?;
    }
    Ok(())
}

pub(super) async fn create<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let (_, row) = client.create("created").await?;
    expect_values(client, &row, "created")
}

pub(super) async fn load_row<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let (id, row) = client.create("loaded").await?;
    let loaded = client.load(&id).await?;
    ensure(loaded == row, || format!("the commit returned {row}, but the row loads as {loaded}"))?;
    let none = client.load(&client.row_id()).await?;
    ensure(none.is_null(), || format!("a missing row loads as {none}"))
}

pub(super) async fn list_rows<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let text = client.unique_name("listed");
    let mut created = BTreeSet::new();
    for _ in 0..3 {
        created.insert(client.create(&text).await?.0);
    }
    let (model, field) = (&client.subject.model, &client.subject.text);
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..5 {
        let mut query = json!({ "where": [[field, text]], "limit": 2 });
        if let Some(cursor) = &cursor {
            query["cursor"] = cursor.as_str().into();
        }
        let page = client.ask_ok(json!({ "type": "list", "model": model, "query": query })).await?;
        let rows = page["rows"]
            .as_array()
            .ok_or_else(|| format!("the response to a list has no `rows`: {page}"))?;
        ensure(rows.len() <= 2, || format!("a page with limit 2 has {} rows", rows.len()))?;
        found.extend(rows.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()));
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let distinct: BTreeSet<String> = found.iter().cloned().collect();
    ensure(distinct == created && found.len() == created.len(), || {
        format!("the rows {created:?} were created, but pages with limit 2 have {found:?}")
    })
}

pub(super) async fn update<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let (id, before) = client.create("first").await?;
    let rows = client.commit(&client.unique_name("tx"), vec![client.change(&id, "second")]).await?;
    let row = client.load(&id).await?;
    expect_values(client, &row, "second")?;
    ensure(rows == [row.clone()], || {
        format!("an update of {before} returned {rows:?}, but the row is {row}")
    })?;
    let missing = vec![client.change(&client.row_id(), "third")];
    let (status, body) = client.try_commit(&client.unique_name("tx"), missing).await?;
    ensure((400..500).contains(&status), || {
        format!("an update of a missing row: got {status} {body}, expected 4xx")
    })
}

pub(super) async fn special_characters<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let texts = [
        "'); DROP TABLE tasks; --",
        "\"double\" 'single' `back` \\ $1 ${x} {{y}}",
        "zoë 雪 🦀 \u{202e}rtl",
        "\n\t ",
        "",
    ];
    for text in texts {
        let (id, row) = client.create(text).await?;
        expect_values(client, &row, text)?;
        expect_values(client, &client.load(&id).await?, text)?;
    }
    Ok(())
}

pub(super) async fn delete<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let (id, row) = client.create("deleted").await?;
    let rows = client
        .commit(&client.unique_name("tx"), vec![client.operation("DELETE", Some(&id), None)])
        .await?;
    ensure(rows == [row.clone()], || format!("the deletion of {row} returned {rows:?}"))?;
    let after = client.load(&id).await?;
    ensure(after.is_null(), || format!("the deleted row loads as {after}"))
}

pub(super) async fn repeated_commit<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let (id, tx) = ((!client.subject.generated).then(|| client.row_id()), client.unique_name("tx"));
    let text = client.unique_name("repeated");
    let operation = client.operation("CREATE", id.as_deref(), Some(client.row(&text)));
    let first = client.commit(&tx, vec![operation.clone()]).await?;
    let second = client.commit(&tx, vec![operation]).await?;
    ensure(first == second, || format!("the same commit returned {first:?}, then {second:?}"))?;
    expect_one_row(client, &text).await
}

/// Checks that exactly one row has a text.
async fn expect_one_row<T: Transport>(client: &KitClient<'_, T>, text: &str) -> Checked {
    let query = json!({ "where": [[client.subject.text, text]] });
    let list = client
        .ask_ok(json!({ "type": "list", "model": client.subject.model, "query": query }))
        .await?;
    let rows = list["rows"].as_array().map_or(0, Vec::len);
    ensure(rows == 1, || format!("one row was created, but the list has {rows}"))
}

pub(super) async fn concurrent_commits<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let (id, tx) = ((!client.subject.generated).then(|| client.row_id()), client.unique_name("tx"));
    let text = client.unique_name("concurrent");
    let operation = client.operation("CREATE", id.as_deref(), Some(client.row(&text)));
    let all = join_all((0..8).map(|_| client.commit(&tx, vec![operation.clone()]))).await;
    let results: Vec<Vec<Value>> = all.into_iter().collect::<Result<_, _>>()?;
    for rows in &results {
        ensure(*rows == results[0], || {
            format!("the same commit returned {:?} and {rows:?}", results[0])
        })?;
    }
    expect_one_row(client, &text).await
}

pub(super) async fn late_repeat<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let (id, _) = client.create("first").await?;
    let tx = client.unique_name("tx");
    let second = client.commit(&tx, vec![client.change(&id, "second")]).await?;
    client.commit(&client.unique_name("tx"), vec![client.change(&id, "third")]).await?;
    let again = client.commit(&tx, vec![client.change(&id, "second")]).await?;
    ensure(again == second, || {
        format!("a commit returned {second:?}, and when repeated later {again:?}")
    })?;
    expect_values(client, &client.load(&id).await?, "third")
}

pub(super) async fn atomicity<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let text = client.unique_name("half");
    let id = (!client.subject.generated).then(|| client.row_id());
    let valid = client.operation("CREATE", id.as_deref(), Some(client.row(&text)));
    let operations = vec![valid, client.change(&client.row_id(), "none")];
    let (status, body) = client.try_commit(&client.unique_name("tx"), operations).await?;
    ensure((400..500).contains(&status), || {
        format!("a commit with an invalid operation: got {status} {body}, expected 4xx")
    })?;
    let query = json!({ "where": [[client.subject.text, text]] });
    let list = client
        .ask_ok(json!({ "type": "list", "model": client.subject.model, "query": query }))
        .await?;
    ensure(list["rows"] == json!([]), || format!("a refused commit was applied in part: {list}"))
}

pub(super) async fn generated_id<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let operation = client.operation("CREATE", None, Some(client.row("generated")));
    let rows = client.commit(&client.unique_name("tx"), vec![operation]).await?;
    let id = rows.first().and_then(|row| row["id"].as_str()).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| format!("a create without an id returned {rows:?}"))?;
    expect_values(client, &client.load(id).await?, "generated")
}

pub(super) async fn isolation<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let (id, row) = client.create("ours").await?;
    let (model, other) = (&client.subject.model, client.unique_name("other"));
    let loaded =
        client.ask_for(&other, json!({ "type": "load", "model": model, "id": id })).await?;
    let hidden = loaded.0 == 403 || loaded == (200, json!({ "row": null }));
    ensure(hidden, || format!("{row} can be loaded by another organisation: {loaded:?}"))?;
    let (status, listed) =
        client.ask_for(&other, json!({ "type": "list", "model": model })).await?;
    ensure(status == 403 || !listed.to_string().contains(&id), || {
        format!("{row} is listed to another organisation")
    })?;
    for operation in [client.change(&id, "theirs"), client.operation("DELETE", Some(&id), None)] {
        let tx = client.unique_name("tx");
        let request = json!({ "type": "commit", "clientTxId": tx, "operations": [operation] });
        client.ask_for(&other, request).await?;
    }
    let after = client.load(&id).await?;
    ensure(after == row, || format!("another organisation changed {row} to {after}"))
}

/// Creates a row and returns the end of the events once its event is listed. No event of an earlier
/// commit follows.
async fn events_head<T: Transport>(client: &KitClient<'_, T>) -> Result<Option<String>, String> {
    let (id, _) = client.create("head").await?;
    client.await_events(&None, 1, |event| event["entityId"] == id.as_str()).await?;
    Ok(client.read_all_events(None).await?.1)
}

pub(super) async fn event_content<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let from = events_head(client).await?;
    let (id, tx) = ((!client.subject.generated).then(|| client.row_id()), client.unique_name("tx"));
    let rows = client
        .commit(&tx, vec![client.operation("CREATE", id.as_deref(), Some(client.row("event")))])
        .await?;
    let events = client.await_events(&from, 1, |event| event["clientTxId"] == tx.as_str()).await?;
    let [event] = events.as_slice() else {
        return Err(format!("one create has {} events: {events:?}", events.len()));
    };
    let row = rows.first().cloned().unwrap_or_default();
    let model = Value::from(client.subject.model.as_str());
    for (member, expected) in
        [("model", &model), ("entityId", &row["id"]), ("type", &"CREATE".into()), ("data", &row)]
    {
        ensure(event[member] == *expected, || {
            format!("`{member}` is not {expected} in the event {event}")
        })?;
    }
    ensure(event["id"].as_str().is_some_and(|id| !id.is_empty()), || {
        format!("the event has no id: {event}")
    })
}

pub(super) async fn event_order<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let from = events_head(client).await?;
    let (id, _) = client.create("first").await?;
    client.commit(&client.unique_name("tx"), vec![client.change(&id, "second")]).await?;
    client
        .commit(&client.unique_name("tx"), vec![client.operation("DELETE", Some(&id), None)])
        .await?;
    let events = client.await_events(&from, 3, |event| event["entityId"] == id.as_str()).await?;
    let verbs: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let ordered = verbs == ["CREATE", "UPDATE", "DELETE"];
    ensure(ordered, || {
        format!("a row was created, updated and deleted, but its events are {events:?}")
    })?;
    let last = events.last().map_or(&Value::Null, |event| &event["data"]);
    ensure(last.is_null(), || format!("the event of a deletion has data: {last}"))
}

pub(super) async fn event_once<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let from = events_head(client).await?;
    let (id, _) = client.create("once").await?;
    let tx = client.unique_name("tx");
    for _ in 0..3 {
        client.commit(&tx, vec![client.change(&id, "twice"), client.change(&id, "thrice")]).await?;
    }
    events_head(client).await?;
    let events = client.await_events(&from, 2, |event| event["clientTxId"] == tx.as_str()).await?;
    let ids: BTreeSet<String> = events.iter().map(|event| event["id"].to_string()).collect();
    let once = events.len() == 2 && ids.len() == 2;
    ensure(once, || format!("two operations, sent three times, have the events {events:?}"))
}

pub(super) async fn event_atomicity<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let from = events_head(client).await?;
    let (id, tx) = ((!client.subject.generated).then(|| client.row_id()), client.unique_name("tx"));
    let valid = client.operation("CREATE", id.as_deref(), Some(client.row("half")));
    let operations = vec![valid, client.change(&client.row_id(), "none")];
    client.try_commit(&tx, operations).await?;
    events_head(client).await?;
    let events = client.await_events(&from, 0, |event| event["clientTxId"] == tx.as_str()).await?;
    ensure(events.is_empty(), || format!("a refused commit has the events {events:?}"))
}

pub(super) async fn event_pages<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let from = events_head(client).await?;
    for _ in 0..3 {
        client.create("paged").await?;
    }
    client.await_events(&from, 3, |_| true).await?;
    let (mut cursor, mut seen) = (from.clone(), Vec::new());
    for _ in 0..3 {
        let (events, next) = client.events(cursor.as_deref(), 1).await?;
        ensure(events.len() == 1, || format!("a page with limit 1 has {} events", events.len()))?;
        seen.extend(events.iter().map(|event| event["id"].to_string()));
        cursor = next.or(cursor);
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    ensure(distinct.len() == 3, || format!("three pages with limit 1 have the events {seen:?}"))?;
    let (rest, next) = client.events(cursor.as_deref(), 100).await?;
    let ended = rest.is_empty() && (next.is_none() || next == cursor);
    ensure(ended, || format!("after the last event come {rest:?} with the cursor {next:?}"))?;
    let (again, _) = client.read_all_events(from).await?;
    let again: Vec<String> = again.iter().map(|event| event["id"].to_string()).collect();
    ensure(again == seen, || {
        format!("the same pages have the events {seen:?}, and when read again {again:?}")
    })
}

pub(super) async fn concurrent_events<T: Transport>(client: &KitClient<'_, T>) -> Checked {
    let from = events_head(client).await?;
    let mut cursor = from;
    let (mut counts, mut created) = (BTreeMap::<String, u32>::new(), BTreeSet::new());
    let mut count = |events: &[Value]| {
        for event in events {
            let id = event["entityId"].as_str().unwrap_or_default();
            *counts.entry(id.to_owned()).or_default() += 1;
        }
    };
    for _ in 0..5 {
        let writers = join_all((0..8).map(|_| client.create("concurrent")));
        let (written, read) =
            futures_util::future::join(writers, client.read_all_events(cursor.clone())).await;
        for result in written {
            created.insert(result?.0);
        }
        let (events, next) = read?;
        count(&events);
        cursor = next;
    }
    let (last, _) = client.create("last").await?;
    client.await_events(&cursor, 1, |event| event["entityId"] == last.as_str()).await?;
    count(&client.read_all_events(cursor).await?.0);
    let wrong: Vec<&String> = created.iter().filter(|id| counts.get(*id) != Some(&1)).collect();
    ensure(wrong.is_empty(), || {
        format!(
            "{} rows were created while events were read; these do not have one event: {wrong:?}",
            created.len()
        )
    })
}
