//! Fuzzes the JSON delta decoder: no panics; accepted text is valid for serde_json and round-trips
//! through JSON and the binary form; and text that the wire types accept is not rejected.

#![no_main]

use ablo::{Deltas, Naming, wire};
use libfuzzer_sys::fuzz_target;

mod weather {
    include!("../../ablo/tests/weather.in");
}

use weather::SCHEMA;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let deltas = match Deltas::read(&SCHEMA, text) {
        Ok(deltas) => deltas,
        Err(error) => {
            assert!(error.offset() <= text.len(), "{error}");
            return check_rejected(text);
        }
    };
    assert!(is_json, "serde_json rejects accepted text");
    let frame = deltas.to_frame();
    let again = Deltas::read(&SCHEMA, &frame).unwrap_or_else(|error| panic!("{error}\n{frame}"));
    assert_eq!(again.to_frame(), frame);
    for naming in [Naming::SameSchema, Naming::Described] {
        let bytes = deltas.to_binary(naming);
        let read =
            Deltas::read_binary(&SCHEMA, &bytes).unwrap_or_else(|error| panic!("{error}\n{frame}"));
        assert_eq!(read.to_frame(), frame);
        assert_eq!(read.to_binary(naming), bytes, "{frame}");
    }
    rows(&deltas);
});

/// Checks that rejected text is also rejected by the wire types, except for known differences.
fn check_rejected(text: &str) {
    let Ok(delta) = serde_json::from_str::<wire::Delta<ablo::Row<weather::Station>>>(text) else {
        return;
    };
    let row_action = matches!(delta.action_type.as_str(), "I" | "U" | "D" | "A" | "V" | "C");
    if delta.model_name == "Station" && row_action && delta.data.value().is_some() {
        let error =
            Deltas::read(&SCHEMA, text).err().map(|error| error.to_string()).unwrap_or_default();
        // Members that are named like those of a frame change the detected layout.
        let frame =
            ["type", "payload", "deltas"].iter().any(|name| delta.other.contains_key(*name));
        let known = ["deeper than 64", "duplicate", "out of range", "lone surrogate"];
        assert!(frame || known.iter().any(|known| error.contains(known)), "{error}\n{text}");
    }
}

/// Checks that borrowed and owned rows are equal.
fn rows(deltas: &Deltas<'_>) {
    for delta in deltas {
        let Some(row) = delta.row::<weather::WeatherReport>() else { continue };
        let Ok(owned) = row.to_row() else { continue };
        assert_eq!(row.get(weather::WeatherReport::LOCATION), Some(owned.location.as_str()));
        assert_eq!(row.get(weather::WeatherReport::CONFIDENCE).flatten(), owned.confidence);
        assert_eq!(row.get(weather::WeatherReport::STATUS).as_ref(), Some(&owned.status));
    }
}
