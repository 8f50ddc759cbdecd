//! Memberships: a row that gives a participant a group takes effect when it is committed (docs/protocol/commits.md §10).
//!
//! The row as it was and as it is come in. The tokens of its subject cover more or less from then on, and the log says so to the
//! subject alone: `G` with a `C` for each row that came into sight, or `S` with another for each row that went out of it.

use super::Engine;
use super::credentials;
use super::exchange::entitled_groups;
use super::groups::of_row;
use super::log::{self, Entry};
use super::select::Select;
use super::table::{id, json};
use crate::error::Result;
use crate::identity::Identity;
use crate::models::{Grants, Model};
use crate::store::Row;
use crate::store::Tx;
use crate::store::sql_template::quoted;
use ablo_wire::ParticipantKind;
use std::collections::BTreeSet;

/// Rows that are told of one by one; of more, that everything has to be read anew.
const MOST: u64 = 1000;

/// What a membership gives.
#[derive(Clone, Debug, PartialEq, Eq)]
struct GroupGrant {
    subject: String,
    group: String,
}

/// A row of a model before and after a change, and the turn that caused it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed<'c> {
    pub(super) model: &'c Model,
    pub(super) row: &'c str,
    pub(super) before: Option<&'c Row>,
    pub(super) after: Option<&'c Row>,
    pub(super) caused_by: Option<&'c str>,
}

/// Gives and takes what a changed row gives. The place of the last entry in the log, if there is any.
pub(super) fn follow(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    changed: &Changed<'_>,
) -> Result<Option<u64>> {
    let Some(grants) = &changed.model.grants else { return Ok(None) };
    let gift = |row: Option<&Row>| row.and_then(|row| gift(grants, row));
    let (before, after) = (gift(changed.before), gift(changed.after));
    if before == after {
        return Ok(None);
    }
    let mut last = None;
    if let Some(gone) = before
        && givers(engine, tx, &who.organization, &gone)? == 0
    {
        last = take(engine, tx, who, changed, &gone)?.or(last);
    }
    if let Some(new) = after
        && givers(engine, tx, &who.organization, &new)? == 1
    {
        last = Some(give(engine, tx, who, changed, &new)?);
    }
    Ok(last)
}

fn gift(grants: &Grants, row: &Row) -> Option<GroupGrant> {
    let subject = row.get(grants.subject)?.text()?.to_owned();
    Some(GroupGrant {
        subject,
        group: format!("{}:{}", grants.kind, row.get(grants.scope)?.text()?),
    })
}

/// How many rows give this.
fn givers(engine: &Engine, tx: &mut dyn Tx, organization: &str, gift: &GroupGrant) -> Result<u64> {
    let mut count = 0;
    for model in engine.models.iter() {
        let Some(grants) = &model.grants else { continue };
        let Some(scope) =
            gift.group.strip_prefix(&*grants.kind).and_then(|rest| rest.strip_prefix(':'))
        else {
            continue;
        };
        let column = |at: usize| quoted(model.columns.get(at).map_or("id", |column| &column.name));
        let is = |at: usize, value: usize| {
            format!("{} = {}", column(at), engine.dialect.value(value, ""))
        };
        let own = &engine.tables.get(model.id).own;
        let (subject, scope_is) = (is(grants.subject, 2), is(grants.scope, 3));
        let sql = format!(
            "SELECT count(*) FROM {} WHERE {own} AND {subject} AND {scope_is}",
            quoted(&model.table)
        );
        let found =
            tx.query(&sql, &[organization.into(), gift.subject.as_str().into(), scope.into()])?;
        count += log::number(found.first().and_then(|row| row.first()))?;
    }
    Ok(count)
}

/// Widens the tokens that cover all that the subject sees, and tells it what it sees now.
fn give(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    changed: &Changed<'_>,
    gift: &GroupGrant,
) -> Result<u64> {
    for token in credentials::of_participant(tx, &who.organization, &gift.subject)? {
        if token.whole && !token.identity.groups.contains(&gift.group) {
            let mut groups = token.identity.groups;
            groups.insert(gift.group.clone());
            credentials::cover(tx, &token.id, &groups)?;
        }
    }
    let tell = Notify { engine, who, changed, gift };
    let mut last = tell.group(tx, "G")?;
    if let Some(rows) = tell.rows(tx)? {
        for (model, row) in rows {
            last = tell.row(tx, "C", model, &row)?;
        }
    } else {
        last = tell.anew(tx, "G")?;
    }
    Ok(last)
}

