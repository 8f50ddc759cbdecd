//! Steps: what happens to one model, field or relation.
//!
//! Seven kinds are those of the reference, in its order and its JSON; the others stand between and say what the
//! reference passes over.

use super::cast::Cast;
use crate::schema::{
    ColumnName, Field, FieldKind, Grants, GroupKind, Load, Model, Plane, Relation, Role, TableName,
    Tenancy, TypeName,
};
use crate::value::Value;

/// One step. `model` is the model of the next schema, but where it is dropped.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step<'s> {
    /// A model comes (reference).
    CreateModel {
        /// The model.
        model: &'s Model,
    },
    /// A model has another key (reference).
    RenameModel {
        /// The model before.
        from: &'s Model,
        /// The model.
        to: &'s Model,
    },
    /// A field comes (reference).
    AddField {
        /// Its model.
        model: &'s Model,
        /// The field.
        field: &'s Field,
    },
    /// A field has another name, and perhaps another column (reference).
    RenameField {
        /// Its model.
        model: &'s Model,
        /// The field before.
        from: &'s Field,
        /// The field.
        to: &'s Field,
    },
    /// A field changes in what the reference knows (reference).
    AlterField {
        /// Its model.
        model: &'s Model,
        /// The field before.
        from: &'s Field,
        /// The field.
        to: &'s Field,
        /// In what.
        changes: Changes<'s>,
    },
    /// A field goes (reference).
    DropField {
        /// Its model, in the next schema.
        model: &'s Model,
        /// The field before.
        field: &'s Field,
    },
    /// A model goes (reference).
    DropModel {
        /// The model before.
        model: &'s Model,
    },
    /// A model has another table.
    AlterTable {
        /// The model.
        model: &'s Model,
        /// The table before.
        from: &'s TableName,
        /// The table.
        to: &'s TableName,
    },
    /// A model has another name on the wire.
    AlterTypeName {
        /// The model.
        model: &'s Model,
        /// The name before.
        from: &'s TypeName,
        /// The name.
        to: &'s TypeName,
    },
    /// A model moves to the other plane.
    AlterPlane {
        /// The model.
        model: &'s Model,
        /// The plane before.
        from: Plane,
        /// The plane.
        to: Plane,
    },
    /// Rows are isolated in another way.
    AlterTenancy {
        /// The model.
        model: &'s Model,
        /// How before.
        from: &'s Tenancy,
        /// How.
        to: &'s Tenancy,
    },
    /// Clients load rows at another time.
    AlterLoad {
        /// The model.
        model: &'s Model,
        /// When before.
        from: Load,
        /// When.
        to: Load,
    },
    /// Clients may write, or may no longer.
    AlterMutable {
        /// The model.
        model: &'s Model,
        /// Whether they may now.
        to: bool,
    },
    /// Rows form other sync groups.
    AlterScope {
        /// The model.
        model: &'s Model,
        /// The group's kind before.
        from: Option<GroupKind>,
        /// The group's kind.
        to: Option<GroupKind>,
    },
    /// Rows give other memberships.
    AlterGrants {
        /// The model.
        model: &'s Model,
        /// What before.
        from: Option<&'s Grants>,
        /// What.
        to: Option<&'s Grants>,
    },
    /// Sync groups follow from other fields: of an identity, or of a model's rows.
    AlterRoles {
        /// The model; none for the roles of identities.
        model: Option<&'s Model>,
        /// The roles before.
        from: &'s [Role],
        /// The roles.
        to: &'s [Role],
    },
    /// A facet of a field changes, or a member that v3 does not know.
    AlterFacet {
        /// Its model.
        model: &'s Model,
        /// The field before.
        from: &'s Field,
        /// The field.
        to: &'s Field,
        /// Which, and how.
        change: FacetChange<'s>,
    },
    /// The values of an enum have another order.
    ReorderEnum {
        /// Its model.
        model: &'s Model,
        /// The field.
        field: &'s Field,
        /// The values before.
        from: &'s [Box<str>],
        /// The values.
        to: &'s [Box<str>],
    },
    /// A relation comes, goes or changes.
    AlterRelation {
        /// Its model.
        model: &'s Model,
        /// How.
        change: RelationChange<'s>,
    },
    /// What clients and the service are told about loading and storing rows changes.
    AlterHint {
        /// The model.
        model: &'s Model,
        /// Which, and how.
        change: HintChange,
    },
}

/// What the reference knows of a field, where it changes. A renamed field says nothing of its column.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Changes<'s> {
    /// The column, before and after.
    pub column: Option<(&'s ColumnName, &'s ColumnName)>,
    /// The type, before and after, and what becomes of values.
    pub kind: Option<(&'s FieldKind, &'s FieldKind, Cast)>,
    /// Whether a row may lack a value, before and after.
    pub optional: Option<(bool, bool)>,
    /// The values of an enum that stays one.
    pub enum_values: Option<EnumChange<'s>>,
    /// Whether an index is asked for, before and after.
    pub indexed: Option<(bool, bool)>,
}

