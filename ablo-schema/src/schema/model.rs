//! Models: each has one table and one row type.

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
    /// Declared fields in document order. Base fields are included only if the author redeclares
    /// them.
    pub fields: Vec<Field>,
    /// Relations in document order.
    pub relations: Vec<Relation>,
    /// When clients load the rows.
    pub load: Load,
    /// How rows are isolated inside one database.
    pub tenancy: Tenancy,
    /// Which database the table is in.
    pub plane: Plane,
    /// Set if each row forms a sync group.
    pub scope: Option<Scope>,
    /// Set if rows are memberships.
    pub grants: Option<Grants>,
    /// Rules that route rows to further sync groups.
    pub entity_roles: Vec<Role>,
    /// The maximum number of rows in a bootstrap.
    pub bootstrap_limit: Option<u64>,
    /// The order of rows in a bootstrap, such as `created_at DESC`.
    pub bootstrap_order_by: Option<Box<str>>,
    /// Whether clients may write rows.
    pub mutable: bool,
    /// Client hint: observe rows lazily.
    pub lazy_observable: bool,
    /// Client hint: the name of the local store.
    pub persist_store: Option<Box<str>>,
    /// Fields filled from the writer's identity.
    pub auto_fill: Vec<AutoFill>,
    /// Clients drop a stored row that lacks one of these.
    pub required_fields: Vec<FieldName>,
    /// Indexes into `fields`, sorted by name.
    pub(crate) field_order: Box<[u32]>,
    pub(crate) authored: Authored,
}

/// The number of fields from which the sorted list pays.
const MANY_FIELDS: usize = 64;

/// The members that the author wrote: the canonical text repeats exactly these.
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
    /// Returns the declared field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(self.field_position(name)?)
    }

    /// Iterates over the declared fields, sorted by name.
    pub(crate) fn fields_by_name(&self) -> impl Iterator<Item = &Field> {
        self.field_order.iter().filter_map(|at| self.fields.get(*at as usize))
    }

    /// Returns the index of a declared field in `fields`.
    pub(crate) fn field_position(&self, name: &str) -> Option<usize> {
        // A search in order takes less time in a list of usual length.
        if self.fields.len() < MANY_FIELDS {
            return self.fields.iter().position(|field| field.name == name);
        }
        let field = |at: &u32| &self.fields[*at as usize];
        let found =
            self.field_order.binary_search_by(|at| field(at).name.as_str().cmp(name)).ok()?;
        self.field_order.get(found).map(|at| *at as usize)
    }

    /// Returns the relation with this name.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }

    /// Iterates over the `belongsTo` relations, whose foreign key is in this table.
    pub fn belongs_to(&self) -> impl Iterator<Item = &Relation> {
        self.relations.iter().filter(|relation| relation.kind == RelationKind::BelongsTo)
    }

    /// Returns the tenancy column, if tenancy is by column.
    #[must_use]
    pub fn tenancy_column(&self) -> Option<&ColumnName> {
        match &self.tenancy {
            Tenancy::Column { column } => Some(column),
            Tenancy::Parent { .. } | Tenancy::None => None,
        }
    }

    /// Returns the kind of the sync groups that rows form, if the model is a scope root.
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
    /// Only on request.
    Manual,
}

impl Load {
    /// All values.
    pub const ALL: [Load; 3] = [Load::Instant, Load::Lazy, Load::Manual];

    /// Returns the spelling in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Load::Instant => "instant",
            Load::Lazy => "lazy",
            Load::Manual => "manual",
        }
    }
}

/// The database of a model's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plane {
    /// The application's database.
    #[default]
    Tenant,
    /// The service's own database. No DDL is generated.
    Control,
}

impl Plane {
    /// All values.
    pub const ALL: [Plane; 2] = [Plane::Tenant, Plane::Control];

    /// Returns the spelling in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Plane::Tenant => "tenant",
            Plane::Control => "control",
        }
    }
}

/// How the sync groups of a scope root are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// By the lower-cased typename (`"scope": true`).
    TypeName,
    /// By this kind.
    Kind(GroupKind),
}

/// A membership: each row grants the subject access to the scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The `belongsTo` relation to the subject.
    pub subject: RelationName,
    /// The `belongsTo` relation to the scope, whose target is a scope root.
    pub scope: RelationName,
}

/// A field filled from the writer's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoFill {
    /// The field, declared or base.
    pub field: FieldName,
    /// The source of its value.
    pub from: AutoFillSource,
}

/// The part of an identity that fills a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoFillSource {
    /// The identity's organisation.
    OrganizationId,
    /// The identity's participant.
    UserId,
}

/// The value of a declared field in a new row whose writer gave none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewValue<D> {
    /// The organisation of the writer.
    Organization,
    /// The id of the writer.
    Participant,
    /// The default of the field.
    Default(D),
    /// None.
    Absent,
}

impl<D> NewValue<D> {
    /// Returns the value of a field with this source and this default. The source comes first.
    ///
    /// ```
    /// use ablo_schema::schema::{AutoFillSource, NewValue};
    /// assert_eq!(NewValue::of(Some(AutoFillSource::UserId), Some(1)), NewValue::Participant);
    /// assert_eq!(NewValue::of(None, Some(1)), NewValue::Default(1));
    /// assert_eq!(NewValue::<i32>::of(None, None), NewValue::Absent);
    /// ```
    #[must_use]
    pub fn of(source: Option<AutoFillSource>, default: Option<D>) -> Self {
        match (source, default) {
            (Some(AutoFillSource::OrganizationId), _) => NewValue::Organization,
            (Some(AutoFillSource::UserId), _) => NewValue::Participant,
            (None, Some(default)) => NewValue::Default(default),
            (None, None) => NewValue::Absent,
        }
    }
}

impl AutoFillSource {
    /// All values.
    pub const ALL: [AutoFillSource; 2] = [AutoFillSource::OrganizationId, AutoFillSource::UserId];

    /// Returns the spelling in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AutoFillSource::OrganizationId => "organizationId",
            AutoFillSource::UserId => "userId",
        }
    }
}
