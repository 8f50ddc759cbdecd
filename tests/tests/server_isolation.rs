//! Who sees what, on both stores: readers of a group its rows alone, other organisations nothing.

use ablo_server::engine::Engine;
use ablo_server::engine::claims;
use ablo_server::engine::read::ListQuery;
use ablo_server::identity::{Identity, organization_group};
use ablo_server::store::Tx;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, ask, code, json, user};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Slides and pins live in decks, and layers in slides. Notices name their groups themselves.
const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "decks":{"typename":"Deck","scope":"deck","mutable":true,"load":"instant",
   "fields":{"title":{"type":"string","isOptional":false,"isIndexed":false}},
   "relations":{"slides":{"type":"hasMany","target":"slides","foreignKey":"deckId","foreignKeyColumn":"deck_id","orderBy":"rank"}}},
  "slides":{"typename":"Slide","mutable":true,"load":"instant","fields":{
    "deckId":{"type":"string","isOptional":false,"isIndexed":true},
    "rank":{"type":"number","isOptional":true,"isIndexed":false}},
   "relations":{"deck":{"type":"belongsTo","target":"decks","foreignKey":"deckId","foreignKeyColumn":"deck_id","options":{"parent":true}},
    "layers":{"type":"hasMany","target":"layers","foreignKey":"slideId","foreignKeyColumn":"slide_id"}}},
  "layers":{"typename":"Layer","mutable":true,"load":"instant","tenancy":{"kind":"parent","via":{"localKey":"slide_id","parentTable":"slides"}},"fields":{
    "slideId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{"slide":{"type":"belongsTo","target":"slides","foreignKey":"slideId","foreignKeyColumn":"slide_id","options":{"parent":true}}}},
  "pins":{"typename":"Pin","mutable":true,"load":"instant","fields":{
    "deckId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{"deck":{"type":"belongsTo","target":"decks","foreignKey":"deckId","foreignKeyColumn":"deck_id","options":{"parent":true}}}},
  "notices":{"typename":"Notice","mutable":true,"load":"instant","relations":{},
   "entityRoles":[{"kind":"team","source":{"field":"teams","multi":true}},{"kind":"desk","source":{"field":"desk","multi":false}}],
   "fields":{"teams":{"type":"json","isOptional":true,"isIndexed":false},
    "desk":{"type":"string","isOptional":true,"isIndexed":false,"format":"int64"}}}}}"#;

const MODELS: [&str; 5] = ["decks", "slides", "layers", "pins", "notices"];
const FIRST: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
const SECOND: &str = "77e55044-10b1-426f-9247-bb680e5fe0c8";

on_both_stores! { crate::SCHEMA;
    a_reader_of_a_group_sees_its_rows_alone
    rows_name_their_groups
    another_organisation_sees_nothing_and_changes_nothing
    what_is_related_is_nested_in_order
    a_row_that_moves_takes_its_groups_along
    of_a_hidden_row_nothing_is_said
}

fn reader(organization: &str, groups: &[&str]) -> Identity {
    let groups: BTreeSet<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    Identity { organization: organization.to_owned(), groups, ..user("rea") }
}

fn create(model: &str, id: &str, data: Value) -> Value {
    json!({"action": "create", "model": model, "id": id, "data": data})
}

/// Two decks with all that lives in them.
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
    world.commit(who, &Value::from(operations).to_string()).await.expect("a receipt");
}

/// The ids of a model's rows that a reader sees: by list, query and bootstrap, which agree, and one by one.
async fn seen(world: &World, who: &Identity, model: &str) -> Vec<String> {
    let ids = |rows: Vec<String>| -> BTreeSet<String> {
        rows.iter().map(|row| json(row)["id"].as_str().expect("an id").to_owned()).collect()
    };
    let all = ListQuery { limit: Some(100), ..ListQuery::default() };
    let listed = ids(world.list(who, model, all).await.expect("a page").rows);
    let queried = ids(world.query(who, &json!({"model": model})).await.expect("rows"));
    let type_name = world.engine.models.find(model).expect("a model").type_name.clone();
    let loaded =
        ids(world.bootstrap(who).await.expect("rows").remove(&type_name).expect("it is loaded"));
    assert_eq!((&listed, &listed), (&queried, &loaded), "{model} on {world:?}");
    for id in &listed {
        assert!(world.retrieve(who, model, id).await.expect("an answer").is_some());
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

async fn a_reader_of_a_group_sees_its_rows_alone(world: World) {
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
    let nobody = reader("acme", &[]);
    assert!(seen_of_all(&world, &nobody).await.values().all(Vec::is_empty));
    let of_first = reader("acme", &[&format!("deck:{FIRST}")]);
    assert_eq!(world.retrieve(&of_first, "slides", "b1").await.expect("an answer"), None);
    let foreign = r#"[{"action":"update","model":"slides","id":"b1","data":{"rank":9}}]"#;
    assert_eq!(code(world.commit(&of_first, foreign).await), "entity_not_found");
    let outside = create("slides", "c1", json!({"deckId": SECOND}));
    assert_eq!(
        code(world.commit(&of_first, &json!([outside]).to_string()).await),
        "capability_scope_denied"
    );
    let own = r#"[{"action":"update","model":"slides","id":"a1","data":{"rank":9}}]"#;
    world.commit(&of_first, own).await.expect("its own row");
}

async fn rows_name_their_groups(world: World) {
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
    world.commit(&ann, &notices.to_string()).await.expect("a receipt");
    let sees = async |groups: &[&str]| seen(&world, &reader("acme", groups), "notices").await;
    assert_eq!(sees(&["team:red"]).await, ["n0"]);
    assert_eq!(sees(&["team:it's"]).await, ["n0"]);
    assert_eq!(sees(&["team:7", "team:a", "team:null"]).await, [""; 0]);
    assert_eq!(sees(&["desk:12", "desk:13"]).await, ["n0", "n4"]);
    assert_eq!(sees(&["desk:-9223372036854775808", "team:red"]).await, ["n0", "n1"]);
    // The log tells the same groups as reads go by.
    let log = world.log(&ann, 0).await.expect("the log");
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
        assert_eq!(world.retrieve(&eve, model, id).await.expect("an answer"), None);
        assert!(
            world
                .query(&eve, &json!({"model": model, "ids": [id]}))
                .await
                .expect("rows")
                .is_empty()
        );
        let update = json!([{"action": "update", "model": model, "id": id, "data": {}}]);
        assert_eq!(code(world.commit(&eve, &update.to_string()).await), "entity_not_found");
        let delete = json!([{"action": "delete", "model": model, "id": id}]);
        world.commit(&eve, &delete.to_string()).await.expect("a row that is not there is deleted");
        assert!(
            world.retrieve(&user("ann"), model, id).await.expect("an answer").is_some(),
            "{model} is still there"
        );
        let taken =
            json!([create(model, id, json!({"title": "x", "deckId": FIRST, "slideId": "a1"}))]);
        let refused = code(world.commit(&eve, &taken.to_string()).await);
        assert!(
            ["unique_violation", "organization_mismatch"].contains(&refused.as_str()),
            "{model}: {refused}"
        );
    }
    // A layer is its slide's organisation's: nobody else makes one.
    let planted = json!([create("layers", "planted", json!({"slideId": "a1"}))]);
    assert_eq!(code(world.commit(&eve, &planted.to_string()).await), "organization_mismatch");
    assert!(world.log(&eve, 0).await.expect("the log").is_empty());
    let line = world
        .claim(&eve, "slides", ablo_tests::server::ask("c", "a1", true))
        .await
        .expect("an answer");
    assert!(
        matches!(line, ablo_server::engine::claims::ClaimOutcome::Held(_)),
        "claims are apart as well"
    );
    world
        .commit(&user("ann"), r#"[{"action":"update","model":"slides","id":"a1","data":{}}]"#)
        .await
        .expect("no claim of hers");
}

async fn what_is_related_is_nested_in_order(world: World) {
    let ann = user("ann");
    fill(&world, &ann).await;
    let decks = world
        .query(&ann, &json!({"model": "Deck", "related": ["slides"], "where": [["title", "a"]]}))
        .await;
    let deck = json(&decks.expect("rows")[0]);
    let ids: Vec<&str> = deck["slides"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|slide| slide["id"].as_str())
        .collect();
    assert_eq!(ids, ["a3", "a2", "a1"], "by rank, absent ones first");
    let slides = world
        .query(&ann, &json!({"model": "slides", "related": ["deck", "layers"], "ids": ["b1"]}))
        .await;
    let slide = json(&slides.expect("rows")[0]);
    assert_eq!(
        (&slide["deck"]["title"], &slide["layers"][0]["id"]),
        (&json!("b"), &json!("b1-layer"))
    );
    let pins = world
        .query(&ann, &json!({"model": "pins", "related": ["deck"], "ids": ["b-pin"]}))
        .await
        .expect("rows");
    assert_eq!(json(&pins[0])["deck"]["id"], SECOND);
}

async fn a_row_that_moves_takes_its_groups_along(world: World) {
    let ann = user("ann");
    fill(&world, &ann).await;
    let before = world.log(&ann, 0).await.expect("the log").last().expect("entries").id;
    let moved =
        json!([{"action": "update", "model": "slides", "id": "a1", "data": {"deckId": SECOND}}]);
    let receipt = world.commit(&ann, &moved.to_string()).await.expect("a receipt");
    let told: Vec<_> = world.log(&ann, before).await.expect("the log");
    assert_eq!(told.iter().map(|delta| &*delta.row).collect::<Vec<_>>(), ["a1", "a1-layer"]);
    assert_eq!(receipt.last_sync_id.map(|at| at.0), told.last().map(|delta| delta.id));
    let groups = |deck: &str| BTreeSet::from([format!("deck:{deck}"), "org:acme".to_owned()]);
    for delta in &told {
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

async fn of_a_hidden_row_nothing_is_said(world: World) {
    let (ann, of_first) = (user("ann"), reader("acme", &[&format!("deck:{FIRST}")]));
    fill(&world, &ann).await;
    // Neither what it holds, nor who is at it: not in the refusal of a stale write, of a claimed row, or of a claim.
    let stale = r#"[{"action":"update","model":"slides","id":"b1","data":{"rank":9},"readAt":1,"onStale":"reject"}]"#;
    world.claim(&ann, "slides", ask("hidden", "b1", true)).await.expect("a claim");
    world.claim(&ann, "slides", ask("seen", "a1", true)).await.expect("a claim");
    for operations in [stale, r#"[{"action":"delete","model":"slides","id":"b1"}]"#] {
        let refusal =
            world.commit(&of_first, operations).await.expect_err("a refusal").into_api_error();
        let body = serde_json::to_string(&refusal.into_failure()).expect("JSON");
        assert!(
            body.contains("entity_not_found") && !body.contains("rank") && !body.contains("ann"),
            "{body}"
        );
    }
    let again = json!([create("slides", "b1", json!({"deckId": FIRST, "rank": 2}))]).to_string();
    assert_eq!(code(world.commit(&of_first, &again).await), "unique_violation");
    assert_eq!(
        code(world.claim(&of_first, "slides", ask("own", "b1", true)).await),
        "entity_not_found"
    );
    world.claim(&of_first, "slides", ask("new", "not-there-yet", true)).await.expect("a claim");
    let ids = async |who: &Identity| -> Vec<String> {
        let seen = world
            .read(who, |engine, tx, who| Ok(claims::visible(engine, tx, who)?))
            .await
            .expect("claims");
        seen.into_iter().map(|claim| claim.id).collect()
    };
    assert_eq!(ids(&of_first).await, ["seen", "new"]);
    assert_eq!(ids(&ann).await, ["hidden", "seen", "new"]);
    let order = |row: &'static str| {
        let job = move |engine: &Engine, tx: &mut dyn Tx, who: &Identity| {
            let model = engine.models.find("slides").expect("a model");
            claims::reorder(engine, tx, who, model, row, &[])
        };
        world.write(&of_first, job)
    };
    assert_eq!(code(order("b1").await), "entity_not_found");
    order("a1").await.expect("an order");
}
