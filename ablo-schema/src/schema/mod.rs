//! The checked schema: immutable, ordered, resolved.
//!
//! Comes out of [`crate::check`] and nowhere else. Spans, raw input and target spellings may never be here.

mod field;
mod format;
mod model;
mod name;
mod relation;
mod tenancy;

pub(crate) use field::FieldMember;
pub use field::{Deprecated, Facets, Field, FieldKind, derived_number};
pub use format::Format;
pub(crate) use model::{Authored, MODEL_MEMBERS};
pub use model::{AutoFill, AutoFillSource, Grants, Load, Model, Plane, Scope};
pub use name::{ColumnName, FieldName, GroupKind, ModelKey, RelationName, TableName, TypeName};
pub(crate) use relation::RELATION_MEMBERS;
pub use relation::{Relation, RelationKind, RelationOptions};
pub use tenancy::{Role, RoleSource, Tenancy};

pub use crate::check::default_column;
use crate::lookup::Lookup;

/// Position of a model in [`Schema::models`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelId(pub(crate) usize);

/// A whole application's models, checked.
///
/// It has no constructor outside [`crate::check`] and no setter.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub(crate) models: Vec<Model>,
    pub(crate) by_key: Lookup<ModelKey, ModelId>,
    pub(crate) identity_roles: Vec<Role>,
}

impl Schema {
    /// The models, in the order in which the document has them.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model with this key.
    #[must_use]
    pub fn model(&self, key: &str) -> Option<&Model> {
        self.by_key.get(key).and_then(|id| self.models.get(id.0))
    }

    /// The model a relation points at.
    #[must_use]
    pub fn target(&self, relation: &Relation) -> &Model {
        // The id was taken from this very list by the checker, and neither ever changes.
        &self.models[relation.target_id.0]
    }

    /// How an identity's groups are computed.
    #[must_use]
    pub fn identity_roles(&self) -> &[Role] {
        &self.identity_roles
    }
}
