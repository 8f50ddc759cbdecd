//! Any text into the JSON reader of deltas: no panic; what is read is JSON for serde_json too, is written and read back as
//! the same, also through the binary form; and a frame that serde_json and the wire types refuse as JSON is refused.

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
            return typed_refuses(text);
        }
    };
    assert!(is_json, "serde_json refuses what was read");
    let frame = deltas.to_frame();
    let again = Deltas::read(&SCHEMA, &frame).unwrap_or_else(|error| panic!("{error}\n{frame}"));
    assert_eq!(again.to_frame(), frame);
    for naming in [Naming::SameSchema, Naming::Described] {
        let bytes = deltas.to_binary(naming);
        let read = Deltas::read_binary(&SCHEMA, &bytes).unwrap_or_else(|error| panic!("{error}\n{frame}"));
        assert_eq!(read.to_frame(), frame);
        assert_eq!(read.to_binary(naming), bytes, "{frame}");
    }
    rows(&deltas);
});

/// What the wire types read with a typed row must be read here too, but for what is bounded: depth.
fn typed_refuses(text: &str) {
    let Ok(delta) = serde_json::from_str::<wire::Delta<ablo::Row<weather::Station>>>(text) else { return };
    let row_action = matches!(delta.action_type.as_str(), "I" | "U" | "D" | "A" | "V" | "C");
    if delta.model_name == "Station" && row_action && delta.data.value().is_some() {
        let repeated = Deltas::read(&SCHEMA, text).err().map(|error| error.to_string()).unwrap_or_default();
        // `type` beside the members of a delta is a frame's; other members named like a frame's decide what it is.
        let frame = ["type", "payload", "deltas"].iter().any(|name| delta.other.contains_key(*name));
        let known = ["deeper than 64", "duplicate", "out of range", "lone surrogate"];
        assert!(frame || known.iter().any(|known| repeated.contains(known)), "{repeated}\n{text}");
    }
}

/// Rows are those that serde reads from what was written.
fn rows(deltas: &Deltas<'_>) {
    for delta in deltas {
        let Some(row) = delta.row::<weather::WeatherReport>() else { continue };
        let Ok(owned) = row.to_row() else { continue };
        assert_eq!(row.get(weather::WeatherReport::LOCATION), Some(owned.location.as_str()));
        assert_eq!(row.get(weather::WeatherReport::CONFIDENCE).flatten(), owned.confidence);
        assert_eq!(row.get(weather::WeatherReport::STATUS).as_ref(), Some(&owned.status));
    }
}
