//! Any text into the Rust front: no panic and no overflow, every place inside its text, and what is accepted is what
//! its own JSON says.

#![no_main]

use ablo_schema::front::json;
use ablo_schema::front::rust::file;
use ablo_schema::{Hashes, canonical};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A module is the rest of the text behind a line of its own, so that several files are read.
    let mut parts = text.split("\n//---\n");
    let root = parts.next().unwrap_or_default();
    let read = file::read_with(root, &mut |_| parts.next().map(str::to_owned).ok_or_else(|| "none left".to_owned()));
    assert_eq!(read.schema.is_none(), read.diagnostics.has_errors());
    for located in read.locate() {
        for place in std::iter::once(&located.place).chain(located.also.iter().map(|(place, _)| place)) {
            assert!(read.texts[place.file].get(place.range.clone()).is_some());
        }
        assert!(located.diagnostic.help.is_some(), "{:?}", located.diagnostic);
    }
    if let Some(schema) = read.schema {
        let printed = canonical::print(&schema);
        let twin = json::read(&printed).schema.expect("what is printed is accepted");
        assert_eq!(twin, schema);
        assert_eq!(Hashes::of(&twin), Hashes::of(&schema));
    }
});
