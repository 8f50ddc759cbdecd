//! Steps as JSON, in the format of the reference; our own steps follow its style.

use super::step::{FieldChanges, RelationChange, Step};
use crate::schema::{Field, FieldKind, FieldMember, Grants, Relation, Role, Tenancy};
use crate::value::{Members, Value};

impl Step<'_> {
    /// Returns the step as JSON, with members in the order of the reference.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut out = Object::default();
        out.text("kind", self.kind());
        match self {
            Step::RenameModel { from, to } => {
                out.text("from", from.key.as_str()).text("to", to.key.as_str())
            }
            Step::RenameField { model, from, to } => out
                .text("model", model.key.as_str())
                .text("from", from.name.as_str())
                .text("to", to.name.as_str()),
            Step::CreateModel { .. }
            | Step::AddField { .. }
            | Step::AlterField { .. }
            | Step::DropField { .. }
            | Step::DropModel { .. }
            | Step::AlterTable { .. }
            | Step::AlterTypeName { .. }
            | Step::AlterPlane { .. }
            | Step::AlterTenancy { .. }
            | Step::AlterLoad { .. }
            | Step::AlterMutable { .. }
            | Step::AlterScope { .. }
            | Step::AlterGrants { .. }
            | Step::AlterRoles { .. }
            | Step::AlterFacet { .. }
            | Step::ReorderEnum { .. }
            | Step::AlterRelation { .. }
            | Step::AlterHint { .. } => {
                if let Some(model) = self.model() {
                    out.text("model", model);
                }
                if let Some(field) = self.field() {
                    out.text("field", field);
                }
                self.detail(&mut out)
            }
        };
        out.value()
    }

    /// Writes the members after the names.
    fn detail<'o>(&self, out: &'o mut Object) -> &'o mut Object {
        match self {
            Step::CreateModel { model } | Step::DropModel { model } => {
                out.text("tableName", model.table.as_str())
            }
            Step::AddField { field, .. } => out.put("meta", meta(field)),
            Step::AlterField { changes, .. } => out.put("changes", changes.to_value()),
            Step::AlterTable { from, to, .. } => {
                out.text("from", from.as_str()).text("to", to.as_str())
            }
            Step::AlterTypeName { from, to, .. } => {
                out.text("from", from.as_str()).text("to", to.as_str())
            }
            Step::AlterPlane { from, to, .. } => {
                out.text("from", from.as_str()).text("to", to.as_str())
            }
            Step::AlterTenancy { from, to, .. } => {
                out.put("from", tenancy(from)).put("to", tenancy(to))
            }
            Step::AlterLoad { from, to, .. } => {
                out.text("from", from.as_str()).text("to", to.as_str())
            }
            Step::AlterMutable { to, .. } => {
                out.put("from", Value::Bool(!to)).put("to", Value::Bool(*to))
            }
            Step::AlterScope { from, to, .. } => {
                let kind = |kind: &Option<crate::schema::GroupKind>| {
                    kind.as_ref().map_or(Value::Null, |kind| text(kind.as_str()))
                };
                out.put("from", kind(from)).put("to", kind(to))
            }
            Step::AlterGrants { from, to, .. } => {
                out.put("from", grants(*from)).put("to", grants(*to))
            }
            Step::AlterRoles { from, to, .. } => out.put("from", roles(from)).put("to", roles(to)),
            Step::AlterFacet { change, .. } => {
                let or_null = |value: &Option<Value>| value.clone().unwrap_or(Value::Null);
                out.text("facet", change.facet)
                    .put("from", or_null(&change.from))
                    .put("to", or_null(&change.to));
                match change.cast {
                    Some(cast) => out.text("cast", cast.as_str()),
                    None => out,
                }
            }
            Step::ReorderEnum { from, to, .. } => out.put("from", texts(from)).put("to", texts(to)),
            Step::AlterRelation { change, .. } => relation_change(change, out),
            Step::AlterHint { change, .. } => out
                .text("hint", change.hint)
                .put("from", change.from.clone())
                .put("to", change.to.clone()),
            Step::RenameModel { .. } | Step::RenameField { .. } | Step::DropField { .. } => out,
        }
    }
}

