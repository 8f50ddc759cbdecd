//! The board example in Chromium: two tabs and an agent edit one report, with live claims.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::chromium;
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_and_an_agent_edit_one_report() {
    board::compile().await.expect("the page compiles");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a local address"));
    let coordinator = board::coordinator().await.expect("the coordinator starts");
    let key = coordinator.key().to_owned();
    tokio::spawn(board::serve(coordinator, listener));
    let _agent = board::agent(&url, &key).expect("Node.js starts the agent");
    let screenshot = chromium::screenshot("board.png");
    let path = screenshot.to_str().expect("a UTF-8 path").to_owned();
    let visit =
        tokio::task::spawn_blocking(move || chromium::run("board.mjs", &[&url, &key, &path]));
    visit.await.expect("the browser script succeeds");
    assert!(screenshot.metadata().expect("the screenshot exists").len() > 10_000);
}
