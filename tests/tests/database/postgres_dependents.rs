//! Objects that depend on a changed table are found when the migration is planned.

use ablo_migrate::postgres::{Database, Timeouts};
use ablo_migrate::{Error, Plan, apply, current, drift, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{Server, schema};

const TITLE: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#;
const SMALL: &str = r#""n":{"type":"number","isOptional":true,"isIndexed":true,"format":"int32"}"#;
const LARGE: &str = r#""n":{"type":"number","isOptional":true,"isIndexed":true}"#;
const STATE: &str = r#""e":{"type":"enum","enumValues":["a","b"],"isOptional":true,
  "isIndexed":false}"#;
const STATES: &str = r#""e":{"type":"enum","enumValues":["a","c"],"isOptional":true,
  "isIndexed":false}"#;

fn notes(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"notes":{{"fields":{{{TITLE},{fields}}},"relations":{{}}}}}},
          "identityRoles":[]}}"#
    ))
}

fn none() -> Schema {
    schema(r#"{"v":3,"models":{},"identityRoles":[]}"#)
}

fn plan(database: &mut Database, next: &Schema) -> Result<Plan, Error> {
    let prev = current(database, None).expect("the current schema is known").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("no hints");
    let mut plan = plan_for(database, &diff, &Backfills::default(), true)?;
    let ids: Vec<_> = plan.body.approvals_needed.iter().map(|one| one.id.clone()).collect();
    ids.iter().for_each(|id| plan.approve(id, None).expect("an approval"));
    Ok(plan)
}

/// Applies a schema, changes the database by hand, and plans the next one. A plan that is made has
/// to apply, and to give the next schema.
fn planned(prev: &Schema, by_hand: &str, next: &Schema) -> Result<(), String> {
    let server = Server::shared().database();
    let mut database = Database::connect(&server.address(), "public").expect("a session");
    let first = plan(&mut database, prev).expect("a plan");
    apply(&mut database, &first, Timeouts::default()).expect("the plan applies");
    server.session().run(by_hand).expect("a change");
    let plan = plan(&mut database, next).map_err(|error| error.to_string())?;
    apply(&mut database, &plan, Timeouts::default())
        .unwrap_or_else(|error| panic!("{by_hand}: a plan was made, and {error}"));
    let left = drift(&mut database, next, true).expect("a catalog");
    assert!(left.iter().all(|one| one.is_addition()), "{by_hand}: {left:?}");
    Ok(())
}

const FUNCTION: &str = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql \
    AS 'BEGIN RETURN NEW; END'; ";

#[test]
fn what_uses_a_changed_column_is_named_in_the_plan() {
    let prev = notes(SMALL);
    let objects = [
        ("CREATE VIEW v AS SELECT n FROM notes", "the view `v`"),
        ("CREATE MATERIALIZED VIEW m AS SELECT n FROM notes", "the materialized view `m`"),
        ("CREATE POLICY p ON notes AS RESTRICTIVE USING (n > 0)", "the policy `p`"),
        (
            "ALTER TABLE notes ADD d int GENERATED ALWAYS AS (n * 2) STORED",
            "the generated column `d`",
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE OF n ON notes FOR EACH ROW EXECUTE FUNCTION f()",
            "the trigger `t`",
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW WHEN (OLD.n > 1) \
             EXECUTE FUNCTION f()",
            "the trigger `t`",
        ),
        (
            "CREATE FUNCTION g() RETURNS bigint LANGUAGE sql \
             BEGIN ATOMIC SELECT sum(n) FROM notes; END",
            "the function `public.g()`",
        ),
        (
            "CREATE TABLE other (x int); CREATE POLICY p ON other USING \
             (EXISTS (SELECT FROM notes WHERE n = x))",
            "the policy `p` of `other`",
        ),
    ];
    for (object, name) in objects {
        let by_hand = format!("{FUNCTION}{object}");
        for (next, what) in
            [(notes(LARGE), "`notes.n` gets another type"), (notes(STATE), "`notes.n` is dropped")]
        {
            let error = planned(&prev, &by_hand, &next).expect_err(object);
            assert!(error.contains(&format!("{what}: {name} uses it")), "{object}: {error}");
            assert!(error.contains("ablo::migrate::dependent"), "{error}");
        }
    }
    // All of them at once.
    let all = "CREATE VIEW v AS SELECT n FROM notes; CREATE VIEW w AS SELECT * FROM notes";
    let error = planned(&prev, all, &notes(LARGE)).expect_err("two views");
    assert!(error.contains("`v`") && error.contains("`w`"), "{error}");
}

#[test]
fn what_is_dropped_with_a_column_is_named_in_its_approval() {
    const CODE: &str = r#""k":{"type":"string","isOptional":true,"isIndexed":false}"#;
    let prev = notes(&format!("{SMALL},{CODE}"));
    for (object, name, blocks_another_type) in [
        ("ALTER TABLE notes ADD CONSTRAINT c CHECK (n < 9 AND title <> '')", "the check `c`", true),
        ("CREATE INDEX i ON notes ((n + 1))", "the index `i`", true),
        ("CREATE INDEX i ON notes (title) WHERE n > 1", "the index `i`", true),
        ("CREATE UNIQUE INDEX i ON notes (organization_id, k, n)", "the index `i`", false),
        ("ALTER TABLE notes ADD CONSTRAINT u UNIQUE (k, n)", "the unique constraint `u`", false),
        (
            "CREATE TABLE other (x int PRIMARY KEY); \
             ALTER TABLE notes ADD CONSTRAINT f FOREIGN KEY (n) REFERENCES other",
            "the foreign key `f`",
            true,
        ),
        ("CREATE STATISTICS s ON n, k FROM notes", "the statistics `s`", false),
    ] {
        let server = Server::shared().database();
        let mut database = Database::connect(&server.address(), "public").expect("a session");
        let first = plan(&mut database, &prev).expect("a plan");
        apply(&mut database, &first, Timeouts::default()).expect("the plan applies");
        server.session().run(object).expect("an object");
        if blocks_another_type {
            let next = notes(&format!("{LARGE},{CODE}"));
            let error = plan(&mut database, &next).expect_err(object).to_string();
            assert!(error.contains(&format!("another type: {name} uses it")), "{error}");
        }
        let dropping = plan(&mut database, &notes(CODE)).expect(object);
        let what = &dropping.body.approvals_needed[0].what;
        assert!(what.ends_with(&format!("; {name} is dropped with it")), "{object}: {what}");
        apply(&mut database, &dropping, Timeouts::default()).expect(object);
        assert_eq!(drift(&mut database, &notes(CODE), true), Ok(Vec::new()), "{object}");
    }
    // A plan without the object is not one for this database.
    let server = Server::shared().database();
    let mut database = Database::connect(&server.address(), "public").expect("a session");
    let first = plan(&mut database, &prev).expect("a plan");
    apply(&mut database, &first, Timeouts::default()).expect("the plan applies");
    let dropping = plan(&mut database, &notes(CODE)).expect("a plan");
    server.session().run("CREATE INDEX i ON notes (title) WHERE n > 1").expect("an index");
    apply(&mut database, &dropping, Timeouts::default()).expect_err("the index is not approved");
}

#[test]
fn what_uses_a_dropped_table_is_named_in_the_plan() {
    for (object, name) in [
        ("CREATE VIEW v AS SELECT 1 AS one FROM notes", "the view `v`"),
        ("CREATE TABLE child () INHERITS (notes)", "the child table `child`"),
        ("CREATE TABLE other (x notes)", "the column of its rows `x` of `other`"),
        (
            "CREATE TABLE other (o text, x text, FOREIGN KEY (o, x) REFERENCES notes)",
            "the foreign key `other_o_x_fkey` of `other`",
        ),
        (
            "CREATE FUNCTION g(notes) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "the function of its rows `public.g(public.notes)`",
        ),
    ] {
        let error = planned(&notes(SMALL), object, &none()).expect_err(object);
        assert!(error.contains(&format!("`notes` is dropped: {name} uses it")), "{error}");
    }
}

#[test]
fn what_does_not_use_the_change_is_no_obstacle() {
    for object in [
        "CREATE VIEW v AS SELECT title FROM notes",
        "CREATE INDEX i ON notes (n, title)",
        "CREATE POLICY p ON notes AS RESTRICTIVE USING (title <> '')",
        "ALTER TABLE notes ADD CONSTRAINT c CHECK (title <> '')",
        "CREATE STATISTICS s ON n, title FROM notes",
    ] {
        assert_eq!(planned(&notes(SMALL), object, &notes(LARGE)), Ok(()), "{object}");
    }
    // What is part of a table is dropped with it.
    for object in ["CREATE INDEX i ON notes ((n + 1))", "ALTER TABLE notes ADD CHECK (n < 9)"] {
        assert_eq!(planned(&notes(SMALL), object, &none()), Ok(()), "{object}");
    }
}

#[test]
fn objects_are_found_by_their_meaning() {
    let fields = format!("{SMALL},{STATE}");
    let renamed = "ALTER INDEX notes_n_idx RENAME TO mine; \
        ALTER TABLE notes RENAME CONSTRAINT notes_e_check TO my_check; \
        ALTER POLICY tenant_isolation ON notes RENAME TO mine; \
        ALTER INDEX notes_pkey RENAME TO pk_notes";
    let next =
        notes(&format!("{LARGE},{STATES}").replace(r#""isIndexed":true"#, r#""isIndexed":false"#));
    assert_eq!(planned(&notes(&fields), renamed, &next), Ok(()));
    assert_eq!(planned(&notes(&fields), renamed, &none()), Ok(()));
    assert_eq!(planned(&notes(&fields), renamed, &notes(STATE)), Ok(()));
}

#[test]
fn a_table_that_was_changed_by_hand_is_reported_by_the_plan() {
    for (by_hand, code) in [
        ("DROP INDEX notes_n_idx", "ablo::drift::index_missing"),
        ("ALTER TABLE notes DROP CONSTRAINT notes_e_check", "ablo::drift::check_missing"),
        ("ALTER TABLE notes ALTER n TYPE bigint", "ablo::drift::column_type"),
        ("DROP POLICY tenant_isolation ON notes", "ablo::drift::policy"),
        ("DROP TABLE notes", "ablo::drift::table_missing"),
    ] {
        let fields = format!("{SMALL},{STATE}");
        let error = planned(&notes(&fields), by_hand, &notes(SMALL)).expect_err(by_hand);
        assert!(error.contains("ablo::migrate::drifted") && error.contains(code), "{error}");
    }
    // A table that the migration does not change may differ.
    let two = |fields: &str| {
        schema(&format!(
            r#"{{"v":3,"models":{{"notes":{{"fields":{{{fields}}},"relations":{{}}}},
              "pages":{{"fields":{{{SMALL}}},"relations":{{}}}}}},"identityRoles":[]}}"#
        ))
    };
    let server = Server::shared().database();
    let mut database = Database::connect(&server.address(), "public").expect("a session");
    let first = plan(&mut database, &two(TITLE)).expect("a plan");
    apply(&mut database, &first, Timeouts::default()).expect("the plan applies");
    server.session().run("DROP INDEX pages_n_idx").expect("a change");
    plan(&mut database, &two(&format!("{TITLE},{STATE}"))).expect("a plan");
}
