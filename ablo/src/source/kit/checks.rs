//! The checks. Each says what was asked and answered where something does not hold.

use super::Way;
use super::talk::{Answered, Talk, shown};
use crate::source::remote::Message;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

type Checked = Result<(), String>;

fn refused(what: &str, answered: &Answered, status: u16, codes: &[&str]) -> Checked {
    let (got, body) = answered;
    let code = body["error"].as_str().unwrap_or_default();
    if *got == status && (codes.is_empty() || codes.contains(&code)) {
        return Ok(());
    }
    Err(format!(
        "{what} is answered with {got} {}, and not with {status} {}",
        shown(&body.to_string()),
        codes.join(" or ")
    ))
}

fn holds(condition: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if condition { Ok(()) } else { Err(otherwise()) }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn load<W: Way>(talk: &Talk<'_, W>) -> Value {
    json!({ "type": "load", "model": talk.subject.model, "id": talk.id() })
}

pub(super) async fn unsigned<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let cases = [
        ("webhook-id", "source_id_missing"),
        ("webhook-timestamp", "source_timestamp_missing"),
        ("webhook-signature", "source_signature_missing"),
    ];
    for (header, code) in cases {
        let mut message = talk.message(&load(talk));
        message.headers.retain(|(name, _)| name != header);
        refused(&format!("a message without {header}"), &talk.send(message).await?, 401, &[code])?;
    }
    Ok(())
}

pub(super) async fn forged<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let body = load(talk).to_string().into_bytes();
    let key = talk.subject.key.as_str();
    let foreign = Message::signed("sk_test_of_somebody_else", &talk.fresh("msg"), body.clone());
    refused(
        "a message signed by others",
        &talk.send(foreign).await?,
        401,
        &["source_signature_invalid"],
    )?;
    for at in [now().saturating_sub(3600), now() + 3600] {
        let late = Message::signed_at(key, &talk.fresh("msg"), at, body.clone());
        refused(
            "a message signed an hour away",
            &talk.send(late).await?,
            401,
            &["source_timestamp_expired"],
        )?;
    }
    let mut other = Message::signed(key, &talk.fresh("msg"), body.clone());
    other.body.push(b' ');
    refused(
        "a message with another body",
        &talk.send(other).await?,
        401,
        &["source_signature_invalid"],
    )?;
    let mut renamed = Message::signed(key, &talk.fresh("msg"), body);
    let id = talk.fresh("msg");
    renamed
        .headers
        .iter_mut()
        .filter(|(name, _)| name == "webhook-id")
        .for_each(|(_, value)| value.clone_from(&id));
    refused(
        "a message with another id",
        &talk.send(renamed).await?,
        401,
        &["source_signature_invalid"],
    )?;
    let mut wordy = talk.message(&load(talk));
    let timestamps = wordy.headers.iter_mut().filter(|(name, _)| name == "webhook-timestamp");
    timestamps.for_each(|(_, value)| "yesterday".clone_into(value));
    refused("a message of yesterday", &talk.send(wordy).await?, 401, &["source_timestamp_invalid"])
}

pub(super) async fn rotated<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let mut message = talk.message(&load(talk));
    for (_, value) in message.headers.iter_mut().filter(|(name, _)| name == "webhook-signature") {
        *value = format!("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= {value}");
    }
    let (status, answer) = talk.send(message).await?;
    holds(status != 401, || {
        format!("a message with two signatures, of which one fits, is refused: {answer}")
    })
}

pub(super) async fn methods<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let mut message = talk.message(&load(talk));
    "PUT".clone_into(&mut message.method);
    // A router may refuse the method before the endpoint sees it, without a body.
    match talk.send(message).await {
        Err(said) if said.contains("405") => Ok(()),
        answered => refused("PUT", &answered?, 405, &[]),
    }
}

