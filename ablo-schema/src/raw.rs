//! What a front read: unresolved, unchecked, every part beside its place.
//!
//! A part that is absent here was either absent in the source or of the wrong type, and in the latter case the front
//! has already said so; rules skip what they do not find. Nothing here is ever shown to an emitter.

use crate::diag::{SpanId, Spanned};
use crate::schema::{AutoFillSource, FieldMember, Load, Plane, RelationKind};
use crate::value::{Members, Value};
use std::borrow::Cow;

/// Text borrowed from the source where it can be.
pub type Text<'a> = Cow<'a, str>;

/// A part that may be absent, with its place.
pub type Maybe<T> = Option<Spanned<T>>;

/// A whole document.
#[derive(Debug, Default)]
pub struct RawSchema<'a> {
    /// The models in document order.
    pub models: Vec<RawModel<'a>>,
    /// How an identity's groups are computed.
    pub identity_roles: Vec<RawRole<'a>>,
}

/// One model.
#[derive(Debug)]
pub struct RawModel<'a> {
    /// The author's name.
    pub key: Spanned<Text<'a>>,
    /// The place of the whole model.
    pub at: SpanId,
    /// Declared fields.
    pub fields: Vec<RawField<'a>>,
    /// Relations.
    pub relations: Vec<RawRelation<'a>>,
    /// When clients load it.
    pub load: Maybe<Load>,
    /// The name on the wire.
    pub type_name: Maybe<Text<'a>>,
    /// The physical table.
    pub table_name: Maybe<Text<'a>>,
    /// How rows are isolated.
    pub tenancy: Maybe<RawTenancy<'a>>,
    /// Where the table lives.
    pub plane: Maybe<Plane>,
    /// Whether rows form sync groups.
    pub scope: Maybe<RawScope<'a>>,
    /// Membership.
    pub grants: Maybe<RawGrants<'a>>,
    /// Extra routing.
    pub entity_roles: Maybe<Vec<RawRole<'a>>>,
    /// Bootstrap hint.
    pub bootstrap_limit: Maybe<f64>,
    /// Bootstrap hint.
    pub bootstrap_order_by: Maybe<Text<'a>>,
    /// Whether clients may write.
    pub mutable: Maybe<bool>,
    /// Client hint.
    pub lazy_observable: Maybe<bool>,
    /// Client storage hint.
    pub persist: Maybe<RawPersist<'a>>,
    /// Fields filled from the identity.
    pub auto_fill: Maybe<Vec<RawAutoFill<'a>>>,
    /// Fields a stored row may not lack.
    pub required_fields: Maybe<Vec<Spanned<Text<'a>>>>,
    /// The parts that the canonical text repeats as they came.
    pub verbatim: Verbatim,
}

impl<'a> RawModel<'a> {
    /// A model of which nothing but its key is said.
    pub(crate) fn new(key: Spanned<Text<'a>>, at: SpanId) -> Self {
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
        }
    }
}

/// Parts kept as they came.
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
    pub name: Spanned<Text<'a>>,
    /// The place of the whole field.
    pub at: SpanId,
    /// Its type.
    pub kind: Maybe<RawKind>,
    /// Whether a row may lack it.
    pub optional: Maybe<bool>,
    /// Whether an index is asked for.
    pub indexed: Maybe<bool>,
    /// The physical column.
    pub column: Maybe<Text<'a>>,
    /// The values of an enum.
    pub enum_values: Maybe<Vec<Spanned<Text<'a>>>>,
    /// Prose.
    pub description: Maybe<Text<'a>>,
    /// `true`, or what to use instead.
    pub deprecated: Maybe<Option<Text<'a>>>,
    /// What the type's values are exactly, a word of `schema::Format`.
    pub format: Maybe<Text<'a>>,
    /// How many digits a decimal has.
    pub precision: Maybe<f64>,
    /// How many of them stand behind the point.
    pub scale: Maybe<f64>,
    /// What a row has where its writer said nothing.
    pub default: Maybe<Value>,
    /// Whether no two rows of an organisation share a value.
    pub unique: Maybe<bool>,
    /// The JSON Schema of a `json` field.
    pub shape: Maybe<Value>,
    /// What the field was called before.
    pub renamed_from: Maybe<Text<'a>>,
    /// The field's number in the binary form.
    pub number: Maybe<f64>,
    /// Every member in the order in which it came.
    pub(crate) members: Vec<FieldMember>,
}

/// The type of a field, before its values are looked at.
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
    /// Every kind, for messages.
    pub const ALL: [RawKind; 6] = [
        RawKind::String,
        RawKind::Number,
        RawKind::Boolean,
        RawKind::Date,
        RawKind::Enum,
        RawKind::Json,
    ];

    /// The word in Schema JSON.
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
    pub name: Spanned<Text<'a>>,
    /// The place of the whole relation.
    pub at: SpanId,
    /// Its kind.
    pub kind: Maybe<RelationKind>,
    /// A model key.
    pub target: Maybe<Text<'a>>,
    /// A field name.
    pub foreign_key: Maybe<Text<'a>>,
    /// A column name.
    pub foreign_key_column: Maybe<Text<'a>>,
    /// The options that are set.
    pub options: Maybe<RawOptions>,
    /// A field of the target.
    pub order_by: Maybe<Text<'a>>,
}

/// Relation options and their text.
#[derive(Debug, Default)]
pub struct RawOptions {
    /// Client-side index.
    pub index: bool,
    /// Attach the parent to deltas.
    pub enrich: bool,
    /// Ignore when ordering creates.
    pub defer: bool,
    /// The row lives in this parent.
    pub parent: Maybe<bool>,
    /// Emit a foreign key.
    pub fk: Maybe<bool>,
    /// As they came.
    pub members: Members,
}

/// Tenancy, unresolved.
#[derive(Debug)]
pub enum RawTenancy<'a> {
    /// By column.
    Column {
        /// The column.
        column: Spanned<Text<'a>>,
    },
    /// Through a parent row.
    Parent {
        /// A column here.
        local_key: Spanned<Text<'a>>,
        /// A table.
        parent_table: Spanned<Text<'a>>,
        /// A column there.
        parent_key: Maybe<Text<'a>>,
        /// A column there.
        parent_org_column: Maybe<Text<'a>>,
    },
    /// Shared.
    None,
}

/// Scope, unchecked.
#[derive(Debug)]
pub enum RawScope<'a> {
    /// `true` or `false`.
    Flag(bool),
    /// A kind.
    Kind(Text<'a>),
}

/// Grants, unresolved.
#[derive(Debug)]
pub struct RawGrants<'a> {
    /// A relation name.
    pub subject: Maybe<Text<'a>>,
    /// A relation name.
    pub scope: Maybe<Text<'a>>,
}

/// A role, unresolved.
#[derive(Debug)]
pub struct RawRole<'a> {
    /// The group's kind.
    pub kind: Maybe<Text<'a>>,
    /// The field read.
    pub field: Maybe<Text<'a>>,
    /// Whether an array yields several groups.
    pub multi: bool,
    /// As it came.
    pub verbatim: Value,
}

/// A storage hint.
#[derive(Debug)]
pub struct RawPersist<'a> {
    /// The store's name.
    pub store: Maybe<Text<'a>>,
}

/// A fill rule, unresolved.
#[derive(Debug)]
pub struct RawAutoFill<'a> {
    /// A field name.
    pub field: Maybe<Text<'a>>,
    /// Where its value comes from.
    pub from: Maybe<AutoFillSource>,
}
