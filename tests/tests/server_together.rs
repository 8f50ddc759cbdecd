//! Many at once, on either store: everyone's commit is there once, in an order that never changes behind a reader.

use ablo_server::error::{EngineError, StoreError};
use ablo_server::store::Notification;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "decks":{"typename":"Deck","mutable":true,"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false,"unique":true}}}}}"#;

const WRITERS: usize = 8;
const COMMITS: usize = 12;

on_both_stores! { crate::SCHEMA;
    a_reader_that_polls_misses_nothing
    the_same_commit_from_all_sides_is_applied_once
    work_that_ignores_a_failure_is_not_committed
    a_clock_does_not_go_back
}

fn create(id: &str) -> String {
    format!(r#"[{{"action":"create","model":"decks","id":"{id}","data":{{"title":"{id}"}}}}]"#)
}

/// Polls the log as a client does, from where it was last, until told to stop, and gives the ids in the order in which they came in sight.
async fn poll(world: Arc<World>, done: Arc<AtomicBool>) -> Vec<u64> {
    let mut seen: Vec<u64> = Vec::new();
    loop {
        let last_look = done.load(Ordering::Acquire);
        let after = seen.last().copied().unwrap_or(0);
        seen.extend(
            world.log(&user("rea"), after).await.expect("the log").iter().map(|delta| delta.id),
        );
        if last_look {
            return seen;
        }
    }
}

async fn a_reader_that_polls_misses_nothing(world: World) {
    // On a server, half of the writers are in another process.
    let world = Arc::new(world);
    let beside = world.second_instance().map(Arc::new).unwrap_or_else(|| Arc::clone(&world));
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(poll(Arc::clone(&world), Arc::clone(&done)));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let world = Arc::clone(if writer % 2 == 0 { &world } else { &beside });
        writers.spawn(async move {
            let mut places = Vec::new();
            for at in 0..COMMITS {
                let id = format!("w{writer}-{at}");
                let receipt = world
                    .commit_as(&user(&format!("u{writer}")), &id, &create(&id))
                    .await
                    .expect("a receipt");
                places.push(receipt.last_sync_id.expect("a place").0);
            }
            places
        });
    }
    let mut places = Vec::new();
    while let Some(own) = writers.join_next().await {
        let own = own.expect("a writer");
        assert!(own.is_sorted(), "{own:?}");
        places.extend(own);
    }
    done.store(true, Ordering::Release);
    let seen = reader.await.expect("a reader");
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "strictly increasing");
    places.sort_unstable();
    assert_eq!(seen, places, "every commit once, and none came in sight behind the reader");
    assert_eq!(seen.len(), WRITERS * COMMITS);
}

async fn the_same_commit_from_all_sides_is_applied_once(world: World) {
    let world = Arc::new(world);
    let beside = world.second_instance().map(Arc::new).unwrap_or_else(|| Arc::clone(&world));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let world = Arc::clone(if writer % 2 == 0 { &world } else { &beside });
        writers.spawn(async move {
            world.commit_as(&user("ann"), "once", &create("d")).await.expect("a receipt")
        });
    }
    let receipts = writers.join_all().await;
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    assert_eq!(world.log(&user("ann"), 0).await.expect("the log").len(), 1);
}

async fn work_that_ignores_a_failure_is_not_committed(world: World) {
    let ann = user("ann");
    let postgres = world.database().is_some();
    world.commit(&ann, &create("one")).await.expect("a receipt");
    let careless = world.write(&ann, |_, tx, _| {
        tx.execute("UPDATE decks SET title = 'changed'", &[])?;
        let failed = tx.execute("UPDATE decks SET id = NULL", &[]);
        assert!(matches!(failed, Err(StoreError::Constraint(_))), "{failed:?}");
        Ok(())
    });
    let outcome = careless.await;
    let row = world.retrieve(&ann, "decks", "one").await.expect("an answer").expect("the row");
    // A server undoes all of it, and says so; SQLite goes on behind a statement that failed.
    assert_eq!(outcome.is_err(), postgres);
    assert_eq!(row.contains("changed"), !postgres);
}

