//! The plan: the reviewed document that `apply` executes.
//!
//! It contains every statement and assumption of the migration, a hash of them, and approvals bound
//! to that hash, so changing the plan voids its approvals. The serialisation is deterministic.

use crate::codes::{self, Code};
use crate::error::{Error, Finding, Result};
use crate::ledger::Record;
use ablo_codegen::migrate::{HeldLock, Statement};
use ablo_codegen::shape::Layout;
use ablo_schema::{Hashes, Schema, canonical, front};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of the plan document that this crate reads and writes.
pub const FORMAT: u32 = 1;

/// A migration plan with its approvals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// The part that is hashed.
    #[serde(flatten)]
    pub body: Body,
    /// The hash of the body, as 64 hex digits.
    pub plan_hash: String,
    /// The approvals.
    pub approvals: Vec<Approval>,
}

/// The content of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// The version of the document.
    pub ablo_plan: u32,
    /// `postgres` or `sqlite`.
    pub dialect: String,
    /// The database schema that contains the tables.
    pub target_schema: String,
    /// Whether `fk` relations become foreign keys.
    pub foreign_keys: bool,
    /// The layout that the tables get. Releases before it could change did not state it.
    #[serde(default, skip_serializing_if = "Layout::is_first")]
    pub layout: Layout,
    /// The `contentHash` of the current schema. `None` if the database has no schema.
    pub from: Option<String>,
    /// The `contentHash` of the next schema.
    pub to: String,
    /// The tables of both schemas.
    pub tables: Vec<String>,
    /// The fingerprint of these tables. `None` for a plan that was made offline.
    pub fingerprint: Option<String>,
    /// The row count of each affected table. Estimated if row security hides rows.
    pub rows: BTreeMap<String, RowCount>,
    /// The difference, as `ablo diff --format json` prints it.
    pub report: Value,
    /// The approvals that the plan needs.
    pub approvals_needed: Vec<RequiredApproval>,
    /// The strongest lock on each table, and from which statement to which it is held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<HeldLock>,
    /// The statements, in order.
    pub statements: Vec<Statement>,
    /// The next schema, as Schema JSON.
    pub schema: Value,
    /// The previous schema, if the database had tables and no ledger.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub baseline: Value,
    /// The hints, as `--hints` reads them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub hints: Value,
    /// The backfills, as `--backfills` reads them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub backfills: Value,
}

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCount {
    /// The number.
    pub count: u64,
    /// Whether it was counted rather than estimated.
    pub exact: bool,
}

/// The reason why a step needs an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    /// It loses values.
    Loss,
    /// It opens rows to more readers.
    Isolation,
}

impl Class {
    /// Returns the prefix of approval ids of this class.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Loss => "loss",
            Class::Isolation => "isolation",
        }
    }
}

/// An approval that a plan needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequiredApproval {
    /// The id, such as `loss:3`, or `loss:layout` for the change of the tables' layout.
    pub id: String,
    /// The index of the step; the number of steps for the layout.
    pub step: usize,
    /// The reason.
    pub class: Class,
    /// The effect of the step, in prose.
    pub what: String,
    /// The number of affected rows, if it could be counted.
    pub rows: Option<u64>,
}

/// An approval that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// The id of the required approval.
    pub id: String,
    /// The hash of the plan that was reviewed.
    pub plan_hash: String,
    /// The name that the approver gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The signature, which a database with approvers needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// The signature of an approval, and what it covers besides the approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signature {
    /// The approver's public key.
    pub key: String,
    /// The identity of the database.
    pub database: String,
    /// The id of the ledger's last entry.
    pub position: i64,
    /// The exact number of affected rows. `None` if the step affects no rows that can be counted.
    pub rows: Option<u64>,
    /// When the approval ends, as RFC 3339.
    pub expires: String,
    /// The signature over the approval with this member empty.
    pub signature: String,
}

impl Plan {
    /// Creates a plan without approvals.
    #[must_use]
    pub fn new(body: Body) -> Self {
        let plan_hash = body.hash();
        Self { body, plan_hash, approvals: Vec::new() }
    }

