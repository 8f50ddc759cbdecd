//! Builds models from a validated schema.

use super::{
    Column, ColumnDefault, ColumnRole, Grants, IdentityRole, Model, ModelId, Models, Relation,
    RowRole, Tenancy, mapping,
};
use crate::limits::Limits;
use crate::value::ValueKind;
use ablo_codegen::shape::{BaseField, ColumnShape, Isolation, ParentOwner, TableShape, tables};
use ablo_schema::Schema;
use ablo_schema::schema::{self as checked, RelationKind};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

impl Models {
    /// Builds the models of a schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let shapes = tables(schema);
        let mut list: Vec<Model> =
            shapes.iter().enumerate().map(|(at, shape)| Model::new(ModelId(at), shape)).collect();
        let by_key: BTreeMap<String, ModelId> =
            list.iter().map(|model| (model.key.clone(), model.id)).collect();
        let by_table: BTreeMap<String, ModelId> =
            list.iter().map(|model| (model.table.clone(), model.id)).collect();
        for (at, shape) in shapes.iter().enumerate() {
            let tenancy = tenancy(shape, &list[at], &by_table, &list);
            let relations = relations(shape.model, &list[at], &by_key, &list);
            let parents = parents(shape.model, &list[at], &by_key);
            let grants = grants(shape.model, &list[at], schema);
            for (column, parent) in &parents {
                list[parent.0].children.push((ModelId(at), *column));
            }
            let model = &mut list[at];
            (model.tenancy, model.relations, model.parents, model.grants) =
                (tenancy, relations, parents, grants);
        }
        let roles = schema.identity_roles().iter().map(|role| IdentityRole {
            kind: role.kind.as_str().to_owned(),
            field: role.source.field.to_string(),
            multi: role.source.multi,
        });
        let row_bytes = Limits::default().row_bytes;
        Self { names: names(&list), roles: roles.collect(), row_bytes, list }
    }
}

fn names(list: &[Model]) -> BTreeMap<String, ModelId> {
    let spellings: [fn(&Model) -> String; 5] = [
        |model| model.type_name.clone(),
        |model| model.key.clone(),
        |model| model.type_name.to_lowercase(),
        |model| model.key.to_lowercase(),
        |model| model.wire_name.clone(),
    ];
    let mut names = BTreeMap::new();
    for spelling in spellings {
        for model in list {
            names.entry(spelling(model)).or_insert(model.id);
        }
    }
    names
}

impl Model {
    fn new(id: ModelId, shape: &TableShape<'_>) -> Self {
        let model = shape.model;
        let columns: Vec<Column> = shape.columns.iter().map(Column::new).collect();
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for (at, column) in columns.iter().enumerate() {
            names.entry(column.member.clone()).or_insert(at);
        }
        for (at, column) in columns.iter().enumerate() {
            names.entry(column.name.clone()).or_insert(at);
            names.entry(snake(&column.member)).or_insert(at);
        }
        let position = |name: &str| names.get(name).copied();
        let roles = model.entity_roles.iter().filter_map(|role| {
            let (kind, multi) = (role.kind.as_str().to_owned(), role.source.multi);
            let column = position(&role.source.field)?;
            // Strings and integers name one group, arrays several.
            let value_kind = &columns.get(column)?.kind;
            let fits = match value_kind {
                ValueKind::Json => multi,
                ValueKind::Number | ValueKind::Float | ValueKind::Boolean | ValueKind::Date => {
                    false
                }
                _ => !multi,
            };
            fits.then_some(RowRole { kind, column, multi })
        });
        let auto_fill = model
            .auto_fill
            .iter()
            .filter_map(|fill| Some((position(fill.field.as_str())?, fill.from)));
        let is_secret = |(_, shape): &(usize, &ColumnShape<'_>)| {
            shape.field.is_some_and(|field| field.facets.secret)
        };
        let secret = shape.columns.iter().enumerate().filter(is_secret).map(|(at, _)| at).collect();
        let order = model.bootstrap_order_by.as_deref().and_then(|order| {
            let (column, direction) = order.trim().split_once(' ').unwrap_or((order.trim(), "asc"));
            Some((position(column)?, direction.trim().eq_ignore_ascii_case("desc")))
        });
        let type_name = model.type_name.as_str().to_owned();
        Self {
            id,
            key: model.key.as_str().to_owned(),
            wire_name: type_name.replacen("Model", "", 1).to_lowercase(),
            type_name,
            table: shape.name().to_owned(),
            mutable: model.mutable,
            load: model.load,
            bootstrap_limit: model.bootstrap_limit,
            bootstrap_order: order,
            tenancy: Tenancy::Shared,
            scope: model.scope_kind().map(|kind| kind.as_str().to_owned()),
            roles: roles.collect(),
            parents: Vec::new(),
            children: Vec::new(),
            relations: Vec::new(),
            grants: None,
            secret,
            auto_fill: auto_fill.collect(),
            captured: AtomicBool::new(false),
            columns,
            names,
        }
    }
}

