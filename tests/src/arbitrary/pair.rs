//! Pairs of schemas: a generated document and an edited version, with hints and backfills for some
//! of the changes.
//!
//! An edit that would make the document invalid is discarded, so both schemas are valid.

use super::{VALUES, WORDS, capital, facets};
use ablo_schema::front::json;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Two valid documents, with hints and backfills for the migration between them.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The current schema of the database.
    pub prev: Value,
    /// The schema to migrate to.
    pub next: Value,
    /// The hints, in the format of the hints file.
    pub hints: Value,
    /// The backfills, in the format of the backfills file.
    pub backfills: Value,
}

/// One edit. Each number is taken modulo the number of choices.
#[derive(Clone, Debug)]
struct Edit {
    kind: usize,
    model: usize,
    field: usize,
    choice: usize,
}

const KINDS: [fn(&mut Draft, &Edit) -> Option<()>; 21] = [
    drop_field,
    add_field,
    rename_field,
    drop_model,
    copy_model,
    rename_model,
    change_type,
    change_type,
    flip_optional,
    flip_optional,
    change_values,
    flip_index,
    flip_unique,
    flip_secret,
    change_relative,
    change_table,
    change_tenancy,
    change_plane,
    change_facets,
    change_column,
    flip_foreign_key,
];

/// A document that is being edited.
#[derive(Clone)]
struct Draft {
    document: Value,
    models: Vec<(String, String)>,
    fields: Vec<(String, String, String)>,
}

fn edit() -> impl Strategy<Value = Edit> {
    (0..KINDS.len(), any::<usize>(), any::<usize>(), any::<usize>())
        .prop_map(|(kind, model, field, choice)| Edit { kind, model, field, choice })
}

/// Generates a document, edits it, and adds backfills for about half of the fields.
pub fn pair() -> impl Strategy<Value = Pair> {
    (super::schema(), vec(edit(), 0..8), any::<u64>()).prop_map(|(prev, edits, filled)| {
        let mut draft = Draft { document: prev.clone(), models: Vec::new(), fields: Vec::new() };
        for edit in &edits {
            let mut tried = draft.clone();
            if KINDS[edit.kind](&mut tried, edit).is_some() && is_accepted(&tried.document) {
                draft = tried;
            }
        }
        let hints = hints(&prev, &draft);
        let backfills = backfills(&draft.document, filled);
        Pair { prev, next: draft.document, hints, backfills }
    })
}

fn is_accepted(document: &Value) -> bool {
    json::read(&document.to_string()).schema.is_some()
}

fn object<'v>(value: &'v mut Value, member: &str) -> Option<&'v mut Map<String, Value>> {
    value.get_mut(member)?.as_object_mut()
}

impl Draft {
    fn models(&mut self) -> Option<&mut Map<String, Value>> {
        object(&mut self.document, "models")
    }

    fn key(&mut self, edit: &Edit) -> Option<String> {
        let models = self.models()?;
        models.keys().nth(edit.model.checked_rem(models.len())?).cloned()
    }

    fn model(&mut self, edit: &Edit) -> Option<&mut Value> {
        let key = self.key(edit)?;
        self.models()?.get_mut(&key)
    }

    /// Returns the key of a model and the name of one of its fields.
    fn field_path(&mut self, edit: &Edit) -> Option<(String, String)> {
        let key = self.key(edit)?;
        let fields = object(self.model(edit)?, "fields")?;
        let name = fields.keys().nth(edit.field.checked_rem(fields.len())?).cloned()?;
        Some((key, name))
    }

    fn field(&mut self, edit: &Edit) -> Option<&mut Map<String, Value>> {
        let (key, name) = self.field_path(edit)?;
        object(self.models()?.get_mut(&key)?, "fields")?.get_mut(&name)?.as_object_mut()
    }
}

fn drop_field(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let (_, name) = draft.field_path(edit)?;
    let model = draft.model(edit)?;
    object(model, "fields")?.shift_remove(&name);
    object(model, "relations")?.retain(|_, relation| relation["foreignKey"] != *name);
    Some(())
}

