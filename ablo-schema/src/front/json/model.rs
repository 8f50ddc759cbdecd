//! Models, fields and relations: objects into raw parts.

use super::node::{Member, Node, NodeKind};
use super::parts::Parts;
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

pub(super) fn read_model<'a>(member: Member<'a>, parts: &mut Parts<'_>) -> Option<RawModel<'a>> {
    let at = member.value.span();
    let key = Spanned::new(member.name.clone(), member.name_span());
    let members = parts.object(member.value, format_args!("the model `{}`", member.name))?;
    let mut model = RawModel::new(key, at);
    let (mut has_fields, mut has_relations) = (false, false);
    for member in members {
        match member.name.as_ref() {
            "fields" => {
                has_fields = true;
                for field in parts.object(member.value, "`fields`").unwrap_or_default() {
                    model.fields.extend(read_field(field, parts));
                }
            }
            "relations" => {
                has_relations = true;
                for relation in parts.object(member.value, "`relations`").unwrap_or_default() {
                    model.relations.extend(read_relation(relation, parts));
                }
            }
            _ => read_model_member(member, &mut model, parts),
        }
    }
    let whose = format!("the model `{}`", model.key.value);
    if !has_fields {
        parts.missing(
            at,
            &whose,
            "fields",
            "add `\"fields\": {}`; the base fields come on top by themselves",
        );
    }
    if !has_relations {
        parts.missing(at, &whose, "relations", "add `\"relations\": {}`");
    }
    Some(model)
}

fn read_model_member<'a>(member: Member<'a>, model: &mut RawModel<'a>, parts: &mut Parts<'_>) {
    match member.name.as_ref() {
        "load" => model.load = parts.word(member, &Load::ALL, Load::as_str),
        "typename" => model.type_name = parts.string(member),
        "tableName" => model.table_name = parts.string(member),
        "tenancy" => {
            model.verbatim.tenancy = Some(member.value.to_value());
            model.tenancy = read_tenancy(member.value, parts);
        }
        "plane" => model.plane = parts.word(member, &Plane::ALL, Plane::as_str),
        "scope" => model.scope = read_scope(member, parts),
        "grants" => {
            model.verbatim.grants = Some(member.value.to_value());
            model.grants = read_grants(member.value, parts);
        }
        "entityRoles" => {
            model.verbatim.entity_roles = Some(member.value.to_value());
            let at = member.value.span();
            model.entity_roles = Some(Spanned::new(parts.roles(member.value, "entityRoles"), at));
        }
        "bootstrapLimit" => model.bootstrap_limit = parts.number(&member),
        "bootstrapOrderBy" => model.bootstrap_order_by = parts.string(member),
        "mutable" => model.mutable = parts.boolean(&member),
        "lazyObservable" => model.lazy_observable = parts.boolean(&member),
        "persist" => {
            model.verbatim.persist = Some(member.value.to_value());
            model.persist = read_persist(member.value, parts);
        }
        "autoFill" => {
            model.verbatim.auto_fill = Some(member.value.to_value());
            model.auto_fill = read_auto_fill(member.value, parts);
        }
        "requiredFields" => {
            model.verbatim.required_fields = Some(member.value.to_value());
            model.required_fields = parts.strings(member);
        }
        _ => parts.unknown(&member, "a model", &MODEL_MEMBERS),
    }
}

fn read_field<'a>(member: Member<'a>, parts: &mut Parts<'_>) -> Option<RawField<'a>> {
    let name = Spanned::new(member.name.clone(), member.name_span());
    let at = member.value.span();
    let members = parts.object(member.value, format_args!("the field `{}`", member.name))?;
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
        shape: None,
        renamed_from: None,
        number: None,
        members: members.iter().map(field_member).collect(),
    };
    let mut has = [false; 3];
    for member in members {
        match member.name.as_ref() {
            "type" => {
                (has[0], field.kind) = (true, parts.word(member, &RawKind::ALL, RawKind::as_str))
            }
            "isOptional" => (has[1], field.optional) = (true, parts.boolean(&member)),
            "isIndexed" => (has[2], field.indexed) = (true, parts.boolean(&member)),
            "column" => field.column = parts.string(member),
            "enumValues" => field.enum_values = parts.strings(member),
            _ => read_facet(member, &mut field, parts),
        }
    }
    let whose = format_args!("the field `{}`", field.name.value);
    for (has, name, help) in [
        (
            has[0],
            "type",
            "give `\"type\"`: `string`, `number`, `boolean`, `date`, `enum` or `json`",
        ),
        (has[1], "isOptional", "say whether a row may lack it: `\"isOptional\": false`"),
        (has[2], "isIndexed", "say whether it is indexed: `\"isIndexed\": false`"),
    ] {
        if !has {
            parts.missing(at, whose, name, help);
        }
    }
    Some(field)
}

