//! Reads models, fields and relations.

use super::context::ReadContext;
use super::habits::{self, Instead};
use super::members::{
    AUTO_FILL, FIELD, GRANTS, MODEL, OPTIONS, PERSIST, RELATION, TENANCY, TENANCY_KINDS, VIA,
};
use super::node::{Member, Node, NodeKind};
use crate::diag::{Code, Place, Spanned};
use crate::raw::{
    RawAutoFill, RawField, RawGrants, RawKind, RawModel, RawOptions, RawPersist, RawRelation,
    RawScope, RawTenancy,
};
use crate::schema::{AutoFillSource, FieldMember, Load, Plane, RelationKind};

pub(super) fn read_model<'a>(member: Member<'a>, cx: &mut ReadContext<'_>) -> Option<RawModel<'a>> {
    let at = member.value.span();
    let key = Spanned::new(member.name.clone(), member.name_span());
    let members = cx.members(member.value, &MODEL, format_args!("model `{}`", member.name))?;
    let mut model = RawModel::new(key, at);
    for member in members {
        match member.name.as_ref() {
            "fields" => {
                let fields = cx.object(member.value, "`fields`").unwrap_or_default();
                model.fields.reserve(fields.len());
                for field in fields {
                    model.fields.extend(read_field(field, cx));
                }
            }
            "relations" => {
                let relations = cx.object(member.value, "`relations`").unwrap_or_default();
                model.relations.reserve(relations.len());
                for relation in relations {
                    model.relations.extend(read_relation(relation, cx));
                }
            }
            _ => read_model_member(member, &mut model, cx),
        }
    }
    Some(model)
}

fn read_model_member<'a>(member: Member<'a>, model: &mut RawModel<'a>, cx: &mut ReadContext<'_>) {
    match member.name.as_ref() {
        "load" => model.load = cx.one_of(member, &Load::ALL, Load::as_str),
        "typename" => model.type_name = cx.string(member),
        "tableName" => model.table_name = cx.string(member),
        "tenancy" => {
            model.verbatim.tenancy = Some(member.value.to_value());
            model.tenancy = read_tenancy(member.value, cx);
        }
        "plane" => model.plane = cx.one_of(member, &Plane::ALL, Plane::as_str),
        "scope" => model.scope = read_scope(member, cx),
        "grants" => {
            model.verbatim.grants = Some(member.value.to_value());
            model.grants = read_grants(member.value, cx);
        }
        "entityRoles" => {
            model.verbatim.entity_roles = Some(member.value.to_value());
            let at = member.value.span();
            model.entity_roles = Some(Spanned::new(cx.roles(member.value, "entityRoles"), at));
        }
        "bootstrapLimit" => model.bootstrap_limit = cx.number(&member),
        "bootstrapOrderBy" => model.bootstrap_order_by = cx.string(member),
        "mutable" => model.mutable = cx.boolean(&member),
        "lazyObservable" => model.lazy_observable = cx.boolean(&member),
        "persist" => {
            model.verbatim.persist = Some(member.value.to_value());
            model.persist = read_persist(member.value, cx);
        }
        "autoFill" => {
            model.verbatim.auto_fill = Some(member.value.to_value());
            model.auto_fill = read_auto_fill(member.value, cx);
        }
        "requiredFields" => {
            model.verbatim.required_fields = Some(member.value.to_value());
            model.required_fields = cx.strings(member);
        }
        _ => {}
    }
}

fn read_field<'a>(member: Member<'a>, cx: &mut ReadContext<'_>) -> Option<RawField<'a>> {
    if let NodeKind::String(word) = &member.value.kind {
        let message = format!("field `{}` must be an object, not a string", member.name);
        let (applicability, field) = habits::whole_field(word);
        let (at, help) = (member.value.span(), format!("write `{field}`"));
        cx.diagnostics.push(Code::JsonWrongType, at, message).help(help);
        cx.fix(applicability, Place::Span(at), field);
        return None;
    }
    let name = Spanned::new(member.name.clone(), member.name_span());
    let at = member.value.span();
    let members = cx.members(member.value, &FIELD, format_args!("field `{}`", member.name))?;
    let mut field = RawField {
        name,
        at,
        kind: None,
        optional: None,
        indexed: None,
        column: None,
        enum_values: None,
        description: None,
        deprecated: None,
        format: None,
        precision: None,
        scale: None,
        default: None,
        unique: None,
        secret: None,
        shape: None,
        renamed_from: None,
        number: None,
        relative: None,
        column_type: None,
        members: Vec::with_capacity(members.len()),
    };
    for member in members {
        field.members.push(field_member(&member));
        match member.name.as_ref() {
            "type" => {
                let (all, word) = (&RawKind::ALL, RawKind::as_str);
                field.kind = type_of(member, all, word, habits::field_type, cx);
            }
            "isOptional" => field.optional = cx.boolean(&member),
            "isIndexed" => field.indexed = cx.boolean(&member),
            "column" => field.column = cx.string(member),
            "enumValues" => field.enum_values = cx.strings(member),
            _ => read_facet(member, &mut field, cx),
        }
    }
    Some(field)
}

