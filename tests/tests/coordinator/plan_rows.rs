//! The rows of the tables whose plans are printed.

use ablo_server::store::Dialect;
use ablo_tests::server::World;

const ROWS: usize = 100_000;

/// The tables that are filled, with the names that statements give them.
pub(super) const FILLED: [&str; 19] = [
    "users",
    "desks",
    "reports",
    "members",
    "tasks",
    "sync_deltas",
    "ablo_log_values",
    "ablo_bootstraps",
    "ablo_claims",
    "ablo_commits",
    "ablo_capabilities",
    "child",
    "old",
    "ablo_sessions",
    "ablo_turns",
    "ablo_source_commits",
    "ablo_source_events",
    "ablo_webhook_endpoints",
    "ablo_webhook_letters",
];

/// Returns one INSERT per table. `i` counts the rows; one in a hundred belongs to `acme`.
fn filling(dialect: Dialect) -> Vec<String> {
    let (series, list) = match dialect {
        Dialect::Sqlite => (
            format!(
                "(WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < \
                 {ROWS}) SELECT i FROM s) AS s"
            ),
            "'[]'",
        ),
        Dialect::Postgres => (format!("generate_series(1, {ROWS}) AS s (i)"), "'{}'"),
    };
    let own = "CASE WHEN i % 100 = 0 THEN 'acme' ELSE 'org-' || (i % 100) END";
    let few = "CASE WHEN i % 10000 = 0 THEN 'acme' ELSE 'org-' || (i % 100) END";
    let other = "'org-' || (i % 5000)";
    let (past, future) = ("'2020-01-01T00:00:00.000000Z'", "'2100-01-01T00:00:00.000000Z'");
    let tables = [
        ("users (id, organization_id, created_by, name)", format!("'u-' || i, {own}, 'app', 'x'")),
        ("desks (id, organization_id, created_by, name)", format!("'d-' || i, {own}, 'app', 'x'")),
        (
            "reports (id, organization_id, created_by, desk_id, title)",
            format!("'r-' || i, {own}, 'app', 'd-' || i, 'x'"),
        ),
        (
            "members (id, organization_id, created_by, desk_id, user_id)",
            format!("'m-' || i, {own}, 'app', 'd-' || i, 'u-' || i"),
        ),
        ("tasks (id, organization_id, created_by, title)", format!("'t-' || i, {own}, 'app', 'x'")),
        (
            "sync_deltas (action_type, model_name, model_id, data, sync_groups, organization_id, \
             transaction_id, actor_id, actor_kind)",
            format!(
                "'U', 'Report', 'r-' || (i % 5000), '{{}}', {list}, {own}, 't-' || i, 'p', 'user'"
            ),
        ),
        (
            "ablo_log_values (organization_id, hash, value, last_sync_id)",
            format!("{own}, 'h-' || i, '{{}}', i"),
        ),
        (
            "ablo_bootstraps (organization_id, capability_id, sync_id, served_at)",
            format!("{own}, 'cap-' || i, i, {future}"),
        ),
        (
            "ablo_claims (id, organization_id, participant_id, participant_kind, model, row_id, \
             action, status, expires_at, ttl_ms)",
            format!(
                "'c-' || i, {few}, 'p-' || (i % 1000), 'agent', 'users', 'u-' || i, 'edit', \
                 'active', {future}, 1000"
            ),
        ),
        (
            "ablo_commits (organization_id, client_tx_id, body_hash, receipt, created_at)",
            format!("{own}, 'x-' || i, '', '{{}}', {future}"),
        ),
        (
            "ablo_receipts (organization_id, participant_kind, participant_id, client_tx_id, \
             body_hash, receipt, created_at)",
            format!("{own}, 'user', 'p-' || (i % 1000), 'x-' || i, '', '{{}}', {future}"),
        ),
        (
            "ablo_operations (organization_id, participant_kind, participant_id, transaction_id, \
             content_hash, sync_id, created_at)",
            format!("{own}, 'user', 'p-' || (i % 1000), 't-' || i, '', i, {future}"),
        ),
        (
            "ablo_capabilities (id, token_hash, kind, organization_id, participant_id, \
             participant_kind, operations, sync_groups, user_meta, reach, parent_id, expires_at)",
            format!(
                "'cap-' || i, 'h-' || i, 'ephemeral', {own}, 'p-' || (i % 5000), 'user', {list}, \
                 {list}, '{{}}', 'part', CASE WHEN i % 2 = 0 THEN 'cap-' || (i - 1) END, {future}"
            ),
        ),
        (
            "ablo_sessions (organization_id, id, participant_id, participant_kind, sync_groups, \
             presence, active_at, expires_at)",
            format!("{other}, 's-' || i, 'p', 'user', {list}, '{{}}', {past}, {future}"),
        ),
        (
            "ablo_turns (id, organization_id, participant_id, prompt_hash)",
            format!("'turn-' || i, {own}, 'p', ''"),
        ),
        (
            "ablo_source_commits (organization_id, id, client_tx_id, body_hash, state, rows, \
             writer, told, sent_at)",
            format!("{other}, 'sc-' || i, '', '', 'sent', '[]', '{{}}', 0, {future}"),
        ),
        (
            "ablo_source_events (organization_id, id, taken_at)",
            format!("{own}, 'e-' || i, {future}"),
        ),
        (
            "ablo_webhook_endpoints (id, organization_id, url, secret, enabled_events, status, \
             cursor, attempts, next_attempt_at, leased_until, created_at)",
            format!(
                "'we-' || i, {other}, '', '', {list}, 'enabled', 0, 0, {future}, {past}, {past}"
            ),
        ),
        (
            "ablo_webhook_letters (organization_id, endpoint_id, id, body, error, died_at, again)",
            format!("{own}, 'we-' || (i % 5000), 'l-' || i, '', '', {past}, 'no'"),
        ),
    ];
    tables.map(|(into, row)| format!("INSERT INTO {into} SELECT {row} FROM {series}")).to_vec()
}

/// Fills all tables. PostgreSQL collects statistics, as its autovacuum does; for SQLite,
/// housekeeping does.
pub(super) async fn fill(world: &World) {
    match (world.file(), world.database()) {
        (Some(file), _) => {
            let file = rusqlite::Connection::open(file).expect("the file");
            file.execute_batch(
                "PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON; BEGIN",
            )
            .expect("a transaction");
            for sql in filling(Dialect::Sqlite) {
                file.execute_batch(&sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
            }
            file.execute_batch("COMMIT").expect("the rows are stored");
        }
        (None, Some(database)) => {
            let database = database.clone();
            let fill = move || {
                let mut session = database.admin();
                for sql in filling(Dialect::Postgres) {
                    session.run(&sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
                }
                session.run("ANALYZE").expect("statistics");
            };
            tokio::task::spawn_blocking(fill).await.expect("the tables are filled");
        }
        (None, None) => panic!("a world has a database"),
    }
}
