//! Stalled sockets: the coordinator's memory stays bounded, other sockets receive everything in
//! time, and stalled ones are closed.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", target_os = "linux"))]

use crate::support::TestDir;
use crate::support::coordinator::ServerProcess;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The number of sockets that do not read.
const STALLED: usize = 40;
/// The number of commits, each of 200 rows of 2 kB: 40 MB in all, or 1.6 GB if they were buffered
/// for each socket.
const COMMITS: usize = 100;
const ROWS: usize = 200;
/// The maximum growth of the process, in bytes.
const MAX_GROWTH_BYTES: u64 = 256 << 20;

/// Opens a WebSocket and requests every change.
fn socket(running: &ServerProcess) -> TcpStream {
    let mut stream = TcpStream::connect(&running.address).expect("a connection");
    let key = running.key.as_deref().expect("a key");
    let request = format!(
        "GET /api/sync/ws?cursor= HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: \
         websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: ablo.bearer.{key}, ablo.sync.v1\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a response");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    let text = concat!(
        r#"{"type":"sync_request","payload":{"cursor":null,"versions":{},"lastSyncId":0,"#,
        r#""capabilities":["completeDeltas","resume"]}}"#
    )
    .as_bytes();
    // A masked text frame with an all-zero mask.
    let mut frame = vec![0x81, 0x80 | 126, 0, u8::try_from(text.len()).expect("short"), 0, 0, 0, 0];
    frame.extend_from_slice(text);
    stream.write_all(&frame).expect("the request is sent");
    stream
}

/// An empty pong with an all-zero mask.
const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];

/// Reads until the text is received, and returns the number of bytes read.
fn read_until(mut stream: TcpStream, text: &str) -> usize {
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let (mut buffer, mut kept, mut all) = (vec![0; 1 << 16], Vec::new(), 0);
    let mut last_pong = Instant::now();
    loop {
        // A slow machine takes longer than a silent peer is kept.
        if last_pong.elapsed() > Duration::from_secs(5) {
            stream.write_all(&PONG).expect("a pong is sent");
            last_pong = Instant::now();
        }
        let count = stream.read(&mut buffer).expect("changes in time");
        assert!(count > 0, "it was closed");
        all += count;
        kept.extend_from_slice(&buffer[..count]);
        if kept.windows(text.len()).any(|found| found == text.as_bytes()) {
            return all;
        }
        kept.drain(..kept.len().saturating_sub(text.len()));
    }
}

/// Returns the resident memory of the process, in bytes.
fn memory(running: &ServerProcess) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", running.child.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

fn sockets(running: &ServerProcess) -> u64 {
    let (_, metrics) = running.request("GET", "/api/metrics", "");
    let line = metrics
        .lines()
        .find(|line| line.starts_with("ablo_sockets "))
        .expect("the number of sockets");
    line.trim_start_matches("ablo_sockets ").parse().expect("a number")
}

#[test]
fn stalled_sockets_do_not_affect_others() {
    let dir = TestDir::empty();
    dir.put(
        "schema.json",
        crate::support::SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1),
    );
    let args = ["dev", "schema.json", "--listen", "127.0.0.1:0"];
    let running = ServerProcess::start(&dir, &args, None);
    let stalled: Vec<TcpStream> = (0..STALLED).map(|_| socket(&running)).collect();
    let reading = socket(&running);
    let reader = std::thread::spawn(move || (read_until(reading, "the last row"), Instant::now()));

    let (before, mut most) = (memory(&running), 0);
    let padding = "x".repeat(2000);
    let mut slowest = Duration::ZERO;
    for commit in 0..COMMITS {
        let operations: Vec<String> = (0..ROWS)
            .map(|row| {
                let is_last = commit + 1 == COMMITS && row + 1 == ROWS;
                let name = if is_last { "the last row" } else { &padding };
                let create = r#""action":"create","model":"projects""#;
                format!(r#"{{{create},"id":"p{commit}-{row}","data":{{"name":"{name}"}}}}"#)
            })
            .collect();
        let body =
            format!(r#"{{"clientTxId":"tx-{commit}","operations":[{}]}}"#, operations.join(","));
        let began = Instant::now();
        let (status, output) = running.request("POST", "/api/v1/commits", &body);
        assert_eq!(status, 200, "{output}");
        slowest = slowest.max(began.elapsed());
        most = most.max(memory(&running).saturating_sub(before));
    }
    let written = Instant::now();
    let (bytes, received) = reader.join().expect("the reader");
    let behind = received.saturating_duration_since(written);
    println!(
        "{} MB were read, {behind:?} behind the last commit; the slowest took {slowest:?}, memory \
         grew by {} MB",
        bytes >> 20,
        most >> 20
    );
    assert!(bytes > COMMITS * ROWS * 2000, "everything was received");
    assert!(behind < Duration::from_secs(10), "a socket that reads is not delayed");
    assert!(most < MAX_GROWTH_BYTES, "the process grew by {} MB", most >> 20);

    // A socket that reads nothing for 20 seconds is closed. A new one catches up from the log.
    let until = Instant::now() + Duration::from_secs(60);
    while sockets(&running) > 0 {
        assert!(Instant::now() < until, "{} sockets are still open", sockets(&running));
        std::thread::sleep(Duration::from_millis(250));
    }
    drop(stalled);
    assert!(read_until(socket(&running), "the last row") > COMMITS * ROWS * 2000);
    assert_eq!(running.stop(), Some(0));
}
