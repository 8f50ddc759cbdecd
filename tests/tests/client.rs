//! The Rust client against the coordinator, both in this process.
#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails loudly, and its models are no API"
)]

use ablo::client::{ChangeKind, Changes, Client, ErrorKind, IfClaimed};
use ablo::wire::{Activity, Delta, SyncId};
use ablo::{Model as _, Row, define_schema};
use ablo_server::app::{App as Coordinator, CoordinatorOptions};
use ablo_server::store::{DbPath, Sqlite};
use ablo_tests::network::{failing, proxy};
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

define_schema! {
    pub schema App {
        #[ablo(key = "weatherReports", mutable)]
        pub struct WeatherReport {
            pub location: String,
            pub status: Status,
            pub forecast: Option<String>,
            pub confidence: Option<f64>,
        }

        #[ablo(key = "stations", mutable)]
        pub struct Station {
            pub name: String,
        }

        pub enum Status {
            Pending,
            Ready,
        }
    }
}

/// How long anything may take here.
const SOON: Duration = Duration::from_secs(10);

struct World {
    url: String,
    key: String,
    coordinator: Arc<Coordinator>,
}

async fn world() -> World {
    let document = App::SCHEMA.to_json().expect("a schema");
    let schema = ablo_schema::front::json::read(&document).schema.expect("a schema");
    let store = Arc::new(Sqlite::open(&DbPath::Memory, &schema).expect("a store"));
    let coordinator = Coordinator::new(&schema, store, CoordinatorOptions::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = ablo_server::router(Arc::clone(&coordinator));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let key = coordinator.secret_key("acme", "test").await.expect("a key");
    World { url, key, coordinator }
}

impl World {
    async fn system(&self) -> Client {
        Client::connect(&self.url, self.key.as_str()).await.expect("connects")
    }

    async fn agent(&self, id: &str) -> Client {
        Client::connect(&self.url, self.key.as_str()).agent(id).await.expect("connects")
    }

    async fn user(&self, id: &str) -> Client {
        Client::connect(&self.url, self.key.as_str()).user(id).await.expect("connects")
    }
}

async fn soon<T>(what: impl std::future::IntoFuture<Output = T>) -> T {
    timeout(SOON, what).await.expect("it happens soon")
}

async fn stockholm(client: &Client) {
    let create = WeatherReport::create("Stockholm", Status::Pending).id("stockholm");
    client.model::<WeatherReport>().create(create).await.expect("created");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_created_read_changed_and_deleted() {
    let world = world().await;
    let client: AppClient = App::connect(&world.url, world.key.as_str()).await.expect("connects");
    let reports = client.weather_reports();
    let create = WeatherReport::create("Oslo", Status::Pending)
        .with(|it| it.forecast("Rain").confidence(0.5));
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
    let gone = reports.retrieve(&created.id).await.expect_err("it is gone");
    assert!(gone.is_not_found() && !gone.retryable(), "{gone}");
    assert!(gone.request_id().is_some_and(|id| id.starts_with("req_")), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_pages_and_queries_have_conditions() {
    let client = world().await.system().await;
    let reports = client.model::<WeatherReport>();
    let mut commit = client.commit();
    for at in 0..7 {
        let status = if at % 2 == 0 { Status::Ready } else { Status::Pending };
        let create = WeatherReport::create(format!("Town {at}"), status)
            .with(|it| it.confidence(f64::from(at)));
        commit = commit.create(create.id(format!("r{at}")));
    }
    commit.await.expect("all of them");

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
        .expect_err("pages know no null");
    assert_eq!((refused.code(), refused.kind()), ("invalid_request", &ErrorKind::Invalid));
}

fn ids(rows: &[Row<WeatherReport>]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_applied_once_and_whole() {
    let client = world().await.system().await;
    let reports = client.model::<WeatherReport>();
    stockholm(&client).await;
    let write = || {
        client
            .commit()
            .update("stockholm", WeatherReport::patch().forecast("Sun"))
            .idempotency_key("once")
    };
    let (first, second) = (write().await.expect("applied"), write().await.expect("known again"));
    assert_eq!(first, second);
    let other = client.commit().delete::<WeatherReport>("stockholm").idempotency_key("once").await;
    assert_eq!(other.expect_err("another commit").code(), "idempotency_conflict");

    let half = client
        .commit()
        .create(Station::create("Arlanda").id("arlanda"))
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
async fn people_and_agents_edit_one_row() {
    let world = world().await;
    let (ada, writer, reviewer) =
        (world.user("ada").await, world.agent("writer").await, world.agent("reviewer").await);
    stockholm(&world.system().await).await;
    let (by_ada, by_writer) = (ada.model::<WeatherReport>(), writer.model::<WeatherReport>());
    let mut observer = world.system().await.presence().expect("a connection");
    let mut seen =
        soon(world.system().await.model::<WeatherReport>().changes()).await.expect("a stream");

    let old = by_writer.retrieve("stockholm").await.expect("read");
    let held = soon(by_ada.claim("stockholm").action("typing")).await.expect("free");
    soon(wait_for(&mut observer, |who| {
        who.holder::<WeatherReport>("stockholm").is_some_and(|claim| claim.action == "typing")
    }))
    .await;

    // An agent that does not want to wait yields.
    let yields = soon(by_writer.claim("stockholm").wait(false)).await.expect_err("it is held");
    let ErrorKind::Claimed(holder) = yields.kind() else { panic!("{yields:?}") };
    assert_eq!((yields.code(), holder.held_by.as_deref()), ("entity_claimed", Some("ada")));
    // Nor may it write past the claim.
    let past = by_writer
        .update("stockholm", WeatherReport::patch().forecast("Fog"))
        .await
        .expect_err("it is held");
    assert!(
        matches!(past.kind(), ErrorKind::Claimed(_)) && past.request_id().is_some(),
        "{past:?}"
    );
    assert_eq!(
        by_writer.claim_queue("stockholm").state().await.expect("a state").map(|claim| claim.actor),
        Some("ada".into())
    );
    let fails =
        by_writer.retrieve("stockholm").if_claimed(IfClaimed::Fail).await.expect_err("it is held");
    assert_eq!(fails.code(), "model_claimed");

    // Another waits, and gets the row as ada left it.
    let waits = tokio::spawn({
        let reports = reviewer.model::<WeatherReport>();
        async move { reports.claim("stockholm").await }
    });
    soon(wait_for(&mut observer, |who| who.queue::<WeatherReport>("stockholm").len() == 1)).await;
    held.update(WeatherReport::patch().forecast("Rain")).await.expect("written");
    held.update(WeatherReport::patch().forecast("Heavy rain")).await.expect("written again");
    held.release().await.expect("released");
    let granted = soon(waits).await.expect("no panic").expect("granted");
    assert_eq!(granted.row().forecast.as_deref(), Some("Heavy rain"));
    drop(granted);

    // ChangeKind the writer read first is out of date by now.
    let free = by_writer.retrieve("stockholm").if_claimed(IfClaimed::Wait(SOON));
    soon(free).await.expect("it is free soon");
    let stale = by_writer
        .update("stockholm", WeatherReport::patch().forecast("Sun"))
        .read_at(old.stamp)
        .await;
    let stale = stale.expect_err("it moved");
    let ErrorKind::Stale(why) = stale.kind() else { panic!("{stale:?}") };
    let [conflict] = why.conflicts.as_slice() else { panic!("{why:?}") };
    assert_eq!(conflict.conflicting_fields, ["forecast"]);
    let now = conflict.row::<WeatherReport>().expect("a row").expect("it is there");
    assert_eq!(now.forecast.as_deref(), Some("Heavy rain"));
    by_writer
        .update("stockholm", WeatherReport::patch().confidence(0.9))
        .read_at(old.stamp)
        .await
        .expect("another field");

    let forecasts: Vec<Option<String>> = soon(
        seen.by_ref()
            .take(3)
            .map_ok(|change| match change.kind {
                ChangeKind::Updated(row) => row.data.forecast,
                other => panic!("{other:?}"),
            })
            .try_collect(),
    )
    .await
    .expect("changes");
    assert_eq!(
        forecasts,
        [Some("Rain".to_owned()), Some("Heavy rain".to_owned()), Some("Heavy rain".to_owned())]
    );
}

async fn wait_for(
    presence: &mut ablo::client::Presence,
    so: impl Fn(&ablo::client::Presence) -> bool,
) {
    while !so(presence) {
        presence.changed().await.expect("a connection");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_waiting_leaves_the_line() {
    for http_only in [false, true] {
        let world = world().await;
        stockholm(&world.system().await).await;
        let connect = |id: &str| {
            let connect = Client::connect(&world.url, world.key.as_str()).agent(id);
            if http_only { connect.http_only() } else { connect }
        };
        let (one, two) =
            (connect("one").await.expect("connects"), connect("two").await.expect("connects"));
        let row = |client: &Client| client.model::<WeatherReport>().claim("stockholm");
        let line = world.system().await.model::<WeatherReport>().claim_queue("stockholm");
        let held = soon(row(&one)).await.expect("free");

        let waits = timeout(Duration::from_millis(700), row(&two)).await;
        assert!(waits.is_err(), "it waits");
        soon(until(|| async { line.queue().await.expect("a queue").is_empty() })).await;
        let late = row(&two).timeout(Duration::from_millis(400)).await.expect_err("not free");
        assert_eq!(late.code(), "grant_timeout");

        // A handle that is dropped gives the row up.
        drop(held);
        soon(until(|| async { line.state().await.expect("a state").is_none() })).await;
        let next = soon(row(&two)).await.expect("free");
        next.update(WeatherReport::patch().forecast("Rain")).await.expect("written");
        next.release().await.expect("released");
        assert!(line.state().await.expect("a state").is_none());
    }
}

async fn until<F: Future<Output = bool>>(so: impl Fn() -> F) {
    while !so().await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_renews_itself_and_a_crashed_holder_is_reaped() {
    for http_only in [false, true] {
        let world = world().await;
        stockholm(&world.system().await).await;
        let proxy = proxy(&world.url).await;
        let connect = Client::connect(&proxy.url, world.key.as_str()).agent("crashes").attempts(1);
        let crashes =
            if http_only { connect.http_only() } else { connect }.await.expect("connects");
        let next = world.agent("next").await;
        let ttl = Duration::from_secs(1);
        let held =
            soon(crashes.model::<WeatherReport>().claim("stockholm").ttl(ttl)).await.expect("free");
        tokio::time::sleep(3 * ttl).await;
        assert!(held.is_held(), "it was renewed");
        held.update(WeatherReport::patch().forecast("Rain")).await.expect("it was renewed");

        let waits = tokio::spawn({
            let reports = next.model::<WeatherReport>();
            async move { reports.claim("stockholm").await }
        });
        soon(until(|| async {
            !next
                .model::<WeatherReport>()
                .claim_queue("stockholm")
                .queue()
                .await
                .expect("a queue")
                .is_empty()
        }))
        .await;
        proxy.close();
        let granted = soon(waits).await.expect("no panic").expect("the holder was reaped");
        let lost = soon(held.lost()).await;
        assert_eq!((lost.code(), lost.kind()), ("claim_lost", &ErrorKind::ClaimLost), "{lost}");
        assert!(!held.is_held());
        let late =
            held.update(WeatherReport::patch().forecast("Sun")).await.expect_err("it is lost");
        assert_eq!(late.kind(), &ErrorKind::ClaimLost);
        assert_eq!(granted.row().forecast.as_deref(), Some("Rain"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_outlives_a_cut_connection() {
    let world = world().await;
    stockholm(&world.system().await).await;
    let proxy = proxy(&world.url).await;
    let client =
        Client::connect(&proxy.url, world.key.as_str()).agent("writer").await.expect("connects");
    let held = soon(client.model::<WeatherReport>().claim("stockholm")).await.expect("free");
    for _ in 0..3 {
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(held.is_held());
    held.update(WeatherReport::patch().forecast("Rain")).await.expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_comes_once_and_in_order_over_cut_connections() {
    let world = world().await;
    let proxy = proxy(&world.url).await;
    let observer = Client::connect(&proxy.url, world.key.as_str()).await.expect("connects");
    // The log is empty: also its beginning is a place to resume from.
    let mut changes: Changes<Delta> = soon(observer.changes()).await.expect("a stream");
    assert_eq!(changes.position(), SyncId(0));
    proxy.cut();
    let client = world.system().await;
    let writes = tokio::spawn(async move {
        for at in 0..120 {
            let create = Station::create(format!("Station {at}")).id(format!("s{at}"));
            client.model::<Station>().create(create).await.expect("created");
            if at % 20 == 19 {
                proxy.cut();
            }
        }
        proxy
    });
    let mut seen = Vec::new();
    while seen.len() < 60 {
        seen.push(soon(changes.next()).await.expect("more").expect("a change"));
    }
    // Another stream goes on where this one stood.
    let position = changes.position();
    assert_eq!(Some(position), seen.last().map(|delta| delta.id));
    drop(changes);
    let mut changes = soon(observer.changes().from(position)).await.expect("a stream");
    while seen.len() < 120 {
        seen.push(soon(changes.next()).await.expect("more").expect("a change"));
    }
    let _proxy = soon(writes).await.expect("no panic");
    let expected: Vec<String> = (0..120).map(|at| format!("s{at}")).collect();
    assert_eq!(seen.iter().map(|delta| delta.model_id.clone()).collect::<Vec<_>>(), expected);
    assert!(seen.windows(2).all(|pair| pair[0].id < pair[1].id));

    let early = timeout(Duration::from_millis(300), changes.next()).await;
    assert!(early.is_err(), "nothing comes twice: {early:?}");
    let ahead =
        soon(observer.changes().from(SyncId(1_000_000))).await.expect_err("the log is shorter");
    assert_eq!(ahead.code(), "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_tells_when_it_is_out_of_date() {
    let client = world().await.system().await;
    stockholm(&client).await;
    client
        .model::<Station>()
        .create(Station::create("Arlanda").id("arlanda"))
        .await
        .expect("created");
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

    client
        .model::<Station>()
        .create(Station::create("Bromma").id("bromma"))
        .await
        .expect("created");
    assert!(timeout(Duration::from_millis(300), snapshot.changed()).await.is_err(), "another row");
    client
        .model::<Station>()
        .update("arlanda", Station::patch().name("ARN"))
        .await
        .expect("written");
    let change = soon(snapshot.changed()).await.expect("a change");
    assert_eq!(
        (change.model_name.as_str(), change.model_id.as_str()),
        (Station::DESCRIPTOR.type_name, "arlanda")
    );
    client
        .commit()
        .delete::<Station>("arlanda")
        .read_at(snapshot.stamp())
        .await
        .expect("own writes are no conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_seen_and_ends() {
    let world = world().await;
    let (ada, writer) = (world.user("ada").await, world.agent("writer").await);
    let mut seen = ada.presence().expect("a connection");
    let shown = writer.presence().expect("a connection");
    shown.report(Activity::new("weatherReports", "stockholm", "reading")).expect("said");
    let reads = |who: &ablo::client::Presence| {
        let mut others = who.others().into_iter();
        others.any(|peer| {
            peer.user_id.as_deref() == Some("agent:writer")
                && peer.activity.is_some_and(|activity| activity.action == "reading")
        })
    };
    soon(wait_for(&mut seen, reads)).await;
    assert!(ada.peers().await.expect("a roster").iter().any(|peer| peer.user_id == "writer"));
    drop((shown, writer));
    let gone = |who: &ablo::client::Presence| {
        who.others().iter().all(|peer| peer.user_id.as_deref() != Some("agent:writer"))
    };
    soon(wait_for(&mut seen, gone)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_cover_what_they_say_and_end() {
    let world = world().await;
    let system = world.system().await;
    stockholm(&system).await;
    let session = system
        .sessions()
        .agent("reader")
        .can::<WeatherReport>([ablo::client::Permission::Read])
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

    let mut changes = soon(reader.changes()).await.expect("a stream");
    assert!(system.sessions().end(&session.id).await.expect("ended"));
    let over = soon(changes.next()).await.expect("a last item").expect_err("it is over");
    assert_eq!(over.kind(), &ErrorKind::Authentication, "{over}");
    assert!(soon(changes.next()).await.is_none());
    let refused =
        reader.model::<WeatherReport>().retrieve("stockholm").await.expect_err("it is over");
    assert_eq!((refused.status(), refused.kind()), (Some(401), &ErrorKind::Authentication));
    let unknown = Client::connect(&world.url, "sk_test_nobody").await.expect_err("no such key");
    assert!(!unknown.retryable() && !unknown.help().is_empty(), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_fetched_again() {
    let world = world().await;
    let (coordinator, key) = (Arc::clone(&world.coordinator), world.key.clone());
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let fetched = ablo::client::Credential::fetched(move || {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        let (coordinator, key) = (Arc::clone(&coordinator), key.clone());
        async move {
            drop(coordinator);
            Ok(if first { "sk_test_old".to_owned() } else { key })
        }
    });
    let client = Client::connect(&world.url, fetched).await.expect("connects with the second");
    stockholm(&client).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_passes_is_tried_again() {
    let world = world().await;
    let (url, calls) = failing(&world.url, 3).await;
    // Two of three failures are in the way of connecting, the third of the write.
    let client = Client::connect(&url, world.key.as_str())
        .attempts(4)
        .await
        .expect("the fourth attempt succeeds");
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    let before = calls.load(Ordering::Relaxed);
    let missing = client.model::<WeatherReport>().retrieve("nowhere").await.expect_err("not there");
    assert!(missing.is_not_found());
    assert_eq!(calls.load(Ordering::Relaxed), before + 1, "a refusal is not repeated");
    let (url, calls) = failing(&world.url, 100).await;
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
