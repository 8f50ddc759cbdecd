//! The report of a diff as one JSON object.

use super::compat::{Audience, CompatFinding};
use super::json::Object;
use super::possible::PossibleRename;
use super::verdict::{Blocker, Warning};
use super::{Backfills, Diff, Step, Verdict};
use crate::value::Value;

/// The report of a diff.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report<'d, 's> {
    /// The diff.
    pub diff: &'d Diff<'s>,
    /// The warnings and blockers.
    pub verdict: Verdict<'s>,
    /// Possible renames, the most likely first, models before fields.
    pub possible_renames: Vec<PossibleRename<'s>>,
    /// The effects on clients, generated code and isolation.
    pub compatibility: Vec<CompatFinding<'s>>,
}

impl<'s> Diff<'s> {
    /// Returns the report of this diff.
    #[must_use]
    pub fn report(&self, backfills: &Backfills) -> Report<'_, 's> {
        Report {
            diff: self,
            verdict: self.verdict(backfills),
            possible_renames: self.possible_renames(),
            compatibility: self.compatibility(),
        }
    }
}

impl Report<'_, '_> {
    /// Returns whether a decision, a backfill or an approval is missing.
    #[must_use]
    pub fn needs_decision(&self) -> bool {
        !self.possible_renames.is_empty() || self.verdict.needs_decision()
    }

    /// Returns the report as JSON: `steps`, `warnings`, `blockers`, `unresolvedBlockers`,
    /// `autoApplicable`, `possibleRenames`, `compatibility`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut out = Object::default();
        out.put("steps", list(self.diff.steps(), Step::to_value))
            .put("warnings", list(&self.verdict.warnings, warning))
            .put("blockers", list(&self.verdict.blockers, blocker))
            .put("unresolvedBlockers", list(self.verdict.unresolved(), blocker))
            .put("autoApplicable", Value::Bool(self.verdict.auto_applicable()))
            .put("possibleRenames", list(&self.possible_renames, PossibleRename::to_value))
            .put("compatibility", list(&self.compatibility, finding));
        out.value()
    }
}

fn list<'i, T: 'i>(items: impl IntoIterator<Item = &'i T>, value: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.into_iter().map(value).collect())
}

#[expect(clippy::cast_precision_loss, reason = "no diff has 2^53 steps")]
fn number(step: usize) -> Value {
    Value::Number(step as f64)
}

fn warning(warning: &Warning<'_>) -> Value {
    let mut out = Object::default();
    let class = warning.risk.class();
    out.text("code", warning.risk.code()).text("model", warning.model);
    if let Some(field) = warning.field {
        out.text("field", field);
    }
    out.put("step", number(warning.step))
        .text("message", warning.risk.message())
        .text("remedy", warning.risk.remedy())
        .put("loss", Value::Bool(class.loss))
        .put("isolation", Value::Bool(class.isolation));
    if class.needs_backfill {
        out.text("needs", "backfill");
    }
    out.value()
}

fn blocker(blocker: &Blocker<'_>) -> Value {
    let mut out = Object::default();
    out.text("code", blocker.code)
        .text("model", blocker.model)
        .text("field", blocker.field)
        .put("step", number(blocker.step))
        .text("message", blocker.message())
        .text("remedy", &blocker.remedy());
    out.value()
}

fn finding(finding: &CompatFinding<'_>) -> Value {
    let (mut out, mut verdicts) = (Object::default(), Object::default());
    let effects = finding.rule.effects();
    for (audience, effect) in Audience::ALL.into_iter().zip(effects) {
        verdicts.text(audience.as_str(), effect.as_str());
    }
    out.text("rule", finding.rule.id()).put("step", number(finding.step));
    if let Some(model) = finding.model {
        out.text("model", model);
    }
    if let Some(field) = finding.field {
        out.text("field", field);
    }
    out.text("verdict", finding.rule.worst().as_str())
        .put("verdicts", verdicts.value())
        .text("message", finding.rule.message())
        .text("remedy", finding.rule.remedy());
    out.value()
}
