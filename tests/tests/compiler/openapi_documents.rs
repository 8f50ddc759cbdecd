//! Checks OpenAPI documents with two external validators, against the routes of the reference and
//! for internal consistency.

use ablo_codegen::emit::openapi::OpenApi;
use ablo_codegen::{Files, Input, Target};
use ablo_schema::{Hashes, Schema};
use ablo_tests::fixtures;
use ablo_tests::openapi::Judge;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;

pub(crate) fn schema(text: &str) -> Schema {
    let read = ablo_schema::front::json::read(text);
    read.schema.unwrap_or_else(|| panic!("the schema is valid: {:?}", read.diagnostics))
}

pub(crate) fn text(schema: &Schema, options: &Value) -> String {
    let hashes = Hashes::of(schema);
    let mut files = Files::default();
    let options = options.as_object().cloned().unwrap_or_default();
    OpenApi
        .configure(&options)
        .expect("the options are known")
        .emit(&Input::new(schema, &hashes), &mut files);
    files.get("openapi/openapi.json").expect("the document is written").to_owned()
}

pub(crate) fn document(schema: &Schema) -> Value {
    serde_json::from_str(&text(schema, &json!({}))).expect("the document is JSON")
}

/// Returns a schema of models without fields, given as `(key, typename)`.
fn bare(models: &[(&str, &str)]) -> Schema {
    let models: Map<String, Value> = models
        .iter()
        .map(|(key, name)| {
            ((*key).to_owned(), json!({"typename": name, "fields": {}, "relations": {}}))
        })
        .collect();
    schema(&json!({"v": 3, "models": models, "identityRoles": []}).to_string())
}

pub(crate) fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path item") {
            if method != "parameters" {
                found.push((path.as_str(), method.as_str(), operation));
            }
        }
    }
    found
}

fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        _ => {}
    }
}

fn write(
    folder: &tempfile::TempDir,
    documents: impl IntoIterator<Item = (String, String)>,
) -> Vec<PathBuf> {
    let write = |(name, text): (String, String)| {
        let path = folder.path().join(name.replace('/', "-")).with_extension("json");
        fs::write(&path, text).expect("the document is written");
        path
    };
    documents.into_iter().map(write).collect()
}

#[test]
fn both_judges_accept_every_good_fixture() {
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let good = fixtures::good_schemas().into_iter();
    let documents =
        write(&folder, good.map(|(name, source)| (name, text(&schema(&source), &json!({})))));
    thread::scope(|threads| {
        let judges = Judge::ALL.map(|judge| {
            let documents = &documents;
            (judge, threads.spawn(move || judge.problems(documents)))
        });
        for (judge, problems) in judges {
            let problems = problems.join().expect("the judge runs");
            assert!(problems.is_empty(), "{judge:?}: {problems:#?}");
        }
    });
}

#[test]
fn each_judge_refuses_a_broken_document() {
    type Break = fn(&mut Value);
    let breaks: [(&str, Break); 6] = [
        ("no-info", |document| drop(document.as_object_mut().expect("an object").remove("info"))),
        ("same-id", |document| {
            document["paths"]["/v1/intents"]["get"]["operationId"] = json!("createCommit")
        }),
        ("lost-response", |document| {
            document["paths"]["/v1/commits"]["post"]["responses"]["200"] =
                json!({"$ref": "#/components/responses/No"});
        }),
        ("lost-schema", |document| {
            document["components"]["schemas"]["Task"]["properties"]["id"] =
                json!({"$ref": "#/components/schemas/No"});
        }),
        ("unknown-type", |document| {
            document["components"]["schemas"]["Task"]["type"] = json!("objekt")
        }),
        ("undescribed", |document| {
            document["components"]["responses"]["Conflict"]
                .as_object_mut()
                .expect("an object")
                .remove("description");
        }),
    ];
    let valid = document(&bare(&[("tasks", "Task")]));
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let documents = breaks.map(|(name, break_it)| {
        let mut document = valid.clone();
        break_it(&mut document);
        (name.to_owned(), document.to_string())
    });
    let documents = write(&folder, documents);
    for judge in Judge::ALL {
        let problems = judge.problems(&documents);
        for document in &documents {
            let name = document.to_str().expect("the path is UTF-8");
            assert!(
                problems.iter().any(|line| line.starts_with(name)),
                "{judge:?} accepts {name}: {problems:#?}"
            );
        }
    }
}

#[test]
fn every_route_of_the_reference_is_present() {
    let mut routes = 0;
    for file in fixtures::find("conformance", "expected.json") {
        let expected: Value =
            serde_json::from_str(&fixtures::read(&file)).expect("expected.json is JSON");
        let Some(paths) = expected["openapiPaths"].as_object() else { continue };
        let name = fixtures::name_of(&file);
        let document = document(&schema(&fixtures::read(&file.with_file_name("schema.json"))));
        for (path, methods) in paths {
            for method in methods.as_array().expect("methods").iter().filter_map(Value::as_str) {
                assert!(document["paths"][path][method].is_object(), "{name}: {method} {path}");
                routes += 1;
            }
        }
    }
    assert!(routes > 0, "no vector has routes; check the path of the conformance vectors");
}

