//! Lowering: converts a valid raw schema to a [`Schema`].
//!
//! The rules guarantee that every part is present. A missing part yields no schema instead of a
//! panic.

use super::column_types::column_type_of;
use super::context::DEFAULT_TENANCY_COLUMN;
use super::facets::{chosen_number, format_of};
use super::relative::relative_of;
use crate::lookup::Lookup;
use crate::raw::{
    RawAutoFill, RawField, RawGrants, RawKind, RawModel, RawRelation, RawRole, RawSchema, RawScope,
    RawTenancy,
};
use crate::schema::{
    Authored, AutoFill, ColumnName, Deprecated, Facets, Field, FieldKind, FieldName, Grants,
    GroupKind, Load, Model, ModelId, ModelKey, Plane, Relation, RelationName, RelationOptions,
    Role, RoleSource, Schema, Scope, TableName, Tenancy, TypeName, default_column,
};
use crate::value::Value;
use std::borrow::Cow;

pub(super) fn lower(raw: RawSchema<'_>) -> Option<Schema> {
    let by_key: Lookup<ModelKey, ModelId> = raw
        .models
        .iter()
        .enumerate()
        .map(|(at, model)| (ModelKey::new(model.key.value.as_ref()), ModelId(at)))
        .collect();
    let default = raw.mutable;
    let models = raw
        .models
        .into_iter()
        .map(|model| {
            let mutable = model.mutable.or(default);
            lower_model(RawModel { mutable, ..model }, &by_key)
        })
        .collect::<Option<Vec<_>>>()?;
    let identity_roles =
        raw.identity_roles.into_iter().map(lower_role).collect::<Option<Vec<_>>>()?;
    Some(Schema { models, by_key, identity_roles })
}

fn lower_model(raw: RawModel<'_>, by_key: &Lookup<ModelKey, ModelId>) -> Option<Model> {
    let key = ModelKey::new(raw.key.value.as_ref());
    let type_name = match &raw.type_name {
        Some(name) if !name.value.is_empty() => TypeName::new(name.value.as_ref()),
        _ => TypeName::new(key.as_str()),
    };
    let authored = Authored {
        load: raw.load.is_some(),
        table_name: raw.table_name.is_some(),
        tenancy: raw.verbatim.tenancy,
        scope: raw.scope.as_ref().map(|scope| match &scope.value {
            RawScope::Flag(flag) => Value::Bool(*flag),
            RawScope::Kind(kind) => Value::String(kind.as_ref().into()),
        }),
        grants: raw.verbatim.grants,
        entity_roles: raw.verbatim.entity_roles,
        bootstrap_limit: raw.bootstrap_limit.map(|limit| Value::Number(limit.value)),
        mutable: raw.mutable.map(|flag| flag.value),
        lazy_observable: raw.lazy_observable.map(|flag| flag.value),
        persist: raw.verbatim.persist,
        auto_fill: raw.verbatim.auto_fill,
        required_fields: raw.verbatim.required_fields,
    };
    let persist_store = raw.persist.map(|persist| match persist.value.store {
        Some(store) => store.value.into_owned().into(),
        None => type_name.as_str().into(),
    });
    let table = raw
        .table_name
        .map_or_else(|| TableName::new(key.as_str()), |table| TableName::new(table.value));
    let fields = raw.fields.into_iter().map(lower_field).collect::<Option<Vec<_>>>()?;
    let relations = raw
        .relations
        .into_iter()
        .map(|relation| lower_relation(relation, by_key))
        .collect::<Option<_>>()?;
    Some(Model {
        field_order: by_name(&fields),
        key,
        type_name,
        table,
        fields,
        relations,
        load: raw.load.map_or_else(Load::default, |load| load.value),
        tenancy: lower_tenancy(raw.tenancy.map(|tenancy| tenancy.value)),
        plane: raw.plane.map_or_else(Plane::default, |plane| plane.value),
        scope: raw.scope.and_then(|scope| lower_scope(scope.value)),
        grants: match raw.grants {
            Some(grants) => Some(lower_grants(grants.value)?),
            None => None,
        },
        entity_roles: match raw.entity_roles {
            Some(roles) => roles.value.into_iter().map(lower_role).collect::<Option<_>>()?,
            None => Vec::new(),
        },
        bootstrap_limit: raw.bootstrap_limit.map(|limit| count(limit.value)),
        bootstrap_order_by: raw.bootstrap_order_by.map(|order| order.value.into_owned().into()),
        mutable: authored.mutable.unwrap_or(false),
        lazy_observable: authored.lazy_observable.unwrap_or(false),
        persist_store,
        auto_fill: match raw.auto_fill {
            Some(fills) => fills.value.into_iter().map(lower_auto_fill).collect::<Option<_>>()?,
            None => Vec::new(),
        },
        required_fields: raw
            .required_fields
            .map(|fields| {
                fields.value.into_iter().map(|field| FieldName::new(field.value)).collect()
            })
            .unwrap_or_default(),
        authored,
    })
}

/// Returns the indexes of the fields, sorted by name. A document of 64 MiB has far fewer than 2^32
/// fields.
fn by_name(fields: &[Field]) -> Box<[u32]> {
    // Numbers take a tenth of the time of texts to compare, and few names begin alike.
    let mut order: Vec<(u64, u32)> =
        fields.iter().map(|field| start(&field.name)).zip(0..).collect();
    order.sort_unstable_by(|(one, a), (other, b)| {
        one.cmp(other).then_with(|| fields[*a as usize].name.cmp(&fields[*b as usize].name))
    });
    order.into_iter().map(|(_, at)| at).collect()
}

