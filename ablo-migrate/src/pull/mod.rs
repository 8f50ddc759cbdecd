//! Converts a catalog to Schema JSON. Every object that a schema cannot express, or can only
//! approximate, is a finding.

mod column;
mod name;

use crate::catalog::{Catalog, Column, ForeignKey, Index, Policy, Table};
use crate::codes::{PULL_CHANGED, PULL_LEFT_OUT, PULL_NAME};
use crate::error::Finding;
use crate::expression::{Token, tokens};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A pulled schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// The schema as indented JSON.
    pub document: String,
    /// The objects that were left out or changed, ordered by table.
    pub findings: Vec<Finding>,
}

/// The tenancy that a table's policies express.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tenancy {
    None,
    Column(String),
    Parent { local_key: String, table: String, key: String, owner: Option<String> },
}

/// Converts a catalog to a schema.
///
/// ```
/// use ablo_migrate::{catalog::Catalog, pull::pull};
/// let pulled = pull(&Catalog::default());
/// assert!(ablo_schema::front::json::read(&pulled.document).schema.is_some());
/// ```
#[must_use]
pub fn pull(catalog: &Catalog) -> Pulled {
    let mut findings: Vec<Finding> = catalog
        .others
        .iter()
        .map(|other| {
            Finding::new(PULL_LEFT_OUT, format!("the {} `{}` is left out", other.kind, other.name))
        })
        .collect();
    let keys = keys(catalog);
    let mut models = Map::new();
    for (name, table) in &catalog.tables {
        let tenancy = tenancy(table);
        let mut converter =
            TableConverter { name, table, tenancy, keys: &keys, findings: &mut findings };
        let model = converter.model();
        models.insert(keys.get(name.as_str()).cloned().unwrap_or_default(), model);
    }
    let document = json!({ "v": 3, "models": models, "identityRoles": [] });
    // A `Value` always serialises.
    Pulled {
        document: serde_json::to_string_pretty(&document).unwrap_or_default() + "\n",
        findings,
    }
}

/// Returns the model key of each table. Tables whose name is a valid key get theirs first.
fn keys(catalog: &Catalog) -> BTreeMap<&str, String> {
    let mut taken = name::Keys::default();
    let (same, others): (Vec<&String>, Vec<&String>) =
        catalog.tables.keys().partition(|name| name::key(name) == **name);
    same.into_iter()
        .chain(others)
        .map(|name| (name.as_str(), taken.reserve(&name::key(name))))
        .collect()
}

/// The conversion of one table.
struct TableConverter<'a> {
    name: &'a str,
    table: &'a Table,
    tenancy: Tenancy,
    /// The model key of each table.
    keys: &'a BTreeMap<&'a str, String>,
    findings: &'a mut Vec<Finding>,
}

