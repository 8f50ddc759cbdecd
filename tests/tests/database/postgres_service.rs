//! The service's own tables on a real server: provisioning is idempotent, and constraints and
//! policies hold as the protocol requires.

use ablo_codegen::emit::sql::postgres::{Postgres, PostgresOptions, service};
use ablo_codegen::{Files, Input, Target};
use ablo_schema::Hashes;
use ablo_tests::postgres::{
    Database, Server, Session, apply, catalogue, footprint, provision_silently, schema,
};
use serde_json::Map;
use std::collections::BTreeMap;

const NONE: &[String] = &[];

fn provisioned(database: &Database<'_>) -> Session {
    let mut session = database.session();
    assert_eq!(
        apply(&mut session, &service(&PostgresOptions::default()).expect("the options are valid")),
        NONE
    );
    session
}

/// Opens a session of a role that may read and write every table, but owns none and has no rights
/// on sequences.
fn client(database: &Database<'_>, organization: &str) -> Session {
    let role = format!("{organization}_of_{}", database.owner());
    let grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO";
    database
        .admin()
        .run(&format!("CREATE ROLE {role} LOGIN; {grant} {role}"))
        .expect("the role is created");
    let mut session = database.session_of(&role);
    session
        .run(&format!("SET app.current_org_id = '{organization}'"))
        .expect("the setting is accepted");
    session
}

fn refused(session: &mut Session, sql: &str, state: &str) {
    let error = session.run(sql).expect_err(sql);
    assert!(error.starts_with(state), "{sql}: {error}");
}

fn delta(organization: &str, id: &str, transaction: &str) -> String {
    format!(
        "INSERT INTO sync_deltas (action_type, model_name, model_id, data, sync_groups, \
         organization_id, transaction_id)
         VALUES ('I', 'Task', '{id}', '{{}}', ARRAY['org:{organization}'], '{organization}', \
         {transaction})"
    )
}

fn claim(id: &str, row: &str, status: &str) -> String {
    format!(
        "INSERT INTO ablo_claims (id, organization_id, participant_id, participant_kind, model, \
         row_id, action, status, expires_at, ttl_ms)
         VALUES ('{id}', 'acme', 'of {id}', 'agent', 'tasks', '{row}', 'editing', '{status}', \
         now() + interval '1 minute', 60000)"
    )
}

#[test]
fn provisioning_is_idempotent_in_any_schema() {
    let quoted =
        PostgresOptions { schema: Some("It's \"s\"".to_owned()), ..PostgresOptions::default() };
    let app = PostgresOptions {
        organization: Some("Acme".to_owned()),
        foreign_keys: true,
        ..PostgresOptions::default()
    };
    let database = Server::shared().database();
    database.session().run("CREATE SCHEMA \"It's \"\"s\"\"\"").expect("the schema is created");
    for (options, namespace) in
        [(PostgresOptions::default(), "public"), (app, "app_acme"), (quoted, "It's \"s\"")]
    {
        let program = service(&options).expect("the options are valid");
        let mut session = database.session();
        assert_eq!(apply(&mut session, &program), NONE);
        let (first, known) = (footprint(&mut session), catalogue(&mut session));
        assert_eq!(
            known[namespace].keys().map(String::as_str).collect::<Vec<_>>(),
            [
                "ablo_bootstraps",
                "ablo_capabilities",
                "ablo_captured",
                "ablo_claims",
                "ablo_commits",
                "ablo_idempotency",
                "ablo_layouts",
                "ablo_log_values",
                "ablo_logs",
                "ablo_operations",
                "ablo_outbox",
                "ablo_receipts",
                "ablo_reloads",
                "ablo_sessions",
                "ablo_source_commits",
                "ablo_source_events",
                "ablo_sources",
                "ablo_turns",
                "ablo_webhook_endpoints",
                "ablo_webhook_letters",
                "sync_deltas"
            ]
        );
        assert_eq!(apply(&mut session, &program), NONE);
        assert_eq!(apply(&mut database.session(), &program), NONE);
        assert_eq!(
            footprint(&mut session),
            first,
            "{namespace}: the second run wrote to the catalog"
        );
    }
    let known = catalogue(&mut database.session());
    assert_eq!(known["public"]["sync_deltas"].columns, known["app_acme"]["sync_deltas"].columns);
}

