//! Memberships: a row that grants a participant a sync group takes effect when it is committed
//! (docs/protocol/commits.md §10).
//!
//! The tokens of the subject gain or lose the group, and deltas that only the subject receives
//! report it: `G` and a `C` for each row that became visible, or `S` and another `S` for each row
//! that is no longer visible.

use super::Engine;
use super::exchange::entitled_groups;
use super::groups::row_groups;
use super::log::{self, Entry};
use crate::error::Result;
use crate::identity::Identity;
use crate::models::row::{id, json};
use crate::models::{Grants, Model};
use crate::store::Row;
use crate::store::Tx;
use crate::store::rows::RowQuery;
use crate::store::tables::credentials::{self, Credential};
use ablo_wire::ParticipantKind;
use std::collections::BTreeSet;

/// Maximum number of rows to report one by one; beyond it the client is asked to reload.
const MAX_ROW_DELTAS: u64 = 1000;

/// A group that a membership row grants to a participant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct GroupGrant {
    subject: String,
    group: String,
}

/// A row before and after a change, and the turn that caused it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChangedRow<'c> {
    pub(super) model: &'c Model,
    pub(super) row: &'c str,
    pub(super) before: Option<&'c Row>,
    pub(super) after: Option<&'c Row>,
    pub(super) caused_by: Option<&'c str>,
}

/// Grants or revokes group membership when its row changes. Returns the last sync id, if any.
pub(super) fn apply_change(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    changed: &ChangedRow<'_>,
) -> Result<Option<u64>> {
    let Some(grants) = &changed.model.grants else { return Ok(None) };
    let grant_in = |row: Option<&Row>| row.and_then(|row| grant_of(grants, row));
    let (before, after) = (grant_in(changed.before), grant_in(changed.after));
    if before == after {
        return Ok(None);
    }
    let mut last = None;
    if let Some(removed) = before
        && count_grants(engine, tx, &who.organization, &removed)? == 0
    {
        last = remove_grant(engine, tx, who, changed, &removed)?.or(last);
    }
    if let Some(added) = after
        && count_grants(engine, tx, &who.organization, &added)? == 1
    {
        last = Some(add_grant(engine, tx, who, changed, &added)?);
    }
    Ok(last)
}

fn grant_of(grants: &Grants, row: &Row) -> Option<GroupGrant> {
    let subject = row.get(grants.subject)?.text()?.to_owned();
    Some(GroupGrant {
        subject,
        group: format!("{}:{}", grants.kind, row.get(grants.scope)?.text()?),
    })
}

/// Returns how many rows grant the same membership.
fn count_grants(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    grant: &GroupGrant,
) -> Result<u64> {
    let mut count = 0;
    for model in engine.models.iter() {
        let Some(grants) = &model.grants else { continue };
        let Some(scope) =
            grant.group.strip_prefix(&*grants.kind).and_then(|rest| rest.strip_prefix(':'))
        else {
            continue;
        };
        let (subject, scope) = ((grants.subject, grant.subject.as_str()), (grants.scope, scope));
        count += engine.rows().count_pairs(tx, organization, model, subject, scope)?;
    }
    Ok(count)
}

/// Adds the group to the tokens with full reach and appends the deltas for the subject.
fn add_grant(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    changed: &ChangedRow<'_>,
    membership: &GroupGrant,
) -> Result<u64> {
    for token in credentials::issued_to(tx, &who.organization, &membership.subject)? {
        if token.full_reach && !token.identity.groups.contains(&membership.group) {
            let mut groups = token.identity.groups;
            groups.insert(membership.group.clone());
            credentials::set_groups(tx, &token.id, &groups)?;
        }
    }
    let deltas = MembershipDeltas { engine, who, changed, grant: membership };
    let mut last = deltas.group(tx, "G")?;
    if let Some(rows) = deltas.rows(tx)? {
        for (model, row) in rows {
            last = deltas.row(tx, "C", model, &row)?;
        }
    } else {
        last = deltas.reload(tx, "G")?;
    }
    Ok(last)
}

/// Removes the group from the subject's tokens and all tokens derived from them, and appends the
/// deltas for the subject. Returns `None` if the subject is entitled to the group by its role.
fn remove_grant(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    changed: &ChangedRow<'_>,
    membership: &GroupGrant,
) -> Result<Option<u64>> {
    let organization = &who.organization;
    let entitled = entitled_groups(
        engine,
        tx,
        organization,
        &ParticipantKind::User,
        &membership.subject,
        &serde_json::Map::new(),
    )?;
    if entitled.contains(&membership.group) {
        return Ok(None);
    }
    remove_from_tokens(engine, tx, organization, membership)?;
    let deltas = MembershipDeltas { engine, who, changed, grant: membership };
    let mut last = deltas.group(tx, "S")?;
    // Clients of the reference implementation reload at every `S`; ours only in the second case.
    match deltas.rows(tx)? {
        Some(rows) => {
            for (model, row) in rows {
                last = deltas.row(tx, "S", model, &row)?;
            }
        }
        None => last = deltas.reload(tx, "S")?,
    }
    Ok(Some(last))
}

