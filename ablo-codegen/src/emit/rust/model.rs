//! Prints a model: its row struct, its enums and its table.

use super::ident::{Ident, UserTokens, Variants};
use super::names::{FieldNames, ModelNames, ValueType};
use super::writer::{Str, Token, Writer};
use crate::shape::{BASE_FIELDS, BaseKind, FieldShape, RowShape};
use ablo_schema::schema::{
    Field, FieldKind, Format, Load, Model, Plane, Relation, RelationKind, RelativeOperation,
    Tenancy,
};

impl Token for ValueType {
    fn print(&self, out: &mut Writer) {
        match self {
            ValueType::Plain(name) => name.print(out),
            ValueType::Enum(name) => name.print(out),
            ValueType::User(tokens) => tokens.print(out),
            ValueType::Id(model) => out.put(&[&"::ablo::Id<", model, &">"]),
        }
    }
}

/// ```text
/// /// Model `weatherReports`, table `weather_reports`.
/// #[rustfmt::skip]
/// #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
/// #[allow(dead_code, missing_docs, unreachable_pub)]
/// pub struct WeatherReport {
///     pub location: ::std::string::String,
///     pub forecast: ::core::option::Option<::std::string::String>,
/// }
/// ```
pub(super) fn print_row(out: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    out.line(&[]);
    out.doc("", &format!("Model `{}`, table `{}`.", row.model.key, row.model.table));
    out.line(&[&"#[rustfmt::skip]"]);
    out.line(&[&"#[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]"]);
    out.line(&[&"#[allow(dead_code, missing_docs, unreachable_pub)]"]);
    out.put(&[&"pub struct ", &names.row, &" {"]);
    if !row.fields.is_empty() {
        out.line(&[]);
    }
    for (shape, field) in row.fields.iter().zip(&names.fields) {
        print_row_field(out, shape, field);
    }
    out.line(&[&"}"]);
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
    let (before, after) =
        if shape.field.optional { (": ::core::option::Option<", ">,") } else { (": ", ",") };
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
        if let (FieldKind::Enum(values), ValueType::Enum(name)) = (&shape.field.kind, &field.value)
        {
            print_enum(out, shape, &names.row, name, values);
        }
    }
}

fn print_enum(
    out: &mut Writer,
    shape: &FieldShape<'_>,
    model: &Ident,
    name: &Ident,
    values: &[Box<str>],
) {
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
///     pub WeatherReport, WeatherReportPatch, WeatherReportCreate,
///     key = "weatherReports", type_name = "WeatherReport", table = "weather_reports",
///     mutable = true;
///     create(location: String = 0)
///     fields {
///         0 location: String, LOCATION "location" "location";
///         1 forecast?: String, FORECAST "forecast" "forecast", indexed = true;
///     }
///     relations {
///         "station" BelongsTo Station, "stationId", parent = true;
///     }
/// }
/// ```
pub(super) fn print_table(
    out: &mut Writer,
    visibility: &dyn Token,
    row: &RowShape<'_>,
    names: &ModelNames,
) {
    out.line(&[]);
    out.line(&[&"::ablo::__private::model! {"]);
    let ModelNames { row: name, patch, create, .. } = names;
    out.line(&[&"    ", visibility, &" ", name, &", ", patch, &", ", create, &","]);
    print_facets(out, row.model);
    print_create(out, row, names);
    print_base(out, row);
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
    print_adjustments(out, row, names);
    out.line(&[&"}"]);
}

/// ```text
///     relative {
///         increment_votes = Increment i32, "votes";
///     }
/// ```
fn print_adjustments(out: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    if row.fields.iter().all(|shape| shape.field.facets.relative.is_empty()) {
        return;
    }
    out.line(&[&"    relative {"]);
    for (shape, field) in row.fields.iter().zip(&names.fields) {
        for operation in &shape.field.facets.relative {
            let name = field.field.as_str().trim_start_matches("r#");
            let method = Ident::verbatim(&format!("{}_{name}", operation.as_str()));
            let wire = Str(shape.field.name.as_str());
            let of = variant(*operation);
            out.line(&[&"        ", &method, &" = ", &of, &" ", &field.value, &", ", &wire, &";"]);
        }
    }
    out.line(&[&"    }"]);
}

/// Prints the descriptor's members other than fields and relations, except those with default
/// values.
fn print_facets(out: &mut Writer, model: &Model) {
    out.put(&[
        &"    key = ",
        &Str(model.key.as_str()),
        &", type_name = ",
        &Str(model.type_name.as_str()),
    ]);
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
            facet(&[
                &" tenancy = ::ablo::Tenancy::Column { column: ",
                &Str(column.as_str()),
                &" }",
            ]);
        }
        Tenancy::None => facet(&[&" tenancy = ::ablo::Tenancy::None"]),
        Tenancy::Parent { local_key, parent_table, parent_key, parent_org_column } => {
            facet(&[&" tenancy = ::ablo::Tenancy::Parent { local_key: ", &Str(local_key.as_str())]);
            facet(&[&" parent_table: ", &Str(parent_table.as_str())]);
            facet(&[&" parent_key: ", &Str(parent_key.as_str())]);
            facet(&[&" parent_org_column: ", &Str(parent_org_column.as_str()), &" }"]);
        }
    }
    print_hints(&mut facet, model);
    out.line(&[&";"]);
}

