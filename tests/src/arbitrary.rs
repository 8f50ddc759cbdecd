//! Proptest strategies for schemas.
//!
//! [`schema`] generates valid documents with plain and hostile names and values; [`broken`]
//! corrupts such a document in random places.

mod facets;
pub mod pair;

use facets::FacetSpec;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Returns the configuration of a property test with this number of cases, unless the environment
/// has another one for a long search. A failure prints its input, so no file of seeds is kept.
#[must_use]
pub fn cases(quick: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    Config {
        cases: cases.unwrap_or(quick),
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..Config::default()
    }
}

const WORDS: [&str; 40] = [
    "task",
    "report",
    "type",
    "self",
    "class",
    "select",
    "order",
    "user",
    "group",
    "default",
    "await",
    "match",
    "null",
    "table",
    "string",
    "number",
    "object",
    "option",
    "vec",
    "box",
    "patch",
    "create",
    "delete",
    "status",
    "value",
    "index",
    "check",
    "primary",
    "column",
    "enum",
    "static",
    "union",
    "yield",
    "this",
    "function",
    "interface",
    "date",
    "row",
    "data",
    "key",
];

const VALUES: [&str; 24] = [
    "draft",
    "final",
    "",
    "it's",
    "o\"k",
    "back\\slash",
    "tab\there",
    "new\nline",
    "\u{1}",
    "\u{2028}",
    "\u{202e}",
    "😀",
    "日本語",
    "été",
    "$$",
    "${x}",
    "*/",
    "</script>",
    "A",
    "a",
    "1",
    "Self",
    "null",
    "a b",
];

const PROSE: [&str; 6] =
    ["Plain.", "Ends */ here", "two\nlines", "`code` \\ \"quote\"", "\u{202e}rtl\u{2028}", ""];

#[derive(Clone, Debug)]
struct FieldSpec {
    words: (usize, usize),
    kind: usize,
    optional: bool,
    indexed: bool,
    column: bool,
    values: Vec<usize>,
    prose: Option<usize>,
    facets: Option<FacetSpec>,
}

#[derive(Clone, Debug)]
struct RelationSpec {
    target: usize,
    options: [bool; 5],
    kind: usize,
}

#[derive(Clone, Debug)]
struct ModelSpec {
    words: (usize, usize),
    typename: bool,
    table: bool,
    fields: Vec<FieldSpec>,
    relations: Vec<RelationSpec>,
    tenancy: usize,
    control: bool,
    scope: bool,
    mutable: Option<bool>,
    load: usize,
}

fn field() -> impl Strategy<Value = FieldSpec> {
    (
        (0..WORDS.len(), 0..WORDS.len() * 2),
        0..7_usize,
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.2),
        vec(0..VALUES.len(), 1..6),
        prop::option::weighted(0.3, 0..PROSE.len()),
        prop::option::weighted(0.5, facets::facets()),
    )
        .prop_map(|(words, kind, optional, indexed, column, values, prose, facets)| {
            FieldSpec { words, kind, optional, indexed, column, values, prose, facets }
        })
}

fn relation() -> impl Strategy<Value = RelationSpec> {
    (any::<usize>(), any::<[bool; 5]>(), 0..5_usize)
        .prop_map(|(target, options, kind)| RelationSpec { target, options, kind })
}

