//! The coordinator's view of a schema: model names, columns, and how rows map to sync groups.
//!
//! [`Models::new`] runs once at start. [`Models::find`] resolves the names in requests
//! (docs/protocol/differences.md A17); everything else works with a [`Model`].

use crate::value::{Cell, ValueKind};
use ablo_codegen::shape::{ColumnShape, Isolation, ParentOwner, TableShape, tables};
use ablo_schema::Schema;
use ablo_schema::schema::{self as checked, AutoFillSource, Load, RelationKind};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The index of a model in [`Models`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelId(usize);

impl ModelId {
    /// Returns the index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// All models of a schema whose rows this database stores.
#[derive(Debug)]
pub struct Models {
    list: Vec<Model>,
    names: BTreeMap<String, ModelId>,
    /// How the groups of an identity are derived.
    pub roles: Vec<IdentityRole>,
}

/// A model.
#[derive(Debug)]
pub struct Model {
    /// Its index.
    pub id: ModelId,
    /// The author's name.
    pub key: String,
    /// The name in deltas.
    pub type_name: String,
    /// The name in commits: the type name without `Model`, in lower case.
    pub wire_name: String,
    /// The name of the table.
    pub table: String,
    /// The columns, `id` first.
    pub columns: Vec<Column>,
    /// Whether participants other than systems may write rows.
    pub mutable: bool,
    /// Whether rows are part of a bootstrap.
    pub load: Load,
    /// The maximum number of rows in a bootstrap.
    pub bootstrap_limit: Option<u64>,
    /// The column that a bootstrap sorts by, and whether it is descending.
    pub bootstrap_order: Option<(usize, bool)>,
    /// Which organisation sees which rows.
    pub tenancy: Tenancy,
    /// The kind of sync group that each row forms, if the model is a scope root.
    pub scope: Option<String>,
    /// The sync groups that columns of a row name.
    pub roles: Vec<RowRole>,
    /// The column and the target of each `parent` relation.
    pub parents: Vec<(usize, ModelId)>,
    /// The models with a `parent` relation to this one, and the column of that relation.
    pub children: Vec<(ModelId, usize)>,
    /// The relations, for nested reads.
    pub relations: Vec<Relation>,
    /// The group that a row grants, if this is a membership model.
    pub grants: Option<Grants>,
    /// Columns that are filled from the writer's identity.
    pub auto_fill: Vec<(usize, AutoFillSource)>,
    names: BTreeMap<String, usize>,
}

/// Which organisation sees which rows. Sync groups restrict that further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// Every organisation sees every row.
    Shared,
    /// The column holds the organisation.
    Column(usize),
    /// A row belongs to the organisation of its parent row.
    Parent {
        /// The column that references the parent row.
        local_key: usize,
        /// The parent model.
        parent: ModelId,
        /// The referenced column of the parent.
        key: usize,
    },
    /// The isolation path cannot be resolved: no row is visible.
    Unresolved,
    /// The parent table is not isolated by the schema.
    ExternalParent {
        /// The column that references the parent row.
        local_key: usize,
        /// The parent table.
        table: String,
        /// The referenced column.
        key: String,
        /// The parent's column that holds the organisation.
        owner: String,
    },
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// The member of the row on the wire.
    pub member: String,
    /// The name in the database.
    pub name: String,
    /// The type of its values.
    pub kind: ValueKind,
    /// Whether it is NOT NULL.
    pub required: bool,
    /// The value of new rows whose writer gave none.
    pub default: Option<ColumnDefault>,
    /// Which value the coordinator writes, if any.
    pub role: ColumnRole,
    /// The JSON Schema that values have to match.
    pub json_schema: Option<jsonschema::Validator>,
    /// How the column maps to an existing table.
    pub mapping: ColumnMapping,
}

/// How a column maps to the column of an existing table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ColumnMapping {
    /// The column has the type that the schema generates.
    #[default]
    Exact,
    /// The table has no such column.
    Missing,
    /// A column of this type, read and written as text.
    AsText(String),
    /// A column of another type that is cast.
    Cast {
        /// The type that the value is cast to.
        read_as: &'static str,
        /// The type of the column.
        actual: String,
    },
    /// A timestamp without time zone of this type, interpreted as UTC.
    LocalTimestamp(String),
}

/// The value of new rows whose writer gave none.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnDefault {
    /// The time of the write.
    Now,
    /// A constant.
    Value(Cell),
}

