//! The canonical text of a schema: byte for byte what the reference writes after reading it.
//!
//! The *sorted* text has the same members in UTF-16 order; hashes are computed over it.

use crate::schema::{
    Field, FieldKind, FieldMember, Identifier, MODEL_MEMBERS, Model, RELATION_MEMBERS, Relation,
    Role, Schema,
};
use crate::value::{
    ObjectWriter, Order, order_as_javascript, utf16_order, write_bool, write_string,
};

/// Returns the canonical text: one line without insignificant white space.
///
/// ```
/// let read = ablo_schema::front::json::read(r#"{ "identityRoles": [], "v": 3, "models": {} }"#);
/// let text = ablo_schema::canonical::print(&read.schema.unwrap());
/// assert_eq!(text, r#"{"v":3,"models":{},"identityRoles":[]}"#);
/// ```
#[must_use]
pub fn print(schema: &Schema) -> String {
    let mut out = String::with_capacity(schema.models.len() * 1800 + 64);
    write(schema, Order::Authored, &mut out);
    out
}

/// Returns the sorted text: members ordered by UTF-16 code units at every depth.
pub(crate) fn print_sorted(schema: &Schema) -> String {
    let mut out = String::with_capacity(schema.models.len() * 1800 + 64);
    write(schema, Order::Sorted, &mut out);
    out
}

/// Writes the sorted text of one model.
pub(crate) fn print_model_sorted(model: &Model, out: &mut String) {
    write_model(model, Order::Sorted, out);
}

fn write(schema: &Schema, order: Order, out: &mut String) {
    let mut document = ObjectWriter::new(out);
    for part in in_order(order, &DOCUMENT_MEMBERS, &SORTED_DOCUMENT_MEMBERS) {
        match *part {
            "v" => document.known("v").push('3'),
            "models" => {
                let mut models: Vec<&Model> = schema.models.iter().collect();
                if order == Order::Sorted {
                    // Names of models, fields and relations are ASCII.
                    models.sort_by(|a, b| a.key.cmp(&b.key));
                }
                let mut object = ObjectWriter::new(document.known("models"));
                models.into_iter().for_each(|model| {
                    write_model(model, order, object.identifier(model.key.as_str()))
                });
                object.end();
            }
            _ => write_roles(&schema.identity_roles, order, document.known("identityRoles")),
        }
    }
    document.end();
}

fn in_order<const N: usize>(
    order: Order,
    authored: &'static [&'static str; N],
    sorted: &'static [&'static str; N],
) -> &'static [&'static str; N] {
    if order == Order::Sorted { sorted } else { authored }
}

const DOCUMENT_MEMBERS: [&str; 3] = ["v", "models", "identityRoles"];
const SORTED_DOCUMENT_MEMBERS: [&str; 3] = sorted(DOCUMENT_MEMBERS);
const SORTED_MODEL_MEMBERS: [&str; MODEL_MEMBERS.len()] = sorted(MODEL_MEMBERS);
const SORTED_RELATION_MEMBERS: [&str; RELATION_MEMBERS.len()] = sorted(RELATION_MEMBERS);

/// Sorts names when this program is compiled.
const fn sorted<const N: usize>(mut names: [&'static str; N]) -> [&'static str; N] {
    let mut end = N;
    while end > 1 {
        let mut at = 1;
        while at < end {
            if is_before(names[at].as_bytes(), names[at - 1].as_bytes()) {
                let name = names[at];
                names[at] = names[at - 1];
                names[at - 1] = name;
            }
            at += 1;
        }
        end -= 1;
    }
    names
}

const fn is_before(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return one[at] < other[at];
        }
        at += 1;
    }
    one.len() < other.len()
}

fn write_roles(roles: &[Role], order: Order, out: &mut String) {
    out.push('[');
    for (at, role) in roles.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        role.authored.write(order, out);
    }
    out.push(']');
}

fn write_model(model: &Model, order: Order, out: &mut String) {
    let authored = &model.authored;
    let mut object = ObjectWriter::new(out);
    for &name in in_order(order, &MODEL_MEMBERS, &SORTED_MODEL_MEMBERS) {
        let value = match name {
            "fields" => {
                write_fields(model, order, object.known(name));
                continue;
            }
            "relations" => {
                write_relations(model, order, object.known(name));
                continue;
            }
            "load" if authored.load => {
                write_string(model.load.as_str(), object.known(name));
                continue;
            }
            "typename" => {
                write_identifier(&model.type_name, object.known(name));
                continue;
            }
            "tableName" if authored.table_name => {
                write_string(model.table.as_str(), object.known(name));
                continue;
            }
            "plane" => {
                write_string(model.plane.as_str(), object.known(name));
                continue;
            }
            "bootstrapOrderBy" => {
                if let Some(order_by) = &model.bootstrap_order_by {
                    write_string(order_by, object.known(name));
                }
                continue;
            }
            "mutable" | "lazyObservable" => {
                let flag =
                    if name == "mutable" { authored.mutable } else { authored.lazy_observable };
                if let Some(flag) = flag {
                    write_bool(flag, object.known(name));
                }
                continue;
            }
            "tenancy" => &authored.tenancy,
            "scope" => &authored.scope,
            "grants" => &authored.grants,
            "entityRoles" => &authored.entity_roles,
            "bootstrapLimit" => &authored.bootstrap_limit,
            "persist" => &authored.persist,
            "autoFill" => &authored.auto_fill,
            "requiredFields" => &authored.required_fields,
            _ => continue,
        };
        if let Some(value) = value {
            value.write(order, object.known(name));
        }
    }
    object.end();
}

