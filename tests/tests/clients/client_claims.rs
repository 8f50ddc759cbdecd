//! The Rust client against a coordinator in this process: claims, claim queues and presence.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

use ablo::client::{ChangeKind, Client, ErrorKind, IfClaimed, Presence};
use ablo::wire::{Activity, Range};
use ablo_tests::client::{
    App, AppClient, STEP_TIMEOUT, WeatherReport, World, create_stockholm, in_time, poll_until,
    wait_for,
};
use ablo_tests::network::proxy;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn people_and_agents_edit_one_row() {
    let world = World::start().await;
    let (ada, writer, reviewer) =
        (world.user("ada").await, world.agent("writer").await, world.agent("reviewer").await);
    create_stockholm(&world.system().await).await;
    let (by_ada, by_writer) = (ada.model::<WeatherReport>(), writer.model::<WeatherReport>());
    let mut observer = world.system().await.presence().expect("a connection");
    let mut seen =
        in_time(world.system().await.model::<WeatherReport>().changes()).await.expect("a stream");

    let old = by_writer.retrieve("stockholm").await.expect("read");
    let held = in_time(by_ada.claim("stockholm").action("typing")).await.expect("free");
    in_time(wait_for(&mut observer, |who| {
        who.holder::<WeatherReport>("stockholm").is_some_and(|claim| claim.action == "typing")
    }))
    .await;

    // A claim without waiting is refused.
    let refused =
        in_time(by_writer.claim("stockholm").wait(false)).await.expect_err("ada holds it");
    let ErrorKind::Claimed(holder) = refused.kind() else { panic!("{refused:?}") };
    assert_eq!((refused.code(), holder.held_by.as_deref()), ("entity_claimed", Some("ada")));
    // A write without the claim is refused too.
    let blocked = by_writer
        .update("stockholm", WeatherReport::patch().forecast("Fog"))
        .await
        .expect_err("ada holds it");
    assert!(
        matches!(blocked.kind(), ErrorKind::Claimed(_)) && blocked.request_id().is_some(),
        "{blocked:?}"
    );
    assert_eq!(
        by_writer.claim_queue("stockholm").state().await.expect("a state").map(|claim| claim.actor),
        Some("ada".into())
    );
    let fails = by_writer
        .retrieve("stockholm")
        .if_claimed(IfClaimed::Fail)
        .await
        .expect_err("ada holds it");
    assert_eq!(fails.code(), "model_claimed");

    // A waiter gets the row as ada left it.
    let waiting = tokio::spawn({
        let reports = reviewer.model::<WeatherReport>();
        async move { reports.claim("stockholm").await }
    });
    in_time(wait_for(&mut observer, |who| who.queue::<WeatherReport>("stockholm").len() == 1))
        .await;
    held.update(WeatherReport::patch().forecast("Rain")).await.expect("written");
    held.update(WeatherReport::patch().forecast("Heavy rain")).await.expect("written again");
    held.release().await.expect("released");
    let granted = in_time(waiting).await.expect("no panic").expect("granted");
    assert_eq!(granted.row().forecast.as_deref(), Some("Heavy rain"));
    drop(granted);

    // The writer's first read is stale now.
    let free = by_writer.retrieve("stockholm").if_claimed(IfClaimed::Wait(STEP_TIMEOUT));
    in_time(free).await.expect("the claim ended");
    let stale = by_writer
        .update("stockholm", WeatherReport::patch().forecast("Sun"))
        .read_at(old.stamp)
        .await;
    let stale = stale.expect_err("the row has changed");
    let ErrorKind::Stale(stale) = stale.kind() else { panic!("{stale:?}") };
    let [conflict] = stale.conflicts.as_slice() else { panic!("{stale:?}") };
    assert_eq!(conflict.conflicting_fields, ["forecast"]);
    let current = conflict.row::<WeatherReport>().expect("a row").expect("not deleted");
    assert_eq!(current.forecast.as_deref(), Some("Heavy rain"));
    by_writer
        .update("stockholm", WeatherReport::patch().confidence(0.9))
        .read_at(old.stamp)
        .await
        .expect("another field");

    let forecasts: Vec<Option<String>> = in_time(
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

#[tokio::test(flavor = "multi_thread")]
async fn programs_with_one_key_exclude_each_other() {
    for http_only in [false, true] {
        let world = World::start().await;
        create_stockholm(&world.system().await).await;
        let connect = || {
            let connect = Client::connect(&world.url, world.key.as_str());
            if http_only { connect.http_only() } else { connect }
        };
        let (one, two) = (connect().await.expect("connects"), connect().await.expect("connects"));
        let (by_one, by_two) = (one.model::<WeatherReport>(), two.model::<WeatherReport>());
        let held = in_time(by_one.claim("stockholm").action("first")).await.expect("free");
        let refused = in_time(by_two.claim("stockholm").wait(false)).await.expect_err("held");
        assert_eq!(refused.code(), "entity_claimed");
        let rain = || WeatherReport::patch().forecast("Rain");
        let blocked = by_two.update("stockholm", rain()).await.expect_err("held");
        assert_eq!(blocked.code(), "entity_claimed");
        by_one.update("stockholm", rain()).await.expect("a write of the holder beside the handle");
        held.update(WeatherReport::patch().confidence(0.5)).await.expect("under the claim");
        // Each sees the claims of the other only.
        let queues = [&by_one, &by_two].map(|reports| reports.claim_queue("stockholm"));
        assert!(queues[0].state().await.expect("a state").is_none());
        let shown = queues[1].state().await.expect("a state").expect("a holder");
        assert_eq!(shown.action, "first");
        let read = by_two.retrieve("stockholm").if_claimed(IfClaimed::Fail).await;
        assert_eq!(read.expect_err("held").code(), "model_claimed");
        if !http_only {
            let mut peers = two.presence().expect("a connection");
            let holds = |who: &Presence| who.holder::<WeatherReport>("stockholm").is_some();
            in_time(wait_for(&mut peers, holds)).await;
            assert!(peers.others().iter().all(|peer| peer.holder.is_some()));
            let own = one.presence().expect("a connection");
            assert!(!holds(&own), "a client is not its own peer");
        }
        assert!(!queues[1].release().await.expect("an answer"), "another client");
        assert!(held.is_held());
        let waiting = tokio::spawn({
            let reports = two.model::<WeatherReport>();
            async move { reports.claim("stockholm").await }
        });
        in_time(poll_until(|| async { queues[0].queue().await.is_ok_and(|all| all.len() == 1) }))
            .await;
        assert!(queues[0].release().await.expect("an answer"), "its own claim");
        let granted = in_time(waiting).await.expect("no panic").expect("granted");
        granted.update(WeatherReport::patch().forecast("Sun")).await.expect("written");
        granted.release().await.expect("released");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_shows_the_work() {
    let world = World::start().await;
    create_stockholm(&world.system().await).await;
    let connect = App::connect(&world.url, world.key.as_str()).agent("forecaster");
    let app: AppClient = connect.timeout(Duration::from_secs(5)).await.expect("connects");
    let claim = app
        .weather_reports()
        .claim("stockholm")
        .action("forecasting")
        .path("sections/2")
        .range(Range::new(10_u64, 14_u64))
        .ttl(Duration::from_secs(120))
        .timeout(Duration::from_secs(10))
        .await
        .expect("the row is free");
    let queue = world.system().await.model::<WeatherReport>().claim_queue("stockholm");
    let holder = queue.state().await.expect("a state").expect("a holder");
    let target = holder.target.expect("a target");
    assert_eq!(
        (holder.action.as_str(), target.path.as_deref(), target.range),
        ("forecasting", Some("sections/2"), Some(Range::new(10_u64, 14_u64)))
    );
    claim.release().await.expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_waiter_leaves_the_claim_queue() {
    for http_only in [false, true] {
        let world = World::start().await;
        create_stockholm(&world.system().await).await;
        let connect = |id: &str| {
            let connect = Client::connect(&world.url, world.key.as_str()).agent(id);
            if http_only { connect.http_only() } else { connect }
        };
        let (one, two) =
            (connect("one").await.expect("connects"), connect("two").await.expect("connects"));
        let row = |client: &Client| client.model::<WeatherReport>().claim("stockholm");
        let queue = world.system().await.model::<WeatherReport>().claim_queue("stockholm");
        let held = in_time(row(&one)).await.expect("free");

        let waiting = timeout(Duration::from_millis(700), row(&two)).await;
        assert!(waiting.is_err(), "the claim is still held");
        in_time(poll_until(|| async { queue.queue().await.expect("a queue").is_empty() })).await;
        let late = row(&two).timeout(Duration::from_millis(400)).await.expect_err("not free");
        assert_eq!(late.code(), "grant_timeout");

        // Dropping the handle releases the claim.
        drop(held);
        in_time(poll_until(|| async { queue.state().await.expect("a state").is_none() })).await;
        let next = in_time(row(&two)).await.expect("free");
        next.update(WeatherReport::patch().forecast("Rain")).await.expect("written");
        next.release().await.expect("released");
        assert!(queue.state().await.expect("a state").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_renewed_and_that_of_a_crashed_holder_expires() {
    for http_only in [false, true] {
        let world = World::start().await;
        create_stockholm(&world.system().await).await;
        let proxy = proxy(&world.url).await;
        let connect = Client::connect(&proxy.url, world.key.as_str()).agent("crashes").attempts(1);
        let crashes =
            if http_only { connect.http_only() } else { connect }.await.expect("connects");
        let next = world.agent("next").await;
        let ttl = Duration::from_secs(1);
        let held = in_time(crashes.model::<WeatherReport>().claim("stockholm").ttl(ttl))
            .await
            .expect("free");
        // Each renewal moves the end of the lease.
        let other = next.model::<WeatherReport>().claim_queue("stockholm");
        let end = async || other.state().await.expect("a state").expect("held").expires_at;
        for _ in 0..3 {
            let before = end().await;
            in_time(poll_until(|| async { end().await != before })).await;
        }
        assert!(held.is_held(), "the claim was renewed");
        held.update(WeatherReport::patch().forecast("Rain")).await.expect("the claim was renewed");

        let waiting = tokio::spawn({
            let reports = next.model::<WeatherReport>();
            async move { reports.claim("stockholm").await }
        });
        in_time(poll_until(|| async {
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
        let granted =
            in_time(waiting).await.expect("no panic").expect("the holder's claim expired");
        let lost = in_time(held.lost()).await;
        assert_eq!((lost.code(), lost.kind()), ("claim_lost", &ErrorKind::ClaimLost), "{lost}");
        assert!(!held.is_held());
        let late = held
            .update(WeatherReport::patch().forecast("Sun"))
            .await
            .expect_err("the claim is lost");
        assert_eq!(late.kind(), &ErrorKind::ClaimLost);
        assert_eq!(granted.row().forecast.as_deref(), Some("Rain"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_survives_a_reconnect() {
    let world = World::start().await;
    create_stockholm(&world.system().await).await;
    let proxy = proxy(&world.url).await;
    let client =
        Client::connect(&proxy.url, world.key.as_str()).agent("writer").await.expect("connects");
    let held = in_time(client.model::<WeatherReport>().claim("stockholm")).await.expect("free");
    for _ in 0..3 {
        let before = proxy.accepted();
        proxy.cut();
        in_time(poll_until(|| async { proxy.accepted() > before })).await;
    }
    assert!(held.is_held());
    held.update(WeatherReport::patch().forecast("Rain")).await.expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_appears_and_ends() {
    let world = World::start().await;
    let (ada, writer) = (world.user("ada").await, world.agent("writer").await);
    let mut seen = ada.presence().expect("a connection");
    let shown = writer.presence().expect("a connection");
    shown.report(Activity::new("weatherReports", "stockholm", "reading")).expect("reported");
    let reads = |who: &Presence| {
        let mut others = who.others().into_iter();
        others.any(|peer| {
            peer.user_id.as_deref() == Some("agent:writer")
                && peer.activity.is_some_and(|activity| activity.action == "reading")
        })
    };
    in_time(wait_for(&mut seen, reads)).await;
    assert!(ada.peers().await.expect("a roster").iter().any(|peer| peer.user_id == "agent:writer"));
    drop((shown, writer));
    let gone = |who: &Presence| {
        who.others().iter().all(|peer| peer.user_id.as_deref() != Some("agent:writer"))
    };
    in_time(wait_for(&mut seen, gone)).await;
}
