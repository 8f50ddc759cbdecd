//! A validated operation of a commit.

use super::relative::RelativeChanges;
use crate::models::{Model, ModelId};
use crate::value::Cell;
use ablo_wire::{Spelling, Verb};

/// A validated operation.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedChange {
    /// The model.
    pub model: ModelId,
    /// The operation.
    pub kind: OperationKind,
    /// The row.
    pub id: String,
    /// Whether the coordinator generated the id.
    pub generated_id: bool,
    /// The values to set, by column index; each column at most once.
    pub cells: Vec<(usize, Cell)>,
    /// The changes that start from the current values.
    pub(crate) relative: RelativeChanges,
    /// The transaction id, which identifies the operation across retries.
    pub transaction: Option<String>,
    /// The `readAt` watermark, if stale writes are to be rejected.
    pub stale_guard: Option<u64>,
    /// The transaction ids of the writer's own operations on which this one is based.
    pub after: Vec<String>,
    /// Whether claims of other participants are ignored.
    pub bypass_claims: bool,
}

impl PlannedChange {
    /// Returns a change that another program has made: nothing is left to decide or to write.
    pub(crate) fn made(model: ModelId, kind: OperationKind, id: String) -> Self {
        Self {
            model,
            kind,
            id,
            generated_id: false,
            cells: Vec::new(),
            relative: Vec::new(),
            transaction: None,
            stale_guard: None,
            after: Vec::new(),
            bypass_claims: true,
        }
    }

    /// Returns the hash of model, row, verb and values: the same for every attempt.
    pub(crate) fn content_hash(&self, model: &Model) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        part(&model.key);
        // The coordinator chooses another id for each attempt.
        part(if self.generated_id { "" } else { &self.id });
        part(self.kind.verb().text(Spelling::Http));
        let mut cells: Vec<&(usize, Cell)> = self.cells.iter().collect();
        cells.sort_by_key(|(at, _)| *at);
        for (column, cell) in
            cells.into_iter().filter_map(|(at, cell)| Some((model.columns.get(*at)?, cell)))
        {
            let mut value = String::new();
            column.kind.write(cell, &mut value);
            part(&column.member);
            part(&value);
        }
        let mut relative: Vec<_> = self.relative.iter().collect();
        relative.sort_by_key(|(at, ..)| *at);
        for (at, operation, change) in relative {
            let mut value = String::new();
            change.write(&mut value);
            part(model.columns.get(*at).map_or("", |column| &column.member));
            // No value in JSON is such a word.
            part(operation.as_str());
            part(&value);
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Inserts a row.
    Create,
    /// Updates a row.
    Update,
    /// Deletes a row.
    Delete,
    /// Archives a row (`true`) or unarchives it (`false`).
    Archive(bool),
}

impl OperationKind {
    /// Returns the kind of a verb, or `None` for an unknown one.
    pub(crate) fn of(verb: &Verb) -> Option<Self> {
        Some(match verb {
            Verb::Create => OperationKind::Create,
            Verb::Update | Verb::Adjust => OperationKind::Update,
            Verb::Delete => OperationKind::Delete,
            Verb::Archive => OperationKind::Archive(true),
            Verb::Unarchive => OperationKind::Archive(false),
            Verb::Other(_) => return None,
        })
    }

    /// Returns the verb.
    pub(crate) fn verb(self) -> Verb {
        match self {
            OperationKind::Create => Verb::Create,
            OperationKind::Update => Verb::Update,
            OperationKind::Delete => Verb::Delete,
            OperationKind::Archive(true) => Verb::Archive,
            OperationKind::Archive(false) => Verb::Unarchive,
        }
    }
}
