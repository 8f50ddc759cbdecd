//! Concurrency on both stores: every commit is applied once, and the log only grows at its end.

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

on_both_stores! { super::SCHEMA;
    a_polling_reader_sees_every_commit_once
    concurrent_repeats_of_a_commit_are_applied_once
    an_ignored_statement_error_rolls_back_on_postgres
    the_clock_is_monotonic
}

fn create(id: &str) -> String {
    format!(r#"[{{"action":"create","model":"decks","id":"{id}","data":{{"title":"{id}"}}}}]"#)
}

/// Polls the log from the last sync id until `done` is set. Returns the sync ids in the order in
/// which they appeared.
async fn poll(world: Arc<World>, done: Arc<AtomicBool>) -> Vec<u64> {
    let mut seen: Vec<u64> = Vec::new();
    loop {
        let last_poll = done.load(Ordering::Acquire);
        let after = seen.last().copied().unwrap_or(0);
        seen.extend(
            world
                .log(&user("rea"), after)
                .await
                .expect("the log is readable")
                .iter()
                .map(|delta| delta.id),
        );
        if last_poll {
            return seen;
        }
    }
}

async fn a_polling_reader_sees_every_commit_once(world: World) {
    // On PostgreSQL, half of the writers use a second instance.
    let world = Arc::new(world);
    let other = world.second_instance().map(Arc::new).unwrap_or_else(|| Arc::clone(&world));
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(poll(Arc::clone(&world), Arc::clone(&done)));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let world = Arc::clone(if writer % 2 == 0 { &world } else { &other });
        writers.spawn(async move {
            let mut sync_ids = Vec::new();
            for at in 0..COMMITS {
                let id = format!("w{writer}-{at}");
                let receipt = world
                    .commit_as(&user(&format!("u{writer}")), &id, &create(&id))
                    .await
                    .expect("the commit succeeds");
                sync_ids.push(receipt.last_sync_id.expect("a sync id").0);
            }
            sync_ids
        });
    }
    let mut sync_ids = Vec::new();
    while let Some(own) = writers.join_next().await {
        let own = own.expect("the writer does not panic");
        assert!(own.is_sorted(), "{own:?}");
        sync_ids.extend(own);
    }
    done.store(true, Ordering::Release);
    let seen = reader.await.expect("the reader does not panic");
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "strictly increasing");
    sync_ids.sort_unstable();
    assert_eq!(seen, sync_ids, "the reader sees every commit once");
    assert_eq!(seen.len(), WRITERS * COMMITS);
}

async fn concurrent_repeats_of_a_commit_are_applied_once(world: World) {
    let world = Arc::new(world);
    let other = world.second_instance().map(Arc::new).unwrap_or_else(|| Arc::clone(&world));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let world = Arc::clone(if writer % 2 == 0 { &world } else { &other });
        writers.spawn(async move {
            world.commit_as(&user("ann"), "once", &create("d")).await.expect("the commit succeeds")
        });
    }
    let receipts = writers.join_all().await;
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
    assert_eq!(world.log(&user("ann"), 0).await.expect("the log is readable").len(), 1);
}

async fn an_ignored_statement_error_rolls_back_on_postgres(world: World) {
    let ann = user("ann");
    let postgres = world.database().is_some();
    world.commit(&ann, &create("one")).await.expect("the commit succeeds");
    let careless = world.write(&ann, |_, tx, _| {
        tx.connection().execute("UPDATE decks SET title = 'changed'", &[])?;
        let failed = tx.connection().execute("UPDATE decks SET id = NULL", &[]);
        assert!(matches!(failed, Err(StoreError::Constraint(_))), "{failed:?}");
        Ok(())
    });
    let outcome = careless.await;
    let row = world
        .retrieve(&ann, "decks", "one")
        .await
        .expect("the request succeeds")
        .expect("the row exists");
    // PostgreSQL rolls the transaction back and reports it. SQLite continues after a failed
    // statement.
    assert_eq!(outcome.is_err(), postgres);
    assert_eq!(row.contains("changed"), !postgres);
}