pub(super) async fn rubbish<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let text =
        Message::signed(&talk.subject.key, &talk.fresh("msg"), b"{ this is no JSON".to_vec());
    refused("a body that is no JSON", &talk.send(text).await?, 400, &["invalid_json"])?;
    let unknown = talk.ask(json!({ "type": "subscribe" })).await?;
    refused("a request of an unknown type", &unknown, 400, &["unknown_source_request"])?;
    let model =
        talk.ask(json!({ "type": "load", "model": "ablo_kit_no_such_model", "id": "1" })).await?;
    refused("a load of an unknown model", &model, 404, &["source_load_not_configured"])
}

pub(super) async fn invalid<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let create = talk.operation("CREATE", Some(&talk.id()), Some(talk.row("nameless")));
    let nameless = talk.ask(json!({ "type": "commit", "operations": [create] })).await?;
    refused(
        "a commit without clientTxId",
        &nameless,
        400,
        &["source_commit_requires_client_tx_id"],
    )?;
    let verb = talk.operation("MERGE", Some(&talk.id()), None);
    for operations in [json!([]), json!([verb])] {
        let request =
            json!({ "type": "commit", "clientTxId": talk.fresh("tx"), "operations": operations });
        let said = request.to_string();
        refused(&said, &talk.ask(request).await?, 400, &["source_commit_invalid"])?;
    }
    Ok(())
}

/// Whether two values say the same: languages write one number as `7` and as `7.0`.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let there = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|other| same(value, other))
            };
            one.len() == other.len() && one.iter().all(there)
        }
        _ => one == other,
    }
}

/// Whether a row has what it was given.
fn has<W: Way>(talk: &Talk<'_, W>, row: &Value, text: &str) -> Checked {
    for (name, given) in &talk.row(text) {
        holds(row.get(name).is_some_and(|there| same(there, given)), || {
            format!("`{name}` was given as {given}, and the row is {row}")
        })?;
    }
    Ok(())
}

pub(super) async fn created<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let (_, row) = talk.create("created").await?;
    has(talk, &row, "created")
}

pub(super) async fn loaded<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let (id, row) = talk.create("loaded").await?;
    let loaded = talk.load(&id).await?;
    holds(loaded == row, || {
        format!("the commit was answered with {row}, and the row is loaded as {loaded}")
    })?;
    let none = talk.load(&talk.id()).await?;
    holds(none.is_null(), || format!("a row that is not there is loaded as {none}"))
}

pub(super) async fn listed<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let text = talk.fresh("listed");
    let mut made = BTreeSet::new();
    for _ in 0..3 {
        made.insert(talk.create(&text).await?.0);
    }
    let (model, field) = (&talk.subject.model, &talk.subject.text);
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..5 {
        let mut query = json!({ "where": [[field, text]], "limit": 2 });
        if let Some(cursor) = &cursor {
            query["cursor"] = cursor.as_str().into();
        }
        let answer = talk.good(json!({ "type": "list", "model": model, "query": query })).await?;
        let rows = answer["rows"]
            .as_array()
            .ok_or_else(|| format!("a list is answered without `rows`: {answer}"))?;
        holds(rows.len() <= 2, || format!("a page of 2 has {} rows", rows.len()))?;
        found.extend(rows.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()));
        cursor = answer["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let distinct: BTreeSet<String> = found.iter().cloned().collect();
    holds(distinct == made && found.len() == made.len(), || {
        format!("three rows were made, {made:?}, and pages of two have {found:?}")
    })
}

pub(super) async fn updated<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let (id, before) = talk.create("first").await?;
    let rows = talk.commit(&talk.fresh("tx"), vec![talk.change(&id, "second")]).await?;
    let row = talk.load(&id).await?;
    has(talk, &row, "second")?;
    holds(rows == [row.clone()], || {
        format!("an update of {before} was answered with {rows:?}, and the row is {row}")
    })?;
    let missing = json!({ "type": "commit", "clientTxId": talk.fresh("tx"), "operations": [talk.change(&talk.id(), "third")] });
    let (status, answer) = talk.ask(missing).await?;
    holds((400..500).contains(&status), || {
        format!("an update of a row that is not there is answered with {status}: {answer}")
    })
}