async fn a_clock_does_not_go_back(world: World) {
    let mut last = world.store.now();
    for _ in 0..10_000 {
        let now = world.store.now();
        assert!(now >= last);
        last = now;
    }
    let age = jiff::Timestamp::now().duration_since(last).abs();
    assert!(
        age < jiff::SignedDuration::from_secs(5),
        "both clocks are this machine's, and differ by {age:?}"
    );
}

#[tokio::test]
async fn a_connection_that_is_lost_is_opened_again() {
    let world = World::postgres(SCHEMA);
    let ann = user("ann");
    world.commit(&ann, &create("one")).await.expect("a receipt");
    world.retrieve(&ann, "decks", "one").await.expect("an answer");
    let mut news = world.store.subscribe();
    let cut = || {
        let sql = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        std::thread::scope(|scope| {
            scope
                .spawn(|| world.database().expect("a server").admin().texts(sql).len())
                .join()
                .expect("a session")
        })
    };
    assert!(cut() >= 3, "a writer, a reader and the listener");
    // Nothing had been sent, so that nobody notices.
    world.commit(&ann, &create("two")).await.expect("a receipt");
    world.retrieve(&ann, "decks", "two").await.expect("an answer");
    let gap = async { while news.recv().await.expect("news") != Notification::Lagged {} };
    tokio::time::timeout(Duration::from_secs(20), gap)
        .await
        .expect("listeners are told that they missed something");
    world.commit(&ann, &create("three")).await.expect("a receipt");
    let heard = tokio::time::timeout(Duration::from_secs(10), news.recv()).await.expect("in time");
    assert_eq!(heard.expect("news"), Notification::LogGrown { organization: "acme".to_owned() });
}

#[tokio::test]
async fn a_connection_that_is_lost_in_the_middle_commits_nothing() {
    let world = World::postgres(SCHEMA);
    let ann = user("ann");
    let cut = world.write(&ann, |_, tx, _| {
        tx.execute(
            "INSERT INTO decks (id, organization_id, created_by, title) VALUES ('half', 'acme', 'ann', 'half')",
            &[],
        )?;
        tx.query("SELECT pg_terminate_backend(pg_backend_pid())", &[])?;
        Ok(())
    });
    let error = cut.await.expect_err("the server closed it");
    assert!(matches!(error, EngineError::Store(StoreError::Unavailable(_))), "{error:?}");
    assert_eq!(world.retrieve(&ann, "decks", "half").await.expect("an answer"), None);
    world.commit(&ann, &create("half")).await.expect("the next one has a new connection");
}

#[tokio::test]
async fn row_security_holds_what_the_engine_would_let_through() {
    let world = World::postgres(SCHEMA);
    world.commit(&user("ann"), &create("one")).await.expect("a receipt");
    let mut eve = user("eve");
    eve.organization = "other".to_owned();
    let count = |who| {
        let world = &world;
        async move {
            let rows =
                world.read(who, |_, tx, _| Ok(tx.query("SELECT count(*) FROM decks", &[])?)).await;
            rows.expect("rows")[0][0].integer()
        }
    };
    assert_eq!((count(&user("ann")).await, count(&eve).await), (Some(1), Some(0)));
    let planted = world.write(&eve, |_, tx, _| {
        Ok(tx.execute(
            "INSERT INTO decks (id, organization_id, created_by, title) VALUES ('x', 'acme', 'eve', 'x')",
            &[],
        )?)
    });
    assert_eq!(ablo_tests::server::code(planted.await), "organization_mismatch");
    let written =
        world.read(&user("ann"), |_, tx, _| Ok(tx.execute("DELETE FROM decks", &[])?)).await;
    assert!(written.is_err(), "who reads writes nothing");
}