/// Reads the type of a field or a relation. A word of another language is reported with what to
/// write instead.
fn type_of<T: Copy>(
    member: Member<'_>,
    all: &[T],
    word: fn(T) -> &'static str,
    instead: fn(&str) -> Option<Instead>,
    cx: &mut ReadContext<'_>,
) -> Option<Spanned<T>> {
    if let NodeKind::String(read) = &member.value.kind {
        if let Some(found) = all.iter().find(|one| word(**one) == read) {
            return Some(Spanned::new(*found, member.value.span()));
        }
        if is_habit(&member, read, instead, cx) {
            return None;
        }
    }
    cx.one_of(member, all, word)
}

/// Reports a word of another language. Returns whether it is one.
fn is_habit(
    member: &Member<'_>,
    word: &str,
    instead: fn(&str) -> Option<Instead>,
    cx: &mut ReadContext<'_>,
) -> bool {
    let Some(instead) = instead(word) else { return false };
    let message = format!("unknown type `{word}`");
    let (at, help) = (member.value.span(), format!("write {}", instead.help));
    cx.diagnostics.push(Code::JsonUnknownValue, at, message).help(help);
    if let Some(text) = instead.text {
        cx.fix(instead.applicability, Place::Span(at), text.to_owned());
    }
    true
}

fn read_facet<'a>(member: Member<'a>, field: &mut RawField<'a>, cx: &mut ReadContext<'_>) {
    let value =
        |member: &Member<'_>| Some(Spanned::new(member.value.to_value(), member.value.span()));
    match member.name.as_ref() {
        "description" => field.description = cx.string(member),
        "deprecated" => field.deprecated = read_deprecated(member, cx),
        "format" => field.format = cx.string(member),
        "precision" => field.precision = cx.number(&member),
        "scale" => field.scale = cx.number(&member),
        "default" => field.default = value(&member),
        "unique" => field.unique = cx.boolean(&member),
        "secret" => field.secret = cx.boolean(&member),
        "shape" => field.shape = value(&member),
        "renamedFrom" => field.renamed_from = cx.string(member),
        "number" => field.number = cx.number(&member),
        "relative" => field.relative = cx.strings(member),
        "columnType" => field.column_type = cx.string(member),
        _ => {}
    }
}

fn field_member(member: &Member<'_>) -> FieldMember {
    match member.name.as_ref() {
        "type" => FieldMember::Type,
        "isOptional" => FieldMember::IsOptional,
        "isIndexed" => FieldMember::IsIndexed,
        "column" => FieldMember::Column,
        "enumValues" => FieldMember::EnumValues,
        _ => FieldMember::Extra(Box::new(member.to_value())),
    }
}

fn read_deprecated<'a>(
    member: Member<'a>,
    cx: &mut ReadContext<'_>,
) -> Option<Spanned<Option<std::borrow::Cow<'a, str>>>> {
    let at = member.value.span();
    match member.value.kind {
        NodeKind::Bool(true) => Some(Spanned::new(None, at)),
        NodeKind::Bool(false) => None,
        NodeKind::String(note) => Some(Spanned::new(Some(note), at)),
        _ => {
            cx.wrong_type(
                &member.value,
                "`deprecated`",
                "a boolean or a string with a replacement",
            );
            None
        }
    }
}

fn read_relation<'a>(member: Member<'a>, cx: &mut ReadContext<'_>) -> Option<RawRelation<'a>> {
    let name = Spanned::new(member.name.clone(), member.name_span());
    let at = member.value.span();
    let owner = format_args!("relation `{}`", member.name);
    let members = cx.members(member.value, &RELATION, owner)?;
    let mut relation = RawRelation {
        name,
        at,
        kind: None,
        target: None,
        foreign_key: None,
        foreign_key_column: None,
        options: None,
        order_by: None,
    };
    for member in members {
        match member.name.as_ref() {
            "type" => {
                let (all, word) = (&RelationKind::ALL, RelationKind::as_str);
                relation.kind = type_of(member, all, word, habits::relation_type, cx);
            }
            "target" => relation.target = cx.string(member),
            "foreignKey" => relation.foreign_key = cx.string(member),
            "foreignKeyColumn" => relation.foreign_key_column = cx.string(member),
            "options" => relation.options = read_options(member.value, cx),
            "orderBy" => relation.order_by = cx.string(member),
            _ => {}
        }
    }
    Some(relation)
}

