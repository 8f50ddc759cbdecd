//! The members of Schema JSON: the reader, the JSON Schema of the document and the table that both
//! come from agree at every level.

use ablo_schema::front::json::members::{Kind, Known, LEVELS, Level};
use ablo_schema::front::json::{self, Read};
use ablo_schema::{Code, Hashes, Severity, canonical};
use ablo_tests::{arbitrary, fixtures};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A document with an object of every level.
const EVERY_LEVEL: &str = r#"{
  "$schema": "./ablo.schema.json",
  "v": 3,
  "models": {
    "users": {
      "fields": {
        "name": { "type": "string", "isOptional": false, "isIndexed": false },
        "rank": { "type": "enum", "isOptional": true, "isIndexed": false, "enumValues": ["a"] },
        "teamId": { "type": "string", "isOptional": false, "isIndexed": false },
        "userId": { "type": "string", "isOptional": false, "isIndexed": false }
      },
      "relations": {
        "team": {
          "type": "belongsTo", "target": "teams", "foreignKey": "teamId",
          "foreignKeyColumn": "team_id", "options": { "parent": true }
        },
        "user": {
          "type": "belongsTo", "target": "users", "foreignKey": "userId",
          "foreignKeyColumn": "user_id", "options": { "defer": true }
        }
      },
      "tenancy": { "kind": "parent", "via": { "localKey": "team_id", "parentTable": "teams" } },
      "grants": { "subject": "user", "scope": "team" },
      "entityRoles": [{ "kind": "group", "source": { "field": "name" } }],
      "persist": { "store": "people" },
      "autoFill": [{ "field": "userId", "from": "userId" }]
    },
    "teams": {
      "fields": {}, "relations": {}, "scope": true,
      "tenancy": { "kind": "column", "column": "organization_id" }
    },
    "logs": { "fields": {}, "relations": {}, "tenancy": { "kind": "none" } }
  },
  "identityRoles": [{ "kind": "team", "source": { "field": "teamIds", "multi": true } }],
  "mutable": true
}"#;

/// A pointer to an object of the level in that document, at which every member may stand.
fn place(level: &Level) -> &'static str {
    match level.name {
        "document" => "",
        "model" => "/models/users",
        "field" => "/models/users/fields/rank",
        "relation" => "/models/users/relations/team",
        "options" => "/models/users/relations/team/options",
        "tenancy" => "/models/users/tenancy",
        "via" => "/models/users/tenancy/via",
        "grants" => "/models/users/grants",
        "role" => "/models/users/entityRoles/0",
        "source" => "/models/users/entityRoles/0/source",
        "persist" => "/models/users/persist",
        "autoFill" => "/models/users/autoFill/0",
        other => panic!("EVERY_LEVEL has no {other}"),
    }
}

fn validator() -> Validator {
    let schema = json::document_schema();
    jsonschema::meta::validate(&schema).expect("a JSON Schema");
    jsonschema::draft202012::new(&schema).expect("a 2020-12 schema")
}

/// Returns the document with an object changed.
fn changed(pointer: &str, change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Value {
    let mut document: Value = serde_json::from_str(EVERY_LEVEL).expect("JSON");
    let object = document.pointer_mut(pointer).and_then(Value::as_object_mut);
    change(object.expect("an object"));
    document
}

/// Each diagnostic as severity, code, pointer and help.
fn found(text: &str, read: &Read) -> Vec<(Severity, Code, String, String)> {
    let located = json::locate(text, &read.diagnostics);
    let all = located.into_iter().map(|one| {
        let help = one.diagnostic.help.clone().unwrap_or_default();
        (one.diagnostic.severity, one.diagnostic.code, one.location.pointer, help)
    });
    all.collect()
}

/// The only diagnostic of a document.
fn only(read: fn(&str) -> Read, document: &Value) -> (Severity, Code, String, String) {
    let text = document.to_string();
    let read = read(&text);
    assert_eq!(read.schema.is_none(), read.diagnostics.has_errors());
    let all = found(&text, &read);
    assert_eq!(all.len(), 1, "{document:#}: {all:#?}");
    all.into_iter().next().expect("one")
}

#[test]
fn an_unknown_member_of_any_level_is_one_error_at_its_name() {
    let validator = validator();
    for level in LEVELS {
        let pointer = place(level);
        let at = format!("{pointer}/quux");
        let document = changed(pointer, |object| {
            object.insert("quux".to_owned(), json!(1));
        });
        let (severity, code, found, help) = only(json::read_authored, &document);
        assert_eq!((severity, code, &found), (Severity::Error, Code::JsonUnknownMember, &at));
        assert!(help.contains("`x-`"), "{help}");
        assert!(!validator.is_valid(&document), "{at}");
        let (severity, code, found, _) = only(json::read, &document);
        assert_eq!((severity, code, &found), (Severity::Warning, Code::JsonUnknownMember, &at));
    }
}

#[test]
fn members_of_any_level_that_begin_with_x_are_free() {
    let validator = validator();
    for level in LEVELS {
        let document = changed(place(level), |object| {
            object.insert("x-quux".to_owned(), json!({ "any": [1] }));
        });
        let read = json::read_authored(&document.to_string());
        assert!(read.schema.is_some() && read.diagnostics.is_empty(), "{:?}", read.diagnostics);
        assert!(validator.is_valid(&document), "{}", level.name);
    }
}

/// A name with two of its letters transposed, at every position where that makes a difference.
fn transposed(name: &str, known: &[Known]) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let swapped = (0..letters.len().saturating_sub(1)).map(|at| {
        let mut letters = letters.clone();
        letters.swap(at, at + 1);
        letters.into_iter().collect::<String>()
    });
    swapped.filter(|one| known.iter().all(|known| known.name != *one)).collect()
}

