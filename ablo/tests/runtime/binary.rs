//! The binary form of deltas: round trips, other schemas and hostile bytes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod weather {
    include!("../weather.in");
}

/// The same models some releases later: one field removed, one added, one renamed, all reordered.
mod later {
    include!("../weather_later.in");
}

use crate::support::{Freedom, Rng};
use ablo::{Deltas, Naming, SchemaDescriptor};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use weather::{SCHEMA, WeatherReport};

const BOTH: [Naming; 2] = [Naming::SameSchema, Naming::Described];
const FREEDOM: Freedom = Freedom { space: false, shuffle: false, escapes: true };

fn json(schema: &'static SchemaDescriptor, bytes: &[u8]) -> Result<String, String> {
    Deltas::read_binary(schema, bytes)
        .map(|deltas| deltas.to_json())
        .map_err(|error| error.to_string())
}

/// Encodes with one schema and decodes with another.
fn transfer(from: &'static SchemaDescriptor, to: &'static SchemaDescriptor, text: &str) -> String {
    let bytes = Deltas::read(from, text).unwrap().to_binary(Naming::Described);
    json(to, &bytes).unwrap()
}

fn report(data: &str) -> String {
    format!(
        r#"{{"id":1,"actionType":"U","modelName":"WeatherReport","modelId":"r_1","data":{data}}}"#
    )
}

#[test]
fn fields_are_matched_by_number_across_schemas() {
    let row = concat!(
        r#"{"id":"r_1","location":"Oslo","status":"ready","forecast":"Rain","#,
        r#""confidence":0.5,"stationId":null}"#,
    );
    // `forecast` is renamed to `outlook`, `confidence` is removed, and `status` has more values.
    let newer = concat!(
        r#"{"id":"r_1","status":"ready","outlook":"Rain","location":"Oslo","#,
        r#""stationId":null,"confidence":0.5}"#,
    );
    assert_eq!(transfer(&SCHEMA, &later::SCHEMA, &report(row)), report(newer));
    assert_eq!(transfer(&later::SCHEMA, &SCHEMA, &report(newer)), report(row));
    let newest = report(r#"{"id":"r_1","status":"retracted","gusts":1.5,"wind":{"ms" : 4}}"#);
    assert_eq!(
        transfer(&later::SCHEMA, &SCHEMA, &newest),
        report(r#"{"id":"r_1","status":"retracted","gusts":1.5,"wind":{"ms" : 4}}"#)
    );
    assert_eq!(
        transfer(&SCHEMA, &later::SCHEMA, &transfer(&later::SCHEMA, &SCHEMA, &newest)),
        newest
    );
}

#[test]
fn rows_of_an_unknown_model_become_text() {
    let text = concat!(
        r#"{"deltas":[{"id":1,"actionType":"I","modelName":"Station","modelId":"s_1","#,
        r#""data":{"id":"s_1","name":"A\"","altitude":37.5,"#,
        r#""openedAt":"1962-04-01T00:00:00.123456Z","details":{"a" : 1}}},{"id":2,"#,
        r#""actionType":"D","modelName":"Station","modelId":"s_1","data":null}]}"#,
    );
    assert_eq!(transfer(&SCHEMA, &later::SCHEMA, text), text);
    let bytes = Deltas::read(&SCHEMA, text).unwrap().to_binary(Naming::Described);
    let read = Deltas::read_binary(&later::SCHEMA, &bytes).unwrap();
    assert!(read.get(0).unwrap().model().is_none() && read.get(0).unwrap().raw_data().is_some());
}

#[test]
fn a_batch_of_another_schema_needs_a_description() {
    let text = report("{}");
    let bytes = Deltas::read(&SCHEMA, &text).unwrap().to_binary(Naming::SameSchema);
    assert!(
        json(&later::SCHEMA, &bytes)
            .unwrap_err()
            .ends_with("batch of a different schema without a dictionary")
    );
    assert!(Deltas::is_binary(&bytes) && !Deltas::is_binary(text.as_bytes()));
}

#[test]
fn typed_rows_are_read_from_both_namings() {
    let text = report(concat!(
        r#"{"id":"0190a6f2-7c1d-7a3e-9b1c-2f4d5e6a7b8c","location":"Oslo","#,
        r#""status":"ready","confidence":-3}"#,
    ));
    let deltas = Deltas::read(&SCHEMA, &text).unwrap();
    for naming in BOTH {
        let bytes = deltas.to_binary(naming);
        let read = Deltas::read_binary(&SCHEMA, &bytes).unwrap();
        let row = read.get(0).unwrap().row::<WeatherReport>().unwrap();
        assert_eq!(row.get(WeatherReport::LOCATION), Some("Oslo"));
        assert_eq!(row.get(WeatherReport::CONFIDENCE), Some(Some(-3.0)));
        assert_eq!(
            row.get(ablo::Row::<WeatherReport>::ID),
            Some("0190a6f2-7c1d-7a3e-9b1c-2f4d5e6a7b8c")
        );
    }
}

/// Every `<name>.json` in fixtures/wire/binary has its bytes in hexadecimal next to it, in both
/// namings.
#[test]
fn golden_bytes_are_read_and_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/wire/binary");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let deltas = Deltas::read(&SCHEMA, &text).unwrap();
        assert_eq!(deltas.to_json(), text.trim_end(), "{} is canonical", path.display());
        for (naming, ending) in BOTH.into_iter().zip(["same.hex", "described.hex"]) {
            let golden = path.with_extension(ending);
            let written = hex(&deltas.to_binary(naming));
            if std::env::var_os("ABLO_BLESS").is_some() {
                fs::write(&golden, &written).unwrap();
            }
            let expected = fs::read_to_string(&golden)
                .unwrap_or_else(|_| panic!("{} is missing", golden.display()));
            assert_eq!(written, expected, "{}", golden.display());
            assert_eq!(
                json(&SCHEMA, &unhex(&expected)).unwrap(),
                text.trim_end(),
                "{}",
                golden.display()
            );
        }
        seen += 1;
    }
    assert!(seen >= 5);
}

