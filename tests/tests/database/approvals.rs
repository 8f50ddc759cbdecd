//! Signed approvals on both kinds of databases, and plans that were edited.

use crate::migrate_codes::support::{NOTE, TITLE, insert, tasks};
use ablo_migrate::{
    ApproverKey, Error, IfMissing, Plan, Session, Timeouts, add_approver, apply, approvers,
    connect, current, plan_for, remove_approver, sign,
};
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{Database, Server};
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_hours(1);

/// A database with two columns of tasks and a row.
struct Place {
    folder: TempDir,
    server: Option<Database<'static>>,
}

impl Place {
    fn both() -> [Self; 2] {
        [Self::new(None), Self::new(Some(Server::shared().database()))]
    }

    fn new(server: Option<Database<'static>>) -> Self {
        let place = Self { folder: TempDir::new().expect("a folder"), server };
        let mut session = place.migrating();
        let plan = plan(&mut *session, &format!("{TITLE},{NOTE}"));
        apply(&mut *session, &plan, Timeouts::default()).expect("the first migration");
        drop(session);
        place.run(&insert(",title,note", ",'t','n'"));
        place
    }

    fn open(&self, address: &str) -> Box<dyn Session> {
        connect(address, "public", IfMissing::Create).expect("a session")
    }

    fn file(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("app.db").display())
    }

    /// A session of the role that owns the tables.
    fn migrating(&self) -> Box<dyn Session> {
        self.open(&self.server.as_ref().map_or_else(|| self.file(), Database::address))
    }

    /// A session of a superuser.
    fn approving(&self) -> Box<dyn Session> {
        let superuser =
            |server: &Database<'_>| server.address().replace(server.owner(), "postgres");
        self.open(&self.server.as_ref().map_or_else(|| self.file(), superuser))
    }

    /// Runs statements by hand, with every right.
    fn run(&self, sql: &str) {
        match &self.server {
            Some(server) => server.admin().run(sql).expect("the statement runs"),
            None => {
                let path = self.folder.path().join("app.db");
                let file = rusqlite::Connection::open(path).expect("a connection");
                file.execute_batch(sql).expect("the statement runs");
            }
        }
    }

    fn list(&self) -> &str {
        if self.server.is_some() { "ablo_approvers.public" } else { "ablo_approvers" }
    }

    fn key(&self, name: &str) -> ApproverKey {
        ApproverKey::create(&self.folder.path().join(name)).expect("a new key")
    }

    /// Adds the first approver.
    fn with_approver(&self) -> ApproverKey {
        let key = self.key("ada.key");
        let mut session = self.approving();
        add_approver(&mut *session, &key.public(), "ada", &key, Timeouts::default())
            .expect("the first approver");
        key
    }

    /// A plan that loses the note, signed for this database.
    fn signed(&self, key: &ApproverKey) -> Plan {
        let mut plan = self.lossy();
        self.sign(&mut plan, key, HOUR).expect("an approver signs");
        plan
    }

    fn lossy(&self) -> Plan {
        plan(&mut *self.migrating(), TITLE)
    }

    fn sign(&self, plan: &mut Plan, key: &ApproverKey, valid: Duration) -> Result<(), Error> {
        sign(&mut *self.approving(), plan, &["loss:0".to_owned()], key, valid).map(drop)
    }

    fn apply(&self, plan: &Plan) -> Result<(), Error> {
        apply(&mut *self.migrating(), plan, Timeouts::default()).map(drop)
    }

    #[track_caller]
    fn refuses(&self, plan: &Plan, code: &str) {
        is_refused(self.apply(plan), code);
    }
}

#[track_caller]
fn is_refused<T>(result: Result<T, Error>, code: &str) {
    let error = result.map(drop).expect_err(code);
    let found: Vec<_> = error.0.iter().map(|finding| finding.code.name).collect();
    assert_eq!(found, [code], "{error}");
}

fn plan(session: &mut dyn Session, fields: &str) -> Plan {
    let prev = current(session, None).expect("a ledger or no tables").schema;
    let next = tasks(fields);
    let diff = diff(prev.as_ref(), &next, &Hints::default()).expect("no hints");
    plan_for(session, &diff, &Backfills::default(), true).expect("a plan")
}

#[test]
fn a_signed_approval_is_accepted_and_an_unsigned_one_is_not() {
    for place in Place::both() {
        let key = place.with_approver();
        let mut plan = place.lossy();
        plan.approve("loss:0", None).expect("a required approval");
        place.refuses(&plan, "ablo::migrate::approval_unsigned");
        place.sign(&mut plan, &key, HOUR).expect("an approver signs");
        assert_eq!(plan.approvals[0].by.as_deref(), Some("ada"));
        let read = Plan::read(&plan.to_json()).expect("the plan is readable");
        place.apply(&read).expect("the approval is signed");
    }
}

#[test]
fn a_new_key_is_refused() {
    for place in Place::both() {
        let key = place.with_approver();
        let other = place.key("eve.key");
        let mut plan = place.lossy();
        is_refused(place.sign(&mut plan, &other, HOUR), "ablo::approver::untrusted");
        let mut session = place.approving();
        let timeouts = Timeouts::default();
        let added = add_approver(&mut *session, &other.public(), "eve", &other, timeouts);
        is_refused(added, "ablo::approver::untrusted");
        // An approver adds it, then removes it: what it signed in between counts no more.
        add_approver(&mut *session, &other.public(), "eve", &key, timeouts).expect("a signature");
        let signed = place.signed(&other);
        remove_approver(&mut *session, &other.public(), &key, timeouts).expect("a signature");
        place.refuses(&signed, "ablo::migrate::approval_untrusted");
        let last = remove_approver(&mut *session, &key.public(), &key, timeouts);
        is_refused(last, "ablo::approver::refused");
        assert_eq!(approvers(&mut *session).expect("a list").len(), 1);
    }
}