fn add_field(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let name = format!("new{}", capital(WORDS[edit.field % WORDS.len()]));
    let mut field = Map::new();
    retype(&mut field, edit.choice);
    field.insert("isOptional".into(), (!edit.choice.is_multiple_of(3)).into());
    field.insert("isIndexed".into(), edit.choice.is_multiple_of(5).into());
    object(draft.model(edit)?, "fields")?.entry(name).or_insert(field.into());
    Some(())
}

/// Changes a field's type and removes the facets of the old type.
fn retype(field: &mut Map<String, Value>, choice: usize) {
    let facets =
        ["enumValues", "format", "precision", "scale", "default", "shape", "unique", "relative"];
    for facet in facets {
        field.shift_remove(facet);
    }
    let kind = ["string", "number", "boolean", "date", "enum", "json"][choice % 6];
    field.insert("type".into(), kind.into());
    if kind == "enum" {
        field.insert("enumValues".into(), values(choice));
    }
}

fn values(choice: usize) -> Value {
    let pick = |n: usize| VALUES[(choice / 7 + n * 5) % VALUES.len()];
    let count = 1 + choice % 4;
    let all: Vec<&str> =
        (0..count).map(pick).chain(choice.is_multiple_of(2).then_some("true")).collect();
    all.into()
}

fn rename_field(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let (key, name) = draft.field_path(edit)?;
    // A field is renamed at most once.
    let moved = |draft: &Draft, name: &String| {
        draft.fields.iter().any(|(model, from, to)| *model == key && (from == name || to == name))
    };
    if moved(draft, &name) {
        return None;
    }
    let to = if edit.choice % 4 == 3 {
        // Swaps the names of two fields.
        let other =
            draft.field_path(&Edit { field: edit.field.wrapping_add(1), ..edit.clone() })?.1;
        if other == name || moved(draft, &other) {
            return None;
        }
        draft.fields.push((key.clone(), other.clone(), name.clone()));
        other
    } else {
        format!("{name}Now")
    };
    let model = draft.model(edit)?;
    let renamed = |at: &str| match at {
        at if at == name => to.clone(),
        at if at == to => name.clone(),
        at => at.to_owned(),
    };
    let fields = object(model, "fields")?;
    *fields = std::mem::take(fields).into_iter().map(|(at, field)| (renamed(&at), field)).collect();
    let fields = fields.clone();
    for relation in
        object(model, "relations")?.values_mut().filter(|relation| relation["type"] == "belongsTo")
    {
        let key = renamed(relation["foreignKey"].as_str()?);
        relation["foreignKeyColumn"] = column_of(&fields, &key).into();
        relation["foreignKey"] = key.into();
    }
    if !edit.choice.is_multiple_of(4) {
        draft.fields.push((key, name, to));
    }
    Some(())
}

fn drop_model(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let key = draft.key(edit)?;
    let models = draft.models()?;
    models.shift_remove(&key);
    for model in models.values_mut() {
        object(model, "relations")?.retain(|_, relation| relation["target"] != *key);
    }
    Some(())
}

fn copy_model(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let key = draft.key(edit)?;
    let mut copy = draft.model(edit)?.clone();
    for member in ["typename", "tableName", "scope"] {
        copy.as_object_mut()?.shift_remove(member);
    }
    draft.models()?.entry(format!("{key}Two")).or_insert(copy);
    Some(())
}

fn rename_model(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let key = draft.key(edit)?;
    if draft.models.iter().any(|(_, to)| *to == key) {
        return None;
    }
    let to = format!("{key}Now");
    let models = draft.models()?;
    *models = std::mem::take(models)
        .into_iter()
        .map(|(at, model)| (if at == key { to.clone() } else { at }, model))
        .collect();
    for relation in
        models.values_mut().filter_map(|model| object(model, "relations")).flat_map(Map::values_mut)
    {
        if relation["target"] == *key {
            relation["target"] = to.clone().into();
        }
    }
    for (model, ..) in draft.fields.iter_mut().filter(|(model, ..)| *model == key) {
        model.clone_from(&to);
    }
    if !edit.choice.is_multiple_of(4) {
        draft.models.push((key, to));
    }
    Some(())
}

fn change_type(draft: &mut Draft, edit: &Edit) -> Option<()> {
    retype(draft.field(edit)?, edit.choice);
    Some(())
}

