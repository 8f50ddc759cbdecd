//! Steps: the changes of one model, field or relation.
//!
//! Seven kinds are those of the reference, in its order and its JSON. The others cover changes that
//! the reference ignores.

use super::cast::Cast;
use crate::schema::{
    ColumnName, Field, FieldKind, Grants, GroupKind, Load, Model, Plane, Relation, Role, TableName,
    Tenancy, TypeName,
};
use crate::value::Value;

/// One step. `model` is the model of the next schema, or of the previous one if it is dropped.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step<'s> {
    /// A model is added (reference).
    CreateModel {
        /// The model.
        model: &'s Model,
    },
    /// The key of a model changes (reference).
    RenameModel {
        /// The previous model.
        from: &'s Model,
        /// The model.
        to: &'s Model,
    },
    /// A field is added (reference).
    AddField {
        /// Its model.
        model: &'s Model,
        /// The field.
        field: &'s Field,
    },
    /// The name of a field changes, and possibly its column (reference).
    RenameField {
        /// Its model.
        model: &'s Model,
        /// The previous field.
        from: &'s Field,
        /// The field.
        to: &'s Field,
    },
    /// Properties of a field that the reference knows change (reference).
    AlterField {
        /// Its model.
        model: &'s Model,
        /// The previous field.
        from: &'s Field,
        /// The field.
        to: &'s Field,
        /// The changes.
        changes: FieldChanges<'s>,
    },
    /// A field is dropped (reference).
    DropField {
        /// Its model, in the next schema.
        model: &'s Model,
        /// The previous field.
        field: &'s Field,
    },
    /// A model is dropped (reference).
    DropModel {
        /// The previous model.
        model: &'s Model,
    },
    /// The table of a model changes.
    AlterTable {
        /// The model.
        model: &'s Model,
        /// The previous table.
        from: &'s TableName,
        /// The next table.
        to: &'s TableName,
    },
    /// The typename of a model changes.
    AlterTypeName {
        /// The model.
        model: &'s Model,
        /// The previous typename.
        from: &'s TypeName,
        /// The next typename.
        to: &'s TypeName,
    },
    /// A model moves to the other plane.
    AlterPlane {
        /// The model.
        model: &'s Model,
        /// The previous plane.
        from: Plane,
        /// The next plane.
        to: Plane,
    },
    /// Tenancy changes.
    AlterTenancy {
        /// The model.
        model: &'s Model,
        /// The previous tenancy.
        from: &'s Tenancy,
        /// The next tenancy.
        to: &'s Tenancy,
    },
    /// The time at which clients load rows changes.
    AlterLoad {
        /// The model.
        model: &'s Model,
        /// The previous setting.
        from: Load,
        /// The next setting.
        to: Load,
    },
    /// Whether clients may write rows changes.
    AlterMutable {
        /// The model.
        model: &'s Model,
        /// Whether clients may write from now on.
        to: bool,
    },
    /// The sync groups that rows form change.
    AlterScope {
        /// The model.
        model: &'s Model,
        /// The previous kind.
        from: Option<GroupKind>,
        /// The next kind.
        to: Option<GroupKind>,
    },
    /// The memberships that rows grant change.
    AlterGrants {
        /// The model.
        model: &'s Model,
        /// The previous grants.
        from: Option<&'s Grants>,
        /// The next grants.
        to: Option<&'s Grants>,
    },
    /// The roles of identities or of a model's rows change.
    AlterRoles {
        /// The model; `None` for the roles of identities.
        model: Option<&'s Model>,
        /// The previous roles.
        from: &'s [Role],
        /// The next roles.
        to: &'s [Role],
    },
    /// A facet of a field changes, or a member that Schema JSON v3 does not define.
    AlterFacet {
        /// Its model.
        model: &'s Model,
        /// The previous field.
        from: &'s Field,
        /// The field.
        to: &'s Field,
        /// The change.
        change: FacetChange<'s>,
    },
    /// The order of the values of an enum changes.
    ReorderEnum {
        /// Its model.
        model: &'s Model,
        /// The field.
        field: &'s Field,
        /// The previous values.
        from: &'s [Box<str>],
        /// The next values.
        to: &'s [Box<str>],
    },
    /// A relation is added, dropped or changed.
    AlterRelation {
        /// Its model.
        model: &'s Model,
        /// The change.
        change: RelationChange<'s>,
    },
    /// An option about loading and storing rows changes.
    AlterHint {
        /// The model.
        model: &'s Model,
        /// The change.
        change: HintChange,
    },
}

/// The changes of a field that the reference knows. A rename covers the column of a renamed field.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FieldChanges<'s> {
    /// The column, before and after.
    pub column: Option<(&'s ColumnName, &'s ColumnName)>,
    /// The type, before and after, and the effect on existing values.
    pub kind: Option<(&'s FieldKind, &'s FieldKind, Cast)>,
    /// Whether a row may lack a value, before and after.
    pub optional: Option<(bool, bool)>,
    /// The changed values of an enum.
    pub enum_values: Option<EnumChange<'s>>,
    /// Whether the column is indexed, before and after.
    pub indexed: Option<(bool, bool)>,
}

impl FieldChanges<'_> {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The added and removed values of an enum, each in the order of its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumChange<'s> {
    /// New values.
    pub added: Vec<&'s str>,
    /// Removed values.
    pub removed: Vec<&'s str>,
}

/// The change of one facet.
#[derive(Clone, Debug, PartialEq)]
pub struct FacetChange<'s> {
    /// The member's name.
    pub facet: &'s str,
    /// The previous value.
    pub from: Option<Value>,
    /// The next value.
    pub to: Option<Value>,
    /// The effect on existing values, if only the format or the type of the column changes.
    pub cast: Option<Cast>,
}

/// The change of a relation.
#[derive(Clone, Debug, PartialEq)]
pub enum RelationChange<'s> {
    /// Added.
    Added(&'s Relation),
    /// Removed.
    Removed(&'s Relation),
    /// Changed.
    Changed {
        /// The previous relation.
        from: &'s Relation,
        /// The next relation.
        to: &'s Relation,
    },
}

impl<'s> RelationChange<'s> {
    /// Returns the next relation, or the previous one if it is removed.
    #[must_use]
    pub fn relation(&self) -> &'s Relation {
        match self {
            RelationChange::Added(relation) | RelationChange::Removed(relation) => relation,
            RelationChange::Changed { to, .. } => to,
        }
    }
}

/// The change of one model option.
#[derive(Clone, Debug, PartialEq)]
pub struct HintChange {
    /// The member's name: `bootstrapLimit`, `bootstrapOrderBy`, `lazyObservable`, `persist`,
    /// `autoFill`, `requiredFields`.
    pub hint: &'static str,
    /// The previous value.
    pub from: Value,
    /// The next value.
    pub to: Value,
}

impl<'s> Step<'s> {
    /// Returns the kind as in a report.
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

    /// Returns the model's key in the next schema, or in the previous one if it is dropped. Only
    /// the roles of identities have none.
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

    /// Returns the field's name in the next schema, or in the previous one if it is dropped. `None`
    /// if the step is about a whole model.
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
