//! Descriptors: the schema as static data, for code that is generic over models.
//!
//! Generated code has one static per descriptor. Names and hashes are those of the schema that the
//! code was generated from, so a client can send a server the hash of its schema.

use crate::key::Key;
use ablo_schema::schema::RelativeOperation;
use std::fmt;
use std::sync::OnceLock;

/// A whole schema.
///
/// ```
/// # mod generated { include!("../tests/weather.in"); }
/// let report = generated::SCHEMA.model("weatherReports").ok_or("it is in the schema")?;
/// let required = report.fields.iter().filter(|field| !field.optional);
/// assert_eq!(required.map(|field| field.name).collect::<Vec<_>>(), ["location", "status"]);
/// let station = report.relation("station").ok_or("it is in the model")?;
/// assert_eq!(station.target().table, "stations");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct SchemaDescriptor {
    /// The models, in schema order.
    pub models: &'static [&'static ModelDescriptor],
    /// The rules that compute the sync groups of an identity.
    pub identity_roles: &'static [RoleDescriptor],
    /// `schemaHash` and `contentHash`, if the generator knew the whole schema.
    pub(crate) known: Option<(&'static str, &'static str)>,
    pub(crate) hashes: OnceLock<Result<SchemaHashes, SchemaError>>,
}

impl SchemaDescriptor {
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(
        known: Option<(&'static str, &'static str)>,
        models: &'static [&'static ModelDescriptor],
        identity_roles: &'static [RoleDescriptor],
    ) -> Self {
        Self { models, identity_roles, known, hashes: OnceLock::new() }
    }

    /// Returns the model with this key.
    #[must_use]
    pub fn model(&self, key: &str) -> Option<&'static ModelDescriptor> {
        self.models.iter().copied().find(|model| model.key == key)
    }

    /// Returns the model with this name on the wire.
    #[must_use]
    pub fn model_by_type_name(&self, type_name: &str) -> Option<&'static ModelDescriptor> {
        self.models.iter().copied().find(|model| model.type_name == type_name)
    }
}

/// The faults of a schema whose models are derived separately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// One message per fault, starting with its code.
    pub faults: Vec<String>,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

impl std::error::Error for SchemaError {}

/// The hashes of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaHashes {
    /// The 32-bit hash that clients and servers compare, as the hosted service computes it.
    pub schema: String,
    /// The hash that identifies the schema.
    pub content: String,
}

/// One model.
#[derive(Debug)]
pub struct ModelDescriptor {
    /// The author's name of the model.
    pub key: &'static str,
    /// Its name on the wire, `modelName` of a delta.
    pub type_name: &'static str,
    /// The physical table.
    pub table: &'static str,
    /// When clients load its rows.
    pub load: Load,
    /// The database that has the table.
    pub plane: Plane,
    /// Whether clients may write it.
    pub mutable: bool,
    /// The kind of sync group that each row forms, if any.
    pub scope: Option<&'static str>,
    /// How rows are assigned to organisations.
    pub tenancy: Tenancy,
    /// The membership that each row is, if any.
    pub grants: Option<GrantsDescriptor>,
    /// Additional rules that route rows to sync groups.
    pub entity_roles: &'static [RoleDescriptor],
    /// The largest number of rows in a bootstrap.
    pub bootstrap_limit: Option<u64>,
    /// The order in which a bootstrap selects rows.
    pub bootstrap_order_by: Option<&'static str>,
    /// A hint for clients to observe rows lazily.
    pub lazy_observable: bool,
    /// A hint for clients to persist rows in the store with this name.
    pub persist: Option<&'static str>,
    /// The fields that are filled from the writer's identity.
    pub auto_fill: &'static [AutoFillDescriptor],
    /// Fields without which a client drops a stored row as orphaned.
    pub required_fields: &'static [&'static str],
    /// The base fields that the schema declares explicitly.
    pub base_fields: &'static [FieldDescriptor],
    /// The declared fields in schema order, without the base fields.
    pub fields: &'static [FieldDescriptor],
    /// The relations, in schema order.
    pub relations: &'static [RelationDescriptor],
}

impl ModelDescriptor {
    /// The defaults for members that generated code omits.
    #[doc(hidden)]
    pub const DEFAULT: Self = Self {
        key: "",
        type_name: "",
        table: "",
        load: Load::Instant,
        plane: Plane::Tenant,
        mutable: false,
        scope: None,
        tenancy: Tenancy::Column { column: "organization_id" },
        grants: None,
        entity_roles: &[],
        bootstrap_limit: None,
        bootstrap_order_by: None,
        lazy_observable: false,
        persist: None,
        auto_fill: &[],
        required_fields: &[],
        base_fields: &[],
        fields: &[],
        relations: &[],
    };

    /// Returns the declared field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldDescriptor> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the relation with this name.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<&'static RelationDescriptor> {
        self.relations.iter().find(|relation| relation.name == name)
    }
}

