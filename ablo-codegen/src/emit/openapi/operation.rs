//! The common parts of an operation: id, tag, summary and responses.
//!
//! The id of a model's operation is `<model key>.<verb>`. Keys are identifiers without dots, so ids
//! are unique and do not depend on other models. Ids of the protocol's own operations have no dot.

use crate::emit::json::names::Ref;
use crate::emit::json::write::Object;

/// A status and the response component that describes it.
pub(super) type ErrorResponse = (&'static str, &'static str);

/// The id, tag and summary of an operation, in parts.
pub(super) struct Title<'t> {
    pub(super) id: &'t [&'t str],
    pub(super) tag: &'t str,
    pub(super) summary: &'t [&'t str],
}

/// Writes the operation for one method of a path.
pub(super) fn operation(
    path: &mut Object<'_>,
    method: &str,
    title: &Title<'_>,
    fill: impl FnOnce(&mut Object<'_>),
) {
    path.inline(method, |operation| {
        operation.parts("operationId", title.id);
        operation.strings("tags", &[title.tag]);
        operation.parts("summary", title.summary);
        fill(operation);
    });
}

/// Writes the responses of an operation: those that `success` writes, then the errors.
pub(super) fn responses(
    operation: &mut Object<'_>,
    errors: &[ErrorResponse],
    success: impl FnOnce(&mut Object<'_>),
) {
    operation.object("responses", |responses| {
        success(responses);
        errors.iter().for_each(|(status, name)| responses.refers(status, Ref::Response(name)));
    });
}

/// Writes a body of the protocol with its member `data`.
pub(super) fn body_with_data(
    holder: &mut Object<'_>,
    envelope: &'static str,
    data: impl FnOnce(&mut Object<'_>),
) {
    body_with(holder, envelope, |own| {
        own.strings("required", &["data"]);
        own.object("properties", |properties| properties.object("data", data));
    });
}

/// Writes a body of the protocol with the members that differ between models. The parts have no
/// member in common, because generators cannot narrow a member.
pub(super) fn body_with(
    holder: &mut Object<'_>,
    envelope: &'static str,
    own: impl FnOnce(&mut Object<'_>),
) {
    holder.inline("content", |content| {
        content.object("application/json", |json| {
            json.object("schema", |schema| {
                schema.array("allOf", |all| {
                    all.refers(Ref::Schema(envelope));
                    all.object(|members| {
                        members.string("type", "object");
                        own(members);
                    });
                });
            });
        });
    });
}

/// Writes a body of the protocol.
pub(super) fn plain_body(holder: &mut Object<'_>, schema: &'static str) {
    holder.inline("content", |content| {
        content.object("application/json", |json| json.refers("schema", Ref::Schema(schema)));
    });
}
