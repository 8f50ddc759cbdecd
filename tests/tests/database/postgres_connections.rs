//! Connections to a server as libpq makes them: encryption, certificates, and the settings and
//! rights of a session.

use ablo_migrate::postgres::{Connected, Database, Timeouts, connect};
use ablo_migrate::{apply, current, drift, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{Server, TlsServer, schema, tls_file};
use std::sync::LazyLock;

static SIGNED: LazyLock<TlsServer> = LazyLock::new(|| TlsServer::start("server.crt"));
static SELF_SIGNED: LazyLock<TlsServer> = LazyLock::new(|| TlsServer::start("self-signed.crt"));

/// Whether the session is encrypted, or the code of the error.
fn outcome(address: &str) -> Result<bool, &'static str> {
    let opened = connect(address, |_| ());
    let Connected { mut client, .. } = opened.map_err(|error| error.0[0].code.name)?;
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    Ok(client.query_one(sql, &[]).expect("a row").get(0))
}

const TLS: Result<bool, &str> = Ok(true);
const PLAIN: Result<bool, &str> = Ok(false);
const REFUSED: Result<bool, &str> = Err("ablo::database::authentication_failed");
const UNTRUSTED: Result<bool, &str> = Err("ablo::database::tls_failed");

#[test]
fn each_sslmode_encrypts_as_in_libpq() {
    for (database, mode, wanted) in [
        ("either", "disable", PLAIN),
        ("either", "allow", PLAIN),
        ("either", "prefer", TLS),
        ("either", "require", TLS),
        ("encrypted", "disable", REFUSED),
        ("encrypted", "allow", TLS),
        ("encrypted", "prefer", TLS),
        ("plain", "allow", PLAIN),
        ("plain", "prefer", PLAIN),
        ("plain", "require", REFUSED),
    ] {
        let address = SIGNED.address(database, &format!("sslmode={mode}"));
        assert_eq!(outcome(&address), wanted, "{database} {mode}");
    }
    assert_eq!(outcome(&SIGNED.address("either", "")), TLS, "the default is prefer");
}

#[test]
fn certificates_of_servers_are_verified_as_in_libpq() {
    let root = |file: &str| format!("sslrootcert={}", tls_file(file));
    let (ca, own) = (root("ca.crt"), root("self-signed.crt"));
    for (server, parameters, wanted) in [
        (&SIGNED, format!("sslmode=verify-full {ca}"), TLS),
        (&SIGNED, format!("sslmode=verify-ca {ca}"), TLS),
        (&SIGNED, format!("sslmode=require {ca}"), TLS),
        (&SIGNED, format!("sslmode=verify-full {own}"), UNTRUSTED),
        (&SIGNED, format!("sslmode=require {own}"), UNTRUSTED),
        (&SIGNED, "sslmode=verify-full".to_owned(), UNTRUSTED),
        (&SELF_SIGNED, format!("sslmode=verify-full {own}"), TLS),
        (&SELF_SIGNED, format!("sslmode=verify-ca {own}"), TLS),
        (&SELF_SIGNED, format!("sslmode=verify-ca {ca}"), UNTRUSTED),
    ] {
        assert_eq!(outcome(&server.address("either", &parameters)), wanted, "{parameters}");
    }
    // The name matters to `verify-full` only.
    for (server, file) in [(&SIGNED, &ca), (&SELF_SIGNED, &own)] {
        for (mode, wanted) in [("verify-full", UNTRUSTED), ("verify-ca", TLS)] {
            let address = server.address("either", &format!("sslmode={mode} {file}"));
            let other = address.replace("host=localhost", "host=other.example");
            assert_eq!(outcome(&other), wanted, "{other}");
        }
    }
}

#[test]
fn a_client_has_a_certificate() {
    let files = format!("sslcert={} sslkey={}", tls_file("client.crt"), tls_file("client.key"));
    assert_eq!(outcome(&SIGNED.address("certified", "sslmode=require")), REFUSED);
    assert_eq!(outcome(&SIGNED.address("certified", &format!("sslmode=require {files}"))), TLS);
}

