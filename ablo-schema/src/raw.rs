//! The raw form: what a front end read, unresolved and unchecked, with spans.
//!
//! A part that is absent here was absent in the source or had the wrong type. In the latter case
//! the front end has already reported it, and rules skip it. Emitters never see this form.

use crate::diag::{SpanId, Spanned};
use crate::schema::{AutoFillSource, FieldMember, Load, Plane, RelationKind};
use crate::value::{Members, Value};
use std::borrow::Cow;

/// A string, borrowed from the source if possible.
pub type CowStr<'a> = Cow<'a, str>;

/// An optional part with its span.
pub type Maybe<T> = Option<Spanned<T>>;

/// A whole document.
#[derive(Debug, Default)]
pub struct RawSchema<'a> {
    /// The models in document order.
    pub models: Vec<RawModel<'a>>,
    /// The rules that compute an identity's sync groups.
    pub identity_roles: Vec<RawRole<'a>>,
    /// Whether clients may write rows of models that do not say.
    pub mutable: Maybe<bool>,
}

/// One model.
#[derive(Debug)]
pub struct RawModel<'a> {
    /// The author's name.
    pub key: Spanned<CowStr<'a>>,
    /// The span of the whole model.
    pub at: SpanId,
    /// Declared fields.
    pub fields: Vec<RawField<'a>>,
    /// Relations.
    pub relations: Vec<RawRelation<'a>>,
    /// When clients load the rows.
    pub load: Maybe<Load>,
    /// The name on the wire.
    pub type_name: Maybe<CowStr<'a>>,
    /// The physical table.
    pub table_name: Maybe<CowStr<'a>>,
    /// How rows are isolated.
    pub tenancy: Maybe<RawTenancy<'a>>,
    /// Which database the table is in.
    pub plane: Maybe<Plane>,
    /// Whether each row forms a sync group.
    pub scope: Maybe<RawScope<'a>>,
    /// Set if rows are memberships.
    pub grants: Maybe<RawGrants<'a>>,
    /// Rules that route rows to further sync groups.
    pub entity_roles: Maybe<Vec<RawRole<'a>>>,
    /// A bootstrap option.
    pub bootstrap_limit: Maybe<f64>,
    /// A bootstrap option.
    pub bootstrap_order_by: Maybe<CowStr<'a>>,
    /// Whether clients may write rows.
    pub mutable: Maybe<bool>,
    /// Client hint.
    pub lazy_observable: Maybe<bool>,
    /// Client hint: the local store.
    pub persist: Maybe<RawPersist<'a>>,
    /// Fields filled from the identity.
    pub auto_fill: Maybe<Vec<RawAutoFill<'a>>>,
    /// Fields that every stored row needs.
    pub required_fields: Maybe<Vec<Spanned<CowStr<'a>>>>,
    /// The parts that the canonical text repeats as written.
    pub verbatim: Verbatim,
    /// Whether it replaces a model that is not known, as in a derive of one struct.
    pub(crate) is_stub: bool,
}

impl<'a> RawModel<'a> {
    /// Creates a model that has only a key.
    pub(crate) fn new(key: Spanned<CowStr<'a>>, at: SpanId) -> Self {
        Self {
            key,
            at,
            fields: Vec::new(),
            relations: Vec::new(),
            load: None,
            type_name: None,
            table_name: None,
            tenancy: None,
            plane: None,
            scope: None,
            grants: None,
            entity_roles: None,
            bootstrap_limit: None,
            bootstrap_order_by: None,
            mutable: None,
            lazy_observable: None,
            persist: None,
            auto_fill: None,
            required_fields: None,
            verbatim: Verbatim::default(),
            is_stub: false,
        }
    }
}

/// Parts kept as written.
#[derive(Debug, Default)]
pub struct Verbatim {
    /// `tenancy`.
    pub tenancy: Option<Value>,
    /// `grants`.
    pub grants: Option<Value>,
    /// `entityRoles`.
    pub entity_roles: Option<Value>,
    /// `persist`.
    pub persist: Option<Value>,
    /// `autoFill`.
    pub auto_fill: Option<Value>,
    /// `requiredFields`.
    pub required_fields: Option<Value>,
}

