//! Compares what a schema expects with a PostgreSQL catalog, and finds the statement that fixes
//! each difference.
//!
//! Objects are compared by meaning; the names of constraints and indexes do not matter. Expressions
//! that cannot be compared exactly count as equal.

use crate::catalog::{Catalog, Column, ForeignKey, Index, Policy, Table};
use crate::codes::{self, Code};
use crate::error::Finding;
use crate::expression::{constant, is_now, same_value, tokens};
use ablo_codegen::emit::sql::postgres::{
    Constant, Expected, ExpectedColumn, ExpectedDefault, ExpectedIndex, ExpectedKey,
};
use ablo_schema::Severity;

/// A difference between a schema and a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The code.
    pub code: Code,
    /// The table.
    pub table: String,
    /// The column, index or other part. `None` for the table as a whole.
    pub part: Option<String>,
    /// The definition in the schema.
    pub expected: Option<String>,
    /// The definition in the database.
    pub found: Option<String>,
    /// The statement that fixes it, if one does so without a decision.
    pub fix: Option<String>,
    /// Whether programs that use the schema may fail on this table.
    pub incompatible: bool,
}

impl Difference {
    pub(crate) fn new(code: Code, table: &str, part: Option<&str>) -> Self {
        let (table, part) = (table.to_owned(), part.map(str::to_owned));
        Self {
            code,
            table,
            part,
            expected: None,
            found: None,
            fix: None,
            incompatible: code.severity == Severity::Error,
        }
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(crate) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    fn fix(mut self, statement: impl Into<String>) -> Self {
        self.fix = Some(statement.into());
        self
    }

    /// Reports whether it only adds to what the schema has, or is a comment.
    #[must_use]
    pub fn is_addition(&self) -> bool {
        let additions = [
            codes::COLUMN_EXTRA,
            codes::CHECK_EXTRA,
            codes::INDEX_EXTRA,
            codes::FOREIGN_KEY_EXTRA,
            codes::POLICY_EXTRA,
            codes::POLICY_RESTRICTIVE,
            codes::COLUMN_COMMENT,
            codes::COLUMN_COLLATION,
            codes::TRIGGER_DISABLED,
            codes::WRITES_SWALLOWED,
            codes::TABLE_KIND,
            codes::UNMANAGED_GONE,
        ];
        additions.contains(&self.code)
    }

    /// Converts the difference to a finding. Its help includes the statement that fixes it.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let name = match &self.part {
            Some(part) => format!("`{}`, `{part}`", self.table),
            None => format!("`{}`", self.table),
        };
        let detail = match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => {
                format!(": the schema has {expected}, the database has {found}")
            }
            (Some(expected), None) => format!(": the schema has {expected}"),
            (None, Some(found)) => format!(": the database has {found}"),
            (None, None) => String::new(),
        };
        let title = self.code.title.to_owned();
        let finding = Finding::new(self.code, format!("{name}: {}{detail}", title.to_lowercase()));
        match &self.fix {
            Some(statement) => finding.help(format!("{}\n{statement}", self.code.fix)),
            None => finding,
        }
    }
}

/// Returns every difference, in the order of the schema.
#[must_use]
pub fn differences(expected: &[Expected], actual: &Catalog) -> Vec<Difference> {
    let mut out = Vec::new();
    for table in expected {
        match actual.tables.get(&table.name) {
            None => out.push(Difference::new(codes::TABLE_MISSING, &table.name, None)),
            Some(found) => {
                columns(table, found, &mut out);
                checks(table, found, &mut out);
                indexes(table, found, &mut out);
                foreign_keys(table, found, &mut out);
                isolation(table, found, &mut out);
                behaviour(table, found, &mut out);
            }
        }
    }
    out
}

