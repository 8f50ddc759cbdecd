//! Components that operations refer to: parameters, headers, request bodies, responses and the
//! security scheme. They do not depend on models.

use super::operation::{ErrorResponse, plain_body};
use crate::emit::json::names::Ref;
use crate::emit::json::rows;
use crate::emit::json::write::Object;
use crate::shape::{BASE_FIELDS, BaseField};

/// The description of the document.
pub(super) const DESCRIPTION: &str = "Rows that people and agents edit together. A write may have \
    `readAt`, the watermark up to which its sender had read. It is rejected with 409 \
    `stale_context` if the row has changed since. For slow work, claim the row first: other \
    writers are then rejected or wait in the claim queue. A write that is repeated with the same \
    `Idempotency-Key` is applied once. Lists can be filtered by field values given as query \
    parameters. Every error has a status outside 2xx.";

/// The error responses of a route that needs no row: `default` has all others.
pub(super) const READ_MANY: &[ErrorResponse] = &[("default", "Error")];

/// The error responses of a route that reads one row.
pub(super) const READ_ONE: &[ErrorResponse] = &[("404", "NotFound"), ("default", "Error")];

/// The error responses of a route that creates or claims a row.
pub(super) const CREATE: &[ErrorResponse] = &[("409", "Conflict"), ("default", "Error")];

/// The error responses of a route that changes rows.
pub(super) const WRITE: &[ErrorResponse] =
    &[("404", "NotFound"), ("409", "Conflict"), ("default", "Error")];

/// Response components with an error envelope: name, description, additional headers.
const ERROR_RESPONSES: [(&str, &str, &[&str]); 3] = [
    ("NotFound", "It does not exist, or the caller may not see it.", &[]),
    (
        "Conflict",
        "Another participant has claimed the row (`entity_claimed`, `claim_conflict`), the row has \
         changed since `readAt` (`stale_context`), the idempotency key was used with a different \
         body (`idempotency_conflict`), or the values violate a database constraint \
         (`unique_violation`, `foreign_key_violation`).",
        &[],
    ),
    (
        "Error",
        "Any other error. 400: the request is invalid: a malformed body, an unknown model, or an \
         invalid value. 401: the credential is missing, unknown, revoked or expired. 403: the \
         credential does not permit this; `requiredCapability` may name the missing permission. \
         404: unknown route. 413: the body is too large. 422: the body is well-formed but \
         invalid. 429: a quota or rate limit is exceeded; the request may be repeated later. 500: \
         internal error; a write can safely be repeated with its idempotency key. 503: temporarily \
         unavailable; the request may be repeated later.",
        &["X-Auth-Failure", "Retry-After"],
    ),
];

/// Response components with a body of the protocol: name, description, schema.
const SUCCESS_RESPONSES: [(&str, &str, &str); 5] = [
    ("Receipt", "The write was accepted.", "CommitReceipt"),
    ("Claimed", "The caller holds the claim until it is released or expires.", "ClaimAnswer"),
    (
        "Queued",
        "Another participant holds the claim; the caller waits in the claim queue.",
        "ClaimAnswer",
    ),
    ("Released", "The caller no longer holds a claim on the row.", "ClaimReleased"),
    (
        "Reordered",
        "The given waiters are first in the claim queue, in this order.",
        "ClaimReleased",
    ),
];

/// Headers: name, description.
const HEADERS: [(&str, &str); 4] = [
    ("x-request-id", "The id of the request, also in `request_id` of an error."),
    ("Ablo-Version", "The version of the error contract."),
    ("X-Auth-Failure", "The error code."),
    ("Retry-After", "The number of seconds to wait before a retry."),
];

/// Writes everything below `components` except the schemas.
pub(super) fn components(components: &mut Object<'_>) {
    components.object("parameters", parameters);
    components.object("requestBodies", |bodies| {
        request_body(bodies, "Delete", "DeleteBody", false);
        request_body(bodies, "Claim", "ClaimBody", false);
        request_body(bodies, "Reorder", "ReorderBody", true);
    });
    components.object("responses", responses);
    components.object("headers", |headers| {
        for (name, about) in HEADERS {
            headers.object(name, |header| {
                header.string("description", about);
                header.inline("schema", |schema| schema.string("type", "string"));
            });
        }
    });
    components.object("securitySchemes", |schemes| {
        schemes.object("bearer", |scheme| {
            scheme.string("type", "http");
            scheme.string("scheme", "bearer");
            scheme.string(
                "description",
                "An API key, a session token, or a token of a trusted issuer.",
            );
        });
    });
}

