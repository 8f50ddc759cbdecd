//! Reads the struct of a model.

use super::arguments::{Arguments, check_crate_path, report_wrong_value, required, text_value};
use super::attribute::{Argument, ArgumentKind, read, warn_of_serde};
use super::casing::{key_of, lower_camel};
use super::field::{BASE, RustField, read_declared, read_field};
use super::relation::{self, RustRelation};
use super::vocabulary::MODEL_ARGUMENTS;
use super::{ReadContext, plain, report_repeated, types};
use crate::diag::{Code, Spanned};
use crate::raw::{
    CowStr, Maybe, RawAutoFill, RawGrants, RawModel, RawPersist, RawRole, RawScope, RawTenancy,
};
use crate::schema::{AutoFillSource, Load, Plane, RelationKind};
use crate::value::{Members, Value};
use proc_macro2::Span;
use syn::{Attribute, Fields, Generics, Ident, Lit};

/// A model as read from its struct; names are not resolved.
#[derive(Debug)]
pub struct RustModel {
    /// The struct.
    pub ident: Ident,
    /// Its fields.
    pub fields: Vec<RustField>,
    pub(crate) base: Vec<RustField>,
    pub(crate) relations: Vec<RustRelation>,
    pub(crate) raw: RawModel<'static>,
}

/// Reads a struct.
pub(crate) fn read_model(
    ident: &Ident,
    generics: &Generics,
    attributes: &[Attribute],
    fields: &Fields,
    cx: &mut ReadContext,
) -> RustModel {
    if !generics.params.is_empty() {
        cx.report_tokens(
            Code::RustGeneric,
            generics,
            format!("`{ident}` is generic; a model is exactly one type"),
        )
        .help("remove the generic parameters");
    }
    let name = plain(ident);
    warn_of_serde(attributes, "rename", cx);
    let arguments = read(attributes, cx);
    let mut arguments = Arguments::new(arguments, "a model", &MODEL_ARGUMENTS, cx);
    check_crate_path(&mut arguments, cx);
    let mut model = RustModel {
        ident: ident.clone(),
        fields: Vec::new(),
        base: Vec::new(),
        relations: Vec::new(),
        raw: read_members(ident, &name, &mut arguments, cx),
    };
    match fields {
        Fields::Named(fields) => {
            for field in &fields.named {
                if let Some((field, relation)) = read_field(field, cx) {
                    model.fields.push(field);
                    model.relations.extend(relation);
                }
            }
        }
        Fields::Unit => {}
        Fields::Unnamed(fields) => {
            cx.report_tokens(
                Code::RustTupleStruct,
                fields,
                format!("`{ident}` is a tuple struct; a model needs named fields"),
            )
            .help("give each field a name, which is also its name on the wire");
        }
    }
    for argument in arguments.take_in_order(["belongs_to", "has_many", "has_one"]) {
        let kind = match plain(&argument.name).as_str() {
            "belongs_to" => RelationKind::BelongsTo,
            "has_many" => RelationKind::HasMany,
            _ => RelationKind::HasOne,
        };
        model.relations.extend(relation::read(argument, kind, cx));
    }
    for argument in arguments.take_all("base") {
        model.base.extend(read_base(argument, cx));
    }
    let name = |name: &Spanned<CowStr<'static>>| (name.value.clone().into_owned(), name.at);
    let fields =
        model.base.iter().chain(&model.fields).map(|field| name(&field.raw.name)).collect();
    report_repeated(fields, "fields", cx);
    report_repeated(
        model.relations.iter().map(|relation| name(&relation.name)).collect(),
        "relations",
        cx,
    );
    model
}

