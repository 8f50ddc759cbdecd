//! Runs `ablo source` and a coordinator with a Data Source, as processes on PostgreSQL.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", feature = "database", unix))]

use crate::support::TestDir;
use crate::support::coordinator::{
    SOURCE_KEY, ServerProcess, endpoint_that_accepts_everything, try_commit,
};
use ablo_tests::postgres::{Database, Server};
use ablo_tests::source::{Application, RequestStage};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const KEY: &str = "sk_test_0123456789abcdef0123456789abcdef";

fn mutable() -> String {
    crate::support::SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1)
}

/// Returns a free port.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port()
}

/// Creates a database with an application's tables.
fn application(dir: &TestDir) -> Database<'static> {
    let database = Server::shared().database();
    dir.put("schema.json", mutable());
    let ran = dir.run(&["migrate", "apply", "schema.json", "--database-url", &database.address()]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    database
}

fn test(dir: &TestDir, args: &[&str]) -> crate::support::RunOutput {
    dir.command(args).env("ABLO_SOURCE_KEY", SOURCE_KEY).output().expect("ablo starts").into()
}

#[test]
fn a_served_adapter_passes_the_conformance_kit() {
    let dir = TestDir::empty();
    let database = application(&dir);
    let address = database.address();
    let ran = dir.run(&["source", "install-triggers", "schema.json", "--database-url", &address]);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (0, "installed triggers that record every change\n"),
        "{}",
        ran.err
    );
    let args =
        ["source", "serve", "schema.json", "--database-url", &address, "--listen", "127.0.0.1:0"];
    let source = ServerProcess::start(&dir, &args, Some(KEY));
    let url = format!("http://{}/api/ablo/source", source.address);
    let reports = ["--report", "junit=report.xml", "--report", "json=report.json"];
    let ran = test(&dir, &[&["source", "test", &url, "schema.json"][..], &reports].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.ends_with("24 checks of `projects`: 24 passed, 0 failed, 0 skipped\n"),
        "{}",
        ran.out
    );
    let xml = dir.get("report.xml");
    assert!(xml.contains(r#"tests="24" skipped="0" errors="0" failures="0""#), "{xml}");
    assert!(
        xml.contains(r#"<testcase name="unsigned messages are refused" classname="projects""#),
        "{xml}"
    );
    let json: serde_json::Value = serde_json::from_str(&dir.get("report.json")).expect("JSON");
    assert_eq!(
        (&json["passed"], &json["failed"], &json["model"]),
        (&24.into(), &0.into(), &"projects".into())
    );

    // Checks of features that the endpoint lacks can be skipped.
    let output = [
        "--format",
        "json",
        "--model",
        "projects",
        "--row",
        r#"{"name":"a"}"#,
        "--shared",
        "--no-events",
    ];
    let ran = test(&dir, &[&["source", "test", &url][..], &output].concat());
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(
        (ran.status, &json["skipped"], &json["failed"]),
        (0, &2.into(), &0.into()),
        "{}",
        ran.out
    );
    // An unknown key is rejected.
    let mut other = dir.command(&["source", "test", &url, "schema.json"]);
    let ran: crate::support::RunOutput =
        other.env("ABLO_SOURCE_KEY", "sk_test_of_others").output().expect("ablo starts").into();
    assert!(ran.status == 1 && ran.err.contains("source_signature_invalid"), "{}", ran.err);
    assert_eq!(source.stop(), Some(0));
}

#[test]
fn print_does_not_install_triggers() {
    let dir = TestDir::empty();
    let database = application(&dir);
    let ran = dir.run(&[
        "source",
        "install-triggers",
        "schema.json",
        "--database-url",
        &database.address(),
        "--print",
    ]);
    assert!(
        ran.status == 0 && ran.out.contains("CREATE OR REPLACE TRIGGER ablo_capture AFTER"),
        "{}{}",
        ran.out,
        ran.err
    );
    let found =
        database.session().texts("SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal");
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn an_endpoint_that_does_nothing_fails_every_check() {
    let dir = TestDir::empty();
    dir.put("schema.json", mutable());
    let url = endpoint_that_accepts_everything();
    let ran = test(&dir, &["source", "test", &url, "schema.json", "--report", "junit=report.xml"]);
    assert!(
        ran.status == 1 && ran.err.contains("ablo::data_source::failed"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert!(dir.get("report.xml").contains("<failure message="), "{}", dir.get("report.xml"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bad/data_source.failed");
    insta::with_settings!({
        snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true
    }, {
        insta::assert_snapshot!("diagnostics", format!("exit {}\n{}", ran.status, ran.err));
    });
}

#[test]
fn invalid_sources_are_refused() {
    let dir = TestDir::empty();
    let database = application(&dir);
    let other = r#"{"v":3,"identityRoles":[],"models":{"planets":{"relations":{},"fields":{}}}}"#;
    dir.put("other.json", other);
    let ran = test(&dir, &["source", "serve", "other.json", "--database-url", &database.address()]);
    assert!(
        ran.status == 2 && ran.err.contains("ablo::data_source::schema_mismatch"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("table `planets` does not exist"), "{}", ran.err);
    let ran = test(&dir, &["source", "test", "http://127.0.0.1:9/", "schema.json"]);
    assert!(ran.status == 2 && ran.err.contains("ablo::data_source::unreachable"), "{}", ran.err);
    let ran = test(&dir, &["source", "test", "http://127.0.0.1:9/", "other.json"]);
    assert!(ran.status == 2 && ran.err.contains("--row"), "{}", ran.err);
    let serve = [
        "serve",
        "schema.json",
        "--database-url",
        "rows.db",
        "--source",
        "main=http://127.0.0.1:9/",
    ];
    let ran = test(&dir, &[&serve[..], &["--source-models", "planets"]].concat());
    assert!(ran.status == 2 && ran.err.contains("`planets`"), "{}", ran.err);
}

/// Runs a query as an organisation.
fn texts(database: &Database<'static>, sql: &str) -> Vec<String> {
    let mut session = database.session();
    session.run("SET app.current_org_id = 'main'").expect("a setting");
    session.texts(sql)
}

/// Commits two rows, and retries until the commit is confirmed.
fn commit(address: &str, ids: &[String; 2], until: Instant) {
    while try_commit(address, KEY, ids).is_none() {
        assert!(Instant::now() < until, "{ids:?} is never confirmed");
        std::thread::sleep(Duration::from_millis(40));
    }
}

#[test]
fn killed_processes_lose_and_duplicate_nothing() {
    let dir = TestDir::empty();
    let (own, hosted) = (application(&dir), Server::shared().database());
    let (own_address, hosted_address) = (own.address(), hosted.address());
    let triggers =
        dir.run(&["source", "install-triggers", "schema.json", "--database-url", &own_address]);
    assert_eq!(triggers.status, 0, "{}", triggers.err);
    let [at_source, at_coordinator] = [(); 2].map(|()| format!("127.0.0.1:{}", port()));
    let source_args =
        ["source", "serve", "schema.json", "--database-url", &own_address, "--listen", &at_source];
    let source_url = format!("main=http://{at_source}/api/ablo/source");
    let serve = [
        "serve",
        "schema.json",
        "--database-url",
        &hosted_address,
        "--listen",
        &at_coordinator,
        "--source",
        &source_url,
    ];
    let mut processes = [
        ServerProcess::start(&dir, &source_args, Some(KEY)),
        ServerProcess::start(&dir, &serve, Some(KEY)),
    ];
    let (ended, until) = (AtomicBool::new(false), Instant::now() + Duration::from_secs(120));
    let rounds = if std::env::var_os("ABLO_LONG").is_some() { 40 } else { 6 };
    let mut written: Vec<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (ended, address) = (&ended, &at_coordinator);
                scope.spawn(move || {
                    let mut done = Vec::new();
                    for at in 0.. {
                        let ids = [format!("a-{writer}-{at}"), format!("b-{writer}-{at}")];
                        commit(address, &ids, until);
                        done.extend(ids);
                        if ended.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    done
                })
            })
            .collect();
        for round in 0..rounds {
            std::thread::sleep(Duration::from_millis(180 + 70 * (round % 5)));
            let which = usize::try_from(round % 2).expect("small");
            processes[which].kill();
            // Changes by other programs are recorded even while no process runs.
            let row = format!("('ext-{round}', 'main', 'by hand', now(), now())");
            let columns = "id, organization_id, name, created_at, updated_at";
            let mut session = own.session();
            session
                .run(&format!(
                    "SET app.current_org_id = 'main'; INSERT INTO projects ({columns}) VALUES {row}"
                ))
                .expect("a row");
            let args: &[&str] = if which == 0 { &source_args } else { &serve };
            processes[which] = ServerProcess::start(&dir, args, Some(KEY));
        }
        ended.store(true, Ordering::Relaxed);
        writers.into_iter().flat_map(|writer| writer.join().expect("it exits")).collect()
    });
    written.extend((0..rounds).map(|round| format!("ext-{round}")));
    written.sort();
    assert!(written.len() > 30, "only {} rows", written.len());
    let rows = |database| texts(database, "SELECT id FROM projects ORDER BY id COLLATE \"C\"");
    assert_eq!(rows(&own), written, "every write is in the application's table exactly once");
    let deltas = "SELECT model_id || ' ' || count(*) FROM sync_deltas WHERE action_type = 'I' \
                  GROUP BY model_id ORDER BY model_id COLLATE \"C\"";
    let expected: Vec<String> = written.iter().map(|id| format!("{id} 1")).collect();
    while texts(&hosted, deltas) != expected {
        assert!(Instant::now() < until, "the log has {:?}", texts(&hosted, deltas));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(rows(&hosted), written, "the mirror is complete");
    // A later change is behind all repeated events in the outbox.
    own.session()
        .run(
            "SET app.current_org_id = 'main'; UPDATE projects SET name = 'last' WHERE id = 'ext-0'",
        )
        .expect("a change");
    let count = "SELECT count(*)::text FROM sync_deltas";
    let last = "SELECT count(*)::text FROM sync_deltas WHERE action_type = 'U'";
    self::until("the last change", || texts(&hosted, last) == ["1"]);
    assert_eq!(texts(&hosted, deltas), expected, "no delta is repeated");
    assert_eq!(texts(&hosted, count), [(written.len() + 1).to_string()]);
    assert_eq!(processes.map(ServerProcess::stop), [Some(0), Some(0)]);
}

/// Waits until a condition holds.
fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < end, "timeout: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn small_clock_skew_is_tolerated_and_large_skew_reported() {
    let dir = TestDir::empty();
    let (own, hosted) = (application(&dir), Server::shared().database());
    let (own_address, hosted_address) = (own.address(), hosted.address());
    let at = format!("127.0.0.1:{}", port());
    let source_args =
        ["source", "serve", "schema.json", "--database-url", &own_address, "--listen", &at];
    let triggers =
        dir.run(&["source", "install-triggers", "schema.json", "--database-url", &own_address]);
    assert_eq!(triggers.status, 0, "{}", triggers.err);
    let source_url = format!("main=http://{at}/api/ablo/source");
    let serve = [
        "serve",
        "schema.json",
        "--database-url",
        &hosted_address,
        "--listen",
        "127.0.0.1:0",
        "--source",
        &source_url,
    ];
    let coordinator = ServerProcess::start(&dir, &serve, Some(KEY));
    let end = Instant::now() + Duration::from_secs(60);
    let exists =
        |id: &str| coordinator.request("GET", &format!("/v1/models/projects/{id}"), "").0 == 200;
    for (name, ahead) in [("late", -250), ("early", 250)] {
        let mut source = ServerProcess::start_ahead(&dir, &source_args, KEY, ahead);
        commit(&coordinator.address, &[format!("{name}-1"), format!("{name}-2")], end);
        let columns = "id, organization_id, name, created_at, updated_at";
        let row = format!("('{name}-ext', 'main', 'by hand', now(), now())");
        let sql = format!(
            "SET app.current_org_id = 'main'; INSERT INTO projects ({columns}) VALUES {row}"
        );
        own.session().run(&sql).expect("a row");
        until("changes by other programs arrive", || exists(&format!("{name}-ext")));
        source.kill();
    }
    let mut source = ServerProcess::start_ahead(&dir, &source_args, KEY, -900);
    let ids = ["far-1".to_owned(), "far-2".to_owned()];
    assert_eq!(
        try_commit(&coordinator.address, KEY, &ids),
        None,
        "a signature 15 minutes ahead is accepted"
    );
    let (status, output) = coordinator.request("GET", "/api/v1/sources", "");
    assert!(status == 200 && output.contains("source_timestamp_expired"), "{output}");
    let (_, metrics) = coordinator.request("GET", "/metrics", "");
    assert!(metrics.contains(r#"ablo_source_up{organization="main"} 0"#), "{metrics}");
    source.kill();
    let _source = ServerProcess::start(&dir, &source_args, Some(KEY));
    commit(&coordinator.address, &ids, end);
    let deltas = "SELECT model_id || count(*) FROM sync_deltas GROUP BY model_id ORDER BY model_id \
     COLLATE \"C\"";
    let expected =
        ["early-1", "early-2", "early-ext", "far-1", "far-2", "late-1", "late-2", "late-ext"]
            .map(|id| format!("{id}1"));
    until("each row is in the log once", || texts(&hosted, deltas) == expected);
    let rows = texts(&own, "SELECT id || '1' FROM projects ORDER BY id COLLATE \"C\"");
    assert_eq!(rows, expected);
}

/// A process that any thread can kill.
struct Target(std::sync::Mutex<u32>);

impl Target {
    fn kill(&self) {
        let pid = *self.0.lock().expect("a process");
        // Fails if the process has already exited.
        let _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_killed_during_a_commit_loses_and_duplicates_nothing() {
    let dir = TestDir::empty();
    dir.put("schema.json", mutable());
    let (own, hosted) = std::thread::scope(|scope| {
        scope.spawn(|| (application(&dir), Server::shared().database())).join().expect("databases")
    });
    let schema = ablo_tests::postgres::schema(&mutable());
    let adapter =
        ablo_server::adapter::Adapter::postgres(&own.address(), &schema, Default::default())
            .expect("an adapter");
    let application = Application::serve(adapter).await;
    let (hosted_address, source_url) = (hosted.address(), format!("main={}", application.url));
    let serve = [
        "serve",
        "schema.json",
        "--database-url",
        &hosted_address,
        "--listen",
        "127.0.0.1:0",
        "--source",
        &source_url,
    ];
    let mut steps: Vec<(RequestStage, &str, u64)> = Vec::new();
    for kind in ["commit", "events"] {
        steps.push((RequestStage::Received, kind, 0));
        // Also at several delays after the response.
        steps.extend([0, 1, 2, 3, 5, 8].map(|ms| (RequestStage::Handled, kind, ms)));
    }
    let target = Arc::new(Target(std::sync::Mutex::new(0)));
    let mut written = Vec::new();
    tokio::task::block_in_place(|| {
        for (round, (moment, kind, ms)) in steps.into_iter().enumerate() {
            let mut coordinator = ServerProcess::start(&dir, &serve, Some(KEY));
            *target.0.lock().expect("a process") = coordinator.child.id();
            let end = Instant::now() + Duration::from_secs(60);
            // The outbox already has an event to deliver.
            let ids = [0, 1].map(|at| format!("before-{round}-{at}"));
            commit(&coordinator.address, &ids, end);
            written.extend(ids);
            let (once, at) = (AtomicBool::new(false), Arc::clone(&target));
            let hook = move |now: RequestStage, asked: &str| {
                if now == moment && asked == kind && !once.swap(true, Ordering::SeqCst) {
                    let at = Arc::clone(&at);
                    match ms {
                        0 => at.kill(),
                        ms => drop(std::thread::spawn(move || {
                            std::thread::sleep(Duration::from_millis(ms));
                            at.kill();
                        })),
                    }
                }
            };
            *application.faults.hook.lock().expect("a hook") = Some(Box::new(hook));
            let ids = [0, 1].map(|at| format!("step-{round}-{at}"));
            let _unknown = try_commit(&coordinator.address, KEY, &ids);
            coordinator.child.wait().expect("it was killed");
            *application.faults.hook.lock().expect("a hook") = None;
            let coordinator = ServerProcess::start(&dir, &serve, Some(KEY));
            commit(&coordinator.address, &ids, end);
            written.extend(ids);
        }
        let _coordinator = ServerProcess::start(&dir, &serve, Some(KEY));
        written.sort();
        assert_eq!(texts(&own, "SELECT id FROM projects ORDER BY id COLLATE \"C\""), written);
        let deltas = "SELECT model_id || ' ' || count(*) FROM sync_deltas \
                      GROUP BY model_id ORDER BY model_id COLLATE \"C\"";
        let expected: Vec<String> = written.iter().map(|id| format!("{id} 1")).collect();
        until("each row is in the log once", || texts(&hosted, deltas) == expected);
    });
}
