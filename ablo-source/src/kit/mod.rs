//! The conformance kit: checks that every Data Source endpoint has to pass, in any language.
//!
//! [`run`] takes a [`Transport`] to the endpoint and a [`Subject`] to write, and returns an
//! [`Outcome`] for each check. The checks create their own rows with new ids and delete only those.
//!
//! ```
//! # use ablo_source::{Call, Endpoint, Result, Source};
//! # struct Nothing; impl Source for Nothing {}
//! use ablo_source::kit::{self, Subject};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let endpoint = Endpoint::new(Nothing, ["sk_test_example"]);
//! let row = serde_json::json!({ "title": "Write spec" });
//! let subject = Subject::new("sk_test_example", "tasks", row.as_object().unwrap().clone());
//! let outcomes = kit::run(&endpoint, &subject).await;
//! assert!(outcomes.iter().any(|outcome| outcome.result.is_err()), "the source has no models");
//! # }
//! ```

mod checks;
mod client;
mod sample;

use super::endpoint::{Endpoint, Source};
use super::remote::{Message, Remote, Reply, Unreachable};
use client::KitClient;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// Checks that the endpoint responds, with any response.
///
/// # Errors
/// Returns an error if there is no response.
pub async fn reach<T: Transport>(transport: &T) -> Result<(), Unreachable> {
    transport.send(Message::signed("", "msg_reach", Vec::new())).await.map(|_| ())
}

/// Sends messages to an endpoint.
pub trait Transport: Sync {
    /// Sends a message and returns the reply.
    fn send(&self, message: Message) -> impl Future<Output = Result<Reply, Unreachable>> + Send;
}

impl Transport for Remote {
    async fn send(&self, message: Message) -> Result<Reply, Unreachable> {
        Remote::send(self, message).await
    }
}

impl<S: Source> Transport for Endpoint<S> {
    async fn send(&self, message: Message) -> Result<Reply, Unreachable> {
        let header = |name: &str| {
            message.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let answer = self.answer(&message.method, header, &message.body).await;
        Ok(Reply { status: answer.status, body: answer.body.into_bytes() })
    }
}

/// The model and the row that the checks write.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The secret that messages are signed with.
    pub key: String,
    /// The key of the model in the schema.
    pub model: String,
    /// The values of a new row.
    pub row: Map<String, Value>,
    /// The name of a text member of the row, which the checks overwrite.
    pub text: String,
    /// The organisation that requests are made for.
    pub organization: String,
    /// Whether the endpoint separates rows by organisation. If not, that check is skipped.
    pub isolated: bool,
    /// Whether the endpoint generates all ids.
    pub generated: bool,
    /// Whether the endpoint has an outbox. If not, the checks of events are skipped.
    pub events: bool,
    /// How long after its commit an event may appear.
    pub event_timeout: Duration,
}

impl Subject {
    /// Creates a subject in the organisation `kit`. The first string member of `row` is the text
    /// that the checks overwrite.
    #[must_use]
    pub fn new(key: &str, model: &str, row: Map<String, Value>) -> Self {
        let text = row.iter().find(|(_, value)| value.is_string()).map(|(name, _)| name.clone());
        Self {
            key: key.to_owned(),
            model: model.to_owned(),
            text: text.unwrap_or_default(),
            row,
            organization: "kit".to_owned(),
            isolated: true,
            generated: false,
            events: true,
            event_timeout: Duration::from_secs(10),
        }
    }
}

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The requirement that the check verifies.
    pub name: &'static str,
    /// The failure, with request and response.
    pub result: Result<(), String>,
    /// Why the check was skipped.
    pub skipped: Option<&'static str>,
    /// How long the check took.
    pub took: Duration,
}

macro_rules! each {
    ($client:expr, $outcomes:expr; $($check:ident: $name:expr,)*) => {$(
        let start = Instant::now();
        let result = checks::$check(&$client).await;
        $outcomes.push(Outcome { name: $name, result, skipped: None, took: start.elapsed() });
    )*};
}

const ISOLATION: &str = "rows of other organisations are neither read nor written";

/// Runs all checks one after another.
pub async fn run<T: Transport>(transport: &T, subject: &Subject) -> Vec<Outcome> {
    let client = KitClient::new(transport, subject);
    let mut outcomes = Vec::new();
    each! { client, outcomes;
        missing_headers: "unsigned messages are refused",
        invalid_signatures: "messages with a foreign, expired or mismatched signature are refused",
        several_signatures: "one valid signature among several is accepted",
        other_methods: "methods other than POST are refused",
        unknown_requests: "malformed and unknown requests are refused with their codes",
        invalid_commits: "a commit without a clientTxId or operations is refused",
        create: "a create returns the complete row",
        load_row: "load returns the row, or null for a missing row",
        list_rows: "list returns all matching rows, page by page",
        update: "an update changes only the given fields",
        special_characters: "text is stored unchanged, including special characters",
        delete: "a delete returns the row and removes it",
        repeated_commit: "a repeated commit is applied once and gets the same response",
        concurrent_commits: "a commit sent several times at once is applied once",
        late_repeat: "a commit repeated after later commits does not undo them",
        atomicity: "a commit is applied as a whole or not at all",
        generated_id: "a row created without an id gets one",
    }
    let skipped =
        |name, why| Outcome { name, result: Ok(()), skipped: Some(why), took: Duration::ZERO };
    if subject.isolated {
        each! { client, outcomes; isolation: ISOLATION, }
    } else {
        outcomes.push(skipped(ISOLATION, "rows are not separated by organisation"));
    }
    if subject.events {
        each! { client, outcomes;
            event_content: "each operation has one event with its clientTxId and row",
            event_order: "events follow commit order, and deletions have no data",
            event_once: "a repeated commit has one event per operation",
            event_atomicity: "a refused commit has no events",
            event_pages: "pages of events neither overlap nor skip, and they end",
            concurrent_events: "no event is skipped while others are written",
        }
    } else {
        outcomes.push(skipped("events", "the endpoint has no outbox"));
    }
    outcomes
}