fn hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| {
        line.iter().map(|byte| format!("{byte:02x} ")).collect::<String>().trim_end().to_owned()
            + "\n"
    };
    bytes.chunks(16).map(line).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

#[test]
fn hostile_bytes_are_refused() {
    let text = report(r#"{"id":"r_1","location":"Oslo","status":"ready"}"#);
    let good = Deltas::read(&SCHEMA, &text).unwrap().to_binary(Naming::SameSchema);
    for len in 0..good.len() {
        assert!(json(&SCHEMA, &good[..len]).is_err(), "cut to {len}");
    }
    let mut longer = good.clone();
    longer.push(b'x');
    assert!(json(&SCHEMA, &longer).unwrap_err().ends_with("trailing characters"));
    let with = |at: usize, bytes: &[u8]| {
        let mut other = good.clone();
        other.splice(at..at + 1, bytes.iter().copied());
        json(&SCHEMA, &other).unwrap_err()
    };
    assert!(with(0, &[0]).ends_with("not a batch of a supported version"));
    assert!(with(1, &[2]).ends_with("not a batch of a supported version"));
    assert!(with(2, &[0x80]).ends_with("unknown flag or form"));
    // The count of deltas, then the length of the head.
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert!(with(19, &huge).ends_with("length or count exceeds the input"));
    assert!(with(20, &huge).ends_with("length or count exceeds the input"));
    let last = good.len() - 1;
    assert!(with(last, &[0xff]).ends_with("invalid UTF-8"));
}

/// Decodes a batch that has only what precedes the deltas.
fn decode_without_deltas(flags: u8, head: &[u8], tail: &str) -> String {
    let mut bytes = vec![0xab, 1, flags | 2, 0, head.len() as u8 + 1, 0];
    bytes.extend(head);
    bytes.extend(tail.as_bytes());
    json(&SCHEMA, &bytes).unwrap_or_else(|error| error)
}

/// Found by fuzzing: JSON that is written has to be readable.
#[test]
fn new_versions_are_an_object_and_need_a_list() {
    assert_eq!(decode_without_deltas(1 | 4, &[2], "{}"), r#"{"deltas":[],"newVersions":{}}"#);
    assert!(decode_without_deltas(1 | 4, &[1], "0").ends_with("expected an object"));
    assert!(decode_without_deltas(1 | 4, &[3], "{} ").ends_with("invalid JSON in a `json` field"));
    assert!(decode_without_deltas(1 | 4, &[3], " {}").ends_with("invalid JSON in a `json` field"));
    assert!(decode_without_deltas(4, &[2], "{}").ends_with("unknown flag or form"));
}

#[test]
fn expansion_of_model_names_is_bounded() {
    // An unknown model with a name of a kilobyte. Each row of it would expand to that much text.
    let head_of = |rows: usize| {
        let mut head = vec![1, 1, 1, 1, 2, 0x88, 0x08];
        for row in 0..rows {
            let marks: u16 = if row == 0 { 2 | 1 << 4 | 1 << 5 } else { 2 };
            head.extend(marks.to_le_bytes());
            head.extend([2, 0, 0, 0]);
            if row == 0 {
                head.extend([2, 1, 1]);
            }
            head.push(2);
        }
        head
    };
    let batch = |rows: usize| {
        let head = head_of(rows);
        let mut bytes = vec![0xab, 1, 1 | 2];
        for mut number in [rows, head.len()] {
            while number >= 0x80 {
                bytes.push(number as u8 | 0x80);
                number >>= 7;
            }
            bytes.push(number as u8);
        }
        bytes.extend(head);
        bytes.extend(b"M");
        bytes.extend([b'f'; 1032]);
        bytes.push(b'U');
        bytes
    };
    assert!(json(&SCHEMA, &batch(3)).unwrap().contains(r#""modelName":"M""#));
    assert!(
        json(&SCHEMA, &batch(20_000))
            .unwrap_err()
            .ends_with("decoded text exceeds the limit for a batch of this size")
    );
}

/// A long text that thousands of deltas share is repeated by each of them in JSON.
#[test]
fn expansion_of_shared_texts_is_bounded() {
    let list = |length: usize, count: usize| {
        let one = |id: usize| {
            let turn = "t".repeat(length);
            let model = r#""modelName":"Station","modelId":"s""#;
            format!(r#"{{"id":{id},"actionType":"D",{model},"causedByTaskId":"{turn}"}}"#)
        };
        let all: Vec<String> = (0..count).map(one).collect();
        format!(r#"{{"deltas":[{}]}}"#, all.join(","))
    };
    let read = |text: &str| {
        json(&SCHEMA, &Deltas::read(&SCHEMA, text).unwrap().to_binary(Naming::SameSchema))
    };
    let usual = list(40, 3000);
    assert_eq!(read(&usual).unwrap(), usual);
    assert!(
        read(&list(2000, 3000))
            .unwrap_err()
            .ends_with("decoded text exceeds the limit for a batch of this size")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_batch_round_trips(seed: u64) {
        let twin = crate::support::payload(&mut Rng::new(seed), FREEDOM);
        let deltas = Deltas::read(&SCHEMA, &twin.free).unwrap();
        for naming in BOTH {
            let bytes = deltas.to_binary(naming);
            let read = Deltas::read_binary(&SCHEMA, &bytes)
                .unwrap_or_else(|error| panic!("{error}\n{}", twin.canonical));
            prop_assert_eq!(read.to_json(), twin.canonical.as_str());
            // Encoding the decoded batch gives the same bytes.
            prop_assert_eq!(read.to_binary(naming), bytes);
        }
    }

    #[test]
    fn a_round_trip_through_another_schema_loses_nothing(seed: u64) {
        let twin = crate::support::payload(&mut Rng::new(seed), FREEDOM);
        let later = transfer(&SCHEMA, &later::SCHEMA, &twin.free);
        prop_assert_eq!(transfer(&later::SCHEMA, &SCHEMA, &later), twin.canonical);
    }

    #[test]
    fn broken_bytes_never_panic(seed: u64, at: u32, bits: u8, cut: bool, described: bool) {
        let twin = crate::support::payload(&mut Rng::new(seed), FREEDOM);
        let naming = BOTH[usize::from(described)];
        let mut bytes = Deltas::read(&SCHEMA, &twin.free).unwrap().to_binary(naming);
        let at = at as usize % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] ^= bits }
        for schema in [&SCHEMA, &later::SCHEMA] {
            if let Ok(deltas) = Deltas::read_binary(schema, &bytes) {
                let text = deltas.to_json();
                let again = Deltas::read(schema, &text)
                    .unwrap_or_else(|error| panic!("{error}\n{text}"));
                prop_assert_eq!(again.to_json(), text);
            }
        }
    }
}