#[test]
fn an_approval_is_used_once_in_one_database_before_it_ends() {
    for (place, other) in Place::both().into_iter().zip(Place::both()) {
        let key = place.with_approver();
        let signed = place.signed(&key);
        add_approver(&mut *other.approving(), &key.public(), "ada", &key, Timeouts::default())
            .expect("the same approver");
        other.refuses(&signed, "ablo::migrate::approval_elsewhere");
        let mut ended = place.lossy();
        place.sign(&mut ended, &key, Duration::ZERO).expect("an approver signs");
        place.refuses(&ended, "ablo::migrate::approval_expired");
        // The database goes back to the same tables, and the same plan fits again.
        place.apply(&signed).expect("the approval is signed");
        let back = plan(&mut *place.migrating(), &format!("{TITLE},{NOTE}"));
        place.apply(&back).expect("nothing is lost");
        place.refuses(&signed, "ablo::migrate::approval_replayed");
    }
}

#[test]
fn a_count_that_has_grown_is_refused() {
    for place in Place::both() {
        let key = place.with_approver();
        let signed = place.signed(&key);
        place.run(&insert(",title,note", ",'t','n'").replace("'1'", "'2'"));
        place.refuses(&signed, "ablo::migrate::approval_rows");
        place.run("DELETE FROM tasks WHERE id = '2'");
        place.apply(&signed).expect("the count is as approved");
    }
}

#[test]
fn an_edited_approval_is_refused() {
    for place in Place::both() {
        let key = place.with_approver();
        let mut signed = place.signed(&key);
        if let Some(signature) = &mut signed.approvals[0].signature {
            signature.rows = Some(1_000);
        }
        place.refuses(&signed, "ablo::migrate::approval_forged");
    }
}

#[test]
fn an_edited_list_is_refused() {
    for place in Place::both() {
        let key = place.with_approver();
        let signed = place.signed(&key);
        let list = place.list();
        let edits = [
            format!("UPDATE {list} SET entry = replace(entry, 'ada', 'eve')"),
            format!("INSERT INTO {list} (id, entry) SELECT 1, entry FROM {list}"),
            format!("DELETE FROM {list}"),
        ];
        for edit in edits {
            place.run(&format!("CREATE TABLE saved AS SELECT * FROM {list}"));
            place.run(&edit);
            place.refuses(&signed, "ablo::approver::list_invalid");
            place.run(&format!("DELETE FROM {list}; INSERT INTO {list} SELECT * FROM saved"));
            place.run("DROP TABLE saved");
        }
        place.apply(&signed).expect("the list is restored");
        place.run("DELETE FROM ablo_migrations WHERE record LIKE '{\"approvers%'");
        is_refused(approvers(&mut *place.approving()), "ablo::approver::list_invalid");
    }
}

#[test]
fn a_role_that_can_change_the_list_cannot_migrate_with_approvals() {
    let place = Place::new(Some(Server::shared().database()));
    let key = place.key("own.key");
    let mut own = place.migrating();
    let added = add_approver(&mut *own, &key.public(), "own", &key, Timeouts::default());
    is_refused(added, "ablo::approver::same_role");
    let key = place.with_approver();
    let signed = place.signed(&key);
    let applied = apply(&mut *place.approving(), &signed, Timeouts::default());
    is_refused(applied, "ablo::approver::same_role");
    place.apply(&signed).expect("the role cannot change the list");
}

#[test]
fn a_plan_that_its_schemas_do_not_give_is_refused() {
    for place in Place::both() {
        let whole = place.lossy();
        let mut without = whole.body.clone();
        without.approvals_needed.clear();
        let mut harmless = whole.body.clone();
        harmless.statements.iter_mut().for_each(|statement| statement.hazards.clear());
        let mut other = whole.body.clone();
        other.statements[0].sql.push_str("; DELETE FROM tasks");
        let mut report = whole.body.clone();
        report.report = serde_json::Value::Null;
        for body in [without, harmless, other, report] {
            let mut edited = Plan::new(body);
            for needed in edited.body.approvals_needed.clone() {
                edited.approve(&needed.id, None).expect("a required approval");
            }
            place.refuses(&edited, "ablo::migrate::plan_not_derived");
        }
    }
}

#[test]
fn no_message_has_the_hash_that_would_be_accepted() {
    let place = Place::new(None);
    let plan = place.lossy();
    let text = plan.to_json().replace("\"tasks\"", "\"tasks2\"");
    let error = Plan::read(&text).expect_err("a changed plan").to_string();
    let has_hash = error.split(|c: char| !c.is_ascii_hexdigit()).any(|word| word.len() >= 32);
    assert!(!has_hash, "{error}");
}

#[test]
fn a_private_key_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("ada.key");
    let key = ApproverKey::create(&path).expect("a new key");
    let text = fs::read_to_string(&path).expect("the file is readable");
    let secret = text.lines().nth(1).expect("the key is in the file");
    assert!(!format!("{key:?}").contains(secret));
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    is_refused(ApproverKey::create(&path), "ablo::approver::key_file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("the mode is set");
    is_refused(ApproverKey::read(&path), "ablo::approver::key_file");
}
