//! Fuzzes the JSON front end: no panics, all spans inside the text, and accepted schemas
//! round-trip.

#![no_main]

use ablo_schema::front::json;
use ablo_schema::{Hashes, canonical};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = json::decode_utf8(bytes) else { return };
    let read = json::read(text);
    assert_eq!(read.schema.is_none(), read.diagnostics.has_errors());
    for located in json::locate(text, &read.diagnostics) {
        assert!(text.get(located.place.range.clone()).is_some());
        assert!(located.diagnostic.help.is_some());
    }
    if let Some(schema) = read.schema {
        let printed = canonical::print(&schema);
        let again = json::read(&printed).schema.expect("canonical text is accepted");
        assert_eq!(again, schema);
        assert_eq!(Hashes::of(&again), Hashes::of(&schema));
    }
});