fn columns(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    for column in &table.columns {
        match found.column(&column.name) {
            None => out.push(
                Difference::new(codes::COLUMN_MISSING, &table.name, Some(&column.name))
                    .expected(column.type_name.as_str())
                    .fix(column.add.as_str()),
            ),
            Some(actual) => compare_column(&table.name, column, actual, out),
        }
    }
    for extra in found
        .columns
        .iter()
        .filter(|actual| table.columns.iter().all(|column| column.name != actual.name))
    {
        let mut difference = Difference::new(codes::COLUMN_EXTRA, &table.name, Some(&extra.name))
            .found(extra.type_name.as_str());
        difference.incompatible = extra.not_null && extra.default.is_none() && !extra.generated;
        out.push(difference);
    }
    if found.primary_key != table.key {
        let has = if found.primary_key.is_empty() {
            "none".to_owned()
        } else {
            found.primary_key.join(", ")
        };
        out.push(
            Difference::new(codes::PRIMARY_KEY, &table.name, None)
                .expected(table.key.join(", "))
                .found(has)
                .fix(table.key_fix.as_str()),
        );
    } else if found.key_deferrable {
        out.push(
            Difference::new(codes::PRIMARY_KEY, &table.name, None)
                .expected("a key that is checked at once")
                .found("a deferrable key"),
        );
    }
}

fn compare_column(
    table: &str,
    column: &ExpectedColumn,
    actual: &Column,
    out: &mut Vec<Difference>,
) {
    let new = |code| Difference::new(code, table, Some(&column.name));
    // The schema of a type that is not built in depends on the search path.
    let unqualified = actual.type_name.rsplit('.').next().unwrap_or_default();
    if actual.type_name != column.type_name && unqualified != column.type_name {
        // Defaults of different types are not comparable.
        out.push(
            new(codes::COLUMN_TYPE)
                .expected(column.type_name.as_str())
                .found(actual.type_name.as_str()),
        );
        return;
    }
    if actual.not_null != column.not_null {
        let show = |not_null: bool| if not_null { "NOT NULL" } else { "NULL" };
        let difference =
            new(codes::COLUMN_NULL).expected(show(column.not_null)).found(show(actual.not_null));
        out.push(difference.fix(column.null_fix.as_str()));
    }
    let (same, expected) = match (&column.preset, actual.default.as_deref()) {
        (ExpectedDefault::None, None) => (true, "none"),
        (ExpectedDefault::None, Some(_)) => (actual.generated, "none"),
        (ExpectedDefault::Now, actual) => (actual.is_some_and(is_now), "now()"),
        (ExpectedDefault::Constant(Constant(wanted)), actual) => {
            let actual = actual.and_then(constant);
            (
                actual.is_some_and(|actual| same_value(&column.type_name, wanted, &actual)),
                wanted.as_str(),
            )
        }
    };
    if !same {
        let found = actual.default.as_deref().unwrap_or("none");
        out.push(
            new(codes::COLUMN_DEFAULT)
                .expected(expected)
                .found(found)
                .fix(column.default_fix.as_str()),
        );
    }
    if let Some(collation) = &actual.collation {
        out.push(new(codes::COLUMN_COLLATION).found(format!("COLLATE {collation:?}")));
    }
    if actual.comment != column.comment {
        let show = |comment: &Option<String>| {
            comment.as_ref().map_or("none".to_owned(), |text| format!("{text:?}"))
        };
        let difference =
            new(codes::COLUMN_COMMENT).expected(show(&column.comment)).found(show(&actual.comment));
        out.push(difference.fix(column.comment_fix.as_str()));
    }
}

fn checks(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    let wanted: Vec<_> = table.checks.iter().map(|check| tokens(&check.condition)).collect();
    let actual: Vec<_> =
        found.checks.iter().map(|(name, check)| (name, check, tokens(&check.condition))).collect();
    for (check, wanted) in table.checks.iter().zip(&wanted) {
        if !actual.iter().any(|(_, actual, condition)| actual.validated && condition == wanted) {
            let difference =
                Difference::new(codes::CHECK_MISSING, &table.name, Some(&check.column));
            out.push(difference.expected(check.condition.as_str()).fix(check.fix.as_str()));
        }
    }
    for (name, check, _) in actual.iter().filter(|(_, _, condition)| !wanted.contains(condition)) {
        out.push(
            Difference::new(codes::CHECK_EXTRA, &table.name, Some(name))
                .found(check.condition.as_str()),
        );
    }
}