/// Writes the headers of a response.
pub(super) fn response_headers(response: &mut Object<'_>, own: &[&'static str]) {
    response.inline("headers", |headers| {
        headers.refers("x-request-id", Ref::Header("x-request-id"));
        headers.refers("Ablo-Version", Ref::Header("Ablo-Version"));
        own.iter().for_each(|own| headers.refers(own, Ref::Header(own)));
    });
}

/// Returns the parameter component that filters by a base field.
pub(super) fn filter(base: BaseField) -> &'static str {
    match base {
        BaseField::Id => "WhereId",
        BaseField::CreatedAt => "WhereCreatedAt",
        BaseField::UpdatedAt => "WhereUpdatedAt",
        BaseField::OrganizationId => "WhereOrganizationId",
        BaseField::CreatedBy => "WhereCreatedBy",
    }
}

fn request_body(bodies: &mut Object<'_>, name: &str, schema: &'static str, required: bool) {
    bodies.object(name, |body| {
        body.boolean("required", required);
        plain_body(body, schema);
    });
}

fn parameters(parameters: &mut Object<'_>) {
    parameter(parameters, "Id", ["path", "id"], "The id of the row.", |schema| {
        schema.string("type", "string")
    });
    let about = "Identifies this write. A repeated request with the same body gets the same \
        receipt and is not applied again. Keys are stored for 24 hours. Takes precedence over \
        `idempotencyKey` in the body.";
    parameter(parameters, "IdempotencyKey", ["header", "Idempotency-Key"], about, |schema| {
        schema.string("type", "string");
        schema.integer("maxLength", 255);
    });
    let about = "Names the program, such as a tab or a worker: the holder of its claims. Programs \
        of one participant exclude each other.";
    parameter(parameters, "Holder", ["header", "Ablo-Holder"], about, |schema| {
        schema.string("type", "string");
        schema.string("pattern", "^[A-Za-z0-9._~-]{1,64}$");
    });
    parameter(parameters, "Limit", ["query", "limit"], "The maximum number of rows.", |schema| {
        schema.string("type", "integer");
        schema.integer("minimum", 1);
        schema.integer("maximum", 100);
        schema.integer("default", 20);
    });
    parameter(parameters, "OrderBy", ["query", "order_by"], "The field to sort by.", |schema| {
        schema.string("type", "string");
        schema.string("default", "id");
    });
    parameter(parameters, "Order", ["query", "order"], "The sort direction.", |schema| {
        schema.string("type", "string");
        schema.strings("enum", &["asc", "desc"]);
        schema.string("default", "asc");
    });
    let about = "The `next_cursor` of the previous page.";
    parameter(parameters, "StartingAfter", ["query", "starting_after"], about, |schema| {
        schema.string("type", "string");
    });
    for base in BASE_FIELDS {
        let about = "Only rows in which this field has this value.";
        parameter(parameters, filter(base), ["query", base.name()], about, |schema| {
            rows::base_field_type(schema, base, false);
        });
    }
}

fn parameter(
    parameters: &mut Object<'_>,
    component: &str,
    [location, name]: [&str; 2],
    about: &str,
    schema: impl FnOnce(&mut Object<'_>),
) {
    parameters.object(component, |parameter| {
        parameter.string("name", name);
        parameter.string("in", location);
        if location == "path" {
            parameter.boolean("required", true);
        }
        parameter.string("description", about);
        parameter.inline("schema", schema);
    });
}

fn responses(responses: &mut Object<'_>) {
    for (name, about, schema) in SUCCESS_RESPONSES {
        responses.object(name, |response| {
            response.string("description", about);
            response_headers(response, &[]);
            plain_body(response, schema);
        });
    }
    for (name, about, headers) in ERROR_RESPONSES {
        responses.object(name, |response| {
            response.string("description", about);
            response_headers(response, headers);
            plain_body(response, "ErrorEnvelope");
        });
    }
}
