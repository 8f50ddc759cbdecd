//! Compares facets, which the reference does not know.
//!
//! Returns one change for each facet whose meaning differs.

use super::cast::Cast;
use super::json::text;
use super::step::FacetChange;
use crate::schema::{Facets, Field, FieldMember, Format};
use crate::value::Value;
use std::collections::BTreeSet;

/// Facets that are compared by [`crate::schema::Facets`] instead of by member.
const READ: [&str; 11] = [
    "columnType",
    "format",
    "precision",
    "scale",
    "default",
    "unique",
    "secret",
    "deprecated",
    "renamedFrom",
    "number",
    "relative",
];

pub(super) fn changes<'s>(from: &'s Field, to: &'s Field) -> Vec<FacetChange<'s>> {
    let mut all = Vec::new();
    // Most fields have no facets.
    if extras(from).next().is_none() && extras(to).next().is_none() && from.name == to.name {
        return all;
    }
    let (before, after) = (&from.facets, &to.facets);
    if before.format != after.format {
        let cast = (from.kind.as_str() == to.kind.as_str()).then(|| Cast::of_fields(from, to));
        all.push(FacetChange { facet: "format", from: format_of(from), to: format_of(to), cast });
    } else if before.format.is_none() {
        // Formats that only other tools know.
        compare("format", extra(from, "format").cloned(), extra(to, "format").cloned(), &mut all);
    }
    if before.column_type != after.column_type {
        let cast = (from.kind.as_str() == to.kind.as_str()).then(|| Cast::of_columns(from, to));
        let spelled = |field: &Field| extra(field, "columnType").cloned();
        let (from, to) = (spelled(from), spelled(to));
        all.push(FacetChange { facet: "columnType", from, to, cast });
    }
    let flag = |set: bool| set.then_some(Value::Bool(true));
    compare("unique", flag(before.unique), flag(after.unique), &mut all);
    compare("secret", flag(before.secret), flag(after.secret), &mut all);
    compare("default", before.default.clone(), after.default.clone(), &mut all);
    compare("deprecated", deprecated(from), deprecated(to), &mut all);
    compare("relative", relative(before), relative(after), &mut all);
    if from.wire_number() != to.wire_number() {
        let number = |field: &Field| Some(Value::Number(f64::from(field.wire_number())));
        all.push(FacetChange { facet: "number", from: number(from), to: number(to), cast: None });
    } else if before.number != after.number {
        let number = |number: Option<u32>| number.map(|number| Value::Number(f64::from(number)));
        compare("number", number(before.number), number(after.number), &mut all);
    }
    if from.name == to.name {
        let old = |field: &Field| field.facets.renamed_from.as_ref().map(|old| text(old.as_str()));
        compare("renamedFrom", old(from), old(to), &mut all);
    }
    let others: BTreeSet<&str> = extras(from).chain(extras(to)).map(|(name, _)| name).collect();
    for name in others.into_iter().filter(|name| !READ.contains(name)) {
        compare(name, extra(from, name).cloned(), extra(to, name).cloned(), &mut all);
    }
    all
}

fn compare<'s>(
    facet: &'s str,
    from: Option<Value>,
    to: Option<Value>,
    all: &mut Vec<FacetChange<'s>>,
) {
    let same = match (&from, &to) {
        (Some(from), Some(to)) => from.is_equivalent(to),
        (None, None) => true,
        _ => false,
    };
    if !same {
        all.push(FacetChange { facet, from, to, cast: None });
    }
}

/// Iterates over the members that Schema JSON v3 does not define.
fn extras(field: &Field) -> impl Iterator<Item = (&str, &Value)> {
    field.members.iter().filter_map(|member| match member {
        FieldMember::Extra(member) => Some((member.0.as_ref(), &member.1)),
        _ => None,
    })
}

fn extra<'s>(field: &'s Field, name: &str) -> Option<&'s Value> {
    extras(field).find(|(one, _)| *one == name).map(|(_, value)| value)
}

fn format_of(field: &Field) -> Option<Value> {
    let format = field.facets.format?;
    Some(match format {
        Format::Decimal { digits: Some((precision, scale)) } => {
            text(&format!("decimal({precision},{scale})"))
        }
        other => text(other.as_str()),
    })
}

/// Returns the relative operations as a list, or `None` if there are none.
fn relative(facets: &Facets) -> Option<Value> {
    let words = facets.relative.iter().map(|operation| text(operation.as_str()));
    (!facets.relative.is_empty()).then(|| Value::Array(words.collect()))
}

fn deprecated(field: &Field) -> Option<Value> {
    let deprecated = field.facets.deprecated.as_ref()?;
    Some(deprecated.note.as_deref().map_or(Value::Bool(true), text))
}
