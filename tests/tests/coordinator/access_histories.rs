//! Random histories of grants, removals, exchanges, narrowings, rotations, revocations and
//! expiries, with a read at some exit after each step. A model that is written from the documents
//! alone knows who may see what; it also has to notice each exit that does not ask.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod model;
mod probes;

use ablo_server::engine::Engine;
use ablo_server::engine::claims;
use ablo_server::engine::commit::{ClaimInUse, Commit, commit};
use ablo_server::engine::credentials::{self, Credential, CredentialKind, Mode, NewCredential};
use ablo_server::engine::exchange::{self, TokenRequest};
use ablo_server::engine::exits::{Exit, unguarded};
use ablo_server::engine::plan::plan;
use ablo_server::error::{ApiError, EngineError};
use ablo_server::identity::{Identity, Operations, organization_group};
use ablo_server::store::Tx;
use ablo_tests::server::{World, ask};
use ablo_wire::{CommitReceipt, Operation, ParticipantKind, RawRow};
use model::{Model, ROWS, Random, Token, USERS};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[
   {"kind":"team","source":{"field":"teamIds","multi":true}}],"models":{
  "users":{"typename":"User","mutable":true,"relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "desks":{"typename":"Desk","scope":true,"mutable":true,"relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "deskAccess":{"typename":"DeskAccess","mutable":true,
   "grants":{"subject":"user","scope":"desk"},"fields":{
    "deskId":{"type":"string","isOptional":false,"isIndexed":false},
    "userId":{"type":"string","isOptional":false,"isIndexed":false}},
   "relations":{
    "desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{}},
    "user":{"type":"belongsTo","target":"users","foreignKey":"userId",
     "foreignKeyColumn":"user_id","options":{}}}},
  "reports":{"typename":"Report","mutable":true,"fields":{
    "headline":{"type":"string","isOptional":false,"isIndexed":false},
    "pin":{"type":"string","isOptional":true,"isIndexed":false,"secret":true},
    "deskId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{"parent":true}}}},
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "headline":{"type":"string","isOptional":false,"isIndexed":false},
    "ownerId":{"type":"string","isOptional":false,"isIndexed":false}},
   "entityRoles":[{"kind":"user","source":{"field":"ownerId","multi":false}}]}}}"#;

/// The number of steps of a history.
const STEPS: usize = 24;

/// The rows that an exit delivered although they are hidden from some token, and the violations.
#[derive(Debug, Default)]
struct Findings {
    delivered: BTreeMap<Exit, u64>,
    violations: Vec<String>,
}

/// A history in progress, in one transaction.
struct History<'h, 't> {
    engine: &'h Engine,
    tx: &'h mut Tx<'t>,
    organization: &'h str,
    key: Credential,
    model: Model,
    random: Random,
    commits: usize,
    endpoints: usize,
    findings: Findings,
}

impl<'h, 't> History<'h, 't> {
    fn begin(
        engine: &'h Engine,
        tx: &'h mut Tx<'t>,
        organization: &'h str,
        seed: u64,
    ) -> Result<Self, EngineError> {
        let grant = NewCredential {
            kind: CredentialKind::Secret,
            organization: organization.to_owned(),
            participant: "server".to_owned(),
            participant_kind: ParticipantKind::System,
            on_behalf_of: None,
            operations: Operations::All,
            groups: BTreeSet::from([organization_group(organization)]),
            user_meta: Map::new(),
            label: None,
            full_reach: true,
            parent: None,
            ttl: None,
            not_after: None,
        };
        let issued = credentials::issue(tx, Mode::Test, &grant)?;
        let key = credentials::find(tx, organization, &issued.id)?;
        let mut history = Self {
            engine,
            tx,
            organization,
            key,
            model: Model::default(),
            random: Random(seed),
            commits: 0,
            endpoints: 0,
            findings: Findings::default(),
        };
        for user in USERS {
            history.write(json!({"action": "create", "model": "users", "id": user,
                "data": {"name": user}}))?;
        }
        for desk in model::DESKS {
            history.write(json!({"action": "create", "model": "desks", "id": desk,
                "data": {"name": desk}}))?;
        }
        for user in USERS {
            history.exchange_root(user)?;
        }
        for number in 0..ROWS / 2 {
            history.put_row(number)?;
        }
        Ok(history)
    }

