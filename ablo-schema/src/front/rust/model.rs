//! Models: structs into raw models.

use super::attribute::{Argument, Said, read};
use super::field::{BASE, RustField, read_declared, read_field};
use super::relation::{self, RustRelation};
use super::resolve::repeated;
use super::slots::{Slots, required, text_of, wrong};
use super::words::{key_of, lower_camel};
use super::{Reader, plain, types};
use crate::diag::{Code, Spanned};
use crate::raw::{
    Maybe, RawAutoFill, RawGrants, RawModel, RawPersist, RawRole, RawScope, RawTenancy, Text,
};
use crate::schema::{AutoFillSource, Load, Plane, RelationKind};
use crate::value::{Members, Value};
use proc_macro2::Span;
use syn::{Attribute, Fields, Generics, Ident, Lit};

pub(crate) const MODEL: [&str; 19] = [
    "key",
    "typename",
    "table",
    "load",
    "mutable",
    "scope",
    "grants",
    "entity_role",
    "tenancy",
    "plane",
    "bootstrap",
    "persist",
    "lazy_observable",
    "auto_fill",
    "required",
    "has_many",
    "has_one",
    "belongs_to",
    "base",
];

/// A model as one struct says it, before what it names is resolved.
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
    reader: &mut Reader,
) -> RustModel {
    if !generics.params.is_empty() {
        reader
            .say_at(
                Code::RustGeneric,
                generics,
                format!("`{ident}` has parameters; a model is one type"),
            )
            .help("remove them");
    }
    let name = plain(ident);
    let arguments = read(attributes, reader);
    let mut slots = Slots::new(arguments, "a model", &MODEL, reader);
    let mut model = RustModel {
        ident: ident.clone(),
        fields: Vec::new(),
        base: Vec::new(),
        relations: Vec::new(),
        raw: read_members(ident, &name, &mut slots, reader),
    };
    match fields {
        Fields::Named(fields) => {
            for field in &fields.named {
                if let Some((field, relation)) = read_field(field, reader) {
                    model.fields.push(field);
                    model.relations.extend(relation);
                }
            }
        }
        Fields::Unit => {}
        Fields::Unnamed(fields) => {
            reader
                .say_at(
                    Code::RustTupleStruct,
                    fields,
                    format!("the fields of `{ident}` have no names"),
                )
                .help("give each a name: it is the field's name on the wire");
        }
    }
    for argument in slots.take_in_order(["belongs_to", "has_many", "has_one"]) {
        let kind = match plain(&argument.name).as_str() {
            "belongs_to" => RelationKind::BelongsTo,
            "has_many" => RelationKind::HasMany,
            _ => RelationKind::HasOne,
        };
        model.relations.extend(relation::read(argument, kind, reader));
    }
    for argument in slots.take_all("base") {
        model.base.extend(read_base(argument, reader));
    }
    let name = |name: &Spanned<Text<'static>>| (name.value.clone().into_owned(), name.at);
    let fields =
        model.base.iter().chain(&model.fields).map(|field| name(&field.raw.name)).collect();
    repeated(fields, "fields", reader);
    repeated(
        model.relations.iter().map(|relation| name(&relation.name)).collect(),
        "relations",
        reader,
    );
    model
}

