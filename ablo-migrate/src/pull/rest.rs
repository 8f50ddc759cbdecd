//! Reports the objects of a table that its model does not have.

use super::table::{Covered, TableConverter};
use super::tenancy::{Tenancy, of_policy};

/// The kinds of dependents that are objects of their own, and are part of no table.
const FOREIGN: [&str; 2] = ["publication", "statistics"];

/// Reports what no part of the model covers.
pub(super) fn report(converter: &mut TableConverter<'_>, covered: &Covered) {
    let table = converter.table;
    let rest = |all: Vec<&String>, known: &dyn Fn(&str) -> bool| -> Vec<String> {
        all.into_iter().filter(|name| !known(name)).cloned().collect()
    };
    let checks = rest(table.checks.keys().collect(), &|name| covered.checks.contains(name));
    let indexes = rest(table.indexes.keys().collect(), &|name| covered.indexes.contains(name));
    let tenancy = converter.tenancy;
    let is_expressed = |name: &str| {
        let policy = table.policies.get(name);
        *tenancy != Tenancy::None && policy.and_then(of_policy).as_ref() == Some(tenancy)
    };
    let policies = rest(table.policies.keys().collect(), &is_expressed);
    let rules = table.swallowing.iter().filter_map(|one| one.strip_prefix("rule "));
    let of = |kind: &str, names: Vec<String>| -> Vec<String> {
        names.into_iter().map(|name| format!("the {kind} `{name}`")).collect()
    };
    let foreign = table.dependents.iter().filter(|one| FOREIGN.contains(&&*one.kind));
    for what in [
        of("check", checks),
        of("index", indexes),
        of("policy", policies),
        of("trigger", table.triggers.clone()),
        of("rule", rules.map(str::to_owned).collect()),
        foreign.map(|one| format!("the {} `{}`", one.kind, one.name)).collect(),
        table.comment.iter().map(|text| format!("the comment {text:?}")).collect(),
    ]
    .concat()
    {
        converter.left_out(&what);
    }
    columns(converter);
    kind(converter);
    if !converter.context.options.no_row_security {
        security(converter);
    }
}

/// Reports properties of columns that a field does not have.
fn columns(converter: &mut TableConverter<'_>) {
    for column in &converter.table.columns {
        if let Some(collation) = &column.collation {
            let name = &column.name;
            converter.changed(&format!("has `{name}` with the collation {collation:?}"));
        }
    }
}

/// Reports properties of the table as a whole.
fn kind(converter: &mut TableConverter<'_>) {
    let table = converter.table;
    if table.partitioned {
        converter.changed("is partitioned; the tables of models are not");
    }
    if table.unlogged {
        converter.changed("is unlogged; the tables of models are not");
    }
    if !table.parents.is_empty() {
        converter.changed(&format!("inherits from {}", table.parents.join(", ")));
    }
    if !table.children.is_empty() {
        converter.changed(&format!("has the rows of {} as its own", table.children.join(", ")));
    }
    for definition in &table.definitions {
        converter.changed(&format!("is {definition}; the tables of models are"));
    }
    if table.key_deferrable {
        converter.changed("has a deferrable primary key; those of models are checked at once");
    }
    for trigger in &table.disabled_triggers {
        converter.changed(&format!("has the trigger `{trigger}`, which does not run"));
    }
}

/// Reports row security that differs from that of the model.
fn security(converter: &mut TableConverter<'_>) {
    let table = converter.table;
    let is_expressed =
        table.policies.values().any(|policy| of_policy(policy).as_ref() == Some(converter.tenancy));
    match converter.tenancy {
        Tenancy::None if table.row_security => {
            converter
                .changed("has row security of another kind; in the schema, all rows are shared");
        }
        Tenancy::Column(column) if !(table.row_security && is_expressed) => {
            let column = column.clone();
            converter.changed(&format!(
                "has no row security by `{column}`, which is the organisation of its rows in the \
                 schema"
            ));
        }
        Tenancy::Column(_) | Tenancy::Parent { .. } if !table.forced => {
            converter.changed("has row security that does not apply to its owner");
        }
        _ => {}
    }
}
