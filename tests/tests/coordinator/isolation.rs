//! Visibility on both stores: readers see the rows of their sync groups, and nothing of other
//! organisations.

use ablo_server::engine::Engine;
use ablo_server::engine::claims::{self, ClaimOutcome};
use ablo_server::engine::exits::Visible;
use ablo_server::engine::read::ListQuery;
use ablo_server::identity::{Identity, organization_group};
use ablo_server::store::Tx;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, ask, code, json, user};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Decks contain slides and pins, and slides contain layers. Notices have their groups in fields.
const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "decks":{"typename":"Deck","scope":"deck","mutable":true,"load":"instant",
   "fields":{"title":{"type":"string","isOptional":false,"isIndexed":false}},
   "relations":{"slides":{"type":"hasMany","target":"slides","foreignKey":"deckId",
     "foreignKeyColumn":"deck_id","orderBy":"rank"}}},
  "slides":{"typename":"Slide","mutable":true,"load":"instant","fields":{
    "deckId":{"type":"string","isOptional":false,"isIndexed":true},
    "rank":{"type":"number","isOptional":true,"isIndexed":false}},
   "relations":{"deck":{"type":"belongsTo","target":"decks","foreignKey":"deckId",
     "foreignKeyColumn":"deck_id","options":{"parent":true}},
    "layers":{"type":"hasMany","target":"layers","foreignKey":"slideId",
      "foreignKeyColumn":"slide_id"}}},
  "layers":{"typename":"Layer","mutable":true,"load":"instant","tenancy":{"kind":"parent",
    "via":{"localKey":"slide_id","parentTable":"slides"}},"fields":{
    "slideId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{"slide":{"type":"belongsTo","target":"slides","foreignKey":"slideId",
     "foreignKeyColumn":"slide_id","options":{"parent":true}}}},
  "pins":{"typename":"Pin","mutable":true,"load":"instant","fields":{
    "deckId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{"deck":{"type":"belongsTo","target":"decks","foreignKey":"deckId",
     "foreignKeyColumn":"deck_id","options":{"parent":true}}}},
  "notices":{"typename":"Notice","mutable":true,"load":"instant","relations":{},
   "entityRoles":[{"kind":"team","source":{"field":"teams","multi":true}},{"kind":"desk",
     "source":{"field":"desk","multi":false}}],
   "fields":{"teams":{"type":"json","isOptional":true,"isIndexed":false},
    "desk":{"type":"string","isOptional":true,"isIndexed":false,"format":"int64"}}}}}"#;

const MODELS: [&str; 5] = ["decks", "slides", "layers", "pins", "notices"];
const FIRST: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
const SECOND: &str = "77e55044-10b1-426f-9247-bb680e5fe0c8";

on_both_stores! { super::SCHEMA;
    a_reader_sees_only_the_rows_of_its_groups
    groups_are_read_from_fields
    another_organisation_sees_nothing_and_changes_nothing
    related_rows_are_nested_in_order
    moving_a_row_changes_the_groups_of_its_children
    errors_do_not_reveal_hidden_rows
}

fn reader(organization: &str, groups: &[&str]) -> Identity {
    let groups: BTreeSet<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    Identity { organization: organization.to_owned(), groups, ..user("rea") }
}

fn create(model: &str, id: &str, data: Value) -> Value {
    json!({"action": "create", "model": model, "id": id, "data": data})
}

/// Creates two decks with slides, layers and pins.
async fn fill(world: &World, who: &Identity) {
    let mut operations = Vec::new();
    for (deck, name) in [(FIRST, "a"), (SECOND, "b")] {
        operations.push(create("decks", deck, json!({"title": name})));
        for (at, rank) in [(1, json!(2)), (2, json!(1)), (3, Value::Null)] {
            let slide = format!("{name}{at}");
            operations.push(create("slides", &slide, json!({"deckId": deck, "rank": rank})));
            operations.push(create("layers", &format!("{slide}-layer"), json!({"slideId": slide})));
        }
        operations.push(create("pins", &format!("{name}-pin"), json!({"deckId": deck})));
    }
    world.commit(who, &Value::from(operations).to_string()).await.expect("the commit succeeds");
}

