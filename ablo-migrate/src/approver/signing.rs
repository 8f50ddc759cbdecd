//! Signed approvals. A signature covers the plan, the step, the database, its position in the
//! ledger, the exact number of affected rows and an end.

use super::key::is_signed;
use super::{ApproverKey, Approvers, signed_text};
use crate::catalog::Catalog;
use crate::codes::{self, Code};
use crate::derivation;
use crate::error::{Error, Finding, Result};
use crate::ledger::Entry;
use crate::plan::{Approval, Plan, RequiredApproval, Signature};
use crate::session::{RowLimit, Session, Subject};
use jiff::Timestamp;
use std::time::Duration;

/// A step that an approver signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStep {
    /// The id of the approval.
    pub id: String,
    /// The effect of the step.
    pub what: String,
    /// The number of rows that it may affect.
    pub rows: Option<u64>,
}

/// Signs approvals of a plan for a database, and adds them to the plan. Checks first that the plan
/// is what `apply` would accept, and counts the rows.
///
/// # Errors
/// `ablo::migrate::approval_unknown`, `ablo::approver::untrusted`,
/// `ablo::migrate::approval_rows`, the errors of [`apply`](crate::apply) about plans, or any error
/// of the session.
pub fn sign(
    database: &mut dyn Session,
    plan: &mut Plan,
    ids: &[String],
    key: &ApproverKey,
    valid: Duration,
) -> Result<Vec<SignedStep>> {
    derivation::check_target(database, &plan.body)?;
    let head = database.ledger()?.pop();
    let (subjects, _) = derivation::check(database, &plan.body, head.as_ref())?;
    let stored = database.approvers()?;
    let list = Approvers::read(&stored)?;
    let public = key.public();
    let approver = list.as_ref().and_then(|list| Some((list, list.find(&public)?)));
    let Some((list, approver)) = approver else {
        return Err(refused(codes::APPROVER_UNTRUSTED, "the key is not one of an approver"));
    };
    let too_long = || refused(codes::APPROVER_REFUSED, "the end of the approval is too far away");
    let expires = stored.now.checked_add(valid).map_err(|_| too_long())?.to_string();
    let position = head.as_ref().map_or(0, |entry| entry.id);
    let found = database.catalog()?;
    let mut signed = Vec::new();
    for id in ids {
        plan.approve(id, Some(&approver.name))?;
        let needed = plan.body.approvals_needed.iter().zip(&subjects);
        let Some((needed, subject)) = needed.into_iter().find(|(needed, _)| needed.id == *id)
        else {
            continue;
        };
        let rows = match counted(&found, subject.as_ref()) {
            Some(subject) => Some(count(database, needed, subject)?),
            None => None,
        };
        let (what, database) = (needed.what.clone(), list.database.clone());
        let (key_text, expires) = (public.clone(), expires.clone());
        if let Some(approval) = plan.approvals.iter_mut().find(|approval| approval.id == *id) {
            let signature = String::new();
            approval.signature =
                Some(Signature { key: key_text, database, position, rows, expires, signature });
            let text = text_of(approval);
            if let Some(signature) = &mut approval.signature {
                signature.signature = key.sign(&text);
            }
        }
        signed.push(SignedStep { id: id.clone(), what, rows });
    }
    Ok(signed)
}

