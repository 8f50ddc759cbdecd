//! Hides or changes facts before a commit is decided, in tests, to prove that they notice a
//! decision that ignores them.

use super::{State, Submission};
use crate::identity::Identity;
use crate::store::tables::claims::Claim;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// A fact that decisions ignore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A participant knows all changes of its own, whichever program made them.
    OwnChanges,
    /// Rows do not change after they are read.
    Changes,
    /// A claim belongs to its participant, not to one of its programs.
    Programs,
    /// Rows have no holders.
    Holders,
    /// Leases do not end.
    Expiry,
    /// Claims that have ended are held.
    End,
    /// Operations were not applied before.
    Operations,
}

impl Fault {
    /// All faults, with the organisations that the tests use for them.
    pub const ALL: [(&'static str, Fault); 7] = [
        ("own changes", Fault::OwnChanges),
        ("changes", Fault::Changes),
        ("programs", Fault::Programs),
        ("holders", Fault::Holders),
        ("expiry", Fault::Expiry),
        ("end", Fault::End),
        ("operations", Fault::Operations),
    ];
}

static FAULTS: RwLock<BTreeMap<String, Fault>> = RwLock::new(BTreeMap::new());

/// Makes the decisions of an organisation ignore a fact.
pub fn inject(organization: &str, fault: Fault) {
    let mut faults = FAULTS.write().unwrap_or_else(PoisonError::into_inner);
    faults.insert(organization.to_owned(), fault);
}

/// Changes what was loaded for one commit.
pub(super) fn apply(organization: &str, submissions: &[Submission<'_>], state: &mut State) {
    let faults = FAULTS.read().unwrap_or_else(PoisonError::into_inner);
    let Some(fault) = faults.get(organization) else { return };
    let Some(Submission { who, .. }) = submissions.first() else { return };
    match fault {
        Fault::OwnChanges => {
            for changes in state.changes.values_mut() {
                changes.retain(|change| !who.is(&change.actor_kind, &change.actor));
            }
        }
        Fault::Changes => state.changes.clear(),
        Fault::Programs => state.holders.values_mut().for_each(|claim| share(claim, who)),
        Fault::Holders => state.holders.clear(),
        Fault::Expiry => state.claims.values_mut().for_each(prolong),
        Fault::End => {
            for claim in state.claims.values_mut().filter(|claim| !claim.is_open()) {
                claim.status = "active".to_owned();
                prolong(claim);
            }
        }
        Fault::Operations => state.operations.clear(),
    }
}

fn prolong(claim: &mut Claim) {
    claim.expires_at = "9999-12-31T23:59:59.999999Z".to_owned();
}

/// Gives a claim to the program that acts, if it is one of the same participant.
fn share(claim: &mut Claim, who: &Identity) {
    if claim.belongs_to(who) {
        claim.holder = who.holder.clone();
    }
}
