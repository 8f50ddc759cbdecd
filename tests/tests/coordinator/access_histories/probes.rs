//! Reads at each exit, checked against the model.

use super::model::{self, ROWS, Random};
use super::{Exit, History, Identity};
use ablo_server::engine::claims;
use ablo_server::engine::commit::commit;
use ablo_server::engine::delivery::{Reader, seen};
use ablo_server::engine::exits;
use ablo_server::engine::groups::locate_activities;
use ablo_server::engine::read::{self, BootstrapQuery, ListQuery};
use ablo_server::engine::{log, sessions, webhooks};
use ablo_server::error::{ApiError, EngineError};
use ablo_wire::{Activity, PresenceReport, PresenceStatus, Query};
use serde_json::{Value, json};
use std::collections::BTreeSet;

type Outcome = Result<(), EngineError>;

impl History<'_, '_> {
    /// Reads as a random token at an exit.
    pub(super) fn probe(&mut self, exit: Exit) -> Outcome {
        if exit == Exit::Webhook {
            return self.webhook();
        }
        let Some((token, who)) = self.reader()? else { return Ok(()) };
        match exit {
            Exit::List => {
                self.list(&token, &who, "reports")?;
                self.list(&token, &who, "notes")
            }
            Exit::Retrieve => {
                for row in (0..ROWS).map(model::row_id) {
                    let model = self.engine.models.find(model::kind_of_id(&row)).expect("a model");
                    match read::retrieve(self.engine, self.tx, &who, model, &row) {
                        Ok((Some(row), _)) => self.check(exit, &token, &row),
                        other => permitted(other).map(drop)?,
                    }
                }
                Ok(())
            }
            Exit::Query => {
                self.query(&token, &who, "reports")?;
                self.query(&token, &who, "notes")
            }
            Exit::Bootstrap => {
                let rows =
                    read::bootstrap(self.engine, self.tx, &who, &BootstrapQuery::default())?.0;
                for row in rows.values().flatten() {
                    self.check(exit, &token, row);
                }
                Ok(())
            }
            Exit::Delta | Exit::CatchUp => self.deltas(exit, &token, &who),
            // Many attempts end before the exit: two for each row deliver enough.
            Exit::Conflict => (0..2 * ROWS)
                .map(|number| model::row_id(number % ROWS))
                .try_for_each(|row| self.conflict(&token, &who, &row)),
            Exit::Receipt => (0..2 * ROWS)
                .map(|number| model::row_id(number % ROWS))
                .try_for_each(|row| self.receipt(&token, &who, &row)),
            Exit::Claim => {
                for row in (0..ROWS).map(model::row_id) {
                    self.claim(&row)?;
                }
                (0..4).try_for_each(|_| self.list_claims())
            }
            Exit::Relay | Exit::Presence => (0..3).try_for_each(|_| self.peers(exit, &token, &who)),
            Exit::Webhook => Ok(()),
        }
    }

    /// Checks the text of a row that an exit delivered.
    fn check(&mut self, exit: Exit, token: &str, row: &str) {
        let row: Value = serde_json::from_str(row).expect("a row is JSON");
        self.check_value(exit, token, &row);
    }

    fn check_value(&mut self, exit: Exit, token: &str, row: &Value) {
        let text = |name: &str| row[name].as_str();
        let (kind, group) = match (text("deskId"), text("ownerId"), text("id")) {
            (Some(desk), None, _) if row.get("headline").is_some() => {
                ("reports", model::group_of("reports", desk))
            }
            (None, Some(owner), _) => ("notes", model::group_of("notes", owner)),
            (None, None, Some(id)) if id.starts_with('d') => ("desks", format!("desk:{id}")),
            // Only the organisation sees users and grants.
            _ => ("users", "org:everything".to_owned()),
        };
        self.expect_group(exit, token, kind, &group, "a row");
        if row.get("pin").is_some() && !self.model.may_see_pin(token) {
            let known = &self.model.tokens[token];
            self.findings.violations.push(format!("{exit:?}: a secret member to {known:?}"));
        }
    }

