//! The `catalogue` member of the conformance vectors: what the reference provisions exists in ours with the same meaning.

use ablo_codegen::emit::sql::postgres::{PostgresOptions, provision};
use ablo_schema::Schema;
use ablo_schema::schema::Tenancy;
use ablo_tests::fixtures;
use ablo_tests::postgres::{
    Column, Constraint, Server, Table, apply, catalogue, footprint, schema,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
struct Expected {
    catalogue: Option<BTreeMap<String, BTreeMap<String, ExpectedTable>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExpectedTable {
    row_security: bool,
    forced: bool,
    columns: BTreeMap<String, ExpectedColumn>,
    constraints: Vec<Constraint>,
    policies: Vec<ExpectedPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExpectedColumn {
    r#type: String,
    not_null: bool,
    default: Option<String>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExpectedPolicy {
    using: String,
    with_check: String,
}

const APP: &str = "app_acme_org_42";

#[test]
fn every_catalogue_of_the_reference_is_contained_in_ours() {
    let vectors = fixtures::find("conformance", "expected.json");
    let with_tables = vectors.iter().filter(|path| check_vector(path)).count();
    assert!(with_tables >= 30, "only {with_tables} vectors have a catalogue");
}

/// Provisions a vector in `public` and for its organisation, both in one database, as the reference did.
fn check_vector(path: &Path) -> bool {
    let name = fixtures::name_of(path);
    let expected: Expected = serde_json::from_str(&fixtures::read(path)).expect("vectors are JSON");
    let Some(expected) = expected.catalogue else { return false };
    let schema = schema(&fixtures::read(&path.with_file_name("schema.json")));
    let app = PostgresOptions {
        organization: Some("Acme Org-42".to_owned()),
        foreign_keys: true,
        ..PostgresOptions::default()
    };
    let programs = [PostgresOptions::default(), app]
        .map(|options| provision(&schema, &options).expect("options that are right"));

    let database = Server::shared().database();
    let mut session = database.session();
    for program in &programs {
        check_warnings(&name, &apply(&mut session, program));
    }
    let made = footprint(&mut session);
    let ours = catalogue(&mut session);
    for program in &programs {
        check_warnings(&name, &apply(&mut session, program));
    }
    assert_eq!(footprint(&mut session), made, "{name}: the second run changed something");

    for (namespace, tables) in &expected {
        for (table, expected) in tables {
            let place = format!("{name}: {namespace}.{table}");
            let ours = ours.get(namespace).and_then(|tables| tables.get(table));
            check_table(
                &place,
                &schema,
                table,
                expected,
                ours.unwrap_or_else(|| panic!("{place} is missing")),
            );
        }
        let tables_of_ours = ours.get(namespace).map_or(0, BTreeMap::len);
        assert_eq!(tables_of_ours, tables.len(), "{name}: {namespace} has other tables too");
    }
    // A guard by constraint name alone skips what the second schema of a database needs.
    if ours.contains_key(APP) {
        for (table, public) in &ours["public"] {
            assert_eq!(
                of_kind(public, "check"),
                of_kind(&ours[APP][table], "check"),
                "{name}: {table}"
            );
        }
    }
    true
}

/// A tenant's rows can only be told apart where the parent says whose they are: that it does not is all there is to report.
fn check_warnings(name: &str, warnings: &[String]) {
    for warning in warnings {
        assert!(warning.starts_with("ablo::provision::policy_skipped"), "{name}: {warning}");
    }
}

fn check_table(place: &str, schema: &Schema, table: &str, expected: &ExpectedTable, ours: &Table) {
    let model = schema.models().iter().find(|model| model.table == table).expect("a model");
    let through_parent = matches!(model.tenancy, Tenancy::Parent { .. });
    assert_eq!(ours.row_security, expected.row_security || through_parent, "{place}");
    assert_eq!(ours.forced, expected.forced || through_parent, "{place}");

    assert_eq!(
        ours.columns.keys().collect::<Vec<_>>(),
        expected.columns.keys().collect::<Vec<_>>(),
        "{place}"
    );
    for (column, expected) in &expected.columns {
        check_column(&format!("{place}.{column}"), expected, &ours.columns[column]);
    }
    for kind in ["primary key", "check", "foreign key"] {
        let ours = of_kind(ours, kind);
        let mut rest = ours.clone();
        for wanted in expected.constraints.iter().filter(|constraint| constraint.kind == kind) {
            let at = rest.iter().position(|definition| *definition == wanted.definition);
            rest.remove(at.unwrap_or_else(|| {
                panic!("{place} lacks {}\nit has {ours:#?}", wanted.definition)
            }));
        }
        let added_by_us = place.contains(APP) && kind == "check";
        assert!(rest.is_empty() || added_by_us, "{place} has more than the reference: {rest:?}");
    }
    for policy in &expected.policies {
        let same = |ours: &&ablo_tests::postgres::Policy| {
            ours.using == policy.using && ours.with_check.as_ref() == Some(&policy.with_check)
        };
        let ours = ours
            .policies
            .values()
            .find(same)
            .unwrap_or_else(|| panic!("{place} lacks {}", policy.using));
        assert!(ours.permissive && ours.everyone && ours.command == "*", "{place}");
    }
}

fn check_column(place: &str, expected: &ExpectedColumn, ours: &Column) {
    assert_eq!(ours.r#type, expected.r#type, "{place}");
    assert!(ours.not_null || !expected.not_null, "{place} takes NULL");
    assert_eq!(ours.default, expected.default, "{place}");
}

fn of_kind<'t>(table: &'t Table, kind: &str) -> Vec<&'t str> {
    let mut definitions: Vec<_> = table
        .constraints
        .values()
        .filter(|known| known.kind == kind)
        .map(|known| known.definition.as_str())
        .collect();
    definitions.sort_unstable();
    definitions
}
