//! The plan: the document that people and agents review, and that alone is applied.
//!
//! It carries everything that an apply does and relies on, a hash of that, and approvals bound to the hash: whoever changes the
//! plan voids them. Members stand in one order, so that two plans of the same are the same bytes.

use crate::codes::{self, Code};
use crate::error::{Error, Finding, Result};
use crate::ledger::Record;
use ablo_codegen::migrate::Statement;
use ablo_schema::{Hashes, Schema, canonical, front};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of the document that this crate reads and writes.
pub const FORMAT: u32 = 1;

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// Everything that is hashed.
    #[serde(flatten)]
    pub body: Body,
    /// The hash of it: 64 hex digits.
    pub plan_hash: String,
    /// What was approved.
    pub approvals: Vec<Approval>,
}

/// What a plan says and does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// The version of the document.
    pub ablo_plan: u32,
    /// `postgres`.
    pub dialect: String,
    /// The schema that holds the tables.
    pub target_schema: String,
    /// Whether relations with `fk` become foreign keys.
    pub foreign_keys: bool,
    /// The `contentHash` of the schema that the database has; none where it has none.
    pub from: Option<String>,
    /// The `contentHash` of the schema that it gets.
    pub to: String,
    /// The tables that it is about.
    pub tables: Vec<String>,
    /// The fingerprint of those tables when it was made; none for a plan that was made without a database.
    pub fingerprint: Option<String>,
    /// How many rows each table had; with an estimate where row security hides them.
    pub rows: BTreeMap<String, RowCount>,
    /// What changes and what it means, as `ablo diff --format json` says it.
    pub report: Value,
    /// What has to be approved.
    pub approvals_needed: Vec<Needed>,
    /// What runs, in order.
    pub statements: Vec<Statement>,
    /// The schema that the database gets, as its document.
    pub schema: Value,
}

/// How many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCount {
    /// So many.
    pub count: u64,
    /// Whether they were counted, not estimated.
    pub exact: bool,
}

/// Why a step needs an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// Values are lost.
    Loss,
    /// More people see rows than before.
    Isolation,
}

impl Class {
    /// As ids begin.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Loss => "loss",
            Class::Isolation => "isolation",
        }
    }
}

/// One approval that a plan asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Needed {
    /// What an approval names: `loss:3`.
    pub id: String,
    /// The position of the step.
    pub step: usize,
    /// Why.
    pub class: Class,
    /// What happens, in words.
    pub what: String,
    /// How many rows it is about, where that could be counted.
    pub rows: Option<u64>,
}

/// One approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// The id of what was approved.
    pub id: String,
    /// The hash of the plan that was read.
    pub plan_hash: String,
    /// Who approved it, as they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Plan {
    /// A plan without approvals.
    #[must_use]
    pub fn new(body: Body) -> Self {
        let plan_hash = body.hash();
        Self { body, plan_hash, approvals: Vec::new() }
    }

    /// Reads a plan and makes sure that nobody changed it.
    ///
    /// # Errors
    /// `ablo::migrate::plan_unreadable`, `ablo::migrate::plan_changed` and `ablo::migrate::schema_invalid`.
    pub fn read(text: &str) -> Result<Self> {
        let plan: Self = serde_json::from_str(text)
            .map_err(|error| Finding::new(codes::PLAN_UNREADABLE, error.to_string()))?;
        if plan.body.ablo_plan != FORMAT {
            let message =
                format!("it has the version {}, this ablo reads {FORMAT}", plan.body.ablo_plan);
            return Err(Finding::new(codes::PLAN_UNREADABLE, message).into());
        }
        let hash = plan.body.hash();
        if hash != plan.plan_hash {
            let message = format!("it says that it is {}, and it is {hash}", plan.plan_hash);
            return Err(Finding::new(codes::PLAN_CHANGED, message).into());
        }
        if Hashes::of(&plan.schema()?).content.to_string() != plan.body.to {
            let message = "its schema is not the one whose hash it has under `to`";
            return Err(Finding::new(codes::PLAN_CHANGED, message).into());
        }
        Ok(plan)
    }

    /// The document, with a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and flags always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The schema that the database gets.
    ///
    /// # Errors
    /// `ablo::migrate::schema_invalid`.
    pub fn schema(&self) -> Result<Schema> {
        read_schema(&self.body.schema.to_string(), "the plan")
    }

    /// Approves one step, or all of one id again.
    ///
    /// # Errors
    /// `ablo::migrate::approval_unknown`.
    pub fn approve(&mut self, id: &str, by: Option<&str>) -> Result<()> {
        if !self.body.approvals_needed.iter().any(|needed| needed.id == id) {
            let listed: Vec<_> =
                self.body.approvals_needed.iter().map(|needed| needed.id.as_str()).collect();
            let help = if listed.is_empty() {
                "it asks for none".to_owned()
            } else {
                format!("it asks for {}", listed.join(", "))
            };
            return Err(Finding::new(
                codes::APPROVAL_UNKNOWN,
                format!("the plan asks for no approval `{id}`"),
            )
            .help(help)
            .into());
        }
        self.approvals.retain(|approval| approval.id != id);
        let (id, plan_hash) = (id.to_owned(), self.plan_hash.clone());
        self.approvals.push(Approval { id, plan_hash, by: by.map(str::to_owned) });
        Ok(())
    }

    /// Makes sure that every step that needs an approval has one for exactly it and exactly this plan.
    ///
    /// # Errors
    /// `ablo::migrate::approval_missing`, `ablo::migrate::approval_void` and `ablo::migrate::approval_unknown`, all there are.
    pub fn check_approvals(&self) -> Result<()> {
        let mut findings = Vec::new();
        let mut say = |code: Code, message: String| findings.push(Finding::new(code, message));
        for Approval { id, plan_hash, .. } in &self.approvals {
            if *plan_hash != self.plan_hash {
                say(
                    codes::APPROVAL_VOID,
                    format!("the approval `{id}` was given to the plan {plan_hash}"),
                );
            } else if !self.body.approvals_needed.iter().any(|needed| needed.id == *id) {
                say(codes::APPROVAL_UNKNOWN, format!("the plan asks for no approval `{id}`"));
            }
        }
        for needed in &self.body.approvals_needed {
            let is_given = |approval: &Approval| {
                approval.id == needed.id && approval.plan_hash == self.plan_hash
            };
            if !self.approvals.iter().any(is_given) {
                let rows = needed.rows.map(|rows| format!(" ({rows} rows)")).unwrap_or_default();
                say(
                    codes::APPROVAL_MISSING,
                    format!("`{}` is not approved: {}{rows}", needed.id, needed.what),
                );
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(Error(findings)) }
    }

    /// Whether nobody has to decide anything but the approvals: no rename is in question, and no row lacks a value.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        let list =
            |name: &str| self.body.report.get(name).and_then(Value::as_array).into_iter().flatten();
        let no_backfill = list("warnings").all(|warning| warning.get("needs").is_none());
        no_backfill
            && list("possibleRenames").next().is_none()
            && list("unresolvedBlockers").next().is_none()
    }

    /// What the ledger is to say of it.
    ///
    /// # Errors
    /// `ablo::migrate::schema_invalid`.
    pub fn record(&self) -> Result<Record> {
        Ok(Record {
            from: self.body.from.clone(),
            to: self.body.to.clone(),
            schema: canonical::print(&self.schema()?),
            foreign_keys: self.body.foreign_keys,
            statements: self.body.statements.clone(),
        })
    }
}