pub(super) async fn cleared<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let texts = [
        "'); DROP TABLE tasks; --",
        "\"double\" 'single' `back` \\ $1 ${x} {{y}}",
        "zoë 雪 🦀 \u{202e}rtl",
        "\n\t ",
        "",
    ];
    for text in texts {
        let (id, row) = talk.create(text).await?;
        has(talk, &row, text)?;
        has(talk, &talk.load(&id).await?, text)?;
    }
    Ok(())
}

pub(super) async fn deleted<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let (id, row) = talk.create("deleted").await?;
    let rows =
        talk.commit(&talk.fresh("tx"), vec![talk.operation("DELETE", Some(&id), None)]).await?;
    holds(rows == [row.clone()], || format!("the deletion of {row} was answered with {rows:?}"))?;
    let after = talk.load(&id).await?;
    holds(after.is_null(), || format!("the deleted row is loaded as {after}"))
}

pub(super) async fn repeated<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let (id, tx) = ((!talk.subject.generated).then(|| talk.id()), talk.fresh("tx"));
    let text = talk.fresh("repeated");
    let operation = talk.operation("CREATE", id.as_deref(), Some(talk.row(&text)));
    let first = talk.commit(&tx, vec![operation.clone()]).await?;
    let second = talk.commit(&tx, vec![operation]).await?;
    holds(first == second, || {
        format!("the same commit was answered with {first:?}, then with {second:?}")
    })?;
    one(talk, &text).await
}

/// Whether there is one row with a text.
async fn one<W: Way>(talk: &Talk<'_, W>, text: &str) -> Checked {
    let query = json!({ "where": [[talk.subject.text, text]] });
    let answer =
        talk.good(json!({ "type": "list", "model": talk.subject.model, "query": query })).await?;
    let rows = answer["rows"].as_array().map_or(0, Vec::len);
    holds(rows == 1, || format!("there are {rows} rows where one was created"))
}

pub(super) async fn crowded<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let (id, tx) = ((!talk.subject.generated).then(|| talk.id()), talk.fresh("tx"));
    let text = talk.fresh("crowded");
    let operation = talk.operation("CREATE", id.as_deref(), Some(talk.row(&text)));
    let all = join_all((0..8).map(|_| talk.commit(&tx, vec![operation.clone()]))).await;
    let answers: Vec<Vec<Value>> = all.into_iter().collect::<Result<_, _>>()?;
    for answer in &answers {
        holds(*answer == answers[0], || {
            format!("the same commit was answered with {:?} and with {answer:?}", answers[0])
        })?;
    }
    one(talk, &text).await
}

pub(super) async fn reordered<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let (id, _) = talk.create("first").await?;
    let tx = talk.fresh("tx");
    let second = talk.commit(&tx, vec![talk.change(&id, "second")]).await?;
    talk.commit(&talk.fresh("tx"), vec![talk.change(&id, "third")]).await?;
    let again = talk.commit(&tx, vec![talk.change(&id, "second")]).await?;
    holds(again == second, || {
        format!("a commit was answered with {second:?}, and later with {again:?}")
    })?;
    has(talk, &talk.load(&id).await?, "third")
}

pub(super) async fn whole<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let text = talk.fresh("half");
    let id = (!talk.subject.generated).then(|| talk.id());
    let good = talk.operation("CREATE", id.as_deref(), Some(talk.row(&text)));
    let request = json!({ "type": "commit", "clientTxId": talk.fresh("tx"), "operations": [good, talk.change(&talk.id(), "none")] });
    let (status, answer) = talk.ask(request).await?;
    holds((400..500).contains(&status), || {
        format!("a commit that cannot be applied whole is answered with {status}: {answer}")
    })?;
    let query = json!({ "where": [[talk.subject.text, text]] });
    let left =
        talk.good(json!({ "type": "list", "model": talk.subject.model, "query": query })).await?;
    holds(left["rows"] == json!([]), || format!("half of a commit was applied: {left}"))
}

