//! Rules on tenancy: every row leads to an organisation.

use super::context::{Context, DEFAULT_TENANCY_COLUMN};
use super::graph::cycles;
use super::names::shown;
use crate::diag::{Code, SpanId, Spanned};
use crate::raw::{RawModel, RawTenancy};
use crate::schema::Plane;
use std::borrow::Cow;

/// The parts of tenancy through a parent.
struct Via<'r> {
    local_key: &'r Spanned<Cow<'r, str>>,
    parent_table: &'r Spanned<Cow<'r, str>>,
    parent_key: Option<&'r Spanned<Cow<'r, str>>>,
    parent_org_column: Option<&'r Spanned<Cow<'r, str>>>,
}

fn via<'r>(model: &'r RawModel<'r>) -> Option<Via<'r>> {
    match &model.tenancy.as_ref()?.value {
        RawTenancy::Parent { local_key, parent_table, parent_key, parent_org_column } => {
            Some(Via {
                local_key,
                parent_table,
                parent_key: parent_key.as_ref(),
                parent_org_column: parent_org_column.as_ref(),
            })
        }
        RawTenancy::Column { .. } | RawTenancy::None => None,
    }
}

pub(super) fn check_tenancy(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    for (at, model) in raw.models.iter().enumerate() {
        let Some(via) = via(model) else { continue };
        if !cx.models[at].has_column(&via.local_key.value) {
            let help = cx.suggest_column(at, &via.local_key.value);
            let message = format!(
                "no column `{}` on model `{}`",
                shown(&via.local_key.value),
                model.key.value
            );
            cx.diagnostics.push(Code::TenancyUnknownLocalKey, via.local_key.at, message).help =
                help.or_else(|| Some("declare a field with this column".to_owned()));
        }
        match cx.index_of_table(&via.parent_table.value) {
            None => report_unknown_table(cx, via.parent_table),
            Some(parent) => check_parent(cx, &via, parent),
        }
    }
}

fn report_unknown_table(cx: &mut Context<'_, '_>, table: &Spanned<Cow<'_, str>>) {
    let message = format!("unknown table `{}`", shown(&table.value));
    let near = cx.index_of(&table.value).map(|model| cx.models[model].table().to_owned());
    let help = near.map_or_else(
        || {
            "ignore this if the table exists outside the schema; the parent is specified by its \
             table, not by its model"
                .to_owned()
        },
        |table| {
            format!(
                "the parent is specified by its table: the table of that model is \
            `{table}`"
            )
        },
    );
    cx.diagnostics.push(Code::TenancyUnknownParentTable, table.at, message).help(help);
}

fn check_parent(cx: &mut Context<'_, '_>, via: &Via<'_>, parent: usize) {
    let (table, at) = (&via.parent_table.value, via.parent_table.at);
    if cx.models[parent].plane() == Plane::Control {
        let message = format!(
            "table `{table}` is on the control plane, so it is not created in the application's \
             database"
        );
        cx.diagnostics
            .push(Code::TenancyUnknownParentTable, at, message)
            .help("ignore this if the table exists there");
    }
    if let Some(key) = via.parent_key.filter(|key| !cx.models[parent].has_column(&key.value)) {
        let help = cx.suggest_column(parent, &key.value);
        let message = format!("no column `{}` in table `{table}`", shown(&key.value));
        cx.diagnostics.push(Code::TenancyUnknownParentKey, key.at, message).help =
            help.or_else(|| Some("the default of `parentKey` is `id`".to_owned()));
    }
    check_org_column(cx, via, parent);
}

fn check_org_column(cx: &mut Context<'_, '_>, via: &Via<'_>, parent: usize) {
    let (name, at): (&str, SpanId) = via
        .parent_org_column
        .map_or((DEFAULT_TENANCY_COLUMN, via.parent_table.at), |column| (&column.value, column.at));
    // A parent with tenancy through its own parent needs no such column.
    let inherits = via.parent_org_column.is_none() && cx.models[parent].tenancy_column().is_none();
    let inherits = inherits
        && cx.models[parent]
            .raw
            .tenancy
            .as_ref()
            .is_some_and(|tenancy| matches!(tenancy.value, RawTenancy::Parent { .. }));
    if inherits || cx.models[parent].has_column(name) {
        return;
    }
    let table = &via.parent_table.value;
    let message = format!("no tenancy column `{}` in table `{table}`", shown(name));
    let help = match cx.models[parent].tenancy_column() {
        Some(column) => format!("write `{column}`, its tenancy column"),
        None => "give that model a tenancy, or name the column with the organisation id".to_owned(),
    };
    cx.diagnostics.push(Code::TenancyUnknownParentOrgColumn, at, message).help(help);
}

pub(super) fn check_loops(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    let edges: Vec<Vec<usize>> = raw
        .models
        .iter()
        .map(|model| {
            via(model)
                .and_then(|via| cx.index_of_table(&via.parent_table.value))
                .into_iter()
                .collect()
        })
        .collect();
    for cycle in cycles(&edges) {
        let keys: Vec<String> =
            cycle.iter().map(|at| format!("`{}`", cx.models[*at].key())).collect();
        let mut labels =
            cycle.iter().filter_map(|at| via(&raw.models[*at])).map(|via| via.parent_table.at);
        let Some(first) = labels.next() else { continue };
        let message = format!(
            "the tenancy of {} forms a cycle that never leads to an organisation",
            keys.join(" → ")
        );
        let diagnostic = cx.diagnostics.push(Code::TenancyLoop, first, message);
        diagnostic.help("give one of them a tenancy column");
        labels.for_each(|at| diagnostic.also.push((at, "continues here".to_owned())));
    }
}
