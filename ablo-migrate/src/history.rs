//! Where a schema stands in the history of a database: the schemas in its ledger, oldest first.
//!
//! A schema that differs from the newest one is not simply ahead of it: it may be an older one, one
//! that was made from an older one, or that of another application.

use crate::codes;
use crate::error::{Error, Finding, Result};
use crate::ledger::Entry;
use crate::plan::{SchemaOrigin, read_schema};
use ablo_schema::diff::compat::{CompatFinding, Rule};
use ablo_schema::diff::{self, Diff, Hints, Step};
use ablo_schema::{Hashes, Schema};
use std::collections::BTreeSet;

/// Where a schema stands in the history of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The database has no history.
    Unrecorded,
    /// It is the newest schema.
    Same,
    /// It leads on from the newest schema.
    Ahead,
    /// It is an older schema.
    Behind {
        /// The last entry of the ledger with this schema.
        entry: i64,
        /// The later changes that affect its rows or operations. Without any, it can be served.
        changes: Vec<String>,
    },
    /// It was made from an older schema, and takes later changes back.
    Branched {
        /// The first entry of the ledger with one of these changes.
        entry: i64,
        /// The changes that it takes back.
        changes: Vec<String>,
    },
    /// It has no model in common with the newest schema.
    Unrelated,
}

impl Standing {
    /// Returns whether the tables can be served as they are.
    #[must_use]
    pub fn is_served(&self) -> bool {
        match self {
            Standing::Same => true,
            Standing::Behind { changes, .. } => changes.is_empty(),
            Standing::Unrecorded
            | Standing::Ahead
            | Standing::Branched { .. }
            | Standing::Unrelated => false,
        }
    }

    /// Returns why the tables can neither be served as they are nor be migrated without a plan.
    #[must_use]
    pub fn refusal(&self) -> Option<Error> {
        let (code, message) = match self {
            Standing::Behind { entry, changes } if !changes.is_empty() => {
                let message = format!(
                    "the schema is that of entry {entry} of the ledger, and the database was \
                     migrated on: {}",
                    changes.join("; ")
                );
                (codes::SCHEMA_BEHIND, message)
            }
            Standing::Branched { entry, changes } => {
                let message = format!(
                    "the schema takes back what entry {entry} of the ledger or a later one did: {}",
                    changes.join("; ")
                );
                (codes::SCHEMA_BRANCHED, message)
            }
            Standing::Unrelated => {
                let message = "the schema has no model in common with that of the database";
                return Some(Finding::new(codes::SCHEMA_UNRELATED, message).into());
            }
            Standing::Unrecorded | Standing::Same | Standing::Ahead | Standing::Behind { .. } => {
                return None;
            }
        };
        Some(Finding::new(code, message).into())
    }
}

/// Compares a schema with the entries of a ledger, oldest first.
///
/// # Errors
/// `ablo::ledger::schema_invalid` if the newest schema cannot be read. Older ones that cannot are
/// compared by their hash only.
pub fn standing(schema: &Schema, entries: &[Entry]) -> Result<Standing> {
    let Some((head, earlier)) = entries.split_last() else { return Ok(Standing::Unrecorded) };
    let own = Hashes::of(schema).content.to_string();
    if head.record.to == own {
        return Ok(Standing::Same);
    }
    let newest = read_schema(&head.record.schema, SchemaOrigin::Ledger)?;
    let onward = between(schema, &newest)?;
    let behind = |entry: &Entry| Standing::Behind { entry: entry.id, changes: changes(&onward) };
    if let Some(entry) = earlier.iter().rev().find(|entry| entry.record.to == own) {
        return Ok(behind(entry));
    }
    if !schema.models().is_empty() && !newest.models().is_empty() && !is_related(&onward) {
        return Ok(Standing::Unrelated);
    }
    if is_same_version(schema, &newest)? {
        return Ok(Standing::Ahead);
    }
    let mut taken_back = None;
    for entry in earlier.iter().rev() {
        let Ok(old) = read_schema(&entry.record.schema, SchemaOrigin::Ledger) else { continue };
        if is_same_version(schema, &old)? {
            return Ok(behind(entry));
        }
        let changes = taken_back_by(schema, &old, &newest)?;
        if !changes.is_empty() {
            taken_back = Some((entry.id, changes));
        }
    }
    let Some((before, changes)) = taken_back else { return Ok(Standing::Ahead) };
    let after = entries.iter().find(|entry| entry.id > before).unwrap_or(head);
    Ok(Standing::Branched { entry: after.id, changes })
}

/// Compares two schemas of one history.
fn between<'s>(prev: &'s Schema, next: &'s Schema) -> Result<Diff<'s>> {
    diff::diff(Some(prev), next, &Hints::default())
        .map_err(|faults| Finding::new(codes::LEDGER_SCHEMA_INVALID, format!("{faults:?}")).into())
}

fn is_related(diff: &Diff<'_>) -> bool {
    diff.next().models().iter().any(|model| diff.prev_model(model.key.as_str()).is_some())
}

/// Returns whether programs of each schema can serve the tables of the other.
fn is_same_version(one: &Schema, other: &Schema) -> Result<bool> {
    Ok(changes(&between(one, other)?).is_empty() && changes(&between(other, one)?).is_empty())
}

fn is_felt(finding: &CompatFinding<'_>) -> bool {
    !finding.rule.serves_previous()
}

/// Returns the changes that a process which serves the previous schema would notice.
fn changes(diff: &Diff<'_>) -> Vec<String> {
    diff.compatibility().iter().filter(|finding| is_felt(finding)).map(described).collect()
}