fn read_members(
    ident: &Ident,
    name: &str,
    arguments: &mut Arguments,
    cx: &mut ReadContext,
) -> RawModel<'static> {
    let at = cx.at(ident.span());
    let key = arguments.text("key", "\"weatherReports\"", cx);
    let type_name = arguments.text("typename", "\"WeatherReport\"", cx);
    let key = key.unwrap_or_else(|| Spanned::new(CowStr::Owned(key_of(name)), at));
    let type_name = type_name.unwrap_or_else(|| Spanned::new(CowStr::Owned(name.to_owned()), at));
    let mut raw = RawModel::new(key, at);
    let table = arguments.text("table", "\"weather_reports\"", cx);
    raw.table_name = table.filter(|table| table.value != raw.key.value);
    raw.load = arguments
        .word("load", &Load::ALL, Load::as_str, cx)
        .filter(|load| load.value != Load::default());
    raw.plane = arguments
        .word("plane", &Plane::ALL, Plane::as_str, cx)
        .filter(|plane| plane.value != Plane::default());
    let set = |flag: Maybe<bool>| flag.filter(|flag| flag.value);
    raw.mutable = arguments.flag("mutable", cx);
    raw.lazy_observable = set(arguments.flag("lazy_observable", cx));
    raw.scope = read_scope(arguments, &type_name.value, cx);
    read_tenancy(arguments, &mut raw, cx);
    read_grants(arguments, &mut raw, cx);
    read_entity_roles(arguments, &mut raw, cx);
    if let Some((mut inner, _)) =
        arguments.list("bootstrap", &["limit", "order_by"], "bootstrap(limit = 500)", cx)
    {
        raw.bootstrap_limit = inner.number("limit", "500", cx);
        raw.bootstrap_order_by = inner.text("order_by", "\"created_at DESC\"", cx);
    }
    read_persist(arguments, &type_name.value, &mut raw, cx);
    read_auto_fill(arguments, &mut raw, cx);
    read_required(arguments, &mut raw, cx);
    raw.type_name = Some(type_name);
    raw
}

/// Reads `name` or `name = "text"`.
fn flag_or_text(
    arguments: &mut Arguments,
    word: &'static str,
    example: &str,
    cx: &mut ReadContext,
) -> Option<(Maybe<CowStr<'static>>, Span)> {
    let argument = arguments.take(word)?;
    let span = argument.name.span();
    match argument.kind {
        ArgumentKind::Flag => Some((None, span)),
        _ => text_value(argument, example, cx).map(|text| (Some(text), span)),
    }
}

fn read_scope(
    arguments: &mut Arguments,
    type_name: &str,
    cx: &mut ReadContext,
) -> Maybe<RawScope<'static>> {
    let (text, span) = flag_or_text(arguments, "scope", "\"project\"", cx)?;
    let scope = match text {
        // Both are equivalent; the canonical form is the shorter one.
        Some(text) if text.value != type_name.to_lowercase() => {
            return Some(Spanned::new(RawScope::Kind(text.value), text.at));
        }
        _ => RawScope::Flag(true),
    };
    Some(cx.spanned(scope, span))
}

fn read_persist(
    arguments: &mut Arguments,
    type_name: &str,
    raw: &mut RawModel<'static>,
    cx: &mut ReadContext,
) {
    let Some((text, span)) = flag_or_text(arguments, "persist", "\"store\"", cx) else { return };
    let store = text.filter(|text| text.value != type_name);
    let member = store.as_ref().map(|store| ("store", string(&store.value)));
    raw.verbatim.persist = Some(object(member));
    raw.persist = Some(cx.spanned(RawPersist { store }, span));
}

fn read_tenancy(arguments: &mut Arguments, raw: &mut RawModel<'static>, cx: &mut ReadContext) {
    const EXAMPLE: &str = "tenancy = none`, `tenancy(column = \"org_id\")` or \
        `tenancy(parent(local_key = \"team_id\", table = \"teams\"))";
    let Some(argument) = arguments.take("tenancy") else { return };
    let span = argument.name.span();
    let tenancy = match argument.kind {
        ArgumentKind::Value(value) if value.text().as_deref() == Some("none") => {
            raw.verbatim.tenancy = Some(object([("kind", string("none"))]));
            Some(RawTenancy::None)
        }
        ArgumentKind::List(arguments) => {
            let mut inner = Arguments::new(arguments, "`tenancy`", &["column", "parent"], cx);
            if (inner.span("column").is_some() == inner.span("parent").is_some())
                && !inner.has_unknown()
            {
                cx.report(
                    Code::RustAttributeValue,
                    span,
                    "`tenancy` requires either `column` or `parent`",
                )
                .help(format!("write `{EXAMPLE}`"));
            }
            if let Some(column) = inner.text("column", "\"org_id\"", cx) {
                if column.value != "organization_id" {
                    raw.verbatim.tenancy = Some(object([
                        ("kind", string("column")),
                        ("column", string(&column.value)),
                    ]));
                }
                Some(RawTenancy::Column { column })
            } else {
                read_parent(&mut inner, raw, cx)
            }
        }
        kind => {
            report_wrong_value(cx, "tenancy", span, &kind, &format!("write `{EXAMPLE}`"));
            None
        }
    };
    raw.tenancy = tenancy.map(|tenancy| cx.spanned(tenancy, span));
}