const TITLE: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#;
const DATE: &str = r#""at":{"type":"date","isOptional":true,"isIndexed":false}"#;
const TEXT: &str = r#""at":{"type":"string","isOptional":true,"isIndexed":false}"#;

fn tasks(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"tasks":{{"fields":{{{fields}}},"relations":{{}}}}}},
          "identityRoles":[]}}"#
    ))
}

/// Migrates to a schema with every approval.
fn migrate(address: &str, next: &Schema) {
    let mut database = Database::connect(address, "public").expect("a session");
    let prev = current(&mut database, None).expect("a schema").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("no hints");
    let mut plan = plan_for(&mut database, &diff, &Backfills::default(), true).expect("a plan");
    let ids: Vec<_> = plan.body.approvals_needed.iter().map(|one| one.id.clone()).collect();
    ids.iter().for_each(|id| plan.approve(id, None).expect("an approval"));
    apply(&mut database, &plan, Timeouts::default()).unwrap_or_else(|error| panic!("{error}"));
}

/// The dates that texts become on a server with a setting.
fn converted(setting: &str) -> Vec<String> {
    let server = Server::shared().database();
    migrate(&server.address(), &tasks(&format!("{TITLE},{TEXT}")));
    let rows = "INSERT INTO tasks (id, organization_id, title, at) VALUES \
        ('1', 'o', '', '01/02/2024'), ('2', 'o', '', '13.02.2024'), ('3', 'o', '', '2024-02-01'), \
        ('4', 'o', '', '2024-02-01 10:00'), ('5', 'o', '', '0044-03-15 BC'), \
        ('6', 'o', '', '12345-01-01'), ('7', 'o', '', '2024-02-01T00:00:00+02:00')";
    let mut admin = server.admin();
    admin.run(rows).expect("rows");
    admin.run(&format!("ALTER DATABASE {} SET {setting}", server.name())).expect("a setting");
    migrate(&server.address(), &tasks(&format!("{TITLE},{DATE}")));
    let sql =
        "SELECT coalesce(extract(epoch FROM at)::bigint::text, 'lost') FROM tasks ORDER BY id";
    server.admin().texts(sql)
}

#[test]
fn text_becomes_the_same_date_on_every_server() {
    // The order of day and month, dates before Christ and those after 9999 are lost, everywhere.
    let wanted = ["lost", "lost", "1706745600", "1706781600", "lost", "lost", "1706738400"]
        .map(str::to_owned);
    for setting in ["DateStyle = 'ISO, DMY'", "DateStyle = 'SQL, MDY'", "TimeZone = 'Asia/Tokyo'"] {
        assert_eq!(converted(setting), wanted, "{setting}");
    }
}

#[test]
fn limits_of_the_role_do_not_stop_a_migration() {
    let server = Server::shared().database();
    for setting in
        ["statement_timeout = '1ms'", "lock_timeout = '1ms'", "idle_session_timeout = '10ms'"]
    {
        let set = format!("ALTER ROLE {} SET {setting}", server.owner());
        server.admin().run(&set).expect("a setting");
    }
    migrate(&server.address(), &tasks(TITLE));
    let mut database = Database::connect(&server.address(), "public").expect("a session");
    assert_eq!(drift(&mut database, &tasks(TITLE), true), Ok(Vec::new()));
}

#[test]
fn reading_needs_only_the_right_to_read() {
    let server = Server::shared().database();
    migrate(&server.address(), &tasks(TITLE));
    let reader = format!("{}_reader", server.owner());
    let grant = format!(
        "CREATE ROLE {reader} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"
    );
    server.admin().run(&grant).expect("a role");
    let address = server.address().replace(server.owner(), &reader);
    let mut database = Database::connect(&address, "public").expect("a session");
    let prev = current(&mut database, None).expect("a schema").schema;
    assert_eq!(drift(&mut database, &tasks(TITLE), true), Ok(Vec::new()));
    let next = tasks(&format!("{TITLE},{DATE}"));
    let diff = diff(prev.as_ref(), &next, &Hints::default()).expect("no hints");
    plan_for(&mut database, &diff, &Backfills::default(), true).expect("a plan");
}