fn model() -> impl Strategy<Value = ModelSpec> {
    let flags =
        (any::<bool>(), any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    (
        (0..WORDS.len(), 0..WORDS.len() * 2),
        flags,
        vec(field(), 0..8),
        vec(relation(), 0..4),
        0..5_usize,
        prop::option::of(any::<bool>()),
        0..4_usize,
    )
        .prop_map(
            |(
                words,
                (typename, table, control, scope),
                fields,
                relations,
                tenancy,
                mutable,
                load,
            )| {
                ModelSpec {
                    words,
                    typename,
                    table,
                    fields,
                    relations,
                    tenancy,
                    control,
                    scope,
                    mutable,
                    load,
                }
            },
        )
}

/// Generates valid documents.
pub fn schema() -> impl Strategy<Value = Value> {
    vec(model(), 0..6).prop_map(|models| document(&models))
}

fn capital(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

/// Returns an unused camelCase name of one or two words.
fn name(words: (usize, usize), taken: &mut BTreeSet<String>) -> String {
    let first = WORDS[words.0 % WORDS.len()];
    let mut name = match WORDS.get(words.1) {
        Some(second) => format!("{first}{}", capital(second)),
        None => first.to_owned(),
    };
    while !taken.insert(name.to_lowercase()) {
        name.push('x');
    }
    name
}

fn document(models: &[ModelSpec]) -> Value {
    let mut taken: BTreeSet<String> = ["schema", "model", "data"].map(str::to_owned).into();
    let keys: Vec<String> = models.iter().map(|model| name(model.words, &mut taken)).collect();
    let mut written = Map::new();
    for (at, model) in models.iter().enumerate() {
        written.insert(keys[at].clone(), model_of(model, at, models, &keys));
    }
    json!({
        "v": 3,
        "models": written,
        "identityRoles": [
            { "kind": "org", "source": { "field": "organizationId", "multi": false } },
        ],
    })
}

fn model_of(spec: &ModelSpec, at: usize, models: &[ModelSpec], keys: &[String]) -> Value {
    let mut taken: BTreeSet<String> =
        ["id", "createdat", "updatedat", "organizationid", "createdby", "tenantid"]
            .map(str::to_owned)
            .into();
    let mut fields = Map::new();
    for (index, field) in spec.fields.iter().enumerate() {
        let name = name(field.words, &mut taken);
        fields.insert(name.clone(), field_of(field, &name, index));
    }
    let mut relations = Map::new();
    for (n, relation) in spec.relations.iter().enumerate() {
        let target = relation.target % models.len();
        let key = format!("ref{n}Id");
        fields.insert(
            key.clone(),
            json!({ "type": "string", "isOptional": n % 2 == 0, "isIndexed": relation.options[0] }),
        );
        relations
            .insert(format!("edge{n}"), relation_of(relation, &key, target, spec, models, keys));
    }
    let mut model = Map::new();
    let parent = spec.tenancy == 3 && at > 0 && !models[0].control && models[0].tenancy < 2;
    if parent {
        fields.insert(
            "homeId".into(),
            json!({ "type": "string", "isOptional": false, "isIndexed": false }),
        );
    }
    model.insert("fields".into(), fields.into());
    model.insert("relations".into(), relations.into());
    if let Some(load) = ["instant", "lazy", "manual"].get(spec.load) {
        model.insert("load".into(), (*load).into());
    }
    if spec.typename {
        model.insert("typename".into(), capital(&keys[at]).into());
    }
    if spec.table {
        model.insert("tableName".into(), format!("t{at}_{}", keys[at]).into());
    }
    if let Some(tenancy) = tenancy_of(spec, parent, &models[0], &keys[0]) {
        model.insert("tenancy".into(), tenancy);
    }
    if spec.control {
        model.insert("plane".into(), "control".into());
    }
    if spec.scope {
        model.insert("scope".into(), format!("scope_{at}").into());
    }
    if let Some(mutable) = spec.mutable {
        model.insert("mutable".into(), mutable.into());
    }
    model.into()
}

fn tenancy_of(spec: &ModelSpec, parent: bool, first: &ModelSpec, first_key: &str) -> Option<Value> {
    match spec.tenancy {
        0 => Some(json!({ "kind": "column", "column": "organization_id" })),
        1 => Some(json!({ "kind": "column", "column": "tenant_id" })),
        2 => Some(json!({ "kind": "none" })),
        3 if parent => {
            let table = if first.table { format!("t0_{first_key}") } else { first_key.to_owned() };
            let org = if first.tenancy == 1 { "tenant_id" } else { "organization_id" };
            let via =
                json!({ "localKey": "home_id", "parentTable": table, "parentOrgColumn": org });
            Some(json!({ "kind": "parent", "via": via }))
        }
        _ => None,
    }
}

fn field_of(spec: &FieldSpec, name: &str, index: usize) -> Value {
    let kind = ["string", "number", "boolean", "date", "enum", "json", "enum"][spec.kind];
    let mut field = Map::new();
    field.insert("type".into(), kind.into());
    field.insert("isOptional".into(), spec.optional.into());
    field.insert("isIndexed".into(), spec.indexed.into());
    if spec.column {
        field.insert("column".into(), format!("c_{}", name.to_lowercase()).into());
    }
    if kind == "enum" {
        let mut values: Vec<&str> = spec.values.iter().map(|at| VALUES[*at]).collect();
        let mut seen = BTreeSet::new();
        values.retain(|value| seen.insert(*value));
        field.insert("enumValues".into(), values.into());
    }
    if let Some(prose) = spec.prose {
        field.insert("description".into(), PROSE[prose].into());
    }
    if let Some(facets) = &spec.facets {
        facets::add(&mut field, name, index, facets);
    }
    field.into()
}

fn relation_of(
    relation: &RelationSpec,
    key: &str,
    target: usize,
    spec: &ModelSpec,
    models: &[ModelSpec],
    keys: &[String],
) -> Value {
    let snake: String = key
        .chars()
        .flat_map(|c| if c.is_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
        .collect();
    if relation.kind == 4 {
        // The foreign key is a string field that every model has.
        return json!({ "type": "hasMany", "target": keys[target], "foreignKey": "createdBy",
            "foreignKeyColumn": "created_by", "orderBy": "createdAt" });
    }
    let mut options = Map::new();
    for (name, set) in ["index", "enrich", "defer", "parent", "fk"].iter().zip(relation.options) {
        if set && (*name != "fk" || spec.control == models[target].control) {
            options.insert((*name).into(), true.into());
        }
    }
    json!({ "type": "belongsTo", "target": keys[target], "foreignKey": key,
        "foreignKeyColumn": snake, "options": options })
}

/// Generates documents with random corruptions.
pub fn broken() -> impl Strategy<Value = Value> {
    (schema(), vec((any::<prop::sample::Index>(), 0..9_usize), 1..4)).prop_map(
        |(mut document, changes)| {
            for (target, change) in changes {
                let mut count = 0;
                visit(&mut document, &mut |_| count += 1);
                let wanted = target.index(count);
                let mut at = 0;
                visit(&mut document, &mut |value| {
                    if at == wanted {
                        corrupt(value, change);
                    }
                    at += 1;
                });
            }
            document
        },
    )
}

fn visit(value: &mut Value, see: &mut dyn FnMut(&mut Value)) {
    see(value);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, see)),
        Value::Object(members) => members.values_mut().for_each(|member| visit(member, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn corrupt(value: &mut Value, change: usize) {
    *value = match (change, std::mem::take(value)) {
        (0, _) => Value::Null,
        (1, _) => json!(-1.5),
        (2, _) => json!("no such thing"),
        (3, _) => json!([]),
        (4, _) => json!({}),
        (5, Value::Object(mut members)) => {
            let first = members.keys().next().cloned();
            first.and_then(|name| members.shift_remove(&name));
            Value::Object(members)
        }
        (6, Value::Object(mut members)) => {
            members.insert("surprise me".to_owned(), json!(true));
            Value::Object(members)
        }
        (7, Value::String(text)) => Value::String(text + "\u{0}'\"😀"),
        (8, Value::String(text)) => Value::String(text.repeat(30)),
        (_, other) => json!([other]),
    };
}