async fn the_clock_is_monotonic(world: World) {
    let mut last = world.store.now();
    for _ in 0..10_000 {
        let now = world.store.now();
        assert!(now >= last);
        last = now;
    }
    let age = jiff::Timestamp::now().duration_since(last).abs();
    assert!(
        age < jiff::SignedDuration::from_secs(5),
        "both clocks are of this machine, and differ by {age:?}"
    );
}

#[tokio::test]
async fn lost_connections_are_reopened() {
    let world = World::postgres(SCHEMA);
    let ann = user("ann");
    world.commit(&ann, &create("one")).await.expect("the commit succeeds");
    world.retrieve(&ann, "decks", "one").await.expect("the request succeeds");
    let mut notifications = world.store.subscribe();
    let cut = || {
        let sql = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    world.database().expect("the world is on PostgreSQL").admin().texts(sql).len()
                })
                .join()
                .expect("the thread succeeds")
        })
    };
    assert!(cut() >= 3, "the connections of the writer, the reader and the listener");
    // No statement was running, so the next requests succeed on new connections.
    world.commit(&ann, &create("two")).await.expect("the commit succeeds");
    world.retrieve(&ann, "decks", "two").await.expect("the request succeeds");
    let gap = async {
        while notifications.recv().await.expect("a notification") != Notification::Lagged {}
    };
    tokio::time::timeout(Duration::from_secs(20), gap)
        .await
        .expect("subscribers are notified that they may have missed something");
    world.commit(&ann, &create("three")).await.expect("the commit succeeds");
    let received = tokio::time::timeout(Duration::from_secs(10), notifications.recv());
    let received = received.await.expect("a notification arrives in time");
    let expected = Notification::LogGrown { organization: "acme".to_owned() };
    assert_eq!(received.expect("a notification"), expected);
}

#[tokio::test]
async fn a_connection_lost_mid_transaction_commits_nothing() {
    let world = World::postgres(SCHEMA);
    let ann = user("ann");
    let cut = world.write(&ann, |_, tx, _| {
        tx.connection().execute(
            "INSERT INTO decks (id, organization_id, created_by, title) VALUES ('half', 'acme', \
             'ann', 'half')",
            &[],
        )?;
        tx.connection().query("SELECT pg_terminate_backend(pg_backend_pid())", &[])?;
        Ok(())
    });
    let error = cut.await.expect_err("the server closed it");
    assert!(matches!(error, EngineError::Store(StoreError::Unavailable(_))), "{error:?}");
    assert_eq!(world.retrieve(&ann, "decks", "half").await.expect("the request succeeds"), None);
    world.commit(&ann, &create("half")).await.expect("the next commit uses a new connection");
}

#[tokio::test]
async fn row_security_restricts_direct_statements() {
    let world = World::postgres(SCHEMA);
    world.commit(&user("ann"), &create("one")).await.expect("the commit succeeds");
    let mut eve = user("eve");
    eve.organization = "other".to_owned();
    let count = |who| {
        let world = &world;
        async move {
            let rows = world
                .read(who, |_, tx, _| {
                    Ok(tx.connection().query("SELECT count(*) FROM decks", &[])?)
                })
                .await;
            rows.expect("the query succeeds")[0][0].integer()
        }
    };
    assert_eq!((count(&user("ann")).await, count(&eve).await), (Some(1), Some(0)));
    let planted = world.write(&eve, |_, tx, _| {
        Ok(tx.connection().execute(
            "INSERT INTO decks (id, organization_id, created_by, title) VALUES ('x', 'acme', \
             'eve', 'x')",
            &[],
        )?)
    });
    assert_eq!(ablo_tests::server::code(planted.await), "organization_mismatch");
    let written = world
        .read(&user("ann"), |_, tx, _| Ok(tx.connection().execute("DELETE FROM decks", &[])?))
        .await;
    assert!(written.is_err(), "read transactions cannot write");
}
