//! Keys that participants choose, which are unique among their own.

use super::super::sql_template::json_list;
use crate::error::StoreError;
use crate::identity::Identity;
use crate::store::Record;
use crate::value::Cell;
use std::collections::BTreeSet;

/// A key of a participant, such as that of a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnKey {
    kind: String,
    participant: String,
    key: String,
}

impl OwnKey {
    /// Creates the key of a participant.
    pub(crate) fn new(who: &Identity, key: &str) -> Self {
        Self {
            kind: who.kind.as_str().to_owned(),
            participant: who.participant.clone(),
            key: key.to_owned(),
        }
    }

    /// Reads a key from the columns of a result, the last of which is named.
    pub(super) fn read(record: &mut Record, column: &str) -> Result<Self, StoreError> {
        Ok(Self {
            kind: record.text("participant_kind")?,
            participant: record.text("participant_id")?,
            key: record.text(column)?,
        })
    }
}

/// Returns keys as a parameter `{1:tuples}`.
pub(super) fn tuples(keys: &BTreeSet<OwnKey>) -> Cell {
    let tuples = keys.iter().map(|key| [&*key.kind, &*key.participant, &*key.key]);
    json_list(&tuples.collect::<Vec<_>>())
}