/// Returns the first eight bytes of a name, as a number in the order of names.
fn start(name: &FieldName) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(name.as_str().bytes()).for_each(|(byte, letter)| *byte = letter);
    u64::from_be_bytes(bytes)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the rule admits whole numbers below 2^53"
)]
fn count(number: f64) -> u64 {
    number as u64
}

fn lower_field(mut raw: RawField<'_>) -> Option<Field> {
    let column = match raw.column.take() {
        Some(column) => ColumnName::new(column.value),
        None => ColumnName::new(default_column(&raw.name.value)),
    };
    let kind = match raw.kind?.value {
        RawKind::String => FieldKind::String,
        RawKind::Number => FieldKind::Number,
        RawKind::Boolean => FieldKind::Boolean,
        RawKind::Date => FieldKind::Date,
        RawKind::Json => FieldKind::Json,
        RawKind::Enum => FieldKind::Enum(
            raw.enum_values
                .take()?
                .value
                .into_iter()
                .map(|value| value.value.into_owned().into())
                .collect(),
        ),
    };
    let facets = lower_facets(&mut raw)?;
    Some(Field {
        name: FieldName::new(raw.name.value),
        column,
        kind,
        optional: raw.optional?.value,
        indexed: raw.indexed?.value,
        facets,
        members: raw.members,
    })
}

fn lower_facets(raw: &mut RawField<'_>) -> Option<Facets> {
    Some(Facets {
        description: raw.description.take().map(|text| text.value.into_owned().into()),
        deprecated: raw.deprecated.take().map(|deprecated| Deprecated {
            note: deprecated.value.map(|note| note.into_owned().into()),
        }),
        format: format_of(raw),
        default: raw.default.take().map(|default| default.value),
        unique: raw.unique.is_some_and(|unique| unique.value),
        secret: raw.secret.is_some_and(|secret| secret.value),
        shape: raw.shape.take().map(|shape| shape.value),
        renamed_from: raw.renamed_from.take().map(|name| FieldName::new(name.value)),
        number: match &raw.number {
            Some(number) => Some(chosen_number(number.value)?),
            None => None,
        },
        relative: relative_of(raw),
        column_type: column_type_of(raw),
    })
}

fn lower_relation(raw: RawRelation<'_>, by_key: &Lookup<ModelKey, ModelId>) -> Option<Relation> {
    let target = raw.target?.value;
    let (options, members) = match raw.options {
        Some(options) => {
            let options = options.value;
            let read = RelationOptions {
                index: options.index,
                enrich: options.enrich,
                defer: options.defer,
                parent: options.parent.is_some(),
                fk: options.fk.is_some(),
            };
            (read, Some(options.members).filter(|members| !members.is_empty()))
        }
        None => (RelationOptions::default(), None),
    };
    Some(Relation {
        name: RelationName::new(raw.name.value),
        kind: raw.kind?.value,
        target_id: *by_key.get(target.as_ref())?,
        target: ModelKey::new(target),
        foreign_key: FieldName::new(raw.foreign_key?.value),
        foreign_key_column: raw.foreign_key_column?.value.into_owned().into(),
        options,
        order_by: raw.order_by.map(|field| FieldName::new(field.value)),
        options_authored: members.map(Value::Object),
    })
}

fn lower_tenancy(raw: Option<RawTenancy<'_>>) -> Tenancy {
    match raw {
        None => Tenancy::Column { column: ColumnName::new(DEFAULT_TENANCY_COLUMN) },
        Some(RawTenancy::Column { column }) => {
            Tenancy::Column { column: ColumnName::new(column.value) }
        }
        Some(RawTenancy::Parent { local_key, parent_table, parent_key, parent_org_column }) => {
            Tenancy::Parent {
                local_key: ColumnName::new(local_key.value),
                parent_table: TableName::new(parent_table.value),
                parent_key: ColumnName::new(
                    parent_key.map_or(Cow::Borrowed("id"), |column| column.value),
                ),
                parent_org_column: ColumnName::new(
                    parent_org_column
                        .map_or(Cow::Borrowed(DEFAULT_TENANCY_COLUMN), |column| column.value),
                ),
            }
        }
        Some(RawTenancy::None) => Tenancy::None,
    }
}

fn lower_scope(raw: RawScope<'_>) -> Option<Scope> {
    match raw {
        RawScope::Flag(false) => None,
        RawScope::Flag(true) => Some(Scope::TypeName),
        RawScope::Kind(kind) => Some(Scope::Kind(GroupKind::new(kind))),
    }
}

fn lower_grants(raw: RawGrants<'_>) -> Option<Grants> {
    Some(Grants {
        subject: RelationName::new(raw.subject?.value),
        scope: RelationName::new(raw.scope?.value),
    })
}

fn lower_role(raw: RawRole<'_>) -> Option<Role> {
    let source = RoleSource { field: raw.field?.value.into_owned().into(), multi: raw.multi };
    Some(Role { kind: GroupKind::new(raw.kind?.value), source, authored: raw.verbatim })
}

fn lower_auto_fill(raw: RawAutoFill<'_>) -> Option<AutoFill> {
    Some(AutoFill { field: FieldName::new(raw.field?.value), from: raw.from?.value })
}
