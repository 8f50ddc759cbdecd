//! Converts one table to a model.

use super::column::{self, PulledField, Use};
use super::tenancy::{DEFAULT_COLUMN, Tenancy};
use super::{PullOptions, name};
use crate::catalog::{Column, ForeignKey, Index, Table};
use crate::codes::{PULL_CHANGED, PULL_LEFT_OUT, PULL_NAME};
use crate::error::Finding;
use crate::expression::is_now;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The facts about all tables that the conversion of one needs.
pub(super) struct Context<'a> {
    /// The model key of each table.
    pub(super) keys: &'a BTreeMap<&'a str, String>,
    /// The tenancy of each table.
    pub(super) tenancies: &'a BTreeMap<&'a str, Tenancy>,
    /// The options of the pull.
    pub(super) options: &'a PullOptions,
}

/// The conversion of one table.
pub(super) struct TableConverter<'a> {
    pub(super) name: &'a str,
    pub(super) table: &'a Table,
    pub(super) tenancy: &'a Tenancy,
    pub(super) context: &'a Context<'a>,
    findings: &'a mut Vec<Finding>,
}

/// The objects of a table that its model covers.
#[derive(Debug, Default)]
pub(super) struct Covered {
    /// The base columns.
    columns: BTreeSet<String>,
    pub(super) checks: BTreeSet<String>,
    pub(super) indexes: BTreeSet<String>,
    /// The columns that have an index by which rows are looked up.
    looked_up: BTreeSet<String>,
}

impl<'a> TableConverter<'a> {
    pub(super) fn new(
        name: &'a str,
        table: &'a Table,
        context: &'a Context<'a>,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        let tenancy = context.tenancies.get(name).unwrap_or(&Tenancy::None);
        Self { name, table, tenancy, context, findings }
    }

    pub(super) fn left_out(&mut self, what: &str) {
        self.findings
            .push(Finding::new(PULL_LEFT_OUT, format!("of `{}`, {what} is left out", self.name)));
    }

    pub(super) fn changed(&mut self, what: &str) {
        self.findings.push(Finding::new(PULL_CHANGED, format!("`{}` {what}", self.name)));
    }

    /// Returns the model, and what it covers.
    pub(super) fn model(&mut self) -> (Value, Covered) {
        let mut covered = Covered::default();
        let (mut base, mut fields, mut by_column) = (Map::new(), Map::new(), BTreeMap::new());
        let mut taken: BTreeSet<String> =
            ["id", "createdAt", "updatedAt"].map(str::to_owned).into();
        self.base(&mut covered);
        for column in &self.table.columns {
            if let Some((name, members)) = self.field(column, &taken, &mut covered) {
                taken.insert(name.clone());
                by_column.insert(column.name.clone(), name.clone());
                let group =
                    if covered.columns.contains(&column.name) { &mut base } else { &mut fields };
                group.insert(name, Value::Object(members));
            }
        }
        by_column.entry("created_by".to_owned()).or_insert_with(|| "createdBy".to_owned());
        if let Tenancy::Column(column) = self.tenancy {
            by_column.entry(column.clone()).or_insert_with(|| "organizationId".to_owned());
        }
        by_column.insert("id".to_owned(), "id".to_owned());
        let relations = self.relations(&by_column, taken, &covered);
        // Base fields come first, as they do in Rust.
        base.extend(fields);
        let key = self.context.keys.get(self.name).map_or("", String::as_str);
        let mut model = Map::new();
        model.insert("fields".to_owned(), Value::Object(base));
        model.insert("relations".to_owned(), Value::Object(relations));
        model.insert("typename".to_owned(), name::type_name(key).into());
        if key != self.name {
            model.insert("tableName".to_owned(), self.name.into());
        }
        model.extend(self.tenancy_member().map(|tenancy| ("tenancy".to_owned(), tenancy)));
        model.insert("mutable".to_owned(), Value::Bool(true));
        (Value::Object(model), covered)
    }

    /// Returns the `tenancy` member. `None` for the default tenancy.
    fn tenancy_member(&self) -> Option<Value> {
        match self.tenancy {
            Tenancy::None => Some(json!({ "kind": "none" })),
            Tenancy::Column(column) if column == DEFAULT_COLUMN => None,
            Tenancy::Column(column) => Some(json!({ "kind": "column", "column": column })),
            Tenancy::Parent { local_key, table, key, owner } => {
                let mut via = Map::new();
                via.insert("localKey".to_owned(), local_key.as_str().into());
                via.insert("parentTable".to_owned(), table.as_str().into());
                let members = [
                    ("parentKey", Some(key), "id"),
                    ("parentOrgColumn", owner.as_ref(), DEFAULT_COLUMN),
                ];
                for (name, value, default) in members {
                    let value = value.filter(|value| *value != default);
                    via.extend(value.map(|value| (name.to_owned(), value.as_str().into())));
                }
                Some(json!({ "kind": "parent", "via": via }))
            }
        }
    }