/// Prints descriptor members that few models have.
fn print_hints(facet: &mut dyn FnMut(&[&dyn Token]), model: &Model) {
    if let Some(grants) = &model.grants {
        facet(&[
            &" grants = Some(::ablo::GrantsDescriptor { subject: ",
            &Str(grants.subject.as_str()),
        ]);
        facet(&[&" scope: ", &Str(grants.scope.as_str()), &" })"]);
    }
    if let Some(limit) = model.bootstrap_limit {
        facet(&[&" bootstrap_limit = Some(", &limit, &")"]);
    }
    if let Some(order) = &model.bootstrap_order_by {
        facet(&[&" bootstrap_order_by = Some(", &Str(order), &")"]);
    }
    if model.lazy_observable {
        facet(&[&" lazy_observable = true"]);
    }
    if let Some(store) = &model.persist_store {
        facet(&[&" persist = Some(", &Str(store), &")"]);
    }
    let end = |last: bool| if last { "]" } else { "" };
    let start = |first: bool, name: &'static str| if first { name } else { "" };
    for (at, role) in model.entity_roles.iter().enumerate() {
        let (start, end) =
            (start(at == 0, " entity_roles = &["), end(at + 1 == model.entity_roles.len()));
        let (kind, field) = (Str(role.kind.as_str()), Str(&role.source.field));
        facet(&[
            &start,
            &" ::ablo::RoleDescriptor { kind: ",
            &kind,
            &", field: ",
            &field,
            &", multi: ",
            &role.source.multi,
            &" }",
            &end,
        ]);
    }
    for (at, fill) in model.auto_fill.iter().enumerate() {
        let (start, end) =
            (start(at == 0, " auto_fill = &["), end(at + 1 == model.auto_fill.len()));
        let (field, from) = (Str(fill.field.as_str()), Str(fill.from.as_str()));
        facet(&[
            &start,
            &" ::ablo::AutoFillDescriptor { field: ",
            &field,
            &", from: ",
            &from,
            &" }",
            &end,
        ]);
    }
    for (at, field) in model.required_fields.iter().enumerate() {
        let (start, end) =
            (start(at == 0, " required_fields = &["), end(at + 1 == model.required_fields.len()));
        facet(&[&start, &" ", &Str(field.as_str()), &end]);
    }
}

/// Prints the required fields of a create.
fn print_create(out: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    out.put(&[&"    create("]);
    let all = row.fields.iter().zip(&names.fields).enumerate();
    for (nth, (at, (_, field))) in all.filter(|(_, (shape, _))| !shape.create_optional).enumerate()
    {
        out.put(&[if nth > 0 { &"," } else { &"" }]);
        let space = if nth > 0 { " " } else { "" };
        out.fill("       ", &[&space, &field.field, &": ", &field.value, &" = ", &at]);
    }
    out.line(&[&")"]);
}

fn print_field(out: &mut Writer, at: usize, shape: &FieldShape<'_>, names: &FieldNames) {
    let field = shape.field;
    out.put(&[&"        "]);
    if field.facets.deprecated.is_some() {
        out.put(&[&"#[deprecated] "]);
    }
    let colon = if field.optional { "?: " } else { ": " };
    out.put(&[&at, &" ", &names.field, &colon, &names.value, &", ", &names.token, &" "]);
    out.put(&[&Str(field.name.as_str()), &" ", &Str(field.column.as_str())]);
    print_field_facets(out, field);
}

