//! Properties that hold for every schema.

use ablo_codegen::{Files, Input, targets};
use ablo_migrate::rows::rows;
use ablo_schema::front::json;
use ablo_schema::{Hashes, Schema, Severity, canonical};
use ablo_tests::arbitrary::{self, cases};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn emit_all(schema: &Schema) -> Files {
    let hashes = Hashes::of(schema);
    let input = Input::new(schema, &hashes);
    let mut files = Files::default();
    for target in targets() {
        target
            .configure(&Map::new())
            .expect("the default options are valid")
            .emit(&input, &mut files);
    }
    files
}

fn accepted(text: &str) -> Schema {
    let read = json::read(text);
    let messages: Vec<String> =
        read.diagnostics.iter().map(|it| format!("{} {}", it.code, it.message)).collect();
    read.schema.unwrap_or_else(|| panic!("refused: {messages:?}\n{text}"))
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn canonical_text_reads_back_as_the_same_schema(document in arbitrary::schema()) {
        let text = serde_json::to_string_pretty(&document).expect("the document serialises");
        let schema = accepted(&text);
        let printed = canonical::print(&schema);
        let again = accepted(&printed);
        prop_assert_eq!(&again, &schema);
        prop_assert_eq!(canonical::print(&again), printed);
        prop_assert_eq!(Hashes::of(&again), Hashes::of(&schema));
    }

    #[test]
    fn every_schema_emits_the_same_bytes_every_time(document in arbitrary::schema()) {
        let schema = accepted(&document.to_string());
        let files = emit_all(&schema);
        prop_assert_eq!(&files, &emit_all(&accepted(&canonical::print(&schema))));
        for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".json")) {
            let parsed: Result<Value, _> = serde_json::from_str(text);
            prop_assert!(parsed.is_ok(), "{} is not JSON: {:?}", path, parsed);
        }
    }

    #[test]
    fn a_broken_document_is_reported_without_a_panic(document in arbitrary::broken()) {
        let text = serde_json::to_string_pretty(&document).expect("the document serialises");
        let read = json::read(&text);
        prop_assert_eq!(read.schema.is_none(), read.diagnostics.has_errors());
        for located in json::locate(&text, &read.diagnostics) {
            let range = &located.location.range;
            prop_assert!(text.get(range.clone()).is_some(), "{:?} is not a range of the text",
                range);
            let line = text.lines().nth(located.location.line - 1).unwrap_or_default();
            prop_assert!(located.location.column <= line.chars().count() + 1);
            prop_assert!(located.diagnostic.help.is_some(), "{} has no help",
                located.diagnostic.code);
            prop_assert!(document.pointer(&located.location.pointer).is_some(), "{}",
                located.location.pointer);
        }
        if let Some(schema) = &read.schema {
            emit_all(schema);
        }
    }

    #[test]
    fn no_text_makes_the_front_end_panic(text in "\\PC{0,200}|[\\[\\]{}:,\"a-z0-9\\\\ \n]{0,300}") {
        let read = json::read(&text);
        prop_assert!(read.schema.is_none());
        prop_assert!(read.diagnostics.iter().any(|it| it.severity == Severity::Error));
        prop_assert!(!json::locate(&text, &read.diagnostics).is_empty());
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn both_schemas_of_a_pair_are_accepted(pair in arbitrary::pair::pair()) {
        accepted(&pair.prev.to_string());
        let next = accepted(&pair.next.to_string());
        for table in rows(&next, 5) {
            prop_assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
        }
    }
}
