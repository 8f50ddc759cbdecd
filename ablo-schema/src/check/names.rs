//! Names: usable as an identifier in every target, and different after every target's case rules.

use super::context::{BASE_FIELDS, Context};
use crate::diag::{Code, Spanned};
use crate::lookup::Lookup;

/// An identifier of ASCII letters, digits and `_` that begins with a letter.
fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// How long a name may be: 63 bytes fit everywhere as they are, beyond 200 nobody reads them.
const MOST_NAME: usize = 200;

/// What is left of a name when case and `_` are taken away: names that agree in it collide in some target.
fn folded(name: &str) -> String {
    let mut folded = name.to_lowercase();
    folded.retain(|character| character != '_');
    folded
}

/// Members of a client: a model with one of these keys cannot be reached as a member.
const CLIENT_MEMBERS: [&str; 24] = [
    "agent",
    "beginTurn",
    "capabilities",
    "commits",
    "constructor",
    "dispose",
    "getAuthToken",
    "intents",
    "model",
    "nudgeReconnect",
    "onMutationFailure",
    "onSessionError",
    "participants",
    "presence",
    "purge",
    "ready",
    "schema",
    "sessions",
    "setAuthToken",
    "setCredentialRefresher",
    "snapshot",
    "syncStatus",
    "waitForConfirmation",
    "waitForFlush",
];

pub(super) fn check_model_keys(cx: &mut Context<'_, '_>) {
    let mut seen: Lookup<String, Spanned<&str>> = Lookup::with_capacity(cx.models.len());
    for model in &cx.raw.models {
        let key = model.key.as_ref();
        if !is_identifier(key.value) || key.value.len() > MOST_NAME {
            cx.diagnostics
                .push(
                    Code::ModelKeyNotIdentifier,
                    key.at,
                    format!("the model key `{}` is no identifier", shown(key.value)),
                )
                .help("begin with a letter and go on with ASCII letters and digits, such as `weatherReports`");
        }
        if CLIENT_MEMBERS.contains(&key.value.as_ref()) {
            let message =
                format!("the model `{}` hides behind the client member of that name", key.value);
            cx.diagnostics.push(Code::ModelKeyShadowed, key.at, message).help("choose another key");
        }
        if let Some(first) =
            seen.insert(folded(key.value), Spanned::new(key.value.as_ref(), key.at))
            && first.value != key.value
        {
            let message = format!(
                "the model keys `{}` and `{}` differ only in case or `_`",
                first.value, key.value
            );
            cx.diagnostics
                .push(Code::ModelKeyCollides, key.at, message)
                .help("generated identifiers would be the same; rename one")
                .also(first.at, "the other one");
        }
    }
}

pub(super) fn check_type_names(cx: &mut Context<'_, '_>) {
    let mut seen: Lookup<String, (usize, &str)> = Lookup::with_capacity(cx.models.len());
    for (at, model) in cx.models.iter().enumerate() {
        let name = model.type_name();
        let place = model.raw.type_name.as_ref().map_or(model.raw.key.at, |name| name.at);
        let authored = model.raw.type_name.as_ref().is_some_and(|name| !name.value.is_empty());
        if authored && (!is_identifier(name) || name.len() > MOST_NAME) {
            cx.diagnostics
                .push(
                    Code::ModelTypenameNotIdentifier,
                    place,
                    format!("the typename `{}` is no identifier", shown(name)),
                )
                .help("begin with a letter and go on with ASCII letters and digits, such as `WeatherReport`");
        }
        if let Some((other, first)) = seen.insert(folded(name), (at, name)) {
            let other = cx.models[other].raw;
            // Equal keys, or keys that collide, have been reported as such.
            if folded(&other.key.value) == folded(model.key()) {
                continue;
            }
            let message = format!(
                "the typenames `{first}` and `{name}` are the same on the wire, where case is lost"
            );
            cx.diagnostics
                .push(Code::ModelTypenameCollides, place, message)
                .help("deltas carry the typename alone; give one of the two models another")
                .also(
                    other.type_name.as_ref().map_or(other.key.at, |name| name.at),
                    "the other one",
                );
        }
    }
}

