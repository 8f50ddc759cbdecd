//! One model: its row struct, its enums, its table.

use super::ident::{Ident, Variants};
use super::names::{FieldNames, ModelNames, ValueType};
use super::writer::{Str, Token, Writer};
use crate::shape::{FieldShape, RowShape};
use ablo_schema::schema::{FieldKind, Load, Model, Plane, Relation, RelationKind, Tenancy};

impl Token for ValueType {
    fn print(&self, out: &mut String) {
        match self {
            ValueType::Plain(name) => out.push_str(name),
            ValueType::Enum(name) => name.print(out),
            ValueType::Id(model) => {
                out.push_str("::ablo::Id<");
                model.print(out);
                out.push('>');
            }
        }
    }
}

/// ```text
/// /// Model `weatherReports`, table `weather_reports`.
/// #[derive(Clone, Debug, PartialEq)]
/// #[allow(dead_code, missing_docs, unreachable_pub)]
/// pub struct WeatherReport {
///     pub location: String,
///     pub forecast: Option<String>,
/// }
/// ```
pub(super) fn print_row(out: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    out.line(&[]);
    out.doc("", &format!("Model `{}`, table `{}`.", row.model.key, row.model.table));
    out.formatted(|out| {
        out.line(&[&"#[derive(Clone, Debug, PartialEq)]"]);
        out.line(&[&"#[allow(dead_code, missing_docs, unreachable_pub)]"]);
        out.put(&[&"pub struct ", &names.row, &" {"]);
        if !row.fields.is_empty() {
            out.line(&[]);
        }
        for (shape, field) in row.fields.iter().zip(&names.fields) {
            print_row_field(out, shape, field);
        }
        out.line(&[&"}"]);
    });
}

fn print_row_field(out: &mut Writer, shape: &FieldShape<'_>, names: &FieldNames) {
    if let Some(description) = &shape.field.facets.description {
        out.doc("    ", description);
    }
    if let Some(deprecated) = &shape.field.facets.deprecated {
        match &deprecated.note {
            Some(note) => out.line(&[&"    #[deprecated(note = ", &Str(note), &")]"]),
            None => out.line(&[&"    #[deprecated]"]),
        }
    }
    let (before, after) = if shape.field.optional { (": Option<", ">,") } else { (": ", ",") };
    out.line(&[&"    pub ", &names.field, &before, &names.value, &after]);
}

/// ```text
/// ::ablo::__private::open_enum! {
///     /// Values of `status` in `WeatherReport`.
///     pub enum WeatherReportStatus { Pending = "pending", Ready = "ready", }
/// }
/// ```
pub(super) fn print_enums(out: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    for (shape, field) in row.fields.iter().zip(&names.fields) {
        if let (FieldKind::Enum(values), ValueType::Enum(name)) = (&shape.field.kind, &field.value) {
            print_enum(out, shape, &names.row, name, values);
        }
    }
}

fn print_enum(out: &mut Writer, shape: &FieldShape<'_>, model: &Ident, name: &Ident, values: &[Box<str>]) {
    out.line(&[]);
    out.line(&[&"::ablo::__private::open_enum! {"]);
    out.doc("    ", &format!("Values of `{}` in `{}`.", shape.field.name, model.as_str()));
    out.put(&[&"    pub enum ", name, &" {"]);
    let mut variants = Variants::new();
    for value in values {
        out.fill("       ", &[&" ", &variants.value(value), &" = ", &Str(value), &","]);
    }
    out.line(&[&" }"]);
    out.line(&[&"}"]);
}

/// ```text
/// ::ablo::__private::model! {
///     pub WeatherReport, WeatherReportCreate, WeatherReportPatch,
///     key = "weatherReports", type_name = "WeatherReport", table = "weather_reports", mutable = true;
///     fields {
///         0 location: String, LOCATION "location" "location" String;
///         1 forecast?: String, FORECAST "forecast" "forecast" String, indexed = true;
///     }
///     relations {
///         "station" BelongsTo Station "stationId", parent = true;
///     }
/// }
/// ```
pub(super) fn print_table(out: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    out.line(&[]);
    out.line(&[&"::ablo::__private::model! {"]);
    out.line(&[&"    pub ", &names.row, &", ", &names.create, &", ", &names.patch, &","]);
    print_facets(out, row.model);
    out.line(&[&"    fields {"]);
    for (at, (shape, field)) in row.fields.iter().zip(&names.fields).enumerate() {
        print_field(out, at, shape, field);
    }
    out.line(&[&"    }"]);
    if row.model.relations.is_empty() {
        out.line(&[&"    relations {}"]);
    } else {
        out.line(&[&"    relations {"]);
        for (relation, target) in row.model.relations.iter().zip(&names.targets) {
            print_relation(out, relation, target);
        }
        out.line(&[&"    }"]);
    }
    out.line(&[&"}"]);
}

