//! The participant behind a credential, and what it may read and write.

use crate::error::ApiError;
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
    /// The program of the participant that acts.
    pub holder: Holder,
}

/// The program of a participant that acts: the holder of the claims that it requests. Programs of
/// one participant exclude each other (docs/protocol/differences.md B5).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A program that names itself, such as a tab or a worker, on all its connections.
    Named(HolderName),
    /// The connection, by its id, of a program that does not name itself.
    Connection(String),
    /// A request over HTTP of a program that does not name itself: one of several, perhaps.
    #[default]
    Unnamed,
}

/// The name of a program: up to 64 letters, digits, `-`, `.`, `_` and `~`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HolderName(String);

/// The maximum length of the name of a program.
const MAX_HOLDER_BYTES: usize = 64;

impl HolderName {
    /// Checks the name that a program gave itself.
    ///
    /// # Errors
    /// Returns `invalid_request`.
    pub fn new(name: &str) -> Result<Self, ApiError> {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if name.is_empty() || name.len() > MAX_HOLDER_BYTES || !name.bytes().all(is_valid) {
            let message = format!(
                "a holder has 1 to {MAX_HOLDER_BYTES} letters, digits, `-`, `.`, `_` and `~`"
            );
            return Err(ApiError::new("invalid_request", message).param("holder"));
        }
        Ok(Self(name.to_owned()))
    }
}

impl Holder {
    /// Returns the holder of a stored claim or session: its name and its connection.
    #[must_use]
    pub fn stored(name: Option<String>, connection: Option<&str>) -> Self {
        match (name, connection) {
            (Some(name), _) => Self::Named(HolderName(name)),
            (None, Some(connection)) => Self::Connection(connection.to_owned()),
            (None, None) => Self::Unnamed,
        }
    }

    /// Returns the name of a program that names itself.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named(HolderName(name)) => Some(name),
            Self::Connection(_) | Self::Unnamed => None,
        }
    }

    /// Returns what tells the program from others of its participant, if anything does.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Named(HolderName(id)) | Self::Connection(id) => Some(id),
            Self::Unnamed => None,
        }
    }
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
        claimant(self.kind.as_str(), &self.participant)
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
        holder: Holder::Unnamed,
    }
}

/// Returns a participant's name on claims and in presence; agents have a prefix
/// (docs/protocol/commits.md §11).
#[must_use]
pub fn claimant(kind: &str, participant: &str) -> String {
    match kind {
        "agent" => format!("agent:{participant}"),
        _ => participant.to_owned(),
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