/// The reference sends a typename without its first `Model`, in lower case, and servers also take a lower-cased key.
pub(super) fn check_wire_names(cx: &mut Context<'_, '_>) {
    let mut seen: Lookup<String, usize> = Lookup::with_capacity(cx.models.len());
    for (at, model) in cx.models.iter().enumerate() {
        let stripped = model.type_name().replacen("Model", "", 1).to_lowercase();
        let aliases = [model.type_name().to_lowercase(), stripped, model.key().to_lowercase()];
        for (n, alias) in aliases.iter().enumerate() {
            if alias.is_empty() || aliases[..n].contains(alias) {
                continue;
            }
            let Some(other) = seen.insert(alias.clone(), at) else { continue };
            let other = &cx.models[other];
            let said_already = folded(other.key()) == folded(model.key())
                || folded(other.type_name()) == folded(model.type_name());
            if said_already || other.key() == model.key() {
                continue;
            }
            let message = format!(
                "`{alias}` on the wire may mean the model `{}` or the model `{}`",
                other.key(),
                model.key()
            );
            cx.diagnostics
                .push(Code::ModelWireNameAmbiguous, model.raw.key.at, message)
                .help(
                    "older clients send names lower-cased and without `Model`; choose a typename that stays different",
                )
                .also(other.raw.key.at, "the other model");
        }
    }
}

pub(super) fn check_field_names(cx: &mut Context<'_, '_>) {
    for field in cx.raw.models.iter().flat_map(|model| &model.fields) {
        let name = field.name.as_ref();
        if BASE_FIELDS.iter().any(|(base, _)| *base == name.value) {
            continue;
        }
        if !is_camel_case(name.value) {
            let near = camel_case_of(name.value);
            let help = if near.is_empty()
                || !name.value.is_ascii()
                || near == **name.value
                || near.len() > MOST_NAME
            {
                "begin with a lower-case letter and go on with ASCII letters and digits".to_owned()
            } else {
                format!("call it `{near}`; keep the old column with `column`")
            };
            cx.diagnostics
                .push(
                    Code::FieldNotCamelCase,
                    name.at,
                    format!("the field name `{}` is not camelCase", shown(name.value)),
                )
                .help(help);
        } else if two_capitals(name.value).is_some() {
            let message = format!("the field name `{}` has two capitals in a row", name.value);
            let mended = one_capital_of_each_run(name.value);
            cx.diagnostics.push(Code::FieldConsecutiveCapitals, name.at, message).help(format!(
                "the name must survive the way to snake_case and back; call it `{mended}`"
            ));
        }
    }
}

fn is_camel_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.len() <= MOST_NAME
}

/// Whether a field may have this name, or may have had it.
pub(super) fn is_field_name(name: &str) -> bool {
    is_camel_case(name) && two_capitals(name).is_none()
}

/// Where the first of two capitals in a row stands.
fn two_capitals(name: &str) -> Option<usize> {
    name.as_bytes()
        .windows(2)
        .position(|pair| pair[0].is_ascii_uppercase() && pair[1].is_ascii_uppercase())
}

/// `contentJSON` as `contentJson`.
fn one_capital_of_each_run(name: &str) -> String {
    let mut before = false;
    name.chars()
        .map(|character| {
            let capital = character.is_ascii_uppercase();
            if std::mem::replace(&mut before, capital) {
                character.to_ascii_lowercase()
            } else {
                character
            }
        })
        .collect()
}

/// A camelCase name near to this one: what stands behind anything but a letter or digit gets a capital.
fn camel_case_of(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut raise = false;
    for character in name.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' if camel.is_empty() && character.is_ascii_digit() => {
            }
            'a'..='z' | 'A'..='Z' | '0'..='9' if camel.is_empty() => {
                camel.push(character.to_ascii_lowercase())
            }
            'a'..='z' | 'A'..='Z' | '0'..='9' if std::mem::take(&mut raise) => {
                camel.push(character.to_ascii_uppercase())
            }
            'a'..='z' | 'A'..='Z' | '0'..='9' => camel.push(character),
            _ => raise = true,
        }
    }
    camel
}

pub(super) fn check_relation_names(cx: &mut Context<'_, '_>) {
    for model in &cx.models {
        for relation in &model.raw.relations {
            let name = relation.name.as_ref();
            if !is_identifier(name.value) || name.value.len() > MOST_NAME {
                cx.diagnostics
                    .push(
                        Code::RelationNameNotIdentifier,
                        name.at,
                        format!("the relation name `{}` is no identifier", shown(name.value)),
                    )
                    .help("begin with a letter and go on with ASCII letters and digits, such as `project`");
            }
            if let Some(field) =
                model.raw.fields.iter().find(|field| field.name.value == *name.value)
            {
                let message = format!("the relation `{}` has the name of a field", name.value);
                cx.diagnostics
                    .push(Code::RelationShadowsField, name.at, message)
                    .help("clients that show relations on rows can show only one of the two; rename the relation")
                    .also(field.name.at, "the field");
            }
        }
    }
}

/// A name in a message: control characters escaped, cut where it is very long.
pub(super) fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    if name.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}
