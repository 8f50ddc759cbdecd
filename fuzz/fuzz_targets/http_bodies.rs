//! Fuzzes the bodies and query strings of HTTP requests: every answer is valid, errors have the
//! common envelope, and none is a failure of the coordinator.
//!
//! The first line of the input selects the request; the rest is the body.

#![no_main]

use ablo_fuzz::{Coordinator, REQUESTS};
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tower_service::Service as _;

fuzz_target!(|bytes: &[u8]| {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, body) = bytes.split_at(at);
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let Ok(line) = std::str::from_utf8(line) else { return };
    let (number, query) = line.split_once('?').unwrap_or((line, ""));
    let Some((method, path)) = number.parse::<usize>().ok().and_then(|at| REQUESTS.get(at)) else {
        return;
    };
    let target = if query.is_empty() { path.to_string() } else { format!("{path}?{query}") };
    Coordinator::with(async |coordinator| {
        let request = Request::builder()
            .method(*method)
            .uri(target)
            .header(header::AUTHORIZATION, format!("Bearer {}", coordinator.key()))
            .body(Body::from(body.to_vec()));
        // The query string may be no valid address.
        let Ok(request) = request else { return };
        let Ok(answer) = coordinator.service().call(request).await;
        let status = answer.status();
        let text = to_bytes(answer.into_body(), 64 << 20).await.expect("a body");
        let value: Value = serde_json::from_slice(&text).expect("an answer is JSON");
        assert!(!status.is_server_error(), "{status} {value}");
        if !status.is_success() {
            for member in ["type", "code", "message", "request_id"] {
                assert!(value[member].is_string(), "{status} {value}");
            }
        }
    });
});