/// Prints a field's members other than names and type, and ends the line.
fn print_field_facets(out: &mut Writer, field: &Field) {
    if field.indexed {
        out.put(&[&", indexed = true"]);
    }
    let facets = &field.facets;
    if let Some(description) = &facets.description {
        out.put(&[&", description = Some(", &Str(description), &")"]);
    }
    if let Some(deprecated) = &facets.deprecated {
        out.put(&[&", deprecated = Some(", &Str(deprecated.note.as_deref().unwrap_or("")), &")"]);
    }
    if let Some(Format::Decimal { digits: Some((precision, scale)) }) = facets.format {
        out.put(&[&", digits = Some((", &precision, &", ", &scale, &"))"]);
    }
    if let Some(default) = &facets.default {
        out.put(&[&", default = Some(", &Str(&default.to_json()), &")"]);
    }
    if facets.unique {
        out.put(&[&", unique = true"]);
    }
    if facets.secret {
        out.put(&[&", secret = true"]);
    }
    if let Some(shape) = &facets.shape {
        out.put(&[&", shape = Some(", &Str(&shape.to_json()), &")"]);
    }
    if let Some(renamed_from) = &facets.renamed_from {
        out.put(&[&", renamed_from = Some(", &Str(renamed_from.as_str()), &")"]);
    }
    if let Some(number) = facets.number {
        out.put(&[&", number = Some(", &number, &")"]);
    }
    if let Some(column_type) = field.column_type_text() {
        out.put(&[&", column_type = Some(", &Str(column_type), &")"]);
    }
    for (at, operation) in facets.relative.iter().enumerate() {
        let start = if at == 0 { ", relative = &[" } else { ", " };
        let end = if at + 1 == facets.relative.len() { "]" } else { "" };
        out.put(&[&start, &"::ablo::RelativeOperation::", &variant(*operation), &end]);
    }
    out.line(&[&";"]);
}

/// Returns the name of an operation in Rust.
fn variant(operation: RelativeOperation) -> &'static str {
    match operation {
        RelativeOperation::Increment => "Increment",
        RelativeOperation::Append => "Append",
        RelativeOperation::Add => "Add",
        RelativeOperation::Remove => "Remove",
    }
}

/// Prints base fields that the author redeclared.
fn print_base(out: &mut Writer, row: &RowShape<'_>) {
    if row.base.iter().all(|base| base.declared.is_none()) {
        return;
    }
    out.line(&[&"    base {"]);
    for (base, field) in row.base.iter().filter_map(|base| Some((base, base.declared?))) {
        let kind = match base.base.kind() {
            BaseKind::Date => " Date",
            BaseKind::Id | BaseKind::String => " String",
        };
        out.put(&[
            &"        ",
            &Str(field.name.as_str()),
            &" ",
            &Str(field.column.as_str()),
            &kind,
        ]);
        if field.optional {
            out.put(&[&", optional = true"]);
        }
        print_field_facets(out, field);
    }
    out.line(&[&"    }"]);
}

/// ```text
/// const _: () = { let _ = Report::DESK_ID; };
/// ```
pub(super) fn print_relation_checks(out: &mut Writer, model: &Model, targets: &[UserTokens]) {
    out.put(&[&"const _: () = {"]);
    for (relation, target) in model.relations.iter().zip(targets) {
        if relation.kind != RelationKind::BelongsTo {
            for name in std::iter::once(&relation.foreign_key).chain(&relation.order_by) {
                if !BASE_FIELDS.iter().any(|base| *name == base.name()) {
                    out.put(&[&" let _ = ", target, &"::", &Ident::constant(name.as_str()), &";"]);
                }
            }
        }
    }
    out.line(&[&" };"]);
}

fn print_relation(out: &mut Writer, relation: &Relation, target: &UserTokens) {
    let kind = match relation.kind {
        RelationKind::BelongsTo => " BelongsTo ",
        RelationKind::HasMany => " HasMany ",
        RelationKind::HasOne => " HasOne ",
    };
    let name = Str(relation.name.as_str());
    out.put(&[&"        ", &name, &kind, target, &", ", &Str(relation.foreign_key.as_str())]);
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
