//! Ids and references on both stores: an id belongs to its organisation, and a reference cannot
//! leave it.

use ablo_server::error::EngineError;
use ablo_server::identity::{Identity, organization_group};
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, json, user};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Notes refer to folders of their organisation. Pages belong to the organisation of their folder.
/// Words are shared. The creation time of a folder has a column of its own.
const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "folders":{"typename":"Folder","mutable":true,"load":"instant","fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false},
    "createdAt":{"type":"date","isOptional":false,"isIndexed":false,"column":"made_at"},
    "createdBy":{"type":"string","isOptional":true,"isIndexed":false,"column":"maker"}},
   "relations":{}},
  "binders":{"typename":"Binder","mutable":true,"load":"instant","fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}},"relations":{}},
  "notes":{"typename":"Note","mutable":true,"load":"instant","fields":{
    "binderId":{"type":"string","isOptional":true,"isIndexed":false}},
   "relations":{"binder":{"type":"belongsTo","target":"binders","foreignKey":"binderId",
     "foreignKeyColumn":"binder_id","options":{"fk":true,"index":true}}}},
  "pages":{"typename":"Page","mutable":true,"load":"instant","tenancy":{"kind":"parent",
    "via":{"localKey":"folder_id","parentTable":"folders"}},"fields":{
    "folderId":{"type":"string","isOptional":false,"isIndexed":false}},
   "relations":{"folder":{"type":"belongsTo","target":"folders","foreignKey":"folderId",
     "foreignKeyColumn":"folder_id","options":{"fk":true,"parent":true}}}},
  "words":{"typename":"Word","mutable":true,"load":"instant","tenancy":{"kind":"none"},
   "fields":{},"relations":{}}}}"#;

on_both_stores! { super::SCHEMA;
    two_organisations_use_the_same_id
    a_reference_to_another_organisation_is_refused_by_the_database
    a_broken_reference_fails_alone
    an_id_in_use_elsewhere_is_not_described
    a_redeclared_base_field_has_one_column
}

fn of(organization: &str) -> Identity {
    Identity {
        organization: organization.to_owned(),
        groups: BTreeSet::from([organization_group(organization)]),
        ..user("ann")
    }
}

fn create(model: &str, id: &str, data: Value) -> String {
    json!([{"action": "create", "model": model, "id": id, "data": data}]).to_string()
}

async fn row(world: &World, who: &Identity, model: &str, id: &str) -> Option<Value> {
    let found = world.retrieve(who, model, id).await.expect("the read succeeds");
    found.map(|row| json(&row))
}

async fn two_organisations_use_the_same_id(world: World) {
    let (acme, bell) = (of("acme"), of("bell"));
    for (who, name) in [(&acme, "ours"), (&bell, "theirs")] {
        let created = world.commit(who, &create("binders", "b1", json!({"name": name}))).await;
        created.expect("the id is free in this organisation");
    }
    let rename = r#"[{"action":"update","model":"binders","id":"b1","data":{"name":"new"}}]"#;
    world.commit(&bell, rename).await.expect("the row is its own");
    for (who, name, changes) in [(&acme, "ours", 1), (&bell, "new", 2)] {
        let found = row(&world, who, "binders", "b1").await.expect("its own row");
        assert_eq!(found["name"], name);
        assert_eq!(world.log(who, 0).await.expect("the log").len(), changes);
    }
    let delete = r#"[{"action":"delete","model":"binders","id":"b1"}]"#;
    world.commit(&bell, delete).await.expect("the row is its own");
    assert_eq!(row(&world, &acme, "binders", "b1").await.expect("its own row")["name"], "ours");
    // Within an organisation, an id is taken.
    let again = world.commit(&acme, &create("binders", "b1", json!({"name": "other"}))).await;
    let Err(EngineError::Refused(error)) = again else { panic!("{again:?}") };
    assert_eq!(error.code(), "unique_violation");
    assert_eq!(error.envelope().param.as_deref(), Some("binders.id"));
}