pub(super) async fn made<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let operation = talk.operation("CREATE", None, Some(talk.row("made")));
    let rows = talk.commit(&talk.fresh("tx"), vec![operation]).await?;
    let id = rows.first().and_then(|row| row["id"].as_str()).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| format!("a row without an id is answered as {rows:?}"))?;
    has(talk, &talk.load(id).await?, "made")
}

pub(super) async fn apart<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let (id, row) = talk.create("ours").await?;
    let (model, other) = (&talk.subject.model, talk.fresh("other"));
    let loaded = talk.ask_for(&other, json!({ "type": "load", "model": model, "id": id })).await?;
    let hidden = loaded.0 == 403 || loaded == (200, json!({ "row": null }));
    holds(hidden, || format!("{row} is loaded for another organisation: {loaded:?}"))?;
    let (status, listed) = talk.ask_for(&other, json!({ "type": "list", "model": model })).await?;
    holds(status == 403 || !listed.to_string().contains(&id), || {
        format!("{row} is listed for another organisation")
    })?;
    for operation in [talk.change(&id, "theirs"), talk.operation("DELETE", Some(&id), None)] {
        let request =
            json!({ "type": "commit", "clientTxId": talk.fresh("tx"), "operations": [operation] });
        talk.ask_for(&other, request).await?;
    }
    let after = talk.load(&id).await?;
    holds(after == row, || format!("another organisation made {after} of {row}"))
}

/// The end of the events, once a row that is written now is told: nothing from before comes later.
async fn settled<W: Way>(talk: &Talk<'_, W>) -> Result<Option<String>, String> {
    let (id, _) = talk.create("settled").await?;
    talk.awaited(&None, 1, |event| event["entityId"] == id.as_str()).await?;
    Ok(talk.drain(None).await?.1)
}

pub(super) async fn told<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let from = settled(talk).await?;
    let (id, tx) = ((!talk.subject.generated).then(|| talk.id()), talk.fresh("tx"));
    let rows = talk
        .commit(&tx, vec![talk.operation("CREATE", id.as_deref(), Some(talk.row("told")))])
        .await?;
    let events = talk.awaited(&from, 1, |event| event["clientTxId"] == tx.as_str()).await?;
    let [event] = events.as_slice() else {
        return Err(format!("one create has {} events: {events:?}", events.len()));
    };
    let row = rows.first().cloned().unwrap_or_default();
    let model = Value::from(talk.subject.model.as_str());
    for (member, wanted) in
        [("model", &model), ("entityId", &row["id"]), ("type", &"CREATE".into()), ("data", &row)]
    {
        holds(event[member] == *wanted, || format!("`{member}` is to be {wanted} in {event}"))?;
    }
    holds(event["id"].as_str().is_some_and(|id| !id.is_empty()), || {
        format!("the event has no id: {event}")
    })
}

pub(super) async fn told_in_order<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let from = settled(talk).await?;
    let (id, _) = talk.create("first").await?;
    talk.commit(&talk.fresh("tx"), vec![talk.change(&id, "second")]).await?;
    talk.commit(&talk.fresh("tx"), vec![talk.operation("DELETE", Some(&id), None)]).await?;
    let told = talk.awaited(&from, 3, |event| event["entityId"] == id.as_str()).await?;
    let verbs: Vec<&str> = told.iter().filter_map(|event| event["type"].as_str()).collect();
    let ordered = verbs == ["CREATE", "UPDATE", "DELETE"];
    holds(ordered, || format!("a row was created, updated and deleted, and {told:?} is told"))?;
    let last = told.last().map_or(&Value::Null, |event| &event["data"]);
    holds(last.is_null(), || format!("a deletion is told with data: {last}"))
}

