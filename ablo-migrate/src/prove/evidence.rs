//! What a proof saw: counts, checks and a verdict, for people as a table and for programs as JSON.

use crate::codes::NOT_PROVEN;
use crate::error::Finding;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};

/// What the proof came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The migration applied, and everything held.
    Proven,
    /// Rows stood in its way. It said so with a code and changed nothing.
    Refused,
    /// Something that has to hold does not.
    Broken,
}

/// Everything that a proof saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// What it came to.
    pub verdict: Verdict,
    /// The `contentHash` of the schema before.
    pub from: String,
    /// The `contentHash` of the schema after.
    pub to: String,
    /// How many statements ran.
    pub statements: usize,
    /// What was looked at, in order.
    pub checks: Vec<Check>,
    /// Each table with its columns; none where the migration was refused.
    pub tables: Vec<TableEvidence>,
    /// What the server warned of.
    #[serde(serialize_with = "findings")]
    pub warnings: Vec<Finding>,
    /// Why it was refused or failed.
    #[serde(serialize_with = "findings")]
    pub refusals: Vec<Finding>,
}

/// One thing that has to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What has to hold.
    pub what: &'static str,
    /// What there is against it; nothing where it holds.
    pub faults: Vec<String>,
}

/// What became of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableEvidence {
    /// Its name before; none where it is new.
    pub before: Option<String>,
    /// Its name after; none where it was dropped.
    pub after: Option<String>,
    /// How many rows it had.
    pub rows_before: u64,
    /// How many of them are there after.
    pub rows_after: u64,
    /// Each column with what became of its values.
    pub columns: Vec<ColumnEvidence>,
}

/// What became of the values of one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnEvidence {
    /// Its name before; none where it is new.
    pub before: Option<String>,
    /// Its name after; none where it was dropped.
    pub after: Option<String>,
    /// The same value as before, or none as before.
    pub kept: u64,
    /// The same value as one of another type.
    pub converted: u64,
    /// A value where there was none: a backfill or default.
    pub filled: u64,
    /// Another value of the same type: a backfill or default in place of one that no longer fits.
    pub replaced: u64,
    /// None where there was a value that does not fit.
    pub emptied: u64,
    /// Gone with the column.
    pub lost: u64,
    /// Values of which the conversion rules say something else.
    pub broken: u64,
    /// What the verdict of the difference declares lost here, in words.
    pub declared: Vec<&'static str>,
}

impl ColumnEvidence {
    /// Whether values went away of which nobody was told.
    #[must_use]
    pub fn is_undeclared(&self) -> bool {
        self.replaced + self.emptied + self.lost > 0 && self.declared.is_empty()
    }

    /// Whether there is anything to say of it.
    fn is_plain(&self) -> bool {
        self.before == self.after
            && self.declared.is_empty()
            && self.converted + self.filled + self.replaced + self.emptied + self.lost + self.broken
                == 0
    }
}

impl Evidence {
    /// Decides: the verdict is this one where every check holds.
    pub(super) fn settle(&mut self, verdict: Verdict) {
        let broken: Vec<_> = self
            .checks
            .iter()
            .filter(|check| !check.faults.is_empty())
            .map(|check| check.what)
            .collect();
        self.verdict = if broken.is_empty() { verdict } else { Verdict::Broken };
        if !broken.is_empty() {
            self.refusals.push(Finding::new(
                NOT_PROVEN,
                format!("this does not hold: {}", broken.join("; ")),
            ));
        }
    }

    /// The document of programs: one JSON object and a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and flags always serialise.
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
            Verdict::Refused => "refused by rows; nothing was changed",
            Verdict::Broken => "not proven",
        };
        writeln!(f, "{verdict}: {} to {}", self.from, self.to)
    }
}

impl fmt::Display for TableEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = way(self.before.as_deref(), self.after.as_deref());
        writeln!(f, "{name}: {} of {} rows", self.rows_after, self.rows_before)?;
        let plain = self.columns.iter().filter(|column| column.is_plain()).count();
        for column in self.columns.iter().filter(|column| !column.is_plain()) {
            let mut line = format!("  {}:", way(column.before.as_deref(), column.after.as_deref()));
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
        if plain > 0 {
            writeln!(f, "  {plain} {} as before", if plain == 1 { "column" } else { "columns" })?;
        }
        Ok(())
    }
}

fn way(before: Option<&str>, after: Option<&str>) -> String {
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
    fn one_check_that_does_not_hold_is_enough() {
        let mut evidence = Evidence {
            verdict: Verdict::Broken,
            from: "a".to_owned(),
            to: "b".to_owned(),
            statements: 1,
            checks: vec![Check { what: "it holds", faults: Vec::new() }],
            tables: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
        };
        evidence.settle(Verdict::Proven);
        assert_eq!((evidence.verdict, evidence.refusals.len()), (Verdict::Proven, 0));
        evidence.checks.push(Check { what: "it does not", faults: vec!["tasks".to_owned()] });
        evidence.settle(Verdict::Proven);
        assert_eq!(evidence.verdict, Verdict::Broken);
        assert_eq!(evidence.refusals[0].code.name, "ablo::prove::broken");
        assert!(
            evidence.to_string().contains("BROKEN  it does not\n        tasks\nnot proven: a to b"),
            "{evidence}"
        );
    }

    #[test]
    fn values_that_go_away_have_to_be_declared() {
        let mut column = ColumnEvidence {
            before: Some("note".to_owned()),
            lost: 2,
            ..ColumnEvidence::default()
        };
        assert!(column.is_undeclared());
        column.declared.push("values are lost");
        assert!(!column.is_undeclared());
        let replaced = ColumnEvidence { replaced: 1, ..ColumnEvidence::default() };
        assert!(replaced.is_undeclared(), "another value is not the one that was there");
    }
}
