//! The client of the checks: sends signed requests and reads JSON responses.

use super::{Subject, Transport};
use crate::remote::{Message, Reply};
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long to wait before reading events again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A client of the endpoint under test.
pub(super) struct KitClient<'t, T> {
    transport: &'t T,
    pub(super) subject: &'t Subject,
    next: AtomicU64,
    run: String,
}

/// A status and a JSON body.
pub(super) type Response = (u16, Value);

impl<'t, T: Transport> KitClient<'t, T> {
    pub(super) fn new(transport: &'t T, subject: &'t Subject) -> Self {
        let run = uuid::Uuid::new_v4().simple().to_string();
        Self { transport, subject, next: AtomicU64::new(0), run }
    }

    /// Returns a name that is unique across runs.
    pub(super) fn unique_name(&self, prefix: &str) -> String {
        format!("{prefix}_{}_{}", self.run, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns a new row id. It is a UUID, which every type of id column accepts.
    pub(super) fn row_id(&self) -> String {
        uuid::Uuid::new_v4().hyphenated().to_string()
    }

    /// Sends a message as it is.
    pub(super) async fn send(&self, message: Message) -> Result<Response, String> {
        let Reply { status, body } =
            self.transport.send(message).await.map_err(|error| format!("no response: {error}"))?;
        let text = String::from_utf8_lossy(&body);
        let value = serde_json::from_str(&text).map_err(|error| {
            format!("the response {status} is not JSON ({error}): {}", truncated(&text))
        })?;
        Ok((status, value))
    }

    /// Returns a signed message for a request.
    pub(super) fn message(&self, request: &Value) -> Message {
        Message::signed(
            &self.subject.key,
            &self.unique_name("msg"),
            request.to_string().into_bytes(),
        )
    }

    /// Sends a request for the organisation of the subject.
    pub(super) async fn ask(&self, request: Value) -> Result<Response, String> {
        let organization = self.subject.organization.clone();
        self.ask_for(&organization, request).await
    }

    /// Sends a request for an organisation.
    pub(super) async fn ask_for(
        &self,
        organization: &str,
        mut request: Value,
    ) -> Result<Response, String> {
        let mode = if self.subject.key.starts_with("sk_live_") { "live" } else { "test" };
        request["scope"] = json!({
            "participantId": "agent:kit",
            "participantKind": "agent",
            "organizationId": organization,
            "requiredSyncGroups": [format!("org:{organization}")],
            "mode": mode,
        });
        self.send(self.message(&request)).await
    }

    /// Sends a request and returns the body, or an error if the status is not 200.
    pub(super) async fn ask_ok(&self, request: Value) -> Result<Value, String> {
        let sent = truncated(&request.to_string());
        match self.ask(request).await? {
            (200, body) => Ok(body),
            (status, body) => Err(format!("{sent}: got {status} {}", truncated(&body.to_string()))),
        }
    }

    /// Returns the values of a new row with this text.
    pub(super) fn row(&self, text: &str) -> Map<String, Value> {
        let mut row = self.subject.row.clone();
        row.insert(self.subject.text.clone(), text.into());
        row
    }

    /// Returns an operation.
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

    /// Returns an operation that updates the text of a row.
    pub(super) fn change(&self, id: &str, text: &str) -> Value {
        let input = Map::from_iter([(self.subject.text.clone(), text.into())]);
        self.operation("UPDATE", Some(id), Some(input))
    }

    /// Sends a commit and returns the response.
    pub(super) async fn try_commit(
        &self,
        client_tx_id: &str,
        operations: Vec<Value>,
    ) -> Result<Response, String> {
        let request =
            json!({ "type": "commit", "clientTxId": client_tx_id, "operations": operations });
        self.ask(request).await
    }

    /// Commits and returns the rows.
    pub(super) async fn commit(
        &self,
        client_tx_id: &str,
        operations: Vec<Value>,
    ) -> Result<Vec<Value>, String> {
        let request =
            json!({ "type": "commit", "clientTxId": client_tx_id, "operations": operations });
        let body = self.ask_ok(request).await?;
        match body.get("rows").and_then(Value::as_array) {
            Some(rows) => Ok(rows.clone()),
            None => {
                let body = truncated(&body.to_string());
                Err(format!("the response to a commit has no `rows`: {body}"))
            }
        }
    }

    /// Creates a row with this text and returns its id and the row.
    pub(super) async fn create(&self, text: &str) -> Result<(String, Value), String> {
        let id = (!self.subject.generated).then(|| self.row_id());
        let operation = self.operation("CREATE", id.as_deref(), Some(self.row(text)));
        let rows = self.commit(&self.unique_name("tx"), vec![operation]).await?;
        let [row] = rows.as_slice() else {
            return Err(format!("a create of one row returned {} rows", rows.len()));
        };
        let created = row["id"].as_str().ok_or_else(|| format!("`id` is not a string in {row}"))?;
        match id {
            Some(id) if id != created => {
                Err(format!("a row was created with the id {id}, but {created} was returned"))
            }
            _ => Ok((created.to_owned(), row.clone())),
        }
    }

    /// Loads a row. Null means that there is none.
    pub(super) async fn load(&self, id: &str) -> Result<Value, String> {
        let body =
            self.ask_ok(json!({ "type": "load", "model": self.subject.model, "id": id })).await?;
        let row = body.get("row").cloned();
        row.ok_or_else(|| format!("the response to a load has no `row`: {body}"))
    }

    /// Reads a page of events and the cursor of the next page.
    pub(super) async fn events(
        &self,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<(Vec<Value>, Option<String>), String> {
        let mut request = json!({ "type": "events", "limit": limit });
        if let Some(cursor) = cursor {
            request["cursor"] = cursor.into();
        }
        let body = self.ask_ok(request).await?;
        let events = body.get("events").and_then(Value::as_array);
        let events = events.ok_or_else(|| format!("the response has no `events`: {body}"))?;
        let next = match body.get("nextCursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(next)) if !next.is_empty() => Some(next.clone()),
            Some(other) => {
                let expected = "expected a non-empty string, null or no member";
                return Err(format!("`nextCursor` is {other}, {expected}"));
            }
        };
        Ok((events.clone(), next))
    }

    /// Returns the matching events after a cursor. Waits for `count` of them up to the event
    /// timeout, since an outbox may hold events back until concurrent transactions end.
    pub(super) async fn await_events(
        &self,
        from: &Option<String>,
        count: usize,
        matches: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, String> {
        let start = Instant::now();
        loop {
            let found: Vec<Value> =
                self.read_all_events(from.clone()).await?.0.into_iter().filter(&matches).collect();
            if found.len() >= count || start.elapsed() > self.subject.event_timeout {
                return Ok(found);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Returns all events after a cursor and the cursor of their end.
    pub(super) async fn read_all_events(
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
        Err("the pages of events do not end".to_owned())
    }
}

/// Returns the first 400 characters of a text.
pub(super) fn truncated(text: &str) -> String {
    let short: String = text.chars().take(400).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