#[test]
fn a_misspelt_member_of_any_level_gets_its_name() {
    for level in LEVELS {
        for known in level.members.iter().filter(|known| known.name.len() > 2) {
            for name in transposed(known.name, level.members) {
                let pointer = place(level);
                let document = changed(pointer, |object| {
                    let value = object.remove(known.name).unwrap_or(json!(true));
                    object.insert(name.clone(), value);
                });
                let (severity, code, at, help) = only(json::read_authored, &document);
                assert_eq!((severity, code), (Severity::Error, Code::JsonUnknownMember));
                assert_eq!(at, format!("{pointer}/{name}"));
                assert_eq!(help, format!("did you mean `{}`?", known.name), "{at}");
            }
        }
    }
}

#[test]
fn the_reader_and_the_json_schema_know_every_member_of_the_table() {
    let validator = validator();
    for level in LEVELS {
        for known in level.members.iter().filter(|known| !matches!(known.kind, Kind::Any)) {
            // No kind accepts a list in a list.
            let document = changed(place(level), |object| {
                object.insert(known.name.to_owned(), json!([[]]));
            });
            let name = format!("{}.{}", level.name, known.name);
            let read = json::read_authored(&document.to_string());
            assert!(read.schema.is_none(), "{name} is not read");
            let mut messages = read.diagnostics.iter().map(|one| one.message.as_str());
            assert!(!messages.any(|one| one.starts_with("unknown member")), "{name} is unknown");
            assert!(!validator.is_valid(&document), "{name}");
        }
    }
}

#[test]
fn a_required_member_is_required_by_both() {
    let validator = validator();
    for level in LEVELS {
        for known in level.members {
            let pointer = place(level);
            let document = changed(pointer, |object| {
                object.remove(known.name);
            });
            let text = document.to_string();
            let all = found(&text, &json::read_authored(&text));
            let missing = |(_, code, at, _): &(Severity, Code, String, String)| {
                *code == Code::JsonMissingMember && at == pointer
            };
            let name = format!("{}.{}", level.name, known.name);
            if known.required.is_some() {
                assert!(all.iter().any(missing), "{name}: {all:?}");
                assert!(!validator.is_valid(&document), "{name}");
            }
        }
    }
}

#[test]
fn a_member_that_another_word_makes_useless_is_an_error() {
    let validator = validator();
    for (word, name, value) in [
        ("none", "column", json!("organization_id")),
        ("none", "via", json!({ "localKey": "id", "parentTable": "users" })),
        ("column", "via", json!(null)),
    ] {
        let pointer = "/models/logs/tenancy";
        let document = changed(pointer, |tenancy| {
            tenancy.insert("kind".to_owned(), json!(word));
            if word == "column" {
                tenancy.insert(word.to_owned(), json!("organization_id"));
            }
            tenancy.insert(name.to_owned(), value);
        });
        let (severity, code, at, _) = only(json::read_authored, &document);
        assert_eq!((severity, code), (Severity::Error, Code::JsonUnknownMember));
        assert_eq!(at, format!("{pointer}/{name}"));
        assert_eq!(only(json::read, &document).0, Severity::Warning);
        assert!(!validator.is_valid(&document));
    }
}

