//! The envelope: version, models, identity roles.

use super::model::read_model;
use super::node::{Node, NodeKind};
use super::parts::Parts;
use crate::diag::{Code, Diagnostics, SpanId, Suggest};
use crate::raw::RawSchema;

const ENVELOPE: [&str; 3] = ["v", "models", "identityRoles"];

/// The version of Schema JSON that this front reads.
const VERSION: f64 = 3.0;

/// Reads the document. Nothing more is said of one that is another version's.
pub(super) fn read<'a>(root: Node<'a>, diagnostics: &mut Diagnostics) -> Option<RawSchema<'a>> {
    let at = root.span();
    let parts = &mut Parts { diagnostics, suggest: Suggest::default() };
    let members = parts.object(root, "the document")?;
    let version = members.iter().find(|member| member.name == "v").map(|member| &member.value);
    if !check_version(version, at, parts) {
        return None;
    }
    let mut schema = RawSchema::default();
    let (mut has_models, mut has_roles) = (false, false);
    for member in members {
        match member.name.as_ref() {
            "v" => {}
            "models" => {
                has_models = true;
                for model in parts.object(member.value, "`models`").unwrap_or_default() {
                    schema.models.extend(read_model(model, parts));
                }
            }
            "identityRoles" => {
                has_roles = true;
                schema.identity_roles = parts.roles(member.value, "identityRoles");
            }
            _ => parts.unknown(&member, "the document", &ENVELOPE),
        }
    }
    if !has_models {
        parts.missing(at, "the document", "models", "add `\"models\": {}`");
    }
    if !has_roles {
        parts.missing(at, "the document", "identityRoles", "add `\"identityRoles\": []`");
    }
    Some(schema)
}

fn check_version(version: Option<&Node<'_>>, document: SpanId, parts: &mut Parts<'_>) -> bool {
    let help =
        "this reads Schema JSON v3; write `\"v\": 3`, or export the schema again as version 3";
    match version {
        None => {
            parts.missing(
                document,
                "the document",
                "v",
                "a Schema JSON v3 document begins with `\"v\": 3`",
            );
            true
        }
        Some(Node { kind: NodeKind::Number(number), .. }) if *number == VERSION => true,
        Some(node @ Node { kind: NodeKind::Number(number), .. }) => {
            let message = format!("this document is version {number}");
            parts.diagnostics.push(Code::SchemaUnsupportedVersion, node.span(), message).help(help);
            false
        }
        Some(node @ Node { kind: NodeKind::String(text), .. }) => {
            let message = format!("this document says it is version {text:?}, as a string");
            parts.diagnostics.push(Code::SchemaUnsupportedVersion, node.span(), message).help(help);
            false
        }
        Some(node) => {
            parts.wrong_type(node, "`v`", "the number 3");
            false
        }
    }
}
