//! The OpenAPI document has every route of the coordinator, and no other.

use crate::openapi_documents::{document, operations};
use ablo_tests::fixtures;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const METHODS: [&str; 5] = ["get", "head", "post", "patch", "delete"];
const ROUTE: &str = ".route(";

/// Returns the routes in the source of the router below `/api`.
fn routes_of_the_router() -> BTreeSet<(String, String)> {
    let folder = fixtures::root().join("../ablo-server/src/http");
    let source = fixtures::read(&folder.join("mod.rs"));
    let (page, api) = source.split_once("fn api()").expect("the router has a function `api`");
    assert_eq!(page.matches(ROUTE).count(), 3, "only the page is outside of `api`");
    for other in other_sources(&folder) {
        assert!(!fixtures::read(&other).contains(ROUTE), "{} has routes", other.display());
    }
    let mut found = BTreeSet::new();
    let api = api.split("fn cors()").next().unwrap_or_default();
    for route in api.split(ROUTE).skip(1) {
        let (_, path) = route.split_once('"').expect("a path");
        let (path, handlers) = path.split_once('"').expect("a path");
        let words = handlers.split(|symbol: char| !symbol.is_alphanumeric() && symbol != '(');
        let names = words.filter_map(|word| Some(word.split_once('(')?.0));
        let methods: Vec<&str> = names.filter(|name| METHODS.contains(name)).collect();
        assert!(!methods.is_empty(), "{path} has no method");
        found.extend(methods.into_iter().map(|method| (path.to_owned(), method.to_owned())));
    }
    found
}

fn other_sources(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let files = fs::read_dir(folder).expect("the folder is readable");
    files.map(|file| file.expect("a file").path()).filter(|file| !file.ends_with("mod.rs"))
}

#[test]
fn every_route_of_the_coordinator_is_documented() {
    let schema = r#"{"v":3,"models":{"tasks":{"fields":{},"relations":{}}},"identityRoles":[]}"#;
    let document = document(&ablo_schema::front::json::read(schema).schema.expect("a schema"));
    let of_models = |path: &str| path.replace("/v1/models/tasks", "/v1/models/{model}");
    let documented: BTreeSet<(String, String)> = operations(&document)
        .into_iter()
        .map(|(path, method, _)| (of_models(path), method.to_owned()))
        .collect();
    let routes = routes_of_the_router();
    assert!(routes.len() > 40, "the router has {} routes", routes.len());
    let forgotten: Vec<_> = routes.difference(&documented).collect();
    assert!(forgotten.is_empty(), "not in the document: {forgotten:?}");
    let invented: Vec<_> = documented.difference(&routes).collect();
    assert!(invented.is_empty(), "not in the router: {invented:?}");
}