fn read_members(
    ident: &Ident,
    name: &str,
    slots: &mut Slots,
    reader: &mut Reader,
) -> RawModel<'static> {
    let at = reader.at(ident.span());
    let key = slots.text("key", "\"weatherReports\"", reader);
    let type_name = slots.text("typename", "\"WeatherReport\"", reader);
    let key = key.unwrap_or_else(|| Spanned::new(Text::Owned(key_of(name)), at));
    let type_name = type_name.unwrap_or_else(|| Spanned::new(Text::Owned(name.to_owned()), at));
    let mut raw = RawModel::new(key, at);
    let table = slots.text("table", "\"weather_reports\"", reader);
    raw.table_name = table.filter(|table| table.value != raw.key.value);
    raw.load = slots
        .word("load", &Load::ALL, Load::as_str, reader)
        .filter(|load| load.value != Load::default());
    raw.plane = slots
        .word("plane", &Plane::ALL, Plane::as_str, reader)
        .filter(|plane| plane.value != Plane::default());
    let set = |flag: Maybe<bool>| flag.filter(|flag| flag.value);
    raw.mutable = set(slots.flag("mutable", reader));
    raw.lazy_observable = set(slots.flag("lazy_observable", reader));
    raw.scope = read_scope(slots, &type_name.value, reader);
    read_tenancy(slots, &mut raw, reader);
    read_grants(slots, &mut raw, reader);
    read_entity_roles(slots, &mut raw, reader);
    if let Some((mut inner, _)) =
        slots.list("bootstrap", &["limit", "order_by"], "bootstrap(limit = 500)", reader)
    {
        raw.bootstrap_limit = inner.number("limit", "500", reader);
        raw.bootstrap_order_by = inner.text("order_by", "\"created_at DESC\"", reader);
    }
    read_persist(slots, &type_name.value, &mut raw, reader);
    read_auto_fill(slots, &mut raw, reader);
    read_required(slots, &mut raw, reader);
    raw.type_name = Some(type_name);
    raw
}

/// A word alone, or a text.
fn flag_or_text(
    slots: &mut Slots,
    word: &'static str,
    example: &str,
    reader: &mut Reader,
) -> Option<(Maybe<Text<'static>>, Span)> {
    let argument = slots.take(word)?;
    let span = argument.name.span();
    match argument.said {
        Said::Flag => Some((None, span)),
        _ => text_of(argument, example, reader).map(|text| (Some(text), span)),
    }
}

fn read_scope(slots: &mut Slots, type_name: &str, reader: &mut Reader) -> Maybe<RawScope<'static>> {
    let (text, span) = flag_or_text(slots, "scope", "\"project\"", reader)?;
    let scope = match text {
        // Both say the same; the normal form says it shortly.
        Some(text) if text.value != type_name.to_lowercase() => {
            return Some(Spanned::new(RawScope::Kind(text.value), text.at));
        }
        _ => RawScope::Flag(true),
    };
    Some(reader.spanned(scope, span))
}

fn read_persist(
    slots: &mut Slots,
    type_name: &str,
    raw: &mut RawModel<'static>,
    reader: &mut Reader,
) {
    let Some((text, span)) = flag_or_text(slots, "persist", "\"store\"", reader) else { return };
    let store = text.filter(|text| text.value != type_name);
    let said = store.as_ref().map(|store| ("store", string(&store.value)));
    raw.verbatim.persist = Some(object(said));
    raw.persist = Some(reader.spanned(RawPersist { store }, span));
}

fn read_tenancy(slots: &mut Slots, raw: &mut RawModel<'static>, reader: &mut Reader) {
    const EXAMPLE: &str = "tenancy = none`, `tenancy(column = \"org_id\")` or `tenancy(parent(local_key = \"team_id\", table = \"teams\"))";
    let Some(argument) = slots.take("tenancy") else { return };
    let span = argument.name.span();
    let tenancy = match argument.said {
        Said::Is(given) if given.text().as_deref() == Some("none") => {
            raw.verbatim.tenancy = Some(object([("kind", string("none"))]));
            Some(RawTenancy::None)
        }
        Said::List(arguments) => {
            let mut inner = Slots::new(arguments, "`tenancy`", &["column", "parent"], reader);
            if (inner.span("column").is_some() == inner.span("parent").is_some())
                && !inner.has_strangers()
            {
                reader
                    .say(
                        Code::RustAttributeValue,
                        span,
                        "`tenancy` says one of `column` and `parent`",
                    )
                    .help(format!("write `{EXAMPLE}`"));
            }
            if let Some(column) = inner.text("column", "\"org_id\"", reader) {
                if column.value != "organization_id" {
                    raw.verbatim.tenancy = Some(object([
                        ("kind", string("column")),
                        ("column", string(&column.value)),
                    ]));
                }
                Some(RawTenancy::Column { column })
            } else {
                read_parent(&mut inner, raw, reader)
            }
        }
        said => {
            wrong(reader, "tenancy", span, &said, &format!("write `{EXAMPLE}`"));
            None
        }
    };
    raw.tenancy = tenancy.map(|tenancy| reader.spanned(tenancy, span));
}