    fn list(&mut self, token: &str, who: &Identity, kind: &'static str) -> Outcome {
        let model = self.engine.models.find(kind).expect("a model");
        let sorted = kind == "reports" && self.random.below(4) == 0;
        let order_by = sorted.then(|| "pin".to_owned());
        let query = ListQuery { limit: Some(100), order_by, ..ListQuery::default() };
        let page = read::list(self.engine, self.tx, who, model, &query);
        let Some(page) = permitted(page)? else { return Ok(()) };
        if sorted && !self.model.may_see_pin(token) {
            self.findings.violations.push("List: rows sorted by a secret member".to_owned());
        }
        for row in &page.rows {
            self.check(Exit::List, token, row);
        }
        // A token that was not narrowed sees everything that its user may see.
        let known = &self.model.tokens[token];
        if known.parent.is_none() && known.groups.is_none() && known.operations.is_none() {
            let of_kind = |(id, _): &(&String, &String)| model::kind_of_id(id) == kind;
            let visible = self.model.rows.iter().filter(of_kind);
            let expected = visible.filter(|(_, group)| self.model.has_group(token, group)).count();
            if page.rows.len() != expected {
                let found = page.rows.len();
                let text = format!("List: {found} rows instead of {expected} to {known:?}");
                self.findings.violations.push(text);
            }
        }
        Ok(())
    }

    fn query(&mut self, token: &str, who: &Identity, kind: &'static str) -> Outcome {
        let filtered = kind == "reports" && self.random.below(3) == 0;
        let query = match filtered {
            true => json!({"model": kind, "where": [["pin", "IS NOT", null]]}),
            false if kind == "reports" => json!({"model": kind, "related": ["desk"]}),
            false => json!({"model": kind}),
        };
        let query: Query = serde_json::from_value(query).expect("a query");
        let rows = read::query(self.engine, self.tx, who, &query);
        let Some(rows) = permitted(rows)? else { return Ok(()) };
        if filtered && !self.model.may_see_pin(token) {
            self.findings.violations.push("Query: rows filtered by a secret member".to_owned());
        }
        for row in &rows {
            self.check(Exit::Query, token, row);
        }
        Ok(())
    }

    fn deltas(&mut self, exit: Exit, token: &str, who: &Identity) -> Outcome {
        let head = log::head(self.tx, self.organization)?;
        let after = head.saturating_sub(self.random.below(30) as u64);
        let reader = Reader { who, allowed: who };
        for delta in log::since(self.tx, self.organization, after, 1000)? {
            let Some(sent) = seen(exit, &self.engine.models, &reader, &delta) else { continue };
            // A change of the reader's own groups has no row.
            let has_row = !matches!(delta.action.as_str(), "G" | "S");
            if let Some(row) = sent.row(&delta).filter(|_| has_row) {
                self.check(exit, token, row);
            }
        }
        Ok(())
    }

    /// Tries a stale write. What the refusal says about the row is checked.
    fn conflict(&mut self, token: &str, who: &Identity, row: &str) -> Outcome {
        let action = self.random.pick(&["update", "delete"]);
        let mut operation = json!({"action": action, "model": model::kind_of_id(row), "id": row,
            "readAt": 1, "onStale": "reject"});
        if action == "update" {
            operation["data"] = json!({"headline": "mine", "pin": "mine"});
        }
        if let Err(refusal) = self.attempt(who, operation)?
            && let Some(conflict) = refusal.envelope().other.get("conflicts")
        {
            let row = conflict[0]["data"].clone();
            if row.is_object() {
                self.check_value(Exit::Conflict, token, &row);
            }
        }
        Ok(())
    }

    /// Tries a write, which a hidden row has to answer as one that never existed.
    fn receipt(&mut self, token: &str, who: &Identity, row: &str) -> Outcome {
        let kind = model::kind_of_id(row);
        let verb = self.random.pick(&["update", "update", "update", "delete", "create"]);
        let place = if kind == "reports" { "deskId" } else { "ownerId" };
        let operation = |id: &str, random: &mut Random| {
            let mut operation = json!({"action": verb, "model": kind, "id": id});
            match verb {
                "update" => operation["data"] = json!({"headline": "mine"}),
                "create" => {
                    let value = match kind {
                        "reports" => random.pick(&model::DESKS),
                        _ => random.pick(&model::USERS),
                    };
                    operation["data"] = json!({"headline": "mine", place: value});
                    operation["readAt"] = json!(1);
                    operation["onStale"] = json!("reject");
                }
                _ => {}
            }
            operation
        };
        let before = self.random.0;
        let attempted = operation(row, &mut self.random);
        let found = self.attempt(who, attempted)?;
        self.random.0 = before;
        let absent = operation("never", &mut self.random);
        let missing = self.attempt(who, absent)?;
        let exists = self.model.rows.contains_key(row);
        if found.is_ok() && verb == "update" {
            self.expect(Exit::Receipt, token, row, "a confirmed write");
        }
        let ever = self.model.ever.get(row);
        let was_seen = ever
            .is_some_and(|groups| groups.iter().any(|group| self.model.has_group(token, group)));
        // A new row with the id of an existing one is refused, whatever else is said.
        if !(was_seen || verb == "create" && exists) {
            let shown = |outcome: &Result<(), ApiError>, id: &str| match outcome {
                Ok(()) => "confirmed".to_owned(),
                Err(refusal) => format!("{:?}", refusal.envelope()).replace(id, "<id>"),
            };
            let (hidden, missing) = (shown(&found, row), shown(&missing, "never"));
            if hidden != missing {
                let text = format!("Receipt: {verb} of a hidden row: {hidden}, not {missing}");
                self.findings.violations.push(text);
            }
        }
        Ok(())
    }