/// Returns the changes between two schemas of a history that a third one takes back.
fn taken_back_by(schema: &Schema, old: &Schema, newest: &Schema) -> Result<Vec<String>> {
    let (done, back, next) =
        (between(old, newest)?, between(newest, old)?, between(newest, schema)?);
    let felt: BTreeSet<usize> =
        next.compatibility().iter().filter(|it| is_felt(it)).map(|it| it.step).collect();
    // As text: steps also refer to their models, which have other changes, too.
    let text = |step: &Step<'_>| step.to_value().to_json();
    let back: BTreeSet<String> = back.steps().iter().map(text).collect();
    let taken = next.steps().iter().enumerate().filter(|(at, _)| felt.contains(at));
    let taken: BTreeSet<_> = taken
        .filter(|(_, step)| back.contains(&text(step)))
        .map(|(_, step)| (step.model(), step.field()))
        .collect();
    // They are named as they were made: the field that was added, not the one that is dropped.
    let made = done.compatibility().into_iter();
    let made = made.filter(|it| taken.contains(&(it.model, it.field)));
    Ok(made.map(|finding| described(&finding)).collect())
}

/// Returns the place and the rule of a change.
fn described(CompatFinding { rule, model, field, .. }: &CompatFinding<'_>) -> String {
    let kind = rule_name(*rule);
    match (model, field) {
        (Some(model), Some(field)) => format!("{kind} `{model}.{field}`"),
        (Some(model), None) => format!("{kind} `{model}`"),
        _ => kind.to_owned(),
    }
}

fn rule_name(rule: Rule) -> &'static str {
    let id = rule.id();
    id.rsplit("::").next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Record, State};
    use ablo_codegen::shape::Layout;
    use ablo_schema::canonical;

    fn schema(fields: &[&str]) -> Schema {
        let fields: Vec<String> = fields
            .iter()
            .map(|field| {
                let (name, rest) = field.split_once(' ').unwrap_or((field, ""));
                let optional = rest == "optional";
                let indexed = rest == "indexed";
                format!(
                    r#""{name}":{{"type":"string","isOptional":{optional},"isIndexed":{indexed}}}"#
                )
            })
            .collect();
        model("tasks", &fields.join(","))
    }

    fn model(key: &str, fields: &str) -> Schema {
        let text = format!(
            r#"{{"v":3,"identityRoles":[],
                "models":{{"{key}":{{"relations":{{}},"fields":{{{fields}}}}}}}}}"#
        );
        read_schema(&text, SchemaOrigin::Plan).expect("a valid schema")
    }

    fn history(schemas: &[&Schema]) -> Vec<Entry> {
        let entry = |(at, schema): (usize, &&Schema)| Entry {
            id: at as i64 + 1,
            applied_at: String::new(),
            record: Record {
                from: None,
                to: Hashes::of(schema).content.to_string(),
                schema: canonical::print(schema),
                foreign_keys: true,
                layout: Layout::CURRENT,
                statements: Vec::new(),
                accepted: Vec::new(),
            },
            state: State::Done,
            notes: Vec::new(),
        };
        schemas.iter().enumerate().map(entry).collect()
    }

    fn of(own: &Schema, entries: &[&Schema]) -> Standing {
        standing(own, &history(entries)).expect("a readable history")
    }

    #[test]
    fn the_newest_schema_is_the_same_and_a_larger_one_ahead() {
        let (one, two) = (schema(&["a"]), schema(&["a", "b optional"]));
        assert_eq!(of(&one, &[]), Standing::Unrecorded);
        assert_eq!(of(&one, &[&one]), Standing::Same);
        assert_eq!(of(&two, &[&one]), Standing::Ahead);
        // It was taken back on purpose, so it is the newest again.
        assert_eq!(of(&one, &[&one, &two, &one]), Standing::Same);
    }

    #[test]
    fn an_older_schema_is_served_only_if_the_later_ones_change_nothing_for_it() {
        let (old, wide) = (schema(&["a"]), schema(&["a", "b optional"]));
        let served = of(&old, &[&old, &wide]);
        assert!(served.is_served() && served.refusal().is_none(), "{served:?}");
        for next in [&["a optional"][..], &["a", "b"], &["renamed"], &["a optional", "b optional"]]
        {
            let behind = of(&old, &[&old, &schema(next)]);
            let refusal = behind.refusal().expect("a change that old programs notice").to_string();
            assert!(refusal.contains("[ablo::migrate::schema_behind]"), "{refusal}");
            assert!(refusal.contains("`tasks."), "{refusal}");
        }
    }

    #[test]
    fn versions_are_compared_by_their_effect_and_not_by_their_bytes() {
        // It was never applied, and differs from the first entry in an index only.
        let (first, second) = (schema(&["a", "b optional"]), schema(&["a", "c"]));
        let own = schema(&["a indexed", "b optional"]);
        let behind = of(&own, &[&first, &second]);
        assert!(matches!(behind, Standing::Behind { entry: 1, .. }), "{behind:?}");
        assert!(!behind.is_served());
        assert_eq!(of(&own, &[&first]), Standing::Ahead);
    }

    #[test]
    fn a_schema_that_takes_later_changes_back_is_a_branch() {
        let (base, left) = (schema(&["a"]), schema(&["a", "left optional"]));
        let right = schema(&["a", "right optional"]);
        let branched = of(&right, &[&base, &left]);
        let Standing::Branched { entry: 2, changes } = &branched else {
            panic!("{branched:?}");
        };
        assert_eq!(changes, &["optional_field_added `tasks.left`"]);
        assert_eq!(of(&schema(&["a", "left optional", "right optional"]), &[&base, &left]), {
            Standing::Ahead
        });
    }

    #[test]
    fn another_application_is_unrelated() {
        let field = r#""a":{"type":"string","isOptional":false,"isIndexed":false}"#;
        assert_eq!(of(&model("cars", field), &[&schema(&["a"])]), Standing::Unrelated);
    }
}
