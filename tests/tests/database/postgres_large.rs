//! Plans and drift of a database with many tables: time grows with the number of tables.

use ablo_migrate::postgres::Database;
use ablo_migrate::{drift, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{Server, apply, program, schema};
use std::time::{Duration, Instant};

/// Returns a schema of this many models, the last of which has a further field.
fn models(count: usize, more: bool) -> Schema {
    let model = |at: usize| {
        let note = match more && at + 1 == count {
            true => r#","note":{"type":"string","isOptional":true,"isIndexed":true}"#,
            false => "",
        };
        format!(
            r#""table{at}":{{"fields":{{
              "title":{{"type":"string","isOptional":false,"isIndexed":true}},
              "state":{{"type":"enum","enumValues":["a","b"],"isOptional":true,"isIndexed":true}}
              {note}}},"relations":{{}}}}"#
        )
    };
    let models: Vec<String> = (0..count).map(model).collect();
    schema(&format!(r#"{{"v":3,"models":{{{}}},"identityRoles":[]}}"#, models.join(",")))
}

/// Returns the times of a plan and of a comparison.
fn measured(count: usize) -> (Duration, Duration) {
    let server = Server::shared().database();
    let (prev, next) = (models(count, false), models(count, true));
    // In parts, because a transaction has a limited number of locks.
    for from in (0..count).step_by(200) {
        let part = schema(&part(&prev, from, 200));
        let _ = apply(&mut server.session(), &program(&part));
    }
    server.admin().run("ANALYZE").expect("statistics");
    let mut database = Database::connect(&server.address(), "public").expect("a session");
    let start = Instant::now();
    assert_eq!(drift(&mut database, &prev, true), Ok(Vec::new()));
    let compared = start.elapsed();
    let start = Instant::now();
    let diff = diff(Some(&prev), &next, &Hints::default()).expect("no hints");
    plan_for(&mut database, &diff, &Backfills::default(), true).expect("a plan");
    (start.elapsed(), compared)
}

/// Returns the document of some of the models.
fn part(schema: &Schema, from: usize, count: usize) -> String {
    let text = ablo_schema::canonical::print(schema);
    let mut document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let models = document["models"].as_object_mut().expect("models");
    let kept: Vec<String> = (from..from + count).map(|at| format!("table{at}")).collect();
    models.retain(|name, _| kept.contains(name));
    document.to_string()
}

#[test]
fn plans_and_drift_grow_with_the_number_of_tables() {
    let count: usize =
        std::env::var("ABLO_TABLES").map_or(200, |text| text.parse().expect("a number"));
    let (small, large) = (measured(count), measured(count * 4));
    println!("{count} tables: {small:?}; {}: {large:?}", count * 4);
    // Twice what is linear, because other tests run at the same time.
    let bound = |time: Duration| time * 8 + Duration::from_millis(500);
    assert!(large.0 <= bound(small.0), "a plan: {small:?}, {large:?}");
    assert!(large.1 <= bound(small.1), "drift: {small:?}, {large:?}");
}
