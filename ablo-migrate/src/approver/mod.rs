//! Approvers: the public keys whose signatures a database accepts on approvals.
//!
//! The list is a chain of signed changes. Each names the hash of the one before it, so an entry
//! cannot be edited, moved or inserted; the ledger has the hash of the last one, so none can be
//! removed, and a release that does not know approvers cannot read the ledger.

mod key;
mod signing;

pub use key::ApproverKey;
pub use signing::{SignedStep, sign};
pub(crate) use signing::{counted, limits};

use crate::codes::{self, Code};
use crate::error::{Error, Finding, Result};
use crate::ledger;
use crate::session::{Session, StoredApprovers, Timeouts, locked};
use key::{is_public_key, is_signed};
use serde::{Deserialize, Serialize};

/// The longest name of an approver, in characters.
const MAX_NAME: usize = 100;

/// An approver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// The public key, as base64.
    pub key: String,
    /// The name.
    pub name: String,
    /// When the key was added, as RFC 3339.
    pub added: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    Add,
    Remove,
}

/// One entry of the list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    action: Action,
    key: String,
    name: String,
    at: String,
    /// The hash of the entry before; a random text in the first entry.
    after: String,
    /// The public key that signed the change.
    by: String,
    /// The signature over the entry with this member empty.
    signature: String,
}

impl Change {
    fn signed_text(&self) -> String {
        signed_text("approver", &Change { signature: String::new(), ..self.clone() })
    }
}

/// Returns the text that is signed for a document of a kind, so that no document passes as one of
/// another kind.
fn signed_text(kind: &str, document: &impl Serialize) -> String {
    // Strings and numbers always serialise.
    let text = serde_json::to_string(document).unwrap_or_default();
    format!("ablo {kind} 1\n{text}")
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// The verified list of a database.
#[derive(Clone, Debug)]
struct Approvers {
    trusted: Vec<Approver>,
    /// The hash of the last entry.
    head: String,
    /// The identity of the database.
    database: String,
}

impl Approvers {
    /// Verifies the list. Returns `None` if the database never had an approver.
    fn read(stored: &StoredApprovers) -> Result<Option<Self>> {
        let recorded = "the ledger does not record this list as its newest";
        let Some(first) = stored.entries.first() else {
            return match stored.head {
                Some(_) => Err(invalid("the ledger records a list, which is missing")),
                None => Ok(None),
            };
        };
        let database = format!("{}/{}", stored.place, hash(first));
        let mut list = Self { trusted: Vec::new(), head: String::new(), database };
        for (at, text) in stored.entries.iter().enumerate() {
            let wrong = |what: &str| invalid(&format!("entry {} of the list {what}", at + 1));
            let change: Change = serde_json::from_str(text).map_err(|_| wrong("cannot be read"))?;
            if at > 0 && change.after != list.head {
                return Err(wrong("does not follow the one before it"));
            }
            if !is_signed(&change.signed_text(), &change.by, &change.signature) {
                return Err(wrong("has no valid signature"));
            }
            list.apply(change, at == 0).map_err(wrong)?;
            list.head = hash(text);
        }
        if stored.head.as_ref() != Some(&list.head) {
            return Err(invalid(recorded));
        }
        Ok(Some(list))
    }

    /// Applies a change whose signature is valid.
    fn apply(&mut self, change: Change, is_first: bool) -> std::result::Result<(), &'static str> {
        let Change { action, key, name, at, by, .. } = change;
        if !(self.find(&by).is_some() || is_first && by == key) {
            return Err("is signed with a key that was not an approver's");
        }
        match (action, self.find(&key).is_some()) {
            (Action::Add, false) => self.trusted.push(Approver { key, name, added: at }),
            (Action::Remove, true) if self.trusted.len() > 1 => {
                self.trusted.retain(|approver| approver.key != key);
            }
            _ => return Err("changes nothing"),
        }
        Ok(())
    }

    fn find(&self, key: &str) -> Option<&Approver> {
        self.trusted.iter().find(|approver| approver.key == key)
    }
}

