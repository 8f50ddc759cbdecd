//! A client that follows the rules of the 0.9 client as docs/protocol describes them: it applies
//! and acknowledges deltas late, answers reads from memory, names its groups in the address of the
//! socket, and repeats writes.

mod names;
mod pool;

pub use names::{Model, stored, sync_request};
pub use pool::Pool;

use crate::coordinator::{Coordinator, Socket};
use ablo_wire::ErrorCode;
use names::{new_id, transaction_id};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Deltas are applied once none has arrived for this long (docs/protocol/websocket.md §5.1), and
/// acknowledged when they are stored.
const WINDOW: Duration = Duration::from_millis(105);
/// How long writes are collected (docs/protocol/commits.md §2).
const BATCH: Duration = Duration::from_millis(150);
/// How long the client waits for the answer to a commit before it sends it again.
const ANSWER: Duration = Duration::from_secs(15);
/// The interval of `ping` and `sync_request`.
const BEAT: Duration = Duration::from_secs(30);
/// The number of attempts of a guarded write.
const ATTEMPTS: usize = 3;
/// How long a test waits for what has to happen.
const DEADLINE: Duration = Duration::from_secs(30);

/// A claim that the client holds.
#[derive(Clone, Debug)]
struct Claim {
    id: String,
    model: &'static str,
    row: String,
    /// The position when it was granted, which all writes under it name.
    stamp: u64,
}

/// A client.
#[derive(Debug)]
pub struct Client<'s> {
    /// The coordinator of the next connection.
    pub server: &'s Coordinator,
    kind: &'static str,
    /// The token.
    pub token: String,
    /// The groups that the client knew when it signed in.
    pub groups: Vec<String>,
    /// The rows in memory.
    pub pool: Pool,
    /// The last presence frame of each participant. A frame replaces the one before.
    pub peers: BTreeMap<String, Value>,
    /// The code of the close frame that ended the connection.
    pub closed: Option<u16>,
    socket: Option<Socket>,
    apply_at: Option<Instant>,
    beat_at: Instant,
    claims: Vec<Claim>,
    activity: Option<Value>,
    answers: VecDeque<Value>,
}

impl<'s> Client<'s> {
    /// Signs in as a participant, with further members of the exchange.
    pub async fn sign_in(
        server: &'s Coordinator,
        kind: &'static str,
        id: &str,
        further: Value,
    ) -> Self {
        let token = server.session(kind, id, further).await;
        Self::with_token(server, kind, token).await
    }

    /// Signs in with a token.
    pub async fn with_token(server: &'s Coordinator, kind: &'static str, token: String) -> Self {
        let mut client = Self {
            server,
            kind,
            token,
            groups: Vec::new(),
            pool: Pool::default(),
            peers: BTreeMap::new(),
            closed: None,
            socket: None,
            apply_at: None,
            beat_at: Instant::now(),
            claims: Vec::new(),
            activity: None,
            answers: VecDeque::new(),
        };
        client.read_groups().await;
        client
    }

    async fn read_groups(&mut self) {
        let (_, who) = self.server.ask(&self.token, "GET", "/api/auth/identity", None).await;
        let groups = who["syncGroups"].as_array().unwrap_or_else(|| panic!("{who}"));
        self.groups =
            groups.iter().map(|group| group.as_str().expect("a group").to_owned()).collect();
    }

    /// Goes on with another token of the same participant.
    pub async fn renew(&mut self, token: String) {
        self.token = token;
        self.read_groups().await;
    }

    /// Connects and, unless it is an agent, bootstraps. The socket is opened first.
    pub async fn connect(&mut self) {
        self.open().await;
        if self.kind != "agent" {
            self.bootstrap().await;
        }
    }

    /// Connects again, as after every loss of the connection.
    pub async fn reconnect(&mut self) {
        self.cut();
        let check = self.server.ask_raw(&self.token, "HEAD", "/api/auth/check", None).await;
        assert_eq!(check.status(), 204, "{:?}", check.headers().get("x-auth-failure"));
        self.connect().await;
    }

    /// Loses the connection.
    pub fn cut(&mut self) {
        self.socket = None;
        self.peers.clear();
    }

