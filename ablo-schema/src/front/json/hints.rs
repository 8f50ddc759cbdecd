//! Rename hints: `{"models":[{from,to}],"fields":[{model,from,to}],"drops":{"models":[key],"fields":[{model,field}]}}`.

use super::node::{Member, Node};
use super::parts::Parts;
use crate::diag::{Code, Diagnostics, Spanned};
use crate::diff::Hints;
use crate::diff::hints::{DropHint, FieldHint, ModelHint, Said};

/// Reads hints. What they name is looked up by [`crate::diff::diff`].
///
/// Every fault is reported in one run; with an error there are no hints.
///
/// ```
/// let (hints, diagnostics) = ablo_schema::front::json::read_hints(r#"{"models":[{"from":"jobs","to":"tasks"}]}"#);
/// assert!(hints.is_some() && diagnostics.is_empty());
/// let (hints, diagnostics) = ablo_schema::front::json::read_hints(r#"{"model":[]}"#);
/// assert_eq!(diagnostics.iter().next().unwrap().help.as_deref(), Some("did you mean `models`?"));
/// assert!(hints.is_none());
/// ```
#[must_use]
pub fn read_hints(text: &str) -> (Option<Hints>, Diagnostics) {
    super::aside(text, |root, parts| {
        let mut hints = Hints::default();
        for member in parts.object(root, "the document of hints").unwrap_or_default() {
            match member.name.as_ref() {
                "models" => hints.models = list(member, parts, model_hint),
                "fields" => hints.fields = list(member, parts, field_hint),
                "drops" => read_drops(member.value, &mut hints, parts),
                _ => {
                    unknown(&member, "the document of hints", &["models", "fields", "drops"], parts)
                }
            }
        }
        hints
    })
}

fn read_drops(node: Node<'_>, hints: &mut Hints, parts: &mut Parts<'_>) {
    for member in parts.object(node, "`drops`").unwrap_or_default() {
        match member.name.as_ref() {
            "models" => {
                let keys = parts.strings(member).map(|keys| keys.value).unwrap_or_default();
                hints.dropped_models = keys
                    .into_iter()
                    .map(|key| Spanned::new(key.value.into_owned().into(), key.at))
                    .collect();
            }
            "fields" => hints.dropped_fields = list(member, parts, drop_hint),
            _ => unknown(&member, "`drops`", &["models", "fields"], parts),
        }
    }
}

fn list<'a, T>(
    member: Member<'a>,
    parts: &mut Parts<'_>,
    read: fn(Node<'a>, &mut Parts<'_>) -> Option<T>,
) -> Vec<T> {
    let items = parts.array(member.value, format_args!("`{}`", member.name)).unwrap_or_default();
    items.into_iter().filter_map(|item| read(item, parts)).collect()
}

fn model_hint(node: Node<'_>, parts: &mut Parts<'_>) -> Option<ModelHint> {
    let at = node.span();
    let [from, to] = texts(node, "the hint for a model", ["from", "to"], parts)?;
    Some(ModelHint { at, from, to })
}

fn field_hint(node: Node<'_>, parts: &mut Parts<'_>) -> Option<FieldHint> {
    let at = node.span();
    let [model, from, to] = texts(node, "the hint for a field", ["model", "from", "to"], parts)?;
    Some(FieldHint { at, model, from, to })
}

fn drop_hint(node: Node<'_>, parts: &mut Parts<'_>) -> Option<DropHint> {
    let [model, field] = texts(node, "the drop of a field", ["model", "field"], parts)?;
    Some(DropHint { model, field })
}

/// An object of exactly these texts.
fn texts<const N: usize>(
    node: Node<'_>,
    whose: &str,
    names: [&str; N],
    parts: &mut Parts<'_>,
) -> Option<[Said; N]> {
    let at = node.span();
    let mut found: [Option<Said>; N] = std::array::from_fn(|_| None);
    let mut has = [false; N];
    for member in parts.object(node, whose)? {
        match names.iter().position(|name| *name == member.name) {
            Some(place) => {
                has[place] = true;
                found[place] = parts
                    .string(member)
                    .map(|text| Spanned::new(text.value.into_owned().into(), text.at));
            }
            None => unknown(&member, whose, &names, parts),
        }
    }
    for (name, has) in names.iter().zip(has) {
        if !has {
            parts.missing(at, whose, name, &format!("add `\"{name}\"` and a name"));
        }
    }
    let mut all = Vec::with_capacity(N);
    for text in found {
        all.push(text?);
    }
    all.try_into().ok()
}

/// A member that nobody would read is an error here: a hint that is not followed loses data.
pub(super) fn unknown(member: &Member<'_>, whose: &str, known: &[&str], parts: &mut Parts<'_>) {
    let help = parts.suggest.help(&member.name, known.iter().copied());
    let message = format!("{whose} has no member `{}`", member.name);
    parts.diagnostics.push(Code::RenameUnknownMember, member.name_span(), message).help = help;
}
