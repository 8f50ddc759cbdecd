//! Compares two validated schemas member by member.
//!
//! Only meaning is compared: members with default values may be missing.

use super::Difference;
use ablo_schema::schema::{Field, Model, Relation, Role, Schema};
use ablo_schema::value::Value;

/// Returns everything that is missing or different in `after`.
pub(super) fn differences(before: &Schema, after: &Schema) -> Vec<Difference> {
    let mut found = Differences(Vec::new());
    if before
        .models()
        .iter()
        .map(|model| &model.key)
        .ne(after.models().iter().map(|model| &model.key))
    {
        found.add("/models", "the models in their order");
    }
    for model in before.models() {
        if let Some(other) = after.model(model.key.as_str()) {
            compare_models(model, other, &mut found);
        }
    }
    if !same_roles(before.identity_roles(), after.identity_roles()) {
        found.add("/identityRoles", "the identity roles");
    }
    found.0
}

struct Differences(Vec<Difference>);

impl Differences {
    fn add(&mut self, pointer: &str, what: &str) {
        self.0.push(Difference {
            pointer: pointer.to_owned(),
            message: format!("Rust source cannot express {what}"),
        });
    }

    /// Adds the members that are not equal.
    fn members(&mut self, pointer: &str, owner: &str, members: &[(&str, bool)]) {
        for (name, _) in members.iter().filter(|(_, same)| !same) {
            self.add(&format!("{pointer}/{name}"), &format!("`{name}` of `{owner}`"));
        }
    }
}

fn compare_models(a: &Model, b: &Model, found: &mut Differences) {
    let key = a.key.as_str();
    let at = format!("/models/{key}");
    for field in &a.fields {
        let (at, owner) = (format!("{at}/fields/{}", field.name), format!("{key}.{}", field.name));
        match b.field(field.name.as_str()) {
            Some(other) => compare_fields(field, other, &at, &owner, found),
            None => found.add(&at, &format!("the field `{owner}`")),
        }
    }
    for relation in &a.relations {
        let (at, owner) =
            (format!("{at}/relations/{}", relation.name), format!("{key}.{}", relation.name));
        match b.relation(relation.name.as_str()) {
            Some(other) => compare_relations(relation, other, &at, &owner, found),
            None => found.add(&at, &format!("the relation `{owner}`")),
        }
    }
    let orders = [
        (
            "fields",
            in_order(a.fields.iter().map(|one| &one.name), b.fields.iter().map(|one| &one.name)),
        ),
        (
            "relations",
            in_order(
                a.relations.iter().map(|one| &one.name),
                b.relations.iter().map(|one| &one.name),
            ),
        ),
    ];
    for (name, _) in orders.iter().filter(|(_, same)| !same) {
        found.add(&format!("{at}/{name}"), &format!("the order of the {name} of `{key}`"));
    }
    let members = [
        ("load", a.load == b.load),
        ("typename", a.type_name == b.type_name),
        ("tableName", a.table == b.table),
        ("tenancy", a.tenancy == b.tenancy),
        ("plane", a.plane == b.plane),
        ("scope", a.scope_kind() == b.scope_kind()),
        ("grants", a.grants == b.grants),
        ("entityRoles", same_roles(&a.entity_roles, &b.entity_roles)),
        ("bootstrapLimit", a.bootstrap_limit == b.bootstrap_limit),
        ("bootstrapOrderBy", a.bootstrap_order_by == b.bootstrap_order_by),
        ("mutable", a.mutable == b.mutable),
        ("lazyObservable", a.lazy_observable == b.lazy_observable),
        ("persist", a.persist_store == b.persist_store),
        ("autoFill", a.auto_fill == b.auto_fill),
        ("requiredFields", a.required_fields == b.required_fields),
    ];
    found.members(&at, key, &members);
}

/// Returns whether the names in both lists have the same order. Missing names are reported
/// separately.
fn in_order<'n, T: PartialEq + 'n>(
    a: impl Iterator<Item = &'n T>,
    b: impl Iterator<Item = &'n T>,
) -> bool {
    let mut a = a;
    // All names of `b` are in `a`.
    b.into_iter().all(|name| a.any(|other| other == name))
}

fn compare_fields(a: &Field, b: &Field, at: &str, owner: &str, found: &mut Differences) {
    let members = [
        ("type", a.kind == b.kind),
        ("isOptional", a.optional == b.optional),
        ("isIndexed", a.indexed == b.indexed),
        ("column", a.column == b.column),
    ];
    found.members(at, owner, &members);
    let is_default = |name: &str, value: &Value| {
        matches!((name, value), ("deprecated" | "unique" | "secret", Value::Bool(false)))
    };
    // Extra members that are not facets are compared too, because the author uses them.
    for (name, value) in a.extras().filter(|(name, value)| !is_default(name, value)) {
        let same = b.extras().any(|(other, found)| other == name && found.is_equivalent(value));
        found.members(at, owner, &[(name, same)]);
    }
}

fn compare_relations(a: &Relation, b: &Relation, at: &str, owner: &str, found: &mut Differences) {
    let members = [
        ("type", a.kind == b.kind),
        ("target", a.target == b.target),
        ("foreignKey", a.foreign_key == b.foreign_key),
        ("foreignKeyColumn", a.foreign_key_column == b.foreign_key_column),
        ("options", a.options == b.options),
        ("orderBy", a.order_by == b.order_by),
    ];
    found.members(at, owner, &members);
}

fn same_roles(a: &[Role], b: &[Role]) -> bool {
    a.iter()
        .map(|role| (&role.kind, &role.source))
        .eq(b.iter().map(|role| (&role.kind, &role.source)))
}
