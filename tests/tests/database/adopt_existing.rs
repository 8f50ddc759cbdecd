//! Adopts databases that other programs made, and changes them: nothing but what is asked for.

use ablo_migrate::compare::Difference;
use ablo_migrate::postgres::Database;
use ablo_migrate::pull::{PullOptions, pull};
use ablo_migrate::{
    Plan, Session, Timeouts, adopt, adoption, apply, current, drift, plan_for as plan,
};
use ablo_schema::Schema;
use ablo_schema::diff::{Hints, diff};
use ablo_schema::front::json;
use ablo_tests::postgres::{Database as TestDatabase, Server, catalogue, schema};
use serde_json::{Value, json};

/// A database with the change that the test makes.
struct Application {
    /// The folder in `fixtures/existing`.
    folder: &'static str,
    /// The model, and its table.
    model: (&'static str, &'static str),
    /// A field to rename, with its column.
    renamed: (&'static str, &'static str),
    /// An optional field to make required, with its column and its type.
    required: (&'static str, &'static str, &'static str),
}

const APPLICATIONS: [Application; 10] = [
    Application {
        folder: "mastodon",
        model: ("people", "people"),
        renamed: ("about", "about"),
        required: ("displayName", "display_name", "character varying"),
    },
    Application {
        folder: "discourse",
        model: ("members", "members"),
        renamed: ("name", "name"),
        required: ("flairUrl", "flair_url", "character varying(500)"),
    },
    Application {
        folder: "chatwoot",
        model: ("contacts", "contacts"),
        renamed: ("email", "email"),
        required: ("phone", "phone", "character varying"),
    },
    Application {
        folder: "calcom",
        model: ("MeetingType", "MeetingType"),
        renamed: ("slug", "slug"),
        required: ("description", "description", "text"),
    },
    Application {
        folder: "plausible",
        model: ("sites", "sites"),
        renamed: ("timezone", "timezone"),
        required: ("note", "note", "character varying(255)"),
    },
    Application {
        folder: "lago",
        model: ("customers", "customers"),
        renamed: ("externalId", "external_id"),
        required: ("currency", "currency", "character varying"),
    },
    Application {
        folder: "supabase-auth",
        model: ("identitiesOfUsers", "identities_of_users"),
        renamed: ("email", "email"),
        required: ("aud", "aud", "character varying(255)"),
    },
    Application {
        folder: "documenso",
        model: ("Envelope", "Envelope"),
        renamed: ("secondaryId", "secondaryId"),
        required: ("note", "note", "character varying(200)"),
    },
    Application {
        folder: "pagila",
        model: ("movies", "movies"),
        renamed: ("rentalDays", "rental_days"),
        required: ("description", "description", "text"),
    },
    Application {
        folder: "umami",
        model: ("website", "website"),
        renamed: ("name", "name"),
        required: ("domain", "domain", "character varying(500)"),
    },
];

fn open(server: &TestDatabase<'_>) -> Database {
    Database::connect(&server.address(), "public").expect("the session opens")
}

fn messages(found: &[Difference]) -> Vec<String> {
    found.iter().map(|one| one.finding().to_string()).collect()
}

/// Returns a database with the tables that some SQL creates, and the document that `ablo pull`
/// writes for it.
fn existing(sql: &str) -> (TestDatabase<'static>, Value) {
    let server = Server::shared().database();
    server.session().run(sql).unwrap_or_else(|error| panic!("{error}"));
    let catalog = open(&server).catalog().expect("the catalog is readable");
    let pulled = pull(&catalog, &PullOptions::default());
    (server, serde_json::from_str(&pulled.document).expect("a JSON document"))
}

fn plan_to(
    database: &mut Database,
    next: &Schema,
    backfills: &Value,
) -> ablo_migrate::Result<Plan> {
    let prev = current(database, None)?.schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("there are no hints");
    let (read, diagnostics) = json::read_backfills(&backfills.to_string(), next);
    let backfills = read.unwrap_or_else(|| panic!("{diagnostics:#?}"));
    plan(database, &diff, &backfills, true)
}

fn migrate(database: &mut Database, next: &Schema, backfills: &Value) -> Plan {
    let mut plan = plan_to(database, next, backfills).unwrap_or_else(|error| panic!("{error}"));
    let needed: Vec<String> =
        plan.body.approvals_needed.iter().map(|needed| needed.id.clone()).collect();
    for id in needed {
        plan.approve(&id, None).expect("a required approval");
    }
    let applied = apply(database, &plan, Timeouts::default());
    applied.unwrap_or_else(|error| panic!("{error}\n{}", plan.to_json()));
    plan
}

/// Renames a field, makes another one required, and adds a third.
fn changed(document: &Value, application: &Application) -> Value {
    let mut next = document.clone();
    let fields = next["models"][application.model.0]["fields"].as_object_mut().expect("fields");
    let (name, column) = application.renamed;
    let mut renamed = fields.remove(name).unwrap_or_else(|| panic!("no {name}: {document:#}"));
    let members = renamed.as_object_mut().expect("members");
    members.remove("column");
    members.insert("renamedFrom".to_owned(), name.into());
    assert!(!column.is_empty());
    fields.insert("renamedOne".to_owned(), renamed);
    fields[application.required.0]["isOptional"] = false.into();
    let added = json!({ "type": "string", "isOptional": false, "isIndexed": false });
    fields.insert("addedOne".to_owned(), added);
    next
}

#[test]
fn databases_of_applications_are_adopted_and_changed() {
    for application in &APPLICATIONS {
        let Application { folder, model: (key, table), required, .. } = application;
        let path =
            format!("{}/../fixtures/existing/{folder}/tables.sql", env!("CARGO_MANIFEST_DIR"));
        let sql = std::fs::read_to_string(&path).expect("the fixture is readable");
        let (server, document) = existing(&sql);
        let (mut session, mut database) = (server.session(), open(&server));
        let before = catalogue(&mut session);
        let pulled = schema(&document.to_string());
        adopt(&mut database, &pulled, false, Timeouts::default())
            .unwrap_or_else(|error| panic!("{folder}: {error}"));
        let same = plan_to(&mut database, &pulled, &json!([])).expect("a plan");
        assert_eq!(same.body.statements, [], "{folder}");
        let found = drift(&mut database, &pulled, true).expect("the catalog is readable");
        assert_eq!(messages(&found), [""; 0], "{folder}");

        let next = schema(&changed(&document, application).to_string());
        let backfills = json!([
            { "model": key, "field": required.0, "value": "filled" },
            { "model": key, "field": "addedOne", "value": "new" },
        ]);
        migrate(&mut database, &next, &backfills);
        let found = drift(&mut database, &next, true).expect("the catalog is readable");
        assert_eq!(messages(&found), [""; 0], "{folder}");
        let after = catalogue(&mut session);
        let (was, is) = (&before["public"][*table], &after["public"][*table]);
        let column = &is.columns[required.1];
        assert_eq!((&*column.r#type, column.not_null), (required.2, true), "{folder}");
        assert!(is.columns.contains_key("renamed_one"), "{folder}");
        assert_eq!(is.indexes.keys().collect::<Vec<_>>(), was.indexes.keys().collect::<Vec<_>>());
        assert_eq!(
            is.constraints.keys().collect::<Vec<_>>(),
            was.constraints.keys().collect::<Vec<_>>()
        );
        assert_eq!((is.row_security, is.forced), (was.row_security, was.forced), "{folder}");
        let rows = format!(
            "SELECT count(*)::text FROM \"{table}\" WHERE \"{}\" IS NULL OR added_one <> 'new'",
            required.1
        );
        assert_eq!(session.texts(&rows), ["0"], "{folder}");
        for (name, other) in &before["public"] {
            assert!(name == table || after["public"].get(name) == Some(other), "{folder}: {name}");
        }
    }
}

const NOTES: &str = "CREATE TABLE notes (id text PRIMARY KEY, created_by text, \
    created_at timestamptz NOT NULL DEFAULT now(), \
        updated_at timestamptz NOT NULL DEFAULT now(), \
    name varchar(20), v text, w text)";

fn codes<T: std::fmt::Debug>(result: ablo_migrate::Result<T>) -> Vec<&'static str> {
    let error = result.expect_err("it is refused");
    error.0.iter().map(|finding| finding.code.name).collect()
}

#[test]
fn every_kind_of_table_is_adopted() {
    const BASE: &str = "id text PRIMARY KEY, organization_id text NOT NULL, created_by text, \
        created_at timestamptz NOT NULL DEFAULT now(), \
        updated_at timestamptz NOT NULL DEFAULT now()";
    let tables = |more: &str| format!("CREATE TABLE notes ({BASE}, name text NOT NULL{more})");
    for sql in [
        "CREATE TABLE notes (a text, b text, PRIMARY KEY (a, b))".to_owned(),
        format!("CREATE TABLE orgs ({BASE}); {}", tables(", org_row_id text REFERENCES orgs")),
        tables(", v text, UNIQUE (v, name)"),
        "CREATE TABLE notes (id text PRIMARY KEY, name text NOT NULL)".to_owned(),
        format!(
            "{}; CREATE TABLE \"userRole\" ({BASE}); CREATE TABLE \"UserRole\" ({BASE})",
            tables("")
        ),
        format!(
            "{}; ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON notes FOR SELECT \
             USING ((SELECT current_setting('request.jwt.claim.org', true)) = organization_id)",
            tables("")
        ),
        tables(", v serial"),
        tables(", v timestamp"),
        format!("{}; CREATE TABLE odd (a int)", tables("")),
        format!(
            "CREATE TABLE orgs (id uuid PRIMARY KEY, name text); {}",
            tables(", org_row_id uuid REFERENCES orgs")
        ),
        "CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text)".to_owned(),
        tables(", v varchar(20)"),
    ] {
        let (server, document) = existing(&sql);
        let (mut database, pulled) = (open(&server), schema(&document.to_string()));
        let before = catalogue(&mut server.session());
        adopt(&mut database, &pulled, false, Timeouts::default())
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let same = plan_to(&mut database, &pulled, &json!([])).expect("a plan");
        assert_eq!(same.body.statements, [], "{sql}");
        let found = drift(&mut database, &pulled, true).expect("the catalog is readable");
        assert_eq!(messages(&found), [""; 0], "{sql}");
        let mut after = catalogue(&mut server.session());
        after.get_mut("public").expect("tables").remove("ablo_migrations");
        assert_eq!(after, before, "{sql}");
    }
}

#[test]
fn drift_reports_only_what_changed_since_the_adoption() {
    let sql =
        format!("{NOTES}; CREATE INDEX mine ON notes (v DESC); ALTER TABLE notes ADD extra point");
    let (server, document) = existing(&sql);
    let (mut database, pulled) = (open(&server), schema(&document.to_string()));
    let adopted = adopt(&mut database, &pulled, false, Timeouts::default()).expect("it fits");
    let unmanaged = messages(&adopted.unmanaged);
    for part in ["`notes`, `mine`", "`notes`, `extra`", "character varying(20)"] {
        assert!(unmanaged.iter().any(|one| one.contains(part)), "{part}: {unmanaged:#?}");
    }
    for (edit, back, code) in [
        ("CREATE INDEX more ON notes (w DESC)", "DROP INDEX more", "index_extra"),
        ("DROP INDEX mine", "CREATE INDEX mine ON notes (v DESC)", "unmanaged_gone"),
        (
            "DROP INDEX mine; CREATE INDEX mine ON notes (w)",
            "DROP INDEX mine; CREATE INDEX mine ON notes (v DESC)",
            "index_extra",
        ),
        (
            "ALTER TABLE notes ALTER name TYPE varchar(30)",
            "ALTER TABLE notes ALTER name TYPE varchar(20)",
            "column_type",
        ),
        (
            "ALTER TABLE notes ALTER v SET NOT NULL",
            "ALTER TABLE notes ALTER v DROP NOT NULL",
            "column_null",
        ),
    ] {
        server.session().run(edit).expect("the edit");
        let found = drift(&mut database, &pulled, true).expect("the catalog is readable");
        let found: Vec<_> = found.iter().map(|one| one.code.name).collect();
        assert_eq!(found, [format!("ablo::drift::{code}")], "{edit}");
        server.session().run(back).expect("the edit is taken back");
        let found = drift(&mut database, &pulled, true).expect("the catalog is readable");
        assert_eq!(messages(&found), [""; 0], "{back}");
    }
    // The changes since can be recorded, too.
    server.session().run("CREATE INDEX more ON notes (w DESC)").expect("an index");
    let twice = adopt(&mut database, &pulled, false, Timeouts::default());
    assert_eq!(codes(twice), ["ablo::migrate::already_recorded"]);
    adopt(&mut database, &pulled, true, Timeouts::default()).expect("it fits");
    let found = drift(&mut database, &pulled, true).expect("the catalog is readable");
    assert_eq!(messages(&found), [""; 0]);
    assert_eq!(Session::ledger(&mut database).expect("the ledger").len(), 2);
}

#[test]
fn a_schema_that_is_wrong_for_the_tables_is_refused() {
    let (server, document) = existing(NOTES);
    let mut database = open(&server);
    let edit = |edit: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        edit(&mut document);
        schema(&document.to_string())
    };
    let field = |kind: &str| json!({ "type": kind, "isOptional": true, "isIndexed": false });
    let refused = |code: &'static str| vec!["ablo::migrate::adopt_misfit", code];
    let table = edit(&|document| document["models"]["notes"]["tableName"] = "memos".into());
    let column = edit(&|document| document["models"]["notes"]["fields"]["x"] = field("string"));
    let kind = edit(&|document| document["models"]["notes"]["fields"]["v"] = field("number"));
    for (schema, code) in [
        (table, "ablo::drift::table_missing"),
        (column, "ablo::drift::column_missing"),
        (kind, "ablo::drift::column_type"),
    ] {
        assert_eq!(codes(adoption(&mut database, &schema, false)), refused(code));
    }
    assert_eq!(Session::ledger(&mut database).expect("no ledger"), []);
    // A required column that the schema has as optional is only said.
    server.session().run("ALTER TABLE notes ALTER v SET NOT NULL").expect("the edit");
    let pulled = schema(&document.to_string());
    let warnings = adoption(&mut database, &pulled, false).expect("it fits").warnings;
    let codes: Vec<_> = warnings.iter().map(|one| one.code.name).collect();
    assert_eq!(codes, ["ablo::migrate::required_there"]);
    assert_eq!(Session::ledger(&mut database).expect("no ledger"), []);
}

#[test]
fn a_dropped_field_takes_its_own_unmanaged_objects_along() {
    let sql = format!(
        "{NOTES}; CREATE INDEX mine ON notes (v DESC); ALTER TABLE notes ADD CHECK (v <> '');
         CREATE INDEX pair ON notes (w, name)"
    );
    let (server, mut document) = existing(&sql);
    let (mut database, pulled) = (open(&server), schema(&document.to_string()));
    adopt(&mut database, &pulled, false, Timeouts::default()).expect("it fits");
    let drop = |document: &mut Value, field: &str| {
        document["models"]["notes"]["fields"].as_object_mut().expect("fields").remove(field);
        schema(&document.to_string())
    };
    let next = drop(&mut document, "v");
    migrate(&mut database, &next, &json!([]));
    let found = drift(&mut database, &next, true).expect("the catalog is readable");
    assert_eq!(messages(&found), [""; 0]);
    // The approval names an index that also has another column.
    let last = drop(&mut document, "w");
    let plan = plan_to(&mut database, &last, &json!([])).expect("a plan");
    let what: Vec<&str> = plan.body.approvals_needed.iter().map(|one| &*one.what).collect();
    assert!(matches!(&*what, [what] if what.contains("pair")), "{what:?}");
}

#[test]
fn objects_keep_their_names_and_missing_ones_are_not_expected() {
    let sql = "CREATE TABLE boats (id text PRIMARY KEY, created_by text, \
        created_at timestamptz NOT NULL DEFAULT now(), \
        updated_at timestamptz NOT NULL DEFAULT now(), \
        name text); CREATE UNIQUE INDEX boat_names ON boats (name); \
        CREATE TABLE trips (id text PRIMARY KEY, created_by text, \
        created_at timestamptz NOT NULL DEFAULT now(), \
        updated_at timestamptz NOT NULL DEFAULT now(), \
        boat_id text CONSTRAINT its_boat REFERENCES boats DEFERRABLE INITIALLY DEFERRED)";
    let (server, mut document) = existing(sql);
    let (mut database, pulled) = (open(&server), schema(&document.to_string()));
    adopt(&mut database, &pulled, false, Timeouts::default()).expect("it fits");
    // Renames touch the columns alone.
    let boats = &mut document["models"]["boats"]["fields"];
    let mut name = boats.as_object_mut().expect("fields").remove("name").expect("the field");
    name["renamedFrom"] = "name".into();
    boats["title"] = name;
    let next = schema(&document.to_string());
    let plan = migrate(&mut database, &next, &json!([]));
    let statements: Vec<_> = plan.body.statements.iter().map(|one| &*one.sql).collect();
    let renames: Vec<_> = statements.iter().filter(|sql| sql.contains("RENAME")).collect();
    assert_eq!(renames, [&"ALTER TABLE \"public\".\"boats\" RENAME COLUMN \"name\" TO \"title\";"]);
    // Without the relation, its key is dropped under its own name, and no index that is missing.
    document["models"]["trips"]["relations"] = json!({});
    document["models"]["boats"]["fields"]["title"]["unique"] = false.into();
    document["models"]["boats"]["fields"]["title"]
        .as_object_mut()
        .expect("members")
        .remove("renamedFrom");
    let last = schema(&document.to_string());
    migrate(&mut database, &last, &json!([]));
    let after = catalogue(&mut server.session());
    let (boats, trips) = (&after["public"]["boats"], &after["public"]["trips"]);
    assert!(
        !trips.constraints.contains_key("its_boat") && !boats.indexes.contains_key("boat_names")
    );
    let found = drift(&mut database, &last, true).expect("the catalog is readable");
    assert_eq!(messages(&found), [""; 0]);
}