fn is_for(index: &ExpectedIndex, actual: &Index) -> bool {
    actual.is_on(&index.columns) && actual.method == index.method
}

fn is_same(index: &ExpectedIndex, actual: &Index) -> bool {
    is_for(index, actual) && actual.unique == index.unique && actual.is_plain()
}

fn indexes(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    let mut different: Vec<&str> = Vec::new();
    for index in &table.indexes {
        let matching = || found.indexes.iter().filter(|(_, actual)| is_same(index, actual));
        if matching().any(|(_, actual)| actual.valid) {
            continue;
        }
        let kind = if index.unique { "a unique index" } else { "an index" };
        let wanted = format!("{kind} on {}", index.columns.join(", "));
        let new =
            |code| Difference::new(code, &table.name, Some(&index.name)).expected(wanted.as_str());
        let serves = |actual: &Index| actual.valid && (actual.unique || !index.unique);
        let other = found.indexes.iter().find(|(_, one)| is_for(index, one) && serves(one));
        if let Some((name, other)) = other.filter(|_| matching().next().is_none()) {
            different.push(name);
            let mut difference = new(codes::INDEX_DIFFERS).found(other.definition.as_str());
            // It refuses rows that the schema allows, or accepts them until the commit.
            difference.incompatible =
                other.unique != index.unique || other.nulls_not_distinct || other.deferrable;
            out.push(difference.fix(index.fix.as_str()));
            continue;
        }
        let invalid = matching().next().map(|(_, actual)| &actual.definition);
        let mut difference = new(codes::INDEX_MISSING);
        difference.found = invalid.map(|definition| format!("an invalid index: {definition}"));
        out.push(difference.fix(index.fix.as_str()));
    }
    for (name, actual) in &found.indexes {
        let is_wanted = table.indexes.iter().any(|index| is_same(index, actual));
        if !is_wanted && !different.contains(&name.as_str()) {
            let mut difference = Difference::new(codes::INDEX_EXTRA, &table.name, Some(name))
                .found(actual.definition.as_str());
            difference.incompatible = actual.unique;
            out.push(difference);
        }
    }
}

fn is_key(key: &ExpectedKey, actual: &ForeignKey) -> bool {
    actual.columns == key.columns
        && actual.target_schema.is_none()
        && actual.target == key.target
        && actual.target_columns == key.target_columns
}

fn foreign_keys(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    for key in &table.foreign_keys {
        let columns = key.columns.join(", ");
        let new = || Difference::new(codes::FOREIGN_KEY_MISSING, &table.name, Some(&columns));
        let mut matching =
            found.foreign_keys.values().filter(|actual| is_key(key, actual)).peekable();
        if matching.peek().is_none() {
            out.push(
                new().expected(format!("a reference to {}", key.target)).fix(key.fix.as_str()),
            );
        } else if matching.clone().all(|actual| !actual.validated) {
            out.push(new().found("a key that is not validated").fix(key.validate.as_str()));
        } else if !matching
            .any(|actual| actual.on_delete == "a" && actual.on_update == "a" && actual.deferred)
        {
            out.push(new().expected("NO ACTION, deferred").found("another action"));
        }
    }
    for (name, actual) in &found.foreign_keys {
        if !table.foreign_keys.iter().any(|key| is_key(key, actual)) {
            let found =
                format!("a reference from {} to {}", actual.columns.join(", "), actual.target);
            out.push(
                Difference::new(codes::FOREIGN_KEY_EXTRA, &table.name, Some(name)).found(found),
            );
        }
    }
}

