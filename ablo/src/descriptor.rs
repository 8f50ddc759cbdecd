//! What a schema says, for code that is generic over models.
//!
//! Generated code has one static of each; nothing here is ever built at run time. Hashes and names are those of the
//! schema that the code was generated from, so a client can tell a server which one it knows.

use crate::codec::Key;
use crate::{Model, SchemaError, SchemaHashes};
use std::fmt;
use std::sync::OnceLock;

/// A whole schema.
///
/// ```
/// # mod generated { include!("../tests/weather.in"); }
/// let report = generated::SCHEMA.model("weatherReports").ok_or("it is in the schema")?;
/// let required: Vec<_> = report.fields.iter().filter(|field| !field.optional).map(|field| field.name).collect();
/// assert_eq!(required, ["location", "status"]);
/// let station = report.relation("station").ok_or("it is in the model")?;
/// assert_eq!(station.target().table, "stations");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct SchemaDescriptor {
    /// The models, in schema order.
    pub models: &'static [&'static ModelDescriptor],
    /// How an identity's sync groups are computed.
    pub identity_roles: &'static [RoleDescriptor],
    /// The hashes, where whoever wrote this knew the whole schema.
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

    /// The model with this key.
    #[must_use]
    pub fn model(&self, key: &str) -> Option<&'static ModelDescriptor> {
        self.models.iter().copied().find(|model| model.key == key)
    }

    /// The model with this name on the wire.
    #[must_use]
    pub fn model_by_type_name(&self, type_name: &str) -> Option<&'static ModelDescriptor> {
        self.models.iter().copied().find(|model| model.type_name == type_name)
    }
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
    /// Where its table lives.
    pub plane: Plane,
    /// Whether clients may write it.
    pub mutable: bool,
    /// The kind of the sync group that each row forms, where it forms one.
    pub scope: Option<&'static str>,
    /// How rows are isolated inside one database.
    pub tenancy: Tenancy,
    /// Membership: the relations to who is given access and to what.
    pub grants: Option<GrantsDescriptor>,
    /// Extra routing of rows to sync groups.
    pub entity_roles: &'static [RoleDescriptor],
    /// How many rows a bootstrap may carry.
    pub bootstrap_limit: Option<u64>,
    /// In which order a bootstrap takes them.
    pub bootstrap_order_by: Option<&'static str>,
    /// Client hint: observe lazily.
    pub lazy_observable: bool,
    /// Client storage hint: the store's name.
    pub persist: Option<&'static str>,
    /// Fields filled from the writer's identity.
    pub auto_fill: &'static [AutoFillDescriptor],
    /// A stored row without one of these is dropped as orphaned.
    pub required_fields: &'static [&'static str],
    /// Fields that every row has, where the author says more of them.
    pub base_fields: &'static [FieldDescriptor],
    /// The declared fields, in schema order, without the fields that every row has.
    pub fields: &'static [FieldDescriptor],
    /// The relations, in schema order.
    pub relations: &'static [RelationDescriptor],
}

impl ModelDescriptor {
    /// What generated code leaves out.
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

    /// The declared field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldDescriptor> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The relation with this name.
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
    /// What it holds.
    pub kind: FieldKind,
    /// Whether a row may lack a value.
    pub optional: bool,
    /// Whether an index is asked for.
    pub indexed: bool,
    /// The author's words on it.
    pub description: Option<&'static str>,
    /// Whether users should stop using it, and what to use instead; empty where the author did not say.
    pub deprecated: Option<&'static str>,
    /// What its values are exactly.
    pub format: Option<Format>,
    /// Digits in all and behind the point of a decimal, where the author bounds them.
    pub digits: Option<(u16, u16)>,
    /// What a row has where its writer said nothing, as JSON.
    pub default: Option<&'static str>,
    /// Whether no two rows of an organisation share a value.
    pub unique: bool,
    /// The JSON Schema of a `json` field, as JSON.
    pub shape: Option<&'static str>,
    /// What the field was called before.
    pub renamed_from: Option<&'static str>,
    /// The field's number in the binary form, where the author chose one.
    pub number: Option<u32>,
    /// Whether generated code keeps its JSON as text.
    #[doc(hidden)]
    pub raw: bool,
    /// Its shape, where only the type knows it.
    #[doc(hidden)]
    pub shape_of: Option<fn() -> String>,
    /// The name, ready to be compared with what is read.
    #[doc(hidden)]
    pub key: Key,
}

