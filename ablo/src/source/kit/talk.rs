//! What the checks say and hear: signed requests, and answers that are JSON.

use super::{Subject, Way};
use crate::source::remote::{Message, Reply};
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long to wait before looking again for events that have not come yet.
const PAUSE: Duration = Duration::from_millis(50);

/// A talk with an endpoint.
pub(super) struct Talk<'t, W> {
    way: &'t W,
    pub(super) subject: &'t Subject,
    next: AtomicU64,
    run: String,
}

/// A status and JSON.
pub(super) type Answered = (u16, Value);

impl<'t, W: Way> Talk<'t, W> {
    pub(super) fn new(way: &'t W, subject: &'t Subject) -> Self {
        let run = uuid::Uuid::new_v4().simple().to_string();
        Self { way, subject, next: AtomicU64::new(0), run }
    }

    /// A name that nobody had before.
    pub(super) fn fresh(&self, what: &str) -> String {
        format!("{what}_{}_{}", self.run, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// An id of a row, which every kind of column for ids takes.
    pub(super) fn id(&self) -> String {
        uuid::Uuid::new_v4().hyphenated().to_string()
    }

    /// Sends a message as it is.
    pub(super) async fn send(&self, message: Message) -> Result<Answered, String> {
        let Reply { status, body } =
            self.way.send(message).await.map_err(|error| format!("no answer: {error}"))?;
        let text = String::from_utf8_lossy(&body);
        let value = serde_json::from_str(&text).map_err(|error| {
            format!("the answer, {status}, is no JSON ({error}): {}", shown(&text))
        })?;
        Ok((status, value))
    }

    /// A message of a request, signed.
    pub(super) fn message(&self, request: &Value) -> Message {
        Message::signed(&self.subject.key, &self.fresh("msg"), request.to_string().into_bytes())
    }

    /// Asks for the organisation of the subject.
    pub(super) async fn ask(&self, request: Value) -> Result<Answered, String> {
        let organization = self.subject.organization.clone();
        self.ask_for(&organization, request).await
    }

    /// Asks for an organisation.
    pub(super) async fn ask_for(
        &self,
        organization: &str,
        mut request: Value,
    ) -> Result<Answered, String> {
        let mode = if self.subject.key.starts_with("sk_live_") { "live" } else { "test" };
        request["scope"] = json!({
            "participantId": "agent:kit", "participantKind": "agent", "organizationId": organization,
            "requiredSyncGroups": [format!("org:{organization}")], "mode": mode,
        });
        self.send(self.message(&request)).await
    }

    /// Asks, and takes nothing but 200.
    pub(super) async fn good(&self, request: Value) -> Result<Value, String> {
        let said = shown(&request.to_string());
        match self.ask(request).await? {
            (200, answer) => Ok(answer),
            (status, answer) => {
                Err(format!("{said} is answered with {status}: {}", shown(&answer.to_string())))
            }
        }
    }

    /// What a new row is given, with another text.
    pub(super) fn row(&self, text: &str) -> Map<String, Value> {
        let mut row = self.subject.row.clone();
        row.insert(self.subject.text.clone(), text.into());
        row
    }

    /// An operation.
    pub(super) fn operation(
        &self,
        verb: &str,
        id: Option<&str>,
        input: Option<Map<String, Value>>,
    ) -> Value {
        let mut operation = json!({ "type": verb, "model": self.subject.model, "id": id });
        if let Some(input) = input {
            operation["input"] = input.into();
        }
        operation
    }

    /// An operation that changes the text of a row.
    pub(super) fn change(&self, id: &str, text: &str) -> Value {
        let input = Map::from_iter([(self.subject.text.clone(), text.into())]);
        self.operation("UPDATE", Some(id), Some(input))
    }

    /// Commits, and gives the rows.
    pub(super) async fn commit(
        &self,
        client_tx_id: &str,
        operations: Vec<Value>,
    ) -> Result<Vec<Value>, String> {
        let request =
            json!({ "type": "commit", "clientTxId": client_tx_id, "operations": operations });
        let answer = self.good(request).await?;
        match answer.get("rows").and_then(Value::as_array) {
            Some(rows) => Ok(rows.clone()),
            None => {
                Err(format!("a commit is answered without `rows`: {}", shown(&answer.to_string())))
            }
        }
    }

    /// Creates a row with this text and gives its id and the row.
    pub(super) async fn create(&self, text: &str) -> Result<(String, Value), String> {
        let id = (!self.subject.generated).then(|| self.id());
        let operation = self.operation("CREATE", id.as_deref(), Some(self.row(text)));
        let rows = self.commit(&self.fresh("tx"), vec![operation]).await?;
        let [row] = rows.as_slice() else {
            return Err(format!("one create is answered with {} rows", rows.len()));
        };
        let made =
            row["id"].as_str().ok_or_else(|| format!("the row has no `id` of text: {row}"))?;
        match id {
            Some(id) if id != made => {
                Err(format!("the row with the id {id} is answered as {made}"))
            }
            _ => Ok((made.to_owned(), row.clone())),
        }
    }

    /// Loads a row; null where there is none.
    pub(super) async fn load(&self, id: &str) -> Result<Value, String> {
        let answer =
            self.good(json!({ "type": "load", "model": self.subject.model, "id": id })).await?;
        answer
            .get("row")
            .cloned()
            .ok_or_else(|| format!("a load is answered without `row`: {answer}"))
    }

    /// A page of events, and where the next one starts.
    pub(super) async fn events(
        &self,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<(Vec<Value>, Option<String>), String> {
        let mut request = json!({ "type": "events", "limit": limit });
        if let Some(cursor) = cursor {
            request["cursor"] = cursor.into();
        }
        let answer = self.good(request).await?;
        let events = answer.get("events").and_then(Value::as_array);
        let events =
            events.ok_or_else(|| format!("events are answered without `events`: {answer}"))?;
        let next = match answer.get("nextCursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(next)) if !next.is_empty() => Some(next.clone()),
            Some(other) => {
                return Err(format!(
                    "`nextCursor` is {other}: a text, or absent where nothing is left"
                ));
            }
        };
        Ok((events.clone(), next))
    }

    /// Every event behind a cursor that is meant, once there are as many as this: an outbox may wait for transactions that are under
    /// way.
    pub(super) async fn awaited(
        &self,
        from: &Option<String>,
        many: usize,
        meant: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, String> {
        let start = Instant::now();
        loop {
            let found: Vec<Value> =
                self.drain(from.clone()).await?.0.into_iter().filter(&meant).collect();
            if found.len() >= many || start.elapsed() > self.subject.patience {
                return Ok(found);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Every event behind a cursor, and where they end.
    pub(super) async fn drain(
        &self,
        from: Option<String>,
    ) -> Result<(Vec<Value>, Option<String>), String> {
        let (mut all, mut cursor) = (Vec::new(), from);
        for _ in 0..10_000 {
            let (events, next) = self.events(cursor.as_deref(), 100).await?;
            if events.is_empty() {
                return Ok((all, cursor));
            }
            all.extend(events);
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok((all, cursor)),
            }
        }
        Err("the events do not end".to_owned())
    }
}

/// The beginning of a text.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(400).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