/// Checks the signatures of a plan's approvals, if the database has approvers. Returns how many
/// rows each step may affect. The caller holds the lock.
///
/// # Errors
/// One finding per approval: a code that begins with `ablo::migrate::approval_`;
/// `ablo::approver::list_invalid`, `ablo::approver::same_role`, or any error of the session.
pub(crate) fn limits(
    database: &mut dyn Session,
    plan: &Plan,
    head: Option<&Entry>,
    subjects: &[Option<Subject>],
) -> Result<Vec<RowLimit>> {
    plan.check_approvals()?;
    if plan.body.approvals_needed.is_empty() {
        return Ok(Vec::new());
    }
    let stored = database.approvers()?;
    let Some(list) = Approvers::read(&stored)? else { return Ok(Vec::new()) };
    if stored.is_writable {
        let message = "the role that migrates can change the list of approvers";
        return Err(refused(codes::APPROVER_SAME_ROLE, message));
    }
    let position = head.map_or(0, |entry| entry.id);
    let found = database.catalog()?;
    let (mut limits, mut findings) = (Vec::new(), Vec::new());
    for (needed, subject) in plan.body.approvals_needed.iter().zip(subjects) {
        let subject = counted(&found, subject.as_ref());
        let given = plan.approvals.iter().filter(|approval| approval.id == needed.id);
        // One valid signature is enough; otherwise the first fault is reported.
        let mut checked = given.map(|approval| {
            let signature = check(approval, &list, position, stored.now)?;
            match (subject, signature.rows) {
                (None, _) => Ok(None),
                (Some(subject), Some(rows)) => {
                    Ok(Some(RowLimit { id: needed.id.clone(), subject: subject.clone(), rows }))
                }
                (Some(_), None) => {
                    Err(refusal(approval, codes::APPROVAL_ROWS, "has no number of rows"))
                }
            }
        });
        let first = checked.next();
        match first.into_iter().chain(checked).reduce(Result::or) {
            Some(Ok(limit)) => limits.extend(limit),
            Some(Err(error)) => findings.extend(error.0),
            None => {}
        }
    }
    if findings.is_empty() { Ok(limits) } else { Err(Error(findings)) }
}

/// Checks the signature of an approval.
fn check<'a>(
    approval: &'a Approval,
    list: &Approvers,
    position: i64,
    now: Timestamp,
) -> Result<&'a Signature> {
    let wrong = |code: Code, what: &str| Err(refusal(approval, code, what));
    let Some(signature) = &approval.signature else {
        return wrong(codes::APPROVAL_UNSIGNED, "is not signed");
    };
    if list.find(&signature.key).is_none() {
        return wrong(codes::APPROVAL_UNTRUSTED, "is signed with a key that is no approver's");
    }
    if !is_signed(&text_of(approval), &signature.key, &signature.signature) {
        return wrong(codes::APPROVAL_FORGED, "is not what its approver signed");
    }
    if signature.database != list.database {
        return wrong(codes::APPROVAL_ELSEWHERE, "is for another database");
    }
    if signature.position != position {
        return wrong(codes::APPROVAL_REPLAYED, "was given before another migration was applied");
    }
    if !signature.expires.parse::<Timestamp>().is_ok_and(|end| now < end) {
        return wrong(codes::APPROVAL_EXPIRED, &format!("ended at {}", signature.expires));
    }
    Ok(signature)
}

/// Returns the text that is signed for an approval.
fn text_of(approval: &Approval) -> String {
    let signature = approval.signature.clone();
    let signature = signature.map(|own| Signature { signature: String::new(), ..own });
    signed_text("approval", &Approval { signature, ..approval.clone() })
}

/// Returns the subject of an approval, if the database has it.
pub(crate) fn counted<'a>(found: &Catalog, subject: Option<&'a Subject>) -> Option<&'a Subject> {
    subject.filter(|subject| {
        found.tables.get(&subject.table).is_some_and(|table| {
            subject.column.as_ref().is_none_or(|column| table.column(column).is_some())
        })
    })
}

/// Counts the rows that a step affects, which may not be more than the plan says.
fn count(database: &mut dyn Session, needed: &RequiredApproval, subject: &Subject) -> Result<u64> {
    let id = &needed.id;
    let Some(rows) = subject.count(database)? else {
        let message = format!("row security hides rows of `{}` from this role", subject.table);
        let help = "sign with a role that may read all rows (BYPASSRLS and SELECT)";
        return Err(Finding::new(codes::APPROVAL_ROWS, message).help(help).into());
    };
    if let Some(planned) = needed.rows
        && rows > planned
    {
        let message = format!("`{id}` affects {rows} rows, the plan says {planned}");
        return Err(Finding::new(codes::APPROVAL_ROWS, message).into());
    }
    Ok(rows)
}

fn refusal(approval: &Approval, code: Code, what: &str) -> Error {
    refused(code, &format!("the approval `{}` {what}", approval.id))
}

fn refused(code: Code, message: &str) -> Error {
    Finding::new(code, message).into()
}