impl FieldDescriptor {
    /// What generated code leaves out.
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
        shape: None,
        renamed_from: None,
        number: None,
        raw: false,
        shape_of: None,
        key: Key::new(""),
    };
}

/// The types of Schema JSON.
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
    /// One of these values, or one that a newer writer knows.
    Enum(&'static [&'static str]),
    /// Any JSON value.
    Json,
}

/// What the values of a `number` or a `string` are exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A number of 8 bits, signed.
    Int8,
    /// A number of 16 bits, signed.
    Int16,
    /// A number of 32 bits, signed.
    Int32,
    /// A number of 8 bits.
    Uint8,
    /// A number of 16 bits.
    Uint16,
    /// A number of 32 bits.
    Uint32,
    /// An IEEE 754 single.
    Float,
    /// A string of digits: 64 bits, signed.
    Int64,
    /// A string of digits: 64 bits.
    Uint64,
    /// A string: an exact decimal number.
    Decimal,
    /// A string: a UUID.
    Uuid,
}

/// One relation.
pub struct RelationDescriptor {
    /// The author's name.
    pub name: &'static str,
    /// Which side holds the foreign key, and how many rows the other side has.
    pub kind: RelationKind,
    /// The model it leads to. A function, since models may point at each other.
    pub target: fn() -> &'static ModelDescriptor,
    /// A field of this model for `belongsTo`, of the target otherwise.
    pub foreign_key: &'static str,
    /// A field of the target that orders a `hasMany`.
    pub order_by: Option<&'static str>,
    /// Client-side foreign-key index.
    pub index: bool,
    /// Attach the parent to incoming deltas.
    pub enrich: bool,
    /// Ignore this edge when ordering creates.
    pub defer: bool,
    /// The row lives in this parent: sync-group fan-out follows it.
    pub parent: bool,
    /// A physical foreign key holds it.
    pub fk: bool,
}

impl RelationDescriptor {
    /// What generated code leaves out, for a relation to `M`.
    #[doc(hidden)]
    #[must_use]
    pub const fn __to<M: Model>(
        name: &'static str,
        kind: RelationKind,
        foreign_key: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            target: target::<M>,
            foreign_key,
            order_by: None,
            index: false,
            enrich: false,
            defer: false,
            parent: false,
            fk: false,
        }
    }

    /// The model it leads to.
    #[must_use]
    pub fn target(&self) -> &'static ModelDescriptor {
        (self.target)()
    }
}

fn target<M: Model>() -> &'static ModelDescriptor {
    M::DESCRIPTOR
}

// The derive would follow relations in circles.
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

/// When clients load a model's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// At bootstrap.
    Instant,
    /// On first access.
    Lazy,
    /// Only when asked.
    Manual,
}

impl Load {
    /// The word in Schema JSON; the default is not said.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Load::Instant => None,
            Load::Lazy => Some("lazy"),
            Load::Manual => Some("manual"),
        }
    }
}

/// Where a model's table lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// In a customer's database.
    Tenant,
    /// Only in the service's own.
    Control,
}

/// How rows are isolated inside one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// A column holds the organisation.
    Column {
        /// That column.
        column: &'static str,
    },
    /// A parent row holds it.
    Parent {
        /// A column of this table.
        local_key: &'static str,
        /// The parent's table.
        parent_table: &'static str,
        /// The parent's column that `local_key` holds.
        parent_key: &'static str,
        /// The parent's tenancy column.
        parent_org_column: &'static str,
    },
    /// Rows are shared by all.
    None,
}

/// A membership edge, by relation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantsDescriptor {
    /// To who is given access.
    pub subject: &'static str,
    /// To what access is given.
    pub scope: &'static str,
}

/// A field filled from the writer's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoFillDescriptor {
    /// The field.
    pub field: &'static str,
    /// The member of the identity: `organizationId` or `userId`.
    pub from: &'static str,
}

/// A rule that yields sync groups `<kind>:<value>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleDescriptor {
    /// The group's kind.
    pub kind: &'static str,
    /// The field of the identity that holds the value.
    pub field: &'static str,
    /// Whether every string of an array yields a group.
    pub multi: bool,
}