/// Returns the ids of the rows that a reader sees. List, query, bootstrap and single reads have to
/// agree.
async fn seen(world: &World, who: &Identity, model: &str) -> Vec<String> {
    let ids = |rows: Vec<String>| -> BTreeSet<String> {
        rows.iter()
            .map(|row| json(row)["id"].as_str().expect("the id is a string").to_owned())
            .collect()
    };
    let all = ListQuery { limit: Some(100), ..ListQuery::default() };
    let rows = world.list(who, model, all).await.expect("the list succeeds").rows;
    let listed = ids(rows.into_iter().map(Visible::into_inner).collect());
    let queried =
        ids(world.query(who, &json!({"model": model})).await.expect("the query succeeds"));
    let type_name = world.engine.models.find(model).expect("the model exists").type_name.clone();
    let loaded = ids(world
        .bootstrap(who)
        .await
        .expect("the bootstrap succeeds")
        .remove(&type_name)
        .expect("the model is loaded"));
    assert_eq!((&listed, &listed), (&queried, &loaded), "{model} on {world:?}");
    for id in &listed {
        assert!(world.retrieve(who, model, id).await.expect("the request succeeds").is_some());
    }
    listed.into_iter().collect()
}

async fn seen_of_all(world: &World, who: &Identity) -> BTreeMap<&'static str, Vec<String>> {
    let mut all = BTreeMap::new();
    for model in MODELS {
        all.insert(model, seen(world, who, model).await);
    }
    all
}

async fn a_reader_sees_only_the_rows_of_its_groups(world: World) {
    fill(&world, &user("ann")).await;
    let everything = seen_of_all(&world, &user("bob")).await;
    assert_eq!(everything.values().map(Vec::len).collect::<Vec<_>>(), [2, 6, 0, 2, 6]);
    let of_first =
        seen_of_all(&world, &reader("acme", &[&format!("deck:{FIRST}"), "deck:'; --", "user:x"]))
            .await;
    let expected: [(&str, &[&str]); 5] = [
        ("decks", &[FIRST]),
        ("layers", &["a1-layer", "a2-layer", "a3-layer"]),
        ("notices", &[]),
        ("pins", &["a-pin"]),
        ("slides", &["a1", "a2", "a3"]),
    ];
    assert_eq!(
        of_first,
        expected
            .map(|(model, ids)| (model, ids.iter().map(|id| (*id).to_owned()).collect()))
            .into()
    );
    let without_groups = reader("acme", &[]);
    assert!(seen_of_all(&world, &without_groups).await.values().all(Vec::is_empty));
    let of_first = reader("acme", &[&format!("deck:{FIRST}")]);
    assert_eq!(
        world.retrieve(&of_first, "slides", "b1").await.expect("the request succeeds"),
        None
    );
    let foreign = r#"[{"action":"update","model":"slides","id":"b1","data":{"rank":9}}]"#;
    assert_eq!(code(world.commit(&of_first, foreign).await), "entity_not_found");
    let outside = create("slides", "c1", json!({"deckId": SECOND}));
    assert_eq!(
        code(world.commit(&of_first, &json!([outside]).to_string()).await),
        "capability_scope_denied"
    );
    let own = r#"[{"action":"update","model":"slides","id":"a1","data":{"rank":9}}]"#;
    world.commit(&of_first, own).await.expect("the row is in its group");
}

async fn groups_are_read_from_fields(world: World) {
    let ann = user("ann");
    let teams = [
        json!(["red", "it's"]),
        json!([7, null, ["red"]]),
        json!("red"),
        json!({"a": "red"}),
        json!([]),
        Value::Null,
    ];
    let desks = [
        json!("12"),
        json!("-9223372036854775808"),
        Value::Null,
        Value::Null,
        json!("13"),
        Value::Null,
    ];
    let notices: Value = (0..6)
        .map(|at| {
            create("notices", &format!("n{at}"), json!({"teams": teams[at], "desk": desks[at]}))
        })
        .collect();
    world.commit(&ann, &notices.to_string()).await.expect("the commit succeeds");
    let sees = async |groups: &[&str]| seen(&world, &reader("acme", groups), "notices").await;
    assert_eq!(sees(&["team:red"]).await, ["n0"]);
    assert_eq!(sees(&["team:it's"]).await, ["n0"]);
    assert_eq!(sees(&["team:7", "team:a", "team:null"]).await, [""; 0]);
    assert_eq!(sees(&["desk:12", "desk:13"]).await, ["n0", "n4"]);
    assert_eq!(sees(&["desk:-9223372036854775808", "team:red"]).await, ["n0", "n1"]);
    // The deltas have the same groups that reads use.
    let log = world.log(&ann, 0).await.expect("the log is readable");
    let groups: Vec<Vec<&str>> =
        log.iter().map(|delta| delta.groups.iter().map(String::as_str).collect()).collect();
    assert_eq!(groups[0], ["desk:12", "org:acme", "team:it's", "team:red"]);
    assert_eq!(groups[1], ["desk:-9223372036854775808", "org:acme"]);
    assert_eq!(groups[2], ["org:acme"]);
}

