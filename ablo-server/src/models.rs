//! Models as the coordinator needs them: every spelling of their names, their columns, and how their rows find sync groups.
//!
//! A checked schema comes in once, when the program starts. Requests name models as they like (docs/protocol/differences.md A17); everything behind
//! this file has a [`Model`].

use crate::value::{Cell, Kind};
use ablo_codegen::shape::{ColumnShape, Isolation, ParentOwner, TableShape, tables};
use ablo_schema::Schema;
use ablo_schema::schema::{self as checked, AutoFillSource, Load, RelationKind};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The position of a model in [`Models`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelId(usize);

impl ModelId {
    /// The position.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Every model of a schema whose rows are in this database.
#[derive(Debug)]
pub struct Models {
    list: Vec<Model>,
    names: BTreeMap<String, ModelId>,
    /// How an identity's groups are computed.
    pub roles: Vec<IdentityRole>,
}

/// One model.
#[derive(Debug)]
pub struct Model {
    /// Its position.
    pub id: ModelId,
    /// The author's name.
    pub key: String,
    /// The name on deltas.
    pub type_name: String,
    /// The name in commits: the type name without `Model`, in lower case.
    pub wire_name: String,
    /// The table.
    pub table: String,
    /// Its columns, `id` first.
    pub columns: Vec<Column>,
    /// Whether others than system keys may write.
    pub mutable: bool,
    /// Whether its rows are part of a bootstrap.
    pub load: Load,
    /// At most so many rows of it are part of a bootstrap.
    pub bootstrap_limit: Option<u64>,
    /// By which column a bootstrap orders it, and whether downwards.
    pub bootstrap_order: Option<(usize, bool)>,
    /// Who may see which rows, beside sync groups.
    pub tenancy: Tenancy,
    /// The kind of group that each of its rows forms.
    pub scope: Option<String>,
    /// Groups that its rows name.
    pub roles: Vec<RowRole>,
    /// Where its rows live: the column of each `parent` relation, and the model it leads to.
    pub parents: Vec<(usize, ModelId)>,
    /// The models whose rows live in rows of this one, by the column that says so.
    pub children: Vec<(ModelId, usize)>,
    /// Its relations, for nested reads.
    pub relations: Vec<Relation>,
    /// What a row of it gives to whom.
    pub grants: Option<Grants>,
    /// Columns that are filled from the writer.
    pub auto_fill: Vec<(usize, AutoFillSource)>,
    names: BTreeMap<String, usize>,
}

/// Who may see which rows, beside sync groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// Everyone sees all.
    Shared,
    /// This column holds the organisation.
    Column(usize),
    /// The parent row's organisation is theirs.
    Parent {
        /// The column that names the parent row.
        local_key: usize,
        /// The parent.
        parent: ModelId,
        /// The parent's column that the local key holds.
        key: usize,
    },
    /// Nobody sees any: what isolates its rows cannot be followed.
    Closed,
    /// It stands in a table that the schema does not isolate.
    Elsewhere {
        /// The column that names the parent row.
        local_key: usize,
        /// That table.
        table: String,
        /// Its column that the local key holds.
        key: String,
        /// Its column that holds the organisation.
        owner: String,
    },
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// The member of the row on the wire.
    pub member: String,
    /// The physical name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether every row has a value.
    pub required: bool,
    /// What a row has where its writer said nothing.
    pub preset: Option<Preset>,
    /// Who writes it.
    pub part: Part,
    /// What JSON in it must look like.
    pub shape: Option<jsonschema::Validator>,
    /// How it stands in a table that others made, where that is not as the schema would have made it.
    pub standing: ColumnMapping,
}

/// How a column stands in its table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ColumnMapping {
    /// As the schema makes it.
    #[default]
    Made,
    /// The table has no such column.
    Absent,
    /// As a type of the database, in and out as text.
    Text(String),
    /// As a type of the database that is read as another one.
    As {
        /// The type it is read as.
        read: &'static str,
        /// The type it has.
        actual: String,
    },
    /// As a point in time without a time zone, which is meant to be UTC.
    Local(String),
}

/// What a row has where its writer said nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Preset {
    /// The time of writing.
    Now,
    /// This.
    Value(Cell),
}

/// Who writes a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The client, once.
    Id,
    /// The coordinator: whose row it is.
    Organization,
    /// The coordinator: who made it.
    CreatedBy,
    /// The coordinator: when it was made.
    CreatedAt,
    /// The coordinator: when it was last written.
    UpdatedAt,
    /// The client.
    Declared,
}

/// A group that an identity is in: `<kind>:<value of the field>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRole {
    /// The group's kind.
    pub kind: String,
    /// The member of the identity.
    pub field: String,
    /// Whether every text of an array yields a group.
    pub multi: bool,
}