fn write_fields(model: &Model, order: Order, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    let mut scratch = Vec::new();
    let mut write = |field: &Field| {
        write_field(field, order, &mut scratch, object.identifier(field.name.as_str()));
    };
    match order {
        Order::Authored => model.fields.iter().for_each(&mut write),
        Order::Sorted => model.fields_by_name().for_each(&mut write),
    }
    object.end();
}

fn write_field(field: &Field, order: Order, scratch: &mut Vec<usize>, out: &mut String) {
    let is_extra = |member: &FieldMember| matches!(member, FieldMember::Extra(_));
    if order == Order::Sorted && !field.members.iter().any(is_extra) {
        return write_known(field, out);
    }
    scratch.clear();
    scratch.extend(0..field.members.len());
    let name = |at: &usize| field.members[*at].name();
    match order {
        Order::Sorted => scratch.sort_by(|a, b| utf16_order(name(a), name(b))),
        Order::Authored => order_as_javascript(scratch, name),
    }
    let mut object = ObjectWriter::new(out);
    for member in scratch.iter().map(|at| &field.members[*at]) {
        let out = object.member(member.name());
        match member {
            FieldMember::Type => write_string(field.kind.as_str(), out),
            FieldMember::IsOptional => write_bool(field.optional, out),
            FieldMember::IsIndexed => write_bool(field.indexed, out),
            FieldMember::Column => write_identifier(&field.column, out),
            FieldMember::EnumValues => write_values(&field.kind, out),
            FieldMember::Extra(extra) => extra.1.write(order, out),
        }
    }
    object.end();
}

/// Writes the sorted text of a field that has only the members of Schema JSON v3. A rule ensures
/// that it has the required ones, which are last in this order.
fn write_known(field: &Field, out: &mut String) {
    let has = |wanted: FieldMember| field.members.contains(&wanted);
    out.push('{');
    if has(FieldMember::Column) {
        out.push_str("\"column\":");
        write_identifier(&field.column, out);
        out.push(',');
    }
    if has(FieldMember::EnumValues) {
        out.push_str("\"enumValues\":");
        write_values(&field.kind, out);
        out.push(',');
    }
    out.push_str(match (field.indexed, field.optional) {
        (false, false) => r#""isIndexed":false,"isOptional":false,"type":""#,
        (false, true) => r#""isIndexed":false,"isOptional":true,"type":""#,
        (true, false) => r#""isIndexed":true,"isOptional":false,"type":""#,
        (true, true) => r#""isIndexed":true,"isOptional":true,"type":""#,
    });
    out.push_str(field.kind.as_str());
    out.push_str("\"}");
}

/// Writes a name, which needs no escapes.
fn write_identifier(name: &impl Identifier, out: &mut String) {
    let name = name.identifier();
    out.reserve(name.len() + 2);
    out.push('"');
    out.push_str(name);
    out.push('"');
}

fn write_values(kind: &FieldKind, out: &mut String) {
    out.push('[');
    // Only enums have values: a rule ensures it.
    if let FieldKind::Enum(values) = kind {
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write_string(value, out);
        }
    }
    out.push(']');
}

fn write_relations(model: &Model, order: Order, out: &mut String) {
    let mut relations: Vec<_> = model.relations.iter().collect();
    if order == Order::Sorted {
        relations.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let mut object = ObjectWriter::new(out);
    for relation in relations {
        write_relation(relation, order, object.identifier(relation.name.as_str()));
    }
    object.end();
}

fn write_relation(relation: &Relation, order: Order, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    for &name in in_order(order, &RELATION_MEMBERS, &SORTED_RELATION_MEMBERS) {
        match name {
            "type" => write_string(relation.kind.as_str(), object.known(name)),
            "target" => write_identifier(&relation.target, object.known(name)),
            "foreignKey" => write_identifier(&relation.foreign_key, object.known(name)),
            "foreignKeyColumn" => write_string(&relation.foreign_key_column, object.known(name)),
            "options" => {
                if let Some(options) = &relation.options_authored {
                    options.write(order, object.known(name));
                }
            }
            _ => {
                if let Some(order_by) = &relation.order_by {
                    write_string(order_by.as_str(), object.known(name));
                }
            }
        }
    }
    object.end();
}
