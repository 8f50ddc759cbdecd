//! Properties of the diff, and the page generated from its compatibility table.

use ablo_schema::diff::compat::{Audience, Effect, Rule};
use ablo_schema::diff::{self, Backfills, Hints};
use ablo_schema::front::json;
use ablo_schema::{Hashes, Schema};
use ablo_tests::{arbitrary, fixtures};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;

fn schema(document: &Value) -> Schema {
    json::read(&document.to_string()).schema.expect("the document is valid")
}

/// Returns a content hash that equivalent documents share: defaults are added and redundant members
/// removed.
fn meaning(document: &Value) -> String {
    let mut document = document.clone();
    for (key, model) in document["models"].as_object_mut().expect("models") {
        let model = model.as_object_mut().expect("a model");
        let typename = model.get("typename").cloned().unwrap_or_else(|| key.as_str().into());
        for (name, value) in [
            ("load", json!("instant")),
            ("typename", typename.clone()),
            ("tableName", json!(key)),
            ("plane", json!("tenant")),
            ("mutable", json!(false)),
            ("tenancy", json!({ "kind": "column", "column": "organization_id" })),
        ] {
            model.entry(name).or_insert(value);
        }
        for field in model["fields"].as_object_mut().expect("fields").values_mut() {
            let field = field.as_object_mut().expect("a field");
            field.retain(|name, value| {
                !["deprecated", "secret", "unique"].contains(&name.as_str()) || value != false
            });
            if let Some(words) = field.get_mut("relative").and_then(Value::as_array_mut) {
                words.sort_by_key(ToString::to_string);
            }
        }
        for relation in model["relations"].as_object_mut().expect("relations").values_mut() {
            relation.as_object_mut().expect("a relation").entry("options").or_insert(json!({}));
        }
    }
    Hashes::of(&schema(&document)).content.to_string()
}

/// Applies edit number `edit` to the model that `seed` selects.
fn edited(mut document: Value, seed: usize, edit: usize) -> Value {
    let models = document["models"].as_object_mut().expect("models");
    if models.is_empty() {
        return document;
    }
    let at = seed % models.len();
    let model = models.values_mut().nth(at).expect("a model").as_object_mut().expect("an object");
    match edit {
        0 => drop(model.insert("load".into(), "manual".into())),
        1 => drop(model.insert("mutable".into(), seed.is_multiple_of(2).into())),
        2 => drop(model.insert("plane".into(), "tenant".into())),
        3 => drop(model.insert("lazyObservable".into(), true.into())),
        4 => drop(model.insert("bootstrapLimit".into(), 5.into())),
        5 => drop(model.insert("requiredFields".into(), json!(["createdAt"]))),
        6 => drop(model.insert("persist".into(), json!({ "store": "other" }))),
        13 => {
            let fields = model["fields"].as_object_mut().expect("fields").values_mut();
            for words in fields.filter_map(|field| field.get_mut("relative")?.as_array_mut()) {
                words.reverse();
            }
        }
        _ => {
            let fields = model["fields"].as_object_mut().expect("fields");
            let last = fields.values_mut().last().and_then(Value::as_object_mut);
            let Some(field) = last else { return document };
            match edit {
                7 => drop(field.insert("isIndexed".into(), seed.is_multiple_of(2).into())),
                8 => drop(field.insert("isOptional".into(), seed.is_multiple_of(2).into())),
                9 => drop(field.insert("description".into(), "Another.".into())),
                10 => drop(field.insert("deprecated".into(), false.into())),
                11 => drop(field.insert("x-hint".into(), seed.into())),
                14 => drop(field.insert("secret".into(), seed.is_multiple_of(2).into())),
                15 => drop(field.insert("unique".into(), seed.is_multiple_of(2).into())),
                _ => {
                    if let Some(values) = field.get_mut("enumValues").and_then(Value::as_array_mut)
                    {
                        values.reverse();
                    }
                }
            }
        }
    }
    document
}

