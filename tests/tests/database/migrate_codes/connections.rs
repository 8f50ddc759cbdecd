//! Connections to databases, and queries of ablo's own.

use super::support::*;
use ablo_migrate::prove::{ScratchEnv, prove};
use ablo_migrate::{FileLock, IfMissing, Session as _, current, postgres, sqlite};
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::Pooler;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const CONNECTIONS: &[Case] = &[
    ("ablo::database::url", || connecting(|_| "postgres://host/db?nonsense=1".to_owned())),
    ("ablo::database::wrong_kind", || error(postgres::connect("sqlite:app.db", |_| ()))),
    ("ablo::database::certificate_file", || {
        let parameters = "sslmode=verify-full&sslrootcert=/nowhere.pem";
        connecting(|_| format!("postgres://me@localhost/d?{parameters}"))
    }),
    ("ablo::database::connection_failed", || {
        connecting(|_| "postgres://me@127.0.0.1:1/d?connect_timeout=2".to_owned())
    }),
    ("ablo::database::tls_failed", || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.read_exact(&mut [0; 8]).expect("a request for TLS");
            stream.write_all(b"N").expect("a refusal");
        });
        connecting(|_| format!("postgres://me@127.0.0.1:{port}/d?sslmode=require"))
    }),
    ("ablo::database::authentication_failed", || {
        connecting(|database| database.address().replace(database.owner(), "unknown_role"))
    }),
    ("ablo::database::unknown_database", || {
        connecting(|database| database.address().replace("dbname=", "dbname=unknown_"))
    }),
    ("ablo::database::not_accepting_connections", || {
        connecting(|database| {
            let limit = format!("ALTER ROLE {} CONNECTION LIMIT 0", database.owner());
            database.admin().run(&limit).expect("a limit");
            database.address()
        })
    }),
    ("ablo::database::unsupported", || {
        connecting(|database| {
            let sql = format!(
                "CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql \
                 AS 'SELECT ''130000''::text'; \
                 ALTER ROLE {} SET search_path = public, pg_catalog",
                database.owner()
            );
            database.admin().run(&sql).expect("a function");
            database.address()
        })
    }),
    ("ablo::database::address_note", || {
        let address = format!("{} connection_limit=1", database().address());
        findings(open(&address).warnings())
    }),
    ("ablo::database::pooler", || {
        let database = database();
        let pooler = Pooler::start(&database);
        error(open(&pooler.address()).lock(Duration::ZERO))
    }),
    ("ablo::database::no_schema", || {
        error(postgres::Database::connect(&database().address(), "nowhere"))
    }),
    ("ablo::database::file_unreadable", || {
        error(sqlite::Database::connect("sqlite:/nowhere/app.db", IfMissing::Fail))
    }),
    ("ablo::database::file_in_use", || {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("app.db");
        let address = path.to_str().expect("a name");
        let mut file = sqlite::Database::connect(address, IfMissing::Create).expect("a file");
        let _coordinator = FileLock::take(&path).expect("a free lock");
        error(file.lock(Duration::ZERO))
    }),
    ("ablo::database::not_a_database", || {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("app.db");
        std::fs::write(&path, "x".repeat(1000)).expect("a file");
        error(sqlite::Database::connect(path.to_str().expect("a name"), IfMissing::Fail))
    }),
    ("ablo::database::connection_lost", || {
        let database = database();
        let mut session = open(&database.address());
        let terminate = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
                         WHERE application_name = 'ablo migrate' AND datname = current_database()";
        assert_eq!(database.admin().texts(terminate), ["true"]);
        error(session.row_count("a"))
    }),
];

pub(crate) const QUERIES: &[Case] = &[
    ("ablo::database::statement_timeout", || counting_locked("statement_timeout=100ms")),
    ("ablo::database::lock_timeout", || counting_locked("lock_timeout=100ms")),
    ("ablo::database::insufficient_privilege", || {
        let database = database();
        let table = "CREATE TABLE public.ablo_migrations (id bigint, applied_at timestamptz, \
                     record text, state text, position integer)";
        database.admin().run(table).expect("a table");
        error(open(&database.address()).ledger())
    }),
    ("ablo::database::undefined_object", || {
        error(open(&database().address()).row_count("nowhere"))
    }),
    ("ablo::database::read_only", || {
        let database = database();
        let set = "SET default_transaction_read_only = on";
        database.admin().run(&format!("ALTER ROLE {} {set}", database.owner())).expect("a setting");
        let mut env = ScratchEnv::on_server(&database.address()).expect("a server");
        let (prev, next) = (tasks(TITLE), tasks(NOTE));
        let diff = diff(Some(&prev), &next, &Hints::default()).expect("no hints");
        error(prove(&mut env, &diff, &Backfills::default(), 1, false))
    }),
    ("ablo::database::insufficient_resources", || {
        reading_ledger("RAISE EXCEPTION ''disk full'' USING ERRCODE = ''53100''")
    }),
    ("ablo::database::query_failed", || reading_ledger("PERFORM 1 / 0")),
    ("ablo::database::locked", || {
        let database = database();
        let (mut one, mut other) = (open(&database.address()), open(&database.address()));
        one.lock(Duration::ZERO).expect("a free lock");
        error(other.lock(Duration::ZERO))
    }),
    ("ablo::database::warned", || {
        let mut session = open(&database().address());
        let warn = record(&["DO $$ BEGIN RAISE WARNING 'careful'; END $$;"], &[]);
        session.apply(&warn, &[], TIMEOUTS).expect("no failure");
        findings(session.warnings())
    }),
    ("ablo::ledger::unreadable", || {
        let database = database();
        let mut session = open(&database.address());
        session.apply(&record(&[], &[]), &[], TIMEOUTS).expect("an entry");
        database.session().run("UPDATE ablo_migrations SET state = 'half'").expect("an edit");
        error(session.ledger())
    }),
    ("ablo::ledger::schema_invalid", || {
        let mut session = open(&database().address());
        session.apply(&record(&[], &[]), &[], TIMEOUTS).expect("an entry");
        error(current(&mut session, None))
    }),
];
