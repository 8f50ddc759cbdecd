//! Converts a catalog to Schema JSON. The document is always valid: every object that a schema
//! cannot express, or can only approximate, is left out or changed, and is a finding.

mod column;
mod name;
mod repair;
mod rest;
mod table;
mod tenancy;

use crate::catalog::Catalog;
use crate::codes::PULL_LEFT_OUT;
use crate::error::Finding;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use table::{Context, TableConverter};
use tenancy::Tenancy;

/// A pulled schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// The schema as indented JSON.
    pub document: String,
    /// The objects that were left out or changed, ordered by table.
    pub findings: Vec<Finding>,
}

/// The tables to pull, and how to read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullOptions {
    /// The column that has the organisation of a row, where it is not `organization_id`.
    pub tenancy_column: Option<String>,
    /// Whether the database has no row security, so that nothing shows which rows it hides.
    pub no_row_security: bool,
    /// Patterns of the tables to pull, in which `*` stands for any text. Empty for all.
    pub tables: Vec<String>,
    /// Patterns of the tables to leave out.
    pub exclude: Vec<String>,
}

impl PullOptions {
    /// Reports whether a table is to be pulled.
    fn has(&self, table: &str) -> bool {
        let listed = |patterns: &[String]| patterns.iter().any(|one| name::matches(one, table));
        (self.tables.is_empty() || listed(&self.tables)) && !listed(&self.exclude)
    }
}

/// Converts a catalog to a schema.
///
/// ```
/// use ablo_migrate::{catalog::Catalog, pull::{PullOptions, pull}};
/// let pulled = pull(&Catalog::default(), &PullOptions::default());
/// assert!(ablo_schema::front::json::read(&pulled.document).schema.is_some());
/// ```
#[must_use]
pub fn pull(catalog: &Catalog, options: &PullOptions) -> Pulled {
    let others = catalog.others.iter().filter(|other| options.has(&other.name));
    let mut findings: Vec<Finding> = others
        .map(|other| {
            Finding::new(PULL_LEFT_OUT, format!("the {} `{}` is left out", other.kind, other.name))
        })
        .collect();
    let wanted = || catalog.tables.iter().filter(|(name, _)| options.has(name));
    let keys = keys(wanted().map(|(name, _)| name.as_str()).collect());
    let tenancies: BTreeMap<&str, Tenancy> = wanted()
        .map(|(name, table)| (name.as_str(), tenancy::of(table, options.tenancy_column.as_deref())))
        .collect();
    let context = Context { keys: &keys, tenancies: &tenancies, options };
    let mut models = Map::new();
    for (name, table) in wanted() {
        let mut converter = TableConverter::new(name, table, &context, &mut findings);
        let (model, covered) = converter.model();
        rest::report(&mut converter, &covered);
        models.insert(keys.get(name.as_str()).cloned().unwrap_or_default(), model);
    }
    let mut document = json!({ "v": 3, "models": models, "identityRoles": [] });
    repair::repair(&mut document, &mut findings);
    Pulled { document: repair::print(&document), findings }
}

/// Returns the model key of each table. Tables whose name is a valid key get theirs first.
fn keys(tables: Vec<&str>) -> BTreeMap<&str, String> {
    let mut taken = name::Keys::default();
    let (same, others): (Vec<&str>, Vec<&str>) =
        tables.into_iter().partition(|table| name::key(table) == **table);
    same.into_iter().chain(others).map(|table| (table, taken.reserve(&name::key(table)))).collect()
}
