//! Commits and lists beside many stored rows.

use super::{SCHEMA, TEXT, commits};
use ablo_server::engine::read;
use ablo_tests::server::{World, user};
use ablo_wire::Query;
use std::sync::Arc;
use std::time::Instant;

/// Commits beside many stored receipts.
pub(super) async fn receipts(stored: usize, count: usize) {
    for (store, world) in
        [("SQLite", World::sqlite(SCHEMA)), ("PostgreSQL", World::postgres(SCHEMA))]
    {
        let row = "'acme', 'x-' || i, '', '{}', '2100-01-01T00:00:00.000000Z'";
        fill(
            &world,
            "ablo_commits (organization_id, client_tx_id, body_hash, receipt, created_at)",
            row,
            stored,
        )
        .await;
        let rate = commits(&Arc::new(world), 50, count).await;
        println!("commits beside {stored} receipts, {store}, 50 writers: {rate:.0}/s");
    }
}

/// Lists pages of 50 rows at different places of a large table, 50 at a time.
pub(super) async fn lists(rows: usize, count: usize) {
    for (store, world) in
        [("SQLite", World::sqlite(SCHEMA)), ("PostgreSQL", World::postgres(SCHEMA))]
    {
        let into = "notes (id, organization_id, created_by, text)";
        fill(&world, into, &format!("'n-' || i, 'acme', 'ann', '{TEXT}'"), rows).await;
        let world = Arc::new(world);
        let began = Instant::now();
        let readers: Vec<_> =
            (0..50).map(|_| tokio::spawn(read_pages(Arc::clone(&world), count / 50))).collect();
        for reader in readers {
            reader.await.expect("the pages are read");
        }
        let rate = count as f64 / began.elapsed().as_secs_f64();
        println!("pages of 50 of {rows} rows, {store}, 50 readers: {rate:.0}/s");
    }
}

async fn read_pages(world: Arc<World>, pages: usize) {
    let mut cursor = None;
    for _ in 0..pages {
        let after: Option<String> = cursor.take();
        let page = world
            .read(&user("ann"), move |engine, tx, who| {
                let mut query = Query::new("notes");
                query.limit = Some(50);
                read::query_page(engine, tx, who, &query, after.as_deref())
            })
            .await
            .expect("a page");
        assert_eq!(page.0.len(), 50, "a full page");
        cursor = page.1;
    }
}

/// Inserts rows that are made from the numbers `i`.
async fn fill(world: &World, into: &str, row: &str, count: usize) {
    let series = format!(
        "WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {count}) \
         INSERT INTO {into} SELECT {row} FROM s"
    );
    let row = row.replace("'2100-01-01T00:00:00.000000Z'", "timestamptz '2100-01-01Z'");
    let server = format!(
        "INSERT INTO {into} SELECT {} FROM generate_series(1, {count}) AS s (i)",
        row.replace("'{}'", "jsonb '{}'")
    );
    match (world.file(), world.database()) {
        (Some(file), _) => {
            let file = rusqlite::Connection::open(file).expect("the file");
            file.execute_batch(&series).expect("the rows");
        }
        (None, Some(database)) => {
            let database = database.clone();
            let fill = move || {
                let mut session = database.admin();
                session.run(&server).expect("the rows");
                session.run("ANALYZE").expect("statistics");
            };
            tokio::task::spawn_blocking(fill).await.expect("the rows are stored");
        }
        (None, None) => panic!("a world has a database"),
    }
}