impl Changes<'_> {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Values that come to an enum and go from it, each in the order of its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumChange<'s> {
    /// New values.
    pub added: Vec<&'s str>,
    /// Values that are gone.
    pub removed: Vec<&'s str>,
}

/// One facet that changes.
#[derive(Clone, Debug, PartialEq)]
pub struct FacetChange<'s> {
    /// The member's name.
    pub facet: &'s str,
    /// What it said before.
    pub from: Option<Value>,
    /// What it says.
    pub to: Option<Value>,
    /// What becomes of values, where the format changes and the type does not.
    pub cast: Option<Cast>,
}

/// What happens to a relation.
#[derive(Clone, Debug, PartialEq)]
pub enum RelationChange<'s> {
    /// It comes.
    Added(&'s Relation),
    /// It goes.
    Removed(&'s Relation),
    /// It changes.
    Changed {
        /// The relation before.
        from: &'s Relation,
        /// The relation.
        to: &'s Relation,
    },
}

impl<'s> RelationChange<'s> {
    /// The relation as the next schema has it, else as it was.
    #[must_use]
    pub fn relation(&self) -> &'s Relation {
        match self {
            RelationChange::Added(relation) | RelationChange::Removed(relation) => relation,
            RelationChange::Changed { to, .. } => to,
        }
    }
}

/// One hint of a model that changes.
#[derive(Clone, Debug, PartialEq)]
pub struct HintChange {
    /// The member's name: `bootstrapLimit`, `bootstrapOrderBy`, `lazyObservable`, `persist`, `autoFill`, `requiredFields`.
    pub hint: &'static str,
    /// What it said before.
    pub from: Value,
    /// What it says.
    pub to: Value,
}

impl<'s> Step<'s> {
    /// The word for it in a report.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Step::CreateModel { .. } => "create_model",
            Step::RenameModel { .. } => "rename_model",
            Step::AddField { .. } => "add_field",
            Step::RenameField { .. } => "rename_field",
            Step::AlterField { .. } => "alter_field",
            Step::DropField { .. } => "drop_field",
            Step::DropModel { .. } => "drop_model",
            Step::AlterTable { .. } => "alter_table",
            Step::AlterTypeName { .. } => "alter_typename",
            Step::AlterPlane { .. } => "alter_plane",
            Step::AlterTenancy { .. } => "alter_tenancy",
            Step::AlterLoad { .. } => "alter_load",
            Step::AlterMutable { .. } => "alter_mutable",
            Step::AlterScope { .. } => "alter_scope",
            Step::AlterGrants { .. } => "alter_grants",
            Step::AlterRoles { .. } => "alter_roles",
            Step::AlterFacet { .. } => "alter_facet",
            Step::ReorderEnum { .. } => "reorder_enum",
            Step::AlterRelation { .. } => "alter_relation",
            Step::AlterHint { .. } => "alter_hint",
        }
    }

    /// The model's key in the next schema, else in the one before. Only the roles of identities have none.
    #[must_use]
    pub fn model(&self) -> Option<&'s str> {
        let model = match self {
            Step::RenameModel { to, .. } => to,
            Step::AlterRoles { model, .. } => return model.map(|model| model.key.as_str()),
            Step::CreateModel { model }
            | Step::AddField { model, .. }
            | Step::RenameField { model, .. }
            | Step::AlterField { model, .. }
            | Step::DropField { model, .. }
            | Step::DropModel { model }
            | Step::AlterTable { model, .. }
            | Step::AlterTypeName { model, .. }
            | Step::AlterPlane { model, .. }
            | Step::AlterTenancy { model, .. }
            | Step::AlterLoad { model, .. }
            | Step::AlterMutable { model, .. }
            | Step::AlterScope { model, .. }
            | Step::AlterGrants { model, .. }
            | Step::AlterFacet { model, .. }
            | Step::ReorderEnum { model, .. }
            | Step::AlterRelation { model, .. }
            | Step::AlterHint { model, .. } => model,
        };
        Some(model.key.as_str())
    }

    /// The field's name in the next schema, else in the one before; none where a step is about a whole model.
    #[must_use]
    pub fn field(&self) -> Option<&'s str> {
        match self {
            Step::AddField { field, .. }
            | Step::DropField { field, .. }
            | Step::ReorderEnum { field, .. } => Some(field.name.as_str()),
            Step::RenameField { to, .. }
            | Step::AlterField { to, .. }
            | Step::AlterFacet { to, .. } => Some(to.name.as_str()),
            Step::CreateModel { .. }
            | Step::RenameModel { .. }
            | Step::DropModel { .. }
            | Step::AlterTable { .. }
            | Step::AlterTypeName { .. }
            | Step::AlterPlane { .. }
            | Step::AlterTenancy { .. }
            | Step::AlterLoad { .. }
            | Step::AlterMutable { .. }
            | Step::AlterScope { .. }
            | Step::AlterGrants { .. }
            | Step::AlterRoles { .. }
            | Step::AlterRelation { .. }
            | Step::AlterHint { .. } => None,
        }
    }
}
