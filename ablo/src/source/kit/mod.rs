//! The conformance kit: checks that any endpoint of a Data Source has to pass, in whatever language it is written.
//!
//! A [`Way`] to the endpoint and a [`Subject`] to write about come in, an [`Outcome`] for each check goes out. The checks write rows of
//! their own with new ids, and delete nothing else.
//!
//! ```
//! # use ablo::source::{Call, Endpoint, Result, Source};
//! # struct Nothing; impl Source for Nothing {}
//! use ablo::source::kit::{self, Subject};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let endpoint = Endpoint::new(Nothing, ["sk_test_example"]);
//! let row = serde_json::json!({ "title": "Write spec" });
//! let subject = Subject::new("sk_test_example", "tasks", row.as_object().unwrap().clone());
//! let outcomes = kit::run(&endpoint, &subject).await;
//! assert!(outcomes.iter().any(|outcome| outcome.result.is_err()), "there is nothing in it yet");
//! # }
//! ```

mod checks;
mod sample;
mod talk;

use super::endpoint::{Endpoint, Source};
use super::remote::{Message, Remote, Reply, Unreachable};
use serde_json::{Map, Value};
use std::time::{Duration, Instant};
use talk::Talk;

/// Whether anybody answers at all, whatever it is.
///
/// # Errors
/// Why nobody does.
pub async fn reach<W: Way>(way: &W) -> Result<(), Unreachable> {
    way.send(Message::signed("", "msg_reach", Vec::new())).await.map(|_| ())
}

/// A way to an endpoint.
pub trait Way: Sync {
    /// Sends a message.
    fn send(&self, message: Message) -> impl Future<Output = Result<Reply, Unreachable>> + Send;
}

impl Way for Remote {
    async fn send(&self, message: Message) -> Result<Reply, Unreachable> {
        Remote::send(self, message).await
    }
}

impl<S: Source> Way for Endpoint<S> {
    async fn send(&self, message: Message) -> Result<Reply, Unreachable> {
        let header = |name: &str| {
            message.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let answer = self.answer(&message.method, header, &message.body).await;
        Ok(Reply { status: answer.status, body: answer.body.into_bytes() })
    }
}

/// What the checks write about.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The key that messages are signed with.
    pub key: String,
    /// The key of a model in the schema.
    pub model: String,
    /// What a new row of it is given.
    pub row: Map<String, Value>,
    /// A text member of it that is written again and again.
    pub text: String,
    /// For which organisation requests are made.
    pub organization: String,
    /// Whether rows of other organisations are kept apart; where not, that is not asked.
    pub isolated: bool,
    /// Whether only the endpoint makes up ids.
    pub generated: bool,
    /// Whether the endpoint has an outbox.
    pub events: bool,
    /// How long an event may take to be there, once its commit is answered.
    pub patience: Duration,
}

impl Subject {
    /// Rows of a model in the organisation `kit`, kept apart from others, of which the first text member is changed.
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
            patience: Duration::from_secs(10),
        }
    }
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What holds where it passed.
    pub name: &'static str,
    /// Why it did not, with what was asked and answered.
    pub result: Result<(), String>,
    /// Why it was not asked.
    pub skipped: Option<&'static str>,
    /// How long it took.
    pub took: Duration,
}

macro_rules! each {
    ($talk:expr, $outcomes:expr; $($check:ident: $name:expr,)*) => {$(
        let start = Instant::now();
        let result = checks::$check(&$talk).await;
        $outcomes.push(Outcome { name: $name, result, skipped: None, took: start.elapsed() });
    )*};
}

const APART: &str = "rows of other organisations are neither read nor written";

/// Runs every check, one after another.
pub async fn run<W: Way>(way: &W, subject: &Subject) -> Vec<Outcome> {
    let talk = Talk::new(way, subject);
    let mut outcomes = Vec::new();
    each! { talk, outcomes;
        unsigned: "what is not signed is refused",
        forged: "what is signed by others, late, or about another body is refused",
        rotated: "one of several signatures is enough",
        methods: "only POST is answered",
        rubbish: "what is no request is refused with its code",
        invalid: "a commit without an id, or without operations, is refused",
        created: "a created row is answered whole",
        loaded: "a row is loaded, and one that is not there is null",
        listed: "a list has every row, filtered and in pages",
        updated: "later commits are applied, and leave the rest of a row alone",
        cleared: "text comes back as it was, whatever is in it",
        deleted: "a deleted row is answered, and gone",
        repeated: "a commit that comes twice is applied once, and answered the same",
        crowded: "a commit that comes many times at once is applied once",
        reordered: "a commit that comes again after others undoes none of them",
        whole: "a commit is applied whole or not at all",
        made: "a row without an id is given one",
    }
    let skipped =
        |name, why| Outcome { name, result: Ok(()), skipped: Some(why), took: Duration::ZERO };
    if subject.isolated {
        each! { talk, outcomes; apart: APART, }
    } else {
        outcomes.push(skipped(APART, "its rows are everyone's"));
    }
    if subject.events {
        each! { talk, outcomes;
            told: "each operation has one event, with what caused it",
            told_in_order: "events come in the order of commits, a deletion without data",
            told_once: "a commit that comes twice has one event for each operation",
            told_whole: "what is refused has no event",
            paged: "pages of events follow each other, and end",
            drained: "no event is passed by while others are written",
        }
    } else {
        outcomes.push(skipped("events", "there is no outbox"));
    }
    outcomes
}
