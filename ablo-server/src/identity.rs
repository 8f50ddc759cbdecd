//! The participant behind a credential, and what it may read and write.

use ablo_wire::{Actor, ClaimantKind, ParticipantKind};
use std::collections::BTreeSet;

/// A participant with the scope of its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The organisation.
    pub organization: String,
    /// The participant's id, unique within its kind.
    pub participant: String,
    /// The participant's kind.
    pub kind: ParticipantKind,
    /// The human at the root of the delegation.
    pub on_behalf_of: Option<String>,
    /// The id of the credential.
    pub capability: String,
    /// The operations that the credential permits.
    pub operations: Operations,
    /// The sync groups that the participant sees, each `kind:id`.
    pub groups: BTreeSet<String>,
    /// The application's data about the participant: a JSON object.
    pub user_meta: String,
    /// When the credential expires, in the stored date format.
    pub expires_at: Option<String>,
}

/// The operations that a credential permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operations {
    /// Every operation.
    All,
    /// Reads only.
    Read,
    /// The listed operations, each `<model>.<verb>`.
    Listed(BTreeSet<String>),
}

impl Identity {
    /// Returns the participant's name on claims; agents have a prefix (docs/protocol/commits.md
    /// §11).
    #[must_use]
    pub fn claimant(&self) -> String {
        match self.kind {
            ParticipantKind::Agent => format!("agent:{}", self.participant),
            _ => self.participant.clone(),
        }
    }

    /// Returns the participant's kind on claims.
    #[must_use]
    pub fn claimant_kind(&self) -> ClaimantKind {
        claimant_kind(self.kind.as_str())
    }

    /// Returns the actor that deltas name.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::new(self.kind.clone(), self.participant.clone())
    }

    /// Returns whether the participant sees every row of its organisation.
    #[must_use]
    pub fn sees_all(&self) -> bool {
        self.groups.contains(&organization_group(&self.organization))
    }

    /// Returns whether this is the participant with that kind and id.
    #[must_use]
    pub fn is(&self, kind: &str, participant: &str) -> bool {
        self.kind.as_str() == kind && self.participant == participant
    }

    /// Returns whether the participant is a system, which acts for the organisation itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.kind == ParticipantKind::System
    }
}

/// Returns the sync group that sees every row of an organisation.
#[must_use]
pub fn organization_group(organization: &str) -> String {
    format!("org:{organization}")
}

/// Returns an identity that sees and may do everything in an organisation.
#[must_use]
pub(crate) fn everything(organization: &str) -> Identity {
    Identity {
        organization: organization.to_owned(),
        participant: organization.to_owned(),
        kind: ParticipantKind::System,
        on_behalf_of: None,
        capability: String::new(),
        operations: Operations::All,
        groups: BTreeSet::from([organization_group(organization)]),
        user_meta: "{}".to_owned(),
        expires_at: None,
    }
}

/// Returns the kind that claims show for a participant; systems appear as agents.
#[must_use]
pub fn claimant_kind(kind: &str) -> ClaimantKind {
    match kind {
        "user" => ClaimantKind::Human,
        _ => ClaimantKind::Agent,
    }
}

impl Identity {
    /// Restricts the identity to those of `groups` that it already sees; an empty list leaves none.
    pub fn narrow(&mut self, groups: &[String]) {
        let all = self.sees_all();
        let foreign = |group: &str| {
            group.starts_with("org:") && group != organization_group(&self.organization)
        };
        let wanted =
            groups.iter().filter(|group| self.groups.contains(*group) || all && !foreign(group));
        self.groups = wanted.cloned().collect();
    }
}
