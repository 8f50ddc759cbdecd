//! Models: one table, one row type, one kind of entity.

use super::{
    ColumnName, Field, FieldName, GroupKind, ModelKey, Relation, RelationKind, RelationName, Role,
    TableName, Tenancy, TypeName,
};
use crate::value::Value;

/// The members of a model in Schema JSON, in canonical order.
pub(crate) const MODEL_MEMBERS: [&str; 17] = [
    "fields",
    "relations",
    "load",
    "typename",
    "tableName",
    "tenancy",
    "plane",
    "scope",
    "grants",
    "entityRoles",
    "bootstrapLimit",
    "bootstrapOrderBy",
    "mutable",
    "lazyObservable",
    "persist",
    "autoFill",
    "requiredFields",
];

/// One model of a schema.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Model {
    /// The author's name.
    pub key: ModelKey,
    /// The name on the wire.
    pub type_name: TypeName,
    /// The physical table, resolved.
    pub table: TableName,
    /// Declared fields in document order. A base field is among them only where the author redeclares it.
    pub fields: Vec<Field>,
    /// Relations in document order.
    pub relations: Vec<Relation>,
    /// When clients load the rows.
    pub load: Load,
    /// How rows are isolated inside one database.
    pub tenancy: Tenancy,
    /// Whether the table exists in a customer's database at all.
    pub plane: Plane,
    /// Set when each row forms a sync group of its own.
    pub scope: Option<Scope>,
    /// Set on membership edges.
    pub grants: Option<Grants>,
    /// Extra record to sync-group routing.
    pub entity_roles: Vec<Role>,
    /// How many rows a bootstrap may carry.
    pub bootstrap_limit: Option<u64>,
    /// In which order a bootstrap takes them, `created_at DESC`.
    pub bootstrap_order_by: Option<Box<str>>,
    /// Whether clients may write it.
    pub mutable: bool,
    /// Client hint: observe lazily.
    pub lazy_observable: bool,
    /// Client storage hint: the store's name.
    pub persist_store: Option<Box<str>>,
    /// Fields filled from the writer's identity.
    pub auto_fill: Vec<AutoFill>,
    /// A stored row without one of these is dropped as orphaned.
    pub required_fields: Vec<FieldName>,
    /// Positions in `fields`, ordered by name.
    pub(crate) field_order: Box<[u32]>,
    pub(crate) authored: Authored,
}

/// What the author wrote, kept so that the canonical text says no more and no less.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Authored {
    pub(crate) load: bool,
    pub(crate) table_name: bool,
    pub(crate) tenancy: Option<Value>,
    pub(crate) scope: Option<Value>,
    pub(crate) grants: Option<Value>,
    pub(crate) entity_roles: Option<Value>,
    pub(crate) bootstrap_limit: Option<Value>,
    pub(crate) mutable: Option<bool>,
    pub(crate) lazy_observable: Option<bool>,
    pub(crate) persist: Option<Value>,
    pub(crate) auto_fill: Option<Value>,
    pub(crate) required_fields: Option<Value>,
}

impl Model {
    /// The declared field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(self.field_position(name)?)
    }

    /// Where the declared field with this name stands in `fields`.
    pub(crate) fn field_position(&self, name: &str) -> Option<usize> {
        let field = |at: &u32| &self.fields[*at as usize];
        let found =
            self.field_order.binary_search_by(|at| field(at).name.as_str().cmp(name)).ok()?;
        self.field_order.get(found).map(|at| *at as usize)
    }

    /// The relation with this name.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }

    /// The `belongsTo` relations: the edges whose foreign key is a column of this table.
    pub fn belongs_to(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter().filter(|relation| relation.kind == RelationKind::BelongsTo)
    }

    /// The tenancy column, where tenancy is by column.
    #[must_use]
    pub fn tenancy_column(&self) -> Option<&ColumnName> {
        match &self.tenancy {
            Tenancy::Column { column } => Some(column),
            Tenancy::Parent { .. } | Tenancy::None => None,
        }
    }

    /// The sync-group kind that rows of this model form, where it is a scope root.
    #[must_use]
    pub fn scope_kind(&self) -> Option<GroupKind> {
        match self.scope.as_ref()? {
            Scope::TypeName => Some(GroupKind::new(self.type_name.as_str().to_lowercase())),
            Scope::Kind(kind) => Some(kind.clone()),
        }
    }
}

/// When clients load a model's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Load {
    /// At bootstrap.
    #[default]
    Instant,
    /// On first access.
    Lazy,
    /// Only when asked.
    Manual,
}

impl Load {
    /// Every value, for messages.
    pub const ALL: [Load; 3] = [Load::Instant, Load::Lazy, Load::Manual];

    /// The word in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Load::Instant => "instant",
            Load::Lazy => "lazy",
            Load::Manual => "manual",
        }
    }
}

/// Where a model's table lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plane {
    /// In a customer's database.
    #[default]
    Tenant,
    /// Only in the service's own: no DDL is emitted for it.
    Control,
}

impl Plane {
    /// Every value, for messages.
    pub const ALL: [Plane; 2] = [Plane::Tenant, Plane::Control];

    /// The word in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Plane::Tenant => "tenant",
            Plane::Control => "control",
        }
    }
}

/// How a scope root names its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// By the lower-cased type name (`"scope": true`).
    TypeName,
    /// By this kind.
    Kind(GroupKind),
}

/// A membership edge: a row gives the subject access to the scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The `belongsTo` relation to who is given access.
    pub subject: RelationName,
    /// The `belongsTo` relation to what access is given to; its target is a scope root.
    pub scope: RelationName,
}

/// A field filled from the writer's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoFill {
    /// The field, declared or base.
    pub field: FieldName,
    /// Where its value comes from.
    pub from: AutoFillSource,
}

/// Which part of an identity fills a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoFillSource {
    /// The identity's organisation.
    OrganizationId,
    /// The identity's participant.
    UserId,
}

impl AutoFillSource {
    /// Every value, for messages.
    pub const ALL: [AutoFillSource; 2] = [AutoFillSource::OrganizationId, AutoFillSource::UserId];

    /// The word in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AutoFillSource::OrganizationId => "organizationId",
            AutoFillSource::UserId => "userId",
        }
    }
}