fn flip(field: &mut Map<String, Value>, member: &str) {
    let set = field.get(member) == Some(&Value::Bool(true));
    field.insert(member.to_owned(), (!set).into());
}

fn flip_optional(draft: &mut Draft, edit: &Edit) -> Option<()> {
    flip(draft.field(edit)?, "isOptional");
    Some(())
}

fn flip_index(draft: &mut Draft, edit: &Edit) -> Option<()> {
    flip(draft.field(edit)?, "isIndexed");
    Some(())
}

fn flip_unique(draft: &mut Draft, edit: &Edit) -> Option<()> {
    flip(draft.field(edit)?, "unique");
    Some(())
}

fn flip_secret(draft: &mut Draft, edit: &Edit) -> Option<()> {
    flip(draft.field(edit)?, "secret");
    Some(())
}

fn change_relative(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let field = draft.field(edit)?;
    if field.get("relative").is_some() && edit.choice.is_multiple_of(2) {
        field.shift_remove("relative");
    } else {
        facets::set_relative(field, edit.choice);
    }
    Some(())
}

fn change_values(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let field = draft.field(edit)?;
    let listed = field.get_mut("enumValues")?.as_array_mut()?;
    match edit.choice % 3 {
        0 => listed.reverse(),
        1 if listed.len() > 1 => drop(listed.remove(edit.choice / 3 % listed.len())),
        _ => listed.push(format!("more {}", edit.choice % 100).into()),
    }
    Some(())
}

fn change_table(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let key = draft.key(edit)?;
    let other = draft.key(&Edit { model: edit.model.wrapping_add(1), ..edit.clone() })?;
    let models = draft.models()?;
    let table = |key: &str, models: &Map<String, Value>| {
        models[key].get("tableName").cloned().unwrap_or(key.into())
    };
    let (mine, theirs) = (table(&key, models), table(&other, models));
    if edit.choice.is_multiple_of(3) {
        models[&key]["tableName"] = theirs;
        models[&other]["tableName"] = mine;
    } else {
        let names = ["Odd \"name\"", "it's a table", "select", "日本語", &"long ".repeat(12)];
        models[&key]["tableName"] = names[edit.choice % names.len()].into();
    }
    Some(())
}

fn change_tenancy(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let kinds = [
        json!({ "kind": "none" }),
        json!({ "kind": "column", "column": "organization_id" }),
        json!({ "kind": "column", "column": "tenant_id" }),
        json!({ "kind": "column", "column": "org" }),
    ];
    draft.model(edit)?["tenancy"] = kinds[edit.choice % kinds.len()].clone();
    Some(())
}

fn change_plane(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let model = draft.model(edit)?;
    let control = model.get("plane") == Some(&json!("control"));
    model["plane"] = if control { "tenant" } else { "control" }.into();
    Some(())
}