fn read_facet<'a>(member: Member<'a>, field: &mut RawField<'a>, parts: &mut Parts<'_>) {
    let value =
        |member: &Member<'_>| Some(Spanned::new(member.value.to_value(), member.value.span()));
    match member.name.as_ref() {
        "description" => field.description = parts.string(member),
        "deprecated" => field.deprecated = read_deprecated(member, parts),
        "format" => field.format = parts.string(member),
        "precision" => field.precision = parts.number(&member),
        "scale" => field.scale = parts.number(&member),
        "default" => field.default = value(&member),
        "unique" => field.unique = parts.boolean(&member),
        "shape" => field.shape = value(&member),
        "renamedFrom" => field.renamed_from = parts.string(member),
        "number" => field.number = parts.number(&member),
        // Fields keep members that v3 does not know.
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
    parts: &mut Parts<'_>,
) -> Option<Spanned<Option<std::borrow::Cow<'a, str>>>> {
    let at = member.value.span();
    match member.value.kind {
        NodeKind::Bool(true) => Some(Spanned::new(None, at)),
        NodeKind::Bool(false) => None,
        NodeKind::String(note) => Some(Spanned::new(Some(note), at)),
        _ => {
            parts.wrong_type(
                &member.value,
                "`deprecated`",
                "a boolean or a string that says what to use instead",
            );
            None
        }
    }
}

fn read_relation<'a>(member: Member<'a>, parts: &mut Parts<'_>) -> Option<RawRelation<'a>> {
    let name = Spanned::new(member.name.clone(), member.name_span());
    let at = member.value.span();
    let members = parts.object(member.value, format_args!("the relation `{}`", member.name))?;
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
    let mut has = [false; 4];
    for member in members {
        match member.name.as_ref() {
            "type" => {
                (has[0], relation.kind) =
                    (true, parts.word(member, &RelationKind::ALL, RelationKind::as_str))
            }
            "target" => (has[1], relation.target) = (true, parts.string(member)),
            "foreignKey" => (has[2], relation.foreign_key) = (true, parts.string(member)),
            "foreignKeyColumn" => {
                (has[3], relation.foreign_key_column) = (true, parts.string(member))
            }
            "options" => relation.options = read_options(member.value, parts),
            "orderBy" => relation.order_by = parts.string(member),
            _ => parts.unknown(&member, "a relation", &RELATION_MEMBERS),
        }
    }
    let whose = format_args!("the relation `{}`", relation.name.value);
    for (has, name, help) in [
        (has[0], "type", "give `\"type\"`: `belongsTo`, `hasMany` or `hasOne`"),
        (has[1], "target", "name the model that it leads to, by its key"),
        (has[2], "foreignKey", "name the field that holds the other row's id"),
        (has[3], "foreignKeyColumn", "name that field's column"),
    ] {
        if !has {
            parts.missing(at, whose, name, help);
        }
    }
    Some(relation)
}

fn read_options(node: Node<'_>, parts: &mut Parts<'_>) -> Option<Spanned<RawOptions>> {
    let at = node.span();
    let members = parts.object(node, "`options`")?;
    let mut options = RawOptions {
        members: members.iter().map(Member::to_value).collect(),
        ..RawOptions::default()
    };
    for member in members {
        let set = |flag: Option<Spanned<bool>>| flag.filter(|flag| flag.value);
        match member.name.as_ref() {
            "index" => options.index = set(parts.boolean(&member)).is_some(),
            "enrich" => options.enrich = set(parts.boolean(&member)).is_some(),
            "defer" => options.defer = set(parts.boolean(&member)).is_some(),
            "parent" => options.parent = set(parts.boolean(&member)),
            "fk" => options.fk = set(parts.boolean(&member)),
            _ => parts.unknown(&member, "the `options` of a relation", &OPTIONS),
        }
    }
    Some(Spanned::new(options, at))
}

fn read_tenancy<'a>(node: Node<'a>, parts: &mut Parts<'_>) -> Option<Spanned<RawTenancy<'a>>> {
    let at = node.span();
    let members = parts.object(node, "`tenancy`")?;
    let (mut kind, mut column, mut via) = (None, None, None);
    let (mut has_kind, mut has_column) = (false, false);
    for member in members {
        match member.name.as_ref() {
            "kind" => {
                (has_kind, kind) =
                    (true, parts.word(member, &["column", "parent", "none"], |word| word))
            }
            "column" => (has_column, column) = (true, parts.string(member)),
            "via" => via = Some(member.value),
            _ => parts.unknown(&member, "`tenancy`", &["kind", "column", "via"]),
        }
    }
    if !has_kind {
        parts.missing(at, "`tenancy`", "kind", "give `\"kind\"`: `column`, `parent` or `none`");
    }
    let tenancy = match kind?.value {
        "column" => match column {
            Some(column) => RawTenancy::Column { column },
            None if has_column => return None,
            None => {
                parts.missing(
                    at,
                    "this tenancy",
                    "column",
                    "name the column that holds the organisation",
                );
                return None;
            }
        },
        "parent" => match via {
            Some(via) => read_via(via, parts)?,
            None => {
                let help = "say `\"via\": {\"localKey\": \"team_id\", \"parentTable\": \"teams\"}`";
                parts.missing(at, "this tenancy", "via", help);
                return None;
            }
        },
        _ => RawTenancy::None,
    };
    Some(Spanned::new(tenancy, at))
}

