//! The validated schema: immutable, ordered, resolved.
//!
//! Only [`crate::check`] creates it. It contains no spans, no raw input and no target syntax.

mod column_type;
mod field;
mod format;
mod kind;
mod model;
mod name;
mod relation;
mod relative;
mod tenancy;

pub use column_type::{ColumnType, ScalarType};
pub(crate) use column_type::{is_day, is_uuid};
pub(crate) use field::FieldMember;
pub use field::{Deprecated, Facets, Field, derived_number};
pub use format::Format;
pub use kind::FieldKind;
pub(crate) use model::{Authored, MODEL_MEMBERS};
pub use model::{AutoFill, AutoFillSource, Grants, Load, Model, NewValue, Plane, Scope};
pub(crate) use name::is_default_column;
pub use name::{
    ColumnName, FieldName, GroupKind, Identifier, ModelKey, RelationName, TableName, TypeName,
    default_column,
};
pub(crate) use relation::RELATION_MEMBERS;
pub use relation::{Relation, RelationKind, RelationOptions};
pub use relative::RelativeOperation;
pub use tenancy::{Role, RoleSource, Tenancy};

use crate::lookup::Lookup;

/// The index of a model in [`Schema::models`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelId(pub(crate) usize);

/// All models of an application, validated.
///
/// It has no public constructor and no setters.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub(crate) models: Vec<Model>,
    pub(crate) by_key: Lookup<ModelKey, ModelId>,
    pub(crate) identity_roles: Vec<Role>,
}

impl Schema {
    /// Returns the models in document order.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// Returns the model with this key.
    #[must_use]
    pub fn model(&self, key: &str) -> Option<&Model> {
        self.by_key.get(key).and_then(|id| self.models.get(id.0))
    }

    /// Returns the target model of a relation.
    #[must_use]
    pub fn target(&self, relation: &Relation) -> &Model {
        // The checker took the id from this list, and neither changes afterwards.
        &self.models[relation.target_id.0]
    }

    /// Returns the rules that compute an identity's sync groups.
    #[must_use]
    pub fn identity_roles(&self) -> &[Role] {
        &self.identity_roles
    }
}