impl Body {
    fn hash(&self) -> String {
        // Texts, numbers and flags always serialise.
        let text = serde_json::to_string(self).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}

/// Reads a schema that was valid when it was recorded.
///
/// # Errors
/// `ablo::migrate::schema_invalid`.
pub fn read_schema(text: &str, whose: &str) -> Result<Schema> {
    let read = front::json::read(text);
    read.schema.ok_or_else(|| {
        let first = read
            .diagnostics
            .iter()
            .next()
            .map(|first| format!(": {}", first.message))
            .unwrap_or_default();
        Finding::new(codes::SCHEMA_INVALID, format!("the schema of {whose} is not valid{first}"))
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let text = r#"{"v":3,"models":{},"identityRoles":[]}"#;
        let schema = read_schema(text, "a test").expect("it is valid");
        let needed = |class: Class, step: usize| {
            let id = format!("{}:{step}", class.as_str());
            Needed { id, step, class, what: "drops `tasks`.`note`".to_owned(), rows: Some(3) }
        };
        Plan::new(Body {
            ablo_plan: FORMAT,
            dialect: "postgres".to_owned(),
            target_schema: "public".to_owned(),
            foreign_keys: true,
            from: None,
            to: Hashes::of(&schema).content.to_string(),
            tables: Vec::new(),
            fingerprint: None,
            rows: BTreeMap::new(),
            report: Value::Null,
            approvals_needed: vec![needed(Class::Loss, 0), needed(Class::Isolation, 2)],
            statements: Vec::new(),
            schema: serde_json::from_str(text).expect("JSON"),
        })
    }

    fn codes_of(result: Result<()>) -> Vec<&'static str> {
        result.map_or_else(
            |error| error.0.iter().map(|finding| finding.code.name).collect(),
            |()| Vec::new(),
        )
    }

    #[test]
    fn a_plan_survives_its_file() {
        let mut plan = plan();
        plan.approve("loss:0", Some("ada")).expect("it is asked for");
        assert_eq!(Plan::read(&plan.to_json()), Ok(plan));
    }

    #[test]
    fn a_changed_plan_is_refused() {
        let text = plan().to_json();
        for (from, to) in [
            ("\"public\"", "\"other\""),
            ("\"rows\": 3", "\"rows\": 0"),
            ("\"foreignKeys\": true", "\"foreignKeys\": false"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Plan::read(&text.replacen(from, to, 1)).expect_err("it was changed");
            assert_eq!(error.0[0].code.name, "ablo::migrate::plan_changed");
        }
        let error = Plan::read("{}").expect_err("it is none");
        assert_eq!(error.0[0].code.name, "ablo::migrate::plan_unreadable");
    }

    #[test]
    fn an_approval_is_for_one_step_of_one_plan() {
        let mut plan = plan();
        assert_eq!(codes_of(plan.check_approvals()), ["ablo::migrate::approval_missing"; 2]);
        assert_eq!(codes_of(plan.approve("loss:2", None)), ["ablo::migrate::approval_unknown"]);
        plan.approve("loss:0", None).expect("it is asked for");
        assert_eq!(codes_of(plan.check_approvals()), ["ablo::migrate::approval_missing"]);
        plan.approve("isolation:2", None).expect("it is asked for");
        assert_eq!(codes_of(plan.check_approvals()), [""; 0]);
        let mut later = Plan::new(Body { target_schema: "other".to_owned(), ..plan.body.clone() });
        later.approvals = plan.approvals;
        let void = ["ablo::migrate::approval_void", "ablo::migrate::approval_missing"]
            .map(|code| [code; 2])
            .concat();
        assert_eq!(codes_of(later.check_approvals()), void);
    }

    #[test]
    fn a_recorded_schema_has_to_be_valid() {
        let error = read_schema("{}", "a test").expect_err("it is none");
        assert_eq!(error.0[0].code.name, "ablo::migrate::schema_invalid");
    }
}
