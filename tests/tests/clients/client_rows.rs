//! The Rust client against a coordinator in this process: rows, commits, changes and credentials.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use ablo::client::{Changes, Client, ErrorKind, Permission};
use ablo::wire::{Delta, SyncId};
use ablo::{Model as _, Row};
use ablo_tests::client::{
    App, AppClient, Station, StationCreate, Status, WeatherReport, WeatherReportCreate, World,
    create_stockholm, in_time,
};
use ablo_tests::network::{flaky_proxy, proxy};
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::timeout;

fn station(name: &str) -> ablo::Create<Station> {
    Station::create(StationCreate { name: name.to_owned() })
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_created_read_updated_and_deleted() {
    let world = World::start().await;
    let client: AppClient = App::connect(&world.url, world.key.as_str()).await.expect("connects");
    let reports = client.weather_reports();
    let required = WeatherReportCreate { location: "Oslo".into(), status: Status::Pending };
    let create = WeatherReport::create(required).with(|it| it.forecast("Rain").confidence(0.5));
    let created = reports.create(create).await.expect("created");
    let read = reports.retrieve(&created.id).await.expect("read");
    assert_eq!((read.data.forecast.as_deref(), read.data.confidence), (Some("Rain"), Some(0.5)));
    assert!(read.stamp >= created.receipt.stamp);

    let patch = WeatherReport::patch().forecast(None).status(Status::Ready);
    let receipt = reports.update(&created.id, patch).read_at(read.stamp).await.expect("updated");
    assert!(receipt.stamp > created.receipt.stamp);
    let row = reports.retrieve(&created.id).await.expect("read").data;
    assert_eq!(
        (row.forecast.as_deref(), row.confidence, &row.status),
        (None, Some(0.5), &Status::Ready)
    );

    reports.delete(&created.id).await.expect("deleted");
    let gone = reports.retrieve(&created.id).await.expect_err("the row is deleted");
    assert!(gone.is_not_found() && !gone.retryable(), "{gone}");
    assert!(gone.request_id().is_some_and(|id| id.starts_with("req_")), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_pages_and_queries_have_conditions() {
    let client = World::start().await.system().await;
    let reports = client.model::<WeatherReport>();
    let mut commit = client.commit();
    for at in 0..7 {
        let status = if at % 2 == 0 { Status::Ready } else { Status::Pending };
        let create =
            WeatherReport::create(WeatherReportCreate { location: format!("Town {at}"), status })
                .with(|it| it.confidence(f64::from(at)));
        commit = commit.create(create.id(format!("r{at}")));
    }
    commit.await.expect("committed");

    let order = WeatherReport::LOCATION.desc();
    let first = reports
        .list()
        .filter(WeatherReport::STATUS.eq(Status::Ready))
        .order_by(order)
        .limit(3)
        .await;
    let first = first.expect("a page");
    assert_eq!(ids(&first.rows), ["r6", "r4", "r2"]);
    let next = first.next.expect("another page");
    let list = reports
        .list()
        .filter(WeatherReport::STATUS.eq(Status::Ready))
        .order_by(WeatherReport::LOCATION.desc());
    let second = list.limit(3).after(next).await.expect("a page");
    assert_eq!((ids(&second.rows), second.next), (vec!["r0"], None));
    let all: Vec<Row<WeatherReport>> =
        reports.list().limit(2).rows().try_collect().await.expect("every row");
    assert_eq!(all.len(), 7);

    let sure = reports.query().filter(WeatherReport::CONFIDENCE.ge(Some(3.0)));
    let sure = sure
        .filter(WeatherReport::STATUS.eq(Status::Pending))
        .order_by(WeatherReport::CONFIDENCE.desc())
        .await;
    assert_eq!(ids(&sure.expect("rows").rows), ["r5", "r3"]);
    let some = reports
        .query()
        .filter(Row::<WeatherReport>::ID.one_of(["r1", "r9", "r2"]))
        .await
        .expect("rows");
    assert_eq!(ids(&some.rows), ["r1", "r2"]);
    assert!(
        reports
            .query()
            .filter(WeatherReport::FORECAST.is_not_null())
            .await
            .expect("rows")
            .rows
            .is_empty()
    );
    let refused = reports
        .list()
        .filter(WeatherReport::FORECAST.eq(None))
        .await
        .expect_err("lists cannot filter by null");
    assert_eq!((refused.code(), refused.kind()), ("invalid_request", &ErrorKind::Invalid));
}

fn ids(rows: &[Row<WeatherReport>]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_applied_once_and_as_a_whole() {
    let client = World::start().await.system().await;
    let reports = client.model::<WeatherReport>();
    create_stockholm(&client).await;
    let write = || {
        client
            .commit()
            .update("stockholm", WeatherReport::patch().forecast("Sun"))
            .idempotency_key("once")
    };
    let (first, second) =
        (write().await.expect("applied"), write().await.expect("a repeated commit"));
    assert_eq!(first, second);
    let other = client.commit().delete::<WeatherReport>("stockholm").idempotency_key("once").await;
    assert_eq!(other.expect_err("another commit").code(), "idempotency_conflict");

    let half = client
        .commit()
        .create(station("Arlanda").id("arlanda"))
        .update("nowhere", WeatherReport::patch().forecast("Snow"))
        .await
        .expect_err("one row is not there");
    assert_eq!(
        (half.code(), half.kind(), half.status()),
        ("entity_not_found", &ErrorKind::NotFound, Some(404))
    );
    assert!(
        client
            .model::<Station>()
            .retrieve("arlanda")
            .await
            .expect_err("nothing was applied")
            .is_not_found()
    );
    assert_eq!(
        reports.retrieve("stockholm").await.expect("read").data.forecast.as_deref(),
        Some("Sun")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_arrive_once_and_in_order_across_reconnects() {
    let world = World::start().await;
    let proxy = proxy(&world.url).await;
    let observer = Client::connect(&proxy.url, world.key.as_str()).await.expect("connects");
    // The log is empty. Its beginning is a valid position to resume from.
    let mut changes: Changes<Delta> = in_time(observer.changes()).await.expect("a stream");
    assert_eq!(changes.position(), SyncId(0));
    proxy.cut();
    let client = world.system().await;
    let writes = tokio::spawn(async move {
        for at in 0..120 {
            let create = station(&format!("Station {at}")).id(format!("s{at}"));
            client.model::<Station>().create(create).await.expect("created");
            if at % 20 == 19 {
                proxy.cut();
            }
        }
        proxy
    });
    let mut seen = Vec::new();
    while seen.len() < 60 {
        seen.push(in_time(changes.next()).await.expect("more").expect("a change"));
    }
    // A new stream resumes at the position of this one.
    let position = changes.position();
    assert_eq!(Some(position), seen.last().map(|delta| delta.id));
    drop(changes);
    let mut changes = in_time(observer.changes().from(position)).await.expect("a stream");
    while seen.len() < 120 {
        seen.push(in_time(changes.next()).await.expect("more").expect("a change"));
    }
    let _proxy = in_time(writes).await.expect("no panic");
    let expected: Vec<String> = (0..120).map(|at| format!("s{at}")).collect();
    assert_eq!(seen.iter().map(|delta| delta.model_id.clone()).collect::<Vec<_>>(), expected);
    assert!(seen.windows(2).all(|pair| pair[0].id < pair[1].id));

    let early = timeout(Duration::from_millis(300), changes.next()).await;
    assert!(early.is_err(), "a change arrived twice: {early:?}");
    let ahead =
        in_time(observer.changes().from(SyncId(1_000_000))).await.expect_err("the log is shorter");
    assert_eq!(ahead.code(), "log_replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_reports_the_first_change() {
    let client = World::start().await.system().await;
    create_stockholm(&client).await;
    client.model::<Station>().create(station("Arlanda").id("arlanda")).await.expect("created");
    let take = client
        .snapshot()
        .rows::<WeatherReport>(["stockholm", "nowhere"])
        .rows::<Station>(["arlanda"]);
    let snapshot = take.await.expect("a snapshot");
    let report = snapshot.get::<WeatherReport>("stockholm").expect("readable").expect("there");
    assert_eq!(report.location, "Stockholm");
    assert_eq!(
        snapshot.get::<Station>("arlanda").expect("readable").expect("there").name,
        "Arlanda"
    );
    assert!(snapshot.get::<WeatherReport>("nowhere").expect("readable").is_none());

    client.model::<Station>().create(station("Bromma").id("bromma")).await.expect("created");
    assert!(timeout(Duration::from_millis(300), snapshot.changed()).await.is_err(), "another row");
    let written = client
        .model::<Station>()
        .update("arlanda", Station::patch().name("ARN"))
        .await
        .expect("written");
    let change = in_time(snapshot.changed()).await.expect("a change");
    assert_eq!(
        (change.model_name.as_str(), change.model_id.as_str()),
        (Station::DESCRIPTOR.type_name, "arlanda")
    );
    let delete = || client.commit().delete::<Station>("arlanda").read_at(snapshot.stamp());
    let stale = delete().await.expect_err("another program may have written");
    assert_eq!(stale.code(), "stale_context");
    delete().after(&written).await.expect("the write that it is based on");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_have_the_given_permissions_and_end() {
    let world = World::start().await;
    let system = world.system().await;
    create_stockholm(&system).await;
    let session = system
        .sessions()
        .agent("reader")
        .can::<WeatherReport>([Permission::Read])
        .await
        .expect("made");
    let reader = Client::connect(&world.url, session.token.as_str()).await.expect("connects");
    assert_eq!(reader.identity().participant_id, "reader");
    reader.model::<WeatherReport>().retrieve("stockholm").await.expect("allowed");
    let refused =
        reader.model::<WeatherReport>().delete("stockholm").await.expect_err("not allowed");
    assert_eq!(
        (refused.code(), refused.kind()),
        ("capability_scope_denied", &ErrorKind::Permission),
        "{refused:?}"
    );

    let mut changes = in_time(reader.changes()).await.expect("a stream");
    assert!(system.sessions().end(&session.id).await.expect("ended"));
    let over =
        in_time(changes.next()).await.expect("a last item").expect_err("the session has ended");
    assert_eq!(over.kind(), &ErrorKind::Authentication, "{over}");
    assert!(in_time(changes.next()).await.is_none());
    let refused = reader
        .model::<WeatherReport>()
        .retrieve("stockholm")
        .await
        .expect_err("the session has ended");
    assert_eq!((refused.status(), refused.kind()), (Some(401), &ErrorKind::Authentication));
    let unknown = Client::connect(&world.url, "sk_test_unknown").await.expect_err("no such key");
    assert!(!unknown.retryable() && !unknown.help().is_empty(), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_fetched_again() {
    let world = World::start().await;
    let (coordinator, key) = (world.coordinator.clone(), world.key.clone());
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let fetched = ablo::client::Credential::fetched(move || {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        let (coordinator, key) = (coordinator.clone(), key.clone());
        async move {
            drop(coordinator);
            Ok(if first { "sk_test_old".to_owned() } else { key })
        }
    });
    let client = Client::connect(&world.url, fetched).await.expect("connects with the second");
    create_stockholm(&client).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_transient_errors_are_retried() {
    let world = World::start().await;
    let (url, calls) = flaky_proxy(&world.url, 3).await;
    // All three failures occur while connecting.
    let client = Client::connect(&url, world.key.as_str())
        .attempts(4)
        .await
        .expect("the fourth attempt succeeds");
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    let before = calls.load(Ordering::Relaxed);
    let missing = client.model::<WeatherReport>().retrieve("nowhere").await.expect_err("not there");
    assert!(missing.is_not_found());
    assert_eq!(calls.load(Ordering::Relaxed), before + 1, "a refusal is not repeated");
    let (url, calls) = flaky_proxy(&world.url, 100).await;
    let down =
        Client::connect(&url, world.key.as_str()).attempts(3).await.expect_err("it stays down");
    assert_eq!(
        (down.code(), down.kind(), down.retryable()),
        ("instance_at_capacity", &ErrorKind::Unavailable, true)
    );
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    for wrong in ["", "weather", "ftp://example.com"] {
        let error = Client::connect(wrong, "sk_test_x").await.expect_err("no address");
        assert_eq!(
            (error.code(), error.kind()),
            ("base_url_missing", &ErrorKind::Invalid),
            "{wrong}"
        );
    }
}