impl Column {
    fn new(shape: &ColumnShape<'_>) -> Self {
        let role = match shape.base {
            Some(BaseField::Id) => ColumnRole::Id,
            Some(BaseField::OrganizationId) => ColumnRole::Organization,
            Some(BaseField::CreatedBy) => ColumnRole::CreatedBy,
            Some(BaseField::CreatedAt) => ColumnRole::CreatedAt,
            Some(BaseField::UpdatedAt) => ColumnRole::UpdatedAt,
            None => ColumnRole::Declared,
        };
        // A declared field may replace a base column under another member name.
        let declared = shape.field.map(|field| field.name.as_str());
        let member = declared.or(shape.base.map(BaseField::name)).unwrap_or(shape.name);
        let mut kind = ValueKind::of(shape.kind);
        let native = shape.native.cloned();
        let mapping = native
            .as_ref()
            .map(|native| mapping::of_declared(&mut kind, native))
            .unwrap_or_default();
        let constant = shape.default.and_then(|value| RawValue::from_string(value.to_json()).ok());
        let preset = match constant {
            _ if shape.default_now => Some(ColumnDefault::Now),
            // Validation has checked the type of the default.
            constant => constant.and_then(|value| kind.read(&value).ok()).map(ColumnDefault::Value),
        };
        let schema = shape.field.and_then(|field| field.facets.shape.as_ref());
        let document = schema.and_then(|schema| serde_json::from_str(&schema.to_json()).ok());
        Self {
            member: member.to_owned(),
            name: shape.name.to_owned(),
            kind,
            required: shape.not_null,
            default: preset,
            role,
            // Validation has parsed the JSON Schema.
            json_schema: document
                .and_then(|document: serde_json::Value| jsonschema::validator_for(&document).ok()),
            mapping,
            native,
            relative: shape.field.map(|field| field.facets.relative.clone()).unwrap_or_default(),
        }
    }
}

fn tenancy(
    shape: &TableShape<'_>,
    model: &Model,
    by_table: &BTreeMap<String, ModelId>,
    list: &[Model],
) -> Tenancy {
    let position =
        |model: &Model, name: &str| model.columns.iter().position(|column| column.name == name);
    match shape.isolation {
        Isolation::Shared => Tenancy::Shared,
        Isolation::Column(name) => {
            position(model, name).map_or(Tenancy::Unresolved, Tenancy::Column)
        }
        Isolation::Parent { local_key, table, key, owner } => {
            let Some(local_key) = position(model, local_key) else { return Tenancy::Unresolved };
            let parent = by_table.get(table).copied();
            let known = parent.and_then(|parent| Some((parent, position(&list[parent.0], key)?)));
            match (known, owner) {
                (Some((parent, key)), ParentOwner::Column(_) | ParentOwner::Inherited) => {
                    Tenancy::Parent { local_key, parent, key }
                }
                (_, ParentOwner::Assumed(owner)) => Tenancy::ExternalParent {
                    local_key,
                    table: table.to_owned(),
                    key: key.to_owned(),
                    owner: owner.to_owned(),
                },
                (None, _) => Tenancy::Unresolved,
            }
        }
    }
}

fn parents(
    model: &checked::Model,
    own: &Model,
    by_key: &BTreeMap<String, ModelId>,
) -> Vec<(usize, ModelId)> {
    let edges = model.belongs_to().filter(|relation| relation.options.parent);
    edges
        .filter_map(|relation| {
            Some((
                own.column(relation.foreign_key.as_str())?,
                *by_key.get(relation.target.as_str())?,
            ))
        })
        .collect()
}

fn grants(model: &checked::Model, own: &Model, schema: &Schema) -> Option<Grants> {
    let grants = model.grants.as_ref()?;
    let (subject, scope) =
        (model.relation(grants.subject.as_str())?, model.relation(grants.scope.as_str())?);
    Some(Grants {
        subject: own.column(subject.foreign_key.as_str())?,
        kind: schema.target(scope).scope_kind()?.as_str().to_owned(),
        scope: own.column(scope.foreign_key.as_str())?,
    })
}

fn relations(
    model: &checked::Model,
    own: &Model,
    by_key: &BTreeMap<String, ModelId>,
    list: &[Model],
) -> Vec<Relation> {
    let relation = |relation: &checked::Relation| {
        let target = &list[by_key.get(relation.target.as_str())?.0];
        let key = relation.foreign_key.as_str();
        let (local, foreign) = match relation.kind {
            RelationKind::BelongsTo => (own.column(key)?, 0),
            RelationKind::HasMany | RelationKind::HasOne => (0, target.column(key)?),
        };
        Some(Relation {
            name: relation.name.as_str().to_owned(),
            target: target.id,
            local,
            foreign,
            many: relation.kind == RelationKind::HasMany,
            order: relation.order_by.as_ref().and_then(|field| target.column(field.as_str())),
        })
    };
    model.relations.iter().filter_map(relation).collect()
}

fn snake(member: &str) -> String {
    checked::default_column(member).into_owned()
}