#[test]
fn the_file_runs_with_psql_next_to_model_tables() {
    let schema =
        schema(r#"{"v":3,"models":{"tasks":{"fields":{},"relations":{}}},"identityRoles":[]}"#);
    let hashes = Hashes::of(&schema);
    let mut files = Files::default();
    let target = Postgres.configure(&Map::new()).expect("the default options are valid");
    target.emit(&Input::new(&schema, &hashes), &mut files);
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let file = folder.path().join("service.sql");
    std::fs::write(&file, files.get("postgres/service.sql").expect("the file is written"))
        .expect("the file is copied");

    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &schema);
    assert_eq!(database.psql(&file), Ok(String::new()));
    let first = footprint(&mut session);
    assert_eq!(database.psql(&file), Ok(String::new()));
    assert_eq!(
        apply(&mut session, &service(&PostgresOptions::default()).expect("the options are valid")),
        NONE
    );
    provision_silently(&mut session, &schema);
    assert_eq!(
        footprint(&mut session),
        first,
        "a driver and psql have the same effect, and model tables do not change"
    );
    assert_eq!(catalogue(&mut session)["public"].len(), 22);
}

#[test]
fn data_source_tables_have_the_columns_adapters_expect() {
    let database = Server::shared().database();
    let known = catalogue(&mut provisioned(&database));
    let columns = |table: &str| -> BTreeMap<String, String> {
        let columns = known["public"][table].columns.iter();
        let shown = |column: &ablo_tests::postgres::Column| {
            let default =
                column.default.as_deref().map(|default| format!(" {default}")).unwrap_or_default();
            format!("{}{}{default}", column.r#type, if column.not_null { " not null" } else { "" })
        };
        columns.map(|(name, column)| (name.clone(), shown(column))).collect()
    };
    let expected = |columns: &[(&str, &str)]| -> BTreeMap<String, String> {
        columns.iter().map(|(name, shown)| ((*name).to_owned(), (*shown).to_owned())).collect()
    };
    let created_at = ("created_at", "timestamp with time zone now()");
    let idempotency =
        [("client_tx_id", "text not null"), ("response", "jsonb not null"), created_at];
    assert_eq!(columns("ablo_idempotency"), expected(&idempotency));
    let outbox = [
        ("cursor", "bigint not null"),
        ("id", "text not null"),
        ("model", "text not null"),
        ("entity_id", "text not null"),
        ("type", "text not null"),
        ("data", "jsonb"),
        ("organization_id", "text"),
        ("client_tx_id", "text"),
        ("occurred_at", "bigint"),
        created_at,
        // The column orders concurrent events. It has a default, so adapters need not set it.
        ("written_in", "xid8 pg_current_xact_id()"),
    ];
    assert_eq!(columns("ablo_outbox"), expected(&outbox));
    assert_eq!(columns("sync_deltas")["id"], "bigint not null");
}

#[test]
fn existing_adapter_tables_are_kept() {
    let database = Server::shared().database();
    let mut session = database.session();
    session
        .run(
            "CREATE TABLE ablo_idempotency (client_tx_id TEXT PRIMARY KEY, \
             response JSONB NOT NULL, created_at TIMESTAMPTZ DEFAULT now());
             CREATE TABLE ablo_outbox (cursor BIGSERIAL PRIMARY KEY, id TEXT UNIQUE NOT NULL, \
             model TEXT NOT NULL,
               entity_id TEXT NOT NULL, type TEXT NOT NULL, data JSONB, client_tx_id TEXT, \
               occurred_at BIGINT, created_at TIMESTAMPTZ DEFAULT now());
             INSERT INTO ablo_outbox (id, model, entity_id, type) \
             VALUES ('a:0', 'tasks', 't', 'CREATE')",
        )
        .expect("the tables are created");
    let before = catalogue(&mut session);
    provisioned(&database);
    let after = catalogue(&mut session);
    for table in ["ablo_idempotency", "ablo_outbox"] {
        let (before, after) = (&before["public"][table], &after["public"][table]);
        assert_eq!(before.constraints, after.constraints);
        assert!(before.indexes.iter().all(|(name, index)| after.indexes.get(name) == Some(index)));
    }
    let outbox = &after["public"]["ablo_outbox"];
    assert!(outbox.columns.contains_key("organization_id"), "the missing column is added");
    assert_eq!(session.texts("SELECT id FROM ablo_outbox WHERE organization_id IS NULL"), ["a:0"]);
}

#[test]
fn differences_are_reported_and_left_unchanged() {
    let database = Server::shared().database();
    let mut session = database.session();
    session
        .run(
            "CREATE TABLE sync_deltas (id integer, organization_id text NOT NULL, model_name text);
             CREATE TABLE ablo_claims (id text PRIMARY KEY)",
        )
        .expect("the tables are created");
    let warnings =
        apply(&mut session, &service(&PostgresOptions::default()).expect("the options are valid"));
    assert_eq!(
        warnings,
        [
            "ablo::provision::column_type_differs: public.sync_deltas.id has type integer instead \
             of bigint; left unchanged",
            "ablo::provision::primary_key_differs: public.ablo_claims has PRIMARY KEY (id); \
             left unchanged",
        ]
    );
}

#[test]
fn duplicate_commits_events_and_deltas_are_refused() {
    let database = Server::shared().database();
    let mut session = provisioned(&database);
    let ledger = "INSERT INTO ablo_idempotency (client_tx_id, response) VALUES ('a', '[]')";
    session.run(ledger).expect("the first commit is recorded");
    refused(&mut session, ledger, "23505");
    // An adapter may write events without an organisation.
    let event = "INSERT INTO ablo_outbox (id, model, entity_id, type) \
        VALUES ('a:0', 'tasks', 't', 'CREATE')";
    session.run(event).expect("the first event is written");
    refused(&mut session, event, "23505");

    session.run("SET app.current_org_id = 'acme'").expect("the setting is accepted");
    session.run(&delta("acme", "t", "'tx'")).expect("the first delta is written");
    // Two participants may choose the same id, which each of them uses once.
    session.run(&delta("acme", "t", "'tx'")).expect("another participant's delta");
    let operation = |participant: &str| {
        format!(
            "INSERT INTO ablo_operations (organization_id, participant_kind, participant_id, \
             transaction_id, content_hash, sync_id) VALUES ('acme', 'user', '{participant}', \
             'tx', '', 1)"
        )
    };
    session.run(&operation("ann")).expect("the first operation");
    session.run(&operation("bob")).expect("another participant's");
    refused(&mut session, &operation("ann"), "23505");
    session.run(&delta("acme", "t", "NULL")).expect("a delta may lack a transaction id");
    session.run(&delta("acme", "t", "NULL")).expect("several deltas may lack one");
    session.run("SET app.current_org_id = 'umbrella'").expect("the setting is accepted");
    session
        .run(&delta("umbrella", "t", "'tx'"))
        .expect("another organisation may use the same transaction id");
}

#[test]
fn cursors_increase_and_exceed_32_bits() {
    let database = Server::shared().database();
    let mut session = provisioned(&database);
    session.run("SET app.current_org_id = 'acme'").expect("the setting is accepted");
    let change = |at: u32| delta("acme", &at.to_string(), "NULL");
    let event = |at: u32| {
        format!(
            "INSERT INTO ablo_outbox (id, model, entity_id, type) \
             VALUES ('{at}', 'tasks', 't', 'CREATE')"
        )
    };
    let tables = [
        ("sync_deltas", "id", "model_id", [0, 1, 2, 3].map(change)),
        ("ablo_outbox", "cursor", "id", [0, 1, 2, 3].map(event)),
    ];
    for (table, column, order, inserts) in tables {
        let beyond_32_bits = i64::from(u32::MAX) + 7;
        for (at, insert) in inserts.iter().enumerate() {
            if at == 3 {
                session
                    .run(&format!(
                        "ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {beyond_32_bits}"
                    ))
                    .expect("the sequence restarts");
            }
            session.run(insert).expect("the row is inserted");
        }
        let cursors =
            session.texts(&format!("SELECT {column}::text FROM {table} ORDER BY {order}"));
        assert_eq!(cursors, ["1", "2", "3", &beyond_32_bits.to_string()], "{table}");
    }
}

#[test]
fn a_row_has_one_holder_and_any_number_of_waiters() {
    let database = Server::shared().database();
    let mut session = provisioned(&database);
    session.run("SET app.current_org_id = 'acme'").expect("the setting is accepted");
    session.run(&claim("z", "t1", "active")).expect("the row has a holder");
    refused(&mut session, &claim("y", "t1", "active"), "23505");
    session.run(&claim("y", "t1", "queued")).expect("the first waiter is queued");
    session.run(&claim("x", "t1", "queued")).expect("the second waiter is queued");
    session.run(&claim("w", "t2", "active")).expect("another row has its own holder");
    refused(&mut session, &claim("v", "t1", "held"), "23514");

    let waiting =
        "SELECT id FROM ablo_claims WHERE row_id = 't1' AND status = 'queued' ORDER BY arrival";
    assert_eq!(session.texts(waiting), ["y", "x"], "first come, first served");
    let promote = "UPDATE ablo_claims SET status = 'active' WHERE id = 'y'";
    refused(&mut session, promote, "23505");
    session
        .run("UPDATE ablo_claims SET status = 'committed' WHERE id = 'z'")
        .expect("the claim ends");
    session.run(promote).expect("the next waiter is promoted");
    assert_eq!(session.texts(waiting), ["x"]);
    session.run(&claim("u", "t1", "queued")).expect("a later waiter is queued");
    let swap = "UPDATE ablo_claims AS one SET arrival = other.arrival FROM ablo_claims AS other
        WHERE one.id <> other.id AND one.status = 'queued' AND other.status = 'queued'";
    session.run(swap).expect("the queue is reordered");
    assert_eq!(session.texts(waiting), ["u", "x"]);
}

#[test]
fn an_organisation_sees_and_writes_its_own_log_only() {
    let database = Server::shared().database();
    provisioned(&database);
    let (mut acme, mut umbrella) = (client(&database, "acme"), client(&database, "umbrella"));
    acme.run(&delta("acme", "of acme", "NULL")).expect("the delta is written");
    umbrella.run(&delta("umbrella", "of umbrella", "NULL")).expect("the delta is written");
    acme.run(&claim("a", "t1", "active")).expect("the claim is written");
    refused(&mut acme, &delta("umbrella", "x", "NULL"), "42501");
    refused(&mut umbrella, &claim("a", "t1", "queued"), "42501");
    assert_eq!(acme.texts("SELECT model_id FROM sync_deltas"), ["of acme"]);
    assert_eq!(umbrella.texts("SELECT model_id FROM sync_deltas"), ["of umbrella"]);
    assert_eq!(umbrella.texts("SELECT id FROM ablo_claims"), NONE);
    let update =
        "UPDATE sync_deltas SET data = NULL WHERE organization_id = 'acme' RETURNING model_id";
    assert_eq!(umbrella.texts(update), NONE);
    umbrella.run("RESET app.current_org_id").expect("the setting is accepted");
    assert_eq!(
        umbrella.texts("SELECT model_id FROM sync_deltas"),
        NONE,
        "without an organisation no rows are visible"
    );
}