/// What the descriptor says beside fields and relations, without what it says by default.
fn print_facets(out: &mut Writer, model: &Model) {
    out.put(&[&"    key = ", &Str(model.key.as_str()), &", type_name = ", &Str(model.type_name.as_str())]);
    let mut facet = |tokens: &[&dyn Token]| {
        out.put(&[&","]);
        out.fill("   ", tokens);
    };
    facet(&[&" table = ", &Str(model.table.as_str())]);
    match model.load {
        Load::Instant => {}
        Load::Lazy => facet(&[&" load = ::ablo::Load::Lazy"]),
        Load::Manual => facet(&[&" load = ::ablo::Load::Manual"]),
    }
    match model.plane {
        Plane::Tenant => {}
        Plane::Control => facet(&[&" plane = ::ablo::Plane::Control"]),
    }
    if model.mutable {
        facet(&[&" mutable = true"]);
    }
    if let Some(kind) = model.scope_kind() {
        facet(&[&" scope = Some(", &Str(kind.as_str()), &")"]);
    }
    match &model.tenancy {
        Tenancy::Column { column } if *column == "organization_id" => {}
        Tenancy::Column { column } => {
            facet(&[&" tenancy = ::ablo::Tenancy::Column { column: ", &Str(column.as_str()), &" }"]);
        }
        Tenancy::None => facet(&[&" tenancy = ::ablo::Tenancy::None"]),
        Tenancy::Parent { local_key, parent_table, parent_key, parent_org_column } => {
            facet(&[&" tenancy = ::ablo::Tenancy::Parent { local_key: ", &Str(local_key.as_str())]);
            facet(&[&" parent_table: ", &Str(parent_table.as_str())]);
            facet(&[&" parent_key: ", &Str(parent_key.as_str())]);
            facet(&[&" parent_org_column: ", &Str(parent_org_column.as_str()), &" }"]);
        }
    }
    out.line(&[&";"]);
}

fn print_field(out: &mut Writer, at: usize, shape: &FieldShape<'_>, names: &FieldNames) {
    let field = shape.field;
    out.put(&[&"        "]);
    if field.facets.deprecated.is_some() {
        out.put(&[&"#[deprecated] "]);
    }
    let colon = if field.optional { "?: " } else { ": " };
    out.put(&[&at, &" ", &names.field, &colon, &names.value, &", ", &names.token, &" "]);
    out.put(&[&Str(field.name.as_str()), &" ", &Str(field.column.as_str()), &" "]);
    match (&field.kind, &names.value) {
        (FieldKind::String, _) => out.put(&[&"String"]),
        (FieldKind::Number, _) => out.put(&[&"Number"]),
        (FieldKind::Boolean, _) => out.put(&[&"Boolean"]),
        (FieldKind::Date, _) => out.put(&[&"Date"]),
        (FieldKind::Enum(_), value) => out.put(&[&"Enum(", value, &")"]),
        (FieldKind::Json, _) => out.put(&[&"Json"]),
    }
    if field.indexed {
        out.put(&[&", indexed = true"]);
    }
    if let Some(description) = &field.facets.description {
        out.put(&[&", description = Some(", &Str(description), &")"]);
    }
    if let Some(deprecated) = &field.facets.deprecated {
        out.put(&[&", deprecated = Some(", &Str(deprecated.note.as_deref().unwrap_or("")), &")"]);
    }
    out.line(&[&";"]);
}

fn print_relation(out: &mut Writer, relation: &Relation, target: &Ident) {
    let kind = match relation.kind {
        RelationKind::BelongsTo => " BelongsTo ",
        RelationKind::HasMany => " HasMany ",
        RelationKind::HasOne => " HasOne ",
    };
    let name = Str(relation.name.as_str());
    out.put(&[&"        ", &name, &kind, target, &" ", &Str(relation.foreign_key.as_str())]);
    if let Some(field) = &relation.order_by {
        out.put(&[&", order_by = Some(", &Str(field.as_str()), &")"]);
    }
    let options = &relation.options;
    let flags = [
        (options.index, ", index = true"),
        (options.enrich, ", enrich = true"),
        (options.defer, ", defer = true"),
        (options.parent, ", parent = true"),
        (options.fk, ", fk = true"),
    ];
    for (_, flag) in flags.iter().filter(|(set, _)| *set) {
        out.put(&[flag]);
    }
    out.line(&[&";"]);
}