fn checked(prev: &Schema, next: &Schema) -> Result<(), TestCaseError> {
    let diff = diff::diff(Some(prev), next, &Hints::default()).expect("the hints are valid");
    let report = diff.report(&Backfills::default());
    let text = report.to_value().to_json();
    prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
    prop_assert_eq!(text, diff.report(&Backfills::default()).to_value().to_json());
    let touched: BTreeSet<usize> =
        report.compatibility.iter().map(|finding| finding.step).collect();
    prop_assert_eq!(touched.len(), diff.steps().len(), "every step has a finding");
    let mut models = BTreeSet::new();
    for model in next.models() {
        let Some(before) = diff.prev_model(model.key.as_str()) else { continue };
        prop_assert!(models.insert(before.key.as_str()), "two models have the same previous model");
        prop_assert_eq!(
            diff.next_model(before.key.as_str()).map(|model| &model.key),
            Some(&model.key)
        );
        let mut fields = BTreeSet::new();
        for field in &model.fields {
            let Some(old) = diff.prev_field(model.key.as_str(), field.name.as_str()) else {
                continue;
            };
            prop_assert!(
                fields.insert(old.name.as_str()),
                "two fields have the same previous field"
            );
            let new = diff.next_field(before.key.as_str(), old.name.as_str());
            prop_assert_eq!(new.map(|field| &field.name), Some(&field.name));
        }
    }
    for (at, step) in diff.steps().iter().enumerate() {
        if let Some(model) = step.model() {
            prop_assert!(diff.cause(model, None).is_some_and(|first| first <= at));
            let of_field = step.field().map(|field| diff.cause(model, Some(field)));
            prop_assert!(of_field.is_none_or(|first| first.is_some_and(|first| first <= at)));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(arbitrary::cases(60))]

    #[test]
    fn any_two_schemas_have_a_consistent_diff(prev in arbitrary::schema(),
        next in arbitrary::schema()) {
        let (prev, next) = (schema(&prev), schema(&next));
        checked(&prev, &next)?;
        checked(&prev, &prev.clone())?;
        prop_assert!(diff::diff(Some(&prev), &prev.clone(),
            &Hints::default()).expect("there are no hints").steps().is_empty());
        let initial = diff::diff(None, &next, &Hints::default()).expect("there are no hints");
        prop_assert_eq!(initial.steps().len(), next.models().len());
    }

    #[test]
    fn the_diff_is_empty_exactly_for_equivalent_schemas(
        prev in arbitrary::schema(),
        edits in proptest::collection::vec((0..8_usize, 0..16_usize), 0..3),
    ) {
        let next = edits.into_iter().fold(prev.clone(), |document,
            (seed, edit)| edited(document, seed, edit));
        let Some(after) = json::read(&next.to_string()).schema else { return Ok(()) };
        let before = schema(&prev);
        checked(&before, &after)?;
        let diff = diff::diff(Some(&before), &after,
            &Hints::default()).expect("there are no hints");
        let steps: Vec<_> = diff.steps().iter().map(|step| step.to_value().to_json()).collect();
        prop_assert_eq!(steps.is_empty(), meaning(&prev) == meaning(&next), "{:?}", steps);
    }
}

const HEAD: &str = "\
# Compatibility

The effects of each change of a schema on clients, generated code and isolation. `ablo diff` reports
them for two schemas. This page is generated from the table in `ablo-schema/src/diff/compat.rs`.

* **safe**: everything works as before.
* **degrades**: it works, but something is missing, delayed or shown differently.
* **loosens**: more data may be visible than before.
* **breaks**: something that worked before fails.

| audience | question |
|---|---|
| oldReadsNew | Can a client of the previous schema read what a client of the next one wrote? |
| newReadsOld | Can a client of the next schema read what a client of the previous one wrote? |
| oldWrites | Do writes of a client of the previous schema still succeed? |
| rust, typescript | Does a program that uses the generated code still compile? |
| openapi | Does a client generated from the OpenAPI document still work? |
| binary | Can fields still be identified by their numbers (docs/reference/delta-format.md)? \
Values are as in JSON. |
| isolation | May users see rows that were hidden from them? |
";

fn page() -> String {
    let mut out = HEAD.to_owned();
    let names: Vec<&str> = Audience::ALL.iter().map(|audience| audience.as_str()).collect();
    write!(out, "\n| rule | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()))
        .expect("writing to a string succeeds");
    for rule in Rule::ALL {
        let effects =
            rule.effects().map(|effect| if effect == Effect::Safe { "–" } else { effect.as_str() });
        writeln!(out, "| `{}` | {} |", rule.id(), effects.join(" | "))
            .expect("writing to a string succeeds");
    }
    for rule in Rule::ALL {
        let fix = format!("*Fix:* {}", rule.remedy());
        write!(out, "\n## `{}`\n\n{}\n{}", rule.id(), wrapped(rule.message()), wrapped(&fix))
            .expect("writing to a string succeeds");
    }
    out
}

/// Wraps a paragraph at 100 columns.
fn wrapped(text: &str) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > 100 {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out + "\n"
}

#[test]
fn the_compatibility_page_matches_the_rules() {
    let path = fixtures::root().join("../docs/reference/compatibility.md");
    if std::env::var_os("ABLO_BLESS").is_some() {
        std::fs::write(&path, page()).expect("the page is written");
    }
    assert_eq!(
        fixtures::read(&path),
        page(),
        "`ABLO_BLESS=1 cargo test -p ablo-tests --test compiler diff` updates the page"
    );
}

#[test]
fn ids_and_codes_are_unique() {
    let ids: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids.len(), Rule::ALL.len());
    let codes: BTreeSet<_> = diff::Risk::ALL.iter().map(|risk| risk.code()).collect();
    assert_eq!(codes.len(), diff::Risk::ALL.len());
}