/// One declared field.
#[derive(Debug)]
pub struct FieldDescriptor {
    /// The member name on the wire.
    pub name: &'static str,
    /// The physical column.
    pub column: &'static str,
    /// The type of its values.
    pub kind: FieldKind,
    /// Whether the value may be absent or null.
    pub optional: bool,
    /// Whether the column has an index.
    pub indexed: bool,
    /// The description from the schema.
    pub description: Option<&'static str>,
    /// The deprecation note. Empty if the field is deprecated without a note.
    pub deprecated: Option<&'static str>,
    /// The exact format of its values.
    pub format: Option<Format>,
    /// Precision and scale of a decimal, if the schema bounds them.
    pub digits: Option<(u16, u16)>,
    /// The default value of new rows, as JSON.
    pub default: Option<&'static str>,
    /// Whether values are unique within an organisation.
    pub unique: bool,
    /// Whether only credentials with an operation of their own may read the values.
    pub secret: bool,
    /// The JSON Schema of a `json` field, as JSON.
    pub shape: Option<&'static str>,
    /// The previous name of the field.
    pub renamed_from: Option<&'static str>,
    /// The number of the field in the binary form, if the schema sets one.
    pub number: Option<u32>,
    /// The changes of the field that start from its current value.
    pub relative: &'static [RelativeOperation],
    /// The type of the column in PostgreSQL, if the schema sets one.
    pub column_type: Option<&'static str>,
    /// Whether generated code keeps the JSON value as text.
    #[doc(hidden)]
    pub raw: bool,
    /// Computes the shape if only the Rust type has it.
    #[doc(hidden)]
    pub shape_of: Option<fn() -> String>,
    /// The name in the form that the JSON reader compares.
    #[doc(hidden)]
    pub key: Key,
}

impl FieldDescriptor {
    /// The defaults for members that generated code omits.
    #[doc(hidden)]
    pub const DEFAULT: Self = Self {
        name: "",
        column: "",
        kind: FieldKind::Json,
        optional: false,
        indexed: false,
        description: None,
        deprecated: None,
        format: None,
        digits: None,
        default: None,
        unique: false,
        secret: false,
        shape: None,
        renamed_from: None,
        number: None,
        relative: &[],
        column_type: None,
        raw: false,
        shape_of: None,
        key: Key::new(""),
    };
}

/// The field types of Schema JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// Text.
    String,
    /// An IEEE 754 double.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A point in time.
    Date,
    /// One of these values, or a value of a newer schema.
    Enum(&'static [&'static str]),
    /// Any JSON value.
    Json,
}

/// The exact format of the values of a `number` or a `string`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A signed 8-bit number.
    Int8,
    /// A signed 16-bit number.
    Int16,
    /// A signed 32-bit number.
    Int32,
    /// An unsigned 8-bit number.
    Uint8,
    /// An unsigned 16-bit number.
    Uint16,
    /// An unsigned 32-bit number.
    Uint32,
    /// An IEEE 754 single.
    Float,
    /// A signed 64-bit number, as a string of digits.
    Int64,
    /// An unsigned 64-bit number, as a string of digits.
    Uint64,
    /// An exact decimal number, as a string.
    Decimal,
    /// A UUID, as a string.
    Uuid,
}

/// One relation.
pub struct RelationDescriptor {
    /// The name of the relation.
    pub name: &'static str,
    /// Which side has the foreign key, and how many rows the other side has.
    pub kind: RelationKind,
    /// The target model. A function, since models may refer to each other.
    pub target: fn() -> &'static ModelDescriptor,
    /// The foreign key: a field of this model for `belongsTo`, of the target otherwise.
    pub foreign_key: &'static str,
    /// The field of the target that orders a `hasMany`.
    pub order_by: Option<&'static str>,
    /// Whether clients index the foreign key.
    pub index: bool,
    /// Whether incoming deltas carry the parent row.
    pub enrich: bool,
    /// Whether the relation is ignored when creates are ordered.
    pub defer: bool,
    /// Whether the row belongs to the sync groups of this parent.
    pub parent: bool,
    /// Whether the database has a foreign key constraint.
    pub fk: bool,
}

impl RelationDescriptor {
    /// Returns the target model.
    #[must_use]
    pub fn target(&self) -> &'static ModelDescriptor {
        (self.target)()
    }
}

// A derived implementation would not terminate on cyclic relations.
impl fmt::Debug for RelationDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelationDescriptor")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("target", &self.target().key)
            .field("foreign_key", &self.foreign_key)
            .field("order_by", &self.order_by)
            .field("index", &self.index)
            .field("enrich", &self.enrich)
            .field("defer", &self.defer)
            .field("parent", &self.parent)
            .field("fk", &self.fk)
            .finish()
    }
}

/// The kind of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// This row points at one target row.
    BelongsTo,
    /// Many target rows point at this row.
    HasMany,
    /// One target row points at this row.
    HasOne,
}

/// When clients load a model's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// At bootstrap.
    Instant,
    /// On first access.
    Lazy,
    /// Only on request.
    Manual,
}

impl Load {
    /// Returns the name in Schema JSON, or `None` for the default.
    pub(crate) fn keyword(self) -> Option<&'static str> {
        match self {
            Load::Instant => None,
            Load::Lazy => Some("lazy"),
            Load::Manual => Some("manual"),
        }
    }
}

/// The database that has a model's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// The application's database.
    Tenant,
    /// The service's database.
    Control,
}

/// How rows are assigned to organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// A column holds the organisation.
    Column {
        /// The column.
        column: &'static str,
    },
    /// A parent row holds the organisation.
    Parent {
        /// A column of this table.
        local_key: &'static str,
        /// The parent's table.
        parent_table: &'static str,
        /// The parent's column that `local_key` refers to.
        parent_key: &'static str,
        /// The parent's tenancy column.
        parent_org_column: &'static str,
    },
    /// All organisations share the rows.
    None,
}

/// A membership: the relations to its subject and its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantsDescriptor {
    /// The relation to the row that gains access.
    pub subject: &'static str,
    /// The relation to the scope root that access is granted to.
    pub scope: &'static str,
}

/// A field that is filled from the writer's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoFillDescriptor {
    /// The field.
    pub field: &'static str,
    /// The member of the identity, `organizationId` or `userId`.
    pub from: &'static str,
}

/// A rule that yields sync groups `<kind>:<value>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleDescriptor {
    /// The group's kind.
    pub kind: &'static str,
    /// The field that holds the value.
    pub field: &'static str,
    /// Whether the field holds an array with a group per string.
    pub multi: bool,
}