#[test]
fn operations_have_unique_ids_error_responses_and_resolvable_references() {
    for (name, source) in fixtures::good_schemas() {
        let document = document(&schema(&source));
        let mut ids = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            let id = operation["operationId"].as_str().expect("the operation has an id");
            assert!(ids.insert(id.to_owned()), "{name}: duplicate operation id {id}");
            let response = operation["responses"]["default"]["$ref"].as_str();
            let response = response.and_then(|to| document.pointer(&to[1..]));
            let body = response.map(|response| &response["content"]["application/json"]["schema"]);
            let envelope =
                body.is_some_and(|body| body["$ref"] == "#/components/schemas/ErrorEnvelope");
            assert!(envelope, "{name}: {method} {path} has no error envelope");
        }
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for (component, schema) in document["components"]["schemas"].as_object().expect("schemas") {
            for required in
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
            {
                let property = &schema["properties"][required];
                assert!(!property.is_null(), "{name}: {component} requires {required}");
            }
        }
        let dangling: Vec<_> =
            found.iter().filter(|to| document.pointer(&to[1..]).is_none()).collect();
        assert!(dangling.is_empty(), "{name}: dangling references {dangling:?}");
        let is_model = |path: &String| path.starts_with("/v1/models/");
        let models = document["paths"].as_object().expect("paths").keys().any(is_model);
        for kind in ["schemas", "parameters", "requestBodies", "responses", "headers"]
            .iter()
            .filter(|_| models)
        {
            for component in document["components"][kind].as_object().expect("components").keys() {
                let used = found.contains(format!("#/components/{kind}/{component}").as_str());
                assert!(used, "{name}: nothing refers to {component}");
            }
        }
    }
}

#[test]
fn the_names_of_a_model_do_not_depend_on_other_models() {
    let single = document(&bare(&[("tasks", "Task")]));
    let several =
        document(&bare(&[("projects", "Project"), ("commits", "Commit"), ("tasks", "Task")]));
    for path in ["/v1/models/tasks", "/v1/models/tasks/{id}", "/v1/models/tasks/{id}/claim"] {
        assert_eq!(single["paths"][path], several["paths"][path]);
    }
    assert_eq!(single["components"]["schemas"]["Task"], several["components"]["schemas"]["Task"]);
}

#[test]
fn model_names_do_not_shadow_protocol_schemas() {
    let plain = document(&bare(&[("tasks", "Task")]));
    let hostile =
        document(&bare(&[("a", "ErrorEnvelope"), ("b", "CommitReceipt"), ("commits", "Row")]));
    for name in ["ErrorEnvelope", "CommitReceipt", "Row"] {
        assert!(plain["components"]["schemas"][name].is_object(), "{name} is a protocol schema");
        assert_eq!(plain["components"]["schemas"][name], hostile["components"]["schemas"][name]);
    }
    let response = &hostile["paths"]["/v1/models/a"]["get"]["responses"]["200"];
    let list = &response["content"]["application/json"]["schema"];
    let items = &list["allOf"][1]["properties"]["data"]["items"]["$ref"];
    assert_eq!(items, "#/components/schemas/ErrorEnvelopeModel");
}

#[test]
fn descriptions_are_preserved_and_paging_names_are_not_filters() {
    let schema = schema(
        r#"{"v":3,"models":{"notes":{"fields":{
            "order":{"type":"number","isOptional":false,"isIndexed":false},
            "body":{"type":"string","isOptional":true,"isIndexed":false,
            "description":"Said \"so\"\n\u0001\u2028"},
            "blob":{"type":"json","isOptional":true,"isIndexed":false}},"relations":{}}},
            "identityRoles":[]}"#,
    );
    let document = document(&schema);
    let body = &document["components"]["schemas"]["Notes"]["properties"]["body"];
    assert_eq!(body["description"], "Said \"so\"\n\u{1}\u{2028}");
    let parameters =
        document["paths"]["/v1/models/notes"]["get"]["parameters"].as_array().expect("parameters");
    let filters: Vec<_> =
        parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
    assert_eq!(filters, ["body"]);
}

#[test]
fn options_are_read_and_unknown_ones_refused() {
    let schema = bare(&[("tasks", "Task")]);
    let text = text(
        &schema,
        &json!({"title": "Notes", "api-version": "7", "servers": "http://localhost:4000/api"}),
    );
    let document: Value = serde_json::from_str(&text).expect("the document is JSON");
    assert_eq!(document["info"]["title"], "Notes");
    assert_eq!(document["info"]["version"], "7");
    assert_eq!(document["servers"][0]["url"], "http://localhost:4000/api");
    let several = self::text(&schema, &json!({"servers": ["/a", "https://example.com/b"]}));
    let document: Value = serde_json::from_str(&several).expect("the document is JSON");
    assert_eq!(document["servers"][1]["url"], "https://example.com/b");
    let document = self::document(&schema);
    assert_eq!(document["servers"], json!([{ "url": "/api" }]), "the default is relative");
    let unknown = json!({"titel": "Notes"});
    let error = OpenApi
        .configure(unknown.as_object().expect("an object"))
        .err()
        .expect("the option is refused");
    assert!(error.message.contains("titel"), "{error}");
}
