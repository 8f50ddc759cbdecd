//! The evidence of a proof: counts, checks and a verdict, printed as a table or as JSON.

use crate::codes::NOT_PROVEN;
use crate::error::Finding;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};

/// The verdict of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The migration applied, and every invariant holds.
    Proven,
    /// Rows prevented the migration. It reported a code and changed nothing.
    Refused,
    /// An invariant does not hold.
    Broken,
}

/// The result of a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The verdict.
    pub verdict: Verdict,
    /// The `contentHash` of the previous schema.
    pub from: String,
    /// The `contentHash` of the next schema.
    pub to: String,
    /// The number of statements that ran.
    pub statements: usize,
    /// The checked invariants, in order.
    pub checks: Vec<Check>,
    /// Each table with its columns. Empty if the migration was refused.
    pub tables: Vec<TableEvidence>,
    /// The warnings of the server.
    #[serde(serialize_with = "findings")]
    pub warnings: Vec<Finding>,
    /// Why the migration was refused or is broken.
    #[serde(serialize_with = "findings")]
    pub refusals: Vec<Finding>,
}

/// A checked invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The invariant.
    pub what: &'static str,
    /// Its violations. Empty if it holds.
    pub faults: Vec<String>,
}

/// The effect on one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableEvidence {
    /// The name before. `None` if the table is new.
    pub before: Option<String>,
    /// The name after. `None` if the table was dropped.
    pub after: Option<String>,
    /// The number of rows before.
    pub rows_before: u64,
    /// The number of these rows that exist after.
    pub rows_after: u64,
    /// The effect on each column.
    pub columns: Vec<ColumnEvidence>,
}

/// The effect on the values of one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnEvidence {
    /// The name before. `None` if the column is new.
    pub before: Option<String>,
    /// The name after. `None` if the column was dropped.
    pub after: Option<String>,
    /// Unchanged values and unchanged nulls.
    pub kept: u64,
    /// Values that were converted to another type.
    pub converted: u64,
    /// Nulls that became a backfill or default.
    pub filled: u64,
    /// Values that were replaced by a backfill or default because they no longer fit.
    pub replaced: u64,
    /// Values that became null because they no longer fit.
    pub emptied: u64,
    /// Values that were dropped with the column.
    pub lost: u64,
    /// Values that violate the conversion rules.
    pub broken: u64,
    /// The losses that the diff declares for this column, in prose.
    pub declared: Vec<&'static str>,
}

impl ColumnEvidence {
    /// Reports whether values were lost that the diff does not declare lost.
    #[must_use]
    pub fn is_undeclared(&self) -> bool {
        self.replaced + self.emptied + self.lost > 0 && self.declared.is_empty()
    }

    /// Reports whether the column and all its values are unchanged.
    fn is_unchanged(&self) -> bool {
        self.before == self.after
            && self.declared.is_empty()
            && self.converted + self.filled + self.replaced + self.emptied + self.lost + self.broken
                == 0
    }
}

impl Evidence {
    /// Sets the verdict: the given one if every check holds, else [`Verdict::Broken`].
    pub(super) fn settle(&mut self, verdict: Verdict) {
        let broken: Vec<_> = self
            .checks
            .iter()
            .filter(|check| !check.faults.is_empty())
            .map(|check| check.what)
            .collect();
        self.verdict = if broken.is_empty() { verdict } else { Verdict::Broken };
        if !broken.is_empty() {
            self.refusals
                .push(Finding::new(NOT_PROVEN, format!("violated: {}", broken.join("; "))));
        }
    }

    /// Returns the evidence as one JSON object and a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and flags always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            table.fmt(f)?;
        }
        for check in &self.checks {
            writeln!(
                f,
                "{}  {}",
                if check.faults.is_empty() { "holds " } else { "BROKEN" },
                check.what
            )?;
            check.faults.iter().try_for_each(|fault| writeln!(f, "        {fault}"))?;
        }
        let verdict = match self.verdict {
            Verdict::Proven => "proven",
            Verdict::Refused => "refused because of rows; nothing was changed",
            Verdict::Broken => "not proven",
        };
        writeln!(f, "{verdict}: {} to {}", self.from, self.to)
    }
}

impl fmt::Display for TableEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = rename(self.before.as_deref(), self.after.as_deref());
        writeln!(f, "{name}: {} of {} rows", self.rows_after, self.rows_before)?;
        let unchanged = self.columns.iter().filter(|column| column.is_unchanged()).count();
        for column in self.columns.iter().filter(|column| !column.is_unchanged()) {
            let mut line =
                format!("  {}:", rename(column.before.as_deref(), column.after.as_deref()));
            for (count, what) in [
                (column.kept, "kept"),
                (column.converted, "converted"),
                (column.filled, "filled"),
                (column.replaced, "replaced"),
                (column.emptied, "emptied"),
                (column.lost, "lost"),
                (column.broken, "BROKEN"),
            ] {
                if count > 0 {
                    // Writing to a string cannot fail.
                    let _ = write!(line, " {count} {what}");
                }
            }
            if !column.declared.is_empty() {
                let _ = write!(line, " (declared: {})", column.declared.join("; "));
            }
            writeln!(f, "{line}")?;
        }
        if unchanged > 0 {
            let columns = if unchanged == 1 { "column" } else { "columns" };
            writeln!(f, "  {unchanged} {columns} unchanged")?;
        }
        Ok(())
    }
}

fn rename(before: Option<&str>, after: Option<&str>) -> String {
    match (before, after) {
        (Some(before), Some(after)) if before != after => format!("{before} -> {after}"),
        (_, Some(after)) if before.is_some() => after.to_owned(),
        (_, Some(after)) => format!("{after} (new)"),
        (before, None) => format!("{} (dropped)", before.unwrap_or_default()),
    }
}

fn findings<S: Serializer>(findings: &[Finding], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        code: &'a str,
        message: &'a str,
    }
    serializer.collect_seq(
        findings.iter().map(|one| Shown { code: one.code.name, message: &one.message }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_violated_check_makes_the_verdict_broken() {
        let mut evidence = Evidence {
            verdict: Verdict::Broken,
            from: "a".to_owned(),
            to: "b".to_owned(),
            statements: 1,
            checks: vec![Check { what: "it is kept", faults: Vec::new() }],
            tables: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
        };
        evidence.settle(Verdict::Proven);
        assert_eq!((evidence.verdict, evidence.refusals.len()), (Verdict::Proven, 0));
        evidence.checks.push(Check { what: "it is lost", faults: vec!["tasks".to_owned()] });
        evidence.settle(Verdict::Proven);
        assert_eq!(evidence.verdict, Verdict::Broken);
        assert_eq!(evidence.refusals[0].code.name, "ablo::prove::broken");
        assert!(
            evidence.to_string().contains("BROKEN  it is lost\n        tasks\nnot proven: a to b"),
            "{evidence}"
        );
    }

    #[test]
    fn lost_values_have_to_be_declared() {
        let mut column = ColumnEvidence {
            before: Some("note".to_owned()),
            lost: 2,
            ..ColumnEvidence::default()
        };
        assert!(column.is_undeclared());
        column.declared.push("values are lost");
        assert!(!column.is_undeclared());
        let replaced = ColumnEvidence { replaced: 1, ..ColumnEvidence::default() };
        assert!(replaced.is_undeclared(), "a replaced value is lost");
    }
}
