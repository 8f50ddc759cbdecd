//! Every golden frame and body is read as its type and written back unchanged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the whole file is a test

use crate::golden::Golden;
use ablo_wire::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a text and writes it back.
fn round_trip<T: DeserializeOwned + Serialize>(text: &str) -> String {
    let read: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let value: T = serde_json::from_value(serde_json::from_str(text).unwrap())
        .expect("a value reads like its text");
    let written = serde_json::to_string(&read).unwrap();
    let from_value: serde_json::Value = serde_json::to_value(&value).unwrap();
    assert_eq!(from_value, serde_json::from_str::<serde_json::Value>(&written).unwrap());
    written
}

/// Reads a frame in its direction. Returns its `type`, whether it is known, and its text.
fn frame(golden: &Golden) -> (String, bool, String) {
    if golden.name.starts_with("client-") {
        let frame =
            ClientFrame::parse(&golden.text).unwrap_or_else(|e| panic!("{}: {e}", golden.title()));
        (
            frame.kind().to_owned(),
            !matches!(frame, ClientFrame::Other(_)),
            round_trip::<ClientFrame>(&golden.text),
        )
    } else {
        let frame =
            ServerFrame::parse(&golden.text).unwrap_or_else(|e| panic!("{}: {e}", golden.title()));
        (
            frame.kind().to_owned(),
            !matches!(frame, ServerFrame::Other(_)),
            round_trip::<ServerFrame>(&golden.text),
        )
    }
}

#[test]
fn frames_have_the_type_of_their_folder_and_round_trip() {
    let goldens = crate::golden::frames();
    for golden in &goldens {
        let (kind, known, written) = frame(golden);
        if golden.folder != "other" {
            assert_eq!(kind, golden.folder, "{}", golden.title());
        }
        let listed = match golden.name.starts_with("client-") {
            true => ClientFrame::KINDS.contains(&kind.as_str()),
            false => ServerFrame::KINDS.contains(&kind.as_str()),
        };
        assert_eq!(known, listed, "{}", golden.title());
        let canonical = goldens.iter().find(|other| {
            other.folder == golden.folder
                && golden.name.strip_suffix(".in").unwrap_or(&golden.name) == other.name
        });
        assert_eq!(
            written,
            canonical.expect("every alternate has a canonical form").text,
            "{}",
            golden.title()
        );
    }
}

#[test]
fn every_frame_has_a_golden() {
    let goldens = crate::golden::frames();
    let has = |side: &str, kind: &str| {
        goldens.iter().any(|golden| {
            golden.folder == kind && golden.name.starts_with(side) && !golden.is_alternate()
        })
    };
    for kind in ClientFrame::KINDS {
        assert!(has("client-", kind), "fixtures/wire/{kind}/client-*.json");
    }
    for kind in ServerFrame::KINDS {
        assert!(has("server-", kind), "fixtures/wire/{kind}/server-*.json");
    }
}

macro_rules! bodies {
    ($($name:ident)*) => {
        const BODIES: &[&str] = &[$(stringify!($name)),*];

        fn body_round_trip(golden: &Golden) -> String {
            match golden.folder.as_str() {
                $(stringify!($name) => round_trip::<$name>(&golden.text),)*
                folder => panic!("fixtures/wire/bodies/{folder} is not a body"),
            }
        }
    };
}

bodies! {
    BootstrapResponse CapabilityCreate CapabilityCreated CapabilityDeleted CapabilityRotate
    CapabilityState ClaimAnswer ClaimBody ClaimReleased CommitReceipt CommitRequest CreateBody
    DataSourceAnswer DataSourceBody DeadLetterList DeleteBody ErrorEnvelope EventsAnswer
    ExchangeRequest ExchangeResponse Health Identity IntentBody IntentList IntentReleased KeyCreate
    KeyCreated KeyList ListAnswer ListPage LoadAnswer PresencePost PresenceReported PresenceRoster
    PushAnswer PushBody QueryRequest QueryResponse Read Redriven ReorderBody SchemaSummary
    SourceCommitAnswer SourceFailure SourceRequest SourceStates TaskClose TaskClosed TaskOpen
    TaskOpened UpdateBody WebhookCreate WebhookDeleted WebhookDelivery WebhookEndpoint WebhookList
    WebhookUpdate
}