pub(super) async fn told_once<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let from = settled(talk).await?;
    let (id, _) = talk.create("once").await?;
    let tx = talk.fresh("tx");
    for _ in 0..3 {
        talk.commit(&tx, vec![talk.change(&id, "twice"), talk.change(&id, "thrice")]).await?;
    }
    settled(talk).await?;
    let events = talk.awaited(&from, 2, |event| event["clientTxId"] == tx.as_str()).await?;
    let ids: BTreeSet<String> = events.iter().map(|event| event["id"].to_string()).collect();
    let once = events.len() == 2 && ids.len() == 2;
    holds(once, || format!("two operations that came three times have the events {events:?}"))
}

pub(super) async fn told_whole<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let from = settled(talk).await?;
    let (id, tx) = ((!talk.subject.generated).then(|| talk.id()), talk.fresh("tx"));
    let good = talk.operation("CREATE", id.as_deref(), Some(talk.row("half")));
    let operations = [good, talk.change(&talk.id(), "none")];
    talk.ask(json!({ "type": "commit", "clientTxId": tx, "operations": operations })).await?;
    settled(talk).await?;
    let events = talk.awaited(&from, 0, |event| event["clientTxId"] == tx.as_str()).await?;
    holds(events.is_empty(), || format!("what was refused is told: {events:?}"))
}

pub(super) async fn paged<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let from = settled(talk).await?;
    for _ in 0..3 {
        talk.create("paged").await?;
    }
    talk.awaited(&from, 3, |_| true).await?;
    let (mut cursor, mut seen) = (from.clone(), Vec::new());
    for _ in 0..3 {
        let (events, next) = talk.events(cursor.as_deref(), 1).await?;
        holds(events.len() == 1, || format!("a page of 1 has {} events", events.len()))?;
        seen.extend(events.iter().map(|event| event["id"].to_string()));
        cursor = next.or(cursor);
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    holds(distinct.len() == 3, || format!("three pages of 1 have the events {seen:?}"))?;
    let (rest, next) = talk.events(cursor.as_deref(), 100).await?;
    let ended = rest.is_empty() && (next.is_none() || next == cursor);
    holds(ended, || format!("behind the last event come {rest:?} and {next:?}"))?;
    let (again, _) = talk.drain(from).await?;
    let again: Vec<String> = again.iter().map(|event| event["id"].to_string()).collect();
    holds(again == seen, || {
        format!("the same pages read again have {again:?}, and before {seen:?}")
    })
}

pub(super) async fn drained<W: Way>(talk: &Talk<'_, W>) -> Checked {
    let from = settled(talk).await?;
    let (mut cursor, mut told, mut made) = (from, BTreeMap::<String, u32>::new(), BTreeSet::new());
    let mut count = |events: &[Value]| {
        for event in events {
            *told.entry(event["entityId"].as_str().unwrap_or_default().to_owned()).or_default() +=
                1;
        }
    };
    for _ in 0..5 {
        let writers = join_all((0..8).map(|_| talk.create("drained")));
        let (written, drained) =
            futures_util::future::join(writers, talk.drain(cursor.clone())).await;
        for result in written {
            made.insert(result?.0);
        }
        let (events, next) = drained?;
        count(&events);
        cursor = next;
    }
    let (last, _) = talk.create("last").await?;
    talk.awaited(&cursor, 1, |event| event["entityId"] == last.as_str()).await?;
    count(&talk.drain(cursor).await?.0);
    let wrong: Vec<&String> = made.iter().filter(|id| told.get(*id) != Some(&1)).collect();
    holds(wrong.is_empty(), || {
        format!(
            "of {} rows that were created while events were read, these were not told once: {wrong:?}",
            made.len()
        )
    })
}
