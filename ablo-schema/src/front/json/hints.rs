//! Reads the hints of a diff: `{"models": [{from, to}], "fields": [{model, from, to}], "drops":
//! …, "round": [{model, field}]}`, where `drops` is `{"models": [key], "fields": [{model,
//! field}]}`.

use super::context::ReadContext;
use super::node::{Member, Node};
use crate::diag::{Code, Diagnostics, Spanned};
use crate::diff::Hints;
use crate::diff::hints::{FieldHint, FieldName, ModelHint, SpannedName};

/// Reads hints. [`crate::diff::diff`] resolves the names in them.
///
/// All errors are reported in one run. Returns no hints if there are errors.
///
/// ```
/// use ablo_schema::front::json::read_hints;
/// let (hints, diagnostics) = read_hints(r#"{"models":[{"from":"jobs","to":"tasks"}]}"#);
/// assert!(hints.is_some() && diagnostics.is_empty());
/// let (hints, diagnostics) = read_hints(r#"{"model":[]}"#);
/// assert_eq!(diagnostics.iter().next().unwrap().help.as_deref(), Some("did you mean `models`?"));
/// assert!(hints.is_none());
/// ```
#[must_use]
pub fn read_hints(text: &str) -> (Option<Hints>, Diagnostics) {
    super::read_companion(text, |root, cx| {
        let mut hints = Hints::default();
        for member in cx.object(root, "the hints").unwrap_or_default() {
            match member.name.as_ref() {
                "models" => hints.models = list(member, cx, model_hint),
                "fields" => hints.fields = list(member, cx, field_hint),
                "drops" => read_drops(member.value, &mut hints, cx),
                "round" => hints.rounded = list(member, cx, rounded_field),
                _ => {
                    let known = ["models", "fields", "drops", "round"];
                    unknown_member(&member, "the hints", &known, cx);
                }
            }
        }
        hints
    })
}

fn read_drops(node: Node<'_>, hints: &mut Hints, cx: &mut ReadContext<'_>) {
    for member in cx.object(node, "`drops`").unwrap_or_default() {
        match member.name.as_ref() {
            "models" => {
                let keys = cx.strings(member).map(|keys| keys.value).unwrap_or_default();
                hints.dropped_models = keys
                    .into_iter()
                    .map(|key| Spanned::new(key.value.into_owned().into(), key.at))
                    .collect();
            }
            "fields" => hints.dropped_fields = list(member, cx, dropped_field),
            _ => unknown_member(&member, "`drops`", &["models", "fields"], cx),
        }
    }
}

fn list<'a, T>(
    member: Member<'a>,
    cx: &mut ReadContext<'_>,
    read: fn(Node<'a>, &mut ReadContext<'_>) -> Option<T>,
) -> Vec<T> {
    let items = cx.array(member.value, format_args!("`{}`", member.name)).unwrap_or_default();
    items.into_iter().filter_map(|item| read(item, cx)).collect()
}

fn model_hint(node: Node<'_>, cx: &mut ReadContext<'_>) -> Option<ModelHint> {
    let at = node.span();
    let [from, to] = strings(node, "the model hint", ["from", "to"], cx)?;
    Some(ModelHint { at, from, to })
}

fn field_hint(node: Node<'_>, cx: &mut ReadContext<'_>) -> Option<FieldHint> {
    let at = node.span();
    let [model, from, to] = strings(node, "the field hint", ["model", "from", "to"], cx)?;
    Some(FieldHint { at, model, from, to })
}

fn dropped_field(node: Node<'_>, cx: &mut ReadContext<'_>) -> Option<FieldName> {
    let [model, field] = strings(node, "the dropped field", ["model", "field"], cx)?;
    Some(FieldName { model, field })
}

fn rounded_field(node: Node<'_>, cx: &mut ReadContext<'_>) -> Option<FieldName> {
    let [model, field] = strings(node, "the rounded field", ["model", "field"], cx)?;
    Some(FieldName { model, field })
}

/// Reads an object of exactly these string members.
fn strings<const N: usize>(
    node: Node<'_>,
    owner: &str,
    names: [&str; N],
    cx: &mut ReadContext<'_>,
) -> Option<[SpannedName; N]> {
    let at = node.span();
    let mut found: [Option<SpannedName>; N] = std::array::from_fn(|_| None);
    let mut present = [false; N];
    for member in cx.object(node, owner)? {
        match names.iter().position(|name| *name == member.name) {
            Some(index) => {
                present[index] = true;
                found[index] = cx
                    .string(member)
                    .map(|text| Spanned::new(text.value.into_owned().into(), text.at));
            }
            None => unknown_member(&member, owner, &names, cx),
        }
    }
    for (name, present) in names.iter().zip(present) {
        if !present {
            cx.missing_member(at, owner, name, &format!("add `\"{name}\"` with a name"));
        }
    }
    let mut all = Vec::with_capacity(N);
    for text in found {
        all.push(text?);
    }
    all.try_into().ok()
}

/// Reports an unknown member as an error: an ignored hint can lose data.
pub(super) fn unknown_member(
    member: &Member<'_>,
    owner: &str,
    known: &[&str],
    cx: &mut ReadContext<'_>,
) {
    let help = cx.suggest.help(&member.name, known.iter().copied());
    let message = format!("unknown member `{}` of {owner}", member.name);
    cx.diagnostics.push(Code::RenameUnknownMember, member.name_span(), message).help = help;
}