async fn another_organisation_sees_nothing_and_changes_nothing(world: World) {
    fill(&world, &user("ann")).await;
    let mut eve = user("eve");
    eve.organization = "o'ther".to_owned();
    // Groups of the other organisation do not help.
    eve.groups = BTreeSet::from([
        organization_group("o'ther"),
        organization_group("acme"),
        format!("deck:{FIRST}"),
    ]);
    assert!(seen_of_all(&world, &eve).await.values().all(Vec::is_empty));
    for (model, id) in
        [("decks", FIRST), ("slides", "a1"), ("layers", "a1-layer"), ("pins", "a-pin")]
    {
        assert_eq!(world.retrieve(&eve, model, id).await.expect("the request succeeds"), None);
        assert!(
            world
                .query(&eve, &json!({"model": model, "ids": [id]}))
                .await
                .expect("the query succeeds")
                .is_empty()
        );
        let update = json!([{"action": "update", "model": model, "id": id, "data": {}}]);
        assert_eq!(code(world.commit(&eve, &update.to_string()).await), "entity_not_found");
        let delete = json!([{"action": "delete", "model": model, "id": id}]);
        world.commit(&eve, &delete.to_string()).await.expect("deleting a missing row succeeds");
        assert!(
            world.retrieve(&user("ann"), model, id).await.expect("the request succeeds").is_some(),
            "{model} is not deleted"
        );
        let same =
            json!([create(model, id, json!({"title": "x", "deckId": FIRST, "slideId": "a1"}))]);
        let outcome = world.commit(&eve, &same.to_string()).await;
        // Layers belong to the organisation of their slide, so ids of slides are not reused.
        match model {
            "slides" => assert_eq!(code(outcome), "unique_violation"),
            "layers" => assert!(
                ["unique_violation", "organization_mismatch"].contains(&code(outcome).as_str())
            ),
            _ => drop(outcome.expect("the id is free in this organisation")),
        }
        let kept = world.retrieve(&user("ann"), model, id).await.expect("the request succeeds");
        assert_ne!(json(&kept.expect("the row is kept"))["title"], "x", "{model}");
    }
    // A layer belongs to the organisation of its slide. No other organisation can create one.
    let planted = json!([create("layers", "planted", json!({"slideId": "a1"}))]);
    assert_eq!(code(world.commit(&eve, &planted.to_string()).await), "organization_mismatch");
    let log = world.log(&eve, 0).await.expect("the log is readable");
    let rows: Vec<&str> = log.iter().map(|delta| delta.row.as_str()).collect();
    assert_eq!(rows, [FIRST, "a-pin"], "only its own rows");
    let claim = world
        .claim(&eve, "slides", ablo_tests::server::ask("c", "a1", true))
        .await
        .expect("the request succeeds");
    assert!(
        matches!(claim, ablo_server::engine::claims::ClaimOutcome::Held(_)),
        "claims of other organisations do not block"
    );
    world
        .commit(&user("ann"), r#"[{"action":"update","model":"slides","id":"a1","data":{}}]"#)
        .await
        .expect("eve's claim does not block ann");
}

async fn related_rows_are_nested_in_order(world: World) {
    let ann = user("ann");
    fill(&world, &ann).await;
    let decks = world
        .query(&ann, &json!({"model": "Deck", "related": ["slides"], "where": [["title", "a"]]}))
        .await;
    let deck = json(&decks.expect("the query succeeds")[0]);
    let ids: Vec<&str> = deck["slides"]
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|slide| slide["id"].as_str())
        .collect();
    assert_eq!(ids, ["a3", "a2", "a1"], "ordered by rank, nulls first");
    let slides = world
        .query(&ann, &json!({"model": "slides", "related": ["deck", "layers"], "ids": ["b1"]}))
        .await;
    let slide = json(&slides.expect("the query succeeds")[0]);
    assert_eq!(
        (&slide["deck"]["title"], &slide["layers"][0]["id"]),
        (&json!("b"), &json!("b1-layer"))
    );
    let pins = world
        .query(&ann, &json!({"model": "pins", "related": ["deck"], "ids": ["b-pin"]}))
        .await
        .expect("the query succeeds");
    assert_eq!(json(&pins[0])["deck"]["id"], SECOND);
}