/// Which value a column holds, and so who writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnRole {
    /// The row's id, from the client, never changed.
    Id,
    /// The organisation, from the coordinator.
    Organization,
    /// The creator, from the coordinator.
    CreatedBy,
    /// The time of creation, from the coordinator.
    CreatedAt,
    /// The time of the last write, from the coordinator.
    UpdatedAt,
    /// A declared field, from the client.
    Declared,
}

/// A group that an identity belongs to: `<kind>:<value of the field>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRole {
    /// The kind of the group.
    pub kind: String,
    /// The member of the identity.
    pub field: String,
    /// Whether the field is an array, of which each string names a group.
    pub multi: bool,
}

/// A group that a row belongs to: `<kind>:<value of the column>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRole {
    /// The kind of the group.
    pub kind: String,
    /// The column.
    pub column: usize,
    /// Whether the column is an array, of which each string names a group.
    pub multi: bool,
}

/// How a row of a membership model grants a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The column that references the participant.
    pub subject: usize,
    /// The kind of the granted group.
    pub kind: String,
    /// The column that references the scope root.
    pub scope: usize,
}

/// A relation, for nested reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name.
    pub name: String,
    /// The target model.
    pub target: ModelId,
    /// The column of this model.
    pub local: usize,
    /// The column of the target that has to equal it.
    pub foreign: usize,
    /// Whether it is a has-many relation.
    pub many: bool,
    /// The column of the target that many rows are sorted by.
    pub order: Option<usize>,
}

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
        Self { names: names(&list), roles: roles.collect(), list }
    }

    /// Returns the models, parents before the models that are isolated through them.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.list.iter()
    }

    /// Returns the models for mapping to existing tables.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Model> {
        self.list.iter_mut()
    }

    /// Returns a model.
    #[must_use]
    pub fn get(&self, id: ModelId) -> &Model {
        // Only `Models::new` creates ids, and the list never changes.
        &self.list[id.0]
    }

    /// Finds a model by its type name or key, exactly or in lower case, or by its wire name
    /// (docs/protocol/differences.md A17).
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Model> {
        let id = self.names.get(name).or_else(|| self.names.get(&name.to_lowercase()))?;
        Some(self.get(*id))
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
        let organization = match shape.isolation {
            Isolation::Column(name) => Some(name),
            Isolation::Shared | Isolation::Parent { .. } => None,
        };
        let columns: Vec<Column> =
            shape.columns.iter().map(|column| Column::new(column, organization)).collect();
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
            auto_fill: auto_fill.collect(),
            columns,
            names,
        }
    }

    /// Finds a column by the member of the row, the name in the database, or the member in snake
    /// case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Returns the column with a role.
    #[must_use]
    pub fn column_with_role(&self, role: ColumnRole) -> Option<usize> {
        self.columns.iter().position(|column| column.role == role)
    }

    /// Returns whether a name in a scope's `operations` refers to this model: its wire name, type
    /// name or key, in any case.
    #[must_use]
    pub fn matches_name(&self, name: &str) -> bool {
        [&self.wire_name, &self.type_name, &self.key]
            .into_iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }
}

impl Column {
    fn new(shape: &ColumnShape<'_>, organization: Option<&str>) -> Self {
        let part = match shape.name {
            name if shape.primary => (ColumnRole::Id, "id", name),
            name if Some(name) == organization => {
                (ColumnRole::Organization, "organizationId", name)
            }
            name @ "created_by" => (ColumnRole::CreatedBy, "createdBy", name),
            name @ "created_at" => (ColumnRole::CreatedAt, "createdAt", name),
            name @ "updated_at" => (ColumnRole::UpdatedAt, "updatedAt", name),
            name => (ColumnRole::Declared, "", name),
        };
        // A declared field may replace a base column under another member name.
        let member = shape.field.map_or(part.1, |field| field.name.as_str());
        let kind = ValueKind::of(shape.kind);
        let constant = shape.default.and_then(|value| RawValue::from_string(value.to_json()).ok());
        let preset = match constant {
            _ if shape.default_now => Some(ColumnDefault::Now),
            // Validation has checked the type of the default.
            constant => constant.and_then(|value| kind.read(&value).ok()).map(ColumnDefault::Value),
        };
        let schema = shape.field.and_then(|field| field.facets.shape.as_ref());
        let document = schema.and_then(|schema| serde_json::from_str(&schema.to_json()).ok());
        Self {
            member: if member.is_empty() { part.2.to_owned() } else { member.to_owned() },
            name: shape.name.to_owned(),
            kind,
            required: shape.not_null,
            default: preset,
            role: part.0,
            // Validation has parsed the JSON Schema.
            json_schema: document
                .and_then(|document: serde_json::Value| jsonschema::validator_for(&document).ok()),
            mapping: ColumnMapping::Exact,
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