/// Returns the approvers of a database, in the order in which they were added.
///
/// # Errors
/// `ablo::approver::list_invalid`, or any error of the session.
pub fn approvers(database: &mut dyn Session) -> Result<Vec<Approver>> {
    let list = Approvers::read(&database.approvers()?)?;
    Ok(list.map(|list| list.trusted).unwrap_or_default())
}

/// Adds an approver. The first one signs the entry with its own key, later ones need a signature of
/// an approver.
///
/// # Errors
/// `ablo::approver::refused`, `ablo::approver::untrusted`, `ablo::approver::same_role`,
/// `ablo::approver::list_invalid`, `ablo::database::locked`, or any error of the session.
pub fn add_approver(
    database: &mut dyn Session,
    public: &str,
    name: &str,
    key: &ApproverKey,
    timeouts: Timeouts,
) -> Result<()> {
    let is_name = (1..=MAX_NAME).contains(&name.chars().count());
    if !is_name || name.chars().any(char::is_control) {
        return Err(refused("a name has 1 to 100 characters, without control characters"));
    }
    if !is_public_key(public) {
        let message = "this is not a public key; `ablo approver keygen` prints one";
        return Err(refused(message));
    }
    let change = (Action::Add, public, name);
    locked(database, timeouts, |database| append(database, change, key))
}

/// Removes an approver. Its signatures count no more, except for removed and added approvers. The
/// last approver cannot be removed.
///
/// # Errors
/// Those of [`add_approver`].
pub fn remove_approver(
    database: &mut dyn Session,
    public: &str,
    key: &ApproverKey,
    timeouts: Timeouts,
) -> Result<()> {
    locked(database, timeouts, |database| append(database, (Action::Remove, public, ""), key))
}

/// Signs a change and appends it to the list. The caller holds the lock.
fn append(
    database: &mut dyn Session,
    (action, public, name): (Action, &str, &str),
    key: &ApproverKey,
) -> Result<()> {
    if database.ledger()?.is_empty() {
        return Err(refused("the database has no ledger; apply the first migration before"));
    }
    let stored = database.approvers()?;
    let list = Approvers::read(&stored)?;
    let by = key.public();
    match &list {
        None if action == Action::Remove => return Err(refused("the database has no approvers")),
        None if by != public => {
            return Err(refused("the first approver is added with its own private key"));
        }
        Some(list) if list.find(&by).is_none() => {
            let message = "the key that signs this change is not an approver's";
            return Err(Finding::new(codes::APPROVER_UNTRUSTED, message).into());
        }
        _ => {}
    }
    let after = match &list {
        Some(list) => list.head.clone(),
        None => random()?,
    };
    let (public, name, at) = (public.to_owned(), name.to_owned(), stored.now.to_string());
    let mut change = Change { action, key: public, name, at, after, by, signature: String::new() };
    change.signature = key.sign(&change.signed_text());
    let text = serde_json::to_string(&change).unwrap_or_default();
    let mut next = list.unwrap_or(Approvers {
        trusted: Vec::new(),
        head: String::new(),
        database: String::new(),
    });
    let is_first = stored.entries.is_empty();
    next.apply(change, is_first).map_err(|_| {
        refused(match action {
            Action::Add => "the key is an approver's already",
            Action::Remove if next.trusted.len() == 1 => "the last approver cannot be removed",
            Action::Remove => "the key is not an approver's",
        })
    })?;
    database.append_approver(stored.entries.len(), &text, &ledger::approvers_mark(&hash(&text)))
}

/// Returns a random text, by which two databases of one server differ.
fn random() -> Result<String> {
    let bytes = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new())
        .map_err(|_| refused("the system gives no random numbers"))?;
    Ok(hash(&format!("{:?}", bytes.expose())))
}

fn refused(message: &str) -> Error {
    Finding::new(codes::APPROVER_REFUSED, message).into()
}

fn invalid(message: &str) -> Error {
    error(codes::APPROVER_LIST_INVALID, message)
}

fn error(code: Code, message: &str) -> Error {
    Finding::new(code, message).into()
}
