//! Commits that wait for the writer of an organisation at the same time.

use ablo_server::engine::Engine;
use ablo_server::engine::commit::{Commit, commit_with_others};
use ablo_server::error::EngineError;
use ablo_server::identity::Identity;
use ablo_server::store::{Store, Tenant};
use ablo_wire::CommitReceipt;
use futures_util::future::join_all;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::Poll;

/// Polls a future once, so that it submits its work.
///
/// # Panics
/// Panics if the future is ready.
pub async fn begin<F: Future>(mut future: Pin<&mut F>) {
    let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready()));
    assert!(!polled.await, "the work is done already");
}

/// Occupies the writer of `acme` until a future was polled once, and returns its output.
///
/// # Panics
/// Panics if the future is ready at once, or if the writer cannot be occupied.
pub async fn while_occupied<F: Future>(store: &dyn Store, mut waiting: Pin<&mut F>) -> F::Output {
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let (release, released) = mpsc::channel::<()>();
    let hold = store.writing(Tenant::Organization("acme".to_owned()), move |_| {
        started.send(()).expect("the test waits");
        // Fails when the test is over.
        let _ = released.recv();
        Ok(())
    });
    let waiting = async {
        has_started.recv().await;
        begin(waiting.as_mut()).await;
        release.send(()).expect("the writer waits");
        waiting.await
    };
    let (held, output) = tokio::join!(hold, waiting);
    held.expect("the writer is free again");
    output
}

/// Commits everything at once, so that it shares a transaction where it can.
///
/// # Panics
/// As [`while_occupied`].
pub async fn commit_together(
    store: &dyn Store,
    engine: &Arc<Engine>,
    commits: Vec<(Identity, Commit)>,
) -> Vec<Result<CommitReceipt, EngineError>> {
    let each = commits.iter();
    let all = each.map(|(who, commit)| commit_with_others(store, engine, who, commit.clone()));
    let all = std::pin::pin!(join_all(all));
    while_occupied(store, all).await
}
