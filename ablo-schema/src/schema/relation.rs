//! Relations between models.

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
    /// Which side has the foreign key, and the cardinality.
    pub kind: RelationKind,
    /// The target model.
    pub target: ModelKey,
    /// The foreign key: a field of this model for `belongsTo`, else of the target.
    pub foreign_key: FieldName,
    /// The column of the foreign key as the document states it. SQL uses the field's own column.
    pub foreign_key_column: Box<str>,
    /// Options, all false unless set.
    pub options: RelationOptions,
    /// The field of the target that orders a `hasMany`.
    pub order_by: Option<FieldName>,
    pub(crate) target_id: ModelId,
    pub(crate) options_authored: Option<Value>,
}

/// The three kinds of relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// This row refers to one target row.
    BelongsTo,
    /// Many target rows refer to this row.
    HasMany,
    /// One target row refers to this row.
    HasOne,
}

impl RelationKind {
    /// All values.
    pub const ALL: [RelationKind; 3] =
        [RelationKind::BelongsTo, RelationKind::HasMany, RelationKind::HasOne];

    /// Returns the spelling in Schema JSON.
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
    /// Clients index rows by the foreign key.
    pub index: bool,
    /// Clients attach the parent to incoming deltas.
    pub enrich: bool,
    /// Ignore this relation when ordering creates.
    pub defer: bool,
    /// The row belongs to this parent: it is also in the sync groups of the parent, transitively.
    pub parent: bool,
    /// Generate a FOREIGN KEY constraint.
    pub fk: bool,
}

impl RelationOptions {
    /// Returns each option with its spelling in Schema JSON.
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