/// Reports whether a policy has the condition of the schema.
fn has_predicate(table: &Expected, policy: &Policy) -> bool {
    let using = policy.using.as_deref().map(tokens);
    let written =
        policy.with_check.as_deref().map_or_else(|| using.clone(), |check| Some(tokens(check)));
    let predicate = table.predicate.as_deref().map(tokens);
    predicate.is_some() && using == predicate && written == predicate
}

/// Reports whether an object of a table is one that the schema has, by its meaning.
#[cfg(feature = "postgres")]
pub(crate) fn is_expected(table: &Expected, found: &Table, kind: &str, name: &str) -> bool {
    match kind {
        "primary key" => found.primary_key == table.key,
        "check" => found.checks.get(name).is_some_and(|check| {
            let condition = tokens(&check.condition);
            table.checks.iter().any(|wanted| tokens(&wanted.condition) == condition)
        }),
        "index" | "unique constraint" => found
            .indexes
            .get(name)
            .is_some_and(|index| table.indexes.iter().any(|wanted| is_same(wanted, index))),
        "foreign key" => found
            .foreign_keys
            .get(name)
            .is_some_and(|key| table.foreign_keys.iter().any(|wanted| is_key(wanted, key))),
        "policy" => found.policies.get(name).is_some_and(|policy| has_predicate(table, policy)),
        _ => false,
    }
}

fn isolation(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    let show = |on: bool| if on { "on and forced" } else { "off" };
    let (wanted, has) = (table.predicate.is_some(), found.row_security && found.forced);
    if wanted != has && (wanted || found.row_security) {
        let difference =
            Difference::new(codes::ROW_SECURITY, &table.name, None).expected(show(wanted));
        let found = if found.row_security && !found.forced {
            "on, but not for its owner"
        } else {
            show(has)
        };
        let difference = difference.found(found);
        out.push(if wanted { difference.fix(table.security_fix.as_str()) } else { difference });
    }
    let is_ours = |policy: &Policy| has_predicate(table, policy);
    if let Some(predicate) = &table.predicate
        && !found.policies.values().any(|policy| {
            policy.permissive && policy.command == "*" && policy.everyone && is_ours(policy)
        })
    {
        out.push(
            Difference::new(codes::POLICY, &table.name, None)
                .expected(predicate.as_str())
                .fix(table.policy_fix.as_str()),
        );
    }
    // One with the same predicate shows no further rows, and hides none.
    for (name, policy) in found.policies.iter().filter(|(_, policy)| !is_ours(policy)) {
        let code = if policy.permissive { codes::POLICY_EXTRA } else { codes::POLICY_RESTRICTIVE };
        let using = policy.using.as_deref().or(policy.with_check.as_deref()).unwrap_or("true");
        out.push(Difference::new(code, &table.name, Some(name)).found(using));
    }
}

/// Compares what changes how a table behaves, which a schema has no words for.
fn behaviour(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    let mut report = |code, part: Option<&str>, text: &str| {
        out.push(Difference::new(code, &table.name, part).found(text));
    };
    for trigger in &found.disabled_triggers {
        report(codes::TRIGGER_DISABLED, Some(trigger), "a trigger that does not run");
    }
    for swallowing in &found.swallowing {
        report(codes::WRITES_SWALLOWED, Some(swallowing), "writes that may have no effect");
    }
    if found.unlogged {
        report(codes::TABLE_KIND, None, "an unlogged table");
    }
    if found.partitioned {
        report(codes::TABLE_KIND, None, "a partitioned table");
    }
    if !found.parents.is_empty() {
        let text = format!("a table that inherits from {}", found.parents.join(", "));
        report(codes::TABLE_KIND, None, &text);
    }
    if !found.children.is_empty() {
        let text = format!("a table with the rows of {}", found.children.join(", "));
        report(codes::TABLE_KIND, None, &text);
    }
}