fn read_parent(
    arguments: &mut Arguments,
    raw: &mut RawModel<'static>,
    cx: &mut ReadContext,
) -> Option<RawTenancy<'static>> {
    const KNOWN: [&str; 4] = ["local_key", "table", "key", "org_column"];
    let example = "parent(local_key = \"team_id\", table = \"teams\")";
    let (mut inner, span) = arguments.list("parent", &KNOWN, example, cx)?;
    let mut text = |name: &'static str, cx: &mut ReadContext| {
        let has = inner.span(name).is_some() || inner.has_unknown();
        (inner.text(name, "\"name\"", cx), has)
    };
    let (local_key, has_local_key) = text("local_key", cx);
    let (parent_table, has_table) = text("table", cx);
    let (parent_key, _) = text("key", cx);
    let (parent_org_column, _) = text("org_column", cx);
    let local_key = required(local_key, has_local_key, "`parent`", "local_key", span, cx);
    let parent_table = required(parent_table, has_table, "`parent`", "table", span, cx);
    let (local_key, parent_table) = (local_key?, parent_table?);
    let via = [
        ("localKey", Some(&local_key)),
        ("parentTable", Some(&parent_table)),
        // Defaults are omitted.
        ("parentKey", parent_key.as_ref().filter(|key| key.value != "id")),
        (
            "parentOrgColumn",
            parent_org_column.as_ref().filter(|column| column.value != "organization_id"),
        ),
    ];
    let via = object(
        via.into_iter().filter_map(|(name, text)| text.map(|text| (name, string(&text.value)))),
    );
    raw.verbatim.tenancy = Some(object([("kind", string("parent")), ("via", via)]));
    Some(RawTenancy::Parent { local_key, parent_table, parent_key, parent_org_column })
}

fn read_grants(arguments: &mut Arguments, raw: &mut RawModel<'static>, cx: &mut ReadContext) {
    let Some((mut inner, span)) =
        arguments.list("grants", &["subject", "scope"], "grants(subject = user, scope = desk)", cx)
    else {
        return;
    };
    let has = ["subject", "scope"].map(|name| inner.span(name).is_some() || inner.has_unknown());
    let subject = inner.text("subject", "user", cx).map(camel);
    let scope = inner.text("scope", "desk", cx).map(camel);
    let subject = required(subject, has[0], "`grants`", "subject", span, cx);
    let scope = required(scope, has[1], "`grants`", "scope", span, cx);
    if let (Some(subject), Some(scope)) = (&subject, &scope) {
        raw.verbatim.grants =
            Some(object([("subject", string(&subject.value)), ("scope", string(&scope.value))]));
    }
    raw.grants = Some(cx.spanned(RawGrants { subject, scope }, span));
}

fn read_entity_roles(arguments: &mut Arguments, raw: &mut RawModel<'static>, cx: &mut ReadContext) {
    let arguments = arguments.take_all("entity_role");
    let Some(span) = arguments.first().map(|first| first.name.span()) else { return };
    let mut roles = Vec::new();
    for argument in arguments {
        let span = argument.name.span();
        let ArgumentKind::List(arguments) = argument.kind else {
            report_wrong_value(
                cx,
                "entity_role",
                span,
                &argument.kind,
                "write `entity_role(kind = \"team\", field = team_id)`",
            );
            continue;
        };
        let mut inner = Arguments::new(arguments, "`entity_role`", &["kind", "field", "multi"], cx);
        let has = ["kind", "field"].map(|name| inner.span(name).is_some() || inner.has_unknown());
        let kind = inner.text("kind", "\"team\"", cx);
        let field = inner.text("field", "team_id", cx).map(camel);
        let multi = inner.flag("multi", cx).is_some_and(|flag| flag.value);
        let kind = required(kind, has[0], "`entity_role`", "kind", span, cx);
        let field = required(field, has[1], "`entity_role`", "field", span, cx);
        roles.push(role(kind, field, multi));
    }
    raw.verbatim.entity_roles =
        Some(Value::Array(roles.iter().map(|role| role.verbatim.clone()).collect()));
    raw.entity_roles = Some(cx.spanned(roles, span));
}

/// Creates a role as the JSON front end does.
pub(crate) fn role(
    kind: Maybe<CowStr<'static>>,
    field: Maybe<CowStr<'static>>,
    multi: bool,
) -> RawRole<'static> {
    let text = |text: &Maybe<CowStr<'static>>| string(text.as_ref().map_or("", |text| &text.value));
    let source = object([("field", text(&field)), ("multi", Value::Bool(multi))]);
    let verbatim = object([("kind", text(&kind)), ("source", source)]);
    RawRole { kind, field, multi, verbatim }
}

