//! Documents in which two brackets are missing: each is one error, and nothing else is reported.

use ablo_schema::front::json;

const DOCUMENT: &str = r#"{
  "v": 3,
  "models": {
    "projects": {
      "fields": {
        "name": { "type": "string", "isOptional": false, "isIndexed": true },
        "is": { "type": "enum", "enumValues": ["a", "b"], "isOptional": false, "isIndexed": false }
      },
      "relations": {}
    },
    "tasks": {
      "fields": {
        "title": { "type": "string", "isOptional": false, "isIndexed": false },
        "projectId": { "type": "string", "isOptional": true, "isIndexed": false }
      },
      "relations": {
        "project": {
          "type": "belongsTo",
          "target": "projects",
          "foreignKey": "projectId",
          "foreignKeyColumn": "project_id",
          "options": { "parent": true }
        }
      },
      "mutable": true
    }
  },
  "identityRoles": [{ "kind": "org", "source": { "field": "organizationId", "multi": false } }]
}
"#;

/// Returns the numbers of errors without each pair of brackets, except that of the document.
fn errors() -> Vec<([usize; 2], usize)> {
    let is_bracket = |(_, letter): &(usize, char)| matches!(letter, '{' | '}' | '[' | ']');
    let brackets: Vec<usize> =
        DOCUMENT.char_indices().filter(is_bracket).map(|(at, _)| at).skip(1).collect();
    let mut all = Vec::new();
    for (at, first) in brackets.iter().enumerate() {
        for second in &brackets[at + 1..] {
            let parts =
                [&DOCUMENT[..*first], &DOCUMENT[first + 1..*second], &DOCUMENT[second + 1..]];
            let read = json::read_authored(&parts.concat());
            all.push(([*first, *second], read.diagnostics.error_count()));
        }
    }
    all
}

#[test]
fn two_missing_brackets_are_two_errors() {
    assert!(json::read_authored(DOCUMENT).diagnostics.is_empty());
    let all = errors();
    let exact = all.iter().filter(|(_, errors)| *errors == 2).count();
    // Brackets that stand beside each other can be one fault, or have several explanations.
    assert!(exact * 100 >= all.len() * 94, "{exact} of {}", all.len());
    assert!(all.iter().all(|(_, errors)| *errors >= 1));
}

/// An opening and a closing bracket are as many as without both.
#[test]
fn an_opening_and_a_closing_bracket_are_two_errors() {
    let without = |first: &str, second: &str| {
        let text = DOCUMENT.replacen(first, &first.replace('{', ""), 1);
        let text = text.replacen(second, &second.replace('}', ""), 1);
        let read = json::read_authored(&text);
        let located = json::locate(&text, &read.diagnostics);
        located.iter().map(|it| it.diagnostic.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        without("\"projects\": {", "\"b\"], \"isOptional\": false, \"isIndexed\": false }"),
        ["a `{` is missing before this", "a `}` is missing after this"]
    );
}
