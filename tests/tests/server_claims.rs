//! Claims on either store: they end, hand over in order, and outlive the process.

use ablo_server::engine::claims::{self, ClaimOutcome, ClaimRequest};
use ablo_server::store::Notification;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, ask, user};
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "decks":{"typename":"Deck","mutable":true,"relations":{},"fields":{"title":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { crate::SCHEMA;
    a_claim_ends_with_its_time_and_the_next_holds
    who_waits_is_served_in_order_and_order_can_change
    a_claim_outlives_the_process
    a_sign_of_life_keeps_a_claim
    other_processes_hear_of_it
}

async fn queue(world: &World) -> (Option<String>, Vec<String>) {
    let line = world.claim_queue(&user("ann"), "decks", "d").await.expect("a line");
    (line.holder.map(|claim| claim.id), line.waiters.into_iter().map(|claim| claim.id).collect())
}

fn holds(answer: &ClaimOutcome) -> bool {
    matches!(answer, ClaimOutcome::Held(_))
}

fn brief(id: &str, ttl: u64) -> ClaimRequest {
    ClaimRequest { ttl, ..ask(id, "d", true) }
}

async fn sweep(world: &World) {
    world
        .write(&user("ann"), |_, tx, who| Ok(claims::sweep(tx, &who.organization)?))
        .await
        .expect("a sweep");
}

async fn a_claim_ends_with_its_time_and_the_next_holds(world: World) {
    assert!(holds(
        &world.claim(&user("ann"), "decks", brief("a", 1_500)).await.expect("an answer")
    ));
    assert!(!holds(
        &world.claim(&user("bob"), "decks", brief("b", 60_000)).await.expect("an answer")
    ));
    // She waits for less time than it takes, and is passed by.
    assert!(!holds(
        &world.claim(&user("cat"), "decks", brief("c", 1_400)).await.expect("an answer")
    ));
    sweep(&world).await;
    assert_eq!(queue(&world).await, (Some("a".to_owned()), vec!["b".to_owned(), "c".to_owned()]));
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    sweep(&world).await;
    assert_eq!(queue(&world).await, (Some("b".to_owned()), vec![]));
    let line = world.claim_queue(&user("ann"), "decks", "d").await.expect("a line");
    assert!(
        line.ended.iter().all(|claim| claim.status == "expired") && line.ended.len() == 2,
        "{line:?}"
    );
    // The same without a sweep: whoever asks next finds it over.
    assert!(world.abandon(&user("bob"), "b").await.expect("an answer"));
    assert!(holds(&world.claim(&user("ann"), "decks", brief("a2", 100)).await.expect("an answer")));
    tokio::time::sleep(Duration::from_millis(150)).await;
    world
        .commit(
            &user("bob"),
            r#"[{"action":"create","model":"decks","id":"d","data":{"title":"t"}}]"#,
        )
        .await
        .expect("it is free");
    assert!(holds(&world.claim(&user("cat"), "decks", brief("c2", 100)).await.expect("an answer")));
}

async fn who_waits_is_served_in_order_and_order_can_change(world: World) {
    for (at, name) in ["ann", "bob", "cat", "dan", "eve"].iter().enumerate() {
        let answer =
            world.claim(&user(name), "decks", ask(name, "d", true)).await.expect("an answer");
        match answer {
            ClaimOutcome::Held(claim) => assert_eq!((at, claim.id), (0, "ann".to_owned())),
            ClaimOutcome::Queued(claim, place) => {
                assert_eq!((claim.id.as_str(), place), (*name, at as u64 - 1))
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
                        tx: &mut dyn ablo_server::store::Tx,
                        who: &ablo_server::identity::Identity| {
        let model = engine.models.find("decks").expect("a model");
        claims::reorder(engine, tx, who, model, "d", &order)
    };
    world.write(&user("ann"), reorder).await.expect("another order");
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
        assert!(world.abandon(&user(holder), holder).await.expect("an answer"));
    }
    assert_eq!(queue(&world).await, (None, vec![]));
}

async fn a_claim_outlives_the_process(world: World) {
    world.claim(&user("ann"), "decks", ask("a", "d", true)).await.expect("an answer");
    world.claim(&user("bob"), "decks", ask("b", "d", true)).await.expect("an answer");
    world
        .commit(
            &user("ann"),
            r#"[{"action":"create","model":"decks","id":"d","data":{"title":"t"}}]"#,
        )
        .await
        .expect("a receipt");
    let world = world.restarted();
    assert_eq!(queue(&world).await, (Some("a".to_owned()), vec!["b".to_owned()]));
    let write = r#"[{"action":"update","model":"decks","id":"d","data":{"title":"u"}}]"#;
    assert_eq!(
        ablo_tests::server::code(world.commit_as(&user("bob"), "bob", write).await),
        "entity_claimed"
    );
    assert!(holds(
        &world.claim(&user("ann"), "decks", ask("a", "d", true)).await.expect("it is still hers")
    ));
    world.commit_as(&user("ann"), "ann", write).await.expect("the holder writes");
    assert_eq!(world.log(&user("ann"), 0).await.expect("the log").len(), 2);
}

async fn a_sign_of_life_keeps_a_claim(world: World) {
    let ClaimOutcome::Held(first) =
        world.claim(&user("ann"), "decks", brief("a", 2_000)).await.expect("an answer")
    else {
        panic!("the row is free")
    };
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(
            world
                .write(&user("ann"), |_, tx, who| Ok(claims::renew(tx, who, "a")?))
                .await
                .expect("an answer")
        );
        sweep(&world).await;
    }
    assert_eq!(queue(&world).await.0.as_deref(), Some("a"));
    // Asked for again, it is the same claim, and says until when it is held now.
    let ClaimOutcome::Held(again) =
        world.claim(&user("ann"), "decks", brief("a", 60_000)).await.expect("an answer")
    else {
        panic!("it is hers")
    };
    assert!(
        (again.id.as_str(), &again.declared_at) == ("a", &first.declared_at)
            && again.expires_at > first.expires_at
    );
}

async fn other_processes_hear_of_it(world: World) {
    let other = world.another_store();
    // A file is one process's; a server tells all of them.
    let mut news =
        if world.database().is_some() { other.subscribe() } else { world.store.subscribe() };
    let hear = async |news: &mut tokio::sync::broadcast::Receiver<Notification>| {
        tokio::time::timeout(Duration::from_secs(10), news.recv())
            .await
            .expect("in time")
            .expect("news")
    };
    world.claim(&user("ann"), "decks", ask("a", "d", true)).await.expect("an answer");
    let (organization, model, row) = ("acme".to_owned(), "decks".to_owned(), "d".to_owned());
    assert_eq!(
        hear(&mut news).await,
        Notification::ClaimsChanged { organization: organization.clone(), model, row }
    );
    world
        .commit(
            &user("ann"),
            r#"[{"action":"create","model":"decks","id":"d","data":{"title":"t"}}]"#,
        )
        .await
        .expect("a receipt");
    assert_eq!(hear(&mut news).await, Notification::LogGrown { organization });
    let refused = r#"[{"action":"update","model":"decks","id":"none","data":{}}]"#;
    assert!(world.commit(&user("ann"), refused).await.is_err());
    world.abandon(&user("ann"), "a").await.expect("an answer");
    assert!(
        matches!(hear(&mut news).await, Notification::ClaimsChanged { .. }),
        "what is undone is not told"
    );
}