async fn moving_a_row_changes_the_groups_of_its_children(world: World) {
    let ann = user("ann");
    fill(&world, &ann).await;
    let before = world
        .log(&ann, 0)
        .await
        .expect("the log is readable")
        .last()
        .expect("the log is not empty")
        .id;
    let moved =
        json!([{"action": "update", "model": "slides", "id": "a1", "data": {"deckId": SECOND}}]);
    let receipt = world.commit(&ann, &moved.to_string()).await.expect("the commit succeeds");
    let deltas: Vec<_> = world.log(&ann, before).await.expect("the log is readable");
    assert_eq!(deltas.iter().map(|delta| &*delta.row).collect::<Vec<_>>(), ["a1", "a1-layer"]);
    assert_eq!(receipt.last_sync_id.map(|at| at.0), deltas.last().map(|delta| delta.id));
    let groups = |deck: &str| BTreeSet::from([format!("deck:{deck}"), "org:acme".to_owned()]);
    for delta in &deltas {
        assert_eq!(
            (&delta.groups, delta.previous_groups.as_ref()),
            (&groups(SECOND), Some(&groups(FIRST)))
        );
    }
    assert_eq!(
        seen(&world, &reader("acme", &[&format!("deck:{FIRST}")]), "layers").await,
        ["a2-layer", "a3-layer"]
    );
}

async fn errors_do_not_reveal_hidden_rows(world: World) {
    let (ann, of_first) = (user("ann"), reader("acme", &[&format!("deck:{FIRST}")]));
    fill(&world, &ann).await;
    // Refused stale writes, deletes and claims reveal neither its values nor its holder: claims on
    // hidden rows are granted like those on absent ones.
    let stale = r#"[{"action":"update","model":"slides","id":"b1","data":{"rank":9},"readAt":1,
        "onStale":"reject"}]"#;
    world.claim(&ann, "slides", ask("hidden", "b1", true)).await.expect("the claim is granted");
    world.claim(&ann, "slides", ask("seen", "a1", true)).await.expect("the claim is granted");
    let refusal =
        world.commit(&of_first, stale).await.expect_err("the commit is refused").into_api_error();
    let body = serde_json::to_string(&refusal.into_failure()).expect("valid JSON");
    assert!(
        body.contains("entity_not_found") && !body.contains("rank") && !body.contains("ann"),
        "{body}"
    );
    // A delete of a hidden row is answered like that of an absent one, and does nothing.
    let head = world.log(&ann, 0).await.expect("the log").len();
    for id in ["b1", "absent"] {
        let delete = json!([{ "action": "delete", "model": "slides", "id": id }]).to_string();
        world.commit(&of_first, &delete).await.expect("nothing to delete");
    }
    assert_eq!(world.log(&ann, 0).await.expect("the log").len(), head);
    let again = json!([create("slides", "b1", json!({"deckId": FIRST, "rank": 2}))]).to_string();
    assert_eq!(code(world.commit(&of_first, &again).await), "unique_violation");
    for (id, row) in [("own", "b1"), ("new", "not-there-yet")] {
        let claimed = world.claim(&of_first, "slides", ask(id, row, true)).await;
        assert!(matches!(claimed, Ok(ClaimOutcome::Held(_))), "{claimed:?}");
    }
    let ids = async |who: &Identity| -> Vec<String> {
        let seen = world
            .read(who, |engine, tx, who| Ok(claims::visible(engine, tx, who)?))
            .await
            .expect("the claims are readable");
        seen.into_iter().map(|claim| claim.id).collect()
    };
    assert_eq!(ids(&of_first).await, ["seen", "own", "new"]);
    assert_eq!(ids(&ann).await, ["hidden", "seen"]);
    let order = |row: &'static str| {
        let job = move |engine: &Engine, tx: &mut Tx<'_>, who: &Identity| {
            let model = engine.models.find("slides").expect("the model exists");
            claims::reorder(engine, tx, who, model, row, &[])
        };
        world.write(&of_first, job)
    };
    assert_eq!(code(order("b1").await), "entity_not_found");
    order("a1").await.expect("the reorder succeeds");
}