    /// Writes and undoes the write.
    fn attempt(
        &mut self,
        who: &Identity,
        operation: Value,
    ) -> Result<Result<(), ApiError>, EngineError> {
        self.commits += 1;
        let made = match self.commit_of(who, operation) {
            Ok(made) => made,
            Err(EngineError::Refused(refusal)) => return Ok(Err(refusal)),
            Err(error) => return Err(error),
        };
        let engine = self.engine;
        self.tx.dry_run(|tx| match commit(engine, tx, who, &made) {
            Ok(_) => Ok(Ok(())),
            Err(EngineError::Refused(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(error),
        })
    }

    fn list_claims(&mut self) -> Outcome {
        let Some((token, who)) = self.reader()? else { return Ok(()) };
        for claim in claims::visible(self.engine, self.tx, &who)? {
            if !claim.belongs_to(&who) {
                self.expect(Exit::Claim, &token, &claim.row, "a listed claim");
            }
        }
        Ok(())
    }

    /// Looks at another token's connection, which reports to work on a row.
    fn peers(&mut self, exit: Exit, token: &str, who: &Identity) -> Outcome {
        let Some((_, peer)) = self.reader()? else { return Ok(()) };
        let row = model::row_id(self.random.below(ROWS));
        if exits::sees(exit, who, &peer.groups) {
            let shares = |group: &String| self.model.has_group(token, group);
            let hidden_from =
                |id: &String| !peer.groups.iter().any(|group| self.model.has_group(id, group));
            if !peer.groups.iter().any(shares) {
                let known = &self.model.tokens[token];
                let text = format!("{exit:?}: a peer of {:?} to {known:?}", peer.groups);
                self.findings.violations.push(text);
            }
            if self.model.tokens.keys().any(hidden_from) {
                *self.findings.delivered.entry(exit).or_default() += 1;
            }
        }
        if exit == Exit::Presence {
            let kind = model::kind_of_id(&row);
            let mut report = PresenceReport::new(PresenceStatus::Online);
            report.activity = Some(Activity::new(kind, row.clone(), "editing"));
            sessions::upsert(self.tx, &peer, "peer", &report)?;
            let open = sessions::find(self.tx, self.organization, "peer")?;
            for session in locate_activities(self.engine, self.tx, self.organization, open)? {
                if exits::activity(who, &session).is_some() {
                    self.expect(exit, token, &row, "the row that a peer works on");
                }
            }
        }
        Ok(())
    }

    /// Takes the message of an endpoint of the organisation, which has no secret members.
    fn webhook(&mut self) -> Outcome {
        self.endpoints += 1;
        if self.endpoints > 8 {
            return Ok(());
        }
        let id = format!("we_{}", self.endpoints);
        let endpoint = webhooks::add(
            self.tx,
            self.organization,
            (&id, "https://example.com", "whsec_x"),
            &BTreeSet::new(),
        )?;
        for number in 0..3 {
            self.put_row(number * 2)?;
        }
        let message = webhooks::next_message(&self.engine.models, self.tx, &endpoint)?;
        let Some(message) = message else { return Ok(()) };
        let body: Value = serde_json::from_str(&message.body).expect("a message is JSON");
        for event in body["data"].as_array().or(body["events"].as_array()).into_iter().flatten() {
            let row = &event["data"];
            let Some(desk) = row["deskId"].as_str() else { continue };
            let group = model::group_of("reports", desk);
            let hidden_from = |id: &String| !self.model.has_group(id, &group);
            if self.model.tokens.keys().any(hidden_from) {
                *self.findings.delivered.entry(Exit::Webhook).or_default() += 1;
            }
            if row.get("pin").is_some() {
                self.findings.violations.push("Webhook: a secret member".to_owned());
            }
        }
        Ok(())
    }
}

/// Returns what a permitted request returned; `None` if it was refused.
fn permitted<T>(result: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(EngineError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
