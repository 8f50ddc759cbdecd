//! Commits of an organisation that wait at the same time share a transaction of the store.

use super::{Commit, Submission, commit, commit_all};
use crate::engine::{Engine, credentials};
use crate::error::{EngineError, Result, StoreError};
use crate::identity::Identity;
use crate::store::{Access, Connection, Reply, Store, Tenant, Tx, Work};
use ablo_wire::CommitReceipt;
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Maximum number of operations of a commit that shares a transaction: large ones would delay the
/// others.
const MAX_SHARED_OPERATIONS: usize = 16;
/// Maximum size of the texts of such a commit, in bytes.
const MAX_SHARED_BYTES: usize = 64 << 10;

/// Applies a commit of a participant whose credential is valid.
///
/// # Errors
/// Returns why the commit is refused, `apikey_revoked` or `apikey_expired`, or the store's error.
pub async fn commit_with_others(
    store: &dyn Store,
    engine: &Arc<Engine>,
    who: &Identity,
    commit: Commit,
) -> Result<CommitReceipt> {
    let tenant = Tenant::Organization(who.organization.clone());
    let (engine, who) = (Arc::clone(engine), who.clone());
    let time = store.limits().get().write_time;
    let work = |reply| -> Box<dyn Work> { Box::new(JointCommit { engine, who, commit, reply }) };
    store.outcome_of(time, Access::Write, tenant, work).await
}

/// A commit that waits for a transaction.
struct JointCommit {
    engine: Arc<Engine>,
    who: Identity,
    commit: Commit,
    reply: Reply<CommitReceipt>,
}

impl JointCommit {
    fn submission(&self) -> Submission<'_> {
        Submission { who: &self.who, commit: &self.commit }
    }

    fn is_small(&self) -> bool {
        let cells = self.commit.changes.iter().flat_map(|change| &change.cells);
        let bytes: usize = cells.filter_map(|(_, cell)| Some(cell.text()?.len())).sum();
        self.commit.changes.len() <= MAX_SHARED_OPERATIONS && bytes <= MAX_SHARED_BYTES
    }
}

impl Work for JointCommit {
    fn run(&mut self, connection: &mut dyn Connection) -> Result<(), StoreError> {
        let tx = &mut Tx::new(connection);
        let (who, submissions) = (&self.who, [self.submission()]);
        super::read_ahead(&self.engine, tx, &who.organization, &submissions, |tx| {
            let _ = credentials::check(tx, &who.capability);
        })?;
        let receipt = credentials::check(tx, &who.capability)
            .and_then(|()| commit(&self.engine, tx, who, &self.commit));
        self.reply.keep(receipt)
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.reply.send(outcome);
    }

    fn shareable(&mut self) -> Option<&mut dyn Any> {
        self.is_small().then_some(self)
    }

    fn run_all(
        &mut self,
        others: Vec<&mut dyn Any>,
        connection: &mut dyn Connection,
    ) -> Result<(), StoreError> {
        let engine = Arc::clone(&self.engine);
        let mut all = vec![self];
        for other in others {
            let other = other.downcast_mut::<Self>();
            let other = other.filter(|other| Arc::ptr_eq(&other.engine, &engine));
            all.push(other.ok_or_else(|| StoreError::Fault("it has another schema".to_owned()))?);
        }
        match all.as_mut_slice() {
            [only] => only.run(connection),
            all => run_set(all, &mut Tx::new(connection)),
        }
    }
}

/// Applies commits of one organisation. Those that are refused change nothing.
fn run_set(all: &mut [&mut JointCommit], tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let Some(first) = all.first() else { return Ok(()) };
    let (engine, organization) = (Arc::clone(&first.engine), first.who.organization.clone());
    let capabilities: BTreeSet<&str> = all.iter().map(|it| it.who.capability.as_str()).collect();
    let set: Vec<Submission<'_>> = all.iter().map(|it| it.submission()).collect();
    super::read_ahead(&engine, tx, &organization, &set, |tx| {
        let _ = credentials::refusals(tx, &capabilities);
    })?;
    let refused = credentials::refusals(tx, &capabilities)?;
    let allowed = |it: &&&mut JointCommit| !refused.contains_key(&it.who.capability);
    let set: Vec<Submission<'_>> = all.iter().filter(allowed).map(|it| it.submission()).collect();
    let applied = commit_all(&engine, tx, &organization, &set);
    let mut applied = applied.map_err(|error| error.rollback_reason())?.into_iter();
    for it in all {
        let outcome = match refused.get(&it.who.capability) {
            Some(refusal) => Err(refusal.clone()),
            None => applied.next().unwrap_or_else(|| Err(super::no_outcome())),
        };
        // A refused commit does not stop the others: it has changed nothing.
        let _ = it.reply.keep(outcome.map_err(EngineError::from));
    }
    Ok(())
}
