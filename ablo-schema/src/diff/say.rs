//! Steps in words: one line each, for people.

use super::step::{Changes, RelationChange, Step};
use crate::schema::{Field, GroupKind, Tenancy};
use std::fmt::{self, Display, Formatter};

/// What happens, on one line and without the model's name; whatever an author wrote is quoted and escaped.
impl Display for Step<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Step::CreateModel { model } => {
                write!(f, "is new, with table {:?}", model.table.as_str())
            }
            Step::RenameModel { from, .. } => write!(f, "was `{}`", from.key),
            Step::DropModel { model } => {
                write!(f, "is dropped, with table {:?}", model.table.as_str())
            }
            Step::AddField { field, .. } => write!(f, "`{}` is new: {}", field.name, Said(field)),
            Step::RenameField { from, to, .. } => write!(f, "`{}` was `{}`", to.name, from.name),
            Step::AlterField { to, changes, .. } => {
                write!(f, "`{}` {}", to.name, SaidChanges(changes))
            }
            Step::DropField { field, .. } => write!(f, "`{}` is dropped", field.name),
            Step::AlterTable { from, to, .. } => {
                write!(f, "has table {:?}, not {:?}", to.as_str(), from.as_str())
            }
            Step::AlterTypeName { from, to, .. } => {
                write!(f, "is `{to}` on the wire, not `{from}`")
            }
            Step::AlterPlane { from, to, .. } => {
                write!(f, "moves from the {} plane to the {} plane", from.as_str(), to.as_str())
            }
            Step::AlterTenancy { from, to, .. } => {
                write!(f, "is isolated {}, not {}", Isolated(to), Isolated(from))
            }
            Step::AlterLoad { from, to, .. } => {
                write!(f, "loads {}, not {}", to.as_str(), from.as_str())
            }
            Step::AlterMutable { to: true, .. } => f.write_str("may be written by clients"),
            Step::AlterMutable { to: false, .. } => {
                f.write_str("may no longer be written by clients")
            }
            Step::AlterScope { from, to, .. } => {
                let group = |kind: &Option<GroupKind>| {
                    kind.as_ref()
                        .map_or_else(|| "no groups".to_owned(), |kind| format!("groups `{kind}:…`"))
                };
                write!(f, "forms {}, not {}", group(to), group(from))
            }
            Step::AlterGrants { to: None, .. } => f.write_str("gives no membership any more"),
            Step::AlterGrants { to: Some(to), .. } => {
                write!(f, "gives `{}` a membership of `{}`", to.subject, to.scope)
            }
            Step::AlterRoles { model: Some(_), .. } => f.write_str("has other roles of rows"),
            Step::AlterRoles { model: None, .. } => f.write_str("the roles of identities change"),
            Step::AlterFacet { to, change, .. } => {
                let said = |value: &Option<crate::value::Value>| {
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
                    "`{}` has {:?} {}, not {}",
                    to.name,
                    change.facet,
                    said(&change.to),
                    said(&change.from)
                )?;
                change.cast.map_or(Ok(()), |cast| write!(f, " ({})", cast.as_str()))
            }
            Step::ReorderEnum { field, .. } => {
                write!(f, "`{}` has its values in another order", field.name)
            }
            Step::AlterRelation { change, .. } => {
                let name = &change.relation().name;
                match change {
                    RelationChange::Added(to) => {
                        write!(f, "relation `{name}` to `{}` is new", to.target)
                    }
                    RelationChange::Removed(_) => write!(f, "relation `{name}` is dropped"),
                    RelationChange::Changed { .. } => write!(f, "relation `{name}` changes"),
                }
            }
            Step::AlterHint { change, .. } => {
                write!(
                    f,
                    "has `{}` {}, not {}",
                    change.hint,
                    change.to.to_json(),
                    change.from.to_json()
                )
            }
        }
    }
}

/// A field in a few words.
struct Said<'f>(&'f Field);

impl Display for Said<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let field = self.0;
        write!(f, "{}, {}", field.kind.as_str(), nullability(field.optional))?;
        if field.indexed { f.write_str(", indexed") } else { Ok(()) }
    }
}

fn nullability(optional: bool) -> &'static str {
    if optional { "optional" } else { "required" }
}

struct SaidChanges<'c, 's>(&'c Changes<'s>);

impl Display for SaidChanges<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Changes { column, kind, optional, enum_values, indexed } = self.0;
        let mut parts = Vec::new();
        if let Some((from, to)) = column {
            parts.push(format!("has column `{to}`, not `{from}`"));
        }
        if let Some((from, to, cast)) = kind {
            parts.push(format!("is {}, not {} ({})", to.as_str(), from.as_str(), cast.as_str()));
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

struct Isolated<'t>(&'t Tenancy);

impl Display for Isolated<'_> {
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