/// A group that a row names: `<kind>:<value of the column>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRole {
    /// The group's kind.
    pub kind: String,
    /// The column.
    pub column: usize,
    /// Whether every text of an array yields a group.
    pub multi: bool,
}

/// What a row of a membership model gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The column that names who is given access.
    pub subject: usize,
    /// The kind of group it is access to.
    pub kind: String,
    /// The column that names the row of that group.
    pub scope: usize,
}

/// A relation, for nested reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name.
    pub name: String,
    /// The model it leads to.
    pub target: ModelId,
    /// This model's column whose value is looked for.
    pub local: usize,
    /// The target's column it is looked for in.
    pub foreign: usize,
    /// Whether it leads to many rows.
    pub many: bool,
    /// The target's column that many rows are ordered by.
    pub order: Option<usize>,
}

impl Models {
    /// Reads a schema.
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

    /// The models, each after the one its rows are isolated through.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.list.iter()
    }

    /// The models, to be fitted to tables that others made.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Model> {
        self.list.iter_mut()
    }

    /// A model.
    #[must_use]
    pub fn get(&self, id: ModelId) -> &Model {
        // Ids are made here and nowhere else, and the list never changes.
        &self.list[id.0]
    }

    /// The model that a request means (docs/protocol/differences.md A17): its type name or key, exactly or in lower case, or its wire name.
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
            // Groups are named by texts and whole numbers, several of them in an array.
            let holds = &columns.get(column)?.kind;
            let fits = match holds {
                Kind::Json => multi,
                Kind::Number | Kind::Single | Kind::Boolean | Kind::Date => false,
                _ => !multi,
            };
            fits.then_some(RowRole { kind, column, multi })
        });
        let auto_fill = model
            .auto_fill
            .iter()
            .filter_map(|fill| Some((position(fill.field.as_str())?, fill.from)));
        let order = model.bootstrap_order_by.as_deref().and_then(|order| {
            let (column, way) = order.trim().split_once(' ').unwrap_or((order.trim(), "asc"));
            Some((position(column)?, way.trim().eq_ignore_ascii_case("desc")))
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

    /// The column that a request means: the member of the row, the physical name, or the member in snake case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The column that this part of the coordinator writes.
    #[must_use]
    pub fn part(&self, part: Part) -> Option<usize> {
        self.columns.iter().position(|column| column.part == part)
    }

    /// Whether a name in a scope's `operations` means this model: its wire name, type name or key, in any case.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        [&self.wire_name, &self.type_name, &self.key]
            .into_iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }
}

impl Column {
    fn new(shape: &ColumnShape<'_>, organization: Option<&str>) -> Self {
        let part = match shape.name {
            name if shape.primary => (Part::Id, "id", name),
            name if Some(name) == organization => (Part::Organization, "organizationId", name),
            name @ "created_by" => (Part::CreatedBy, "createdBy", name),
            name @ "created_at" => (Part::CreatedAt, "createdAt", name),
            name @ "updated_at" => (Part::UpdatedAt, "updatedAt", name),
            name => (Part::Declared, "", name),
        };
        // A declared field may stand in a base column under a name of its own.
        let member = shape.field.map_or(part.1, |field| field.name.as_str());
        let kind = Kind::of(shape.kind);
        let constant = shape.default.and_then(|value| RawValue::from_string(value.to_json()).ok());
        let preset = match constant {
            _ if shape.default_now => Some(Preset::Now),
            // The checker has held the default to the kind already.
            constant => constant.and_then(|value| kind.read(&value).ok()).map(Preset::Value),
        };
        let schema = shape.field.and_then(|field| field.facets.shape.as_ref());
        let document = schema.and_then(|schema| serde_json::from_str(&schema.to_json()).ok());
        Self {
            member: if member.is_empty() { part.2.to_owned() } else { member.to_owned() },
            name: shape.name.to_owned(),
            kind,
            required: shape.not_null,
            preset,
            part: part.0,
            // The checker has read the shape as JSON Schema already.
            shape: document
                .and_then(|document: serde_json::Value| jsonschema::validator_for(&document).ok()),
            standing: ColumnMapping::Made,
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
        Isolation::Column(name) => position(model, name).map_or(Tenancy::Closed, Tenancy::Column),
        Isolation::Parent { local_key, table, key, owner } => {
            let Some(local_key) = position(model, local_key) else { return Tenancy::Closed };
            let parent = by_table.get(table).copied();
            let known = parent.and_then(|parent| Some((parent, position(&list[parent.0], key)?)));
            match (known, owner) {
                (Some((parent, key)), ParentOwner::Column(_) | ParentOwner::Inherited) => {
                    Tenancy::Parent { local_key, parent, key }
                }
                (_, ParentOwner::Assumed(owner)) => Tenancy::Elsewhere {
                    local_key,
                    table: table.to_owned(),
                    key: key.to_owned(),
                    owner: owner.to_owned(),
                },
                (None, _) => Tenancy::Closed,
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
