//! Migrations that fail or warn.

use super::support::*;
use ablo_codegen::migrate::Effect;
use ablo_migrate::{Dialect, IfMissing, Session, offline, resume, sqlite, undo};
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::schema;

pub(crate) const MIGRATIONS: &[Case] = &[
    ("ablo::migrate::statement_failed", || {
        error(open(&database().address()).apply(&record(&["SELECT 1/0;"], &[]), &[], TIMEOUTS))
    }),
    ("ablo::migrate::after_commit_failed", || {
        error(open(&database().address()).apply(&record(&[], &["SELECT 1/0;"]), &[], TIMEOUTS))
    }),
    ("ablo::migrate::name_taken", || {
        let unique = TITLE.replace(r#""isIndexed":false"#, r#""isIndexed":false,"unique":true"#);
        refused(
            &tasks(TITLE),
            "CREATE VIEW tasks_title_key AS SELECT 1 AS x",
            &tasks(&unique),
            "[]",
        )
    }),
    ("ablo::migrate::effect_missing", || {
        let mut change = record(&["SELECT 1;"], &[]);
        change.statements[0].effects = vec![Effect::Table { name: "a".to_owned() }];
        error(open(&database().address()).apply(&change, &[], TIMEOUTS))
    }),
    ("ablo::migrate::nothing_unfinished", || {
        error(resume(&mut open(&database().address()), "to try", TIMEOUTS))
    }),
    ("ablo::migrate::undo_refused", || {
        let mut session = open(&database().address());
        let failing = record(&[], &["SELECT 1/0;"]);
        session.apply(&failing, &[], TIMEOUTS).expect_err("division by zero");
        error(undo(&mut session, "to try", TIMEOUTS))
    }),
    ("ablo::migrate::busy", || {
        let database = database();
        let mut holder = database.session();
        holder.run("CREATE TABLE a (id text)").expect("a table");
        holder.run("BEGIN; LOCK TABLE a").expect("a lock");
        let change = record(&["ALTER TABLE public.a ADD COLUMN b text;"], &[]);
        error(open(&database.address()).apply(&change, &[], TIMEOUTS))
    }),
    ("ablo::migrate::required_field_added", || {
        let due = r#""due":{"type":"string","isOptional":false,"isIndexed":false}"#;
        let next = tasks(&format!("{NOTE},{due}"));
        refused(&tasks(NOTE), &insert("", ""), &next, "[]")
    }),
    ("ablo::migrate::made_required", || {
        let next = tasks(&NOTE.replace(r#""isOptional":true"#, r#""isOptional":false"#));
        refused(&tasks(NOTE), &insert("", ""), &next, "[]")
    }),
    ("ablo::migrate::value_unfit", || {
        let next = tasks(&TITLE.replace("string", "number"));
        refused(&tasks(TITLE), &insert(", title", ", 'abc'"), &next, "[]")
    }),
    ("ablo::migrate::required_recreated", || {
        let (prev, next) = (TITLE.replace("string", "boolean"), TITLE.replace("string", "date"));
        refused(&tasks(&prev), &insert(", title", ", true"), &tasks(&next), "[]")
    }),
    ("ablo::migrate::tenancy_column_added", || {
        let shared = model(NOTE, r#","tenancy":{"kind":"none"}"#);
        refused(&shared, "INSERT INTO tasks (id) VALUES ('1')", &tasks(NOTE), "[]")
    }),
    ("ablo::migrate::backfill_without_target", || {
        let backfills = r#"[{"model":"tasks","field":"parentId","value":"missing"}]"#;
        let (prev, next) = (child(NOTE, true), child(NOTE, false));
        refused(&prev, &insert("", ""), &next, backfills)
    }),
    ("ablo::migrate::duplicate_values", || {
        let unique = TITLE.replace(r#""isIndexed":false"#, r#""isIndexed":false,"unique":true"#);
        let rows = "INSERT INTO tasks (id, organization_id, title) \
                    VALUES ('1', 'o', 'same'), ('2', 'o', 'same')";
        refused(&tasks(TITLE), rows, &tasks(&unique), "[]")
    }),
    ("ablo::migrate::foreign_key_broken", || {
        let required = NOTE.replace(r#""isOptional":true"#, r#""isOptional":false"#);
        let orphan = "PRAGMA foreign_keys = OFF; INSERT INTO tasks \
                      (id, organization_id, note, parent_id) VALUES ('1', 'o', 'n', 'missing')";
        migrating_file(&child(NOTE, true), orphan, &child(&required, true))
    }),
    ("ablo::migrate::dependent", || {
        let fields = format!("{TITLE},{NOTE}");
        blocked(&tasks(&fields), "CREATE VIEW notes AS SELECT note FROM tasks", &tasks(TITLE))
    }),
    ("ablo::migrate::drifted", || {
        let fields = format!("{TITLE},{NOTE}");
        blocked(&tasks(&fields), "DROP INDEX tasks_note_idx", &tasks(TITLE))
    }),
    ("ablo::migrate::not_ours", || {
        let next = tasks(&NOTE.replace(r#""isOptional":true"#, r#""isOptional":false"#));
        let trigger = "CREATE TRIGGER by_hand AFTER DELETE ON tasks BEGIN SELECT 1; END";
        migrating_file(&tasks(NOTE), trigger, &next)
    }),
    ("ablo::migrate::pragmas", || {
        let mut session = sqlite::Database::connect("sqlite:unused.db", IfMissing::TreatAsEmpty)
            .expect("a session");
        let next = tasks(NOTE);
        let diff = diff(None, &next, &Hints::default()).expect("no hints");
        let plan = offline(&diff, &Backfills::default(), Dialect::Sqlite, "main", true);
        let record = plan.expect("a plan").record().expect("a record");
        error(session.apply(&record, &[], TIMEOUTS))
    }),
    ("ablo::migrate::policy_skipped", || {
        let owner = r#""ownerId":{"type":"string","isOptional":true,"isIndexed":false}"#;
        let via = r#"{"localKey":"owner_id","parentTable":"owners","parentOrgColumn":"org"}"#;
        let next = model(owner, &format!(r#","tenancy":{{"kind":"parent","via":{via}}}"#));
        let (mut session, result) = migrating(&schema(EMPTY), "SELECT 1", &next, "[]");
        result.expect("no failure");
        findings(session.warnings())
    }),
    ("ablo::migrate::foreign_key_not_validated", || {
        let orphan = insert(", parent_id", ", 'missing'");
        let prev = tasks(&format!("{NOTE},{PARENT}"));
        let (mut session, result) = migrating(&prev, &orphan, &child(NOTE, true), "[]");
        result.expect("no failure");
        findings(session.warnings())
    }),
];
