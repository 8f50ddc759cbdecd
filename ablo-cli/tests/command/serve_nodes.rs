//! Runs three `ablo serve` processes on one PostgreSQL database and kills one under load.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", feature = "database", unix))]

use crate::support::TestDir;
use crate::support::coordinator::{ServerProcess, try_commit};
use ablo_tests::postgres::Server;
use std::time::{Duration, Instant};

const KEY: &str = "sk_test_0123456789abcdef0123456789abcdef";
const ROW: &str = r#"{"id":"p1","data":{"name":"Weather"}}"#;

/// Creates an agent token on one node. It is valid on all nodes.
fn agent(node: &ServerProcess, id: &str) -> String {
    let body = format!(r#"{{"participantKind":"agent","participantId":"{id}"}}"#);
    let (status, output) = node.request("POST", "/auth/capability", &body);
    assert_eq!(status, 200, "{output}");
    let output: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    output["token"].as_str().expect("a token").to_owned()
}

#[test]
fn killing_one_of_three_nodes_loses_nothing() {
    let (dir, database) = (TestDir::empty(), Server::shared().database());
    dir.put(
        "schema.json",
        crate::support::SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1),
    );
    let address = database.address();
    let args = ["serve", "schema.json", "--database-url", &address, "--listen", "127.0.0.1:0"];
    // All start at once on an empty database, which one of them migrates.
    let [mut first, one, two] = std::thread::scope(|scope| {
        [0; 3]
            .map(|_| scope.spawn(|| ServerProcess::start(&dir, &args, Some(KEY))))
            .map(|node| node.join().expect("ablo starts"))
    });
    let others = [one, two];
    assert_eq!(first.request("POST", "/v1/models/projects", ROW).0, 201);

    // The holder claims the row on the node that is killed, the waiter on another one.
    let (holder, waiter) = (agent(&others[0], "holder"), agent(&first, "waiter"));
    let claim = "/v1/models/projects/p1/claim";
    assert_eq!(first.request_as(&holder, "POST", claim, r#"{"ttl":2,"intentId":"h"}"#).0, 201);
    assert_eq!(others[0].request_as(&waiter, "POST", claim, r#"{"ttl":60,"intentId":"w"}"#).0, 202);

    let addresses = [first.address.clone(), others[0].address.clone(), others[1].address.clone()];
    let done = std::thread::scope(|scope| {
        let writers: Vec<_> = addresses
            .iter()
            .enumerate()
            .map(|(node, address)| {
                scope.spawn(move || {
                    let (mut done, until) =
                        (Vec::new(), Instant::now() + Duration::from_millis(900));
                    for at in 0.. {
                        let ids = [format!("a-{node}-{at}"), format!("b-{node}-{at}")];
                        if try_commit(address, KEY, &ids).is_none() {
                            return (done, Some(ids));
                        }
                        done.extend(ids);
                        if Instant::now() > until {
                            break;
                        }
                    }
                    (done, None)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(450));
        first.kill();
        writers.into_iter().map(|writer| writer.join().expect("it exits")).collect::<Vec<_>>()
    });

    let mut confirmed = 0;
    for (node, (ids, unknown)) in done.into_iter().enumerate() {
        assert_eq!(
            unknown.is_some(),
            node == 0,
            "only the killed node leaves a request without a response"
        );
        for id in &ids {
            assert_eq!(
                others[1].request("GET", &format!("/v1/models/projects/{id}"), "").0,
                200,
                "{id} was confirmed"
            );
        }
        confirmed += ids.len();
        let Some(ids) = unknown else { continue };
        let applied = ids.iter().filter(|id| {
            others[0].request("GET", &format!("/v1/models/projects/{id}"), "").0 == 200
        });
        assert!([0, 2].contains(&applied.count()), "half of a commit was applied");
        assert!(
            try_commit(&others[1].address, KEY, &ids).is_some(),
            "a retried commit is applied once"
        );
        confirmed += ids.len();
    }
    assert!(confirmed > 5, "only {confirmed} rows were written");
    let mut log = database.admin();
    let counts =
        log.texts("SELECT format('%s %s', count(*), count(DISTINCT model_id)) FROM sync_deltas");
    assert_eq!(counts, [format!("{0} {0}", confirmed + 1)], "each row is in the log once");

    // The waiter retries until the lease of the holder has expired.
    let until = Instant::now() + Duration::from_secs(15);
    while others[0].request_as(&waiter, "POST", claim, r#"{"ttl":60,"intentId":"w"}"#).0 != 201 {
        assert!(Instant::now() < until, "the waiter is not promoted");
        std::thread::sleep(Duration::from_millis(100));
    }
    let (status, output) = others[1].request_as(
        &holder,
        "PATCH",
        "/v1/models/projects/p1",
        r#"{"data":{"name":"Late"}}"#,
    );
    assert!(status == 409 && output.contains("entity_claimed"), "{output}");
    let [one, two] = others;
    assert_eq!((one.stop(), two.stop()), (Some(0), Some(0)));
}
