//! Compares derived schemas with the same schemas in Schema JSON.

use crate::fixtures;
use ablo::SchemaDescriptor;
use ablo_schema::front::json;
use ablo_schema::{Hashes, canonical};

/// Asserts that a compiled schema equals its Schema JSON in `fixtures/rust`.
pub fn assert_matches_fixture(compiled: &'static SchemaDescriptor, fixture: &str) {
    let text = fixtures::read(&fixtures::root().join("rust").join(fixture).join("schema.json"));
    let expected = json::read(&text).schema.expect("the fixture is valid");
    let pretty = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).expect("canonical text is JSON");
        serde_json::to_string_pretty(&value).expect("JSON can be printed")
    };
    let (one, other) =
        (compiled.to_json().expect("the schema is valid"), canonical::print(&expected));
    for (line, (one, other)) in pretty(&one).lines().zip(pretty(&other).lines()).enumerate() {
        assert_eq!(one, other, "line {} of {fixture}", line + 1);
    }
    assert_eq!(one, other);
    let (hashes, expected) =
        (compiled.hashes().expect("the schema is valid"), Hashes::of(&expected));
    assert_eq!(
        (&hashes.schema, &hashes.content),
        (&expected.schema.to_string(), &expected.content.to_string())
    );
}