    /// Applies an operation with the secret key.
    fn write(&mut self, operation: Value) -> Result<CommitReceipt, EngineError> {
        let who = self.key.identity.clone();
        self.commits += 1;
        let commit_request = self.commit_of(&who, operation)?;
        commit(self.engine, self.tx, &who, &commit_request)
    }

    /// Applies an operation with the secret key, unless another participant holds the row.
    fn try_write(&mut self, operation: Value) -> Result<bool, EngineError> {
        match self.write(operation) {
            Ok(_) => Ok(true),
            Err(EngineError::Refused(refusal)) if refusal.code() == "entity_claimed" => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn commit_of(&self, who: &Identity, operation: Value) -> Result<Commit, EngineError> {
        let operations: Vec<Operation<RawRow>> =
            serde_json::from_value(json!([operation])).expect("an operation");
        let changes = plan(&self.engine.models, who, &operations)?;
        Ok(Commit {
            client_tx_id: format!("{}-{}", who.participant, self.commits),
            changes,
            request_hash: String::new(),
            caused_by: None,
            claim: ClaimInUse::None,
        })
    }

    /// Creates, updates, moves or deletes a row.
    fn put_row(&mut self, number: usize) -> Result<(), EngineError> {
        let id = model::row_id(number);
        let kind = model::kind_of(number);
        let field = if kind == "reports" { "deskId" } else { "ownerId" };
        let places = if kind == "reports" { &model::DESKS } else { &USERS };
        let place = self.random.pick(places);
        let text = format!("text {}", self.commits);
        let mut data = json!({"headline": text, field: place});
        if kind == "reports" && self.random.below(2) == 0 {
            data["pin"] = json!(format!("pin {}", self.commits));
        }
        let exists = self.model.rows.contains_key(&id);
        match (exists, self.random.below(5)) {
            (true, 0) => {
                if self.try_write(json!({"action": "delete", "model": kind, "id": id}))? {
                    self.model.rows.remove(&id);
                }
            }
            (exists, _) => {
                let action = if exists { "update" } else { "create" };
                let operation = json!({"action": action, "model": kind, "id": id, "data": data});
                if !self.try_write(operation)? {
                    return Ok(());
                }
                let group = model::group_of(kind, place);
                self.model.ever.entry(id.clone()).or_default().insert(group.clone());
                self.model.rows.insert(id, group);
            }
        }
        Ok(())
    }

    /// Creates a token of a user with the secret key.
    fn exchange_root(&mut self, user: &str) -> Result<(), EngineError> {
        let narrow = self.random.below(4) == 0;
        let groups = narrow.then(|| vec![self.random.group(), format!("user:{user}")]);
        let operations = (self.random.below(3) == 0).then(|| self.random.operations());
        let key = self.key.clone();
        self.exchange(&key, None, ParticipantKind::User, user, groups, operations)
    }

    /// Creates a token with a token.
    fn exchange_derived(&mut self) -> Result<(), EngineError> {
        let Some(parent) = self.random.token(&self.model) else { return Ok(()) };
        let Ok(holder) = credentials::find(self.tx, self.organization, &parent) else {
            return Ok(());
        };
        let known = &self.model.tokens[&parent];
        let name = match known.is_agent {
            true => known.participant.clone(),
            false => format!("{}-agent", known.user),
        };
        let groups = match self.random.below(4) {
            0 => Some(vec![self.random.group(), self.random.group()]),
            1 => Some(Vec::new()),
            _ => None,
        };
        let operations = (self.random.below(2) == 0).then(|| self.random.operations());
        self.exchange(&holder, Some(parent), ParticipantKind::Agent, &name, groups, operations)
    }

    fn exchange(
        &mut self,
        holder: &Credential,
        parent: Option<String>,
        kind: ParticipantKind,
        name: &str,
        groups: Option<Vec<String>>,
        operations: Option<Vec<String>>,
    ) -> Result<(), EngineError> {
        if credentials::check(self.tx, &holder.id).is_err() {
            return Ok(());
        }
        let request = TokenRequest {
            kind: kind.clone(),
            participant: Some(name.to_owned()),
            groups: groups.clone(),
            operations: operations.clone(),
            ttl: Some(3600),
            label: None,
            user_meta: Map::new(),
        };
        match exchange::exchange(self.engine, self.tx, Mode::Test, holder, request) {
            Ok((issued, _)) => {
                let user = match &parent {
                    Some(parent) => self.model.tokens[parent].user.clone(),
                    None => name.to_owned(),
                };
                let token = Token {
                    user,
                    participant: name.to_owned(),
                    is_agent: kind == ParticipantKind::Agent,
                    parent,
                    groups,
                    operations,
                    lost: BTreeSet::new(),
                    ended: false,
                };
                self.model.tokens.insert(issued.id, token);
                Ok(())
            }
            Err(EngineError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn grant(&mut self) -> Result<(), EngineError> {
        let (user, desk) = (self.random.pick(&USERS), self.random.pick(&model::DESKS));
        let id = format!("grant-{user}-{desk}");
        if self.model.grants.remove(&(user, desk)) {
            self.model.lose(user, &format!("desk:{desk}"));
            self.write(json!({"action": "delete", "model": "deskAccess", "id": id}))?;
        } else {
            self.model.grants.insert((user, desk));
            self.model.gain(user, &format!("desk:{desk}"));
            self.write(json!({"action": "create", "model": "deskAccess", "id": id,
                "data": {"deskId": desk, "userId": user}}))?;
        }
        Ok(())
    }

    fn revoke(&mut self) -> Result<(), EngineError> {
        let Some(id) = self.random.token(&self.model) else { return Ok(()) };
        credentials::revoke(self.tx, &id)?;
        self.model.end(&id);
        Ok(())
    }

    fn expire(&mut self) -> Result<(), EngineError> {
        let Some(id) = self.random.token(&self.model) else { return Ok(()) };
        let found = credentials::find(self.tx, self.organization, &id)?;
        if credentials::check(self.tx, &id).is_ok() {
            credentials::expire_in(self.tx, &found, 0)?;
        }
        self.model.end(&id);
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), EngineError> {
        let Some(id) = self.random.token(&self.model) else { return Ok(()) };
        let old = credentials::find(self.tx, self.organization, &id)?;
        if credentials::check(self.tx, &id).is_err() {
            return Ok(());
        }
        let (issued, _) = exchange::rotate(self.tx, Mode::Test, &old, None)?;
        let mut token = self.model.tokens[&id].clone();
        token.parent = Some(id);
        self.model.tokens.insert(issued.id, token);
        Ok(())
    }

    /// A participant requests a claim on a row. What the refusal says about a holder is checked.
    fn claim(&mut self, row: &str) -> Result<(), EngineError> {
        let Some((id, who)) = self.reader()? else { return Ok(()) };
        let model = self.engine.models.find(model::kind_of_id(row)).expect("a model");
        let request = ask(&format!("claim-{id}-{row}"), row, false);
        let outcome = claims::begin(self.engine, self.tx, &who, model, &request);
        // Another request of the participant may have claimed the unseen row.
        if let Ok(claims::ClaimOutcome::Refused(holder)) = outcome
            && !(holder.unseen && holder.belongs_to(&who))
        {
            self.expect(Exit::Claim, &id, row, "a refused claim names the holder");
        }
        Ok(())
    }

    /// Returns a random token with its identity, if it is valid. The model has to agree.
    fn reader(&mut self) -> Result<Option<(String, Identity)>, EngineError> {
        let Some(id) = self.random.token(&self.model) else { return Ok(None) };
        let valid = credentials::check(self.tx, &id).is_ok();
        if valid && !self.model.is_valid(&id) {
            self.findings.violations.push(format!("an ended token is valid: {id}"));
        }
        if !valid {
            return Ok(None);
        }
        let found = credentials::find(self.tx, self.organization, &id)?;
        Ok(Some((id, found.identity)))
    }

    /// Records that an exit delivered a row, or a fact about one.
    fn expect(&mut self, exit: Exit, token: &str, row: &str, what: &str) {
        let Some(group) = self.model.rows.get(row).cloned() else { return };
        self.expect_group(exit, token, model::kind_of_id(row), &group, what);
    }

    fn expect_group(&mut self, exit: Exit, token: &str, kind: &str, group: &str, what: &str) {
        let is_hidden = |id: &String| !self.model.may_see(id, exit, kind, group);
        if self.model.tokens.keys().any(is_hidden) {
            *self.findings.delivered.entry(exit).or_default() += 1;
        }
        if !self.model.may_see(token, exit, kind, group) {
            let known = &self.model.tokens[token];
            self.findings
                .violations
                .push(format!("{exit:?}: {what}: {kind} of {group} to {known:?}"));
        }
    }

    fn step(&mut self) -> Result<(), EngineError> {
        match self.random.below(12) {
            0..=2 => {
                let number = self.random.below(ROWS);
                self.put_row(number)?;
            }
            3 | 4 => self.grant()?,
            5 => {
                let user = self.random.pick(&USERS);
                self.exchange_root(user)?;
            }
            6 | 7 => self.exchange_derived()?,
            8 => self.revoke()?,
            9 => self.expire()?,
            10 => self.rotate()?,
            _ => {
                let row = model::row_id(self.random.below(ROWS));
                self.claim(&row)?;
            }
        }
        let exit = Exit::ALL[self.random.below(Exit::ALL.len())];
        self.probe(exit)
    }
}

/// Runs histories from a seed on, and stops at the first violation.
async fn run(world: &World, organization: &str, seeds: std::ops::Range<u64>) -> (Findings, u64) {
    let total = Arc::new(Mutex::new(Findings::default()));
    let mut number = 0;
    for seed in seeds {
        number += 1;
        let (found, organization) = (Arc::clone(&total), organization.to_owned());
        let everything = ablo_tests::server::user("server");
        let rolled_back = world
            .write(&everything, move |engine, tx, _| {
                let mut history = History::begin(engine, tx, &organization, seed * 7919 + 13)?;
                for _ in 0..STEPS {
                    history.step()?;
                }
                let findings = std::mem::take(&mut history.findings);
                let mut found = found.lock().expect("the lock is not poisoned");
                for (exit, rows) in findings.delivered {
                    *found.delivered.entry(exit).or_default() += rows;
                }
                let named = findings.violations.into_iter();
                found.violations.extend(named.map(|text| format!("seed {seed}: {text}")));
                // The next history begins with an empty organisation.
                Err::<(), EngineError>(ApiError::new("invalid_request", "undone").into())
            })
            .await
            .expect_err("the history is undone");
        assert_eq!(rolled_back.to_string(), "invalid_request: undone");
        if !total.lock().expect("the lock is not poisoned").violations.is_empty() {
            break;
        }
    }
    let findings = std::mem::take(&mut *total.lock().expect("the lock is not poisoned"));
    (findings, number)
}

/// The number of histories: 1,000, or as many as the long suite asks for.
fn histories() -> u64 {
    std::env::var("ABLO_HISTORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000)
}

/// The number of workers, each with a database of its own.
const WORKERS: u64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_exit_shows_a_row_to_a_participant_that_may_not_see_it() {
    let each = histories() / WORKERS;
    let workers = (0..WORKERS).map(|worker| {
        tokio::spawn(async move {
            let world = World::sqlite(SCHEMA);
            run(&world, "acme", worker * each..(worker + 1) * each).await.0
        })
    });
    let mut delivered: BTreeMap<Exit, u64> = BTreeMap::new();
    for worker in workers.collect::<Vec<_>>() {
        let findings = worker.await.expect("the worker succeeds");
        assert_eq!(findings.violations, Vec::<String>::new());
        for (exit, rows) in findings.delivered {
            *delivered.entry(exit).or_default() += rows;
        }
    }
    println!("rows that are hidden from some token, by exit: {delivered:?}");
    for exit in Exit::ALL {
        let rows = delivered.get(&exit).copied().unwrap_or_default();
        assert!(rows >= 1000, "{exit:?} delivered only {rows} rows that others may not see");
    }
}

#[tokio::test]
async fn each_exit_that_does_not_ask_is_noticed() {
    let world = World::sqlite(SCHEMA);
    for exit in Exit::ALL {
        let organization = format!("open {exit:?}");
        unguarded::open(&organization, exit);
        let (findings, histories) = run(&world, &organization, 0..1000).await;
        println!("{exit:?} is noticed after {histories} histories");
        assert_ne!(findings.violations, Vec::<String>::new(), "{exit:?} is not noticed");
    }
}
