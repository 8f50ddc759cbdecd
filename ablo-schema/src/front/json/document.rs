//! The document: version, models and identity roles.

use super::context::ReadContext;
use super::members::DOCUMENT;
use super::model::read_model;
use super::node::{Node, NodeKind};
use crate::diag::Code;
use crate::raw::RawSchema;

/// The supported version of Schema JSON.
const VERSION: f64 = 3.0;

/// Reads the document. Returns `None` for an unsupported version, whose other members are not
/// checked.
pub(super) fn read<'a>(root: Node<'a>, cx: &mut ReadContext<'_>) -> Option<RawSchema<'a>> {
    if let NodeKind::Object(members) = &root.kind
        && let Some(version) = members.iter().find(|member| member.name == "v")
        && !check_version(&version.value, cx)
    {
        return None;
    }
    if is_json_schema(&root) {
        let message = "this is a JSON Schema, not Schema JSON";
        cx.diagnostics.push(Code::JsonMissingMember, root.span(), message).help(
            "write `\"v\": 3`, `\"models\"` with a member for each model, and \
             `\"identityRoles\": []`",
        );
        return None;
    }
    let mut schema = RawSchema::default();
    for member in cx.members(root, &DOCUMENT, "the document")? {
        match member.name.as_ref() {
            "$schema" => drop(cx.string(member)),
            "models" if matches!(member.value.kind, NodeKind::Array(_)) => {
                let message = "`models` must be an object, not an array";
                cx.diagnostics.push(Code::JsonWrongType, member.value.span(), message).help(
                    r#"write each model under its key: `"tasks": {"fields": {}, "relations": {}}`"#,
                );
            }
            "models" => {
                let models = cx.object(member.value, "`models`").unwrap_or_default();
                schema.models.reserve(models.len());
                for model in models {
                    schema.models.extend(read_model(model, cx));
                }
            }
            "identityRoles" => schema.identity_roles = cx.roles(member.value, "identityRoles"),
            "mutable" => schema.mutable = cx.boolean(&member),
            _ => {}
        }
    }
    Some(schema)
}

/// Returns whether the members are those of a JSON Schema.
fn is_json_schema(root: &Node<'_>) -> bool {
    let NodeKind::Object(members) = &root.kind else { return false };
    let has = |name: &str| members.iter().any(|member| member.name == name);
    has("properties") && !has("models") && !has("v")
}

fn check_version(version: &Node<'_>, cx: &mut ReadContext<'_>) -> bool {
    let message = match &version.kind {
        NodeKind::Number(number) if *number == VERSION => return true,
        NodeKind::Number(number) => format!("unsupported version {number} of Schema JSON"),
        NodeKind::String(text) => {
            format!("the version is the string {text:?} instead of the number 3")
        }
        _ => {
            cx.wrong_type(version, "`v`", "the number 3");
            return false;
        }
    };
    cx.diagnostics.push(Code::SchemaUnsupportedVersion, version.span(), message).help(
        "only Schema JSON v3 is supported: write `\"v\": 3`, or export the schema again as \
         version 3",
    );
    false
}