fn read_parent(
    slots: &mut Slots,
    raw: &mut RawModel<'static>,
    reader: &mut Reader,
) -> Option<RawTenancy<'static>> {
    const KNOWN: [&str; 4] = ["local_key", "table", "key", "org_column"];
    let example = "parent(local_key = \"team_id\", table = \"teams\")";
    let (mut inner, span) = slots.list("parent", &KNOWN, example, reader)?;
    let mut text = |name: &'static str, reader: &mut Reader| {
        let has = inner.span(name).is_some() || inner.has_strangers();
        (inner.text(name, "\"name\"", reader), has)
    };
    let (local_key, has_local_key) = text("local_key", reader);
    let (parent_table, has_table) = text("table", reader);
    let (parent_key, _) = text("key", reader);
    let (parent_org_column, _) = text("org_column", reader);
    let local_key = required(local_key, has_local_key, "`parent`", "local_key", span, reader);
    let parent_table = required(parent_table, has_table, "`parent`", "table", span, reader);
    let (local_key, parent_table) = (local_key?, parent_table?);
    let via = [
        ("localKey", Some(&local_key)),
        ("parentTable", Some(&parent_table)),
        // What is so anyway is not said.
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

fn read_grants(slots: &mut Slots, raw: &mut RawModel<'static>, reader: &mut Reader) {
    let Some((mut inner, span)) =
        slots.list("grants", &["subject", "scope"], "grants(subject = user, scope = desk)", reader)
    else {
        return;
    };
    let has = ["subject", "scope"].map(|name| inner.span(name).is_some() || inner.has_strangers());
    let subject = inner.text("subject", "user", reader).map(camel);
    let scope = inner.text("scope", "desk", reader).map(camel);
    let subject = required(subject, has[0], "`grants`", "subject", span, reader);
    let scope = required(scope, has[1], "`grants`", "scope", span, reader);
    if let (Some(subject), Some(scope)) = (&subject, &scope) {
        raw.verbatim.grants =
            Some(object([("subject", string(&subject.value)), ("scope", string(&scope.value))]));
    }
    raw.grants = Some(reader.spanned(RawGrants { subject, scope }, span));
}

fn read_entity_roles(slots: &mut Slots, raw: &mut RawModel<'static>, reader: &mut Reader) {
    let arguments = slots.take_all("entity_role");
    let Some(span) = arguments.first().map(|first| first.name.span()) else { return };
    let mut roles = Vec::new();
    for argument in arguments {
        let span = argument.name.span();
        let Said::List(arguments) = argument.said else {
            wrong(
                reader,
                "entity_role",
                span,
                &argument.said,
                "write `entity_role(kind = \"team\", field = team_id)`",
            );
            continue;
        };
        let mut inner = Slots::new(arguments, "`entity_role`", &["kind", "field", "multi"], reader);
        let has = ["kind", "field"].map(|name| inner.span(name).is_some() || inner.has_strangers());
        let kind = inner.text("kind", "\"team\"", reader);
        let field = inner.text("field", "team_id", reader).map(camel);
        let multi = inner.flag("multi", reader).is_some_and(|flag| flag.value);
        let kind = required(kind, has[0], "`entity_role`", "kind", span, reader);
        let field = required(field, has[1], "`entity_role`", "field", span, reader);
        roles.push(role(kind, field, multi));
    }
    raw.verbatim.entity_roles =
        Some(Value::Array(roles.iter().map(|role| role.verbatim.clone()).collect()));
    raw.entity_roles = Some(reader.spanned(roles, span));
}

/// A role as the JSON front would have it.
pub(crate) fn role(
    kind: Maybe<Text<'static>>,
    field: Maybe<Text<'static>>,
    multi: bool,
) -> RawRole<'static> {
    let text = |text: &Maybe<Text<'static>>| string(text.as_ref().map_or("", |text| &text.value));
    let source = object([("field", text(&field)), ("multi", Value::Bool(multi))]);
    let verbatim = object([("kind", text(&kind)), ("source", source)]);
    RawRole { kind, field, multi, verbatim }
}

