//! Reads models, fields and relations.

use super::context::ReadContext;
use super::node::{Member, Node, NodeKind};
use crate::diag::Spanned;
use crate::raw::{
    RawAutoFill, RawField, RawGrants, RawKind, RawModel, RawOptions, RawPersist, RawRelation,
    RawScope, RawTenancy,
};
use crate::schema::{
    AutoFillSource, FieldMember, Load, MODEL_MEMBERS, Plane, RELATION_MEMBERS, RelationKind,
};

const OPTIONS: [&str; 5] = ["index", "enrich", "defer", "parent", "fk"];
const PARENT: [&str; 4] = ["localKey", "parentTable", "parentKey", "parentOrgColumn"];

pub(super) fn read_model<'a>(member: Member<'a>, cx: &mut ReadContext<'_>) -> Option<RawModel<'a>> {
    let at = member.value.span();
    let key = Spanned::new(member.name.clone(), member.name_span());
    let members = cx.object(member.value, format_args!("model `{}`", member.name))?;
    let mut model = RawModel::new(key, at);
    let (mut has_fields, mut has_relations) = (false, false);
    for member in members {
        match member.name.as_ref() {
            "fields" => {
                has_fields = true;
                for field in cx.object(member.value, "`fields`").unwrap_or_default() {
                    model.fields.extend(read_field(field, cx));
                }
            }
            "relations" => {
                has_relations = true;
                for relation in cx.object(member.value, "`relations`").unwrap_or_default() {
                    model.relations.extend(read_relation(relation, cx));
                }
            }
            _ => read_model_member(member, &mut model, cx),
        }
    }
    let owner = format!("model `{}`", model.key.value);
    if !has_fields {
        cx.missing_member(
            at,
            &owner,
            "fields",
            "add `\"fields\": {}`; base fields are not declared",
        );
    }
    if !has_relations {
        cx.missing_member(at, &owner, "relations", "add `\"relations\": {}`");
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
        _ => cx.unknown_member(&member, "a model", &MODEL_MEMBERS),
    }
}

fn read_field<'a>(member: Member<'a>, cx: &mut ReadContext<'_>) -> Option<RawField<'a>> {
    let name = Spanned::new(member.name.clone(), member.name_span());
    let at = member.value.span();
    let members = cx.object(member.value, format_args!("field `{}`", member.name))?;
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
        members: members.iter().map(field_member).collect(),
    };
    let mut present = [false; 3];
    for member in members {
        match member.name.as_ref() {
            "type" => {
                (present[0], field.kind) = (true, cx.one_of(member, &RawKind::ALL, RawKind::as_str))
            }
            "isOptional" => (present[1], field.optional) = (true, cx.boolean(&member)),
            "isIndexed" => (present[2], field.indexed) = (true, cx.boolean(&member)),
            "column" => field.column = cx.string(member),
            "enumValues" => field.enum_values = cx.strings(member),
            _ => read_facet(member, &mut field, cx),
        }
    }
    let owner = format_args!("field `{}`", field.name.value);
    for (present, name, help) in [
        (
            present[0],
            "type",
            "add `\"type\"`: `string`, `number`, `boolean`, `date`, `enum` or `json`",
        ),
        (
            present[1],
            "isOptional",
            "add `\"isOptional\": false`, or `true` if rows may lack a value",
        ),
        (present[2], "isIndexed", "add `\"isIndexed\": false`, or `true` for an index"),
    ] {
        if !present {
            cx.missing_member(at, owner, name, help);
        }
    }
    Some(field)
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
        // Fields keep unknown members.
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
    let members = cx.object(member.value, format_args!("relation `{}`", member.name))?;
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
    let mut present = [false; 4];
    for member in members {
        match member.name.as_ref() {
            "type" => {
                (present[0], relation.kind) =
                    (true, cx.one_of(member, &RelationKind::ALL, RelationKind::as_str))
            }
            "target" => (present[1], relation.target) = (true, cx.string(member)),
            "foreignKey" => (present[2], relation.foreign_key) = (true, cx.string(member)),
            "foreignKeyColumn" => {
                (present[3], relation.foreign_key_column) = (true, cx.string(member))
            }
            "options" => relation.options = read_options(member.value, cx),
            "orderBy" => relation.order_by = cx.string(member),
            _ => cx.unknown_member(&member, "a relation", &RELATION_MEMBERS),
        }
    }
    let owner = format_args!("relation `{}`", relation.name.value);
    for (present, name, help) in [
        (present[0], "type", "add `\"type\"`: `belongsTo`, `hasMany` or `hasOne`"),
        (present[1], "target", "name the target model by its key"),
        (present[2], "foreignKey", "name the field with the id of the other row"),
        (present[3], "foreignKeyColumn", "name the column of that field"),
    ] {
        if !present {
            cx.missing_member(at, owner, name, help);
        }
    }
    Some(relation)
}