/// One field.
#[derive(Debug)]
pub struct RawField<'a> {
    /// The author's name.
    pub name: Spanned<CowStr<'a>>,
    /// The span of the whole field.
    pub at: SpanId,
    /// Its type.
    pub kind: Maybe<RawKind>,
    /// Whether a row may lack it.
    pub optional: Maybe<bool>,
    /// Whether the column is indexed.
    pub indexed: Maybe<bool>,
    /// The physical column.
    pub column: Maybe<CowStr<'a>>,
    /// The values of an enum.
    pub enum_values: Maybe<Vec<Spanned<CowStr<'a>>>>,
    /// The description.
    pub description: Maybe<CowStr<'a>>,
    /// `true`, or what to use instead.
    pub deprecated: Maybe<Option<CowStr<'a>>>,
    /// The spelling of a `schema::Format`.
    pub format: Maybe<CowStr<'a>>,
    /// The total number of digits of a decimal.
    pub precision: Maybe<f64>,
    /// The number of digits after the decimal point.
    pub scale: Maybe<f64>,
    /// The value of a row whose writer sent none.
    pub default: Maybe<Value>,
    /// Whether values are unique within an organisation.
    pub unique: Maybe<bool>,
    /// Whether only credentials with an operation of their own may read the values.
    pub secret: Maybe<bool>,
    /// The JSON Schema of a `json` field.
    pub shape: Maybe<Value>,
    /// The previous name of the field.
    pub renamed_from: Maybe<CowStr<'a>>,
    /// The field's number in the binary form.
    pub number: Maybe<f64>,
    /// The spellings of the `schema::RelativeOperation`s that the field accepts.
    pub relative: Maybe<Vec<Spanned<CowStr<'a>>>>,
    /// The spelling of a `schema::ColumnType`.
    pub column_type: Maybe<CowStr<'a>>,
    /// All members in document order.
    pub(crate) members: Vec<FieldMember>,
}

/// The type of a field, without the values of an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// `string`
    String,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
    /// `date`
    Date,
    /// `enum`
    Enum,
    /// `json`
    Json,
}

impl RawKind {
    /// All kinds.
    pub const ALL: [RawKind; 6] = [
        RawKind::String,
        RawKind::Number,
        RawKind::Boolean,
        RawKind::Date,
        RawKind::Enum,
        RawKind::Json,
    ];

    /// Returns the spelling in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RawKind::String => "string",
            RawKind::Number => "number",
            RawKind::Boolean => "boolean",
            RawKind::Date => "date",
            RawKind::Enum => "enum",
            RawKind::Json => "json",
        }
    }
}

/// One relation.
#[derive(Debug)]
pub struct RawRelation<'a> {
    /// The author's name.
    pub name: Spanned<CowStr<'a>>,
    /// The span of the whole relation.
    pub at: SpanId,
    /// Its kind.
    pub kind: Maybe<RelationKind>,
    /// A model key.
    pub target: Maybe<CowStr<'a>>,
    /// A field name.
    pub foreign_key: Maybe<CowStr<'a>>,
    /// A column name.
    pub foreign_key_column: Maybe<CowStr<'a>>,
    /// The options that are set.
    pub options: Maybe<RawOptions>,
    /// A field of the target.
    pub order_by: Maybe<CowStr<'a>>,
}

/// Relation options and the members as written.
#[derive(Debug, Default)]
pub struct RawOptions {
    /// Clients index rows by the foreign key.
    pub index: bool,
    /// Clients attach the parent to incoming deltas.
    pub enrich: bool,
    /// Ignore this relation when ordering creates.
    pub defer: bool,
    /// The row belongs to this parent.
    pub parent: Maybe<bool>,
    /// Generate a FOREIGN KEY constraint.
    pub fk: Maybe<bool>,
    /// The members as written.
    pub members: Members,
}

/// Tenancy, unresolved.
#[derive(Debug)]
pub enum RawTenancy<'a> {
    /// By column.
    Column {
        /// The column.
        column: Spanned<CowStr<'a>>,
    },
    /// Through a parent row.
    Parent {
        /// A column of this table.
        local_key: Spanned<CowStr<'a>>,
        /// The parent's table.
        parent_table: Spanned<CowStr<'a>>,
        /// A column of the parent's table.
        parent_key: Maybe<CowStr<'a>>,
        /// A column of the parent's table.
        parent_org_column: Maybe<CowStr<'a>>,
    },
    /// None: all organisations share the rows.
    None,
}

/// Scope, unchecked.
#[derive(Debug)]
pub enum RawScope<'a> {
    /// `true` or `false`.
    Flag(bool),
    /// A kind.
    Kind(CowStr<'a>),
}

/// Grants, unresolved.
#[derive(Debug)]
pub struct RawGrants<'a> {
    /// A relation name.
    pub subject: Maybe<CowStr<'a>>,
    /// A relation name.
    pub scope: Maybe<CowStr<'a>>,
}

/// A role, unresolved.
#[derive(Debug)]
pub struct RawRole<'a> {
    /// The kind of the sync group.
    pub kind: Maybe<CowStr<'a>>,
    /// The field that the role reads.
    pub field: Maybe<CowStr<'a>>,
    /// Whether each string of an array yields a sync group.
    pub multi: bool,
    /// The role as written.
    pub verbatim: Value,
}

/// A client hint: the local store.
#[derive(Debug)]
pub struct RawPersist<'a> {
    /// The store's name.
    pub store: Maybe<CowStr<'a>>,
}

/// An `autoFill` rule, unresolved.
#[derive(Debug)]
pub struct RawAutoFill<'a> {
    /// A field name.
    pub field: Maybe<CowStr<'a>>,
    /// The source of its value.
    pub from: Maybe<AutoFillSource>,
}