/// Narrows the subject's tokens and all that were exchanged for them, and tells it what it sees no more. Nothing where its role
/// gives it the group as well.
fn take(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    changed: &Changed<'_>,
    gift: &GroupGrant,
) -> Result<Option<u64>> {
    let organization = &who.organization;
    let still = entitled_groups(
        engine,
        tx,
        organization,
        &ParticipantKind::User,
        &gift.subject,
        &serde_json::Map::new(),
    )?;
    if still.contains(&gift.group) {
        return Ok(None);
    }
    for token in credentials::of_participant(tx, organization, &gift.subject)? {
        let own = &token.identity;
        let meta = serde_json::from_str(&own.user_meta).unwrap_or_default();
        let mut groups = own.groups.clone();
        if groups.remove(&gift.group)
            && !entitled_groups(engine, tx, organization, &own.kind, &own.participant, &meta)?
                .contains(&gift.group)
        {
            credentials::cover(tx, &token.id, &groups)?;
        }
    }
    let tell = Notify { engine, who, changed, gift };
    let mut last = tell.group(tx, "S")?;
    // Clients of the reference read everything anew at an `S`; of many rows ours do so too.
    match tell.rows(tx)? {
        Some(rows) => {
            for (model, row) in rows {
                last = tell.row(tx, "S", model, &row)?;
            }
        }
        None => last = tell.anew(tx, "S")?,
    }
    Ok(Some(last))
}

/// What the subject is told.
struct Notify<'t> {
    engine: &'t Engine,
    who: &'t Identity,
    changed: &'t Changed<'t>,
    gift: &'t GroupGrant,
}

impl<'t> Notify<'t> {
    /// Every row that the group sees; none where there are too many.
    fn rows(&self, tx: &mut dyn Tx) -> Result<Option<Vec<(&'t Model, Row)>>> {
        let reader =
            Identity { groups: BTreeSet::from([self.gift.group.clone()]), ..self.who.clone() };
        let mut rows = Vec::new();
        let mut left = MOST;
        for model in self.engine.models.iter() {
            let mut select = Select::new(self.engine, &reader, model);
            select.limit(left + 1);
            let found = select.run(tx)?;
            match left.checked_sub(found.len() as u64) {
                Some(rest) => left = rest,
                None => return Ok(None),
            }
            rows.extend(found.into_iter().map(|row| (model, row)));
        }
        Ok(Some(rows))
    }

    /// That the group was added or removed.
    fn group(&self, tx: &mut dyn Tx, action: &'static str) -> Result<u64> {
        let data = serde_json::json!({"group": self.gift.group, "userId": self.gift.subject});
        self.append(
            tx,
            action,
            &self.changed.model.type_name,
            self.changed.row,
            Some(data.to_string()),
            None,
        )
    }

    /// That everything has to be read anew (docs/protocol/websocket.md §5.3, the older form of `G`).
    fn anew(&self, tx: &mut dyn Tx, action: &'static str) -> Result<u64> {
        let (added, removed): (&[&str], &[&str]) = match action {
            "G" => (&[&self.gift.group], &[]),
            _ => (&[], &[&self.gift.group]),
        };
        let data = serde_json::json!({
            "group": self.gift.group, "userId": self.gift.subject, "addedGroups": added, "removedGroups": removed,
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

    /// That a row came into sight or went out of it, for whom its own groups say so.
    fn row(&self, tx: &mut dyn Tx, action: &'static str, model: &Model, row: &Row) -> Result<u64> {
        let groups = of_row(self.engine, tx, &self.who.organization, model, row)?;
        let data = (action == "C").then(|| json(model, row));
        self.append(tx, action, &model.type_name, id(row), data, Some(&groups))
    }

    fn append(
        &self,
        tx: &mut dyn Tx,
        action: &'static str,
        model: &str,
        row: &str,
        data: Option<String>,
        previous_groups: Option<&BTreeSet<String>>,
    ) -> Result<u64> {
        let groups =
            BTreeSet::from([format!("user:{}", self.gift.subject), self.gift.group.clone()]);
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
        };
        Ok(log::append(tx, self.who, entry)?)
    }
}
