//! Fuzzes the frames of a socket, one per line: the connection stays in use, or is closed with a
//! code that tells the client what to do.

#![no_main]

use ablo_fuzz::Coordinator;
use futures_util::{SinkExt as _, StreamExt as _};
use libfuzzer_sys::fuzz_target;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// The maximum number of frames of an input: the coordinator reads more per second only later.
const MAX_FRAMES: usize = 100;

fuzz_target!(|text: &str| {
    Coordinator::with(async |coordinator| {
        let mut request = "ws://embedded/api/sync/ws".into_client_request().expect("a request");
        let token = format!("Bearer {}", coordinator.key());
        request.headers_mut().insert("authorization", token.parse().expect("a header"));
        let opened = client_async(request, coordinator.dial()).await;
        let (mut socket, _) = opened.expect("a socket");
        for frame in text.lines().take(MAX_FRAMES) {
            if socket.send(Message::text(frame)).await.is_err() {
                break;
            }
        }
        let last = Message::text(r#"{"type":"ping"}"#);
        let mut is_answered = socket.send(last).await.is_err();
        while let Some(received) = socket.next().await {
            match received {
                Ok(Message::Text(text)) => {
                    let frame: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                    if frame["type"] == "pong" {
                        is_answered = true;
                        break;
                    }
                }
                Ok(Message::Close(Some(frame))) => {
                    assert!([1003, 1009].contains(&u16::from(frame.code)), "{frame}");
                    is_answered = true;
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        assert!(is_answered, "the connection ended without a code");
    });
});