    /// Returns the column that holds the organisation of a row.
    pub(super) fn own_tenancy(&self) -> Option<&'a str> {
        match self.tenancy {
            Tenancy::Column(column) => Some(column),
            Tenancy::None | Tenancy::Parent { .. } => None,
        }
    }

    /// Reports whether this is the index of a foreign key within the organisation.
    fn is_of_relation(&self, column: &str, index: &Index) -> bool {
        let Some(own) = self.own_tenancy() else { return false };
        let refers = |key: &ForeignKey| key.columns.last().is_some_and(|last| last == column);
        index.is_plain()
            && index.is_on(&[own.to_owned(), column.to_owned()])
            && self.table.foreign_keys.values().any(refers)
    }

    /// Reports differences between the base columns and those of a model.
    fn base(&mut self, covered: &mut Covered) {
        let tenancy = self.own_tenancy();
        let wanted = self.context.options.tenancy_column.as_deref();
        if let Some(column) = wanted.and_then(|name| self.table.column(name))
            && tenancy != Some(&column.name)
        {
            let (name, found) = (&column.name, &column.type_name);
            self.changed(&format!("has `{name}` as {found}; an organisation is a required text"));
        }
        let key: Vec<&str> =
            tenancy.into_iter().filter(|name| *name != "id").chain(["id"]).collect();
        if self.table.primary_key != key {
            self.changed(&format!(
                "has the primary key ({}); that of its model is ({})",
                self.table.primary_key.join(", "),
                key.join(", ")
            ));
        }
        let list: Vec<String> = match key.split_last() {
            Some((id, others)) => others
                .iter()
                .map(|name| (*name).to_owned())
                .chain([format!("{id} COLLATE \"C\"")])
                .collect(),
            None => Vec::new(),
        };
        // The indexes of lists, and of ids that other tables depend on, follow from the model.
        let id = ["id".to_owned()];
        let follows = |index: &&Index| {
            index.is_plain()
                && (index.is_on(&list)
                    || index.unique && index.is_on(&id) && self.table.primary_key != id)
        };
        let indexes = self.table.indexes.iter().filter(|(_, index)| follows(index));
        covered.indexes.extend(indexes.map(|(name, _)| name.clone()));
        let base = [("id", "text", true), ("created_by", "text", false)];
        let times =
            ["created_at", "updated_at"].map(|name| (name, "timestamp with time zone", true));
        let own = tenancy.map(|column| (column, "text", true));
        for (name, type_name, required) in base.into_iter().chain(times).chain(own) {
            match self.stores(name, type_name) {
                Some(column) => {
                    self.base_column(column, type_name, required);
                    covered.columns.insert(column.name.clone());
                }
                None => self.changed(&format!("has no column `{name}`, which every model has")),
            }
        }
    }

    /// Returns the column that stores a base field: the one of this name, else one whose name is
    /// that of the field, such as `createdAt`.
    fn stores(&self, name: &str, type_name: &str) -> Option<&'a Column> {
        let is_time = type_name != "text";
        let field = name::field(name, &BTreeSet::new());
        let has_name = |column: &&Column| {
            let is_other = name != "id" && column.type_name.starts_with("timestamp") == is_time;
            is_other && name::is_plain(&column.name) && column.name.eq_ignore_ascii_case(&field)
        };
        self.table.column(name).or_else(|| self.table.columns.iter().find(has_name))
    }

    /// Reports how a base column differs from that of a model.
    fn base_column(&mut self, column: &Column, type_name: &str, required: bool) {
        let name = &column.name;
        if column.type_name != type_name {
            let found = &column.type_name;
            self.changed(&format!("has `{name}` as {found}; models have it as {type_name}"));
        }
        if required && !column.not_null {
            self.changed(&format!("has `{name}` as nullable; models have it as NOT NULL"));
        }
        let is_time = type_name != "text";
        match column.default.as_deref() {
            Some(default) if is_time && is_now(default) => {}
            Some(default) => self.left_out(&format!("the default {default} of `{name}`")),
            None if column.identity => self.left_out(&format!("the numbering of `{name}`")),
            None if is_time => {
                self.changed(&format!("has `{name}` without a default; models have it as now()"));
            }
            None => {}
        }
    }

    /// Converts a column to a field. Returns `None` for base columns with nothing to declare.
    fn field(
        &mut self,
        column: &Column,
        taken: &BTreeSet<String>,
        covered: &mut Covered,
    ) -> Option<(String, Map<String, Value>)> {
        if !name::is_plain(&column.name) {
            let message = format!("the column `{}` of `{}` is left out", column.name, self.name);
            self.findings.push(Finding::new(PULL_NAME, message));
            return None;
        }
        let is_base = covered.columns.contains(&column.name);
        let usage = match (is_base, self.refers(column)) {
            (true, _) => Use::Base,
            (false, true) => Use::Reference,
            (false, false) => Use::Value,
        };
        let pulled = column::pull(self.table, column, usage);
        let Some(mut pulled) = pulled.filter(|_| is_base || !column.generated) else {
            if !is_base {
                let what = format!("the column `{}` of type {}", column.name, column.type_name);
                self.left_out(&what);
            }
            return None;
        };
        let is_json = pulled.members.get("type") == Some(&"json".into());
        let (indexed, unique) = self.indexes(column, is_json, covered);
        let is_tenancy = self.own_tenancy() == Some(&column.name);
        let own_name = name::base_field(&column.name);
        let is_declared = column.comment.is_some()
            || pulled.members.contains_key("enumValues")
            || indexed && !is_tenancy
            || own_name == "createdBy" && column.not_null
            || !is_tenancy && name::column_of(&own_name, &column.name).is_some();
        let name = match is_base {
            true if !is_declared => return None,
            true if is_tenancy => "organizationId".to_owned(),
            true => own_name,
            false => name::field_beside_base(&column.name, taken),
        };
        covered.checks.append(&mut pulled.checks);
        if let Some(changed) = pulled.changed.take().filter(|_| !is_base) {
            self.changed(&format!("has `{}`, which {changed}", column.name));
        }
        let (indexed, unique) = (indexed && !is_tenancy, unique && !is_base);
        let facts = Facts { is_base, is_tenancy, indexed, unique };
        let members = self.members(&name, column, pulled, facts);
        Some((name, members))
    }

    /// Returns the members of a field.
    fn members(
        &mut self,
        name: &str,
        column: &Column,
        pulled: PulledField,
        facts: Facts,
    ) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("type".to_owned(), pulled.members.get("type").cloned().unwrap_or_default());
        members.insert("isOptional".to_owned(), (!column.not_null).into());
        members.insert("isIndexed".to_owned(), facts.indexed.into());
        if let Some(own) = name::column_of(name, &column.name).filter(|_| !facts.is_tenancy) {
            members.insert("column".to_owned(), own.into());
        }
        if let Some(expression) = column.default.as_deref().filter(|_| !facts.is_base) {
            match column::default(&pulled, expression) {
                Some(value) => drop(members.insert("default".to_owned(), value)),
                None => self.left_out(&format!("the default {expression} of `{}`", column.name)),
            }
        }
        members.extend(pulled.members.into_iter().filter(|(member, _)| member != "type"));
        if facts.unique {
            members.insert("unique".to_owned(), true.into());
        }
        describe(column.comment.as_deref(), &mut members);
        members
    }

    /// Reports whether other tables belong to the organisation of this one's rows, whose ids are
    /// unique then.
    fn isolates(&self, table: &str) -> bool {
        self.context.tenancies.values().any(|tenancy| {
            matches!(tenancy, Tenancy::Parent { table: parent, key, .. }
                if parent == table && key == "id")
        })
    }

    /// Reports whether the column refers to the id of a row of another table.
    fn refers(&self, column: &Column) -> bool {
        self.table.foreign_keys.values().any(|key| {
            key.columns.last() == Some(&column.name)
                && key.target_columns.last().is_some_and(|target| target == "id")
                && key.target_schema.is_none()
                && self.context.keys.contains_key(key.target.as_str())
                && self.field_columns(key).is_some()
        })
    }

    /// Returns the referencing column of a key that is single, or within the organisation.
    fn field_columns<'k>(&self, key: &'k ForeignKey) -> Option<&'k String> {
        let ForeignKey { columns, target_columns, .. } = key;
        match (columns.as_slice(), target_columns.len()) {
            ([column], 1) => Some(column),
            ([own, column], 2) => Some(column).filter(|_| Some(&**own) == self.own_tenancy()),
            _ => None,
        }
    }

    /// Reports whether the column is indexed, and whether it is unique.
    fn indexes(&self, column: &Column, is_json: bool, covered: &mut Covered) -> (bool, bool) {
        let (mut indexed, mut unique) = (false, false);
        let plain = [column.name.clone()];
        let per_tenant = match self.own_tenancy() {
            Some(own) => vec![own.to_owned(), column.name.clone()],
            None => plain.to_vec(),
        };
        let method = if is_json { "gin" } else { "btree" };
        let is_tenancy = self.own_tenancy() == Some(&column.name);
        let is_base = covered.columns.contains(&column.name);
        let ours = |index: &Index, columns: &[String]| {
            index.valid && index.is_plain() && index.method == method && index.is_on(columns)
        };
        for (name, index) in &self.table.indexes {
            // One of two equal indexes is enough for the field.
            if index.unique && ours(index, &per_tenant) && !is_base && !unique {
                unique = true;
            } else if !index.unique && ours(index, &plain) && !is_tenancy && !indexed {
                indexed = true;
            } else if index.unique || !self.is_of_relation(&column.name, index) {
                continue;
            }
            covered.indexes.insert(name.clone());
            covered.looked_up.insert(column.name.clone());
        }
        (indexed, unique)
    }

    fn relations(
        &mut self,
        by_column: &BTreeMap<String, String>,
        mut taken: BTreeSet<String>,
        covered: &Covered,
    ) -> Map<String, Value> {
        let mut relations = Map::new();
        let mut known = BTreeSet::new();
        let position = |key: &ForeignKey| {
            let last = key.columns.last();
            self.table.columns.iter().position(|column| Some(&column.name) == last)
        };
        let mut foreign_keys: Vec<_> = self.table.foreign_keys.iter().collect();
        foreign_keys.sort_by_key(|(_, key)| position(key));
        for (name, key) in foreign_keys {
            let ForeignKey { target, target_schema, target_columns, .. } = key;
            let column = self.field_columns(key);
            let field = column.and_then(|column| by_column.get(column));
            let refers_to_id = target_columns.last().is_some_and(|column| column == "id");
            let keys = self.context.keys;
            let target_key =
                keys.get(target.as_str()).filter(|_| refers_to_id && target_schema.is_none());
            let (Some(field), Some(column), Some(target_key)) = (field, column, target_key) else {
                self.left_out(&format!("the foreign key `{name}` to `{target}`"));
                continue;
            };
            if !known.insert((column, target)) {
                self.left_out(&format!("the second foreign key `{name}` to `{target}`"));
                continue;
            }
            self.compare_key(name, key, covered);
            let relation = name::relation(field, &taken);
            taken.insert(relation.clone());
            let value = json!({
                "type": "belongsTo", "target": target_key, "foreignKey": field,
                "foreignKeyColumn": column, "options": { "fk": true }
            });
            relations.insert(relation, value);
        }
        relations
    }

    /// Reports how a foreign key differs from that of its relation, and the index that the relation
    /// implies.
    fn compare_key(&mut self, name: &str, key: &ForeignKey, covered: &Covered) {
        if key.on_delete != "a" || !["", "a"].contains(&&*key.on_update) || !key.deferred {
            self.changed(&format!(
                "has the foreign key `{name}`; those of models are NO ACTION and deferred"
            ));
        }
        if !key.validated {
            self.changed(&format!("has the foreign key `{name}`, which is not validated"));
        }
        let theirs = self.context.tenancies.get(key.target.as_str());
        let is_theirs = matches!(theirs, Some(Tenancy::Column(_)));
        match (self.own_tenancy(), key.columns.len()) {
            (Some(own), 1) if is_theirs => {
                self.changed(&format!(
                    "has the foreign key `{name}`; that of its relation includes `{own}`"
                ));
            }
            (None, 1) if is_theirs && !self.isolates(&key.target) => {
                self.left_out(&format!("the foreign key `{name}` to rows of an organisation"));
            }
            _ => {}
        }
        let Some(column) = key.columns.last() else { return };
        let is_first = self.table.primary_key.first() == Some(column);
        if !covered.looked_up.contains(column) && !is_first {
            self.changed(&format!(
                "has no index on `{column}`, which the relation of `{name}` implies"
            ));
        }
    }
}

/// The facts about a column besides its type.
#[derive(Clone, Copy)]
struct Facts {
    is_base: bool,
    is_tenancy: bool,
    indexed: bool,
    unique: bool,
}

/// Splits a comment into the members `description` and `deprecated`.
fn describe(comment: Option<&str>, members: &mut Map<String, Value>) {
    let Some(comment) = comment else { return };
    let (description, last) =
        comment.rsplit_once("\n\n").map_or(("", comment), |(text, last)| (text, last));
    let deprecated = match last.strip_prefix("Deprecated: ") {
        Some(note) => Some(Value::from(note)),
        None => (last == "Deprecated.").then_some(Value::Bool(true)),
    };
    let description = if deprecated.is_some() { description } else { comment };
    if !description.is_empty() {
        members.insert("description".to_owned(), description.into());
    }
    members.extend(deprecated.map(|deprecated| ("deprecated".to_owned(), deprecated)));
}
