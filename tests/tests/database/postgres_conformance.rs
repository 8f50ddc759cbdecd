//! The `catalogue` member of the conformance vectors: provisioned tables match those of the
//! reference.

use ablo_codegen::emit::sql::postgres::{PostgresOptions, provision};
use ablo_schema::Schema;
use ablo_schema::schema::{Model, Tenancy};
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
fn provisioned_tables_match_the_reference_catalogue() {
    let vectors = fixtures::find("conformance", "expected.json");
    let with_tables = vectors.iter().filter(|path| check_vector(path)).count();
    assert!(with_tables >= 30, "only {with_tables} vectors have a catalogue");
}

/// Provisions a vector in `public` and for its organisation, both in one database, as the reference
/// does.
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
    let public = PostgresOptions { foreign_keys: false, ..PostgresOptions::default() };
    let programs =
        [public, app].map(|options| provision(&schema, &options).expect("the options are valid"));

    let database = Server::shared().database();
    let mut session = database.session();
    for program in &programs {
        check_warnings(&name, &apply(&mut session, program));
    }
    let before = footprint(&mut session);
    let ours = catalogue(&mut session);
    for program in &programs {
        check_warnings(&name, &apply(&mut session, program));
    }
    assert_eq!(footprint(&mut session), before, "{name}: the second run changed something");

    for (namespace, tables) in &expected {
        for (table, expected) in tables {
            let table_label = format!("{name}: {namespace}.{table}");
            let ours = ours.get(namespace).and_then(|tables| tables.get(table));
            check_table(
                &table_label,
                &schema,
                table,
                expected,
                ours.unwrap_or_else(|| panic!("{table_label} is missing")),
            );
        }
        let our_tables = ours.get(namespace).map_or(0, BTreeMap::len);
        assert_eq!(our_tables, tables.len(), "{name}: {namespace} has additional tables");
    }
    // A check that exists in one schema must also be created in the other.
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

/// Checks that the only warnings are policies skipped because the parent table has no tenancy
/// column.
fn check_warnings(name: &str, warnings: &[String]) {
    for warning in warnings {
        assert!(warning.starts_with("ablo::provision::policy_skipped"), "{name}: {warning}");
    }
}

fn check_table(
    table_label: &str,
    schema: &Schema,
    table: &str,
    expected: &ExpectedTable,
    ours: &Table,
) {
    let model =
        schema.models().iter().find(|model| model.table == table).expect("the table has a model");
    let through_parent = matches!(model.tenancy, Tenancy::Parent { .. });
    assert_eq!(ours.row_security, expected.row_security || through_parent, "{table_label}");
    assert_eq!(ours.forced, expected.forced || through_parent, "{table_label}");

    assert_eq!(
        ours.columns.keys().collect::<Vec<_>>(),
        expected.columns.keys().collect::<Vec<_>>(),
        "{table_label}"
    );
    for (column, expected) in &expected.columns {
        check_column(&format!("{table_label}.{column}"), expected, &ours.columns[column]);
    }
    for kind in ["primary key", "check", "foreign key"] {
        let ours = of_kind(ours, kind);
        let mut rest = ours.clone();
        let wanted = expected.constraints.iter().filter(|constraint| constraint.kind == kind);
        for wanted in wanted.filter(|wanted| !refers_to_no_unique_id(schema, model, wanted)) {
            let at = rest.iter().position(|ours| is_satisfied(&wanted.definition, ours));
            rest.remove(at.unwrap_or_else(|| {
                panic!("{table_label} lacks {}\nit has {ours:#?}", wanted.definition)
            }));
        }
        let added_by_us = table_label.contains(APP) && kind == "check";
        assert!(
            rest.is_empty() || added_by_us,
            "{table_label} has more than the reference: {rest:?}"
        );
    }
    for policy in &expected.policies {
        let same = |ours: &&ablo_tests::postgres::Policy| {
            ours.using == policy.using && ours.with_check.as_ref() == Some(&policy.with_check)
        };
        let ours = ours
            .policies
            .values()
            .find(same)
            .unwrap_or_else(|| panic!("{table_label} lacks {}", policy.using));
        assert!(ours.permissive && ours.everyone && ours.command == "*", "{table_label}");
    }
}

/// Reports whether a foreign key of the reference would refer to an id that is unique only within
/// its organisation, from a table that does not have the organisation.
fn refers_to_no_unique_id(schema: &Schema, model: &Model, wanted: &Constraint) -> bool {
    let target = wanted.definition.split_once(&format!("REFERENCES {APP}."));
    let Some((_, target)) = target else { return false };
    let target = target.split('(').next().unwrap_or(target).replace('"', "");
    let is_isolating = schema.models().iter().any(|model| {
        matches!(&model.tenancy, Tenancy::Parent { parent_table, parent_key, .. }
            if *parent_table == *target && *parent_key == *"id")
    });
    let has_column = |model: &Model| matches!(model.tenancy, Tenancy::Column { .. });
    let targets = schema.models().iter().filter(|known| known.table == *target);
    !has_column(model) && !is_isolating && targets.into_iter().any(has_column)
}

/// Reports whether a constraint satisfies that of the reference. Our keys may begin with the
/// tenancy column, on both sides of a reference.
fn is_satisfied(wanted: &str, ours: &str) -> bool {
    let last_columns: String = ours
        .split_inclusive('(')
        .map(|part| match part.split_once(')') {
            Some((columns, rest)) => {
                format!("{}){rest}", columns.rsplit(", ").next().unwrap_or(columns))
            }
            None => part.to_owned(),
        })
        .collect();
    let is_key = ours.starts_with("PRIMARY KEY") || ours.starts_with("FOREIGN KEY");
    ours == wanted || is_key && last_columns == wanted
}

#[test]
fn a_key_satisfies_the_reference_if_it_contains_its_columns() {
    for (wanted, ours) in [
        ("PRIMARY KEY (id)", "PRIMARY KEY (organization_id, id)"),
        (
            "FOREIGN KEY (a) REFERENCES t(id) DEFERRABLE",
            "FOREIGN KEY (o, a) REFERENCES t(p, id) DEFERRABLE",
        ),
    ] {
        assert!(is_satisfied(wanted, ours) && is_satisfied(wanted, wanted));
        assert!(!is_satisfied(wanted, &ours.replace("id)", "other)")));
    }
    assert!(!is_satisfied("CHECK (id)", "CHECK (a, id)"));
}

fn check_column(column_label: &str, expected: &ExpectedColumn, ours: &Column) {
    assert_eq!(ours.r#type, expected.r#type, "{column_label}");
    assert!(ours.not_null || !expected.not_null, "{column_label} accepts NULL");
    assert_eq!(ours.default, expected.default, "{column_label}");
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