fn read_options(node: Node<'_>, cx: &mut ReadContext<'_>) -> Option<Spanned<RawOptions>> {
    let at = node.span();
    let members = cx.object(node, "`options`")?;
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
            _ => cx.unknown_member(&member, "the `options` of a relation", &OPTIONS),
        }
    }
    Some(Spanned::new(options, at))
}

fn read_tenancy<'a>(node: Node<'a>, cx: &mut ReadContext<'_>) -> Option<Spanned<RawTenancy<'a>>> {
    let at = node.span();
    let members = cx.object(node, "`tenancy`")?;
    let (mut kind, mut column, mut via) = (None, None, None);
    let (mut has_kind, mut has_column) = (false, false);
    for member in members {
        match member.name.as_ref() {
            "kind" => {
                (has_kind, kind) =
                    (true, cx.one_of(member, &["column", "parent", "none"], |word| word))
            }
            "column" => (has_column, column) = (true, cx.string(member)),
            "via" => via = Some(member.value),
            _ => cx.unknown_member(&member, "`tenancy`", &["kind", "column", "via"]),
        }
    }
    if !has_kind {
        cx.missing_member(at, "`tenancy`", "kind", "add `\"kind\"`: `column`, `parent` or `none`");
    }
    let tenancy = match kind?.value {
        "column" => match column {
            Some(column) => RawTenancy::Column { column },
            None if has_column => return None,
            None => {
                cx.missing_member(
                    at,
                    "this tenancy",
                    "column",
                    "name the column with the organisation id",
                );
                return None;
            }
        },
        "parent" => match via {
            Some(via) => read_via(via, cx)?,
            None => {
                let help = "add `\"via\": {\"localKey\": \"team_id\", \"parentTable\": \"teams\"}`";
                cx.missing_member(at, "this tenancy", "via", help);
                return None;
            }
        },
        _ => RawTenancy::None,
    };
    Some(Spanned::new(tenancy, at))
}

fn read_via<'a>(node: Node<'a>, cx: &mut ReadContext<'_>) -> Option<RawTenancy<'a>> {
    let at = node.span();
    let members = cx.object(node, "`via`")?;
    let mut read = [None, None, None, None];
    let mut present = [false; 4];
    for member in members {
        match PARENT.iter().position(|name| *name == member.name) {
            Some(slot) => (present[slot], read[slot]) = (true, cx.string(member)),
            None => cx.unknown_member(&member, "`via`", &PARENT),
        }
    }
    let [local_key, parent_table, parent_key, parent_org_column] = read;
    if !present[0] {
        cx.missing_member(
            at,
            "`via`",
            "localKey",
            "name the column of this table with the parent's key",
        );
    }
    if !present[1] {
        cx.missing_member(at, "`via`", "parentTable", "name the parent's table");
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
    let members = cx.object(node, "`grants`")?;
    let mut grants = RawGrants { subject: None, scope: None };
    let mut present = [false; 2];
    for member in members {
        match member.name.as_ref() {
            "subject" => (present[0], grants.subject) = (true, cx.string(member)),
            "scope" => (present[1], grants.scope) = (true, cx.string(member)),
            _ => cx.unknown_member(&member, "`grants`", &["subject", "scope"]),
        }
    }
    if !present[0] {
        cx.missing_member(
            at,
            "`grants`",
            "subject",
            "name the `belongsTo` relation to the subject, which gets access",
        );
    }
    if !present[1] {
        cx.missing_member(at, "`grants`", "scope", "name the `belongsTo` relation to the scope");
    }
    Some(Spanned::new(grants, at))
}

fn read_persist<'a>(node: Node<'a>, cx: &mut ReadContext<'_>) -> Option<Spanned<RawPersist<'a>>> {
    let at = node.span();
    let members = cx.object(node, "`persist`")?;
    let mut persist = RawPersist { store: None };
    for member in members {
        match member.name.as_ref() {
            "store" => persist.store = cx.string(member),
            _ => cx.unknown_member(&member, "`persist`", &["store"]),
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
        let at = item.span();
        let Some(members) = cx.object(item, "an `autoFill` rule") else { continue };
        let mut fill = RawAutoFill { field: None, from: None };
        let mut present = [false; 2];
        for member in members {
            match member.name.as_ref() {
                "field" => (present[0], fill.field) = (true, cx.string(member)),
                "from" => {
                    (present[1], fill.from) =
                        (true, cx.one_of(member, &AutoFillSource::ALL, AutoFillSource::as_str));
                }
                _ => cx.unknown_member(&member, "an `autoFill` rule", &["field", "from"]),
            }
        }
        if !present[0] {
            cx.missing_member(at, "this `autoFill` rule", "field", "name the field to fill");
        }
        if !present[1] {
            cx.missing_member(
                at,
                "this `autoFill` rule",
                "from",
                "add `\"from\"`: `organizationId` or `userId`",
            );
        }
        fills.push(fill);
    }
    Some(Spanned::new(fills, at))
}
