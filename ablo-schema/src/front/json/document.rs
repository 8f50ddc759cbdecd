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
    let mut schema = RawSchema::default();
    for member in cx.members(root, &DOCUMENT, "the document")? {
        match member.name.as_ref() {
            "$schema" => drop(cx.string(member)),
            "models" => {
                for model in cx.object(member.value, "`models`").unwrap_or_default() {
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
