//! `ablo migrate` and `ablo check --database-url` as they are run, on files of SQLite.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(feature = "database")]

mod support;

use ablo_tests::sqlite::catalogue;
use rusqlite::Connection;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{Place, Ran, SCHEMA, codes};

const TEXT: &str = r#""text": { "type": "string", "isOptional": true"#;

fn place() -> Place {
    let place = Place::with_schema();
    place.put("next.json", SCHEMA.replace(r#""text": {"#, r#""body": {"#));
    place
}

fn run(place: &Place, args: &[&str]) -> Ran {
    place
        .command(args)
        .env("ABLO_DATABASE_URL", "sqlite:app.db")
        .output()
        .expect("it starts")
        .into()
}

fn ran(place: &Place, args: &[&str]) -> String {
    let ran = run(place, args);
    assert_eq!(ran.status, 0, "{args:?}: {}{}", ran.out, ran.err);
    ran.out
}

fn by_hand(place: &Place) -> Connection {
    Connection::open(place.path("app.db")).expect("a connection")
}

#[test]
fn from_nothing_to_the_next_schema() {
    let place = place();
    let missing = run(&place, &["migrate", "status", "--format", "json"]);
    assert_eq!(
        (missing.status, codes(&missing)),
        (2, vec!["ablo::database::unreachable".to_owned()])
    );
    // A plan of a file that is not there makes none.
    ran(&place, &["migrate", "plan", "schema.json", "--out", "first.json"]);
    assert!(!place.path("app.db").exists());
    assert!(ran(&place, &["migrate", "apply", "--plan", "first.json"]).starts_with("applied: "));
    assert_eq!(ran(&place, &["migrate", "apply", "schema.json"]), "the database is up to date\n");
    assert!(ran(&place, &["migrate", "status", "schema.json"]).starts_with("up to date: "));
    let behind = run(&place, &["migrate", "status", "next.json", "--format", "json"]);
    assert_eq!((behind.status, codes(&behind)), (1, vec!["ablo::migrate::behind".to_owned()]));

    // The field went and another came: its values are lost, which nobody has approved.
    let refused = run(&place, &["migrate", "apply", "next.json", "--format", "json"]);
    assert_eq!(
        (refused.status, codes(&refused)),
        (1, vec!["ablo::migrate::approval_missing".to_owned()])
    );
    let planned = run(&place, &["migrate", "plan", "next.json", "--out", "plan.json"]);
    assert!(
        planned.status == 1 && planned.out.contains("needs approval `loss:"),
        "{}{}",
        planned.out,
        planned.err
    );
    place.put("changed.json", place.get("plan.json").replace("notes", "notas"));
    let changed = run(&place, &["migrate", "apply", "--plan", "changed.json", "--format", "json"]);
    assert_eq!(
        (changed.status, codes(&changed)),
        (2, vec!["ablo::migrate::plan_changed".to_owned()])
    );
    ran(&place, &["migrate", "approve", "--plan", "plan.json", "--all-of", "loss", "--by", "ada"]);
    assert!(ran(&place, &["migrate", "apply", "--plan", "plan.json"]).starts_with("applied: "));
    assert_eq!(
        ran(&place, &["migrate", "apply", "--plan", "plan.json"]),
        "the plan had been applied before\n"
    );
}

#[test]
fn check_and_drift_say_what_a_file_lacks() {
    let place = place();
    let check =
        |schema, url| run(&place, &["check", schema, "--format", "json", "--database-url", url]);
    drop(by_hand(&place));
    assert_eq!(codes(&check("schema.json", "app.db")), ["ablo::drift::table_missing"; 3]);
    ran(&place, &["migrate", "apply", "schema.json"]);
    assert_eq!(codes(&check("schema.json", "sqlite://app.db")), [""; 0]);
    // A column more does not hinder a program of the schema; one less does.
    assert_eq!(codes(&check("next.json", "app.db")), ["ablo::drift::column_missing"]);
    assert_eq!(ran(&place, &["migrate", "drift"]), "the database is as the schema says\n");
    by_hand(&place).execute_batch("ALTER TABLE notes ADD COLUMN more TEXT").expect("a column");
    let drift = run(&place, &["migrate", "drift", "--format", "json"]);
    assert_eq!((drift.status, codes(&drift)), (1, vec!["ablo::drift::column_extra".to_owned()]));
}

#[test]
fn without_a_database_the_programs_are_written() {
    let place = place();
    let offline = ["migrate", "plan", "--offline", "--dialect", "sqlite"];
    let planned =
        place.run(&[offline.as_slice(), &["schema.json", "next.json", "--out", "plan"]].concat());
    assert_eq!(planned.status, 1, "{}{}", planned.out, planned.err);
    assert_eq!(
        place.run(&[offline.as_slice(), &["schema.json", "--out", "first"]].concat()).status,
        0
    );
    for file in
        ["first/migrate.sql", "first/after-commit.sql", "plan/migrate.sql", "plan/after-commit.sql"]
    {
        by_hand(&place)
            .execute_batch(&place.get(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    ran(&place, &["check", "next.json", "--database-url", "sqlite:app.db"]);
    let shown =
        place.run(&["diff", "schema.json", "next.json", "--format", "sql", "--dialect", "sqlite"]);
    assert_eq!(
        shown.out,
        place.get("plan/migrate.sql") + "\n" + &place.get("plan/after-commit.sql")
    );
    let online = run(&place, &["migrate", "plan", "next.json", "--dialect", "sqlite"]);
    assert_eq!(online.status, 2, "the address says which database it is");
    let pulled = run(&place, &["pull"]);
    assert!(
        pulled.status == 2 && pulled.err.contains("ablo::database::url"),
        "{}{}",
        pulled.out,
        pulled.err
    );
}

#[test]
fn a_run_that_is_killed_at_any_moment_leaves_what_the_next_completes() {
    let place = place();
    place.put("strict.json", SCHEMA.replace(TEXT, &TEXT.replace("true", "false")));
    ran(&place, &["migrate", "apply", "schema.json"]);
    let rows = "INSERT INTO notes (id, organization_id, text) WITH RECURSIVE n(i) AS \
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT 'n' || i, 'o', 'text ' || i FROM n";
    by_hand(&place).execute_batch(rows).expect("rows");
    let before = catalogue(&by_hand(&place));
    let start = fs::read(place.path("app.db")).expect("a file");
    let apply = ["migrate", "apply", "strict.json"];
    let began = Instant::now();
    assert!(ran(&place, &apply).starts_with("applied: "));
    let whole = began.elapsed();
    let after = catalogue(&by_hand(&place));
    assert_ne!(before, after);
    let mut broke_off = 0;
    for eighth in 0..10 {
        for left in ["app.db-journal", "app.db-wal", "app.db-shm"] {
            let _ = fs::remove_file(place.path(left));
        }
        fs::write(place.path("app.db"), &start).expect("the file as it was");
        let mut command = place.command(&apply);
        let mut child = command
            .env("ABLO_DATABASE_URL", "sqlite:app.db")
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(whole * eighth / 8);
        // Where it is done already there is nothing to kill.
        let _ = child.kill();
        child.wait().expect("it ends");
        let found = catalogue(&by_hand(&place));
        assert!(found == before || found == after, "{eighth} eighths of {whole:?}");
        broke_off += u32::from(found == before);
        let said = ran(&place, &apply);
        let expected = if found == before { "applied: " } else { "the database is up to date\n" };
        assert!(said.starts_with(expected), "{eighth} eighths of {whole:?}: {said}");
        assert_eq!(catalogue(&by_hand(&place)), after);
        let kept = "SELECT count(*) FROM notes WHERE text = 'text ' || substr(id, 2)";
        assert_eq!(by_hand(&place).query_row(kept, [], |row| row.get::<_, i64>(0)), Ok(20000));
        let entries = "SELECT count(*) FROM ablo_migrations";
        assert_eq!(by_hand(&place).query_row(entries, [], |row| row.get::<_, i64>(0)), Ok(2));
    }
    assert!(broke_off > 0 && whole > Duration::ZERO);
}

#[test]
fn a_value_that_is_missing_stops_with_its_reason() {
    let place = place();
    place.put("strict.json", SCHEMA.replace(TEXT, &TEXT.replace("true", "false")));
    ran(&place, &["migrate", "apply", "schema.json"]);
    by_hand(&place)
        .execute_batch("INSERT INTO notes (id, organization_id) VALUES ('1', 'o')")
        .expect("a row");
    let planned = run(&place, &["migrate", "plan", "strict.json", "--out", "plan.json"]);
    assert!(
        planned.status == 1 && planned.out.contains("needs a value: notes.text"),
        "{}",
        planned.out
    );
    let stopped = run(&place, &["migrate", "apply", "strict.json", "--format", "json"]);
    assert_eq!(
        (stopped.status, codes(&stopped)),
        (2, vec!["ablo::migrate::made_required".to_owned()])
    );
    place.put("backfills.json", r#"[{ "model": "notes", "field": "text", "value": "empty" }]"#);
    ran(&place, &["migrate", "apply", "strict.json", "--backfills", "backfills.json"]);
    let text =
        by_hand(&place).query_row("SELECT text FROM notes", [], |row| row.get::<_, String>(0));
    assert_eq!(text, Ok("empty".to_owned()));
}