#[test]
fn a_misspelt_member_of_a_field_is_read_and_hashed_as_before() {
    let text = r#"{"v":3,"models":{"notes":{"fields":{"title":{"type":"string",
        "uniqe":true,"isOptional":false,"isIndexed":false,"x-owner":"web"}},"relations":{},
        "mutable":true}},"identityRoles":[]}"#;
    let schema = json::read(text).schema.expect("the document is accepted");
    let field = &schema.models()[0].fields[0];
    assert_eq!(field.extras().map(|(name, _)| name).collect::<Vec<_>>(), ["uniqe", "x-owner"]);
    let printed = canonical::print(&schema);
    assert!(printed.contains(r#""title":{"type":"string","uniqe":true,"isOptional":false"#));
    let again = json::read(&printed).schema.expect("canonical text is accepted");
    assert_eq!(canonical::print(&again), printed);
    let hashes = Hashes::of(&schema);
    assert_eq!(Hashes::of(&again), hashes);
    assert_eq!(hashes.schema.to_string(), "6735b638");
    assert_eq!(
        hashes.content.to_string(),
        "501706c50491d6c777f4d70f267a045460a99e7acfcb2812fdef44d4886c225c"
    );
}

/// The text with one byte replaced.
fn replaced(at: usize, with: &str) -> String {
    format!("{}{with}{}", &EVERY_LEVEL[..at], &EVERY_LEVEL[at + 1..])
}

fn the_only_fault_is_syntax(text: &str, at: usize) {
    let read = json::read_authored(text);
    let located = json::locate(text, &read.diagnostics);
    assert_eq!(located.len(), 1, "{text}: {located:#?}");
    assert_eq!(located[0].diagnostic.code, Code::JsonSyntax, "{text}");
    assert_eq!(located[0].location.range.start, at, "{text}");
    assert!(read.schema.is_none());
}

#[test]
fn each_comma_or_colon_that_is_missing_or_too_much_is_one_error() {
    // No string of this document contains a comma or a bracket.
    for (at, byte) in EVERY_LEVEL.bytes().enumerate() {
        let rest = EVERY_LEVEL[at + 1..].trim_start();
        let next = EVERY_LEVEL.len() - rest.len();
        let is_empty = EVERY_LEVEL[..at].trim_end().ends_with(['{', '[']);
        match byte {
            b':' => the_only_fault_is_syntax(&replaced(at, " "), next),
            b',' => the_only_fault_is_syntax(&replaced(at, " "), next),
            b'}' if !is_empty => the_only_fault_is_syntax(&replaced(at, ",}"), at),
            b']' if !is_empty => the_only_fault_is_syntax(&replaced(at, ",]"), at),
            _ => {}
        }
    }
}

#[test]
fn faults_behind_a_comment_are_at_their_places() {
    let text = "// “Shop”\n{ \"v\": 3, \"models\": {}, 'identityRoles': [], “mutabel”: true, }\n";
    let read = json::read_authored(text);
    let located = json::locate(text, &read.diagnostics);
    let shown = |one: &ablo_schema::front::Located<'_>| {
        (one.diagnostic.code, one.location.line, one.location.column)
    };
    assert_eq!(
        located.iter().map(shown).collect::<Vec<_>>(),
        [
            (Code::JsonSyntax, 1, 1),
            (Code::JsonSyntax, 2, 25),
            (Code::JsonUnknownMember, 2, 46),
            (Code::JsonSyntax, 2, 46),
            (Code::JsonSyntax, 2, 61),
        ]
    );
    assert_eq!(located[2].diagnostic.help.as_deref(), Some("did you mean `mutable`?"));
}

/// Codes of faults in the structure of a document, which its JSON Schema finds as well.
const STRUCTURE: [Code; 5] = [
    Code::JsonWrongType,
    Code::JsonMissingMember,
    Code::JsonUnknownMember,
    Code::JsonUnknownValue,
    Code::SchemaUnsupportedVersion,
];

/// Returns how the validator disagrees with the reader about a document.
fn disagreement(validator: &Validator, document: &Value) -> Option<String> {
    let read = json::read_authored(&document.to_string());
    let faults: Vec<String> =
        read.diagnostics.iter().map(|one| format!("{}: {}", one.code, one.message)).collect();
    let refused: Vec<String> =
        validator.iter_errors(document).map(|error| error.to_string()).collect();
    if read.schema.is_some() && !refused.is_empty() {
        return Some(format!("only the JSON Schema refuses it: {refused:?}"));
    }
    let is_faulty = read.diagnostics.iter().any(|one| STRUCTURE.contains(&one.code));
    (is_faulty && refused.is_empty()).then(|| format!("only the reader refuses it: {faults:?}"))
}

#[test]
fn the_json_schema_agrees_with_the_reader_on_every_fixture() {
    let validator = validator();
    let (mut accepted, mut refused) = (0, 0);
    // Habits that break JSON itself are skipped below.
    let names = ["schema.json", "prev.json", "next.json", "unknown.json", "plain.json"];
    let files: BTreeSet<_> = names.iter().flat_map(|name| fixtures::find("", name)).collect();
    for path in files {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Ok(document) = serde_json::from_str::<Value>(&text) else { continue };
        if document.get("models").is_none() {
            continue;
        }
        let disagreement = disagreement(&validator, &document);
        assert_eq!(disagreement, None, "{}", path.display());
        if validator.is_valid(&document) { accepted += 1 } else { refused += 1 }
    }
    assert!(accepted > 150 && refused >= 4, "{accepted} accepted, {refused} refused");
}

proptest! {
    #[test]
    fn the_json_schema_accepts_every_schema(document in arbitrary::schema()) {
        prop_assert_eq!(disagreement(&validator(), &document), None);
    }

    #[test]
    fn the_json_schema_refuses_what_the_reader_refuses(document in arbitrary::broken()) {
        prop_assert_eq!(disagreement(&validator(), &document), None);
    }
}
