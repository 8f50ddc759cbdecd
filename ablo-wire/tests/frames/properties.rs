//! The reader never panics, and a frame that it accepts survives a write and a second read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the whole file is a test

use ablo_wire::{ClientFrame, ServerFrame};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u64..1 << 53).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(vec!["UPDATE", "create", "U", "online", "c_1"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((member(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn member() -> impl Strategy<Value = String> {
    let known = "type payload id actionType modelName modelId data deltas operations clientTxId \
        success intentId target entityType entityId lastSyncId versions readAt input action model \
        cursor status queue error";
    let known: Vec<&str> = known.split_whitespace().collect();
    prop_oneof![4 => prop::sample::select(known).prop_map(str::to_owned), 1 => "[a-z]{1,6}"]
}

fn frame() -> impl Strategy<Value = Value> {
    prop_oneof![1 => arbitrary_frame(), 3 => edited_golden()]
}

/// A golden frame with some members of its payload added, replaced or removed.
fn edited_golden() -> impl Strategy<Value = Value> {
    let read = |golden: crate::golden::Golden| {
        serde_json::from_str(&golden.text).expect("goldens are JSON")
    };
    let goldens: Vec<Value> = crate::golden::frames().into_iter().map(read).collect();
    let edits = prop::collection::vec((member(), prop::option::of(any_json())), 0..3);
    (prop::sample::select(goldens), edits).prop_map(|(mut frame, edits)| {
        if let Some(payload) = frame.get_mut("payload").and_then(Value::as_object_mut) {
            for (name, value) in edits {
                match value {
                    Some(value) => payload.insert(name, value),
                    None => payload.remove(&name),
                };
            }
        }
        frame
    })
}

fn arbitrary_frame() -> impl Strategy<Value = Value> {
    let kinds: Vec<&str> = [ClientFrame::KINDS, ServerFrame::KINDS, &["slide_cursor"]].concat();
    (prop::sample::select(kinds), any_json(), any_json(), any::<bool>()).prop_map(
        |(kind, payload, beside, payload_first)| {
            let mut frame = match beside {
                Value::Object(members) => members,
                _ => Map::new(),
            };
            let (kind, payload) =
                (("type".to_owned(), json!(kind)), ("payload".to_owned(), payload));
            frame.extend(if payload_first { [payload, kind] } else { [kind, payload] });
            Value::Object(frame)
        },
    )
}

/// The property below says nothing about a type of frame that is never read.
#[test]
fn every_type_of_frame_is_read() {
    let (mut runner, strategy) = (TestRunner::deterministic(), frame());
    let (mut client, mut server) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..2000 {
        let text = strategy.new_tree(&mut runner).expect("a frame").current().to_string();
        client.extend(ClientFrame::parse(&text).map(|frame| frame.kind().to_owned()));
        server.extend(ServerFrame::parse(&text).map(|frame| frame.kind().to_owned()));
    }
    for kind in ClientFrame::KINDS {
        assert!(client.contains(*kind), "no client frame of type {kind}");
    }
    for kind in ServerFrame::KINDS {
        assert!(server.contains(*kind), "no server frame of type {kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_are_stable_after_one_round_trip(frame in frame()) {
        let text = frame.to_string();
        if let Ok(read) = ClientFrame::parse(&text) {
            prop_assert_eq!(ClientFrame::parse(&read.to_text().unwrap()).unwrap(), read);
        }
        if let Ok(read) = ServerFrame::parse(&text) {
            prop_assert_eq!(ServerFrame::parse(&read.to_text().unwrap()).unwrap(), read);
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,64}") {
        let _ = ClientFrame::parse(&text);
        let _ = ServerFrame::parse(&text);
    }

    #[test]
    fn unknown_members_of_a_delta_survive(
        members in prop::collection::vec(("[a-z]{3,9}x", any_json()), 0..5),
    ) {
        let mut delta =
            json!({ "id": 1, "actionType": "U", "modelName": "Task", "modelId": "t_1" });
        delta.as_object_mut().unwrap().extend(members);
        let frame = json!({ "type": "delta", "payload": delta });
        let read = ServerFrame::parse(&frame.to_string()).unwrap();
        prop_assert_eq!(serde_json::to_value(&read).unwrap(), frame);
    }
}
