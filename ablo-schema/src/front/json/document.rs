//! The document: version, models and identity roles.

use super::context::ReadContext;
use super::model::read_model;
use super::node::{Node, NodeKind};
use crate::diag::{Code, Diagnostics, SpanId, Suggest};
use crate::raw::RawSchema;

const DOCUMENT_MEMBERS: [&str; 4] = ["v", "models", "identityRoles", "mutable"];

/// The supported version of Schema JSON.
const VERSION: f64 = 3.0;

/// Reads the document. Returns `None` for an unsupported version, whose other members are not
/// checked.
pub(super) fn read<'a>(root: Node<'a>, diagnostics: &mut Diagnostics) -> Option<RawSchema<'a>> {
    let at = root.span();
    let cx = &mut ReadContext { diagnostics, suggest: Suggest::default() };
    let members = cx.object(root, "the document")?;
    let version = members.iter().find(|member| member.name == "v").map(|member| &member.value);
    if !check_version(version, at, cx) {
        return None;
    }
    let mut schema = RawSchema::default();
    let (mut has_models, mut has_roles) = (false, false);
    for member in members {
        match member.name.as_ref() {
            "v" => {}
            "models" => {
                has_models = true;
                for model in cx.object(member.value, "`models`").unwrap_or_default() {
                    schema.models.extend(read_model(model, cx));
                }
            }
            "identityRoles" => {
                has_roles = true;
                schema.identity_roles = cx.roles(member.value, "identityRoles");
            }
            "mutable" => schema.mutable = cx.boolean(&member),
            _ => cx.unknown_member(&member, "the document", &DOCUMENT_MEMBERS),
        }
    }
    if !has_models {
        cx.missing_member(at, "the document", "models", "add `\"models\": {}`");
    }
    if !has_roles {
        cx.missing_member(at, "the document", "identityRoles", "add `\"identityRoles\": []`");
    }
    Some(schema)
}

fn check_version(version: Option<&Node<'_>>, document: SpanId, cx: &mut ReadContext<'_>) -> bool {
    let help = "only Schema JSON v3 is supported: write `\"v\": 3`, or export the schema again as \
        version 3";
    match version {
        None => {
            cx.missing_member(document, "the document", "v", "add `\"v\": 3` as the first member");
            true
        }
        Some(Node { kind: NodeKind::Number(number), .. }) if *number == VERSION => true,
        Some(node @ Node { kind: NodeKind::Number(number), .. }) => {
            let message = format!("unsupported version {number} of Schema JSON");
            cx.diagnostics.push(Code::SchemaUnsupportedVersion, node.span(), message).help(help);
            false
        }
        Some(node @ Node { kind: NodeKind::String(text), .. }) => {
            let message = format!("the version is the string {text:?} instead of the number 3");
            cx.diagnostics.push(Code::SchemaUnsupportedVersion, node.span(), message).help(help);
            false
        }
        Some(node) => {
            cx.wrong_type(node, "`v`", "the number 3");
            false
        }
    }
}
