//! Renders a diff as text: steps by model, blockers and warnings, decisions, and compatibility.

use crate::outcome::counted;
use ablo_schema::diff::compat::{Audience, CompatFinding, Effect};
use ablo_schema::diff::{Report, Step};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Renders a diff report. Names and values are escaped by the `Display` of steps.
pub(crate) fn human(report: &Report<'_, '_>) -> String {
    let mut out = String::new();
    steps(report, &mut out);
    stops(report, &mut out);
    decisions(report, &mut out);
    compatibility(report, &mut out);
    out.push_str(&last_line(report));
    out
}

fn sign(step: &Step<'_>) -> char {
    match step.kind() {
        "create_model" | "add_field" => '+',
        "drop_model" | "drop_field" => '-',
        _ => '~',
    }
}

// Writing to a `String` cannot fail, here and below.
fn steps(report: &Report<'_, '_>, out: &mut String) {
    let mut by_model: Vec<(Option<&str>, Vec<&Step<'_>>)> = Vec::new();
    let mut positions: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for step in report.diff.steps() {
        let position = *positions.entry(step.model()).or_insert_with(|| {
            by_model.push((step.model(), Vec::new()));
            by_model.len() - 1
        });
        by_model[position].1.push(step);
    }
    for (model, steps) in by_model {
        let _ = writeln!(out, "{}", model.unwrap_or("identities"));
        for step in steps {
            let _ = writeln!(out, "  {} {step}", sign(step));
        }
    }
}

fn whose(model: &str, field: Option<&str>) -> String {
    field.map_or_else(|| model.to_owned(), |field| format!("{model}.{field}"))
}

fn stops(report: &Report<'_, '_>, out: &mut String) {
    let verdict = &report.verdict;
    for (title, wanted) in [("Blockers", false), ("Blockers with a backfill", true)] {
        let mut these = verdict
            .blockers
            .iter()
            .zip(&verdict.resolved)
            .filter(|(_, resolved)| **resolved == wanted)
            .peekable();
        if these.peek().is_some() {
            let _ = writeln!(out, "\n{title}");
        }
        for (blocker, _) in these {
            let name = whose(blocker.model, Some(blocker.field));
            let _ = writeln!(out, "  {name}: {} [{}]", blocker.message(), blocker.code);
            if !wanted {
                let _ = writeln!(out, "    {}", blocker.remedy());
            }
        }
    }
    if !verdict.warnings.is_empty() {
        out.push_str("\nWarnings\n");
    }
    for warning in &verdict.warnings {
        let class = warning.risk.class();
        let words = [
            (class.loss, "loss"),
            (class.isolation, "isolation"),
            (class.needs_backfill, "needs a backfill"),
        ];
        let words: Vec<&str> =
            words.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
        let name = whose(warning.model, warning.field);
        let _ = write!(out, "  {name}: {} [{}", warning.risk.message(), warning.risk.code());
        let _ = writeln!(out, "{}{}]", if words.is_empty() { "" } else { ": " }, words.join(", "));
        let _ = writeln!(out, "    {}", warning.risk.remedy());
    }
}

fn decisions(report: &Report<'_, '_>, out: &mut String) {
    if !report.possible_renames.is_empty() {
        out.push_str("\nDecisions: add one of the two hints to the file that `--hints` names\n");
    }
    for one in &report.possible_renames {
        let of = one.model.map_or_else(String::new, |model| format!("{model}: "));
        let _ = writeln!(
            out,
            "  {of}is `{}` the renamed `{}`? ({}% similar)",
            one.to, one.from, one.likeness
        );
        let _ = writeln!(out, "    renamed {}", one.renamed().to_json());
        let _ = writeln!(out, "    dropped {}", one.dropped().to_json());
    }
}

fn compatibility(report: &Report<'_, '_>, out: &mut String) {
    let mut has_title = false;
    for (index, audience) in Audience::ALL.into_iter().enumerate() {
        let mut by_rule: BTreeMap<_, Vec<&CompatFinding<'_>>> = BTreeMap::new();
        for finding in &report.compatibility {
            let effect = finding.rule.effects()[index];
            if effect != Effect::Safe {
                by_rule.entry((std::cmp::Reverse(effect), finding.rule)).or_default().push(finding);
            }
        }
        if by_rule.is_empty() {
            continue;
        }
        if !has_title {
            out.push_str("\nCompatibility\n");
            has_title = true;
        }
        let _ = writeln!(out, "  {}", title(audience));
        for ((effect, rule), findings) in by_rule {
            let names: Vec<String> = findings
                .iter()
                .map(|one| whose(one.model.unwrap_or("identities"), one.field))
                .collect();
            let _ = writeln!(out, "    {} {}: {}", effect.0.as_str(), rule.id(), names.join(", "));
        }
    }
}

fn title(audience: Audience) -> &'static str {
    match audience {
        Audience::OldReadsNew => "old clients that read new rows",
        Audience::NewReadsOld => "new clients that read old rows",
        Audience::OldWrites => "old clients that write",
        Audience::Rust => "programs that use the generated Rust",
        Audience::TypeScript => "programs that use the generated TypeScript",
        Audience::OpenApi => "clients of the OpenAPI document",
        Audience::Binary => "readers of the binary form",
        Audience::Isolation => "isolation",
    }
}

fn last_line(report: &Report<'_, '_>) -> String {
    if report.diff.steps().is_empty() {
        return "the schemas are equivalent\n".to_owned();
    }
    let warnings = &report.verdict.warnings;
    let classes = || warnings.iter().map(|warning| warning.risk.class());
    let needs = report.verdict.unresolved().count()
        + classes().filter(|class| class.needs_backfill).count();
    let missing = [
        (report.possible_renames.len(), "decision"),
        (needs, "backfill"),
        (classes().filter(|class| class.loss || class.isolation).count(), "approval"),
    ];
    let missing: Vec<String> = missing
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(*count, what))
        .collect();
    let steps = counted(report.diff.steps().len(), "step");
    if missing.is_empty() {
        format!("\n{steps}; nothing is missing\n")
    } else {
        format!("\n{steps}; missing: {}\n", missing.join(", "))
    }
}
