//! Derived schemas beside their twins in Schema JSON.

use crate::fixtures;
use ablo::SchemaDescriptor;
use ablo_schema::front::json;
use ablo_schema::{Hashes, canonical};

/// Asserts that a compiled schema says of itself what its twin in `fixtures/rust` says.
pub fn same_as_twin(compiled: &'static SchemaDescriptor, fixture: &str) {
    let twin = fixtures::read(&fixtures::root().join("rust").join(fixture).join("schema.json"));
    let twin = json::read(&twin).schema.expect("the twin is a schema");
    let pretty = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).expect("canonical text is JSON");
        serde_json::to_string_pretty(&value).expect("values print")
    };
    let (one, other) = (compiled.to_json().expect("it is valid"), canonical::print(&twin));
    for (line, (one, other)) in pretty(&one).lines().zip(pretty(&other).lines()).enumerate() {
        assert_eq!(one, other, "line {} of {fixture}", line + 1);
    }
    assert_eq!(one, other);
    let (hashes, expected) = (compiled.hashes().expect("it is valid"), Hashes::of(&twin));
    assert_eq!(
        (&hashes.schema, &hashes.content),
        (&expected.schema.to_string(), &expected.content.to_string())
    );
}
