//! Structs with and without fields, public and private.

use ablo::{AbloModel, Row};

#[derive(AbloModel)]
pub struct Empty {}

#[derive(AbloModel)]
pub struct Unit;

#[derive(AbloModel)]
struct Private {
    title: String,
}

fn main() {
    let text = r#"{"id":"1","createdAt":"2026-06-01T08:00:00Z",
        "updatedAt":"2026-06-01T08:00:00Z","title":"Write"}"#;
    assert_eq!(serde_json::from_str::<Row<Private>>(text).unwrap().title, "Write");
    let _ = (Empty::create(EmptyCreate {}), Unit::patch());
}
