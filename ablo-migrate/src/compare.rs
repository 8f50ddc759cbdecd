//! What a schema expects against what a database has: every difference, with the statement that would mend it.
//!
//! Sameness is by meaning, whatever constraints and indexes are named. What cannot be compared exactly is no difference.

use crate::codes::{self, Code};
use crate::error::Finding;
use crate::expression::{constant, is_now, same_value, tokens};
use crate::live::{Column, Live, Policy, Table};
use ablo_codegen::emit::sql::postgres::{
    Constant, Expected, ExpectedColumn, ExpectedDefault, ExpectedKey,
};
use ablo_schema::Severity;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind.
    pub code: Code,
    /// The table.
    pub table: String,
    /// The column, index or other part, where it is not the table as a whole.
    pub part: Option<String>,
    /// What the schema says.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// The statement that would mend it, where one would without deciding for anybody.
    pub mend: Option<String>,
    /// Whether a program of this schema cannot rely on the table.
    pub misfit: bool,
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
            mend: None,
            misfit: code.severity == Severity::Error,
        }
    }

    fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    fn mend(mut self, statement: impl Into<String>) -> Self {
        self.mend = Some(statement.into());
        self
    }

    /// As something to say.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let place = match &self.part {
            Some(part) => format!("`{}`, `{part}`", self.table),
            None => format!("`{}`", self.table),
        };
        let detail = match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => {
                format!(": the schema says {expected}, the database has {found}")
            }
            (Some(expected), None) => format!(": the schema says {expected}"),
            (None, Some(found)) => format!(": the database has {found}"),
            (None, None) => String::new(),
        };
        let title = self.code.title.to_owned();
        let finding = Finding::new(self.code, format!("{place}: {}{detail}", title.to_lowercase()));
        match &self.mend {
            Some(statement) => finding.help(statement.clone()),
            None => finding,
        }
    }
}

/// Every difference, in the order of the schema.
#[must_use]
pub fn differences(expected: &[Expected], live: &Live) -> Vec<Difference> {
    let mut out = Vec::new();
    for table in expected {
        match live.tables.get(&table.name) {
            None => out.push(Difference::new(codes::TABLE_MISSING, &table.name, None)),
            Some(found) => {
                columns(table, found, &mut out);
                checks(table, found, &mut out);
                indexes(table, found, &mut out);
                foreign_keys(table, found, &mut out);
                isolation(table, found, &mut out);
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
                    .mend(column.add.as_str()),
            ),
            Some(live) => compare_column(&table.name, column, live, out),
        }
    }
    for extra in found
        .columns
        .iter()
        .filter(|live| table.columns.iter().all(|column| column.name != live.name))
    {
        let mut difference = Difference::new(codes::COLUMN_EXTRA, &table.name, Some(&extra.name))
            .found(extra.type_name.as_str());
        difference.misfit = extra.not_null && extra.default.is_none() && !extra.generated;
        out.push(difference);
    }
    if found.primary_key != [table.key.as_str()] {
        let has = if found.primary_key.is_empty() {
            "none".to_owned()
        } else {
            found.primary_key.join(", ")
        };
        out.push(
            Difference::new(codes::PRIMARY_KEY, &table.name, None)
                .expected(table.key.as_str())
                .found(has)
                .mend(table.key_fix.as_str()),
        );
    }
}

fn compare_column(table: &str, column: &ExpectedColumn, live: &Column, out: &mut Vec<Difference>) {
    let new = |code| Difference::new(code, table, Some(&column.name));
    if live.type_name != column.type_name {
        // Without the type nothing else of it can be compared.
        out.push(
            new(codes::COLUMN_TYPE)
                .expected(column.type_name.as_str())
                .found(live.type_name.as_str()),
        );
        return;
    }
    if live.not_null != column.not_null {
        let said = |not_null: bool| if not_null { "NOT NULL" } else { "NULL" };
        let difference =
            new(codes::COLUMN_NULL).expected(said(column.not_null)).found(said(live.not_null));
        out.push(difference.mend(column.null_fix.as_str()));
    }
    let (same, expected) = match (&column.preset, live.default.as_deref()) {
        (ExpectedDefault::None, None) => (true, "none"),
        (ExpectedDefault::None, Some(_)) => (live.generated, "none"),
        (ExpectedDefault::Now, live) => (live.is_some_and(is_now), "now()"),
        (ExpectedDefault::Constant(Constant(wanted)), live) => {
            let live = live.and_then(constant);
            (live.is_some_and(|live| same_value(&column.type_name, wanted, &live)), wanted.as_str())
        }
    };
    if !same {
        let found = live.default.as_deref().unwrap_or("none");
        out.push(
            new(codes::COLUMN_DEFAULT)
                .expected(expected)
                .found(found)
                .mend(column.default_fix.as_str()),
        );
    }
    if live.comment != column.comment {
        let said = |comment: &Option<String>| {
            comment.as_ref().map_or("none".to_owned(), |text| format!("{text:?}"))
        };
        let difference =
            new(codes::COLUMN_COMMENT).expected(said(&column.comment)).found(said(&live.comment));
        out.push(difference.mend(column.comment_fix.as_str()));
    }
}

