//! Runs `ablo migrate` and `ablo check --database-url` on SQLite files.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(feature = "database")]

use crate::support::{RunOutput, SCHEMA, TestDir, codes};
use ablo_tests::sqlite::catalogue;
use rusqlite::Connection;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

const TEXT: &str = r#""text": { "type": "string", "isOptional": true"#;

fn dir() -> TestDir {
    let dir = TestDir::with_schema();
    dir.put("next.json", SCHEMA.replace(r#""text": {"#, r#""body": {"#));
    dir
}

fn run(dir: &TestDir, args: &[&str]) -> RunOutput {
    dir.command(args)
        .env("ABLO_DATABASE_URL", "sqlite:app.db")
        .output()
        .expect("ablo starts")
        .into()
}

fn ran(dir: &TestDir, args: &[&str]) -> String {
    let ran = run(dir, args);
    assert_eq!(ran.status, 0, "{args:?}: {}{}", ran.out, ran.err);
    ran.out
}

fn by_hand(dir: &TestDir) -> Connection {
    Connection::open(dir.path("app.db")).expect("a connection")
}

#[test]
fn migrates_an_empty_database_to_the_next_schema() {
    let dir = dir();
    let missing = run(&dir, &["migrate", "status", "--format", "json"]);
    assert_eq!(
        (missing.status, codes(&missing)),
        (2, vec!["ablo::database::file_unreadable".to_owned()])
    );
    // Planning does not create a missing file.
    ran(&dir, &["migrate", "plan", "schema.json", "--out", "first.json"]);
    assert!(!dir.path("app.db").exists());
    assert!(ran(&dir, &["migrate", "apply", "--plan", "first.json"]).starts_with("applied: "));
    assert_eq!(ran(&dir, &["migrate", "apply", "schema.json"]), "the database is up to date\n");
    assert!(ran(&dir, &["migrate", "status", "schema.json"]).starts_with("up to date: "));
    let behind = run(&dir, &["migrate", "status", "next.json", "--format", "json"]);
    assert_eq!((behind.status, codes(&behind)), (1, vec!["ablo::migrate::behind".to_owned()]));

    // A field was replaced by another: its values are lost, which needs an approval.
    let refused = run(&dir, &["migrate", "apply", "next.json", "--format", "json"]);
    assert_eq!(
        (refused.status, codes(&refused)),
        (1, vec!["ablo::migrate::approval_missing".to_owned()])
    );
    let planned = run(&dir, &["migrate", "plan", "next.json", "--out", "plan.json"]);
    assert!(
        planned.status == 1 && planned.out.contains("needs approval `loss:"),
        "{}{}",
        planned.out,
        planned.err
    );
    dir.put("changed.json", dir.get("plan.json").replace("notes", "notas"));
    let changed = run(&dir, &["migrate", "apply", "--plan", "changed.json", "--format", "json"]);
    assert_eq!(
        (changed.status, codes(&changed)),
        (2, vec!["ablo::migrate::plan_changed".to_owned()])
    );
    ran(&dir, &["migrate", "approve", "--plan", "plan.json", "--all-of", "loss", "--by", "ada"]);
    assert!(ran(&dir, &["migrate", "apply", "--plan", "plan.json"]).starts_with("applied: "));
    assert_eq!(
        ran(&dir, &["migrate", "apply", "--plan", "plan.json"]),
        "the plan was already applied\n"
    );
}

#[test]
fn a_file_with_approvers_accepts_only_signed_approvals() {
    let dir = dir();
    let early = run(&dir, &["approver", "list"]);
    assert_eq!(early.status, 2, "{}", early.err);
    ran(&dir, &["migrate", "apply", "schema.json"]);
    let public = ran(&dir, &["approver", "keygen", "--out", "ada.key"]);
    let public = public.trim();
    ran(&dir, &["approver", "add", public, "--name", "ada", "--key", "ada.key"]);
    assert!(ran(&dir, &["approver", "list"]).starts_with(public));
    let planned = run(&dir, &["migrate", "plan", "next.json", "--out", "plan.json"]);
    assert_eq!(planned.status, 1, "{}", planned.err);
    ran(&dir, &["migrate", "approve", "--plan", "plan.json", "--all-of", "loss"]);
    let unsigned = run(&dir, &["migrate", "apply", "--plan", "plan.json"]);
    assert!(
        unsigned.status == 1 && unsigned.err.contains("ablo::migrate::approval_unsigned"),
        "{}{}",
        unsigned.out,
        unsigned.err
    );
    let sign =
        ["migrate", "approve", "--plan", "plan.json", "--all-of", "loss", "--key", "ada.key"];
    assert!(ran(&dir, &sign).contains("signed `loss:"));
    assert!(ran(&dir, &["migrate", "apply", "--plan", "plan.json"]).starts_with("applied: "));
}

#[test]
fn check_and_drift_report_what_a_file_lacks() {
    let dir = dir();
    let check =
        |schema, url| run(&dir, &["check", schema, "--format", "json", "--database-url", url]);
    drop(by_hand(&dir));
    assert_eq!(codes(&check("schema.json", "app.db")), ["ablo::drift::table_missing"; 3]);
    ran(&dir, &["migrate", "apply", "schema.json"]);
    assert_eq!(codes(&check("schema.json", "sqlite://app.db")), [""; 0]);
    // An extra column is compatible with the schema; a missing one is not.
    assert_eq!(codes(&check("next.json", "app.db")), ["ablo::drift::column_missing"]);
    assert_eq!(ran(&dir, &["migrate", "drift"]), "the database matches the schema\n");
    by_hand(&dir).execute_batch("ALTER TABLE notes ADD COLUMN more TEXT").expect("a column");
    let drift = run(&dir, &["migrate", "drift", "--format", "json"]);
    assert_eq!((drift.status, codes(&drift)), (1, vec!["ablo::drift::column_extra".to_owned()]));
}

#[test]
fn offline_plans_write_sql_files() {
    let dir = dir();
    let offline = ["migrate", "plan", "--offline", "--dialect", "sqlite"];
    let planned =
        dir.run(&[offline.as_slice(), &["schema.json", "next.json", "--out", "plan"]].concat());
    assert_eq!(planned.status, 1, "{}{}", planned.out, planned.err);
    assert_eq!(
        dir.run(&[offline.as_slice(), &["schema.json", "--out", "first"]].concat()).status,
        0
    );
    for file in
        ["first/migrate.sql", "first/after-commit.sql", "plan/migrate.sql", "plan/after-commit.sql"]
    {
        by_hand(&dir)
            .execute_batch(&dir.get(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    ran(&dir, &["check", "next.json", "--database-url", "sqlite:app.db"]);
    let shown =
        dir.run(&["diff", "schema.json", "next.json", "--format", "sql", "--dialect", "sqlite"]);
    assert_eq!(shown.out, dir.get("plan/migrate.sql") + "\n" + &dir.get("plan/after-commit.sql"));
    let online = run(&dir, &["migrate", "plan", "next.json", "--dialect", "sqlite"]);
    assert_eq!(online.status, 2, "the address determines the dialect");
    let pulled = run(&dir, &["pull"]);
    assert_eq!(pulled.status, 0, "{}{}", pulled.out, pulled.err);
    assert!(pulled.out.contains("\"tasks\""), "{}", pulled.out);
}

#[test]
fn a_run_killed_at_any_time_is_completed_by_the_next() {
    let dir = dir();
    dir.put("strict.json", SCHEMA.replace(TEXT, &TEXT.replace("true", "false")));
    ran(&dir, &["migrate", "apply", "schema.json"]);
    let rows = "INSERT INTO notes (id, organization_id, text) WITH RECURSIVE n(i) AS \
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT 'n' || i, 'o', 'text ' || \
        i FROM n";
    by_hand(&dir).execute_batch(rows).expect("rows");
    let before = catalogue(&by_hand(&dir));
    let start = fs::read(dir.path("app.db")).expect("a file");
    let apply = ["migrate", "apply", "strict.json"];
    let began = Instant::now();
    assert!(ran(&dir, &apply).starts_with("applied: "));
    let whole = began.elapsed();
    let after = catalogue(&by_hand(&dir));
    assert_ne!(before, after);
    let mut broke_off = 0;
    for eighth in 0..10 {
        for left in ["app.db-journal", "app.db-wal", "app.db-shm"] {
            let _ = fs::remove_file(dir.path(left));
        }
        fs::write(dir.path("app.db"), &start).expect("the file as it was");
        let mut command = dir.command(&apply);
        let mut child = command
            .env("ABLO_DATABASE_URL", "sqlite:app.db")
            .stdout(Stdio::null())
            .spawn()
            .expect("ablo starts");
        std::thread::sleep(whole * eighth / 8);
        // Fails if the process has already exited.
        let _ = child.kill();
        child.wait().expect("it exits");
        let found = catalogue(&by_hand(&dir));
        assert!(found == before || found == after, "{eighth} eighths of {whole:?}");
        broke_off += u32::from(found == before);
        let output = ran(&dir, &apply);
        let expected = if found == before { "applied: " } else { "the database is up to date\n" };
        assert!(output.starts_with(expected), "{eighth} eighths of {whole:?}: {output}");
        assert_eq!(catalogue(&by_hand(&dir)), after);
        let kept = "SELECT count(*) FROM notes WHERE text = 'text ' || substr(id, 2)";
        assert_eq!(by_hand(&dir).query_row(kept, [], |row| row.get::<_, i64>(0)), Ok(20000));
        let entries = "SELECT count(*) FROM ablo_migrations";
        assert_eq!(by_hand(&dir).query_row(entries, [], |row| row.get::<_, i64>(0)), Ok(2));
    }
    assert!(broke_off > 0 && whole > Duration::ZERO);
}

#[test]
fn a_missing_value_stops_with_its_code() {
    let dir = dir();
    dir.put("strict.json", SCHEMA.replace(TEXT, &TEXT.replace("true", "false")));
    ran(&dir, &["migrate", "apply", "schema.json"]);
    by_hand(&dir)
        .execute_batch("INSERT INTO notes (id, organization_id) VALUES ('1', 'o')")
        .expect("a row");
    let planned = run(&dir, &["migrate", "plan", "strict.json", "--out", "plan.json"]);
    assert!(
        planned.status == 1 && planned.out.contains("needs a value: notes.text"),
        "{}",
        planned.out
    );
    let stopped = run(&dir, &["migrate", "apply", "strict.json", "--format", "json"]);
    assert_eq!(
        (stopped.status, codes(&stopped)),
        (2, vec!["ablo::migrate::made_required".to_owned()])
    );
    dir.put("backfills.json", r#"[{ "model": "notes", "field": "text", "value": "empty" }]"#);
    ran(&dir, &["migrate", "apply", "strict.json", "--backfills", "backfills.json"]);
    let text = by_hand(&dir).query_row("SELECT text FROM notes", [], |row| row.get::<_, String>(0));
    assert_eq!(text, Ok("empty".to_owned()));
}