fn read_auto_fill(slots: &mut Slots, raw: &mut RawModel<'static>, reader: &mut Reader) {
    let arguments = slots.take_all("auto_fill");
    let Some(span) = arguments.first().map(|first| first.name.span()) else { return };
    let mut fills = Vec::new();
    for argument in arguments {
        let Said::List(pairs) = argument.said else {
            wrong(
                reader,
                "auto_fill",
                argument.name.span(),
                &argument.said,
                "write `auto_fill(author_id = user_id)`",
            );
            continue;
        };
        for pair in pairs {
            fills.extend(read_fill(pair, reader));
        }
    }
    let said = |fill: &RawAutoFill<'static>| {
        let field = fill.field.as_ref().map_or("", |field| &field.value);
        object([
            ("field", string(field)),
            ("from", string(fill.from.map_or("", |from| from.value.as_str()))),
        ])
    };
    raw.verbatim.auto_fill = Some(Value::Array(fills.iter().map(said).collect()));
    raw.auto_fill = Some(reader.spanned(fills, span));
}

fn read_fill(pair: Argument, reader: &mut Reader) -> Option<RawAutoFill<'static>> {
    let field = reader.text(lower_camel(&plain(&pair.name)), pair.name.span());
    let from = text_of(pair, "user_id", reader).map(camel)?;
    let Some(found) = AutoFillSource::ALL.iter().find(|source| source.as_str() == from.value)
    else {
        reader
            .diagnostics
            .push(
                Code::RustAttributeValue,
                from.at,
                format!("nothing is filled from `{}`", from.value),
            )
            .help("choose from `user_id`, `organization_id`");
        return None;
    };
    Some(RawAutoFill { field: Some(field), from: Some(Spanned::new(*found, from.at)) })
}

fn read_required(slots: &mut Slots, raw: &mut RawModel<'static>, reader: &mut Reader) {
    let Some(argument) = slots.take("required") else { return };
    let span = argument.name.span();
    let Said::List(arguments) = argument.said else {
        wrong(reader, "required", span, &argument.said, "write `required(title, desk_id)`");
        return;
    };
    let mut fields = Vec::new();
    for argument in arguments {
        match argument.said {
            Said::Flag => {
                fields.push(reader.text(lower_camel(&plain(&argument.name)), argument.name.span()))
            }
            Said::Literal(Lit::Str(name)) => {
                fields.push(reader.text(lower_camel(&name.value()), name.span()))
            }
            said => wrong(
                reader,
                &plain(&argument.name),
                argument.name.span(),
                &said,
                "name fields: `required(title, desk_id)`",
            ),
        }
    }
    raw.verbatim.required_fields =
        Some(Value::Array(fields.iter().map(|field| string(&field.value)).collect()));
    raw.required_fields = Some(reader.spanned(fields, span));
}

/// `base(organization_id: Option<String>, column = "tenant")`: a field that every row has, declared again.
fn read_base(argument: Argument, reader: &mut Reader) -> Option<RustField> {
    let example = "write `base(organization_id: String, column = \"tenant\")`";
    let span = argument.name.span();
    let Said::List(mut arguments) = argument.said else {
        wrong(reader, "base", span, &argument.said, example);
        return None;
    };
    let Some(first) = arguments.iter().position(|one| matches!(one.said, Said::Of(_))) else {
        reader.say(Code::RustAttributeValue, span, "`base` names no field").help(example);
        return None;
    };
    let Argument { name, said: Said::Of(ty) } = arguments.remove(first) else { return None };
    if !BASE.contains(&plain(&name).as_str()) {
        let help = reader.suggest.help(&plain(&name), BASE);
        reader
            .say(Code::RustAttributeValue, name.span(), format!("`{name}` is no base field"))
            .help = help.or_else(|| Some("declare it as a field of the struct".to_owned()));
        return None;
    }
    let mut slots =
        Slots::new(arguments, "`base`", &["indexed", "column", "unique", "number"], reader);
    let ty = types::read(&ty, reader);
    Some(read_declared(&name, &ty, &mut slots, &[], reader))
}

/// A field or a relation on the wire.
fn camel(text: Spanned<Text<'static>>) -> Spanned<Text<'static>> {
    Spanned::new(Text::Owned(lower_camel(&text.value)), text.at)
}

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let members: Members = members.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Value::Object(members)
}