    /// Parses a plan and verifies its hash.
    ///
    /// # Errors
    /// `ablo::migrate::plan_unreadable`, `ablo::migrate::plan_changed` and
    /// `ablo::migrate::schema_invalid`.
    pub fn read(text: &str) -> Result<Self> {
        let plan: Self = serde_json::from_str(text)
            .map_err(|error| Finding::new(codes::PLAN_UNREADABLE, error.to_string()))?;
        if plan.body.ablo_plan != FORMAT {
            let message = format!(
                "the plan has version {}, this ablo reads version {FORMAT}",
                plan.body.ablo_plan
            );
            return Err(Finding::new(codes::PLAN_UNREADABLE, message).into());
        }
        if plan.body.hash() != plan.plan_hash {
            // The right hash would help to forge a plan.
            let message = "`planHash` is not the hash of the plan";
            return Err(Finding::new(codes::PLAN_CHANGED, message).into());
        }
        if Hashes::of(&plan.schema()?).content.to_string() != plan.body.to {
            let message = "the hash of `schema` differs from `to`";
            return Err(Finding::new(codes::PLAN_CHANGED, message).into());
        }
        Ok(plan)
    }

    /// Returns the JSON document, with a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and flags always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Returns the next schema.
    ///
    /// # Errors
    /// `ablo::migrate::schema_invalid`.
    pub fn schema(&self) -> Result<Schema> {
        read_schema(&self.body.schema.to_string(), SchemaOrigin::Plan)
    }

    /// Adds the approval with this id, or replaces it.
    ///
    /// # Errors
    /// `ablo::migrate::approval_unknown`.
    pub fn approve(&mut self, id: &str, by: Option<&str>) -> Result<()> {
        if !self.body.approvals_needed.iter().any(|needed| needed.id == id) {
            let ids: Vec<_> =
                self.body.approvals_needed.iter().map(|needed| needed.id.as_str()).collect();
            let help = if ids.is_empty() {
                "the plan needs no approvals".to_owned()
            } else {
                format!("the plan needs {}", ids.join(", "))
            };
            return Err(Finding::new(
                codes::APPROVAL_UNKNOWN,
                format!("the plan needs no approval `{id}`"),
            )
            .help(help)
            .into());
        }
        self.approvals.retain(|approval| approval.id != id);
        let (id, plan_hash) = (id.to_owned(), self.plan_hash.clone());
        self.approvals.push(Approval { id, plan_hash, by: by.map(str::to_owned), signature: None });
        Ok(())
    }

    /// Checks that every required approval was given for this plan.
    ///
    /// # Errors
    /// Returns one finding per fault: `ablo::migrate::approval_missing`,
    /// `ablo::migrate::approval_void` or `ablo::migrate::approval_unknown`.
    pub fn check_approvals(&self) -> Result<()> {
        let mut findings = Vec::new();
        let mut report = |code: Code, message: String| findings.push(Finding::new(code, message));
        for Approval { id, plan_hash, .. } in &self.approvals {
            if *plan_hash != self.plan_hash {
                report(
                    codes::APPROVAL_VOID,
                    format!("the approval `{id}` is for the plan {plan_hash}"),
                );
            } else if !self.body.approvals_needed.iter().any(|needed| needed.id == *id) {
                report(codes::APPROVAL_UNKNOWN, format!("the plan needs no approval `{id}`"));
            }
        }
        for needed in &self.body.approvals_needed {
            let is_given = |approval: &Approval| {
                approval.id == needed.id && approval.plan_hash == self.plan_hash
            };
            if !self.approvals.iter().any(is_given) {
                let rows = needed.rows.map(|rows| format!(" ({rows} rows)")).unwrap_or_default();
                report(
                    codes::APPROVAL_MISSING,
                    format!("`{}` is not approved: {}{rows}", needed.id, needed.what),
                );
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(Error(findings)) }
    }

    /// Reports whether nothing but approvals is open: no possible rename is undecided and no
    /// backfill is missing.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        let list =
            |name: &str| self.body.report.get(name).and_then(Value::as_array).into_iter().flatten();
        let no_backfill = list("warnings").all(|warning| warning.get("needs").is_none());
        no_backfill
            && list("possibleRenames").next().is_none()
            && list("unresolvedBlockers").next().is_none()
    }

    /// Returns the record of this plan for the ledger, in which no difference is accepted.
    ///
    /// # Errors
    /// `ablo::migrate::schema_invalid`.
    pub fn record(&self) -> Result<Record> {
        Ok(Record {
            from: self.body.from.clone(),
            to: self.body.to.clone(),
            schema: canonical::print(&self.schema()?),
            foreign_keys: self.body.foreign_keys,
            layout: self.body.layout,
            statements: self.body.statements.clone(),
            accepted: Vec::new(),
        })
    }
}

