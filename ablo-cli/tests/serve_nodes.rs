//! Three processes of `ablo serve` on one PostgreSQL, of which one is killed while all of them work.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", feature = "database", unix))]

mod support;

use ablo_tests::postgres::Server;
use std::time::{Duration, Instant};
use support::Place;
use support::coordinator::{Running, try_commit};

const KEY: &str = "sk_test_0123456789abcdef0123456789abcdef";
const ROW: &str = r#"{"id":"p1","data":{"name":"Weather"}}"#;

/// A token of an agent, from one of the nodes; it works on all of them.
fn agent(node: &Running, id: &str) -> String {
    let body = format!(r#"{{"participantKind":"agent","participantId":"{id}"}}"#);
    let (status, said) = node.ask("POST", "/auth/capability", &body);
    assert_eq!(status, 200, "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    said["token"].as_str().expect("a token").to_owned()
}

#[test]
fn one_of_three_nodes_is_killed() {
    let (place, database) = (Place::empty(), Server::shared().database());
    place.put(
        "schema.json",
        support::SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1),
    );
    let address = database.address();
    let args = ["serve", "schema.json", "--database-url", &address, "--listen", "127.0.0.1:0"];
    // All at once on an empty database, which one of them migrates.
    let [mut first, one, two] = std::thread::scope(|scope| {
        [0; 3]
            .map(|_| scope.spawn(|| Running::start(&place, &args, Some(KEY))))
            .map(|node| node.join().expect("it starts"))
    });
    let others = [one, two];
    assert_eq!(first.ask("POST", "/v1/models/projects", ROW).0, 201);

    // Who holds the row asked the node that dies; who waits for it asks another.
    let (holder, waiter) = (agent(&others[0], "holder"), agent(&first, "waiter"));
    let claim = "/v1/models/projects/p1/claim";
    assert_eq!(first.ask_as(&holder, "POST", claim, r#"{"ttl":2,"intentId":"h"}"#).0, 201);
    assert_eq!(others[0].ask_as(&waiter, "POST", claim, r#"{"ttl":60,"intentId":"w"}"#).0, 202);

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
        writers.into_iter().map(|writer| writer.join().expect("it ends")).collect::<Vec<_>>()
    });

    let mut confirmed = 0;
    for (node, (ids, unknown)) in done.into_iter().enumerate() {
        assert_eq!(unknown.is_some(), node == 0, "only who asked the node that died has no answer");
        for id in &ids {
            assert_eq!(
                others[1].ask("GET", &format!("/v1/models/projects/{id}"), "").0,
                200,
                "{id} was confirmed"
            );
        }
        confirmed += ids.len();
        let Some(ids) = unknown else { continue };
        let there = ids
            .iter()
            .filter(|id| others[0].ask("GET", &format!("/v1/models/projects/{id}"), "").0 == 200);
        assert!([0, 2].contains(&there.count()), "half of a commit was applied");
        assert!(
            try_commit(&others[1].address, KEY, &ids).is_some(),
            "the same commit again is the same commit"
        );
        confirmed += ids.len();
    }
    assert!(confirmed > 5, "only {confirmed} rows were written");
    let mut log = database.admin();
    let counts =
        log.texts("SELECT format('%s %s', count(*), count(DISTINCT model_id)) FROM sync_deltas");
    assert_eq!(counts, [format!("{0} {0}", confirmed + 1)], "each is in the log once");

    // The one who waits comes again until the lease of the dead node's holder is over.
    let until = Instant::now() + Duration::from_secs(15);
    while others[0].ask_as(&waiter, "POST", claim, r#"{"ttl":60,"intentId":"w"}"#).0 != 201 {
        assert!(Instant::now() < until, "the line does not move");
        std::thread::sleep(Duration::from_millis(100));
    }
    let (status, said) =
        others[1].ask_as(&holder, "PATCH", "/v1/models/projects/p1", r#"{"data":{"name":"Late"}}"#);
    assert!(status == 409 && said.contains("entity_claimed"), "{said}");
    let [one, two] = others;
    assert_eq!((one.stop(), two.stop()), (Some(0), Some(0)));
}