fn checks(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    let wanted: Vec<_> = table.checks.iter().map(|check| tokens(&check.condition)).collect();
    let live: Vec<_> =
        found.checks.iter().map(|(name, check)| (name, check, tokens(&check.condition))).collect();
    for (check, wanted) in table.checks.iter().zip(&wanted) {
        if !live.iter().any(|(_, live, condition)| live.validated && condition == wanted) {
            let difference =
                Difference::new(codes::CHECK_MISSING, &table.name, Some(&check.column));
            out.push(difference.expected(check.condition.as_str()).mend(check.fix.as_str()));
        }
    }
    for (name, check, _) in live.iter().filter(|(_, _, condition)| !wanted.contains(condition)) {
        out.push(
            Difference::new(codes::CHECK_EXTRA, &table.name, Some(name))
                .found(check.condition.as_str()),
        );
    }
}

fn indexes(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    for index in &table.indexes {
        let mut there = found.indexes.values().filter(|live| {
            live.is_on(&index.columns)
                && live.method == index.method
                && (live.unique || !index.unique)
        });
        let found = there.clone().next().map(|live| live.definition.clone());
        if !there.any(|live| live.valid) {
            let kind = if index.unique { "a unique index" } else { "an index" };
            let wanted = format!("{kind} on {}", index.columns.join(", "));
            let mut difference =
                Difference::new(codes::INDEX_MISSING, &table.name, Some(&index.name))
                    .expected(wanted);
            difference.found =
                found.map(|definition| format!("an index that is not usable: {definition}"));
            out.push(difference.mend(index.fix.as_str()));
        }
    }
    for (name, live) in &found.indexes {
        let wanted = table.indexes.iter().any(|index| live.is_on(&index.columns));
        if !wanted {
            let mut difference = Difference::new(codes::INDEX_EXTRA, &table.name, Some(name))
                .found(live.definition.as_str());
            difference.misfit = live.unique;
            out.push(difference);
        }
    }
}

fn foreign_keys(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    let is = |key: &ExpectedKey, live: &crate::live::ForeignKey| {
        live.columns == [key.column.as_str()]
            && live.target_schema.is_none()
            && live.target == key.target
            && live.target_columns == ["id"]
    };
    for key in &table.foreign_keys {
        let new = || Difference::new(codes::FOREIGN_KEY_MISSING, &table.name, Some(&key.column));
        let mut there = found.foreign_keys.values().filter(|live| is(key, live)).peekable();
        if there.peek().is_none() {
            out.push(
                new().expected(format!("a reference to {}", key.target)).mend(key.fix.as_str()),
            );
        } else if there.clone().all(|live| !live.validated) {
            out.push(new().found("one that is not validated").mend(key.validate.as_str()));
        } else if !there.any(|live| live.on_delete == "a" && live.deferred) {
            out.push(new().expected("NO ACTION, deferred").found("another action"));
        }
    }
    for (name, live) in &found.foreign_keys {
        if !table.foreign_keys.iter().any(|key| is(key, live)) {
            let found = format!("a reference from {} to {}", live.columns.join(", "), live.target);
            out.push(
                Difference::new(codes::FOREIGN_KEY_EXTRA, &table.name, Some(name)).found(found),
            );
        }
    }
}

fn isolation(table: &Expected, found: &Table, out: &mut Vec<Difference>) {
    let said = |on: bool| if on { "on and forced" } else { "off" };
    let (wanted, has) = (table.predicate.is_some(), found.row_security && found.forced);
    if wanted != has && (wanted || found.row_security) {
        let difference =
            Difference::new(codes::ROW_SECURITY, &table.name, None).expected(said(wanted));
        let found = if found.row_security && !found.forced {
            "on, but not for its owner"
        } else {
            said(has)
        };
        let difference = difference.found(found);
        out.push(if wanted { difference.mend(table.security_fix.as_str()) } else { difference });
    }
    let predicate = table.predicate.as_deref().map(tokens);
    let is_ours = |policy: &Policy| {
        let using = policy.using.as_deref().map(tokens);
        let written =
            policy.with_check.as_deref().map_or_else(|| using.clone(), |check| Some(tokens(check)));
        predicate.is_some() && using == predicate && written == predicate
    };
    if let Some(predicate) = &table.predicate
        && !found.policies.values().any(|policy| {
            policy.permissive && policy.command == "*" && policy.everyone && is_ours(policy)
        })
    {
        out.push(
            Difference::new(codes::POLICY, &table.name, None)
                .expected(predicate.as_str())
                .mend(table.policy_fix.as_str()),
        );
    }
    // A restrictive policy and one of the same predicate let nobody see more.
    for (name, policy) in
        found.policies.iter().filter(|(_, policy)| policy.permissive && !is_ours(policy))
    {
        let using = policy.using.as_deref().unwrap_or("true");
        out.push(Difference::new(codes::POLICY_EXTRA, &table.name, Some(name)).found(using));
    }
}