fn read_options(node: Node<'_>, cx: &mut ReadContext<'_>) -> Option<Spanned<RawOptions>> {
    let at = node.span();
    let members = cx.members(node, &OPTIONS, "`options`")?;
    let mut options = RawOptions {
        members: members.iter().map(Member::to_value).collect(),
        ..RawOptions::default()
    };
    for member in members {
        let set = |flag: Option<Spanned<bool>>| flag.filter(|flag| flag.value);
        match member.name.as_ref() {
            "index" => options.index = set(cx.boolean(&member)).is_some(),
            "enrich" => options.enrich = set(cx.boolean(&member)).is_some(),
            "defer" => options.defer = set(cx.boolean(&member)).is_some(),
            "parent" => options.parent = set(cx.boolean(&member)),
            "fk" => options.fk = set(cx.boolean(&member)),
            _ => {}
        }
    }
    Some(Spanned::new(options, at))
}

fn read_tenancy<'a>(node: Node<'a>, cx: &mut ReadContext<'_>) -> Option<Spanned<RawTenancy<'a>>> {
    let at = node.span();
    let (mut kind, mut column, mut via) = (None, None, None);
    for member in cx.members(node, &TENANCY, "`tenancy`")? {
        match member.name.as_ref() {
            "kind" => kind = cx.one_of(member, &TENANCY_KINDS, |word| word),
            "column" => column = Some(member),
            "via" => via = Some(member),
            _ => {}
        }
    }
    let kind = kind?.value;
    for (member, word) in [(&column, "column"), (&via, "parent")] {
        if let Some(member) = member.as_ref().filter(|_| kind != word) {
            cx.without_effect(member.name_span(), &member.name, ("kind", word));
        }
    }
    let mut missing = |name, help| {
        cx.missing_member(at, "this tenancy", name, help);
        None
    };
    let tenancy = match (kind, column, via) {
        ("column", Some(column), _) => RawTenancy::Column { column: cx.string(column)? },
        ("column", None, _) => {
            return missing("column", "name the column with the organisation id");
        }
        ("parent", _, Some(via)) => read_via(via.value, cx)?,
        ("parent", _, None) => {
            let help = r#"add `"via": {"localKey": "team_id", "parentTable": "teams"}`"#;
            return missing("via", help);
        }
        _ => RawTenancy::None,
    };
    Some(Spanned::new(tenancy, at))
}

fn read_via<'a>(node: Node<'a>, cx: &mut ReadContext<'_>) -> Option<RawTenancy<'a>> {
    let (mut local_key, mut parent_table) = (None, None);
    let (mut parent_key, mut parent_org_column) = (None, None);
    for member in cx.members(node, &VIA, "`via`")? {
        match member.name.as_ref() {
            "localKey" => local_key = cx.string(member),
            "parentTable" => parent_table = cx.string(member),
            "parentKey" => parent_key = cx.string(member),
            "parentOrgColumn" => parent_org_column = cx.string(member),
            _ => {}
        }
    }
    Some(RawTenancy::Parent {
        local_key: local_key?,
        parent_table: parent_table?,
        parent_key,
        parent_org_column,
    })
}

fn read_scope<'a>(member: Member<'a>, cx: &mut ReadContext<'_>) -> Option<Spanned<RawScope<'a>>> {
    let at = member.value.span();
    match member.value.kind {
        NodeKind::Bool(flag) => Some(Spanned::new(RawScope::Flag(flag), at)),
        NodeKind::String(kind) => Some(Spanned::new(RawScope::Kind(kind), at)),
        _ => {
            cx.wrong_type(&member.value, "`scope`", "`true` or a kind such as `\"project\"`");
            None
        }
    }
}

fn read_grants<'a>(node: Node<'a>, cx: &mut ReadContext<'_>) -> Option<Spanned<RawGrants<'a>>> {
    let at = node.span();
    let mut grants = RawGrants { subject: None, scope: None };
    for member in cx.members(node, &GRANTS, "`grants`")? {
        match member.name.as_ref() {
            "subject" => grants.subject = cx.string(member),
            "scope" => grants.scope = cx.string(member),
            _ => {}
        }
    }
    Some(Spanned::new(grants, at))
}

fn read_persist<'a>(node: Node<'a>, cx: &mut ReadContext<'_>) -> Option<Spanned<RawPersist<'a>>> {
    let at = node.span();
    let mut persist = RawPersist { store: None };
    for member in cx.members(node, &PERSIST, "`persist`")? {
        if member.name == "store" {
            persist.store = cx.string(member);
        }
    }
    Some(Spanned::new(persist, at))
}

fn read_auto_fill<'a>(
    node: Node<'a>,
    cx: &mut ReadContext<'_>,
) -> Option<Spanned<Vec<RawAutoFill<'a>>>> {
    let at = node.span();
    let items = cx.array(node, "`autoFill`")?;
    let mut fills = Vec::with_capacity(items.len());
    for item in items {
        let Some(members) = cx.members(item, &AUTO_FILL, "an `autoFill` rule") else { continue };
        let mut fill = RawAutoFill { field: None, from: None };
        for member in members {
            match member.name.as_ref() {
                "field" => fill.field = cx.string(member),
                "from" => {
                    fill.from = cx.one_of(member, &AutoFillSource::ALL, AutoFillSource::as_str)
                }
                _ => {}
            }
        }
        fills.push(fill);
    }
    Some(Spanned::new(fills, at))
}
