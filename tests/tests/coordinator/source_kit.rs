//! The conformance kit itself: a correct endpoint passes, and each check detects a flaw.

use ablo::source::kit::{self, Subject, Transport};
use ablo::source::{Endpoint, Message, Reply, Unreachable, Verifier};
use ablo_tests::fake_app::{FakeApp, Flaw};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const KEY: &str = "sk_test_example";

fn subject() -> Subject {
    let row = json!({ "title": "Write spec", "n": 1.5 });
    let mut subject = Subject::new(KEY, "tasks", row.as_object().expect("an object").clone());
    // Events are available immediately.
    subject.event_timeout = Duration::from_millis(100);
    subject
}

async fn failures<T: Transport>(transport: &T, subject: &Subject) -> BTreeSet<&'static str> {
    let outcomes = kit::run(transport, subject).await;
    outcomes.iter().filter(|outcome| outcome.result.is_err()).map(|outcome| outcome.name).collect()
}

/// A transport that alters requests and responses.
struct FaultyTransport {
    endpoint: Endpoint<FakeApp>,
    fault: &'static str,
}

impl Transport for FaultyTransport {
    async fn send(&self, mut message: Message) -> Result<Reply, Unreachable> {
        match self.fault {
            // Signatures are not checked.
            "trusts" => {
                let method = message.method.clone();
                message = Message {
                    method,
                    ..Message::signed(KEY, &uuid::Uuid::new_v4().to_string(), message.body)
                };
            }
            // Only the first signature is checked.
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
        let mut reply = Transport::send(&self.endpoint, message).await?;
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
async fn a_correct_endpoint_passes() {
    let endpoint = Endpoint::new(FakeApp::new(Flaw::None), [KEY]);
    assert_eq!(failures(&endpoint, &subject()).await, BTreeSet::new());
    let faulty =
        FaultyTransport { endpoint: Endpoint::new(FakeApp::new(Flaw::None), [KEY]), fault: "none" };
    assert_eq!(failures(&faulty, &subject()).await, BTreeSet::new());
}

/// Flaws of the application, each with the checks that must fail.
const FLAWS: [(Flaw, &[&str]); 20] = [
    (Flaw::SkipsEvents, &["no event is skipped while others are written"]),
    (
        Flaw::ForgetsCommits,
        &[
            "a repeated commit is applied once and gets the same response",
            "a commit sent several times at once is applied once",
            "a commit repeated after later commits does not undo them",
            "a repeated commit has one event per operation",
        ],
    ),
    (Flaw::RepliesWithCurrentRows, &["a commit repeated after later commits does not undo them"]),
    (
        Flaw::AppliesPartially,
        &["a commit is applied as a whole or not at all", "a refused commit has no events"],
    ),
    (Flaw::EmitsEventsOfFailedCommits, &["a refused commit has no events"]),
    (Flaw::OmitsDeletionEvents, &["events follow commit order, and deletions have no data"]),
    (Flaw::DeletionEventHasRow, &["events follow commit order, and deletions have no data"]),
    (Flaw::EventHasInput, &["each operation has one event with its clientTxId and row"]),
    (Flaw::EventsNewestFirst, &["events follow commit order, and deletions have no data"]),
    (Flaw::EventPagesOverlap, &["pages of events neither overlap nor skip, and they end"]),
    (Flaw::OneEventPerCommit, &["a repeated commit has one event per operation"]),
    (Flaw::KeepsDeletedRows, &["a delete returns the row and removes it"]),
    (Flaw::UpdateReplacesRow, &["an update changes only the given fields"]),
    (Flaw::UpdateCreatesMissingRow, &["an update changes only the given fields"]),
    (Flaw::TrimsText, &["text is stored unchanged, including special characters"]),
    (Flaw::MixesOrganizations, &["rows of other organisations are neither read nor written"]),
    (Flaw::IgnoresListFilter, &["list returns all matching rows, page by page"]),
    (Flaw::IgnoresListCursor, &["list returns all matching rows, page by page"]),
    (Flaw::RequiresIds, &["a row created without an id gets one"]),
    (Flaw::CreateReturnsInput, &["load returns the row, or null for a missing row"]),
];

/// Faults of the transport, each with the checks that must fail.
const TRANSPORT_FAULTS: [(&str, &[&str]); 5] = [
    (
        "trusts",
        &[
            "unsigned messages are refused",
            "messages with a foreign, expired or mismatched signature are refused",
        ],
    ),
    ("first", &["one valid signature among several is accepted"]),
    ("method", &["methods other than POST are refused"]),
    (
        "codes",
        &[
            "malformed and unknown requests are refused with their codes",
            "a commit without a clientTxId or operations is refused",
        ],
    ),
    ("empty", &["malformed and unknown requests are refused with their codes"]),
];

#[tokio::test]
async fn each_check_detects_its_flaw() {
    let mut seen = BTreeSet::new();
    let mut undetected = Vec::new();
    for (flaw, checks) in FLAWS {
        // These flaws do not concern replays.
        let endpoint = Endpoint::with(FakeApp::new(flaw), Verifier::new([KEY]));
        let failed = failures(&endpoint, &subject()).await;
        undetected.extend(
            checks
                .iter()
                .filter(|name| !failed.contains(*name))
                .map(|name| format!("{flaw:?}: {name}")),
        );
        seen.extend(failed);
    }
    for (fault, checks) in TRANSPORT_FAULTS {
        let faulty =
            FaultyTransport { endpoint: Endpoint::new(FakeApp::new(Flaw::None), [KEY]), fault };
        let failed = failures(&faulty, &subject()).await;
        undetected.extend(
            checks
                .iter()
                .filter(|name| !failed.contains(*name))
                .map(|name| format!("{fault}: {name}")),
        );
        seen.extend(failed);
    }
    assert!(undetected.is_empty(), "not detected:\n{}", undetected.join("\n"));
    // Every check of the kit fails for at least one flaw.
    let endpoint = Endpoint::new(FakeApp::new(Flaw::None), [KEY]);
    let all: BTreeSet<&str> =
        kit::run(&endpoint, &subject()).await.iter().map(|outcome| outcome.name).collect();
    let unused: Vec<&&str> = all.difference(&seen).collect();
    assert!(unused.is_empty(), "no flaw makes these checks fail: {unused:?}");
}