    /// Opens the socket and sends the first frames (docs/protocol/websocket.md §1 and §2).
    pub async fn open(&mut self) {
        let mut query = match self.kind {
            "user" => String::new(),
            kind => format!("&kind={kind}"),
        };
        self.groups.iter().for_each(|group| query.push_str(&format!("&syncGroups={group}")));
        let mut socket = self.server.socket(&self.token, &query).await;
        for claim in &self.claims {
            socket.send("intent_begin", claim.frame()).await;
        }
        if let Some(activity) = &self.activity {
            socket.send("presence_update", activity.clone()).await;
        }
        let online = json!({ "status": "online", "timezone": "UTC" });
        socket.send("presence_update", online).await;
        let position = self.pool.position();
        if position > 0 {
            socket.send("ack", json!({ "lastSyncId": position, "versions": {} })).await;
        }
        socket.send("sync_request", sync_request(position)).await;
        self.socket = Some(socket);
        self.closed = None;
        self.beat_at = Instant::now() + BEAT;
    }

    /// Loads all rows. Deltas that arrive before are lost.
    pub async fn bootstrap(&mut self) {
        let mut path = "/api/sync/bootstrap?".to_owned();
        self.groups.iter().for_each(|group| path.push_str(&format!("&syncGroups={group}")));
        let (status, body) = self.server.ask(&self.token, "GET", &path, None).await;
        assert_eq!(status, 200, "{body}");
        while self.step(Duration::ZERO).await {}
        self.pool.apply();
        self.pool.load(&body["models"]);
    }