#[test]
fn bodies_round_trip() {
    let goldens = crate::golden::bodies();
    for golden in &goldens {
        assert_eq!(body_round_trip(golden), golden.text, "{}", golden.title());
    }
    for body in BODIES {
        assert!(goldens.iter().any(|golden| golden.folder == *body), "fixtures/wire/bodies/{body}");
    }
}

#[cfg(feature = "schema")]
#[test]
fn every_body_of_http_has_a_golden() {
    for body in HTTP_BODIES {
        assert!(BODIES.contains(&body.name), "{}", body.name);
    }
}

#[test]
fn malformed_frames_are_errors() {
    for golden in crate::golden::malformed() {
        let rejected = match golden.name.starts_with("client-") {
            true => ClientFrame::parse(&golden.text).is_err(),
            false => ServerFrame::parse(&golden.text).is_err(),
        };
        assert!(rejected, "{}", golden.title());
    }
}

#[test]
fn rows_can_be_application_types() {
    #[derive(serde::Deserialize, serde::Serialize, Clone, Debug, PartialEq)]
    struct Task {
        id: String,
    }
    let text = r#"{"type":"sync_response","payload":{"deltas":[{"id":1,"actionType":"I",
        "modelName":"Task","modelId":"t","data":{"id":"t"}}]}}"#;
    let ServerFrame::SyncResponse(response) =
        serde_json::from_str::<ServerFrame<Task>>(text).unwrap()
    else {
        panic!("{text}")
    };
    let deltas = response.deltas.unwrap();
    assert_eq!(deltas[0].data, Maybe::Value(Task { id: "t".into() }));

    let text = r#"{"results":[[{"id":"t"}],{"id":"u"},null],"lastSyncId":4}"#;
    let response: QueryResponse<Task> = serde_json::from_str(text).unwrap();
    let rows: Vec<_> =
        response.results.into_iter().flat_map(|rows| rows.into_vec().unwrap()).collect();
    assert_eq!(rows, [Task { id: "t".into() }, Task { id: "u".into() }]);

    let borrowed: Delta<&serde_json::value::RawValue> = serde_json::from_str(
        r#"{"id":1,"actionType":"I","modelName":"T","modelId":"t","data":{"a": 1}}"#,
    )
    .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(borrowed.data.value().map(|raw| raw.get()), Some(r#"{"a": 1}"#));
}

#[test]
fn numbers_are_clamped_or_rejected() {
    let id = |text: &str| serde_json::from_str::<SyncId>(text).ok().map(u64::from);
    assert_eq!(id("413"), Some(413));
    assert_eq!(id("413.0"), Some(413));
    assert_eq!(id("-1"), Some(0));
    assert_eq!(id("9007199254740991"), Some(MAX_SAFE));
    assert_eq!(
        [id("9007199254740992"), id("1e300"), id("0.5"), id("\"413\""), id("null")],
        [None; 5]
    );
    let millis = |text: &str| serde_json::from_str::<Millis>(text).ok().map(u64::from);
    assert_eq!([millis("1000.5"), millis("-3.5"), millis("1e300")], [Some(1000), Some(0), None]);
}

#[test]
fn the_registry_is_sorted_and_consistent() {
    assert_eq!(CODES.len(), 157);
    assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
    for info in CODES {
        let code = ErrorCode::from(info.code);
        assert_eq!(code.info(), Some(info));
        assert_eq!(code.class(None), info.class, "{code}");
        assert_eq!(info.retryable, info.recovery == Recovery::Transient, "{code}");
        assert!(!info.class.error_type().as_str().is_empty());
        assert!(!matches!(info.class.error_type(), ErrorType::Other(_)), "{code}");
    }
    assert_eq!(ErrorCode::from("policy:x").recovery(), Recovery::None);
    assert_eq!(ErrorCode::from("unique_violation").class(None), ErrorClass::Idempotency);
    assert_eq!(ErrorCode::from("claim_rejected").class(None), ErrorClass::Base);
    assert_eq!(ErrorCode::from("claim_rejected").class(Some(409)), ErrorClass::Idempotency);
}