fn read_auto_fill(arguments: &mut Arguments, raw: &mut RawModel<'static>, cx: &mut ReadContext) {
    let arguments = arguments.take_all("auto_fill");
    let Some(span) = arguments.first().map(|first| first.name.span()) else { return };
    let mut fills = Vec::new();
    for argument in arguments {
        let ArgumentKind::List(pairs) = argument.kind else {
            report_wrong_value(
                cx,
                "auto_fill",
                argument.name.span(),
                &argument.kind,
                "write `auto_fill(author_id = user_id)`",
            );
            continue;
        };
        for pair in pairs {
            fills.extend(read_fill(pair, cx));
        }
    }
    let verbatim = |fill: &RawAutoFill<'static>| {
        let field = fill.field.as_ref().map_or("", |field| &field.value);
        object([
            ("field", string(field)),
            ("from", string(fill.from.map_or("", |from| from.value.as_str()))),
        ])
    };
    raw.verbatim.auto_fill = Some(Value::Array(fills.iter().map(verbatim).collect()));
    raw.auto_fill = Some(cx.spanned(fills, span));
}

fn read_fill(pair: Argument, cx: &mut ReadContext) -> Option<RawAutoFill<'static>> {
    let field = cx.text(lower_camel(&plain(&pair.name)), pair.name.span());
    let from = text_value(pair, "user_id", cx).map(camel)?;
    let Some(found) = AutoFillSource::ALL.iter().find(|source| source.as_str() == from.value)
    else {
        cx.diagnostics
            .push(
                Code::RustAttributeValue,
                from.at,
                format!("unknown value `{}` for `auto_fill`", from.value),
            )
            .help("choose from `user_id`, `organization_id`");
        return None;
    };
    Some(RawAutoFill { field: Some(field), from: Some(Spanned::new(*found, from.at)) })
}

fn read_required(arguments: &mut Arguments, raw: &mut RawModel<'static>, cx: &mut ReadContext) {
    let Some(argument) = arguments.take("required") else { return };
    let span = argument.name.span();
    let ArgumentKind::List(arguments) = argument.kind else {
        report_wrong_value(
            cx,
            "required",
            span,
            &argument.kind,
            "write `required(title, desk_id)`",
        );
        return;
    };
    let mut fields = Vec::new();
    for argument in arguments {
        match argument.kind {
            ArgumentKind::Flag => {
                fields.push(cx.text(lower_camel(&plain(&argument.name)), argument.name.span()))
            }
            ArgumentKind::Literal(Lit::Str(name)) => {
                fields.push(cx.text(lower_camel(&name.value()), name.span()))
            }
            kind => report_wrong_value(
                cx,
                &plain(&argument.name),
                argument.name.span(),
                &kind,
                "list field names: `required(title, desk_id)`",
            ),
        }
    }
    raw.verbatim.required_fields =
        Some(Value::Array(fields.iter().map(|field| string(&field.value)).collect()));
    raw.required_fields = Some(cx.spanned(fields, span));
}

/// Reads `base(organization_id: Option<String>, column = "tenant")`, which redeclares a base field.
fn read_base(argument: Argument, cx: &mut ReadContext) -> Option<RustField> {
    let example = "write `base(organization_id: String, column = \"tenant\")`";
    let span = argument.name.span();
    let ArgumentKind::List(mut arguments) = argument.kind else {
        report_wrong_value(cx, "base", span, &argument.kind, example);
        return None;
    };
    let Some(first) = arguments.iter().position(|one| matches!(one.kind, ArgumentKind::Type(_)))
    else {
        cx.report(Code::RustAttributeValue, span, "missing field in `base`").help(example);
        return None;
    };
    let Argument { name, kind: ArgumentKind::Type(ty) } = arguments.remove(first) else {
        return None;
    };
    if !BASE.contains(&plain(&name).as_str()) {
        let at = cx.at(name.span());
        let fault = (Code::RustAttributeValue, at, format!("unknown base field `{name}`"));
        cx.report_name(fault, &name, BASE, "declare it as a field of the struct");
        return None;
    }
    let mut arguments = Arguments::new(
        arguments,
        "`base`",
        &["indexed", "column", "column_type", "unique", "number"],
        cx,
    );
    let ty = types::read(&ty, cx);
    Some(read_declared(&name, &ty, &mut arguments, &[], cx))
}

/// Converts the name of a field or a relation to its name on the wire.
fn camel(text: Spanned<CowStr<'static>>) -> Spanned<CowStr<'static>> {
    Spanned::new(CowStr::Owned(lower_camel(&text.value)), text.at)
}

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let members: Members = members.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Value::Object(members)
}
