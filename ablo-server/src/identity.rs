//! Who is asking: the participant behind a credential, and what it may do.

use ablo_wire::{Actor, ClaimantKind, ParticipantKind};
use std::collections::BTreeSet;

/// A participant with the scope of its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The organisation.
    pub organization: String,
    /// The participant, unique within its kind.
    pub participant: String,
    /// Its kind.
    pub kind: ParticipantKind,
    /// The human at the root of the delegation.
    pub on_behalf_of: Option<String>,
    /// The credential.
    pub capability: String,
    /// What it may do.
    pub operations: Operations,
    /// What it may see: sync groups, each `kind:id`.
    pub groups: BTreeSet<String>,
    /// What the application knows about the participant: a JSON object.
    pub user_meta: String,
    /// When the credential ends, in the form in which databases hold dates.
    pub expires_at: Option<String>,
}

/// What a credential may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operations {
    /// Everything.
    All,
    /// Nothing but reading.
    Read,
    /// These, each `<model>.<verb>`.
    Listed(BTreeSet<String>),
}

impl Identity {
    /// How it is called on claims: an agent with a prefix (docs/protocol/commits.md §11).
    #[must_use]
    pub fn claimant(&self) -> String {
        match self.kind {
            ParticipantKind::Agent => format!("agent:{}", self.participant),
            _ => self.participant.clone(),
        }
    }

    /// Its kind on claims.
    #[must_use]
    pub fn claimant_kind(&self) -> ClaimantKind {
        claimant_kind(self.kind.as_str())
    }

    /// For the record.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::new(self.kind.clone(), self.participant.clone())
    }

    /// Whether it sees every row of its organisation.
    #[must_use]
    pub fn sees_all(&self) -> bool {
        self.groups.contains(&organization_group(&self.organization))
    }

    /// Whether both are one participant.
    #[must_use]
    pub fn is(&self, kind: &str, participant: &str) -> bool {
        self.kind.as_str() == kind && self.participant == participant
    }

    /// Whether it acts for the organisation itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.kind == ParticipantKind::System
    }
}

/// The group that sees everything of an organisation.
#[must_use]
pub fn organization_group(organization: &str) -> String {
    format!("org:{organization}")
}

/// A participant's kind as claims have it: a system key is an agent to people who wait for it.
#[must_use]
pub fn claimant_kind(kind: &str) -> ClaimantKind {
    match kind {
        "user" => ClaimantKind::Human,
        _ => ClaimantKind::Agent,
    }
}

impl Identity {
    /// Sees only these groups from now on, as far as it saw them before; all as before where none are named.
    pub fn narrow(&mut self, groups: &[String]) {
        if groups.is_empty() {
            return;
        }
        let all = self.sees_all();
        let foreign = |group: &str| {
            group.starts_with("org:") && group != organization_group(&self.organization)
        };
        let wanted =
            groups.iter().filter(|group| self.groups.contains(*group) || all && !foreign(group));
        self.groups = wanted.cloned().collect();
    }
}
