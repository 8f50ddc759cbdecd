//! The board in Chromium: two tabs and an agent on one report, with claims as they happen.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::chromium;
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_and_an_agent_write_on_one_report() {
    board::compile().await.expect("the page compiles");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let coordinator = board::coordinator().await.expect("a coordinator");
    let key = coordinator.key().to_owned();
    tokio::spawn(board::serve(coordinator, listener));
    let _agent = board::agent(&url, &key).expect("Node.js");
    let screenshot = chromium::screenshot("board.png");
    let path = screenshot.to_str().expect("a path of text").to_owned();
    let visit =
        tokio::task::spawn_blocking(move || chromium::run("board.mjs", &[&url, &key, &path]));
    visit.await.expect("what the tabs have to show");
    assert!(screenshot.metadata().expect("a screenshot").len() > 10_000);
}
