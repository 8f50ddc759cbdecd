//! Rules on names: valid identifiers in every target, and distinct after the case conversions of
//! every target.

use super::context::{BASE_FIELDS, Context};
use crate::diag::{Code, Spanned};
use crate::lookup::Lookup;

/// Returns whether a name is a letter followed by ASCII letters, digits and `_`.
fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The maximum length of a name.
const MAX_NAME_BYTES: usize = 200;

/// Returns a name without case and `_`. Names that are equal in this form collide in some target.
fn folded(name: &str) -> String {
    let mut folded = if name.is_ascii() { name.to_ascii_lowercase() } else { name.to_lowercase() };
    if folded.contains('_') {
        folded.retain(|character| character != '_');
    }
    folded
}

/// The members of a client. A model with one of these keys cannot be accessed as a member.
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
        if !is_identifier(key.value) || key.value.len() > MAX_NAME_BYTES {
            cx.diagnostics
                .push(
                    Code::ModelKeyNotIdentifier,
                    key.at,
                    format!("model key `{}` is not a valid identifier", shown(key.value)),
                )
                .help(
                    "use a letter followed by ASCII letters and digits, such as `weatherReports`",
                );
        }
        if CLIENT_MEMBERS.contains(&key.value.as_ref()) {
            let message =
                format!("model `{}` is shadowed by the client member of the same name", key.value);
            cx.diagnostics.push(Code::ModelKeyShadowed, key.at, message).help("choose another key");
        }
        if let Some(first) =
            seen.insert(folded(key.value), Spanned::new(key.value.as_ref(), key.at))
            && first.value != key.value
        {
            let message = format!(
                "model keys `{}` and `{}` differ only in case or `_`",
                first.value, key.value
            );
            cx.diagnostics
                .push(Code::ModelKeyCollides, key.at, message)
                .help("generated identifiers would be the same; rename one of them")
                .also(first.at, "the other model");
        }
    }
}

pub(super) fn check_type_names(cx: &mut Context<'_, '_>) {
    let mut seen: Lookup<String, (usize, &str)> = Lookup::with_capacity(cx.models.len());
    for (at, model) in cx.models.iter().enumerate() {
        let name = model.type_name();
        let span = model.raw.type_name.as_ref().map_or(model.raw.key.at, |name| name.at);
        let authored = model.raw.type_name.as_ref().is_some_and(|name| !name.value.is_empty());
        if authored && (!is_identifier(name) || name.len() > MAX_NAME_BYTES) {
            cx.diagnostics
                .push(
                    Code::ModelTypenameNotIdentifier,
                    span,
                    format!("typename `{}` is not a valid identifier", shown(name)),
                )
                .help("use a letter followed by ASCII letters and digits, such as `WeatherReport`");
        }
        if let Some((other, first)) = seen.insert(folded(name), (at, name)) {
            let other = cx.models[other].raw;
            // Colliding keys have been reported.
            if folded(&other.key.value) == folded(model.key()) {
                continue;
            }
            let message = format!(
                "typenames `{first}` and `{name}` are the same on the wire, which ignores case"
            );
            cx.diagnostics
                .push(Code::ModelTypenameCollides, span, message)
                .help("deltas identify models by typename only; choose another for one of them")
                .also(
                    other.type_name.as_ref().map_or(other.key.at, |name| name.at),
                    "the other model",
                );
        }
    }
}

/// The reference sends the typename in lower case without its first `Model`, and servers also
/// accept a lower-cased key.
pub(super) fn check_wire_names(cx: &mut Context<'_, '_>) {
    let mut seen: Lookup<String, usize> = Lookup::with_capacity(cx.models.len());
    for (at, model) in cx.models.iter().enumerate() {
        let mut aliases = vec![model.type_name().to_lowercase()];
        if model.type_name().contains("Model") {
            aliases.push(model.type_name().replacen("Model", "", 1).to_lowercase());
        }
        aliases.push(model.key().to_lowercase());
        for (n, alias) in aliases.iter().enumerate() {
            if alias.is_empty() || aliases[..n].contains(alias) {
                continue;
            }
            let Some(other) = seen.insert(alias.clone(), at) else { continue };
            let other = &cx.models[other];
            let reported = folded(other.key()) == folded(model.key())
                || folded(other.type_name()) == folded(model.type_name());
            if reported || other.key() == model.key() {
                continue;
            }
            let message = format!(
                "the wire name `{alias}` is ambiguous: it refers to model `{}` or `{}`",
                other.key(),
                model.key()
            );
            cx.diagnostics
                .push(Code::ModelWireNameAmbiguous, model.raw.key.at, message)
                .help(
                    "older clients send names in lower case and without `Model`; choose a \
                     typename that remains distinct",
                )
                .also(other.raw.key.at, "the other model");
        }
    }
}

pub(super) fn check_field_names(cx: &mut Context<'_, '_>) {
    for field in cx.raw.models.iter().flat_map(|model| &model.fields) {
        let name = field.name.as_ref();
        if is_field_name(name.value) || BASE_FIELDS.iter().any(|(base, _)| *base == name.value) {
            continue;
        }
        if !is_camel_case(name.value) {
            let near = camel_case_of(name.value);
            let help = if near.is_empty()
                || !name.value.is_ascii()
                || near == **name.value
                || near.len() > MAX_NAME_BYTES
            {
                "use a lower-case letter followed by ASCII letters and digits".to_owned()
            } else {
                format!("rename it to `{near}`; keep the column with `column`")
            };
            cx.diagnostics
                .push(
                    Code::FieldNotCamelCase,
                    name.at,
                    format!("field name `{}` is not camelCase", shown(name.value)),
                )
                .help(help);
        } else {
            let message = format!("field name `{}` has consecutive capital letters", name.value);
            let suggestion = one_capital_of_each_run(name.value);
            cx.diagnostics.push(Code::FieldConsecutiveCapitals, name.at, message).help(format!(
                "rename it to `{suggestion}`, so that it can be converted to snake_case and back"
            ));
        }
    }
}

fn is_camel_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.len() <= MAX_NAME_BYTES
}

/// Returns whether this is a valid field name: camelCase without consecutive capital letters.
pub(super) fn is_field_name(name: &str) -> bool {
    let mut after_capital = false;
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| {
            let is_capital = byte.is_ascii_uppercase();
            let follows = std::mem::replace(&mut after_capital, is_capital);
            byte.is_ascii_alphanumeric() && !(is_capital && follows)
        })
}

/// Converts `contentJSON` to `contentJson`.
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

/// Returns a similar camelCase name: a letter after any other character is capitalized.
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
            if !is_identifier(name.value) || name.value.len() > MAX_NAME_BYTES {
                cx.diagnostics
                    .push(
                        Code::RelationNameNotIdentifier,
                        name.at,
                        format!("relation name `{}` is not a valid identifier", shown(name.value)),
                    )
                    .help("use a letter followed by ASCII letters and digits, such as `project`");
            }
            if let Some(field) =
                model.raw.fields.iter().find(|field| field.name.value == *name.value)
            {
                let message = format!("relation `{}` has the same name as a field", name.value);
                cx.diagnostics
                    .push(Code::RelationShadowsField, name.at, message)
                    .help(
                        "rename the relation: clients that show relations as members of rows \
                        can show only one of the two",
                    )
                    .also(field.name.at, "the field");
            }
        }
    }
}

/// Returns a name for messages: control characters are escaped and long names truncated.
pub(super) fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    if name.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}