async fn a_reference_to_another_organisation_is_refused_by_the_database(world: World) {
    let (acme, bell) = (of("acme"), of("bell"));
    let binder = create("binders", "secret", json!({"name": "ours"}));
    world.commit(&acme, &binder).await.expect("a binder");
    let note = |id: &str, binder: Value| create("notes", id, json!({"binderId": binder}));
    world.commit(&bell, &note("n0", Value::Null)).await.expect("the reference is optional");
    world.commit(&acme, &note("n1", json!("secret"))).await.expect("a reference of its own");
    let mut errors = Vec::new();
    for missing in ["secret", "nowhere"] {
        let refused = world.commit(&bell, &note("n2", json!(missing))).await;
        let error = refused.expect_err("the binder is not in this organisation").into_api_error();
        assert_eq!(error.code(), "foreign_key_violation");
        errors.push(error.to_string());
    }
    assert_eq!(errors[0], errors[1], "a row of another organisation is like one that is missing");
    assert_eq!(row(&world, &bell, "notes", "n2").await, None);
    // A referenced row stays.
    let delete = r#"[{"action":"delete","model":"binders","id":"secret"}]"#;
    assert_eq!(
        world.commit(&acme, delete).await.expect_err("n1 refers to it").into_api_error().code(),
        "foreign_key_violation"
    );
}

/// Commits that wait for one another share a transaction of SQLite.
async fn a_broken_reference_fails_alone(world: World) {
    let who = of("acme");
    world.commit(&who, &create("binders", "b", json!({"name": "b"}))).await.expect("a binder");
    let attempts = (0..12).map(|at| {
        let binder = if at % 4 == 1 { "nowhere" } else { "b" };
        let text = create("notes", &format!("n{at}"), json!({"binderId": binder}));
        let (world, who) = (&world, &who);
        async move { world.commit(who, &text).await.is_ok() }
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    let expected: Vec<bool> = (0..12).map(|at| at % 4 != 1).collect();
    assert_eq!(outcomes, expected);
}

async fn an_id_in_use_elsewhere_is_not_described(world: World) {
    let (acme, bell) = (of("acme"), of("bell"));
    for who in [&acme, &bell] {
        let folder = create("folders", who.organization.as_str(), json!({"name": "f"}));
        world.commit(who, &folder).await.expect("a folder");
    }
    let page = |folder: &str| create("pages", "p1", json!({"folderId": folder}));
    world.commit(&acme, &page("acme")).await.expect("a page");
    let folder = create("folders", "acme", json!({"name": "mine"}));
    for (taken, model) in [(page("bell"), "pages"), (folder, "folders")] {
        let refused = world.commit(&bell, &taken).await;
        let error = refused.expect_err("the id is unique in the table").into_api_error();
        assert_eq!(error.code(), "unique_violation");
        let message = format!("unique_violation: another row of {model} has the same `id`");
        assert_eq!(error.to_string(), message);
    }
}

async fn a_redeclared_base_field_has_one_column(world: World) {
    let who = of("acme");
    world.commit(&who, &create("folders", "f", json!({"name": "f"}))).await.expect("a folder");
    let text = world.retrieve(&who, "folders", "f").await.expect("a read").expect("the row");
    assert_eq!(text.matches("\"createdAt\"").count(), 1, "{text}");
    let found = json(&text);
    assert_eq!(found["createdBy"], "ann");
    assert!(found["createdAt"].as_str().is_some_and(|at| at.ends_with('Z')), "{found}");
    let table = ablo_codegen::shape::tables(world.schema());
    let folders = table.iter().find(|table| table.name() == "folders").expect("the table");
    let names: Vec<&str> = folders.columns.iter().map(|column| column.name).collect();
    assert_eq!(names, ["id", "organization_id", "maker", "made_at", "updated_at", "name"]);
    let ignored = r#"[{"action":"update","model":"folders","id":"f",
        "data":{"name":"g","createdAt":"2024-01-01T00:00:00Z"}}]"#;
    world.commit(&who, ignored).await.expect("base fields are ignored");
    assert_eq!(
        row(&world, &who, "folders", "f").await.expect("a row")["createdAt"],
        found["createdAt"]
    );
}
