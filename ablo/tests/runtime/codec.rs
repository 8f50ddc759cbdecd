//! Reading deltas from JSON into typed rows and writing them back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod weather {
    include!("../weather.in");
}

use crate::support::{Freedom, Rng};
use ablo::{Deltas, Row, Slot, wire};
use proptest::prelude::*;
use std::fs;
use weather::{SCHEMA, Station, WeatherReport, WeatherReportStatus};

fn read(text: &str) -> Deltas<'_> {
    Deltas::read(&SCHEMA, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> String {
    Deltas::read(&SCHEMA, text).map(|deltas| deltas.to_json()).unwrap_err().to_string()
}

const REPORT: &str = concat!(
    r#"{"id":"r_1","createdAt":"2026-06-01T08:00:00.000Z","#,
    r#""updatedAt":"2026-06-01T08:00:00.000Z","location":"Oslo","status":"ready","#,
    r#""forecast":null,"confidence":0.8,"stationId":"s_1"}"#,
);

fn update(data: &str) -> String {
    format!(
        r#"{{"id":1,"actionType":"U","modelName":"WeatherReport","modelId":"r_1","data":{data}}}"#
    )
}

#[test]
fn a_row_is_read_borrowed_and_owned() {
    let text = update(REPORT);
    let deltas = read(&text);
    let row = deltas.get(0).unwrap().row::<WeatherReport>().unwrap();
    assert_eq!(row.get(Row::<WeatherReport>::ID), Some("r_1"));
    assert_eq!(row.get(WeatherReport::LOCATION), Some("Oslo"));
    assert_eq!(row.get(WeatherReport::STATUS), Some(WeatherReportStatus::Ready));
    assert_eq!(row.get(WeatherReport::FORECAST), Some(None));
    assert_eq!(row.get(WeatherReport::CONFIDENCE), Some(Some(0.8)));
    assert_eq!(row.get(WeatherReport::STATION_ID), Some(Some("s_1")));
    assert!(deltas.get(0).unwrap().row::<Station>().is_none());
    assert_eq!(row.to_row().unwrap(), serde_json::from_str::<Row<WeatherReport>>(REPORT).unwrap());
    assert_eq!(deltas.to_json(), text);
}

#[test]
fn a_partial_row_names_its_missing_field() {
    let text = update(r#"{"confidence":1}"#);
    let deltas = read(&text);
    let row = deltas.get(0).unwrap().row::<WeatherReport>().unwrap();
    assert_eq!(row.get(WeatherReport::CONFIDENCE), Some(Some(1.0)));
    assert_eq!((row.get(WeatherReport::LOCATION), row.get(WeatherReport::FORECAST)), (None, None));
    assert_eq!(row.slots().collect::<Vec<_>>(), [("confidence", Slot::Number(1.0))]);
    assert_eq!(
        row.to_row().unwrap_err().to_string(),
        "`WeatherReport.id` at byte 0: missing member"
    );
    let text = update(concat!(
        r#"{"id":"r_1","createdAt":"2026-06-01T08:00:00Z","#,
        r#""updatedAt":"2026-06-01T08:00:00Z","status":""}"#,
    ));
    let error = read(&text).get(0).unwrap().row::<WeatherReport>().unwrap().to_row().unwrap_err();
    assert_eq!(error.field(), Some("location"));
}

#[test]
fn golden_frames_match_the_wire_types() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/wire/delta");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap();
        let deltas = Deltas::read(&SCHEMA, &text)
            .unwrap_or_else(|error| panic!("{:?}: {error}", entry.path()));
        let ours = deltas.to_frame();
        let theirs = wire::ServerFrame::parse(&text).unwrap();
        assert_eq!(wire::ServerFrame::parse(&ours).unwrap(), theirs, "{ours}");
        if !text.contains("budget") {
            let compact = |text: &str| text.parse::<serde_json::Value>().unwrap().to_string();
            assert_eq!(compact(&ours), compact(&theirs.to_text().unwrap()));
        }
        seen += 1;
    }
    assert!(seen >= 14);
}