/// Removes the group from a user's tokens, unless a role of the token contains it, and from all
/// tokens derived from those that lose it.
fn remove_from_tokens(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    membership: &GroupGrant,
) -> Result<()> {
    let mut rest = credentials::issued_to(tx, organization, &membership.subject)?;
    let mut keep = BTreeSet::new();
    while !rest.is_empty() {
        let ids: BTreeSet<String> = rest.iter().map(|token| token.id.clone()).collect();
        let is_derived =
            |token: &Credential| token.parent.as_ref().is_some_and(|parent| ids.contains(parent));
        let (derived, decided): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_derived);
        for token in decided {
            let own = &token.identity;
            let mut groups = own.groups.clone();
            if !groups.remove(&membership.group) {
                continue;
            }
            // The data of a derived token is its parent's, so that both have the same roles.
            let meta = serde_json::from_str(&own.user_meta).unwrap_or_default();
            let parent_keeps = token.parent.as_ref().is_some_and(|parent| keep.contains(parent));
            if parent_keeps
                || entitled_groups(engine, tx, organization, &own.kind, &own.participant, &meta)?
                    .contains(&membership.group)
            {
                keep.insert(token.id);
            } else {
                credentials::set_groups(tx, &token.id, &groups)?;
            }
        }
        rest = derived;
    }
    Ok(())
}

/// Appends the deltas that report a membership to its subject.
struct MembershipDeltas<'t> {
    engine: &'t Engine,
    who: &'t Identity,
    changed: &'t ChangedRow<'t>,
    grant: &'t GroupGrant,
}

impl<'t> MembershipDeltas<'t> {
    /// Returns every row that the group sees, or `None` if there are too many.
    fn rows(&self, tx: &mut Tx<'_>) -> Result<Option<Vec<(&'t Model, Row)>>> {
        let reader =
            Identity { groups: BTreeSet::from([self.grant.group.clone()]), ..self.who.clone() };
        let mut rows = Vec::new();
        let mut left = MAX_ROW_DELTAS;
        for model in self.engine.models.iter() {
            let mut select = RowQuery::new(&reader, model);
            select.limit = Some(left + 1);
            let found = select.run(self.engine.rows(), tx)?;
            match left.checked_sub(found.len() as u64) {
                Some(rest) => left = rest,
                None => return Ok(None),
            }
            rows.extend(found.into_iter().map(|row| (model, row)));
        }
        Ok(Some(rows))
    }

    /// Appends the delta that the group was added or removed.
    fn group(&self, tx: &mut Tx<'_>, action: &'static str) -> Result<u64> {
        let data = serde_json::json!({"group": self.grant.group, "userId": self.grant.subject});
        self.append(
            tx,
            action,
            &self.changed.model.type_name,
            self.changed.row,
            Some(data.to_string()),
            None,
        )
    }

    /// Appends a delta that makes clients reload (docs/protocol/websocket.md §5.3, older form of
    /// `G`).
    fn reload(&self, tx: &mut Tx<'_>, action: &'static str) -> Result<u64> {
        let (added, removed): (&[&str], &[&str]) = match action {
            "G" => (&[&self.grant.group], &[]),
            _ => (&[], &[&self.grant.group]),
        };
        let data = serde_json::json!({
            "group": self.grant.group,
            "userId": self.grant.subject,
            "addedGroups": added,
            "removedGroups": removed,
        });
        self.append(
            tx,
            "G",
            &self.changed.model.type_name,
            self.changed.row,
            Some(data.to_string()),
            None,
        )
    }

    /// Appends a delta that a row became visible or is no longer visible.
    fn row(&self, tx: &mut Tx<'_>, action: &'static str, model: &Model, row: &Row) -> Result<u64> {
        let groups = row_groups(self.engine, tx, &self.who.organization, model, row)?;
        let data = (action == "C").then(|| json(model, row));
        self.append(tx, action, &model.type_name, id(row), data, Some(&groups))
    }

    fn append(
        &self,
        tx: &mut Tx<'_>,
        action: &'static str,
        model: &str,
        row: &str,
        data: Option<String>,
        previous_groups: Option<&BTreeSet<String>>,
    ) -> Result<u64> {
        let groups =
            BTreeSet::from([format!("user:{}", self.grant.subject), self.grant.group.clone()]);
        let entry = Entry {
            action,
            model,
            id: row,
            data,
            previous: None,
            groups: &groups,
            previous_groups,
            transaction: None,
            caused_by: self.changed.caused_by,
            claim: None,
        };
        Ok(log::append(tx, self.who, entry)?)
    }
}
