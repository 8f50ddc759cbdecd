//! The canonical text of a schema: byte for byte what the reference writes after reading it.
//!
//! The *sorted* text has the same members in UTF-16 order; hashes are computed over it.

use crate::schema::{
    Field, FieldKind, FieldMember, MODEL_MEMBERS, Model, RELATION_MEMBERS, Relation, Role, Schema,
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
    for part in in_order(order, ["v", "models", "identityRoles"]) {
        match part {
            "v" => document.member("v").push('3'),
            "models" => {
                let mut models: Vec<&Model> = schema.models.iter().collect();
                if order == Order::Sorted {
                    models.sort_by(|a, b| utf16_order(a.key.as_str(), b.key.as_str()));
                }
                let mut object = ObjectWriter::new(document.member("models"));
                models
                    .into_iter()
                    .for_each(|model| write_model(model, order, object.member(model.key.as_str())));
                object.end();
            }
            _ => write_roles(&schema.identity_roles, order, document.member("identityRoles")),
        }
    }
    document.end();
}

fn in_order<const N: usize>(order: Order, mut names: [&'static str; N]) -> [&'static str; N] {
    if order == Order::Sorted {
        names.sort_unstable();
    }
    names
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
    for name in in_order(order, MODEL_MEMBERS) {
        let value = match name {
            "fields" => {
                write_fields(model, order, object.member(name));
                continue;
            }
            "relations" => {
                write_relations(model, order, object.member(name));
                continue;
            }
            "load" if authored.load => {
                write_string(model.load.as_str(), object.member(name));
                continue;
            }
            "typename" => {
                write_string(model.type_name.as_str(), object.member(name));
                continue;
            }
            "tableName" if authored.table_name => {
                write_string(model.table.as_str(), object.member(name));
                continue;
            }
            "plane" => {
                write_string(model.plane.as_str(), object.member(name));
                continue;
            }
            "bootstrapOrderBy" => {
                if let Some(order_by) = &model.bootstrap_order_by {
                    write_string(order_by, object.member(name));
                }
                continue;
            }
            "mutable" | "lazyObservable" => {
                let flag =
                    if name == "mutable" { authored.mutable } else { authored.lazy_observable };
                if let Some(flag) = flag {
                    write_bool(flag, object.member(name));
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
            value.write(order, object.member(name));
        }
    }
    object.end();
}

fn write_fields(model: &Model, order: Order, out: &mut String) {
    let mut fields: Vec<_> = model.fields.iter().collect();
    if order == Order::Sorted {
        fields.sort_by(|a, b| utf16_order(a.name.as_str(), b.name.as_str()));
    }
    let mut object = ObjectWriter::new(out);
    let mut scratch = Vec::new();
    for field in fields {
        write_field(field, order, &mut scratch, object.member(field.name.as_str()));
    }
    object.end();
}

fn write_field(field: &Field, order: Order, scratch: &mut Vec<usize>, out: &mut String) {
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
            FieldMember::Column => write_string(field.column.as_str(), out),
            FieldMember::EnumValues => write_values(&field.kind, out),
            FieldMember::Extra(extra) => extra.1.write(order, out),
        }
    }
    object.end();
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
        relations.sort_by(|a, b| utf16_order(a.name.as_str(), b.name.as_str()));
    }
    let mut object = ObjectWriter::new(out);
    for relation in relations {
        write_relation(relation, order, object.member(relation.name.as_str()));
    }
    object.end();
}

fn write_relation(relation: &Relation, order: Order, out: &mut String) {
    let mut object = ObjectWriter::new(out);
    for name in in_order(order, RELATION_MEMBERS) {
        match name {
            "type" => write_string(relation.kind.as_str(), object.member(name)),
            "target" => write_string(relation.target.as_str(), object.member(name)),
            "foreignKey" => write_string(relation.foreign_key.as_str(), object.member(name)),
            "foreignKeyColumn" => write_string(&relation.foreign_key_column, object.member(name)),
            "options" => {
                if let Some(options) = &relation.options_authored {
                    options.write(order, object.member(name));
                }
            }
            _ => {
                if let Some(order_by) = &relation.order_by {
                    write_string(order_by.as_str(), object.member(name));
                }
            }
        }
    }
    object.end();
}
