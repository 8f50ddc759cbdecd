//! The conformance kit itself: it passes what is right, and each of its checks fails where something is wrong.

use ablo::source::kit::{self, Subject, Way};
use ablo::source::{Endpoint, Message, Reply, Unreachable, Verifier};
use ablo_tests::fake_app::{FakeApp, Flaw};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const KEY: &str = "sk_test_example";

fn subject() -> Subject {
    let row = json!({ "title": "Write spec", "n": 1.5 });
    let mut subject = Subject::new(KEY, "tasks", row.as_object().expect("an object").clone());
    // Everything here is there at once.
    subject.patience = Duration::from_millis(100);
    subject
}

async fn failures<W: Way>(way: &W, subject: &Subject) -> BTreeSet<&'static str> {
    let outcomes = kit::run(way, subject).await;
    outcomes.iter().filter(|outcome| outcome.result.is_err()).map(|outcome| outcome.name).collect()
}

/// A way that changes what goes out and what comes back.
struct Crooked {
    endpoint: Endpoint<FakeApp>,
    fault: &'static str,
}

impl Way for Crooked {
    async fn send(&self, mut message: Message) -> Result<Reply, Unreachable> {
        match self.fault {
            // Nobody looks at signatures.
            "trusts" => {
                let method = message.method.clone();
                message = Message {
                    method,
                    ..Message::signed(KEY, &uuid::Uuid::new_v4().to_string(), message.body)
                };
            }
            // Only the first signature is tried.
            "first" => {
                for (name, value) in &mut message.headers {
                    if name == "webhook-signature" {
                        *value = value.split(' ').next().unwrap_or_default().to_owned();
                    }
                }
            }
            "method" => "POST".clone_into(&mut message.method),
            _ => {}
        }
        let mut reply = Way::send(&self.endpoint, message).await?;
        if reply.status == 400 && self.fault == "codes" {
            reply.body = br#"{"error":"bad_request"}"#.to_vec();
        }
        if reply.status == 404 && self.fault == "empty" {
            (reply.status, reply.body) = (200, br#"{"row":null}"#.to_vec());
        }
        Ok(reply)
    }
}

#[tokio::test]
async fn what_is_right_passes() {
    let endpoint = Endpoint::new(FakeApp::new(Flaw::None), [KEY]);
    assert_eq!(failures(&endpoint, &subject()).await, BTreeSet::new());
    let crooked =
        Crooked { endpoint: Endpoint::new(FakeApp::new(Flaw::None), [KEY]), fault: "none" };
    assert_eq!(failures(&crooked, &subject()).await, BTreeSet::new());
}

/// What is wrong, and which checks must see it.
const FLAWS: [(Flaw, &[&str]); 20] = [
    (Flaw::SkipsEvents, &["no event is passed by while others are written"]),
    (
        Flaw::ForgetsCommits,
        &[
            "a commit that comes twice is applied once, and answered the same",
            "a commit that comes many times at once is applied once",
            "a commit that comes again after others undoes none of them",
            "a commit that comes twice has one event for each operation",
        ],
    ),
    (Flaw::RepliesWithCurrentRows, &["a commit that comes again after others undoes none of them"]),
    (
        Flaw::AppliesPartially,
        &["a commit is applied whole or not at all", "what is refused has no event"],
    ),
    (Flaw::EmitsEventsOfFailedCommits, &["what is refused has no event"]),
    (Flaw::OmitsDeletionEvents, &["events come in the order of commits, a deletion without data"]),
    (Flaw::DeletionEventHasRow, &["events come in the order of commits, a deletion without data"]),
    (Flaw::EventHasInput, &["each operation has one event, with what caused it"]),
    (Flaw::EventsNewestFirst, &["events come in the order of commits, a deletion without data"]),
    (Flaw::EventPagesOverlap, &["pages of events follow each other, and end"]),
    (Flaw::OneEventPerCommit, &["a commit that comes twice has one event for each operation"]),
    (Flaw::KeepsDeletedRows, &["a deleted row is answered, and gone"]),
    (Flaw::UpdateReplacesRow, &["later commits are applied, and leave the rest of a row alone"]),
    (
        Flaw::UpdateCreatesMissingRow,
        &["later commits are applied, and leave the rest of a row alone"],
    ),
    (Flaw::TrimsText, &["text comes back as it was, whatever is in it"]),
    (Flaw::MixesOrganizations, &["rows of other organisations are neither read nor written"]),
    (Flaw::IgnoresListFilter, &["a list has every row, filtered and in pages"]),
    (Flaw::IgnoresListCursor, &["a list has every row, filtered and in pages"]),
    (Flaw::RequiresIds, &["a row without an id is given one"]),
    (Flaw::CreateReturnsInput, &["a row is loaded, and one that is not there is null"]),
];

const CROOKED: [(&str, &[&str]); 5] = [
    (
        "trusts",
        &[
            "what is not signed is refused",
            "what is signed by others, late, or about another body is refused",
        ],
    ),
    ("first", &["one of several signatures is enough"]),
    ("method", &["only POST is answered"]),
    (
        "codes",
        &[
            "what is no request is refused with its code",
            "a commit without an id, or without operations, is refused",
        ],
    ),
    ("empty", &["what is no request is refused with its code"]),
];

#[tokio::test]
async fn each_check_sees_what_it_is_there_for() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (flaw, checks) in FLAWS {
        // Signatures are not what this is about.
        let endpoint = Endpoint::with(FakeApp::new(flaw), Verifier::new([KEY]));
        let failed = failures(&endpoint, &subject()).await;
        wrong.extend(
            checks
                .iter()
                .filter(|name| !failed.contains(*name))
                .map(|name| format!("{flaw:?}: {name}")),
        );
        seen.extend(failed);
    }
    for (fault, checks) in CROOKED {
        let crooked = Crooked { endpoint: Endpoint::new(FakeApp::new(Flaw::None), [KEY]), fault };
        let failed = failures(&crooked, &subject()).await;
        wrong.extend(
            checks
                .iter()
                .filter(|name| !failed.contains(*name))
                .map(|name| format!("{fault}: {name}")),
        );
        seen.extend(failed);
    }
    assert!(wrong.is_empty(), "not seen:\n{}", wrong.join("\n"));
    // Every check that there is has failed for one of them.
    let endpoint = Endpoint::new(FakeApp::new(Flaw::None), [KEY]);
    let all: BTreeSet<&str> =
        kit::run(&endpoint, &subject()).await.iter().map(|outcome| outcome.name).collect();
    let blind: Vec<&&str> = all.difference(&seen).collect();
    assert!(blind.is_empty(), "nothing makes these fail: {blind:?}");
}