fn read_via<'a>(node: Node<'a>, parts: &mut Parts<'_>) -> Option<RawTenancy<'a>> {
    let at = node.span();
    let members = parts.object(node, "`via`")?;
    let mut read = [None, None, None, None];
    let mut has = [false; 4];
    for member in members {
        match PARENT.iter().position(|name| *name == member.name) {
            Some(slot) => (has[slot], read[slot]) = (true, parts.string(member)),
            None => parts.unknown(&member, "`via`", &PARENT),
        }
    }
    let [local_key, parent_table, parent_key, parent_org_column] = read;
    if !has[0] {
        parts.missing(at, "`via`", "localKey", "name the column here that holds the parent's id");
    }
    if !has[1] {
        parts.missing(at, "`via`", "parentTable", "name the parent's table");
    }
    Some(RawTenancy::Parent {
        local_key: local_key?,
        parent_table: parent_table?,
        parent_key,
        parent_org_column,
    })
}

fn read_scope<'a>(member: Member<'a>, parts: &mut Parts<'_>) -> Option<Spanned<RawScope<'a>>> {
    let at = member.value.span();
    match member.value.kind {
        NodeKind::Bool(flag) => Some(Spanned::new(RawScope::Flag(flag), at)),
        NodeKind::String(kind) => Some(Spanned::new(RawScope::Kind(kind), at)),
        _ => {
            parts.wrong_type(&member.value, "`scope`", "`true` or a kind such as `\"project\"`");
            None
        }
    }
}

fn read_grants<'a>(node: Node<'a>, parts: &mut Parts<'_>) -> Option<Spanned<RawGrants<'a>>> {
    let at = node.span();
    let members = parts.object(node, "`grants`")?;
    let mut grants = RawGrants { subject: None, scope: None };
    let mut has = [false; 2];
    for member in members {
        match member.name.as_ref() {
            "subject" => (has[0], grants.subject) = (true, parts.string(member)),
            "scope" => (has[1], grants.scope) = (true, parts.string(member)),
            _ => parts.unknown(&member, "`grants`", &["subject", "scope"]),
        }
    }
    if !has[0] {
        parts.missing(
            at,
            "`grants`",
            "subject",
            "name the `belongsTo` relation to who is given access",
        );
    }
    if !has[1] {
        parts.missing(
            at,
            "`grants`",
            "scope",
            "name the `belongsTo` relation to what access is given to",
        );
    }
    Some(Spanned::new(grants, at))
}

fn read_persist<'a>(node: Node<'a>, parts: &mut Parts<'_>) -> Option<Spanned<RawPersist<'a>>> {
    let at = node.span();
    let members = parts.object(node, "`persist`")?;
    let mut persist = RawPersist { store: None };
    for member in members {
        match member.name.as_ref() {
            "store" => persist.store = parts.string(member),
            _ => parts.unknown(&member, "`persist`", &["store"]),
        }
    }
    Some(Spanned::new(persist, at))
}

fn read_auto_fill<'a>(
    node: Node<'a>,
    parts: &mut Parts<'_>,
) -> Option<Spanned<Vec<RawAutoFill<'a>>>> {
    let at = node.span();
    let items = parts.array(node, "`autoFill`")?;
    let mut fills = Vec::with_capacity(items.len());
    for item in items {
        let at = item.span();
        let Some(members) = parts.object(item, "an item of `autoFill`") else { continue };
        let mut fill = RawAutoFill { field: None, from: None };
        let mut has = [false; 2];
        for member in members {
            match member.name.as_ref() {
                "field" => (has[0], fill.field) = (true, parts.string(member)),
                "from" => {
                    (has[1], fill.from) =
                        (true, parts.word(member, &AutoFillSource::ALL, AutoFillSource::as_str));
                }
                _ => parts.unknown(&member, "an item of `autoFill`", &["field", "from"]),
            }
        }
        if !has[0] {
            parts.missing(at, "this `autoFill`", "field", "name the field to fill");
        }
        if !has[1] {
            parts.missing(
                at,
                "this `autoFill`",
                "from",
                "give `\"from\"`: `organizationId` or `userId`",
            );
        }
        fills.push(fill);
    }
    Some(Spanned::new(fills, at))
}