impl TableConverter<'_> {
    fn left_out(&mut self, what: &str) {
        self.findings
            .push(Finding::new(PULL_LEFT_OUT, format!("of `{}`, {what} is left out", self.name)));
    }

    fn changed(&mut self, what: &str) {
        self.findings.push(Finding::new(PULL_CHANGED, format!("`{}` {what}", self.name)));
    }

    fn model(&mut self) -> Value {
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
        if let Tenancy::Column(column) = &self.tenancy {
            by_column.entry(column.clone()).or_insert_with(|| "organizationId".to_owned());
        }
        by_column.insert("id".to_owned(), "id".to_owned());
        let relations = self.relations(&by_column, taken);
        self.report_rest(&covered);
        // Base fields come first, as they do in Rust.
        base.extend(fields);
        let key = self.keys.get(self.name).map_or("", String::as_str);
        let mut model = Map::new();
        model.insert("fields".to_owned(), Value::Object(base));
        model.insert("relations".to_owned(), Value::Object(relations));
        model.insert("typename".to_owned(), name::type_name(key).into());
        if key != self.name {
            model.insert("tableName".to_owned(), self.name.into());
        }
        model.extend(self.tenancy().map(|tenancy| ("tenancy".to_owned(), tenancy)));
        model.insert("mutable".to_owned(), Value::Bool(true));
        Value::Object(model)
    }

    /// Returns the `tenancy` member. `None` for the default tenancy.
    fn tenancy(&self) -> Option<Value> {
        match &self.tenancy {
            Tenancy::None => Some(json!({ "kind": "none" })),
            Tenancy::Column(column) if column == "organization_id" => None,
            Tenancy::Column(column) => Some(json!({ "kind": "column", "column": column })),
            Tenancy::Parent { local_key, table, key, owner } => {
                let mut via = Map::new();
                via.insert("localKey".to_owned(), local_key.as_str().into());
                via.insert("parentTable".to_owned(), table.as_str().into());
                let members = [
                    ("parentKey", Some(key), "id"),
                    ("parentOrgColumn", owner.as_ref(), "organization_id"),
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
    fn own_tenancy(&self) -> Option<&str> {
        match &self.tenancy {
            Tenancy::Column(column) => Some(column),
            Tenancy::None | Tenancy::Parent { .. } => None,
        }
    }

    /// Reports whether this is the index of a foreign key within the organisation.
    fn is_of_relation(&self, column: &str, index: &Index) -> bool {
        let Some(own) = self.own_tenancy() else { return false };
        let refers = |key: &ForeignKey| key.columns.last().is_some_and(|last| last == column);
        index.is_on(&[own.to_owned(), column.to_owned()])
            && self.table.foreign_keys.values().any(refers)
    }

    /// Reports differences between the base columns and those of a model.
    fn base(&mut self, covered: &mut Covered) {
        let tenancy = self.own_tenancy().map(str::to_owned);
        let key: Vec<&str> =
            tenancy.as_deref().filter(|name| *name != "id").into_iter().chain(["id"]).collect();
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
        let follows = |index: &&Index| index.is_on(&list) || index.unique && index.is_on(&id);
        let indexes = self.table.indexes.iter().filter(|(_, index)| follows(index));
        covered.indexes.extend(indexes.map(|(name, _)| name.clone()));
        let base = [("id", "text", true), ("created_by", "text", false)];
        let times =
            ["created_at", "updated_at"].map(|name| (name, "timestamp with time zone", true));
        let own = tenancy.as_deref().map(|column| (column, "text", true));
        for (name, type_name, required) in base.into_iter().chain(times).chain(own) {
            match self.table.column(name) {
                None => self.changed(&format!("has no column `{name}`, which every model has")),
                Some(column) if column.type_name != type_name => {
                    self.changed(&format!(
                        "has `{name}` as {}; models have it as {type_name}",
                        column.type_name
                    ));
                }
                Some(column) if required && !column.not_null => {
                    self.changed(&format!("has `{name}` as nullable; models have it as NOT NULL"));
                }
                Some(_) => {}
            }
            covered.columns.insert(name.to_owned());
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
        let is_tenancy = self.tenancy == Tenancy::Column(column.name.clone());
        let is_base = covered.columns.contains(&column.name);
        let Some(mut pulled) = column::pull(self.table, column).filter(|_| !column.generated)
        else {
            if !is_base {
                self.left_out(&format!(
                    "the column `{}` of type {}",
                    column.name, column.type_name
                ));
            }
            return None;
        };
        covered.checks.extend(pulled.checks.drain(..));
        let (indexed, unique) =
            self.indexes(column, pulled.members.get("type") == Some(&"json".into()), covered);
        let is_declared = column.comment.is_some() || pulled.members.contains_key("enumValues");
        let name = match (is_base, column.name.as_str()) {
            (true, "id" | "created_at" | "updated_at") => return None,
            (true, _) if is_tenancy && is_declared => "organizationId".to_owned(),
            (true, "created_by") if !is_tenancy && (is_declared || indexed || column.not_null) => {
                "createdBy".to_owned()
            }
            (true, _) => return None,
            (false, _) => {
                let mut reserved = taken.clone();
                reserved.extend(["createdBy", "organizationId"].map(str::to_owned));
                name::field(&column.name, &reserved)
            }
        };
        if let Some(changed) = pulled.changed.take() {
            self.changed(&format!("has `{}`, which {changed}", column.name));
        }
        let mut members = Map::new();
        members.insert("type".to_owned(), pulled.members.get("type").cloned().unwrap_or_default());
        members.insert("isOptional".to_owned(), (!column.not_null).into());
        members.insert("isIndexed".to_owned(), (indexed && !is_tenancy).into());
        if let Some(own) = name::column_of(&name, &column.name).filter(|_| !is_base) {
            members.insert("column".to_owned(), own.into());
        }
        if let Some(expression) = column.default.as_deref().filter(|_| !is_base) {
            match column::default(&pulled, expression) {
                Some(value) => drop(members.insert("default".to_owned(), value)),
                None => self.left_out(&format!("the default {expression} of `{}`", column.name)),
            }
        }
        members.extend(pulled.members.into_iter().filter(|(member, _)| member != "type"));
        if unique && !is_base {
            members.insert("unique".to_owned(), true.into());
        }
        describe(column.comment.as_deref(), &mut members);
        Some((name, members))
    }

    /// Reports whether the column is indexed, and whether it is unique.
    fn indexes(&self, column: &Column, is_json: bool, covered: &mut Covered) -> (bool, bool) {
        let mut indexed = false;
        let mut unique = false;
        let plain = [column.name.clone()];
        let per_tenant = match self.own_tenancy() {
            Some(own) => vec![own.to_owned(), column.name.clone()],
            None => plain.to_vec(),
        };
        let method = if is_json { "gin" } else { "btree" };
        let ours = |index: &Index, columns: &[String]| {
            index.valid && index.method == method && index.is_on(columns)
        };
        for (name, index) in &self.table.indexes {
            if index.unique && ours(index, &per_tenant) {
                unique = true;
            } else if !index.unique && ours(index, &plain) {
                indexed = true;
            } else if index.unique || !self.is_of_relation(&column.name, index) {
                continue;
            }
            covered.indexes.insert(name.clone());
        }
        (indexed, unique)
    }

    fn relations(
        &mut self,
        by_column: &BTreeMap<String, String>,
        mut taken: BTreeSet<String>,
    ) -> Map<String, Value> {
        let mut relations = Map::new();
        let position = |key: &ForeignKey| {
            let last = key.columns.last();
            self.table.columns.iter().position(|column| Some(&column.name) == last)
        };
        let mut foreign_keys: Vec<_> = self.table.foreign_keys.iter().collect();
        foreign_keys.sort_by_key(|(_, key)| position(key));
        for (name, key) in foreign_keys {
            let ForeignKey { columns, target, target_schema, target_columns, .. } = key;
            // A key within the organisation begins with the tenancy columns.
            let is_single = columns.len() == 1 && target_columns.len() == 1;
            let is_within = columns.len() == 2
                && target_columns.len() == 2
                && columns.first().map(String::as_str) == self.own_tenancy();
            let field = columns
                .last()
                .filter(|_| is_single || is_within)
                .and_then(|column| by_column.get(column));
            let refers_to_id = target_columns.last().is_some_and(|column| column == "id");
            let target_key =
                self.keys.get(target.as_str()).filter(|_| refers_to_id && target_schema.is_none());
            let (Some(field), Some(column), Some(target_key)) = (field, columns.last(), target_key)
            else {
                self.left_out(&format!("the foreign key `{name}` to `{target}`"));
                continue;
            };
            if key.on_delete != "a" || !key.deferred {
                self.changed(&format!(
                    "has the foreign key `{name}`; those of models are NO ACTION and deferred"
                ));
            }
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

    /// Reports the objects that no part of the model covers.
    fn report_rest(&mut self, covered: &Covered) {
        let checks: Vec<String> = self
            .table
            .checks
            .keys()
            .filter(|name| !covered.checks.contains(*name))
            .cloned()
            .collect();
        let indexes: Vec<String> = self
            .table
            .indexes
            .keys()
            .filter(|name| !covered.indexes.contains(*name))
            .cloned()
            .collect();
        let policies: Vec<String> = match &self.tenancy {
            Tenancy::None => self.table.policies.keys().cloned().collect(),
            known => self
                .table
                .policies
                .iter()
                .filter(|(_, policy)| of_policy(policy).as_ref() != Some(known))
                .map(|(name, _)| name.clone())
                .collect(),
        };
        let of = |kind: &str, names: Vec<String>| {
            names.into_iter().map(|name| format!("the {kind} `{name}`")).collect::<Vec<_>>()
        };
        let triggers = self.table.triggers.clone();
        for what in [
            of("check", checks),
            of("index", indexes),
            of("policy", policies),
            of("trigger", triggers),
        ]
        .concat()
        {
            self.left_out(&what);
        }
        if self.table.partitioned {
            self.changed("is partitioned; the tables of models are not");
        }
        if self.table.row_security && self.tenancy == Tenancy::None {
            self.changed("has row security of another kind; in the schema, all rows are shared");
        }
    }
}

/// The objects of a table that its model covers.
#[derive(Debug, Default)]
struct Covered {
    /// The base columns.
    columns: BTreeSet<String>,
    checks: BTreeSet<String>,
    indexes: BTreeSet<String>,
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

fn tenancy(table: &Table) -> Tenancy {
    if !table.row_security {
        return Tenancy::None;
    }
    table.policies.values().find_map(of_policy).unwrap_or(Tenancy::None)
}

/// Returns the tenancy that a policy generated by ablo expresses.
fn of_policy(policy: &Policy) -> Option<Tenancy> {
    use Token::{Sign, Value as Text, Word};
    let using = tokens(policy.using.as_deref()?);
    let is_tenant = |rest: &[Token]| {
        matches!(rest, [Sign('='), Word(setting), Text(name), Sign(','), Word(missing)]
            if setting == "current_setting" && name == "app.current_org_id" && missing == "true")
    };
    match using.as_slice() {
        [Word(column), rest @ ..] if is_tenant(rest) => Some(Tenancy::Column(column.clone())),
        [
            Word(exists),
            Word(select),
            Text(_),
            Word(from),
            Word(_),
            Sign('.'),
            Word(table),
            Word(r#where),
            Word(parent),
            Sign('.'),
            Word(key),
            Sign('='),
            Word(_),
            Sign('.'),
            Word(local),
            rest @ ..,
        ] if [exists, select, from, r#where] == ["exists", "select", "from", "where"]
            && parent == table =>
        {
            let owner = match rest {
                [] => None,
                [Word(and), Word(again), Sign('.'), Word(owner), rest @ ..]
                    if and == "and" && again == table && is_tenant(rest) =>
                {
                    Some(owner.clone())
                }
                _ => return None,
            };
            Some(Tenancy::Parent {
                local_key: local.clone(),
                table: table.clone(),
                key: key.clone(),
                owner,
            })
        }
        _ => None,
    }
}
