//! The coordinator's view of a schema: model names, columns, and how rows map to sync groups.
//!
//! [`Models::new`] runs once at start. [`Models::find`] resolves the names in requests
//! (docs/protocol/differences.md A17); everything else works with a [`Model`].

mod build;
pub(crate) mod mapping;
pub(crate) mod new_row;
pub mod row;

use crate::value::{Cell, ValueKind};
use ablo_schema::schema::{AutoFillSource, ColumnType, Load, RelativeOperation, ScalarType};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// Maximum number of parent relations to follow; parents may form a cycle.
pub const MAX_PARENT_DEPTH: usize = 8;

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
    /// The maximum size of the values of a row, in bytes.
    pub row_bytes: usize,
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
    /// The columns that only some credentials may read.
    pub secret: Vec<usize>,
    /// Columns that are filled from the writer's identity.
    pub auto_fill: Vec<(usize, AutoFillSource)>,
    /// Whether triggers record the changes of other programs.
    pub captured: AtomicBool,
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
    /// How the column maps to an existing table or to a declared type.
    pub mapping: ColumnMapping,
    /// The declared type of the column, if it is not the usual one.
    pub native: Option<ColumnType>,
    /// The relative operations that clients may use.
    pub relative: Vec<RelativeOperation>,
}

/// How a column maps to the column of an existing table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ColumnMapping {
    /// The column has the type that the schema generates.
    #[default]
    Exact,
    /// The table has no such column.
    Missing,
    /// The table has no such column, and rows of clients have to have a date: 1970-01-01.
    Epoch,
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
    /// Bytes, read and written as base64.
    Base64,
    /// A list of values of this type, read and written as a JSON array.
    List(String),
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

/// The end of a timestamp in the stored format that is a whole day.
const MIDNIGHT: &str = "T00:00:00.000000Z";

impl Column {
    /// Returns whether the table has the column.
    pub(crate) fn is_stored(&self) -> bool {
        !matches!(self.mapping, ColumnMapping::Missing | ColumnMapping::Epoch)
    }

    /// Parses a value other than null.
    ///
    /// # Errors
    /// Returns what was expected, to follow "is expected to be".
    pub(crate) fn read(&self, json: &RawValue) -> Result<Cell, String> {
        let cell = self.kind.read(json)?;
        self.check_type(&cell).map(|()| cell)
    }

    /// Parses a value from the plain text of a query string.
    ///
    /// # Errors
    /// As [`Column::read`].
    pub(crate) fn read_text_form(&self, text: &str) -> Result<Cell, String> {
        let cell = self.kind.read_text_form(text)?;
        self.check_type(&cell).map(|()| cell)
    }

    /// Returns whether a column of ids can store an id. No row has any other.
    pub(crate) fn can_hold(&self, id: &Cell) -> bool {
        self.check_type(id).is_ok()
    }

    /// Checks that the declared type of the column stores a value.
    ///
    /// # Errors
    /// Returns what was expected, to follow "is expected to be".
    pub(crate) fn check_type(&self, cell: &Cell) -> Result<(), String> {
        let (Some(native), Cell::Text(text)) = (&self.native, cell) else { return Ok(()) };
        match (native, &self.kind) {
            (ColumnType::Scalar(ScalarType::Date), ValueKind::Date) => {
                if text.ends_with(MIDNIGHT) {
                    Ok(())
                } else {
                    Err("midnight in UTC".to_owned())
                }
            }
            (_, ValueKind::Date) => Ok(()),
            (ColumnType::Array(element), _) => check_list(*element, text),
            (native, _) => native.check(text),
        }
    }

    /// Checks a value against the JSON Schema of the column.
    ///
    /// # Errors
    /// Returns the reason, to follow the name of the field.
    pub(crate) fn check_shape(&self, cell: &Cell) -> Result<(), String> {
        let (Some(shape), Cell::Text(json)) = (&self.json_schema, cell) else { return Ok(()) };
        let document = serde_json::from_str(json).unwrap_or_default();
        shape.validate(&document).map_err(|error| {
            format!("does not match its JSON Schema: {error} at `{}`", error.instance_path())
        })
    }
}

impl Model {
    /// Finds a column by the member of the row, the name in the database, or the member in snake
    /// case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Returns the name of a column in the database; `id` if there is no such column.
    pub(crate) fn column_db_name(&self, at: usize) -> &str {
        self.columns.get(at).map_or("id", |column| &column.name)
    }

    /// Returns the index of the column that archiving sets.
    #[must_use]
    pub fn archived_at(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.member == "archivedAt")
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

/// Checks the elements of a JSON array, as far as that is possible without the database.
fn check_list(element: ScalarType, json: &str) -> Result<(), String> {
    let expected = || format!("a list of `{element}`");
    let read: Vec<serde_json::Value> = serde_json::from_str(json).map_err(|_| expected())?;
    let fits = |value: &serde_json::Value| match value {
        serde_json::Value::Null => true,
        serde_json::Value::Bool(_) => element == ScalarType::Boolean,
        serde_json::Value::Number(number) => match (element.bounds(), element) {
            (Some((least, most)), _) => {
                number.as_i64().is_some_and(|number| (least..=most).contains(&number))
            }
            (None, ScalarType::Real | ScalarType::Double | ScalarType::Numeric(_)) => true,
            _ => false,
        },
        serde_json::Value::String(text) => {
            let is_number = element.bounds().is_some()
                || matches!(
                    element,
                    ScalarType::Real | ScalarType::Double | ScalarType::Numeric(_)
                );
            !is_number
                && element != ScalarType::Boolean
                && ColumnType::Scalar(element).check(text).is_ok()
        }
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => false,
    };
    if read.iter().all(fits) { Ok(()) } else { Err(expected()) }
}
