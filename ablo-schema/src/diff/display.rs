//! Steps as text for people: one line each.

use super::step::{FieldChanges, RelationChange, Step};
use crate::schema::{Field, GroupKind, Tenancy};
use std::fmt::{self, Display, Formatter};

/// Writes the step on one line without the name of the model. Names and values of the author are
/// quoted and escaped.
impl Display for Step<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Step::CreateModel { model } => {
                write!(f, "is added with table {:?}", model.table.as_str())
            }
            Step::RenameModel { from, .. } => write!(f, "is renamed from `{}`", from.key),
            Step::DropModel { model } => {
                write!(f, "is dropped with table {:?}", model.table.as_str())
            }
            Step::AddField { field, .. } => {
                write!(f, "`{}` is added: {}", field.name, FieldSummary(field))
            }
            Step::RenameField { from, to, .. } => {
                write!(f, "`{}` is renamed from `{}`", to.name, from.name)
            }
            Step::AlterField { to, changes, .. } => {
                write!(f, "`{}` {}", to.name, ChangesSummary(changes))
            }
            Step::DropField { field, .. } => write!(f, "`{}` is dropped", field.name),
            Step::AlterTable { from, to, .. } => {
                write!(f, "table {:?}, previously {:?}", to.as_str(), from.as_str())
            }
            Step::AlterTypeName { from, to, .. } => {
                write!(f, "typename `{to}`, previously `{from}`")
            }
            Step::AlterPlane { from, to, .. } => {
                write!(f, "moves from the {} plane to the {} plane", from.as_str(), to.as_str())
            }
            Step::AlterTenancy { from, to, .. } => {
                write!(f, "is isolated {}, previously {}", TenancySummary(to), TenancySummary(from))
            }
            Step::AlterLoad { from, to, .. } => {
                write!(f, "loads {}, previously {}", to.as_str(), from.as_str())
            }
            Step::AlterMutable { to: true, .. } => f.write_str("is now writable by clients"),
            Step::AlterMutable { to: false, .. } => f.write_str("is no longer writable by clients"),
            Step::AlterScope { from, to, .. } => {
                let group = |kind: &Option<GroupKind>| {
                    kind.as_ref().map_or_else(
                        || "no sync groups".to_owned(),
                        |kind| format!("sync groups `{kind}:…`"),
                    )
                };
                write!(f, "forms {}, previously {}", group(to), group(from))
            }
            Step::AlterGrants { to: None, .. } => f.write_str("no longer grants memberships"),
            Step::AlterGrants { to: Some(to), .. } => {
                write!(f, "grants `{}` membership of `{}`", to.subject, to.scope)
            }
            Step::AlterRoles { model: Some(_), .. } => f.write_str("entity roles change"),
            Step::AlterRoles { model: None, .. } => f.write_str("identity roles change"),
            Step::AlterFacet { to, change, .. } => {
                let shown = |value: &Option<crate::value::Value>| {
                    let text = value
                        .as_ref()
                        .map_or_else(|| "nothing".to_owned(), crate::value::Value::to_json);
                    if text.chars().count() > 60 {
                        text.chars().take(59).chain(['…']).collect()
                    } else {
                        text
                    }
                };
                write!(
                    f,
                    "`{}` has {:?} {}, previously {}",
                    to.name,
                    change.facet,
                    shown(&change.to),
                    shown(&change.from)
                )?;
                change.cast.map_or(Ok(()), |cast| write!(f, " ({})", cast.as_str()))
            }
            Step::ReorderEnum { field, .. } => {
                write!(f, "`{}` has its values reordered", field.name)
            }
            Step::AlterRelation { change, .. } => {
                let name = &change.relation().name;
                match change {
                    RelationChange::Added(to) => {
                        write!(f, "relation `{name}` to `{}` is added", to.target)
                    }
                    RelationChange::Removed(_) => write!(f, "relation `{name}` is dropped"),
                    RelationChange::Changed { .. } => write!(f, "relation `{name}` changes"),
                }
            }
            Step::AlterHint { change, .. } => {
                write!(
                    f,
                    "`{}` is {}, previously {}",
                    change.hint,
                    change.to.to_json(),
                    change.from.to_json()
                )
            }
        }
    }
}

/// A short description of a field.
struct FieldSummary<'f>(&'f Field);

impl Display for FieldSummary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let field = self.0;
        write!(f, "{}, {}", field.kind.as_str(), nullability(field.optional))?;
        if field.indexed { f.write_str(", indexed") } else { Ok(()) }
    }
}

fn nullability(optional: bool) -> &'static str {
    if optional { "optional" } else { "required" }
}

struct ChangesSummary<'c, 's>(&'c FieldChanges<'s>);

impl Display for ChangesSummary<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let FieldChanges { column, kind, optional, enum_values, indexed } = self.0;
        let mut parts = Vec::new();
        if let Some((from, to)) = column {
            parts.push(format!("has column `{to}`, previously `{from}`"));
        }
        if let Some((from, to, cast)) = kind {
            parts.push(format!(
                "is {}, previously {} ({})",
                to.as_str(),
                from.as_str(),
                cast.as_str()
            ));
        }
        if let Some((_, to)) = optional {
            parts.push(format!("is {}", nullability(*to)));
        }
        if let Some(values) = enum_values {
            let listed = |sign: char, values: &[&str]| -> Vec<String> {
                values.iter().map(|value| format!("{sign}{value:?}")).collect()
            };
            let all: Vec<String> =
                [listed('+', &values.added), listed('-', &values.removed)].concat();
            parts.push(format!("has values {}", all.join(" ")));
        }
        if let Some((_, to)) = indexed {
            parts.push((if *to { "is indexed" } else { "is no longer indexed" }).to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}

struct TenancySummary<'t>(&'t Tenancy);

impl Display for TenancySummary<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Tenancy::Column { column } => write!(f, "by column `{column}`"),
            Tenancy::Parent { local_key, parent_table, .. } => {
                write!(f, "through {:?} by `{local_key}`", parent_table.as_str())
            }
            Tenancy::None => f.write_str("not at all"),
        }
    }
}