    /// Handles everything until a condition holds.
    ///
    /// # Panics
    /// Panics if it does not hold in time.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "{what}: {self:?}");
            self.step(DEADLINE).await;
        }
    }

    /// Handles everything for some time.
    pub async fn idle(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step(end.saturating_duration_since(Instant::now())).await;
        }
    }

    /// Handles the next frame or timer, for at most some time. Returns whether there was one.
    async fn step(&mut self, at_most: Duration) -> bool {
        let now = Instant::now();
        if self.apply_at.is_some_and(|at| at <= now) {
            self.apply().await;
            return true;
        }
        if self.beat_at <= now {
            self.beat_at = now + BEAT;
            let position = self.pool.position();
            self.send("ping", Value::Null).await;
            self.send("sync_request", sync_request(position)).await;
        }
        let timers = [self.apply_at, Some(self.beat_at), now.checked_add(at_most)];
        let next = timers.into_iter().flatten().min().unwrap_or(now);
        let wait = next.saturating_duration_since(now);
        let Some(socket) = &mut self.socket else {
            tokio::time::sleep(wait).await;
            return false;
        };
        match timeout(wait, socket.next_or_close()).await {
            Err(_) => false,
            Ok(Ok(frame)) => {
                self.handle(&frame).await;
                true
            }
            Ok(Err(code)) => {
                self.cut();
                self.closed = Some(code.unwrap_or(1006));
                if matches!(code, Some(1008 | 4001 | 4003)) {
                    self.pool.clear();
                }
                false
            }
        }
    }

    async fn send(&mut self, kind: &str, payload: Value) {
        if let Some(socket) = &mut self.socket {
            let frame = json!({ "type": kind, "payload": payload });
            // A loss of the connection is noticed by the next read.
            socket.try_send_text(&frame.to_string()).await;
        }
    }

    /// Applies the collected deltas and acknowledges the last one that was stored.
    async fn apply(&mut self) {
        self.apply_at = None;
        self.pool.apply();
        let position = self.pool.position();
        self.send("ack", json!({ "lastSyncId": position, "versions": {} })).await;
    }

    async fn handle(&mut self, frame: &Value) {
        let payload = &frame["payload"];
        match frame["type"].as_str().unwrap_or_default() {
            "delta" => {
                for delta in payload["deltas"].as_array().expect("deltas") {
                    self.receive(delta).await;
                }
            }
            "sync_response" => {
                let current = payload["currentSyncId"].as_u64().expect("a head");
                let is_empty = payload["deltas"].as_array().is_none_or(Vec::is_empty);
                if is_empty && current < self.pool.position() {
                    self.pool.move_back(current);
                    self.send("sync_request", sync_request(current)).await;
                }
            }
            "presence_update" => {
                let peer = payload["userId"].as_str().expect("a participant").to_owned();
                if payload["kind"] == "leave" {
                    self.peers.remove(&peer);
                } else {
                    self.peers.insert(peer, payload.clone());
                }
            }
            kind @ ("pong" | "mutation_result" | "intent_acquired" | "intent_granted"
            | "intent_queued" | "intent_lost" | "intent_rejected") => {
                if kind == "intent_lost" || kind == "intent_rejected" {
                    self.claims.retain(|claim| payload["intentId"] != *claim.id);
                }
                self.answers.push_back(frame.clone());
            }
            _ => {}
        }
    }

    async fn receive(&mut self, delta: &Value) {
        match delta["actionType"].as_str() {
            // The group is noted; the rows follow.
            Some("G") if delta["data"]["addedGroups"].is_null() => drop(self.pool.collect(delta)),
            // Its data is cleared, and it bootstraps.
            Some("S" | "G") => {
                self.pool.clear();
                self.apply_at = None;
                self.read_groups().await;
                Box::pin(self.reconnect()).await;
            }
            _ => {
                self.apply_at = Some(Instant::now() + WINDOW);
                if self.pool.collect(delta) {
                    self.apply().await;
                }
            }
        }
    }

    /// Waits until the coordinator has answered what was sent before.
    pub async fn answered(&mut self) {
        self.send("ping", Value::Null).await;
        self.answer(DEADLINE, |kind, _| kind == "pong").await.expect("an answer");
    }

    /// Returns the next answer that fits.
    async fn answer(
        &mut self,
        time: Duration,
        fits: impl Fn(&str, &Value) -> bool,
    ) -> Option<Value> {
        let deadline = Instant::now() + time;
        loop {
            let found = self.answers.iter().position(|frame| {
                fits(frame["type"].as_str().unwrap_or_default(), &frame["payload"])
            });
            if let Some(frame) = found.and_then(|at| self.answers.remove(at)) {
                return Some(frame);
            }
            if Instant::now() >= deadline || self.socket.is_none() {
                return None;
            }
            self.step(deadline.saturating_duration_since(Instant::now())).await;
        }
    }

    /// Reports what the participant does.
    pub async fn report(&mut self, activity: Value) {
        let payload = json!({ "status": "online", "activity": activity });
        self.activity = Some(payload.clone());
        self.send("presence_update", payload).await;
    }

    /// Reads a row, from memory if it is there.
    pub async fn retrieve(&mut self, model: Model, id: &str) -> Option<Value> {
        if self.pool.row(model.typename, id).is_none() {
            let query = json!({ "model": model.typename, "where": [["id", id]], "limit": 1 });
            let body = Some(json!({ "queries": [query] }));
            let (_, answer) = self.server.ask(&self.token, "POST", "/api/sync/query", body).await;
            if let Some(row) = answer["results"][0].get(0) {
                self.pool.read(model.typename, row);
            }
        }
        self.pool.row(model.typename, id).map(|row| row.clone().into())
    }

    /// Claims a row and waits for it (docs/protocol/claims.md §5 and §7).
    ///
    /// # Errors
    /// Returns the code of the refusal.
    pub async fn claim(&mut self, model: Model, id: &str) -> Result<(), String> {
        if self.retrieve(model, id).await.is_none() {
            return Err("entity_not_found".to_owned());
        }
        let claim = Claim { id: new_id(), model: model.key, row: id.to_owned(), stamp: 0 };
        let (intent, frame) = (claim.id.clone(), claim.frame());
        self.claims.push(claim);
        self.send("intent_begin", frame).await;
        let is_end = |kind: &str, payload: &Value| {
            // A rejection does not settle a claim that waits.
            let settles = matches!(kind, "intent_acquired" | "intent_granted" | "intent_lost");
            settles && payload["intentId"] == *intent
        };
        let answer = self.answer(2 * DEADLINE, is_end).await.expect("an answer to the claim");
        if answer["type"] == "intent_lost" {
            return Err("claim_lost".to_owned());
        }
        let stamp = self.pool.position();
        let claim = self.claims.iter_mut().find(|claim| claim.id == intent);
        claim.expect("the claim").stamp = stamp;
        Ok(())
    }

    /// Releases the claim on a row.
    pub async fn release(&mut self, model: Model, id: &str) {
        let of_row = |claim: &&mut Claim| claim.model == model.key && claim.row == id;
        let Some(claim) = self.claims.iter_mut().find(of_row) else { return };
        let intent = claim.id.clone();
        self.claims.retain(|claim| claim.id != intent);
        let payload = json!({ "intentId": intent, "entityType": model.key, "entityId": id });
        self.send("intent_abandon", payload).await;
    }

    /// Updates a row that is in memory and waits until the write is confirmed. Under a claim, it is
    /// guarded by the position when the claim was granted.
    ///
    /// # Errors
    /// Returns the code of the refusal.
    pub async fn update(&mut self, model: Model, id: &str, values: Value) -> Result<u64, String> {
        let of_row = |claim: &&Claim| claim.model == model.key && claim.row == id;
        let guard = self.claims.iter().find(of_row).map(|claim| claim.stamp);
        self.update_from(model, id, values, guard).await
    }

    /// As [`Client::update`], with a guard.
    ///
    /// # Errors
    /// Returns the code of the refusal.
    pub async fn update_from(
        &mut self,
        model: Model,
        id: &str,
        values: Value,
        read_at: Option<u64>,
    ) -> Result<u64, String> {
        let undo = self.pool.undo(model.typename, id);
        let input = self.pool.change(model.typename, id, &values);
        let mut operation =
            json!({ "type": "UPDATE", "model": model.wire_name(), "id": id, "input": input });
        if let Some(read_at) = read_at {
            operation["readAt"] = read_at.into();
            operation["onStale"] = "reject".into();
        }
        self.idle(BATCH).await;
        let outcome = self.submit(operation, read_at.is_none()).await;
        if outcome.is_err() {
            undo(&mut self.pool);
        }
        outcome
    }

    /// Deletes a row.
    ///
    /// # Errors
    /// Returns the code of the refusal.
    pub async fn delete(&mut self, model: Model, id: &str) -> Result<u64, String> {
        let operation = json!({ "type": "DELETE", "model": model.wire_name(), "id": id });
        self.submit(operation, false).await
    }

    /// Sends an operation until it is answered for good, and waits for its delta
    /// (docs/protocol/commits.md §2, §3 and §7).
    async fn submit(&mut self, mut operation: Value, is_plain: bool) -> Result<u64, String> {
        let (mut attempts, mut is_new) = (0, true);
        loop {
            if is_new {
                let transaction = transaction_id();
                self.pool.expect_own(&transaction);
                operation["transactionId"] = transaction.into();
            }
            let Some(receipt) = self.commit(&json!([operation])).await else {
                // No answer: it may have been applied.
                self.reconnect().await;
                is_new = false;
                continue;
            };
            let receipt = &receipt["payload"];
            if receipt["success"] == true {
                let last = receipt["lastSyncId"].as_u64().unwrap_or(0);
                self.until("the delta of a write", |client| client.pool.has_seen(last)).await;
                return Ok(last);
            }
            attempts += 1;
            let code = receipt["error"]["code"].as_str().expect("a code").to_owned();
            if !ErrorCode::from(code.as_str()).retryable() || !is_plain && attempts == ATTEMPTS {
                return Err(code);
            }
            is_new = is_plain;
            self.idle(BATCH).await;
        }
    }

    /// Sends operations under a new id. Returns the `mutation_result`, or `None` without one.
    pub async fn commit(&mut self, operations: &Value) -> Option<Value> {
        let id = new_id();
        self.send("commit", json!({ "operations": operations, "clientTxId": id })).await;
        let is_answer =
            |kind: &str, payload: &Value| kind == "mutation_result" && payload["clientTxId"] == *id;
        self.answer(ANSWER, is_answer).await
    }

    /// Closes the connection. Returns the code of the answer.
    pub async fn dispose(mut self) -> Option<u16> {
        let mut socket = self.socket.take()?;
        socket.send_close(1000).await;
        timeout(DEADLINE, socket.close_code()).await.ok()?
    }
}

impl Claim {
    fn frame(&self) -> Value {
        json!({
            "intentId": self.id, "entityType": self.model, "entityId": self.row,
            "action": "editing", "queue": true,
        })
    }
}
