//! Fuzzes the Rust front end: no panics or overflows, all spans inside their text, and accepted
//! schemas equal their canonical JSON.

#![no_main]

use ablo_schema::front::json;
use ablo_schema::front::rust::file;
use ablo_schema::{Hashes, canonical};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A separator line starts the next file, which is read for the next `mod` item.
    let mut parts = text.split("\n//---\n");
    let root = parts.next().unwrap_or_default();
    let read = file::read_with(root, &mut |_| {
        parts.next().map(str::to_owned).ok_or_else(|| "no more files".to_owned())
    });
    assert_eq!(read.schema.is_none(), read.diagnostics.has_errors());
    for located in read.locate() {
        for place in
            std::iter::once(&located.place).chain(located.also.iter().map(|(place, _)| place))
        {
            assert!(read.texts[place.file].get(place.range.clone()).is_some());
        }
        assert!(located.diagnostic.help.is_some(), "{:?}", located.diagnostic);
    }
    if let Some(schema) = read.schema {
        let printed = canonical::print(&schema);
        let again = json::read(&printed).schema.expect("canonical text is accepted");
        assert_eq!(again, schema);
        assert_eq!(Hashes::of(&again), Hashes::of(&schema));
    }
});