fn change_facets(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let field = draft.field(edit)?;
    for facet in ["precision", "scale", "default", "relative"] {
        field.shift_remove(facet);
    }
    let formats: &[&str] = match field["type"].as_str()? {
        "number" => &["", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float"],
        "string" => &["", "int64", "uint64", "decimal", "uuid"],
        _ => &[""],
    };
    match formats[edit.choice % formats.len()] {
        "" => drop(field.shift_remove("format")),
        word => drop(field.insert("format".into(), word.into())),
    }
    if edit.choice.is_multiple_of(2) {
        let value = value_of(field)?;
        field.insert("default".into(), value);
    }
    Some(())
}

fn change_column(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let (_, name) = draft.field_path(edit)?;
    let column = format!("moved_{}", name.to_lowercase());
    draft.field(edit)?.insert("column".into(), column.as_str().into());
    for relation in object(draft.model(edit)?, "relations")?.values_mut() {
        if relation["type"] == "belongsTo" && relation["foreignKey"] == *name {
            relation["foreignKeyColumn"] = column.as_str().into();
        }
    }
    Some(())
}

/// Returns the column of a field, which relations repeat.
fn column_of(fields: &Map<String, Value>, name: &str) -> String {
    let own = fields.get(name).and_then(|field| field.get("column")).and_then(Value::as_str);
    own.map_or_else(|| ablo_schema::schema::default_column(name).into_owned(), str::to_owned)
}

fn flip_foreign_key(draft: &mut Draft, edit: &Edit) -> Option<()> {
    let relations = object(draft.model(edit)?, "relations")?;
    let at = edit.field.checked_rem(relations.len())?;
    flip(object(relations.values_mut().nth(at)?, "options")?, "fk");
    Some(())
}

/// Returns a valid value of a field.
fn value_of(field: &Map<String, Value>) -> Option<Value> {
    let format = field.get("format").and_then(Value::as_str).unwrap_or_default();
    Some(match (field["type"].as_str()?, format) {
        ("enum", _) => field["enumValues"].as_array()?.last()?.clone(),
        ("boolean", _) => true.into(),
        ("date", _) => "2020-02-29T12:30:00.25Z".into(),
        ("json", _) => json!({ "it's": ["a", 1, null] }),
        ("number", _) => 7.into(),
        ("string", "int64" | "uint64" | "decimal") => "0".into(),
        ("string", "uuid") => "67e55044-10b1-426f-9247-bb680e5fe0c8".into(),
        // Also a valid foreign key.
        _ => ablo_migrate::rows::id(0).into(),
    })
}

/// Returns hints for the renames that exist in both documents.
fn hints(prev: &Value, draft: &Draft) -> Value {
    let next = &draft.document["models"];
    let renamed = |from: &str, to: &str| {
        !prev["models"][from].is_null()
            && prev["models"][to].is_null()
            && !next[to].is_null()
            && next[from].is_null()
    };
    let models: Vec<_> = draft.models.iter().filter(|(from, to)| renamed(from, to)).collect();
    let had = |key: &str| {
        let old = models.iter().find(|(_, to)| to == key).map_or(key, |(from, _)| from);
        &prev["models"][old]["fields"]
    };
    let both = |(model, from, to): &&(String, String, String)| {
        !had(model)[from].is_null()
            && !next[model]["fields"][to].is_null()
            && next[model]["fields"][to].get("renamedFrom").is_none()
    };
    let fields: Vec<_> = draft.fields.iter().filter(both).collect();
    // Half of a swap would contradict the field that keeps its name.
    let whole = |(model, from, to): &&&(String, String, String)| {
        let stays = !next[model]["fields"][from].is_null() && !had(model)[to].is_null();
        let back = |(other, start, end): &&(String, String, String)| {
            (other, start, end) == (model, to, from)
        };
        let alone = next[model]["fields"][from].is_null() && had(model)[to].is_null();
        alone || stays && fields.iter().any(back)
    };
    json!({
        "models": models
            .iter()
            .map(|(from, to)| json!({ "from": from, "to": to }))
            .collect::<Vec<_>>(),
        "fields": fields
            .iter()
            .filter(whole)
            .map(|(model, from, to)| json!({ "model": model, "from": from, "to": to }))
            .collect::<Vec<_>>(),
    })
}

/// Returns a backfill for every field of a document and for every organisation column.
#[must_use]
pub fn every_backfill(next: &Value) -> Value {
    let Value::Array(mut found) = backfills(next, u64::MAX) else { return Value::Null };
    for (key, model) in next["models"].as_object().into_iter().flatten() {
        let by_column = model.get("tenancy").is_none_or(|tenancy| tenancy["kind"] == "column");
        if by_column {
            found.push(json!({ "model": key, "field": "organizationId", "value": "org-0" }));
        }
    }
    found.into()
}

fn backfills(next: &Value, filled: u64) -> Value {
    let mut found = Vec::new();
    let models = next["models"].as_object().into_iter().flatten();
    for (model, name, field) in models.flat_map(|(model, body)| {
        body["fields"]
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(name, field)| (model, name, field))
    }) {
        let chosen =
            filled.rotate_right(u32::try_from(found.len() + name.len()).unwrap_or(0)) & 1 == 1;
        let is_base = ["id", "createdAt", "updatedAt", "organizationId", "createdBy"]
            .contains(&name.as_str());
        if let Some(value) = field.as_object().and_then(value_of).filter(|_| chosen && !is_base) {
            found.push(json!({ "model": model, "field": name, "value": value }));
        }
    }
    found.into()
}