impl Body {
    fn hash(&self) -> String {
        // Strings, numbers and flags always serialise.
        let text = serde_json::to_string(self).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}

/// The document that a schema was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOrigin {
    /// A plan.
    Plan,
    /// The ledger of a database.
    Ledger,
    /// The tables of a database.
    Pull,
}

/// Reads a schema that ablo wrote.
///
/// # Errors
/// `ablo::migrate::schema_invalid`, `ablo::ledger::schema_invalid` or
/// `ablo::pull::schema_invalid`, by origin.
pub fn read_schema(text: &str, origin: SchemaOrigin) -> Result<Schema> {
    let (code, name) = match origin {
        SchemaOrigin::Plan => (codes::PLAN_SCHEMA_INVALID, "the schema of the plan"),
        SchemaOrigin::Ledger => (codes::LEDGER_SCHEMA_INVALID, "the schema of the ledger"),
        SchemaOrigin::Pull => (codes::PULL_SCHEMA_INVALID, "the pulled schema"),
    };
    let read = front::json::read(text);
    read.schema.ok_or_else(|| {
        let first = read
            .diagnostics
            .iter()
            .next()
            .map(|first| format!(": {}", first.message))
            .unwrap_or_default();
        Finding::new(code, format!("{name} is invalid{first}")).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let text = r#"{"v":3,"models":{},"identityRoles":[]}"#;
        let schema = read_schema(text, SchemaOrigin::Plan).expect("a valid schema");
        let needed = |class: Class, step: usize| {
            let id = format!("{}:{step}", class.as_str());
            RequiredApproval {
                id,
                step,
                class,
                what: "drops `tasks`.`note`".to_owned(),
                rows: Some(3),
            }
        };
        Plan::new(Body {
            ablo_plan: FORMAT,
            dialect: "postgres".to_owned(),
            target_schema: "public".to_owned(),
            foreign_keys: true,
            layout: Layout::CURRENT,
            from: None,
            to: Hashes::of(&schema).content.to_string(),
            tables: Vec::new(),
            fingerprint: None,
            rows: BTreeMap::new(),
            report: Value::Null,
            approvals_needed: vec![needed(Class::Loss, 0), needed(Class::Isolation, 2)],
            locks: Vec::new(),
            statements: Vec::new(),
            schema: serde_json::from_str(text).expect("JSON"),
            baseline: Value::Null,
            hints: Value::Null,
            backfills: Value::Null,
        })
    }

    fn codes_of(result: Result<()>) -> Vec<&'static str> {
        result.map_or_else(
            |error| error.0.iter().map(|finding| finding.code.name).collect(),
            |()| Vec::new(),
        )
    }

    #[test]
    fn a_plan_round_trips() {
        let mut plan = plan();
        plan.approve("loss:0", Some("ada")).expect("a required approval");
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
            let error = Plan::read(&text.replacen(from, to, 1)).expect_err("a changed plan");
            assert_eq!(error.0[0].code.name, "ablo::migrate::plan_changed");
        }
        let error = Plan::read("{}").expect_err("not a plan");
        assert_eq!(error.0[0].code.name, "ablo::migrate::plan_unreadable");
    }

    #[test]
    fn an_approval_is_for_one_step_of_one_plan() {
        let mut plan = plan();
        assert_eq!(codes_of(plan.check_approvals()), ["ablo::migrate::approval_missing"; 2]);
        assert_eq!(codes_of(plan.approve("loss:2", None)), ["ablo::migrate::approval_unknown"]);
        plan.approve("loss:0", None).expect("a required approval");
        assert_eq!(codes_of(plan.check_approvals()), ["ablo::migrate::approval_missing"]);
        plan.approve("isolation:2", None).expect("a required approval");
        assert_eq!(codes_of(plan.check_approvals()), [""; 0]);
        let mut later = Plan::new(Body { target_schema: "other".to_owned(), ..plan.body.clone() });
        later.approvals = plan.approvals;
        let void = ["ablo::migrate::approval_void", "ablo::migrate::approval_missing"]
            .map(|code| [code; 2])
            .concat();
        assert_eq!(codes_of(later.check_approvals()), void);
    }

    #[test]
    fn an_invalid_schema_has_the_code_of_its_origin() {
        for (origin, code) in [
            (SchemaOrigin::Plan, "ablo::migrate::schema_invalid"),
            (SchemaOrigin::Ledger, "ablo::ledger::schema_invalid"),
            (SchemaOrigin::Pull, "ablo::pull::schema_invalid"),
        ] {
            let error = read_schema("{}", origin).expect_err("an invalid schema");
            assert_eq!(error.0[0].code.name, code);
        }
    }
}