impl FieldChanges<'_> {
    fn to_value(&self) -> Value {
        let mut out = Object::default();
        if let Some((from, to)) = self.column {
            out.put("column", pair("from", text(from.as_str()), "to", text(to.as_str())));
        }
        if let Some((from, to, cast)) = self.kind {
            let mut kind = Object::default();
            kind.text("from", from.as_str()).text("to", to.as_str()).text("cast", cast.as_str());
            out.put("type", kind.value());
        }
        if let Some((from, to)) = self.optional {
            out.put(
                "nullability",
                pair("fromOptional", Value::Bool(from), "toOptional", Value::Bool(to)),
            );
        }
        if let Some(values) = &self.enum_values {
            out.put(
                "enumValues",
                pair("added", texts(&values.added), "removed", texts(&values.removed)),
            );
        }
        if let Some((from, to)) = self.indexed {
            out.put("indexed", pair("from", Value::Bool(from), "to", Value::Bool(to)));
        }
        out.value()
    }
}

/// A JSON object under construction.
#[derive(Debug, Default)]
pub(super) struct Object(Members);

impl Object {
    pub(super) fn put(&mut self, name: &'static str, value: Value) -> &mut Self {
        self.0.push((name.into(), value));
        self
    }

    pub(super) fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.put(name, text(value))
    }

    pub(super) fn value(self) -> Value {
        Value::Object(self.0)
    }
}

pub(super) fn text(value: &str) -> Value {
    Value::String(value.into())
}

pub(super) fn texts<T: AsRef<str>>(values: &[T]) -> Value {
    Value::Array(values.iter().map(|value| text(value.as_ref())).collect())
}

fn pair(first: &'static str, one: Value, second: &'static str, other: Value) -> Value {
    Value::Object(vec![(first.into(), one), (second.into(), other)])
}

/// Returns a field as in the document.
fn meta(field: &Field) -> Value {
    let member = |member: &FieldMember| {
        let value = match member {
            FieldMember::Type => text(field.kind.as_str()),
            FieldMember::IsOptional => Value::Bool(field.optional),
            FieldMember::IsIndexed => Value::Bool(field.indexed),
            FieldMember::Column => text(field.column.as_str()),
            FieldMember::EnumValues => match &field.kind {
                FieldKind::Enum(values) => texts(values),
                _ => Value::Null,
            },
            FieldMember::Extra(member) => return (member.0.clone(), member.1.clone()),
        };
        (member.name().to_owned().into(), value)
    };
    Value::Object(field.members.iter().map(member).collect())
}

pub(super) fn tenancy(tenancy: &Tenancy) -> Value {
    let mut out = Object::default();
    match tenancy {
        Tenancy::Column { column } => out.text("kind", "column").text("column", column.as_str()),
        Tenancy::Parent { local_key, parent_table, parent_key, parent_org_column } => {
            let mut via = Object::default();
            via.text("localKey", local_key.as_str())
                .text("parentTable", parent_table.as_str())
                .text("parentKey", parent_key.as_str())
                .text("parentOrgColumn", parent_org_column.as_str());
            out.text("kind", "parent").put("via", via.value())
        }
        Tenancy::None => out.text("kind", "none"),
    };
    out.value()
}

fn grants(grants: Option<&Grants>) -> Value {
    let Some(grants) = grants else { return Value::Null };
    let mut out = Object::default();
    out.text("subject", grants.subject.as_str()).text("scope", grants.scope.as_str());
    out.value()
}

fn roles(roles: &[Role]) -> Value {
    let role = |role: &Role| {
        let source =
            pair("field", text(&role.source.field), "multi", Value::Bool(role.source.multi));
        pair("kind", text(role.kind.as_str()), "source", source)
    };
    Value::Array(roles.iter().map(role).collect())
}

fn relation_change<'o>(change: &RelationChange<'_>, out: &'o mut Object) -> &'o mut Object {
    out.text("relation", change.relation().name.as_str());
    match change {
        RelationChange::Added(to) => out.text("change", "added").put("to", relation(to)),
        RelationChange::Removed(from) => out.text("change", "removed").put("from", relation(from)),
        RelationChange::Changed { from, to } => {
            out.text("change", "changed").put("from", relation(from)).put("to", relation(to))
        }
    }
}

fn relation(relation: &Relation) -> Value {
    let mut out = Object::default();
    out.text("type", relation.kind.as_str())
        .text("target", relation.target.as_str())
        .text("foreignKey", relation.foreign_key.as_str())
        .text("foreignKeyColumn", &relation.foreign_key_column);
    let set: Members = relation
        .options
        .named()
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| (name.into(), Value::Bool(true)))
        .collect();
    if !set.is_empty() {
        out.put("options", Value::Object(set));
    }
    if let Some(order) = &relation.order_by {
        out.text("orderBy", order.as_str());
    }
    out.value()
}
