//! `ablo dev` and `ablo serve` as they are run.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", unix))]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::Place;

/// A coordinator, and what it said when it started.
struct Running {
    child: Child,
    address: String,
    key: Option<String>,
}

impl Running {
    fn start(place: &Place, args: &[&str], key: Option<&str>) -> Self {
        let mut command = place.command(args);
        if let Some(key) = key {
            command.env("ABLO_SECRET_KEY", key);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let (mut address, mut said) = (None, key.map(str::to_owned));
        for line in lines.by_ref() {
            let line = line.expect("a line");
            if let Some((_, rest)) = line.split_once("http://") {
                address.get_or_insert(rest.split('/').next().expect("an address").to_owned());
            }
            if let Some(key) = line.trim().strip_prefix("key ") {
                said = Some(key.trim().to_owned());
            }
            if line.contains("Ctrl-C") || line.starts_with("serving") && key.is_some() {
                break;
            }
        }
        std::thread::spawn(move || lines.count());
        Self { child, address: address.expect("an address"), key: said }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let key = self.key.as_deref().unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("to ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
    }

    /// Ends it as a person or a supervisor does, and says how it ended.
    fn stop(mut self) -> Option<i32> {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill");
        assert!(done.success());
        self.child.wait().expect("it ends").code()
    }
}

const ROW: &str = r#"{"id":"p1","data":{"name":"Weather"}}"#;

fn mutable(place: &Place) {
    let schema = support::SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1);
    place.put("schema.json", schema);
}

#[test]
fn development_needs_a_schema_and_nothing_else() {
    let place = Place::empty();
    mutable(&place);
    let began = Instant::now();
    let running = Running::start(&place, &["dev", "schema.json", "--listen", "127.0.0.1:0"], None);
    assert!(began.elapsed() < Duration::from_secs(5), "a debug build on a busy machine");
    assert_eq!(running.ask("GET", "/api/health", "").0, 200);
    assert_eq!(running.ask("POST", "/api/v1/models/projects", ROW).0, 201);
    let (status, page) = running.ask("GET", "/", "");
    assert!(status == 200 && page.contains("<title>ablo</title>"));
    let key = running.key.clone();
    assert_eq!(running.stop(), Some(0));
    // Rows and the key are there the next time, and neither is for the repository.
    let again = Running::start(&place, &["dev", "schema.json", "--listen", "127.0.0.1:0"], None);
    assert_eq!(again.key, key);
    let (status, row) = again.ask("GET", "/api/v1/models/projects/p1", "");
    assert!(status == 200 && row.contains("Weather"), "{row}");
    assert_eq!(again.stop(), Some(0));
    assert_eq!(std::fs::read_to_string(place.path(".ablo/.gitignore")).expect("a file"), "*\n");
}

#[test]
fn a_team_brings_its_own_key() {
    let place = Place::empty();
    mutable(&place);
    let args = ["serve", "schema.json", "--database-url", "rows.db", "--live", "--listen", "127.0.0.1:0"];
    let running = Running::start(&place, &args, Some("sk_live_0123456789abcdef0123456789abcdef"));
    assert_eq!(running.ask("POST", "/api/v1/models/projects", ROW).0, 201);
    assert_eq!(running.stop(), Some(0));
    let mut wrong = place.command(&args);
    wrong.env("ABLO_SECRET_KEY", "sk_test_0123456789abcdef0123456789abcdef");
    let ran: support::Ran = wrong.output().expect("it starts").into();
    assert!(ran.status == 2 && ran.err.contains("ablo::serve::refused"), "{}", ran.err);
}

#[test]
fn a_killed_coordinator_loses_nothing_that_was_confirmed() {
    let place = Place::empty();
    mutable(&place);
    let args = ["serve", "schema.json", "--database-url", "sqlite:rows.db", "--listen", "127.0.0.1:0"];
    let key = "sk_test_0123456789abcdef0123456789abcdef";
    let mut confirmed: Vec<String> = Vec::new();
    for round in 0..3 {
        let mut running = Running::start(&place, &args, Some(key));
        for id in &confirmed {
            assert_eq!(running.ask("GET", &format!("/v1/models/projects/{id}"), "").0, 200, "{id} was confirmed");
        }
        let until = Instant::now() + Duration::from_millis(150 + 110 * round);
        let done = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let running = &running;
                    scope.spawn(move || {
                        let mut done = Vec::new();
                        for at in 0.. {
                            // Two rows, all or nothing.
                            let ids = [format!("a-{round}-{writer}-{at}"), format!("b-{round}-{writer}-{at}")];
                            if try_commit(&running.address, key, &ids).is_none() {
                                // Nobody knows whether this one was applied; it comes again.
                                return (done, Some(ids));
                            }
                            done.extend(ids);
                        }
                        (done, None)
                    })
                })
                .collect();
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
            let killed = Command::new("kill").args(["-KILL", &running.child.id().to_string()]).status().expect("kill");
            assert!(killed.success());
            writers.into_iter().map(|writer| writer.join().expect("it ends")).collect::<Vec<_>>()
        });
        running.child.wait().expect("it ended");
        let again = Running::start(&place, &args, Some(key));
        for (ids, unknown) in done {
            confirmed.extend(ids);
            let Some(ids) = unknown else { continue };
            let there = ids.iter().filter(|id| again.ask("GET", &format!("/v1/models/projects/{id}"), "").0 == 200);
            assert!([0, 2].contains(&there.count()), "half of a commit was applied");
            assert!(try_commit(&again.address, key, &ids).is_some(), "the same commit again is the same commit");
            confirmed.extend(ids);
        }
        assert_eq!(again.stop(), Some(0));
    }
    assert!(confirmed.len() > 20, "only {} rows were written", confirmed.len());
}

/// Commits two rows, under an id that follows from them; nothing where no confirmation came.
fn try_commit(address: &str, key: &str, ids: &[String; 2]) -> Option<()> {
    let operation =
        |id: &String| format!(r#"{{"action":"create","model":"projects","id":"{id}","data":{{"name":"{id}"}}}}"#);
    let body = format!(r#"{{"clientTxId":"{}","operations":[{},{}]}}"#, ids[0], operation(&ids[0]), operation(&ids[1]));
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!(
        "POST /v1/commits HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    (answer.starts_with("HTTP/1.1 200") && answer.contains("\"confirmed\"")).then_some(())
}
