//! Relations: edges between models.

use super::{FieldName, ModelId, ModelKey, RelationName};
use crate::value::Value;

/// The members of a relation in Schema JSON, in canonical order.
pub(crate) const RELATION_MEMBERS: [&str; 6] =
    ["type", "target", "foreignKey", "foreignKeyColumn", "options", "orderBy"];

/// One relation of a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Relation {
    /// The author's name.
    pub name: RelationName,
    /// Which side holds the foreign key, and how many rows the other side has.
    pub kind: RelationKind,
    /// The model it leads to.
    pub target: ModelKey,
    /// A field of this model for `belongsTo`, of the target otherwise.
    pub foreign_key: FieldName,
    /// That field's physical column as the document says it. The field's own column is the truth for SQL.
    pub foreign_key_column: Box<str>,
    /// Options, all false unless set.
    pub options: RelationOptions,
    /// A field of the target that orders a `hasMany`.
    pub order_by: Option<FieldName>,
    pub(crate) target_id: ModelId,
    pub(crate) options_authored: Option<Value>,
}

/// The three kinds of relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// This row points at one target row.
    BelongsTo,
    /// Many target rows point at this row.
    HasMany,
    /// One target row points at this row.
    HasOne,
}

impl RelationKind {
    /// Every value, for messages.
    pub const ALL: [RelationKind; 3] =
        [RelationKind::BelongsTo, RelationKind::HasMany, RelationKind::HasOne];

    /// The word in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RelationKind::BelongsTo => "belongsTo",
            RelationKind::HasMany => "hasMany",
            RelationKind::HasOne => "hasOne",
        }
    }
}

/// Options of a `belongsTo` relation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelationOptions {
    /// Client-side foreign-key index.
    pub index: bool,
    /// Attach the parent to incoming deltas.
    pub enrich: bool,
    /// Ignore this edge when ordering creates.
    pub defer: bool,
    /// The row lives in this parent: sync-group fan-out follows it, transitively.
    pub parent: bool,
    /// Emit a physical foreign key.
    pub fk: bool,
}

impl RelationOptions {
    /// Each option by its word in Schema JSON, and whether it is set.
    #[must_use]
    pub fn named(self) -> [(&'static str, bool); 5] {
        [
            ("index", self.index),
            ("enrich", self.enrich),
            ("defer", self.defer),
            ("parent", self.parent),
            ("fk", self.fk),
        ]
    }
}
