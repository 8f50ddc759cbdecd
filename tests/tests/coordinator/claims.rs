//! Claims on both stores: expiry, the order of the claim queue, restarts and notifications.

use ablo_server::engine::claims::{self, ClaimOutcome, ClaimRequest};
use ablo_server::engine::commit::{ClaimInUse, commit};
use ablo_server::identity::{Holder, HolderName};
use ablo_server::store::{Notification, Store};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, ask, code, user};
use ablo_wire::LostReason;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "decks":{"typename":"Deck","mutable":true,"relations":{},"fields":{"title":{"type":"string",
    "isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    an_expired_claim_passes_to_the_next_waiter
    waiters_are_promoted_in_order_and_can_be_reordered
    claims_survive_a_restart
    a_renewed_claim_does_not_expire
    a_lease_that_is_over_is_not_continued
    a_waiter_that_wrote_nothing_is_canceled
    other_processes_are_notified
    a_claim_over_http_has_its_description
}

async fn queue(world: &World) -> (Option<String>, Vec<String>) {
    let queue =
        world.claim_queue(&user("ann"), "decks", "d").await.expect("the claim queue is readable");
    (queue.holder.map(|claim| claim.id), queue.waiters.into_iter().map(|claim| claim.id).collect())
}

fn holds(answer: &ClaimOutcome) -> bool {
    matches!(answer, ClaimOutcome::Held(_))
}

fn with_ttl(id: &str, ttl: u64) -> ClaimRequest {
    ClaimRequest { ttl, ..ask(id, "d", true) }
}

async fn sweep(world: &World) {
    world
        .write(&user("ann"), |_, tx, who| Ok(claims::sweep(tx, &who.organization, 256)?))
        .await
        .expect("the sweep succeeds");
}

/// Returns the clock of a world, which the test sets ahead.
fn clock(world: &mut World) -> Arc<Observed> {
    let clock = Observed::new(Arc::clone(&world.store));
    world.store = Arc::clone(&clock) as Arc<dyn Store>;
    clock
}

async fn an_expired_claim_passes_to_the_next_waiter(mut world: World) {
    let clock = clock(&mut world);
    assert!(holds(
        &world
            .claim(&user("ann"), "decks", with_ttl("a", 1_500))
            .await
            .expect("the request succeeds")
    ));
    assert!(!holds(
        &world
            .claim(&user("bob"), "decks", with_ttl("b", 60_000))
            .await
            .expect("the request succeeds")
    ));
    // The TTL of this waiter ends before the claim of the holder does.
    assert!(!holds(
        &world
            .claim(&user("cat"), "decks", with_ttl("c", 1_400))
            .await
            .expect("the request succeeds")
    ));
    sweep(&world).await;
    assert_eq!(queue(&world).await, (Some("a".to_owned()), vec!["b".to_owned(), "c".to_owned()]));
    clock.set_ahead(2);
    sweep(&world).await;
    assert_eq!(queue(&world).await, (Some("b".to_owned()), vec![]));
    let queue =
        world.claim_queue(&user("ann"), "decks", "d").await.expect("the claim queue is readable");
    assert!(
        queue.ended.iter().all(|claim| claim.status == "expired") && queue.ended.len() == 2,
        "{queue:?}"
    );
    // Without a sweep, the next request finds the claim expired.
    assert!(world.abandon(&user("bob"), "b").await.expect("the request succeeds"));
    assert!(holds(
        &world
            .claim(&user("ann"), "decks", with_ttl("a2", 100))
            .await
            .expect("the request succeeds")
    ));
    clock.set_ahead(3);
    world
        .commit(
            &user("bob"),
            r#"[{"action":"create","model":"decks","id":"d","data":{"title":"t"}}]"#,
        )
        .await
        .expect("the row is free");
    assert!(holds(
        &world
            .claim(&user("cat"), "decks", with_ttl("c2", 100))
            .await
            .expect("the request succeeds")
    ));
}

async fn waiters_are_promoted_in_order_and_can_be_reordered(world: World) {
    for (at, name) in ["ann", "bob", "cat", "dan", "eve"].iter().enumerate() {
        let answer = world
            .claim(&user(name), "decks", ask(name, "d", true))
            .await
            .expect("the request succeeds");
        match answer {
            ClaimOutcome::Held(claim) => assert_eq!((at, claim.id), (0, "ann".to_owned())),
            ClaimOutcome::Queued(claim, position) => {
                assert_eq!((claim.id.as_str(), position), (*name, at as u64 - 1))
            }
            ClaimOutcome::Refused(claim) => panic!("refused for {claim:?}"),
        }
    }
    let order = vec![
        ("dan".to_owned(), "dan".to_owned()),
        ("cat".to_owned(), "cat".to_owned()),
        ("x".to_owned(), "bob".to_owned()),
    ];
    let reorder = move |engine: &ablo_server::engine::Engine,
                        tx: &mut ablo_server::store::Tx<'_>,
                        who: &ablo_server::identity::Identity| {
        let model = engine.models.find("decks").expect("the model exists");
        claims::reorder(engine, tx, who, model, "d", &order)
    };
    world.write(&user("ann"), reorder).await.expect("the reorder succeeds");
    for (holder, waiting) in [
        ("ann", vec!["dan", "cat", "bob", "eve"]),
        ("dan", vec!["cat", "bob", "eve"]),
        ("cat", vec!["bob", "eve"]),
        ("bob", vec!["eve"]),
        ("eve", vec![]),
    ] {
        assert_eq!(
            queue(&world).await,
            (Some(holder.to_owned()), waiting.iter().map(|id| (*id).to_owned()).collect())
        );
        assert!(world.abandon(&user(holder), holder).await.expect("the request succeeds"));
    }
    assert_eq!(queue(&world).await, (None, vec![]));
}

async fn claims_survive_a_restart(world: World) {
    world.claim(&user("ann"), "decks", ask("a", "d", true)).await.expect("the request succeeds");
    world.claim(&user("bob"), "decks", ask("b", "d", true)).await.expect("the request succeeds");
    world
        .commit(
            &user("ann"),
            r#"[{"action":"create","model":"decks","id":"d","data":{"title":"t"}}]"#,
        )
        .await
        .expect("the commit succeeds");
    let world = world.restarted();
    assert_eq!(queue(&world).await, (Some("a".to_owned()), vec!["b".to_owned()]));
    let write = r#"[{"action":"update","model":"decks","id":"d","data":{"title":"u"}}]"#;
    assert_eq!(
        ablo_tests::server::code(world.commit_as(&user("bob"), "bob", write).await),
        "entity_claimed"
    );
    assert!(holds(
        &world.claim(&user("ann"), "decks", ask("a", "d", true)).await.expect("she still holds it")
    ));
    world.commit_as(&user("ann"), "ann", write).await.expect("the holder writes");
    assert_eq!(world.log(&user("ann"), 0).await.expect("the log is readable").len(), 2);
}

async fn a_renewed_claim_does_not_expire(mut world: World) {
    let clock = clock(&mut world);
    let ClaimOutcome::Held(first) = world
        .claim(&user("ann"), "decks", with_ttl("a", 20_000))
        .await
        .expect("the request succeeds")
    else {
        panic!("the row is free")
    };
    for round in 1..=3 {
        clock.set_ahead(round * 12);
        assert!(
            world
                .write(&user("ann"), |_, tx, who| Ok(claims::renew(tx, who, "a")?))
                .await
                .expect("the request succeeds")
        );
        sweep(&world).await;
    }
    assert_eq!(queue(&world).await.0.as_deref(), Some("a"));
    // Another request returns the same claim with its new expiry.
    let ClaimOutcome::Held(again) = world
        .claim(&user("ann"), "decks", with_ttl("a", 60_000))
        .await
        .expect("the request succeeds")
    else {
        panic!("she holds it")
    };
    assert!(
        (again.id.as_str(), &again.declared_at) == ("a", &first.declared_at)
            && again.expires_at > first.expires_at
    );
}

/// Nothing has noticed yet that the lease is over.
async fn a_lease_that_is_over_is_not_continued(mut world: World) {
    let (clock, ann) = (clock(&mut world), user("ann"));
    let create = r#"[{"action":"create","model":"decks","id":"d","data":{"title":"1"}}]"#;
    world.commit(&ann, create).await.expect("a row");
    let claim = world.claim(&ann, "decks", with_ttl("a", 1_500)).await;
    assert!(holds(&claim.expect("the request succeeds")));
    clock.set_ahead(2);
    let update = r#"[{"action":"update","model":"decks","id":"d","data":{"title":"2"}}]"#;
    let mut late = world.planned(&ann, "late", update);
    late.claim = ClaimInUse::Named("a".to_owned());
    let write = world.write(&ann, move |engine, tx, who| commit(engine, tx, who, &late));
    assert_eq!(code(write.await), "claim_lost");
    let lost = world.write(&ann, |_, tx, who| Ok(claims::lost(tx, who, "a")?)).await;
    assert_eq!(lost.expect("the request succeeds"), Some(LostReason::Expired));
    world.commit(&user("bob"), update).await.expect("the row is free");
}

async fn a_waiter_that_wrote_nothing_is_canceled(world: World) {
    let (ann, mut other) = (user("ann"), user("ann"));
    other.holder = Holder::Named(HolderName::new("other").expect("a name"));
    let create = r#"[{"action":"create","model":"decks","id":"d","data":{"title":"1"}}]"#;
    world.commit(&ann, create).await.expect("a row");
    assert!(holds(&world.claim(&ann, "decks", ask("a", "d", true)).await.expect("a claim")));
    assert!(!holds(&world.claim(&other, "decks", ask("b", "d", true)).await.expect("a claim")));
    let update = r#"[{"action":"update","model":"decks","id":"d","data":{"title":"2"}}]"#;
    let mut update = world.planned(&ann, "update", update);
    update.claim = ClaimInUse::OfHolder;
    let write = world.write(&ann, move |engine, tx, who| commit(engine, tx, who, &update));
    write.await.expect("the holder writes");
    for (who, id) in [(&ann, "a"), (&other, "b")] {
        assert!(world.abandon(who, id).await.expect("the request succeeds"));
    }
    let ended = world.claim_queue(&ann, "decks", "d").await.expect("the queue").ended;
    let ended: Vec<(&str, &str)> =
        ended.iter().map(|claim| (claim.id.as_str(), claim.status.as_str())).collect();
    assert_eq!(ended, [("a", "committed"), ("b", "canceled")]);
}

async fn other_processes_are_notified(world: World) {
    // A SQLite file belongs to one process. PostgreSQL notifies all processes.
    let other = world.database().map(|_| world.another_store());
    let mut notifications = other.as_ref().unwrap_or(&world.store).subscribe();
    let receive = async |notifications: &mut tokio::sync::broadcast::Receiver<Notification>| {
        tokio::time::timeout(Duration::from_secs(10), notifications.recv())
            .await
            .expect("a notification arrives in time")
            .expect("a notification")
    };
    world.claim(&user("ann"), "decks", ask("a", "d", true)).await.expect("the request succeeds");
    let (organization, model, row) = ("acme".to_owned(), "decks".to_owned(), "d".to_owned());
    assert_eq!(
        receive(&mut notifications).await,
        Notification::ClaimsChanged { organization: organization.clone(), model, row }
    );
    world
        .commit(
            &user("ann"),
            r#"[{"action":"create","model":"decks","id":"d","data":{"title":"t"}}]"#,
        )
        .await
        .expect("the commit succeeds");
    assert_eq!(receive(&mut notifications).await, Notification::LogGrown { organization });
    let refused = r#"[{"action":"update","model":"decks","id":"none","data":{}}]"#;
    assert!(world.commit(&user("ann"), refused).await.is_err());
    world.abandon(&user("ann"), "a").await.expect("the request succeeds");
    assert!(
        matches!(receive(&mut notifications).await, Notification::ClaimsChanged { .. }),
        "a commit that is rolled back sends no notification"
    );
}

async fn a_claim_over_http_has_its_description(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let ann = server.session("user", "ann", json!({ "syncGroups": ["org:acme"] })).await;
    let meta = json!({ "description": "From the data" });
    let target = json!({ "model": "decks", "id": "d", "meta": meta });
    let claim = "/v1/models/decks/d/claim";
    let intents = "/v1/intents";
    for (path, body, description) in [
        (claim, json!({ "description": "A title" }), "A title"),
        (claim, json!({ "meta": meta }), "From the data"),
        (intents, json!({ "target": target, "description": "A title" }), "A title"),
        (intents, json!({ "target": target }), "From the data"),
    ] {
        let mut body = body;
        body["intentId"] = json!("c");
        body["action"] = json!("editing");
        let (status, answer) = server.ask(&server.key, "POST", path, Some(body)).await;
        assert_eq!(status, 201, "{answer}");
        let listed = server.ask(&ann, "GET", intents, None).await.1;
        assert_eq!(listed["intents"][0]["description"], description, "{listed}");
        let end = server.ask(&server.key, "DELETE", "/v1/intents/c", None).await;
        assert_eq!(end.0, 200, "{}", end.1);
    }
}