#[test]
fn data_may_be_the_row_as_a_json_string() {
    let text = update(&serde_json::to_string(&REPORT.replace("Oslo", "Os\\\"lo\\u00e9")).unwrap());
    let deltas = read(&text);
    let row = deltas.get(0).unwrap().row::<WeatherReport>().unwrap();
    assert_eq!(row.get(WeatherReport::LOCATION), Some("Os\"loé"));
    assert_eq!(deltas.to_json(), update(&REPORT.replace("Oslo", "Os\\\"loé")));
    let bad = update(&serde_json::to_string(r#"{"confidence":"high"}"#).unwrap());
    assert_eq!(refused(&bad), "`WeatherReport.confidence` at byte 76: expected a number");
    assert!(refused(&update(r#""{} x""#)).ends_with("trailing characters"));
    assert!(refused(&update(r#""7""#)).ends_with("expected an object"));
}

#[test]
fn group_changes_and_unknown_models_stay_text() {
    let text = concat!(
        r#"{"id":9,"actionType":"G","modelName":"Station","modelId":"m","#,
        r#""data":{"group":"team:1"}}"#,
    );
    let deltas = read(text);
    let delta = deltas.get(0).unwrap();
    assert_eq!(delta.raw_data(), Some(r#"{"group":"team:1"}"#));
    assert_eq!(
        (delta.action(), delta.model().map(|model| model.key)),
        (wire::Action::GroupAdded, Some("stations"))
    );
    let text = r#"{"id":9,"actionType":"I","modelName":"Sensor","modelId":"m","data":{"v" : 1.0}}"#;
    let deltas = read(text);
    assert_eq!(deltas.get(0).unwrap().raw_data(), Some(r#"{"v" : 1.0}"#));
    assert!(deltas.get(0).unwrap().model().is_none());
    assert_eq!(deltas.to_json(), text);
}

#[test]
fn every_envelope_member_is_read() {
    let text = concat!(
        r#"{"type":"delta","payload":{"deltas":[{"id":413,"actionType":"U","#,
        r#""modelName":"Station","modelId":"s","syncGroups":["org:a","org:b"],"#,
        r#""transactionId":null,"createdAt":"now","actor":{"kind":"agent","id":"w","#,
        r#""v":2},"onBehalfOf":null,"capabilityId":"c","confirmationState":"auto","#,
        r#""causedByTaskId":"t","x":1}],"newVersions":{"task":8},"y":[]}}"#,
    );
    let deltas = read(text);
    let delta = deltas.get(0).unwrap();
    assert_eq!(delta.sync_groups().collect::<Vec<_>>(), ["org:a", "org:b"]);
    assert_eq!((delta.transaction_id(), delta.created_at()), (None, Some("now")));
    let actor = delta.actor().unwrap();
    assert_eq!((actor.kind, actor.id, delta.on_behalf_of()), ("agent", "w", None));
    assert_eq!(
        (delta.capability_id(), delta.confirmation_state(), delta.caused_by_task_id()),
        (Some("c"), Some("auto"), Some("t"))
    );
    assert_eq!(delta.unknown().collect::<Vec<_>>(), [("x", "1")]);
    assert_eq!(deltas.new_versions(), Some(r#"{"task":8}"#));
    assert_eq!(deltas.to_frame(), text);
    assert_eq!(deltas.iter().len(), 1);
}

#[test]
fn errors_have_a_field_an_offset_and_a_reason() {
    let before = update("").len() - 1;
    for (data, field, at, reason) in [
        (r#"{"location":7}"#, "`WeatherReport.location` ", 12, "expected a string"),
        (r#"{"location":null}"#, "`WeatherReport.location` ", 12, "required field is null"),
        (r#"{"location":"a","location":"b"}"#, "`WeatherReport.location` ", 16, "duplicate member"),
        (r#"{"confidence":01}"#, "`WeatherReport.confidence` ", 14, "invalid number"),
        (
            r#"{"confidence":1e999}"#,
            "`WeatherReport.confidence` ",
            14,
            "number out of range of a double",
        ),
        (
            r#"{"createdAt":"2026-02-30T00:00:00.000Z"}"#,
            "`WeatherReport.createdAt` ",
            13,
            "expected an RFC 3339 timestamp",
        ),
        (r#"{"location":"\ud800"}"#, "`WeatherReport.location` ", 13, "lone surrogate"),
        (r#"{"location":"a"x}"#, "", 15, "expected a comma or the end of the object or array"),
        (r#"{"location":"a",}"#, "", 16, "expected a member name"),
        (r"[]", "", 0, "expected an object, a string that contains one, or null"),
    ] {
        assert_eq!(
            refused(&update(data)),
            format!("{field}at byte {}: {reason}", before + at),
            "{data}"
        );
    }
    assert_eq!(
        refused(r#"{"id":1,"actionType":"U","modelName":"M"}"#),
        "`modelId` at byte 40: missing member"
    );
    assert_eq!(refused(r#"{"id":1,"id":2}"#), "`id` at byte 8: duplicate member");
    assert_eq!(refused(r#"{"type":"pong"}"#), "at byte 8: expected a frame of type `delta`");
    assert_eq!(refused(""), "at byte 0: unexpected end of input");
    assert_eq!(refused(&format!("{} ,", update("{}"))), "at byte 80: trailing characters");
    let deep = |depth| update(&format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)));
    assert!(Deltas::read(&SCHEMA, &deep(64)).is_ok());
    assert!(refused(&deep(65)).ends_with("nesting is deeper than 64 levels"));
}

/// Found by fuzzing: two members without a comma between them.
#[test]
fn members_need_commas_between_them() {
    let whole = concat!(
        r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s","#,
        r#""data":{"name":"a","altitude":1},"syncGroups":["a","b"],"transactionId":null,"#,
        r#""createdAt":"x","actor":{"kind":"user","id":"u"},"capabilityId":"c"}"#,
    );
    assert_eq!(read(whole).to_json(), whole);
    for (at, _) in whole.match_indices(',') {
        let mut broken = whole.to_owned();
        broken.remove(at);
        assert!(Deltas::read(&SCHEMA, &broken).is_err(), "{broken}");
        broken.insert_str(at, ",,");
        assert!(Deltas::read(&SCHEMA, &broken).is_err(), "{broken}");
    }
}

#[test]
fn ids_are_read_as_the_wire_types_read_them() {
    let id = |id: &str| {
        let text = format!(r#"{{"id":{id},"actionType":"D","modelName":"M","modelId":"m"}}"#);
        let ours = Deltas::read(&SCHEMA, &text).ok().map(|deltas| deltas.get(0).unwrap().id());
        let theirs = serde_json::from_str::<wire::Delta>(&text).ok().map(|delta| delta.id.0);
        assert_eq!(ours, theirs, "{id}");
    };
    for text in [
        "0",
        "7",
        "-5",
        "-0",
        "1.0",
        "1.5",
        "1e3",
        "9007199254740991",
        "9007199254740992",
        "18446744073709551616",
        "01",
        "\"7\"",
        "null",
        "1e400",
        "-1.5",
        "999999999999999",
        "1000000000000000",
        "4e2",
        "12.",
        "",
    ] {
        id(text);
    }
}

fn freedom(space: bool, shuffle: bool, escapes: bool) -> Freedom {
    Freedom { space, shuffle, escapes }
}

/// Returns whether the text is JSON within the supported depth.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deltas_are_written_canonically(seed: u64, space: bool, shuffle: bool, escapes: bool) {
        let twin = crate::support::payload(&mut Rng::new(seed), freedom(space, shuffle, escapes));
        prop_assert!(is_json(&twin.free), "{}", twin.free);
        prop_assert_eq!(read(&twin.free).to_json(), twin.canonical.as_str(), "{}", twin.free);
        prop_assert_eq!(read(&twin.canonical).to_json(), twin.canonical.as_str());
        let payload = &twin.free;
        let frames = [
            format!(r#"{{"type":"delta","payload":{payload}}}"#),
            format!(r#"{{ "payload":{payload},"x":{{}},"type":"delta"}}"#),
        ];
        for frame in frames {
            prop_assert_eq!(read(&frame).to_json(), twin.canonical.as_str());
        }
    }

    #[test]
    fn rows_match_those_of_serde(seed: u64, shuffle: bool) {
        let twin = crate::support::delta(&mut Rng::new(seed), freedom(true, shuffle, true));
        let deltas = read(&twin.free);
        let delta = deltas.get(0).unwrap();
        let theirs: serde_json::Result<wire::Delta> = serde_json::from_str(&twin.free);
        // The wire types refuse only a number that is too large inside an unknown member.
        prop_assume!(theirs.is_ok());
        let theirs = theirs.unwrap();
        prop_assert_eq!(delta.id(), theirs.id.0);
        prop_assert_eq!(delta.action(), theirs.action_type.clone());
        prop_assert_eq!(delta.model_id(), theirs.model_id.as_str());
        prop_assert_eq!(delta.transaction_id(), theirs.transaction_id.value().map(String::as_str));
        if let (Some(row), Some(data)) = (delta.row::<Station>(), theirs.data.value()) {
            match (row.to_row(), data.decode::<Row<Station>>()) {
                (Ok(mut ours), Ok(theirs)) => {
                    // The default parser of serde_json may be off by one unit in the last place.
                    let error = (ours.altitude - theirs.altitude).abs();
                    prop_assert!(error <= ours.altitude.abs() * 1e-15);
                    ours.data.altitude = theirs.altitude;
                    prop_assert_eq!(ours, theirs);
                }
                (ours, theirs) => {
                    let both_fail = theirs.is_err() && ours.is_err();
                    prop_assert!(both_fail || data.get().contains("e400"), "{ours:?} {theirs:?}");
                }
            }
        }
    }

    #[test]
    fn broken_frames_are_refused_when_serde_refuses_them(
        seed: u64,
        at: u16,
        byte in prop::sample::select(br#" "\{}[],:0-.eEntu/x"#.to_vec()),
        cut: bool,
    ) {
        let mut rng = Rng::new(seed);
        let mut text = crate::support::payload(&mut rng, freedom(true, true, true)).free;
        let at = usize::from(at) % text.len();
        prop_assume!(text.is_char_boundary(at) && text.is_char_boundary(at + 1));
        if cut {
            text.truncate(at)
        } else {
            text.replace_range(at..=at, &char::from(byte).to_string())
        }
        match Deltas::read(&SCHEMA, &text) {
            Ok(deltas) => {
                prop_assert!(is_json(&text), "{text}");
                prop_assert!(is_json(&deltas.to_json()), "{text}");
            }
            Err(error) => prop_assert!(error.offset() <= text.len(), "{error}"),
        }
    }

    #[test]
    fn uninterpreted_json_is_validated_as_by_serde(
        text in r#"[\[\]{},:"\\u0-9eE+.\- truefalsn]{0,12}"#,
    ) {
        let frame = update(&format!(r#"{{"x":{text}}}"#));
        prop_assert_eq!(Deltas::read(&SCHEMA, &frame).is_ok(), is_json(&frame), "{}", frame);
    }

    #[test]
    fn numbers_match_the_standard_library(
        text in r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
    ) {
        let frame = update(&format!(r#"{{"confidence":{text}}}"#));
        let parsed = text.parse::<f64>().ok();
        let expected = parsed.filter(|number| number.is_finite() && is_json(&text));
        match Deltas::read(&SCHEMA, &frame) {
            Ok(deltas) => {
                let row = deltas.get(0).unwrap().row::<WeatherReport>().unwrap();
                let number = row.get(WeatherReport::CONFIDENCE).flatten();
                prop_assert_eq!(number.map(f64::to_bits), expected.map(f64::to_bits));
            }
            Err(error) => prop_assert_eq!(expected, None, "{}", error),
        }
    }
}
