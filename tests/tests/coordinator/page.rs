//! The coordinator's page in Chromium: it shows rows, claims, claim queues and changes live, and
//! never executes the contents of a row.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::chromium;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::server::World;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "reports":{"typename":"Report","mutable":true,"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "confidence":{"type":"number","isOptional":true,"isIndexed":false}}},
  "stations":{"typename":"Station","mutable":true,"relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_live_changes() {
    let world = World::sqlite(SCHEMA);
    let server = Coordinator::start(world.schema(), std::sync::Arc::clone(&world.store)).await;
    let (url, key) = (format!("http://{}", server.address), server.key.clone());
    let screenshot = chromium::screenshot("page.png");
    let path = screenshot.to_str().expect("a UTF-8 path").to_owned();
    let visit =
        tokio::task::spawn_blocking(move || chromium::run("page.mjs", &[&url, &key, &path]));
    visit.await.expect("the browser script succeeds");
    assert!(screenshot.metadata().expect("the screenshot exists").len() > 10_000);
}
